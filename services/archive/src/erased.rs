//! What of a recording nobody can open any more, and what nobody is to open. Pure.
//!
//! An addendum names whole spans, and what it names stays so. A span that comes after it and touches what it erased is
//! most likely the same words again, from another writer: no entry is planned for it either.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{ErasureId, Interval, IntervalSet, LegNo, SectionNo, Timestamp};
use seal::SpanSet;
use seal::manifest::{ErasedSpans, ReasonCode};

use crate::document::{object_of, spans_of};
use crate::error::Error;
use crate::fact::{META_LEG, Span, StoredObject};
use crate::mesh::OpenSpans;
use crate::store::{ErasedRow, History};

/// Spans by leg and section.
pub type Sections = BTreeMap<(LegNo, SectionNo), SpanSet>;

/// What was erased of one leg by one addendum.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stretches {
    /// Of which leg.
    pub leg: LegNo,
    /// From when to when.
    pub intervals: IntervalSet,
    /// Why, as a code.
    pub reason: ReasonCode,
    /// When the addendum was signed.
    pub at: Timestamp,
    /// By which act.
    pub erasure: ErasureId,
    /// The addendum's version.
    pub document: u32,
}

/// What nobody is to open of a recording.
#[derive(Clone, Debug)]
pub struct Erased<'h> {
    history: &'h History,
    named: Sections,
    stretches: Vec<Stretches>,
}

impl<'h> Erased<'h> {
    /// By the addenda of a recording.
    pub fn of(history: &'h History) -> Self {
        Self { history, named: named(history), stretches: stretches(history) }
    }

    /// Whether nobody is to open this span.
    pub fn has(&self, span: &Span) -> bool {
        contains(&self.named, span) || self.came_after(span)
    }

    /// Where nobody is to open anything of a leg that is stored.
    pub fn intervals(&self, leg: LegNo) -> IntervalSet {
        let own = self.history.spans.iter().filter(|span| span.leg == leg && self.has(span));
        own.filter_map(Span::interval).collect()
    }

    /// Whether a span came after an addendum, and touches what that erased.
    fn came_after(&self, span: &Span) -> bool {
        let Some(interval) = span.interval() else { return false };
        let touched =
            |stretches: &&Stretches| stretches.leg == span.leg && stretches.intervals.overlaps(interval);
        let mut touched = self.stretches.iter().filter(touched).peekable();
        if touched.peek().is_none() {
            return false;
        }
        let named_by = object_of(self.history, span).and_then(|object| object.document);
        touched.any(|stretches| named_by.is_none_or(|by| by > stretches.document))
    }
}

/// Every span that an addendum names.
pub fn named(history: &History) -> Sections {
    all(&history.erased)
}

/// What these addenda name.
pub fn all<'r>(rows: impl IntoIterator<Item = &'r ErasedRow>) -> Sections {
    let mut sections = Sections::new();
    for row in rows {
        add(&mut sections, (row.leg, row.section), &row.spans);
    }
    sections
}

/// What was erased, by addendum and leg of audio.
pub fn stretches(history: &History) -> Vec<Stretches> {
    let mut found: BTreeMap<(u32, LegNo), Stretches> = BTreeMap::new();
    for row in history.erased.iter().filter(|row| row.leg != META_LEG) {
        let spans = history.spans.iter().filter(|span| (span.leg, span.section) == (row.leg, row.section));
        let spans = spans.filter(|span| row.spans.contains(span.span));
        let intervals: IntervalSet = spans.filter_map(Span::interval).collect();
        let own = found.entry((row.document, row.leg)).or_insert_with(|| Stretches {
            leg: row.leg,
            intervals: IntervalSet::EMPTY,
            reason: row.reason.clone(),
            at: row.at,
            erasure: row.erasure,
            document: row.document,
        });
        own.intervals = own.intervals.union(&intervals);
    }
    found.into_values().collect()
}

/// What a probe found open, whatever the purpose.
pub fn open<'o>(found: impl IntoIterator<Item = &'o OpenSpans>) -> Sections {
    let mut sections = Sections::new();
    for row in found {
        add(&mut sections, (row.leg, row.section), &row.spans);
    }
    sections
}

/// What became unreadable: stored, open for nobody, and named by no addendum. Only what documents after `through` name:
/// what nothing names yet may get its entries still, and of the rest that erasure has spoken.
pub fn fresh(history: &History, through: u32, open: &Sections) -> Result<Vec<ErasedSpans>, Error> {
    let before = named(history);
    let mut lost: BTreeMap<(LegNo, SectionNo), Vec<&Span>> = BTreeMap::new();
    for object in history.objects.iter().filter(|object| object.document.is_some_and(|by| by > through)) {
        for span in spans_of(history, object) {
            if !contains(open, span) && !contains(&before, span) {
                lost.entry((span.leg, span.section)).or_default().push(span);
            }
        }
    }
    let rows = lost.into_iter().map(|((leg, section), spans)| {
        let spans = SpanSet::from_spans(spans.into_iter().map(|span| span.span))?;
        Ok(ErasedSpans { leg, section, spans })
    });
    rows.collect()
}

/// The objects that a document names and of which every span is among these.
pub fn whole_objects<'h>(history: &'h History, spans: &Sections) -> Vec<&'h StoredObject> {
    let named = history.objects.iter().filter(|object| object.document.is_some());
    let is_whole = |object: &&StoredObject| {
        let own = spans_of(history, object);
        !own.is_empty() && own.into_iter().all(|span| contains(spans, span))
    };
    named.filter(is_whole).collect()
}

/// Whether every stored span of a recording is among these.
pub fn is_everything(history: &History, spans: &Sections) -> bool {
    history.spans.iter().all(|span| contains(spans, span))
}

/// Whether any span of an object is among these.
pub fn touches(history: &History, object: &StoredObject, spans: &Sections) -> bool {
    spans_of(history, object).into_iter().any(|span| contains(spans, span))
}

/// The whole spans of these legs that a stretch touches.
pub fn spans_touched(
    history: &History,
    stretch: Interval,
    legs: &BTreeSet<LegNo>,
) -> Result<Sections, Error> {
    let mut touched: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for span in history.audio().filter(|span| legs.contains(&span.leg)) {
        if span.interval().is_some_and(|interval| interval.overlaps(stretch)) {
            touched.entry((span.leg, span.section)).or_default().push(span.span);
        }
    }
    touched.into_iter().map(|(section, spans)| Ok((section, SpanSet::from_spans(spans)?))).collect()
}

/// Adds spans of a section.
pub fn add(sections: &mut Sections, section: (LegNo, SectionNo), spans: &SpanSet) {
    let own = sections.entry(section).or_insert(SpanSet::EMPTY);
    *own = own.union(spans);
}

fn contains(sections: &Sections, span: &Span) -> bool {
    sections.get(&(span.leg, span.section)).is_some_and(|set| set.contains(span.span))
}

#[cfg(test)]
mod tests;
