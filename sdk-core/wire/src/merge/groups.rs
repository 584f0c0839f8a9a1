//! Fields that move together: one decision for all of them.

use super::engine::{Engine, Three};
use super::path::{Path, Step, key_text};
use super::pattern::{Part, Pattern};
use super::same::same_option;
use super::{Ask, Decider, Policy, Which};
use crate::value::{Dictionary, Value};
use std::collections::HashMap;

/// What happens to a group.
#[derive(Debug, Clone, Copy)]
pub(super) enum Choice {
    Side(Which),
    /// By the number of the question.
    Ask(usize),
}

#[derive(Debug)]
enum Plan {
    Side(Which),
    /// Put when the first field of the group is met.
    Ask(Box<Ask>),
    Asked(usize),
}

/// The groups of a merge, by their rule.
#[derive(Debug, Default)]
pub(super) struct Groups(HashMap<usize, Plan>);

impl Groups {
    pub(super) fn find(engine: &Engine<'_, '_>, three: Three<'_>) -> Groups {
        let mut groups = HashMap::new();
        for (number, rule) in engine.policies.rules().iter().enumerate() {
            // Patterns were read when the rule was added.
            if let Policy::Group { by } = rule.policy
                && let Ok(patterns) = Pattern::parse_all(&rule.paths)
            {
                groups.insert(number, plan(engine, three, by, &patterns));
            }
        }
        Groups(groups)
    }

    pub(super) fn choice(&mut self, rule: usize, asks: &mut Vec<Ask>) -> Option<Choice> {
        let plan = self.0.get_mut(&rule)?;
        if let Plan::Ask(ask) = plan {
            asks.push((**ask).clone());
            *plan = Plan::Asked(asks.len() - 1);
        }
        Some(match plan {
            Plan::Side(side) => Choice::Side(*side),
            Plan::Asked(ask) => Choice::Ask(*ask),
            Plan::Ask(_) => return None,
        })
    }
}

fn plan(engine: &Engine<'_, '_>, three: Three<'_>, by: Decider, patterns: &[Pattern]) -> Plan {
    let fields: Vec<(Path, Three<'_>)> = patterns.iter().map(|pattern| find(pattern, three)).collect();
    let alike =
        |a: Which, b: Which| fields.iter().all(|(_, three)| same_option(three.side(a), three.side(b)));
    let lacks = |which| fields.iter().all(|(_, three)| three.side(which).is_none());
    if alike(Which::Local, Which::Cloud) {
        return Plan::Side(Which::Cloud);
    }
    if engine.known {
        if alike(Which::Base, Which::Local) {
            return Plan::Side(Which::Cloud);
        }
        if alike(Which::Base, Which::Cloud) {
            return Plan::Side(Which::Local);
        }
    } else if lacks(Which::Local) {
        return Plan::Side(Which::Cloud);
    } else if lacks(Which::Cloud) {
        return Plan::Side(Which::Local);
    }
    if let Some(winner) = engine.by(by) {
        return Plan::Side(winner);
    }
    let all = |which| {
        let there =
            fields.iter().filter_map(|(path, three)| Some((path.to_string(), three.side(which)?.clone())));
        let there = there.map(|(path, value)| (Value::String(path), value)).collect::<Vec<_>>();
        (!there.is_empty()).then(|| Value::Dictionary(Dictionary { entries: there, ..Dictionary::default() }))
    };
    let (base, local, cloud) = (all(Which::Base), all(Which::Local), all(Which::Cloud));
    let mut paths = fields.into_iter().map(|(path, _)| path);
    let path = paths.next().unwrap_or_default();
    Plan::Ask(Box::new(Ask { path, also: paths.collect(), base, local, cloud }))
}

/// A field and its path, with keys as the sides have them.
fn find<'v>(pattern: &Pattern, mut three: Three<'v>) -> (Path, Three<'v>) {
    let mut path = Path::default();
    for part in &pattern.parts {
        let Part::Key(text) = part else { continue };
        let under = |value: Option<&'v Value>| {
            let Some(Value::Dictionary(dictionary)) = value else { return None };
            dictionary.entries.iter().find(|(key, _)| key_text(key) == *text)
        };
        let found = [three.base, three.local, three.cloud].map(under);
        let key = found[0].or(found[1]).or(found[2]).map(|entry| entry.0.clone());
        path.0.push(Step::Key(key.unwrap_or_else(|| Value::String(text.clone()))));
        let [base, local, cloud] = found.map(|entry| entry.map(|entry| &entry.1));
        three = Three { base, local, cloud };
    }
    (path, three)
}
