//! SQL of tickets, matches, penalties and queues' rule sets.
//!
//! A ticket goes from one state to the next by statements that name the state it must be in: whoever comes second,
//! on whatever server, changes nothing. Whoever changes a match takes its row first ([`hold_match`]).

use super::rules::{RatingRow, name_of, status_of};
use crate::args;
use crate::ports::sql::{Row, Sql, SqlError, Transaction, rows};
use aethex_wire::ids::{GameId, MatchId, PlayerId, QueueTicketId, RoomId};
use aethex_wire::multiplayer::matchmaking::TicketStatus;
use std::collections::{HashMap, HashSet};

/// Tickets read at once.
pub(super) const PAGE: i64 = 1_000;

/// A ticket as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TicketRow {
    pub(super) id: QueueTicketId,
    pub(super) mode: String,
    /// [`super::rules::Kept`] as JSON.
    pub(super) request: String,
    pub(super) status: TicketStatus,
    pub(super) match_id: Option<MatchId>,
    pub(super) created_at_ms: i64,
    pub(super) ended_at_ms: Option<i64>,
}

fn damaged() -> SqlError {
    SqlError::Other("a stored ticket or match is damaged".into())
}

fn ticket(row: &Row<'_>) -> Result<TicketRow, SqlError> {
    Ok(TicketRow {
        id: QueueTicketId::parse(&row.text(0)?).ok_or_else(damaged)?,
        mode: row.text(1)?,
        request: row.text(2)?,
        status: status_of(&row.text(3)?),
        match_id: row.maybe_text(4)?.and_then(|id| MatchId::parse(&id)),
        created_at_ms: row.int(5)?,
        ended_at_ms: row.maybe_int(6)?,
    })
}

macro_rules! tickets_where {
    ($rest:literal) => {
        concat!(
            "SELECT t.ticket_id, t.mode, t.request, t.status, t.match_id, t.created_at_ms, t.ended_at_ms
             FROM multiplayer_ticket_player p
             JOIN multiplayer_ticket t ON t.game_id = p.game_id AND t.ticket_id = p.ticket_id
             WHERE p.game_id = $1 AND ",
            $rest
        )
    };
}

/// The ticket that a player is on and that has not ended.
pub(super) async fn open(sql: &Sql, game: &GameId, player: &PlayerId) -> Result<Option<TicketRow>, SqlError> {
    let statement = tickets_where!("p.player_id = $2 AND p.open = 1");
    sql.game(game).read_one(statement, args![player.as_str()], ticket).await
}

/// The last ticket of a player that became a match after a time.
pub(super) async fn matched(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    after_ms: i64,
) -> Result<Option<TicketRow>, SqlError> {
    let statement = tickets_where!(
        "p.player_id = $2 AND t.status = 'matched' AND t.ended_at_ms > $3 ORDER BY t.ended_at_ms DESC LIMIT 1"
    );
    sql.game(game).read_one(statement, args![player.as_str(), after_ms], ticket).await
}

/// A ticket that a player is on.
pub(super) async fn find(
    sql: &Sql,
    game: &GameId,
    id: &QueueTicketId,
    player: &PlayerId,
) -> Result<Option<TicketRow>, SqlError> {
    let statement = tickets_where!("p.ticket_id = $2 AND p.player_id = $3");
    sql.game(game).read_one(statement, args![id.as_str(), player.as_str()], ticket).await
}

/// Writes new tickets with their players; those of them that are there then. A ticket of which a player is on another
/// that is open is not written.
pub(super) async fn insert_tickets(
    tx: &mut Transaction,
    tickets: &[(&TicketRow, &[PlayerId])],
) -> Result<HashSet<QueueTicketId>, SqlError> {
    let mut free = put_players(tx, tickets).await?;
    if free.len() < tickets.len() {
        // Among those that came together one may have been in the way that is not written itself.
        for alone in tickets.iter().filter(|(row, _)| !free.contains(&row.id)).collect::<Vec<_>>() {
            free.extend(put_players(tx, std::slice::from_ref(alone)).await?);
        }
    }
    let written: Vec<_> = tickets
        .iter()
        .filter(|(row, _)| free.contains(&row.id))
        .map(|(row, _)| (&row.id, &row.mode, &row.request, name_of(row.status), row.created_at_ms))
        .collect();
    if !written.is_empty() {
        tx.execute(
            "INSERT INTO multiplayer_ticket (game_id, ticket_id, mode, request, status, match_id, created_at_ms,
                ended_at_ms)
             SELECT $1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, CAST(NULL AS TEXT),
                CAST(value ->> 4 AS BIGINT), CAST(NULL AS BIGINT) FROM json_each($2)",
            vec![rows(&written)],
        )
        .await?;
    }
    Ok(free)
}

