//! What goes over the wire for an entry: the smallest of patch and full content, and the parts that the cloud
//! does not have. A function of the entry and what this device holds, so that a repeat has the same bytes.

use super::entries::{Entry, EntryMeta};
use super::outbox::Outbox;
use super::rules::{self, Packed};
use crate::Error;
use aethex_wire::delta::{self, Packing};
use aethex_wire::ids::VersionId;
use aethex_wire::saves::{Compression, Encoding, Part, PutPart, PutSaveRequest, encode_packed_frame};
use bytes::Bytes;
use std::collections::HashSet;

/// Most bytes of parts that go with the save; the others are uploaded first, in chunks that survive an
/// interruption.
pub(super) const PARTS_FRAME_LEN_MAX: i64 = 4 * 1024 * 1024;

/// How the parts of an entry get to the cloud.
#[derive(Debug, Default)]
pub(super) struct PartsPlan {
    /// Names of those that go with the save.
    pub(super) with_it: HashSet<String>,
    /// Those that are uploaded before.
    pub(super) before: Vec<Part>,
}

/// What an entry is made from, as far as this device knows it.
#[derive(Debug, Default)]
struct Origin {
    /// The first parent, and its content.
    version: Option<(VersionId, Packed)>,
    /// The parts of all parents: the cloud has them.
    parts: Vec<Part>,
}

/// What an entry is made from; `before` is the save that it goes behind in the same request.
fn origin(outbox: &Outbox, meta: &EntryMeta, before: Option<&EntryMeta>) -> Result<Origin, Error> {
    let mut origin = Origin::default();
    if let Some(before) = before {
        origin.parts.clone_from(&before.parts);
        return Ok(origin);
    }
    if let Some(key) = &meta.after {
        if let Some((version, packed)) = outbox.copy_of_key(&meta.slot, key)? {
            origin.parts = version.parts;
            origin.version = Some((version.version, packed));
        }
        return Ok(origin);
    }
    for (at, parent) in meta.parents.iter().flatten().enumerate() {
        if let Some((version, packed)) = outbox.copy_of(&meta.slot, parent)? {
            origin.parts.extend(version.parts);
            if at == 0 {
                origin.version = Some((version.version, packed));
            }
        }
    }
    Ok(origin)
}

/// Decides about the parts: those that a parent has are named only.
pub(super) fn plan(
    outbox: &Outbox,
    meta: &EntryMeta,
    before: Option<&EntryMeta>,
) -> Result<PartsPlan, Error> {
    if meta.parts.is_empty() {
        return Ok(PartsPlan::default());
    }
    Ok(planned(outbox, meta, &origin(outbox, meta, before)?))
}

fn planned(outbox: &Outbox, meta: &EntryMeta, origin: &Origin) -> PartsPlan {
    let mut plan = PartsPlan::default();
    let known: HashSet<&str> = match meta.resend {
        true => HashSet::new(),
        false => origin.parts.iter().map(|part| part.hash.as_str()).collect(),
    };
    let mut room = PARTS_FRAME_LEN_MAX;
    for part in meta.parts.iter().filter(|part| !known.contains(part.hash.as_str()) && outbox.has_part(part))
    {
        if part.size_bytes <= room {
            room -= part.size_bytes;
            plan.with_it.insert(part.name.clone());
        } else {
            plan.before.push(part.clone());
        }
    }
    plan
}

/// The body of an entry; `before` is the save that it goes behind in the same request.
pub(super) fn frame(outbox: &Outbox, entry: &Entry, before: Option<&EntryMeta>) -> Result<Bytes, Error> {
    let meta = &entry.meta;
    let origin = origin(outbox, meta, before)?;
    let packed = Packed { shape: meta.shape.clone(), payload: entry.payload.clone() };
    let mut header = header_of(meta);
    let patch = if meta.full { None } else { patch(&origin, &packed)? };
    let mut payload = match patch {
        Some((base, patch)) => {
            header.compression = Some(Compression::Delta);
            header.base = Some(base);
            patch
        }
        None => match packed_well(&packed)? {
            Some((compression, bytes)) => {
                header.compression = Some(compression);
                bytes
            }
            None => entry.payload.to_vec(),
        },
    };
    let plan = planned(outbox, meta, &origin);
    for part in &meta.parts {
        let bytes = if plan.with_it.contains(&part.name) { outbox.part_bytes(part)? } else { None };
        let sent = match bytes {
            Some(bytes) => Some(sent_part(outbox, meta, &origin, part, bytes)?),
            None => None,
        };
        header.parts.push(PutPart {
            name: part.name.clone(),
            encoding: Some(part.encoding),
            hash: Some(part.hash.clone()),
            len: sent.as_ref().and_then(|sent| u32::try_from(sent.bytes.len()).ok()),
            compression: sent.as_ref().map(|sent| sent.compression),
            base_hash: sent.as_ref().and_then(|sent| sent.base_hash.clone()),
            data_base64: None,
        });
        if let Some(sent) = sent {
            payload.extend_from_slice(&sent.bytes);
        }
    }
    Ok(encode_packed_frame(&header, &payload).into())
}

