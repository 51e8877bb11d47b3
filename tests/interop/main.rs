//! interop: others open what verbale seals, without its code.
//!
//! Needs `python3` with `cryptography` 50 or later, on the path or in `target/python`. Without it the test says
//! so and passes, unless `VERBALE_REQUIRE` names `python`.

#![allow(clippy::unwrap_used, reason = "a scenario that cannot go on has failed")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use kernel::{
    FrameNo, InstanceId, KeyEpoch, LegNo, Position, RecordingId, SectionNo, SessionEpoch, SpanNo, TenantId,
    Timestamp,
};
use seal::{Codec, Frame, Hash, LegKey, SectionKind, SpanHeader};
use serde_json::{Value, json};

/// First release with `cryptography.cobblestone`.
const CRYPTOGRAPHY: &str = "import cryptography.cobblestone";

#[test]
fn python_opens_a_span_given_its_key() {
    let Some(python) = python() else { return };
    let leg_key = LegKey::generate().unwrap();
    for span in [SpanNo(0), SpanNo(7)] {
        let frames = frames(span);
        let key = leg_key.span_key(span).unwrap();
        let sealed = seal::span::seal_frames(&key, &header(span, &frames), &frames).unwrap();

        let opened = open(&python, &sealed.bytes, key.expose()).unwrap();
        assert_eq!(opened, frames.iter().map(shown).collect::<Vec<_>>());
    }
}

#[test]
fn python_refuses_another_key_and_an_altered_span() {
    let Some(python) = python() else { return };
    let (span, leg_key) = (SpanNo(3), LegKey::generate().unwrap());
    let (frames, key) = (frames(span), leg_key.span_key(span).unwrap());
    let sealed = seal::span::seal_frames(&key, &header(span, &frames), &frames).unwrap();

    let neighbour = leg_key.span_key(SpanNo(4)).unwrap();
    assert!(open(&python, &sealed.bytes, neighbour.expose()).is_err(), "the neighbour's key opens the span");
    // The 40th byte is in the header, the last in the sealed payload.
    for at in [40, sealed.bytes.len() - 1] {
        let mut altered = sealed.bytes.clone();
        altered[at] ^= 1;
        assert!(open(&python, &altered, key.expose()).is_err(), "a span altered at byte {at} opens");
    }
}

/// A second and a bit of audio, more than one chunk of 16 KiB: L16 at 16 kHz, with a lost packet on the way.
fn frames(span: SpanNo) -> Vec<Frame> {
    let first = u64::from(span.0) * 60;
    let numbers = (first..first + 60).filter(|number| *number != first + 17);
    numbers
        .map(|number| Frame {
            number: FrameNo(number),
            rtp_sequence: (number + 65_530) as u16,
            rtp_timestamp: (u64::MAX - 5_000).wrapping_add(number * 320),
            marker: number == first,
            payload_type: 96,
            position: Position(number * 20_000),
            arrival_offset: 1_500 - (number as i64 * 7_919) % 4_000,
            payload: (0..640u64).map(|at| (number * 31 + at * at) as u8).collect::<Vec<_>>().into(),
        })
        .collect()
}

fn header(span: SpanNo, frames: &[Frame]) -> SpanHeader {
    let (first, last) = (frames.first().unwrap(), frames.last().unwrap());
    SpanHeader {
        tenant: TenantId::new("banca-alfa").unwrap(),
        recording: RecordingId::new(),
        leg: LegNo(1),
        section: SectionNo(0),
        kind: SectionKind::Audio,
        span,
        session_epoch: SessionEpoch(1),
        first_frame: first.number,
        last_frame: last.number,
        start: first.position,
        end: last.position.plus(20_000),
        codec: Codec::L16,
        rate: 16_000,
        started_wall: Timestamp(1_772_439_245_000_000),
        writer: InstanceId::new(),
        key_epoch: KeyEpoch(1),
        policy_hash: Hash([7; 32]),
        regimes: Vec::new(),
    }
}

fn shown(frame: &Frame) -> Value {
    json!({
        "number": frame.number.0,
        "rtp_sequence": frame.rtp_sequence,
        "rtp_timestamp": frame.rtp_timestamp,
        "position": frame.position.0,
        "arrival_offset": frame.arrival_offset,
        "marker": frame.marker,
        "payload_type": frame.payload_type,
        "payload": hex::encode(Bytes::clone(&frame.payload)),
    })
}

/// What the script prints, or what it complains.
fn open(python: &Path, container: &[u8], key: &[u8; 32]) -> Result<Vec<Value>, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(container).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/open_span.py");
    let ran = Command::new(python).arg(script).arg(file.path()).arg(hex::encode(key)).output().unwrap();
    if ran.status.success() {
        Ok(serde_json::from_slice(&ran.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&ran.stderr).into_owned())
    }
}

/// A Python that can; none is said aloud, and is a failure where it is required.
fn python() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python/bin/python3");
    let able = |python: &PathBuf| {
        let tried = Command::new(python).args(["-c", CRYPTOGRAPHY]).output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    let found = [PathBuf::from("python3"), own].into_iter().find(able);
    if found.is_none() {
        let required = std::env::var("VERBALE_REQUIRE").unwrap_or_default();
        assert!(
            required.split(',').all(|name| name.trim() != "python"),
            "VERBALE_REQUIRE names python, and there is no python3 with cryptography 50 or later"
        );
        // Straight to standard error: the test harness shows nothing else of a test that passes.
        let said = "NOT TESTED: python3 has no cryptography 50 or later; see tests/interop/main.rs\n";
        std::io::stderr().write_all(said.as_bytes()).unwrap();
    }
    found
}
