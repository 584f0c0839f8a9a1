//! The service: one task a server, which holds the queues that the server leads and writes the matches.
//!
//! A queue is led by who has its lease in the cache. What comes while a batch of matches is written waits and is
//! the next batch: the more come, the more share a transaction. The service never awaits what waits for it.

pub(super) mod db;
mod filling;
mod lead;
mod letters;
mod mode;

pub(super) use mode::Insight;

use super::db::{MatchRow, overdue};
use super::end_ticket;
use super::matches::{self, FOUND, PROPOSED, Plan, Written};
use super::rules::{Entry, name_of};
use crate::app::App;
use crate::context::{new_id, now_ms};
use crate::multiplayer::presence;
use aethex_matchmaker::{AddError, Ticket};
use aethex_wire::ids::{GameId, MatchId, PlayerId, QueueTicketId, RoomId};
use aethex_wire::multiplayer::matchmaking::TicketStatus;
use letters::Letters;
use mode::{Made, Mode};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a lease holds: two of its holder's words may be lost.
const LEASE_MS: i64 = 7_000;
/// How often leases are prolonged and matches that nobody accepted looked for.
const BEAT: Duration = Duration::from_secs(2);
/// Beats from one look for queues that nobody leads, and for old tickets, to the next.
const LOOK_BEATS: u64 = 2;
/// Beats from one comparison with the database to the next.
const COMPARE_BEATS: u64 = 6;
/// How long a queue is led in which nobody waits: what is known of waiting times goes with it.
const IDLE_MS: i64 = 10 * 60 * 1000;
/// What is taken from the inbox at once.
const INBOX_BATCH: usize = 1_024;
/// Matches in one transaction.
const MATCHES_BATCH: usize = 64;
/// Matches called off in one look.
const OVERDUE_BATCH: i64 = 500;
/// Tickets that are told in a second why they wait: each costs a look at all who wait.
const EXPLAINS_PER_S: u32 = 250;
/// How long tickets stand back when the database did not take their match.
const FAILED_MS: i64 = 1_000;
/// When a match that is to be accepted is looked at, after the last moment to do so.
const LATE_MS: i64 = 20;

/// What the service is told.
#[derive(Debug)]
pub(super) enum Told {
    /// A ticket that was written.
    Add { game: GameId, mode: String, entry: Box<Entry> },
    /// A ticket that ended.
    Cancel { game: GameId, mode: String, ticket: String },
    /// A queue's rule set changed.
    Rules { game: GameId, mode: String },
    /// A match's room is to be looked at, at a time: it may ask for players.
    Fill { game: GameId, mode: String, room: RoomId, at_ms: i64 },
    /// Somebody asks for a ticket.
    Ask { game: GameId, mode: String, ticket: String, reply: oneshot::Sender<Insight> },
    /// Do what is done now and then, as if it were so late.
    Sweep { now_ms: i64, done: oneshot::Sender<()> },
}

type Key = (GameId, String);

fn lease((game, mode): &Key) -> String {
    format!("queue/{game}/{mode}")
}

struct Service {
    app: Arc<App>,
    modes: HashMap<Key, Mode>,
    letters: Letters,
    /// Matches that wait for everyone's word, by when.
    asked: BTreeMap<(i64, MatchId), GameId>,
    /// Rooms that are to be looked at, by when.
    looks: BTreeSet<(i64, Key, RoomId)>,
    explains: u32,
    explains_since_ms: i64,
}

/// Leads queues until it is dropped: in a task of its own, for matching takes a thread's time. One that fails is
/// begun again, and finds everything in the database.
pub(in crate::multiplayer) async fn tend(app: &Arc<App>) {
    loop {
        let mut service = tokio::task::JoinSet::new();
        service.spawn(serve(app.clone()));
        if let Some(Err(error)) = service.join_next().await {
            tracing::error!(%error, "the matchmaking service failed");
        }
        tokio::time::sleep(BEAT).await;
    }
}

