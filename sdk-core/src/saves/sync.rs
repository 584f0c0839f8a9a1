//! What the public calls do: from the arguments to the outbox and back, with the server's help.

use super::entries::{Base, EntryMeta, Outcome, Unsent};
use super::outbox::Outbox;
use super::parts::{self, PartChange};
use super::records::unresolved;
use super::rules::{self, Packed};
use super::state::Turn;
use super::{Content, Loaded, Resolution, SaveOptions, Saved, SlotStatus, api, merging, seal, send};
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
    let key = shared.saves.save_key();
    let SaveOptions { label, playtime_ms, parts } = options;
    let (packed, changes) =
        blocking(move || Ok((seal::pack(&content, key.as_ref(), "")?, parts::changes(parts, key.as_ref())?)))
            .await?;
    let base = match shared.saves.untracked(&player, &slot) {
        Some(version) => Base::Exactly(vec![version]),
        None => Base::Seen,
    };
    let meta = EntryMeta { label, playtime_ms, ..new_meta(shared, &slot) };
    store(shared, player, meta, packed, Place::On(base, changes), turn).await
}

/// A save of this device, now, of which nothing is said yet.
pub(super) fn new_meta(shared: &Shared, slot: &str) -> EntryMeta {
    EntryMeta {
        slot: slot.to_owned(),
        device_name: shared.config.device_name.clone(),
        app_version: shared.config.app_version.clone(),
        saved_at_ms: clock::now_ms(),
        schema: shared.saves.definitions.of(slot).schema,
        ..EntryMeta::default()
    }
}

/// Where a new entry goes.
enum Place {
    /// With these changes of parts.
    On(Base, Vec<PartChange>),
    /// On both sides of the slot's conflict. True: the game has not seen the content.
    Resolving(bool),
}

