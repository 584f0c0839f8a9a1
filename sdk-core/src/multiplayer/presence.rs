//! Presence and invitations.

use super::api;
use crate::Error;
use crate::cloud::Shared;
use crate::wire::ids::{InviteId, PartyId, PlayerId, RoomId};
use crate::wire::multiplayer::presence::{
    DeleteInvite, GetPresences, Invite, InviteRequest, ListInvites, PRESENCE_PLAYERS_MAX, Presence,
    PresenceRequest, SendInvite, SetPresence, SetPresenceRequest,
};
use crate::wire::page::{Page, PageQuery};
use std::future::Future;
use std::sync::Arc;

/// Who is here, and what the player shows.
///
/// The futures run on the SDK's thread whatever polls them, and can be given to [`crate::Cloud::submit`].
#[derive(Debug, Clone)]
pub struct Presences {
    shared: Arc<Shared>,
}

impl Presences {
    pub(super) fn new(shared: Arc<Shared>) -> Presences {
        Presences { shared }
    }

    /// Says what to show of oneself, for as long as the player's connection is open.
    ///
    /// # Errors
    /// `InvalidArgument`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn set(
        &self,
        presence: SetPresenceRequest,
    ) -> impl Future<Output = Result<Presence, Error>> + Send + use<> {
        self.shared.live_call(move |shared| async move {
            let shown = api::post_again::<SetPresence>(&shared, &[], &presence).await?;
            shared.multiplayer.live.show(presence);
            Ok(shown)
        })
    }

    /// Asks who is here: up to 100 players, answered in their order.
    ///
    /// # Errors
    /// `InvalidArgument`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn get(
        &self,
        players: Vec<PlayerId>,
    ) -> impl Future<Output = Result<Vec<Presence>, Error>> + Send + use<> {
        self.shared.live_call(move |shared| async move { presences(&shared, players, false).await })
    }

    /// As [`Presences::get`], and tells of changes from now on as [`super::MultiplayerEvent::PresenceChanged`].
    /// Who was watched before still is: up to 1,000 players in all, until the player logs out.
    ///
    /// # Errors
    /// `InvalidArgument`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn watch(
        &self,
        players: Vec<PlayerId>,
    ) -> impl Future<Output = Result<Vec<Presence>, Error>> + Send + use<> {
        self.shared.live_call(move |shared| async move {
            if players.len() > PRESENCE_PLAYERS_MAX {
                return Err(Error::argument("ask for at most 100 players at once"));
            }
            shared.multiplayer.live.watch(&players);
            shared.multiplayer.live.opened().await;
            presences(&shared, players, true).await
        })
    }
}

/// Asks for presences.
pub(super) async fn presences(
    shared: &Shared,
    player_ids: Vec<PlayerId>,
    watch: bool,
) -> Result<Vec<Presence>, Error> {
    if player_ids.is_empty() && !watch {
        return Ok(Vec::new());
    }
    let request = PresenceRequest { player_ids, watch };
    Ok(api::post_again::<GetPresences>(shared, &[], &request).await?.presences)
}

/// Invitations to rooms and parties.
///
/// The futures run on the SDK's thread whatever polls them, and can be given to [`crate::Cloud::submit`].
#[derive(Debug, Clone)]
pub struct Invites {
    shared: Arc<Shared>,
}

impl Invites {
    pub(super) fn new(shared: Arc<Shared>) -> Invites {
        Invites { shared }
    }

    /// Invites a player to a room that one has a seat in. The invitation's code opens the door: see
    /// [`super::Multiplayer::join_by_code`].
    ///
    /// # Errors
    /// `NotInRoom`, `RoomNotFound`, `Blocked`, `NotFound`, `RateLimited`, `NotLoggedIn`, `SessionEnded`, `Offline`,
    /// `Timeout`.
    pub fn invite_to_room(
        &self,
        player: PlayerId,
        room: RoomId,
    ) -> impl Future<Output = Result<Invite, Error>> + Send + use<> {
        self.send(InviteRequest { player_id: player, room_id: Some(room), party_id: None })
    }

    /// Invites a player to one's party: see [`super::Parties::join`].
    ///
    /// # Errors
    /// `NotInParty`, `Blocked`, `NotFound`, `RateLimited`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn invite_to_party(
        &self,
        player: PlayerId,
        party: PartyId,
    ) -> impl Future<Output = Result<Invite, Error>> + Send + use<> {
        self.send(InviteRequest { player_id: player, room_id: None, party_id: Some(party) })
    }

    /// Invitations to oneself that stand, newest first.
    ///
    /// # Errors
    /// `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn list(&self, page: PageQuery) -> impl Future<Output = Result<Page<Invite>, Error>> + Send + use<> {
        self.shared
            .live_call(move |shared| async move { api::query::<ListInvites>(&shared, &[], &page).await })
    }

    /// Declines an invitation, or takes one's own back.
    ///
    /// # Errors
    /// `InviteNotFound`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn delete(&self, invite: InviteId) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.shared.live_call(move |shared| async move {
            api::ask::<DeleteInvite>(&shared, &[invite.as_str()]).await.map(|_| ())
        })
    }

    fn send(&self, request: InviteRequest) -> impl Future<Output = Result<Invite, Error>> + Send + use<> {
        self.shared
            .live_call(move |shared| async move { api::post::<SendInvite>(&shared, &[], &request).await })
    }
}
