//! `aethex-cloud game …` and `aethex-cloud key …`.

use super::{ROWS_MAX, Said, actor, find_org, table};
use crate::auth::{fold, is_client_key, tenants};
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use crate::ports::sql::Sql;
use crate::studio::games::{self, Place};
use crate::studio::orgs::db as org_db;
use aethex_wire::ids::{GameId, OrgId, ServerKeyId};
use aethex_wire::studio::games::{NewServerKey, ROTATION_OVERLAP_DEFAULT_S, ServerKey};
use aethex_wire::studio::{EnvironmentKind, Scope};
use clap::{Subcommand, ValueEnum};
use serde_json::json;

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 3600 * 1000;

/// What can be done with games.
#[derive(Debug, Subcommand)]
pub enum GameCommand {
    /// Make a project with its games `dev` and `live`.
    Create {
        /// Its name.
        name: String,
        /// The organisation, by name or id.
        #[arg(long)]
        org: String,
        /// Make the server's default game the live one.
        #[arg(long)]
        adopt_default: bool,
    },
    /// List projects and their games.
    List {
        /// Only this organisation's, by name or id.
        #[arg(long)]
        org: Option<String>,
    },
    /// Show a game's keys.
    Keys {
        /// `default`, a game's id, or `organisation/project/environment`.
        game: String,
    },
}

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key. A server key's secret is printed once.
    Create {
        /// `default`, a game's id, or `organisation/project/environment`.
        #[arg(long)]
        game: String,
        /// Which kind.
        #[arg(long)]
        kind: Kind,
        /// What it is for.
        #[arg(long)]
        name: String,
        /// What a server key may do: `players:read`, `players:write`, `multiplayer:read`,
        /// `multiplayer:write`; can be repeated.
        #[arg(long = "scope")]
        scopes: Vec<String>,
        /// Days until a server key ends; never when absent.
        #[arg(long, value_parser = clap::value_parser!(i64).range(1..=3650))]
        expires_days: Option<i64>,
    },
    /// List a game's keys.
    List {
        /// `default`, a game's id, or `organisation/project/environment`.
        #[arg(long)]
        game: String,
    },
    /// Give a server key a new secret, printed once.
    Rotate {
        /// The key's id.
        key: String,
        /// Seconds that the old secret holds on.
        #[arg(long, default_value_t = ROTATION_OVERLAP_DEFAULT_S)]
        overlap_s: i64,
    },
    /// Revoke a key: servers refuse it within five seconds.
    Revoke {
        /// A client key (`pk_…`) or a server key's id.
        key: String,
    },
}

/// The kinds of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Publishable: it names the game.
    Client,
    /// Secret: for the game's own servers.
    Server,
}

pub(super) async fn run_game(sql: &Sql, command: GameCommand) -> Outcome<Said> {
    match command {
        GameCommand::Create { name, org, adopt_default } => {
            let org = find_org(sql, &org).await?;
            let adopted = match adopt_default {
                true => Some(tenants::default_game(sql).await?),
                false => None,
            };
            let id = games::create_project(sql, actor(), &org, &name, adopted).await?;
            let projects = games::all(sql, &org).await?;
            let project = projects.into_iter().find(|one| one.id == id);
            let project = project.ok_or_else(|| Failure::internal("a new project is gone"))?;
            let mut rows = vec![["project".to_owned(), project.id.as_str().to_owned(), String::new()]];
            let mut keys = Vec::new();
            for environment in &project.environments {
                let found = games::all_client_keys(sql, &environment.game_id, 1).await?;
                let key = found.into_iter().next().map(|key| key.key).unwrap_or_default();
                keys.push(json!({ "environment": environment, "client_key": key }));
                let kind = environment.kind.as_str().to_owned();
                rows.push([kind, environment.game_id.as_str().to_owned(), key]);
            }
            let json = json!({ "id": project.id, "name": project.name, "environments": keys });
            Ok(Said::new(table(rows), &json))
        }
        GameCommand::List { org } => list(sql, org).await,
        GameCommand::Keys { game } => show_keys(sql, &game).await,
    }
}

async fn list(sql: &Sql, org: Option<String>) -> Outcome<Said> {
    let orgs = match org {
        Some(name) => vec![(find_org(sql, &name).await?, name)],
        None => {
            let all = org_db::all(sql, ROWS_MAX).await?;
            all.into_iter().filter_map(|(id, name, _)| Some((OrgId::parse(&id)?, name))).collect()
        }
    };
    let default_game = tenants::default_game(sql).await?;
    let (mut rows, mut json) = (Vec::new(), Vec::new());
    for (org, org_name) in orgs {
        for project in games::all(sql, &org).await? {
            for environment in &project.environments {
                let kind = environment.kind.as_str();
                let is_default = if environment.game_id == default_game { "default" } else { "" };
                let path = format!("{org_name}/{}/{kind}", project.name);
                rows.push([path, environment.game_id.as_str().to_owned(), is_default.to_owned()]);
            }
            json.push(json!({ "org_id": org, "id": project.id, "name": project.name,
                "environments": project.environments }));
        }
    }
    if !rows.iter().any(|[.., mark]| mark == "default") {
        rows.push(["default".to_owned(), default_game.as_str().to_owned(), "in no project".to_owned()]);
    }
    Ok(Said::new(table(rows), &json!({ "default_game_id": default_game, "projects": json })))
}

