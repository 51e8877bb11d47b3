//! How long a recording is kept: one end for each purpose and kind of data, and what may move it later.
//!
//! A [`Stamp`] is made once, under the policy that the recording was made under, and says who set its end. What
//! moves it depends on who did:
//!
//! - An end that a regime set is the law's. No policy touches it; an authority's order may lengthen it, up to
//!   what the regime allows, and never shorten it.
//! - Any other end is what the notice promised. A later policy may shorten it; nothing lengthens it.
//!
//! So the ends do not depend on the order in which policies or orders become known. Whether audio is kept
//! beyond them (a hold, a restriction) or lost before (a withdrawal, an erasure) is not asked here.
//!
//! Read [`stamp`] and [`with_later_policy`] first, then [`with_order`] and [`explain`].

mod explanation;
mod order;

use std::collections::BTreeMap;
use std::fmt;

use kernel::{MarkLabel, PurposeName, RegimeName, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::explanation::{Considered, Explanation, SetBy, Verdict, explain};
pub use self::order::{ExtensionOrder, InvalidScope, OrderError, OrderScope, with_order};
use crate::code::Code;
use crate::document::{Anchor, From, Purpose, TenantPolicy};
use crate::hash::PolicyHash;
use crate::period::Period;
use crate::words::words;

words! {
    /// A kind of data, kept for a period of its own.
    DataKind {
        /// What was said.
        Audio = 1 "audio",
        /// What is known of the call without opening its audio.
        Metadata = 2 "metadata",
    }
}

words! {
    /// From which moment of a recording a period ran.
    RanFrom {
        /// From its start.
        Start = 1 "start",
        /// From its end.
        End = 2 "end",
        /// From the end of the purpose's last mark.
        Mark = 3 "mark",
        /// From its end, since no mark of the purpose was closed.
        EndWithoutMark = 4 "end-without-mark",
    }
}

/// What of a recording its retention goes by, in wall time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Facts {
    /// When it began; of an imported one, when it began where it was made.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// When the last stretch with each label ended; no entry where none was closed.
    pub marks_ended_at: BTreeMap<MarkLabel, Timestamp>,
}

/// Who set an end, and by what.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The law.
    Regime {
        /// Which duty.
        name: RegimeName,
    },
    /// The policy that the recording was made under.
    Policy {
        /// Which.
        hash: PolicyHash,
        /// For how long.
        period: Period,
        /// From when.
        anchor: RanFrom,
    },
    /// An authority, which lengthened what the law had set.
    Order {
        /// Its order's reference.
        reference: Code,
        /// The duty that the order lengthens.
        regime: RegimeName,
        /// Until when.
        until: Timestamp,
    },
    /// A later policy of the tenant, which shortened the period.
    LaterPolicy {
        /// Which.
        hash: PolicyHash,
        /// To how long.
        period: Period,
        /// From when.
        anchor: RanFrom,
    },
}

/// When one purpose's data of one kind is no longer kept, and who says so.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stamp {
    /// What it is kept for.
    pub purpose: PurposeName,
    /// Which data.
    pub kind: DataKind,
    /// The first moment at which it is not kept any more.
    pub ends: Timestamp,
    /// Who set that.
    pub rule: Rule,
}

/// The stamps of one purpose, one for each kind of data. None where the policy does not have the purpose: then
/// nothing is known of how long it is kept, which is not the same as no longer.
pub fn stamp(policy: &TenantPolicy, purpose: &PurposeName, facts: &Facts) -> Vec<Stamp> {
    let Some(terms) = policy.purposes.get(purpose) else { return Vec::new() };
    let hash = policy.hash();
    let stamped = DataKind::ALL.iter().map(|kind| {
        let Term { period, anchor, ends } = term(policy, terms, *kind, facts);
        let rule = match &terms.regime {
            Some(name) => Rule::Regime { name: name.clone() },
            None => Rule::Policy { hash, period, anchor },
        };
        Stamp { purpose: purpose.clone(), kind: *kind, ends, rule }
    });
    stamped.collect()
}

