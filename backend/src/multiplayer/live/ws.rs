//! WebSocket frames (RFC 6455) as a server reads and writes them. Values in, values out: no sockets here.
//!
//! Small and strict: clients mask, control frames are whole and short, reserved bits are zero, a message that is too
//! long is refused by its head alone. Nothing is kept of a connection that has no half message under way, so that
//! an idle one costs nothing.

use super::config::WS_MESSAGE_LEN_MAX;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut, BytesMut};
use sha1::{Digest, Sha1};
use std::ops::ControlFlow;

/// What is hashed with a client's key (RFC 6455 section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Longest payload of a control frame.
const CONTROL_LEN_MAX: usize = 125;
/// Fragments of one message: a client that sends more has no need to.
const FRAGMENTS_MAX: u32 = 1_024;

/// Kinds of frames.
pub(super) mod opcode {
    pub(crate) const MORE: u8 = 0;
    pub(crate) const TEXT: u8 = 1;
    pub(crate) const BINARY: u8 = 2;
    pub(crate) const CLOSE: u8 = 8;
    pub(crate) const PING: u8 = 9;
    pub(crate) const PONG: u8 = 10;
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum CloseCode {
    Normal = 1000,
    GoingAway = 1001,
    Protocol = 1002,
    Data = 1007,
    Policy = 1008,
    TooBig = 1009,
}

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming<'a> {
    Binary(&'a [u8]),
    Text(&'a str),
    Ping(&'a [u8]),
    Pong,
    Close,
}

/// The value of `Sec-WebSocket-Accept` for a client's key.
pub(super) fn accept_key(key: &[u8]) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

/// Writes the head of a frame that is a whole message.
pub(super) fn put_head(out: &mut BytesMut, opcode: u8, len: usize) {
    out.put_u8(0x80 | opcode);
    match len {
        0..=125 => out.put_u8(len as u8),
        126..=0xffff => {
            out.put_u8(126);
            out.put_u16(len as u16);
        }
        _ => {
            out.put_u8(127);
            out.put_u64(len as u64);
        }
    }
}

/// Writes a closing frame.
pub(super) fn put_close(out: &mut BytesMut, code: CloseCode) {
    put_head(out, opcode::CLOSE, 2);
    out.put_u16(code as u16);
}

/// What has come of a message that is not whole.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// The beginning of a frame.
    partial: Vec<u8>,
    fragments: Option<Box<Fragments>>,
}

#[derive(Debug)]
struct Fragments {
    opcode: u8,
    count: u32,
    data: Vec<u8>,
}

/// A frame's head.
#[derive(Debug, Clone, Copy)]
struct Head {
    is_last: bool,
    opcode: u8,
    mask: [u8; 4],
    /// Where the payload begins, and its length.
    begin: usize,
    len: usize,
}

impl Reading {
    /// Bytes that are kept.
    #[cfg(test)]
    fn kept(&self) -> usize {
        self.partial.capacity() + self.fragments.as_ref().map_or(0, |fragments| fragments.data.capacity())
    }

    /// Takes what came, and calls `each` with every message and control frame in it. When `each` breaks, the rest
    /// is kept for the next call.
    pub(super) fn feed(
        &mut self,
        bytes: &mut [u8],
        mut each: impl FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<(), CloseCode> {
        if self.partial.is_empty() {
            let done = self.walk(bytes, &mut each)?;
            self.partial.extend_from_slice(&bytes[done..]);
            return Ok(());
        }
        let mut partial = std::mem::take(&mut self.partial);
        partial.extend_from_slice(bytes);
        let done = self.walk(&mut partial, &mut each)?;
        partial.drain(..done);
        if !partial.is_empty() {
            self.partial = partial;
        }
        Ok(())
    }

    /// Reads whole frames; how many bytes they were.
    fn walk(
        &mut self,
        bytes: &mut [u8],
        each: &mut impl FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<usize, CloseCode> {
        let mut done = 0;
        while let Some(head) = head(&bytes[done..])? {
            self.check(&head)?;
            let begin = done + head.begin;
            let Some(payload) = bytes.get_mut(begin..begin + head.len) else { break };
            unmask(payload, head.mask);
            let flow = self.frame(&head, payload, each)?;
            done = begin + head.len;
            if flow.is_break() {
                break;
            }
        }
        Ok(done)
    }

    /// What a head alone gives away.
    fn check(&self, head: &Head) -> Result<(), CloseCode> {
        let is_under_way = self.fragments.is_some();
        match head.opcode {
            opcode::CLOSE | opcode::PING | opcode::PONG => {
                match head.is_last && head.len <= CONTROL_LEN_MAX {
                    true => Ok(()),
                    false => Err(CloseCode::Protocol),
                }
            }
            opcode::TEXT | opcode::BINARY if is_under_way => Err(CloseCode::Protocol),
            opcode::MORE if !is_under_way => Err(CloseCode::Protocol),
            opcode::TEXT | opcode::BINARY | opcode::MORE => {
                let before = self.fragments.as_ref().map_or(0, |fragments| fragments.data.len());
                let count = self.fragments.as_ref().map_or(0, |fragments| fragments.count);
                match before.saturating_add(head.len) <= WS_MESSAGE_LEN_MAX && count < FRAGMENTS_MAX {
                    true => Ok(()),
                    false => Err(CloseCode::TooBig),
                }
            }
            _ => Err(CloseCode::Protocol),
        }
    }

    fn frame(
        &mut self,
        head: &Head,
        payload: &[u8],
        each: &mut impl FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, CloseCode> {
        match head.opcode {
            opcode::PING => return Ok(each(Incoming::Ping(payload))),
            opcode::PONG => return Ok(each(Incoming::Pong)),
            opcode::CLOSE => {
                check_close(payload)?;
                return Ok(each(Incoming::Close));
            }
            opcode if head.is_last && self.fragments.is_none() => return message(opcode, payload, each),
            _ => {}
        }
        let fragments = self
            .fragments
            .get_or_insert_with(|| Box::new(Fragments { opcode: head.opcode, count: 0, data: Vec::new() }));
        fragments.count += 1;
        fragments.data.extend_from_slice(payload);
        if !head.is_last {
            return Ok(ControlFlow::Continue(()));
        }
        match self.fragments.take() {
            Some(whole) => message(whole.opcode, &whole.data, each),
            None => Ok(ControlFlow::Continue(())),
        }
    }
}

fn message(
    opcode: u8,
    payload: &[u8],
    each: &mut impl FnMut(Incoming<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, CloseCode> {
    if opcode == opcode::BINARY {
        return Ok(each(Incoming::Binary(payload)));
    }
    let text = std::str::from_utf8(payload).map_err(|_| CloseCode::Data)?;
    Ok(each(Incoming::Text(text)))
}

/// The head of the first frame, when it is whole.
fn head(bytes: &[u8]) -> Result<Option<Head>, CloseCode> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    // Reserved bits mean extensions, and none was agreed on; a client masks what it sends.
    if first & 0x70 != 0 || second & 0x80 == 0 {
        return Err(CloseCode::Protocol);
    }
    let (len, wide) = match second & 0x7f {
        126 => {
            let Some((len, _)) = rest.split_first_chunk::<2>() else { return Ok(None) };
            let len = u64::from(u16::from_be_bytes(*len));
            if len < 126 {
                return Err(CloseCode::Protocol);
            }
            (len, 2)
        }
        127 => {
            let Some((len, _)) = rest.split_first_chunk::<8>() else { return Ok(None) };
            let len = u64::from_be_bytes(*len);
            if len <= 0xffff || len >> 63 == 1 {
                return Err(CloseCode::Protocol);
            }
            (len, 8)
        }
        len => (u64::from(len), 0),
    };
    if len > WS_MESSAGE_LEN_MAX as u64 {
        return Err(CloseCode::TooBig);
    }
    let Some((mask, _)) = rest[wide..].split_first_chunk::<4>() else { return Ok(None) };
    Ok(Some(Head {
        is_last: first & 0x80 != 0,
        opcode: first & 0x0f,
        mask: *mask,
        begin: 2 + wide + 4,
        len: len as usize,
    }))
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let (words, rest) = payload.as_chunks_mut::<8>();
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    rest.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
}

/// A closing frame's code and words (RFC 6455 section 7.4).
fn check_close(payload: &[u8]) -> Result<(), CloseCode> {
    match payload {
        [] => Ok(()),
        [high, low, words @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            let is_code = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            match is_code {
                false => Err(CloseCode::Protocol),
                true => std::str::from_utf8(words).map(|_| ()).map_err(|_| CloseCode::Data),
            }
        }
        [_] => Err(CloseCode::Protocol),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut head = BytesMut::new();
        put_head(&mut head, 0, payload.len());
        let mut frame = head.to_vec();
        frame[0] = first;
        frame[1] |= 0x80;
        let mask = [1, 2, 3, 250];
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    /// All that is read of bytes that come in pieces.
    fn read(bytes: &[u8], piece: usize) -> Result<Vec<String>, CloseCode> {
        let mut reading = Reading::default();
        let mut seen = Vec::new();
        for piece in bytes.chunks(piece.max(1)) {
            reading.feed(&mut piece.to_vec(), |incoming| {
                seen.push(format!("{incoming:?}"));
                ControlFlow::Continue(())
            })?;
        }
        assert!(reading.kept() == 0 || !reading.partial.is_empty() || reading.fragments.is_some());
        Ok(seen)
    }

    #[test]
    fn the_key_of_the_standard_is_answered() {
        assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn messages_come_whole_whatever_pieces_they_come_in() {
        let long = vec![7; 70_00];
        let mut bytes = masked(0x82, b"hello");
        bytes.extend(masked(0x01, "gr\u{fc}".as_bytes()));
        bytes.extend(masked(0x89, b"?"));
        bytes.extend(masked(0x80, b"n"));
        bytes.extend(masked(0x82, &long));
        bytes.extend(masked(0x8a, b""));
        bytes.extend(masked(0x88, &[3, 232]));
        let expected = read(&bytes, bytes.len()).unwrap();
        assert_eq!(expected.len(), 6);
        assert_eq!(expected[1], r#"Ping([63])"#);
        assert_eq!(expected[2], r#"Text("grün")"#);
        for piece in [1, 2, 3, 7, 1000] {
            assert_eq!(read(&bytes, piece).unwrap(), expected);
        }
    }

    #[test]
    fn what_breaks_the_standard_is_refused() {
        let unmasked = [0x82, 1, 5];
        let huge = [0x82, 0xff, 0, 0, 0, 0, 1, 0, 0, 0];
        let wide = [0x82, 0xfe, 0, 5];
        for (bytes, code) in [
            (unmasked.to_vec(), CloseCode::Protocol),
            (huge.to_vec(), CloseCode::TooBig),
            (wide.to_vec(), CloseCode::Protocol),
            (masked(0xc2, b"x"), CloseCode::Protocol),
            (masked(0x83, b"x"), CloseCode::Protocol),
            (masked(0x80, b"x"), CloseCode::Protocol),
            (masked(0x09, b"x"), CloseCode::Protocol),
            (masked(0x89, &[0; 126]), CloseCode::Protocol),
            (masked(0x88, &[3]), CloseCode::Protocol),
            (masked(0x88, &[3, 237]), CloseCode::Protocol),
            (masked(0x81, &[0xff]), CloseCode::Data),
            ([masked(0x02, b"x"), masked(0x82, b"x")].concat(), CloseCode::Protocol),
            ([masked(0x02, &[0; 60_000]), masked(0x80, &[0; 60_000])].concat(), CloseCode::TooBig),
        ] {
            assert_eq!(read(&bytes, bytes.len()), Err(code), "{:?}", &bytes[..bytes.len().min(10)]);
        }
    }

    #[test]
    fn a_break_keeps_the_rest_for_later() {
        let mut bytes = [masked(0x82, b"one"), masked(0x82, b"two")].concat();
        let mut reading = Reading::default();
        let mut seen = Vec::new();
        reading
            .feed(&mut bytes, |incoming| {
                seen.push(format!("{incoming:?}"));
                ControlFlow::Break(())
            })
            .unwrap();
        assert_eq!(seen.len(), 1);
        reading
            .feed(&mut [], |incoming| {
                assert_eq!(incoming, Incoming::Binary(b"two"));
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(reading.kept(), 0);
    }

    proptest! {
        #[test]
        fn nothing_makes_the_reader_panic_or_keep_more_than_a_message(bytes: Vec<u8>, piece in 1_usize..64) {
            let mut reading = Reading::default();
            for piece in bytes.chunks(piece) {
                if reading.feed(&mut piece.to_vec(), |_| ControlFlow::Continue(())).is_err() {
                    break;
                }
                prop_assert!(reading.kept() <= 2 * (WS_MESSAGE_LEN_MAX + 64));
            }
        }
    }
}
