//! What can be said about arguments before a request: pure.
//!
//! The server has the last word; these checks only spare a round trip where the answer is certain.

use crate::{Error, Json};
use aethex_wire::ErrorCode;
use aethex_wire::auth::email::MAIL_CODE_CHARS;
use aethex_wire::auth::profile::{
    AVATAR_LEN_MAX, PREFERENCE_KEY_LEN_MAX, PREFERENCES_LEN_MAX, PREFERENCES_MAX,
};
use aethex_wire::auth::{
    DISPLAY_NAME_CHARS_MAX, EMAIL_LEN_MAX, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, ProfileChange,
    USERNAME_CHARS_MAX, USERNAME_CHARS_MIN,
};
use std::collections::BTreeMap;

/// Whether these can make an account.
pub(crate) fn check_registration(email: &str, password: &str, username: Option<&str>) -> Result<(), Error> {
    check_email(email)?;
    check_new_password(password)?;
    username.map_or(Ok(()), check_username)
}

/// Whether these can log in: only what no account can have is refused.
pub(crate) fn check_login(email: &str, password: &str) -> Result<(), Error> {
    check_email(email)?;
    if password.is_empty() || password.chars().count() > PASSWORD_CHARS_MAX {
        return Err(Error::new(
            ErrorCode::InvalidCredentials,
            "the email and password do not belong together",
        ));
    }
    Ok(())
}

/// Whether this changes a profile.
pub(crate) fn check_profile(change: &ProfileChange) -> Result<(), Error> {
    if *change == ProfileChange::default() {
        return Err(Error::argument("the change names no field"));
    }
    if change.display_name.as_ref().is_some_and(|name| name.chars().count() > DISPLAY_NAME_CHARS_MAX) {
        return Err(Error::argument(format!(
            "a display name has at most {DISPLAY_NAME_CHARS_MAX} characters"
        )));
    }
    change.username.as_deref().map_or(Ok(()), check_username)
}

/// Whether this can be a password.
pub(crate) fn check_new_password(password: &str) -> Result<(), Error> {
    if !(PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&password.chars().count()) {
        let message = format!("a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters");
        return Err(Error::new(ErrorCode::WeakPassword, message));
    }
    Ok(())
}

/// Whether this can be the code of a mail: a typing error costs no try.
pub(crate) fn check_code(code: &str) -> Result<(), Error> {
    let chars = code.chars().filter(|c| !c.is_whitespace() && *c != '-').count();
    if chars == MAIL_CODE_CHARS { Ok(()) } else { Err(wrong_code()) }
}

fn wrong_code() -> Error {
    let message = format!("a mailed code has {MAIL_CODE_CHARS} letters and digits");
    Error::new(ErrorCode::InvalidCode, message)
}

/// Whether these can be set as preferences.
pub(crate) fn check_preferences(values: &BTreeMap<String, Json>) -> Result<(), Error> {
    if values.is_empty() || values.len() > PREFERENCES_MAX {
        return Err(Error::argument(format!("a change sets 1 to {PREFERENCES_MAX} preferences")));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/');
    let wrong =
        |key: &&String| key.is_empty() || key.len() > PREFERENCE_KEY_LEN_MAX || !key.bytes().all(plain);
    if let Some(key) = values.keys().find(wrong) {
        let key: String = key.chars().take(PREFERENCE_KEY_LEN_MAX).collect();
        return Err(Error::argument(format!(
            "{key:?} is no key: it has 1 to {PREFERENCE_KEY_LEN_MAX} letters, digits, _, -, . and /"
        )));
    }
    let size = serde_json::to_vec(values).map_or(usize::MAX, |json| json.len());
    if size > PREFERENCES_LEN_MAX {
        return Err(Error::new(
            ErrorCode::TooLarge,
            format!("preferences have at most {PREFERENCES_LEN_MAX} bytes: larger things are saves"),
        ));
    }
    Ok(())
}

/// Media type of a picture that can be an avatar, by its first bytes.
pub(crate) fn check_avatar(picture: &[u8]) -> Result<&'static str, Error> {
    if picture.len() > AVATAR_LEN_MAX {
        return Err(Error::new(ErrorCode::TooLarge, format!("a picture has at most {AVATAR_LEN_MAX} bytes")));
    }
    match picture {
        [0x89, b'P', b'N', b'G', ..] => Ok("image/png"),
        [0xff, 0xd8, 0xff, ..] => Ok("image/jpeg"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok("image/webp"),
        _ => Err(Error::new(ErrorCode::InvalidAvatar, "an avatar is a PNG, JPEG or WebP picture")),
    }
}

pub(crate) fn check_email(email: &str) -> Result<(), Error> {
    let email = email.trim();
    if email.len() > EMAIL_LEN_MAX || !email.contains('@') {
        return Err(Error::new(ErrorCode::InvalidEmail, "this is not an email address"));
    }
    Ok(())
}

fn check_username(name: &str) -> Result<(), Error> {
    if !(USERNAME_CHARS_MIN..=USERNAME_CHARS_MAX).contains(&name.chars().count()) {
        let message = format!("a username has {USERNAME_CHARS_MIN} to {USERNAME_CHARS_MAX} characters");
        return Err(Error::new(ErrorCode::InvalidUsername, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certain_refusals_cost_no_request() {
        let code = |result: Result<(), Error>| result.map_err(|error| error.code);
        assert_eq!(code(check_registration("ann@example.com", "long enough", Some("ann"))), Ok(()));
        assert_eq!(code(check_registration("ann", "long enough", None)), Err(ErrorCode::InvalidEmail));
        assert_eq!(code(check_registration("a@b", "short", None)), Err(ErrorCode::WeakPassword));
        assert_eq!(code(check_registration("a@b", "passwörd", None)), Ok(()), "characters, not bytes");
        assert_eq!(
            code(check_registration("a@b", "long enough", Some("ab"))),
            Err(ErrorCode::InvalidUsername)
        );
        assert_eq!(code(check_login("a@b", "")), Err(ErrorCode::InvalidCredentials));
        assert_eq!(code(check_login("a@b", "x")), Ok(()));
        assert!(check_profile(&ProfileChange::default()).is_err());
    }

    #[test]
    fn codes_preferences_and_pictures_are_looked_at() {
        assert!(check_code("abcd-efgh-2345-6789").is_ok());
        assert!(check_code(" ABCD efgh 2345 6789 ").is_ok());
        assert_eq!(check_code("abcd").unwrap_err().code, ErrorCode::InvalidCode);
        let one = |key: &str, value: Json| BTreeMap::from([(key.to_owned(), value)]);
        assert!(check_preferences(&one("audio/volume", 0.5.into())).is_ok());
        assert!(check_preferences(&one("a b", Json::Null)).is_err());
        assert!(check_preferences(&one("", Json::Null)).is_err());
        assert!(check_preferences(&BTreeMap::new()).is_err());
        let large = check_preferences(&one("a", "x".repeat(PREFERENCES_LEN_MAX).into())).unwrap_err();
        assert_eq!(large.code, ErrorCode::TooLarge);
        assert_eq!(check_avatar(b"\x89PNG\r\n").unwrap(), "image/png");
        assert_eq!(check_avatar(b"RIFF....WEBPVP8 ").unwrap(), "image/webp");
        assert_eq!(check_avatar(b"GIF89a").unwrap_err().code, ErrorCode::InvalidAvatar);
    }
}
