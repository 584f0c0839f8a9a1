//! The walk through the three values: for each field the rule, and what it makes of the field.

use super::items::{Lists, agreed, edits, keeps, spelling};
use super::matcher::{Down, Found, State, Walk};
use super::order::{Doubles, paired, same_keys};
use super::path::Trail;
use super::same::{same, same_option};
use super::tree::{Entries, Node};
use super::weigh::weigh;
use super::{
    Ask, Custom, Decider, Facts, Merge, MergeError, Merged, Policies, Policy, Side, Suspicion, Which, diff3,
    groups, numbers, suspicions,
};
use crate::value::{Dictionary, ElementType, VALUE_ITEMS_MAX, Value, encode};
use std::cmp::Ordering;
use std::rc::Rc;

/// What the three sides have in one place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Three<'v> {
    pub(super) base: Option<&'v Value>,
    pub(super) local: Option<&'v Value>,
    pub(super) cloud: Option<&'v Value>,
}

impl<'v> Three<'v> {
    pub(super) fn side(&self, which: Which) -> Option<&'v Value> {
        match which {
            Which::Base => self.base,
            Which::Local => self.local,
            Which::Cloud => self.cloud,
        }
    }

    /// All three have dictionaries or arrays.
    fn is_large(&self) -> bool {
        let large = |value: Option<&Value>| matches!(value, Some(Value::Dictionary(_) | Value::Array(_)));
        large(self.base) && large(self.local) && large(self.cloud)
    }

    fn is_untouched(&self) -> bool {
        same_option(self.base, self.local) && same_option(self.local, self.cloud)
    }
}

pub(super) struct Engine<'a, 'c> {
    pub(super) policies: &'a Policies,
    walk: Walk<'a>,
    /// The ancestor is known: what it lacks was added, what only it has was removed.
    pub(super) known: bool,
    pub(super) later: Which,
    pub(super) played_more: Which,
    /// Without an ancestor: the side that looks like an accident beside the other.
    distrusted: Option<Which>,
    pub(super) asks: Vec<Ask>,
    pub(super) groups: groups::Groups,
    custom: &'c mut dyn FnMut(&Custom<'_>) -> Option<Value>,
    /// Values came from outside: the result has to be looked at.
    foreign: bool,
}

