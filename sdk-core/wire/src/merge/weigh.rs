//! Looks a value through before it is merged: whether it could be saved, and how large it is.

use crate::value::{VALUE_DEPTH_MAX, VALUE_ITEMS_MAX, Value, ValueError, encode};

/// About the size of the encoding, without encoding. Refuses what cannot be saved for its depth or its number
/// of values.
pub(super) fn weigh(value: &Value) -> Result<usize, ValueError> {
    let mut left = VALUE_ITEMS_MAX - 1;
    match size(value, 0, &mut left) {
        Some(size) => Ok(2 + size),
        // It knows the words for what is wrong.
        None => encode(value).map(|bytes| bytes.len()),
    }
}

/// The size of a value that is counted already. Most values are of the kinds that are looked at first.
#[inline(always)]
fn size(value: &Value, depth: usize, left: &mut usize) -> Option<usize> {
    Some(match value {
        Value::Int(int) => 2 + (64 - int.unsigned_abs().leading_zeros() as usize) / 7,
        Value::String(text) => 2 + text.len(),
        value => return size_rest(value, depth, left),
    })
}

fn size_rest(value: &Value, depth: usize, left: &mut usize) -> Option<usize> {
    use Value::*;
    // Values inside are counted before they are looked at.
    let mut inside = |count: usize| {
        *left = left.checked_sub(count).filter(|_| count == 0 || depth < VALUE_DEPTH_MAX)?;
        Some(())
    };
    Some(
        1 + match value {
            Null => 0,
            Bool(_) => 1,
            Int(_) => 9,
            Float(_) | Vector2(_) | Vector2i(_) => 8,
            String(text) | StringName(text) | NodePath(text) => 1 + text.len(),
            Vector3(_) | Vector3i(_) => 12,
            Rect2(_) | Rect2i(_) | Vector4(_) | Vector4i(_) | Plane(_) | Quaternion(_) | Color(_) => 16,
            Transform2D(_) | Aabb(_) => 24,
            Basis(_) => 36,
            Transform3D(_) => 48,
            Projection(_) => 64,
            Array(array) => {
                inside(array.items.len())?;
                let mut sum = 2;
                for item in &array.items {
                    sum += size(item, depth + 1, left)?;
                }
                sum
            }
            Dictionary(dictionary) => {
                inside(2 * dictionary.entries.len())?;
                let mut sum = 3;
                for (key, value) in &dictionary.entries {
                    sum += size(key, depth + 1, left)? + size(value, depth + 1, left)?;
                }
                sum
            }
            PackedByteArray(list) => list.len(),
            PackedInt32Array(list) => 4 * list.len(),
            PackedInt64Array(list) => 8 * list.len(),
            PackedFloat32Array(list) => 4 * list.len(),
            PackedFloat64Array(list) => 8 * list.len(),
            PackedStringArray(list) => {
                *left = left.checked_sub(list.len())?;
                list.iter().map(|text| 1 + text.len()).sum()
            }
            PackedVector2Array(list) => 8 * list.len(),
            PackedVector3Array(list) => 12 * list.len(),
            PackedColorArray(list) | PackedVector4Array(list) => 16 * list.len(),
            Opaque { bytes, .. } => bytes.len(),
        },
    )
}
