//! Saves that look like accidents: they never win without being asked about.

pub use crate::saves::Suspicion;

/// Below this size a save may shrink as it likes: a new game's save is about as small.
pub const SHRINK_SIZE_MIN: i64 = 1024;
/// A save that is smaller than one part in this many of what was there before is suspicious.
pub const SHRINK_FACTOR: i64 = 4;

/// What is known about a save's content without looking into it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its size in bytes, uncompressed.
    pub size_bytes: i64,
    /// Played time in milliseconds; 0 when unknown.
    pub playtime_ms: i64,
    /// The game's schema number; 0 when it has none.
    pub schema: i64,
    /// No content: no bytes, or a value with nothing in it.
    pub is_empty: bool,
}

/// What makes `after` suspicious as the successor of `before`; nothing for a usual save.
pub fn suspicions(before: &Facts, after: &Facts) -> Vec<Suspicion> {
    let shrunk = before.size_bytes >= SHRINK_SIZE_MIN
        && after.size_bytes
            < before.size_bytes / SHRINK_FACTOR + i64::from(before.size_bytes % SHRINK_FACTOR > 0);
    [
        (after.is_empty && !before.is_empty, Suspicion::Empty),
        (shrunk, Suspicion::MuchSmaller),
        (after.playtime_ms > 0 && after.playtime_ms < before.playtime_ms, Suspicion::LessPlaytime),
        (after.schema < before.schema, Suspicion::OlderSchema),
    ]
    .into_iter()
    .filter_map(|(holds, suspicion)| holds.then_some(suspicion))
    .collect()
}
