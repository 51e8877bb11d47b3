//! The basis timeline: from when to when each purpose had its basis in a recording.
//!
//! A pure fold over [`BasisChange`]s that neither the order of their arrival nor their repetition changes.
//! For each purpose the set is
//!
//! ```text
//! union over each Began b of [b + error, next restriction at or after b)
//!   minus, for each Ended e,    [e - error, e + error)
//!   minus, for each Annulled a, [0, a + error)
//! ```
//!
//! so at one position the restriction prevails, a derived restriction is widened and a derived grant
//! narrowed by its error, and one more restriction can never make the set larger.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Basis, EventId, Interval, IntervalSet, Position, PurposeName};
use serde::{Deserialize, Serialize};

use crate::change::{BasisChange, ChangeKind};

/// A stretch in which a purpose had its basis.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct BasisInterval {
    /// From when to when.
    pub interval: Interval,
    /// Which basis.
    pub basis: Basis,
    /// The consent event that it rests on, where it rests on one.
    pub evidence: Option<EventId>,
}

/// What one purpose had in a recording.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct PurposeTimeline {
    /// Its stretches, in order; they do not overlap.
    pub intervals: Vec<BasisInterval>,
    /// Where the consent behind it ended for good: what lies before may be opened for it no more, though it
    /// was lawful to record at the time.
    pub revoked_before: Option<Position>,
}

impl PurposeTimeline {
    /// Where the basis stood.
    pub fn set(&self) -> IntervalSet {
        self.intervals.iter().map(|i| i.interval).collect()
    }

    /// Where it stood and still lets the audio be opened: what a purpose's entry may cover.
    pub fn usable(&self) -> IntervalSet {
        self.set().difference(&before(self.revoked_before.unwrap_or(Position::ZERO)))
    }
}

/// Every purpose's stretches in one recording.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct BasisTimeline {
    /// By purpose; a purpose of which any change was seen is here, also when nothing of it is left.
    pub purposes: BTreeMap<PurposeName, PurposeTimeline>,
}

impl BasisTimeline {
    /// Where this purpose's basis stood.
    pub fn set(&self, purpose: &PurposeName) -> IntervalSet {
        self.purposes.get(purpose).map(PurposeTimeline::set).unwrap_or_default()
    }

    /// Where this purpose's basis stood and still lets the audio be opened.
    pub fn usable(&self, purpose: &PurposeName) -> IntervalSet {
        self.purposes.get(purpose).map(PurposeTimeline::usable).unwrap_or_default()
    }

    /// Where any purpose's basis stood: what may be stored at all.
    pub fn any(&self) -> IntervalSet {
        self.purposes.values().flat_map(|p| p.intervals.iter().map(|i| i.interval)).collect()
    }

    /// The purposes whose basis stood over all of `interval`: for a frame, those that it is in.
    pub fn purposes_over(&self, interval: Interval) -> BTreeSet<PurposeName> {
        let over = self.purposes.iter().filter(|(_, p)| frame_in(&p.set(), interval));
        over.map(|(name, _)| name.clone()).collect()
    }
}

/// Folds changes, in any order and with any repetition, into the timeline.
pub fn fold<'a>(changes: impl IntoIterator<Item = &'a BasisChange>) -> BasisTimeline {
    let mut by_purpose: BTreeMap<PurposeName, BTreeSet<&BasisChange>> = BTreeMap::new();
    for change in changes {
        by_purpose.entry(change.purpose.clone()).or_default().insert(change);
    }
    let purposes = by_purpose.into_iter().map(|(name, changes)| (name, fold_purpose(&changes)));
    BasisTimeline { purposes: purposes.collect() }
}

/// Whether a frame is in: only if all of it is. So a grant starts at the next frame, and a restriction drops
/// the frame that it cuts.
pub fn frame_in(set: &IntervalSet, frame: Interval) -> bool {
    set.covers(frame)
}

/// The stored spans that a purpose may use. Spans are already sealed when this is asked, so they count
/// whole: a restriction takes the one that it cuts, a grant starts at the first whole one after it.
pub fn spans_in<K>(set: &IntervalSet, spans: impl IntoIterator<Item = (K, Interval)>) -> Vec<K> {
    spans.into_iter().filter(|(_, span)| set.covers(*span)).map(|(key, _)| key).collect()
}

fn fold_purpose(changes: &BTreeSet<&BasisChange>) -> PurposeTimeline {
    let error = |change: &BasisChange| change.derived_error_us.unwrap_or(0);
    let set = standing_set(changes, error);
    let begans: Vec<_> = changes.iter().copied().filter(|c| c.kind == ChangeKind::Began).collect();
    let intervals = set.iter().filter_map(|interval| {
        // The earliest grant that reaches the stretch's start is the one that it rests on.
        let from = begans.iter().copied().filter(|began| began.effective_at() <= interval.start());
        let latest_start = from.clone().map(BasisChange::effective_at).max()?;
        let began = from.filter(|b| b.effective_at() == latest_start).min()?;
        Some(BasisInterval { interval, basis: began.basis, evidence: began.evidence })
    });
    let revoked = changes.iter().filter(|c| c.cause.revokes()).map(|c| c.position.plus(error(c))).max();
    PurposeTimeline { intervals: intervals.collect(), revoked_before: revoked }
}

/// The set that the crate's head comment defines, for one purpose's changes.
pub(crate) fn standing_set(
    changes: &BTreeSet<&BasisChange>,
    error: impl Fn(&BasisChange) -> u64,
) -> IntervalSet {
    let restrictions: Vec<_> = changes.iter().copied().filter(|c| c.kind.is_restrictive()).collect();
    let granted: IntervalSet = changes
        .iter()
        .filter(|change| change.kind == ChangeKind::Began)
        .filter_map(|began| {
            // `changes` is sorted, so the first one found is the next one.
            let next = restrictions.iter().map(|r| r.position).find(|at| *at >= began.position);
            Interval::new(began.position.plus(error(began)), next.unwrap_or(Position::MAX))
        })
        .collect();
    let taken: IntervalSet = restrictions
        .iter()
        .flat_map(|r| {
            match r.kind {
                ChangeKind::Annulled => before(r.position.plus(error(r))),
                ChangeKind::Ended | ChangeKind::Began => {
                    let (from, to) = (r.position.minus(error(r)), r.position.plus(error(r)));
                    Interval::new(from, to).into_iter().collect()
                }
            }
            .iter()
            .collect::<Vec<_>>()
        })
        .collect();
    granted.difference(&taken)
}

fn before(position: Position) -> IntervalSet {
    Interval::new(Position::ZERO, position).into_iter().collect()
}

#[cfg(test)]
mod tests;
