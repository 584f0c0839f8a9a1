//! What peers say to each other, over the room's messages and states.
//!
//! A message: kind, the host's seat, the sender's peer by its number (little-endian, so that what an earlier peer
//! sent is known as such), then what the kind has. A state: a mark, the host's seat, the peer's number, then the
//! packets of the last moments, each with its number: a state may replace the one before it, so each repeats what
//! is young, and who reads takes what is new.

use aethex_sdk_core::wire::multiplayer::frame::STATE_LEN_MAX;

/// Bytes before a message's body.
const HEAD_LEN: usize = 6;
/// Bytes before a packet in a state.
const ENTRY_LEN: usize = 9;
/// First byte of a state.
const STATE_MARK: u8 = 0xA7;
/// Most bytes of a packet that fits in a state.
pub(super) const SMALL_LEN_MAX: usize = STATE_LEN_MAX - HEAD_LEN - ENTRY_LEN;
/// Seats are below this; a target beyond it is everyone but a seat.
const EXCEPT: u8 = 0x80;
/// The target that is everyone.
const EVERYONE: u8 = 0xFF;

/// Whose peer, and in which time of which host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct From {
    /// The host's seat: peers of another host are of another time, with other ids.
    pub(super) host: u8,
    /// The number of the sender's peer.
    pub(super) peer: u32,
}

/// Who is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    Everyone,
    Seat(u8),
    Except(u8),
}

impl To {
    fn byte(self) -> u8 {
        match self {
            To::Everyone => EVERYONE,
            To::Seat(seat) => seat,
            To::Except(seat) => EXCEPT | seat,
        }
    }

    fn of(byte: u8) -> To {
        match byte {
            EVERYONE => To::Everyone,
            byte if byte & EXCEPT == 0 => To::Seat(byte),
            byte => To::Except(byte & !EXCEPT),
        }
    }

    /// Whether the player on a seat is meant.
    pub(super) fn means(self, seat: u8) -> bool {
        match self {
            To::Everyone => true,
            To::Seat(other) => other == seat,
            To::Except(other) => other != seat,
        }
    }
}

/// What a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message<'a> {
    /// There is a peer here: answer with a welcome.
    Hello,
    /// There is one here, too.
    Welcome,
    /// There is none any more.
    Bye,
    /// The host wants you to end.
    End,
    /// Said by the host: another has a peer, and knows or will know what the host has told it so far.
    Meet { seat: u8, peer: u32 },
    /// A packet that arrives once, in order.
    Reliable { channel: u8, data: &'a [u8] },
    /// A large packet of a mode that may lose some; when `ordered`, not after a younger one.
    Loose { channel: u8, ordered: bool, seq: u32, data: &'a [u8] },
}

impl Message<'_> {
    pub(super) fn encode(self, from: From) -> Vec<u8> {
        let mut out = Vec::new();
        let kind = match self {
            Message::Hello => 1,
            Message::Welcome => 2,
            Message::Bye => 3,
            Message::End => 4,
            Message::Reliable { .. } => 5,
            Message::Loose { ordered: false, .. } => 6,
            Message::Loose { ordered: true, .. } => 7,
            Message::Meet { .. } => 8,
        };
        out.extend([kind, from.host]);
        out.extend(from.peer.to_le_bytes());
        match self {
            Message::Reliable { channel, data } => {
                out.push(channel);
                out.extend(data);
            }
            Message::Loose { channel, seq, data, .. } => {
                out.push(channel);
                out.extend(seq.to_le_bytes());
                out.extend(data);
            }
            Message::Meet { seat, peer } => {
                out.push(seat);
                out.extend(peer.to_le_bytes());
            }
            _ => {}
        }
        out
    }
}

/// Reads a message; none when it is not one of a peer of this version.
pub(super) fn decode(bytes: &[u8]) -> Option<(From, Message<'_>)> {
    let (head, body) = bytes.split_first_chunk::<HEAD_LEN>()?;
    let from = From { host: head[1], peer: u32::from_le_bytes([head[2], head[3], head[4], head[5]]) };
    let message = match (head[0], body) {
        (1, []) => Message::Hello,
        (2, []) => Message::Welcome,
        (3, []) => Message::Bye,
        (4, []) => Message::End,
        (8, [seat, a, b, c, d]) => Message::Meet { seat: *seat, peer: u32::from_le_bytes([*a, *b, *c, *d]) },
        (5, [channel, data @ ..]) => Message::Reliable { channel: *channel, data },
        (kind @ (6 | 7), [channel, rest @ ..]) => {
            let (seq, data) = rest.split_first_chunk()?;
            Message::Loose { channel: *channel, ordered: kind == 7, seq: u32::from_le_bytes(*seq), data }
        }
        _ => return None,
    };
    Some((from, message))
}

