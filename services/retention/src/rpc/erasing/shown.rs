//! Erasures, their recordings and plans, as the contract has them.

use std::time::Duration;

use kernel::Timestamp;
use proto::common::v1::Interval;
use proto::retention::v1 as wire;
use proto::retention::v1::SweepPlan;

use crate::erasure::{Cause, Erasure, Item, KeptBack, KeptBy, Report, Scope, State, Step, Target};
use crate::saga::sweep::{DueRow, Plan};

pub(super) fn shown(erasure: &Erasure) -> wire::Erasure {
    let (target_subject_id, target_recording_id) = match erasure.target {
        Target::Subject(subject) => (subject.to_bytes().to_vec(), Vec::new()),
        Target::Recording(recording) => (Vec::new(), recording.to_bytes().to_vec()),
        Target::RecordingOf { recording, subject } => {
            (subject.to_bytes().to_vec(), recording.to_bytes().to_vec())
        }
        Target::Due => (Vec::new(), Vec::new()),
    };
    let asked = Asked::of(&erasure.scope);
    wire::Erasure {
        erasure_id: erasure.id.to_bytes().to_vec(),
        cause: match erasure.cause {
            Cause::PeriodOver => wire::ErasureCause::PeriodOver,
            Cause::BasisLost => wire::ErasureCause::BasisLost,
            Cause::Order => wire::ErasureCause::Order,
        }
        .into(),
        reason: erasure.reason.to_string(),
        ordered_by: erasure.ordered_by.clone(),
        ordered_at: erasure.ordered_at.0,
        state: match erasure.state {
            State::Gathering | State::Running => wire::ErasureState::Running,
            State::Done => wire::ErasureState::Done,
            State::Partial => wire::ErasureState::Partial,
            State::Refused => wire::ErasureState::Refused,
        }
        .into(),
        recordings: erasure.items.into(),
        settled_at: erasure.settled_at.map_or(0, |at| at.0),
        target_subject_id,
        target_recording_id,
        asked_purposes: asked.purposes,
        asked_stretch: asked.stretch,
        asked_legs: asked.legs,
    }
}

pub(super) fn recording(
    erasure: &Erasure,
    item: &Item,
    horizon: Duration,
    now: Timestamp,
) -> wire::ErasedRecording {
    let failure = item.failure.as_ref();
    let asked = if item.scope == erasure.scope { Asked::default() } else { Asked::of(&item.scope) };
    wire::ErasedRecording {
        recording_id: item.recording.to_bytes().to_vec(),
        step: step(item.step).into(),
        erased: item.erased.iter().map(ToString::to_string).collect(),
        kept: item.kept.iter().map(kept_back).collect(),
        stores: if item.step.is_decided() { stores(&item.report, horizon, now) } else { Vec::new() },
        failure: failure.map(|failure| failure.code.to_string()).unwrap_or_default(),
        tries: failure.map_or(0, |failure| failure.tries),
        asked_purposes: asked.purposes,
        asked_stretch: asked.stretch,
        asked_legs: asked.legs,
    }
}

/// What was to go, as the contract has it: nothing in it is everything.
#[derive(Default)]
struct Asked {
    purposes: Vec<String>,
    stretch: Option<Interval>,
    legs: Vec<u32>,
}

impl Asked {
    fn of(scope: &Scope) -> Self {
        match scope {
            Scope::Everything => Self::default(),
            Scope::Purposes(purposes) => {
                Self { purposes: purposes.iter().map(ToString::to_string).collect(), ..Self::default() }
            }
            Scope::Stretch { interval, legs } => Self {
                purposes: Vec::new(),
                stretch: Some(Interval { start: interval.start().0, end: interval.end().0 }),
                legs: legs.iter().map(|leg| leg.0.into()).collect(),
            },
        }
    }
}

fn step(step: Step) -> wire::ErasureStep {
    match step {
        Step::Registered => wire::ErasureStep::Registered,
        Step::Decided => wire::ErasureStep::Decided,
        Step::KeysRemoved => wire::ErasureStep::KeysRemoved,
        Step::ObjectsErased => wire::ErasureStep::ObjectsErased,
        Step::Done => wire::ErasureStep::Done,
        Step::Deferred => wire::ErasureStep::Deferred,
        Step::Refused => wire::ErasureStep::Refused,
    }
}

fn kept_back(kept: &KeptBack) -> wire::KeptBack {
    wire::KeptBack {
        purpose: kept.purpose.as_ref().map(ToString::to_string).unwrap_or_default(),
        by: match &kept.by {
            KeptBy::Hold(hold) => format!("hold:{hold}"),
            KeptBy::Rule(code) => code.to_string(),
        },
        until: kept.until.map_or(0, |until| until.0),
    }
}

/// Each store with its own date. No epoch ends before every spool that may hold audio of it is empty, so that what
/// waited in one is gone with it. A backup of the data is restored no more once it is older than the journal reaches.
pub(super) fn stores(report: &Report, horizon: Duration, now: Timestamp) -> Vec<wire::StoreState> {
    let backups = report.entries_at.map(|at| at.plus(horizon));
    let waits = |is_owed: bool| if is_owed { "waits" } else { "none" };
    [
        ("entries", report.entries_at, waits(true), None),
        ("key-epoch", report.final_at, waits(report.epoch.is_some()), report.not_before),
        ("spool", report.final_at, waits(report.epoch.is_some()), report.not_before),
        ("objects", report.objects_at, waits(report.locked_until.is_some()), report.locked_until),
        ("event-log", report.log_at, waits(true), None),
        ("addendum", report.addendum_at, "none", None),
        ("backups", backups.filter(|at| *at <= now), waits(true), backups),
    ]
    .into_iter()
    .map(|(store, done, otherwise, not_before)| wire::StoreState {
        store: store.to_owned(),
        state: if done.is_some() { "done" } else { otherwise }.to_owned(),
        at: done.or(not_before).map_or(0, |at| at.0),
    })
    .collect()
}

pub(super) fn planned(plan: Plan, asked_by: Option<String>) -> SweepPlan {
    SweepPlan {
        plan: plan.name,
        recordings: plan.recordings,
        purposes: plan.purposes,
        held: plan.held,
        kept: plan.kept,
        over_bound: plan.over_bound,
        asked_by: asked_by.unwrap_or_default(),
        first: plan.first.iter().map(due).collect(),
    }
}

fn due(row: &DueRow) -> wire::DueRecording {
    wire::DueRecording {
        recording_id: row.recording.to_bytes().to_vec(),
        at: row.at.0,
        purposes: row.purposes.iter().map(ToString::to_string).collect(),
        held_by: row.held_by.iter().map(|hold| hold.to_bytes().to_vec()).collect(),
    }
}
