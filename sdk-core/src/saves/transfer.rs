//! What goes over the wire for an entry: the smallest of patch and full content, and the parts that the cloud
//! does not have. A function of the entry and what this device holds, so that a repeat has the same bytes.

use super::entries::{Entry, EntryMeta};
use super::outbox::Outbox;
use super::rules::{self, Packed};
use crate::Error;
use aethex_wire::delta;
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

/// Decides about the parts: those that a parent has are named only.
pub(super) fn plan(outbox: &Outbox, meta: &EntryMeta) -> Result<PartsPlan, Error> {
    let mut plan = PartsPlan::default();
    if meta.parts.is_empty() {
        return Ok(plan);
    }
    let known = if meta.resend { HashSet::new() } else { known_parts(outbox, meta)? };
    let mut room = PARTS_FRAME_LEN_MAX;
    for part in meta.parts.iter().filter(|part| !known.contains(&part.hash) && outbox.has_part(part)) {
        if part.size_bytes <= room {
            room -= part.size_bytes;
            plan.with_it.insert(part.name.clone());
        } else {
            plan.before.push(part.clone());
        }
    }
    Ok(plan)
}

/// Hashes of the parts of an entry's parents, as far as this device knows them.
fn known_parts(outbox: &Outbox, meta: &EntryMeta) -> Result<HashSet<String>, Error> {
    let mut known = HashSet::new();
    for parent in meta.parents.iter().flatten() {
        if let Some((version, _)) = outbox.copy_of(&meta.slot, parent)? {
            known.extend(version.parts.into_iter().map(|part| part.hash));
        }
    }
    Ok(known)
}

/// The body of an entry.
pub(super) fn frame(outbox: &Outbox, entry: &Entry) -> Result<Bytes, Error> {
    let meta = &entry.meta;
    let packed = Packed { shape: meta.shape.clone(), payload: entry.payload.clone() };
    let patch = if meta.full { None } else { patch(outbox, meta, &packed)? };
    let mut header = PutSaveRequest {
        slot: meta.slot.clone(),
        parents: meta.parents.clone(),
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
    };
    let mut payload = match patch {
        Some((base, patch)) => {
            header.compression = Some(Compression::Delta);
            header.base = Some(base);
            patch
        }
        None => entry.payload.to_vec(),
    };
    let plan = plan(outbox, meta)?;
    for part in &meta.parts {
        let bytes = if plan.with_it.contains(&part.name) { outbox.part_bytes(part)? } else { None };
        let sent = bytes.map(|bytes| match part.encoding {
            // Noise already.
            Encoding::Sealed => (Compression::None, bytes),
            Encoding::Value | Encoding::Bytes => rules::compress(bytes),
        });
        header.parts.push(PutPart {
            name: part.name.clone(),
            encoding: Some(part.encoding),
            hash: Some(part.hash.clone()),
            len: sent.as_ref().and_then(|(_, bytes)| u32::try_from(bytes.len()).ok()),
            compression: sent.as_ref().map(|(compression, _)| *compression),
            base_hash: None,
            data_base64: None,
        });
        if let Some((_, bytes)) = sent {
            payload.extend_from_slice(&bytes);
        }
    }
    Ok(encode_packed_frame(&header, &payload).into())
}

/// The patch from a parent's content, when this device has that and the patch is shorter than the content.
fn patch(outbox: &Outbox, meta: &EntryMeta, packed: &Packed) -> Result<Option<(VersionId, Vec<u8>)>, Error> {
    if packed.shape.encoding == Encoding::Sealed {
        return Ok(None);
    }
    let Some(parent) = meta.parents.as_ref().and_then(|parents| parents.first()) else { return Ok(None) };
    let Some((_, base)) = outbox.copy_of(&meta.slot, parent)? else { return Ok(None) };
    if base.shape.encoding == Encoding::Sealed {
        return Ok(None);
    }
    // A damaged copy is no base; the content itself was checked when it was queued.
    let (Ok(base), plain) = (rules::plain_of(&base), rules::plain_of(packed)?) else { return Ok(None) };
    let patch = delta::encode(&base, &plain);
    Ok((patch.len() < packed.payload.len()).then(|| (parent.clone(), patch)))
}
