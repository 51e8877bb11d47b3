//! What an item takes, as crypto is asked for it and as the probe looks for it. The same item is asked for in the same
//! words each time: crypto tells a repetition from another request by that.

use std::collections::BTreeSet;

use kernel::{ErasureId, Interval, LegNo, Position, PurposeName, RecordingId, SectionNo};
use seal::SpanSet;

use super::decide::{METADATA_LEG, Part};
use super::stuck::Stuck;
use crate::erasure::{Erasure, Item, Scope};
use crate::kept::{Kept, TermState};
use crate::mesh::{Mesh, Open, Removal, Sections};

/// Sections of the metadata leg that are asked for, whether there are so many or not: archive, which knows where spans lie
/// on a timeline, knows none of them. A call that has more was taken over by so many writers, and shows in the probe.
const METADATA_SECTIONS: u32 = 16;

/// What goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    /// There is nothing of it.
    Nothing,
    /// Every purpose, the reserved ones too, and what may still come.
    Everything,
    /// These purposes, with what may still come.
    Purposes(BTreeSet<PurposeName>),
    /// The audio or the metadata of these purposes.
    Part(BTreeSet<PurposeName>, Part, Sections),
    /// These spans, for every purpose.
    Spans(Sections),
}

impl Taken {
    /// What the probe must not find. Without its row a recording's length is not known.
    pub(super) async fn of(
        mesh: &dyn Mesh,
        erasure: &Erasure,
        item: &Item,
        kept: Option<&Kept>,
    ) -> Result<Self, Stuck> {
        let part = Part::of(erasure.cause, &item.scope);
        let (interval, legs) = match &item.scope {
            Scope::Everything if item.kept.is_empty() => return Ok(Self::Everything),
            Scope::Everything | Scope::Purposes(_) => return Ok(Self::purposes(&item.erased)),
            Scope::Stretch { interval, legs } => (*interval, legs),
        };
        match part {
            Part::Metadata => return Ok(Self::part(item, part, metadata())),
            Part::Audio if item.erased.is_empty() => return Ok(Self::Nothing),
            Part::Whole | Part::Audio | Part::Stretch => {}
        }
        let Some(interval) = within(interval, kept.ok_or(Stuck::NotStamped)?) else {
            return Ok(Self::Nothing);
        };
        let sections = mesh.spans(&item.tenant, item.recording, interval, legs).await?;
        let sections = audible(sections, legs);
        Ok(match part {
            Part::Audio => Self::part(item, part, sections),
            Part::Whole | Part::Metadata | Part::Stretch if sections.is_empty() => Self::Nothing,
            Part::Whole | Part::Metadata | Part::Stretch => Self::Spans(sections),
        })
    }

    /// What crypto is asked to remove. Where nothing of the recording runs any more it is everything: what is reserved
    /// for late spans would else keep objects for ever.
    pub(super) async fn to_remove(
        mesh: &dyn Mesh,
        erasure: &Erasure,
        item: &Item,
        kept: Option<&Kept>,
    ) -> Result<Self, Stuck> {
        let is_whole = Part::of(erasure.cause, &item.scope) == Part::Whole;
        let is_running = |kept: &Kept| kept.terms.iter().any(|term| term.state == TermState::Running);
        if is_whole && item.kept.is_empty() && kept.is_some_and(|kept| !is_running(kept)) {
            return Ok(Self::Everything);
        }
        Self::of(mesh, erasure, item, kept).await
    }

    /// As crypto is asked; none where there is nothing to ask for. A removal without purposes is one of all of them, so
    /// none is made by leaving things out.
    pub(super) fn removal(&self, recording: RecordingId, erasure: ErasureId) -> Option<Removal> {
        let (purposes, spans) = match self {
            Self::Nothing => return None,
            Self::Everything => (BTreeSet::new(), None),
            Self::Purposes(purposes) => (purposes.clone(), None),
            Self::Part(purposes, _, sections) => (purposes.clone(), Some(sections.clone())),
            Self::Spans(sections) => (BTreeSet::new(), Some(sections.clone())),
        };
        Some(Removal { recording, erasure, purposes, spans })
    }

