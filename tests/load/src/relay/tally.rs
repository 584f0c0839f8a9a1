//! What bots count: which states arrived, and how long after they were due.

/// Width of a histogram's step, in microseconds.
const STEP_US: u64 = 50;
/// Steps: one second; what took longer is in the last.
const STEPS: usize = 20_000;
/// States back that a late one is told from a repeated one.
const WINDOW: u64 = 64;

/// Times, counted in steps.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { counts: vec![0; STEPS], total: 0 }
    }
}

impl Histogram {
    pub(crate) fn add(&mut self, us: u64) {
        let step = usize::try_from(us / STEP_US).map_or(STEPS - 1, |step| step.min(STEPS - 1));
        self.counts[step] += 1;
        self.total += 1;
    }

    pub(crate) fn merge(&mut self, other: &Histogram) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
        self.total += other.total;
    }

    /// The time below which this part of the times lies, in milliseconds.
    pub(crate) fn quantile_ms(&self, part: f64) -> f64 {
        let wanted = (self.total as f64 * part).ceil().max(1.0) as u64;
        let mut passed = 0;
        let step = self.counts.iter().position(|count| {
            passed += count;
            passed >= wanted
        });
        step.map_or(0.0, |step| (step as u64 + 1) as f64 * STEP_US as f64 / 1000.0)
    }
}

/// What bots counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// States that were sent.
    pub(crate) sent: u64,
    /// Pairs of a state and a player whom it could reach.
    pub(crate) expected: u64,
    /// Pairs that came about.
    pub(crate) delivered: u64,
    /// Pairs that did not, but a newer state of the same player arrived.
    pub(crate) superseded: u64,
    /// States that came once more.
    pub(crate) again: u64,
    /// From a state's due time to its arrival.
    pub(crate) latency: Histogram,
    /// From a state's due time until its bot sent it: how starved the bots were.
    pub(crate) lateness: Histogram,
}

impl Tally {
    pub(crate) fn merge(&mut self, other: &Tally) {
        self.sent += other.sent;
        self.expected += other.expected;
        self.delivered += other.delivered;
        self.superseded += other.superseded;
        self.again += other.again;
        self.latency.merge(&other.latency);
        self.lateness.merge(&other.lateness);
    }

    /// A state came; `us` is its latency.
    pub(crate) fn arrived(&mut self, arrival: Arrival, us: u64) {
        match arrival {
            Arrival::Newer { skipped } => self.superseded += skipped,
            Arrival::Late => self.superseded = self.superseded.saturating_sub(1),
            Arrival::Again => {
                self.again += 1;
                return;
            }
        }
        self.delivered += 1;
        self.latency.add(us);
    }
}

/// How a state came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// After so many that did not.
    Newer { skipped: u64 },
    /// After a newer one.
    Late,
    /// Not for the first time.
    Again,
}

/// Which of a player's states have come.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    newest: u64,
    /// Bit n: the state n before the newest.
    before: u64,
}

impl Seen {
    pub(crate) fn note(&mut self, seq: u64) -> Arrival {
        if seq > self.newest {
            let step = seq - self.newest;
            self.before = if step < WINDOW { self.before << step | 1 } else { 1 };
            self.newest = seq;
            return Arrival::Newer { skipped: step - 1 };
        }
        let back = self.newest - seq;
        if back >= WINDOW || self.before & (1 << back) != 0 {
            return Arrival::Again;
        }
        self.before |= 1 << back;
        Arrival::Late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_counts_once_however_it_comes() {
        let mut seen = Seen::default();
        let arrivals: Vec<Arrival> =
            [1, 2, 5, 5, 4, 4, 3, 200, 5].into_iter().map(|seq| seen.note(seq)).collect();
        use Arrival::{Again, Late, Newer};
        let newer = |skipped| Newer { skipped };
        assert_eq!(arrivals, [newer(0), newer(0), newer(2), Again, Late, Again, Late, newer(194), Again]);
        let mut tally = Tally::default();
        arrivals.into_iter().for_each(|arrival| tally.arrived(arrival, 1_000));
        assert_eq!((tally.delivered, tally.superseded, tally.again), (6, 194, 3));
    }

    #[test]
    fn quantiles_are_of_the_times() {
        let mut times = Histogram::default();
        (0..100).for_each(|ms| times.add(ms * 1_000));
        times.add(u64::MAX);
        assert!((times.quantile_ms(0.5) - 50.05).abs() < 0.01, "{}", times.quantile_ms(0.5));
        assert!(times.quantile_ms(1.0) >= 1_000.0);
        assert_eq!(Histogram::default().quantile_ms(0.5), 0.0);
    }
}
