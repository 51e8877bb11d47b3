//! What a topic in Kafka must be like: the settings it is made with, and what makes one unfit for use. Pure.

use kernel::topics::{Retention, Topic};
use tracing::warn;

use super::options::FRAMING;
use crate::bounds::MAX_RECORD;
use crate::error::Error;
use crate::log::Durability;

/// The settings of a topic that matter here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Settings {
    pub(super) min_in_sync: u16,
    retention_ms: i64,
    retention_bytes: i64,
    is_compacted: bool,
    max_message_bytes: u64,
}

const MIN_IN_SYNC: &str = "min.insync.replicas";
const RETENTION_MS: &str = "retention.ms";
const RETENTION_BYTES: &str = "retention.bytes";
const CLEANUP: &str = "cleanup.policy";
const MAX_MESSAGE: &str = "max.message.bytes";
/// In [`RETENTION_MS`] and [`RETENTION_BYTES`].
const FOR_EVER: i64 = -1;

impl Settings {
    /// From a topic's settings by name; `None` where one is missing or is no number.
    pub(super) fn read<'v>(value: impl Fn(&str) -> Option<&'v str>) -> Option<Self> {
        Some(Self {
            min_in_sync: value(MIN_IN_SYNC)?.parse().ok()?,
            retention_ms: value(RETENTION_MS)?.parse().ok()?,
            retention_bytes: value(RETENTION_BYTES)?.parse().ok()?,
            is_compacted: value(CLEANUP)?.split(',').any(|policy| policy.trim() == "compact"),
            max_message_bytes: value(MAX_MESSAGE)?.parse().ok()?,
        })
    }
}

/// The settings that a topic is made with.
pub(super) fn settings_of(topic: &Topic, min_in_sync: u16) -> Vec<(&'static str, String)> {
    vec![
        (MIN_IN_SYNC, min_in_sync.to_string()),
        (RETENTION_MS, retention_ms(topic.retention).to_string()),
        (RETENTION_BYTES, FOR_EVER.to_string()),
        (CLEANUP, "delete".to_owned()),
        (MAX_MESSAGE, (MAX_RECORD + FRAMING).to_string()),
        // A record's time is the log's, not that of whoever sent it.
        ("message.timestamp.type", "LogAppendTime".to_owned()),
        // A replica that lacks acknowledged records never leads.
        ("unclean.leader.election.enable", "false".to_owned()),
    ]
}

/// Refuses a topic whose keys would go elsewhere.
pub(super) fn same_partitions(topic: &Topic, stored: u32) -> Result<(), Error> {
    if stored != topic.partitions {
        return Err(Error::PartitionsChanged {
            topic: topic.name.to_owned(),
            stored,
            asked: topic.partitions,
        });
    }
    Ok(())
}

/// Refuses a topic that would lose what it was trusted with.
pub(super) fn check(
    topic: &Topic,
    settings: &Settings,
    durability: Durability,
    accept_weak: bool,
) -> Result<(), Error> {
    let unsuited = |reason: String| Err(Error::Unsuited { topic: topic.name.to_owned(), reason });
    if settings.is_compacted {
        return unsuited(format!("its {CLEANUP} compacts it, which drops all but the last record of a key"));
    }
    let deletes_by_itself = settings.retention_ms != FOR_EVER || settings.retention_bytes != FOR_EVER;
    match topic.retention {
        Retention::UntilDeleted if deletes_by_itself => {
            return unsuited(format!(
                "its {RETENTION_MS} and {RETENTION_BYTES} must both be -1: its records may be the only copy"
            ));
        }
        Retention::UntilDeleted => {}
        Retention::For(_) if settings.retention_ms != retention_ms(topic.retention) => {
            warn!(
                topic = topic.name,
                retention_ms = settings.retention_ms,
                "a topic keeps its records for another time than ours"
            );
        }
        Retention::For(_) => {}
    }
    if settings.max_message_bytes < MAX_RECORD as u64 {
        warn!(
            topic = topic.name,
            max_message_bytes = settings.max_message_bytes,
            "a topic refuses the largest records"
        );
    }
    if !durability.is_logged() && !accept_weak {
        let Durability { replication, min_in_sync, .. } = durability;
        return unsuited(format!(
            "it has {replication} replicas, of which {min_in_sync} must have a record; weaker than 3 and 2 has to be accepted by configuration"
        ));
    }
    Ok(())
}

fn retention_ms(retention: Retention) -> i64 {
    match retention {
        Retention::UntilDeleted => FOR_EVER,
        Retention::For(kept) => i64::try_from(kept.as_millis()).unwrap_or(i64::MAX),
    }
}

#[cfg(test)]
mod tests;
