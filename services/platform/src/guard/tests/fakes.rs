//! Two small roles behind real guards, and the tokens to call them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::{Stream, StreamExt, stream};
use kernel::{Clock, PrincipalKind, RecordingId, Role as TokenRole, TraceParent};
use parking_lot::Mutex;
use proto::archive::v1::recordings_server::{Recordings, RecordingsServer};
use proto::archive::v1::{self as archive, replay_response};
use proto::consent::v1::consent_server::{Consent, ConsentServer};
use proto::consent::v1::{self as consent};
use tonic::{Request, Response, Status};

use crate::audit::{self, AuditProducer};
use crate::auth::{Config as AuthConfig, LocalIssuer, LocalTokens, Token, TokenRequest, Verifier};
use crate::call::CallContext;
use crate::config::ByteSize;
use crate::drain::{Stopper, Tasks, shutdown};
use crate::error::refusal;
use crate::guard::GuardParts;
use crate::role::Role;
use crate::rules::RuleBook;
use crate::server::{self, Door, Health};
use crate::stand::{FlakyLog, MemoryOutbox, Root, TestSealer, clock, tenant};
use crate::telemetry::{Metrics, names};
use crate::tls::Tls;
use crate::tls::testing::{TestCa, load};
use crate::wire::{self, Wire, remote};

pub(super) struct Stand {
    pub(super) log: FlakyLog,
    pub(super) outbox: MemoryOutbox,
    pub(super) sealer: Arc<TestSealer>,
    door: Door,
    issuer: LocalIssuer,
    metrics: Metrics,
    seen: Seen,
    rules: Arc<RuleBook>,
    tasks: Tasks,
    _stopper: Stopper,
    _keys: tempfile::TempDir,
    ca: TestCa,
}

/// What reached a handler.
#[derive(Clone, Default)]
struct Seen {
    calls: Arc<AtomicUsize>,
    trace: Arc<Mutex<Option<TraceParent>>>,
}

pub(super) fn limits() -> server::Config {
    server::Config { message_size: ByteSize::kib(64), concurrent_calls: 2, ..server::Config::default() }
}

pub(super) async fn stand() -> Stand {
    stand_with(limits(), audit::Config::default()).await
}

pub(super) async fn stand_with(limits: server::Config, audit: audit::Config) -> Stand {
    let keys = tempfile::tempdir().unwrap();
    let issuer = LocalIssuer::open(keys.path(), "verbale").unwrap();
    let (clock, metrics, seen) = (clock(), Metrics::new(), Seen::default());
    let (log, outbox, sealer) =
        (FlakyLog::new(clock.clone()), MemoryOutbox::default(), Arc::new(TestSealer::new()));
    let (stopper, shutdown) = shutdown();
    let mut tasks = Tasks::new(shutdown);
    let instance = Root::new().instance().await;
    let (producer, task) =
        AuditProducer::new(instance, Arc::new(log.clone()), clock.clone(), &metrics, &audit);
    tasks.start(task);
    let rules = Arc::new(RuleBook::of_the_contract().unwrap());
    let parts = GuardParts {
        rules: Arc::clone(&rules),
        verifier: Verifier::new([issuer.trusted()], AuthConfig::default().verifier()),
        producer,
        reasons: sealer.clone(),
        clock: clock.clone(),
        metrics: metrics.clone(),
        limits,
        late_entries: 100,
    };
    let archive = Role::new("archive").service(RecordingsServer::new(FakeRecordings(seen.clone())));
    let fake = FakeConsent { seen: seen.clone(), outbox: outbox.clone(), clock };
    let consent =
        Role::new("consent").service(ConsentServer::new(fake)).audit_outbox(Arc::new(outbox.clone()));
    let roles = [archive.guard(&parts), consent.guard(&parts)];
    let door = Door::to(&roles);
    for task in roles.into_iter().flat_map(|role| role.tasks) {
        tasks.start(task);
    }
    let ca = TestCa::new();
    Stand {
        log,
        outbox,
        sealer,
        door,
        issuer,
        metrics,
        seen,
        rules,
        tasks,
        _stopper: stopper,
        _keys: keys,
        ca,
    }
}

impl Stand {
    pub(super) fn in_process(&self) -> Wire {
        self.door.wire()
    }

    pub(super) async fn over_tcp(&mut self) -> Wire {
        let address = self.serve(None).await;
        remote(&format!("http://{address}").parse().unwrap(), &wire::Config::default(), None).unwrap()
    }

    /// Between two processes that know each other.
    pub(super) async fn over_tls(&mut self) -> Wire {
        self.over_tls_as("ingest").await
    }
    pub(super) async fn over_tls_as(&mut self, caller: &str) -> Wire {
        let (server, client) = (load(&self.ca.role("archive")), load(&self.ca.role(caller)));
        let address = self.serve(Some(&server)).await;
        remote(&format!("https://{address}").parse().unwrap(), &wire::Config::default(), Some(&client))
            .unwrap()
    }

