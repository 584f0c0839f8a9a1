//! Which party plays in which team: an exhaustive search with a bound on its steps, which for two teams of five
//! always ends with the best division; swaps of pairs where the bound was met.

use super::score::Member;

/// Steps of the exhaustive search. Two teams of six players in parties of one take 2,500.
const STEPS_MAX: u32 = 3_000;
/// Rounds of swaps after a search that was not finished.
const SWAP_ROUNDS: usize = 4;
/// Parties up to which pairs are swapped: rounds are quadratic.
const SWAP_PARTIES_MAX: usize = 128;

/// A team as it stands before anyone is added: empty, or what a backfill has.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Bench {
    pub(crate) players: u16,
    pub(crate) rating: f32,
    pub(crate) premade: u8,
    pub(crate) min: u16,
    pub(crate) max: u16,
}

/// A division of parties into teams.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Division {
    /// The team of each member, by its place in the list.
    pub(super) teams: Vec<u8>,
    /// The difference of mean ratings between the strongest and the weakest team.
    pub(super) gap: f32,
    /// Players by which the largest premade party of one team exceeds that of another.
    pub(super) premade: u8,
}

/// What the search weighs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aim {
    pub(super) premade_weight: f32,
    /// A division at most this bad is taken at once.
    pub(super) enough: f32,
}

impl Bench {
    /// Seats that are free.
    pub(crate) fn free(&self) -> u16 {
        self.max.saturating_sub(self.players)
    }
}

struct Search<'a> {
    members: &'a [Member],
    order: Vec<u8>,
    /// Players of the members from here on, by place in the order.
    rest: Vec<u16>,
    benches: Vec<Bench>,
    chosen: Vec<u8>,
    best: Option<(f32, Division)>,
    steps: u32,
    aim: Aim,
    lack: &'a mut dyn FnMut(&[u8]) -> f32,
    asked: u32,
}

/// The best division: what `lack` says is wrong with it counts before all else. None if none fits, or none was found
/// within the bound.
pub(super) fn divide(
    members: &[Member],
    benches: &[Bench],
    aim: Aim,
    lack: &mut dyn FnMut(&[u8]) -> f32,
) -> Option<Division> {
    let mut order: Vec<u8> = (0..members.len() as u8).collect();
    // Large parties first: they fit in few places. Then from the strongest down, which alternates between teams.
    order.sort_by(|a, b| {
        let (a, b) = (&members[usize::from(*a)], &members[usize::from(*b)]);
        b.size.cmp(&a.size).then(b.rating.total_cmp(&a.rating)).then(a.slot.cmp(&b.slot))
    });
    let mut rest = vec![0; members.len() + 1];
    for n in (0..members.len()).rev() {
        rest[n] = rest[n + 1] + u16::from(members[usize::from(order[n])].size);
    }
    let mut search = Search {
        members,
        order,
        rest,
        benches: benches.to_vec(),
        chosen: vec![0; members.len()],
        best: None,
        steps: 0,
        aim,
        lack,
        asked: 0,
    };
    search.place(0);
    let finished = search.steps < STEPS_MAX;
    let best = search.best.take();
    match best {
        Some((_, division)) if !finished && members.len() <= SWAP_PARTIES_MAX => {
            Some(swapped(division, members, benches, aim, search.lack))
        }
        best => best.map(|(_, division)| division),
    }
}

