//! Entry objects: sealed entries of one tenant and partition, in order of index.
//!
//! ```text
//! "VLE1" || tenant (1 byte length, text) || incarnation (16) || partition (u32) || count (u32) || records
//! record = index (u64) || event (16) || commitment (32) || length (u32) || sealed || SHA-256 of all before
//! ```
//!
//! Numbers are big-endian. The digest lets whoever has no key name the record that was damaged; the commitment
//! is checked against the log's tiles, and whoever has the tenant's audit key checks the sealed bytes themselves.

use kernel::{EventId, TenantId};
use sha2::{Digest, Sha256};

use crate::leaf::Sealed;
use crate::name::Incarnation;

/// Longest entry object: what is written stays far below the bound on objects.
pub const MAX_ENTRY_OBJECT: usize = 48 << 20;

const MAGIC: &[u8; 4] = b"VLE1";
const DIGEST: usize = 32;
/// Bytes of a record beside its sealed bytes.
const FRAME: usize = 8 + 16 + 32 + 4 + DIGEST;

/// An entry object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EntryObject {
    /// Whose entries.
    pub tenant: TenantId,
    /// Of which ledger.
    pub incarnation: Incarnation,
    /// Of which partition.
    pub partition: u32,
    /// In order of index, each index once.
    pub records: Vec<Record>,
}

/// An entry with its place in its log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Its leaf's index.
    pub index: u64,
    /// The entry.
    pub sealed: Sealed,
}

/// Bytes that are not an entry object, and where that shows.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EntryObjectError {
    /// Before the first record, or in the object as a whole.
    #[error("the entry object {0}")]
    Form(&'static str),
    /// In a record.
    #[error("record {number} of the entry object {problem}")]
    Record {
        /// Which, from 0.
        number: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// Bytes that an entry takes in an entry object.
pub fn record_len(sealed: &Sealed) -> usize {
    FRAME + sealed.bytes.len()
}

impl EntryObject {
    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let tenant = self.tenant.as_str().as_bytes();
        let records: usize = self.records.iter().map(|record| record_len(&record.sealed)).sum();
        let mut bytes = Vec::with_capacity(64 + tenant.len() + records);
        bytes.extend_from_slice(MAGIC);
        bytes.push(u8::try_from(tenant.len()).expect("a tenant's name has at most 63 bytes"));
        bytes.extend_from_slice(tenant);
        bytes.extend_from_slice(&self.incarnation.to_bytes());
        bytes.extend_from_slice(&self.partition.to_be_bytes());
        let count = u32::try_from(self.records.len()).expect("an object is flushed long before");
        bytes.extend_from_slice(&count.to_be_bytes());
        for record in &self.records {
            record.write(&mut bytes);
        }
        bytes
    }

    /// Reads exactly such bytes. Nothing in it is believed yet.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryObjectError> {
        use EntryObjectError::Form;
        if bytes.len() > MAX_ENTRY_OBJECT {
            return Err(Form("is larger than any that is written"));
        }
        let mut rest = bytes;
        if take::<4>(&mut rest) != Some(*MAGIC) {
            return Err(Form("does not begin as one"));
        }
        let header = read_header(&mut rest).ok_or(Form("has a malformed header"))?;
        let (tenant, incarnation, partition, count) = header;
        if (count as usize).saturating_mul(FRAME) > rest.len() {
            return Err(Form("is shorter than its count of records"));
        }
        let mut records: Vec<Record> = Vec::with_capacity(count as usize);
        for number in 0..count as usize {
            let wrong = |problem| EntryObjectError::Record { number, problem };
            let record = Record::read(&mut rest).map_err(wrong)?;
            if records.last().is_some_and(|before| before.index >= record.index) {
                return Err(wrong("is out of order"));
            }
            records.push(record);
        }
        if rest.is_empty() {
            Ok(Self { tenant, incarnation, partition, records })
        } else {
            Err(Form("is followed by more bytes"))
        }
    }
}

