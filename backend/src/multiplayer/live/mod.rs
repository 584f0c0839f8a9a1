//! The relay: rooms in memory, fed by links.
//!
//! A room is a pure state machine (`room`) and lives on one shard (`shard`), an event loop with a core of its own; the
//! links of its players live there too, so that what one player sends reaches the others' sockets without a lock, a
//! wake or a copy for each. Links are WebSockets (`ws`: binary frames, or JSON events by way of `text`) and QUIC
//! connections (`quic`). Shards know neither SQL nor HTTP: who asks them does so through [`Relay`], and they answer
//! by [`Report`]. Personal connections (`hub`) are told what has nothing to do with a room.

pub(crate) mod config;

mod door;
mod hub;
mod link;
mod quic;
mod relay;
mod rest;
mod room;
mod rooms;
mod routes;
mod shard;
mod socket;
mod strangers;
#[cfg(test)]
mod tests;
mod text;
pub(crate) mod tickets;
mod ws;

pub(crate) use hub::{Change, Hub};
pub(crate) use relay::{Relay, RelaySettings};
#[cfg(feature = "simulation")]
pub(crate) use room::simulated;
pub(crate) use routes::routes;

use aethex_wire::ids::{GameId, PlayerId, RoomId};
use aethex_wire::multiplayer::frame::LeftReason;

/// What the relay is told about a room that it has. What it does then is not reported back, but that a room is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// A player gives up the seat or is sent away; the link, if any, is closed with the reason.
    Remove {
        /// Who.
        player: PlayerId,
        /// Why.
        reason: LeftReason,
    },
    /// Another player is the host.
    Host {
        /// Who.
        player: PlayerId,
    },
    /// What players see of the room changed: its JSON, for all of them.
    Changed {
        /// The JSON of `Room`.
        json: String,
    },
    /// The room is over.
    Close,
}

/// What the relay tells of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Report {
    /// A ticket's player is there: the seat is taken for good.
    Seated {
        /// Who.
        player: PlayerId,
        /// When the ticket was signed that the player came with.
        ticket_ms: i64,
    },
    /// A player's seat is free: left, timed out, kicked by a rule, or refused.
    Gone {
        /// Who.
        player: PlayerId,
        /// Why.
        reason: LeftReason,
        /// When the ticket was signed that the player last came with: who asked for another since then comes again.
        ticket_ms: i64,
    },
    /// The host was gone, and this player is the host now.
    Host {
        /// Who.
        player: PlayerId,
    },
    /// Nobody is in the room any more; the relay has forgotten it. Not told of a room that was closed.
    Empty {
        /// When the newest ticket was signed that somebody came with.
        ticket_ms: i64,
    },
}

/// Which room of which game.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RoomKey {
    pub(crate) game: GameId,
    pub(crate) room: RoomId,
}
