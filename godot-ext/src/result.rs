//! `AeThexResult`: what `await` yields.

use crate::error::AeThexError;
use aethex_sdk_core::Error;
use godot::builtin::{GString, StringName, VarArray, Variant};
use godot::classes::IRefCounted;
use godot::meta::ToGodot;
use godot::obj::{Gd, NewGd};
use godot::register::{GodotClass, godot_api};

/// Every field that some call yields. On a result that lacks one it reads as null, so that a script which
/// forgot to look at `success` meets a null and not an error about a missing property.
const FIELDS: &[&str] = &[
    "user",
    "data",
    "slot",
    "queued",
    "version",
    "from_cache",
    "parts",
    "schema",
    "conflict",
    "from",
    "to",
    "changes",
    "truncated",
    "quota",
    "devices",
    "replaced",
    "count",
    "slots",
    "saves",
    "versions",
    "items",
    "providers",
    "identities",
    "sessions",
    "player",
    "preferences",
    "state",
    "policies",
    "export",
    "receipt",
    "room",
    "rooms",
    "next_cursor",
    "ticket",
    "settled",
    "free_seats",
    "rating",
    "message",
    "messages",
    "conversations",
    "blocks",
    "report_id",
    "party",
    "presence",
    "presences",
    "invite",
    "invites",
];

/// The payload of a result: names from [`FIELDS`], and what a `for` loop over the result walks.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    named: Vec<(&'static str, Variant)>,
    items: Option<VarArray>,
}

impl Fields {
    pub(crate) fn with(mut self, name: &'static str, value: impl ToGodot) -> Fields {
        self.named.push((name, value.to_variant()));
        self
    }

    /// Makes the result iterable; the list is also the field `name` and the field `items`.
    pub(crate) fn list(self, name: &'static str, items: VarArray) -> Fields {
        let items = items.into_read_only();
        let mut fields = self.with(name, items.clone()).with("items", items.clone());
        fields.items = Some(items);
        fields
    }
}

/// The result of a call: look at [member success], then read what the call yields.
///
/// The fields beside `success` and `error` depend on the call: `user` of a login, `data` of a load, and so
/// on. The results of lists can be iterated directly: `for save in await AeThexCloud.saves.list():`.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexResult {
    /// Whether the call did what it was asked.
    #[var(no_set)]
    success: bool,
    /// Why it did not; null on success.
    #[var(no_set)]
    error: Option<Gd<AeThexError>>,
    fields: Fields,
}

#[godot_api]
impl IRefCounted for AeThexResult {
    fn on_get(&self, property: StringName) -> Option<Variant> {
        let wanted = property.to_string();
        if let Some((_, value)) = self.fields.named.iter().find(|(name, _)| *name == wanted) {
            return Some(value.clone());
        }
        FIELDS.contains(&wanted.as_str()).then(Variant::nil)
    }

    fn to_string(&self) -> GString {
        match &self.error {
            Some(error) => GString::from(&format!("<AeThexResult failed: {error}>")),
            None => GString::from("<AeThexResult success>"),
        }
    }
}

#[godot_api]
impl AeThexResult {
    /// How many items the result of a list has; 0 for other results.
    #[func]
    fn size(&self) -> i64 {
        self.fields.items.as_ref().map_or(0, |items| i64::try_from(items.len()).unwrap_or(i64::MAX))
    }

    /// Whether there is nothing to iterate.
    #[func]
    fn is_empty(&self) -> bool {
        self.size() == 0
    }

    // The index lives in the loop's own state, so nested loops over one result do not disturb each other.
    #[func]
    fn _iter_init(&self, state: Variant) -> bool {
        self.step(&state, |_| 0)
    }

    #[func]
    fn _iter_next(&self, state: Variant) -> bool {
        self.step(&state, |index| index.saturating_add(1))
    }

    #[func]
    fn _iter_get(&self, state: Variant) -> Variant {
        let index = state.try_to::<i64>().ok().and_then(|index| usize::try_from(index).ok());
        index.zip(self.fields.items.as_ref()).and_then(|(index, items)| items.get(index)).unwrap_or_default()
    }
}

impl AeThexResult {
    pub(crate) fn of(outcome: Result<Fields, Error>) -> Gd<AeThexResult> {
        let mut made = AeThexResult::new_gd();
        {
            let mut result = made.bind_mut();
            match outcome {
                Ok(fields) => {
                    result.success = true;
                    result.fields = fields;
                }
                Err(error) => result.error = Some(AeThexError::of(&error)),
            }
        }
        made
    }

    /// Moves the index that the engine keeps in a one-element array; whether there is an item there.
    fn step(&self, state: &Variant, next: impl FnOnce(i64) -> i64) -> bool {
        let Ok(mut state) = state.try_to::<VarArray>() else { return false };
        let Some(index) = state.get(0) else { return false };
        let index = next(index.try_to().unwrap_or_default());
        state.set(0, &index.to_variant());
        index < self.size()
    }
}

#[cfg(test)]
mod tests {
    use super::FIELDS;

    #[test]
    fn every_field_that_a_call_yields_is_known() {
        for source in [
            include_str!("auth/mod.rs"),
            include_str!("auth/identities.rs"),
            include_str!("auth/oauth.rs"),
            include_str!("auth/profile.rs"),
            include_str!("auth/sessions.rs"),
            include_str!("multiplayer/mod.rs"),
            include_str!("multiplayer/chat.rs"),
            include_str!("multiplayer/matchmaking.rs"),
            include_str!("multiplayer/social.rs"),
            include_str!("privacy/mod.rs"),
            include_str!("saves/mod.rs"),
            include_str!("saves/devices.rs"),
            include_str!("saves/files.rs"),
            include_str!("saves/past.rs"),
        ] {
            for (marker, _) in [(".with(\"", ()), (".list(\"", ())] {
                for part in source.split(marker).skip(1) {
                    let name = part.split('"').next().unwrap_or_default();
                    assert!(FIELDS.contains(&name), "{name}");
                }
            }
        }
    }
}
