//! Cloud saves that work offline.
//!
//! A save goes ([`sync`]): checks and hash ([`rules`]) -> a durable entry in the outbox ([`outbox`]) -> the
//! server ([`send`], in order) -> the slot's record ([`records`]: what this device last saw of the cloud,
//! with the content as offline copy) -> the entry is removed. A conflict or a refusal moves the entry's content
//! into a record of its own, kept until it is resolved. Loading prefers what has not been sent yet, then
//! the server, then the offline copy. Everything belongs to one player: folders are apart.
//!
//! What a save is based on is its slot's record: the version this device last loaded or stored. A device
//! that never saw a slot can therefore only create it, never overwrite what others saved there.

mod api;
mod outbox;
mod records;
mod rules;
mod send;
mod state;
mod sync;
#[cfg(test)]
mod tests;

use crate::Error;
use crate::cloud::Shared;
use crate::wire::Value;
use crate::wire::ids::VersionId;
use crate::wire::saves::SaveVersion;
use bytes::Bytes;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use send::drain;
pub(crate) use state::SavesState;
use state::Turn;

/// What a slot holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// An engine value: other engines and languages read it too.
    Value(Value),
    /// Bytes that only the game understands.
    Bytes(Bytes),
}

/// What is said about a save beside its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SaveOptions {
    /// Words for the player's list of saves; at most 128 characters.
    pub label: String,
    /// Played time in milliseconds, as the game counts it; 0 when unknown.
    pub playtime_ms: i64,
}

/// Where a save stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// The slot.
    pub slot: String,
    /// True: durable on this device, and sent when the network allows. False: in the cloud.
    pub queued: bool,
    /// The version it became; none while it is queued.
    pub version: Option<SaveVersion>,
}

/// A slot's content.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The version; none for a save of this device that has not been acknowledged.
    pub version: Option<SaveVersion>,
    /// The content.
    pub content: Content,
    /// True when it comes from this device: an offline copy, or a newer save that has not been sent.
    pub from_cache: bool,
}

/// What becomes of a conflict, or of a save that the server refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolution {
    /// This device's save goes on top of the cloud's. A refused save is sent again.
    KeepLocal,
    /// The cloud's stays; this device's save is left in the slot's history, if it got that far.
    KeepCloud,
    /// This content, made of both, goes on top.
    Merged(Content),
}

/// Where a slot of the current player stands on this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotStatus {
    /// The last save or load of this device is in the cloud.
    Synced,
    /// A save waits to be sent.
    Queued,
    /// The cloud moved on: [`Saves::resolve`] is needed.
    Conflict,
    /// The server refused the last save: [`Saves::resolve`] sends it again or drops it.
    Failed,
    /// This device knows nothing of the slot, or nobody is logged in.
    Unknown,
}

/// Cloud saves of the player who is logged in.
///
/// The futures run on the SDK's thread whatever polls them, and can be given to [`crate::Cloud::submit`].
#[derive(Debug, Clone)]
pub struct Saves {
    shared: Arc<Shared>,
}

impl Saves {
    pub(crate) fn new(shared: Arc<Shared>) -> Saves {
        Saves { shared }
    }

    /// Saves content in a slot.
    ///
    /// The save is durable on this device before anything is sent. Then the server has five seconds to
    /// answer: if it does, `queued` is false and the version is there; if it does not, or there is no
    /// network, `queued` is true and the save is sent later, exactly once and in order.
    ///
    /// # Errors
    /// `InvalidSlot`, `InvalidArgument`, `TooLarge` (16 MiB), `NotLoggedIn`; `Storage` and `QueueFull`:
    /// nothing was kept. `SavesConflict`: the cloud holds something this save was not made from; the
    /// content is kept on this device, see [`Saves::resolve`]. A definite refusal of the server
    /// (`QuotaExceeded`, `InvalidSave`, …): the content is kept on this device.
    pub fn save(
        &self,
        slot: &str,
        content: Content,
        options: SaveOptions,
    ) -> impl Future<Output = Result<Saved, Error>> + Send + use<> {
        let (shared, slot) = (Arc::clone(&self.shared), slot.to_owned());
        self.in_turn(move |turn| async move { sync::save(&shared, slot, content, options, turn).await })
    }

    /// Loads a slot: a save of this device that has not been sent, else the cloud's head, else (offline) the
    /// copy of what this device last saw.
    ///
    /// # Errors
    /// `SaveNotFound`, `InvalidSlot`, `NotLoggedIn`; `Offline` or `Timeout` when there is no copy either.
    pub fn load(&self, slot: &str) -> impl Future<Output = Result<Loaded, Error>> + Send + use<> {
        let (shared, slot) = (Arc::clone(&self.shared), slot.to_owned());
        self.in_turn(move |turn| async move { sync::load(&shared, slot, turn).await })
    }

