//! Verification of proofs: no tiles, no trust in anything but the heads that the verifier brings.
//!
//! The algorithms are those of RFC 9162 sections 2.1.3.2 and 2.1.4.2. A proof never brings its own sizes; they come
//! with the roots, out of signed checkpoints, because a root alone does not fix the size of its tree.

use crate::{EMPTY_ROOT, Hash, ProofError, TreeHead, node_hash};

/// The most hashes that a proof in a tree of less than 2^64 leaves can have (a consistency proof has one more than an
/// inclusion proof). A reader of proofs need not take in more.
pub const MAX_PROOF_HASHES: usize = 65;

/// The hashes that lead from a leaf to the root, the leaf's sibling first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InclusionProof {
    /// Which leaf.
    pub index: u64,
    /// The path.
    pub hashes: Vec<Hash>,
}

/// The hashes that lead from an older root to a newer one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsistencyProof {
    /// The path.
    pub hashes: Vec<Hash>,
}

impl InclusionProof {
    /// Whether the leaf with this hash is at the proof's index in the tree with this head.
    pub fn verify(&self, leaf: &Hash, head: &TreeHead) -> Result<(), ProofError> {
        let TreeHead { size, root } = *head;
        if self.index >= size {
            return Err(ProofError::NoSuchLeaf { index: self.index, size });
        }
        let mut climb = Climb { at: self.index, last: size - 1 };
        let mut hash = *leaf;
        for sibling in &self.hashes {
            hash = match climb.up().ok_or(self.length())? {
                Side::Left => node_hash(sibling, &hash),
                Side::Right => node_hash(&hash, sibling),
            };
        }
        if climb.last != 0 {
            return Err(self.length());
        }
        expect_root(hash, root, size)
    }

    fn length(&self) -> ProofError {
        ProofError::Length { have: self.hashes.len() }
    }
}

impl ConsistencyProof {
    /// Whether the tree with head `new` begins with all leaves of that with head `old`. Every tree begins with the
    /// empty one.
    pub fn verify(&self, old: &TreeHead, new: &TreeHead) -> Result<(), ProofError> {
        if old.size > new.size {
            return Err(ProofError::Shrunk { old: old.size, new: new.size });
        }
        if old.size == 0 || old.size == new.size {
            return self.verify_at_the_ends(old, new);
        }
        let mut climb = Climb { at: old.size - 1, last: new.size - 1 };
        climb.skip(climb.at.trailing_ones());
        // An old tree that is one perfect subtree is itself where the path begins.
        let (first, rest) = if old.size.is_power_of_two() {
            (&old.root, self.hashes.as_slice())
        } else {
            self.hashes.split_first().ok_or(self.length())?
        };
        let (mut old_hash, mut new_hash) = (*first, *first);
        for sibling in rest {
            match climb.up().ok_or(self.length())? {
                Side::Left => {
                    old_hash = node_hash(sibling, &old_hash);
                    new_hash = node_hash(sibling, &new_hash);
                }
                Side::Right => new_hash = node_hash(&new_hash, sibling),
            }
        }
        if climb.last != 0 {
            return Err(self.length());
        }
        expect_root(old_hash, old.root, old.size)?;
        expect_root(new_hash, new.root, new.size)
    }

    fn verify_at_the_ends(&self, old: &TreeHead, new: &TreeHead) -> Result<(), ProofError> {
        if !self.hashes.is_empty() {
            return Err(self.length());
        }
        for head in [old, new].into_iter().filter(|head| head.size == 0) {
            expect_root(EMPTY_ROOT, head.root, 0)?;
        }
        if old.size == new.size { expect_root(old.root, new.root, new.size) } else { Ok(()) }
    }

    fn length(&self) -> ProofError {
        ProofError::Length { have: self.hashes.len() }
    }
}

/// On which side the sibling stands.
enum Side {
    Left,
    Right,
}

/// A way up the tree from node `at`, in a level whose last node is `last`.
struct Climb {
    at: u64,
    last: u64,
}

impl Climb {
    /// Goes past the next sibling; `None` at the root.
    fn up(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        let side = if self.at % 2 == 1 || self.at == self.last { Side::Left } else { Side::Right };
        // The last node of a level without a sibling stands for itself in the levels above, until it is a right one.
        if self.at == self.last {
            self.skip(self.at.trailing_zeros());
        }
        self.skip(1);
        Some(side)
    }

    /// Goes up without a sibling. `levels` is below 64, because no caller has `at` of 64 ones or a `last` of 0.
    fn skip(&mut self, levels: u32) {
        self.at = self.at.checked_shr(levels).unwrap_or(0);
        self.last = self.last.checked_shr(levels).unwrap_or(0);
    }
}

fn expect_root(found: Hash, root: Hash, size: u64) -> Result<(), ProofError> {
    if found == root { Ok(()) } else { Err(ProofError::Root { size }) }
}

#[cfg(test)]
mod tests;
