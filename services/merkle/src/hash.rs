//! SHA-256 hashes of leaves and nodes, with the domain separation of RFC 6962 section 2.1.

use std::fmt;

use sha2::{Digest, Sha256};

/// One SHA-256 hash: of a leaf, of a node, or a root.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; Hash::LEN]);

/// The root of a tree without leaves: SHA-256 of nothing.
pub const EMPTY_ROOT: Hash = Hash([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
    0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

const LEAF_PREFIX: u8 = 0x00;
const NODE_PREFIX: u8 = 0x01;

/// What a checkpoint says of a tree: how many leaves it has, and its root.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TreeHead {
    /// Number of leaves.
    pub size: u64,
    /// Merkle tree hash over all of them.
    pub root: Hash,
}

/// The hash of a leaf with these contents.
pub fn leaf_hash(data: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([LEAF_PREFIX]).chain_update(data).finalize().into())
}

/// The hash of the node above `left` and `right`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let sha = Sha256::new().chain_update([NODE_PREFIX]).chain_update(left.0).chain_update(right.0);
    Hash(sha.finalize().into())
}

impl TreeHead {
    /// The head of a tree without leaves.
    pub const EMPTY: Self = Self { size: 0, root: EMPTY_ROOT };
}

impl Hash {
    /// Bytes in a hash.
    pub const LEN: usize = 32;

    /// The bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl From<[u8; Hash::LEN]> for Hash {
    fn from(bytes: [u8; Hash::LEN]) -> Self {
        Self(bytes)
    }
}

impl From<Hash> for [u8; Hash::LEN] {
    fn from(hash: Hash) -> Self {
        hash.0
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = std::array::TryFromSliceError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Hash {
    /// Lower-case hex.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
