//! SQL of projects, environments and server keys.

use crate::args;
use crate::ports::sql::{Row, Sql, SqlError, Transaction};
use aethex_wire::ids::{GameId, OrgId, ProjectId, ServerKeyId};
use aethex_wire::studio::games::{Environment, Project, ServerKey};
use aethex_wire::studio::{EnvironmentKind, Scope};

fn damaged() -> SqlError {
    SqlError::Other("a stored id is damaged".into())
}

/// An organisation's projects with their environments, the oldest first.
pub(super) async fn projects(sql: &Sql, org: &OrgId, rows: i64) -> Result<Vec<Project>, SqlError> {
    let all = sql.all_games();
    let mut projects = all
        .read(
            "SELECT project_id, name, created_at_ms FROM studio_project WHERE org_id = $1
             ORDER BY project_id LIMIT $2",
            args![org.as_str(), rows],
            |row| {
                Ok(Project {
                    id: ProjectId::parse(&row.text(0)?).ok_or_else(damaged)?,
                    name: row.text(1)?,
                    environments: vec![],
                    permissions: vec![],
                    created_at_ms: row.int(2)?,
                })
            },
        )
        .await?;
    let environments = all
        .read(
            "SELECT project_id, kind, game_id FROM studio_environment WHERE org_id = $1 ORDER BY project_id, kind",
            args![org.as_str()],
            |row| {
                let kind = EnvironmentKind::from_name(&row.text(1)?).ok_or_else(damaged)?;
                let game_id = GameId::parse(&row.text(2)?).ok_or_else(damaged)?;
                Ok((row.text(0)?, Environment { kind, game_id }))
            },
        )
        .await?;
    for (project, environment) in environments {
        if let Some(project) = projects.iter_mut().find(|one| one.id.as_str() == project) {
            project.environments.push(environment);
        }
    }
    Ok(projects)
}

pub(super) async fn count(tx: &mut Transaction, org: &OrgId) -> Result<i64, SqlError> {
    let statement = "SELECT COUNT(*) FROM studio_project WHERE org_id = $1";
    Ok(tx.query_one(statement, args![org.as_str()], |row| row.int(0)).await?.unwrap_or_default())
}

pub(super) async fn insert(
    tx: &mut Transaction,
    org: &OrgId,
    project: &ProjectId,
    name: &str,
    folded: &str,
    now_ms: i64,
) -> Result<u64, SqlError> {
    tx.execute(
        "INSERT INTO studio_project (org_id, project_id, name, name_folded, created_at_ms)
         VALUES ($1, $2, $3, $4, $5)",
        args![org.as_str(), project.as_str(), name, folded, now_ms],
    )
    .await
}

pub(super) async fn rename(
    tx: &mut Transaction,
    org: &OrgId,
    project: &ProjectId,
    name: &str,
    folded: &str,
) -> Result<u64, SqlError> {
    tx.execute(
        "UPDATE studio_project SET name = $3, name_folded = $4 WHERE org_id = $1 AND project_id = $2",
        args![org.as_str(), project.as_str(), name, folded],
    )
    .await
}

pub(super) async fn insert_environment(
    tx: &mut Transaction,
    org: &OrgId,
    project: &ProjectId,
    environment: &Environment,
) -> Result<u64, SqlError> {
    tx.execute(
        "INSERT INTO studio_environment (game_id, org_id, project_id, kind) VALUES ($1, $2, $3, $4)",
        args![environment.game_id.as_str(), org.as_str(), project.as_str(), environment.kind.as_str()],
    )
    .await
}

pub(super) async fn org_of_game(sql: &Sql, game: &GameId) -> Result<Option<String>, SqlError> {
    let statement = "SELECT org_id FROM studio_environment WHERE game_id = $1";
    sql.game(game).read_one(statement, vec![], |row| row.text(0)).await
}

fn scopes(text: &str) -> Vec<Scope> {
    text.split(',').filter_map(Scope::from_name).collect()
}

fn server_key(row: &Row<'_>) -> Result<ServerKey, SqlError> {
    Ok(ServerKey {
        id: ServerKeyId::parse(&row.text(0)?).ok_or_else(damaged)?,
        name: row.text(1)?,
        scopes: scopes(&row.text(2)?),
        created_at_ms: row.int(3)?,
        last_used_at_ms: row.maybe_int(4)?,
        expires_at_ms: row.maybe_int(5)?,
        previous_until_ms: row.maybe_int(6)?,
        revoked_at_ms: row.maybe_int(7)?,
    })
}

/// The columns that [`server_key`] reads, within a statement.
macro_rules! with_server_key {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " k.key_id, k.name, k.scopes, k.created_at_ms, k.last_used_at_ms, k.expires_at_ms,
              k.previous_until_ms, k.revoked_at_ms ",
            $after
        )
    };
}

