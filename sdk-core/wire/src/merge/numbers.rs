//! Numbers that both sides changed: the larger, the smaller, the sum of what was added.

use super::policy::{Bounds, Number, Policy};
use super::same::same;
use crate::value::Value;
use std::cmp::Ordering;

/// The merged number, within the policy's bounds. `None` when it cannot be told: not numbers, or a counter
/// whose ancestor is unknown.
pub(super) fn combine(
    policy: &Policy,
    known: bool,
    base: Option<&Value>,
    local: &Value,
    cloud: &Value,
) -> Option<Value> {
    match policy {
        Policy::Max(_) | Policy::Min(_) if same(local, cloud) => Some(local.clone()),
        Policy::Max(bounds) => extreme(local, cloud, Ordering::Greater).map(|value| clamp(value, bounds)),
        Policy::Min(bounds) => extreme(local, cloud, Ordering::Less).map(|value| clamp(value, bounds)),
        Policy::Sum(bounds) => sum(known, base, local, cloud, bounds),
        _ => None,
    }
}

/// Whether both are numbers.
pub(super) fn both(local: &Value, cloud: &Value) -> bool {
    Number::of(local).is_some() && Number::of(cloud).is_some()
}

fn extreme(local: &Value, cloud: &Value, wanted: Ordering) -> Option<Value> {
    if let (Value::Bool(a), Value::Bool(b)) = (local, cloud) {
        return Some(Value::Bool(if a.cmp(b) == wanted { *a } else { *b }));
    }
    let nan = |value: &Value| matches!(value, Value::Float(float) if float.is_nan());
    // Not-a-number beside a number is no record of anything.
    match (Number::of(local), Number::of(cloud)) {
        (Some(a), Some(b)) => Some(if a.order(b) == wanted { a.value() } else { b.value() }),
        (Some(a), None) if nan(cloud) => Some(a.value()),
        (None, Some(b)) if nan(local) => Some(b.value()),
        _ => None,
    }
}

fn sum(known: bool, base: Option<&Value>, local: &Value, cloud: &Value, bounds: &Bounds) -> Option<Value> {
    if !known {
        // Two counters that were counted apart from an unknown start: adding could count twice, choosing
        // could lose. Equal ones are taken for the same.
        return same(local, cloud).then(|| local.clone());
    }
    let (a, b) = (Number::of(local)?, Number::of(cloud)?);
    let start = match base {
        None | Some(Value::Null) => Number::Int(0),
        Some(base) => Number::of(base)?,
    };
    if base.is_some_and(|base| same(base, local) && same(base, cloud)) {
        return Some(local.clone());
    }
    // Exact for the side that changed alone: floats would be rounded on the way.
    let value = match base {
        Some(base) if same(base, local) => cloud.clone(),
        Some(base) if same(base, cloud) => local.clone(),
        _ => add(start, a, b)?,
    };
    Some(clamp(value, bounds))
}

/// `start` plus both differences, at the end of the number's range when it is past it.
fn add(start: Number, a: Number, b: Number) -> Option<Value> {
    if let (Number::Int(start), Number::Int(a), Number::Int(b)) = (start, a, b) {
        let total = i128::from(a) + i128::from(b) - i128::from(start);
        let clamped = total.clamp(i64::MIN.into(), i64::MAX.into());
        return i64::try_from(clamped).ok().map(Value::Int);
    }
    let (start, a, b) = (start.float(), a.float(), b.float());
    let total = start + ((a - start) + (b - start));
    (!total.is_nan()).then(|| Value::Float(total.clamp(f64::MIN, f64::MAX)))
}

fn clamp(value: Value, bounds: &Bounds) -> Value {
    let Some(number) = Number::of(&value) else { return value };
    match (bounds.floor, bounds.ceil) {
        (Some(floor), _) if number.compare(floor) == Ordering::Less => like(value, floor),
        (_, Some(ceil)) if number.compare(ceil) == Ordering::Greater => like(value, ceil),
        _ => value,
    }
}

/// A bound in the number's own type, when that is exact.
fn like(value: Value, bound: Number) -> Value {
    match (value, bound) {
        (Value::Float(_), Number::Int(int)) => Value::Float(int as f64),
        (Value::Int(_), Number::Float(float)) if float == (float as i64) as f64 => Value::Int(float as i64),
        (_, bound) => bound.value(),
    }
}
