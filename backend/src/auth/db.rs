//! All SQL of accounts. Rows are found by (game, player, id), never by an id alone.

use super::config::SESSIONS_MAX;
use super::names;
use super::proof::Spent;
use super::rules::SessionState;
use crate::args;
use crate::ports::sql::{Row, Sql, SqlError, Transaction};
use aethex_wire::auth::{ProfileChange, User, Visibility};
use aethex_wire::ids::{GameId, PlayerId, SessionId};
use futures_util::FutureExt;

/// SQL around the columns that [`user`] reads.
macro_rules! with_user {
    ($before:literal $(, $after:literal)?) => {
        concat!(
            $before,
            "player_id, username, email, email_verified_at_ms, is_guest, display_name, avatar_url, visibility, locale,
             version, created_at_ms"
            $(, $after)?
        )
    };
}
const USER_COLUMNS: usize = 11;

fn user(row: &Row<'_>) -> Result<User, SqlError> {
    let id = row.text(0)?;
    Ok(User {
        id: PlayerId::parse(&id).ok_or_else(|| SqlError::Other("a stored player id is damaged".into()))?,
        username: row.text(1)?,
        email: row.text(2)?,
        email_verified: row.maybe_int(3)?.is_some(),
        is_guest: row.int(4)? != 0,
        display_name: row.text(5)?,
        avatar_url: row.text(6)?,
        visibility: visibility(&row.text(7)?),
        locale: row.text(8)?,
        version: row.int(9)?,
        created_at_ms: row.int(10)?,
    })
}

fn visibility(text: &str) -> Visibility {
    match text {
        "public" => Visibility::Public,
        "friends" => Visibility::Friends,
        _ => Visibility::Private,
    }
}

fn visibility_name(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => "public",
        Visibility::Friends => "friends",
        Visibility::Private => "private",
    }
}

/// The default game and its client key, made on the first start.
pub(super) async fn default_game(
    sql: &Sql,
    new_game: String,
    new_key: String,
    now_ms: i64,
) -> Result<(String, String), SqlError> {
    sql.all_games().transaction(move |transaction| {
        async move {
            transaction
                .execute(
                    "INSERT INTO auth_game (game_id, name, is_default, created_at_ms) VALUES ($1, 'default', 1, $2)
                     ON CONFLICT DO NOTHING",
                    args![new_game.as_str(), now_ms],
                )
                .await?;
            // Also when its last key was revoked: the default game always has one to show.
            transaction
                .execute(
                    "INSERT INTO auth_client_key (client_key, game_id, created_at_ms)
                     SELECT $1, g.game_id, $2 FROM auth_game g WHERE g.is_default = 1 AND NOT EXISTS (
                        SELECT 1 FROM auth_client_key k WHERE k.game_id = g.game_id AND k.revoked_at_ms IS NULL)",
                    args![new_key, now_ms],
                )
                .await?;
            let found = transaction
                .query(
                    "SELECT g.game_id, k.client_key FROM auth_game g JOIN auth_client_key k ON k.game_id = g.game_id
                     WHERE g.is_default = 1 AND k.revoked_at_ms IS NULL
                     ORDER BY k.created_at_ms DESC, k.client_key LIMIT 1",
                    vec![],
                    |row| Ok((row.text(0)?, row.text(1)?)),
                )
                .await?;
            found.into_iter().next().ok_or_else(|| SqlError::Other("the default game has no client key".into()))
        }
        .boxed()
    })
    .await
}

pub(super) async fn game_of_key(sql: &Sql, key: &str) -> Result<Option<String>, SqlError> {
    sql.all_games()
        .read_one(
            "SELECT game_id FROM auth_client_key WHERE client_key = $1 AND revoked_at_ms IS NULL",
            args![key],
            |row| row.text(0),
        )
        .await
}

/// The newest client key of each game, for links.
pub(super) async fn newest_key(sql: &Sql, game: &GameId) -> Result<Option<String>, SqlError> {
    sql.game(game)
        .read_one(
            "SELECT client_key FROM auth_client_key WHERE game_id = $1 AND revoked_at_ms IS NULL
             ORDER BY created_at_ms DESC LIMIT 1",
            args![],
            |row| row.text(0),
        )
        .await
}

/// Whether a row was refused for its username.
pub(super) fn is_username_taken(error: &SqlError) -> bool {
    error.is_unique_on("username_folded") || error.is_unique_on("username_skeleton")
}

