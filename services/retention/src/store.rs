//! The store, in the words of retention.
//!
//! A recording's row and its place in the index of what is due change together, and so do a row and the event that
//! tells of it. What is due is found by date: a sweep reads what is due and not what is kept.

pub mod scylla;
pub mod sqlite;

mod columns;

use async_trait::async_trait;
use kernel::{
    Envelope, ErasureId, ErrorCode, HoldId, RecordingId, ServiceError, SubjectId, TenantId, Timestamp,
};
use policy::PolicyHash;
use policy::retention::ExtensionOrder;

use crate::erasure::{Erasure, Item};
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

/// A sweep over the bound that waits for a second person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SweepAsked {
    /// Whose.
    pub tenant: TenantId,
    /// The plan's name; a plan that has changed since has another.
    pub plan: String,
    /// The token's subject of who asked.
    pub by: String,
    /// When, in domain time.
    pub at: Timestamp,
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

    /// How many recordings of a tenant have a running term, at no cost that grows with them. An aid for bounds: it may be
    /// off by those that were written while a process died.
    async fn count_kept(&self, tenant: &TenantId) -> Result<u64, StoreError>;
    /// The recordings of a tenant that have a running term, in order of date and id, after one; at most
    /// [`MAX_LISTED`]. What it costs follows what is kept: for a change of policy or an order, never for a sweep.
    async fn all_due(
        &self,
        tenant: &TenantId,
        after: Option<&Due>,
        limit: u32,
    ) -> Result<Vec<Due>, StoreError>;
    /// The later policy up to which every recording of a tenant was stamped anew.
    async fn applied_policy(&self, tenant: &TenantId) -> Result<Option<PolicyHash>, StoreError>;
    /// Notes that.
    async fn set_applied_policy(&self, tenant: &TenantId, policy: PolicyHash) -> Result<(), StoreError>;
    /// The sweep that waits for a second person.
    async fn sweep_asked(&self, tenant: &TenantId) -> Result<Option<SweepAsked>, StoreError>;
    /// Notes one in the place of any other; none takes it away. The last writer wins.
    async fn set_sweep_asked(&self, tenant: &TenantId, asked: Option<&SweepAsked>) -> Result<(), StoreError>;

    /// Adds an erasure at version 1, with the event.
    async fn begin_erasure(&self, erasure: &Erasure, event: &Envelope) -> Result<Written, StoreError>;
    /// Writes an erasure over the version before it, with the event. What was ordered, by whom, when and why is as it began.
    async fn change_erasure(&self, erasure: &Erasure, event: &Envelope) -> Result<Written, StoreError>;
    /// One erasure.
    async fn erasure(&self, tenant: &TenantId, id: ErasureId) -> Result<Option<Erasure>, StoreError>;
    /// A tenant's erasures, newest first, before one; at most [`MAX_LISTED`].
    async fn erasures(
        &self,
        tenant: &TenantId,
        before: Option<ErasureId>,
        limit: u32,
    ) -> Result<Vec<Erasure>, StoreError>;
    /// The erasures of a tenant that are gathering or running, in order of their ids; at most [`MAX_LISTED`].
    async fn unsettled_erasures(&self, tenant: &TenantId) -> Result<Vec<ErasureId>, StoreError>;

    /// Adds an item at version 1. Whoever lists the running items after this has answered finds it.
    async fn add_item(&self, item: &Item) -> Result<Written, StoreError>;
    /// Writes an item over the version before it. A linearizable decision: of two writers on one version one gets
    /// [`Written::Conflict`].
    async fn change_item(&self, item: &Item) -> Result<Written, StoreError>;
    /// One item, as the last change that was answered left it.
    async fn item(
        &self,
        tenant: &TenantId,
        erasure: ErasureId,
        recording: RecordingId,
    ) -> Result<Option<Item>, StoreError>;
    /// The items of an erasure, in order of their recordings' ids, after one; at most [`MAX_LISTED`].
    async fn items(
        &self,
        tenant: &TenantId,
        erasure: ErasureId,
        after: Option<RecordingId>,
        limit: u32,
    ) -> Result<Vec<Item>, StoreError>;
    /// The items of a tenant whose step is running ([`crate::erasure::Step::is_running`]), in order of erasure and
    /// recording, after one; at most [`MAX_LISTED`]. One that was added before this was asked is among them.
    async fn running_items(
        &self,
        tenant: &TenantId,
        after: Option<(ErasureId, RecordingId)>,
        limit: u32,
    ) -> Result<Vec<Item>, StoreError>;
    /// The items that are deferred, likewise.
    async fn deferred_items(
        &self,
        tenant: &TenantId,
        after: Option<(ErasureId, RecordingId)>,
        limit: u32,
    ) -> Result<Vec<Item>, StoreError>;
    /// The items that are owed ([`Item::is_owed`]), likewise.
    async fn owed_items(
        &self,
        tenant: &TenantId,
        after: Option<(ErasureId, RecordingId)>,
        limit: u32,
    ) -> Result<Vec<Item>, StoreError>;
    /// The erasures that touched a recording, in order of their ids; at most [`MAX_LISTED`].
    async fn erasures_of(&self, key: &RecordingKey) -> Result<Vec<ErasureId>, StoreError>;

    /// The number of the last record of the restrictive journal that this store is through with; 0 before the first.
    async fn journal_position(&self) -> Result<u64, StoreError>;
    /// Notes that; durable when it answers, and never lower than before.
    async fn set_journal_position(&self, position: u64) -> Result<(), StoreError>;
}
