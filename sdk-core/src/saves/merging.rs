//! Ending conflicts: with a merge that needs nobody, or by telling the game what has to be decided.
//!
//! The three contents come from this device where it has them, else from the cloud. What is decided about them
//! is in [`super::combine`], what is written down in [`super::conflicts`].

use super::combine::{self, Sides, Unfit, Verdict, Version};
use super::conflicts::Open;
use super::entries::{EntryMeta, Outcome};
use super::outbox::Outbox;
use super::rules::Packed;
use super::state::Turn;
use super::types::{ConflictInfo, Content, Definition};
use super::{api, rules, seal};
use crate::cloud::Shared;
use crate::session::blocking;
use crate::{Error, Event, clock};
use aethex_wire::ErrorCode;
use aethex_wire::ids::{PlayerId, VersionId};
use aethex_wire::merge::Choice;
use aethex_wire::saves::SaveVersion;
use std::sync::Arc;
use std::time::Duration;

/// How long the game's own functions may take: a hop to the main thread and a dialog's frame, not a dialog.
const GAME_CODE_MAX: Duration = Duration::from_secs(10);
/// Tries of one merge while the slot moves on under it; more come with the next round.
const TRIES_MAX: usize = 4;

/// What is known of a conflict, with contents.
struct Known {
    open: Open,
    sides: Sides,
    /// The cloud's side as it came.
    head: Option<(SaveVersion, Packed)>,
    definition: Arc<Definition>,
    verdict: Verdict,
}

/// Merges the conflict of a slot, or tells that somebody is needed.
pub(super) async fn attempt(
    shared: &Arc<Shared>,
    player: &PlayerId,
    outbox: &Outbox,
    slot: &str,
) -> Result<(), Error> {
    for _ in 0..TRIES_MAX {
        let Some(open) = read_open(outbox, slot).await? else { return Ok(()) };
        let known = match know(shared, player, outbox, open.clone()).await {
            Ok(known) => known,
            Err(error) if is_for_later(&error) => return Err(error),
            Err(error) => return unreadable(shared, player, outbox, open, error).await,
        };
        let done = match &known.verdict {
            Verdict::Done(content) => queue(shared, outbox, &known, content.clone()).await?,
            Verdict::Pick | Verdict::Ask(_) => ask(shared, player, outbox, known).await?,
        };
        if done {
            return Ok(());
        }
    }
    Ok(())
}

/// Whether a try with the same contents may succeed later.
fn is_for_later(error: &Error) -> bool {
    error.retryable
        || matches!(
            error.code,
            ErrorCode::NotLoggedIn
                | ErrorCode::SessionEnded
                | ErrorCode::Unauthenticated
                | ErrorCode::UnknownClientKey
                | ErrorCode::ShutDown
                | ErrorCode::Cancelled
                | ErrorCode::Storage
                | ErrorCode::Protocol
                | ErrorCode::SdkFault
        )
}

async fn read_open(outbox: &Outbox, slot: &str) -> Result<Option<Open>, Error> {
    let (queue, slot) = (outbox.clone(), slot.to_owned());
    blocking(move || queue.open_conflict(&slot)).await
}

/// Gathers the contents and merges them, as far as it goes.
async fn know(shared: &Arc<Shared>, player: &PlayerId, outbox: &Outbox, open: Open) -> Result<Known, Error> {
    let slot = open.record.entry.slot.clone();
    let conflict = &open.record.conflict;
    let head = match conflict.head.deleted {
        true => None,
        false => content_of(shared, player, outbox, &slot, &conflict.head.version).await?,
    };
    let base = match &conflict.ancestor {
        Some(ancestor) if !ancestor.deleted => {
            content_of(shared, player, outbox, &slot, &ancestor.version).await?
        }
        _ => None,
    };
    let key = shared.saves.save_key();
    let local = open.local.clone();
    let opening = move || {
        let key = key.as_ref();
        let content = seal::unpack(&local.packed(), key, "")?;
        let local = Version::of_entry(&local.meta, content);
        let version = |found: &(SaveVersion, Packed)| -> Result<Version, Error> {
            Ok(Version::of_version(&found.0, seal::unpack(&found.1, key, "")?))
        };
        let base = base.as_ref().map(version).transpose()?;
        Ok((Sides { base, local, cloud: head.as_ref().map(version).transpose()? }, head))
    };
    let (sides, head) = blocking(opening).await?;
    let definition = shared.saves.definitions.of(&slot);
    let (rules, mut merged) = (Arc::clone(&definition), sides.clone());
    let verdict = game_code(shared, move || Ok((combine::merge(&rules, &mut merged), merged))).await;
    let (verdict, sides) = match verdict {
        Ok(done) => done,
        Err(error) if error.code == ErrorCode::MergeUnanswered => (Verdict::Pick, sides),
        Err(error) => return Err(error),
    };
    Ok(Known { open, sides, head, definition, verdict })
}

