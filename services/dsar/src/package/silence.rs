//! Silence where others are heard (GDPR Art. 15(4)): a WAV is changed on its way, in whatever pieces it comes. Pure.
//!
//! archive writes a leg from the recording's beginning, its samples at an even rate, so that a stretch of the timeline is a
//! stretch of the file. A header that says anything else ends the stream: what cannot be placed cannot be made silent.

use kernel::{Interval, IntervalSet};

use crate::error::Error;

/// Most bytes before the first sample; archive's headers have 44 or 58.
const MAX_HEADER: usize = 4_096;
/// `wFormatTag` of linear samples, of A-law and of mu-law.
const LINEAR: u16 = 1;
const ALAW: u16 = 6;
const MULAW: u16 = 7;
const SECOND: u128 = 1_000_000;

/// Passes a WAV on, silent within some stretches.
pub(super) struct Silencer {
    stretches: IntervalSet,
    state: State,
}

enum State {
    /// Nothing is to be silent, so that nothing is looked at.
    Through,
    /// The header is not all there.
    Header(Vec<u8>),
    /// So many bytes of samples have passed.
    Samples(Form, u64),
}

/// What a header says of the samples.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Form {
    /// Samples of a channel in a second.
    rate: u32,
    /// Bytes of a sample of every channel.
    block: u16,
    /// A byte of silence.
    silence: u8,
    /// Bytes of all samples.
    bytes: u64,
}

impl Silencer {
    /// Silent within these stretches of the recording's timeline.
    pub(super) fn new(stretches: IntervalSet) -> Self {
        let state = if stretches.is_empty() { State::Through } else { State::Header(Vec::new()) };
        Self { stretches, state }
    }

    /// The next bytes, of which some may be held back until the header is read. After an error nothing may follow.
    pub(super) fn pass(&mut self, mut bytes: Vec<u8>) -> Result<Vec<u8>, Error> {
        match &mut self.state {
            State::Through => Ok(bytes),
            State::Header(begun) => {
                begun.append(&mut bytes);
                let Some((form, header)) = read(begun)? else { return Ok(Vec::new()) };
                let mut bytes = std::mem::take(begun);
                let passed = form.silence(&self.stretches, 0, &mut bytes[header..])?;
                self.state = State::Samples(form, passed);
                Ok(bytes)
            }
            State::Samples(form, passed) => {
                *passed = form.silence(&self.stretches, *passed, &mut bytes)?;
                Ok(bytes)
            }
        }
    }

    /// An error where the stream has ended before its header was whole.
    pub(super) fn end(&self) -> Result<(), Error> {
        match self.state {
            State::Through | State::Samples(..) => Ok(()),
            State::Header(_) => Err(unknown()),
        }
    }
}

impl Form {
    /// Overwrites what lies within the stretches, of samples that come after so many bytes; how many have passed then. More
    /// than the header says could not be placed.
    fn silence(self, stretches: &IntervalSet, passed: u64, samples: &mut [u8]) -> Result<u64, Error> {
        let end = passed + samples.len() as u64;
        // An odd number of bytes is followed by one that is no sample.
        if end > self.bytes + self.bytes % 2 {
            return Err(unknown());
        }
        for stretch in stretches.iter() {
            let (first, last) = self.place(stretch);
            let (from, to) = (first.max(passed), last.min(end).min(self.bytes));
            if from < to {
                samples[(from - passed) as usize..(to - passed) as usize].fill(self.silence);
            }
        }
        Ok(end)
    }

    /// The bytes of every sample that a stretch touches.
    fn place(self, stretch: Interval) -> (u64, u64) {
        let samples = |micros: u64| u128::from(micros) * u128::from(self.rate);
        let bytes = |sample: u128| u64::try_from(sample * u128::from(self.block)).unwrap_or(u64::MAX);
        let first = samples(stretch.start().0) / SECOND;
        let last = samples(stretch.end().0).div_ceil(SECOND);
        (bytes(first), bytes(last))
    }
}

/// What a header says, and its length; none while it is not all there.
fn read(bytes: &[u8]) -> Result<Option<(Form, usize)>, Error> {
    let found = chunks(bytes)?;
    if found.is_none() && bytes.len() > MAX_HEADER { Err(unknown()) } else { Ok(found) }
}

fn chunks(bytes: &[u8]) -> Result<Option<(Form, usize)>, Error> {
    let Some(head) = bytes.get(..12) else { return Ok(None) };
    if &head[..4] != b"RIFF" || &head[8..] != b"WAVE" {
        return Err(unknown());
    }
    let (mut at, mut form) = (12_usize, None);
    loop {
        let Some(head) = bytes.get(at..at + 8) else { return Ok(None) };
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        at += 8;
        if &head[..4] == b"data" {
            let form: Form = form.ok_or_else(unknown)?;
            return Ok(Some((Form { bytes: length.into(), ..form }, at)));
        }
        let length =
            usize::try_from(length).ok().filter(|length| *length <= MAX_HEADER).ok_or_else(unknown)?;
        let Some(body) = bytes.get(at..at + length) else { return Ok(None) };
        if &head[..4] == b"fmt " {
            form = Some(format(body)?);
        }
        at += length + length % 2;
    }
}

/// The `fmt ` chunk, of a form that archive writes.
fn format(body: &[u8]) -> Result<Form, Error> {
    let Some(own) = body.get(..16) else { return Err(unknown()) };
    let half = |at: usize| u16::from_le_bytes([own[at], own[at + 1]]);
    let rate = u32::from_le_bytes([own[4], own[5], own[6], own[7]]);
    let (tag, channels, block, bits) = (half(0), half(2), half(12), half(14));
    let silence = match (tag, bits) {
        (LINEAR, 16) => 0,
        (ALAW, 8) => 0xd5,
        (MULAW, 8) => 0xff,
        _ => return Err(unknown()),
    };
    let is_even = rate > 0 && channels > 0 && u32::from(block) * 8 == u32::from(channels) * u32::from(bits);
    if is_even { Ok(Form { rate, block, silence, bytes: 0 }) } else { Err(unknown()) }
}

fn unknown() -> Error {
    Error::Answer { peer: "archive", what: "a WAV" }
}

#[cfg(test)]
mod tests;
