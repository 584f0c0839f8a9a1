//! Values and JSON that is plain: what the backend's requests and free data are made of.

use aethex_sdk_core::{Error, ErrorCode, Json};
use aethex_wire::value::{Array, Dictionary, ElementType, VALUE_DEPTH_MAX, Value};

/// JSON as it is; as deep as its parser allowed.
pub(crate) fn plain(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(flag),
        Json::Number(number) => match number.as_i64() {
            Some(int) => Value::Int(int),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::String(text),
        Json::Array(items) => {
            let items = items.into_iter().map(plain).collect();
            Value::Array(Array { element: ElementType::ANY, items })
        }
        Json::Object(entries) => dictionary(entries.into_iter().map(|(key, json)| (key, plain(json)))),
    }
}

/// A dictionary of these entries.
pub(crate) fn dictionary(entries: impl Iterator<Item = (String, Value)>) -> Value {
    let entries = entries.map(|(key, value)| (Value::String(key), value)).collect();
    Value::Dictionary(Dictionary { key: ElementType::ANY, value: ElementType::ANY, entries })
}

/// A value as plain JSON. What JSON has no word for is refused: vectors, not-a-number, keys that are no texts.
pub(crate) fn to_json(value: &Value) -> Result<Json, Error> {
    at_depth(value, 0)
}

fn at_depth(value: &Value, depth: usize) -> Result<Json, Error> {
    if depth > VALUE_DEPTH_MAX {
        return Err(refusal("it is too deep"));
    }
    let float = |float: f64| {
        let number =
            serde_json::Number::from_f64(float).ok_or_else(|| refusal("a float is infinite or no number"));
        number.map(Json::Number)
    };
    Ok(match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Int(int) => Json::from(*int),
        Value::Float(number) => float(*number)?,
        Value::String(text) | Value::StringName(text) => Json::String(text.clone()),
        Value::Array(array) => {
            Json::Array(array.items.iter().map(|item| at_depth(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        Value::PackedInt32Array(ints) => ints.iter().copied().map(Json::from).collect(),
        Value::PackedInt64Array(ints) => ints.iter().copied().map(Json::from).collect(),
        Value::PackedFloat32Array(floats) => {
            Json::Array(floats.iter().map(|number| float(f64::from(*number))).collect::<Result<_, _>>()?)
        }
        Value::PackedFloat64Array(floats) => {
            Json::Array(floats.iter().map(|number| float(*number)).collect::<Result<_, _>>()?)
        }
        Value::PackedStringArray(texts) => texts.iter().cloned().map(Json::from).collect(),
        Value::Dictionary(pairs) => {
            let mut object = serde_json::Map::new();
            for (key, value) in &pairs.entries {
                let (Value::String(key) | Value::StringName(key)) = key else {
                    return Err(refusal("a key is no text"));
                };
                object.insert(key.clone(), at_depth(value, depth + 1)?);
            }
            Json::Object(object)
        }
        _ => return Err(refusal("it holds something that plain JSON has no word for")),
    })
}

fn refusal(why: &str) -> Error {
    Error::new(ErrorCode::InvalidArgument, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_json_goes_there_and_back() {
        let json = r#"{"mode":"duel","skill_range":[1200,1400.5],"attributes":{"a":null,"b":[true,"x"]}}"#;
        let json: Json = serde_json::from_str(json).unwrap();
        assert_eq!(to_json(&plain(json.clone())).unwrap(), json);
        assert_eq!(to_json(&Value::PackedInt32Array(vec![1, 2])).unwrap(), serde_json::json!([1, 2]));
    }

    #[test]
    fn what_json_lacks_is_refused() {
        let keyed = |key| {
            let entries = vec![(key, Value::Null)];
            Value::Dictionary(Dictionary { key: ElementType::ANY, value: ElementType::ANY, entries })
        };
        for wrong in [Value::Float(f64::NAN), Value::Vector2([1.0, 2.0]), keyed(Value::Int(1))] {
            assert_eq!(to_json(&wrong).unwrap_err().code, ErrorCode::InvalidArgument);
        }
        assert!(to_json(&keyed(Value::StringName("a".to_owned()))).is_ok());
    }
}
