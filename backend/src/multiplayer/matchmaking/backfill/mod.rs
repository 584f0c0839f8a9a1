//! Backfill: players from the queue for the free seats of a match that is played.
//!
//! A room asks when its host or the game's server says so, or by itself where the rules say so; its row holds since
//! when. Whoever leads the queue reads from the database who is there ([`Fill`]) and lets the engine look for who fits.
//! Who is found is written under the room's row, which says whether it still asks; and is asked nothing: a seat that
//! nobody takes is free again after a minute, and the room asks on until it is full, locked, decided or over.

mod db;

use super::db::{MatchRow, close_players, find_match, hold_match, seats_of_held, take_tickets};
use super::matches::{FOUND, info, match_over};
use super::rules::{Kept, Shape, shape};
use super::service::Told;
use crate::app::App;
use crate::context::now_ms;
use crate::error::Outcome;
use crate::multiplayer::rooms::{self, Asking, Filling};
use crate::ports::sql::{SqlError, Transaction};
use aethex_matchmaker::{self as engine, BackfillTeam, RuleSet};
use aethex_wire::ids::{GameId, MatchId, PlayerId, QueueTicketId, RoomId};
use aethex_wire::multiplayer::events::ServerEvent;
use aethex_wire::multiplayer::matchmaking::{Backfill, MatchInfo, TicketStatus};
use futures_util::FutureExt;
use std::collections::{BTreeSet, HashMap};

/// A room that asks for players, as the database has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fill {
    pub(super) room: RoomId,
    pub(super) match_id: MatchId,
    region: String,
    since_ms: i64,
    /// The size of match that its tickets asked for; counts in queues without rules.
    pub(super) shape: Option<Shape>,
    /// Who is there, with the team; who joined otherwise has none.
    present: Vec<(Option<String>, engine::Player)>,
    /// Whom those who are there blocked.
    pub(super) blocks: Vec<PlayerId>,
}

impl Fill {
    /// Whether a player is there.
    pub(super) fn has(&self, player: &PlayerId) -> bool {
        self.present.iter().any(|(_, there)| there.id.as_str() == player.as_str())
    }

    /// Those who are there.
    pub(super) fn players(&self) -> impl Iterator<Item = PlayerId> {
        self.present.iter().filter_map(|(_, player)| PlayerId::parse(player.id.as_str()))
    }

    /// What the engine is asked. Who has no team, or none that there is any more, counts in the smallest.
    pub(super) fn request(&self, rules: &RuleSet, avoid: &[PlayerId]) -> engine::Backfill {
        let team = |name: &str| BackfillTeam { name: name.to_owned(), players: Vec::new() };
        let mut teams: Vec<BackfillTeam> = rules.team_names().map(team).collect();
        let mut others = Vec::new();
        for (name, player) in &self.present {
            let own = name.as_ref().and_then(|name| teams.iter_mut().find(|team| team.name == *name));
            match own {
                Some(own) => own.players.push(player.clone()),
                None => others.push(player),
            }
        }
        for player in others {
            if let Some(smallest) = teams.iter_mut().min_by_key(|team| team.players.len()) {
                smallest.players.push(player.clone());
            }
        }
        engine::Backfill {
            id: self.room.as_str().into(),
            region: Some(self.region.clone()).filter(|region| !region.is_empty()),
            teams,
            created_at_ms: self.since_ms,
            avoid: avoid.iter().map(|player| player.as_str().into()).collect(),
        }
    }
}

/// The rooms of a queue that ask for players; the one of them that is named.
pub(super) async fn asking(
    app: &App,
    game: &GameId,
    mode: &str,
    room: Option<&RoomId>,
) -> Outcome<Vec<Fill>> {
    let room = room.map_or("", RoomId::as_str);
    let rows = db::seats(&app.sql, game, mode, room).await?;
    let mut fills: Vec<Fill> = Vec::new();
    for row in rows {
        let (Some(id), Some(match_id)) = (RoomId::parse(&row.room), MatchId::parse(&row.match_id)) else {
            continue;
        };
        if fills.last().is_none_or(|last| last.room != id) {
            let (region, since_ms) = (row.region, row.since_ms);
            let (present, blocks) = (Vec::new(), Vec::new());
            fills.push(Fill { room: id, match_id, region, since_ms, shape: None, present, blocks });
        }
        let Some(fill) = fills.last_mut() else { continue };
        let kept = row.kept.and_then(|json| serde_json::from_str::<Kept>(&json).ok());
        fill.shape = fill.shape.or_else(|| kept.as_ref().and_then(|kept| shape(&kept.asked).ok()));
        let known = kept
            .and_then(|kept| kept.ticket.players.into_iter().find(|player| player.id.as_str() == row.player));
        let player = known.unwrap_or_else(|| engine::Player::new(row.player, engine::Rating::default()));
        fill.present.push((row.team, player));
    }
    if !fills.is_empty() {
        let mut blocks: HashMap<String, Vec<PlayerId>> = HashMap::new();
        for (room, blocked) in db::blocks(&app.sql, game, mode, room).await? {
            blocks.entry(room).or_default().push(blocked);
        }
        for fill in &mut fills {
            fill.blocks = blocks.remove(fill.room.as_str()).unwrap_or_default();
        }
    }
    Ok(fills)
}