/// A version's content, from this device or the cloud; none when retention took it or the slot was deleted.
async fn content_of(
    shared: &Shared,
    player: &PlayerId,
    outbox: &Outbox,
    slot: &str,
    version: &VersionId,
) -> Result<Option<(SaveVersion, Packed)>, Error> {
    let (queue, name, wanted) = (outbox.clone(), slot.to_owned(), version.clone());
    let copy = blocking(move || {
        let copy = queue.copy_of(&name, &wanted)?;
        // A damaged copy is none.
        Ok(copy.filter(|(_, packed)| rules::plain_of(packed).is_ok()))
    });
    if let Some(copy) = copy.await? {
        return Ok(Some(copy));
    }
    match api::read(shared, player, outbox, slot, Some(version.clone())).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.code, ErrorCode::SaveNotFound | ErrorCode::VersionNotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Runs what may call the game: off the SDK's thread, one at a time, for a limited time.
pub(super) async fn game_code<T: Send + 'static>(
    shared: &Shared,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let held = Arc::clone(&shared.saves.game_code);
    let work = blocking(move || {
        let Some(_one) = held.try_lock_for(GAME_CODE_MAX) else { return Err(too_slow()) };
        work()
    });
    tokio::time::timeout(GAME_CODE_MAX, work).await.unwrap_or_else(|_| Err(too_slow()))
}

fn too_slow() -> Error {
    let message = "the game's own function for migrating or merging did not return in time";
    Error::new(ErrorCode::MergeUnanswered, message)
}

/// Queues a merge that needs nobody. False when the slot moved on.
async fn queue(
    shared: &Arc<Shared>,
    outbox: &Outbox,
    known: &Known,
    content: Content,
) -> Result<bool, Error> {
    let key = shared.saves.save_key();
    let (queue, open, head) = (outbox.clone(), known.open.clone(), known.head.clone());
    let noted = combine::noted(&known.definition, &known.sides);
    blocking(move || {
        let packed = seal::pack(&content, key.as_ref(), "")?;
        let slot = open.record.entry.slot.clone();
        let meta = EntryMeta { slot, key: clock::random_id(), shape: packed.shape.clone(), ..noted };
        queue.enqueue_merged(&open, meta, &packed, head.as_ref())
    })
    .await
}

/// Writes down that somebody is needed, and says so. False when the slot moved on.
async fn ask(shared: &Arc<Shared>, player: &PlayerId, outbox: &Outbox, known: Known) -> Result<bool, Error> {
    let (queue, open, head) = (outbox.clone(), known.open.clone(), known.head.clone());
    if !blocking(move || queue.ask(&open, head.as_ref())).await? {
        return Ok(false);
    }
    let info = known.info();
    tell(shared, player, &known.open);
    shared.events.push(Event::SaveConflict(Box::new(info)));
    Ok(true)
}

/// A conflict whose contents this device cannot read now: it waits for the key, or for somebody to pick a side.
async fn unreadable(
    shared: &Arc<Shared>,
    player: &PlayerId,
    outbox: &Outbox,
    open: Open,
    error: Error,
) -> Result<(), Error> {
    let (queue, asked) = (outbox.clone(), open.clone());
    blocking(move || queue.ask(&asked, None)).await?;
    tell(shared, player, &open);
    shared.events.push(Event::SaveFailed { slot: open.record.entry.slot, error });
    Ok(())
}

/// Saves of the slot wait for the conflict's end: who waits for them learns of it now.
fn tell(shared: &Shared, player: &PlayerId, open: &Open) {
    let outcome = Outcome::Conflict(open.record.conflict.clone());
    shared.saves.settled(player, &open.record.entry.slot, u64::MAX, &outcome);
}

impl Known {
    fn info(&self) -> ConflictInfo {
        ConflictInfo {
            slot: self.open.record.entry.slot.clone(),
            base: self.sides.base.as_ref().map(|base| base.content.clone()),
            local: self.sides.local.content.clone(),
            cloud: self.sides.cloud.as_ref().map(|cloud| cloud.content.clone()),
            merged: match &self.verdict {
                Verdict::Ask(merged) => Some(merged.value.clone()),
                Verdict::Done(Content::Value(value)) => Some(value.clone()),
                Verdict::Done(Content::Bytes(_)) | Verdict::Pick => None,
            },
            asks: self.verdict.asks(),
            suspicions: self.verdict.suspicions(),
            conflict: self.open.record.conflict.clone(),
        }
    }
}

/// See [`super::Saves::conflict`].
pub(super) async fn conflict(
    shared: &Arc<Shared>,
    slot: String,
    mut turn: Turn,
) -> Result<Option<ConflictInfo>, Error> {
    rules::check_name(&slot)?;
    turn.begin().await;
    drop(turn);
    let player = shared.session.player().await?;
    let outbox = shared.saves.outbox(&player);
    let Some(open) = read_open(&outbox, &slot).await?.filter(|open| open.record.asked) else {
        return Ok(None);
    };
    Ok(Some(know(shared, &player, &outbox, open).await?.info()))
}

