//! Where the settings come from: `AeThexCloud.configure()`, then (in development) the environment, then the
//! project's settings, then the SDK's defaults.

use crate::error::argument;
use aethex_sdk_core::{Browser, Config, CredentialStore, Error};
use godot::builtin::{AnyDictionary, GString, VarDictionary, Variant, VariantType, vdict};
use godot::classes::{Os, ProjectSettings};
use godot::meta::ToGodot;
use godot::obj::Singleton;
use std::time::Duration;

/// Address of the backend.
const SETTING_SERVER_URL: &str = "aethex_cloud/server_url";
/// The game's publishable key.
const SETTING_CLIENT_KEY: &str = "aethex_cloud/client_key";
/// Address of the backend, for development: read in debug builds and the editor only.
const ENV_SERVER_URL: &str = "AETHEX_SERVER_URL";
/// The game's publishable key, for development.
const ENV_CLIENT_KEY: &str = "AETHEX_CLIENT_KEY";
/// Where the session and unsent saves are kept, unless the game says otherwise.
const DATA_DIR_DEFAULT: &str = "user://aethex_cloud";
/// The same for tool scripts in the editor: a game that runs beside it has a session of its own.
const DATA_DIR_EDITOR: &str = "user://aethex_cloud_editor";
/// Longest request time a game may set: the same as the longest call.
const REQUEST_TIMEOUT_SECONDS_MAX: f64 = crate::call::CALL_TIME_MAX.as_secs_f64();

/// What a script set by `AeThexCloud.configure()`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    server_url: Option<String>,
    client_key: Option<String>,
    data_dir: Option<String>,
    device_name: Option<String>,
    app_version: Option<String>,
    credentials: Option<CredentialStore>,
    request_timeout: Option<Duration>,
    auto_sync: Option<bool>,
}

impl Options {
    /// Reads a script's dictionary.
    ///
    /// # Errors
    /// `InvalidArgument` names the key that is unknown or has a wrong type.
    pub(crate) fn parse(options: &Variant) -> Result<Options, Error> {
        let options = options.try_to::<AnyDictionary>().map_err(|_| {
            argument("configure() takes a dictionary, for example {\"server_url\": \"https://…\"}")
        })?;
        let mut parsed = Options::default();
        for (key, value) in options.iter_shared() {
            let key = text(&key, "a key")?;
            match key.as_str() {
                "server_url" => parsed.server_url = Some(text(&value, &key)?),
                "client_key" => parsed.client_key = Some(text(&value, &key)?),
                "data_dir" => parsed.data_dir = Some(text(&value, &key)?),
                "device_name" => parsed.device_name = Some(text(&value, &key)?),
                "app_version" => parsed.app_version = Some(text(&value, &key)?),
                "credentials" => parsed.credentials = Some(credentials(&text(&value, &key)?)?),
                "request_timeout" => {
                    parsed.request_timeout = Some(seconds(&value, &key, REQUEST_TIMEOUT_SECONDS_MAX)?)
                }
                "auto_sync" => parsed.auto_sync = Some(flag(&value, &key)?),
                _ => return Err(argument(format!("{key:?} is no setting of AeThexCloud"))),
            }
        }
        Ok(parsed)
    }
}

/// Makes the project settings known, with their defaults and descriptions.
pub(crate) fn register() {
    let mut project = ProjectSettings::singleton();
    for (name, placeholder) in
        [(SETTING_SERVER_URL, "https://cloud.example.com"), (SETTING_CLIENT_KEY, "pk_…")]
    {
        if !project.has_setting(name) {
            project.set_setting(name, &"".to_variant());
        }
        project.set_initial_value(name, &"".to_variant());
        project.set_as_basic(name, true);
        let info: VarDictionary = vdict! {
            "name" => name,
            "type" => VariantType::STRING,
            "hint" => godot::register::info::PropertyHint::PLACEHOLDER_TEXT,
            "hint_string" => placeholder,
        };
        project.add_property_info(&info);
    }
}

/// Whether something other than the default says where the server is.
pub(crate) fn names_server(options: &Options) -> bool {
    options.server_url.is_some()
        || environment(ENV_SERVER_URL).is_some()
        || project(SETTING_SERVER_URL).is_some()
}

