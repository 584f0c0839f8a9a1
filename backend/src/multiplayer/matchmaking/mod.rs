//! Matchmaking: tickets wait in queues until the engine finds a match for them.
//!
//! The database says what is true: a ticket is written before it waits, and goes from state to state by statements
//! that name the state before. One server leads each queue ([`service`]) and holds it in memory; whoever asks at
//! another is passed on over the bus. When the leader is gone another one reads the queue from the database. So
//! tickets outlive connections and servers, and what is told twice, or too late, changes nothing.

mod backfill;
mod db;
mod intake;
mod matches;
mod queues;
mod results;
mod routes;
mod rules;
mod service;
pub(crate) mod terminal;
#[cfg(test)]
mod tests;

pub(super) use routes::routes;
pub(super) use service::{end, tend};

use super::config::{ABSENT_MS, MATCHED_SHOWN_MS};
use super::parties;
use super::rooms::{self, Asker};
use crate::app::App;
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::extract::Caller;
use aethex_matchmaker::RuleSet;
use aethex_wire::ErrorCode;
use aethex_wire::ids::{GameId, MatchId, PlayerId, QueueTicketId, RoomId};
use aethex_wire::multiplayer::events::ServerEvent;
use aethex_wire::multiplayer::matchmaking::{JoinQueueRequest, MatchInfo, QueueTicket, TicketStatus};
use db::TicketRow;
use futures_util::FutureExt;
use intake::Intake;
use parking_lot::Mutex;
use rules::{Entry, Kept};
use service::{Insight, Told};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// What waits for the service: a second's joining of a game that has just opened.
const INBOX_MAX: usize = 16_384;
/// Rule sets that are remembered.
const RULES_KNOWN_MAX: usize = 10_000;
/// How long an answer waits for what the queue knows of a ticket: without it, it is an answer still.
const INSIGHT_WAIT: Duration = Duration::from_millis(500);
/// How long after somebody left a match's room it is looked at: where all leave, nobody is to come.
const LOOK_AT_ROOM_MS: i64 = 1_000;
/// Why a ticket ended, as its players are told: it was taken back, or its party is another.
const CANCELLED: &str = "cancelled";
const PARTY_CHANGED: &str = "party_changed";
/// When one who finds the service at its limit comes again.
const RETRY_S: u64 = 1;

type KnownRules = quick_cache::sync::Cache<(GameId, String), (Option<Arc<RuleSet>>, i64)>;

/// State of matchmaking.
pub(super) struct Matchmaking {
    inbox: mpsc::Sender<Told>,
    told: tokio::sync::Mutex<mpsc::Receiver<Told>>,
    intake: Arc<Intake>,
    rules: KnownRules,
    /// Queues that this server leads.
    leases: Mutex<BTreeSet<String>>,
}

impl std::fmt::Debug for Matchmaking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Matchmaking").finish_non_exhaustive()
    }
}

impl Default for Matchmaking {
    fn default() -> Matchmaking {
        let (inbox, told) = mpsc::channel(INBOX_MAX);
        Matchmaking {
            inbox,
            told: tokio::sync::Mutex::new(told),
            intake: Arc::default(),
            rules: quick_cache::sync::Cache::new(RULES_KNOWN_MAX),
            leases: Mutex::default(),
        }
    }
}

impl Matchmaking {
    /// Tells the service. When it has ended, the next one finds in the database what it was to be told.
    async fn tell(&self, told: Told) {
        let _ = self.inbox.send(told).await;
    }

    fn forget_rules(&self, game: &GameId, mode: &str) {
        self.rules.remove(&(game.clone(), mode.to_owned()));
    }
}

fn ticket_not_found() -> Failure {
    Failure::new(ErrorCode::TicketNotFound, "There is no ticket with this id that you are on.")
}

fn already_queued() -> Failure {
    Failure::new(ErrorCode::AlreadyQueued, "You, or one of your party, has a ticket: take it back first.")
}

fn queue_full() -> Failure {
    let words = "Too many come at once: try again shortly.";
    Failure::new(ErrorCode::MatchQueueFull, words).retry_after(RETRY_S)
}

fn damaged(error: &serde_json::Error) -> Failure {
    Failure::internal(format!("a stored ticket is damaged: {error}"))
}

