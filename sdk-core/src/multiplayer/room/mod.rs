//! A room that the player is in: [`RoomHandle`] for the game, [`driver`] for its link, [`core`] between both.

mod core;
mod driver;

use super::events::{RoomMember, Transport};
use super::link::{self, LinkError, Transports};
use super::session::Refused;
use crate::cloud::Shared;
use crate::wire::ids::{PlayerId, RoomId};
use crate::wire::multiplayer::frame::{CHANNELS_MAX, Order, SEATS_MAX, Seat, Target};
use crate::wire::multiplayer::{JoinedRoom, Room};
use crate::wire::value;
use crate::{Error, ErrorCode, Value};
use bytes::Bytes;
pub(super) use core::Core;
use core::Status;
use driver::Driver;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Commands that wait for a room's driver: it takes them at once.
const COMMANDS_MAX: usize = 16;

/// How to join a room.
#[derive(Clone, Default)]
pub struct JoinOptions {
    /// The room's password, when it has one.
    pub password: Option<String>,
    /// Which transports may be used.
    pub transports: Transports,
}

impl std::fmt::Debug for JoinOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinOptions").field("transports", &self.transports).finish_non_exhaustive()
    }
}

/// How to send a state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StateOptions {
    /// Its channel, below 8: the newest of each is kept.
    pub channel: u8,
    /// Does not wait for the room's tick. For what cannot wait, a few times a second.
    pub urgent: bool,
}

/// To whom a message goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum MessageTarget {
    /// Everyone else in the room.
    #[default]
    Others,
    /// The room's host.
    Host,
    /// One player.
    Player(PlayerId),
    /// Everyone else but one player.
    Except(PlayerId),
    /// The player on a seat.
    Seat(u8),
    /// Everyone else but the player on a seat.
    ExceptSeat(u8),
}

/// How to send a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageOptions {
    /// To whom.
    pub to: MessageTarget,
    /// Arrives as soon as it can, not after everything sent before it.
    pub unordered: bool,
    /// The game's own channel.
    pub channel: u8,
}

/// How a room's link does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkStats {
    /// What carries it; `None` while there is none.
    pub transport: Option<Transport>,
    /// The round trip to the relay in microseconds, smoothed; 0 before the first.
    pub rtt_us: u64,
    /// Messages that the relay does not have yet.
    pub messages_waiting: usize,
}

/// What a handle asks of its driver.
#[derive(Debug)]
pub(super) enum Command {
    Leave,
    /// Moves the link; answers whether that worked.
    Switch(Transports, oneshot::Sender<bool>),
}

/// A room that the player is in. Clones are the same stay in the same room.
///
/// Calls that send are for the game's thread: they take microseconds and wait for nothing.
#[derive(Debug, Clone)]
pub struct RoomHandle {
    core: Arc<Core>,
    commands: mpsc::Sender<Command>,
}

impl RoomHandle {
    /// Takes the seat: the link is made in the background.
    pub(super) fn start(
        shared: &Arc<Shared>,
        player: PlayerId,
        joined: JoinedRoom,
        options: JoinOptions,
    ) -> Result<RoomHandle, Error> {
        let places = link::places(&shared.config.server_url, &joined.relay);
        let places = places.map_err(|LinkError(why)| Error::protocol(why))?;
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let inbox = Arc::clone(&shared.multiplayer.inbox);
        let core = Arc::new(Core::new(number, player, joined.room, inbox));
        let (commands, received) = mpsc::channel(COMMANDS_MAX);
        let ticket = Some(joined.ticket);
        let (shared, driven) = (Arc::clone(shared), Arc::clone(&core));
        let pump = Arc::clone(&shared.pump);
        let driver = Driver { shared, core: driven, options, places, ticket, forgotten: false };
        pump.background(driver.run(received));
        Ok(RoomHandle { core, commands })
    }

