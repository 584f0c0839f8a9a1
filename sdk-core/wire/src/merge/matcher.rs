//! Finds the rule of every field while a value is walked down: all patterns in one tree, so that a step costs
//! a look-up and not a look at every rule.

use super::hash::QuickMap;
use super::path::key_text;
use super::pattern::{Part, Pattern, glob};
use super::policy::Policy;
use crate::value::Value;

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
#[derive(Debug, Clone, Default)]
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

/// Where a walk stands.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    places: Places,
    /// What holds here because of a dictionary above.
    above: Option<Rank>,
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

    /// At the whole value.
    pub(super) fn start(&self) -> State {
        let mut state = State::default();
        self.enter(0, &mut state.places);
        state
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

    pub(super) fn step(&self, state: &State, down: Down<'_>) -> State {
        let mut next = State { places: Places::default(), above: state.above };
        if state.places.is_empty() {
            return next;
        }
        for end in self.ends(state).filter(|end| end.spreads) {
            let rank = Rank { names_it: false, exact: false, ..end.rank };
            next.above = next.above.max(Some(rank));
        }
        for place in state.places.iter() {
            self.follow(place, down, &mut next.places);
        }
        next
    }

    fn follow(&self, at: usize, down: Down<'_>, places: &mut Places) {
        let place = &self.places[at];
        if place.stays {
            self.enter(at, places);
        }
        if let Some(any) = place.any {
            self.enter(any, places);
        }
        match down {
            Down::Key(key) if !place.keys.is_empty() || !place.globs.is_empty() => {
                let text = key_text(key);
                if let Some(next) = place.keys.get(text.as_ref()) {
                    self.enter(*next, places);
                }
                for (_, next) in place.globs.iter().filter(|(pieces, _)| glob(pieces, &text)) {
                    self.enter(*next, places);
                }
            }
            Down::Key(_) => {}
            Down::Index(_) | Down::Item(_) => {
                if let Some(next) = place.any_item {
                    self.enter(next, places);
                }
                if !place.items.is_empty() {
                    let text = match down {
                        Down::Item(key) | Down::Key(key) => key_text(key),
                        Down::Index(index) => index.to_string().into(),
                    };
                    if let Some(next) = place.items.get(text.as_ref()) {
                        self.enter(*next, places);
                    }
                }
            }
        }
    }

    fn ends<'m>(&'m self, state: &'m State) -> impl Iterator<Item = &'m End> {
        state.places.iter().flat_map(|place| &self.places[place].ends)
    }

    /// The most specific rule of where the walk stands.
    pub(super) fn found(&self, state: &State) -> Option<Found> {
        let here = self.ends(state).max_by_key(|end| end.rank);
        match here {
            Some(end) if Some(end.rank) > state.above => {
                Some(Found { rule: end.rank.rule, member: end.member })
            }
            _ => state.above.map(|rank| Found { rule: rank.rule, member: None }),
        }
    }

    /// Whether rules can be about something below.
    pub(super) fn has_below(&self, state: &State) -> bool {
        state.places.iter().any(|place| {
            let place = &self.places[place];
            let none = place.keys.is_empty() && place.items.is_empty() && place.globs.is_empty();
            place.stays || !none || place.any.is_some() || place.any_item.is_some()
        })
    }

    /// Whether a rule is about the items of a list here, by `[]`, `[key]` or `*`.
    pub(super) fn has_items(&self, state: &State) -> bool {
        state.places.iter().any(|place| {
            let place = &self.places[place];
            place.any_item.is_some() || place.any.is_some() || !place.items.is_empty()
        })
    }
}
