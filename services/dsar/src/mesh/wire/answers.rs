//! What the other roles answer, read: what cannot be is an error, and never taken for nothing. Pure.

use std::collections::BTreeSet;

use kernel::{HoldId, LegNo, PurposeName, RecordingId, SubjectId, Timestamp};
use proto::consent::v1::{GetSubjectResponse, LinkOp, MayUseResponse};
use proto::crypto::v1::ProbeResponse;
use proto::retention::v1 as retention;
use proto::retention::v1::{ErasureCause, ErasureState, ErasureStep, HoldKind, HoldState};

use super::{CONSENT, CRYPTO, RETENTION};
use crate::error::Error;
use crate::mesh::{Erased, Gone, Why};
use crate::person::{EVER, Person};

/// Most subjects that are one person: as many as consent takes together.
const MAX_SUBJECTS: usize = 64;
/// Purposes that serve no reader: what waits for the sealing, people's identifiers, stated reasons.
const RESERVED: [&str; 3] = [seal::page::SEALING, seal::page::SUBJECT, "reason"];

/// A person.
pub(super) fn subject(bytes: &[u8]) -> Result<SubjectId, Error> {
    SubjectId::from_slice(bytes).map_err(|_| Error::Answer { peer: CONSENT, what: "a person's id" })
}

/// Everybody who is the same person as a subject, and when somebody was last found not to be.
pub(super) fn person(own: SubjectId, answer: &GetSubjectResponse) -> Result<Person, Error> {
    if answer.person_ids.len() > MAX_SUBJECTS {
        return Err(Error::TooMany { what: "subjects of one person", bound: MAX_SUBJECTS as u64 });
    }
    let others = answer.person_ids.iter().map(|id| subject(id)).collect::<Result<Vec<_>, _>>()?;
    let parted = answer.links.iter().filter(|link| {
        let is_agreed = !link.agreed_by.is_empty();
        is_agreed && link.op() == LinkOp::Unmerge
    });
    Ok(Person::new(own, others).parted(parted.map(|link| Timestamp(link.at)).max()))
}

/// From when until when it is not sure that whoever was on a subject's line was the subject: ever, where several people use
/// one, or while somebody else had got one of which that was not known yet.
pub(super) fn unsure(answer: &GetSubjectResponse) -> Vec<(Timestamp, Timestamp)> {
    let times = answer.identifiers.iter().filter_map(|known| match (known.shared_line, known.valid_to) {
        (true, _) => Some(EVER),
        (false, 0) => None,
        (false, from) => (from < known.ended_on).then_some((Timestamp(from), Timestamp(known.ended_on))),
    });
    times.collect()
}

/// The token of the next page; none after the last.
pub(super) fn next(token: String) -> Option<String> {
    (!token.is_empty()).then_some(token)
}

/// Why a basis is gone: somebody took it back. That consent knows nothing of a recording, of its policy or of
/// any consent takes nothing back, as retention sees it too.
pub(super) fn taken_back(answer: MayUseResponse) -> Option<String> {
    let words = ["withdrawn", "refused", "expired", "revoked", "invalidated"];
    (!answer.allowed && words.contains(&answer.reason.as_str())).then_some(answer.reason)
}

/// How far the erasure of one recording is.
pub(super) fn erased(answer: &retention::GetErasureResponse) -> Result<Erased, Error> {
    let bad = |what| Error::Answer { peer: RETENTION, what };
    let erasure = answer.erasure.as_ref().ok_or(bad("no erasure"))?;
    match erasure.state() {
        ErasureState::Unspecified => Err(bad("a state of an erasure")),
        ErasureState::Running => Ok(Erased::Running),
        ErasureState::Done => Ok(Erased::Done),
        ErasureState::Partial | ErasureState::Refused => {
            let row = answer.recordings.first().ok_or(bad("an erasure of no recording"))?;
            kept_back(row)
        }
    }
}

fn kept_back(row: &retention::ErasedRecording) -> Result<Erased, Error> {
    match row.step() {
        ErasureStep::Deferred => {
            let hold = row.kept.iter().find_map(|kept| kept.by.strip_prefix("hold:"));
            let hold = hold.and_then(|hold| hold.parse::<HoldId>().ok());
            let hold = hold.ok_or(Error::Answer { peer: RETENTION, what: "a hold without its id" })?;
            Ok(Erased::Deferred(hold))
        }
        ErasureStep::Unspecified => Err(Error::Answer { peer: RETENTION, what: "a step of an erasure" }),
        // It goes on again, as the hold that had stopped it is released.
        ErasureStep::Registered
        | ErasureStep::Decided
        | ErasureStep::KeysRemoved
        | ErasureStep::ObjectsErased
        | ErasureStep::Done
        | ErasureStep::Refused => Ok(Erased::Kept),
    }
}

