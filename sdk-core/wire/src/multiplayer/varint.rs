//! Fields of frames: unsigned LEB128 integers, octets and texts with a length.

use super::frame::FrameError;
use bytes::{BufMut, BytesMut};

/// Bytes of the longest integer.
const UINT_LEN_MAX: u32 = 10;

/// Writes an integer.
pub(super) fn put_uint(out: &mut BytesMut, mut value: u64) {
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

/// Writes octets after their length.
pub(super) fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    put_uint(out, bytes.len() as u64);
    out.put_slice(bytes);
}

/// Reads a frame from its beginning.
#[derive(Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn end(&self) -> Result<(), FrameError> {
        if self.0.is_empty() { Ok(()) } else { Err(FrameError::Long) }
    }

    pub(super) fn byte(&mut self) -> Result<u8, FrameError> {
        let (&first, rest) = self.0.split_first().ok_or(FrameError::Short)?;
        self.0 = rest;
        Ok(first)
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Result<bool, FrameError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(FrameError::Field(name)),
        }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(FrameError::Short)?;
        self.0 = rest;
        Ok(*head)
    }

    /// An integer, in its shortest spelling.
    pub(super) fn uint(&mut self) -> Result<u64, FrameError> {
        let mut value = 0;
        for at in 0..UINT_LEN_MAX {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let is_last = byte < 0x80;
            if (at == UINT_LEN_MAX - 1 && byte > 1) || (is_last && at > 0 && bits == 0) {
                return Err(FrameError::Field("integer"));
            }
            value |= bits << (7 * at);
            if is_last {
                return Ok(value);
            }
        }
        Err(FrameError::Field("integer"))
    }

    pub(super) fn bytes(&mut self, len_max: usize, name: &'static str) -> Result<&'a [u8], FrameError> {
        let len = usize::try_from(self.uint()?).map_err(|_| FrameError::Field(name))?;
        if len > len_max {
            return Err(FrameError::Field(name));
        }
        let (bytes, rest) = self.0.split_at_checked(len).ok_or(FrameError::Short)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn text(&mut self, len_max: usize, name: &'static str) -> Result<&'a str, FrameError> {
        std::str::from_utf8(self.bytes(len_max, name)?).map_err(|_| FrameError::Field(name))
    }

    /// What is left of the frame.
    pub(super) fn rest(&mut self, len_max: usize, name: &'static str) -> Result<&'a [u8], FrameError> {
        if self.0.len() > len_max {
            return Err(FrameError::Field(name));
        }
        Ok(std::mem::take(&mut self.0))
    }

    pub(super) fn rest_text(&mut self, name: &'static str) -> Result<&'a str, FrameError> {
        std::str::from_utf8(self.rest(usize::MAX, name)?).map_err(|_| FrameError::Field(name))
    }
}
