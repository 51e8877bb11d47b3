//! retention's acts: whether a purpose may serve, holds and orders, why something is kept until when, and the stamps.
//!
//! What is decided is decided purely, in [`crate::kept`], [`crate::hold`], `policy::retention` and `serving`; here it is
//! loaded, written, journalled and told. Erasures are [`crate::erasing`]'s, which hears of every hold from here.

mod explaining;
mod holds;
mod orders;
mod serving;
mod stamps;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::try_join_all;
use journal::record::Act;
use journal::{Journal, MAX_ACTS};
use kernel::{Clock, ErrorCode, RecordingId, ServiceError, TenantId, Timestamp};
use platform::{KnownPolicy, PolicyBook};
use tokio::sync::Notify;

pub use self::explaining::{Considered, DueNow, DuePage, Explained, ExplainedTerm};
pub use self::holds::{NewHold, Placed, Which};
pub use self::serving::Served;
pub(crate) use self::stamps::Stamped;
use crate::config::Config;
use crate::erasing::Erasing;
use crate::error::Error;
use crate::kept::{Kept, RecordingKey};
use crate::store::Store;

/// How often a conditional write is decided anew because another one came between.
pub(crate) const TRIES: u32 = 20;
/// Rows that are read or written at once.
pub(crate) const AT_ONCE: usize = 16;

/// What the service stands on.
#[derive(Clone)]
pub struct Parts {
    /// Its store.
    pub store: Arc<dyn Store>,
    /// The restrictive journal: holds and orders wait for it.
    pub journal: Arc<Journal>,
    /// The tenants' policies.
    pub policies: Arc<PolicyBook>,
    /// Domain time.
    pub clock: Arc<dyn Clock>,
    /// The erasures, which a hold stops.
    pub erasing: Arc<Erasing>,
    /// Bounds.
    pub config: Config,
}

/// One running retention.
pub struct Service {
    store: Arc<dyn Store>,
    journal: Arc<Journal>,
    policies: Arc<PolicyBook>,
    clock: Arc<dyn Clock>,
    erasing: Arc<Erasing>,
    config: Config,
    /// Rings when a recording was stamped in this process.
    stamps: Notify,
    /// Records of the topic that were no events.
    skipped: AtomicU64,
}

impl Service {
    /// Over these parts.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, journal, policies, clock, erasing, config } = parts;
        let (stamps, skipped) = (Notify::new(), AtomicU64::new(0));
        Self { store, journal, policies, clock, erasing, config, stamps, skipped }
    }

    /// Domain time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How many records of the topic were skipped since this process began, because they were no events.
    pub fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// Counts one more, and says how many there are.
    pub(crate) fn skip(&self) -> u64 {
        self.skipped.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A recording that must be known.
    async fn known(&self, tenant: &TenantId, id: RecordingId) -> Result<Kept, Error> {
        let key = RecordingKey { tenant: tenant.clone(), id };
        let found = self.store.kept(&key).await?;
        found.ok_or_else(|| Error::Unknown { what: "recording", id: id.to_string() })
    }

    /// The rows of these recordings, in the same order.
    async fn rows(
        &self,
        tenant: &TenantId,
        ids: impl IntoIterator<Item = RecordingId>,
    ) -> Result<Vec<Option<Kept>>, Error> {
        let keys: Vec<_> = ids.into_iter().map(|id| RecordingKey { tenant: tenant.clone(), id }).collect();
        let mut rows = Vec::with_capacity(keys.len());
        for some in keys.chunks(AT_ONCE) {
            rows.extend(try_join_all(some.iter().map(|key| self.store.kept(key))).await?);
        }
        Ok(rows)
    }

    /// Brings acts into the journal: durable when this returns.
    async fn journalled(&self, acts: Vec<Act>) -> Result<(), Error> {
        let mut acts = acts.into_iter();
        loop {
            let some: Vec<_> = acts.by_ref().take(MAX_ACTS).collect();
            if some.is_empty() {
                return Ok(());
            }
            self.journal.append(some).await?;
        }
    }
}

/// The policy in force; none where the tenant has none any more, which shortens nothing.
pub(crate) async fn in_force(policies: &PolicyBook, tenant: &TenantId) -> Result<Option<KnownPolicy>, Error> {
    match policies.in_force(tenant).await {
        Ok(known) => Ok(Some(known)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
