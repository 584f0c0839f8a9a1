//! What was chosen becomes a match: teams, rules, and what it costs in the end. Members are replaced by other
//! candidates where that saves most, in a match that is too dear as in one that could be better still.

use super::score::{Member, Totals};
use super::search::{Core, Found, Frame, Look, Missed, Scratch};
use super::split::{Aim, Bench, Division, divide};
use crate::rules::{Stage, View};

/// A difference of team means that is not worth a further search.
const GAP_ENOUGH: f32 = 6.0;
/// Replacements that are tried to better a match of two teams.
const MENDS_MAX: usize = 2;
/// Rating points that a replacement must save: less is lost again where the teams are divided anew, which ends at
/// [`GAP_ENOUGH`].
const MEND_WORTH: f32 = 1.0;
/// Replacements that are tried, one after the other, to mend a match which a rule refuses.
const RULE_MENDS_MAX: usize = 6;
/// Pairs that are weighed for one of them: each is a division into teams.
const RULE_PAIRS_MAX: usize = 160;

impl Look<'_> {
    /// Divides what was chosen into teams, asks the rules, and mends it where that helps.
    pub(super) fn settle(
        &self,
        core: Core<'_>,
        frame: Frame<'_>,
        scratch: &mut Scratch,
    ) -> Result<Found, Missed> {
        let mut missed = Missed::Few;
        let mut rule_mends = 0;
        let mut mends = 0;
        loop {
            let Some((division, lack)) = self.divide(core, frame, &scratch.chosen) else {
                return Err(missed);
            };
            if let Some((rule, _)) = lack {
                missed = missed.or(Missed::Rule(rule));
                rule_mends += 1;
                if rule_mends > RULE_MENDS_MAX || !self.mend_rule(core, frame, lack, scratch) {
                    return Err(missed);
                }
                continue;
            }
            let totals = Totals::of(&scratch.chosen, core.own.rating);
            let quality = totals.quality(division.gap, division.premade, frame.benches.len(), self.options);
            let acceptable = quality.cost <= quality.price;
            if !acceptable {
                missed = missed.or(Missed::Dear(quality.cost - quality.price));
            }
            // What the rules accept is not put at risk.
            let may_mend =
                mends < MENDS_MAX && rule_mends == 0 && (!acceptable || frame.stage.rules.is_empty());
            if may_mend && self.mend(core, &division, &totals, scratch) {
                mends += 1;
                continue;
            }
            if !acceptable {
                return Err(missed);
            }
            let from = usize::from(core.entry.is_none());
            let members = scratch.chosen[from..].to_vec();
            return match self.rules_at_age(core, frame, &members, &division) {
                None => Ok(Found { region: frame.region, members, division, quality }),
                Some(rule) => Err(missed.or(Missed::Rule(rule))),
            };
        }
    }

    /// The best division, and what rules lack in it.
    fn divide(
        &self,
        core: Core<'_>,
        frame: Frame<'_>,
        chosen: &[Member],
    ) -> Option<(Division, Option<(usize, f64)>)> {
        let members = if core.entry.is_some() { chosen } else { chosen.get(1..)? };
        let weights = &self.options.weights;
        let aim = Aim {
            premade_weight: weights.premade / weights.gap.max(0.01),
            enough: if weights.gap > 0.0 { GAP_ENOUGH } else { f32::INFINITY },
        };
        if frame.stage.rules.is_empty() {
            return divide(members, frame.benches, aim, &mut |_| 0.0).map(|division| (division, None));
        }
        let mut lack = |teams: &[u8]| {
            let view = self.view(core, frame, members, teams);
            self.rules.lack(frame.stage, &view).map_or(0.0, |(_, lack)| lack as f32)
        };
        let division = divide(members, frame.benches, aim, &mut lack)?;
        let lack = self.rules.lack(frame.stage, &self.view(core, frame, members, &division.teams));
        Some((division, lack))
    }

    /// The match as rules see it.
    fn view<'v>(&'v self, core: Core<'v>, frame: Frame<'_>, members: &[Member], teams: &[u8]) -> View<'v> {
        let mut view = View { teams: vec![Vec::new(); frame.benches.len()], parties: Vec::new() };
        for (seats, players) in view.teams.iter_mut().zip(core.present) {
            seats.extend(players);
        }
        for (member, team) in members.iter().zip(teams) {
            if let Some(entry) = self.pool.get(member.slot) {
                view.teams[usize::from(*team)].extend(&entry.ticket.players);
                view.parties.push((&entry.ticket.players, entry.latency_ms(frame.region)));
            }
        }
        view
    }

    /// The rule that is against it at the age of its tickets, which may be another than that of the core.
    fn rules_at_age(
        &self,
        core: Core<'_>,
        frame: Frame<'_>,
        members: &[Member],
        division: &Division,
    ) -> Option<usize> {
        let created = members.iter().map(|member| member.created_ms);
        let created = if self.rules.age_is_newest() { created.max() } else { created.min() };
        let stage_number = self.rules.stage_number(self.now_ms - created.unwrap_or(self.now_ms));
        if stage_number == frame.stage_number || core.entry.is_none() {
            return None;
        }
        let stage = &self.rules.stages()[stage_number];
        let view = self.view(core, frame, members, &division.teams);
        if !fits(stage, &view) {
            return Some(usize::MAX);
        }
        self.rules.lack(stage, &view).map(|(rule, _)| rule)
    }

    /// Replaces the one member, not the core, for whom that saves most, the teams staying as they are divided.
    fn mend(&self, core: Core<'_>, division: &Division, totals: &Totals, scratch: &mut Scratch) -> bool {
        let two = division.teams.iter().all(|team| *team < 2);
        if !two || core.entry.is_none() {
            return false;
        }
        let chosen = &scratch.chosen;
        let mut sums = [(0.0_f32, 0.0_f32); 2];
        for (member, team) in chosen.iter().zip(&division.teams) {
            let sum = &mut sums[usize::from(*team)];
            sum.0 += f32::from(member.size) * member.rating;
            sum.1 += f32::from(member.size);
        }
        let mean = |sum: (f32, f32)| sum.0 / sum.1.max(1.0);
        let gap = mean(sums[0]) - mean(sums[1]);
        let worth = |totals: &Totals, gap: f32| {
            totals.cost(self.options) + totals.team_cost(gap, 0, 2, self.options) - totals.price()
        };
        let now = worth(totals, gap.abs());
        let centre = core.own.rating;
        let mut best: Option<(f32, usize, Member)> = None;
        for (at, out) in chosen.iter().enumerate().skip(1) {
            let team = usize::from(division.teams[at]);
            let sign = if team == 0 { 1.0 } else { -1.0 };
            for into in scratch.candidates.iter().filter(|into| into.size == out.size) {
                if chosen.iter().any(|member| member.slot == into.slot) || !self.may_replace(into, at, chosen)
                {
                    continue;
                }
                let moved = f32::from(out.size) * (into.rating - out.rating) / sums[team].1.max(1.0);
                let after = (gap + sign * moved).abs();
                let value = now - worth(&totals.replaced(out, into, centre), after);
                if value > MEND_WORTH && best.as_ref().is_none_or(|(best, ..)| value > *best) {
                    best = Some((value, at, *into));
                }
            }
        }
        let Some((_, at, into)) = best else { return false };
        scratch.chosen[at] = into;
        true
    }

    /// Whether the others accept who would come, and he them.
    fn may_replace(&self, into: &Member, at: usize, chosen: &[Member]) -> bool {
        self.all_accept(into, &chosen[..at]) && self.all_accept(into, &chosen[at + 1..])
    }

    /// Replaces one member, not the core, so that less is wrong by the rules.
    fn mend_rule(
        &self,
        core: Core<'_>,
        frame: Frame<'_>,
        lack: Option<(usize, f64)>,
        scratch: &mut Scratch,
    ) -> bool {
        let Some((_, now)) = lack else { return false };
        let mut chosen = scratch.chosen.clone();
        let mut best: Option<(f64, usize, Member)> = None;
        let mut pairs = 0;
        'pairs: for into in &scratch.candidates {
            if scratch.chosen.iter().any(|member| member.slot == into.slot) {
                continue;
            }
            for at in 1..chosen.len() {
                if chosen[at].size != into.size || !self.may_replace(into, at, &chosen) {
                    continue;
                }
                pairs += 1;
                if pairs > RULE_PAIRS_MAX {
                    break 'pairs;
                }
                let out = std::mem::replace(&mut chosen[at], *into);
                let lack =
                    self.divide(core, frame, &chosen).map(|(_, lack)| lack.map_or(0.0, |(_, lack)| lack));
                chosen[at] = out;
                match lack {
                    Some(lack) if lack < best.as_ref().map_or(now, |(best, ..)| *best) => {
                        best = Some((lack, at, *into));
                        if lack == 0.0 {
                            break 'pairs;
                        }
                    }
                    _ => {}
                }
            }
        }
        let Some((_, at, into)) = best else { return false };
        scratch.chosen[at] = into;
        true
    }
}

/// Whether the teams are of the sizes of a stage.
fn fits(stage: &Stage, view: &View<'_>) -> bool {
    let sizes = view.teams.iter().map(Vec::len);
    stage.benches().iter().zip(sizes).all(|(bench, size): (&Bench, usize)| {
        (usize::from(bench.min)..=usize::from(bench.max)).contains(&size)
    })
}

pub(super) fn chosen_players(chosen: &[Member]) -> usize {
    chosen.iter().map(|member| usize::from(member.size)).sum()
}
