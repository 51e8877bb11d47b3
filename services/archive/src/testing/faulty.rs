//! A store that fails when the test says so, as if the process had died there, or lets others do something first.

use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kernel::{ErasureId, ErrorCode, Position, Retry, SpanNo, Timestamp};
use objects::Key;
use seal::{Hash, SpanSet};

use crate::fact::{Fact, Gone, RecordingKey, SectionKey};
use crate::store::{ErasureRow, Error, History, Query, Recording, Settlement, Store};

/// Where it fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// Before a document counts.
    Settle,
    /// Before it is known how far an erasure has looked.
    Looked,
    /// Before it is known that an object is gone.
    MarkDeleted,
}

/// What others do while this waits.
type Meanwhile = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A store over another one.
pub(crate) struct FaultyStore {
    inner: Arc<dyn Store>,
    fault: Fault,
    left: AtomicU32,
    meanwhile: Mutex<Option<Meanwhile>>,
    read_before: Mutex<Option<History>>,
}

impl FaultyStore {
    /// Fails so often, then never again.
    pub(crate) fn new(inner: Arc<dyn Store>, fault: Fault, times: u32) -> Self {
        Self {
            inner,
            fault,
            left: AtomicU32::new(times),
            meanwhile: Mutex::default(),
            read_before: Mutex::default(),
        }
    }

    /// Never fails, and lets others do this before an erasure is remembered.
    pub(crate) fn meanwhile(
        inner: Arc<dyn Store>,
        others: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        Self { meanwhile: Mutex::new(Some(Box::pin(others))), ..Self::new(inner, Fault::Settle, 0) }
    }

    /// Never fails, and answers first what was read of a recording before others changed it.
    pub(crate) fn read_before(inner: Arc<dyn Store>, history: History) -> Self {
        Self { read_before: Mutex::new(Some(history)), ..Self::new(inner, Fault::Settle, 0) }
    }

    fn reach(&self, at: Fault) -> Result<(), Error> {
        let less = |left: u32| left.checked_sub(1);
        if at != self.fault || self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_err() {
            return Ok(());
        }
        let source = "the test says so".into();
        Err(Error::Engine { code: ErrorCode::Unavailable, retry: Retry::Backoff, source })
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn record(&self, facts: Vec<Fact>) -> Result<(), Error> {
        self.inner.record(facts).await
    }

    async fn recording(&self, key: &RecordingKey) -> Result<Option<Recording>, Error> {
        self.inner.recording(key).await
    }

    async fn history(&self, key: &RecordingKey) -> Result<Option<History>, Error> {
        let before = self.read_before.lock().unwrap().take();
        match before {
            Some(history) => Ok(Some(history)),
            None => self.inner.history(key).await,
        }
    }

    async fn stored_spans(&self, key: &SectionKey) -> Result<SpanSet, Error> {
        self.inner.stored_spans(key).await
    }

    async fn span_root(&self, key: &SectionKey, span: SpanNo) -> Result<Option<Hash>, Error> {
        self.inner.span_root(key, span).await
    }

    async fn unsettled(
        &self,
        partition: u32,
        after: Option<&RecordingKey>,
        limit: usize,
    ) -> Result<Vec<Recording>, Error> {
        self.inner.unsettled(partition, after, limit).await
    }

    async fn sealing(&self, key: &RecordingKey, cause: &str, end: Position) -> Result<(), Error> {
        self.inner.sealing(key, cause, end).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<(), Error> {
        self.reach(Fault::Settle)?;
        self.inner.settle(settlement).await
    }

    async fn erasing(
        &self,
        key: &RecordingKey,
        erasure: ErasureId,
        log_end: u64,
        gone: Vec<Gone>,
    ) -> Result<ErasureRow, Error> {
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(others) = meanwhile {
            others.await;
        }
        self.inner.erasing(key, erasure, log_end, gone).await
    }

    async fn looked(&self, key: &RecordingKey, erasure: ErasureId, through: u32) -> Result<(), Error> {
        self.reach(Fault::Looked)?;
        self.inner.looked(key, erasure, through).await
    }

    async fn mark_deleted(&self, key: &RecordingKey, names: Vec<Key>, at: Timestamp) -> Result<(), Error> {
        self.reach(Fault::MarkDeleted)?;
        self.inner.mark_deleted(key, names, at).await
    }

    async fn list(&self, query: &Query) -> Result<Vec<Recording>, Error> {
        self.inner.list(query).await
    }
}
