//! The cloud: made once per game, ticked once per frame, destroyed at the end.
//!
//! The core runs on its own thread. Whatever it has for the game waits until `aethex_tick`, which runs
//! completions first and events after them. One thread at a time ticks a cloud; who asks meanwhile is
//! told so and never blocked, so no order of callbacks and threads can dead-lock.

use crate::call::aethex_op;
use crate::error::{BUSY, aethex_error, guard};
use crate::events::{Listener, deliver, tell};
use crate::handle::{Kind, Registry, lock};
use crate::multiplayer;
use crate::saves::Questions;
use crate::strings::{aethex_str, flag, put, read_options, writable};
use aethex_sdk_core::{Browser, Cloud, Config, CredentialStore, Metered, OpId};
use aethex_wire::ErrorCode;
use std::collections::HashMap;
use std::mem::offset_of;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

/// Time that `aethex_cloud_destroy` lets running requests finish when the options name none: long enough
/// for a request on its way, short enough for a player who quits.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);
/// Longest grace accepted: beyond a minute a player has killed the process.
const SHUTDOWN_GRACE_MAX_MS: u32 = 60_000;
/// Longest time limit accepted for a request: an hour.
const REQUEST_TIMEOUT_MAX_MS: u32 = 3_600_000;
/// Longest rest of autosaves accepted: a minute.
const SAVE_DEBOUNCE_MAX_MS: u32 = 60_000;
/// The least of the options a caller may have: up to the one that is needed.
const OPTIONS_SIZE_MIN: usize = offset_of!(aethex_cloud_options, server_url);

/// A cloud: a 64-bit handle, 0 for none.
pub type aethex_cloud = u64;

/// Where the session's tokens are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_credentials {
    /// The operating system's keyring where there is one, else an encrypted file in the data folder.
    AETHEX_CREDENTIALS_AUTO = 0,
    /// An encrypted file in the data folder.
    AETHEX_CREDENTIALS_FILE = 1,
    /// Nowhere: the player logs in each time.
    AETHEX_CREDENTIALS_MEMORY = 2,
}

impl aethex_credentials {
    fn of(number: i32) -> Result<CredentialStore, ErrorCode> {
        const AUTO: i32 = aethex_credentials::AETHEX_CREDENTIALS_AUTO as i32;
        const FILE: i32 = aethex_credentials::AETHEX_CREDENTIALS_FILE as i32;
        const MEMORY: i32 = aethex_credentials::AETHEX_CREDENTIALS_MEMORY as i32;
        match number {
            AUTO => Ok(CredentialStore::Auto),
            FILE => Ok(CredentialStore::File),
            MEMORY => Ok(CredentialStore::Memory),
            _ => Err(ErrorCode::InvalidArgument),
        }
    }
}

/// Who opens the player's browser for a login with a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_browser {
    /// The library, as the operating system does it.
    AETHEX_BROWSER_SYSTEM = 0,
    /// The game: `AETHEX_EVENT_OPEN_BROWSER` brings the page's address.
    AETHEX_BROWSER_GAME = 1,
}

impl aethex_browser {
    fn of(number: i32) -> Result<Browser, ErrorCode> {
        const SYSTEM: i32 = aethex_browser::AETHEX_BROWSER_SYSTEM as i32;
        const GAME: i32 = aethex_browser::AETHEX_BROWSER_GAME as i32;
        match number {
            SYSTEM => Ok(Browser::System),
            GAME => Ok(Browser::Game),
            _ => Err(ErrorCode::InvalidArgument),
        }
    }
}

/// What is sent by itself over a network that costs by the byte, see `aethex_saves_set_metered`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_metered {
    /// Small saves.
    AETHEX_METERED_ALLOW_SMALL = 0,
    /// Nothing: saves wait for another network, or for `aethex_saves_flush`.
    AETHEX_METERED_NEVER = 1,
    /// Everything.
    AETHEX_METERED_ALWAYS = 2,
}

impl aethex_metered {
    fn of(number: i32, bytes_max: u64) -> Result<Metered, ErrorCode> {
        const SMALL: i32 = aethex_metered::AETHEX_METERED_ALLOW_SMALL as i32;
        const NEVER: i32 = aethex_metered::AETHEX_METERED_NEVER as i32;
        const ALWAYS: i32 = aethex_metered::AETHEX_METERED_ALWAYS as i32;
        match (number, bytes_max) {
            (SMALL, 0) => Ok(Metered::default()),
            (SMALL, most) => Ok(Metered::AllowSmall(most)),
            (NEVER, 0) => Ok(Metered::Never),
            (ALWAYS, 0) => Ok(Metered::Always),
            _ => Err(ErrorCode::InvalidArgument),
        }
    }
}

