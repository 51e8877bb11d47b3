//! The role as it is built, behind its guard, over its contract.

use std::time::Duration;

use kernel::{Clock, EventId, ManualClock, Principal, PrincipalKind, Role as Bearer, SubjectId};
use platform::audit::{AuditEntry, AuditProducer};
use platform::auth::{LocalIssuer, LocalTokens, Token, TokenRequest, Verifier};
use platform::call::{CallMetadata, request};
use platform::drain::{Tasks, shutdown};
use platform::guard::GuardParts;
use platform::instance::Instance;
use platform::outbox::{Bell, OutboxStore};
use platform::reason::EpochSealer;
use platform::rules::RuleBook;
use platform::telemetry::Metrics;
use platform::wire::{self, Wire};
use proto::common::v1::{Identifier, IdentifierKind, PartyRole};
use proto::consent::v1 as contract;
use proto::consent::v1::consent_client::ConsentClient;
use proto::consent::v1::watch_response::Message;
use tonic::Code;

use super::*;
use crate::event::EventKind;
use crate::store::Store;
use crate::store::identifiers::SqliteIdentifiers;
use crate::store::sqlite::SqliteStore;
use crate::testing::{CryptoServer, POLICY, START, at, journal, tenant, write_policy};

struct Stand {
    _directory: tempfile::TempDir,
    _tasks: Tasks,
    _stopper: platform::drain::Stopper,
    crypto: CryptoServer,
    store: Arc<SqliteStore>,
    issuer: LocalIssuer,
    /// Brings no token.
    bare: Wire,
    wire: Wire,
    client: ConsentClient<Wire>,
}

impl Stand {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        write_policy(path("policies"), "telco-beta", POLICY);
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(at(3_600_000)));
        let store = SqliteStore::open(&path("consent.db"), Arc::clone(&clock), Bell::new()).await;
        let store = Arc::new(store.unwrap());
        let crypto = CryptoServer::new();
        let metrics = Metrics::new();
        let log: Arc<dyn eventlog::EventLog> = Arc::new(eventlog::MemoryLog::new(Arc::clone(&clock)));
        let deps = crate::Deps {
            store: store.clone(),
            identifiers: Arc::new(SqliteIdentifiers::open(&path("identifiers.db")).await.unwrap()),
            clock: Arc::clone(&clock),
            policies: path("policies"),
            crypto: crypto.wire(),
            log: Arc::clone(&log),
            journal: Arc::new(journal(Arc::clone(&clock)).await),
            metrics: metrics.clone(),
        };
        let built = crate::build(&crate::Config::default(), deps).await.unwrap();

        let issuer = LocalIssuer::open(&path("keys"), "verbale").unwrap();
        let instance = Instance::new("producer", Vec::new()).unwrap();
        let (producer, producing) = AuditProducer::new(
            instance,
            log,
            Arc::clone(&clock),
            &metrics,
            &platform::audit::Config::default(),
        );
        let parts = GuardParts {
            rules: Arc::new(RuleBook::of_the_contract().unwrap()),
            verifier: Verifier::new([issuer.trusted()], platform::auth::Config::default().verifier()),
            producer,
            reasons: Arc::new(EpochSealer::new(crypto.wire(), Arc::clone(&clock))),
            clock,
            metrics,
            limits: platform::server::Config::default(),
            late_entries: 10,
        };
        let guarded = built.role.guard(&parts);
        let (stopper, shutdown) = shutdown();
        let mut tasks = Tasks::new(shutdown);
        tasks.start(producing);
        guarded.tasks.into_iter().for_each(|task| tasks.start(task));
        let tokens = Arc::new(LocalTokens::new(issuer.clone(), "ingest", Duration::from_secs(600)));
        let bare = guarded.wire;
        let wire = wire::client(bare.clone(), tokens);
        let client = ConsentClient::new(wire.clone());
        let (_directory, _tasks, _stopper) = (directory, tasks, stopper);
        Self { _directory, _tasks, _stopper, crypto, store, issuer, bare, wire, client }
    }

    async fn authorise(&self, recording: RecordingId) -> AuthorizeResponse {
        let answer = self.client.clone().authorize(request(&tenant(), authorize(recording))).await;
        answer.unwrap().into_inner()
    }

    async fn record(&self, event: contract::RecordEventRequest) -> Result<RecordEventResponse, Status> {
        Ok(self.client.clone().record_event(request(&tenant(), event)).await?.into_inner())
    }

    async fn may_use(&self, recording: RecordingId, purpose: &str) -> MayUseResponse {
        let message = MayUseRequest {
            recording_id: recording.to_bytes().to_vec(),
            purpose: purpose.to_owned(),
            r#use: Use::Replay.number(),
        };
        self.client.clone().may_use(request(&tenant(), message)).await.unwrap().into_inner()
    }

    /// Audit entries in the outbox: (action, outcome, objects).
    async fn entries(&self) -> Vec<(String, String, Vec<String>)> {
        let waiting = self.store.unpublished(100).await.unwrap();
        let entries = waiting.iter().filter(|o| o.topic == kernel::topics::AUDIT);
        let entries = entries.map(|o| AuditEntry::decode(&o.envelope.payload).unwrap());
        entries.map(|entry| (entry.action, entry.outcome, entry.objects)).collect()
    }
}

