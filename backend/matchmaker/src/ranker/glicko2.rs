//! Mark Glickman, "Example of the Glicko-2 system" (2013).

use super::RankedTeam;
use super::openskill::ResultError;
use crate::ticket::Rating;

/// Points of rating to one of the system's own scale.
const SCALE: f64 = 173.717_8;
/// The rating that the scale is about.
const CENTRE: f64 = 1500.0;
/// How exact the volatility is.
const EXACT: f64 = 1e-6;
/// Steps of the search for it; it ends after a few.
const STEPS_MAX: usize = 100;
/// No one is less sure than a newcomer.
const SIGMA_MAX: f64 = 350.0;
/// What newcomers have.
const VOLATILITY: f64 = 0.06;

/// A player as Glicko-2 has him.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct GlickoPlayer {
    /// Rating and its deviation.
    pub rating: Rating,
    /// How much the skill itself changes from period to period.
    pub volatility: f64,
}

impl Default for GlickoPlayer {
    fn default() -> Self {
        Self { rating: Rating::default(), volatility: VOLATILITY }
    }
}

/// One game of a period, as one of its players sees it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Game {
    /// The opponent before the period.
    pub against: Rating,
    /// 1 won, 0.5 drawn, 0 lost.
    pub score: f64,
}

/// The system's parameter.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Glicko2 {
    /// How much volatility itself may change: 0.3 to 1.2.
    pub tau: f64,
}

impl Default for Glicko2 {
    fn default() -> Self {
        Self { tau: 0.5 }
    }
}

impl Glicko2 {
    /// A player after a period: with no games only less sure.
    ///
    /// # Errors
    /// A number that is none.
    pub fn rate(&self, player: GlickoPlayer, games: &[Game]) -> Result<GlickoPlayer, ResultError> {
        let usable =
            |rating: &Rating| rating.mu.is_finite() && rating.sigma.is_finite() && rating.sigma > 0.0;
        let fine = games.iter().all(|game| usable(&game.against) && (0.0..=1.0).contains(&game.score));
        if !usable(&player.rating) || !fine || !player.volatility.is_finite() || player.volatility <= 0.0 {
            return Err(ResultError::Rating);
        }
        let mu = (player.rating.mu - CENTRE) / SCALE;
        let phi = player.rating.sigma / SCALE;
        if games.is_empty() {
            let sigma = SCALE * phi.hypot(player.volatility);
            let rating = Rating { sigma: sigma.min(SIGMA_MAX.max(player.rating.sigma)), ..player.rating };
            return Ok(GlickoPlayer { rating, ..player });
        }
        let (mut information, mut surprise) = (0.0, 0.0);
        for game in games {
            let phi_j = game.against.sigma / SCALE;
            let g = 1.0 / (1.0 + 3.0 * phi_j.powi(2) / std::f64::consts::PI.powi(2)).sqrt();
            let expected = 1.0 / (1.0 + (-g * (mu - (game.against.mu - CENTRE) / SCALE)).exp());
            information += g * g * expected * (1.0 - expected);
            surprise += g * (game.score - expected);
        }
        let v = 1.0 / information.max(f64::MIN_POSITIVE);
        let volatility = self.volatility(phi, v, v * surprise, player.volatility);
        let before = phi.hypot(volatility);
        let phi = 1.0 / (1.0 / before.powi(2) + 1.0 / v).sqrt();
        let rating = Rating { mu: CENTRE + SCALE * (mu + phi * phi * surprise), sigma: SCALE * phi };
        Ok(GlickoPlayer { rating, volatility })
    }

    /// Every player of a match of teams, each against the other teams as if they were one player of their mean.
    ///
    /// # Errors
    /// When it is no result.
    pub fn rate_teams(
        &self,
        teams: &[RankedTeam],
        volatility: f64,
    ) -> Result<Vec<Vec<GlickoPlayer>>, ResultError> {
        if teams.len() < 2 {
            return Err(ResultError::Teams);
        }
        if teams.iter().any(|team| team.players.is_empty()) {
            return Err(ResultError::Empty);
        }
        let mean = |team: &RankedTeam| {
            let size = team.players.len() as f64;
            let mu = team.players.iter().map(|rating| rating.mu).sum::<f64>() / size;
            let sigma = (team.players.iter().map(|rating| rating.sigma.powi(2)).sum::<f64>() / size).sqrt();
            Rating { mu, sigma }
        };
        let rate = |(n, team): (usize, &RankedTeam)| {
            let others = teams.iter().enumerate().filter(|(other, _)| *other != n);
            let games: Vec<Game> = others
                .map(|(_, other)| Game {
                    against: mean(other),
                    score: match team.rank.cmp(&other.rank) {
                        std::cmp::Ordering::Less => 1.0,
                        std::cmp::Ordering::Equal => 0.5,
                        std::cmp::Ordering::Greater => 0.0,
                    },
                })
                .collect();
            let players = team.players.iter();
            players.map(|rating| self.rate(GlickoPlayer { rating: *rating, volatility }, &games)).collect()
        };
        teams.iter().enumerate().map(rate).collect()
    }

