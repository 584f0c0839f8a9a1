//! The rules of a game: which policy holds for which fields.

use super::matcher::Matcher;
use super::pattern::Pattern;
use super::policy::{Bounds, Decider, Number, Policy};
use crate::value::Value;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// Most rules: far above any game's, and matching stays fast.
pub const RULES_MAX: usize = 1000;

/// Why a rule was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// The pattern of the rule, as it was given.
    pub pattern: String,
    /// What is wrong, and what to do.
    pub why: String,
}

impl PolicyError {
    pub(super) fn new(pattern: impl Into<String>, why: impl Into<String>) -> PolicyError {
        PolicyError { pattern: pattern.into(), why: why.into() }
    }
}

impl std::fmt::Display for PolicyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the merge rule \"{}\" is not usable: {}", self.pattern, self.why)
    }
}

impl std::error::Error for PolicyError {}

/// One rule, as it was declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Which fields: patterns of paths, with commas between them.
    pub paths: String,
    /// What to do with them.
    #[serde(flatten)]
    pub policy: Policy,
}

/// The rules of a game, and what happens where none decides.
///
/// The most specific rule wins. More specific is, in this order: more keys spelled out; the field itself
/// spelled out at the end (`**.coins` before `player.*`); more stars in place of keys (`a.*` before `a.**`);
/// a rule about the field before one about a dictionary it is in; at last the one declared last.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Policies {
    rules: Vec<Rule>,
    default: Policy,
    pub(super) matcher: Matcher,
}

/// Rules as they are kept.
#[derive(Serialize, Deserialize)]
struct Stored {
    rules: Vec<Rule>,
    default: Policy,
}

impl Default for Policies {
    fn default() -> Policies {
        Policies { rules: Vec::new(), default: Policy::Ask, matcher: Matcher::default() }
    }
}

impl PartialEq for Policies {
    fn eq(&self, other: &Policies) -> bool {
        self.rules == other.rules && self.default == other.default
    }
}

impl From<Policies> for Stored {
    fn from(policies: Policies) -> Stored {
        Stored { rules: policies.rules, default: policies.default }
    }
}

impl TryFrom<Stored> for Policies {
    type Error = PolicyError;

    fn try_from(stored: Stored) -> Result<Policies, PolicyError> {
        let mut policies = Policies::default();
        policies.set_default(stored.default)?;
        stored.rules.into_iter().try_for_each(|rule| policies.add(&rule.paths, rule.policy))?;
        Ok(policies)
    }
}

impl Policies {
    /// No rules: defaults by type, and the player is asked where both devices changed the same.
    pub fn new() -> Policies {
        Policies::default()
    }

    /// Reads what a game declares: a dictionary from patterns to the name of a policy, or to a dictionary
    /// with `policy` and its options: `floor` and `ceil` (max, min, sum), `key` (list), `by` (group), `name`
    /// (custom). The pattern `**` alone says what happens where no rule decides.
    pub fn parse(declared: &Value) -> Result<Policies, PolicyError> {
        let mut policies = Policies::default();
        let Value::Dictionary(dictionary) = declared else {
            return Err(PolicyError::new("", "rules are a dictionary from paths to policies"));
        };
        for (key, value) in &dictionary.entries {
            let (Value::String(paths) | Value::StringName(paths)) = key else {
                let key = super::path::key_text(key).chars().take(64).collect::<String>();
                return Err(PolicyError::new(key, "a path is text"));
            };
            let policy = read_policy(paths, value)?;
            match paths.trim() {
                "**" => policies.set_default(policy)?,
                _ => policies.add(paths, policy)?,
            }
        }
        Ok(policies)
    }

    /// Adds a rule. `paths` is a pattern, or several with commas between them: keys joined by `.`, `*` for any
    /// one key, `**` for any number of levels, `best_*` for keys that begin so, `list[]` for the items of a
    /// list, `list[sword]` for the item with that key. A backslash makes the next character an ordinary one.
    pub fn add(&mut self, paths: &str, policy: Policy) -> Result<(), PolicyError> {
        if self.rules.len() >= RULES_MAX {
            return Err(PolicyError::new(paths, format!("there are at most {RULES_MAX} rules")));
        }
        let patterns = Pattern::parse_all(paths)?;
        check(paths, &patterns, &policy)?;
        self.matcher.add(self.rules.len(), &patterns, &policy);
        self.rules.push(Rule { paths: paths.to_owned(), policy });
        Ok(())
    }

    /// [`Policies::add`] for rules written in code, where a bad pattern shows at once.
    pub fn with(mut self, paths: &str, policy: Policy) -> Result<Policies, PolicyError> {
        self.add(paths, policy)?;
        Ok(self)
    }

