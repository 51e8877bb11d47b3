//! The adapter on a CQL cluster (ScyllaDB, Cassandra), for instances that take each other's sessions over.
//!
//! A session is one partition, and every change of it one conditional batch on its version: state and event
//! together, or neither. What others look for (events owed to consent, knocks) is written before, so that a crash
//! leaves at most a pointer to nothing, which readers pass over.
//!
//! Read [`schema`], then [`session`] (how a change is made), [`row`] (columns from and to types) and [`owed`].

mod outgoing;
mod owed;
mod row;
mod schema;
mod session;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use cql::outbox::Outbox;
use cql::{Cql, Space, Statement};
use kernel::{EventId, InstanceId, LegNo, SectionNo, ServiceError, Timestamp};
use platform::outbox::Bell;

use self::session::{Change, Session};
use super::{
    Authorisation, Fence, Knock, META_LEG, Opening, Phase, SessionKey, SessionRow, Store, Telling, Untold,
    rules,
};
use crate::anchor::Anchor;
use crate::error::Error;
use crate::session::SessionEvent;

pub use schema::COMPONENTS;

/// Sessions, and the outbox that their audit entries leave through, in a CQL cluster.
#[derive(Clone)]
pub struct ScyllaStore {
    cql: Cql,
    statements: std::sync::Arc<Statements>,
    outbox: Outbox,
    bell: Bell,
}

struct Statements {
    state: Statement,
    events: Statement,
    change: Statement,
    add_event: Statement,
    owe_day: Statement,
    owe: Statement,
    owed_days: Statement,
    owed: Statement,
    settle: Statement,
    settle_day: Statement,
    knock: Statement,
    knocks: Statement,
    hear: Statement,
}

impl ScyllaStore {
    /// On tables that [`COMPONENTS`] made.
    pub async fn open(cql: Cql) -> Result<Self, Error> {
        let prepare =
            async |text| cql.prepare(Space::Data, text).await.map_err(failed("prepare its statements"));
        let statements = Statements {
            state: prepare(row::STATE).await?,
            events: prepare(row::EVENTS).await?,
            change: prepare(row::CHANGE).await?,
            add_event: prepare(row::ADD_EVENT).await?,
            owe_day: prepare(owed::OWE_DAY).await?,
            owe: prepare(owed::OWE).await?,
            owed_days: prepare(owed::DAYS).await?,
            owed: prepare(owed::FIND).await?,
            settle: prepare(owed::SETTLE).await?,
            settle_day: prepare(owed::SETTLE_DAY).await?,
            knock: prepare(owed::KNOCK).await?,
            knocks: prepare(owed::KNOCKS).await?,
            hear: prepare(owed::HEAR).await?,
        };
        let outbox = Outbox::open(&cql, "ingest").await.map_err(failed("open its outbox"))?;
        Ok(Self { cql, statements: std::sync::Arc::new(statements), outbox, bell: Bell::new() })
    }

    /// Rings when something was put into the outbox.
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }
}

