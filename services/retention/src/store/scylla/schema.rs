//! The tables. A column never changes its meaning; numbers of kinds and states are in `kept.rs`, `hold.rs` and
//! `erasure.rs`, those of lists in `lists.rs`. Times are microseconds since 1970.
//!
//! Each partition is named for growth:
//!
//! ```text
//! retention_kept        a recording; conditional writes alone
//! retention_due_hour    the hours in which something of a tenant is due: 61,000 in seven years
//! retention_due         a sixteenth of what is due in one hour, by the recording's last four bits
//! retention_of_subject  a person's recordings by the year in their ids, and retention_subject_year which there are
//! retention_tenant      every tenant
//! retention_hold        a hold; conditional writes alone. Its selector has a restriction's purposes, too
//! retention_standing    a tenant's holds that stand, and retention_released those that do not: people place them
//! retention_order       a tenant's orders; conditional writes alone
//! retention_total       how many of a tenant's recordings have a running term: a counter
//! retention_applied_policy, retention_sweep_asked    one row of a tenant; conditional writes alone
//! retention_journal     how far the journal is read: one row; conditional writes alone
//!
//! retention_erasure        an erasure; conditional writes alone
//! retention_erasure_day    the days on which a tenant's erasures began: 3,650 in ten years
//! retention_erasure_of_day what began on one: a sweep a minute, and what people order or take back
//! retention_unsettled      a tenant's erasures that gather or run
//! retention_item           an item; conditional writes alone. It has a partition to itself: of two that are written at
//!                          once in one partition one waits, whatever rows they write
//! retention_item_of        the items of an erasure: 10,000 at most
//! retention_erasure_of     the erasures of a recording
//! retention_list_day       the days of the erasures that have items in a list: that of what is owed goes back over years
//! retention_list_erasure   such erasures of one day
//! retention_listed         such items of one erasure
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
            PRIMARY KEY ((tenant), reference));
        CREATE TABLE IF NOT EXISTS {ks}.retention_total (
            tenant text, running counter,
            PRIMARY KEY ((tenant)));
        CREATE TABLE IF NOT EXISTS {ks}.retention_applied_policy (
            tenant text, act uuid, policy blob,
            PRIMARY KEY ((tenant)));
        CREATE TABLE IF NOT EXISTS {ks}.retention_sweep_asked (
            tenant text, act uuid, plan text, asked_by text, asked_at bigint,
            PRIMARY KEY ((tenant)));
        CREATE TABLE IF NOT EXISTS {ks}.retention_journal (
            name text, position bigint,
            PRIMARY KEY ((name)));
        CREATE TABLE IF NOT EXISTS {ks}.retention_erasure (
            tenant text, id blob, version bigint, act uuid, cause bigint, target text, scope text, reason text,
            ordered_by text, ordered_at bigint, state bigint, items bigint, settled_at bigint, receipt blob, pending ",
        pending_column!(),
        ",
            PRIMARY KEY ((tenant, id)));
        CREATE TABLE IF NOT EXISTS {ks}.retention_erasure_day (
            tenant text, day bigint,
            PRIMARY KEY ((tenant), day)) WITH CLUSTERING ORDER BY (day DESC);
        CREATE TABLE IF NOT EXISTS {ks}.retention_erasure_of_day (
            tenant text, day bigint, id blob,
            PRIMARY KEY ((tenant, day), id)) WITH CLUSTERING ORDER BY (id DESC);
        CREATE TABLE IF NOT EXISTS {ks}.retention_unsettled (
            tenant text, id blob,
            PRIMARY KEY ((tenant), id)) WITH gc_grace_seconds = 3600;
        CREATE TABLE IF NOT EXISTS {ks}.retention_item (
            tenant text, erasure blob, recording blob, version bigint, act uuid, scope text, step bigint,
            in_list bigint, erased text, kept text, report text, failure text,
            PRIMARY KEY ((tenant, erasure, recording)));
        CREATE TABLE IF NOT EXISTS {ks}.retention_item_of (
            tenant text, erasure blob, recording blob,
            PRIMARY KEY ((tenant, erasure), recording));
        CREATE TABLE IF NOT EXISTS {ks}.retention_erasure_of (
            tenant text, recording blob, erasure blob,
            PRIMARY KEY ((tenant, recording), erasure));
        CREATE TABLE IF NOT EXISTS {ks}.retention_list_day (
            tenant text, in_list bigint, day bigint,
            PRIMARY KEY ((tenant, in_list), day)) WITH gc_grace_seconds = 3600;
        CREATE TABLE IF NOT EXISTS {ks}.retention_list_erasure (
            tenant text, in_list bigint, day bigint, erasure blob,
            PRIMARY KEY ((tenant, in_list, day), erasure)) WITH gc_grace_seconds = 3600;
        CREATE TABLE IF NOT EXISTS {ks}.retention_listed (
            tenant text, in_list bigint, erasure blob, recording blob,
            PRIMARY KEY ((tenant, in_list, erasure), recording)) WITH gc_grace_seconds = 3600"
    )],
};
