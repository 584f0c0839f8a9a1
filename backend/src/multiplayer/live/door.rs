//! What a shard asks the rest of the backend about a text client, without knowing it.

use super::hub::Personal;
use aethex_wire::ErrorCode;
use aethex_wire::ids::{GameId, PlayerId, RoomId};
use std::pin::Pin;

/// Why a text client does not get what it asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) words: String,
}

/// A text client that said who it is.
pub(crate) struct Known {
    pub(crate) personal: Personal,
    /// Whether the session that its token belongs to goes on.
    pub(crate) stands: Box<dyn Fn() -> bool + Send>,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("personal", &self.personal).finish_non_exhaustive()
    }
}

/// An answer that takes its time.
pub(crate) type Answering<T> = Pin<Box<dyn Future<Output = Result<T, Refusal>> + Send>>;

/// Who is asked. Its answers are awaited off the shards.
pub(crate) trait Door: Send + Sync + std::fmt::Debug {
    /// Who an access token belongs to, in the game of a client key: the player's personal connection.
    fn hello(&self, token: String, key: Option<String>) -> Answering<Known>;

    /// Seats a player as joining over REST does; the ticket.
    fn join(
        &self,
        game: GameId,
        player: PlayerId,
        room: RoomId,
        password: Option<String>,
    ) -> Answering<String>;
}
