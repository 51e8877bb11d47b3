//! What dsar's tests share: a store in a directory of its own, other roles that say what they are told to,
//! recordings, and a clock in the test's hand. `mesh` has the other roles, `policies` the tenant's policy, `disclosures` a
//! store of disclosures in memory.

mod disclosures;
mod mesh;
mod policies;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::sqlite::Options;
use kernel::{
    Basis, Clock, DisclosureId, EventId, HoldId, ManualClock, PurposeName, RecordingId, RequestId, SubjectId,
    TenantId, Timestamp,
};
use platform::Instance;
use platform::auth::Token;
use policy::code::Code;
use policy::request::{Actor, Asker, Channel};
use policy::rights::Right;
use proto::archive::v1::{BasisInterval, Recording, RecordingLeg, RecordingParty, RecordingState};
use proto::common::v1::{Interval, PartyRole};
use proto::consent::v1::{ConsentEvent, EventKind, PurposeState};
use proto::retention::v1::{
    DataKind, ExplainResponse, Hold, HoldKind, HoldSelector, HoldState, Term, TermState,
};

use crate::config::Config;
use crate::disclosure::Disclosure;
use crate::service::{NewDisclosure, NewRequest, Parts, Service, Who};
use crate::store::sqlite::SqliteStore;

pub(crate) use disclosures::FakeDisclosures;
pub(crate) use mesh::FakeMesh;

/// 2026-03-02T09:00:00+01:00: when calls begin.
pub(crate) const START: Timestamp = Timestamp(1_772_438_400_000_000);
/// Half an hour: how long they last.
pub(crate) const LASTS: Duration = Duration::from_secs(1_800);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);
/// Five years of days: for how long they are kept.
const KEPT: Duration = Duration::from_secs(1_826 * 86_400);

pub(crate) fn tenant() -> TenantId {
    TenantId::new("banca-alfa").unwrap()
}

pub(crate) fn purpose(name: &str) -> PurposeName {
    PurposeName::new(name).unwrap()
}

/// Somebody who handles requests.
pub(crate) fn actor(name: &str) -> Actor {
    Actor::new(name).unwrap()
}

/// What other roles are shown for somebody who is handed audio.
pub(crate) fn token() -> Token {
    Token::new("a-token")
}

/// A request that a person has sent by letter.
pub(crate) fn asked(subject: SubjectId, rights: &[Right]) -> NewRequest {
    NewRequest {
        id: RequestId::new(),
        rights: rights.iter().copied().collect(),
        channel: Channel::Letter,
        asker: Asker::Oneself,
        who: Who::Subject(subject),
        received_at: None,
        said_in: None,
        region: None,
        language: None,
    }
}

/// Something of a recording that a recipient got now.
pub(crate) fn new_disclosure(recording: RecordingId, recipient: &str) -> NewDisclosure {
    NewDisclosure {
        id: DisclosureId::new(),
        recording,
        recipient: Code::new(recipient).unwrap(),
        purpose: Some(purpose("quality")),
        at: None,
        filed: Code::new("contract-7").unwrap(),
    }
}

/// The same, recorded.
pub(crate) async fn disclosed(service: &Service, recording: RecordingId, recipient: &str) -> Disclosure {
    let new = new_disclosure(recording, recipient);
    service.disclose(&tenant(), &actor("anna"), new).await.unwrap()
}

/// When the periods of a call's purposes are over.
pub(crate) fn ends() -> Timestamp {
    START.plus(KEPT)
}

/// A sealed call of a customer, who is on leg 0, with an agent, who is on leg 1.
pub(crate) fn recording(
    id: RecordingId,
    customer: SubjectId,
    agent: SubjectId,
    purposes: &[(&str, Basis)],
) -> Recording {
    let end = u64::try_from(LASTS.as_micros()).unwrap();
    let on_basis = |(purpose, basis): &(&str, Basis)| BasisInterval {
        purpose: (*purpose).to_owned(),
        basis: basis.number(),
        start: 0,
        end,
        ..Default::default()
    };
    Recording {
        recording_id: id.to_bytes().to_vec(),
        state: RecordingState::Sealed.into(),
        started_at: START.0,
        duration: end,
        complete: true,
        parties: vec![party(customer, PartyRole::Customer), party(agent, PartyRole::Agent)],
        legs: vec![leg(0, 0, end), leg(1, 1, end)],
        bases: purposes.iter().map(on_basis).collect(),
        language: "it".to_owned(),
        ..Default::default()
    }
}

