//! Arrays and dictionaries: reading and changing their parts.
//!
//! A function that puts a value into a container takes the value's handle, also when it fails, so a
//! freshly made value never has to be freed. Only a container put into itself is refused untaken.

use super::types::aethex_value_type as T;
use super::{
    CONTENT_LEN_MAX, Step, accepts, aethex_value, change, fits_inside, insert, node, read, take, type_of,
};
use crate::error::{aethex_error, guard};
use crate::strings::{aethex_str, put, writable};
use aethex_wire::ErrorCode;
use aethex_wire::value::{Dictionary, Value};

/// The value under a text key (String or StringName) of a dictionary, as a handle of its own that must be
/// freed. `AETHEX_ERROR_NOT_FOUND` when there is no such key.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_get(
    dictionary: aethex_value,
    key: aethex_str,
    out: *mut aethex_value,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    unsafe {
        part(dictionary, out, |value| {
            let place = place_of_text(pairs(value)?, key.read(CONTENT_LEN_MAX)?);
            place.map(Step::Entry).ok_or(ErrorCode::NotFound)
        })
    }
}

/// The value under a key of any type of a dictionary, as a handle of its own that must be freed.
/// `AETHEX_ERROR_NOT_FOUND` when there is no such key. The key's handle is not taken.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_get_key(
    dictionary: aethex_value,
    key: aethex_value,
    out: *mut aethex_value,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    unsafe {
        part(dictionary, out, |value| {
            let key = node(key)?;
            place_of(pairs(value)?, key.value()).map(Step::Entry).ok_or(ErrorCode::NotFound)
        })
    }
}

/// An item of an array, as a handle of its own that must be freed. `AETHEX_ERROR_NOT_FOUND` beyond its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_get_index(
    array: aethex_value,
    index: usize,
    out: *mut aethex_value,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    unsafe {
        part(array, out, |value| match value {
            Value::Array(array) if index < array.items.len() => Ok(Step::Item(index)),
            Value::Array(_) => Err(ErrorCode::NotFound),
            _ => Err(ErrorCode::InvalidArgument),
        })
    }
}

/// Key and value of a dictionary's pair, in its order, as handles of their own that must be freed. Either
/// out-pointer may be null. `AETHEX_ERROR_NOT_FOUND` beyond the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_get_pair(
    dictionary: aethex_value,
    index: usize,
    key: *mut aethex_value,
    value: *mut aethex_value,
) -> aethex_error {
    let check = |found: &Value| {
        if index < pairs(found)?.entries.len() { Ok(()) } else { Err(ErrorCode::NotFound) }
    };
    guard(|| {
        let whole = node(dictionary)?;
        check(whole.value())?;
        for (out, step) in [(key, Step::Key(index)), (value, Step::Entry(index))] {
            if !out.is_null() {
                writable(out)?;
                // SAFETY: the header asks for null or writable memory.
                unsafe { put(out, insert(whole.child(step))?) }?;
            }
        }
        Ok(())
    })
}

/// Copies a text of a packed array of texts; the buffer works as in `aethex_value_copy_string`.
/// `AETHEX_ERROR_NOT_FOUND` beyond the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_copy_string_at(
    strings: aethex_value,
    index: usize,
    buffer: *mut std::ffi::c_char,
    capacity: usize,
    length: *mut usize,
) -> aethex_error {
    guard(|| {
        read(strings, |value| match value {
            Value::PackedStringArray(texts) => {
                let text = texts.get(index).ok_or(ErrorCode::NotFound)?;
                // SAFETY: the header asks for valid or null pointers.
                unsafe { crate::strings::copy_text(text, buffer, capacity, length) }
            }
            _ => Err(ErrorCode::InvalidArgument),
        })
    })
}

/// Puts a value under a text key of a dictionary, replacing what was there. Takes `value`.
/// `AETHEX_ERROR_TOO_LARGE` when the nesting would be too deep to save.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_set(
    dictionary: aethex_value,
    key: aethex_str,
    value: aethex_value,
) -> aethex_error {
    guard(|| {
        let item = take_for(dictionary, value)?;
        // SAFETY: the header asks for valid or null pointers.
        let key = unsafe { key.read(CONTENT_LEN_MAX) }?;
        set_text(dictionary, key, item)
    })
}

/// Puts a value under a key of any type of a dictionary, replacing what was there. Takes both.
#[unsafe(no_mangle)]
pub extern "C" fn aethex_value_set_key(
    dictionary: aethex_value,
    key: aethex_value,
    value: aethex_value,
) -> aethex_error {
    guard(|| {
        if key == dictionary || value == dictionary || key == value {
            return Err(ErrorCode::InvalidArgument);
        }
        let (key, value) = (take(key), take(value));
        let (key, value) = (key?, value?);
        fits_inside(&key)?;
        fits_inside(&value)?;
        change(dictionary, |container| {
            let Value::Dictionary(pairs) = container else { return Err(ErrorCode::InvalidArgument) };
            accepts(pairs.key, &key)?;
            accepts(pairs.value, &value)?;
            match place_of(pairs, &key) {
                Some(place) => pairs.entries[place].1 = value,
                None => pairs.entries.push((key, value)),
            }
            Ok(())
        })
    })
}

/// Puts a bool under a text key of a dictionary.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_set_bool(
    dictionary: aethex_value,
    key: aethex_str,
    content: bool,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| set_text(dictionary, unsafe { key.read(CONTENT_LEN_MAX) }?, Value::Bool(content)))
}

