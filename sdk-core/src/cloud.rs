//! [`Cloud`]: the handle a game holds, and what its parts share.

use crate::auth::OauthState;
use crate::event::Events;
use crate::http::Http;
use crate::multiplayer::MultiplayerState;
use crate::pump::Pump;
use crate::saves::SavesState;
use crate::session::Session;
use crate::{Auth, Config, Error, Event, Multiplayer, OpId, Privacy, Saves};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// A connection to AeThex Cloud. Cloning it is cheap; every clone is the same connection.
///
/// All work happens on one thread of its own. When the last clone is dropped without
/// [`Cloud::shutdown`], the thread ends and callbacks that have not run are dropped unrun.
#[derive(Debug, Clone)]
pub struct Cloud {
    shared: Arc<Shared>,
    /// Ends the thread with the last handle; `shared` alone does not, as background tasks hold it too.
    _owner: Arc<Owner>,
}

/// What the parts of the SDK share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) events: Arc<Events>,
    pub(crate) session: Arc<Session>,
    pub(crate) saves: SavesState,
    pub(crate) multiplayer: MultiplayerState,
    pub(crate) oauth: OauthState,
    pub(crate) pump: Arc<Pump>,
}

impl Cloud {
    /// Checks the settings and starts the SDK's thread. Does not wait for the network, a keyring or a lock.
    ///
    /// # Errors
    /// [`crate::ErrorCode::InvalidArgument`] for settings that cannot work; [`crate::ErrorCode::Storage`]
    /// when the system gives no thread. A data folder that cannot be written is no error here: reading
    /// works, and each save says so.
    pub fn new(config: Config) -> Result<Cloud, Error> {
        let config = config.checked()?;
        let events = Arc::new(Events::default());
        let http = Http::new(&config, Arc::clone(&events))?;
        let pump = Arc::new(Pump::start()?);
        let session = Arc::new(Session::new(&config, http, Arc::clone(&events)));
        let saves = SavesState::new(&config);
        let (multiplayer, oauth) = (MultiplayerState::default(), OauthState::default());
        let shared = Arc::new(Shared { config, events, session, saves, multiplayer, oauth, pump });
        shared.session.restore(&shared.pump);
        crate::auth::start(&shared);
        crate::saves::start(&shared);
        let owner = Arc::new(Owner(Arc::clone(&shared.pump)));
        Ok(Cloud { shared, _owner: owner })
    }

    /// As [`Cloud::new`], on a simulated machine and on the runtime that this is called in.
    ///
    /// # Errors
    /// As [`Cloud::new`].
    #[cfg(feature = "simulation")]
    pub fn simulated(config: Config, machine: &Arc<dyn crate::simulation::Machine>) -> Result<Cloud, Error> {
        let _entered = crate::simulation::enter(machine);
        Cloud::new(config)
    }

    /// Accounts and the player's session.
    pub fn auth(&self) -> Auth {
        Auth::new(Arc::clone(&self.shared))
    }

    /// Policies, consents, export and erasure.
    pub fn privacy(&self) -> Privacy {
        Privacy::new(Arc::clone(&self.shared))
    }

    /// Cloud saves.
    pub fn saves(&self) -> Saves {
        Saves::new(Arc::clone(&self.shared))
    }

    /// Rooms, matchmaking, parties, chat and presence.
    pub fn multiplayer(&self) -> Multiplayer {
        Multiplayer::new(Arc::clone(&self.shared))
    }

    /// Runs `op` on the SDK's thread; `done` runs inside a later [`Cloud::tick`], on the thread that ticks.
    ///
    /// `done` is called exactly once: with the operation's result, or with
    /// [`crate::ErrorCode::Cancelled`], [`crate::ErrorCode::ShutDown`] or [`crate::ErrorCode::SdkFault`] (a
    /// panic inside `op`). It is never called inside `submit` itself.
    pub fn submit<T: Send + 'static>(
        &self,
        op: impl Future<Output = Result<T, Error>> + Send + 'static,
        done: impl FnOnce(Result<T, Error>) + Send + 'static,
    ) -> OpId {
        self.shared.pump.submit(op, done)
    }

    /// Cancels an operation; its callback gets [`crate::ErrorCode::Cancelled`] in a later tick. False when
    /// it had ended already, its result then stands. A save that was durable on this device when it was
    /// cancelled is still sent.
    pub fn cancel(&self, id: OpId) -> bool {
        self.shared.pump.cancel(id)
    }

    /// Runs the callbacks of completed operations, oldest first, at most 64 a call, and returns how many
    /// ran. Costs one atomic load when there are none. Callbacks may call anything, this too.
    pub fn tick(&self) -> usize {
        self.shared.pump.tick()
    }

    /// Takes what happened since the last call. At most 1,024 events wait; the oldest go first.
    pub fn take_events(&self) -> Vec<Event> {
        self.shared.events.take()
    }

    /// Runs `op` on the SDK's thread and waits for it. For bots, tools and tests.
    ///
    /// # Panics
    /// On the SDK's own thread (it would wait for itself), after [`Cloud::shutdown`], or when `op` panics.
    pub fn block_on<T: Send + 'static>(&self, op: impl Future<Output = T> + Send + 'static) -> T {
        self.shared.pump.block_on(op)
    }

    /// Ends the SDK. Operations under way get `grace` to end; those that do not complete with
    /// [`crate::ErrorCode::ShutDown`]. Every callback that has not run yet runs inside this call.
    ///
    /// Saves that are queued stay on disk and are sent at the next start. Calling it again does nothing.
    /// After it, operations complete with [`crate::ErrorCode::ShutDown`] in the next tick.
    pub fn shutdown(&self, grace: Duration) {
        self.shared.pump.shutdown(grace);
    }
}

/// Stops the thread when the last [`Cloud`] goes.
#[derive(Debug)]
struct Owner(Arc<Pump>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.stop(Duration::ZERO);
    }
}