fn header_of(meta: &EntryMeta) -> PutSaveRequest {
    PutSaveRequest {
        slot: meta.slot.clone(),
        parents: if meta.after.is_some() { None } else { meta.parents.clone() },
        after: meta.after.clone(),
        hash: Some(meta.shape.hash.clone()),
        label: meta.label.clone(),
        device_name: meta.device_name.clone(),
        playtime_ms: meta.playtime_ms,
        saved_at_ms: Some(meta.saved_at_ms),
        encoding: Some(meta.shape.encoding),
        compression: Some(meta.shape.compression),
        device_id: meta.stamp.device_id.clone(),
        device_clock: meta.stamp.device_clock.clone(),
        hlc: meta.stamp.hlc,
        schema: meta.schema,
        app_version: meta.app_version.clone(),
        ..PutSaveRequest::default()
    }
}

/// A part as it travels.
struct SentPart {
    compression: Compression,
    base_hash: Option<String>,
    bytes: Bytes,
}

/// The smaller of a part's bytes, packed, and a patch against the part of its name that the cloud has, when that one's
/// bytes are still on this device.
fn sent_part(
    outbox: &Outbox,
    meta: &EntryMeta,
    origin: &Origin,
    part: &Part,
    bytes: Bytes,
) -> Result<SentPart, Error> {
    if part.encoding == Encoding::Sealed {
        // Noise already: nothing packs it, and no patch of it is shorter.
        return Ok(SentPart { compression: Compression::None, base_hash: None, bytes });
    }
    // One that went up in chunks cannot be patched.
    let is_base = |base: &&Part| {
        base.name == part.name && base.encoding != Encoding::Sealed && base.size_bytes <= PARTS_FRAME_LEN_MAX
    };
    let (compression, packed) = rules::compress(bytes.clone());
    let base = origin.parts.iter().find(is_base).filter(|_| !meta.full && !meta.resend);
    if let Some(base) = base
        && let Some(before) = outbox.part_bytes(base)?
    {
        let patch = delta::encode(&before, &bytes);
        if patch.len() < packed.len() {
            let base_hash = Some(base.hash.clone());
            return Ok(SentPart { compression: Compression::Delta, base_hash, bytes: patch.into() });
        }
    }
    Ok(SentPart { compression, base_hash: None, bytes: packed })
}

/// A full content as small as it gets, when that is smaller than it lies on the disk.
fn packed_well(packed: &Packed) -> Result<Option<(Compression, Vec<u8>)>, Error> {
    if packed.shape.encoding == Encoding::Sealed {
        return Ok(None);
    }
    let (packing, bytes) = delta::compress(&rules::plain_of(packed)?);
    let compression = match packing {
        Packing::Plain => Compression::None,
        Packing::Zstd => Compression::Zstd,
        Packing::Patch => Compression::Delta,
    };
    Ok((bytes.len() < packed.payload.len()).then_some((compression, bytes)))
}

/// The patch from the first parent's content, when this device has that and the patch is shorter than the content.
fn patch(origin: &Origin, packed: &Packed) -> Result<Option<(VersionId, Vec<u8>)>, Error> {
    if packed.shape.encoding == Encoding::Sealed {
        return Ok(None);
    }
    let Some((parent, base)) = &origin.version else { return Ok(None) };
    if base.shape.encoding == Encoding::Sealed {
        return Ok(None);
    }
    // A damaged copy is no base; the content itself was checked when it was queued.
    let (Ok(base), plain) = (rules::plain_of(base), rules::plain_of(packed)?) else { return Ok(None) };
    let patch = delta::encode(&base, &plain);
    Ok((patch.len() < packed.payload.len()).then(|| (parent.clone(), patch)))
}
