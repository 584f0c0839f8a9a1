//! Whether two values are the same, bit for bit, without encoding them.

use crate::value::Value;

/// Equal encodings, as [`Value`]'s own equality: every NaN equals itself, 0.0 differs from -0.0.
#[inline(always)]
pub(super) fn same(a: &Value, b: &Value) -> bool {
    // Most values are of these two kinds.
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::String(a), Value::String(b)) => a == b,
        (a, b) => same_rest(a, b),
    }
}

fn same_rest(a: &Value, b: &Value) -> bool {
    use Value::*;
    match (a, b) {
        (Null, Null) => true,
        (Bool(a), Bool(b)) => a == b,
        (Float(a), Float(b)) => a.to_bits() == b.to_bits(),
        (StringName(a), StringName(b)) | (NodePath(a), NodePath(b)) => a == b,
        (Array(a), Array(b)) => {
            a.element == b.element
                && a.items.len() == b.items.len()
                && a.items.iter().zip(&b.items).all(|(a, b)| same(a, b))
        }
        (Dictionary(a), Dictionary(b)) => {
            (a.key, a.value, a.entries.len()) == (b.key, b.value, b.entries.len())
                && a.entries.iter().zip(&b.entries).all(|(a, b)| same(&a.0, &b.0) && same(&a.1, &b.1))
        }
        (PackedByteArray(a), PackedByteArray(b)) => a == b,
        (PackedInt32Array(a), PackedInt32Array(b)) => a == b,
        (PackedInt64Array(a), PackedInt64Array(b)) => a == b,
        (PackedStringArray(a), PackedStringArray(b)) => a == b,
        (PackedFloat32Array(a), PackedFloat32Array(b)) => same_bits(a, b),
        (PackedFloat64Array(a), PackedFloat64Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
        }
        (Vector2(a), Vector2(b)) => same_bits(a, b),
        (Vector3(a), Vector3(b)) => same_bits(a, b),
        (Vector4(a), Vector4(b)) | (Quaternion(a), Quaternion(b)) | (Color(a), Color(b)) => same_bits(a, b),
        (Vector2i(a), Vector2i(b)) => a == b,
        (Vector3i(a), Vector3i(b)) => a == b,
        (Transform2D(a), Transform2D(b)) => same_bits(a, b),
        (Transform3D(a), Transform3D(b)) => same_bits(a.as_slice(), b.as_slice()),
        // The rest is rare.
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b) && a == b,
    }
}

fn same_bits(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// The same, or nothing on both sides.
pub(super) fn same_option(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a, b),
        (a, b) => a.is_none() && b.is_none(),
    }
}
