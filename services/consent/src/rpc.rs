//! The gRPC service: converts, calls, notes what was touched. Nothing is decided here.

mod convert;

use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use kernel::{ErrorCode, PurposeName, RecordingId, ServiceError, Use};
use platform::call::CallContext;
use platform::error::{refusal, status};
use platform::telemetry::current_trace;
use policy::PolicyHash;
use proto::consent::v1::consent_server::Consent;
use proto::consent::v1::{
    AuthorizeRequest, AuthorizeResponse, GetPolicyRequest, GetPolicyResponse, GetStateRequest,
    GetStateResponse, GetSubjectRequest, GetSubjectResponse, LinkSubjectsRequest, LinkSubjectsResponse,
    MarkSharedLineRequest, MarkSharedLineResponse, MayUseRequest, MayUseResponse, ReassignIdentifierRequest,
    ReassignIdentifierResponse, RecordEventRequest, RecordEventResponse, ResolveSubjectRequest,
    ResolveSubjectResponse, WatchRequest, WatchResponse,
};
use tonic::{Request, Response, Status};

use crate::error::Error;
use crate::event::StoredEvent;
use crate::identity::Line;
use crate::service::{Service, Who};

/// consent behind its contract.
#[derive(Clone)]
pub struct Rpc {
    service: Arc<Service>,
}

impl Rpc {
    /// Answers with this service.
    pub fn new(service: Arc<Service>) -> Self {
        Self { service }
    }
}

