//! The player's session: tokens, their refresh, and the requests that need them.
//!
//! [`Session::send`] gives a player's request its access token, refreshes it shortly before it ends or
//! when the server says so, and repeats the request once. A refresh is single-flight within the process
//! (a mutex) and between processes on one folder (the vault's lock, after which the file is read again).
//! The next refresh token is on disk before its access token is used; when the answer to a refresh is
//! lost, the old token is sent again, which the server allows until the new one is used.
//!
//! Ending a session is local first: memory, then disk; what the server has not been told waits as a
//! farewell in the same file ([`farewells`]). [`change`] has what changes who is logged in. A session that is
//! not to be remembered lives in memory only. Beside the session there may be a kept guest's, for the merge.

mod change;
mod device;
mod farewells;
mod keyring;
mod store;
mod vault;

use crate::event::{Event, Events};
use crate::http::{Answer, Http, Request};
use crate::pump::Pump;
use crate::{Config, Error, User};
use aethex_wire::ErrorCode;
use aethex_wire::auth::{Refresh, RefreshRequest, Tokens};
use aethex_wire::endpoint::None as Nothing;
use aethex_wire::ids::{PlayerId, SessionId};
use parking_lot::{Condvar, Mutex};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
pub(crate) use store::blocking;
use tokio::sync::watch;
use tokio::time::Instant;
use vault::{KeptGuest, StoredSession, Vault};

/// Access tokens that one call is tried with: a device may sleep between two tries, and a server's clock may be set.
const TOKENS_A_CALL_MAX: usize = 3;
/// How long before its end an access token is replaced: longer than any request takes.
const REFRESH_AHEAD: Duration = Duration::from_secs(60);
/// How long a game may wait for a stored session right after the start; a frame or a few.
const RESTORE_WAIT: Duration = Duration::from_millis(250);
/// How long a request waits for a stored session that a slow keyring guards.
const RESTORE_WAIT_ASYNC: Duration = Duration::from_secs(3);

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
    guest: Option<Guest>,
    restoring: bool,
    /// Refresh tokens of sessions that ended here and are on no disk, while the server could not be told.
    farewells: Vec<String>,
}

#[derive(Clone)]
struct Active {
    stored: StoredSession,
    access: Option<Access>,
    /// Whether it is on the disk.
    remembered: bool,
}

