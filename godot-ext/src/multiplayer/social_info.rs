//! What is known about parties, presence, invitations and chat.

use super::info::metadata;
use crate::user::text;
use aethex_sdk_core::wire::multiplayer::chat::{Block, ChatMessage, Conversation};
use aethex_sdk_core::wire::multiplayer::parties::{Party, PartyPlayer};
use aethex_sdk_core::wire::multiplayer::presence::{Availability, Invite, Presence};
use godot::builtin::{Array, GString, VarDictionary};
use godot::classes::IRefCounted;
use godot::obj::{Gd, NewGd};
use godot::register::{GodotClass, godot_api};

/// A player of a party.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexPartyPlayer {
    /// The player's id.
    #[var(no_set)]
    player_id: GString,
    /// The player's name.
    #[var(no_set)]
    username: GString,
    /// Says to be ready.
    #[var(no_set)]
    ready: bool,
}

#[godot_api]
impl IRefCounted for AeThexPartyPlayer {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexPartyPlayer {}>", self.username))
    }
}

#[godot_api]
impl AeThexPartyPlayer {}

impl AeThexPartyPlayer {
    pub(crate) fn of(player: &PartyPlayer) -> Gd<AeThexPartyPlayer> {
        let mut made = AeThexPartyPlayer::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.player_id = GString::from(player.player_id.as_str());
            fields.username = text(&player.username);
            fields.ready = player.ready;
        }
        made
    }
}

/// A party: players who queue together.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexParty {
    /// Its id.
    #[var(no_set)]
    id: GString,
    /// Its join code, for [method AeThexParties.join].
    #[var(no_set)]
    code: GString,
    /// Who leads: queues, sends away.
    #[var(no_set)]
    leader_id: GString,
    /// Who is in it.
    #[var(no_set)]
    players: Array<Gd<AeThexPartyPlayer>>,
}

#[godot_api]
impl IRefCounted for AeThexParty {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexParty {}>", self.code))
    }
}

#[godot_api]
impl AeThexParty {}

impl AeThexParty {
    pub(crate) fn of(party: &Party) -> Gd<AeThexParty> {
        let mut made = AeThexParty::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.id = GString::from(party.id.as_str());
            fields.code = text(&party.code);
            fields.leader_id = GString::from(party.leader_id.as_str());
            fields.players = party.players.iter().map(AeThexPartyPlayer::of).collect();
        }
        made
    }
}

/// Whether a player is here, as others see it.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexPlayerPresence {
    /// Who.
    #[var(no_set)]
    player_id: GString,
    /// `"online"`, `"away"`, `"busy"`, `"invisible"` (seen by oneself only) or `"offline"`.
    #[var(no_set)]
    availability: GString,
    /// The player's own words.
    #[var(no_set)]
    status: GString,
    /// The game's own data.
    #[var(no_set)]
    data: VarDictionary,
    /// When last here, in seconds since 1970 UTC; 0 when never, or not to be known.
    #[var(no_set)]
    last_seen: i64,
}

#[godot_api]
impl IRefCounted for AeThexPlayerPresence {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexPlayerPresence {} {}>", self.player_id, self.availability))
    }
}

#[godot_api]
impl AeThexPlayerPresence {}

impl AeThexPlayerPresence {
    pub(crate) fn of(presence: &Presence) -> Gd<AeThexPlayerPresence> {
        let mut made = AeThexPlayerPresence::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.player_id = GString::from(presence.player_id.as_str());
            fields.availability = GString::from(availability_name(presence.availability));
            fields.status = text(&presence.status);
            fields.data = metadata(&presence.data);
            fields.last_seen = presence.last_seen_ms.unwrap_or_default().div_euclid(1000);
        }
        made
    }
}

/// An invitation to a room or a party.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexInvite {
    /// Its id.
    #[var(no_set)]
    id: GString,
    /// Who invites.
    #[var(no_set)]
    from_id: GString,
    /// The inviter's name.
    #[var(no_set)]
    from_username: GString,
    /// Who is invited.
    #[var(no_set)]
    to_id: GString,
    /// To this room; empty for a party.
    #[var(no_set)]
    room_id: GString,
    /// To this party; empty for a room.
    #[var(no_set)]
    party_id: GString,
    /// What opens the door, for [method AeThexMultiplayer.join_by_code] or [method AeThexParties.join].
    #[var(no_set)]
    code: GString,
    /// When, in seconds since 1970 UTC.
    #[var(no_set)]
    created_at: i64,
    /// Until when it stands, in seconds since 1970 UTC.
    #[var(no_set)]
    expires_at: i64,
}

