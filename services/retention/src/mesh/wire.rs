//! The mesh over gRPC.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use kernel::{
    ErasureId, Interval, LegNo, PurposeName, RecordingId, SectionNo, SubjectId, TenantId, Timestamp, Use,
};
use platform::Wire;
use platform::call::request;
use platform::error::reason;
use policy::code::Code;
use prost::Message;
use proto::archive::v1 as archive;
use proto::archive::v1::recordings_client::RecordingsClient;
use proto::common::v1 as common;
use proto::consent::v1::consent_client::ConsentClient;
use proto::consent::v1::{GetSubjectRequest, MayUseRequest, get_subject_request};
use proto::crypto::v1 as crypto;
use proto::crypto::v1::keys_client::KeysClient;
use seal::SpanSet;

use super::{Cleared, Mesh, Open, Removal, Removed, Sections};
use crate::erasing::derived;
use crate::error::Error;

const CRYPTO: &str = "crypto";
const ARCHIVE: &str = "archive";
const CONSENT: &str = "consent";
/// What crypto says to an erasure that comes again with more than it asked for first.
const OTHER_SCOPE: &str = "other-scope";

/// crypto, archive and consent over their wires, which bring retention's own token.
#[derive(Clone)]
pub struct WireMesh {
    /// Removes entries, and says what opens.
    pub crypto: Wire,
    /// Knows spans, signs addenda, deletes objects.
    pub archive: Wire,
    /// Says whether a basis stands.
    pub consent: Wire,
}

impl WireMesh {
    fn crypto(&self) -> KeysClient<Wire> {
        KeysClient::new(self.crypto.clone())
    }
    fn archive(&self) -> RecordingsClient<Wire> {
        RecordingsClient::new(self.archive.clone())
    }
    async fn status(
        &self,
        tenant: &TenantId,
        attempt: &'static str,
    ) -> Result<crypto::GetStatusResponse, Error> {
        let asked = crypto::GetStatusRequest { canaries: false };
        let answer = self.crypto().get_status(request(tenant, asked)).await;
        Ok(answer.map_err(Error::peer(CRYPTO, attempt))?.into_inner())
    }
}

#[async_trait]
impl Mesh for WireMesh {
    async fn knows(&self, tenant: &TenantId, recording: RecordingId) -> Result<bool, Error> {
        let asked = archive::GetRequest { recording_id: id(recording) };
        match self.archive().get(request(tenant, asked)).await {
            // Of a call that was not recorded there is nothing, and will be nothing: whoever waited would wait for ever.
            Ok(answer) => Ok(answer.into_inner().state() != archive::RecordingState::NotRecorded),
            Err(status) if status.code() == tonic::Code::NotFound => Ok(false),
            Err(status) => Err(Error::peer(ARCHIVE, "say whether it knows a recording")(status)),
        }
    }

    async fn spans(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        stretch: Interval,
        legs: &BTreeSet<LegNo>,
    ) -> Result<Sections, Error> {
        let asked = archive::SpansRequest {
            recording_id: id(recording),
            stretch: Some(common::Interval { start: stretch.start().0, end: stretch.end().0 }),
            legs: legs.iter().map(|leg| leg.0.into()).collect(),
        };
        let answer = self.archive().spans(request(tenant, asked)).await;
        let answer = answer.map_err(Error::peer(ARCHIVE, "find the spans of a stretch"))?.into_inner();
        let mut seen = BTreeSet::new();
        let mut sections = Sections::new();
        for section in answer.sections {
            let (leg, number) = (leg(ARCHIVE, section.leg)?, SectionNo(section.section));
            if !seen.insert((leg, number)) {
                return Err(Error::Answer { peer: ARCHIVE, what: "a section twice" });
            }
            sections.push((leg, number, span_set(ARCHIVE, &section.spans)?));
        }
        Ok(sections)
    }

    async fn remove(&self, tenant: &TenantId, removal: &Removal) -> Result<Removed, Error> {
        let asked = crypto::EraseRequest {
            recording_id: id(removal.recording),
            erasure_id: removal.erasure.to_bytes().to_vec(),
            purposes: removal.purposes.iter().map(ToString::to_string).collect(),
            spans: removal.spans.as_ref().map_or_else(|| Ok(Vec::new()), sections_of)?,
        };
        let mut answer = self.crypto().erase(request(tenant, asked.clone())).await;
        if answer.as_ref().is_err_and(|status| reason(status) == OTHER_SCOPE) {
            // It asked for less when it came first: a span came late since, or the last purpose beside it has gone. What
            // is asked for now is an act of its own, and the same one however often it is asked for.
            let again = derived(removal.erasure.to_bytes(), &asked.encode_to_vec());
            let asked = crypto::EraseRequest { erasure_id: again.to_bytes().to_vec(), ..asked };
            answer = self.crypto().erase(request(tenant, asked)).await;
        }
        let answer = answer.map_err(Error::peer(CRYPTO, "remove a recording's entries"))?.into_inner();
        Ok(Removed {
            leases: Duration::from_millis(answer.leases.into()),
            epoch: answer.epochs.iter().copied().max(),
            not_before: (answer.not_before != 0).then_some(Timestamp(answer.not_before)),
        })
    }

