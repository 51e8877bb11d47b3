//! What others look for: events that are owed to consent, by day, and knocks, by owner.

use cql::Batch;
use kernel::{Clock, EventId, InstanceId, RecordingId, SystemClock, TenantId};
use proto::common::v1::Grant;
use scylla::DeserializeRow;

use super::{ScyllaStore, failed, row};
use crate::error::Error;
use crate::session::SessionEvent;
use crate::store::columns::{EventColumns, word};
use crate::store::{KNOCK_KEPT, Knock, SessionKey, SessionRow, Untold};

pub(super) const OWE_DAY: &str = "INSERT INTO {ks}.ingest_owed_day (name, day) VALUES ('owed', ?)";
pub(super) const OWE: &str =
    "INSERT INTO {ks}.ingest_owed (day, at, tenant, recording, number, event, written_at)
    VALUES (?, ?, ?, ?, ?, ?, ?)";
pub(super) const DAYS: &str = "SELECT day FROM {ks}.ingest_owed_day WHERE name = 'owed'";
pub(super) const FIND: &str = "SELECT at, tenant, recording, number, event, written_at FROM {ks}.ingest_owed
    WHERE day = ?";
pub(super) const SETTLE: &str =
    "DELETE FROM {ks}.ingest_owed WHERE day = ? AND at = ? AND tenant = ? AND recording = ? AND number = ?";
pub(super) const SETTLE_DAY: &str = "DELETE FROM {ks}.ingest_owed_day WHERE name = 'owed' AND day = ?";
pub(super) const KNOCK: &str =
    "INSERT INTO {ks}.ingest_knock (owner, id, tenant, recording) VALUES (?, ?, ?, ?) USING TTL ?";
pub(super) const KNOCKS: &str = "SELECT id, tenant, recording FROM {ks}.ingest_knock WHERE owner = ?";
pub(super) const HEAR: &str = "DELETE FROM {ks}.ingest_knock WHERE owner = ? AND id = ?";

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;
/// Days with something owed; one is told within days, or its consent is away for good.
const DAYS_MAX: usize = 1_000;
/// Pointers of a day that are looked at.
const POINTERS_MAX: usize = 10_000;
/// A pointer to nothing that is as old as this is left from a change that was not made.
const LEFT_BEHIND: i64 = 60_000_000;

/// Where an event that is owed lies.
#[derive(DeserializeRow)]
struct Pointer {
    at: i64,
    tenant: String,
    recording: Vec<u8>,
    number: i64,
    event: Vec<u8>,
    written_at: i64,
}

impl ScyllaStore {
    /// Leads to an event that is about to be the session's, under this number.
    pub(super) async fn owe(
        &self,
        key: &SessionKey,
        number: usize,
        event: &SessionEvent,
    ) -> Result<(), cql::Error> {
        let ((tenant, recording), day) = (row::key_columns(key), day_of(event));
        self.cql.write(&self.statements.owe_day, (day,)).await?;
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let (id, now) = (event.id.to_bytes().to_vec(), SystemClock.now().0);
        let values = (day, event.at.0, tenant, recording, number, id, now);
        self.cql.write(&self.statements.owe, values).await
    }

    /// What is owed and can be told, oldest first.
    pub(super) async fn find_untold(&self, limit: usize) -> Result<Vec<Untold>, Error> {
        let attempt = failed("find untold consent events");
        let days: Vec<(i64,)> =
            self.cql.rows(&self.statements.owed_days, (), DAYS_MAX).await.map_err(&attempt)?;
        let (mut found, now) = (Vec::new(), SystemClock.now().0);
        for (day,) in days {
            let pointers: Vec<Pointer> =
                self.cql.rows(&self.statements.owed, (day,), POINTERS_MAX).await.map_err(&attempt)?;
            if pointers.is_empty() && day < now / DAY - 1 {
                self.cql.write(&self.statements.settle_day, (day,)).await.map_err(&attempt)?;
            }
            for pointer in pointers {
                if found.len() == limit {
                    return Ok(found);
                }
                found.extend(self.follow(day, pointer, now).await?);
            }
        }
        Ok(found)
    }

