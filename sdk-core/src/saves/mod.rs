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
mod archive;
mod auto_sync;
mod batch;
mod combine;
mod conflicts;
mod definitions;
mod devices;
mod entries;
#[cfg(test)]
mod late_tests;
#[cfg(test)]
mod merge_tests;
mod merging;
mod outbox;
mod parts;
mod past;
mod records;
mod rules;
mod seal;
mod send;
mod settling;
mod slot_info;
mod stamps;
mod state;
mod sync;
#[cfg(test)]
mod tests;
mod transfer;
mod types;
mod uploads;
mod wrap;

use crate::Error;
use crate::cloud::Shared;
use crate::wire::ids::VersionId;
use crate::wire::saves::SaveVersion;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub use archive::Imported;
pub(crate) use send::drain;
pub use slot_info::SlotInfo;
pub(crate) use state::SavesState;
use state::Turn;
pub use types::{
    Ask, ConflictInfo, Content, Custom, Definition, Loaded, Migrate, Question, Resolution, SAVE_KEY_LEN,
    SaveKey, SaveOptions, Saved, SlotStatus,
};
pub use wrap::Wrapped;

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

    /// Says how the slots of a pattern are merged, and which schema the game writes. `*` stands for any number of
    /// characters: `slot*`. The pattern with the most other characters wins; the same pattern again replaces the
    /// definition. Without any, saves are merged by the defaults of [`Definition`].
    ///
    /// Call it before the first load or save, ideally; conflicts from before are merged again with it.
    ///
    /// # Errors
    /// `InvalidArgument`: a pattern that no slot's name can match, more than 64 patterns, a negative schema, or
    /// `Ask` as what decides about parts.
    pub fn define(&self, pattern: &str, definition: Definition) -> Result<(), Error> {
        definitions::define(&self.shared, pattern, definition)
    }

    /// Sets the key that contents are encrypted with before they leave this device, and read with; `None` ends it
    /// for new saves.
    ///
    /// The backend then stores bytes it cannot read: it cannot merge, compare, convert or repair them, nobody's support
    /// can look into them, and when the key is lost, so are the saves. It still sees names of slots and parts, labels, sizes,
    /// times and devices. Sizes tell a little about contents, as everything is compressed before it is encrypted. The key is kept
    /// in memory only: set it at each start.
    pub fn set_save_key(&self, key: Option<SaveKey>) {
        self.shared.saves.set_save_key(key);
    }

    /// Saves content in a slot.
    ///
    /// The save is durable on this device before anything is sent. Then the server has five seconds to
    /// answer: if it does, `queued` is false and the version is there; if it does not, or there is no
    /// network, `queued` is true and the save is sent later, exactly once and in order.
    ///
    /// # Errors
    /// `InvalidSlot`, `InvalidArgument`, `TooLarge` (16 MiB), `NotLoggedIn`; `Storage` and `QueueFull`:
    /// nothing was kept. `NewerSchema`: the slot was written by a newer version of the game; nothing was kept.
    /// `SavesConflict`: the cloud holds something this save was not made from, and the merge of both needs
    /// somebody; the content is kept on this device, see [`Saves::conflict`] and [`Saves::resolve`]. A definite refusal of the
    /// server (`QuotaExceeded`, `InvalidSave`, …): the content is kept on this device.
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
    /// After a merge ([`crate::Event::SaveMerged`]) the game has not seen what came from the other device until it
    /// loads; saves that it makes before are merged in turn.
    ///
    /// # Errors
    /// `SaveNotFound`, `InvalidSlot`, `NotLoggedIn`; `Offline` or `Timeout` when there is no copy either.
    /// `NewerSchema`: a newer version of the game wrote it. `InvalidSave`: the migration failed, in its words.
    /// `SaveKeyNeeded`: it is encrypted, see [`Saves::set_save_key`].
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

    /// Loads a part of a slot, or of one of its versions. A part of a save that has not been sent is read from
    /// this device.
    ///
    /// # Errors
    /// `NotFound` when there is no part of this name; otherwise as [`Saves::load`].
    pub fn load_part(
        &self,
        slot: &str,
        part: &str,
        version: Option<VersionId>,
    ) -> impl Future<Output = Result<Content, Error>> + Send + use<> {
        let (shared, slot, part) = (Arc::clone(&self.shared), slot.to_owned(), part.to_owned());
        self.in_turn(move |turn| async move { parts::load(&shared, slot, part, version, turn).await })
    }

    /// The conflict of a slot, with both sides and the merge as far as it goes; none when there is no conflict
    /// that needs somebody. Reads from the cloud what is not on this device.
    ///
    /// # Errors
    /// `InvalidSlot`, `NotLoggedIn`, `Offline`, `Timeout`, `Storage`, `SaveKeyNeeded`.
    pub fn conflict(
        &self,
        slot: &str,
    ) -> impl Future<Output = Result<Option<ConflictInfo>, Error>> + Send + use<> {
        let (shared, slot) = (Arc::clone(&self.shared), slot.to_owned());
        self.in_turn(move |turn| async move { merging::conflict(&shared, slot, turn).await })
    }

    /// Ends a conflict by making this device's save a slot of its own: `slot1 (2)`, or the next number that is
    /// free. The cloud's stays in the slot. Durable and exactly once, as any save; returns the new slot's name.
    ///
    /// # Errors
    /// `InvalidArgument` when the slot has no conflict; `NotLoggedIn`, `Storage`, `QueueFull`.
    pub fn keep_both(&self, slot: &str) -> impl Future<Output = Result<String, Error>> + Send + use<> {
        let (shared, slot) = (Arc::clone(&self.shared), slot.to_owned());
        self.in_turn(move |turn| async move { merging::keep_both(&shared, slot, turn).await })
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
    /// `InvalidArgument` when the slot has neither, or an answer fits no question; `MergeUnanswered` when answers
    /// are missing; otherwise as [`Saves::save`], and for [`Resolution::KeepCloud`] and [`Resolution::Answers`]
    /// `Offline` and `Timeout`.
    pub fn resolve(
        &self,
        slot: &str,
        resolution: Resolution,
    ) -> impl Future<Output = Result<Saved, Error>> + Send + use<> {
        let (shared, slot) = (Arc::clone(&self.shared), slot.to_owned());
        self.in_turn(move |turn| async move { sync::resolve(&shared, slot, resolution, turn).await })
    }

    /// Sends everything that is queued, over any network. Succeeds only after the server acknowledged all of it.
    ///
    /// # Errors
    /// `Timeout` when the time is over, `Offline`, `NotLoggedIn`, `SessionEnded`: the saves stay queued.
    /// `SavesConflict` or the server's refusal when a slot needs [`Saves::resolve`].
    pub fn flush(&self, timeout: Duration) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        self.in_turn(move |turn| async move { auto_sync::flush(&shared, timeout, turn).await })
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

    /// The id under which this device saves for the current player: random, made once, another one for each
    /// player. It stands in [`SaveVersion::device_id`].
    ///
    /// # Errors
    /// `NotLoggedIn`, `Storage`.
    pub fn device_id(&self) -> impl Future<Output = Result<String, Error>> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        self.shared.pump.call(async move { sync::device_id(&shared).await })
    }

    /// Where a slot stands, from this device's disk.
    pub fn status(&self, slot: &str) -> SlotStatus {
        sync::status(&self.shared, slot)
    }

    /// Everything that this device knows of a slot, from its disk.
    pub fn slot_info(&self, slot: &str) -> SlotInfo {
        slot_info::read(&self.shared, slot)
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

/// Starts the background work: sending what is queued, looking at wrapped files, telling what is played.
pub(crate) fn start(shared: &Arc<Shared>) {
    shared.pump.background(send::run(Arc::clone(shared)));
    shared.pump.background(auto_sync::run(Arc::clone(shared)));
    shared.pump.background(wrap::run(Arc::clone(shared)));
    shared.pump.background(devices::run(Arc::clone(shared)));
}
