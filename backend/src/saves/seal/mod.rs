//! Encryption of contents at rest: each player has a data key, which an encryption key wraps.
//!
//! Writing: [`Seal::key_of`] gives the player's newest key, [`PlayerKey::seal`] makes of a content (compressed
//! already) what is stored, and the row keeps [`PlayerKey::id`]. Reading: [`Seal::key`] finds the key that a row
//! names. Keys are remembered for [`REMEMBERED_MS`], so neither asks the database for a player who is at play.
//!
//! Data keys lie in `saves_key`, wrapped by `ports/kms`. A merge of accounts moves a player's keys, an erasure
//! removes them first of all: what they sealed is noise then, in every copy of a content that is left somewhere.
//! Encryption keys change without a content being touched: `rewrap` wraps the data keys anew.

mod db;
mod rewrap;
mod rules;
mod terminal;

pub(crate) use db::{adopt, shred};
pub(crate) use rewrap::{REWRAP_JOB, run_rewrap, tend};
pub use terminal::{prune_encryption_keys, renew_player_key, rotate_encryption_key};

use crate::app::StartError;
use crate::config::Config;
use crate::context::{now_ms, random};
use crate::error::{Failure, Outcome};
use crate::ports::kms::{DataKey, First, Kms, KmsConfig, KmsError, new_data_key};
use crate::ports::sql::Sql;
use aethex_wire::ids::{GameId, PlayerId};
use bytes::Bytes;
use db::Kept;
use quick_cache::sync::Cache;
use rules::{KEY_LEN, NONCE_LEN};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Keys that are remembered by player, and as many by their id: players at play on one server. Each takes some
/// 300 bytes.
const REMEMBERED_MAX: usize = 50_000;
/// How long a key is remembered: a player saves every few minutes, and as long an erased player's key may lie in
/// a server's memory, of no use to anybody, for the account is closed before.
const REMEMBERED_MS: i64 = 5 * 60 * 1000;
/// Rows that are tried of each encryption key at the start: one may be damaged, not three.
const TRIED: i64 = 3;

/// A player's data key. Clones share it; the last one takes it out of memory.
#[derive(Clone)]
pub(crate) struct PlayerKey(Arc<Inner>);

struct Inner {
    id: String,
    game: GameId,
    sealing: Zeroizing<[u8; KEY_LEN]>,
    deriving: Zeroizing<[u8; KEY_LEN]>,
}

impl std::fmt::Debug for PlayerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PlayerKey").field(&self.0.id).finish()
    }
}

impl PlayerKey {
    fn new(game: &GameId, id: &str, data_key: &DataKey) -> PlayerKey {
        let (sealing, deriving) = rules::expand(data_key);
        PlayerKey(Arc::new(Inner {
            id: id.to_owned(),
            game: game.clone(),
            sealing: Zeroizing::new(sealing),
            deriving: Zeroizing::new(deriving),
        }))
    }

    /// What a row keeps, to find the key again.
    pub(crate) fn id(&self) -> &str {
        &self.0.id
    }

    /// Seals a content. `id` tells it from every other one of the game, and has to be the same when it is opened.
    pub(crate) fn seal(&self, id: &str, plain: &[u8]) -> Outcome<Bytes> {
        let aad = rules::bound_to(&self.0.game, id);
        let sealed = rules::seal(&self.0.sealing, random::<NONCE_LEN>(), &aad, plain);
        sealed.ok_or_else(|| Failure::internal("a content cannot be sealed"))
    }

    /// Opens what this key sealed under this id.
    pub(crate) fn open(&self, id: &str, sealed: &[u8]) -> Outcome<Bytes> {
        let aad = rules::bound_to(&self.0.game, id);
        let plain = rules::open(&self.0.sealing, &aad, sealed);
        plain.ok_or_else(|| Failure::internal("a sealed content is damaged, or not what its row says"))
    }

    /// A key for one further use, such as one upload: the same for the same label, and nothing of the others.
    pub(crate) fn derive(&self, label: &str) -> Zeroizing<[u8; KEY_LEN]> {
        Zeroizing::new(*blake3::keyed_hash(&self.0.deriving, label.as_bytes()).as_bytes())
    }
}

/// What saves know of keys.
#[derive(Debug)]
pub(crate) struct Seal {
    kms: Kms,
    enabled: bool,
    writing: Cache<(GameId, PlayerId), Remembered>,
    reading: Cache<(GameId, String), Remembered>,
}

#[derive(Debug, Clone)]
struct Remembered {
    key: PlayerKey,
    until_ms: i64,
}

impl Remembered {
    fn new(key: &PlayerKey) -> Remembered {
        Remembered { key: key.clone(), until_ms: now_ms() + REMEMBERED_MS }
    }

