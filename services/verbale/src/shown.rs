//! Wire answers as JSON for scripts: ids as text, times as RFC 3339, positions in seconds.

use kernel::{Position, Timestamp};
use proto::archive::v1::{Recording, Statement};
use proto::audit::v1::Entry;
use proto::consent::v1::GetStateResponse;
use serde_json::{Value, json};

use crate::timeline;

/// An id's text; hexadecimal where it is no UUID.
pub fn id(bytes: &[u8]) -> String {
    kernel::EventId::from_slice(bytes).map_or_else(|_| hex(bytes), |id| id.to_string())
}

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A moment, or nothing where it is 0.
pub fn time(micros: i64) -> Value {
    if micros == 0 { Value::Null } else { json!(Timestamp(micros).to_string()) }
}

/// An enum's value as a word: without its prefix, in small letters.
pub fn word(name: &'static str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_lowercase().replace('_', "-")
}

fn seconds(position: u64) -> Value {
    if position == u64::MAX { Value::Null } else { json!(Position(position).as_secs_f64()) }
}

fn basis(number: i32) -> Value {
    json!(kernel::Basis::from_number(number).map(kernel::Basis::as_str))
}

/// One recording in a list, which has its own facts only.
pub fn listed(r: &Recording) -> Value {
    json!({
        "recording": id(&r.recording_id), "state": timeline::state(r), "complete": r.complete,
        "started_at": time(r.started_at), "duration_s": seconds(r.duration), "language": r.language,
        "cause": r.cause, "policy_hash": hex(&r.policy_hash),
    })
}

/// One recording.
pub fn recording(r: &Recording) -> Value {
    json!({
        "recording": id(&r.recording_id),
        "state": timeline::state(r),
        "complete": r.complete,
        "started_at": time(r.started_at),
        "duration_s": seconds(r.duration),
        "language": r.language,
        "cause": r.cause,
        "policy_hash": hex(&r.policy_hash),
        "document": r.document_name,
        "document_sha256": hex(&r.document_hash),
        "parties": r.parties.iter().map(|p| json!({
            "subject": id(&p.subject_id), "role": timeline::party(p.role()),
        })).collect::<Vec<_>>(),
        "legs": r.legs.iter().map(|l| json!({
            "leg": l.leg, "codec": l.codec, "clock_rate": l.clock_rate, "frames": l.frames,
            "sections": l.sections, "spans": l.spans,
            "stored": l.stored.iter().map(|i| [seconds(i.start), seconds(i.end)]).collect::<Vec<_>>(),
            "absent": l.absences.iter().map(|a| json!({
                "first_frame": a.first_frame, "last_frame": a.last_frame,
                "start_s": seconds(a.start), "end_s": seconds(a.end), "reason": a.reason,
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "bases": r.bases.iter().map(|b| json!({
            "purpose": b.purpose, "basis": basis(b.basis), "start_s": seconds(b.start), "end_s": seconds(b.end),
            "evidence": if b.evidence.is_empty() { Value::Null } else { json!(id(&b.evidence)) },
            "derived": b.derived,
        })).collect::<Vec<_>>(),
        "gone": r.gone.iter().map(|g| json!({"purpose": g.purpose, "reason": g.reason})).collect::<Vec<_>>(),
        "grants": r.grants.iter().map(|g| json!({
            "purpose": g.purpose, "outcome": word(g.outcome().as_str_name(), "GRANT_OUTCOME_"), "reason": g.reason,
        })).collect::<Vec<_>>(),
        "pauses": r.pauses.iter().map(|p| json!({
            "start_s": seconds(p.start), "end_s": seconds(p.end), "reason": p.reason,
        })).collect::<Vec<_>>(),
        "marks": r.marks.iter().map(|m| json!({
            "label": m.label, "start_s": seconds(m.start), "end_s": seconds(m.end),
        })).collect::<Vec<_>>(),
        "notes": r.notes.iter().map(|n| json!({
            "at_s": seconds(n.position), "kind": n.kind, "code": n.code,
        })).collect::<Vec<_>>(),
        "objects": r.objects.iter().map(|o| json!({
            "name": o.name, "sha256": hex(&o.sha256), "bytes": o.length, "leg": o.leg, "section": o.section,
            "lock_until": time(o.lock_until), "regimes": o.regimes,
        })).collect::<Vec<_>>(),
        "erased": r.erased.iter().map(|e| json!({
            "leg": e.leg, "start_s": seconds(e.start), "end_s": seconds(e.end), "reason": e.reason,
            "at": time(e.at), "erasure": id(&e.erasure_id),
        })).collect::<Vec<_>>(),
        "statements": statements(r),
    })
}

/// What people have stated about a recording.
pub fn statements(r: &Recording) -> Vec<Value> {
    let one = |s: &Statement| json!({"filed": s.filed, "request": id(&s.request_id), "at": time(s.at)});
    r.statements.iter().map(one).collect()
}

/// The same of one of them in words, for whoever hears or passes on the recording.
pub fn stated(s: &Statement) -> String {
    format!("statement {} (request {}) is attached: tell it with the recording", s.filed, id(&s.request_id))
}

/// One ledger entry.
pub fn entry(e: &Entry) -> Value {
    json!({
        "event": id(&e.event_id), "at": time(e.at), "action": e.action, "actor": e.actor,
        "actor_kind": e.actor_kind, "objects": e.objects, "purpose": e.purpose, "outcome": e.outcome,
        "facts": e.facts, "reason_commitment": hex(&e.reason_commitment),
        "partition": e.partition, "index": e.index,
    })
}

/// A subject's consent.
pub fn consent(state: &GetStateResponse) -> Value {
    json!({
        "subject": id(&state.subject_id),
        "states": state.states.iter().map(|s| json!({
            "purpose": s.purpose, "state": s.state, "since": time(s.since),
            "scope": word(s.scope().as_str_name(), "CONSENT_SCOPE_"),
            "recording": if s.recording_id.is_empty() { Value::Null } else { json!(id(&s.recording_id)) },
        })).collect::<Vec<_>>(),
        "history": state.history.iter().map(|e| json!({
            "event": id(&e.event_id), "kind": word(e.kind().as_str_name(), "EVENT_KIND_"), "purposes": e.purposes,
            "scope": word(e.scope().as_str_name(), "CONSENT_SCOPE_"), "at": time(e.occurred_at), "recorded_at": time(e.recorded_at),
            "notice": e.notice, "notice_sha256": hex(&e.notice_hash),
            "expression": word(e.expression().as_str_name(), "EXPRESSION_"),
            "recording": if e.recording_id.is_empty() { Value::Null } else { json!(id(&e.recording_id)) },
        })).collect::<Vec<_>>(),
    })
}
