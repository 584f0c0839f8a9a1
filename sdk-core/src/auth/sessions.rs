//! The list of the player's logins, and their end.

use super::Auth;
use crate::cloud::Shared;
use crate::http::Request;
use crate::wire::ids::SessionId;
use crate::{Error, Page, SessionInfo};
use aethex_wire::auth::sessions::{EndOtherSessions, EndSession, ListSessions};
use aethex_wire::endpoint::None as Nothing;
use aethex_wire::page::PageQuery;
use std::future::Future;

impl Auth {
    /// Lists the account's sessions, last seen first, a page at a time: `cursor` is the page's before
    /// `next_cursor`, absent for the first one.
    ///
    /// # Errors
    /// `NotLoggedIn`, `SessionEnded`, `InvalidRequest` (not a cursor), `Offline`, `Timeout`.
    pub fn sessions(
        &self,
        cursor: Option<String>,
    ) -> impl Future<Output = Result<Page<SessionInfo>, Error>> + Send + use<> {
        self.call(move |shared| async move {
            let player = shared.session.player().await?;
            let request = Request::of::<ListSessions>(&[], &PageQuery { limit: None, cursor });
            shared.session.send(&player, &request).await?.json::<ListSessions>()
        })
    }

    /// Ends one session of the account. Its own is logged out.
    ///
    /// # Errors
    /// `NotFound`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn end_session(&self, id: SessionId) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.call(move |shared| async move { end_session(&shared, &id).await })
    }

    /// Ends every session of the account but this one.
    ///
    /// # Errors
    /// `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn end_other_sessions(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.call(move |shared| async move {
            let player = shared.session.player().await?;
            let request = Request::of::<EndOtherSessions>(&[], &Nothing {});
            shared.session.send(&player, &request).await.map(drop)
        })
    }
}

async fn end_session(shared: &Shared, id: &SessionId) -> Result<(), Error> {
    let player = shared.session.player().await?;
    if shared.session.is_current(id) {
        return shared.session.logout().await;
    }
    let request = Request::of::<EndSession>(&[id.as_str()], &Nothing {});
    shared.session.send(&player, &request).await.map(drop)
}
