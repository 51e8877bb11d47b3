//! Orders of an authority, which lengthen what a regime has set (Directive 2014/65/EU Art. 16(7): five years, and
//! up to seven where the authority asks).

use std::collections::BTreeSet;

use kernel::{ErrorCode, RegimeName, ServiceError, SubjectId, Timestamp};

use super::{Facts, Rule, Stamp};
use crate::code::Code;
use crate::jurisdiction::Jurisdiction;
use crate::regime::{self, UnknownRegime};

/// An authority's order to keep recordings longer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExtensionOrder {
    /// What the authority calls it.
    pub reference: Code,
    /// The duty that it lengthens.
    pub regime: RegimeName,
    /// Until when.
    pub until: Timestamp,
    /// What it reaches.
    pub scope: OrderScope,
}

/// Which recordings an order reaches: those that are stored, and those that are still to come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderScope {
    from: Timestamp,
    until: Timestamp,
    parties: Option<BTreeSet<SubjectId>>,
}

/// A scope that reaches nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an order must reach some time, and somebody where it names parties")]
pub struct InvalidScope;

/// Why an order does not move a stamp.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OrderError {
    /// It is about another duty, or the end was set by no duty.
    #[error("order {reference} is about regime {regime}, which did not set this end")]
    OtherRegime {
        /// The order.
        reference: Code,
        /// Its regime.
        regime: RegimeName,
    },
    /// The recording began outside its time.
    #[error("order {reference} does not reach a recording that began at {started_at}")]
    OutOfScope {
        /// The order.
        reference: Code,
        /// When the recording began.
        started_at: Timestamp,
    },
    /// It asks for more than the law gives the authority.
    #[error("order {reference} asks for {until}; {latest} is the latest that {regime} allows")]
    TooLate {
        /// The order.
        reference: Code,
        /// Its regime.
        regime: RegimeName,
        /// Until when it would keep the recording.
        until: Timestamp,
        /// Until when it may.
        latest: Timestamp,
    },
    /// Its limit is not known, so neither is whether it keeps to it.
    #[error(transparent)]
    UnknownRegime(#[from] UnknownRegime),
}

impl ServiceError for OrderError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::OtherRegime { .. } | Self::OutOfScope { .. } => ErrorCode::FailedPrecondition,
            Self::TooLate { .. } => ErrorCode::InvalidArgument,
            Self::UnknownRegime(error) => error.code(),
        }
    }
}

impl OrderScope {
    /// Recordings that began at or after `from` and before `until`, and, where `parties` are named, that one of
    /// them was in.
    pub fn new(
        from: Timestamp,
        until: Timestamp,
        parties: Option<BTreeSet<SubjectId>>,
    ) -> Result<Self, InvalidScope> {
        let somebody = parties.as_ref().is_none_or(|named| !named.is_empty());
        if from < until && somebody { Ok(Self { from, until, parties }) } else { Err(InvalidScope) }
    }

    /// It reaches recordings that began at or after this moment.
    pub fn from(&self) -> Timestamp {
        self.from
    }

    /// It reaches recordings that began before this moment.
    pub fn until(&self) -> Timestamp {
        self.until
    }

    /// Of whom one must be in a recording; whoever is in it where none are named.
    pub fn parties(&self) -> Option<&BTreeSet<SubjectId>> {
        self.parties.as_ref()
    }

    /// Whether it reaches a recording that began at `started_at` with these parties in it. One whose parties are
    /// not known is not among those of any party.
    pub fn covers(&self, started_at: Timestamp, parties: &BTreeSet<SubjectId>) -> bool {
        let among = self.parties.as_ref().is_none_or(|named| !named.is_disjoint(parties));
        self.covers_start(started_at) && among
    }

    fn covers_start(&self, started_at: Timestamp) -> bool {
        (self.from..self.until).contains(&started_at)
    }
}

impl ExtensionOrder {
    /// Whether it may be obeyed for every recording that it reaches: what is asked when it is placed, since for
    /// those that began first the limit comes first.
    pub fn check(&self, jurisdiction: Jurisdiction) -> Result<(), OrderError> {
        self.within_limit(self.scope.from, jurisdiction)
    }

    /// The stamp that it would make, whether or not it may.
    pub(super) fn says(&self, stamp: &Stamp) -> Stamp {
        let (reference, regime) = (self.reference.clone(), self.regime.clone());
        Stamp {
            ends: self.until,
            rule: Rule::Order { reference, regime, until: self.until },
            ..stamp.clone()
        }
    }

    fn within_limit(&self, started_at: Timestamp, jurisdiction: Jurisdiction) -> Result<(), OrderError> {
        let unknown = || UnknownRegime(self.regime.clone());
        let regime = regime::find(&self.regime).ok_or_else(unknown)?;
        let latest = regime.by_order.after(started_at, &jurisdiction.time_zone());
        if self.until <= latest {
            return Ok(());
        }
        let (reference, regime) = (self.reference.clone(), self.regime.clone());
        Err(OrderError::TooLate { reference, regime, until: self.until, latest })
    }
}

/// The stamp after an order that [covers](OrderScope::covers) its recording, which is in `jurisdiction`. Only an
/// end that the order's regime set is moved, never to an earlier date, and never beyond what the regime allows.
/// That it covers the recording's start is asked again here; its parties only the caller knows.
pub fn with_order(
    stamp: &Stamp,
    order: &ExtensionOrder,
    jurisdiction: Jurisdiction,
    facts: &Facts,
) -> Result<Stamp, OrderError> {
    let ordered = by_order(stamp, order, jurisdiction, facts)?;
    Ok(if ordered.goes_after(stamp) { ordered } else { stamp.clone() })
}

/// What the order alone says.
pub(super) fn by_order(
    stamp: &Stamp,
    order: &ExtensionOrder,
    jurisdiction: Jurisdiction,
    facts: &Facts,
) -> Result<Stamp, OrderError> {
    let (reference, regime) = (order.reference.clone(), order.regime.clone());
    if stamp.rule.regime() != Some(&order.regime) {
        return Err(OrderError::OtherRegime { reference, regime });
    }
    if !order.scope.covers_start(facts.started_at) {
        return Err(OrderError::OutOfScope { reference, started_at: facts.started_at });
    }
    order.within_limit(facts.started_at, jurisdiction)?;
    Ok(order.says(stamp))
}

impl Stamp {
    /// Whether this one's end counts beside another's: the later one, and of two orders with one end the one with
    /// the lower reference, so that it does not matter which was applied first.
    fn goes_after(&self, other: &Self) -> bool {
        match (&self.rule, &other.rule) {
            (Rule::Order { reference, .. }, Rule::Order { reference: standing, .. }) => {
                (self.ends, standing) > (other.ends, reference)
            }
            _ => self.ends > other.ends,
        }
    }
}
