//! SQL of rooms and seats.
//!
//! Whoever changes a room or its seats takes the room's row first ([`hold`]), so that two who come at once are
//! judged one after the other.

use super::rules::{Door, Filter, RoomRow};
use crate::args;
use crate::multiplayer::config::HELD_MS;
use crate::ports::sql::{Row, Sql, SqlError, Transaction, rows};
use aethex_matchmaker::BackfillMode;
use aethex_wire::ids::{GameId, MatchId, PlayerId, RoomId};
use aethex_wire::multiplayer::Visibility;
use serde_json::json;
use std::collections::HashSet;

macro_rules! with_room {
    ($before:literal $(, $after:literal)?) => {
        concat!(
            $before,
            "room_id, code, name, mode, region, host_id, player_count, max_players, visibility, locked, password_hash,
             metadata, tick_ms, interest_radius, match_id, node, created_at_ms, backfill, filling_since_ms"
            $(, $after)?
        )
    };
}

fn damaged(what: &str) -> SqlError {
    SqlError::Other(format!("a stored {what} is damaged"))
}

fn room(row: &Row<'_>) -> Result<RoomRow, SqlError> {
    let small = |column: usize| Ok::<_, SqlError>(u16::try_from(row.int(column)?).unwrap_or(u16::MAX));
    Ok(RoomRow {
        id: RoomId::parse(&row.text(0)?).ok_or_else(|| damaged("room's id"))?,
        code: row.text(1)?,
        name: row.text(2)?,
        mode: row.text(3)?,
        region: row.text(4)?,
        host: row.maybe_text(5)?.and_then(|id| PlayerId::parse(&id)),
        player_count: small(6)?,
        max_players: small(7)?,
        visibility: match row.text(8)?.as_str() {
            "public" => Visibility::Public,
            "unlisted" => Visibility::Unlisted,
            _ => Visibility::Private,
        },
        locked: row.int(9)? != 0,
        password_hash: row.maybe_text(10)?,
        metadata: serde_json::from_str(&row.text(11)?).unwrap_or_default(),
        tick_ms: small(12)?,
        interest_radius: u32::try_from(row.int(13)?).unwrap_or(0),
        match_id: row.maybe_text(14)?.and_then(|id| MatchId::parse(&id)),
        node: row.text(15)?,
        created_at_ms: row.int(16)?,
        backfill: match row.text(17)?.as_str() {
            "automatic" => BackfillMode::Automatic,
            "manual" => BackfillMode::Manual,
            _ => BackfillMode::Off,
        },
        filling_since_ms: row.maybe_int(18)?,
    })
}

fn name_of(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => "public",
        Visibility::Unlisted => "unlisted",
        Visibility::Private => "private",
    }
}

fn mode_of(backfill: BackfillMode) -> &'static str {
    match backfill {
        BackfillMode::Automatic => "automatic",
        BackfillMode::Manual => "manual",
        BackfillMode::Off => "off",
    }
}

/// A room.
pub(super) async fn find(sql: &Sql, game: &GameId, id: &RoomId) -> Result<Option<RoomRow>, SqlError> {
    sql.game(game)
        .read_one(
            with_room!("SELECT ", " FROM multiplayer_room WHERE game_id = $1 AND room_id = $2"),
            args![id.as_str()],
            room,
        )
        .await
}

/// The room that has a code.
pub(super) async fn by_code(sql: &Sql, game: &GameId, code: &str) -> Result<Option<RoomId>, SqlError> {
    let scope = sql.game(game);
    let found = scope.read_one(
        "SELECT room_id FROM multiplayer_room WHERE game_id = $1 AND code = $2",
        args![code],
        |row| row.text(0),
    );
    Ok(found.await?.and_then(|id| RoomId::parse(&id)))
}

