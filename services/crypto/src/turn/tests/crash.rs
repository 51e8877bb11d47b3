//! A process ends at any of its calls, before or after the call has its effect; the next one finishes what it began.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::{StreamExt, stream};
use kernel::{ErrorCode, EventId, InstanceId, KeyEpoch, PageId, RecordingId, TenantId, Timestamp};
use seal::{InstanceCert, SignedCert, VerifyingKey, WrapContext};
use zeroize::Zeroizing;

use super::scene::Scene;
use crate::backend::{self, KeyBackend, KeyName};
use crate::copies::{CopyError, KeyCopies};
use crate::error::Error;
use crate::marks::Mark;
use crate::store::{
    Adoption, Change, EntryKey, EntryRow, EpochRow, EpochState, Holder, KeyStore, Locator, NextGeneration,
    PageRow, Place, RecordingRow, SectionRow, StoreError, WholePage, Written,
};
use crate::testing::{WEEK, tenant};
use crate::turn::Announce;

/// Whether the last call of a process has its effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ends {
    Before,
    After,
}

/// Counts calls; from one of them on all fail.
#[derive(Clone)]
pub(super) struct Faults {
    calls: Arc<AtomicU64>,
    last: u64,
    ends: Ends,
}

impl Faults {
    pub(super) fn none() -> Self {
        Self::at(u64::MAX, Ends::Before)
    }

    fn at(last: u64, ends: Ends) -> Self {
        Self { calls: Arc::default(), last, ends }
    }

    fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    async fn run<T, E>(
        &self,
        call: impl Future<Output = Result<T, E>>,
        dead: impl FnOnce() -> E,
    ) -> Result<T, E> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        if number < self.last {
            return call.await;
        }
        if number == self.last && self.ends == Ends::After {
            // Done, and nobody is told.
            drop(call.await);
        }
        Err(dead())
    }
}

/// Key tables that a process loses.
pub(super) struct FaultyStore {
    inner: Arc<dyn KeyStore>,
    faults: Faults,
    is_shared: bool,
}

impl FaultyStore {
    fn new(inner: Arc<dyn KeyStore>, faults: Faults) -> Self {
        Self { inner, faults, is_shared: false }
    }

    /// Tables that say that others use them, too.
    pub(super) fn shared(inner: Arc<dyn KeyStore>, faults: Faults) -> Self {
        Self { inner, faults, is_shared: true }
    }

    fn dead() -> StoreError {
        StoreError::new("go on", ErrorCode::Unavailable, "the process ended")
    }
}

macro_rules! passed_on {
    ($(fn $name:ident($($value:ident: $kind:ty),*) -> $answer:ty;)+) => {
        #[async_trait]
        impl KeyStore for FaultyStore {
            $(
                async fn $name(&self, $($value: $kind),*) -> Result<$answer, StoreError> {
                    self.faults.run(self.inner.$name($($value),*), Self::dead).await
                }
            )+

            fn is_shared(&self) -> bool {
                self.is_shared
            }
        }
    };
}

passed_on! {
    fn latest_epoch(tenant: &TenantId) -> Option<EpochRow>;
    fn epoch(tenant: &TenantId, epoch: KeyEpoch) -> Option<EpochRow>;
    fn begin_epoch(row: &EpochRow) -> Written;
    fn add_holder(tenant: &TenantId, epoch: KeyEpoch, holder: &Holder) -> ();
    fn remove_holder(tenant: &TenantId, epoch: KeyEpoch, instance: InstanceId) -> ();
    fn epochs(tenant: &TenantId) -> Vec<EpochRow>;
    fn holders(tenant: &TenantId, epoch: KeyEpoch) -> Vec<Holder>;
    fn set_epoch(
        tenant: &TenantId, epoch: KeyEpoch, from: EpochState, to: EpochState, at: Timestamp
    ) -> Written;
    fn tenants() -> Vec<TenantId>;
    fn adopt(row: &SectionRow) -> Adoption;
    fn sections(tenant: &TenantId, recording: RecordingId) -> Vec<SectionRow>;
    fn recording(tenant: &TenantId, recording: RecordingId) -> Option<RecordingRow>;
    fn save_recording(row: &RecordingRow) -> Written;
    fn claim(tenant: &TenantId, claims: &[(EntryKey, Place)]) -> Vec<Locator>;
    fn locators(tenant: &TenantId, recording: RecordingId) -> Vec<Locator>;
    fn retire(tenant: &TenantId, key: &EntryKey) -> ();
    fn add_mark(mark: &Mark) -> ();
    fn marks(tenant: &TenantId, recording: RecordingId) -> Vec<Mark>;
    fn last_erasure(tenant: &TenantId) -> Option<Timestamp>;
    fn open_page(row: &PageRow) -> ();
    fn page(page: PageId) -> Option<PageRow>;
    fn entry(place: Place) -> Option<EntryRow>;
    fn slots(page: PageId, slots: &[u16]) -> Vec<EntryRow>;
    fn entries(page: PageId) -> Vec<EntryRow>;
    fn pages(tenant: &TenantId, epoch: KeyEpoch, after: Option<PageId>, limit: u32) -> Vec<PageRow>;
    fn write_page(page: PageId, version: u64, changes: &[Change]) -> Written;
    fn whole_page(page: PageId) -> Option<WholePage>;
    fn turn_page(page: PageId, version: u64, next: NextGeneration) -> Written;
    fn close_page(page: PageId) -> ();
    fn keep_reason(tenant: &TenantId, event: EventId, sealed: &[u8]) -> Vec<u8>;
    fn reason(tenant: &TenantId, event: EventId) -> Option<Vec<u8>>;
}

