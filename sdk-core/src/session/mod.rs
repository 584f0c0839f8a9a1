//! The player's session: tokens, their refresh, and the requests that need them.
//!
//! [`Session::send`] gives a player's request its access token, refreshes it shortly before it ends or
//! when the server says so, and repeats the request once. A refresh is single-flight within the process
//! (a mutex) and between processes on one folder (the vault's lock, after which the file is read again).
//! The next refresh token is on disk before its access token is used; when the answer to a refresh is
//! lost, the old token is sent again, which the server allows until the new one is used.
//!
//! Ending a session is local first: memory, then disk; what the server has not been told waits as a
//! farewell in the same file.

mod keyring;
mod vault;

use crate::event::{Event, Events};
use crate::http::{Answer, Http, Request};
use crate::pump::Pump;
use crate::{Config, Error, User};
use aethex_wire::ErrorCode;
use aethex_wire::auth::{LoggedIn, Logout, LogoutRequest, Refresh, RefreshRequest, Tokens};
use aethex_wire::endpoint::None as Nothing;
use aethex_wire::ids::PlayerId;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use vault::{Credentials, StoredSession, Vault};

/// How long before its end an access token is replaced: longer than any request takes.
const REFRESH_AHEAD: Duration = Duration::from_secs(60);
/// How long a game may wait for a stored session right after the start; a frame or a few.
const RESTORE_WAIT: Duration = Duration::from_millis(250);
/// How long a request waits for a stored session that a slow keyring guards.
const RESTORE_WAIT_ASYNC: Duration = Duration::from_secs(3);
/// How long one process waits for another's refresh: a little more than one takes.
const LOCK_WAIT: Duration = Duration::from_secs(15);
const LOCK_POLL: Duration = Duration::from_millis(20);
/// Most sessions whose end the server has not heard of; the oldest then end by themselves, in 30 days.
const FAREWELLS_MAX: usize = 8;
/// Pause before a farewell is tried again while the backend cannot be reached.
const FAREWELL_PAUSE: Duration = Duration::from_secs(60);

/// The session.
#[derive(Debug)]
pub(crate) struct Session {
    http: Http,
    vault: Arc<Vault>,
    events: Arc<Events>,
    state: Mutex<State>,
    restored: Condvar,
    /// Counts changes of who is logged in, and new farewells.
    changes: watch::Sender<u64>,
    /// Held by whoever changes the tokens.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    active: Option<Active>,
    restoring: bool,
}

#[derive(Clone)]
struct Active {
    stored: StoredSession,
    access: Option<Access>,
}

#[derive(Clone)]
struct Access {
    token: String,
    refresh_at: Instant,
}

impl std::fmt::Debug for Active {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Active").field("session_id", &self.stored.session_id).finish_non_exhaustive()
    }
}

impl Access {
    fn new(tokens: &Tokens) -> Access {
        let lives = Duration::from_secs(u64::try_from(tokens.expires_in).unwrap_or(0));
        // A short-lived token is used for the first half of its life.
        let ahead = REFRESH_AHEAD.min(lives / 2);
        Access { token: tokens.access_token.clone(), refresh_at: Instant::now() + (lives - ahead) }
    }
}

impl Session {
    pub(crate) fn new(config: &Config, http: Http, events: Arc<Events>) -> Session {
        Session {
            http,
            vault: Arc::new(Vault::new(config)),
            events,
            state: Mutex::default(),
            restored: Condvar::new(),
            changes: watch::Sender::new(0),
            changing: tokio::sync::Mutex::new(()),
        }
    }

    /// Reads the stored session: at once from a file, on a thread of its own where a keyring may block.
    pub(crate) fn restore(self: &Arc<Self>, pump: &Arc<Pump>) {
        if !self.vault.needs_keyring() {
            self.adopt_stored(false);
            return;
        }
        self.state.lock().restoring = true;
        let session = Arc::clone(self);
        let work = move || session.adopt_stored(true);
        if std::thread::Builder::new().name("aethex-keyring".to_owned()).spawn(work).is_err() {
            let session = Arc::clone(self);
            pump.background(async move { session.adopt_stored(false) });
        }
    }

