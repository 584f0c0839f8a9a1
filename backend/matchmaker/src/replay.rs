//! What would have been: recorded tickets under another rule set or other options.
//!
//! A recording is a text of JSON lines in the order of time: [`Record::Add`] when a ticket came,
//! [`Record::Cancel`] when a player gave up, [`Record::Matched`] when it left for a match (which the replay does
//! not look at: there it may leave sooner or later). The replay ends with the recording; who waits then has
//! waited until then.

use crate::engine::{AddError, Options, Proposal, Queue};
use crate::rules::RuleSet;
use crate::ticket::{Ticket, TicketId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One line of a recording.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Record {
    /// A ticket came.
    Add {
        /// When.
        at_ms: i64,
        /// The ticket.
        ticket: Ticket,
    },
    /// A ticket was taken back.
    Cancel {
        /// When.
        at_ms: i64,
        /// Which.
        id: TicketId,
    },
    /// A ticket was matched.
    Matched {
        /// When.
        at_ms: i64,
        /// Which.
        id: TicketId,
    },
}

/// Why a recording cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Not a record.
    #[error("line {line} is not a record: {error}")]
    Line {
        /// From 1.
        line: usize,
        /// What the reader says.
        error: serde_json::Error,
    },
    /// Time goes back.
    #[error("line {line} is earlier than the one before")]
    Order {
        /// From 1.
        line: usize,
    },
}

/// A few numbers that stand for many.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Spread {
    /// Their mean.
    pub mean: f64,
    /// Half are at most this.
    pub p50: f64,
    /// Nine of ten are.
    pub p90: f64,
    /// 99 of 100 are.
    pub p99: f64,
}

/// What became of the recorded tickets. Players count, not tickets, where it is not said otherwise.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Tickets that came.
    pub tickets: usize,
    /// Their players.
    pub players: usize,
    /// Tickets that the rule set does not let wait, by reason.
    pub refused: BTreeMap<String, usize>,
    /// Players who gave up before they were matched.
    pub cancelled: usize,
    /// Players who were matched, of those who neither gave up nor were refused; 0 to 1.
    pub matched_share: f64,
    /// Matches.
    pub matches: usize,
    /// Milliseconds that players waited, those without a match included.
    pub wait_ms: Spread,
    /// The difference of the teams' mean ratings, by match, as far as ratings tell.
    pub team_gap: Spread,
    /// The standard deviation of parties' ratings, by match.
    pub rating_spread: Spread,
    /// Milliseconds over the best region, by match.
    pub over_best_ms: Spread,
    /// Matches in which a premade party meets none of nearly its size; 0 to 1.
    pub uneven_share: f64,
}

/// Replays a recording.
///
/// # Errors
/// When a line is not a record, or time goes back.
pub fn replay<'t>(
    lines: impl IntoIterator<Item = &'t str>,
    rules: RuleSet,
    options: Options,
) -> Result<Summary, ReplayError> {
    let mut run = Run::new(rules, options);
    for (n, line) in lines.into_iter().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let record = serde_json::from_str(line).map_err(|error| ReplayError::Line { line: n + 1, error })?;
        run.step(record).map_err(|()| ReplayError::Order { line: n + 1 })?;
    }
    Ok(run.finish())
}

#[derive(Debug)]
struct Run {
    queue: Queue,
    now_ms: Option<i64>,
    summary: Summary,
    waits: Vec<f64>,
    gaps: Vec<f64>,
    spreads: Vec<f64>,
    over_best: Vec<f64>,
    matched: usize,
    uneven: usize,
}

impl Run {
    fn new(rules: RuleSet, options: Options) -> Self {
        Self {
            queue: Queue::new(rules, options),
            now_ms: None,
            summary: Summary::default(),
            waits: Vec::new(),
            gaps: Vec::new(),
            spreads: Vec::new(),
            over_best: Vec::new(),
            matched: 0,
            uneven: 0,
        }
    }

