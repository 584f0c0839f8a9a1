//! Several waiting saves in one request: small ones, in the outbox's order.
//!
//! Of a slot the oldest goes as it would go alone; those behind it say that they come *after* the one before, whatever
//! version that becomes: also when the cloud has moved on, as the server keeps all of them on one side line then.
//! What an entry is made from is written down before it is sent, so that a repeat, in a batch or alone, is the same request.
//! Each has its own outcome, settled in order. A backend that takes no batches gets them one by one.

use super::entries::{Entry, EntryMeta, Name};
use super::outbox::{FILE_LEN_MAX, Outbox};
use super::send::{self, Stays};
use super::{api, rules, transfer};
use crate::Error;
use crate::cloud::Shared;
use crate::disk::file_stem;
use crate::session::blocking;
use aethex_wire::ErrorCode;
use aethex_wire::ids::PlayerId;
use aethex_wire::saves::SaveVersion;
use aethex_wire::saves::sync::{BatchResult, encode_batch};
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::io::{self, ErrorKind};
use std::time::Duration;

/// Most saves of one request: an evening's of one slot. Half of what the backend takes; past that waiting for
/// the first outcome takes longer than the round trips that are spared.
pub(super) const BATCH_SAVES_MAX: usize = super::outbox::SLOT_ENTRIES_MAX;
/// Longest frame that goes with others: above it a round trip is little beside the bytes.
const BATCH_FRAME_LEN_MAX: usize = 64 * 1024;
/// Longest request: eight seconds on the slowest useful connection, all of which a broken one costs.
const BATCH_LEN_MAX: usize = 512 * 1024;
/// Longest file of an entry that goes behind another of its slot: it is sent in full, as its parent has no name yet that a
/// patch could be against. Alone, a larger one goes as a patch.
const CHAINED_LEN_MAX: u64 = 16 * 1024;
/// Most bytes that are read for one request, before they become frames: patches are much smaller.
const BATCH_READ_MAX: u64 = 4 * 1024 * 1024;
/// How long saves go one by one after a batch was refused as a whole: long enough not to matter to a backend without
/// batches, and the next one may be another.
const ALONE_FOR: Duration = Duration::from_secs(600);