    fn adopt_stored(&self, patient: bool) {
        let credentials = self.vault.load(patient).unwrap_or_default();
        let mut state = self.state.lock();
        state.restoring = false;
        // Someone may have logged in while the keyring made us wait: that session is newer.
        if state.active.is_none()
            && let Some(stored) = credentials.session
        {
            self.events.push(Event::LoggedIn(stored.user.clone()));
            state.active = Some(Active { stored, access: None });
        }
        drop(state);
        self.restored.notify_all();
        self.changed();
    }

    /// The player who is logged in.
    pub(crate) fn current_user(&self) -> Option<User> {
        let mut state = self.state.lock();
        if state.restoring {
            self.restored.wait_while_for(&mut state, |state| state.restoring, RESTORE_WAIT);
        }
        state.active.as_ref().map(|active| active.stored.user.clone())
    }

    /// The player who is logged in, or the error that nobody is.
    pub(crate) async fn player(&self) -> Result<PlayerId, Error> {
        let mut changes = self.changes.subscribe();
        let settled = async { while self.state.lock().restoring && changes.changed().await.is_ok() {} };
        let _ = tokio::time::timeout(RESTORE_WAIT_ASYNC, settled).await;
        self.player_now().ok_or_else(Error::not_logged_in)
    }

    /// The player who is logged in, without waiting.
    pub(crate) fn player_now(&self) -> Option<PlayerId> {
        self.state.lock().active.as_ref().map(|active| active.stored.user.id.clone())
    }

    /// Counts changes of who is logged in.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Whether the backend could be reached last time.
    pub(crate) fn online(&self) -> watch::Receiver<Option<bool>> {
        self.http.online()
    }

    /// Sends a request that needs no player.
    pub(crate) async fn send_public(&self, request: &Request) -> Result<Answer, Error> {
        self.http.send(request, None).await
    }

    /// Sends a request as this player, never as another one.
    pub(crate) async fn send(&self, player: &PlayerId, request: &Request) -> Result<Answer, Error> {
        let token = self.access_token(player, None).await?;
        match self.http.send(request, Some(&token)).await {
            Err(error) if error.code == ErrorCode::Unauthenticated => {
                let token = self.access_token(player, Some(&token)).await?;
                self.http.send(request, Some(&token)).await
            }
            Err(error) if error.code == ErrorCode::SessionEnded => {
                // An access token may outlive its session by a moment; the refresh has the last word.
                let token = self.access_token(player, Some(&token)).await?;
                self.http.send(request, Some(&token)).await
            }
            answer => answer,
        }
    }

    /// A fresh access token of this player, other than the one that was refused.
    async fn access_token(&self, player: &PlayerId, refused: Option<&str>) -> Result<String, Error> {
        if let Some(token) = self.fresh_token(player, refused)? {
            return Ok(token);
        }
        let _changing = self.changing.lock().await;
        // Another request may have refreshed while this one waited.
        if let Some(token) = self.fresh_token(player, refused)? {
            return Ok(token);
        }
        self.refresh(player).await?;
        self.fresh_token(player, refused)?.ok_or_else(|| Error::protocol("the new access token is refused"))
    }

    fn fresh_token(&self, player: &PlayerId, refused: Option<&str>) -> Result<Option<String>, Error> {
        let state = self.state.lock();
        let active = state.active.as_ref().filter(|active| active.stored.user.id == *player);
        let access = active.ok_or_else(Error::not_logged_in)?.access.as_ref();
        let fresh = access
            .filter(|access| Some(access.token.as_str()) != refused && Instant::now() < access.refresh_at);
        Ok(fresh.map(|access| access.token.clone()))
    }

