//! One queue in memory: who waits in it, under which rules, and what the engine makes of that. No I/O.
//!
//! A queue with a rule set of its own has one engine; one without has an engine for each size of match that is
//! asked for.

use super::filling::Asked;
use crate::multiplayer::config::{ABSENT_MS, TICKET_MS_MAX};
use crate::multiplayer::matchmaking::rules::{self, Entry, Shape};
use crate::multiplayer::rooms::MatchSettings;
use aethex_matchmaker::{AddError, Eta, Kind, Options, Proposal, Queue, RuleSet, Ticket};
use aethex_wire::ids::{MatchId, PlayerId, RoomId};
use aethex_wire::multiplayer::matchmaking::Reason;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet, hash_map};

/// How long a ticket stands back whose match would bring players together of whom one blocked the other.
const QUARREL_MS: i64 = 3_000;

/// What a queue knows of a ticket that waits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::multiplayer::matchmaking) struct Insight {
    pub(in crate::multiplayer::matchmaking) wait_p50_ms: Option<i64>,
    pub(in crate::multiplayer::matchmaking) wait_p90_ms: Option<i64>,
    pub(in crate::multiplayer::matchmaking) reasons: Vec<Reason>,
}

#[derive(Debug)]
pub(super) struct Waiting {
    shape: Option<Shape>,
    pub(super) players: Vec<PlayerId>,
    pub(super) blocks: Vec<PlayerId>,
    rating: f64,
    created_at_ms: i64,
    /// When one of its players was last known to be here.
    seen_ms: i64,
}

/// A match that the engine proposes. Its tickets count as waiting until it is written.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) proposal: Proposal,
    /// How long everyone has to accept; absent when nobody is asked.
    pub(super) accept_ms: Option<i64>,
    /// What its room is like.
    pub(super) settings: MatchSettings,
    /// The room that asks for them, and its match; absent when they get one of their own.
    pub(super) into: Option<(RoomId, MatchId)>,
}

/// A queue that this server leads.
#[derive(Debug)]
pub(super) struct Mode {
    pub(super) own: Option<RuleSet>,
    pub(super) engines: HashMap<Option<Shape>, Queue>,
    pub(super) waiting: HashMap<String, Waiting>,
    /// Rooms that ask for players.
    pub(super) asked: HashMap<String, Asked>,
    /// Tickets that stand back until a time.
    back: Vec<(i64, Ticket)>,
    eta: Eta,
    /// Tickets that were read from the database before their letter came, since the last comparison with it. When it
    /// comes they may have their match, and wait no more.
    early: HashSet<String>,
    pub(super) idle_since_ms: i64,
}