/// Puts a player, or the party that it leads, into a queue.
async fn join(app: &App, caller: &Caller, asked: JoinQueueRequest) -> Outcome<QueueTicket> {
    rules::check(&asked)?;
    let Caller { game, player, .. } = caller;
    let mut standings = db::standings(&app.sql, game, std::slice::from_ref(player), &asked.mode).await?;
    if standings.iter().any(|own| own.has_ticket)
        && let Some(row) = db::open(&app.sql, game, player).await?
    {
        return again(app, caller, row, &asked).await;
    }
    if app.multiplayer.matchmaking.inbox.capacity() == 0 {
        return Err(queue_full());
    }
    let players = who_queues(app, game, player, asked.party).await?;
    let now = now_ms();
    let others = players.get(1..).unwrap_or_default();
    standings.extend(db::standings(&app.sql, game, others, &asked.mode).await?);
    let (mut rated, mut blocks) = (Vec::with_capacity(players.len()), Vec::new());
    for one in standings {
        check_penalty(one.penalty_until_ms, now)?;
        rated.push((one.player, one.rating));
        blocks.extend(one.blocks);
    }
    let id = QueueTicketId::parse(&new_id()).expect("ids are made in their canonical spelling");
    let ticket = rules::ticket(&id, &asked, &rated, now)?;
    let admitted = match queues::own_rules(app, game, &asked.mode).await? {
        Some(own) => own.admit(&ticket),
        None => rules::default_rules(rules::shape(&asked)?)
            .map_err(|error| Failure::invalid(format!("`players` and `teams`: {error}.")))?
            .admit(&ticket),
    };
    admitted.map_err(|error| rules::refused(&error))?;
    let mode = asked.mode.clone();
    let kept = Kept { asked, ticket };
    let row = TicketRow {
        id,
        mode: mode.clone(),
        request: serde_json::to_string(&kept).map_err(|error| damaged(&error))?,
        status: TicketStatus::Queued,
        match_id: None,
        created_at_ms: now,
        ended_at_ms: None,
    };
    if !app.multiplayer.matchmaking.intake.write(&app.sql, game, &row, &players).await? {
        // Of two requests at once the second finds the ticket of the first.
        let open = db::open(&app.sql, game, player).await?;
        return again(app, caller, open.ok_or_else(already_queued)?, &kept.asked).await;
    }
    metrics::counter!("matchmaking_tickets_total").increment(1);
    if kept.asked.party && !is_whole(app, game, player, &players).await? {
        // Nobody who changed the party saw the ticket yet.
        take_back(app, game, &row, &kept, PARTY_CHANGED).await?;
        return Err(Failure::overloaded());
    }
    let entry = Box::new(Entry { kept, blocks });
    app.multiplayer.matchmaking.tell(Told::Add { game: game.clone(), mode, entry }).await;
    told(app, caller, row, players, None).await
}

/// A player who has an open ticket asks for one: the same, if it asks for the same.
async fn again(app: &App, caller: &Caller, row: TicketRow, asked: &JoinQueueRequest) -> Outcome<QueueTicket> {
    let kept: Kept = serde_json::from_str(&row.request).map_err(|error| damaged(&error))?;
    if kept.asked != *asked {
        return Err(already_queued());
    }
    view(app, caller, row).await
}

/// The player, or all of the party that it leads, itself first.
async fn who_queues(app: &App, game: &GameId, player: &PlayerId, party: bool) -> Outcome<Vec<PlayerId>> {
    if !party {
        return Ok(vec![player.clone()]);
    }
    let party = parties::of_player(app, game, player).await?;
    let party = party.ok_or_else(|| Failure::new(ErrorCode::NotInParty, "You are in no party."))?;
    if party.leader_id != *player {
        return Err(Failure::new(ErrorCode::NotHost, "Only the party's leader queues for it."));
    }
    let others = party.players.into_iter().map(|other| other.player_id).filter(|other| other != player);
    Ok(std::iter::once(player.clone()).chain(others).collect())
}

/// Whether a party is still those who are on its ticket.
async fn is_whole(app: &App, game: &GameId, leader: &PlayerId, players: &[PlayerId]) -> Outcome<bool> {
    let party = parties::of_player(app, game, leader).await?;
    let now: BTreeSet<PlayerId> =
        party.into_iter().flat_map(|party| party.players).map(|other| other.player_id).collect();
    Ok(now.len() == players.len() && players.iter().all(|player| now.contains(player)))
}

fn check_penalty(until_ms: Option<i64>, now_ms: i64) -> Outcome<()> {
    match until_ms {
        Some(until_ms) if until_ms > now_ms => {
            let wait_s = (until_ms - now_ms).unsigned_abs().div_ceil(1000);
            let words = format!("A match was declined or missed of late: wait for {wait_s} seconds.");
            Err(Failure::new(ErrorCode::QueuePenalty, words).retry_after(wait_s))
        }
        _ => Ok(()),
    }
}

/// A ticket that a player is on.
async fn look(app: &App, caller: &Caller, id: &QueueTicketId) -> Outcome<QueueTicket> {
    let row = db::find(&app.sql, &caller.game, id, &caller.player).await?;
    view(app, caller, row.ok_or_else(ticket_not_found)?).await
}