    /// Exchanges the refresh token. Only while holding `changing`.
    async fn refresh(&self, player: &PlayerId) -> Result<(), Error> {
        let _lock = self.vault_lock().await?;
        let mut stored = self.active_of(player)?.stored;
        // Another process may have refreshed, logged out, or logged in as someone else.
        match self.load().await?.session {
            Some(kept) if kept.session_id == stored.session_id => stored = kept,
            _ => {
                self.end(&stored, Event::SessionExpired);
                return Err(Error::not_logged_in());
            }
        }
        let body = RefreshRequest { refresh_token: stored.refresh_token.clone() };
        let request = Request::of::<Refresh>(&[], &Nothing {}).json(&body).repeatable();
        let tokens = match self.http.send(&request, None).await {
            Ok(answer) => answer.json::<Refresh>()?,
            Err(error) if matches!(error.code, ErrorCode::SessionEnded | ErrorCode::Unauthenticated) => {
                self.end(&stored, Event::SessionExpired);
                self.change_file(|credentials| credentials.session = None).await.ok();
                return Err(Error { code: ErrorCode::SessionEnded, ..error });
            }
            Err(error) => return Err(error),
        };
        if tokens.session_id != stored.session_id {
            return Err(Error::protocol("the refreshed tokens belong to another session"));
        }
        // A logout may have come in between; then there is nothing to keep.
        let user = self.active_of(player)?.stored.user;
        let next = StoredSession { user, refresh_token: tokens.refresh_token.clone(), ..stored };
        let keep = next.clone();
        self.change_file(move |credentials| credentials.session = Some(keep)).await?;
        let mut state = self.state.lock();
        match &mut state.active {
            Some(active) if active.stored.session_id == next.session_id => {
                *active = Active { stored: next, access: Some(Access::new(&tokens)) };
                Ok(())
            }
            _ => Err(Error::not_logged_in()),
        }
    }

    /// Makes this the session; the one before gets a farewell.
    pub(crate) async fn begin(&self, logged_in: LoggedIn) -> Result<User, Error> {
        let LoggedIn { user, tokens } = logged_in;
        let stored = StoredSession {
            user: user.clone(),
            session_id: tokens.session_id.clone(),
            refresh_token: tokens.refresh_token.clone(),
        };
        let _changing = self.changing.lock().await;
        let _lock = self.vault_lock().await?;
        let keep = stored.clone();
        let kept = self
            .change_file(move |credentials| {
                let before = credentials.session.replace(keep);
                credentials.farewells.extend(before.map(|before| before.refresh_token));
            })
            .await;
        if let Err(error) = kept {
            // Nobody could use this session again after a restart: end it.
            let _ = self.say_farewell(&tokens.refresh_token).await;
            return Err(error);
        }
        {
            let mut state = self.state.lock();
            state.restoring = false;
            state.active = Some(Active { stored, access: Some(Access::new(&tokens)) });
        }
        self.events.push(Event::LoggedIn(user.clone()));
        self.restored.notify_all();
        self.changed();
        Ok(user)
    }

    /// Ends the session here; the server hears of it when it can be reached.
    pub(crate) async fn logout(&self) -> Result<(), Error> {
        // What a slow keyring still guards ends as well.
        let _ = self.player().await;
        let Some(active) = self.state.lock().active.clone() else { return Ok(()) };
        self.end(&active.stored, Event::LoggedOut);
        let _changing = self.changing.lock().await;
        let _lock = self.vault_lock().await?;
        let ended = active.stored;
        self.change_file(move |credentials| {
            let on_disk = credentials.session.take_if(|stored| stored.session_id == ended.session_id);
            // The newest refresh token ends the session for sure.
            credentials.farewells.push(on_disk.map_or(ended.refresh_token, |stored| stored.refresh_token));
        })
        .await?;
        self.changed();
        Ok(())
    }

    /// Ends the session here, after the server ended it.
    pub(crate) async fn forget(&self, player: &PlayerId) -> Result<(), Error> {
        let _changing = self.changing.lock().await;
        let _lock = self.vault_lock().await?;
        let stored = self.active_of(player)?.stored;
        self.end(&stored, Event::LoggedOut);
        self.change_file(|credentials| credentials.session = None).await
    }

