//! What travels: records with keys and headers, and which partition a key goes to.

use std::fmt;

use bytes::Bytes;
use kernel::Timestamp;

/// Named values beside a record's value, in the order given.
pub type Headers = Vec<(String, Vec<u8>)>;

/// A record to append.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Decides the partition; records of one key keep their order.
    pub key: Vec<u8>,
    /// Small named values.
    pub headers: Headers,
    /// The payload.
    pub value: Bytes,
}

/// A record as the log holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its number in its partition.
    pub offset: u64,
    /// When the log took it.
    pub timestamp: Timestamp,
    /// As appended.
    pub key: Vec<u8>,
    /// As appended.
    pub headers: Headers,
    /// As appended.
    pub value: Bytes,
}

impl Record {
    /// A record without headers.
    pub fn new(key: impl Into<Vec<u8>>, value: impl Into<Bytes>) -> Self {
        Self { key: key.into(), headers: Vec::new(), value: value.into() }
    }
    /// Bytes of key, headers and value: what bounds and read limits count.
    pub fn size(&self) -> usize {
        size(&self.key, &self.headers, &self.value)
    }
}

impl Stored {
    /// Bytes of key, headers and value.
    pub fn size(&self) -> usize {
        size(&self.key, &self.headers, &self.value)
    }
    /// The value of the first header of this name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_slice())
    }
}

/// The partition of a key: FNV-1a, 64 bit, modulo the number of partitions.
pub fn partition_of(key: &[u8], partitions: u32) -> u32 {
    let hash = key.iter().fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME));
    u32::try_from(hash % u64::from(partitions.max(1))).expect("a remainder of a u32 is a u32")
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

fn size(key: &[u8], headers: &Headers, value: &[u8]) -> usize {
    let headers: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    key.len() + headers + value.len()
}

// Payloads and keys may be about a person: only their sizes are shown.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("size", &self.size()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Stored");
        shown.field("offset", &self.offset).field("size", &self.size()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_follow_the_published_fnv_1a_vectors() {
        // FNV-1a 64-bit test vectors: "" cbf29ce484222325, "a" af63dc4c8601ec8c, "foobar" 85944171f73967e8.
        for (key, hash) in
            [("", 0xcbf2_9ce4_8422_2325_u64), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            for partitions in [1, 4, 8, 1_000_003] {
                assert_eq!(u64::from(partition_of(key.as_bytes(), partitions)), hash % u64::from(partitions));
            }
        }
    }

    #[test]
    fn debug_output_shows_no_contents() {
        let record = Record::new("+390612345678", "secret");
        assert_eq!(format!("{record:?}"), "Record { size: 19, .. }");
    }
}
