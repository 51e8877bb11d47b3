//! What the tests of the journal stand on: a place for one test in memory, in a directory or in a bucket, acts, and
//! a store that fails puts when it is told to.

use std::collections::VecDeque;
use std::io::Write;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use kernel::{Clock, EventId, ManualClock, SystemClock, TenantId, Timestamp};
use objects::{
    Capabilities, DirectoryObjects, Head, IfExists, Key, LegalHold, Listed, MemoryObjects, Object,
    ObjectStore, Prefix, PutDone, PutOptions, S3Objects, S3Options, Version, VersionCursor,
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{About, Act, Code, Journal, Kind, Record};

pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000_000);
/// Short: a bucket keeps what tests put for so long.
pub(crate) const HORIZON: Duration = Duration::from_secs(3);

/// An erasure that is intended; each number another act on another recording.
pub(crate) fn act(number: u64) -> Act {
    let id = u128::from(number) | (1 << 100);
    Act {
        id: EventId::from_bytes(id.to_be_bytes()),
        at: NOW,
        tenant: TenantId::new("banca-alfa").unwrap(),
        kind: Kind::ErasureIntended,
        about: About::Aggregate { id: Uuid::from_u128(id), version: 1 },
        codes: vec![Code::new("art-17").unwrap()],
    }
}

pub(crate) fn acts(numbers: Range<u64>) -> Vec<Act> {
    numbers.map(act).collect()
}

pub(crate) fn prefix() -> Prefix {
    Prefix::new("keys/journal/").unwrap()
}

pub(crate) fn key(number: u64) -> Key {
    Key::new(format!("{}{:017}/{:03}", prefix(), number / 1_000, number % 1_000)).unwrap()
}

/// A store for one test, which several processes open, and the time that its locks go by.
pub(crate) enum Place {
    Memory(MemoryObjects, ManualClock),
    Directory(TempDir, ManualClock),
    S3(S3Objects),
}

impl Place {
    pub(crate) fn memory() -> Self {
        let clock = ManualClock::at(NOW);
        Self::Memory(MemoryObjects::new(Arc::new(clock.clone())), clock)
    }

    pub(crate) fn directory() -> Self {
        Self::Directory(TempDir::new().unwrap(), ManualClock::at(NOW))
    }

    /// The bucket that the environment names, below a root that no other test has. None, and a line that says so,
    /// where it names no bucket and does not require one.
    pub(crate) async fn s3() -> Option<Self> {
        let Ok(url) = std::env::var("VERBALE_S3") else {
            let required = std::env::var("VERBALE_REQUIRE").unwrap_or_default();
            assert!(
                !required.split(',').any(|engine| engine.trim() == "s3"),
                "s3 is required: set VERBALE_S3"
            );
            // Straight to the descriptor: the test runner keeps back what a test that passes prints.
            std::io::stderr().write_all(b"NOT TESTED: the journal on S3; set VERBALE_S3\n").unwrap();
            return None;
        };
        let options: S3Options = url.parse().unwrap();
        let above = options.root.as_ref().map(|root| format!("{root}/")).unwrap_or_default();
        let root = Key::new(format!("{above}test/{}", Uuid::new_v4())).unwrap();
        let options = S3Options { root: Some(root), ..options };
        let opened = Box::pin(S3Objects::open(options, Arc::new(SystemClock))).await;
        Some(Self::S3(opened.unwrap()))
    }

    /// The store, as another process would open it; a bucket's excludes nothing in this process, so one will do.
    pub(crate) async fn objects(&self) -> Arc<dyn ObjectStore> {
        match self {
            Self::Memory(store, _) => Arc::new(store.clone()),
            Self::Directory(folder, clock) => {
                let root = folder.path().join("store");
                Arc::new(DirectoryObjects::open(root, Arc::new(clock.clone())).await.unwrap())
            }
            Self::S3(store) => Arc::new(store.clone()),
        }
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        match self {
            Self::Memory(_, clock) | Self::Directory(_, clock) => Arc::new(clock.clone()),
            Self::S3(_) => Arc::new(SystemClock),
        }
    }

    /// Lets the locks of everything that was put run out.
    pub(crate) async fn pass_the_horizon(&self) {
        // A server's locks end on whole seconds.
        let time = HORIZON + Duration::from_secs(2);
        match self {
            Self::Memory(_, clock) | Self::Directory(_, clock) => clock.advance(time),
            Self::S3(_) => tokio::time::sleep(time).await,
        }
    }

    /// The journal, as another process would open it.
    pub(crate) async fn journal(&self) -> Journal {
        self.journal_on(self.objects().await).await
    }

    pub(crate) async fn journal_on(&self, objects: Arc<dyn ObjectStore>) -> Journal {
        Journal::open(objects, prefix(), self.clock(), HORIZON).await.unwrap()
    }

    /// Deletes a record, as whoever prunes or tampers does.
    pub(crate) async fn delete(&self, number: u64) {
        let objects = self.objects().await;
        let version = objects.head(&key(number), None).await.unwrap().version;
        objects.delete_version(&key(number), &version).await.unwrap();
    }