/// The game that is named.
pub(super) async fn find_place(sql: &Sql, name: &str) -> Outcome<Place> {
    let unknown = || {
        Failure::invalid(format!(
            "there is no game `{name}`: name it `default`, by its id, or `organisation/project/environment`"
        ))
    };
    let default_game = tenants::default_game(sql).await?;
    let game = if name == "default" {
        default_game
    } else if let Some(game) = GameId::parse(name) {
        let known = game == default_game || !games::org_of_game(sql, &game).await?.is_empty();
        Some(game).filter(|_| known).ok_or_else(unknown)?
    } else {
        let mut parts = name.rsplitn(3, '/');
        let (kind, project, org) = (parts.next(), parts.next(), parts.next());
        let (Some(kind), Some(project), Some(org)) = (kind, project, org) else { return Err(unknown()) };
        let kind = EnvironmentKind::from_name(kind).ok_or_else(unknown)?;
        let org = find_org(sql, org).await?;
        let projects = games::all(sql, &org).await?;
        let is_it = |name: &str, id: &str| fold(name) == fold(project) || id == project;
        let found = projects.into_iter().find(|one| is_it(&one.name, one.id.as_str())).ok_or_else(unknown)?;
        let environment = found.environments.into_iter().find(|environment| environment.kind == kind);
        environment.ok_or_else(unknown)?.game_id
    };
    Ok(Place { org: games::org_of_game(sql, &game).await?, game })
}

async fn show_keys(sql: &Sql, game: &str) -> Outcome<Said> {
    let place = find_place(sql, game).await?;
    let clients = games::all_client_keys(sql, &place.game, ROWS_MAX).await?;
    let servers = games::server_keys(sql, &place.game, "", ROWS_MAX).await?;
    let state = |revoked: bool| if revoked { "revoked" } else { "" }.to_owned();
    let client_rows = clients.iter().map(|key| {
        [
            "client".to_owned(),
            key.key.clone(),
            key.name.clone(),
            String::new(),
            state(key.revoked_at_ms.is_some()),
        ]
    });
    let server_rows = servers.iter().map(|key| {
        let id = key.id.as_str().to_owned();
        ["server".to_owned(), id, key.name.clone(), scopes(key), state(key.revoked_at_ms.is_some())]
    });
    let words = table(client_rows.chain(server_rows));
    Ok(Said::new(words, &json!({ "game_id": place.game, "client_keys": clients, "server_keys": servers })))
}

fn scopes(key: &ServerKey) -> String {
    key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(",")
}

pub(super) async fn run_key(sql: &Sql, command: KeyCommand) -> Outcome<Said> {
    match command {
        KeyCommand::Create { game, kind, name, scopes, expires_days } => {
            let place = find_place(sql, &game).await?;
            if kind == Kind::Server {
                return create_server_key(sql, place, name, &scopes, expires_days).await;
            }
            if !scopes.is_empty() || expires_days.is_some() {
                return Err(Failure::invalid("a client key has no scopes and no end"));
            }
            let key = games::create_client_key(sql, actor(), place, &name).await?;
            Ok(Said::new(key.key.clone(), &key))
        }
        KeyCommand::List { game } => show_keys(sql, &game).await,
        KeyCommand::Rotate { key, overlap_s } => {
            let (id, place) = find_server_key(sql, &key).await?;
            let made =
                games::rotate_server_key(sql, actor(), place, &id, Some(overlap_s), |_| Ok(())).await?;
            let words =
                format!("{} (not shown again)\nthe old secret holds {overlap_s} seconds more", made.secret);
            Ok(Said::new(words, &made))
        }
        KeyCommand::Revoke { key } => {
            if is_client_key(&key) {
                let game = tenants::game_of_client_key(sql, &key).await?.ok_or_else(|| unknown_key(&key))?;
                let place = Place { org: games::org_of_game(sql, &game).await?, game };
                games::revoke_client_key(sql, actor(), place, &key).await?;
            } else {
                let (id, place) = find_server_key(sql, &key).await?;
                games::revoke_server_key(sql, actor(), place, &id).await.map_err(|error| {
                    match error.code() {
                        aethex_wire::ErrorCode::NotFound => Failure::invalid("this key was revoked before"),
                        _ => error,
                    }
                })?;
            }
            Ok(Said::new("revoked: servers refuse it within five seconds", &json!({ "revoked": key })))
        }
    }
}

async fn create_server_key(
    sql: &Sql,
    place: Place,
    name: String,
    scopes: &[String],
    expires_days: Option<i64>,
) -> Outcome<Said> {
    let unknown = |name: &String| {
        let all: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        Failure::invalid(format!("there is no scope `{name}`: there are {}", all.join(", ")))
    };
    let parse = |name: &String| Scope::from_name(name).ok_or_else(|| unknown(name));
    let scopes = scopes.iter().map(parse).collect::<Outcome<Vec<Scope>>>()?;
    let expires_at_ms = expires_days.map(|days| now_ms() + days * DAY_MS);
    let made =
        games::create_server_key(sql, actor(), place, NewServerKey { name, scopes, expires_at_ms }).await?;
    let words = format!("key    {}\nsecret {} (not shown again)", made.key.id, made.secret);
    Ok(Said::new(words, &made))
}

fn unknown_key(key: &str) -> Failure {
    // Part of it only: somebody may have typed a secret.
    let shown: String = key.chars().take(12).collect();
    Failure::invalid(format!("there is no key `{shown}…` that holds: see `key list`"))
}

async fn find_server_key(sql: &Sql, key: &str) -> Outcome<(ServerKeyId, Place)> {
    let id = ServerKeyId::parse(key).ok_or_else(|| unknown_key(key))?;
    let place = games::place_of_key(sql, &id).await?.ok_or_else(|| unknown_key(key))?;
    Ok((id, place))
}
