//! How a content is stored, and read again.
//!
//! A small content is stored as it came. From [`DELTA_LEN_MIN`] on it is stored as a patch against its first parent, when
//! that is smaller: the patch that came, or one made here. A full content in between ([`Chain`]) bounds what rebuilding
//! costs. A version beside the line of heads is always stored in full, so that only heads are built upon. What was
//! rebuilt last is remembered, for the next save is made from it.

use super::db::{self, Chain, Link, Stored};
use super::rules::{self, Content};
use crate::app::App;
use crate::error::{Failure, Outcome};
use crate::extract::{off_thread, room_for_answer};
use aethex_wire::ErrorCode;
use aethex_wire::delta::{self, DeltaError};
use aethex_wire::ids::{GameId, PlayerId, VersionId};
use aethex_wire::saves::{Compression, Encoding, SAVE_LEN_MAX, SaveVersion};
use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// From this size on contents are stored as patches: below it, a row is a page or a few, whatever is in it.
const DELTA_LEN_MIN: usize = 32 * 1024;
/// Up to this size a patch is made here for what came in full: a few hundredths of a second for a megabyte, and larger
/// contents have SDKs that send patches.
const PATCHED_LEN_MAX: usize = 4 * 1024 * 1024;
/// Most patches between a content and the last full one: 128 of 1 MB are rebuilt in a tenth of a second.
const CHAIN_LEN_MAX: i64 = 128;
/// Most bytes that rebuilding a content writes, all steps together, as far as they are as long as the last.
const CHAIN_WORK_MAX: i64 = 128 * 1024 * 1024;
/// Bytes of rebuilt contents that are remembered, all players together: some hundred players who save right now.
const PLAINS_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Contents that are remembered, as the cache estimates them.
const PLAINS_MAX: usize = 1024;
/// zstd's level for what is packed here: the uploader's own packing is kept where there is one.
const PACK_LEVEL: i32 = 3;
/// Contents up to this size are encrypted on the request's thread, which takes a tenth of a millisecond at most.
const SEAL_IN_PLACE_LEN_MAX: usize = 64 * 1024;

/// The contents that were rebuilt last.
#[derive(Debug)]
pub(crate) struct Plains(Cache<(GameId, VersionId), Bytes, ByLen>);

#[derive(Debug, Clone)]
struct ByLen;

impl Weighter<(GameId, VersionId), Bytes> for ByLen {
    fn weight(&self, _: &(GameId, VersionId), plain: &Bytes) -> u64 {
        plain.len() as u64
    }
}

impl Default for Plains {
    fn default() -> Plains {
        Plains(Cache::with_weighter(PLAINS_MAX, PLAINS_BYTES_MAX, ByLen))
    }
}

impl Plains {
    fn get(&self, game: &GameId, version: &VersionId) -> Option<Bytes> {
        self.0.get(&(game.clone(), version.clone()))
    }

    /// Forgets all of them: a player is erased.
    pub(super) fn clear(&self) {
        self.0.clear();
    }

    fn keep(&self, game: &GameId, version: &VersionId, plain: &Bytes) {
        if plain.len() >= DELTA_LEN_MIN {
            self.0.insert((game.clone(), version.clone()), plain.clone());
        }
    }
}

/// Whose content it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) game: &'a GameId,
    pub(super) player: &'a PlayerId,
}

/// A content as it will be stored, and what else it takes to store it otherwise.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    /// In full.
    pub(super) full: Content,
    /// As a patch against a version that must be the head when it is stored.
    pub(super) patch: Option<Patch>,
    /// Not packed; absent for small contents.
    pub(super) plain: Option<Bytes>,
}

/// A content as a patch.
#[derive(Debug, Clone)]
pub(super) struct Patch {
    pub(super) base: VersionId,
    pub(super) bytes: Bytes,
    pub(super) chain: Chain,
}

