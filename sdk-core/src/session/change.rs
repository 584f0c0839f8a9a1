//! What changes who is logged in: a login, a logout, a new password, a guest that is kept or let go.

use super::vault::{Credentials, KeptGuest, StoredSession};
use super::{Access, Active, Guest, Session};
use crate::auth::LoginOptions;
use crate::event::Event;
use crate::http::Request;
use crate::{Error, User};
use aethex_wire::Endpoint;
use aethex_wire::auth::LoggedIn;
use aethex_wire::ids::PlayerId;
use std::sync::Arc;

impl Session {
    /// Makes this the session; the one before gets a farewell, or is kept if it is a guest's.
    pub(crate) async fn begin(&self, logged_in: LoggedIn, options: &LoginOptions) -> Result<User, Error> {
        let LoggedIn { user, tokens } = logged_in;
        let stored = StoredSession::new(user.clone(), &tokens);
        let (remember, keep_guest) = (options.remember, options.keep_guest);
        let _changing = self.changing.lock().await;
        // A session that is not to be remembered leaves no trace, not even a folder.
        if remember || self.vault.has_file() {
            let _lock = self.vault_lock().await?;
            let (next, heir) = (stored.clone(), user.id.clone());
            let kept = self
                .change_file(move |credentials| {
                    replace_session(credentials, remember.then_some(next), heir, keep_guest);
                    credentials.guest.clone()
                })
                .await;
            match kept {
                Ok(guest) => self.show_stored_guest(guest),
                Err(error) => {
                    // Nobody could use this session again after a restart: end it.
                    let _ = self.say_farewell(&tokens.refresh_token).await;
                    return Err(error);
                }
            }
        }
        {
            let mut state = self.state.lock();
            state.restoring = false;
            let before = state.active.take().filter(|before| !before.remembered);
            match before {
                Some(before) if keep_guest && is_other_guest(&before.stored, &user.id) => {
                    let guest =
                        state.guest.replace(Guest { active: before, heir: user.id.clone(), asked: false });
                    if let Some(guest) = guest.filter(|guest| !guest.active.remembered) {
                        state.part_from(guest.active.stored.refresh_token);
                    }
                }
                Some(before) => state.part_from(before.stored.refresh_token),
                None if keep_guest => {
                    if let Some(guest) = &mut state.guest {
                        guest.heir = user.id.clone();
                    }
                }
                None => {}
            }
            state.active = Some(Active { stored, access: Some(Access::new(&tokens)), remembered: remember });
        }
        self.events.push(Event::LoggedIn(user.clone()));
        self.restored.notify_all();
        self.changed();
        Ok(user)
    }

    /// Takes over the guest that the file has; one that lives in memory only stays.
    fn show_stored_guest(&self, kept: Option<KeptGuest>) {
        let mut state = self.state.lock();
        match kept {
            Some(kept) => state.guest = Some(Guest::stored(kept)),
            None => drop(state.guest.take_if(|guest| guest.active.remembered)),
        }
    }

    /// Sends a request that ends every session and answers with a new one, and makes that this device's. Runs
    /// to its end whatever becomes of the caller: half of it would be a logout.
    pub(crate) async fn send_and_adopt<E: Endpoint<Response = LoggedIn>>(
        self: &Arc<Self>,
        player: &PlayerId,
        request: &Request,
    ) -> Result<(), Error> {
        let (session, player, request) = (Arc::clone(self), player.clone(), request.clone());
        let work = tokio::spawn(async move {
            let (session, player, request) = (&session, &player, &request);
            let exchange =
                |token: String| async move { session.exchange::<E>(player, request, &token).await };
            session.with_token(player, exchange).await
        });
        match work.await {
            Ok(done) => done,
            Err(error) if error.is_panic() => Err(Error::fault()),
            Err(_) => Err(Error::shut_down()),
        }
    }