/// A packet in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Small {
    pub(super) seq: u32,
    pub(super) to: To,
    pub(super) channel: u8,
    pub(super) ordered: bool,
    pub(super) data: Vec<u8>,
}

impl Small {
    /// Bytes that it takes in a state.
    pub(super) fn len(&self) -> usize {
        ENTRY_LEN + self.data.len()
    }
}

/// Bytes that packets may take in a state.
pub(super) const SMALLS_LEN_MAX: usize = STATE_LEN_MAX - HEAD_LEN;

/// A state of packets, the oldest first.
pub(super) fn encode_state<'a>(from: From, packets: impl Iterator<Item = &'a Small>) -> Vec<u8> {
    let mut out = vec![STATE_MARK, from.host];
    out.extend(from.peer.to_le_bytes());
    for packet in packets {
        out.extend(packet.seq.to_le_bytes());
        out.extend([packet.to.byte(), packet.channel, u8::from(packet.ordered)]);
        // A packet is shorter than a state.
        out.extend((packet.data.len() as u16).to_le_bytes());
        out.extend(&packet.data);
    }
    out
}

/// Reads a state; none when it is not one of a peer.
pub(super) fn decode_state(bytes: &[u8]) -> Option<(From, Vec<Small>)> {
    let (head, mut rest) = bytes.split_first_chunk::<HEAD_LEN>()?;
    if head[0] != STATE_MARK {
        return None;
    }
    let from = From { host: head[1], peer: u32::from_le_bytes([head[2], head[3], head[4], head[5]]) };
    let mut packets = Vec::new();
    while !rest.is_empty() {
        let (entry, after) = rest.split_first_chunk::<ENTRY_LEN>()?;
        let (data, after) = after.split_at_checked(usize::from(u16::from_le_bytes([entry[7], entry[8]])))?;
        packets.push(Small {
            seq: u32::from_le_bytes([entry[0], entry[1], entry[2], entry[3]]),
            to: To::of(entry[4]),
            channel: entry[5],
            ordered: entry[6] != 0,
            data: data.to_vec(),
        });
        rest = after;
    }
    Some((from, packets))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: From = From { host: 3, peer: 0xDEAD_BEEF };

    #[test]
    fn what_is_said_is_heard() {
        for message in [
            Message::Hello,
            Message::Welcome,
            Message::Bye,
            Message::Meet { seat: 7, peer: 0x0102_0304 },
            Message::End,
            Message::Reliable { channel: 2, data: b"spawn" },
            Message::Loose { channel: 0, ordered: true, seq: 9, data: b"" },
            Message::Loose { channel: 1, ordered: false, seq: u32::MAX, data: b"sync" },
        ] {
            assert_eq!(decode(&message.encode(FROM)), Some((FROM, message)));
        }
    }

    #[test]
    fn states_hold_several_packets() {
        let small = |seq, to| Small { seq, to, channel: 1, ordered: seq % 2 == 0, data: vec![seq as u8; 7] };
        let packets = [small(1, To::Everyone), small(2, To::Seat(127)), small(3, To::Except(0))];
        let state = encode_state(FROM, packets.iter());
        assert_eq!(decode_state(&state), Some((FROM, packets.to_vec())));
    }

    #[test]
    fn noise_is_refused() {
        assert_eq!(decode(b""), None);
        assert_eq!(decode(&[9; 40]), None);
        let hello = Message::Hello.encode(FROM);
        assert_eq!(decode(&hello[..5]), None);
        let small = Small { seq: 1, to: To::Everyone, channel: 0, ordered: false, data: vec![1; 20] };
        let state = encode_state(FROM, [small].iter());
        assert!((6..state.len()).all(|end| end == 6 || decode_state(&state[..end]).is_none()));
    }
}
