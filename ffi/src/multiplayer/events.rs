//! What happens in rooms and to the player, as events: inside the tick, after those of accounts and saves.

use super::chat::lend_chat_message;
use super::invites::lend_invite;
use super::matches::lend_match;
use super::options::{left_reason, transport};
use super::parties::lend_party;
use super::presence::lend_presence;
use super::results::{lend_member, lend_room};
use crate::call::{Lent, size_for_c};
use crate::error::number;
use crate::events::{Listener, aethex_event, aethex_event_kind};
use crate::strings::aethex_str;
use crate::value::aethex_value;
use aethex_sdk_core::{MultiplayerEvent, PlayerState, RoomMessage};

/// A player's newest state on a channel.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_player_state {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// The player's place in the room.
    pub seat: i32,
    /// Its channel, below 8.
    pub channel: u32,
    /// Must be ignored.
    pub reserved: u32,
    /// The room's id.
    pub room_id: aethex_str,
    /// The player's id.
    pub player_id: aethex_str,
    /// Its number among the player's states on this channel; there are gaps.
    pub sequence: u64,
    /// When it left the relay, in microseconds of `aethex_multiplayer_server_time_us`.
    pub server_us: u64,
    /// The state, lent: it is freed after the callback. 0 when it was sent as bytes that are no value.
    pub value: aethex_value,
    /// The state's bytes as they were sent: the value's encoding, or the game's own.
    pub data: *const u8,
    /// How many bytes.
    pub data_len: usize,
}

/// A message of a player in a room.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_room_message {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// The sender's place in the room.
    pub seat: i32,
    /// The game's own channel.
    pub channel: u32,
    /// Whether it came in order.
    pub ordered: bool,
    /// The room's id.
    pub room_id: aethex_str,
    /// Who sent it, as the relay knows.
    pub player_id: aethex_str,
    /// The message, lent: it is freed after the callback. 0 when it was sent as bytes that are no value.
    pub value: aethex_value,
    /// The message's bytes as they were sent: the value's encoding, or the game's own.
    pub data: *const u8,
    /// How many bytes.
    pub data_len: usize,
}

/// Tells the callback of an event.
pub(crate) fn tell(listener: Listener, event: MultiplayerEvent) {
    let mut lent = Lent::default();
    // Bytes of states and messages live as long as the event.
    if let Some(told) = in_room(&mut lent, &event).or_else(|| of_player(&mut lent, &event)) {
        listener.hear(&told);
    }
}

/// Events of a room.
fn in_room(lent: &mut Lent, event: &MultiplayerEvent) -> Option<aethex_event> {
    use MultiplayerEvent as E;
    use aethex_event_kind as Kind;
    let mut of = aethex_event::of(Kind::AETHEX_EVENT_ROOM_JOINED);
    let kind = match event {
        E::RoomJoined { room, players } => {
            let room = lend_room(lent, room, Some(players));
            of.room_id = room.id;
            of.room = lent.one(room);
            Kind::AETHEX_EVENT_ROOM_JOINED
        }
        E::RoomRejoined { room_id, messages_lost } => {
            of.room_id = lent.text(room_id.as_str());
            of.messages_lost = *messages_lost;
            Kind::AETHEX_EVENT_ROOM_REJOINED
        }
        E::RoomLeft { room_id, reason, error } => {
            of.room_id = lent.text(room_id.as_str());
            of.left_reason = left_reason(*reason) as i32;
            of.reason = lent.text(reason.as_str());
            if let Some(error) = error {
                of.error = number(error.code);
                of.message = lent.text(&error.message);
            }
            Kind::AETHEX_EVENT_ROOM_LEFT
        }
        E::RoomUpdated { room } => {
            let room = lend_room(lent, room, None);
            of.room_id = room.id;
            of.room = lent.one(room);
            Kind::AETHEX_EVENT_ROOM_UPDATED
        }
        E::PlayerJoined { room_id, player } => {
            of.room_id = lent.text(room_id.as_str());
            let player = lend_member(lent, player);
            of.player_id = player.player_id;
            of.room_player = lent.one(player);
            Kind::AETHEX_EVENT_PLAYER_JOINED
        }
        E::PlayerLeft { room_id, player_id, reason, .. } => {
            of.room_id = lent.text(room_id.as_str());
            of.player_id = lent.text(player_id.as_str());
            of.left_reason = left_reason(*reason) as i32;
            of.reason = lent.text(reason.as_str());
            Kind::AETHEX_EVENT_PLAYER_LEFT
        }
        E::PlayerConnection { room_id, player_id, connected } => {
            of.room_id = lent.text(room_id.as_str());
            of.player_id = lent.text(player_id.as_str());
            of.connected = *connected;
            Kind::AETHEX_EVENT_PLAYER_CONNECTION
        }
        E::HostChanged { room_id, player_id } => {
            of.room_id = lent.text(room_id.as_str());
            of.player_id = lent.text(player_id.as_str());
            Kind::AETHEX_EVENT_HOST_CHANGED
        }
        E::ConnectionChanged { room_id, transport: by } => {
            of.room_id = lent.text(room_id.as_str());
            of.transport = transport(*by) as i32;
            of.connected = by.is_some();
            Kind::AETHEX_EVENT_ROOM_CONNECTION
        }
        E::PlayerStateReceived(state) => {
            let state = lend_state(lent, state);
            (of.room_id, of.player_id) = (state.room_id, state.player_id);
            of.player_state = lent.one(state);
            Kind::AETHEX_EVENT_PLAYER_STATE
        }
        E::MessageReceived(message) => {
            let message = lend_message(lent, message);
            (of.room_id, of.player_id) = (message.room_id, message.player_id);
            of.room_message = lent.one(message);
            Kind::AETHEX_EVENT_ROOM_MESSAGE
        }
        _ => return None,
    };
    of.kind = kind as i32;
    Some(of)
}

