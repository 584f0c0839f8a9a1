//! Waiting for a condition with a deadline: the only pause in the tests.

use std::time::{Duration, Instant};

/// How long anything may take before a test calls it broken: far above what a busy machine needs.
pub const DEADLINE: Duration = Duration::from_secs(20);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Waits until `look` finds something; `what` completes the sentence "waited in vain for …".
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The same outside of async code.
pub fn until_blocking<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    until_blocking_within(DEADLINE, what, look)
}

/// The same for what takes its time.
pub fn until_blocking_within<T>(most: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + most;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::park_timeout(LOOK_EVERY);
    }
}

/// Fails instead of hanging.
pub async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, work).await {
        Ok(done) => done,
        Err(_) => panic!("waited in vain for {what}"),
    }
}