/// Writes who is on tickets; those all of whose players were on no other.
async fn put_players(
    tx: &mut Transaction,
    tickets: &[(&TicketRow, &[PlayerId])],
) -> Result<HashSet<QueueTicketId>, SqlError> {
    let players: Vec<_> =
        tickets.iter().flat_map(|(row, players)| players.iter().map(|player| (&row.id, player))).collect();
    let added = tx.query(
        "INSERT INTO multiplayer_ticket_player (game_id, ticket_id, player_id, open)
         SELECT $1, value ->> 0, value ->> 1, 1 FROM json_each($2) WHERE TRUE
         ON CONFLICT DO NOTHING RETURNING ticket_id",
        vec![rows(&players)],
        |row| row.text(0),
    );
    let mut counts: HashMap<String, usize> = HashMap::new();
    for ticket in added.await? {
        *counts.entry(ticket).or_default() += 1;
    }
    let (whole, torn): (Vec<_>, Vec<_>) = tickets
        .iter()
        .partition(|(row, players)| counts.get(row.id.as_str()).copied().unwrap_or(0) == players.len());
    let torn: Vec<_> = torn.iter().filter(|(row, _)| counts.contains_key(row.id.as_str())).collect();
    if !torn.is_empty() {
        let torn: Vec<_> = torn.iter().map(|(row, _)| (&row.id,)).collect();
        tx.execute(
            "WITH torn AS MATERIALIZED (SELECT value ->> 0 AS id FROM json_each($2))
             DELETE FROM multiplayer_ticket_player WHERE game_id = $1 AND ticket_id IN (SELECT id FROM torn)",
            vec![rows(&torn)],
        )
        .await?;
    }
    Ok(whole.into_iter().map(|(row, _)| row.id.clone()).collect())
}

/// Ends a ticket that is in a state; `false` when it is in another.
pub(super) async fn end_ticket(
    tx: &mut Transaction,
    id: &QueueTicketId,
    from: TicketStatus,
    to: TicketStatus,
    now_ms: i64,
) -> Result<bool, SqlError> {
    let ended = tx
        .execute(
            "UPDATE multiplayer_ticket SET status = $4, ended_at_ms = $5
             WHERE game_id = $1 AND ticket_id = $2 AND status = $3",
            args![id.as_str(), name_of(from), name_of(to), now_ms],
        )
        .await?;
    if ended == 1 {
        tx.execute(
            "UPDATE multiplayer_ticket_player SET open = CAST(NULL AS BIGINT)
             WHERE game_id = $1 AND ticket_id = $2",
            args![id.as_str()],
        )
        .await?;
    }
    Ok(ended == 1)
}

/// The same as a transaction's only work.
pub(super) async fn end_ticket_owned(
    tx: &mut Transaction,
    id: QueueTicketId,
    from: TicketStatus,
    to: TicketStatus,
    now_ms: i64,
) -> Result<bool, SqlError> {
    end_ticket(tx, &id, from, to, now_ms).await
}

/// Takes tickets from one state into another, each for a match; those that were in the state.
pub(super) async fn take_tickets(
    tx: &mut Transaction,
    tickets: &[(&QueueTicketId, Option<&MatchId>)],
    (from, to): (TicketStatus, TicketStatus),
    now_ms: i64,
) -> Result<Vec<QueueTicketId>, SqlError> {
    if tickets.is_empty() {
        return Ok(Vec::new());
    }
    let ended_at_ms = (to == TicketStatus::Matched).then_some(now_ms);
    let mut args = args![name_of(from), name_of(to), ended_at_ms];
    args.push(rows(tickets));
    let taken = tx.query(
        // A ticket is found by its key, not among all in its state: no index has the expression.
        "WITH taken AS MATERIALIZED (SELECT value ->> 0 AS id, value ->> 1 AS of_match FROM json_each($5))
         UPDATE multiplayer_ticket SET status = $3, match_id = taken.of_match, ended_at_ms = $4 FROM taken
         WHERE game_id = $1 AND ticket_id = taken.id AND COALESCE(status, '') = $2 RETURNING ticket_id",
        args,
        |row| row.text(0),
    );
    Ok(taken.await?.iter().filter_map(|id| QueueTicketId::parse(id)).collect())
}