fn identifier(kind: IdentifierKind, value: &str) -> Identifier {
    Identifier { kind: kind.into(), value: value.to_owned() }
}

fn anna() -> Identifier {
    identifier(IdentifierKind::Phone, "+39 333 1112233")
}

fn authorize(recording: RecordingId) -> AuthorizeRequest {
    let withheld = identifier(IdentifierKind::Phone, "anonymous");
    let party = |role: PartyRole, identifiers| contract::Party { role: role.into(), identifiers };
    AuthorizeRequest {
        recording_id: recording.to_bytes().to_vec(),
        started_at: START.0,
        parties: vec![
            party(PartyRole::Agent, vec![identifier(IdentifierKind::Employee, "agent-101")]),
            party(PartyRole::Customer, vec![anna(), withheld, identifier(IdentifierKind::Crm, "T-77")]),
        ],
        purposes: vec!["quality".to_owned(), "duty".to_owned()],
        language: "it".to_owned(),
    }
}

fn event(
    subject: &[u8],
    kind: EventKind,
    recording: RecordingId,
    micros: u64,
) -> contract::RecordEventRequest {
    let purposes = if kind == EventKind::NoticePresented { vec![] } else { vec!["quality".to_owned()] };
    contract::RecordEventRequest {
        event_id: EventId::new().to_bytes().to_vec(),
        subject: Some(contract::record_event_request::Subject::SubjectId(subject.to_vec())),
        kind: kind.into(),
        purposes,
        scope: contract::ConsentScope::Call.into(),
        recording_id: recording.to_bytes().to_vec(),
        notice: "n5".to_owned(),
        position: Some(micros),
        occurred_at: START.0 + i64::try_from(micros).unwrap(),
        expression: contract::Expression::Voice.into(),
    }
}

