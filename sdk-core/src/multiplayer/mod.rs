//! Players meet: rooms, matchmaking, parties, chat, presence.
//!
//! Rooms are made and joined over the API; what travels in them goes over a [`link`] to a relay, which [`room`] keeps
//! open: QUIC where it passes, WebSocket elsewhere, made again when it drops, moved while it carries. [`session`] is
//! the part without I/O: numbering, acknowledging, replaying, differences of states. [`live`] is the player's own
//! connection, for everything that is not of one room. What happens waits in [`events`] until the game takes it.
//!
//! Everything runs on the SDK's thread. What a game calls each frame ([`Multiplayer::send_state`],
//! [`Multiplayer::take_events`]) takes a lock for microseconds and waits for nothing.

mod api;
mod chat;
mod events;
mod link;
mod live;
mod matchmaking;
mod parties;
mod presence;
mod room;
mod session;

use crate::cloud::Shared;
use crate::wire::ids::{PlayerId, RoomId};
use crate::wire::multiplayer::{
    CloseRoom, CreateRoom, CreateRoomRequest, GetRoom, JoinByCode, JoinRoom, JoinRoomRequest, JoinedRoom,
    KickPlayer, KickRequest, LeaveRoom, ListRooms, Room, RoomsQuery, UpdateRoom, UpdateRoomRequest,
};
use crate::wire::page::Page;
use crate::{Error, ErrorCode, Value};
use bytes::Bytes;
pub use chat::{Chat, ChatChannel};
pub(crate) use events::Inbox;
pub use events::{MultiplayerEvent, PlayerState, RoomMember, RoomMessage, Transport};
pub use link::Transports;
pub(crate) use live::Live;
pub use matchmaking::Matchmaking;
use parking_lot::Mutex;
pub use parties::Parties;
pub use presence::{Invites, Presences};
pub use room::{JoinOptions, LinkStats, MessageOptions, MessageTarget, RoomHandle, StateOptions};
#[cfg(feature = "simulation")]
pub(crate) use session::simulated;
use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Rooms that one player of the SDK can be in at once: a match, a lobby, and some for tools.
const ROOMS_MAX: usize = 16;
/// Seats of matches that wait to be taken.
const SEATS_MAX: usize = 4;
/// How long such a seat's ticket is used; the relay takes it for a minute.
const SEAT_LIFE: Duration = Duration::from_secs(45);

/// What multiplayer keeps.
#[derive(Debug, Default)]
pub(crate) struct MultiplayerState {
    pub(super) inbox: Arc<Inbox>,
    pub(super) live: Live,
    rooms: Mutex<Rooms>,
    /// Seats that came with matches, so that joining asks nothing.
    seats: Mutex<VecDeque<(Instant, JoinedRoom)>>,
}

#[derive(Debug, Default)]
struct Rooms {
    all: Vec<RoomHandle>,
    current: Option<RoomHandle>,
}

impl MultiplayerState {
    fn keep_seat(&self, seat: JoinedRoom) {
        let mut seats = self.seats.lock();
        if seats.len() == SEATS_MAX {
            seats.pop_front();
        }
        seats.push_back((Instant::now(), seat));
    }

    fn take_seat(&self, room: &RoomId) -> Option<JoinedRoom> {
        let mut seats = self.seats.lock();
        seats.retain(|(since, _)| since.elapsed() < SEAT_LIFE);
        let found = seats.iter().position(|(_, seat)| seat.room.id == *room)?;
        seats.remove(found).map(|(_, seat)| seat)
    }

    fn room(&self, id: &RoomId) -> Option<RoomHandle> {
        let mut rooms = self.rooms.lock();
        rooms.all.retain(|room| !room.is_over());
        rooms.all.iter().find(|room| room.id() == id).cloned()
    }

    fn current(&self) -> Option<RoomHandle> {
        self.rooms.lock().current.clone().filter(|room| !room.is_over())
    }

    fn set_current(&self, room: RoomHandle) -> Option<RoomHandle> {
        let before = self.rooms.lock().current.replace(room.clone());
        before.filter(|before| !before.is_over() && before.id() != room.id())
    }
}

