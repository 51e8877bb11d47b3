use kernel::{FrameNo, LegNo, Position, RecordingId, RegimeName, SectionNo, SpanNo, TenantId};

use super::*;
use crate::header::Codec;
use crate::samples::{self, header, leg_key, second};

fn key() -> SpanKey {
    leg_key().span_key(SpanNo(0)).unwrap()
}

/// A document's span under a fixed salt.
fn golden() -> (SpanKey, SealedSpan) {
    let header = SpanHeader {
        kind: SectionKind::Meta,
        codec: Codec::Document,
        rate: 0,
        first_frame: FrameNo(0),
        last_frame: FrameNo(0),
        ..header(0)
    };
    let key = SpanKey::from_bytes([0x55; 32]);
    let sealed = seal_span_with(&key, &header, b"verbale", &[0x66; 24]).unwrap();
    (key, sealed)
}

#[test]
fn the_golden_span_is_byte_for_byte_what_format_md_says() {
    let (key, sealed) = golden();
    assert_eq!(hex::encode(&sealed.bytes), GOLDEN);
    assert_eq!(sealed.ct_root.to_string(), GOLDEN_ROOT);
    let view = SpanView::parse(&sealed.bytes).unwrap();
    assert_eq!(view.ct_root(), sealed.ct_root);
    assert_eq!(view.open(&key).unwrap().bytes(), b"verbale");
}

const GOLDEN: &str = concat!(
    "565253310001025600000088",
    "b2016a62616e63612d616c666102501111111111111111111111111111111103010402050206000701080009000a000b",
    "1a000f42400c040d000e1b000640b5eece00000f50333333333333333333333333333333331007115820444444444444",
    "444444444444444444444444444444444444444444444444444412816b6d69666964322d31362d37",
    "666666666666666666666666666666666666666666666666",
    "63271f79180c6b04a364c25c40ca00a43ee06f9cbef5335d3ffa96898be29c88",
    "e2cb2aef7eff8dbb04404ffca22bd1185ece9242ac4871",
);
const GOLDEN_ROOT: &str = "e334c166352155aae7abad057566fffae8e92e7ce15da86a36bb6a27b7a71193";

#[test]
fn frames_come_out_as_they_went_in() {
    let sealed = samples::sealed(0);
    let view = SpanView::parse(&sealed.bytes).unwrap();
    assert_eq!(view.header, header(0));
    assert_eq!(view.open_frames(&key()).unwrap(), second(0));
    assert_eq!(view.ct_root(), sealed.ct_root);
}

#[test]
fn one_second_of_g711_is_a_single_chunk() {
    let sealed = samples::sealed(0);
    let view = SpanView::parse(&sealed.bytes).unwrap();
    assert_eq!(cobblestone::sealed_chunks(view.payload()).unwrap().count(), 1);
    assert!(sealed.bytes.len() < 9_000, "{}", sealed.bytes.len());
}

#[test]
fn the_largest_span_fits_its_bound() {
    let frames: Vec<_> = (0..4)
        .map(|n| Frame {
            number: FrameNo(n),
            payload: vec![1; frame::MAX_PAYLOAD].into(),
            ..second(0)[0].clone()
        })
        .collect();
    let header = SpanHeader { last_frame: FrameNo(3), ..header(0) };
    let sealed = seal_frames(&key(), &header, &frames).unwrap();
    assert!(sealed.bytes.len() <= MAX_CONTAINER);
    assert_eq!(SpanView::parse(&sealed.bytes).unwrap().open_frames(&key()).unwrap(), frames);
    let longest = vec![0; MAX_PLAINTEXT];
    let sealed = seal_span(&key(), &header, &longest).unwrap();
    assert!(sealed.bytes.len() <= MAX_CONTAINER);
    assert!(seal_span(&key(), &header, &vec![0; MAX_PLAINTEXT + 1]).is_err());
}

#[test]
fn no_byte_can_be_changed() {
    let sealed = samples::sealed(0);
    for at in 0..sealed.bytes.len() {
        let mut bytes = sealed.bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        let Ok(view) = SpanView::parse(&bytes) else { continue };
        assert_ne!(view.ct_root(), sealed.ct_root, "byte {at} is in the root");
        let error = view.open(&key()).unwrap_err();
        let payload = bytes.len() - view.payload().len();
        match at {
            _ if at < payload + PREAMBLE_LEN => assert_eq!(error, Error::Commitment, "byte {at}"),
            _ => assert_eq!(error, Error::Chunk(0), "byte {at}"),
        }
    }
}

#[test]
fn no_cut_or_lengthened_span_opens() {
    let sealed = samples::sealed(0);
    for length in 0..sealed.bytes.len() {
        if let Ok(view) = SpanView::parse(&sealed.bytes[..length]) {
            assert_ne!(view.ct_root(), sealed.ct_root);
            assert!(view.open(&key()).is_err(), "{length}");
        }
    }
    let longer = [sealed.bytes.as_slice(), &[0]].concat();
    assert_eq!(SpanView::parse(&longer).unwrap().open(&key()).unwrap_err(), Error::Chunk(0));
}