pub(super) fn run(
    input: &Merge<'_>,
    custom: &mut dyn FnMut(&Custom<'_>) -> Option<Value>,
) -> Result<Merged, MergeError> {
    check_schemas(input)?;
    let weigh =
        |side: &Side<'_>, which| weigh(side.value).map_err(|error| MergeError::Value { side: which, error });
    let base = input.base.as_ref().map(|base| weigh(base, Which::Base)).transpose()?;
    let sizes = [base, Some(weigh(&input.local, Which::Local)?), Some(weigh(&input.cloud, Which::Cloud)?)];
    let alike = same(input.local.value, input.cloud.value);
    if alike && (input.local.hlc, input.local.device) == (input.cloud.hlc, input.cloud.device) {
        return Ok(finished(input.local.value.clone()));
    }
    let suspicions = suspected(input, sizes);
    let three = Three {
        base: input.base.map(|base| base.value),
        local: Some(input.local.value),
        cloud: Some(input.cloud.value),
    };
    let later = later(input)?;
    let mut engine = Engine {
        policies: input.policies,
        walk: Walk::new(&input.policies.matcher),
        known: input.base.is_some(),
        later,
        played_more: match input.local.playtime_ms.cmp(&input.cloud.playtime_ms) {
            Ordering::Less => Which::Cloud,
            Ordering::Equal => later,
            Ordering::Greater => Which::Local,
        },
        distrusted: None,
        asks: Vec::new(),
        groups: groups::Groups::default(),
        custom,
        foreign: false,
    };
    if input.base.is_some() && !suspicions.is_empty() && !alike {
        let node = engine.ask(three, &Trail { up: None, down: None });
        return Ok(Merged { suspicions, ..engine.finish(node) });
    }
    engine.distrusted = suspicions.first().map(|(which, _)| *which);
    engine.groups = groups::Groups::find(&engine, three);
    let start = engine.walk.start();
    let node = engine.field(three, &start, &Trail { up: None, down: None });
    let foreign = engine.foreign;
    let merged = Merged { suspicions, ..engine.finish(node) };
    // No value has more values in it than bytes.
    if foreign || sizes.iter().flatten().sum::<usize>() > VALUE_ITEMS_MAX {
        encode(&merged.value).map_err(MergeError::Merged)?;
    }
    Ok(merged)
}

fn check_schemas(input: &Merge<'_>) -> Result<(), MergeError> {
    let sides =
        [(Which::Base, input.base), (Which::Local, Some(input.local)), (Which::Cloud, Some(input.cloud))];
    let schemas = || sides.iter().filter_map(|(which, side)| Some((*which, side.as_ref()?.schema)));
    let wanted = schemas().map(|(_, schema)| schema).max().unwrap_or_default();
    match schemas().find(|(_, schema)| *schema != wanted) {
        Some((side, found)) => Err(MergeError::Schema { side, found, wanted }),
        None => Ok(()),
    }
}

fn facts(side: &Side<'_>, size: usize) -> Facts {
    let is_empty = match side.value {
        Value::Null => true,
        Value::String(text) | Value::StringName(text) => text.is_empty(),
        Value::Dictionary(dictionary) => dictionary.entries.is_empty(),
        Value::Array(array) => array.items.is_empty(),
        Value::PackedByteArray(bytes) => bytes.is_empty(),
        _ => false,
    };
    let size_bytes = i64::try_from(size).unwrap_or(i64::MAX);
    Facts { size_bytes, playtime_ms: side.playtime_ms, schema: side.schema, is_empty }
}

/// The sides that look like accidents: beside the ancestor, or beside each other when there is none. Without an
/// ancestor less playtime says nothing: nobody knows that one comes from the other.
fn suspected(input: &Merge<'_>, sizes: [Option<usize>; 3]) -> Vec<(Which, Suspicion)> {
    if !input.guards {
        return Vec::new();
    }
    let [base_size, local_size, cloud_size] = sizes.map(Option::unwrap_or_default);
    let (local, cloud) = (facts(&input.local, local_size), facts(&input.cloud, cloud_size));
    let base = input.base.as_ref().map(|base| facts(base, base_size));
    let of = |which, before: Facts, after: &Facts| {
        let found = suspicions(&before, after).into_iter();
        found
            .filter(|suspicion| base.is_some() || *suspicion != Suspicion::LessPlaytime)
            .map(move |suspicion| (which, suspicion))
            .collect::<Vec<_>>()
    };
    let mut found = of(Which::Local, base.unwrap_or(cloud), &local);
    found.extend(of(Which::Cloud, base.unwrap_or(local), &cloud));
    found
}

/// The side that was saved later. Never a tie: the devices decide, then the contents.
fn later(input: &Merge<'_>) -> Result<Which, MergeError> {
    let (local, cloud) = (&input.local, &input.cloud);
    let order = match (local.hlc, local.device).cmp(&(cloud.hlc, cloud.device)) {
        Ordering::Equal => {
            let bytes = |side: &Side<'_>, which| {
                encode(side.value).map_err(|error| MergeError::Value { side: which, error })
            };
            bytes(local, Which::Local)?.cmp(&bytes(cloud, Which::Cloud)?)
        }
        order => order,
    };
    Ok(if order == Ordering::Greater { Which::Local } else { Which::Cloud })
}

fn finished(value: Value) -> Merged {
    Merged { value, asks: Vec::new(), suspicions: Vec::new(), answers: Vec::new(), node: None }
}

fn settled(value: Option<&Value>) -> Option<Node> {
    value.map(|value| Node::Value(value.clone()))
}

impl Engine<'_, '_> {
    fn finish(self, node: Option<Node>) -> Merged {
        let node = match node {
            Some(Node::Value(value)) if self.asks.is_empty() => return finished(value),
            node => node.unwrap_or(Node::Value(Value::Null)),
        };
        let answers = vec![None; self.asks.len()];
        let value = node.build(&self.asks, &answers).unwrap_or_default();
        Merged { value, asks: self.asks, suspicions: Vec::new(), answers, node: Some(node) }
    }

