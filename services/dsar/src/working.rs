//! The work on open requests: what was decided is done, looked at again, and what falls due is told.
//!
//! Each turn folds a request's file, does what is to be done next, and writes that as an act. Whatever it asks of other
//! roles goes by ids that follow from the request, so that a turn that was broken off is done again and nothing is done
//! twice. Copies come before erasures: what a person asked to have and to have erased is handed out first (scenario 35).
//!
//! Read `todo`, which is pure, then `doing` (with `restricting` and `waiving`) and `probing`; `tasks` has what runs, and
//! `hearing` the requests that were said in calls. `noticing` finds whom outside to tell of what happened, and `telling`
//! tells again until somebody answers.

mod doing;
mod hearing;
mod noticing;
pub(crate) mod probing;
mod restricting;
mod tasks;
mod telling;
mod todo;
mod waiving;

use std::time::Duration;

use kernel::{TenantId, chain};
use policy::request::State;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::act::{Act, RequestKey};
use crate::error::Error;
use crate::file::File;
use crate::service::{Service, itself};
use crate::store::MAX_LISTED;

pub use tasks::tasks;

/// What a request waits for where the mesh has left something to people.
pub(crate) const BY_HAND: &str = "by-hand";

/// Turns of one request in a row: more than its states, so that what turns in circles is told and not spun on.
const TURNS: u32 = 32;

/// The longest that a request rests after it was found not to be done.
const LONGEST_REST: Duration = Duration::from_secs(3_600);

/// How a tenant's open requests stand.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Standing {
    pub(crate) open: i64,
    /// Their last day is over.
    pub(crate) overdue: i64,
    /// Something that was done was found not to be.
    pub(crate) failing: i64,
}

/// Until when a request rests, in machine time, and how it stood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest {
    until: Instant,
    standing: Standing,
}

impl Standing {
    fn add(&mut self, other: Self) {
        self.open += other.open;
        self.overdue += other.overdue;
        self.failing += other.failing;
    }
}

impl Service {
    /// Takes a request as far as it goes now, and answers it as it is then.
    pub async fn execute(&self, key: &RequestKey) -> Result<File, Error> {
        self.carry_on(key).await
    }

    pub(crate) async fn carry_on(&self, key: &RequestKey) -> Result<File, Error> {
        let left = self.file(key).await?.unsettled().count();
        for _ in 0..TURNS {
            let file = self.file(key).await?;
            if !self.turn(key, &file).await? {
                return self.file(key).await;
            }
        }
        // Where much is to be done it goes on, and others have their turn meanwhile.
        let file = self.file(key).await?;
        if file.unsettled().count() < left {
            self.bell.notify_one();
            return Ok(file);
        }
        Err(Error::Contended("the request"))
    }

    /// Does the next thing; false where it waits for somebody, or for another role.
    async fn turn(&self, key: &RequestKey, file: &File) -> Result<bool, Error> {
        if self.finish_merges(key, file).await? {
            return Ok(true);
        }
        let act = match file.request.state() {
            State::Received => {
                // What is to be copied is held before that goes which is taken back; what cannot be held delays no withdrawal.
                let further = self.acknowledge(key).await;
                self.withdraw_at_once(key).await?;
                return Ok(further?.request.state() != State::Received);
            }
            State::Executing => self.do_next(key, file).await?,
            State::Verifying => Some(self.probe(key, file).await?),
            State::Identifying
            | State::AwaitingSubject
            | State::Discovering
            | State::Deciding
            | State::AwaitingApproval => {
                self.withdraw_at_once(key).await?;
                if file.unheld.is_some() {
                    self.acknowledge(key).await?;
                }
                None
            }
            State::Responding => self.answered_with(key, file).await?,
            State::Closed => None,
        };
        let Some(act) = act else { return Ok(false) };
        // What is not done is tried again after a rest.
        let goes_on = !matches!(act, Act::ProbesFailed(_));
        if let Act::ProbesFailed(items) = &act {
            warn!(tenant = %key.tenant, request = %key.id, items = items.len(),
                "what was done of a request is found not to be, and is done again");
        }
        match self.act(key, &itself(), act).await {
            // Somebody else did, or the request has gone on.
            Err(Error::Lifecycle(refused)) => {
                info!(tenant = %key.tenant, request = %key.id, why = %refused, "an act was not needed any more");
                Ok(false)
            }
            done => done.map(|_| goes_on),
        }
    }

    /// Takes every open request of every tenant as far as it goes now.
    pub(crate) async fn carry_on_all(&self) -> Result<Standing, Error> {
        let mut all = Standing::default();
        for tenant in self.store().tenants().await? {
            match self.carry_on_tenant(&tenant).await {
                Ok(standing) => all.add(standing),
                // One tenant's trouble is no other's.
                Err(error) => warn!(%tenant, error = chain(&error), "a tenant's requests wait"),
            }
        }
        Ok(all)
    }

    async fn carry_on_tenant(&self, tenant: &TenantId) -> Result<Standing, Error> {
        let mut standing = Standing::default();
        let mut after = None;
        loop {
            let page = self.store().open(tenant, after, MAX_LISTED).await?;
            after = page.last().map(|last| last.key.id);
            let is_last = page.len() < MAX_LISTED as usize;
            for head in page {
                if let Some(rested) = self.resting(&head.key) {
                    standing.add(rested);
                    continue;
                }
                match self.carry_on(&head.key).await {
                    Ok(file) => {
                        let stands = self.standing(&file);
                        self.rest(&head.key, &file, stands);
                        standing.add(stands);
                    }
                    Err(error) => {
                        let overdue = i64::from(head.due <= self.now());
                        standing.add(Standing { open: 1, overdue, failing: 1 });
                        warn!(%tenant, request = %head.key.id, error = chain(&error), "a request waits");
                    }
                }
            }
            if is_last {
                return Ok(standing);
            }
        }
    }

    /// How a request stood that rests after it was found not to be done; none where it does not.
    fn resting(&self, key: &RequestKey) -> Option<Standing> {
        let resting = self.resting.lock();
        resting.get(&key.id).filter(|rest| Instant::now() < rest.until).map(|rest| rest.standing)
    }

    /// Lets a request rest the longer, the more often it was found not to be done: each try is kept as its acts.
    fn rest(&self, key: &RequestKey, file: &File, standing: Standing) {
        let mut resting = self.resting.lock();
        if standing.failing == 0 {
            resting.remove(&key.id);
            return;
        }
        let doubled = 2_u32.saturating_pow(file.request.failures().min(16));
        let rest = Duration::from(self.parts.config.rest).saturating_mul(doubled).min(LONGEST_REST);
        resting.insert(key.id, Rest { until: Instant::now() + rest, standing });
    }

    fn standing(&self, file: &File) -> Standing {
        Standing {
            open: i64::from(file.request.state() != State::Closed),
            overdue: i64::from(file.request.is_overdue(self.now())),
            failing: i64::from(file.request.failures() > 0 && file.request.state() == State::Executing),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
