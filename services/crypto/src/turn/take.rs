//! Pages of a drained epoch come under the active one, and what stands is opened there.

use kernel::{ErrorCode, KeyEpoch, PageId, ServiceError, TenantId, chain};
use tracing::{error, info};

use super::{Turn, Wait};
use crate::error::Error;
use crate::pages::{Course, Turned};
use crate::store::{EpochState, MAX_LISTED};

impl Turn {
    /// Turns every page that is under the epoch; a page that cannot be turned holds up the epoch and no other page.
    pub(super) async fn take_pages(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<Option<Wait>, Error> {
        let (mut after, mut problem, mut turned, mut course) = (None, None, 0_u64, None);
        loop {
            let pages = self.parts.store.pages(tenant, epoch, after, MAX_LISTED).await?;
            let Some(last) = pages.last() else { break };
            after = Some(last.page);
            let course = match &course {
                Some(course) => course,
                // Read after the epoch was seen drained.
                None => &*course.insert(Course::new(epoch, self.parts.epochs.active(tenant).await?.epoch)),
            };
            for row in &pages {
                match self.parts.pages.turn(tenant, row.page, course).await {
                    Ok(Turned::Now(generation)) => {
                        turned += 1;
                        self.know(tenant, epoch, |known| known.checked.insert((row.page, generation)));
                    }
                    Ok(Turned::Before) => {}
                    Err(failure) => {
                        let wait = told(tenant, epoch, row.page, failure)?;
                        problem.get_or_insert(wait);
                    }
                }
            }
        }
        if turned > 0 {
            info!(%tenant, %epoch, pages = turned, "pages of a drained key epoch are under the active one");
        }
        Ok(problem)
    }

    /// Opens what was not opened since it was turned: a process that was cut off may have left it so, and what another
    /// turned is believed only when it was seen.
    pub(super) async fn check_pages(
        &self,
        tenant: &TenantId,
        epoch: KeyEpoch,
    ) -> Result<Option<Wait>, Error> {
        let mut problem = None;
        for row in self.parts.store.epochs(tenant).await? {
            if row.epoch <= epoch || row.state == EpochState::Destroyed {
                continue;
            }
            let mut after = None;
            loop {
                let pages = self.parts.store.pages(tenant, row.epoch, after, MAX_LISTED).await?;
                let Some(last) = pages.last() else { break };
                after = Some(last.page);
                for page in &pages {
                    let seen = (page.page, page.generation);
                    if self.know(tenant, epoch, |known| known.checked.contains(&seen)) {
                        continue;
                    }
                    match self.parts.pages.check(tenant, page.page).await {
                        Ok(generation) => {
                            let seen = (page.page, generation);
                            self.know(tenant, epoch, |known| known.checked.insert(seen));
                        }
                        Err(failure) => {
                            let wait = told(tenant, epoch, page.page, failure)?;
                            problem.get_or_insert(wait);
                        }
                    }
                }
            }
        }
        Ok(problem)
    }
}

/// What is wrong with a page is for people; whatever else failed ends the step.
fn told(tenant: &TenantId, epoch: KeyEpoch, page: PageId, failure: Error) -> Result<Wait, Error> {
    if failure.code() != ErrorCode::DataLoss {
        return Err(failure);
    }
    let problem = chain(&failure);
    error!(%tenant, %epoch, %page, error = problem, "a page does not hold what it should, and its epoch lives on");
    Ok(Wait::Page { page, problem })
}
