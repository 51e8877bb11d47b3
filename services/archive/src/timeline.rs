//! The fold: what a recording's events come to. Pure, and archive's alone.
//!
//! From changes of basis, pauses and marks in any order to stretches of the timeline, and from these and the
//! span table to the spans that each purpose's entries open.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Basis, Interval, IntervalSet, LegNo, MarkLabel, Position, PurposeName, SectionNo};
use policy::{BasisTimeline, Cause, ChangeKind};
use seal::{Hash, SectionKind, SpanSet};

use crate::erased::Erased;
use crate::fact::{Edge, Gone, PauseEdge, Span};
use crate::store::History;

/// What a recording's events come to.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Timeline {
    /// From when to when each purpose had its basis.
    pub bases: BasisTimeline,
    /// Pauses, in order; they do not overlap.
    pub pauses: Vec<Paused>,
    /// Marked stretches, in order of label, then position.
    pub marks: Vec<(MarkLabel, Interval)>,
}

/// A pause.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paused {
    /// From when to when.
    pub interval: Interval,
    /// Why, as a policy code.
    pub reason: String,
}

/// The spans of one section that one purpose may open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedEntry {
    /// Of which leg.
    pub leg: LegNo,
    /// Of which section.
    pub section: SectionNo,
    /// Which purpose.
    pub purpose: PurposeName,
    /// Its basis: consent where any of its stretches rests on it.
    pub basis: Basis,
    /// Which spans; never empty.
    pub spans: SpanSet,
}

/// Folds a recording's events.
pub fn fold(history: &History) -> Timeline {
    Timeline { bases: policy::fold(&history.changes), pauses: pauses(&history.pauses), marks: marks(history) }
}

impl Timeline {
    /// Where it was paused.
    pub fn paused(&self) -> IntervalSet {
        self.pauses.iter().map(|pause| pause.interval).collect()
    }

    /// Where a purpose may open what is stored.
    pub fn usable(&self, purpose: &PurposeName) -> IntervalSet {
        self.bases.usable(purpose).difference(&self.paused())
    }

    /// Where a mark with this label lies.
    pub fn marked(&self, label: &MarkLabel) -> IntervalSet {
        self.marks.iter().filter(|(own, _)| own == label).map(|(_, interval)| *interval).collect()
    }

    /// A purpose's basis: consent where any of its stretches rests on it.
    pub fn basis(&self, purpose: &PurposeName) -> Option<Basis> {
        let intervals = &self.bases.purposes.get(purpose)?.intervals;
        let consent = intervals.iter().map(|i| i.basis).find(|basis| *basis == Basis::Consent);
        consent.or_else(|| intervals.first().map(|i| i.basis))
    }
}

/// Every purpose's entries: the stored spans that lie wholly where it may open them, and the call's
/// identifying metadata where it may open anything. What was erased is in none.
pub fn entries(history: &History, timeline: &Timeline) -> Vec<PlannedEntry> {
    let mut planned = Vec::new();
    let erased = Erased::of(history);
    for purpose in timeline.bases.purposes.keys() {
        let usable = timeline.usable(purpose);
        let Some(basis) = timeline.basis(purpose).filter(|_| !usable.is_empty()) else { continue };
        for row in &history.sections {
            let (leg, section) = (row.began.leg, row.began.section);
            let own = history.spans.iter().filter(|span| span.leg == leg && span.section == section);
            let opened = own.filter(|span| match row.began.kind {
                SectionKind::Audio => span.interval().is_some_and(|interval| usable.covers(interval)),
                SectionKind::Meta => true,
                SectionKind::Subject => false,
            });
            let opened = opened.filter(|span| !erased.has(span));
            let spans = SpanSet::from_spans(opened.map(|span| span.span))
                .expect("stored spans were parsed, and a parsed span's number is below the tree's bound");
            if !spans.is_empty() {
                planned.push(PlannedEntry { leg, section, purpose: purpose.clone(), basis, spans });
            }
        }
    }
    planned
}

/// Purposes that once had a basis and may open nothing now, each with why.
pub fn gone(history: &History, timeline: &Timeline) -> Vec<Gone> {
    let began: BTreeSet<_> =
        history.changes.iter().filter(|c| c.kind == ChangeKind::Began).map(|c| &c.purpose).collect();
    let lost = began.into_iter().filter(|purpose| timeline.usable(purpose).is_empty());
    lost.map(|purpose| {
        let own = history.changes.iter().filter(|change| change.purpose == *purpose);
        let last = own.filter(|change| change.kind.is_restrictive()).max().map(|change| change.cause);
        Gone { purpose: purpose.clone(), reason: last.map_or("no-basis", reason).to_owned() }
    })
    .collect()
}

/// SHA-256 over the folded timeline: label, then per purpose in order its name, length first, the number of
/// its usable stretches, and each one's start and end, all numbers in 8 bytes, big-endian.
pub fn timeline_hash(timeline: &Timeline) -> Hash {
    let mut bytes = b"verbale/timeline/v1".to_vec();
    for purpose in timeline.bases.purposes.keys() {
        number(&mut bytes, purpose.as_str().len() as u64);
        bytes.extend_from_slice(purpose.as_str().as_bytes());
        let usable = timeline.usable(purpose);
        number(&mut bytes, usable.iter().len() as u64);
        for interval in usable.iter() {
            number(&mut bytes, interval.start().0);
            number(&mut bytes, interval.end().0);
        }
    }
    Hash::of(&bytes)
}

