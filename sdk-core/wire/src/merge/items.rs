//! Arrays of every kind as lists of values, and what the policies for lists and sets do with them.

use super::diff3;
use super::order::{Doubles, paired};
use super::same::same;
use super::{Policy, Which};
use crate::value::{Array, ElementType, Value};
use std::borrow::Cow;

/// A kind of array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Array(ElementType),
    Bytes,
    Int32,
    Int64,
    Float32,
    Float64,
    Strings,
    Vector2,
    Vector3,
    Color,
    Vector4,
}

pub(super) type Items<'v> = Cow<'v, [Value]>;

fn owned<'v, T: Copy>(list: &[T], value: impl Fn(T) -> Value) -> Items<'v> {
    list.iter().map(|item| value(*item)).collect()
}

/// A value's items, when it is an array.
pub(super) fn items(value: &Value) -> Option<(Shape, Items<'_>)> {
    Some(match value {
        Value::Array(array) => (Shape::Array(array.element), Cow::Borrowed(array.items.as_slice())),
        Value::PackedByteArray(list) => (Shape::Bytes, owned(list, |byte| Value::Int(byte.into()))),
        Value::PackedInt32Array(list) => (Shape::Int32, owned(list, |int| Value::Int(int.into()))),
        Value::PackedInt64Array(list) => (Shape::Int64, owned(list, Value::Int)),
        Value::PackedFloat32Array(list) => (Shape::Float32, owned(list, from_f32)),
        Value::PackedFloat64Array(list) => (Shape::Float64, owned(list, Value::Float)),
        Value::PackedStringArray(list) => {
            (Shape::Strings, list.iter().map(|text| Value::String(text.clone())).collect())
        }
        Value::PackedVector2Array(list) => (Shape::Vector2, owned(list, Value::Vector2)),
        Value::PackedVector3Array(list) => (Shape::Vector3, owned(list, Value::Vector3)),
        Value::PackedColorArray(list) => (Shape::Color, owned(list, Value::Color)),
        Value::PackedVector4Array(list) => (Shape::Vector4, owned(list, Value::Vector4)),
        _ => return None,
    })
}

/// A NaN would lose bits as a 64-bit float, so it travels in a vector.
fn from_f32(float: f32) -> Value {
    if float.is_nan() { Value::Vector2([float, 0.0]) } else { Value::Float(float.into()) }
}

fn to_f32(value: Value) -> Option<f32> {
    match value {
        Value::Float(float) => Some(float as f32),
        Value::Int(int) => Some(int as f32),
        Value::Vector2([float, _]) => Some(float),
        _ => None,
    }
}

fn to_f64(value: Value) -> Option<f64> {
    match value {
        Value::Float(float) => Some(float),
        Value::Int(int) => Some(int as f64),
        _ => None,
    }
}

fn to_int<T: TryFrom<i64>>(value: &Value, least: T, most: T) -> Option<T> {
    let Value::Int(int) = value else { return None };
    Some(T::try_from(*int).unwrap_or(if *int < 0 { least } else { most }))
}

/// The array of these items. Numbers that do not fit are brought to the nearest; an item of another type makes
/// it a plain array.
pub(super) fn rebuild(shape: Shape, items: Vec<Value>) -> Value {
    macro_rules! packed {
        ($variant:ident, $item:pat => $one:expr) => {
            items.iter().cloned().map(|$item| $one).collect::<Option<Vec<_>>>().map(Value::$variant)
        };
    }
    macro_rules! vectors {
        ($variant:ident, $item:ident) => {
            packed!($variant, value => match value {
                Value::$item(vector) => Some(vector),
                _ => None,
            })
        };
    }
    let packed = match shape {
        Shape::Array(element) => return Value::Array(Array { element, items }),
        Shape::Bytes => packed!(PackedByteArray, value => to_int(&value, 0u8, u8::MAX)),
        Shape::Int32 => packed!(PackedInt32Array, value => to_int(&value, i32::MIN, i32::MAX)),
        Shape::Int64 => packed!(PackedInt64Array, value => to_int(&value, i64::MIN, i64::MAX)),
        Shape::Float32 => packed!(PackedFloat32Array, value => to_f32(value)),
        Shape::Float64 => packed!(PackedFloat64Array, value => to_f64(value)),
        Shape::Strings => vectors!(PackedStringArray, String),
        Shape::Vector2 => vectors!(PackedVector2Array, Vector2),
        Shape::Vector3 => vectors!(PackedVector3Array, Vector3),
        Shape::Color => vectors!(PackedColorArray, Color),
        Shape::Vector4 => vectors!(PackedVector4Array, Vector4),
    };
    packed.unwrap_or(Value::Array(Array { element: ElementType::ANY, items }))
}

/// What all three have: what one side changed it to, nothing when both changed it differently.
pub(super) fn agreed<T: PartialEq + Copy>(base: Option<T>, local: T, cloud: T) -> Option<T> {
    match base {
        _ if local == cloud => Some(local),
        Some(base) if base == local => Some(cloud),
        Some(base) if base == cloud => Some(local),
        _ => None,
    }
}

/// The three arrays of a merge; without an ancestor, `base` is empty.
#[derive(Debug)]
pub(super) struct Lists<'v> {
    pub(super) shape: Shape,
    pub(super) base: Items<'v>,
    pub(super) local: Items<'v>,
    pub(super) cloud: Items<'v>,
    /// The ancestor is an array as well.
    pub(super) has_base: bool,
}