    /// Loads a version of a slot's history. The next save is not based on it: see [`Saves::restore`].
    ///
    /// # Errors
    /// `VersionNotFound`, `SaveNotFound`, `InvalidSlot`, `NotLoggedIn`, `Offline`, `Timeout`.
    pub fn load_version(
        &self,
        slot: &str,
        version: VersionId,
    ) -> impl Future<Output = Result<Loaded, Error>> + Send + use<> {
        let (shared, slot) = (Arc::clone(&self.shared), slot.to_owned());
        self.shared.pump.call(async move { sync::load_version(&shared, slot, version).await })
    }

    /// Makes an old version the slot's content again, as a new version on top; nothing is removed.
    ///
    /// # Errors
    /// As [`Saves::load_version`] and [`Saves::save`].
    pub fn restore(
        &self,
        slot: &str,
        version: VersionId,
    ) -> impl Future<Output = Result<Saved, Error>> + Send + use<> {
        let (shared, slot) = (Arc::clone(&self.shared), slot.to_owned());
        self.in_turn(move |turn| async move { sync::restore(&shared, slot, version, turn).await })
    }

    /// Lists the slots by name: the cloud's heads, and this device's unsent saves in their place. Offline:
    /// what this device knows. At most 10,000.
    ///
    /// An unsent save has `stored_at_ms` 0, and as `version` the one it is based on, or only zeros.
    ///
    /// # Errors
    /// `NotLoggedIn`, `SessionEnded`, `Storage`, or what the server says.
    pub fn list(&self) -> impl Future<Output = Result<Vec<SaveVersion>, Error>> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        self.in_turn(move |turn| async move { sync::list(&shared, turn).await })
    }

    /// Lists the versions of a slot, newest first, at most 10,000. Versions that lost a conflict have no
    /// `sequence`.
    ///
    /// # Errors
    /// `SaveNotFound`, `InvalidSlot`, `NotLoggedIn`, `Offline`, `Timeout`.
    pub fn history(
        &self,
        slot: &str,
    ) -> impl Future<Output = Result<Vec<SaveVersion>, Error>> + Send + use<> {
        let (shared, slot) = (Arc::clone(&self.shared), slot.to_owned());
        self.shared.pump.call(async move { sync::history(&shared, slot).await })
    }

    /// Deletes a slot with all its versions, in the cloud and on this device, for good; unsent saves of it
    /// too. Needs the server's word: when it fails, nothing has changed here.
    ///
    /// # Errors
    /// `SaveNotFound`, `InvalidSlot`, `NotLoggedIn`, `Offline`, `Timeout`, `Storage`.
    pub fn delete(&self, slot: &str) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let (shared, slot) = (Arc::clone(&self.shared), slot.to_owned());
        self.in_turn(move |turn| async move { sync::delete(&shared, slot, turn).await })
    }

    /// Ends a conflict, or decides about a save that the server refused.
    ///
    /// # Errors
    /// `InvalidArgument` when the slot has neither; otherwise as [`Saves::save`], and for
    /// [`Resolution::KeepCloud`] `Offline` and `Timeout`.
    pub fn resolve(
        &self,
        slot: &str,
        resolution: Resolution,
    ) -> impl Future<Output = Result<Saved, Error>> + Send + use<> {
        let (shared, slot) = (Arc::clone(&self.shared), slot.to_owned());
        self.in_turn(move |turn| async move { sync::resolve(&shared, slot, resolution, turn).await })
    }

    /// Sends everything that is queued. Succeeds only after the server acknowledged all of it.
    ///
    /// # Errors
    /// `Timeout` when the time is over, `Offline`, `NotLoggedIn`, `SessionEnded`: the saves stay queued.
    /// `SavesConflict` or the server's refusal when a slot needs [`Saves::resolve`].
    pub fn flush(&self, timeout: Duration) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        self.in_turn(move |turn| async move { send::flush(&shared, timeout, turn).await })
    }

    /// Runs a call in the order in which calls were begun (first polled, or submitted).
    fn in_turn<T, F, C>(&self, call: C) -> impl Future<Output = Result<T, Error>> + Send + use<T, F, C>
    where
        C: FnOnce(Turn) -> F + Send + 'static,
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        async move {
            let work = call(shared.saves.turn());
            shared.pump.call(work).await
        }
    }

    /// Where a slot stands, from this device's disk.
    pub fn status(&self, slot: &str) -> SlotStatus {
        sync::status(&self.shared, slot)
    }

    /// Saves of the current player that the server has not acknowledged, conflicts included.
    pub fn pending(&self) -> usize {
        sync::pending(&self.shared)
    }

    /// Turns sending in the background on or off. When it is off, queued saves go with the next
    /// [`Saves::save`] or [`Saves::flush`].
    pub fn enable_auto_sync(&self, on: bool) {
        self.shared.saves.enable_auto_sync(on);
    }
}

/// Starts the background work: sending what is queued.
pub(crate) fn start(shared: &Arc<Shared>) {
    shared.pump.background(send::run(Arc::clone(shared)));
}