#[tokio::test]
async fn a_call_is_authorised_agreed_to_and_withdrawn_over_the_contract() {
    let stand = Stand::new().await;
    let recording = RecordingId::new();
    let authorised = stand.authorise(recording).await;
    let outcomes: Vec<_> =
        authorised.grants.iter().map(|g| (g.purpose.as_str(), g.outcome().as_str_name())).collect();
    let expected = [("duty", "GRANT_OUTCOME_GRANTED"), ("quality", "GRANT_OUTCOME_AWAITS_CONSENT")];
    assert_eq!(outcomes, expected);
    assert_eq!((authorised.grants[0].regime.as_str(), authorised.policy_hash.len()), ("mifid2-16-7", 32));
    let customer = authorised.subject_ids[1].clone();
    let mut watch = stand
        .client
        .clone()
        .watch(WatchRequest { after_version: authorised.version })
        .await
        .unwrap()
        .into_inner();
    stand.record(event(&customer, EventKind::NoticePresented, recording, 7_873_000)).await.unwrap();
    let given = event(&customer, EventKind::Given, recording, 9_097_000);
    let first = stand.record(given.clone()).await.unwrap();
    assert_eq!(
        (first.states[0].state.as_str(), first.states[0].evidence.clone()),
        ("given", given.event_id.clone())
    );
    assert_eq!(stand.record(given).await.unwrap(), first);
    assert!(stand.may_use(recording, "quality").await.allowed);
    stand.record(event(&customer, EventKind::Withdrawn, recording, 16_909_000)).await.unwrap();
    let gone = stand.may_use(recording, "quality").await;
    assert_eq!((gone.allowed, gone.reason.as_str()), (false, "withdrawn"));
    let mut told = Vec::new();
    while told.len() < 4 {
        if let Some(Message::Changed(event)) = watch.message().await.unwrap().unwrap().message {
            told.push((event.version, event.kind(), event.tenant));
        }
    }
    let kinds = [EventKind::NoticePresented, EventKind::Asked, EventKind::Given, EventKind::Withdrawn];
    assert_eq!(
        told,
        (1..).zip(kinds).map(|(version, kind)| (version, kind, "telco-beta".to_owned())).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn each_act_leaves_one_entry_with_whom_it_touched_and_nothing_personal() {
    let stand = Stand::new().await;
    let recording = RecordingId::new();
    let authorised = stand.authorise(recording).await;
    let subjects: Vec<_> =
        authorised.subject_ids.iter().map(|id| SubjectId::from_slice(id).unwrap()).collect();
    let refused = event(&authorised.subject_ids[1], EventKind::Refused, recording, 1_000);
    stand.record(refused).await.unwrap();
    let mut unknown = event(&authorised.subject_ids[1], EventKind::Refused, recording, 1_000);
    unknown.purposes = vec!["sales".to_owned()];
    let status = stand.record(unknown).await.unwrap_err();
    assert_eq!((status.code(), platform::error::reason(&status)), (Code::InvalidArgument, "unknown-purpose"));
    let entries = stand.entries().await;
    let seen: Vec<_> =
        entries.iter().map(|(action, outcome, _)| (action.as_str(), outcome.as_str())).collect();
    let expected =
        [("call.authorised", "ok"), ("consent.recorded", "ok"), ("consent.recorded", "unknown-purpose")];
    assert_eq!(seen, expected);
    for subject in subjects {
        assert!(entries[0].2.contains(&format!("subject/{subject}")), "{:?}", entries[0]);
    }
    assert!(entries.iter().all(|(_, _, objects)| objects.contains(&format!("recording/{recording}"))));
    let waiting = stand.store.unpublished(100).await.unwrap();
    for secret in ["3331112233", "T-77", "agent-101"] {
        let shown = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!waiting.iter().any(|o| shown(&o.envelope.payload)), "{secret}");
    }
}

#[tokio::test]
async fn crypto_is_asked_for_index_values_and_given_subjects_sections() {
    let stand = Stand::new().await;
    stand.authorise(RecordingId::new()).await;
    let inputs: Vec<_> =
        stand.crypto.inputs.lock().iter().map(|value| String::from_utf8(value.clone()).unwrap()).collect();
    assert_eq!(inputs, ["5:agent-101", "1:+393331112233", "4:T-77"]);
    let adopted = stand.crypto.adopted.lock().clone();
    assert_eq!(adopted.len(), 2);
    for request in adopted {
        let leg = request.leg_opened.unwrap();
        assert_eq!(
            (request.reserved_purpose.as_str(), leg.kind, leg.leg, leg.key_epoch),
            ("subject", 3, 65_535, 3)
        );
        assert_eq!((leg.hpke_enc.len(), leg.hpke_ciphertext.len()), (32, 48));
    }
}

#[tokio::test]
async fn a_subject_is_found_and_shown_by_identifier_and_an_unknown_one_is_not() {
    let stand = Stand::new().await;
    let authorised = stand.authorise(RecordingId::new()).await;
    let mut client = stand.client.clone();
    let resolve = |identifier| request(&tenant(), ResolveSubjectRequest { identifier, at: 0 });
    let found = client.resolve_subject(resolve(Some(anna()))).await.unwrap().into_inner();
    assert_eq!(found.subject_id, authorised.subject_ids[1]);
    let nobody = identifier(IdentifierKind::Email, "bruno@example.org");
    let status = client.resolve_subject(resolve(Some(nobody))).await.unwrap_err();
    assert_eq!((status.code(), platform::error::reason(&status)), (Code::NotFound, "unknown-subject"));
    let malformed = identifier(IdentifierKind::Phone, "bruno");
    let status = client.resolve_subject(resolve(Some(malformed))).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(!status.message().contains("bruno"));
    let subject = Some(contract::get_state_request::Subject::Identifier(anna()));
    let state = client.get_state(request(&tenant(), GetStateRequest { subject })).await.unwrap().into_inner();
    assert_eq!((state.subject_id, state.states.len()), (found.subject_id, 0));
}

/// A client of somebody with this role.
fn person(stand: &Stand, name: &str, role: Bearer) -> (ConsentClient<Wire>, Token) {
    let token = stand.issuer.issue(&TokenRequest {
        subject: name.to_owned(),
        kind: PrincipalKind::Person,
        roles: [role].into(),
        tenants: [tenant()].into(),
        life: Duration::from_secs(600),
    });
    (ConsentClient::new(stand.bare.clone()), token.unwrap())
}

fn refusal_of<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    (status.code(), platform::error::reason(&status).to_owned())
}

