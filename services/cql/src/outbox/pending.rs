//! An event that waits to be published, and the column of a guarded row that may hold some.

use std::collections::HashMap;

use async_trait::async_trait;
use kernel::topics::{self, Topic};
use kernel::{Envelope, EventId, TenantId, Timestamp, TraceParent};

use super::{MAX_AGGREGATE, MAX_KIND, MAX_PAYLOAD};
use crate::error::Error;

/// The type of a pending column, for a role's `CREATE TABLE`.
///
/// It is a map, as a row may change again before its last event is published. A conditional write adds to it
/// (`pending[?] = ?`), another takes away (`DELETE pending[?] ... IF EXISTS`).
#[macro_export]
macro_rules! pending_column {
    () => {
        "map<blob, frozen<tuple<text, text, text, text, bigint, bigint, text, blob>>>"
    };
}

/// One value of a pending column; its key is the event's id.
///
/// Topic, kind, tenant, aggregate, version, time, trace, payload.
pub type PendingValue = (String, String, String, String, i64, i64, Option<String>, Vec<u8>);
/// A pending column; no column at all where it is empty.
pub type PendingColumn = Option<HashMap<Vec<u8>, PendingValue>>;

/// An event that waits to be published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pending {
    /// Where it goes.
    pub topic: Topic,
    /// What goes there.
    pub envelope: Envelope,
}

/// The rows of a role that hold events in a pending column.
#[async_trait]
pub trait PendingRows: Send + Sync + 'static {
    /// The events that the row with this key holds; none where there is no such row. It must be a serial read:
    /// that settles a conditional write which is still under way, so that none can come after.
    async fn pending(&self, key: &[u8]) -> Result<Vec<Pending>, Error>;
    /// Takes an event out of the row, conditionally. One that is not there is no error.
    async fn clear(&self, key: &[u8], event: EventId) -> Result<(), Error>;
}

impl Pending {
    /// Refuses what no log would take.
    pub(super) fn new(topic: &Topic, envelope: Envelope) -> Result<Self, Error> {
        at_most("size of an event's payload", envelope.payload.len(), MAX_PAYLOAD)?;
        at_most("length of an event's aggregate", envelope.aggregate.len(), MAX_AGGREGATE)?;
        at_most("length of an event's kind", envelope.kind.len(), MAX_KIND)?;
        Ok(Self { topic: *topic, envelope })
    }

    /// As a value of a pending column, under the event's id.
    pub fn to_value(&self) -> Result<(Vec<u8>, PendingValue), Error> {
        let Envelope { id, kind, tenant, aggregate, version, at, trace, payload } = &self.envelope;
        let value = (
            self.topic.name.to_owned(),
            kind.clone(),
            tenant.to_string(),
            aggregate.clone(),
            version_column(*version)?,
            at.0,
            trace.as_ref().map(|trace| trace.as_str().to_owned()),
            payload.clone(),
        );
        Ok((id.to_bytes().to_vec(), value))
    }

    /// From a value of a pending column, or of the outbox's own table.
    pub fn from_value(id: &[u8], value: PendingValue) -> Result<Self, Error> {
        let bad = |what| Error::Row { table: "outbox", what };
        let (topic, kind, tenant, aggregate, version, at, trace, payload) = value;
        let topic = topics::ALL.iter().find(|own| own.name == topic).ok_or(bad("a topic"))?;
        let envelope = Envelope {
            id: EventId::from_slice(id).map_err(|_| bad("an event id"))?,
            kind,
            tenant: TenantId::new(tenant).map_err(|_| bad("a tenant"))?,
            aggregate,
            version: u64::try_from(version).map_err(|_| bad("a version"))?,
            at: Timestamp(at),
            trace: trace.map(|text| TraceParent::parse(&text).ok_or(bad("a trace"))).transpose()?,
            payload,
        };
        Ok(Self { topic: *topic, envelope })
    }

    /// All events of a pending column, in the order of their ids, which is that of time.
    pub fn from_column(column: PendingColumn) -> Result<Vec<Self>, Error> {
        let mut values: Vec<_> = column.unwrap_or_default().into_iter().collect();
        values.sort_by(|(one, _), (two, _)| one.cmp(two));
        values.into_iter().map(|(id, value)| Self::from_value(&id, value)).collect()
    }

    /// Bytes that it takes up in memory, about.
    pub(super) fn size(&self) -> usize {
        let Envelope { kind, aggregate, payload, .. } = &self.envelope;
        kind.len() + aggregate.len() + payload.len() + size_of::<Self>()
    }
}

/// Versions are counted from 1 by one, and never come near the end of the column.
pub(super) fn version_column(version: u64) -> Result<i64, Error> {
    i64::try_from(version).map_err(|_| Error::TooLarge {
        what: "an event's version",
        found: usize::MAX,
        limit: usize::MAX >> 1,
    })
}

fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), Error> {
    if found > limit { Err(Error::TooLarge { what, found, limit }) } else { Ok(()) }
}
