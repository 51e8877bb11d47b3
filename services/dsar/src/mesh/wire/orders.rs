//! What the other roles are asked to do, as the contract has it. Pure.

use std::collections::BTreeSet;

use kernel::{LegNo, PurposeName, RecordingId, Timestamp, Use};
use proto::archive::v1 as archive;
use proto::common::v1::Interval;
use proto::consent::v1 as consent;
use proto::retention::v1 as retention;

use super::id;
use crate::error::Error;
use crate::mesh::{Erasure, On, Restriction, RestrictionKind, Withdrawal};

/// Most recordings that one hold names.
const MAX_HELD: usize = 1_000;
/// Most purposes that one hold names.
const MAX_RESTRICTED: usize = 64;
/// Most purposes that one event of consent names.
const MAX_WITHDRAWN: usize = 32;

pub(super) fn hold(
    restriction: &Restriction,
    review_at: Timestamp,
) -> Result<retention::PlaceHoldRequest, Error> {
    let (kind, purposes) = match &restriction.kind {
        RestrictionKind::OpenRequest => (retention::HoldKind::OpenRequest, Vec::new()),
        RestrictionKind::StorageOnly(purposes) if purposes.len() > MAX_RESTRICTED => {
            return Err(Error::TooMany { what: "purposes of one restriction", bound: MAX_RESTRICTED as u64 });
        }
        RestrictionKind::StorageOnly(purposes) => (retention::HoldKind::Restriction, words(purposes)),
        // It names no purposes: what a person needs is kept and not used as a whole.
        RestrictionKind::NeededByPerson => (retention::HoldKind::Subject, Vec::new()),
    };
    let selector = match &restriction.on {
        On::Subjects(subjects) => retention::HoldSelector {
            subject_ids: subjects.iter().map(|subject| subject.to_bytes().to_vec()).collect(),
            ..Default::default()
        },
        On::Recordings(recordings) if recordings.len() > MAX_HELD => {
            return Err(Error::TooMany { what: "recordings of one hold", bound: MAX_HELD as u64 });
        }
        On::Recordings(recordings) => retention::HoldSelector {
            recording_ids: recordings.iter().map(|recording| id(*recording)).collect(),
            ..Default::default()
        },
    };
    Ok(retention::PlaceHoldRequest {
        hold_id: restriction.id.to_bytes().to_vec(),
        kind: kind.into(),
        selector: Some(selector),
        reason: restriction.reason.to_string(),
        review_at: review_at.0,
        purposes,
    })
}

/// A stretch goes for every purpose: with a leg none is named.
pub(super) fn erasure(erasure: &Erasure) -> retention::OrderErasureRequest {
    let (stretch, legs, purposes) = match erasure.leg {
        Some((leg, stretch)) => {
            let stretch = Interval { start: stretch.start().0, end: stretch.end().0 };
            (Some(stretch), vec![leg.0.into()], Vec::new())
        }
        None => (None, Vec::new(), words(&erasure.purposes)),
    };
    retention::OrderErasureRequest {
        erasure_id: erasure.id.to_bytes().to_vec(),
        what: Some(retention::order_erasure_request::What::RecordingId(id(erasure.recording))),
        purposes,
        stretch,
        legs,
        reason: erasure.reason.to_string(),
        of_subject_id: erasure.subject.to_bytes().to_vec(),
    }
}

/// A restriction needs no notice and no question. It is asked of every call, as nothing else takes all of it
/// back.
pub(super) fn withdrawal(withdrawal: &Withdrawal) -> Result<consent::RecordEventRequest, Error> {
    let Withdrawal { event, subject, call, purposes, at } = withdrawal;
    if purposes.len() > MAX_WITHDRAWN {
        return Err(Error::TooMany { what: "purposes of one withdrawal", bound: MAX_WITHDRAWN as u64 });
    }
    let subject = consent::record_event_request::Subject::SubjectId(subject.to_bytes().to_vec());
    Ok(consent::RecordEventRequest {
        event_id: event.to_bytes().to_vec(),
        subject: Some(subject),
        kind: consent::EventKind::Withdrawn.into(),
        purposes: words(purposes),
        scope: match call {
            Some(_) => consent::ConsentScope::Call.into(),
            None => consent::ConsentScope::Account.into(),
        },
        recording_id: call.map(id).unwrap_or_default(),
        occurred_at: at.0,
        expression: consent::Expression::Written.into(),
        ..Default::default()
    })
}

pub(super) fn replay(recording: RecordingId, leg: LegNo) -> archive::ReplayRequest {
    archive::ReplayRequest {
        recording_id: id(recording),
        r#use: Use::Rights.number(),
        legs: vec![leg.0.into()],
        format: archive::ReplayFormat::Wav.into(),
        ..Default::default()
    }
}

