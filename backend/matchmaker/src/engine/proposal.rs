//! What a queue yields and refuses.

use super::score::Quality;
use crate::ticket::{Player, Ticket, TicketError, TicketId};
use serde::{Deserialize, Serialize};

/// What a proposal is for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A new match.
    Match,
    /// Players for a match that runs; the id of its backfill request.
    Backfill(TicketId),
}

/// A team of a proposal.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ProposedTeam {
    /// As the rule set names it; teams of a `quantity` are numbered: `red_1`, `red_2`.
    pub name: String,
    /// The parties that play in it. For a backfill those who come, not those who are there.
    pub tickets: Vec<Ticket>,
}

impl ProposedTeam {
    /// Its players.
    pub fn players(&self) -> impl Iterator<Item = &Player> {
        self.tickets.iter().flat_map(|ticket| &ticket.players)
    }
}

/// A match that the queue proposes. Its tickets have left the queue: if it does not come about, those that shall
/// wait on are added again.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Proposal {
    /// Counts up from 1, by queue.
    pub number: u64,
    /// A new match or a backfill.
    pub kind: Kind,
    /// Where; none if no ticket named or measured a region.
    pub region: Option<String>,
    /// Who, in the order of the rule set's teams.
    pub teams: Vec<ProposedTeam>,
    /// How good it is believed to be.
    pub quality: Quality,
    /// When it was made.
    pub at_ms: i64,
}

impl Proposal {
    /// All its tickets.
    pub fn tickets(&self) -> impl Iterator<Item = &Ticket> {
        self.teams.iter().flat_map(|team| &team.tickets)
    }
}

/// Why a ticket or a backfill was not taken.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum AddError {
    /// The id is taken.
    #[error("{0} waits already")]
    Exists(TicketId),
    /// The queue holds as many as it may.
    #[error("the queue is full: {0} tickets wait")]
    Full(usize),
    /// It can never be matched.
    #[error(transparent)]
    Ticket(#[from] TicketError),
    /// A backfill names a team that the rule set does not have.
    #[error("there is no team {0}")]
    Team(String),
    /// A backfill of teams that are full.
    #[error("no seat is free")]
    NoSeat,
}
