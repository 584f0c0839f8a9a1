//! A room in a test's hand: frames go in as bytes, with the time, and come out so. No sockets, no clock; never in what
//! ships.

use super::{Carrier, End, Link, LinkId, Out, Reliable, Room, Scratch, Told};
use crate::multiplayer::live::RoomKey;
use crate::multiplayer::live::relay::AllowAll;
use crate::multiplayer::live::tickets::Seating;
use aethex_wire::ErrorCode;
use aethex_wire::ids::{GameId, PlayerId, RoomId};
use aethex_wire::multiplayer::frame::{ClientFrame, SECRET_LEN, Seat, ServerFrame};
use bytes::{Bytes, BytesMut};
use std::collections::HashMap;
use std::sync::Arc;

/// What every id here begins with; the last digit is the player's.
const ID: &str = "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0";
const GAME: &str = "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9eff";
const PLAYERS_MAX: u8 = 8;

/// How something leaves on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaves {
    /// In order, and not lost.
    Ordered,
    /// On a stream of its own, and not lost.
    Alone,
    /// In a datagram.
    Datagram,
    /// The link ends after what is before it in order.
    End,
}

/// See the module.
#[derive(Debug)]
pub struct RelayRoom {
    room: Room,
    scratch: Scratch,
    wires: Wires,
    seats: HashMap<u32, Seat>,
    secrets: u64,
}

#[derive(Debug, Default)]
struct Wires(Vec<(u32, Leaves, Bytes)>);

impl RelayRoom {
    /// An empty room of eight seats.
    pub fn new(tick_ms: u16) -> RelayRoom {
        let key =
            RoomKey { game: GameId::parse(GAME).expect("an id"), room: RoomId::parse(GAME).expect("an id") };
        let room = Room::new(key.clone(), &seating(&key, 0, tick_ms), Arc::new(AllowAll), 0);
        RelayRoom {
            room,
            scratch: Scratch::default(),
            wires: Wires::default(),
            seats: HashMap::new(),
            secrets: 0,
        }
    }

    /// A frame on a link. The first is hello; a ticket is the player's number below 8 as one byte.
    pub fn frame(&mut self, link: u32, datagrams: bool, bytes: &[u8], now_us: u64) {
        let Ok(frame) = ClientFrame::decode(bytes) else {
            return self.refuse(link, ErrorCode::InvalidFrame);
        };
        let carrier = if datagrams { Carrier::Datagrams } else { Carrier::Stream };
        let id = LinkId { index: link, number: link };
        if let Some(seat) = self.seats.get(&link) {
            return self.room.frame(*seat, id, &frame, now_us, &mut self.scratch, &mut self.wires);
        }
        let link_of = Link { id, carrier };
        let entered = match frame {
            ClientFrame::Hello { resume: Some(resume), .. } => {
                let seat = Room::seat_in(&resume.secret);
                match self.room.is_secret_of(seat, &resume.secret) {
                    true => {
                        let wires = &mut self.wires;
                        self.room.resume(seat, resume.received, link_of, now_us, wires).map(|()| seat)
                    }
                    false => Err(ErrorCode::RoomSessionEnded),
                }
            }
            ClientFrame::Hello { ticket: [player @ 0..PLAYERS_MAX], .. } => {
                self.secrets += 1;
                let mut secret = [0; SECRET_LEN];
                secret[SECRET_LEN - 8..].copy_from_slice(&self.secrets.to_le_bytes());
                let seating = seating(&self.room.key, *player, self.room.tick_ms);
                self.room.join(&seating, secret, link_of, now_us, &mut self.wires)
            }
            _ => Err(ErrorCode::InvalidFrame),
        };
        match entered {
            Ok(seat) => drop(self.seats.insert(link, seat)),
            Err(code) => self.refuse(link, code),
        }
    }

    /// A link is gone.
    pub fn dropped(&mut self, link: u32, now_us: u64) {
        if let Some(seat) = self.seats.remove(&link) {
            self.room.dropped(seat, LinkId { index: link, number: link }, now_us, &mut self.wires);
        }
    }

    /// When something is to be done next.
    pub fn due_us(&self) -> Option<u64> {
        self.room.due_us()
    }

    /// Does what is due.
    pub fn run(&mut self, now_us: u64) {
        self.room.run(now_us, &mut self.scratch, &mut self.wires);
    }

    /// What left since the last look, by link.
    pub fn take_sent(&mut self) -> Vec<(u32, Leaves, Bytes)> {
        std::mem::take(&mut self.wires.0)
    }

    fn refuse(&mut self, link: u32, code: ErrorCode) {
        self.wires.closed(link, code, "");
        self.seats.remove(&link);
    }
}

fn seating(key: &RoomKey, player: u8, tick_ms: u16) -> Seating {
    Seating {
        id: player.to_string(),
        node: String::new(),
        game: key.game.clone(),
        room: key.room.clone(),
        player: PlayerId::parse(&format!("{ID}{player}")).expect("an id"),
        username: format!("player {player}"),
        host: player == 0,
        max_players: u16::from(PLAYERS_MAX),
        tick_ms,
        interest_radius: 0,
        joined_at_ms: i64::from(player),
        until_ms: i64::MAX,
    }
}

impl Wires {
    fn put(&mut self, link: u32, leaves: Leaves, frame: &[u8]) {
        self.0.push((link, leaves, Bytes::copy_from_slice(frame)));
    }

    fn closed(&mut self, link: u32, code: ErrorCode, reason: &str) {
        let mut out = BytesMut::new();
        ServerFrame::Closed { code: code.number(), reason }.encode(&mut out);
        self.put(link, Leaves::Ordered, &out);
        self.put(link, Leaves::End, &[]);
    }
}

impl Out for Wires {
    fn is_clear(&self, _: LinkId) -> bool {
        true
    }
    fn has_room(&self, _: LinkId) -> bool {
        true
    }
    fn welcome(&mut self, link: Link, room: &Room, seat: Seat, resumed: bool, server_us: u64) {
        let mut out = BytesMut::new();
        room.put_welcome(seat, resumed, server_us, &mut out);
        self.put(link.id.number, Leaves::Ordered, &out);
    }
    fn frame(&mut self, link: Link, frame: &[u8]) {
        self.put(link.id.number, Leaves::Ordered, frame);
    }
    fn passing(&mut self, link: Link, frame: &[u8]) {
        let leaves = if link.carrier == Carrier::Datagrams { Leaves::Datagram } else { Leaves::Ordered };
        self.put(link.id.number, leaves, frame);
    }
    fn reliable(&mut self, link: Link, seq: u64, frame: &Reliable) {
        let mut out = BytesMut::new();
        frame.encode(seq, &mut out);
        let is_alone = link.carrier == Carrier::Datagrams && frame.is_unordered();
        self.put(link.id.number, if is_alone { Leaves::Alone } else { Leaves::Ordered }, &out);
    }
    fn told(&mut self, _: Link, _: &Told<'_>) {}
    fn end(&mut self, link: Link, _: &RoomKey, end: End) {
        self.closed(link.id.number, end.code, end.words);
    }
    fn replaced(&mut self, link: Link) {
        self.put(link.id.number, Leaves::End, &[]);
    }
}
