//! Looks a value through before it is merged: whether it could be saved, and how large it is.

use crate::value::{VALUE_DEPTH_MAX, VALUE_ITEMS_MAX, Value, ValueError, encode};

/// About the size of the encoding, without encoding. Refuses what cannot be saved for its depth or its number
/// of values.
pub(super) fn weigh(value: &Value) -> Result<usize, ValueError> {
    let (mut size, mut left) = (2, VALUE_ITEMS_MAX);
    match add(value, 0, &mut size, &mut left) {
        Some(()) => Ok(size),
        // It knows the words for what is wrong.
        None => encode(value).map(|bytes| bytes.len()),
    }
}

fn add(value: &Value, depth: usize, size: &mut usize, left: &mut usize) -> Option<()> {
    use Value::*;
    *left = left.checked_sub(1).filter(|_| depth <= VALUE_DEPTH_MAX)?;
    *size += 1 + match value {
        Null => 0,
        Bool(_) => 1,
        Int(int) => 1 + (64 - int.unsigned_abs().leading_zeros() as usize) / 7,
        Float(_) | Vector2(_) | Vector2i(_) => 8,
        String(text) | StringName(text) | NodePath(text) => 1 + text.len(),
        Vector3(_) | Vector3i(_) => 12,
        Rect2(_) | Rect2i(_) | Vector4(_) | Vector4i(_) | Plane(_) | Quaternion(_) | Color(_) => 16,
        Transform2D(_) | Aabb(_) => 24,
        Basis(_) => 36,
        Transform3D(_) => 48,
        Projection(_) => 64,
        Array(array) => {
            array.items.iter().try_for_each(|item| add(item, depth + 1, size, left))?;
            2
        }
        Dictionary(dictionary) => {
            for (key, value) in &dictionary.entries {
                add(key, depth + 1, size, left)?;
                add(value, depth + 1, size, left)?;
            }
            3
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
    };
    Some(())
}
