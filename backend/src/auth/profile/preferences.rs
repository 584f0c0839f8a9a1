//! What settings may be, and how a change meets those that are there.

use crate::error::{Failure, Outcome};
use aethex_wire::ErrorCode;
use aethex_wire::auth::profile::{PREFERENCE_KEY_LEN_MAX, PREFERENCES_LEN_MAX, PREFERENCES_MAX};
use serde_json::Value;
use std::collections::BTreeMap;

/// Lists and objects within each other: settings are flat, nearly.
const DEPTH_MAX: usize = 8;

pub(super) type Values = BTreeMap<String, Value>;

/// Refuses keys and values that are no settings.
pub(super) fn check(change: &Values) -> Outcome<()> {
    for (key, value) in change {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/');
        if !(1..=PREFERENCE_KEY_LEN_MAX).contains(&key.len()) || !key.bytes().all(plain) {
            return Err(Failure::invalid(
                "The key of a preference has 1 to 64 characters: letters a-z, digits, _ - . and /.",
            ));
        }
        if !value.is_null() {
            check_value(value, 1)
                .map_err(|why| Failure::invalid(format!("The preference `{key}` {why}.")))?;
        }
    }
    Ok(())
}

fn check_value(value: &Value, depth: usize) -> Result<(), &'static str> {
    match value {
        Value::Null => Err("holds a null"),
        // A float beyond the range never gets here: it is no JSON number for the parser.
        Value::Number(number) if number.is_u64() && !number.is_i64() => {
            Err("holds a whole number that does not fit 64 bits with a sign")
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        Value::Array(_) | Value::Object(_) if depth > DEPTH_MAX => {
            Err("holds more than 8 lists and objects within each other")
        }
        Value::Array(items) => items.iter().try_for_each(|item| check_value(item, depth + 1)),
        Value::Object(fields) => fields.values().try_for_each(|field| check_value(field, depth + 1)),
    }
}

/// The settings after a change: keys named are set, keys with `null` removed, the others stay.
pub(super) fn merge(mut values: Values, change: Values) -> Outcome<Values> {
    for (key, value) in change {
        match value {
            Value::Null => drop(values.remove(&key)),
            value => drop(values.insert(key, value)),
        }
    }
    if values.len() > PREFERENCES_MAX {
        let detail =
            format!("A player has at most {PREFERENCES_MAX} preferences: remove one with null first.");
        return Err(Failure::new(ErrorCode::TooLarge, detail));
    }
    Ok(values)
}

/// The settings as they are kept.
pub(super) fn encode(values: &Values) -> Outcome<String> {
    let json = serde_json::to_string(values).map_err(|error| Failure::internal(error.to_string()))?;
    if json.len() > PREFERENCES_LEN_MAX {
        let detail = format!("The preferences have at most {PREFERENCES_LEN_MAX} bytes as JSON.");
        return Err(Failure::new(ErrorCode::TooLarge, detail));
    }
    Ok(json)
}

pub(super) fn decode(json: &str) -> Outcome<Values> {
    serde_json::from_str(json).map_err(|error| Failure::internal(format!("stored preferences: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn values(json: Value) -> Values {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_change_sets_removes_and_leaves() {
        let before = values(json!({ "volume": 0.5, "keys": { "jump": "space" }, "old": 1 }));
        let change = values(json!({ "volume": 1, "keys": { "fire": "x" }, "old": null, "never": null }));
        let after = merge(before, change).unwrap();
        assert_eq!(after, values(json!({ "volume": 1, "keys": { "fire": "x" } })));
        assert_eq!(decode(&encode(&after).unwrap()).unwrap(), after);
    }

    #[test]
    fn only_settings_are_kept() {
        let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
        for good in [
            json!(true),
            json!(i64::MIN),
            json!(i64::MAX),
            json!(1e300),
            json!("ü\0"),
            json!({ "": [] }),
            nested(8),
        ] {
            assert!(check(&values(json!({ "a/b.c-d_e": good }))).is_ok(), "{good}");
        }
        for bad in [json!(u64::MAX), json!([null]), json!({ "a": null }), nested(9)] {
            assert!(check(&values(json!({ "a": bad }))).is_err(), "{bad}");
        }
        for key in ["", "a b", "ä", "a\0", &"x".repeat(65)] {
            assert!(check(&values(json!({ key: 1 }))).is_err(), "{key:?}");
        }
    }

    #[test]
    fn settings_are_bounded() {
        let many = |count: usize| (0..count).map(|n| (format!("k{n}"), json!(n))).collect::<Values>();
        assert!(merge(many(PREFERENCES_MAX), Values::new()).is_ok());
        assert!(merge(many(PREFERENCES_MAX), values(json!({ "more": 1 }))).is_err());
        assert!(merge(many(PREFERENCES_MAX), values(json!({ "more": 1, "k0": null }))).is_ok());
        assert!(encode(&values(json!({ "a": "x".repeat(PREFERENCES_LEN_MAX - 8) }))).is_ok());
        assert!(encode(&values(json!({ "a": "x".repeat(PREFERENCES_LEN_MAX - 7) }))).is_err());
    }
}
