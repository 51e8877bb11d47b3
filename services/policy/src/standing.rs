//! Which purposes stand, live, while a call runs.
//!
//! [`Standing`] is fed with the call's events in the order in which they become known and answers with the
//! [`BasisChange`]s to log. It decides by positions, not by arrival: a withdrawal that becomes known late
//! still ends its purpose where it was said, and a grant that is known late never undoes it. Folding
//! what it has answered gives what it says, at every moment.
//!
//! A purpose stands where all its conditions hold: the call runs, and where its terms ask for it consent stands,
//! consent can be heard, the mark is open. Pause and resume are not conditions: they say what is stored,
//! not what is lawful.

mod condition;
mod track;

use std::collections::{BTreeMap, BTreeSet};

use kernel::{EventId, MarkLabel, Position, PurposeName};

use self::track::Track;
use crate::change::{BasisChange, Cause};
use crate::grant::{DenyReason, Grant, Outcome};
use crate::timeline::{BasisTimeline, fold};

/// What happened in a call, as far as bases go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallEventKind {
    /// The first frame may come.
    Started,
    /// Everybody whose consent counts has agreed.
    ConsentGiven {
        /// To what.
        purpose: PurposeName,
        /// The consent event.
        evidence: EventId,
    },
    /// Somebody declined.
    ConsentRefused {
        /// What.
        purpose: PurposeName,
    },
    /// Somebody took it back.
    ConsentWithdrawn {
        /// What.
        purpose: PurposeName,
    },
    /// Its period ran out.
    ConsentExpired {
        /// For what.
        purpose: PurposeName,
    },
    /// The controller gave it up.
    ConsentRevoked {
        /// For what.
        purpose: PurposeName,
    },
    /// It was never valid; reaches back over the whole recording.
    ConsentInvalidated {
        /// For what.
        purpose: PurposeName,
    },
    /// The consent service has been silent for too long.
    ConsentLost,
    /// The consent service is heard again, and what was missed has been applied before this.
    ConsentRegained,
    /// A marked stretch begins.
    MarkBegin {
        /// Its label.
        label: MarkLabel,
    },
    /// A marked stretch ends.
    MarkEnd {
        /// Its label.
        label: MarkLabel,
    },
    /// Nothing is stored from here; bases go on.
    Paused,
    /// Storing goes on.
    Resumed,
    /// The call is over, at or after the end of its last frame.
    Ended,
}

/// One event of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallEvent {
    /// Its identity: applied once.
    pub id: EventId,
    /// Where on the recording's timeline.
    pub position: Position,
    /// Set where the position was derived from wall time: how far off it may be, in microseconds.
    pub derived_error_us: Option<u64>,
    /// What happened.
    pub kind: CallEventKind,
}

/// The purposes of one running call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    tracks: Vec<Track>,
    /// Purposes that can never record in this call, and why.
    denied: BTreeMap<PurposeName, DenyReason>,
    seen: BTreeSet<EventId>,
    now: BTreeSet<PurposeName>,
}

impl Standing {
    /// Begins with what the decision granted. After a takeover, apply the stored events again: they give the
    /// same changes.
    pub fn new(grants: &[Grant]) -> Self {
        let denied = grants.iter().filter_map(|grant| match &grant.outcome {
            Outcome::Denied(reason) if !grant.may_record() => Some((grant.purpose.clone(), *reason)),
            Outcome::Denied(_) | Outcome::Granted | Outcome::AwaitingConsent | Outcome::AwaitingMark(_) => {
                None
            }
        });
        Self {
            tracks: grants.iter().filter_map(Track::new).collect(),
            denied: denied.collect(),
            seen: BTreeSet::new(),
            now: BTreeSet::new(),
        }
    }

    /// Takes in one event and answers what changed, in order of position. An event that was already taken in
    /// changes nothing.
    pub fn apply(&mut self, event: &CallEvent) -> Vec<BasisChange> {
        if !self.seen.insert(event.id) {
            return Vec::new();
        }
        let mut changes: Vec<_> = self.tracks.iter_mut().flat_map(|track| track.apply(event)).collect();
        changes.sort();
        self.now =
            self.tracks.iter().filter(|track| track.stands()).map(|track| track.purpose.clone()).collect();
        changes
    }

    /// The purposes that stand now, after all that is known.
    pub fn now(&self) -> &BTreeSet<PurposeName> {
        &self.now
    }

    /// The timeline so far: the fold of every change that was answered.
    pub fn timeline(&self) -> BasisTimeline {
        fold(self.tracks.iter().flat_map(|track| track.changes.iter()))
    }

    /// Why each purpose that has no stretch at all has none: the words of a "not recorded, because".
    pub fn why_not(&self) -> BTreeMap<PurposeName, DenyReason> {
        let silent = self.tracks.iter().filter_map(|t| t.why_not().map(|why| (t.purpose.clone(), why)));
        self.denied.clone().into_iter().chain(silent).collect()
    }
}

impl CallEventKind {
    /// How it is logged where it begins or ends a basis; none for what never does.
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Self::Started => Some(Cause::CallStarted),
            Self::ConsentGiven { .. } => Some(Cause::ConsentGiven),
            Self::ConsentRefused { .. } => Some(Cause::ConsentRefused),
            Self::ConsentWithdrawn { .. } => Some(Cause::ConsentWithdrawn),
            Self::ConsentExpired { .. } => Some(Cause::ConsentExpired),
            Self::ConsentRevoked { .. } => Some(Cause::ConsentRevoked),
            Self::ConsentInvalidated { .. } => Some(Cause::ConsentInvalidated),
            Self::ConsentLost => Some(Cause::ConsentLost),
            Self::ConsentRegained => Some(Cause::ConsentRegained),
            Self::MarkBegin { .. } => Some(Cause::MarkBegan),
            Self::MarkEnd { .. } => Some(Cause::MarkEnded),
            Self::Ended => Some(Cause::CallEnded),
            Self::Paused | Self::Resumed => None,
        }
    }
}

#[cfg(test)]
mod tests;
