//! One look for a match around one ticket, the anchor: in each of its best regions the nearest tickets by skill,
//! of them those that add least to the cost, and of those the best division into teams.
//!
//! Two ways are tried: filling a lobby from all smaller parties, and for a party that is a whole team, another
//! whole team. A lobby is made around its own centre, not the anchor's: choosing is repeated from the mean of what
//! was chosen, with the anchor kept.

use super::options::Options;
use super::pool::{Entry, Place, Pool};
use super::score::{Member, Quality, Totals};
use super::split::{Aim, Bench, Division, divide};
use crate::rules::{RuleSet, Stage};

/// Places looked at in one region for one anchor, usable or not.
const SCAN_MAX: usize = 1_024;
/// How often the centre is moved to the mean of what was chosen.
const RECENTRE: usize = 2;
/// A difference of team means that is not worth a further search.
const GAP_ENOUGH: f32 = 6.0;
/// Replacements that are tried to mend a lobby which its teams or a rule refuse.
const MENDS_MAX: usize = 2;

/// A match that may be proposed.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Found {
    pub(super) region: u8,
    pub(super) members: Vec<Member>,
    pub(super) division: Division,
    pub(super) quality: Quality,
}

/// Why a look found nothing.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Missed {
    /// Too few tickets that could play together.
    Few,
    /// The best one costs this much more than its price.
    Dear(f32),
    /// A rule, by its number, refused the best one.
    Rule(usize),
}

/// Buffers that are kept between looks.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    candidates: Vec<Member>,
    chosen: Vec<Member>,
    best: Vec<Member>,
}

/// What a look needs to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look<'a> {
    pub(super) pool: &'a Pool,
    pub(super) rules: &'a RuleSet,
    pub(super) options: &'a Options,
    pub(super) now_ms: i64,
}

/// What the lobby is made around: a ticket, or what a backfill has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anchor<'a> {
    pub(super) slot: u32,
    pub(super) entry: &'a Entry,
}

