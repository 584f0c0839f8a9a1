//! Rooms that ask for players, in a queue that this server leads.
//!
//! What the database says of a room replaces what was known of it. Rooms that are changed by somebody's leaving are
//! looked at a moment later: where all leave, nobody shall come.

use super::mode::{Made, Mode, Waiting, engine, quarrel};
use super::{FAILED_MS, Key, Service};
use crate::context::now_ms;
use crate::multiplayer::matchmaking::backfill::{self, Fill, Newcomers};
use crate::multiplayer::matchmaking::rules;
use aethex_matchmaker::{AddError, Proposal, Ticket};
use aethex_wire::ids::{GameId, PlayerId, QueueTicketId, RoomId};
use std::collections::HashSet;

/// Rooms that are to be looked at; the comparison with the database looks at those that were left out.
const LOOKS_MAX: usize = 10_000;
/// Players whom one room avoids: who is refused here waits on, and may be proposed again when they are forgotten.
const AVOIDED_MAX: usize = 64;

/// A room that asks.
#[derive(Debug)]
pub(super) struct Asked {
    fill: Fill,
    /// Who does not come in.
    avoid: Vec<PlayerId>,
    /// Whether the engine looks for players.
    is_waiting: bool,
}

impl Mode {
    /// A room asks for players, or asks with others in it.
    pub(super) fn fill(&mut self, fill: Fill, now_ms: i64) {
        let id = fill.room.as_str().to_owned();
        let avoid = match self.asked.remove(&id) {
            Some(before) if before.is_waiting && before.fill == fill => {
                self.asked.insert(id, before);
                return;
            }
            Some(before) => {
                self.take_back(&before.fill);
                before.avoid
            }
            None => Vec::new(),
        };
        let mut asked = Asked { fill, avoid, is_waiting: false };
        self.ask(&mut asked, now_ms);
        self.asked.insert(id, asked);
    }

    fn ask(&mut self, asked: &mut Asked, now_ms: i64) {
        let shape = if self.own.is_some() { None } else { asked.fill.shape };
        let Some(engine) = engine(&mut self.engines, self.own.as_ref(), shape) else { return };
        let request = asked.fill.request(engine.rules(), &asked.avoid);
        match engine.backfill(request, now_ms) {
            Ok(()) | Err(AddError::Exists(_)) => asked.is_waiting = true,
            Err(error) => tracing::debug!(%error, "a room cannot be filled"),
        }
    }

    fn take_back(&mut self, fill: &Fill) {
        for engine in self.engines.values_mut() {
            engine.cancel_backfill(&fill.room.as_str().into());
        }
    }

    /// A room asks no more.
    pub(super) fn fill_no_more(&mut self, room: &str) {
        if let Some(asked) = self.asked.remove(room) {
            self.take_back(&asked.fill);
        }
    }

    /// The rooms that ask by the database, and no others.
    pub(super) fn compare_fills(&mut self, fills: Vec<Fill>, now_ms: i64) {
        let asking: HashSet<&str> = fills.iter().map(|fill| fill.room.as_str()).collect();
        let over: Vec<String> =
            self.asked.keys().filter(|room| !asking.contains(room.as_str())).cloned().collect();
        over.iter().for_each(|room| self.fill_no_more(room));
        fills.into_iter().for_each(|fill| self.fill(fill, now_ms));
    }

    /// What the engine found for a room: those to be written, unless somebody is among them who shall not come.
    pub(super) fn found_for(&mut self, room: &str, proposal: Proposal, now_ms: i64) -> Option<Made> {
        let Some(mut asked) = self.asked.remove(room) else {
            self.put_back(tickets_of(proposal), now_ms);
            return None;
        };
        asked.is_waiting = false;
        let quarrels = quarrel(&self.waiting, &proposal);
        let is_unwelcome = |id: &str, waiting: &Waiting| {
            let is_refused = |player: &PlayerId| asked.fill.has(player) || asked.fill.blocks.contains(player);
            quarrels.as_deref() == Some(id)
                || waiting.players.iter().any(is_refused)
                || asked.fill.players().any(|there| waiting.blocks.contains(&there))
        };
        let tickets = proposal.tickets().map(|ticket| ticket.id.as_str());
        let known = tickets.filter_map(|id| Some((id, self.waiting.get(id)?)));
        let unwelcome = known.filter(|(id, waiting)| is_unwelcome(id, waiting));
        let unwelcome: Vec<PlayerId> = unwelcome.flat_map(|(_, waiting)| waiting.players.clone()).collect();
        if !unwelcome.is_empty() {
            avoid(&mut asked.avoid, unwelcome);
            self.ask(&mut asked, now_ms);
            self.asked.insert(room.to_owned(), asked);
            self.put_back(tickets_of(proposal), now_ms);
            return None;
        }
        let settings = self.own.as_ref().map_or_else(|| rules::default_settings(0), rules::room_settings);
        let into = (asked.fill.room.clone(), asked.fill.match_id.clone());
        self.asked.insert(room.to_owned(), asked);
        Some(Made { proposal, accept_ms: None, settings, into: Some(into) })
    }