    /// Merges what is in one place; nothing when the field goes.
    pub(super) fn field(&mut self, three: Three<'_>, state: &Rc<State>, trail: &Trail<'_>) -> Option<Node> {
        let found = state.found;
        if let Some(Found { rule, member: Some(member) }) = found {
            return self.member(rule, member, three);
        }
        if three.is_large() {
            if three.is_untouched() {
                return settled(three.local);
            }
            // Without a rule here or below, a side that changed alone is taken as it is.
            let ruled = found.is_some() || self.policies.default_policy().bounds().is_some();
            if self.known && !ruled && !state.has_below {
                if same_option(three.base, three.cloud) {
                    return settled(three.local);
                }
                if same_option(three.base, three.local) {
                    return settled(three.cloud);
                }
            }
        }
        let policies = self.policies;
        let policy = found.map(|found| policies.policy(found.rule));
        if let (Some(Value::Dictionary(local)), Some(Value::Dictionary(cloud))) = (three.local, three.cloud) {
            let one = matches!(policy, Some(Policy::Ask | Policy::Custom { .. }))
                || (matches!(policy, Some(Policy::Local | Policy::Cloud)) && !state.has_below);
            if !one && let Some(node) = self.dictionary(three.base, local, cloud, policy, state, trail) {
                return Some(node);
            }
        }
        let for_lists = |policy: &Policy| policy.gathers() || policy.bounds().is_some();
        if let (Some(local), Some(cloud)) = (three.local, three.cloud)
            && (policy.is_some_and(for_lists) || state.has_items)
            && let Some(lists) = Lists::of(three.base, local, cloud)
            && let Some(node) = self.array(&lists, three, policy, state, trail)
        {
            return Some(node);
        }
        self.leaf(three, policy, trail)
    }

    /// Merges what is one step below.
    fn below(
        &mut self,
        three: Three<'_>,
        down: Down<'_>,
        state: &Rc<State>,
        trail: &Trail<'_>,
    ) -> Option<Node> {
        let state = self.walk.step(state, down);
        self.field(three, &state, &Trail { up: Some(trail), down: Some(down) })
    }

    fn dictionary(
        &mut self,
        base: Option<&Value>,
        local: &Dictionary,
        cloud: &Dictionary,
        policy: Option<&Policy>,
        state: &Rc<State>,
        trail: &Trail<'_>,
    ) -> Option<Node> {
        let base = if let Some(Value::Dictionary(base)) = base { Some(base) } else { None };
        let types =
            |dictionary: &Dictionary| -> (ElementType, ElementType) { (dictionary.key, dictionary.value) };
        let types = agreed(base.map(types), types(local), types(cloud))?;
        if let Some(base) = base
            && same_keys(&local.entries, &cloud.entries)
            && same_keys(&base.entries, &local.entries)
        {
            let mut entries = Entries::with_capacity(base.entries.len());
            for ((base, local), cloud) in base.entries.iter().zip(&local.entries).zip(&cloud.entries) {
                let three = Three { base: Some(&base.1), local: Some(&local.1), cloud: Some(&cloud.1) };
                if let Some(node) = self.below(three, Down::Key(&base.0), state, trail) {
                    entries.push(base.0.clone(), node);
                }
            }
            return Some(entries.dictionary(types));
        }
        let none = Dictionary::default();
        let sides = [base.unwrap_or(&none), local, cloud];
        let keys = sides.map(|side| side.entries.iter().map(|entry| &entry.0).collect::<Vec<_>>());
        let slots = paired([&keys[0], &keys[1], &keys[2]], self.earlier(), Doubles::Refused)?;
        let mut entries = Entries::with_capacity(slots.len());
        for slot in slots {
            let at = |side: usize, place: Option<usize>| place.map(|place| &sides[side].entries[place]);
            let (base, local, cloud) = (at(0, slot.base), at(1, slot.local), at(2, slot.cloud));
            let Some(key) = spelling(base.map(|e| &e.0), local.map(|e| &e.0), cloud.map(|e| &e.0)) else {
                continue;
            };
            let three =
                Three { base: base.map(|e| &e.1), local: local.map(|e| &e.1), cloud: cloud.map(|e| &e.1) };
            let node = match (policy, three.local.is_some() && three.cloud.is_some()) {
                // A dictionary as a set of its keys.
                (Some(Policy::Union), false) => settled(three.local.or(three.cloud)),
                (Some(Policy::Intersect), false) => None,
                (Some(Policy::OrderedSet), false) if base.is_some() => None,
                _ => self.below(three, Down::Key(key), state, trail),
            };
            if let Some(node) = node {
                entries.push(key.clone(), node);
            }
        }
        Some(entries.dictionary(types))
    }

