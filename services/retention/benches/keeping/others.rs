//! The other roles: crypto, archive and consent, which answer at once, and a signing root.

use std::collections::{BTreeSet, HashSet};
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures::Stream;
use kernel::{
    ErasureId, InstanceId, Interval, LegNo, PurposeName, RecordingId, SectionNo, SubjectId, TenantId,
    Timestamp,
};
use parking_lot::Mutex;
use platform::instance::{Certifier, InstanceError};
use platform::{Instance, PolicyBook, wire};
use policy::TenantPolicy;
use policy::code::Code;
use proto::consent::v1 as consent;
use proto::consent::v1::consent_server::{Consent, ConsentServer};
use retention::Error;
use retention::mesh::{Cleared, Mesh, Open, Removal, Removed, Sections};
use seal::signing::{RoleName, TenantScope};
use seal::{InstanceCert, SignedCert, SigningKey, SpanSet, VerifyingKey};
use tonic::{Request, Response, Status};

const POLICY: &str = "
tenant: banca-alfa
jurisdiction: IT
purposes:
  duty: { basis: legal_obligation, regime: mifid2-16-7, roles: [compliance] }
  quality: { basis: legitimate_interest, retention: P90D, roles: [supervisor] }
";

/// The tenant's policy.
pub(crate) fn policy() -> TenantPolicy {
    policy::parse(POLICY, &|_| None).expect("a policy")
}

/// crypto, archive and consent: everything opens but what was removed.
#[derive(Default)]
pub(crate) struct Others(Mutex<HashSet<RecordingId>>);

#[async_trait]
impl Mesh for Others {
    async fn knows(&self, _: &TenantId, _: RecordingId) -> Result<bool, Error> {
        Ok(true)
    }
    async fn spans(
        &self,
        _: &TenantId,
        _: RecordingId,
        _: Interval,
        _: &BTreeSet<LegNo>,
    ) -> Result<Sections, Error> {
        Ok(vec![(LegNo(0), SectionNo(0), SpanSet::all())])
    }
    async fn remove(&self, _: &TenantId, removal: &Removal) -> Result<Removed, Error> {
        self.0.lock().insert(removal.recording);
        Ok(Removed::default())
    }
    async fn open(&self, _: &TenantId, recording: RecordingId) -> Result<Vec<Open>, Error> {
        if self.0.lock().contains(&recording) {
            return Ok(Vec::new());
        }
        let purpose = PurposeName::new("quality").expect("a slug");
        Ok(vec![Open { leg: LegNo(0), section: SectionNo(0), purpose, spans: SpanSet::all() }])
    }
    async fn clear(
        &self,
        _: &TenantId,
        _: RecordingId,
        _: ErasureId,
        _: &Code,
        _: &BTreeSet<PurposeName>,
    ) -> Result<Cleared, Error> {
        Ok(Cleared { spans: 240, has_addendum: true, deleted: 2, locked_until: None, log_passed: true })
    }
    async fn is_destroyed(&self, _: &TenantId, _: u64) -> Result<bool, Error> {
        Ok(false)
    }
    async fn lock(&self, _: &TenantId, _: RecordingId, _: Timestamp) -> Result<(), Error> {
        Ok(())
    }
    async fn last_erasure(&self, _: &TenantId) -> Result<Option<Timestamp>, Error> {
        Ok(None)
    }
    async fn person(&self, _: &TenantId, subject: SubjectId) -> Result<BTreeSet<SubjectId>, Error> {
        Ok(BTreeSet::from([subject]))
    }
    async fn basis_lost(
        &self,
        _: &TenantId,
        _: RecordingId,
        _: &PurposeName,
    ) -> Result<Option<String>, Error> {
        Ok(None)
    }
}

/// An instance that may sign receipts.
pub(crate) async fn certified() -> Arc<Instance> {
    let root = Root(SigningKey::generate().expect("a key"));
    let instance = Instance::new("retention", Vec::new()).expect("an instance");
    instance.certify(&root).await.expect("a certificate");
    instance
}

struct Root(SigningKey);

#[async_trait]
impl Certifier for Root {
    async fn certify(
        &self,
        instance: InstanceId,
        role: &RoleName,
        _: &[TenantId],
        key: &VerifyingKey,
    ) -> Result<SignedCert, InstanceError> {
        let cert = InstanceCert {
            instance,
            role: role.clone(),
            tenants: TenantScope::All,
            not_before: Timestamp(0),
            not_after: Timestamp(i64::MAX),
            key: *key,
        };
        SignedCert::issue(&self.0, cert).map_err(|source| InstanceError::Seal { instance, source })
    }
}

/// consent's policies, of which there is one.
pub(crate) fn policies() -> Arc<PolicyBook> {
    Arc::new(PolicyBook::new(wire::in_process(ConsentServer::new(OnePolicy))))
}

struct OnePolicy;

fn not_here<T>() -> Result<T, Status> {
    Err(Status::unimplemented("this is not asked here"))
}

#[tonic::async_trait]
impl Consent for OnePolicy {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<consent::WatchResponse, Status>> + Send>>;

    async fn get_policy(
        &self,
        _: Request<consent::GetPolicyRequest>,
    ) -> Result<Response<consent::GetPolicyResponse>, Status> {
        Ok(Response::new(consent::GetPolicyResponse {
            document: POLICY.to_owned(),
            policy_hash: policy().hash().as_bytes().to_vec(),
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
