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
    kept: "SELECT tenant, recording, version, started_at, ended_at, policy, parties, terms
        FROM {ks}.retention_kept WHERE tenant = ? AND recording = ?",
    kept_stands: "SELECT version, act, due_at FROM {ks}.retention_kept WHERE tenant = ? AND recording = ?",
    due_at: "SELECT due_at FROM {ks}.retention_kept WHERE tenant = ? AND recording = ?",
    parties: "SELECT parties FROM {ks}.retention_kept WHERE tenant = ? AND recording = ?",
    // Of two stamps of one recording one must know that it was overtaken.
    stamp: "INSERT INTO {ks}.retention_kept (tenant, recording, version, act, started_at, ended_at, policy, parties,
            terms, due_at, pending)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS",
    // What two decided on one version would undo each other's ends.
    change: "UPDATE {ks}.retention_kept SET version = ?, act = ?, ended_at = ?, terms = ?, due_at = ?, pending[?] = ?
        WHERE tenant = ? AND recording = ? IF version = ?",
    kept_pending: "SELECT pending FROM {ks}.retention_kept WHERE tenant = ? AND recording = ?",
    clear_kept: "DELETE pending[?] FROM {ks}.retention_kept WHERE tenant = ? AND recording = ? IF EXISTS",

    point_due_hour: "INSERT INTO {ks}.retention_due_hour (tenant, hour) VALUES (?, ?)",
    due_hours: "SELECT hour FROM {ks}.retention_due_hour WHERE tenant = ? AND hour >= ? AND hour <= ?",
    point_due: "INSERT INTO {ks}.retention_due (tenant, hour, part, due_at, recording) VALUES (?, ?, ?, ?, ?)",
    due: "SELECT due_at, recording FROM {ks}.retention_due
        WHERE tenant = ? AND hour = ? AND part = ?
        AND (due_at, recording) > (?, ?) AND (due_at, recording) <= (?, ?)",
    // As of before their rows were looked at: what was written since stays.
    drop_due: "DELETE FROM {ks}.retention_due USING TIMESTAMP ?
        WHERE tenant = ? AND hour = ? AND part = ? AND due_at = ? AND recording = ?",
    drop_due_hour: "DELETE FROM {ks}.retention_due_hour USING TIMESTAMP ? WHERE tenant = ? AND hour = ?",

    point_year: "INSERT INTO {ks}.retention_subject_year (tenant, subject, year) VALUES (?, ?, ?)",
    years: "SELECT year FROM {ks}.retention_subject_year WHERE tenant = ? AND subject = ? AND year >= ?",
    point_subject: "INSERT INTO {ks}.retention_of_subject (tenant, subject, year, recording) VALUES (?, ?, ?, ?)",
    of_subject: "SELECT recording FROM {ks}.retention_of_subject
        WHERE tenant = ? AND subject = ? AND year = ? AND recording > ?",
    point_tenant: "INSERT INTO {ks}.retention_tenant (name, tenant) VALUES ('all', ?)",
    tenants: "SELECT tenant FROM {ks}.retention_tenant WHERE name = 'all'",

    hold: "SELECT tenant, id, version, kind, selector, reason, placed_by, placed_at, review_at, state, released_by,
            released_at
        FROM {ks}.retention_hold WHERE tenant = ? AND id = ?",
    hold_stands: "SELECT version, act FROM {ks}.retention_hold WHERE tenant = ? AND id = ?",
    place: "INSERT INTO {ks}.retention_hold (tenant, id, version, act, kind, selector, reason, placed_by, placed_at,
            review_at, state, released_by, released_at, pending)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS",
    // Two who ask for its release at once are two only where each knows of the other.
    change_hold: "UPDATE {ks}.retention_hold SET version = ?, act = ?, kind = ?, selector = ?, reason = ?,
            placed_by = ?, placed_at = ?, review_at = ?, state = ?, released_by = ?, released_at = ?, pending[?] = ?
        WHERE tenant = ? AND id = ? IF version = ?",
    hold_pending: "SELECT pending FROM {ks}.retention_hold WHERE tenant = ? AND id = ?",
    clear_hold: "DELETE pending[?] FROM {ks}.retention_hold WHERE tenant = ? AND id = ? IF EXISTS",
    list_standing: "INSERT INTO {ks}.retention_standing (tenant, id) VALUES (?, ?)",
    standing: "SELECT id FROM {ks}.retention_standing WHERE tenant = ?",
    drop_standing: "DELETE FROM {ks}.retention_standing USING TIMESTAMP ? WHERE tenant = ? AND id = ?",
    list_released: "INSERT INTO {ks}.retention_released (tenant, id) VALUES (?, ?)",
    released: "SELECT id FROM {ks}.retention_released WHERE tenant = ? AND id > ?",

    orders: "SELECT tenant, reference, regime, until_at, scope_from, scope_until, scope_parties, placed_by, placed_at
        FROM {ks}.retention_order WHERE tenant = ?",
    order_references: "SELECT reference FROM {ks}.retention_order WHERE tenant = ?",
    order_stands: "SELECT version, act FROM {ks}.retention_order WHERE tenant = ? AND reference = ?",
    // A reference names one order.
    order: "INSERT INTO {ks}.retention_order (tenant, reference, version, act, regime, until_at, scope_from,
            scope_until, scope_parties, placed_by, placed_at, pending)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS",
    order_pending: "SELECT pending FROM {ks}.retention_order WHERE tenant = ? AND reference = ?",
    clear_order: "DELETE pending[?] FROM {ks}.retention_order WHERE tenant = ? AND reference = ? IF EXISTS",
}
