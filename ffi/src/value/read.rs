//! Reading values. A getter of the wrong type answers `AETHEX_ERROR_INVALID_ARGUMENT` and writes nothing.

use super::types::declared;
use super::{aethex_value, read, type_of};
use crate::error::{aethex_error, guard};
use crate::strings::{copy_out, copy_text, put};
use aethex_wire::ErrorCode;
use aethex_wire::value::{Array, Dictionary, ElementType, Value};
use std::ffi::c_char;

/// The value's type, an `aethex_value_type`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_get_type(value: aethex_value, out: *mut i32) -> aethex_error {
    guard(|| {
        let value_type = read(value, |value| Ok(type_of(value)))?;
        // SAFETY: the header asks for null or writable memory.
        unsafe { put(out, value_type as i32) }
    })
}

/// How many elements it has: items of an array, pairs of a dictionary, elements of a packed array.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_get_count(value: aethex_value, out: *mut usize) -> aethex_error {
    guard(|| {
        let count = read(value, count)?;
        // SAFETY: the header asks for null or writable memory.
        unsafe { put(out, count) }
    })
}

/// The content of a bool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_get_bool(value: aethex_value, out: *mut bool) -> aethex_error {
    guard(|| {
        let content = read(value, |value| match value {
            Value::Bool(content) => Ok(*content),
            _ => Err(ErrorCode::InvalidArgument),
        })?;
        // SAFETY: the header asks for null or writable memory.
        unsafe { put(out, content) }
    })
}

/// The content of an integer. A float is not one, whatever its content.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_get_int(value: aethex_value, out: *mut i64) -> aethex_error {
    guard(|| {
        let content = read(value, |value| match value {
            Value::Int(content) => Ok(*content),
            _ => Err(ErrorCode::InvalidArgument),
        })?;
        // SAFETY: the header asks for null or writable memory.
        unsafe { put(out, content) }
    })
}

/// The content of a float, or of an integer (rounded to the nearest float beyond 2^53).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_get_float(value: aethex_value, out: *mut f64) -> aethex_error {
    guard(|| {
        let content = read(value, |value| match value {
            Value::Float(content) => Ok(*content),
            Value::Int(content) => Ok(*content as f64),
            _ => Err(ErrorCode::InvalidArgument),
        })?;
        // SAFETY: the header asks for null or writable memory.
        unsafe { put(out, content) }
    })
}

/// Copies the text of a String, StringName or NodePath, with a NUL behind it.
///
/// `*length` is set to the text's length without NUL, also when `buffer` is null with `capacity` 0 (to
/// ask) or too small (`AETHEX_ERROR_TOO_LARGE`, nothing written).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_copy_string(
    value: aethex_value,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> aethex_error {
    guard(|| {
        read(value, |value| match value {
            Value::String(text) | Value::StringName(text) | Value::NodePath(text) => {
                // SAFETY: the header asks for valid or null pointers.
                unsafe { copy_text(text, buffer, capacity, length) }
            }
            _ => Err(ErrorCode::InvalidArgument),
        })
    })
}

/// The content of a Vector2.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_get_vector2(
    value: aethex_value,
    x: *mut f32,
    y: *mut f32,
) -> aethex_error {
    guard(|| {
        let [a, b] = read(value, |value| match value {
            Value::Vector2(content) => Ok(*content),
            _ => Err(ErrorCode::InvalidArgument),
        })?;
        // SAFETY: the header asks for null or writable memory.
        unsafe { put(x, a).and_then(|()| put(y, b)) }
    })
}

/// The content of a Vector3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_get_vector3(
    value: aethex_value,
    x: *mut f32,
    y: *mut f32,
    z: *mut f32,
) -> aethex_error {
    guard(|| {
        let [a, b, c] = read(value, |value| match value {
            Value::Vector3(content) => Ok(*content),
            _ => Err(ErrorCode::InvalidArgument),
        })?;
        // SAFETY: the header asks for null or writable memory.
        unsafe { put(x, a).and_then(|()| put(y, b)).and_then(|()| put(z, c)) }
    })
}

/// Copies the floats of any value that consists of 32-bit floats: vectors, transforms, colours and their
/// packed arrays, in the order of `aethex_value_new_floats`.
///
/// `*count` is set to the number of floats, also when `out` is null with `capacity` 0 (to ask) or too
/// small (`AETHEX_ERROR_TOO_LARGE`, nothing written). The getters below follow the same rule.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_get_floats(
    value: aethex_value,
    out: *mut f32,
    capacity: usize,
    count: *mut usize,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| read(value, |value| unsafe { copy_out(floats(value)?, out, capacity, count) }))
}

