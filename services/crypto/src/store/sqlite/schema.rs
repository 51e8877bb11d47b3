//! The tables. A column never changes its meaning; numbers of states are in `store.rs`.

use ::sqlite::Component;

/// The key tables' steps.
pub const COMPONENT: Component = Component {
    name: "crypto",
    steps: &[
        "CREATE TABLE epoch (
        tenant TEXT NOT NULL,
        epoch INTEGER NOT NULL CHECK (epoch > 0),
        starts INTEGER NOT NULL,
        ends INTEGER NOT NULL,
        state INTEGER NOT NULL,
        kek BLOB NOT NULL,
        hpke_secret BLOB NOT NULL,
        hpke_public BLOB NOT NULL CHECK (length(hpke_public) = 32),
        destroyed_at INTEGER,
        PRIMARY KEY (tenant, epoch)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE epoch_holder (
        tenant TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        instance BLOB NOT NULL CHECK (length(instance) = 16),
        since INTEGER NOT NULL,
        PRIMARY KEY (tenant, epoch, instance)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE section (
        tenant TEXT NOT NULL,
        recording BLOB NOT NULL CHECK (length(recording) = 16),
        leg INTEGER NOT NULL,
        section INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        reserved TEXT NOT NULL,
        key_epoch INTEGER NOT NULL,
        writer BLOB NOT NULL CHECK (length(writer) = 16),
        session_epoch INTEGER NOT NULL,
        fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
        adopted_at INTEGER NOT NULL,
        PRIMARY KEY (tenant, recording, leg, section)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE recording (
        tenant TEXT NOT NULL,
        recording BLOB NOT NULL CHECK (length(recording) = 16),
        version INTEGER NOT NULL,
        state INTEGER NOT NULL,
        policy_hash BLOB NOT NULL CHECK (length(policy_hash) = 32),
        timeline_hash BLOB NOT NULL CHECK (length(timeline_hash) = 32),
        span_table_hash BLOB NOT NULL CHECK (length(span_table_hash) = 32),
        PRIMARY KEY (tenant, recording)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE locator (
        tenant TEXT NOT NULL,
        recording BLOB NOT NULL CHECK (length(recording) = 16),
        leg INTEGER NOT NULL,
        section INTEGER NOT NULL,
        purpose TEXT NOT NULL,
        page BLOB NOT NULL CHECK (length(page) = 16),
        slot INTEGER NOT NULL,
        state INTEGER NOT NULL,
        PRIMARY KEY (tenant, recording, leg, section, purpose)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE mark (
        tenant TEXT NOT NULL,
        recording BLOB NOT NULL CHECK (length(recording) = 16),
        erasure BLOB NOT NULL CHECK (length(erasure) = 16),
        purposes TEXT NOT NULL,
        spans BLOB NOT NULL,
        marked_at INTEGER NOT NULL,
        PRIMARY KEY (tenant, recording, erasure)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE page (
        page BLOB NOT NULL PRIMARY KEY CHECK (length(page) = 16),
        tenant TEXT NOT NULL,
        purpose TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        version INTEGER NOT NULL,
        owner BLOB NOT NULL CHECK (length(owner) = 16),
        state INTEGER NOT NULL,
        key BLOB NOT NULL,
        dirty INTEGER NOT NULL CHECK (dirty IN (0, 1)),
        added INTEGER NOT NULL,
        removed INTEGER NOT NULL,
        bytes INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX page_of_epoch ON page (tenant, epoch, page);
    CREATE TABLE entry (
        page BLOB NOT NULL REFERENCES page,
        generation INTEGER NOT NULL,
        slot INTEGER NOT NULL,
        sealed BLOB,
        PRIMARY KEY (page, generation, slot)
    ) STRICT;
    CREATE TABLE reason (
        tenant TEXT NOT NULL,
        event BLOB NOT NULL CHECK (length(event) = 16),
        sealed BLOB NOT NULL,
        PRIMARY KEY (tenant, event)
    ) STRICT;",
        "CREATE INDEX mark_by_time ON mark (tenant, marked_at);",
    ],
};
