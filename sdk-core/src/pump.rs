//! The one thread model: a thread with a runtime where all work happens, and a queue of completions
//! that the game drains on its own thread.
//!
//! [`Pump::submit`] starts an operation; its callback is owned by a [`Completer`] that queues exactly one
//! completion, whatever happens to the operation: a result, a cancel, a panic, the end of the runtime.
//! [`Pump::tick`] runs queued callbacks on the thread that calls it. Nothing here knows what the
//! operations do.

use crate::Error;
use futures_util::FutureExt;
use parking_lot::{Condvar, Mutex};
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{JoinHandle, ThreadId};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// Most completions that one [`Pump::tick`] runs: a frame stays a frame after a burst.
pub(crate) const TICK_COMPLETIONS_MAX: usize = 64;
/// Threads for disk work, hashing and compression, started only when needed.
const BLOCKING_THREADS_MAX: usize = 4;
/// How long an idle one of them stays.
const BLOCKING_KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long a shutdown waits for disk work under way. What it cuts off is atomic anyway.
const BLOCKING_GRACE: Duration = Duration::from_secs(2);

/// Longest grace a shutdown accepts: more would only hide a hang.
const GRACE_MAX: Duration = Duration::from_secs(600);

/// Names one submitted operation of one [`crate::Cloud`]; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpId(u64);

impl OpId {
    /// The id as a number, above zero.
    pub fn get(self) -> u64 {
        self.0
    }

    /// The id with this number, for bindings that pass it through another language.
    pub fn from_raw(number: u64) -> OpId {
        OpId(number)
    }
}

type Completion = Box<dyn FnOnce() + Send>;

/// What the game's thread and the SDK's thread share.
#[derive(Default)]
struct Board {
    ready: AtomicUsize,
    completions: Mutex<VecDeque<Completion>>,
    running: Mutex<HashMap<u64, Option<AbortHandle>>>,
    all_done: Condvar,
    closing: AtomicBool,
    last_id: AtomicU64,
}

impl Board {
    fn complete(&self, id: u64, completion: Completion) {
        {
            let mut completions = self.completions.lock();
            completions.push_back(completion);
            self.ready.store(completions.len(), Ordering::Release);
        }
        let mut running = self.running.lock();
        running.remove(&id);
        if running.is_empty() {
            self.all_done.notify_all();
        }
    }

    fn next_completion(&self) -> Option<Completion> {
        let mut completions = self.completions.lock();
        let completion = completions.pop_front();
        self.ready.store(completions.len(), Ordering::Release);
        completion
    }

    /// Why an operation ended that has no result of its own.
    fn why_ended(&self) -> Error {
        if self.closing.load(Ordering::Acquire) { Error::shut_down() } else { Error::cancelled() }
    }
}

/// Owns an operation's callback and queues it exactly once, at the latest when it is dropped.
struct Completer<T: Send + 'static, F: FnOnce(Result<T, Error>) + Send + 'static> {
    board: Arc<Board>,
    id: u64,
    done: Option<F>,
    value: std::marker::PhantomData<fn() -> T>,
}

impl<T: Send + 'static, F: FnOnce(Result<T, Error>) + Send + 'static> Completer<T, F> {
    fn complete(&mut self, result: Result<T, Error>) {
        if let Some(done) = self.done.take() {
            self.board.complete(self.id, Box::new(move || done(result)));
        }
    }
}

impl<T: Send + 'static, F: FnOnce(Result<T, Error>) + Send + 'static> Drop for Completer<T, F> {
    fn drop(&mut self) {
        let why = self.board.why_ended();
        self.complete(Err(why));
    }
}

/// Starts tasks on the SDK's runtime.
#[derive(Clone)]
struct Spawner {
    handle: Handle,
    #[cfg(feature = "simulation")]
    machine: Option<Arc<dyn crate::simulation::Machine>>,
}

impl Spawner {
    fn new(handle: Handle) -> Spawner {
        Spawner {
            handle,
            #[cfg(feature = "simulation")]
            machine: None,
        }
    }

    fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        #[cfg(feature = "simulation")]
        if let Some(machine) = &self.machine {
            return self.handle.spawn(crate::simulation::on(Arc::clone(machine), task));
        }
        self.handle.spawn(task)
    }
}

/// The SDK's thread.
pub(crate) struct Pump {
    board: Arc<Board>,
    handle: Spawner,
    stop: Mutex<Option<oneshot::Sender<()>>>,
    /// Held by whoever ends the thread: a second one waits until it has ended.
    stopping: Mutex<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
    thread_id: ThreadId,
}

