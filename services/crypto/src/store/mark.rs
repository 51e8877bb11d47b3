//! How a mark's purposes and spans are kept: the same in every adapter.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{ErrorCode, LegNo, PurposeName, SectionNo};
use seal::SpanSet;
use seal::tree::MAX_RANGES;

use super::{MAX_MARKS, StoreError};
use crate::marks::MarkedSpans;

/// Most marks that are read of one recording: writers that meet at the bound may pass it together, and a recording
/// whose marks cannot be read opens for nobody.
pub(super) const MAX_READ: usize = MAX_MARKS + 100;

/// The first byte of written spans; without a byte, every span is meant.
const FORMAT: u8 = 1;

/// Names, with the blank between them that no name has.
pub(super) fn purposes_text(purposes: &BTreeSet<PurposeName>) -> String {
    purposes.iter().map(PurposeName::as_str).collect::<Vec<_>>().join(" ")
}

/// Reads that text; what is wrong where it is none.
pub(super) fn read_purposes(text: &str) -> Result<BTreeSet<PurposeName>, &'static str> {
    let names = text.split(' ').filter(|name| !name.is_empty());
    names.map(|name| PurposeName::new(name).map_err(|_| "a purpose")).collect()
}

/// For each section its leg and number, then how long its span set's encoding is, and that.
pub(super) fn spans_bytes(spans: Option<&MarkedSpans>) -> Result<Vec<u8>, StoreError> {
    let Some(spans) = spans else { return Ok(Vec::new()) };
    let refuse = || {
        let why = "a section has more ranges than can be read again";
        StoreError::new("mark a recording", ErrorCode::InvalidArgument, why)
    };
    let mut bytes = vec![FORMAT];
    for ((leg, section), set) in spans {
        if set.ranges().len() > MAX_RANGES {
            return Err(refuse());
        }
        let set = set.encode();
        let length = u32::try_from(set.len()).map_err(|_| refuse())?;
        bytes.extend_from_slice(&leg.0.to_be_bytes());
        bytes.extend_from_slice(&section.0.to_be_bytes());
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&set);
    }
    Ok(bytes)
}

/// Reads these bytes; what is wrong where they are none.
pub(super) fn read_spans(bytes: &[u8]) -> Result<Option<MarkedSpans>, &'static str> {
    match bytes.split_first() {
        None => Ok(None),
        Some((&FORMAT, rest)) => read_sections(rest).map(Some).ok_or("spans"),
        Some(_) => Err("spans"),
    }
}

fn read_sections(mut rest: &[u8]) -> Option<MarkedSpans> {
    let mut spans = BTreeMap::new();
    while !rest.is_empty() {
        let (leg, after) = rest.split_first_chunk()?;
        let (section, after) = after.split_first_chunk()?;
        let (length, after) = after.split_first_chunk()?;
        let (set, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        let at = (LegNo(u16::from_be_bytes(*leg)), SectionNo(u32::from_be_bytes(*section)));
        if spans.insert(at, SpanSet::decode(set).ok()?).is_some() {
            return None;
        }
        rest = after;
    }
    Some(spans)
}

/// A recording that has as many marks as it may have.
pub(super) fn too_many(act: &'static str) -> StoreError {
    let why = format!("the recording has {MAX_MARKS} marks, which is the bound");
    StoreError::new(act, ErrorCode::ResourceExhausted, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_come_back_as_they_were_written_and_damaged_ones_do_not() {
        let set = |ranges: &[std::ops::Range<u32>]| SpanSet::from_ranges(ranges.to_vec()).unwrap();
        let some = MarkedSpans::from([
            ((LegNo(0), SectionNo(7)), set(&[0..3, 9..40_000])),
            ((LegNo(65_535), SectionNo(u32::MAX)), SpanSet::all()),
        ]);
        for spans in [None, Some(MarkedSpans::new()), Some(some.clone())] {
            let bytes = spans_bytes(spans.as_ref()).unwrap();
            assert_eq!(read_spans(&bytes), Ok(spans));
        }
        let bytes = spans_bytes(Some(&some)).unwrap();
        let first = 1 + 10 + set(&[0..3, 9..40_000]).encode().len();
        for cut in (2..bytes.len()).filter(|cut| *cut != first) {
            assert_eq!(read_spans(&bytes[..cut]), Err("spans"), "cut at {cut}");
        }
        assert_eq!(read_spans(&[2]), Err("spans"), "another format");
        let twice = [&bytes[..], &bytes[1..]].concat();
        assert_eq!(read_spans(&twice), Err("spans"), "a section that is there twice");
        let scattered = SpanSet::from_ranges((0..=MAX_RANGES as u32).map(|n| 2 * n..2 * n + 1)).unwrap();
        let scattered = MarkedSpans::from([((LegNo(0), SectionNo(0)), scattered)]);
        assert!(spans_bytes(Some(&scattered)).is_err());
    }

    #[test]
    fn purposes_come_back_as_they_were_written() {
        let name = |text: &str| PurposeName::new(text).unwrap();
        for purposes in [BTreeSet::new(), BTreeSet::from([name("quality"), name("mifid2-transaction")])] {
            assert_eq!(read_purposes(&purposes_text(&purposes)), Ok(purposes));
        }
        assert_eq!(read_purposes("quality Not A Name"), Err("a purpose"));
    }
}
