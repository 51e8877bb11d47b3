//! One change of one purpose's basis in a recording: what ingest logs and archive folds.

use std::cmp::Ordering;

use kernel::{Basis, EventId, Position, PurposeName};
use serde::{Deserialize, Serialize};

use crate::words::words;

words! {
    /// What a change does to its purpose.
    ChangeKind {
        /// The basis stands from here.
        Began = 1 "began",
        /// The basis no longer stands from here.
        Ended = 2 "ended",
        /// The basis does not stand from here, nor ever stood before.
        Annulled = 3 "annulled",
    }
}

impl ChangeKind {
    /// Whether it takes something away.
    pub fn is_restrictive(self) -> bool {
        match self {
            Self::Began => false,
            Self::Ended | Self::Annulled => true,
        }
    }
}

words! {
    /// Why a basis began or ended.
    Cause {
        /// The call started, and with it what the policy lets run from the start.
        CallStarted = 1 "call-started",
        /// The person agreed.
        ConsentGiven = 2 "consent-given",
        /// A marked stretch began.
        MarkBegan = 3 "mark-began",
        /// The consent service is heard again.
        ConsentRegained = 4 "consent-regained",
        /// The person declined.
        ConsentRefused = 5 "consent-refused",
        /// The person took consent back.
        ConsentWithdrawn = 6 "consent-withdrawn",
        /// The consent's period ran out.
        ConsentExpired = 7 "consent-expired",
        /// The controller gave the consent up.
        ConsentRevoked = 8 "consent-revoked",
        /// The consent turned out never to have been valid.
        ConsentInvalidated = 9 "consent-invalidated",
        /// The consent service fell silent: consent purposes fail closed.
        ConsentLost = 10 "consent-lost",
        /// A marked stretch ended.
        MarkEnded = 11 "mark-ended",
        /// The call ended.
        CallEnded = 12 "call-ended",
    }
}

impl Cause {
    /// Whether what was kept on this consent must go too (GDPR Art. 17(1)(b)): an end of the stretch
    /// leaves what lies before it lawful to use, an end of the consent does not.
    pub fn revokes(self) -> bool {
        match self {
            Self::ConsentRefused
            | Self::ConsentWithdrawn
            | Self::ConsentExpired
            | Self::ConsentRevoked
            | Self::ConsentInvalidated => true,
            Self::CallStarted
            | Self::ConsentGiven
            | Self::MarkBegan
            | Self::ConsentRegained
            | Self::ConsentLost
            | Self::MarkEnded
            | Self::CallEnded => false,
        }
    }
}

/// One purpose's basis begins or ends at a position. Its identity is everything in it: the same change
/// seen twice is one change.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct BasisChange {
    /// The call event that brought it about.
    pub event: EventId,
    /// Where, on the recording's timeline, before any allowance for error.
    pub position: Position,
    /// Whose basis.
    pub purpose: PurposeName,
    /// Which basis.
    pub basis: Basis,
    /// Began, ended, annulled.
    pub kind: ChangeKind,
    /// Why.
    pub cause: Cause,
    /// The consent event that it rests on.
    pub evidence: Option<EventId>,
    /// Set where the position was derived from wall time: how far off it may be, in microseconds.
    pub derived_error_us: Option<u64>,
}

impl BasisChange {
    /// Where it takes effect: a derived grant that much later, a derived restriction that much earlier.
    pub fn effective_at(&self) -> Position {
        let error = self.derived_error_us.unwrap_or(0);
        match self.kind {
            ChangeKind::Began => self.position.plus(error),
            ChangeKind::Ended | ChangeKind::Annulled => self.position.minus(error),
        }
    }
}

impl Ord for BasisChange {
    /// By position, at one position restrictive first, then by event id; the rest only makes it total.
    fn cmp(&self, other: &Self) -> Ordering {
        fn place(c: &BasisChange) -> (Position, bool, EventId, &PurposeName) {
            (c.position, !c.kind.is_restrictive(), c.event, &c.purpose)
        }
        fn rest(c: &BasisChange) -> impl Ord {
            (c.kind, c.cause, c.basis, c.evidence, c.derived_error_us)
        }
        place(self).cmp(&place(other)).then_with(|| rest(self).cmp(&rest(other)))
    }
}

impl PartialOrd for BasisChange {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
