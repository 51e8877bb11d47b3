//! The tables. Ids are 16 bytes, times microseconds, enums the numbers that their types write out.

use ::sqlite::Component;

/// Consent's tables; the outbox lies beside them.
pub const COMPONENT: Component = Component {
    name: "consent",
    steps: &[
        "CREATE TABLE policy (
        tenant TEXT NOT NULL,
        hash BLOB NOT NULL CHECK (length(hash) = 32),
        document TEXT NOT NULL,
        PRIMARY KEY (tenant, hash)
    ) STRICT;
    CREATE TABLE policy_text (
        tenant TEXT NOT NULL,
        hash BLOB NOT NULL CHECK (length(hash) = 32),
        file TEXT NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (tenant, hash, file)
    ) STRICT;
    CREATE TABLE policy_term (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant TEXT NOT NULL,
        hash BLOB CHECK (length(hash) = 32),
        since INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX policy_term_of_tenant ON policy_term (tenant, number);
    CREATE TABLE notice (
        tenant TEXT NOT NULL,
        name TEXT NOT NULL,
        text_hash BLOB NOT NULL CHECK (length(text_hash) = 32),
        language TEXT NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (tenant, name, text_hash)
    ) STRICT;
    CREATE TABLE subject (
        tenant TEXT NOT NULL,
        subject BLOB NOT NULL CHECK (length(subject) = 16),
        since INTEGER NOT NULL,
        PRIMARY KEY (tenant, subject)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE subject_values (
        tenant TEXT NOT NULL,
        subject BLOB NOT NULL CHECK (length(subject) = 16),
        section INTEGER NOT NULL,
        container BLOB NOT NULL,
        sealed_at INTEGER NOT NULL,
        PRIMARY KEY (tenant, subject, section)
    ) STRICT;
    CREATE TABLE recording (
        tenant TEXT NOT NULL,
        recording BLOB NOT NULL CHECK (length(recording) = 16),
        policy BLOB CHECK (length(policy) = 32),
        started_at INTEGER NOT NULL,
        authorised_at INTEGER NOT NULL,
        PRIMARY KEY (tenant, recording)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE recording_purpose (
        tenant TEXT NOT NULL,
        recording BLOB NOT NULL CHECK (length(recording) = 16),
        purpose TEXT NOT NULL,
        PRIMARY KEY (tenant, recording, purpose)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE recording_party (
        tenant TEXT NOT NULL,
        recording BLOB NOT NULL CHECK (length(recording) = 16),
        place INTEGER NOT NULL,
        party INTEGER NOT NULL,
        subject BLOB NOT NULL CHECK (length(subject) = 16),
        PRIMARY KEY (tenant, recording, place, party, subject)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE event (
        version INTEGER PRIMARY KEY,
        tenant TEXT NOT NULL,
        id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
        subject BLOB NOT NULL CHECK (length(subject) = 16),
        kind INTEGER NOT NULL,
        scope INTEGER NOT NULL,
        said_in BLOB CHECK (length(said_in) = 16),
        notice TEXT,
        notice_hash BLOB CHECK (length(notice_hash) = 32),
        position INTEGER,
        occurred_at INTEGER NOT NULL,
        recorded_at INTEGER NOT NULL,
        expression INTEGER NOT NULL,
        policy BLOB CHECK (length(policy) = 32),
        fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32)
    ) STRICT;
    CREATE INDEX event_of_subject ON event (tenant, subject, version);
    CREATE INDEX event_of_recording ON event (tenant, said_in, occurred_at) WHERE said_in IS NOT NULL;
    CREATE TABLE event_purpose (
        version INTEGER NOT NULL REFERENCES event,
        purpose TEXT NOT NULL,
        PRIMARY KEY (version, purpose)
    ) STRICT, WITHOUT ROWID;",
        "CREATE TABLE journal_position (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        position INTEGER NOT NULL
    ) STRICT;",
        "CREATE TABLE link_step (
        tenant TEXT NOT NULL,
        a BLOB NOT NULL CHECK (length(a) = 16),
        b BLOB NOT NULL CHECK (length(b) = 16),
        number INTEGER NOT NULL,
        stage INTEGER NOT NULL,
        op INTEGER NOT NULL,
        evidence TEXT NOT NULL,
        made_by TEXT NOT NULL,
        made_at INTEGER NOT NULL,
        PRIMARY KEY (tenant, a, b, number)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX link_step_of_b ON link_step (tenant, b);",
    ],
};