#[async_trait]
impl Store for ScyllaStore {
    async fn open(&self, opening: Opening) -> Result<SessionRow, Error> {
        let change = |found: Option<&Session>| {
            let Some(found) = found else { return Ok(Change::to(Session::new(&opening))) };
            rules::may_open(&found.row, &opening)?;
            let mut next = found.clone();
            let earlier = std::mem::replace(&mut next.row.owner, opening.owner);
            next.row.fence.epoch = opening.fence.epoch;
            next.row.owner_address.clone_from(&opening.owner_address);
            next.row.streams += 1;
            next.changed_at = opening.at;
            Ok(Change { knock: (earlier != opening.owner).then_some(earlier), ..Change::to(next) })
        };
        Ok(self.change("open a session", &opening.fence.key, change).await?.row)
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<SessionRow>, Error> {
        Ok(self.session(key).await?.map(|session| session.row))
    }

    async fn authorise(&self, fence: &Fence, decided: Authorisation, phase: Phase) -> Result<(), Error> {
        let decided = {
            let mut decided = decided;
            decided.grants.sort_by(|one, two| one.purpose.cmp(&two.purpose));
            decided
        };
        self.change_held("authorise a session", fence, |mut next| {
            next.row.authorisation = Some(decided.clone());
            next.row.phase = phase;
            Ok(Change::to(next))
        })
        .await
        .map(drop)
    }

    async fn record(
        &self,
        fence: &Fence,
        event: SessionEvent,
        telling: Telling,
        consent_version: u64,
    ) -> Result<(), Error> {
        let change = |next: Session| Ok(next.with(&event, telling, consent_version));
        self.change_held("record an event", fence, change).await.map(drop)
    }

    async fn record_beside(
        &self,
        fence: &Fence,
        event: SessionEvent,
        telling: Telling,
        consent_version: u64,
        _at: Timestamp,
    ) -> Result<(), Error> {
        let change = |next: Session| {
            let owner = next.row.owner;
            Ok(Change { knock: Some(owner), ..next.with(&event, telling, consent_version) })
        };
        self.change_held("record an event beside its owner", fence, change).await.map(drop)
    }

    async fn claim_section(
        &self,
        fence: &Fence,
        leg: LegNo,
        anchor: Option<Anchor>,
    ) -> Result<SectionNo, Error> {
        let changed = self.change_held("claim a section", fence, |mut next| {
            if leg == META_LEG {
                next.meta_sections += 1;
                return Ok(Change::to(next));
            }
            let own = next.row.legs.iter_mut().find(|own| own.spec.leg == leg);
            let own = own.ok_or(Error::NoSession(fence.key.recording))?;
            own.sections += 1;
            own.anchor = anchor;
            Ok(Change::to(next))
        });
        let changed = changed.await?;
        let own = changed.row.legs.iter().find(|own| own.spec.leg == leg);
        let claimed = if leg == META_LEG { Some(changed.meta_sections) } else { own.map(|own| own.sections) };
        let number = claimed.and_then(|count| count.checked_sub(1));
        Ok(SectionNo(number.ok_or(Error::NoSession(fence.key.recording))?))
    }

    async fn meta_sealed(&self, fence: &Fence) -> Result<(), Error> {
        self.change_held("mark the metadata as sealed", fence, |mut next| {
            next.row.meta_sealed = true;
            Ok(Change::to(next))
        })
        .await
        .map(drop)
    }

    async fn end(&self, fence: &Fence, at: Timestamp) -> Result<(), Error> {
        self.change_held("end a session", fence, |mut next| {
            if next.row.phase == Phase::Rejected {
                return Ok(Change::nothing(next));
            }
            next.row.phase = Phase::Ended;
            next.changed_at = at;
            Ok(Change::to(next))
        })
        .await
        .map(drop)
    }

    async fn fence(&self, key: &SessionKey, at: Timestamp) -> Result<SessionRow, Error> {
        let change = |found: Option<&Session>| {
            let mut next = found.cloned().ok_or(Error::NoSession(key.recording))?;
            if next.row.phase.over().is_some() {
                return Ok(Change::nothing(next));
            }
            next.row.phase = Phase::Abandoned;
            next.changed_at = at;
            let owner = next.row.owner;
            Ok(Change { knock: Some(owner), ..Change::to(next) })
        };
        Ok(self.change("fence a session", key, change).await?.row)
    }

    async fn untold(&self, limit: u32) -> Result<Vec<Untold>, Error> {
        self.find_untold(limit as usize).await
    }

    async fn told(&self, key: &SessionKey, event: EventId) -> Result<(), Error> {
        self.settle_owed(key, event).await
    }

    async fn knocks(&self, owner: InstanceId, limit: u32) -> Result<Vec<Knock>, Error> {
        self.find_knocks(owner, limit as usize).await
    }

    async fn heard(&self, owner: InstanceId, knocks: &[Knock]) -> Result<(), Error> {
        self.drop_knocks(owner, knocks).await
    }
}

/// Says what was attempted.
fn failed(attempt: &'static str) -> impl Fn(cql::Error) -> Error {
    move |source| Error::Store { attempt, code: source.code(), source: source.into() }
}
