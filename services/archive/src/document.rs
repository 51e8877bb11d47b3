//! What archive signs: a recording's manifest, its addenda, and the record of a call that was not recorded.
//! Pure: from what is known to the documents' contents.

use std::collections::BTreeSet;
use std::time::Duration;

use kernel::{
    ErasureId, EventId, FrameNo, Interval, IntervalSet, LegNo, Position, PurposeName, RequestId, SpanNo,
    Timestamp,
};
use objects::Key;
use policy::DenyReason;
use proto::common::v1::{GrantOutcome, PartyRole};
use seal::hash::root_of_roots;
use seal::manifest::{
    AddendumChange, Anchor, BasisInterval, Completeness as Verdict, Denial, DropReason as Absent, Dropped,
    EndCause, ErasedSpans, Evidence, FrameRange, Leg, Mark, NotRecordedReason, ObjectRow, PartyRole as Role,
    ReasonCode, SectionRow, Superseded,
};
use seal::receipt::PlainCode;
use seal::{Addendum, Codec, Hash, Manifest, NotRecorded, SectionKind};

use crate::completeness::{Completeness, dropped_ranges};
use crate::erased;
use crate::fact::{DropReason, META_LEG, RecordingKey, Span, StoredObject};
use crate::store::{History, LegRow};
use crate::timeline::{Timeline, span_table_hash, timeline_hash};

/// The cause of a recording that archive ended itself.
pub const ABANDONED: &str = "abandoned";
/// A note of a person who declined.
const REFUSED_NOTE: &str = "consent.refused";

/// Where a recording's document of this version lies.
pub fn name(recording: &RecordingKey, version: u32) -> Key {
    Key::new(format!("{}/{}/documents/{version:06}", recording.tenant, recording.id))
        .expect("slugs, ids and numbers make a key")
}

/// The manifest of a recording as it is known now.
pub fn manifest(history: &History, timeline: &Timeline, judged: &Completeness) -> Manifest {
    let recording = &history.recording;
    let started_at = started_at(history);
    let mut superseded: Vec<_> = judged
        .superseded
        .iter()
        .map(|row| Superseded {
            leg: row.leg,
            section: row.section,
            span: row.span,
            frames: FrameRange { first: row.first, last: row.last },
        })
        .collect();
    superseded.sort_unstable_by_key(|row| (row.leg, row.section, row.span, row.frames));
    Manifest {
        tenant: recording.key.tenant.clone(),
        recording: recording.key.id,
        started_at,
        ended_at: started_at.plus(Duration::from_micros(history.duration().0)),
        cause: cause(history),
        completeness: verdict(judged),
        policy_hash: recording.policy_hash,
        legs: legs(history, timeline, judged),
        objects: objects(history, |_| true),
        bases: bases(history, timeline),
        marks: timeline
            .marks
            .iter()
            .map(|(label, at)| Mark { label: label.clone(), interval: *at })
            .collect(),
        superseded,
        timeline: timeline_hash(timeline),
        span_table: span_table_hash(&history.spans),
    }
}

/// The addendum for objects that no document names yet.
pub fn addendum(history: &History, timeline: &Timeline, judged: &Completeness) -> Option<Addendum> {
    let late: BTreeSet<LegNo> =
        history.objects.iter().filter(|object| object.document.is_none()).map(|object| object.leg).collect();
    let legs = legs(history, timeline, judged).into_iter().filter(|leg| late.contains(&leg.leg));
    let change = AddendumChange::Filled {
        completeness: verdict(judged),
        legs: legs.collect(),
        objects: objects(history, |object| object.document.is_none()),
    };
    next_addendum(history, change)
}

