//! The links of one shard: what waits for their sockets, and what each has to do with a room.
//!
//! A room writes through [`Links`]: bytes are put behind each other in the link's buffer, and leave in one write when
//! the room is done. A socket that takes no more blocks its link; its task (`ws`, `quic`) is woken and goes on
//! writing when it can. States are not put into a blocked link at all.

use super::RoomKey;
use super::config::{LINK_BYTES_MAX, LINK_OVERFLOW_LEN};
use super::door::{Door, Known};
use super::quic::QuicWire;
use super::room::{Allowance, Carrier, End, Link, LinkId, Out, Reliable, Room, Told};
use super::shard::Entry;
use super::socket::WsWire;
use super::strangers::Stranger;
use super::text;
use super::ws::{CloseCode, opcode, put_close, put_head};
use aethex_wire::ErrorCode;
use aethex_wire::multiplayer::frame::{LeftReason, Seat, ServerFrame};
use bytes::{BufMut, BytesMut};
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Room in a link's buffer that is kept from write to write.
const SPARE_LEN: usize = 4 * 1024;

/// What carries a link's bytes.
#[derive(Debug)]
pub(super) enum Wire {
    Ws(Rc<WsWire>),
    Quic(Rc<QuicWire>),
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    All,
    Blocked,
    Broken,
}

/// A text client's side of a link.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) door: Option<Arc<dyn Door>>,
    pub(super) known: Option<Known>,
    /// A question is being answered elsewhere; the client waits.
    pub(super) is_asking: bool,
    /// The room that it may join is on another shard.
    pub(super) moves: Option<(usize, Box<Entry>)>,
    pub(super) spoken: Allowance,
}

/// A link.
#[derive(Debug)]
pub(super) struct State {
    pub(super) number: u32,
    pub(super) wire: Wire,
    /// What it carries; unknown until its first message.
    pub(super) carrier: Option<Carrier>,
    /// The room on this shard, and the seat in it.
    pub(super) at: Option<(u32, Seat)>,
    pub(super) plain: Option<Box<Plain>>,
    out: BytesMut,
    pub(super) is_blocked: bool,
    is_queued: bool,
    /// Nothing more is put into it: it is closed when its bytes are out.
    pub(super) is_over: bool,
    pub(super) heard_us: u64,
    pub(super) is_pinged: bool,
    pub(super) pings: Allowance,
    /// When hello has to be said.
    pub(super) hello_us: Option<u64>,
    pub(super) stranger: Option<Stranger>,
    pub(super) _permit: Option<OwnedSemaphorePermit>,
}

/// All links of a shard.
#[derive(Debug, Default)]
pub(super) struct Links {
    table: Vec<Option<Box<State>>>,
    free: Vec<u32>,
    last: u32,
    /// Links with bytes that have not been tried.
    queued: Vec<LinkId>,
    scratch: BytesMut,
}

impl State {
    pub(super) fn new(wire: Wire, now_us: u64) -> State {
        State {
            number: 0,
            wire,
            carrier: None,
            at: None,
            plain: None,
            out: BytesMut::new(),
            is_blocked: false,
            is_queued: false,
            is_over: false,
            heard_us: now_us,
            is_pinged: false,
            pings: Allowance::default(),
            hello_us: None,
            stranger: None,
            _permit: None,
        }
    }

    fn flush(&mut self) {
        self.is_queued = false;
        if self.is_blocked {
            return;
        }
        let written = self.write();
        if written == Written::Blocked || self.is_over {
            self.wake();
        }
    }

    /// Writes what waits.
    pub(super) fn write(&mut self) -> Written {
        let written = match &self.wire {
            Wire::Ws(wire) => wire.write(&mut self.out),
            Wire::Quic(wire) => wire.write(&mut self.out),
        };
        self.is_blocked = written == Written::Blocked;
        if written == Written::Broken {
            self.is_over = true;
            self.out.clear();
            self.wake();
        }
        if self.out.is_empty() && self.out.capacity() > SPARE_LEN {
            self.out = BytesMut::new();
        }
        written
    }

    /// Wakes the link's task.
    pub(super) fn wake(&self) {
        match &self.wire {
            Wire::Ws(wire) => wire.wake(),
            Wire::Quic(wire) => wire.wake(),
        }
    }

    pub(super) fn is_drained(&self) -> bool {
        self.out.is_empty() && !self.is_blocked
    }

    /// Bytes that waited on another shard.
    pub(super) fn put_back(&mut self, out: BytesMut) {
        self.out = out;
    }

    /// Takes the bytes that wait, for another shard to write.
    pub(super) fn take_out(&mut self) -> BytesMut {
        std::mem::take(&mut self.out)
    }
}

impl Links {
    pub(super) fn add(&mut self, mut state: Box<State>) -> LinkId {
        self.last = self.last.wrapping_add(1);
        let number = self.last;
        state.number = number;
        let index = match self.free.pop() {
            Some(index) => {
                self.table[index as usize] = Some(state);
                index
            }
            None => {
                self.table.push(Some(state));
                (self.table.len() - 1) as u32
            }
        };
        LinkId { index, number }
    }

    pub(super) fn get(&self, id: LinkId) -> Option<&State> {
        self.table.get(id.index as usize)?.as_deref().filter(|state| state.number == id.number)
    }

    pub(super) fn get_mut(&mut self, id: LinkId) -> Option<&mut State> {
        self.table.get_mut(id.index as usize)?.as_deref_mut().filter(|state| state.number == id.number)
    }

    pub(super) fn remove(&mut self, id: LinkId) -> Option<Box<State>> {
        self.get(id)?;
        let state = self.table.get_mut(id.index as usize)?.take();
        self.free.push(id.index);
        state
    }

