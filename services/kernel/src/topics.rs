//! Every topic: its key, its partitions, how long it keeps and why.

use std::time::Duration;

/// How long a topic keeps its records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retention {
    /// Never by time: its consumer deletes what it has put away (DeleteRecords).
    UntilDeleted,
    /// This long after a record was written.
    For(Duration),
}

/// One topic of the mesh.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Topic {
    /// `verbale.<noun>.v<number>`.
    pub name: &'static str,
    /// Partitions, fixed at creation: a key's partition is `fnv1a64(key) mod partitions`.
    pub partitions: u32,
    /// How long it keeps.
    pub retention: Retention,
}

const DAY: Duration = Duration::from_secs(86_400);

/// Sealed spans and everything else about an open recording, in order, keyed by recording id. Consumer:
/// archive, which deletes what is in objects. Never expires by time: an unarchived span is the only copy.
pub const AUDIO: Topic =
    Topic { name: "verbale.audio.v1", partitions: 8, retention: Retention::UntilDeleted };

/// Audit events, keyed by tenant and object. Consumer: audit, which deletes what is behind its committed
/// head and entry objects.
pub const AUDIT: Topic =
    Topic { name: "verbale.audit.v1", partitions: 4, retention: Retention::UntilDeleted };

/// Consent events (random ids and codes only), keyed by subject. Consumers: consent itself, which has them journalled,
/// and retention. A week: whoever is further behind has an alarm long before.
pub const CONSENT: Topic = Topic {
    name: "verbale.consent.v1",
    partitions: 4,
    retention: Retention::For(Duration::from_secs(7 * 86_400)),
};

/// What became of recordings (sealed, addended, not recorded), keyed by recording id. Consumers: platform
/// teams, retention. Thirty days, so that a consumer may be repaired without asking for a replay.
pub const RECORDINGS: Topic = Topic {
    name: "verbale.recordings.v1",
    partitions: 4,
    retention: Retention::For(Duration::from_secs(30 * DAY.as_secs())),
};

/// What became of how long recordings are kept (stamped, held, released, ordered, ended; random ids and codes only),
/// keyed by recording or hold id. Consumers: platform teams, dsar. Thirty days, as for recordings.
pub const RETENTION: Topic = Topic {
    name: "verbale.retention.v1",
    partitions: 4,
    retention: Retention::For(Duration::from_secs(30 * DAY.as_secs())),
};

/// Acts on people's requests (random ids and codes only), keyed by request id. Consumers: platform teams. Thirty days, as
/// for recordings.
pub const DSAR: Topic = Topic {
    name: "verbale.dsar.v1",
    partitions: 4,
    retention: Retention::For(Duration::from_secs(30 * DAY.as_secs())),
};

/// What recipients got of recordings, and what they are to be told of it (random ids and codes only), keyed by disclosure
/// id. Consumers: platform teams, who tell the recipients. Thirty days, as for recordings.
pub const DISCLOSURES: Topic = Topic {
    name: "verbale.disclosures.v1",
    partitions: 4,
    retention: Retention::For(Duration::from_secs(30 * DAY.as_secs())),
};

/// Every topic.
pub const ALL: &[Topic] = &[AUDIO, AUDIT, CONSENT, RECORDINGS, RETENTION, DSAR, DISCLOSURES];
