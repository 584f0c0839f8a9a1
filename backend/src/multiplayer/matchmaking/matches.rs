//! Matches: found at once, or proposed until everyone has accepted; called off when somebody does not.

use super::db::{self, MatchRow, NewSeat, Seat};
use super::{hand_in, queues, rules};
use crate::app::App;
use crate::auth::usernames;
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use crate::multiplayer::rooms::{MatchRoom, MatchSettings, NewMatchRoom};
use crate::ports::sql::{SqlError, Transaction};
use aethex_wire::ErrorCode;
use aethex_wire::ids::{GameId, MatchId, PlayerId, QueueTicketId};
use aethex_wire::multiplayer::Metadata;
use aethex_wire::multiplayer::events::ServerEvent;
use aethex_wire::multiplayer::matchmaking::{MatchInfo, MatchPlayer, TicketStatus};
use futures_util::FutureExt;
use serde_json::json;
use std::collections::{BTreeSet, HashSet};

pub(super) const PROPOSED: &str = "proposed";
pub(super) const FOUND: &str = "found";
pub(super) const SETTLED: &str = "settled";
const CANCELLED: &str = "cancelled";

/// A match that is about to be written.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) row: MatchRow,
    pub(super) seats: Vec<NewSeat>,
    pub(super) tickets: Vec<QueueTicketId>,
    /// What its room is like.
    pub(super) settings: MatchSettings,
}

impl Plan {
    fn room(&self, app: &App, game: &GameId) -> Option<MatchRoom> {
        let players = self.seats.iter().map(|(player, ..)| player.clone()).collect();
        (self.row.status == FOUND).then(|| plan_room(app, game, &self.row, players, self.settings))
    }

    fn teams(&self) -> Vec<(PlayerId, String)> {
        self.seats.iter().map(|(player, _, team)| (player.clone(), team.clone())).collect()
    }
}

fn plan_room(
    app: &App,
    game: &GameId,
    row: &MatchRow,
    players: Vec<PlayerId>,
    settings: MatchSettings,
) -> MatchRoom {
    let mut metadata = Metadata::new();
    metadata.insert("match_id".to_owned(), json!(row.id));
    let new = NewMatchRoom {
        game: game.clone(),
        match_id: row.id.clone(),
        mode: row.mode.clone(),
        region: row.region.clone(),
        players,
        settings,
        metadata,
    };
    MatchRoom::plan(app, new)
}

/// What became of a plan.
#[derive(Debug)]
pub(super) enum Written {
    /// There is a room.
    Found(Box<MatchRoom>),
    /// Everyone is asked.
    Proposed,
    /// These tickets wait no longer; nothing was written.
    Lost(Vec<QueueTicketId>),
}

/// A plan on its way into the database.
struct Draft {
    plan: Plan,
    room: Option<MatchRoom>,
    /// Its tickets that wait no longer: it is not written.
    lost: Vec<QueueTicketId>,
}

/// Writes matches of one game in one transaction, a few statements for all of them; what became of each, in order.
pub(super) async fn write(app: &App, game: &GameId, plans: Vec<Plan>) -> Outcome<Vec<(Plan, Written)>> {
    let draft = |plan: Plan| Draft { room: plan.room(app, game), plan, lost: Vec::new() };
    let drafts: Vec<Draft> = plans.into_iter().map(draft).collect();
    let now = now_ms();
    let scope = app.sql.game(game);
    let drafts = scope.transaction(move |tx| write_all(tx, drafts, now).boxed()).await?;
    let became = |Draft { plan, room, lost }: Draft| match room {
        _ if !lost.is_empty() => (plan, Written::Lost(lost)),
        Some(room) => (plan, Written::Found(Box::new(room))),
        None => (plan, Written::Proposed),
    };
    Ok(drafts.into_iter().map(became).collect())
}

