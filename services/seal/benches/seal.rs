//! One second of one G.711 leg: sealed with its ciphertext root, and opened to frames, beside raw
//! AES-256-GCM and SHA-256 of the same bytes in the same run. Compare the figures with each other, not with
//! those of another machine. Calls a core = 1 s / (2 x `seal frames`).

use std::hint::black_box;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce};
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kernel::{
    FrameNo, InstanceId, KeyEpoch, LegNo, Position, RecordingId, SectionNo, SessionEpoch, SpanNo, TenantId,
    Timestamp,
};
use seal::span::{SpanView, seal_frames};
use seal::{Codec, Frame, Hash, LegKey, SectionKind, SpanHeader};
use sha2::{Digest, Sha256};

fn header() -> SpanHeader {
    SpanHeader {
        tenant: TenantId::new("banca-alfa").expect("a slug"),
        recording: RecordingId::from_bytes([1; 16]),
        leg: LegNo(0),
        section: SectionNo(0),
        kind: SectionKind::Audio,
        span: SpanNo(0),
        session_epoch: SessionEpoch(1),
        first_frame: FrameNo(0),
        last_frame: FrameNo(49),
        start: Position(0),
        end: Position(1_000_000),
        codec: Codec::Pcma,
        rate: 8_000,
        started_wall: Timestamp(1_760_000_000_000_000),
        writer: InstanceId::from_bytes([2; 16]),
        key_epoch: KeyEpoch(1),
        policy_hash: Hash([3; 32]),
        regimes: Vec::new(),
    }
}

fn second() -> Vec<Frame> {
    let frame = |n: u64| Frame {
        number: FrameNo(n),
        rtp_sequence: n as u16,
        rtp_timestamp: n * 160,
        marker: false,
        payload_type: 8,
        position: Position(n * 20_000),
        arrival_offset: 30_000 + (n as i64 * 977) % 4_000,
        payload: Bytes::from(vec![n as u8; 160]),
    };
    (0..50).map(frame).collect()
}

fn spans(c: &mut Criterion) {
    let (leg, header, frames) = (LegKey::from_bytes([9; 32]), header(), second());
    let key = leg.span_key(SpanNo(0)).expect("span 0 is in the tree");
    let sealed = seal_frames(&key, &header, &frames).expect("the sample keeps every bound");
    let view = SpanView::parse(&sealed.bytes).expect("it was just sealed");
    let plaintext = view.open(&key).expect("under its own key").bytes().to_vec();
    let cipher = Aes256Gcm::new(&[7; 32].into());
    let nonce = Nonce::<Aes256Gcm>::from([0; 12]);

    let mut group = c.benchmark_group("one second of G.711");
    group.throughput(Throughput::Bytes(plaintext.len() as u64));
    group.bench_function("raw AES-256-GCM and SHA-256", |b| {
        let mut buffer = plaintext.clone();
        b.iter(|| {
            let tag = cipher.encrypt_inout_detached(&nonce, &[], buffer.as_mut_slice().into());
            (tag.expect("8 kB are below GCM's limit"), Sha256::digest(black_box(&buffer)))
        });
    });
    group.bench_function("seal frames", |b| {
        b.iter(|| seal_frames(black_box(&key), &header, black_box(&frames)));
    });
    group.bench_function("open frames", |b| {
        b.iter(|| SpanView::parse(black_box(&sealed.bytes)).and_then(|view| view.open_frames(&key)));
    });
    group.bench_function("verify without a key", |b| {
        b.iter(|| SpanView::parse(black_box(&sealed.bytes)).map(|view| view.ct_root()));
    });
    group.finish();
}

fn keys(c: &mut Criterion) {
    let leg = LegKey::from_bytes([9; 32]);
    let mut group = c.benchmark_group("span key");
    group.bench_function("at random", |b| b.iter(|| leg.span_key(black_box(SpanNo(777_777)))));
    group.bench_function("in order", |b| {
        let mut keys = leg.keys();
        b.iter(|| {
            keys.next().unwrap_or_else(|| {
                keys = leg.keys();
                (SpanNo(0), leg.span_key(SpanNo(0)).expect("span 0 is in the tree"))
            })
        });
    });
    group.finish();
}

criterion_group!(benches, spans, keys);
criterion_main!(benches);
