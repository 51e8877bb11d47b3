//! journal: what was taken away or given back, in one sequence that no backup brings back.
//!
//! Erased audio must stay erased, and withdrawn consent withdrawn, although backups of the data of any age may be
//! restored. So every act that takes something away, or gives it back, is also written here, outside every backup:
//! embedded, a directory in the keys directory; split, an S3 prefix of its own whose records are locked for as long
//! as a backup may be kept. A restored store applies what it misses, in order, before it is ready.
//!
//! It owns the form of a record, the one sequence of numbers over all processes, the chain that shows a removed or
//! replaced record, and the way of a store from where it stands to the end. It does not know what an act means to a
//! role, which backups there are, or who may erase; it holds random ids, codes and times, nothing that names a
//! person; and it never deletes.
//!
//! Read [`record`] (what is written, and its bytes), then [`journal`] (how numbers are given and read), then
//! [`replay`] (how a restored store catches up); [`codes`] is how roles say things in a record's codes. Nothing is
//! decided by reading the journal: it repeats decisions.

pub mod record;

pub mod journal;

pub mod replay;

pub mod codes;

pub mod error;

#[cfg(test)]
mod testing;

pub use error::{Break, Error};
pub use journal::{BACKUP_HORIZON, Journal, MAX_ACTS, MAX_READ};
pub use record::{About, Act, Code, InvalidCode, Kind, MAX_CODES, MAX_RECORD, Record, RecordError};
pub use replay::{Applied, CatchUpError, Outcome, Report, StoreError, catch_up};