    fn live(self) -> Option<PlayerKey> {
        (now_ms() < self.until_ms).then_some(self.key)
    }
}

impl Seal {
    /// Opens the key service and makes sure that every encryption key is there that a player's key was wrapped
    /// with. The first one is made when there is nothing to lose.
    pub(crate) async fn open(config: &Config, sql: &Sql) -> Result<Seal, StartError> {
        let failed = |error| StartError(format!("cannot read the players' keys: {error}"));
        let keks = db::keks(sql).await.map_err(failed)?;
        let enabled = config.saves.encryption.enabled;
        let first = if enabled && keks.is_empty() { First::Make } else { First::Expect };
        let seal = Seal::new(open_kms(&config.kms, &config.data, first)?, enabled);
        let checked = seal.check(sql, &keks).await;
        match checked {
            // Logins go on, saves are refused until it answers.
            Err(Wrong::Unreachable(why)) => tracing::error!(
                why,
                "the key service cannot be reached: no save can be stored or read until it answers"
            ),
            Err(Wrong::Operator(why)) => return Err(StartError(why)),
            Ok(()) => {}
        }
        Ok(seal)
    }

    fn new(kms: Kms, enabled: bool) -> Seal {
        Seal { kms, enabled, writing: Cache::new(REMEMBERED_MAX), reading: Cache::new(REMEMBERED_MAX) }
    }

    /// The key that seals what the player stores now; made at the first use. `None` where encryption is off.
    pub(crate) async fn key_of(
        &self,
        sql: &Sql,
        game: &GameId,
        player: &PlayerId,
    ) -> Outcome<Option<PlayerKey>> {
        if !self.enabled {
            return Ok(None);
        }
        let whose = (game.clone(), player.clone());
        if let Some(key) = self.writing.get(&whose).and_then(Remembered::live) {
            return Ok(Some(key));
        }
        let kept = match db::newest(sql, game, player).await? {
            Some(kept) => kept,
            // The first, whoever else makes it now: counting again could make this the second.
            None => self.make(sql, game, player, (0, 0)).await?,
        };
        let key = self.unwrap(game, &kept).await?;
        self.writing.insert(whose, Remembered::new(&key));
        self.reading.insert((game.clone(), kept.key_id), Remembered::new(&key));
        Ok(Some(key))
    }

    /// The key of this id. Ask for ids that a row of the player names, and for no others.
    pub(crate) async fn key(&self, sql: &Sql, game: &GameId, key_id: &str) -> Outcome<PlayerKey> {
        let which = (game.clone(), key_id.to_owned());
        if let Some(key) = self.reading.get(&which).and_then(Remembered::live) {
            return Ok(key);
        }
        let kept = db::by_id(sql, game, key_id).await?;
        let kept = kept.ok_or_else(|| Failure::internal("the key of a sealed content is gone"))?;
        let key = self.unwrap(game, &kept).await?;
        self.reading.insert(which, Remembered::new(&key));
        Ok(key)
    }

    /// Gives the player a new key: what is stored from now on is sealed with it, other servers follow within
    /// [`REMEMBERED_MS`]. What is there stays as it is.
    pub(crate) async fn renew(&self, sql: &Sql, game: &GameId, player: &PlayerId) -> Outcome<String> {
        let before = db::count(sql, game, player).await?;
        let made = self.make(sql, game, player, before).await?;
        self.forget(game, player);
        Ok(made.key_id)
    }

    /// Forgets which key the player writes with.
    pub(crate) fn forget(&self, game: &GameId, player: &PlayerId) {
        self.writing.remove(&(game.clone(), player.clone()));
    }

    /// Takes keys out of memory whose time is over.
    fn sweep(&self) {
        let now = now_ms();
        self.writing.retain(|_, remembered| now < remembered.until_ms);
        self.reading.retain(|_, remembered| now < remembered.until_ms);
    }

    /// Makes the key after the `count` that there are; returns the newest, which another server may have made.
    async fn make(
        &self,
        sql: &Sql,
        game: &GameId,
        player: &PlayerId,
        (count, newest_ms): (i64, i64),
    ) -> Outcome<Kept> {
        let key_id = rules::key_id(game, player, count + 1);
        let context = rules::key_bound_to(game, &key_id);
        let wrapped = self.kms.wrap(&context, &new_data_key()).await.map_err(failure)?;
        db::insert(sql, game, player, &Kept { key_id, wrapped }, now_ms().max(newest_ms + 1)).await?;
        let newest = db::newest(sql, game, player).await?;
        newest.ok_or_else(|| Failure::internal("a player's key was made and is not there"))
    }

