//! The grant decision: before a call's first frame, what each requested purpose may do.
//!
//! A purpose is granted, awaited or denied; nothing is served that was not asked for. The decision is made
//! once per call, with the policy's hash in it; what happens afterwards is [`crate::standing`]'s.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Basis, EventId, MarkLabel, PurposeName, RegimeName};
use serde::{Deserialize, Serialize};

use crate::consent::ConsentState;
use crate::document::{From, Party, Purpose, TenantPolicy, Until};
use crate::hash::PolicyHash;
use crate::words::words;

words! {
    /// Why a purpose may not record, or a call was not recorded for it.
    DenyReason {
        /// The tenant has no policy.
        NoPolicy = 1 "no-policy",
        /// The tenant's policy has no purpose: it records nothing.
        EmptyPolicy = 2 "empty-policy",
        /// The call asked for no purpose.
        NothingRequested = 3 "nothing-requested",
        /// The tenant's policy does not have this purpose.
        PurposeNotInPolicy = 4 "purpose-not-in-policy",
        /// Nobody whose consent counts is in the call.
        NobodyToAsk = 5 "nobody-to-ask",
        /// The consent service could not be heard: consent purposes fail closed.
        ConsentUnreachable = 6 "consent-unreachable",
        /// Nobody answered the question.
        ConsentNotGiven = 7 "consent-not-given",
        /// The person declined.
        ConsentRefused = 8 "consent-refused",
        /// The person had taken consent back, or it had ended otherwise.
        ConsentEnded = 9 "consent-ended",
        /// The mark that it waits for never came.
        MarkNeverCame = 10 "mark-never-came",
        /// The call never started.
        NeverStarted = 11 "never-started",
    }
}

words! {
    /// What somebody must be told at once.
    Alarm {
        /// Consent could not be reached: consent purposes are off, duties on.
        ConsentUnreachable = 1 "consent-unreachable",
    }
}

/// What a call says of itself when it opens.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CallFacts {
    /// The purposes that it is to be recorded for.
    pub requested: BTreeSet<PurposeName>,
    /// Who is in it.
    pub parties: BTreeSet<Party>,
}

/// What is known of the consent to one purpose when the call opens: over all those whose consent counts, the
/// state of the one that permits least.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PurposeConsent {
    /// The state.
    pub state: ConsentState,
    /// The event that gave it.
    pub evidence: Option<EventId>,
}

/// Under which terms a purpose records.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Terms {
    /// What makes it lawful.
    pub basis: Basis,
    /// The retention duty, where there is one.
    pub regime: Option<RegimeName>,
    /// From when.
    pub from: From,
    /// Until when.
    pub until: Until,
}

/// What became of one requested purpose.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its basis stands from the first frame.
    Granted,
    /// It starts when the person agrees.
    AwaitingConsent,
    /// It starts when a stretch with this label begins.
    AwaitingMark(MarkLabel),
    /// It does not record.
    Denied(DenyReason),
}

/// The decision on one requested purpose.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// Which purpose.
    pub purpose: PurposeName,
    /// Its terms; none where the policy does not have the purpose.
    pub terms: Option<Terms>,
    /// Granted, awaited, denied.
    pub outcome: Outcome,
    /// The consent event that it rests on, where consent stands already.
    pub evidence: Option<EventId>,
}

impl Grant {
    /// What makes it lawful.
    pub fn basis(&self) -> Option<Basis> {
        self.terms.as_ref().map(|terms| terms.basis)
    }

    /// Its retention duty.
    pub fn regime(&self) -> Option<&RegimeName> {
        self.terms.as_ref().and_then(|terms| terms.regime.as_ref())
    }

    /// Whether this purpose may ever record in this call.
    pub fn may_record(&self) -> bool {
        match &self.outcome {
            Outcome::Granted | Outcome::AwaitingConsent | Outcome::AwaitingMark(_) => true,
            // Consent may come back within the call.
            Outcome::Denied(reason) => *reason == DenyReason::ConsentUnreachable,
        }
    }
}

