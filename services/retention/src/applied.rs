//! How a restored store catches up with the restrictive journal: holds, orders and erasures that it misses are put there,
//! and nothing else is done. Of an order it is noted that it is still to be carried to the recordings, which whoever starts
//! does before anything runs ([`crate::stamping`]). An erasure that was intended is there to be resumed by the saga, with its guards; one that
//! was done goes through all stores again, since what was restored beside may have what was gone.
//!
//! Each record is applied for itself, by conditional writes alone: it may come again, at any time and at several processes.
//! By its version an item is known to be as late as the record, so it is brought to just that version; a hold only ever
//! goes on from placed to released, and an order never changes.
//!
//! Read `items` (what an erasure's item becomes, pure), then `writing`.

mod items;
mod orders;
mod writing;

use std::sync::Arc;

use async_trait::async_trait;
use journal::{Applied, Outcome, Record, StoreError};
use kernel::Clock;

use crate::acts::{self, Said};
use crate::store::Store;

/// How often a conditional write is decided anew because another one came between.
const TRIES: u32 = 20;

/// Retention's store, as the journal is applied to it.
pub struct RestoredStore {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Domain time: when what it tells of was applied.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Applied for RestoredStore {
    async fn position(&self) -> Result<u64, StoreError> {
        let position = self.store.journal_position().await;
        position.map_err(|error| StoreError::new("say how far it is in the journal", error))
    }

    async fn apply(&self, record: &Record) -> Result<Outcome, StoreError> {
        let said = acts::read(&record.act).map_err(|error| StoreError::new("read what was done", error))?;
        let applied = match said {
            Said::HoldPlaced { hold, part: _ } => self.hold_placed(hold).await,
            Said::HoldReleased(release) => self.hold_released(&release).await,
            Said::OrderPlaced { order, part } => self.order_placed(order, part).await,
            Said::Intended { intent, part: _ } => self.intended(&intent).await,
            Said::Done { settled, erased } => self.done(&settled, &erased).await,
            Said::Refused { settled, step } => self.refused(&settled, step).await,
            Said::NotOurs => Ok(Outcome::NotOurs),
        };
        applied.map_err(|error| StoreError::new("do what was done", error))
    }

    async fn save(&self, position: u64) -> Result<(), StoreError> {
        let saved = self.store.set_journal_position(position).await;
        saved.map_err(|error| StoreError::new("note how far it is in the journal", error))
    }
}

#[cfg(test)]
mod tests;