async fn serve(app: Arc<App>) {
    let mut inbox = app.multiplayer.matchmaking.told.lock().await;
    let mut service = Service {
        app: app.clone(),
        modes: HashMap::new(),
        letters: Letters::new(&app),
        asked: BTreeMap::new(),
        looks: BTreeSet::new(),
        explains: 0,
        explains_since_ms: 0,
    };
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut beats = 0;
    let mut batch = Vec::with_capacity(INBOX_BATCH);
    loop {
        let wake = Duration::from_millis(service.wakes_in_ms());
        tokio::select! {
            taken = inbox.recv_many(&mut batch, INBOX_BATCH) => {
                if taken == 0 {
                    return;
                }
                for told in batch.drain(..) {
                    service.hear(told).await;
                }
            }
            letter = service.letters.take() => service.read(letter).await,
            _ = beat.tick() => {
                service.beat(beats).await;
                beats += 1;
            }
            () = tokio::time::sleep(wake) => {}
        }
        service.advance().await;
    }
}

/// Gives up the leases of a server that stops: others lead its queues at once.
pub(in crate::multiplayer) async fn end(app: &App) {
    let leases = std::mem::take(&mut *app.multiplayer.matchmaking.leases.lock());
    for key in leases {
        app.multiplayer.cache.release(&key, app.multiplayer.node.as_bytes()).await;
    }
}

impl Service {
    fn wakes_in_ms(&self) -> u64 {
        let now = now_ms();
        let modes = self.modes.values().filter_map(Mode::next_wake);
        let asked = self.asked.keys().next().map(|(at_ms, _)| at_ms + LATE_MS);
        let looks = self.looks.first().map(|(at_ms, ..)| *at_ms);
        let next = modes.chain(asked).chain(looks).min().map_or(BEAT.as_millis() as i64, |at_ms| at_ms - now);
        next.max(0).unsigned_abs()
    }

    async fn hear(&mut self, told: Told) {
        match told {
            Told::Add { game, mode, entry } => {
                let key = (game, mode);
                match self.leads(&key).await {
                    true => self.add(&key, *entry).await,
                    false => self.letters.add(key, entry),
                }
            }
            Told::Cancel { game, mode, ticket } => {
                let key = (game, mode);
                match self.modes.get_mut(&key) {
                    Some(queue) => queue.remove(&ticket),
                    None => self.letters.cancel(key, ticket),
                }
            }
            Told::Rules { game, mode } => {
                let key = (game, mode);
                self.letters.rules(key.clone());
                self.reload(&key).await;
            }
            Told::Fill { game, mode, room, at_ms } => {
                let key = (game, mode);
                match self.modes.contains_key(&key) {
                    true => self.look_later(key, room, at_ms),
                    false => self.letters.fill(key, room, at_ms),
                }
            }
            Told::Ask { game, mode, ticket, reply } => {
                let key = (game, mode);
                match self.leads(&key).await {
                    true => drop(reply.send(self.insight(&key, &ticket))),
                    false => self.letters.ask(key, ticket, reply),
                }
            }
            Told::Sweep { now_ms, done } => {
                self.sweep(now_ms).await;
                self.call_off(now_ms).await;
                let _ = done.send(());
            }
        }
    }

    fn insight(&mut self, key: &Key, ticket: &str) -> Insight {
        let now = now_ms();
        if now - self.explains_since_ms >= 1_000 {
            (self.explains, self.explains_since_ms) = (0, now);
        }
        self.explains += 1;
        let explains = self.explains <= EXPLAINS_PER_S;
        self.modes.get_mut(key).map(|queue| queue.insight(&key.1, ticket, explains, now)).unwrap_or_default()
    }

    /// Takes the letter of a ticket.
    async fn add(&mut self, key: &Key, entry: Entry) {
        let Some(queue) = self.modes.get_mut(key) else { return };
        if !queue.was_early(entry.kept.ticket.id.as_str()) {
            self.admit(key, entry, Mode::add).await;
        }
    }

    async fn admit(
        &mut self,
        key: &Key,
        entry: Entry,
        add: fn(&mut Mode, Entry, i64) -> Result<(), AddError>,
    ) {
        let Some(queue) = self.modes.get_mut(key) else { return };
        let id = entry.kept.ticket.id.as_str().to_owned();
        let players = super::rules::players_of(&entry.kept.ticket);
        if let Err(error) = add(queue, entry, now_ms()) {
            self.refuse(&key.0, &id, &players, &error).await;
        }
    }