async fn write_all(
    tx: &mut Transaction,
    mut drafts: Vec<Draft>,
    now_ms: i64,
) -> Result<Vec<Draft>, SqlError> {
    for to in [TicketStatus::Matched, TicketStatus::Proposed] {
        take(tx, drafts.iter_mut().filter(|draft| draft.goes_to() == to).collect(), to, now_ms).await?;
    }
    let mut whole: Vec<&mut Draft> = drafts.iter_mut().filter(|draft| draft.lost.is_empty()).collect();
    let mut rooms: Vec<&mut MatchRoom> = whole.iter_mut().filter_map(|draft| draft.room.as_mut()).collect();
    MatchRoom::write(tx, &mut rooms).await?;
    let over = whole.iter().filter(|draft| draft.room.is_some()).flat_map(|draft| draft.plan.tickets.clone());
    db::close_players(tx, &over.collect::<Vec<_>>()).await?;
    let rows: Vec<MatchRow> = whole.iter().map(|draft| draft.row()).collect();
    let seats = whole.iter().map(|draft| draft.plan.seats.as_slice());
    db::insert_matches(tx, &rows.iter().zip(seats).collect::<Vec<_>>()).await?;
    Ok(drafts)
}

/// Takes the tickets of drafts out of the queue. Where one waits no longer the others go on to.
async fn take(
    tx: &mut Transaction,
    drafts: Vec<&mut Draft>,
    to: TicketStatus,
    now_ms: i64,
) -> Result<(), SqlError> {
    let tickets: Vec<_> =
        drafts.iter().flat_map(|draft| for_match(&draft.plan.tickets, Some(&draft.plan.row.id))).collect();
    let taken = db::take_tickets(tx, &tickets, (TicketStatus::Queued, to), now_ms).await?;
    let taken: HashSet<QueueTicketId> = taken.into_iter().collect();
    let mut back = Vec::new();
    for draft in drafts {
        let (here, lost): (Vec<_>, Vec<_>) =
            draft.plan.tickets.iter().cloned().partition(|id| taken.contains(id));
        if !lost.is_empty() {
            draft.lost = lost;
            back.extend(here);
        }
    }
    db::take_tickets(tx, &for_match(&back, None), (to, TicketStatus::Queued), now_ms).await.map(drop)
}

impl Draft {
    fn goes_to(&self) -> TicketStatus {
        if self.room.is_some() { TicketStatus::Matched } else { TicketStatus::Proposed }
    }

    fn row(&self) -> MatchRow {
        MatchRow { room: self.room.as_ref().map(|room| room.id().clone()), ..self.plan.row.clone() }
    }
}

/// Tells who plays in matches that were written.
pub(super) async fn announce(app: &App, game: &GameId, made: Vec<(Plan, Option<Box<MatchRoom>>)>) {
    let players: Vec<PlayerId> =
        made.iter().flat_map(|(plan, _)| plan.seats.iter().map(|(player, ..)| player.clone())).collect();
    // All at once: each match finds them remembered.
    if let Err(failure) = usernames(app, game, &players).await {
        tracing::warn!(%failure, "cannot read what players of new matches are called");
    }
    for (plan, room) in made {
        let told = match room {
            Some(room) => tell_found(app, game, &plan.row, &plan.teams(), &room).await,
            None => tell_proposed(app, game, &plan).await,
        };
        if let Err(failure) = told {
            // Who asks for the ticket is told.
            tracing::warn!(%failure, "cannot tell players of their match");
        }
    }
}

async fn tell_proposed(app: &App, game: &GameId, plan: &Plan) -> Outcome<()> {
    let info = info(app, game, &plan.row, &plan.teams()).await?;
    for (player, ..) in &plan.seats {
        app.multiplayer.hub.tell(game, player, &ServerEvent::MatchProposed(Box::new(info.clone())));
    }
    Ok(())
}

async fn tell_found(
    app: &App,
    game: &GameId,
    row: &MatchRow,
    teams: &[(PlayerId, String)],
    room: &MatchRoom,
) -> Outcome<()> {
    let row = MatchRow { status: FOUND.to_owned(), room: Some(room.id().clone()), ..row.clone() };
    let info = info(app, game, &row, teams).await?;
    for (player, seat) in room.seats(app).await? {
        let info = MatchInfo { seat: Some(seat), ..info.clone() };
        app.multiplayer.hub.tell(game, &player, &ServerEvent::MatchFound(Box::new(info)));
    }
    Ok(())
}