    /// Puts these bytes in place of a record.
    pub(crate) async fn replace(&self, number: u64, bytes: Vec<u8>) {
        let options = PutOptions { if_exists: IfExists::NewVersion, ..PutOptions::default() };
        self.objects().await.put(&key(number), bytes.into(), options).await.unwrap();
    }

    pub(crate) async fn bytes(&self, number: u64) -> Vec<u8> {
        self.objects().await.get(&key(number), None, None).await.unwrap().bytes.to_vec()
    }
}

/// The ids of the records' acts, in order.
pub(crate) fn ids(records: &[Record]) -> Vec<EventId> {
    records.iter().map(|record| record.act.id).collect()
}

/// What becomes of a put.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// It never arrives.
    Lost,
    /// It is stored, and the answer is lost.
    Unanswered,
    /// It is not answered, and arrives right before the next put.
    Late,
    /// Another writer of the journal is quicker.
    Beaten,
    /// It is refused as one that has passed.
    Refused,
}

/// A put that has not arrived.
type OnItsWay = (Key, Bytes, PutOptions);

/// A store whose puts meet their fates, in order; those without one are done. Puts let others go first.
pub(crate) struct Fateful {
    store: Arc<dyn ObjectStore>,
    fates: Mutex<VecDeque<Fate>>,
    on_its_way: Mutex<Option<OnItsWay>>,
    rival: Option<(Journal, AtomicU64)>,
    capabilities: Capabilities,
}

impl Fateful {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, fates: impl IntoIterator<Item = Fate>) -> Self {
        let capabilities = store.capabilities();
        let fates = Mutex::new(fates.into_iter().collect());
        Self { store, fates, on_its_way: Mutex::default(), rival: None, capabilities }
    }

    pub(crate) fn with_rival(self, rival: Journal) -> Self {
        Self { rival: Some((rival, AtomicU64::new(1_000_000))), ..self }
    }

    pub(crate) fn with_capabilities(self, capabilities: Capabilities) -> Self {
        Self { capabilities, ..self }
    }

    /// How many fates are left.
    pub(crate) fn fates(&self) -> usize {
        self.fates.lock().unwrap().len()
    }
}

fn unanswered() -> objects::Error {
    objects::Error::Unavailable { attempt: "put an object", source: "the test's own fault".into() }
}

#[async_trait]
impl ObjectStore for Fateful {
    async fn put(&self, key: &Key, bytes: Bytes, options: PutOptions) -> Result<PutDone, objects::Error> {
        tokio::task::yield_now().await;
        let late = self.on_its_way.lock().unwrap().take();
        if let Some((key, bytes, options)) = late {
            self.store.put(&key, bytes, options).await.unwrap();
        }
        let fate = self.fates.lock().unwrap().pop_front();
        match fate {
            None => self.store.put(key, bytes, options).await,
            Some(Fate::Lost) => Err(unanswered()),
            Some(Fate::Unanswered) => {
                self.store.put(key, bytes, options).await?;
                Err(unanswered())
            }
            Some(Fate::Late) => {
                *self.on_its_way.lock().unwrap() = Some((key.clone(), bytes, options));
                Err(unanswered())
            }
            Some(Fate::Beaten) => {
                let (rival, next) = self.rival.as_ref().unwrap();
                rival.append(vec![act(next.fetch_add(1, Ordering::SeqCst))]).await.unwrap();
                self.store.put(key, bytes, options).await
            }
            Some(Fate::Refused) => Err(objects::Error::RetentionPassed { key: key.clone(), until: NOW }),
        }
    }
    async fn get(
        &self,
        key: &Key,
        version: Option<&Version>,
        range: Option<Range<u64>>,
    ) -> Result<Object, objects::Error> {
        self.store.get(key, version, range).await
    }
    async fn head(&self, key: &Key, version: Option<&Version>) -> Result<Head, objects::Error> {
        self.store.head(key, version).await
    }
    async fn list(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, objects::Error> {
        self.store.list(prefix, after, limit).await
    }
    async fn list_versions(
        &self,
        prefix: &Prefix,
        after: Option<&VersionCursor>,
        limit: usize,
    ) -> Result<Vec<Listed>, objects::Error> {
        self.store.list_versions(prefix, after, limit).await
    }
    async fn delete_version(&self, key: &Key, version: &Version) -> Result<(), objects::Error> {
        self.store.delete_version(key, version).await
    }
    async fn extend_retention(
        &self,
        key: &Key,
        version: &Version,
        until: Timestamp,
    ) -> Result<(), objects::Error> {
        self.store.extend_retention(key, version, until).await
    }
    async fn set_legal_hold(
        &self,
        key: &Key,
        version: &Version,
        hold: LegalHold,
    ) -> Result<(), objects::Error> {
        self.store.set_legal_hold(key, version, hold).await
    }
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }
}
