//! Sending what is queued: rounds in the background, one at a time, in the outbox's order.
//!
//! A round takes the right to send (one process at a time), then sends entry after entry until nothing is
//! left or the backend cannot be reached. Rounds start when a save is queued, the network or a player comes
//! back, auto-sync is turned on, or a pause after a failed round is over.

use super::api;
use super::outbox::{Entry, Outbox, Outcome};
use super::records::unresolved;
use super::rules::{self, Packed, Step};
use super::state::{Round, Turn};
use crate::cloud::Shared;
use crate::session::blocking;
use crate::{Error, Event, clock, retry};
use aethex_wire::ids::PlayerId;
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
                *round = Round { ended: round.ended + 1, running: false, stopped };
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
        let (queue, skip) = (outbox.clone(), skipped.clone());
        let entry = match blocking(move || queue.next(&skip)).await {
            Ok(Some(entry)) => entry,
            Ok(None) => return stopped,
            Err(error) => return Some(error),
        };
        match send(shared, &player, &outbox, &entry).await {
            Ok(()) => shared.events.push(Event::SyncProgress { pending: outbox.pending() }),
            Err((error, everything)) => {
                tracing::debug!(code = error.code.as_str(), everything, "a queued save waits");
                if everything {
                    return Some(error);
                }
                skipped.insert(entry.meta.slot.clone());
                stopped = Some(error);
            }
        }
    }
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
    loop {
        let queue = outbox.clone();
        let Some(entry) = blocking(move || queue.next(&HashSet::new())).await? else { break };
        send(shared, player, &outbox, &entry).await.map_err(|(error, _)| error)?;
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
    Err(Error::new(aethex_wire::ErrorCode::Timeout, "another process is sending this player's saves"))
}

/// Sends one entry and settles it. The error says why it stays, and whether all others would stay, too.
async fn send(
    shared: &Shared,
    player: &PlayerId,
    outbox: &Outbox,
    entry: &Entry,
) -> Result<(), (Error, bool)> {
    let answer = api::put_save(shared, player, &entry.meta, &entry.payload).await;
    let has_parents = entry.meta.parents.as_ref().is_some_and(|parents| !parents.is_empty());
    let step = rules::after_send(&entry.meta.shape, has_parents, answer);
    let (queue, done, settled) = (outbox.clone(), entry.clone(), step.clone());
    let kept = blocking(move || match &settled {
        Step::Acked(version) => queue.acked(&done, version),
        Step::Conflict(conflict) => queue.conflicted(&done, conflict),
        Step::Rebase => queue.rebased(&done),
        Step::Refused(error) => queue.refused(&done, error),
        Step::Later { .. } => Ok(()),
    })
    .await;
    // The answer could not be written down: the entry is sent again, with the same key.
    kept.map_err(|error| (error, true))?;
    let slot = entry.meta.slot.clone();
    let (outcome, event) = match step {
        Step::Acked(version) => {
            (Outcome::Acked(version.clone()), Event::SaveSynced { slot: slot.clone(), version })
        }
        Step::Conflict(conflict) => {
            let local = local_content(outbox, entry).await.map_err(|error| (error, false))?;
            let event = Event::SaveConflict { slot: slot.clone(), conflict: conflict.clone(), local };
            (Outcome::Conflict(conflict), event)
        }
        Step::Refused(error) => {
            (Outcome::Refused(error.clone()), Event::SaveFailed { slot: slot.clone(), error })
        }
        Step::Rebase => return Ok(()),
        Step::Later { error, everything } => return Err((error, everything)),
    };
    shared.saves.settled(player, &slot, entry.number, &outcome);
    // Saves behind a conflict wait for its end: who waits for them learns of it now.
    if let Outcome::Conflict(_) = outcome {
        shared.saves.settled(player, &slot, u64::MAX, &outcome);
    }
    shared.events.push(event);
    Ok(())
}

/// The newest content of the entry's slot: a later save may wait behind it.
async fn local_content(outbox: &Outbox, entry: &Entry) -> Result<crate::Content, Error> {
    let (outbox, entry) = (outbox.clone(), entry.clone());
    blocking(move || {
        let newest = outbox.unsent(&entry.meta.slot)?;
        let (meta, payload) =
            newest.map_or((entry.meta, entry.payload), |unsent| (unsent.meta, unsent.payload));
        rules::unpack(&Packed { shape: meta.shape, payload })
    })
    .await
}

/// Sends everything that is queued, for at most `timeout`; see [`super::Saves::flush`].
pub(crate) async fn flush(shared: &Arc<Shared>, timeout: Duration, mut turn: Turn) -> Result<(), Error> {
    let player = shared.session.player().await?;
    let outbox = shared.saves.outbox(&player);
    let mut last = Error::new(aethex_wire::ErrorCode::Timeout, "the time for sending queued saves is over");
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
                if !error.retryable && error.code != aethex_wire::ErrorCode::Protocol {
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
pub(crate) fn outcome_version(outcome: Outcome) -> Result<crate::SaveVersion, Error> {
    match outcome {
        Outcome::Acked(version) => Ok(version),
        Outcome::Conflict(conflict) => Err(unresolved(conflict)),
        Outcome::Refused(error) => Err(error),
    }
}
