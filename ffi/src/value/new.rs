//! Making values.

use super::{CONTENT_LEN_MAX, aethex_value, aethex_value_type, give};
use crate::error::aethex_error;
use crate::strings::{aethex_str, slice};
use aethex_wire::ErrorCode;
use aethex_wire::value::{Array, Dictionary, ElementType, Value};

/// Makes a null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_new_null(out: *mut aethex_value) -> aethex_error {
    // SAFETY: the header asks for null or writable memory.
    unsafe { give(out, || Ok(Value::Null)) }
}

/// Makes a bool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_new_bool(content: bool, out: *mut aethex_value) -> aethex_error {
    // SAFETY: the header asks for null or writable memory.
    unsafe { give(out, || Ok(Value::Bool(content))) }
}

/// Makes an integer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_new_int(content: i64, out: *mut aethex_value) -> aethex_error {
    // SAFETY: the header asks for null or writable memory.
    unsafe { give(out, || Ok(Value::Int(content))) }
}

/// Makes a float; every bit pattern is kept.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_new_float(content: f64, out: *mut aethex_value) -> aethex_error {
    // SAFETY: the header asks for null or writable memory.
    unsafe { give(out, || Ok(Value::Float(content))) }
}

/// Makes a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_new_string(
    content: aethex_str,
    out: *mut aethex_value,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    unsafe { give(out, || Ok(Value::String(content.read(CONTENT_LEN_MAX)?.to_owned()))) }
}

/// Makes a text of a type: `AETHEX_VALUE_STRING`, `_STRING_NAME` or `_NODE_PATH`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_new_text(
    value_type: i32,
    content: aethex_str,
    out: *mut aethex_value,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    unsafe {
        give(out, || {
            let text = content.read(CONTENT_LEN_MAX)?.to_owned();
            match aethex_value_type::of(value_type)? {
                aethex_value_type::AETHEX_VALUE_STRING => Ok(Value::String(text)),
                aethex_value_type::AETHEX_VALUE_STRING_NAME => Ok(Value::StringName(text)),
                aethex_value_type::AETHEX_VALUE_NODE_PATH => Ok(Value::NodePath(text)),
                _ => Err(ErrorCode::InvalidArgument),
            }
        })
    }
}

/// Makes a Vector2.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_new_vector2(x: f32, y: f32, out: *mut aethex_value) -> aethex_error {
    // SAFETY: the header asks for null or writable memory.
    unsafe { give(out, || Ok(Value::Vector2([x, y]))) }
}

/// Makes a Vector3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_new_vector3(
    x: f32,
    y: f32,
    z: f32,
    out: *mut aethex_value,
) -> aethex_error {
    // SAFETY: the header asks for null or writable memory.
    unsafe { give(out, || Ok(Value::Vector3([x, y, z]))) }
}

/// Makes a Vector4.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_new_vector4(
    x: f32,
    y: f32,
    z: f32,
    w: f32,
    out: *mut aethex_value,
) -> aethex_error {
    // SAFETY: the header asks for null or writable memory.
    unsafe { give(out, || Ok(Value::Vector4([x, y, z, w]))) }
}

/// Makes a colour; 1 is full intensity.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_new_color(
    red: f32,
    green: f32,
    blue: f32,
    alpha: f32,
    out: *mut aethex_value,
) -> aethex_error {
    // SAFETY: the header asks for null or writable memory.
    unsafe { give(out, || Ok(Value::Color([red, green, blue, alpha]))) }
}

/// Makes a value of any type that consists of 32-bit floats: vectors, transforms, colours (`count` as
/// the type says) and their packed arrays (`count` is a multiple).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_new_floats(
    value_type: i32,
    floats: *const f32,
    count: usize,
    out: *mut aethex_value,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    unsafe {
        give(out, || from_floats(aethex_value_type::of(value_type)?, slice(floats, count, most::<f32>())?))
    }
}

/// Makes a value of any type that consists of 32-bit integers: Vector2i, Vector3i, Vector4i, Rect2i and
/// the packed array.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_new_ints(
    value_type: i32,
    ints: *const i32,
    count: usize,
    out: *mut aethex_value,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    unsafe { give(out, || from_ints(aethex_value_type::of(value_type)?, slice(ints, count, most::<i32>())?)) }
}

/// Makes a packed array of bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_new_bytes(
    data: *const u8,
    len: usize,
    out: *mut aethex_value,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    unsafe { give(out, || Ok(Value::PackedByteArray(slice(data, len, CONTENT_LEN_MAX)?.to_vec()))) }
}

/// Makes a packed array of 64-bit integers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_new_int64s(
    ints: *const i64,
    count: usize,
    out: *mut aethex_value,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    unsafe { give(out, || Ok(Value::PackedInt64Array(slice(ints, count, most::<i64>())?.to_vec()))) }
}

/// Makes a packed array of 64-bit floats.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_new_doubles(
    floats: *const f64,
    count: usize,
    out: *mut aethex_value,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    unsafe { give(out, || Ok(Value::PackedFloat64Array(slice(floats, count, most::<f64>())?.to_vec()))) }
}

/// Makes a packed array of texts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_new_strings(
    texts: *const aethex_str,
    count: usize,
    out: *mut aethex_value,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    unsafe {
        give(out, || {
            let mut room = CONTENT_LEN_MAX;
            let mut strings = Vec::new();
            for text in slice(texts, count, most::<aethex_str>())? {
                let text = text.read(room)?;
                room -= text.len();
                strings.push(text.to_owned());
            }
            Ok(Value::PackedStringArray(strings))
        })
    }
}

