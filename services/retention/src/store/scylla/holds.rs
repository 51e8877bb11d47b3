//! Holds. Two lists lead to them: those that stand, and those that are released.
//!
//! A hold is listed before its row says so, so that none that was placed is ever missing; the row decides in which of
//! the two it is told. One that is listed as standing without a row stays there: it may still be placed, and to miss
//! it would erase what it keeps. One that was released leaves that list for good.

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use kernel::{Envelope, HoldId, TenantId, Timestamp};

use super::decision::Write;
use super::error::Error;
use super::rows::{self, HoldColumns};
use super::{AT_ONCE, Inner, before};
use crate::hold::{Hold, HoldState};
use crate::store::{MAX_HOLDS, Written};

/// What is read of the list: those that stand, those that a crash left, those that racing writers placed beyond.
const MAX_LISTED_STANDING: usize = 2 * MAX_HOLDS;

impl Inner {
    pub(super) async fn place(&self, hold: &Hold, event: &Envelope) -> Result<Written, Error> {
        let write = Write::Place(hold);
        if self.stands(&write.row()).await?.is_some() {
            return Ok(Written::Conflict);
        }
        self.check_room(&hold.tenant).await?;
        self.list_hold(hold).await?;
        self.decide(write, event).await
    }

    pub(super) async fn change_hold(&self, hold: &Hold, event: &Envelope) -> Result<Written, Error> {
        let (write, looked_at) = (Write::ChangeHold(hold), self.clock.now());
        let before = write.before()?;
        if self.stands(&write.row()).await?.is_none_or(|stands| stands.version != before) {
            return Ok(Written::Conflict);
        }
        self.list_hold(hold).await?;
        let written = self.decide(write, event).await?;
        if written == Written::Applied && hold.state == HoldState::Released {
            // Where that fails the next look at the list does it.
            self.drop_standing(hold, looked_at).await.ok();
        }
        Ok(written)
    }

    pub(super) async fn hold(&self, tenant: &TenantId, id: HoldId) -> Result<Option<Hold>, Error> {
        let values = (tenant.as_str(), id.to_bytes());
        let found: Option<HoldColumns> = self.cql.row(&self.statements.hold, values).await?;
        found.map(rows::hold).transpose()
    }

    pub(super) async fn standing_holds(&self, tenant: &TenantId) -> Result<Vec<Hold>, Error> {
        let looked_at = self.clock.now();
        let ids = self.listed_as_standing(tenant, MAX_LISTED_STANDING + 1).await?;
        if ids.len() > MAX_LISTED_STANDING {
            return Err(Error::TooMany {
                what: "holds in the list of those that stand",
                limit: MAX_LISTED_STANDING,
            });
        }
        let (released, standing): (Vec<_>, Vec<_>) =
            self.listed_holds(tenant, ids).await?.into_iter().partition(is_released);
        for hold in &released {
            self.drop_standing(hold, looked_at).await?;
        }
        Ok(standing)
    }

    pub(super) async fn released_holds(
        &self,
        tenant: &TenantId,
        after: Option<HoldId>,
        limit: usize,
    ) -> Result<Vec<Hold>, Error> {
        let mut cursor = after.map_or(Vec::new(), |after| after.to_bytes().to_vec());
        let mut found = Vec::new();
        while found.len() < limit {
            let room = limit - found.len();
            let values = (tenant.as_str(), cursor.as_slice());
            let ids: Vec<(Vec<u8>,)> = self.cql.rows(&self.statements.released, values, room).await?;
            let Some((last,)) = ids.last().cloned() else { break };
            let is_last = ids.len() < room;
            cursor = last;
            let ids = ids.iter().map(|(id,)| rows::hold_id("retention_released", id));
            let holds = self.listed_holds(tenant, ids.collect::<Result<_, _>>()?).await?;
            found.extend(holds.into_iter().filter(is_released));
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    /// Refuses a hold beyond the bound. Of several that are placed at once all may find room for one.
    async fn check_room(&self, tenant: &TenantId) -> Result<(), Error> {
        // What is listed is counted first: rows are read where it may be too much.
        let listed = self.listed_as_standing(tenant, MAX_HOLDS).await?;
        if listed.len() < MAX_HOLDS || self.standing_holds(tenant).await?.len() < MAX_HOLDS {
            return Ok(());
        }
        Err(Error::TooMany { what: "holds of the tenant that stand", limit: MAX_HOLDS })
    }

    /// Leads to a hold that is about to be as it says.
    async fn list_hold(&self, hold: &Hold) -> Result<(), Error> {
        let list = match hold.state {
            HoldState::Placed | HoldState::ReleaseAsked => &self.statements.list_standing,
            HoldState::Released => &self.statements.list_released,
        };
        Ok(self.cql.write(list, (hold.tenant.as_str(), hold.id.to_bytes())).await?)
    }

    async fn drop_standing(&self, hold: &Hold, looked_at: Timestamp) -> Result<(), Error> {
        let values = (before(looked_at), hold.tenant.as_str(), hold.id.to_bytes());
        Ok(self.cql.write(&self.statements.drop_standing, values).await?)
    }

    async fn listed_as_standing(&self, tenant: &TenantId, limit: usize) -> Result<Vec<HoldId>, Error> {
        let values = (tenant.as_str(),);
        let found: Vec<(Vec<u8>,)> = self.cql.rows(&self.statements.standing, values, limit).await?;
        found.iter().map(|(id,)| rows::hold_id("retention_standing", id)).collect()
    }

    /// The holds that these ids lead to, in their order.
    async fn listed_holds(&self, tenant: &TenantId, ids: Vec<HoldId>) -> Result<Vec<Hold>, Error> {
        let reads: Vec<_> = ids.into_iter().map(|id| self.hold(tenant, id).boxed()).collect();
        let found: Vec<Option<Hold>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }
}

fn is_released(hold: &Hold) -> bool {
    hold.state == HoldState::Released
}
