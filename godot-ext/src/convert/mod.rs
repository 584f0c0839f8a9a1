//! Engine values at the edge: `Variant` <-> [`Value`], and nowhere else.
//!
//! Every type that can be saved goes through bit for bit: 64-bit integers, NaN, `StringName` apart from
//! `String`, typed arrays and dictionaries, packed arrays. What cannot be saved (objects, callables,
//! signals, RIDs) is refused with the path of the offending element, for example `data["player"][3]`.
//! Nothing here panics, whatever a script hands over: a container that contains itself meets the depth
//! limit, one that shares parts without end meets the element limit.

mod json;
mod to_value;
mod to_variant;
mod types;

pub(crate) use json::{from_json, to_json};
pub(crate) use to_value::to_value;
pub(crate) use to_variant::to_variant;

use aethex_sdk_core::{Error, ErrorCode};

/// Most elements of one save, counted through all containers; a packed array counts as one. A save of more
/// would stop the frame for long and is near the size limit in any case; for containers that share their
/// parts, which unfold without end, the limit bounds memory.
const ELEMENTS_MAX: usize = 2 * 1024 * 1024;
/// Most steps of a path that a message shows.
const PATH_STEPS_SHOWN: usize = 6;
/// Longest text of a dictionary key in a path, in characters.
const PATH_KEY_CHARS_MAX: usize = 40;

/// Why something cannot be converted, and where it is. The path grows while the walk returns.
#[derive(Debug)]
struct Refusal {
    reason: String,
    /// Steps from the element to the root, innermost first.
    steps: Vec<String>,
}

impl Refusal {
    fn new(reason: impl Into<String>) -> Refusal {
        Refusal { reason: reason.into(), steps: Vec::new() }
    }

    fn at_index(mut self, index: usize) -> Refusal {
        self.steps.push(format!("[{index}]"));
        self
    }

    fn at_key(mut self, key: &str) -> Refusal {
        let mut shown: String = key.chars().take(PATH_KEY_CHARS_MAX).collect();
        if shown.len() < key.len() {
            shown.push('…');
        }
        self.steps.push(format!("[{shown:?}]"));
        self
    }

    /// The error for a root that the message calls `root`.
    fn into_error(self, code: ErrorCode, root: &str) -> Error {
        let mut path = root.to_owned();
        for step in self.steps.iter().rev().take(PATH_STEPS_SHOWN) {
            path.push_str(step);
        }
        if self.steps.len() > PATH_STEPS_SHOWN {
            path.push('…');
        }
        Error::new(code, format!("{path}: {}", self.reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_place() {
        let refusal = Refusal::new("an Object cannot be saved").at_index(3).at_key("player");
        let error = refusal.into_error(ErrorCode::InvalidArgument, "data");
        assert_eq!(error.message, "data[\"player\"][3]: an Object cannot be saved");
    }

    #[test]
    fn a_long_path_is_cut() {
        let mut refusal = Refusal::new("too deep");
        for index in 0..200 {
            refusal = refusal.at_index(index);
        }
        let message = refusal.into_error(ErrorCode::InvalidArgument, "data").message;
        assert_eq!(message, "data[199][198][197][196][195][194]…: too deep");
        let key = "k".repeat(500);
        let message = Refusal::new("x").at_key(&key).into_error(ErrorCode::InvalidArgument, "data").message;
        assert!(message.chars().count() < 60, "{message}");
    }
}
