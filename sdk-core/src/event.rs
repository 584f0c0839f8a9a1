//! What happens without being asked for, in a bounded queue.

use crate::saves::ConflictInfo;
use crate::{Error, User};
use aethex_wire::saves::SaveVersion;
use aethex_wire::saves::history::Device;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Most events that wait for [`crate::Cloud::take_events`]. A game that never takes them loses the oldest;
/// a thousand is minutes of the busiest sync.
const EVENTS_MAX: usize = 1024;

/// Something that happened in the background.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A player logged in, or the stored session was restored at the start.
    LoggedIn(User),
    /// The player logged out on this device.
    LoggedOut,
    /// The server ended the session (expiry, password change, logout elsewhere): ask to log in again.
    /// Unsent saves stay on this device and are sent after the next login of the same player.
    SessionExpired,
    /// A save of this device reached the cloud.
    SaveSynced {
        /// The slot.
        slot: String,
        /// The version it became.
        version: SaveVersion,
    },
    /// A save of this device reached the cloud, and may be worth less than the one whose place it took: it is
    /// empty, much smaller, less played or of an older schema, as `version.suspicions` says. The one before stays in
    /// the history, for [`crate::Saves::restore`]. Comes after [`Event::SaveSynced`].
    SaveSuspicious {
        /// The slot.
        slot: String,
        /// The version it became.
        version: SaveVersion,
    },
    /// The cloud holds something that this device's save was not made from, and the merge of both needs
    /// somebody: call [`crate::Saves::resolve`] or [`crate::Saves::keep_both`]. Both sides are kept until then.
    SaveConflict(Box<ConflictInfo>),
    /// The cloud held something that this device's save was not made from; both were merged, and the merge is
    /// in the cloud. [`crate::Saves::load`] gives it; until then the game's next saves are merged in turn.
    SaveMerged {
        /// The slot.
        slot: String,
        /// The merge.
        version: SaveVersion,
    },
    /// A large part of a save is on its way.
    SaveProgress {
        /// The slot.
        slot: String,
        /// Bytes sent of it.
        sent: u64,
        /// Its size in bytes.
        total: u64,
    },
    /// The server refused a save for good. Its content stays on this device: [`crate::Saves::load`]
    /// returns it, [`crate::Saves::resolve`] sends it again or drops it.
    SaveFailed {
        /// The slot.
        slot: String,
        /// Why.
        error: Error,
    },
    /// The number of unsent saves changed while sending.
    SyncProgress {
        /// Saves not yet acknowledged.
        pending: usize,
    },
    /// The slot that the game plays is being played on another device, or has saves there that the cloud does not
    /// have yet: going on here will diverge. See [`crate::Saves::play`].
    ActiveElsewhere {
        /// The slot.
        slot: String,
        /// The other device.
        device: Device,
    },
    /// A wrapped file was replaced by the cloud's save as a conflict ended: the game must read it again.
    FileReplaced {
        /// The slot.
        slot: String,
    },
    /// A page waits to be shown in the player's browser: open it. Only with [`crate::Browser::Game`].
    OpenBrowser {
        /// The page's address. It names this one login: not for logs.
        url: String,
    },
    /// The backend can be reached, or no longer.
    Online(bool),
}

/// The queue of events.
#[derive(Debug, Default)]
pub(crate) struct Events {
    waiting: AtomicUsize,
    queue: Mutex<VecDeque<Event>>,
}

impl Events {
    pub(crate) fn push(&self, event: Event) {
        let mut queue = self.queue.lock();
        if let (Event::SyncProgress { .. }, Some(last @ Event::SyncProgress { .. })) =
            (&event, queue.back_mut())
        {
            *last = event;
            return;
        }
        if let (Event::SaveProgress { slot, .. }, Some(last @ Event::SaveProgress { .. })) =
            (&event, queue.back_mut())
            && matches!(&*last, Event::SaveProgress { slot: before, .. } if before == slot)
        {
            *last = event;
            return;
        }
        if queue.len() == EVENTS_MAX {
            tracing::warn!(events_max = EVENTS_MAX, "nobody takes the SDK's events: the oldest is dropped");
            queue.pop_front();
        }
        queue.push_back(event);
        self.waiting.store(queue.len(), Ordering::Release);
    }

    pub(crate) fn take(&self) -> Vec<Event> {
        if self.waiting.load(Ordering::Acquire) == 0 {
            return Vec::new();
        }
        let mut queue = self.queue.lock();
        self.waiting.store(0, Ordering::Release);
        queue.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_bounded_and_progress_is_merged() {
        let events = Events::default();
        for pending in 0..10 {
            events.push(Event::SyncProgress { pending });
        }
        assert!(matches!(events.take()[..], [Event::SyncProgress { pending: 9 }]));
        for i in 0..EVENTS_MAX + 5 {
            events.push(Event::Online(i % 2 == 0));
        }
        assert_eq!(events.take().len(), EVENTS_MAX);
        assert!(events.take().is_empty());
    }
}
