//! What happens in rooms and to the player, for the game to take once a frame.
//!
//! Three shelves, so that a flood on one pushes nothing off another: what concerns the player (bounded, the
//! oldest goes), what happens in rooms in its order (bounded by its bytes: who never takes it loses the room, not
//! single messages), and states, of which only the newest of each player and channel is kept.

use crate::Error;
use crate::wire::ids::{InviteId, MatchId, PlayerId, QueueTicketId, RoomId};
use crate::wire::multiplayer::Room;
use crate::wire::multiplayer::chat::ChatMessage;
use crate::wire::multiplayer::frame::LeftReason;
use crate::wire::multiplayer::matchmaking::MatchInfo;
use crate::wire::multiplayer::parties::Party;
use crate::wire::multiplayer::presence::{Invite, Presence};
use crate::wire::value::{self, Value};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};

/// Most events about the player that wait; the oldest go first. As [`crate::Cloud::take_events`].
const PERSONAL_MAX: usize = 1024;
/// Most events of rooms that wait: minutes of a busy room.
const ROOM_EVENTS_MAX: usize = 8192;
/// Most bytes of messages that wait, so that a game at a breakpoint does not eat the memory.
const MESSAGES_LEN_MAX: usize = 8 * 1024 * 1024;

/// What carries a room's link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// QUIC: states are datagrams.
    Quic,
    /// WebSocket: passes where only web traffic does.
    WebSocket,
}

impl Transport {
    /// Its name: `quic`, `websocket`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Transport::Quic => "quic",
            Transport::WebSocket => "websocket",
        }
    }
}

/// A player in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomMember {
    /// Who.
    pub player_id: PlayerId,
    /// The player's name.
    pub username: String,
    /// The place in the room while the player has it: 0 to 127. Another player may have it later.
    pub seat: u8,
    /// Whether the player's link is open.
    pub connected: bool,
}

/// A player's newest state on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayerState {
    /// The room.
    pub room_id: RoomId,
    /// Whose.
    pub player_id: PlayerId,
    /// The player's place in the room.
    pub seat: u8,
    /// Its channel, below 8.
    pub channel: u8,
    /// Its number among the player's states on this channel; there are gaps.
    pub seq: u64,
    /// When it left the relay, in microseconds on the relay's clock: see [`super::RoomHandle::server_time_us`].
    pub server_us: u64,
    /// The state as it was sent.
    pub data: Bytes,
}

impl PlayerState {
    /// The state as a value.
    ///
    /// # Errors
    /// `Protocol` when it was sent as bytes that are none.
    pub fn value(&self) -> Result<Value, Error> {
        decoded(&self.data)
    }
}

/// A message of a player in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomMessage {
    /// The room.
    pub room_id: RoomId,
    /// Who sent it, as the relay knows.
    pub player_id: PlayerId,
    /// The sender's place in the room.
    pub seat: u8,
    /// The game's own channel.
    pub channel: u8,
    /// Whether it came in order.
    pub ordered: bool,
    /// What it says, as it was sent.
    pub data: Bytes,
}

impl RoomMessage {
    /// The message as a value.
    ///
    /// # Errors
    /// `Protocol` when it was sent as bytes that are none.
    pub fn value(&self) -> Result<Value, Error> {
        decoded(&self.data)
    }
}

fn decoded(data: &[u8]) -> Result<Value, Error> {
    value::decode(data).map_err(|error| Error::protocol(format!("what arrived is no value: {error}")))
}

