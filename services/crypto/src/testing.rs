//! A crypto on stores of its own, with consent and policies in the test's hand, and with the keys in hand.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eventlog::{EventLog, MemoryLog};
use journal::Journal;
use kernel::{
    Clock, InstanceId, KeyEpoch, LegNo, ManualClock, PrincipalKind, PurposeName, RecordingId, Role,
    SectionNo, SessionEpoch, TenantId, Timestamp, Use,
};
use objects::{MemoryObjects, Prefix};
use parking_lot::Mutex;
use platform::auth::{LocalIssuer, Token, TokenRequest, Verifier};
use policy::{PolicyHash, TenantPolicy};
use seal::{
    Cover, Entry, EntryPlace, EpochKey, EpochPublic, Hash, LegKey, LegKeyInfo, PageKey, SectionAddress,
    SectionKind, SpanSet, WrapContext,
};

use crate::backend::file::FileBackend;
use crate::backend::{KeyBackend, KeyName};
use crate::canary::{CANARY, CanaryShelf, SqliteCanaries};
use crate::config::Config;
use crate::consent::{Basis, ConsentError, ConsentPort};
use crate::copies::NoCopies;
use crate::policies::{Policies, PolicyUnavailable};
use crate::retention::{RetentionError, RetentionPort, Serve};
use crate::sealing::{Completeness, SealRequest};
use crate::sections::NewSection;
use crate::service::{Ports, Service};
use crate::store::sqlite::SqliteKeyStore;
use crate::store::{EntryBody, EntryKey, EpochState, KeyStore};
use crate::turn::Announce;
use crate::unwrapping::Ask;

pub(crate) const WEEK: Duration = Duration::from_secs(7 * 86_400);

pub(crate) const POLICY: &str = "
tenant: banca-alfa
jurisdiction: IT
purposes:
  mifid2-transaction:
    basis: legal_obligation
    regime: mifid2-16-7
    uses: [replay, review]
    roles: [compliance, auditor]
  quality: { basis: consent, retention: P90D, uses: [replay, review], roles: [supervisor] }
  training: { basis: consent, retention: P90D, uses: [replay], roles: [supervisor] }
notices:
  n1: { language: it, text: Registriamo la chiamata., purposes: [mifid2-transaction, quality, training] }
";

pub(crate) fn tenant() -> TenantId {
    TenantId::new("banca-alfa").unwrap()
}

pub(crate) fn other_tenant() -> TenantId {
    TenantId::new("telco-beta").unwrap()
}

pub(crate) fn purpose(name: &str) -> PurposeName {
    PurposeName::new(name).unwrap()
}

pub(crate) fn spans(range: Range<u32>) -> SpanSet {
    SpanSet::from_ranges([range]).unwrap()
}

pub(crate) fn section(recording: RecordingId, leg: u16) -> SectionAddress {
    SectionAddress { recording, leg: LegNo(leg), section: SectionNo(0) }
}

/// What consent answers next for a purpose; the last answer stays.
#[derive(Clone, Debug)]
pub(crate) enum Says {
    Stands,
    Gone(&'static str),
    Nothing,
}

#[derive(Default)]
pub(crate) struct FakeConsent(Mutex<HashMap<PurposeName, VecDeque<Says>>>);

impl FakeConsent {
    pub(crate) fn will_say<const N: usize>(&self, name: &str, answers: [Says; N]) {
        self.0.lock().insert(purpose(name), VecDeque::from(answers));
    }
}

#[async_trait]
impl ConsentPort for FakeConsent {
    async fn basis(
        &self,
        _: &TenantId,
        recording: RecordingId,
        purpose: &PurposeName,
        _: Use,
    ) -> Result<Basis, ConsentError> {
        // Others may go first, so that tests of racing callers race.
        tokio::task::yield_now().await;
        let mut all = self.0.lock();
        let answer = match all.get_mut(purpose) {
            Some(answers) if answers.len() > 1 => answers.pop_front(),
            Some(answers) => answers.front().cloned(),
            None => None,
        };
        match answer.unwrap_or(Says::Stands) {
            Says::Stands => Ok(Basis::Stands),
            Says::Gone(reason) => Ok(Basis::Gone(reason.to_owned())),
            Says::Nothing => {
                Err(ConsentError { recording, purpose: purpose.clone(), source: "no answer".into() })
            }
        }
    }
}

/// What retention answers from now on, whatever it is asked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Serves {
    #[default]
    Allows,
    Refuses(&'static str),
    Nothing,
}

#[derive(Default)]
pub(crate) struct FakeRetention {
    says: Mutex<Serves>,
    asked: Mutex<Vec<(PurposeName, Use, String)>>,
}

impl FakeRetention {
    pub(crate) fn will_say(&self, answer: Serves) {
        *self.says.lock() = answer;
    }

