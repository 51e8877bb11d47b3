//! The whole role behind its guard, called over its wire, with a consent that speaks the real contract.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::time::Duration;

use eventlog::envelope::from_record;
use eventlog::{EventLog, MemoryLog, ReadLimit};
use kernel::{Clock, ManualClock, PrincipalKind, Role as TokenRole, TenantId, Timestamp, topics};
use parking_lot::Mutex;
use platform::audit::{AuditEntry, AuditOutbox, AuditProducer};
use platform::auth::{LocalIssuer, LocalTokens, Token, TokenRequest, Verifier};
use platform::call::{CallMetadata, TENANT, request};
use platform::drain::{Stopper, Tasks, shutdown};
use platform::guard::GuardParts;
use platform::instance::{Instance, KeysCertifier};
use platform::outbox::{Bell, OutboxStore};
use platform::policies::PolicyBook;
use platform::reason::{EpochSealer, ReasonSealer};
use platform::rules::RuleBook;
use platform::telemetry::Metrics;
use platform::wire::{LateWire, Wire, client, in_process};
use proto::common::v1::{SpanRange, Use as WireUse};
use proto::consent::v1::consent_server::{Consent, ConsentServer};
use proto::consent::v1::{self as consent};
use proto::crypto::v1::keys_client::KeysClient;
use proto::crypto::v1::{EpochState as WireState, HmacKey, SectionEntry, SectionSpans};
use proto::ingest::v1::LegOpened;
use proto::retention::v1::retention_server::{Retention, RetentionServer};
use proto::retention::v1::{self as retention};
use seal::{Cover, EpochPublic, LegKey, LegKeyInfo, SectionAddress, SignedCert};
use tonic::Code;

use super::*;
use crate::backend::file::FileBackend;
use crate::outbox::SqliteOutbox;
use crate::store::sqlite::SqliteKeyStore;
use crate::testing::{POLICY, derives, section, tenant};

const DUTY: &str = "mifid2-transaction";

/// A consent of which only what crypto asks is there.
#[derive(Clone, Default)]
struct FakeConsent(Arc<Mutex<BTreeMap<String, String>>>);

impl FakeConsent {
    fn withdraw(&self, purpose: &str) {
        self.0.lock().insert(purpose.to_owned(), "withdrawn".to_owned());
    }
}

fn not_here<T>() -> Answer<T> {
    Err(Status::unimplemented("crypto does not ask this"))
}

#[tonic::async_trait]
impl Consent for FakeConsent {
    type WatchStream = Pin<Box<dyn futures::Stream<Item = Result<consent::WatchResponse, Status>> + Send>>;

    async fn may_use(&self, request: Request<consent::MayUseRequest>) -> Answer<consent::MayUseResponse> {
        assert_eq!(request.metadata().get(TENANT).unwrap(), "banca-alfa");
        let gone = self.0.lock().get(&request.get_ref().purpose).cloned();
        let (allowed, reason) = (gone.is_none(), gone.unwrap_or_default());
        Ok(Response::new(consent::MayUseResponse { allowed, reason }))
    }
    async fn get_policy(&self, _: Request<consent::GetPolicyRequest>) -> Answer<consent::GetPolicyResponse> {
        let policy = policy::parse(POLICY, &|_| None).unwrap();
        Ok(Response::new(consent::GetPolicyResponse {
            document: POLICY.to_owned(),
            policy_hash: policy.hash().0.to_vec(),
            ..Default::default()
        }))
    }
    async fn authorize(&self, _: Request<consent::AuthorizeRequest>) -> Answer<consent::AuthorizeResponse> {
        not_here()
    }
    async fn record_event(
        &self,
        _: Request<consent::RecordEventRequest>,
    ) -> Answer<consent::RecordEventResponse> {
        not_here()
    }
    async fn get_state(&self, _: Request<consent::GetStateRequest>) -> Answer<consent::GetStateResponse> {
        not_here()
    }
    async fn watch(&self, _: Request<consent::WatchRequest>) -> Answer<Self::WatchStream> {
        not_here()
    }
    async fn resolve_subject(
        &self,
        _: Request<consent::ResolveSubjectRequest>,
    ) -> Answer<consent::ResolveSubjectResponse> {
        not_here()
    }
    async fn get_subject(
        &self,
        _: Request<consent::GetSubjectRequest>,
    ) -> Answer<consent::GetSubjectResponse> {
        not_here()
    }
    async fn link_subjects(
        &self,
        _: Request<consent::LinkSubjectsRequest>,
    ) -> Answer<consent::LinkSubjectsResponse> {
        not_here()
    }
    async fn reassign_identifier(
        &self,
        _: Request<consent::ReassignIdentifierRequest>,
    ) -> Answer<consent::ReassignIdentifierResponse> {
        not_here()
    }
    async fn mark_shared_line(
        &self,
        _: Request<consent::MarkSharedLineRequest>,
    ) -> Answer<consent::MarkSharedLineResponse> {
        not_here()
    }
}

