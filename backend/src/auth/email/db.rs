//! SQL of mailed codes, addresses and passwords.

use crate::args;
use crate::ports::sql::{Sql, SqlError, Transaction};
use aethex_wire::ids::{GameId, PlayerId};

/// What a code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeKind {
    /// Shows that the account's address is the player's.
    Verify,
    /// Shows that a new address is the player's, and makes it the account's.
    Change,
    /// Sets a new password.
    Reset,
}

impl CodeKind {
    const fn as_str(self) -> &'static str {
        match self {
            CodeKind::Verify => "verify",
            CodeKind::Change => "change",
            CodeKind::Reset => "reset",
        }
    }

    fn parse(text: &str) -> Option<CodeKind> {
        [CodeKind::Verify, CodeKind::Change, CodeKind::Reset].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A code to keep, as its digest.
#[derive(Debug, Clone)]
pub(crate) struct NewCode {
    pub(crate) hash: String,
    pub(crate) kind: CodeKind,
    pub(crate) player: String,
    pub(crate) email: String,
    pub(crate) now_ms: i64,
    pub(crate) expires_at_ms: i64,
}

/// Keeps a code; codes of the same kind that were sent before stop working.
pub(crate) async fn insert_code(transaction: &mut Transaction, new: NewCode) -> Result<(), SqlError> {
    transaction
        .execute(
            "DELETE FROM auth_code WHERE game_id = $1 AND player_id = $2 AND kind = $3",
            args![new.player.as_str(), new.kind.as_str()],
        )
        .await?;
    transaction
        .execute(
            "INSERT INTO auth_code (game_id, code_hash, player_id, kind, email, created_at_ms, expires_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            args![new.hash, new.player, new.kind.as_str(), new.email, new.now_ms, new.expires_at_ms],
        )
        .await?;
    Ok(())
}

/// A code that was used.
#[derive(Debug, Clone)]
pub(super) struct Used {
    pub(super) player: PlayerId,
    pub(super) kind: CodeKind,
    pub(super) email: String,
}

/// Uses a code up.
pub(super) async fn take_code(
    transaction: &mut Transaction,
    hash: &str,
    now_ms: i64,
) -> Result<Option<Used>, SqlError> {
    let found = transaction
        .query_one(
            "DELETE FROM auth_code WHERE game_id = $1 AND code_hash = $2 AND expires_at_ms > $3
             RETURNING player_id, kind, email",
            args![hash, now_ms],
            |row| Ok((row.text(0)?, row.text(1)?, row.text(2)?)),
        )
        .await?;
    Ok(found.and_then(|(player, kind, email)| {
        Some(Used { player: PlayerId::parse(&player)?, kind: CodeKind::parse(&kind)?, email })
    }))
}

/// When the newest code of a kind was made.
pub(super) async fn newest_code_ms(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    kind: CodeKind,
) -> Result<Option<i64>, SqlError> {
    sql.game(game)
        .read_one(
            "SELECT created_at_ms FROM auth_code WHERE game_id = $1 AND player_id = $2 AND kind = $3
             ORDER BY created_at_ms DESC LIMIT 1",
            args![player.as_str(), kind.as_str()],
            |row| row.int(0),
        )
        .await
}

/// Marks the account's address as the player's; false when the account has another by now.
pub(super) async fn set_verified(
    transaction: &mut Transaction,
    player: &PlayerId,
    email_folded: &str,
    now_ms: i64,
) -> Result<bool, SqlError> {
    let done = transaction
        .execute(
            "UPDATE auth_account SET email_verified_at_ms = COALESCE(email_verified_at_ms, $4),
                version = version + 1, updated_at_ms = $4
             WHERE game_id = $1 AND player_id = $2 AND email_folded = $3",
            args![player.as_str(), email_folded, now_ms],
        )
        .await?;
    Ok(done == 1)
}

/// Gives the account another address, which is the player's.
pub(super) async fn set_email(
    transaction: &mut Transaction,
    player: &PlayerId,
    email: &str,
    email_folded: &str,
    now_ms: i64,
) -> Result<bool, SqlError> {
    let done = transaction
        .execute(
            "UPDATE auth_account SET email = $3, email_folded = $4, email_verified_at_ms = $5,
                version = version + 1, updated_at_ms = $5
             WHERE game_id = $1 AND player_id = $2",
            args![player.as_str(), email, email_folded, now_ms],
        )
        .await?;
    // What went to the address before opens nothing any more.
    transaction
        .execute("DELETE FROM auth_code WHERE game_id = $1 AND player_id = $2", args![player.as_str()])
        .await?;
    Ok(done == 1)
}

/// Sets a password; false when the account is gone.
pub(super) async fn set_password(
    transaction: &mut Transaction,
    player: &PlayerId,
    hash: &str,
    now_ms: i64,
) -> Result<bool, SqlError> {
    let done = transaction
        .execute(
            "UPDATE auth_account SET password_hash = $3, is_guest = 0, version = version + 1, updated_at_ms = $4
             WHERE game_id = $1 AND player_id = $2",
            args![player.as_str(), hash, now_ms],
        )
        .await?;
    // Codes for another password or address, which somebody may have asked for who is kept out now, are void.
    transaction
        .execute(
            "DELETE FROM auth_code WHERE game_id = $1 AND player_id = $2 AND kind <> 'verify'",
            args![player.as_str()],
        )
        .await?;
    Ok(done == 1)
}

/// Removes the ways into an account that whoever made it may have left, before its address was verified.
pub(super) async fn drop_identities_of_unverified(
    transaction: &mut Transaction,
    player: &PlayerId,
) -> Result<u64, SqlError> {
    transaction
        .execute(
            "DELETE FROM auth_identity WHERE game_id = $1 AND player_id = $2 AND EXISTS (
                SELECT 1 FROM auth_account a WHERE a.game_id = $1 AND a.player_id = $2
                    AND (a.email_verified_at_ms IS NULL OR a.email_verified_at_ms > auth_identity.linked_at_ms))",
            args![player.as_str()],
        )
        .await
}

/// Forgets codes that have expired, at most `limit` at once.
pub(crate) async fn sweep_codes(sql: &Sql, now_ms: i64, limit: i64) -> Result<u64, SqlError> {
    sql.all_games()
        .execute(
            "DELETE FROM auth_code WHERE (game_id, code_hash) IN (
                SELECT game_id, code_hash FROM auth_code WHERE expires_at_ms < $1 LIMIT $2)",
            args![now_ms, limit],
        )
        .await
}