/// The addendum for spans that nobody can open any more, with the objects of which these were the last.
pub fn erasure(
    history: &History,
    erasure: ErasureId,
    reason: &ReasonCode,
    spans: Vec<ErasedSpans>,
) -> Option<Addendum> {
    let before = erased::named(history);
    let mut after = before.clone();
    spans.iter().for_each(|row| erased::add(&mut after, (row.leg, row.section), &row.spans));
    let names = |spans| {
        let whole = erased::whole_objects(history, spans).into_iter();
        whole.map(|object| object.name.clone()).collect::<BTreeSet<_>>()
    };
    let (known, whole) = (names(&before), names(&after));
    let change = AddendumChange::Erased {
        reason: reason.clone(),
        ledger: EventId::from_bytes(erasure.to_bytes()),
        spans,
        objects: objects(history, |object| whole.contains(&object.name) && !known.contains(&object.name)),
    };
    next_addendum(history, change)
}

/// The addendum that says that a person has stated something, and where that is filed.
pub fn statement(history: &History, request: RequestId, filed: &PlainCode) -> Option<Addendum> {
    next_addendum(history, AddendumChange::Stated { filed: filed.clone(), request })
}

/// The addendum after a recording's last document.
fn next_addendum(history: &History, change: AddendumChange) -> Option<Addendum> {
    let manifest = history.documents.first()?;
    let last = history.documents.last()?;
    Some(Addendum {
        tenant: history.recording.key.tenant.clone(),
        recording: history.recording.key.id,
        number: last.version,
        manifest: manifest.sha256,
        previous: (last.version > 1).then_some(last.sha256),
        change,
    })
}

/// The record of a call of which nothing is kept.
pub fn not_recorded(history: &History) -> NotRecorded {
    let recording = &history.recording;
    let known = recording.policy_hash != Hash::default();
    let denials = history.grants.iter().filter_map(|grant| {
        let purpose = PurposeName::new(grant.purpose.as_str()).ok()?;
        let reason = ReasonCode::new(&denial(history, grant)).ok()?;
        Some(Denial { purpose, reason })
    });
    NotRecorded {
        tenant: recording.key.tenant.clone(),
        recording: recording.key.id,
        started_at: started_at(history),
        reason: not_recorded_reason(history),
        denials: denials.collect(),
        policy_hash: known.then_some(recording.policy_hash),
    }
}

/// Why a call was not recorded, in one word for the rest of the world.
pub fn refusal(history: &History) -> String {
    if !history.recording.refusal.is_empty() {
        return history.recording.refusal.clone();
    }
    if has_refusal(history) {
        return DenyReason::ConsentRefused.as_str().to_owned();
    }
    let first = history.grants.iter().map(|grant| denial(history, grant)).next();
    first.unwrap_or_else(|| not_recorded_reason(history).as_str().replace('_', "-"))
}

/// Position 0: as the sender said, or as the first event was seen where no session was seen to open.
pub fn started_at(history: &History) -> Timestamp {
    history.recording.started_at.unwrap_or(history.recording.last_event_at)
}

fn verdict(judged: &Completeness) -> Verdict {
    if judged.is_complete() { Verdict::Complete } else { Verdict::Gaps }
}

fn cause(history: &History) -> EndCause {
    let stopped = history.dropped.iter().any(|dropped| dropped.reason == DropReason::Stopped);
    match history.recording.cause.as_str() {
        ABANDONED => EndCause::Abandoned,
        _ if stopped => EndCause::Stopped,
        _ => EndCause::Closed,
    }
}

fn legs(history: &History, timeline: &Timeline, judged: &Completeness) -> Vec<Leg> {
    let end = history.duration();
    let all = Interval::new(Position::ZERO, end).into_iter().collect::<IntervalSet>();
    let pauses: Vec<_> = timeline.paused().intersection(&all).iter().collect();
    let mut legs: Vec<_> =
        history.legs.iter().map(|row| audio_leg(history, judged, row, pauses.clone())).collect();
    if history.sections.iter().any(|row| row.began.kind == SectionKind::Meta) {
        legs.push(Leg {
            leg: META_LEG,
            kind: SectionKind::Meta,
            party: Role::Unknown,
            codec: Codec::Document,
            rate: 0,
            anchors: Vec::new(),
            last_frame: None,
            sections: sections(history, META_LEG),
            gaps: Vec::new(),
            pauses: Vec::new(),
            dropped: Vec::new(),
        });
    }
    legs
}

