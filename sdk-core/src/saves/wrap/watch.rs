//! Looking at wrapped files while the game runs: what changed and rests is handed to the outbox.

use super::records::{KnownFiles, Wrap};
use super::rules::Known;
use super::{announce, file_error, put, read, take};
use crate::cloud::Shared;
use crate::game_files::{self, Stamp};
use crate::saves::outbox::Outbox;
use crate::saves::{Content, SlotStatus, auto_sync, seal, sync};
use crate::session::blocking;
use crate::{Error, Event};
use aethex_wire::ErrorCode;
use aethex_wire::ids::PlayerId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How often wrapped files are looked at: a stat each, and a player who closes the lid after "Saved" loses little.
const LOOK_PAUSE: Duration = Duration::from_secs(2);
/// How often a file that was wrapped offline is compared with the cloud until that works.
const COMPARE_PAUSE: Duration = Duration::from_secs(30);

/// What is known of wrapped files in this process.
#[derive(Debug, Default)]
pub(crate) struct WatchState {
    changed: Notify,
    /// Files that changed, since when they look like this, and what was said about them last.
    resting: Mutex<HashMap<String, Resting>>,
    /// When files that were wrapped offline were last compared with the cloud; at most one a wrapped file and player.
    compared: Mutex<HashMap<(PlayerId, String), Instant>>,
}

#[derive(Debug, Clone)]
struct Resting {
    stamp: Stamp,
    since: Instant,
    /// The game was told that this one cannot be taken.
    refused: bool,
}

impl WatchState {
    /// Another file is wrapped, or none any more.
    pub(super) fn wake(&self) {
        self.changed.notify_one();
    }

    /// Whether a file that has this stamp has had it for so long.
    fn rests(&self, slot: &str, stamp: Stamp, long: Duration) -> bool {
        let mut resting = self.resting.lock();
        let now = Instant::now();
        match resting.get(slot) {
            Some(known) if known.stamp == stamp => !known.refused && now - known.since >= long,
            _ => {
                resting.insert(slot.to_owned(), Resting { stamp, since: now, refused: false });
                long.is_zero()
            }
        }
    }

    /// The file cannot be taken as it is: true the first time.
    fn refuse(&self, slot: &str) -> bool {
        self.resting.lock().get_mut(slot).is_some_and(|known| !std::mem::replace(&mut known.refused, true))
    }

    /// Whether it is time to compare a file with the cloud that never was.
    fn may_compare(&self, player: &PlayerId, slot: &str) -> bool {
        let mut compared = self.compared.lock();
        let key = (player.clone(), slot.to_owned());
        let now = Instant::now();
        let due = compared.get(&key).is_none_or(|at| now - *at >= COMPARE_PAUSE);
        if due {
            compared.insert(key, now);
        }
        due
    }

    fn forget(&self, slot: &str) {
        self.resting.lock().remove(slot);
    }
}

/// Looks for as long as the SDK lives; costs nothing while no file is wrapped.
pub(in crate::saves) async fn run(shared: Arc<Shared>) {
    loop {
        let wraps = shared.saves.wraps();
        let any = blocking(move || wraps.all()).await.is_ok_and(|wraps| !wraps.is_empty());
        tokio::select! {
            () = shared.saves.watch.changed.notified() => continue,
            () = tokio::time::sleep(LOOK_PAUSE), if any => {}
        }
        if shared.saves.auto_sync() {
            look_at_all(&shared, shared.config.save_debounce).await;
        }
    }
}

/// Takes every wrapped file that changed, at once: the game goes to the background, quits or flushes.
pub(in crate::saves) async fn take_all(shared: &Arc<Shared>) {
    look_at_all(shared, Duration::ZERO).await;
}

/// Takes a wrapped file that changed, at once.
pub(super) async fn look_now(shared: &Arc<Shared>, player: &PlayerId, slot: &str) -> Result<(), Error> {
    let (wraps, name) = (shared.saves.wraps(), slot.to_owned());
    let Some(wrap) = blocking(move || wraps.of(&name)).await? else { return Ok(()) };
    let (task, own) = (Arc::clone(shared), player.clone());
    if let Looked::Taken = blocking(move || look(&task, &own, &wrap, Duration::ZERO)).await? {
        auto_sync::release(shared, player, slot);
    }
    Ok(())
}

async fn look_at_all(shared: &Arc<Shared>, rest: Duration) {
    let Some(player) = shared.session.player_now() else { return };
    let wraps = shared.saves.wraps();
    let Ok(wraps) = blocking(move || wraps.all()).await else { return };
    for wrap in wraps {
        let slot = wrap.slot.clone();
        if let Err(error) = look_in_background(shared, &player, wrap, rest).await {
            tracing::warn!(code = error.code.as_str(), "a wrapped file was not taken");
            // What another process holds or the game is writing is taken the next time.
            let lasting = !matches!(error.code, ErrorCode::Busy | ErrorCode::ShutDown);
            if lasting && shared.saves.watch.refuse(&slot) {
                shared.events.push(Event::SaveFailed { slot, error });
            }
        }
    }
}