fn read_header(rest: &mut &[u8]) -> Option<(TenantId, Incarnation, u32, u32)> {
    let [len] = take(rest)?;
    let (tenant, after) = rest.split_at_checked(usize::from(len))?;
    *rest = after;
    let tenant = TenantId::new(std::str::from_utf8(tenant).ok()?).ok()?;
    let incarnation = Incarnation::from_bytes(take(rest)?);
    Some((tenant, incarnation, u32::from_be_bytes(take(rest)?), u32::from_be_bytes(take(rest)?)))
}

impl Record {
    fn write(&self, bytes: &mut Vec<u8>) {
        let from = bytes.len();
        bytes.extend_from_slice(&self.index.to_be_bytes());
        bytes.extend_from_slice(&self.sealed.event.to_bytes());
        bytes.extend_from_slice(&self.sealed.commitment);
        let len = u32::try_from(self.sealed.bytes.len()).expect("a sealed entry is below 1 MiB");
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(&self.sealed.bytes);
        let digest: [u8; DIGEST] = Sha256::digest(&bytes[from..]).into();
        bytes.extend_from_slice(&digest);
    }

    fn read(rest: &mut &[u8]) -> Result<Self, &'static str> {
        let whole = *rest;
        let (index, event, commitment, len) = read_frame(rest).ok_or("ends early")?;
        let (bytes, after) = rest.split_at_checked(len).ok_or("is shorter than its length")?;
        *rest = after;
        let said = whole.len() - rest.len();
        let digest: [u8; DIGEST] = take(rest).ok_or("ends early")?;
        if digest != <[u8; DIGEST]>::from(Sha256::digest(&whole[..said])) {
            return Err("is not what was written");
        }
        Ok(Self { index, sealed: Sealed { event, commitment, bytes: bytes.to_vec() } })
    }
}

fn read_frame(rest: &mut &[u8]) -> Option<(u64, EventId, [u8; 32], usize)> {
    let index = u64::from_be_bytes(take(rest)?);
    let event = EventId::from_bytes(take(rest)?);
    let commitment = take(rest)?;
    Some((index, event, commitment, u32::from_be_bytes(take(rest)?) as usize))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn object() -> EntryObject {
        let keys = samples::keys("banca-alfa");
        let record = |n| Record { index: 3 * n, sealed: keys.seal(&samples::entry(n)).unwrap() };
        EntryObject {
            tenant: samples::tenant("banca-alfa"),
            incarnation: Incarnation::from_bytes([7; 16]),
            partition: 2,
            records: (0..3).map(record).collect(),
        }
    }

    #[test]
    fn an_entry_object_reads_back() {
        let bytes = object().encode();
        assert_eq!(EntryObject::decode(&bytes), Ok(object_of(&bytes)));
        assert_eq!(object_of(&bytes).records.len(), 3);
    }

    fn object_of(bytes: &[u8]) -> EntryObject {
        EntryObject::decode(bytes).unwrap()
    }

    #[test]
    fn a_flipped_byte_is_named_by_its_record() {
        let bytes = object().encode();
        let header = 4 + 1 + "banca-alfa".len() + 16 + 4 + 4;
        let one = (bytes.len() - header) / 3;
        for at in header..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            let error = EntryObject::decode(&flipped).unwrap_err();
            let EntryObjectError::Record { number, .. } = error else { panic!("byte {at}: {error}") };
            assert_eq!(number, (at - header) / one, "byte {at}");
        }
        for cut in 0..bytes.len() {
            assert!(EntryObject::decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn an_announced_count_allocates_nothing() {
        let mut bytes = object().encode();
        let count = 4 + 1 + "banca-alfa".len() + 16 + 4;
        bytes[count..count + 4].copy_from_slice(&u32::MAX.to_be_bytes());
        let refused = EntryObjectError::Form("is shorter than its count of records");
        assert_eq!(EntryObject::decode(&bytes), Err(refused));
    }
}
