use kernel::Position;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// A WAV as archive writes it: its format, its rate, its channels and its samples.
fn wav(tag: u16, rate: u32, channels: u16, samples: &[u8]) -> Vec<u8> {
    let width = if tag == LINEAR { 2 } else { 1 };
    let block = channels * width;
    let mut fmt = Vec::new();
    for half in [tag, channels] {
        fmt.extend(half.to_le_bytes());
    }
    fmt.extend(rate.to_le_bytes());
    fmt.extend((rate * u32::from(block)).to_le_bytes());
    for half in [block, 8 * width] {
        fmt.extend(half.to_le_bytes());
    }
    let mut chunks = Vec::new();
    if tag == LINEAR {
        chunk(&mut chunks, b"fmt ", &fmt);
    } else {
        fmt.extend([0, 0]);
        chunk(&mut chunks, b"fmt ", &fmt);
        chunk(&mut chunks, b"fact", &(samples.len() as u32).to_le_bytes());
    }
    chunk(&mut chunks, b"data", samples);
    chunks.resize(chunks.len() + samples.len() % 2, 0);
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((chunks.len() as u32 + 4).to_le_bytes());
    bytes.extend(b"WAVE");
    bytes.extend(chunks);
    bytes
}

fn chunk(bytes: &mut Vec<u8>, id: &[u8], body: &[u8]) {
    bytes.extend(id);
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(body);
}

fn stretches(all: &[(u64, u64)]) -> IntervalSet {
    all.iter().filter_map(|(from, to)| Interval::new(Position(*from), Position(*to))).collect()
}

/// What comes out, in pieces of these lengths.
fn passed(wav: &[u8], stretches: &IntervalSet, pieces: &[usize]) -> Result<Vec<u8>, Error> {
    let mut silencer = Silencer::new(stretches.clone());
    let (mut left, mut found, mut lengths) = (wav, Vec::new(), pieces.iter().cycle());
    while !left.is_empty() {
        let length = lengths.next().map_or(left.len(), |length| (*length).min(left.len()));
        let (piece, rest) = left.split_at(length);
        found.extend(silencer.pass(piece.to_vec())?);
        left = rest;
    }
    silencer.end()?;
    Ok(found)
}

#[test]
fn a_stretch_is_silent_and_the_rest_as_it_was() {
    // A millisecond has eight samples.
    for (tag, silence) in [(ALAW, 0xd5), (MULAW, 0xff)] {
        let whole = wav(tag, 8_000, 1, &[7; 80]);
        let found = passed(&whole, &stretches(&[(2_000, 4_000)]), &[whole.len()]).unwrap();
        let samples = [vec![7; 16], vec![silence; 16], vec![7; 48]].concat();
        assert_eq!(found, wav(tag, 8_000, 1, &samples));
    }
    let whole = wav(LINEAR, 16_000, 1, &[7; 64]);
    let found = passed(&whole, &stretches(&[(1_000, 1_001)]), &[1]).unwrap();
    assert_eq!(found, wav(LINEAR, 16_000, 1, &[vec![7; 32], vec![0; 2], vec![7; 30]].concat()));
}

#[test]
fn a_sample_that_a_stretch_only_touches_is_silent_too() {
    let whole = wav(ALAW, 8_000, 1, &[7; 8]);
    // The second and the third sample: from 125 to 375 µs.
    let found = passed(&whole, &stretches(&[(249, 251)]), &[3]).unwrap();
    assert_eq!(&found[58..], [7, 0xd5, 0xd5, 7, 7, 7, 7, 7]);
    let found = passed(&whole, &stretches(&[(250, 375)]), &[3]).unwrap();
    assert_eq!(&found[58..], [7, 7, 0xd5, 7, 7, 7, 7, 7]);
}

#[test]
fn a_stretch_may_reach_beyond_the_end() {
    let whole = wav(ALAW, 8_000, 1, &[7; 5]);
    let found = passed(&whole, &stretches(&[(250, u64::MAX)]), &[4]).unwrap();
    assert_eq!(&found[58..], [7, 7, 0xd5, 0xd5, 0xd5, 0], "but for the byte that is no sample");
}

