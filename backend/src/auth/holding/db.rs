//! SQL that reads and removes everything that accounts know of a player.

use crate::args;
use crate::ports::sql::{Row, Sql, SqlError, Transaction};
use crate::privacy::{ERASE_BATCH, Subject};
use aethex_wire::ids::{GameId, PlayerId};
use serde_json::{Value, json};

/// Rows of each table in an export: accounts have tens.
const ROWS_MAX: i64 = 10_000;

/// The account as it is exported, and its avatar's key.
pub(super) async fn account(sql: &Sql, who: &Subject) -> Result<Option<(Value, String)>, SqlError> {
    sql.game(&who.game)
        .read_one(
            "SELECT player_id, email, email_verified_at_ms, username, display_name, avatar_url, is_guest, visibility,
                locale, CAST(CASE WHEN password_hash = '' THEN 0 ELSE 1 END AS BIGINT), version, created_at_ms, updated_at_ms, avatar_key
             FROM auth_account WHERE game_id = $1 AND player_id = $2",
            args![who.player.as_str()],
            |row| {
                let account = json!({
                    "player_id": row.text(0)?,
                    "email": row.text(1)?,
                    "email_verified_at_ms": row.maybe_int(2)?,
                    "username": row.text(3)?,
                    "display_name": row.text(4)?,
                    "avatar_url": row.text(5)?,
                    "is_guest": row.int(6)? != 0,
                    "visibility": row.text(7)?,
                    "locale": row.text(8)?,
                    "has_password": row.int(9)? != 0,
                    "version": row.int(10)?,
                    "created_at_ms": row.int(11)?,
                    "updated_at_ms": row.int(12)?,
                });
                Ok((account, row.text(13)?))
            },
        )
        .await
}

pub(super) async fn sessions(sql: &Sql, who: &Subject) -> Result<Vec<Value>, SqlError> {
    sql.game(&who.game)
        .scan(
            "SELECT session_id, method, device_name, address_hash, created_at_ms, last_seen_at_ms, expires_at_ms,
                ended_at_ms
             FROM auth_session WHERE game_id = $1 AND player_id = $2 ORDER BY session_id LIMIT $3",
            args![who.player.as_str(), ROWS_MAX],
            |row| {
                Ok(json!({
                    "session_id": row.text(0)?,
                    "method": row.text(1)?,
                    "device_name": row.text(2)?,
                    "address_digest": row.text(3)?,
                    "created_at_ms": row.int(4)?,
                    "last_seen_at_ms": row.int(5)?,
                    "expires_at_ms": row.int(6)?,
                    "ended_at_ms": row.maybe_int(7)?,
                }))
            },
        )
        .await
}

pub(super) async fn identities(sql: &Sql, who: &Subject) -> Result<Vec<Value>, SqlError> {
    sql.game(&who.game)
        .scan(
            "SELECT provider, subject, label, linked_at_ms FROM auth_identity
             WHERE game_id = $1 AND player_id = $2 ORDER BY provider, subject LIMIT $3",
            args![who.player.as_str(), ROWS_MAX],
            |row| {
                Ok(json!({
                    "provider": row.text(0)?,
                    "subject": row.text(1)?,
                    "label": row.text(2)?,
                    "linked_at_ms": row.int(3)?,
                }))
            },
        )
        .await
}

pub(super) async fn codes(sql: &Sql, who: &Subject) -> Result<Vec<Value>, SqlError> {
    let map = |row: &Row<'_>| {
        Ok(json!({
            "kind": row.text(0)?,
            "email": row.text(1)?,
            "created_at_ms": row.int(2)?,
            "expires_at_ms": row.int(3)?,
        }))
    };
    sql.game(&who.game)
        .scan(
            "SELECT kind, email, created_at_ms, expires_at_ms FROM auth_code
             WHERE game_id = $1 AND player_id = $2 ORDER BY created_at_ms LIMIT $3",
            args![who.player.as_str(), ROWS_MAX],
            map,
        )
        .await
}

