//! Many saves in one request: what a device queued while it was offline.

use super::SaveVersion;
use crate::endpoint::{None, endpoint};
use crate::error::Problem;
use serde::{Deserialize, Serialize};

/// Most saves in a batch.
pub const BATCH_MAX: usize = 64;
/// Media type of [`encode_batch`]'s output.
pub const BATCH_MEDIA_TYPE: &str = "application/vnd.aethex.saves";

/// What became of a save of a batch: exactly one of the two is present.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BatchResult {
    /// The version that it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<SaveVersion>,
    /// Why it did not become the head, as a request of its own would have been answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Box<Problem>>,
}

/// What became of the saves of a batch, in their order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BatchResults {
    /// One for each save; fewer when the server had to stop: send the others again.
    pub results: Vec<BatchResult>,
}

endpoint!(
    /// Stores up to 64 saves, one after the other, each as if it had come alone. The body is a batch of frames.
    PutSaves, "put_saves", Post "/api/v1/saves-batch/{user_id}", Player, 200, None, None => BatchResults);

/// Joins saves: for each the `u8` length of its idempotency key, the key, the `u32` length of its frame
/// (little-endian), the frame.
pub fn encode_batch<'a>(saves: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, frame) in saves {
        debug_assert!(key.len() <= super::IDEMPOTENCY_KEY_LEN_MAX, "keys are checked before they are sent");
        out.push(u8::try_from(key.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(&u32::try_from(frame.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(frame);
    }
    out
}

/// Splits a batch into keys and frames.
pub fn split_batch(mut batch: &[u8]) -> Result<Vec<(&str, &[u8])>, &'static str> {
    const CUT: &str = "the batch ends in the middle of a save";
    let mut saves = Vec::new();
    while let Some((&len, rest)) = batch.split_first() {
        if saves.len() == BATCH_MAX {
            return Err("a batch has at most 64 saves");
        }
        let (key, rest) = rest.split_at_checked(usize::from(len)).ok_or(CUT)?;
        let key = std::str::from_utf8(key).map_err(|_| "an idempotency key is not text")?;
        let (len, rest) = rest.split_first_chunk::<4>().ok_or(CUT)?;
        let (frame, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize).ok_or(CUT)?;
        saves.push((key, frame));
        batch = rest;
    }
    Ok(saves)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_these_bytes() {
        let batch = encode_batch([("k1", &b"abc"[..]), ("k2", &b""[..])]);
        assert_eq!(batch, b"\x02k1\x03\0\0\0abc\x02k2\0\0\0\0");
        assert_eq!(split_batch(&batch).unwrap(), [("k1", &b"abc"[..]), ("k2", &b""[..])]);
        assert_eq!(split_batch(b"").unwrap(), []);
        for cut in [1, 2, 3, 6, 9, 11, 16] {
            assert!(split_batch(&batch[..cut]).is_err(), "{cut}");
        }
        let many = vec![("k", &b""[..]); BATCH_MAX + 1];
        assert!(split_batch(&encode_batch(many)).is_err());
    }
}