    async fn serve(&mut self, tls: Option<&Tls>) -> SocketAddr {
        let config = server::Config { listen: "127.0.0.1:0".to_owned(), ..server::Config::default() };
        let listener = server::listen(&config, tls).await.unwrap();
        let address = listener.address();
        let health = Health::of(&self.door).await;
        let serve = server::serve(listener, self.door.clone(), &health, &config, &self.metrics).unwrap();
        self.tasks.start(serve);
        address
    }

    /// Tokens as a process with this role in its certificate issues them.
    pub(super) fn tokens_of(&self, role: &str) -> LocalTokens {
        let tls = load(&self.ca.role(role));
        LocalTokens::new(self.issuer.clone(), role, Duration::from_secs(600)).bound_to(Some(tls))
    }

    pub(super) fn person(&self, name: &str, role: TokenRole, tenant: &str) -> Token {
        self.token(name, PrincipalKind::Person, Some(role), tenant)
    }
    pub(super) fn service(&self, name: &str) -> Token {
        self.token(name, PrincipalKind::Service, Some(TokenRole::Service), "banca-alfa")
    }
    pub(super) fn token(
        &self,
        name: &str,
        kind: PrincipalKind,
        role: Option<TokenRole>,
        tenant: &str,
    ) -> Token {
        self.issuer.issue(&asked(name, kind, role, tenant)).unwrap()
    }
    pub(super) fn expired(&self) -> Token {
        let asked = asked("anna", PrincipalKind::Person, Some(TokenRole::Supervisor), "banca-alfa");
        self.issuer.issue_at(&asked, jsonwebtoken::get_current_timestamp() - 7_200).unwrap()
    }
    pub(super) fn forged(&self) -> Token {
        let keys = tempfile::tempdir().unwrap();
        let asked = asked("anna", PrincipalKind::Person, Some(TokenRole::Supervisor), "banca-alfa");
        LocalIssuer::open(keys.path(), "verbale").unwrap().issue(&asked).unwrap()
    }
    /// How many calls reached a handler.
    pub(super) fn handled(&self) -> usize {
        self.seen.calls.load(Ordering::SeqCst)
    }
    /// The trace of the last one.
    pub(super) fn last_trace(&self) -> Option<TraceParent> {
        self.seen.trace.lock().clone()
    }
    pub(super) fn waiting(&self, role: &str) -> i64 {
        self.metrics.gauge(&names::AUDIT_WAITING, &[role]).value()
    }
    /// The paths of the methods that these roles serve.
    pub(super) fn paths(&self) -> Vec<String> {
        let served = self.door.services();
        let paths = self.rules.iter().map(|rule| rule.path.clone());
        paths.filter(|path| served.iter().any(|name| path.starts_with(&format!("/{name}/")))).collect()
    }
}

fn asked(name: &str, kind: PrincipalKind, role: Option<TokenRole>, of: &str) -> TokenRequest {
    TokenRequest {
        subject: name.to_owned(),
        kind,
        roles: role.into_iter().collect(),
        tenants: BTreeSet::from([tenant(of)]),
        life: Duration::from_secs(600),
    }
}

impl Seen {
    fn note<M>(&self, request: &Request<M>) -> CallContext {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let context = CallContext::of(request).unwrap();
        *self.trace.lock() = crate::telemetry::current_trace();
        context
    }
}

struct FakeRecordings(Seen);

type Replaying = Pin<Box<dyn Stream<Item = Result<archive::ReplayResponse, Status>> + Send>>;

#[async_trait]
impl Recordings for FakeRecordings {
    type ReplayStream = Replaying;

    async fn get(
        &self,
        request: Request<archive::GetRequest>,
    ) -> Result<Response<archive::Recording>, Status> {
        let context = self.0.note(&request);
        let id = request.into_inner().recording_id;
        context.touched().recording(RecordingId::from_slice(&id).unwrap()).fact("legs", 2);
        Ok(Response::new(archive::Recording { recording_id: id, ..Default::default() }))
    }

    async fn list(
        &self,
        request: Request<archive::ListRequest>,
    ) -> Result<Response<archive::ListResponse>, Status> {
        self.0.note(&request);
        Ok(Response::new(Default::default()))
    }

    async fn replay(&self, request: Request<archive::ReplayRequest>) -> Result<Response<Replaying>, Status> {
        let sent = self.0.note(&request).sent().clone();
        let message = move |_| {
            sent.message();
            let wav = replay_response::Message::Wav(vec![0; 1_000]);
            Ok(archive::ReplayResponse { message: Some(wav) })
        };
        let messages = stream::iter(0..);
        let stream: Replaying = match request.get_ref().mark.as_str() {
            "refuse" => {
                return Err(refusal(
                    kernel::ErrorCode::PermissionDenied,
                    "withdrawn",
                    "the consent was withdrawn",
                ));
            }
            "endless" => messages.map(message).boxed(),
            "hang" => messages.take(1).map(message).chain(stream::pending()).boxed(),
            "panic" => {
                let panicking = stream::once(async { panic!("a secret") });
                messages.take(1).map(message).chain(panicking).boxed()
            }
            _ => messages.take(3).map(message).boxed(),
        };
        Ok(Response::new(stream))
    }

