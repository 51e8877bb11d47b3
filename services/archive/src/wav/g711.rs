//! ITU-T G.711 to linear PCM, for a WAV whose legs do not share a codec, and big-endian to little-endian.

use std::borrow::Cow;

use super::Sound;

/// A leg's payload as it is written.
pub(super) fn convert(from: Sound, to: Sound, payload: &[u8]) -> Cow<'_, [u8]> {
    match (from, to) {
        (Sound::Alaw, Sound::Linear) => Cow::Owned(linear(payload, alaw)),
        (Sound::Mulaw, Sound::Linear) => Cow::Owned(linear(payload, mulaw)),
        (Sound::Linear, _) => {
            let samples = payload.as_chunks::<2>().0;
            Cow::Owned(samples.iter().flat_map(|[high, low]| [*low, *high]).collect())
        }
        (Sound::Alaw | Sound::Mulaw, Sound::Alaw | Sound::Mulaw) => Cow::Borrowed(payload),
    }
}

fn linear(payload: &[u8], decode: fn(u8) -> i16) -> Vec<u8> {
    payload.iter().flat_map(|code| decode(*code).to_le_bytes()).collect()
}

/// G.711 table 1: even bits are inverted on the line; sign, three bits of segment, four of step.
fn alaw(code: u8) -> i16 {
    let code = code ^ 0x55;
    let segment = (code >> 4) & 7;
    let step = i16::from(code & 0x0f) << 4;
    let magnitude = match segment {
        0 => step + 8,
        _ => (step + 0x108) << (segment - 1),
    };
    if code & 0x80 == 0 { -magnitude } else { magnitude }
}

/// G.711 table 2: all bits are inverted on the line; the bias of 33 steps is taken off.
fn mulaw(code: u8) -> i16 {
    let code = !code;
    let segment = (code >> 4) & 7;
    let magnitude = (((i16::from(code & 0x0f) << 3) + 0x84) << segment) - 0x84;
    if code & 0x80 == 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_codes_decode_to_the_standards_values() {
        // G.711 tables 1 and 2, decoder outputs, scaled to 16 bits.
        for (code, value) in [(0xd5, 8), (0x55, -8), (0xaa, 32_256), (0x2a, -32_256)] {
            assert_eq!(alaw(code), value, "A-law {code:#x}");
        }
        for (code, value) in [(0xff, 0), (0x7f, 0), (0x80, 32_124), (0x00, -32_124)] {
            assert_eq!(mulaw(code), value, "mu-law {code:#x}");
        }
    }
}
