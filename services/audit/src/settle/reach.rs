//! Whether a history reaches what was signed of it, once everything was tried that brings it there.

use eventlog::ReadLimit;
use kernel::topics::AUDIT;
use merkle::{Edge, TreeHead};
use tracing::warn;

use super::{Reach, Settling, closed, tried};
use crate::error::Error;
use crate::name::LogName;
use crate::partition::Partition;
use crate::rebuild::{catch_up, extend_root};
use crate::root;
use crate::store::{Begun, LogId};

impl Settling<'_> {
    /// How the index stands to what was signed of its newest history.
    pub(super) async fn reach(&self, tip: &Begun) -> Result<Reach, Error> {
        let signed = match &self.signed {
            Some(signed) if signed.incarnation == tip.era.incarnation => Some(signed.head),
            // Begun and not signed yet, or a writer of a closed history was still at work.
            Some(signed) if closed(&self.eras).contains(&signed.incarnation) => None,
            // A history that is nowhere else.
            Some(_) => return Ok(Reach::Behind),
            None => None,
        };
        let mut reach = self.root_reach(tip, signed).await?;
        for partition in 0..AUDIT.partitions {
            if reach == Reach::Whole {
                reach = self.partition_reach(tip, partition).await?;
            }
        }
        Ok(reach)
    }

    async fn root_reach(&self, tip: &Begun, signed: Option<TreeHead>) -> Result<Reach, Error> {
        let id = LogId::Root(tip.era.generation);
        let standing = self.standing(tip, LogName::Root).await?;
        if self.head(id).await?.tree.size < standing.size {
            tried(LogName::Root, catch_up(self.shared, tip.era, LogName::Root).await)?;
        }
        let head = self.head(id).await?.tree;
        let Some(signed) = signed else {
            return Ok(if head.size >= standing.size { Reach::Whole } else { Reach::Behind });
        };
        if head.size < signed.size {
            let extended = extend_root(self.shared, tip.era, signed).await?;
            return Ok(if extended { Reach::Whole } else { Reach::Behind });
        }
        if head.size == signed.size {
            return Ok(if head == signed { Reach::Whole } else { Reach::Other });
        }
        // From the tiles it is a short way; where these do not lead there, the index alone counts.
        let shelf = self.shared.shelf(tip.era.incarnation, LogName::Root);
        let near = shelf.edge(standing.size.min(signed.size), standing.size).await;
        for from in [tried(LogName::Root, near)?.unwrap_or_default(), Edge::default()] {
            if self.head_at(id, from, signed.size).await? == signed {
                return Ok(Reach::Whole);
            }
        }
        Ok(Reach::Other)
    }

    async fn head_at(&self, id: LogId, mut edge: Edge, size: u64) -> Result<TreeHead, Error> {
        while edge.size() < size {
            let limit = u32::try_from(size - edge.size()).unwrap_or(u32::MAX).min(4_096);
            let hashes = self.shared.store.hashes(id, edge.size(), limit).await?;
            if hashes.is_empty() {
                return Err(Error::damaged(id.name(), "committed leaves are missing from the index"));
            }
            edge = edge.stage(&hashes).map_err(|_| Error::TreeFull(id.name()))?.edge;
        }
        Ok(edge.head())
    }

    /// Whether a partition's log has what its checkpoint and the newest leaf of the root log say, by now.
    async fn partition_reach(&self, tip: &Begun, partition: u32) -> Result<Reach, Error> {
        let log = LogName::Partition(partition);
        let standing = self.standing(tip, log).await?.size;
        let root = self.head(LogId::Root(tip.era.generation)).await?;
        let leaf = root::newest(self.shared.store.as_ref(), tip, &root).await?;
        let said = leaf.and_then(|leaf| leaf.partitions.get(partition as usize).map(|head| head.size));
        let needed = standing.max(said.unwrap_or(0));
        if self.size(tip, partition).await? >= needed {
            return Ok(Reach::Whole);
        }
        tried(log, catch_up(self.shared, tip.era, log).await)?;
        if self.size(tip, partition).await? < needed && standing == needed {
            tried(log, self.follow(tip, partition, needed).await)?;
        }
        Ok(if self.size(tip, partition).await? >= needed { Reach::Whole } else { Reach::Behind })
    }

    /// Takes from the topic what is missing, as long as it gives the leaves that were signed.
    async fn follow(&self, tip: &Begun, partition: u32, needed: u64) -> Result<(), Error> {
        let config = &self.shared.config;
        let limit = ReadLimit { records: config.batch, bytes: config.batch_size.as_usize() };
        let mut writer = Partition::open(self.shared.clone(), tip.clone(), partition).await?;
        while writer.size() < needed {
            let next = writer.next_offset();
            let ends = self.log.ends(&AUDIT).await?;
            if !ends.get(partition as usize).is_some_and(|own| own.low <= next && next < own.high) {
                return Ok(());
            }
            let records = self.log.read(&AUDIT, partition, next, limit).await?;
            if records.is_empty() {
                return Ok(());
            }
            match writer.take(&records).await {
                Ok(()) => {}
                Err(Error::Diverged(log)) => {
                    warn!(%log, "the topic has other records than those that were signed");
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