/// What an erasure has taken: a page of it.
pub(super) fn gone(answer: &retention::GetErasureResponse) -> Result<Gone, Error> {
    let bad = |what| Error::Answer { peer: RETENTION, what };
    let erasure = answer.erasure.as_ref().ok_or(bad("no erasure"))?;
    let why = match erasure.cause() {
        ErasureCause::Unspecified => return Err(bad("a cause of an erasure")),
        ErasureCause::PeriodOver => Why::PeriodOver,
        ErasureCause::BasisLost => Why::BasisLost,
        ErasureCause::Order => Why::Ordered,
    };
    let taken = answer.recordings.iter().filter(|row| has_taken(erasure, row));
    let recordings = taken.map(|row| recording(&row.recording_id)).collect::<Result<_, _>>()?;
    Ok(Gone { why, recordings })
}

/// Whether something of a recording is erased: a purpose, or the stretch that was to go.
fn has_taken(erasure: &retention::Erasure, row: &retention::ErasedRecording) -> bool {
    let as_the_others = row.asked_purposes.is_empty() && erasure.asked_stretch.is_some();
    let is_stretch = row.asked_stretch.is_some() || as_the_others;
    row.step() == ErasureStep::Done && (is_stretch || !row.erased.is_empty())
}

/// What a hold names and leaves to be stored only.
pub(super) fn restricted(answer: &retention::ListHoldsResponse) -> Result<BTreeSet<RecordingId>, Error> {
    let bad = |what| Error::Answer { peer: RETENTION, what };
    let [hold] = answer.holds.as_slice() else { return Err(bad("other holds than the one")) };
    let restricts = match hold.kind() {
        HoldKind::Subject | HoldKind::Restriction => true,
        HoldKind::Litigation | HoldKind::Regulator | HoldKind::OpenRequest => false,
        HoldKind::Unspecified => return Err(bad("a kind of hold")),
    };
    let stands = match hold.state() {
        HoldState::Placed | HoldState::ReleaseAsked => true,
        HoldState::Released => false,
        HoldState::Unspecified => return Err(bad("a state of a hold")),
    };
    if !(restricts && stands) {
        return Ok(BTreeSet::new());
    }
    let named = hold.selector.iter().flat_map(|selector| &selector.recording_ids);
    named.map(|id| recording(id)).collect()
}

fn recording(bytes: &[u8]) -> Result<RecordingId, Error> {
    RecordingId::from_slice(bytes).map_err(|_| Error::Answer { peer: RETENTION, what: "a recording's id" })
}

/// What opens, for people's purposes.
pub(super) fn opens(answer: ProbeResponse) -> Result<BTreeSet<(LegNo, PurposeName)>, Error> {
    let mut open = BTreeSet::new();
    for section in answer.open {
        if section.spans.is_empty() || RESERVED.contains(&section.purpose.as_str()) {
            continue;
        }
        // Policies name purposes: what is no name is none of theirs.
        let Ok(purpose) = PurposeName::new(section.purpose) else { continue };
        let leg = u16::try_from(section.leg).map_err(|_| Error::Answer { peer: CRYPTO, what: "a leg" })?;
        open.insert((LegNo(leg), purpose));
    }
    Ok(open)
}

#[cfg(test)]
mod tests {
    use proto::common::v1::SpanRange;
    use proto::consent::v1::{KnownIdentifier, SubjectLink};
    use proto::crypto::v1::OpenSection;

    use super::*;

    fn answered(state: ErasureState, step: ErasureStep, by: &[&str]) -> retention::GetErasureResponse {
        let kept = by.iter().map(|by| retention::KeptBack { by: (*by).to_owned(), ..Default::default() });
        let row =
            retention::ErasedRecording { step: step.into(), kept: kept.collect(), ..Default::default() };
        retention::GetErasureResponse {
            erasure: Some(retention::Erasure { state: state.into(), ..Default::default() }),
            recordings: vec![row],
            next_page_token: String::new(),
        }
    }