    /// What happens where no rule decides and both devices changed the same; [`Policy::Ask`] at first. The
    /// policies that hold for whole dictionaries can be it, and `Ask`.
    pub fn set_default(&mut self, policy: Policy) -> Result<(), PolicyError> {
        if !policy.can_be_default() {
            return Err(PolicyError::new("**", "this policy cannot hold for everything: name its fields"));
        }
        check_bounds("**", &policy)?;
        self.default = policy;
        Ok(())
    }

    /// What happens where no rule decides.
    pub fn default_policy(&self) -> &Policy {
        &self.default
    }

    /// The rules, as they were declared.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub(super) fn policy(&self, rule: usize) -> &Policy {
        &self.rules[rule].policy
    }
}

fn check(paths: &str, patterns: &[Pattern], policy: &Policy) -> Result<(), PolicyError> {
    let wrong = |why: &str| Err(PolicyError::new(paths, why));
    check_bounds(paths, policy)?;
    match policy {
        Policy::Group { .. } if !patterns.iter().all(Pattern::is_exact) => {
            wrong("a group names each of its fields exactly, without `*` and `[]`")
        }
        Policy::Group { .. } if nested(patterns) => {
            wrong("a field of the group is inside another one, or is named twice")
        }
        Policy::List { key } if key.is_empty() => wrong("`key` is empty"),
        Policy::Custom { name } if name.is_empty() => wrong("`name` is empty"),
        _ => Ok(()),
    }
}

fn nested(patterns: &[Pattern]) -> bool {
    let mut parts: Vec<Vec<&str>> = patterns.iter().map(Pattern::keys).collect();
    parts.sort_unstable();
    parts.windows(2).any(|pair| pair[1].starts_with(&pair[0]))
}

fn check_bounds(paths: &str, policy: &Policy) -> Result<(), PolicyError> {
    let Some(bounds) = policy.bounds() else { return Ok(()) };
    for bound in [bounds.floor, bounds.ceil].into_iter().flatten() {
        if bound.float().is_nan() {
            return Err(PolicyError::new(paths, "a bound is not a number"));
        }
    }
    match (bounds.floor, bounds.ceil) {
        (Some(floor), Some(ceil)) if floor.compare(ceil) == Ordering::Greater => {
            Err(PolicyError::new(paths, "`floor` is above `ceil`"))
        }
        _ => Ok(()),
    }
}

fn text_of(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) | Value::StringName(text) => Some(text),
        _ => None,
    }
}

/// The policy that a name or a dictionary stands for.
fn read_policy(paths: &str, value: &Value) -> Result<Policy, PolicyError> {
    let wrong = |why: String| PolicyError::new(paths, why);
    let unknown = |name: &str| {
        let name: String = name.chars().take(64).collect();
        wrong(format!("there is no policy \"{name}\"; there are {} and custom", Policy::NAMES.join(", ")))
    };
    if let Some(name) = text_of(value) {
        return match name {
            "custom" => Err(wrong("custom needs a name: {\"policy\": \"custom\", \"name\": …}".into())),
            name => Policy::named(name).ok_or_else(|| unknown(name)),
        };
    }
    let Value::Dictionary(options) = value else {
        return Err(wrong("a policy is a name, or a dictionary with `policy` and its options".into()));
    };
    let option =
        |name: &str| options.entries.iter().find(|(key, _)| text_of(key) == Some(name)).map(|e| &e.1);
    let name = option("policy").and_then(text_of).ok_or_else(|| wrong("`policy` is missing".into()))?;
    let mut policy = match name {
        "custom" => Policy::Custom { name: String::new() },
        name => Policy::named(name).ok_or_else(|| unknown(name))?,
    };
    for (key, value) in &options.entries {
        let key = text_of(key).unwrap_or_default();
        if key != "policy" && !set_option(&mut policy, key, value) {
            let key: String = key.chars().take(64).collect();
            return Err(wrong(format!("the option \"{key}\" does not fit {name}, or its value does not")));
        }
    }
    Ok(policy)
}

fn set_option(policy: &mut Policy, key: &str, value: &Value) -> bool {
    match (policy, key) {
        (Policy::Max(bounds) | Policy::Min(bounds) | Policy::Sum(bounds), "floor" | "ceil") => {
            set_bound(bounds, key, value)
        }
        (Policy::List { key: text }, "key") | (Policy::Custom { name: text }, "name") => match text_of(value)
        {
            Some(new) => {
                new.clone_into(text);
                true
            }
            None => false,
        },
        (Policy::Group { by }, "by") => {
            *by = match text_of(value) {
                Some("latest" | "last_writer") => Decider::Latest,
                Some("playtime") => Decider::Playtime,
                Some("local") => Decider::Local,
                Some("cloud") => Decider::Cloud,
                Some("ask") => Decider::Ask,
                _ => return false,
            };
            true
        }
        _ => false,
    }
}

fn set_bound(bounds: &mut Bounds, key: &str, value: &Value) -> bool {
    let number = Number::of(value);
    match key {
        "floor" => bounds.floor = number,
        _ => bounds.ceil = number,
    }
    number.is_some()
}
