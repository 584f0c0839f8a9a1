//! Sending what is queued: rounds in the background, one at a time, in the outbox's order.
//!
//! A round takes the right to send (one process at a time), then sends entry after entry, small ones together
//! ([`super::batch`]), until nothing is left or the backend cannot be reached. Rounds start when a save is queued, the network or a player comes
//! back, auto-sync is turned on, or a pause after a failed round is over.

use super::entries::{Entry, Outcome};
use super::outbox::Outbox;
use super::records::unresolved;
use super::rules::{self, Step};
use super::state::{Round, Turn};
use super::{api, batch, merging, transfer, uploads};
use crate::cloud::Shared;
use crate::session::blocking;
use crate::{Error, Event, clock, retry};
use aethex_wire::ErrorCode;
use aethex_wire::ids::PlayerId;
use aethex_wire::saves::SaveVersion;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// How soon a process asks again for the right to send that another one holds.
const SEND_LOCK_POLL: Duration = Duration::from_millis(200);
/// How long one call waits for that right before it reports that the queue waits.
const SEND_LOCK_POLLS: u32 = 15;

/// Runs rounds for as long as the SDK lives.
pub(crate) async fn run(shared: Arc<Shared>) {
    let (mut players, mut online) = (shared.session.changes(), shared.session.online());
    let mut failed_rounds: u32 = 0;
    let mut due = shared.saves.auto_sync();
    let mut pause = None;
    loop {
        if due {
            shared.saves.rounds.send_modify(|round| round.running = true);
            let stopped = round(&shared).await;
            failed_rounds = if stopped.is_some() { failed_rounds.saturating_add(1) } else { 0 };
            pause =
                stopped.as_ref().map(|error| retry::pause(failed_rounds, error, clock::random_fraction()));
            // Rounds change what is known of the network; that is no reason for another one.
            online.borrow_and_update();
            shared.saves.rounds.send_modify(|round| {
                let next_at = pause.map(|pause| tokio::time::Instant::now() + pause);
                *round = Round { ended: round.ended + 1, running: false, stopped, next_at };
            });
        }
        let auto_sync = shared.saves.auto_sync();
        let wait = async {
            match pause {
                Some(pause) if auto_sync => tokio::time::sleep(pause).await,
                _ => std::future::pending().await,
            }
        };
        due = tokio::select! {
            biased;
            () = shared.saves.kicked() => true,
            changed = players.changed() => changed.is_ok() && shared.saves.auto_sync(),
            changed = online.changed() => {
                changed.is_ok() && *online.borrow_and_update() == Some(true) && shared.saves.auto_sync()
            }
            () = wait => true,
        };
    }
}

/// Sends until nothing is left; returns why it stopped before.
async fn round(shared: &Arc<Shared>) -> Option<Error> {
    let player = shared.session.player_now()?;
    let outbox = shared.saves.outbox(&player);
    if shared.saves.take_merge_again() {
        let queue = outbox.clone();
        if let Err(error) = blocking(move || queue.reopen_conflicts()).await {
            shared.saves.merge_again();
            return Some(error);
        }
    }
    // Spares the locks and their files where there is nothing to do.
    if outbox.sendable() == 0 {
        return None;
    }
    let _right = match right_to_send(&outbox).await {
        Ok(lock) => lock,
        Err(error) => return Some(error),
    };
    let mut skipped = HashSet::new();
    let mut stopped = None;
    loop {
        let _lane = shared.saves.lane.lock().await;
        let (held, most) = (shared.saves.pace.held(&player), shared.saves.batch_max());
        let work = match next_work(&outbox, &skipped, held, most).await {
            Ok(Some(work)) => work,
            Ok(None) => return stopped,
            Err(error) => return Some(error),
        };
        let staying = work.run(shared, &player, &outbox).await;
        if staying.len() < work.len() {
            shared.events.push(Event::SyncProgress { pending: outbox.pending() });
        }
        for Stays { slot, error, everything } in staying {
            tracing::debug!(code = error.code.as_str(), everything, "a queued save waits");
            if everything {
                return Some(error);
            }
            skipped.insert(slot);
            stopped = Some(error);
        }
    }
}

/// A save that stays in the queue, or a conflict that stays.
#[derive(Debug)]
pub(super) struct Stays {
    slot: String,
    error: Error,
    /// Everything else would stay, too.
    pub(super) everything: bool,
}

impl Stays {
    fn of(slot: &str, error: Error, everything: bool) -> Stays {
        Stays { slot: slot.to_owned(), error, everything }
    }

    /// Nothing can be sent now.
    pub(super) fn everything(error: Error) -> Stays {
        Stays { slot: String::new(), error, everything: true }
    }
}

/// What a round does next.
enum Work {
    /// Entries that may go together.
    Send(Vec<Entry>),
    /// The conflict of this slot.
    Merge(String),
}

impl Work {
    fn len(&self) -> usize {
        match self {
            Work::Send(entries) => entries.len(),
            Work::Merge(_) => 1,
        }
    }