/// A retention of which only what crypto asks is there: it knows one hold.
#[derive(Clone, Default)]
struct FakeRetention;

const HOLD: &str = "0199f2f0-0000-7000-8000-000000000001";

#[tonic::async_trait]
impl Retention for FakeRetention {
    async fn may_serve(
        &self,
        request: Request<retention::MayServeRequest>,
    ) -> Answer<retention::MayServeResponse> {
        assert_eq!(request.metadata().get(TENANT).unwrap(), "banca-alfa");
        let asked = request.get_ref();
        let allowed = asked.r#use != i32::from(WireUse::LegalClaim) || asked.reference == HOLD;
        let reason = if allowed { String::new() } else { "no-hold".to_owned() };
        Ok(Response::new(retention::MayServeResponse { allowed, reason }))
    }
    async fn explain(&self, _: Request<retention::ExplainRequest>) -> Answer<retention::ExplainResponse> {
        not_here()
    }
    async fn list_due(&self, _: Request<retention::ListDueRequest>) -> Answer<retention::ListDueResponse> {
        not_here()
    }
    async fn extend(&self, _: Request<retention::ExtendRequest>) -> Answer<retention::ExtendResponse> {
        not_here()
    }
    async fn plan_sweep(&self, _: Request<retention::PlanSweepRequest>) -> Answer<retention::SweepPlan> {
        not_here()
    }
    async fn sweep(&self, _: Request<retention::SweepRequest>) -> Answer<retention::SweepResponse> {
        not_here()
    }
    async fn place_hold(
        &self,
        _: Request<retention::PlaceHoldRequest>,
    ) -> Answer<retention::PlaceHoldResponse> {
        not_here()
    }
    async fn release_hold(
        &self,
        _: Request<retention::ReleaseHoldRequest>,
    ) -> Answer<retention::ReleaseHoldResponse> {
        not_here()
    }
    async fn list_holds(
        &self,
        _: Request<retention::ListHoldsRequest>,
    ) -> Answer<retention::ListHoldsResponse> {
        not_here()
    }
    async fn order_erasure(
        &self,
        _: Request<retention::OrderErasureRequest>,
    ) -> Answer<retention::OrderErasureResponse> {
        not_here()
    }
    async fn get_erasure(
        &self,
        _: Request<retention::GetErasureRequest>,
    ) -> Answer<retention::GetErasureResponse> {
        not_here()
    }
    async fn list_erasures(
        &self,
        _: Request<retention::ListErasuresRequest>,
    ) -> Answer<retention::ListErasuresResponse> {
        not_here()
    }
    async fn get_receipt(
        &self,
        _: Request<retention::GetReceiptRequest>,
    ) -> Answer<retention::GetReceiptResponse> {
        not_here()
    }
}

struct Mesh {
    keys: KeysClient<Wire>,
    wire: Wire,
    consent: FakeConsent,
    log: MemoryLog,
    outbox: SqliteOutbox,
    clock: Arc<ManualClock>,
    issuer: LocalIssuer,
    _directory: tempfile::TempDir,
    _tasks: Tasks,
    _stopper: Stopper,
}

