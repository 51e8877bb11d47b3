//! An erasure's items: added one by one, then it runs. Adding may be done twice, at once, and by others.

use std::collections::HashSet;
use std::time::Duration;

use kernel::{ErasureId, RecordingId, SubjectId, TenantId};
use parking_lot::Mutex;

use super::Erasing;
use crate::erasure::{Cause, Erasure, Item, Report, Scope, State, Step, Target};
use crate::error::Error;
use crate::kept::RecordingKey;
use crate::store::{MAX_LISTED, Written};

/// How long another process may take to add the items that only it knows of, in domain time. What it has not added by
/// then it does not live to add: a sweep finds it again, and an event is delivered again.
const GRACE: Duration = Duration::from_secs(600);

/// Which erasures this process is adding items to.
#[derive(Default)]
pub(crate) struct Adding(Mutex<HashSet<ErasureId>>);

/// Until it is dropped, also by a caller who gives up.
pub(crate) struct Entered<'a>(&'a Adding, ErasureId);

impl Adding {
    pub(crate) fn enter(&self, id: ErasureId) -> Entered<'_> {
        self.0.lock().insert(id);
        Entered(self, id)
    }
    fn has(&self, id: ErasureId) -> bool {
        self.0.lock().contains(&id)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.0.lock().remove(&self.1);
    }
}

impl Erasing {
    /// Adds the items of an order that are not there yet, and lets it run.
    pub(crate) async fn gather(&self, erasure: &Erasure) -> Result<Erasure, Error> {
        let _entered = self.adding.enter(erasure.id);
        match erasure.target {
            Target::Recording(recording) | Target::RecordingOf { recording, .. } => {
                self.add_item(erasure, recording, erasure.scope.clone()).await?;
            }
            Target::Subject(subject) => self.add_those_of(erasure, subject).await?,
            Target::Due => {}
        }
        self.close(&erasure.tenant, erasure.id).await
    }

    /// Finishes what others left while they were adding items.
    pub(crate) async fn gather_left(&self, erasure: &Erasure) -> Result<(), Error> {
        if self.adding.has(erasure.id) {
            return Ok(());
        }
        match erasure.cause {
            Cause::Order => {
                self.gather(erasure).await?;
            }
            Cause::PeriodOver | Cause::BasisLost => {
                if self.now() > erasure.ordered_at.plus(GRACE) {
                    self.close(&erasure.tenant, erasure.id).await?;
                }
            }
        }
        Ok(())
    }

    /// Announces one recording of an erasure.
    pub(crate) async fn add_item(
        &self,
        erasure: &Erasure,
        recording: RecordingId,
        scope: Scope,
    ) -> Result<Written, Error> {
        let item = Item {
            tenant: erasure.tenant.clone(),
            erasure: erasure.id,
            recording,
            version: 1,
            scope,
            step: Step::Registered,
            erased: Default::default(),
            kept: Vec::new(),
            report: Report::default(),
            failure: None,
        };
        Ok(self.store().add_item(&item).await?)
    }

    /// It has all its items now: it runs, and the saga is told.
    pub(crate) async fn close(&self, tenant: &TenantId, id: ErasureId) -> Result<Erasure, Error> {
        let count = self.count_items(tenant, id).await?;
        let closed = self.change_erasure(tenant, id, |erasure| {
            let is_closed = erasure.state != State::Gathering && erasure.items == count;
            (!is_closed).then(|| Erasure { state: State::Running, items: count, ..erasure.clone() })
        });
        let closed = closed.await?;
        self.bell.notify_one();
        Ok(closed)
    }

    /// A person's recordings, but for those on which there is nothing of what was asked for.
    async fn add_those_of(&self, erasure: &Erasure, subject: SubjectId) -> Result<(), Error> {
        let tenant = &erasure.tenant;
        let mut after = None;
        loop {
            let page = self.store().of_subject(tenant, subject, after, MAX_LISTED).await?;
            for recording in &page {
                if self.has_any(tenant, *recording, &erasure.scope).await? {
                    self.add_item(erasure, *recording, erasure.scope.clone()).await?;
                }
            }
            match page.last() {
                Some(last) if page.len() == MAX_LISTED as usize => after = Some(*last),
                Some(_) | None => return Ok(()),
            }
        }
    }

    async fn has_any(&self, tenant: &TenantId, id: RecordingId, scope: &Scope) -> Result<bool, Error> {
        let Scope::Purposes(purposes) = scope else { return Ok(true) };
        let kept = self.store().kept(&RecordingKey { tenant: tenant.clone(), id }).await?;
        // One without a row waits for it, as a recording that was ordered alone does.
        Ok(kept.is_none_or(|kept| kept.terms.iter().any(|term| purposes.contains(&term.stamp.purpose))))
    }

    async fn count_items(&self, tenant: &TenantId, id: ErasureId) -> Result<u32, Error> {
        let (mut count, mut after) = (0_u32, None);
        loop {
            let page = self.store().items(tenant, id, after, MAX_LISTED).await?;
            count = count.saturating_add(u32::try_from(page.len()).unwrap_or(u32::MAX));
            match page.last() {
                Some(last) if page.len() == MAX_LISTED as usize => after = Some(last.recording),
                Some(_) | None => return Ok(count),
            }
        }
    }
}
