//! Everything that the index asks.

use cql::{Cql, Error, Space, Statement};

/// Of the rows of `ledger_head`: what a claim found.
pub(super) const CLAIM: i8 = 1;
/// Of the rows of `ledger_head`: how far a producer has come.
pub(super) const PRODUCER: i8 = 2;

pub(super) struct Statements {
    pub(super) begin: Statement,
    pub(super) incarnation: Statement,
    pub(super) histories: Statement,

    pub(super) list: Statement,
    pub(super) logs: Statement,
    pub(super) head: Statement,
    pub(super) take_first: Statement,
    pub(super) take: Statement,
    pub(super) note_claim: Statement,
    pub(super) advance: Statement,
    pub(super) note_producer: Statement,
    pub(super) rewind: Statement,
    pub(super) publish: Statement,
    pub(super) store: Statement,
    pub(super) claims: Statement,
    pub(super) producers: Statement,

    pub(super) add_entry: Statement,
    pub(super) add_event: Statement,
    pub(super) add_term: Statement,
    pub(super) add_hour: Statement,
    pub(super) add_year: Statement,
    pub(super) add_root: Statement,

    pub(super) entries: Statement,
    pub(super) commitments: Statement,
    pub(super) roots: Statement,
    pub(super) event: Statement,
    pub(super) years: Both,
    pub(super) hours: Both,
    pub(super) terms: Both,
    pub(super) term: Statement,
}

/// A statement in either order.
pub(super) struct Both {
    pub(super) oldest: Statement,
    pub(super) newest: Statement,
}

impl Statements {
    pub(super) async fn prepare(cql: &Cql) -> Result<Self, Error> {
        let one = async |text: &str| cql.prepare(Space::Data, text).await;
        let both = async |text: &str, newest: &str| {
            Ok::<_, Error>(Both { oldest: one(text).await?, newest: one(&format!("{text} {newest}")).await? })
        };
        Ok(Self {
            begin: one(
                "INSERT INTO {ks}.ledger_history (one, generation, id, after) VALUES (1, ?, ?, ?) IF NOT EXISTS",
            )
            .await?,
            incarnation: one("SELECT id FROM {ks}.ledger_incarnation WHERE one = 1").await?,
            histories: one("SELECT generation, id, after FROM {ks}.ledger_history WHERE one = 1").await?,

            list: one("INSERT INTO {ks}.ledger_log (one, log) VALUES (1, ?)").await?,
            logs: one("SELECT log FROM {ks}.ledger_log WHERE one = 1").await?,
            head: one(
                "SELECT fence, size, root, next_offset, published, published_root, stored
                 FROM {ks}.ledger_head WHERE log = ? LIMIT 1",
            )
            .await?,
            take_first: one(
                "UPDATE {ks}.ledger_head SET fence = ?, size = 0, root = ?, next_offset = 0, published = 0,
                 published_root = ?, stored = 0 WHERE log = ? IF fence = null",
            )
            .await?,
            take: one("UPDATE {ks}.ledger_head SET fence = ? WHERE log = ? IF fence = ? AND size = ?").await?,
            note_claim: one(&format!(
                "INSERT INTO {{ks}}.ledger_head (log, kind, key, claimed) VALUES (?, {CLAIM}, ?, ?)"
            ))
            .await?,
            advance: one(
                "UPDATE {ks}.ledger_head SET size = ?, root = ?, next_offset = ? WHERE log = ?
                 IF fence = ? AND size = ? AND next_offset <= ?",
            )
            .await?,
            note_producer: one(&format!(
                "INSERT INTO {{ks}}.ledger_head (log, kind, key, last, state) VALUES (?, {PRODUCER}, ?, ?, ?)"
            ))
            .await?,
            rewind: one("UPDATE {ks}.ledger_head SET next_offset = ? WHERE log = ? IF fence = ?").await?,
            publish: one(
                "UPDATE {ks}.ledger_head SET published = ?, published_root = ? WHERE log = ?
                 IF published < ? AND size >= ?",
            )
            .await?,
            store: one("UPDATE {ks}.ledger_head SET stored = ? WHERE log = ? IF stored < ? AND size >= ?").await?,
            claims: one(&format!(
                "SELECT key, claimed, size FROM {{ks}}.ledger_head WHERE log = ? AND kind = {CLAIM}"
            ))
            .await?,
            producers: one(&format!(
                "SELECT key, last, state FROM {{ks}}.ledger_head WHERE log = ? AND kind = {PRODUCER}"
            ))
            .await?,

            add_entry: one(
                "INSERT INTO {ks}.ledger_entry (part, chunk, fence, idx, tenant, at, event, commitment, sealed)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .await?,
            add_event: one(
                "INSERT INTO {ks}.ledger_event (event, part, fence, idx, tenant) VALUES (?, ?, ?, ?, ?)",
            )
            .await?,
            add_term: one(
                "INSERT INTO {ks}.ledger_term (tenant, term, hour, part, at, idx, fence)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )
            .await?,
            add_hour: one(
                "INSERT INTO {ks}.ledger_term_hour (tenant, term, year, hour, part) VALUES (?, ?, ?, ?, ?)",
            )
            .await?,
            add_year: one("INSERT INTO {ks}.ledger_term_year (tenant, term, year) VALUES (?, ?, ?)").await?,
            add_root: one("INSERT INTO {ks}.ledger_root_leaf (chunk, fence, idx, data) VALUES (?, ?, ?, ?)").await?,

            entries: one(
                "SELECT idx, tenant, at, event, commitment, sealed FROM {ks}.ledger_entry
                 WHERE part = ? AND chunk = ? AND fence = ? AND idx >= ? AND idx < ?",
            )
            .await?,
            commitments: one(
                "SELECT idx, commitment FROM {ks}.ledger_entry
                 WHERE part = ? AND chunk = ? AND fence = ? AND idx >= ? AND idx < ?",
            )
            .await?,
            roots: one(
                "SELECT idx, data FROM {ks}.ledger_root_leaf
                 WHERE chunk = ? AND fence = ? AND idx >= ? AND idx < ?",
            )
            .await?,
            event: one("SELECT part, fence, idx, tenant FROM {ks}.ledger_event WHERE event = ?").await?,
            years: both(
                "SELECT year FROM {ks}.ledger_term_year
                 WHERE tenant = ? AND term = ? AND year >= ? AND year <= ?",
                "ORDER BY year DESC",
            )
            .await?,
            hours: both(
                "SELECT hour, part FROM {ks}.ledger_term_hour
                 WHERE tenant = ? AND term = ? AND year = ? AND hour >= ? AND hour <= ?",
                "ORDER BY hour DESC, part DESC",
            )
            .await?,
            terms: both(
                "SELECT at, idx, fence FROM {ks}.ledger_term
                 WHERE tenant = ? AND term = ? AND hour = ? AND part = ?
                 AND (at, idx, fence) >= (?, ?, ?) AND (at, idx, fence) <= (?, ?, ?)",
                "ORDER BY at DESC, idx DESC, fence DESC",
            )
            .await?,
            term: one(
                "SELECT idx FROM {ks}.ledger_term WHERE tenant = ? AND term = ? AND hour = ? AND part = ?
                 AND at = ? AND idx = ? AND fence = ?",
            )
            .await?,
        })
    }
}