/// A key backend that a process loses.
struct FaultyBackend {
    inner: Arc<dyn KeyBackend>,
    faults: Faults,
}

impl FaultyBackend {
    fn dead() -> backend::Error {
        let source = std::io::Error::other("the process ended");
        backend::Error::Unavailable { act: "go on".to_owned(), source }
    }
}

#[async_trait]
impl KeyBackend for FaultyBackend {
    async fn create(&self, name: &KeyName) -> Result<(), backend::Error> {
        self.faults.run(self.inner.create(name), Self::dead).await
    }
    async fn wrap(
        &self,
        name: &KeyName,
        context: &WrapContext,
        value: &[u8],
    ) -> Result<Vec<u8>, backend::Error> {
        self.faults.run(self.inner.wrap(name, context, value), Self::dead).await
    }
    async fn unwrap(
        &self,
        name: &KeyName,
        context: &WrapContext,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, backend::Error> {
        self.faults.run(self.inner.unwrap(name, context, wrapped), Self::dead).await
    }
    async fn hmac(&self, name: &KeyName, message: &[u8]) -> Result<Zeroizing<[u8; 32]>, backend::Error> {
        self.faults.run(self.inner.hmac(name, message), Self::dead).await
    }
    async fn certify(&self, cert: InstanceCert) -> Result<SignedCert, backend::Error> {
        self.faults.run(self.inner.certify(cert), Self::dead).await
    }
    async fn signing_root(&self) -> Result<VerifyingKey, backend::Error> {
        self.faults.run(self.inner.signing_root(), Self::dead).await
    }
    async fn destroy(&self, name: &KeyName) -> Result<(), backend::Error> {
        self.faults.run(self.inner.destroy(name), Self::dead).await
    }
}

/// Copies and a journal that a process loses.
struct FaultyRest {
    announce: Arc<dyn Announce>,
    faults: Faults,
}

#[async_trait]
impl KeyCopies for FaultyRest {
    async fn copy(&self) -> Result<Timestamp, CopyError> {
        let dead = || CopyError::new("go on", ErrorCode::Unavailable, "the process ended");
        self.faults.run(async { Ok(Timestamp(1)) }, dead).await
    }
    async fn keep_up(&self) -> Result<(), CopyError> {
        self.copy().await.map(drop)
    }
    async fn newest(&self) -> Result<Option<Timestamp>, CopyError> {
        Ok(None)
    }
    fn place(&self) -> Option<String> {
        Some("elsewhere".to_owned())
    }
}

#[async_trait]
impl Announce for FaultyRest {
    async fn destroyed(&self, tenant: &TenantId, epoch: KeyEpoch, at: Timestamp) -> Result<(), Error> {
        let dead = || FaultyStore::dead().into();
        self.faults.run(self.announce.destroyed(tenant, epoch, at), dead).await
    }
}

/// A step by a process that ends at one of its calls; answers how many calls it has made.
async fn step_until(scene: &Scene, last: u64, ends: Ends) -> u64 {
    let faults = Faults::at(last, ends);
    let service = scene.bench.another_with(|ports| {
        let (store, backend) = (Arc::clone(&ports.store), Arc::clone(&ports.backend));
        let rest = FaultyRest { announce: Arc::clone(&ports.announce), faults: faults.clone() };
        let rest = Arc::new(rest);
        ports.store = Arc::new(FaultyStore::new(store, faults.clone()));
        ports.backend = Arc::new(FaultyBackend { inner: backend, faults: faults.clone() });
        ports.copies = rest.clone();
        ports.announce = rest;
    });
    drop(service.turn.step(&tenant()).await);
    faults.calls()
}

#[tokio::test]
async fn whichever_call_is_a_processes_last_the_next_one_finishes_the_turn() {
    let scene = Scene::of(4).await;
    scene.bench.clock.advance(WEEK);
    let calls = step_until(&scene, u64::MAX, Ends::Before).await;
    assert!(calls > 30, "a turn has more calls than {calls}");
    assert_eq!(scene.removed_that_open().await, 0, "that was a whole turn");

    let cases = (0..calls).flat_map(|last| [Ends::Before, Ends::After].map(|ends| (last, ends)));
    stream::iter(cases).for_each_concurrent(8, |(last, ends)| check(last, ends)).await;
}

async fn check(last: u64, ends: Ends) {
    let scene = Scene::of(4).await;
    scene.bench.clock.advance(WEEK);
    step_until(&scene, last, ends).await;
    // Whatever is half done: what stood opens for others.
    let next = scene.bench.another();
    let said = format!("call {last} was the last, {ends:?} its effect");
    for (key, spans) in &scene.standing {
        let locators = next.pages.locators(&tenant(), key.section.recording).await.unwrap();
        let locator = locators.iter().find(|locator| locator.key == *key).unwrap();
        let opened = next.pages.open(&tenant(), locator).await.unwrap();
        assert_eq!(opened.map(|entry| entry.cover.spans()).as_ref(), Some(spans), "{said}");
    }
    next.turn.step(&tenant()).await.unwrap();
    let first = scene.bench.store.epoch(&tenant(), KeyEpoch(1)).await.unwrap().unwrap();
    assert_eq!(first.state, EpochState::Destroyed, "{said}");
    assert!(first.destroyed_at.is_some() && scene.backend_key_is_gone(1).await, "{said}");
    assert_eq!(scene.removed_that_open().await, 0, "{said}");
    assert_eq!(scene.journalled().await, [KeyEpoch(1)], "{said}");
    scene.assert_standing(&next).await;
}