    async fn unwrap(&self, game: &GameId, kept: &Kept) -> Outcome<PlayerKey> {
        let context = rules::key_bound_to(game, &kept.key_id);
        let data_key = self.kms.unwrap(&context, &kept.wrapped).await.map_err(failure)?;
        Ok(PlayerKey::new(game, &kept.key_id, &data_key))
    }

    /// Whether every encryption key that is needed is there, and is the one that wrapped what names it.
    async fn check(&self, sql: &Sql, keks: &[String]) -> Result<(), Wrong> {
        for kek_id in keks {
            self.check_kek(sql, kek_id).await?;
        }
        if self.enabled {
            self.kms.current().await.map_err(|error| Wrong::of(&error))?;
        }
        Ok(())
    }

    async fn check_kek(&self, sql: &Sql, kek_id: &str) -> Result<(), Wrong> {
        let unread = |error| Wrong::Operator(format!("cannot read the players' keys: {error}"));
        let rows = db::batch(sql, kek_id, &Default::default(), TRIED).await.map_err(unread)?;
        let mut wrong = None;
        for (game, kept) in rows {
            let Some(game) = GameId::parse(&game) else { continue };
            match self.kms.unwrap(&rules::key_bound_to(&game, &kept.key_id), &kept.wrapped).await {
                Ok(_) => return Ok(()),
                Err(error) => wrong = Some(error),
            }
        }
        let count = db::wrapped_by(sql, kek_id).await.map_err(unread)?;
        match wrong {
            None => Ok(()),
            Some(KmsError::Missing(_)) => Err(Wrong::Operator(missing(kek_id, count))),
            Some(KmsError::Damaged(_)) => Err(Wrong::Operator(format!(
                "the encryption key {kek_id} does not open the keys of {count} players that name it: it is not the \
                 key that wrapped them. Bring back the right one; nothing was changed"
            ))),
            Some(other) => Err(Wrong::of(&other)),
        }
    }
}

/// Why the keys cannot be used now.
#[derive(Debug)]
enum Wrong {
    /// Later they may be.
    Unreachable(String),
    /// The operator has to do something.
    Operator(String),
}

impl Wrong {
    fn of(error: &KmsError) -> Wrong {
        match error {
            KmsError::Unreachable(_) => Wrong::Unreachable(error.to_string()),
            _ => Wrong::Operator(error.to_string()),
        }
    }
}

fn missing(kek_id: &str, count: i64) -> String {
    let place = match kek_id.strip_prefix("file:").and_then(|rest| rest.split_once('-')) {
        Some((time, _)) => {
            format!("bring back the file encryption-{time}.key from a backup of the keys folder")
        }
        None => "set `kms.vault_…` so that it can be reached, or bring it back in the vault".to_owned(),
    };
    let where_to =
        if kek_id.starts_with("file:") { "the keys folder misses" } else { "the key service misses" };
    format!(
        "{where_to} encryption key {kek_id} that wraps {count} players' keys: without it their saves cannot be read. \
         To go on, {place}; no other key is made in its place"
    )
}

fn open_kms(config: &KmsConfig, data: &Path, first: First) -> Result<Kms, StartError> {
    Kms::open(config, &data.join("keys"), first).map_err(|error| StartError(error.to_string()))
}

/// Whether the encryption keys that saves need can be used, in words for the operator. Makes nothing.
pub(crate) async fn state(config: &Config, sql: &Sql) -> Result<String, String> {
    let keks = db::keks(sql).await.map_err(|error| error.to_string())?;
    let enabled = config.saves.encryption.enabled;
    if !enabled && keks.is_empty() {
        return Ok("off: saves are stored as they are".into());
    }
    let kms = open_kms(&config.kms, &config.data, First::Expect).map_err(|error| error.0)?;
    let seal = Seal::new(kms, false);
    seal.check(sql, &keks).await.map_err(|wrong| match wrong {
        Wrong::Unreachable(why) | Wrong::Operator(why) => why,
    })?;
    let wraps = match seal.kms.probe().await {
        Ok(kek_id) => kek_id,
        Err(KmsError::Missing(_)) if keks.is_empty() => "the first key is made at the first start".into(),
        Err(error) => return Err(error.to_string()),
    };
    let old = keks.iter().filter(|kek_id| **kek_id != wraps).count();
    let off = if enabled { "" } else { "off for new saves; " };
    Ok(format!("{off}{}: {wraps}; {old} older keys still wrap something", seal.kms.engine()))
}

/// What a request is told.
fn failure(error: KmsError) -> Failure {
    match error {
        KmsError::Unreachable(_) | KmsError::Refused(_) => {
            tracing::error!(%error, "a save waits for the key service");
            Failure::overloaded()
        }
        KmsError::Missing(_) | KmsError::Damaged(_) => Failure::internal(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
