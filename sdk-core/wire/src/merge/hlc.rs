//! A hybrid logical clock: time by the device's clock, that never goes backwards and follows what it sees.
//!
//! It orders writes for people ("the later one"), never for safety: what comes from what is decided by the
//! versions' parents.

use serde::{Deserialize, Serialize};

/// Bits of the counter within a millisecond.
const COUNTER_BITS: u32 = 16;
/// How far ahead of this device's clock a stamp from elsewhere is believed: time zones set wrongly stay
/// below it, a clock that is years ahead does not drag every device with it.
pub const DRIFT_MAX_MS: i64 = 24 * 60 * 60 * 1000;
/// Latest time of a stamp, milliseconds since 1970 UTC: the year 6429.
pub const HLC_MS_MAX: i64 = (1 << 47) - 1;

/// A stamp: 48 bits of milliseconds since 1970 UTC (never negative), 16 bits of counter. Later is larger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Hlc(pub i64);

impl Hlc {
    /// The first stamp of a millisecond.
    pub fn at(ms: i64) -> Hlc {
        Hlc(ms.clamp(0, HLC_MS_MAX) << COUNTER_BITS)
    }

    /// The time in it, milliseconds since 1970 UTC.
    pub fn ms(self) -> i64 {
        self.0.max(0) >> COUNTER_BITS
    }

    /// The stamp of a new write at `now_ms`: later than this one, even when the clock was set back.
    #[must_use]
    pub fn tick(self, now_ms: i64) -> Hlc {
        Hlc(self.0.max(0).saturating_add(1)).max(Hlc::at(now_ms))
    }

    /// This device's clock after it saw a stamp from elsewhere: its next write is later than both. A stamp that
    /// is more than [`DRIFT_MAX_MS`] ahead of `now_ms` counts as just that far ahead.
    #[must_use]
    pub fn observe(self, other: Hlc, now_ms: i64) -> Hlc {
        self.max(other.clamped(now_ms)).tick(now_ms)
    }

    /// The stamp as it is believed at `now_ms`: at most [`DRIFT_MAX_MS`] ahead.
    #[must_use]
    pub fn clamped(self, now_ms: i64) -> Hlc {
        self.min(Hlc::at(now_ms.saturating_add(DRIFT_MAX_MS))).max(Hlc(0))
    }
}
