//! Sweeps: what is due goes, unasked, as long as it is not too much at once. More than the bound waits until a second
//! person has agreed to the plan that a first one asked for.
//!
//! A sweep reads what is due and not what is kept. A plan is named by what is in it, so that whoever agrees to one agrees
//! to exactly that; one that waits is looked at as of when it was asked for, because what becomes due in between changes
//! nothing in it.

mod plan;

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use kernel::{ErasureId, RecordingId, TenantId, Timestamp, chain};
use policy::code::Code;
use tracing::{info, warn};

use super::decide;
use crate::erasing::{BY_ITSELF, Erasing};
use crate::erasure::{Cause, Erasure, MAX_ITEMS, Scope, State, Target};
use crate::error::Error;
use crate::events;
use crate::hold::Hold;
use crate::kept::{Due, Kept, RecordingKey};
use crate::stamping::apply_later_policy;
use crate::store::{MAX_LISTED, SweepAsked, Written};

pub use plan::{DueRow, Plan};

/// GDPR Art. 5(1)(e): kept no longer than its purpose needs.
const REASON: &str = "art-5-1-e";
/// Rows that are read at the same time.
const SIDE_BY_SIDE: usize = 16;

/// What became of a sweep.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Swept {
    /// What it erases; none where nothing was due, or it waits.
    pub erasure: Option<ErasureId>,
    /// The plan.
    pub plan: Plan,
    /// Who asked for it; only where it waits for a second person.
    pub asked_by: Option<String>,
}

/// What a plan is made of.
struct Found {
    plan: Plan,
    /// What goes, at most [`MAX_ITEMS`].
    rows: Vec<DueRow>,
}

impl Erasing {
    /// What a sweep now would erase, and who asked for it where it waits for a second person.
    pub async fn plan(&self, tenant: &TenantId) -> Result<(Plan, Option<String>), Error> {
        let (found, asked) = self.current(tenant).await?;
        Ok((found.plan, asked.map(|asked| asked.by)))
    }

    /// Sweeps for a person: what was planned, or whatever is due where that is not over the bound.
    pub async fn sweep(&self, tenant: &TenantId, plan: Option<&str>, by: &str) -> Result<Swept, Error> {
        self.apply_policy(tenant).await?;
        let (found, asked) = self.current(tenant).await?;
        if plan.is_some_and(|named| named != found.plan.name) {
            return Err(Error::refused("stale-plan", "what is due has changed since the plan was made"));
        }
        if !found.plan.over_bound {
            return self.execute(tenant, found, by).await;
        }
        match asked {
            None => {
                let asked = SweepAsked {
                    tenant: tenant.clone(),
                    plan: found.plan.name.clone(),
                    by: by.to_owned(),
                    at: found.plan.as_of,
                };
                self.store().set_sweep_asked(tenant, Some(&asked)).await?;
                Ok(Swept { erasure: None, plan: found.plan, asked_by: Some(asked.by) })
            }
            Some(asked) if asked.by == by => {
                Err(Error::refused("asked-by-same", "the same person has asked for this sweep already"))
            }
            // Whoever agrees says to what.
            Some(asked) if plan.is_none() => {
                Ok(Swept { erasure: None, plan: found.plan, asked_by: Some(asked.by) })
            }
            Some(asked) => {
                info!(%tenant, plan = asked.plan, "two people have agreed to a sweep over the bound");
                let swept = self.execute(tenant, found, by).await?;
                self.store().set_sweep_asked(tenant, None).await?;
                Ok(swept)
            }
        }
    }

    /// Sweeps every tenant by itself; how many wait because more is due than goes by itself.
    pub(crate) async fn sweep_all(&self) -> Result<u64, Error> {
        let mut waiting = 0;
        for tenant in self.store().tenants().await? {
            match self.sweep_one(&tenant).await {
                Ok(false) => {}
                Ok(true) => waiting += 1,
                Err(error) => warn!(%tenant, error = chain(&error), "a tenant cannot be swept for now"),
            }
        }
        Ok(waiting)
    }

    /// One tenant: what holds let go, what stores owe, what is due. True where it waits for people.
    async fn sweep_one(&self, tenant: &TenantId) -> Result<bool, Error> {
        self.resume_deferred(tenant).await?;
        self.look_after(tenant).await?;
        self.apply_policy(tenant).await?;
        let found = self.find(tenant, self.now()).await?;
        if found.plan.over_bound {
            let (recordings, kept) = (found.plan.recordings, found.plan.kept);
            warn!(%tenant, recordings, kept, "a sweep over the bound waits for two people");
            return Ok(true);
        }
        self.execute(tenant, found, BY_ITSELF).await?;
        Ok(false)
    }

    /// Ends that a later policy shortened are due by that.
    async fn apply_policy(&self, tenant: &TenantId) -> Result<(), Error> {
        let parts = &self.parts;
        let (store, clock, mesh) = (parts.store.as_ref(), parts.clock.as_ref(), parts.mesh.as_ref());
        apply_later_policy(store, &parts.policies, clock, mesh, tenant).await
    }

