//! Decisions about accounts: what an email, a password may be (names: `names.rs`), and what a refresh means.

use crate::error::{Failure, Outcome};
use aethex_wire::ErrorCode;
use aethex_wire::auth::{DEVICE_NAME_CHARS_MAX, EMAIL_LEN_MAX, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};

/// Passwords that guessers try first, sorted, in lower case, eight characters and longer.
static COMMON_PASSWORDS: &str = include_str!("common_passwords.txt");

/// The form in which emails are compared: without regard to case.
pub(crate) fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// An address that mail can be sent to: one `@`, a local part, a domain; no white space or control.
pub(crate) fn check_email(email: &str) -> Outcome<()> {
    let wrong = |why: &str| Err(Failure::new(ErrorCode::InvalidEmail, format!("The email {why}.")));
    if email.len() > EMAIL_LEN_MAX {
        return wrong("is longer than 254 bytes");
    }
    if email
        .chars()
        .any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';' | '"' | '\\'))
    {
        return wrong("contains a character that addresses do not have");
    }
    let Some((local, domain)) = email.split_once('@') else { return wrong("needs an @") };
    let labels_fit = domain
        .split('.')
        .all(|label| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-'));
    if local.is_empty() || local.len() > 64 || domain.contains('@') || !domain.contains('.') || !labels_fit {
        return wrong("is not of the form name@example.com");
    }
    Ok(())
}

pub(crate) fn check_password(password: &str, email: &str, refuse_common: bool) -> Outcome<()> {
    let wrong = |why: &str| Err(Failure::new(ErrorCode::WeakPassword, format!("The password {why}.")));
    let chars = password.chars().count();
    if chars < PASSWORD_CHARS_MIN {
        return wrong("needs at least 8 characters");
    }
    if chars > PASSWORD_CHARS_MAX {
        return wrong("has at most 256 characters");
    }
    let folded = password.to_lowercase();
    if refuse_common && is_common(&folded) || folded == fold(email) || all_same(&folded) {
        return wrong("is among the first that guessers try: choose another");
    }
    Ok(())
}

fn is_common(folded: &str) -> bool {
    // The list is 76 KB: a scan is microseconds, beside a hash of milliseconds.
    COMMON_PASSWORDS.lines().any(|common| common == folded)
}

fn all_same(text: &str) -> bool {
    let mut chars = text.chars();
    let first = chars.next();
    chars.all(|c| Some(c) == first)
}

/// A line of text that others see.
pub(crate) fn check_line(what: &str, text: &str, chars_max: usize) -> Outcome<()> {
    if text.chars().count() > chars_max || text.chars().any(char::is_control) {
        return Err(Failure::invalid(format!(
            "`{what}` has at most {chars_max} characters and no control characters."
        )));
    }
    Ok(())
}

pub(super) fn check_device_name(name: Option<&str>) -> Outcome<()> {
    check_line("device_name", name.unwrap_or_default(), DEVICE_NAME_CHARS_MAX)
}

/// What the database holds of a session.
#[derive(Debug, Clone)]
pub(super) struct SessionState {
    pub(super) player_id: String,
    pub(super) generation: i64,
    pub(super) refresh_hash: String,
    pub(super) over: bool,
}

/// What the use of a refresh token means when the session did not simply move on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reuse {
    /// The answer was lost and the child is unused: give the same child again.
    LostAnswer,
    /// A token from before was used again: it may be stolen, so the session ends.
    Stolen,
    /// The session is over, or never was.
    Over,
}

/// `child_digest` is the digest of the token that follows the presented one.
pub(super) fn judge_reuse(session: Option<&SessionState>, generation: i64, child_digest: &str) -> Reuse {
    match session {
        None => Reuse::Over,
        Some(session) if session.over => Reuse::Over,
        Some(session) if session.generation == generation + 1 && session.refresh_hash == child_digest => {
            Reuse::LostAnswer
        }
        Some(_) => Reuse::Stolen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails() {
        for good in ["a@b.co", "ann.lee+tag@mail.example.org", "ünï@bücher.example", "A@B.CO"] {
            assert!(check_email(good).is_ok(), "{good}");
        }
        let long = format!("{}@b.co", "x".repeat(65));
        for bad in [
            "", "a", "@b.co", "a@", "a@b", "a@@b.co", "a b@c.de", "a@b.co\0", "a@b..co", "a@-b.co",
            "<a@b.co>", "a@b.co\n", &long,
        ] {
            assert!(check_email(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn passwords() {
        for good in ["correct horse", "пароль-надёжный", &"x1".repeat(128)] {
            assert!(check_password(good, "a@b.co", true).is_ok(), "{good}");
        }
        for bad in ["short", "password1", "PASSWORD1", "aaaaaaaaaaaa", "ann@example.com", &"x1".repeat(129)] {
            assert!(check_password(bad, "Ann@Example.com", true).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_reused_token_is_a_lost_answer_only_while_its_child_is_unused() {
        let state = |generation, hash: &str, over| SessionState {
            player_id: "p".into(),
            generation,
            refresh_hash: hash.into(),
            over,
        };
        assert_eq!(judge_reuse(Some(&state(3, "child", false)), 2, "child"), Reuse::LostAnswer);
        assert_eq!(judge_reuse(Some(&state(4, "grandchild", false)), 2, "child"), Reuse::Stolen);
        assert_eq!(judge_reuse(Some(&state(3, "child", true)), 2, "child"), Reuse::Over);
        assert_eq!(judge_reuse(None, 2, "child"), Reuse::Over);
    }
}
