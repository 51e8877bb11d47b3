//! eventlog: the event log port and its embedded adapters.
//!
//! It owns the [`EventLog`] and [`Consumer`] traits, what a record is and how large it may be, how an
//! [`kernel::Envelope`] travels as a record ([`envelope`]), and two adapters: [`SqliteLog`] (one file, many
//! processes) and [`MemoryLog`]. It does not know what any payload means, nor who listens.
//!
//! Read [`log`] (the port), [`record`] (what travels), then [`group`] (who consumes which partition, a pure
//! rule that both adapters share), then an adapter. [`contract`] says what every adapter must keep.

pub mod log;

pub mod bounds;
pub mod envelope;
pub mod error;
pub mod group;
pub mod record;

mod bell;
mod budget;
mod memory;
mod session;
mod sqlite;

#[cfg(any(test, feature = "contract"))]
pub mod contract;

pub use self::memory::MemoryLog;
pub use self::sqlite::{SqliteLog, SqliteLogOptions};
pub use envelope::{EnvelopeError, from_record, to_record};
pub use error::Error;
pub use log::{
    Assigned, Batch, Consumer, Durability, Ends, EventLog, Placed, Polled, ReadLimit, TopicPartition,
};
pub use record::{Headers, Record, Stored, partition_of};
