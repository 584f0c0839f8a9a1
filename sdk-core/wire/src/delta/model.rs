//! The model: how likely each decision of the walk is.
//!
//! A told byte is first one question, "is it the guess?", with the byte aside or the continuation of the
//! longest recent match as the guess; most are answered for a hundredth of a bit. Otherwise the byte's bits
//! follow, each predicted by counters under several contexts (the bytes before, the bytes aside, the field of
//! the line, the differences some bytes ago) and mixed. Everything is learned while coding, nothing is sent.

use super::DeltaError;
use super::coder::Coder;
use super::mix::{BIAS, Counter, INPUTS, Mixer, SURE, Small, agreed, hash};
use super::walk::{Flag, MISS_WORK, Mind, Place, WORK_MAX};
use around::{Around, BITS, HITS, NOTHING};
use lines::Line;
use matches::Matches;

mod around;
mod lines;
mod matches;

/// Slots of sixteen counters for each context of the bits, as a power of two.
const SLOTS_LOG: u32 = 10;
/// Counters for each context of the question, as a power of two.
const ANSWERS_LOG: u32 = 12;
/// Counters for each context of a flag, as a power of two.
const FLAGS_LOG: u32 = 12;
/// Contexts of a flag.
const FLAG_CONTEXTS: usize = 4;
/// After so many sightings a counter keeps learning at the same pace.
const LIMIT: u32 = 127;
/// Counters of one kind of number: a length in unary (32), then its two highest bits by length.
const NUMBER_COUNTERS: usize = 128;
const NUMBER_BITS_MAX: u32 = 31;

/// Sixteen counters below one context: a check and the fifteen of four bits.
#[derive(Debug, Clone, Copy)]
#[repr(align(32))]
struct Slot {
    check: u16,
    counters: [Small; 15],
}

impl Slot {
    const NEW: Self = Self { check: 0, counters: [Small::NEW; 15] };
}

#[derive(Debug)]
pub(super) struct Model<C> {
    coder: C,
    text: bool,
    work: usize,
    hits: u64,
    matches: Matches,
    line: Line,
    /// How often the byte aside is right, by the last eight answers.
    aside: Vec<Counter>,
    /// How often the second guess is right.
    second: Vec<Counter>,
    answers: Vec<Counter>,
    answer_mixers: [Mixer; 2],
    slots: Vec<Slot>,
    bit_mixers: [Mixer; 2],
    flags: Vec<Counter>,
    flag_mixer: Mixer,
    numbers: Vec<Counter>,
}

impl<C: Coder> Model<C> {
    /// `known` is what both sides have before the first byte: the base.
    pub(super) fn new(coder: C, known: &[u8], text: bool) -> Self {
        let aside = |seen: u8| {
            const PERCENT: [u32; 9] = [60, 75, 85, 90, 93, 95, 97, 98, 99];
            Counter::with(PERCENT[seen.trailing_ones() as usize], 6)
        };
        Self {
            coder,
            text,
            work: 0,
            hits: u64::MAX,
            matches: Matches::new(known),
            line: Line::default(),
            aside: (0..=u8::MAX).map(aside).collect(),
            second: vec![Counter::NEW; 64 + 256],
            answers: vec![Counter::NEW; HITS << ANSWERS_LOG],
            answer_mixers: [Mixer::new(64, 13), Mixer::new(16, 13)],
            slots: vec![Slot::NEW; BITS << SLOTS_LOG],
            bit_mixers: [Mixer::new(128, 13), Mixer::new(512, 13)],
            flags: vec![Counter::NEW; FLAG_CONTEXTS << FLAGS_LOG],
            flag_mixer: Mixer::new(64, 15),
            numbers: vec![Counter::NEW; 3 * NUMBER_COUNTERS],
        }
    }

    pub(super) fn into_coder(self) -> C {
        self.coder
    }

