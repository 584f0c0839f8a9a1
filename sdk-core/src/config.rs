//! What a game tells the SDK once, at the start.

use crate::Error;
use aethex_wire::ErrorCode;
use aethex_wire::auth::{DEVICE_NAME_CHARS_MAX, LOCALE_LEN_MAX};
use std::path::PathBuf;
use std::time::Duration;

/// Where a backend started without configuration listens.
const SERVER_URL_DEFAULT: &str = "http://127.0.0.1:8080";
/// A healthy answer takes well under a second; a player waits ten at most.
const REQUEST_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
/// How long autosaves rest: past the bursts of a game that saves at each step, before a player quits.
const SAVE_DEBOUNCE_DEFAULT: Duration = Duration::from_secs(2);
/// Longest rest of autosaves: more would only be a loss waiting to happen.
const SAVE_DEBOUNCE_MAX: Duration = Duration::from_secs(60);
/// What a metered network carries of one save: a page of text; most saves are far below as patches.
const METERED_BYTES_DEFAULT: u64 = 64 * 1024;
/// Longest version text of a game: it travels in a header of each request.
const APP_VERSION_CHARS_MAX: usize = 64;

/// Where the session's tokens are kept between starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialStore {
    /// An encrypted file whose key lies in the operating system's keyring; where there is no keyring,
    /// as [`CredentialStore::File`].
    #[default]
    Auto,
    /// An encrypted file whose key lies beside it, readable only by the same user. This keeps tokens
    /// out of backups, logs and screenshots of single files; it does not protect them from programs
    /// that run as the same user.
    File,
    /// Nowhere: the session ends with the process. For tests and bots.
    Memory,
}

/// Who opens the player's browser for a login with a provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Browser {
    /// The SDK, as the operating system does it.
    #[default]
    System,
    /// The game: [`crate::Event::OpenBrowser`] brings the page's address.
    Game,
}

/// What queued saves may cost on a network that is paid by the byte: see [`crate::Saves::set_metered`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Metered {
    /// Saves up to this many bytes, as they go over the network, are sent; 64 KiB unless set.
    AllowSmall(u64),
    /// Nothing is sent by itself: saves wait for another network, or for [`crate::Saves::flush`].
    Never,
    /// Everything is sent.
    Always,
}

impl Default for Metered {
    fn default() -> Metered {
        Metered::AllowSmall(METERED_BYTES_DEFAULT)
    }
}

/// Settings of a [`crate::Cloud`].
#[derive(Debug, Clone)]
pub struct Config {
    /// Address of the backend: `http://` or `https://`, a host, perhaps a port and a path.
    /// `http://127.0.0.1:8080` unless set.
    pub server_url: String,
    /// The game's publishable client key (`pk_…`); the backend's default game without one.
    pub client_key: Option<String>,
    /// Folder for the session, unsent saves and offline copies. Made when it does not exist. Several
    /// processes may share it.
    pub data_dir: PathBuf,
    /// Name of this device, shown to the player beside saves and sessions; at most 64 characters.
    pub device_name: String,
    /// Version of the game, at most 64 characters; sent with each request.
    pub app_version: String,
    /// The player's language as a BCP 47 tag, for mails to a new account: `de`, `pt-BR`. Empty when unknown.
    pub locale: String,
    /// Where tokens are kept.
    pub credentials: CredentialStore,
    /// Who opens the player's browser.
    pub browser: Browser,
    /// Longest time one request may take, small bodies assumed; large ones get more.
    pub request_timeout: Duration,
    /// Whether queued saves are sent in the background, as soon as the network allows.
    pub auto_sync: bool,
    /// How long autosaves and wrapped files rest before they are sent, at most a minute; 2 seconds unless set.
    pub save_debounce: Duration,
    /// What is sent by itself over a metered network.
    pub metered: Metered,
}

impl Config {
    /// The defaults, with the folder for everything the SDK keeps.
    pub fn new(data_dir: impl Into<PathBuf>) -> Config {
        Config {
            server_url: SERVER_URL_DEFAULT.to_owned(),
            client_key: None,
            data_dir: data_dir.into(),
            device_name: std::env::consts::OS.to_owned(),
            app_version: String::new(),
            locale: String::new(),
            credentials: CredentialStore::Auto,
            browser: Browser::System,
            request_timeout: REQUEST_TIMEOUT_DEFAULT,
            auto_sync: true,
            save_debounce: SAVE_DEBOUNCE_DEFAULT,
            metered: Metered::default(),
        }
    }

