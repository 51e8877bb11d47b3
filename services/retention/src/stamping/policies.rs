//! The policies that a recording's row names, and what of the call can be told from them.
//!
//! A row does not hold when marks ended. Where an end runs from one, the mark is where the period must have begun that
//! ends there.

use std::collections::BTreeMap;
use std::sync::Arc;

use kernel::{MarkLabel, Timestamp};
use platform::PolicyBook;
use policy::period::Period;
use policy::retention::{Facts, RanFrom, Rule, Stamp};
use policy::{From, PolicyHash, TenantPolicy};

use crate::error::Error;
use crate::kept::Kept;

/// The policies of one recording's row.
#[derive(Clone, Debug)]
pub(crate) struct Policies {
    recorded: Arc<TenantPolicy>,
    others: BTreeMap<PolicyHash, Arc<TenantPolicy>>,
}

impl Policies {
    /// Brings them.
    pub(crate) async fn of(book: &PolicyBook, kept: &Kept) -> Result<Self, Error> {
        let recorded = book.by_hash(&kept.key.tenant, kept.policy).await?;
        let mut others = BTreeMap::new();
        for hash in kept.terms.iter().filter_map(|term| hash_of(&term.stamp.rule)) {
            if hash != kept.policy && !others.contains_key(&hash) {
                others.insert(hash, book.by_hash(&kept.key.tenant, hash).await?);
            }
        }
        Ok(Self { recorded, others })
    }

    /// The one that it was made under.
    pub(crate) fn recorded(&self) -> &TenantPolicy {
        &self.recorded
    }

    /// A later one that set an end of it.
    pub(crate) fn get(&self, hash: PolicyHash) -> Option<&Arc<TenantPolicy>> {
        self.others.get(&hash)
    }

    /// What the retention of the recording goes by.
    pub(crate) fn facts(&self, kept: &Kept) -> Facts {
        let mut marks_ended_at: BTreeMap<MarkLabel, Timestamp> = BTreeMap::new();
        for (label, at) in kept.terms.iter().filter_map(|term| self.mark(kept, &term.stamp)) {
            let known = marks_ended_at.entry(label).or_insert(at);
            *known = at.max(*known);
        }
        Facts { started_at: kept.started_at, ended_at: kept.ended_at, marks_ended_at }
    }

    /// The mark that an end runs from, and when it ended; none where it runs from something else.
    fn mark(&self, kept: &Kept, stamp: &Stamp) -> Option<(MarkLabel, Timestamp)> {
        let (period, hash) = match &stamp.rule {
            Rule::Policy { hash, period, anchor: RanFrom::Mark }
            | Rule::LaterPolicy { hash, period, anchor: RanFrom::Mark } => (*period, *hash),
            Rule::Regime { .. } | Rule::Order { .. } => return None,
            Rule::Policy { anchor: RanFrom::Start | RanFrom::End | RanFrom::EndWithoutMark, .. }
            | Rule::LaterPolicy { anchor: RanFrom::Start | RanFrom::End | RanFrom::EndWithoutMark, .. } => {
                return None;
            }
        };
        let policy = if hash == kept.policy { &self.recorded } else { self.others.get(&hash)? };
        let label = match &policy.purposes.get(&stamp.purpose)?.from {
            From::Mark(label) => label.clone(),
            From::Start | From::Consent => return None,
        };
        Some((label, began(period, stamp.ends, policy, kept)?))
    }
}

fn hash_of(rule: &Rule) -> Option<PolicyHash> {
    match rule {
        Rule::Policy { hash, .. } | Rule::LaterPolicy { hash, .. } => Some(*hash),
        Rule::Regime { .. } | Rule::Order { .. } => None,
    }
}

/// The last moment within the call from which the period ends exactly then; none where there is none, as where the clock
/// jumps. Periods end in the order in which they begin, and what begins at different moments of a month's last days may
/// end at one: the last of these is taken, which keeps longest.
fn began(period: Period, ends: Timestamp, policy: &TenantPolicy, kept: &Kept) -> Option<Timestamp> {
    let zone = policy.jurisdiction.time_zone();
    let (mut low, mut high) = (kept.started_at.0, kept.ended_at.max(kept.started_at).0);
    while low < high {
        let middle = high - high.saturating_sub(low) / 2;
        if period.after(Timestamp(middle), &zone) <= ends {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    (period.after(Timestamp(low), &zone) == ends).then_some(Timestamp(low))
}

#[cfg(test)]
mod tests;