/// The stamp after a later policy of the tenant. A purpose that the policy no longer has keeps its end: nobody
/// may use its audio any more ([`crate::access`]), and a line that is missing in a file destroys nothing.
pub fn with_later_policy(stamp: &Stamp, later: &TenantPolicy, facts: &Facts) -> Stamp {
    let shorter = by_later_policy(stamp, later, facts);
    let touches = |shorter: &Stamp| stamp.rule.regime().is_none() && shorter.goes_before(stamp);
    shorter.filter(touches).unwrap_or_else(|| stamp.clone())
}

/// What the later policy alone would say.
fn by_later_policy(stamp: &Stamp, later: &TenantPolicy, facts: &Facts) -> Option<Stamp> {
    let terms = later.purposes.get(&stamp.purpose)?;
    let Term { period, anchor, ends } = term(later, terms, stamp.kind, facts);
    let rule = Rule::LaterPolicy { hash: later.hash(), period, anchor };
    Some(Stamp { ends, rule, ..stamp.clone() })
}

impl Stamp {
    /// Whether this one's end counts beside another's: the earlier one, and of two later policies with one end
    /// the one with the lower hash, so that it does not matter which was applied first.
    fn goes_before(&self, other: &Self) -> bool {
        match (&self.rule, &other.rule) {
            (Rule::LaterPolicy { hash, .. }, Rule::LaterPolicy { hash: standing, .. }) => {
                (self.ends, hash) < (other.ends, standing)
            }
            _ => self.ends < other.ends,
        }
    }
}

impl Rule {
    /// The duty behind it; none where a policy set the end.
    pub fn regime(&self) -> Option<&RegimeName> {
        match self {
            Self::Regime { name } => Some(name),
            Self::Order { regime, .. } => Some(regime),
            Self::Policy { .. } | Self::LaterPolicy { .. } => None,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Regime { name } => write!(f, "regime {name}"),
            Self::Policy { hash, period, anchor } => {
                let (period, anchor) = (period.in_words(), anchor.in_words());
                write!(f, "{period} from {anchor}, by policy {}", short(hash))
            }
            Self::Order { reference, regime, until: _ } => write!(f, "order {reference} under {regime}"),
            Self::LaterPolicy { hash, period, anchor } => {
                let (period, anchor) = (period.in_words(), anchor.in_words());
                write!(f, "{period} from {anchor}, by later policy {}", short(hash))
            }
        }
    }
}

/// Enough of a hash to find its policy by eye.
fn short(hash: &PolicyHash) -> String {
    hash.to_string().chars().take(12).collect()
}

impl RanFrom {
    /// In a person's words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Start => "the start",
            Self::End => "the end of the call",
            Self::Mark => "the end of the mark",
            Self::EndWithoutMark => "the end of the call, no mark being closed",
        }
    }
}

impl Facts {
    /// The moment that a purpose's period runs from. No end lies before the start, and a mark lies within its
    /// call, whatever the clock said by which it was noted.
    fn anchor(&self, purpose: &Purpose) -> (RanFrom, Timestamp) {
        let ended_at = self.ended_at.max(self.started_at);
        let mark_ended_at = match &purpose.from {
            From::Mark(label) => self.marks_ended_at.get(label),
            From::Start | From::Consent => None,
        };
        match (purpose.retention.anchor, mark_ended_at) {
            (Anchor::Start, _) => (RanFrom::Start, self.started_at),
            (Anchor::End, _) => (RanFrom::End, ended_at),
            (Anchor::Mark, Some(mark)) => (RanFrom::Mark, (*mark).clamp(self.started_at, ended_at)),
            (Anchor::Mark, None) => (RanFrom::EndWithoutMark, ended_at),
        }
    }
}

/// What one policy says of one purpose and kind of a recording.
struct Term {
    period: Period,
    anchor: RanFrom,
    ends: Timestamp,
}

fn term(policy: &TenantPolicy, purpose: &Purpose, kind: DataKind, facts: &Facts) -> Term {
    let (anchor, from) = facts.anchor(purpose);
    let period = purpose.retention.of(kind);
    Term { period, anchor, ends: period.after(from, &policy.jurisdiction.time_zone()) }
}

#[cfg(test)]
mod tests;