/// Makes an empty array for values of any type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_new_array(out: *mut aethex_value) -> aethex_error {
    // SAFETY: the header asks for null or writable memory.
    unsafe { give(out, || Ok(Value::Array(Array::default()))) }
}

/// Makes an empty array for values of one type, as Godot's `Array[int]`; `AETHEX_VALUE_NULL` means any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_new_typed_array(element: i32, out: *mut aethex_value) -> aethex_error {
    // SAFETY: the header asks for null or writable memory.
    unsafe { give(out, || Ok(Value::Array(Array { element: declared(element)?, items: Vec::new() }))) }
}

/// Makes an empty dictionary for keys and values of any type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_new_dictionary(out: *mut aethex_value) -> aethex_error {
    // SAFETY: the header asks for null or writable memory.
    unsafe { give(out, || Ok(Value::Dictionary(Dictionary::default()))) }
}

/// Makes an empty dictionary for keys and values of one type each, as Godot's `Dictionary[String, int]`;
/// `AETHEX_VALUE_NULL` means any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_new_typed_dictionary(
    key: i32,
    value: i32,
    out: *mut aethex_value,
) -> aethex_error {
    // SAFETY: the header asks for null or writable memory.
    unsafe {
        give(out, || {
            let (key, value) = (declared(key)?, declared(value)?);
            Ok(Value::Dictionary(Dictionary { key, value, entries: Vec::new() }))
        })
    }
}

/// Most elements of a packed array: a save could not hold more.
const fn most<T>() -> usize {
    CONTENT_LEN_MAX / size_of::<T>()
}

fn declared(value_type: i32) -> Result<ElementType, ErrorCode> {
    match aethex_value_type::of(value_type)? {
        aethex_value_type::AETHEX_VALUE_OPAQUE => Err(ErrorCode::InvalidArgument),
        known => Ok(known.element()),
    }
}

fn from_floats(value_type: aethex_value_type, floats: &[f32]) -> Result<Value, ErrorCode> {
    use aethex_value_type as T;
    Ok(match value_type {
        T::AETHEX_VALUE_VECTOR2 => Value::Vector2(exactly(floats)?),
        T::AETHEX_VALUE_RECT2 => Value::Rect2(exactly(floats)?),
        T::AETHEX_VALUE_VECTOR3 => Value::Vector3(exactly(floats)?),
        T::AETHEX_VALUE_TRANSFORM2D => Value::Transform2D(exactly(floats)?),
        T::AETHEX_VALUE_VECTOR4 => Value::Vector4(exactly(floats)?),
        T::AETHEX_VALUE_PLANE => Value::Plane(exactly(floats)?),
        T::AETHEX_VALUE_QUATERNION => Value::Quaternion(exactly(floats)?),
        T::AETHEX_VALUE_AABB => Value::Aabb(exactly(floats)?),
        T::AETHEX_VALUE_BASIS => Value::Basis(Box::new(exactly(floats)?)),
        T::AETHEX_VALUE_TRANSFORM3D => Value::Transform3D(Box::new(exactly(floats)?)),
        T::AETHEX_VALUE_PROJECTION => Value::Projection(Box::new(exactly(floats)?)),
        T::AETHEX_VALUE_COLOR => Value::Color(exactly(floats)?),
        T::AETHEX_VALUE_PACKED_FLOAT32_ARRAY => Value::PackedFloat32Array(floats.to_vec()),
        T::AETHEX_VALUE_PACKED_VECTOR2_ARRAY => Value::PackedVector2Array(groups(floats)?),
        T::AETHEX_VALUE_PACKED_VECTOR3_ARRAY => Value::PackedVector3Array(groups(floats)?),
        T::AETHEX_VALUE_PACKED_COLOR_ARRAY => Value::PackedColorArray(groups(floats)?),
        T::AETHEX_VALUE_PACKED_VECTOR4_ARRAY => Value::PackedVector4Array(groups(floats)?),
        _ => return Err(ErrorCode::InvalidArgument),
    })
}

fn from_ints(value_type: aethex_value_type, ints: &[i32]) -> Result<Value, ErrorCode> {
    use aethex_value_type as T;
    Ok(match value_type {
        T::AETHEX_VALUE_VECTOR2I => Value::Vector2i(exactly(ints)?),
        T::AETHEX_VALUE_RECT2I => Value::Rect2i(exactly(ints)?),
        T::AETHEX_VALUE_VECTOR3I => Value::Vector3i(exactly(ints)?),
        T::AETHEX_VALUE_VECTOR4I => Value::Vector4i(exactly(ints)?),
        T::AETHEX_VALUE_PACKED_INT32_ARRAY => Value::PackedInt32Array(ints.to_vec()),
        _ => return Err(ErrorCode::InvalidArgument),
    })
}

fn exactly<T: Copy, const N: usize>(elements: &[T]) -> Result<[T; N], ErrorCode> {
    <[T; N]>::try_from(elements).map_err(|_| ErrorCode::InvalidArgument)
}

fn groups<const N: usize>(floats: &[f32]) -> Result<Vec<[f32; N]>, ErrorCode> {
    let (groups, rest) = floats.as_chunks::<N>();
    if rest.is_empty() { Ok(groups.to_vec()) } else { Err(ErrorCode::InvalidArgument) }
}
