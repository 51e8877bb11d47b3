//! Lists of disclosures. A pointer without a disclosure is left from a beginning that a crash cut off: it is passed
//! over, and stays, since the disclosure may still begin. One to a disclosure without an open notice goes, unless it
//! was written for a version that is still to come.

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use kernel::{DisclosureId, RecordingId, TenantId};

use super::super::error::Error;
use super::super::pointers::BUCKETS;
use super::super::{AT_ONCE, Inner, rows};
use crate::disclosure::{Disclosure, DisclosureKey};

impl Inner {
    /// In order of their ids. One that is of another recording came second under its id, and never began.
    pub(super) async fn disclosures_of(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        after: Option<DisclosureId>,
        limit: usize,
    ) -> Result<Vec<Disclosure>, Error> {
        let (mut cursor, mut found) = (bytes(after), Vec::new());
        while found.len() < limit {
            let room = limit - found.len();
            let values = (tenant.as_str(), recording.to_bytes(), cursor.as_slice());
            let ids: Vec<(Vec<u8>,)> = self.cql.rows(&self.statements.disclosures_of, values, room).await?;
            let Some((last,)) = ids.last().cloned() else { break };
            cursor = last;
            let is_last = ids.len() < room;
            let ids = rows::disclosure_ids("dsar_disclosure_of", &ids)?;
            let told = self.disclosures(tenant, ids).await?;
            found.extend(told.into_iter().filter(|disclosure| disclosure.recording == recording));
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    /// In order of their ids, over all partitions of what is unanswered.
    pub(super) async fn unanswered(
        &self,
        tenant: &TenantId,
        after: Option<DisclosureId>,
        limit: usize,
    ) -> Result<Vec<Disclosure>, Error> {
        let (mut after, mut found) = (after, Vec::new());
        while found.len() < limit {
            let room = limit - found.len();
            let ids = self.unanswered_ids(tenant, after, room).await?;
            let is_last = ids.len() < room;
            after = ids.last().copied().or(after);
            for disclosure in self.disclosures(tenant, ids).await? {
                if disclosure.is_open() {
                    found.push(disclosure);
                } else {
                    // Where that fails the next look does it.
                    self.drop_unanswered(&disclosure).await.ok();
                }
            }
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    /// The next pointers to what is unanswered.
    async fn unanswered_ids(
        &self,
        tenant: &TenantId,
        after: Option<DisclosureId>,
        limit: usize,
    ) -> Result<Vec<DisclosureId>, Error> {
        let (after, mut found) = (bytes(after), Vec::new());
        for bucket in 0..BUCKETS {
            let values = (tenant.as_str(), bucket, after.as_slice());
            let ids: Vec<(Vec<u8>,)> = self.cql.rows(&self.statements.unanswered, values, limit).await?;
            found.extend(rows::disclosure_ids("dsar_unanswered", &ids)?);
        }
        found.sort_unstable();
        found.truncate(limit);
        Ok(found)
    }

    /// Those that there are, in the same order.
    async fn disclosures(&self, tenant: &TenantId, ids: Vec<DisclosureId>) -> Result<Vec<Disclosure>, Error> {
        let reads: Vec<_> = ids.into_iter().map(|id| self.disclosure_of(tenant, id).boxed()).collect();
        let found: Vec<Option<Disclosure>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn disclosure_of(&self, tenant: &TenantId, id: DisclosureId) -> Result<Option<Disclosure>, Error> {
        self.disclosure(&DisclosureKey { tenant: tenant.clone(), id }).await
    }
}

/// Below the bytes of every id where it is after none.
fn bytes(after: Option<DisclosureId>) -> Vec<u8> {
    after.map_or_else(Vec::new, |after| after.to_bytes().to_vec())
}
