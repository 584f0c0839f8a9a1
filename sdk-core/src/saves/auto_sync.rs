//! When queued saves go out by themselves: the pace of autosaves, networks that cost, and the ends of a session.
//!
//! A save that is awaited goes at once. An autosave ([`Saves::save_later`]) and a wrapped file are durable at
//! once too, but wait for the debounce: a newer one takes the place of one that was never sent. On a metered
//! network ([`Saves::set_metered`]) large saves wait for another network or an explicit [`Saves::flush`]. When
//! the game goes to the background or quits, everything is handed over and sent as far as a short time allows.

use super::entries::{Base, EntryMeta};
use super::outbox::Outbox;
use super::records::unresolved;
use super::state::Turn;
use super::{Content, SaveOptions, Saves, parts, rules, seal, send, sync, wrap};
use crate::cloud::Shared;
use crate::config::Metered;
use crate::session::blocking;
use crate::{Config, Error, clock};
use aethex_wire::ErrorCode;
use aethex_wire::ids::PlayerId;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// An autosave that never rests still goes out: after this many debounces since its first.
const DEBOUNCES_MAX: u32 = 10;
/// How long going to the background may take: mobile systems stop a game about five seconds after that.
const BACKGROUND_TIMEOUT: Duration = Duration::from_secs(4);
/// How long quitting may take: what a player waits for a window to close.
const QUIT_TIMEOUT: Duration = Duration::from_secs(2);

/// What decides when queued saves go.
#[derive(Debug)]
pub(crate) struct Pace {
    debounce: Duration,
    rule: Metered,
    metered: AtomicBool,
    /// Flushes under way: nothing waits then.
    urgent: AtomicUsize,
    holds: Mutex<HashMap<(PlayerId, String), Hold>>,
    changed: Notify,
}

/// Autosaves of a slot that wait for a newer one.
#[derive(Debug, Clone, Copy)]
struct Hold {
    since: Instant,
    until: Instant,
}

/// Nothing waits while this lives.
#[derive(Debug)]
pub(super) struct Urgent<'a>(&'a Pace);