    #[test]
    fn what_a_hold_stopped_waits_for_that_hold() {
        let hold = HoldId::new();
        let by = format!("hold:{hold}");
        let all = ["regime:mifid2-16-7", by.as_str()];
        let answer = answered(ErasureState::Refused, ErasureStep::Deferred, &all);
        assert_eq!(erased(&answer).unwrap(), Erased::Deferred(hold));
        let nameless = answered(ErasureState::Refused, ErasureStep::Deferred, &["hold:"]);
        assert!(matches!(erased(&nameless), Err(Error::Answer { .. })));
    }

    #[test]
    fn an_erasure_runs_is_done_or_is_kept_back() {
        use ErasureState::{Done, Partial, Refused, Running, Unspecified};
        let told = |state, step| erased(&answered(state, step, &["regime:mifid2-16-7"])).ok();
        assert_eq!(told(Running, ErasureStep::Registered), Some(Erased::Running));
        assert_eq!(told(Done, ErasureStep::Done), Some(Erased::Done));
        assert_eq!(told(Partial, ErasureStep::Done), Some(Erased::Kept));
        assert_eq!(told(Refused, ErasureStep::Refused), Some(Erased::Kept));
        assert_eq!(told(Unspecified, ErasureStep::Done), None);
        assert_eq!(told(Refused, ErasureStep::Unspecified), None);
    }

    #[test]
    fn an_answer_without_its_erasure_or_its_recording_is_an_error() {
        let whole = answered(ErasureState::Partial, ErasureStep::Done, &[]);
        let nothing = retention::GetErasureResponse { erasure: None, ..whole.clone() };
        assert!(matches!(erased(&nothing), Err(Error::Answer { .. })));
        let of_nothing = retention::GetErasureResponse { recordings: Vec::new(), ..whole };
        assert!(matches!(erased(&of_nothing), Err(Error::Answer { .. })));
    }

    fn taken(step: ErasureStep, erased: &[&str]) -> retention::GetErasureResponse {
        let row = retention::ErasedRecording {
            recording_id: vec![7; 16],
            step: step.into(),
            erased: erased.iter().map(|purpose| (*purpose).to_owned()).collect(),
            ..Default::default()
        };
        let cause = ErasureCause::Order.into();
        retention::GetErasureResponse {
            erasure: Some(retention::Erasure { cause, ..Default::default() }),
            recordings: vec![row],
            next_page_token: String::new(),
        }
    }

    #[test]
    fn an_erasure_has_taken_what_it_is_done_with_and_something_went() {
        let seven = RecordingId::from_bytes([7; 16]);
        let found = |answer: &retention::GetErasureResponse| gone(answer).unwrap().recordings;
        assert_eq!(found(&taken(ErasureStep::Done, &["quality"])), [seven].into());
        assert_eq!(found(&taken(ErasureStep::Done, &[])), [].into(), "nothing was left of it");
        for step in [ErasureStep::Decided, ErasureStep::Deferred, ErasureStep::Refused] {
            assert_eq!(found(&taken(step, &["quality"])), [].into(), "{step:?}");
        }
        let mut stretch = taken(ErasureStep::Done, &[]);
        stretch.erasure.as_mut().unwrap().asked_stretch = Some(Default::default());
        assert_eq!(found(&stretch), [seven].into(), "a stretch has no purposes");
        stretch.recordings[0].asked_purposes = vec!["quality".to_owned()];
        assert_eq!(found(&stretch), [].into(), "of this one purposes were to go");
    }

    #[test]
    fn an_erasure_without_its_cause_or_with_a_recording_of_no_id_is_an_error() {
        let whole = taken(ErasureStep::Done, &["quality"]);
        assert_eq!(gone(&whole).unwrap().why, Why::Ordered);
        let mut spoilt = whole.clone();
        spoilt.erasure.as_mut().unwrap().cause = 0;
        assert!(matches!(gone(&spoilt), Err(Error::Answer { .. })));
        spoilt.erasure = None;
        assert!(matches!(gone(&spoilt), Err(Error::Answer { .. })));
        let mut nameless = whole;
        nameless.recordings[0].recording_id.clear();
        assert!(matches!(gone(&nameless), Err(Error::Answer { .. })));
    }

