//! Limits and settings of rooms, parties, presence and chat.

use super::chat::config::ChatConfig;
use crate::auth::Rate;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// How long a seat waits for a player whom the relay has not seen: as long as the ticket counts.
pub(super) const HELD_MS: i64 = super::live::tickets::TICKET_TTL_MS;
/// How often held seats that are over, empty rooms and servers that are gone are looked for.
pub(super) const SWEEP_PERIOD_MS: u64 = 2_000;
/// How often what is old is removed.
pub(super) const OLD_SWEEP_PERIOD_MS: u64 = 60_000;
/// Rows swept in one statement: others write in between.
pub(super) const SWEEP_BATCH: i64 = 500;
/// How long a server that says nothing counts as there: two of its words may be lost.
pub(super) const NODE_TTL_MS: i64 = 15_000;
/// How long a party stays after the last of its players was seen.
pub(super) const PARTY_KEPT_MS: i64 = 7 * 24 * 3600 * 1000;
/// How long is kept when a player was last here.
pub(super) const PRESENCE_KEPT_MS: i64 = 365 * 24 * 3600 * 1000;
/// How long ended tickets and matches are kept: reports of results and complaints come within days.
pub(super) const MATCHES_KEPT_MS: i64 = 30 * 24 * 3600 * 1000;
/// Players banned from one room: a room that needs more has another trouble.
pub(super) const BANS_MAX: i64 = 1_000;
/// Invitations of a player that stand at once.
pub(super) const INVITES_MAX: i64 = 50;

/// How long a ticket waits at most.
pub(super) const TICKET_MS_MAX: i64 = 30 * 60 * 1000;
/// How long a ticket waits none of whose players is here or asks for it: as long as a seat is held.
pub(super) const ABSENT_MS: i64 = 60_000;
/// How long a ticket that became a match is shown as the player's own.
pub(super) const MATCHED_SHOWN_MS: i64 = 120_000;

/// Tickets of a player: each is kept for a while.
pub(super) const QUEUE_RATE: Rate = Rate::of(20, 3_000);
/// New rooms and parties of a player.
pub(super) const CREATE_RATE: Rate = Rate::of(10, 3_000);
/// Joining rooms and parties, again included.
pub(super) const JOIN_RATE: Rate = Rate::of(30, 1_000);
/// Changes of a room or party.
pub(super) const CHANGE_RATE: Rate = Rate::of(30, 500);
/// Looking at rooms and players.
pub(super) const LOOK_RATE: Rate = Rate::of(60, 200);
/// Changes of what a player shows: each is told to all who watch.
pub(super) const PRESENCE_RATE: Rate = Rate::of(20, 1_000);
/// Invitations of a player.
pub(super) const INVITE_RATE: Rate = Rate::of(20, 3_000);
/// Wrong passwords of a player at one room, and of one address.
pub(super) const PASSWORD_RATE: Rate = Rate::of(5, 30_000);
/// Join codes of a player, or of one address, that nothing has: 887 million are to be guessed.
pub(super) const CODE_RATE: Rate = Rate::of(20, 10_000);

/// Settings of multiplayer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MultiplayerConfig {
    /// UDP address of the relay by QUIC: each event loop has the next port. When empty, the address and port of
    /// `listen`; `off` for none.
    pub quic_listen: String,
    /// Host that players reach the relay by QUIC at; when empty, the one that the API was reached at.
    pub quic_host: String,
    /// Where players reach this very server's live connections: `wss://one.example.com/api/v1/multiplayer/live`.
    /// Needed where several servers share an address. When empty, where the API was reached.
    pub websocket_url: String,
    /// Rooms that a player may be in at once.
    pub rooms_per_player_max: u32,
    /// Rooms of a game at once.
    pub rooms_per_game_max: u32,
    /// Most seats of a room: up to 128.
    pub room_players_max: u16,
    /// Region of rooms that name none.
    pub region: String,
    /// How long a room stays when nobody is in it.
    pub empty_room_s: u32,
    /// Event loops of the relay; 0 for one a core.
    pub relay_loops: u32,
    /// Connections to the relay at once.
    pub relay_links_max: u32,
    /// Most players of a party: up to 16.
    pub party_players_max: u16,
    /// Text chat.
    pub chat: ChatConfig,
}

impl Default for MultiplayerConfig {
    fn default() -> MultiplayerConfig {
        MultiplayerConfig {
            quic_listen: String::new(),
            quic_host: String::new(),
            websocket_url: String::new(),
            rooms_per_player_max: 8,
            rooms_per_game_max: 20_000,
            room_players_max: aethex_wire::multiplayer::frame::SEATS_MAX as u16,
            region: String::new(),
            empty_room_s: 60,
            relay_loops: 0,
            relay_links_max: super::live::config::LINKS_MAX_DEFAULT as u32,
            party_players_max: aethex_wire::multiplayer::parties::PARTY_PLAYERS_MAX as u16,
            chat: ChatConfig::default(),
        }
    }
}

impl MultiplayerConfig {
    /// Refuses values that no server can run with.
    pub(crate) fn check(&self) -> Result<(), String> {
        let wrong = |key: &str, wanted: &str| Err(format!("`multiplayer.{key}` must be {wanted}"));
        if !(1..=aethex_wire::multiplayer::frame::SEATS_MAX).contains(&usize::from(self.room_players_max)) {
            return wrong("room_players_max", "1 to 128");
        }
        let parties = 1..=aethex_wire::multiplayer::parties::PARTY_PLAYERS_MAX;
        if !parties.contains(&usize::from(self.party_players_max)) {
            return wrong("party_players_max", "1 to 16");
        }
        if self.rooms_per_player_max == 0 || self.rooms_per_game_max == 0 {
            return wrong("rooms_per_player_max` and `multiplayer.rooms_per_game_max", "above 0");
        }
        if self.relay_links_max == 0 {
            return wrong("relay_links_max", "above 0");
        }
        if !matches!(self.quic_listen.as_str(), "" | "off") && self.quic_listen.parse::<SocketAddr>().is_err()
        {
            return wrong("quic_listen", "an address and port (`0.0.0.0:8080`), `off`, or empty");
        }
        self.chat.check()?;
        let websocket = self.websocket_url.as_str();
        if !websocket.is_empty() && !websocket.starts_with("ws://") && !websocket.starts_with("wss://") {
            return wrong("websocket_url", "`ws://…` or `wss://…`");
        }
        aethex_wire::multiplayer::check_mode(&self.region)
            .map_err(|why| format!("`multiplayer.region`: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_server_can_run_with_is_refused_by_name() {
        assert_eq!(MultiplayerConfig::default().check(), Ok(()));
        let changed = |change: fn(&mut MultiplayerConfig)| {
            let mut config = MultiplayerConfig::default();
            change(&mut config);
            config.check().unwrap_err()
        };
        assert!(changed(|config| config.room_players_max = 129).contains("room_players_max"));
        assert!(changed(|config| config.room_players_max = 0).contains("room_players_max"));
        assert!(changed(|config| config.party_players_max = 17).contains("party_players_max"));
        assert!(changed(|config| config.rooms_per_player_max = 0).contains("rooms_per_player_max"));
        assert!(changed(|config| config.relay_links_max = 0).contains("relay_links_max"));
        assert!(changed(|config| config.quic_listen = "localhost".into()).contains("quic_listen"));
        assert!(changed(|config| config.websocket_url = "https://x".into()).contains("websocket_url"));
        assert!(changed(|config| config.region = "a b".into()).contains("region"));
    }
}
