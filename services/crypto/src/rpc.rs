//! The gRPC service: converts, calls, notes what was touched. Nothing is decided here.

mod convert;

use std::sync::Arc;

use kernel::{ErrorCode, InstanceId, KeyEpoch, LeaseId, RecordingId, ServiceError};
use platform::call::CallContext;
use platform::error::{refusal, status};
use proto::crypto::v1::keys_server::Keys;
use proto::crypto::v1::{
    AdoptReasonRequest, AdoptReasonResponse, AdoptRequest, AdoptResponse, CertifyRequest, CertifyResponse,
    EraseRequest, EraseResponse, ExportTrustRequest, ExportTrustResponse, GetActiveKeyRequest,
    GetActiveKeyResponse, GetAuditKeyRequest, GetAuditKeyResponse, GetStatusRequest, GetStatusResponse,
    HmacRequest, HmacResponse, LeaveEpochsRequest, LeaveEpochsResponse, ProbeRequest, ProbeResponse,
    RenewRequest, RenewResponse, SealRequest, SealResponse, TurnRequest, TurnResponse, UnwrapRequest,
    UnwrapResponse,
};
use tonic::{Request, Response, Status};

use crate::error::Error;
use crate::sections::Adopted;
use crate::service::Service;
use crate::turn::{Asked, Look};

/// crypto behind its contract.
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
impl Keys for Rpc {
    async fn get_active_key(&self, request: Request<GetActiveKeyRequest>) -> Answer<GetActiveKeyResponse> {
        let call = CallContext::of(&request)?;
        let instance = &request.get_ref().instance_id;
        let instance = (!instance.is_empty())
            .then(|| convert::id(InstanceId::from_slice, instance, "instance_id"))
            .transpose()
            .map_err(told)?;
        let row = self.service.epochs.give(call.tenant()?, instance).await.map_err(told)?;
        Ok(Response::new(GetActiveKeyResponse {
            key_epoch: row.epoch.0,
            public_key: row.hpke_public.to_vec(),
            until: row.until.0,
        }))
    }

    async fn leave_epochs(&self, request: Request<LeaveEpochsRequest>) -> Answer<LeaveEpochsResponse> {
        let call = CallContext::of(&request)?;
        let asked = request.get_ref();
        let instance =
            convert::id(InstanceId::from_slice, &asked.instance_id, "instance_id").map_err(told)?;
        let through = KeyEpoch(asked.through);
        let left = self.service.epochs.leave(call.tenant()?, instance, through).await.map_err(told)?;
        call.touched().object(format!("instance/{instance}")).fact("through", through).fact("left", left);
        Ok(Response::new(LeaveEpochsResponse { left }))
    }

    async fn adopt(&self, request: Request<AdoptRequest>) -> Answer<AdoptResponse> {
        let call = CallContext::of(&request)?;
        let new = convert::new_section(request.into_inner()).map_err(told)?;
        let adopted = self.service.sections.adopt(call.tenant()?, &new).await.map_err(told)?;
        let already = match adopted {
            Adopted::Now => false,
            Adopted::Before => true,
        };
        Ok(Response::new(AdoptResponse { already }))
    }

    async fn seal(&self, request: Request<SealRequest>) -> Answer<SealResponse> {
        let call = CallContext::of(&request)?;
        let asked = convert::seal_request(request.into_inner()).map_err(told)?;
        call.touched().recording(asked.recording);
        let sealed = self.service.sealing.seal(call.tenant()?, &asked).await.map_err(told)?;
        call.touched().fact("entries", sealed.entries.len()).fact("gone", sealed.gone.len());
        Ok(Response::new(convert::seal_response(sealed, &asked.on_consent)))
    }

    async fn unwrap(&self, request: Request<UnwrapRequest>) -> Answer<UnwrapResponse> {
        let call = CallContext::of(&request)?;
        let ask = convert::ask(request.into_inner()).map_err(told)?;
        let note = call.touched().recording(ask.recording);
        note.fact("claimed-purpose", &ask.purpose).fact("use", ask.wanted);
        if !ask.reference.is_empty() {
            note.fact("reference", &ask.reference);
        }
        let opened = self.service.unwrapping.unwrap(call.tenant()?, &call.principal.id, &ask).await;
        let opened = opened.map_err(told)?;
        let spans: u64 = opened.covers.values().map(|cover| cover.spans().len()).sum();
        note.fact("for", &opened.principal).fact("spans", spans).fact("lease", opened.lease);
        convert::unwrap_response(&opened).map(Response::new).map_err(told)
    }

    async fn renew(&self, request: Request<RenewRequest>) -> Answer<RenewResponse> {
        let call = CallContext::of(&request)?;
        let lease =
            convert::id(LeaseId::from_slice, &request.get_ref().lease_id, "lease_id").map_err(told)?;
        let renewed = self.service.unwrapping.renew(call.tenant()?, &call.principal.id, lease).await;
        Ok(Response::new(RenewResponse { ttl: convert::millis(renewed.map_err(told)?) }))
    }