    #[test]
    fn a_hold_restricts_the_recordings_that_it_names_while_it_stands() {
        let held = |kind: HoldKind, state: HoldState| {
            let selector = retention::HoldSelector { recording_ids: vec![vec![7; 16]], ..Default::default() };
            let hold = retention::Hold {
                kind: kind.into(),
                state: state.into(),
                selector: Some(selector),
                ..Default::default()
            };
            retention::ListHoldsResponse { holds: vec![hold], next_page_token: String::new() }
        };
        let named: BTreeSet<RecordingId> = [RecordingId::from_bytes([7; 16])].into();
        for kind in [HoldKind::Subject, HoldKind::Restriction] {
            assert_eq!(restricted(&held(kind, HoldState::Placed)).unwrap(), named, "{kind:?}");
            assert_eq!(restricted(&held(kind, HoldState::ReleaseAsked)).unwrap(), named, "it stands still");
            assert_eq!(restricted(&held(kind, HoldState::Released)).unwrap(), [].into(), "{kind:?}");
        }
        for kind in [HoldKind::Litigation, HoldKind::Regulator, HoldKind::OpenRequest] {
            assert_eq!(restricted(&held(kind, HoldState::Placed)).unwrap(), [].into(), "{kind:?}");
        }
        assert!(matches!(
            restricted(&held(HoldKind::Unspecified, HoldState::Placed)),
            Err(Error::Answer { .. })
        ));
        let nothing = retention::ListHoldsResponse::default();
        assert!(matches!(restricted(&nothing), Err(Error::Answer { .. })));
    }

    #[test]
    fn only_what_opens_for_a_purpose_of_a_policy_opens() {
        let span = SpanRange { first: 0, last: 3 };
        let section = |leg, purpose: &str, spans: &[SpanRange]| OpenSection {
            leg,
            section: 0,
            purpose: purpose.to_owned(),
            spans: spans.to_vec(),
        };
        let open = vec![
            section(0, "quality", &[span]),
            section(0, "quality", &[span]),
            section(1, "quality", &[]),
            section(1, "sealing", &[span]),
            section(1, "subject", &[span]),
            section(1, "reason", &[span]),
            section(1, "Not A Name", &[span]),
        ];
        let found = opens(ProbeResponse { open }).unwrap();
        assert_eq!(found, [(LegNo(0), PurposeName::new("quality").unwrap())].into());
        let far = vec![section(70_000, "quality", &[span])];
        assert!(matches!(opens(ProbeResponse { open: far }), Err(Error::Answer { .. })));
    }

    #[test]
    fn a_person_is_parted_by_what_two_people_agreed_to() {
        let (own, other) = (SubjectId::new(), SubjectId::new());
        let link = |op: LinkOp, agreed_by: &str, at| SubjectLink {
            op: op.into(),
            agreed_by: agreed_by.to_owned(),
            at,
            ..Default::default()
        };
        let mut answer = GetSubjectResponse {
            person_ids: [own, other].map(|id| id.to_bytes().to_vec()).into(),
            links: vec![link(LinkOp::Merge, "quirin", 5), link(LinkOp::Unmerge, "", 6)],
            ..Default::default()
        };
        let found = person(own, &answer).unwrap();
        assert_eq!((found.subjects().count(), found.parted_at()), (2, None));
        answer.links.push(link(LinkOp::Unmerge, "quirin", 7));
        assert_eq!(person(own, &answer).unwrap().parted_at(), Some(Timestamp(7)));
        assert!(unsure(&answer).is_empty());
        let ended = |valid_to, ended_on| KnownIdentifier { valid_to, ended_on, ..Default::default() };
        answer.identifiers.extend([ended(0, 0), ended(7, 7), ended(3, 9)]);
        assert_eq!(unsure(&answer), [(Timestamp(3), Timestamp(9))], "it was said only later");
        answer.identifiers.push(KnownIdentifier { shared_line: true, valid_to: 3, ..Default::default() });
        assert_eq!(unsure(&answer)[1], EVER, "one that they had once counts, too");
        answer.person_ids = vec![own.to_bytes().to_vec(); MAX_SUBJECTS + 1];
        assert!(matches!(person(own, &answer), Err(Error::TooMany { .. })));
    }

    #[test]
    fn only_what_somebody_took_back_is_lost() {
        let told = |allowed, reason: &str| taken_back(MayUseResponse { allowed, reason: reason.to_owned() });
        for reason in ["withdrawn", "refused", "expired", "revoked", "invalidated"] {
            assert_eq!(told(false, reason).as_deref(), Some(reason));
            assert_eq!(told(true, reason), None);
        }
        for reason in ["no-consent", "unknown-recording", "no-policy", "unknown-purpose", ""] {
            assert_eq!(told(false, reason), None, "{reason}");
        }
    }
}
