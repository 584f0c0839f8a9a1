//! What the public calls do: from the arguments to the outbox and back, with the server's help.

use super::outbox::{Base, EntryMeta, Outbox, Outcome};
use super::records::unresolved;
use super::rules::{self, Packed};
use super::state::Turn;
use super::{Content, Loaded, Resolution, SaveOptions, Saved, SlotStatus, api, send};
use crate::cloud::Shared;
use crate::session::blocking;
use crate::{Error, clock};
use aethex_wire::ErrorCode;
use aethex_wire::ids::{PlayerId, VersionId};
use aethex_wire::saves::SaveVersion;
use std::sync::Arc;
use std::time::Duration;

/// How long a save waits for the server's answer before it reports that it is queued.
const SAVE_WAIT: Duration = Duration::from_secs(5);
/// Stands for the version of a save that has none yet, nor a base.
const NO_VERSION: &str = "00000000-0000-0000-0000-000000000000";

pub(crate) async fn save(
    shared: &Arc<Shared>,
    slot: String,
    content: Content,
    options: SaveOptions,
    mut turn: Turn,
) -> Result<Saved, Error> {
    rules::check_name(&slot)?;
    rules::check_options(&options)?;
    turn.begin().await;
    let player = shared.session.player().await?;
    let packed = blocking(move || rules::pack(&content)).await?;
    store(shared, player, slot, packed, options, Place::On(Base::Seen), turn).await
}

/// Where a new entry goes.
enum Place {
    On(Base),
    /// On both sides of the slot's conflict.
    Resolving,
}

/// Makes a save durable, then waits a while for the server's word.
async fn store(
    shared: &Arc<Shared>,
    player: PlayerId,
    slot: String,
    packed: Packed,
    options: SaveOptions,
    place: Place,
    turn: Turn,
) -> Result<Saved, Error> {
    let meta = EntryMeta {
        slot: slot.clone(),
        key: clock::random_id(),
        parents: None,
        shape: packed.shape.clone(),
        label: options.label,
        playtime_ms: options.playtime_ms,
        device_name: shared.config.device_name.clone(),
        saved_at_ms: clock::now_ms(),
    };
    let key = meta.key.clone();
    let outbox = shared.saves.outbox(&player);
    let queue = outbox.clone();
    let (number, conflict) = blocking(move || {
        let slot = meta.slot.clone();
        let number = match place {
            Place::On(base) => queue.enqueue(meta, &packed, base)?,
            Place::Resolving => queue.enqueue_resolved(meta, &packed)?,
        };
        Ok((number, queue.conflict(&slot)?))
    })
    .await?;
    drop(turn);
    if let Some(conflict) = conflict {
        return Err(unresolved(conflict));
    }
    let waiting = Waiting { shared, player: &player, slot: &slot, number, key, outbox };
    match waiting.outcome().await? {
        Some(outcome) => {
            let version = send::outcome_version(outcome)?;
            Ok(Saved { slot, queued: false, version: Some(version) })
        }
        None => Ok(Saved { slot, queued: true, version: None }),
    }
}

/// A durable save whose fate is open.
struct Waiting<'a> {
    shared: &'a Arc<Shared>,
    player: &'a PlayerId,
    slot: &'a str,
    number: u64,
    key: String,
    outbox: Outbox,
}

impl Waiting<'_> {
    /// What became of the save, or `None` when the server could not be asked in time.
    async fn outcome(self) -> Result<Option<Outcome>, Error> {
        let saves = &self.shared.saves;
        let mut told = saves.wait_for(self.player, self.slot, self.number);
        let mut rounds = saves.rounds.subscribe();
        let before = {
            let round = rounds.borrow_and_update();
            // A round under way may be past this save already: its end says nothing.
            round.ended + u64::from(round.running)
        };
        saves.kick();
        let time_over = tokio::time::sleep(SAVE_WAIT);
        tokio::pin!(time_over);
        loop {
            let over = tokio::select! {
                biased;
                outcome = &mut told => {
                    let gone = "the slot was deleted or resolved while this save waited";
                    return outcome.map(Some).map_err(|_| Error::new(ErrorCode::Cancelled, gone));
                }
                () = &mut time_over => true,
                changed = rounds.changed() => changed.is_err(),
            };
            let (running, ended, stopped) = {
                let round = rounds.borrow_and_update();
                (round.running, round.ended, round.stopped.is_some())
            };
            if running && !over {
                continue;
            }
            // Settled before the wait began, or by another process.
            let (outbox, slot, key) = (self.outbox.clone(), self.slot.to_owned(), self.key.clone());
            let outcome = blocking(move || Ok(outbox.outcome(&slot, &key))).await?;
            if outcome.is_some() || over || (ended > before && stopped) {
                return Ok(outcome);
            }
        }
    }
}

