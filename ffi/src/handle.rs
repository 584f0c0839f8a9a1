//! Handles: 64-bit numbers that stand for objects the library owns.
//!
//! A handle is `kind (8 bits) | generation (32 bits) | index (24 bits)`. The kind is never 0, so 0 is the
//! null handle. Freeing an object raises its slot's generation, so a freed handle, one freed twice and
//! one of another kind are all found out by comparing numbers: they are an error code, never a pointer.
//! A slot whose generations are used up is retired, so no handle is ever given out twice.

use aethex_wire::ErrorCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bits of a handle that hold the slot's index.
const INDEX_BITS: u32 = 24;
/// Bits of a handle that hold the slot's generation.
const GENERATION_BITS: u32 = 32;
/// Most objects of one kind at a time: what 24 bits can name. A game holds a few thousand.
const HANDLES_MAX: usize = 1 << INDEX_BITS;

/// What a handle stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A cloud.
    Cloud = 0xC1,
    /// A value.
    Value = 0xA2,
    /// A request under way: numbered, never stored here.
    Op = 0x93,
}

impl Kind {
    /// The handle of this kind with `rest` in the bits below the kind.
    pub(crate) const fn tag(self, rest: u64) -> u64 {
        ((self as u64) << (INDEX_BITS + GENERATION_BITS)) | rest
    }
}

/// The objects of one kind.
pub(crate) struct Registry<T> {
    kind: Kind,
    slots: Mutex<Slots<T>>,
}

struct Slots<T> {
    all: Vec<Slot<T>>,
    free: Vec<usize>,
}

struct Slot<T> {
    generation: u32,
    object: Option<Arc<T>>,
}

impl<T> Registry<T> {
    /// No objects yet.
    pub(crate) const fn new(kind: Kind) -> Registry<T> {
        Registry { kind, slots: Mutex::new(Slots { all: Vec::new(), free: Vec::new() }) }
    }

    /// Takes the object in and names it.
    pub(crate) fn insert(&self, object: T) -> Result<u64, ErrorCode> {
        let mut slots = self.lock();
        let index = match slots.free.pop() {
            Some(index) => index,
            None if slots.all.len() < HANDLES_MAX => {
                slots.all.push(Slot { generation: 0, object: None });
                slots.all.len() - 1
            }
            None => return Err(ErrorCode::QueueFull),
        };
        let slot = &mut slots.all[index];
        slot.object = Some(Arc::new(object));
        Ok(self.kind.tag((u64::from(slot.generation) << INDEX_BITS) | index as u64))
    }

    /// The object behind the handle. It lives as long as the caller holds it, even when it is freed.
    pub(crate) fn get(&self, handle: u64) -> Result<Arc<T>, ErrorCode> {
        let slots = self.lock();
        let index = self.index(&slots, handle)?;
        slots.all[index].object.clone().ok_or(ErrorCode::InvalidHandle)
    }

    /// Takes the object out; the handle is stale from here on.
    pub(crate) fn remove(&self, handle: u64) -> Result<Arc<T>, ErrorCode> {
        let mut slots = self.lock();
        let index = self.index(&slots, handle)?;
        let slot = &mut slots.all[index];
        let object = slot.object.take().ok_or(ErrorCode::InvalidHandle)?;
        if let Some(next) = slot.generation.checked_add(1) {
            slot.generation = next;
            slots.free.push(index);
        }
        Ok(object)
    }

    fn index(&self, slots: &Slots<T>, handle: u64) -> Result<usize, ErrorCode> {
        let index = (handle & ((1 << INDEX_BITS) - 1)) as usize;
        let slot = slots.all.get(index).ok_or(ErrorCode::InvalidHandle)?;
        let expected = self.kind.tag((u64::from(slot.generation) << INDEX_BITS) | index as u64);
        if handle == expected { Ok(index) } else { Err(ErrorCode::InvalidHandle) }
    }

    fn lock(&self) -> MutexGuard<'_, Slots<T>> {
        lock(&self.slots)
    }
}

/// Locks, also after a panic elsewhere: what the library guards is consistent between statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_living_handle_opens_the_object() {
        let registry = Registry::new(Kind::Value);
        let first = registry.insert("first").unwrap();
        assert_ne!(first, 0);
        assert_eq!(*registry.get(first).unwrap(), "first");
        assert_eq!(*registry.remove(first).unwrap(), "first");
        assert_eq!(registry.remove(first), Err(ErrorCode::InvalidHandle));

        let second = registry.insert("second").unwrap();
        assert_ne!(first, second, "the slot is used again, the handle is not");
        for wrong in [0, 1, u64::MAX, first, second + 1, second ^ (1 << 60), second ^ (1 << INDEX_BITS)] {
            assert_eq!(registry.get(wrong), Err(ErrorCode::InvalidHandle), "{wrong:x}");
        }
    }

    #[test]
    fn a_handle_of_one_kind_is_none_of_another() {
        let values = Registry::new(Kind::Value);
        let clouds = Registry::new(Kind::Cloud);
        let value = values.insert(()).unwrap();
        let cloud = clouds.insert(()).unwrap();
        assert_ne!(value, cloud);
        assert_eq!(clouds.get(value), Err(ErrorCode::InvalidHandle));
        assert_eq!(values.get(cloud), Err(ErrorCode::InvalidHandle));
    }

    #[test]
    fn a_slot_is_retired_when_its_generations_are_used_up() {
        let registry = Registry::new(Kind::Value);
        let handle = registry.insert(1).unwrap();
        registry.remove(handle).unwrap();
        registry.lock().all[0].generation = u32::MAX;
        let last = registry.insert(2).unwrap();
        registry.remove(last).unwrap();
        let next = registry.insert(3).unwrap();
        assert_eq!(next & 0xFF_FFFF, 1, "a new slot");
        assert_eq!(registry.get(last), Err(ErrorCode::InvalidHandle));
    }
}