/// A new account, with its first session unless it must be verified before.
#[derive(Debug, Clone)]
pub(super) struct NewAccount {
    pub(super) game: GameId,
    pub(super) player: String,
    pub(super) email: String,
    pub(super) email_folded: String,
    pub(super) email_verified: bool,
    pub(super) username: String,
    /// The username when there is none.
    pub(super) display_name: Option<String>,
    pub(super) password_hash: String,
    pub(super) is_guest: bool,
    pub(super) locale: String,
    pub(super) now_ms: i64,
    pub(super) session: Option<NewSession>,
    pub(super) proof: Spent,
}

/// A new session.
#[derive(Debug, Clone)]
pub(super) struct NewSession {
    pub(super) session: SessionId,
    pub(super) refresh_hash: String,
    pub(super) device_name: String,
    pub(super) address_hash: String,
    pub(super) method: &'static str,
    pub(super) now_ms: i64,
    pub(super) expires_at_ms: i64,
}

pub(super) async fn insert_account(transaction: &mut Transaction, new: NewAccount) -> Result<User, SqlError> {
    spend(transaction, &new.proof).await?;
    let rows = transaction
        .query(
            with_user!(
                "INSERT INTO auth_account (game_id, player_id, email, email_folded, username, username_folded,
                    display_name, avatar_url, password_hash, version, created_at_ms, updated_at_ms,
                    email_verified_at_ms, is_guest, locale, username_skeleton)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, '', $8, 1, $9, $9, $10, $11, $12, $13) RETURNING "
            ),
            args![
                new.player.as_str(),
                new.email,
                new.email_folded,
                new.username.as_str(),
                names::fold(&new.username),
                new.display_name.as_deref().unwrap_or(&new.username),
                new.password_hash,
                new.now_ms,
                new.email_verified.then_some(new.now_ms),
                i64::from(new.is_guest),
                new.locale,
                names::skeleton(&new.username),
            ],
            user,
        )
        .await?;
    let user = rows.into_iter().next().ok_or_else(|| SqlError::Other("an insert returned no row".into()))?;
    if let Some(session) = new.session {
        begin_session(transaction, &new.player, session).await?;
    }
    Ok(user)
}

/// Begins a session.
pub(super) async fn begin_session(
    transaction: &mut Transaction,
    player: &str,
    new: NewSession,
) -> Result<(), SqlError> {
    transaction.execute(INSERT_SESSION, session_args(player, new)).await.map(drop)
}

/// Name of the refusal of [`spend`].
pub(super) const SPENT: &str = "auth_once";

/// Writes down that a proof was used, in the transaction that makes its account. One that was used before is
/// refused as a row that is not unique on [`SPENT`].
pub(super) async fn spend(transaction: &mut Transaction, proof: &Spent) -> Result<(), SqlError> {
    let Some(once) = &proof.0 else { return Ok(()) };
    let written = transaction
        .execute(
            "INSERT INTO auth_once (game_id, digest, expires_at_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            args![once.digest.as_str(), once.expires_at_ms],
        )
        .await?;
    if written == 1 { Ok(()) } else { Err(SqlError::Unique(SPENT.into())) }
}

/// Forgets what counted once and has expired, at most `limit` at once.
pub(super) async fn sweep_once(sql: &Sql, before_ms: i64, limit: i64) -> Result<u64, SqlError> {
    sql.all_games()
        .execute(
            "DELETE FROM auth_once WHERE (game_id, digest) IN (
                SELECT game_id, digest FROM auth_once WHERE expires_at_ms < $1 LIMIT $2)",
            args![before_ms, limit],
        )
        .await
}

const INSERT_SESSION: &str =
    "INSERT INTO auth_session (game_id, session_id, player_id, generation, refresh_hash,
        device_name, address_hash, created_at_ms, last_seen_at_ms, expires_at_ms, method)
    VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $7, $8, $9)";

fn session_args(player: &str, new: NewSession) -> Vec<crate::ports::sql::Arg> {
    args![
        new.session.as_str(),
        player,
        new.refresh_hash,
        new.device_name,
        new.address_hash,
        new.now_ms,
        new.expires_at_ms,
        new.method,
    ]
}

