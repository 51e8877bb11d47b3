//! The embedded adapter: typed tables in the role's one file.

mod knock;
mod row;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Envelope, EventId, InstanceId, LegNo, SectionNo, SessionEpoch, Timestamp};
use parking_lot::Mutex;
use platform::audit::{AuditOutbox, OutboxError};
use platform::outbox::{Bell, OutboxStore, Outgoing};
use rusqlite::{Connection, OptionalExtension, params};
use sqlite::{Component, Db, Tx, outbox};

use super::{Authorisation, Fence, Knock, Opening, Phase, SessionKey, SessionRow, Store, Telling, Untold};
use crate::anchor::Anchor;
use crate::error::Error;
use crate::session::SessionEvent;

/// Sessions, and the outbox that their audit entries leave through, in one SQLite file.
#[derive(Clone)]
pub struct SqliteStore {
    db: Db,
    bell: Bell,
    /// Rows of the events that the publisher was given last.
    handed: Arc<Mutex<HashMap<EventId, outbox::OutboxNo>>>,
}

impl SqliteStore {
    /// What the file must have when it is opened.
    pub const COMPONENTS: &'static [Component] = &[SESSIONS, outbox::COMPONENT];

    /// On an open file.
    pub fn new(db: Db) -> Self {
        Self { db, bell: Bell::new(), handed: Arc::default() }
    }

    /// Rings when something was put into the outbox.
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }
}

