//! The tables. A record's row number is `stream << 44 | offset`, so that a partition is one stretch of one table.

use sqlite::Component;

/// Bits of a row number that hold the offset; 19 are left for the stream.
pub(super) const OFFSET_BITS: u32 = 44;

pub(super) const COMPONENTS: &[Component] = &[Component {
    name: "eventlog",
    steps: &["CREATE TABLE stream (
        id INTEGER PRIMARY KEY CHECK (id < 1 << 19),
        topic TEXT NOT NULL,
        partition INTEGER NOT NULL,
        low INTEGER NOT NULL DEFAULT 0,
        high INTEGER NOT NULL DEFAULT 0 CHECK (high < 1 << 44),
        UNIQUE (topic, partition)
    ) STRICT;
    CREATE TABLE record (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        key BLOB NOT NULL,
        headers BLOB NOT NULL,
        value BLOB NOT NULL
    ) STRICT;
    CREATE TABLE member (
        no INTEGER PRIMARY KEY AUTOINCREMENT,
        group_name TEXT NOT NULL,
        instance TEXT NOT NULL,
        seat TEXT NOT NULL UNIQUE,
        beat INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX member_group ON member (group_name);
    CREATE TABLE subscription (
        member INTEGER NOT NULL REFERENCES member (no) ON DELETE CASCADE,
        topic TEXT NOT NULL,
        PRIMARY KEY (member, topic)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE claim (
        group_name TEXT NOT NULL,
        stream INTEGER NOT NULL REFERENCES stream (id),
        fence INTEGER NOT NULL,
        owner INTEGER REFERENCES member (no) ON DELETE SET NULL,
        next INTEGER NOT NULL,
        PRIMARY KEY (group_name, stream)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX claim_owner ON claim (owner) WHERE owner IS NOT NULL;"],
}];
