//! What a script may say about a login, as a dictionary.

use crate::error::argument;
use crate::optional::Optional;
use crate::settings::{flag, seconds, text};
use aethex_sdk_core::{Error, LoginOptions, OauthOptions};
use godot::builtin::{AnyDictionary, Variant};

/// Longest time a player may be given in the browser, in seconds: what the SDK allows.
pub(super) const BROWSER_SECONDS_MAX: f64 = 1800.0;

/// The options of a login that never makes an account.
pub(super) fn login(options: &Optional, call: &str) -> Result<LoginOptions, Error> {
    let mut parsed = LoginOptions::default();
    each(options, call, |key, value| kept(&mut parsed, key, value))?;
    Ok(parsed)
}

/// The options of a login that may make an account.
pub(super) fn new_account(options: &Optional, call: &str) -> Result<LoginOptions, Error> {
    let mut parsed = LoginOptions::default();
    each(options, call, |key, value| new(&mut parsed, key, value))?;
    Ok(parsed)
}

/// The options of a login in the browser.
pub(super) fn browser(options: &Optional, call: &str) -> Result<OauthOptions, Error> {
    let mut parsed = OauthOptions::default();
    each(options, call, |key, value| match key {
        "timeout" => {
            parsed.timeout = seconds(value, key, BROWSER_SECONDS_MAX)?;
            Ok(true)
        }
        _ => new(&mut parsed.login, key, value),
    })?;
    Ok(parsed)
}

/// Hands each entry to `take`, which says whether it knows the key.
fn each(
    options: &Optional,
    call: &str,
    mut take: impl FnMut(&str, &Variant) -> Result<bool, Error>,
) -> Result<(), Error> {
    let Some(options) = options.given() else { return Ok(()) };
    let options = options
        .try_to::<AnyDictionary>()
        .map_err(|_| argument("options must be a dictionary, for example {\"remember\": false}"))?;
    for (key, value) in options.iter_shared() {
        let key = text(&key, "a key of options")?;
        if !take(&key, &value)? {
            return Err(argument(format!("{key:?} is no option of {call}")));
        }
    }
    Ok(())
}

fn kept(options: &mut LoginOptions, key: &str, value: &Variant) -> Result<bool, Error> {
    match key {
        "remember" => options.remember = flag(value, key)?,
        "keep_guest" => options.keep_guest = flag(value, key)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn new(options: &mut LoginOptions, key: &str, value: &Variant) -> Result<bool, Error> {
    match key {
        "proof_token" => options.proof_token = Some(text(value, key)?).filter(|token| !token.is_empty()),
        _ => return kept(options, key, value),
    }
    Ok(true)
}
