//! What erasures and holds have that is not one value, as the text of a column: JSON, which both adapters
//! keep alike. An adapter says in which table a text lies that cannot be.

use std::collections::BTreeSet;

use kernel::{HoldId, Interval, LegNo, Position, PurposeName, RecordingId, SubjectId, Timestamp};
use policy::code::Code;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use serde_json::Error;

use crate::erasure::{Failure, KeptBack, KeptBy, MAX_KEPT_BACK, Report, Scope, Target};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TargetColumn {
    Subject(SubjectId),
    Recording(RecordingId),
    RecordingOf { recording: RecordingId, subject: SubjectId },
    Due,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ScopeColumn {
    Everything,
    Purposes(BTreeSet<PurposeName>),
    Stretch { start: Position, end: Position, legs: BTreeSet<LegNo> },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptByColumn {
    Hold(HoldId),
    Rule(Code),
}

#[derive(Serialize, Deserialize)]
struct KeptBackColumn {
    purpose: Option<PurposeName>,
    by: KeptByColumn,
    until: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct ReportColumn {
    entries_at: Option<Timestamp>,
    epoch: Option<u64>,
    not_before: Option<Timestamp>,
    final_at: Option<Timestamp>,
    addendum_at: Option<Timestamp>,
    objects_at: Option<Timestamp>,
    locked_until: Option<Timestamp>,
    log_at: Option<Timestamp>,
    probed_at: Option<Timestamp>,
    spans: u64,
}

#[derive(Serialize, Deserialize)]
struct FailureColumn {
    code: Code,
    tries: u32,
}

/// A target as text.
pub(super) fn target(target: &Target) -> Result<String, Error> {
    let column = match target {
        Target::Subject(subject) => TargetColumn::Subject(*subject),
        Target::Recording(recording) => TargetColumn::Recording(*recording),
        Target::RecordingOf { recording, subject } => {
            TargetColumn::RecordingOf { recording: *recording, subject: *subject }
        }
        Target::Due => TargetColumn::Due,
    };
    serde_json::to_string(&column)
}

pub(super) fn read_target(text: &str) -> Result<Target, Error> {
    Ok(match serde_json::from_str(text)? {
        TargetColumn::Subject(subject) => Target::Subject(subject),
        TargetColumn::Recording(recording) => Target::Recording(recording),
        TargetColumn::RecordingOf { recording, subject } => Target::RecordingOf { recording, subject },
        TargetColumn::Due => Target::Due,
    })
}

/// A scope as text.
pub(super) fn scope(scope: &Scope) -> Result<String, Error> {
    let column = match scope.clone() {
        Scope::Everything => ScopeColumn::Everything,
        Scope::Purposes(purposes) => ScopeColumn::Purposes(purposes),
        Scope::Stretch { interval, legs } => {
            ScopeColumn::Stretch { start: interval.start(), end: interval.end(), legs }
        }
    };
    serde_json::to_string(&column)
}

/// One that has lost its purposes is refused: it would reach nothing, or everything.
pub(super) fn read_scope(text: &str) -> Result<Scope, Error> {
    match serde_json::from_str(text)? {
        ScopeColumn::Everything => Ok(Scope::Everything),
        ScopeColumn::Purposes(purposes) if purposes.is_empty() => Err(Error::custom("no purpose")),
        ScopeColumn::Purposes(purposes) => Ok(Scope::Purposes(purposes)),
        ScopeColumn::Stretch { start, end, legs } => match Interval::new(start, end) {
            Some(interval) => Ok(Scope::Stretch { interval, legs }),
            None => Err(Error::custom("an empty stretch")),
        },
    }
}

/// Purposes as text: those that were decided to go, or that a restriction names.
pub(super) fn purposes(purposes: &BTreeSet<PurposeName>) -> Result<String, Error> {
    serde_json::to_string(purposes)
}

pub(super) fn read_purposes(text: &str) -> Result<BTreeSet<PurposeName>, Error> {
    serde_json::from_str(text)
}

/// What is kept back as text; more than [`MAX_KEPT_BACK`] is a fault of ours.
pub(super) fn kept(kept: &[KeptBack]) -> Result<String, Error> {
    if kept.len() > MAX_KEPT_BACK {
        return Err(Error::custom("more is kept back than may be"));
    }
    let column = |KeptBack { purpose, by, until }: &KeptBack| KeptBackColumn {
        purpose: purpose.clone(),
        by: match by {
            KeptBy::Hold(hold) => KeptByColumn::Hold(*hold),
            KeptBy::Rule(rule) => KeptByColumn::Rule(rule.clone()),
        },
        until: *until,
    };
    serde_json::to_string(&kept.iter().map(column).collect::<Vec<_>>())
}

pub(super) fn read_kept(text: &str) -> Result<Vec<KeptBack>, Error> {
    let columns: Vec<KeptBackColumn> = serde_json::from_str(text)?;
    if columns.len() > MAX_KEPT_BACK {
        return Err(Error::custom("more is kept back than may be"));
    }
    let kept = |KeptBackColumn { purpose, by, until }| KeptBack {
        purpose,
        by: match by {
            KeptByColumn::Hold(hold) => KeptBy::Hold(hold),
            KeptByColumn::Rule(rule) => KeptBy::Rule(rule),
        },
        until,
    };
    Ok(columns.into_iter().map(kept).collect())
}

/// A report as text.
pub(super) fn report(report: &Report) -> Result<String, Error> {
    let Report {
        entries_at,
        epoch,
        not_before,
        final_at,
        addendum_at,
        objects_at,
        locked_until,
        log_at,
        probed_at,
        spans,
    } = *report;
    serde_json::to_string(&ReportColumn {
        entries_at,
        epoch,
        not_before,
        final_at,
        addendum_at,
        objects_at,
        locked_until,
        log_at,
        probed_at,
        spans,
    })
}

pub(super) fn read_report(text: &str) -> Result<Report, Error> {
    let ReportColumn {
        entries_at,
        epoch,
        not_before,
        final_at,
        addendum_at,
        objects_at,
        locked_until,
        log_at,
        probed_at,
        spans,
    } = serde_json::from_str(text)?;
    Ok(Report {
        entries_at,
        epoch,
        not_before,
        final_at,
        addendum_at,
        objects_at,
        locked_until,
        log_at,
        probed_at,
        spans,
    })
}

/// A failure as text.
pub(super) fn failure(failure: &Failure) -> Result<String, Error> {
    let Failure { code, tries } = failure.clone();
    serde_json::to_string(&FailureColumn { code, tries })
}

pub(super) fn read_failure(text: &str) -> Result<Failure, Error> {
    let FailureColumn { code, tries } = serde_json::from_str(text)?;
    Ok(Failure { code, tries })
}

#[cfg(test)]
mod tests;
