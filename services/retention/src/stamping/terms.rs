//! A recording's terms: as they are first, and as a policy or an order moves them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{PurposeName, SubjectId, Timestamp};
use policy::TenantPolicy;
use policy::retention::{DataKind, Facts, Rule, Stamp, stamp, with_later_policy, with_order};

use crate::kept::{Kept, Term, TermState};
use crate::store::Order;

/// The terms of a recording when it is first stamped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct First {
    /// Each purpose and kind of data once, in their order.
    pub(crate) terms: Vec<Term>,
    /// Purposes among them that the policy does not have.
    pub(crate) unknown: BTreeSet<PurposeName>,
}

/// What moves ends after the first stamp.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Movers<'m> {
    /// A later policy, which may shorten.
    pub(crate) later: Option<&'m TenantPolicy>,
    /// Orders, which may lengthen; those that do not cover a recording are passed over.
    pub(crate) orders: &'m [Order],
}

/// The terms of these purposes under the policy that the recording was made under.
///
/// Of a purpose that this policy does not have nobody knows how long it is kept, which is not the same as no longer. It
/// ends with the last of the recording's other purposes, and where there is none of those either, with the last that
/// the policy has: it keeps nothing that the notice did not promise to keep, and cuts off nothing. None where the policy
/// has no purpose at all.
pub(crate) fn first(policy: &TenantPolicy, purposes: &BTreeSet<PurposeName>, facts: &Facts) -> Option<First> {
    let mut stamps: BTreeMap<&PurposeName, Vec<Stamp>> =
        purposes.iter().map(|purpose| (purpose, stamp(policy, purpose, facts))).collect();
    let theirs = longest(stamps.values().flatten());
    let mut unknown = BTreeSet::new();
    for (purpose, own) in stamps.iter_mut().filter(|(_, own)| own.is_empty()) {
        let standing = if theirs.is_empty() { longest(&every(policy, facts)) } else { theirs.clone() };
        if standing.is_empty() {
            return None;
        }
        *own = standing.into_iter().map(|stamp| Stamp { purpose: (*purpose).clone(), ..stamp }).collect();
        unknown.insert((*purpose).clone());
    }
    Some(First { terms: stamps.into_values().flatten().map(running).collect(), unknown })
}

/// What the policy would say of each of its purposes.
fn every(policy: &TenantPolicy, facts: &Facts) -> Vec<Stamp> {
    policy.purposes.keys().flat_map(|purpose| stamp(policy, purpose, facts)).collect()
}

/// Of each kind of data the one that ends last.
fn longest<'s>(stamps: impl IntoIterator<Item = &'s Stamp> + Clone) -> Vec<Stamp> {
    let last = DataKind::ALL.iter().filter_map(|kind| {
        stamps.clone().into_iter().filter(|stamp| stamp.kind == *kind).max_by_key(|stamp| stamp.ends)
    });
    last.cloned().collect()
}

fn running(stamp: Stamp) -> Term {
    Term { stamp, state: TermState::Running }
}

/// The next version of a row, where a term that runs moves; none where nothing does. What is ending or has ended is
/// never given a time again.
pub(crate) fn apply(kept: &Kept, recorded: &TenantPolicy, facts: &Facts, movers: Movers<'_>) -> Option<Kept> {
    let parties: BTreeSet<SubjectId> = kept.parties.iter().copied().collect();
    let covers = |placed: &&Order| placed.order.scope.covers(kept.started_at, &parties);
    let orders: Vec<_> = movers.orders.iter().filter(covers).collect();
    let later = movers.later.filter(|later| *later != recorded);
    let moved = |stamp: &Stamp| {
        let stamp = later.map_or_else(|| stamp.clone(), |later| with_later_policy(stamp, later, facts));
        // One that does not concern this end, or may not, leaves it as it is.
        orders.iter().fold(stamp, |stamp, placed| {
            with_order(&stamp, &placed.order, recorded.jurisdiction, facts).unwrap_or(stamp)
        })
    };
    let terms: Vec<_> = kept
        .terms
        .iter()
        .map(|term| match term.state {
            TermState::Running => running(moved(&term.stamp)),
            TermState::Ending | TermState::Ended => term.clone(),
        })
        .collect();
    (terms != kept.terms).then(|| Kept { version: kept.version.saturating_add(1), terms, ..kept.clone() })
}

/// Until when orders keep a recording, where that is longer than before.
pub(crate) fn ordered_until(before: &Kept, after: &Kept) -> Option<Timestamp> {
    let last = |kept: &Kept| {
        let ordered = kept.terms.iter().filter(|term| matches!(term.stamp.rule, Rule::Order { .. }));
        ordered.map(|term| term.stamp.ends).max()
    };
    last(after).filter(|until| last(before).is_none_or(|ended| ended < *until))
}

/// Whether an end is another one now.
pub(crate) fn has_other_ends(before: &Kept, after: &Kept) -> bool {
    let ends = |kept: &Kept| -> Vec<Timestamp> { kept.terms.iter().map(|term| term.stamp.ends).collect() };
    ends(before) != ends(after)
}

#[cfg(test)]
mod tests;
