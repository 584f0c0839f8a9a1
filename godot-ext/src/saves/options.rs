//! What scripts pass to saves, checked.

use super::info::AeThexSave;
use crate::convert::to_value;
use crate::error::argument;
use crate::optional::Optional;
use crate::settings::text;
use aethex_sdk_core::wire::saves::check_part_name;
use aethex_sdk_core::{Choice, Content, Error, Resolution, SaveOptions, Value, VersionId};
use godot::builtin::{AnyDictionary, PackedByteArray, Variant, VariantType};
use godot::classes::Image;
use godot::obj::Gd;

/// Longest played time a save may carry, in seconds: a thousand years, exact in milliseconds.
const PLAYTIME_SECONDS_MAX: f64 = 3.2e10;
/// How well a picture is kept: no eye sees the difference in a thumbnail, at a quarter of the size.
const WEBP_QUALITY: f32 = 0.9;

/// A dictionary that a script passed.
pub(super) fn dictionary(value: &Variant, what: &str) -> Result<AnyDictionary, Error> {
    value.try_to::<AnyDictionary>().map_err(|_| argument(format!("{what} must be a dictionary")))
}

pub(super) fn save_options(options: &Optional, call: &str) -> Result<SaveOptions, Error> {
    let mut parsed = SaveOptions::default();
    let Some(options) = options.given() else { return Ok(parsed) };
    let options = dictionary(options, "options, for example {\"label\": \"Chapter 2\"},")?;
    for (key, value) in options.iter_shared() {
        let key = text(&key, "a key of options")?;
        match key.as_str() {
            "label" => parsed.label = text(&value, &key)?,
            "playtime" => parsed.playtime_ms = playtime_ms(&value)?,
            "parts" => parsed.parts = parts(&value)?,
            _ => return Err(argument(format!("{key:?} is no option of {call}"))),
        }
    }
    Ok(parsed)
}

fn playtime_ms(value: &Variant) -> Result<i64, Error> {
    let number = value.try_to_relaxed::<f64>().ok().filter(|_| value.get_type() != VariantType::BOOL);
    match number {
        Some(seconds) if (0.0..=PLAYTIME_SECONDS_MAX).contains(&seconds) => {
            Ok((seconds * 1000.0).round() as i64)
        }
        _ => Err(argument("playtime must be a number of seconds, 0 or more")),
    }
}

fn parts(value: &Variant) -> Result<Vec<(String, Option<Content>)>, Error> {
    let given = dictionary(value, "parts, for example {\"thumbnail\": image},")?;
    let mut parts = Vec::new();
    for (name, content) in given.iter_shared() {
        let name = text(&name, "a part's name")?;
        check_part_name(&name).map_err(argument)?;
        let content = if content.is_nil() { None } else { Some(part(&name, &content)?) };
        parts.push((name, content));
    }
    Ok(parts)
}

/// Bytes stay bytes, pictures become WebP, and anything else is saved as the value that it is.
fn part(name: &str, content: &Variant) -> Result<Content, Error> {
    match content.get_type() {
        VariantType::PACKED_BYTE_ARRAY => {
            let bytes = content.try_to::<PackedByteArray>().map_err(|_| argument("a part is no bytes"))?;
            Ok(Content::Bytes(bytes.to_vec().into()))
        }
        VariantType::OBJECT => {
            let image = content
                .try_to::<Gd<Image>>()
                .map_err(|_| argument(format!("part {name:?} must be an Image, bytes or a value")))?;
            let bytes = picture(&image);
            if bytes.is_empty() {
                return Err(argument(format!("part {name:?} is an empty image")));
            }
            Ok(Content::Bytes(bytes.to_vec().into()))
        }
        _ => Ok(Content::Value(to_value(content)?)),
    }
}

fn picture(image: &Gd<Image>) -> PackedByteArray {
    if image.is_empty() {
        return PackedByteArray::new();
    }
    // What the graphics card packs for itself cannot be written as a file.
    let mut image = image.clone();
    if image.is_compressed() {
        image = image.duplicate_resource();
        image.decompress();
    }
    let webp = image.save_webp_to_buffer_ex().lossy(true).quality(WEBP_QUALITY).done();
    if webp.is_empty() { image.save_png_to_buffer() } else { webp }
}

pub(super) fn version_id(version: &Variant) -> Result<VersionId, Error> {
    let id = match version.try_to::<Gd<AeThexSave>>() {
        Ok(save) => save.bind().id(),
        Err(_) => text(version, "version (an AeThexSave or its id)")?,
    };
    VersionId::parse(&id)
        .ok_or_else(|| argument("version is not the id of a version: take it from a list or history"))
}

/// A version that may be left out.
pub(super) fn version_or_head(version: &Optional) -> Result<Option<VersionId>, Error> {
    version.given().map(version_id).transpose()
}

pub(super) fn resolution(choice: &Variant) -> Result<Resolution, Error> {
    match choice.get_type() {
        VariantType::DICTIONARY => Ok(Resolution::Merged(Content::Value(to_value(choice)?))),
        VariantType::PACKED_BYTE_ARRAY => {
            let bytes = choice.try_to::<PackedByteArray>().map_err(|_| argument("choice is no bytes"))?;
            Ok(Resolution::Merged(Content::Bytes(bytes.to_vec().into())))
        }
        VariantType::STRING | VariantType::STRING_NAME => match choice.stringify().to_string().as_str() {
            "local" => Ok(Resolution::KeepLocal),
            "cloud" => Ok(Resolution::KeepCloud),
            _ => Err(argument("choice must be \"local\", \"cloud\", or the data made of both")),
        },
        _ => Err(argument("choice must be \"local\", \"cloud\", or the data made of both")),
    }
}

/// Answers by path: a side, or a value.
pub(super) fn answers(given: &Variant) -> Result<Vec<(String, Choice)>, Error> {
    let given = dictionary(given, "answers, for example {\"hero.class\": \"local\"},")?;
    let mut answers = Vec::new();
    for (path, answer) in given.iter_shared() {
        answers.push((text(&path, "a path of answers")?, choice(&answer)?));
    }
    Ok(answers)
}

fn choice(answer: &Variant) -> Result<Choice, Error> {
    let side = match answer.get_type() {
        VariantType::STRING | VariantType::STRING_NAME => answer.stringify().to_string(),
        _ => String::new(),
    };
    match side.as_str() {
        "local" => Ok(Choice::Local),
        "cloud" => Ok(Choice::Cloud),
        _ => to_value(answer).map(|value| Choice::Value(unwrapped(value))),
    }
}

/// `{"value": x}` stands for x: for texts that read like a side.
fn unwrapped(value: Value) -> Value {
    match value {
        Value::Dictionary(mut dictionary) if dictionary.entries.len() == 1 => {
            match dictionary.entries.pop() {
                Some((Value::String(key), inner)) if key == "value" => inner,
                Some(entry) => {
                    dictionary.entries.push(entry);
                    Value::Dictionary(dictionary)
                }
                None => Value::Dictionary(dictionary),
            }
        }
        other => other,
    }
}