    async fn erase(&self, request: Request<EraseRequest>) -> Answer<EraseResponse> {
        let call = CallContext::of(&request)?;
        let asked = convert::erase_request(request.into_inner()).map_err(told)?;
        let note = call.touched().recording(asked.recording);
        note.fact("erasure", asked.erasure);
        let erased = self.service.erasing.erase(call.tenant()?, &asked).await.map_err(told)?;
        note.fact("removed", erased.removed).fact("narrowed", erased.narrowed);
        Ok(Response::new(convert::erase_response(&erased)))
    }

    async fn probe(&self, request: Request<ProbeRequest>) -> Answer<ProbeResponse> {
        let call = CallContext::of(&request)?;
        let recording = &request.get_ref().recording_id;
        let recording = convert::id(RecordingId::from_slice, recording, "recording_id").map_err(told)?;
        call.touched().recording(recording);
        let open = self.service.erasing.probe(call.tenant()?, recording).await.map_err(told)?;
        Ok(Response::new(convert::probe_response(open)))
    }

    async fn get_status(&self, request: Request<GetStatusRequest>) -> Answer<GetStatusResponse> {
        let call = CallContext::of(&request)?;
        let look = if request.get_ref().canaries { Look::Canaries } else { Look::Tables };
        let report = self.service.turn.report(call.tenant()?, look).await.map_err(told)?;
        call.touched().fact("epochs", report.epochs.len()).fact("canaries", report.canaries.len());
        Ok(Response::new(convert::status_response(report)))
    }

    async fn turn(&self, request: Request<TurnRequest>) -> Answer<TurnResponse> {
        let call = CallContext::of(&request)?;
        let (turn, tenant) = (&self.service.turn, call.tenant()?);
        let begin = request.get_ref().begin;
        call.touched().fact("begin", begin);
        let (epochs, held_back) = if begin {
            let Asked { epochs, held_back } = turn.ask(tenant).await.map_err(told)?;
            (epochs, held_back)
        } else {
            (turn.step(tenant).await.map_err(told)?, None)
        };
        let epochs = epochs.into_iter().map(convert::epoch_status).collect();
        let held_back = held_back.map(|why| why.to_string()).unwrap_or_default();
        Ok(Response::new(TurnResponse { epochs, held_back }))
    }

    async fn hmac(&self, request: Request<HmacRequest>) -> Answer<HmacResponse> {
        let call = CallContext::of(&request)?;
        let (key, values) = convert::hmac_request(request.into_inner()).map_err(told)?;
        let macs = self.service.tenant_keys.hmac(call.tenant()?, key, &values).await.map_err(told)?;
        Ok(Response::new(HmacResponse { macs: macs.iter().map(|mac| mac.to_vec()).collect() }))
    }

    async fn get_audit_key(&self, request: Request<GetAuditKeyRequest>) -> Answer<GetAuditKeyResponse> {
        let call = CallContext::of(&request)?;
        let key = self.service.tenant_keys.audit_key(call.tenant()?).await.map_err(told)?;
        Ok(Response::new(GetAuditKeyResponse { key: key.expose().to_vec() }))
    }

    async fn adopt_reason(&self, request: Request<AdoptReasonRequest>) -> Answer<AdoptReasonResponse> {
        let call = CallContext::of(&request)?;
        let (event, sealed) = convert::sealed_reason(request.get_ref()).map_err(told)?;
        let epoch = KeyEpoch(request.get_ref().key_epoch);
        self.service.reasons.adopt(call.tenant()?, event, epoch, &sealed).await.map_err(told)?;
        Ok(Response::new(AdoptReasonResponse {}))
    }

    async fn certify(&self, request: Request<CertifyRequest>) -> Answer<CertifyResponse> {
        let call = CallContext::of(&request)?;
        let asked = convert::certify_request(request.into_inner()).map_err(told)?;
        call.touched().object(format!("instance/{}", asked.instance)).fact("role", &asked.role);
        let keys = &self.service.tenant_keys;
        let signed = keys.certify(asked.instance, asked.role, asked.tenants, asked.key).await;
        let certificate =
            signed.and_then(|signed| signed.encode().map_err(Error::seal("write a certificate")));
        Ok(Response::new(CertifyResponse { certificate: certificate.map_err(told)? }))
    }

    async fn export_trust(&self, request: Request<ExportTrustRequest>) -> Answer<ExportTrustResponse> {
        CallContext::of(&request)?;
        let roots = self.service.tenant_keys.signing_roots().await.map_err(told)?;
        let signing_roots = roots.iter().map(|root| root.to_bytes().to_vec()).collect();
        Ok(Response::new(ExportTrustResponse { signing_roots }))
    }
}

#[cfg(test)]
mod tests;
