//! A retention on a store of its own, with consent's policies, the mesh and the clock in the test's hand.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ::sqlite::Options;
use async_trait::async_trait;
use futures::Stream;
use journal::Journal;
use kernel::{
    Clock, ErasureId, HoldId, Interval, LegNo, ManualClock, PurposeName, RecordingId, RegimeName, SubjectId,
    TenantId, Timestamp, Use,
};
use objects::{MemoryObjects, Prefix};
use parking_lot::Mutex;
use platform::{Instance, OutboxStore, PolicyBook, wire};
use policy::code::Code;
use policy::retention::{DataKind, ExtensionOrder, OrderScope};
use policy::{PolicyHash, TenantPolicy};
use proto::archive::v1::{MarkEnded, RecordingSealed, SealedPurpose};
use proto::common::v1::Basis;
use proto::consent::v1 as consent;
use proto::consent::v1::consent_server::{Consent, ConsentServer};
use tonic::{Request, Response, Status};

use crate::config::Config;
use crate::erasing::{self, Erasing};
use crate::error::Error;
use crate::hold::{HoldKind, Selector};
use crate::kept::{Kept, RecordingKey, TermState};
use crate::mesh::{Cleared, Mesh, Open, Removal, Removed, Sections};
use crate::service::{NewHold, Parts, Served, Service};
use crate::store::Store;
use crate::store::sqlite::SqliteStore;

/// 2026-03-02T09:00:00+01:00: when calls begin.
pub(crate) const START: Timestamp = Timestamp(1_772_438_400_000_000);
/// Half an hour: how long they last.
pub(crate) const LASTS: Duration = Duration::from_secs(1_800);
/// When their mark `sale` ends.
pub(crate) const SALE: Timestamp = Timestamp(START.0 + 1_200_000_000);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

pub(crate) const POLICY: &str = "
tenant: banca-alfa
jurisdiction: IT
purposes:
  duty: { basis: legal_obligation, regime: mifid2-16-7, roles: [compliance] }
  quality: { basis: legitimate_interest, retention: P90D, roles: [supervisor] }
  sale: { basis: contract, retention: { audio: P2Y, metadata: P10Y }, anchor: mark }
";

/// It keeps some of it for a shorter, some for a longer time.
pub(crate) const SHORTER: &str = "
tenant: banca-alfa
jurisdiction: IT
purposes:
  duty: { basis: legal_obligation, regime: mifid2-16-7, roles: [compliance] }
  quality: { basis: legitimate_interest, retention: P30D, roles: [supervisor] }
  sale: { basis: contract, retention: { audio: P1Y, metadata: P20Y }, anchor: mark }
";

pub(crate) fn tenant() -> TenantId {
    TenantId::new("banca-alfa").unwrap()
}

pub(crate) fn purpose(name: &str) -> PurposeName {
    PurposeName::new(name).unwrap()
}

pub(crate) fn purposes(names: &[&str]) -> BTreeSet<PurposeName> {
    names.iter().map(|name| purpose(name)).collect()
}

pub(crate) fn parsed(document: &str) -> TenantPolicy {
    policy::parse(document, &|_| None).unwrap()
}

pub(crate) fn key(id: RecordingId) -> RecordingKey {
    RecordingKey { tenant: tenant(), id }
}

/// So long after calls begin.
pub(crate) fn after(by: Duration) -> Timestamp {
    START.plus(by)
}

