//! Sets of span numbers of one section.

use std::ops::Range;

use kernel::SpanNo;

use super::SPANS;
use crate::cbor::{DecodeError, Reader, Writer};
use crate::error::Error;

/// Most separate ranges of an encoded set.
pub const MAX_RANGES: usize = 16_384;

/// Span numbers as sorted ranges that neither overlap nor touch.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct SpanSet(Vec<Range<u32>>);

impl SpanSet {
    /// The set without spans.
    pub const EMPTY: Self = Self(Vec::new());

    /// Every span that a section can have.
    pub fn all() -> Self {
        Self::normal(Vec::from_iter(std::iter::once(0..SPANS)))
    }
    /// The spans of one half-open range; refused beyond the key tree.
    pub fn from_range(range: Range<u32>) -> Result<Self, Error> {
        Self::from_ranges(std::iter::once(range))
    }
    /// The spans of these half-open ranges, in any order; refused beyond the key tree.
    pub fn from_ranges(ranges: impl IntoIterator<Item = Range<u32>>) -> Result<Self, Error> {
        let ranges: Vec<_> = ranges.into_iter().collect();
        let end = ranges.iter().map(|range| range.end).max().unwrap_or(0);
        Error::bounded("end of a span range", end as usize, SPANS as usize)?;
        Ok(Self::normal(ranges))
    }
    /// These spans, in any order; refused beyond the key tree.
    pub fn from_spans(spans: impl IntoIterator<Item = SpanNo>) -> Result<Self, Error> {
        Self::from_ranges(spans.into_iter().map(|span| span.0..span.0.saturating_add(1)))
    }
    /// From the first to the last span, both in it.
    pub fn from_first_to_last(first: SpanNo, last: SpanNo) -> Result<Self, Error> {
        Self::from_range(first.0..last.0.saturating_add(1))
    }
    /// Whether no span is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// How many spans are in it.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|range| u64::from(range.end - range.start)).sum()
    }
    /// Whether this span is in it.
    pub fn contains(&self, span: SpanNo) -> bool {
        let after = self.0.partition_point(|range| range.end <= span.0);
        self.0.get(after).is_some_and(|range| range.contains(&span.0))
    }
    /// Its ranges, in order.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = Range<u32>> + '_ {
        self.0.iter().cloned()
    }
    /// Its spans, in order.
    pub fn spans(&self) -> impl Iterator<Item = SpanNo> + '_ {
        self.0.iter().flat_map(|range| range.clone().map(SpanNo))
    }
    /// Every span in either.
    pub fn union(&self, other: &Self) -> Self {
        Self::normal(self.ranges().chain(other.ranges()).collect())
    }
    /// Every span in both.
    pub fn intersection(&self, other: &Self) -> Self {
        let mut common = Vec::new();
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            common.push(a.start.max(b.start)..a.end.min(b.end));
            if a.end < b.end {
                left.next()
            } else {
                right.next()
            };
        }
        Self::normal(common)
    }
    /// Every span in this one and not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        let mut complement = Vec::with_capacity(other.0.len() + 1);
        let mut from = 0;
        for range in &other.0 {
            complement.push(from..range.start);
            from = range.end;
        }
        complement.push(from..SPANS);
        self.intersection(&Self::normal(complement))
    }

    /// Its encoding as a document of its own.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        self.write(&mut w);
        w.finish()
    }
    /// Reads exactly that encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new("span set", bytes);
        let set = Self::read(&mut r)?;
        r.finish()?;
        Ok(set)
    }

    /// An array: for each range the spans left out before it, then the spans in it.
    pub(crate) fn write(&self, w: &mut Writer) {
        w.array(self.0.len() * 2);
        let mut end = 0;
        for range in &self.0 {
            w.uint(range.start - end).uint(range.end - range.start);
            end = range.end;
        }
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let numbers = r.list(MAX_RANGES * 2, Reader::narrow::<u32>)?;
        let (pairs, rest) = numbers.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(r.wrong("has a range without a length"));
        }
        let mut ranges = Vec::with_capacity(pairs.len());
        let mut end = 0u32;
        for (number, &[gap, length]) in pairs.iter().enumerate() {
            if length == 0 || (gap == 0 && number > 0) {
                return Err(r.wrong("has ranges that are empty or touch"));
            }
            let start = end.checked_add(gap);
            let range = start.and_then(|start| Some(start..start.checked_add(length)?));
            let range = range.filter(|range| range.end <= SPANS);
            let range = range.ok_or_else(|| r.wrong("goes beyond the key tree"))?;
            end = range.end;
            ranges.push(range);
        }
        Ok(Self(ranges))
    }

    fn normal(mut ranges: Vec<Range<u32>>) -> Self {
        ranges.retain(|range| range.start < range.end);
        ranges.sort_unstable_by_key(|range| range.start);
        let mut merged: Vec<Range<u32>> = Vec::with_capacity(ranges.len());
        for next in ranges {
            match merged.last_mut() {
                Some(last) if next.start <= last.end => last.end = last.end.max(next.end),
                _ => merged.push(next),
            }
        }
        Self(merged)
    }
}
