//! The store, in the words of requests: a head that says how far each one is, its acts, and the pages of its plans.
//!
//! An act, the head after it and the event that tells of it are written as one. Nothing of a request is ever written over
//! but its head.

mod disclosures;
pub mod scylla;
pub mod sqlite;

mod columns;

use async_trait::async_trait;
use kernel::{Envelope, ErrorCode, RequestId, ServiceError, SubjectId, TenantId, Timestamp};
use policy::request::{Ending, PlanName, State};

pub use self::disclosures::Disclosures;
use crate::act::{Record, RequestKey};
use crate::plan::PlanItem;

/// Most entries that one answer lists.
pub const MAX_LISTED: u32 = 1_000;

/// The store did not do something.
#[derive(Debug, thiserror::Error)]
#[error("cannot {act} in dsar's store")]
pub struct StoreError {
    act: &'static str,
    code: ErrorCode,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// What was attempted, which kind of failure it was, and why.
    pub fn new(
        act: &'static str,
        code: ErrorCode,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { act, code, source: source.into() }
    }
}

impl ServiceError for StoreError {
    fn code(&self) -> ErrorCode {
        self.code
    }
}

/// What became of a conditional write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Written {
    /// It is there, with its event.
    Applied,
    /// Nothing of it is: the request is not at the version that it was decided on, or is there already.
    Conflict,
}

/// How far a request is: what lists need of it, and how many acts it has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// Which request.
    pub key: RequestKey,
    /// The version of its last act.
    pub version: u64,
    /// About whom it is.
    pub subject: SubjectId,
    /// When the controller received it.
    pub received_at: Timestamp,
    /// When it must be answered, strictly, as of its last act.
    pub due: Timestamp,
    /// How far it is.
    pub state: State,
    /// How it ended; none while it is open.
    pub ending: Option<Ending>,
}

impl Head {
    /// Whether something is still to be done.
    pub fn is_open(&self) -> bool {
        self.state != State::Closed
    }
}

/// Requests, their acts and their plans; events go to [`kernel::topics::DSAR`]. All methods are durable when they answer;
/// any number of processes may use a store at once.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Adds an act, with the head as it is after it and the event. The first one (version 1) begins the request: a
    /// conflict where it is there. Every other one follows the version before it: a conflict where the request is not at
    /// that. A linearizable decision: of two writers of one version one gets [`Written::Conflict`].
    async fn append(&self, head: &Head, record: &Record, event: &Envelope) -> Result<Written, StoreError>;
    /// A request's head, as the last act that was answered left it.
    async fn head(&self, key: &RequestKey) -> Result<Option<Head>, StoreError>;
    /// The acts of a request up to its head, in their order; empty where there is no such request.
    async fn records(&self, key: &RequestKey) -> Result<Vec<Record>, StoreError>;

    /// Keeps one page of a plan, numbered from 0; the same page again changes nothing. Durable before the act that
    /// freezes the plan.
    async fn add_page(
        &self,
        key: &RequestKey,
        plan: &PlanName,
        number: u32,
        items: &[PlanItem],
    ) -> Result<(), StoreError>;
    /// The items of a plan, in the order of its pages.
    async fn items(&self, key: &RequestKey, plan: &PlanName) -> Result<Vec<PlanItem>, StoreError>;

    /// A tenant's requests, newest id first, before one; at most [`MAX_LISTED`].
    async fn list(
        &self,
        tenant: &TenantId,
        before: Option<RequestId>,
        limit: u32,
    ) -> Result<Vec<Head>, StoreError>;
    /// A tenant's requests that are open, in order of their ids, after one; at most [`MAX_LISTED`]. One that was begun
    /// before this was asked is among them, whatever process began it. What it costs follows what is open.
    async fn open(
        &self,
        tenant: &TenantId,
        after: Option<RequestId>,
        limit: u32,
    ) -> Result<Vec<Head>, StoreError>;
    /// The requests about a person, in order of their ids; at most [`MAX_LISTED`].
    async fn of_subject(&self, tenant: &TenantId, subject: SubjectId) -> Result<Vec<Head>, StoreError>;
    /// Every tenant that has a request, in order.
    async fn tenants(&self) -> Result<Vec<TenantId>, StoreError>;
}
