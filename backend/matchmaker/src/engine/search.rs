//! One look for a match around a core: a ticket that looks, or a running match with free seats. In each of its
//! best regions the nearest tickets by skill, of them those that add least to the cost, and of those the best
//! division into teams.
//!
//! Two ways are tried: filling a lobby from all smaller parties, and for a party that is a whole team, another
//! whole team. A lobby is made around its own centre, not the core's: choosing is repeated from the mean of what
//! was chosen, with the core kept.

use super::options::{Options, Tempo};
use super::pool::{Entry, Place, Pool, Way};
use super::score::{Member, Quality, Totals};
use super::settle::chosen_players;
use super::split::{Bench, Division};
use crate::rules::{Packer, RuleSet, Stage, View};
use crate::ticket::{Player, PlayerId};

/// Places looked at in one region for one core, usable or not.
const SCAN_MAX: usize = 1_024;
/// How often the centre is moved to the mean of what was chosen.
const RECENTRE: usize = 2;
/// What a place in the order of a rule of order counts, in rating points.
const SORT_STEP: f32 = 2.0;

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
    pub(super) candidates: Vec<Member>,
    /// The candidates by key: the key's bits in order, then the place.
    order: Vec<u64>,
    pub(super) chosen: Vec<Member>,
    best: Vec<Member>,
}

/// What a look needs to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look<'a> {
    pub(super) pool: &'a Pool,
    pub(super) rules: &'a RuleSet,
    pub(super) options: &'a Options,
    pub(super) now_ms: i64,
    /// How prices go.
    pub(super) tempo: Tempo,
}

/// What a match is made around.
#[derive(Clone, Copy, Debug)]
pub(super) struct Core<'a> {
    /// As a member of the match: the ticket, or all who are there.
    pub(super) own: Member,
    pub(super) ways: &'a [Way],
    /// None for a match that runs.
    pub(super) entry: Option<&'a Entry>,
    /// Who is there, by team; empty for a ticket.
    pub(super) present: &'a [Vec<Player>],
    /// Whom a match that runs does not take.
    pub(super) avoid: &'a [PlayerId],
}

/// One way of making a match: the stage of the rule set, and the teams as they are before anyone is added.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) stage: &'a Stage,
    pub(super) stage_number: usize,
    pub(super) benches: &'a [Bench],
    pub(super) region: u8,
}

