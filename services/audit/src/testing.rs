//! What the tests of the writer, of verification and of the answers stand on: a topic, stores in memory or in a
//! directory of their own, crypto's part with fixed keys, and stores that fail when they are told to.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use ::sqlite::Options;
use async_trait::async_trait;
use bytes::Bytes;
use eventlog::envelope::to_record;
use eventlog::{EventLog, MemoryLog, ReadLimit, Record, Stored, partition_of};
use journal::Journal;
use kernel::topics::AUDIT;
use kernel::{Envelope, ErrorCode, EventId, InstanceId, ManualClock, TenantId, Timestamp};
use merkle::{Hash, TreeHead};
use objects::{
    Capabilities, Head as ObjectHead, Key, LegalHold, Listed, MemoryObjects, Object, ObjectStore, Prefix,
    PutDone, PutOptions, Version, VersionCursor,
};
use parking_lot::Mutex;
use platform::audit::{ENTRY_WRITTEN, HEARTBEAT, HEARTBEAT_DOCUMENT, SealedReason, deployment};
use platform::config::{ByteSize, Period};
use platform::instance::{Certifier, InstanceError};
use prost::Message;
use proto::audit::v1 as wire;
use seal::signing::{RoleName, TenantScope};
use seal::{InstanceCert, SignedCert, SignedDocument, SigningKey, TrustRoots, VerifyingKey};

use crate::config::Config;
use crate::error::Error;
use crate::files::ObjectFiles;
use crate::keys::{Adopted, Freshness, KeySource};
use crate::leaf::LedgerKeys;
use crate::name::{Incarnation, LogName};
use crate::partition::{Partition, When};
use crate::root::RootLog;
use crate::samples;
use crate::settle::settle;
use crate::shared::Shared;
use crate::signer::Signer;
use crate::store::sqlite::SqliteStore;
use crate::store::{
    Batch, Begun, Claim, Committed, Era, Filter, Generation, Head, LedgerStore, LogId, Part, Producer,
    ProducerState, RootRow, Row, StoreError,
};
use crate::topic::place;
use crate::verify::{Means, Report, verify};

pub(crate) const INCARNATION: Incarnation = Incarnation::from_bytes([0x77; 16]);
/// The first history of a world.
pub(crate) const ERA: Era = Era { generation: Generation::FIRST, incarnation: INCARNATION };
pub(crate) const PRODUCER: InstanceId = InstanceId::from_bytes([3; 16]);
pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

/// Lets calls through until the count is used up, then fails one, before or after it was done; or is away.
///
/// Twice as many chances as calls: even ones before a call, odd ones after it.
#[derive(Clone)]
pub(crate) struct Faults(Arc<AtomicI64>, Arc<AtomicU8>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    None,
    Before,
    After,
}

/// What becomes of every call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Calls {
    Pass = 0,
    Fail = 1,
    Hang = 2,
}

impl Faults {
    /// The `number`-th chance to fail is taken; counted from 0.
    pub(crate) fn at(number: i64) -> Self {
        Self(Arc::new(AtomicI64::new(number + 1)), Arc::new(AtomicU8::new(Calls::Pass as u8)))
    }
    /// None is taken.
    pub(crate) fn none() -> Self {
        Self::at(i64::MAX / 2)
    }
    /// From now on.
    pub(crate) fn all(&self, calls: Calls) {
        self.1.store(calls as u8, Ordering::SeqCst);
    }
    /// Whether the fault has happened.
    pub(crate) fn has_struck(&self) -> bool {
        self.0.load(Ordering::SeqCst) <= 0
    }
    async fn next(&self) -> Fault {
        match self.1.load(Ordering::SeqCst) {
            1 => return Fault::Before,
            2 => std::future::pending().await,
            _ => {}
        }
        let left = self.0.fetch_sub(2, Ordering::SeqCst);
        match left {
            1 => Fault::Before,
            2 => Fault::After,
            _ => Fault::None,
        }
    }
}

macro_rules! struck {
    ($faults:expr, $error:expr, $call:expr) => {{
        let fault = $faults.next().await;
        if fault == Fault::Before {
            return Err($error);
        }
        let done = $call.await;
        if fault == Fault::After {
            return Err($error);
        }
        done
    }};
}

fn store_fault() -> StoreError {
    StoreError::new("do what was asked", ErrorCode::Unavailable, "the test's own fault")
}

fn object_fault() -> objects::Error {
    objects::Error::Unavailable { attempt: "do what was asked", source: "the test's own fault".into() }
}

