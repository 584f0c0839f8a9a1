//! Parties: players who queue together. Changes come as [`super::MultiplayerEvent::PartyUpdated`].

use super::api;
use crate::cloud::Shared;
use crate::wire::ids::PlayerId;
use crate::wire::multiplayer::parties::{
    CreateParty, GetParty, JoinParty, KickFromParty, LeadParty, LeaveParty, Party, PartyPlayerRequest,
    ReadyParty, ReadyRequest,
};
use crate::{Error, ErrorCode};
use std::future::Future;
use std::sync::Arc;

/// The party that the player is in.
///
/// The futures run on the SDK's thread whatever polls them, and can be given to [`crate::Cloud::submit`].
#[derive(Debug, Clone)]
pub struct Parties {
    shared: Arc<Shared>,
}

impl Parties {
    pub(super) fn new(shared: Arc<Shared>) -> Parties {
        Parties { shared }
    }

    /// Makes a party and leads it; leaves the one before.
    ///
    /// # Errors
    /// `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn create(&self) -> impl Future<Output = Result<Party, Error>> + Send + use<> {
        self.shared.live_call(move |shared| async move { api::ask::<CreateParty>(&shared, &[]).await })
    }

    /// The party that the player is in; `None` without one.
    ///
    /// # Errors
    /// `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn current(&self) -> impl Future<Output = Result<Option<Party>, Error>> + Send + use<> {
        self.shared.live_call(move |shared| async move {
            match api::ask::<GetParty>(&shared, &[]).await {
                Ok(party) => Ok(Some(party)),
                Err(error) if matches!(error.code, ErrorCode::NotInParty | ErrorCode::PartyNotFound) => {
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        })
    }

    /// Joins the party that has this code.
    ///
    /// # Errors
    /// `PartyNotFound`, `PartyFull`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn join(&self, code: &str) -> impl Future<Output = Result<Party, Error>> + Send + use<> {
        let code = code.to_owned();
        self.shared.live_call(move |shared| async move { api::ask::<JoinParty>(&shared, &[&code]).await })
    }

    /// Leaves the party. Its leader passes the lead on.
    ///
    /// # Errors
    /// `NotInParty`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn leave(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.shared
            .live_call(move |shared| async move { api::ask::<LeaveParty>(&shared, &[]).await.map(|_| ()) })
    }

    /// Says whether one is ready.
    ///
    /// # Errors
    /// `NotInParty`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn set_ready(&self, ready: bool) -> impl Future<Output = Result<Party, Error>> + Send + use<> {
        self.shared.live_call(move |shared| async move {
            api::post_again::<ReadyParty>(&shared, &[], &ReadyRequest { ready }).await
        })
    }

    /// Sends a player out of the party: its leader may.
    ///
    /// # Errors
    /// `Forbidden`, `NotInParty`, `NotFound`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn kick(&self, player: PlayerId) -> impl Future<Output = Result<Party, Error>> + Send + use<> {
        self.shared.live_call(move |shared| async move {
            api::post::<KickFromParty>(&shared, &[], &PartyPlayerRequest { player_id: player }).await
        })
    }

    /// Passes the lead on: the leader may.
    ///
    /// # Errors
    /// `Forbidden`, `NotInParty`, `NotFound`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn set_leader(&self, player: PlayerId) -> impl Future<Output = Result<Party, Error>> + Send + use<> {
        self.shared.live_call(move |shared| async move {
            api::post_again::<LeadParty>(&shared, &[], &PartyPlayerRequest { player_id: player }).await
        })
    }
}
