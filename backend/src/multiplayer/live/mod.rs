//! The relay: rooms in memory, fed by links.

pub(crate) mod tickets;

use aethex_wire::ids::{GameId, PlayerId, RoomId};
use aethex_wire::multiplayer::frame::LeftReason;

/// What the relay is told about a room that it has.
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
    },
    /// A player's seat is free: left, timed out, kicked or refused.
    Gone {
        /// Who.
        player: PlayerId,
        /// Why.
        reason: LeftReason,
    },
    /// The host was gone, and this player is the host now.
    Host {
        /// Who.
        player: PlayerId,
    },
    /// Nobody is in the room any more; the relay has forgotten it.
    Empty,
}

/// Which room of which game.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RoomKey {
    pub(crate) game: GameId,
    pub(crate) room: RoomId,
}
