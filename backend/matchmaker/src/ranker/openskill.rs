//! Weng and Lin, "A Bayesian Approximation Method for Online Ranking", JMLR 12 (2011): algorithm 4,
//! Plackett-Luce, as OpenSkill has it.

use super::RankedTeam;
use crate::ticket::Rating;

/// Teams of a result.
const TEAMS_MAX: usize = 128;

/// The model's parameters, all in the same points.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct OpenSkill {
    /// How much luck there is: the deviation of one performance from skill.
    pub beta: f64,
    /// The smallest part of a variance that one match leaves.
    pub kappa: f64,
    /// What is added to each deviation before a match: skills change.
    pub tau: f64,
}

impl Default for OpenSkill {
    /// For ratings about 1500 with a deviation of 350 for newcomers.
    fn default() -> Self {
        Self { beta: 175.0, kappa: 0.0001, tau: 3.5 }
    }
}

/// Why a result is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ResultError {
    /// Fewer than two teams, or too many.
    #[error("a result has 2 to {TEAMS_MAX} teams")]
    Teams,
    /// A team without players.
    #[error("a team has no players")]
    Empty,
    /// A rating that is not finite, or a deviation that is not positive.
    #[error("a rating is not usable")]
    Rating,
}

struct Sums {
    mu: f64,
    variance: f64,
    rank: u32,
}

impl OpenSkill {
    /// As OpenSkill's own numbers are: 25 and 25/3 for newcomers.
    #[must_use]
    pub fn twenty_five() -> Self {
        Self { beta: 25.0 / 6.0, kappa: 0.0001, tau: 0.0 }
    }

    /// The ratings after a match, in the order of the teams and their players.
    ///
    /// # Errors
    /// When it is no result.
    pub fn rate(&self, teams: &[RankedTeam]) -> Result<Vec<Vec<Rating>>, ResultError> {
        if !(2..=TEAMS_MAX).contains(&teams.len()) {
            return Err(ResultError::Teams);
        }
        let usable =
            |rating: &Rating| rating.mu.is_finite() && rating.sigma.is_finite() && rating.sigma > 0.0;
        for team in teams {
            if team.players.is_empty() {
                return Err(ResultError::Empty);
            }
            if !team.players.iter().all(usable) {
                return Err(ResultError::Rating);
            }
        }
        let variance = |rating: &Rating| rating.sigma.powi(2) + self.tau.powi(2);
        let sums: Vec<Sums> = teams
            .iter()
            .map(|team| Sums {
                mu: team.players.iter().map(|rating| rating.mu).sum(),
                variance: team.players.iter().map(variance).sum(),
                rank: team.rank,
            })
            .collect();
        let c = sums.iter().map(|team| team.variance + self.beta.powi(2)).sum::<f64>().sqrt();
        // Against overflow: only differences count.
        let top = sums.iter().map(|team| team.mu).fold(f64::NEG_INFINITY, f64::max);
        let strength: Vec<f64> = sums.iter().map(|team| ((team.mu - top) / c).exp()).collect();
        let rated = teams.iter().enumerate().map(|(n, team)| {
            let (omega, delta) = self.step(n, &sums, &strength, c);
            let new = |rating: &Rating| {
                let own = variance(rating);
                let share = own / sums[n].variance;
                let left = (1.0 - share * delta).max(self.kappa);
                Rating { mu: rating.mu + share * omega, sigma: (own * left).sqrt() }
            };
            team.players.iter().map(new).collect()
        });
        Ok(rated.collect())
    }