async fn look_in_background(
    shared: &Arc<Shared>,
    player: &PlayerId,
    wrap: Wrap,
    rest: Duration,
) -> Result<(), Error> {
    let slot = wrap.slot.clone();
    let (task, own) = (Arc::clone(shared), player.clone());
    match blocking(move || look(&task, &own, &wrap, rest)).await? {
        Looked::Nothing => {}
        Looked::Unknown => {
            if *shared.session.online().borrow() == Some(true)
                && shared.saves.watch.may_compare(player, &slot)
            {
                // Another file would surprise the game now.
                super::pull(shared, slot, false)
                    .await
                    .map(drop)
                    .or_else(|error| if super::waits(&error) { Ok(()) } else { Err(error) })?;
            }
        }
        Looked::Taken => auto_sync::release(shared, player, &slot),
        Looked::Replaced => announce(shared, &slot),
    }
    Ok(())
}

/// What a look came to.
enum Looked {
    Nothing,
    /// It was never compared with this player's cloud.
    Unknown,
    Taken,
    Replaced,
}

/// One look at a wrapped file.
fn look(shared: &Shared, player: &PlayerId, wrap: &Wrap, rest: Duration) -> Result<Looked, Error> {
    let outbox = shared.saves.outbox(player);
    let files = KnownFiles::of(&outbox);
    let Some(_lock) = files.try_lock()? else { return Ok(Looked::Nothing) };
    let Some(mut known) = files.get(&wrap.slot)? else { return Ok(Looked::Unknown) };
    if wrap.owner.as_ref().is_some_and(|(owner, _)| owner != player) {
        // Another player had it since.
        return Ok(Looked::Unknown);
    }
    let status = sync::status_of(&outbox, &wrap.slot);
    if status == SlotStatus::Conflict {
        if !known.in_conflict {
            files.set(&Known { in_conflict: true, ..known })?;
        }
        return Ok(Looked::Nothing);
    }
    let stamp =
        game_files::stamp(&wrap.path).map_err(|error| file_error("looking at a wrapped file", &error))?;
    let settled = status == SlotStatus::Synced && (known.waiting || known.in_conflict);
    if settled && let Some(looked) = follow(&outbox, &files, player, shared, wrap, &mut known, stamp)? {
        return Ok(looked);
    }
    let Some(stamp) = stamp.filter(|stamp| known.stamp != Some(*stamp)) else {
        shared.saves.watch.forget(&wrap.slot);
        return Ok(Looked::Nothing);
    };
    if !shared.saves.watch.rests(&wrap.slot, stamp, rest) {
        return Ok(Looked::Nothing);
    }
    let Some((snapshot, hash)) = read(&wrap.path)? else { return Ok(Looked::Nothing) };
    if known.hash.as_deref() == Some(hash.as_str()) {
        // Written again as it was.
        files.set(&Known { stamp: Some(snapshot.stamp), ..known })?;
        return Ok(Looked::Nothing);
    }
    take(shared, &outbox, &files, &wrap.slot, snapshot, &hash, known.version)?;
    shared.saves.wraps().owned(&wrap.slot, player, &hash)?;
    shared.saves.watch.forget(&wrap.slot);
    Ok(Looked::Taken)
}

/// The slot rests: what was taken from the file is in the cloud, or a conflict of it has ended.
fn follow(
    outbox: &Outbox,
    files: &KnownFiles,
    player: &PlayerId,
    shared: &Shared,
    wrap: &Wrap,
    known: &mut Known,
    stamp: Option<Stamp>,
) -> Result<Option<Looked>, Error> {
    let Some((version, packed)) = outbox.cached(&wrap.slot)? else { return Ok(None) };
    let Content::Bytes(bytes) = seal::unpack(&packed, shared.saves.save_key().as_ref(), "")? else {
        return Ok(None);
    };
    let same = known.hash.as_deref() == Some(blake3::hash(&bytes).to_hex().as_str());
    if same || !known.in_conflict {
        // Else it was merged: the file follows when the game asks for it, and what it writes before is merged in turn.
        if same {
            known.version = Some(version.version);
        }
        (known.waiting, known.in_conflict) = (false, false);
        files.set(known)?;
        return Ok(None);
    }
    if known.stamp != stamp {
        return Ok(None);
    }
    put(files, &shared.saves.wraps(), player, &wrap.path, stamp, &version, &bytes)?;
    Ok(Some(Looked::Replaced))
}