/// Copies the integers of any value that consists of 32-bit integers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_get_ints(
    value: aethex_value,
    out: *mut i32,
    capacity: usize,
    count: *mut usize,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| read(value, |value| unsafe { copy_out(ints(value)?, out, capacity, count) }))
}

/// Copies the bytes of a packed array of bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_get_bytes(
    value: aethex_value,
    out: *mut u8,
    capacity: usize,
    count: *mut usize,
) -> aethex_error {
    guard(|| {
        read(value, |value| match value {
            // SAFETY: the header asks for valid or null pointers.
            Value::PackedByteArray(bytes) => unsafe { copy_out(bytes, out, capacity, count) },
            _ => Err(ErrorCode::InvalidArgument),
        })
    })
}

/// Copies the integers of a packed array of 64-bit integers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_get_int64s(
    value: aethex_value,
    out: *mut i64,
    capacity: usize,
    count: *mut usize,
) -> aethex_error {
    guard(|| {
        read(value, |value| match value {
            // SAFETY: the header asks for valid or null pointers.
            Value::PackedInt64Array(ints) => unsafe { copy_out(ints, out, capacity, count) },
            _ => Err(ErrorCode::InvalidArgument),
        })
    })
}

/// Copies the floats of a packed array of 64-bit floats.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_get_doubles(
    value: aethex_value,
    out: *mut f64,
    capacity: usize,
    count: *mut usize,
) -> aethex_error {
    guard(|| {
        read(value, |value| match value {
            // SAFETY: the header asks for valid or null pointers.
            Value::PackedFloat64Array(floats) => unsafe { copy_out(floats, out, capacity, count) },
            _ => Err(ErrorCode::InvalidArgument),
        })
    })
}

/// The type that a typed array or dictionary declares: for its items (or values) in `*value_type`, for
/// its keys in `*key_type`, which may be null. `AETHEX_VALUE_NULL` means any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_get_declared(
    value: aethex_value,
    key_type: *mut i32,
    value_type: *mut i32,
) -> aethex_error {
    guard(|| {
        let (key, element) = read(value, |value| match value {
            Value::Array(array) => Ok((ElementType::ANY, array.element)),
            Value::Dictionary(pairs) => Ok((pairs.key, pairs.value)),
            _ => Err(ErrorCode::InvalidArgument),
        })?;
        // SAFETY: the header asks for null or writable memory.
        unsafe {
            if !key_type.is_null() {
                put(key_type, declared(key))?;
            }
            put(value_type, declared(element))
        }
    })
}

fn count(value: &Value) -> Result<usize, ErrorCode> {
    match value {
        Value::Array(Array { items, .. }) => Ok(items.len()),
        Value::Dictionary(Dictionary { entries, .. }) => Ok(entries.len()),
        Value::PackedByteArray(elements) => Ok(elements.len()),
        Value::PackedInt32Array(elements) => Ok(elements.len()),
        Value::PackedInt64Array(elements) => Ok(elements.len()),
        Value::PackedFloat32Array(elements) => Ok(elements.len()),
        Value::PackedFloat64Array(elements) => Ok(elements.len()),
        Value::PackedStringArray(elements) => Ok(elements.len()),
        Value::PackedVector2Array(elements) => Ok(elements.len()),
        Value::PackedVector3Array(elements) => Ok(elements.len()),
        Value::PackedColorArray(elements) | Value::PackedVector4Array(elements) => Ok(elements.len()),
        _ => Err(ErrorCode::InvalidArgument),
    }
}

fn floats(value: &Value) -> Result<&[f32], ErrorCode> {
    Ok(match value {
        Value::Vector2(floats) => floats,
        Value::Vector3(floats) => floats,
        Value::Rect2(floats)
        | Value::Vector4(floats)
        | Value::Plane(floats)
        | Value::Quaternion(floats)
        | Value::Color(floats) => floats,
        Value::Transform2D(floats) | Value::Aabb(floats) => floats,
        Value::Basis(floats) => floats.as_slice(),
        Value::Transform3D(floats) => floats.as_slice(),
        Value::Projection(floats) => floats.as_slice(),
        Value::PackedFloat32Array(floats) => floats,
        Value::PackedVector2Array(points) => points.as_flattened(),
        Value::PackedVector3Array(points) => points.as_flattened(),
        Value::PackedColorArray(points) | Value::PackedVector4Array(points) => points.as_flattened(),
        _ => return Err(ErrorCode::InvalidArgument),
    })
}

fn ints(value: &Value) -> Result<&[i32], ErrorCode> {
    Ok(match value {
        Value::Vector2i(ints) => ints,
        Value::Vector3i(ints) => ints,
        Value::Rect2i(ints) | Value::Vector4i(ints) => ints,
        Value::PackedInt32Array(ints) => ints,
        _ => return Err(ErrorCode::InvalidArgument),
    })
}
