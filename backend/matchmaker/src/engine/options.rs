//! What makes one match better than another, and how much a queue may hold and do.
//!
//! A match's cost is in rating points: what it falls short of a perfect one. Its price is what waiting has made
//! acceptable, the mean over its players. A match is proposed as soon as its cost is at most its price:
//!
//! ```text
//! cost  = spread * (added deviation) + latency * (ms over best) + gap * (added gap) + premade * (uneven players)
//! price = base_at_density * price_base + price_per_s * t + late_per_s2 * max(0, t - late_after_s)^2
//! t     = seconds waited * density ^ density_power
//! density = players that come in a second / PLAYERS_PER_S
//! ```
//!
//! Who comes where a good match is near has it at once. Who does not is worth more to others than a middling match
//! is to him: he holds back, the price sinks a little, until waiting is late and the price rises for good.

use serde::{Deserialize, Serialize};

/// Time counts no slower and no faster than this, whatever comes.
const PACE_MIN: f32 = 0.25;
const PACE_MAX: f32 = 1.5;

/// The base price is never less of what is written.
const BASE_MIN: f32 = 0.1;

/// How prices go where more or fewer players come.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tempo {
    /// Seconds count this many times.
    pub pace: f32,
    /// What there is of the base price.
    pub base: f32,
}

impl Default for Tempo {
    fn default() -> Self {
        Self { pace: 1.0, base: 1.0 }
    }
}

/// What each shortcoming of a match costs.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// A point of difference between the teams' mean ratings.
    pub gap: f32,
    /// A point of standard deviation of the ratings in a match.
    pub spread: f32,
    /// A millisecond over a party's best region, averaged over the players.
    pub latency: f32,
    /// A premade party that has no party of nearly its size against it, for each player beyond one of difference.
    pub premade: f32,
}

impl Default for Weights {
    fn default() -> Self {
        Self { gap: 0.3, spread: 1.0, latency: 0.85, premade: 12.0 }
    }
}

impl Weights {
    /// For matches in which nobody plays against anybody, or nobody minds: only the way to the region counts.
    #[must_use]
    pub fn anyone() -> Self {
        Self { gap: 0.0, spread: 0.0, latency: 1.0, premade: 0.0 }
    }
}

/// How a queue behaves. One set serves few players and many: see `benches/traces.rs`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// What shortcomings cost.
    pub weights: Weights,
    /// What a match may cost for players who have just come.
    pub price_base: f32,
    /// What each second of waiting adds; below 0 those who were not matched at once hold back for a better match.
    pub price_per_s: f32,
    /// Seconds after which waiting is too long, and the price rises steeply.
    pub late_after_s: f32,
    /// What the square of the seconds after that adds.
    pub late_per_s2: f32,
    /// How much faster time counts where more players come: seconds are multiplied with the players that come in
    /// a second, over [`Options::PLAYERS_PER_S`], to this power. Where many come a better match is soon there, and
    /// where few do it is worth the wait.
    pub density_power: f32,
    /// How much less a match may cost at first where more players come: the base is divided by the players that come
    /// in a second, over [`Options::PLAYERS_PER_S`], to this power; never more than as it is written.
    pub base_density_power: f32,
    /// Milliseconds over its best region that a party is ever sent to.
    pub latency_extra_max_ms: u16,
    /// Regions in which a ticket looks for a match, its best ones.
    pub regions_tried: usize,
    /// Tickets around a ticket's rating that are looked at for a match.
    pub candidates: usize,
    /// The longest time from one look for a match to a ticket's next one: whoever comes looks himself, so it is only
    /// for what looks of others do not find.
    pub retry_ms: i64,
    /// The shortest time from one look to the next.
    pub retry_min_ms: i64,
    /// Those who wait longer than this are served in the order of their age, before any other.
    pub starving_after_ms: i64,
    /// Tickets that one queue holds; more are refused.
    pub tickets_max: usize,
    /// Looks for a match in one call of `advance`; what is left is due at once in the next.
    pub attempts_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            weights: Weights::default(),
            price_base: 33.5,
            price_per_s: -1.9,
            late_after_s: 9.0,
            late_per_s2: 3.0,
            density_power: 0.38,
            base_density_power: 0.32,
            latency_extra_max_ms: 150,
            regions_tried: 2,
            candidates: 25,
            retry_ms: 15_000,
            retry_min_ms: 1_000,
            starving_after_ms: 60_000,
            tickets_max: 50_000,
            attempts_max: 10_000,
        }
    }
}