impl Shared {
    /// A future that runs a call on the SDK's thread.
    fn call<T, F, C>(self: &Arc<Self>, op: C) -> impl Future<Output = Result<T, Error>> + Send + use<T, F, C>
    where
        C: FnOnce(Arc<Shared>) -> F,
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        self.pump.call(op(Arc::clone(self)))
    }

    /// As `call`, and opens the player's own connection.
    fn live_call<T, F, C>(
        self: &Arc<Self>,
        op: C,
    ) -> impl Future<Output = Result<T, Error>> + Send + use<T, F, C>
    where
        C: FnOnce(Arc<Shared>) -> F,
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        self.want_live();
        self.call(op)
    }

    /// Opens the player's own connection, in the background, and keeps it open.
    fn want_live(self: &Arc<Self>) {
        if self.multiplayer.live.want() {
            self.pump.background(live::run(Arc::clone(self)));
        }
    }
}

/// Rooms and everything around them.
///
/// The futures run on the SDK's thread whatever polls them, and can be given to [`crate::Cloud::submit`].
#[derive(Debug, Clone)]
pub struct Multiplayer {
    shared: Arc<Shared>,
}

impl Multiplayer {
    pub(crate) fn new(shared: Arc<Shared>) -> Multiplayer {
        Multiplayer { shared }
    }

    /// Queues for matches.
    pub fn matchmaking(&self) -> Matchmaking {
        Matchmaking::new(Arc::clone(&self.shared))
    }

    /// Text chat, blocks and reports.
    pub fn chat(&self) -> Chat {
        Chat::new(Arc::clone(&self.shared))
    }

    /// The party that the player is in.
    pub fn parties(&self) -> Parties {
        Parties::new(Arc::clone(&self.shared))
    }

    /// Who is here.
    pub fn presence(&self) -> Presences {
        Presences::new(Arc::clone(&self.shared))
    }

    /// Invitations to rooms and parties.
    pub fn invites(&self) -> Invites {
        Invites::new(Arc::clone(&self.shared))
    }

    /// Takes what happened since the last call: first what concerns the player (the last 1,024), then rooms in their
    /// order, then the newest state of each player and channel. Costs one atomic load when nothing did. A game that
    /// takes nothing while 8,192 events or 8 MiB of messages of rooms wait loses the room, with `RelayOverflow`.
    pub fn take_events(&self) -> Vec<MultiplayerEvent> {
        self.shared.multiplayer.inbox.take()
    }

    /// Opens the player's own connection, over which matches, chat, invitations and presence come. Using any of these
    /// does so too.
    pub fn go_live(&self) {
        self.shared.want_live();
    }

    /// Whether the player's own connection is open.
    pub fn is_live(&self) -> bool {
        self.shared.multiplayer.live.is_open()
    }

