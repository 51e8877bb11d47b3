use super::*;
use crate::samples::EDGE_SIZES;

/// PATH of RFC 6962 section 2.1.1, as it is written there, over ranges.
fn path(index: u64, start: u64, end: u64) -> Vec<(u64, u64)> {
    if end - start == 1 {
        return Vec::new();
    }
    let k = largest_power_below(end - start);
    let mut ranges;
    if index < k {
        ranges = path(index, start, start + k);
        ranges.push((start + k, end));
    } else {
        ranges = path(index - k, start + k, end);
        ranges.push((start, start + k));
    }
    ranges
}

/// SUBPROOF of RFC 6962 section 2.1.2, as it is written there, over ranges.
fn subproof(m: u64, start: u64, end: u64, complete: bool) -> Vec<(u64, u64)> {
    if m == end - start {
        return if complete { Vec::new() } else { vec![(start, end)] };
    }
    let k = largest_power_below(end - start);
    let mut ranges;
    if m <= k {
        ranges = subproof(m, start, start + k, complete);
        ranges.push((start + k, end));
    } else {
        ranges = subproof(m - k, start + k, end, false);
        ranges.push((start, start + k));
    }
    ranges
}

fn largest_power_below(n: u64) -> u64 {
    let mut k = 1u64;
    while k.checked_mul(2).is_some_and(|double| double < n) {
        k *= 2;
    }
    k
}

#[test]
fn proof_ranges_are_those_of_the_rfcs_recursion() {
    for size in 1..=130 {
        for index in 0..size {
            assert_eq!(inclusion_ranges(index, size).unwrap(), path(index, 0, size), "{index} in {size}");
            let old = index + 1;
            assert_eq!(
                consistency_ranges(old, size).unwrap(),
                subproof(old, 0, size, true),
                "{old} to {size}"
            );
        }
    }
    for size in EDGE_SIZES {
        for index in
            [0, 1, size / 3, size / 2, size.saturating_sub(2), size - 1].map(|index| index.min(size - 1))
        {
            assert_eq!(inclusion_ranges(index, size).unwrap(), path(index, 0, size), "{index} in {size}");
            let old = index + 1;
            assert_eq!(
                consistency_ranges(old, size).unwrap(),
                subproof(old, 0, size, true),
                "{old} to {size}"
            );
        }
    }
}

#[test]
fn a_leaf_past_the_end_and_a_tree_that_shrinks_have_no_ranges() {
    assert_eq!(inclusion_ranges(0, 0), None);
    assert_eq!(inclusion_ranges(7, 7), None);
    assert_eq!(inclusion_ranges(u64::MAX, u64::MAX), None);
    assert_eq!(consistency_ranges(u64::MAX, u64::MAX - 1), None);
    assert_eq!(consistency_ranges(0, 5), Some(Vec::new()));
}

#[test]
fn subtrees_cover_a_tree_exactly_once() {
    for size in EDGE_SIZES.into_iter().chain(0..600) {
        let nodes = subtrees(0, size);
        assert_eq!(nodes.len(), size.count_ones() as usize);
        let mut at = 0u64;
        for node in nodes {
            assert_eq!(node.index.checked_mul(1 << node.level), Some(at));
            at += 1 << node.level;
        }
        assert_eq!(at, size);
    }
}

#[test]
fn a_node_lies_in_the_tile_of_its_height() {
    let node = Node { level: 11, index: 33 };
    let (tile, stretch) = node.place(70_000);
    assert_eq!(tile.to_string(), "tile/1/001.p/17");
    assert_eq!(stretch, 8..16);
}
