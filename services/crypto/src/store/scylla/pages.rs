//! Pages as wholes: opened, found, closed.
//!
//! A page is listed under its epoch before it is there: whoever walks over an epoch's pages misses none that was
//! answered for, and passes over one that a crash left in the list alone.

use futures::FutureExt;
use futures::future::try_join_all;
use kernel::{KeyEpoch, PageId, TenantId};

use super::Tables;
use super::decision::{Found, decide, new_act, pause, tries};
use super::error::{Error, number};
use super::rows;
use crate::store::{MAX_LISTED, PageRow, PageState};

/// Partitions of an epoch's list that are looked up at once.
const BUCKETS: usize = 100;
/// Pages that are read at once.
const READS: usize = 16;

impl Tables {
    pub(super) async fn open_page(&self, row: &PageRow) -> Result<(), Error> {
        let epoch = self.list(&row.tenant, row.epoch, row.page).await?;
        let (tenant, page) = (row.tenant.as_str(), row.page.to_bytes());
        let values = (
            tenant,
            row.purpose.as_str(),
            epoch,
            i64::from(row.generation),
            number(row.version, "a page's version")?,
            row.owner.to_bytes(),
            row.state.number(),
            row.key.as_slice(),
            row.dirty,
            number(row.added, "a page's count")?,
            number(row.removed, "a page's count")?,
            number(row.bytes, "a page's count")?,
            new_act(),
            page,
        );
        let attempt = || self.cql.apply(&self.statements.open_page, values).boxed();
        decide((), attempt, || self.find_page(row).boxed()).await
    }

    /// Puts a page into an epoch's list; returns the epoch's number as columns have it.
    pub(super) async fn list(&self, tenant: &TenantId, epoch: KeyEpoch, page: PageId) -> Result<i64, Error> {
        let (epoch, bucket) = (number(epoch.0, "an epoch's number")?, bucket(page));
        let (tenant, page) = (tenant.as_str(), page.to_bytes());
        self.cql.write(&self.statements.list_bucket, (tenant, epoch, bucket)).await?;
        self.cql.write(&self.statements.list_page, (tenant, epoch, bucket, page)).await?;
        Ok(epoch)
    }

    async fn find_page(&self, row: &PageRow) -> Result<Found<()>, Error> {
        match self.serial_page(row.page).await? {
            None => Ok(Found::Open),
            // The wrapped key is random: what has it is our page.
            Some(found) if found.key == row.key => Ok(Found::Outcome(())),
            Some(_) => Err(Error::PageExists),
        }
    }

    pub(super) async fn page(&self, page: PageId) -> Result<Option<PageRow>, Error> {
        let found = self.cql.row(&self.statements.page, (page.to_bytes(),)).await?;
        found.map(rows::page).transpose()
    }

    pub(super) async fn serial_page(&self, page: PageId) -> Result<Option<PageRow>, Error> {
        let found = self.cql.serial_row(&self.statements.page, (page.to_bytes(),)).await?;
        found.map(rows::page).transpose()
    }

    pub(super) async fn close_page(&self, page: PageId) -> Result<(), Error> {
        let mut last = Error::Contended;
        for tried in tries() {
            // Serial, so that it also tells what became of a try before.
            let Some(row) = self.serial_page(page).await? else { return Ok(()) };
            match row.state {
                PageState::Closed => return Ok(()),
                PageState::Open => {}
            }
            let version = number(row.version, "a page's version")?;
            let next = version.checked_add(1).ok_or(Error::Number("a page's version"))?;
            let values = (PageState::Closed.number(), next, new_act(), page.to_bytes(), version);
            match self.cql.apply(&self.statements.close_page, values).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) if error.is_uncertain() => last = error.into(),
                Err(error) => return Err(error.into()),
            }
            pause(tried).await;
        }
        Err(last)
    }

    pub(super) async fn pages(
        &self,
        tenant: &TenantId,
        epoch: KeyEpoch,
        after: Option<PageId>,
        limit: u32,
    ) -> Result<Vec<PageRow>, Error> {
        let number = number(epoch.0, "an epoch's number")?;
        let limit = limit.min(MAX_LISTED) as usize;
        let mut found: Vec<PageRow> = Vec::new();
        let (mut after, mut from) = (after, after.map_or(0, bucket));
        while found.len() < limit {
            let values = (tenant.as_str(), number, from);
            let buckets: Vec<(i64,)> = self.cql.rows(&self.statements.buckets, values, BUCKETS).await?;
            let Some(&(last,)) = buckets.last() else { break };
            for (bucket,) in buckets {
                while found.len() < limit {
                    let ids = self.listed(tenant, number, bucket, after, limit - found.len()).await?;
                    let Some(last) = ids.last() else { break };
                    after = Some(*last);
                    let rows = self.page_rows(&ids).await?;
                    found.extend(rows.into_iter().filter(|row| row.tenant == *tenant && row.epoch == epoch));
                }
            }
            from = last + 1;
        }
        Ok(found)
    }

    /// Ids in one partition of an epoch's list.
    async fn listed(
        &self,
        tenant: &TenantId,
        epoch: i64,
        bucket: i64,
        after: Option<PageId>,
        limit: usize,
    ) -> Result<Vec<PageId>, Error> {
        let after = after.map_or_else(Vec::new, |page| page.to_bytes().to_vec());
        let values = (tenant.as_str(), epoch, bucket, after);
        let ids: Vec<(Vec<u8>,)> = self.cql.rows(&self.statements.pages_of_bucket, values, limit).await?;
        let bad = cql::Error::Row { table: "crypto_page_of_epoch", what: "an id" };
        let id = |(bytes,): (Vec<u8>,)| PageId::from_slice(&bytes).map_err(|_| bad.clone().into());
        ids.into_iter().map(id).collect()
    }

    async fn page_rows(&self, ids: &[PageId]) -> Result<Vec<PageRow>, Error> {
        let mut found = Vec::with_capacity(ids.len());
        for some in ids.chunks(READS) {
            let rows = try_join_all(some.iter().map(|id| self.page(*id))).await?;
            found.extend(rows.into_iter().flatten());
        }
        Ok(found)
    }
}

/// The partition of an epoch's list: the first 26 bits of the id, which are its time in steps of 2^22 ms. They
/// come first in the id, so that partitions and ids have one order.
fn bucket(page: PageId) -> i64 {
    let [a, b, c, d, ..] = page.to_bytes();
    i64::from(u32::from_be_bytes([a, b, c, d]) >> 6)
}

#[cfg(test)]
mod tests;
