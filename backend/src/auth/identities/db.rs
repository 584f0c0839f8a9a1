//! SQL of the ways into an account.

use crate::args;
use crate::ports::sql::{Sql, SqlError, Transaction};
use aethex_wire::auth::identities::Identity;
use aethex_wire::ids::{GameId, PlayerId};

/// Who a way in belongs to.
pub(super) async fn owner(
    sql: &Sql,
    game: &GameId,
    provider: &str,
    subject: &str,
) -> Result<Option<PlayerId>, SqlError> {
    let found = sql
        .game(game)
        .read_one(
            "SELECT player_id FROM auth_identity WHERE game_id = $1 AND provider = $2 AND subject = $3",
            args![provider, subject],
            |row| row.text(0),
        )
        .await?;
    Ok(found.and_then(|player| PlayerId::parse(&player)))
}

/// The player's ways in, oldest first, but for the password.
pub(super) async fn list(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    limit: i64,
) -> Result<Vec<Identity>, SqlError> {
    sql.game(game)
        .read(
            "SELECT provider, label, linked_at_ms FROM auth_identity WHERE game_id = $1 AND player_id = $2
             ORDER BY linked_at_ms, provider, subject LIMIT $3",
            args![player.as_str(), limit],
            |row| Ok(Identity { provider: row.text(0)?, label: row.text(1)?, linked_at_ms: row.int(2)? }),
        )
        .await
}

/// A way in to keep.
#[derive(Debug, Clone)]
pub(super) struct NewIdentity {
    pub(super) provider: String,
    pub(super) subject: String,
    pub(super) label: String,
    pub(super) now_ms: i64,
}

pub(super) async fn insert(
    transaction: &mut Transaction,
    player: &str,
    new: NewIdentity,
) -> Result<(), SqlError> {
    transaction
        .execute(
            "INSERT INTO auth_identity (game_id, provider, subject, player_id, label, linked_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6)",
            args![new.provider, new.subject, player, new.label, new.now_ms],
        )
        .await
        .map(drop)
}

/// Whether the player has a way in of this provider.
pub(super) async fn has(
    transaction: &mut Transaction,
    player: &PlayerId,
    provider: &str,
) -> Result<bool, SqlError> {
    let found = transaction
        .query_one(
            "SELECT 1 FROM auth_identity WHERE game_id = $1 AND player_id = $2 AND provider = $3 LIMIT 1",
            args![player.as_str(), provider],
            |_| Ok(()),
        )
        .await?;
    Ok(found.is_some())
}

/// Holds the account against other changes until the transaction ends; false when it is gone.
pub(super) async fn hold(transaction: &mut Transaction, player: &PlayerId) -> Result<bool, SqlError> {
    let held = transaction
        .execute(
            "UPDATE auth_account SET version = version + 1 WHERE game_id = $1 AND player_id = $2",
            args![player.as_str()],
        )
        .await?;
    Ok(held == 1)
}

/// How many ways into the account there are.
pub(super) async fn count_ways(transaction: &mut Transaction, player: &PlayerId) -> Result<i64, SqlError> {
    let counted = transaction
        .query_one(
            "SELECT (SELECT COUNT(*) FROM auth_identity WHERE game_id = $1 AND player_id = $2)
                + (SELECT COUNT(*) FROM auth_account WHERE game_id = $1 AND player_id = $2
                    AND password_hash <> '' AND email_folded <> '')",
            args![player.as_str()],
            |row| row.int(0),
        )
        .await?;
    Ok(counted.unwrap_or_default())
}

/// Removes the ways in of a provider.
pub(super) async fn remove(
    transaction: &mut Transaction,
    player: &PlayerId,
    provider: &str,
) -> Result<u64, SqlError> {
    transaction
        .execute(
            "DELETE FROM auth_identity WHERE game_id = $1 AND player_id = $2 AND provider = $3",
            args![player.as_str(), provider],
        )
        .await
}

/// Removes the password.
pub(super) async fn remove_password(
    transaction: &mut Transaction,
    player: &PlayerId,
) -> Result<u64, SqlError> {
    transaction
        .execute(
            "UPDATE auth_account SET password_hash = ''
             WHERE game_id = $1 AND player_id = $2 AND password_hash <> ''",
            args![player.as_str()],
        )
        .await
}

/// An email and password for an account.
#[derive(Debug, Clone)]
pub(super) struct EmailLogin {
    pub(super) email: String,
    pub(super) email_folded: String,
    pub(super) password_hash: String,
    pub(super) now_ms: i64,
}

