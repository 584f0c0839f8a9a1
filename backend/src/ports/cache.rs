//! The cache: small values with an end, which every node sees: where a room is, who is here, who leads a queue.
//!
//! Losing all of it costs a moment: whatever it says can be found or decided again.

use crate::context::now_ms;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Most entries within a process: at about 200 bytes each, 200 MB.
const ENTRIES_MAX: usize = 1_000_000;
/// Entries are swept of those past their end when so many were written since.
const SWEEP_EVERY: usize = 10_000;

/// The engines.
#[derive(Debug, Clone)]
pub enum Cache {
    /// Within this process.
    Local(Arc<Local>),
}

/// Entries within this process.
#[derive(Debug, Default)]
pub struct Local {
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    map: HashMap<String, Entry>,
    written: usize,
}

#[derive(Debug)]
struct Entry {
    value: Bytes,
    until_ms: i64,
}

impl Cache {
    /// A cache within this process. Clones are the same cache.
    pub fn local() -> Cache {
        Cache::Local(Arc::default())
    }

    /// The value of a key that has not ended.
    pub async fn get(&self, key: &str) -> Option<Bytes> {
        let Cache::Local(local) = self;
        let entries = local.entries.lock();
        entries.map.get(key).filter(|entry| entry.until_ms > now_ms()).map(|entry| entry.value.clone())
    }

    /// Sets a key, for so long.
    pub async fn set(&self, key: &str, value: Bytes, for_ms: i64) {
        let Cache::Local(local) = self;
        local.entries.lock().put(key, value, now_ms(), for_ms);
    }

    /// Sets a key when it is free or has this value already, and says which value it has then: a lease, taken by
    /// whoever comes first and prolonged by its holder.
    pub async fn claim(&self, key: &str, value: Bytes, for_ms: i64) -> Bytes {
        let Cache::Local(local) = self;
        let mut entries = local.entries.lock();
        let now = now_ms();
        match entries.map.get(key) {
            Some(entry) if entry.until_ms > now && entry.value != value => entry.value.clone(),
            _ => {
                entries.put(key, value.clone(), now, for_ms);
                value
            }
        }
    }

    /// Removes a key if it has this value.
    pub async fn release(&self, key: &str, value: &[u8]) {
        let Cache::Local(local) = self;
        let mut entries = local.entries.lock();
        if entries.map.get(key).is_some_and(|entry| entry.value == value) {
            entries.map.remove(key);
        }
    }
}

impl Entries {
    fn put(&mut self, key: &str, value: Bytes, now: i64, for_ms: i64) {
        self.written += 1;
        if self.written >= SWEEP_EVERY || self.map.len() >= ENTRIES_MAX {
            self.written = 0;
            self.map.retain(|_, entry| entry.until_ms > now);
        }
        if self.map.len() >= ENTRIES_MAX && !self.map.contains_key(key) {
            // Full of entries that have not ended: any may go, for all can be found again.
            if let Some(any) = self.map.keys().next().cloned() {
                self.map.remove(&any);
            }
        }
        self.map.insert(key.to_owned(), Entry { value, until_ms: now.saturating_add(for_ms) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lease_belongs_to_the_first_until_it_ends() {
        let cache = Cache::local();
        let value = Bytes::from_static;
        assert_eq!(cache.claim("k", value(b"one"), 60_000).await, value(b"one"));
        assert_eq!(cache.claim("k", value(b"two"), 60_000).await, value(b"one"));
        cache.release("k", b"two").await;
        assert_eq!(cache.get("k").await, Some(value(b"one")));
        cache.release("k", b"one").await;
        assert_eq!(cache.claim("k", value(b"two"), -1).await, value(b"two"));
        assert_eq!(cache.get("k").await, None, "it has ended");
        assert_eq!(cache.claim("k", value(b"one"), 60_000).await, value(b"one"));
        cache.set("k", value(b"three"), 60_000).await;
        assert_eq!(cache.get("k").await, Some(value(b"three")));
    }
}
