//! What the tests of erasures stand on: a mesh in memory whose calls fail or dawdle when they are told to, over a store, a
//! journal and a clock of their own.

mod mesh;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use journal::{Journal, Kind};
use kernel::{
    Clock, ErasureId, HoldId, InstanceId, ManualClock, PurposeName, RecordingId, RegimeName, SubjectId,
    TenantId, Timestamp,
};
use objects::{MemoryObjects, Prefix};
use platform::Instance;
use platform::config::Period;
use platform::instance::{Certifier, InstanceError};
use policy::PolicyHash;
use policy::code::Code;
use policy::retention::{DataKind, RanFrom, Rule, Stamp};
use seal::signing::{RoleName, TenantScope};
use seal::{InstanceCert, Receipt, SignedCert, SignedDocument, SigningKey, VerifyingKey};

pub(crate) use mesh::{FakeMesh, Fault};

use super::Saga;
use crate::config::Config;
use crate::erasing::{Erasing, Ordered, Parts};
use crate::erasure::{Erasure, Item, Scope, Target};
use crate::events;
use crate::hold::{Hold, HoldKind, HoldState, Selector};
use crate::kept::{Kept, RecordingKey, Term, TermState};
use crate::store::sqlite::SqliteStore;
use crate::store::{Store, Written};
use crate::testing::Policies;

/// The moment at which tests begin.
pub(crate) const NOW: Timestamp = Timestamp(1_780_000_000_000_000);
pub(crate) const SECOND: u64 = 1_000_000;
pub(crate) const DAY: Duration = Duration::from_secs(86_400);
/// Spans of each leg, of a second each.
pub(crate) const SPANS: u32 = 60;
/// The epoch that ends after everything that is removed.
pub(crate) const EPOCH: u64 = 7;

pub(crate) fn tenant() -> TenantId {
    TenantId::new("banca-alfa").unwrap()
}

pub(crate) fn name(text: &str) -> PurposeName {
    PurposeName::new(text).unwrap()
}

pub(crate) fn names(texts: &[&str]) -> BTreeSet<PurposeName> {
    texts.iter().map(|text| name(text)).collect()
}

pub(crate) fn code(text: &str) -> Code {
    Code::new(text).unwrap()
}

/// A signing root of one test.
struct Root(SigningKey);

#[async_trait]
impl Certifier for Root {
    async fn certify(
        &self,
        instance: InstanceId,
        role: &RoleName,
        _: &[TenantId],
        key: &VerifyingKey,
    ) -> Result<SignedCert, InstanceError> {
        let cert = InstanceCert {
            instance,
            role: role.clone(),
            tenants: TenantScope::All,
            not_before: Timestamp(0),
            not_after: Timestamp(i64::MAX),
            key: *key,
        };
        SignedCert::issue(&self.0, cert).map_err(|source| InstanceError::Seal { instance, source })
    }
}

