//! Wall time, random ids and random numbers: the only place that asks the machine for them, be it real or
//! simulated.
//!
//! Wall time is for display only; no decision of the SDK depends on it. Deadlines use the monotonic clock.

use std::time::UNIX_EPOCH;

/// Milliseconds since 1970 UTC by this device's clock; 0 when it stands before that.
#[expect(clippy::disallowed_methods, reason = "the SDK's only wall clock")]
pub(crate) fn now_ms() -> i64 {
    #[cfg(feature = "simulation")]
    if let Some(machine) = crate::simulation::current() {
        return machine.now_ms();
    }
    let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A random id: idempotency keys, request ids.
#[expect(clippy::disallowed_methods, reason = "the SDK's only source of ids")]
pub(crate) fn random_id() -> String {
    #[cfg(feature = "simulation")]
    if let Some(machine) = crate::simulation::current() {
        let bits = u128::from(machine.random()) << 64 | u128::from(machine.random());
        return uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid().to_string();
    }
    uuid::Uuid::new_v4().to_string()
}

/// A random number in `0.0..1.0`, for jitter.
pub(crate) fn random_fraction() -> f64 {
    #[cfg(feature = "simulation")]
    if let Some(machine) = crate::simulation::current() {
        // 53 bits, as many as a fraction holds.
        return (machine.random() >> 11) as f64 / (1_u64 << 53) as f64;
    }
    rand::random()
}