    /// What a rule for lists makes of two arrays; nothing when there is none for them.
    fn array(
        &mut self,
        lists: &Lists<'_>,
        three: Three<'_>,
        policy: Option<&Policy>,
        state: &Rc<State>,
        trail: &Trail<'_>,
    ) -> Option<Node> {
        if let Some(keep) = policy.and_then(keeps) {
            if same_option(three.local, three.cloud) {
                return settled(three.local);
            }
            return lists.set(self.earlier(), keep).map(Node::Value);
        }
        match policy {
            Some(Policy::Append) if !self.known && same_option(three.local, three.cloud) => {
                settled(three.local)
            }
            Some(Policy::Append) => Some(Node::Value(lists.append(self.earlier()))),
            Some(Policy::List { key }) => self.records(lists, key, state, trail),
            Some(Policy::Max(_) | Policy::Min(_) | Policy::Sum(_)) => self.by_place(lists, state, trail),
            _ if state.has_items => self.by_place(lists, state, trail),
            _ => None,
        }
    }

    /// Merges arrays place by place.
    fn by_place(&mut self, lists: &Lists<'_>, state: &Rc<State>, trail: &Trail<'_>) -> Option<Node> {
        let asked = self.asks.len();
        let mut items = Vec::with_capacity(lists.local.len().max(lists.cloud.len()));
        for place in 0..lists.base.len().max(lists.local.len()).max(lists.cloud.len()) {
            let three = Three {
                base: lists.base.get(place),
                local: lists.local.get(place),
                cloud: lists.cloud.get(place),
            };
            items.extend(self.below(three, Down::Index(place), state, trail));
        }
        if self.asks.len() > asked && !lists.is_plain() {
            // Numbers of a packed array are asked about together.
            self.asks.truncate(asked);
            return None;
        }
        Some(Node::array(lists.shape, items))
    }

    /// Merges records that have a key; nothing when some have none, or the same.
    fn records(
        &mut self,
        lists: &Lists<'_>,
        key: &str,
        state: &Rc<State>,
        trail: &Trail<'_>,
    ) -> Option<Node> {
        let [base, local, cloud] = lists.keys(key)?;
        let slots = paired([&base, &local, &cloud], self.earlier(), Doubles::Refused)?;
        let mut items = Vec::with_capacity(slots.len());
        for slot in slots {
            let [base, local, cloud] = [
                slot.base.map(|place| base[place]),
                slot.local.map(|place| local[place]),
                slot.cloud.map(|place| cloud[place]),
            ];
            let Some(key) = spelling(base, local, cloud) else { continue };
            let three = Three {
                base: slot.base.map(|place| &lists.base[place]),
                local: slot.local.map(|place| &lists.local[place]),
                cloud: slot.cloud.map(|place| &lists.cloud[place]),
            };
            items.extend(self.below(three, Down::Item(key), state, trail));
        }
        Some(Node::array(lists.shape, items))
    }

    fn leaf(&mut self, three: Three<'_>, policy: Option<&Policy>, trail: &Trail<'_>) -> Option<Node> {
        let default = self.policies.default_policy();
        let policy = match policy {
            None | Some(Policy::Map) if default.bounds().is_some() => Some(default),
            policy => policy,
        };
        match policy {
            Some(Policy::Local) => return settled(three.local),
            Some(Policy::Cloud) => return settled(three.cloud),
            Some(policy) if policy.bounds().is_some() => match (three.local, three.cloud) {
                (Some(local), Some(cloud)) => {
                    if let Some(value) = numbers::combine(policy, self.known, three.base, local, cloud) {
                        return Some(Node::Value(value));
                    }
                    if !self.known && matches!(policy, Policy::Sum(_)) && numbers::both(local, cloud) {
                        return self.ask(three, trail);
                    }
                }
                _ => return self.without_one(three),
            },
            Some(policy) if policy.gathers() && (three.local.is_none() || three.cloud.is_none()) => {
                return self.without_one(three);
            }
            _ => {}
        }
        self.three_way(three, policy, trail)
    }

