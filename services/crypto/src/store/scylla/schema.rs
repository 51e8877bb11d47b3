//! The tables. A column never changes its meaning; numbers of states are in `store.rs`.
//!
//! Each partition is named for growth: tenants in 16 lists, a tenant's epochs (one a week), an epoch's instances, a
//! recording's sections, its locators and its marks, a page with at most 1,024 slots. The list of an epoch's pages is
//! cut by the time in their ids, about 70 minutes a partition, and the partitions that there are stand in a list of
//! their own. When a tenant's newest mark was made is a row of its own, as its marks are as many partitions as it has
//! recordings.
//!
//! `act` is drawn for each write; by it a writer whose answer did not come knows its own.
//!
//! A page's slots lie under the generation of its key: readers go by `page_generation`, and the turn writes the next
//! one beside it before that number changes. `turning` names the attempt that may do so.
//!
//! What may be read is never deleted, and nothing has a TTL: what is destroyed is overwritten by an empty value,
//! because a tombstone that is collected before a lost replica is repaired lets the old bytes come back. A generation
//! that is over is deleted, as nobody reads it and nothing opens it.

use cql::{Component, Space};

/// What `verbale migrate` makes for crypto: the key tables, and among the data the outbox and what is kept of
/// canaries.
pub const COMPONENTS: [Component; 3] =
    [KEY_TABLES, cql::outbox_component!("crypto"), crate::canary::scylla::COMPONENT];

const KEY_TABLES: Component = Component {
    name: "crypto",
    space: Space::Keys,
    steps: &[
        "CREATE TABLE IF NOT EXISTS {ks}.crypto_epoch (
        tenant text,
        epoch bigint,
        starts bigint,
        ends bigint,
        state bigint,
        kek blob,
        hpke_secret blob,
        hpke_public blob,
        destroyed_at bigint,
        act blob,
        PRIMARY KEY (tenant, epoch)
    ) WITH CLUSTERING ORDER BY (epoch DESC);
    CREATE TABLE IF NOT EXISTS {ks}.crypto_tenant (
        bucket int,
        tenant text,
        PRIMARY KEY (bucket, tenant)
    );
    CREATE TABLE IF NOT EXISTS {ks}.crypto_epoch_holder (
        tenant text,
        epoch bigint,
        instance blob,
        since bigint,
        gone boolean,
        PRIMARY KEY ((tenant, epoch), instance)
    );
    CREATE TABLE IF NOT EXISTS {ks}.crypto_section (
        tenant text,
        recording blob,
        leg int,
        section bigint,
        kind bigint,
        reserved text,
        key_epoch bigint,
        writer blob,
        session_epoch bigint,
        fingerprint blob,
        adopted_at bigint,
        act blob,
        PRIMARY KEY ((tenant, recording), leg, section)
    );
    CREATE TABLE IF NOT EXISTS {ks}.crypto_recording (
        tenant text,
        recording blob,
        version bigint,
        state bigint,
        policy_hash blob,
        timeline_hash blob,
        span_table_hash blob,
        act blob,
        PRIMARY KEY ((tenant, recording))
    );
    CREATE TABLE IF NOT EXISTS {ks}.crypto_locator (
        tenant text,
        recording blob,
        leg int,
        section bigint,
        purpose text,
        page blob,
        slot int,
        state bigint,
        PRIMARY KEY ((tenant, recording), leg, section, purpose)
    );
    CREATE TABLE IF NOT EXISTS {ks}.crypto_mark (
        tenant text,
        recording blob,
        erasure blob,
        purposes text,
        spans blob,
        marked_at bigint,
        PRIMARY KEY ((tenant, recording), erasure)
    );
    CREATE TABLE IF NOT EXISTS {ks}.crypto_page (
        page blob,
        generation bigint,
        slot int,
        tenant text static,
        purpose text static,
        epoch bigint static,
        page_generation bigint static,
        version bigint static,
        owner blob static,
        state bigint static,
        wrapped_key blob static,
        dirty boolean static,
        added bigint static,
        removed bigint static,
        bytes bigint static,
        act blob static,
        turning blob static,
        sealed blob,
        entry_act blob,
        PRIMARY KEY (page, generation, slot)
    );
    CREATE TABLE IF NOT EXISTS {ks}.crypto_page_bucket (
        tenant text,
        epoch bigint,
        bucket bigint,
        PRIMARY KEY ((tenant, epoch), bucket)
    );
    CREATE TABLE IF NOT EXISTS {ks}.crypto_page_of_epoch (
        tenant text,
        epoch bigint,
        bucket bigint,
        page blob,
        PRIMARY KEY ((tenant, epoch, bucket), page)
    );
    CREATE TABLE IF NOT EXISTS {ks}.crypto_reason (
        tenant text,
        event blob,
        sealed blob,
        PRIMARY KEY ((tenant, event))
    )",
        "CREATE TABLE IF NOT EXISTS {ks}.crypto_last_erasure (
        tenant text,
        marked_at bigint,
        PRIMARY KEY ((tenant))
    )",
    ],
};