async fn mesh() -> Mesh {
    let directory = tempfile::tempdir().unwrap();
    let keys = directory.path().join("keys");
    let backend = Arc::new(FileBackend::open(&keys).unwrap());
    let store = Arc::new(SqliteKeyStore::open(&keys.join("crypto.db")).await.unwrap());
    let issuer = LocalIssuer::open(&keys, "verbale").unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp::parse("2026-11-20T09:00:00Z").unwrap()));
    let path = directory.path().join("outbox.db");
    let outbox = SqliteOutbox::open(&path, clock.clone(), Bell::new()).await.unwrap();
    let objects = Arc::new(objects::MemoryObjects::new(clock.clone()));
    let prefix = objects::Prefix::new("keys/journal/").unwrap();
    let journal =
        journal::Journal::open(objects, prefix, clock.clone(), journal::BACKUP_HORIZON).await.unwrap();
    let canaries = crate::canary::SqliteCanaries::open(&path).await.unwrap();
    let (log, metrics, consent) = (MemoryLog::new(clock.clone()), Metrics::new(), FakeConsent::default());
    let verifier = Verifier::new([issuer.trusted()], platform::auth::Config::default().verifier());
    let instance = Instance::new("crypto", Vec::new()).unwrap();
    let late = LateWire::new();
    let tokens = Arc::new(LocalTokens::new(issuer.clone(), "archive", Duration::from_secs(600)));
    let wire = client(late.wire(), tokens);
    let (producer, task) = AuditProducer::new(
        Arc::clone(&instance),
        Arc::new(log.clone()),
        clock.clone(),
        &metrics,
        &platform::audit::Config::default(),
    );
    let (stopper, shutdown) = shutdown();
    let mut tasks = Tasks::new(shutdown);
    tasks.start(task);
    let to_consent = in_process(ConsentServer::new(consent.clone()));
    let deps = crate::Deps {
        store,
        backend,
        clock: clock.clone(),
        consent: to_consent.clone(),
        retention: in_process(RetentionServer::new(FakeRetention)),
        verifier: Arc::new(verifier.clone()),
        policies: Arc::new(PolicyBook::new(to_consent)),
        outbox: Arc::new(outbox.clone()) as Arc<dyn AuditOutbox>,
        log: Arc::new(log.clone()),
        journal: Arc::new(journal),
        copies: Arc::new(crate::copies::NoCopies),
        canaries: Arc::new(canaries),
        metrics: metrics.clone(),
    };
    let parts = GuardParts {
        rules: Arc::new(RuleBook::of_the_contract().unwrap()),
        verifier,
        producer,
        reasons: Arc::new(EpochSealer::new(wire.clone(), clock.clone())),
        clock: clock.clone(),
        metrics,
        limits: platform::server::Config::default(),
        late_entries: 10,
    };
    let role = crate::build(&crate::Config::default(), deps).guard(&parts);
    late.set(role.wire);
    for task in role.tasks {
        tasks.start(task);
    }
    for check in &role.ready {
        check.check().await.unwrap();
    }
    instance.certify(&KeysCertifier::new(wire.clone())).await.unwrap();
    Mesh {
        keys: KeysClient::new(wire.clone()),
        wire,
        consent,
        log,
        outbox,
        clock,
        issuer,
        _directory: directory,
        _tasks: tasks,
        _stopper: stopper,
    }
}

impl Mesh {
    fn person(&self, role: TokenRole) -> Token {
        self.token("giulia", PrincipalKind::Person, role)
    }

    /// The token of a role of the mesh.
    fn service(&self, role: &str) -> Token {
        self.token(&format!("service/{role}"), PrincipalKind::Service, TokenRole::Service)
    }

    fn token(&self, subject: &str, kind: PrincipalKind, role: TokenRole) -> Token {
        let request = TokenRequest {
            subject: subject.to_owned(),
            kind,
            roles: BTreeSet::from([role]),
            tenants: BTreeSet::from([tenant(), TenantId::new("telco-beta").unwrap()]),
            life: Duration::from_secs(600),
        };
        self.issuer.issue(&request).unwrap()
    }