fn audio_leg(history: &History, judged: &Completeness, row: &LegRow, pauses: Vec<Interval>) -> Leg {
    let leg = row.leg.leg;
    let started = started_at(history);
    let anchors = history.anchors.iter().filter(|anchors| anchors.leg == leg).flat_map(|own| &own.anchors);
    let stored = history.spans.iter().filter(|span| span.leg == leg).map(|span| span.last_frame.0);
    let last = row.frames.map_or(stored.max(), |frames| frames.checked_sub(1));
    let gaps = judged.gaps.get(&leg).into_iter().flat_map(|gaps| gaps.ranges());
    Leg {
        leg,
        kind: SectionKind::Audio,
        party: party(history, row.leg.party),
        // A name that cannot be in a document was refused by ingest; the frames say nothing of it either.
        codec: Codec::from_name(&row.leg.codec).unwrap_or(Codec::Pcma),
        rate: row.leg.clock_rate,
        anchors: anchors
            .map(|anchor| Anchor {
                rtp_timestamp: anchor.rtp_timestamp,
                captured_at: started.plus(Duration::from_micros(anchor.position.0)),
                position: anchor.position,
            })
            .collect(),
        last_frame: last.map(FrameNo),
        sections: sections(history, leg),
        gaps: gaps
            .map(|range| FrameRange { first: FrameNo(*range.start()), last: FrameNo(*range.end()) })
            .collect(),
        pauses,
        dropped: dropped_ranges(history, leg)
            .into_iter()
            .map(|(first, last, reason)| Dropped {
                frames: FrameRange { first, last },
                reason: absent(reason),
            })
            .collect(),
    }
}

fn absent(reason: DropReason) -> Absent {
    match reason {
        DropReason::Pause => Absent::Pause,
        DropReason::NoBasis => Absent::NoBasis,
        DropReason::Sender => Absent::Sender,
        DropReason::Stopped => Absent::Stopped,
    }
}

fn sections(history: &History, leg: LegNo) -> Vec<SectionRow> {
    let own = history.sections.iter().filter(|row| row.began.leg == leg);
    own.map(|row| {
        let spans = history.spans.iter().filter(|s| s.leg == leg && s.section == row.began.section);
        let roots: Vec<_> = spans.map(|span| &span.ct_root).collect();
        SectionRow {
            section: row.began.section,
            writer: row.began.writer,
            span_count: u32::try_from(roots.len()).unwrap_or(u32::MAX),
            span_root: root_of_roots(roots),
        }
    })
    .collect()
}

fn objects(history: &History, wanted: impl Fn(&StoredObject) -> bool) -> Vec<ObjectRow> {
    let mut rows: Vec<_> = history
        .objects
        .iter()
        .filter(|object| wanted(object))
        .filter_map(|object| {
            let spans = spans_of(history, object);
            Some(ObjectRow {
                leg: object.leg,
                section: object.section,
                first_span: spans.first()?.span,
                sha256: object.sha256,
                root: root_of_roots(spans.iter().map(|span| &span.ct_root)),
                length: object.length,
                lock_until: object.lock_until,
                regimes: object.regimes.clone(),
            })
        })
        .collect();
    rows.sort_unstable_by_key(|row| (row.leg, row.section, row.first_span));
    rows
}

/// The spans in an object. Objects hold consecutive spans and are named by their first, so a span is in the
/// last object of its section that begins at or before it.
pub fn spans_of<'h>(history: &'h History, object: &StoredObject) -> Vec<&'h Span> {
    let begin = first_span(object);
    let own = |other: &&StoredObject| other.leg == object.leg && other.section == object.section;
    let next = history.objects.iter().filter(own).map(first_span).filter(|span| *span > begin).min();
    let mine = |span: &&Span| {
        span.leg == object.leg
            && span.section == object.section
            && span.span >= begin
            && next.is_none_or(|next| span.span < next)
    };
    history.spans.iter().filter(mine).collect()
}

