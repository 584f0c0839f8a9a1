//! A document of a provider, kept for a while: its discovery document, its keys.
//!
//! Those who need it at once wait for one fetch. A fetch that failed is not repeated for some seconds; while the
//! document is not too old, it goes on being used. A forced fetch, for a key that is not known, happens seldom.

use super::rules::Fault;
use crate::context::now_ms;
use std::sync::Arc;
use tokio::sync::Mutex;

/// How long a failed fetch is not repeated: waiting players do not wait one after the other.
const FAILED_MS: i64 = 2_000;
/// How often a fetch can be forced.
const FORCED_MS: i64 = 10_000;

/// How long a document lasts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lasts {
    /// It is used without asking.
    pub(super) fresh_ms: i64,
    /// It is used when the provider does not answer.
    pub(super) stale_ms: i64,
}

/// A document.
#[derive(Debug)]
pub(super) struct Document<T> {
    lasts: Lasts,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    kept: Option<Kept<T>>,
    failed: Option<(i64, Fault)>,
    forced_at_ms: i64,
}

#[derive(Debug)]
struct Kept<T> {
    value: Arc<T>,
    since_ms: i64,
}

impl<T> Document<T> {
    pub(super) fn new(lasts: Lasts) -> Document<T> {
        Document { lasts, state: Mutex::new(State { kept: None, failed: None, forced_at_ms: 0 }) }
    }

    /// The document; `fetch` runs when there is none that is fresh.
    pub(super) async fn get(&self, fetch: impl Future<Output = Result<T, Fault>>) -> Result<Arc<T>, Fault> {
        let mut state = self.state.lock().await;
        match state.kept(now_ms(), self.lasts.fresh_ms) {
            Some(value) => Ok(value),
            None => state.renew(self.lasts, fetch).await,
        }
    }

    /// The document newer than `known`; the same when it was forced a moment ago.
    pub(super) async fn newer(
        &self,
        known: &Arc<T>,
        fetch: impl Future<Output = Result<T, Fault>>,
    ) -> Result<Arc<T>, Fault> {
        let mut state = self.state.lock().await;
        let now = now_ms();
        match &state.kept {
            // Somebody else has just renewed it.
            Some(kept) if !Arc::ptr_eq(&kept.value, known) => return Ok(kept.value.clone()),
            _ if (0..FORCED_MS).contains(&(now - state.forced_at_ms)) => return Ok(known.clone()),
            _ => {}
        }
        state.forced_at_ms = now;
        state.renew(self.lasts, fetch).await
    }
}

impl<T> State<T> {
    fn kept(&self, now: i64, for_ms: i64) -> Option<Arc<T>> {
        let young = |kept: &&Kept<T>| (0..for_ms).contains(&(now - kept.since_ms));
        self.kept.as_ref().filter(young).map(|kept| kept.value.clone())
    }

    async fn renew(
        &mut self,
        lasts: Lasts,
        fetch: impl Future<Output = Result<T, Fault>>,
    ) -> Result<Arc<T>, Fault> {
        if let Some((at, fault)) = &self.failed
            && (0..FAILED_MS).contains(&(now_ms() - at))
        {
            return self.kept(now_ms(), lasts.stale_ms).ok_or_else(|| fault.clone());
        }
        match fetch.await {
            Ok(value) => {
                let value = Arc::new(value);
                self.kept = Some(Kept { value: value.clone(), since_ms: now_ms() });
                self.failed = None;
                Ok(value)
            }
            Err(fault) => {
                let now = now_ms();
                self.failed = Some((now, fault.clone()));
                self.kept(now, lasts.stale_ms).ok_or(fault)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const LASTS: Lasts = Lasts { fresh_ms: 60_000, stale_ms: 120_000 };

    #[tokio::test]
    async fn those_who_ask_at_once_share_one_fetch() {
        let (document, fetched) = (Document::new(LASTS), AtomicUsize::new(0));
        let ask = || {
            document.get(async {
                tokio::task::yield_now().await;
                Ok(fetched.fetch_add(1, Ordering::Relaxed))
            })
        };
        let (one, two, three) = tokio::join!(ask(), ask(), ask());
        assert_eq!([*one.unwrap(), *two.unwrap(), *three.unwrap()], [0, 0, 0]);
        assert_eq!(fetched.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_failure_is_remembered_for_a_moment() {
        let document = Document::new(LASTS);
        let failed: Result<Arc<u8>, _> = document.get(async { Err(Fault::unavailable("down")) }).await;
        assert_eq!(failed.unwrap_err(), Fault::unavailable("down"));
        let again = document.get(async { panic!("it is not asked again") }).await;
        assert_eq!(again.unwrap_err(), Fault::unavailable("down"));
    }

    #[tokio::test]
    async fn an_unknown_key_forces_one_fetch_and_a_failure_leaves_the_old() {
        let document = Document::new(LASTS);
        let one = document.get(async { Ok(1) }).await.unwrap();
        let two = document.newer(&one, async { Ok(2) }).await.unwrap();
        assert_eq!(*two, 2);
        assert_eq!(*document.newer(&one, async { panic!("it is there") }).await.unwrap(), 2);
        assert_eq!(*document.newer(&two, async { panic!("too soon") }).await.unwrap(), 2);
        let document = Document::new(LASTS);
        let one = document.get(async { Ok(1) }).await.unwrap();
        let kept = document.newer(&one, async { Err(Fault::unavailable("down")) }).await.unwrap();
        assert_eq!(*kept, 1);
    }
}
