//! The tables. A column never changes its meaning; numbers of kinds and states are in `kept.rs` and `hold.rs`. Times
//! are microseconds since 1970.
//!
//! Each partition is named for growth:
//!
//! ```text
//! retention_kept        a recording; conditional writes alone
//! retention_due_hour    the hours in which something of a tenant is due: 61,000 in seven years
//! retention_due         a sixteenth of what is due in one hour, by the recording's last four bits
//! retention_of_subject  a person's recordings by the year in their ids, and retention_subject_year which there are
//! retention_tenant      every tenant
//! retention_hold        a hold; conditional writes alone
//! retention_standing    a tenant's holds that stand, and retention_released those that do not: people place them
//! retention_order       a tenant's orders; conditional writes alone
//! ```
//!
//! A tenant with 20,000 calls an hour has some thousand rows in a partition of `retention_due`. An authority's order
//! gives all that it reaches one date: at 1,500,000 recordings these partitions come near 100,000 rows, and work on
//! beyond. What is deleted there is a pointer, so that its tombstone need not outlive a lost replica's repair.

use cql::{Component, Space, outbox_component, pending_column};

/// Retention's tables.
pub const COMPONENTS: &[Component] = &[RETENTION, outbox_component!("retention")];

const RETENTION: Component = Component {
    name: "retention",
    space: Space::Data,
    steps: &[concat!(
        "CREATE TABLE IF NOT EXISTS {ks}.retention_kept (
            tenant text, recording blob, version bigint, act uuid, started_at bigint, ended_at bigint, policy blob,
            parties frozen<list<blob>>, terms text, due_at bigint, pending ",
        pending_column!(),
        ",
            PRIMARY KEY ((tenant, recording)));
        CREATE TABLE IF NOT EXISTS {ks}.retention_due_hour (
            tenant text, hour bigint,
            PRIMARY KEY ((tenant), hour)) WITH gc_grace_seconds = 3600;
        CREATE TABLE IF NOT EXISTS {ks}.retention_due (
            tenant text, hour bigint, part int, due_at bigint, recording blob,
            PRIMARY KEY ((tenant, hour, part), due_at, recording)) WITH gc_grace_seconds = 3600;
        CREATE TABLE IF NOT EXISTS {ks}.retention_subject_year (
            tenant text, subject blob, year bigint,
            PRIMARY KEY ((tenant, subject), year));
        CREATE TABLE IF NOT EXISTS {ks}.retention_of_subject (
            tenant text, subject blob, year bigint, recording blob,
            PRIMARY KEY ((tenant, subject, year), recording));
        CREATE TABLE IF NOT EXISTS {ks}.retention_tenant (
            name text, tenant text,
            PRIMARY KEY ((name), tenant));
        CREATE TABLE IF NOT EXISTS {ks}.retention_hold (
            tenant text, id blob, version bigint, act uuid, kind bigint, selector text, reason text, placed_by text,
            placed_at bigint, review_at bigint, state bigint, released_by frozen<list<text>>, released_at bigint,
            pending ",
        pending_column!(),
        ",
            PRIMARY KEY ((tenant, id)));
        CREATE TABLE IF NOT EXISTS {ks}.retention_standing (
            tenant text, id blob,
            PRIMARY KEY ((tenant), id));
        CREATE TABLE IF NOT EXISTS {ks}.retention_released (
            tenant text, id blob,
            PRIMARY KEY ((tenant), id));
        CREATE TABLE IF NOT EXISTS {ks}.retention_order (
            tenant text, reference text, version bigint, act uuid, regime text, until_at bigint, scope_from bigint,
            scope_until bigint, scope_parties frozen<list<blob>>, placed_by text, placed_at bigint, pending ",
        pending_column!(),
        ",
            PRIMARY KEY ((tenant), reference))"
    )],
};