/// An index that fails when it is told to.
pub(crate) struct FlakyStore<S>(pub(crate) S, pub(crate) Faults);

#[async_trait]
impl<S: LedgerStore> LedgerStore for FlakyStore<S> {
    async fn incarnations(&self) -> Result<Vec<Begun>, StoreError> {
        struck!(self.1, store_fault(), self.0.incarnations())
    }
    async fn begin(&self, begun: &Begun) -> Result<Begun, StoreError> {
        struck!(self.1, store_fault(), self.0.begin(begun))
    }
    async fn claim(&self, log: LogId) -> Result<Claim, StoreError> {
        struck!(self.1, store_fault(), self.0.claim(log))
    }
    async fn heads(&self) -> Result<Vec<(LogId, Head)>, StoreError> {
        struck!(self.1, store_fault(), self.0.heads())
    }
    async fn stage(&self, batch: &Batch) -> Result<(), StoreError> {
        struck!(self.1, store_fault(), self.0.stage(batch))
    }
    async fn commit(&self, batch: &Batch) -> Result<Committed, StoreError> {
        struck!(self.1, store_fault(), self.0.commit(batch))
    }
    async fn commit_root(&self, leaf: &RootRow) -> Result<Committed, StoreError> {
        struck!(self.1, store_fault(), self.0.commit_root(leaf))
    }
    async fn rewind(&self, part: Part, fence: u64, next_offset: u64) -> Result<Committed, StoreError> {
        struck!(self.1, store_fault(), self.0.rewind(part, fence, next_offset))
    }
    async fn mark_published(&self, log: LogId, tree: TreeHead) -> Result<(), StoreError> {
        struck!(self.1, store_fault(), self.0.mark_published(log, tree))
    }
    async fn mark_stored(&self, part: Part, below: u64) -> Result<(), StoreError> {
        struck!(self.1, store_fault(), self.0.mark_stored(part, below))
    }
    async fn known(&self, part: Part, events: &[EventId]) -> Result<BTreeSet<EventId>, StoreError> {
        struck!(self.1, store_fault(), self.0.known(part, events))
    }
    async fn producers(&self, part: Part) -> Result<Vec<Producer>, StoreError> {
        struck!(self.1, store_fault(), self.0.producers(part))
    }
    async fn rows(&self, part: Part, from: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        struck!(self.1, store_fault(), self.0.rows(part, from, limit))
    }
    async fn hashes(&self, log: LogId, from: u64, limit: u32) -> Result<Vec<Hash>, StoreError> {
        struck!(self.1, store_fault(), self.0.hashes(log, from, limit))
    }
    async fn root_rows(&self, of: Generation, from: u64, limit: u32) -> Result<Vec<Vec<u8>>, StoreError> {
        struck!(self.1, store_fault(), self.0.root_rows(of, from, limit))
    }
    async fn find(&self, filter: &Filter) -> Result<Vec<Row>, StoreError> {
        struck!(self.1, store_fault(), self.0.find(filter))
    }
    async fn entry(&self, tenant: &TenantId, event: EventId) -> Result<Option<Row>, StoreError> {
        struck!(self.1, store_fault(), self.0.entry(tenant, event))
    }
}

/// Objects that fail when they are told to.
pub(crate) struct FlakyObjects(pub(crate) Arc<dyn ObjectStore>, pub(crate) Faults);

#[async_trait]
impl ObjectStore for FlakyObjects {
    async fn put(&self, key: &Key, bytes: Bytes, options: PutOptions) -> Result<PutDone, objects::Error> {
        struck!(self.1, object_fault(), self.0.put(key, bytes, options))
    }
    async fn get(
        &self,
        key: &Key,
        version: Option<&Version>,
        range: Option<Range<u64>>,
    ) -> Result<Object, objects::Error> {
        struck!(self.1, object_fault(), self.0.get(key, version, range))
    }
    async fn head(&self, key: &Key, version: Option<&Version>) -> Result<ObjectHead, objects::Error> {
        struck!(self.1, object_fault(), self.0.head(key, version))
    }
    async fn list(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, objects::Error> {
        struck!(self.1, object_fault(), self.0.list(prefix, after, limit))
    }
    async fn list_versions(
        &self,
        prefix: &Prefix,
        after: Option<&VersionCursor>,
        limit: usize,
    ) -> Result<Vec<Listed>, objects::Error> {
        struck!(self.1, object_fault(), self.0.list_versions(prefix, after, limit))
    }
    async fn delete_version(&self, key: &Key, version: &Version) -> Result<(), objects::Error> {
        struck!(self.1, object_fault(), self.0.delete_version(key, version))
    }
    async fn extend_retention(
        &self,
        key: &Key,
        version: &Version,
        until: Timestamp,
    ) -> Result<(), objects::Error> {
        struck!(self.1, object_fault(), self.0.extend_retention(key, version, until))
    }
    async fn set_legal_hold(
        &self,
        key: &Key,
        version: &Version,
        hold: LegalHold,
    ) -> Result<(), objects::Error> {
        struck!(self.1, object_fault(), self.0.set_legal_hold(key, version, hold))
    }
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }
}