/// Makes the data of a patch that came in: rebuilds, checks, and keeps the patch for storing when its base may be
/// the next parent.
pub(super) async fn of_patch(
    app: &App,
    owner: Owner<'_>,
    slot: &str,
    base: &VersionId,
    encoding: Encoding,
    hash: Option<String>,
    patch: Bytes,
) -> Outcome<Prepared> {
    let unknown = |why: &str| Failure::new(ErrorCode::UnknownBase, format!("{why}: send the data in full."));
    let hash = hash.ok_or_else(|| Failure::invalid("A patch needs the data's `hash`."))?;
    let found = db::version_of(&app.sql, owner.game, owner.player, slot, base).await?;
    let Some((version, stored)) = found.filter(|(version, _)| !version.deleted && !version.pruned) else {
        return Err(unknown("The patch's base is not at hand"));
    };
    let chain = stored.chain;
    if encoding == Encoding::Sealed {
        // Opaque: nothing can be rebuilt or checked but what came.
        let full = rules::checked(encoding, Compression::Delta, Some(&hash), &patch.clone(), patch.clone())?;
        let patch = Patch {
            base: base.clone(),
            chain: longer(chain, stored.stored_bytes, patch.len()),
            bytes: patch,
        };
        return Ok(Prepared { full, patch: Some(patch), plain: None });
    }
    if version.encoding == Encoding::Sealed {
        return Err(unknown("The patch's base is encrypted by the player's devices"));
    }
    let _room = room_for_answer(app, version.size_bytes)?;
    let before = plain(app, owner, &version, stored.clone()).await?;
    let sent = patch.clone();
    let full = off_thread(app, move || {
        let plain: Bytes = delta::decode(&before, &sent, SAVE_LEN_MAX)
            .map_err(|error| match error {
                DeltaError::TooLong { .. } => rules::too_large(),
                DeltaError::Malformed(_) => unknown("The patch does not fit its base"),
            })?
            .into();
        let packed = pack(&plain);
        let checked = rules::checked(encoding, packed.0, Some(&hash), &plain, packed.1);
        // Rebuilt from another base, or made by another version of a library: the sender has the whole.
        checked.map(|content| (content, plain)).map_err(|failure| match failure.code() {
            ErrorCode::HashMismatch => unknown("The patch does not give what `hash` says"),
            _ => failure,
        })
    })
    .await?;
    let (full, plain) = full;
    let chain = longer(chain, stored.stored_bytes, patch.len());
    let patch = Patch { base: base.clone(), bytes: patch, chain };
    let patch = Some(patch).filter(|patch| pays(patch, &full));
    Ok(Prepared { full, patch, plain: Some(plain) })
}

/// Makes a patch against a version for storing a content that came in full, when it is worth it.
pub(super) async fn against(
    app: &App,
    owner: Owner<'_>,
    slot: &str,
    base: Option<&VersionId>,
    full: Content,
) -> Outcome<Prepared> {
    let whole = |full| Prepared { full, patch: None, plain: None };
    let worth = DELTA_LEN_MIN as i64..=PATCHED_LEN_MAX as i64;
    if !worth.contains(&full.size_bytes) || full.encoding == Encoding::Sealed {
        return Ok(whole(full));
    }
    let found = match base {
        Some(base) => db::version_of(&app.sql, owner.game, owner.player, slot, base).await?,
        None => db::head(&app.sql, owner.game, owner.player, slot).await?,
    };
    let usable = |version: &SaveVersion| {
        !version.deleted
            && !version.pruned
            && version.encoding != Encoding::Sealed
            && version.sequence.is_some()
    };
    let before = match found.filter(|(version, _)| usable(version)) {
        None => None,
        Some((version, stored)) => {
            let room = room_for_answer(app, version.size_bytes)?;
            let before = plain(app, owner, &version, stored.clone()).await?;
            Some((version.version, stored, before, room))
        }
    };
    off_thread(app, move || {
        let plain: Bytes = match full.compression {
            Compression::None => full.stored.clone(),
            _ => rules::decompress(&full.stored)?.into(),
        };
        let full = packed_again(full, &plain);
        let patch = before.and_then(|(base, stored, before, _room)| {
            let bytes: Bytes = delta::encode(&before, &plain).into();
            let chain = longer(stored.chain, stored.stored_bytes, bytes.len());
            Some(Patch { base, bytes, chain }).filter(|patch| pays(patch, &full))
        });
        Ok(Prepared { full, patch, plain: Some(plain) })
    })
    .await
}

/// What came as it is, packed if that is smaller.
fn packed_again(full: Content, plain: &Bytes) -> Content {
    if full.compression != Compression::None {
        return full;
    }
    let (compression, stored) = pack(plain);
    Content { compression, stored, ..full }
}

/// Packs a content if that makes it smaller.
pub(super) fn pack(plain: &Bytes) -> (Compression, Bytes) {
    match zstd::bulk::compress(plain, PACK_LEVEL) {
        Ok(packed) if packed.len() < plain.len() => (Compression::Zstd, packed.into()),
        _ => (Compression::None, plain.clone()),
    }
}

/// The chain with one more patch.
fn longer(before: Chain, before_stored: i64, patch_len: usize) -> Chain {
    let key_bytes = if before.len == 0 { before_stored } else { before.key_bytes };
    Chain { len: before.len + 1, bytes: before.bytes + patch_len as i64, key_bytes }
}

/// Whether the patch is stored, and not the full content: it is smaller, and neither the chain's length, nor what
/// rebuilding writes, nor the space that its patches take beside the full content is too much.
fn pays(patch: &Patch, full: &Content) -> bool {
    let Chain { len, bytes, key_bytes } = patch.chain;
    delta::is_lasting(&patch.bytes)
        && patch.bytes.len() * 4 < full.stored.len() * 3
        && len <= CHAIN_LEN_MAX
        && (len + 1) * full.size_bytes <= CHAIN_WORK_MAX
        && bytes <= key_bytes / 2 * 3 + DELTA_LEN_MIN as i64
}

