//! The embedded adapter: one SQLite file, several processes, every append fsynced before it is answered.
//!
//! [`SqliteLog`] is the port; `streams` holds records, `membership` groups, `instances` tells which processes
//! live, `schema` and `codec` the bytes. Appends that wait together share one commit (see [`sqlite::Db`]).

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kernel::Clock;
use kernel::topics::Topic;
use parking_lot::Mutex;
use sqlite::{Db, Deleted, Options};
use tokio::time::Instant;

use self::instances::Instances;
use self::streams::{Stream, StreamId};
use crate::bell::Bell;
use crate::bounds;
use crate::error::Error;
use crate::log::{Assigned, Batch, Consumer, Durability, Ends, EventLog, Placed, ReadLimit, TopicPartition};
use crate::record::{Record, Stored};
use crate::session::{Engine, Pace, Passed, Seat, Session, Standing};

mod codec;
mod instances;
mod membership;
mod schema;
mod streams;

/// An event log in one SQLite file; clones share it.
#[derive(Clone)]
pub struct SqliteLog(Arc<Inner>);

/// How the embedded log keeps time and how large it may grow.
#[derive(Clone, Debug)]
pub struct SqliteLogOptions {
    /// A consumer that neither polls nor commits for so long loses its partitions (machine time).
    pub session_timeout: Duration,
    /// How often a waiting consumer looks for what other processes appended; its own process tells it at once.
    pub foreign_check: Duration,
    /// Size at which appends are refused as on a full disk.
    pub max_bytes: Option<u64>,
}

impl Default for SqliteLogOptions {
    fn default() -> Self {
        Self {
            session_timeout: Duration::from_secs(30),
            foreign_check: Duration::from_millis(500),
            max_bytes: None,
        }
    }
}

struct Inner {
    db: Db,
    clock: Arc<dyn Clock>,
    options: SqliteLogOptions,
    instances: Instances,
    seats: membership::Seats,
    streams: Mutex<HashMap<TopicPartition, StreamId>>,
    bell: Bell,
}

impl SqliteLog {
    /// Opens the file, or makes it; `clock` stamps records and says when a topic's retention has passed.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>, options: SqliteLogOptions) -> Result<Self, Error> {
        // A record's bytes are ciphertext: those deleted are overwritten where that costs no second write.
        let deleted = Deleted::OverwrittenWhereFree;
        let settings = Options { max_bytes: options.max_bytes, deleted, ..Options::default() };
        let db = Db::open(path, settings, schema::COMPONENTS).await?;
        let instances = Instances::enter(path).map_err(|source| Error::Unavailable {
            attempt: "make its instance file",
            source: source.into(),
        })?;
        Ok(Self(Arc::new(Inner {
            db,
            clock,
            options,
            instances,
            seats: membership::Seats::default(),
            streams: Mutex::default(),
            bell: Bell::default(),
        })))
    }
}

#[async_trait]
impl EventLog for SqliteLog {
    async fn append(&self, topic: &Topic, records: Vec<Record>) -> Result<Vec<Placed>, Error> {
        bounds::check_append(&records)?;
        let streams = self.0.streams_of(topic).await?;
        let (now, retention) = (self.0.clock.now(), topic.retention);
        let append = self.0.db.write(move |tx| streams::append(tx, &streams, retention, &records, now));
        let placed = append.await?;
        self.0.bell.records(topic.name);
        Ok(placed)
    }

    async fn durability(&self, _topic: &Topic) -> Result<Durability, Error> {
        Ok(Durability { replication: 1, min_in_sync: 1, only_log: true })
    }

