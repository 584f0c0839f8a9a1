//! What the game says about its slots, by patterns of their names.

use super::types::Definition;
use crate::Error;
use crate::cloud::Shared;
use aethex_wire::merge::Decider;
use aethex_wire::saves::SLOT_LEN_MAX;
use parking_lot::RwLock;
use std::sync::Arc;

/// Most patterns: far more than a game has kinds of slots.
const PATTERNS_MAX: usize = 64;

/// The definitions of a game.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    known: RwLock<Vec<(String, Arc<Definition>)>>,
}

impl Definitions {
    /// The definition of a slot: that of the most specific pattern, or the default.
    pub(crate) fn of(&self, slot: &str) -> Arc<Definition> {
        let known = self.known.read();
        let fitting = known.iter().filter(|(pattern, _)| matches(pattern, slot));
        let best = fitting.max_by_key(|(pattern, _)| specificity(pattern));
        best.map(|(_, definition)| Arc::clone(definition)).unwrap_or_default()
    }

    fn add(&self, pattern: &str, definition: Definition) -> Result<(), Error> {
        let mut known = self.known.write();
        let definition = Arc::new(definition);
        if let Some(place) = known.iter_mut().find(|(other, _)| other == pattern) {
            place.1 = definition;
            return Ok(());
        }
        if known.len() == PATTERNS_MAX {
            return Err(Error::argument(format!("there are at most {PATTERNS_MAX} patterns of slots")));
        }
        known.push((pattern.to_owned(), definition));
        Ok(())
    }
}

/// See [`super::Saves::define`].
pub(super) fn define(shared: &Shared, pattern: &str, definition: Definition) -> Result<(), Error> {
    if pattern.is_empty() || pattern.len() > SLOT_LEN_MAX || pattern.chars().any(char::is_control) {
        let message = format!("a pattern of slots has 1 to {SLOT_LEN_MAX} bytes and no control characters");
        return Err(Error::argument(message));
    }
    if definition.schema < 0 {
        return Err(Error::argument("a schema is not negative"));
    }
    if definition.parts == Decider::Ask {
        return Err(Error::argument(
            "nobody can be asked about parts: choose latest, playtime, local or cloud",
        ));
    }
    shared.saves.definitions.add(pattern, definition)?;
    shared.saves.merge_again();
    Ok(())
}

/// Characters that are spelled out, and the exact name above any star.
fn specificity(pattern: &str) -> (usize, bool) {
    (pattern.chars().filter(|c| *c != '*').count(), !pattern.contains('*'))
}

/// Whether a name fits a pattern, in which `*` stands for any characters. In time of their lengths' product at most.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut here) = (0, 0);
    // Where the last star stands, and what it has swallowed up to.
    let mut star: Option<(usize, usize)> = None;
    while here < name.len() {
        if at < pattern.len() && pattern[at] == b'*' {
            star = Some((at, here));
            at += 1;
        } else if at < pattern.len() && pattern[at] == name[here] {
            at += 1;
            here += 1;
        } else if let Some((star_at, swallowed)) = star {
            star = Some((star_at, swallowed + 1));
            at = star_at + 1;
            here = swallowed + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, name) in [
            ("slot*", "slot"),
            ("slot*", "slot12"),
            ("*", "日本"),
            ("a*b*c", "a--b-bc"),
            ("x", "x"),
            ("**", ""),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("slot*", "Slot1"), ("a*b", "abc"), ("x", "xx"), ("", "x"), ("*b", "a")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn the_most_specific_pattern_wins_and_the_same_one_is_replaced() {
        let all = Definitions::default();
        let schema = |schema| Definition { schema, ..Definition::default() };
        for (pattern, n) in [("*", 1), ("slot*", 2), ("slot1", 3), ("s*", 4), ("slot*", 5)] {
            all.add(pattern, schema(n)).unwrap();
        }
        for (slot, n) in [("other", 1), ("slot2", 5), ("slot1", 3), ("save", 4)] {
            assert_eq!(all.of(slot).schema, n, "{slot}");
        }
        assert_eq!(Definitions::default().of("x").schema, 0);
        for n in 0..PATTERNS_MAX - 4 {
            all.add(&format!("p{n}"), schema(0)).unwrap();
        }
        assert!(all.add("one more", schema(0)).is_err());
    }
}
