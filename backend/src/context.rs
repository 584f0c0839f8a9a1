//! Time, randomness and ids: the one home of the system clock and of the operating system's randomness.

use aethex_wire::ids::VersionId;
use parking_lot::Mutex;

/// Milliseconds since 1970 UTC.
pub fn now_ms() -> i64 {
    #[cfg(feature = "simulation")]
    if let Some(host) = crate::simulation::host() {
        return host.now_ms();
    }
    #[expect(clippy::disallowed_methods, reason = "the one home of the system clock")]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).expect("the system clock is set after 1970");
    i64::try_from(since.as_millis()).expect("milliseconds fit 63 bits for 292 million years")
}

/// Random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[cfg(feature = "simulation")]
    if let Some(host) = crate::simulation::host() {
        bytes.fill_with(|| host.random() as u8);
        return bytes;
    }
    getrandom::fill(&mut bytes).expect("the operating system provides randomness");
    bytes
}

/// A new id: UUIDv7 (RFC 9562), rising within this process even inside one millisecond, so that ids of
/// versions sort in the order in which they were made.
pub(crate) fn new_id() -> String {
    static LAST: Mutex<(u64, u16)> = Mutex::new((0, 0));
    let now = now_ms().unsigned_abs();
    #[cfg(feature = "simulation")]
    let ids = crate::simulation::host().map(|host| host.last_id());
    #[cfg(feature = "simulation")]
    let last = ids.as_deref().unwrap_or(&LAST);
    #[cfg(not(feature = "simulation"))]
    let last = &LAST;
    let (ms, counter) = {
        let mut last = last.lock();
        // 12 bits of counter; past that the millisecond is borrowed from the future.
        *last = match *last {
            (ms, _) if now > ms => (now, 0),
            (ms, counter) if counter < 0xfff => (ms, counter + 1),
            (ms, _) => (ms + 1, 0),
        };
        *last
    };
    let mut tail = random::<10>();
    tail[..2].copy_from_slice(&counter.to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(ms, &tail).into_uuid().hyphenated().to_string()
}

/// Runs work that blocks off the request threads; in a simulation in its turn.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, tokio::task::JoinError> {
    #[cfg(feature = "simulation")]
    if let Some(host) = crate::simulation::host() {
        tokio::time::sleep(host.step_time()).await;
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await
}

/// A new id for a version.
pub(crate) fn new_version_id() -> VersionId {
    VersionId::parse(&new_id()).expect("ids are made in their canonical spelling")
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids_rise_and_are_canonical() {
        let ids: Vec<String> = (0..10_000).map(|_| super::new_id()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert!(ids.iter().all(|id| aethex_wire::ids::is_canonical(id)));
    }
}
