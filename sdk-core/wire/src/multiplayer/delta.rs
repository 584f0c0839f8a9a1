//! A state as its difference from an earlier one: what changed, at which place.
//!
//! The difference is the new length, then runs: octets to skip, octets that differ, the new octets. What lies
//! past the last run is as before. States are short and change in place (positions, angles, counters), so
//! nothing is searched: one pass, no memory.

use super::frame::{FrameError, STATE_LEN_MAX};
use super::varint::{Reader, put_uint};
use bytes::{BufMut, BytesMut};

/// Octets alike that end a run: fewer cost less inside it than the two lengths of a new one.
const GAP_MIN: usize = 3;
/// States below this length travel whole: heads and acknowledgements would cost as much.
pub const DELTA_LEN_MIN: usize = 48;

/// Writes the difference of `after` from `before`; `false`, with nothing written, when it is no shorter.
pub fn encode(before: &[u8], after: &[u8], out: &mut BytesMut) -> bool {
    let begin = out.len();
    put_uint(out, after.len() as u64);
    let differs = |at: usize| before.get(at) != after.get(at);
    let mut at = 0;
    let mut done = 0;
    while let Some(first) = (at..after.len()).find(|at| differs(*at)) {
        let mut end = first + 1;
        let mut next = end;
        while next < after.len() && next - end < GAP_MIN {
            next += 1;
            if differs(next - 1) {
                end = next;
            }
        }
        put_uint(out, (first - done) as u64);
        put_uint(out, (end - first) as u64);
        out.put_slice(&after[first..end]);
        (at, done) = (end, end);
    }
    let pays = out.len() - begin < after.len();
    if !pays {
        out.truncate(begin);
    }
    pays
}

/// Applies a difference.
pub fn decode(before: &[u8], difference: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
    let mut from = Reader::new(difference);
    let len = from.uint()?;
    if len > STATE_LEN_MAX as u64 {
        return Err(FrameError::Field("length"));
    }
    let len = len as usize;
    out.clear();
    out.extend_from_slice(&before[..before.len().min(len)]);
    out.resize(len, 0);
    let mut at = 0_usize;
    while !from.is_empty() {
        let skip = from.uint()?;
        let start = usize::try_from(skip).ok().and_then(|skip| at.checked_add(skip));
        let start = start.ok_or(FrameError::Field("skip"))?;
        let run = from.bytes(STATE_LEN_MAX, "run")?;
        at = start + run.len();
        out.get_mut(start..at).ok_or(FrameError::Field("run"))?.copy_from_slice(run);
    }
    Ok(())
}