#[tokio::test]
async fn two_people_link_two_subjects_over_the_contract() {
    let stand = Stand::new().await;
    let ids = stand.authorise(RecordingId::new()).await.subject_ids;
    let asked = || LinkSubjectsRequest {
        a_id: ids[0].clone(),
        b_id: ids[1].clone(),
        op: contract::LinkOp::Merge.into(),
        evidence: "case/2026-7".to_owned(),
    };
    let link = async |name: &str, role: Bearer| {
        let (mut client, token) = person(&stand, name, role);
        client.link_subjects(request(&tenant(), asked()).bearer(&token)).await
    };
    assert_eq!(refusal_of(link("sofia", Bearer::Supervisor).await).0, Code::PermissionDenied);
    let first = link("paola", Bearer::PrivacyOfficer).await.unwrap().into_inner();
    let told = first.link.unwrap();
    assert_eq!((told.asked_by.as_str(), told.agreed_by.as_str(), first.person_ids.len()), ("paola", "", 1));
    let again = refusal_of(link("paola", Bearer::PrivacyOfficer).await);
    assert_eq!(again, (Code::PermissionDenied, "same-person".to_owned()));
    let second = link("quirin", Bearer::Compliance).await.unwrap().into_inner();
    assert_eq!(second.link.unwrap().agreed_by, "quirin");
    let mut both = ids.clone();
    both.sort();
    assert_eq!(second.person_ids, both);

    let (mut client, token) = person(&stand, "aldo", Bearer::Auditor);
    let subject = Some(contract::get_subject_request::Subject::SubjectId(ids[1].clone()));
    let shown = client.get_subject(request(&tenant(), GetSubjectRequest { subject }).bearer(&token)).await;
    let shown = shown.unwrap().into_inner();
    assert_eq!((shown.person_ids, shown.links.len()), (both, 1));
    let kinds: Vec<_> = shown.identifiers.iter().map(|known| known.kind()).collect();
    assert_eq!(kinds, [IdentifierKind::Phone, IdentifierKind::Crm]);
    let first = &shown.identifiers[0];
    assert_eq!((first.valid_from, first.valid_to, first.shared_line), (0, 0, false));
    assert_eq!(first.assurance(), contract::Assurance::Asserted);
    let refused = client.link_subjects(request(&tenant(), asked()).bearer(&token)).await;
    assert_eq!(refusal_of(refused).0, Code::PermissionDenied);
}

