use proptest::prelude::*;

use super::*;

fn interval(start: u64, end: u64) -> Interval {
    Interval::new(Position(start), Position(end)).unwrap()
}

fn all(mut writer: Writer) -> Vec<u8> {
    let (mut bytes, end) = (writer.layout().header(), writer.layout().samples());
    while let Some(chunk) = writer.chunk(end) {
        assert!(chunk.len() <= MAX_CHUNK + 1);
        bytes.extend(chunk);
    }
    bytes
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

#[test]
fn a_law_keeps_its_bytes_and_says_its_sizes_first() {
    let layout = Layout::new(&[("PCMA", 8_000)], &[interval(0, 60_000)]).unwrap();
    let mut writer = Writer::new(layout);
    writer.place(0, Position(20_000), &[7; 160]);
    let bytes = all(writer);
    assert_eq!(bytes.len(), 58 + 480);
    assert_eq!((&bytes[..4], &bytes[8..16]), (&b"RIFF"[..], &b"WAVEfmt "[..]));
    assert_eq!(u32_at(&bytes, 4) as usize, bytes.len() - 8);
    assert_eq!(u16::from_le_bytes([bytes[20], bytes[21]]), 6);
    assert_eq!(u32_at(&bytes, 46), 480);
    assert_eq!((&bytes[50..54], u32_at(&bytes, 54)), (&b"data"[..], 480));
    let data = &bytes[58..];
    assert!(data[..160].iter().all(|b| *b == 0xd5) && data[160..320].iter().all(|b| *b == 7));
    assert!(data[320..].iter().all(|b| *b == 0xd5));
}

#[test]
fn two_legs_are_left_and_right() {
    let layout = Layout::new(&[("PCMU", 8_000), ("PCMU", 8_000)], &[interval(0, 1_000)]).unwrap();
    let mut writer = Writer::new(layout);
    writer.place(0, Position(0), &[1; 8]);
    writer.place(1, Position(500), &[2; 4]);
    let bytes = all(writer);
    let expected = [1, 0xff, 1, 0xff, 1, 0xff, 1, 0xff, 1, 2, 1, 2, 1, 2, 1, 2];
    assert_eq!(&bytes[58..], expected);
}

#[test]
fn linear_samples_become_little_endian() {
    let layout = Layout::new(&[("L16", 16_000)], &[interval(0, 125)]).unwrap();
    let mut writer = Writer::new(layout);
    writer.place(0, Position(0), &[1, 2, 3, 4]);
    let bytes = all(writer);
    assert_eq!((bytes.len(), &bytes[44..]), (48, &[2, 1, 4, 3][..]));
}

#[test]
fn legs_of_different_codecs_become_linear() {
    let layout = Layout::new(&[("PCMA", 8_000), ("PCMU", 8_000)], &[interval(0, 125)]).unwrap();
    let mut writer = Writer::new(layout);
    writer.place(0, Position(0), &[0xd5]);
    writer.place(1, Position(0), &[0x80]);
    assert_eq!(&all(writer)[44..], [8, 0, 0x7c, 0x7d]);
}

#[test]
fn ranges_follow_each_other_and_cut_what_reaches_beyond() {
    let ranges = [interval(1_000, 2_000), interval(10_000, 11_000)];
    let mut writer = Writer::new(Layout::new(&[("PCMA", 8_000)], &ranges).unwrap());
    writer.place(0, Position(1_500), &[1; 8]);
    writer.place(0, Position(10_000), &[2; 8]);
    writer.place(0, Position(5_000), &[3; 8]);
    let bytes = all(writer);
    assert_eq!(&bytes[58..], [[0xd5; 4], [1; 4], [2; 4], [2; 4]].concat());
}

#[test]
fn an_odd_number_of_bytes_is_padded_outside_the_count() {
    let bytes = all(Writer::new(Layout::new(&[("PCMA", 8_000)], &[interval(0, 375)]).unwrap()));
    assert_eq!((bytes.len(), u32_at(&bytes, 54), u32_at(&bytes, 4)), (62, 3, 54));
}

#[test]
fn what_cannot_be_a_wav_is_refused() {
    let over = [interval(0, 1_000_000)];
    let check = |legs: &[(&str, u32)], refusal| assert_eq!(Layout::new(legs, &over), Err(refusal));
    check(&[], Refusal::Legs);
    check(&[("PCMA", 8_000); 3], Refusal::Legs);
    check(&[("opus", 48_000)], Refusal::Codec);
    check(&[("PCMA", 8_000), ("PCMA", 16_000)], Refusal::Rates);
    let long = [interval(0, 1_000_000 * 600_000)];
    assert_eq!(Layout::new(&[("L16", 48_000)], &long), Err(Refusal::TooLong));
}

proptest! {
    #[test]
    fn every_sample_lands_where_its_rtp_time_says(
        rate in prop::sample::select(vec![8_000u32, 11_025, 16_000, 44_100, 48_000]),
        frames in prop::collection::vec((0u64..3, 1usize..200), 1..20),
        order in prop::bool::ANY,
    ) {
        let (mut at, mut expected, mut placed) = (0u64, Vec::new(), Vec::new());
        for (number, (gap, length)) in frames.iter().enumerate() {
            at += gap * 37;
            expected.resize(at as usize, 0xd5);
            placed.push((Position(at * 1_000_000 / u64::from(rate)), vec![number as u8; *length]));
            expected.extend(vec![number as u8; *length]);
            at += *length as u64;
        }
        let end = (at * 1_000_000).div_ceil(rate.into());
        let mut writer = Writer::new(Layout::new(&[("PCMA", rate)], &[interval(0, end)]).unwrap());
        if order {
            placed.reverse();
        }
        for (position, payload) in &placed {
            writer.place(0, *position, payload);
        }
        let bytes = all(writer);
        prop_assert_eq!(&bytes[58..58 + expected.len()], &expected[..]);
    }
}
