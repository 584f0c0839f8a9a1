//! Large parts, in chunks: resumable, and straight to the object store where the backend has one.
//!
//! The content is cut into chunks of [`CHUNK_LEN`] bytes (the last may be shorter). Each chunk is sealed with
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) under the upload's `key`: the nonce is 16 zero bytes followed by the chunk's
//! number as `u64`, little-endian; the additional data is the upload's id as ASCII text. So a sealed chunk has 16 bytes more than its
//! content, and neither the store nor who finds its address can read it. The key belongs to this content alone, and follows from
//! the player's own key: an erased player's chunks cannot be read any more.
//!
//! Begin with [`BeginUpload`], send the chunks that are `missing` to their `urls`, or with [`PutChunk`] when there are none, then
//! [`CompleteUpload`]: the backend reads the chunks, checks the hash of the whole, and from then on a save may name the content
//! by its hash. After an interruption, [`GetUpload`] tells what is missing, with fresh addresses.

use crate::endpoint::{None, endpoint};
use serde::{Deserialize, Serialize};

/// Bytes of a chunk's content: a lost connection costs at most this much again.
pub const CHUNK_LEN: usize = 8 * 1024 * 1024;
/// Bytes that sealing adds to a chunk.
pub const CHUNK_TAG_LEN: usize = 16;
/// Uploads that a player may have open at once.
pub const UPLOADS_MAX: usize = 16;

/// The content that will be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BeginUploadRequest {
    /// BLAKE3 of the whole content, in hexadecimal.
    pub hash: String,
    /// Its size in bytes: at most 1 GiB.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub size_bytes: i64,
}

/// Where a chunk goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Chunk {
    /// Its number, from 0.
    pub number: u32,
    /// Where to PUT it, sealed, with exactly the headers that an HTTP client sends by itself; absent: send it with `put_chunk`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// An upload.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Upload {
    /// Its id; empty when the content is stored already and nothing needs to be sent.
    pub upload_id: String,
    /// True when the content is stored: saves may name it.
    pub stored: bool,
    /// BLAKE3 of the content.
    pub hash: String,
    /// Its size in bytes.
    pub size_bytes: i64,
    /// Bytes of a chunk's content.
    pub chunk_bytes: i64,
    /// The key of its chunks: 32 bytes in base64. Keep it to yourself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// The chunks that are not there yet, at most 128; ask again for more.
    pub missing: Vec<Chunk>,
    /// When the upload is given up, milliseconds since 1970 UTC. Addresses may end earlier: ask for fresh ones.
    pub expires_at_ms: i64,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Upload { upload_id, stored, hash, size_bytes, missing, .. } = self;
        f.debug_struct("Upload")
            .field("upload_id", upload_id)
            .field("stored", stored)
            .field("hash", hash)
            .field("size_bytes", size_bytes)
            .field("missing", &missing.len())
            .finish_non_exhaustive()
    }
}

/// A stored part's chunks, to be read straight from the object store.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PartChunks {
    /// BLAKE3 of the content.
    pub hash: String,
    /// Its size in bytes.
    pub size_bytes: i64,
    /// Bytes of a chunk's content.
    pub chunk_bytes: i64,
    /// The upload that brought it: the additional data of its chunks.
    pub upload_id: String,
    /// The key of its chunks: 32 bytes in base64. Keep it to yourself.
    pub key: String,
    /// Where to GET each chunk, by number from the wanted one on, at most 128. Empty when the backend has no object store of
    /// its own address: read the part with `get_part`.
    pub urls: Vec<String>,
}

impl std::fmt::Debug for PartChunks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let PartChunks { hash, size_bytes, urls, .. } = self;
        f.debug_struct("PartChunks")
            .field("hash", hash)
            .field("size_bytes", size_bytes)
            .field("urls", &urls.len())
            .finish_non_exhaustive()
    }
}

/// Which chunks to read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GetChunksQuery {
    /// The first one; 0 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u32>,
}

endpoint!(
    /// Begins to upload a large part, or goes on with one of the same content.
    BeginUpload, "begin_upload", Post "/api/v1/saves-uploads/{user_id}", Player, 201, None, BeginUploadRequest => Upload);
endpoint!(
    /// Tells what of an upload is missing.
    GetUpload, "get_upload", Get "/api/v1/saves-uploads/{user_id}/{upload_id}", Player, 200, None, None => Upload);
endpoint!(
    /// Stores a sealed chunk; the same one again is no error.
    PutChunk, "put_chunk", Put "/api/v1/saves-uploads/{user_id}/{upload_id}/{number}", Player, 204, None, None => None);
endpoint!(
    /// Checks the whole, and stores it.
    CompleteUpload, "complete_upload", Post "/api/v1/saves-uploads/{user_id}/{upload_id}/complete", Player, 200, None, None => Upload);
endpoint!(
    /// Gives an upload up.
    CancelUpload, "cancel_upload", Delete "/api/v1/saves-uploads/{user_id}/{upload_id}", Player, 204, None, None => None);
endpoint!(
    /// Tells where the chunks of a stored large part can be read. `not_found` when it was not uploaded in chunks.
    GetPartChunks, "get_part_chunks", Get "/api/v1/saves-chunks/{user_id}/{hash}", Player, 200, GetChunksQuery, None => PartChunks);
