//! SQL of results and ratings.

use crate::args;
use crate::multiplayer::matchmaking::rules::RatingRow;
use crate::ports::sql::{SqlError, Transaction};
use aethex_wire::ids::{MatchId, PlayerId};

/// The volatility that is written, in billionths: the ratings are OpenSkill's, which has none; it is what a
/// newcomer has where it is read by a system that does.
const VOLATILITY: i64 = 60_000_000;

/// A player's report of how a match ended.
pub(super) async fn set_report(
    tx: &mut Transaction,
    id: &MatchId,
    player: &PlayerId,
    report: String,
) -> Result<(), SqlError> {
    tx.execute(
        "UPDATE multiplayer_match_player SET report = $4
         WHERE game_id = $1 AND match_id = $2 AND player_id = $3",
        args![id.as_str(), player.as_str(), report],
    )
    .await
    .map(drop)
}

/// A player's rating, which nobody else changes until the transaction ends. Newcomers get theirs.
pub(super) async fn hold_rating(
    tx: &mut Transaction,
    player: &PlayerId,
    mode: &str,
    now_ms: i64,
) -> Result<RatingRow, SqlError> {
    let new = RatingRow::default();
    let held = tx
        .query_one(
            "INSERT INTO multiplayer_rating (game_id, player_id, mode, rating, deviation, volatility, matches,
                updated_at_ms) VALUES ($1, $2, $3, $4, $5, $6, 0, $7)
             ON CONFLICT (game_id, player_id, mode) DO UPDATE SET matches = multiplayer_rating.matches
             RETURNING rating, deviation, matches",
            args![player.as_str(), mode, new.rating, new.deviation, VOLATILITY, now_ms],
            |row| Ok(RatingRow { rating: row.int(0)?, deviation: row.int(1)?, matches: row.int(2)? }),
        )
        .await?;
    Ok(held.unwrap_or(new))
}

pub(super) async fn put_rating(
    tx: &mut Transaction,
    player: &PlayerId,
    mode: &str,
    row: RatingRow,
    now_ms: i64,
) -> Result<(), SqlError> {
    tx.execute(
        "UPDATE multiplayer_rating SET rating = $4, deviation = $5, matches = $6, updated_at_ms = $7
         WHERE game_id = $1 AND player_id = $2 AND mode = $3",
        args![player.as_str(), mode, row.rating, row.deviation, row.matches, now_ms],
    )
    .await
    .map(drop)
}