    async fn spans(
        &self,
        request: Request<archive::SpansRequest>,
    ) -> Result<Response<archive::SpansResponse>, Status> {
        self.0.note(&request);
        Ok(Response::new(Default::default()))
    }

    async fn erase(
        &self,
        request: Request<archive::EraseRequest>,
    ) -> Result<Response<archive::EraseResponse>, Status> {
        self.0.note(&request);
        Ok(Response::new(Default::default()))
    }

    async fn annotate(
        &self,
        request: Request<archive::AnnotateRequest>,
    ) -> Result<Response<archive::AnnotateResponse>, Status> {
        self.0.note(&request);
        Ok(Response::new(Default::default()))
    }

    async fn lock(
        &self,
        request: Request<archive::LockRequest>,
    ) -> Result<Response<archive::LockResponse>, Status> {
        self.0.note(&request);
        Ok(Response::new(Default::default()))
    }

    async fn verify(
        &self,
        request: Request<archive::VerifyRequest>,
    ) -> Result<Response<archive::VerifyResponse>, Status> {
        let context = self.0.note(&request);
        match request.get_ref().recording_id.as_slice() {
            b"hang" => std::future::pending().await,
            b"panic" => panic!("a secret"),
            b"refuse" => {
                context.touched().recording(RecordingId::from_bytes([9; 16]));
                Err(refusal(kernel::ErrorCode::PermissionDenied, "withdrawn", "the consent was withdrawn"))
            }
            _ => Ok(Response::new(Default::default())),
        }
    }
}

struct FakeConsent {
    seen: Seen,
    outbox: MemoryOutbox,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Consent for FakeConsent {
    type WatchStream = stream::Empty<Result<consent::WatchResponse, Status>>;

    async fn authorize(
        &self,
        request: Request<consent::AuthorizeRequest>,
    ) -> Result<Response<consent::AuthorizeResponse>, Status> {
        self.seen.note(&request);
        Ok(Response::new(Default::default()))
    }

    async fn record_event(
        &self,
        request: Request<consent::RecordEventRequest>,
    ) -> Result<Response<consent::RecordEventResponse>, Status> {
        let context = self.seen.note(&request);
        let notice = request.get_ref().notice.as_str();
        if notice.starts_with("claim") {
            self.outbox.put(kernel::topics::AUDIT, context.claim_entry(self.clock.now()));
        }
        if notice.ends_with("fail") {
            return Err(refusal(kernel::ErrorCode::Aborted, "aborted", "another writer was first"));
        }
        Ok(Response::new(Default::default()))
    }

    async fn get_state(
        &self,
        request: Request<consent::GetStateRequest>,
    ) -> Result<Response<consent::GetStateResponse>, Status> {
        self.seen.note(&request);
        Ok(Response::new(Default::default()))
    }

    async fn watch(
        &self,
        request: Request<consent::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        self.seen.note(&request);
        Ok(Response::new(stream::empty()))
    }

    async fn may_use(
        &self,
        request: Request<consent::MayUseRequest>,
    ) -> Result<Response<consent::MayUseResponse>, Status> {
        self.seen.note(&request);
        Ok(Response::new(Default::default()))
    }

    async fn resolve_subject(
        &self,
        request: Request<consent::ResolveSubjectRequest>,
    ) -> Result<Response<consent::ResolveSubjectResponse>, Status> {
        self.seen.note(&request);
        Ok(Response::new(Default::default()))
    }

    async fn get_subject(
        &self,
        request: Request<consent::GetSubjectRequest>,
    ) -> Result<Response<consent::GetSubjectResponse>, Status> {
        self.seen.note(&request);
        Ok(Response::new(Default::default()))
    }

    async fn link_subjects(
        &self,
        request: Request<consent::LinkSubjectsRequest>,
    ) -> Result<Response<consent::LinkSubjectsResponse>, Status> {
        self.seen.note(&request);
        Ok(Response::new(Default::default()))
    }

    async fn reassign_identifier(
        &self,
        request: Request<consent::ReassignIdentifierRequest>,
    ) -> Result<Response<consent::ReassignIdentifierResponse>, Status> {
        self.seen.note(&request);
        Ok(Response::new(Default::default()))
    }

    async fn mark_shared_line(
        &self,
        request: Request<consent::MarkSharedLineRequest>,
    ) -> Result<Response<consent::MarkSharedLineResponse>, Status> {
        self.seen.note(&request);
        Ok(Response::new(Default::default()))
    }

    async fn get_policy(
        &self,
        request: Request<consent::GetPolicyRequest>,
    ) -> Result<Response<consent::GetPolicyResponse>, Status> {
        self.seen.note(&request);
        Ok(Response::new(Default::default()))
    }
}
