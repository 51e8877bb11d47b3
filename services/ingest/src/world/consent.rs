//! A consent that decides by policy, remembers what it was told, and can be away.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::Stream;
use kernel::{ErrorCode, PurposeName, SubjectId};
use parking_lot::Mutex;
use platform::error::refusal;
use policy::{CallFacts, PurposeConsent};
use proto::common::v1::PartyRole;
use proto::consent::v1 as wire;
use proto::consent::v1::consent_server::Consent;
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::tenant;
use crate::authority::{policy_party, wire_grant};

pub(crate) const POLICY: &str = "
tenant: banca-alfa
jurisdiction: IT
marks: [order]
purposes:
  mifid2-transaction: { basis: legal_obligation, regime: mifid2-16-7, roles: [compliance] }
  quality: { basis: consent, retention: P90D, roles: [supervisor] }
notices:
  notice-it-3: { language: it, text: Registriamo., purposes: [mifid2-transaction, quality] }
";

const HOLDING: &str = "
tenant: banca-alfa
jurisdiction: IT
hold_back: PT2S
purposes:
  mifid2-transaction: { basis: legal_obligation, regime: mifid2-16-7, roles: [compliance] }
notices:
  notice-it-3: { language: it, text: Registriamo., purposes: [mifid2-transaction] }
";

#[derive(Clone)]
pub(crate) struct FakeConsent(Arc<State>);

struct State {
    document: Mutex<&'static str>,
    told: Mutex<Vec<wire::RecordEventRequest>>,
    changes: watch::Sender<Vec<wire::ConsentEvent>>,
    away: watch::Sender<bool>,
    full: watch::Sender<bool>,
    deaf_to_notices: AtomicBool,
    deaf_to_calls: AtomicBool,
    subjects: [SubjectId; 2],
}

impl FakeConsent {
    pub(crate) fn new() -> Self {
        Self(Arc::new(State {
            document: Mutex::new(POLICY),
            told: Mutex::default(),
            changes: watch::Sender::new(Vec::new()),
            away: watch::Sender::new(false),
            full: watch::Sender::new(false),
            deaf_to_notices: AtomicBool::new(false),
            deaf_to_calls: AtomicBool::new(false),
            subjects: [SubjectId::new(), SubjectId::new()],
        }))
    }

    pub(crate) fn hold_back_two_seconds(&self) {
        *self.0.document.lock() = HOLDING;
    }
    pub(crate) fn go_away(&self) {
        self.0.away.send_replace(true);
    }
    pub(crate) fn come_back(&self) {
        self.0.away.send_replace(false);
    }
    /// It still answers, but can keep nothing.
    pub(crate) fn set_full(&self, full: bool) {
        self.0.full.send_replace(full);
    }
    /// Whether it does not hear of notices, and of everything else it does.
    pub(crate) fn set_deaf_to_notices(&self, deaf: bool) {
        self.0.deaf_to_notices.store(deaf, Ordering::SeqCst);
    }
    /// Whether it decides on no call, and answers everything else.
    pub(crate) fn set_deaf_to_calls(&self, deaf: bool) {
        self.0.deaf_to_calls.store(deaf, Ordering::SeqCst);
    }
    /// Everything that it was told, by kind.
    pub(crate) fn told(&self, kind: wire::EventKind) -> Vec<wire::RecordEventRequest> {
        self.0.told.lock().iter().filter(|event| event.kind == kind as i32).cloned().collect()
    }
    pub(crate) fn customer(&self) -> SubjectId {
        self.0.subjects[1]
    }

    /// The customer withdraws elsewhere, for every call.
    pub(crate) fn withdraws_elsewhere(&self, occurred_at: i64) {
        let subject =
            Some(wire::record_event_request::Subject::SubjectId(self.customer().to_bytes().to_vec()));
        self.publish(&wire::RecordEventRequest {
            event_id: kernel::EventId::new().to_bytes().to_vec(),
            subject,
            kind: wire::EventKind::Withdrawn as i32,
            purposes: vec!["quality".into()],
            scope: wire::ConsentScope::Account as i32,
            occurred_at,
            ..wire::RecordEventRequest::default()
        });
    }