    /// What stays, and why.
    async fn run(&self, shared: &Arc<Shared>, player: &PlayerId, outbox: &Outbox) -> Vec<Stays> {
        match self {
            Work::Send(entries) => batch::send(shared, player, outbox, entries).await,
            Work::Merge(slot) => match Box::pin(merging::attempt(shared, player, outbox, slot)).await {
                Ok(()) => Vec::new(),
                Err(error) => {
                    let everything = rules::stops_all(error.code);
                    vec![Stays::of(slot, error, everything)]
                }
            },
        }
    }
}

/// Conflicts that can be merged go first: their merges take old places in the queue.
async fn next_work(
    outbox: &Outbox,
    skipped: &HashSet<String>,
    held: HashSet<String>,
    most: usize,
) -> Result<Option<Work>, Error> {
    let (queue, skip) = (outbox.clone(), skipped.clone());
    blocking(move || {
        if let Some(slot) = queue.next_merge(&skip)? {
            return Ok(Some(Work::Merge(slot)));
        }
        let entries = queue.next_few(&skip, &held, most)?;
        Ok((!entries.is_empty()).then_some(Work::Send(entries)))
    })
    .await
}

/// Everything of a player is sent; as long as this lives, nobody sends for anyone.
#[derive(Debug)]
pub(crate) struct Drained<'a> {
    outbox: Outbox,
    _lane: tokio::sync::MutexGuard<'a, ()>,
    _right: crate::disk::Lock,
}

/// Sends everything of a player who has a session but is not logged in. Fails when something stays, also
/// when a conflict or a refused save waits for the player's word.
pub(crate) async fn drain<'a>(shared: &'a Arc<Shared>, player: &PlayerId) -> Result<Drained<'a>, Error> {
    let outbox = shared.saves.outbox(player);
    let lane = shared.saves.lane.lock().await;
    let right = right_to_send(&outbox).await?;
    while let Some(work) =
        next_work(&outbox, &HashSet::new(), HashSet::new(), shared.saves.batch_max()).await?
    {
        if let Some(stays) = work.run(shared, player, &outbox).await.pop() {
            return Err(stays.error);
        }
    }
    let queue = outbox.clone();
    match blocking(move || queue.any_unresolved()).await? {
        Some(error) => Err(error),
        None => Ok(Drained { outbox, _lane: lane, _right: right }),
    }
}

impl Drained<'_> {
    /// Gives the player's offline copies to the one whom the slots belong to now, as far as they are that one's
    /// heads. What cannot be given is read from the cloud when it is wanted.
    pub(crate) async fn inherit(self, shared: &Arc<Shared>, heir: &PlayerId, from: &PlayerId) {
        let heads = match api::list_saves(shared, heir).await {
            Ok(heads) => heads,
            Err(error) => {
                tracing::debug!(code = error.code.as_str(), player = %from, "offline copies stay behind");
                return;
            }
        };
        let (mine, theirs) = (shared.saves.outbox(heir), self.outbox.clone());
        if let Err(error) = blocking(move || mine.inherit(&theirs, &heads)).await {
            tracing::warn!(code = error.code.as_str(), "offline copies stay behind");
        }
    }
}

async fn right_to_send(outbox: &Outbox) -> Result<crate::disk::Lock, Error> {
    for _ in 0..SEND_LOCK_POLLS {
        let queue = outbox.clone();
        if let Some(lock) = blocking(move || queue.try_send_lock()).await? {
            return Ok(lock);
        }
        tokio::time::sleep(SEND_LOCK_POLL).await;
    }
    Err(Error::new(ErrorCode::Timeout, "another process is sending this player's saves"))
}

/// Sends one entry and settles it. The error says why it stays.
pub(super) async fn send(
    shared: &Shared,
    player: &PlayerId,
    outbox: &Outbox,
    entry: &Entry,
) -> Result<(), Stays> {
    let answer = put(shared, player, outbox, entry).await;
    settle(shared, player, outbox, entry, answer).await
}

