//! One rule, compiled: what it measures and what that must be.
//!
//! [`Rule::lack`] is how far a match is from what the rule wants: 0 is fulfilled. Being a number, it tells a
//! search which of two wrong matches is nearer to a right one.

use super::expr::{Declared, Expr, Val, intersection};
use super::stage::View;
use crate::ticket::Player;

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(super) test: Test,
    /// That it is broken by some players is not mended by more: it can be asked of a part of a match.
    pub(crate) partial: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Test {
    Comparison {
        measures: Vec<Expr>,
        operation: Operation,
        to: Option<Reference>,
    },
    Distance {
        measures: Vec<Expr>,
        to: Reference,
        min: f64,
        max: f64,
    },
    BatchDistance {
        attribute: String,
        party: Party,
        min: f64,
        max: f64,
    },
    Intersection {
        measures: Vec<Expr>,
        min: f64,
        max: f64,
    },
    Contains {
        measures: Vec<Expr>,
        value: Reference,
        min: f64,
        max: f64,
    },
    InReference {
        measures: Vec<Expr>,
        list: Vec<Val<'static>>,
        min: f64,
        max: f64,
    },
    Latency {
        max_ms: f64,
        distance: Option<(f64, LatencyTo)>,
    },
    /// The order in which tickets are taken; nothing is refused by it.
    Sort {
        attribute: String,
        map_key: Option<String>,
        distance: bool,
        descending: bool,
    },
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Reference {
    Value(Val<'static>),
    Of(Expr),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operation {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
}

/// What stands for a party.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Party {
    Min,
    Max,
    Avg,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LatencyTo {
    Min,
    Avg,
}

impl Rule {
    /// How far the match is from fulfilling it, each of the things wrong counting 1.
    pub(crate) fn lack(&self, view: &View<'_>, declared: &Declared) -> f64 {
        match &self.test {
            Test::Comparison { measures, operation, to: Some(to) } => {
                let to = to.singles(view, declared);
                let wrong = |value: &Val<'_>| !to.iter().all(|to| operation.holds(value, to));
                count_singles(measures, view, declared, wrong)
            }
            Test::Comparison { measures, operation, to: None } => {
                let values: Vec<Val<'_>> = measures.iter().map(|one| one.eval(view, declared)).collect();
                let mut singles = Vec::new();
                values.iter().for_each(|value| value.singles(&mut singles));
                among(&singles, *operation)
            }
            Test::Distance { measures, to, min, max } => {
                let mut references = Vec::new();
                to.singles(view, declared).iter().for_each(|value| value.numbers(&mut references));
                let wrong = |value: &Val<'_>| match value {
                    Val::Num(number) => {
                        !references.iter().all(|to| (*min..=*max).contains(&(number - to).abs()))
                    }
                    _ => true,
                };
                count_singles(measures, view, declared, wrong)
            }
            Test::BatchDistance { attribute, party, min, max } => {
                let values =
                    view.parties.iter().filter_map(|(players, _)| party.of(players, attribute, declared));
                let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                    (low.min(value), high.max(value))
                });
                if low > high { 0.0 } else { f64::from(u8::from(!(*min..=*max).contains(&(high - low)))) }
            }
            Test::Latency { max_ms, distance } => latency(view, *max_ms, *distance),
            Test::Sort { .. } => 0.0,
            collection => collection.lack_of_collection(view, declared),
        }
    }

    /// The value by which candidates are ordered, if the rule is one of order: smaller is sooner.
    pub(crate) fn sort_value(&self, party: &[Player], anchor: &[Player], declared: &Declared) -> Option<f64> {
        let Test::Sort { attribute, map_key, distance, descending } = &self.test else { return None };
        let value = |players: &[Player]| Party::Avg.keyed(players, attribute, map_key.as_deref(), declared);
        let own = value(party)?;
        let value = if *distance { (own - value(anchor)?).abs() } else { own };
        Some(if *descending { -value } else { value })
    }
}

impl Test {
    fn lack_of_collection(&self, view: &View<'_>, declared: &Declared) -> f64 {
        let outside = |count: f64, min: f64, max: f64| (min - count).max(count - max).max(0.0);
        let each = |measures: &[Expr], lack: &dyn Fn(Val<'_>) -> f64| {
            let values = measures.iter().flat_map(|one| one.eval(view, declared).by_team());
            values.map(lack).sum::<f64>()
        };
        match self {
            Test::Intersection { measures, min, max } => each(measures, &|value| match value {
                Val::List(lists) if lists.is_empty() => 0.0,
                Val::List(lists) => outside(intersection(lists).len() as f64, *min, *max),
                _ => 1.0,
            }),
            Test::Contains { measures, value, min, max } => {
                let wanted = value.singles(view, declared);
                each(measures, &|value| {
                    let Val::List(list) = value else { return 1.0 };
                    let has = |one: &Val<'_>| match one {
                        Val::List(inner) => wanted.iter().any(|wanted| inner.contains(wanted)),
                        one => wanted.contains(one),
                    };
                    outside(list.iter().filter(|one| has(one)).count() as f64, *min, *max)
                })
            }
            Test::InReference { measures, list, min, max } => each(measures, &|value| {
                let mut singles = Vec::new();
                value.singles(&mut singles);
                outside(list.iter().filter(|one| singles.contains(one)).count() as f64, *min, *max)
            }),
            _ => 0.0,
        }
    }
}

