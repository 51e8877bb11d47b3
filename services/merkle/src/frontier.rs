//! The roots of a tree's perfect subtrees: all that is needed to append to it and to know its root.

use crate::{EMPTY_ROOT, Hash, TreeFull, TreeHead, node_hash};

/// A tree of any size in at most 64 hashes. Use [`crate::Edge`] where tiles are to be written as well.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

/// The root over these leaf hashes.
pub fn root_of(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    for leaf in leaves {
        frontier.push(*leaf).expect("a slice has fewer than 2^64 elements");
    }
    frontier.root()
}

impl Frontier {
    /// A frontier from its parts: the roots of the perfect subtrees, largest first. `None` unless there is one for
    /// each bit set in `size`.
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the perfect subtrees, largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) -> Result<(), TreeFull> {
        let size = self.size.checked_add(1).ok_or(TreeFull)?;
        let settled = self.peaks.len() - self.size.trailing_ones() as usize;
        let peak = self.peaks.drain(settled..).rfold(leaf, |right, left| node_hash(&left, &right));
        self.peaks.push(peak);
        self.size = size;
        Ok(())
    }

    /// The root.
    pub fn root(&self) -> Hash {
        self.peaks.iter().copied().rev().reduce(|right, left| node_hash(&left, &right)).unwrap_or(EMPTY_ROOT)
    }

    /// Size and root.
    pub fn head(&self) -> TreeHead {
        TreeHead { size: self.size, root: self.root() }
    }
}
