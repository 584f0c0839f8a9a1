//! What happens in rooms and to the player, as signals: once a frame, on the main thread.
//!
//! Nothing is bound or borrowed while a signal is emitted: scripts run in here. What belongs to a peer of the
//! engine ([`super::peer`]) goes there and not to scripts.

use super::AeThexMultiplayer;
use super::args::{PEER_MESSAGES, PEER_STATES};
use super::info::{AeThexMatch, AeThexRoom, AeThexRoomPlayer};
use super::peer;
use super::social_info::{AeThexChatMessage, AeThexInvite, AeThexParty, AeThexPlayerPresence};
use crate::cloud::AeThexCloud;
use crate::convert::to_variant;
use crate::user::text;
use aethex_sdk_core::wire::ids::RoomId;
use aethex_sdk_core::{Cloud, Error, MultiplayerEvent, PlayerId, Value};
use godot::builtin::{GString, PackedByteArray, Variant};
use godot::classes::Object;
use godot::meta::ToGodot;
use godot::obj::{Gd, Singleton};
use std::cell::RefCell;

/// The room whose events scripts are told of: the one that was joined last.
#[derive(Debug, Default)]
struct Shown {
    room: Option<RoomId>,
    host: Option<PlayerId>,
}

thread_local! {
    static SHOWN: RefCell<Shown> = RefCell::default();
}

/// Tells scripts and peers of everything since the last frame.
pub(crate) fn announce_all(cloud: &Cloud) {
    for event in cloud.multiplayer().take_events() {
        peer::hear(&event);
        announce(event);
    }
}

/// Ends all peers: their cloud is gone.
pub(crate) fn forget() {
    SHOWN.take();
    peer::close_all();
}

fn announce(event: MultiplayerEvent) {
    use MultiplayerEvent as E;
    match event {
        E::RoomJoined { room, players } => {
            SHOWN.set(Shown { room: Some(room.id.clone()), host: room.host_id.clone() });
            let room = AeThexRoom::with_players(&room, &players);
            emit(Part::Rooms, "room_joined", &[room.to_variant()]);
        }
        E::RoomLeft { room_id, reason, .. } => {
            if is_shown(&room_id) {
                SHOWN.take();
            }
            let arguments = [id(room_id.as_str()), GString::from(reason.as_str()).to_variant()];
            emit(Part::Rooms, "room_left", &arguments);
        }
        E::MatchProposed(found) => {
            emit(Part::Matchmaking, "match_proposed", &[AeThexMatch::of(&found).to_variant()]);
        }
        E::MatchFound(found) => {
            emit(Part::Matchmaking, "match_found", &[AeThexMatch::of(&found).to_variant()]);
        }
        E::MatchCancelled { match_id, requeued } => {
            let arguments = [id(match_id.as_str()), requeued.to_variant()];
            emit(Part::Matchmaking, "match_cancelled", &arguments);
        }
        E::QueueLeft { ticket_id, reason } => {
            let arguments = [id(ticket_id.as_str()), text(&reason).to_variant()];
            emit(Part::Matchmaking, "queue_left", &arguments);
        }
        E::ChatMessage(message) => {
            emit(Part::Chat, "message_received", &[AeThexChatMessage::of(&message).to_variant()]);
        }
        E::ChatEdited(message) => {
            emit(Part::Chat, "message_edited", &[AeThexChatMessage::of(&message).to_variant()]);
        }
        E::PartyUpdated(party) => {
            emit(Part::Parties, "party_updated", &[AeThexParty::of(&party).to_variant()]);
        }
        E::PartyLeft => emit(Part::Parties, "party_left", &[]),
        E::InviteReceived(invite) => {
            emit(Part::Invites, "invite_received", &[AeThexInvite::of(&invite).to_variant()]);
        }
        E::InviteEnded { invite_id } => emit(Part::Invites, "invite_ended", &[id(invite_id.as_str())]),
        E::PresenceChanged(presence) => {
            let presence = AeThexPlayerPresence::of(&presence);
            emit(Part::Presence, "presence_changed", &[presence.to_variant()]);
        }
        E::LiveChanged { connected } => emit(Part::Rooms, "live_changed", &[connected.to_variant()]),
        event => in_room(event),
    }
}

