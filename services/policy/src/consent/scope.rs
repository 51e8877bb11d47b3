//! How far a consent event reaches, and what several scopes say together in one call.

use kernel::RecordingId;
use serde::{Deserialize, Serialize};

use super::{Consent, ConsentState};

/// How far an event reaches, the widest last.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One call.
    Call(RecordingId),
    /// Every call of a campaign, by its code.
    Campaign(String),
    /// Every call with this controller.
    Account,
}

impl Scope {
    /// The number that leaves the process; never reused, never 0.
    pub fn number(&self) -> i32 {
        match self {
            Self::Call(_) => 1,
            Self::Campaign(_) => 2,
            Self::Account => 3,
        }
    }
}

/// What the scopes that reach a call say of one subject and purpose; absent where nothing was said.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SubjectConsent<'a> {
    /// In this call.
    pub call: Option<&'a Consent>,
    /// In the call's campaign.
    pub campaign: Option<&'a Consent>,
    /// With this controller.
    pub account: Option<&'a Consent>,
}

/// What counts in the call: the consent of the scope that decides.
///
/// A restriction in a scope bars a wider scope's grant for this call, and a narrower scope's grant unless they
/// said yes to it later. Among grants the narrowest counts. Where nothing permits, the narrowest scope in which
/// anything restrictive was said answers, else the narrowest in which anything was said at all.
pub fn in_call<'a>(scopes: SubjectConsent<'a>) -> Option<&'a Consent> {
    let narrow_to_wide: Vec<&Consent> =
        [scopes.call, scopes.campaign, scopes.account].into_iter().flatten().collect();
    for (place, consent) in narrow_to_wide.iter().enumerate() {
        let (narrower, wider) = (&narrow_to_wide[..place], &narrow_to_wide[place + 1..]);
        let barred = narrower.iter().any(|n| bars(n.state))
            || wider.iter().any(|w| bars(w.state) && w.restricted_at >= consent.answered_at);
        if consent.state == ConsentState::Given && !barred {
            return Some(consent);
        }
    }
    let restrictive = narrow_to_wide.iter().find(|consent| bars(consent.state));
    let unanswered = narrow_to_wide.iter().find(|consent| consent.state != ConsentState::Given);
    restrictive.or(unanswered).copied()
}

/// Whether a state says no. A period that ran out says nothing about other scopes.
fn bars(state: ConsentState) -> bool {
    match state {
        ConsentState::Refused
        | ConsentState::Deferred
        | ConsentState::Withdrawn
        | ConsentState::Revoked
        | ConsentState::Invalidated => true,
        ConsentState::None
        | ConsentState::Notified
        | ConsentState::Requested
        | ConsentState::Given
        | ConsentState::Expired => false,
    }
}
