//! The own method: a walk over the target, its decisions coded by a model that learns.

use super::DeltaError;
use super::coder::{Reader, Writer};
use super::model::Model;
use super::plan::Plan;
use super::walk::{Guide, Place, walk};

/// Base and target together: places are numbers of 32 bits.
const BUFFER_LEN_MAX: usize = u32::MAX as usize;
/// What the encoder spends at most, in the walk's units of work (some 0.2 µs each), beside a share of the length.
const COST_MAX: usize = 56 * 1024;
/// One unit more for so many bytes of the target.
const COST_SHARE: usize = 128;
/// How much more a save without a base may cost: it is sent once.
const FIRST_SHARE: usize = 2;
/// Bytes looked at to tell text from binary.
const SAMPLE: usize = 4096;

/// The body, or nothing when the two differ too much for this method to be quick.
pub(super) fn encode(base: &[u8], target: &[u8]) -> Option<Vec<u8>> {
    let mut buf = joined(base, target.len())?;
    buf.extend_from_slice(target);
    let text = is_text(target);
    let cost_max = (COST_MAX + target.len() / COST_SHARE) * if base.is_empty() { FIRST_SHARE } else { 1 };
    let plan = Plan::make(&mut buf, base.len(), text, cost_max)?;
    let mut model = Model::new(Writer::new(vec![u8::from(text)]), base, text);
    walk(&mut model, &mut plan.replay(), &mut buf, base.len(), text).ok()?;
    Some(model.into_coder().finish())
}

pub(super) fn decode(base: &[u8], body: &[u8], len: usize) -> Result<Vec<u8>, DeltaError> {
    let (&text, coded) = body.split_first().ok_or(DeltaError::Malformed("it has no body"))?;
    if text > 1 {
        return Err(DeltaError::Malformed("its kind of content is not known here"));
    }
    let mut buf = joined(base, len).ok_or(DeltaError::Malformed("it is too long"))?;
    buf.resize(base.len() + len, 0);
    let mut model = Model::new(Reader::new(coded), base, text == 1);
    walk(&mut model, &mut Unguided, &mut buf, base.len(), text == 1)?;
    buf.drain(..base.len());
    Ok(buf)
}

/// The base, then room for the target.
fn joined(base: &[u8], len: usize) -> Option<Vec<u8>> {
    let total = base.len().checked_add(len).filter(|total| *total < BUFFER_LEN_MAX)?;
    let mut buf = Vec::with_capacity(total);
    buf.extend_from_slice(base);
    Some(buf)
}

/// Few control characters: then lines and tokens mean something.
fn is_text(bytes: &[u8]) -> bool {
    let control = bytes.iter().step_by(bytes.len() / SAMPLE + 1).filter(|byte| **byte < 9).count();
    control * 32 < bytes.len().min(SAMPLE)
}

/// A decoder reads the decisions from the patch.
#[derive(Debug)]
struct Unguided;

impl Guide for Unguided {
    fn equal(&mut self, _: &[u8], _: &Place, _: usize) -> bool {
        false
    }

    fn jump(&mut self, _: &[u8], _: &Place) -> Option<usize> {
        None
    }
}