/// The SDK's settings.
///
/// # Errors
/// `InvalidArgument` when the data folder is no path of this system.
pub(crate) fn config(options: &Options) -> Result<Config, Error> {
    let in_editor = godot::init::is_editor_hint();
    let data_dir_default = if in_editor { DATA_DIR_EDITOR } else { DATA_DIR_DEFAULT };
    let data_dir = options.data_dir.as_deref().unwrap_or(data_dir_default);
    let mut config = Config::new(data_path(data_dir, "data_dir")?);
    let chosen = |set: &Option<String>, env: &str, setting: &str| {
        set.clone().or_else(|| environment(env)).or_else(|| project(setting)).filter(|text| !text.is_empty())
    };
    if let Some(url) = chosen(&options.server_url, ENV_SERVER_URL, SETTING_SERVER_URL) {
        config.server_url = url;
    }
    config.client_key = chosen(&options.client_key, ENV_CLIENT_KEY, SETTING_CLIENT_KEY);
    config.device_name = options.device_name.clone().unwrap_or_else(device_name);
    config.app_version =
        options.app_version.clone().or_else(|| project("application/config/version")).unwrap_or_default();
    config.locale = Os::singleton().get_locale().to_string();
    // The engine opens the browser, which it can on every system; and a game may want to show the page itself.
    config.browser = Browser::Game;
    config.credentials = match options.credentials.unwrap_or_default() {
        // The keyring's client keeps threads that cannot be ended: the library could not be exchanged.
        CredentialStore::Auto if in_editor => CredentialStore::File,
        chosen => chosen,
    };
    config.auto_sync = options.auto_sync.unwrap_or(config.auto_sync);
    config.request_timeout = options.request_timeout.unwrap_or(config.request_timeout);
    Ok(config)
}

/// A path of the system for one of a script that can be written to.
pub(crate) fn data_path(path: &str, what: &str) -> Result<String, Error> {
    if path.starts_with("res://") {
        return Err(argument(format!(
            "{what} cannot be in res://: an exported game cannot write there; use user://"
        )));
    }
    let path = ProjectSettings::singleton().globalize_path(path).to_string();
    if path.is_empty() {
        return Err(argument(format!("{what} is empty")));
    }
    Ok(path)
}

/// A text argument of a script.
pub(crate) fn text(value: &Variant, what: &str) -> Result<String, Error> {
    match value.get_type() {
        VariantType::STRING | VariantType::STRING_NAME => Ok(value.stringify().to_string()),
        _ => Err(argument(format!("{what} must be a String"))),
    }
}

/// A number of seconds, above zero and up to `max`.
pub(crate) fn seconds(value: &Variant, what: &str, max: f64) -> Result<Duration, Error> {
    let number = match value.get_type() {
        VariantType::FLOAT => value.try_to::<f64>().ok(),
        VariantType::INT => value.try_to::<i64>().ok().map(|number| number as f64),
        _ => None,
    };
    number
        .filter(|number| *number > 0.0 && *number <= max)
        .map(Duration::from_secs_f64)
        .ok_or_else(|| argument(format!("{what} must be a number of seconds above 0 and up to {max}")))
}

/// A true or false of a script.
pub(crate) fn flag(value: &Variant, what: &str) -> Result<bool, Error> {
    value.try_to::<bool>().map_err(|_| argument(format!("{what} must be true or false")))
}

fn credentials(name: &str) -> Result<CredentialStore, Error> {
    match name {
        "auto" => Ok(CredentialStore::Auto),
        "file" => Ok(CredentialStore::File),
        "memory" => Ok(CredentialStore::Memory),
        _ => Err(argument("credentials must be \"auto\", \"file\" or \"memory\"")),
    }
}

fn environment(name: &str) -> Option<String> {
    if !Os::singleton().is_debug_build() {
        return None;
    }
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn project(name: &str) -> Option<String> {
    let value = ProjectSettings::singleton().get_setting_with_override(name);
    value.try_to::<GString>().ok().map(|text| text.to_string()).filter(|text| !text.is_empty())
}

/// The model where the system tells one (phones), else the system's name.
fn device_name() -> String {
    let os = Os::singleton();
    let model = os.get_model_name().to_string();
    if model.is_empty() || model == "GenericDevice" { os.get_name().to_string() } else { model }
}
