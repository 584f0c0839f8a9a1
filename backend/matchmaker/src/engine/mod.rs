//! The queue: who waits, and which matches are due.
//!
//! Event-driven: a ticket looks for a match when it comes, and again after times that grow with its waiting and
//! when a rule of its set expands. Nothing is scanned as a whole. A look finds the cheapest match around the
//! ticket (`search`), which is proposed if what it costs is not above its price (`score`); the price grows with
//! waiting, so that good matches happen at once and others later.

mod backfill;
mod explain;
mod options;
mod pool;
mod proposal;
mod score;
mod search;
mod settle;
mod split;
#[cfg(test)]
mod tests;

pub(crate) use split::Bench;

pub use backfill::{Backfill, BackfillTeam};
pub use explain::{Explanation, Reason};
pub use options::{Options, Tempo, Weights};
pub use proposal::{AddError, Kind, Proposal, ProposedTeam};
pub use score::Quality;

use crate::prior::{Belief, Flow, Prior};
use crate::rules::{BackfillPriority, Batching, RuleSet, Strategy};
use crate::ticket::{Ticket, TicketError, TicketId};
use backfill::Running;
use pool::Pool;
use search::{Found, Look, Missed, Scratch};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How much more the way to a region counts where the rule set wants the fastest, and less where it wants the fullest.
const FASTEST_REGION: f32 = 2.0;

/// One queue of tickets under one rule set.
#[derive(Debug)]
pub struct Queue {
    rules: RuleSet,
    options: Options,
    pool: Pool,
    prior: Prior,
    due: BinaryHeap<Reverse<Due>>,
    scratch: Scratch,
    proposals: u64,
    flow: Flow,
    running: Vec<Running>,
}

/// When a ticket looks for a match.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Due {
    at_ms: i64,
    arrival: u64,
    slot: u32,
    generation: u32,
}

impl Queue {
    /// An empty queue. A rule set whose strategy is [`Strategy::Exhaustive`] leaves nothing of the weights but that
    /// of the latency.
    #[must_use]
    pub fn new(rules: RuleSet, mut options: Options) -> Self {
        if rules.strategy() == Strategy::Exhaustive {
            options.weights = Weights { latency: options.weights.latency, ..Weights::anyone() };
        }
        options.weights.latency *= match rules.batching {
            Batching::Random => 1.0,
            Batching::FastestRegion => FASTEST_REGION,
            Batching::LargestPopulation => 1.0 / FASTEST_REGION,
        };
        Self {
            rules,
            options,
            pool: Pool::new(),
            prior: Prior::default(),
            due: BinaryHeap::new(),
            scratch: Scratch::default(),
            proposals: 0,
            flow: Flow::default(),
            running: Vec::new(),
        }
    }