#[test]
fn a_payload_opens_under_no_other_header() {
    let sealed = samples::sealed(0);
    let payload = SpanView::parse(&sealed.bytes).unwrap().payload();
    let own = header(0);
    let others = [
        SpanHeader { tenant: TenantId::new("telco-beta").unwrap(), ..own.clone() },
        SpanHeader { recording: RecordingId::from_bytes([0x12; 16]), ..own.clone() },
        SpanHeader { leg: LegNo(0), ..own.clone() },
        SpanHeader { section: SectionNo(3), ..own.clone() },
        SpanHeader { span: SpanNo(1), ..own.clone() },
        SpanHeader { codec: Codec::Pcmu, ..own.clone() },
        SpanHeader { end: Position(1_000_001), ..own.clone() },
        SpanHeader { regimes: vec![], ..own.clone() },
    ];
    for other in others {
        let bytes = with_header(&other, payload);
        let view = SpanView::parse(&bytes).unwrap();
        assert_eq!(view.open(&key()).unwrap_err(), Error::Commitment, "{other:?}");
    }
    assert!(SpanView::parse(&with_header(&own, payload)).unwrap().open(&key()).is_ok());
}

fn with_header(header: &SpanHeader, payload: &[u8]) -> Vec<u8> {
    let header = header.encode().unwrap();
    let length = u32::try_from(header.len()).unwrap().to_be_bytes();
    [&b"VRS1\x00\x01\x02\x56"[..], &length, &header, payload].concat()
}

#[test]
fn only_its_own_key_opens_a_span() {
    let sealed = samples::sealed(0);
    let view = SpanView::parse(&sealed.bytes).unwrap();
    let neighbour = leg_key().span_key(SpanNo(1)).unwrap();
    let other_section = crate::LegKey::from_bytes([0x23; 32]).span_key(SpanNo(0)).unwrap();
    for key in [neighbour, other_section, SpanKey::from_bytes(*leg_key().expose())] {
        assert_eq!(view.open(&key).unwrap_err(), Error::Commitment);
    }
}

#[test]
fn another_version_suite_or_magic_is_refused_before_anything_else() {
    let sealed = samples::sealed(0);
    for (at, byte) in [(0, b'C'), (5, 2), (6, 0x01), (7, 0x55)] {
        let mut bytes = sealed.bytes.clone();
        bytes[at] = byte;
        assert!(matches!(SpanView::parse(&bytes).unwrap_err(), Error::Invalid { .. }), "byte {at}");
    }
    let mut bytes = sealed.bytes;
    bytes[8..12].copy_from_slice(&u32::MAX.to_be_bytes());
    assert!(matches!(SpanView::parse(&bytes).unwrap_err(), Error::TooLarge { .. }));
}

#[test]
fn a_header_that_breaks_its_rules_is_neither_written_nor_read() {
    let own = header(0);
    let regime = |name| RegimeName::new(name).unwrap();
    for wrong in [
        SpanHeader { span: SpanNo(1 << 20), ..own.clone() },
        SpanHeader { first_frame: FrameNo(50), ..own.clone() },
        SpanHeader { start: Position(2_000_000), ..own.clone() },
        SpanHeader { rate: 0, ..own.clone() },
        SpanHeader { codec: Codec::Document, ..own.clone() },
        SpanHeader { kind: SectionKind::Meta, ..own.clone() },
        SpanHeader { regimes: vec![regime("b"), regime("a")], ..own.clone() },
        SpanHeader { regimes: vec![regime("a"), regime("a")], ..own },
    ] {
        assert!(wrong.encode().is_err(), "{wrong:?}");
    }
}

#[test]
fn frames_must_be_those_that_the_header_names() {
    let frames = second(0);
    assert!(seal_frames(&key(), &header(0), &frames[1..]).is_err());
    assert!(seal_frames(&key(), &header(0), &frames[..49]).is_err());
    assert!(seal_frames(&key(), &header(0), &[]).is_err());
    assert!(seal_frames(&key(), &SpanHeader { end: Position(900_000), ..header(0) }, &frames).is_err());
}

#[test]
fn codec_names_are_read_as_their_codec() {
    assert_eq!(Codec::from_name("pcma").unwrap(), Codec::Pcma);
    assert_eq!(Codec::from_name("opus").unwrap().name(), "opus");
    assert!(Codec::from_name("a codec").is_err());
    assert!(crate::CodecName::new("PCMU").is_err());
    let header = SpanHeader { codec: Codec::from_name("G729").unwrap(), ..header(0) };
    assert_eq!(SpanHeader::decode(&header.encode().unwrap()).unwrap(), header);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        assert!(SpanHeader::decode(&bytes).is_err());
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        let container = [&b"VRS1\x00\x01\x02\x56"[..], &length, &bytes].concat();
        assert!(SpanView::parse(&container).is_err());
    }
}

#[test]
fn plaintext_is_not_shown() {
    let sealed = samples::sealed(0);
    let plaintext = SpanView::parse(&sealed.bytes).unwrap().open(&key()).unwrap();
    assert!(format!("{plaintext:?}").starts_with("Plaintext("));
    assert!(format!("{sealed:?}").len() < 120);
}
