//! The one connection of this process, and what happens each frame.
//!
//! The SDK starts with the first call, or in the first frame of a game that names its server. In the editor
//! it starts only when a tool script calls something: no thread and no network until then. Everything runs
//! on the main thread here; the SDK's own thread never touches a Godot object.

use crate::cloud::AeThexCloud;
use crate::error::AeThexError;
use crate::saves::{self as saves_service, AeThexConflict, AeThexDevice, AeThexSave};
use crate::settings::{self, Options};
use crate::user::{AeThexUser, text};
use crate::{call, exit, multiplayer};
use aethex_sdk_core::{Cloud, Definition, Error, ErrorCode, Event, SaveKey};
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
    /// What the game said about its slots: every connection needs it.
    definitions: Vec<(String, Definition)>,
    save_key: Option<SaveKey>,
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
            saves_service::start_answering();
            let (definitions, key) =
                RUNTIME.with_borrow(|runtime| (runtime.definitions.clone(), runtime.save_key.clone()));
            cloud.saves().set_save_key(key);
            for (pattern, definition) in definitions {
                cloud.saves().define(&pattern, definition)?;
            }
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

/// The connection, when there is one.
pub(crate) fn running() -> Option<Cloud> {
    RUNTIME.with_borrow(|runtime| runtime.cloud.clone())
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
        // The old one may wait for this thread.
        saves_service::stop_answering();
        multiplayer::forget();
        old.shutdown(SHUTDOWN_GRACE);
        call::fail_all(&Error::new(
            ErrorCode::ShutDown,
            "the settings were changed while the call was under way",
        ));
    }
    cloud().map(drop)
}

/// Takes what the game says about its slots; it holds for later connections, too.
pub(crate) fn define(pattern: String, definition: Definition) -> Result<(), Error> {
    cloud()?.saves().define(&pattern, definition.clone())?;
    let replaced = RUNTIME.with_borrow_mut(|runtime| {
        let known = runtime.definitions.iter_mut().find(|(other, _)| *other == pattern);
        match known {
            Some((_, known)) => Some(std::mem::replace(known, definition)),
            None => {
                runtime.definitions.push((pattern, definition));
                None
            }
        }
    });
    drop(replaced);
    Ok(())
}

/// Takes the player's own key; it holds for later connections, too.
pub(crate) fn set_save_key(key: Option<SaveKey>) -> Result<(), Error> {
    cloud()?.saves().set_save_key(key.clone());
    RUNTIME.with_borrow_mut(|runtime| runtime.save_key = key);
    Ok(())
}

/// The system sends the game to the background, or brings it back.
pub(crate) fn in_background(now: bool) {
    let Some(cloud) = RUNTIME.with_borrow(|runtime| runtime.cloud.clone()) else { return };
    if now {
        // Nobody waits for it: what is not sent in time stays queued.
        cloud.submit(cloud.saves().on_background(), |_| {});
    } else {
        cloud.saves().on_foreground();
    }
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
    saves_service::answer_all();
    if let Some(cloud) = &cloud {
        cloud.tick();
        for event in cloud.take_events() {
            announce(event);
        }
        multiplayer::announce_all(cloud);
    }
    call::sweep(cloud.as_ref());
    call::deliver();
}

/// The scene tree is about to go: nothing of this library may hold script code after it.
pub(crate) fn leave() {
    let cloud = RUNTIME.with_borrow_mut(|runtime| {
        runtime.left = true;
        runtime.definitions.clear();
        runtime.cloud.clone()
    });
    if let Some(cloud) = cloud {
        // Ends within the grace of the shutdown, or stays queued.
        cloud.submit(cloud.saves().on_quit(), |_| {});
        // The others need not wait for a player who has gone.
        if cloud.multiplayer().current_room().is_some() {
            multiplayer::forget();
            cloud.submit(cloud.multiplayer().leave_room(), |_| {});
        }
    }
    call::drop_all();
    saves_service::forget_all();
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
        runtime.definitions.clear();
        runtime.cloud.take()
    });
    saves_service::forget_all();
    multiplayer::forget();
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
        Event::SaveSuspicious { slot, version } => {
            emit(saves(), "suspicious", &[text(&slot).to_variant(), AeThexSave::of(&version).to_variant()]);
        }
        Event::SaveConflict(info) => {
            let info_for_script = AeThexConflict::whole(&info);
            emit(saves(), "conflict", &[text(&info.slot).to_variant(), info_for_script.to_variant()]);
        }
        Event::SaveMerged { slot, version } => {
            emit(saves(), "merged", &[text(&slot).to_variant(), AeThexSave::of(&version).to_variant()]);
        }
        Event::SaveProgress { sent, total, .. } => {
            let pending = cloud().map_or(0, |cloud| cloud.saves().pending());
            emit(saves(), "sync_progress", &[count(pending), count(sent), count(total)]);
        }
        Event::ActiveElsewhere { slot, device } => {
            let device = AeThexDevice::of(&device);
            emit(saves(), "active_elsewhere", &[text(&slot).to_variant(), device.to_variant()]);
        }
        Event::FileReplaced { slot } => emit(saves(), "file_replaced", &[text(&slot).to_variant()]),
        Event::SaveFailed { slot, error } => {
            emit(saves(), "failed", &[text(&slot).to_variant(), AeThexError::of(&error).to_variant()]);
        }
        Event::SyncProgress { pending } => {
            emit(saves(), "progress", &[count(pending)]);
            emit(saves(), "sync_progress", &[count(pending), count(0_u64), count(0_u64)]);
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

fn count(number: impl TryInto<i64>) -> Variant {
    number.try_into().unwrap_or(i64::MAX).to_variant()
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
