//! "Why am I not matched": what a ticket waits for, in facts that a game can show.

use super::Queue;
use super::pool::Entry;
use super::search::Look;
use super::search::{Frame, Scratch};
use crate::ticket::TicketId;
use serde::{Deserialize, Serialize};

/// A forecast beyond this is none.
const ACCEPTABLE_MAX_MS: i64 = 3_600_000;

/// One thing that keeps a ticket waiting.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Reason {
    /// It has not looked yet: it came a moment ago.
    JustCame,
    /// Too few that it may play with at all.
    TooFewPlayers {
        /// Players of a smallest match.
        needed: usize,
        /// Players, its own party's among them, that it may play with in its best region.
        there: usize,
    },
    /// Others wait, but in none of the regions that it named.
    Region {
        /// Players whom it would meet in another region.
        left_out: usize,
    },
    /// Others wait, but only where the way is too long for it or them.
    Latency {
        /// Players whom it would meet if the way counted for nothing.
        left_out: usize,
    },
    /// Enough are there, but the sizes of the parties do not add up to teams.
    PartySize {
        /// Players of its own party.
        size: usize,
    },
    /// The best match that there is would be worse than its waiting makes acceptable.
    WaitingForBetter {
        /// By so many rating points.
        short_of: f32,
        /// When that is reached if nobody comes or goes.
        acceptable_in_ms: i64,
    },
    /// A rule refused matches.
    Rule {
        /// The rule.
        name: String,
        /// How often.
        times: u32,
    },
    /// Its own `skill_range` leaves out some who are there.
    SkillRange {
        /// Players whom it would meet without the wish.
        left_out: usize,
    },
}

/// What a ticket waits for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Explanation {
    /// How long it has waited.
    pub waited_ms: i64,
    /// Players who wait in the queue.
    pub players_waiting: usize,
    /// Players, its own party's not among them, whom it may play with in its best region.
    pub players_in_reach: usize,
    /// Those of them whose rating alone would make a match acceptable now.
    pub players_alike: usize,
    /// Tickets that came before it and wait still.
    pub tickets_before: usize,
    /// When a rule of the set gives way next.
    pub next_expansion_in_ms: Option<i64>,
    /// What keeps it waiting, the weightiest first.
    pub reasons: Vec<Reason>,
}

impl Queue {
    /// Why a ticket waits; none if it does not.
    #[must_use]
    pub fn explain(&self, id: &TicketId, now_ms: i64) -> Option<Explanation> {
        let slot = self.pool.slot(id)?;
        let entry = self.pool.get(slot)?;
        let created_ms = entry.ticket.created_at_ms;
        let waited_ms = (now_ms - created_ms).max(0);
        let tempo = self.tempo();
        let options = super::Options { candidates: usize::MAX, ..self.options.clone() };
        let look = Look { pool: &self.pool, rules: &self.rules, options: &options, now_ms, tempo };
        let core = look.core(slot, entry);
        let stage_number = self.rules.stage_number(waited_ms);
        let stage = &self.rules.stages()[stage_number];
        let benches = stage.benches();
        let mut scratch = Scratch::default();
        // The best region is the one that the ticket likes best and in which there is anybody.
        for way in entry.ways.iter().take(options.regions_tried) {
            let frame = Frame { stage, stage_number, benches: &benches, region: way.region };
            look.gather(core, frame, &mut scratch.candidates);
            if !scratch.candidates.is_empty() {
                break;
            }
        }
        let count = |sizes: &mut dyn Iterator<Item = u8>| sizes.map(usize::from).sum::<usize>();
        let players_in_reach = count(&mut scratch.candidates.iter().map(|other| other.size));
        let window = self.window(core.own.scatter / f32::from(core.own.size.max(1)), core.own.price);
        let alike =
            scratch.candidates.iter().filter(|other| (other.rating - core.own.rating).abs() <= window);
        let players_alike = count(&mut alike.map(|other| other.size));
        let needed = stage.players_min();
        let there = players_in_reach + entry.size();
        let mut reasons = Vec::new();
        if there < needed {
            reasons.push(Reason::TooFewPlayers { needed, there });
            reasons.extend(self.elsewhere(entry));
        } else if entry.few
            && scratch.candidates.iter().any(|other| usize::from(other.size).max(entry.size()) > 1)
        {
            reasons.push(Reason::PartySize { size: entry.size() });
        }
        let mut refused: Vec<(usize, u32)> = entry.refused.iter().copied().enumerate().collect();
        refused.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        for ((_, times), name) in refused.iter().filter(|(_, times)| *times > 0).map(|one| (*one, one.0)) {
            let name = self.rules.rule_names().nth(name).unwrap_or_default().to_owned();
            reasons.push(Reason::Rule { name, times });
        }
        if let Some(short_of) = entry.short_of {
            let acceptable_in_ms = options.reached_in_ms(waited_ms, tempo, short_of, ACCEPTABLE_MAX_MS);
            reasons.push(Reason::WaitingForBetter { short_of, acceptable_in_ms });
        }
        if entry.ticket.skill_range.is_some() {
            let left_out = self.left_out(slot);
            if left_out > 0 {
                reasons.push(Reason::SkillRange { left_out });
            }
        }
        if reasons.is_empty() {
            reasons.push(if entry.few { Reason::TooFewPlayers { needed, there } } else { Reason::JustCame });
        }
        let before = |other: &&Entry| other.ticket.created_at_ms < created_ms;
        Some(Explanation {
            waited_ms,
            players_waiting: self.pool.players(),
            players_in_reach,
            players_alike,
            tickets_before: self.pool.entries().filter(before).count(),
            next_expansion_in_ms: self.rules.next_step_ms(waited_ms).map(|at_ms| at_ms - waited_ms),
            reasons,
        })
    }

    /// How far ratings may be apart in a match that costs no more than a price.
    fn window(&self, scatter: f32, price: f32) -> f32 {
        if self.options.weights.spread <= 0.0 {
            return f32::INFINITY;
        }
        let error = scatter.max(1.0).sqrt();
        let spread = price.max(0.0) / self.options.weights.spread + error;
        // Players spread evenly over a window have a standard deviation of its width by the root of twelve.
        (spread * spread - error * error).max(0.0).sqrt() * 3.0_f32.sqrt()
    }

    /// The reason why a ticket does not look where others wait, if there are any that accept it.
    fn elsewhere(&self, entry: &Entry) -> Option<Reason> {
        let looks_in = &entry.ways[..entry.ways.len().min(self.options.regions_tried.max(1))];
        let apart =
            |other: &&Entry| looks_in.iter().all(|way| other.ways.iter().all(|of| of.region != way.region));
        let left_out =
            self.pool.entries().filter(apart).filter(|other| entry.accepts(other)).map(Entry::size).sum();
        match left_out {
            0 => None,
            _ if entry.ticket.regions.is_empty() => Some(Reason::Latency { left_out }),
            _ => Some(Reason::Region { left_out }),
        }
    }

    /// Players whom a ticket's own wish leaves out.
    fn left_out(&self, slot: u32) -> usize {
        let Some(entry) = self.pool.get(slot) else { return 0 };
        let Some(range) = entry.ticket.skill_range else { return 0 };
        let outside = |other: &&Entry| !(range.min..=range.max).contains(&other.ticket.mean_mu());
        self.pool.entries().filter(outside).map(Entry::size).sum()
    }
}