#[tokio::test]
async fn a_number_is_given_on_and_a_line_marked_over_the_contract() {
    let stand = Stand::new().await;
    let before = stand.authorise(RecordingId::new()).await.subject_ids.remove(1);
    let (mut client, token) = person(&stand, "paola", Bearer::PrivacyOfficer);
    let from = at(60_000).0;
    let message = || ReassignIdentifierRequest { identifier: Some(anna()), from };
    let handed = client.reassign_identifier(request(&tenant(), message()).bearer(&token)).await;
    let handed = handed.unwrap().into_inner();
    assert_eq!(handed.before_id, before);
    let again = client.reassign_identifier(request(&tenant(), message()).bearer(&token)).await;
    assert_eq!(refusal_of(again), (Code::FailedPrecondition, "reassigned-already".to_owned()));
    for (at, whose) in [(from - 1, &before), (from, &handed.subject_id), (0, &handed.subject_id)] {
        let message = ResolveSubjectRequest { identifier: Some(anna()), at };
        let found = stand.client.clone().resolve_subject(request(&tenant(), message)).await.unwrap();
        assert_eq!((&found.get_ref().subject_id, found.get_ref().shared_line), (whose, false), "{at}");
    }
    let message = MarkSharedLineRequest { identifier: Some(anna()), shared: true };
    let marked = client.mark_shared_line(request(&tenant(), message).bearer(&token)).await.unwrap();
    assert_eq!(marked.into_inner().subject_id, handed.subject_id);
    let message = ResolveSubjectRequest { identifier: Some(anna()), at: 0 };
    let found = stand.client.clone().resolve_subject(request(&tenant(), message)).await.unwrap();
    assert!(found.into_inner().shared_line);
    // A later call is the new one's, and an earlier one that comes late the old one's.
    for (started_at, whose) in [(from - 1, &before), (from, &handed.subject_id)] {
        let message = AuthorizeRequest { started_at, ..authorize(RecordingId::new()) };
        let parties = message.parties.into_iter().map(|mut party| {
            party.identifiers.truncate(1);
            party
        });
        let message = AuthorizeRequest { parties: parties.collect(), ..message };
        let answer = stand.client.clone().authorize(request(&tenant(), message)).await.unwrap();
        assert_eq!(&answer.into_inner().subject_ids[1], whose, "{started_at}");
    }
}

#[tokio::test]
async fn a_policy_comes_so_that_its_hash_is_found_again() {
    let stand = Stand::new().await;
    let book = platform::PolicyBook::new(stand.wire.clone());
    let known = book.in_force(&tenant()).await.unwrap();
    assert_eq!(known.hash, policy::parse(POLICY, &|_| None).unwrap().hash());
    assert_eq!(book.by_hash(&tenant(), known.hash).await.unwrap(), known.policy);
    let mut client = stand.client.clone();
    let asked = |policy_hash| request(&tenant(), GetPolicyRequest { policy_hash });
    let unknown = client.get_policy(asked(vec![7; 32])).await.unwrap_err();
    assert_eq!((unknown.code(), platform::error::reason(&unknown)), (Code::NotFound, "unknown-policy"));
    assert_eq!(client.get_policy(asked(vec![7; 31])).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn an_entry_is_claimed_only_when_it_is_written() {
    let stand = Stand::new().await;
    let recording = RecordingId::new();
    let authorised = stand.authorise(recording).await;
    let refused = event(&authorised.subject_ids[1], EventKind::Refused, recording, 1_000);
    stand.record(refused.clone()).await.unwrap();
    stand.record(refused).await.unwrap();
    // The repetition is an act of its own.
    let recorded = stand.entries().await.into_iter().filter(|(action, ..)| action == "consent.recorded");
    assert_eq!(recorded.count(), 2);
    assert_eq!(stand.store.version().await.unwrap(), 1);
}

#[tokio::test]
async fn a_handler_without_a_guard_answers_nothing() {
    let principal = Principal {
        id: "x".to_owned(),
        kind: PrincipalKind::Service,
        roles: [Bearer::Service].into(),
        tenants: [tenant()].into(),
    };
    let bench = crate::testing::Bench::new().await;
    let rpc = Rpc::new(bench.service.clone());
    let unguarded = rpc.get_policy(Request::new(GetPolicyRequest::default())).await.unwrap_err();
    assert_eq!(unguarded.code(), Code::Internal);
    let mut nameless = Request::new(GetPolicyRequest::default());
    nameless.extensions_mut().insert(CallContext::new(principal, Token::new("t"), "policy.read"));
    assert_eq!(rpc.get_policy(nameless).await.unwrap_err().code(), Code::InvalidArgument);
}
