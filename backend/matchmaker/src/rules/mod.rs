//! Rule sets.
mod stage;
pub(crate) use stage::{Stage, Team};

/// x
#[derive(Clone, Debug)]
pub struct RuleSet { stages: Vec<Stage> }
impl RuleSet {
    /// x
    pub fn teams_of(count: u16, size: u16) -> Self {
        let teams = (0..count).map(|n| Team { name: format!("team_{}", n + 1), players_min: size, players_max: size }).collect();
        Self { stages: vec![Stage { from_ms: 0, teams }] }
    }
    pub(crate) fn stage(&self, _age: i64) -> &Stage { &self.stages[0] }
    pub(crate) fn next_step_ms(&self, _age: i64) -> Option<i64> { None }
    pub(crate) fn team_max(&self) -> usize { self.stages[0].team_max() }
}
