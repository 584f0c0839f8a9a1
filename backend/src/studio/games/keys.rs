//! Making, rotating and revoking keys, for the API and the command line alike.

use super::{Place, db, org_of_game};
use crate::auth::{new_client_key, tenants};
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::ports::sql::Sql;
use crate::studio::audit::{Actor, record};
use crate::studio::rules;
use crate::studio::secrets::{digest, new_token};
use crate::studio::server::write_key;
use aethex_wire::ids::{GameId, ServerKeyId};
use aethex_wire::studio::games::{
    CLIENT_KEYS_MAX, ClientKey, NewServerKey, ROTATION_OVERLAP_DEFAULT_S, ROTATION_OVERLAP_MAX_S,
    SERVER_KEYS_MAX, ServerKey, ServerKeySecret,
};
use futures_util::FutureExt;

pub(in crate::studio) async fn create_client_key(
    sql: &Sql,
    actor: Actor,
    place: Place,
    name: &str,
) -> Outcome<ClientKey> {
    rules::check_name(name)?;
    let created_at_ms = now_ms();
    let key = ClientKey { key: new_client_key(), name: name.to_owned(), created_at_ms, revoked_at_ms: None };
    let made = key.clone();
    sql.all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                if !tenants::db::insert_client_key(tx, &place.game, &made, CLIENT_KEYS_MAX).await? {
                    return Err(too_many(CLIENT_KEYS_MAX));
                }
                let entry = actor.did(&place.org, "client_key.create", "client_key", &made.key);
                Ok(record(tx, entry.after("name", made.name).after("game", place.game.as_str())).await?)
            }
            .boxed()
        })
        .await?;
    Ok(key)
}

fn too_many(max: i64) -> Failure {
    Failure::invalid(format!("There are {max} such keys: revoke those that nobody uses first."))
}

/// Revokes a client key. Who runs the server lets it forget the key.
pub(in crate::studio) async fn revoke_client_key(
    sql: &Sql,
    actor: Actor,
    place: Place,
    key: &str,
) -> Outcome<()> {
    let key = key.to_owned();
    sql.all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                let revoked = tenants::db::revoke_client_key(tx, &place.game, &key, now_ms()).await?;
                let name = revoked.ok_or_else(Failure::not_found)?;
                let entry = actor.did(&place.org, "client_key.revoke", "client_key", &key);
                Ok(record(tx, entry.before("name", name).before("game", place.game.as_str())).await?)
            }
            .boxed()
        })
        .await
}

/// A game's newest client keys, for the command line.
pub(in crate::studio) async fn all_client_keys(
    sql: &Sql,
    game: &GameId,
    rows: i64,
) -> Outcome<Vec<ClientKey>> {
    Ok(tenants::db::client_keys(sql, game, None, rows).await?)
}

pub(in crate::studio) async fn server_keys(
    sql: &Sql,
    game: &GameId,
    after: &str,
    rows: i64,
) -> Outcome<Vec<ServerKey>> {
    Ok(db::server_keys(sql, game, after, rows).await?)
}

/// The place of a server key, by its id: for the command line.
pub(in crate::studio) async fn place_of_key(sql: &Sql, id: &ServerKeyId) -> Outcome<Option<Place>> {
    match db::server_key_by_id(sql, id).await? {
        None => Ok(None),
        Some(row) => Ok(Some(Place { org: org_of_game(sql, &row.game).await?, game: row.game })),
    }
}

/// Makes a server key. What its scopes need was checked.
pub(in crate::studio) async fn create_server_key(
    sql: &Sql,
    actor: Actor,
    place: Place,
    mut new: NewServerKey,
) -> Outcome<ServerKeySecret> {
    rules::check_name(&new.name)?;
    rules::check_scopes(&new.scopes)?;
    let now = now_ms();
    if new.expires_at_ms.is_some_and(|at_ms| at_ms <= now) {
        return Err(Failure::invalid("`expires_at_ms` is over already."));
    }
    new.scopes.sort_unstable();
    new.scopes.dedup();
    let key = ServerKey {
        id: ServerKeyId::parse(&new_id()).expect("ids are made in their canonical spelling"),
        name: new.name,
        scopes: new.scopes,
        created_at_ms: now,
        last_used_at_ms: None,
        expires_at_ms: new.expires_at_ms,
        previous_until_ms: None,
        revoked_at_ms: None,
    };
    let secret = new_token();
    let (made, hash) = (key.clone(), digest(&secret));
    sql.all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                if !db::insert_server_key(tx, &place.game, &made, &hash, SERVER_KEYS_MAX).await? {
                    return Err(too_many(SERVER_KEYS_MAX));
                }
                let scopes: Vec<&str> = made.scopes.iter().map(|scope| scope.as_str()).collect();
                let entry = actor.did(&place.org, "server_key.create", "server_key", made.id.as_str());
                let entry = entry.after("scopes", scopes.join(",")).after("name", made.name);
                Ok(record(tx, entry.after("game", place.game.as_str())).await?)
            }
            .boxed()
        })
        .await?;
    let secret = write_key(&key.id, &secret);
    Ok(ServerKeySecret { key, secret })
}

/// Gives a key a new secret. `may` looks at the key before: a secret is worth what its scopes are.
pub(in crate::studio) async fn rotate_server_key(
    sql: &Sql,
    actor: Actor,
    place: Place,
    id: &ServerKeyId,
    overlap_s: Option<i64>,
    may: impl Fn(&ServerKey) -> Outcome<()> + Send + Sync + 'static,
) -> Outcome<ServerKeySecret> {
    let overlap_s = overlap_s.unwrap_or(ROTATION_OVERLAP_DEFAULT_S);
    if !(0..=ROTATION_OVERLAP_MAX_S).contains(&overlap_s) {
        return Err(Failure::invalid(format!("`overlap_s` is 0 to {ROTATION_OVERLAP_MAX_S}.")));
    }
    let (secret, now) = (new_token(), now_ms());
    let (id, hash, until_ms) = (id.clone(), digest(&secret), now + overlap_s * 1000);
    let key = sql
        .all_games()
        .transaction::<ServerKey, Failure, _>(move |tx| {
            async move {
                let key = db::server_key_of(tx, &place.game, &id).await?.ok_or_else(Failure::not_found)?;
                may(&key)?;
                if db::rotate_server_key(tx, &place.game, &id, &hash, until_ms, now).await? == 0 {
                    return Err(Failure::invalid("This key is revoked or over: make another."));
                }
                let entry = actor.did(&place.org, "server_key.rotate", "server_key", id.as_str());
                record(tx, entry.after("previous_until_ms", until_ms.to_string())).await?;
                Ok(ServerKey { previous_until_ms: Some(until_ms), ..key })
            }
            .boxed()
        })
        .await?;
    let secret = write_key(&key.id, &secret);
    Ok(ServerKeySecret { key, secret })
}

/// Revokes a key. Who runs the server lets it forget the key.
pub(in crate::studio) async fn revoke_server_key(
    sql: &Sql,
    actor: Actor,
    place: Place,
    id: &ServerKeyId,
) -> Outcome<()> {
    let id = id.clone();
    sql.all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                if db::revoke_server_key(tx, &place.game, &id, now_ms()).await? == 0 {
                    return Err(Failure::not_found());
                }
                let entry = actor.did(&place.org, "server_key.revoke", "server_key", id.as_str());
                Ok(record(tx, entry.before("game", place.game.as_str())).await?)
            }
            .boxed()
        })
        .await
}
