//! The tables. A column never changes its meaning; numbers of logs (`log`, `part`) are in `part.rs`, of states in
//! `store.rs`.
//!
//! ```text
//! ledger_incarnation  (one)                                        the first history, in indexes of before there were
//!                                                                  several
//! ledger_history      (one, generation)                            the histories that this is the index of
//! ledger_log          (one, log)                                   the logs that were ever claimed
//! ledger_head         (log, kind, key)                             static: the head; kind 1: claims, 2: producers
//! ledger_entry        ((part, chunk), fence, idx)                  10,000 entries of a partition's log
//! ledger_root_leaf    (chunk, fence, idx)                          10,000 leaves of a root log; its generation is in
//!                                                                  the upper bits of `chunk`
//! ledger_event        (event, part, fence, idx)                    where an event is
//! ledger_term         ((tenant, term, hour, part), at, idx, fence) an hour of what is found by one term
//! ledger_term_hour    ((tenant, term, year), hour, part)           which of these partitions there are
//! ledger_term_year    ((tenant, term), year)                       and which of those
//! ```
//!
//! Only `ledger_head` says what is the log: a row of any other table counts if its index is below the head's size
//! and its fence is the one that committed that index (`visible`). The rest was staged by a writer that has not
//! committed it, or never will; it stays, as nobody reads it. All of `ledger_head` is written conditionally, in
//! one partition per log, so that a head, its claims and its producers change as one.
//!
//! The empty term stands for all entries of a tenant. At a hundred entries a second of one tenant with four
//! partitions, a partition of `ledger_term` has 90,000 rows.

use cql::{Component, Space};

/// The index's steps.
pub(super) const COMPONENT: Component = Component {
    name: "audit",
    space: Space::Data,
    steps: &[
        "CREATE TABLE IF NOT EXISTS {ks}.ledger_incarnation (one int PRIMARY KEY, id blob);
    CREATE TABLE IF NOT EXISTS {ks}.ledger_log (one int, log bigint, PRIMARY KEY (one, log));
    CREATE TABLE IF NOT EXISTS {ks}.ledger_head (
        log bigint,
        kind tinyint,
        key blob,
        fence bigint static,
        size bigint static,
        root blob static,
        next_offset bigint static,
        published bigint static,
        published_root blob static,
        stored bigint static,
        claimed bigint,
        last bigint,
        state tinyint,
        PRIMARY KEY (log, kind, key));
    CREATE TABLE IF NOT EXISTS {ks}.ledger_entry (
        part int,
        chunk bigint,
        fence bigint,
        idx bigint,
        tenant text,
        at bigint,
        event blob,
        commitment blob,
        sealed blob,
        PRIMARY KEY ((part, chunk), fence, idx));
    CREATE TABLE IF NOT EXISTS {ks}.ledger_root_leaf (
        chunk bigint,
        fence bigint,
        idx bigint,
        data blob,
        PRIMARY KEY (chunk, fence, idx));
    CREATE TABLE IF NOT EXISTS {ks}.ledger_event (
        event blob,
        part int,
        fence bigint,
        idx bigint,
        tenant text,
        PRIMARY KEY (event, part, fence, idx));
    CREATE TABLE IF NOT EXISTS {ks}.ledger_term (
        tenant text,
        term blob,
        hour bigint,
        part int,
        at bigint,
        idx bigint,
        fence bigint,
        PRIMARY KEY ((tenant, term, hour, part), at, idx, fence));
    CREATE TABLE IF NOT EXISTS {ks}.ledger_term_hour (
        tenant text,
        term blob,
        year bigint,
        hour bigint,
        part int,
        PRIMARY KEY ((tenant, term, year), hour, part));
    CREATE TABLE IF NOT EXISTS {ks}.ledger_term_year (
        tenant text,
        term blob,
        year bigint,
        PRIMARY KEY ((tenant, term), year))",
        "CREATE TABLE IF NOT EXISTS {ks}.ledger_history (
        one int,
        generation bigint,
        id blob,
        after blob,
        PRIMARY KEY (one, generation))",
    ],
};