/// A game's server keys, newest first.
pub(super) async fn server_keys(
    sql: &Sql,
    game: &GameId,
    after: &str,
    rows: i64,
) -> Result<Vec<ServerKey>, SqlError> {
    sql.game(game)
        .read(
            with_server_key!(
                "SELECT",
                "FROM studio_server_key k WHERE k.game_id = $1 AND ($2 = '' OR k.key_id < $2)
                 ORDER BY k.key_id DESC LIMIT $3"
            ),
            args![after, rows],
            server_key,
        )
        .await
}

pub(super) async fn server_key_of(
    tx: &mut Transaction,
    game: &GameId,
    id: &ServerKeyId,
) -> Result<Option<ServerKey>, SqlError> {
    tx.query_one(
        with_server_key!("SELECT", "FROM studio_server_key k WHERE k.game_id = $1 AND k.key_id = $2"),
        args![game.as_str(), id.as_str()],
        server_key,
    )
    .await
}

/// A server key as requests are checked against it.
#[derive(Debug, Clone)]
pub(in crate::studio) struct ServerKeyRow {
    pub(in crate::studio) key: ServerKey,
    pub(in crate::studio) game: GameId,
    pub(in crate::studio) org: String,
    pub(in crate::studio) secret_hash: String,
    pub(in crate::studio) previous_hash: String,
}

/// A server key by its id alone: it says which game a request is for.
pub(in crate::studio) async fn server_key_by_id(
    sql: &Sql,
    id: &ServerKeyId,
) -> Result<Option<ServerKeyRow>, SqlError> {
    sql.all_games()
        .read_one(
            with_server_key!(
                "SELECT",
                ", k.game_id, e.org_id, k.secret_hash, k.previous_hash
                 FROM studio_server_key k LEFT JOIN studio_environment e ON e.game_id = k.game_id
                 WHERE k.key_id = $1"
            ),
            args![id.as_str()],
            |row| {
                Ok(ServerKeyRow {
                    key: server_key(row)?,
                    game: GameId::parse(&row.text(8)?).ok_or_else(damaged)?,
                    org: row.maybe_text(9)?.unwrap_or_default(),
                    secret_hash: row.text(10)?,
                    previous_hash: row.text(11)?,
                })
            },
        )
        .await
}

/// Notes that a key was used, unless that was noted since `before_ms`.
pub(in crate::studio) async fn touch_server_key(
    sql: &Sql,
    game: &GameId,
    id: &ServerKeyId,
    now_ms: i64,
    before_ms: i64,
) -> Result<u64, SqlError> {
    sql.game(game)
        .execute(
            "UPDATE studio_server_key SET last_used_at_ms = $3
             WHERE game_id = $1 AND key_id = $2 AND (last_used_at_ms IS NULL OR last_used_at_ms < $4)",
            args![id.as_str(), now_ms, before_ms],
        )
        .await
}

/// Makes a server key, while the game has fewer than `max` that hold; says whether it did.
pub(super) async fn insert_server_key(
    tx: &mut Transaction,
    game: &GameId,
    key: &ServerKey,
    secret_hash: &str,
    max: i64,
) -> Result<bool, SqlError> {
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    let made = tx
        .execute(
            "INSERT INTO studio_server_key (game_id, key_id, name, scopes, secret_hash, created_at_ms, expires_at_ms)
             SELECT g.game_id, $2, $3, $4, $5, $6, $7 FROM (SELECT $1 AS game_id) g WHERE (
                SELECT COUNT(*) FROM studio_server_key k WHERE k.game_id = $1 AND k.revoked_at_ms IS NULL) < $8",
            args![
                game.as_str(),
                key.id.as_str(),
                key.name.as_str(),
                scopes.join(","),
                secret_hash,
                key.created_at_ms,
                key.expires_at_ms,
                max
            ],
        )
        .await?;
    Ok(made == 1)
}

/// Gives a key that holds a new secret; the one before holds on until then.
pub(super) async fn rotate_server_key(
    tx: &mut Transaction,
    game: &GameId,
    id: &ServerKeyId,
    secret_hash: &str,
    previous_until_ms: i64,
    now_ms: i64,
) -> Result<u64, SqlError> {
    tx.execute(
        "UPDATE studio_server_key SET previous_hash = secret_hash, previous_until_ms = $4, secret_hash = $3
         WHERE game_id = $1 AND key_id = $2 AND revoked_at_ms IS NULL
            AND (expires_at_ms IS NULL OR expires_at_ms > $5)",
        args![game.as_str(), id.as_str(), secret_hash, previous_until_ms, now_ms],
    )
    .await
}

/// Revokes a key that holds.
pub(super) async fn revoke_server_key(
    tx: &mut Transaction,
    game: &GameId,
    id: &ServerKeyId,
    now_ms: i64,
) -> Result<u64, SqlError> {
    tx.execute(
        "UPDATE studio_server_key SET revoked_at_ms = $3
         WHERE game_id = $1 AND key_id = $2 AND revoked_at_ms IS NULL",
        args![game.as_str(), id.as_str(), now_ms],
    )
    .await
}
