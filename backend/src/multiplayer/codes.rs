//! Join codes of rooms and parties.

use crate::context::random;
use aethex_wire::multiplayer::{CODE_ALPHABET, CODE_LEN};

/// Times another code is tried when one is taken. With a million codes in use one in 887 is: five in a row are not.
pub(super) const CODE_TRIES: usize = 8;

/// A code that nobody can foretell.
pub(super) fn new_code() -> String {
    let mut code = String::with_capacity(CODE_LEN);
    while code.len() < CODE_LEN {
        // 248 is the largest multiple of 31 that a byte holds: past it some characters would come more often.
        let fair = random::<16>().into_iter().filter(|byte| *byte < 248);
        let characters = fair.map(|byte| CODE_ALPHABET[usize::from(byte) % CODE_ALPHABET.len()] as char);
        code.extend(characters.take(CODE_LEN - code.len()));
    }
    code
}

/// A code as it is kept, of one as people write it; `None` when it cannot be one.
pub(super) fn read_code(text: &str) -> Option<String> {
    let code = text.to_ascii_uppercase();
    (code.len() == CODE_LEN && code.bytes().all(|byte| CODE_ALPHABET.contains(&byte))).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_of_the_alphabet_and_read_in_any_case() {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..2_000 {
            let code = new_code();
            assert_eq!(read_code(&code.to_lowercase()), Some(code.clone()));
            seen.extend(code.bytes());
        }
        assert_eq!(seen.len(), CODE_ALPHABET.len(), "every character comes");
        for wrong in ["", "ABCDE", "ABCDEFG", "ABCDE0", "ABCDEI", "ABCDÉ", "ABC' O"] {
            assert_eq!(read_code(wrong), None, "{wrong}");
        }
    }
}
