//! Whose consent counts for which purpose, and who has given it.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{EventId, PurposeName};
use policy::{CallEventKind, Grant, Outcome};
use proto::ingest::v1::ConsentState;

use super::{SessionEvent, SessionFacts};
use crate::intake::ConsentAct;

/// The purposes that rest on consent.
#[derive(Debug)]
pub(super) struct Consents(BTreeMap<PurposeName, Asked>);

/// Parties by their place in the call.
#[derive(Debug)]
struct Asked {
    /// Whose consent it takes, all of them.
    needed: BTreeSet<u32>,
    given: BTreeSet<u32>,
    from_start: bool,
}

impl Consents {
    pub(super) fn new(facts: &SessionFacts, grants: &[Grant]) -> Self {
        let of = |grant: &Grant| {
            let purpose = facts.policy.purposes.get(&grant.purpose)?;
            if purpose.basis != kernel::Basis::Consent || !grant.may_record() {
                return None;
            }
            let counts = |(_, party): &(usize, &policy::Party)| purpose.consent_of.contains(party);
            let needed = facts.parties.iter().enumerate().filter(counts);
            let needed: BTreeSet<u32> = needed.filter_map(|(place, _)| u32::try_from(place).ok()).collect();
            let from_start = matches!(grant.outcome, Outcome::Granted) || grant.evidence.is_some();
            let given = if from_start { needed.clone() } else { BTreeSet::new() };
            Some((grant.purpose.clone(), Asked { needed, given, from_start }))
        };
        Self(grants.iter().filter_map(of).collect())
    }

    /// Why an act has no effect. A restriction always has one on a purpose that rests on consent, whoever
    /// the sender says that it came from.
    pub(super) fn refusal(
        &self,
        act: ConsentAct,
        purpose: &PurposeName,
        party: u32,
        stopped: bool,
    ) -> Option<&'static str> {
        let Some(asked) = self.0.get(purpose) else { return Some("purpose-not-on-consent") };
        if act.is_restrictive() {
            return None;
        }
        if stopped {
            return Some("stopped");
        }
        (!asked.needed.contains(&party)).then_some("party-not-asked")
    }

    /// What an act is to the bases; none while others have yet to agree.
    pub(super) fn take(
        &mut self,
        act: ConsentAct,
        purpose: &PurposeName,
        party: u32,
        evidence: EventId,
    ) -> Option<CallEventKind> {
        let asked = self.0.get_mut(purpose)?;
        let purpose = purpose.clone();
        if act.is_restrictive() {
            asked.given.remove(&party);
            if !asked.needed.contains(&party) {
                asked.given.clear();
            }
        }
        Some(match act {
            ConsentAct::Given => {
                asked.given.insert(party);
                if !asked.needed.is_subset(&asked.given) {
                    return None;
                }
                CallEventKind::ConsentGiven { purpose, evidence }
            }
            ConsentAct::Refused => CallEventKind::ConsentRefused { purpose },
            ConsentAct::Withdrawn => CallEventKind::ConsentWithdrawn { purpose },
            ConsentAct::Expired => CallEventKind::ConsentExpired { purpose },
            ConsentAct::Revoked => CallEventKind::ConsentRevoked { purpose },
            ConsentAct::Invalidated => CallEventKind::ConsentInvalidated { purpose },
        })
    }

    /// Whether a purpose takes this party's consent.
    pub(super) fn needs(&self, purpose: &PurposeName, party: u32) -> bool {
        self.0.get(purpose).is_some_and(|asked| asked.needed.contains(&party))
    }

    pub(super) fn asked(&self) -> BTreeSet<u32> {
        self.0.values().flat_map(|asked| asked.needed.iter().copied()).collect()
    }

    pub(super) fn state(&self, last: Option<ConsentAct>, events: &[SessionEvent]) -> ConsentState {
        match last {
            Some(ConsentAct::Given) => ConsentState::Consented,
            Some(ConsentAct::Refused) => ConsentState::Refused,
            Some(
                ConsentAct::Withdrawn | ConsentAct::Expired | ConsentAct::Revoked | ConsentAct::Invalidated,
            ) => ConsentState::Withdrawn,
            None if self.0.values().any(|asked| asked.from_start) => ConsentState::Consented,
            None if events.iter().any(|event| event.notice().is_some()) => ConsentState::Announced,
            None => ConsentState::Unknown,
        }
    }
}