/// The players of tickets that ended are free for others.
pub(super) async fn close_players(tx: &mut Transaction, ids: &[QueueTicketId]) -> Result<(), SqlError> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids: Vec<(&QueueTicketId,)> = ids.iter().map(|id| (id,)).collect();
    tx.execute(
        "WITH over AS MATERIALIZED (SELECT value ->> 0 AS id FROM json_each($2))
         UPDATE multiplayer_ticket_player SET open = CAST(NULL AS BIGINT)
         WHERE game_id = $1 AND ticket_id IN (SELECT id FROM over)",
        vec![rows(&ids)],
    )
    .await
    .map(drop)
}

/// A match as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MatchRow {
    pub(super) id: MatchId,
    pub(super) mode: String,
    pub(super) region: String,
    pub(super) room: Option<RoomId>,
    /// `proposed`, `found`, `settled`, `cancelled`.
    pub(super) status: String,
    pub(super) accept_by_ms: Option<i64>,
    pub(super) created_at_ms: i64,
}

fn match_row(row: &Row<'_>) -> Result<MatchRow, SqlError> {
    Ok(MatchRow {
        id: MatchId::parse(&row.text(0)?).ok_or_else(damaged)?,
        mode: row.text(1)?,
        region: row.text(2)?,
        room: row.maybe_text(3)?.and_then(|id| RoomId::parse(&id)),
        status: row.text(4)?,
        accept_by_ms: row.maybe_int(5)?,
        created_at_ms: row.int(6)?,
    })
}

/// A player of a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) player: PlayerId,
    pub(super) ticket: QueueTicketId,
    pub(super) team: String,
    pub(super) accepted: Option<bool>,
    pub(super) report: Option<String>,
}

fn seat(row: &Row<'_>) -> Result<Seat, SqlError> {
    Ok(Seat {
        player: PlayerId::parse(&row.text(0)?).ok_or_else(damaged)?,
        ticket: QueueTicketId::parse(&row.text(1)?).ok_or_else(damaged)?,
        team: row.text(2)?,
        accepted: row.maybe_int(3)?.map(|word| word != 0),
        report: row.maybe_text(4)?,
    })
}

/// Who plays in a new match, on which ticket, in which team.
pub(super) type NewSeat = (PlayerId, QueueTicketId, String);

/// Writes new matches and who plays in them.
pub(super) async fn insert_matches(
    tx: &mut Transaction,
    matches: &[(&MatchRow, &[NewSeat])],
) -> Result<(), SqlError> {
    if matches.is_empty() {
        return Ok(());
    }
    let made: Vec<_> = matches
        .iter()
        .map(|(row, _)| {
            (&row.id, &row.mode, &row.region, &row.room, &row.status, row.accept_by_ms, row.created_at_ms)
        })
        .collect();
    tx.execute(
        "INSERT INTO multiplayer_match (game_id, match_id, mode, region, room_id, status, accept_by_ms, created_at_ms,
            settled_at_ms)
         SELECT $1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, CAST(value ->> 5 AS BIGINT),
            CAST(value ->> 6 AS BIGINT), CAST(NULL AS BIGINT) FROM json_each($2)",
        vec![rows(&made)],
    )
    .await?;
    let playing: Vec<_> = matches
        .iter()
        .flat_map(|(row, seats)| seats.iter().map(|(player, ticket, team)| (&row.id, player, ticket, team)))
        .collect();
    tx.execute(
        "INSERT INTO multiplayer_match_player (game_id, match_id, player_id, ticket_id, team)
         SELECT $1, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each($2)",
        vec![rows(&playing)],
    )
    .await
    .map(drop)
}