impl<'v> Lists<'v> {
    /// When both sides are arrays of one kind.
    pub(super) fn of(base: Option<&'v Value>, local: &'v Value, cloud: &'v Value) -> Option<Lists<'v>> {
        let ((local_shape, local), (cloud_shape, cloud)) = (items(local)?, items(cloud)?);
        let base = base.and_then(items);
        let shape = agreed(base.as_ref().map(|base| base.0), local_shape, cloud_shape)?;
        let has_base = base.is_some();
        let base = base.map(|base| base.1).unwrap_or_default();
        // Kinds that only one side changed are the other's, when items fit both.
        let plain = |shape| matches!(shape, Shape::Array(_));
        let fits = local_shape == cloud_shape || (plain(local_shape) && plain(cloud_shape));
        fits.then_some(Lists { shape, base, local, cloud, has_base })
    }

    /// Items are values as they are, of any type that the array declares.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.shape, Shape::Array(_))
    }

    /// The keys of records on each side; nothing when an item is no record with this field.
    pub(super) fn keys(&self, field: &str) -> Option<[Vec<&Value>; 3]> {
        let [base, local, cloud] = [&self.base, &self.local, &self.cloud]
            .map(|list| list.iter().map(|item| record_key(item, field)).collect::<Option<Vec<_>>>());
        Some([base?, local?, cloud?])
    }

    /// A set: `keep` decides by where an item is (ancestor, local, cloud).
    pub(super) fn set(&self, earlier: Which, keep: impl Fn(bool, bool, bool) -> bool) -> Option<Value> {
        let slots = paired([&self.base, &self.local, &self.cloud], earlier, Doubles::Skipped)?;
        let kept = slots
            .iter()
            .filter(|slot| keep(slot.base.is_some(), slot.local.is_some(), slot.cloud.is_some()))
            .filter_map(|slot| {
                let base = slot.base.map(|place| &self.base[place]);
                let local = slot.local.map(|place| &self.local[place]);
                let cloud = slot.cloud.map(|place| &self.cloud[place]);
                spelling(base, local, cloud).cloned()
            });
        Some(rebuild(self.shape, kept.collect()))
    }

    /// What both sides added stays, what either removed goes.
    pub(super) fn append(&self, earlier: Which) -> Value {
        let common = self.local.iter().zip(self.cloud.iter()).take_while(|(a, b)| same(a, b)).count();
        let base = if self.has_base { &self.base } else { &self.local[..common] };
        rebuild(self.shape, diff3::append(base, &self.local, &self.cloud, earlier))
    }
}

/// The edits of both sides to an array, when they do not overlap. Bytes are something whole, a picture or a
/// text: their edits say nothing.
pub(super) fn edits(base: Option<&Value>, local: &Value, cloud: &Value) -> Option<Value> {
    macro_rules! packed {
        ($($variant:ident)+) => {
            match (base?, local, cloud) {
                (Value::Array(base), Value::Array(local), Value::Array(cloud)) => {
                    let element = agreed(Some(base.element), local.element, cloud.element)?;
                    let items = diff3::edits(&base.items, &local.items, &cloud.items)?;
                    Some(Value::Array(Array { element, items }))
                }
                $((Value::$variant(base), Value::$variant(local), Value::$variant(cloud)) => {
                    diff3::edits(base, local, cloud).map(Value::$variant)
                })+
                _ => None,
            }
        };
    }
    packed! {
        PackedInt32Array PackedInt64Array PackedFloat32Array PackedFloat64Array PackedStringArray
        PackedVector2Array PackedVector3Array PackedColorArray PackedVector4Array
    }
}

fn record_key<'v>(item: &'v Value, field: &str) -> Option<&'v Value> {
    let Value::Dictionary(record) = item else { return None };
    let named = |key: &Value| matches!(key, Value::String(text) | Value::StringName(text) if text == field);
    record.entries.iter().find(|(key, _)| named(key)).map(|(_, value)| value)
}

/// Whether a set keeps an item, by where it is: ancestor, local, cloud.
pub(super) fn keeps(policy: &Policy) -> Option<fn(bool, bool, bool) -> bool> {
    match policy {
        Policy::Union => Some(|_, local, cloud| local || cloud),
        Policy::Intersect => Some(|_, local, cloud| local && cloud),
        Policy::OrderedSet => Some(|base, local, cloud| (local && cloud) || (!base && (local || cloud))),
        _ => None,
    }
}

/// A key or an item that both sides have, in one spelling: `"a"` and `&"a"` are the same one.
pub(super) fn spelling<'v>(
    base: Option<&'v Value>,
    local: Option<&'v Value>,
    cloud: Option<&'v Value>,
) -> Option<&'v Value> {
    let (local, cloud) = match (local, cloud) {
        (Some(local), Some(cloud)) => (local, cloud),
        (one, other) => return one.or(other).or(base),
    };
    match base {
        _ if same(local, cloud) => Some(local),
        Some(base) if same(base, local) => Some(cloud),
        Some(base) if same(base, cloud) => Some(local),
        _ if matches!(local, Value::String(_)) => Some(local),
        _ => Some(cloud),
    }
}
