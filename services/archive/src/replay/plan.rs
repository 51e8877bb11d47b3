//! What a replay asks for and what it will play. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use kernel::{Interval, IntervalSet, LegNo, MarkLabel, Position, PurposeName, SectionNo};
use seal::SpanSet;

use crate::absence::{Gap, Reason, explain};
use crate::completeness::{Completeness, FrameSet, judge};
use crate::document::object_of;
use crate::error::Error;
use crate::fact::{Span, StoredObject};
use crate::store::{History, State};
use crate::timeline::{Timeline, entries, fold, gone};

/// What a caller wants to hear.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Request {
    /// Stretches of the timeline; none is all of it.
    pub ranges: Vec<(Position, Position)>,
    /// A mark instead.
    pub mark: Option<MarkLabel>,
    /// Which legs; none is all of them.
    pub legs: Vec<LegNo>,
}

/// A recording as a purpose may hear it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is known of it.
    pub history: History,
    /// What that comes to.
    pub timeline: Timeline,
    judged: Completeness,
    /// Stretches asked for, in order; they do not overlap.
    pub ranges: IntervalSet,
    /// Legs asked for, in order.
    pub legs: Vec<LegNo>,
    /// Spans that the purpose's entries open, within what was asked for.
    pub spans: Vec<(LegNo, SectionNo, SpanSet)>,
}

/// The next thing to send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item {
    /// A stretch that does not play.
    Gap(Gap),
    /// A span that does.
    Span(Box<PlannedSpan>),
}

/// A span to be played.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedSpan {
    /// Its facts.
    pub span: Span,
    /// The object that it is in.
    pub object: StoredObject,
    /// Frames of it that another span holds first.
    pub skip: FrameSet,
}

/// Plans a replay for a purpose, or says why there is nothing to hear.
pub fn plan(history: History, purpose: &PurposeName, request: &Request) -> Result<Plan, Error> {
    let recording = history.recording.key.id;
    let refuse = |reason| Err(Error::NotReplayable { recording, reason });
    match history.recording.state {
        State::Open => return refuse("open"),
        State::Sealing => return refuse("sealing"),
        State::NotRecorded => return refuse("not-recorded"),
        State::Erased => return refuse("erased"),
        State::Sealed | State::Addended => {}
    }
    let (timeline, judged) = (fold(&history), judge(&history));
    let ranges = ranges(&history, &timeline, request)?;
    let legs = legs(&history, &request.legs)?;
    let own: Vec<_> = entries(&history, &timeline)
        .into_iter()
        .filter(|entry| entry.purpose == *purpose && entry.leg != crate::fact::META_LEG)
        .collect();
    let lost = history.gone.iter().find(|gone| gone.purpose == *purpose).cloned();
    if let Some(lost) = lost {
        return Err(Error::NoBasis { recording, reason: lost.reason });
    }
    if own.is_empty() {
        let lost = gone(&history, &timeline).into_iter().find(|gone| gone.purpose == *purpose);
        return Err(Error::NoBasis {
            recording,
            reason: lost.map_or("no-basis".to_owned(), |gone| gone.reason),
        });
    }
    let wanted = |entry: &crate::timeline::PlannedEntry| {
        let here = history.spans.iter().filter(|span| {
            (span.leg, span.section) == (entry.leg, entry.section)
                && entry.spans.contains(span.span)
                && span.interval().is_some_and(|interval| ranges.overlaps(interval))
        });
        SpanSet::from_spans(here.map(|span| span.span))
    };
    let mut spans = Vec::new();
    for entry in own.iter().filter(|entry| legs.contains(&entry.leg)) {
        let set = wanted(entry)?;
        if !set.is_empty() {
            spans.push((entry.leg, entry.section, set));
        }
    }
    Ok(Plan { history, timeline, judged, ranges, legs, spans })
}

impl Plan {
    /// What will be sent, in order of position, given what the gate opened.
    pub fn items(&self, opened: &BTreeMap<(LegNo, SectionNo), SpanSet>) -> VecDeque<Item> {
        let mut items: Vec<(Position, LegNo, Item)> = Vec::new();
        for leg in &self.legs {
            let plays = self.playing(*leg, opened);
            let heard: IntervalSet = plays.iter().filter_map(|span| span.interval()).collect();
            let gaps = explain(&self.history, &self.timeline, &self.judged, *leg, &self.ranges, &heard);
            items.extend(gaps.into_iter().map(|gap| (gap.interval.start(), *leg, Item::Gap(gap))));
            for span in plays {
                items.extend(
                    self.planned(span).map(|planned| (span.start, *leg, Item::Span(Box::new(planned)))),
                );
            }
        }
        items.sort_by_key(|(at, leg, _)| (*at, *leg));
        items.into_iter().map(|(_, _, item)| item).collect()
    }

    /// A span that was to be played and cannot be, as the gap that it leaves.
    pub fn unreadable(&self, span: &Span) -> Option<Gap> {
        let interval = self.ranges.iter().find_map(|range| range.intersection(span.interval()?))?;
        Some(Gap { interval, leg: span.leg, reason: Reason::Unreadable })
    }

    fn playing(&self, leg: LegNo, opened: &BTreeMap<(LegNo, SectionNo), SpanSet>) -> Vec<&Span> {
        let asked = |span: &Span| {
            self.spans
                .iter()
                .any(|(l, s, set)| (*l, *s) == (span.leg, span.section) && set.contains(span.span))
        };
        let open =
            |span: &Span| opened.get(&(span.leg, span.section)).is_some_and(|set| set.contains(span.span));
        let own = self.history.spans.iter().filter(|span| span.leg == leg);
        own.filter(|span| asked(span) && open(span)).collect()
    }

    fn planned(&self, span: &Span) -> Option<PlannedSpan> {
        let object = object_of(&self.history, span)?;
        let mut skip = FrameSet::default();
        let again = self.judged.superseded.iter();
        again
            .filter(|row| (row.leg, row.section, row.span) == (span.leg, span.section, span.span))
            .for_each(|row| skip.insert(row.first.0..=row.last.0));
        Some(PlannedSpan { span: span.clone(), object: object.clone(), skip })
    }
}

fn ranges(history: &History, timeline: &Timeline, request: &Request) -> Result<IntervalSet, Error> {
    let all: IntervalSet = Interval::new(Position::ZERO, history.duration()).into_iter().collect();
    if let Some(label) = &request.mark {
        if !request.ranges.is_empty() {
            return Err(Error::Invalid { what: "mark", problem: "cannot be given with ranges" });
        }
        let marked = timeline.marked(label);
        if marked.is_empty() {
            return Err(Error::Invalid { what: "mark", problem: "is not in this recording" });
        }
        return Ok(marked.intersection(&all));
    }
    if request.ranges.is_empty() {
        return Ok(all);
    }
    let mut asked = Vec::new();
    for (start, end) in &request.ranges {
        let interval = Interval::new(*start, *end);
        asked.push(interval.ok_or(Error::Invalid { what: "a range", problem: "must end after its start" })?);
    }
    Ok(IntervalSet::from(asked).intersection(&all))
}

/// The legs that were asked for: every one of audio where none was.
pub fn legs(history: &History, asked: &[LegNo]) -> Result<Vec<LegNo>, Error> {
    let known: BTreeSet<_> = history.legs.iter().map(|row| row.leg.leg).collect();
    let asked: BTreeSet<_> = asked.iter().copied().collect();
    if !asked.is_subset(&known) {
        return Err(Error::Invalid { what: "a leg", problem: "is not in this recording" });
    }
    Ok(if asked.is_empty() { known } else { asked }.into_iter().collect())
}