pub(crate) fn party(subject: SubjectId, role: PartyRole) -> RecordingParty {
    RecordingParty { subject_id: subject.to_bytes().to_vec(), role: role.into() }
}

/// A leg of which everything up to `end` is stored.
pub(crate) fn leg(number: u32, party: u32, end: u64) -> RecordingLeg {
    RecordingLeg {
        leg: number,
        codec: "pcma".to_owned(),
        clock_rate: 8_000,
        party,
        stored: vec![Interval { start: 0, end }],
        ..Default::default()
    }
}

/// A purpose's audio and metadata, kept.
pub(crate) fn terms(purpose: &str) -> [Term; 2] {
    [DataKind::Audio, DataKind::Metadata].map(|kind| Term {
        purpose: purpose.to_owned(),
        kind: kind.into(),
        state: TermState::Running.into(),
        ends: ends().0,
        ..Default::default()
    })
}

/// What retention says of a recording that is kept for every purpose that has a basis in it.
pub(crate) fn explained(facts: &Recording) -> ExplainResponse {
    ExplainResponse {
        recording_id: facts.recording_id.clone(),
        started_at: facts.started_at,
        terms: facts.bases.iter().flat_map(|basis| terms(&basis.purpose)).collect(),
        ..Default::default()
    }
}

/// A hold that stands, on whatever these persons are on.
pub(crate) fn hold(id: HoldId, kind: HoldKind, subjects: &[SubjectId]) -> Hold {
    let selector = HoldSelector {
        subject_ids: subjects.iter().map(|subject| subject.to_bytes().to_vec()).collect(),
        ..Default::default()
    };
    Hold {
        hold_id: id.to_bytes().to_vec(),
        kind: kind.into(),
        selector: Some(selector),
        state: HoldState::Placed.into(),
        ..Default::default()
    }
}

/// A store, other roles and a clock.
pub(crate) struct Bench {
    _directory: tempfile::TempDir,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) clock: ManualClock,
    pub(crate) mesh: Arc<FakeMesh>,
}

impl Bench {
    /// A month after calls begin, with nothing kept of anybody.
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(START.plus(DAY * 30));
        let store = Arc::new(store(&directory.path().join("dsar.db"), &clock).await);
        Self { _directory: directory, store, clock, mesh: Arc::new(FakeMesh::default()) }
    }

    /// The service, as a process that was just started has it.
    pub(crate) fn service(&self) -> Arc<Service> {
        Arc::new(Service::new(Parts {
            store: self.store.clone(),
            disclosures: self.store.clone(),
            mesh: self.mesh.clone(),
            policies: policies::policies(),
            instance: Instance::new("dsar", Vec::new()).unwrap(),
            clock: Arc::new(self.clock.clone()),
            config: Config::default(),
        }))
    }

    /// Lets time go by.
    pub(crate) fn pass(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Somebody agrees to a purpose, for every call.
    pub(crate) fn consents(&self, subject: SubjectId, purpose: &str) {
        let given = ConsentEvent {
            event_id: EventId::new().to_bytes().to_vec(),
            kind: EventKind::Given.into(),
            purposes: vec![purpose.to_owned()],
            ..Default::default()
        };
        let stands =
            PurposeState { purpose: purpose.to_owned(), state: "given".to_owned(), ..Default::default() };
        let mut state = self.mesh.state();
        let consent = state.consents.entry(subject).or_default();
        consent.history.push(given);
        consent.states.push(stands);
    }

    /// Keeps a call for every purpose that has a basis in it.
    pub(crate) fn keep(&self, facts: Recording) {
        let id = RecordingId::from_slice(&facts.recording_id).unwrap();
        let mut state = self.mesh.state();
        state.kept.insert(id, explained(&facts));
        state.recordings.push(facts);
    }
}

async fn store(file: &Path, clock: &ManualClock) -> SqliteStore {
    let clock: Arc<dyn Clock> = Arc::new(clock.clone());
    SqliteStore::open(file, Options::default(), clock).await.unwrap()
}
