//! The tables. A head has the version that the next act is decided on; which requests are open, and which are
//! about a person, is found by an index over the heads themselves, so that it cannot say other than they do.
//! Acts and pages are never written over. A disclosure is one row, with what its indexes go by beside its bytes.

use ::sqlite::Component;

/// Dsar's tables.
pub(super) const COMPONENT: Component = Component { name: "dsar", steps: &[FIRST, DISCLOSURES] };

// state: 10 is closed. A query must have the condition of a partial index word for word, and name the index:
// SQLite would walk over the primary key, which has the same columns and all that is closed.
const FIRST: &str = "
CREATE TABLE request_head (
    tenant TEXT NOT NULL,
    request BLOB NOT NULL CHECK (length(request) = 16),
    version INTEGER NOT NULL CHECK (version > 0),
    subject BLOB NOT NULL CHECK (length(subject) = 16),
    received_at INTEGER NOT NULL,
    due INTEGER NOT NULL,
    state INTEGER NOT NULL,
    ending INTEGER,
    PRIMARY KEY (tenant, request)
) STRICT, WITHOUT ROWID;
CREATE INDEX head_open ON request_head (tenant, request) WHERE state < 10;
CREATE INDEX head_of_subject ON request_head (tenant, subject, request);

CREATE TABLE request_act (
    tenant TEXT NOT NULL,
    request BLOB NOT NULL CHECK (length(request) = 16),
    version INTEGER NOT NULL CHECK (version > 0),
    act BLOB NOT NULL,
    PRIMARY KEY (tenant, request, version)
) STRICT;

CREATE TABLE plan_page (
    tenant TEXT NOT NULL,
    request BLOB NOT NULL CHECK (length(request) = 16),
    plan TEXT NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 0),
    items BLOB NOT NULL,
    PRIMARY KEY (tenant, request, plan, number)
) STRICT;
";

// unanswered: 1 while a notice is open. Its query, too, has the condition word for word.
const DISCLOSURES: &str = "
CREATE TABLE disclosure (
    tenant TEXT NOT NULL,
    disclosure BLOB NOT NULL CHECK (length(disclosure) = 16),
    version INTEGER NOT NULL CHECK (version > 0),
    recording BLOB NOT NULL CHECK (length(recording) = 16),
    unanswered INTEGER NOT NULL CHECK (unanswered IN (0, 1)),
    stored BLOB NOT NULL,
    PRIMARY KEY (tenant, disclosure)
) STRICT, WITHOUT ROWID;
CREATE INDEX disclosure_unanswered ON disclosure (tenant, disclosure) WHERE unanswered = 1;
CREATE INDEX disclosure_of_recording ON disclosure (tenant, recording, disclosure);
";