/// Ids are 16 bytes, times and positions microseconds, enums the numbers that their types write out.
const SESSIONS: Component = Component {
    name: "ingest",
    steps: &[
        "CREATE TABLE session (
        tenant TEXT NOT NULL,
        recording BLOB NOT NULL CHECK (length(recording) = 16),
        epoch INTEGER NOT NULL,
        owner BLOB NOT NULL CHECK (length(owner) = 16),
        streams INTEGER NOT NULL DEFAULT 1,
        phase INTEGER NOT NULL,
        started_at INTEGER NOT NULL,
        direction INTEGER NOT NULL,
        language TEXT NOT NULL,
        policy_hash BLOB CHECK (length(policy_hash) = 32),
        consent_version INTEGER NOT NULL DEFAULT 0,
        meta_sealed INTEGER NOT NULL DEFAULT 0,
        meta_sections INTEGER NOT NULL DEFAULT 0,
        opened_at INTEGER NOT NULL,
        changed_at INTEGER NOT NULL,
        PRIMARY KEY (tenant, recording)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE session_party (
        tenant TEXT NOT NULL,
        recording BLOB NOT NULL,
        place INTEGER NOT NULL,
        role INTEGER NOT NULL,
        subject BLOB CHECK (length(subject) = 16),
        PRIMARY KEY (tenant, recording, place)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE session_leg (
        tenant TEXT NOT NULL,
        recording BLOB NOT NULL,
        leg INTEGER NOT NULL,
        codec TEXT NOT NULL,
        rate INTEGER NOT NULL,
        party INTEGER NOT NULL,
        sections INTEGER NOT NULL DEFAULT 0,
        anchor_timestamp INTEGER,
        anchor_position INTEGER,
        anchor_ssrc INTEGER,
        anchor_frame INTEGER,
        PRIMARY KEY (tenant, recording, leg)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE session_grant (
        tenant TEXT NOT NULL,
        recording BLOB NOT NULL,
        purpose TEXT NOT NULL,
        outcome INTEGER NOT NULL,
        basis INTEGER NOT NULL,
        regime TEXT NOT NULL,
        mark TEXT NOT NULL,
        reason TEXT NOT NULL,
        evidence BLOB NOT NULL,
        until_mark INTEGER NOT NULL,
        PRIMARY KEY (tenant, recording, purpose)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE session_event (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant TEXT NOT NULL,
        recording BLOB NOT NULL,
        event BLOB NOT NULL CHECK (length(event) = 16),
        position INTEGER NOT NULL,
        derived_error INTEGER,
        at INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        name TEXT NOT NULL,
        code TEXT NOT NULL,
        act INTEGER NOT NULL,
        party INTEGER NOT NULL,
        expression INTEGER NOT NULL,
        evidence BLOB,
        owed INTEGER NOT NULL,
        UNIQUE (tenant, recording, event)
    ) STRICT;
    CREATE INDEX session_event_owed ON session_event (number) WHERE owed = 1;",
        "ALTER TABLE session ADD COLUMN owner_address TEXT NOT NULL DEFAULT '';
    CREATE TABLE session_knock (
        owner BLOB NOT NULL CHECK (length(owner) = 16),
        id BLOB NOT NULL CHECK (length(id) = 16),
        tenant TEXT NOT NULL,
        recording BLOB NOT NULL CHECK (length(recording) = 16),
        at INTEGER NOT NULL,
        PRIMARY KEY (owner, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX session_knock_at ON session_knock (at);",
    ],
};

#[async_trait]
impl Store for SqliteStore {
    async fn open(&self, opening: Opening) -> Result<SessionRow, Error> {
        self.write("open a session", move |tx| open(tx, &opening)).await
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<SessionRow>, Error> {
        let key = key.clone();
        self.read("load a session", move |connection| row::load(connection, &key)).await
    }

    async fn authorise(&self, fence: &Fence, decided: Authorisation, phase: Phase) -> Result<(), Error> {
        let fence = fence.clone();
        self.write("authorise a session", move |tx| authorise(tx, &fence, &decided, phase)).await
    }

    async fn record(
        &self,
        fence: &Fence,
        event: SessionEvent,
        telling: Telling,
        consent_version: u64,
    ) -> Result<(), Error> {
        let fence = fence.clone();
        let record = move |tx: &Tx<'_>| record(tx, &fence, &event, telling, consent_version);
        self.write("record an event", record).await
    }

    async fn record_beside(
        &self,
        fence: &Fence,
        event: SessionEvent,
        telling: Telling,
        consent_version: u64,
        at: Timestamp,
    ) -> Result<(), Error> {
        let fence = fence.clone();
        let record = move |tx: &Tx<'_>| {
            record(tx, &fence, &event, telling, consent_version)?;
            knock::leave(tx, &fence.key, at)
        };
        self.write("record an event beside its owner", record).await
    }

    async fn claim_section(
        &self,
        fence: &Fence,
        leg: LegNo,
        anchor: Option<Anchor>,
    ) -> Result<SectionNo, Error> {
        let fence = fence.clone();
        let claim = move |tx: &Tx<'_>| {
            hold(tx, &fence)?;
            row::claim_section(tx, &fence.key, leg, anchor)
        };
        self.write("claim a section", claim).await
    }

    async fn meta_sealed(&self, fence: &Fence) -> Result<(), Error> {
        let fence = fence.clone();
        let mark = move |tx: &Tx<'_>| {
            hold(tx, &fence)?;
            let key = &fence.key;
            tx.execute(
                "UPDATE session SET meta_sealed = 1 WHERE tenant = ? AND recording = ?",
                params![key.tenant.as_str(), key.recording.to_bytes()],
            )?;
            Ok(())
        };
        self.write("mark the metadata as sealed", mark).await
    }

    async fn end(&self, fence: &Fence, at: Timestamp) -> Result<(), Error> {
        let fence = fence.clone();
        let end = move |tx: &Tx<'_>| {
            let found = hold(tx, &fence)?;
            if found == Phase::Rejected {
                return Ok(());
            }
            set_phase(tx, &fence.key, Phase::Ended, at)
        };
        self.write("end a session", end).await
    }

    async fn fence(&self, key: &SessionKey, at: Timestamp) -> Result<SessionRow, Error> {
        let key = key.clone();
        let fence = move |tx: &Tx<'_>| {
            let found = row::load(tx, &key)?.ok_or(Error::NoSession(key.recording))?;
            if found.phase.over().is_some() {
                return Ok(found);
            }
            set_phase(tx, &key, Phase::Abandoned, at)?;
            knock::leave(tx, &key, at)?;
            Ok(SessionRow { phase: Phase::Abandoned, ..found })
        };
        self.write("fence a session", fence).await
    }

    async fn untold(&self, limit: u32) -> Result<Vec<Untold>, Error> {
        self.read("find untold consent events", move |connection| row::untold(connection, limit)).await
    }

    async fn told(&self, key: &SessionKey, event: EventId) -> Result<(), Error> {
        let key = key.clone();
        let told = move |tx: &Tx<'_>| {
            tx.execute(
                "UPDATE session_event SET owed = 0 WHERE tenant = ? AND recording = ? AND event = ?",
                params![key.tenant.as_str(), key.recording.to_bytes(), event.to_bytes()],
            )?;
            Ok(())
        };
        self.write("mark a consent event as told", told).await
    }

    async fn knocks(&self, owner: InstanceId, limit: u32) -> Result<Vec<Knock>, Error> {
        self.read("look for knocks", move |connection| knock::find(connection, owner, limit)).await
    }

    async fn heard(&self, owner: InstanceId, knocks: &[Knock]) -> Result<(), Error> {
        let ids: Vec<_> = knocks.iter().map(|knock| knock.id).collect();
        self.write("mark knocks as heard", move |tx| knock::drop_heard(tx, owner, &ids)).await
    }
}

