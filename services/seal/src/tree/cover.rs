//! Covers: nodes of a key tree that together derive the keys of a set of spans and of no others.

use std::ops::Range;

use kernel::SpanNo;
use zeroize::Zeroizing;

use super::{DEPTH, Node, SPANS, SpanSet};
use crate::cbor::{Reader, Writer};
use crate::error::Error;
use crate::key::{LegKey, SpanKey};

/// Most nodes of an encoded cover: what fits a page of its own.
pub const MAX_NODES: usize = 12_288;

/// Nodes in the order of their spans, none below another.
///
/// One made from a leg key or by [`Cover::restrict`] has the fewest nodes that can derive its spans; one
/// made by [`Cover::union`] may have more, because two siblings do not give back their parent.
#[derive(Clone, Default)]
pub struct Cover(Vec<Node>);

impl Cover {
    /// Derives every span of a section: its leg key itself.
    pub fn all(key: &LegKey) -> Self {
        Self(Vec::from([Node::root(key)]))
    }
    /// The spans whose keys it derives.
    pub fn spans(&self) -> SpanSet {
        let ranges = self.0.iter().map(|node| node.first().0..node.end());
        SpanSet::from_ranges(ranges).expect("nodes lie in the tree")
    }
    /// Whether it derives nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// How many nodes it has.
    pub fn node_count(&self) -> usize {
        self.0.len()
    }
    /// The part that derives the keys of `spans` only. Spans that this cover does not derive are absent
    /// from the result; where that matters compare [`Cover::spans`].
    pub fn restrict(&self, spans: &SpanSet) -> Self {
        let mut nodes = Vec::new();
        let mut wanted = spans.ranges().peekable();
        for node in &self.0 {
            while let Some(range) = wanted.peek() {
                let part = range.start.max(node.first().0)..range.end.min(node.end());
                split(part, |depth, index| nodes.push(node.descend(depth, index)));
                if range.end > node.end() {
                    break;
                }
                wanted.next();
            }
        }
        Self(nodes)
    }
    /// What is left when `spans` are taken out.
    pub fn without(&self, spans: &SpanSet) -> Self {
        self.restrict(&self.spans().difference(spans))
    }
    /// Both covers' spans. Both must be of one section.
    pub fn union(&self, other: &Self) -> Self {
        let added = other.without(&self.spans());
        let mut nodes = [self.0.as_slice(), added.0.as_slice()].concat();
        nodes.sort_unstable_by_key(Node::first);
        Self(nodes)
    }
    /// One span's key: at most 20 HMACs. Readers in order use [`Cover::keys_in_order`].
    pub fn key(&self, span: SpanNo) -> Option<SpanKey> {
        let at = self.0.partition_point(|node| node.end() <= span.0);
        let node = self.0.get(at).filter(|node| node.first() <= span)?;
        Some(node.descend(DEPTH, span.0).span_key())
    }
    /// Every span's key, in order, at about two HMACs each.
    pub fn keys_in_order(&self) -> KeysInOrder {
        self.clone().into_keys_in_order()
    }
    /// The same, giving up the cover: a key passed is then not to be had again.
    pub fn into_keys_in_order(mut self) -> KeysInOrder {
        self.0.reverse();
        KeysInOrder(self.0)
    }

    /// Its encoding (`FORMAT.md`, cover): secret, to be wrapped.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        Error::bounded("number of cover nodes", self.0.len(), MAX_NODES)?;
        let mut w = Writer::with_capacity(self.encoded_len_bound());
        self.write(&mut w);
        Ok(Zeroizing::new(w.finish()))
    }
    /// Reads exactly that encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new("cover", bytes);
        let cover = Self::read(&mut r)?;
        r.finish()?;
        Ok(cover)
    }

    pub(crate) fn encoded_len_bound(&self) -> usize {
        16 + self.0.len() * (5 + 32)
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        let mut keys = Zeroizing::new(Vec::with_capacity(self.0.len() * 32));
        w.map(2).key(1).array(self.0.len());
        for node in &self.0 {
            w.uint(1u32 << node.depth | node.index);
            keys.extend_from_slice(&node.key);
        }
        w.key(2).bytes(&keys);
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, crate::DecodeError> {
        let mut f = r.map()?;
        r.field(&mut f, 1, "nodes")?;
        let heaps = r.list(MAX_NODES, Reader::narrow::<u32>)?;
        if heaps.iter().any(|&heap| heap == 0 || heap >= 2 * SPANS) {
            return Err(r.wrong("has a node outside the tree"));
        }
        r.field(&mut f, 2, "keys")?;
        let (keys, rest) = r.bytes()?.as_chunks::<32>();
        if keys.len() != heaps.len() || !rest.is_empty() {
            return Err(r.wrong("has not one key per node"));
        }
        r.end(&f)?;
        let nodes: Vec<_> = heaps
            .iter()
            .zip(keys)
            .map(|(heap, key)| {
                let depth = heap.ilog2();
                Node { depth: depth as u8, index: heap - (1 << depth), key: *key }
            })
            .collect();
        if !nodes.is_sorted_by(|a, b| a.end() <= b.first().0) {
            return Err(r.wrong("has nodes out of order or one below another"));
        }
        Ok(Self(nodes))
    }
}

impl std::fmt::Debug for Cover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cover({} nodes for {:?}, redacted)", self.0.len(), self.spans())
    }
}

/// Span keys in order, holding a path of nodes and nothing of what was passed.
pub struct KeysInOrder(Vec<Node>);

impl KeysInOrder {
    /// Goes to the first span at or after `span`, forgetting what lies before it.
    pub fn skip_to(&mut self, span: SpanNo) {
        while let Some(node) = self.0.pop() {
            if node.end() <= span.0 {
                continue;
            }
            match node.children() {
                Some((left, right)) if node.first() < span => self.0.extend([right, left]),
                _ => return self.0.push(node),
            }
        }
    }
}

impl Iterator for KeysInOrder {
    type Item = (SpanNo, SpanKey);

    fn next(&mut self) -> Option<Self::Item> {
        let mut node = self.0.pop()?;
        while let Some((left, right)) = node.children() {
            self.0.push(right);
            node = left;
        }
        Some((node.first(), node.span_key()))
    }
}

impl std::fmt::Debug for KeysInOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let next = self.0.last().map(Node::first);
        write!(f, "KeysInOrder(next {next:?}, redacted)")
    }
}

/// The fewest nodes whose leaves are exactly this range, left to right.
fn split(mut range: Range<u32>, mut node: impl FnMut(u8, u32)) {
    while range.start < range.end {
        let aligned = range.start.trailing_zeros().min(u32::from(DEPTH));
        let fitting = (range.end - range.start).ilog2();
        let height = aligned.min(fitting);
        node(DEPTH - height as u8, range.start >> height);
        range.start += 1 << height;
    }
}
