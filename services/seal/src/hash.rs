//! SHA-256 values and RFC 6962 roots, which is how bytes are verified without keys.

use std::fmt;

use sha2::{Digest, Sha256};

/// A SHA-256 value: a ciphertext root, a policy's hash, an object's digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// SHA-256 of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
    /// Takes exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Hash {
    /// Lowercase hex.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Takes an RFC 6962 tree's leaves one by one and tells its root; holds at most 64 hashes.
#[derive(Clone, Debug, Default)]
pub struct RootBuilder {
    /// Roots of the full subtrees on the right edge, largest first; one per set bit of `leaves`.
    edge: Vec<Hash>,
    leaves: u64,
}

impl RootBuilder {
    /// A tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }
    /// How many leaves it has.
    pub fn leaves(&self) -> u64 {
        self.leaves
    }
    /// Adds a leaf: `SHA-256(0x00 || parts...)`.
    pub fn push(&mut self, parts: &[&[u8]]) {
        let mut digest = Sha256::new_with_prefix([0x00]);
        parts.iter().for_each(|part| digest.update(part));
        let mut hash = Hash(digest.finalize().into());
        for _ in 0..self.leaves.trailing_ones() {
            let left = self.edge.pop().expect("one subtree per set bit");
            hash = parent(left, hash);
        }
        self.edge.push(hash);
        self.leaves += 1;
    }
    /// The root over all leaves so far; `SHA-256("")` for none.
    pub fn root(&self) -> Hash {
        let mut subtrees = self.edge.iter().rev();
        let Some(&last) = subtrees.next() else { return Hash::of(b"") };
        subtrees.fold(last, |right, &left| parent(left, right))
    }
}

/// The root over roots: what a section's spans or an object's spans come to, in order.
pub fn root_of_roots<'a>(roots: impl IntoIterator<Item = &'a Hash>) -> Hash {
    let mut builder = RootBuilder::new();
    roots.into_iter().for_each(|root| builder.push(&[&root.0]));
    builder.root()
}

fn parent(left: Hash, right: Hash) -> Hash {
    let digest = Sha256::new_with_prefix([0x01]).chain_update(left.0).chain_update(right.0);
    Hash(digest.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of RFC 6962 section 2.1, word for word.
    fn mth(leaves: &[Vec<u8>]) -> Hash {
        match leaves {
            [] => Hash::of(b""),
            [one] => Hash::of(&[&[0x00], one.as_slice()].concat()),
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                parent(mth(&leaves[..split]), mth(&leaves[split..]))
            }
        }
    }

    #[test]
    fn roots_are_those_of_rfc_6962() {
        let leaves: Vec<Vec<u8>> = (0..130u8).map(|n| vec![n; usize::from(n) % 7]).collect();
        let mut builder = RootBuilder::new();
        assert_eq!(builder.root(), mth(&[]));
        for (count, leaf) in leaves.iter().enumerate() {
            builder.push(&[leaf]);
            assert_eq!(builder.root(), mth(&leaves[..=count]), "{} leaves", count + 1);
        }
    }

    #[test]
    fn the_published_roots_come_out() {
        // Inputs and roots of Certificate Transparency's reference tests (google/certificate-transparency,
        // cpp/merkletree/merkle_tree_test.cc, Apache-2.0).
        let inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"];
        let last = "606162636465666768696a6b6c6d6e6f";
        let mut builder = RootBuilder::new();
        for input in inputs.iter().chain([&last]) {
            builder.push(&[&hex::decode(input).unwrap()]);
        }
        let root = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";
        assert_eq!(builder.root().to_string(), root);
    }
}