/// The one way from an error to a status: with its word where it has one.
fn told(error: Error) -> Status {
    match error.reason() {
        Some(word) if error.code() != ErrorCode::Internal => refusal(error.code(), word, error.to_string()),
        Some(_) | None => status(&error),
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Consent for Rpc {
    async fn authorize(&self, request: Request<AuthorizeRequest>) -> Answer<AuthorizeResponse> {
        let context = CallContext::of(&request)?;
        let (call, unusable) = convert::call(request.into_inner()).map_err(told)?;
        let note = context.touched().recording(call.recording);
        let authorised = self.service.authorise(context.tenant()?, &call, |met| {
            for subject in &met.subjects {
                note.subject(*subject);
            }
            for conflict in &met.conflicts {
                note.fact("identifier-conflict", conflict.as_str());
            }
            if unusable > 0 {
                note.fact("identifiers-unusable", unusable);
            }
            Some(context.claim_entry(self.service.now()))
        });
        Ok(Response::new(convert::authorised(&authorised.await.map_err(told)?)))
    }

    async fn record_event(&self, request: Request<RecordEventRequest>) -> Answer<RecordEventResponse> {
        let context = CallContext::of(&request)?;
        let (who, said) = convert::said(request.into_inner()).map_err(told)?;
        let note = context.touched().fact("event", said.id).fact("kind", convert::kind_word(said.kind));
        if let Who::Subject(subject) = &who {
            note.subject(*subject);
        }
        if let Some(recording) = said.said_in {
            note.recording(recording);
        }
        for purpose in said.purposes.iter().take(1) {
            note.fact("about", purpose).fact("purposes", said.purposes.len());
        }
        let recorded = self.service.record(context.tenant()?, &who, &said, current_trace(), |subject| {
            note.subject(subject);
            Some(context.claim_entry(self.service.now()))
        });
        let recorded = recorded.await.map_err(told)?;
        note.subject(recorded.subject);
        Ok(Response::new(convert::recorded(&recorded)))
    }

    async fn get_state(&self, request: Request<GetStateRequest>) -> Answer<GetStateResponse> {
        let context = CallContext::of(&request)?;
        let who = convert::who_of_state(request.into_inner()).map_err(told)?;
        if let Who::Subject(subject) = &who {
            context.touched().subject(*subject);
        }
        let known = self.service.states(context.tenant()?, &who).await.map_err(told)?;
        context.touched().subject(known.subject);
        Ok(Response::new(GetStateResponse {
            subject_id: known.subject.to_bytes().to_vec(),
            states: known.states.iter().map(convert::state).collect(),
            history: known.history.iter().map(StoredEvent::to_wire).collect(),
        }))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

    async fn watch(&self, request: Request<WatchRequest>) -> Answer<Self::WatchStream> {
        CallContext::of(&request)?;
        let changes = self.service.watching.after(request.get_ref().after_version).map_err(told)?;
        let changes = changes.map(|message| message.map_err(|error| status(&error)));
        Ok(Response::new(Box::pin(changes)))
    }

    async fn may_use(&self, request: Request<MayUseRequest>) -> Answer<MayUseResponse> {
        let context = CallContext::of(&request)?;
        let MayUseRequest { recording_id, purpose, r#use } = request.into_inner();
        let recording = convert::id(RecordingId::from_slice, &recording_id, "recording_id").map_err(told)?;
        let purpose = PurposeName::new(purpose).map_err(|_| told(convert::bad_purpose()))?;
        // Consent goes by the purpose; which use serves it is the gate's to ask of the policy.
        Use::from_number(r#use).ok_or_else(|| told(Error::invalid("use", "is not a known use")))?;
        let answer = self.service.may_use(context.tenant()?, recording, &purpose).await.map_err(told)?;
        Ok(Response::new(match answer {
            Ok(()) => MayUseResponse { allowed: true, reason: String::new() },
            Err(gone) => MayUseResponse { allowed: false, reason: gone.as_str().to_owned() },
        }))
    }

    async fn resolve_subject(
        &self,
        request: Request<ResolveSubjectRequest>,
    ) -> Answer<ResolveSubjectResponse> {
        let context = CallContext::of(&request)?;
        let ResolveSubjectRequest { identifier, at } = request.into_inner();
        let identifier = convert::identifier(identifier).map_err(told)?;
        let at = convert::at(at, self.service.now()).map_err(told)?;
        let known = self.service.whose(context.tenant()?, &identifier, at).await.map_err(told)?;
        context.touched().subject(known.subject);
        Ok(Response::new(ResolveSubjectResponse {
            subject_id: known.subject.to_bytes().to_vec(),
            shared_line: known.line.is_shared(),
        }))
    }

    async fn get_subject(&self, request: Request<GetSubjectRequest>) -> Answer<GetSubjectResponse> {
        let context = CallContext::of(&request)?;
        let who = convert::who_of_subject(request.into_inner()).map_err(told)?;
        if let Who::Subject(subject) = &who {
            context.touched().subject(*subject);
        }
        let facts = self.service.subject(context.tenant()?, &who).await.map_err(told)?;
        context.touched().subject(facts.subject);
        for subject in &facts.person {
            context.touched().subject(*subject);
        }
        Ok(Response::new(convert::facts(&facts)))
    }

    async fn link_subjects(&self, request: Request<LinkSubjectsRequest>) -> Answer<LinkSubjectsResponse> {
        let context = CallContext::of(&request)?;
        let wanted = convert::wanted(request.into_inner()).map_err(told)?;
        let note = context.touched().fact("op", wanted.op.as_str()).fact("evidence", &wanted.evidence);
        for subject in wanted.pair.both() {
            note.subject(subject);
        }
        let linked = self.service.link(context.tenant()?, &context.principal.id, &wanted).await;
        let linked = linked.map_err(told)?;
        note.fact("stage", linked.stage.as_str());
        Ok(Response::new(convert::linked(&linked)))
    }

    async fn reassign_identifier(
        &self,
        request: Request<ReassignIdentifierRequest>,
    ) -> Answer<ReassignIdentifierResponse> {
        let context = CallContext::of(&request)?;
        let (identifier, from) = convert::reassign(request.into_inner()).map_err(told)?;
        let note = context.touched().fact("kind", identifier.kind().number()).fact("from", from);
        let handed = self.service.reassign(context.tenant()?, &identifier, from).await.map_err(told)?;
        note.subject(handed.before).subject(handed.after);
        Ok(Response::new(ReassignIdentifierResponse {
            before_id: handed.before.to_bytes().to_vec(),
            subject_id: handed.after.to_bytes().to_vec(),
        }))
    }

    async fn mark_shared_line(
        &self,
        request: Request<MarkSharedLineRequest>,
    ) -> Answer<MarkSharedLineResponse> {
        let context = CallContext::of(&request)?;
        let MarkSharedLineRequest { identifier, shared } = request.into_inner();
        let identifier = convert::identifier(identifier).map_err(told)?;
        let line = if shared { Line::Shared } else { Line::Own };
        context.touched().fact("kind", identifier.kind().number()).fact("shared", shared);
        let subject = self.service.mark_line(context.tenant()?, &identifier, line).await.map_err(told)?;
        context.touched().subject(subject);
        Ok(Response::new(MarkSharedLineResponse { subject_id: subject.to_bytes().to_vec() }))
    }

    async fn get_policy(&self, request: Request<GetPolicyRequest>) -> Answer<GetPolicyResponse> {
        let context = CallContext::of(&request)?;
        let hash = match request.get_ref().policy_hash.as_slice() {
            [] => None,
            bytes => Some(PolicyHash::from_slice(bytes).map_err(|_| told(convert::bad_hash()))?),
        };
        let version = self.service.policy(context.tenant()?, hash).await.map_err(told)?;
        Ok(Response::new(GetPolicyResponse {
            document: version.row.document.clone(),
            texts: version.row.texts.clone().into_iter().collect(),
            policy_hash: version.hash().as_bytes().to_vec(),
            since: version.row.since.0,
        }))
    }
}

#[cfg(test)]
mod tests;