    /// No refresh comes in between: it would be with a token that is dead.
    async fn exchange<E: Endpoint<Response = LoggedIn>>(
        &self,
        player: &PlayerId,
        request: &Request,
        token: &str,
    ) -> Result<(), Error> {
        let _changing = self.changing.lock().await;
        let remembered = self.active_of(player)?.remembered;
        let _lock = if remembered { self.vault_lock().await? } else { None };
        let LoggedIn { user, tokens } = self.http.send(request, Some(token)).await?.json::<E>()?;
        if user.id != *player {
            return Err(Error::protocol("the new session belongs to another player"));
        }
        let stored = StoredSession::new(user, &tokens);
        let next = Active { stored: stored.clone(), access: Some(Access::new(&tokens)), remembered };
        let still_here = {
            let mut state = self.state.lock();
            let active = state.active.as_mut().filter(|active| active.stored.user.id == *player);
            active.map(|active| *active = next).is_some()
        };
        if !still_here {
            // A logout came in between, and meant this session, too.
            let _ = self.say_farewell(&tokens.refresh_token).await;
            return Err(Error::not_logged_in());
        }
        if remembered
            && let Err(error) = self.change_file(move |credentials| credentials.session = Some(stored)).await
        {
            // The change is made and this session works: only a restart will ask for a login.
            tracing::warn!(code = error.code.as_str(), "the new session cannot be kept");
        }
        Ok(())
    }

    /// Ends the session here; the server hears of it when it can be reached.
    pub(crate) async fn logout(&self) -> Result<(), Error> {
        // What a slow keyring still guards ends as well.
        let _ = self.player().await;
        let Some(active) = self.state.lock().active.clone() else { return Ok(()) };
        self.end(&active.stored, Event::LoggedOut);
        if !active.remembered {
            self.state.lock().part_from(active.stored.refresh_token);
            self.changed();
            return Ok(());
        }
        let _changing = self.changing.lock().await;
        let _lock = self.vault_lock().await?;
        let ended = active.stored;
        self.change_file(move |credentials| {
            let on_disk = credentials.session.take_if(|stored| stored.user.id == ended.user.id);
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
        let active = self.active_of(player)?;
        if !active.remembered {
            self.end(&active.stored, Event::LoggedOut);
            return Ok(());
        }
        let _lock = self.vault_lock().await?;
        self.end(&active.stored, Event::LoggedOut);
        self.change_file(|credentials| credentials.session = None).await
    }

    /// Keeps a newer profile of the player.
    pub(crate) async fn update_user(&self, user: &User) -> Result<(), Error> {
        {
            let mut state = self.state.lock();
            let active = state.active.as_mut().filter(|active| active.stored.user.id == user.id);
            let Some(active) = active.filter(|active| active.stored.user != *user) else { return Ok(()) };
            active.stored.user = user.clone();
            if !active.remembered {
                return Ok(());
            }
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

    /// Ends the kept guest's session here; the server hears of it when it can be reached.
    pub(crate) async fn release_guest(&self) -> Result<(), Error> {
        self.drop_guest(true).await
    }

    /// The guest's account is gone: nobody needs to hear of its session.
    pub(crate) async fn guest_is_merged(&self) -> Result<(), Error> {
        self.drop_guest(false).await
    }

    async fn drop_guest(&self, farewell: bool) -> Result<(), Error> {
        let _ = self.player().await;
        let Some(Guest { active, .. }) = self.state.lock().guest.take() else { return Ok(()) };
        if active.remembered {
            let _changing = self.changing.lock().await;
            let _lock = self.vault_lock().await?;
            self.change_file(move |credentials| {
                let on_disk =
                    credentials.guest.take_if(|guest| guest.session.user.id == active.stored.user.id);
                let token = on_disk.map_or(active.stored.refresh_token, |guest| guest.session.refresh_token);
                credentials.farewells.extend(farewell.then_some(token));
            })
            .await?;
        } else if farewell {
            self.state.lock().part_from(active.stored.refresh_token);
        }
        self.changed();
        Ok(())
    }
}

/// Puts the next session, or none, in the place of the one before.
fn replace_session(
    credentials: &mut Credentials,
    next: Option<StoredSession>,
    heir: PlayerId,
    keep_guest: bool,
) {
    let before = std::mem::replace(&mut credentials.session, next);
    match before {
        Some(before) if keep_guest && is_other_guest(&before, &heir) => {
            let older = credentials.guest.replace(KeptGuest { session: before, heir });
            credentials.farewells.extend(older.map(|older| older.session.refresh_token));
        }
        before => {
            if let Some(guest) = credentials.guest.as_mut().filter(|_| keep_guest) {
                guest.heir = heir;
            }
            credentials.farewells.extend(before.map(|before| before.refresh_token));
        }
    }
}

fn is_other_guest(before: &StoredSession, next: &PlayerId) -> bool {
    before.user.is_guest && before.user.id != *next
}
