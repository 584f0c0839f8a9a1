//! Plain values <-> JSON, for preferences and options: booleans, numbers, texts, lists and objects of them.

use super::Refusal;
use aethex_sdk_core::wire::auth::profile::PREFERENCES_LEN_MAX;
use aethex_sdk_core::{Error, ErrorCode, Json};
use godot::builtin::{AnyArray, AnyDictionary, VarArray, VarDictionary, Variant, VariantType};
use godot::meta::{FromGodot, ToGodot};
use std::collections::BTreeMap;

/// Deepest nesting: settings are flat, and what contains itself ends here.
const DEPTH_MAX: usize = 32;
/// Most elements, counted through all containers: each takes a byte of JSON at least.
const ELEMENTS_MAX: usize = PREFERENCES_LEN_MAX;

/// The preferences that a script handed over.
///
/// # Errors
/// `InvalidArgument` with the path of the element that is no preference.
pub(crate) fn to_json(variant: &Variant) -> Result<BTreeMap<String, Json>, Error> {
    let mut walk = Walk { elements_left: ELEMENTS_MAX };
    let values = variant
        .try_to::<AnyDictionary>()
        .map_err(|_| Refusal::new("must be a dictionary, for example {\"volume\": 0.5}"))
        .and_then(|dictionary| walk.entries(&dictionary, 0));
    values.map_err(|refusal| refusal.into_error(ErrorCode::InvalidArgument, "values"))
}

/// The variant for JSON that the server sent: whole numbers are `int`, others `float`.
pub(crate) fn from_json(json: &Json) -> Variant {
    match json {
        Json::Null => Variant::nil(),
        Json::Bool(value) => value.to_variant(),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => whole.to_variant(),
            None => number.as_f64().unwrap_or_default().to_variant(),
        },
        Json::String(text) => crate::user::text(text).to_variant(),
        Json::Array(items) => items.iter().map(from_json).collect::<VarArray>().to_variant(),
        Json::Object(entries) => {
            let mut out = VarDictionary::new();
            for (key, value) in entries {
                out.set(&crate::user::text(key), &from_json(value));
            }
            out.to_variant()
        }
    }
}

struct Walk {
    elements_left: usize,
}

impl Walk {
    fn value(&mut self, variant: &Variant, depth: usize) -> Result<Json, Refusal> {
        self.elements_left =
            self.elements_left.checked_sub(1).ok_or_else(|| Refusal::new("too many elements"))?;
        match variant.get_type() {
            VariantType::NIL => Ok(Json::Null),
            VariantType::BOOL => Ok(Json::Bool(take(variant)?)),
            VariantType::INT => Ok(Json::from(take::<i64>(variant)?)),
            VariantType::FLOAT => number(take(variant)?),
            VariantType::STRING | VariantType::STRING_NAME => {
                Ok(Json::String(variant.stringify().to_string()))
            }
            VariantType::ARRAY => self.items(&take(variant)?, depth),
            VariantType::DICTIONARY => {
                Ok(Json::Object(self.entries(&take(variant)?, depth)?.into_iter().collect()))
            }
            kind => Err(Refusal::new(format!(
                "{kind:?} cannot be here: only booleans, numbers, texts, arrays and dictionaries"
            ))),
        }
    }

    fn items(&mut self, array: &AnyArray, depth: usize) -> Result<Json, Refusal> {
        check_depth(depth)?;
        let mut items = Vec::with_capacity(array.len().min(self.elements_left));
        for (index, item) in array.iter_shared().enumerate() {
            items.push(self.value(&item, depth + 1).map_err(|refusal| refusal.at_index(index))?);
        }
        Ok(Json::Array(items))
    }

    fn entries(
        &mut self,
        dictionary: &AnyDictionary,
        depth: usize,
    ) -> Result<BTreeMap<String, Json>, Refusal> {
        check_depth(depth)?;
        let mut entries = BTreeMap::new();
        for (key, value) in dictionary.iter_shared() {
            if !matches!(key.get_type(), VariantType::STRING | VariantType::STRING_NAME) {
                return Err(Refusal::new("a key must be a String").at_key("…"));
            }
            let key = key.stringify().to_string();
            let value = self.value(&value, depth + 1).map_err(|refusal| refusal.at_key(&key))?;
            entries.insert(key, value);
        }
        Ok(entries)
    }
}

fn number(number: f64) -> Result<Json, Refusal> {
    // JSON has no NaN and no infinity; the conversion makes null of them, which would remove the key.
    if number.is_finite() {
        Ok(Json::from(number))
    } else {
        Err(Refusal::new(format!("{number} cannot be here")))
    }
}

fn check_depth(depth: usize) -> Result<(), Refusal> {
    if depth < DEPTH_MAX {
        return Ok(());
    }
    Err(Refusal::new(format!("nested deeper than {DEPTH_MAX} levels; does a container contain itself?")))
}

fn take<T: FromGodot>(variant: &Variant) -> Result<T, Refusal> {
    variant.try_to::<T>().map_err(|error| Refusal::new(error.to_string()))
}
