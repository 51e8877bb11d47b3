//! How large a record, a batch and a name may be; checked before anything is appended.

use kernel::topics::Topic;

use crate::error::Error;
use crate::log::TopicPartition;
use crate::record::Record;

/// Bytes of one record: key, headers and value. Topics that the log makes in Kafka take this and its framing.
pub const MAX_RECORD: usize = 1 << 20;
/// Bytes of one append.
pub const MAX_BATCH: usize = 8 << 20;
/// Records of one append.
pub const MAX_BATCH_RECORDS: usize = 10_000;
/// Bytes of one key.
pub const MAX_KEY: usize = 1 << 10;
/// Headers of one record.
pub const MAX_HEADERS: usize = 32;
/// Bytes of a header's name.
pub const MAX_HEADER_NAME: usize = 64;
/// Bytes of a header's value.
pub const MAX_HEADER_VALUE: usize = 4 << 10;
/// Bytes of a group's name.
pub const MAX_GROUP: usize = 128;

/// Refuses an append that is beyond a bound.
pub fn check_append(records: &[Record]) -> Result<(), Error> {
    at_most("number of records in an append", records.len(), MAX_BATCH_RECORDS)?;
    let mut total = 0;
    for record in records {
        check_record(record)?;
        total += record.size();
    }
    at_most("size of an append", total, MAX_BATCH)
}

/// Refuses a group name that a broker would.
pub fn check_group(group: &str) -> Result<(), Error> {
    at_most("length of a group name", group.len(), MAX_GROUP)?;
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if group.is_empty() || !group.bytes().all(legal) {
        return Err(Error::Invalid {
            what: "group name",
            reason: "must be of the characters A-Z a-z 0-9 . _ -",
        });
    }
    Ok(())
}

/// Refuses a partition that the topic does not have.
pub fn check_partition(topic: &Topic, partition: u32) -> Result<TopicPartition, Error> {
    let at = TopicPartition::of(topic, partition);
    if partition >= topic.partitions {
        return Err(Error::NoPartition { at, partitions: topic.partitions });
    }
    Ok(at)
}

fn check_record(record: &Record) -> Result<(), Error> {
    at_most("size of a key", record.key.len(), MAX_KEY)?;
    at_most("number of headers", record.headers.len(), MAX_HEADERS)?;
    for (name, value) in &record.headers {
        at_most("length of a header's name", name.len(), MAX_HEADER_NAME)?;
        if name.contains('\0') {
            return Err(Error::Invalid { what: "header's name", reason: "must not contain a zero byte" });
        }
        at_most("size of a header's value", value.len(), MAX_HEADER_VALUE)?;
    }
    at_most("size of a record", record.size(), MAX_RECORD)
}

fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), Error> {
    if found > limit { Err(Error::TooLarge { what, found, limit }) } else { Ok(()) }
}