/// The object that a span is in.
pub fn object_of<'h>(history: &'h History, span: &Span) -> Option<&'h StoredObject> {
    let own =
        history.objects.iter().filter(|object| (object.leg, object.section) == (span.leg, span.section));
    own.filter(|object| first_span(object) <= span.span).max_by_key(|object| first_span(object))
}

fn first_span(object: &StoredObject) -> SpanNo {
    object.name.as_str().parse::<seal::ObjectName>().map(|name| name.first_span).unwrap_or_default()
}

fn bases(history: &History, timeline: &Timeline) -> Vec<BasisInterval> {
    let mut rows = Vec::new();
    for (purpose, own) in &timeline.bases.purposes {
        for basis in &own.intervals {
            let start = basis.interval.start();
            let error = history
                .changes
                .iter()
                .filter(|change| change.purpose == *purpose && change.effective_at() == start)
                .find_map(|change| change.derived_error_us);
            rows.push(BasisInterval {
                purpose: purpose.clone(),
                basis: basis.basis,
                interval: basis.interval,
                evidence: basis.evidence.map(|event| Evidence { event, ct_root: spoken(history, start) }),
                derived_error_us: error,
            });
        }
    }
    rows
}

/// The span of a customer's leg in which the words just before a position lie, where they are stored.
fn spoken(history: &History, position: Position) -> Option<Hash> {
    let before = position.minus(1);
    let customers = history.legs.iter().filter(|row| party(history, row.leg.party) == Role::Customer);
    let legs: BTreeSet<_> = customers.map(|row| row.leg.leg).collect();
    let holds = |span: &&Span| {
        legs.contains(&span.leg) && span.interval().is_some_and(|i| i.start() <= before && before < i.end())
    };
    history.spans.iter().find(holds).map(|span| span.ct_root)
}

fn party(history: &History, index: u32) -> Role {
    let party = history.parties.get(index as usize);
    match party.and_then(|party| PartyRole::try_from(party.role).ok()) {
        Some(PartyRole::Customer) => Role::Customer,
        Some(PartyRole::Agent) => Role::Agent,
        Some(PartyRole::Supervisor) => Role::Supervisor,
        Some(PartyRole::Bystander) => Role::Bystander,
        Some(PartyRole::Unknown | PartyRole::Unspecified) | None => Role::Unknown,
    }
}

fn has_refusal(history: &History) -> bool {
    history.notes.iter().any(|note| note.kind == REFUSED_NOTE)
}

fn denial(history: &History, grant: &proto::common::v1::Grant) -> String {
    let refused = history.notes.iter().any(|note| note.kind == REFUSED_NOTE && note.code == grant.purpose);
    let code = match GrantOutcome::try_from(grant.outcome) {
        _ if refused => DenyReason::ConsentRefused.as_str(),
        Ok(GrantOutcome::Denied) => return grant.reason.clone(),
        Ok(GrantOutcome::AwaitsConsent) => DenyReason::ConsentNotGiven.as_str(),
        Ok(GrantOutcome::AwaitsMark) => DenyReason::MarkNeverCame.as_str(),
        Ok(GrantOutcome::Granted) => "nothing-kept",
        Ok(GrantOutcome::Unspecified) | Err(_) => "unknown",
    };
    code.to_owned()
}

fn not_recorded_reason(history: &History) -> NotRecordedReason {
    let outcome = |grant: &proto::common::v1::Grant| GrantOutcome::try_from(grant.outcome);
    let empty = [DenyReason::NoPolicy, DenyReason::EmptyPolicy].map(DenyReason::as_str);
    let said = |grant: &proto::common::v1::Grant| empty.contains(&grant.reason.as_str());
    if history.grants.iter().any(said) || empty.contains(&history.recording.refusal.as_str()) {
        NotRecordedReason::EmptyPolicy
    } else if history.grants.iter().all(|grant| outcome(grant) == Ok(GrantOutcome::Denied)) {
        NotRecordedReason::NoPurposeGranted
    } else if history.changes.iter().all(|change| change.kind.is_restrictive()) {
        // A refusal ends a basis that never began.
        NotRecordedReason::BasisNeverCame
    } else {
        NotRecordedReason::NothingKept
    }
}