/// What a login was let in by. It must still be so when the session begins: a change of the password, an unlink,
/// a merge or an erasure may have come between.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// The password with this hash.
    Password(String),
    /// A device's key, or a provider's subject.
    Identity(&'static str, String),
}

impl Way {
    /// Holds the way open until the transaction ends; false when it is closed.
    async fn is_open(&self, transaction: &mut Transaction, player: &PlayerId) -> Result<bool, SqlError> {
        let held = match self {
            Way::Password(hash) => {
                transaction
                    .execute(
                        "UPDATE auth_account SET password_hash = password_hash
                         WHERE game_id = $1 AND player_id = $2 AND password_hash = $3",
                        args![player.as_str(), hash.as_str()],
                    )
                    .await?
            }
            Way::Identity(provider, subject) => {
                transaction
                    .execute(
                        "UPDATE auth_identity SET label = label
                         WHERE game_id = $1 AND provider = $2 AND subject = $3 AND player_id = $4",
                        args![*provider, subject.as_str(), player.as_str()],
                    )
                    .await?
            }
        };
        Ok(held == 1)
    }
}

/// Begins a session while its way in is open; ends the oldest ones past the limit, and returns their ids.
pub(super) async fn insert_session(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    way: Way,
    new: NewSession,
) -> Result<Option<Vec<String>>, SqlError> {
    let (player, now_ms) = (player.clone(), new.now_ms);
    sql.game(game)
        .transaction(move |transaction| {
            async move {
                if !way.is_open(transaction, &player).await? {
                    return Ok(None);
                }
                transaction.execute(INSERT_SESSION, session_args(player.as_str(), new)).await?;
                let ended = transaction
                    .query(
                        "UPDATE auth_session SET ended_at_ms = $3
                     WHERE game_id = $1 AND player_id = $2 AND ended_at_ms IS NULL AND session_id IN (
                        SELECT session_id FROM auth_session
                        WHERE game_id = $1 AND player_id = $2 AND ended_at_ms IS NULL
                        ORDER BY last_seen_at_ms DESC, session_id DESC LIMIT 1000 OFFSET $4)
                     RETURNING session_id",
                        args![player.as_str(), now_ms, SESSIONS_MAX],
                        |row| row.text(0),
                    )
                    .await?;
                Ok(Some(ended))
            }
            .boxed()
        })
        .await
}

pub(super) async fn account_by_email(
    sql: &Sql,
    game: &GameId,
    email_folded: &str,
) -> Result<Option<(User, String)>, SqlError> {
    sql.game(game)
        .read_one(
            with_user!(
                "SELECT ",
                ", password_hash FROM auth_account WHERE game_id = $1 AND email_folded = $2 AND email_folded <> ''"
            ),
            args![email_folded],
            |row| Ok((user(row)?, row.text(USER_COLUMNS)?)),
        )
        .await
}

/// An account with its password's hash, empty when it has none.
pub(super) async fn account_with_hash(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
) -> Result<Option<(User, String)>, SqlError> {
    sql.game(game)
        .read_one(
            with_user!("SELECT ", ", password_hash FROM auth_account WHERE game_id = $1 AND player_id = $2"),
            args![player.as_str()],
            |row| Ok((user(row)?, row.text(USER_COLUMNS)?)),
        )
        .await
}

/// An account, within a transaction.
pub(super) async fn account_in(
    transaction: &mut Transaction,
    player: &PlayerId,
) -> Result<Option<User>, SqlError> {
    transaction
        .query_one(
            with_user!("SELECT ", " FROM auth_account WHERE game_id = $1 AND player_id = $2"),
            args![player.as_str()],
            user,
        )
        .await
}

/// Gives an account another username; a display name that was never chosen follows.
pub(super) async fn set_username(
    transaction: &mut Transaction,
    player: &PlayerId,
    username: &str,
) -> Result<(), SqlError> {
    transaction
        .execute(
            "UPDATE auth_account SET display_name = CASE WHEN display_name = username THEN $3 ELSE display_name END,
                username = $3, username_folded = $4, username_skeleton = $5
             WHERE game_id = $1 AND player_id = $2",
            args![player.as_str(), username, names::fold(username), names::skeleton(username)],
        )
        .await
        .map(drop)
}

