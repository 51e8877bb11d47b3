//! Every statement on the key tables, prepared once.
//!
//! What is guarded by a condition is written with one everywhere, and the reason stands beside it. The two lists
//! of an epoch's pages alone are plain: their rows are written once and say nothing that changes.

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
    latest_epoch: "SELECT tenant, epoch, starts, ends, state, kek, hpke_secret, hpke_public
        FROM {ks}.crypto_epoch WHERE tenant = ? LIMIT 1";
    epoch: "SELECT tenant, epoch, starts, ends, state, kek, hpke_secret, hpke_public
        FROM {ks}.crypto_epoch WHERE tenant = ? AND epoch = ?";
    /// Newest first, as they lie.
    epochs: "SELECT tenant, epoch, starts, ends, state, kek, hpke_secret, hpke_public
        FROM {ks}.crypto_epoch WHERE tenant = ?";
    epoch_before: "SELECT epoch, state FROM {ks}.crypto_epoch WHERE tenant = ? AND epoch < ? LIMIT 1";
    /// Two pairs of keys under one number would leave calls sealed to the one that did not stay.
    begin_epoch: "INSERT INTO {ks}.crypto_epoch
        (tenant, epoch, starts, ends, state, kek, hpke_secret, hpke_public)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS";
    /// In the batch of `begin_epoch`; a later state is not undone.
    close_epoch: "UPDATE {ks}.crypto_epoch SET state = ? WHERE tenant = ? AND epoch = ? IF state = ?";
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

    /// DISTINCT reads the columns of the page alone, and also where it has no slot yet.
    page: "SELECT DISTINCT page, tenant, purpose, epoch, generation, version, owner, state, wrapped_key, dirty,
        added, removed, bytes FROM {ks}.crypto_page WHERE page = ?";
    page_act: "SELECT DISTINCT version, act FROM {ks}.crypto_page WHERE page = ?";
    /// All that follows is a conditional write's.
    open_page: "UPDATE {ks}.crypto_page SET tenant = ?, purpose = ?, epoch = ?, generation = ?, version = ?,
        owner = ?, state = ?, wrapped_key = ?, dirty = ?, added = ?, removed = ?, bytes = ?, act = ?
        WHERE page = ? IF version = null";
    /// Everything on a page hangs on its version: writers of several processes never both were the last.
    write_page: "UPDATE {ks}.crypto_page SET version = ?, dirty = ?, added = ?, removed = ?, bytes = ?, act = ?
        WHERE page = ? IF version = ?";
    close_page: "UPDATE {ks}.crypto_page SET state = ?, version = ?, act = ? WHERE page = ? IF version = ?";
    /// With `write_page`. The slot's own condition holds off what was decided on a slot read too old: a read
    /// may show a version before it shows all that was written with it.
    add_entry: "INSERT INTO {ks}.crypto_page (page, slot, entry_generation, sealed, entry_act)
        VALUES (?, ?, ?, ?, ?) IF NOT EXISTS";
    overwrite_entry: "UPDATE {ks}.crypto_page SET entry_generation = ?, sealed = ?, entry_act = ?
        WHERE page = ? AND slot = ? IF entry_act = ?";
    entry: "SELECT slot, entry_generation, sealed, entry_act FROM {ks}.crypto_page WHERE page = ? AND slot = ?";
    /// From slot 0 on, as a page without slots would answer with a row that has none.
    entries: "SELECT slot, entry_generation, sealed, entry_act FROM {ks}.crypto_page
        WHERE page = ? AND slot >= 0";
    slots: "SELECT slot, entry_generation, sealed, entry_act FROM {ks}.crypto_page
        WHERE page = ? AND slot IN ?";

    list_bucket: "INSERT INTO {ks}.crypto_page_bucket (tenant, epoch, bucket) VALUES (?, ?, ?)";
    buckets: "SELECT bucket FROM {ks}.crypto_page_bucket WHERE tenant = ? AND epoch = ? AND bucket >= ?";
    list_page: "INSERT INTO {ks}.crypto_page_of_epoch (tenant, epoch, bucket, page) VALUES (?, ?, ?, ?)";
    pages_of_bucket: "SELECT page FROM {ks}.crypto_page_of_epoch
        WHERE tenant = ? AND epoch = ? AND bucket = ? AND page > ?";

    reason: "SELECT sealed FROM {ks}.crypto_reason WHERE tenant = ? AND event = ?";
    /// The entry that opens it was made for the first one.
    keep_reason: "INSERT INTO {ks}.crypto_reason (tenant, event, sealed) VALUES (?, ?, ?) IF NOT EXISTS";
}
