//! A recording's own row: read serially, changed as a whole on the condition of its version.

use std::sync::Arc;

use async_trait::async_trait;
use cql::outbox::pending::PendingColumn;
use cql::outbox::{Pending, PendingRows, Ticket};
use cql::{Cql, Error as CqlError};
use kernel::{EventId, Position, SessionEpoch, Timestamp};
use scylla::{DeserializeRow, SerializeRow};
use seal::Hash;
use uuid::Uuid;

use super::statements::Statements;
use super::{Inner, KeyColumns, columns, contended, recording_key};
use crate::fact::RecordingKey;
use crate::store::{Error, Recording, State};

/// Changes of one row that meet: two archives on one partition, for a moment.
const TRIES: u32 = 20;
/// Bytes of a recording's id.
const ID: usize = 16;

/// The own row, with what belongs to the adapter alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Own {
    pub(super) recording: Recording,
    /// Where its pointer lies while it is unsettled.
    pub(super) bucket: i64,
    /// The newest document that counts: what names a later one is not visible yet.
    pub(super) settled: u32,
    version: i64,
    changed_by: Uuid,
}

/// What a change may do with the row as it stands.
pub(super) enum Change {
    /// It stays.
    Nothing,
    /// It becomes this.
    To(Box<Own>),
    /// It becomes this, and tells of it by this event.
    Settle(Box<Own>, Box<(Ticket, Pending)>),
}

impl Own {
    /// A row for a recording of which nothing is known yet.
    pub(super) fn new(key: &RecordingKey, partition: u32, at: Timestamp, bucket: i64) -> Self {
        let recording = Recording {
            key: key.clone(),
            partition,
            state: State::Open,
            session_epoch: SessionEpoch(0),
            started_at: None,
            direction: 0,
            language: String::new(),
            policy_hash: Hash::default(),
            last_event_at: at,
            closed_at: None,
            cause: String::new(),
            end: None,
            refusal: String::new(),
            complete: None,
            has_unnamed: false,
        };
        Self { recording, bucket, settled: 0, version: 0, changed_by: Uuid::nil() }
    }

    /// Whether the recording still needs something.
    pub(super) fn is_unsettled(&self) -> bool {
        !self.recording.state.is_settled() || self.recording.has_unnamed
    }
}

impl Inner {
    /// The row as every change that was answered leaves it.
    pub(super) async fn own(&self, key: &RecordingKey) -> Result<Option<Own>, Error> {
        let row: Option<OwnRow> = self.cql.row(&self.statements.own, columns(key)).await?;
        row.map(OwnRow::read).transpose()
    }

    /// The row with whatever was still under way as well: nothing that began before this comes after it.
    pub(super) async fn serial_own(&self, key: &RecordingKey) -> Result<Option<Own>, Error> {
        let row: Option<OwnRow> = self.cql.serial_row(&self.statements.own, columns(key)).await?;
        row.map(OwnRow::read).transpose()
    }

    /// Changes the row as `decide` says, which is asked again where another was faster, and answers how it stands
    /// then. `decide` writes what must be there before.
    pub(super) async fn change<F>(
        &self,
        key: &RecordingKey,
        mut decide: impl FnMut(Option<Own>) -> F,
    ) -> Result<Option<Own>, Error>
    where
        F: Future<Output = Result<Change, Error>>,
    {
        for _ in 0..TRIES {
            let found = self.serial_own(key).await?;
            let (mut own, event) = match decide(found.clone()).await? {
                Change::Nothing => return Ok(found),
                Change::To(own) => (own, None),
                Change::Settle(own, event) => (own, Some(event)),
            };
            let before = own.version;
            own.version += 1;
            own.changed_by = Uuid::new_v4();
            let applied = self.apply(&own, before, event.as_ref().map(|event| &event.1)).await;
            let applied = match applied {
                Err(error) if error.is_uncertain() => self.stands(&own, error).await?,
                answered => answered?,
            };
            if applied {
                if let Some(event) = event {
                    self.outbox.pushed(event.0);
                    self.bell.ring();
                }
                return Ok(Some(*own));
            }
        }
        Err(contended("the own row", key))
    }

    async fn apply(&self, own: &Own, before: i64, event: Option<&Pending>) -> Result<bool, CqlError> {
        let (tenant, id) = columns(&own.recording.key);
        let Recording { state, complete, has_unnamed, .. } = &own.recording;
        if let Some(pending) = event {
            let (event, value) = pending.to_value()?;
            let settled = int(own.settled);
            let values = (
                own.version,
                own.changed_by,
                state.number(),
                complete,
                has_unnamed,
                settled,
                event,
                value,
                tenant,
                id,
                before,
            );
            return self.cql.apply(&self.statements.settle_own, values).await;
        }
        if own.version == 1 {
            return self.cql.apply(&self.statements.make_own, OwnRow::of(own)).await;
        }
        self.cql.apply(&self.statements.change_own, ChangedRow::of(own, before)).await
    }

    /// Whether a change whose answer was lost was applied.
    async fn stands(&self, own: &Own, error: CqlError) -> Result<bool, Error> {
        match self.serial_own(&own.recording.key).await? {
            Some(found) if found.version >= own.version => Ok(found.changed_by == own.changed_by),
            // Nothing stands and, after a serial read, nothing will come of it.
            Some(_) | None => Err(error.into()),
        }
    }
}

/// The rows whose pending columns the outbox looks into.
pub(super) struct Rows {
    pub(super) cql: Cql,
    pub(super) statements: Arc<Statements>,
}