pub(super) async fn account(sql: &Sql, game: &GameId, player: &PlayerId) -> Result<Option<User>, SqlError> {
    sql.game(game)
        .read_one(
            with_user!("SELECT ", " FROM auth_account WHERE game_id = $1 AND player_id = $2"),
            args![player.as_str()],
            user,
        )
        .await
}

/// Changes the profile when it still has the expected version; `None` when it has another, or is gone.
pub(super) async fn update_profile(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    change: ProfileChange,
    expected: Option<i64>,
    now_ms: i64,
) -> Result<Option<User>, SqlError> {
    let username_folded = change.username.as_deref().map(names::fold);
    let username_skeleton = change.username.as_deref().map(names::skeleton);
    let rows = sql
        .game(game)
        .write(
            with_user!(
                "UPDATE auth_account SET username = COALESCE($3, username),
                    username_folded = COALESCE($4, username_folded), display_name = COALESCE($5, display_name),
                    username_skeleton = COALESCE($8, username_skeleton), visibility = COALESCE($9, visibility),
                    locale = COALESCE($10, locale), version = version + 1, updated_at_ms = $6
                 WHERE game_id = $1 AND player_id = $2 AND ($7 IS NULL OR version = $7) RETURNING "
            ),
            args![
                player.as_str(),
                change.username,
                username_folded,
                change.display_name,
                now_ms,
                expected,
                username_skeleton,
                change.visibility.map(|visibility| visibility_name(visibility).to_owned()),
                change.locale,
            ],
            user,
        )
        .await?;
    Ok(rows.into_iter().next())
}

/// An account whose username was not compared with look-alikes.
#[derive(Debug)]
pub(super) struct Nameless {
    pub(super) game: String,
    pub(super) player: String,
    username: String,
}

/// Accounts without a skeleton, in their order, after this game and player.
pub(super) async fn without_skeleton(
    sql: &Sql,
    (game, player): (String, String),
    limit: i64,
) -> Result<Vec<Nameless>, SqlError> {
    sql.all_games()
        .scan(
            "SELECT game_id, player_id, username FROM auth_account
             WHERE username_skeleton = '' AND (game_id, player_id) > ($1, $2)
             ORDER BY game_id, player_id LIMIT $3",
            args![game, player, limit],
            |row| Ok(Nameless { game: row.text(0)?, player: row.text(1)?, username: row.text(2)? }),
        )
        .await
}

/// Fills in skeletons. A name that looks like another's gets one that no name has.
pub(super) async fn fill_skeletons(sql: &Sql, accounts: Vec<Nameless>) -> Result<(), SqlError> {
    const FILL: &str = "UPDATE auth_account SET username_skeleton = $4
        WHERE game_id = $1 AND player_id = $2 AND username = $3 AND username_skeleton = '' AND NOT EXISTS (
            SELECT 1 FROM auth_account WHERE game_id = $1 AND username_skeleton = $4)";
    sql.all_games()
        .transaction(move |transaction| {
            async move {
                for account in accounts {
                    let Nameless { game, player, username } = account;
                    let row = (game.as_str(), player.as_str(), username.as_str());
                    let own = names::skeleton(&username);
                    if transaction.execute(FILL, args![row.0, row.1, row.2, own]).await? == 0 {
                        transaction.execute(FILL, args![row.0, row.1, row.2, format!("!{player}")]).await?;
                    }
                }
                Ok(())
            }
            .boxed()
        })
        .await
}

pub(super) async fn update_password_hash(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    before: &str,
    hash: String,
) -> Result<u64, SqlError> {
    sql.game(game)
        .execute(
            "UPDATE auth_account SET password_hash = $3
             WHERE game_id = $1 AND player_id = $2 AND password_hash = $4",
            args![player.as_str(), hash, before],
        )
        .await
}

/// Whether the player logged in from this address before.
pub(super) async fn is_familiar(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    address_hash: &str,
) -> Result<bool, SqlError> {
    let found = sql
        .game(game)
        .read_one(
            "SELECT 1 FROM auth_session WHERE game_id = $1 AND player_id = $2 AND address_hash = $3 LIMIT 1",
            args![player.as_str(), address_hash],
            |_| Ok(()),
        )
        .await?;
    Ok(found.is_some())
}

/// A step of a session from one refresh token to the next.
#[derive(Debug)]
pub(super) struct Rotation {
    pub(super) game: GameId,
    pub(super) session: SessionId,
    pub(super) generation: i64,
    pub(super) digest: String,
    pub(super) next_digest: String,
    pub(super) now_ms: i64,
    pub(super) expires_at_ms: i64,
}

