//! Holds: orders not to erase, by whom, over what. Pure.
//!
//! A hold is placed by one person and released by two others: the first asks, the second agrees. While it stands every
//! recording that its selector covers is kept, those that come later included.

use std::collections::BTreeSet;

use kernel::{HoldId, RecordingId, SubjectId, TenantId, Timestamp};
use policy::code::Code;

use crate::acts::is_same;
use crate::kept::{Kept, numbers};

/// Most recordings or subjects that one hold names.
pub const MAX_NAMED: usize = 1_000;

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
    /// It keeps what it covers.
    Placed = 1,
    /// One person has asked for its release; it still keeps.
    ReleaseAsked = 2,
    /// Two have: it keeps nothing.
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
    /// The token's subjects of those who asked for its release, in order; two at most.
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

impl Hold {
    /// Whether it keeps a recording now.
    pub fn keeps(&self, kept: &Kept) -> bool {
        self.state != HoldState::Released && self.tenant == kept.key.tenant && self.selector.covers(kept)
    }

    /// The hold after a person has asked for its release; released with the second.
    pub fn release(&self, by: &str, at: Timestamp) -> Result<Self, ReleaseError> {
        if self.state == HoldState::Released {
            return Err(ReleaseError::Released);
        }
        // A hold that came back from the journal may name its people by their hashes.
        if is_same(by, &self.placed_by) {
            return Err(ReleaseError::PlacedBySame);
        }
        if self.released_by.iter().any(|other| is_same(by, other)) {
            return Err(ReleaseError::AskedBySame);
        }
        let mut next = Self { version: self.version + 1, ..self.clone() };
        next.released_by.push(by.to_owned());
        (next.state, next.released_at) = match self.state {
            HoldState::Placed => (HoldState::ReleaseAsked, None),
            HoldState::ReleaseAsked | HoldState::Released => (HoldState::Released, Some(at)),
        };
        Ok(next)
    }
}

numbers! { HoldKind { Litigation = 1, Regulator = 2, Subject = 3, OpenRequest = 4, } }
numbers! { HoldState { Placed = 1, ReleaseAsked = 2, Released = 3, } }

#[cfg(test)]
mod tests {
    use policy::PolicyHash;

    use super::*;
    use crate::kept::RecordingKey;

    fn tenant() -> TenantId {
        TenantId::new("banca-alfa").unwrap()
    }

    fn kept(started_at: i64, parties: &[SubjectId]) -> Kept {
        Kept {
            key: RecordingKey { tenant: tenant(), id: RecordingId::new() },
            version: 1,
            started_at: Timestamp(started_at),
            ended_at: Timestamp(started_at + 1),
            policy: PolicyHash([7; 32]),
            parties: parties.to_vec(),
            terms: Vec::new(),
        }
    }

    fn hold(selector: Selector) -> Hold {
        Hold {
            tenant: tenant(),
            id: HoldId::new(),
            version: 1,
            kind: HoldKind::Litigation,
            selector,
            reason: Code::new("case-7").unwrap(),
            placed_by: "anna".to_owned(),
            placed_at: Timestamp(1),
            review_at: Timestamp(2),
            state: HoldState::Placed,
            released_by: Vec::new(),
            released_at: None,
        }
    }

    #[test]
    fn a_hold_covers_what_it_names_and_what_comes_later() {
        let (one, other) = (SubjectId::new(), SubjectId::new());
        let on = kept(10, &[one]);
        let recordings = Selector::Recordings([on.key.id].into());
        let query = |from, until, subjects: &[SubjectId]| Selector::Query {
            from: Timestamp(from),
            until: Timestamp(until),
            subjects: subjects.iter().copied().collect(),
        };
        for (selector, covers) in [
            (recordings.clone(), true),
            (Selector::Recordings([RecordingId::new()].into()), false),
            (Selector::Subjects([other, one].into()), true),
            (Selector::Subjects([other].into()), false),
            (query(10, 11, &[]), true),
            (query(11, 20, &[]), false),
            (query(5, 10, &[]), false),
            (query(10, 11, &[one]), true),
            (query(10, 11, &[other]), false),
        ] {
            assert_eq!(hold(selector.clone()).keeps(&on), covers, "{selector:?}");
        }
        let elsewhere = Hold { tenant: TenantId::new("telco-beta").unwrap(), ..hold(recordings) };
        assert!(!elsewhere.keeps(&on));
    }

    #[test]
    fn one_person_places_a_hold_and_two_others_release_it() {
        let on = kept(10, &[]);
        let placed = hold(Selector::Recordings([on.key.id].into()));
        assert_eq!(placed.release("anna", Timestamp(5)), Err(ReleaseError::PlacedBySame));
        let asked = placed.release("bruno", Timestamp(5)).unwrap();
        assert_eq!((asked.state, asked.version, asked.released_at), (HoldState::ReleaseAsked, 2, None));
        assert!(asked.keeps(&on));
        assert_eq!(asked.release("bruno", Timestamp(6)), Err(ReleaseError::AskedBySame));
        assert_eq!(asked.release("anna", Timestamp(6)), Err(ReleaseError::PlacedBySame));
        let released = asked.release("carla", Timestamp(6)).unwrap();
        assert_eq!((released.state, released.version), (HoldState::Released, 3));
        assert_eq!(released.released_at, Some(Timestamp(6)));
        assert_eq!(released.released_by, ["bruno", "carla"]);
        assert!(!released.keeps(&on));
        assert_eq!(released.release("dario", Timestamp(7)), Err(ReleaseError::Released));
    }
}