#[godot_api]
impl IRefCounted for AeThexInvite {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexInvite from {}>", self.from_username))
    }
}

#[godot_api]
impl AeThexInvite {}

impl AeThexInvite {
    pub(crate) fn of(invite: &Invite) -> Gd<AeThexInvite> {
        let mut made = AeThexInvite::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.id = GString::from(invite.id.as_str());
            fields.from_id = GString::from(invite.from_id.as_str());
            fields.from_username = text(&invite.from_username);
            fields.to_id = GString::from(invite.to_id.as_str());
            fields.room_id = invite.room_id.as_ref().map(|id| GString::from(id.as_str())).unwrap_or_default();
            fields.party_id =
                invite.party_id.as_ref().map(|id| GString::from(id.as_str())).unwrap_or_default();
            fields.code = text(&invite.code);
            fields.created_at = invite.created_at_ms.div_euclid(1000);
            fields.expires_at = invite.expires_at_ms.div_euclid(1000);
        }
        made
    }
}

/// A message in a channel.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexChatMessage {
    /// Its id; ids sort by time.
    #[var(no_set)]
    id: GString,
    /// The channel, as this player names it: `room:…`, `party:…`, `direct:…` or `channel:…`.
    #[var(no_set)]
    channel: GString,
    /// Who wrote it.
    #[var(no_set)]
    from_id: GString,
    /// The writer's name.
    #[var(no_set)]
    from_username: GString,
    /// What it says; empty when deleted.
    #[var(no_set)]
    text: GString,
    /// When, in seconds since 1970 UTC.
    #[var(no_set)]
    sent_at: i64,
    /// When it was last edited; 0 when never.
    #[var(no_set)]
    edited_at: i64,
    /// Whether it was deleted.
    #[var(no_set)]
    deleted: bool,
}

#[godot_api]
impl IRefCounted for AeThexChatMessage {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexChatMessage from {}>", self.from_username))
    }
}

#[godot_api]
impl AeThexChatMessage {}

impl AeThexChatMessage {
    pub(crate) fn of(message: &ChatMessage) -> Gd<AeThexChatMessage> {
        let mut made = AeThexChatMessage::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.id = GString::from(message.id.as_str());
            fields.channel = text(&message.channel);
            fields.from_id = GString::from(message.from_id.as_str());
            fields.from_username = text(&message.from_username);
            fields.text = text(&message.text);
            fields.sent_at = message.sent_at_ms.div_euclid(1000);
            fields.edited_at = message.edited_at_ms.unwrap_or_default().div_euclid(1000);
            fields.deleted = message.deleted;
        }
        made
    }
}

/// A channel with something in it.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexConversation {
    /// The channel, as this player names it.
    #[var(no_set)]
    channel: GString,
    /// Its newest message.
    #[var(no_set)]
    last: Option<Gd<AeThexChatMessage>>,
    /// Messages of others since the read mark, at most 100.
    #[var(no_set)]
    unread: i64,
}

#[godot_api]
impl IRefCounted for AeThexConversation {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexConversation {} ({} unread)>", self.channel, self.unread))
    }
}

#[godot_api]
impl AeThexConversation {}

impl AeThexConversation {
    pub(crate) fn of(conversation: &Conversation) -> Gd<AeThexConversation> {
        let mut made = AeThexConversation::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.channel = text(&conversation.channel);
            fields.last = Some(AeThexChatMessage::of(&conversation.last));
            fields.unread = i64::from(conversation.unread);
        }
        made
    }
}

/// A player who is blocked.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexBlock {
    /// The player's id.
    #[var(no_set)]
    player_id: GString,
    /// The player's name.
    #[var(no_set)]
    username: GString,
    /// Since when, in seconds since 1970 UTC.
    #[var(no_set)]
    since: i64,
}

#[godot_api]
impl IRefCounted for AeThexBlock {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexBlock {}>", self.username))
    }
}

#[godot_api]
impl AeThexBlock {}

impl AeThexBlock {
    pub(crate) fn of(block: &Block) -> Gd<AeThexBlock> {
        let mut made = AeThexBlock::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.player_id = GString::from(block.player_id.as_str());
            fields.username = text(&block.username);
            fields.since = block.since_ms.div_euclid(1000);
        }
        made
    }
}

fn availability_name(availability: Availability) -> &'static str {
    match availability {
        Availability::Online => "online",
        Availability::Away => "away",
        Availability::Busy => "busy",
        Availability::Invisible => "invisible",
        Availability::Offline => "offline",
    }
}