/// What a version's data is: opened, rebuilt and unpacked, and its hash checked.
///
/// Contents up to 16 MiB: take room for the answer first.
pub(super) async fn plain(
    app: &App,
    owner: Owner<'_>,
    version: &SaveVersion,
    stored: Stored,
) -> Outcome<Bytes> {
    if let Some(plain) = app.plains.get(owner.game, &version.version) {
        return Ok(plain);
    }
    let gone = match rebuilt(app, owner, version, stored).await {
        Err(failure) if failure.code() == ErrorCode::SaveNotFound => failure,
        done => return done,
    };
    // Retention may have stored it, or what it is built from, otherwise just now: then it is there.
    let found = db::version_of(&app.sql, owner.game, owner.player, &version.slot, &version.version).await?;
    match found {
        Some((version, stored)) if !version.deleted && !version.pruned => {
            rebuilt(app, owner, &version, stored).await
        }
        _ => Err(gone),
    }
}

async fn rebuilt(app: &App, owner: Owner<'_>, version: &SaveVersion, stored: Stored) -> Outcome<Bytes> {
    let mut links = vec![Link { version: version.version.clone(), stored }];
    if links[0].stored.compression == Compression::Delta {
        links = db::chain(&app.sql, owner.game, owner.player, &version.version).await?;
    }
    let mut steps = Vec::with_capacity(links.len());
    for link in links {
        steps.push((link.stored.compression, payload(app, owner, &link.version, link.stored).await?));
    }
    let hash = version.hash.clone();
    let rebuild = move || rebuild(steps, &hash);
    let plain =
        if version.size_bytes >= DELTA_LEN_MIN as i64 { off_thread(app, rebuild).await? } else { rebuild()? };
    app.plains.keep(owner.game, &version.version, &plain);
    Ok(plain)
}

/// The first step is the wanted version, the last the full content that it is built from.
fn rebuild(mut steps: Vec<(Compression, Bytes)>, hash: &str) -> Outcome<Bytes> {
    let mut plain = Bytes::new();
    while let Some((compression, payload)) = steps.pop() {
        plain = match compression {
            Compression::None => payload,
            Compression::Zstd => rules::decompress(&payload)?.into(),
            Compression::Delta => delta::decode(&plain, &payload, SAVE_LEN_MAX)
                .map_err(|error| Failure::internal(format!("a stored patch is damaged: {error}")))?
                .into(),
        };
    }
    if blake3::hash(&plain).to_hex().as_str() != hash {
        return Err(Failure::internal("a stored content does not match its hash"));
    }
    Ok(plain)
}

/// A version's bytes as they were before they were sealed: packed, or a patch.
pub(super) async fn payload(
    app: &App,
    owner: Owner<'_>,
    version: &VersionId,
    stored: Stored,
) -> Outcome<Bytes> {
    let sealed = match (stored.body, stored.blob_key) {
        (Some(body), _) => body,
        (None, Some(key)) => match app.blob.get(&key).await {
            Ok(body) => body,
            // A delete in between purges the row, then removes the blob. Without one a blob is missing, and
            // to say that the slot is empty would have a player begin anew.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(match db::names_blob(&app.sql, owner.game, &key).await? {
                    true => Failure::internal(format!("the blob {} is missing", super::last_part(&key))),
                    false => gone(),
                });
            }
            Err(error) => return Err(Failure::blob(&error)),
        },
        (None, None) => return Err(gone()),
    };
    open(app, owner, version.as_str(), stored.sealed_by.as_deref(), sealed).await
}

fn gone() -> Failure {
    Failure::new(ErrorCode::SaveNotFound, "No save is in this slot.")
}

/// Encrypts what is stored, with the player's key; the key's id. `id` tells the content from every other one of the
/// game, and has to be the same when it is opened.
pub(super) async fn seal(
    app: &App,
    owner: Owner<'_>,
    id: &str,
    bytes: Bytes,
) -> Outcome<(Bytes, Option<String>)> {
    let Some(key) = app.seal.key_of(&app.sql, owner.game, owner.player).await? else {
        return Ok((bytes, None));
    };
    let (key_id, id) = (key.id().to_owned(), id.to_owned());
    let large = bytes.len() > SEAL_IN_PLACE_LEN_MAX;
    let seal = move || key.seal(&id, &bytes);
    let sealed = if large { off_thread(app, seal).await? } else { seal()? };
    Ok((sealed, Some(key_id)))
}

/// Decrypts what was stored.
pub(super) async fn open(
    app: &App,
    owner: Owner<'_>,
    id: &str,
    key: Option<&str>,
    bytes: Bytes,
) -> Outcome<Bytes> {
    let Some(key) = key else { return Ok(bytes) };
    let key = app.seal.key(&app.sql, owner.game, key).await?;
    let id = id.to_owned();
    let large = bytes.len() > SEAL_IN_PLACE_LEN_MAX;
    let open = move || key.open(&id, &bytes);
    if large { off_thread(app, open).await } else { open() }
}

/// What was stored is at hand for the next save.
pub(super) fn remember(app: &App, game: &GameId, version: &VersionId, plain: Option<&Bytes>) {
    if let Some(plain) = plain {
        app.plains.keep(game, version, plain);
    }
}
