//! Where in a value something stands, and the text form of it that patterns share.
//!
//! Keys are joined by `.`: `player.hp`, `levels.3.best`. Items of lists stand in brackets: `party[0].xp` by
//! place, `inventory[sword].count` by the item's key field. A backslash takes its special meaning from the
//! character after it: `a\.b` is one key. `""` is the empty key.

use super::matcher::Down;
use crate::value::Value;
use std::borrow::Cow;
use std::fmt::{self, Display, Write};

/// One step down into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into a dictionary, by key.
    Key(Value),
    /// Into an array, by place, from 0.
    Index(usize),
    /// Into a list of records, by the value of their key field.
    Item(Value),
}

/// The way from the whole value to a part of it; empty for the whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// A path of text keys.
    pub fn of<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Path {
        Path(keys.into_iter().map(|key| Step::Key(Value::String(key.into()))).collect())
    }

    /// Whether this is the whole value.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) => {
                    if place > 0 {
                        f.write_char('.')?;
                    }
                    write_key(key, f)?;
                }
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Item(key) => {
                    f.write_char('[')?;
                    write_key(key, f)?;
                    f.write_char(']')?;
                }
            }
        }
        Ok(())
    }
}

/// The way to where the walk is; a path is only made of it for questions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trail<'t> {
    pub(super) up: Option<&'t Trail<'t>>,
    pub(super) down: Option<Down<'t>>,
}

impl Trail<'_> {
    pub(super) fn path(&self) -> Path {
        let trails = std::iter::successors(Some(self), |trail| trail.up);
        let mut steps: Vec<Step> = trails
            .filter_map(|trail| trail.down)
            .map(|down| match down {
                Down::Key(key) => Step::Key(key.clone()),
                Down::Item(key) => Step::Item(key.clone()),
                Down::Index(index) => Step::Index(index),
            })
            .collect();
        steps.reverse();
        Path(steps)
    }
}

/// The text that a pattern compares a key with: text as it is, integers in decimal, the rest as JSON.
pub(super) fn key_text(key: &Value) -> Cow<'_, str> {
    match key {
        Value::String(text) | Value::StringName(text) => Cow::Borrowed(text),
        Value::Int(int) => Cow::Owned(int.to_string()),
        other => Cow::Owned(serde_json::to_string(other).unwrap_or_default()),
    }
}

/// Writes a key as it stands in a path.
pub(crate) fn write_key(key: &Value, f: &mut impl Write) -> fmt::Result {
    let text = key_text(key);
    if text.is_empty() {
        return f.write_str("\"\"");
    }
    // A text that looks like an integer is told apart from the integer.
    let looks_like_int = matches!(key, Value::String(_) | Value::StringName(_))
        && text.parse::<i64>().is_ok_and(|int| int.to_string() == *text);
    if looks_like_int || text == "\"\"" {
        f.write_char('\\')?;
    }
    for char in text.chars() {
        if matches!(char, '.' | '[' | ']' | '*' | '\\' | ',') {
            f.write_char('\\')?;
        }
        f.write_char(char)?;
    }
    Ok(())
}
