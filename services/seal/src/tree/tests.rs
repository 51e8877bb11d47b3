use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn leg() -> LegKey {
    LegKey::from_bytes([1; 32])
}

fn ranges(below: u32) -> impl Strategy<Value = SpanSet> {
    prop::collection::vec((0..below, 0..below / 4 + 1), 0..7).prop_map(|pairs| {
        SpanSet::from_ranges(pairs.into_iter().map(|(start, len)| start..(start + len).min(SPANS))).unwrap()
    })
}

/// Sets anywhere in the tree, its ends included.
fn scattered() -> impl Strategy<Value = SpanSet> {
    (ranges(200), 0u32..=SPANS - 311, ranges(250)).prop_map(|(near, shift, far)| {
        let far = far.ranges().map(|range| range.start + shift..range.end + shift);
        near.union(&SpanSet::from_ranges(far).unwrap())
    })
}

#[test]
fn the_tree_is_what_format_md_says() {
    let root = [1u8; 32];
    let mac = |key: &[u8], depth: u8, side: u8| {
        let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.chain_update(b"vrs1/tree/v1").chain_update([depth, side]).finalize().into_bytes().to_vec()
    };
    // Span 5 is ...00101 in 20 bits.
    let mut key = root.to_vec();
    for depth in 1..=20u8 {
        key = mac(&key, depth, (5u32 >> (20 - depth) & 1) as u8);
    }
    assert_eq!(leg().span_key(SpanNo(5)).unwrap().expose().to_vec(), key);
    assert_eq!(hex::encode(&key), GOLDEN_LEAF);
}

const GOLDEN_LEAF: &str = "3c163c6784bf3e13096b668d898dbcd723b9dc835c27f188689e355aa49b7c4b";

#[test]
fn a_few_known_sets_have_their_smallest_covers() {
    for (range, nodes) in [
        (0..SPANS, 1),
        (0..1, 1),
        (0..SPANS - 1, 20),
        (1..SPANS, 20),
        (1..SPANS - 1, 38),
        (4..8, 1),
        (3..9, 3),
        (9..9, 0),
    ] {
        let spans = SpanSet::from_range(range.clone()).unwrap();
        assert_eq!(leg().cover(&spans).node_count(), nodes, "{range:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn set_operations_agree_with_counting_spans(a in ranges(60), b in ranges(60)) {
        let numbers = |set: &SpanSet| set.spans().map(|span| span.0).collect::<BTreeSet<_>>();
        let (x, y) = (numbers(&a), numbers(&b));
        prop_assert_eq!(numbers(&a.union(&b)), x.union(&y).copied().collect::<BTreeSet<_>>());
        prop_assert_eq!(numbers(&a.intersection(&b)), x.intersection(&y).copied().collect::<BTreeSet<_>>());
        prop_assert_eq!(numbers(&a.difference(&b)), x.difference(&y).copied().collect::<BTreeSet<_>>());
        prop_assert_eq!(a.len(), x.len() as u64);
        prop_assert!((0..80).all(|n| a.contains(SpanNo(n)) == x.contains(&n)));
        prop_assert_eq!(SpanSet::from_spans(a.spans()).unwrap(), a);
    }

    #[test]
    fn sets_round_trip(a in scattered()) {
        prop_assert_eq!(SpanSet::decode(&a.encode()).unwrap(), a);
    }

    #[test]
    fn a_cover_derives_these_leaves_and_no_others(spans in scattered(), others in scattered()) {
        let cover = leg().cover(&spans);
        prop_assert!(cover.spans() == spans);
        for span in spans.spans() {
            let key = cover.key(span).unwrap();
            prop_assert_eq!(*key.expose(), *leg().span_key(span).unwrap().expose());
        }
        for span in others.difference(&spans).spans() {
            prop_assert!(cover.key(span).is_none());
        }
        let keys: Vec<_> = cover.keys_in_order().map(|(span, key)| (span, *key.expose())).collect();
        let expected: Vec<_> =
            spans.spans().map(|span| (span, *leg().span_key(span).unwrap().expose())).collect();
        prop_assert_eq!(keys, expected);
    }

    #[test]
    fn a_restricted_cover_is_the_one_that_the_leg_key_gives(a in scattered(), b in scattered()) {
        let encoded = |cover: &Cover| cover.encode().unwrap().to_vec();
        let restricted = leg().cover(&a).restrict(&b);
        prop_assert_eq!(encoded(&restricted), encoded(&leg().cover(&a.intersection(&b))));
        let without = leg().cover(&a).without(&b);
        prop_assert_eq!(encoded(&without), encoded(&leg().cover(&a.difference(&b))));
    }

    #[test]
    fn a_union_derives_what_either_does(a in scattered(), b in scattered()) {
        let union = leg().cover(&a).union(&leg().cover(&b));
        prop_assert_eq!(union.spans(), a.union(&b));
        for (span, key) in union.keys_in_order() {
            prop_assert_eq!(*key.expose(), *leg().span_key(span).unwrap().expose());
        }
        let read = Cover::decode(&union.encode().unwrap()).unwrap();
        prop_assert_eq!(read.encode().unwrap().to_vec(), union.encode().unwrap().to_vec());
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = SpanSet::decode(&bytes);
        let _ = Cover::decode(&bytes);
    }

    #[test]
    fn skipping_goes_to_the_first_span_at_or_after(spans in ranges(120), to in 0u32..130) {
        let mut keys = leg().cover(&spans).keys_in_order();
        keys.skip_to(SpanNo(to));
        let left: Vec<_> = keys.map(|(span, _)| span.0).collect();
        let expected: Vec<_> = spans.spans().map(|span| span.0).filter(|&span| span >= to).collect();
        prop_assert_eq!(left, expected);
    }
}

#[test]
fn no_two_spans_share_a_key() {
    let keys: BTreeMap<[u8; 32], SpanNo> =
        leg().keys().take(2_000).map(|(span, key)| (*key.expose(), span)).collect();
    assert_eq!(keys.len(), 2_000);
}

#[test]
fn span_numbers_beyond_the_tree_are_refused() {
    assert!(leg().span_key(SpanNo(SPANS)).is_err());
    assert!(SpanSet::from_range(0..SPANS + 1).is_err());
    assert!(SpanSet::from_spans([SpanNo(u32::MAX)]).is_err());
    assert_eq!(leg().keys().next().unwrap().0, SpanNo(0));
}

#[test]
fn a_forged_encoding_is_refused() {
    // Set: empty range, touching ranges, beyond the tree, a number left over.
    for bytes in ["820000", "8400010001", "82001a00100001", "8100", "821affffffff1affffffff"] {
        assert!(SpanSet::decode(&hex::decode(bytes).unwrap()).is_err(), "{bytes}");
    }
    let key = "00".repeat(32);
    let node = |heaps: &str, keys: usize| {
        let length = format!("58{:02x}", keys * 32);
        Cover::decode(&hex::decode(format!("a201{heaps}02{length}{}", key.repeat(keys))).unwrap())
    };
    assert!(node("8101", 1).is_ok());
    assert!(node("820203", 2).is_ok());
    assert!(node("820302", 2).is_err(), "out of order");
    assert!(node("820204", 2).is_err(), "one below another");
    assert!(node("8100", 1).is_err(), "no node");
    assert!(node("811a00200000", 1).is_err(), "below the leaves");
    assert!(node("8102", 2).is_err(), "a key too many");
}

#[test]
fn covers_do_not_show_their_keys() {
    let shown = format!("{:?}", leg().cover(&SpanSet::from_range(3..5).unwrap()));
    assert!(shown.contains("redacted") && shown.contains("3..5"), "{shown}");
}