impl Reference {
    fn singles<'a>(&'a self, view: &View<'a>, declared: &'a Declared) -> Vec<Val<'a>> {
        let value = match self {
            Reference::Value(value) => value.clone(),
            Reference::Of(expr) => expr.eval(view, declared),
        };
        let mut singles = Vec::new();
        value.singles(&mut singles);
        singles.into_iter().cloned().collect()
    }
}

fn count_singles<'a>(
    measures: &'a [Expr],
    view: &View<'a>,
    declared: &'a Declared,
    wrong: impl Fn(&Val<'a>) -> bool,
) -> f64 {
    let mut count = 0;
    for value in measures.iter().map(|one| one.eval(view, declared)) {
        let mut singles = Vec::new();
        value.singles(&mut singles);
        count += singles.into_iter().filter(|one| wrong(one)).count();
    }
    count as f64
}

/// Compared with each other: all the same, or all different.
fn among(singles: &[&Val<'_>], operation: Operation) -> f64 {
    let Some(first) = singles.first() else { return 0.0 };
    match operation {
        Operation::NotEqual => {
            (1..singles.len()).filter(|n| singles[..*n].contains(&singles[*n])).count() as f64
        }
        _ => singles.iter().filter(|one| one != &first).count() as f64,
    }
}

fn latency(view: &View<'_>, max_ms: f64, distance: Option<(f64, LatencyTo)>) -> f64 {
    let known = || view.parties.iter().filter_map(|(_, latency)| latency.map(f64::from));
    let slow = known().filter(|ms| *ms > max_ms).count();
    let far = distance.map_or(0, |(max, to)| {
        let to = match to {
            LatencyTo::Min => known().fold(f64::INFINITY, f64::min),
            LatencyTo::Avg => known().sum::<f64>() / (known().count().max(1) as f64),
        };
        known().filter(|ms| (ms - to).abs() > max).count()
    });
    (slow + far) as f64
}

impl Party {
    fn of(self, players: &[Player], attribute: &str, declared: &Declared) -> Option<f64> {
        self.keyed(players, attribute, None, declared)
    }

    fn keyed(
        self,
        players: &[Player],
        attribute: &str,
        key: Option<&str>,
        declared: &Declared,
    ) -> Option<f64> {
        let values = players.iter().filter_map(|player| number(player, attribute, key, declared));
        let (mut count, mut sum, mut low, mut high) = (0, 0.0, f64::INFINITY, f64::NEG_INFINITY);
        for value in values {
            (count, sum, low, high) = (count + 1, sum + value, low.min(value), high.max(value));
        }
        (count > 0).then(|| match self {
            Party::Min => low,
            Party::Max => high,
            Party::Avg => sum / f64::from(count),
        })
    }
}

/// A player's number, his own or the declared default.
pub(super) fn number(
    player: &Player,
    attribute: &str,
    key: Option<&str>,
    declared: &Declared,
) -> Option<f64> {
    use crate::ticket::Attribute;
    let of = |value: &Attribute| match (value, key) {
        (Attribute::Number(number), None) => Some(*number),
        (Attribute::NumberMap(map), Some(key)) => map.get(key).copied(),
        _ => None,
    };
    match player.attributes.get(attribute) {
        Some(own) => of(own),
        None if attribute == super::expr::SKILL => Some(player.rating.mu),
        None => declared.get(attribute).and_then(|(_, default)| default.as_ref()).and_then(of),
    }
}

impl Operation {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            "=" => Self::Equal,
            "!=" => Self::NotEqual,
            ">=" => Self::GreaterOrEqual,
            ">" => Self::Greater,
            _ => return None,
        })
    }

    fn holds(self, value: &Val<'_>, to: &Val<'_>) -> bool {
        match (self, value, to) {
            (Self::Equal, value, to) => value == to,
            (Self::NotEqual, value, to) => value != to,
            (Self::Less, Val::Num(value), Val::Num(to)) => value < to,
            (Self::LessOrEqual, Val::Num(value), Val::Num(to)) => value <= to,
            (Self::GreaterOrEqual, Val::Num(value), Val::Num(to)) => value >= to,
            (Self::Greater, Val::Num(value), Val::Num(to)) => value > to,
            _ => false,
        }
    }
}