/// The ticket that a player has now, or one that became a match a moment ago.
async fn look_at_current(app: &App, caller: &Caller) -> Outcome<QueueTicket> {
    let Caller { game, player, .. } = caller;
    let row = match db::open(&app.sql, game, player).await? {
        Some(row) => Some(row),
        None => db::matched(&app.sql, game, player, now_ms() - MATCHED_SHOWN_MS).await?,
    };
    view(app, caller, row.ok_or_else(ticket_not_found)?).await
}

/// The ticket that brought a player into a match.
async fn look_at_ticket_of(app: &App, caller: &Caller, id: &MatchId) -> Outcome<QueueTicket> {
    let seats = db::seats(&app.sql, &caller.game, id).await?;
    let own = seats.into_iter().find(|seat| seat.player == caller.player);
    look(app, caller, &own.ok_or_else(ticket_not_found)?.ticket).await
}

/// A ticket with what is known of its waiting and of its match.
async fn view(app: &App, caller: &Caller, row: TicketRow) -> Outcome<QueueTicket> {
    let kept: Kept = serde_json::from_str(&row.request).map_err(|error| damaged(&error))?;
    let insight = match row.status {
        TicketStatus::Queued => insight(app, &caller.game, &row).await,
        _ => None,
    };
    told(app, caller, row, rules::players_of(&kept.ticket), insight).await
}

/// What the queue knows, wherever it is led. That somebody asks says that somebody is there.
async fn insight(app: &App, game: &GameId, row: &TicketRow) -> Option<Insight> {
    let (reply, answer) = oneshot::channel();
    let (mode, ticket) = (row.mode.clone(), row.id.as_str().to_owned());
    app.multiplayer.matchmaking.tell(Told::Ask { game: game.clone(), mode, ticket, reply }).await;
    tokio::time::timeout(INSIGHT_WAIT, answer).await.ok()?.ok()
}

async fn told(
    app: &App,
    caller: &Caller,
    row: TicketRow,
    players: Vec<PlayerId>,
    insight: Option<Insight>,
) -> Outcome<QueueTicket> {
    let Insight { wait_p50_ms, wait_p90_ms, reasons } = insight.unwrap_or_default();
    let match_info = match_of(app, caller, &row).await?;
    Ok(QueueTicket {
        id: row.id,
        mode: row.mode,
        status: row.status,
        players,
        created_at_ms: row.created_at_ms,
        wait_p50_ms,
        wait_p90_ms,
        reasons,
        match_info,
    })
}

/// The match of a ticket, with the reader's seat as long as it is the reader's.
async fn match_of(app: &App, caller: &Caller, row: &TicketRow) -> Outcome<Option<MatchInfo>> {
    let Caller { game, player, .. } = caller;
    let shown = matches!(row.status, TicketStatus::Proposed | TicketStatus::Matched);
    let Some(id) = row.match_id.as_ref().filter(|_| shown) else { return Ok(None) };
    let Some(found) = db::find_match(&app.sql, game, id).await? else { return Ok(None) };
    let there = match &found.room {
        Some(room) => rooms::players_in(app, game, room).await?,
        None => Vec::new(),
    };
    // Others may have come for who left; when the room is over it was everyone's match.
    let plays = |who: &PlayerId| there.is_empty() || who == player || there.contains(who);
    let seats = db::seats(&app.sql, game, id).await?.into_iter().filter(|seat| plays(&seat.player));
    let teams: Vec<(PlayerId, String)> = seats.map(|seat| (seat.player, seat.team)).collect();
    let mut info = matches::info(app, game, &found, &teams).await?;
    if let Some(room) = &found.room
        && there.contains(player)
    {
        let joined = rooms::join(app, Asker::of(caller), room, None).await;
        info.seat = match joined {
            Ok(seat) => Some(seat),
            // The room ended just now.
            Err(failure) if failure.code() == ErrorCode::RoomNotFound => None,
            Err(failure) => return Err(failure),
        };
    }
    Ok(Some(info))
}

/// Takes a ticket back, for any of its players. To leave a match that was proposed is to decline it.
async fn leave(app: &App, game: &GameId, player: &PlayerId, id: &QueueTicketId) -> Outcome<()> {
    let row = db::find(&app.sql, game, id, player).await?.ok_or_else(ticket_not_found)?;
    let kept: Kept = serde_json::from_str(&row.request).map_err(|error| damaged(&error))?;
    if take_back(app, game, &row, &kept, CANCELLED).await? {
        return Ok(());
    }
    let row = db::find(&app.sql, game, id, player).await?.ok_or_else(ticket_not_found)?;
    match (row.status, row.match_id) {
        (TicketStatus::Proposed, Some(match_id)) => matches::word(app, game, &match_id, player, false).await,
        (TicketStatus::Matched, _) => Err(matches::match_over()),
        _ => Ok(()),
    }
}

