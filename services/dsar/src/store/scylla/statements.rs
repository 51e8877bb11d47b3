//! Every statement, prepared once.

use cql::{Cql, Error, Space, Statement};

/// Names the statements and their texts in one place.
macro_rules! statements {
    ($($name:ident: $text:expr,)+) => {
        /// Prepared statements, by what they do.
        pub(super) struct Statements { $(pub(super) $name: Statement,)+ }

        impl Statements {
            /// Fails where a table is missing.
            pub(super) async fn prepare(cql: &Cql) -> Result<Self, Error> {
                Ok(Self { $($name: cql.prepare(Space::Data, $text).await?,)+ })
            }
        }
    };
}

statements! {
    head: "SELECT DISTINCT tenant, request_id, head_version, subject, received_at, due, state, ending
        FROM {ks}.dsar_request WHERE tenant = ? AND request_id = ?",
    stands: "SELECT DISTINCT head_version, act FROM {ks}.dsar_request WHERE tenant = ? AND request_id = ?",
    // A condition on a static column alone does not ask whether the row is there. Of two writers of one
    // version one must know that it was overtaken.
    begin: "UPDATE {ks}.dsar_request SET head_version = ?, act = ?, subject = ?, received_at = ?, due = ?,
            state = ?, ending = ?, pending[?] = ?, record = ?
        WHERE tenant = ? AND request_id = ? AND version = ? IF head_version = null",
    follow: "UPDATE {ks}.dsar_request SET head_version = ?, act = ?, due = ?, state = ?, ending = ?,
            pending[?] = ?, record = ?
        WHERE tenant = ? AND request_id = ? AND version = ? IF head_version = ?",
    pending: "SELECT DISTINCT pending FROM {ks}.dsar_request WHERE tenant = ? AND request_id = ?",
    // Only where there is such a request: the delete would make one.
    clear: "DELETE pending[?] FROM {ks}.dsar_request WHERE tenant = ? AND request_id = ? IF head_version > 0",
    records: "SELECT head_version, version, record FROM {ks}.dsar_request
        WHERE tenant = ? AND request_id = ? AND version > ?",

    add_page: "INSERT INTO {ks}.dsar_page (tenant, request_id, plan, number, items) VALUES (?, ?, ?, ?, ?)",
    pages: "SELECT number, items FROM {ks}.dsar_page
        WHERE tenant = ? AND request_id = ? AND plan = ? AND number > ?",

    point_day: "INSERT INTO {ks}.dsar_day (tenant, day) VALUES (?, ?)",
    days: "SELECT day FROM {ks}.dsar_day WHERE tenant = ? AND day <= ?",
    point_by_day: "INSERT INTO {ks}.dsar_by_day (tenant, day, request_id) VALUES (?, ?, ?)",
    by_day: "SELECT request_id FROM {ks}.dsar_by_day WHERE tenant = ? AND day = ? AND request_id < ?",
    point_open: "INSERT INTO {ks}.dsar_open (tenant, bucket, request_id) VALUES (?, ?, ?)",
    open: "SELECT request_id FROM {ks}.dsar_open WHERE tenant = ? AND bucket = ? AND request_id > ?",
    drop_open: "DELETE FROM {ks}.dsar_open WHERE tenant = ? AND bucket = ? AND request_id = ?",
    point_of_subject: "INSERT INTO {ks}.dsar_of_subject (tenant, subject, request_id) VALUES (?, ?, ?)",
    of_subject: "SELECT request_id FROM {ks}.dsar_of_subject
        WHERE tenant = ? AND subject = ? AND request_id > ?",
    point_tenant: "INSERT INTO {ks}.dsar_tenant (name, tenant) VALUES ('all', ?)",
    tenants: "SELECT tenant FROM {ks}.dsar_tenant WHERE name = 'all'",

    disclosure: "SELECT version, disclosure FROM {ks}.dsar_disclosure WHERE tenant = ? AND disclosure_id = ?",
    disclosure_stands: "SELECT version, act FROM {ks}.dsar_disclosure WHERE tenant = ? AND disclosure_id = ?",
    begin_disclosure: "INSERT INTO {ks}.dsar_disclosure (tenant, disclosure_id, version, act, disclosure, pending)
        VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS",
    // What two decided on one version would undo each other's notices.
    change_disclosure: "UPDATE {ks}.dsar_disclosure SET version = ?, act = ?, disclosure = ?, pending[?] = ?
        WHERE tenant = ? AND disclosure_id = ? IF version = ?",
    disclosure_pending: "SELECT pending FROM {ks}.dsar_disclosure WHERE tenant = ? AND disclosure_id = ?",
    clear_disclosure: "DELETE pending[?] FROM {ks}.dsar_disclosure
        WHERE tenant = ? AND disclosure_id = ? IF EXISTS",

    point_disclosing: "INSERT INTO {ks}.dsar_disclosing (name, tenant) VALUES ('all', ?)",
    disclosing: "SELECT tenant FROM {ks}.dsar_disclosing WHERE name = 'all'",
    point_disclosure_of: "INSERT INTO {ks}.dsar_disclosure_of (tenant, recording, disclosure_id) VALUES (?, ?, ?)",
    disclosures_of: "SELECT disclosure_id FROM {ks}.dsar_disclosure_of
        WHERE tenant = ? AND recording = ? AND disclosure_id > ?",
    // The disclosure's version is the pointer's timestamp: what was seen without an open notice at one version takes
    // nothing away that a later one needs, whichever write comes last.
    point_unanswered: "INSERT INTO {ks}.dsar_unanswered (tenant, bucket, disclosure_id) VALUES (?, ?, ?)
        USING TIMESTAMP ?",
    unanswered: "SELECT disclosure_id FROM {ks}.dsar_unanswered
        WHERE tenant = ? AND bucket = ? AND disclosure_id > ?",
    drop_unanswered: "DELETE FROM {ks}.dsar_unanswered USING TIMESTAMP ?
        WHERE tenant = ? AND bucket = ? AND disclosure_id = ?",
}
