//! One record and its bytes: deterministic CBOR (RFC 8949 section 4.2).
//!
//! ```text
//! { 1: version (1), 2: number, 3: SHA-256 of the bytes of the record before (32; zeros in number 1),
//!   4: at (us since 1970), 5: tenant, 6: act id (16 bytes), 7: kind, 8: about, 9: [code, ...] }
//! about = [1, id (16 bytes), version] | [2, epoch] | [3, incarnation (16 bytes), size, root (32 bytes)]
//! ```
//!
//! A record is the same for ever: a later form has another version, and a number of a kind is never given again.

mod code;
mod kind;
mod read;

use kernel::{EventId, KeyEpoch, TenantId, Timestamp};
use minicbor::Encoder;
use uuid::Uuid;

pub use code::{Code, InvalidCode};
pub use kind::Kind;

/// Bytes of one record.
pub const MAX_RECORD: usize = 2_048;
/// Codes of one record.
pub const MAX_CODES: usize = 16;

/// What number 1 has in place of the hash of a record before it.
pub(crate) const BEFORE_FIRST: [u8; 32] = [0; 32];

const VERSION: u64 = 1;
const FIELDS: u64 = 9;
const AGGREGATE: u64 = 1;
const EPOCH: u64 = 2;
const ROOT: u64 = 3;

/// An act as it is handed to the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Act {
    /// Its identity: an act that comes again is known by it, here and in the stores that apply it.
    pub id: EventId,
    /// When it was done, in domain time; not when it was journalled.
    pub at: Timestamp,
    /// Whose data it concerns.
    pub tenant: TenantId,
    /// What was done.
    pub kind: Kind,
    /// What it was done to; of the form that its kind has.
    pub about: About,
    /// What else must be known to repeat it: purposes, scopes, reasons of the policy. At most [`MAX_CODES`].
    pub codes: Vec<Code>,
}

/// What an act was done to. Which form a kind has is fixed: [`Kind::EpochDestroyed`] an epoch,
/// [`Kind::LedgerRoot`] a root, all others an aggregate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About {
    /// A role's aggregate: a subject's consent, a recording, a hold, an order.
    Aggregate {
        /// Its random id.
        id: Uuid,
        /// Its version after the act: a store that has a later one knows the act to be overtaken.
        version: u64,
    },
    /// A key epoch of the record's tenant.
    Epoch(KeyEpoch),
    /// The ledger's root log as a signed checkpoint has it.
    Root {
        /// Which history of the ledger: sizes and roots mean nothing without it.
        incarnation: Uuid,
        /// The root log's leaves.
        size: u64,
        /// Their Merkle root.
        root: [u8; 32],
    },
}

/// An act in its place in the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Its number: from 1 on, without gaps.
    pub number: u64,
    /// The SHA-256 of the bytes of the record before it; zeros in number 1.
    pub before: [u8; 32],
    /// What was done.
    pub act: Act,
}

/// Bytes that are no record, and where that shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{field} at byte {at} {problem}")]
pub struct RecordError {
    /// The field that was being read.
    pub field: &'static str,
    /// Where it begins.
    pub at: usize,
    /// What is wrong with it; never repeats the value.
    pub problem: &'static str,
}

impl Record {
    /// Reads exactly the bytes of a record, at most [`MAX_RECORD`] of them. Nothing in it is believed yet: whether
    /// it follows from the one before shows in the journal.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let wrong = |at, problem| RecordError { field: "the record", at, problem };
        if bytes.len() > MAX_RECORD {
            return Err(wrong(MAX_RECORD, "goes on beyond the longest that is written"));
        }
        let record = read::record(bytes)?;
        // One record has one encoding: whatever else would be read is refused here.
        let only = record.encode();
        if only == bytes {
            return Ok(record);
        }
        let differs = only.iter().zip(bytes).position(|(own, found)| own != found);
        Err(wrong(differs.unwrap_or(only.len()), "is not in its only encoding"))
    }

    /// Its one encoding; of an act with a [`Act::problem`] it does not read back.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(Vec::new());
        self.write(&mut e).expect("a Vec takes every byte");
        e.into_writer()
    }

    fn write(
        &self,
        e: &mut Encoder<Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        let act = &self.act;
        e.map(FIELDS)?.u8(1)?.u64(VERSION)?.u8(2)?.u64(self.number)?.u8(3)?.bytes(&self.before)?;
        e.u8(4)?.i64(act.at.0)?.u8(5)?.str(act.tenant.as_str())?.u8(6)?.bytes(&act.id.to_bytes())?;
        e.u8(7)?.u8(act.kind.number())?.u8(8)?;
        match &act.about {
            About::Aggregate { id, version } => {
                e.array(3)?.u64(AGGREGATE)?.bytes(id.as_bytes())?.u64(*version)?;
            }
            About::Epoch(epoch) => {
                e.array(2)?.u64(EPOCH)?.u64(epoch.0)?;
            }
            About::Root { incarnation, size, root } => {
                e.array(4)?.u64(ROOT)?.bytes(incarnation.as_bytes())?.u64(*size)?.bytes(root)?;
            }
        }
        e.u8(9)?.array(act.codes.len() as u64)?;
        for code in &act.codes {
            e.str(code.as_str())?;
        }
        Ok(())
    }
}

impl Act {
    /// What keeps it out of the journal, if anything does.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        if self.codes.len() > MAX_CODES {
            return Some("has more codes than a record holds");
        }
        if !self.kind.is_of(&self.about) {
            return Some("is about something that its kind is not done to");
        }
        None
    }

    /// Whether an act of the same id is the same: at another time or with other codes it is, because the one that
    /// was written first stands.
    pub(crate) fn repeats(&self, standing: &Self) -> bool {
        self.tenant == standing.tenant && self.kind == standing.kind && self.about == standing.about
    }
}

#[cfg(test)]
mod tests;
