//! A rule set as it is at one age of a match's tickets: the teams' sizes and the rules with what expansions have
//! made of them.

use super::rule::Rule;
use crate::engine::Bench;
use crate::ticket::Player;

/// One team, already counted out (`quantity` two is two of them).
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Team {
    pub(crate) name: String,
    /// Its name in the rule set.
    pub(crate) base: String,
    pub(crate) players_min: u16,
    pub(crate) players_max: u16,
}

/// A rule set from one expansion step to the next.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Stage {
    /// The age at which it begins.
    pub(crate) from_ms: i64,
    pub(crate) teams: Vec<Team>,
    pub(crate) rules: Vec<Rule>,
    /// No latency above is played on, by the rules of that type.
    pub(crate) latency_max_ms: u16,
}

impl Stage {
    pub(crate) fn teams(&self) -> usize {
        self.teams.len()
    }

    /// Players of the largest team.
    pub(crate) fn team_max(&self) -> usize {
        self.teams.iter().map(|team| usize::from(team.players_max)).max().unwrap_or(0)
    }

    pub(crate) fn players_max(&self) -> usize {
        self.teams.iter().map(|team| usize::from(team.players_max)).sum()
    }

    pub(crate) fn players_min(&self) -> usize {
        self.teams.iter().map(|team| usize::from(team.players_min)).sum()
    }

    pub(crate) fn benches(&self) -> Vec<Bench> {
        let bench = |team: &Team| Bench { min: team.players_min, max: team.players_max, ..Bench::default() };
        self.teams.iter().map(bench).collect()
    }
}

/// Tells whether parties still fit into teams, one after the other.
///
/// Exact for one and two teams. For more it fills the fullest team that has room, which never says yes wrongly.
#[derive(Clone, Debug)]
pub(crate) struct Packer {
    full: u16,
    players: u16,
    kind: Packing,
}

#[derive(Clone, Debug)]
enum Packing {
    /// Bit n: some of the parties have n players together. The two numbers are the teams' sizes.
    Two(u128, u16, u16),
    Rooms(Vec<u16>),
}

impl Packer {
    pub(crate) fn new(sizes: impl Iterator<Item = u16> + Clone) -> Self {
        let full = sizes.clone().sum();
        let mut first = sizes.clone();
        let kind = match (first.next(), first.next(), first.next()) {
            (Some(a), Some(b), None) if a < 64 && b < 64 => Packing::Two(1, a, b),
            _ => Packing::Rooms(sizes.collect()),
        };
        Self { full, players: 0, kind }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.players >= self.full
    }

    /// Takes a party if it fits with all before it.
    pub(crate) fn add(&mut self, size: u8) -> bool {
        let size = u16::from(size);
        let players = self.players + size;
        if players > self.full {
            return false;
        }
        match &mut self.kind {
            Packing::Two(sums, a, b) => {
                let next = *sums | (*sums << size);
                // Some of them in the first team, the rest in the second.
                let low = players.saturating_sub(*b);
                let within = (low..=*a).any(|first| next >> first & 1 == 1);
                if !within {
                    return false;
                }
                *sums = next;
            }
            Packing::Rooms(rooms) => {
                let room = rooms.iter_mut().filter(|room| **room >= size).min_by_key(|room| **room);
                let Some(room) = room else { return false };
                *room -= size;
            }
        }
        self.players = players;
        true
    }
}

/// A match to be, as rules see it.
#[derive(Clone, Debug, Default)]
pub(crate) struct View<'a> {
    /// The players of each team.
    pub(crate) teams: Vec<Vec<&'a Player>>,
    /// Each party, with its latency in the match's region; none if it was not measured.
    pub(crate) parties: Vec<(&'a [Player], Option<u16>)>,
}

impl Team {
    /// Whether a rule means this team by that name: `red` means `red_1` and `red_2` of a `quantity`.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name == name || self.base == name
    }
}