/// How to make a cloud. Set everything to zero, then `struct_size` and what differs from the defaults.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_cloud_options {
    /// `sizeof(aethex_cloud_options)`.
    pub struct_size: u32,
    /// An `aethex_credentials`.
    pub credentials: i32,
    /// Folder for the session, unsent saves and caches; made when missing. Needed.
    pub data_dir: aethex_str,
    /// Address of the backend, `https://…`; empty: the backend on this machine.
    pub server_url: aethex_str,
    /// The game's publishable key, `pk_…`; empty: the backend's default game.
    pub client_key: aethex_str,
    /// Name of the device for the player's eyes; empty: the operating system's.
    pub device_name: aethex_str,
    /// Version of the game; empty: unknown.
    pub app_version: aethex_str,
    /// Time limit of one request in milliseconds, at most an hour; 0: the default.
    pub request_timeout_ms: u32,
    /// 1: unsent saves wait for `aethex_saves_flush`; 0: they are sent as soon as possible.
    pub no_auto_sync: u32,
    /// Time that `aethex_cloud_destroy` gives running requests in milliseconds, at most a minute; 0: 2 seconds.
    pub shutdown_grace_ms: u32,
    /// An `aethex_browser`.
    pub browser: i32,
    /// The player's language as a BCP 47 tag (`de`, `pt-BR`), for mails to a new account; empty: unknown.
    pub locale: aethex_str,
    /// How long autosaves and wrapped files rest before they are sent, in milliseconds, at most a minute; 0: 2 seconds.
    pub save_debounce_ms: u32,
    /// An `aethex_metered`: what may be sent over a metered network.
    pub metered: i32,
    /// With `AETHEX_METERED_ALLOW_SMALL` the most bytes of one save; 0: 64 KiB.
    pub metered_bytes_max: u64,
}

/// A cloud and what C holds of it.
pub(crate) struct Entry {
    pub(crate) cloud: Cloud,
    pub(crate) requests: Mutex<HashMap<aethex_op, OpId>>,
    pub(crate) listener: Mutex<Option<Listener>>,
    pub(crate) questions: Arc<Questions>,
    open: RwLock<bool>,
    ticking: AtomicBool,
    grace: Duration,
}

static CLOUDS: Registry<Entry> = Registry::new(Kind::Cloud);

/// The cloud behind a handle.
pub(crate) fn entry(cloud: aethex_cloud) -> Result<Arc<Entry>, ErrorCode> {
    CLOUDS.get(cloud)
}

impl Entry {
    /// Holds the cloud open: it is not shut down while the guard lives.
    pub(crate) fn open(&self) -> Result<RwLockReadGuard<'_, bool>, ErrorCode> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        if *open { Ok(open) } else { Err(ErrorCode::InvalidHandle) }
    }

    fn close(&self) {
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = false;
    }

    /// The turn to run callbacks: one at a time.
    fn turn(&self) -> Result<Turn<'_>, ErrorCode> {
        if self.ticking.swap(true, Ordering::Acquire) { Err(BUSY) } else { Ok(Turn(&self.ticking)) }
    }
}

struct Turn<'a>(&'a AtomicBool);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// The library's version, for example `0.1.0`. The text lives as long as the library.
#[unsafe(no_mangle)]
pub extern "C" fn aethex_version() -> aethex_str {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    aethex_str { data: VERSION.as_ptr().cast(), len: VERSION.len() - 1 }
}

/// Makes a cloud and starts its thread. Works offline; nothing is sent before the first request.
///
/// `AETHEX_ERROR_INVALID_ARGUMENT`: an option is not usable. `AETHEX_ERROR_STORAGE`: the data folder
/// cannot be used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_cloud_create(
    options: *const aethex_cloud_options,
    out: *mut aethex_cloud,
) -> aethex_error {
    guard(|| {
        writable(out)?;
        // SAFETY: the header asks for valid or null pointers; the options are integers and pointers.
        let (config, grace) = unsafe { config(&read_options(options, OPTIONS_SIZE_MIN)?) }?;
        let cloud = Cloud::new(config).map_err(|error| error.code)?;
        let handle = CLOUDS.insert(Entry {
            cloud,
            requests: Mutex::default(),
            listener: Mutex::default(),
            questions: Arc::default(),
            open: RwLock::new(true),
            ticking: AtomicBool::new(false),
            grace,
        })?;
        // SAFETY: checked above.
        unsafe { put(out, handle) }
    })
}

