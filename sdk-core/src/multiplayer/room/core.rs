//! What a room's handles, its driver and its link share: the session behind a lock that is held for microseconds and
//! never across a wait, and what wakes the link's writers.

use crate::Error;
use crate::multiplayer::events::{Inbox, MultiplayerEvent, PlayerState, RoomMessage, Transport};
use crate::multiplayer::link::LinkError;
use crate::multiplayer::session::{Delivery, Lane, Session, SessionError};
use crate::wire::ErrorCode;
use crate::wire::ids::{PlayerId, RoomId};
use crate::wire::multiplayer::Room;
use crate::wire::multiplayer::frame::LeftReason;
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// How far a room is.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::multiplayer) enum Status {
    /// On the way in.
    Joining,
    /// The link is open.
    Open(Transport),
    /// The link dropped and is being made again.
    Dropped,
    /// It is over.
    Over(LeftReason, Option<Error>),
}

/// See the module.
#[derive(Debug)]
pub(in crate::multiplayer) struct Core {
    /// Tells the states of this stay in a room from those of another.
    pub(super) number: u64,
    pub(super) player: PlayerId,
    pub(super) room_id: RoomId,
    pub(super) room: Mutex<Room>,
    pub(super) session: Mutex<Session>,
    pub(super) status: watch::Sender<Status>,
    inbox: Arc<Inbox>,
    began: Instant,
    heard_us: AtomicU64,
    closed: Mutex<Option<(u16, String)>>,
    reliable: Notify,
    fast: Notify,
}

impl Core {
    pub(super) fn new(number: u64, player: PlayerId, room: Room, inbox: Arc<Inbox>) -> Core {
        Core {
            number,
            player,
            room_id: room.id.clone(),
            room: Mutex::new(room),
            session: Mutex::default(),
            status: watch::Sender::new(Status::Joining),
            inbox,
            began: Instant::now(),
            heard_us: AtomicU64::new(0),
            closed: Mutex::default(),
            reliable: Notify::new(),
            fast: Notify::new(),
        }
    }

    /// Microseconds on the room's own clock.
    pub(super) fn now_us(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }

    /// How long nothing was heard.
    pub(super) fn silence(&self) -> Duration {
        Duration::from_micros(self.now_us().saturating_sub(self.heard_us.load(Ordering::Relaxed)))
    }

    /// A link begins: its silence counts from now.
    pub(super) fn hear(&self) {
        self.heard_us.store(self.now_us(), Ordering::Relaxed);
    }

    /// Why the relay ended the session, once.
    pub(super) fn take_closed(&self) -> Option<(u16, String)> {
        self.closed.lock().take()
    }

