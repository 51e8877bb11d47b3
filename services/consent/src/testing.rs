//! A consent on stores of its own, with crypto, the clock and the policies in the test's hand.

mod crypto;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use journal::{BACKUP_HORIZON, Journal};
use kernel::{
    Clock, ErrorCode, EventId, InstanceId, KeyEpoch, ManualClock, NoticeName, PurposeName, RecordingId,
    SubjectId, TenantId, Timestamp,
};
use objects::{MemoryObjects, Prefix};
use parking_lot::Mutex;
use platform::outbox::Bell;
use policy::Party;
use seal::{EpochSecret, LegKey, LegKeyInfo, MacKey};

pub(crate) use self::crypto::CryptoServer;
use crate::admission::Said;
use crate::config::Config;
use crate::error::Error;
use crate::event::{EventKind, Expression, Reach};
use crate::identifier::Identifier;
use crate::identity::IndexValue;
use crate::keys::{ActiveKey, Keys, KeysError, SubjectSection};
use crate::policies::Policies;
use crate::service::{Authorised, Call, CallParty, Ports, Recorded, Service, Who};
use crate::standing::Gone;
use crate::store::identifiers::SqliteIdentifiers;
use crate::store::sqlite::SqliteStore;

/// 2026-03-02T10:40:00+01:00: when calls start.
pub(crate) const START: Timestamp = Timestamp(1_772_444_400_000_000);

pub(crate) const POLICY: &str = "
tenant: telco-beta
jurisdiction: IT
employee_consent: dpo-2026-014
purposes:
  duty: { basis: legal_obligation, regime: mifid2-16-7, roles: [compliance] }
  quality: { basis: consent, retention: P90D, roles: [supervisor] }
  training: { basis: consent, retention: P180D, roles: [supervisor], consent_of: [customer, agent] }
  deal: { basis: contract, retention: P2Y }
notices:
  n5: { language: it, text: Registriamo., purposes: [duty, quality, training, deal] }
  n6: { language: it, text: Solo qualita., purposes: [quality] }
";

pub(crate) fn tenant() -> TenantId {
    TenantId::new("telco-beta").unwrap()
}

pub(crate) fn purpose(name: &str) -> PurposeName {
    PurposeName::new(name).unwrap()
}

pub(crate) fn purposes(names: &[&str]) -> BTreeSet<PurposeName> {
    names.iter().map(|name| purpose(name)).collect()
}

pub(crate) fn phone(value: &str) -> Identifier {
    Identifier::read(1, value).unwrap()
}

pub(crate) fn crm(value: &str) -> Identifier {
    Identifier::read(4, value).unwrap()
}

/// So many milliseconds into a call.
pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp(START.0 + millis * 1_000)
}

/// crypto with its secrets in hand; can be away.
pub(crate) struct FakeKeys {
    mac: MacKey,
    pub(crate) secret: EpochSecret,
    pub(crate) adopted: Mutex<Vec<SubjectSection>>,
    away: AtomicBool,
    adopts: AtomicBool,
}

impl FakeKeys {
    fn new() -> Self {
        Self {
            mac: MacKey::generate().unwrap(),
            secret: EpochSecret::generate().unwrap(),
            adopted: Mutex::default(),
            away: AtomicBool::new(false),
            adopts: AtomicBool::new(true),
        }
    }
    pub(crate) fn go(&self) {
        self.away.store(true, Ordering::SeqCst);
    }
    pub(crate) fn adopts(&self, adopts: bool) {
        self.adopts.store(adopts, Ordering::SeqCst);
    }
    /// The key of an adopted section.
    pub(crate) fn open(&self, new: &SubjectSection) -> LegKey {
        let info = LegKeyInfo { tenant: tenant(), section: new.section, epoch: new.epoch };
        seal::hpke::open_leg_key(&self.secret, &info, &new.sealed).unwrap()
    }
}

#[async_trait]
impl Keys for FakeKeys {
    async fn index(
        &self,
        tenant: &TenantId,
        identifiers: &[&Identifier],
    ) -> Result<Vec<IndexValue>, KeysError> {
        // Others may go first, so that tests of racing callers race.
        tokio::task::yield_now().await;
        if self.away.load(Ordering::SeqCst) {
            return Err(KeysError::new("compute index values", tenant, ErrorCode::Unavailable, "away"));
        }
        let mac =
            |one: &&Identifier| *self.mac.mac(&[tenant.as_str().as_bytes(), &one.index_input()]).as_bytes();
        Ok(identifiers.iter().map(mac).collect())
    }
    async fn active(&self, _: &TenantId) -> Result<ActiveKey, KeysError> {
        Ok(ActiveKey { epoch: KeyEpoch(1), public: self.secret.public() })
    }
    async fn adopt(&self, tenant: &TenantId, _: InstanceId, new: &SubjectSection) -> Result<(), KeysError> {
        if !self.adopts.load(Ordering::SeqCst) {
            return Err(KeysError::new("adopt a subject's section", tenant, ErrorCode::Unavailable, "away"));
        }
        self.adopted.lock().push(new.clone());
        Ok(())
    }
}