    /// Brings the settings into the form that the rest of the SDK relies on, or says what is wrong.
    pub(crate) fn checked(mut self) -> Result<Config, Error> {
        let refuse = |message: &str| Err(Error::new(ErrorCode::InvalidArgument, message));
        let url = self.server_url.trim().trim_end_matches('/');
        let Ok(parsed) = reqwest::Url::parse(url) else {
            return refuse("the server's address is not a URL: write it like https://cloud.example.com");
        };
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none_or(str::is_empty) {
            return refuse("the server's address must begin with http:// or https:// and name a host");
        }
        if !parsed.username().is_empty() || parsed.password().is_some() || parsed.query().is_some() {
            return refuse("the server's address must not contain a user, a password or a query");
        }
        self.server_url = parsed.as_str().trim_end_matches('/').to_owned();
        let printable = |text: &str| text.bytes().all(|b| (0x21..0x7f).contains(&b));
        if self.client_key.as_deref().is_some_and(|key| key.is_empty() || !printable(key)) {
            return refuse("the client key is not one: copy it from the backend, or leave it out");
        }
        if self.data_dir.as_os_str().is_empty() {
            return refuse("a data folder is needed");
        }
        if self.request_timeout.is_zero() {
            return refuse("the request timeout must be above zero");
        }
        if self.save_debounce > SAVE_DEBOUNCE_MAX {
            return refuse("autosaves rest for a minute at most");
        }
        self.device_name = tidy(&self.device_name, DEVICE_NAME_CHARS_MAX);
        self.app_version = tidy(&self.app_version, APP_VERSION_CHARS_MAX);
        self.locale = language_tag(&self.locale);
        Ok(self)
    }
}

/// The text without control characters, cut to a number of characters.
fn tidy(text: &str, chars_max: usize) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(chars_max).collect()
}

/// A language tag in its spelling, from what engines and systems say (`de_DE.UTF-8`); empty for anything else.
fn language_tag(text: &str) -> String {
    let tag = text.trim().split(['.', '@']).next().unwrap_or_default().replace('_', "-");
    let plain = tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if plain && tag.len() >= 2 && tag.len() <= LOCALE_LEN_MAX { tag } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_url(url: &str) -> Result<Config, Error> {
        Config { server_url: url.to_owned(), ..Config::new("/tmp/x") }.checked()
    }

    #[test]
    fn addresses_are_checked_and_normalised() {
        assert_eq!(with_url(" http://127.0.0.1:8080/ ").unwrap().server_url, "http://127.0.0.1:8080");
        assert_eq!(with_url("https://a.example/cloud//").unwrap().server_url, "https://a.example/cloud");
        for bad in ["", "127.0.0.1:8080", "ftp://a", "http://", "http://u:p@a", "http://a?b=c", "file:///etc"]
        {
            assert_eq!(with_url(bad).unwrap_err().code, ErrorCode::InvalidArgument, "{bad}");
        }
    }

    #[test]
    fn a_client_key_cannot_break_a_header() {
        for bad in ["", "a b", "a\r\nx: y", "schlüssel"] {
            let config = Config { client_key: Some(bad.to_owned()), ..Config::new("/tmp/x") };
            assert!(config.checked().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn languages_are_tags() {
        for (said, tag) in
            [("de", "de"), ("pt_BR", "pt-BR"), ("de_DE.UTF-8", "de-DE"), ("C", ""), ("d/e", ""), ("", "")]
        {
            assert_eq!(language_tag(said), tag);
        }
        assert_eq!(language_tag(&"x".repeat(LOCALE_LEN_MAX + 1)), "");
    }

    #[test]
    fn names_are_cut_and_cleaned() {
        let config = Config { device_name: format!(" a\nb{}", "ü".repeat(99)), ..Config::new("/tmp/x") };
        let name = config.checked().unwrap().device_name;
        assert!(name.starts_with("abü"));
        assert_eq!(name.chars().count(), DEVICE_NAME_CHARS_MAX);
    }
}
