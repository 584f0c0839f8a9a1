//! SQL of presence, and of who blocked whom.

use super::rules::Kept;
use crate::args;
use crate::ports::sql::{Arg, Row, Sql, SqlError};
use aethex_wire::ids::{GameId, PlayerId};
use aethex_wire::multiplayer::presence::{Availability, SetPresenceRequest};
use futures_util::FutureExt;

/// Players in one statement.
pub(super) const CHUNK: usize = 25;

fn name_of(availability: Availability) -> &'static str {
    match availability {
        Availability::Online => "online",
        Availability::Away => "away",
        Availability::Busy => "busy",
        Availability::Invisible => "invisible",
        Availability::Offline => "offline",
    }
}

fn kept(row: &Row<'_>) -> Result<(String, Kept), SqlError> {
    let availability = match row.text(1)?.as_str() {
        "away" => Availability::Away,
        "busy" => Availability::Busy,
        "invisible" => Availability::Invisible,
        _ => Availability::Online,
    };
    let data = serde_json::from_str(&row.text(3)?).unwrap_or_default();
    Ok((row.text(0)?, Kept { availability, status: row.text(2)?, data, seen_at_ms: row.int(4)? }))
}

/// At most [`CHUNK`] players as arguments, the last again where there are fewer.
fn padded<'a>(players: &'a [PlayerId], last: &'a PlayerId) -> impl Iterator<Item = Arg> + 'a {
    players.iter().chain(std::iter::repeat(last)).take(CHUNK).map(|player| Arg::from(player.as_str()))
}

/// What at most [`CHUNK`] players show.
pub(super) async fn of_players(
    sql: &Sql,
    game: &GameId,
    players: &[PlayerId],
) -> Result<Vec<(PlayerId, Kept)>, SqlError> {
    let Some(last) = players.last() else { return Ok(Vec::new()) };
    let scope = sql.game(game);
    let found = scope.read(
        "SELECT player_id, availability, status, data, seen_at_ms FROM multiplayer_presence
         WHERE game_id = $1 AND player_id IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
            $18, $19, $20, $21, $22, $23, $24, $25, $26)",
        padded(players, last).collect(),
        kept,
    );
    Ok(found.await?.into_iter().filter_map(|(id, kept)| Some((PlayerId::parse(&id)?, kept))).collect())
}

/// Those of at most [`CHUNK`] players who blocked a player, or whom the player blocked.
pub(super) async fn blocked(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    others: &[PlayerId],
) -> Result<Vec<PlayerId>, SqlError> {
    let Some(last) = others.last() else { return Ok(Vec::new()) };
    let mut args = args![player.as_str()];
    args.extend(padded(others, last));
    let scope = sql.game(game);
    let found = scope.read(
        "SELECT blocked_id FROM multiplayer_block WHERE game_id = $1 AND player_id = $2 AND blocked_id IN (
            $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
            $25, $26, $27)
         UNION
         SELECT player_id FROM multiplayer_block WHERE game_id = $1 AND blocked_id = $2 AND player_id IN (
            $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
            $25, $26, $27)",
        args,
        |row| row.text(0),
    );
    Ok(found.await?.iter().filter_map(|id| PlayerId::parse(id)).collect())
}

/// Writes what a player shows. Who hides is last seen when the hiding began.
pub(super) async fn put(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    shown: &SetPresenceRequest,
    now_ms: i64,
) -> Result<(), SqlError> {
    let data = serde_json::Value::Object(shown.data.clone()).to_string();
    sql.game(game)
        .execute(
            "INSERT INTO multiplayer_presence (game_id, player_id, availability, status, data, seen_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (game_id, player_id) DO UPDATE SET status = excluded.status, data = excluded.data,
                seen_at_ms = CASE WHEN multiplayer_presence.availability = 'invisible'
                    AND excluded.availability = 'invisible' THEN multiplayer_presence.seen_at_ms
                    ELSE excluded.seen_at_ms END,
                availability = excluded.availability",
            args![player.as_str(), name_of(shown.availability), shown.status.as_str(), data, now_ms],
        )
        .await
        .map(drop)
}

/// Writes that players were here. Nothing is written of those who hide.
pub(super) async fn touch(sql: &Sql, game: &GameId, players: Vec<(PlayerId, i64)>) -> Result<(), SqlError> {
    sql.game(game)
        .transaction(move |tx| {
            async move {
                for (player, seen_at_ms) in players {
                    tx.execute(
                        "INSERT INTO multiplayer_presence (game_id, player_id, availability, status, data, seen_at_ms)
                         VALUES ($1, $2, 'online', '', '{}', $3)
                         ON CONFLICT (game_id, player_id) DO UPDATE SET seen_at_ms = excluded.seen_at_ms
                         WHERE multiplayer_presence.availability <> 'invisible'",
                        args![player.as_str(), seen_at_ms],
                    )
                    .await?;
                }
                Ok(())
            }
            .boxed()
        })
        .await
}

/// Forgets players who have not been here for long.
pub(super) async fn sweep(sql: &Sql, before_ms: i64, limit: i64) -> Result<u64, SqlError> {
    sql.all_games()
        .execute(
            "DELETE FROM multiplayer_presence WHERE (game_id, player_id) IN (
                SELECT game_id, player_id FROM multiplayer_presence WHERE seen_at_ms <= $1 LIMIT $2)",
            args![before_ms, limit],
        )
        .await
}
