//! Reads the WAV files that `verbale record` sends: A-law, mu-law or 16-bit PCM, one channel a leg.

use std::ops::Range;

/// Why a WAV file cannot be sent; the place is the byte offset in the file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A chunk says that it is longer than what is there.
    #[error("byte {at}: {what} is cut short: {wanted} bytes are announced, {there} are there")]
    Short {
        /// Offset of the chunk's content.
        at: usize,
        /// The chunk.
        what: &'static str,
        /// Announced length.
        wanted: usize,
        /// Bytes left in the file.
        there: usize,
    },
    /// Something stands where something else is needed.
    #[error("byte {at}: {what}")]
    Malformed {
        /// Offset in the file.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// The `fmt ` chunk names a format that is not understood.
    #[error(
        "byte {at}: format {tag} with {bits} bits a sample is not understood; A-law (6), mu-law (7) and 16-bit PCM (1) are"
    )]
    Format {
        /// Offset of the `fmt ` chunk's content.
        at: usize,
        /// wFormatTag.
        tag: u16,
        /// wBitsPerSample.
        bits: u16,
    },
    /// The `fmt ` chunk's numbers do not fit each other or a stated bound.
    #[error("byte {at}: {field} is {value}, must be {must}")]
    Bound {
        /// Offset of the `fmt ` chunk's content.
        at: usize,
        /// The field of the chunk.
        field: &'static str,
        /// What it says.
        value: u32,
        /// What is possible.
        must: &'static str,
    },
}

/// How samples are coded on the wire, as RTP names them (RFC 3551).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// G.711 A-law.
    Pcma,
    /// G.711 mu-law.
    Pcmu,
    /// 16-bit linear PCM; big-endian on the wire, little-endian in the file.
    L16,
}

impl Codec {
    /// The name in `Open`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcma => "PCMA",
            Self::Pcmu => "PCMU",
            Self::L16 => "L16",
        }
    }
    /// The static RTP payload type, or a dynamic one where the rate has none.
    pub fn payload_type(self) -> u8 {
        match self {
            Self::Pcma => 8,
            Self::Pcmu => 0,
            Self::L16 => 96,
        }
    }
    /// Bytes a sample.
    pub fn width(self) -> usize {
        match self {
            Self::Pcma | Self::Pcmu => 1,
            Self::L16 => 2,
        }
    }
}

/// A WAV file's audio, split into channels.
#[derive(Debug)]
pub struct Wav {
    /// How samples are coded.
    pub codec: Codec,
    /// Samples a second.
    pub rate: u32,
    /// Each channel's payload as it goes on the wire.
    pub channels: Vec<Vec<u8>>,
}

impl Wav {
    /// Reads a whole file (RIFF WAVE, little-endian).
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        check_tag(bytes, 0, b"RIFF", "not a RIFF file")?;
        check_tag(bytes, 8, b"WAVE", "a RIFF file, but not WAVE")?;
        let format = Format::parse(bytes, find_chunk(bytes, b"fmt ", "the fmt chunk")?)?;
        let data = find_chunk(bytes, b"data", "the data chunk")?;
        Ok(Self { codec: format.codec, rate: format.rate, channels: format.split(&bytes[data]) })
    }

    /// Samples in each channel.
    pub fn samples(&self) -> usize {
        self.channels.first().map_or(0, |channel| channel.len() / self.codec.width())
    }
}

struct Format {
    codec: Codec,
    rate: u32,
    channels: usize,
}

impl Format {
    fn parse(bytes: &[u8], chunk: Range<usize>) -> Result<Self, Error> {
        let at = chunk.start;
        if chunk.len() < 16 {
            return Err(Error::Short { at, what: "the fmt chunk", wanted: 16, there: chunk.len() });
        }
        let (tag, bits) = (u16_at(bytes, at), u16_at(bytes, at + 14));
        let codec = match (tag, bits) {
            (6, 8) => Codec::Pcma,
            (7, 8) => Codec::Pcmu,
            (1, 16) => Codec::L16,
            _ => return Err(Error::Format { at, tag, bits }),
        };
        let channels = u16_at(bytes, at + 2);
        if !(1..=16).contains(&channels) {
            return Err(Error::Bound { at, field: "channels", value: channels.into(), must: "1 to 16" });
        }
        let rate = u32_at(bytes, at + 4);
        if !(1_000..=384_000).contains(&rate) {
            return Err(Error::Bound { at, field: "sample rate", value: rate, must: "1,000 to 384,000 Hz" });
        }
        Ok(Self { codec, rate, channels: channels.into() })
    }

