//! `aethex-cloud saves …`: a player's saves for support, on the server's data itself.
//!
//! The entry in the audit log comes first: what is not in the log was not done.

use super::{Said, actor};
use crate::auth::tenants;
use crate::config::Config;
use crate::error::{Failure, Outcome};
use crate::ports::sql::{Sql, SqlError};
use crate::saves::terminal;
use crate::studio::audit::record;
use aethex_wire::ids::{GameId, PlayerId};
use clap::Subcommand;
use futures_util::FutureExt;
use std::path::PathBuf;

/// What can be done with saves.
#[derive(Debug, Subcommand)]
pub enum SavesCommand {
    /// Write a player's saves into a new file: a ZIP archive that `import`, and the game itself, can read.
    Export {
        /// `default`, a game's id, or `organisation/project/environment`.
        #[arg(long)]
        game: String,
        /// The player's id, or email.
        #[arg(long)]
        player: String,
        /// The file to make.
        #[arg(long)]
        out: PathBuf,
        /// Only what the slots hold now, without their history.
        #[arg(long)]
        heads: bool,
    },
    /// Add the saves of an archive to a player's. Nothing is replaced: where a slot has a save already, what comes is kept
    /// beside it, in the history. The same archive again adds nothing.
    Import {
        /// `default`, a game's id, or `organisation/project/environment`.
        #[arg(long)]
        game: String,
        /// The player's id, or email.
        #[arg(long)]
        player: String,
        /// The archive.
        file: PathBuf,
    },
}

pub(super) async fn run(config: &Config, sql: &Sql, command: SavesCommand) -> Outcome<Said> {
    let (game, player) = match &command {
        SavesCommand::Export { game, player, .. } | SavesCommand::Import { game, player, .. } => {
            (game, player)
        }
    };
    let place = super::keys::find_place(sql, game).await?;
    let app = terminal::open(config, sql).await?;
    let game = place.game;
    let found = tenants::find_player(&app, &game, player).await?;
    let found = found.ok_or_else(|| Failure::invalid(format!("the game has no player `{player}`")))?;
    let player = PlayerId::parse(found.id.as_str()).ok_or_else(Failure::not_found)?;
    match command {
        SavesCommand::Export { out, heads, .. } => {
            note(sql, &place.org, "player.saves.export", &game, &player).await?;
            let done = terminal::export(&app, &game, &player, !heads, &out).await?;
            let words = format!("{} versions in {}", done.versions, out.display());
            Ok(Said::new(words, &done))
        }
        SavesCommand::Import { file, .. } => {
            note(sql, &place.org, "player.saves.import", &game, &player).await?;
            let done = terminal::import(&app, &game, &player, &file).await?;
            let words = format!(
                "{} versions on top, {} beside what was there, {} without a content that can be stored",
                done.heads, done.beside, done.skipped
            );
            Ok(Said::new(words, &done))
        }
    }
}

async fn note(
    sql: &Sql,
    org: &str,
    action: &'static str,
    game: &GameId,
    player: &PlayerId,
) -> Result<(), SqlError> {
    let entry = actor().did(org, action, "player", player.as_str()).after("game", game.as_str());
    sql.all_games().transaction(move |tx| async move { record(tx, entry).await }.boxed()).await
}
