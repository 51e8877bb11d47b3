//! What is kept of a person beside their recordings. Pure.

use std::collections::BTreeSet;

use kernel::{EventId, PurposeName, RecordingId, RequestId, Timestamp};
use policy::consent::ConsentState;
use policy::rights::{BasisState, Gate, HoldState, Presence, Question, Right};
use proto::consent::v1::GetStateResponse;

use super::{Asked, CONSENT};
use crate::error::Error;
use crate::plan::{Artefact, PlanItem};

/// Their consent, who has opened what, their other requests, and what lies in backups; none of it comes of an
/// empty store.
pub(super) fn items(
    asked: &Asked<'_>,
    consent: &GetStateResponse,
    others: &[RequestId],
    has_recordings: bool,
) -> Result<Vec<PlanItem>, Error> {
    let has_history = !consent.history.is_empty();
    let mut items = Vec::new();
    for right in asked.rights.iter().copied() {
        match right {
            Right::Access | Right::Erase => {
                items.extend(proofs(right, has_history, others, has_recordings));
            }
            Right::Port if has_history => {
                items.push(item(right, Artefact::Consent, None, BasisState::ConsentLive));
            }
            Right::Withdraw => {
                let given = given(consent, None, asked.consented_by)?.into_iter();
                let given = given.chain(asked.withdrawn.iter().cloned()).collect::<BTreeSet<_>>().into_iter();
                let withdrawn =
                    |purpose| item(right, Artefact::Consent, Some(purpose), BasisState::ConsentLive);
                items.extend(given.map(withdrawn));
            }
            Right::ObjectMarketing => {
                items.push(item(right, Artefact::Consent, None, BasisState::LegitimateInterest));
            }
            Right::Port | Right::Rectify | Right::Restrict | Right::Object => {}
        }
    }
    Ok(items)
}

/// What shows that everything was done as it should be, which a duty keeps; of an erasure also the copies,
/// which nothing keeps but the time that a backup lives.
fn proofs(
    right: Right,
    has_history: bool,
    others: &[RequestId],
    has_recordings: bool,
) -> impl Iterator<Item = PlanItem> {
    let consent = has_history.then_some((Artefact::Consent, BasisState::DutyRunning));
    let log = has_recordings.then_some((Artefact::AccessLog, BasisState::DutyRunning));
    let has_backups = has_recordings && right == Right::Erase;
    let backups = has_backups.then_some((Artefact::Backups, BasisState::ConsentGone));
    let files = others.iter().map(|id| (Artefact::Request(*id), BasisState::DutyRunning));
    let all = consent.into_iter().chain(log).chain(backups).chain(files);
    all.map(move |(artefact, basis)| item(right, artefact, None, basis))
}

/// The purposes to which they had consented by then, in whatever scope, or as far as it reaches one call: what they agreed to
/// since stands.
pub(crate) fn given(
    consent: &GetStateResponse,
    call: Option<RecordingId>,
    by: Timestamp,
) -> Result<BTreeSet<PurposeName>, Error> {
    let reaches = |said_in: &[u8]| call.is_none_or(|call| said_in.is_empty() || *said_in == call.to_bytes());
    let given = consent.states.iter().filter(|state| state.state == ConsentState::Given.as_str());
    let given = given.filter(|state| state.since <= by.0 && reaches(&state.recording_id));
    let name = |purpose: &str| {
        PurposeName::new(purpose).map_err(|_| Error::Answer { peer: CONSENT, what: "a purpose" })
    };
    given.map(|state| name(&state.purpose)).collect()
}

/// The purposes that an event has taken back; none where it did not come to be.
pub(crate) fn taken_back(consent: &GetStateResponse, event: EventId) -> Result<BTreeSet<PurposeName>, Error> {
    let own = consent.history.iter().filter(|told| told.event_id == event.to_bytes());
    let name = |purpose: &String| {
        PurposeName::new(purpose.as_str()).map_err(|_| Error::Answer { peer: CONSENT, what: "a purpose" })
    };
    own.flat_map(|told| &told.purposes).map(name).collect()
}

fn item(right: Right, artefact: Artefact, purpose: Option<PurposeName>, basis: BasisState) -> PlanItem {
    let question = Question {
        right,
        category: artefact.category(),
        basis,
        hold: HoldState::None,
        presence: Presence::Oneself,
        gate: Gate::Clear,
    };
    PlanItem { artefact, purpose, question, kept_by: String::new(), until: None, began: None }
}
