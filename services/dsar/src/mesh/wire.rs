//! The mesh over gRPC.

mod answers;
mod audio;
mod orders;

use std::collections::BTreeSet;

use async_trait::async_trait;
use kernel::{
    ErasureId, HoldId, LegNo, PurposeName, RecordingId, RequestId, SubjectId, TenantId, Timestamp, Use,
};
use platform::auth::Token;
use platform::error::reason;
use platform::{CallMetadata, Wire, request};
use policy::code::Code as Filed;
use proto::archive::v1 as archive;
use proto::archive::v1::recordings_client::RecordingsClient;
use proto::audit::v1 as audit;
use proto::audit::v1::ledger_client::LedgerClient;
use proto::common::v1::Identifier;
use proto::consent::v1 as consent;
use proto::consent::v1::consent_client::ConsentClient;
use proto::crypto::v1 as crypto;
use proto::crypto::v1::keys_client::KeysClient;
use proto::retention::v1 as retention;
use proto::retention::v1::retention_client::RetentionClient;
use tonic::Code;

use super::{Audio, Erased, Erasure, Gone, Mesh, Restriction, Withdrawal};
use crate::error::Error;
use crate::person::Person;

const ARCHIVE: &str = "archive";
const RETENTION: &str = "retention";
const CONSENT: &str = "consent";
const CRYPTO: &str = "crypto";
const AUDIT: &str = "audit";
/// What retention says of a hold that was released before.
const RELEASED: &str = "already-released";
/// Recordings of one page.
const RECORDINGS: u32 = 100;
/// Recordings of one page of an erasure: as many as retention answers.
const ERASED: u32 = 500;
/// The ledger's entries of one page.
const ENTRIES: u32 = 500;

/// The other roles over their wires, which bring dsar's own token; only `bare` brings none.
#[derive(Clone)]
pub struct WireMesh {
    /// Knows recordings.
    pub archive: Wire,
    /// Knows until when they are kept; holds and erases.
    pub retention: Wire,
    /// Knows people, and what they agreed to.
    pub consent: Wire,
    /// Says what opens.
    pub crypto: Wire,
    /// Knows who has opened what.
    pub audit: Wire,
    /// archive without a token: audio is handed out with the token of whoever asks for it, or not at all.
    pub bare: Wire,
}

impl WireMesh {
    fn archive(&self) -> RecordingsClient<Wire> {
        RecordingsClient::new(self.archive.clone())
    }
    fn retention(&self) -> RetentionClient<Wire> {
        RetentionClient::new(self.retention.clone())
    }
    fn people(&self) -> ConsentClient<Wire> {
        ConsentClient::new(self.consent.clone())
    }

    /// What consent knows of a subject.
    async fn known(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
    ) -> Result<consent::GetSubjectResponse, Error> {
        let own = consent::get_subject_request::Subject::SubjectId(subject.to_bytes().to_vec());
        let asked = consent::GetSubjectRequest { subject: Some(own) };
        let answer = self.people().get_subject(request(tenant, asked)).await;
        Ok(answer.map_err(Error::peer(CONSENT, "say who is the same person"))?.into_inner())
    }
}

#[async_trait]
impl Mesh for WireMesh {
    async fn resolve(&self, tenant: &TenantId, identifier: Identifier) -> Result<SubjectId, Error> {
        let asked = consent::ResolveSubjectRequest { identifier: Some(identifier), at: 0 };
        let answer = self.people().resolve_subject(request(tenant, asked)).await;
        let answer = answer.map_err(Error::peer(CONSENT, "find a person by an identifier"))?.into_inner();
        answers::subject(&answer.subject_id)
    }

    async fn person(&self, tenant: &TenantId, subject: SubjectId) -> Result<Person, Error> {
        let answer = self.known(tenant, subject).await?;
        let mut person = answers::person(subject, &answer)?;
        // Of the others it is told who they are, and not by what they are known.
        for one in person.subjects().collect::<Vec<_>>() {
            let unsure = match one == subject {
                true => answers::unsure(&answer),
                false => answers::unsure(&self.known(tenant, one).await?),
            };
            person = unsure.into_iter().fold(person, |person, (from, until)| person.unsure(one, from, until));
        }
        Ok(person)
    }

