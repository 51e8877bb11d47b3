//! Marks: what was erased of a recording. Pure.
//!
//! A mark is written before anything else of an erasure and is never taken back. Whoever opens, writes or takes in
//! something of the recording reads the marks and goes by what they leave over ([`left`]): so an erasure holds for
//! readers at once, and reaches what comes of the recording later. Marks only add up. Their order does not matter, and
//! none gives back what another took.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{ErasureId, LegNo, PurposeName, RecordingId, SectionNo, TenantId, Timestamp};
use seal::{SectionAddress, SpanSet};

use crate::store::EntryKey;

/// Spans by the section of a recording.
pub type MarkedSpans = BTreeMap<(LegNo, SectionNo), SpanSet>;

/// What one erasure takes of a recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// Whose.
    pub tenant: TenantId,
    /// Of which recording.
    pub recording: RecordingId,
    /// By which act; a recording has at most one mark of each.
    pub erasure: ErasureId,
    /// For these purposes; for every one, the reserved ones too, where empty.
    pub purposes: BTreeSet<PurposeName>,
    /// These spans; every one where none are given, also of sections that come later.
    pub spans: Option<MarkedSpans>,
    /// When, in domain time.
    pub at: Timestamp,
}

impl Mark {
    /// The spans that it takes from an entry.
    pub fn takes(&self, key: &EntryKey) -> SpanSet {
        let SectionAddress { recording, leg, section } = key.section;
        let names_purpose = self.purposes.is_empty() || self.purposes.contains(&key.purpose);
        if recording != self.recording || !names_purpose {
            return SpanSet::EMPTY;
        }
        match &self.spans {
            None => SpanSet::all(),
            Some(spans) => spans.get(&(leg, section)).cloned().unwrap_or_default(),
        }
    }

    /// Whether it takes whatever another one takes.
    pub fn includes(&self, other: &Self) -> bool {
        let every_purpose = self.purposes.is_empty();
        let purposes =
            every_purpose || (!other.purposes.is_empty() && other.purposes.is_subset(&self.purposes));
        let spans = match (&self.spans, &other.spans) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(others)) => others.iter().all(|(section, spans)| {
                own.get(section).map_or_else(|| spans.clone(), |own| spans.difference(own)).is_empty()
            }),
        };
        (&self.tenant, self.recording) == (&other.tenant, other.recording) && purposes && spans
    }
}

/// What the marks leave over of an entry's spans.
pub fn left(marks: &[Mark], key: &EntryKey, spans: &SpanSet) -> SpanSet {
    marks.iter().fold(spans.clone(), |left, mark| left.difference(&mark.takes(key)))
}

#[cfg(test)]
mod tests;