    /// Changes the session and wakes the link for what is to leave earlier than before.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Session) -> T) -> T {
        let mut session = self.session.lock();
        let now_us = self.now_us();
        let before = (session.fast_due_us(now_us), session.reliable_due_us(now_us));
        let made = change(&mut session);
        let after = (session.fast_due_us(now_us), session.reliable_due_us(now_us));
        drop(session);
        if after.0 < before.0 {
            self.fast.notify_one();
        }
        if after.1.is_some_and(|due| before.1.is_none_or(|before| due < before)) {
            self.reliable.notify_one();
        }
        made
    }

    /// There is something on the reliable lane.
    pub(super) fn wake_reliable(&self) {
        self.reliable.notify_one();
    }

    /// A frame of the relay.
    pub(in crate::multiplayer) fn receive(&self, frame: &[u8]) -> Result<(), LinkError> {
        self.hear();
        let now_us = self.now_us();
        let (result, delivered) = self.change(|session| {
            let result = session.receive(frame, now_us);
            (result, session.take_delivered())
        });
        for delivery in delivered {
            self.deliver(delivery)?;
        }
        result.map_err(|SessionError(what)| LinkError(what.to_owned()))
    }

    /// Hands on what a welcome told.
    pub(super) fn deliver_all(&self) {
        let delivered = self.session.lock().take_delivered();
        for delivery in delivered {
            let _ = self.deliver(delivery);
        }
    }

    fn deliver(&self, delivery: Delivery) -> Result<(), LinkError> {
        let room_id = self.room_id.clone();
        let event = match delivery {
            Delivery::State { player_id, seat, channel, seq, server_us, data } => {
                let state = PlayerState { room_id, player_id, seat, channel, seq, server_us, data };
                self.inbox.put_state(self.number, state);
                return Ok(());
            }
            Delivery::Message { player_id, seat, ordered, channel, data } => {
                let message = RoomMessage { room_id, player_id, seat, channel, ordered, data };
                let kept = self.inbox.push_message(message);
                return kept.map_err(|_| self.overflow());
            }
            Delivery::Closed { code, reason } => {
                let error = LinkError(format!("the relay ended the session: {reason}"));
                *self.closed.lock() = Some((code, reason));
                return Err(error);
            }
            Delivery::Joined(player) => {
                self.inbox.drop_states(self.number, Some(player.seat));
                MultiplayerEvent::PlayerJoined { room_id, player }
            }
            Delivery::Left { player_id, seat, reason } => {
                self.inbox.drop_states(self.number, Some(seat));
                MultiplayerEvent::PlayerLeft { room_id, player_id, seat, reason }
            }
            Delivery::Connection { player_id, connected } => {
                MultiplayerEvent::PlayerConnection { room_id, player_id, connected }
            }
            Delivery::Host(player_id) => {
                self.room.lock().host_id = Some(player_id.clone());
                MultiplayerEvent::HostChanged { room_id, player_id }
            }
            Delivery::Room(json) => match serde_json::from_str::<Room>(&json) {
                Ok(room) => {
                    *self.room.lock() = room.clone();
                    MultiplayerEvent::RoomUpdated { room: Box::new(room) }
                }
                // A later backend's room: not worth a link.
                Err(_) => return Ok(()),
            },
        };
        self.inbox.push_room(event);
        Ok(())
    }

    /// The game takes nothing: as the relay would, the session ends rather than loses a message.
    fn overflow(&self) -> LinkError {
        let reason = "the game takes no events: messages wait that no memory is left for".to_owned();
        *self.closed.lock() = Some((ErrorCode::RelayOverflow.number(), reason.clone()));
        LinkError(reason)
    }

    pub(super) fn push(&self, event: MultiplayerEvent) {
        self.inbox.push_room(event);
    }

    /// The stay is over. Told once.
    pub(super) fn end(&self, reason: LeftReason, error: Option<Error>) {
        let over = Status::Over(reason, error.clone());
        let was_joined = self.session.lock().has_begun();
        let changed = self.status.send_if_modified(|status| {
            let changes = !matches!(status, Status::Over(..));
            if changes {
                *status = over;
            }
            changes
        });
        self.inbox.drop_states(self.number, None);
        if changed && was_joined {
            self.inbox.push_room(MultiplayerEvent::RoomLeft { room_id: self.room_id.clone(), reason, error });
        }
    }

    /// The next frame of the reliable lane, when there is one.
    pub(in crate::multiplayer) fn try_reliable(&self) -> Option<(Lane, Bytes)> {
        self.session.lock().next_reliable(self.now_us())
    }

    /// The next frame of the fast lane, when there is one.
    pub(in crate::multiplayer) fn try_fast(&self) -> Option<Bytes> {
        self.session.lock().next_fast(self.now_us())
    }

    /// Waits for the next frame of the reliable lane. Nothing is lost when it is dropped while it waits.
    pub(in crate::multiplayer) async fn next_reliable(&self) -> (Lane, Bytes) {
        loop {
            let due_us = {
                let mut session = self.session.lock();
                if let Some(next) = session.next_reliable(self.now_us()) {
                    return next;
                }
                session.reliable_due_us(self.now_us())
            };
            match due_us {
                Some(due_us) => {
                    let _ = tokio::time::timeout_at(self.instant(due_us), self.reliable.notified()).await;
                }
                None => self.reliable.notified().await,
            }
        }
    }

    /// Waits for the next frame of the fast lane. Nothing is lost when it is dropped while it waits.
    pub(in crate::multiplayer) async fn next_fast(&self) -> Bytes {
        loop {
            let due_us = {
                let mut session = self.session.lock();
                let now_us = self.now_us();
                if let Some(next) = session.next_fast(now_us) {
                    return next;
                }
                session.fast_due_us(now_us)
            };
            let _ = tokio::time::timeout_at(self.instant(due_us), self.fast.notified()).await;
        }
    }

    fn instant(&self, at_us: u64) -> Instant {
        self.began + Duration::from_micros(at_us)
    }
}