/// Takes a ticket out of its queue; `false` when it does not wait.
async fn take_back(app: &App, game: &GameId, row: &TicketRow, kept: &Kept, why: &str) -> Outcome<bool> {
    let players = rules::players_of(&kept.ticket);
    let ended = end_ticket(app, game, &row.id, &players, TicketStatus::Cancelled, why).await?;
    if ended {
        let (mode, ticket) = (row.mode.clone(), row.id.as_str().to_owned());
        app.multiplayer.matchmaking.tell(Told::Cancel { game: game.clone(), mode, ticket }).await;
    }
    Ok(ended)
}

/// Somebody came into a player's party, or the player left it: what the party waits on is not what it asked for. A
/// match that was proposed stands; who does not want it declines.
pub(super) async fn party_changed(app: &App, game: &GameId, player: &PlayerId) -> Outcome<()> {
    let Some(row) = db::open(&app.sql, game, player).await? else { return Ok(()) };
    let kept: Kept = serde_json::from_str(&row.request).map_err(|error| damaged(&error))?;
    if kept.asked.party {
        take_back(app, game, &row, &kept, PARTY_CHANGED).await?;
    }
    Ok(())
}

/// Ends a ticket that waits, and tells its players why; `false` when it does not wait.
async fn end_ticket(
    app: &App,
    game: &GameId,
    id: &QueueTicketId,
    players: &[PlayerId],
    to: TicketStatus,
    why: &str,
) -> Outcome<bool> {
    let (ticket, now) = (id.clone(), now_ms());
    let scope = app.sql.game(game);
    let ended =
        scope.transaction(move |tx| db::end_ticket_owned(tx, ticket, TicketStatus::Queued, to, now).boxed());
    if !ended.await? {
        return Ok(false);
    }
    metrics::counter!("matchmaking_ended_total", "how" => rules::name_of(to)).increment(1);
    for player in players {
        let event = ServerEvent::QueueLeft { ticket_id: id.clone(), reason: why.to_owned() };
        app.multiplayer.hub.tell(game, player, &event);
    }
    Ok(true)
}

/// A stored ticket, with whom its players blocked.
async fn with_blocks(app: &App, game: &GameId, kept: Kept) -> Outcome<Entry> {
    let blocks = db::blocks(&app.sql, game, &rules::players_of(&kept.ticket)).await?;
    Ok(Entry { kept, blocks })
}

/// Hands a ticket in that waits by the database: its match came to nothing.
async fn hand_in(app: &App, game: &GameId, mode: &str, id: &QueueTicketId) -> Outcome<()> {
    let Some(json) = service::db::kept(&app.sql, game, id).await? else { return Ok(()) };
    let kept: Kept = serde_json::from_str(&json).map_err(|error| damaged(&error))?;
    let entry = Box::new(with_blocks(app, game, kept).await?);
    app.multiplayer.matchmaking.tell(Told::Add { game: game.clone(), mode: mode.to_owned(), entry }).await;
    Ok(())
}

/// Seats of a match's room were taken or freed, or it was locked or is over: it is looked at in a moment. Where that
/// is not heard, the queue finds it when it compares itself with the database.
pub(super) fn look_at_room(app: &App, game: &GameId, mode: &str, room: &RoomId) {
    let (game, mode, room) = (game.clone(), mode.to_owned(), room.clone());
    let told = Told::Fill { game, mode, room, at_ms: now_ms() + LOOK_AT_ROOM_MS };
    let _ = app.multiplayer.matchmaking.inbox.try_send(told);
}

/// Takes a player out of the queue whose account is about to go.
pub(super) async fn send_home(app: &App, game: &GameId, player: &PlayerId) -> Outcome<()> {
    let Some(row) = db::open(&app.sql, game, player).await? else { return Ok(()) };
    match leave(app, game, player, &row.id).await {
        // Matched just now: then it is a room that the player is sent out of.
        Err(failure) if failure.fault().is_none() => Ok(()),
        done => done,
    }
}

/// Does now what is done now and then when it is `now_ms`: ends tickets that are too old or whose players are gone,
/// and calls off matches that were not accepted.
pub(crate) async fn sweep(app: &App, now_ms: i64) {
    let (done, swept) = oneshot::channel();
    app.multiplayer.matchmaking.tell(Told::Sweep { now_ms, done }).await;
    let _ = tokio::time::timeout(Duration::from_millis(ABSENT_MS.unsigned_abs()), swept).await;
}
