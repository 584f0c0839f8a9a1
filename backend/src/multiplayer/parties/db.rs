//! SQL of parties.
//!
//! Whoever changes a party takes its row first ([`hold`]).

use crate::args;
use crate::ports::sql::{Row, Sql, SqlError, Transaction};
use aethex_wire::ids::{GameId, PartyId, PlayerId};

/// A party as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartyRow {
    pub(super) id: PartyId,
    pub(super) code: String,
    pub(super) leader: PlayerId,
}

fn party(row: &Row<'_>) -> Result<PartyRow, SqlError> {
    let damaged = || SqlError::Other("a stored party is damaged".into());
    Ok(PartyRow {
        id: PartyId::parse(&row.text(0)?).ok_or_else(damaged)?,
        code: row.text(1)?,
        leader: PlayerId::parse(&row.text(2)?).ok_or_else(damaged)?,
    })
}

/// The party that a player is in.
pub(super) async fn of_player(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
) -> Result<Option<PartyRow>, SqlError> {
    sql.game(game)
        .read_one(
            "SELECT p.party_id, p.code, p.leader_id FROM multiplayer_party_player m
             JOIN multiplayer_party p ON p.game_id = m.game_id AND p.party_id = m.party_id
             WHERE m.game_id = $1 AND m.player_id = $2",
            args![player.as_str()],
            party,
        )
        .await
}

pub(super) async fn id_of_player(
    tx: &mut Transaction,
    player: &PlayerId,
) -> Result<Option<PartyId>, SqlError> {
    let found = tx
        .query_one(
            "SELECT party_id FROM multiplayer_party_player WHERE game_id = $1 AND player_id = $2",
            args![player.as_str()],
            |row| row.text(0),
        )
        .await?;
    Ok(found.and_then(|id| PartyId::parse(&id)))
}

/// The party that has a code.
pub(super) async fn by_code(sql: &Sql, game: &GameId, code: &str) -> Result<Option<PartyId>, SqlError> {
    let scope = sql.game(game);
    let found = scope.read_one(
        "SELECT party_id FROM multiplayer_party WHERE game_id = $1 AND code = $2",
        args![code],
        |row| row.text(0),
    );
    Ok(found.await?.and_then(|id| PartyId::parse(&id)))
}

/// A party, held until the transaction ends.
pub(super) async fn hold(tx: &mut Transaction, id: &PartyId) -> Result<Option<PartyRow>, SqlError> {
    tx.query_one(
        "UPDATE multiplayer_party SET leader_id = leader_id WHERE game_id = $1 AND party_id = $2
         RETURNING party_id, code, leader_id",
        args![id.as_str()],
        party,
    )
    .await
}

/// Writes a party; `false` when its code is taken.
pub(super) async fn insert(tx: &mut Transaction, party: &PartyRow, now_ms: i64) -> Result<bool, SqlError> {
    let made = tx
        .execute(
            "INSERT INTO multiplayer_party (game_id, party_id, code, leader_id, created_at_ms)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (game_id, code) DO NOTHING",
            args![party.id.as_str(), party.code.as_str(), party.leader.as_str(), now_ms],
        )
        .await?;
    Ok(made == 1)
}

/// Puts a player into a party; `false` when the player is in one.
pub(super) async fn add(
    tx: &mut Transaction,
    party: &PartyId,
    player: &PlayerId,
    now_ms: i64,
) -> Result<bool, SqlError> {
    let added = tx
        .execute(
            "INSERT INTO multiplayer_party_player (game_id, player_id, party_id, ready, joined_at_ms)
             VALUES ($1, $2, $3, 0, $4) ON CONFLICT (game_id, player_id) DO NOTHING",
            args![player.as_str(), party.as_str(), now_ms],
        )
        .await?;
    Ok(added == 1)
}

