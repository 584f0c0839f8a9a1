//! What scripts pass to multiplayer, checked.

use crate::convert::to_json;
use crate::error::argument;
use crate::optional::Optional;
use crate::settings::{flag, text};
use aethex_sdk_core::wire::multiplayer::frame::CHANNELS_MAX;
use aethex_sdk_core::wire::page::PageQuery;
use aethex_sdk_core::{
    Error, JoinOptions, Json, MessageOptions, MessageTarget, PlayerId, StateOptions, Transports,
};
use godot::builtin::{AnyArray, AnyDictionary, PackedStringArray, Variant, VariantType};
use serde::de::DeserializeOwned;

/// State channels from here on carry what [`super::peer`] sends.
pub(super) const PEER_STATES: u8 = CHANNELS_MAX / 2;
/// The message channel that carries what [`super::peer`] sends.
pub(super) const PEER_MESSAGES: u8 = u8::MAX;

/// A request of the contract from a script's dictionary: keys that are not known are refused by name.
pub(super) fn request<T: DeserializeOwned>(options: &Variant, call: &str) -> Result<T, Error> {
    let object = Json::Object(to_json(options)?.into_iter().collect());
    T::deserialize(object).map_err(|error| argument(format!("{call}: {error}")))
}

/// As [`request`], of options that may be left out.
pub(super) fn request_or_default<T: DeserializeOwned + Default>(
    options: &Optional,
    call: &str,
) -> Result<T, Error> {
    options.given().map_or_else(|| Ok(T::default()), |given| request(given, call))
}

/// An id of some kind.
pub(super) fn id<T>(value: &Variant, what: &str, parse: fn(&str) -> Option<T>) -> Result<T, Error> {
    parse(&text(value, what)?).ok_or_else(|| argument(format!("{what} is no id")))
}

/// Ids of players, in an array.
pub(super) fn players(value: &Variant) -> Result<Vec<PlayerId>, Error> {
    let mut ids = Vec::new();
    match value.get_type() {
        VariantType::PACKED_STRING_ARRAY => {
            let texts = value.try_to::<PackedStringArray>().map_err(|_| argument("players is no array"))?;
            for text in texts.as_slice() {
                ids.push(PlayerId::parse(&text.to_string()).ok_or_else(|| argument("a player is no id"))?);
            }
        }
        _ => {
            let items = value
                .try_to::<AnyArray>()
                .map_err(|_| argument("players must be an array of the players' ids"))?;
            for item in items.iter_shared() {
                ids.push(id(&item, "a player", PlayerId::parse)?);
            }
        }
    }
    Ok(ids)
}

/// How to join a room: `password`, `transport`.
pub(super) fn join_options(options: &Optional) -> Result<JoinOptions, Error> {
    let mut parsed = JoinOptions::default();
    for_each(options, |key, value| {
        match key {
            "password" => parsed.password = Some(text(value, key)?),
            "transport" => parsed.transports = transports(&text(value, key)?)?,
            _ => return Err(unknown(key)),
        }
        Ok(())
    })?;
    Ok(parsed)
}

pub(super) fn transports(name: &str) -> Result<Transports, Error> {
    match name {
        "any" => Ok(Transports::Any),
        "quic" => Ok(Transports::Quic),
        "websocket" => Ok(Transports::WebSocket),
        _ => Err(argument("transport must be \"any\", \"quic\" or \"websocket\"")),
    }
}

/// How to send a state: `channel`, `urgent`.
pub(super) fn state_options(options: &Optional) -> Result<StateOptions, Error> {
    let mut parsed = StateOptions::default();
    for_each(options, |key, value| {
        match key {
            "channel" => parsed.channel = number(value, key, i64::from(PEER_STATES) - 1)? as u8,
            "urgent" => parsed.urgent = flag(value, key)?,
            _ => return Err(unknown(key)),
        }
        Ok(())
    })?;
    Ok(parsed)
}

/// How to send a message: `to`, `except`, `unordered`, `channel`.
pub(super) fn message_options(options: &Optional) -> Result<MessageOptions, Error> {
    let mut parsed = MessageOptions::default();
    for_each(options, |key, value| {
        match key {
            "to" => {
                parsed.to = match text(value, key)?.as_str() {
                    "host" => MessageTarget::Host,
                    "others" => MessageTarget::Others,
                    _ => MessageTarget::Player(id(value, key, PlayerId::parse)?),
                };
            }
            "except" => parsed.to = MessageTarget::Except(id(value, key, PlayerId::parse)?),
            "unordered" => parsed.unordered = flag(value, key)?,
            "channel" => parsed.channel = number(value, key, i64::from(PEER_MESSAGES) - 1)? as u8,
            _ => return Err(unknown(key)),
        }
        Ok(())
    })?;
    Ok(parsed)
}

/// A page of a list: `limit`, `cursor`.
pub(super) fn page(options: &Optional) -> Result<PageQuery, Error> {
    let mut parsed = PageQuery::default();
    for_each(options, |key, value| {
        match key {
            "limit" => parsed.limit = Some(number(value, key, i64::from(u32::MAX))? as u32),
            "cursor" => parsed.cursor = Some(text(value, key)?).filter(|cursor| !cursor.is_empty()),
            _ => return Err(unknown(key)),
        }
        Ok(())
    })?;
    Ok(parsed)
}

/// A whole number from 0 to `max`.
pub(super) fn number(value: &Variant, what: &str, max: i64) -> Result<i64, Error> {
    value
        .try_to::<i64>()
        .ok()
        .filter(|number| (0..=max).contains(number))
        .ok_or_else(|| argument(format!("{what} must be a whole number from 0 to {max}")))
}

fn unknown(key: &str) -> Error {
    argument(format!("{key:?} is no option of this call"))
}

fn for_each(
    options: &Optional,
    mut take: impl FnMut(&str, &Variant) -> Result<(), Error>,
) -> Result<(), Error> {
    let Some(given) = options.given() else { return Ok(()) };
    let given = given.try_to::<AnyDictionary>().map_err(|_| argument("options must be a dictionary"))?;
    for (key, value) in given.iter_shared() {
        take(&text(&key, "a key of options")?, &value)?;
    }
    Ok(())
}
