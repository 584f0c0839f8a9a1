//! Finds the rule of every field while a value is walked down: all patterns in one tree, so that a step costs
//! a look-up and not a look at every rule.

use super::hash::QuickMap;
use super::path::key_text;
use super::pattern::{Part, Pattern, glob};
use super::policy::Policy;
use crate::value::Value;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

/// How specific a rule is, for the field it is asked about: compared from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// Keys spelled out, then partly.
    keys: usize,
    globs: usize,
    /// Its last key is the field's own.
    names_it: bool,
    stars: usize,
    /// It is about the field, and not about a dictionary that the field is in.
    exact: bool,
    /// Declared later.
    rule: usize,
}

/// What is known about a rule that ends at a place of the tree.
#[derive(Debug, Clone, Copy)]
struct End {
    rank: Rank,
    spreads: bool,
    /// Which field of a group it is.
    member: Option<usize>,
}

#[derive(Debug, Clone, Default)]
struct Place {
    keys: QuickMap<String, usize>,
    items: QuickMap<String, usize>,
    any_item: Option<usize>,
    any: Option<usize>,
    globs: Vec<(Vec<String>, usize)>,
    deep: Option<usize>,
    /// A `**`: it stays where it is at every step.
    stays: bool,
    ends: Vec<End>,
}

/// Every pattern, in one tree.
#[derive(Debug, Clone)]
pub(super) struct Matcher {
    places: Vec<Place>,
}

impl Default for Matcher {
    fn default() -> Matcher {
        Matcher { places: vec![Place::default()] }
    }
}

/// One step down, as patterns see it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Down<'v> {
    Key(&'v Value),
    Index(usize),
    Item(&'v Value),
}

/// Places of the tree; mostly few, so that a step allocates nothing.
#[derive(Debug, Clone, Default, PartialEq)]
struct Places {
    few: [usize; 4],
    len: usize,
    more: Vec<usize>,
}

impl Places {
    fn push(&mut self, place: usize) {
        if self.contains(place) {
            return;
        }
        match self.few.get_mut(self.len) {
            Some(free) => {
                *free = place;
                self.len += 1;
            }
            None => self.more.push(place),
        }
    }

    fn contains(&self, place: usize) -> bool {
        self.iter().any(|known| known == place)
    }

    fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        self.few[..self.len].iter().chain(&self.more).copied()
    }
}

/// How many steps a walk remembers: far more than rules tell apart in a usual game, and a few hundred KB.
const STEPS_MAX: usize = 1024;
/// How many steps by name are remembered at one place: they are looked at one by one.
const NAMED_MAX: usize = 16;

/// Where a walk stands, and what the rules say there.
#[derive(Debug, Default)]
pub(super) struct State {
    places: Places,
    /// What holds here because of a dictionary above.
    above: Option<Rank>,
    /// The most specific rule.
    pub(super) found: Option<Found>,
    /// Whether rules can be about something below.
    pub(super) has_below: bool,
    /// Whether a rule is about the items of a list here, by `[]`, `[key]` or `*`.
    pub(super) has_items: bool,
    /// Whether rules name keys here, and items.
    names: [bool; 2],
    /// The step to a key that no rule names, and to an item: one for all of them.
    other: [OnceCell<Rc<State>>; 2],
    named: RefCell<Vec<Step>>,
}

/// A remembered step by name.
#[derive(Debug)]
struct Step {
    is_item: bool,
    /// Where the names lead that fit.
    places: Places,
    to: Rc<State>,
}

/// A walk through one value: steps that the rules do not tell apart are worked out once.
#[derive(Debug)]
pub(super) struct Walk<'m> {
    matcher: &'m Matcher,
    remembered: Cell<usize>,
}

/// The rule of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) rule: usize,
    /// Which field of a group.
    pub(super) member: Option<usize>,
}

impl Matcher {
    pub(super) fn add(&mut self, rule: usize, patterns: &[Pattern], policy: &Policy) {
        for (member, pattern) in patterns.iter().enumerate() {
            let mut at = 0;
            for part in &pattern.parts {
                at = self.child(at, part);
            }
            let count = |wanted: fn(&Part) -> bool| pattern.parts.iter().filter(|part| wanted(part)).count();
            let keys = count(|part| matches!(part, Part::Key(_) | Part::Item(_)));
            let globs = count(|part| matches!(part, Part::Glob(_)));
            let stars = count(|part| matches!(part, Part::Any | Part::AnyItem));
            let names_it = matches!(pattern.parts.last(), Some(Part::Key(_) | Part::Item(_) | Part::Glob(_)));
            let member = matches!(policy, Policy::Group { .. }).then_some(member);
            let rank = Rank { keys, globs, names_it, stars, exact: true, rule };
            self.places[at].ends.push(End { rank, spreads: policy.spreads(), member });
        }
    }