/// crypto's part: fixed keys, reasons noted, one signing root.
#[derive(Default)]
pub(crate) struct FixedKeys {
    pub(crate) adopted: Mutex<Vec<EventId>>,
    /// Reasons of these events do not open.
    pub(crate) lost: BTreeSet<EventId>,
}

#[async_trait]
impl KeySource for FixedKeys {
    async fn keys(&self, tenant: &TenantId) -> Result<Arc<LedgerKeys>, Error> {
        Ok(Arc::new(samples::keys(tenant.as_str())))
    }
    async fn adopt_reason(
        &self,
        _tenant: &TenantId,
        event: EventId,
        _reason: &SealedReason,
    ) -> Result<Adopted, Error> {
        if self.lost.contains(&event) {
            return Ok(Adopted::Refused(ErrorCode::FailedPrecondition));
        }
        self.adopted.lock().push(event);
        Ok(Adopted::Kept)
    }
    async fn roots(&self, _freshness: Freshness) -> Result<Arc<TrustRoots>, Error> {
        Ok(Arc::new(roots()))
    }
}

pub(crate) fn signing_root() -> SigningKey {
    SigningKey::from_bytes(&[0x42; 32])
}

pub(crate) fn roots() -> TrustRoots {
    [signing_root().verifying_key()].into_iter().collect()
}

/// Certifies whatever asks.
pub(crate) struct RootCertifier;

#[async_trait]
impl Certifier for RootCertifier {
    async fn certify(
        &self,
        instance: InstanceId,
        role: &RoleName,
        _tenants: &[TenantId],
        key: &VerifyingKey,
    ) -> Result<SignedCert, InstanceError> {
        Ok(certificate(instance, role.clone(), *key))
    }
}

fn certificate(instance: InstanceId, role: RoleName, key: VerifyingKey) -> SignedCert {
    let (not_before, not_after) = (Timestamp(0), Timestamp(i64::MAX));
    let cert = InstanceCert { instance, role, tenants: TenantScope::All, not_before, not_after, key };
    SignedCert::issue(&signing_root(), cert).unwrap()
}

/// A topic, an index, objects and keys.
pub(crate) struct World {
    pub(crate) log: MemoryLog,
    pub(crate) objects: Arc<dyn ObjectStore>,
    /// What the restrictive journal lies in.
    pub(crate) journal: Arc<dyn ObjectStore>,
    pub(crate) store: SqliteStore,
    pub(crate) keys: Arc<FixedKeys>,
    pub(crate) clock: ManualClock,
    pub(crate) config: Config,
    directory: tempfile::TempDir,
}

