//! Notices that nobody has answered are published again, for as long as that takes, and counted: how many there are, and
//! how many of them are late.

use kernel::{TenantId, Timestamp, chain};
use tracing::warn;

use crate::disclosure::{Disclosure, Notice};
use crate::error::Error;
use crate::service::{Change, Service};
use crate::store::MAX_LISTED;

/// How the notices stand that nobody has answered.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Unanswered {
    pub(crate) open: i64,
    /// They are so for too long.
    pub(crate) late: i64,
}

impl Unanswered {
    fn add(&mut self, other: Self) {
        self.open += other.open;
        self.late += other.late;
    }
}

impl Service {
    /// Publishes every tenant's open notices again that have rested for long enough, and counts all of them.
    pub(crate) async fn tell_again(&self, now: Timestamp) -> Result<Unanswered, Error> {
        let mut all = Unanswered::default();
        for tenant in self.disclosures().disclosing().await? {
            match self.tell_tenant(&tenant, now).await {
                Ok(standing) => all.add(standing),
                // One tenant's trouble is no other's.
                Err(error) => warn!(%tenant, error = chain(&error), "a tenant's notices wait"),
            }
        }
        Ok(all)
    }

    async fn tell_tenant(&self, tenant: &TenantId, now: Timestamp) -> Result<Unanswered, Error> {
        let mut standing = Unanswered::default();
        let mut after = None;
        loop {
            let page = self.unanswered(tenant, after, MAX_LISTED).await?;
            after = page.last().map(|last| last.key.id);
            let is_last = page.len() < MAX_LISTED as usize;
            for disclosure in page {
                standing.add(self.count(&disclosure, now));
                self.tell(disclosure, now).await?;
            }
            if is_last {
                return Ok(standing);
            }
        }
    }

    fn count(&self, disclosure: &Disclosure, now: Timestamp) -> Unanswered {
        let late = self.parts.config.notice_late.0;
        let mut counted = Unanswered::default();
        for notice in disclosure.notices.iter().filter(|notice| notice.state.is_open()) {
            let is_late = notice.since.plus(late) <= now;
            counted.add(Unanswered { open: 1, late: i64::from(is_late) });
        }
        counted
    }

    /// Publishes those of a disclosure that have rested.
    async fn tell(&self, disclosure: Disclosure, now: Timestamp) -> Result<(), Error> {
        let rest = self.parts.config.tell_again.0;
        let has_rested = |notice: &&Notice| notice.state.is_open() && notice.told_at.plus(rest) <= now;
        let acts: Vec<_> = disclosure.notices.iter().filter(has_rested).map(|notice| notice.act).collect();
        let mut standing = disclosure;
        for act in acts {
            (standing, _) = self.change(standing, act, &Change::ToldAgain(rest)).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
