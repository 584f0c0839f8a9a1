//! Engine values behind handles: the same values that a Godot game saves, types kept.
//!
//! A handle owns one value. Reading a part of a container gives a handle of its own that shares the
//! whole until one of them is changed, so reading deep into a large save copies nothing, and a change
//! through one handle is never seen through another. Putting a value into a container takes its handle.
//! Handles may be used from any thread, also from several at once.

mod container;
mod json;
mod new;
mod read;
mod types;

use crate::error::{aethex_error, guard};
use crate::handle::{Kind, Registry, lock};
use crate::strings::{aethex_str, copy_out, copy_text, put, slice, writable};
use aethex_wire::ErrorCode;
use aethex_wire::saves::SAVE_LEN_MAX;
use aethex_wire::value::{VALUE_DEPTH_MAX, Value, decode, encode};
pub(crate) use json::{dictionary, plain, to_json};
#[cfg(test)]
pub(crate) use read::aethex_value_get_int;
use std::ffi::c_char;
use std::sync::{Arc, Mutex};
pub use types::aethex_value_type;
use types::{accepts, type_of};

/// Longest text, and most bytes of an array, that one call takes: a save could not hold more.
pub(crate) const CONTENT_LEN_MAX: usize = SAVE_LEN_MAX;
/// Longest JSON text that is parsed: the projection of a full save, numbers spelt out.
const JSON_LEN_MAX: usize = 4 * SAVE_LEN_MAX;

/// A value: a 64-bit handle, 0 for none. Free it with `aethex_value_free`.
pub type aethex_value = u64;

static VALUES: Registry<Cell> = Registry::new(Kind::Value);

struct Cell(Mutex<Node>);

/// A value, or a place in a value that others may share.
#[derive(Clone)]
pub(crate) struct Node {
    root: Arc<Value>,
    path: Vec<Step>,
}

#[derive(Clone, Copy)]
enum Step {
    Item(usize),
    Key(usize),
    Entry(usize),
}

impl Node {
    fn new(value: Value) -> Node {
        Node { root: Arc::new(value), path: Vec::new() }
    }

    /// The value, where it lies.
    pub(crate) fn value(&self) -> &Value {
        const HOLDS: &str = "a place is made from its root, and a shared root never changes";
        self.path.iter().fold(&*self.root, |value, step| match (step, value) {
            (Step::Item(index), Value::Array(array)) => array.items.get(*index).expect(HOLDS),
            (Step::Key(index), Value::Dictionary(pairs)) => &pairs.entries.get(*index).expect(HOLDS).0,
            (Step::Entry(index), Value::Dictionary(pairs)) => &pairs.entries.get(*index).expect(HOLDS).1,
            _ => unreachable!("{HOLDS}"),
        })
    }

    /// The value to change: first parted from everything it is shared with.
    fn value_mut(&mut self) -> &mut Value {
        if !self.path.is_empty() {
            *self = Node::new(self.value().clone());
        }
        Arc::make_mut(&mut self.root)
    }

    fn child(&self, step: Step) -> Node {
        let mut child = self.clone();
        child.path.push(step);
        child
    }

    /// The value: copied when it is shared or a part.
    pub(crate) fn into_value(self) -> Value {
        if self.path.is_empty() { Arc::unwrap_or_clone(self.root) } else { self.value().clone() }
    }
}

/// The value behind a handle as it is now, whatever is changed later.
pub(crate) fn snapshot(handle: aethex_value) -> Result<Node, ErrorCode> {
    node(handle)
}

/// Names a value for C.
pub(crate) fn lend(value: Value) -> Result<aethex_value, ErrorCode> {
    insert(Node::new(value))
}

/// Ends a handle, whether or not it was freed before.
pub(crate) fn release(handle: aethex_value) {
    drop(VALUES.remove(handle));
}

fn insert(node: Node) -> Result<aethex_value, ErrorCode> {
    VALUES.insert(Cell(Mutex::new(node)))
}

fn node(handle: aethex_value) -> Result<Node, ErrorCode> {
    Ok(lock(&VALUES.get(handle)?.0).clone())
}

fn read<T>(handle: aethex_value, look: impl FnOnce(&Value) -> Result<T, ErrorCode>) -> Result<T, ErrorCode> {
    look(node(handle)?.value())
}

fn change(
    handle: aethex_value,
    edit: impl FnOnce(&mut Value) -> Result<(), ErrorCode>,
) -> Result<(), ErrorCode> {
    let cell = VALUES.get(handle)?;
    edit(lock(&cell.0).value_mut())
}