/// A room, held until the transaction ends.
pub(super) async fn hold(tx: &mut Transaction, id: &RoomId) -> Result<Option<RoomRow>, SqlError> {
    tx.query_one(
        with_room!(
            "UPDATE multiplayer_room SET player_count = player_count WHERE game_id = $1 AND room_id = $2 RETURNING "
        ),
        args![id.as_str()],
        room,
    )
    .await
}

/// Rooms of a server, held until the transaction ends; those that there are.
pub(super) async fn hold_of(
    tx: &mut Transaction,
    ids: &[(&RoomId,)],
    node: &str,
) -> Result<HashSet<RoomId>, SqlError> {
    let held = tx.query(
        "WITH wanted AS MATERIALIZED (SELECT value ->> 0 AS id FROM json_each($2))
         UPDATE multiplayer_room SET player_count = player_count
         WHERE game_id = $1 AND room_id IN (SELECT id FROM wanted) RETURNING room_id, node",
        vec![rows(ids)],
        |row| Ok((row.text(0)?, row.text(1)?)),
    );
    let here = held.await?.into_iter().filter(|(_, has)| has == node);
    Ok(here.filter_map(|(id, _)| RoomId::parse(&id)).collect())
}

const DOOR: &str = "SELECT
    (SELECT COUNT(*) FROM multiplayer_seat WHERE game_id = $1 AND room_id = $2 AND player_id = $3),
    (SELECT COALESCE(MAX(banned), -1) FROM multiplayer_room_pass
        WHERE game_id = $1 AND room_id = $2 AND player_id = $3),
    (SELECT COUNT(*) FROM multiplayer_invite
        WHERE game_id = $1 AND to_id = $3 AND room_id = $2 AND expires_at_ms > $4),
    (SELECT COUNT(*) FROM multiplayer_party_player mine
        JOIN multiplayer_party_player theirs ON theirs.game_id = mine.game_id AND theirs.party_id = mine.party_id
        WHERE mine.game_id = $1 AND mine.player_id = $3 AND theirs.player_id = $5),
    (SELECT COUNT(*) FROM multiplayer_seat WHERE game_id = $1 AND player_id = $3)";

fn door(row: &Row<'_>) -> Result<Door, SqlError> {
    let pass = row.int(1)?;
    Ok(Door {
        has_seat: row.int(0)? > 0,
        banned: pass == 1,
        let_in: pass == 0 || row.int(2)? > 0 || row.int(3)? > 0,
        seats: row.int(4)?,
    })
}

fn door_args(room: &RoomRow, player: &PlayerId, now_ms: i64) -> Vec<crate::ports::sql::Arg> {
    let host = room.host.as_ref().map_or("", PlayerId::as_str);
    args![room.id.as_str(), player.as_str(), now_ms, host]
}

/// How a player stands to a room that is held.
pub(super) async fn door_of(
    tx: &mut Transaction,
    room: &RoomRow,
    player: &PlayerId,
    now_ms: i64,
) -> Result<Door, SqlError> {
    let found = tx.query_one(DOOR, door_args(room, player, now_ms), door).await?;
    found.ok_or_else(|| damaged("room's door"))
}

/// How a player stands to a room.
pub(super) async fn look_door(
    sql: &Sql,
    game: &GameId,
    room: &RoomRow,
    player: &PlayerId,
    now_ms: i64,
) -> Result<Door, SqlError> {
    let scope = sql.game(game);
    let found = scope.read_one(DOOR, door_args(room, player, now_ms), door).await?;
    found.ok_or_else(|| damaged("room's door"))
}

/// Rooms of a game.
pub(super) async fn count(sql: &Sql, game: &GameId) -> Result<i64, SqlError> {
    let scope = sql.game(game);
    let counted =
        scope.scan("SELECT COUNT(*) FROM multiplayer_room WHERE game_id = $1", vec![], |row| row.int(0));
    Ok(counted.await?.first().copied().unwrap_or(0))
}