/// Moves the session on when the presented token is its newest; returns the player.
pub(super) async fn rotate(sql: &Sql, step: &Rotation) -> Result<Option<String>, SqlError> {
    let rows = sql
        .game(&step.game)
        .write(
            "UPDATE auth_session SET generation = generation + 1, refresh_hash = $5, last_seen_at_ms = $6,
                expires_at_ms = $7
             WHERE game_id = $1 AND session_id = $2 AND generation = $3 AND refresh_hash = $4
                AND ended_at_ms IS NULL AND expires_at_ms > $6
                AND EXISTS (SELECT 1 FROM auth_account a
                    WHERE a.game_id = $1 AND a.player_id = auth_session.player_id)
             RETURNING player_id",
            args![
                step.session.as_str(),
                step.generation,
                step.digest.as_str(),
                step.next_digest.as_str(),
                step.now_ms,
                step.expires_at_ms,
            ],
            |row| row.text(0),
        )
        .await?;
    Ok(rows.into_iter().next())
}

pub(super) async fn session(
    sql: &Sql,
    game: &GameId,
    session: &SessionId,
    now_ms: i64,
) -> Result<Option<SessionState>, SqlError> {
    let found = sql
        .game(game)
        .read_one(
            "SELECT player_id, generation, refresh_hash, ended_at_ms, expires_at_ms FROM auth_session
             WHERE game_id = $1 AND session_id = $2",
            args![session.as_str()],
            |row| Ok((row.text(0)?, row.int(1)?, row.text(2)?, row.maybe_int(3)?, row.int(4)?)),
        )
        .await?;
    Ok(found.map(|(player_id, generation, refresh_hash, ended, expires)| SessionState {
        player_id,
        generation,
        refresh_hash,
        over: ended.is_some() || expires <= now_ms,
    }))
}

/// Ends one session.
pub(super) async fn end_session(
    sql: &Sql,
    game: &GameId,
    session: &SessionId,
    now_ms: i64,
) -> Result<Option<String>, SqlError> {
    let rows = sql
        .game(game)
        .write(
            "UPDATE auth_session SET ended_at_ms = $3 WHERE game_id = $1 AND session_id = $2 AND ended_at_ms IS NULL
             RETURNING player_id",
            args![session.as_str(), now_ms],
            |row| row.text(0),
        )
        .await?;
    Ok(rows.into_iter().next())
}

/// Ends every session of a player; returns their ids.
pub(super) async fn end_sessions(
    sql: &Sql,
    game: &GameId,
    player: &str,
    now_ms: i64,
) -> Result<Vec<String>, SqlError> {
    sql.game(game).write(
        "UPDATE auth_session SET ended_at_ms = $3 WHERE game_id = $1 AND player_id = $2 AND ended_at_ms IS NULL
         RETURNING session_id",
        args![player, now_ms],
        |row| row.text(0),
    )
    .await
}

/// Sessions that ended since: their access tokens may still be about.
pub(super) async fn ended_since(sql: &Sql, since_ms: i64) -> Result<Vec<(String, i64)>, SqlError> {
    sql.all_games()
        .read(
            "SELECT session_id, ended_at_ms FROM auth_session WHERE ended_at_ms >= $1",
            args![since_ms],
            |row| Ok((row.text(0)?, row.int(1)?)),
        )
        .await
}

/// Forgets sessions that have been over for long, at most `limit` at once.
pub(super) async fn sweep_sessions(sql: &Sql, before_ms: i64, limit: i64) -> Result<u64, SqlError> {
    sql.all_games().execute(
        "DELETE FROM auth_session WHERE (game_id, session_id) IN (
            SELECT game_id, session_id FROM auth_session WHERE expires_at_ms < $1 OR ended_at_ms < $1 LIMIT $2)",
        args![before_ms, limit],
    )
    .await
}

/// The name that a studio gave a game; `None` for the default game, which nobody named.
pub(super) async fn game_name(sql: &Sql, game: &GameId) -> Result<Option<String>, SqlError> {
    sql.game(game)
        .read_one("SELECT name FROM auth_game WHERE game_id = $1 AND is_default = 0", vec![], |row| {
            row.text(0)
        })
        .await
}