impl Pump {
    /// Starts the thread.
    pub(crate) fn start() -> Result<Pump, Error> {
        #[cfg(feature = "simulation")]
        if let Some(machine) = crate::simulation::current() {
            return Ok(Pump::simulated(machine));
        }
        let storage = |error: std::io::Error| Error::storage("starting the SDK's thread", &error);
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .thread_keep_alive(BLOCKING_KEEP_ALIVE)
            .thread_name("aethex-disk")
            .build()
            .map_err(storage)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("aethex-cloud".to_owned())
            .spawn(move || run(runtime, stopped))
            .map_err(storage)?;
        Ok(Pump {
            board: Arc::new(Board::default()),
            handle: Spawner::new(handle),
            stop: Mutex::new(Some(stop)),
            stopping: Mutex::new(()),
            thread_id: thread.thread().id(),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Without a thread: on the runtime that this is called in, as a process of a simulated machine.
    #[cfg(feature = "simulation")]
    fn simulated(machine: Arc<dyn crate::simulation::Machine>) -> Pump {
        Pump {
            board: Arc::new(Board::default()),
            handle: Spawner { machine: Some(machine), handle: Handle::current() },
            stop: Mutex::default(),
            stopping: Mutex::new(()),
            thread_id: std::thread::current().id(),
            thread: Mutex::new(None),
        }
    }

    /// Starts an operation; see [`crate::Cloud::submit`].
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        op: impl Future<Output = Result<T, Error>> + Send + 'static,
        done: impl FnOnce(Result<T, Error>) + Send + 'static,
    ) -> OpId {
        let board = &self.board;
        let id = board.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let mut completer =
            Completer { board: Arc::clone(board), id, done: Some(done), value: std::marker::PhantomData };
        board.running.lock().insert(id, None);
        if board.closing.load(Ordering::Acquire) {
            drop(completer);
            return OpId(id);
        }
        let task = self.handle.spawn(async move {
            let result = AssertUnwindSafe(op).catch_unwind().await;
            completer.complete(result.unwrap_or_else(|_| Err(Error::fault())));
        });
        // The operation may have ended already; then its place is gone and nothing can be cancelled.
        if let Some(place) = board.running.lock().get_mut(&id) {
            *place = Some(task.abort_handle());
        }
        OpId(id)
    }

    /// Ends an operation that still runs; false when it has ended.
    pub(crate) fn cancel(&self, id: OpId) -> bool {
        let task = self.board.running.lock().get(&id.0).cloned().flatten();
        task.inspect(AbortHandle::abort).is_some()
    }

    /// Runs completions that are ready now, at most [`TICK_COMPLETIONS_MAX`]. What a callback starts completes
    /// in a later tick at the earliest.
    pub(crate) fn tick(&self) -> usize {
        let due = self.board.ready.load(Ordering::Acquire).min(TICK_COMPLETIONS_MAX);
        let mut ran = 0;
        while ran < due {
            let Some(completion) = self.board.next_completion() else { break };
            completion();
            ran += 1;
        }
        ran
    }

    /// Runs a future on the SDK's thread and waits for it.
    pub(crate) fn block_on<T: Send + 'static>(&self, op: impl Future<Output = T> + Send + 'static) -> T {
        assert!(std::thread::current().id() != self.thread_id, "block_on was called on the SDK's own thread");
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        self.handle.spawn(async move {
            let _ = answer.send(op.await);
        });
        answered.recv().expect("block_on was called after shutdown, or its future panicked")
    }

    /// A future that runs `op` on the SDK's runtime, whatever polls it. Dropping it cancels `op`.
    pub(crate) fn call<T, F>(&self, op: F) -> impl Future<Output = Result<T, Error>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let op: std::pin::Pin<Box<dyn Future<Output = Result<T, Error>> + Send>> = Box::pin(op);
        let (handle, board) = (self.handle.clone(), Arc::clone(&self.board));
        async move {
            let mut task = AbortOnDrop(handle.spawn(op));
            match (&mut task.0).await {
                Ok(result) => result,
                Err(error) if error.is_panic() => Err(Error::fault()),
                Err(_) => Err(board.why_ended()),
            }
        }
    }

    /// Starts a task that lives until the shutdown.
    pub(crate) fn background(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(task);
    }

    /// See [`crate::Cloud::shutdown`].
    pub(crate) fn shutdown(&self, grace: Duration) {
        self.stop(grace);
        while let Some(completion) = self.board.next_completion() {
            completion();
        }
    }

    /// Ends the thread. Callbacks of operations that still ran are queued with [`aethex_wire::ErrorCode::ShutDown`].
    pub(crate) fn stop(&self, grace: Duration) {
        self.board.closing.store(true, Ordering::Release);
        if std::thread::current().id() == self.thread_id {
            // The thread cannot wait for itself: it ends when the operation that called this returns.
            drop(self.stop.lock().take());
            return;
        }
        let _stopping = self.stopping.lock();
        let Some(thread) = self.thread.lock().take() else { return };
        let deadline = Instant::now() + grace.min(GRACE_MAX);
        let mut running = self.board.running.lock();
        while !running.is_empty() && !self.board.all_done.wait_until(&mut running, deadline).timed_out() {}
        drop(running);
        drop(self.stop.lock().take());
        let _ = thread.join();
    }
}

impl std::fmt::Debug for Pump {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pump").field("running", &self.board.running.lock().len()).finish_non_exhaustive()
    }
}

struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn run(runtime: Runtime, stopped: oneshot::Receiver<()>) {
    // An error means that the sender is gone: the same signal.
    let _ = runtime.block_on(stopped);
    runtime.shutdown_timeout(BLOCKING_GRACE);
}

#[cfg(test)]
mod tests;