/// Rooms that a player has a seat in.
pub(super) async fn count_seats(tx: &mut Transaction, player: &PlayerId) -> Result<i64, SqlError> {
    let counted = tx
        .query_one(
            "SELECT COUNT(*) FROM multiplayer_seat WHERE game_id = $1 AND player_id = $2",
            args![player.as_str()],
            |row| row.int(0),
        )
        .await?;
    Ok(counted.unwrap_or(0))
}

/// Writes new rooms; the ids of those whose code was free.
pub(super) async fn insert(
    tx: &mut Transaction,
    rooms: &[&mut RoomRow],
) -> Result<HashSet<RoomId>, SqlError> {
    let columns = |room: &RoomRow| {
        json!([
            room.id,
            room.code,
            room.name,
            room.name.to_lowercase(),
            room.mode,
            room.region,
            room.host,
            room.max_players,
            room.player_count,
            name_of(room.visibility),
            room.password_hash,
            room.metadata_json(),
            room.tick_ms,
            room.interest_radius,
            room.match_id,
            room.node,
            room.created_at_ms,
            mode_of(room.backfill),
            room.filling_since_ms,
        ])
    };
    let columns: Vec<_> = rooms.iter().map(|room| columns(room)).collect();
    let made = tx.query(
        "INSERT INTO multiplayer_room (game_id, room_id, code, name, name_key, mode, region, host_id, max_players,
            player_count, visibility, locked, password_hash, metadata, tick_ms, interest_radius, match_id, node,
            created_at_ms, empty_since_ms, backfill, filling_since_ms)
         SELECT $1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
            CAST(value ->> 7 AS BIGINT), CAST(value ->> 8 AS BIGINT), value ->> 9, 0, value ->> 10, value ->> 11,
            CAST(value ->> 12 AS BIGINT), CAST(value ->> 13 AS BIGINT), value ->> 14, value ->> 15,
            CAST(value ->> 16 AS BIGINT), CAST(NULL AS BIGINT), value ->> 17, CAST(value ->> 18 AS BIGINT)
         FROM json_each($2) WHERE TRUE ON CONFLICT (game_id, code) DO NOTHING RETURNING room_id",
        vec![rows(&columns)],
        |row| row.text(0),
    );
    Ok(made.await?.iter().filter_map(|id| RoomId::parse(id)).collect())
}

/// Writes a room's changed settings.
pub(super) async fn update(tx: &mut Transaction, room: &RoomRow) -> Result<(), SqlError> {
    tx.execute(
        "UPDATE multiplayer_room SET name = $3, name_key = $4, max_players = $5, visibility = $6, locked = $7,
            metadata = $8, host_id = $9, backfill = $10, filling_since_ms = $11 WHERE game_id = $1 AND room_id = $2",
        args![
            room.id.as_str(),
            room.name.as_str(),
            room.name.to_lowercase(),
            i64::from(room.max_players),
            name_of(room.visibility),
            i64::from(room.locked),
            room.metadata_json(),
            room.host.as_ref().map(|id| id.as_str().to_owned()),
            mode_of(room.backfill),
            room.filling_since_ms,
        ],
    )
    .await
    .map(drop)
}

/// Takes one of the room's free seats into account; `false` when there is none. Who finds no host is it.
pub(super) async fn take_seat(
    tx: &mut Transaction,
    room: &RoomId,
    player: &PlayerId,
) -> Result<bool, SqlError> {
    let taken = tx
        .execute(
            "UPDATE multiplayer_room SET player_count = player_count + 1, empty_since_ms = CAST(NULL AS BIGINT),
                host_id = COALESCE(host_id, $3),
                filling_since_ms = CASE WHEN player_count + 1 >= max_players THEN CAST(NULL AS BIGINT)
                    ELSE filling_since_ms END
             WHERE game_id = $1 AND room_id = $2 AND player_count < max_players",
            args![room.as_str(), player.as_str()],
        )
        .await?;
    Ok(taken == 1)
}

/// The seat of a player in a room: since when, and until when it is held, if not for good.
pub(super) type NewSeat<'a> = (&'a RoomId, &'a PlayerId, i64, Option<i64>);

