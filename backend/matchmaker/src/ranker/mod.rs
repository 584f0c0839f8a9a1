//! Ratings from results: teams with ranks in, new ratings out.
//!
//! [`OpenSkill`] (Weng and Lin's Plackett-Luce model) is for teams and any number of them; [`Glicko2`] for duels,
//! where a rating period's games count together and idle players become unsure. Both keep [`Rating`]s in points
//! about 1500 unless told otherwise.

mod glicko2;
mod openskill;

pub use glicko2::{Game, Glicko2, GlickoPlayer};
pub use openskill::{OpenSkill, ResultError};

use crate::ticket::Rating;

/// One team of a result.
#[derive(Clone, PartialEq, Debug)]
pub struct RankedTeam {
    /// Its players' ratings before the match.
    pub players: Vec<Rating>,
    /// Its place: the smaller the better, the same for a draw.
    pub rank: u32,
}
