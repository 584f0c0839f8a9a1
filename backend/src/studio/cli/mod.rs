//! The studio's side from the command line: `aethex-cloud org|game|key|person|saves|matchmaking|audit`. It works on the database
//! itself, while the server runs or not; whoever may do that may do everything, and is in the audit log as
//! `cli`. A running server counts what changed within five seconds.

mod keys;
mod matchmaking;
mod orgs;
mod saves;

use super::audit::{self, Actor};
use super::orgs::db as org_db;
use crate::app::open_sql;
use crate::auth::fold;
use crate::config::{self, Config};
use crate::error::{Failure, Outcome};
use crate::ports::sql::Sql;
use aethex_wire::ids::OrgId;
use aethex_wire::studio::audit::AuditQuery;
use clap::{Args, Subcommand};
use matchmaking::MatchmakingCommand;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Most rows that a list prints.
const ROWS_MAX: i64 = 10_000;

/// Commands of the studio's side.
#[derive(Debug, Subcommand)]
pub enum StudioCommand {
    /// Organisations: make, list, invite into.
    Org {
        /// Where, and how to print.
        #[command(flatten)]
        at: At,
        /// What to do.
        #[command(subcommand)]
        command: orgs::OrgCommand,
    },
    /// Games: make, list, show their keys.
    Game {
        /// Where, and how to print.
        #[command(flatten)]
        at: At,
        /// What to do.
        #[command(subcommand)]
        command: keys::GameCommand,
    },
    /// Client keys and server keys.
    Key {
        /// Where, and how to print.
        #[command(flatten)]
        at: At,
        /// What to do.
        #[command(subcommand)]
        command: keys::KeyCommand,
    },
    /// A player's saves, for support: export them into a file, import them from one.
    Saves {
        /// Where, and how to print.
        #[command(flatten)]
        at: At,
        /// What to do.
        #[command(subcommand)]
        command: saves::SavesCommand,
    },
    /// Queues: record what waited in one, and replay it under other rules.
    Matchmaking {
        /// Where, and how to print.
        #[command(flatten)]
        at: At,
        /// What to do.
        #[command(subcommand)]
        command: matchmaking::MatchmakingCommand,
    },
    /// People who lost their password or second factor.
    Person {
        /// Where, and how to print.
        #[command(flatten)]
        at: At,
        /// What to do.
        #[command(subcommand)]
        command: orgs::PersonCommand,
    },
    /// Print the audit log, newest first.
    Audit {
        /// Where, and how to print.
        #[command(flatten)]
        at: At,
        /// Only this organisation's, by name or id.
        #[arg(long)]
        org: Option<String>,
        /// Only this action, for example `member.change`.
        #[arg(long)]
        action: Option<String>,
        /// Only acts on this target, by id.
        #[arg(long)]
        target: Option<String>,
        /// Most entries to print.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=ROWS_MAX))]
        limit: i64,
    },
}

/// Which server's data, and how to print.
#[derive(Debug, Args)]
pub struct At {
    /// Configuration file (TOML); `AETHEX_*` variables and flags win over it.
    #[arg(long, env = "AETHEX_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// Data folder [default: aethex-data].
    #[arg(long, global = true)]
    data: Option<String>,
    /// Print JSON, for scripts.
    #[arg(long, global = true)]
    json: bool,
}

/// What a command found or made: words for people, JSON for scripts.
#[derive(Debug)]
struct Said {
    words: String,
    json: Value,
}

impl Said {
    fn new(words: impl Into<String>, json: &impl Serialize) -> Said {
        Said { words: words.into(), json: serde_json::to_value(json).unwrap_or(Value::Null) }
    }
}

/// Runs a command; what it has to say.
///
/// # Errors
/// Words for whoever typed it.
pub async fn run(command: StudioCommand) -> Result<String, String> {
    let at = match &command {
        StudioCommand::Org { at, .. }
        | StudioCommand::Game { at, .. }
        | StudioCommand::Key { at, .. }
        | StudioCommand::Person { at, .. }
        | StudioCommand::Saves { at, .. }
        | StudioCommand::Matchmaking { at, .. }
        | StudioCommand::Audit { at, .. } => at,
    };
    let json = at.json;
    if let StudioCommand::Matchmaking {
        command: MatchmakingCommand::Replay { file, rules, options }, ..
    } = &command
    {
        return printed(matchmaking::replay(file, rules, options.as_deref()), json);
    }
    let flags: Vec<(&str, String)> = at.data.iter().map(|data| ("data", data.clone())).collect();
    let effective =
        config::load(at.config.as_deref(), std::env::vars(), &flags).map_err(|e| e.to_string())?;
    let config = effective.config;
    let sql = open_sql(&config).await.map_err(|error| error.to_string())?;
    let said = match sql.pending_migrations().await {
        Err(error) => Err(Failure::from(error)),
        Ok(pending) if !pending.is_empty() => Err(Failure::invalid(
            "the schema is not up to date: run `aethex-cloud migrate`, or start the server once",
        )),
        Ok(_) => perform(&config, &sql, command).await,
    };
    sql.close().await;
    printed(said, json)
}

fn printed(said: Outcome<Said>, json: bool) -> Result<String, String> {
    match said {
        Ok(said) if json => Ok(said.json.to_string()),
        Ok(said) => Ok(said.words),
        Err(failure) => Err(failure.words().to_owned()),
    }
}

async fn perform(config: &Config, sql: &Sql, command: StudioCommand) -> Outcome<Said> {
    match command {
        StudioCommand::Org { command, .. } => orgs::run_org(config, sql, command).await,
        StudioCommand::Person { command, .. } => orgs::run_person(config, sql, command).await,
        StudioCommand::Saves { command, .. } => saves::run(config, sql, command).await,
        StudioCommand::Matchmaking { command, .. } => match command {
            MatchmakingCommand::Record { game, mode, days, out } => {
                matchmaking::record_queue(sql, &game, &mode, days, &out).await
            }
            MatchmakingCommand::Replay { file, rules, options } => {
                matchmaking::replay(&file, &rules, options.as_deref())
            }
        },
        StudioCommand::Game { command, .. } => keys::run_game(sql, command).await,
        StudioCommand::Key { command, .. } => keys::run_key(sql, command).await,
        StudioCommand::Audit { org, action, target, limit, .. } => {
            let org = match org {
                Some(org) => Some(find_org(sql, &org).await?),
                None => None,
            };
            let query = AuditQuery { action, target_id: target, ..AuditQuery::default() };
            let entries = audit::list(sql, org.as_ref().map(OrgId::as_str), &query, "", limit).await?;
            let rows = entries.iter().map(|entry| {
                let who = format!("{} {}", entry.actor_kind, entry.actor);
                let changed = json!({ "before": entry.before, "after": entry.after }).to_string();
                [entry.at_ms.to_string(), who, entry.action.clone(), entry.target_id.clone(), changed]
            });
            Ok(Said::new(table(rows), &entries))
        }
    }
}

fn actor() -> Actor {
    Actor::command_line()
}

/// The organisation of this name or id.
async fn find_org(sql: &Sql, name: &str) -> Outcome<OrgId> {
    let found = match name.contains('\0') {
        true => None,
        false => org_db::by_name(sql, name, &fold(name)).await?.and_then(|id| OrgId::parse(&id)),
    };
    found.ok_or_else(|| Failure::invalid(format!("there is no organisation `{name}`: see `org list`")))
}

/// Rows with their columns in line.
fn table<const N: usize>(rows: impl IntoIterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = rows.into_iter().collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}", width = *width)).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