impl Drop for Urgent<'_> {
    fn drop(&mut self) {
        self.0.urgent.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Pace {
    pub(super) fn new(config: &Config) -> Pace {
        Pace {
            debounce: config.save_debounce,
            rule: config.metered,
            metered: AtomicBool::new(false),
            urgent: AtomicUsize::new(0),
            holds: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// From here on everything goes.
    pub(super) fn urgent(&self) -> Urgent<'_> {
        self.urgent.fetch_add(1, Ordering::AcqRel);
        Urgent(self)
    }

    fn is_urgent(&self) -> bool {
        self.urgent.load(Ordering::Acquire) > 0
    }

    /// Autosaves of a slot wait a while.
    fn hold(&self, player: &PlayerId, slot: &str) {
        let now = Instant::now();
        let mut holds = self.holds.lock();
        let hold = holds.entry((player.clone(), slot.to_owned())).or_insert(Hold { since: now, until: now });
        hold.until = (now + self.debounce).min(hold.since + self.debounce * DEBOUNCES_MAX);
        drop(holds);
        self.changed.notify_one();
    }

    /// The slots of a player whose autosaves wait.
    pub(super) fn held(&self, player: &PlayerId) -> HashSet<String> {
        if self.is_urgent() {
            return HashSet::new();
        }
        let now = Instant::now();
        let mut holds = self.holds.lock();
        holds.retain(|_, hold| hold.until > now);
        let held = holds.keys().filter(|(owner, _)| owner == player);
        held.map(|(_, slot)| slot.clone()).collect()
    }

    /// A slot's autosaves wait no longer.
    fn release(&self, player: &PlayerId, slot: &str) {
        self.holds.lock().remove(&(player.clone(), slot.to_owned()));
    }

    /// When the next autosave is due.
    fn next(&self) -> Option<Instant> {
        self.holds.lock().values().map(|hold| hold.until).min()
    }

    /// Refuses for now what the network as it is may not carry.
    pub(super) fn check(&self, bytes: u64) -> Result<(), Error> {
        let metered = self.metered.load(Ordering::Relaxed);
        if self.is_urgent() || !metered || allowed(self.rule, bytes) {
            return Ok(());
        }
        let why = format!("the network is metered: {bytes} bytes wait for another one, or for flush");
        Err(Error::new(ErrorCode::Busy, why))
    }
}

/// Whether so many bytes may go over a metered network.
fn allowed(rule: Metered, bytes: u64) -> bool {
    match rule {
        Metered::Always => true,
        Metered::Never => false,
        Metered::AllowSmall(most) => bytes <= most,
    }
}

/// Sends when autosaves are due, for as long as the SDK lives.
pub(super) async fn run(shared: Arc<Shared>) {
    let pace = &shared.saves.pace;
    loop {
        let next = pace.next();
        let due = async {
            match next {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = pace.changed.notified() => continue,
            () = due => {}
        }
        let now = Instant::now();
        pace.holds.lock().retain(|_, hold| hold.until > now);
        if shared.saves.auto_sync() {
            shared.saves.kick();
        }
    }
}

/// What was handed to the outbox for a slot goes now, as far as auto-sync does anything by itself.
pub(super) fn release(shared: &Shared, player: &PlayerId, slot: &str) {
    shared.saves.pace.release(player, slot);
    if shared.saves.auto_sync() {
        shared.saves.kick();
    }
}

impl Saves {
    /// Saves content in a slot without waiting for the cloud: for autosaves.
    ///
    /// Succeeds when the save is durable on this device. It is sent a moment later ([`Config::save_debounce`]),
    /// unless a newer save of the slot takes its place until then: of many autosaves in a row only the last becomes a
    /// version. Saves that were made with [`Saves::save`] are never replaced.
    ///
    /// # Errors
    /// Those of [`Saves::save`] that are known without the server; `SavesConflict` while the slot has a conflict,
    /// the content is kept then.
    pub fn save_later(
        &self,
        slot: &str,
        content: Content,
        options: SaveOptions,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let (shared, slot) = (Arc::clone(&self.shared), slot.to_owned());
        self.in_turn(move |turn| async move { save_later(&shared, slot, content, options, turn).await })
    }

    /// Says whether the network costs by the byte, as the engine or the operating system knows it. Then saves above
    /// what [`Config::metered`] allows wait for another network, or for [`Saves::flush`].
    pub fn set_metered(&self, metered: bool) {
        let was = self.shared.saves.pace.metered.swap(metered, Ordering::Relaxed);
        if was && !metered && self.shared.saves.auto_sync() {
            self.shared.saves.kick();
        }
    }

    /// The game goes to the background: wrapped files and autosaves are taken, and sent within four seconds as far as
    /// the network allows. What is left stays durable on this device.
    ///
    /// # Errors
    /// As [`Saves::flush`].
    pub fn on_background(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.leave(BACKGROUND_TIMEOUT)
    }

    /// The game quits: as [`Saves::on_background`], within two seconds. Await it before [`crate::Cloud::shutdown`],
    /// or give that the same grace.
    ///
    /// # Errors
    /// As [`Saves::flush`].
    pub fn on_quit(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.leave(QUIT_TIMEOUT)
    }

    /// The game is back in the foreground: what waits is sent, if auto-sync is on.
    pub fn on_foreground(&self) {
        if self.shared.saves.auto_sync() {
            self.shared.saves.kick();
        }
    }

    /// Everything at hand goes out while there is time. Metered networks keep their rule: nobody asked.
    fn leave(&self, timeout: Duration) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        self.in_turn(move |turn| async move {
            if shared.session.player_now().is_none() {
                return Ok(());
            }
            shared.saves.pace.holds.lock().clear();
            let files = shared.saves.auto_sync();
            hand_over_and_send(&shared, files, timeout, turn).await
        })
    }
}

/// See [`super::Saves::flush`].
pub(super) async fn flush(shared: &Arc<Shared>, timeout: Duration, turn: Turn) -> Result<(), Error> {
    let _urgent = shared.saves.pace.urgent();
    hand_over_and_send(shared, true, timeout, turn).await
}

/// Takes the wrapped files, then sends for what is left of the time.
async fn hand_over_and_send(
    shared: &Arc<Shared>,
    files: bool,
    timeout: Duration,
    turn: Turn,
) -> Result<(), Error> {
    let begun = Instant::now();
    if files && shared.session.player_now().is_some() {
        // A file that takes longer is taken all the same, later.
        let _ = tokio::time::timeout(timeout, wrap::take_all(shared)).await;
    }
    send::flush(shared, timeout.saturating_sub(begun.elapsed()), turn).await
}

async fn save_later(
    shared: &Arc<Shared>,
    slot: String,
    content: Content,
    options: SaveOptions,
    mut turn: Turn,
) -> Result<(), Error> {
    rules::check_name(&slot)?;
    rules::check_options(&options)?;
    turn.begin().await;
    let player = shared.session.player().await?;
    let base = match shared.saves.untracked(&player, &slot) {
        Some(version) => Base::Exactly(vec![version]),
        None => Base::Seen,
    };
    let outbox = shared.saves.outbox(&player);
    shared.saves.pace.hold(&player, &slot);
    let (task, name) = (Arc::clone(shared), slot);
    let conflict = blocking(move || {
        enqueue_late(&task, &outbox, &name, &content, options, base)?;
        outbox.conflict(&name)
    })
    .await?;
    conflict.map_or(Ok(()), |conflict| Err(unresolved(conflict)))
}

/// Makes an autosave durable.
pub(super) fn enqueue_late(
    shared: &Shared,
    outbox: &Outbox,
    slot: &str,
    content: &Content,
    options: SaveOptions,
    base: Base,
) -> Result<(), Error> {
    let key = shared.saves.save_key();
    let packed = seal::pack(content, key.as_ref(), "")?;
    let changes = parts::changes(options.parts, key.as_ref())?;
    let meta = EntryMeta {
        label: options.label,
        playtime_ms: options.playtime_ms,
        key: clock::random_id(),
        shape: packed.shape.clone(),
        ..sync::new_meta(shared, slot)
    };
    outbox.enqueue_late(meta, &packed, base, &changes).map(drop)
}

/// Makes the first save of a slot durable: where another device made one meanwhile, it is a conflict.
pub(super) async fn enqueue_new(
    shared: &Arc<Shared>,
    player: &PlayerId,
    slot: &str,
    content: Content,
    options: SaveOptions,
) -> Result<(), Error> {
    let outbox = shared.saves.outbox(player);
    let (task, slot) = (Arc::clone(shared), slot.to_owned());
    blocking(move || {
        let key = task.saves.save_key();
        let packed = seal::pack(&content, key.as_ref(), "")?;
        let changes = parts::changes(options.parts, key.as_ref())?;
        let meta = EntryMeta {
            label: options.label,
            playtime_ms: options.playtime_ms,
            key: clock::random_id(),
            shape: packed.shape.clone(),
            ..sync::new_meta(&task, &slot)
        };
        outbox.enqueue(meta, &packed, Base::Exactly(Vec::new()), &changes).map(drop)
    })
    .await
}