    fn step(&mut self, record: Record) -> Result<(), ()> {
        let (Record::Add { at_ms, .. } | Record::Cancel { at_ms, .. } | Record::Matched { at_ms, .. }) =
            &record;
        let at_ms = *at_ms;
        if self.now_ms.is_some_and(|now| at_ms < now) {
            return Err(());
        }
        self.now_ms = Some(at_ms);
        while let Some(wake) = self.queue.next_wake().filter(|wake| *wake < at_ms) {
            self.advance(wake);
        }
        match record {
            Record::Add { ticket, .. } => {
                let players = ticket.players.len();
                self.summary.tickets += 1;
                self.summary.players += players;
                if let Err(error) = self.queue.add(ticket, at_ms) {
                    *self.summary.refused.entry(reason(&error)).or_default() += 1;
                }
            }
            Record::Cancel { id, .. } => {
                if let Some(ticket) = self.queue.cancel(&id) {
                    self.summary.cancelled += ticket.players.len();
                }
            }
            Record::Matched { .. } => {}
        }
        self.advance(at_ms);
        Ok(())
    }

    fn advance(&mut self, now_ms: i64) {
        for proposal in self.queue.advance(now_ms) {
            self.note(&proposal);
        }
    }

    fn note(&mut self, proposal: &Proposal) {
        for ticket in proposal.tickets() {
            let waited = (proposal.at_ms - ticket.created_at_ms).max(0) as f64;
            self.waits.extend(ticket.players.iter().map(|_| waited));
            self.matched += ticket.players.len();
        }
        self.gaps.push(proposal.quality.gap.into());
        self.spreads.push(proposal.quality.spread.into());
        self.over_best.push(proposal.quality.over_best_ms.into());
        self.uneven += usize::from(proposal.quality.premade >= 2);
    }

    fn finish(mut self) -> Summary {
        let now_ms = self.now_ms.unwrap_or_default();
        for ticket in self.queue.tickets() {
            let waited = (now_ms - ticket.created_at_ms).max(0) as f64;
            self.waits.extend(ticket.players.iter().map(|_| waited));
        }
        let stayed = self.waits.len().max(1) as f64;
        let matches = self.gaps.len();
        Summary {
            matched_share: self.matched as f64 / stayed,
            matches,
            uneven_share: self.uneven as f64 / matches.max(1) as f64,
            wait_ms: spread(self.waits),
            team_gap: spread(self.gaps),
            rating_spread: spread(self.spreads),
            over_best_ms: spread(self.over_best),
            ..self.summary
        }
    }
}

/// A reason without what names the ticket.
fn reason(error: &AddError) -> String {
    match error {
        AddError::Exists(_) => "the id is taken".to_owned(),
        other => other.to_string(),
    }
}

fn spread(mut values: Vec<f64>) -> Spread {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = ((share * values.len() as f64) as usize).min(values.len().saturating_sub(1));
        values.get(place).copied().unwrap_or_default()
    };
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    Spread { mean, p50: at(0.5), p90: at(0.9), p99: at(0.99) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::{Player, Rating};

    fn add(at_ms: i64, id: &str, mu: f64) -> String {
        let ticket = Ticket::new(id, vec![Player::new(id, Rating { mu, sigma: 60.0 })], at_ms);
        serde_json::to_string(&Record::Add { at_ms, ticket }).unwrap()
    }

    #[test]
    fn a_recording_is_played_under_other_rules() {
        let cancel = serde_json::to_string(&Record::Cancel { at_ms: 900, id: "c".into() }).unwrap();
        let lines =
            [add(0, "a", 1500.0), add(500, "b", 1502.0), add(800, "c", 2600.0), cancel, add(9_000, "d", 1.0)];
        let run = |rules| replay(lines.iter().map(String::as_str), rules, Options::default()).unwrap();
        let duel = run(RuleSet::teams_of(2, 1).unwrap());
        assert_eq!((duel.tickets, duel.matches, duel.cancelled), (4, 1, 1));
        assert!((duel.matched_share - 2.0 / 3.0).abs() < 1e-9);
        assert!((duel.wait_ms.mean - 500.0 / 3.0).abs() < 1e-9, "{:?}", duel.wait_ms);
        let three = run(RuleSet::together(3, 3).unwrap());
        assert_eq!((three.matches, three.cancelled), (1, 0));
        assert_eq!(run(RuleSet::teams_of(2, 5).unwrap()).matches, 0);
    }

    #[test]
    fn what_is_no_recording_is_told_with_its_line() {
        let rules = || RuleSet::teams_of(2, 1).unwrap();
        let late = [add(500, "a", 1.0), add(0, "b", 1.0)];
        let error = replay(late.iter().map(String::as_str), rules(), Options::default()).unwrap_err();
        assert!(matches!(error, ReplayError::Order { line: 2 }));
        let error = replay(["", "{}"], rules(), Options::default()).unwrap_err();
        assert!(matches!(error, ReplayError::Line { line: 2, .. }));
    }
}
