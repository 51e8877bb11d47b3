//! Erasures: what is to become unreadable, why, and how far each recording of it has come. Pure.
//!
//! An [`Erasure`] is one act: a sweep, an order, a basis that was lost. It has an [`Item`] for each recording, and an item
//! is what the saga takes from step to step. Up to [`Step::Registered`] a hold stops it; from [`Step::Decided`] on it goes
//! through, and a hold that comes then says so. Both are one conditional write of the item's row, so that a hold and an
//! erasure cannot cross.

use std::collections::BTreeSet;

use kernel::{ErasureId, HoldId, Interval, LegNo, PurposeName, RecordingId, SubjectId, TenantId, Timestamp};
use policy::code::Code;

use crate::kept::numbers;

/// Most items of one erasure; a sweep of more goes on with the next.
pub const MAX_ITEMS: u32 = 10_000;
/// Most purposes that are kept back from one item.
pub const MAX_KEPT_BACK: usize = 256;

/// Why something is erased.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// The period of a purpose is over.
    PeriodOver = 1,
    /// What a purpose rested on is gone (GDPR Art. 17(1)(b)).
    BasisLost = 2,
    /// Somebody ordered it.
    Order = 3,
}

/// What an erasure was ordered of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// Every recording that a person is on.
    Subject(SubjectId),
    /// One recording.
    Recording(RecordingId),
    /// One recording for a person's own request: what a hold had deferred goes on only while it is theirs.
    RecordingOf {
        /// Which.
        recording: RecordingId,
        /// Whose request it is. The recording may be of somebody else who is the same person.
        subject: SubjectId,
    },
    /// What a sweep found due.
    Due,
}

/// What of a recording is to go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Every purpose.
    Everything,
    /// These purposes; at least one.
    Purposes(BTreeSet<PurposeName>),
    /// A stretch of it, for every purpose: the whole spans that it touches.
    Stretch {
        /// From when to when on the recording's timeline.
        interval: Interval,
        /// Of these legs; of every leg where empty.
        legs: BTreeSet<LegNo>,
    },
}

/// How far an erasure has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum State {
    /// Its recordings are being found; more items may come.
    Gathering = 1,
    /// It has all its items, and some are not settled.
    Running = 2,
    /// Everything was erased.
    Done = 3,
    /// Some of it is kept by a duty or a hold.
    Partial = 4,
    /// All of it is kept.
    Refused = 5,
}

/// One act of erasing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Erasure {
    /// Whose recordings.
    pub tenant: TenantId,
    /// Its id.
    pub id: ErasureId,
    /// 1 when ordered, one more with each change.
    pub version: u64,
    /// Why.
    pub cause: Cause,
    /// Of what.
    pub target: Target,
    /// What of each recording.
    pub scope: Scope,
    /// A code; never free text.
    pub reason: Code,
    /// The token's subject of who ordered it; of a sweep by itself `retention`.
    pub ordered_by: String,
    /// When, in domain time.
    pub ordered_at: Timestamp,
    /// How far it has come.
    pub state: State,
    /// How many items it has.
    pub items: u32,
    /// When its last item was settled.
    pub settled_at: Option<Timestamp>,
    /// The signed receipt, encoded; empty before it is settled. Where a hold is released later and what it had deferred
    /// goes on, the next one takes its place.
    pub receipt: Vec<u8>,
}

/// How far one recording of an erasure has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Step {
    /// It is announced: a hold that is placed now finds it, and stops it.
    Registered = 1,
    /// No hold kept it; it goes through. Its purposes are `Ending` in the recording's row.
    Decided = 2,
    /// Its entries are removed, and leases on them may still run.
    KeysRemoved = 3,
    /// Nobody can open it; the addendum is signed, and objects that no lock keeps are gone.
    ObjectsErased = 4,
    /// The probe found nothing, and the control something; its purposes are `Ended`.
    Done = 5,
    /// A hold keeps all of it; it goes on when the hold is released.
    Deferred = 6,
    /// A duty keeps all of it; what is left goes when that ends, by the sweep.
    Refused = 7,
}

