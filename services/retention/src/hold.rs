//! Holds: orders not to erase, by whom, over what; and restrictions, which keep nothing and leave it to be
//! stored only. Pure.
//!
//! A hold is placed by one person and released by two others: the first asks, the second agrees. While it stands every
//! recording that its selector covers is kept, those that come later included. What a service of the mesh has
//! placed for a person's request (its own hold, a restriction, what the person needs for claims) it releases itself, as
//! the request goes on; people did decide that.

use std::collections::BTreeSet;

use kernel::{HoldId, PurposeName, RecordingId, SubjectId, TenantId, Timestamp};
use policy::code::Code;

use crate::acts::is_same;
use crate::kept::{Kept, numbers};

/// Most recordings or subjects that one hold names.
pub const MAX_NAMED: usize = 1_000;
/// Most purposes that one restriction names.
pub const MAX_PURPOSES: usize = 64;
/// How the token's subject of every service of the mesh begins.
const SERVICE: &str = "service/";

/// Why something is held.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum HoldKind {
    /// A claim in court.
    Litigation = 1,
    /// An authority's order.
    Regulator = 2,
    /// The subject needs it (GDPR Art. 18(1)(c)).
    Subject = 3,
    /// A request that is open.
    OpenRequest = 4,
    /// Storage only, without keeping anything beyond its period (GDPR Art. 18(1)(a), (b), (d)).
    Restriction = 5,
}

/// What a hold covers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Selector {
    /// These recordings; at most [`MAX_NAMED`].
    Recordings(BTreeSet<RecordingId>),
    /// Whatever one of these persons is on; at most [`MAX_NAMED`].
    Subjects(BTreeSet<SubjectId>),
    /// What began within a half-open range of time; of these persons where any are named.
    Query {
        /// From then on.
        from: Timestamp,
        /// Until before then.
        until: Timestamp,
        /// At least one of them is on it; nobody in particular where empty.
        subjects: BTreeSet<SubjectId>,
    },
}

/// How far a hold has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum HoldState {
    /// It keeps or restricts what it covers.
    Placed = 1,
    /// One person has asked for its release; it still stands.
    ReleaseAsked = 2,
    /// Two have, or the service that placed it: it keeps and restricts nothing.
    Released = 3,
}

/// A hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hold {
    /// Whose recordings.
    pub tenant: TenantId,
    /// Its id.
    pub id: HoldId,
    /// 1 when placed, one more with each change.
    pub version: u64,
    /// Why.
    pub kind: HoldKind,
    /// Over what.
    pub selector: Selector,
    /// Of a restriction: only these purposes, every one where empty; at most [`MAX_PURPOSES`]. Empty of any
    /// other kind.
    pub purposes: BTreeSet<PurposeName>,
    /// A code; never free text.
    pub reason: Code,
    /// The token's subject of who placed it.
    pub placed_by: String,
    /// When, in domain time.
    pub placed_at: Timestamp,
    /// When somebody is to look whether it is still needed.
    pub review_at: Timestamp,
    /// How far it has come.
    pub state: HoldState,
    /// The token's subjects of those who asked for its release or released it, in order; two at most.
    pub released_by: Vec<String>,
    /// When it was released.
    pub released_at: Option<Timestamp>,
}

/// Why a release is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReleaseError {
    /// Who placed it may not release it.
    #[error("the hold was placed by the same person")]
    PlacedBySame,
    /// The second must be another than the first.
    #[error("the same person has asked for its release already")]
    AskedBySame,
    /// There is nothing to release.
    #[error("the hold is released already")]
    Released,
}

impl Selector {
    /// Whether it covers a recording.
    pub fn covers(&self, kept: &Kept) -> bool {
        let is_on =
            |subjects: &BTreeSet<SubjectId>| kept.parties.iter().any(|party| subjects.contains(party));
        match self {
            Self::Recordings(ids) => ids.contains(&kept.key.id),
            Self::Subjects(subjects) => is_on(subjects),
            Self::Query { from, until, subjects } => {
                (*from..*until).contains(&kept.started_at) && (subjects.is_empty() || is_on(subjects))
            }
        }
    }
}

impl HoldKind {
    /// Whether what it covers is kept beyond its period.
    pub fn keeps(self) -> bool {
        match self {
            Self::Litigation | Self::Regulator | Self::Subject | Self::OpenRequest => true,
            Self::Restriction => false,
        }
    }

    /// Whether a service of the mesh that has placed it may release it alone.
    fn is_of_a_request(self) -> bool {
        match self {
            Self::OpenRequest | Self::Restriction | Self::Subject => true,
            Self::Litigation | Self::Regulator => false,
        }
    }
}

impl Hold {
    /// Whether it stands and covers a recording, be it to keep or to restrict it.
    pub fn covers(&self, kept: &Kept) -> bool {
        self.state != HoldState::Released && self.tenant == kept.key.tenant && self.selector.covers(kept)
    }

    /// Whether it keeps a recording now.
    pub fn keeps(&self, kept: &Kept) -> bool {
        self.kind.keeps() && self.covers(kept)
    }

    /// Whether it leaves a purpose of a recording to be stored only, now.
    pub fn restricts(&self, kept: &Kept, purpose: &PurposeName) -> bool {
        let reaches = match self.kind {
            HoldKind::Subject => true,
            HoldKind::Restriction => self.purposes.is_empty() || self.purposes.contains(purpose),
            HoldKind::Litigation | HoldKind::Regulator | HoldKind::OpenRequest => false,
        };
        reaches && self.covers(kept)
    }

    /// The hold after somebody has asked for its release: released with the second person, or at once by the
    /// service that placed it for a request.
    pub fn release(&self, by: &str, at: Timestamp) -> Result<Self, ReleaseError> {
        if self.state == HoldState::Released {
            return Err(ReleaseError::Released);
        }
        let takes_back = self.is_taken_back_by(by);
        // A hold that came back from the journal may name its people by their hashes.
        if is_same(by, &self.placed_by) && !takes_back {
            return Err(ReleaseError::PlacedBySame);
        }
        if self.released_by.iter().any(|other| is_same(by, other)) {
            return Err(ReleaseError::AskedBySame);
        }
        let mut next = Self { version: self.version + 1, ..self.clone() };
        next.released_by.push(by.to_owned());
        (next.state, next.released_at) = match self.state {
            HoldState::Placed if !takes_back => (HoldState::ReleaseAsked, None),
            HoldState::Placed | HoldState::ReleaseAsked | HoldState::Released => {
                (HoldState::Released, Some(at))
            }
        };
        Ok(next)
    }

    /// Who asks is looked at for the prefix, and not who placed it: of that a restored hold may have but a
    /// hash.
    fn is_taken_back_by(&self, by: &str) -> bool {
        self.kind.is_of_a_request() && by.starts_with(SERVICE) && is_same(by, &self.placed_by)
    }
}

numbers! { HoldKind { Litigation = 1, Regulator = 2, Subject = 3, OpenRequest = 4, Restriction = 5, } }
numbers! { HoldState { Placed = 1, ReleaseAsked = 2, Released = 3, } }

#[cfg(test)]
mod tests;
