//! SQL of presence, and of who blocked whom.

use super::rules::Kept;
use crate::args;
use crate::ports::sql::{Row, Sql, SqlError, rows};
use aethex_wire::ids::{GameId, PlayerId};
use aethex_wire::multiplayer::presence::{Availability, SetPresenceRequest};

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

/// What players show.
pub(super) async fn of_players(
    sql: &Sql,
    game: &GameId,
    players: &[PlayerId],
) -> Result<Vec<(PlayerId, Kept)>, SqlError> {
    let asked: Vec<_> = players.iter().map(|player| (player,)).collect();
    let scope = sql.game(game);
    let found = scope.read(
        "WITH asked AS MATERIALIZED (SELECT value ->> 0 AS id FROM json_each($2))
         SELECT player_id, availability, status, data, seen_at_ms FROM multiplayer_presence
         WHERE game_id = $1 AND player_id IN (SELECT id FROM asked)",
        vec![rows(&asked)],
        kept,
    );
    Ok(found.await?.into_iter().filter_map(|(id, kept)| Some((PlayerId::parse(&id)?, kept))).collect())
}

/// Those of `others` who blocked a player, or whom the player blocked.
pub(super) async fn blocked(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    others: &[PlayerId],
) -> Result<Vec<PlayerId>, SqlError> {
    let others: Vec<_> = others.iter().map(|other| (other,)).collect();
    let mut args = args![player.as_str()];
    args.push(rows(&others));
    let scope = sql.game(game);
    let found = scope.read(
        "WITH others AS MATERIALIZED (SELECT value ->> 0 AS id FROM json_each($3))
         SELECT blocked_id FROM multiplayer_block
         WHERE game_id = $1 AND player_id = $2 AND blocked_id IN (SELECT id FROM others)
         UNION
         SELECT player_id FROM multiplayer_block
         WHERE game_id = $1 AND blocked_id = $2 AND player_id IN (SELECT id FROM others)",
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
pub(super) async fn touch(sql: &Sql, game: &GameId, players: &[(PlayerId, i64)]) -> Result<(), SqlError> {
    sql.game(game)
        .execute(
            "INSERT INTO multiplayer_presence (game_id, player_id, availability, status, data, seen_at_ms)
             SELECT $1, value ->> 0, 'online', '', '{}', CAST(value ->> 1 AS BIGINT) FROM json_each($2) WHERE TRUE
             ON CONFLICT (game_id, player_id) DO UPDATE SET seen_at_ms = excluded.seen_at_ms
             WHERE multiplayer_presence.availability <> 'invisible'",
            vec![rows(players)],
        )
        .await
        .map(drop)
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
