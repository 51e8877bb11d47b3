//! The whole role behind its guard, called over its wire: what is asked of the ledger is in it a moment later.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use eventlog::{EventLog, MemoryLog};
use journal::Journal;
use kernel::topics::AUDIT;
use kernel::{Clock, InstanceId, ManualClock, PrincipalKind, Role as TokenRole, TenantId};
use merkle::NoteKey;
use objects::{MemoryObjects, Prefix};
use parking_lot::Mutex;
use platform::audit::{AuditProducer, SealedReason, deployment};
use platform::auth::{LocalIssuer, Token, TokenRequest, Verifier};
use platform::call::{CallMetadata, TENANT, request};
use platform::drain::{Stopper, Tasks, shutdown};
use platform::guard::GuardParts;
use platform::instance::{Certifier, Instance};
use platform::reason::{ReasonError, ReasonSealer};
use platform::rules::RuleBook;
use platform::telemetry::Metrics;
use platform::wire::{Wire, in_process};
use proto::audit::v1::ledger_client::LedgerClient;
use proto::crypto::v1::keys_server::{Keys, KeysServer};
use proto::crypto::v1::{self as crypto};
use seal::signing::RoleName;
use seal::{VerifyingKey, WrapContext};
use tonic::Code;

use super::*;
use crate::config::Config;
use crate::keys::{Adopted, CryptoKeys, KeySource};
use crate::samples;
use crate::testing::{NOW, RootCertifier, index, signing_root};
use crate::verify::verify_proof;

/// A crypto of which only what audit asks is there.
#[derive(Clone, Default)]
struct FakeKeys(Arc<Mutex<BTreeMap<String, u64>>>);

fn not_here<T>() -> Answer<T> {
    Err(Status::unimplemented("audit does not ask this"))
}

fn tenant_of<M>(request: &Request<M>) -> TenantId {
    TenantId::new(request.metadata().get(TENANT).unwrap().to_str().unwrap()).unwrap()
}

#[tonic::async_trait]
impl Keys for FakeKeys {
    async fn get_audit_key(
        &self,
        request: Request<crypto::GetAuditKeyRequest>,
    ) -> Answer<crypto::GetAuditKeyResponse> {
        let tenant = tenant_of(&request);
        *self.0.lock().entry(tenant.to_string()).or_default() += 1;
        let key = samples::audit_key(tenant.as_str()).expose().to_vec();
        Ok(Response::new(crypto::GetAuditKeyResponse { key }))
    }
    async fn adopt_reason(
        &self,
        request: Request<crypto::AdoptReasonRequest>,
    ) -> Answer<crypto::AdoptReasonResponse> {
        match request.get_ref().key_epoch {
            1 => Ok(Response::new(crypto::AdoptReasonResponse {})),
            2 => Err(Status::failed_precondition("the epoch is gone")),
            _ => Err(Status::unavailable("not now")),
        }
    }
    async fn certify(&self, request: Request<crypto::CertifyRequest>) -> Answer<crypto::CertifyResponse> {
        let asked = request.into_inner();
        let instance = InstanceId::from_slice(&asked.instance_id).unwrap();
        let key = VerifyingKey::from_bytes(&asked.public_key.try_into().unwrap()).unwrap();
        let role = RoleName::new(&asked.role).unwrap();
        let signed = RootCertifier.certify(instance, &role, &[], &key).await.unwrap();
        Ok(Response::new(crypto::CertifyResponse { certificate: signed.encode().unwrap() }))
    }
    async fn export_trust(
        &self,
        _: Request<crypto::ExportTrustRequest>,
    ) -> Answer<crypto::ExportTrustResponse> {
        let signing_roots = vec![signing_root().verifying_key().to_bytes().to_vec()];
        Ok(Response::new(crypto::ExportTrustResponse { signing_roots }))
    }
    async fn get_active_key(
        &self,
        _: Request<crypto::GetActiveKeyRequest>,
    ) -> Answer<crypto::GetActiveKeyResponse> {
        not_here()
    }
    async fn leave_epochs(
        &self,
        _: Request<crypto::LeaveEpochsRequest>,
    ) -> Answer<crypto::LeaveEpochsResponse> {
        not_here()
    }
    async fn adopt(&self, _: Request<crypto::AdoptRequest>) -> Answer<crypto::AdoptResponse> {
        not_here()
    }
    async fn seal(&self, _: Request<crypto::SealRequest>) -> Answer<crypto::SealResponse> {
        not_here()
    }
    async fn unwrap(&self, _: Request<crypto::UnwrapRequest>) -> Answer<crypto::UnwrapResponse> {
        not_here()
    }
    async fn renew(&self, _: Request<crypto::RenewRequest>) -> Answer<crypto::RenewResponse> {
        not_here()
    }
    async fn hmac(&self, _: Request<crypto::HmacRequest>) -> Answer<crypto::HmacResponse> {
        not_here()
    }
    async fn erase(&self, _: Request<crypto::EraseRequest>) -> Answer<crypto::EraseResponse> {
        not_here()
    }
    async fn probe(&self, _: Request<crypto::ProbeRequest>) -> Answer<crypto::ProbeResponse> {
        not_here()
    }
    async fn get_status(&self, _: Request<crypto::GetStatusRequest>) -> Answer<crypto::GetStatusResponse> {
        not_here()
    }
    async fn turn(&self, _: Request<crypto::TurnRequest>) -> Answer<crypto::TurnResponse> {
        not_here()
    }
}

