//! Both stores in a CQL cluster, which several processes share: facts and ciphertext in the keyspace for data,
//! the identifier index in the one for keys ([`identifiers`]).
//!
//! Read `schema` first, then `sequence`: what SQLite gets from one writer and its transactions comes from one
//! order of acts, and from children that are written before the parent that leads to them. A call is stamped by
//! a conditional write (`calls`), policies change whole by one (`policies`).

pub mod identifiers;

mod calls;
mod event_row;
mod failure;
mod feed;
mod links;
mod outgoing;
mod policies;
mod position;
mod queue;
mod schema;
mod sequence;

use std::sync::Arc;

use async_trait::async_trait;
use cql::outbox::Outbox;
use cql::{Cql, Error, Space};
use kernel::{Envelope, EventId, NoticeName, RecordingId, SubjectId, TenantId, Timestamp, topics};
use platform::outbox::Bell;
use policy::PolicyHash;
use tokio::time::Instant;

use super::{
    Addition, Appended, History, NoticeRow, PolicyChange, PolicyRow, RecordingRow, SealedValues, Stepped,
    Store, StoreError,
};
use crate::event::{NoticeRef, StoredEvent};
use crate::links::LinkStep;
use calls::Calls;
use failure::failed;
use feed::{EVENTS, Feed};
pub use identifiers::ScyllaIdentifiers;
use links::Links;
use policies::Policies;
use position::Position;
use queue::{Queue, Worker};
pub use schema::COMPONENTS;
use sequence::Sequence;

/// Changes that are read at once.
const MAX_CHANGES: usize = 10_000;

/// Consent's facts, with its outbox; cheap to clone. Its publisher is the wiring's to start.
#[derive(Clone)]
pub struct ScyllaStore(Arc<Inner>);

struct Inner {
    events: Arc<Sequence<Feed>>,
    queue: Queue<Addition, Appended>,
    calls: Calls,
    policies: Policies,
    links: Links,
    position: Position,
    outbox: Outbox,
    bell: Bell,
    /// When it was last looked for events that a process left.
    looked: tokio::sync::Mutex<Option<Instant>>,
}

impl ScyllaStore {
    /// On tables that [`COMPONENTS`] made.
    pub async fn open(cql: Cql) -> Result<Self, StoreError> {
        let inner = Inner::open(&cql).await.map_err(failed("open the tables"))?;
        Ok(Self(Arc::new(inner)))
    }

    /// Rings with everything that is to be published.
    pub fn bell(&self) -> Bell {
        self.0.bell.clone()
    }

    fn feed(&self) -> &Feed {
        &self.0.events.ordered
    }
}

impl Inner {
    async fn open(cql: &Cql) -> Result<Self, Error> {
        let bell = Bell::new();
        let outbox = Outbox::open(cql, "consent").await?;
        let feed = Feed::open(cql, outbox.clone(), bell.clone()).await?;
        let events = Arc::new(Sequence::open(cql, Space::Data, feed).await?);
        let queue = Queue::start(Arc::clone(&events) as Arc<dyn Worker<Addition, Appended>>);
        let (calls, policies) = (Calls::open(cql).await?, Policies::open(cql).await?);
        let (links, position) = (Links::open(cql).await?, Position::open(cql).await?);
        let looked = tokio::sync::Mutex::default();
        Ok(Self { events, queue, calls, policies, links, position, outbox, bell, looked })
    }
}

#[async_trait]
impl Store for ScyllaStore {
    async fn policies_in_force(&self) -> Result<Vec<PolicyRow>, StoreError> {
        self.0.policies.in_force().await.map_err(failed("read the policies in force"))
    }

    async fn policy(&self, tenant: &TenantId, hash: PolicyHash) -> Result<Option<PolicyRow>, StoreError> {
        self.0.policies.policy(tenant, hash).await.map_err(failed("read a policy"))
    }

    async fn policies(&self, tenant: &TenantId) -> Result<Vec<PolicyRow>, StoreError> {
        self.0.policies.policies(tenant).await.map_err(failed("read a tenant's policies"))
    }