    /// Is the byte the guess?
    fn is_guess(&mut self, around: &Around, value: bool) -> bool {
        let mut inputs = [0; INPUTS];
        let mut at = [0; HITS];
        for (i, context) in around.hit_contexts(&self.line).into_iter().enumerate() {
            at[i] = i << ANSWERS_LOG | (hash(context, i as u32) >> (32 - ANSWERS_LOG)) as usize;
            let counter = self.answers[at[i]];
            inputs[i] = if counter.seen() { counter.odds() } else { 0 };
        }
        if around.by_aside {
            inputs[HITS] = self.aside[around.steps()].odds();
        }
        if around.matched != NOTHING {
            let odds = self.matches.trust().odds();
            inputs[HITS + 1] = if around.matched == around.guess { odds } else { -odds };
        }
        inputs[HITS + 2] = BIAS;
        let sets = around.hit_sets();
        let odds = [self.answer_mixers[0].mix(sets[0], &inputs), self.answer_mixers[1].mix(sets[1], &inputs)];
        let bit = self.coder.bit(u32::from(value), agreed(odds[0], odds[1]));
        for (i, mixer) in self.answer_mixers.iter_mut().enumerate() {
            mixer.learn(sets[i], &inputs, odds[i], bit);
        }
        at.iter().for_each(|at| self.answers[*at].learn(bit, LIMIT));
        bit == 1
    }

    /// The byte's eight bits.
    fn spell(&mut self, around: &Around, value: u8) -> u8 {
        let contexts = around.bit_contexts(&self.line);
        let second = if around.by_aside { self.matches.strength() } else { 64 + around.steps() };
        // The bits so far below a leading one.
        let mut so_far = 1u32;
        for half in 0..2 {
            let slots = self.find_slots(&contexts, so_far);
            let mut node = 1usize;
            for _ in 0..4 {
                let bit = self.spell_bit(around, value, so_far, &slots, node - 1, second);
                so_far = so_far << 1 | bit;
                node = node << 1 | bit as usize;
            }
            debug_assert!(half == 0 || so_far > 255);
        }
        (so_far & 255) as u8
    }

    fn find_slots(&mut self, contexts: &[u32; BITS], so_far: u32) -> [usize; BITS] {
        let mut slots = [0; BITS];
        for (i, context) in contexts.iter().enumerate() {
            let mixed = (context ^ so_far.wrapping_mul(0x3D4D_51CB)).wrapping_mul(0x9E37_79B1);
            let mixed = mixed ^ mixed >> 15;
            slots[i] = i << SLOTS_LOG | (mixed >> (32 - SLOTS_LOG)) as usize;
            let slot = &mut self.slots[slots[i]];
            if slot.check != mixed as u16 {
                *slot = Slot { check: mixed as u16, ..Slot::NEW };
            }
        }
        slots
    }

    #[inline]
    fn spell_bit(
        &mut self,
        around: &Around,
        value: u8,
        so_far: u32,
        slots: &[usize; BITS],
        node: usize,
        second: usize,
    ) -> u32 {
        let done = 31 - so_far.leading_zeros();
        let mut inputs = [0; INPUTS];
        let mut known = 0;
        for (i, slot) in slots.iter().enumerate() {
            let counter = self.slots[*slot].counters[node];
            inputs[i] = counter.odds();
            known += usize::from((2..4).contains(&i) && counter.seen());
        }
        let hint = around.second_bit(so_far, done);
        if let Some(hint) = hint {
            let odds = self.second[second].odds();
            inputs[BITS] = if hint == 1 { odds } else { -odds };
        }
        // The guess was wrong, so the last bit cannot be its.
        if done == 7 && around.guess != NOTHING && around.guess >> 1 == so_far & 127 {
            inputs[BITS + 1] = if around.guess & 1 == 1 { -SURE as i16 } else { SURE as i16 };
        }
        inputs[BITS + 2] = BIAS;
        let guessed = usize::from(around.guess != NOTHING);
        let sets = [
            known | usize::from(hint.is_some()) << 2 | (done as usize) << 3 | guessed << 6,
            so_far as usize | guessed << 8,
        ];
        let odds = [self.bit_mixers[0].mix(sets[0], &inputs), self.bit_mixers[1].mix(sets[1], &inputs)];
        let bit = self.coder.bit(u32::from(value) >> (7 - done) & 1, agreed(odds[0], odds[1]));
        for (i, mixer) in self.bit_mixers.iter_mut().enumerate() {
            mixer.learn(sets[i], &inputs, odds[i], bit);
        }
        slots.iter().for_each(|slot| self.slots[*slot].counters[node].learn(bit));
        if let Some(hint) = hint {
            self.second[second].learn(u32::from(hint == bit), LIMIT);
        }
        bit
    }

    fn number_bit(&mut self, at: usize, bit: bool) -> bool {
        let bit = self.coder.bit(u32::from(bit), self.numbers[at].p16());
        self.numbers[at].learn(bit, 60);
        bit == 1
    }
}

