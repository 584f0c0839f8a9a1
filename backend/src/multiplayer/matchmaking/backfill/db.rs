//! SQL of rooms that ask their queue for players.

use crate::args;
use crate::ports::sql::{Sql, SqlError, Transaction};
use aethex_wire::ids::{GameId, MatchId, PlayerId, QueueTicketId};

/// Rooms of one queue that are filled at once, the longest asking first: as many as the engine holds.
const ROOMS_MAX: i64 = 1_000;

/// Who is in a room that asks.
#[derive(Debug)]
pub(in crate::multiplayer::matchmaking) struct SeatRow {
    pub(super) room: String,
    pub(super) match_id: String,
    pub(super) region: String,
    pub(super) since_ms: i64,
    pub(super) player: String,
    /// The player's team; who joined otherwise has none.
    pub(super) team: Option<String>,
    /// What is kept of the ticket that brought the player.
    pub(super) kept: Option<String>,
}

/// Who is in the rooms of a queue that ask for players, room by room; of one room when it is named. A match that is
/// decided gets nobody.
pub(super) async fn seats(
    sql: &Sql,
    game: &GameId,
    mode: &str,
    room: &str,
) -> Result<Vec<SeatRow>, SqlError> {
    sql.game(game)
        .scan(
            "SELECT r.room_id, r.match_id, r.region, r.filling_since_ms, s.player_id, p.team, t.request
             FROM (SELECT game_id, room_id, match_id, region, filling_since_ms FROM multiplayer_room
                WHERE game_id = $1 AND mode = $2 AND filling_since_ms IS NOT NULL AND ($3 = '' OR room_id = $3)
                ORDER BY filling_since_ms, room_id LIMIT $4) r
             JOIN multiplayer_match m ON m.game_id = r.game_id AND m.match_id = r.match_id AND m.status = 'found'
             JOIN multiplayer_seat s ON s.game_id = r.game_id AND s.room_id = r.room_id
             LEFT JOIN multiplayer_match_player p
                ON p.game_id = r.game_id AND p.match_id = r.match_id AND p.player_id = s.player_id
             LEFT JOIN multiplayer_ticket t ON t.game_id = p.game_id AND t.ticket_id = p.ticket_id
             WHERE r.game_id = $1 ORDER BY r.filling_since_ms, r.room_id, s.player_id",
            args![mode, room, ROOMS_MAX],
            |row| {
                Ok(SeatRow {
                    room: row.text(0)?,
                    match_id: row.text(1)?,
                    region: row.text(2)?,
                    since_ms: row.int(3)?,
                    player: row.text(4)?,
                    team: row.maybe_text(5)?,
                    kept: row.maybe_text(6)?,
                })
            },
        )
        .await
}

/// Whom those blocked who are in such rooms.
pub(super) async fn blocks(
    sql: &Sql,
    game: &GameId,
    mode: &str,
    room: &str,
) -> Result<Vec<(String, PlayerId)>, SqlError> {
    let scope = sql.game(game);
    let found = scope.scan(
        "SELECT r.room_id, b.blocked_id FROM multiplayer_room r
         JOIN multiplayer_seat s ON s.game_id = r.game_id AND s.room_id = r.room_id
         JOIN multiplayer_block b ON b.game_id = s.game_id AND b.player_id = s.player_id
         WHERE r.game_id = $1 AND r.mode = $2 AND r.filling_since_ms IS NOT NULL AND ($3 = '' OR r.room_id = $3)",
        args![mode, room],
        |row| Ok((row.text(0)?, row.text(1)?)),
    );
    Ok(found.await?.into_iter().filter_map(|(id, who)| Some((id, PlayerId::parse(&who)?))).collect())
}

/// Writes who came into a match that is held. Who played in it before plays again, in the new team.
pub(super) async fn put_player(
    tx: &mut Transaction,
    id: &MatchId,
    player: &PlayerId,
    ticket: &QueueTicketId,
    team: &str,
) -> Result<(), SqlError> {
    tx.execute(
        "INSERT INTO multiplayer_match_player (game_id, match_id, player_id, ticket_id, team)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (game_id, match_id, player_id) DO UPDATE SET ticket_id = excluded.ticket_id,
            team = excluded.team",
        args![id.as_str(), player.as_str(), ticket.as_str(), team],
    )
    .await
    .map(drop)
}
