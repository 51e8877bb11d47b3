//! Domain types as messages.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Interval, IntervalSet, LegNo, RecordingId, Timestamp};
use proto::archive::v1 as wire;
use proto::common::v1 as common;

use crate::absence::missing;
use crate::completeness::judge;
use crate::document::{refusal, started_at};
use crate::erased::{Sections, stretches};
use crate::erasing::Outcome;
use crate::error::Error;
use crate::fact::StoredObject;
use crate::mesh::ranges;
use crate::store::{History, Recording, State, StatementRow};
use crate::timeline::{Timeline, fold};

/// A recording with everything that is known of it; of an erased one what is left.
pub(super) fn recording(history: &History) -> wire::Recording {
    if history.recording.state == State::Erased { left(history) } else { known(history) }
}

/// What is left of a recording that nobody can open: its documents, and what of it was erased when. Nothing of who
/// took part, what was marked, asked or stated, nor on what it rested.
fn left(history: &History) -> wire::Recording {
    let document = history.documents.last();
    let of_nobody = |leg: wire::RecordingLeg| wire::RecordingLeg { party: 0, ..leg };
    wire::Recording {
        started_at: started_at(history).0,
        duration: history.duration().0,
        legs: legs(history).into_iter().map(of_nobody).collect(),
        objects: objects(history),
        document_hash: document.map(|document| document.sha256.0.to_vec()).unwrap_or_default(),
        document_name: document.map(|document| document.name.to_string()).unwrap_or_default(),
        erased: erased(history),
        cause: String::new(),
        language: String::new(),
        ..row(&history.recording)
    }
}

fn known(history: &History) -> wire::Recording {
    let timeline = fold(history);
    let document = history.documents.last();
    let refused = history.recording.state == State::NotRecorded;
    wire::Recording {
        started_at: started_at(history).0,
        duration: history.duration().0,
        parties: history
            .parties
            .iter()
            .map(|party| wire::RecordingParty {
                subject_id: party.subject.to_bytes().to_vec(),
                role: party.role,
            })
            .collect(),
        legs: legs(history),
        bases: bases(history, &timeline),
        pauses: timeline.pauses.iter().map(|pause| pause_row(history, pause)).collect(),
        marks: timeline
            .marks
            .iter()
            .map(|(label, at)| wire::Mark { label: label.to_string(), start: at.start().0, end: at.end().0 })
            .collect(),
        notes: history
            .notes
            .iter()
            .map(|note| wire::Note {
                position: note.position.0,
                kind: note.kind.clone(),
                code: note.code.clone(),
            })
            .collect(),
        objects: objects(history),
        grants: history.grants.clone(),
        gone: history
            .gone
            .iter()
            .map(|gone| wire::GonePurpose { purpose: gone.purpose.to_string(), reason: gone.reason.clone() })
            .collect(),
        document_hash: document.map(|document| document.sha256.0.to_vec()).unwrap_or_default(),
        document_name: document.map(|document| document.name.to_string()).unwrap_or_default(),
        erased: erased(history),
        statements: history.statements.iter().map(statement).collect(),
        cause: if refused { refusal(history) } else { history.recording.cause.clone() },
        ..row(&history.recording)
    }
}

/// A recording as a list has it.
pub(super) fn row(row: &Recording) -> wire::Recording {
    wire::Recording {
        recording_id: row.key.id.to_bytes().to_vec(),
        state: row.state.number(),
        started_at: row.started_at.unwrap_or(row.last_event_at).0,
        duration: row.end.map(|end| end.0).unwrap_or_default(),
        complete: row.complete.unwrap_or_default(),
        policy_hash: row.policy_hash.0.to_vec(),
        cause: row.cause.clone(),
        language: row.language.clone(),
        ..wire::Recording::default()
    }
}

/// Whole spans of sections.
pub(super) fn spans(sections: Sections) -> wire::SpansResponse {
    let sections = sections.into_iter().map(|((leg, section), spans)| wire::SpansOfSection {
        leg: leg.0.into(),
        section: section.0,
        spans: ranges(&spans),
    });
    wire::SpansResponse { sections: sections.collect() }
}

