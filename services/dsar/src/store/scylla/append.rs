//! Appending an act: what leads to a request that begins, then one conditional write.

use kernel::Envelope;

use super::Inner;
use super::decision::Write;
use super::error::Error;
use crate::store::{Head, Written};

impl Inner {
    /// An act, as its bytes, with the head after it and the event.
    pub(super) async fn append(
        &self,
        head: &Head,
        record: &[u8],
        event: &Envelope,
    ) -> Result<Written, Error> {
        let write = Write::Act(head, record);
        if write.before()? == 0 {
            // Whoever comes second leaves no pointers.
            if self.stands(&write.row()).await?.is_some() {
                return Ok(Written::Conflict);
            }
            self.point(head).await?;
        }
        let written = self.decide(write, event).await?;
        if written == Written::Applied && !head.is_open() {
            // Where that fails the next look at the list does it.
            self.drop_open(&head.key).await.ok();
        }
        Ok(written)
    }
}