/// What archive says of a call with these purposes and people.
pub(crate) fn sealed(id: RecordingId, names: &[&str], parties: &[SubjectId]) -> RecordingSealed {
    let kept =
        |name: &&str| SealedPurpose { purpose: (*name).to_owned(), basis: Basis::LegitimateInterest.into() };
    RecordingSealed {
        recording_id: id.to_bytes().to_vec(),
        complete: true,
        started_at: START.0,
        duration: u64::try_from(LASTS.as_micros()).unwrap(),
        policy_hash: parsed(POLICY).hash().as_bytes().to_vec(),
        document_hash: vec![1; 32],
        document_name: "manifest".to_owned(),
        purposes: names.iter().map(|name| (*name).to_owned()).collect(),
        regimes: Vec::new(),
        parties: parties.iter().map(|id| id.to_bytes().to_vec()).collect(),
        kept: names.iter().map(kept).collect(),
        marks: vec![MarkEnded { label: "sale".to_owned(), at: SALE.0 }],
        gone: Vec::new(),
    }
}

/// A hold that somebody asks for.
pub(crate) fn new_hold(kind: HoldKind, selector: Selector) -> NewHold {
    let reason = Code::new("case-7").unwrap();
    let purposes = BTreeSet::new();
    NewHold { id: HoldId::new(), kind, selector, purposes, reason, review_at: after(DAY * 180) }
}

/// An order that reaches the calls of the day.
pub(crate) fn extension(reference: &str, until: Timestamp) -> ExtensionOrder {
    ExtensionOrder {
        reference: Code::new(reference).unwrap(),
        regime: RegimeName::new("mifid2-16-7").unwrap(),
        until,
        scope: OrderScope::new(START, after(DAY), None).unwrap(),
    }
}

/// Six years after calls begin: an authority may ask for seven.
pub(crate) fn six_years() -> Timestamp {
    Timestamp::parse("2032-03-02T09:00:00+01:00").unwrap()
}

