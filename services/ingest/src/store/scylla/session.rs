//! How a session is changed: read serially, decided on, written on the condition of its version.

use cql::Batch;
use kernel::{ErrorCode, EventId, InstanceId, Timestamp};
use uuid::Uuid;

use super::row::{ChangedColumns, StateColumns};
use super::{ScyllaStore, failed, row};
use crate::error::Error;
use crate::session::SessionEvent;
use crate::store::{Fence, LegRow, Opening, Phase, SessionKey, SessionRow, Telling, rules};

/// Changes of one session that meet: its owner's, a takeover's, a control's beside it.
const TRIES: u32 = 20;
/// Events that a session may have: far above what a day's call brings.
pub(super) const EVENTS_MAX: usize = 100_000;

/// A session with what belongs to the adapter alone.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Session {
    pub(super) row: SessionRow,
    pub(super) meta_sections: u32,
    pub(super) changed_at: Timestamp,
    /// None where it is not there yet.
    pub(super) version: Option<i64>,
    pub(super) changed_by: Uuid,
}

/// What a session becomes.
pub(super) struct Change {
    pub(super) next: Session,
    /// Whether it becomes anything else than it was.
    pub(super) changes: bool,
    /// The event that it gains, the last of its events.
    pub(super) added: Option<Telling>,
    /// Who must look at it again.
    pub(super) knock: Option<InstanceId>,
}

impl Change {
    pub(super) fn to(next: Session) -> Self {
        Self { next, changes: true, added: None, knock: None }
    }
    pub(super) fn nothing(next: Session) -> Self {
        Self { next, changes: false, added: None, knock: None }
    }
}

impl Session {
    /// As an opening makes it.
    pub(super) fn new(opening: &Opening) -> Self {
        let legs = opening.legs.iter().cloned();
        let row = SessionRow {
            fence: opening.fence.clone(),
            owner: opening.owner,
            owner_address: opening.owner_address.clone(),
            streams: 1,
            phase: Phase::Opening,
            started_at: opening.started_at,
            direction: opening.direction,
            language: opening.language.clone(),
            parties: opening.parties.clone(),
            legs: legs.map(|spec| LegRow { spec, sections: 0, anchor: None }).collect(),
            authorisation: None,
            meta_sealed: false,
            events: Vec::new(),
        };
        Self { row, meta_sections: 0, changed_at: opening.at, version: None, changed_by: Uuid::nil() }
    }

    /// With an event more, unless it has it.
    pub(super) fn with(mut self, event: &SessionEvent, telling: Telling, consent_version: u64) -> Change {
        if let Some(decided) = &mut self.row.authorisation {
            decided.consent_version = decided.consent_version.max(consent_version);
        }
        self.changed_at = self.changed_at.max(event.at);
        if self.row.events.iter().any(|own| own.id == event.id) {
            return Change::to(self);
        }
        self.row.events.push(event.clone());
        Change { added: Some(telling), ..Change::to(self) }
    }
}

impl ScyllaStore {
    /// The session as every change that was answered leaves it.
    pub(super) async fn session(&self, key: &SessionKey) -> Result<Option<Session>, Error> {
        let columns = row::key_columns(key);
        let failed = failed("load a session");
        let state: Option<StateColumns> =
            self.cql.serial_row(&self.statements.state, columns.clone()).await.map_err(&failed)?;
        let Some(state) = state else { return Ok(None) };
        let events = self.cql.rows(&self.statements.events, columns, EVENTS_MAX).await.map_err(&failed)?;
        state.read(key, events).map(Some)
    }

    /// Changes a session that this fence holds.
    pub(super) async fn change_held(
        &self,
        attempt: &'static str,
        fence: &Fence,
        decide: impl Fn(Session) -> Result<Change, Error>,
    ) -> Result<Session, Error> {
        let held = |found: Option<&Session>| {
            let found = found.ok_or(Error::NoSession(fence.key.recording))?;
            rules::held(fence, found.row.fence.epoch, found.row.phase)?;
            decide(found.clone())
        };
        self.change(attempt, &fence.key, held).await
    }

    /// Changes a session as `decide` says, which is asked again where another was faster.
    pub(super) async fn change(
        &self,
        attempt: &'static str,
        key: &SessionKey,
        decide: impl Fn(Option<&Session>) -> Result<Change, Error>,
    ) -> Result<Session, Error> {
        for _ in 0..TRIES {
            let found = self.session(key).await?;
            let Change { mut next, changes, added, knock } = decide(found.as_ref())?;
            if !changes {
                return Ok(next);
            }
            let before = next.version;
            next.version = Some(before.map_or(1, |version| version + 1));
            next.changed_by = Uuid::new_v4();
            self.point(key, &next, added, knock).await.map_err(failed(attempt))?;
            let applied =
                self.cql.apply_batch(self.batch(&next, before, added).map_err(failed(attempt))?).await;
            let applied = match applied {
                Err(error) if error.is_uncertain() => match self.session(key).await? {
                    Some(stored) if stored.version >= next.version => stored.changed_by == next.changed_by,
                    // After a serial read nothing will come of it any more.
                    Some(_) | None => return Err(failed(attempt)(error)),
                },
                answered => answered.map_err(failed(attempt))?,
            };
            if applied {
                return Ok(next);
            }
        }
        let source = format!("it changed {TRIES} times meanwhile").into();
        Err(Error::Store { attempt, code: ErrorCode::Unavailable, source })
    }

    /// What leads others here, before there is anything to be led to.
    async fn point(
        &self,
        key: &SessionKey,
        next: &Session,
        added: Option<Telling>,
        knock: Option<InstanceId>,
    ) -> Result<(), cql::Error> {
        if let (Some(Telling::Owed), Some(event)) = (added, next.row.events.last()) {
            self.owe(key, next.row.events.len(), event).await?;
        }
        if let Some(owner) = knock {
            self.knock(key, owner, EventId::new()).await?;
        }
        Ok(())
    }

    fn batch(
        &self,
        next: &Session,
        before: Option<i64>,
        added: Option<Telling>,
    ) -> Result<Batch, cql::Error> {
        let mut batch = Batch::unlogged();
        batch.add(&self.statements.change, ChangedColumns::of(next, before))?;
        if let (Some(_), Some(event)) = (added, next.row.events.last()) {
            let number = next.row.events.len();
            batch.add(&self.statements.add_event, row::event_columns(&next.row.fence.key, number, event))?;
        }
        Ok(batch)
    }
}