/// Something that happened in a room or to the player.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum MultiplayerEvent {
    /// The player is in a room.
    RoomJoined {
        /// The room, as it was when joining.
        room: Box<Room>,
        /// Who is in it, the player too.
        players: Vec<RoomMember>,
    },
    /// The player is back in a room whose session could not go on (the relay was started again, or the player was
    /// away for longer than the seat is held).
    RoomRejoined {
        /// The room.
        room_id: RoomId,
        /// Messages of this player that may not have arrived.
        messages_lost: usize,
    },
    /// The player is no longer in a room.
    RoomLeft {
        /// The room.
        room_id: RoomId,
        /// Why.
        reason: LeftReason,
        /// What went wrong, when something did.
        error: Option<Error>,
    },
    /// Another player joined.
    PlayerJoined {
        /// The room.
        room_id: RoomId,
        /// Who.
        player: RoomMember,
    },
    /// Another player is gone.
    PlayerLeft {
        /// The room.
        room_id: RoomId,
        /// Who.
        player_id: PlayerId,
        /// The place that is free now.
        seat: u8,
        /// Why.
        reason: LeftReason,
    },
    /// Another player's link dropped, or is back.
    PlayerConnection {
        /// The room.
        room_id: RoomId,
        /// Who.
        player_id: PlayerId,
        /// Whether it is open.
        connected: bool,
    },
    /// Another player is the host.
    HostChanged {
        /// The room.
        room_id: RoomId,
        /// Who; may be this player.
        player_id: PlayerId,
    },
    /// The room's name, lock or metadata changed.
    RoomUpdated {
        /// The room.
        room: Box<Room>,
    },
    /// This player's link to a room is open by this transport, or dropped and being made again.
    ConnectionChanged {
        /// The room.
        room_id: RoomId,
        /// By what; `None` while there is no link.
        transport: Option<Transport>,
    },
    /// A player's newest state.
    PlayerStateReceived(PlayerState),
    /// A message of a player.
    MessageReceived(RoomMessage),
    /// A match is proposed: see [`super::Matchmaking::accept_match`].
    MatchProposed(Box<MatchInfo>),
    /// A match is found: join its room.
    MatchFound(Box<MatchInfo>),
    /// A proposed match came to nothing.
    MatchCancelled {
        /// The match.
        match_id: MatchId,
        /// Whether the player's ticket waits on.
        requeued: bool,
    },
    /// A ticket ended without a match.
    QueueLeft {
        /// The ticket.
        ticket_id: QueueTicketId,
        /// Why: `cancelled`, `declined`, `expired`.
        reason: String,
    },
    /// Something was said in a channel.
    ChatMessage(ChatMessage),
    /// A message was edited or deleted.
    ChatEdited(ChatMessage),
    /// The party changed.
    PartyUpdated(Party),
    /// The player is out of the party.
    PartyLeft,
    /// The player is invited.
    InviteReceived(Invite),
    /// An invitation no longer stands.
    InviteEnded {
        /// Which.
        invite_id: InviteId,
    },
    /// The presence of a watched player changed.
    PresenceChanged(Presence),
    /// The player's own connection, which brings matches, chat, invitations and presence, is open or dropped. What
    /// was said meanwhile is in the histories.
    LiveChanged {
        /// Whether it is open.
        connected: bool,
    },
}

/// Whose state: the number of the room's handle, seat, channel.
type StateKey = (u64, u8, u8);

/// The shelves.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    /// Whether there may be something, so that an idle game pays one load.
    waiting: AtomicBool,
    shelves: Mutex<Shelves>,
}

#[derive(Debug, Default)]
struct Shelves {
    personal: VecDeque<MultiplayerEvent>,
    rooms: VecDeque<MultiplayerEvent>,
    messages_len: usize,
    states: BTreeMap<StateKey, PlayerState>,
}

/// Nobody takes what happens in rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InboxFull;

impl Inbox {
    /// Keeps an event about the player.
    pub(crate) fn push_personal(&self, event: MultiplayerEvent) {
        let mut shelves = self.shelves.lock();
        if shelves.personal.len() == PERSONAL_MAX {
            tracing::warn!(
                events_max = PERSONAL_MAX,
                "nobody takes multiplayer events: the oldest is dropped"
            );
            shelves.personal.pop_front();
        }
        shelves.personal.push_back(event);
        self.waiting.store(true, Ordering::Release);
    }

