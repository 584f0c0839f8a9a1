//! How good the matches were, by true skill and by player. Whoever was not matched waited until the trace's end.

use super::trace::{Arrival, REGIONS, Trace};
use aethex_matchmaker::Proposal;
use std::collections::HashMap;
use std::time::Duration;

pub(crate) struct Judge<'t> {
    trace: &'t Trace,
    waiting: HashMap<&'t str, &'t Arrival>,
    waits_ms: Vec<f64>,
    gaps: Vec<f64>,
    deviations: Vec<f64>,
    over_best_ms: Vec<f64>,
    uneven: usize,
    end_ms: i64,
}

impl<'t> Judge<'t> {
    pub(crate) const HEAD: &'static str = "trace                 players matched%  wait s: p50   p90    p99    max  \
         gap mean   p99  lobby sd  over best ms  uneven%  us/ticket";

    pub(crate) fn new(trace: &'t Trace) -> Self {
        let names: &'t [String] =
            Box::leak(trace.arrivals.iter().map(|one| one.ticket.to_string()).collect());
        Self {
            trace,
            waiting: names.iter().map(String::as_str).zip(&trace.arrivals).collect(),
            waits_ms: Vec::new(),
            gaps: Vec::new(),
            deviations: Vec::new(),
            over_best_ms: Vec::new(),
            uneven: 0,
            end_ms: trace.arrivals.last().map_or(0, |last| last.t_ms),
        }
    }

    pub(crate) fn judge(&mut self, proposal: &Proposal) {
        let region = REGIONS.iter().position(|region| Some(*region) == proposal.region.as_deref());
        let region = region.expect("every ticket of a trace has measured every region");
        let (mut skills, mut means, mut largest) = (Vec::new(), Vec::new(), Vec::new());
        for team in &proposal.teams {
            let mut sum = 0.0;
            for ticket in &team.tickets {
                let arrival = self.waiting.remove(ticket.id.as_str()).expect("a ticket plays once");
                assert!(proposal.at_ms >= arrival.t_ms, "matched before it came");
                let best = arrival.latencies_ms.iter().min().copied().unwrap_or(0);
                for (_, _, skill) in &arrival.players {
                    self.waits_ms.push((proposal.at_ms - arrival.t_ms) as f64);
                    self.over_best_ms.push(f64::from(arrival.latencies_ms[region] - best));
                    skills.push(*skill);
                    sum += skill;
                }
            }
            assert_eq!(team.players().count(), 5, "teams are of five");
            means.push(sum / 5.0);
            largest.push(team.tickets.iter().map(|ticket| ticket.players.len()).max().unwrap_or(0));
        }
        self.gaps.push((means[0] - means[1]).abs());
        let centre = mean(&skills);
        self.deviations
            .push(mean(&skills.iter().map(|skill| (skill - centre).powi(2)).collect::<Vec<_>>()).sqrt());
        self.uneven += usize::from(largest[0].abs_diff(largest[1]) >= 2);
    }

    pub(crate) fn line(mut self, took: Duration) -> String {
        let matched = self.waits_ms.len();
        for arrival in self.waiting.values() {
            let waited = (self.end_ms - arrival.t_ms) as f64;
            self.waits_ms.extend(arrival.players.iter().map(|_| waited));
        }
        self.waits_ms.sort_by(f64::total_cmp);
        self.gaps.sort_by(f64::total_cmp);
        let all = self.waits_ms.len();
        format!(
            "{:<20} {all:>8} {:>8.2} {:>12.2} {:>6.2} {:>6.2} {:>6.1} {:>9.1} {:>6.1} {:>8.1} {:>13.1} {:>8.1} {:>10.1}",
            self.trace.name,
            100.0 * matched as f64 / all.max(1) as f64,
            quantile(&self.waits_ms, 0.5) / 1000.0,
            quantile(&self.waits_ms, 0.9) / 1000.0,
            quantile(&self.waits_ms, 0.99) / 1000.0,
            quantile(&self.waits_ms, 1.0) / 1000.0,
            mean(&self.gaps),
            quantile(&self.gaps, 0.99),
            mean(&self.deviations),
            mean(&self.over_best_ms),
            100.0 * self.uneven as f64 / self.gaps.len().max(1) as f64,
            took.as_secs_f64() * 1e6 / self.trace.arrivals.len().max(1) as f64,
        )
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted
        .get(((share * sorted.len() as f64) as usize).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0.0)
}