fn words(purposes: &BTreeSet<PurposeName>) -> Vec<String> {
    purposes.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use kernel::{ErasureId, EventId, HoldId, Position, SubjectId};
    use policy::code::Code;

    use super::*;

    fn restriction(on: On) -> Restriction {
        let reason = Code::new("art-18-1-c").unwrap();
        Restriction { id: HoldId::new(), kind: RestrictionKind::OpenRequest, on, reason }
    }

    #[test]
    fn a_hold_names_the_person_or_the_recordings_and_not_both() {
        let person = SubjectId::new();
        let asked = hold(&restriction(On::Subjects([person].into())), Timestamp(7)).unwrap();
        let selector = asked.selector.clone().unwrap();
        assert_eq!(selector.subject_ids, [person.to_bytes().to_vec()]);
        assert!(selector.recording_ids.is_empty());
        assert_eq!((asked.kind(), asked.review_at), (retention::HoldKind::OpenRequest, 7));

        let recording = RecordingId::new();
        let asked = hold(&restriction(On::Recordings([recording].into())), Timestamp(7)).unwrap();
        let selector = asked.selector.unwrap();
        assert_eq!(selector.recording_ids, [id(recording)]);
        assert!(selector.subject_ids.is_empty());
    }

    #[test]
    fn a_hold_of_more_recordings_than_retention_takes_is_not_asked_for() {
        let recordings = |count| On::Recordings((0..count).map(|_| RecordingId::new()).collect());
        assert!(hold(&restriction(recordings(MAX_HELD)), Timestamp(7)).is_ok());
        let refused = hold(&restriction(recordings(MAX_HELD + 1)), Timestamp(7));
        assert!(matches!(refused, Err(Error::TooMany { bound: 1_000, .. })));
    }

    #[test]
    fn a_restriction_names_its_purposes_and_no_more_than_retention_takes() {
        let purposes = |count| (0..count).map(|n| PurposeName::new(format!("p{n}")).unwrap()).collect();
        let of = |purposes| Restriction {
            kind: RestrictionKind::StorageOnly(purposes),
            ..restriction(On::Recordings([RecordingId::new()].into()))
        };
        let asked = hold(&of(purposes(2)), Timestamp(7)).unwrap();
        assert_eq!((asked.kind(), asked.purposes.len()), (retention::HoldKind::Restriction, 2));
        assert!(
            hold(&restriction(On::Subjects([SubjectId::new()].into())), Timestamp(7))
                .unwrap()
                .purposes
                .is_empty()
        );
        let refused = hold(&of(purposes(65)), Timestamp(7));
        assert!(matches!(refused, Err(Error::TooMany { bound: 64, .. })));
    }

    #[test]
    fn what_a_person_needs_is_a_hold_of_theirs_over_the_whole_recording() {
        let needed = Restriction {
            kind: RestrictionKind::NeededByPerson,
            ..restriction(On::Recordings([RecordingId::new()].into()))
        };
        let asked = hold(&needed, Timestamp(7)).unwrap();
        assert_eq!((asked.kind(), asked.review_at), (retention::HoldKind::Subject, 7));
        assert_eq!((asked.purposes.len(), asked.reason.as_str()), (0, "art-18-1-c"));
    }

    #[test]
    fn an_erasure_is_of_purposes_or_of_a_leg() {
        let by_purpose = Erasure {
            id: ErasureId::new(),
            recording: RecordingId::new(),
            subject: SubjectId::new(),
            purposes: [PurposeName::new("quality").unwrap()].into(),
            leg: None,
            reason: Code::new("art-17-1-b").unwrap(),
        };
        let asked = erasure(&by_purpose);
        assert_eq!(asked.purposes, ["quality"]);
        assert_eq!(asked.of_subject_id, by_purpose.subject.to_bytes());
        assert!(asked.stretch.is_none() && asked.legs.is_empty());

        let stretch = kernel::Interval::new(Position(0), Position(9)).unwrap();
        let asked = erasure(&Erasure { leg: Some((LegNo(1), stretch)), ..by_purpose });
        assert!(asked.purposes.is_empty());
        assert_eq!((asked.stretch, asked.legs), (Some(Interval { start: 0, end: 9 }), vec![1]));
    }

    #[test]
    fn a_withdrawal_is_of_every_call_or_one_and_of_no_more_purposes_than_consent_takes() {
        let (event, subject, call) = (EventId::new(), SubjectId::new(), RecordingId::new());
        let of = |count, call| {
            let purposes = (0..count).map(|n| PurposeName::new(format!("p{n}")).unwrap()).collect();
            withdrawal(&Withdrawal { event, subject, call, purposes, at: Timestamp(5) })
        };
        let asked = of(32, None).unwrap();
        assert_eq!(asked.kind(), consent::EventKind::Withdrawn);
        assert_eq!(asked.scope(), consent::ConsentScope::Account);
        assert!(asked.notice.is_empty() && asked.recording_id.is_empty());
        let asked = of(1, Some(call)).unwrap();
        assert_eq!((asked.scope(), asked.recording_id), (consent::ConsentScope::Call, id(call)));
        assert!(matches!(of(33, None), Err(Error::TooMany { .. })));
    }
}