    /// Waits until the player is in the room.
    pub(super) async fn joined(&self) -> Result<(), Error> {
        let mut status = self.core.status.subscribe();
        let status = status.wait_for(|status| *status != Status::Joining).await;
        match status.as_deref() {
            Ok(Status::Over(_, error)) => Err(error.clone().unwrap_or_else(Error::cancelled)),
            Ok(_) => Ok(()),
            Err(_) => Err(Error::shut_down()),
        }
    }

    /// Leaves, and waits until that is done.
    pub(super) async fn left(&self) {
        self.leave();
        let mut status = self.core.status.subscribe();
        let _ = status.wait_for(|status| matches!(status, Status::Over(..))).await;
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(*self.core.status.borrow(), Status::Over(..))
    }

    /// The room's id.
    pub fn id(&self) -> &RoomId {
        &self.core.room_id
    }

    /// The room as it was last told; who is in it is in [`RoomHandle::players`].
    pub fn room(&self) -> Room {
        self.core.room.lock().clone()
    }

    /// Who is in the room, the player too.
    pub fn players(&self) -> Vec<RoomMember> {
        self.core.session.lock().members().cloned().collect()
    }

    /// The player's own place in the room; 0 before there is one.
    pub fn seat(&self) -> u8 {
        self.core.session.lock().seat()
    }

    /// The host, as soon as it is known.
    pub fn host_id(&self) -> Option<PlayerId> {
        self.core.session.lock().host().map(|host| host.player_id.clone())
    }

    /// The host's place in the room, as soon as it is known.
    pub fn host_seat(&self) -> Option<u8> {
        self.core.session.lock().host().map(|host| host.seat)
    }

    /// Whether this player is the host.
    pub fn is_host(&self) -> bool {
        let session = self.core.session.lock();
        session.has_begun() && session.host().is_some_and(|host| host.player_id == self.core.player)
    }

    /// Sends a state: the newest of each channel goes out once a tick, and arrives or is replaced by a newer one.
    ///
    /// # Errors
    /// `InvalidArgument` (over 1,100 bytes, or no such channel), `NotInRoom`.
    pub fn send_state(&self, state: &Value, options: StateOptions) -> Result<(), Error> {
        self.send_state_bytes(encoded(state)?, options)
    }

    /// As [`RoomHandle::send_state`], with bytes of the game's own.
    ///
    /// # Errors
    /// As there.
    pub fn send_state_bytes(&self, state: Bytes, options: StateOptions) -> Result<(), Error> {
        self.check_open()?;
        self.core.change(|session| session.set_state(options.channel, options.urgent, state)).map_err(refused)
    }

    /// Sends a message: it arrives once, after those sent before it, over every change of links, for as long as the
    /// stay lasts.
    ///
    /// # Errors
    /// `InvalidArgument` (over 64 KiB), `RelayOverflow` (256 KiB or 1,024 messages are on their way: send less, or
    /// later), `NotInRoom` (no such player, or not in the room any more).
    pub fn send_message(&self, message: &Value, options: &MessageOptions) -> Result<(), Error> {
        self.send_message_bytes(&encoded(message)?, options)
    }

    /// As [`RoomHandle::send_message`], with bytes of the game's own.
    ///
    /// # Errors
    /// As there.
    pub fn send_message_bytes(&self, message: &[u8], options: &MessageOptions) -> Result<(), Error> {
        self.check_open()?;
        let order = if options.unordered { Order::Unordered } else { Order::Ordered };
        let sent = self.core.change(|session| {
            let seat = |player: &PlayerId| session.seat_of(player).ok_or(Refused::NoPlayer);
            let target = match &options.to {
                MessageTarget::Others => Target::Others,
                MessageTarget::Host => Target::Host,
                MessageTarget::Player(player) => Target::Seat(seat(player)?),
                MessageTarget::Except(player) => Target::Except(seat(player)?),
                MessageTarget::Seat(seat) => Target::Seat(checked(*seat)?),
                MessageTarget::ExceptSeat(seat) => Target::Except(checked(*seat)?),
            };
            session.send(target, order, options.channel, message)
        });
        sent.map_err(refused)?;
        self.core.wake_reliable();
        Ok(())
    }

