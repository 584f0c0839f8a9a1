//! What the calls of cloud saves and the background sending share.

use super::auto_sync::Pace;
use super::batch::BATCH_SAVES_MAX;
use super::definitions::Definitions;
use super::devices::Presence;
use super::entries::Outcome;
use super::outbox::{Outbox, player_folder};
use super::stamps::Stamps;
use super::types::SaveKey;
use super::wrap::{WatchState, Wraps};
use crate::Config;
use crate::disk::{Disk, scope_folder};
use aethex_wire::ids::{PlayerId, VersionId};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Notify, oneshot, watch};

/// Shared state of cloud saves.
#[derive(Debug)]
pub(crate) struct SavesState {
    disk: Disk,
    scope: PathBuf,
    auto_sync: AtomicBool,
    /// Asks for a round of sending now.
    kick: Notify,
    /// The rounds of sending.
    pub(super) rounds: watch::Sender<Round>,
    /// Held while one entry is sent and settled, and by whoever must not come in between.
    pub(super) lane: tokio::sync::Mutex<()>,
    waiters: Mutex<Vec<Waiter>>,
    pub(super) definitions: Definitions,
    save_key: Mutex<Option<SaveKey>>,
    /// Definitions or the key changed: conflicts that needed somebody are tried again.
    merge_again: AtomicBool,
    /// Numbers of saves, for each player of this process.
    stamps: Mutex<HashMap<PlayerId, Arc<Stamps>>>,
    /// What the game loaded although the slot's record could not be written: its next save is made from it.
    untracked: Mutex<HashMap<(PlayerId, String), VersionId>>,
    /// Held while the game's own functions run: one that never ends holds up no more than one thread.
    pub(super) game_code: Arc<Mutex<()>>,
    pub(super) pace: Pace,
    /// Until when saves go one by one: a batch was refused as a whole.
    alone_until: Mutex<Option<tokio::time::Instant>>,
    pub(super) presence: Presence,
    pub(super) watch: WatchState,
    /// Ends when the call before the next one has queued what it has to queue.
    last_turn: Mutex<Option<oneshot::Receiver<()>>>,
}

/// A call's place in the order of calls: what it reads or queues comes after what earlier calls queued.
#[derive(Debug)]
pub(super) struct Turn {
    before: Option<oneshot::Receiver<()>>,
    _ended: oneshot::Sender<()>,
}

impl Turn {
    /// Waits for the calls before; the turn ends when it is dropped.
    pub(super) async fn begin(&mut self) {
        if let Some(before) = self.before.take() {
            // A call that was given up has ended, too.
            let _ = before.await;
        }
    }
}

/// Where the rounds of sending are.
#[derive(Debug, Clone, Default)]
pub(super) struct Round {
    /// How many have ended.
    pub(super) ended: u64,
    /// Whether one runs.
    pub(super) running: bool,
    /// Why the last one stopped before the queue was empty.
    pub(super) stopped: Option<crate::Error>,
    /// When the next one begins by itself.
    pub(super) next_at: Option<tokio::time::Instant>,
}

/// A call that waits for its save's outcome.
#[derive(Debug)]
struct Waiter {
    player: PlayerId,
    slot: String,
    number: u64,
    tell: oneshot::Sender<Outcome>,
}

impl SavesState {
    pub(crate) fn new(config: &Config) -> SavesState {
        SavesState {
            disk: Disk::here(),
            scope: scope_folder(config),
            auto_sync: AtomicBool::new(config.auto_sync),
            kick: Notify::new(),
            rounds: watch::Sender::default(),
            lane: tokio::sync::Mutex::new(()),
            waiters: Mutex::default(),
            definitions: Definitions::default(),
            save_key: Mutex::default(),
            merge_again: AtomicBool::new(false),
            stamps: Mutex::default(),
            untracked: Mutex::default(),
            game_code: Arc::default(),
            pace: Pace::new(config),
            alone_until: Mutex::default(),
            presence: Presence::default(),
            watch: WatchState::default(),
            last_turn: Mutex::default(),
        }
    }

