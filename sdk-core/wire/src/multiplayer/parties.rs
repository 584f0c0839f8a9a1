//! Parties: players who queue together.

use crate::endpoint::{None, endpoint};
use crate::ids::{PartyId, PlayerId};
use serde::{Deserialize, Serialize};

/// Most players of a party.
pub const PARTY_PLAYERS_MAX: usize = 16;

/// A player of a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PartyPlayer {
    /// Who.
    pub player_id: PlayerId,
    /// The player's name.
    pub username: String,
    /// Says to be ready.
    pub ready: bool,
}

/// A party. A player is in one at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Party {
    /// Its id.
    pub id: PartyId,
    /// Its join code.
    pub code: String,
    /// Who leads: queues, sends away.
    pub leader_id: PlayerId,
    /// Who is in it.
    pub players: Vec<PartyPlayer>,
}

/// Whether one is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReadyRequest {
    /// Yes or no.
    pub ready: bool,
}

/// Whom to send out of the party, or to make its leader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PartyPlayerRequest {
    /// Who.
    pub player_id: PlayerId,
}

endpoint! {
    /// Make a party and lead it; leaves the one before.
    CreateParty, "multiplayer_create_party", Post "/api/v1/multiplayer/party", Player, 201,
    None, None => Party
}
endpoint! {
    /// The party that one is in.
    GetParty, "multiplayer_get_party", Get "/api/v1/multiplayer/party", Player, 200,
    None, None => Party
}
endpoint! {
    /// Leave the party. Its leader passes the lead on.
    LeaveParty, "multiplayer_leave_party", Delete "/api/v1/multiplayer/party", Player, 204,
    None, None => None
}
endpoint! {
    /// Join the party that has this code.
    JoinParty, "multiplayer_join_party", Post "/api/v1/multiplayer/party/codes/{code}", Player, 200,
    None, None => Party
}
endpoint! {
    /// Say whether one is ready.
    ReadyParty, "multiplayer_ready_party", Put "/api/v1/multiplayer/party/ready", Player, 200,
    None, ReadyRequest => Party
}
endpoint! {
    /// Send a player out of the party: its leader may.
    KickFromParty, "multiplayer_kick_from_party", Post "/api/v1/multiplayer/party/kick", Player, 200,
    None, PartyPlayerRequest => Party
}
endpoint! {
    /// Pass the lead on: the leader may.
    LeadParty, "multiplayer_lead_party", Post "/api/v1/multiplayer/party/leader", Player, 200,
    None, PartyPlayerRequest => Party
}