    /// Says whose states are wanted; everyone's until it is called.
    pub fn set_interest(&self, players: &[PlayerId]) {
        self.core.change(|session| {
            let seats = players.iter().filter_map(|player| session.seat_of(player));
            let seats = seats.fold(0, |seats, seat| seats | 1_u128 << seat);
            session.set_interest(seats);
        });
        self.core.wake_reliable();
    }

    /// Everyone's states are wanted again.
    pub fn clear_interest(&self) {
        self.core.change(|session| session.set_interest(u128::MAX));
        self.core.wake_reliable();
    }

    /// Says where the player is, for rooms with an area of interest. Numbers that are none are not said.
    pub fn set_position(&self, position: [f32; 3]) {
        if position.iter().all(|part| part.is_finite()) {
            self.core.change(|session| session.set_position(position));
        }
    }

    /// The relay's time in microseconds: the same for everyone in the room, within half a round trip. 0 before there
    /// is one. A state's `server_us` is on this clock.
    pub fn server_time_us(&self) -> u64 {
        self.core.session.lock().server_us(self.core.now_us()).unwrap_or(0)
    }

    /// [`RoomHandle::server_time_us`] as a duration.
    pub fn server_time(&self) -> Duration {
        Duration::from_micros(self.server_time_us())
    }

    /// What carries the link; `None` while there is none.
    pub fn transport(&self) -> Option<Transport> {
        match *self.core.status.borrow() {
            Status::Open(transport) => Some(transport),
            _ => None,
        }
    }

    /// How the link does.
    pub fn stats(&self) -> LinkStats {
        let transport = self.transport();
        let session = self.core.session.lock();
        let rtt_us = session.rtt_us().unwrap_or(0);
        LinkStats { transport, rtt_us, messages_waiting: session.unacked() }
    }

    /// Leaves for good, in the background; [`super::MultiplayerEvent::RoomLeft`] tells when it is done.
    pub fn leave(&self) {
        let _ = self.commands.try_send(Command::Leave);
    }

    /// Moves the link to another transport while it carries on; the stay is not interrupted. For tests and menus:
    /// the SDK chooses by itself.
    ///
    /// # Errors
    /// `Offline` when the other transport does not stand (the old one stays), `NotInRoom`.
    pub fn switch_transport(
        &self,
        transports: Transports,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let handle = self.clone();
        async move {
            handle.check_open()?;
            let (told, answer) = oneshot::channel();
            let command = Command::Switch(transports, told);
            handle.commands.send(command).await.map_err(|_| not_in_room())?;
            match answer.await {
                Ok(true) => Ok(()),
                _ => Err(Error::new(ErrorCode::Offline, "the other transport does not reach the relay")),
            }
        }
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.is_over() { Err(not_in_room()) } else { Ok(()) }
    }
}

fn encoded(value: &Value) -> Result<Bytes, Error> {
    value::encode(value).map(Bytes::from).map_err(|error| Error::argument(error.to_string()))
}

fn checked(seat: Seat) -> Result<Seat, Refused> {
    if usize::from(seat) < SEATS_MAX { Ok(seat) } else { Err(Refused::NoPlayer) }
}

pub(super) fn not_in_room() -> Error {
    Error::new(ErrorCode::NotInRoom, "the player is in no room: join one first")
}

fn refused(refused: Refused) -> Error {
    match refused {
        Refused::Long => Error::argument("a state has at most 1,100 bytes, a message 64 KiB"),
        Refused::Channel => Error::argument(format!("channels of states are below {CHANNELS_MAX}")),
        Refused::Full => Error::new(
            ErrorCode::RelayOverflow,
            "too many messages are on their way to the relay: send fewer, or later",
        ),
        Refused::NoPlayer => Error::new(ErrorCode::NotInRoom, "that player is not in the room"),
    }
}
