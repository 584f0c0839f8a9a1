//! Presence, and invitations to rooms and parties.

use super::Metadata;
use crate::endpoint::{None, endpoint};
use crate::ids::{InviteId, PartyId, PlayerId, RoomId};
use crate::page::{Page, PageQuery};
use serde::{Deserialize, Serialize};

/// Most players in one question.
pub const PRESENCE_PLAYERS_MAX: usize = 100;
/// Most players whom one watches.
pub const PRESENCE_WATCHED_MAX: usize = 1_000;
/// Characters of a status text.
pub const STATUS_CHARS_MAX: usize = 128;
/// Bytes of a presence's data as JSON.
pub const PRESENCE_DATA_LEN_MAX: usize = 1_024;
/// How long an invitation stands, in milliseconds.
pub const INVITE_MS: i64 = 10 * 60 * 1000;

/// What a player shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// Here.
    #[default]
    Online,
    /// Here, not at the keys.
    Away,
    /// Not to be disturbed.
    Busy,
    /// Shown as offline.
    Invisible,
    /// Not here. Said by the backend alone.
    Offline,
}

/// A player's presence, as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Presence {
    /// Who.
    pub player_id: PlayerId,
    /// Whether here.
    pub availability: Availability,
    /// The player's own words.
    pub status: String,
    /// The game's own data: where in the game.
    pub data: Metadata,
    /// When last here, in milliseconds of Unix time; absent when never, or not to be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_ms: Option<i64>,
}

/// What to show.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SetPresenceRequest {
    /// Whether here; `offline` is refused.
    pub availability: Availability,
    /// Own words.
    pub status: String,
    /// The game's own data.
    pub data: Metadata,
}

/// Of whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PresenceRequest {
    /// Up to 100 players. Who blocked the asker is shown as offline.
    pub player_ids: Vec<PlayerId>,
    /// Tell of changes too, over the live connection, until it closes.
    #[serde(default)]
    pub watch: bool,
}

/// Answer: in the order asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Presences {
    /// One for each.
    pub presences: Vec<Presence>,
}

/// Whom to invite, and where to: exactly one of room and party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct InviteRequest {
    /// Who.
    pub player_id: PlayerId,
    /// A room that the inviter has a seat in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_id: Option<RoomId>,
    /// The party that the inviter is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_id: Option<PartyId>,
}

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Invite {
    /// Its id.
    pub id: InviteId,
    /// Who invites.
    pub from_id: PlayerId,
    /// The inviter's name.
    pub from_username: String,
    /// Who is invited.
    pub to_id: PlayerId,
    /// To this room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_id: Option<RoomId>,
    /// To this party.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_id: Option<PartyId>,
    /// What opens the door of the room or party, for the invited one.
    pub code: String,
    /// When, in milliseconds of Unix time.
    pub created_at_ms: i64,
    /// Until when it stands.
    pub expires_at_ms: i64,
}

endpoint! {
    /// Say what to show of oneself.
    SetPresence, "multiplayer_set_presence", Put "/api/v1/multiplayer/presence", Player, 200,
    None, SetPresenceRequest => Presence
}
endpoint! {
    /// Ask who is here.
    GetPresences, "multiplayer_get_presences", Post "/api/v1/multiplayer/presence", Player, 200,
    None, PresenceRequest => Presences
}
endpoint! {
    /// Invite a player to one's room or party.
    SendInvite, "multiplayer_send_invite", Post "/api/v1/multiplayer/invites", Player, 201,
    None, InviteRequest => Invite
}
endpoint! {
    /// Invitations to oneself that stand, newest first.
    ListInvites, "multiplayer_list_invites", Get "/api/v1/multiplayer/invites", Player, 200,
    PageQuery, None => Page<Invite>
}
endpoint! {
    /// Decline an invitation, or take one's own back.
    DeleteInvite, "multiplayer_delete_invite", Delete "/api/v1/multiplayer/invites/{invite_id}", Player, 204,
    None, None => None
}