/// The merge of a slot's conflict with these answers, and what is noted beside it.
pub(super) async fn answered(
    shared: &Arc<Shared>,
    player: &PlayerId,
    outbox: &Outbox,
    slot: &str,
    answers: Vec<(String, Choice)>,
) -> Result<(Content, EntryMeta), Error> {
    let no_conflict = || Error::argument("this slot has no conflict that could be answered");
    let open = read_open(outbox, slot).await?.ok_or_else(no_conflict)?;
    let known = know(shared, player, outbox, open).await?;
    let noted = combine::noted(&known.definition, &known.sides);
    let mut merged = match known.verdict {
        Verdict::Ask(merged) => merged,
        Verdict::Done(content) if answers.is_empty() => return Ok((content, noted)),
        Verdict::Done(_) | Verdict::Pick => {
            return Err(Error::argument(
                "nothing is asked here: pick a side, or give a content made of both",
            ));
        }
    };
    blocking(move || match combine::answer(&mut merged, &answers) {
        Ok(()) => Ok((Content::Value(merged.value), noted)),
        Err(Unfit::Answer(why)) => Err(Error::argument(why)),
        Err(Unfit::Open(paths)) => {
            let message = format!("these have no answer: {}", paths.join(", "));
            Err(Error::new(ErrorCode::MergeUnanswered, message))
        }
    })
    .await
}

/// What is noted beside a content that the game made of both sides.
pub(super) async fn noted(
    shared: &Arc<Shared>,
    outbox: &Outbox,
    slot: &str,
) -> Result<Option<EntryMeta>, Error> {
    let Some(open) = read_open(outbox, slot).await? else { return Ok(None) };
    let conflict = &open.record.conflict;
    let nothing = || Content::Bytes(bytes::Bytes::new());
    let version = |version: &SaveVersion| Version::of_version(version, nothing());
    let sides = Sides {
        base: conflict.ancestor.as_ref().map(version),
        local: Version::of_entry(&open.local.meta, nothing()),
        cloud: Some(&conflict.head).filter(|head| !head.deleted).map(version),
    };
    Ok(Some(combine::noted(&shared.saves.definitions.of(slot), &sides)))
}

/// Brings a loaded content up to the definition's schema.
pub(super) async fn migrated(
    shared: &Shared,
    slot: &str,
    content: Content,
    schema: i64,
) -> Result<Content, Error> {
    let definition = shared.saves.definitions.of(slot);
    if definition.schema == 0 || definition.schema == schema {
        return Ok(content);
    }
    if schema > definition.schema {
        let message = format!(
            "the save has schema {schema}, this game reads {}: update the game; the save is untouched",
            definition.schema
        );
        return Err(Error::new(ErrorCode::NewerSchema, message));
    }
    let (Some(migrate), Content::Value(value)) = (definition.migrate.clone(), &content) else {
        return Ok(content);
    };
    let value = value.clone();
    let migrated = game_code(shared, move || {
        migrate(value, schema).map_err(|why| {
            let message = format!("the save of schema {schema} cannot be migrated: {why}");
            Error::new(ErrorCode::InvalidSave, message)
        })
    });
    migrated.await.map(Content::Value)
}

/// Most numbers that are tried for the name of a slot that both are kept in.
pub(super) const COPIES_MAX: usize = 1000;

/// See [`super::Saves::keep_both`].
pub(super) async fn keep_both(shared: &Arc<Shared>, slot: String, mut turn: Turn) -> Result<String, Error> {
    rules::check_name(&slot)?;
    turn.begin().await;
    let player = shared.session.player().await?;
    let outbox = shared.saves.outbox(&player);
    let in_cloud = match api::list_saves(shared, &player).await {
        Ok(slots) => slots.into_iter().map(|version| version.slot).collect(),
        // Without the cloud's list, what this device knows has to do.
        Err(error) if rules::reads_offline(&error) => Vec::new(),
        Err(error) => return Err(error),
    };
    let _lane = shared.saves.lane.lock().await;
    let name = slot.clone();
    let to = blocking(move || {
        if !outbox.has_conflict(&name) {
            return Err(Error::argument("this slot has no conflict"));
        }
        let is_free = |to: &String| !in_cloud.contains(to) && !outbox.knows(to);
        let to = (2..COPIES_MAX).map(|n| rules::copy_name(&name, n)).find(is_free);
        let to =
            to.ok_or_else(|| Error::argument("every name for the copy is taken: delete a slot first"))?;
        outbox.keep_both(&name, &to)?;
        Ok(to)
    })
    .await?;
    shared.saves.dropped(&player, &slot);
    shared.saves.kick();
    drop(turn);
    Ok(to)
}