pub(super) async fn preferences(sql: &Sql, who: &Subject) -> Result<Option<Value>, SqlError> {
    let found = sql
        .game(&who.game)
        .read_one(
            "SELECT values_json, version, updated_at_ms FROM auth_preferences
             WHERE game_id = $1 AND player_id = $2",
            args![who.player.as_str()],
            |row| Ok((row.text(0)?, row.int(1)?, row.int(2)?)),
        )
        .await?;
    Ok(found.map(|(values, version, updated_at_ms)| {
        let values: Value = serde_json::from_str(&values).unwrap_or(Value::String(values));
        json!({ "values": values, "version": version, "updated_at_ms": updated_at_ms })
    }))
}

/// Takes every way into an account away.
pub(super) async fn close(tx: &mut Transaction, player: &PlayerId) -> Result<u64, SqlError> {
    tx.execute(
        "UPDATE auth_account SET password_hash = '', email_folded = '', email_verified_at_ms = NULL
         WHERE game_id = $1 AND player_id = $2",
        args![player.as_str()],
    )
    .await?;
    let mut removed = 0;
    for statement in [
        "DELETE FROM auth_identity WHERE game_id = $1 AND player_id = $2",
        "DELETE FROM auth_code WHERE game_id = $1 AND player_id = $2",
    ] {
        removed += tx.execute(statement, args![player.as_str()]).await?;
    }
    Ok(removed)
}

/// Removes a batch; the account itself is the last.
pub(super) async fn erase(tx: &mut Transaction, player: &PlayerId) -> Result<u64, SqlError> {
    let sessions = tx
        .execute(
            // The rows stay, naming nobody, until tokens of theirs have ended everywhere: a server that starts
            // reads from them which sessions are over.
            "UPDATE auth_session SET player_id = '', device_name = '', address_hash = '', refresh_hash = ''
             WHERE game_id = $1 AND session_id IN (
                SELECT session_id FROM auth_session WHERE game_id = $1 AND player_id = $2 LIMIT $3)",
            args![player.as_str(), ERASE_BATCH],
        )
        .await?;
    if sessions > 0 {
        return Ok(sessions);
    }
    let mut removed = 0;
    for statement in [
        "DELETE FROM auth_identity WHERE game_id = $1 AND player_id = $2",
        "DELETE FROM auth_code WHERE game_id = $1 AND player_id = $2",
        "DELETE FROM auth_preferences WHERE game_id = $1 AND player_id = $2",
        "DELETE FROM auth_account WHERE game_id = $1 AND player_id = $2",
    ] {
        removed += tx.execute(statement, args![player.as_str()]).await?;
    }
    Ok(removed)
}

pub(super) async fn default_game(sql: &Sql) -> Result<Option<GameId>, SqlError> {
    let statement = "SELECT game_id FROM auth_game WHERE is_default = 1";
    let found = sql.all_games().read_one(statement, vec![], |row| row.text(0)).await?;
    Ok(found.and_then(|game| GameId::parse(&game)))
}

#[cfg(test)]
pub(super) async fn furnish(sql: &Sql, who: &Subject) {
    let player = who.player.as_str();
    let scoped = sql.game(&who.game);
    for (statement, args) in [
        (
            "INSERT INTO auth_account (game_id, player_id, email, email_folded, username, username_folded, display_name,
                avatar_url, password_hash, version, created_at_ms, updated_at_ms)
             VALUES ($1, $2, '', '', $2, $2, $2, '', '', 1, 0, 0)",
            args![player],
        ),
        (
            "INSERT INTO auth_session (game_id, session_id, player_id, generation, refresh_hash, device_name,
                address_hash, created_at_ms, last_seen_at_ms, expires_at_ms)
             VALUES ($1, $3, $2, 1, '', '', '', 0, 0, 9000000000000)",
            args![player, crate::context::new_id()],
        ),
        (
            "INSERT INTO auth_preferences (game_id, player_id, values_json, version, updated_at_ms)
             VALUES ($1, $2, '{}', 1, 0)",
            args![player],
        ),
    ] {
        assert_eq!(scoped.execute(statement, args).await.ok(), Some(1));
    }
}