/// Writes seats; how many were not there yet.
pub(super) async fn insert_seats(tx: &mut Transaction, seats: &[NewSeat<'_>]) -> Result<u64, SqlError> {
    if seats.is_empty() {
        return Ok(0);
    }
    tx.execute(
        "INSERT INTO multiplayer_seat (game_id, room_id, player_id, joined_at_ms, asked_at_ms, held_until_ms)
         SELECT $1, value ->> 0, value ->> 1, CAST(value ->> 2 AS BIGINT), CAST(value ->> 2 AS BIGINT),
            CAST(value ->> 3 AS BIGINT)
         FROM json_each($2) WHERE TRUE ON CONFLICT (game_id, room_id, player_id) DO NOTHING",
        vec![rows(seats)],
    )
    .await
}

/// The player asks for another ticket: a seat that is held is held for longer, one that is taken for good stays so.
/// Returns since when it is the player's.
pub(super) async fn prolong_seat(
    tx: &mut Transaction,
    room: &RoomId,
    player: &PlayerId,
    now_ms: i64,
    held_until_ms: i64,
) -> Result<Option<i64>, SqlError> {
    tx.query_one(
        "UPDATE multiplayer_seat SET asked_at_ms = $5,
            held_until_ms = CASE WHEN held_until_ms IS NULL THEN NULL ELSE CAST($4 AS BIGINT) END
         WHERE game_id = $1 AND room_id = $2 AND player_id = $3 RETURNING joined_at_ms",
        args![room.as_str(), player.as_str(), held_until_ms, now_ms],
        |row| row.int(0),
    )
    .await
}

/// The relay has these players: their seats are taken for good. Those that there are.
pub(super) async fn confirm_seats(
    tx: &mut Transaction,
    seats: &[(&RoomId, &PlayerId)],
) -> Result<HashSet<(RoomId, PlayerId)>, SqlError> {
    let confirmed = tx.query(
        "WITH seen AS MATERIALIZED (SELECT value ->> 0 AS room, value ->> 1 AS player FROM json_each($2))
         UPDATE multiplayer_seat SET held_until_ms = CAST(NULL AS BIGINT) FROM seen
         WHERE game_id = $1 AND room_id = seen.room AND player_id = seen.player RETURNING room_id, player_id",
        vec![rows(seats)],
        |row| Ok((row.text(0)?, row.text(1)?)),
    );
    let parse = |(room, player): (String, String)| Some((RoomId::parse(&room)?, PlayerId::parse(&player)?));
    Ok(confirmed.await?.into_iter().filter_map(parse).collect())
}

/// Which seats [`free_seat`] takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::multiplayer) enum Which {
    /// Whatever it is.
    Any,
    /// One that the relay has seen, with a ticket signed at this time: a held one is of a later joining. One whose
    /// player asked for another ticket since then is held for the player to come with it.
    Confirmed(i64),
    /// One that is held, and no longer at this time.
    HeldUntil(i64),
}

