//! What a game says about its slots: how they are merged, what its data looks like, and the players' own keys.

use super::AeThexSaves;
use super::asked::{self, Function};
use super::options::dictionary;
use crate::convert::to_value;
use crate::error::argument;
use crate::optional::Optional;
use crate::result::{AeThexResult, Fields};
use crate::runtime;
use crate::settings::text;
use aethex_sdk_core::wire::merge::Decider;
use aethex_sdk_core::{Definition, Error, Policies, Question, SAVE_KEY_LEN, SaveKey, Value};
use godot::builtin::{Callable, PackedByteArray, Variant, VariantType};
use godot::obj::Gd;
use godot::register::godot_api;
use std::sync::Arc;

#[godot_api(secondary)]
impl AeThexSaves {
    /// Says how the slots of a pattern are merged when two devices changed them, and what the game's data looks like.
    /// `*` in the pattern stands for any characters. Call it at the start, before the first load or save.
    ///
    /// `policies` names for paths what happens where both sides changed something: `{"coins": "counter",
    /// "best": "max", "unlocked": "union", "settings.**": "latest", "hero.class": "ask"}`. Without a rule, dictionaries are
    /// merged field by field, and the player is asked where both changed the same ([signal conflict]).
    ///
    /// Options: `schema` (int, the version of the game's data layout); `migrate` (a callable that gets the data and its
    /// schema, and gives the data in the present one); `merge` (a callable for fields with the policy `custom`: it
    /// gets name, path, base, local and cloud, and gives the value, or null to ask the player); `parts` and `bytes`
    /// (who decides about those: `"latest"`, `"playtime"`, `"local"`, `"cloud"`, for bytes also `"ask"`). The callables run on the
    /// main thread and must not await. When they fail, or their object is freed, the player is asked, or the load fails.
    ///
    /// Answers at once: the result says what is wrong with the definition.
    #[func]
    fn define(
        &self,
        pattern: Variant,
        #[opt(default = Optional::default())] policies: Optional,
        #[opt(default = Optional::default())] options: Optional,
    ) -> Gd<AeThexResult> {
        let defined = text(&pattern, "pattern")
            .and_then(|pattern| Ok((pattern, definition(&policies, &options)?)))
            .and_then(|(pattern, definition)| runtime::define(pattern, definition));
        AeThexResult::of(defined.map(|()| Fields::default()))
    }

    /// Sets the key of 32 bytes that saves are encrypted with before they leave this device, and read with; an empty
    /// array ends it for new saves. It is kept in memory only: set it at each start.
    ///
    /// The server then stores what it cannot read: nobody can help when the key is lost, and [method diff] does not
    /// work. It still sees slots' and parts' names, labels, sizes and times. Answers at once.
    #[func]
    fn set_save_key(&self, key: Variant) -> Gd<AeThexResult> {
        let outcome = save_key(&key).and_then(runtime::set_save_key);
        AeThexResult::of(outcome.map(|()| Fields::default()))
    }
}

fn save_key(key: &Variant) -> Result<Option<SaveKey>, Error> {
    let wrong =
        || argument(format!("key must be a PackedByteArray of {SAVE_KEY_LEN} bytes, or an empty one"));
    if key.get_type() != VariantType::PACKED_BYTE_ARRAY {
        return Err(wrong());
    }
    let bytes = key.try_to::<PackedByteArray>().map_err(|_| wrong())?.to_vec();
    if bytes.is_empty() {
        return Ok(None);
    }
    bytes.try_into().map(|bytes| Some(SaveKey::new(bytes))).map_err(|_| wrong())
}

fn definition(policies: &Optional, options: &Optional) -> Result<Definition, Error> {
    let mut definition = Definition::default();
    if let Some(policies) = policies.given() {
        dictionary(policies, "policies, for example {\"coins\": \"counter\"},")?;
        definition.policies =
            Policies::parse(&to_value(policies)?).map_err(|error| argument(error.to_string()))?;
    }
    let Some(options) = options.given() else { return Ok(definition) };
    for (key, value) in dictionary(options, "options, for example {\"schema\": 2},")?.iter_shared() {
        let key = text(&key, "a key of options")?;
        match key.as_str() {
            "schema" => definition.schema = schema(&value)?,
            "migrate" => definition.migrate = Some(migrate(function(&value, &key)?)),
            "merge" => definition.custom = Some(custom(function(&value, &key)?)),
            "parts" => definition.parts = decider(&value, &key)?,
            "bytes" => definition.bytes = decider(&value, &key)?,
            _ => return Err(argument(format!("{key:?} is no option of define()"))),
        }
    }
    Ok(definition)
}

fn schema(value: &Variant) -> Result<i64, Error> {
    let number = Some(value).filter(|value| value.get_type() == VariantType::INT);
    number
        .and_then(|value| value.try_to::<i64>().ok())
        .filter(|number| *number >= 0)
        .ok_or_else(|| argument("schema must be an int, 0 or more"))
}

fn function(value: &Variant, key: &str) -> Result<Arc<Function>, Error> {
    let callable = value.try_to::<Callable>().ok().filter(Callable::is_valid);
    callable.map(asked::keep).ok_or_else(|| argument(format!("{key} must be a callable of a living object")))
}

fn decider(value: &Variant, key: &str) -> Result<Decider, Error> {
    match text(value, key)?.as_str() {
        "latest" => Ok(Decider::Latest),
        "playtime" => Ok(Decider::Playtime),
        "local" => Ok(Decider::Local),
        "cloud" => Ok(Decider::Cloud),
        "ask" => Ok(Decider::Ask),
        _ => {
            Err(argument(format!("{key} must be \"latest\", \"playtime\", \"local\", \"cloud\" or \"ask\"")))
        }
    }
}

fn migrate(function: Arc<Function>) -> aethex_sdk_core::Migrate {
    Arc::new(move |value, schema| {
        function
            .ask(vec![value, Value::Int(schema)])
            .ok_or_else(|| "the game's migrate function gave nothing".to_owned())
    })
}

fn custom(function: Arc<Function>) -> aethex_sdk_core::Custom {
    Arc::new(move |question: &Question<'_>| {
        let side = |value: Option<&Value>| value.cloned().unwrap_or_default();
        let (name, path) = (question.name.to_owned(), question.path.to_owned());
        let (base, local, cloud) = (side(question.base), side(question.local), side(question.cloud));
        function.ask(vec![Value::String(name), Value::String(path), base, local, cloud])
    })
}