    /// Whether something that opens is of it.
    pub(super) fn has(&self, open: &Open) -> bool {
        let opens = !open.spans.is_empty();
        match self {
            Self::Nothing => false,
            Self::Everything => opens,
            Self::Purposes(purposes) => opens && purposes.contains(&open.purpose),
            Self::Part(purposes, part, _) => {
                let is_metadata = open.leg == METADATA_LEG;
                opens && purposes.contains(&open.purpose) && is_metadata == (*part == Part::Metadata)
            }
            Self::Spans(sections) => sections.iter().any(|(leg, section, spans)| {
                let is_same = (*leg, *section) == (open.leg, open.section);
                is_same && !spans.intersection(&open.spans).is_empty()
            }),
        }
    }

    fn purposes(purposes: &BTreeSet<PurposeName>) -> Self {
        if purposes.is_empty() { Self::Nothing } else { Self::Purposes(purposes.clone()) }
    }

    fn part(item: &Item, part: Part, sections: Sections) -> Self {
        if item.erased.is_empty() || sections.is_empty() {
            return Self::Nothing;
        }
        Self::Part(item.erased.clone(), part, sections)
    }
}

/// As much of a stretch as lies on the recording's timeline.
pub(crate) fn within(interval: Interval, kept: &Kept) -> Option<Interval> {
    let length = u64::try_from(kept.ended_at.since(kept.started_at).as_micros()).unwrap_or(u64::MAX);
    interval.intersection(Interval::new(Position::ZERO, Position(length))?)
}

fn metadata() -> Sections {
    (0..METADATA_SECTIONS).map(|number| (METADATA_LEG, SectionNo(number), SpanSet::all())).collect()
}

/// A call's metadata lies nowhere on its timeline: a stretch reaches it only where its leg is named.
fn audible(sections: Sections, legs: &BTreeSet<LegNo>) -> Sections {
    let names_it = legs.contains(&METADATA_LEG);
    let meant = |(leg, _, spans): &(LegNo, SectionNo, SpanSet)| {
        !spans.is_empty() && (*leg != METADATA_LEG || names_it)
    };
    sections.into_iter().filter(|section| meant(section)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> BTreeSet<PurposeName> {
        texts.iter().map(|text| PurposeName::new(*text).unwrap()).collect()
    }

    fn open(leg: LegNo, purpose: &str, first: u32, last: u32) -> Open {
        let spans = SpanSet::from_range(first..last).unwrap();
        Open { leg, section: SectionNo(0), purpose: PurposeName::new(purpose).unwrap(), spans }
    }

    #[test]
    fn what_opens_is_told_from_what_was_left() {
        let (audio, metadata) = (LegNo(0), METADATA_LEG);
        let sections = vec![(audio, SectionNo(0), SpanSet::from_range(5..8).unwrap())];
        for (taken, open, has) in [
            (Taken::Everything, open(audio, "sealing", 0, 1), true),
            (Taken::Everything, open(audio, "sealing", 1, 1), false),
            (Taken::Purposes(names(&["quality"])), open(metadata, "quality", 0, 1), true),
            (Taken::Purposes(names(&["quality"])), open(audio, "training", 0, 9), false),
            (
                Taken::Part(names(&["quality"]), Part::Audio, sections.clone()),
                open(audio, "quality", 0, 1),
                true,
            ),
            (
                Taken::Part(names(&["quality"]), Part::Audio, sections.clone()),
                open(metadata, "quality", 0, 1),
                false,
            ),
            (
                Taken::Part(names(&["quality"]), Part::Metadata, Vec::new()),
                open(metadata, "quality", 0, 1),
                true,
            ),
            (Taken::Spans(sections.clone()), open(audio, "training", 7, 9), true),
            (Taken::Spans(sections.clone()), open(audio, "training", 8, 9), false),
            (Taken::Spans(sections), open(LegNo(1), "training", 5, 8), false),
            (Taken::Nothing, open(audio, "quality", 0, 9), false),
        ] {
            assert_eq!(taken.has(&open), has, "{taken:?} {open:?}");
        }
    }

    #[test]
    fn nothing_is_never_asked_for_as_everything() {
        let (recording, erasure) = (RecordingId::new(), ErasureId::new());
        assert_eq!(Taken::purposes(&BTreeSet::new()).removal(recording, erasure), None);
        assert_eq!(Taken::Nothing.removal(recording, erasure), None);
        let everything = Taken::Everything.removal(recording, erasure).unwrap();
        assert!(everything.purposes.is_empty() && everything.spans.is_none());
    }
}
