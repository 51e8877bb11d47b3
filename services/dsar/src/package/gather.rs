//! Gathers every fact of a package before its first byte, so that a store that does not answer is an error
//! and no gap.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kernel::{RecordingId, RequestId, SubjectId, TenantId};
use policy::{PolicyHash, TenantPolicy};
use proto::archive::v1::{Recording, RecordingState};
use proto::audit::v1::Entry;
use proto::consent::v1::GetStateResponse;
use proto::retention::v1::ExplainResponse;

use super::Parts;
use super::granted::Granted;
use crate::act::RequestKey;
use crate::disclosure::{Disclosure, Origin};
use crate::error::Error;
use crate::finding;
use crate::person::Person;
use crate::store::MAX_LISTED;

/// Most entries of the ledger that are looked at for one package.
const MAX_ENTRIES: usize = 200_000;
/// Most pages of entries about one recording: audit answers a hundred at a time.
const MAX_PAGES: usize = 2_000;
/// Most disclosures that are looked at for one package.
const MAX_DISCLOSURES: usize = 50_000;
/// What a note is called that says that a notice was played.
pub(super) const NOTICE_PLAYED: &str = "notice.played";
/// Somebody listened.
pub(super) const REPLAYED: &str = "recording.replayed";
/// Somebody handed a package out.
pub(super) const HANDED_OUT: &str = "request.package-handed-out";

/// One recording's facts.
pub(super) struct Found {
    /// Its id.
    pub(super) id: RecordingId,
    /// What archive knows.
    pub(super) recording: Recording,
    /// Until when it is kept; none where nothing of it is.
    pub(super) kept: Option<ExplainResponse>,
    /// Who has opened it.
    pub(super) entries: Vec<Entry>,
    /// Who outside got something of it; of copies only those of the person's other requests.
    pub(super) disclosures: Vec<Disclosure>,
}

/// Everything that a package tells.
pub(super) struct Facts {
    /// Whose they are.
    pub(super) person: Person,
    /// The recordings, in order of their beginnings.
    pub(super) recordings: Vec<Found>,
    /// What the person consented to; none where that was not granted.
    pub(super) consent: Option<GetStateResponse>,
    /// The policies whose notices were shown.
    pub(super) policies: BTreeMap<[u8; 32], Arc<TenantPolicy>>,
}

/// Asks archive, retention, audit, consent, for the disclosures and for the policies; `own` are the person's other
/// requests.
pub(super) async fn gather(
    parts: &Parts,
    key: &RequestKey,
    subject: SubjectId,
    granted: &Granted,
    own: &BTreeSet<RequestId>,
) -> Result<Facts, Error> {
    let tenant = &key.tenant;
    let person = parts.mesh.person(tenant, subject).await?;
    let (mut recordings, mut left) = (Vec::with_capacity(granted.recordings.len()), MAX_ENTRIES);
    let mut disclosures_left = MAX_DISCLOSURES;
    for id in &granted.recordings {
        let recording = parts.mesh.recording(tenant, *id).await?;
        if recording.recording_id != id.to_bytes() {
            return Err(Error::Answer { peer: "archive", what: "another recording" });
        }
        // Two who are not one person any more get nothing of each other. Of what is erased nobody is named any more.
        let is_erased = recording.state() == RecordingState::Erased;
        if !is_erased && !recording.parties.iter().any(|party| person.is(&party.subject_id)) {
            let why = format!("recording {id} is of nobody whom the request is about by now");
            return Err(Error::refused("not-theirs", why));
        }
        let kept = parts.mesh.kept(tenant, *id).await?;
        let entries = match granted.consultations {
            true => entries(parts, key, *id, &mut left).await?,
            false => Vec::new(),
        };
        let disclosures = disclosures(parts, tenant, *id, own, &mut disclosures_left).await?;
        recordings.push(Found { id: *id, recording, kept, entries, disclosures });
    }
    recordings.sort_by_key(|found| (found.recording.started_at, found.id));
    let consent = match granted.consent {
        true => Some(finding::consent_of(parts.mesh.as_ref(), tenant, &person, &granted.confirmed).await?),
        false => None,
    };
    let policies = policies(parts, tenant, &recordings, consent.as_ref()).await?;
    Ok(Facts { person, recordings, consent, policies })
}

