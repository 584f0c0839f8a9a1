//! Large parts on their way up: sealed chunk by chunk from the file, so that memory stays small and an
//! interruption costs one chunk. The backend knows an upload by its content: whoever begins it again goes on with it.

use super::entries::Entry;
use super::outbox::Outbox;
use super::{api, transfer};
use crate::cloud::Shared;
use crate::session::blocking;
use crate::{Error, Event};
use aethex_wire::ErrorCode;
use aethex_wire::aead;
use aethex_wire::ids::PlayerId;
use aethex_wire::saves::Part;
use aethex_wire::saves::uploads::{CHUNK_LEN, CHUNK_TAG_LEN, Chunk, Upload};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;

/// Most times that the list of missing chunks is asked for: 128 of them each time, of at most 128 in all.
const ROUNDS_MAX: usize = 8;
const KEY_LEN: usize = 32;
/// Zero bytes before the chunk's number in its nonce.
const NONCE_ZEROS: usize = 16;

/// Brings the large parts of an entry to the cloud, so that it can name them.
pub(super) async fn send_parts(
    shared: &Shared,
    player: &PlayerId,
    outbox: &Outbox,
    entry: &Entry,
) -> Result<(), Error> {
    if entry.meta.parts.is_empty() {
        return Ok(());
    }
    let (queue, meta) = (outbox.clone(), entry.meta.clone());
    let plan = blocking(move || transfer::plan(&queue, &meta, None)).await?;
    for part in plan.before {
        send_part(shared, player, outbox, &entry.meta.slot, &part).await?;
    }
    Ok(())
}

async fn send_part(
    shared: &Shared,
    player: &PlayerId,
    outbox: &Outbox,
    slot: &str,
    part: &Part,
) -> Result<(), Error> {
    let mut upload = api::begin_upload(shared, player, &part.hash, part.size_bytes).await?;
    for _ in 0..ROUNDS_MAX {
        if upload.stored {
            return Ok(());
        }
        check(&upload, part)?;
        for chunk in &upload.missing {
            send_chunk(shared, player, outbox, &upload, part, chunk).await?;
            let sent = (u64::from(chunk.number) + 1) * CHUNK_LEN as u64;
            let total = u64::try_from(part.size_bytes).unwrap_or(0);
            shared.events.push(Event::SaveProgress { slot: slot.to_owned(), sent: sent.min(total), total });
        }
        match api::complete_upload(shared, player, &upload.upload_id).await {
            Ok(done) => upload = done,
            // Chunks were lost, or there are more than one list holds.
            Err(error) if error.code == ErrorCode::UploadIncomplete => {
                upload = api::get_upload(shared, player, &upload.upload_id).await?;
            }
            Err(error) => return Err(error),
        }
    }
    if upload.stored { Ok(()) } else { Err(Error::protocol("an upload does not come to its end")) }
}

/// Refuses an upload that is not for this part, or in chunks that this SDK does not make.
fn check(upload: &Upload, part: &Part) -> Result<(), Error> {
    let fits = upload.hash == part.hash
        && upload.size_bytes == part.size_bytes
        && upload.chunk_bytes == CHUNK_LEN as i64;
    if fits { Ok(()) } else { Err(Error::protocol("the server answered with another upload")) }
}

async fn send_chunk(
    shared: &Shared,
    player: &PlayerId,
    outbox: &Outbox,
    upload: &Upload,
    part: &Part,
    chunk: &Chunk,
) -> Result<(), Error> {
    let (disk, path) = (outbox.disk.clone(), outbox.part_path(&part.hash));
    let (key, id, number) = (upload.key.clone(), upload.upload_id.clone(), chunk.number);
    let sealed = blocking(move || {
        let offset = u64::from(number) * CHUNK_LEN as u64;
        let plain = disk
            .read_range(&path, offset, CHUNK_LEN)
            .map_err(|error| Error::storage("reading a part of a save", &error))?;
        seal(&key, &id, number, &plain)
    })
    .await?;
    match &chunk.url {
        Some(url) => shared.session.put_elsewhere(url, sealed).await,
        None => api::put_chunk(shared, player, &upload.upload_id, chunk.number, sealed).await,
    }
}

/// A sealed chunk, as [`aethex_wire::saves::uploads`] says.
fn seal(key: &str, upload_id: &str, number: u32, plain: &[u8]) -> Result<Bytes, Error> {
    let wrong = || Error::protocol("the upload's key is not one");
    let key: [u8; KEY_LEN] =
        BASE64_STANDARD.decode(key).ok().and_then(|key| key.try_into().ok()).ok_or_else(wrong)?;
    let mut nonce = [0; NONCE_ZEROS + 8];
    nonce[NONCE_ZEROS..].copy_from_slice(&u64::from(number).to_le_bytes());
    let mut sealed = Vec::with_capacity(plain.len() + CHUNK_TAG_LEN);
    sealed.extend_from_slice(plain);
    let tag = aead::seal(&key, nonce, upload_id.as_bytes(), &mut sealed).ok_or_else(wrong)?;
    sealed.extend_from_slice(&tag);
    Ok(sealed.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_sealed_under_its_number_and_upload() {
        let key = BASE64_STANDARD.encode([5; KEY_LEN]);
        let sealed = seal(&key, "id", 3, b"content").unwrap();
        assert_eq!(sealed.len(), 7 + CHUNK_TAG_LEN);
        assert_eq!(sealed, seal(&key, "id", 3, b"content").unwrap(), "a repeat has the same bytes");
        for other in [seal(&key, "id", 4, b"content"), seal(&key, "di", 3, b"content")] {
            assert_ne!(other.unwrap(), sealed);
        }
        assert!(seal("short", "id", 3, b"").is_err());
    }
}
