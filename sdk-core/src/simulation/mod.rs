//! A simulated machine in place of the real one: for tests of the whole, never in what ships.
//!
//! A [`Machine`] is one process of one device: its files ([`disk`]), wall clock, random numbers and network.
//! [`crate::Cloud::simulated`] runs the SDK on it, on the async runtime that calls it and without a thread of
//! its own, so that a test holds the time and the order of everything in its hand. While a task of the SDK
//! runs, its machine is this thread's; what asks for the time or for chance finds it there.

mod chance;
pub mod disk;

pub use chance::Chance;

#[cfg(feature = "simulation")]
pub use crate::multiplayer::simulated::{Came, RoomSession};
#[cfg(feature = "simulation")]
pub use machine::{Machine, Unanswered};
#[cfg(feature = "simulation")]
pub(crate) use machine::{current, enter, on};

#[cfg(feature = "simulation")]
mod machine {
    use super::disk::SimFiles;
    use bytes::Bytes;
    use futures_util::future::BoxFuture;
    use std::cell::RefCell;
    use std::fmt::Debug;
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll};
    use std::time::Duration;

    /// One process of a simulated device.
    pub trait Machine: Send + Sync + Debug {
        /// The device's wall clock, in milliseconds since 1970 UTC.
        fn now_ms(&self) -> i64;

        /// A random number.
        fn random(&self) -> u64;

        /// The device's files.
        fn files(&self) -> SimFiles;

        /// How long the next work on the disk takes.
        fn disk_time(&self) -> Duration;

        /// Whether the process lives. The tasks of a dead one are not run any more.
        fn is_alive(&self) -> bool;

        /// Sends a request; answers with what came back.
        fn send(
            &self,
            request: http::Request<Bytes>,
        ) -> BoxFuture<'static, Result<http::Response<Bytes>, Unanswered>>;
    }

    /// Why a request has no answer.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Unanswered {
        /// There was no connection: the server did not get it.
        Unsent,
        /// The connection broke: the server may have got it.
        Broken,
    }

    thread_local! {
        static CURRENT: RefCell<Option<Arc<dyn Machine>>> = const { RefCell::new(None) };
    }

    /// The machine whose task runs on this thread.
    pub(crate) fn current() -> Option<Arc<dyn Machine>> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Makes a machine this thread's, until what is returned is dropped.
    pub(crate) fn enter(machine: &Arc<dyn Machine>) -> Entered {
        Entered(CURRENT.replace(Some(Arc::clone(machine))))
    }

    /// See [`enter`].
    #[derive(Debug)]
    pub(crate) struct Entered(Option<Arc<dyn Machine>>);

    impl Drop for Entered {
        fn drop(&mut self) {
            CURRENT.set(self.0.take());
        }
    }

    /// The future as a task of this machine.
    pub(crate) fn on<F: Future>(machine: Arc<dyn Machine>, future: F) -> On<F> {
        On { machine, future: Some(Box::pin(future)) }
    }

    /// See [`on`].
    #[derive(Debug)]
    pub(crate) struct On<F> {
        machine: Arc<dyn Machine>,
        future: Option<Pin<Box<F>>>,
    }

    impl<F: Future> Future for On<F> {
        type Output = F::Output;

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
            let machine = Arc::clone(&self.machine);
            let _entered = enter(&machine);
            if !machine.is_alive() {
                self.future = None;
            }
            match &mut self.future {
                Some(future) => future.as_mut().poll(context),
                // A dead process says nothing.
                None => Poll::Pending,
            }
        }
    }

    impl<F> Drop for On<F> {
        fn drop(&mut self) {
            let _entered = enter(&Arc::clone(&self.machine));
            self.future = None;
        }
    }
}
