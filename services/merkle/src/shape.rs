//! The arithmetic of the tree: perfect subtrees, and which of them a range of leaves or a proof consists of.
//!
//! A tree of `size` leaves is a row of perfect subtrees, largest first, one for each bit set in `size`. All of it is
//! exact for every `u64` size: nothing here computes the end of the largest tree's last subtree in 64 bits.

use crate::TileId;

/// Hashes in a full tile.
pub const TILE_WIDTH: u64 = 256;
/// Levels of the tree that one tile spans.
pub const TILE_HEIGHT: u32 = 8;
/// Tile levels that a tree of at most 2^64 - 1 leaves can have.
pub const TILE_LEVELS: u8 = 8;

/// A perfect subtree over the leaves `[index << level, (index + 1) << level)`; level 0 is one leaf.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Node {
    /// Height of the subtree, 0 to 63.
    pub level: u8,
    /// Which one of that height, from the left.
    pub index: u64,
}

impl Node {
    /// The tile that holds this node or what it is hashed from, in a tree of `size` leaves, and the stretch of
    /// hashes in that tile which it spans.
    pub(crate) fn place(self, size: u64) -> (TileId, std::ops::Range<usize>) {
        let tile_level = self.level / TILE_HEIGHT as u8;
        let rest = u32::from(self.level) % TILE_HEIGHT;
        // A node of a tree has index < 2^(64 - level), so this shift by at most `level` loses no bit.
        let first = self.index << rest;
        let tile = TileId::in_tree(tile_level, first / TILE_WIDTH, size);
        let offset = (first % TILE_WIDTH) as usize;
        (tile, offset..offset + (1 << rest))
    }
}

/// The perfect subtrees that `[start, end)` consists of, left to right, where `start` is a multiple of the largest
/// power of two not above `end - start`, as it is for every range that a root or a proof hashes.
pub fn subtrees(start: u64, end: u64) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut at = start;
    while at < end {
        let level = (end - at).ilog2();
        nodes.push(Node { level: level as u8, index: at >> level });
        at += 1 << level;
    }
    nodes
}

/// The ranges `[start, end)` whose hashes prove leaf `index` in a tree of `size`, from the leaf's sibling up.
/// `None` when the tree has no such leaf.
pub fn inclusion_ranges(index: u64, size: u64) -> Option<Vec<(u64, u64)>> {
    if index >= size {
        return None;
    }
    let (mut start, mut end) = (0, size);
    let mut ranges = Vec::new();
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            ranges.push((middle, end));
            end = middle;
        } else {
            ranges.push((start, middle));
            start = middle;
        }
    }
    ranges.reverse();
    Some(ranges)
}

/// The ranges `[start, end)` whose hashes prove that the tree of `old` leaves is the beginning of that of `new`, in
/// the order of RFC 6962 section 2.1.2. Empty where the sizes are equal or `old` is 0; `None` when `old > new`.
pub fn consistency_ranges(old: u64, new: u64) -> Option<Vec<(u64, u64)>> {
    if old > new {
        return None;
    }
    if old == 0 {
        return Some(Vec::new());
    }
    let (mut start, mut end) = (0, new);
    let mut ranges = Vec::new();
    while old != end {
        let middle = start + split(end - start);
        if old <= middle {
            ranges.push((middle, end));
            end = middle;
        } else {
            ranges.push((start, middle));
            start = middle;
        }
    }
    // A subtree that begins at leaf 0 is the old tree itself, whose root the verifier has.
    if start != 0 {
        ranges.push((start, end));
    }
    ranges.reverse();
    Some(ranges)
}

/// The largest power of two below `len`, for `len` of at least 2.
fn split(len: u64) -> u64 {
    1 << (len - 1).ilog2()
}

#[cfg(test)]
mod tests;