/// What keeps a purpose, or a stretch, back.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum KeptBy {
    /// A hold.
    Hold(HoldId),
    /// A rule that is not a hold, as a code: `regime:mifid2-16-7`, `basis:contract`.
    Rule(Code),
}

/// Something that is kept though it was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptBack {
    /// Which purpose; none where a stretch is.
    pub purpose: Option<PurposeName>,
    /// By what.
    pub by: KeptBy,
    /// Until when, where that is known.
    pub until: Option<Timestamp>,
}

/// What the stores answered, with the dates from which each is done.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// When no entry was left, in domain time.
    pub entries_at: Option<Timestamp>,
    /// The last epoch whose end makes it final; none where nothing was removed.
    pub epoch: Option<u64>,
    /// Before when that epoch does not end.
    pub not_before: Option<Timestamp>,
    /// When that epoch was found destroyed.
    pub final_at: Option<Timestamp>,
    /// When the addendum was signed; none where no span became unreadable.
    pub addendum_at: Option<Timestamp>,
    /// When the last object of which nothing opens was gone, in all versions.
    pub objects_at: Option<Timestamp>,
    /// The last lock that keeps such an object.
    pub locked_until: Option<Timestamp>,
    /// When the event log was found to hold nothing of it any more.
    pub log_at: Option<Timestamp>,
    /// When the probe found nothing and the control something.
    pub probed_at: Option<Timestamp>,
    /// How many spans nobody can open since.
    pub spans: u64,
}

/// What went wrong when a step was last tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// What, as a code.
    pub code: Code,
    /// How often in a row.
    pub tries: u32,
}

/// One recording of an erasure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// Whose.
    pub tenant: TenantId,
    /// Of which erasure.
    pub erasure: ErasureId,
    /// Which recording.
    pub recording: RecordingId,
    /// 1 when registered, one more with each change.
    pub version: u64,
    /// What of it is to go; as the erasure says, or of a sweep the purposes that were due.
    pub scope: Scope,
    /// How far it has come.
    pub step: Step,
    /// Which purposes were decided to go; empty before, and where a stretch goes.
    pub erased: BTreeSet<PurposeName>,
    /// What is kept though it was asked for.
    pub kept: Vec<KeptBack>,
    /// What the stores answered.
    pub report: Report,
    /// What went wrong when last tried.
    pub failure: Option<Failure>,
}

impl Step {
    /// Whether the saga has something to do about it now.
    pub fn is_running(self) -> bool {
        match self {
            Self::Registered | Self::Decided | Self::KeysRemoved | Self::ObjectsErased => true,
            Self::Done | Self::Deferred | Self::Refused => false,
        }
    }

    /// Whether it goes through, or has.
    pub fn is_decided(self) -> bool {
        match self {
            Self::Decided | Self::KeysRemoved | Self::ObjectsErased | Self::Done => true,
            Self::Registered | Self::Deferred | Self::Refused => false,
        }
    }
}

impl Item {
    /// Whether some store has still to finish with it: a lock, the event log, the epoch.
    pub fn is_owed(&self) -> bool {
        let report = &self.report;
        self.step == Step::Done
            && (report.log_at.is_none()
                || (report.epoch.is_some() && report.final_at.is_none())
                || (report.locked_until.is_some() && report.objects_at.is_none()))
    }
}

numbers! { Cause { PeriodOver = 1, BasisLost = 2, Order = 3, } }
numbers! { State { Gathering = 1, Running = 2, Done = 3, Partial = 4, Refused = 5, } }
numbers! {
    Step {
        Registered = 1, Decided = 2, KeysRemoved = 3, ObjectsErased = 4, Done = 5, Deferred = 6, Refused = 7,
    }
}
