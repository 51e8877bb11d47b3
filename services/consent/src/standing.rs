//! What people's consent comes to, in a call and afterwards: pure, over [`crate::event`]s.
//!
//! The fold is policy's. Added here: which scope decides, that a question put anew does not lift a refusal for
//! a wider scope's grant, and that a grant given later never opens again what an earlier end has closed.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Basis, PurposeName, RecordingId, SubjectId, Timestamp};
use policy::consent::{Consent, ConsentState, SubjectConsent, fold_one, in_call};
use policy::{CallFacts, Purpose, PurposeConsent, TenantPolicy};

use crate::event::{Reach, StoredEvent};
use crate::store::{PartyRow, RecordingRow};

/// Why a purpose may not be used now.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Gone {
    /// consent never authorised this recording.
    UnknownRecording,
    /// The tenant had no policy when it was made.
    NoPolicy,
    /// The recording's policy does not have the purpose.
    UnknownPurpose,
    /// Nobody agreed, or nobody whose consent counts was in the call.
    NoConsent,
    /// The consent's period ran out.
    Expired,
    /// The controller gave the consent up.
    Revoked,
    /// The person declined.
    Refused,
    /// The person took it back.
    Withdrawn,
    /// It was never valid.
    Invalidated,
}

impl Gone {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::UnknownRecording,
        Self::NoPolicy,
        Self::UnknownPurpose,
        Self::NoConsent,
        Self::Expired,
        Self::Revoked,
        Self::Refused,
        Self::Withdrawn,
        Self::Invalidated,
    ];

    /// The code that callers get.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownRecording => "unknown-recording",
            Self::NoPolicy => "no-policy",
            Self::UnknownPurpose => "unknown-purpose",
            Self::NoConsent => "no-consent",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Invalidated => "invalidated",
        }
    }
}

/// Subjects' events, by subject: those that reach the call in question.
pub type Histories = BTreeMap<SubjectId, Vec<StoredEvent>>;

/// The moment of which a fold speaks: now, or later where a sender's clock is ahead of ours, so that what it
/// has said counts at once.
pub fn as_of<'e>(events: impl IntoIterator<Item = &'e StoredEvent>, now: Timestamp) -> Timestamp {
    events.into_iter().map(|stored| stored.event.occurred_at).fold(now, Timestamp::max)
}

/// The state of one subject on one purpose in one scope; none where nothing was said.
pub fn consent_in(
    events: &[StoredEvent],
    purpose: &PurposeName,
    reach: Reach,
    at: Timestamp,
) -> Option<Consent> {
    let own =
        events.iter().filter(|stored| stored.event.reach == reach && stored.event.purposes.contains(purpose));
    let own: Vec<_> = own.filter_map(|stored| stored.event.to_fold()).collect();
    (!own.is_empty()).then(|| fold_one(&own, at))
}

/// Every state of one subject.
pub fn all_states(events: &[StoredEvent], now: Timestamp) -> BTreeMap<(PurposeName, Reach), Consent> {
    let at = as_of(events, now);
    let spoken = |stored: &StoredEvent| {
        let reach = stored.event.reach;
        stored.event.purposes.iter().map(move |purpose| (purpose.clone(), reach)).collect::<Vec<_>>()
    };
    let keys: BTreeSet<_> = events.iter().flat_map(spoken).collect();
    let state = |(purpose, reach): (PurposeName, Reach)| {
        consent_in(events, &purpose, reach, at).map(|consent| ((purpose, reach), consent))
    };
    keys.into_iter().filter_map(state).collect()
}

/// What one subject's scopes come to in one call.
struct Scopes {
    call: Option<Consent>,
    account: Option<Consent>,
}

impl Scopes {
    fn of(events: &[StoredEvent], purpose: &PurposeName, recording: RecordingId, now: Timestamp) -> Self {
        let at = as_of(events, now);
        let consent = |reach| consent_in(events, purpose, reach, at);
        Self { call: consent(Reach::Call(recording)), account: consent(Reach::Account) }
    }

    fn deciding(&self) -> Option<&Consent> {
        // Asked anew after a refusal in this call: until they answer, only what they said later counts.
        let unanswered = self.call.as_ref().filter(|call| match call.state {
            ConsentState::None | ConsentState::Notified | ConsentState::Requested => true,
            ConsentState::Given
            | ConsentState::Refused
            | ConsentState::Deferred
            | ConsentState::Withdrawn
            | ConsentState::Expired
            | ConsentState::Revoked
            | ConsentState::Invalidated => false,
        });
        let restricted = unanswered.and_then(|call| call.restricted_at);
        let said = |consent: &Consent| consent.answered_at.max(consent.since);
        let account =
            self.account.as_ref().filter(|account| restricted.is_none() || said(account) > restricted);
        in_call(SubjectConsent { call: self.call.as_ref(), campaign: None, account })
    }