/// Everything around erasures; what is built on it is a process, and may be dropped as one dies.
pub(crate) struct Bench {
    pub(crate) clock: ManualClock,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) mesh: Arc<FakeMesh>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) config: Config,
    instance: Arc<Instance>,
    root: VerifyingKey,
    _files: tempfile::TempDir,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let files = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(NOW);
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let path = files.path().join("retention.db");
        let store = SqliteStore::open(&path, sqlite::Options::default(), Arc::clone(&shared)).await.unwrap();
        let objects = Arc::new(MemoryObjects::new(Arc::clone(&shared)));
        let journal = Journal::open(objects, Prefix::new("journal/").unwrap(), shared, DAY).await.unwrap();
        let root = Root(SigningKey::generate().unwrap());
        let instance = Instance::new("retention", Vec::new()).unwrap();
        instance.certify(&root).await.unwrap();
        Self {
            clock,
            store: Arc::new(store),
            mesh: Arc::new(FakeMesh::default()),
            journal: Arc::new(journal),
            // What failed is tried again by another process, not by the same.
            config: Config { rest: Period::secs(3_600), ..Config::default() },
            instance,
            root: root.0.verifying_key(),
            _files: files,
        }
    }

    /// A process.
    pub(crate) fn erasing(&self) -> Arc<Erasing> {
        Arc::new(Erasing::new(Parts {
            store: self.store.clone(),
            journal: Arc::clone(&self.journal),
            mesh: self.mesh.clone(),
            policies: Policies::default().book(),
            clock: Arc::new(self.clock.clone()),
            instance: Arc::clone(&self.instance),
            config: self.config.clone(),
        }))
    }

    pub(crate) fn saga(&self) -> Saga {
        Saga::new(self.erasing())
    }

    /// A new process takes everything as far as it goes.
    pub(crate) async fn run(&self) {
        let saga = self.saga();
        while saga.advance().await.unwrap() {}
    }

    /// A recording of these people, with these terms; it opens for each purpose.
    pub(crate) async fn keep(&self, terms: Vec<Term>, parties: &[SubjectId]) -> RecordingId {
        let id = RecordingId::new();
        let purposes: Vec<_> = terms.iter().map(|term| term.stamp.purpose.as_str()).collect();
        self.mesh.sealed(id, &purposes);
        self.stamp(id, terms, parties).await;
        id
    }

    /// Stamps one that is sealed.
    pub(crate) async fn stamp(&self, id: RecordingId, terms: Vec<Term>, parties: &[SubjectId]) {
        let kept = Kept {
            key: RecordingKey { tenant: tenant(), id },
            version: 1,
            started_at: Timestamp(NOW.0 - 1_000 * 86_400 * 1_000_000),
            ended_at: Timestamp(NOW.0 - 1_000 * 86_400 * 1_000_000 + i64::from(SPANS) * 1_000_000),
            policy: PolicyHash([7; 32]),
            parties: parties.to_vec(),
            terms,
        };
        let written = self.store.stamp(&kept, &events::stamped(&kept, NOW)).await.unwrap();
        assert_eq!(written, Written::Applied);
    }

    /// One that is kept for a year more, under no duty; a control.
    pub(crate) async fn control(&self) -> RecordingId {
        self.keep(both("quality", later(365), &policy_rule()), &[]).await
    }

    pub(crate) async fn kept(&self, id: RecordingId) -> Kept {
        self.store.kept(&RecordingKey { tenant: tenant(), id }).await.unwrap().unwrap()
    }

    pub(crate) async fn states(&self, id: RecordingId) -> Vec<(String, TermState)> {
        let kept = self.kept(id).await;
        let terms = kept.terms.iter().filter(|term| term.stamp.kind == DataKind::Audio);
        terms.map(|term| (term.stamp.purpose.to_string(), term.state)).collect()
    }

    /// Orders an erasure by a new process.
    pub(crate) async fn order(&self, target: Target, scope: Scope) -> Erasure {
        self.erasing().order(&tenant(), ordered(target, scope)).await.unwrap()
    }

    pub(crate) async fn erasure(&self, id: ErasureId) -> Erasure {
        self.store.erasure(&tenant(), id).await.unwrap().unwrap()
    }

    pub(crate) async fn item(&self, erasure: ErasureId, recording: RecordingId) -> Item {
        self.store.item(&tenant(), erasure, recording).await.unwrap().unwrap()
    }

    /// The one erasure that there is.
    pub(crate) async fn only(&self) -> Erasure {
        let mut found = self.store.erasures(&tenant(), None, 10).await.unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    /// The receipt of an erasure, verified.
    pub(crate) async fn receipt(&self, id: ErasureId) -> Receipt {
        let erasure = self.erasure(id).await;
        let document = SignedDocument::decode(&erasure.receipt).unwrap();
        Receipt::verify(&document, &[self.root].into_iter().collect(), &tenant()).unwrap()
    }

    /// What the journal has of erasures, in order.
    pub(crate) async fn journalled(&self) -> Vec<Kind> {
        let records = self.journal.read(0, 1_000).await.unwrap();
        let erasures = [Kind::ErasureIntended, Kind::ErasureDone, Kind::ErasureRefused];
        records.into_iter().map(|record| record.act.kind).filter(|kind| erasures.contains(kind)).collect()
    }

    /// Puts a hold into the store, and lets it meet what runs.
    pub(crate) async fn place(&self, erasing: &Erasing, hold: &Hold) -> crate::erasing::Crossed {
        assert_eq!(self.store.place(hold, &told(hold)).await.unwrap(), Written::Applied);
        erasing.stopped_by(hold).await.unwrap()
    }

    /// Two people release it.
    pub(crate) async fn release(&self, hold: &Hold) -> Hold {
        let asked = hold.release("bruno", NOW).unwrap();
        let released = asked.release("carla", NOW).unwrap();
        for next in [&asked, &released] {
            assert_eq!(self.store.change_hold(next, &told(next)).await.unwrap(), Written::Applied);
        }
        released
    }
}

pub(crate) fn ordered(target: Target, scope: Scope) -> Ordered {
    Ordered { id: ErasureId::new(), target, scope, reason: code("art-17-1-d"), by: "anna".to_owned() }
}

pub(crate) fn hold(selector: Selector) -> Hold {
    Hold {
        tenant: tenant(),
        id: HoldId::new(),
        version: 1,
        kind: HoldKind::Subject,
        selector,
        purposes: BTreeSet::new(),
        reason: code("case-7"),
        placed_by: "anna".to_owned(),
        placed_at: NOW,
        review_at: later(30),
        state: HoldState::Placed,
        released_by: Vec::new(),
        released_at: None,
    }
}

fn told(hold: &Hold) -> kernel::Envelope {
    kernel::Envelope {
        id: kernel::EventId::new(),
        kind: "verbale.hold.changed".to_owned(),
        tenant: hold.tenant.clone(),
        aggregate: hold.id.to_string(),
        version: hold.version,
        at: NOW,
        trace: None,
        payload: Vec::new(),
    }
}

pub(crate) fn later(days: u32) -> Timestamp {
    NOW.plus(DAY * days)
}

pub(crate) fn policy_rule() -> Rule {
    Rule::Policy { hash: PolicyHash([7; 32]), period: "P90D".parse().unwrap(), anchor: RanFrom::Start }
}

pub(crate) fn duty_rule() -> Rule {
    Rule::Regime { name: RegimeName::new("mifid2-16-7").unwrap() }
}

pub(crate) fn term(purpose: &str, kind: DataKind, ends: Timestamp, rule: &Rule) -> Term {
    let stamp = Stamp { purpose: name(purpose), kind, ends, rule: rule.clone() };
    Term { stamp, state: TermState::Running }
}

pub(crate) fn both(purpose: &str, ends: Timestamp, rule: &Rule) -> Vec<Term> {
    [DataKind::Audio, DataKind::Metadata].map(|kind| term(purpose, kind, ends, rule)).to_vec()
}

/// A future that is dropped after so many polls, as whoever awaited it dies.
pub(crate) struct Dying<F> {
    inner: Pin<Box<F>>,
    left: u32,
}

impl<F> Dying<F> {
    pub(crate) fn after(polls: u32, inner: F) -> Self {
        Self { inner: Box::pin(inner), left: polls }
    }
}

impl<F: Future> Future for Dying<F> {
    type Output = Option<F::Output>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        self.inner.as_mut().poll(cx).map(Some)
    }
}
