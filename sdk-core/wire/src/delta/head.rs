//! The first bytes of a patch: method, output length and, for containers, how the output is wrapped.

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

/// Bits of byte 0 beside the method.
const METHOD: u8 = 0x1f;
const OPEN_BASE: u8 = 0x40;
const WRAPPED: u8 = 0x80;

/// The output is a container made of what the body makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrap<'p> {
    pub(super) recipe: &'p [u8],
    pub(super) plain_len: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head<'p> {
    pub(super) method: Method,
    /// The output's length.
    pub(super) len: usize,
    /// The base is a container whose content counts.
    pub(super) open_base: bool,
    pub(super) wrap: Option<Wrap<'p>>,
}

impl<'p> Head<'p> {
    pub(super) fn new(method: Method, len: usize) -> Self {
        Self { method, len, open_base: false, wrap: None }
    }

    /// What the body makes, in bytes.
    pub(super) fn body_len(&self) -> usize {
        self.wrap.map_or(self.len, |wrap| wrap.plain_len)
    }

    pub(super) fn with_body(self, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(body.len() + 64);
        let open_base = if self.open_base { OPEN_BASE } else { 0 };
        let wrapped = if self.wrap.is_some() { WRAPPED } else { 0 };
        out.push(self.method as u8 | open_base | wrapped);
        write_uint(self.len as u64, &mut out);
        if let Some(wrap) = self.wrap {
            write_uint(wrap.recipe.len() as u64, &mut out);
            out.extend_from_slice(wrap.recipe);
            write_uint(wrap.plain_len as u64, &mut out);
        }
        out.extend_from_slice(body);
        out
    }

    pub(super) fn read(patch: &'p [u8]) -> Result<(Self, &'p [u8]), DeltaError> {
        let (&first, mut rest) = patch.split_first().ok_or(DeltaError::Malformed("it is empty"))?;
        let method = match first & METHOD {
            1 => Method::Stored,
            2 => Method::Prefix,
            3 => Method::Modelled,
            _ => return Err(DeltaError::Malformed("its method is not known here")),
        };
        if first & !(METHOD | OPEN_BASE | WRAPPED) != 0 {
            return Err(DeltaError::Malformed("it is of a later version"));
        }
        let len = read_uint(&mut rest)?;
        let wrap = if first & WRAPPED != 0 {
            let recipe_len = read_uint(&mut rest)?;
            let recipe = rest.split_off(..recipe_len).ok_or(DeltaError::Malformed("it ends in a recipe"))?;
            Some(Wrap { recipe, plain_len: read_uint(&mut rest)? })
        } else {
            None
        };
        Ok((Self { method, len, open_base: first & OPEN_BASE != 0, wrap }, rest))
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
        let &byte = bytes.split_off_first().ok_or(DeltaError::Malformed("it ends in a number"))?;
        n |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return usize::try_from(n).map_err(|_| DeltaError::Malformed("a number is too large"));
        }
    }
    Err(DeltaError::Malformed("a number is too large"))
}