    /// The plan that waits for a second person, if it is still what would go; else what is due now.
    async fn current(&self, tenant: &TenantId) -> Result<(Found, Option<SweepAsked>), Error> {
        if let Some(asked) = self.store().sweep_asked(tenant).await? {
            let found = self.find(tenant, asked.at).await?;
            if found.plan.name == asked.plan && found.plan.over_bound {
                return Ok((found, Some(asked)));
            }
        }
        Ok((self.find(tenant, self.now()).await?, None))
    }

    /// Begins one erasure of what was found; the rest goes with the next sweep.
    async fn execute(&self, tenant: &TenantId, found: Found, by: &str) -> Result<Swept, Error> {
        let Found { plan, rows } = found;
        if rows.is_empty() {
            return Ok(Swept { erasure: None, plan, asked_by: None });
        }
        let erasure = Erasure {
            tenant: tenant.clone(),
            id: ErasureId::new(),
            version: 1,
            cause: Cause::PeriodOver,
            target: Target::Due,
            // What of each recording, its item says.
            scope: Scope::Everything,
            reason: Code::new(REASON).expect("a plain word is a code"),
            ordered_by: by.to_owned(),
            ordered_at: self.now(),
            state: State::Gathering,
            items: 0,
            settled_at: None,
            receipt: Vec::new(),
        };
        let _entered = self.adding.enter(erasure.id);
        if self.store().begin_erasure(&erasure, &events::erasure(&erasure, self.now())).await?
            == Written::Conflict
        {
            return Err(Error::Contended("the erasure"));
        }
        for row in rows {
            self.add_item(&erasure, row.recording, row.scope).await?;
        }
        let erasure = self.close(tenant, erasure.id).await?;
        info!(%tenant, erasure = %erasure.id, recordings = erasure.items, "a sweep begins");
        Ok(Swept { erasure: Some(erasure.id), plan, asked_by: None })
    }

    /// What is due at a moment: rows are looked at until one erasure is full, the rest is counted by its hints.
    async fn find(&self, tenant: &TenantId, at: Timestamp) -> Result<Found, Error> {
        let holds = self.store().standing(tenant).await?;
        let running = self.recordings_running(tenant).await?;
        let kept = self.store().count_kept(tenant).await?;
        let config = &self.parts.config;
        let mut plan = Plan::new(at, kept, config.few, config.share);
        let (mut rows, mut after) = (Vec::new(), None::<Due>);
        loop {
            let page = self.store().due(tenant, at, after.as_ref(), MAX_LISTED).await?;
            let is_last = page.len() < MAX_LISTED as usize;
            after = page.last().cloned();
            if rows.len() >= MAX_ITEMS as usize {
                plan.count_hints(page.len());
            } else {
                let page = page.into_iter().filter(|due| !running.contains(&due.id));
                self.look_at(tenant, at, &holds, page.collect(), &mut plan, &mut rows).await?;
            }
            if is_last || (plan.is_over() && rows.len() >= MAX_ITEMS as usize) {
                break;
            }
        }
        rows.truncate(MAX_ITEMS as usize);
        plan.close(&rows);
        Ok(Found { plan, rows })
    }

    async fn look_at(
        &self,
        tenant: &TenantId,
        at: Timestamp,
        holds: &[Hold],
        page: Vec<Due>,
        plan: &mut Plan,
        rows: &mut Vec<DueRow>,
    ) -> Result<(), Error> {
        let reading = stream::iter(page).map(|due| self.row_of(tenant.clone(), due));
        let read: Vec<Option<Kept>> = reading.buffered(SIDE_BY_SIDE).try_collect().await?;
        for kept in read.into_iter().flatten() {
            let Some((scope, purposes)) = decide::due(&kept, at) else { continue };
            let held_by: Vec<_> = holds.iter().filter(|hold| hold.keeps(&kept)).map(|hold| hold.id).collect();
            let row =
                DueRow { recording: kept.key.id, at: kept.due().unwrap_or(at), purposes, scope, held_by };
            if plan.take(&row) {
                rows.push(row);
            }
        }
        Ok(())
    }

    async fn row_of(&self, tenant: TenantId, due: Due) -> Result<Option<Kept>, Error> {
        Ok(self.store().kept(&RecordingKey { tenant, id: due.id }).await?)
    }

    /// What goes already is not planned again.
    async fn recordings_running(&self, tenant: &TenantId) -> Result<BTreeSet<RecordingId>, Error> {
        let (mut running, mut after) = (BTreeSet::new(), None);
        loop {
            let page = self.store().running_items(tenant, after, MAX_LISTED).await?;
            after = page.last().map(|last| (last.erasure, last.recording));
            running.extend(page.iter().map(|item| item.recording));
            if page.len() < MAX_LISTED as usize {
                return Ok(running);
            }
        }
    }
}