/// Events about the player; none for those that this interface has no words for yet.
fn of_player(lent: &mut Lent, event: &MultiplayerEvent) -> Option<aethex_event> {
    use MultiplayerEvent as E;
    use aethex_event_kind as Kind;
    let mut of = aethex_event::of(Kind::AETHEX_EVENT_LIVE);
    let kind = match event {
        E::MatchProposed(found) | E::MatchFound(found) => {
            let info = lend_match(lent, found);
            (of.match_id, of.room_id) = (info.match_id, info.room_id);
            of.match_info = lent.one(info);
            match event {
                E::MatchFound(_) => Kind::AETHEX_EVENT_MATCH_FOUND,
                _ => Kind::AETHEX_EVENT_MATCH_PROPOSED,
            }
        }
        E::MatchCancelled { match_id, requeued } => {
            of.match_id = lent.text(match_id.as_str());
            of.requeued = *requeued;
            Kind::AETHEX_EVENT_MATCH_CANCELLED
        }
        E::QueueLeft { ticket_id, reason } => {
            of.ticket_id = lent.text(ticket_id.as_str());
            of.reason = lent.text(reason);
            Kind::AETHEX_EVENT_QUEUE_LEFT
        }
        E::ChatMessage(message) | E::ChatEdited(message) => {
            let message = lend_chat_message(lent, message);
            of.chat_message = lent.one(message);
            match event {
                E::ChatEdited(_) => Kind::AETHEX_EVENT_CHAT_EDITED,
                _ => Kind::AETHEX_EVENT_CHAT_MESSAGE,
            }
        }
        E::PartyUpdated(party) => {
            let party = lend_party(lent, party);
            of.party = lent.one(party);
            Kind::AETHEX_EVENT_PARTY_UPDATED
        }
        E::PartyLeft => Kind::AETHEX_EVENT_PARTY_LEFT,
        E::InviteReceived(invite) => {
            let invite = lend_invite(lent, invite);
            of.invite_id = invite.id;
            of.invite = lent.one(invite);
            Kind::AETHEX_EVENT_INVITE_RECEIVED
        }
        E::InviteEnded { invite_id } => {
            of.invite_id = lent.text(invite_id.as_str());
            Kind::AETHEX_EVENT_INVITE_ENDED
        }
        E::PresenceChanged(presence) => {
            let presence = lend_presence(lent, presence);
            of.player_id = presence.player_id;
            of.presence = lent.one(presence);
            Kind::AETHEX_EVENT_PRESENCE_CHANGED
        }
        E::LiveChanged { connected } => {
            of.connected = *connected;
            Kind::AETHEX_EVENT_LIVE
        }
        _ => return None,
    };
    of.kind = kind as i32;
    Some(of)
}

fn lend_state(lent: &mut Lent, state: &PlayerState) -> aethex_player_state {
    aethex_player_state {
        struct_size: size_for_c::<aethex_player_state>(),
        seat: i32::from(state.seat),
        channel: u32::from(state.channel),
        reserved: 0,
        room_id: lent.text(state.room_id.as_str()),
        player_id: lent.text(state.player_id.as_str()),
        sequence: state.seq,
        server_us: state.server_us,
        value: lent.owned_value(state.value().ok()),
        data: state.data.as_ptr(),
        data_len: state.data.len(),
    }
}

fn lend_message(lent: &mut Lent, message: &RoomMessage) -> aethex_room_message {
    aethex_room_message {
        struct_size: size_for_c::<aethex_room_message>(),
        seat: i32::from(message.seat),
        channel: u32::from(message.channel),
        ordered: message.ordered,
        room_id: lent.text(message.room_id.as_str()),
        player_id: lent.text(message.player_id.as_str()),
        value: lent.owned_value(message.value().ok()),
        data: message.data.as_ptr(),
        data_len: message.data.len(),
    }
}
