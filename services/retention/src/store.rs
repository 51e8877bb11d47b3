//! The store, in the words of retention.
//!
//! A recording's row and its place in the index of what is due change together, and so do a row and the event that
//! tells of it. What is due is found by date: a sweep reads what is due and not what is kept.

pub mod scylla;
pub mod sqlite;

use async_trait::async_trait;
use kernel::{Envelope, ErrorCode, HoldId, RecordingId, ServiceError, SubjectId, TenantId, Timestamp};
use policy::retention::ExtensionOrder;

use crate::hold::Hold;
use crate::kept::{Due, Kept, RecordingKey};

/// Most entries that one answer lists.
pub const MAX_LISTED: u32 = 1_000;
/// Most holds of one tenant that stand at once; a further one is refused.
pub const MAX_HOLDS: usize = 10_000;
/// Most orders of one tenant.
pub const MAX_ORDERS: usize = 10_000;

/// The store did not do something.
#[derive(Debug, thiserror::Error)]
#[error("cannot {act} in retention's store")]
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
    /// Nothing of it is: the row is not at the version that it was decided on, or is there already.
    Conflict,
}

/// An order as it was placed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// Whose recordings.
    pub tenant: TenantId,
    /// What it says; its reference is its name within the tenant.
    pub order: ExtensionOrder,
    /// The token's subject of who placed it.
    pub placed_by: String,
    /// When, in domain time.
    pub placed_at: Timestamp,
}

/// Rows of recordings, holds and orders; events go to [`kernel::topics::RETENTION`]. All methods are durable when they answer; any number of processes may use a
/// store at once.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Adds a recording's row at version 1, with its place among what is due and the event.
    async fn stamp(&self, kept: &Kept, event: &Envelope) -> Result<Written, StoreError>;
    /// Writes a recording's row over the version before it. Its place among what is due follows. Started at, parties and
    /// policy are those of the first stamp.
    async fn change(&self, kept: &Kept, event: &Envelope) -> Result<Written, StoreError>;
    /// One recording.
    async fn kept(&self, key: &RecordingKey) -> Result<Option<Kept>, StoreError>;
    /// What of a tenant is due at a moment, in order of date and id, after one; at most [`MAX_LISTED`]. Every recording
    /// whose first running term ends by then is among them; one whose row has changed since may be, too. What it costs
    /// follows what is due.
    async fn due(
        &self,
        tenant: &TenantId,
        by: Timestamp,
        after: Option<&Due>,
        limit: u32,
    ) -> Result<Vec<Due>, StoreError>;
    /// The recordings that a person is on, in order of their ids, after one; at most [`MAX_LISTED`].
    async fn of_subject(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        after: Option<RecordingId>,
        limit: u32,
    ) -> Result<Vec<RecordingId>, StoreError>;
    /// Every tenant that has a recording, in order.
    async fn tenants(&self) -> Result<Vec<TenantId>, StoreError>;

    /// Adds a hold at version 1, with the event; [`ErrorCode::ResourceExhausted`] where [`MAX_HOLDS`] stand.
    async fn place(&self, hold: &Hold, event: &Envelope) -> Result<Written, StoreError>;
    /// Writes a hold over the version before it, with the event.
    async fn change_hold(&self, hold: &Hold, event: &Envelope) -> Result<Written, StoreError>;
    /// One hold, whatever its state.
    async fn hold(&self, tenant: &TenantId, id: HoldId) -> Result<Option<Hold>, StoreError>;
    /// The holds of a tenant that are not released, in order of their ids. One that was placed before this was asked
    /// is among them, whatever process placed it.
    async fn standing(&self, tenant: &TenantId) -> Result<Vec<Hold>, StoreError>;
    /// The released holds of a tenant, in order of their ids, after one; at most [`MAX_LISTED`].
    async fn released(
        &self,
        tenant: &TenantId,
        after: Option<HoldId>,
        limit: u32,
    ) -> Result<Vec<Hold>, StoreError>;

    /// Adds an order, with the event; a conflict where one has its reference, [`ErrorCode::ResourceExhausted`] where
    /// there are [`MAX_ORDERS`].
    async fn order(&self, order: &Order, event: &Envelope) -> Result<Written, StoreError>;
    /// Every order of a tenant, in order of their references.
    async fn orders(&self, tenant: &TenantId) -> Result<Vec<Order>, StoreError>;
}
