//! What is known of a queue's players as a whole, and so of each one: a rating is a guess with an error, and the
//! best guess of a skill lies between the rating and what such players usually have. The surer the rating, the
//! less it is moved; those whose ratings are extreme and unsure are moved most.
//!
//! Means and variances are learned from the tickets themselves (method of moments, older ones fade); until enough
//! have been seen, ratings count as they are.

use crate::ticket::Player;

/// Tickets before anything is moved.
const SEEN_MIN: f64 = 100.0;
/// Tickets over which the past fades: a season's start moves every rating.
const SEEN_MAX: f64 = 5_000.0;

/// A moving mean of squares and of what they are made of.
#[derive(Clone, Copy, Default, Debug)]
struct Moments {
    seen: f64,
    mean: f64,
    variance: f64,
    /// The part of the variance that is error of the ratings.
    error: f64,
}

impl Moments {
    fn learn(&mut self, value: f64, error: f64) {
        self.seen = (self.seen + 1.0).min(SEEN_MAX);
        let share = 1.0 / self.seen;
        let off = value - self.mean;
        self.mean += share * off;
        self.variance += share * ((1.0 - share) * off * off - self.variance);
        self.error += share * (error - self.error);
    }

    /// The variance of true values, none if too little is known.
    fn truth(&self) -> Option<f64> {
        (self.seen >= SEEN_MIN).then(|| (self.variance - self.error).max(0.05 * self.variance))
    }
}

/// What the tickets so far say about all.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Prior {
    /// Of parties' means.
    parties: Moments,
    /// Of members about their party's mean.
    members: Moments,
}

/// Arrivals over which the past fades.
const FLOW_SPAN_MS: f64 = 60_000.0;
/// Players before it is known how many come.
const FLOW_SEEN_MIN: f64 = 20.0;

/// How many players come in a second, lately.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Flow {
    players: f64,
    span_ms: f64,
    seen: f64,
    last_ms: Option<i64>,
}

impl Flow {
    pub(crate) fn learn(&mut self, now_ms: i64, players: usize) {
        let passed = self.last_ms.map_or(0, |last| (now_ms - last).max(0)) as f64;
        let kept = (-passed / FLOW_SPAN_MS).exp();
        self.players = self.players * kept + players as f64;
        self.span_ms = self.span_ms * kept + FLOW_SPAN_MS * (1.0 - kept);
        self.seen += players as f64;
        self.last_ms = Some(self.last_ms.map_or(now_ms, |last| last.max(now_ms)));
    }

    /// None until enough have come.
    pub(crate) fn players_per_s(&self) -> Option<f32> {
        (self.seen >= FLOW_SEEN_MIN && self.span_ms > 0.0)
            .then(|| (1000.0 * self.players / self.span_ms.max(1_000.0)) as f32)
    }
}

/// One party, as it is believed to be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Belief {
    /// Mean skill.
    pub(crate) mean: f32,
    /// What a match with it cannot do better than: the sum, over its players, of the squares of their distance to
    /// the mean and of their error.
    pub(crate) scatter: f32,
    /// The part of `scatter` that is error.
    pub(crate) error: f32,
}

impl Belief {
    /// Of values that are known.
    pub(crate) fn exact(values: &[f64]) -> Self {
        let size = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / size;
        let scatter = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        Self { mean: mean as f32, scatter: scatter as f32, error: 0.0 }
    }
}

impl Prior {
    /// Takes a party's ratings into account.
    pub(crate) fn learn(&mut self, players: &[Player]) {
        let (mean, error) = observed(players);
        self.parties.learn(mean, error);
        if players.len() < 2 {
            return;
        }
        // The distance to the observed mean has the variance of a member, less one part in n.
        let whole = players.len() as f64 / (players.len() - 1) as f64;
        for player in players {
            let off = (player.rating.mu - mean) * whole.sqrt();
            self.members.learn(off, player.rating.sigma.powi(2));
        }
    }

    /// The best guess of a party's skill.
    pub(crate) fn believe(&self, players: &[Player]) -> Belief {
        let size = players.len().max(1) as f64;
        let (observed, error) = observed(players);
        let (mean, mean_error) = match self.parties.truth() {
            Some(truth) if truth + error > 0.0 => {
                let trust = truth / (truth + error);
                (self.parties.mean + trust * (observed - self.parties.mean), trust * error)
            }
            _ => (observed, error),
        };
        let members = if players.len() > 1 { self.members.truth() } else { None };
        let (mut within, mut errors) = (0.0, 0.0);
        for player in players {
            let own = player.rating.sigma.powi(2);
            let (trust, left) = match members {
                Some(truth) if truth + own > 0.0 => (truth / (truth + own), truth * own / (truth + own)),
                _ => (1.0, own),
            };
            within += (trust * (player.rating.mu - observed)).powi(2);
            errors += if players.len() > 1 { left } else { mean_error };
        }
        // Errors of members add up to the error of the mean; never less than that.
        let errors = errors.max(size * mean_error);
        Belief { mean: mean as f32, scatter: (within + errors) as f32, error: errors as f32 }
    }
}

/// The mean of the ratings, and the variance of its error.
fn observed(players: &[Player]) -> (f64, f64) {
    let size = players.len().max(1) as f64;
    let mean = players.iter().map(|player| player.rating.mu).sum::<f64>() / size;
    let error = players.iter().map(|player| player.rating.sigma.powi(2)).sum::<f64>() / (size * size);
    (mean, error)
}
