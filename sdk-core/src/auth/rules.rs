//! What can be said about arguments before a request: pure.
//!
//! The server has the last word; these checks only spare a round trip where the answer is certain.

use crate::Error;
use aethex_wire::ErrorCode;
use aethex_wire::auth::{
    DISPLAY_NAME_CHARS_MAX, EMAIL_LEN_MAX, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, ProfileChange,
    USERNAME_CHARS_MAX, USERNAME_CHARS_MIN,
};

/// Whether these can make an account.
pub(crate) fn check_registration(email: &str, password: &str, username: Option<&str>) -> Result<(), Error> {
    check_email(email)?;
    if !(PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&password.chars().count()) {
        let message = format!("a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters");
        return Err(Error::new(ErrorCode::WeakPassword, message));
    }
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

fn check_email(email: &str) -> Result<(), Error> {
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
}