#[async_trait]
impl AuditOutbox for SqliteStore {
    async fn push(&self, entry: Envelope) -> Result<(), OutboxError> {
        let push = move |tx: &Tx<'_>| match outbox::push(tx, &kernel::topics::AUDIT, &entry) {
            Err(error) if error.is_duplicate() => Ok(()),
            done => done.map(drop),
        };
        let attempt = "keep an audit entry";
        self.db.write(push).await.map_err(|source: sqlite::Error| outbox_error(attempt, source))?;
        self.bell.ring();
        Ok(())
    }
}

#[async_trait]
impl OutboxStore for SqliteStore {
    async fn unpublished(&self, limit: usize) -> Result<Vec<Outgoing>, OutboxError> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let look = move |c: &Connection| outbox::unpublished(c, outbox::OutboxNo::START, limit);
        let found = self.db.read(look).await.map_err(|source| outbox_error("read", source))?;
        *self.handed.lock() = found.iter().map(|p| (p.envelope.id, p.number)).collect();
        Ok(found.into_iter().map(|p| Outgoing { topic: p.topic, envelope: p.envelope }).collect())
    }

    async fn mark_published(&self, ids: &[EventId]) -> Result<(), OutboxError> {
        let handed = self.handed.lock().clone();
        let numbers: Vec<_> = ids.iter().filter_map(|id| handed.get(id).copied()).collect();
        // Marked in the events' own time: the outbox keeps nothing by it but what may be pruned first.
        let mark = move |tx: &Tx<'_>| outbox::mark(tx, &numbers, Timestamp(0));
        self.db.write(mark).await.map_err(|source| outbox_error("mark", source))
    }

    async fn oldest_unpublished(&self) -> Result<Option<Timestamp>, OutboxError> {
        self.db.read(outbox::oldest_unpublished).await.map_err(|source| outbox_error("tell its age", source))
    }
}

fn outbox_error(attempt: &'static str, source: sqlite::Error) -> OutboxError {
    OutboxError { attempt, source: source.into() }
}

impl SqliteStore {
    async fn write<T: Send + 'static>(
        &self,
        attempt: &'static str,
        act: impl FnOnce(&Tx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        self.db.write(act).await.map_err(|failure| failure.into_error(attempt))
    }

    async fn read<T: Send + 'static>(
        &self,
        attempt: &'static str,
        look: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        self.db.read(look).await.map_err(|failure| failure.into_error(attempt))
    }
}

/// What a closure on the file may end with.
enum Failure {
    Engine(sqlite::Error),
    Refused(Error),
}

impl Failure {
    fn into_error(self, attempt: &'static str) -> Error {
        match self {
            Self::Refused(error) => error,
            Self::Engine(source) => {
                let code = kernel::ServiceError::code(&source);
                Error::Store { attempt, code, source: source.into() }
            }
        }
    }
}

impl From<sqlite::Error> for Failure {
    fn from(error: sqlite::Error) -> Self {
        Self::Engine(error)
    }
}
impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.into())
    }
}
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// The phase of a session that this fence still holds and that is not over.
fn hold(tx: &Tx<'_>, fence: &Fence) -> Result<Phase, Failure> {
    let recording = fence.key.recording;
    let (stored, phase) = epoch_and_phase(tx, &fence.key)?.ok_or(Error::NoSession(recording))?;
    if stored != fence.epoch {
        return Err(Error::Overtaken { recording, given: fence.epoch, stored }.into());
    }
    match phase {
        Phase::Abandoned => Err(Error::Over { recording, reason: "fenced" }.into()),
        Phase::Opening | Phase::Open | Phase::Ended | Phase::Rejected => Ok(phase),
    }
}