/// The decision on a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// The policy that it was made under; none where the tenant has none.
    pub policy: Option<PolicyHash>,
    /// One per requested purpose, by name.
    pub grants: Vec<Grant>,
    /// What somebody must be told.
    pub alarm: Option<Alarm>,
}

impl Decision {
    /// Why this call can record nothing at all; none where some purpose may.
    pub fn nothing_because(&self) -> Option<DenyReason> {
        if self.grants.iter().any(Grant::may_record) {
            return None;
        }
        let reasons = self.grants.iter().filter_map(|grant| match &grant.outcome {
            Outcome::Denied(reason) => Some(*reason),
            Outcome::Granted | Outcome::AwaitingConsent | Outcome::AwaitingMark(_) => None,
        });
        Some(reasons.min().unwrap_or(DenyReason::NothingRequested))
    }
}

/// Decides on a call with what consent knows. A purpose without an entry in `consents` was never asked for.
pub fn decide(
    policy: &TenantPolicy,
    facts: &CallFacts,
    consents: &BTreeMap<PurposeName, PurposeConsent>,
) -> Decision {
    let grants = facts.requested.iter().map(|name| {
        on_policy(policy, facts, name, |_| {
            let known = consents.get(name).filter(|c| c.state == ConsentState::Given);
            match known {
                Some(consent) => Ok(consent.evidence),
                None => Err(Outcome::AwaitingConsent),
            }
        })
    });
    Decision { policy: Some(policy.hash()), grants: grants.collect(), alarm: None }
}

/// Decides on a call when consent cannot be heard: consent purposes are off, the others as ever, and somebody
/// is told.
pub fn decide_without_consent(policy: &TenantPolicy, facts: &CallFacts) -> Decision {
    let closed = Outcome::Denied(DenyReason::ConsentUnreachable);
    let grants = facts.requested.iter().map(|name| on_policy(policy, facts, name, |_| Err(closed.clone())));
    Decision { policy: Some(policy.hash()), grants: grants.collect(), alarm: Some(Alarm::ConsentUnreachable) }
}

/// Decides on a call of a tenant that has no policy: nothing is recorded, by default.
pub fn decide_without_policy(facts: &CallFacts) -> Decision {
    let denied = |name: &PurposeName| denied(name, None, DenyReason::NoPolicy);
    Decision { policy: None, grants: facts.requested.iter().map(denied).collect(), alarm: None }
}

/// Asks `consent` only for a purpose that rests on it; its answer is the evidence, or the outcome instead.
fn on_policy(
    policy: &TenantPolicy,
    facts: &CallFacts,
    name: &PurposeName,
    consent: impl Fn(&Purpose) -> Result<Option<EventId>, Outcome>,
) -> Grant {
    let Some(purpose) = policy.purposes.get(name) else {
        let empty = policy.purposes.is_empty();
        let reason = if empty { DenyReason::EmptyPolicy } else { DenyReason::PurposeNotInPolicy };
        return denied(name, None, reason);
    };
    let terms = purpose.terms();
    let mut evidence = None;
    if purpose.basis == Basis::Consent {
        if purpose.consent_of.is_disjoint(&facts.parties) {
            return denied(name, Some(terms), DenyReason::NobodyToAsk);
        }
        match consent(purpose) {
            Ok(event) => evidence = event,
            Err(outcome) => {
                return Grant { purpose: name.clone(), terms: Some(terms), outcome, evidence: None };
            }
        }
    }
    let outcome = match &purpose.from {
        From::Start | From::Consent => Outcome::Granted,
        From::Mark(label) => Outcome::AwaitingMark(label.clone()),
    };
    Grant { purpose: name.clone(), terms: Some(terms), outcome, evidence }
}

fn denied(name: &PurposeName, terms: Option<Terms>, reason: DenyReason) -> Grant {
    Grant { purpose: name.clone(), terms, outcome: Outcome::Denied(reason), evidence: None }
}

#[cfg(test)]
mod tests;