    async fn adopt(&mut self, at: SectionAddress) -> LegKey {
        let instance_id = InstanceId::new().to_bytes().to_vec();
        let asked = request(&tenant(), GetActiveKeyRequest { instance_id });
        let active = self.keys.get_active_key(asked).await.unwrap().into_inner();
        assert_eq!(active.until, self.clock.now().plus(crate::testing::WEEK).0);
        let key = LegKey::generate().unwrap();
        let info = LegKeyInfo { tenant: tenant(), section: at, epoch: KeyEpoch(active.key_epoch) };
        let public = EpochPublic::from_slice(&active.public_key).unwrap();
        let sealed = seal::hpke::seal_leg_key(&public, &info, &key).unwrap();
        let leg_opened = LegOpened {
            recording_id: at.recording.to_bytes().to_vec().into(),
            leg: u32::from(at.leg.0),
            section: at.section.0,
            session_epoch: 1,
            key_epoch: active.key_epoch,
            writer: InstanceId::new().to_bytes().to_vec().into(),
            hpke_enc: sealed.enc.to_vec().into(),
            hpke_ciphertext: sealed.ciphertext.into(),
            kind: 1,
            anchors: Vec::new(),
        };
        let message = AdoptRequest { leg_opened: Some(leg_opened), reserved_purpose: "sealing".to_owned() };
        for already in [false, true] {
            let adopted = self.keys.adopt(request(&tenant(), message.clone())).await.unwrap();
            assert_eq!(adopted.into_inner().already, already);
        }
        key
    }

    async fn seal(&mut self, at: SectionAddress) -> SealResponse {
        let entry = |purpose: &str, first, on_consent| SectionEntry {
            leg: 0,
            section: 0,
            purpose: purpose.to_owned(),
            on_consent,
            spans: vec![SpanRange { first, last: 59 }],
        };
        let message = SealRequest {
            recording_id: at.recording.to_bytes().to_vec(),
            entries: vec![entry(DUTY, 0, false), entry("quality", 9, true)],
            complete: true,
            seen: Vec::new(),
            timeline_hash: vec![1; 32],
            span_table_hash: vec![2; 32],
            policy_hash: policy::parse(POLICY, &|_| None).unwrap().hash().0.to_vec(),
        };
        self.keys.seal(request(&tenant(), message)).await.unwrap().into_inner()
    }

    async fn unwrap(
        &mut self,
        at: SectionAddress,
        purpose: &str,
        token: &Token,
    ) -> Result<UnwrapResponse, Status> {
        self.unwrap_for(at, purpose, token, WireUse::Replay, "").await
    }

    async fn unwrap_for(
        &mut self,
        at: SectionAddress,
        purpose: &str,
        token: &Token,
        wanted: WireUse,
        reference: &str,
    ) -> Result<UnwrapResponse, Status> {
        let spans = vec![SpanRange { first: 5, last: 14 }];
        let message = UnwrapRequest {
            recording_id: at.recording.to_bytes().to_vec(),
            purpose: purpose.to_owned(),
            r#use: wanted.into(),
            sections: vec![SectionSpans { leg: 0, section: 0, spans }],
            subject_token: token.expose().to_owned(),
            reference: reference.to_owned(),
        };
        self.keys.unwrap(request(&tenant(), message)).await.map(Response::into_inner)
    }

    /// What opens, as purpose and ranges.
    async fn probe(&mut self, at: SectionAddress) -> Vec<(String, Vec<(u32, u32)>)> {
        let message = ProbeRequest { recording_id: at.recording.to_bytes().to_vec() };
        let open = self.keys.probe(request(&tenant(), message)).await.unwrap().into_inner().open;
        let ranges = |spans: Vec<SpanRange>| spans.iter().map(|range| (range.first, range.last)).collect();
        open.into_iter().map(|section| (section.purpose, ranges(section.spans))).collect()
    }