    /// Takes the next place in the order of calls.
    pub(super) fn turn(&self) -> Turn {
        let (ended, after) = oneshot::channel();
        let before = self.last_turn.lock().replace(after);
        Turn { before, _ended: ended }
    }

    /// The outbox of a player.
    pub(super) fn outbox(&self, player: &PlayerId) -> Outbox {
        let stamps = Arc::clone(self.stamps.lock().entry(player.clone()).or_default());
        Outbox::new(self.disk.clone(), player_folder(&self.scope, player)).sharing(stamps)
    }

    /// The files that are slots, of all players.
    pub(super) fn wraps(&self) -> Wraps {
        Wraps::new(Disk::default(), &self.scope)
    }

    /// Has saves go one by one for a while.
    pub(super) fn send_alone(&self, time: std::time::Duration) {
        *self.alone_until.lock() = Some(tokio::time::Instant::now() + time);
    }

    /// Most saves that go in one request now.
    pub(super) fn batch_max(&self) -> usize {
        let alone = self.alone_until.lock().is_some_and(|until| tokio::time::Instant::now() < until);
        if alone { 1 } else { BATCH_SAVES_MAX }
    }

    pub(super) fn set_save_key(&self, key: Option<SaveKey>) {
        *self.save_key.lock() = key;
        self.merge_again();
    }

    pub(super) fn save_key(&self) -> Option<SaveKey> {
        self.save_key.lock().clone()
    }

    /// Has the next round try conflicts again that needed somebody.
    pub(super) fn merge_again(&self) {
        self.merge_again.store(true, Ordering::Relaxed);
        if self.auto_sync() {
            self.kick();
        }
    }

    pub(super) fn take_merge_again(&self) -> bool {
        self.merge_again.swap(false, Ordering::Relaxed)
    }

    /// Notes what the game has, when the slot's record does not say so.
    pub(super) fn note_untracked(&self, player: &PlayerId, slot: &str, version: Option<VersionId>) {
        let mut untracked = self.untracked.lock();
        let place = (player.clone(), slot.to_owned());
        match version {
            Some(version) => untracked.insert(place, version),
            None => untracked.remove(&place),
        };
    }

    pub(super) fn untracked(&self, player: &PlayerId, slot: &str) -> Option<VersionId> {
        self.untracked.lock().get(&(player.clone(), slot.to_owned())).cloned()
    }

    pub(crate) fn enable_auto_sync(&self, on: bool) {
        self.auto_sync.store(on, Ordering::Relaxed);
        if on {
            self.kick();
        }
    }

    pub(super) fn auto_sync(&self) -> bool {
        self.auto_sync.load(Ordering::Relaxed)
    }

    pub(super) fn kick(&self) {
        self.kick.notify_one();
    }

    pub(super) async fn kicked(&self) {
        self.kick.notified().await;
    }

    /// Waits for what becomes of an entry. Ends without an answer when the slot is deleted or resolved.
    pub(super) fn wait_for(&self, player: &PlayerId, slot: &str, number: u64) -> oneshot::Receiver<Outcome> {
        let (tell, told) = oneshot::channel();
        let mut waiters = self.waiters.lock();
        waiters.retain(|waiter| !waiter.tell.is_closed());
        waiters.push(Waiter { player: player.clone(), slot: slot.to_owned(), number, tell });
        told
    }

    /// Tells those who wait for this entry, or for an older one of its slot whose place it took.
    pub(super) fn settled(&self, player: &PlayerId, slot: &str, number: u64, outcome: &Outcome) {
        for waiter in self.take(player, slot, number) {
            let _ = waiter.tell.send(outcome.clone());
        }
    }

    /// The slot's entries are gone: nobody waits for them any more.
    pub(super) fn dropped(&self, player: &PlayerId, slot: &str) {
        self.take(player, slot, u64::MAX);
    }

    fn take(&self, player: &PlayerId, slot: &str, up_to: u64) -> Vec<Waiter> {
        let mut waiters = self.waiters.lock();
        let all = std::mem::take(&mut *waiters);
        let (taken, left) = all
            .into_iter()
            .partition(|waiter| waiter.player == *player && waiter.slot == slot && waiter.number <= up_to);
        *waiters = left;
        taken
    }
}
