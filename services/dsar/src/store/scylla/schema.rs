//! The tables. A column never changes its meaning; numbers of states and endings are `policy`'s. Times are
//! microseconds since 1970, days are counted from there.
//!
//! Each partition is named for growth:
//!
//! ```text
//! dsar_request     a request: its head and its acts, some hundred; conditional writes alone
//! dsar_page        the pages of one of its plans: 200 at most, of about 100 kB
//! dsar_day         the days on which a tenant's requests began: 3,650 in ten years
//! dsar_by_day      what began on one
//! dsar_open        a quarter of what a tenant has open, by the last two bits of the id
//! dsar_of_subject  the requests about a person
//! dsar_tenant      every tenant that has a request
//!
//! dsar_disclosure     a disclosure with its notices, some kilobytes at most; conditional writes alone
//! dsar_disclosure_of  the disclosures of a recording
//! dsar_unanswered     a quarter of a tenant's disclosures with an open notice, by the last two bits of the id
//! dsar_disclosing     every tenant that has a disclosure
//! ```
//!
//! All but `dsar_request`, `dsar_page` and `dsar_disclosure` are pointers. Those in `dsar_unanswered` are written, and
//! taken away, at a version of their disclosure as the timestamp.

use cql::{Component, Space, outbox_component, pending_column};

/// Dsar's tables.
pub const COMPONENTS: &[Component] = &[DSAR, outbox_component!("dsar")];

const DSAR: Component = Component {
    name: "dsar",
    space: Space::Data,
    steps: &[
        concat!(
            "CREATE TABLE IF NOT EXISTS {ks}.dsar_request (
            tenant text, request_id blob, version bigint,
            head_version bigint static, act uuid static, subject blob static, received_at bigint static,
            due bigint static, state bigint static, ending bigint static, pending ",
            pending_column!(),
            " static,
            record blob,
            PRIMARY KEY ((tenant, request_id), version));
        CREATE TABLE IF NOT EXISTS {ks}.dsar_page (
            tenant text, request_id blob, plan text, number bigint, items blob,
            PRIMARY KEY ((tenant, request_id, plan), number));
        CREATE TABLE IF NOT EXISTS {ks}.dsar_day (
            tenant text, day bigint,
            PRIMARY KEY ((tenant), day)) WITH CLUSTERING ORDER BY (day DESC);
        CREATE TABLE IF NOT EXISTS {ks}.dsar_by_day (
            tenant text, day bigint, request_id blob,
            PRIMARY KEY ((tenant, day), request_id)) WITH CLUSTERING ORDER BY (request_id DESC);
        CREATE TABLE IF NOT EXISTS {ks}.dsar_open (
            tenant text, bucket bigint, request_id blob,
            PRIMARY KEY ((tenant, bucket), request_id)) WITH gc_grace_seconds = 3600;
        CREATE TABLE IF NOT EXISTS {ks}.dsar_of_subject (
            tenant text, subject blob, request_id blob,
            PRIMARY KEY ((tenant, subject), request_id));
        CREATE TABLE IF NOT EXISTS {ks}.dsar_tenant (
            name text, tenant text,
            PRIMARY KEY ((name), tenant))"
        ),
        concat!(
            "CREATE TABLE IF NOT EXISTS {ks}.dsar_disclosure (
            tenant text, disclosure_id blob, version bigint, act uuid, disclosure blob, pending ",
            pending_column!(),
            ",
            PRIMARY KEY ((tenant, disclosure_id)));
        CREATE TABLE IF NOT EXISTS {ks}.dsar_disclosure_of (
            tenant text, recording blob, disclosure_id blob,
            PRIMARY KEY ((tenant, recording), disclosure_id));
        CREATE TABLE IF NOT EXISTS {ks}.dsar_unanswered (
            tenant text, bucket bigint, disclosure_id blob,
            PRIMARY KEY ((tenant, bucket), disclosure_id)) WITH gc_grace_seconds = 3600;
        CREATE TABLE IF NOT EXISTS {ks}.dsar_disclosing (
            name text, tenant text,
            PRIMARY KEY ((name), tenant))"
        ),
    ],
};
