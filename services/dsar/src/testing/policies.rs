//! A consent that only has one policy.

use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use platform::{PolicyBook, wire};
use proto::consent::v1 as consent;
use proto::consent::v1::consent_server::{Consent, ConsentServer};
use tonic::{Request, Response, Status};

/// The policy of the tests' tenant.
pub(crate) const POLICY: &str = "\
tenant: banca-alfa
jurisdiction: IT
purposes:
  mifid2-transaction: { basis: legal_obligation, regime: mifid2-16-7, roles: [compliance] }
";

#[derive(Clone)]
struct Policies;

/// The policies, as a process that has asked for nothing yet.
pub(crate) fn policies() -> Arc<PolicyBook> {
    Arc::new(PolicyBook::new(wire::in_process(ConsentServer::new(Policies))))
}

fn not_here<T>() -> Result<T, Status> {
    Err(Status::unimplemented("dsar's tests do not ask this"))
}

#[tonic::async_trait]
impl Consent for Policies {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<consent::WatchResponse, Status>> + Send>>;

    async fn get_policy(
        &self,
        _: Request<consent::GetPolicyRequest>,
    ) -> Result<Response<consent::GetPolicyResponse>, Status> {
        let policy = policy::parse(POLICY, &|_| None).unwrap();
        Ok(Response::new(consent::GetPolicyResponse {
            document: POLICY.to_owned(),
            policy_hash: policy.hash().as_bytes().to_vec(),
            ..Default::default()
        }))
    }
    async fn may_use(
        &self,
        _: Request<consent::MayUseRequest>,
    ) -> Result<Response<consent::MayUseResponse>, Status> {
        not_here()
    }
    async fn authorize(
        &self,
        _: Request<consent::AuthorizeRequest>,
    ) -> Result<Response<consent::AuthorizeResponse>, Status> {
        not_here()
    }
    async fn record_event(
        &self,
        _: Request<consent::RecordEventRequest>,
    ) -> Result<Response<consent::RecordEventResponse>, Status> {
        not_here()
    }
    async fn get_state(
        &self,
        _: Request<consent::GetStateRequest>,
    ) -> Result<Response<consent::GetStateResponse>, Status> {
        not_here()
    }
    async fn watch(&self, _: Request<consent::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        not_here()
    }
    async fn resolve_subject(
        &self,
        _: Request<consent::ResolveSubjectRequest>,
    ) -> Result<Response<consent::ResolveSubjectResponse>, Status> {
        not_here()
    }
    async fn get_subject(
        &self,
        _: Request<consent::GetSubjectRequest>,
    ) -> Result<Response<consent::GetSubjectResponse>, Status> {
        not_here()
    }
    async fn link_subjects(
        &self,
        _: Request<consent::LinkSubjectsRequest>,
    ) -> Result<Response<consent::LinkSubjectsResponse>, Status> {
        not_here()
    }
    async fn reassign_identifier(
        &self,
        _: Request<consent::ReassignIdentifierRequest>,
    ) -> Result<Response<consent::ReassignIdentifierResponse>, Status> {
        not_here()
    }
    async fn mark_shared_line(
        &self,
        _: Request<consent::MarkSharedLineRequest>,
    ) -> Result<Response<consent::MarkSharedLineResponse>, Status> {
        not_here()
    }
}