fn epoch_and_phase(tx: &Tx<'_>, key: &SessionKey) -> Result<Option<(SessionEpoch, Phase)>, Failure> {
    let found: Option<(i64, i64)> = tx
        .query_row(
            "SELECT epoch, phase FROM session WHERE tenant = ? AND recording = ?",
            params![key.tenant.as_str(), key.recording.to_bytes()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((epoch, phase)) = found else { return Ok(None) };
    let phase = Phase::from_number(phase);
    let phase = phase.ok_or(Error::Damaged { recording: key.recording, what: "the phase" })?;
    Ok(Some((SessionEpoch(row::from_column(epoch)), phase)))
}

fn open(tx: &Tx<'_>, opening: &Opening) -> Result<SessionRow, Failure> {
    let Fence { key, epoch } = &opening.fence;
    let recording = key.recording;
    match row::load(tx, key)? {
        None => row::insert(tx, opening)?,
        Some(found) => {
            if *epoch <= found.fence.epoch {
                let stored = found.fence.epoch;
                return Err(Error::Overtaken { recording, given: *epoch, stored }.into());
            }
            if let Some(reason) = found.phase.over() {
                return Err(Error::Over { recording, reason }.into());
            }
            if let Some(what) = difference(&found, opening) {
                return Err(Error::Differs { recording, what }.into());
            }
            if found.owner != opening.owner {
                knock::leave(tx, key, opening.at)?;
            }
            tx.execute(
                "UPDATE session SET epoch = ?, owner = ?, owner_address = ?, streams = streams + 1, changed_at = ?
                 WHERE tenant = ? AND recording = ?",
                params![
                    row::to_column(epoch.0),
                    opening.owner.to_bytes(),
                    opening.owner_address,
                    opening.at.0,
                    key.tenant.as_str(),
                    recording.to_bytes()
                ],
            )?;
        }
    }
    Ok(row::load(tx, key)?.ok_or(Error::NoSession(recording))?)
}

fn record(
    tx: &Tx<'_>,
    fence: &Fence,
    event: &SessionEvent,
    telling: Telling,
    consent_version: u64,
) -> Result<(), Failure> {
    hold(tx, fence)?;
    let key = &fence.key;
    let version = row::to_column(consent_version);
    tx.execute(
        "UPDATE session SET consent_version = max(consent_version, ?), changed_at = max(changed_at, ?)
         WHERE tenant = ? AND recording = ?",
        params![version, event.at.0, key.tenant.as_str(), key.recording.to_bytes()],
    )?;
    row::insert_event(tx, key, event, telling)
}

fn difference(found: &SessionRow, opening: &Opening) -> Option<&'static str> {
    if found.started_at != opening.started_at {
        return Some("another start");
    }
    if found.parties != opening.parties {
        return Some("other parties");
    }
    let same = found.legs.len() == opening.legs.len()
        && found.legs.iter().zip(&opening.legs).all(|(stored, given)| stored.spec == *given);
    (!same).then_some("other legs")
}

fn authorise(tx: &Tx<'_>, fence: &Fence, decided: &Authorisation, phase: Phase) -> Result<(), Failure> {
    hold(tx, fence)?;
    let key = &fence.key;
    let (tenant, recording) = (key.tenant.as_str(), key.recording.to_bytes());
    tx.execute(
        "UPDATE session SET policy_hash = ?, consent_version = ?, phase = ?
         WHERE tenant = ? AND recording = ?",
        params![
            decided.policy_hash,
            row::to_column(decided.consent_version),
            phase.number(),
            tenant,
            recording
        ],
    )?;
    for (place, subject) in decided.subjects.iter().enumerate() {
        tx.execute(
            "UPDATE session_party SET subject = ? WHERE tenant = ? AND recording = ? AND place = ?",
            params![subject.to_bytes(), tenant, recording, place as i64],
        )?;
    }
    row::replace_grants(tx, key, &decided.grants)
}

fn set_phase(tx: &Tx<'_>, key: &SessionKey, phase: Phase, at: Timestamp) -> Result<(), Failure> {
    tx.execute(
        "UPDATE session SET phase = ?, changed_at = ? WHERE tenant = ? AND recording = ?",
        params![phase.number(), at.0, key.tenant.as_str(), key.recording.to_bytes()],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests;
