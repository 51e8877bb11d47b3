//! A session store whose disk can be full.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{ErrorCode, EventId, LegNo, SectionNo, Timestamp};
use tokio::sync::watch;

use crate::anchor::Anchor;
use crate::error::Error;
use crate::session::SessionEvent;
use crate::store::{
    Authorisation, Fence, Opening, Phase, SessionKey, SessionRow, SqliteStore, Store, Telling, Untold,
};

/// Whether the disk is full, as the test has it in hand.
#[derive(Clone)]
pub(crate) struct Disk {
    full: Arc<watch::Sender<bool>>,
    refused: Arc<watch::Sender<u64>>,
}

pub(crate) struct TestStore {
    pub(crate) inner: SqliteStore,
    pub(crate) disk: Disk,
}

impl Disk {
    pub(crate) fn new() -> Self {
        Self { full: Arc::new(watch::Sender::new(false)), refused: Arc::new(watch::Sender::new(0)) }
    }

    pub(crate) fn set_full(&self, full: bool) {
        self.full.send_replace(full);
    }

    /// Waits until so many more writes were refused.
    pub(crate) async fn refuses(&self, more: u64) {
        let until = *self.refused.borrow() + more;
        self.refused.subscribe().wait_for(|count| *count >= until).await.unwrap();
    }

    fn check(&self, attempt: &'static str) -> Result<(), Error> {
        if !*self.full.borrow() {
            return Ok(());
        }
        self.refused.send_modify(|count| *count += 1);
        Err(Error::Store { attempt, code: ErrorCode::ResourceExhausted, source: "no space left".into() })
    }
}

#[async_trait]
impl Store for TestStore {
    async fn open(&self, opening: Opening) -> Result<SessionRow, Error> {
        self.disk.check("open a session")?;
        self.inner.open(opening).await
    }
    async fn load(&self, key: &SessionKey) -> Result<Option<SessionRow>, Error> {
        self.inner.load(key).await
    }
    async fn authorise(&self, fence: &Fence, decided: Authorisation, phase: Phase) -> Result<(), Error> {
        self.disk.check("authorise a session")?;
        self.inner.authorise(fence, decided, phase).await
    }
    async fn record(
        &self,
        fence: &Fence,
        event: SessionEvent,
        telling: Telling,
        consent_version: u64,
    ) -> Result<(), Error> {
        self.disk.check("record an event")?;
        self.inner.record(fence, event, telling, consent_version).await
    }
    async fn claim_section(
        &self,
        fence: &Fence,
        leg: LegNo,
        anchor: Option<Anchor>,
    ) -> Result<SectionNo, Error> {
        self.disk.check("claim a section")?;
        self.inner.claim_section(fence, leg, anchor).await
    }
    async fn meta_sealed(&self, fence: &Fence) -> Result<(), Error> {
        self.disk.check("mark the metadata as sealed")?;
        self.inner.meta_sealed(fence).await
    }
    async fn end(&self, fence: &Fence, at: Timestamp) -> Result<(), Error> {
        self.disk.check("end a session")?;
        self.inner.end(fence, at).await
    }
    async fn fence(&self, key: &SessionKey, at: Timestamp) -> Result<SessionRow, Error> {
        self.disk.check("fence a session")?;
        self.inner.fence(key, at).await
    }
    async fn untold(&self, limit: u32) -> Result<Vec<Untold>, Error> {
        self.inner.untold(limit).await
    }
    async fn told(&self, key: &SessionKey, event: EventId) -> Result<(), Error> {
        self.disk.check("mark a consent event as told")?;
        self.inner.told(key, event).await
    }
}