    /// Every question so far: purpose, use, reference.
    pub(crate) fn asked(&self) -> Vec<(PurposeName, Use, String)> {
        self.asked.lock().clone()
    }
}

#[async_trait]
impl RetentionPort for FakeRetention {
    async fn may_serve(
        &self,
        _: &TenantId,
        recording: RecordingId,
        purpose: &PurposeName,
        wanted: Use,
        reference: &str,
    ) -> Result<Serve, RetentionError> {
        self.asked.lock().push((purpose.clone(), wanted, reference.to_owned()));
        match *self.says.lock() {
            Serves::Allows => Ok(Serve::Allows),
            Serves::Refuses(reason) => Ok(Serve::Refuses(reason.to_owned())),
            Serves::Nothing => {
                Err(RetentionError { recording, purpose: purpose.clone(), source: "no answer".into() })
            }
        }
    }
}

/// Policies by hash; the last one taken is in force.
#[derive(Default)]
pub(crate) struct FakePolicies {
    known: Mutex<HashMap<PolicyHash, Arc<TenantPolicy>>>,
    in_force: Mutex<Option<PolicyHash>>,
}

impl FakePolicies {
    pub(crate) fn take(&self, text: &str) {
        let policy = policy::parse(text, &|_| None).unwrap();
        let hash = policy.hash();
        self.known.lock().insert(hash, Arc::new(policy));
        *self.in_force.lock() = Some(hash);
    }
}

#[async_trait]
impl Policies for FakePolicies {
    async fn in_force(
        &self,
        tenant: &TenantId,
    ) -> Result<(PolicyHash, Arc<TenantPolicy>), PolicyUnavailable> {
        let hash = *self.in_force.lock();
        let unavailable = || PolicyUnavailable { tenant: tenant.clone(), source: "no answer".into() };
        let hash = hash.ok_or_else(unavailable)?;
        Ok((hash, self.by_hash(tenant, hash).await?))
    }
    async fn by_hash(
        &self,
        tenant: &TenantId,
        hash: PolicyHash,
    ) -> Result<Arc<TenantPolicy>, PolicyUnavailable> {
        let found = self.known.lock().get(&hash).cloned();
        found.ok_or_else(|| PolicyUnavailable { tenant: tenant.clone(), source: "unknown".into() })
    }
}

pub(crate) struct Bench {
    _directory: tempfile::TempDir,
    pub(crate) store: Arc<dyn KeyStore>,
    kept: Box<dyn Any + Send + Sync>,
    pub(crate) backend: Arc<FileBackend>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) consent: Arc<FakeConsent>,
    pub(crate) retention: Arc<FakeRetention>,
    pub(crate) policies: Arc<FakePolicies>,
    issuer: LocalIssuer,
    pub(crate) outside: Outside,
    pub(crate) service: Service,
}

/// What else stands beside a crypto: the log, the journal, and where canaries are kept.
pub(crate) struct Outside {
    pub(crate) log: MemoryLog,
    pub(crate) journal: Arc<Journal>,
    pub(crate) canaries: Arc<SqliteCanaries>,
}

