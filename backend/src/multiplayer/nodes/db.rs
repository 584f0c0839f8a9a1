//! SQL of servers with a relay, and of taking over the rooms of one that is gone.

use crate::args;
use crate::ports::sql::{Sql, SqlError};
use aethex_wire::ids::{GameId, RoomId};
use futures_util::FutureExt;

/// Writes that a server is there until a time.
pub(super) async fn put(
    sql: &Sql,
    node: &str,
    place: &str,
    relay: String,
    until_ms: i64,
) -> Result<(), SqlError> {
    sql.all_games()
        .execute(
            "INSERT INTO multiplayer_node (node, place, relay, until_ms) VALUES ($1, $2, $3, $4)
             ON CONFLICT (node) DO UPDATE SET relay = excluded.relay, until_ms = excluded.until_ms",
            args![node, place, relay, until_ms],
        )
        .await
        .map(drop)
}

/// Removes a server; with `place` also those that were there before it, and with `all` every other.
pub(super) async fn remove_before(sql: &Sql, node: &str, place: &str, all: bool) -> Result<u64, SqlError> {
    sql.all_games()
        .execute(
            "DELETE FROM multiplayer_node WHERE node <> $1 AND (place = $2 OR $3 = 1)",
            args![node, place, i64::from(all)],
        )
        .await
}

pub(super) async fn remove(sql: &Sql, node: &str) -> Result<(), SqlError> {
    sql.all_games().execute("DELETE FROM multiplayer_node WHERE node = $1", args![node]).await.map(drop)
}

/// Removes servers that have said nothing for long.
pub(super) async fn sweep(sql: &Sql, now_ms: i64) -> Result<u64, SqlError> {
    sql.all_games().execute("DELETE FROM multiplayer_node WHERE until_ms <= $1", args![now_ms]).await
}

/// Where the relay of a server is that is there now, as it was written.
pub(super) async fn find(sql: &Sql, node: &str, now_ms: i64) -> Result<Option<String>, SqlError> {
    sql.all_games()
        .read_one(
            "SELECT relay FROM multiplayer_node WHERE node = $1 AND until_ms > $2",
            args![node, now_ms],
            |row| row.text(0),
        )
        .await
}

/// Rooms of servers that are not there, with their servers.
pub(super) async fn orphans(
    sql: &Sql,
    now_ms: i64,
    limit: i64,
) -> Result<Vec<(GameId, RoomId, String)>, SqlError> {
    let scope = sql.all_games();
    let found = scope.read(
        "SELECT game_id, room_id, node FROM multiplayer_room WHERE node NOT IN (
            SELECT node FROM multiplayer_node WHERE until_ms > $1) LIMIT $2",
        args![now_ms, limit],
        |row| Ok((row.text(0)?, row.text(1)?, row.text(2)?)),
    );
    let parse = |(game, room, node): (String, String, String)| {
        Some((GameId::parse(&game)?, RoomId::parse(&room)?, node))
    };
    Ok(found.await?.into_iter().filter_map(parse).collect())
}

/// Gives rooms another server. Whoever was in them keeps the seat until a time, to come there.
pub(super) async fn adopt(
    sql: &Sql,
    rooms: Vec<(GameId, RoomId, String)>,
    node: String,
    held_until_ms: i64,
) -> Result<u64, SqlError> {
    sql.all_games()
        .transaction(move |tx| {
            async move {
                let mut adopted = 0;
                for (game, room, before) in rooms {
                    let taken = tx
                        .execute(
                            "UPDATE multiplayer_room SET node = $4
                             WHERE game_id = $1 AND room_id = $2 AND node = $3",
                            args![game.as_str(), room.as_str(), before, node.as_str()],
                        )
                        .await?;
                    if taken == 1 {
                        adopted += 1;
                        tx.execute(
                            "UPDATE multiplayer_seat SET held_until_ms = $3
                             WHERE game_id = $1 AND room_id = $2 AND held_until_ms IS NULL",
                            args![game.as_str(), room.as_str(), held_until_ms],
                        )
                        .await?;
                    }
                }
                Ok(adopted)
            }
            .boxed()
        })
        .await
}