/// Takes a player out of a party; a leader's lead goes to the next by joining order, and the party with its last
/// player. `false` when the player was not in it.
pub(super) async fn take_out(
    tx: &mut Transaction,
    party: &PartyId,
    player: &PlayerId,
) -> Result<bool, SqlError> {
    let out = tx
        .execute(
            "DELETE FROM multiplayer_party_player WHERE game_id = $1 AND party_id = $2 AND player_id = $3",
            args![party.as_str(), player.as_str()],
        )
        .await?;
    if out == 0 {
        return Ok(false);
    }
    tx.execute(
        "UPDATE multiplayer_party SET leader_id = COALESCE((
            SELECT player_id FROM multiplayer_party_player WHERE game_id = $1 AND party_id = $2
            ORDER BY joined_at_ms, player_id LIMIT 1), leader_id)
         WHERE game_id = $1 AND party_id = $2 AND leader_id = $3",
        args![party.as_str(), player.as_str()],
    )
    .await?;
    let gone = tx
        .execute(
            "DELETE FROM multiplayer_party WHERE game_id = $1 AND party_id = $2 AND NOT EXISTS (
                SELECT 1 FROM multiplayer_party_player WHERE game_id = $1 AND party_id = $2)",
            args![party.as_str()],
        )
        .await?;
    if gone == 1 {
        tx.execute(
            "DELETE FROM multiplayer_invite WHERE game_id = $1 AND party_id = $2",
            args![party.as_str()],
        )
        .await?;
    }
    Ok(true)
}

pub(super) async fn set_leader(
    tx: &mut Transaction,
    party: &PartyId,
    player: &PlayerId,
) -> Result<(), SqlError> {
    tx.execute(
        "UPDATE multiplayer_party SET leader_id = $3 WHERE game_id = $1 AND party_id = $2",
        args![party.as_str(), player.as_str()],
    )
    .await
    .map(drop)
}

pub(super) async fn set_ready(
    tx: &mut Transaction,
    party: &PartyId,
    player: &PlayerId,
    ready: bool,
) -> Result<bool, SqlError> {
    let set = tx
        .execute(
            "UPDATE multiplayer_party_player SET ready = $4
             WHERE game_id = $1 AND party_id = $2 AND player_id = $3",
            args![party.as_str(), player.as_str(), i64::from(ready)],
        )
        .await?;
    Ok(set == 1)
}

const PLAYERS: &str =
    "SELECT player_id, ready FROM multiplayer_party_player WHERE game_id = $1 AND party_id = $2
    ORDER BY joined_at_ms, player_id";

fn player(row: &Row<'_>) -> Result<(String, bool), SqlError> {
    Ok((row.text(0)?, row.int(1)? != 0))
}

fn parsed(found: Vec<(String, bool)>) -> Vec<(PlayerId, bool)> {
    found.into_iter().filter_map(|(id, ready)| Some((PlayerId::parse(&id)?, ready))).collect()
}

/// Who is in a party, by joining order, and who is ready.
pub(super) async fn players(
    sql: &Sql,
    game: &GameId,
    party: &PartyId,
) -> Result<Vec<(PlayerId, bool)>, SqlError> {
    Ok(parsed(sql.game(game).read(PLAYERS, args![party.as_str()], player).await?))
}

/// The same of a party that is held.
pub(super) async fn players_of_held(
    tx: &mut Transaction,
    party: &PartyId,
) -> Result<Vec<(PlayerId, bool)>, SqlError> {
    Ok(parsed(tx.query(PLAYERS, args![party.as_str()], player).await?))
}

/// Removes players of parties that are old, and whom nobody has seen since.
pub(super) async fn sweep(sql: &Sql, before_ms: i64, limit: i64) -> Result<u64, SqlError> {
    let gone = sql
        .all_games()
        .execute(
            "DELETE FROM multiplayer_party_player WHERE (game_id, party_id) IN (
                SELECT p.game_id, p.party_id FROM multiplayer_party p
                WHERE p.created_at_ms <= $1 AND NOT EXISTS (
                    SELECT 1 FROM multiplayer_party_player m
                    LEFT JOIN multiplayer_presence s ON s.game_id = m.game_id AND s.player_id = m.player_id
                    WHERE m.game_id = p.game_id AND m.party_id = p.party_id
                        AND (m.joined_at_ms > $1 OR s.seen_at_ms > $1))
                LIMIT $2)",
            args![before_ms, limit],
        )
        .await?;
    sql.all_games()
        .execute(
            "DELETE FROM multiplayer_party WHERE created_at_ms <= $1 AND NOT EXISTS (
                SELECT 1 FROM multiplayer_party_player m
                WHERE m.game_id = multiplayer_party.game_id AND m.party_id = multiplayer_party.party_id)",
            args![before_ms],
        )
        .await?;
    Ok(gone)
}