/// What an erasure came to. A lock whose end nobody knows has the date 0.
pub(super) fn outcome(outcome: Outcome) -> wire::EraseResponse {
    let (name, hash) = outcome
        .addendum
        .map(|document| (document.name.to_string(), document.sha256.0.to_vec()))
        .unwrap_or_default();
    let locked = outcome.locked.into_iter().map(|object| wire::LockedObject {
        name: object.name.to_string(),
        until: object.until.unwrap_or_default().0,
    });
    wire::EraseResponse {
        spans: outcome.spans,
        document_name: name,
        document_hash: hash,
        objects_deleted: outcome.deleted,
        locked: locked.collect(),
        log_passed: outcome.log_passed,
    }
}

/// What somebody has stated.
pub(super) fn statement(row: &StatementRow) -> wire::Statement {
    wire::Statement {
        filed: row.filed.to_string(),
        request_id: row.request.to_bytes().to_vec(),
        at: row.at.0,
    }
}

/// Its audio legs.
pub(super) fn legs(history: &History) -> Vec<wire::RecordingLeg> {
    let judged = judge(history);
    let legs = history.legs.iter().map(|row| {
        let leg = row.leg.leg;
        let own: Vec<_> = history.spans.iter().filter(|span| span.leg == leg).collect();
        let stored: IntervalSet = own.iter().filter_map(|span| span.interval()).collect();
        let heard = own.iter().map(|span| span.last_frame.0.saturating_add(1)).max().unwrap_or_default();
        wire::RecordingLeg {
            leg: leg.0.into(),
            codec: row.leg.codec.clone(),
            clock_rate: row.leg.clock_rate,
            party: row.leg.party,
            frames: row.frames.unwrap_or(heard),
            stored: stored.iter().map(interval).collect(),
            absences: absences(history, &judged, leg),
            sections: count(history.sections.iter().filter(|section| section.began.leg == leg)),
            spans: count(own.iter()),
        }
    });
    legs.collect()
}

/// An interval.
pub(super) fn interval(interval: Interval) -> common::Interval {
    common::Interval { start: interval.start().0, end: interval.end().0 }
}

/// Where the next page begins: the last row's start (8 bytes, big-endian) and id.
pub(super) fn page_token(last: &Recording) -> String {
    let started = last.started_at.unwrap_or_default().0.to_be_bytes();
    URL_SAFE_NO_PAD.encode([started.as_slice(), &last.key.id.to_bytes()].concat())
}

/// Reads a page token; none where it is empty.
pub(super) fn after(token: &str) -> Result<Option<(Timestamp, RecordingId)>, Error> {
    let bad = || Error::Invalid { what: "page_token", problem: "is not one that was given" };
    if token.is_empty() {
        return Ok(None);
    }
    // 24 bytes are 32 characters: nothing longer is decoded.
    let bytes = (token.len() == 32).then(|| URL_SAFE_NO_PAD.decode(token).ok()).flatten().ok_or_else(bad)?;
    let (started, id) = bytes.split_first_chunk::<8>().ok_or_else(bad)?;
    let id = RecordingId::from_slice(id).map_err(|_| bad())?;
    Ok(Some((Timestamp(i64::from_be_bytes(*started)), id)))
}

fn absences(history: &History, judged: &crate::completeness::Completeness, leg: LegNo) -> Vec<wire::Absence> {
    let own = history.dropped.iter().filter(|dropped| dropped.leg == leg);
    let mut rows: Vec<_> = own
        .map(|dropped| wire::Absence {
            first_frame: dropped.first.0,
            last_frame: dropped.last.0,
            start: dropped.start.0,
            end: dropped.end.0,
            reason: dropped.reason.as_str().to_owned(),
        })
        .collect();
    let gaps = judged.gaps.get(&leg).into_iter().flat_map(|gaps| gaps.ranges());
    let places: Vec<_> = missing(history, judged, leg).iter().collect();
    rows.extend(gaps.enumerate().map(|(number, range)| {
        let place = places.get(number).or(places.last());
        wire::Absence {
            first_frame: *range.start(),
            last_frame: *range.end(),
            start: place.map(|place| place.start().0).unwrap_or_default(),
            end: place.map(|place| place.end().0).unwrap_or_default(),
            reason: "missing".to_owned(),
        }
    }));
    rows.sort_by_key(|row| (row.first_frame, row.last_frame));
    joined(rows)
}

