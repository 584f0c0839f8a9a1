//! Limits of the relay and of personal connections, each with its reason.

use std::time::Duration;

/// How long a link may take to say hello: a slow phone's first round trips.
pub(crate) const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Links that have not said hello, over all shards: a flood of sockets takes no more memory than this many.
pub(crate) const STRANGERS_MAX: usize = 4_096;
/// Of those, links of one address: a provider's many players behind one come in at once, and the rest is for others.
pub(crate) const STRANGERS_PER_ADDRESS_MAX: usize = 1_024;
/// Links at once when the configuration names no number.
pub(crate) const LINKS_MAX_DEFAULT: usize = 65_536;
/// Rooms of one shard: far more than its core can carry.
pub(crate) const ROOMS_MAX: usize = 65_536;
/// How long a link may say nothing before it is asked by a ping.
pub(crate) const PING_AFTER_US: u64 = 20_000_000;
/// How long a link may say nothing, answers to pings included.
pub(crate) const SILENCE_MAX_US: u64 = 45_000_000;
/// The same of a link that speaks frames in a room: others see a player who stands still, and wait for a host.
pub(crate) const SEATED_PING_AFTER_US: u64 = 3_000_000;
/// Some time after the SDK itself gives a silent relay up, and long enough for two lost pings.
pub(crate) const SEATED_SILENCE_MAX_US: u64 = 8_000_000;
/// How often links are looked over for silence.
pub(crate) const SWEEP_US: u64 = 1_000_000;
/// A dropped host comes back within this time, or the next player in the room is host.
pub(crate) const HOST_ABSENCE_US: u64 = 5_000_000;
/// Reliable frames that a session keeps until they are acknowledged.
pub(crate) const UNACKED_FRAMES_MAX: usize = 1_024;
/// Bytes of them: with the frames, what a session can cost at most.
pub(crate) const UNACKED_BYTES_MAX: usize = 256 * 1024;
/// How far ahead of what is missing a client's reliable frames may be: as many as it may have under way.
pub(crate) const AHEAD_MAX: u64 = UNACKED_FRAMES_MAX as u64;
/// Bytes that wait in a link for its socket before reliable frames wait in their session instead.
pub(crate) const LINK_BYTES_MAX: usize = 32 * 1024;
/// Bytes in a link that end it: answers to a client that asks on and reads nothing.
pub(crate) const LINK_OVERFLOW_LEN: usize = 512 * 1024;
/// Pings a second that a link has answered; others are not.
pub(crate) const PINGS_PER_SECOND: u32 = 10;
/// States a second taken from a player: more than any tick tells on.
pub(crate) const STATES_PER_SECOND: u16 = 60;
/// Messages a second taken from a player, in the long run.
pub(crate) const MESSAGES_PER_SECOND: u32 = 100;
/// Messages that may come at once: a late joiner's setup, a hundred spawns.
pub(crate) const MESSAGES_BURST: u32 = 400;
/// Bytes of messages a second taken from a player, in the long run.
pub(crate) const MESSAGE_BYTES_PER_SECOND: u32 = 256 * 1024;
/// Bytes of messages that may come at once.
pub(crate) const MESSAGE_BYTES_BURST: u32 = 512 * 1024;
/// Frames of any kind a second taken from a player; over it the link is a flood.
pub(crate) const FRAMES_PER_SECOND: u32 = 1_000;
/// Frames that may come at once.
pub(crate) const FRAMES_BURST: u32 = 4_000;
/// Earlier states kept to code differences against: half a second's at the default tick.
pub(crate) const STATES_KEPT: usize = 16;
/// Players outside the area of interest are told of once in so many ticks.
pub(crate) const FAR_TICKS: u64 = 8;
/// A state that no newer one follows is told once more, over what loses nothing, after this time.
pub(crate) const SETTLED_US: u64 = 150_000;
/// Longest frame of states on a stream.
pub(crate) const STATES_FRAME_LEN_MAX: usize = 16 * 1024;
/// Tickets that a shard remembers as used, and players that it remembers as sent away: those of a minute.
pub(crate) const REMEMBERED_MAX: usize = 65_536;
/// Events that wait for a player's personal connection; one that falls further behind is closed.
pub(crate) const PERSONAL_BACKLOG_MAX: usize = 64;
/// Personal connections of one player: a few devices.
pub(crate) const PERSONAL_MAX: usize = 8;
/// Longest WebSocket message that is taken, in fragments or not: a client's longest frame, or a JSON event.
pub(crate) const WS_MESSAGE_LEN_MAX: usize = 66 * 1024;
/// Bytes read from a socket at once.
pub(crate) const READ_LEN: usize = 64 * 1024;
/// Reads from one link before the others have their turn.
pub(crate) const READS_MAX: usize = 4;
/// Streams of unordered messages that one QUIC client may have open.
pub(crate) const QUIC_STREAMS_MAX: u32 = 32;
/// Bytes of a QUIC stream that wait to be read.
pub(crate) const QUIC_STREAM_WINDOW: u32 = 128 * 1024;
/// Bytes of a QUIC connection's streams that wait to be read.
pub(crate) const QUIC_WINDOW: u32 = 256 * 1024;
/// Bytes of datagrams that wait on either side: newer ones replace them.
pub(crate) const QUIC_DATAGRAMS_LEN: usize = 32 * 1024;
/// How long a QUIC client may be silent: as one that speaks frames by WebSocket.
pub(crate) const QUIC_IDLE_MS: u32 = (SEATED_SILENCE_MAX_US / 1_000) as u32;
/// Handshakes under way on one endpoint before addresses must be proven first (Retry, RFC 9000 section 8.1.2).
pub(crate) const QUIC_HANDSHAKES_FREE: usize = 64;
/// Handshakes under way on one endpoint; more are refused.
pub(crate) const QUIC_HANDSHAKES_MAX: usize = 1_024;