    async fn refuse(&self, game: &GameId, id: &str, players: &[PlayerId], error: &AddError) {
        tracing::debug!(%error, "a ticket cannot wait");
        self.end(game, id, players, TicketStatus::Cancelled).await;
    }

    async fn end(&self, game: &GameId, id: &str, players: &[PlayerId], to: TicketStatus) {
        let Some(id) = QueueTicketId::parse(id) else { return };
        if let Err(failure) = end_ticket(&self.app, game, &id, players, to, name_of(to)).await {
            tracing::warn!(%failure, "cannot end a ticket");
        }
    }

    /// Writes the matches that are due, and calls off those whose time is over.
    async fn advance(&mut self) {
        let now = now_ms();
        self.look_at_rooms(now).await;
        let mut due: BTreeMap<GameId, Vec<(String, Made)>> = BTreeMap::new();
        for ((game, mode), queue) in &mut self.modes {
            if queue.next_wake().is_some_and(|at_ms| at_ms <= now) {
                let made = queue.propose(now).into_iter().map(|made| (mode.clone(), made));
                due.entry(game.clone()).or_default().extend(made);
            }
        }
        for (game, mut made) in due {
            while !made.is_empty() {
                let rest = made.split_off(made.len().min(MATCHES_BATCH));
                self.write(&game, std::mem::replace(&mut made, rest)).await;
            }
        }
        while let Some(first) = self.asked.first_entry() {
            if first.key().0 + LATE_MS > now {
                break;
            }
            let ((at_ms, id), game) = first.remove_entry();
            let app = self.app.clone();
            tokio::spawn(async move {
                if let Err(failure) = matches::time_out(&app, &game, &id, now.max(at_ms)).await {
                    tracing::warn!(%failure, "a match that was not accepted waits to be found");
                }
            });
        }
    }

    /// Writes matches of one game.
    async fn write(&mut self, game: &GameId, made: Vec<(String, Made)>) {
        let (into_rooms, made): (Vec<_>, Vec<_>) =
            made.into_iter().partition(|(_, made)| made.into.is_some());
        for (mode, made) in into_rooms {
            self.bring(game, mode, made).await;
        }
        if made.is_empty() {
            return;
        }
        let now = now_ms();
        let plans = made.iter().map(|(mode, made)| plan(mode, made, now)).collect();
        let written = matches::write(&self.app, game, plans).await;
        let tickets = |made: Made| made.proposal.teams.into_iter().flat_map(|team| team.tickets);
        let written = match written {
            Ok(written) => written,
            Err(failure) => {
                tracing::warn!(%failure, matches = made.len(), "cannot write matches");
                for (mode, made) in made {
                    if let Some(queue) = self.modes.get_mut(&(game.clone(), mode)) {
                        queue.stand_back(tickets(made).collect(), now + FAILED_MS);
                    }
                }
                return;
            }
        };
        let now = now_ms();
        let mut told = Vec::with_capacity(written.len());
        for ((mode, made), (plan, written)) in made.into_iter().zip(written) {
            let key = (game.clone(), mode);
            let Some(queue) = self.modes.get_mut(&key) else { continue };
            let room = match written {
                Written::Lost(lost) => {
                    lost.iter().for_each(|id| queue.remove(id.as_str()));
                    queue.put_back(tickets(made).collect::<Vec<Ticket>>(), now);
                    continue;
                }
                Written::Proposed => {
                    let by_ms = plan.row.accept_by_ms.unwrap_or(now);
                    self.asked.insert((by_ms, plan.row.id.clone()), game.clone());
                    plan.tickets.iter().for_each(|id| queue.may_return(id.as_str()));
                    None
                }
                Written::Found(room) => {
                    metrics::counter!("matchmaking_matches_total", "accepted" => "unasked").increment(1);
                    Some(room)
                }
            };
            queue.matched(&key.1, plan.tickets.iter().map(QueueTicketId::as_str), now);
            told.push((plan, room));
        }
        let (app, game) = (self.app.clone(), game.clone());
        tokio::spawn(async move { matches::announce(&app, &game, told).await });
    }

