//! The outbox's statements, and their values.

use kernel::{EventId, Timestamp};
use scylla::serialize::row::SerializeRow;
use scylla::value::MaybeUnset;

use super::pending::{PendingValue, version_column};
use super::{Pending, Spot};
use crate::error::Error;
use crate::options::Space;
use crate::session::Cql;
use crate::statement::Statement;

/// How long a published event's row is kept, without its payload.
const KEPT_SECONDS: i32 = 86_400;
/// How long the pointer to a bucket is kept once the cursor has passed it. Longer than its rows, and than sweeps
/// look back.
const POINTER_SECONDS: i32 = 2 * 86_400;

pub(super) struct Statements {
    pub(super) insert: Statement,
    pub(super) mark: Statement,
    pub(super) point: Statement,
    pub(super) resolve: Statement,
    pub(super) point_bucket: Statement,
    pub(super) release_bucket: Statement,
    pub(super) buckets: Statement,
    pub(super) events: Statement,
    pub(super) event: Statement,
    pub(super) pointers: Statement,
    pub(super) begin: Statement,
    pub(super) cursor: Statement,
    pub(super) advance: Statement,
}

impl Statements {
    pub(super) async fn prepare(cql: &Cql, role: &str) -> Result<Self, Error> {
        let prepare = async |text: &str| {
            let text = text.replace("{outbox}", &format!("{{ks}}.outbox_{role}"));
            cql.prepare(Space::Data, &text).await
        };
        Ok(Self {
            insert: prepare(
                "INSERT INTO {outbox} (bucket, writer, event_id, topic, kind, tenant, aggregate, version, at,
                 trace, payload, written_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .await?,
            // Every cell again, the payload emptied: what has no TTL would outlive the rest.
            mark: prepare(&format!(
                "INSERT INTO {{outbox}} (bucket, writer, event_id, topic, kind, tenant, aggregate, version, at,
                 trace, payload, written_at, published_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0x, ?, ?)
                 USING TTL {KEPT_SECONDS}"
            ))
            .await?,
            point: prepare(
                "INSERT INTO {outbox}_pending (bucket, writer, row_key, event_id, written_at)
                 VALUES (?, ?, ?, ?, ?)",
            )
            .await?,
            resolve: prepare(&format!(
                "INSERT INTO {{outbox}}_pending (bucket, writer, row_key, event_id, written_at, published_at)
                 VALUES (?, ?, ?, ?, ?, ?) USING TTL {KEPT_SECONDS}"
            ))
            .await?,
            point_bucket: prepare("INSERT INTO {outbox}_bucket (hour, bucket, writer) VALUES (?, ?, ?)").await?,
            release_bucket: prepare(&format!(
                "INSERT INTO {{outbox}}_bucket (hour, bucket, writer) VALUES (?, ?, ?) USING TTL {POINTER_SECONDS}"
            ))
            .await?,
            buckets: prepare("SELECT bucket, writer FROM {outbox}_bucket WHERE hour = ? AND bucket >= ?").await?,
            events: prepare(
                "SELECT event_id, written_at, published_at FROM {outbox} WHERE bucket = ? AND writer = ?",
            )
            .await?,
            event: prepare(
                "SELECT topic, kind, tenant, aggregate, version, at, trace, payload FROM {outbox}
                 WHERE bucket = ? AND writer = ? AND event_id = ?",
            )
            .await?,
            pointers: prepare(
                "SELECT row_key, event_id, written_at, published_at FROM {outbox}_pending
                 WHERE bucket = ? AND writer = ?",
            )
            .await?,
            begin: prepare("INSERT INTO {outbox}_cursor (name, bucket) VALUES ('sweep', ?) IF NOT EXISTS").await?,
            cursor: prepare("SELECT bucket FROM {outbox}_cursor WHERE name = 'sweep'").await?,
            advance: prepare("UPDATE {outbox}_cursor SET bucket = ? WHERE name = 'sweep' IF bucket < ?").await?,
        })
    }
}

/// Values of `insert`.
pub(super) fn unpublished(
    spot: &Spot,
    pending: &Pending,
) -> Result<impl SerializeRow + Send + Sync + use<>, Error> {
    let envelope = &pending.envelope;
    Ok((
        spot.bucket.0,
        spot.writer,
        envelope.id.to_bytes().to_vec(),
        pending.topic.name,
        envelope.kind.clone(),
        envelope.tenant.to_string(),
        envelope.aggregate.clone(),
        version_column(envelope.version)?,
        envelope.at.0,
        trace(pending),
        envelope.payload.clone(),
        spot.written_at.0,
    ))
}

/// Values of `mark`.
pub(super) fn published(
    spot: &Spot,
    pending: &Pending,
    at: Timestamp,
) -> Result<impl SerializeRow + Send + Sync + use<>, Error> {
    let envelope = &pending.envelope;
    Ok((
        spot.bucket.0,
        spot.writer,
        envelope.id.to_bytes().to_vec(),
        pending.topic.name,
        envelope.kind.clone(),
        envelope.tenant.to_string(),
        envelope.aggregate.clone(),
        version_column(envelope.version)?,
        envelope.at.0,
        trace(pending),
        spot.written_at.0,
        at.0,
    ))
}

/// Values of `point`.
pub(super) fn pointer(spot: &Spot, key: &[u8], id: EventId) -> impl SerializeRow + Send + Sync + use<> {
    (spot.bucket.0, spot.writer, key.to_vec(), id.to_bytes().to_vec(), spot.written_at.0)
}

/// Values of `resolve`.
pub(super) fn resolved(
    spot: &Spot,
    key: &[u8],
    id: EventId,
    at: Timestamp,
) -> impl SerializeRow + Send + Sync + use<> {
    (spot.bucket.0, spot.writer, key.to_vec(), id.to_bytes().to_vec(), spot.written_at.0, at.0)
}

/// What `event` answers with.
pub(super) type EventRow = PendingValue;
/// What `events` answers with: id, when it was written, when it was published.
pub(super) type EventState = (Vec<u8>, i64, Option<i64>);
/// What `pointers` answers with: the row's key, the event's id, when it was written, when it was published.
pub(super) type PointerState = (Vec<u8>, Vec<u8>, i64, Option<i64>);

/// No value at all, rather than one that says that there is none, which the server would have to keep.
fn trace(pending: &Pending) -> MaybeUnset<String> {
    MaybeUnset::from_option(pending.envelope.trace.as_ref().map(|trace| trace.as_str().to_owned()))
}