impl Outside {
    async fn new(directory: &std::path::Path, clock: &Arc<ManualClock>) -> Self {
        let clock = Arc::clone(clock) as Arc<dyn Clock>;
        let objects = Arc::new(MemoryObjects::new(Arc::clone(&clock)));
        let prefix = Prefix::new("keys/journal/").unwrap();
        let journal =
            Journal::open(objects, prefix, Arc::clone(&clock), journal::BACKUP_HORIZON).await.unwrap();
        let canaries = SqliteCanaries::open(&directory.join("data.db")).await.unwrap();
        Self { log: MemoryLog::new(clock), journal: Arc::new(journal), canaries: Arc::new(canaries) }
    }
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteKeyStore::open(&directory.path().join("crypto.db")).await.unwrap();
        Self::on(Arc::new(store), directory).await
    }

    /// On key tables that stand as long as what is given with them.
    pub(crate) async fn on(store: Arc<dyn KeyStore>, kept: impl Any + Send + Sync) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let keys = directory.path().join("keys");
        let backend = Arc::new(FileBackend::open(&keys).unwrap());
        let issuer = LocalIssuer::open(&keys, "verbale").unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::parse("2026-11-20T09:00:00Z").unwrap()));
        let (consent, policies) = (Arc::new(FakeConsent::default()), Arc::new(FakePolicies::default()));
        let retention = Arc::new(FakeRetention::default());
        policies.take(POLICY);
        let outside = Outside::new(directory.path(), &clock).await;
        let ports = ports(&store, &backend, &clock, &consent, &retention, &policies, &issuer, &outside);
        let service = Service::new(&Config::default(), ports);
        let kept = Box::new(kept);
        Self {
            _directory: directory,
            store,
            kept,
            backend,
            clock,
            consent,
            retention,
            policies,
            issuer,
            outside,
            service,
        }
    }

    /// What was given with the key tables.
    pub(crate) fn kept<T: Any>(&self) -> &T {
        self.kept.downcast_ref().unwrap()
    }

    /// Another crypto on the same stores: a second instance, or this one after a restart.
    pub(crate) fn another(&self) -> Service {
        self.another_with(|_| ())
    }

    /// The same, on ports that the test has put something before.
    pub(crate) fn another_with(&self, change: impl FnOnce(&mut Ports)) -> Service {
        let Self { store, backend, clock, consent, retention, policies, issuer, outside, .. } = self;
        let mut ports = ports(store, backend, clock, consent, retention, policies, issuer, outside);
        change(&mut ports);
        Service::new(&Config::default(), ports)
    }

    pub(crate) fn token(&self, role: Role, tenant: &TenantId) -> Token {
        let request = TokenRequest {
            subject: "giulia".to_owned(),
            kind: PrincipalKind::Person,
            roles: BTreeSet::from([role]),
            tenants: BTreeSet::from([tenant.clone()]),
            life: Duration::from_secs(600),
        };
        self.issuer.issue(&request).unwrap()
    }

    /// A section as ingest would announce it, with the key that only the test knows beside.
    pub(crate) async fn new_section(&self, section: SectionAddress) -> (NewSection, LegKey) {
        let row = self.service.epochs.give(&tenant(), None).await.unwrap();
        let key = LegKey::generate().unwrap();
        let info = LegKeyInfo { tenant: tenant(), section, epoch: row.epoch };
        let public = EpochPublic::from_slice(&row.hpke_public).unwrap();
        let new = NewSection {
            section,
            kind: SectionKind::Audio,
            key_epoch: row.epoch,
            writer: InstanceId::new(),
            session_epoch: SessionEpoch(1),
            sealed: seal::hpke::seal_leg_key(&public, &info, &key).unwrap(),
        };
        (new, key)
    }

    /// The same, adopted.
    pub(crate) async fn adopted(&self, section: SectionAddress) -> LegKey {
        let (new, key) = self.new_section(section).await;
        self.service.sections.adopt(&tenant(), &new).await.unwrap();
        key
    }

    /// Every entry of the tenant that opens with the keys there are, found without locators and gate. Canaries are
    /// left out: the turn places them.
    pub(crate) async fn entries_in_hand(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        for epoch in (1..).map(KeyEpoch) {
            let Some(row) = self.store.epoch(&tenant(), epoch).await.unwrap() else { break };
            if row.state == EpochState::Destroyed {
                continue;
            }
            let name = KeyName::Epoch(tenant(), epoch);
            let context = WrapContext::EpochKey { tenant: tenant(), epoch };
            let kek = self.backend.unwrap(&name, &context, &row.kek).await.unwrap();
            let kek = EpochKey::from_slice(&kek).unwrap();
            let pages = self.store.pages(&tenant(), epoch, None, 1_000).await.unwrap();
            for page in pages.into_iter().filter(|page| page.purpose.as_str() != CANARY) {
                let context = WrapContext::PageKey {
                    tenant: tenant(),
                    epoch,
                    page: page.page,
                    generation: page.generation,
                };
                let key = seal::wrap::unwrap(&kek, &context, &page.key).unwrap();
                let key = PageKey::from_slice(&key).unwrap();
                for slot in self.store.entries(page.page).await.unwrap() {
                    let EntryBody::Sealed(sealed) = slot.body else { continue };
                    let place = EntryPlace {
                        tenant: tenant(),
                        page: page.page,
                        generation: page.generation,
                        slot: slot.slot,
                    };
                    entries.push(seal::page::open_entry(&key, &place, &sealed).unwrap());
                }
            }
        }
        entries
    }

    /// What each purpose's entries of a section open, in hand.
    pub(crate) async fn opens(&self, section: SectionAddress) -> BTreeMap<String, SpanSet> {
        let entries = self.entries_in_hand().await;
        let own = entries.iter().filter(|entry| entry.section == section);
        let mut opens = BTreeMap::new();
        for entry in own {
            let before = opens.insert(entry.purpose.to_string(), entry.cover.spans());
            assert_eq!(before, None, "two entries for {} of one section", entry.purpose);
        }
        opens
    }

    pub(crate) fn ask(&self, role: Role, name: &str, section: SectionAddress, range: Range<u32>) -> Ask {
        Ask {
            recording: section.recording,
            purpose: purpose(name),
            wanted: Use::Replay,
            reference: String::new(),
            spans: BTreeMap::from([(section, spans(range))]),
            subject_token: self.token(role, &tenant()),
        }
    }
}

