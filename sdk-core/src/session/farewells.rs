//! Telling the server about sessions that ended here.

use super::store::FAREWELLS_MAX;
use super::{Session, State};
use crate::Error;
use crate::http::Request;
use aethex_wire::ErrorCode;
use aethex_wire::auth::{Logout, LogoutRequest};
use aethex_wire::endpoint::None as Nothing;
use std::time::Duration;

/// Pause before a farewell is tried again while the backend cannot be reached.
const FAREWELL_PAUSE: Duration = Duration::from_secs(60);

impl State {
    /// A session that is on no disk ended: its farewell lives as long as the process.
    pub(super) fn part_from(&mut self, refresh_token: String) {
        if self.farewells.len() == FAREWELLS_MAX {
            self.farewells.remove(0);
        }
        self.farewells.push(refresh_token);
    }
}

impl Session {
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
        let in_memory = self.state.lock().farewells.clone();
        for token in in_memory {
            if !self.said(&token).await {
                return false;
            }
            self.state.lock().farewells.retain(|other| *other != token);
        }
        let Ok(credentials) = self.load().await else { return true };
        for token in credentials.farewells {
            if !self.said(&token).await {
                return false;
            }
            let _changing = self.changing.lock().await;
            let Ok(_lock) = self.vault_lock().await else { return false };
            let forget = self
                .change_file(move |credentials| credentials.farewells.retain(|other| *other != token))
                .await;
            if forget.is_err() {
                return false;
            }
        }
        true
    }

    /// Whether the server has heard, one way or the other.
    async fn said(&self, token: &str) -> bool {
        match self.say_farewell(token).await {
            Err(error) => !error.retryable && error.code != ErrorCode::Protocol,
            Ok(()) => true,
        }
    }

    pub(super) async fn say_farewell(&self, refresh_token: &str) -> Result<(), Error> {
        let body = LogoutRequest { refresh_token: Some(refresh_token.to_owned()), everywhere: false };
        let request = Request::of::<Logout>(&[], &Nothing {}).json(&body).repeatable();
        self.http.send(&request, None).await.map(drop)
    }
}