/// A ledger as it was at a moment.
pub(crate) struct Backup {
    index: tempfile::TempDir,
    objects: Arc<dyn ObjectStore>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(FixedKeys::default()).await
    }

    pub(crate) async fn with(keys: FixedKeys) -> Self {
        let clock = ManualClock::at(NOW);
        let (store, directory) = index().await;
        Self {
            log: MemoryLog::new(Arc::new(clock.clone())),
            objects: Arc::new(MemoryObjects::new(Arc::new(clock.clone()))),
            journal: Arc::new(MemoryObjects::new(Arc::new(clock.clone()))),
            store,
            keys: Arc::new(keys),
            clock,
            config: Config {
                entry_object_size: ByteSize(3_000),
                retry: Period::millis(1),
                ..Config::default()
            },
            directory,
        }
    }

    /// What writers share, with an index, objects and a journal that may fail.
    pub(crate) async fn shared(&self, faults: &Faults) -> Shared {
        let journal =
            self.journal_on(Arc::new(FlakyObjects(Arc::clone(&self.journal), faults.clone()))).await;
        self.shared_with(faults, journal.unwrap())
    }

    /// The same, where the journal may not even be opened.
    pub(crate) async fn try_shared(&self, faults: &Faults) -> Result<Shared, Error> {
        let journal =
            self.journal_on(Arc::new(FlakyObjects(Arc::clone(&self.journal), faults.clone()))).await;
        Ok(self.shared_with(faults, journal?))
    }

    /// The journal in this store.
    pub(crate) async fn journal_on(&self, objects: Arc<dyn ObjectStore>) -> Result<Journal, journal::Error> {
        let (prefix, clock) = (Prefix::new("journal/").unwrap(), Arc::new(self.clock.clone()));
        Journal::open(objects, prefix, clock, journal::BACKUP_HORIZON).await
    }

    pub(crate) fn shared_with(&self, faults: &Faults, journal: Journal) -> Shared {
        let clock: Arc<ManualClock> = Arc::new(self.clock.clone());
        let signer = Signer::new(InstanceId::new(), Arc::new(RootCertifier), clock.clone()).unwrap();
        Shared {
            store: Arc::new(FlakyStore(self.store.clone(), faults.clone())),
            objects: Arc::new(FlakyObjects(Arc::clone(&self.objects), faults.clone())),
            journal: Arc::new(journal),
            keys: self.keys.clone(),
            signer: Arc::new(signer),
            clock,
            config: Arc::new(self.config.clone()),
        }
    }

    pub(crate) async fn open(&self, partition: u32) -> Partition {
        Partition::open(self.shared(&Faults::none()).await, first(), partition).await.unwrap()
    }

    /// Appends records and answers those of a partition, all of them.
    pub(crate) async fn produce(&self, records: Vec<Record>) {
        self.log.append(&AUDIT, records).await.unwrap();
    }

    pub(crate) async fn records(&self, partition: u32) -> Vec<Stored> {
        let ends = self.log.ends(&AUDIT).await.unwrap();
        let low = ends[partition as usize].low;
        let limit = ReadLimit { records: 100_000, bytes: usize::MAX };
        self.log.read(&AUDIT, partition, low, limit).await.unwrap()
    }

    /// The head of a log of the first history.
    pub(crate) async fn head(&self, log: LogName) -> Head {
        self.head_of(ERA.log(log)).await
    }

    pub(crate) async fn head_of(&self, log: LogId) -> Head {
        let heads = self.store.heads().await.unwrap();
        heads.into_iter().find(|(own, _)| *own == log).map_or(Head::EMPTY, |(_, head)| head)
    }

    /// Everything that is in the topic into the ledger, with all objects and a root leaf.
    pub(crate) async fn settle(&self) {
        self.store.begin(&first()).await.unwrap();
        self.work(&first()).await;
    }

    /// The same for the history that goes on.
    pub(crate) async fn restart(&self) -> Begun {
        let begun = settle(&self.shared(&Faults::none()).await, &self.log).await.unwrap();
        self.work(&begun).await;
        begun
    }

    async fn work(&self, begun: &Begun) {
        let shared = self.shared(&Faults::none()).await;
        for number in 0..AUDIT.partitions {
            let mut partition = Partition::open(shared.clone(), begun.clone(), number).await.unwrap();
            place(&mut partition, &self.log, number).await.unwrap();
            if begun.after.is_some() {
                // As the consumer does: what it follows is its first entry.
                partition.tend(When::Due).await.unwrap();
            }
            partition.take(&self.records(number).await).await.unwrap();
            partition.tend(When::Now).await.unwrap();
        }
        let mut root = RootLog::open(shared, begun.clone()).await.unwrap();
        root.tend(When::Now).await.unwrap();
    }

    /// A copy of index and objects.
    pub(crate) async fn backup(&self) -> Backup {
        let index = tempfile::tempdir().unwrap();
        copy_index(self.directory.path(), index.path());
        Backup { index, objects: copy(self.objects.as_ref(), &self.clock).await }
    }

    /// Puts the index of a backup in the index's place.
    pub(crate) async fn restore_index(&mut self, backup: &Backup) {
        let directory = tempfile::tempdir().unwrap();
        copy_index(backup.index.path(), directory.path());
        self.store =
            SqliteStore::open(&directory.path().join("ledger.db"), Options::default()).await.unwrap();
        self.directory = directory;
    }

    /// Puts the objects of a backup in the objects' place.
    pub(crate) async fn restore_objects(&mut self, backup: &Backup) {
        self.objects = copy(backup.objects.as_ref(), &self.clock).await;
    }

    /// What is in the restrictive journal, in a store of its own.
    pub(crate) async fn journal_backup(&self) -> Arc<dyn ObjectStore> {
        copy(self.journal.as_ref(), &self.clock).await
    }

    /// The topic as it never was.
    pub(crate) fn lose_topic(&mut self) {
        self.log = MemoryLog::new(Arc::new(self.clock.clone()));
    }

    /// Loses the index.
    pub(crate) async fn lose_index(&mut self) {
        (self.store, self.directory) = index().await;
    }

    pub(crate) async fn verify(&self, keys: Option<&LedgerKeys>) -> Report {
        let files = ObjectFiles(Arc::clone(&self.objects));
        verify(&files, Means { roots: &roots(), keys, stored: None }).await.unwrap()
    }
}