    /// A field that one side lacks, under a policy that loses nothing: removed when the other side left it as
    /// it was, else what the other side has.
    fn without_one(&self, three: Three<'_>) -> Option<Node> {
        let there = three.local.or(three.cloud);
        match self.known && three.base.is_some() && same_option(three.base, there) {
            true => None,
            false => settled(there),
        }
    }

    fn three_way(&mut self, three: Three<'_>, policy: Option<&Policy>, trail: &Trail<'_>) -> Option<Node> {
        if same_option(three.local, three.cloud) {
            return settled(three.local);
        }
        if self.known && same_option(three.base, three.local) {
            return settled(three.cloud);
        }
        if self.known && same_option(three.base, three.cloud) {
            return settled(three.local);
        }
        if !self.known && (three.local.is_none() || three.cloud.is_none()) {
            return settled(three.local.or(three.cloud));
        }
        match (policy, three.base, three.local, three.cloud) {
            (policy, base, Some(local), Some(cloud)) if policy.is_none_or(Policy::yields) => {
                if let Some(merged) = edits(base, local, cloud) {
                    return Some(Node::Value(merged));
                }
            }
            (
                Some(Policy::Text),
                Some(Value::String(base)),
                Some(Value::String(local)),
                Some(Value::String(cloud)),
            ) => {
                if let Some(text) = diff3::text(base, local, cloud) {
                    return Some(Node::Value(Value::String(text)));
                }
            }
            (Some(Policy::Custom { name }), base, local, cloud) => {
                let value = (self.custom)(&Custom { name, path: &trail.path(), base, local, cloud });
                if let Some(value) = value {
                    self.foreign = true;
                    return Some(Node::Value(value));
                }
            }
            _ => {}
        }
        let policy = policy.filter(|policy| !policy.yields());
        match self.decided(policy.unwrap_or(self.policies.default_policy())) {
            Some(winner) => settled(three.side(winner)),
            None => self.ask(three, trail),
        }
    }

    /// The side that a policy takes; nothing when the player is to be asked.
    fn decided(&self, policy: &Policy) -> Option<Which> {
        self.by(match policy {
            Policy::Latest => Decider::Latest,
            Policy::Playtime => Decider::Playtime,
            Policy::Local => Decider::Local,
            Policy::Cloud => Decider::Cloud,
            _ => Decider::Ask,
        })
    }

    pub(super) fn by(&self, decider: Decider) -> Option<Which> {
        let winner = match decider {
            Decider::Latest => self.later,
            Decider::Playtime => self.played_more,
            Decider::Local => return Some(Which::Local),
            Decider::Cloud => return Some(Which::Cloud),
            Decider::Ask => return None,
        };
        (self.distrusted != Some(winner)).then_some(winner)
    }

    fn earlier(&self) -> Which {
        if self.later == Which::Local { Which::Cloud } else { Which::Local }
    }

    fn ask(&mut self, three: Three<'_>, trail: &Trail<'_>) -> Option<Node> {
        let [base, local, cloud] = [three.base, three.local, three.cloud].map(Option::<&Value>::cloned);
        self.asks.push(Ask { path: trail.path(), also: Vec::new(), base, local, cloud });
        Some(Node::Ask { ask: self.asks.len() - 1, member: None })
    }

    /// A field of a group: from the side that the whole group is from.
    fn member(&mut self, rule: usize, member: usize, three: Three<'_>) -> Option<Node> {
        match self.groups.choice(rule, &mut self.asks) {
            Some(groups::Choice::Side(side)) => settled(three.side(side)),
            Some(groups::Choice::Ask(ask)) => Some(Node::Ask { ask, member: Some(member) }),
            None => settled(three.cloud),
        }
    }
}