/// Lets a match's room ask for players: for its host, or for the game's server, which names no player.
pub(super) async fn start(
    app: &App,
    game: &GameId,
    host: Option<&PlayerId>,
    id: &RoomId,
) -> Outcome<Backfill> {
    let Asking { room, match_id, mode, since_ms, free_seats } =
        rooms::ask_for_players(app, game, host, id).await?;
    let of_match = find_match(&app.sql, game, &match_id).await?;
    if of_match.is_none_or(|row| row.status != FOUND) {
        rooms::ask_no_more(app, game, host, id).await?;
        return Err(match_over());
    }
    let told = Told::Fill { game: game.clone(), mode: mode.clone(), room: room.clone(), at_ms: now_ms() };
    app.multiplayer.matchmaking.tell(told).await;
    Ok(Backfill { room_id: room, mode, since_ms, free_seats })
}

/// Lets a room ask no more.
pub(super) async fn stop(app: &App, game: &GameId, host: Option<&PlayerId>, id: &RoomId) -> Outcome<()> {
    let mode = rooms::ask_no_more(app, game, host, id).await?;
    let told = Told::Fill { game: game.clone(), mode, room: id.clone(), at_ms: now_ms() };
    app.multiplayer.matchmaking.tell(told).await;
    Ok(())
}

/// Those whom the engine found for a room.
#[derive(Debug, Clone)]
pub(super) struct Newcomers {
    pub(super) room: RoomId,
    pub(super) match_id: MatchId,
    /// Ticket by ticket: the team, and who is on it.
    pub(super) tickets: Vec<(QueueTicketId, String, Vec<PlayerId>)>,
}

/// What became of newcomers.
#[derive(Debug, Default)]
pub(super) struct Arrival {
    /// The match and the room that they came into; none when it does not ask any more.
    into: Option<(MatchRow, Filling)>,
    /// Who came, and in which team.
    came: Vec<(PlayerId, String)>,
    /// Tickets that brought somebody.
    pub(super) matched: Vec<QueueTicketId>,
    /// Tickets that do not wait any more.
    pub(super) lost: Vec<QueueTicketId>,
    /// Tickets that the room does not take.
    pub(super) unwelcome: Vec<QueueTicketId>,
}

/// Writes newcomers into their room, as many tickets of them as it takes.
pub(super) async fn write(app: &App, game: &GameId, newcomers: Newcomers) -> Outcome<Arrival> {
    let now = now_ms();
    let scope = app.sql.game(game);
    let written = scope.transaction(move |tx| async move { bring(tx, &newcomers, now).await }.boxed());
    Ok(written.await?)
}

async fn bring(tx: &mut Transaction, newcomers: &Newcomers, now_ms: i64) -> Result<Arrival, SqlError> {
    let mut arrival = Arrival::default();
    let Some(mut room) = Filling::hold(tx, &newcomers.room, now_ms).await? else { return Ok(arrival) };
    let held = hold_match(tx, &newcomers.match_id).await?;
    let Some(of_match) = held.filter(|row| row.status == FOUND) else { return Ok(arrival) };
    let played: BTreeSet<PlayerId> =
        seats_of_held(tx, &of_match.id).await?.into_iter().map(|seat| seat.player).collect();
    for (ticket, team, players) in &newcomers.tickets {
        let mut welcome = players.len() <= room.free_seats();
        for player in players {
            welcome = welcome && room.welcomes(tx, player, played.contains(player)).await?;
        }
        if !welcome {
            arrival.unwelcome.push(ticket.clone());
            continue;
        }
        let way = (TicketStatus::Queued, TicketStatus::Matched);
        if take_tickets(tx, &[(ticket, Some(&of_match.id))], way, now_ms).await?.is_empty() {
            arrival.lost.push(ticket.clone());
            continue;
        }
        for player in players {
            room.seat(tx, player).await?;
            db::put_player(tx, &of_match.id, player, ticket, team).await?;
            arrival.came.push((player.clone(), team.clone()));
        }
        arrival.matched.push(ticket.clone());
    }
    close_players(tx, &arrival.matched).await?;
    arrival.into = Some((of_match, room));
    Ok(arrival)
}

/// Tells those who came of the match that they are in.
pub(super) async fn announce(app: &App, game: &GameId, arrival: Arrival) {
    if let Err(failure) = tell(app, game, &arrival).await {
        // Who asks for the ticket is told.
        tracing::warn!(%failure, "cannot tell players of the match that they came into");
    }
}

async fn tell(app: &App, game: &GameId, arrival: &Arrival) -> Outcome<()> {
    let Some((row, room)) = &arrival.into else { return Ok(()) };
    let came: Vec<PlayerId> = arrival.came.iter().map(|(player, _)| player.clone()).collect();
    let (there, seats) = room.seats(app, game, &came).await?;
    let teams = super::db::seats(&app.sql, game, &row.id).await?.into_iter();
    let teams = teams.filter(|seat| there.contains(&seat.player)).map(|seat| (seat.player, seat.team));
    let info = info(app, game, row, &teams.collect::<Vec<_>>()).await?;
    for (player, seat) in seats {
        let info = MatchInfo { seat: Some(seat), ..info.clone() };
        app.multiplayer.hub.tell(game, &player, &ServerEvent::MatchFound(Box::new(info)));
    }
    Ok(())
}

/// A match is decided: nobody comes into it any more.
pub(super) async fn decided(app: &App, game: &GameId, id: &MatchId) {
    // A failure is made good by the queue's comparison with the database.
    if let Ok(Some(MatchRow { room: Some(room), mode, .. })) = find_match(&app.sql, game, id).await {
        super::look_at_room(app, game, &mode, &room);
    }
}