/// Frees a player's seat; when the player was the host, the next by joining order is. `false` when there was no
/// such seat.
pub(in crate::multiplayer) async fn free_seat(
    tx: &mut Transaction,
    room: &RoomId,
    player: &PlayerId,
    which: Which,
    now_ms: i64,
) -> Result<bool, SqlError> {
    let (any, until) = match which {
        Which::Any => (2, 0),
        Which::Confirmed(ticket_ms) => (1, ticket_ms),
        Which::HeldUntil(until) => (0, until),
    };
    let freed = tx
        .execute(
            "DELETE FROM multiplayer_seat WHERE game_id = $1 AND room_id = $2 AND player_id = $3
                AND ($4 = 2 OR ($4 = 1 AND held_until_ms IS NULL AND asked_at_ms <= $5)
                    OR ($4 = 0 AND held_until_ms <= $5))",
            args![room.as_str(), player.as_str(), i64::from(any), until],
        )
        .await?;
    if freed == 0 {
        if matches!(which, Which::Confirmed(_)) {
            tx.execute(
                "UPDATE multiplayer_seat SET held_until_ms = asked_at_ms + $4
                 WHERE game_id = $1 AND room_id = $2 AND player_id = $3 AND held_until_ms IS NULL",
                args![room.as_str(), player.as_str(), HELD_MS],
            )
            .await?;
        }
        return Ok(false);
    }
    tx.execute(
        "UPDATE multiplayer_room SET player_count = player_count - 1,
            empty_since_ms = CASE WHEN player_count <= 1 THEN $4 ELSE empty_since_ms END,
            host_id = CASE WHEN host_id = $3 THEN (
                SELECT player_id FROM multiplayer_seat WHERE game_id = $1 AND room_id = $2
                ORDER BY joined_at_ms, player_id LIMIT 1) ELSE host_id END,
            filling_since_ms = CASE WHEN player_count <= 1 THEN CAST(NULL AS BIGINT)
                WHEN backfill = 'automatic' AND match_id IS NOT NULL AND locked = 0
                    THEN COALESCE(filling_since_ms, $4)
                ELSE filling_since_ms END
         WHERE game_id = $1 AND room_id = $2",
        args![room.as_str(), player.as_str(), now_ms],
    )
    .await?;
    Ok(true)
}

/// Frees every seat that the relay has seen, for it says that nobody is there; those whose players asked for another
/// ticket since the newest that it saw are held.
pub(super) async fn free_confirmed(
    tx: &mut Transaction,
    room: &RoomId,
    ticket_ms: i64,
    now_ms: i64,
) -> Result<(), SqlError> {
    tx.execute(
        "DELETE FROM multiplayer_seat
         WHERE game_id = $1 AND room_id = $2 AND held_until_ms IS NULL AND asked_at_ms <= $3",
        args![room.as_str(), ticket_ms],
    )
    .await?;
    tx.execute(
        "UPDATE multiplayer_seat SET held_until_ms = asked_at_ms + $3
         WHERE game_id = $1 AND room_id = $2 AND held_until_ms IS NULL",
        args![room.as_str(), HELD_MS],
    )
    .await?;
    tx.execute(
        "UPDATE multiplayer_room SET
            player_count = (SELECT COUNT(*) FROM multiplayer_seat WHERE game_id = $1 AND room_id = $2),
            empty_since_ms = CASE WHEN EXISTS (SELECT 1 FROM multiplayer_seat WHERE game_id = $1 AND room_id = $2)
                THEN CAST(NULL AS BIGINT) ELSE COALESCE(empty_since_ms, $3) END,
            filling_since_ms = CASE WHEN EXISTS (SELECT 1 FROM multiplayer_seat
                WHERE game_id = $1 AND room_id = $2) THEN filling_since_ms ELSE CAST(NULL AS BIGINT) END,
            host_id = (SELECT player_id FROM multiplayer_seat WHERE game_id = $1 AND room_id = $2
                ORDER BY joined_at_ms, player_id LIMIT 1)
         WHERE game_id = $1 AND room_id = $2",
        args![room.as_str(), now_ms],
    )
    .await
    .map(drop)
}

/// Makes a player with a seat the host; `false` when there is no such seat.
pub(super) async fn set_host(
    tx: &mut Transaction,
    room: &RoomId,
    player: &PlayerId,
) -> Result<bool, SqlError> {
    let set = tx
        .execute(
            "UPDATE multiplayer_room SET host_id = $3 WHERE game_id = $1 AND room_id = $2 AND EXISTS (
                SELECT 1 FROM multiplayer_seat WHERE game_id = $1 AND room_id = $2 AND player_id = $3)",
            args![room.as_str(), player.as_str()],
        )
        .await?;
    Ok(set == 1)
}

