//! The store, in the words of disclosures.

use async_trait::async_trait;
use kernel::{DisclosureId, Envelope, RecordingId, TenantId};

use super::{StoreError, Written};
use crate::disclosure::{Disclosure, DisclosureKey};

/// Disclosures with their notices; events go to [`kernel::topics::DISCLOSURES`]. All methods are durable when they answer;
/// any number of processes may use a store at once. Lists are of at most [`MAX_LISTED`](super::MAX_LISTED).
#[async_trait]
pub trait Disclosures: Send + Sync + 'static {
    /// Writes a disclosure with the event that tells of it. Version 1 begins it: a conflict where it is there. Every other
    /// version follows the one before it: a conflict where the disclosure is not at that. A linearizable decision.
    async fn put(&self, disclosure: &Disclosure, event: &Envelope) -> Result<Written, StoreError>;
    /// A disclosure, as the last write that was answered left it.
    async fn get(&self, key: &DisclosureKey) -> Result<Option<Disclosure>, StoreError>;
    /// Those of a recording, in order of their ids, after one. One that was begun before this was asked is among them.
    async fn of_recording(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        after: Option<DisclosureId>,
        limit: u32,
    ) -> Result<Vec<Disclosure>, StoreError>;
    /// Those with an open notice, in order of their ids, after one. What it costs follows what is open. Every one with a
    /// notice that was written before this was asked is among them.
    async fn unanswered(
        &self,
        tenant: &TenantId,
        after: Option<DisclosureId>,
        limit: u32,
    ) -> Result<Vec<Disclosure>, StoreError>;
    /// Every tenant that has a disclosure, in order.
    async fn disclosing(&self) -> Result<Vec<TenantId>, StoreError>;
}
