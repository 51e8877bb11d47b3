//! What the tests seal: fixed ids and plausible seconds of G.711.

use bytes::Bytes;
use kernel::{
    FrameNo, InstanceId, KeyEpoch, LegNo, Position, RecordingId, RegimeName, SectionNo, SessionEpoch, SpanNo,
    TenantId, Timestamp,
};

use crate::Frame;
use crate::hash::Hash;
use crate::header::{Codec, SectionAddress, SectionKind, SpanHeader};
use crate::key::LegKey;
use crate::span::{SealedSpan, seal_frames};

pub(crate) const RECORDING: RecordingId = RecordingId::from_bytes([0x11; 16]);

pub(crate) fn tenant() -> TenantId {
    TenantId::new("banca-alfa").unwrap()
}

pub(crate) fn section() -> SectionAddress {
    SectionAddress { recording: RECORDING, leg: LegNo(1), section: SectionNo(2) }
}

pub(crate) fn leg_key() -> LegKey {
    LegKey::from_bytes([0x22; 32])
}

/// The header of the span that holds one second from `span` seconds on.
pub(crate) fn header(span: u32) -> SpanHeader {
    let second = u64::from(span);
    SpanHeader {
        tenant: tenant(),
        recording: RECORDING,
        leg: LegNo(1),
        section: SectionNo(2),
        kind: SectionKind::Audio,
        span: SpanNo(span),
        session_epoch: SessionEpoch(1),
        first_frame: FrameNo(second * 50),
        last_frame: FrameNo(second * 50 + 49),
        start: Position(second * 1_000_000),
        end: Position((second + 1) * 1_000_000),
        codec: Codec::Pcma,
        rate: 8_000,
        started_wall: Timestamp(1_760_000_000_000_000 + span as i64 * 1_000_000),
        writer: InstanceId::from_bytes([0x33; 16]),
        key_epoch: KeyEpoch(7),
        policy_hash: Hash([0x44; 32]),
        regimes: vec![RegimeName::new("mifid2-16-7").unwrap()],
    }
}

/// Fifty frames of 20 ms.
pub(crate) fn second(span: u32) -> Vec<Frame> {
    (0..50u64)
        .map(|n| {
            let number = u64::from(span) * 50 + n;
            let payload: Vec<u8> = (0..160).map(|at| (number * 31 + at * 7) as u8).collect();
            Frame {
                number: FrameNo(number),
                rtp_sequence: (number + 65_500) as u16,
                rtp_timestamp: 1_000_000 + number * 160,
                marker: n == 0,
                payload_type: 8,
                position: Position(number * 20_000),
                arrival_offset: 30_000 + (number as i64 * 977) % 4_000,
                payload: Bytes::from(payload),
            }
        })
        .collect()
}

pub(crate) fn sealed(span: u32) -> SealedSpan {
    let key = leg_key().span_key(SpanNo(span)).unwrap();
    seal_frames(&key, &header(span), &second(span)).unwrap()
}
