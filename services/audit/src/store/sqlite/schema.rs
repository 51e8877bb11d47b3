//! The tables. A column never changes its meaning; numbers of logs (`log`, `part`) are in `part.rs`, of states in
//! `store.rs`.

use ::sqlite::Component;

/// The index's steps.
///
/// Of `entry` only rows with `committed = 1` are the log; the others were staged by a writer that has not committed
/// them, or never will.
pub(super) const COMPONENT: Component = Component {
    name: "audit",
    steps: &[
        "CREATE TABLE incarnation (
        one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
        id BLOB NOT NULL CHECK (length(id) = 16)
    ) STRICT;
    CREATE TABLE head (
        log INTEGER NOT NULL PRIMARY KEY,
        fence INTEGER NOT NULL,
        size INTEGER NOT NULL,
        root BLOB NOT NULL CHECK (length(root) = 32),
        next_offset INTEGER NOT NULL,
        published INTEGER NOT NULL,
        published_root BLOB NOT NULL CHECK (length(published_root) = 32),
        stored INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE entry (
        number INTEGER NOT NULL PRIMARY KEY,
        part INTEGER NOT NULL,
        idx INTEGER NOT NULL,
        fence INTEGER NOT NULL,
        committed INTEGER NOT NULL CHECK (committed IN (0, 1)),
        tenant TEXT NOT NULL,
        at INTEGER NOT NULL,
        event BLOB NOT NULL CHECK (length(event) = 16),
        commitment BLOB NOT NULL CHECK (length(commitment) = 32),
        sealed BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX entry_staged ON entry (part, idx, fence);
    CREATE UNIQUE INDEX entry_place ON entry (part, idx) WHERE committed = 1;
    CREATE INDEX entry_event ON entry (event);
    CREATE INDEX entry_time ON entry (tenant, at, part, idx) WHERE committed = 1;
    CREATE TABLE term (
        tenant TEXT NOT NULL,
        term BLOB NOT NULL CHECK (length(term) = 16),
        at INTEGER NOT NULL,
        part INTEGER NOT NULL,
        idx INTEGER NOT NULL,
        entry INTEGER NOT NULL REFERENCES entry ON DELETE CASCADE,
        PRIMARY KEY (tenant, term, at, part, idx, entry)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX term_entry ON term (entry);
    CREATE TABLE producer (
        part INTEGER NOT NULL,
        id BLOB NOT NULL CHECK (length(id) = 16),
        last INTEGER NOT NULL,
        state INTEGER NOT NULL,
        PRIMARY KEY (part, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE root_leaf (
        idx INTEGER NOT NULL PRIMARY KEY,
        data BLOB NOT NULL
    ) STRICT;",
        "CREATE TABLE history (
        generation INTEGER NOT NULL PRIMARY KEY,
        id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
        after BLOB
    ) STRICT;
    INSERT INTO history SELECT 0, id, NULL FROM incarnation;
    DROP TABLE incarnation;
    CREATE TABLE root_row (
        generation INTEGER NOT NULL,
        idx INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (generation, idx)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO root_row SELECT 0, idx, data FROM root_leaf;
    DROP TABLE root_leaf;",
    ],
};