/// Gives an account without a password one; false when it has one.
pub(super) async fn set_email_login(
    transaction: &mut Transaction,
    player: &PlayerId,
    new: EmailLogin,
) -> Result<bool, SqlError> {
    let done = transaction
        .execute(
            "UPDATE auth_account SET
                email_verified_at_ms = CASE WHEN email_folded = $4 THEN email_verified_at_ms ELSE NULL END,
                email = $3, email_folded = $4, password_hash = $5, updated_at_ms = $6
             WHERE game_id = $1 AND player_id = $2 AND password_hash = ''",
            args![player.as_str(), new.email, new.email_folded, new.password_hash, new.now_ms],
        )
        .await?;
    Ok(done == 1)
}

/// Takes over an address that a provider has verified, if the account has none or the same.
pub(super) async fn take_verified_email(
    transaction: &mut Transaction,
    player: &PlayerId,
    email: &str,
    email_folded: &str,
    now_ms: i64,
) -> Result<u64, SqlError> {
    transaction
        .execute(
            "UPDATE auth_account SET email = $3, email_folded = $4,
                email_verified_at_ms = COALESCE(email_verified_at_ms, $5), updated_at_ms = $5
             WHERE game_id = $1 AND player_id = $2
                AND (email_folded = $4 OR (email_folded = '' AND NOT EXISTS (
                    SELECT 1 FROM auth_account o WHERE o.game_id = $1 AND o.email_folded = $4)))",
            args![player.as_str(), email, email_folded, now_ms],
        )
        .await
}

/// Notes whether the account can be entered by its device alone.
pub(super) async fn judge_guest(transaction: &mut Transaction, player: &PlayerId) -> Result<(), SqlError> {
    transaction
        .execute(
            "UPDATE auth_account SET is_guest = CASE WHEN password_hash = '' AND NOT EXISTS (
                SELECT 1 FROM auth_identity i WHERE i.game_id = $1 AND i.player_id = $2 AND i.provider <> 'device')
                THEN 1 ELSE 0 END
             WHERE game_id = $1 AND player_id = $2",
            args![player.as_str()],
        )
        .await
        .map(drop)
}

/// Moves the ways in of one account to another, but for providers that the other has.
pub(super) async fn move_all(
    transaction: &mut Transaction,
    from: &PlayerId,
    to: &PlayerId,
) -> Result<(), SqlError> {
    transaction
        .execute(
            "UPDATE auth_identity SET player_id = $3 WHERE game_id = $1 AND player_id = $2
                AND (provider = 'device' OR provider NOT IN (
                    SELECT o.provider FROM auth_identity o WHERE o.game_id = $1 AND o.player_id = $3))",
            args![from.as_str(), to.as_str()],
        )
        .await
        .map(drop)
}

/// Removes an account with all that accounts know of it. Preferences that the other account lacks are kept
/// by the caller.
pub(super) async fn remove_account(
    transaction: &mut Transaction,
    player: &PlayerId,
) -> Result<Option<String>, SqlError> {
    for statement in [
        "DELETE FROM auth_identity WHERE game_id = $1 AND player_id = $2",
        "DELETE FROM auth_code WHERE game_id = $1 AND player_id = $2",
        "DELETE FROM auth_preferences WHERE game_id = $1 AND player_id = $2",
    ] {
        transaction.execute(statement, args![player.as_str()]).await?;
    }
    transaction
        .query_one(
            "DELETE FROM auth_account WHERE game_id = $1 AND player_id = $2 RETURNING avatar_key",
            args![player.as_str()],
            |row| row.text(0),
        )
        .await
}

/// The preferences as JSON.
pub(super) async fn preferences(
    transaction: &mut Transaction,
    player: &PlayerId,
) -> Result<Option<String>, SqlError> {
    transaction
        .query_one(
            "SELECT values_json FROM auth_preferences WHERE game_id = $1 AND player_id = $2",
            args![player.as_str()],
            |row| row.text(0),
        )
        .await
}

/// Sets the preferences.
pub(super) async fn set_preferences(
    transaction: &mut Transaction,
    player: &PlayerId,
    json: &str,
    now_ms: i64,
) -> Result<(), SqlError> {
    transaction
        .execute(
            "INSERT INTO auth_preferences (game_id, player_id, values_json, version, updated_at_ms)
             VALUES ($1, $2, $3, 1, $4)
             ON CONFLICT (game_id, player_id) DO UPDATE SET values_json = $3,
                version = auth_preferences.version + 1, updated_at_ms = $4",
            args![player.as_str(), json, now_ms],
        )
        .await
        .map(drop)
}
