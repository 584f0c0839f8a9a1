//! Named parts of versions: each content is stored once for each player, under its hash.
//!
//! The bytes are durable before the version that names them is. Whoever names a content says that it is used now, and
//! what was used in the last day is not swept: so a sweep never takes what a version is about to name.

mod db;
mod routes;

pub(super) use db::{carry, touch};
pub(super) use routes::get_part;

use super::config::INLINE_LEN_MAX;
use super::contents::{self, Owner};
use super::{rules, uploads};
use crate::app::App;
use crate::context::{new_version_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::extract::{off_thread, room_for_answer};
use crate::privacy::Archive;
use aethex_wire::ErrorCode;
use aethex_wire::delta;
use aethex_wire::saves::{Compression, Encoding, Part, PutPart, SAVE_LEN_MAX};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use db::{Form, NewPart, StoredPart};

/// Most patches between a part and its last full content.
const CHAIN_LEN_MAX: i64 = 16;
/// Parts up to this size are checked on the request's thread.
const CHECK_IN_PLACE_LEN_MAX: usize = 64 * 1024;

/// A part of a request.
#[derive(Debug)]
pub(super) struct ReadPart {
    name: String,
    encoding: Encoding,
    hash: Option<String>,
    bytes: Option<PartBytes>,
}

impl ReadPart {
    /// The part by its name and content.
    pub(super) fn named(&self) -> PutPart {
        let sent = self.bytes.as_ref().map(|sent| blake3::hash(&sent.bytes).to_hex().to_string());
        PutPart {
            name: self.name.clone(),
            encoding: Some(self.encoding),
            hash: self.hash.clone().or(sent),
            len: None,
            compression: None,
            base_hash: None,
            data_base64: None,
        }
    }
}

#[derive(Debug)]
struct PartBytes {
    compression: Compression,
    base_hash: Option<String>,
    bytes: Bytes,
}

/// A part of a JSON body.
pub(super) fn of_json(part: PutPart) -> Outcome<ReadPart> {
    if part.len.is_some() || part.compression.is_some() || part.base_hash.is_some() {
        return Err(Failure::invalid("`len`, `compression` and `base_hash` belong to frames."));
    }
    let bytes = match part.data_base64 {
        None => None,
        Some(text) => {
            let bytes = STANDARD.decode(text);
            let bytes = bytes.map_err(|_| Failure::invalid("A part's `data_base64` is not base64."))?;
            Some(PartBytes { compression: Compression::None, base_hash: None, bytes: bytes.into() })
        }
    };
    read(part.name, part.encoding, part.hash, bytes)
}

/// The data's bytes, and the parts whose bytes follow them.
pub(super) fn of_frame(parts: Vec<PutPart>, payload: Bytes) -> Outcome<(Bytes, Vec<ReadPart>)> {
    let lens = parts.iter().map(|part| part.len.unwrap_or_default() as usize);
    let total = lens.sum::<usize>();
    let data_len = payload.len().checked_sub(total);
    let data_len = data_len.ok_or_else(|| Failure::invalid("The parts are longer than the payload."))?;
    let data = payload.slice(..data_len);
    let mut rest = payload.slice(data_len..);
    let mut read_parts = Vec::with_capacity(parts.len());
    for part in parts {
        if part.data_base64.is_some() {
            return Err(Failure::invalid("A frame's parts follow its data: leave out `data_base64`."));
        }
        let bytes = match part.len {
            None if part.compression.is_some() || part.base_hash.is_some() => {
                return Err(Failure::invalid("`compression` and `base_hash` belong to a part with `len`."));
            }
            None => None,
            Some(len) => Some(PartBytes {
                compression: part.compression.unwrap_or_default(),
                base_hash: part.base_hash,
                bytes: rest.split_to(len as usize),
            }),
        };
        read_parts.push(read(part.name, part.encoding, part.hash, bytes)?);
    }
    Ok((data, read_parts))
}

fn read(
    name: String,
    encoding: Option<Encoding>,
    hash: Option<String>,
    bytes: Option<PartBytes>,
) -> Outcome<ReadPart> {
    if hash.is_none() && bytes.is_none() {
        return Err(Failure::invalid("A part needs its bytes, or the `hash` of a stored one."));
    }
    Ok(ReadPart { name, encoding: encoding.unwrap_or(Encoding::Bytes), hash, bytes })
}

/// Stores the parts that came with their bytes, and makes sure that the others are there.
pub(super) async fn settle(app: &App, owner: Owner<'_>, parts: Vec<ReadPart>) -> Outcome<Vec<Part>> {
    let mut settled = Vec::with_capacity(parts.len());
    for part in parts {
        let (hash, size_bytes) = match part.bytes {
            Some(bytes) => store(app, owner, part.encoding, part.hash, bytes).await?,
            None => {
                let hash = part.hash.unwrap_or_default();
                let size = db::touch(&app.sql, owner, &hash, now_ms()).await?;
                (hash, size.ok_or_else(|| unknown(&part.name))?)
            }
        };
        settled.push(Part { name: part.name, encoding: part.encoding, hash, size_bytes });
    }
    Ok(settled)
}

/// Says that a version's parts are used now, for another version that will name them.
pub(super) async fn hold(app: &App, owner: Owner<'_>, parts: &[Part]) -> Outcome<()> {
    for part in parts {
        let held = db::touch(&app.sql, owner, &part.hash, now_ms()).await?;
        held.ok_or_else(|| unknown(&part.name))?;
    }
    Ok(())
}

fn unknown(name: &str) -> Failure {
    Failure::new(
        ErrorCode::UnknownPart,
        format!("The content of part {name:?} is not stored: send its bytes."),
    )
}

/// Checks a part's bytes and stores them; their hash and size.
async fn store(
    app: &App,
    owner: Owner<'_>,
    encoding: Encoding,
    hash: Option<String>,
    part: PartBytes,
) -> Outcome<(String, i64)> {
    let before = match &part.base_hash {
        None => None,
        Some(base) => {
            // Nobody sweeps what was used just now.
            db::touch(&app.sql, owner, base, now_ms()).await?;
            let found = db::part(&app.sql, owner, base).await?;
            // What came in chunks is too large to be patched.
            let found = found.filter(|found| found.form != Form::Chunks).ok_or_else(|| {
                Failure::new(
                    ErrorCode::UnknownBase,
                    "The base of a part's patch is not stored: send the part in full.",
                )
            })?;
            let _room = room_for_answer(app, found.size_bytes)?;
            let chain_len = found.chain_len;
            Some((plain(app, owner, found).await?, chain_len))
        }
    };
    let sent = part.bytes.clone();
    let patched = part.compression == Compression::Delta;
    let base_plain = before.as_ref().map(|(plain, _)| plain.clone());
    let check = move || {
        let plain = match (&base_plain, part.compression) {
            (Some(base), Compression::Delta) => delta::decode(base, &part.bytes, SAVE_LEN_MAX)
                .map_err(|_| {
                    Failure::new(
                        ErrorCode::UnknownBase,
                        "A part's patch does not fit its base: send the part in full.",
                    )
                })?
                .into(),
            (Some(_), _) => return Err(Failure::invalid("`base_hash` belongs to the compression `delta`.")),
            (None, compression) => rules::plain_of(compression, &part.bytes)?,
        };
        rules::checked(encoding, part.compression, hash.as_deref(), &plain, part.bytes)
            .map(|content| (content, plain))
    };
    let small = before.is_none() && !patched && sent.len() <= CHECK_IN_PLACE_LEN_MAX / 4;
    let (content, plain) = if small { check()? } else { off_thread(app, check).await? };
    let as_patch = before.filter(|(_, chain_len)| {
        *chain_len < CHAIN_LEN_MAX && sent.len() * 2 < plain.len() && delta::is_lasting(&sent)
    });
    let (form, base_hash, chain_len, bytes) = match (as_patch, content.compression) {
        (Some((_, chain_len)), _) => (Form::Delta, part.base_hash, chain_len + 1, sent),
        (None, Compression::Zstd) => (Form::Zstd, None, 0, sent),
        (None, Compression::None) => (Form::None, None, 0, sent),
        (None, Compression::Delta) => (Form::None, None, 0, plain),
    };
    let (hash, size_bytes) = (content.hash, content.size_bytes);
    let new = NewPart { hash: hash.clone(), size_bytes, form, base_hash, chain_len };
    keep(app, owner, new, bytes).await?;
    Ok((hash, size_bytes))
}

/// Makes a part's content durable, unless it is there.
async fn keep(app: &App, owner: Owner<'_>, new: NewPart, bytes: Bytes) -> Outcome<()> {
    if db::touch(&app.sql, owner, &new.hash, now_ms()).await?.is_some() {
        return Ok(());
    }
    let used = super::check_quota(app, owner.game, owner.player, bytes.len() as i64).await?;
    let len = bytes.len();
    let (sealed, key) = contents::seal(app, owner, &new.hash, bytes).await?;
    let blob_key =
        (len > INLINE_LEN_MAX).then(|| format!("{}/{}/{}", owner.game, owner.player, new_version_id()));
    let body = match &blob_key {
        None => Some(sealed),
        Some(blob) => {
            app.blob.put(blob, sealed).await.map_err(|error| Failure::blob(&error))?;
            None
        }
    };
    if db::insert(&app.sql, owner, &new, body, blob_key.clone(), key, len as i64, now_ms()).await? {
        used.lock().add_bytes(len as i64);
    } else if let Some(blob) = blob_key {
        // Another request stored the same content meanwhile.
        let _ = app.blob.delete(&blob).await;
    }
    Ok(())
}

/// A part's bytes, when they are stored.
pub(super) async fn bytes(app: &App, owner: Owner<'_>, hash: &str) -> Outcome<Option<Bytes>> {
    match db::part(&app.sql, owner, hash).await? {
        Some(part) if part.form == Form::Chunks => uploads::bytes(app, owner, hash).await,
        Some(part) => plain(app, owner, part).await.map(Some),
        None => Ok(None),
    }
}

/// Puts a part's bytes into a player's export.
pub(super) async fn export(app: &App, archive: &mut Archive, owner: Owner<'_>, hash: &str) -> Outcome<()> {
    if uploads::export(app, archive, owner, hash).await? {
        return Ok(());
    }
    // Swept just now: nothing names it.
    let Some(part) = db::part(&app.sql, owner, hash).await? else { return Ok(()) };
    let plain = plain(app, owner, part).await?;
    archive.bytes(&format!("parts/{hash}.bin"), plain).await
}

/// What a part's bytes are: opened, rebuilt and unpacked, and their hash checked.
pub(super) async fn plain(app: &App, owner: Owner<'_>, part: StoredPart) -> Outcome<Bytes> {
    let hash = part.hash.clone();
    let mut steps = Vec::new();
    let mut next = Some(part);
    while let Some(part) = next {
        // A patch is against a part with a shorter chain: this ends.
        next = match &part.base_hash {
            Some(base) => db::part(&app.sql, owner, base).await?,
            None => None,
        };
        let form = part.form;
        steps.push((form, payload(app, owner, part).await?));
    }
    off_thread(app, move || rebuild(steps, &hash)).await
}

fn rebuild(mut steps: Vec<(Form, Bytes)>, hash: &str) -> Outcome<Bytes> {
    let mut plain = Bytes::new();
    while let Some((form, payload)) = steps.pop() {
        plain = match form {
            Form::None => payload,
            Form::Zstd => rules::decompress(&payload)?.into(),
            Form::Delta => delta::decode(&plain, &payload, SAVE_LEN_MAX)
                .map_err(|error| Failure::internal(format!("a part's stored patch is damaged: {error}")))?
                .into(),
            Form::Chunks => return Err(Failure::internal("a part in chunks is not rebuilt")),
        };
    }
    if blake3::hash(&plain).to_hex().as_str() != hash {
        return Err(Failure::internal("a stored part does not match its hash"));
    }
    Ok(plain)
}

async fn payload(app: &App, owner: Owner<'_>, part: StoredPart) -> Outcome<Bytes> {
    let sealed = match (part.body, part.blob_key) {
        (Some(body), _) => body,
        (None, Some(key)) => app.blob.get(&key).await.map_err(|error| Failure::blob(&error))?,
        (None, None) => return Err(Failure::internal("a part has no content")),
    };
    contents::open(app, owner, &part.hash, part.sealed_by.as_deref(), sealed).await
}
