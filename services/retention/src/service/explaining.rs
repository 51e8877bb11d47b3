//! Why something is kept until when it is, and what is due.
//!
//! The row says until when: that is what the sweep and the gate go by. Which rules were looked at is worked out anew
//! from what the row was first stamped with, the policy in force and the orders.

use std::collections::BTreeSet;
use std::sync::Arc;

use kernel::{ErasureId, HoldId, PurposeName, RecordingId, TenantId, Timestamp};
use policy::TenantPolicy;
use policy::retention::{self, ExtensionOrder, Facts, Rule, Stamp, Verdict};

use super::{Service, in_force};
use crate::error::Error;
use crate::hold::Hold;
use crate::kept::{Due, Kept, Term, TermState};
use crate::stamping::Policies;
use crate::store::MAX_LISTED;

/// A recording, and what keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explained {
    /// Its row.
    pub kept: Kept,
    /// Each term of it, in their order.
    pub terms: Vec<ExplainedTerm>,
    /// The holds that cover it now: those that keep it, and restrictions.
    pub holds: Vec<Hold>,
    /// The erasures that touched it, newest first.
    pub erasures: Vec<ErasureId>,
}

/// A term, and the rules behind it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExplainedTerm {
    /// The term.
    pub term: Term,
    /// Every rule that was looked at, in that order; exactly one of them wins.
    pub considered: Vec<Considered>,
}

/// A rule that was looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Considered {
    /// Which.
    pub rule: Rule,
    /// The end that it says.
    pub ends: Timestamp,
    /// What became of it, as a code: `wins`, or why it does not.
    pub verdict: &'static str,
}

/// A recording that is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DueNow {
    /// When its first running term ends.
    pub due: Due,
    /// The purposes whose time is over by the date that was asked for.
    pub purposes: BTreeSet<PurposeName>,
    /// The holds that keep it nevertheless.
    pub held_by: Vec<HoldId>,
}

/// A page of what is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DuePage {
    /// In order of date and id.
    pub recordings: Vec<DueNow>,
    /// After what the next page begins; none where there is no more.
    pub next: Option<Due>,
}

const WINS: &str = "wins";
/// It will count once the row has followed a policy or an order that has just come.
const NOT_YET: &str = "not-yet";

impl Service {
    /// Explains a recording.
    pub async fn explain(&self, tenant: &TenantId, id: RecordingId) -> Result<Explained, Error> {
        let kept = self.known(tenant, id).await?;
        let policies = Policies::of(&self.policies, &kept).await?;
        let latest = in_force(&self.policies, tenant).await?.map(|known| known.policy);
        let placed = self.store.orders(tenant).await?;
        let parties = kept.parties.iter().copied().collect();
        let orders = placed.iter().map(|placed| &placed.order);
        let orders: Vec<_> = orders.filter(|order| order.scope.covers(kept.started_at, &parties)).collect();
        let facts = policies.facts(&kept);
        let terms = kept.terms.iter().map(|term| {
            let rules = Rules { policies: &policies, latest: latest.as_ref(), orders: &orders };
            ExplainedTerm { term: term.clone(), considered: rules.considered(&term.stamp, &facts) }
        });
        let terms = terms.collect();
        let standing = self.store.standing(tenant).await?;
        let mut erasures = self.store.erasures_of(&kept.key).await?;
        erasures.sort_unstable_by(|one, other| other.cmp(one));
        let holds = standing.into_iter().filter(|hold| hold.covers(&kept)).collect();
        Ok(Explained { terms, holds, erasures, kept })
    }

    /// What is due by a date, after one, at most `limit`. A page may have fewer though more come: what has moved since
    /// is left out.
    pub async fn due(
        &self,
        tenant: &TenantId,
        by: Timestamp,
        after: Option<&Due>,
        limit: u32,
    ) -> Result<DuePage, Error> {
        let limit = limit.min(MAX_LISTED);
        let found = self.store.due(tenant, by, after, limit).await?;
        let rows = self.rows(tenant, found.iter().map(|due| due.id)).await?;
        let holds = self.store.standing(tenant).await?;
        let next = found.last().filter(|_| found.len() == limit as usize).cloned();
        let still = found.into_iter().zip(rows).filter_map(|(due, row)| Some((due, row?)));
        let still = still.filter(|(due, kept)| kept.due() == Some(due.at));
        let recordings = still.map(|(due, kept)| DueNow {
            due,
            purposes: over(&kept, by),
            held_by: holds.iter().filter(|hold| hold.keeps(&kept)).map(|hold| hold.id).collect(),
        });
        Ok(DuePage { recordings: recordings.collect(), next })
    }
}

/// The purposes of which something runs no longer than this.
fn over(kept: &Kept, by: Timestamp) -> BTreeSet<PurposeName> {
    let running = kept.terms.iter().filter(|term| term.state == TermState::Running);
    running.filter(|term| term.stamp.ends <= by).map(|term| term.stamp.purpose.clone()).collect()
}

/// What is asked about a recording's terms.
struct Rules<'r> {
    policies: &'r Policies,
    latest: Option<&'r Arc<TenantPolicy>>,
    orders: &'r [&'r ExtensionOrder],
}

impl Rules<'_> {
    fn considered(&self, now: &Stamp, facts: &Facts) -> Vec<Considered> {
        let recorded = self.policies.recorded();
        let mut first = retention::stamp(recorded, &now.purpose, facts).into_iter();
        // A purpose that the policy does not have was never stamped by it: the row is all that is known.
        let first = first.rfind(|stamp| stamp.kind == now.kind).unwrap_or_else(|| now.clone());
        let later: Vec<_> = self.shortener(now).into_iter().chain(self.latest).map(Arc::as_ref).collect();
        let later: Vec<_> = later.into_iter().filter(|policy| *policy != recorded).collect();
        let told = retention::explain(&first, &later, self.orders, recorded.jurisdiction, facts);
        let mut considered: Vec<_> = told
            .considered
            .into_iter()
            .map(|rule| Considered {
                verdict: if rule.rule == now.rule { WINS } else { word(&rule.verdict) },
                ends: rule.ends,
                rule: rule.rule,
            })
            .collect();
        match considered.iter_mut().find(|rule| rule.rule == now.rule) {
            Some(winner) => winner.ends = now.ends,
            None => considered.push(Considered { rule: now.rule.clone(), ends: now.ends, verdict: WINS }),
        }
        considered
    }

    /// The later policy that set the end as it is, which may not be the one in force any more.
    fn shortener(&self, now: &Stamp) -> Option<&Arc<TenantPolicy>> {
        match &now.rule {
            Rule::LaterPolicy { hash, .. } => self.policies.get(*hash),
            Rule::Regime { .. } | Rule::Policy { .. } | Rule::Order { .. } => None,
        }
    }
}

/// What became of a rule that did not set the end as it is.
fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Wins => NOT_YET,
        Verdict::Outdone => "outdone",
        Verdict::WouldLengthen => "would-lengthen",
        Verdict::UnderRegime => "under-regime",
        Verdict::WouldShorten => "would-shorten",
        Verdict::Refused(retention::OrderError::TooLate { .. }) => "too-late",
        Verdict::Refused(retention::OrderError::UnknownRegime(_)) => "unknown-regime",
        Verdict::Refused(retention::OrderError::OtherRegime { .. }) => "other-regime",
        Verdict::Refused(retention::OrderError::OutOfScope { .. }) => "out-of-scope",
    }
}

#[cfg(test)]
mod tests;