/// What a flag depends on.
fn flag_contexts(flag: Flag, place: &Place, buf: &[u8], line: &Line) -> [u32; FLAG_CONTEXTS] {
    let known = buf[..place.at].get(place.aside..).unwrap_or_default();
    let shape = known.iter().take(8).fold(8, |shape, byte| {
        hash(shape, if place.text && byte.is_ascii_digit() { 1 } else { u32::from(*byte) })
    });
    let level = place.level as u32;
    let history = place.history;
    match flag {
        Flag::Copy => [
            history & 15 | level << 4,
            hash(shape, 7),
            hash(history & 255, place.streak.min(40) << 2 | level),
            hash(line.key, line.field.min(20) << 3 | history & 7),
        ],
        Flag::Jump => {
            [history & 3, 1 << 20 | history & 15, hash(shape, 9), hash(line.key, 2)].map(|c| hash(c, 16))
        }
        Flag::Ring => [2 << 20; FLAG_CONTEXTS],
        Flag::Forward => [3 << 20; FLAG_CONTEXTS],
    }
}

impl<C: Coder> Mind for Model<C> {
    fn flag(&mut self, flag: Flag, value: bool, place: &Place, buf: &[u8]) -> bool {
        self.work += Flag::WORK;
        let contexts = flag_contexts(flag, place, buf, &self.line);
        let mut inputs = [0; INPUTS];
        let mut at = [0; FLAG_CONTEXTS];
        for (i, context) in contexts.into_iter().enumerate() {
            at[i] = i << FLAGS_LOG | (hash(context, i as u32) >> (32 - FLAGS_LOG)) as usize;
            inputs[i] = self.flags[at[i]].odds();
        }
        inputs[FLAG_CONTEXTS] = BIAS;
        let set = (contexts[0] & 63) as usize;
        let odds = self.flag_mixer.mix(set, &inputs);
        let bit = self.coder.bit(u32::from(value), agreed(odds, odds));
        self.flag_mixer.learn(set, &inputs, odds, bit);
        at.iter().for_each(|at| self.flags[*at].learn(bit, 100));
        bit == 1
    }

    /// Exponential-Golomb with learned bits.
    fn number(&mut self, kind: usize, value: usize) -> usize {
        self.work += 1;
        let value = (value as u64).saturating_add(1);
        let len = (63 - value.leading_zeros()).min(NUMBER_BITS_MAX);
        let counters = kind * NUMBER_COUNTERS;
        let mut bits = 0;
        while bits < NUMBER_BITS_MAX && self.number_bit(counters + bits as usize, bits < len) {
            bits += 1;
        }
        let mut out = 1u64;
        for shift in (0..bits).rev() {
            let at = counters + 40 + bits as usize * 2 + usize::from(shift + 1 < bits);
            out = out << 1 | u64::from(self.number_bit(at, value >> shift & 1 == 1));
        }
        // Below 2^32: `out` has at most one bit more than NUMBER_BITS_MAX.
        (out - 1) as usize
    }

    fn byte(&mut self, place: &Place, buf: &[u8]) -> Result<u8, DeltaError> {
        self.matches.find(buf, place.at);
        let around = Around::new(place, buf, self.hits, &self.matches, &self.aside, self.line.delta());
        let value = buf[place.at];
        let hit = around.guess != NOTHING && self.is_guess(&around, u32::from(value) == around.guess);
        let byte = if hit { around.guess as u8 } else { self.spell(&around, value) };
        self.work += if hit { 1 } else { MISS_WORK };
        let got = u32::from(byte);
        self.hits = self.hits << 1 | u64::from(got == around.aside);
        if around.aside != NOTHING {
            self.line.learn_delta(byte.wrapping_sub(around.aside as u8));
            self.aside[around.steps()].learn(u32::from(got == around.aside), LIMIT);
        }
        if around.matched != NOTHING {
            self.matches.answered(got == around.matched);
        }
        if self.text {
            self.line.step(byte);
        }
        Ok(byte)
    }

    fn copied(&mut self, bytes: &[u8]) {
        if self.text {
            self.line.skip(bytes);
        }
        self.hits = u64::MAX;
        self.matches.lose();
    }

    fn hits(&self) -> u64 {
        self.hits
    }

    fn within_limits(&self) -> Result<(), DeltaError> {
        if self.work > WORK_MAX {
            return Err(DeltaError::Malformed("it asks for too much work"));
        }
        Ok(())
    }

    fn told(&mut self, buf: &[u8], end: usize) {
        self.matches.learn(buf, end);
    }
}