impl Search<'_> {
    /// Places the members from `n` on in every way. True: enough.
    fn place(&mut self, n: usize) -> bool {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return true;
        }
        let lacking: u16 = self.benches.iter().map(|bench| bench.min.saturating_sub(bench.players)).sum();
        if lacking > self.rest[n] {
            return false;
        }
        if n == self.order.len() {
            return self.judge();
        }
        let at = usize::from(self.order[n]);
        let member = self.members[at];
        let size = u16::from(member.size);
        // The weakest team so far first.
        let mut teams: [u8; TEAMS_SORTED_MAX] = [0; TEAMS_SORTED_MAX];
        let count = self.benches.len().min(TEAMS_SORTED_MAX);
        for (team, slot) in teams[..count].iter_mut().enumerate() {
            *slot = team as u8;
        }
        let benches = &self.benches;
        teams[..count].sort_by(|a, b| {
            let (a, b) = (&benches[usize::from(*a)], &benches[usize::from(*b)]);
            a.rating.total_cmp(&b.rating)
        });
        for (tried, team) in teams[..count].iter().copied().enumerate() {
            let bench = self.benches[usize::from(team)];
            // Of teams that are equal so far, one is enough.
            let same = |other: &u8| self.benches[usize::from(*other)] == bench;
            if bench.players + size > bench.max || teams[..tried].iter().any(same) {
                continue;
            }
            let changed = &mut self.benches[usize::from(team)];
            changed.players += size;
            changed.rating += f32::from(member.size) * member.rating;
            changed.premade = changed.premade.max(member.size);
            self.chosen[at] = team;
            let enough = self.place(n + 1);
            self.benches[usize::from(team)] = bench;
            if enough {
                return true;
            }
        }
        false
    }

    fn judge(&mut self) -> bool {
        let (gap, premade) = measure(&self.benches);
        let value = self.aim.value(gap, premade);
        if self.best.as_ref().is_some_and(|(best, _)| *best <= value) {
            return false;
        }
        self.asked += 1;
        let value = value + LACK_WEIGHT * (self.lack)(&self.chosen);
        if self.best.as_ref().is_none_or(|(best, _)| value < *best) {
            self.best = Some((value, Division { teams: self.chosen.clone(), gap, premade }));
        }
        value <= self.aim.enough || self.asked >= ASKED_MAX
    }
}

/// What is wrong by a rule outweighs every difference of ratings.
const LACK_WEIGHT: f32 = 1e6;
/// Divisions of which the rules are asked: evaluating them costs more than finding them.
const ASKED_MAX: u32 = 200;

/// Teams that one match is divided into by search.
pub(super) const TEAMS_SORTED_MAX: usize = 64;

impl Aim {
    fn value(&self, gap: f32, premade: u8) -> f32 {
        gap + self.premade_weight * f32::from(premade.saturating_sub(1))
    }
}

/// Difference of the teams' means, and of their largest parties.
fn measure(benches: &[Bench]) -> (f32, u8) {
    if benches.len() < 2 {
        return (0.0, 0);
    }
    let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
    let (mut small, mut large) = (u8::MAX, 0);
    for bench in benches.iter().filter(|bench| bench.players > 0) {
        let mean = bench.rating / f32::from(bench.players);
        (low, high) = (low.min(mean), high.max(mean));
        (small, large) = (small.min(bench.premade), large.max(bench.premade));
    }
    if low > high { (0.0, 0) } else { (high - low, large - small.min(large)) }
}

/// Swaps members of the same size between teams as long as that helps.
fn swapped(
    mut division: Division,
    members: &[Member],
    benches: &[Bench],
    aim: Aim,
    lack: &mut dyn FnMut(&[u8]) -> f32,
) -> Division {
    let mut filled = benches.to_vec();
    for (member, team) in members.iter().zip(&division.teams) {
        let bench = &mut filled[usize::from(*team)];
        bench.players += u16::from(member.size);
        bench.rating += f32::from(member.size) * member.rating;
        bench.premade = bench.premade.max(member.size);
    }
    let mut wrong = lack(&division.teams);
    let mut value = aim.value(division.gap, division.premade);
    for _ in 0..SWAP_ROUNDS {
        let mut helped = false;
        for one in 0..members.len() {
            for other in one + 1..members.len() {
                let (a, b) = (usize::from(division.teams[one]), usize::from(division.teams[other]));
                if a == b || members[one].size != members[other].size {
                    continue;
                }
                let moved = f32::from(members[one].size) * (members[one].rating - members[other].rating);
                filled[a].rating -= moved;
                filled[b].rating += moved;
                division.teams.swap(one, other);
                let (gap, premade) = measure(&filled);
                let now = aim.value(gap, premade);
                // Measured only where it can help.
                let wrong_now =
                    if now < value || wrong > 0.0 { lack(&division.teams) } else { f32::INFINITY };
                if wrong_now < wrong || (wrong_now <= wrong && now < value) {
                    (value, wrong, helped) = (now, wrong_now, true);
                    (division.gap, division.premade) = (gap, premade);
                } else {
                    division.teams.swap(one, other);
                    filled[a].rating += moved;
                    filled[b].rating -= moved;
                }
            }
        }
        if !helped {
            break;
        }
    }
    division
}