    /// Makes a room and joins it as its host; it is the current one from then on.
    ///
    /// # Errors
    /// `InvalidArgument`, `TooManyRooms`, `RateLimited`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn create_room(
        &self,
        request: CreateRoomRequest,
    ) -> impl Future<Output = Result<RoomHandle, Error>> + Send + use<> {
        self.shared.call(move |shared| async move {
            let options = JoinOptions { password: request.password.clone(), ..JoinOptions::default() };
            let joined = api::post::<CreateRoom>(&shared, &[], &request).await?;
            let room = enter(&shared, joined, options).await?;
            make_current(&shared, room).await
        })
    }

    /// Lists public rooms, newest first.
    ///
    /// # Errors
    /// `InvalidArgument`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn list_rooms(
        &self,
        query: RoomsQuery,
    ) -> impl Future<Output = Result<Page<Room>, Error>> + Send + use<> {
        self.shared.call(move |shared| async move { api::query::<ListRooms>(&shared, &[], &query).await })
    }

    /// Looks at a room.
    ///
    /// # Errors
    /// `RoomNotFound`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn get_room(&self, id: RoomId) -> impl Future<Output = Result<Room, Error>> + Send + use<> {
        self.shared.call(move |shared| async move { api::ask::<GetRoom>(&shared, &[id.as_str()]).await })
    }

    /// Changes a room: its host may. Its new form comes to everyone as [`MultiplayerEvent::RoomUpdated`].
    ///
    /// # Errors
    /// `NotHost`, `RoomNotFound`, `InvalidArgument`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn update_room(
        &self,
        id: RoomId,
        change: UpdateRoomRequest,
    ) -> impl Future<Output = Result<Room, Error>> + Send + use<> {
        self.shared.call(move |shared| async move {
            api::post_again::<UpdateRoom>(&shared, &[id.as_str()], &change).await
        })
    }

    /// Closes a room and sends everyone home: its host may.
    ///
    /// # Errors
    /// `NotHost`, `RoomNotFound`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn close_room(&self, id: RoomId) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.shared.call(move |shared| async move {
            api::ask::<CloseRoom>(&shared, &[id.as_str()]).await.map(|_| ())
        })
    }

    /// Joins a room and makes it the current one; the one before is left. Joining the current room again does nothing.
    /// A room of a match that was just found is entered without asking the API.
    ///
    /// # Errors
    /// `RoomNotFound`, `RoomFull`, `RoomLocked`, `RoomPassword`, `RoomBanned`, `TooManyRooms`, `RoomClosed`,
    /// `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn join_room(
        &self,
        id: RoomId,
        options: JoinOptions,
    ) -> impl Future<Output = Result<RoomHandle, Error>> + Send + use<> {
        self.shared.call(move |shared| async move {
            let room = join(&shared, &id, options).await?;
            make_current(&shared, room).await
        })
    }

    /// Joins a room beside the current one.
    ///
    /// # Errors
    /// As [`Multiplayer::join_room`].
    pub fn open_room(
        &self,
        id: RoomId,
        options: JoinOptions,
    ) -> impl Future<Output = Result<RoomHandle, Error>> + Send + use<> {
        self.shared.call(move |shared| async move { join(&shared, &id, options).await })
    }

    /// Joins the room that has this code (or that an invitation has this code for), as [`Multiplayer::join_room`].
    ///
    /// # Errors
    /// As there.
    pub fn join_by_code(
        &self,
        code: &str,
        options: JoinOptions,
    ) -> impl Future<Output = Result<RoomHandle, Error>> + Send + use<> {
        let code = code.trim().to_owned();
        self.shared.call(move |shared| async move {
            let body = JoinRoomRequest { password: options.password.clone() };
            let joined = api::post_again::<JoinByCode>(&shared, &[&code], &body).await?;
            let room = match shared.multiplayer.room(&joined.room.id) {
                Some(room) => room,
                None => enter(&shared, joined, options).await?,
            };
            make_current(&shared, room).await
        })
    }

    /// Leaves the current room, for good. Without one nothing happens.
    ///
    /// # Errors
    /// None but `ShutDown` and `Cancelled`: the seat is given up when the backend can be reached.
    pub fn leave_room(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.shared.call(move |shared| async move {
            let room = shared.multiplayer.rooms.lock().current.take();
            if let Some(room) = room {
                room.left().await;
            }
            Ok(())
        })
    }

    /// Gives up a seat in any room, also one that was taken elsewhere.
    ///
    /// # Errors
    /// `NotInRoom`, `RoomNotFound`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn give_up_seat(&self, id: RoomId) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.shared.call(move |shared| async move {
            if let Some(room) = shared.multiplayer.room(&id) {
                room.left().await;
                return Ok(());
            }
            api::ask::<LeaveRoom>(&shared, &[id.as_str()]).await.map(|_| ())
        })
    }

    /// Sends a player out of a room: its host may. With `ban` the player may not come back.
    ///
    /// # Errors
    /// `NotHost`, `NotInRoom`, `RoomNotFound`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn kick(
        &self,
        room: RoomId,
        player: PlayerId,
        ban: bool,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.shared.call(move |shared| async move {
            let body = KickRequest { player_id: player, ban };
            api::post_again::<KickPlayer>(&shared, &[room.as_str()], &body).await.map(|_| ())
        })
    }

    /// The current room.
    pub fn current_room(&self) -> Option<RoomHandle> {
        self.shared.multiplayer.current()
    }

    /// All rooms that the player is in, or on the way into, with this SDK.
    pub fn rooms(&self) -> Vec<RoomHandle> {
        let rooms = self.shared.multiplayer.rooms.lock();
        rooms.all.iter().filter(|room| !room.is_over()).cloned().collect()
    }

    /// [`RoomHandle::send_state`] in the current room.
    ///
    /// # Errors
    /// As there; `NotInRoom` without a room.
    pub fn send_state(&self, state: &Value, options: StateOptions) -> Result<(), Error> {
        self.current()?.send_state(state, options)
    }

    /// [`RoomHandle::send_state_bytes`] in the current room.
    ///
    /// # Errors
    /// As there; `NotInRoom` without a room.
    pub fn send_state_bytes(&self, state: Bytes, options: StateOptions) -> Result<(), Error> {
        self.current()?.send_state_bytes(state, options)
    }

    /// [`RoomHandle::send_message`] in the current room.
    ///
    /// # Errors
    /// As there; `NotInRoom` without a room.
    pub fn send_message(&self, message: &Value, options: &MessageOptions) -> Result<(), Error> {
        self.current()?.send_message(message, options)
    }

    /// [`RoomHandle::send_message_bytes`] in the current room.
    ///
    /// # Errors
    /// As there; `NotInRoom` without a room.
    pub fn send_message_bytes(&self, message: &[u8], options: &MessageOptions) -> Result<(), Error> {
        self.current()?.send_message_bytes(message, options)
    }

    /// [`RoomHandle::server_time_us`] of the current room; 0 without one.
    pub fn server_time_us(&self) -> u64 {
        self.shared.multiplayer.current().map_or(0, |room| room.server_time_us())
    }

    fn current(&self) -> Result<RoomHandle, Error> {
        self.shared.multiplayer.current().ok_or_else(room::not_in_room)
    }
}