/// A match as its players see it, without a seat.
pub(super) async fn info(
    app: &App,
    game: &GameId,
    row: &MatchRow,
    teams: &[(PlayerId, String)],
) -> Outcome<MatchInfo> {
    let ids: Vec<PlayerId> = teams.iter().map(|(player, _)| player.clone()).collect();
    let mut names = usernames(app, game, &ids).await?;
    let player = |(player_id, team): &(PlayerId, String)| MatchPlayer {
        player_id: player_id.clone(),
        username: names.remove(player_id).unwrap_or_default(),
        team: team.clone(),
    };
    Ok(MatchInfo {
        match_id: row.id.clone(),
        mode: row.mode.clone(),
        region: row.region.clone(),
        players: teams.iter().map(player).collect(),
        accept_by_ms: row.accept_by_ms.filter(|_| row.status == PROPOSED),
        room_id: row.room.clone(),
        seat: None,
    })
}

pub(super) fn match_not_found() -> Failure {
    Failure::new(ErrorCode::MatchNotFound, "There is no match with this id that you play in.")
}

pub(super) fn match_over() -> Failure {
    Failure::new(ErrorCode::MatchOver, "The match is decided or gone.")
}

/// What a word, or its absence, led to.
enum Led {
    Nothing,
    Found(Box<MatchRoom>),
    Off(Off),
}

/// A match that was called off.
struct Off {
    waits_on: Vec<QueueTicketId>,
    ended: Vec<QueueTicketId>,
}

/// A player's word on a proposed match; the first counts. Nothing changes where one was said before.
pub(super) async fn word(
    app: &App,
    game: &GameId,
    id: &MatchId,
    player: &PlayerId,
    accepts: bool,
) -> Outcome<()> {
    let row = db::find_match(&app.sql, game, id).await?.ok_or_else(match_not_found)?;
    let seats = db::seats(&app.sql, game, id).await?;
    if !seats.iter().any(|seat| seat.player == *player) {
        return Err(match_not_found());
    }
    let players: Vec<PlayerId> = seats.iter().map(|seat| seat.player.clone()).collect();
    let settings = match queues::own_rules(app, game, &row.mode).await? {
        Some(own) => rules::room_settings(&own),
        // The queue's rule set, which asked everyone, is gone: a room for those who play.
        None => rules::default_settings(players.len()),
    };
    let room = plan_room(app, game, &row, players, settings);
    let (match_id, who, now) = (id.clone(), player.clone(), now_ms());
    let scope = app.sql.game(game);
    let led = scope.transaction(move |tx| {
        async move {
            let row = db::hold_match(tx, &match_id).await?.ok_or_else(match_not_found)?;
            let seats = db::seats_of_held(tx, &match_id).await?;
            let own = seats.iter().find(|seat| seat.player == who).ok_or_else(match_not_found)?;
            if own.accepted.is_some() {
                return Ok(Led::Nothing);
            }
            if row.status != PROPOSED || row.accept_by_ms.is_some_and(|by_ms| now > by_ms) {
                return Err(match_over());
            }
            db::set_word(tx, &match_id, &who, accepts).await?;
            if !accepts {
                return Ok::<_, Failure>(Led::Off(call_off(tx, &match_id, &seats, &[who], now).await?));
            }
            let all = seats.iter().all(|seat| seat.player == who || seat.accepted == Some(true));
            Ok(if all { begin(tx, &match_id, &seats, room, now).await? } else { Led::Nothing })
        }
        .boxed()
    });
    let led = led.await?;
    follow(app, game, &row, &seats, led).await;
    Ok(())
}

