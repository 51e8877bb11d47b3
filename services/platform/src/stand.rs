//! What the platform's tests stand on: a log and an outbox that can be away, a certified instance, and
//! what became of the entries.

pub(crate) mod collector;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use eventlog::{Consumer, Durability, Ends, Error, EventLog, MemoryLog, Placed, ReadLimit, Record, Stored};
use futures::FutureExt;
use http_body_util::{BodyExt, Full};
use kernel::topics::{AUDIT, Topic};
use kernel::{Clock, Envelope, EventId, InstanceId, ManualClock, TenantId, Timestamp};
use parking_lot::Mutex;
use prost::Message;
use proto::audit::v1 as wire;
use seal::hpke::{HpkeInfo, HpkeSealed, open_from_epoch, seal_to_epoch};
use seal::signing::{RoleName, TenantScope};
use seal::{EpochSecret, InstanceCert, SignedCert, SigningKey, VerifyingKey};
use tonic::body::Body;

use crate::audit::{AuditOutbox, OutboxError, SealedReason};
use crate::instance::{Certifier, Instance, InstanceError};
use crate::outbox::{Bell, OutboxStore, Outgoing};
use crate::reason::{ReasonError, ReasonSealer};
use crate::wire::{Wire, in_process};

/// A clock that stands in 2026.
pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp(1_780_000_000_000_000)))
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
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

/// A log that can be away.
#[derive(Clone)]
pub(crate) struct FlakyLog {
    inner: MemoryLog,
    away: Arc<AtomicBool>,
}

impl FlakyLog {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { inner: MemoryLog::new(clock), away: Arc::default() }
    }
    pub(crate) fn go(&self) {
        self.away.store(true, Ordering::SeqCst);
    }
    pub(crate) fn come_back(&self) {
        self.away.store(false, Ordering::SeqCst);
    }

    /// Every event of the audit topic, partition by partition.
    pub(crate) async fn audit_events(&self) -> Vec<Vec<wire::AuditEvent>> {
        let mut partitions = Vec::new();
        for partition in 0..AUDIT.partitions {
            let records = self.inner.read(&AUDIT, partition, 0, ReadLimit::default()).await.unwrap();
            let events = records.iter().map(|r| wire::AuditEvent::decode(r.value.as_ref()).unwrap());
            partitions.push(events.collect());
        }
        partitions
    }

    /// Every entry of the audit topic.
    pub(crate) async fn entries(&self) -> Vec<wire::EntryWritten> {
        let events = self.audit_events().await.into_iter().flatten();
        let entries = events.filter_map(|event| match event.event {
            Some(wire::audit_event::Event::EntryWritten(entry)) => Some(entry),
            Some(wire::audit_event::Event::Heartbeat(_)) | None => None,
        });
        entries.collect()
    }
}

#[async_trait]
impl EventLog for FlakyLog {
    async fn append(&self, topic: &Topic, records: Vec<Record>) -> Result<Vec<Placed>, Error> {
        if self.away.load(Ordering::SeqCst) {
            return Err(Error::Unavailable { attempt: "append", source: "away".into() });
        }
        self.inner.append(topic, records).await
    }
    async fn durability(&self, topic: &Topic) -> Result<Durability, Error> {
        self.inner.durability(topic).await
    }
    async fn read(
        &self,
        topic: &Topic,
        partition: u32,
        from: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Stored>, Error> {
        self.inner.read(topic, partition, from, limit).await
    }
    async fn ends(&self, topic: &Topic) -> Result<Vec<Ends>, Error> {
        self.inner.ends(topic).await
    }
    async fn delete_before(&self, topic: &Topic, partition: u32, offset: u64) -> Result<(), Error> {
        self.inner.delete_before(topic, partition, offset).await
    }
    async fn committed(&self, group: &str, topic: &Topic) -> Result<Vec<u64>, Error> {
        self.inner.committed(group, topic).await
    }
    async fn consumer(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Consumer>, Error> {
        self.inner.consumer(group, topics).await
    }
}

/// An outbox in memory that can be away.
#[derive(Clone, Default)]
pub(crate) struct MemoryOutbox {
    rows: Arc<Mutex<Vec<Outgoing>>>,
    away: Arc<AtomicBool>,
    forgets_marks: Arc<AtomicBool>,
    pub(crate) bell: Bell,
}

impl MemoryOutbox {
    pub(crate) fn go(&self) {
        self.away.store(true, Ordering::SeqCst);
    }
    pub(crate) fn come_back(&self) {
        self.away.store(false, Ordering::SeqCst);
    }
    /// From now on it behaves as if the process died between publishing and marking, or no longer.
    pub(crate) fn forget_marks(&self, forgets: bool) {
        self.forgets_marks.store(forgets, Ordering::SeqCst);
    }
    pub(crate) fn put(&self, topic: Topic, envelope: Envelope) {
        self.rows.lock().push(Outgoing { topic, envelope });
        self.bell.ring();
    }
    pub(crate) fn rows(&self) -> Vec<Outgoing> {
        self.rows.lock().clone()
    }
    fn here(&self, attempt: &'static str) -> Result<(), OutboxError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(OutboxError { attempt, source: "away".into() });
        }
        Ok(())
    }
}

#[async_trait]
impl AuditOutbox for MemoryOutbox {
    async fn push(&self, entry: Envelope) -> Result<(), OutboxError> {
        self.here("push")?;
        self.put(AUDIT, entry);
        Ok(())
    }
}

#[async_trait]
impl OutboxStore for MemoryOutbox {
    async fn unpublished(&self, limit: usize) -> Result<Vec<Outgoing>, OutboxError> {
        self.here("read")?;
        Ok(self.rows.lock().iter().take(limit).cloned().collect())
    }
    async fn mark_published(&self, ids: &[EventId]) -> Result<(), OutboxError> {
        self.here("mark")?;
        if self.forgets_marks.load(Ordering::SeqCst) {
            return Err(OutboxError { attempt: "mark", source: "died".into() });
        }
        self.rows.lock().retain(|row| !ids.contains(&row.envelope.id));
        Ok(())
    }
    async fn oldest_unpublished(&self) -> Result<Option<Timestamp>, OutboxError> {
        self.here("read")?;
        Ok(self.rows.lock().iter().map(|row| row.envelope.at).min())
    }
}

/// A signing root that certifies everybody.
pub(crate) struct Root {
    pub(crate) key: SigningKey,
}

impl Root {
    pub(crate) fn new() -> Self {
        Self { key: SigningKey::generate().unwrap() }
    }
    pub(crate) async fn instance(&self) -> Arc<Instance> {
        let instance = Instance::new("test", Vec::new()).unwrap();
        instance.certify(self).await.unwrap();
        instance
    }
}

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
        SignedCert::issue(&self.key, cert).map_err(|source| InstanceError::Seal { instance, source })
    }
}

