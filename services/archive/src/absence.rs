//! Why a stretch of a leg does not play. Pure.

use kernel::{Interval, IntervalSet, LegNo, Position};

use crate::completeness::Completeness;
use crate::erased::Erased;
use crate::fact::DropReason;
use crate::store::History;
use crate::timeline::Timeline;

/// Why nothing plays.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    /// The recording was paused.
    Pause,
    /// It was stored, and nobody can open it any more.
    Erased,
    /// No purpose had its basis.
    NoBasis,
    /// It is stored for other purposes only.
    OtherPurpose,
    /// The sender sent nothing.
    Sender,
    /// The recording was stopped.
    Stopped,
    /// Frames are missing without a reason.
    Missing,
    /// It is stored, and its bytes do not open.
    Unreadable,
}

impl Reason {
    /// The word that leaves the process.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Erased => "erased",
            Self::NoBasis => "no-basis",
            Self::OtherPurpose => "other-purpose",
            Self::Sender => "sender",
            Self::Stopped => "stopped",
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A stretch of a leg that does not play.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Gap {
    /// From when to when.
    pub interval: Interval,
    /// Of which leg.
    pub leg: LegNo,
    /// Why.
    pub reason: Reason,
}

/// Explains where a leg does not play, within `asked`, given where it does. In order of position.
pub fn explain(
    history: &History,
    timeline: &Timeline,
    judged: &Completeness,
    leg: LegNo,
    asked: &IntervalSet,
    plays: &IntervalSet,
) -> Vec<Gap> {
    let dropped = |reason| -> IntervalSet {
        let own = history.dropped.iter().filter(|row| row.leg == leg && row.reason == reason);
        own.filter_map(|row| Interval::new(row.start, row.end)).collect()
    };
    let stored: IntervalSet =
        history.spans.iter().filter(|span| span.leg == leg).filter_map(|span| span.interval()).collect();
    // What is stored within no purpose's basis was straddled by a late restriction: nobody opens it.
    let anybodys = stored.intersection(&timeline.bases.any());
    let layers = [
        (Reason::Pause, timeline.paused().union(&dropped(DropReason::Pause))),
        (Reason::Erased, Erased::of(history).intervals(leg)),
        (Reason::Stopped, dropped(DropReason::Stopped)),
        (Reason::NoBasis, dropped(DropReason::NoBasis)),
        (Reason::OtherPurpose, anybodys),
        (Reason::NoBasis, stored),
        (Reason::Missing, missing(history, judged, leg)),
        (Reason::Sender, IntervalSet::all()),
    ];
    let mut rest = asked.difference(plays);
    let mut gaps = Vec::new();
    for (reason, layer) in layers {
        let here = rest.intersection(&layer);
        gaps.extend(here.iter().map(|interval| Gap { interval, leg, reason }));
        rest = rest.difference(&layer);
    }
    gaps.sort_unstable();
    gaps
}

/// Where a leg's missing frames would lie: between the known frames beside them.
pub fn missing(history: &History, judged: &Completeness, leg: LegNo) -> IntervalSet {
    let Some(gaps) = judged.gaps.get(&leg) else { return IntervalSet::EMPTY };
    let mut known: Vec<_> = history
        .spans
        .iter()
        .filter(|span| span.leg == leg)
        .map(|span| (span.first_frame.0, span.last_frame.0, span.start, span.end))
        .collect();
    let dropped = history.dropped.iter().filter(|row| row.leg == leg);
    known.extend(dropped.map(|row| (row.first.0, row.last.0, row.start, row.end)));
    let between = gaps.ranges().filter_map(|range| {
        let before = known.iter().filter(|(_, last, ..)| last < range.start()).map(|(.., end)| *end);
        let after = known.iter().filter(|(first, ..)| first > range.end()).map(|(_, _, start, _)| *start);
        let start = before.max().unwrap_or(Position::ZERO);
        Interval::new(start, after.min().unwrap_or_else(|| history.duration()))
    });
    let mut found: IntervalSet = between.collect();
    if judged.unclosed.contains(&leg) {
        // Nobody said where the leg ends: what follows the last frame heard of is missing, not silent.
        let heard = known.iter().map(|(.., end)| *end).max().unwrap_or_default();
        Interval::new(heard, history.duration()).into_iter().for_each(|interval| found.insert(interval));
    }
    found
}

#[cfg(test)]
mod tests;
