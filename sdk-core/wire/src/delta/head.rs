//! The first bytes of a patch: method and output length.

use super::DeltaError;

/// How the body is coded. The numbers are the format: never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// The target itself.
    Stored = 1,
    /// One zstd frame whose prefix (RFC 8878: a raw content dictionary) is the base.
    Prefix = 2,
    /// The walk of [`super::walk`], coded by the model of [`super::model`].
    Modelled = 3,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) len: usize,
}

impl Head {
    pub(super) fn new(method: Method, len: usize) -> Self {
        Self { method, len }
    }

    pub(super) fn with_body(self, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(body.len() + 11);
        out.push(self.method as u8);
        write_uint(self.len as u64, &mut out);
        out.extend_from_slice(body);
        out
    }

    pub(super) fn read(patch: &[u8]) -> Result<(Self, &[u8]), DeltaError> {
        let (&number, mut rest) = patch.split_first().ok_or(DeltaError::Malformed("it is empty"))?;
        let method = match number {
            1 => Method::Stored,
            2 => Method::Prefix,
            3 => Method::Modelled,
            _ => return Err(DeltaError::Malformed("its method is not known here")),
        };
        let len = read_uint(&mut rest)?;
        Ok((Self { method, len }, rest))
    }
}

/// Writes an unsigned LEB128 varint.
pub(super) fn write_uint(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Reads what [`write_uint`] wrote and steps over it.
pub(super) fn read_uint(bytes: &mut &[u8]) -> Result<usize, DeltaError> {
    let mut n: u64 = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(DeltaError::Malformed("it ends in a number"))?;
        *bytes = rest;
        n |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return usize::try_from(n).map_err(|_| DeltaError::Malformed("a number is too large"));
        }
    }
    Err(DeltaError::Malformed("a number is too large"))
}