impl Look<'_> {
    /// The best match around the core whose cost is not above its price.
    pub(super) fn around(&self, core: Core<'_>, scratch: &mut Scratch) -> Result<Found, Missed> {
        let mut missed = Missed::Few;
        let mut best: Option<Found> = None;
        let age_ms = self.now_ms - core.own.created_ms;
        for stage_number in self.rules.stages_for(age_ms) {
            let stage = &self.rules.stages()[stage_number];
            let benches = core.benches(stage);
            for way in core.ways.iter().take(self.options.regions_tried.max(1)) {
                if way.latency_ms > stage.latency_max_ms {
                    continue;
                }
                let frame = Frame { stage, stage_number, benches: &benches, region: way.region };
                let core = Core { own: Member { extra_ms: way.extra_ms, ..core.own }, ..core };
                self.gather(core, frame, &mut scratch.candidates);
                self.in_region(core, frame, scratch, &mut best, &mut missed);
            }
            if best.is_some() {
                break;
            }
        }
        best.ok_or(missed)
    }

    fn in_region(
        &self,
        core: Core<'_>,
        frame: Frame<'_>,
        scratch: &mut Scratch,
        best: &mut Option<Found>,
        missed: &mut Missed,
    ) {
        for whole in [true, false] {
            let short_of =
                if whole { self.whole_teams(core, frame, scratch) } else { self.fill(core, frame, scratch) };
            let Some(short_of) = short_of else { continue };
            if short_of > best.as_ref().map_or(0.0, Found::margin) {
                *missed = missed.or(Missed::Dear(short_of));
                continue;
            }
            match self.settle(core, frame, scratch) {
                Ok(found) if best.as_ref().is_none_or(|best| found.margin() < best.margin()) => {
                    *best = Some(found);
                }
                Ok(_) => {}
                Err(why) => *missed = missed.or(why),
            }
        }
    }

    /// A ticket as the core of a match.
    pub(super) fn core<'e>(&self, slot: u32, entry: &'e Entry) -> Core<'e> {
        let own = Member {
            slot,
            size: entry.size() as u8,
            extra_ms: 0,
            rating: entry.belief.mean,
            scatter: entry.belief.scatter,
            error: entry.belief.error,
            price: self.options.price(self.now_ms - entry.ticket.created_at_ms, self.tempo),
            created_ms: entry.ticket.created_at_ms,
            picky: entry.picky(),
            key: f32::NEG_INFINITY,
        };
        Core { own, ways: &entry.ways, entry: Some(entry), present: &[], avoid: &[] }
    }

    /// The tickets nearest to the core by skill that may play with it in a region.
    pub(super) fn gather(&self, core: Core<'_>, frame: Frame<'_>, into: &mut Vec<Member>) {
        into.clear();
        let list = self.pool.list(frame.region);
        let rating = core.own.rating;
        let middle = list.partition_point(|place| place.rating < rating);
        let (mut low, mut high) = (middle, middle);
        let room = frame.benches.iter().map(Bench::free).max().unwrap_or(0);
        let created_max_ms = self.created_max_ms(frame);
        for _ in 0..SCAN_MAX {
            let below = low.checked_sub(1).map(|at| &list[at]);
            let above = list.get(high);
            let upwards = match (below, above) {
                (Some(below), Some(above)) => rating - below.rating > above.rating - rating,
                (None, Some(_)) => true,
                (Some(_), None) => false,
                (None, None) => break,
            };
            let place = if upwards { &list[high] } else { &list[low - 1] };
            if upwards {
                high += 1;
            } else {
                low -= 1;
            }
            let fits = u16::from(place.size) <= room
                && place.created_ms <= created_max_ms
                && place.latency_ms <= frame.stage.latency_max_ms;
            if place.slot == core.own.slot || !fits || !self.may_meet(core, place) {
                continue;
            }
            into.push(self.member(place));
            if into.len() >= self.options.candidates {
                break;
            }
        }
    }

    /// The youngest ticket that a stage is for.
    fn created_max_ms(&self, frame: Frame<'_>) -> i64 {
        if self.rules.age_is_newest() { self.now_ms - frame.stage.from_ms } else { i64::MAX }
    }

    fn member(&self, place: &Place) -> Member {
        Member {
            slot: place.slot,
            size: place.size,
            extra_ms: place.extra_ms,
            rating: place.rating,
            scatter: place.scatter,
            error: place.error,
            price: self.options.price(self.now_ms - place.created_ms, self.tempo),
            created_ms: place.created_ms,
            picky: place.picky,
            key: 0.0,
        }
    }

    fn may_meet(&self, core: Core<'_>, place: &Place) -> bool {
        match core.entry {
            Some(entry) if !place.picky && !entry.picky() => true,
            Some(entry) => self.pool.get(place.slot).is_some_and(|other| entry.accepts(other)),
            None if !place.picky && core.avoid.is_empty() => true,
            // A match that runs is public; a wish is for the mean of those who are there.
            None => self.pool.get(place.slot).is_some_and(|other| {
                let is_avoided = other.ticket.players.iter().any(|player| core.avoid.contains(&player.id));
                !is_avoided && (!place.picky || other.accepts_match(core.own.rating))
            }),
        }
    }

    /// Chooses among the candidates what costs least. Yields by how much the cost, without that of the teams, is
    /// above the price; none if they are too few. The choice is in `scratch.chosen`, the core first.
    fn fill(&self, core: Core<'_>, frame: Frame<'_>, scratch: &mut Scratch) -> Option<f32> {
        let own = &core.own;
        let scatter = (own.scatter / f32::from(own.size.max(1))).max(1.0).sqrt();
        let weights = &self.options.weights;
        // A party that is a whole team looks for its opponents itself.
        let alone = frame.stage.teams() > 1 && core.entry.is_some();
        let whole = if alone { frame.stage.team_max().max(2) } else { usize::MAX };
        let step = if self.sort_by_rules(core, frame, &mut scratch.candidates) { SORT_STEP } else { 0.0 };
        let mut centre = own.rating;
        let mut best: Option<f32> = None;
        for round in 0..=RECENTRE {
            scratch.order.clear();
            for (at, member) in scratch.candidates.iter_mut().enumerate() {
                let off = member.rating - centre;
                member.key = weights.spread * off * off / (2.0 * scatter)
                    + weights.latency * f32::from(member.extra_ms)
                    - member.price;
                if usize::from(member.size) < whole {
                    let key = member.key + step * at as f32;
                    scratch.order.push(sortable(key) << 32 | at as u64);
                }
            }
            scratch.order.sort_unstable();
            if !self.choose(core, frame, scratch) {
                break;
            }
            let totals = Totals::of(&scratch.chosen, centre);
            let short_of = totals.cost(self.options) - totals.price();
            if best.is_none_or(|best| short_of < best) {
                best = Some(short_of);
                std::mem::swap(&mut scratch.best, &mut scratch.chosen);
            }
            let moved = totals.off_centre();
            if round == RECENTRE || moved.abs() < 1.0 || weights.spread <= 0.0 {
                break;
            }
            centre += moved;
        }
        std::mem::swap(&mut scratch.best, &mut scratch.chosen);
        best
    }

    /// Takes candidates in their order as long as they fit into teams.
    fn choose(&self, core: Core<'_>, frame: Frame<'_>, scratch: &mut Scratch) -> bool {
        self.choose_with(core, None, frame, scratch);
        let stage = frame.stage;
        if stage.teams() > 1 && core.entry.is_some() && stage.players_max() == chosen_players(&scratch.chosen)
        {
            // The largest party should meet one of nearly its size.
            let mut sizes = [0_u8; 2];
            for member in &scratch.chosen {
                if member.size > sizes[0] {
                    sizes = [member.size, sizes[0]];
                } else if member.size > sizes[1] {
                    sizes[1] = member.size;
                }
            }
            if sizes[0] >= sizes[1] + 2 && usize::from(sizes[0]) < stage.team_max() {
                let ordered = scratch.order.iter().map(|key| &scratch.candidates[place_of(*key)]);
                let mut equal = ordered.filter(|member| member.size + 1 >= sizes[0]);
                let second = equal
                    .find(|member| scratch.chosen.iter().all(|chosen| chosen.slot != member.slot))
                    .copied();
                if let Some(second) = second {
                    self.choose_with(core, Some(second), frame, scratch);
                }
            }
        }
        match core.entry {
            Some(_) => chosen_players(&scratch.chosen) >= stage.players_min(),
            None => scratch.chosen.len() > 1,
        }
    }

    /// The core, the one that must be with it, and what fits of the others in their order.
    fn choose_with(&self, core: Core<'_>, second: Option<Member>, frame: Frame<'_>, scratch: &mut Scratch) {
        scratch.chosen.clear();
        let mut packer = Packer::new(frame.benches.iter().map(Bench::free));
        if core.entry.is_some() {
            packer.add(core.own.size);
        }
        scratch.chosen.push(core.own);
        let asks = frame.stage.rules.iter().any(|rule| rule.partial);
        if let Some(second) = second
            && self.all_accept(&second, &scratch.chosen)
            && packer.add(second.size)
        {
            scratch.chosen.push(second);
        }
        for key in &scratch.order {
            if packer.is_full() {
                break;
            }
            let member = &scratch.candidates[place_of(*key)];
            if second.is_some_and(|second| second.slot == member.slot) {
                continue;
            }
            if !self.all_accept(member, &scratch.chosen) {
                continue;
            }
            if asks && self.clashes(core, frame, member, &scratch.chosen, &packer) {
                continue;
            }
            if packer.add(member.size) {
                scratch.chosen.push(*member);
            }
        }
    }

    /// Whether a party and those chosen accept each other.
    pub(super) fn all_accept(&self, member: &Member, chosen: &[Member]) -> bool {
        if !member.picky && chosen.iter().all(|chosen| !chosen.picky) {
            return true;
        }
        let Some(entry) = self.pool.get(member.slot) else { return false };
        // What runs already is no ticket; it was asked when candidates were gathered.
        chosen.iter().filter_map(|chosen| self.pool.get(chosen.slot)).all(|chosen| chosen.accepts(entry))
    }

    /// Whether rules are against a party in a match with those chosen, whoever else is.
    fn clashes(
        &self,
        core: Core<'_>,
        frame: Frame<'_>,
        member: &Member,
        chosen: &[Member],
        packer: &Packer,
    ) -> bool {
        if !packer.clone().add(member.size) {
            return true;
        }
        let mut view = View { teams: vec![Vec::new(); frame.benches.len()], parties: Vec::new() };
        for team in core.present {
            view.teams[0].extend(team);
        }
        for slot in chosen.iter().map(|chosen| chosen.slot).chain([member.slot]) {
            if let Some(entry) = self.pool.get(slot) {
                view.teams[0].extend(&entry.ticket.players);
                view.parties.push((&entry.ticket.players, entry.latency_ms(frame.region)));
            }
        }
        self.rules.clash(frame.stage, &view).is_some()
    }

    /// Puts the candidates in the order of the rules of order, the last one first; false if there are none.
    fn sort_by_rules(&self, core: Core<'_>, frame: Frame<'_>, candidates: &mut [Member]) -> bool {
        let Some(anchor) = core.entry else { return false };
        let mut sorted = false;
        for rule in 0..frame.stage.rules.len() {
            let value = |member: &Member| {
                let entry = self.pool.get(member.slot)?;
                self.rules.sort_value(frame.stage, rule, &entry.ticket.players, &anchor.ticket.players)
            };
            if candidates.first().and_then(value).is_none() {
                continue;
            }
            candidates.sort_by_cached_key(|member| {
                let value = value(member).unwrap_or(f64::MAX);
                sortable(value as f32)
            });
            sorted = true;
        }
        sorted
    }

    /// For a party that is a whole team: the best other whole team.
    fn whole_teams(&self, core: Core<'_>, frame: Frame<'_>, scratch: &mut Scratch) -> Option<f32> {
        let own = &core.own;
        let stage = frame.stage;
        let whole = own.size >= 2 && stage.teams() == 2 && usize::from(own.size) == stage.team_max();
        if !whole || core.entry.is_none() {
            return None;
        }
        let mut best: Option<f32> = None;
        for other in scratch.candidates.iter().filter(|other| other.size == own.size) {
            let pair = [*own, *other];
            let totals = Totals::of(&pair, own.rating);
            let cost = totals.cost(self.options)
                + totals.team_cost((own.rating - other.rating).abs(), 0, 2, self.options);
            let short_of = cost - totals.price();
            if best.is_none_or(|best| short_of < best) {
                best = Some(short_of);
                scratch.chosen.clear();
                scratch.chosen.extend(pair);
            }
        }
        best
    }
}