    fn child(&mut self, at: usize, part: &Part) -> usize {
        let new = self.places.len();
        let place = &mut self.places[at];
        let next = match part {
            Part::Key(key) => *place.keys.entry(key.clone()).or_insert(new),
            Part::Item(key) => *place.items.entry(key.clone()).or_insert(new),
            Part::AnyItem => *place.any_item.get_or_insert(new),
            Part::Any => *place.any.get_or_insert(new),
            Part::Deep => *place.deep.get_or_insert(new),
            Part::Glob(pieces) => match place.globs.iter().find(|(known, _)| known == pieces) {
                Some((_, next)) => *next,
                None => {
                    place.globs.push((pieces.clone(), new));
                    new
                }
            },
        };
        if next == new {
            self.places.push(Place { stays: matches!(part, Part::Deep), ..Place::default() });
        }
        next
    }

    /// A place, and those that a `**` of no steps leads to.
    fn enter(&self, place: usize, places: &mut Places) {
        if places.contains(place) {
            return;
        }
        places.push(place);
        if let Some(deep) = self.places[place].deep {
            self.enter(deep, places);
        }
    }

    /// What holds at these places.
    fn state(&self, places: Places, above: Option<Rank>) -> State {
        let at = || places.iter().map(|place| &self.places[place]);
        let ends = at().flat_map(|place| &place.ends);
        let found = match ends.max_by_key(|end| end.rank) {
            Some(end) if Some(end.rank) > above => Some(Found { rule: end.rank.rule, member: end.member }),
            _ => above.map(|rank| Found { rule: rank.rule, member: None }),
        };
        let any = |place: &Place| place.any.is_some() || place.any_item.is_some();
        let names_keys = |place: &Place| !place.keys.is_empty() || !place.globs.is_empty();
        let names_items = |place: &Place| !place.items.is_empty();
        let names = [at().any(names_keys), at().any(names_items)];
        let has_below = names[0] || names[1] || at().any(|place| place.stays || any(place));
        let has_items = names[1] || at().any(any);
        State { above, found, has_below, has_items, names, places, ..State::default() }
    }

    /// Where the names lead that fit a step.
    fn named(&self, state: &State, down: Down<'_>) -> Places {
        let mut named = Places::default();
        let text = match down {
            Down::Key(key) | Down::Item(key) => key_text(key),
            Down::Index(index) => index.to_string().into(),
        };
        for place in state.places.iter().map(|place| &self.places[place]) {
            if let Down::Key(_) = down {
                place.keys.get(text.as_ref()).into_iter().for_each(|next| named.push(*next));
                let globs = place.globs.iter().filter(|(pieces, _)| glob(pieces, &text));
                globs.for_each(|(_, next)| named.push(*next));
            } else {
                place.items.get(text.as_ref()).into_iter().for_each(|next| named.push(*next));
            }
        }
        named
    }

    /// One step down, to where `named` leads and where every step leads.
    fn step(&self, state: &State, is_item: bool, named: &Places) -> State {
        let ends = state.places.iter().flat_map(|place| &self.places[place].ends);
        let spread = ends.filter(|end| end.spreads);
        let spread = spread.map(|end| Rank { names_it: false, exact: false, ..end.rank }).max();
        let mut places = Places::default();
        for at in state.places.iter() {
            let place = &self.places[at];
            let any_item = place.any_item.filter(|_| is_item);
            let stays = place.stays.then_some(at);
            for next in [stays, place.any, any_item].into_iter().flatten() {
                self.enter(next, &mut places);
            }
        }
        named.iter().for_each(|next| self.enter(next, &mut places));
        self.state(places, state.above.max(spread))
    }
}

impl<'m> Walk<'m> {
    pub(super) fn new(matcher: &'m Matcher) -> Walk<'m> {
        Walk { matcher, remembered: Cell::new(0) }
    }

    /// At the whole value.
    pub(super) fn start(&self) -> Rc<State> {
        let mut places = Places::default();
        self.matcher.enter(0, &mut places);
        Rc::new(self.matcher.state(places, None))
    }

    pub(super) fn step(&self, state: &Rc<State>, down: Down<'_>) -> Rc<State> {
        if state.places.is_empty() {
            return Rc::clone(state);
        }
        let is_item = !matches!(down, Down::Key(_));
        let named = match state.names[usize::from(is_item)] {
            true => self.matcher.named(state, down),
            false => Places::default(),
        };
        if named.is_empty() {
            let other = &state.other[usize::from(is_item)];
            return Rc::clone(other.get_or_init(|| Rc::new(self.matcher.step(state, is_item, &named))));
        }
        let fits = |step: &&Step| step.is_item == is_item && step.places == named;
        if let Some(step) = state.named.borrow().iter().find(fits) {
            return Rc::clone(&step.to);
        }
        let to = Rc::new(self.matcher.step(state, is_item, &named));
        let mut steps = state.named.borrow_mut();
        if steps.len() < NAMED_MAX && self.remembered.get() < STEPS_MAX {
            self.remembered.set(self.remembered.get() + 1);
            steps.push(Step { is_item, places: named, to: Rc::clone(&to) });
        }
        to
    }
}