/// The ledger's calls state no reason.
struct NoReasons;

#[async_trait]
impl ReasonSealer for NoReasons {
    async fn seal(&self, _: &TenantId, _: EventId, _: &[u8]) -> Result<SealedReason, ReasonError> {
        unreachable!("no call of the ledger states a reason")
    }
}

struct Mesh {
    ledger: LedgerClient<Wire>,
    issuer: LocalIssuer,
    log: MemoryLog,
    tasks: Tasks,
    stopper: Stopper,
    ready: Vec<platform::role::ReadyCheck>,
    _directories: [tempfile::TempDir; 2],
}

async fn mesh() -> Mesh {
    let keys = tempfile::tempdir().unwrap();
    let issuer = LocalIssuer::open(keys.path(), "verbale").unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW));
    let (log, metrics) = (MemoryLog::new(Arc::clone(&clock)), Metrics::new());
    let verifier = Verifier::new([issuer.trusted()], platform::auth::Config::default().verifier());
    let instance = Instance::new("audit", Vec::new()).unwrap();
    instance.certify(&RootCertifier).await.unwrap();
    let (producer, task) = AuditProducer::new(
        Arc::clone(&instance),
        Arc::new(log.clone()),
        Arc::clone(&clock),
        &metrics,
        &platform::audit::Config::default(),
    );
    let (stopper, shutdown) = shutdown();
    let mut tasks = Tasks::new(shutdown);
    tasks.start(task);
    let (store, directory) = index().await;
    let journal = Journal::open(
        Arc::new(MemoryObjects::new(Arc::clone(&clock))),
        Prefix::new("journal/").unwrap(),
        Arc::clone(&clock),
        journal::BACKUP_HORIZON,
    );
    let journal = journal.await.unwrap();
    let deps = crate::Deps {
        store: Arc::new(store),
        log: Arc::new(log.clone()),
        objects: Arc::new(MemoryObjects::new(Arc::clone(&clock))),
        journal: Arc::new(journal),
        clock: Arc::clone(&clock),
        instance,
        crypto: in_process(KeysServer::new(FakeKeys::default())),
        metrics: metrics.clone(),
    };
    let parts = GuardParts {
        rules: Arc::new(RuleBook::of_the_contract().unwrap()),
        verifier,
        producer,
        reasons: Arc::new(NoReasons),
        clock,
        metrics,
        limits: platform::server::Config::default(),
        late_entries: 10,
    };
    let period = platform::config::Period::millis(5);
    let config = Config { poll: period, root_interval: period, ..Config::default() };
    let role = crate::build(config, deps).unwrap().guard(&parts);
    let names: Vec<_> = role.ready.iter().map(platform::role::ReadyCheck::name).collect();
    assert_eq!(names, ["ledger-journal"]);
    assert!(role.ready[0].check().await.is_err(), "nothing has been held against the journal yet");
    let ready = role.ready;
    for task in role.tasks {
        tasks.start(task);
    }
    let ledger = LedgerClient::new(role.wire);
    Mesh { ledger, issuer, log, tasks, stopper, ready, _directories: [keys, directory] }
}

impl Mesh {
    fn token(&self, role: TokenRole) -> Token {
        let request = TokenRequest {
            subject: "giulia".to_owned(),
            kind: PrincipalKind::Person,
            roles: BTreeSet::from([role]),
            tenants: BTreeSet::from([samples::tenant("banca-alfa")]),
            life: Duration::from_secs(600),
        };
        self.issuer.issue(&request).unwrap()
    }

    fn asked<M>(&self, message: M) -> Request<M> {
        request(&samples::tenant("banca-alfa"), message).bearer(&self.token(TokenRole::Auditor))
    }

    async fn query(&mut self, query: wire::QueryRequest) -> Vec<wire::Entry> {
        let asked = self.asked(query);
        self.ledger.query(asked).await.unwrap().into_inner().entries
    }