/// SHA-256 over the span table: label, then per span in order of leg, section and span these three numbers,
/// first and last frame, start, end, in 8 bytes each, big-endian, and the ciphertext root.
pub fn span_table_hash<'s>(spans: impl IntoIterator<Item = &'s Span>) -> Hash {
    let mut bytes = b"verbale/span-table/v1".to_vec();
    let rows: BTreeMap<_, _> =
        spans.into_iter().map(|span| ((span.leg, span.section, span.span), span)).collect();
    for span in rows.into_values() {
        let numbers = [span.leg.0.into(), span.section.0.into(), span.span.0.into()];
        numbers.into_iter().for_each(|value| number(&mut bytes, value));
        let facts = [span.first_frame.0, span.last_frame.0, span.start.0, span.end.0];
        facts.into_iter().for_each(|value| number(&mut bytes, value));
        bytes.extend_from_slice(&span.ct_root.0);
    }
    Hash::of(&bytes)
}

/// A cause as the code that a refused reader is told.
fn reason(cause: Cause) -> &'static str {
    match cause {
        Cause::ConsentWithdrawn => "withdrawn",
        Cause::ConsentRefused => "refused",
        Cause::ConsentExpired => "expired",
        Cause::ConsentRevoked => "revoked",
        Cause::ConsentInvalidated => "invalidated",
        Cause::ConsentLost => "consent-unreachable",
        Cause::MarkEnded
        | Cause::CallEnded
        | Cause::CallStarted
        | Cause::ConsentGiven
        | Cause::MarkBegan
        | Cause::ConsentRegained => "no-basis",
    }
}

fn number(bytes: &mut Vec<u8>, value: u64) {
    bytes.extend_from_slice(&value.to_be_bytes());
}

/// Each end belongs to the pause that was open when it was logged, wherever either lies: a later pause may begin
/// before an earlier one ends, and nothing of either is kept. One that was placed by wall time begins earlier and
/// ends later by its error. The store gives edges in the order in which they were logged.
fn pauses(edges: &[PauseEdge]) -> Vec<Paused> {
    let (mut found, mut open): (Vec<Paused>, Option<(Position, &String)>) = (Vec::new(), None);
    let mut close = |(start, reason): (Position, &String), end| {
        found.extend(Interval::new(start, end).map(|interval| Paused { interval, reason: reason.clone() }));
    };
    for edge in edges {
        let at = effective(edge);
        match &edge.begins {
            // Told again while paused, it may reach further back.
            Some(reason) => open = open.filter(|(start, _)| *start <= at).or(Some((at, reason))),
            None => open.take().into_iter().for_each(|begun| close(begun, at)),
        }
    }
    open.into_iter().for_each(|begun| close(begun, Position::MAX));
    found.sort_by_key(|pause| pause.interval.start());
    found.into_iter().fold(Vec::new(), |mut apart, next| {
        match apart.last_mut() {
            Some(last) if next.interval.start() < last.interval.end() => {
                let end = last.interval.end().max(next.interval.end());
                last.interval = Interval::new(last.interval.start(), end).unwrap_or(last.interval);
            }
            Some(_) | None => apart.push(next),
        }
        apart
    })
}

fn effective(edge: &PauseEdge) -> Position {
    let error = edge.derived_error.unwrap_or(0);
    if edge.begins.is_some() { edge.position.minus(error) } else { edge.position.plus(error) }
}

/// Where the last stretch of each label ends; not of labels whose mark nobody has ended.
pub fn mark_ends(history: &History) -> BTreeMap<MarkLabel, Position> {
    let (closed, open) = pair_marks(history);
    let mut ends: BTreeMap<MarkLabel, Position> = BTreeMap::new();
    for (label, interval) in closed.into_iter().filter(|(label, _)| !open.contains_key(label)) {
        let last = ends.entry(label).or_default();
        *last = interval.end().max(*last);
    }
    ends
}

fn marks(history: &History) -> Vec<(MarkLabel, Interval)> {
    let (mut found, open) = pair_marks(history);
    for (label, start) in open {
        found.extend(Interval::new(start, history.duration()).map(|interval| (label.clone(), interval)));
    }
    found.sort_unstable_by(|(label, one), (other, two)| (label, one.start()).cmp(&(other, two.start())));
    found
}

/// Marked stretches that were ended, and where those that were not began. As with pauses each end belongs to the
/// stretch that was open when it was logged; stretches of one label may overlap.
fn pair_marks(history: &History) -> (Vec<(MarkLabel, Interval)>, BTreeMap<&MarkLabel, Position>) {
    let mut open: BTreeMap<&MarkLabel, Position> = BTreeMap::new();
    let mut found = Vec::new();
    for mark in &history.marks {
        match mark.edge {
            Edge::Begins => {
                open.entry(&mark.label).or_insert(mark.position);
            }
            Edge::Ends => {
                let interval = open.remove(&mark.label).and_then(|start| Interval::new(start, mark.position));
                found.extend(interval.map(|interval| (mark.label.clone(), interval)));
            }
        }
    }
    (found, open)
}

#[cfg(test)]
mod tests;
