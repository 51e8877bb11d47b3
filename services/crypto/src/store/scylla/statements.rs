//! Every statement on the key tables, prepared once.
//!
//! What is guarded by a condition is written with one everywhere, and the reason stands beside it. The lists of tenants
//! and of an epoch's pages alone are plain: their rows are written once and say nothing that changes.

use cql::{Cql, Error, Space, Statement};

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident: $text:expr;)+) => {
        /// The statements.
        pub(super) struct Statements {
            $($(#[$doc])* pub(super) $name: Statement,)+
        }

        impl Statements {
            /// Fails where a table is missing.
            pub(super) async fn prepare(cql: &Cql) -> Result<Self, Error> {
                Ok(Self { $($name: cql.prepare(Space::Keys, $text).await?,)+ })
            }
        }
    };
}

statements! {
    latest_epoch: "SELECT tenant, epoch, starts, ends, state, kek, hpke_secret, hpke_public, destroyed_at
        FROM {ks}.crypto_epoch WHERE tenant = ? LIMIT 1";
    epoch: "SELECT tenant, epoch, starts, ends, state, kek, hpke_secret, hpke_public, destroyed_at
        FROM {ks}.crypto_epoch WHERE tenant = ? AND epoch = ?";
    /// Newest first, as they lie.
    epochs: "SELECT tenant, epoch, starts, ends, state, kek, hpke_secret, hpke_public, destroyed_at
        FROM {ks}.crypto_epoch WHERE tenant = ?";
    epoch_before: "SELECT epoch, state FROM {ks}.crypto_epoch WHERE tenant = ? AND epoch < ? LIMIT 1";
    /// Two pairs of keys under one number would leave calls sealed to the one that did not stay.
    begin_epoch: "INSERT INTO {ks}.crypto_epoch
        (tenant, epoch, starts, ends, state, kek, hpke_secret, hpke_public)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS";
    /// In the batch of `begin_epoch`; a later state is not undone.
    close_epoch: "UPDATE {ks}.crypto_epoch SET state = ? WHERE tenant = ? AND epoch = ? IF state = ?";
    epoch_act: "SELECT state, act FROM {ks}.crypto_epoch WHERE tenant = ? AND epoch = ?";
    /// An epoch's life goes one way, whoever takes it further.
    set_epoch: "UPDATE {ks}.crypto_epoch SET state = ?, act = ? WHERE tenant = ? AND epoch = ? IF state = ?";
    /// The wrapped keys go in the same act.
    destroy_epoch: "UPDATE {ks}.crypto_epoch SET state = ?, act = ?, kek = ?, hpke_secret = ?, destroyed_at = ?
        WHERE tenant = ? AND epoch = ? IF state = ?";
    list_tenant: "INSERT INTO {ks}.crypto_tenant (bucket, tenant) VALUES (?, ?)";
    tenants: "SELECT tenant FROM {ks}.crypto_tenant WHERE bucket = ?";
    holder: "SELECT instance, since, gone FROM {ks}.crypto_epoch_holder
        WHERE tenant = ? AND epoch = ? AND instance = ?";
    holders: "SELECT instance, since, gone FROM {ks}.crypto_epoch_holder WHERE tenant = ? AND epoch = ?";
    /// The first time counts.
    add_holder: "INSERT INTO {ks}.crypto_epoch_holder (tenant, epoch, instance, since, gone)
        VALUES (?, ?, ?, ?, false) IF NOT EXISTS";
    /// Whoever leaves and whoever is noted again see each other.
    set_holder_gone: "UPDATE {ks}.crypto_epoch_holder SET gone = ?
        WHERE tenant = ? AND epoch = ? AND instance = ? IF gone = ?";

    section: "SELECT tenant, recording, leg, section, kind, reserved, key_epoch, writer, session_epoch,
        fingerprint, adopted_at, act FROM {ks}.crypto_section
        WHERE tenant = ? AND recording = ? AND leg = ? AND section = ?";
    sections: "SELECT tenant, recording, leg, section, kind, reserved, key_epoch, writer, session_epoch,
        fingerprint, adopted_at, act FROM {ks}.crypto_section WHERE tenant = ? AND recording = ?";
    /// Of two keys for one address one would be lost without a word.
    adopt: "INSERT INTO {ks}.crypto_section (tenant, recording, leg, section, kind, reserved, key_epoch, writer,
        session_epoch, fingerprint, adopted_at, act) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS";
    recording: "SELECT tenant, recording, version, state, policy_hash, timeline_hash, span_table_hash, act
        FROM {ks}.crypto_recording WHERE tenant = ? AND recording = ?";
    /// Of two timelines that are sealed at once one must know that it was overtaken.
    begin_recording: "INSERT INTO {ks}.crypto_recording
        (tenant, recording, version, state, policy_hash, timeline_hash, span_table_hash, act)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS";
    save_recording: "UPDATE {ks}.crypto_recording
        SET version = ?, state = ?, policy_hash = ?, timeline_hash = ?, span_table_hash = ?, act = ?
        WHERE tenant = ? AND recording = ? IF version = ?";

    locators: "SELECT recording, leg, section, purpose, page, slot, state
        FROM {ks}.crypto_locator WHERE tenant = ? AND recording = ?";
    /// The locator is the only way to an entry: one that lost its locator to another could never be removed.
    claim: "INSERT INTO {ks}.crypto_locator (tenant, recording, leg, section, purpose, page, slot, state)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS";
    locator_state: "SELECT state FROM {ks}.crypto_locator
        WHERE tenant = ? AND recording = ? AND leg = ? AND section = ? AND purpose = ?";
    /// Its other columns are conditional writes' too.
    retire: "UPDATE {ks}.crypto_locator SET state = ?
        WHERE tenant = ? AND recording = ? AND leg = ? AND section = ? AND purpose = ? IF state = ?";

    marks: "SELECT tenant, recording, erasure, purposes, spans, marked_at FROM {ks}.crypto_mark
        WHERE tenant = ? AND recording = ?";
    mark_ids: "SELECT erasure FROM {ks}.crypto_mark WHERE tenant = ? AND recording = ?";
    mark_id: "SELECT erasure FROM {ks}.crypto_mark WHERE tenant = ? AND recording = ? AND erasure = ?";
    /// The first one stays: what was erased by it is never less.
    add_mark: "INSERT INTO {ks}.crypto_mark (tenant, recording, erasure, purposes, spans, marked_at)
        VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS";
    mark_time: "SELECT marked_at FROM {ks}.crypto_mark WHERE tenant = ? AND recording = ? AND erasure = ?";
    last_erasure: "SELECT marked_at FROM {ks}.crypto_last_erasure WHERE tenant = ?";
    /// It only grows, whoever of several processes comes last.
    first_erasure: "INSERT INTO {ks}.crypto_last_erasure (tenant, marked_at) VALUES (?, ?) IF NOT EXISTS";
    /// Likewise.
    later_erasure: "UPDATE {ks}.crypto_last_erasure SET marked_at = ? WHERE tenant = ? IF marked_at < ?";

    /// DISTINCT reads the columns of the page alone, and also where it has no slot yet.
    page: "SELECT DISTINCT page, tenant, purpose, epoch, page_generation, version, owner, state, wrapped_key, dirty,
        added, removed, bytes FROM {ks}.crypto_page WHERE page = ?";
    page_act: "SELECT DISTINCT version, act FROM {ks}.crypto_page WHERE page = ?";
    page_turn: "SELECT DISTINCT version, act, turning FROM {ks}.crypto_page WHERE page = ?";
    page_generation: "SELECT DISTINCT page_generation FROM {ks}.crypto_page WHERE page = ?";
    /// All that follows is a conditional write's.
    open_page: "UPDATE {ks}.crypto_page SET tenant = ?, purpose = ?, epoch = ?, page_generation = ?, version = ?,
        owner = ?, state = ?, wrapped_key = ?, dirty = ?, added = ?, removed = ?, bytes = ?, act = ?
        WHERE page = ? IF version = null";
    /// Everything on a page hangs on its version: writers of several processes never both were the last.
    write_page: "UPDATE {ks}.crypto_page SET version = ?, dirty = ?, added = ?, removed = ?, bytes = ?, act = ?
        WHERE page = ? IF version = ?";
    close_page: "UPDATE {ks}.crypto_page SET state = ?, version = ?, act = ? WHERE page = ? IF version = ?";
    /// With `write_page`. The slot's own condition holds off what was decided on a slot read too old: a read
    /// may show a version before it shows all that was written with it.
    add_entry: "INSERT INTO {ks}.crypto_page (page, generation, slot, sealed, entry_act)
        VALUES (?, ?, ?, ?, ?) IF NOT EXISTS";
    overwrite_entry: "UPDATE {ks}.crypto_page SET sealed = ?, entry_act = ?
        WHERE page = ? AND generation = ? AND slot = ? IF entry_act = ?";
    entry: "SELECT generation, slot, sealed, entry_act FROM {ks}.crypto_page
        WHERE page = ? AND generation = ? AND slot = ?";
    entries: "SELECT generation, slot, sealed, entry_act FROM {ks}.crypto_page
        WHERE page = ? AND generation = ?";
    slots: "SELECT generation, slot, sealed, entry_act FROM {ks}.crypto_page
        WHERE page = ? AND generation = ? AND slot IN ?";

    /// Whoever is last to say that it turns a page may: of one that comes later nothing is mixed with it.
    begin_turn: "UPDATE {ks}.crypto_page SET turning = ? WHERE page = ? IF version = ?";
    /// With rows of the next generation, so that these are written only while the page is what they were made of,
    /// and have the timestamps that later conditional writes on them will have.
    keep_turn: "UPDATE {ks}.crypto_page SET turning = ? WHERE page = ? IF version = ? AND turning = ?";
    /// With `keep_turn`: nobody reads it yet, and an attempt before may have left one here.
    next_entry: "INSERT INTO {ks}.crypto_page (page, generation, slot, sealed, entry_act) VALUES (?, ?, ?, ?, ?)";
    /// From here on the next generation is the page's.
    end_turn: "UPDATE {ks}.crypto_page SET epoch = ?, page_generation = ?, version = ?, wrapped_key = ?, dirty = ?,
        bytes = ?, act = ? WHERE page = ? IF version = ? AND turning = ?";
    rewrap_page: "UPDATE {ks}.crypto_page SET epoch = ?, version = ?, wrapped_key = ?, act = ?
        WHERE page = ? IF version = ?";
    /// Plain, though conditional writes made these rows: none of them comes any more, and a row that is left because
    /// its timestamp is later than this is one that nobody reads.
    sweep_generation: "DELETE FROM {ks}.crypto_page WHERE page = ? AND generation = ?";

    list_bucket: "INSERT INTO {ks}.crypto_page_bucket (tenant, epoch, bucket) VALUES (?, ?, ?)";
    buckets: "SELECT bucket FROM {ks}.crypto_page_bucket WHERE tenant = ? AND epoch = ? AND bucket >= ?";
    list_page: "INSERT INTO {ks}.crypto_page_of_epoch (tenant, epoch, bucket, page) VALUES (?, ?, ?, ?)";
    pages_of_bucket: "SELECT page FROM {ks}.crypto_page_of_epoch
        WHERE tenant = ? AND epoch = ? AND bucket = ? AND page > ?";

    reason: "SELECT sealed FROM {ks}.crypto_reason WHERE tenant = ? AND event = ?";
    /// The entry that opens it was made for the first one.
    keep_reason: "INSERT INTO {ks}.crypto_reason (tenant, event, sealed) VALUES (?, ?, ?) IF NOT EXISTS";
}
