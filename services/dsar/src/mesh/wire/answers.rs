//! What the other roles answer, read: what cannot be is an error, and never taken for nothing. Pure.

use std::collections::BTreeSet;

use kernel::{HoldId, LegNo, PurposeName, SubjectId};
use proto::consent::v1::MayUseResponse;
use proto::crypto::v1::ProbeResponse;
use proto::retention::v1 as retention;
use proto::retention::v1::{ErasureState, ErasureStep};

use super::{CONSENT, CRYPTO, RETENTION};
use crate::error::Error;
use crate::mesh::Erased;

/// Purposes that serve no reader: what waits for the sealing, people's identifiers, stated reasons.
const RESERVED: [&str; 3] = [seal::page::SEALING, seal::page::SUBJECT, "reason"];

/// A person.
pub(super) fn subject(bytes: &[u8]) -> Result<SubjectId, Error> {
    SubjectId::from_slice(bytes).map_err(|_| Error::Answer { peer: CONSENT, what: "a person's id" })
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