    async fn open(&self, tenant: &TenantId, recording: RecordingId) -> Result<Vec<Open>, Error> {
        let asked = crypto::ProbeRequest { recording_id: id(recording) };
        let answer = self.crypto().probe(request(tenant, asked)).await;
        let answer = answer.map_err(Error::peer(CRYPTO, "probe a recording"))?.into_inner();
        let mut open = Vec::new();
        for section in answer.open {
            open.push(Open {
                leg: leg(CRYPTO, section.leg)?,
                section: SectionNo(section.section),
                purpose: PurposeName::new(section.purpose)
                    .map_err(|_| Error::Answer { peer: CRYPTO, what: "a purpose" })?,
                spans: span_set(CRYPTO, &section.spans)?,
            });
        }
        Ok(open)
    }

    async fn clear(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        erasure: ErasureId,
        reason: &Code,
        purposes: &BTreeSet<PurposeName>,
    ) -> Result<Cleared, Error> {
        let asked = archive::EraseRequest {
            recording_id: id(recording),
            erasure_id: erasure.to_bytes().to_vec(),
            reason: reason.to_string(),
            purposes: purposes.iter().map(ToString::to_string).collect(),
        };
        let answer = self.archive().erase(request(tenant, asked)).await;
        let answer = answer.map_err(Error::peer(ARCHIVE, "erase a recording's objects"))?.into_inner();
        Ok(Cleared {
            spans: answer.spans,
            has_addendum: !answer.document_name.is_empty(),
            deleted: answer.objects_deleted,
            locked_until: answer.locked.iter().map(|locked| Timestamp(locked.until)).max(),
            log_passed: answer.log_passed,
        })
    }

    async fn lock(&self, tenant: &TenantId, recording: RecordingId, until: Timestamp) -> Result<(), Error> {
        let asked = archive::LockRequest { recording_id: id(recording), until: until.0 };
        match self.archive().lock(request(tenant, asked)).await {
            Ok(_) => Ok(()),
            Err(status) if status.code() == tonic::Code::NotFound => Ok(()),
            Err(status) => Err(Error::peer(ARCHIVE, "lock a recording's objects for longer")(status)),
        }
    }

    async fn is_destroyed(&self, tenant: &TenantId, epoch: u64) -> Result<bool, Error> {
        let answer = self.status(tenant, "say how far its epochs are").await?;
        Ok(are_destroyed(&answer.epochs, epoch))
    }

    async fn last_erasure(&self, tenant: &TenantId) -> Result<Option<Timestamp>, Error> {
        let answer = self.status(tenant, "say which erasures its key tables know of").await?;
        Ok((answer.last_erasure_at != 0).then_some(Timestamp(answer.last_erasure_at)))
    }

    async fn person(&self, tenant: &TenantId, subject: SubjectId) -> Result<BTreeSet<SubjectId>, Error> {
        let own = get_subject_request::Subject::SubjectId(subject.to_bytes().to_vec());
        let asked = GetSubjectRequest { subject: Some(own) };
        let answer = ConsentClient::new(self.consent.clone()).get_subject(request(tenant, asked)).await;
        let answer = answer.map_err(Error::peer(CONSENT, "say who is the same person"))?.into_inner();
        let bad = |_| Error::Answer { peer: CONSENT, what: "a subject's id" };
        answer.person_ids.iter().map(|id| SubjectId::from_slice(id).map_err(bad)).collect()
    }

    async fn basis_lost(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        purpose: &PurposeName,
    ) -> Result<Option<String>, Error> {
        let asked = MayUseRequest {
            recording_id: id(recording),
            purpose: purpose.to_string(),
            r#use: Use::Replay.number(),
        };
        let answer = ConsentClient::new(self.consent.clone()).may_use(request(tenant, asked)).await;
        let answer = answer.map_err(Error::peer(CONSENT, "say whether a basis stands"))?.into_inner();
        Ok((!answer.allowed && is_taken_back(&answer.reason)).then_some(answer.reason))
    }
}

/// Whether an epoch has ended, and every earlier one that is shown: a removal is of entries that lie in several, and keeps
/// only the last of them. One that is closing may outlive the next, and what was removed of it opens until it ends. The
/// epoch itself must be shown: that it is not is no proof of its end.
fn are_destroyed(shown: &[crypto::EpochStatus], epoch: u64) -> bool {
    let is_shown = shown.iter().any(|status| status.epoch == epoch);
    let mut until = shown.iter().filter(|status| status.epoch <= epoch);
    is_shown && until.all(|status| status.state() == crypto::EpochState::Destroyed)
}