/// Lets players into rooms from now on. A ban stands.
pub(super) async fn let_in(tx: &mut Transaction, guests: &[(&RoomId, &PlayerId)]) -> Result<(), SqlError> {
    if guests.is_empty() {
        return Ok(());
    }
    tx.execute(
        "INSERT INTO multiplayer_room_pass (game_id, room_id, player_id, banned)
         SELECT $1, value ->> 0, value ->> 1, 0 FROM json_each($2) WHERE TRUE
         ON CONFLICT (game_id, room_id, player_id) DO NOTHING",
        vec![rows(guests)],
    )
    .await
    .map(drop)
}

/// Lets a player in no more; with `ban` not even by a new invitation.
pub(super) async fn shut_out(
    tx: &mut Transaction,
    room: &RoomId,
    player: &PlayerId,
    ban: bool,
) -> Result<(), SqlError> {
    if ban {
        tx.execute(
            "INSERT INTO multiplayer_room_pass (game_id, room_id, player_id, banned) VALUES ($1, $2, $3, 1)
             ON CONFLICT (game_id, room_id, player_id) DO UPDATE SET banned = 1",
            args![room.as_str(), player.as_str()],
        )
        .await?;
    } else {
        tx.execute(
            "DELETE FROM multiplayer_room_pass
             WHERE game_id = $1 AND room_id = $2 AND player_id = $3 AND banned = 0",
            args![room.as_str(), player.as_str()],
        )
        .await?;
    }
    forget_invites(tx, room, player).await
}

/// How many are banned from a room.
pub(super) async fn count_bans(tx: &mut Transaction, room: &RoomId) -> Result<i64, SqlError> {
    let counted = tx
        .query_one(
            "SELECT COUNT(*) FROM multiplayer_room_pass WHERE game_id = $1 AND room_id = $2 AND banned = 1",
            args![room.as_str()],
            |row| row.int(0),
        )
        .await?;
    Ok(counted.unwrap_or(0))
}

/// Forgets a player's invitations to a room: they served, or no longer stand.
pub(super) async fn forget_invites(
    tx: &mut Transaction,
    room: &RoomId,
    player: &PlayerId,
) -> Result<(), SqlError> {
    tx.execute(
        "DELETE FROM multiplayer_invite WHERE game_id = $1 AND to_id = $3 AND room_id = $2",
        args![room.as_str(), player.as_str()],
    )
    .await
    .map(drop)
}

/// Removes a room with all that belongs to it.
pub(super) async fn remove(tx: &mut Transaction, room: &RoomId) -> Result<bool, SqlError> {
    let removed = tx
        .execute("DELETE FROM multiplayer_room WHERE game_id = $1 AND room_id = $2", args![room.as_str()])
        .await?;
    for statement in [
        "DELETE FROM multiplayer_seat WHERE game_id = $1 AND room_id = $2",
        "DELETE FROM multiplayer_room_pass WHERE game_id = $1 AND room_id = $2",
    ] {
        tx.execute(statement, args![room.as_str()]).await?;
    }
    Ok(removed == 1)
}

/// Rooms that a player is the host of: what stands in them is the player's.
pub(super) async fn hosted(
    tx: &mut Transaction,
    player: &PlayerId,
    limit: i64,
) -> Result<Vec<RoomId>, SqlError> {
    let found = tx.query(
        "SELECT room_id FROM multiplayer_room WHERE game_id = $1 AND host_id = $2 ORDER BY room_id LIMIT $3",
        args![player.as_str(), limit],
        |row| row.text(0),
    );
    Ok(found.await?.iter().filter_map(|id| RoomId::parse(id)).collect())
}

/// Who has a seat in a room, by joining order, and since when.
pub(super) async fn seats(sql: &Sql, game: &GameId, room: &RoomId) -> Result<Vec<(PlayerId, i64)>, SqlError> {
    let scope = sql.game(game);
    let found = scope.read(
        "SELECT player_id, joined_at_ms FROM multiplayer_seat WHERE game_id = $1 AND room_id = $2
         ORDER BY joined_at_ms, player_id",
        args![room.as_str()],
        |row| Ok((row.text(0)?, row.int(1)?)),
    );
    Ok(found.await?.into_iter().filter_map(|(id, at)| Some((PlayerId::parse(&id)?, at))).collect())
}