    /// A room does not take the players of tickets.
    fn avoid(&mut self, room: &str, tickets: &[QueueTicketId]) {
        let players = tickets.iter().filter_map(|id| self.waiting.get(id.as_str()));
        let players: Vec<PlayerId> = players.flat_map(|waiting| waiting.players.clone()).collect();
        if let Some(asked) = self.asked.get_mut(room) {
            avoid(&mut asked.avoid, players);
        }
    }
}

fn avoid(known: &mut Vec<PlayerId>, players: Vec<PlayerId>) {
    known.extend(players);
    let over = known.len().saturating_sub(AVOIDED_MAX);
    known.drain(..over);
}

fn tickets_of(proposal: Proposal) -> Vec<Ticket> {
    proposal.teams.into_iter().flat_map(|team| team.tickets).collect()
}

impl Service {
    /// A room of a queue that this server leads is to be looked at.
    pub(super) fn look_later(&mut self, key: Key, room: RoomId, at_ms: i64) {
        if self.looks.len() < LOOKS_MAX {
            self.looks.insert((at_ms, key, room));
        }
    }

    /// Looks at the rooms that are due.
    pub(super) async fn look_at_rooms(&mut self, now_ms: i64) {
        while self.looks.first().is_some_and(|(at_ms, ..)| *at_ms <= now_ms) {
            let Some((_, key, room)) = self.looks.pop_first() else { return };
            self.look_at_room(&key, &room).await;
        }
    }

    /// A room as the database has it now.
    async fn look_at_room(&mut self, key: &Key, room: &RoomId) {
        if !self.modes.contains_key(key) {
            return;
        }
        let found = backfill::asking(&self.app, &key.0, &key.1, Some(room)).await;
        let Some(queue) = self.modes.get_mut(key) else { return };
        match found {
            Ok(mut found) => match found.pop() {
                Some(fill) => queue.fill(fill, now_ms()),
                None => queue.fill_no_more(room.as_str()),
            },
            // The comparison with the database finds it.
            Err(failure) => tracing::warn!(%failure, "cannot look at a room that asks for players"),
        }
    }

    /// Writes players into a room that asks for them.
    pub(super) async fn bring(&mut self, game: &GameId, mode: String, made: Made) {
        let Some((room, match_id)) = made.into else { return };
        let key = (game.clone(), mode);
        let ticket = |team: &str, ticket: &Ticket| {
            let id = QueueTicketId::parse(ticket.id.as_str())?;
            Some((id, team.to_owned(), rules::players_of(ticket)))
        };
        let teams = made.proposal.teams.iter();
        let tickets = teams.flat_map(|team| team.tickets.iter().filter_map(|one| ticket(&team.name, one)));
        let newcomers = Newcomers { room: room.clone(), match_id, tickets: tickets.collect() };
        let written = backfill::write(&self.app, game, newcomers).await;
        let now = now_ms();
        let Some(queue) = self.modes.get_mut(&key) else { return };
        match written {
            Ok(arrival) => {
                queue.matched(&key.1, arrival.matched.iter().map(QueueTicketId::as_str), now);
                arrival.lost.iter().for_each(|id| queue.remove(id.as_str()));
                queue.avoid(room.as_str(), &arrival.unwelcome);
                // Those that were matched or lost are not known any more.
                queue.put_back(tickets_of(made.proposal), now);
                if !arrival.matched.is_empty() {
                    metrics::counter!("matchmaking_backfills_total").increment(1);
                    let (app, game) = (self.app.clone(), game.clone());
                    tokio::spawn(async move { backfill::announce(&app, &game, arrival).await });
                }
                self.look_at_room(&key, &room).await;
            }
            Err(failure) => {
                tracing::warn!(%failure, "cannot write players into a room");
                queue.stand_back(tickets_of(made.proposal), now + FAILED_MS);
                self.look_later(key, room, now + FAILED_MS);
            }
        }
    }
}