/// The entries that tell of a person who has heard a recording; the mesh's own openings of keys tell nothing
/// of that.
async fn entries(
    parts: &Parts,
    key: &RequestKey,
    id: RecordingId,
    left: &mut usize,
) -> Result<Vec<Entry>, Error> {
    let (object, own) = (format!("recording/{id}"), format!("request/{}", key.id));
    let (mut found, mut token) = (Vec::new(), String::new());
    for _ in 0..MAX_PAGES {
        let (page, next) = parts.mesh.entries(&key.tenant, object.clone(), token).await?;
        *left = left.checked_sub(page.len()).ok_or_else(too_many)?;
        found.extend(page.into_iter().filter(|entry| tells(entry, &object, &own)));
        match next {
            Some(next) => token = next,
            None => return Ok(found),
        }
    }
    Err(too_many())
}

/// Who outside got something of a recording. That another person on it has got a copy is that person's matter, even that
/// there was one.
async fn disclosures(
    parts: &Parts,
    tenant: &TenantId,
    id: RecordingId,
    own: &BTreeSet<RequestId>,
    left: &mut usize,
) -> Result<Vec<Disclosure>, Error> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = parts.disclosures.of_recording(tenant, id, after, MAX_LISTED).await?;
        *left = left.checked_sub(page.len()).ok_or(Error::TooMany {
            what: "disclosures of the recordings of one package",
            bound: MAX_DISCLOSURES as u64,
        })?;
        after = page.last().map(|last| last.key.id);
        let is_last = page.len() < MAX_LISTED as usize;
        found.extend(page.into_iter().filter(|disclosure| is_told(disclosure, own)));
        if is_last {
            return Ok(found);
        }
    }
}

/// Whether a disclosure is the person's to know.
fn is_told(disclosure: &Disclosure, own: &BTreeSet<RequestId>) -> bool {
    match &disclosure.origin {
        Origin::Copy(request) => own.contains(request),
        Origin::Filed(_) => true,
    }
}

/// Whether an entry says that somebody heard it. A stream leaves a second one when it ends, which tells of
/// the same act. A copy of another request is another person's matter, even that there was one.
fn tells(entry: &Entry, object: &str, own: &str) -> bool {
    let names = |object: &str| entry.objects.iter().any(|named| named == object);
    let heard = entry.action == REPLAYED || (entry.action == HANDED_OUT && names(own));
    heard && names(object) && entry.outcome == "ok" && !entry.facts.contains_key("after")
}

fn too_many() -> Error {
    Error::TooMany { what: "ledger entries about the recordings of one package", bound: MAX_ENTRIES as u64 }
}

/// The policies by whose notices people were told.
async fn policies(
    parts: &Parts,
    tenant: &TenantId,
    recordings: &[Found],
    consent: Option<&GetStateResponse>,
) -> Result<BTreeMap<[u8; 32], Arc<TenantPolicy>>, Error> {
    let told = recordings.iter().map(|found| &found.recording);
    let told = told.filter(|recording| recording.notes.iter().any(|note| note.kind == NOTICE_PLAYED));
    let hashes = told.map(|recording| &recording.policy_hash);
    let history = consent.into_iter().flat_map(|consent| &consent.history);
    let shown = history.filter(|event| !event.notice.is_empty()).map(|event| &event.policy_hash);
    let hashes = hashes.chain(shown).filter_map(|bytes| PolicyHash::from_slice(bytes).ok());
    let hashes: BTreeSet<[u8; 32]> = hashes.map(|hash| *hash.as_bytes()).collect();
    let mut known = BTreeMap::new();
    for hash in hashes {
        known.insert(hash, parts.policies.by_hash(tenant, PolicyHash(hash)).await?);
    }
    Ok(known)
}