/// Whether somebody took it back. That consent knows nothing of a recording, of its policy or of any consent takes nothing
/// back: it is what a consent that was itself restored from a backup says, and what is erased by that is erased for ever.
fn is_taken_back(reason: &str) -> bool {
    matches!(reason, "withdrawn" | "refused" | "expired" | "revoked" | "invalidated")
}

fn id(recording: RecordingId) -> Vec<u8> {
    recording.to_bytes().to_vec()
}

fn leg(peer: &'static str, number: u32) -> Result<LegNo, Error> {
    u16::try_from(number).map(LegNo).map_err(|_| Error::Answer { peer, what: "a leg" })
}

fn span_set(peer: &'static str, ranges: &[common::SpanRange]) -> Result<SpanSet, Error> {
    let bad = || Error::Answer { peer, what: "a range of spans" };
    let mut halves = Vec::with_capacity(ranges.len());
    for range in ranges {
        if range.first > range.last {
            return Err(bad());
        }
        halves.push(range.first..range.last.checked_add(1).ok_or_else(bad)?);
    }
    SpanSet::from_ranges(halves).map_err(|_| bad())
}

/// Spans as crypto is asked for them. None at all would ask for every span of the recording, and is refused here.
fn sections_of(sections: &Sections) -> Result<Vec<crypto::SectionSpans>, Error> {
    if sections.is_empty() || sections.iter().any(|(_, _, spans)| spans.is_empty()) {
        return Err(Error::invalid("spans", "must be named where only some are to go"));
    }
    let ranges = |spans: &SpanSet| {
        spans.ranges().map(|range| common::SpanRange { first: range.start, last: range.end - 1 }).collect()
    };
    let wire = sections.iter().map(|(leg, section, spans)| crypto::SectionSpans {
        leg: leg.0.into(),
        section: section.0,
        spans: ranges(spans),
    });
    Ok(wire.collect())
}

#[cfg(test)]
mod tests {
    use kernel::SpanNo;

    use super::*;

    #[test]
    fn an_empty_choice_of_spans_is_no_choice_of_all() {
        assert!(sections_of(&Vec::new()).is_err());
        assert!(sections_of(&vec![(LegNo(0), SectionNo(0), SpanSet::EMPTY)]).is_err());
        let some = SpanSet::from_first_to_last(SpanNo(3), SpanNo(5)).unwrap();
        let asked = sections_of(&vec![(LegNo(1), SectionNo(2), some)]).unwrap();
        assert_eq!((asked[0].leg, asked[0].section), (1, 2));
        assert_eq!((asked[0].spans[0].first, asked[0].spans[0].last), (3, 5));
    }

    #[test]
    fn ranges_that_cannot_be_are_refused() {
        let range = |first, last| common::SpanRange { first, last };
        assert!(span_set(CRYPTO, &[range(5, 3)]).is_err());
        assert!(span_set(CRYPTO, &[range(0, u32::MAX)]).is_err());
        assert_eq!(span_set(CRYPTO, &[range(3, 5), range(0, 0)]).unwrap().len(), 4);
    }

    #[test]
    fn an_epoch_is_over_when_it_is_shown_as_such_and_so_is_every_one_before_it() {
        use super::crypto::EpochState::{Active, Closing, Destroyed, Drained};
        let shown = |rows: &[(u64, crypto::EpochState)]| -> Vec<crypto::EpochStatus> {
            let row = |(epoch, state): &(u64, crypto::EpochState)| crypto::EpochStatus {
                epoch: *epoch,
                state: (*state).into(),
                ..Default::default()
            };
            rows.iter().map(row).collect()
        };
        let cases: &[(&[(u64, crypto::EpochState)], bool)] = &[
            (&[(3, Destroyed), (4, Active)], true),
            (&[(2, Destroyed), (3, Destroyed), (4, Active)], true),
            (&[(2, Closing), (3, Destroyed), (4, Active)], false),
            (&[(2, Drained), (3, Destroyed), (4, Active)], false),
            (&[(1, Active), (2, Destroyed), (3, Destroyed)], false),
            (&[(3, Drained), (4, Active)], false),
            (&[(3, Closing)], false),
            // It is not shown.
            (&[(2, Destroyed), (4, Destroyed)], false),
            (&[], false),
        ];
        for &(rows, is_over) in cases {
            assert_eq!(are_destroyed(&shown(rows), 3), is_over, "{rows:?}");
        }
    }

    #[test]
    fn only_what_somebody_took_back_is_lost() {
        for reason in ["withdrawn", "refused", "expired", "revoked", "invalidated"] {
            assert!(is_taken_back(reason), "{reason}");
        }
        for reason in ["no-consent", "unknown-recording", "no-policy", "unknown-purpose", ""] {
            assert!(!is_taken_back(reason), "{reason}");
        }
    }
}