    /// What a pointer leads to; none where it cannot be told yet, or leads nowhere.
    async fn follow(&self, day: i64, pointer: Pointer, now: i64) -> Result<Option<Untold>, Error> {
        let bad = |what| cql::Error::Row { table: "ingest_owed", what };
        let attempt = failed("find untold consent events");
        let recording =
            RecordingId::from_slice(&pointer.recording).map_err(|_| attempt(bad("a recording id")))?;
        let tenant = TenantId::new(pointer.tenant.clone()).map_err(|_| attempt(bad("a tenant")))?;
        let id = EventId::from_slice(&pointer.event).map_err(|_| attempt(bad("an event id")))?;
        let key = SessionKey { tenant, recording };
        let session = self.session(&key).await?.map(|session| session.row);
        let event = session.as_ref().and_then(|row| row.events.iter().find(|event| event.id == id));
        match (&session, event) {
            (Some(row), Some(event)) => Ok(untold(&key, row, event)),
            (Some(_) | None, _) => {
                if now - pointer.written_at > LEFT_BEHIND {
                    let Pointer { at, tenant, recording, number, .. } = pointer;
                    let values = (day, at, tenant, recording, number);
                    self.cql.write(&self.statements.settle, values).await.map_err(attempt)?;
                }
                Ok(None)
            }
        }
    }

    /// An event is told: nothing leads to it any more.
    pub(super) async fn settle_owed(&self, key: &SessionKey, id: EventId) -> Result<(), Error> {
        let Some(session) = self.session(key).await? else { return Ok(()) };
        let mut events = (1..).zip(&session.row.events);
        let Some((number, event)) = events.find(|(_, event): &(i64, _)| event.id == id) else {
            return Ok(());
        };
        let (tenant, recording) = row::key_columns(key);
        let values = (day_of(event), event.at.0, tenant, recording, number);
        let settled = self.cql.write(&self.statements.settle, values).await;
        settled.map_err(failed("mark a consent event as told"))
    }

    /// Knocks at an owner.
    pub(super) async fn knock(
        &self,
        key: &SessionKey,
        owner: InstanceId,
        id: EventId,
    ) -> Result<(), cql::Error> {
        let (tenant, recording) = row::key_columns(key);
        let kept = i32::try_from(KNOCK_KEPT.as_secs()).unwrap_or(i32::MAX);
        let values = (owner.to_bytes().to_vec(), id.to_bytes().to_vec(), tenant, recording, kept);
        self.cql.write(&self.statements.knock, values).await
    }

    /// Knocks that this owner has not heard.
    pub(super) async fn find_knocks(&self, owner: InstanceId, limit: usize) -> Result<Vec<Knock>, Error> {
        let attempt = failed("find knocks");
        let bad = |what| cql::Error::Row { table: "ingest_knock", what };
        let rows: Vec<(Vec<u8>, String, Vec<u8>)> = self
            .cql
            .rows(&self.statements.knocks, (owner.to_bytes().to_vec(),), limit)
            .await
            .map_err(&attempt)?;
        let knock = |(id, tenant, recording): (Vec<u8>, String, Vec<u8>)| {
            let tenant = TenantId::new(tenant).map_err(|_| bad("a tenant"))?;
            let recording = RecordingId::from_slice(&recording).map_err(|_| bad("a recording id"))?;
            let id = EventId::from_slice(&id).map_err(|_| bad("an id"))?;
            Ok(Knock { id, key: SessionKey { tenant, recording } })
        };
        rows.into_iter().map(knock).collect::<Result<_, _>>().map_err(attempt)
    }

    /// They are heard.
    pub(super) async fn drop_knocks(&self, owner: InstanceId, knocks: &[Knock]) -> Result<(), Error> {
        let attempt = failed("forget knocks that were heard");
        for some in knocks.chunks(cql::MAX_STATEMENTS) {
            let mut batch = Batch::unlogged();
            for knock in some {
                let values = (owner.to_bytes().to_vec(), knock.id.to_bytes().to_vec());
                batch.add(&self.statements.hear, values).map_err(&attempt)?;
            }
            self.cql.batch(batch).await.map_err(&attempt)?;
        }
        Ok(())
    }
}

/// What consent is to hear of an event; none while it is not known whose it is.
fn untold(key: &SessionKey, row: &SessionRow, event: &SessionEvent) -> Option<Untold> {
    let decided = row.authorisation.as_ref()?;
    let columns = EventColumns::of(&event.kind);
    // A notice has no party of its own: where the first one is known, all are.
    let subject = decided.subjects.get(usize::try_from(columns.party).ok()?)?;
    let stands_for = |grant: &Grant| grant.purpose == columns.name && !grant.evidence.is_empty();
    let stood_before = decided.grants.iter().any(stands_for);
    Some(Untold {
        key: key.clone(),
        event: event.id,
        word: word(event.kind.clone(), *subject, stood_before)?,
        position: event.position.0,
        at: event.at,
    })
}

fn day_of(event: &SessionEvent) -> i64 {
    event.at.0.div_euclid(DAY)
}
