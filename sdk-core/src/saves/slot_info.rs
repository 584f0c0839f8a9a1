//! Everything that this device knows of a slot, at once: for a saves menu and for support.

use super::outbox::Outbox;
use super::{SlotStatus, sync};
use crate::Error;
use crate::cloud::Shared;
use crate::disk::file_stem;
use crate::wire::saves::SaveVersion;
use std::time::Duration;

/// What this device knows of a slot.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotInfo {
    /// The slot.
    pub slot: String,
    /// Where it stands.
    pub status: SlotStatus,
    /// Saves of it that the cloud does not have.
    pub unsent: usize,
    /// Their bytes, compressed, as they lie on this device.
    pub unsent_bytes: u64,
    /// What this device last saw of the slot in the cloud.
    pub version: Option<SaveVersion>,
    /// Why the last save was refused; or why sending stopped last, when saves wait.
    pub error: Option<Error>,
    /// When the next attempt to send comes; none when nothing waits, or when auto-sync is off.
    pub next_attempt: Option<Duration>,
}

impl Outbox {
    /// How many entries of a slot wait, and their bytes on the disk.
    fn unsent_size(&self, slot: &str) -> (usize, u64) {
        let stem = file_stem(slot);
        let names = self.names().unwrap_or_default();
        let of_slot = names.iter().filter(|name| name.stem == stem);
        of_slot
            .fold((0, 0), |(count, bytes), name| (count + 1, bytes + self.disk.len(&self.entry_path(name))))
    }
}

/// Reads what is known. Touches the disk.
pub(super) fn read(shared: &Shared, slot: &str) -> SlotInfo {
    let mut info = SlotInfo {
        slot: slot.to_owned(),
        status: SlotStatus::Unknown,
        unsent: 0,
        unsent_bytes: 0,
        version: None,
        error: None,
        next_attempt: None,
    };
    let Some(player) = shared.session.player_now() else { return info };
    let outbox = shared.saves.outbox(&player);
    info.status = sync::status_of(&outbox, slot);
    (info.unsent, info.unsent_bytes) = outbox.unsent_size(slot);
    info.version = outbox.cached(slot).unwrap_or_default().map(|(version, _)| version);
    info.error = outbox.failure(slot).unwrap_or_default();
    if info.status == SlotStatus::Queued {
        let round = shared.saves.rounds.borrow();
        info.error = info.error.or_else(|| round.stopped.clone());
        let now = tokio::time::Instant::now();
        info.next_attempt = round.next_at.filter(|_| shared.saves.auto_sync()).map(|at| at - now);
    }
    info
}