/// Joins a room, or finds that the player is in it.
async fn join(shared: &Arc<Shared>, id: &RoomId, options: JoinOptions) -> Result<RoomHandle, Error> {
    if let Some(room) = shared.multiplayer.room(id) {
        room.joined().await?;
        return Ok(room);
    }
    let joined = match shared.multiplayer.take_seat(id) {
        Some(seat) => seat,
        None => {
            let body = JoinRoomRequest { password: options.password.clone() };
            api::post_again::<JoinRoom>(shared, &[id.as_str()], &body).await?
        }
    };
    enter(shared, joined, options).await
}

/// Takes a seat, and waits until the relay has welcomed the player.
async fn enter(shared: &Arc<Shared>, joined: JoinedRoom, options: JoinOptions) -> Result<RoomHandle, Error> {
    let player = shared.session.player().await?;
    let room = {
        let mut rooms = shared.multiplayer.rooms.lock();
        rooms.all.retain(|room| !room.is_over());
        if rooms.all.len() == ROOMS_MAX {
            let message = "the player is in 16 rooms with this SDK: leave one first";
            return Err(Error::new(ErrorCode::TooManyRooms, message));
        }
        let room = RoomHandle::start(shared, player, joined, options)?;
        rooms.all.push(room.clone());
        room
    };
    // Whoever cancels the joining does not want the room.
    let mut entering = Entering(Some(room));
    let joined = match &entering.0 {
        Some(room) => room.joined().await,
        None => Err(Error::cancelled()),
    };
    let room = entering.0.take().ok_or_else(Error::cancelled)?;
    joined.map(|()| room)
}

/// Leaves a room when it is dropped on the way in.
struct Entering(Option<RoomHandle>);

impl Drop for Entering {
    fn drop(&mut self) {
        if let Some(room) = &self.0 {
            room.leave();
        }
    }
}

/// Makes a room the current one, and leaves the one before.
async fn make_current(shared: &Arc<Shared>, room: RoomHandle) -> Result<RoomHandle, Error> {
    if let Some(before) = shared.multiplayer.set_current(room.clone()) {
        before.leave();
    }
    Ok(room)
}