/// Public rooms, newest first.
pub(super) async fn list(
    sql: &Sql,
    game: &GameId,
    filter: Filter,
    before: &str,
    rows: i64,
) -> Result<Vec<RoomRow>, SqlError> {
    sql.game(game)
        .scan(
            with_room!(
                "SELECT ",
                " FROM multiplayer_room WHERE game_id = $1 AND visibility = 'public'
                    AND ($2 = '' OR room_id < $2)
                    AND (CAST($3 AS TEXT) IS NULL OR mode = $3)
                    AND (CAST($4 AS TEXT) IS NULL OR region = $4)
                    AND (CAST($5 AS TEXT) IS NULL OR name_key LIKE $5 ESCAPE '!')
                    AND ($6 = 0 OR (locked = 0 AND player_count < max_players))
                  ORDER BY room_id DESC LIMIT $7"
            ),
            args![before, filter.mode, filter.region, filter.name_like, i64::from(filter.open), rows],
            room,
        )
        .await
}

/// Seats that were held for too long, over all games.
pub(super) async fn overdue(
    sql: &Sql,
    now_ms: i64,
    limit: i64,
) -> Result<Vec<(GameId, RoomId, PlayerId)>, SqlError> {
    let scope = sql.all_games();
    let found = scope.read(
        "SELECT game_id, room_id, player_id FROM multiplayer_seat WHERE held_until_ms <= $1
         ORDER BY held_until_ms LIMIT $2",
        args![now_ms, limit],
        |row| Ok((row.text(0)?, row.text(1)?, row.text(2)?)),
    );
    let parse = |(game, room, player): (String, String, String)| {
        Some((GameId::parse(&game)?, RoomId::parse(&room)?, PlayerId::parse(&player)?))
    };
    Ok(found.await?.into_iter().filter_map(parse).collect())
}

/// Rooms that nobody has been in since a time, over all games.
pub(super) async fn empty_since(
    sql: &Sql,
    before_ms: i64,
    limit: i64,
) -> Result<Vec<(GameId, RoomId)>, SqlError> {
    let scope = sql.all_games();
    let found = scope.read(
        "SELECT game_id, room_id FROM multiplayer_room WHERE empty_since_ms <= $1 ORDER BY empty_since_ms LIMIT $2",
        args![before_ms, limit],
        |row| Ok((row.text(0)?, row.text(1)?)),
    );
    let parse = |(game, room): (String, String)| Some((GameId::parse(&game)?, RoomId::parse(&room)?));
    Ok(found.await?.into_iter().filter_map(parse).collect())
}

/// Whether a room that is held is still empty since a time.
pub(super) async fn is_empty_since(
    tx: &mut Transaction,
    room: &RoomId,
    before_ms: i64,
) -> Result<bool, SqlError> {
    let found = tx
        .query_one(
            "SELECT 1 FROM multiplayer_room
             WHERE game_id = $1 AND room_id = $2 AND empty_since_ms <= $3 AND player_count = 0",
            args![room.as_str(), before_ms],
            |_| Ok(()),
        )
        .await?;
    Ok(found.is_some())
}

/// Rooms that a player has a seat in, with the servers that have them.
pub(in crate::multiplayer) async fn of_player(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
) -> Result<Vec<(RoomId, String)>, SqlError> {
    let scope = sql.game(game);
    let found = scope.read(
        "SELECT r.room_id, r.node FROM multiplayer_seat s
         JOIN multiplayer_room r ON r.game_id = s.game_id AND r.room_id = s.room_id
         WHERE s.game_id = $1 AND s.player_id = $2",
        args![player.as_str()],
        |row| Ok((row.text(0)?, row.text(1)?)),
    );
    Ok(found.await?.into_iter().filter_map(|(id, node)| Some((RoomId::parse(&id)?, node))).collect())
}