    /// Asks again until it is so: the ledger takes a moment, and there is nothing to wait for.
    async fn query_until(&mut self, query: wire::QueryRequest, count: usize) -> Vec<wire::Entry> {
        for _ in 0..2_000 {
            let entries = self.query(query.clone()).await;
            if entries.len() >= count {
                return entries;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the ledger does not come to {count} entries");
    }
}

fn by_action(action: &str) -> wire::QueryRequest {
    wire::QueryRequest { action: action.to_owned(), ..wire::QueryRequest::default() }
}

#[tokio::test]
async fn a_question_to_the_ledger_is_an_entry_of_it_and_is_proved_and_verified() {
    let mut mesh = mesh().await;
    mesh.query(by_action("nothing.done")).await;
    let entries = mesh.query_until(by_action("ledger.queried"), 2).await;
    mesh.ready[0].check().await.unwrap();
    let first = &entries[0];
    assert_eq!((first.actor.as_str(), first.actor_kind.as_str()), ("giulia", "person"));
    assert_eq!((first.outcome.as_str(), first.producer_number > 0), ("ok", true));

    let asked = mesh.asked(wire::ProveRequest { event_id: first.event_id.clone() });
    let proof = mesh.ledger.prove(asked).await.unwrap().into_inner();
    let asked = mesh.asked(wire::VerifyLedgerRequest {});
    let verified = mesh.ledger.verify_ledger(asked).await.unwrap().into_inner();
    assert!(verified.ok && verified.entries >= 2, "{verified:?}");
    let asked = Request::new(wire::GetCheckpointsRequest {}).bearer(&mesh.token(TokenRole::Operator));
    let checkpoints = mesh.ledger.get_checkpoints(asked).await.unwrap().into_inner();
    assert_eq!(checkpoints.partitions.len(), AUDIT.partitions as usize);
    assert!(!checkpoints.root.is_empty());
    let keys: Vec<NoteKey> = checkpoints.verifier_keys.iter().map(|key| key.parse().unwrap()).collect();
    let (proved, _) = verify_proof(&proof, &keys).unwrap();
    assert_eq!(proved.event.to_bytes().to_vec(), first.event_id);
    let spoiled = [
        wire::Proof { salt: vec![0; 32], ..proof.clone() },
        wire::Proof { canonical_entry: proof.canonical_entry[1..].to_vec(), ..proof.clone() },
        wire::Proof { leaf: vec![1; 33], ..proof.clone() },
        wire::Proof { index: proof.index + 1, ..proof.clone() },
        wire::Proof { inclusion: vec![vec![0; 32]; 66], ..proof.clone() },
        wire::Proof { checkpoint: proof.checkpoint.replace("verbale", "another"), ..proof.clone() },
    ];
    for spoiled in spoiled {
        assert!(verify_proof(&spoiled, &keys).is_err());
    }
    assert!(verify_proof(&proof, &[]).is_err());
    assert_eq!(mesh.query_until(by_action("ledger.proved"), 1).await[0].objects.len(), 1);
}

#[tokio::test]
async fn the_ledger_refuses_who_may_not_read_it_and_what_is_malformed() {
    let mut mesh = mesh().await;
    let tenant = samples::tenant("banca-alfa");
    for role in [TokenRole::Sender, TokenRole::Agent, TokenRole::Supervisor, TokenRole::Service] {
        let asked = request(&tenant, wire::QueryRequest::default()).bearer(&mesh.token(role));
        assert_eq!(mesh.ledger.query(asked).await.unwrap_err().code(), Code::PermissionDenied, "{role}");
    }
    let asked = mesh.asked(wire::ProveRequest { event_id: vec![1; 15] });
    assert_eq!(mesh.ledger.prove(asked).await.unwrap_err().code(), Code::InvalidArgument);
    let asked = mesh.asked(wire::QueryRequest { page_size: 1_001, ..Default::default() });
    assert_eq!(mesh.ledger.query(asked).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn at_drain_everything_committed_is_in_objects_and_gone_from_the_topic() {
    let mut mesh = mesh().await;
    mesh.query(by_action("nothing.done")).await;
    mesh.query_until(by_action("ledger.queried"), 1).await;
    let aborted = mesh.tasks.stop(&mesh.stopper, Duration::from_secs(20)).await;
    assert_eq!(aborted, 0, "every task ends by itself");
    let ends = mesh.log.ends(&AUDIT).await.unwrap();
    assert!(ends.iter().any(|ends| ends.low > 0), "{ends:?}");
}

#[tokio::test]
async fn crypto_is_asked_once_for_a_key_and_its_lasting_refusals_are_told_from_passing_ones() {
    let fake = FakeKeys::default();
    let keys = CryptoKeys::new(in_process(KeysServer::new(fake.clone())));
    let tenant = deployment();
    let entry = crate::entry::Entry { tenant: tenant.clone(), ..samples::entry(1) };
    let sealed = keys.keys(&tenant).await.unwrap().seal(&entry).unwrap();
    assert_eq!(keys.keys(&tenant).await.unwrap().open(&sealed).unwrap().entry, entry);
    assert_eq!(fake.0.lock()[tenant.as_str()], 1);
    let context = WrapContext::AuditEntry { tenant: tenant.clone(), event: entry.event };
    assert!(seal::wrap::unwrap(&samples::audit_key(tenant.as_str()), &context, &sealed.bytes).is_ok());

    let reason = |key_epoch| SealedReason { key_epoch, enc: vec![1; 32], ciphertext: vec![2; 50] };
    let event = EventId::new();
    assert_eq!(keys.adopt_reason(&tenant, event, &reason(1)).await.unwrap(), Adopted::Kept);
    let refused = keys.adopt_reason(&tenant, event, &reason(2)).await.unwrap();
    assert_eq!(refused, Adopted::Refused(kernel::ErrorCode::FailedPrecondition));
    assert!(matches!(keys.adopt_reason(&tenant, event, &reason(3)).await, Err(Error::Keys { .. })));
}
