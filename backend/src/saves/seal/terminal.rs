//! What the command line does with encryption keys: a new one, the end of old ones, a new one for a player.

use super::{Seal, db, open_kms};
use crate::app::open_sql;
use crate::config::Config;
use crate::context::now_ms;
use crate::ports::kms::{First, Kms};
use crate::ports::sql::Sql;
use aethex_wire::ids::{GameId, PlayerId};

/// How long ago a key has to be replaced before it is removed: every server has found the new one.
const REPLACED_FOR_MS: i64 = 3600 * 1000;

/// Adds an encryption key; running servers wrap the players' keys with it, in the background.
pub async fn rotate_encryption_key(config: &Config) -> Result<String, String> {
    let kms = open(config)?;
    let added = kms.rotate().await.map_err(|error| error.to_string())?;
    Ok(format!("added encryption key {added}; running servers wrap the players' keys with it within minutes"))
}

/// Removes encryption keys that wrap nothing any more, and were replaced over an hour ago.
pub async fn prune_encryption_keys(config: &Config) -> Result<String, String> {
    let kms = open(config)?;
    // Nothing is removed on the word of a key that does not work.
    kms.probe()
        .await
        .map_err(|error| format!("the newest key does not work, so none is removed: {error}"))?;
    let sql = open_sql(config).await.map_err(|error| error.0)?;
    let pruned = prune(&kms, &sql, now_ms() - REPLACED_FOR_MS).await;
    sql.close().await;
    pruned
}

/// Removes what a newer key replaced before a time.
pub(super) async fn prune(kms: &Kms, sql: &Sql, before_ms: i64) -> Result<String, String> {
    let mut said = Vec::new();
    for old in kms.replaced(before_ms) {
        let count = db::wrapped_by(sql, &old.kek_id).await.map_err(|error| error.to_string())?;
        if count > 0 {
            said.push(format!("kept {}: it wraps {count} players' keys", old.kek_id));
            continue;
        }
        std::fs::remove_file(&old.path)
            .map_err(|error| format!("cannot remove {}: {error}", old.path.display()))?;
        said.push(format!("removed {}", old.kek_id));
    }
    if said.is_empty() {
        said.push("no encryption key was replaced over an hour ago".into());
    }
    Ok(said.join("\n"))
}

/// Gives a player a new data key for what is stored from now on.
pub async fn renew_player_key(config: &Config, game: &str, player: &str) -> Result<String, String> {
    let game = GameId::parse(game).ok_or("that is no id of a game")?;
    let player = PlayerId::parse(player).ok_or("that is no id of a player")?;
    let seal = Seal::new(open(config)?, true);
    let sql = open_sql(config).await.map_err(|error| error.0)?;
    let renewed = match db::newest(&sql, &game, &player).await.map_err(|error| error.to_string())? {
        None => Err("this player has no key yet: it is made at the first save".to_owned()),
        Some(_) => seal.renew(&sql, &game, &player).await.map_err(|failure| failure.words().to_owned()),
    };
    sql.close().await;
    renewed.map(|key_id| format!("key {key_id} seals what the player stores; servers follow within minutes"))
}

fn open(config: &Config) -> Result<Kms, String> {
    open_kms(&config.kms, &config.data, First::Expect).map_err(|error| error.0)
}
