//! Text clients: JSON events in and out, over the same sessions as frames.
//!
//! A text client's messages carry no numbers: its one link loses none. What it is told is numbered as for everyone,
//! so that it can go on after a drop; it may leave acknowledging be, and then gets what is still kept. Who sent what
//! is set here, never read.

use super::RoomKey;
use super::config as limits;
use super::door::{Known, Refusal};
use super::link::{Links, Plain};
use super::room::{Carrier, End, LinkId, Reliable, Room, Told, Who};
use super::rooms::{Core, InRoom};
use super::shard::{After, Entry, ToShard};
use super::ws::CloseCode;
use aethex_wire::ErrorCode;
use aethex_wire::multiplayer::RoomPlayer;
use aethex_wire::multiplayer::events::{
    ClientEvent, Join, RoomJoined, Send, ServerEvent, StateUpdate, TEXT_LEN_MAX,
};
use aethex_wire::multiplayer::frame::{
    Ack, CHANNELS_MAX, ClientFrame, LeftReason, MESSAGE_LEN_MAX, PROTOCOL, Resume, SECRET_LEN, STATE_LEN_MAX,
    Seat, State, Target,
};
use aethex_wire::value::{self, Value};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{BufMut, BytesMut};

/// The answer to something that was asked elsewhere.
#[derive(Debug)]
pub(super) enum Answer {
    Hello(Result<Known, Refusal>),
    Ticket(Result<String, Refusal>),
}