impl Mode {
    pub(super) fn new(own: Option<RuleSet>, now_ms: i64) -> Mode {
        Mode {
            own,
            engines: HashMap::new(),
            waiting: HashMap::new(),
            asked: HashMap::new(),
            back: Vec::new(),
            eta: Eta::new(),
            early: HashSet::new(),
            idle_since_ms: now_ms,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Lets a ticket wait. One that waits already goes on to.
    pub(super) fn add(&mut self, entry: Entry, now_ms: i64) -> Result<(), AddError> {
        let Entry { kept, blocks } = entry;
        let id = kept.ticket.id.as_str().to_owned();
        if self.waiting.contains_key(&id) {
            return Ok(());
        }
        let shape = match self.own {
            Some(_) => None,
            // It was looked at before it was written.
            None => rules::shape(&kept.asked).ok(),
        };
        let waiting = Waiting {
            shape,
            players: rules::players_of(&kept.ticket),
            blocks,
            rating: kept.ticket.mean_mu(),
            created_at_ms: kept.ticket.created_at_ms,
            seen_ms: now_ms,
        };
        let Some(engine) = engine(&mut self.engines, self.own.as_ref(), shape) else {
            return Err(AddError::NoSeat);
        };
        engine.add(kept.ticket, now_ms)?;
        self.waiting.insert(id, waiting);
        self.idle_since_ms = now_ms;
        Ok(())
    }

    /// Lets a ticket wait that the database has. Its letter may be on the way still.
    pub(super) fn add_early(&mut self, entry: Entry, now_ms: i64) -> Result<(), AddError> {
        let id = entry.kept.ticket.id.as_str().to_owned();
        let is_new = !self.waiting.contains_key(&id);
        self.add(entry, now_ms)?;
        if is_new {
            self.early.insert(id);
        }
        Ok(())
    }

    /// Whether this is the letter of a ticket that was read before.
    pub(super) fn was_early(&mut self, id: &str) -> bool {
        self.early.remove(id)
    }

    /// The match of a ticket may come to nothing: then it is handed in again.
    pub(super) fn may_return(&mut self, id: &str) {
        self.early.remove(id);
    }

    /// Takes a ticket out.
    pub(super) fn remove(&mut self, id: &str) {
        if let Some(waiting) = self.waiting.remove(id) {
            if let Some(engine) = self.engines.get_mut(&waiting.shape) {
                engine.cancel(&id.into());
            }
            self.back.retain(|(_, ticket)| ticket.id.as_str() != id);
        }
    }

    /// When there is something to do.
    pub(super) fn next_wake(&self) -> Option<i64> {
        let engines = self.engines.values().filter_map(Queue::next_wake);
        engines.chain(self.back.iter().map(|(at_ms, _)| *at_ms)).min()
    }

    /// The matches that are due.
    pub(super) fn propose(&mut self, now_ms: i64) -> Vec<Made> {
        let mut due = Vec::new();
        self.back.retain(|(at_ms, ticket)| {
            let stays = *at_ms > now_ms;
            if !stays {
                due.push(ticket.clone());
            }
            stays
        });
        self.put_back(due, now_ms);
        let mut made = Vec::new();
        let (mut apart, mut found) = (Vec::new(), Vec::new());
        for engine in self.engines.values_mut() {
            if engine.next_wake().is_none_or(|at_ms| at_ms > now_ms) {
                continue;
            }
            let acceptance = engine.rules().acceptance();
            let settings = rules::room_settings(engine.rules());
            let accept_ms = acceptance.required.then_some(acceptance.timeout_ms);
            for proposal in engine.advance(now_ms) {
                if let Kind::Backfill(room) = &proposal.kind {
                    found.push((room.as_str().to_owned(), proposal));
                    continue;
                }
                match quarrel(&self.waiting, &proposal) {
                    None => made.push(Made { proposal, accept_ms, settings, into: None }),
                    Some(id) => apart.push((id, proposal)),
                }
            }
        }
        for (room, proposal) in found {
            made.extend(self.found_for(&room, proposal, now_ms));
        }
        for (id, proposal) in apart {
            let tickets = proposal.teams.into_iter().flat_map(|team| team.tickets);
            let (away, stay): (Vec<Ticket>, Vec<Ticket>) =
                tickets.partition(|ticket| ticket.id.as_str() == id);
            self.stand_back(away, now_ms + QUARREL_MS);
            self.put_back(stay, now_ms);
        }
        made
    }

    /// Tickets of a match that did not come about wait on, but for those that were taken out meanwhile.
    pub(super) fn put_back(&mut self, tickets: Vec<Ticket>, now_ms: i64) {
        for ticket in tickets {
            let Some(waiting) = self.waiting.get(ticket.id.as_str()) else { continue };
            let id = ticket.id.as_str().to_owned();
            let engine = engine(&mut self.engines, self.own.as_ref(), waiting.shape);
            if let Some(Err(error)) = engine.map(|engine| engine.add(ticket, now_ms)) {
                // A full queue: the comparison with the database brings it back.
                tracing::warn!(%error, "a ticket cannot be put back");
                self.waiting.remove(&id);
            }
        }
    }

    /// The same, but not before a time.
    pub(super) fn stand_back(&mut self, tickets: Vec<Ticket>, until_ms: i64) {
        self.back.extend(tickets.into_iter().map(|ticket| (until_ms, ticket)));
    }

    /// A match was written: its tickets wait no more.
    pub(super) fn matched<'t>(&mut self, mode: &str, ids: impl Iterator<Item = &'t str>, now_ms: i64) {
        for id in ids {
            if let Some(waiting) = self.waiting.remove(id) {
                let waited_ms = now_ms - waiting.created_at_ms;
                self.eta.observe(mode, waiting.rating, waited_ms, now_ms);
                metrics::histogram!("matchmaking_wait_seconds").record(waited_ms.max(0) as f64 / 1000.0);
            }
        }
        self.idle_since_ms = now_ms;
    }

    /// What is known of a ticket; somebody asked for it. `explains` says whether there is time to look why it waits.
    pub(super) fn insight(&mut self, mode: &str, id: &str, explains: bool, now_ms: i64) -> Insight {
        let Some(waiting) = self.waiting.get_mut(id) else { return Insight::default() };
        waiting.seen_ms = now_ms;
        let estimate = self.eta.estimate(mode, waiting.rating, now_ms);
        let engine = self.engines.get(&waiting.shape).filter(|_| explains);
        let explained = engine.and_then(|engine| engine.explain(&id.into(), now_ms));
        Insight {
            wait_p50_ms: estimate.map(|estimate| estimate.p50_ms),
            wait_p90_ms: estimate.map(|estimate| estimate.p90_ms),
            reasons: explained.as_ref().map(rules::reasons).unwrap_or_default(),
        }
    }

    /// Tickets that have waited for too long.
    pub(super) fn too_old(&self, now_ms: i64) -> Vec<(String, Vec<PlayerId>)> {
        self.those(|waiting| waiting.created_at_ms + TICKET_MS_MAX <= now_ms)
    }

    /// Tickets none of whose players has been heard of for a while.
    pub(super) fn unheard(&self, now_ms: i64) -> Vec<(String, Vec<PlayerId>)> {
        self.those(|waiting| waiting.seen_ms + ABSENT_MS <= now_ms)
    }

    fn those(&self, are: impl Fn(&Waiting) -> bool) -> Vec<(String, Vec<PlayerId>)> {
        let found = self.waiting.iter().filter(|(_, waiting)| are(waiting));
        found.map(|(id, waiting)| (id.clone(), waiting.players.clone())).collect()
    }

    /// One of a ticket's players is here.
    pub(super) fn heard(&mut self, id: &str, now_ms: i64) {
        if let Some(waiting) = self.waiting.get_mut(id) {
            waiting.seen_ms = now_ms;
        }
    }

    /// Takes out who does not wait by the database; those of `queued` that are not known here.
    pub(super) fn compare(&mut self, queued: Vec<String>) -> Vec<String> {
        self.early.clear();
        let (known, unknown): (Vec<String>, Vec<String>) =
            queued.into_iter().partition(|id| self.waiting.contains_key(id));
        if known.len() < self.waiting.len() {
            let known: HashSet<String> = known.into_iter().collect();
            let gone: Vec<String> = self.waiting.keys().filter(|id| !known.contains(*id)).cloned().collect();
            gone.iter().for_each(|id| self.remove(id));
        }
        unknown
    }

    /// Engines in which nobody waits are made again when they are needed.
    pub(super) fn tidy(&mut self) {
        self.engines.retain(|shape, engine| {
            shape.is_none() || !engine.is_empty() || engine.backfills().next().is_some()
        });
    }
}

pub(super) fn engine<'e>(
    engines: &'e mut HashMap<Option<Shape>, Queue>,
    own: Option<&RuleSet>,
    shape: Option<Shape>,
) -> Option<&'e mut Queue> {
    match engines.entry(shape) {
        hash_map::Entry::Occupied(there) => Some(there.into_mut()),
        hash_map::Entry::Vacant(free) => {
            let rules = match (own, shape) {
                (Some(own), _) => own.clone(),
                (None, Some(shape)) => rules::default_rules(shape).ok()?,
                (None, None) => return None,
            };
            Some(free.insert(Queue::new(rules, Options::default())))
        }
    }
}

