use kernel::SpanNo;

use super::*;
use crate::samples::{leg_key, section, tenant};
use crate::tree::{SPANS, SpanSet};

fn place() -> EntryPlace {
    EntryPlace { tenant: tenant(), page: PageId::from_bytes([1; 16]), generation: 3, slot: 9 }
}

fn entry(spans: &SpanSet) -> Entry {
    let purpose = PurposeName::new("quality").unwrap();
    Entry { section: section(), purpose, cover: leg_key().cover(spans) }
}

#[test]
fn an_entry_opens_its_spans_at_its_own_place_only() {
    let key = PageKey::generate().unwrap();
    let spans = SpanSet::from_ranges([10..40, 90..91]).unwrap();
    let sealed = seal_entry(&key, &place(), &entry(&spans)).unwrap();
    let opened = open_entry(&key, &place(), &sealed).unwrap();
    assert_eq!((opened.section, opened.purpose.as_str()), (section(), "quality"));
    assert_eq!(opened.cover.spans(), spans);
    let key_of = |span| opened.cover.key(SpanNo(span)).map(|key| *key.expose());
    assert_eq!(key_of(90), Some(*leg_key().span_key(SpanNo(90)).unwrap().expose()));
    assert_eq!(key_of(89), None);
    for other in [
        EntryPlace { slot: 8, ..place() },
        EntryPlace { generation: 4, ..place() },
        EntryPlace { page: PageId::from_bytes([2; 16]), ..place() },
    ] {
        assert_eq!(open_entry(&key, &other, &sealed).unwrap_err(), Error::Unwrap("entry"));
    }
    let other = PageKey::generate().unwrap();
    assert_eq!(open_entry(&other, &place(), &sealed).unwrap_err(), Error::Unwrap("entry"));
}

#[test]
fn the_largest_entry_fits_a_page_of_its_own() {
    // Every second span of the section's first stretch: one node each.
    let every_second = (0..MAX_NODES as u32).map(|n| SpanNo(n * 2));
    let largest = entry(&SpanSet::from_spans(every_second).unwrap());
    let sealed = seal_entry(&PageKey::generate().unwrap(), &place(), &largest).unwrap();
    assert!(sealed.len() <= MAX_BYTES, "{}", sealed.len());
    let too_large = entry(&SpanSet::from_spans((0..=MAX_NODES as u32).map(|n| SpanNo(n * 2))).unwrap());
    assert!(seal_entry(&PageKey::generate().unwrap(), &place(), &too_large).is_err());
}

#[test]
fn a_whole_section_is_a_small_entry() {
    let sealed = seal_entry(&PageKey::generate().unwrap(), &place(), &entry(&SpanSet::all())).unwrap();
    assert!(sealed.len() < 160, "{}", sealed.len());
    let punctured = SpanSet::all().difference(&SpanSet::from_range(500..503).unwrap());
    assert_eq!(punctured.len(), u64::from(SPANS) - 3);
    let sealed = seal_entry(&PageKey::generate().unwrap(), &place(), &entry(&punctured)).unwrap();
    assert!(sealed.len() < 1_000, "{}", sealed.len());
}

#[test]
fn a_slot_beyond_the_page_is_refused() {
    let key = PageKey::generate().unwrap();
    let beyond = EntryPlace { slot: MAX_ENTRIES, ..place() };
    assert!(seal_entry(&key, &beyond, &entry(&SpanSet::EMPTY)).is_err());
}
