//! What makes a staged row part of the log. Pure.
//!
//! A claim writes down the size that it found and its fence. Whatever is committed from that size on, up to where
//! a later claim begins, was committed under this fence: two claims on one size mean that the earlier one has
//! committed nothing, and the later one takes its place.

use std::collections::BTreeMap;

use crate::store::Generation;

/// Entries of one partition of a table.
pub(super) const CHUNK: u64 = 10_000;
/// Bits of a chunk's number below the generation: chunks of a log stay far below.
const CHUNK_BITS: u32 = 48;

/// How far a log has come, and who committed which stretch of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Visible {
    /// Entries in the log.
    pub(super) size: u64,
    /// From which index on each fence stood.
    pub(super) claims: BTreeMap<u64, i64>,
}

/// A stretch of the log in one chunk, committed under one fence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stretch {
    pub(super) chunk: u64,
    pub(super) fence: i64,
    pub(super) from: u64,
    /// The first index that is not in it.
    pub(super) to: u64,
}

/// In which chunk an index lies.
pub(super) fn chunk(index: u64) -> u64 {
    index / CHUNK
}

/// The chunk of a root log, as its table has it: those of all generations are in one.
pub(super) fn root_chunk(generation: Generation, chunk: u64) -> i64 {
    let own = i64::try_from(chunk & ((1 << CHUNK_BITS) - 1)).unwrap_or(i64::MAX);
    (generation.number() << CHUNK_BITS) | own
}

impl Visible {
    /// Whether the row of this index and fence is in the log.
    pub(super) fn has(&self, index: u64, fence: i64) -> bool {
        let committed_by = self.claims.range(..=index).next_back();
        index < self.size && committed_by.is_some_and(|(_, own)| *own == fence)
    }

    /// The stretches that hold the entries from this index on, at most `limit` of them.
    pub(super) fn stretches(&self, from: u64, limit: u64) -> Vec<Stretch> {
        let end = self.size.min(from.saturating_add(limit));
        let (mut found, mut at) = (Vec::new(), from);
        while let Some((_, fence)) = self.claims.range(..=at).next_back().filter(|_| at < end) {
            let next_claim = self.claims.range(at + 1..).next().map_or(u64::MAX, |(begins, _)| *begins);
            let chunk = chunk(at);
            let to = end.min(next_claim).min((chunk + 1).saturating_mul(CHUNK));
            found.push(Stretch { chunk, fence: *fence, from: at, to });
            at = to;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visible(size: u64, claims: &[(u64, i64)]) -> Visible {
        Visible { size, claims: claims.iter().copied().collect() }
    }

    fn stretches(visible: &Visible, from: u64, limit: u64) -> Vec<(u64, i64, u64, u64)> {
        let all = visible.stretches(from, limit).into_iter();
        all.map(|Stretch { chunk, fence, from, to }| (chunk, fence, from, to)).collect()
    }

    #[test]
    fn root_logs_of_several_generations_share_no_chunk() {
        let second = Generation::FIRST.next().unwrap();
        assert_eq!(root_chunk(Generation::FIRST, 7), 7);
        assert_eq!(root_chunk(second, 7), (1 << 48) + 7);
        assert!(root_chunk(Generation::from_number(32_767).unwrap(), chunk(u64::MAX)) > 0);
    }

    #[test]
    fn a_row_counts_under_the_fence_that_committed_its_index() {
        let log = visible(8, &[(0, 1), (3, 4), (8, 5)]);
        for (index, fence, expected) in [
            (0, 1, true),
            (2, 1, true),
            (3, 1, false),
            (3, 4, true),
            (7, 4, true),
            (7, 5, false),
            (8, 5, false),
            (2, 4, false),
        ] {
            assert_eq!(log.has(index, fence), expected, "{index} under {fence}");
        }
        assert!(!Visible::default().has(0, 1));
    }

    #[test]
    fn a_log_is_read_by_stretches_of_one_fence_and_chunk() {
        let log = visible(25_000, &[(0, 1), (4_000, 2), (12_000, 7), (25_000, 9)]);
        assert_eq!(
            stretches(&log, 3_999, u64::MAX),
            [
                (0, 1, 3_999, 4_000),
                (0, 2, 4_000, 10_000),
                (1, 2, 10_000, 12_000),
                (1, 7, 12_000, 20_000),
                (2, 7, 20_000, 25_000)
            ]
        );
        assert_eq!(stretches(&log, 3_999, 3), [(0, 1, 3_999, 4_000), (0, 2, 4_000, 4_002)]);
        assert!(stretches(&log, 3_999, 0).is_empty());
        assert!(stretches(&log, 25_000, 9).is_empty());
        assert!(stretches(&Visible::default(), 0, 9).is_empty());
        assert!(stretches(&visible(0, &[(0, 3)]), 0, 9).is_empty(), "claimed, and empty");
    }
}