/// Makes a save durable, then waits a while for the server's word.
async fn store(
    shared: &Arc<Shared>,
    player: PlayerId,
    meta: EntryMeta,
    packed: Packed,
    place: Place,
    turn: Turn,
) -> Result<Saved, Error> {
    let slot = meta.slot.clone();
    let meta = EntryMeta { key: clock::random_id(), shape: packed.shape.clone(), ..meta };
    let key = meta.key.clone();
    let outbox = shared.saves.outbox(&player);
    let queue = outbox.clone();
    let (number, conflict) = blocking(move || {
        let slot = meta.slot.clone();
        let number = match place {
            Place::On(base, changes) => queue.enqueue(meta, &packed, base, &changes)?,
            Place::Resolving(for_game) => queue.enqueue_resolved(meta, &packed, for_game)?,
        };
        Ok((number, queue.conflict(&slot)?))
    })
    .await?;
    shared.saves.note_untracked(&player, &slot, None);
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

/// Most times that a load begins again because the slot moved on under it.
const LOADS_MAX: usize = 3;

pub(crate) async fn load(shared: &Arc<Shared>, slot: String, mut turn: Turn) -> Result<Loaded, Error> {
    rules::check_name(&slot)?;
    turn.begin().await;
    drop(turn);
    let player = shared.session.player().await?;
    let outbox = shared.saves.outbox(&player);
    for tries in 1.. {
        let (queue, name) = (outbox.clone(), slot.clone());
        let (unsent, before) = blocking(move || Ok((queue.unsent(&name)?, queue.base(&name)?))).await?;
        if let Some(unsent) = unsent {
            return load_unsent(shared, &outbox, unsent).await;
        }
        let (version, packed) = match api::read(shared, &player, &outbox, &slot, None).await {
            Ok(found) => found,
            Err(error) if error.code == ErrorCode::SaveNotFound => {
                let _ = blocking(move || outbox.vanished(&slot, before.as_ref())).await;
                return Err(error);
            }
            Err(error) if rules::reads_offline(&error) => {
                return load_copy(shared, &outbox, slot, error).await;
            }
            Err(error) => return Err(error),
        };
        let loaded = opened(shared, version.clone(), packed.clone(), false).await?;
        // Only what the game gets is what its next save is made from.
        let (queue, found) = (outbox.clone(), version.clone());
        match blocking(move || queue.loaded(before.as_ref(), &found, Some(&packed))).await {
            Ok(true) => shared.saves.note_untracked(&player, &slot, None),
            // A save came in between: the game gets that, not something older.
            Ok(false) if tries < LOADS_MAX => continue,
            Ok(false) => shared.saves.note_untracked(&player, &slot, Some(version.version)),
            Err(error) => {
                tracing::warn!(code = error.code.as_str(), "no offline copy could be kept");
                shared.saves.note_untracked(&player, &slot, Some(version.version));
            }
        }
        return Ok(loaded);
    }
    Err(Error::fault())
}

/// A save of this device that has not been acknowledged, as the game gets it.
async fn load_unsent(shared: &Arc<Shared>, outbox: &Outbox, unsent: Unsent) -> Result<Loaded, Error> {
    let key = shared.saves.save_key();
    let packed = unsent.packed();
    let content = blocking(move || seal::unpack(&packed, key.as_ref(), "")).await?;
    let meta = unsent.meta;
    let content = merging::migrated(shared, &meta.slot, content, meta.schema).await?;
    if meta.merged {
        let (queue, slot, key) = (outbox.clone(), meta.slot, meta.key);
        blocking(move || queue.seen_merge(&slot, &key)).await?;
    }
    Ok(Loaded { version: None, content, from_cache: true, parts: meta.parts, schema: meta.schema })
}

/// The offline copy, as the game gets it.
async fn load_copy(
    shared: &Arc<Shared>,
    outbox: &Outbox,
    slot: String,
    error: Error,
) -> Result<Loaded, Error> {
    let (queue, name) = (outbox.clone(), slot.clone());
    let Some((version, packed)) = blocking(move || queue.cached(&name)).await? else { return Err(error) };
    let loaded = opened(shared, version, packed, true).await?;
    let queue = outbox.clone();
    blocking(move || queue.seen_copy(&slot)).await?;
    Ok(loaded)
}

/// A version as the game gets it: decrypted, in the schema that it reads.
async fn opened(
    shared: &Arc<Shared>,
    version: SaveVersion,
    packed: Packed,
    from_cache: bool,
) -> Result<Loaded, Error> {
    let key = shared.saves.save_key();
    let content = blocking(move || seal::unpack(&packed, key.as_ref(), "")).await?;
    let content = merging::migrated(shared, &version.slot, content, version.schema).await?;
    let (parts, schema) = (version.parts.clone(), version.schema);
    Ok(Loaded { version: Some(version), content, from_cache, parts, schema })
}

pub(crate) async fn load_version(
    shared: &Arc<Shared>,
    slot: String,
    version: VersionId,
) -> Result<Loaded, Error> {
    rules::check_name(&slot)?;
    let player = shared.session.player().await?;
    let outbox = shared.saves.outbox(&player);
    let (version, packed) = api::read(shared, &player, &outbox, &slot, Some(version)).await?;
    opened(shared, version, packed, false).await
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
    let outbox = shared.saves.outbox(&player);
    let (version, packed) = api::read(shared, &player, &outbox, &slot, Some(version)).await?;
    // Who restores has seen the history: the new version goes on the cloud's head, whatever this device saw.
    let history = api::save_history(shared, &player, &slot).await?;
    let head = history.into_iter().find(|version| version.sequence.is_some());
    let head = head.map(|head| head.version).into_iter().collect();
    let packed = blocking(move || rules::plain_of(&packed).map(|_| packed)).await?;
    let parts = PartChange::all_of(&version.parts);
    let meta = EntryMeta {
        label: version.label,
        playtime_ms: version.playtime_ms,
        schema: version.schema,
        ..new_meta(shared, &slot)
    };
    let mut turn = shared.saves.turn();
    turn.begin().await;
    store(shared, player, meta, packed, Place::On(Base::Exactly(head), parts), turn).await
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

pub(super) fn unsent_version(meta: EntryMeta, base: Option<VersionId>) -> SaveVersion {
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
        parts: meta.parts,
        device_id: meta.stamp.device_id,
        device_clock: meta.stamp.device_clock,
        hlc: meta.stamp.hlc,
        schema: meta.schema,
        app_version: meta.app_version,
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
    let mut turn = Some(turn);
    let noted = merging::noted(shared, &outbox, &slot).await?;
    let ours = unsent.as_ref().map(|unsent| EntryMeta { parents: None, ..unsent.meta.clone() });
    let meta = noted.or(ours).unwrap_or_default();
    let (packed, meta, for_game) = match resolution {
        Resolution::KeepCloud => {
            turn.take();
            return keep_cloud(shared, player, slot).await;
        }
        Resolution::Merged(content) => (packed_now(shared, content).await?, meta, false),
        Resolution::Answers(answers) => {
            let (content, noted) = merging::answered(shared, &player, &outbox, &slot, answers).await?;
            (packed_now(shared, content).await?, noted, true)
        }
        Resolution::KeepLocal => match unsent {
            Some(unsent) => (unsent.packed(), EntryMeta { parents: None, ..unsent.meta }, false),
            None => return Err(Error::argument("this device's save is damaged: keep the cloud's")),
        },
    };
    let now = new_meta(shared, &slot);
    let meta = EntryMeta {
        label: meta.label,
        playtime_ms: meta.playtime_ms,
        parts: meta.parts,
        schema: meta.schema.max(if for_game { now.schema } else { 0 }),
        ..now
    };
    {
        // An entry of this slot that is on its way settles first.
        let _lane = shared.saves.lane.lock().await;
        shared.saves.dropped(&player, &slot);
    }
    let Some(turn) = turn else { return Err(Error::fault()) };
    store(shared, player, meta, packed, Place::Resolving(for_game), turn).await
}

async fn packed_now(shared: &Shared, content: Content) -> Result<Packed, Error> {
    let key = shared.saves.save_key();
    blocking(move || seal::pack(&content, key.as_ref(), "")).await
}

async fn keep_cloud(shared: &Arc<Shared>, player: PlayerId, slot: String) -> Result<Saved, Error> {
    let outbox = shared.saves.outbox(&player);
    let _lane = shared.saves.lane.lock().await;
    let head = match api::read(shared, &player, &outbox, &slot, None).await {
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
        rules::plain_of(&packed)?;
        outbox.drop_unsent(&name)?;
        outbox.loaded(base.as_ref(), &version, Some(&packed))?;
        Ok(Some(version))
    })
    .await?;
    shared.saves.dropped(&player, &slot);
    Ok(Saved { slot, queued: false, version })
}

pub(crate) async fn device_id(shared: &Arc<Shared>) -> Result<String, Error> {
    let player = shared.session.player().await?;
    let outbox = shared.saves.outbox(&player);
    blocking(move || outbox.device_id()).await
}

pub(crate) fn status(shared: &Shared, slot: &str) -> SlotStatus {
    match shared.session.player_now() {
        Some(player) => status_of(&shared.saves.outbox(&player), slot),
        None => SlotStatus::Unknown,
    }
}

pub(super) fn status_of(outbox: &Outbox, slot: &str) -> SlotStatus {
    if outbox.has_conflict(slot) {
        SlotStatus::Conflict
    } else if outbox.is_queued(slot) || outbox.is_merging(slot) {
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
