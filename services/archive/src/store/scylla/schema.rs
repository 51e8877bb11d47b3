//! The tables. A recording's rows share its partition, except spans, which are many, and the ways to find
//! recordings, which are cut by time.
//!
//! Unsigned 64-bit numbers (positions, frames, epochs) are kept as the same 64 bits, signed: no query compares
//! them. Clock times are microseconds since 1970.

use cql::{Component, Space, outbox_component, pending_column};

/// Archive's tables.
pub const COMPONENTS: &[Component] = &[RECORDINGS, outbox_component!("archive")];

const RECORDINGS: Component = Component {
    name: "archive",
    space: Space::Data,
    steps: &[
        concat!(
            // The own row: changed by conditional writes alone.
            "CREATE TABLE IF NOT EXISTS {ks}.archive_recording (
            tenant text, id blob, version bigint, changed_by uuid, audio_partition int, bucket bigint,
            state int, session_epoch bigint, started_at bigint, direction int, language text, policy_hash blob,
            first_event_at bigint, closed_at bigint, cause text, end_at bigint, refusal text, complete boolean,
            unnamed boolean, settled int, pending ",
            pending_column!(),
            ",
            PRIMARY KEY ((tenant, id)));
        CREATE TABLE IF NOT EXISTS {ks}.archive_life (
            tenant text, id blob, last_event_at bigint,
            PRIMARY KEY ((tenant, id)));
        CREATE TABLE IF NOT EXISTS {ks}.archive_party (
            tenant text, id blob, number int, subject blob, role int,
            PRIMARY KEY ((tenant, id), number));
        CREATE TABLE IF NOT EXISTS {ks}.archive_leg (
            tenant text, id blob, leg int, codec text, clock_rate bigint, party bigint,
            PRIMARY KEY ((tenant, id), leg));
        CREATE TABLE IF NOT EXISTS {ks}.archive_leg_end (
            tenant text, id blob, leg int, frames bigint,
            PRIMARY KEY ((tenant, id), leg, frames));
        CREATE TABLE IF NOT EXISTS {ks}.archive_grant (
            tenant text, id blob, number int, purpose text, outcome int, basis int, regime text, mark text,
            reason text, evidence blob, until_mark boolean,
            PRIMARY KEY ((tenant, id), number));
        CREATE TABLE IF NOT EXISTS {ks}.archive_section (
            tenant text, id blob, leg int, section bigint, kind bigint, session_epoch bigint, key_epoch bigint,
            writer blob,
            PRIMARY KEY ((tenant, id), leg, section));
        CREATE TABLE IF NOT EXISTS {ks}.archive_section_end (
            tenant text, id blob, leg int, section bigint, spans bigint, root blob,
            PRIMARY KEY ((tenant, id), leg, section));
        CREATE TABLE IF NOT EXISTS {ks}.archive_anchor (
            tenant text, id blob, leg int, section bigint, frame bigint, rtp_timestamp bigint, position bigint,
            ssrc bigint,
            PRIMARY KEY ((tenant, id), leg, section, frame));
        CREATE TABLE IF NOT EXISTS {ks}.archive_object (
            tenant text, id blob, name text, sha256 blob, length bigint, lock_until bigint, regimes text,
            leg int, section bigint, first_span bigint, last_span bigint, document int,
            deleted_at bigint,
            PRIMARY KEY ((tenant, id), name));
        CREATE TABLE IF NOT EXISTS {ks}.archive_span (
            tenant text, id blob, leg int, section bigint, chunk bigint, span bigint, object text,
            first_frame bigint, last_frame bigint, start_at bigint, end_at bigint, ct_root blob,
            place bigint, length bigint,
            PRIMARY KEY ((tenant, id, leg, section, chunk), span));
        CREATE TABLE IF NOT EXISTS {ks}.archive_basis_change (
            tenant text, id blob, event blob, cause_event blob, position bigint, purpose text, basis int,
            kind int, cause int, evidence blob, derived_error bigint,
            PRIMARY KEY ((tenant, id), event));
        CREATE TABLE IF NOT EXISTS {ks}.archive_pause_edge (
            tenant text, id blob, event blob, cause_event blob, position bigint, reason text,
            derived_error bigint,
            PRIMARY KEY ((tenant, id), event));
        CREATE TABLE IF NOT EXISTS {ks}.archive_mark_edge (
            tenant text, id blob, event blob, cause_event blob, position bigint, label text, begins boolean,
            PRIMARY KEY ((tenant, id), event));
        CREATE TABLE IF NOT EXISTS {ks}.archive_note (
            tenant text, id blob, event blob, cause_event blob, position bigint, kind text, code text,
            PRIMARY KEY ((tenant, id), event));
        CREATE TABLE IF NOT EXISTS {ks}.archive_dropped (
            tenant text, id blob, event blob, leg int, first_frame bigint, last_frame bigint, reason int,
            start_at bigint, end_at bigint,
            PRIMARY KEY ((tenant, id), event));
        CREATE TABLE IF NOT EXISTS {ks}.archive_gone (
            tenant text, id blob, purpose text, reason text, document int,
            PRIMARY KEY ((tenant, id), purpose));
        CREATE TABLE IF NOT EXISTS {ks}.archive_document (
            tenant text, id blob, version int, kind int, name text, sha256 blob, at bigint,
            PRIMARY KEY ((tenant, id), version));
        CREATE TABLE IF NOT EXISTS {ks}.archive_erased (
            tenant text, id blob, document int, leg int, section bigint, spans blob, reason text, at bigint,
            erasure blob,
            PRIMARY KEY ((tenant, id), document, leg, section));
        CREATE TABLE IF NOT EXISTS {ks}.archive_erasure (
            tenant text, id blob, erasure blob, log_end bigint, through int,
            PRIMARY KEY ((tenant, id), erasure));
        CREATE TABLE IF NOT EXISTS {ks}.archive_unsettled_bucket (
            audio_partition int, bucket bigint,
            PRIMARY KEY (audio_partition, bucket));
        CREATE TABLE IF NOT EXISTS {ks}.archive_unsettled (
            audio_partition int, bucket bigint, tenant text, id blob,
            PRIMARY KEY ((audio_partition, bucket), tenant, id));
        CREATE TABLE IF NOT EXISTS {ks}.archive_listed_bucket (
            tenant text, scope blob, bucket bigint,
            PRIMARY KEY ((tenant, scope), bucket)) WITH CLUSTERING ORDER BY (bucket DESC);
        CREATE TABLE IF NOT EXISTS {ks}.archive_listed (
            tenant text, scope blob, bucket bigint, started_at bigint, id blob,
            PRIMARY KEY ((tenant, scope, bucket), started_at, id)
        ) WITH CLUSTERING ORDER BY (started_at DESC, id DESC)"
        ),
        // What people have stated about a recording.
        "CREATE TABLE IF NOT EXISTS {ks}.archive_stated (
            tenant text, id blob, document int, filed text, request blob, at bigint,
            PRIMARY KEY ((tenant, id), document))",
    ],
};