    /// The entries of an action in the topic.
    async fn entries(&self, action: &str) -> Vec<AuditEntry> {
        let mut entries = Vec::new();
        for partition in 0..topics::AUDIT.partitions {
            let limit = ReadLimit { records: 1_000, bytes: 1 << 20 };
            for record in self.log.read(&topics::AUDIT, partition, 0, limit).await.unwrap() {
                let envelope = from_record(&record).unwrap();
                entries.extend(
                    AuditEntry::decode(&envelope.payload).ok().filter(|entry| entry.action == action),
                );
            }
        }
        entries
    }
}

fn word(status: &Status) -> (Code, &str) {
    (status.code(), platform::error::reason(status))
}

#[tokio::test]
async fn a_calls_keys_go_in_and_come_out_over_the_contract_and_every_unwrap_is_in_the_ledgers_topic() {
    let mut mesh = mesh().await;
    let at = section(kernel::RecordingId::new(), 0);
    let key = mesh.adopt(at).await;
    let sealed = mesh.seal(at).await;
    assert_eq!((sealed.entries.len(), sealed.gone.len()), (2, 0));
    assert!(sealed.entries.iter().all(|entry| entry.on_consent == (entry.purpose == "quality")));

    let supervisor = mesh.person(TokenRole::Supervisor);
    let opened = mesh.unwrap(at, "quality", &supervisor).await.unwrap();
    assert_eq!((opened.ttl, opened.covers.len()), (60_000, 1));
    assert_eq!(opened.covers[0].spans, [SpanRange { first: 9, last: 14 }]);
    assert!(derives(&Cover::decode(&opened.covers[0].cover).unwrap(), &key, 9..15));
    let renew = RenewRequest { lease_id: opened.lease_id };
    assert_eq!(mesh.keys.renew(request(&tenant(), renew.clone())).await.unwrap().into_inner().ttl, 60_000);

    let entries = mesh.entries("key.unwrapped").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].objects, [format!("recording/{}", at.recording)]);
    assert_eq!((entries[0].facts["for"].as_str(), entries[0].facts["spans"].as_str()), ("giulia", "6"));
    assert_eq!(entries[0].facts["claimed-purpose"], "quality");

    mesh.consent.withdraw("quality");
    let refused = mesh.keys.renew(request(&tenant(), renew)).await.unwrap_err();
    assert_eq!(word(&refused), (Code::PermissionDenied, "withdrawn"));
    let refused = mesh.unwrap(at, "quality", &supervisor).await.unwrap_err();
    assert_eq!(word(&refused), (Code::PermissionDenied, "withdrawn"));
    assert_eq!(mesh.entries("key.unwrapped").await.len(), 2, "refusals are entered, too");
    let compliance = mesh.person(TokenRole::Compliance);
    mesh.unwrap(at, DUTY, &compliance).await.expect("the duty stands");
}

#[tokio::test]
async fn sealings_and_certificates_wait_in_the_outbox_of_the_data_directory() {
    let mut mesh = mesh().await;
    let at = section(kernel::RecordingId::new(), 0);
    mesh.adopt(at).await;
    mesh.seal(at).await;
    let waiting = mesh.outbox.unpublished(10).await.unwrap();
    let actions: Vec<_> = waiting
        .iter()
        .map(|outgoing| AuditEntry::decode(&outgoing.envelope.payload).unwrap().action)
        .collect();
    assert_eq!(actions, ["instance.certified", "recording.keyed"]);
}

#[tokio::test]
async fn nobody_but_the_mesh_itself_asks_for_keys() {
    let mut mesh = mesh().await;
    let audit = mesh.service("audit");
    for role in TokenRole::ALL.iter().filter(|role| **role != TokenRole::Service) {
        let token = mesh.person(*role);
        let asked = request(&tenant(), GetAuditKeyRequest {}).bearer(&token);
        let refused = mesh.keys.get_audit_key(asked).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{role}");
    }
    let other = TenantId::new("telco-beta").unwrap();
    let own = mesh
        .keys
        .get_audit_key(request(&tenant(), GetAuditKeyRequest {}).bearer(&audit))
        .await
        .unwrap()
        .into_inner();
    let others = mesh
        .keys
        .get_audit_key(request(&other, GetAuditKeyRequest {}).bearer(&audit))
        .await
        .unwrap()
        .into_inner();
    assert_ne!(own.key, others.key);
}

