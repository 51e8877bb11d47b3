//! From closing to drained: nothing that was sealed to the epoch can still come.

use kernel::topics::{AUDIO, AUDIT, Topic};
use kernel::{KeyEpoch, TenantId};
use tracing::info;

use super::{Turn, Wait};
use crate::error::Error;
use crate::store::{EpochState, Written};

/// The consumer group of archive, which adopts a section's key before it passes the record that brings it.
pub(super) const ARCHIVE: &str = "archive";
/// The consumer group of audit, which hands over people's sealed reasons.
pub(super) const AUDIT_READER: &str = "audit";

/// Who must have read what.
const READERS: [(&str, Topic); 2] = [(ARCHIVE, AUDIO), (AUDIT_READER, AUDIT)];

/// The ends of what [`READERS`] read, in their order, by partition.
pub(super) type LogEnds = [Vec<u64>; READERS.len()];

impl Turn {
    /// Nothing where it is drained now, or was already.
    pub(super) async fn drain(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<Option<Wait>, Error> {
        let store = &self.parts.store;
        let now = self.parts.clock.now();
        let ends = self.know(tenant, epoch, |known| known.ends.clone());
        if ends.is_none() {
            // From here on whoever asks is told that it is closing, also where that was written just now.
            let sure = store.set_epoch(tenant, epoch, EpochState::Closing, EpochState::Closing, now).await?;
            if sure == Written::Conflict {
                return Ok(None);
            }
        }
        let holders = store.holders(tenant, epoch).await?;
        if let Some(first) = holders.into_iter().min_by_key(|holder| holder.since) {
            self.know(tenant, epoch, |known| known.ends = None);
            return Ok(Some(Wait::Held(first)));
        }
        // Whoever held it has left it only when all that it sealed was in the log: below these ends.
        let ends = match ends {
            Some(ends) => ends,
            None => {
                let ends = self.log_ends().await?;
                self.know(tenant, epoch, |known| known.ends = Some(ends.clone()));
                ends
            }
        };
        if let Some(wait) = self.unread(&ends).await? {
            return Ok(Some(wait));
        }
        match store.set_epoch(tenant, epoch, EpochState::Closing, EpochState::Drained, now).await? {
            Written::Applied => info!(%tenant, %epoch, "key epoch is drained"),
            Written::Conflict => {}
        }
        Ok(None)
    }

    async fn log_ends(&self) -> Result<LogEnds, Error> {
        let mut all = LogEnds::default();
        for (ends, (_, topic)) in all.iter_mut().zip(&READERS) {
            let found = self.parts.log.ends(topic).await.map_err(Error::Log)?;
            *ends = found.iter().map(|ends| ends.high).collect();
        }
        Ok(all)
    }

    /// The first reader that has not passed the ends.
    async fn unread(&self, ends: &LogEnds) -> Result<Option<Wait>, Error> {
        for (ends, (reader, topic)) in ends.iter().zip(&READERS) {
            let committed = self.parts.log.committed(reader, topic).await.map_err(Error::Log)?;
            let committed = committed.into_iter().chain(std::iter::repeat(0));
            let records: u64 = ends.iter().zip(committed).map(|(end, next)| end.saturating_sub(next)).sum();
            if records > 0 {
                return Ok(Some(Wait::Unread { reader, topic: topic.name, records }));
            }
        }
        Ok(None)
    }
}