impl Look<'_> {
    /// The best match around the anchor whose cost is not above its price.
    pub(super) fn around(&self, anchor: Anchor<'_>, scratch: &mut Scratch) -> Result<Found, Missed> {
        let waited = self.now_ms - anchor.entry.ticket.created_at_ms;
        let stage = self.rules.stage(waited);
        let benches = stage.benches();
        let mut missed = Missed::Few;
        let mut best: Option<Found> = None;
        for way in anchor.entry.ways.iter().take(self.options.regions_tried.max(1)) {
            let own = self.member(anchor, way.extra_ms);
            self.gather(way.region, anchor, &own, stage, &mut scratch.candidates);
            for whole in [true, false] {
                let bound = best.as_ref().map_or(0.0, |found| found.quality.cost - found.quality.price);
                let found = if whole {
                    self.whole_teams(&own, stage, scratch)
                } else {
                    self.fill(&own, stage, scratch)
                };
                let short_of = match found {
                    Some(short_of) if short_of <= bound => short_of,
                    Some(short_of) => {
                        missed = missed.or_dear(short_of);
                        continue;
                    }
                    None => continue,
                };
                let _ = short_of;
                match self.settle(way.region, stage, &benches, scratch) {
                    Ok(found) if best.as_ref().is_none_or(|best| found.margin() < best.margin()) => {
                        best = Some(found);
                    }
                    Ok(_) => {}
                    Err(why) => missed = missed.or(why),
                }
            }
        }
        best.ok_or(missed)
    }

    fn member(&self, anchor: Anchor<'_>, extra_ms: u16) -> Member {
        let entry = anchor.entry;
        Member {
            slot: anchor.slot,
            size: entry.size() as u8,
            extra_ms,
            rating: entry.belief.mean,
            scatter: entry.belief.scatter,
            error: entry.belief.error,
            price: self.options.price(self.now_ms - entry.ticket.created_at_ms),
            created_ms: entry.ticket.created_at_ms,
            key: f32::NEG_INFINITY,
        }
    }

    /// The tickets nearest to the anchor by skill that may play with it in a region.
    fn gather(&self, region: u8, anchor: Anchor<'_>, own: &Member, stage: &Stage, into: &mut Vec<Member>) {
        into.clear();
        let list = self.pool.list(region);
        let middle = list.partition_point(|place| place.rating < own.rating);
        let (mut low, mut high) = (middle, middle);
        for _ in 0..SCAN_MAX {
            let below = low.checked_sub(1).map(|at| &list[at]);
            let above = list.get(high);
            let place = match (below, above) {
                (Some(below), Some(above)) if own.rating - below.rating <= above.rating - own.rating => below,
                (Some(below), None) => below,
                (_, Some(above)) => above,
                (None, None) => break,
            };
            if above.is_some_and(|above| std::ptr::eq(above, place)) {
                high += 1;
            } else {
                low -= 1;
            }
            if place.slot == own.slot || !self.may_meet(anchor, place, stage) {
                continue;
            }
            into.push(Member {
                slot: place.slot,
                size: place.size,
                extra_ms: place.extra_ms,
                rating: place.rating,
                scatter: place.scatter,
                error: place.error,
                price: self.options.price(self.now_ms - place.created_ms),
                created_ms: place.created_ms,
                key: 0.0,
            });
            if into.len() >= self.options.candidates {
                break;
            }
        }
    }

    fn may_meet(&self, anchor: Anchor<'_>, place: &Place, stage: &Stage) -> bool {
        if usize::from(place.size) > stage.team_max() {
            return false;
        }
        if !place.picky && !anchor.entry.picky() {
            return true;
        }
        self.pool.get(place.slot).is_some_and(|entry| anchor.entry.accepts(entry))
    }

    /// Chooses among the candidates what costs least. Yields by how much the cost, without that of the teams, is
    /// above the price; none if they are too few. The choice is in `scratch.chosen`, the anchor first.
    fn fill(&self, own: &Member, stage: &Stage, scratch: &mut Scratch) -> Option<f32> {
        let players_max = stage.players_max() as f32;
        let scatter = (own.scatter / f32::from(own.size)).max(1.0).sqrt();
        let weights = &self.options.weights;
        let mut centre = own.rating;
        let mut best: Option<f32> = None;
        for round in 0..=RECENTRE {
            for member in &mut scratch.candidates {
                let off = member.rating - centre;
                // A party that is a whole team looks for its opponents itself.
                let whole = usize::from(member.size) == stage.team_max() && member.size > 1 && stage.teams() > 1;
                let whole = if whole { f32::INFINITY } else { 0.0 };
                member.key = whole + weights.spread * off * off / (2.0 * scatter)
                    + weights.latency * f32::from(member.extra_ms)
                    - member.price;
            }
            let _ = players_max;
            scratch.candidates.sort_unstable_by(|a, b| a.key.total_cmp(&b.key).then(a.slot.cmp(&b.slot)));
            if !self.choose(own, stage, &scratch.candidates, &mut scratch.chosen) {
                break;
            }
            let totals = Totals::of(&scratch.chosen, centre);
            let short_of = totals.cost(self.options) - totals.price(self.options);
            if best.is_none_or(|best| short_of < best) {
                best = Some(short_of);
                std::mem::swap(&mut scratch.best, &mut scratch.chosen);
            }
            let moved = totals.off_centre();
            if round == RECENTRE || moved.abs() < 1.0 {
                break;
            }
            centre += moved;
        }
        std::mem::swap(&mut scratch.best, &mut scratch.chosen);
        best
    }

    /// Takes candidates in their order as long as they fit into teams.
    fn choose(&self, own: &Member, stage: &Stage, candidates: &[Member], chosen: &mut Vec<Member>) -> bool {
        self.choose_with(own, None, stage, candidates, chosen);
        if stage.teams() > 1 && stage.players_max() == chosen_players(chosen) {
            // The largest party should meet one of nearly its size.
            let mut sizes = [0_u8; 2];
            for member in chosen.iter() {
                if member.size > sizes[0] {
                    sizes = [member.size, sizes[0]];
                } else if member.size > sizes[1] {
                    sizes[1] = member.size;
                }
            }
            if sizes[0] >= sizes[1] + 2 && usize::from(sizes[0]) < stage.team_max() {
                let equal = |member: &&Member| member.size + 1 >= sizes[0] && member.key.is_finite();
                let second = candidates.iter().filter(equal).find(|member| {
                    chosen.iter().all(|chosen| chosen.slot != member.slot)
                });
                if let Some(second) = second.copied() {
                    self.choose_with(own, Some(second), stage, candidates, chosen);
                }
            }
        }
        chosen_players(chosen) >= stage.players_min()
    }

    fn choose_with(
        &self,
        own: &Member,
        second: Option<Member>,
        stage: &Stage,
        candidates: &[Member],
        chosen: &mut Vec<Member>,
    ) {
        chosen.clear();
        let mut packer = stage.packer();
        packer.add(own.size);
        chosen.push(*own);
        if let Some(second) = second {
            if packer.add(second.size) {
                chosen.push(second);
            }
        }
        for member in candidates {
            if packer.is_full() || !member.key.is_finite() {
                break;
            }
            if second.is_some_and(|second| second.slot == member.slot) {
                continue;
            }
            if packer.add(member.size) {
                chosen.push(*member);
            }
        }
    }

    /// For a party that is a whole team: the best other whole team.
    fn whole_teams(&self, own: &Member, stage: &Stage, scratch: &mut Scratch) -> Option<f32> {
        if own.size < 2 || stage.teams() != 2 || usize::from(own.size) != stage.team_max() {
            return None;
        }
        let mut best: Option<f32> = None;
        for other in scratch.candidates.iter().filter(|other| other.size == own.size) {
            let pair = [*own, *other];
            let totals = Totals::of(&pair, own.rating);
            let cost = totals.cost(self.options)
                + totals.team_cost((own.rating - other.rating).abs(), 0, 2, self.options);
            let short_of = cost - totals.price(self.options);
            if best.is_none_or(|best| short_of < best) {
                best = Some(short_of);
                scratch.chosen.clear();
                scratch.chosen.extend(pair);
            }
        }
        best
    }

    /// Divides what was chosen into teams, mends it where that helps, and asks the rules.
    fn settle(&self, region: u8, stage: &Stage, benches: &[Bench], scratch: &mut Scratch) -> Result<Found, Missed> {
        let mut missed = Missed::Few;
        let weights = &self.options.weights;
        let premade_weight = weights.premade / weights.gap.max(0.01);
        let aim = Aim { premade_weight, enough: if weights.gap > 0.0 { GAP_ENOUGH } else { f32::INFINITY } };
        for mend in 0..=MENDS_MAX {
            let members = &scratch.chosen;
            let mut accepts = |_teams: &[u8]| true;
            let Some(division) = divide(members, benches, aim, &mut accepts) else { return Err(missed) };
            let totals = Totals::of(members, members[0].rating);
            let quality = totals.quality(division.gap, division.premade, benches.len(), self.options);
            if quality.cost <= quality.price {
                return Ok(Found { region, members: members.clone(), division, quality });
            }
            missed = missed.or_dear(quality.cost - quality.price);
            if mend == MENDS_MAX || !self.mend(&division, scratch, &quality) {
                break;
            }
        }
        let _ = stage;
        Err(missed)
    }

    /// Replaces one member, not the anchor, so that the teams become more equal at the least cost.
    fn mend(&self, division: &Division, scratch: &mut Scratch, quality: &Quality) -> bool {
        if division.gap <= GAP_ENOUGH || quality.gap <= 0.0 || division.teams.iter().any(|team| *team > 1) {
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
        let mut best: Option<(f32, usize, Member)> = None;
        for (at, out) in chosen.iter().enumerate().skip(1) {
            let team = usize::from(division.teams[at]);
            let sign = if team == 0 { 1.0 } else { -1.0 };
            for into in scratch.candidates.iter().filter(|into| into.size == out.size) {
                if chosen.iter().any(|member| member.slot == into.slot) {
                    continue;
                }
                let moved = f32::from(out.size) * (into.rating - out.rating) / sums[team].1.max(1.0);
                let after = (gap + sign * moved).abs();
                // What it saves, less what the other player is worse by.
                let value = self.options.weights.gap * (gap.abs() - after)
                    - f32::from(out.size) / totals_players(chosen) * (into.key - out.key).max(0.0);
                if value > 0.0 && best.as_ref().is_none_or(|(best, ..)| value > *best) {
                    best = Some((value, at, *into));
                }
            }
        }
        let Some((_, at, into)) = best else { return false };
        scratch.chosen[at] = into;
        true
    }
}

fn chosen_players(chosen: &[Member]) -> usize {
    chosen.iter().map(|member| usize::from(member.size)).sum()
}

fn totals_players(chosen: &[Member]) -> f32 {
    chosen_players(chosen) as f32
}

impl Found {
    pub(super) fn margin(&self) -> f32 {
        self.quality.cost - self.quality.price
    }
}

impl Missed {
    fn or(self, other: Missed) -> Missed {
        match (self, other) {
            (Missed::Few, other) | (other, Missed::Few) => other,
            (Missed::Dear(one), Missed::Dear(two)) => Missed::Dear(one.min(two)),
            (rule @ Missed::Rule(_), _) | (_, rule @ Missed::Rule(_)) => rule,
        }
    }

    fn or_dear(self, short_of: f32) -> Missed {
        self.or(Missed::Dear(short_of))
    }
}