impl Outbox {
    /// The next entries to send, at most so many: the oldest whose slot waits for nobody and for no merge, and those
    /// behind it that may go along. They are fixed before they are returned. Autosaves of held slots wait for newer ones.
    pub(crate) fn next_few(
        &self,
        skipped_slots: &HashSet<String>,
        held_slots: &HashSet<String>,
        most: usize,
    ) -> Result<Vec<Entry>, Error> {
        let _guard = self.guard("reading the queue")?;
        let failed = |error: io::Error| Error::storage("reading the queue", &error);
        self.tidy_conflicts().map_err(failed)?;
        let skipped: HashSet<String> = skipped_slots.iter().map(|slot| file_stem(slot)).collect();
        let held: HashSet<String> = held_slots.iter().map(|slot| file_stem(slot)).collect();
        let mut few: Vec<Entry> = Vec::new();
        let mut read_bytes = 0;
        // Where the last entry of a slot is among the few; `None` when it stays.
        let mut last: HashMap<String, Option<usize>> = HashMap::new();
        for name in self.scan().map_err(failed)? {
            if few.len() == most {
                break;
            }
            let stem = name.stem.clone();
            let before = last.insert(stem.clone(), None);
            let waits = match before {
                None => name.late && held.contains(&stem),
                // An autosave goes when it is the only one left: until then newer ones take its place.
                Some(Some(_)) => name.late,
                Some(None) => true,
            };
            if waits || skipped.contains(&stem) || self.is_blocked(&stem).map_err(failed)? {
                continue;
            }
            let path = self.entry_path(&name);
            let len = self.disk.len(&path);
            let too_long = read_bytes + len > BATCH_READ_MAX || (before.is_some() && len > CHAINED_LEN_MAX);
            if !few.is_empty() && too_long {
                break;
            }
            match self.disk.read_record::<EntryMeta>(&path, FILE_LEN_MAX) {
                Ok(Some((meta, payload))) => {
                    let entry = Entry { number: name.number, meta, payload, path };
                    let fixed = match before.flatten().map(|at| &few[at].meta) {
                        None => self.fixed(name, entry).map(Some),
                        Some(before) => self.fixed_behind(name, entry, before),
                    };
                    if let Some(entry) = fixed.map_err(failed)? {
                        last.insert(stem, Some(few.len()));
                        read_bytes += len;
                        few.push(entry);
                    }
                }
                Ok(None) => {}
                Err(error) if error.kind() == ErrorKind::InvalidData => {
                    tracing::error!(%error, "a queued save is damaged: it is set aside");
                    let aside = path.with_file_name(format!("damaged-{}", name.text()));
                    self.disk.rename(&path, &aside).map_err(failed)?;
                    match before {
                        Some(before) => last.insert(stem, before),
                        None => last.remove(&stem),
                    };
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(few)
    }

    /// The entry behind another one of its slot, with that written down; `None` when it cannot go along.
    fn fixed_behind(&self, name: Name, entry: Entry, before: &EntryMeta) -> io::Result<Option<Entry>> {
        // What follows a merge that the game has not seen is made from what the game knows.
        if before.merged {
            return Ok(None);
        }
        if !name.chained {
            return Ok((entry.meta.after.as_ref() == Some(&before.key)).then_some(entry));
        }
        if entry.meta.parents.is_some() {
            return Ok(None);
        }
        let meta = EntryMeta { after: Some(before.key.clone()), ..entry.meta.clone() };
        self.fix(name, Entry { meta, ..entry }).map(Some)
    }
}

/// Sends entries together and settles them; those that stay, with the reason.
pub(super) async fn send(
    shared: &Shared,
    player: &PlayerId,
    outbox: &Outbox,
    entries: &[Entry],
) -> Vec<Stays> {
    let frames = match frames(shared, outbox, entries).await {
        Ok(frames) => frames,
        Err(error) => return vec![Stays::everything(error)],
    };
    let Some((first, _)) = entries.split_first() else { return Vec::new() };
    if frames.len() < 2 {
        return send::send(shared, player, outbox, first).await.err().into_iter().collect();
    }
    let body = encode_batch(
        entries.iter().map(|entry| entry.meta.key.as_str()).zip(frames.iter().map(|frame| &frame[..])),
    );
    let results = match api::put_saves(shared, player, body.into(), frames.len()).await {
        Ok(results) => results,
        Err(error) => {
            let waits = rules::stops_all(error.code);
            if !waits || error.code == ErrorCode::Timeout {
                tracing::debug!(code = error.code.as_str(), "a batch was refused: saves go one by one");
                shared.saves.send_alone(ALONE_FOR);
            }
            if waits {
                return vec![Stays::everything(error)];
            }
            if takes_none(error.code)
                && let Err(error) = unchain(outbox, entries).await
            {
                return vec![Stays::everything(error)];
            }
            return send::send(shared, player, outbox, first).await.err().into_iter().collect();
        }
    };
    let mut staying = Vec::new();
    for (entry, result) in entries.iter().zip(results) {
        if let Err(stays) = send::settle(shared, player, outbox, entry, outcome(result)).await {
            let stop = stays.everything;
            staying.push(stays);
            if stop {
                break;
            }
        }
    }
    staying
}

/// The bodies of the first entries, as far as they go together.
async fn frames(shared: &Shared, outbox: &Outbox, entries: &[Entry]) -> Result<Vec<Bytes>, Error> {
    let (queue, sent) = (outbox.clone(), entries.to_vec());
    let frames = blocking(move || {
        let mut frames: Vec<Bytes> = Vec::new();
        let mut len = 0;
        for (at, entry) in sent.iter().enumerate() {
            let before = sent[..at].iter().map(|before| &before.meta).rev();
            let before = before.into_iter().find(|before| entry.meta.after.as_ref() == Some(&before.key));
            // What cannot be read or has more to send is dealt with when it goes alone.
            let alone = !transfer::plan(&queue, &entry.meta, before).is_ok_and(|plan| plan.before.is_empty());
            if alone {
                break;
            }
            let Ok(frame) = transfer::frame(&queue, entry, before) else { break };
            len += frame.len();
            if frame.len() > BATCH_FRAME_LEN_MAX || len > BATCH_LEN_MAX {
                break;
            }
            frames.push(frame);
        }
        Ok(frames)
    });
    let mut frames = frames.await?;
    // What the network may not carry now is refused when it goes alone.
    let allowed =
        frames.iter().take_while(|frame| shared.saves.pace.check(frame.len() as u64).is_ok()).count();
    frames.truncate(allowed);
    Ok(frames)
}

/// Whether the backend's words are that it takes no batches, or not such ones: nothing was stored.
fn takes_none(code: ErrorCode) -> bool {
    use ErrorCode as Code;
    matches!(
        code,
        Code::NotFound
            | Code::MethodNotAllowed
            | Code::UnsupportedMediaType
            | Code::InvalidRequest
            | Code::TooLarge
    )
}

/// Has entries wait for those that they were to follow: such a backend may not know what that means.
async fn unchain(outbox: &Outbox, entries: &[Entry]) -> Result<(), Error> {
    let queue = outbox.clone();
    let behind: Vec<Entry> = entries.iter().filter(|entry| entry.meta.after.is_some()).cloned().collect();
    blocking(move || behind.iter().try_for_each(|entry| queue.unchained(entry))).await
}

/// What a save of a batch would have been answered alone.
fn outcome(result: BatchResult) -> Result<SaveVersion, Error> {
    match (result.version, result.problem) {
        (Some(version), None) => Ok(version),
        (None, Some(problem)) => Err((*problem).into()),
        _ => Err(Error::protocol("the server did not say what became of a save")),
    }
}
