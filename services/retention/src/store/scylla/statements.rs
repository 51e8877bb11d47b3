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

    count: "SELECT running FROM {ks}.retention_total WHERE tenant = ?",
    count_one_more: "UPDATE {ks}.retention_total SET running = running + 1 WHERE tenant = ?",
    count_one_less: "UPDATE {ks}.retention_total SET running = running - 1 WHERE tenant = ?",
    applied_policy: "SELECT policy FROM {ks}.retention_applied_policy WHERE tenant = ?",
    applied_policy_act: "SELECT act FROM {ks}.retention_applied_policy WHERE tenant = ?",
    // Whoever comes last writes last, whatever the machines' clocks say.
    set_applied_policy: "UPDATE {ks}.retention_applied_policy SET act = ?, policy = ? WHERE tenant = ? IF act = ?",
    sweep_asked: "SELECT plan, asked_by, asked_at FROM {ks}.retention_sweep_asked WHERE tenant = ?",
    sweep_asked_act: "SELECT act FROM {ks}.retention_sweep_asked WHERE tenant = ?",
    set_sweep_asked: "UPDATE {ks}.retention_sweep_asked SET act = ?, plan = ?, asked_by = ?, asked_at = ?
        WHERE tenant = ? IF act = ?",
    journal_position: "SELECT position FROM {ks}.retention_journal WHERE name = 'all'",
    first_journal_position: "INSERT INTO {ks}.retention_journal (name, position) VALUES ('all', ?) IF NOT EXISTS",
    // Of two that note at once the higher one stays.
    raise_journal_position: "UPDATE {ks}.retention_journal SET position = ? WHERE name = 'all' IF position < ?",

    erasure: "SELECT tenant, id, version, cause, target, scope, reason, ordered_by, ordered_at, state, items,
            settled_at, receipt
        FROM {ks}.retention_erasure WHERE tenant = ? AND id = ?",
    erasure_stands: "SELECT version, act FROM {ks}.retention_erasure WHERE tenant = ? AND id = ?",
    erasure_state: "SELECT state FROM {ks}.retention_erasure WHERE tenant = ? AND id = ?",
    begin_erasure: "INSERT INTO {ks}.retention_erasure (tenant, id, version, act, cause, target, scope, reason,
            ordered_by, ordered_at, state, items, settled_at, receipt, pending)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS",
    // A receipt is signed once.
    change_erasure: "UPDATE {ks}.retention_erasure SET version = ?, act = ?, state = ?, items = ?, settled_at = ?,
            receipt = ?, pending[?] = ?
        WHERE tenant = ? AND id = ? IF version = ?",
    erasure_pending: "SELECT pending FROM {ks}.retention_erasure WHERE tenant = ? AND id = ?",
    clear_erasure: "DELETE pending[?] FROM {ks}.retention_erasure WHERE tenant = ? AND id = ? IF EXISTS",
    point_erasure_day: "INSERT INTO {ks}.retention_erasure_day (tenant, day) VALUES (?, ?)",
    erasure_days: "SELECT day FROM {ks}.retention_erasure_day WHERE tenant = ? AND day <= ?",
    point_erasure: "INSERT INTO {ks}.retention_erasure_of_day (tenant, day, id) VALUES (?, ?, ?)",
    erasures_of_day: "SELECT id FROM {ks}.retention_erasure_of_day WHERE tenant = ? AND day = ? AND id < ?",
    point_unsettled: "INSERT INTO {ks}.retention_unsettled (tenant, id) VALUES (?, ?)",
    unsettled: "SELECT id FROM {ks}.retention_unsettled WHERE tenant = ? AND id > ?",
    drop_unsettled: "DELETE FROM {ks}.retention_unsettled USING TIMESTAMP ? WHERE tenant = ? AND id = ?",

    item: "SELECT tenant, erasure, recording, version, scope, step, in_list, erased, kept, report, failure
        FROM {ks}.retention_item WHERE tenant = ? AND erasure = ? AND recording = ?",
    item_stands: "SELECT version, act, in_list FROM {ks}.retention_item
        WHERE tenant = ? AND erasure = ? AND recording = ?",
    add_item: "INSERT INTO {ks}.retention_item (tenant, erasure, recording, version, act, scope, step, in_list, erased,
            kept, report, failure)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS",
    // A hold and an erasure meet here: one of them comes second and learns of it.
    change_item: "UPDATE {ks}.retention_item SET version = ?, act = ?, scope = ?, step = ?, in_list = ?, erased = ?,
            kept = ?, report = ?, failure = ?
        WHERE tenant = ? AND erasure = ? AND recording = ? IF version = ?",
    point_item: "INSERT INTO {ks}.retention_item_of (tenant, erasure, recording) VALUES (?, ?, ?)",
    items: "SELECT recording FROM {ks}.retention_item_of WHERE tenant = ? AND erasure = ? AND recording > ?",
    point_erasure_of: "INSERT INTO {ks}.retention_erasure_of (tenant, recording, erasure) VALUES (?, ?, ?)",
    erasures_of: "SELECT erasure FROM {ks}.retention_erasure_of WHERE tenant = ? AND recording = ? AND erasure > ?",

    point_list_day: "INSERT INTO {ks}.retention_list_day (tenant, in_list, day) VALUES (?, ?, ?)",
    list_days: "SELECT day FROM {ks}.retention_list_day WHERE tenant = ? AND in_list = ? AND day >= ?",
    drop_list_day: "DELETE FROM {ks}.retention_list_day USING TIMESTAMP ?
        WHERE tenant = ? AND in_list = ? AND day = ?",
    point_list_erasure: "INSERT INTO {ks}.retention_list_erasure (tenant, in_list, day, erasure) VALUES (?, ?, ?, ?)",
    list_erasures: "SELECT erasure FROM {ks}.retention_list_erasure
        WHERE tenant = ? AND in_list = ? AND day = ? AND erasure >= ?",
    drop_list_erasure: "DELETE FROM {ks}.retention_list_erasure USING TIMESTAMP ?
        WHERE tenant = ? AND in_list = ? AND day = ? AND erasure = ?",
    point_listed: "INSERT INTO {ks}.retention_listed (tenant, in_list, erasure, recording) VALUES (?, ?, ?, ?)",
    listed: "SELECT recording FROM {ks}.retention_listed
        WHERE tenant = ? AND in_list = ? AND erasure = ? AND recording > ?",
    drop_listed: "DELETE FROM {ks}.retention_listed USING TIMESTAMP ?
        WHERE tenant = ? AND in_list = ? AND erasure = ? AND recording = ?",
}