    /// The rule set that the queue was made with.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// What the queue was made with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Tickets that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pool.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pool.len() == 0
    }

    /// Players of the tickets that wait.
    #[must_use]
    pub fn players(&self) -> usize {
        self.pool.players()
    }

    /// A ticket that waits.
    #[must_use]
    pub fn ticket(&self, id: &TicketId) -> Option<&Ticket> {
        self.pool.slot(id).and_then(|slot| self.pool.get(slot)).map(|entry| &entry.ticket)
    }

    /// The tickets that wait, in no order; for what must outlive the process.
    pub fn tickets(&self) -> impl Iterator<Item = &Ticket> {
        self.pool.entries().map(|entry| &entry.ticket)
    }

    /// Lets a ticket wait. It is looked at in the next [`Queue::advance`].
    ///
    /// A ticket of a match that was not accepted is added again with the `created_at_ms` that it had.
    ///
    /// # Errors
    /// When the queue is full, the id is there already, or the ticket can never be matched. Nothing has changed.
    pub fn add(&mut self, ticket: Ticket, now_ms: i64) -> Result<(), AddError> {
        if self.pool.contains(&ticket.id) {
            return Err(AddError::Exists(ticket.id));
        }
        if self.pool.len() >= self.options.tickets_max {
            return Err(AddError::Full(self.options.tickets_max));
        }
        ticket.check()?;
        self.rules.check(&ticket)?;
        let max = self.rules.team_max();
        if ticket.players.len() > max {
            return Err(TicketError::PartyTooLarge { size: ticket.players.len(), max }.into());
        }
        let Some(ways) = self.pool.ways(&ticket, self.rules.latency_max_ms(), &self.options) else {
            return Err(TicketError::NoRegion.into());
        };
        self.flow.learn(now_ms, ticket.players.len());
        let belief = self.belief(&ticket);
        let slot = self.pool.insert(ticket, belief, ways, self.rules.rule_names().count());
        self.plan(slot, now_ms);
        Ok(())
    }

    /// Takes a ticket out; none if it does not wait (any more).
    pub fn cancel(&mut self, id: &TicketId) -> Option<Ticket> {
        let slot = self.pool.slot(id)?;
        self.pool.remove(slot).map(|entry| entry.ticket)
    }

    /// The matches that are due. Their tickets do not wait any longer.
    pub fn advance(&mut self, now_ms: i64) -> Vec<Proposal> {
        let mut proposals = Vec::new();
        let backfills_last = self.rules.backfill_priority == BackfillPriority::Low;
        if self.rules.backfill_priority == BackfillPriority::High {
            self.fill_running(now_ms, &mut proposals);
        }
        let mut due: Vec<Due> = Vec::new();
        while due.len() < self.options.attempts_max {
            match self.due.peek() {
                Some(Reverse(next)) if next.at_ms <= now_ms => due.extend(self.due.pop().map(|next| next.0)),
                _ => break,
            }
        }
        let starving = self.in_order(&mut due, now_ms);
        for (n, next) in due.into_iter().enumerate() {
            if n == starving && !backfills_last {
                self.fill_running(now_ms, &mut proposals);
            }
            let live = self.pool.get(next.slot).is_some_and(|entry| entry.generation == next.generation);
            if live {
                proposals.extend(self.look(next.slot, now_ms));
            }
        }
        // Those that were filled above are not due again.
        self.fill_running(now_ms, &mut proposals);
        proposals
    }

    /// When [`Queue::advance`] is to be called next if nothing else happens; none if nobody waits.
    #[must_use]
    pub fn next_wake(&self) -> Option<i64> {
        // What is due may be a ticket that has gone: then the call is for nothing, and cheap.
        let ticket = self.due.peek().map(|next| next.0.at_ms);
        let running = self.running.iter().map(|running| running.due_ms).min();
        ticket.into_iter().chain(running).min()
    }

    /// Those who wait too long come first, the longest first; the rest as they became due. How many wait too long.
    fn in_order(&self, due: &mut [Due], now_ms: i64) -> usize {
        let starving = |next: &Due| {
            let age = self.pool.get(next.slot).map_or(0, |entry| now_ms - entry.ticket.created_at_ms);
            if age > self.options.starving_after_ms { age } else { 0 }
        };
        due.sort_by_cached_key(|next| (Reverse(starving(next)), *next));
        due.partition_point(|next| starving(next) > 0)
    }

    /// How good a party is believed to be, in what the rule set balances.
    fn belief(&mut self, ticket: &Ticket) -> Belief {
        if self.rules.balances_attribute() {
            let values = ticket.players.iter().map(|player| self.rules.balanced(player).unwrap_or_default());
            return Belief::exact(&values.collect::<Vec<_>>());
        }
        self.prior.learn(&ticket.players);
        self.prior.believe(&ticket.players)
    }

    /// One ticket's look for a match.
    fn look(&mut self, slot: u32, now_ms: i64) -> Option<Proposal> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let tempo = self.tempo();
        let look = Look { pool: &self.pool, rules: &self.rules, options: &self.options, now_ms, tempo };
        let found = self.pool.get(slot).map(|entry| look.around(look.core(slot, entry), &mut scratch));
        self.scratch = scratch;
        match found? {
            Ok(found) => Some(self.propose(found, Kind::Match, now_ms)),
            Err(missed) => {
                let entry = self.pool.get_mut(slot)?;
                entry.missed(missed);
                let waited = now_ms - entry.ticket.created_at_ms;
                let short_of = if let Missed::Dear(short_of) = missed { Some(short_of) } else { None };
                let at_ms = now_ms + self.options.retry_in_ms(waited, tempo, short_of);
                let at_ms = match self.rules.next_step_ms(waited) {
                    Some(step) => at_ms.min(entry.ticket.created_at_ms + step),
                    None => at_ms,
                };
                self.plan(slot, at_ms);
                None
            }
        }
    }

    fn tempo(&self) -> Tempo {
        self.flow
            .players_per_s()
            .map_or_else(Tempo::default, |players_per_s| self.options.tempo(players_per_s))
    }

    fn plan(&mut self, slot: u32, at_ms: i64) {
        if let Some(entry) = self.pool.get(slot) {
            let due = Due { at_ms, arrival: entry.arrival, slot, generation: entry.generation };
            self.due.push(Reverse(due));
        }
    }

    fn propose(&mut self, found: Found, kind: Kind, now_ms: i64) -> Proposal {
        self.proposals += 1;
        let teams = self.rules.team_names();
        let mut teams: Vec<ProposedTeam> =
            teams.map(|name| ProposedTeam { name: name.to_owned(), tickets: Vec::new() }).collect();
        for (member, team) in found.members.iter().zip(&found.division.teams) {
            if let Some(entry) = self.pool.remove(member.slot) {
                teams[usize::from(*team)].tickets.push(entry.ticket);
            }
        }
        Proposal {
            number: self.proposals,
            kind,
            region: self.pool.region(found.region).map(str::to_owned),
            teams,
            quality: found.quality,
            at_ms: now_ms,
        }
    }
}

impl pool::Entry {
    fn missed(&mut self, missed: Missed) {
        self.short_of = None;
        self.few = missed == Missed::Few;
        match missed {
            Missed::Few => {}
            Missed::Dear(short_of) => self.short_of = Some(short_of),
            Missed::Rule(rule) => {
                if let Some(count) = self.refused.get_mut(rule) {
                    *count += 1;
                }
            }
        }
    }
}
