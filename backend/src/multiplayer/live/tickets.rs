//! Tickets: what the API says to the relay about a player who joins, through the player's hands.
//!
//! A ticket is JSON and its HMAC-SHA256 under a key of the server's secret, both in base64url, joined by a dot. The relay
//! checks it once, when a link says hello; from then on the session's own secret counts. Nothing is looked up.

use aethex_wire::ids::{GameId, PlayerId, RoomId};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// How long a ticket counts: a slow phone's way to its relay, retries included.
pub(crate) const TICKET_TTL_MS: i64 = 60_000;

/// A seat, and what the relay must know of its room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seating {
    /// The ticket's own number: it counts once.
    pub(crate) id: String,
    /// The relay that it is for.
    pub(crate) node: String,
    pub(crate) game: GameId,
    pub(crate) room: RoomId,
    pub(crate) player: PlayerId,
    pub(crate) username: String,
    pub(crate) host: bool,
    pub(crate) max_players: u16,
    pub(crate) tick_ms: u16,
    /// Radius of the area of interest; 0 for none.
    pub(crate) interest_radius: u32,
    pub(crate) joined_at_ms: i64,
    /// Until when it counts.
    pub(crate) until_ms: i64,
}

impl Seating {
    /// When the ticket was signed.
    pub(crate) fn signed_ms(&self) -> i64 {
        self.until_ms - TICKET_TTL_MS
    }
}

/// Signs and checks tickets.
#[derive(Clone)]
pub(crate) struct Tickets(Hmac<Sha256>);

impl std::fmt::Debug for Tickets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tickets").finish_non_exhaustive()
    }
}

impl Tickets {
    /// Tickets under a key that is used for nothing else.
    pub(crate) fn new(key: &[u8; 32]) -> Tickets {
        Tickets(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    /// A ticket.
    pub(crate) fn sign(&self, seating: &Seating) -> String {
        let body = serde_json::to_vec(seating).expect("a seating is plain data");
        let mut mac = self.0.clone();
        mac.update(&body);
        let tag = mac.finalize().into_bytes();
        format!("{}.{}", URL_SAFE_NO_PAD.encode(body), URL_SAFE_NO_PAD.encode(tag))
    }

    /// What a ticket says, if it is genuine, for this node and still counts. That it counts once is for the caller.
    pub(crate) fn check(&self, ticket: &[u8], node: &str, now_ms: i64) -> Option<Seating> {
        let (body, tag) = std::str::from_utf8(ticket).ok()?.split_once('.')?;
        let body = URL_SAFE_NO_PAD.decode(body).ok()?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        let mut mac = self.0.clone();
        mac.update(&body);
        mac.verify_slice(&tag).ok()?;
        let seating: Seating = serde_json::from_slice(&body).ok()?;
        (seating.node == node && seating.until_ms > now_ms).then_some(seating)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seating() -> Seating {
        let id = "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f";
        Seating {
            id: "1".into(),
            node: "a".into(),
            game: GameId::parse(id).unwrap(),
            room: RoomId::parse(id).unwrap(),
            player: PlayerId::parse(id).unwrap(),
            username: "Ann".into(),
            host: true,
            max_players: 8,
            tick_ms: 33,
            interest_radius: 0,
            joined_at_ms: 5,
            until_ms: 1_000,
        }
    }

    #[test]
    fn only_a_genuine_ticket_of_this_relay_counts_in_its_time() {
        let tickets = Tickets::new(&[7; 32]);
        let ticket = tickets.sign(&seating());
        assert_eq!(tickets.check(ticket.as_bytes(), "a", 999), Some(seating()));
        assert_eq!(tickets.check(ticket.as_bytes(), "a", 1_000), None, "over");
        assert_eq!(tickets.check(ticket.as_bytes(), "b", 0), None, "another relay's");
        assert_eq!(Tickets::new(&[8; 32]).check(ticket.as_bytes(), "a", 0), None, "another key's");
        for at in 0..ticket.len() {
            let mut forged = ticket.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            // Bits past the end of the last octet are refused by the decoder.
            assert_eq!(tickets.check(&forged, "a", 0), None, "octet {at}");
        }
        assert_eq!(tickets.check(b"", "a", 0), None);
    }
}
