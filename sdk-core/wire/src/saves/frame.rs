//! The frame of a save: metadata as JSON, then the payload as it is.
//!
//! A frame begins with a `u32`, little-endian. Its lower 31 bits are the length of the metadata behind it; with the highest bit set,
//! the metadata is packed: one zstd frame (RFC 8878) made with [`DICTIONARY`] as raw content. The names of the fields are most of a
//! patch's metadata, and packed they cost next to nothing.

use super::FRAME_HEADER_LEN_MAX;
use serde::Serialize;
use std::borrow::Cow;
use std::cell::RefCell;
use zstd::bulk::{Compressor, Decompressor};

/// The bit of the length that says that the metadata is packed.
const PACKED: u32 = 1 << 31;
/// zstd's level for metadata: a few hundred bytes.
const LEVEL: i32 = 19;
/// What metadata looks like. Part of the format: it never changes.
const DICTIONARY: &[u8] = include_bytes!("frame.dictionary");

thread_local! {
    static PACKER: RefCell<Option<Compressor<'static>>> = RefCell::new(Compressor::with_dictionary(LEVEL, DICTIONARY).ok());
    static UNPACKER: RefCell<Option<Decompressor<'static>>> = RefCell::new(Decompressor::with_dictionary(DICTIONARY).ok());
}

/// Joins metadata and payload: `u32` length of the metadata (little-endian), the metadata as JSON, the payload.
pub fn encode_frame<T: Serialize>(header: &T, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 4];
    out.reserve(512 + payload.len());
    serde_json::to_writer(&mut out, header).expect("frame metadata is plain data and always serialises");
    let len = u32::try_from(out.len() - 4).expect("frame metadata is far below 4 GiB");
    out[..4].copy_from_slice(&len.to_le_bytes());
    out.extend_from_slice(payload);
    out
}

/// As [`encode_frame`], with the metadata packed.
pub fn encode_packed_frame<T: Serialize>(header: &T, payload: &[u8]) -> Vec<u8> {
    let json = serde_json::to_vec(header).expect("frame metadata is plain data and always serialises");
    let packed = PACKER.with_borrow_mut(|packer| packer.as_mut()?.compress(&json).ok());
    let Some(packed) = packed.filter(|packed| packed.len() < json.len()) else {
        return encode_frame(header, payload);
    };
    let len = u32::try_from(packed.len()).expect("frame metadata is far below 2 GiB");
    [&(len | PACKED).to_le_bytes(), packed.as_slice(), payload].concat()
}

/// Splits a frame into its metadata, as JSON, and the payload.
pub fn split_frame(frame: &[u8]) -> Result<(Cow<'_, [u8]>, &[u8]), &'static str> {
    const TOO_LONG: &str = "the frame's metadata is over 16 KiB";
    let (len, rest) = frame.split_first_chunk::<4>().ok_or("the frame is shorter than its length field")?;
    let field = u32::from_le_bytes(*len);
    let len = (field & !PACKED) as usize;
    if len > FRAME_HEADER_LEN_MAX {
        return Err(TOO_LONG);
    }
    let (header, payload) = rest.split_at_checked(len).ok_or("the frame ends before its metadata does")?;
    if field & PACKED == 0 {
        return Ok((Cow::Borrowed(header), payload));
    }
    let json =
        UNPACKER.with_borrow_mut(|unpacker| unpacker.as_mut()?.decompress(header, FRAME_HEADER_LEN_MAX).ok());
    json.map(|json| (Cow::Owned(json), payload))
        .ok_or("the frame's metadata is not packed as it says, or too long")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saves::{Compression, PutSaveRequest};

    #[test]
    fn a_frame_has_these_bytes() {
        let frame = encode_frame(&serde_json::json!({"a": 1}), b"xyz");
        assert_eq!(frame, b"\x07\0\0\0{\"a\":1}xyz");
        assert_eq!(split_frame(&frame).unwrap(), (Cow::Borrowed(&b"{\"a\":1}"[..]), &b"xyz"[..]));
        for cut in 0..11 {
            assert!(split_frame(&frame[..cut]).is_err());
        }
        assert!(split_frame(b"\xff\xff\xff\xffabc").is_err());
    }

    #[test]
    fn packed_metadata_is_small_and_bounded() {
        let hash = |n: u8| blake3::hash(&[n]).to_hex().to_string();
        let id = |n: u8| {
            serde_json::from_value(serde_json::json!(format!("01a1fecc-1712-7001-b210-5d3a24dba2{n:02x}")))
                .unwrap()
        };
        let request = PutSaveRequest {
            slot: "slot1".to_owned(),
            parents: Some(vec![id(1)]),
            hash: Some(hash(1)),
            device_name: "Steam Deck".to_owned(),
            playtime_ms: 3_600_123,
            saved_at_ms: Some(1_700_000_000_123),
            encoding: Some(crate::saves::Encoding::Bytes),
            compression: Some(Compression::Delta),
            base: Some(id(1)),
            device_id: "k3mz7qpa2xwd".to_owned(),
            device_clock: [("k3mz7qpa2xwd".to_owned(), 41), ("b7tq2n5yhc4r".to_owned(), 12)].into(),
            hlc: 111_411_200_008_060_929,
            schema: 3,
            app_version: "1.4.2".to_owned(),
            ..PutSaveRequest::default()
        };
        let plain = encode_frame(&request, b"");
        let packed = encode_packed_frame(&request, b"xyz");
        assert!(plain.len() > 400 && packed.len() < 200, "{} {}", plain.len(), packed.len());
        let (header, payload) = split_frame(&packed).unwrap();
        assert_eq!(
            (serde_json::from_slice::<PutSaveRequest>(&header).unwrap(), payload),
            (request, &b"xyz"[..])
        );
        for cut in 0..packed.len() - 3 {
            assert!(split_frame(&packed[..cut]).is_err(), "{cut}");
        }
        let bomb = encode_packed_frame(&"x".repeat(FRAME_HEADER_LEN_MAX), b"");
        assert!(bomb.len() < 200 && split_frame(&bomb).is_err());
    }
}