    fn publish(&self, event: &wire::RecordEventRequest) {
        let Some(wire::record_event_request::Subject::SubjectId(subject_id)) = event.subject.clone() else {
            return;
        };
        self.0.changes.send_modify(|changes| {
            changes.push(wire::ConsentEvent {
                event_id: event.event_id.clone(),
                subject_id,
                kind: event.kind,
                purposes: event.purposes.clone(),
                scope: event.scope,
                recording_id: event.recording_id.clone(),
                position: event.position,
                occurred_at: event.occurred_at,
                version: changes.len() as u64 + 1,
                tenant: tenant().to_string(),
                ..wire::ConsentEvent::default()
            });
        });
    }

    fn check(&self) -> Result<(), Status> {
        if *self.0.away.borrow() { Err(Status::unavailable("away")) } else { Ok(()) }
    }

    fn policy(&self) -> policy::TenantPolicy {
        let document = *self.0.document.lock();
        policy::parse(document, &|_| None).unwrap()
    }
}

type Messages = Pin<Box<dyn Stream<Item = Result<wire::WatchResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Consent for FakeConsent {
    async fn authorize(
        &self,
        request: Request<wire::AuthorizeRequest>,
    ) -> Result<Response<wire::AuthorizeResponse>, Status> {
        self.check()?;
        if self.0.deaf_to_calls.load(Ordering::SeqCst) {
            return Err(Status::unavailable("deaf to calls"));
        }
        let asked = request.into_inner();
        let purposes = asked.purposes.iter().map(|name| PurposeName::new(name.clone()).unwrap());
        let parties = asked.parties.iter().map(|p| policy_party(PartyRole::try_from(p.role).unwrap()));
        let facts = CallFacts { requested: purposes.collect(), parties: parties.collect::<BTreeSet<_>>() };
        let none: BTreeMap<PurposeName, PurposeConsent> = BTreeMap::new();
        let policy = self.policy();
        let grants = policy::grant::decide(&policy, &facts, &none).grants;
        Ok(Response::new(wire::AuthorizeResponse {
            subject_ids: self.0.subjects.iter().map(|subject| subject.to_bytes().to_vec()).collect(),
            grants: grants.iter().map(wire_grant).collect(),
            policy_hash: policy.hash().as_bytes().to_vec(),
            version: self.0.changes.borrow().len() as u64,
        }))
    }

    async fn record_event(
        &self,
        request: Request<wire::RecordEventRequest>,
    ) -> Result<Response<wire::RecordEventResponse>, Status> {
        self.check()?;
        if *self.0.full.borrow() {
            return Err(Status::resource_exhausted("no space left"));
        }
        let event = request.into_inner();
        let is_notice = event.kind == wire::EventKind::NoticePresented as i32;
        if is_notice && self.0.deaf_to_notices.load(Ordering::SeqCst) {
            return Err(Status::unavailable("deaf to notices"));
        }
        let presented = |told: &wire::RecordEventRequest| {
            told.kind == wire::EventKind::NoticePresented as i32
                && (&told.subject, &told.notice) == (&event.subject, &event.notice)
        };
        if event.kind == wire::EventKind::Given as i32
            && !event.notice.is_empty()
            && !self.0.told.lock().iter().any(presented)
        {
            return Err(refusal(ErrorCode::InvalidArgument, "notice-missing", "it rests on no notice"));
        }
        let is_new = self.0.told.lock().iter().all(|told| told.event_id != event.event_id);
        self.0.told.lock().push(event.clone());
        if is_new {
            self.publish(&event);
        }
        let is_given = event.kind == wire::EventKind::Given as i32;
        let states = event.purposes.iter().map(|purpose| wire::PurposeState {
            purpose: purpose.clone(),
            state: if is_given { "given" } else { "withdrawn" }.into(),
            scope: event.scope,
            recording_id: event.recording_id.clone(),
            ..wire::PurposeState::default()
        });
        let states = states.collect();
        Ok(Response::new(wire::RecordEventResponse { states, ..wire::RecordEventResponse::default() }))
    }

    type WatchStream = Messages;

    async fn watch(&self, request: Request<wire::WatchRequest>) -> Result<Response<Messages>, Status> {
        self.check()?;
        let after = request.into_inner().after_version as usize;
        let (changes, away) = (self.0.changes.subscribe(), self.0.away.subscribe());
        let follow = Follow { after, changes, away, waiting: VecDeque::new(), begun: false };
        let messages = futures::stream::unfold(follow, Follow::next);
        Ok(Response::new(Box::pin(messages)))
    }

    async fn get_policy(
        &self,
        _: Request<wire::GetPolicyRequest>,
    ) -> Result<Response<wire::GetPolicyResponse>, Status> {
        self.check()?;
        let document = *self.0.document.lock();
        Ok(Response::new(wire::GetPolicyResponse {
            document: document.to_owned(),
            policy_hash: self.policy().hash().as_bytes().to_vec(),
            ..wire::GetPolicyResponse::default()
        }))
    }

    async fn get_state(
        &self,
        _: Request<wire::GetStateRequest>,
    ) -> Result<Response<wire::GetStateResponse>, Status> {
        Err(Status::unimplemented("not ingest's"))
    }
    async fn may_use(
        &self,
        _: Request<wire::MayUseRequest>,
    ) -> Result<Response<wire::MayUseResponse>, Status> {
        Err(Status::unimplemented("not ingest's"))
    }
    async fn resolve_subject(
        &self,
        _: Request<wire::ResolveSubjectRequest>,
    ) -> Result<Response<wire::ResolveSubjectResponse>, Status> {
        Err(Status::unimplemented("not ingest's"))
    }
    async fn get_subject(
        &self,
        _: Request<wire::GetSubjectRequest>,
    ) -> Result<Response<wire::GetSubjectResponse>, Status> {
        Err(Status::unimplemented("not ingest's"))
    }
    async fn link_subjects(
        &self,
        _: Request<wire::LinkSubjectsRequest>,
    ) -> Result<Response<wire::LinkSubjectsResponse>, Status> {
        Err(Status::unimplemented("not ingest's"))
    }
    async fn reassign_identifier(
        &self,
        _: Request<wire::ReassignIdentifierRequest>,
    ) -> Result<Response<wire::ReassignIdentifierResponse>, Status> {
        Err(Status::unimplemented("not ingest's"))
    }
    async fn mark_shared_line(
        &self,
        _: Request<wire::MarkSharedLineRequest>,
    ) -> Result<Response<wire::MarkSharedLineResponse>, Status> {
        Err(Status::unimplemented("not ingest's"))
    }
}

struct Follow {
    after: usize,
    changes: watch::Receiver<Vec<wire::ConsentEvent>>,
    away: watch::Receiver<bool>,
    waiting: VecDeque<wire::watch_response::Message>,
    begun: bool,
}

impl Follow {
    async fn next(mut self) -> Option<(Result<wire::WatchResponse, Status>, Self)> {
        if let Some(message) = self.waiting.pop_front() {
            return Some((Ok(wire::WatchResponse { message: Some(message) }), self));
        }
        if std::mem::replace(&mut self.begun, true) {
            tokio::select! {
                _ = self.changes.changed() => {}
                _ = self.away.wait_for(|away| *away) => return None,
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
            }
        }
        let new: Vec<_> = self.changes.borrow_and_update().iter().skip(self.after).cloned().collect();
        self.after += new.len();
        self.waiting.extend(new.into_iter().map(wire::watch_response::Message::Changed));
        self.waiting
            .push_back(wire::watch_response::Message::Beat(wire::Beat { version: self.after as u64 }));
        let message = self.waiting.pop_front();
        Some((Ok(wire::WatchResponse { message }), self))
    }
}