/// Waits until it is so.
pub(crate) async fn eventually<T>(what: &str, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    let all = async {
        loop {
            if let Some(found) = found().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all).await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// A consent that only has policies: the last of them is in force.
#[derive(Clone, Default)]
pub(crate) struct Policies(Arc<Mutex<Vec<&'static str>>>, Arc<AtomicUsize>);

impl Policies {
    /// Puts one in force; none any more where none is given.
    pub(crate) fn come(&self, document: &'static str) {
        self.0.lock().push(document);
    }

    /// How often one was asked for that is not there.
    pub(crate) fn missed(&self) -> usize {
        self.1.load(Ordering::SeqCst)
    }

    /// As a process that has asked for nothing yet.
    pub(crate) fn book(&self) -> Arc<PolicyBook> {
        Arc::new(PolicyBook::new(wire::in_process(ConsentServer::new(self.clone()))))
    }
}

fn not_here<T>() -> Result<T, Status> {
    Err(Status::unimplemented("retention's tests do not ask this"))
}

#[tonic::async_trait]
impl Consent for Policies {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<consent::WatchResponse, Status>> + Send>>;

    async fn get_policy(
        &self,
        request: Request<consent::GetPolicyRequest>,
    ) -> Result<Response<consent::GetPolicyResponse>, Status> {
        let wanted = request.into_inner().policy_hash;
        let known = self.0.lock().clone();
        let hash = |document: &str| parsed(document).hash();
        let found = known.into_iter().rfind(|document| {
            wanted.is_empty() || PolicyHash::from_slice(&wanted).is_ok_and(|wanted| hash(document) == wanted)
        });
        let document = found.ok_or_else(|| {
            self.1.fetch_add(1, Ordering::SeqCst);
            Status::not_found("no such policy")
        })?;
        Ok(Response::new(consent::GetPolicyResponse {
            document: document.to_owned(),
            policy_hash: hash(document).as_bytes().to_vec(),
            ..Default::default()
        }))
    }
    async fn may_use(
        &self,
        _: Request<consent::MayUseRequest>,
    ) -> Result<Response<consent::MayUseResponse>, Status> {
        not_here()
    }
    async fn authorize(
        &self,
        _: Request<consent::AuthorizeRequest>,
    ) -> Result<Response<consent::AuthorizeResponse>, Status> {
        not_here()
    }
    async fn record_event(
        &self,
        _: Request<consent::RecordEventRequest>,
    ) -> Result<Response<consent::RecordEventResponse>, Status> {
        not_here()
    }
    async fn get_state(
        &self,
        _: Request<consent::GetStateRequest>,
    ) -> Result<Response<consent::GetStateResponse>, Status> {
        not_here()
    }
    async fn watch(&self, _: Request<consent::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        not_here()
    }
    async fn resolve_subject(
        &self,
        _: Request<consent::ResolveSubjectRequest>,
    ) -> Result<Response<consent::ResolveSubjectResponse>, Status> {
        not_here()
    }
    async fn get_subject(
        &self,
        _: Request<consent::GetSubjectRequest>,
    ) -> Result<Response<consent::GetSubjectResponse>, Status> {
        not_here()
    }
    async fn link_subjects(
        &self,
        _: Request<consent::LinkSubjectsRequest>,
    ) -> Result<Response<consent::LinkSubjectsResponse>, Status> {
        not_here()
    }
    async fn reassign_identifier(
        &self,
        _: Request<consent::ReassignIdentifierRequest>,
    ) -> Result<Response<consent::ReassignIdentifierResponse>, Status> {
        not_here()
    }
    async fn mark_shared_line(
        &self,
        _: Request<consent::MarkSharedLineRequest>,
    ) -> Result<Response<consent::MarkSharedLineResponse>, Status> {
        not_here()
    }
}

/// Other roles that have nothing and keep nothing.
/// Nothing opens of anything, and archive locks what it is asked to, unless it is away.
#[derive(Default)]
pub(crate) struct EmptyMesh {
    pub(crate) locked: Mutex<Vec<(RecordingId, Timestamp)>>,
    pub(crate) is_away: AtomicBool,
}

#[async_trait]
impl Mesh for EmptyMesh {
    async fn knows(&self, _: &TenantId, _: RecordingId) -> Result<bool, Error> {
        Ok(true)
    }
    async fn spans(
        &self,
        _: &TenantId,
        _: RecordingId,
        _: Interval,
        _: &BTreeSet<LegNo>,
    ) -> Result<Sections, Error> {
        Ok(Vec::new())
    }
    async fn remove(&self, _: &TenantId, _: &Removal) -> Result<Removed, Error> {
        Ok(Removed::default())
    }
    async fn open(&self, _: &TenantId, _: RecordingId) -> Result<Vec<Open>, Error> {
        Ok(Vec::new())
    }
    async fn clear(
        &self,
        _: &TenantId,
        _: RecordingId,
        _: ErasureId,
        _: &Code,
        _: &BTreeSet<PurposeName>,
    ) -> Result<Cleared, Error> {
        Ok(Cleared::default())
    }
    async fn lock(&self, _: &TenantId, recording: RecordingId, until: Timestamp) -> Result<(), Error> {
        if self.is_away.load(Ordering::SeqCst) {
            return Err(Error::Contended("archive"));
        }
        self.locked.lock().push((recording, until));
        Ok(())
    }
    async fn is_destroyed(&self, _: &TenantId, _: u64) -> Result<bool, Error> {
        Ok(false)
    }
    async fn last_erasure(&self, _: &TenantId) -> Result<Option<Timestamp>, Error> {
        Ok(None)
    }
    async fn person(&self, _: &TenantId, subject: SubjectId) -> Result<BTreeSet<SubjectId>, Error> {
        Ok(BTreeSet::from([subject]))
    }
    async fn basis_lost(
        &self,
        _: &TenantId,
        _: RecordingId,
        _: &PurposeName,
    ) -> Result<Option<String>, Error> {
        Ok(None)
    }
}

pub(crate) struct Bench {
    _directory: tempfile::TempDir,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) clock: ManualClock,
    pub(crate) policies: Policies,
    pub(crate) journal: Arc<Journal>,
    pub(crate) mesh: Arc<EmptyMesh>,
    pub(crate) erasing: Arc<Erasing>,
    pub(crate) service: Arc<Service>,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(after(Duration::from_secs(3_600)));
        let dyn_clock: Arc<dyn Clock> = Arc::new(clock.clone());
        let file = directory.path().join("retention.db");
        let store = SqliteStore::open(&file, Options::default(), Arc::clone(&dyn_clock)).await.unwrap();
        let store = Arc::new(store);
        let policies = Policies::default();
        policies.come(POLICY);
        let objects = Arc::new(MemoryObjects::new(Arc::clone(&dyn_clock)));
        let journal =
            Journal::open(objects, Prefix::new("journal/").unwrap(), Arc::clone(&dyn_clock), DAY).await;
        let journal = Arc::new(journal.unwrap());
        let mesh = Arc::new(EmptyMesh::default());
        let erasing = Arc::new(Erasing::new(erasing::Parts {
            store: store.clone(),
            journal: Arc::clone(&journal),
            mesh: mesh.clone(),
            policies: policies.book(),
            clock: Arc::clone(&dyn_clock),
            instance: Instance::new("retention", Vec::new()).unwrap(),
            config: config.clone(),
        }));
        let service = Arc::new(Service::new(Parts {
            store: store.clone(),
            journal: Arc::clone(&journal),
            policies: policies.book(),
            clock: dyn_clock,
            erasing: Arc::clone(&erasing),
            config,
        }));
        Self { _directory: directory, store, clock, policies, journal, mesh, erasing, service }
    }

    /// The service as another process has it: it has heard of no policy yet.
    pub(crate) fn another(&self) -> Service {
        Service::new(Parts {
            store: self.store.clone(),
            journal: Arc::clone(&self.journal),
            policies: self.policies.book(),
            clock: Arc::new(self.clock.clone()),
            erasing: Arc::clone(&self.erasing),
            config: Config::default(),
        })
    }

    /// A call with these purposes and people, stamped.
    pub(crate) async fn recording_of(&self, names: &[&str], parties: &[SubjectId]) -> RecordingId {
        let id = RecordingId::new();
        self.service.stamp(&tenant(), &sealed(id, names, parties)).await.unwrap();
        id
    }

    /// A call that is kept for everything there is, stamped.
    pub(crate) async fn recording(&self) -> RecordingId {
        self.recording_of(&["duty", "quality", "sale"], &[]).await
    }

    pub(crate) async fn kept(&self, id: RecordingId) -> Kept {
        self.store.kept(&key(id)).await.unwrap().unwrap()
    }

    /// When the audio of a purpose ends.
    pub(crate) async fn audio_ends(&self, id: RecordingId, name: &str) -> Timestamp {
        self.kept(id).await.term(&purpose(name), DataKind::Audio).unwrap().stamp.ends
    }

    /// Writes this state into every term of a purpose.
    pub(crate) async fn bring(&self, id: RecordingId, name: &str, state: TermState) {
        let mut kept = self.kept(id).await;
        kept.version += 1;
        kept.terms
            .iter_mut()
            .filter(|term| term.stamp.purpose == purpose(name))
            .for_each(|term| term.state = state);
        let event = crate::events::stamped(&kept, self.clock.now());
        self.store.change(&kept, &event).await.unwrap();
    }

    /// Whether audio may serve.
    pub(crate) async fn serves(&self, id: RecordingId, name: &str, wanted: Use, reference: &str) -> Served {
        self.service.may_serve(&tenant(), id, &purpose(name), wanted, reference).await.unwrap()
    }

    /// Everything that an act may have changed: what stands, what is told, what is journalled.
    pub(crate) async fn traces(&self) -> (usize, usize, usize, u64) {
        let holds = self.store.standing(&tenant()).await.unwrap().len();
        let orders = self.store.orders(&tenant()).await.unwrap().len();
        let events = self.store.unpublished(10_000).await.unwrap().len();
        (holds, orders, events, self.journal.tail().await.unwrap())
    }
}
