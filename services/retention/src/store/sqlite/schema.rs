//! The tables. Each row of `kept`, `hold`, `erasure` and `erasure_item` has the version that the next change is decided on;
//! what is due, stands, runs or is owed is found by an index over the rows themselves, so that it cannot say other than
//! they do.

use ::sqlite::Component;

/// Retention's tables.
pub(super) const COMPONENT: Component = Component { name: "retention", steps: &[FIRST, RESTRICTIONS] };

/// The numbers of [`crate::hold::Selector`]'s variants in `hold.selector`; never reused.
pub(super) mod selector {
    pub(crate) const RECORDINGS: i64 = 1;
    pub(crate) const SUBJECTS: i64 = 2;
    pub(crate) const QUERY: i64 = 3;
}

// hold.state: 1 placed, 2 release asked, 3 released. erasure.state: 1 gathering, 2 running. erasure_item.step: 1 to 4 run,
// 6 is deferred. A query must have the condition of a partial index word for word, and name the index: SQLite would walk
// over the primary key, which has the same columns and all that is over.
const FIRST: &str = "
CREATE TABLE kept (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL CHECK (length(recording) = 16),
    version INTEGER NOT NULL CHECK (version > 0),
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    policy BLOB NOT NULL CHECK (length(policy) = 32),
    due_at INTEGER,
    PRIMARY KEY (tenant, recording)
) STRICT, WITHOUT ROWID;
CREATE INDEX kept_due ON kept (tenant, due_at, recording) WHERE due_at IS NOT NULL;

CREATE TABLE kept_party (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    place INTEGER NOT NULL,
    subject BLOB NOT NULL CHECK (length(subject) = 16),
    PRIMARY KEY (tenant, recording, place)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX kept_party_by_subject ON kept_party (tenant, subject, recording);

CREATE TABLE kept_term (
    tenant TEXT NOT NULL,
    recording BLOB NOT NULL,
    purpose TEXT NOT NULL,
    kind INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    rule TEXT NOT NULL,
    state INTEGER NOT NULL,
    PRIMARY KEY (tenant, recording, purpose, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE hold (
    tenant TEXT NOT NULL,
    id BLOB NOT NULL CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version > 0),
    kind INTEGER NOT NULL,
    selector INTEGER NOT NULL,
    from_at INTEGER,
    until_at INTEGER,
    reason TEXT NOT NULL,
    placed_by TEXT NOT NULL,
    placed_at INTEGER NOT NULL,
    review_at INTEGER NOT NULL,
    state INTEGER NOT NULL,
    released_at INTEGER,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX hold_standing ON hold (tenant, id) WHERE state IN (1, 2);
CREATE INDEX hold_released ON hold (tenant, id) WHERE state = 3;

CREATE TABLE hold_named (
    tenant TEXT NOT NULL,
    hold BLOB NOT NULL,
    named BLOB NOT NULL CHECK (length(named) = 16),
    PRIMARY KEY (tenant, hold, named)
) STRICT, WITHOUT ROWID;

CREATE TABLE hold_release (
    tenant TEXT NOT NULL,
    hold BLOB NOT NULL,
    place INTEGER NOT NULL,
    asked_by TEXT NOT NULL,
    PRIMARY KEY (tenant, hold, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE extension_order (
    tenant TEXT NOT NULL,
    reference TEXT NOT NULL,
    regime TEXT NOT NULL,
    until_at INTEGER NOT NULL,
    scope_from INTEGER NOT NULL,
    scope_until INTEGER NOT NULL,
    names_parties INTEGER NOT NULL CHECK (names_parties IN (0, 1)),
    placed_by TEXT NOT NULL,
    placed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, reference)
) STRICT, WITHOUT ROWID;

CREATE TABLE order_party (
    tenant TEXT NOT NULL,
    reference TEXT NOT NULL,
    subject BLOB NOT NULL CHECK (length(subject) = 16),
    PRIMARY KEY (tenant, reference, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE tenant_total (
    tenant TEXT NOT NULL PRIMARY KEY,
    running INTEGER NOT NULL CHECK (running >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE applied_policy (
    tenant TEXT NOT NULL PRIMARY KEY,
    policy BLOB NOT NULL CHECK (length(policy) = 32)
) STRICT, WITHOUT ROWID;

CREATE TABLE sweep_asked (
    tenant TEXT NOT NULL PRIMARY KEY,
    plan TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE journal_position (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL CHECK (position >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE erasure (
    tenant TEXT NOT NULL,
    id BLOB NOT NULL CHECK (length(id) = 16),
    version INTEGER NOT NULL CHECK (version > 0),
    cause INTEGER NOT NULL,
    target TEXT NOT NULL,
    scope TEXT NOT NULL,
    reason TEXT NOT NULL,
    ordered_by TEXT NOT NULL,
    ordered_at INTEGER NOT NULL,
    state INTEGER NOT NULL,
    items INTEGER NOT NULL,
    settled_at INTEGER,
    receipt BLOB NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX erasure_unsettled ON erasure (tenant, id) WHERE state IN (1, 2);

CREATE TABLE erasure_item (
    tenant TEXT NOT NULL,
    erasure BLOB NOT NULL CHECK (length(erasure) = 16),
    recording BLOB NOT NULL CHECK (length(recording) = 16),
    version INTEGER NOT NULL CHECK (version > 0),
    scope TEXT NOT NULL,
    step INTEGER NOT NULL,
    owed INTEGER NOT NULL CHECK (owed IN (0, 1)),
    erased TEXT NOT NULL,
    kept TEXT NOT NULL,
    report TEXT NOT NULL,
    failure TEXT,
    PRIMARY KEY (tenant, erasure, recording)
) STRICT, WITHOUT ROWID;
CREATE INDEX item_running ON erasure_item (tenant, erasure, recording) WHERE step IN (1, 2, 3, 4);
CREATE INDEX item_deferred ON erasure_item (tenant, erasure, recording) WHERE step = 6;
CREATE INDEX item_owed ON erasure_item (tenant, erasure, recording) WHERE owed = 1;
CREATE INDEX item_by_recording ON erasure_item (tenant, recording, erasure);
";

// The purposes that a restriction names, as JSON. Holds of before name none.
const RESTRICTIONS: &str = "ALTER TABLE hold ADD COLUMN purposes TEXT NOT NULL DEFAULT '[]';";