    /// Step 5: the Illinois algorithm.
    fn volatility(&self, phi: f64, v: f64, delta: f64, sigma: f64) -> f64 {
        let a = sigma.powi(2).ln();
        let f = |x: f64| {
            let e = x.exp();
            let whole = phi.powi(2) + v + e;
            e * (delta.powi(2) - whole) / (2.0 * whole.powi(2)) - (x - a) / self.tau.powi(2)
        };
        let mut low = a;
        let mut high = if delta.powi(2) > phi.powi(2) + v {
            (delta.powi(2) - phi.powi(2) - v).ln()
        } else {
            let mut k = 1.0;
            while f(a - k * self.tau) < 0.0 && k < STEPS_MAX as f64 {
                k += 1.0;
            }
            a - k * self.tau
        };
        let (mut f_low, mut f_high) = (f(low), f(high));
        for _ in 0..STEPS_MAX {
            if (high - low).abs() <= EXACT {
                break;
            }
            let next = low + (low - high) * f_low / (f_high - f_low);
            let f_next = f(next);
            if f_next * f_high <= 0.0 {
                (low, f_low) = (high, f_high);
            } else {
                f_low /= 2.0;
            }
            (high, f_high) = (next, f_next);
        }
        (low / 2.0).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rating(mu: f64, sigma: f64) -> Rating {
        Rating { mu, sigma }
    }

    /// The paper's example.
    #[test]
    fn published_example() {
        let games = [(1400.0, 30.0, 1.0), (1550.0, 100.0, 0.0), (1700.0, 300.0, 0.0)];
        let games = games.map(|(mu, sigma, score)| Game { against: rating(mu, sigma), score });
        let player = GlickoPlayer { rating: rating(1500.0, 200.0), volatility: 0.06 };
        let after = Glicko2::default().rate(player, &games).unwrap();
        assert!((after.rating.mu - 1464.06).abs() < 0.01, "{after:?}");
        assert!((after.rating.sigma - 151.52).abs() < 0.01, "{after:?}");
        assert!((after.volatility - 0.05999).abs() < 0.00001, "{after:?}");
    }

    #[test]
    fn who_does_not_play_becomes_unsure() {
        let player = GlickoPlayer { rating: rating(1500.0, 200.0), volatility: 0.06 };
        let after = Glicko2::default().rate(player, &[]).unwrap();
        assert!((after.rating.sigma - 200.271_8).abs() < 0.001, "{after:?}");
        assert_eq!(after.rating.mu, 1500.0);
    }

    #[test]
    fn teams_play_against_the_mean_of_the_others() {
        let teams = [
            RankedTeam { players: vec![rating(1500.0, 200.0); 2], rank: 1 },
            RankedTeam { players: vec![rating(1500.0, 200.0); 2], rank: 2 },
        ];
        let after = Glicko2::default().rate_teams(&teams, 0.06).unwrap();
        let (won, lost) = (after[0][0].rating.mu - 1500.0, after[1][1].rating.mu - 1500.0);
        assert!(won > 50.0 && (won + lost).abs() < 1e-9, "{won} {lost}");
        let drawn = teams.map(|team| RankedTeam { rank: 1, ..team });
        assert!((Glicko2::default().rate_teams(&drawn, 0.06).unwrap()[0][0].rating.mu - 1500.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let player = GlickoPlayer { rating: rating(f64::NAN, 200.0), volatility: 0.06 };
        assert_eq!(Glicko2::default().rate(player, &[]), Err(ResultError::Rating));
        let game = Game { against: rating(1500.0, 200.0), score: 2.0 };
        assert_eq!(Glicko2::default().rate(GlickoPlayer::default(), &[game]), Err(ResultError::Rating));
    }
}