/// What a client said that cannot be done.
type Refused = (ErrorCode, &'static str);

impl Core {
    /// A text message of a client.
    pub(super) fn client_text(&mut self, id: LinkId, text: &str) -> After {
        let now_us = self.now_us();
        let Some(plain) = self.links.get_mut(id).and_then(|state| state.plain.as_mut()) else {
            return After::Over;
        };
        let cost = 1_000_000 / u64::from(limits::FRAMES_PER_SECOND);
        if !plain.spoken.spend(now_us, cost, cost * u64::from(limits::FRAMES_BURST)) {
            self.fail(id, ErrorCode::RateLimited, "Too many messages.", CloseCode::Policy);
            return After::Over;
        }
        if text.len() > TEXT_LEN_MAX {
            put_error(
                &mut self.links,
                id,
                ErrorCode::TooLarge,
                "A message is over the limit of 64 KiB.",
                false,
            );
            return After::Go;
        }
        match parse(text) {
            Ok(event) => self.event(id, event),
            Err(words) => {
                put_error(&mut self.links, id, ErrorCode::InvalidFrame, &words, false);
                After::Go
            }
        }
    }

    fn event(&mut self, id: LinkId, event: ClientEvent) -> After {
        let done = match event {
            ClientEvent::Hello(hello) => return self.say_hello(id, hello.token, hello.key),
            ClientEvent::JoinRoom(join) => return self.join_room(id, join),
            ClientEvent::LeaveRoom {} => self.in_room(id, |room| {
                room.room.refuse(room.seat, End::of(LeftReason::Left), room.now_us, room.links);
                Ok(())
            }),
            ClientEvent::SendMessage(send) => self.in_room(id, |room| send_message(room, &send)),
            ClientEvent::PlayerStateUpdate(update) => self.in_room(id, |room| show_state(room, id, &update)),
            ClientEvent::Ack { seq } => self.in_room(id, |room| {
                let frame = ClientFrame::Ack(Ack { up_to: seq });
                room.room.frame(room.seat, id, &frame, room.now_us, room.scratch, room.links);
                Ok(())
            }),
            ClientEvent::Ping { client_us } => {
                let server_us = self.room_of(id).map_or(0, |room| room.room.server_us(room.now_us));
                put_event(&mut self.links, id, &ServerEvent::Pong { client_us, server_us });
                Ok(())
            }
        };
        if let Err((code, words)) = done {
            put_error(&mut self.links, id, code, words, false);
        }
        After::Go
    }

    fn in_room(
        &mut self,
        id: LinkId,
        act: impl FnOnce(&mut InRoom<'_>) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let Some(mut room) = self.room_of(id) else {
            return Err((ErrorCode::NotInRoom, "Join a room first."));
        };
        let at = room.at;
        let done = act(&mut room);
        self.after(at);
        done
    }

    fn say_hello(&mut self, id: LinkId, token: String, key: Option<String>) -> After {
        let Some(plain) = self.links.get(id).and_then(|state| state.plain.as_ref()) else {
            return After::Over;
        };
        match &plain.door {
            Some(_) if plain.known.is_some() => {
                put_error(&mut self.links, id, ErrorCode::InvalidRequest, "Hello was said.", false);
                After::Go
            }
            Some(door) => {
                let answering = door.hello(token, key);
                self.ask(id, async { Answer::Hello(answering.await) })
            }
            None => After::Over,
        }
    }

    fn join_room(&mut self, id: LinkId, join: Join) -> After {
        let Some(state) = self.links.get(id) else { return After::Over };
        let refused = |core: &mut Core, words: &str| {
            put_error(&mut core.links, id, ErrorCode::InvalidRequest, words, false);
            After::Go
        };
        if state.at.is_some() {
            return refused(self, "You are in a room: leave it first.");
        }
        if let Some(secret) = join.resume {
            let secret = URL_SAFE_NO_PAD.decode(secret).ok();
            let secret = secret.and_then(|secret| <[u8; SECRET_LEN]>::try_from(secret).ok());
            let Some(secret) = secret else { return refused(self, "`resume` is not from `room_joined`.") };
            let resume = Resume { secret, received: join.last_seq.unwrap_or(0) };
            return self.hello(id, PROTOCOL, b"", Some(resume));
        }
        if let Some(ticket) = join.ticket {
            return self.hello(id, PROTOCOL, ticket.as_bytes(), None);
        }
        let Some(room) = join.room_id else {
            return refused(self, "`join_room` needs a ticket, a room or `resume`.");
        };
        let plain = state.plain.as_ref();
        let asked = plain.and_then(|plain| Some((plain.door.as_ref()?, &plain.known.as_ref()?.personal)));
        let Some((door, personal)) = asked else {
            return refused(self, "Say hello first, or join with a ticket.");
        };
        let answering = door.join(personal.game.clone(), personal.player.clone(), room, join.password);
        self.ask(id, async { Answer::Ticket(answering.await) })
    }

    /// Has something answered off this thread; the client waits.
    fn ask(
        &mut self,
        id: LinkId,
        answering: impl Future<Output = Answer> + std::marker::Send + 'static,
    ) -> After {
        if let Some(plain) = self.links.get_mut(id).and_then(|state| state.plain.as_mut()) {
            plain.is_asking = true;
        }
        let shard = self.shared.shards[self.index].clone();
        self.shared.runtime.spawn(async move {
            let _ = shard.send(ToShard::Answer(id, answering.await));
        });
        After::Pause
    }

    /// An answer is there.
    pub(super) fn answered(&mut self, id: LinkId, answer: Answer) {
        let Some(state) = self.links.get_mut(id) else { return };
        state.wake();
        let Some(plain) = state.plain.as_mut() else { return };
        plain.is_asking = false;
        match answer {
            Answer::Hello(Ok(known)) => {
                let player_id = known.personal.player.clone();
                plain.known = Some(known);
                state.hello_us = None;
                state.stranger = None;
                put_event(&mut self.links, id, &ServerEvent::Welcome { player_id });
            }
            Answer::Ticket(Ok(ticket)) => {
                if let After::Move(target, entry) = self.hello(id, PROTOCOL, ticket.as_bytes(), None)
                    && let Some(plain) = self.links.get_mut(id).and_then(|state| state.plain.as_mut())
                {
                    plain.moves = Some((target, entry));
                }
            }
            Answer::Hello(Err(refusal)) | Answer::Ticket(Err(refusal)) => {
                put_error(&mut self.links, id, refusal.code, &refusal.words, false);
            }
        }
    }
}

impl Plain {
    /// A text client that may still turn out not to be one.
    pub(super) fn new(door: std::sync::Arc<dyn super::door::Door>) -> Plain {
        Plain { door: Some(door), known: None, is_asking: false, moves: None, spoken: Default::default() }
    }

    /// Where the link is to go, once.
    pub(super) fn take_move(&mut self) -> Option<(usize, Box<Entry>)> {
        self.moves.take()
    }
}

/// An event; `data` may be left out where there is nothing in it.
fn parse(text: &str) -> Result<ClientEvent, String> {
    let first = serde_json::from_str(text);
    first.or_else(|error| {
        let empty = serde_json::Value::Object(serde_json::Map::new());
        let without: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(text).ok();
        let with = without.filter(|event| !event.contains_key("data")).map(|mut event| {
            event.insert("data".to_owned(), empty);
            serde_json::from_value(event.into())
        });
        with.and_then(Result::ok).ok_or_else(|| format!("The message is not usable: {error}."))
    })
}

fn send_message(room: &mut InRoom<'_>, send: &Send) -> Result<(), Refused> {
    let Ok(data) = value::encode(&send.message) else {
        return Err((ErrorCode::InvalidRequest, "The value is nested too deep or too large."));
    };
    if data.len() > MESSAGE_LEN_MAX {
        return Err((ErrorCode::TooLarge, "A message is over the limit of 64 KiB."));
    }
    let target = match &send.to {
        None => Target::Others,
        Some(player) => match room.room.seat_of(player) {
            Some(seat) => Target::Seat(seat),
            None => return Err((ErrorCode::NotInRoom, "That player is not in the room.")),
        },
    };
    room.room.say_plainly(room.seat, target, send.channel, &data, room.now_us, room.links);
    Ok(())
}

fn show_state(room: &mut InRoom<'_>, id: LinkId, update: &StateUpdate) -> Result<(), Refused> {
    let Ok(data) = value::encode(&update.state) else {
        return Err((ErrorCode::InvalidRequest, "The value is nested too deep or too large."));
    };
    if data.len() > STATE_LEN_MAX {
        return Err((ErrorCode::TooLarge, "A state is over the limit of 1,100 bytes."));
    }
    if update.channel >= CHANNELS_MAX {
        return Err((ErrorCode::InvalidRequest, "Channels of states are 0 to 7."));
    }
    let seq = room.room.next_state(room.seat, update.channel);
    let state = State { channel: update.channel, seq, base: None, data: &data };
    let frame = ClientFrame::State { urgent: false, state };
    room.room.frame(room.seat, id, &frame, room.now_us, room.scratch, room.links);
    Ok(())
}

/// Puts an event into a link.
pub(super) fn put_event(links: &mut Links, id: LinkId, event: &ServerEvent) {
    let mut writer = BytesMut::new().writer();
    if serde_json::to_writer(&mut writer, event).is_ok() {
        links.put_text(id, &writer.into_inner());
    }
}

pub(super) fn put_error(links: &mut Links, id: LinkId, code: ErrorCode, words: &str, closed: bool) {
    let event = ServerEvent::Error { code: code.as_str().to_owned(), message: words.to_owned(), closed };
    put_event(links, id, &event);
}

/// The answer to joining.
pub(super) fn put_joined(
    links: &mut Links,
    id: LinkId,
    room: &Room,
    seat: Seat,
    resumed: bool,
    server_us: u64,
) {
    let Some(session) = room.session(seat) else { return };
    let host = room.session(room.host_for(seat)).map(|host| host.who.player.clone());
    let joined = RoomJoined {
        room_id: room.key.room.clone(),
        player_id: session.who.player.clone(),
        host_id: host,
        players: room.sessions().map(|(_, session)| player(&session.who)).collect(),
        resume: URL_SAFE_NO_PAD.encode(session.secret),
        resumed,
        tick_ms: room.tick_ms,
        server_us,
    };
    put_event(links, id, &ServerEvent::RoomJoined(Box::new(joined)));
}

fn player(who: &Who) -> RoomPlayer {
    RoomPlayer {
        player_id: who.player.clone(),
        username: who.username.to_string(),
        joined_at_ms: who.joined_at_ms,
    }
}

/// The session is over; the connection goes on unless its client did wrong.
pub(super) fn put_left(links: &mut Links, id: LinkId, room: &RoomKey, end: End) {
    put_event(links, id, &ServerEvent::room_left(room.room.clone(), end.reason));
    if end.reason == LeftReason::Refused {
        links.refuse(id, end.code, end.words, CloseCode::Policy);
    }
}

pub(super) fn put_reliable(links: &mut Links, id: LinkId, seq: u64, frame: &Reliable) {
    let event = match frame {
        Reliable::Message { who, channel, data, .. } => ServerEvent::Message {
            seq,
            player_id: who.player.clone(),
            message: value_of(data),
            channel: *channel,
        },
        Reliable::Joined { who, .. } => ServerEvent::PlayerJoined { seq, player: player(who) },
        Reliable::Left { who, reason, .. } => {
            ServerEvent::PlayerLeft { seq, player_id: who.player.clone(), reason: reason.as_str().to_owned() }
        }
        Reliable::Presence { who, connected, .. } => {
            ServerEvent::PlayerConnection { seq, player_id: who.player.clone(), connected: *connected }
        }
        Reliable::Host { who, .. } => ServerEvent::HostChanged { seq, player_id: who.player.clone() },
        Reliable::Room { json } => {
            // It is JSON already.
            let text = format!(r#"{{"event":"room_updated","data":{{"seq":{seq},"room":{json}}}}}"#);
            return links.put_text(id, text.as_bytes());
        }
    };
    put_event(links, id, &event);
}

pub(super) fn put_state(links: &mut Links, id: LinkId, told: &Told<'_>) {
    let event = ServerEvent::StateUpdate {
        player_id: told.who.player.clone(),
        state: value_of(told.data),
        channel: told.channel,
        seq: told.seq,
        server_us: told.server_us,
    };
    put_event(links, id, &event);
}

/// What a player sent: a value, or bytes of the game's own making.
fn value_of(data: &[u8]) -> Value {
    value::decode(data).unwrap_or_else(|_| Value::PackedByteArray(data.to_vec()))
}

/// Whether a link is a text client's that is in no room and nobody: it has to say who it is.
pub(super) fn is_nobody(links: &Links, id: LinkId) -> bool {
    links.get(id).is_some_and(|state| {
        let is_known = state.plain.as_ref().is_some_and(|plain| plain.known.is_some() || plain.is_asking);
        state.carrier == Some(Carrier::Text) && state.at.is_none() && !is_known
    })
}