    /// Keeps a newer profile of the player.
    pub(crate) async fn update_user(&self, user: &User) -> Result<(), Error> {
        {
            let mut state = self.state.lock();
            let active = state.active.as_mut().filter(|active| active.stored.user.id == user.id);
            let Some(active) = active.filter(|active| active.stored.user != *user) else { return Ok(()) };
            active.stored.user = user.clone();
        }
        let _changing = self.changing.lock().await;
        let _lock = self.vault_lock().await?;
        let user = user.clone();
        self.change_file(move |credentials| {
            if let Some(stored) = credentials.session.as_mut().filter(|stored| stored.user.id == user.id) {
                stored.user = user;
            }
        })
        .await
    }

    /// Tells the server about sessions that ended here, for as long as the SDK runs.
    pub(crate) async fn say_farewells(&self) {
        let mut changes = self.changes.subscribe();
        let mut online = self.http.online();
        loop {
            changes.borrow_and_update();
            online.borrow_and_update();
            let all_said = self.say_waiting_farewells().await;
            tokio::select! {
                _ = changes.changed() => {}
                _ = online.changed(), if !all_said => {}
                () = tokio::time::sleep(FAREWELL_PAUSE), if !all_said => {}
            }
        }
    }

    async fn say_waiting_farewells(&self) -> bool {
        if self.state.lock().restoring {
            return true;
        }
        let Ok(credentials) = self.load().await else { return true };
        for token in credentials.farewells {
            match self.say_farewell(&token).await {
                Err(error) if error.retryable || error.code == ErrorCode::Protocol => return false,
                _ => {}
            }
            let _changing = self.changing.lock().await;
            let Ok(_lock) = self.vault_lock().await else { return false };
            if self
                .change_file(move |credentials| credentials.farewells.retain(|other| *other != token))
                .await
                .is_err()
            {
                return false;
            }
        }
        true
    }

    async fn say_farewell(&self, refresh_token: &str) -> Result<(), Error> {
        let body = LogoutRequest { refresh_token: Some(refresh_token.to_owned()), everywhere: false };
        let request = Request::of::<Logout>(&[], &Nothing {}).json(&body).repeatable();
        self.http.send(&request, None).await.map(drop)
    }

    fn active_of(&self, player: &PlayerId) -> Result<Active, Error> {
        let state = self.state.lock();
        let active = state.active.as_ref().filter(|active| active.stored.user.id == *player);
        active.cloned().ok_or_else(Error::not_logged_in)
    }

    /// Ends a session in memory, if it is still the one.
    fn end(&self, stored: &StoredSession, event: Event) {
        {
            let mut state = self.state.lock();
            if state.active.take_if(|active| active.stored.session_id == stored.session_id).is_none() {
                return;
            }
        }
        self.events.push(event);
        self.changed();
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    async fn vault_lock(&self) -> Result<Option<crate::disk::Lock>, Error> {
        if !self.vault.keeps() {
            return Ok(None);
        }
        let deadline = Instant::now() + LOCK_WAIT;
        loop {
            let vault = Arc::clone(&self.vault);
            if let Some(lock) = blocking(move || vault.try_lock()).await? {
                return Ok(Some(lock));
            }
            if Instant::now() >= deadline {
                return Err(Error::new(ErrorCode::Timeout, "another process holds the session for too long"));
            }
            tokio::time::sleep(LOCK_POLL).await;
        }
    }

    async fn load(&self) -> Result<Credentials, Error> {
        let vault = Arc::clone(&self.vault);
        blocking(move || vault.load(false)).await
    }

    /// Changes the file. Only while holding `changing` and the vault's lock.
    async fn change_file(&self, change: impl FnOnce(&mut Credentials) + Send + 'static) -> Result<(), Error> {
        let vault = Arc::clone(&self.vault);
        blocking(move || {
            // A file that cannot be opened any more is replaced.
            let mut credentials = vault.load(false).unwrap_or_default();
            change(&mut credentials);
            let too_many = credentials.farewells.len().saturating_sub(FAREWELLS_MAX);
            credentials.farewells.drain(..too_many);
            vault.save(&credentials)
        })
        .await
    }
}

/// Runs blocking work off the async thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => Err(Error::fault()),
        Err(_) => Err(Error::shut_down()),
    }
}