#[async_trait]
impl PendingRows for Rows {
    async fn pending(&self, key: &[u8]) -> Result<Vec<Pending>, CqlError> {
        let found: Option<(PendingColumn,)> =
            self.cql.serial_row(&self.statements.pending, key_columns(key)?).await?;
        Pending::from_column(found.and_then(|(column,)| column))
    }

    async fn clear(&self, key: &[u8], event: EventId) -> Result<(), CqlError> {
        let (tenant, id) = key_columns(key)?;
        let values = (event.to_bytes().to_vec(), tenant, id);
        self.cql.apply(&self.statements.clear_pending, values).await.map(drop)
    }
}

/// How the outbox names a recording's row: its id, then its tenant.
pub(super) fn row_key(key: &RecordingKey) -> Vec<u8> {
    [key.id.to_bytes().as_slice(), key.tenant.as_str().as_bytes()].concat()
}

fn key_columns(key: &[u8]) -> Result<KeyColumns, CqlError> {
    let bad = CqlError::Row { table: "outbox_archive_pending", what: "a row's key" };
    let (id, tenant) = key.split_at_checked(ID).ok_or(bad.clone())?;
    let tenant = std::str::from_utf8(tenant).map_err(|_| bad)?;
    Ok((tenant.to_owned(), id.to_vec()))
}

/// The columns as they are made and read.
#[derive(DeserializeRow, SerializeRow)]
struct OwnRow {
    tenant: String,
    id: Vec<u8>,
    version: i64,
    changed_by: Uuid,
    audio_partition: i32,
    bucket: i64,
    state: i32,
    session_epoch: i64,
    started_at: Option<i64>,
    direction: i32,
    language: String,
    policy_hash: Vec<u8>,
    first_event_at: i64,
    closed_at: Option<i64>,
    cause: String,
    end_at: Option<i64>,
    refusal: String,
    complete: Option<bool>,
    unnamed: bool,
    settled: i32,
}

impl OwnRow {
    fn of(own: &Own) -> Self {
        let recording = own.recording.clone();
        let (tenant, id) = columns(&recording.key);
        Self {
            tenant,
            id,
            version: own.version,
            changed_by: own.changed_by,
            audio_partition: int(recording.partition),
            bucket: own.bucket,
            state: recording.state.number(),
            session_epoch: recording.session_epoch.0.cast_signed(),
            started_at: recording.started_at.map(|at| at.0),
            direction: recording.direction,
            language: recording.language,
            policy_hash: recording.policy_hash.0.to_vec(),
            first_event_at: recording.last_event_at.0,
            closed_at: recording.closed_at.map(|at| at.0),
            cause: recording.cause,
            end_at: recording.end.map(|end| end.0.cast_signed()),
            refusal: recording.refusal,
            complete: recording.complete,
            unnamed: recording.has_unnamed,
            settled: int(own.settled),
        }
    }

    fn read(self) -> Result<Own, Error> {
        let bad = |what| Error::Row { table: "archive_recording", what };
        let key = recording_key("archive_recording", self.tenant, &self.id)?;
        let recording = Recording {
            key,
            partition: u32::try_from(self.audio_partition).map_err(|_| bad("audio_partition"))?,
            state: State::from_number(self.state).ok_or(bad("state"))?,
            session_epoch: SessionEpoch(self.session_epoch.cast_unsigned()),
            started_at: self.started_at.map(Timestamp),
            direction: self.direction,
            language: self.language,
            policy_hash: Hash::from_slice(&self.policy_hash).ok_or(bad("policy_hash"))?,
            last_event_at: Timestamp(self.first_event_at),
            closed_at: self.closed_at.map(Timestamp),
            cause: self.cause,
            end: self.end_at.map(|end| Position(end.cast_unsigned())),
            refusal: self.refusal,
            complete: self.complete,
            has_unnamed: self.unnamed,
        };
        let settled = u32::try_from(self.settled).map_err(|_| bad("settled"))?;
        Ok(Own {
            recording,
            bucket: self.bucket,
            settled,
            version: self.version,
            changed_by: self.changed_by,
        })
    }
}

/// The columns that change, and the version that is the condition.
#[derive(SerializeRow)]
struct ChangedRow {
    tenant: String,
    id: Vec<u8>,
    version: i64,
    changed_by: Uuid,
    state: i32,
    session_epoch: i64,
    started_at: Option<i64>,
    direction: i32,
    language: String,
    policy_hash: Vec<u8>,
    closed_at: Option<i64>,
    cause: String,
    end_at: Option<i64>,
    refusal: String,
    complete: Option<bool>,
    unnamed: bool,
    settled: i32,
    before: i64,
}

impl ChangedRow {
    fn of(own: &Own, before: i64) -> Self {
        let row = OwnRow::of(own);
        Self {
            tenant: row.tenant,
            id: row.id,
            version: row.version,
            changed_by: row.changed_by,
            state: row.state,
            session_epoch: row.session_epoch,
            started_at: row.started_at,
            direction: row.direction,
            language: row.language,
            policy_hash: row.policy_hash,
            closed_at: row.closed_at,
            cause: row.cause,
            end_at: row.end_at,
            refusal: row.refusal,
            complete: row.complete,
            unnamed: row.unnamed,
            settled: row.settled,
            before,
        }
    }
}

/// Partitions and documents are counted from 0 and never come near the end of the column.
fn int(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