impl Backup {
    pub(crate) fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }
}

/// The file and what was written to it last; nobody writes meanwhile.
fn copy_index(from: &Path, to: &Path) {
    for name in ["ledger.db", "ledger.db-wal"] {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

/// The latest versions of all objects, in a store of their own.
async fn copy(from: &dyn ObjectStore, clock: &ManualClock) -> Arc<dyn ObjectStore> {
    let to = MemoryObjects::new(Arc::new(clock.clone()));
    let mut after: Option<Key> = None;
    loop {
        let listed = from.list(&Prefix::ALL, after.as_ref(), objects::MAX_LIST).await.unwrap();
        for own in &listed {
            let bytes = from.get(&own.key, None, None).await.unwrap().bytes;
            to.put(&own.key, bytes, PutOptions::default()).await.unwrap();
        }
        after = listed.last().map(|own| own.key.clone());
        if listed.len() < objects::MAX_LIST {
            return Arc::new(to);
        }
    }
}

/// The first history of a world.
pub(crate) fn first() -> Begun {
    Begun { era: ERA, after: None }
}

/// A fresh index in a directory of its own.
pub(crate) async fn index() -> (SqliteStore, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("ledger.db"), Options::default()).await.unwrap();
    (store, directory)
}

/// The record of sample entry `event` as number `number` of the producer; with a key that falls into the
/// partition.
pub(crate) fn record(partition: u32, event: u64, number: u64) -> Record {
    let entry = samples::entry(event);
    let event = wire::EntryWritten {
        entry: Some(wire::Entry {
            producer: PRODUCER.to_bytes().to_vec(),
            producer_number: number,
            ..entry.to_wire(0, 0)
        }),
        reason: Some(wire::SealedReason {
            key_epoch: 1,
            hpke_enc: vec![1; 32],
            hpke_ciphertext: vec![2; 60],
        }),
    };
    let event = wire::AuditEvent { event: Some(wire::audit_event::Event::EntryWritten(event)) };
    enveloped(partition, entry.event, entry.tenant, ENTRY_WRITTEN, event.encode_to_vec())
}

/// A heartbeat of the producer.
pub(crate) fn heartbeat(partition: u32, produced: u64, state: ProducerState) -> Record {
    heartbeat_signed(partition, produced, state, &signing_root())
}

pub(crate) fn heartbeat_signed(
    partition: u32,
    produced: u64,
    state: ProducerState,
    root: &SigningKey,
) -> Record {
    let mut beat = wire::Heartbeat {
        producer: PRODUCER.to_bytes().to_vec(),
        partition,
        produced,
        at: NOW.0,
        closing: state == ProducerState::Closed,
        signed: Vec::new(),
    };
    let key = SigningKey::from_bytes(&[0x24; 32]);
    let mut signed = certificate(PRODUCER, RoleName::new("ingest").unwrap(), key.verifying_key());
    signed = SignedCert::issue(root, signed.cert).unwrap();
    let document =
        SignedDocument::sign(HEARTBEAT_DOCUMENT, beat.encode_to_vec(), NOW, &signed, &key).unwrap();
    beat.signed = document.encode().unwrap();
    let event = wire::AuditEvent { event: Some(wire::audit_event::Event::Heartbeat(beat)) };
    enveloped(partition, EventId::new(), deployment(), HEARTBEAT, event.encode_to_vec())
}

fn enveloped(partition: u32, id: EventId, tenant: TenantId, kind: &str, payload: Vec<u8>) -> Record {
    let keys = (0u64..).map(|number| format!("{tenant}/{number}"));
    let mut keys = keys.filter(|key| partition_of(key.as_bytes(), AUDIT.partitions) == partition);
    let aggregate = keys.next().unwrap();
    let kind = kind.to_owned();
    let envelope = Envelope { id, kind, tenant, aggregate, version: 1, at: NOW, trace: None, payload };
    to_record(&envelope, "/verbale/audit")
}