    pub(super) fn len(&self) -> usize {
        self.table.len() - self.free.len()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = LinkId> {
        let table = self.table.iter().enumerate();
        table
            .filter_map(|(index, state)| Some(LinkId { index: index as u32, number: state.as_ref()?.number }))
    }

    /// Tries to write what was put into links since the last time.
    pub(super) fn flush(&mut self) {
        while let Some(id) = self.queued.pop() {
            if let Some(state) = self.get_mut(id) {
                state.flush();
            }
        }
    }

    /// Puts bytes into a link by `write`, unless it is over.
    fn put(&mut self, id: LinkId, write: impl FnOnce(&Wire, &mut BytesMut)) {
        let Some(state) = self.table.get_mut(id.index as usize).and_then(Option::as_deref_mut) else {
            return;
        };
        if state.number != id.number || state.is_over {
            return;
        }
        if state.out.len() > LINK_OVERFLOW_LEN {
            state.is_over = true;
            state.is_blocked = false;
            state.out = BytesMut::new();
            return state.wake();
        }
        write(&state.wire, &mut state.out);
        if !state.is_queued {
            state.is_queued = true;
            self.queued.push(id);
        }
    }

    /// A frame on the ordered way.
    pub(super) fn put_frame(&mut self, id: LinkId, frame: &[u8]) {
        self.put(id, |wire, out| {
            match wire {
                Wire::Ws(_) => put_head(out, opcode::BINARY, frame.len()),
                Wire::Quic(_) => super::quic::put_length(out, frame.len()),
            }
            out.put_slice(frame);
        });
    }

    /// A text message.
    pub(super) fn put_text(&mut self, id: LinkId, text: &[u8]) {
        self.put(id, |_, out| {
            put_head(out, opcode::TEXT, text.len());
            out.put_slice(text);
        });
    }

    /// A control frame of WebSocket.
    pub(super) fn put_control(&mut self, id: LinkId, opcode: u8, payload: &[u8]) {
        self.put(id, |wire, out| {
            if let Wire::Ws(_) = wire {
                put_head(out, opcode, payload.len());
                out.put_slice(payload);
            }
        });
    }

    /// Closes a link once what waits in it is out.
    pub(super) fn close(&mut self, id: LinkId, code: CloseCode) {
        self.put(id, |wire, out| {
            if let Wire::Ws(_) = wire {
                put_close(out, code);
            }
        });
        if let Some(state) = self.get_mut(id) {
            state.is_over = true;
            state.at = None;
            state.hello_us = None;
        }
    }

    /// Tells a link that it is over, and closes it.
    pub(super) fn refuse(&mut self, id: LinkId, code: ErrorCode, words: &str, close: CloseCode) {
        let Some(state) = self.get(id) else { return };
        if state.carrier == Some(Carrier::Text) {
            text::put_error(self, id, code, words, true);
        } else {
            let mut frame = BytesMut::new();
            ServerFrame::Closed { code: code.number(), reason: words }.encode(&mut frame);
            self.put_frame(id, &frame);
        }
        self.close(id, close);
    }

    fn encoded(&mut self, write: impl FnOnce(&mut BytesMut)) -> BytesMut {
        let mut frame = std::mem::take(&mut self.scratch);
        frame.clear();
        write(&mut frame);
        frame
    }
}

impl Out for Links {
    fn is_clear(&self, link: LinkId) -> bool {
        self.get(link).is_some_and(|state| {
            let is_slow = matches!(&state.wire, Wire::Quic(wire) if !wire.is_clear());
            !state.is_blocked && !state.is_over && !is_slow
        })
    }

    fn has_room(&self, link: LinkId) -> bool {
        self.get(link).is_some_and(|state| !state.is_over && state.out.len() < LINK_BYTES_MAX)
    }

    fn welcome(&mut self, link: Link, room: &Room, seat: Seat, resumed: bool, server_us: u64) {
        if link.carrier == Carrier::Text {
            return text::put_joined(self, link.id, room, seat, resumed, server_us);
        }
        let frame = self.encoded(|out| room.put_welcome(seat, resumed, server_us, out));
        self.put_frame(link.id, &frame);
        self.scratch = frame;
    }

    fn frame(&mut self, link: Link, frame: &[u8]) {
        self.put_frame(link.id, frame);
    }

    fn passing(&mut self, link: Link, frame: &[u8]) {
        if let Some(State { wire: Wire::Quic(wire), is_over: false, .. }) = self.get(link.id)
            && wire.datagram(frame)
        {
            return;
        }
        self.put_frame(link.id, frame);
    }

    fn reliable(&mut self, link: Link, seq: u64, frame: &Reliable) {
        if link.carrier == Carrier::Text {
            return text::put_reliable(self, link.id, seq, frame);
        }
        let bytes = self.encoded(|out| frame.encode(seq, out));
        let alone = match self.get(link.id) {
            Some(State { wire: Wire::Quic(wire), is_over: false, .. }) if frame.is_unordered() => {
                wire.alone(&bytes)
            }
            _ => false,
        };
        if !alone {
            self.put_frame(link.id, &bytes);
        }
        self.scratch = bytes;
    }

    fn told(&mut self, link: Link, told: &Told<'_>) {
        text::put_state(self, link.id, told);
    }

    fn end(&mut self, link: Link, room: &RoomKey, end: End) {
        if let Some(state) = self.get_mut(link.id) {
            state.at = None;
        }
        if link.carrier == Carrier::Text {
            return text::put_left(self, link.id, room, end);
        }
        let close = match end.reason {
            LeftReason::Refused => CloseCode::Policy,
            _ => CloseCode::Normal,
        };
        self.refuse(link.id, end.code, end.words, close);
    }

    fn replaced(&mut self, link: Link) {
        self.close(link.id, CloseCode::Normal);
    }
}
