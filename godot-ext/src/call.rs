//! One call of a script: the object whose signal is awaited, from the start to its completion.
//!
//! A call is kept alive here until it completes, so that a script may ignore what it returns. Completions
//! come from the SDK on the main thread ([`crate::runtime`]) and are held until the next frame at least: a
//! signal that fired inside the call, or before `await` saw it, would be lost.

use crate::result::{AeThexResult, Fields};
use crate::runtime;
use aethex_sdk_core::{Cloud, Error, ErrorCode, OpId};
use godot::builtin::Signal;
use godot::classes::{Engine, RefCounted};
use godot::meta::ToGodot;
use godot::obj::{Base, Gd, NewGd, Singleton};
use godot::register::{GodotClass, godot_api};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::time::{Duration, Instant};

/// Longest time a call may take. The SDK's own limits are shorter; this one makes sure that no script waits
/// for ever.
pub(crate) const CALL_TIME_MAX: Duration = Duration::from_secs(60);
/// How often the clock is compared with the calls under way.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// A call under way.
#[derive(Debug, GodotClass)]
#[class(tool, init, internal, base=RefCounted)]
pub(crate) struct AeThexCall {
    base: Base<RefCounted>,
}

#[godot_api]
impl AeThexCall {
    /// Fires once, in a later frame than the call was made in.
    #[signal]
    fn completed(result: Gd<AeThexResult>);
}

#[derive(Debug)]
struct Pending {
    call: Gd<AeThexCall>,
    /// The frame it was made in; its completion is told in a later one.
    frame: u64,
    deadline: Instant,
    op: Option<OpId>,
}

#[derive(Debug)]
struct Completion {
    id: u64,
    outcome: Result<Fields, Error>,
}

#[derive(Debug, Default)]
struct Calls {
    last_id: u64,
    pending: BTreeMap<u64, Pending>,
    completions: VecDeque<Completion>,
    swept_at: Option<Instant>,
}

thread_local! {
    /// Godot objects stay on the main thread; what travels to the SDK is the call's number.
    static CALLS: RefCell<Calls> = RefCell::default();
}

/// Starts a call and returns the signal that a script awaits. `begin` gives the SDK's future, `shape` makes
/// of its value what the result carries.
pub(crate) fn start<T, F>(
    time_max: Duration,
    begin: impl FnOnce(&Cloud) -> Result<F, Error>,
    shape: fn(T) -> Result<Fields, Error>,
) -> Signal
where
    T: Send + 'static,
    F: Future<Output = Result<T, Error>> + Send + 'static,
{
    start_known(time_max, begin, shape).0
}

/// As [`start`], with the call's number for [`give_up`].
pub(crate) fn start_known<T, F>(
    time_max: Duration,
    begin: impl FnOnce(&Cloud) -> Result<F, Error>,
    shape: fn(T) -> Result<Fields, Error>,
) -> (Signal, u64)
where
    T: Send + 'static,
    F: Future<Output = Result<T, Error>> + Send + 'static,
{
    let call = AeThexCall::new_gd();
    let signal = Signal::from_object_signal(&call, "completed");
    // When the scene tree is gone, no frame will come: the work is done, nobody is told.
    let id = if runtime::has_left() { 0 } else { keep(call, time_max) };
    match runtime::cloud().and_then(|cloud| Ok((begin(&cloud)?, cloud))) {
        Ok((future, cloud)) => {
            let op = cloud.submit(future, move |outcome| complete(id, outcome.and_then(shape)));
            CALLS.with_borrow_mut(|calls| {
                if let Some(pending) = calls.pending.get_mut(&id) {
                    pending.op = Some(op);
                }
            });
        }
        Err(error) => complete(id, Err(error)),
    }
    (signal, id)
}

fn keep(call: Gd<AeThexCall>, time_max: Duration) -> u64 {
    let deadline = Instant::now() + time_max;
    let frame = Engine::singleton().get_process_frames();
    CALLS.with_borrow_mut(|calls| {
        calls.last_id += 1;
        calls.pending.insert(calls.last_id, Pending { call, frame, deadline, op: None });
        calls.last_id
    })
}

/// Notes a call's outcome; a later [`deliver`] tells the script.
fn complete(id: u64, outcome: Result<Fields, Error>) {
    CALLS.with_borrow_mut(|calls| {
        if calls.pending.contains_key(&id) {
            calls.completions.push_back(Completion { id, outcome });
        }
    });
}

/// Tells scripts about calls that completed, those of this frame excepted.
pub(crate) fn deliver() {
    if CALLS.with_borrow(|calls| calls.completions.is_empty()) {
        return;
    }
    let frame = Engine::singleton().get_process_frames();
    while let Some((mut call, outcome)) = CALLS.with_borrow_mut(|calls| calls.next_due(frame)) {
        // Script code runs in here.
        call.emit_signal("completed", &[AeThexResult::of(outcome).to_variant()]);
    }
}

/// Ends calls that took too long.
pub(crate) fn sweep(cloud: Option<&Cloud>) {
    if CALLS.with_borrow(|calls| calls.pending.is_empty()) {
        return;
    }
    let now = Instant::now();
    let late = CALLS.with_borrow_mut(|calls| calls.late(now));
    for (id, op) in late {
        if let (Some(cloud), Some(op)) = (cloud, op) {
            cloud.cancel(op);
        }
        complete(id, Err(Error::new(ErrorCode::Timeout, "the call took too long and was given up")));
    }
}

/// Ends a call under way with an error; does nothing when it has ended.
pub(crate) fn give_up(id: u64, error: Error) {
    let op = CALLS.with_borrow(|calls| calls.pending.get(&id).and_then(|pending| pending.op));
    complete(id, Err(error));
    if let (Some(op), Ok(cloud)) = (op, runtime::cloud()) {
        cloud.cancel(op);
    }
}

/// Completes every call under way with an error: its cloud is gone.
pub(crate) fn fail_all(error: &Error) {
    let ids: Vec<u64> = CALLS.with_borrow(|calls| calls.pending.keys().copied().collect());
    for id in ids {
        complete(id, Err(error.clone()));
    }
}

/// Forgets every call; nothing is told. For the game's end.
pub(crate) fn drop_all() {
    // Dropping a call frees the script functions that await it, which may run script code.
    let dropped = CALLS.take();
    CALLS.with_borrow_mut(|calls| calls.last_id = dropped.last_id);
    drop(dropped);
}

impl Calls {
    /// The oldest completion of a call made before this frame. A second completion of one call finds it gone.
    fn next_due(&mut self, frame: u64) -> Option<(Gd<AeThexCall>, Result<Fields, Error>)> {
        let pending = &self.pending;
        self.completions.retain(|completion| pending.contains_key(&completion.id));
        let due =
            self.completions.iter().position(|completion| self.pending[&completion.id].frame < frame)?;
        let completion = self.completions.remove(due)?;
        let pending = self.pending.remove(&completion.id)?;
        Some((pending.call, completion.outcome))
    }

    fn late(&mut self, now: Instant) -> Vec<(u64, Option<OpId>)> {
        if self.swept_at.is_some_and(|at| now.duration_since(at) < SWEEP_INTERVAL) {
            return Vec::new();
        }
        self.swept_at = Some(now);
        self.pending
            .iter()
            .filter(|(_, call)| call.deadline <= now)
            .map(|(id, call)| (*id, call.op))
            .collect()
    }
}
