use std::collections::BTreeSet;

use kernel::{LegNo, RecordingId, SectionNo, TenantId};
use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp(1_000_000);

fn section(number: u32) -> SectionKey {
    let tenant = TenantId::new("banca-alfa").unwrap();
    let recording = RecordingKey { tenant, id: RecordingId::from_bytes([7; 16]) };
    SectionKey { recording, leg: LegNo(0), section: SectionNo(number) }
}

fn held(span: u32, offset: u64, length: usize, regime: Option<&str>) -> Held {
    Held {
        span: SpanNo(span),
        ct_root: Hash::of(&span.to_be_bytes()),
        regimes: regime.map(|name| RegimeName::new(name).unwrap()).into_iter().collect(),
        container: vec![0; length].into(),
        offset,
    }
}

fn packer(object_bytes: usize, buffer_bytes: usize) -> Packer {
    Packer::new(Limits { object_bytes, buffer_bytes, idle: Duration::from_secs(300) })
}

fn drain(packer: &mut Packer) -> Vec<(u32, Vec<u32>)> {
    let mut packs = Vec::new();
    while let Some(pack) = packer.ready() {
        packs.push((pack.section.section.0, pack.spans.iter().map(|held| held.span.0).collect()));
        packer.stored();
    }
    packs
}

#[test]
fn a_full_pack_is_closed() {
    let mut packer = packer(250, 10_000);
    for span in 0..5 {
        packer.offer(&section(0), held(span, span.into(), 100, None), NOW);
    }
    assert_eq!(drain(&mut packer), [(0, vec![0, 1]), (0, vec![2, 3])]);
    packer.close_recording(&section(0).recording);
    assert_eq!(drain(&mut packer), [(0, vec![4])]);
    assert_eq!((packer.bytes(), packer.lowest_offset()), (0, None));
}

#[test]
fn another_lock_class_or_a_hole_begins_another_pack() {
    let mut packer = packer(10_000, 20_000);
    packer.offer(&section(0), held(0, 0, 10, None), NOW);
    packer.offer(&section(0), held(1, 1, 10, Some("mifid2-16-7")), NOW);
    packer.offer(&section(0), held(3, 2, 10, Some("mifid2-16-7")), NOW);
    packer.close_recording(&section(0).recording);
    assert_eq!(drain(&mut packer), [(0, vec![0]), (0, vec![1]), (0, vec![3])]);
}

#[test]
fn the_same_span_again_is_told_from_another() {
    let mut packer = packer(15, 20_000);
    assert_eq!(packer.offer(&section(0), held(0, 0, 10, None), NOW), Offered::Held);
    assert_eq!(packer.offer(&section(0), held(1, 1, 10, None), NOW), Offered::Held);
    for span in 0..2 {
        assert_eq!(packer.offer(&section(0), held(span, 9, 10, None), NOW), Offered::Same);
        let other = Held { ct_root: Hash::of(b"other"), ..held(span, 9, 10, None) };
        assert_eq!(packer.offer(&section(0), other, NOW), Offered::Differs);
    }
}

#[test]
fn an_idle_pack_is_closed_and_a_busy_one_is_not() {
    let mut packer = packer(10_000, 20_000);
    packer.offer(&section(0), held(0, 0, 10, None), NOW);
    let later = NOW.plus(Duration::from_secs(200));
    packer.offer(&section(1), held(0, 1, 10, None), later);
    packer.close_idle(later.plus(Duration::from_secs(100)));
    assert_eq!(drain(&mut packer), [(0, vec![0])]);
    assert_eq!(packer.lowest_offset(), Some(1));
}

#[test]
fn above_the_buffers_bound_the_largest_pack_goes() {
    let mut packer = packer(1_000, 100);
    packer.offer(&section(0), held(0, 0, 60, None), NOW);
    packer.offer(&section(1), held(0, 1, 30, None), NOW);
    packer.offer(&section(1), held(1, 2, 20, None), NOW);
    assert_eq!(drain(&mut packer), [(0, vec![0])]);
    assert_eq!(packer.bytes(), 50);
}

proptest! {
    #[test]
    fn every_span_leaves_once_in_a_pack_of_its_kind(
        offers in prop::collection::vec((0u32..3, 0u32..12, prop::bool::ANY, 1usize..40), 1..80),
    ) {
        let mut packer = packer(64, 128);
        let (mut taken, mut left) = (BTreeSet::new(), BTreeSet::new());
        for (offset, (number, span, locked, length)) in offers.iter().enumerate() {
            let regime = locked.then_some("mifid2-16-7");
            let offered = packer.offer(&section(*number), held(*span, offset as u64, *length, regime), NOW);
            if offered == Offered::Held {
                // A span that was stored and forgotten is for the store to know.
                taken.insert((*number, *span));
            }
            let open: usize = packer.open.values().map(|pack| pack.bytes).sum();
            prop_assert!(open <= 128);
        }
        packer.close_recording(&section(0).recording);
        while let Some(pack) = packer.ready() {
            prop_assert!(pack.bytes <= 64);
            prop_assert!(pack.spans.is_sorted_by(|a, b| a.span.0 + 1 == b.span.0));
            prop_assert!(pack.spans.iter().all(|held| held.regimes == pack.regimes));
            left.extend(pack.spans.iter().map(|held| (pack.section.section.0, held.span.0)));
            packer.stored();
        }
        prop_assert_eq!(taken, left);
        prop_assert_eq!(packer.bytes(), 0);
    }
}