#[test]
fn where_nothing_is_silent_nothing_is_looked_at() {
    let found = passed(b"no WAV at all", &IntervalSet::EMPTY, &[5]).unwrap();
    assert_eq!(found, b"no WAV at all");
}

#[test]
fn what_cannot_be_placed_is_an_error_and_never_heard() {
    let good = wav(ALAW, 8_000, 1, &[7; 80]);
    let spoilt = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    let over = [&good[..], &[7; 2]].concat();
    let cases: [(&str, Vec<u8>); 9] = [
        ("no RIFF", spoilt(0, b'X')),
        ("no WAVE", spoilt(8, b'X')),
        ("an unknown format", spoilt(20, 2)),
        ("no channel", spoilt(22, 0)),
        ("samples of another size", spoilt(32, 2)),
        ("no rate", [&good[..24], &[0; 4], &good[28..]].concat()),
        ("no format", spoilt(12, b'X')),
        ("a header that breaks off", good[..40].to_vec()),
        ("more than the header says", over),
    ];
    for (case, bytes) in cases {
        for piece in [1, 7, bytes.len()] {
            let refused = passed(&bytes, &stretches(&[(0, 1_000)]), &[piece]);
            assert!(matches!(refused, Err(Error::Answer { .. })), "{case} by {piece}");
        }
    }
    let endless = [&good[..12], &[b'X'; 8_192]].concat();
    assert!(passed(&endless, &stretches(&[(0, 1_000)]), &[100]).is_err());
}

#[test]
fn nothing_of_a_header_that_cannot_be_read_leaves() {
    let mut silencer = Silencer::new(stretches(&[(0, 1_000)]));
    let bytes = wav(2, 8_000, 1, &[7; 80]);
    assert!(silencer.pass(bytes[..20].to_vec()).unwrap().is_empty());
    assert!(silencer.pass(bytes[20..].to_vec()).is_err());
}

fn some_stretches() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let one = (0..6_000_u64, 1..3_000_u64).prop_map(|(from, long)| (from, from + long));
    prop::collection::vec(one, 1..5)
}

proptest! {
    #[test]
    fn however_it_is_cut_the_stretches_are_silent_and_nothing_else_has_changed(
        (tag, silence, width) in select(vec![(ALAW, 0xd5_u8, 1_usize), (MULAW, 0xff, 1), (LINEAR, 0, 2)]),
        rate in select(vec![8_000_u32, 11_025, 16_000, 44_100]),
        channels in 1_u16..3,
        // No byte of silence among them, so that what remains is seen.
        sounds in prop::collection::vec(1_u8..0xd0, 0..400),
        all in some_stretches(),
        pieces in prop::collection::vec(1_usize..90, 1..6),
    ) {
        let block = width * usize::from(channels);
        let samples = &sounds[..sounds.len() / block * block];
        let (whole, all) = (wav(tag, rate, channels, samples), stretches(&all));
        let found = passed(&whole, &all, &pieces).unwrap();
        prop_assert_eq!(&found, &passed(&whole, &all, &[whole.len()]).unwrap());
        prop_assert_eq!(found.len(), whole.len());
        let header = whole.len() - samples.len() - samples.len() % 2;
        prop_assert_eq!(&found[..header], &whole[..header]);
        prop_assert_eq!(&found[header + samples.len()..], &whole[header + samples.len()..]);
        for (place, byte) in samples.iter().enumerate() {
            let sample = (place / block) as u64;
            let is_in = all.iter().any(|stretch| {
                let (from, to) = (stretch.start().0 * u64::from(rate), stretch.end().0 * u64::from(rate));
                sample * 1_000_000 < to && from < (sample + 1) * 1_000_000
            });
            let expected = if is_in { silence } else { *byte };
            prop_assert_eq!(found[header + place], expected, "byte {}", place);
        }
    }
}
