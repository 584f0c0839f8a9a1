//! What channels are called, what a message may be, and which reasons a report has.

use aethex_wire::ids::{MessageId, PartyId, PlayerId, RoomId};
use aethex_wire::multiplayer::chat::{CHANNEL_CHARS_MAX, MESSAGE_CHARS_MAX, REPORT_CHARS_MAX, ReportRequest};

/// In one word, why someone is reported.
const REASONS: &[&str] = &["abuse", "spam", "cheating", "name", "other"];

/// A channel, as a player names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Channel {
    Room(RoomId),
    Party(PartyId),
    /// With the other player.
    Direct(PlayerId),
    /// In small letters.
    Named(String),
}

impl Channel {
    /// A channel by what stands in a path; `None` when there can be none of this name.
    pub(super) fn parse(text: &str, reader: &PlayerId) -> Option<Channel> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "room" => RoomId::parse(rest).map(Channel::Room),
            "party" => PartyId::parse(rest).map(Channel::Party),
            "direct" => PlayerId::parse(rest).filter(|other| other != reader).map(Channel::Direct),
            "channel" => {
                let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
                let fits = (1..=CHANNEL_CHARS_MAX).contains(&rest.len()) && rest.bytes().all(is_plain);
                fits.then(|| Channel::Named(rest.to_ascii_lowercase()))
            }
            _ => None,
        }
    }

    /// What the channel is kept under: the same for all who are in it.
    pub(super) fn key(&self, reader: &PlayerId) -> String {
        match self {
            Channel::Room(id) => format!("room:{id}"),
            Channel::Party(id) => format!("party:{id}"),
            Channel::Direct(other) => crate::multiplayer::direct_channel(reader, other),
            Channel::Named(name) => format!("channel:{name}"),
        }
    }
}

/// A kept channel as a reader names it: of two in a direct one the other.
pub(super) fn as_named_by(key: &str, reader: &PlayerId) -> String {
    match key.strip_prefix("direct:").and_then(|both| both.split_once(':')) {
        Some((one, other)) if one == reader.as_str() => format!("direct:{other}"),
        Some((one, _)) => format!("direct:{one}"),
        None => key.to_owned(),
    }
}

/// Whether a text can be a message.
pub(super) fn check_text(text: &str) -> Result<(), String> {
    let chars = text.chars().count();
    if !(1..=MESSAGE_CHARS_MAX).contains(&chars) || text.chars().all(char::is_whitespace) {
        return Err(format!("A message has 1 to {MESSAGE_CHARS_MAX} characters, and says something."));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err("A message has no control characters but new lines and tabs.".into());
    }
    Ok(())
}

/// Whether a report can be taken.
pub(super) fn check_report(request: &ReportRequest, reporter: &PlayerId) -> Result<(), String> {
    if request.player_id == *reporter {
        return Err("Nobody reports themselves.".into());
    }
    if !REASONS.contains(&request.reason.as_str()) {
        return Err(format!("`reason` is one of {}.", REASONS.join(", ")));
    }
    let is_foul = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if request.text.chars().count() > REPORT_CHARS_MAX || request.text.chars().any(is_foul) {
        return Err(format!("`text` has at most {REPORT_CHARS_MAX} characters, and no control characters."));
    }
    Ok(())
}

/// What the ids of messages before a time are below: an id begins with its time in milliseconds.
pub(super) fn ids_before(time_ms: i64) -> String {
    let ms = u64::try_from(time_ms).unwrap_or(0) & 0xffff_ffff_ffff;
    format!("{:08x}-{:04x}-", ms >> 16, ms & 0xffff)
}

/// Whether a cursor's key is a message's id.
pub(super) fn is_message(key: &str) -> bool {
    key.is_empty() || MessageId::parse(key).is_some()
}

/// What tells whether two requests with one idempotency key are the same.
pub(super) fn request_hash(channel: &str, text: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(channel.as_bytes());
    hasher.update(&[0]);
    hasher.update(text.as_bytes());
    hasher.finalize().to_hex().to_string()
}