/// A guest that waits to be merged.
#[derive(Debug)]
struct Guest {
    active: Active,
    heir: PlayerId,
    /// Whether the server was asked to merge it, and did not say what became of it.
    asked: bool,
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

impl State {
    /// The session of this player: the one who is logged in, or the kept guest.
    fn of(&mut self, player: &PlayerId) -> Option<&mut Active> {
        let guest = self.guest.as_mut().map(|guest| &mut guest.active);
        self.active.as_mut().into_iter().chain(guest).find(|active| active.stored.user.id == *player)
    }
}

impl Guest {
    fn stored(kept: KeptGuest) -> Guest {
        let KeptGuest { session, heir } = kept;
        Guest { active: Active { stored: session, access: None, remembered: true }, heir, asked: false }
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
            state.active = Some(Active { stored, access: None, remembered: true });
            state.guest = credentials.guest.map(Guest::stored);
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

    /// Whether this is the session of the player who is logged in.
    pub(crate) fn is_current(&self, id: &SessionId) -> bool {
        self.state.lock().active.as_ref().is_some_and(|active| active.stored.session_id == *id)
    }

    /// The guest that may be merged into the player who is logged in.
    pub(crate) fn kept_guest(&self) -> Option<User> {
        let player = self.current_user()?.id;
        let state = self.state.lock();
        let guest = state.guest.as_ref().filter(|guest| guest.heir == player);
        guest.map(|guest| guest.active.stored.user.clone())
    }

    /// A refresh token of this player that the server just gave: proof that the session is alive.
    pub(crate) async fn newest_refresh_token(&self, player: &PlayerId) -> Result<String, Error> {
        let _changing = self.changing.lock().await;
        self.refresh(player).await?;
        Ok(self.active_of(player)?.stored.refresh_token)
    }

    /// Whether the server was asked to merge this guest, and did not say what became of it.
    pub(crate) fn merge_was_asked(&self, guest: &PlayerId) -> bool {
        let state = self.state.lock();
        state.guest.as_ref().is_some_and(|kept| kept.asked && kept.active.stored.user.id == *guest)
    }

    /// The server is about to be asked to merge this guest, or has said that it did not.
    pub(crate) fn merge_is_asked(&self, guest: &PlayerId, asked: bool) {
        let mut state = self.state.lock();
        if let Some(kept) = state.guest.as_mut().filter(|kept| kept.active.stored.user.id == *guest) {
            kept.asked = asked;
        }
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
        self.with_token(player, |token| async move { self.http.send(request, Some(&token)).await }).await
    }

    /// Calls with an access token of this player, and again with a fresh one when the token was refused.
    async fn with_token<T, F: Future<Output = Result<T, Error>>>(
        &self,
        player: &PlayerId,
        call: impl Fn(String) -> F,
    ) -> Result<T, Error> {
        let mut token = self.access_token(player, None).await?;
        for _ in 1..TOKENS_A_CALL_MAX {
            match call(token.clone()).await {
                Err(error) if is_about_token(&error) => {
                    token = self.access_token(player, Some(&token)).await?;
                }
                done => return done,
            }
        }
        call(token).await
    }

    /// Sends bytes to an address in an object store.
    pub(crate) async fn put_elsewhere(&self, url: &str, body: bytes::Bytes) -> Result<(), Error> {
        self.http.put_elsewhere(url, body).await
    }

    /// Downloads into a file as this player.
    pub(crate) async fn download(
        &self,
        player: &PlayerId,
        request: &Request,
        size_bytes: u64,
        path: PathBuf,
    ) -> Result<(), Error> {
        let path = &path;
        let download =
            |token: String| async move { self.http.download(request, &token, size_bytes, path).await };
        self.with_token(player, download).await
    }

    /// A fresh access token of this player, other than the one that was refused.
    pub(crate) async fn access_token(
        &self,
        player: &PlayerId,
        refused: Option<&str>,
    ) -> Result<String, Error> {
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
        let mut state = self.state.lock();
        let access = state.of(player).ok_or_else(Error::not_logged_in)?.access.as_ref();
        let fresh = access
            .filter(|access| Some(access.token.as_str()) != refused && Instant::now() < access.refresh_at);
        Ok(fresh.map(|access| access.token.clone()))
    }

    /// Exchanges the refresh token. Only while holding `changing`.
    async fn refresh(&self, player: &PlayerId) -> Result<(), Error> {
        let Active { mut stored, remembered, .. } = self.active_of(player)?;
        let _lock = if remembered { self.vault_lock().await? } else { None };
        if remembered {
            // Another process may have refreshed, logged out, or logged in as someone else.
            match self.load().await?.session_of(player) {
                Some(kept) => stored = kept.clone(),
                None => {
                    self.end(&stored, Event::SessionExpired);
                    return Err(Error::not_logged_in());
                }
            }
        }
        let body = RefreshRequest { refresh_token: stored.refresh_token.clone() };
        let request = Request::of::<Refresh>(&[], &Nothing {}).json(&body).repeatable();
        let tokens = match self.http.send(&request, None).await {
            Ok(answer) => answer.json::<Refresh>()?,
            Err(error) if is_about_token(&error) => {
                self.end(&stored, Event::SessionExpired);
                if remembered {
                    let player = player.clone();
                    self.change_file(move |credentials| credentials.remove_session_of(&player)).await.ok();
                }
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
        if remembered {
            let keep = next.clone();
            self.change_file(move |credentials| credentials.keep_refreshed(keep)).await?;
        }
        let mut state = self.state.lock();
        let active = state.of(player).ok_or_else(Error::not_logged_in)?;
        *active = Active { stored: next, access: Some(Access::new(&tokens)), remembered };
        Ok(())
    }

    fn active_of(&self, player: &PlayerId) -> Result<Active, Error> {
        self.state.lock().of(player).cloned().ok_or_else(Error::not_logged_in)
    }

    /// Ends a player's session in memory. A kept guest's ends without a word: nobody is logged out.
    fn end(&self, stored: &StoredSession, event: Event) {
        let player = &stored.user.id;
        {
            let mut state = self.state.lock();
            if state.active.take_if(|active| active.stored.user.id == *player).is_none() {
                state.guest.take_if(|guest| guest.active.stored.user.id == *player);
                return;
            }
        }
        self.events.push(event);
        self.changed();
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

/// An access token may be over before its request is there, and may outlive its session by a moment; a refresh has the
/// last word.
fn is_about_token(error: &Error) -> bool {
    matches!(error.code, ErrorCode::Unauthenticated | ErrorCode::SessionEnded)
}
