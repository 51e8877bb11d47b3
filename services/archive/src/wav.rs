//! Frames as a RIFF/WAVE stream whose sizes are known before its first sample. Pure.
//!
//! One channel per leg. Samples are placed by position, absent stretches are the codec's silence, and several
//! ranges follow each other without a pause. A-law and mu-law stay as they came (formats 6 and 7) where all
//! legs agree; everything else becomes linear PCM of 16 bits.

mod g711;

use kernel::{Interval, Position};

/// Bytes that [`Writer::chunk`] gives at most.
pub const MAX_CHUNK: usize = 64 << 10;

/// What a leg's frames hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sound {
    /// G.711 A-law, one byte a sample.
    Alaw,
    /// G.711 mu-law, one byte a sample.
    Mulaw,
    /// Linear, 16 bits, big-endian.
    Linear,
}

impl Sound {
    /// The sound of an RTP encoding name.
    pub fn of(codec: &str) -> Option<Self> {
        match codec {
            "PCMA" => Some(Self::Alaw),
            "PCMU" => Some(Self::Mulaw),
            "L16" => Some(Self::Linear),
            _ => None,
        }
    }
    fn sample_bytes(self) -> usize {
        match self {
            Self::Alaw | Self::Mulaw => 1,
            Self::Linear => 2,
        }
    }
    fn silence(self) -> &'static [u8] {
        match self {
            Self::Alaw => &[0xd5],
            Self::Mulaw => &[0xff],
            Self::Linear => &[0, 0],
        }
    }
    /// `wFormatTag`.
    fn format(self) -> u16 {
        match self {
            Self::Linear => 1,
            Self::Alaw => 6,
            Self::Mulaw => 7,
        }
    }
}

/// Why legs cannot be one WAV.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// No leg, or more than two.
    #[error("a WAV has one or two legs")]
    Legs,
    /// A codec that is kept as it came.
    #[error("a leg's codec cannot be written as WAV")]
    Codec,
    /// Legs of different clock rates.
    #[error("the legs' clock rates differ")]
    Rates,
    /// More than a RIFF file can hold.
    #[error("the ranges are longer than a WAV can be")]
    TooLong,
}

/// What a WAV will hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    legs: Vec<Sound>,
    out: Sound,
    rate: u32,
    ranges: Vec<Placed>,
    samples: u64,
}

/// A range of the timeline and where its samples begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Placed {
    interval: Interval,
    first: u64,
}

/// Takes frames, gives bytes in order.
#[derive(Debug)]
pub struct Writer {
    layout: Layout,
    /// Per leg, samples from `base` on, as they will be written.
    pending: Vec<Vec<u8>>,
    base: u64,
}

impl Layout {
    /// One channel per leg (its RTP encoding name and clock rate), over these ranges in order.
    pub fn new(legs: &[(&str, u32)], ranges: &[Interval]) -> Result<Self, Refusal> {
        if legs.is_empty() || legs.len() > 2 {
            return Err(Refusal::Legs);
        }
        let sounds: Option<Vec<_>> = legs.iter().map(|(codec, _)| Sound::of(codec)).collect();
        let sounds = sounds.ok_or(Refusal::Codec)?;
        let rate = legs[0].1;
        if rate == 0 || legs.iter().any(|(_, other)| *other != rate) {
            return Err(Refusal::Rates);
        }
        let out = if sounds.iter().all(|sound| *sound == sounds[0]) { sounds[0] } else { Sound::Linear };
        let (mut placed, mut samples) = (Vec::with_capacity(ranges.len()), 0u64);
        for interval in ranges {
            placed.push(Placed { interval: *interval, first: samples });
            let length = sample_at(interval.end(), rate) - sample_at(interval.start(), rate);
            samples = samples.checked_add(length).ok_or(Refusal::TooLong)?;
        }
        let layout = Self { legs: sounds, out, rate, ranges: placed, samples };
        let bytes = u128::from(samples) * layout.block() as u128;
        // RIFF counts in 32 bits, and its header is in the count.
        if bytes > u128::from(u32::MAX) - 64 { Err(Refusal::TooLong) } else { Ok(layout) }
    }