pub(crate) async fn load(shared: &Arc<Shared>, slot: String, mut turn: Turn) -> Result<Loaded, Error> {
    rules::check_name(&slot)?;
    turn.begin().await;
    drop(turn);
    let player = shared.session.player().await?;
    let outbox = shared.saves.outbox(&player);
    let (queue, name) = (outbox.clone(), slot.clone());
    let (unsent, before) = blocking(move || {
        let unsent = queue.unsent(&name)?;
        let content =
            unsent.map(|unsent| rules::unpack(&Packed { shape: unsent.meta.shape, payload: unsent.payload }));
        Ok((content.transpose()?, queue.base(&name)?))
    })
    .await?;
    if let Some(content) = unsent {
        return Ok(Loaded { version: None, content, from_cache: true });
    }
    match api::get_save(shared, &player, &slot, None).await {
        Ok((version, packed)) => {
            let work = move || {
                let content = rules::unpack(&packed)?;
                if let Err(error) = outbox.loaded(before.as_ref(), &version, Some(&packed)) {
                    // Without the record the next save meets this version as a conflict: safe.
                    tracing::warn!(code = error.code.as_str(), "no offline copy could be kept");
                }
                Ok(Loaded { version: Some(version), content, from_cache: false })
            };
            blocking(work).await
        }
        Err(error) if error.code == ErrorCode::SaveNotFound => {
            let _ = blocking(move || outbox.vanished(&slot, before.as_ref())).await;
            Err(error)
        }
        Err(error) if rules::reads_offline(&error) => {
            let work = move || {
                let Some((version, packed)) = outbox.cached(&slot)? else { return Err(error) };
                Ok(Loaded { version: Some(version), content: rules::unpack(&packed)?, from_cache: true })
            };
            blocking(work).await
        }
        Err(error) => Err(error),
    }
}

pub(crate) async fn load_version(
    shared: &Arc<Shared>,
    slot: String,
    version: VersionId,
) -> Result<Loaded, Error> {
    rules::check_name(&slot)?;
    let player = shared.session.player().await?;
    let (version, packed) = api::get_save(shared, &player, &slot, Some(version)).await?;
    let work =
        move || Ok(Loaded { version: Some(version), content: rules::unpack(&packed)?, from_cache: false });
    blocking(work).await
}

pub(crate) async fn restore(
    shared: &Arc<Shared>,
    slot: String,
    version: VersionId,
    mut turn: Turn,
) -> Result<Saved, Error> {
    rules::check_name(&slot)?;
    turn.begin().await;
    drop(turn);
    let player = shared.session.player().await?;
    let (version, packed) = api::get_save(shared, &player, &slot, Some(version)).await?;
    // Who restores has seen the history: the new version goes on the cloud's head, whatever this device saw.
    let history = api::save_history(shared, &player, &slot).await?;
    let head = history.into_iter().find(|version| version.sequence.is_some());
    let head = head.map(|head| head.version).into_iter().collect();
    let packed = blocking(move || rules::unpack(&packed).map(|_| packed)).await?;
    let options = SaveOptions { label: version.label, playtime_ms: version.playtime_ms };
    let mut turn = shared.saves.turn();
    turn.begin().await;
    store(shared, player, slot, packed, options, Place::On(Base::Exactly(head)), turn).await
}

pub(crate) async fn list(shared: &Arc<Shared>, mut turn: Turn) -> Result<Vec<SaveVersion>, Error> {
    turn.begin().await;
    drop(turn);
    let player = shared.session.player().await?;
    let outbox = shared.saves.outbox(&player);
    let cloud = match api::list_saves(shared, &player).await {
        Ok(cloud) => Ok(cloud),
        Err(error) if rules::reads_offline(&error) => Err(()),
        Err(error) => return Err(error),
    };
    blocking(move || {
        let cloud = cloud.or_else(|()| outbox.cached_versions())?;
        let mut unsent = Vec::new();
        for entry in outbox.all_unsent()? {
            let base = outbox.base(&entry.meta.slot)?;
            unsent.push(unsent_version(entry.meta, base));
        }
        Ok(rules::merge(cloud, unsent))
    })
    .await
}

fn unsent_version(meta: EntryMeta, base: Option<VersionId>) -> SaveVersion {
    let parents = base.clone().into_iter().collect();
    let version = base.or_else(|| VersionId::parse(NO_VERSION)).expect("zeros are an id");
    SaveVersion {
        parents,
        encoding: meta.shape.encoding,
        hash: meta.shape.hash,
        size_bytes: meta.shape.size_bytes,
        label: meta.label,
        device_name: meta.device_name,
        playtime_ms: meta.playtime_ms,
        saved_at_ms: meta.saved_at_ms,
        ..SaveVersion::new(meta.slot, version)
    }
}

