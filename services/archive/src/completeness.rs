//! Whether every frame of a call is accounted for, and which stored frames are second copies. Pure.
//!
//! A frame is accounted for if it lies in a stored span or in a `Dropped`. A frame number that a lower
//! (session epoch, section, span) already holds is superseded: the first copy wins.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use kernel::{FrameNo, LegNo, SectionNo, SessionEpoch, SpanNo};

use crate::fact::{DropReason, Dropped, Span};
use crate::store::History;

/// Frame numbers as sorted ranges that neither overlap nor touch, both ends in them.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct FrameSet(Vec<(u64, u64)>);

/// What is known of a recording's frames.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Completeness {
    /// Per leg, frames that are missing without a reason.
    pub gaps: BTreeMap<LegNo, FrameSet>,
    /// Legs whose sender never said how many frames there are.
    pub unclosed: Vec<LegNo>,
    /// Stored frames that readers skip.
    pub superseded: Vec<Superseded>,
}

/// Frames of a span that an earlier one holds too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Superseded {
    /// Of which leg.
    pub leg: LegNo,
    /// In which section.
    pub section: SectionNo,
    /// In which span.
    pub span: SpanNo,
    /// First of them.
    pub first: FrameNo,
    /// Last of them.
    pub last: FrameNo,
}

impl Completeness {
    /// Whether the recording may be called complete.
    pub fn is_complete(&self) -> bool {
        self.unclosed.is_empty() && self.gaps.values().all(FrameSet::is_empty)
    }
}

/// Judges a recording by what is stored of it.
pub fn judge(history: &History) -> Completeness {
    let epochs = history.epochs();
    let mut judged = Completeness::default();
    for row in &history.legs {
        let leg = row.leg.leg;
        let spans: Vec<_> = history.spans.iter().filter(|span| span.leg == leg).collect();
        let (stored, superseded) = first_copies(&spans, &epochs);
        judged.superseded.extend(superseded);
        let mut known = stored;
        let dropped = history.dropped.iter().filter(|dropped| dropped.leg == leg);
        dropped.for_each(|dropped| known.insert(dropped.first.0..=dropped.last.0));
        // A leg that nobody closed still shows its holes up to the last frame heard of.
        let end = row.frames.or_else(|| known.last().map(|last| last.saturating_add(1)));
        let expected = end.and_then(|end| end.checked_sub(1)).map_or(FrameSet::default(), |last| {
            let mut all = FrameSet::default();
            all.insert(0..=last);
            all
        });
        judged.gaps.insert(leg, expected.difference(&known));
        if row.frames.is_none() {
            judged.unclosed.push(leg);
        }
    }
    judged
}

/// Dropped frames of a leg as sorted ranges that do not overlap each other or what is stored; of two that
/// claim a frame, the one whose positions begin first says why.
pub fn dropped_ranges(history: &History, leg: LegNo) -> Vec<(FrameNo, FrameNo, DropReason)> {
    let mut taken = FrameSet::default();
    for span in history.spans.iter().filter(|span| span.leg == leg) {
        taken.insert(span.first_frame.0..=span.last_frame.0);
    }
    let mut rows: Vec<&Dropped> = history.dropped.iter().filter(|dropped| dropped.leg == leg).collect();
    rows.sort_by_key(|row| (row.start, row.first, row.last, row.reason));
    let mut ranges: Vec<(FrameNo, FrameNo, DropReason)> = Vec::new();
    for row in rows {
        let mut own = FrameSet::default();
        own.insert(row.first.0..=row.last.0);
        let fresh = own.difference(&taken);
        ranges
            .extend(fresh.ranges().map(|range| (FrameNo(*range.start()), FrameNo(*range.end()), row.reason)));
        taken.insert(row.first.0..=row.last.0);
    }
    ranges.sort_unstable();
    join_alike(ranges)
}

/// Which frames are held first, and which spans hold some of them again.
fn first_copies(
    spans: &[&Span],
    epochs: &BTreeMap<(LegNo, SectionNo), SessionEpoch>,
) -> (FrameSet, Vec<Superseded>) {
    let epoch = |span: &Span| epochs.get(&(span.leg, span.section)).copied().unwrap_or_default();
    let mut ordered: Vec<_> = spans.to_vec();
    ordered.sort_by_key(|span| (epoch(span), span.section, span.span));
    let (mut held, mut again) = (FrameSet::default(), Vec::new());
    for span in ordered {
        let frames = span.first_frame.0..=span.last_frame.0;
        again.extend(held.common(frames.clone()).map(|range| Superseded {
            leg: span.leg,
            section: span.section,
            span: span.span,
            first: FrameNo(*range.start()),
            last: FrameNo(*range.end()),
        }));
        held.insert(frames);
    }
    again.sort_unstable();
    (held, again)
}

/// Ranges of one reason that touch become one, so that a long pause is one row.
fn join_alike(ranges: Vec<(FrameNo, FrameNo, DropReason)>) -> Vec<(FrameNo, FrameNo, DropReason)> {
    let mut joined: Vec<(FrameNo, FrameNo, DropReason)> = Vec::with_capacity(ranges.len());
    for (first, last, reason) in ranges {
        match joined.last_mut() {
            Some((_, end, same)) if *same == reason && end.next() == Some(first) => *end = last,
            Some(_) | None => joined.push((first, last, reason)),
        }
    }
    joined
}

impl FrameSet {
    /// Whether no frame is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Whether this frame is in it.
    pub fn contains(&self, frame: u64) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < frame);
        self.0.get(at).is_some_and(|(first, _)| *first <= frame)
    }
    /// Its last frame.
    pub fn last(&self) -> Option<u64> {
        self.0.last().map(|(_, last)| *last)
    }
    /// Its ranges, in order.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u64>> + '_ {
        self.0.iter().map(|(first, last)| *first..=*last)
    }
    /// Adds a range.
    pub fn insert(&mut self, range: RangeInclusive<u64>) {
        let (mut first, mut last) = range.into_inner();
        if first > last {
            return;
        }
        // Everything that overlaps or touches the new range becomes part of it.
        let from = self.0.partition_point(|(_, end)| end.saturating_add(1) < first);
        let to = self.0.partition_point(|(start, _)| *start <= last.saturating_add(1));
        if let Some(merged) = self.0.get(from..to).filter(|merged| !merged.is_empty()) {
            first = first.min(merged[0].0);
            last = last.max(merged[merged.len() - 1].1);
        }
        self.0.splice(from..to.max(from), [(first, last)]);
    }
    /// What of a range is in it.
    pub fn common(&self, range: RangeInclusive<u64>) -> impl Iterator<Item = RangeInclusive<u64>> + '_ {
        let (first, last) = range.into_inner();
        let from = self.0.partition_point(move |(_, end)| *end < first);
        let within = self.0[from..].iter().take_while(move |(start, _)| *start <= last);
        within.map(move |(start, end)| (*start).max(first)..=(*end).min(last))
    }
    /// What is in it and not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        let mut rest = Vec::new();
        for &(first, last) in &self.0 {
            let mut from = Some(first);
            for cut in other.common(first..=last) {
                if let Some(start) = from.filter(|start| start < cut.start()) {
                    rest.push((start, cut.start() - 1));
                }
                from = cut.end().checked_add(1);
            }
            rest.extend(from.filter(|start| *start <= last).map(|start| (start, last)));
        }
        Self(rest)
    }
}

#[cfg(test)]
mod tests;