/// Runs what has completed since the last tick: callbacks of requests, then events. Call it once a frame.
///
/// `AETHEX_ERROR_BUSY` inside a callback of this cloud, or while another thread ticks or
/// destroys it: nothing was done.
#[unsafe(no_mangle)]
pub extern "C" fn aethex_tick(cloud: aethex_cloud) -> aethex_error {
    guard(|| {
        let entry = entry(cloud)?;
        let _turn = entry.turn()?;
        drop(entry.open()?);
        entry.questions.answer();
        entry.cloud.tick();
        for event in entry.cloud.take_events() {
            deliver(&entry, |listener| tell(listener, event));
        }
        for event in entry.cloud.multiplayer().take_events() {
            deliver(&entry, |listener| multiplayer::tell(listener, event));
        }
        Ok(())
    })
}

/// Ends a cloud. Running requests get the grace of the options; then those still open complete with
/// `AETHEX_ERROR_CANCELLED` or `AETHEX_ERROR_SHUT_DOWN`, inside this call. No events. Saves that are
/// queued stay on disk and are sent by the next cloud on the same data folder. Values stay valid.
///
/// `AETHEX_ERROR_BUSY` inside a callback of this cloud, or while another thread ticks or
/// destroys it: nothing was done, destroy it later. A second time is `AETHEX_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn aethex_cloud_destroy(cloud: aethex_cloud) -> aethex_error {
    guard(|| {
        let entry = entry(cloud)?;
        let _turn = entry.turn()?;
        drop(CLOUDS.remove(cloud)?);
        entry.close();
        *lock(&entry.listener) = None;
        // The core's thread may wait for this one.
        entry.questions.close();
        entry.cloud.shutdown(entry.grace);
        Ok(())
    })
}

/// Asks a request to stop. Its callback still runs once, in a later tick: with `AETHEX_ERROR_CANCELLED`,
/// or with its result when it was already done. `AETHEX_ERROR_INVALID_HANDLE` when the callback has run.
#[unsafe(no_mangle)]
pub extern "C" fn aethex_cancel(cloud: aethex_cloud, op: aethex_op) -> aethex_error {
    guard(|| {
        let entry = entry(cloud)?;
        let _open = entry.open()?;
        let id = lock(&entry.requests).get(&op).copied().ok_or(ErrorCode::InvalidHandle)?;
        entry.cloud.cancel(id);
        Ok(())
    })
}

/// The options as the core's configuration.
///
/// # Safety
/// The texts are null or valid.
unsafe fn config(options: &aethex_cloud_options) -> Result<(Config, Duration), ErrorCode> {
    // SAFETY: the caller's promise, passed on.
    let text = |text: aethex_str| unsafe { text.owned() };
    let data_dir = text(options.data_dir)?;
    if data_dir.is_empty()
        || options.request_timeout_ms > REQUEST_TIMEOUT_MAX_MS
        || options.shutdown_grace_ms > SHUTDOWN_GRACE_MAX_MS
    {
        return Err(ErrorCode::InvalidArgument);
    }
    let mut config = Config::new(PathBuf::from(data_dir));
    let server_url = text(options.server_url)?;
    if !server_url.is_empty() {
        config.server_url = server_url;
    }
    let set = |text: String| Some(text).filter(|text| !text.is_empty());
    config.client_key = set(text(options.client_key)?);
    if let Some(name) = set(text(options.device_name)?) {
        config.device_name = name;
    }
    config.app_version = text(options.app_version)?;
    config.locale = text(options.locale)?;
    config.browser = aethex_browser::of(options.browser)?;
    config.credentials = aethex_credentials::of(options.credentials)?;
    if options.request_timeout_ms > 0 {
        config.request_timeout = Duration::from_millis(options.request_timeout_ms.into());
    }
    if options.save_debounce_ms > SAVE_DEBOUNCE_MAX_MS {
        return Err(ErrorCode::InvalidArgument);
    }
    if options.save_debounce_ms > 0 {
        config.save_debounce = Duration::from_millis(options.save_debounce_ms.into());
    }
    config.metered = aethex_metered::of(options.metered, options.metered_bytes_max)?;
    config.auto_sync = !flag(options.no_auto_sync)?;
    let grace = match options.shutdown_grace_ms {
        0 => SHUTDOWN_GRACE,
        millis => Duration::from_millis(millis.into()),
    };
    Ok((config, grace))
}