/// The time to accept a match is over: those who said nothing are out.
pub(super) async fn time_out(app: &App, game: &GameId, id: &MatchId, now_ms: i64) -> Outcome<()> {
    let Some(row) = db::find_match(&app.sql, game, id).await? else { return Ok(()) };
    let seats = db::seats(&app.sql, game, id).await?;
    let match_id = id.clone();
    let scope = app.sql.game(game);
    let led = scope.transaction(move |tx| {
        async move {
            let Some(row) = db::hold_match(tx, &match_id).await? else { return Ok(Led::Nothing) };
            if row.status != PROPOSED || row.accept_by_ms.is_some_and(|by_ms| by_ms > now_ms) {
                return Ok(Led::Nothing);
            }
            let seats = db::seats_of_held(tx, &match_id).await?;
            let silent = seats.iter().filter(|seat| seat.accepted.is_none());
            let silent: Vec<PlayerId> = silent.map(|seat| seat.player.clone()).collect();
            Ok::<_, SqlError>(Led::Off(call_off(tx, &match_id, &seats, &silent, now_ms).await?))
        }
        .boxed()
    });
    let led = led.await?;
    follow(app, game, &row, &seats, led).await;
    Ok(())
}

fn tickets_of(seats: &[Seat]) -> Vec<QueueTicketId> {
    seats.iter().map(|seat| seat.ticket.clone()).collect::<BTreeSet<_>>().into_iter().collect()
}

fn for_match<'a>(
    tickets: &'a [QueueTicketId],
    id: Option<&'a MatchId>,
) -> Vec<(&'a QueueTicketId, Option<&'a MatchId>)> {
    tickets.iter().map(|ticket| (ticket, id)).collect()
}

/// Everyone has accepted a match that is held: there is a room.
async fn begin(
    tx: &mut Transaction,
    id: &MatchId,
    seats: &[Seat],
    mut room: MatchRoom,
    now_ms: i64,
) -> Result<Led, SqlError> {
    let tickets = tickets_of(seats);
    let way = (TicketStatus::Proposed, TicketStatus::Matched);
    let taken = db::take_tickets(tx, &for_match(&tickets, Some(id)), way, now_ms).await?;
    if taken.len() < tickets.len() {
        // A player's account is gone.
        db::take_tickets(tx, &for_match(&taken, Some(id)), (way.1, way.0), now_ms).await?;
        return Ok(Led::Off(call_off(tx, id, seats, &[], now_ms).await?));
    }
    db::close_players(tx, &tickets).await?;
    MatchRoom::write(tx, &mut [&mut room]).await?;
    db::set_match(tx, id, FOUND, Some(room.id()), None).await?;
    Ok(Led::Found(Box::new(room)))
}

/// Calls a match off that is held: the tickets of those who declined end, and each of them waits the longer the
/// more often; the others wait on with their age.
async fn call_off(
    tx: &mut Transaction,
    id: &MatchId,
    seats: &[Seat],
    decliners: &[PlayerId],
    now_ms: i64,
) -> Result<Off, SqlError> {
    db::set_match(tx, id, CANCELLED, None, None).await?;
    let mut off = Off { waits_on: Vec::new(), ended: Vec::new() };
    for ticket in tickets_of(seats) {
        let on_it = seats.iter().filter(|seat| seat.ticket == ticket);
        let declined: Vec<&PlayerId> =
            on_it.map(|seat| &seat.player).filter(|player| decliners.contains(player)).collect();
        if declined.is_empty() {
            let way = (TicketStatus::Proposed, TicketStatus::Queued);
            off.waits_on.extend(db::take_tickets(tx, &[(&ticket, None)], way, now_ms).await?);
            continue;
        }
        if db::end_ticket(tx, &ticket, TicketStatus::Proposed, TicketStatus::Cancelled, now_ms).await? {
            for player in declined {
                let before = db::penalty_before(tx, player).await?;
                db::put_penalty(tx, player, rules::penalty(before, now_ms)).await?;
            }
            off.ended.push(ticket);
        }
    }
    Ok(off)
}

