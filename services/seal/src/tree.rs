//! A section's key tree: a puncturable pseudorandom function (GGM) with 2^20 leaves, one per span.
//!
//! A node's two children are two HMACs under its key, and a parent cannot be had from its children. So a
//! [`Cover`] of some spans, a few dozen nodes, derives these spans' keys and no others; what it leaves out
//! is unreadable to whoever has only the cover. Read [`SpanSet`] first, then [`Cover`].

mod cover;
mod set;

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use kernel::SpanNo;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

pub use cover::{Cover, KeysInOrder, MAX_NODES};
pub use set::{MAX_RANGES, SpanSet};

use crate::error::Error;
use crate::key::{LegKey, SpanKey};

/// Levels below the root.
pub const DEPTH: u8 = 20;
/// Leaves: spans of one section.
pub const SPANS: u32 = 1 << DEPTH;

const LABEL: &[u8; 12] = b"vrs1/tree/v1";

/// One node with its key, from which every leaf below it can be derived.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Node {
    /// 0 for the root, [`DEPTH`] for a leaf.
    depth: u8,
    /// From 0 to 2^depth - 1, left to right.
    index: u32,
    key: [u8; 32],
}

impl Node {
    /// The root of a section's tree.
    pub(crate) fn root(key: &LegKey) -> Self {
        Self { depth: 0, index: 0, key: *key.expose() }
    }
    /// Levels below the root.
    pub fn depth(&self) -> u8 {
        self.depth
    }
    /// Its place in its level.
    pub fn index(&self) -> u32 {
        self.index
    }
    /// First span below it.
    pub fn first(&self) -> SpanNo {
        SpanNo(self.index << (DEPTH - self.depth))
    }
    /// How many spans are below it.
    pub fn span_count(&self) -> u32 {
        1 << (DEPTH - self.depth)
    }
    /// First number after the spans below it.
    fn end(&self) -> u32 {
        self.first().0 + self.span_count()
    }
    /// Its children, left and right; a leaf has none.
    fn children(&self) -> Option<(Self, Self)> {
        (self.depth < DEPTH).then(|| (self.child(0), self.child(1)))
    }
    fn child(&self, side: u8) -> Self {
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes any key");
        let depth = self.depth + 1;
        let key = mac.chain_update(LABEL).chain_update([depth, side]).finalize().into_bytes();
        Self { depth, index: self.index << 1 | u32::from(side), key: key.into() }
    }
    /// The node below it (or itself) at this depth and index.
    fn descend(&self, depth: u8, index: u32) -> Self {
        let mut node = self.clone();
        while node.depth < depth {
            node = node.child((index >> (depth - node.depth - 1) & 1) as u8);
        }
        debug_assert_eq!(node.index, index, "only nodes below are asked for");
        node
    }
    /// A leaf's key is the span's key.
    fn span_key(&self) -> SpanKey {
        debug_assert_eq!(self.depth, DEPTH);
        SpanKey::from_bytes(self.key)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({}/{}, redacted)", self.depth, self.index)
    }
}

impl LegKey {
    /// The key of one span: 20 HMACs. Writers and readers in order use [`LegKey::keys`].
    pub fn span_key(&self, span: SpanNo) -> Result<SpanKey, Error> {
        check(span)?;
        Ok(Node::root(self).descend(DEPTH, span.0).span_key())
    }
    /// The fewest nodes that derive exactly these spans' keys.
    pub fn cover(&self, spans: &SpanSet) -> Cover {
        Cover::all(self).restrict(spans)
    }
    /// Every span's key from span 0 on, at about two HMACs each.
    pub fn keys(&self) -> KeysInOrder {
        Cover::all(self).into_keys_in_order()
    }
}

pub(crate) fn check(span: SpanNo) -> Result<(), Error> {
    Error::bounded("span number", span.0 as usize, SPANS as usize - 1)
}

#[cfg(test)]
mod tests;
