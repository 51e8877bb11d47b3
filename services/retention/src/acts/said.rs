//! What an act says, read back.

use std::collections::BTreeSet;

use journal::codes::{FieldError, Part, Unreadable};
use journal::{About, Act, Kind};
use kernel::{ErasureId, HoldId, PurposeName, RecordingId, TenantId, Timestamp};
use policy::code::Code;

use super::{erasures, holds, orders};
use crate::erasure::{Cause, KeptBack, Scope, Step, Target};
use crate::hold::Hold;
use crate::store::Order;

/// What an act says. Accounts are as the journal has them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// A hold was placed.
    HoldPlaced {
        /// As it was placed; of whom or what and of the purposes that it names, those of this part.
        hold: Hold,
        /// Which part.
        part: Part,
    },
    /// A hold was released.
    HoldReleased(Release),
    /// An order was placed.
    OrderPlaced {
        /// The order; of the parties that it names, those of this part.
        order: Order,
        /// Which part.
        part: Part,
    },
    /// An erasure of a recording was about to begin.
    Intended {
        /// Of what; of the purposes or legs that it names, those of this part.
        intent: Intent,
        /// Which part.
        part: Part,
    },
    /// It was done.
    Done {
        /// Of which, and what was kept.
        settled: Settled,
        /// What went.
        erased: Erased,
    },
    /// It was not: something keeps all of it.
    Refused {
        /// Of which, and what keeps it.
        settled: Settled,
        /// [`Step::Deferred`] or [`Step::Refused`].
        step: Step,
    },
    /// It is another role's.
    NotOurs,
}

/// A hold's release.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Release {
    /// Whose recordings.
    pub tenant: TenantId,
    /// Which hold.
    pub hold: HoldId,
    /// Its version after.
    pub version: u64,
    /// Who released it, in order.
    pub by: Vec<String>,
    /// When.
    pub at: Timestamp,
}

/// An erasure of one recording that is about to begin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Intent {
    /// Whose.
    pub tenant: TenantId,
    /// The erasure.
    pub erasure: ErasureId,
    /// The recording.
    pub recording: RecordingId,
    /// The version of the erasure's item of this recording.
    pub version: u64,
    /// Why.
    pub cause: Cause,
    /// Of what it was ordered.
    pub target: Target,
    /// What of each recording: everything, or where the journal does not say so the same as of this one.
    pub of_each: Scope,
    /// What of this one.
    pub scope: Scope,
    /// A code.
    pub reason: Code,
    /// Who ordered it.
    pub ordered_by: String,
    /// When.
    pub ordered_at: Timestamp,
}

/// How the erasure of one recording came out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settled {
    /// Whose.
    pub tenant: TenantId,
    /// The erasure.
    pub erasure: ErasureId,
    /// The recording.
    pub recording: RecordingId,
    /// The version of the erasure's item of this recording.
    pub version: u64,
    /// Why it was ordered.
    pub cause: Cause,
    /// A code.
    pub reason: Code,
    /// When it was ordered.
    pub ordered_at: Timestamp,
    /// When it came out so.
    pub at: Timestamp,
    /// What keeps something of it; without the purposes where not all fit, which is the same as a stretch, and not
    /// everything that does where there is too much.
    pub kept: Vec<KeptBack>,
}

/// Which purposes went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Erased {
    /// These; none where a stretch did.
    Purposes(BTreeSet<PurposeName>),
    /// All that the item's scope names.
    Scope,
    /// More than a record takes: it is to be decided anew which.
    Unlisted,
}

/// Reads what an act says.
pub fn read(act: &Act) -> Result<Said, Unreadable> {
    said(act).map_err(|source| Unreadable { act: act.id, source })
}

fn said(act: &Act) -> Result<Said, FieldError> {
    let read: fn(&Act, [u8; 16], u64) -> Result<Said, FieldError> = match act.kind {
        Kind::HoldPlaced => holds::placed,
        Kind::HoldReleased => holds::released,
        Kind::OrderPlaced => |act: &Act, _, _| orders::placed(act),
        Kind::ErasureIntended => erasures::intended,
        Kind::ErasureDone => erasures::done,
        Kind::ErasureRefused => erasures::refused,
        Kind::ConsentWithdrawn
        | Kind::ConsentGiven
        | Kind::Restricted
        | Kind::RestrictionLifted
        | Kind::EpochDestroyed
        | Kind::LedgerRoot => return Ok(Said::NotOurs),
    };
    match act.about {
        About::Aggregate { id, version } => read(act, id.into_bytes(), version),
        About::Epoch(_) | About::Root { .. } => {
            Err(FieldError { field: "what it is about", problem: "is nothing that its kind is done to" })
        }
    }
}