/// Tells everyone what came of it, and lets wait on who does.
async fn follow(app: &App, game: &GameId, row: &MatchRow, seats: &[Seat], led: Led) {
    match led {
        Led::Nothing => {}
        Led::Found(room) => {
            metrics::counter!("matchmaking_matches_total", "accepted" => "yes").increment(1);
            let teams: Vec<(PlayerId, String)> =
                seats.iter().map(|seat| (seat.player.clone(), seat.team.clone())).collect();
            if let Err(failure) = tell_found(app, game, row, &teams, &room).await {
                tracing::warn!(%failure, "cannot tell players of their match");
            }
        }
        Led::Off(off) => {
            metrics::counter!("matchmaking_called_off_total").increment(1);
            for seat in seats {
                let requeued = off.waits_on.contains(&seat.ticket);
                let event = ServerEvent::MatchCancelled { match_id: row.id.clone(), requeued };
                app.multiplayer.hub.tell(game, &seat.player, &event);
                if off.ended.contains(&seat.ticket) {
                    let (ticket_id, reason) = (seat.ticket.clone(), "declined".to_owned());
                    app.multiplayer.hub.tell(
                        game,
                        &seat.player,
                        &ServerEvent::QueueLeft { ticket_id, reason },
                    );
                }
            }
            for ticket in off.waits_on {
                if let Err(failure) = hand_in(app, game, &row.mode, &ticket).await {
                    // The queue finds it when it compares itself with the database.
                    tracing::warn!(%failure, "a ticket of a match that was called off waits to be found");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::new_id;
    use crate::ports::sql::Sql;

    fn draft(tickets: &[(QueueTicketId, PlayerId)]) -> Draft {
        let row = MatchRow {
            id: MatchId::parse(&new_id()).unwrap(),
            mode: "duel".into(),
            region: String::new(),
            room: None,
            status: PROPOSED.into(),
            accept_by_ms: Some(9),
            created_at_ms: 1,
        };
        let seats = tickets.iter().map(|(ticket, player)| (player.clone(), ticket.clone(), "a".into()));
        let plan = Plan {
            row,
            seats: seats.collect(),
            tickets: tickets.iter().map(|(ticket, _)| ticket.clone()).collect(),
            settings: rules::default_settings(tickets.len()),
        };
        Draft { plan, room: None, lost: Vec::new() }
    }

    #[tokio::test]
    async fn of_matches_written_together_those_that_cannot_be_leave_the_others_alone() {
        let folder = tempfile::tempdir().unwrap();
        let sql = Sql::open_sqlite(folder.path()).unwrap();
        sql.migrate(0).await.unwrap();
        let game = GameId::parse(&new_id()).unwrap();
        let mut on: Vec<(QueueTicketId, PlayerId)> = Vec::new();
        for n in 0..4 {
            let (ticket, player) =
                (QueueTicketId::parse(&new_id()).unwrap(), PlayerId::parse(&new_id()).unwrap());
            let row = db::TicketRow {
                id: ticket.clone(),
                mode: "duel".into(),
                request: String::new(),
                status: if n == 1 { TicketStatus::Cancelled } else { TicketStatus::Queued },
                match_id: None,
                created_at_ms: 0,
                ended_at_ms: None,
            };
            on.push((ticket, player.clone()));
            let scope = sql.game(&game);
            let put = scope.transaction(move |tx| {
                async move { db::insert_tickets(tx, &[(&row, &[player])]).await }.boxed()
            });
            assert_eq!(put.await.unwrap().len(), 1);
        }
        let drafts = vec![draft(&on[..2]), draft(&on[2..])];
        let (torn, whole) = (drafts[0].plan.row.id.clone(), drafts[1].plan.row.id.clone());
        let drafts = sql.game(&game).transaction(move |tx| write_all(tx, drafts, 5).boxed()).await.unwrap();
        assert_eq!(
            drafts.iter().map(|draft| draft.lost.clone()).collect::<Vec<_>>(),
            [vec![on[1].0.clone()], vec![]]
        );
        assert_eq!(db::find_match(&sql, &game, &torn).await.unwrap(), None);
        assert_eq!(db::find_match(&sql, &game, &whole).await.unwrap().as_ref(), Some(&drafts[1].plan.row));
        assert_eq!(db::seats(&sql, &game, &whole).await.unwrap().len(), 2);
        let mut became = Vec::new();
        for (ticket, player) in &on {
            let row = db::find(&sql, &game, ticket, player).await.unwrap().unwrap();
            became.push((row.status, row.match_id));
        }
        assert_eq!(
            became,
            [
                (TicketStatus::Queued, None),
                (TicketStatus::Cancelled, None),
                (TicketStatus::Proposed, Some(whole.clone())),
                (TicketStatus::Proposed, Some(whole)),
            ]
        );
    }
}