/// Seals reasons to a key that the test holds.
pub(crate) struct TestSealer {
    secret: EpochSecret,
    away: AtomicBool,
}

impl TestSealer {
    pub(crate) fn new() -> Self {
        Self { secret: EpochSecret::generate().unwrap(), away: AtomicBool::new(false) }
    }
    pub(crate) fn go(&self) {
        self.away.store(true, Ordering::SeqCst);
    }
    /// Salt and reason.
    pub(crate) fn open(&self, tenant: &TenantId, event: EventId, sealed: &wire::SealedReason) -> Vec<u8> {
        let info = info(tenant, event);
        let enc = sealed.hpke_enc.as_slice().try_into().unwrap();
        let sealed = HpkeSealed { enc, ciphertext: sealed.hpke_ciphertext.clone() };
        open_from_epoch(&self.secret, &info, &sealed).unwrap().to_vec()
    }
}

fn info(tenant: &TenantId, event: EventId) -> HpkeInfo {
    HpkeInfo::Reason { tenant: tenant.clone(), epoch: kernel::KeyEpoch(1), event }
}

#[async_trait]
impl ReasonSealer for TestSealer {
    async fn seal(
        &self,
        tenant: &TenantId,
        entry: EventId,
        plaintext: &[u8],
    ) -> Result<SealedReason, ReasonError> {
        if self.away.load(Ordering::SeqCst) {
            let source = Box::new(tonic::Status::unavailable("away"));
            return Err(ReasonError::NoKey { tenant: tenant.clone(), source });
        }
        let sealed = seal_to_epoch(&self.secret.public(), &info(tenant, entry), plaintext).unwrap();
        Ok(SealedReason { key_epoch: 1, enc: sealed.enc.to_vec(), ciphertext: sealed.ciphertext })
    }
}

/// A wire that answers unary calls by hand: path, metadata and message in, message or refusal out.
pub(crate) fn by_hand<F>(answer: F) -> Wire
where
    F: Fn(&str, &http::HeaderMap, &[u8]) -> Result<Vec<u8>, tonic::Status> + Clone + Send + Sync + 'static,
{
    in_process(tower::service_fn(move |request: crate::wire::Request| {
        let answer = answer.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            // A gRPC message has a flag and its length before it.
            let message = answer(head.uri.path(), &head.headers, &body[5..])?;
            let length = u32::try_from(message.len()).unwrap().to_be_bytes();
            let framed = Bytes::from([&[0], length.as_slice(), &message].concat());
            let mut trailers = http::HeaderMap::new();
            tonic::Status::ok("").add_header(&mut trailers)?;
            let body = Full::new(framed).with_trailers(async move { Some(Ok(trailers)) });
            let response = http::Response::builder().header("content-type", "application/grpc");
            Ok::<_, tonic::Status>(response.body(Body::new(body)).unwrap())
        }
        .boxed()
    }))
}