    /// What counts from a call's start on: where consent stands now, one that stood by then, and none that was given
    /// later. A no counts whenever it was said.
    fn deciding_from(&self, start: Timestamp) -> Option<&Consent> {
        let deciding = self.deciding()?;
        if deciding.state != ConsentState::Given {
            return Some(deciding);
        }
        // Where the narrowest grant decides, no scope says no, so a wider one that is older stands as well.
        let given = [&self.call, &self.account].into_iter().flatten();
        let mut given = given.filter(|consent| consent.state == ConsentState::Given);
        given.find(|consent| consent.since.is_some_and(|since| since <= start))
    }

    /// Whether no grant that stands now is one under which the recording was made, or was given in its own call.
    fn were_interrupted(&self, events: &[StoredEvent], made: &RecordingRow) -> bool {
        let given = [&self.call, &self.account].into_iter().flatten();
        let mut given = given.filter(|consent| consent.state == ConsentState::Given);
        given.all(|consent| self.was_interrupted(consent, events, made))
    }

    /// Whether this grant is another one than that under which the recording was made.
    fn was_interrupted(&self, standing: &Consent, events: &[StoredEvent], made: &RecordingRow) -> bool {
        let by = standing.evidence();
        let given = events.iter().find(|stored| Some(stored.event.id) == by).map(|stored| &stored.event);
        let within_the_call =
            given.is_some_and(|event| event.said_in == Some(made.recording) && event.position.is_some());
        let ends = standing.epochs.iter().rev().skip(1).filter_map(|epoch| epoch.ended.map(|(at, _)| at));
        let restricted_since = standing.restricted_at.is_some_and(|at| at >= made.started_at);
        let ended_since = restricted_since || ends.into_iter().any(|at| at >= made.started_at);
        let account_ended = self.account.as_ref().is_some_and(|account| {
            account.restricted_at.is_some_and(|at| at >= made.started_at && Some(at) >= standing.answered_at)
        });
        account_ended || (ended_since && !within_the_call)
    }
}

/// What Authorize knows of each requested purpose on consent: over all those whose consent counts, the state of
/// the one that permits least. A purpose of which nothing was said is left out. To a call that comes late, consent
/// that was given after its start is not given: it is no basis for what was said before it.
pub fn at_opening(
    policy: &TenantPolicy,
    facts: &CallFacts,
    row: &RecordingRow,
    histories: &Histories,
    now: Timestamp,
) -> BTreeMap<PurposeName, PurposeConsent> {
    let mut consents = BTreeMap::new();
    for name in &facts.requested {
        let Some(purpose) = policy.purposes.get(name).filter(|purpose| purpose.basis == Basis::Consent)
        else {
            continue;
        };
        let mut least: Option<PurposeConsent> = None;
        for subject in whose(purpose, &row.parties) {
            let scopes = Scopes::of(events_of(histories, subject), name, row.recording, now);
            let consent = scopes.deciding_from(row.started_at).map_or(NOTHING, |consent| PurposeConsent {
                state: consent.state,
                evidence: consent.evidence(),
            });
            let permits_less = least.is_none_or(|least| least.state == ConsentState::Given);
            if permits_less {
                least = Some(consent);
            }
        }
        consents.extend(least.map(|consent| (name.clone(), consent)));
    }
    consents
}

const NOTHING: PurposeConsent = PurposeConsent { state: ConsentState::None, evidence: None };

/// Whether a purpose has its basis for this recording now.
pub fn may_use(
    purpose: &PurposeName,
    terms: &Purpose,
    made: &RecordingRow,
    histories: &Histories,
    now: Timestamp,
) -> Result<(), Gone> {
    if terms.basis != Basis::Consent {
        return Ok(());
    }
    let subjects = whose(terms, &made.parties);
    if subjects.is_empty() {
        return Err(Gone::NoConsent);
    }
    // Of several reasons the strongest is told.
    let reasons = subjects.into_iter().filter_map(|subject| {
        let events = events_of(histories, subject);
        let scopes = Scopes::of(events, purpose, made.recording, now);
        match scopes.deciding() {
            None => Some(Gone::NoConsent),
            Some(consent) => match gone(consent.state) {
                None if scopes.were_interrupted(events, made) => Some(Gone::Withdrawn),
                reason => reason,
            },
        }
    });
    reasons.max().map_or(Ok(()), Err)
}

fn gone(state: ConsentState) -> Option<Gone> {
    match state {
        ConsentState::Given => None,
        ConsentState::None | ConsentState::Notified | ConsentState::Requested | ConsentState::Deferred => {
            Some(Gone::NoConsent)
        }
        ConsentState::Refused => Some(Gone::Refused),
        ConsentState::Withdrawn => Some(Gone::Withdrawn),
        ConsentState::Expired => Some(Gone::Expired),
        ConsentState::Revoked => Some(Gone::Revoked),
        ConsentState::Invalidated => Some(Gone::Invalidated),
    }
}

fn whose(purpose: &Purpose, parties: &[PartyRow]) -> BTreeSet<SubjectId> {
    parties.iter().filter(|row| purpose.consent_of.contains(&row.party)).map(|row| row.subject).collect()
}

fn events_of(histories: &Histories, subject: SubjectId) -> &[StoredEvent] {
    histories.get(&subject).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests;