/// Takes the value out of its handle, which ends.
fn take(handle: aethex_value) -> Result<Value, ErrorCode> {
    let cell = VALUES.remove(handle)?;
    let node = match Arc::try_unwrap(cell) {
        Ok(cell) => cell.0.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner),
        Err(shared) => lock(&shared.0).clone(),
    };
    Ok(node.into_value())
}

/// Makes a value and hands out its handle.
///
/// # Safety
/// `out` is null or points to writable memory for a handle.
unsafe fn give(out: *mut aethex_value, make: impl FnOnce() -> Result<Value, ErrorCode>) -> aethex_error {
    guard(|| {
        writable(out)?;
        let handle = lend(make()?)?;
        // SAFETY: the caller's promise, passed on.
        unsafe { put(out, handle) }
    })
}

/// Levels of containers in the value: 0 for one that is no container.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(array) => 1 + array.items.iter().map(depth).max().unwrap_or(0),
        Value::Dictionary(pairs) => {
            1 + pairs.entries.iter().map(|(key, value)| depth(key).max(depth(value))).max().unwrap_or(0)
        }
        _ => 0,
    }
}

/// Whether a container may hold the value without becoming too deep to save.
fn fits_inside(value: &Value) -> Result<(), ErrorCode> {
    if depth(value) < VALUE_DEPTH_MAX { Ok(()) } else { Err(ErrorCode::TooLarge) }
}

/// Frees a value. Freeing it again, or 0, is `AETHEX_ERROR_INVALID_HANDLE` and harmless.
#[unsafe(no_mangle)]
pub extern "C" fn aethex_value_free(value: aethex_value) -> aethex_error {
    guard(|| VALUES.remove(value).map(drop))
}

/// A second handle with the same value; changes to one are not seen in the other. Costs the same for
/// any size until one of them is changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_copy(value: aethex_value, out: *mut aethex_value) -> aethex_error {
    guard(|| {
        writable(out)?;
        let handle = insert(node(value)?)?;
        // SAFETY: the header asks for null or writable memory.
        unsafe { put(out, handle) }
    })
}

/// Whether two values are equal: same types, same content, floats bit by bit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_equal(
    a: aethex_value,
    b: aethex_value,
    out: *mut bool,
) -> aethex_error {
    guard(|| {
        let equal = node(a)?.value() == node(b)?.value();
        // SAFETY: the header asks for null or writable memory.
        unsafe { put(out, equal) }
    })
}

/// Makes a value from JSON text: plain JSON, or the projection that `aethex_value_to_json` writes.
/// `AETHEX_ERROR_INVALID_SAVE` when the text is not JSON or too deep.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_from_json(json: aethex_str, out: *mut aethex_value) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    unsafe {
        give(out, || {
            let value: Value =
                serde_json::from_str(json.read(JSON_LEN_MAX)?).map_err(|_| ErrorCode::InvalidSave)?;
            if depth(&value) > VALUE_DEPTH_MAX { Err(ErrorCode::InvalidSave) } else { Ok(value) }
        })
    }
}

/// Writes the value as JSON, with a NUL behind it. Types that JSON lacks become tagged objects that
/// `aethex_value_from_json` reads back exactly.
///
/// `*length` is set to the text's length without NUL, also when `buffer` is null with `capacity` 0 (to
/// ask) or too small (`AETHEX_ERROR_TOO_LARGE`, nothing written).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_to_json(
    value: aethex_value,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> aethex_error {
    guard(|| {
        let json = read(value, |value| serde_json::to_string(value).map_err(|_| ErrorCode::InvalidSave))?;
        // SAFETY: the header asks for valid or null pointers.
        unsafe { copy_text(&json, buffer, capacity, length) }
    })
}

/// Makes a value from its binary encoding, as `aethex_value_to_bytes` and a Godot save write it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_from_bytes(
    data: *const u8,
    len: usize,
    out: *mut aethex_value,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    unsafe { give(out, || decode(slice(data, len, CONTENT_LEN_MAX)?).map_err(|_| ErrorCode::InvalidSave)) }
}

/// Writes the value in its binary encoding. `*length` is set as by `aethex_value_to_json`; there is no NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_value_to_bytes(
    value: aethex_value,
    buffer: *mut u8,
    capacity: usize,
    length: *mut usize,
) -> aethex_error {
    guard(|| {
        let bytes = read(value, |value| encode(value).map_err(|_| ErrorCode::InvalidSave))?;
        // SAFETY: the header asks for valid or null pointers.
        unsafe { copy_out(&bytes, buffer, capacity, length) }
    })
}