#[tokio::test]
async fn a_sealed_reason_of_the_platform_is_taken_in() {
    let mut mesh = mesh().await;
    let audit = mesh.service("audit");
    let sealer = EpochSealer::new(mesh.wire.clone(), mesh.clock.clone());
    let event = kernel::EventId::new();
    let sealed = sealer.seal(&tenant(), event, b"salt and reason").await.unwrap();
    let message = AdoptReasonRequest {
        event_id: event.to_bytes().to_vec(),
        key_epoch: sealed.key_epoch,
        hpke_enc: sealed.enc,
        hpke_ciphertext: sealed.ciphertext,
    };
    mesh.keys.adopt_reason(request(&tenant(), message.clone()).bearer(&audit)).await.unwrap();
    let moved = AdoptReasonRequest { event_id: vec![9; 16], ..message };
    let refused = mesh.keys.adopt_reason(request(&tenant(), moved).bearer(&audit)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn an_instance_leaves_what_it_was_given_by_its_id() {
    let mut mesh = mesh().await;
    let instance_id = InstanceId::new().to_bytes().to_vec();
    let asked = GetActiveKeyRequest { instance_id: instance_id.clone() };
    mesh.keys.get_active_key(request(&tenant(), asked)).await.unwrap();
    let leave = LeaveEpochsRequest { instance_id, through: 1 };
    for left in [1, 0] {
        let answer = mesh.keys.leave_epochs(request(&tenant(), leave.clone())).await.unwrap();
        assert_eq!(answer.into_inner().left, left);
    }
    let nobody = LeaveEpochsRequest { instance_id: vec![1], through: 1 };
    let refused = mesh.keys.leave_epochs(request(&tenant(), nobody)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("instance_id"), "{refused}");
}

#[tokio::test]
async fn exported_trust_verifies_what_was_certified() {
    let mut mesh = mesh().await;
    let key = seal::SigningKey::generate().unwrap().verifying_key();
    let message = CertifyRequest {
        instance_id: InstanceId::new().to_bytes().to_vec(),
        role: "audit".to_owned(),
        tenants: vec!["banca-alfa".to_owned()],
        public_key: key.to_bytes().to_vec(),
    };
    let answer = mesh.keys.certify(Request::new(message)).await.unwrap().into_inner();
    let signed = SignedCert::decode(&answer.certificate).unwrap();
    assert_eq!((signed.cert.key, signed.cert.covers(&tenant())), (key, true));
    assert!(!signed.cert.covers(&TenantId::new("telco-beta").unwrap()));
    let trust = mesh.keys.export_trust(Request::new(ExportTrustRequest {})).await.unwrap().into_inner();
    let root = trust.signing_roots[0].as_slice().try_into().unwrap();
    assert!(signed.is_signed_by(&seal::VerifyingKey::from_bytes(root).unwrap()));

    let asked = HmacRequest { key: HmacKey::Identifier.into(), values: vec![b"+390600000000".to_vec(); 2] };
    let macs = mesh.keys.hmac(request(&tenant(), asked)).await.unwrap().into_inner().macs;
    assert!(macs.len() == 2 && macs[0] == macs[1] && macs[0].len() == 32);
}

#[tokio::test]
async fn what_is_erased_over_the_contract_is_not_unwrapped_probed_or_renewed_and_waits_for_the_ledger() {
    let mut mesh = mesh().await;
    let retention = mesh.service("retention");
    let at = section(kernel::RecordingId::new(), 0);
    mesh.adopt(at).await;
    mesh.seal(at).await;
    let whole = |name: &str, first| (name.to_owned(), vec![(first, 59)]);
    assert_eq!(mesh.probe(at).await, [whole(DUTY, 0), whole("quality", 9)]);
    let compliance = mesh.person(TokenRole::Compliance);
    let lease = mesh.unwrap(at, DUTY, &compliance).await.unwrap().lease_id;

    let message = EraseRequest {
        recording_id: at.recording.to_bytes().to_vec(),
        erasure_id: kernel::ErasureId::new().to_bytes().to_vec(),
        purposes: Vec::new(),
        spans: vec![SectionSpans { leg: 0, section: 0, spans: vec![SpanRange { first: 5, last: 20 }] }],
    };
    let erased =
        mesh.keys.erase(request(&tenant(), message.clone()).bearer(&retention)).await.unwrap().into_inner();
    assert_eq!((erased.removed, erased.narrowed), (0, 2));
    assert!((1..=60_000).contains(&erased.leases), "{}", erased.leases);
    assert_eq!(erased.epochs, [1]);
    assert_eq!(erased.not_before, mesh.clock.now().plus(crate::testing::WEEK).0);
    let rest = [(DUTY.to_owned(), vec![(0, 4), (21, 59)]), ("quality".to_owned(), vec![(21, 59)])];
    assert_eq!(mesh.probe(at).await, rest);
    let refused = mesh.unwrap(at, DUTY, &compliance).await.unwrap_err();
    assert_eq!(word(&refused), (Code::PermissionDenied, "nothing-opens"));
    let renew = RenewRequest { lease_id: lease };
    let refused = mesh.keys.renew(request(&tenant(), renew)).await.unwrap_err();
    assert_eq!(word(&refused), (Code::PermissionDenied, "narrowed"));

    let again =
        mesh.keys.erase(request(&tenant(), message.clone()).bearer(&retention)).await.unwrap().into_inner();
    assert_eq!((again.removed, again.narrowed), (0, 0));
    assert_eq!((again.epochs, again.not_before), (erased.epochs, erased.not_before));
    let more = EraseRequest { spans: Vec::new(), ..message };
    let refused = mesh.keys.erase(request(&tenant(), more).bearer(&retention)).await.unwrap_err();
    assert_eq!(word(&refused), (Code::AlreadyExists, "other-scope"));

    let waiting = mesh.outbox.unpublished(10).await.unwrap();
    let waiting = waiting.iter().map(|outgoing| AuditEntry::decode(&outgoing.envelope.payload).unwrap());
    let entries: Vec<_> = waiting.filter(|entry| entry.action == "entries.removed").collect();
    assert_eq!(entries.len(), 3, "a refusal is entered, too");
    assert_eq!(entries[0].objects, [format!("recording/{}", at.recording)]);
    let facts = &entries[0].facts;
    assert_eq!((facts["removed"].as_str(), facts["narrowed"].as_str()), ("0", "2"));
}

#[tokio::test]
async fn only_retention_erases_and_only_the_mesh_itself_probes() {
    let mut mesh = mesh().await;
    let retention = mesh.service("retention");
    let id = kernel::RecordingId::new().to_bytes().to_vec();
    for role in TokenRole::ALL.iter().filter(|role| **role != TokenRole::Service) {
        let token = mesh.person(*role);
        let message =
            EraseRequest { recording_id: id.clone(), erasure_id: vec![1; 16], ..Default::default() };
        let refused = mesh.keys.erase(request(&tenant(), message).bearer(&token)).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{role}");
        let message = ProbeRequest { recording_id: id.clone() };
        let refused = mesh.keys.probe(request(&tenant(), message).bearer(&token)).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{role}");
    }
    let message = EraseRequest { recording_id: id.clone(), erasure_id: vec![1; 16], ..Default::default() };
    let archive = request(&tenant(), message).bearer(&mesh.service("archive"));
    assert_eq!(mesh.keys.erase(archive).await.unwrap_err().code(), Code::PermissionDenied);
    let nameless = EraseRequest { recording_id: id, ..Default::default() };
    let refused = mesh.keys.erase(request(&tenant(), nameless).bearer(&retention)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("erasure_id"), "{refused}");
    let refused = mesh.keys.probe(request(&tenant(), ProbeRequest::default())).await.unwrap_err();
    assert!(refused.message().contains("recording_id"), "{refused}");
}

#[tokio::test]
async fn a_legal_claim_opens_by_its_hold_also_after_a_withdrawal() {
    let mut mesh = mesh().await;
    let at = section(kernel::RecordingId::new(), 0);
    mesh.adopt(at).await;
    mesh.seal(at).await;
    mesh.consent.withdraw("quality");
    let compliance = mesh.person(TokenRole::Compliance);
    let claims = WireUse::LegalClaim;
    let opened = mesh.unwrap_for(at, "quality", &compliance, claims, HOLD).await.unwrap();
    assert_eq!(opened.covers[0].spans, [SpanRange { first: 9, last: 14 }]);
    let entries = mesh.entries("key.unwrapped").await;
    assert_eq!(
        (entries[0].facts["reference"].as_str(), entries[0].facts["use"].as_str()),
        (HOLD, "legal_claim")
    );
    for (reference, expected) in [
        ("", (Code::FailedPrecondition, "no-hold")),
        ("0199f2f0-0000-7000-8000-000000000002", (Code::FailedPrecondition, "no-hold")),
    ] {
        let refused = mesh.unwrap_for(at, "quality", &compliance, claims, reference).await.unwrap_err();
        assert_eq!(word(&refused), expected, "{reference}");
    }
    let refused = mesh.unwrap_for(at, "quality", &compliance, claims, "Mario Rossi").await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("reference") && !refused.message().contains("Mario"), "{refused}");
}

#[tokio::test]
async fn an_operator_sees_how_epochs_stand_and_ends_the_active_one() {
    let mut mesh = mesh().await;
    let at = section(kernel::RecordingId::new(), 0);
    mesh.adopt(at).await;
    mesh.seal(at).await;
    let officer = mesh.person(TokenRole::Operator);
    let asked = |message| request(&tenant(), message).bearer(&officer);
    let status = mesh.keys.get_status(asked(GetStatusRequest { canaries: true })).await.unwrap().into_inner();
    assert_eq!(status.epochs.len(), 1);
    let epoch = &status.epochs[0];
    assert_eq!((epoch.state(), epoch.epoch, epoch.waits_for.as_str()), (WireState::Active, 1, ""));
    assert_eq!((epoch.holders.len(), epoch.destroyed_at), (1, 0));
    assert!(epoch.entries >= 2 && epoch.pages >= 2 && epoch.dirty_pages >= 1, "{epoch:?}");
    assert_eq!((status.canaries.len(), status.canaries[0].ok), (1, true));
    assert_eq!((status.copies.as_str(), status.copied_at, status.last_erasure_at), ("", 0, 0));
    assert_eq!(status.warnings, ["one disk holds the keys: set storage.key_copies"]);

    let turned = mesh.keys.turn(request(&tenant(), TurnRequest { begin: true }).bearer(&officer)).await;
    let epochs = turned.unwrap().into_inner().epochs;
    let states: Vec<_> = epochs.iter().map(|epoch| (epoch.epoch, epoch.state())).collect();
    assert_eq!(states, [(1, WireState::Closing), (2, WireState::Active)]);
    let instance = InstanceId::from_slice(&epochs[0].holders[0].instance_id).unwrap();
    assert!(epochs[0].waits_for.starts_with(&format!("instance {instance} has not left it since ")));
    let again = mesh.keys.turn(request(&tenant(), TurnRequest { begin: true }).bearer(&officer)).await;
    let again = again.unwrap().into_inner();
    assert_eq!(again.epochs.len(), 2, "the turn under way is not over");
    assert!(again.held_back.starts_with("epoch 2 began 0 s ago"), "{}", again.held_back);
    assert_eq!(mesh.entries("epoch.turned").await.len(), 2);
    assert_eq!(mesh.entries("keys.read").await.len(), 1);
}