    async fn change_policies(&self, change: &PolicyChange) -> Result<(), StoreError> {
        self.0.policies.change(change).await.map_err(failed("take policies in"))
    }

    async fn notice(
        &self,
        tenant: &TenantId,
        name: &NoticeName,
        text_hash: [u8; 32],
    ) -> Result<Option<NoticeRow>, StoreError> {
        self.0.policies.notice(tenant, name, text_hash).await.map_err(failed("read a notice"))
    }

    async fn add_subject(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        since: Timestamp,
    ) -> Result<(), StoreError> {
        self.0.calls.add_subject(tenant, subject, since).await.map_err(failed("remember a subject"))
    }

    async fn has_subject(&self, tenant: &TenantId, subject: SubjectId) -> Result<bool, StoreError> {
        self.0.calls.has_subject(tenant, subject).await.map_err(failed("look for a subject"))
    }

    async fn keep_values(&self, values: &SealedValues) -> Result<(), StoreError> {
        self.0.calls.keep_values(values).await.map_err(failed("keep sealed values"))
    }

    async fn values(&self, tenant: &TenantId, subject: SubjectId) -> Result<Vec<SealedValues>, StoreError> {
        self.0.calls.values(tenant, subject).await.map_err(failed("read sealed values"))
    }

    async fn link_steps(&self, tenant: &TenantId, subject: SubjectId) -> Result<Vec<LinkStep>, StoreError> {
        self.0.links.steps(tenant, subject).await.map_err(failed("read a subject's links"))
    }

    async fn add_link_step(&self, tenant: &TenantId, step: &LinkStep) -> Result<Stepped, StoreError> {
        self.0.links.add(tenant, step).await.map_err(failed("add a link's step"))
    }

    async fn remember(&self, row: &RecordingRow, entry: Option<Envelope>) -> Result<(), StoreError> {
        let remembered = self.0.calls.remember(row, &self.0.outbox, entry).await;
        remembered.map_err(failed("remember a call"))?;
        self.0.bell.ring();
        Ok(())
    }

    async fn recording(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<Option<RecordingRow>, StoreError> {
        self.0.calls.recording(tenant, recording).await.map_err(failed("read a call"))
    }

    async fn history(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        reaching: Option<RecordingId>,
    ) -> Result<History, StoreError> {
        let read = self.feed().history(tenant, subject, reaching).await;
        read.map_err(failed("read a subject's events"))
    }

    async fn event(&self, tenant: &TenantId, id: EventId) -> Result<Option<StoredEvent>, StoreError> {
        let found = self.feed().event(id).await.map_err(failed("read an event"))?;
        Ok(found.filter(|event| event.tenant == *tenant))
    }

    async fn last_notice(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<Option<NoticeRef>, StoreError> {
        let read = self.feed().last_notice(tenant, recording).await;
        read.map_err(failed("read the last notice of a call"))
    }

    async fn append(&self, addition: &Addition) -> Result<Appended, StoreError> {
        const ACT: &str = "add consent events";
        feed::check(addition).map_err(failed(ACT))?;
        let appended = self.0.queue.submit(addition.clone()).await.map_err(failed(ACT))?;
        if let (Appended::Before(_), Some(entry)) = (&appended, &addition.entry) {
            self.0.outbox.push(&topics::AUDIT, entry.clone()).await.map_err(failed(ACT))?;
            self.0.bell.ring();
        }
        Ok(appended)
    }

    async fn version(&self) -> Result<u64, StoreError> {
        self.0.events.settled(EVENTS).await.map_err(failed("read the last version"))
    }

    async fn changes(&self, after: u64, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(MAX_CHANGES).min(MAX_CHANGES);
        let read = async {
            let upto = self.0.events.settled(EVENTS).await?;
            self.feed().between(after, upto, limit).await
        };
        read.await.map_err(failed("read changes"))
    }

    async fn journal_position(&self) -> Result<u64, StoreError> {
        self.0.position.read().await.map_err(failed("read the position in the journal"))
    }

    async fn set_journal_position(&self, position: u64) -> Result<(), StoreError> {
        self.0.position.note(position).await.map_err(failed("keep the position in the journal"))
    }
}

#[cfg(test)]
mod tests;
