//! What a match costs and what it may cost.
//!
//! Ratings are guesses, so a difference counts as what it adds to the difference that the error makes anyway: ten
//! points between teams of unsure players are nothing, a hundred are a hundred.

use super::options::Options;
use serde::{Deserialize, Serialize};

/// The mean of the absolute value of a normal variable, in standard deviations: sqrt(2 / pi).
const MEAN_ABS: f32 = 0.797_884_6;
/// An error below this is not believed: no rating is that sure.
const ERROR_MIN: f32 = 100.0;

/// One ticket of a match to be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Member {
    pub(super) slot: u32,
    pub(super) size: u8,
    pub(super) extra_ms: u16,
    pub(super) rating: f32,
    pub(super) scatter: f32,
    pub(super) error: f32,
    /// What its waiting has made acceptable.
    pub(super) price: f32,
    pub(super) created_ms: i64,
    /// Whom it meets depends on its own wishes as well.
    pub(super) picky: bool,
    /// What it would add to the cost, per player; the smaller, the sooner it is taken.
    pub(super) key: f32,
}

/// How good a proposed match is believed to be.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Quality {
    /// The difference of mean ratings between the strongest and the weakest team.
    pub gap: f32,
    /// The standard deviation of the parties' mean ratings, by player.
    pub spread: f32,
    /// Milliseconds over their best regions, mean of the players.
    pub over_best_ms: f32,
    /// Players by which the largest premade party of one team exceeds that of another.
    pub premade: u8,
    /// All of it, in rating points.
    pub cost: f32,
    /// What their waiting has made acceptable. The cost is not above it.
    pub price: f32,
}

/// What a match is made of, whatever its teams are.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Totals {
    pub(super) players: f32,
    rating: f32,
    rating2: f32,
    scatter: f32,
    error: f32,
    extra: f32,
    price: f32,
}

impl Totals {
    pub(super) fn of(members: &[Member], centre: f32) -> Self {
        let mut totals = Self::default();
        for member in members {
            let size = f32::from(member.size);
            let off = member.rating - centre;
            totals.players += size;
            totals.rating += size * off;
            totals.rating2 += size * off * off;
            totals.scatter += member.scatter;
            totals.error += member.error;
            totals.extra += size * f32::from(member.extra_ms);
            totals.price += size * member.price;
        }
        totals
    }

    /// With one member in place of another of the same size.
    pub(super) fn replaced(&self, out: &Member, into: &Member, centre: f32) -> Self {
        let size = f32::from(out.size);
        let (was, is) = (out.rating - centre, into.rating - centre);
        Self {
            players: self.players,
            rating: self.rating + size * (is - was),
            rating2: self.rating2 + size * (is * is - was * was),
            scatter: self.scatter + into.scatter - out.scatter,
            error: self.error + into.error - out.error,
            extra: self.extra + size * (f32::from(into.extra_ms) - f32::from(out.extra_ms)),
            price: self.price + size * (into.price - out.price),
        }
    }

    /// The mean rating, as seen from the centre.
    pub(super) fn off_centre(&self) -> f32 {
        self.rating / self.players.max(1.0)
    }

    fn spread2(&self) -> f32 {
        let mean = self.off_centre();
        (self.rating2 / self.players.max(1.0) - mean * mean).max(0.0)
    }

    /// What the waiting of all has made acceptable.
    pub(super) fn price(&self) -> f32 {
        self.price / self.players.max(1.0)
    }

    /// The cost without that of the teams.
    pub(super) fn cost(&self, options: &Options) -> f32 {
        let scatter = (self.scatter / self.players.max(1.0)).max(ERROR_MIN);
        let spread = (self.spread2() + scatter).sqrt() - scatter.sqrt();
        options.weights.spread * spread + options.weights.latency * self.extra / self.players.max(1.0)
    }

    /// The cost of a difference between teams, and of a premade party that meets none.
    pub(super) fn team_cost(&self, gap: f32, premade: u8, teams: usize, options: &Options) -> f32 {
        let team = self.players.max(1.0) / teams.max(1) as f32;
        // The variance of the difference of two means.
        let error = (self.error / self.players.max(1.0)).max(ERROR_MIN) * 2.0 / team;
        let error = MEAN_ABS * error.sqrt();
        let gap = (gap * gap + error * error).sqrt() - error;
        options.weights.gap * gap + options.weights.premade * f32::from(premade.saturating_sub(1))
    }

    pub(super) fn quality(&self, gap: f32, premade: u8, teams: usize, options: &Options) -> Quality {
        Quality {
            gap,
            spread: self.spread2().sqrt(),
            over_best_ms: self.extra / self.players.max(1.0),
            premade,
            cost: self.cost(options) + self.team_cost(gap, premade, teams, options),
            price: self.price(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replacement_counts_as_if_it_had_been_there_from_the_start() {
        let member = |slot: u32, size: u8, rating: f32, extra_ms: u16| Member {
            slot,
            size,
            extra_ms,
            rating,
            scatter: 9_000.0 * f32::from(size) + rating,
            error: 5_000.0 * f32::from(size) - rating,
            price: rating / 50.0,
            created_ms: 0,
            picky: false,
            key: 0.0,
        };
        let mut members = [member(0, 1, 1500.0, 0), member(1, 2, 1620.0, 40), member(2, 1, 1390.0, 7)];
        let (before, out, into) = (Totals::of(&members, 1500.0), members[1], member(3, 2, 1480.0, 12));
        members[1] = into;
        let (replaced, counted) = (before.replaced(&out, &into, 1500.0), Totals::of(&members, 1500.0));
        let options = Options::default();
        assert!((replaced.cost(&options) - counted.cost(&options)).abs() < 0.01);
        assert!((replaced.price() - counted.price()).abs() < 0.01);
        let team = |totals: &Totals| totals.team_cost(25.0, 0, 2, &options);
        assert!((team(&replaced) - team(&counted)).abs() < 0.01);
    }
}
