//! What sealing alone costs: seconds of G.711 sealed in order under a leg's keys, with their part of the root, as
//! ingest does it.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use kernel::{
    FrameNo, InstanceId, KeyEpoch, LegNo, Position, RecordingId, SectionNo, SessionEpoch, SpanNo, Timestamp,
};
use seal::span::seal_frames;
use seal::{Codec, Frame, Hash, LegKey, RootBuilder, SectionKind, SpanHeader};
use tokio::time::Instant;

use super::own;
use super::process::Processes;
use super::report::Sealing;

/// Time of a processor that is used to measure: ticks are 10 ms.
const ENOUGH: Duration = Duration::from_secs(1);

/// How long is sealed before the time used is looked at.
const BETWEEN: Duration = Duration::from_millis(100);

/// Seals a leg of so many seconds again and again.
pub(super) async fn cost(seconds: u32) -> Result<Sealing> {
    let measured = tokio::task::spawn_blocking(move || {
        let frames = second();
        let own = Processes::own();
        let before = own.used()?.processor;
        let mut spans = 0u64;
        loop {
            // Asking what was used costs as much as some spans.
            let began = Instant::now();
            while began.elapsed() < BETWEEN {
                leg(&frames, seconds)?;
                spans += u64::from(seconds);
            }
            let used = own.used()?.processor.saturating_sub(before);
            if used >= ENOUGH {
                return Ok(Sealing::of(spans, used));
            }
        }
    });
    measured.await.context("sealing was not measured")?
}

fn leg(frames: &[Frame], seconds: u32) -> Result<()> {
    let leg = LegKey::generate()?;
    let mut root = RootBuilder::new();
    for (span, key) in leg.keys().take(seconds as usize) {
        let sealed = seal_frames(&key, &header(span), frames)?;
        root.push(&[sealed.ct_root.as_bytes()]);
    }
    std::hint::black_box(root.root());
    Ok(())
}

fn second() -> Vec<Frame> {
    let frame = |n: u64| Frame {
        number: FrameNo(n),
        rtp_sequence: n as u16,
        rtp_timestamp: n * 160,
        marker: false,
        payload_type: 8,
        position: Position(n * 20_000),
        arrival_offset: 30_000,
        payload: Bytes::from(vec![n as u8; 160]),
    };
    (0..50).map(frame).collect()
}

fn header(span: SpanNo) -> SpanHeader {
    SpanHeader {
        tenant: own::tenant(),
        recording: RecordingId::from_bytes([1; 16]),
        leg: LegNo(0),
        section: SectionNo(0),
        kind: SectionKind::Audio,
        span,
        session_epoch: SessionEpoch(1),
        first_frame: FrameNo(0),
        last_frame: FrameNo(49),
        start: Position(0),
        end: Position(1_000_000),
        codec: Codec::Pcma,
        rate: 8_000,
        started_wall: Timestamp(0),
        writer: InstanceId::from_bytes([2; 16]),
        key_epoch: KeyEpoch(1),
        policy_hash: Hash([3; 32]),
        regimes: Vec::new(),
    }
}