pub(crate) struct Bench {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) keys: Arc<FakeKeys>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) service: Arc<Service>,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(cfg: Config) -> Self {
        let directory = tempfile::tempdir().unwrap();
        write_policy(directory.path().join("policies"), "telco-beta", POLICY);
        Self::on(directory, cfg).await
    }

    /// What a backup of now has of it, in files of its own: they are whole, as nothing is being written.
    pub(crate) fn backup(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(self.directory.path()).unwrap() {
            let file = file.unwrap();
            if file.file_type().unwrap().is_file() {
                std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
            }
        }
        write_policy(copy.path().join("policies"), "telco-beta", POLICY);
        copy
    }

    /// A process on what was backed up.
    pub(crate) async fn restored(backup: tempfile::TempDir) -> Self {
        Self::on(backup, Config::default()).await
    }

    async fn on(directory: tempfile::TempDir, cfg: Config) -> Self {
        let clock = Arc::new(ManualClock::at(at(3_600_000)));
        let dyn_clock: Arc<dyn Clock> = clock.clone();
        let file = directory.path().join("consent.db");
        let store = Arc::new(SqliteStore::open(&file, Arc::clone(&dyn_clock), Bell::new()).await.unwrap());
        let file = directory.path().join("identifiers.db");
        let identifiers = Arc::new(SqliteIdentifiers::open(&file).await.unwrap());
        let keys = Arc::new(FakeKeys::new());
        let path = directory.path().join("policies");
        let policies = Policies::open(path, store.clone(), Arc::clone(&dyn_clock)).await.unwrap();
        let ports = Ports { store: store.clone(), identifiers, keys: keys.clone(), clock: dyn_clock };
        let service = Arc::new(Service::new(&cfg, ports, Arc::new(policies)));
        Self { directory, store, keys, clock, service }
    }

    /// Puts a policy in the place of another and loads it.
    pub(crate) async fn change_policy(&self, text: &str) {
        write_policy(self.directory.path().join("policies"), "telco-beta", text);
        self.service.policies.reload().await.unwrap();
    }

    pub(crate) async fn authorise(&self, call: &Call) -> Authorised {
        self.service.authorise(&tenant(), call, |_| None).await.unwrap()
    }

    /// A call of this customer with an agent, authorised for these purposes.
    pub(crate) async fn call(&self, customer: &str, names: &[&str]) -> (RecordingId, SubjectId) {
        let call = call(&[customer], names);
        let authorised = self.authorise(&call).await;
        (call.recording, authorised.subjects[0])
    }

    pub(crate) async fn record(&self, who: SubjectId, said: &Said) -> Result<Recorded, Error> {
        self.service.record(&tenant(), &Who::Subject(who), said, None, |_| None).await
    }

    /// Records what must be taken; the state of its first purpose.
    pub(crate) async fn says(&self, who: SubjectId, said: &Said) -> &'static str {
        let recorded = self.record(who, said).await.unwrap();
        recorded.states.first().map_or("nothing", |state| state.consent.state.as_str())
    }

    pub(crate) async fn may_use(&self, recording: RecordingId, name: &str) -> Result<(), Gone> {
        self.service.may_use(&tenant(), recording, &purpose(name)).await.unwrap()
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

/// An empty journal in memory.
pub(crate) async fn journal(clock: Arc<dyn Clock>) -> Journal {
    let objects = Arc::new(MemoryObjects::new(Arc::clone(&clock)));
    Journal::open(objects, Prefix::new("journal/").unwrap(), clock, BACKUP_HORIZON).await.unwrap()
}

pub(crate) fn write_policy(directory: PathBuf, folder: &str, text: &str) {
    let folder = directory.join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("policy.yaml"), text).unwrap();
}

/// A call of these customers, by their numbers, with one agent.
pub(crate) fn call(customers: &[&str], names: &[&str]) -> Call {
    let customer = |value: &&str| CallParty { party: Party::Customer, identifiers: vec![phone(value)] };
    let agent = Identifier::read(5, "agent-101").unwrap();
    let agent = CallParty { party: Party::Agent, identifiers: vec![agent] };
    Call {
        recording: RecordingId::new(),
        started_at: START,
        parties: customers.iter().map(customer).chain([agent]).collect(),
        purposes: purposes(names),
    }
}

/// Something said in a call, so many milliseconds into it.
pub(crate) fn said(kind: EventKind, recording: RecordingId, names: &[&str], millis: i64) -> Said {
    let expression = if kind == EventKind::Given { Expression::Voice } else { Expression::Unspecified };
    Said {
        id: EventId::new(),
        kind,
        purposes: purposes(names),
        reach: Reach::Call(recording),
        said_in: Some(recording),
        notice: None,
        position: u64::try_from(millis * 1_000).ok(),
        occurred_at: at(millis),
        expression,
    }
}

/// A notice played in a call.
pub(crate) fn notice(recording: RecordingId, name: &str, millis: i64) -> Said {
    let notice = Some(NoticeName::new(name).unwrap());
    Said { notice, ..said(EventKind::NoticePresented, recording, &[], millis) }
}

/// Something said for every call, on a form of this notice.
pub(crate) fn by_form(kind: EventKind, names: &[&str], occurred_at: Timestamp) -> Said {
    let expression = if kind == EventKind::Given { Expression::Web } else { Expression::Unspecified };
    Said {
        id: EventId::new(),
        kind,
        purposes: purposes(names),
        reach: Reach::Account,
        said_in: None,
        notice: Some(NoticeName::new("n5").unwrap()),
        position: None,
        occurred_at,
        expression,
    }
}