/// A match.
pub(super) async fn find_match(sql: &Sql, game: &GameId, id: &MatchId) -> Result<Option<MatchRow>, SqlError> {
    sql.game(game)
        .read_one(
            "SELECT match_id, mode, region, room_id, status, accept_by_ms, created_at_ms FROM multiplayer_match
             WHERE game_id = $1 AND match_id = $2",
            args![id.as_str()],
            match_row,
        )
        .await
}

/// A match, which nobody else changes until the transaction ends.
pub(super) async fn hold_match(tx: &mut Transaction, id: &MatchId) -> Result<Option<MatchRow>, SqlError> {
    tx.query_one(
        "UPDATE multiplayer_match SET status = status WHERE game_id = $1 AND match_id = $2
         RETURNING match_id, mode, region, room_id, status, accept_by_ms, created_at_ms",
        args![id.as_str()],
        match_row,
    )
    .await
}

const SEATS: &str = "SELECT player_id, ticket_id, team, accepted, report FROM multiplayer_match_player
    WHERE game_id = $1 AND match_id = $2 ORDER BY team, player_id";

/// Who plays in a match, team by team.
pub(super) async fn seats(sql: &Sql, game: &GameId, id: &MatchId) -> Result<Vec<Seat>, SqlError> {
    sql.game(game).read(SEATS, args![id.as_str()], seat).await
}

/// The same of a match that is held.
pub(super) async fn seats_of_held(tx: &mut Transaction, id: &MatchId) -> Result<Vec<Seat>, SqlError> {
    tx.query(SEATS, args![id.as_str()], seat).await
}

/// A match's new state, with its room when it has one now.
pub(super) async fn set_match(
    tx: &mut Transaction,
    id: &MatchId,
    status: &str,
    room: Option<&RoomId>,
    settled_at_ms: Option<i64>,
) -> Result<(), SqlError> {
    tx.execute(
        "UPDATE multiplayer_match SET status = $3, room_id = COALESCE($4, room_id), settled_at_ms = $5
         WHERE game_id = $1 AND match_id = $2",
        args![id.as_str(), status, room.map(|id| id.as_str().to_owned()), settled_at_ms],
    )
    .await
    .map(drop)
}

/// A player's word on a proposed match.
pub(super) async fn set_word(
    tx: &mut Transaction,
    id: &MatchId,
    player: &PlayerId,
    accepts: bool,
) -> Result<(), SqlError> {
    tx.execute(
        "UPDATE multiplayer_match_player SET accepted = $4
         WHERE game_id = $1 AND match_id = $2 AND player_id = $3 AND accepted IS NULL",
        args![id.as_str(), player.as_str(), i64::from(accepts)],
    )
    .await
    .map(drop)
}

/// Matches that have waited for too long for everyone's word, over all games.
pub(super) async fn overdue(sql: &Sql, now_ms: i64, limit: i64) -> Result<Vec<(GameId, MatchId)>, SqlError> {
    let scope = sql.all_games();
    let found = scope.read(
        "SELECT game_id, match_id FROM multiplayer_match WHERE status = 'proposed' AND accept_by_ms <= $1
         ORDER BY accept_by_ms LIMIT $2",
        args![now_ms, limit],
        |row| Ok((row.text(0)?, row.text(1)?)),
    );
    let parse = |(game, id): (String, String)| Some((GameId::parse(&game)?, MatchId::parse(&id)?));
    Ok(found.await?.into_iter().filter_map(parse).collect())
}

/// How often a player declined of late, and until when the player waits.
pub(super) async fn penalty_before(
    tx: &mut Transaction,
    player: &PlayerId,
) -> Result<Option<(i64, i64)>, SqlError> {
    tx.query_one(
        "SELECT count, until_ms FROM multiplayer_penalty WHERE game_id = $1 AND player_id = $2",
        args![player.as_str()],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )
    .await
}

pub(super) async fn put_penalty(
    tx: &mut Transaction,
    player: &PlayerId,
    (count, until_ms): (i64, i64),
) -> Result<(), SqlError> {
    tx.execute(
        "INSERT INTO multiplayer_penalty (game_id, player_id, count, until_ms) VALUES ($1, $2, $3, $4)
         ON CONFLICT (game_id, player_id) DO UPDATE SET count = excluded.count, until_ms = excluded.until_ms",
        args![player.as_str(), count, until_ms],
    )
    .await
    .map(drop)
}