/// The newer ticket of two of which one's players blocked the other's.
pub(super) fn quarrel(waiting: &HashMap<String, Waiting>, proposal: &Proposal) -> Option<String> {
    let all: Vec<(&str, &Waiting)> = proposal
        .tickets()
        .filter_map(|ticket| Some((ticket.id.as_str(), waiting.get(ticket.id.as_str())?)))
        .collect();
    for (id, one) in all.iter().filter(|(_, one)| !one.blocks.is_empty()) {
        let blocked = |other: &Waiting| other.players.iter().any(|player| one.blocks.contains(player));
        if let Some((other_id, other)) = all.iter().find(|(other_id, other)| other_id != id && blocked(other))
        {
            let newer = if other.created_at_ms >= one.created_at_ms { other_id } else { id };
            return Some((*newer).to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::multiplayer::matchmaking::rules::Kept;
    use aethex_matchmaker::{Player, Rating};
    use aethex_wire::multiplayer::matchmaking::JoinQueueRequest;

    fn id(n: u8) -> String {
        format!("0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e{n:02x}")
    }

    fn entry(n: u8, players: u16, blocks: &[u8], created_at_ms: i64) -> Entry {
        let ticket = Ticket::new(id(n), vec![Player::new(id(n), Rating::default())], created_at_ms);
        let asked =
            JoinQueueRequest { mode: "m".into(), players: Some(players), ..JoinQueueRequest::default() };
        let blocks = blocks.iter().map(|n| PlayerId::parse(&id(*n)).unwrap()).collect();
        Entry { kept: Kept { asked, ticket }, blocks }
    }

    fn ids(made: &Made) -> Vec<String> {
        let mut ids: Vec<String> = made.proposal.tickets().map(|one| one.id.as_str().to_owned()).collect();
        ids.sort();
        ids
    }

    #[test]
    fn those_who_ask_for_the_same_size_meet() {
        let mut mode = Mode::new(None, 0);
        for (n, players) in [(1, 2), (2, 4), (3, 2)] {
            mode.add(entry(n, players, &[], 0), 0).unwrap();
        }
        let made = mode.propose(0);
        assert_eq!(made.iter().map(ids).collect::<Vec<_>>(), [[id(1), id(3)]]);
        assert_eq!((made[0].accept_ms, made[0].settings.max_players, mode.len()), (None, 2, 3));
        mode.matched("m", [id(1), id(3)].iter().map(String::as_str), 0);
        assert_eq!(mode.len(), 1);
        assert_eq!(mode.insight("m", &id(2), true, 10).reasons[0].code, "few_players");
        mode.remove(&id(2));
        mode.tidy();
        assert_eq!((mode.len(), mode.next_wake()), (0, None));
    }

    #[test]
    fn who_blocked_somebody_does_not_meet_them() {
        let mut mode = Mode::new(None, 0);
        mode.add(entry(1, 2, &[2], 0), 0).unwrap();
        mode.add(entry(2, 2, &[], 1), 1).unwrap();
        assert!(mode.propose(1).is_empty());
        mode.add(entry(3, 2, &[], 2), 2).unwrap();
        let made = mode.propose(2);
        assert_eq!(made.iter().map(ids).collect::<Vec<_>>(), [[id(1), id(3)]], "the newer one stands back");
        mode.matched("m", [id(1), id(3)].iter().map(String::as_str), 2);
        mode.add(entry(4, 2, &[], 3), 3).unwrap();
        assert!(mode.propose(3).is_empty());
        let wake = mode.next_wake().unwrap();
        assert!(wake <= QUARREL_MS + 2);
        let made: Vec<Made> = (wake..).step_by(500).take(20).flat_map(|at| mode.propose(at)).collect();
        assert_eq!(made.iter().map(ids).collect::<Vec<_>>(), [[id(2), id(4)]]);
    }

    #[test]
    fn a_match_that_did_not_come_about_leaves_its_tickets_waiting() {
        let mut mode = Mode::new(None, 0);
        (1..=2).for_each(|n| mode.add(entry(n, 2, &[], 0), 0).unwrap());
        let made = mode.propose(0).remove(0);
        mode.remove(&id(2));
        mode.put_back(made.proposal.tickets().cloned().collect(), 5);
        assert_eq!(mode.len(), 1);
        assert!(mode.propose(5).is_empty());
        mode.add(entry(3, 2, &[], 6), 6).unwrap();
        assert_eq!(mode.propose(6).iter().map(ids).collect::<Vec<_>>(), [[id(1), id(3)]]);
    }

    #[test]
    fn a_letter_that_comes_after_its_match_is_no_ticket() {
        let mut mode = Mode::new(None, 0);
        (1..=2).for_each(|n| mode.add_early(entry(n, 2, &[], 0), 0).unwrap());
        mode.add_early(entry(1, 2, &[], 0), 0).unwrap();
        assert_eq!(mode.propose(0).iter().map(ids).collect::<Vec<_>>(), [[id(1), id(2)]]);
        mode.matched("m", [id(1), id(2)].iter().map(String::as_str), 0);
        assert!(mode.was_early(&id(1)) && !mode.was_early(&id(1)), "it comes once");
        mode.may_return(&id(2));
        assert!(!mode.was_early(&id(2)), "its match came to nothing");
        mode.add_early(entry(3, 2, &[], 0), 0).unwrap();
        mode.compare(vec![id(3)]);
        assert!(!mode.was_early(&id(3)), "what was lost on the way is not waited for");
    }

    #[test]
    fn the_database_is_right() {
        let mut mode = Mode::new(None, 0);
        (1..=3).for_each(|n| mode.add(entry(n, 128, &[], 0), 0).unwrap());
        assert_eq!(mode.compare(vec![id(2), id(7)]), [id(7)]);
        assert_eq!(mode.len(), 1);
        assert_eq!((mode.too_old(TICKET_MS_MAX).len(), mode.too_old(TICKET_MS_MAX - 1).len()), (1, 0));
        assert_eq!((mode.unheard(ABSENT_MS).len(), mode.unheard(ABSENT_MS - 1).len()), (1, 0));
        mode.heard(&id(2), 1);
        assert!(mode.unheard(ABSENT_MS).is_empty());
    }
}
