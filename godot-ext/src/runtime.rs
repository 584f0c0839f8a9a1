//! The one connection of this process, and what happens each frame.
//!
//! The SDK starts with the first call, or in the first frame of a game that names its server. In the editor
//! it starts only when a tool script calls something: no thread and no network until then. Everything runs
//! on the main thread here; the SDK's own thread never touches a Godot object.

use crate::cloud::AeThexCloud;
use crate::error::AeThexError;
use crate::save_info::{AeThexConflict, AeThexSave, content_to_variant};
use crate::settings::{self, Options};
use crate::user::{AeThexUser, text};
use crate::{call, exit};
use aethex_sdk_core::{Cloud, Error, ErrorCode, Event};
use godot::builtin::Variant;
use godot::classes::Object;
use godot::meta::ToGodot;
use godot::obj::{Gd, Singleton};
use std::cell::RefCell;
use std::time::Duration;

/// How long the end of a game may wait for saves under way to reach this device's disk. A write takes
/// milliseconds; a player does not notice half a second.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
struct Runtime {
    cloud: Option<Cloud>,
    options: Options,
    /// The backend's address, for what it names by a path.
    server_url: String,
    online: bool,
    /// The scene tree is gone.
    left: bool,
    /// The library is about to be unloaded.
    ended: bool,
}

thread_local! {
    static RUNTIME: RefCell<Runtime> = RefCell::default();
}

/// The connection; started when there is none.
pub(crate) fn cloud() -> Result<Cloud, Error> {
    let (running, ended) = RUNTIME.with_borrow(|runtime| (runtime.cloud.clone(), runtime.ended));
    if ended {
        return Err(Error::new(ErrorCode::ShutDown, "the extension is being unloaded"));
    }
    let cloud = match running {
        Some(cloud) => cloud,
        None => {
            let options = RUNTIME.with_borrow(|runtime| runtime.options.clone());
            let config = settings::config(&options)?;
            let server_url = config.server_url.trim().trim_end_matches('/').to_owned();
            let cloud = Cloud::new(config)?;
            RUNTIME.with_borrow_mut(|runtime| {
                runtime.cloud = Some(cloud.clone());
                runtime.server_url = server_url;
            });
            cloud
        }
    };
    AeThexCloud::hook();
    Ok(cloud)
}

/// Takes the settings of a script and starts anew with them.
pub(crate) fn configure(options: Options) -> Result<(), Error> {
    settings::config(&options)?;
    let old = RUNTIME.with_borrow_mut(|runtime| {
        runtime.options = options;
        runtime.online = false;
        runtime.cloud.take()
    });
    if let Some(old) = old {
        old.shutdown(SHUTDOWN_GRACE);
        call::fail_all(&Error::new(
            ErrorCode::ShutDown,
            "the settings were changed while the call was under way",
        ));
    }
    cloud().map(drop)
}

/// Starts a game that says where its server is, so that saves queued by its last run are sent.
pub(crate) fn start_if_configured() {
    let options = RUNTIME.with_borrow(|runtime| runtime.options.clone());
    if !settings::names_server(&options) {
        return;
    }
    if let Err(error) = cloud() {
        godot::global::godot_warn!("AeThexCloud did not start: {error}");
    }
}

/// A whole address for one that the backend may have given as a path of its own.
pub(crate) fn address(of_backend: &str) -> String {
    if !of_backend.starts_with('/') {
        return of_backend.to_owned();
    }
    RUNTIME.with_borrow(|runtime| format!("{}{of_backend}", runtime.server_url))
}

/// Whether the backend answered lately.
pub(crate) fn is_online() -> bool {
    RUNTIME.with_borrow(|runtime| runtime.online)
}

/// Whether the scene tree is gone, so that no frame will come.
pub(crate) fn has_left() -> bool {
    RUNTIME.with_borrow(|runtime| runtime.left)
}

/// One frame: completions and events of the SDK become results and signals.
pub(crate) fn process() {
    let cloud = RUNTIME.with_borrow(|runtime| runtime.cloud.clone());
    if let Some(cloud) = &cloud {
        cloud.tick();
        for event in cloud.take_events() {
            announce(event);
        }
    }
    call::sweep(cloud.as_ref());
    call::deliver();
}

/// The scene tree is about to go: nothing of this library may hold script code after it.
pub(crate) fn leave() {
    RUNTIME.with_borrow_mut(|runtime| runtime.left = true);
    call::drop_all();
    exit::disconnect_scripts();
}

/// A new start, perhaps of a library that stayed loaded.
pub(crate) fn begin() {
    RUNTIME.set(Runtime::default());
}

/// Ends everything. Saves under way get a moment to reach the disk.
pub(crate) fn shut_down() {
    call::drop_all();
    let cloud = RUNTIME.with_borrow_mut(|runtime| {
        runtime.ended = true;
        runtime.left = true;
        runtime.cloud.take()
    });
    if let Some(cloud) = cloud {
        cloud.shutdown(SHUTDOWN_GRACE);
    }
    call::drop_all();
    AeThexCloud::free_services();
}

/// Emits the signal of an event. Nothing is bound or borrowed while it does: scripts run in here.
fn announce(event: Event) {
    match event {
        Event::LoggedIn(user) => emit(auth(), "logged_in", &[AeThexUser::of(&user).to_variant()]),
        Event::LoggedOut => emit(auth(), "logged_out", &[]),
        Event::SessionExpired => emit(auth(), "session_expired", &[]),
        Event::SaveSynced { slot, version } => {
            emit(saves(), "synced", &[text(&slot).to_variant(), AeThexSave::of(&version).to_variant()]);
        }
        Event::SaveConflict(found) => {
            let info = AeThexConflict::of(&found.conflict, content_to_variant(&found.local).ok());
            emit(saves(), "conflict", &[text(&found.slot).to_variant(), info.to_variant()]);
        }
        Event::SaveFailed { slot, error } => {
            emit(saves(), "failed", &[text(&slot).to_variant(), AeThexError::of(&error).to_variant()]);
        }
        Event::SyncProgress { pending } => {
            emit(saves(), "progress", &[i64::try_from(pending).unwrap_or(i64::MAX).to_variant()]);
        }
        Event::OpenBrowser { url } => crate::auth::open_browser(auth(), &url),
        Event::Online(online) => {
            RUNTIME.with_borrow_mut(|runtime| runtime.online = online);
            emit(Some(AeThexCloud::singleton().upcast()), "online_changed", &[online.to_variant()]);
        }
        // An event of a newer SDK has no signal yet.
        _ => {}
    }
}

/// A script may have freed a service; that silences it.
fn emit(object: Option<Gd<Object>>, signal: &str, arguments: &[Variant]) {
    if let Some(mut object) = object {
        object.emit_signal(signal, arguments);
    }
}

fn auth() -> Option<Gd<Object>> {
    AeThexCloud::singleton().bind().auth_service()
}

fn saves() -> Option<Gd<Object>> {
    AeThexCloud::singleton().bind().saves_service()
}