    /// Everything before the first sample.
    pub fn header(&self) -> Vec<u8> {
        let data = self.data_bytes();
        let (block, channels) = (self.block(), self.legs.len());
        let mut fmt = Vec::with_capacity(18);
        fmt.extend_from_slice(&self.out.format().to_le_bytes());
        fmt.extend_from_slice(&(channels as u16).to_le_bytes());
        fmt.extend_from_slice(&self.rate.to_le_bytes());
        fmt.extend_from_slice(&self.rate.wrapping_mul(block as u32).to_le_bytes());
        fmt.extend_from_slice(&(block as u16).to_le_bytes());
        fmt.extend_from_slice(&(8 * self.out.sample_bytes() as u16).to_le_bytes());
        let mut chunks = Vec::new();
        match self.out {
            Sound::Linear => chunk(&mut chunks, *b"fmt ", &fmt),
            Sound::Alaw | Sound::Mulaw => {
                // Formats other than PCM say how long their extension is, and how many samples there are.
                fmt.extend_from_slice(&0u16.to_le_bytes());
                chunk(&mut chunks, *b"fmt ", &fmt);
                chunk(&mut chunks, *b"fact", &(self.samples as u32).to_le_bytes());
            }
        }
        chunks.extend_from_slice(b"data");
        chunks.extend_from_slice(&(data as u32).to_le_bytes());
        let mut bytes = b"RIFF".to_vec();
        let size = 4 + chunks.len() as u64 + data + data % 2;
        bytes.extend_from_slice(&(size as u32).to_le_bytes());
        bytes.extend_from_slice(b"WAVE");
        bytes.extend_from_slice(&chunks);
        bytes
    }

    /// Samples of one channel.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// The sample of the first range that reaches beyond `position`, or past it.
    pub fn sample_of(&self, position: Position) -> u64 {
        let Some(range) = self.ranges.iter().find(|range| position < range.interval.end()) else {
            return self.samples;
        };
        let from = position.max(range.interval.start());
        range.first + sample_at(from, self.rate) - sample_at(range.interval.start(), self.rate)
    }

    fn block(&self) -> usize {
        self.legs.len() * self.out.sample_bytes()
    }

    fn data_bytes(&self) -> u64 {
        self.samples * self.block() as u64
    }
}

impl Writer {
    /// Writes this layout.
    pub fn new(layout: Layout) -> Self {
        let pending = vec![Vec::new(); layout.legs.len()];
        Self { layout, pending, base: 0 }
    }

    /// What is being written.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Places a frame of a channel. What lies outside the ranges, or before what was given out, is left out.
    pub fn place(&mut self, channel: usize, position: Position, payload: &[u8]) {
        let inside = |range: &&Placed| range.interval.start() <= position && position < range.interval.end();
        let Some(range) = self.layout.ranges.iter().find(inside).copied() else { return };
        let rate = self.layout.rate;
        let first = range.first + sample_at(position, rate) - sample_at(range.interval.start(), rate);
        let end =
            range.first + sample_at(range.interval.end(), rate) - sample_at(range.interval.start(), rate);
        let width = self.layout.out.sample_bytes();
        let bytes = g711::convert(self.layout.legs[channel], self.layout.out, payload);
        let skip = self.base.saturating_sub(first);
        let fitting = (bytes.len() / width) as u64;
        let take = fitting.min(end - first);
        if skip >= take {
            return;
        }
        let at = (first + skip - self.base) as usize * width;
        let source = &bytes[skip as usize * width..take as usize * width];
        let pending = &mut self.pending[channel];
        fill(pending, at + source.len(), self.layout.out.silence());
        pending[at..at + source.len()].copy_from_slice(source);
    }

    /// The next bytes, up to the sample `until`; `None` once it is reached.
    pub fn chunk(&mut self, until: u64) -> Option<Vec<u8>> {
        let block = self.layout.block();
        let until = until.min(self.layout.samples);
        let count = until.checked_sub(self.base).filter(|count| *count > 0)?;
        let count = count.min((MAX_CHUNK / block) as u64) as usize;
        let width = self.layout.out.sample_bytes();
        for pending in &mut self.pending {
            fill(pending, count * width, self.layout.out.silence());
        }
        let mut bytes = Vec::with_capacity(count * block);
        for sample in 0..count {
            for pending in &self.pending {
                bytes.extend_from_slice(&pending[sample * width..(sample + 1) * width]);
            }
        }
        for pending in &mut self.pending {
            pending.drain(..count * width);
        }
        self.base += count as u64;
        if self.base == self.layout.samples && self.layout.data_bytes() % 2 == 1 {
            bytes.push(0);
        }
        Some(bytes)
    }
}

/// The first sample at or after a position. Positions are samples rounded down to microseconds, so this is
/// the sample that a frame's position came from.
fn sample_at(position: Position, rate: u32) -> u64 {
    let sample = (u128::from(position.0) * u128::from(rate)).div_ceil(1_000_000);
    u64::try_from(sample).unwrap_or(u64::MAX)
}

fn fill(pending: &mut Vec<u8>, length: usize, silence: &[u8]) {
    while pending.len() < length {
        pending.extend_from_slice(silence);
    }
}

fn chunk(bytes: &mut Vec<u8>, id: [u8; 4], body: &[u8]) {
    bytes.extend_from_slice(&id);
    bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
    bytes.extend_from_slice(body);
}

#[cfg(test)]
mod tests;
