//! Error codes, and the wall that no panic crosses.
//!
//! The codes are [`ErrorCode`]'s numbers; 0 is success. Every function of the library runs inside
//! [`guard`], which turns a panic into `AETHEX_ERROR_SDK_FAULT`. There is no `errno` and no "last error":
//! a call answers with its code, a request with the code and the message in its result.

use crate::strings::{Text, aethex_str};
use aethex_wire::ErrorCode;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

/// What a call came to: `AETHEX_OK` (0) or one of the `AETHEX_ERROR_…` codes. A newer library may answer
/// with codes that this header does not list; treat those like `AETHEX_ERROR_UNKNOWN`.
pub type aethex_error = i32;

/// Success.
pub(crate) const OK: aethex_error = 0;

/// The code for a tick or destroy inside a callback of the same cloud, or while another thread ticks it.
pub(crate) const BUSY: ErrorCode = ErrorCode::Busy;

/// The code's number in C.
pub(crate) fn number(code: ErrorCode) -> aethex_error {
    aethex_error::from(code.number())
}

/// Runs the body of a library function: its error becomes a code, and so does a panic.
pub(crate) fn guard(body: impl FnOnce() -> Result<(), ErrorCode>) -> aethex_error {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => OK,
        Ok(Err(code)) => number(code),
        Err(payload) => {
            // Dropping a payload may panic once more.
            std::mem::forget(payload);
            number(ErrorCode::SdkFault)
        }
    }
}

struct Words {
    name: Text,
    summary: Text,
}

struct Table {
    ok: Words,
    codes: Vec<Words>,
}

fn words(error: aethex_error) -> &'static Words {
    static TABLE: OnceLock<Table> = OnceLock::new();
    let table = TABLE.get_or_init(|| Table {
        ok: Words { name: Text::new("ok"), summary: Text::new("Success.") },
        codes: ErrorCode::ALL
            .iter()
            .map(|code| Words { name: Text::new(code.as_str()), summary: Text::new(code.summary().trim()) })
            .collect(),
    });
    if error == OK {
        return &table.ok;
    }
    let code = u16::try_from(error).map_or(ErrorCode::Unknown, ErrorCode::from_number);
    let place = ErrorCode::ALL.iter().position(|known| *known == code);
    place.map_or(&table.ok, |place| &table.codes[place])
}

/// The code's name, for example `saves_conflict`; `unknown` for a number that is no code.
/// The text lives as long as the library.
#[unsafe(no_mangle)]
pub extern "C" fn aethex_error_name(error: aethex_error) -> aethex_str {
    catch_unwind(|| words(error).name.as_c()).unwrap_or(aethex_str::EMPTY)
}

/// What the code means, in one English sentence. The text lives as long as the library.
#[unsafe(no_mangle)]
pub extern "C" fn aethex_error_summary(error: aethex_error) -> aethex_str {
    catch_unwind(|| words(error).summary.as_c()).unwrap_or(aethex_str::EMPTY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_code() {
        assert_eq!(guard(|| panic!("in a test, on purpose")), 910);
        assert_eq!(guard(|| Err(ErrorCode::SavesConflict)), 200);
        assert_eq!(guard(|| Ok(())), 0);
    }

    #[test]
    fn every_number_has_words() {
        let name = |error| words(error).name.to_string();
        assert_eq!(name(0), "ok");
        assert_eq!(name(200), "saves_conflict");
        for wrong in [-1, 7777, i32::MIN, i32::MAX] {
            assert_eq!(name(wrong), "unknown");
        }
        for code in ErrorCode::ALL {
            assert_eq!(name(number(*code)), code.as_str());
        }
    }
}