impl Core<'_> {
    /// The teams before anyone is added.
    fn benches(&self, stage: &Stage) -> Vec<Bench> {
        let mut benches = stage.benches();
        if self.entry.is_some() {
            return benches;
        }
        for (bench, players) in benches.iter_mut().zip(self.present) {
            bench.players = players.len() as u16;
            bench.rating = players.iter().map(|player| player.rating.mu as f32).sum();
            bench.premade = u8::from(!players.is_empty());
            // Whoever comes is welcome.
            bench.min = 0;
        }
        benches
    }
}

/// A key as a number that sorts as it does.
fn sortable(key: f32) -> u64 {
    let bits = key.to_bits();
    u64::from(if bits >> 31 == 1 { !bits } else { bits | 1 << 31 })
}

/// The candidate that an entry of the order stands for.
fn place_of(key: u64) -> usize {
    (key & u64::from(u32::MAX)) as usize
}

impl Found {
    pub(super) fn margin(&self) -> f32 {
        self.quality.cost - self.quality.price
    }
}

impl Missed {
    pub(super) fn or(self, other: Missed) -> Missed {
        match (self, other) {
            (Missed::Few, other) | (other, Missed::Few) => other,
            (Missed::Dear(one), Missed::Dear(two)) => Missed::Dear(one.min(two)),
            (rule @ Missed::Rule(_), _) | (_, rule @ Missed::Rule(_)) => rule,
        }
    }
}