impl Options {
    /// Players a second for which the prices are as they are written.
    pub const PLAYERS_PER_S: f32 = 16.0;

    /// What a ticket accepts as cost that has waited this long at a tempo.
    #[must_use]
    pub fn price(&self, waited_ms: i64, tempo: Tempo) -> f32 {
        let waited_s = tempo.pace * waited_ms.max(0) as f32 / 1000.0;
        let late_s = (waited_s - self.late_after_s).max(0.0);
        tempo.base * self.price_base + waited_s * self.price_per_s + late_s * late_s * self.late_per_s2
    }

    /// How prices go where so many players come in a second.
    #[must_use]
    pub fn tempo(&self, players_per_s: f32) -> Tempo {
        let density = players_per_s.max(0.0) / Self::PLAYERS_PER_S;
        Tempo {
            pace: density.powf(self.density_power).clamp(PACE_MIN, PACE_MAX),
            base: density.max(1.0).powf(-self.base_density_power).clamp(BASE_MIN, 1.0),
        }
    }

    /// When a ticket that has waited this long looks again: when the price will have reached what the best match
    /// costs now. Whoever comes before looks himself.
    pub(crate) fn retry_in_ms(&self, waited_ms: i64, tempo: Tempo, short_of: Option<f32>) -> i64 {
        let shortest = self.retry_min_ms.max(1);
        let longest = self.retry_ms.max(shortest);
        let reached =
            short_of.map_or(longest, |short_of| self.reached_in_ms(waited_ms, tempo, short_of, longest));
        reached.max(shortest)
    }

    /// The time after which the price is so much higher than now, at most the bound. A price that sinks first and
    /// then rises is below that at every moment before.
    pub(crate) fn reached_in_ms(&self, waited_ms: i64, tempo: Tempo, higher: f32, bound_ms: i64) -> i64 {
        let price = self.price(waited_ms, tempo);
        let (mut low, mut high) = (0, bound_ms);
        while low < high {
            let middle = low.midpoint(high);
            if self.price(waited_ms + middle, tempo) - price >= higher {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_sink_a_little_and_then_rise_for_good_sooner_where_many_come() {
        let options = Options::default();
        for players_per_s in [0.1, 1.0, Options::PLAYERS_PER_S, 170.0, 1e6] {
            let tempo = options.tempo(players_per_s);
            let prices: Vec<f32> = (0..400).map(|s| options.price(s * 1_000, tempo)).collect();
            let least = prices.iter().copied().fold(f32::INFINITY, f32::min);
            let turn = prices.iter().position(|price| *price <= least).unwrap();
            assert!(
                prices[..turn].is_sorted_by(|a, b| a >= b) && prices[turn..].is_sorted(),
                "{players_per_s}"
            );
            assert!(prices[0] - least < options.price_base, "{players_per_s}");
            assert!(prices[399] > 10_000.0, "nobody is left over at {players_per_s} a second");
        }
        let late = |players_per_s| options.reached_in_ms(0, options.tempo(players_per_s), 100.0, 600_000);
        assert!(late(1.0) > late(16.0) && late(16.0) > late(170.0));
    }

    #[test]
    fn a_look_is_planned_for_when_its_price_is_reached() {
        let (options, tempo) = (Options::default(), Tempo::default());
        let price = options.price(4_000, tempo);
        let at = options.reached_in_ms(4_000, tempo, 20.0, 60_000);
        assert!(options.price(4_000 + at, tempo) - price >= 20.0);
        assert!(options.price(4_000 + at - 1, tempo) - price < 20.0);
        assert_eq!(options.reached_in_ms(4_000, tempo, 1e9, 60_000), 60_000);
        assert_eq!(options.retry_in_ms(4_000, tempo, Some(20.0)), at);
        assert_eq!(options.retry_in_ms(4_000, tempo, None), options.retry_ms);
        assert_eq!(options.retry_in_ms(30_000, tempo, Some(0.01)), options.retry_min_ms);
    }
}