/// Writes down what the server answered to an entry, and tells those who wait.
pub(super) async fn settle(
    shared: &Shared,
    player: &PlayerId,
    outbox: &Outbox,
    entry: &Entry,
    answer: Result<SaveVersion, Error>,
) -> Result<(), Stays> {
    let slot = entry.meta.slot.clone();
    let mut step = rules::after_send(&entry.meta, answer);
    if step == Step::Used {
        step = match find_stored(shared, player, entry).await {
            Ok(Some(version)) => Step::Acked(version),
            Ok(None) => Step::Fill,
            Err(error) => return Err(Stays::of(&slot, error, false)),
        };
    }
    let (queue, done, settled) = (outbox.clone(), entry.clone(), step.clone());
    let kept = blocking(move || match &settled {
        Step::Acked(version) => queue.acked(&done, version),
        Step::Conflict(conflict) => queue.conflicted(&done, conflict),
        Step::Rebase => queue.rebased(&done),
        Step::Unchain => queue.unchained(&done),
        Step::Fill | Step::Used => queue.filled(&done),
        Step::Complete => queue.completed(&done),
        Step::Refused(error) => queue.refused(&done, error),
        Step::Later { .. } => Ok(()),
    })
    .await;
    // The answer could not be written down: the entry is sent again, with the same key.
    kept.map_err(|error| Stays::of(&slot, error, true))?;
    let mut suspect = None;
    let (outcome, event) = match step {
        Step::Acked(version) => {
            shared.saves.note_untracked(player, &slot, None);
            suspect = Some(version.clone()).filter(|version| !version.suspicions.is_empty());
            let event = match entry.meta.merged {
                true => Event::SaveMerged { slot: slot.clone(), version: version.clone() },
                false => Event::SaveSynced { slot: slot.clone(), version: version.clone() },
            };
            (Outcome::Acked(version), event)
        }
        Step::Refused(error) => {
            (Outcome::Refused(error.clone()), Event::SaveFailed { slot: slot.clone(), error })
        }
        // The merge is the next step; who waits for the save learns what comes of that.
        Step::Conflict(_) | Step::Rebase | Step::Unchain | Step::Fill | Step::Complete | Step::Used => {
            return Ok(());
        }
        Step::Later { error, everything } => return Err(Stays::of(&slot, error, everything)),
    };
    shared.saves.settled(player, &slot, entry.number, &outcome);
    shared.events.push(event);
    if let Some(version) = suspect {
        shared.events.push(Event::SaveSuspicious { slot, version });
    }
    Ok(())
}

/// Brings an entry to the server: its large parts, then itself.
async fn put(
    shared: &Shared,
    player: &PlayerId,
    outbox: &Outbox,
    entry: &Entry,
) -> Result<SaveVersion, Error> {
    let (queue, sent) = (outbox.clone(), entry.clone());
    let (frame, before) = blocking(move || {
        let before: i64 =
            transfer::plan(&queue, &sent.meta, None)?.before.iter().map(|part| part.size_bytes).sum();
        Ok((transfer::frame(&queue, &sent, None)?, before))
    })
    .await?;
    shared.saves.pace.check(frame.len() as u64 + before.max(0).unsigned_abs())?;
    match uploads::send_parts(shared, player, outbox, entry).await {
        Ok(()) => {}
        // Another try asks what is missing.
        Err(error) if matches!(error.code, ErrorCode::UploadIncomplete | ErrorCode::UploadNotFound) => {
            return Err(Error { retryable: true, ..error });
        }
        Err(error) => return Err(error),
    }
    api::put_save(shared, player, &entry.meta.key, frame).await
}

/// The version that an entry became before its body changed (its base or this SDK did): it tells itself by the
/// device clock.
async fn find_stored(
    shared: &Shared,
    player: &PlayerId,
    entry: &Entry,
) -> Result<Option<SaveVersion>, Error> {
    let history = api::save_history(shared, player, &entry.meta.slot).await?;
    Ok(history.into_iter().find(|version| entry.meta.became(version)))
}

/// Sends everything that is queued, for at most `timeout`; see [`super::Saves::flush`].
pub(crate) async fn flush(shared: &Arc<Shared>, timeout: Duration, mut turn: Turn) -> Result<(), Error> {
    let player = shared.session.player().await?;
    let outbox = shared.saves.outbox(&player);
    let mut last = Error::new(ErrorCode::Timeout, "the time for sending queued saves is over");
    let everything = async {
        turn.begin().await;
        drop(turn);
        let mut failed_rounds = 0;
        loop {
            if shared.session.player_now().as_ref() != Some(&player) {
                return Err(Error::not_logged_in());
            }
            let mut rounds = shared.saves.rounds.subscribe();
            let ended_before = rounds.borrow().ended;
            let queue = outbox.clone();
            let (sendable, unresolved) =
                blocking(move || Ok((queue.sendable(), queue.any_unresolved()?))).await?;
            if sendable == 0 {
                return unresolved.map_or(Ok(()), Err);
            }
            shared.saves.kick();
            let ended = rounds.wait_for(|round| round.ended > ended_before).await;
            let stopped = ended.map_err(|_| Error::shut_down())?.stopped.clone();
            if let Some(error) = stopped {
                if !error.retryable && error.code != ErrorCode::Protocol {
                    return Err(error);
                }
                failed_rounds += 1;
                let pause = retry::pause(failed_rounds, &error, clock::random_fraction());
                last = error;
                tokio::time::sleep(pause).await;
            }
        }
    };
    let ended = tokio::time::timeout(timeout, everything).await;
    ended.unwrap_or(Err(last))
}

/// The version that an outcome is, or the error.
pub(crate) fn outcome_version(outcome: Outcome) -> Result<SaveVersion, Error> {
    match outcome {
        Outcome::Acked(version) => Ok(version),
        Outcome::Conflict(conflict) => Err(unresolved(conflict)),
        Outcome::Refused(error) => Err(error),
    }
}