    /// Keeps an event of a room, whatever waits already: there are few of them.
    pub(crate) fn push_room(&self, event: MultiplayerEvent) {
        self.shelves.lock().rooms.push_back(event);
        self.waiting.store(true, Ordering::Release);
    }

    /// Keeps a message.
    pub(crate) fn push_message(&self, message: RoomMessage) -> Result<(), InboxFull> {
        let mut shelves = self.shelves.lock();
        let len = message.data.len();
        if shelves.rooms.len() >= ROOM_EVENTS_MAX || shelves.messages_len + len > MESSAGES_LEN_MAX {
            return Err(InboxFull);
        }
        shelves.messages_len += len;
        shelves.rooms.push_back(MultiplayerEvent::MessageReceived(message));
        self.waiting.store(true, Ordering::Release);
        Ok(())
    }

    /// Keeps a state in the place of an older one.
    pub(crate) fn put_state(&self, room: u64, state: PlayerState) {
        let key = (room, state.seat, state.channel);
        self.shelves.lock().states.insert(key, state);
        self.waiting.store(true, Ordering::Release);
    }

    /// Forgets the states of a seat, or of a whole room: what comes later must not follow the end.
    pub(crate) fn drop_states(&self, room: u64, seat: Option<u8>) {
        let is_over = |key: &StateKey| key.0 == room && seat.is_none_or(|seat| key.1 == seat);
        self.shelves.lock().states.retain(|key, _| !is_over(key));
    }

    /// Takes everything: the player's events, then the rooms' in their order, then states.
    pub(crate) fn take(&self) -> Vec<MultiplayerEvent> {
        if !self.waiting.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut shelves = self.shelves.lock();
        self.waiting.store(false, Ordering::Release);
        let Shelves { personal, rooms, messages_len, states } = &mut *shelves;
        *messages_len = 0;
        let states = std::mem::take(states).into_values().map(MultiplayerEvent::PlayerStateReceived);
        personal.drain(..).chain(rooms.drain(..)).chain(states).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f";

    fn state(seat: u8, seq: u64) -> PlayerState {
        let (room_id, player_id) = (RoomId::parse(ID).unwrap(), PlayerId::parse(ID).unwrap());
        PlayerState { room_id, player_id, seat, channel: 0, seq, server_us: 0, data: Bytes::new() }
    }

    fn message(len: usize) -> RoomMessage {
        let PlayerState { room_id, player_id, .. } = state(0, 1);
        let data = vec![0; len].into();
        RoomMessage { room_id, player_id, seat: 0, channel: 0, ordered: true, data }
    }

    #[test]
    fn a_flood_of_one_kind_pushes_out_no_other() {
        let inbox = Inbox::default();
        inbox.push_personal(MultiplayerEvent::PartyLeft);
        for seq in 1..100_000 {
            inbox.put_state(1, state(3, seq));
        }
        let mut kept = 0;
        while inbox.push_message(message(0)).is_ok() {
            kept += 1;
        }
        assert_eq!(kept, ROOM_EVENTS_MAX);
        let events = inbox.take();
        assert!(matches!(events.first(), Some(MultiplayerEvent::PartyLeft)));
        assert!(matches!(events.last(), Some(MultiplayerEvent::PlayerStateReceived(s)) if s.seq == 99_999));
        assert_eq!(events.len(), kept + 2);
        assert!(inbox.take().is_empty());
    }

    #[test]
    fn messages_are_bounded_by_their_bytes() {
        let inbox = Inbox::default();
        assert!(inbox.push_message(message(MESSAGES_LEN_MAX)).is_ok());
        assert_eq!(inbox.push_message(message(1)), Err(InboxFull));
        inbox.take();
        assert!(inbox.push_message(message(1)).is_ok());
    }

    #[test]
    fn states_end_with_their_seat() {
        let inbox = Inbox::default();
        inbox.put_state(1, state(3, 1));
        inbox.put_state(1, state(4, 1));
        inbox.drop_states(1, Some(3));
        assert_eq!(inbox.take().len(), 1);
    }
}