    async fn read(
        &self,
        topic: &Topic,
        partition: u32,
        from: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Stored>, Error> {
        let stream = self.0.stream(topic, partition).await?;
        self.0.db.read(move |connection| streams::read(connection, stream, from, limit)).await
    }

    async fn ends(&self, topic: &Topic) -> Result<Vec<Ends>, Error> {
        let streams = self.0.streams_of(topic).await?;
        self.0
            .db
            .read(move |connection| streams.iter().map(|own| streams::ends(connection, *own)).collect())
            .await
    }

    async fn delete_before(&self, topic: &Topic, partition: u32, offset: u64) -> Result<(), Error> {
        let stream = self.0.stream(topic, partition).await?;
        // In steps, so that appends do not wait long; each one leaves a whole log.
        while self.0.db.write(move |tx| streams::delete_some_before(tx, stream, offset)).await?.is_some() {}
        Ok(())
    }

    async fn committed(&self, group: &str, topic: &Topic) -> Result<Vec<u64>, Error> {
        bounds::check_group(group)?;
        let streams = self.0.streams_of(topic).await?;
        let group = group.to_owned();
        self.0.db.read(move |connection| membership::committed(connection, &group, &streams)).await
    }

    async fn consumer(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Consumer>, Error> {
        bounds::check_group(group)?;
        for topic in topics {
            self.0.streams_of(topic).await?;
        }
        Ok(Box::new(Session::new(self.0.clone(), group, topics)))
    }
}

#[async_trait]
impl Engine for Inner {
    fn seated(&self, seat: &Arc<Seat>) {
        self.seats.add(seat);
    }

    async fn pass(&self, seat: &Arc<Seat>, now: Instant) -> Result<Passed, Error> {
        let mut topics = Vec::new();
        for topic in &seat.topics {
            topics.push((*topic, self.streams_of(topic).await?));
        }
        let pass = membership::Pass {
            seat: seat.clone(),
            topics,
            seats: self.seats.clone(),
            instances: self.instances.clone(),
            now,
            session_timeout: self.options.session_timeout,
            at: self.clock.now(),
        };
        self.db.write(move |tx| pass.run(tx)).await
    }

    async fn fetch(&self, from: Vec<(TopicPartition, u64)>, limit: ReadLimit) -> Result<Vec<Batch>, Error> {
        let from: Vec<_> = from.into_iter().filter_map(|(at, next)| Some((self.known(at)?, next))).collect();
        self.db.read(move |connection| streams::fetch(connection, &from, limit)).await
    }

    async fn commit(&self, seat: &Arc<Seat>, held: Assigned, next: u64) -> Result<Standing, Error> {
        let Some(stream) = self.known(held.at) else { return Ok(Standing::Fenced) };
        let seat = seat.clone();
        self.db.write(move |tx| membership::commit(tx, &seat, stream.id, held.fence, next)).await
    }

    async fn high(&self, at: TopicPartition) -> Result<u64, Error> {
        let Some(stream) = self.known(at) else { return Err(Error::NotAssigned { at }) };
        Ok(self.db.read(move |connection| streams::ends(connection, stream)).await?.high)
    }

    async fn leave(&self, seat: &Arc<Seat>) -> Result<(), Error> {
        let seat = seat.clone();
        self.db.write(move |tx| membership::leave(tx, &seat)).await
    }

    fn bell(&self) -> &Bell {
        &self.bell
    }

    fn pace(&self) -> Pace {
        let SqliteLogOptions { session_timeout, foreign_check, .. } = self.options;
        Pace { session_timeout, foreign_check: Some(foreign_check) }
    }
}

impl Inner {
    fn known(&self, at: TopicPartition) -> Option<Stream> {
        self.streams.lock().get(&at).map(|id| Stream { id: *id, at })
    }

    async fn stream(&self, topic: &Topic, partition: u32) -> Result<Stream, Error> {
        let at = bounds::check_partition(topic, partition)?;
        let missing = Error::NoPartition { at, partitions: topic.partitions };
        self.streams_of(topic).await?.get(partition as usize).copied().ok_or(missing)
    }

    /// The topic's partitions in order; made in the file the first time that anybody names the topic.
    async fn streams_of(&self, topic: &Topic) -> Result<Arc<[Stream]>, Error> {
        let places = (0..topic.partitions).map(|partition| TopicPartition::of(topic, partition));
        let known: Option<Arc<[Stream]>> = places.map(|at| self.known(at)).collect();
        // A topic named with fewer partitions than it has is known in part: only the file tells.
        let is_whole = self.known(TopicPartition::of(topic, topic.partitions)).is_none();
        if let (Some(known), true) = (known, is_whole) {
            return Ok(known);
        }
        let topic = *topic;
        let made = self.db.write(move |tx| streams::ensure(tx, &topic)).await?;
        self.streams.lock().extend(made.iter().map(|stream| (stream.at, stream.id)));
        Ok(made.into())
    }
}

impl From<sqlite::Error> for Error {
    fn from(source: sqlite::Error) -> Self {
        match source {
            sqlite::Error::Full(_) => Self::Full(source.into()),
            sqlite::Error::Damaged(_) | sqlite::Error::Row { .. } => Self::Damaged(source.to_string()),
            sqlite::Error::Open { .. }
            | sqlite::Error::NewerSchema { .. }
            | sqlite::Error::MigrationChanged { .. }
            | sqlite::Error::Migration { .. } => Self::Unavailable { attempt: "open", source: source.into() },
            sqlite::Error::Io(_)
            | sqlite::Error::Busy(_)
            | sqlite::Error::Constraint(_)
            | sqlite::Error::Statement(_)
            | sqlite::Error::TooLarge { .. }
            | sqlite::Error::Undone
            | sqlite::Error::Panicked
            | sqlite::Error::Closed => Self::Unavailable { attempt: "read or write", source: source.into() },
        }
    }
}

impl From<sqlite::rusqlite::Error> for Error {
    fn from(source: sqlite::rusqlite::Error) -> Self {
        sqlite::Error::from(source).into()
    }
}

#[cfg(test)]
mod tests;