pub(crate) async fn history(shared: &Arc<Shared>, slot: String) -> Result<Vec<SaveVersion>, Error> {
    rules::check_name(&slot)?;
    let player = shared.session.player().await?;
    api::save_history(shared, &player, &slot).await
}

pub(crate) async fn delete(shared: &Arc<Shared>, slot: String, mut turn: Turn) -> Result<(), Error> {
    rules::check_name(&slot)?;
    turn.begin().await;
    drop(turn);
    let player = shared.session.player().await?;
    let outbox = shared.saves.outbox(&player);
    // Nothing of this slot is on its way while the server deletes it.
    let _lane = shared.saves.lane.lock().await;
    let answer = api::delete_save(shared, &player, &slot).await;
    let missing = match answer {
        Ok(()) => None,
        Err(error) if error.code == ErrorCode::SaveNotFound => Some(error),
        Err(error) => return Err(error),
    };
    let name = slot.clone();
    let was_here = blocking(move || {
        let was_here = status_of(&outbox, &name) != SlotStatus::Unknown;
        outbox.forget(&name).map(|()| was_here)
    })
    .await?;
    shared.saves.dropped(&player, &slot);
    match missing {
        Some(error) if !was_here => Err(error),
        _ => Ok(()),
    }
}

pub(crate) async fn resolve(
    shared: &Arc<Shared>,
    slot: String,
    resolution: Resolution,
    mut turn: Turn,
) -> Result<Saved, Error> {
    rules::check_name(&slot)?;
    turn.begin().await;
    let player = shared.session.player().await?;
    let outbox = shared.saves.outbox(&player);
    let (queue, name) = (outbox.clone(), slot.clone());
    let unsent = blocking(move || {
        if !queue.has_conflict(&name) && !queue.has_failed(&name) {
            return Err(Error::argument("this slot has neither a conflict nor a refused save"));
        }
        queue.unsent(&name)
    })
    .await?;
    let options = unsent
        .as_ref()
        .map(|unsent| SaveOptions { label: unsent.meta.label.clone(), playtime_ms: unsent.meta.playtime_ms });
    let packed = match resolution {
        Resolution::KeepCloud => {
            drop(turn);
            return keep_cloud(shared, player, slot).await;
        }
        Resolution::Merged(content) => blocking(move || rules::pack(&content)).await?,
        Resolution::KeepLocal => match unsent {
            Some(unsent) => Packed { shape: unsent.meta.shape, payload: unsent.payload },
            None => return Err(Error::argument("this device's save is damaged: keep the cloud's")),
        },
    };
    {
        // An entry of this slot that is on its way settles first.
        let _lane = shared.saves.lane.lock().await;
        shared.saves.dropped(&player, &slot);
    }
    store(shared, player, slot, packed, options.unwrap_or_default(), Place::Resolving, turn).await
}

async fn keep_cloud(shared: &Arc<Shared>, player: PlayerId, slot: String) -> Result<Saved, Error> {
    let outbox = shared.saves.outbox(&player);
    let _lane = shared.saves.lane.lock().await;
    let head = match api::get_save(shared, &player, &slot, None).await {
        Ok(head) => Some(head),
        Err(error) if error.code == ErrorCode::SaveNotFound => None,
        Err(error) => return Err(error),
    };
    let name = slot.clone();
    let version = blocking(move || {
        let base = outbox.base(&name)?;
        let Some((version, packed)) = head else {
            outbox.drop_unsent(&name)?;
            outbox.vanished(&name, base.as_ref())?;
            return Ok(None);
        };
        rules::unpack(&packed)?;
        outbox.drop_unsent(&name)?;
        outbox.loaded(base.as_ref(), &version, Some(&packed))?;
        Ok(Some(version))
    })
    .await?;
    shared.saves.dropped(&player, &slot);
    Ok(Saved { slot, queued: false, version })
}

pub(crate) fn status(shared: &Shared, slot: &str) -> SlotStatus {
    match shared.session.player_now() {
        Some(player) => status_of(&shared.saves.outbox(&player), slot),
        None => SlotStatus::Unknown,
    }
}

fn status_of(outbox: &Outbox, slot: &str) -> SlotStatus {
    if outbox.has_conflict(slot) {
        SlotStatus::Conflict
    } else if outbox.is_queued(slot) {
        SlotStatus::Queued
    } else if outbox.has_failed(slot) {
        SlotStatus::Failed
    } else if outbox.has_seen(slot) {
        SlotStatus::Synced
    } else {
        SlotStatus::Unknown
    }
}

pub(crate) fn pending(shared: &Shared) -> usize {
    shared.session.player_now().map_or(0, |player| shared.saves.outbox(&player).pending())
}