#[allow(clippy::too_many_arguments, reason = "a crypto stands on so much")]
fn ports(
    store: &Arc<dyn KeyStore>,
    backend: &Arc<FileBackend>,
    clock: &Arc<ManualClock>,
    consent: &Arc<FakeConsent>,
    retention: &Arc<FakeRetention>,
    policies: &Arc<FakePolicies>,
    issuer: &LocalIssuer,
    outside: &Outside,
) -> Ports {
    let settings = platform::auth::Config::default().verifier();
    Ports {
        store: Arc::clone(store),
        backend: Arc::clone(backend) as Arc<dyn KeyBackend>,
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        consent: Arc::clone(consent) as Arc<dyn ConsentPort>,
        retention: Arc::clone(retention) as Arc<dyn RetentionPort>,
        policies: Arc::clone(policies) as Arc<dyn Policies>,
        verifier: Arc::new(Verifier::new([issuer.trusted()], settings)),
        log: Arc::new(outside.log.clone()) as Arc<dyn EventLog>,
        announce: Arc::clone(&outside.journal) as Arc<dyn Announce>,
        copies: Arc::new(NoCopies),
        canaries: Arc::clone(&outside.canaries) as Arc<dyn CanaryShelf>,
    }
}

/// The hash of a policy's text.
pub(crate) fn policy_hash(text: &str) -> Hash {
    Hash(policy::parse(text, &|_| None).unwrap().hash().0)
}

/// A sealing of these entries under [`POLICY`]; `quality` and `training` rest on consent.
pub(crate) fn request(recording: RecordingId, entries: &[(SectionAddress, &str, Range<u32>)]) -> SealRequest {
    let key = |section: SectionAddress, name: &str| EntryKey { section, purpose: purpose(name) };
    let on_consent = entries.iter().map(|(_, name, _)| purpose(name));
    SealRequest {
        recording,
        entries: entries.iter().map(|(at, name, range)| (key(*at, name), spans(range.clone()))).collect(),
        on_consent: on_consent.filter(|name| name.as_str() != "mifid2-transaction").collect(),
        completeness: Completeness::Complete,
        policy_hash: policy_hash(POLICY),
        timeline_hash: Hash([1; 32]),
        span_table_hash: Hash([2; 32]),
    }
}

/// Whether a cover derives exactly the keys that the section's own key has for these spans.
pub(crate) fn derives(cover: &Cover, key: &LegKey, range: Range<u32>) -> bool {
    cover.spans() == spans(range)
        && cover.keys_in_order().all(|(span, own)| own.expose() == key.span_key(span).unwrap().expose())
}