/// A player's rating in a queue.
pub(super) async fn rating(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    mode: &str,
) -> Result<Option<RatingRow>, SqlError> {
    sql.game(game)
        .read_one(
            "SELECT rating, deviation, matches FROM multiplayer_rating
             WHERE game_id = $1 AND player_id = $2 AND mode = $3",
            args![player.as_str(), mode],
            |row| Ok(RatingRow { rating: row.int(0)?, deviation: row.int(1)?, matches: row.int(2)? }),
        )
        .await
}

/// What a queue must know of a player who comes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standing {
    pub(super) player: PlayerId,
    /// Whether the player is on a ticket that has not ended.
    pub(super) has_ticket: bool,
    /// Until when the player waits for having declined.
    pub(super) penalty_until_ms: Option<i64>,
    pub(super) rating: Option<RatingRow>,
    /// Whom the player blocked.
    pub(super) blocks: Vec<PlayerId>,
}

/// How players stand to a queue, in the order asked.
pub(super) async fn standings(
    sql: &Sql,
    game: &GameId,
    players: &[PlayerId],
    mode: &str,
) -> Result<Vec<Standing>, SqlError> {
    if players.is_empty() {
        return Ok(Vec::new());
    }
    let asked: Vec<_> = players.iter().map(|player| (player,)).collect();
    let mut args = args![mode];
    args.push(rows(&asked));
    let scope = sql.game(game);
    let found = scope.read(
        "WITH asked AS MATERIALIZED (SELECT value ->> 0 AS id FROM json_each($3))
         SELECT asked.id, p.until_ms, r.rating, r.deviation, r.matches, b.blocked_id, t.ticket_id
         FROM asked
         LEFT JOIN multiplayer_ticket_player t ON t.game_id = $1 AND t.player_id = asked.id AND t.open = 1
         LEFT JOIN multiplayer_penalty p ON p.game_id = $1 AND p.player_id = asked.id
         LEFT JOIN multiplayer_rating r ON r.game_id = $1 AND r.player_id = asked.id AND r.mode = $2
         LEFT JOIN multiplayer_block b ON b.game_id = $1 AND b.player_id = asked.id",
        args,
        |row| {
            let rating = match (row.maybe_int(2)?, row.maybe_int(3)?, row.maybe_int(4)?) {
                (Some(rating), Some(deviation), Some(matches)) => {
                    Some(RatingRow { rating, deviation, matches })
                }
                _ => None,
            };
            Ok((row.text(0)?, row.maybe_int(1)?, rating, row.maybe_text(5)?, row.maybe_text(6)?.is_some()))
        },
    );
    let none = |player: &PlayerId| Standing {
        player: player.clone(),
        has_ticket: false,
        penalty_until_ms: None,
        rating: None,
        blocks: Vec::new(),
    };
    let mut standings: Vec<Standing> = players.iter().map(none).collect();
    for (player, until_ms, rating, blocked, has_ticket) in found.await? {
        let Some(one) = standings.iter_mut().find(|one| one.player.as_str() == player) else { continue };
        (one.penalty_until_ms, one.rating, one.has_ticket) = (until_ms, rating, has_ticket);
        one.blocks.extend(blocked.and_then(|id| PlayerId::parse(&id)));
    }
    Ok(standings)
}

/// Whom players blocked, one after the other.
pub(super) async fn blocks(
    sql: &Sql,
    game: &GameId,
    players: &[PlayerId],
) -> Result<Vec<PlayerId>, SqlError> {
    let asked: Vec<_> = players.iter().map(|player| (player,)).collect();
    let scope = sql.game(game);
    let found = scope.read(
        "WITH asked AS MATERIALIZED (SELECT value ->> 0 AS id FROM json_each($2))
         SELECT blocked_id FROM multiplayer_block WHERE game_id = $1 AND player_id IN (SELECT id FROM asked)",
        vec![rows(&asked)],
        |row| row.text(0),
    );
    Ok(found.await?.iter().filter_map(|id| PlayerId::parse(id)).collect())
}
