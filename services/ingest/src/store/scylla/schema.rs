//! The tables: a session is one partition, its state in static columns, its events in rows.
//!
//! Unsigned 64-bit numbers (epochs, frames, positions) are kept as the same 64 bits, signed: no query compares
//! them. Clock times are microseconds since 1970.

use cql::{Component, Space, outbox_component};

/// Ingest's tables.
pub const COMPONENTS: &[Component] = &[SESSIONS, outbox_component!("ingest")];

const SESSIONS: Component = Component {
    name: "ingest",
    space: Space::Data,
    steps: &["CREATE TABLE IF NOT EXISTS {ks}.ingest_session (
            tenant text, recording blob, number bigint,
            version bigint static, changed_by uuid static, epoch bigint static, owner blob static,
            owner_address text static, streams bigint static, phase bigint static, started_at bigint static,
            direction int static, language text static, policy_hash blob static, consent_version bigint static,
            meta_sealed boolean static, meta_sections bigint static, changed_at bigint static,
            events bigint static,
            parties frozen<list<frozen<tuple<int, blob>>>> static,
            legs frozen<list<frozen<tuple<int, text, bigint, bigint, bigint, bigint, bigint, bigint, bigint>>>> static,
            grants frozen<list<frozen<tuple<text, int, int, text, text, text, blob, boolean>>>> static,
            event blob, position bigint, derived_error bigint, at bigint, kind bigint, name text, code text,
            act bigint, party bigint, expression int, evidence blob,
            PRIMARY KEY ((tenant, recording), number));
        CREATE TABLE IF NOT EXISTS {ks}.ingest_owed_day (name text, day bigint, PRIMARY KEY (name, day));
        CREATE TABLE IF NOT EXISTS {ks}.ingest_owed (
            day bigint, at bigint, tenant text, recording blob, number bigint, event blob, written_at bigint,
            PRIMARY KEY (day, at, tenant, recording, number));
        CREATE TABLE IF NOT EXISTS {ks}.ingest_knock (
            owner blob, id blob, tenant text, recording blob,
            PRIMARY KEY (owner, id)) WITH gc_grace_seconds = 3600"],
};