    async fn recordings(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        token: String,
    ) -> Result<(Vec<archive::Recording>, Option<String>), Error> {
        let asked = archive::ListRequest {
            by: Some(archive::list_request::By::SubjectId(subject.to_bytes().to_vec())),
            page_size: RECORDINGS,
            page_token: token,
            ..Default::default()
        };
        let answer = self.archive().list(request(tenant, asked)).await;
        let answer = answer.map_err(Error::peer(ARCHIVE, "list a person's recordings"))?.into_inner();
        Ok((answer.recordings, answers::next(answer.next_page_token)))
    }

    async fn recording(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<archive::Recording, Error> {
        let asked = archive::GetRequest { recording_id: id(recording) };
        let answer = self.archive().get(request(tenant, asked)).await;
        Ok(answer.map_err(Error::peer(ARCHIVE, "say what it knows of a recording"))?.into_inner())
    }

    async fn kept(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<Option<retention::ExplainResponse>, Error> {
        let asked = retention::ExplainRequest { recording_id: id(recording) };
        match self.retention().explain(request(tenant, asked)).await {
            Ok(answer) => Ok(Some(answer.into_inner())),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(Error::peer(RETENTION, "say until when a recording is kept")(status)),
        }
    }

    async fn consent(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
    ) -> Result<consent::GetStateResponse, Error> {
        let subject = consent::get_state_request::Subject::SubjectId(subject.to_bytes().to_vec());
        let asked = consent::GetStateRequest { subject: Some(subject) };
        let answer = self.people().get_state(request(tenant, asked)).await;
        Ok(answer.map_err(Error::peer(CONSENT, "say what a person agreed to"))?.into_inner())
    }

    async fn basis_lost(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        purpose: &PurposeName,
    ) -> Result<Option<String>, Error> {
        let asked = consent::MayUseRequest {
            recording_id: id(recording),
            purpose: purpose.to_string(),
            r#use: Use::Rights.number(),
        };
        let answer = self.people().may_use(request(tenant, asked)).await;
        let answer = answer.map_err(Error::peer(CONSENT, "say whether a basis stands"))?.into_inner();
        Ok(answers::taken_back(answer))
    }

    async fn entries(
        &self,
        tenant: &TenantId,
        object: String,
        token: String,
    ) -> Result<(Vec<audit::Entry>, Option<String>), Error> {
        let asked =
            audit::QueryRequest { object, page_size: ENTRIES, page_token: token, ..Default::default() };
        let answer = LedgerClient::new(self.audit.clone()).query(request(tenant, asked)).await;
        let answer = answer.map_err(Error::peer(AUDIT, "list the entries about an object"))?.into_inner();
        Ok((answer.entries, answers::next(answer.next_page_token)))
    }

    async fn restrict(
        &self,
        tenant: &TenantId,
        restriction: &Restriction,
        review_at: Timestamp,
    ) -> Result<(), Error> {
        let asked = orders::hold(restriction, review_at)?;
        let answer = self.retention().place_hold(request(tenant, asked)).await;
        answer.map(|_| ()).map_err(Error::peer(RETENTION, "place a hold"))
    }

    async fn release(&self, tenant: &TenantId, hold: HoldId) -> Result<(), Error> {
        let asked = retention::ReleaseHoldRequest { hold_id: hold.to_bytes().to_vec() };
        match self.retention().release_hold(request(tenant, asked)).await {
            Ok(_) => Ok(()),
            Err(status) if reason(&status) == RELEASED => Ok(()),
            // It is written down before it is placed, and may never have been.
            Err(status) if status.code() == Code::NotFound => Ok(()),
            Err(status) => Err(Error::peer(RETENTION, "release a hold")(status)),
        }
    }

    async fn erase(&self, tenant: &TenantId, erasure: &Erasure) -> Result<(), Error> {
        let asked = orders::erasure(erasure);
        let answer = self.retention().order_erasure(request(tenant, asked)).await;
        answer.map(|_| ()).map_err(Error::peer(RETENTION, "take the order of an erasure"))
    }

    async fn erased(&self, tenant: &TenantId, erasure: ErasureId) -> Result<Erased, Error> {
        // An erasure that dsar orders is of one recording.
        let asked = retention::GetErasureRequest {
            erasure_id: erasure.to_bytes().to_vec(),
            page_size: 1,
            page_token: String::new(),
        };
        let answer = self.retention().get_erasure(request(tenant, asked)).await;
        let answer = answer.map_err(Error::peer(RETENTION, "say how far an erasure is"))?.into_inner();
        answers::erased(&answer)
    }

    async fn erasure_of(
        &self,
        tenant: &TenantId,
        erasure: ErasureId,
        token: String,
    ) -> Result<(Gone, Option<String>), Error> {
        let asked = retention::GetErasureRequest {
            erasure_id: erasure.to_bytes().to_vec(),
            page_size: ERASED,
            page_token: token,
        };
        let answer = self.retention().get_erasure(request(tenant, asked)).await;
        let answer = answer.map_err(Error::peer(RETENTION, "say what an erasure has taken"))?.into_inner();
        Ok((answers::gone(&answer)?, answers::next(answer.next_page_token)))
    }

    async fn restricted_by(&self, tenant: &TenantId, hold: HoldId) -> Result<BTreeSet<RecordingId>, Error> {
        let asked = retention::ListHoldsRequest { hold_id: hold.to_bytes().to_vec(), ..Default::default() };
        let answer = self.retention().list_holds(request(tenant, asked)).await;
        let answer = answer.map_err(Error::peer(RETENTION, "say what a hold is over"))?.into_inner();
        answers::restricted(&answer)
    }

    async fn withdraw(&self, tenant: &TenantId, withdrawal: &Withdrawal) -> Result<(), Error> {
        let asked = orders::withdrawal(withdrawal)?;
        let answer = self.people().record_event(request(tenant, asked)).await;
        answer.map(|_| ()).map_err(Error::peer(CONSENT, "take back a person's consent"))
    }

    async fn annotate(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        by: RequestId,
        filed: &Filed,
    ) -> Result<(), Error> {
        let asked = archive::AnnotateRequest {
            recording_id: id(recording),
            request_id: by.to_bytes().to_vec(),
            filed: filed.to_string(),
        };
        let answer = self.archive().annotate(request(tenant, asked)).await;
        answer.map(|_| ()).map_err(Error::peer(ARCHIVE, "attach a person's statement to a recording"))
    }

    async fn opens(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<BTreeSet<(LegNo, PurposeName)>, Error> {
        let asked = crypto::ProbeRequest { recording_id: id(recording) };
        let answer = KeysClient::new(self.crypto.clone()).probe(request(tenant, asked)).await;
        let answer = answer.map_err(Error::peer(CRYPTO, "probe a recording"))?.into_inner();
        answers::opens(answer)
    }

    async fn wav(
        &self,
        tenant: &TenantId,
        token: &Token,
        recording: RecordingId,
        purpose: &PurposeName,
        leg: LegNo,
        reason: &str,
    ) -> Result<Audio, Error> {
        let asked = request(tenant, orders::replay(recording, leg));
        let asked = asked.purpose(purpose).reason(reason).bearer(token);
        let answer = RecordingsClient::new(self.bare.clone()).replay(asked).await;
        audio::begun(answer.map_err(Error::peer(ARCHIVE, audio::ATTEMPT))?.into_inner()).await
    }
}

fn id(recording: RecordingId) -> Vec<u8> {
    recording.to_bytes().to_vec()
}
