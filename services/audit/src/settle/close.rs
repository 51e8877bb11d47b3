//! Closing a history, and beginning the one that follows it.

use kernel::topics::AUDIT;
use tracing::warn;

use super::{Reach, Settling, after, closed, logs, tried};
use crate::error::Error;
use crate::name::{Incarnation, LogName};
use crate::partition::Partition;
use crate::root::RootLog;
use crate::signed::SignedRoot;
use crate::store::{Begun, Era, LogId};
use crate::succession::Succession;

impl Settling<'_> {
    /// Closes the newest history and begins another.
    pub(super) async fn close(&self, tip: &Begun, reach: Reach) -> Result<(), Error> {
        match reach {
            Reach::Behind => self.finish(tip).await?,
            // Nothing more of it is signed.
            Reach::Whole | Reach::Other => {}
        }
        let head = self.standing(tip, LogName::Root).await?;
        let found = SignedRoot { incarnation: tip.era.incarnation, head };
        let mut entries = Vec::new();
        for partition in 0..AUDIT.partitions {
            entries.push(self.size(tip, partition).await?);
        }
        let signed = self.signed.unwrap_or(found);
        let after_tip = Succession { signed, found: Some(found), entries };
        let era = Era { generation: after(tip)?, incarnation: Incarnation::new() };
        let standing = self.shared.store.begin(&Begun { era, after: Some(after_tip) }).await?;
        let (lost, size, found) = (signed.incarnation, signed.head.size, found.head.size);
        let incarnation = standing.era.incarnation;
        warn!(%lost, size, found, %incarnation, "the ledger was restored from before what it signed: another history begins");
        // A writer of the closed one that is still at work commits nothing any more.
        for log in logs() {
            self.shared.store.claim(tip.era.log(log)).await?;
        }
        Ok(())
    }

    /// Publishes what is committed of a history that is closed. What is damaged stays as it is.
    async fn finish(&self, tip: &Begun) -> Result<(), Error> {
        for partition in 0..AUDIT.partitions {
            let finished =
                async { Partition::open(self.shared.clone(), tip.clone(), partition).await?.finish().await };
            tried(LogName::Partition(partition), finished.await)?;
        }
        let journalled = match &self.signed {
            Some(root) if root.incarnation == tip.era.incarnation => root.head.size,
            Some(root) if closed(&self.eras).contains(&root.incarnation) => 0,
            Some(_) => u64::MAX,
            None => 0,
        };
        let finished =
            async { RootLog::open(self.shared.clone(), tip.clone()).await?.finish(journalled).await };
        tried(LogName::Root, finished.await).map(drop)
    }

    /// Signs the first leaf of a history that follows another, before any partition has a checkpoint.
    pub(super) async fn announce(&self, tip: &Begun) -> Result<(), Error> {
        let root = LogId::Root(tip.era.generation);
        if tip.after.is_none() || self.head(root).await?.published.size > 0 {
            return Ok(());
        }
        RootLog::open(self.shared.clone(), tip.clone()).await?.announce().await
    }
}
