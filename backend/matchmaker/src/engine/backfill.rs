//! Players for matches that run: a request names who is there, the engine finds who may join.

use super::Queue;
use super::pool::Way;
use super::proposal::{AddError, Kind, Proposal};
use super::score::Member;
use super::search::{Core, Look};
use crate::prior::Belief;
use crate::rules::Stage;
use crate::ticket::{Player, PlayerId, TicketId, check_players};
use serde::{Deserialize, Serialize};

/// Backfills that wait in one queue; each costs a look every now and then.
const BACKFILLS_MAX: usize = 1_000;
/// Backfills that look in one call of `advance`.
const LOOKS_MAX: usize = 64;
/// The slot of what is no ticket.
const NO_SLOT: u32 = u32::MAX;

/// A team of a match that runs.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct BackfillTeam {
    /// As proposals name it.
    pub name: String,
    /// Who plays in it.
    pub players: Vec<Player>,
}

/// A running match with free seats.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Backfill {
    /// Unique among the backfills of the queue.
    pub id: TicketId,
    /// Where it runs; none: players of any region may join.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Who is there. Teams without players may be left out.
    pub teams: Vec<BackfillTeam>,
    /// When the seats became free.
    pub created_at_ms: i64,
    /// Who does not come in, however well they would fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub avoid: Vec<PlayerId>,
}

/// A backfill that waits.
#[derive(Clone, Debug)]
pub(super) struct Running {
    request: Backfill,
    way: Way,
    /// In the order of the rule set's teams.
    present: Vec<Vec<Player>>,
    belief: Belief,
    pub(super) due_ms: i64,
}

impl Queue {
    /// Lets a running match wait for players. It is filled by one proposal, which may leave seats free: then the
    /// match asks again with those who came.
    ///
    /// # Errors
    /// When it names teams that there are not, has no free seat, or too many wait. Nothing has changed.
    pub fn backfill(&mut self, request: Backfill, now_ms: i64) -> Result<(), AddError> {
        if self.running.iter().any(|running| running.request.id == request.id) {
            return Err(AddError::Exists(request.id));
        }
        if self.running.len() >= BACKFILLS_MAX {
            return Err(AddError::Full(BACKFILLS_MAX));
        }
        let names: Vec<&str> = self.rules.team_names().collect();
        let mut present: Vec<Vec<Player>> = vec![Vec::new(); names.len()];
        for team in &request.teams {
            let at = names.iter().position(|name| *name == team.name);
            let at = at.ok_or_else(|| AddError::Team(team.name.clone()))?;
            present[at].extend(team.players.iter().cloned());
        }
        let all: Vec<Player> = present.iter().flatten().cloned().collect();
        check_players(&all)?;
        let has_seat = |stage: &Stage| {
            let seats = stage.teams.iter().map(|team| usize::from(team.players_max));
            seats.zip(&present).any(|(seats, players)| players.len() < seats)
        };
        if !self.rules.stages().iter().any(has_seat) {
            return Err(AddError::NoSeat);
        }
        let region = match &request.region {
            None => super::pool::ANYWHERE,
            Some(name) => self.pool.region_number(name).ok_or(crate::ticket::TicketError::NoRegion)?,
        };
        let belief = if self.rules.balances_attribute() {
            let values = all.iter().map(|player| self.rules.balanced(player).unwrap_or_default());
            Belief::exact(&values.collect::<Vec<_>>())
        } else {
            self.prior.believe(&all)
        };
        let way = Way { region, extra_ms: 0, latency_ms: 0 };
        self.running.push(Running { request, way, present, belief, due_ms: now_ms });
        Ok(())
    }

    /// Takes a backfill back; none if it does not wait (any more).
    pub fn cancel_backfill(&mut self, id: &TicketId) -> Option<Backfill> {
        let at = self.running.iter().position(|running| running.request.id == *id)?;
        Some(self.running.remove(at).request)
    }

    /// The backfills that wait.
    pub fn backfills(&self) -> impl Iterator<Item = &Backfill> {
        self.running.iter().map(|running| &running.request)
    }

    /// Lets the backfills that are due look, the longest waiting first.
    pub(super) fn fill_running(&mut self, now_ms: i64, proposals: &mut Vec<Proposal>) {
        let mut due: Vec<usize> =
            (0..self.running.len()).filter(|n| self.running[*n].due_ms <= now_ms).collect();
        due.sort_by_key(|n| self.running[*n].request.created_at_ms);
        due.truncate(LOOKS_MAX);
        let mut filled = Vec::new();
        let tempo = self.tempo();
        for at in due {
            let mut scratch = std::mem::take(&mut self.scratch);
            let look = Look { pool: &self.pool, rules: &self.rules, options: &self.options, now_ms, tempo };
            let found = look.around(self.running[at].core(&look), &mut scratch);
            self.scratch = scratch;
            match found {
                Ok(found) => {
                    let kind = Kind::Backfill(self.running[at].request.id.clone());
                    proposals.push(self.propose(found, kind, now_ms));
                    filled.push(at);
                }
                Err(_) => {
                    let waited = now_ms - self.running[at].request.created_at_ms;
                    self.running[at].due_ms = now_ms + self.options.retry_in_ms(waited, tempo, Some(0.0));
                }
            }
        }
        filled.sort_unstable();
        for at in filled.into_iter().rev() {
            self.running.remove(at);
        }
    }
}

impl Running {
    fn core(&self, look: &Look<'_>) -> Core<'_> {
        let size: usize = self.present.iter().map(Vec::len).sum();
        let waited = look.now_ms - self.request.created_at_ms;
        let own = Member {
            slot: NO_SLOT,
            size: size as u8,
            extra_ms: 0,
            rating: self.belief.mean,
            scatter: self.belief.scatter,
            error: self.belief.error,
            price: look.options.price(waited, look.tempo),
            created_ms: self.request.created_at_ms,
            picky: false,
            key: f32::NEG_INFINITY,
        };
        Core {
            own,
            ways: std::slice::from_ref(&self.way),
            entry: None,
            present: &self.present,
            avoid: &self.request.avoid,
        }
    }
}