/// Puts an integer under a text key of a dictionary.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_set_int(
    dictionary: aethex_value,
    key: aethex_str,
    content: i64,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| set_text(dictionary, unsafe { key.read(CONTENT_LEN_MAX) }?, Value::Int(content)))
}

/// Puts a float under a text key of a dictionary.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_set_float(
    dictionary: aethex_value,
    key: aethex_str,
    content: f64,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| set_text(dictionary, unsafe { key.read(CONTENT_LEN_MAX) }?, Value::Float(content)))
}

/// Puts a text under a text key of a dictionary.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_set_string(
    dictionary: aethex_value,
    key: aethex_str,
    content: aethex_str,
) -> aethex_error {
    guard(|| {
        // SAFETY: the header asks for valid or null pointers.
        let (key, content) = unsafe { (key.read(CONTENT_LEN_MAX)?, content.read(CONTENT_LEN_MAX)?) };
        set_text(dictionary, key, Value::String(content.to_owned()))
    })
}

/// Adds a value at the end of an array. Takes `value`.
/// `AETHEX_ERROR_TOO_LARGE` when the nesting would be too deep to save.
#[unsafe(no_mangle)]
pub extern "C" fn aethex_value_push(array: aethex_value, value: aethex_value) -> aethex_error {
    guard(|| {
        let item = take_for(array, value)?;
        fits_inside(&item)?;
        change(array, |container| {
            let Value::Array(array) = container else { return Err(ErrorCode::InvalidArgument) };
            accepts(array.element, &item)?;
            array.items.push(item);
            Ok(())
        })
    })
}

/// Replaces an item of an array. Takes `value`. `AETHEX_ERROR_NOT_FOUND` beyond the end.
#[unsafe(no_mangle)]
pub extern "C" fn aethex_value_set_index(
    array: aethex_value,
    index: usize,
    value: aethex_value,
) -> aethex_error {
    guard(|| {
        let item = take_for(array, value)?;
        fits_inside(&item)?;
        change(array, |container| {
            let Value::Array(array) = container else { return Err(ErrorCode::InvalidArgument) };
            accepts(array.element, &item)?;
            *array.items.get_mut(index).ok_or(ErrorCode::NotFound)? = item;
            Ok(())
        })
    })
}

/// Removes the pair under a text key of a dictionary. `AETHEX_ERROR_NOT_FOUND` when there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_remove(dictionary: aethex_value, key: aethex_str) -> aethex_error {
    guard(|| {
        // SAFETY: the header asks for valid or null pointers.
        let key = unsafe { key.read(CONTENT_LEN_MAX) }?;
        change(dictionary, |container| {
            let Value::Dictionary(pairs) = container else { return Err(ErrorCode::InvalidArgument) };
            let place = place_of_text(pairs, key).ok_or(ErrorCode::NotFound)?;
            pairs.entries.remove(place);
            Ok(())
        })
    })
}

/// Removes an item of an array; those behind it move up. `AETHEX_ERROR_NOT_FOUND` beyond the end.
#[unsafe(no_mangle)]
pub extern "C" fn aethex_value_remove_index(array: aethex_value, index: usize) -> aethex_error {
    guard(|| {
        change(array, |container| match container {
            Value::Array(array) if index < array.items.len() => {
                array.items.remove(index);
                Ok(())
            }
            Value::Array(_) => Err(ErrorCode::NotFound),
            _ => Err(ErrorCode::InvalidArgument),
        })
    })
}

/// Hands out a part of a container.
///
/// # Safety
/// `out` is null or points to writable memory for a handle.
unsafe fn part(
    container: aethex_value,
    out: *mut aethex_value,
    find: impl FnOnce(&Value) -> Result<Step, ErrorCode>,
) -> aethex_error {
    guard(|| {
        writable(out)?;
        let whole = node(container)?;
        let step = find(whole.value())?;
        // SAFETY: the caller's promise, passed on.
        unsafe { put(out, insert(whole.child(step))?) }
    })
}

fn take_for(container: aethex_value, item: aethex_value) -> Result<Value, ErrorCode> {
    if item == container { Err(ErrorCode::InvalidArgument) } else { take(item) }
}

fn set_text(dictionary: aethex_value, key: &str, item: Value) -> Result<(), ErrorCode> {
    fits_inside(&item)?;
    change(dictionary, |container| {
        let Value::Dictionary(pairs) = container else { return Err(ErrorCode::InvalidArgument) };
        accepts(pairs.value, &item)?;
        if let Some(place) = place_of_text(pairs, key) {
            pairs.entries[place].1 = item;
            return Ok(());
        }
        let key = if pairs.key == T::AETHEX_VALUE_STRING_NAME.element() {
            Value::StringName(key.to_owned())
        } else {
            Value::String(key.to_owned())
        };
        accepts(pairs.key, &key)?;
        pairs.entries.push((key, item));
        Ok(())
    })
}

fn pairs(value: &Value) -> Result<&Dictionary, ErrorCode> {
    match value {
        Value::Dictionary(pairs) => Ok(pairs),
        _ => Err(ErrorCode::InvalidArgument),
    }
}

fn place_of_text(pairs: &Dictionary, key: &str) -> Option<usize> {
    pairs.entries.iter().position(|(known, _)| match known {
        Value::String(text) | Value::StringName(text) => text == key,
        _ => false,
    })
}

/// Text keys are one key whether String or StringName, as in Godot.
fn place_of(pairs: &Dictionary, key: &Value) -> Option<usize> {
    match key {
        Value::String(text) | Value::StringName(text) => place_of_text(pairs, text),
        _ => {
            let key_type = type_of(key);
            pairs.entries.iter().position(|(known, _)| type_of(known) == key_type && known == key)
        }
    }
}
