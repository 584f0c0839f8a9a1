//! Matchmaking: tickets, matches, results, ratings.

use super::api;
use crate::Error;
use crate::cloud::Shared;
use crate::wire::ids::{MatchId, PlayerId, QueueTicketId, RoomId};
use crate::wire::multiplayer::matchmaking::{
    AcceptMatch, AcceptMatchRequest, Backfill, CurrentQueueTicket, GetQueueTicket, GetRating, JoinQueue,
    JoinQueueRequest, LeaveQueue, QueueTicket, Rating, RatingQuery, ReportResult, ReportResultRequest,
    ReportedResult, StartBackfill, StopBackfill, TeamResult,
};
use std::future::Future;
use std::sync::Arc;

/// Queues for matches. What comes of a ticket arrives as [`super::MultiplayerEvent`]s.
///
/// The futures run on the SDK's thread whatever polls them, and can be given to [`crate::Cloud::submit`].
#[derive(Debug, Clone)]
pub struct Matchmaking {
    shared: Arc<Shared>,
}

impl Matchmaking {
    pub(super) fn new(shared: Arc<Shared>) -> Matchmaking {
        Matchmaking { shared }
    }

    /// Queues for a match. A player has one ticket at a time: asking again with the same answers with it.
    ///
    /// # Errors
    /// `AlreadyQueued` (for something else), `QueuePenalty`, `MatchQueueFull`, `NotInParty`, `InvalidArgument`,
    /// `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn join_queue(
        &self,
        request: JoinQueueRequest,
    ) -> impl Future<Output = Result<QueueTicket, Error>> + Send + use<> {
        self.shared.live_call(move |shared| async move {
            api::post_again::<JoinQueue>(&shared, &[], &request).await
        })
    }

    /// Takes the player's ticket back. Without one nothing happens.
    ///
    /// # Errors
    /// `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn leave_queue(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.shared.live_call(move |shared| async move {
            let Some(ticket) = current(&shared).await? else { return Ok(()) };
            let left = api::ask::<LeaveQueue>(&shared, &[ticket.id.as_str()]).await;
            match left {
                Err(error) if error.code == crate::ErrorCode::TicketNotFound => Ok(()),
                left => left.map(|_| ()),
            }
        })
    }

    /// Reads the player's ticket: how far it is, how long such tickets wait, why it is not matched. `None` without
    /// one.
    ///
    /// # Errors
    /// `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn status(&self) -> impl Future<Output = Result<Option<QueueTicket>, Error>> + Send + use<> {
        self.shared.live_call(move |shared| async move { current(&shared).await })
    }

    /// Reads a ticket.
    ///
    /// # Errors
    /// `TicketNotFound`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn ticket(
        &self,
        id: QueueTicketId,
    ) -> impl Future<Output = Result<QueueTicket, Error>> + Send + use<> {
        self.shared
            .live_call(move |shared| async move { api::ask::<GetQueueTicket>(&shared, &[id.as_str()]).await })
    }

    /// Accepts a proposed match, or declines it. The first word counts.
    ///
    /// # Errors
    /// `MatchNotFound`, `MatchOver`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn accept_match(
        &self,
        id: MatchId,
        accept: bool,
    ) -> impl Future<Output = Result<QueueTicket, Error>> + Send + use<> {
        self.shared.live_call(move |shared| async move {
            api::post_again::<AcceptMatch>(&shared, &[id.as_str()], &AcceptMatchRequest { accept }).await
        })
    }

    /// Says how a match ended, as one of its players: each team's place, from 1. It counts once more than half of
    /// the players say the same.
    ///
    /// # Errors
    /// `MatchNotFound`, `MatchOver`, `InvalidArgument`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn report_result(
        &self,
        id: MatchId,
        teams: Vec<TeamResult>,
    ) -> impl Future<Output = Result<ReportedResult, Error>> + Send + use<> {
        self.shared.live_call(move |shared| async move {
            api::post_again::<ReportResult>(&shared, &[id.as_str()], &ReportResultRequest { teams }).await
        })
    }

    /// Fills the free seats of a match's room from its queue, as its host: until it is full, locked, decided or over.
    /// Asking again changes nothing. Who comes is told as of any match.
    ///
    /// # Errors
    /// `RoomNotFound`, `NotHost`, `RoomFull`, `RoomLocked`, `MatchOver`, `InvalidArgument` (no match's room, or the
    /// queue's rules let nobody in), `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn start_backfill(
        &self,
        room: RoomId,
    ) -> impl Future<Output = Result<Backfill, Error>> + Send + use<> {
        self.shared.live_call(move |shared| async move {
            api::ask::<StartBackfill>(&shared, &[room.as_str()]).await
        })
    }

    /// Fills a room no more, as its host; also one that the queue's rules fill by themselves.
    ///
    /// # Errors
    /// `RoomNotFound`, `NotHost`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn stop_backfill(&self, room: RoomId) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.shared.live_call(move |shared| async move {
            api::ask::<StopBackfill>(&shared, &[room.as_str()]).await.map(|_| ())
        })
    }

    /// Reads a player's rating in a queue; one's own without a player.
    ///
    /// # Errors
    /// `NotFound`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn rating(
        &self,
        mode: &str,
        player: Option<PlayerId>,
    ) -> impl Future<Output = Result<Rating, Error>> + Send + use<> {
        let mode = mode.to_owned();
        self.shared.call(move |shared| async move {
            let player = match player {
                Some(player) => player,
                None => shared.session.player().await?,
            };
            api::query::<GetRating>(&shared, &[player.as_str()], &RatingQuery { mode }).await
        })
    }
}

/// The ticket that the player has now.
pub(super) async fn current(shared: &Shared) -> Result<Option<QueueTicket>, Error> {
    match api::ask::<CurrentQueueTicket>(shared, &[]).await {
        Ok(ticket) => Ok(Some(ticket)),
        Err(error) if error.code == crate::ErrorCode::TicketNotFound => Ok(None),
        Err(error) => Err(error),
    }
}
