//! eventlog: the event log port and its adapters.
//!
//! It owns the [`EventLog`] and [`Consumer`] traits, what a record is and how large it may be, how an
//! [`kernel::Envelope`] travels as a record ([`envelope`]), and three adapters: [`KafkaLog`] (an Apache Kafka
//! cluster), [`SqliteLog`] (one file, many processes) and [`MemoryLog`]. It does not know what any payload
//! means, nor who listens.
//!
//! Read [`log`] (the port), [`record`] (what travels), then [`group`] (who consumes which partition, a pure
//! rule that the embedded adapters share; Kafka has its own, and takes its [`fences`] from a store of ours),
//! then an adapter. [`contract`] says what every adapter must keep.

pub mod log;

pub mod bounds;
pub mod envelope;
pub mod error;
pub mod fences;
pub mod group;
pub mod record;

mod bell;
mod budget;
mod kafka;
mod memory;
mod session;
mod sqlite;

#[cfg(any(test, feature = "contract"))]
pub mod contract;

pub use self::kafka::{BareProducer, Identity, KafkaLog, KafkaOptions, Mechanism, Security};
pub use self::memory::MemoryLog;
pub use self::sqlite::{SqliteLog, SqliteLogOptions};
pub use envelope::{EnvelopeError, from_record, to_record};
pub use error::Error;
pub use fences::{CqlFences, FENCE_TABLES, Fences, MemoryFences};
pub use log::{
    Assigned, Batch, Consumer, Durability, Ends, EventLog, Placed, Polled, ReadLimit, TopicPartition,
};
pub use record::{Headers, Record, Stored, partition_of};