/// Events of the room that is shown.
fn in_room(event: MultiplayerEvent) {
    use MultiplayerEvent as E;
    match event {
        E::RoomRejoined { room_id, messages_lost } if is_shown(&room_id) => {
            let lost = i64::try_from(messages_lost).unwrap_or(i64::MAX);
            emit(Part::Rooms, "room_rejoined", &[id(room_id.as_str()), lost.to_variant()]);
        }
        E::PlayerJoined { room_id, player } if is_shown(&room_id) => {
            emit(Part::Rooms, "player_joined", &[AeThexRoomPlayer::of(&player).to_variant()]);
        }
        E::PlayerLeft { room_id, player_id, reason, .. } if is_shown(&room_id) => {
            let arguments = [id(player_id.as_str()), GString::from(reason.as_str()).to_variant()];
            emit(Part::Rooms, "player_left", &arguments);
        }
        E::PlayerConnection { room_id, player_id, connected } if is_shown(&room_id) => {
            let arguments = [id(player_id.as_str()), connected.to_variant()];
            emit(Part::Rooms, "player_connection_changed", &arguments);
        }
        E::HostChanged { room_id, player_id } if is_shown(&room_id) => {
            let before = SHOWN.with_borrow_mut(|shown| shown.host.replace(player_id.clone()));
            emit(Part::Rooms, "host_changed", &[id(player_id.as_str())]);
            if before.is_some_and(|before| before != player_id) {
                let is_me = super::current_room().is_some_and(|room| room.is_host());
                emit(Part::Rooms, "host_migrated", &[is_me.to_variant()]);
            }
        }
        E::RoomUpdated { room } if is_shown(&room.id) => {
            emit(Part::Rooms, "room_updated", &[AeThexRoom::of(&room).to_variant()]);
        }
        E::ConnectionChanged { room_id, transport } if is_shown(&room_id) => {
            let name = transport.map_or("", |transport| transport.as_str());
            emit(Part::Rooms, "connection_changed", &[GString::from(name).to_variant()]);
        }
        E::PlayerStateReceived(state) if is_shown(&state.room_id) && state.channel < PEER_STATES => {
            let (player, value) = (id(state.player_id.as_str()), content(state.value(), &state.data));
            emit(Part::Rooms, "player_state_received", &[player.clone(), value.clone()]);
            let server_us = i64::try_from(state.server_us).unwrap_or(i64::MAX);
            let arguments = [player, value, i64::from(state.channel).to_variant(), server_us.to_variant()];
            emit(Part::Rooms, "player_state_arrived", &arguments);
        }
        E::MessageReceived(message) if is_shown(&message.room_id) && message.channel != PEER_MESSAGES => {
            let arguments = [
                id(message.player_id.as_str()),
                content(message.value(), &message.data),
                i64::from(message.channel).to_variant(),
            ];
            emit(Part::Rooms, "message_received", &arguments);
        }
        // Of a room that was left, of a peer, or of a newer SDK.
        _ => {}
    }
}

fn is_shown(room: &RoomId) -> bool {
    SHOWN.with_borrow(|shown| shown.room.as_ref() == Some(room))
}

fn id(text: &str) -> Variant {
    GString::from(text).to_variant()
}

/// What another client sent as bytes of its own stays bytes.
fn content(value: Result<Value, Error>, bytes: &[u8]) -> Variant {
    let value = value.and_then(|value| to_variant(&value));
    value.unwrap_or_else(|_| PackedByteArray::from(bytes).to_variant())
}

/// Which object tells.
#[derive(Debug, Clone, Copy)]
enum Part {
    Rooms,
    Matchmaking,
    Chat,
    Parties,
    Presence,
    Invites,
}

/// A script may have freed a service; that silences it.
fn emit(part: Part, signal: &str, arguments: &[Variant]) {
    if let Some(mut object) = service(part) {
        object.emit_signal(signal, arguments);
    }
}

fn service(part: Part) -> Option<Gd<Object>> {
    let rooms: Gd<AeThexMultiplayer> = AeThexCloud::singleton().bind().multiplayer_service()?;
    let inner = rooms.bind();
    match part {
        Part::Rooms => Some(rooms.clone().upcast()),
        Part::Matchmaking => {
            inner.matchmaking.is_instance_valid().then(|| inner.matchmaking.clone().upcast())
        }
        Part::Chat => inner.chat.is_instance_valid().then(|| inner.chat.clone().upcast()),
        Part::Parties => inner.parties.is_instance_valid().then(|| inner.parties.clone().upcast()),
        Part::Presence => inner.presence.is_instance_valid().then(|| inner.presence.clone().upcast()),
        Part::Invites => inner.invites.is_instance_valid().then(|| inner.invites.clone().upcast()),
    }
}
