//! The tables. Unsigned 64-bit numbers (positions, frames, epochs) are kept as the same 64 bits, signed: no
//! query compares them.

use ::sqlite::Component;

/// Archive's tables.
pub(super) const COMPONENT: Component = Component { name: "archive", steps: &[FIRST, STATEMENTS] };

const FIRST: &str = "
CREATE TABLE recording (
    tenant TEXT NOT NULL,
    id BLOB NOT NULL CHECK (length(id) = 16),
    partition INTEGER NOT NULL,
    state INTEGER NOT NULL,
    session_epoch INTEGER NOT NULL,
    started_at INTEGER,
    direction INTEGER NOT NULL,
    language TEXT NOT NULL,
    policy_hash BLOB NOT NULL CHECK (length(policy_hash) = 32),
    last_event_at INTEGER NOT NULL,
    closed_at INTEGER,
    cause TEXT NOT NULL,
    end_at INTEGER,
    refusal TEXT NOT NULL,
    complete INTEGER,
    unnamed INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX recording_unsettled ON recording (partition, tenant, id) WHERE state IN (1, 2) OR unnamed = 1;
CREATE INDEX recording_by_time ON recording (tenant, started_at, id);

CREATE TABLE party (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    number INTEGER NOT NULL,
    subject BLOB NOT NULL CHECK (length(subject) = 16),
    role INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, recording, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX party_by_subject ON party (tenant, subject, started_at, recording);

CREATE TABLE correlation (
    tenant TEXT NOT NULL,
    mac BLOB NOT NULL CHECK (length(mac) = 32),
    started_at INTEGER NOT NULL,
    recording BLOB NOT NULL,
    PRIMARY KEY (tenant, mac, started_at, recording)
) STRICT, WITHOUT ROWID;

CREATE TABLE leg (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    leg INTEGER NOT NULL,
    codec TEXT NOT NULL,
    clock_rate INTEGER NOT NULL,
    party INTEGER NOT NULL,
    PRIMARY KEY (tenant, recording, leg)
) STRICT, WITHOUT ROWID;

CREATE TABLE leg_end (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    leg INTEGER NOT NULL,
    frames INTEGER NOT NULL,
    PRIMARY KEY (tenant, recording, leg)
) STRICT, WITHOUT ROWID;

CREATE TABLE call_grant (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    number INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    outcome INTEGER NOT NULL,
    basis INTEGER NOT NULL,
    regime TEXT NOT NULL,
    mark TEXT NOT NULL,
    reason TEXT NOT NULL,
    evidence BLOB NOT NULL,
    until_mark INTEGER NOT NULL,
    PRIMARY KEY (tenant, recording, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE section (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    leg INTEGER NOT NULL,
    section INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    session_epoch INTEGER NOT NULL,
    key_epoch INTEGER NOT NULL,
    writer BLOB NOT NULL CHECK (length(writer) = 16),
    PRIMARY KEY (tenant, recording, leg, section)
) STRICT, WITHOUT ROWID;

CREATE TABLE section_end (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    leg INTEGER NOT NULL,
    section INTEGER NOT NULL,
    spans INTEGER NOT NULL,
    root BLOB NOT NULL CHECK (length(root) = 32),
    PRIMARY KEY (tenant, recording, leg, section)
) STRICT, WITHOUT ROWID;

CREATE TABLE anchor (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    leg INTEGER NOT NULL,
    section INTEGER NOT NULL,
    frame INTEGER NOT NULL,
    rtp_timestamp INTEGER NOT NULL,
    position INTEGER NOT NULL,
    ssrc INTEGER NOT NULL,
    PRIMARY KEY (tenant, recording, leg, section, frame)
) STRICT, WITHOUT ROWID;

CREATE TABLE object (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    name TEXT NOT NULL,
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
    length INTEGER NOT NULL,
    lock_until INTEGER,
    regimes TEXT NOT NULL,
    leg INTEGER NOT NULL,
    section INTEGER NOT NULL,
    document INTEGER,
    deleted_at INTEGER,
    PRIMARY KEY (tenant, recording, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE span (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    leg INTEGER NOT NULL,
    section INTEGER NOT NULL,
    span INTEGER NOT NULL,
    first_frame INTEGER NOT NULL,
    last_frame INTEGER NOT NULL,
    start_at INTEGER NOT NULL,
    end_at INTEGER NOT NULL,
    ct_root BLOB NOT NULL CHECK (length(ct_root) = 32),
    offset INTEGER NOT NULL,
    length INTEGER NOT NULL,
    PRIMARY KEY (tenant, recording, leg, section, span)
) STRICT, WITHOUT ROWID;

CREATE TABLE basis_change (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    event BLOB NOT NULL,
    cause_event BLOB NOT NULL,
    position INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    basis INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    cause INTEGER NOT NULL,
    evidence BLOB,
    derived_error INTEGER,
    PRIMARY KEY (tenant, recording, event)
) STRICT, WITHOUT ROWID;

CREATE TABLE pause_edge (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    event BLOB NOT NULL,
    cause_event BLOB NOT NULL,
    position INTEGER NOT NULL,
    reason TEXT,
    derived_error INTEGER,
    PRIMARY KEY (tenant, recording, event)
) STRICT, WITHOUT ROWID;

CREATE TABLE mark_edge (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    event BLOB NOT NULL,
    cause_event BLOB NOT NULL,
    position INTEGER NOT NULL,
    label TEXT NOT NULL,
    begins INTEGER NOT NULL,
    PRIMARY KEY (tenant, recording, event)
) STRICT, WITHOUT ROWID;

CREATE TABLE note (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    event BLOB NOT NULL,
    cause_event BLOB NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    code TEXT NOT NULL,
    PRIMARY KEY (tenant, recording, event)
) STRICT, WITHOUT ROWID;

CREATE TABLE dropped (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    event BLOB NOT NULL,
    leg INTEGER NOT NULL,
    first_frame INTEGER NOT NULL,
    last_frame INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    start_at INTEGER NOT NULL,
    end_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, recording, event)
) STRICT, WITHOUT ROWID;

CREATE TABLE gone (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    purpose TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (tenant, recording, purpose)
) STRICT, WITHOUT ROWID;

CREATE TABLE document (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    version INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, recording, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE erased (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    document INTEGER NOT NULL,
    leg INTEGER NOT NULL,
    section INTEGER NOT NULL,
    spans BLOB NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    erasure BLOB NOT NULL CHECK (length(erasure) = 16),
    PRIMARY KEY (tenant, recording, document, leg, section)
) STRICT, WITHOUT ROWID;

CREATE TABLE erasure (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    erasure BLOB NOT NULL CHECK (length(erasure) = 16),
    log_end INTEGER NOT NULL,
    through INTEGER NOT NULL,
    PRIMARY KEY (tenant, recording, erasure)
) STRICT, WITHOUT ROWID;
";

/// What people have stated about a recording.
const STATEMENTS: &str = "
CREATE TABLE stated (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    document INTEGER NOT NULL,
    filed TEXT NOT NULL,
    request BLOB NOT NULL CHECK (length(request) = 16),
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, recording, document)
) STRICT, WITHOUT ROWID;
";
