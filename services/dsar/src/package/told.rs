//! Makes the data of a package out of what was gathered. Pure. Of other people it says their role and nothing
//! else, of staff not even an account. Holds are left out: that an authority or a court has ordered one may
//! be a secret.

mod calls;
mod consents;
mod recipients;
mod words;

use std::collections::BTreeSet;

use kernel::{EventId, RecordingId, RequestId, Timestamp, Use};
use policy::request::Asker;
use proto::audit::v1::Entry;

use super::Earlier;
use super::data::{Asked, Consent, Consultation, Data, Own, PROCESSING, SCHEMA};
use super::gather::{Facts, Found, REPLAYED};
use super::granted::Granted;
use crate::act::RequestKey;
use crate::file::File;

/// The data, still without the audio, which is known once it is in the package.
pub(super) fn told(
    key: &RequestKey,
    file: &File,
    facts: &Facts,
    granted: &Granted,
    earlier: &[Earlier],
    now: Timestamp,
) -> Data {
    let received = &file.received;
    let known: BTreeSet<RequestId> = earlier.iter().map(|request| request.id).chain([key.id]).collect();
    let calls = calls::calls(facts, granted, &known, received.jurisdiction);
    Data {
        schema: SCHEMA,
        request: Asked {
            id: key.id.to_string(),
            received_at: received.received_at.to_string(),
            rights: file.request.rights().into_iter().map(|right| right.as_str()).collect(),
            jurisdiction: received.jurisdiction.as_str(),
            made_at: now.to_string(),
            made: now,
            for_somebody: received.asker == Asker::Representative,
        },
        recordings: calls,
        consent: facts.consent.as_ref().map_or_else(Consent::default, consents::consent),
        notices: consents::notices(facts),
        consultations: consultations(&facts.recordings),
        requests: earlier.iter().map(own).collect(),
        recipients: recipients::recipients(&facts.recordings),
        copies: recipients::copies(&facts.recordings),
        processing: PROCESSING,
        tells_consent: granted.consent,
        tells_consultations: granted.consultations,
    }
}

fn consultations(recordings: &[Found]) -> Vec<Consultation> {
    let of = |found: &Found| {
        let id = found.id;
        found.entries.iter().map(|entry| consultation(id, entry)).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = recordings.iter().flat_map(of).collect();
    all.sort_by_key(|consultation| consultation.moment);
    all
}

fn own(earlier: &Earlier) -> Own {
    Own {
        id: earlier.id.to_string(),
        received_at: earlier.received_at.to_string(),
        rights: earlier.rights.clone(),
        ended: earlier.ended,
        received: earlier.received_at,
    }
}

/// Nothing in a replay's entry says whose right it was that somebody exercised: that is not told.
fn consultation(id: RecordingId, entry: &Entry) -> Consultation {
    let wanted = entry.facts.get("use");
    let is_of_rights = wanted.is_some_and(|wanted| wanted == Use::Rights.as_str());
    let what = match (entry.action == REPLAYED, is_of_rights) {
        (true, true) => "opened",
        (true, false) => "listened",
        (false, _) => "handed-out",
    };
    Consultation {
        recording: id.to_string(),
        at: Timestamp(entry.at).to_string(),
        what,
        by: if entry.actor_kind == "person" { "person" } else { "service" },
        purpose: known(&entry.purpose),
        wanted: wanted.cloned(),
        moment: Timestamp(entry.at),
    }
}

/// A text, where it is not empty.
fn known(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A recording's id as text; none where there is none.
fn recording_id(bytes: &[u8]) -> Option<String> {
    RecordingId::from_slice(bytes).ok().map(|id| id.to_string())
}

/// An event's id as text; none where there is none.
fn event_id(bytes: &[u8]) -> Option<String> {
    EventId::from_slice(bytes).ok().map(|id| id.to_string())
}
