//! What a connection's client says, on its way to the room.

use super::super::room::LinkId;
use super::super::shard::{After, Entry, Shard};
use super::super::ws::CloseCode;
use super::split;
use super::wire::{Bytewise, QuicWire};
use aethex_wire::multiplayer::frame::CLIENT_FRAME_LEN_MAX;
use bytes::{Buf, Bytes, BytesMut};
use quinn_proto::StreamId;

/// What a link's connection has to do with it after its client was heard.
pub(super) enum Next {
    Go,
    End,
    Move(usize, Box<Entry>),
}

/// Whole frames of the ordered stream.
pub(super) fn take_ordered(shard: &Shard, wire: &QuicWire, link: LinkId) -> Next {
    let mut chunks: Vec<Bytes> = Vec::new();
    let (end, mut reading) = {
        let mut inner = wire.inner.borrow_mut();
        let Some(id) = inner.ordered else { return Next::Go };
        let end = inner.read(id, |bytes| chunks.push(bytes));
        (end, std::mem::take(&mut inner.reading))
    };
    let mut next = Next::Go;
    if !reading.is_empty() {
        let used;
        (used, next) = take_frames(shard, link, &reading);
        reading.advance(used);
    }
    for chunk in chunks {
        if !matches!(next, Next::Go) {
            reading.extend_from_slice(&chunk);
        } else if reading.is_empty() {
            let used;
            (used, next) = take_frames(shard, link, &chunk);
            reading.extend_from_slice(chunk.get(used..).unwrap_or_default());
        } else {
            reading.extend_from_slice(&chunk);
            let used;
            (used, next) = take_frames(shard, link, &reading);
            reading.advance(used);
        }
    }
    if reading.is_empty() {
        reading = BytesMut::new();
    }
    wire.inner.borrow_mut().reading = reading;
    match next {
        Next::Go if end != Bytewise::Open => Next::End,
        next => next,
    }
}

/// Frames at the front; how many bytes they are.
fn take_frames(shard: &Shard, link: LinkId, bytes: &[u8]) -> (usize, Next) {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        match split(rest) {
            Ok(None) => return (at, Next::Go),
            Ok(Some(frame)) => {
                at += frame.end;
                let frame = rest.get(frame).unwrap_or_default();
                if let After::Move(target, entry) = shard.client_frame(link, frame) {
                    return (at, Next::Move(target, entry));
                }
            }
            Err(_) => {
                shard.broke(link, CloseCode::TooBig);
                shard.finish(link);
                return (bytes.len(), Next::Go);
            }
        }
    }
}

/// Datagrams that have come.
pub(super) fn take_datagrams(shard: &Shard, wire: &QuicWire, link: LinkId) -> Next {
    // Those of a link without a seat overtook its hello.
    let is_seated = shard.is_seated(link);
    loop {
        let Some(frame) = wire.inner.borrow_mut().connection.datagrams().recv() else { return Next::Go };
        if is_seated && let After::Move(target, entry) = shard.client_frame(link, &frame) {
            return Next::Move(target, entry);
        }
    }
}

/// Frames on streams of their own.
pub(super) fn take_alone(shard: &Shard, wire: &QuicWire, link: LinkId) -> Next {
    let mut frames = Vec::new();
    {
        let mut inner = wire.inner.borrow_mut();
        let streams: Vec<(StreamId, Vec<u8>)> = std::mem::take(&mut inner.alone);
        for (id, mut frame) in streams {
            let end = inner.read(id, |bytes| frame.extend_from_slice(&bytes));
            if frame.len() > CLIENT_FRAME_LEN_MAX {
                return Next::End;
            }
            match end {
                Bytewise::Open => inner.alone.push((id, frame)),
                Bytewise::Finished => frames.push(frame),
                // The client sends it again another way.
                Bytewise::Reset => {}
            }
        }
    }
    for frame in frames {
        if let After::Move(target, entry) = shard.client_frame(link, &frame) {
            return Next::Move(target, entry);
        }
    }
    Next::Go
}