    /// By how much a team's mean moves and its variance shrinks.
    fn step(&self, n: usize, sums: &[Sums], strength: &[f64], c: f64) -> (f64, f64) {
        let own = &sums[n];
        let (mut omega, mut delta) = (0.0, 0.0);
        for (q, other) in sums.iter().enumerate().filter(|(_, other)| other.rank <= own.rank) {
            // Everyone who was not better than q, among whom q was chosen.
            let field: f64 =
                sums.iter().zip(strength).filter(|(team, _)| team.rank >= other.rank).map(|(_, s)| s).sum();
            let tied = sums.iter().filter(|team| team.rank == other.rank).count() as f64;
            let chance = strength[n] / field;
            omega += if q == n { 1.0 - chance } else { -chance } / tied;
            delta += chance * (1.0 - chance) / tied;
        }
        let gamma = own.variance.sqrt() / c;
        (omega * own.variance / c, gamma * delta * own.variance / (c * c))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn team(players: &[(f64, f64)], rank: u32) -> RankedTeam {
        RankedTeam {
            players: players.iter().map(|(mu, sigma)| Rating { mu: *mu, sigma: *sigma }).collect(),
            rank,
        }
    }

    fn near(rating: Rating, mu: f64, sigma: f64) {
        assert!(
            (rating.mu - mu).abs() < 1e-6 && (rating.sigma - sigma).abs() < 1e-6,
            "{rating:?} {mu} {sigma}"
        );
    }

    /// The examples of OpenSkill's documentation.
    #[test]
    fn published_examples() {
        let new = (25.0, 25.0 / 3.0);
        let rated = OpenSkill::twenty_five().rate(&[team(&[new], 1), team(&[new], 2)]).unwrap();
        near(rated[0][0], 27.635_231_383_473_65, 8.065_506_316_323_548);
        near(rated[1][0], 22.364_768_616_526_35, 8.065_506_316_323_548);
        let (a2, b1, b2) = ((32.444, 5.123), (43.381, 2.421), (25.188, 6.211));
        let rated = OpenSkill::twenty_five().rate(&[team(&[new, a2], 1), team(&[b1, b2], 2)]).unwrap();
        near(rated[0][0], 28.669_648_436_582_808, 8.071_520_788_025_197);
        near(rated[0][1], 33.830_869_711_079_81, 5.062_772_998_705_765);
        near(rated[1][0], 43.071_274_808_241_974, 2.416_690_045_272_125_6);
        near(rated[1][1], 23.149_503_312_339_064, 6.137_860_697_336_213_5);
    }

    #[test]
    fn a_draw_moves_unequal_teams_together_and_equal_ones_not() {
        let equal =
            OpenSkill::default().rate(&[team(&[(1500.0, 100.0)], 1), team(&[(1500.0, 100.0)], 1)]).unwrap();
        assert!((equal[0][0].mu - 1500.0).abs() < 1e-9);
        assert!(equal[0][0].sigma < 100.1);
        let apart =
            OpenSkill::default().rate(&[team(&[(1700.0, 100.0)], 1), team(&[(1500.0, 100.0)], 1)]).unwrap();
        assert!(apart[0][0].mu < 1700.0 && apart[1][0].mu > 1500.0);
    }

    #[test]
    fn the_better_placed_gain_and_the_unsure_move_most() {
        let rated = OpenSkill::default()
            .rate(&[team(&[(1500.0, 300.0)], 3), team(&[(1500.0, 100.0)], 1), team(&[(1500.0, 100.0)], 2)])
            .unwrap();
        let moved: Vec<f64> = rated.iter().map(|team| team[0].mu - 1500.0).collect();
        assert!(moved[1] > moved[2] && moved[0] < 0.0 && moved[0].abs() > moved[1].abs(), "{moved:?}");
    }

    #[test]
    fn what_is_no_result_is_refused() {
        let one = team(&[(1500.0, 100.0)], 1);
        assert_eq!(OpenSkill::default().rate(std::slice::from_ref(&one)), Err(ResultError::Teams));
        assert_eq!(OpenSkill::default().rate(&[one.clone(), team(&[], 2)]), Err(ResultError::Empty));
        let bad = team(&[(f64::NAN, 100.0)], 2);
        assert_eq!(OpenSkill::default().rate(&[one, bad]), Err(ResultError::Rating));
    }
}