    fn split(&self, data: &[u8]) -> Vec<Vec<u8>> {
        let width = self.codec.width();
        let whole_frames = data.len() / (width * self.channels);
        let mut channels = vec![Vec::with_capacity(whole_frames * width); self.channels];
        for (number, sample) in data.chunks_exact(width).take(whole_frames * self.channels).enumerate() {
            let channel = &mut channels[number % self.channels];
            match self.codec {
                Codec::Pcma | Codec::Pcmu => channel.extend_from_slice(sample),
                Codec::L16 => channel.extend([sample[1], sample[0]]),
            }
        }
        channels
    }
}

fn check_tag(bytes: &[u8], at: usize, tag: &[u8; 4], what: &'static str) -> Result<(), Error> {
    if bytes.get(at..at + 4) == Some(tag) { Ok(()) } else { Err(Error::Malformed { at, what }) }
}

/// Walks the chunks to the one with this tag and gives the range of its content.
fn find_chunk(bytes: &[u8], tag: &[u8; 4], what: &'static str) -> Result<Range<usize>, Error> {
    let mut at = 12;
    while let Some(head) = bytes.get(at..at + 8) {
        let start = at + 8;
        let length = u32_at(bytes, at + 4) as usize;
        if &head[..4] == tag {
            let there = bytes.len() - start;
            if length > there {
                return Err(Error::Short { at: start, what, wanted: length, there });
            }
            return Ok(start..start + length);
        }
        // Chunks are padded to an even length.
        at = start.saturating_add(length).saturating_add(length % 2);
    }
    Err(Error::Malformed {
        at: at.min(bytes.len()),
        what: if tag == b"data" { "there is no data chunk" } else { "there is no fmt chunk" },
    })
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(tag: u16, channels: u16, rate: u32, bits: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0".to_vec();
        bytes.extend(tag.to_le_bytes());
        bytes.extend(channels.to_le_bytes());
        bytes.extend(rate.to_le_bytes());
        bytes.extend([0; 6]);
        bytes.extend(bits.to_le_bytes());
        bytes.extend(b"data");
        bytes.extend((data.len() as u32).to_le_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn channels_are_split_and_pcm_turns_to_network_order() {
        let wav = Wav::parse(&file(6, 2, 8_000, 8, &[1, 2, 3, 4, 5])).unwrap();
        assert_eq!((wav.codec, wav.samples()), (Codec::Pcma, 2));
        assert_eq!(wav.channels, [vec![1, 3], vec![2, 4]]);
        let wav = Wav::parse(&file(1, 1, 16_000, 16, &[1, 2, 3, 4])).unwrap();
        assert_eq!(wav.channels, [vec![2, 1, 4, 3]]);
    }

    #[test]
    fn a_malformed_file_is_refused_with_the_place() {
        let good = file(6, 2, 8_000, 8, &[0; 8]);
        let check = |bytes: &[u8], needle: &str| {
            let error = Wav::parse(bytes).unwrap_err().to_string();
            assert!(error.contains(needle), "{error}");
        };
        check(b"", "byte 0: not a RIFF");
        check(b"RIFF....AVI LIST", "byte 8: a RIFF file, but not WAVE");
        check(&good[..30], "byte 20: the fmt chunk is cut short");
        check(&good[..good.len() - 3], "byte 44: the data chunk is cut short: 8 bytes are announced, 5");
        check(&good[..36], "byte 36: there is no data chunk");
        check(&file(85, 2, 8_000, 8, &[]), "byte 20: format 85 with 8 bits");
        check(&file(6, 0, 8_000, 8, &[]), "channels is 0, must be 1 to 16");
        check(&file(6, 2, 7, 8, &[]), "sample rate is 7");
    }

    #[test]
    fn no_cut_of_a_file_panics() {
        let good = file(1, 2, 8_000, 16, &[7; 64]);
        for end in 0..good.len() {
            let _ = Wav::parse(&good[..end]);
        }
    }
}