/// Rows that follow each other for one reason as one: ingest logs what it drops every second.
fn joined(rows: Vec<wire::Absence>) -> Vec<wire::Absence> {
    let mut joined: Vec<wire::Absence> = Vec::new();
    for row in rows {
        match joined.last_mut() {
            Some(last)
                if last.reason == row.reason && last.last_frame.checked_add(1) == Some(row.first_frame) =>
            {
                last.last_frame = row.last_frame;
                last.end = last.end.max(row.end);
            }
            _ => joined.push(row),
        }
    }
    joined
}

fn bases(history: &History, timeline: &Timeline) -> Vec<wire::BasisInterval> {
    let mut rows = Vec::new();
    for (purpose, own) in &timeline.bases.purposes {
        rows.extend(own.intervals.iter().map(|basis| {
            let started = |change: &&policy::BasisChange| {
                change.purpose == *purpose && change.effective_at() == basis.interval.start()
            };
            let began = history.changes.iter().find(started);
            wire::BasisInterval {
                purpose: purpose.to_string(),
                basis: basis.basis.number(),
                start: basis.interval.start().0,
                end: basis.interval.end().0,
                evidence: basis.evidence.map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
                derived: began.is_some_and(|change| change.derived_error_us.is_some()),
            }
        }));
    }
    rows
}

fn pause_row(history: &History, pause: &crate::timeline::Paused) -> wire::Pause {
    let end = pause.interval.end().min(history.duration()).max(pause.interval.start());
    wire::Pause { start: pause.interval.start().0, end: end.0, reason: pause.reason.clone() }
}

/// What was erased, stretch by stretch.
fn erased(history: &History) -> Vec<wire::Erased> {
    let mut rows = Vec::new();
    for own in stretches(history) {
        rows.extend(own.intervals.iter().map(|interval| wire::Erased {
            leg: own.leg.0.into(),
            start: interval.start().0,
            end: interval.end().0,
            reason: own.reason.to_string(),
            at: own.at.0,
            erasure_id: own.erasure.to_bytes().to_vec(),
        }));
    }
    rows
}

/// The objects that are still there.
fn objects(history: &History) -> Vec<wire::StoredObject> {
    history.objects.iter().filter(|object| object.deleted_at.is_none()).map(object).collect()
}

fn object(object: &StoredObject) -> wire::StoredObject {
    wire::StoredObject {
        name: object.name.to_string(),
        sha256: object.sha256.0.to_vec(),
        length: object.length,
        lock_until: object.lock_until.map(|at| at.0).unwrap_or_default(),
        regimes: object.regimes.iter().map(ToString::to_string).collect(),
        leg: object.leg.0.into(),
        section: object.section.0,
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(first_frame: u64, last_frame: u64, reason: &str) -> wire::Absence {
        let (start, end) = (first_frame * 20_000, (last_frame + 1) * 20_000);
        wire::Absence { first_frame, last_frame, start, end, reason: reason.to_owned() }
    }

    #[test]
    fn what_was_dropped_second_by_second_is_told_as_one_stretch() {
        let rows = vec![
            row(0, 49, "no-basis"),
            row(50, 99, "no-basis"),
            row(100, 149, "pause"),
            row(200, 249, "pause"),
        ];
        let told = vec![row(0, 99, "no-basis"), row(100, 149, "pause"), row(200, 249, "pause")];
        assert_eq!(joined(rows), told);
    }
}
