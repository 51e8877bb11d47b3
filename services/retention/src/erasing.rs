//! Erasures as others ask for them: ordered, swept, following from a basis that was lost; stopped and resumed by holds.
//!
//! Everything here announces and nothing here erases: an erasure is a row, and an item for each of its recordings, which
//! the saga ([`crate::saga`]) takes from step to step. An erasure has all its items before it is `Running`; whoever dies
//! while adding them leaves it `Gathering`, and it is finished ([`gather`]).
//!
//! Read `order` and `gather`, then `crossing` (what a hold does to it) and `whose` (what does not go on after it), `basis` and [`withdrawals`] (what consent does to
//! it), and `start` (what runs, and that nothing does before a restored store has caught up with the journal).

mod basis;
mod crossing;
mod gather;
mod late;
mod order;
mod start;
mod whose;
mod withdrawals;

use std::sync::Arc;

use journal::Journal;
use kernel::{Clock, ErasureId, TenantId, Timestamp};
use platform::{Instance, PolicyBook};
use tokio::sync::{Notify, watch};

use crate::config::Config;
use crate::erasure::{Erasure, State};
use crate::error::Error;
use crate::events;
use crate::mesh::Mesh;
use crate::store::{Store, Written};

pub use crossing::Crossed;
pub use order::Ordered;
pub use start::tasks;
pub use withdrawals::GROUP;

pub(crate) use basis::derived;
pub(crate) use order::REASON_FORM;

use gather::Adding;
use start::Start;

/// Who orders what nobody ordered: sweeps, and what follows from a basis that was lost.
pub const BY_ITSELF: &str = "retention";
/// How often a row that others change is read again before that is an error.
pub(crate) const TRIES: u32 = 32;

/// What erasures stand on.
pub struct Parts {
    /// Retention's store.
    pub store: Arc<dyn Store>,
    /// The restrictive journal.
    pub journal: Arc<Journal>,
    /// crypto, archive and consent.
    pub mesh: Arc<dyn Mesh>,
    /// The tenants' policies.
    pub policies: Arc<PolicyBook>,
    /// Domain time.
    pub clock: Arc<dyn Clock>,
    /// Signs receipts.
    pub instance: Arc<Instance>,
    /// How much may go at once, and how long is rested.
    pub config: Config,
}

/// Orders, sweeps and stops erasures; shared as an [`Arc`].
pub struct Erasing {
    pub(crate) parts: Parts,
    /// Erasures that this process is adding items to.
    pub(crate) adding: Adding,
    /// Rung when there is something for the saga to do.
    pub(crate) bell: Notify,
    /// How far the store has caught up with the journal.
    start: watch::Sender<Start>,
}

impl Erasing {
    /// Stands on these; nothing runs before its [`tasks`] do.
    pub fn new(parts: Parts) -> Self {
        let (start, _) = watch::channel(Start::default());
        Self { parts, adding: Adding::default(), bell: Notify::new(), start }
    }

    /// Whether the store has everything that the journal says; in words for an operator where it has not.
    pub fn caught_up(&self) -> Result<(), String> {
        self.start.borrow().so_far()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.parts.store.as_ref()
    }

    pub(crate) fn mesh(&self) -> &dyn Mesh {
        self.parts.mesh.as_ref()
    }

    /// Adds an erasure.
    async fn begin(&self, erasure: &Erasure) -> Result<Written, Error> {
        Ok(self.store().begin_erasure(erasure, &events::erasure(erasure, self.now())).await?)
    }

    /// Changes an erasure, again and again until nobody was in between; none where there is nothing to change.
    pub(crate) async fn change_erasure<F>(
        &self,
        tenant: &TenantId,
        id: ErasureId,
        change: F,
    ) -> Result<Erasure, Error>
    where
        F: Fn(&Erasure) -> Option<Erasure> + Send + Sync,
    {
        for _ in 0..TRIES {
            let found = self.store().erasure(tenant, id).await?;
            let found = found.ok_or_else(|| Error::Unknown { what: "erasure", id: id.to_string() })?;
            let Some(next) = change(&found) else { return Ok(found) };
            let next = Erasure { version: found.version + 1, ..next };
            let event = events::erasure(&next, self.now());
            if self.store().change_erasure(&next, &event).await? == Written::Applied {
                return Ok(next);
            }
        }
        Err(Error::Contended("the erasure"))
    }

    /// Sees to it that an erasure of which an item runs is not called settled.
    pub(crate) async fn reopen(&self, tenant: &TenantId, id: ErasureId) -> Result<Erasure, Error> {
        let reopened = |erasure: &Erasure| match erasure.state {
            State::Gathering | State::Running => None,
            State::Done | State::Partial | State::Refused => {
                Some(Erasure { state: State::Running, ..erasure.clone() })
            }
        };
        self.change_erasure(tenant, id, reopened).await
    }
}

#[cfg(test)]
mod tests;
