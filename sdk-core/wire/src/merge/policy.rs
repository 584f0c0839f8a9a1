//! What to do with a field that both devices changed.

use crate::value::Value;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// A bound of a number.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Number {
    /// An integer.
    Int(i64),
    /// A float; never NaN in a policy that was accepted.
    Float(f64),
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => a == b,
            (Number::Float(a), Number::Float(b)) => a.to_bits() == b.to_bits(),
            _ => false,
        }
    }
}

impl Number {
    /// The number that a value is.
    pub(super) fn of(value: &Value) -> Option<Number> {
        match value {
            Value::Int(int) => Some(Number::Int(*int)),
            Value::Float(float) if !float.is_nan() => Some(Number::Float(*float)),
            _ => None,
        }
    }

    pub(super) fn value(self) -> Value {
        match self {
            Number::Int(int) => Value::Int(int),
            Number::Float(float) => Value::Float(float),
        }
    }

    pub(super) fn float(self) -> f64 {
        match self {
            Number::Int(int) => int as f64,
            Number::Float(float) => float,
        }
    }

    /// Compares the numbers exactly, an integer with a float too.
    pub(super) fn compare(self, other: Number) -> Ordering {
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => a.cmp(&b),
            (Number::Float(a), Number::Float(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            (Number::Int(a), Number::Float(b)) => int_to_float(a, b),
            (Number::Float(a), Number::Int(b)) => int_to_float(b, a).reverse(),
        }
    }

    /// A total order: of equal numbers the integer comes first, and -0.0 before 0.0.
    pub(super) fn order(self, other: Number) -> Ordering {
        self.compare(other).then_with(|| match (self, other) {
            (Number::Int(_), Number::Float(_)) => Ordering::Less,
            (Number::Float(_), Number::Int(_)) => Ordering::Greater,
            (Number::Float(a), Number::Float(b)) => a.total_cmp(&b),
            _ => Ordering::Equal,
        })
    }
}

/// 2^63 as a float: the first one above every integer.
const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

/// Compares an integer with a float that is not NaN.
fn int_to_float(int: i64, float: f64) -> Ordering {
    if float >= TWO_TO_63 {
        return Ordering::Less;
    }
    if float < -TWO_TO_63 {
        return Ordering::Greater;
    }
    let whole = float.trunc();
    let fraction = whole.partial_cmp(&float).unwrap_or(Ordering::Equal);
    int.cmp(&(whole as i64)).then(fraction)
}

/// Bounds that a merged number is kept in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// The least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<Number>,
    /// The most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceil: Option<Number>,
}

/// Who decides for a group of fields that move together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decider {
    /// The side that was saved later.
    #[default]
    Latest,
    /// The side with more playtime.
    Playtime,
    /// This device.
    Local,
    /// The cloud.
    Cloud,
    /// The player.
    Ask,
}

/// What to do with a field. `Max`, `Min`, `Sum`, `Map`, `Latest`, `Playtime`, `Local` and `Cloud` hold for
/// everything below a dictionary too, unless a more specific rule says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "policy", rename_all = "snake_case")]
pub enum Policy {
    /// The larger number of the two; true above false.
    Max(Bounds),
    /// The smaller number of the two; false below true.
    Min(Bounds),
    /// A counter: what the ancestor had, plus what each side added or took.
    Sum(Bounds),
    /// A set that only grows: everything that either side has.
    Union,
    /// What both sides have.
    Intersect,
    /// A set in the order of first appearance: what either side added is added, what either side removed is
    /// removed.
    OrderedSet,
    /// A log: what both sides added is kept, the earlier device's first; what either side removed is removed.
    Append,
    /// Records with a key field: the same record of both sides is merged field by field.
    List {
        /// The field that tells records apart.
        key: String,
    },
    /// A dictionary is merged field by field: what happens without a rule as well.
    Map,
    /// The side that was saved later.
    Latest,
    /// This device's, whatever the cloud has.
    Local,
    /// The cloud's, whatever this device has.
    Cloud,
    /// The side with more playtime.
    Playtime,
    /// The fields of the rule move together: all from one side.
    Group {
        /// Who decides when both sides changed some of them.
        by: Decider,
    },
    /// Text, merged line by line; the player is asked when both changed the same lines.
    Text,
    /// The player is asked, about a dictionary as one.
    Ask,
    /// The game decides, by a function it gave this name.
    Custom {
        /// The function's name.
        name: String,
    },
}

impl Policy {
    /// The policy of a plain name, as [`Policies::parse`](super::Policies::parse) takes it.
    pub fn named(name: &str) -> Option<Policy> {
        Some(match name {
            "max" => Policy::Max(Bounds::default()),
            "min" => Policy::Min(Bounds::default()),
            "sum" | "counter" => Policy::Sum(Bounds::default()),
            "union" => Policy::Union,
            "intersect" => Policy::Intersect,
            "ordered_set" => Policy::OrderedSet,
            "append" => Policy::Append,
            "list" => Policy::List { key: "id".into() },
            "map" => Policy::Map,
            "latest" | "last_writer" => Policy::Latest,
            "local" => Policy::Local,
            "cloud" => Policy::Cloud,
            "playtime" => Policy::Playtime,
            "group" => Policy::Group { by: Decider::Latest },
            "text" => Policy::Text,
            "ask" => Policy::Ask,
            _ => return None,
        })
    }

    /// Every plain name that [`Policy::named`] takes; `custom` needs a name of its own.
    pub const NAMES: [&'static str; 18] = [
        "max",
        "min",
        "sum",
        "counter",
        "union",
        "intersect",
        "ordered_set",
        "append",
        "list",
        "map",
        "latest",
        "last_writer",
        "local",
        "cloud",
        "playtime",
        "group",
        "text",
        "ask",
    ];

    /// Whether it holds for what is below a dictionary too.
    pub(super) fn spreads(&self) -> bool {
        use Policy::*;
        matches!(self, Max(_) | Min(_) | Sum(_) | Map | Latest | Local | Cloud | Playtime)
    }

    /// Whether it can say what happens to fields without a rule.
    pub(super) fn can_be_default(&self) -> bool {
        self.spreads() || *self == Policy::Ask
    }

    /// Whether it brings both sides together, so that a removal yields to a change.
    pub(super) fn gathers(&self) -> bool {
        use Policy::*;
        matches!(self, Union | Intersect | OrderedSet | Append | List { .. })
    }

    /// Whether it leaves to the defaults what it cannot merge: a number's rule on a text, a list's on a number.
    pub(super) fn yields(&self) -> bool {
        self.bounds().is_some() || self.gathers() || *self == Policy::Map
    }

    pub(super) fn bounds(&self) -> Option<&Bounds> {
        match self {
            Policy::Max(bounds) | Policy::Min(bounds) | Policy::Sum(bounds) => Some(bounds),
            _ => None,
        }
    }
}