    /// What is done every few seconds.
    async fn beat(&mut self, beats: u64) {
        let now = now_ms();
        let keys: Vec<Key> = self.modes.keys().cloned().collect();
        for key in keys {
            let idle = self
                .modes
                .get(&key)
                .is_some_and(|queue| queue.len() == 0 && queue.idle_since_ms + IDLE_MS <= now);
            if idle {
                self.modes.remove(&key);
                self.give_up(&key).await;
            } else if !self.claim(&key).await {
                // Another leads it: it was away for too long, and the database has everything.
                self.modes.remove(&key);
            }
        }
        self.call_off(now - BEAT.as_millis() as i64).await;
        if beats.is_multiple_of(LOOK_BEATS) {
            self.look_for_queues().await;
            self.sweep(now).await;
        }
        if beats % COMPARE_BEATS == COMPARE_BEATS - 1 {
            self.compare_all().await;
        }
        let waiting: usize = self.modes.values().map(Mode::len).sum();
        metrics::gauge!("matchmaking_waiting_tickets").set(waiting as f64);
    }

    /// Ends tickets that are too old, and those none of whose players is here.
    async fn sweep(&mut self, now_ms: i64) {
        let keys: Vec<Key> = self.modes.keys().cloned().collect();
        for key in keys {
            let Some(queue) = self.modes.get(&key) else { continue };
            let (old, unheard) = (queue.too_old(now_ms), queue.unheard(now_ms));
            let mut over: Vec<(String, Vec<PlayerId>, TicketStatus)> =
                old.into_iter().map(|(id, players)| (id, players, TicketStatus::Expired)).collect();
            for (id, players) in unheard {
                let mut here = false;
                for player in &players {
                    here = here || presence::is_here(&self.app, &key.0, player).await;
                }
                match self.modes.get_mut(&key) {
                    Some(queue) if here => queue.heard(&id, now_ms),
                    _ => over.push((id, players, TicketStatus::Cancelled)),
                }
            }
            for (id, players, how) in over {
                if let Some(queue) = self.modes.get_mut(&key) {
                    queue.remove(&id);
                }
                self.end(&key.0, &id, &players, how).await;
            }
        }
    }

    /// Calls off matches that were to be accepted before a time: those whose server is gone among them.
    async fn call_off(&self, before_ms: i64) {
        let found = match overdue(&self.app.sql, before_ms, OVERDUE_BATCH).await {
            Ok(found) => found,
            Err(error) => return tracing::warn!(%error, "cannot look for matches that nobody accepted"),
        };
        for (game, id) in found {
            let app = self.app.clone();
            // It hands tickets in again, which this task is to take.
            tokio::spawn(async move {
                if let Err(failure) = matches::time_out(&app, &game, &id, before_ms).await {
                    tracing::warn!(%failure, "cannot call a match off");
                }
            });
        }
    }
}

/// A match as it is to be written.
fn plan(mode: &str, made: &Made, now_ms: i64) -> Plan {
    let Made { proposal, accept_ms, settings, into: _ } = made;
    let mut seats = Vec::new();
    let mut tickets = Vec::new();
    for team in &proposal.teams {
        for ticket in &team.tickets {
            let Some(id) = QueueTicketId::parse(ticket.id.as_str()) else { continue };
            let players = super::rules::players_of(ticket).into_iter();
            seats.extend(players.map(|player| (player, id.clone(), team.name.clone())));
            tickets.push(id);
        }
    }
    // Servers that write at once take the rows in one order.
    tickets.sort_unstable();
    let row = MatchRow {
        id: MatchId::parse(&new_id()).expect("ids are made in their canonical spelling"),
        mode: mode.to_owned(),
        region: proposal.region.clone().unwrap_or_default(),
        room: None,
        status: if accept_ms.is_some() { PROPOSED } else { FOUND }.to_owned(),
        accept_by_ms: accept_ms.map(|accept_ms| now_ms + accept_ms),
        created_at_ms: now_ms,
    };
    Plan { row, seats, tickets, settings: *settings }
}
