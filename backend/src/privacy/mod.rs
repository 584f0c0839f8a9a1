//! Privacy: what players agree to, what the backend knows of them, and how they get it or have it erased.
//!
//! `consent` keeps policies, acceptances, consents, ages and parents, and answers [`may_as_child`], which a
//! feature asks before it does what needs consent. [`registry`] lists what each feature knows of a player;
//! `export` writes all of it into one archive, `erase` removes all of it and leaves a receipt that names
//! nobody. Both run as jobs. The studio's support reaches the same through [`export_player`], [`find_export`],
//! [`download_export`], [`erase_player`], [`correct_age`] and [`publish_policy`].

pub(crate) mod config;
mod consent;
mod db;
mod erase;
mod export;
mod holding;
mod mails;
mod registry;
mod routes;
mod rules;

pub(crate) use consent::{correct_age, may_as_child, newest_policies, publish_policy};
pub(crate) use erase::{JOB as ERASE_JOB, run as run_erasure};
pub(crate) use export::{Archive, JOB as EXPORT_JOB, find as find_export, run as run_export};
pub(crate) use holding::{forget_blobs, merge};
pub(crate) use registry::{ERASE_BATCH, Holding, Subject, no_blobs};
pub use registry::{other_tables, personal_tables};
pub(crate) use routes::{download_export, routes};

use crate::app::{App, until_stopped};
use crate::error::{Failure, Outcome};
use crate::jobs::JobError;
use crate::ports::sql::Sql;
use aethex_wire::ids::GameId;
use aethex_wire::privacy::{Export, Policy, Receipt};
use futures_util::FutureExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often what expired is swept, and erasures that stopped are found.
const SWEEP_PERIOD: Duration = Duration::from_secs(3600);

/// Asks for an export of a player on behalf of the game's support.
pub(crate) async fn export_player(app: &App, who: &Subject) -> Outcome<Export> {
    match crate::auth::holding::exists(app, who).await? {
        true => export::start(app, who).await,
        false => Err(Failure::not_found()),
    }
}

/// Erases a player on behalf of the game's support, after `grace_s` seconds.
pub(crate) async fn erase_player(app: &App, who: &Subject, grace_s: i64) -> Outcome<Receipt> {
    match crate::auth::holding::exists(app, who).await? {
        true => erase::start(app, who, grace_s).await,
        false => Err(Failure::not_found()),
    }
}

/// Whether a player's account was closed to be erased. From then on nothing is done to it, nor noted of it.
pub(crate) async fn is_closed(app: &App, who: &Subject) -> Outcome<bool> {
    erase::is_closed(app, who).await
}

/// Publishes a policy's version from the command line, for the default game.
pub async fn publish_from_terminal(sql: &Sql, policy: Policy) -> Result<Policy, String> {
    let game = game_of_terminal(sql).await?;
    sql.all_games()
        .transaction(move |tx| async move { publish_policy(tx, &game, policy).await }.boxed())
        .await
        .map_err(|failure| failure.to_string())
}

/// The newest version of each policy of the default game, for the command line.
pub async fn policies_for_terminal(sql: &Sql) -> Result<Vec<Policy>, String> {
    let game = game_of_terminal(sql).await?;
    newest_policies(sql, &game).await.map_err(|failure| failure.to_string())
}

async fn game_of_terminal(sql: &Sql) -> Result<GameId, String> {
    let found = crate::auth::holding::default_game(sql).await.map_err(|error| error.to_string())?;
    found.ok_or_else(|| "there is no game yet: start the server once".to_owned())
}

/// Background work: sweeps exports that expired, and takes up erasures that stopped.
pub(crate) async fn tend(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let mut sweep = tokio::time::interval(SWEEP_PERIOD);
    loop {
        tokio::select! {
            _ = sweep.tick() => {
                for done in [export::sweep(&app).await, erase::sweep(&app).await] {
                    if let Err(failure) = done {
                        tracing::warn!(fault = failure.fault(), code = %failure.code(), "cannot sweep privacy");
                    }
                }
            }
            () = until_stopped(&mut stopped) => return,
        }
    }
}

fn blob_failed(error: std::io::Error) -> Failure {
    Failure::blob(&error)
}

/// A failure as the job's: another attempt may succeed. Its fault is for the log, its kind for the row.
fn job_failed(failure: Failure) -> JobError {
    if let Some(fault) = failure.fault() {
        tracing::error!(fault, "a job of privacy failed");
    }
    JobError::Again(failure.code().to_string())
}
