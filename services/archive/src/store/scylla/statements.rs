//! Every statement, prepared once.

use cql::{Cql, Space, Statement};

use crate::store::Error;

/// Names the statements and their texts in one place.
macro_rules! statements {
    ($($name:ident: $text:expr,)+) => {
        /// Prepared statements, by what they do.
        pub(super) struct Statements { $(pub(super) $name: Statement,)+ }

        impl Statements {
            /// Prepares all of them.
            pub(super) async fn prepare(cql: &Cql) -> Result<Self, Error> {
                Ok(Self { $($name: cql.prepare(Space::Data, $text).await?,)+ })
            }
        }
    };
}

statements! {
    own: "SELECT tenant, id, version, changed_by, audio_partition, bucket, state, session_epoch, started_at,
            direction, language, policy_hash, first_event_at, closed_at, cause, end_at, refusal, complete,
            unnamed, settled
        FROM {ks}.archive_recording WHERE tenant = ? AND id = ?",
    make_own: "INSERT INTO {ks}.archive_recording (tenant, id, version, changed_by, audio_partition, bucket, state,
            session_epoch, started_at, direction, language, policy_hash, first_event_at, closed_at, cause, end_at,
            refusal, complete, unnamed, settled)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS",
    // The version is the condition: two archives that hold a partition at once do not undo each other's changes.
    change_own: "UPDATE {ks}.archive_recording SET version = :version, changed_by = :changed_by, state = :state,
            session_epoch = :session_epoch, started_at = :started_at, direction = :direction, language = :language,
            policy_hash = :policy_hash, closed_at = :closed_at, cause = :cause, end_at = :end_at,
            refusal = :refusal, complete = :complete, unnamed = :unnamed, settled = :settled
        WHERE tenant = :tenant AND id = :id IF version = :before",
    // The same with the event that tells of it.
    settle_own: "UPDATE {ks}.archive_recording SET version = ?, changed_by = ?, state = ?, complete = ?,
            unnamed = ?, settled = ?, pending[?] = ?
        WHERE tenant = ? AND id = ? IF version = ?",
    pending: "SELECT pending FROM {ks}.archive_recording WHERE tenant = ? AND id = ?",
    clear_pending: "DELETE pending[?] FROM {ks}.archive_recording WHERE tenant = ? AND id = ? IF EXISTS",

    // Written at the event's own time, so that the latest stands whichever came last.
    alive: "INSERT INTO {ks}.archive_life (tenant, id, last_event_at) VALUES (?, ?, ?) USING TIMESTAMP ?",
    life: "SELECT last_event_at FROM {ks}.archive_life WHERE tenant = ? AND id = ?",

    add_party: "INSERT INTO {ks}.archive_party (tenant, id, number, subject, role) VALUES (?, ?, ?, ?, ?)",
    parties: "SELECT number, subject, role FROM {ks}.archive_party WHERE tenant = ? AND id = ?",
    add_leg: "INSERT INTO {ks}.archive_leg (tenant, id, leg, codec, clock_rate, party) VALUES (?, ?, ?, ?, ?, ?)",
    legs: "SELECT leg, codec, clock_rate, party FROM {ks}.archive_leg WHERE tenant = ? AND id = ?",
    end_leg: "INSERT INTO {ks}.archive_leg_end (tenant, id, leg, frames) VALUES (?, ?, ?, ?)",
    leg_ends: "SELECT leg, frames FROM {ks}.archive_leg_end WHERE tenant = ? AND id = ?",
    add_grant: "INSERT INTO {ks}.archive_grant (tenant, id, number, purpose, outcome, basis, regime, mark, reason,
            evidence, until_mark)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    grants: "SELECT number, purpose, outcome, basis, regime, mark, reason, evidence, until_mark
        FROM {ks}.archive_grant WHERE tenant = ? AND id = ?",
    add_section: "INSERT INTO {ks}.archive_section (tenant, id, leg, section, kind, session_epoch, key_epoch, writer)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    sections: "SELECT leg, section, kind, session_epoch, key_epoch, writer
        FROM {ks}.archive_section WHERE tenant = ? AND id = ?",
    end_section: "INSERT INTO {ks}.archive_section_end (tenant, id, leg, section, spans, root)
        VALUES (?, ?, ?, ?, ?, ?)",
    section_ends: "SELECT leg, section, spans, root FROM {ks}.archive_section_end WHERE tenant = ? AND id = ?",
    add_anchor: "INSERT INTO {ks}.archive_anchor (tenant, id, leg, section, frame, rtp_timestamp, position, ssrc)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    anchors: "SELECT leg, section, frame, rtp_timestamp, position, ssrc
        FROM {ks}.archive_anchor WHERE tenant = ? AND id = ?",

    add_object: "INSERT INTO {ks}.archive_object (tenant, id, name, sha256, length, lock_until, regimes, leg,
            section, first_span, last_span)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    name_object: "UPDATE {ks}.archive_object SET document = ? WHERE tenant = ? AND id = ? AND name = ?",
    object: "SELECT document FROM {ks}.archive_object WHERE tenant = ? AND id = ? AND name = ?",
    delete_object: "UPDATE {ks}.archive_object SET deleted_at = ? WHERE tenant = ? AND id = ? AND name = ?",
    objects: "SELECT name, sha256, length, lock_until, regimes, leg, section, first_span, last_span, document,
            deleted_at
        FROM {ks}.archive_object WHERE tenant = ? AND id = ?",
    // Of two objects with one span at most one is taken: its bytes would be ambiguous.
    add_span: "INSERT INTO {ks}.archive_span (tenant, id, leg, section, chunk, span, object, first_frame,
            last_frame, start_at, end_at, ct_root, place, length)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS",
    spans: "SELECT leg, section, span, object, first_frame, last_frame, start_at, end_at, ct_root,
            place AS \"offset\", length
        FROM {ks}.archive_span WHERE tenant = ? AND id = ? AND leg = ? AND section = ? AND chunk = ?",
    span_places: "SELECT span, object FROM {ks}.archive_span
        WHERE tenant = ? AND id = ? AND leg = ? AND section = ? AND chunk = ? AND span >= ? AND span <= ?",
    span_root: "SELECT ct_root, object FROM {ks}.archive_span
        WHERE tenant = ? AND id = ? AND leg = ? AND section = ? AND chunk = ? AND span = ?",

    add_change: "INSERT INTO {ks}.archive_basis_change (tenant, id, event, cause_event, position, purpose, basis,
            kind, cause, evidence, derived_error)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    changes: "SELECT cause_event, position, purpose, basis, kind, cause, evidence, derived_error
        FROM {ks}.archive_basis_change WHERE tenant = ? AND id = ?",
    add_pause: "INSERT INTO {ks}.archive_pause_edge (tenant, id, event, cause_event, position, reason, derived_error)
        VALUES (?, ?, ?, ?, ?, ?, ?)",
    pauses: "SELECT cause_event, position, reason, derived_error
        FROM {ks}.archive_pause_edge WHERE tenant = ? AND id = ?",
    add_mark: "INSERT INTO {ks}.archive_mark_edge (tenant, id, event, cause_event, position, label, begins)
        VALUES (?, ?, ?, ?, ?, ?, ?)",
    marks: "SELECT cause_event, position, label, begins FROM {ks}.archive_mark_edge WHERE tenant = ? AND id = ?",
    add_note: "INSERT INTO {ks}.archive_note (tenant, id, event, cause_event, position, kind, code)
        VALUES (?, ?, ?, ?, ?, ?, ?)",
    notes: "SELECT cause_event, position, kind, code FROM {ks}.archive_note WHERE tenant = ? AND id = ?",
    add_dropped: "INSERT INTO {ks}.archive_dropped (tenant, id, event, leg, first_frame, last_frame, reason,
            start_at, end_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    dropped: "SELECT leg, first_frame, last_frame, reason, start_at, end_at
        FROM {ks}.archive_dropped WHERE tenant = ? AND id = ?",
    add_gone: "INSERT INTO {ks}.archive_gone (tenant, id, purpose, reason, document) VALUES (?, ?, ?, ?, ?)",
    gone: "SELECT purpose, reason, document FROM {ks}.archive_gone WHERE tenant = ? AND id = ?",
    add_erased: "INSERT INTO {ks}.archive_erased (tenant, id, document, leg, section, spans, reason, at, erasure)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    erased: "SELECT document, leg, section, spans, reason, at, erasure
        FROM {ks}.archive_erased WHERE tenant = ? AND id = ?",
    add_stated: "INSERT INTO {ks}.archive_stated (tenant, id, document, filed, request, at)
        VALUES (?, ?, ?, ?, ?, ?)",
    stated: "SELECT document, filed, request, at FROM {ks}.archive_stated WHERE tenant = ? AND id = ?",
    // Of two calls about one erasure the first says where the log ended.
    add_erasure: "INSERT INTO {ks}.archive_erasure (tenant, id, erasure, log_end, through)
        VALUES (?, ?, ?, ?, 0) IF NOT EXISTS",
    erasure: "SELECT erasure, log_end, through
        FROM {ks}.archive_erasure WHERE tenant = ? AND id = ? AND erasure = ?",
    look_erasure: "UPDATE {ks}.archive_erasure SET through = ?
        WHERE tenant = ? AND id = ? AND erasure = ? IF through < ?",
    // Two archives that settle one recording at once must not both sign its next document.
    add_document: "INSERT INTO {ks}.archive_document (tenant, id, version, kind, name, sha256, at)
        VALUES (?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS",
    document: "SELECT sha256 FROM {ks}.archive_document WHERE tenant = ? AND id = ? AND version = ?",
    documents: "SELECT version, kind, name, sha256, at FROM {ks}.archive_document WHERE tenant = ? AND id = ?",

    point_unsettled_bucket: "INSERT INTO {ks}.archive_unsettled_bucket (audio_partition, bucket) VALUES (?, ?)",
    unsettled_buckets: "SELECT bucket FROM {ks}.archive_unsettled_bucket WHERE audio_partition = ?",
    point_unsettled: "INSERT INTO {ks}.archive_unsettled (audio_partition, bucket, tenant, id) VALUES (?, ?, ?, ?)",
    unsettled: "SELECT tenant, id FROM {ks}.archive_unsettled
        WHERE audio_partition = ? AND bucket = ? AND (tenant, id) > (?, ?)",
    // As of before its row was looked at: a pointer that was written since stays.
    drop_unsettled: "DELETE FROM {ks}.archive_unsettled USING TIMESTAMP ?
        WHERE audio_partition = ? AND bucket = ? AND tenant = ? AND id = ?",
    drop_unsettled_bucket: "DELETE FROM {ks}.archive_unsettled_bucket USING TIMESTAMP ?
        WHERE audio_partition = ? AND bucket = ?",

    list_bucket: "INSERT INTO {ks}.archive_listed_bucket (tenant, scope, bucket) VALUES (?, ?, ?)",
    listed_buckets: "SELECT bucket FROM {ks}.archive_listed_bucket
        WHERE tenant = ? AND scope = ? AND bucket >= ? AND bucket <= ?",
    list: "INSERT INTO {ks}.archive_listed (tenant, scope, bucket, started_at, id) VALUES (?, ?, ?, ?, ?)",
    listed: "SELECT started_at, id FROM {ks}.archive_listed
        WHERE tenant = ? AND scope = ? AND bucket = ? AND (started_at, id) >= (?, ?) AND (started_at, id) < (?, ?)",
}
