//! A crypto behind its contract, with as much of it as consent calls.

use std::sync::Arc;

use parking_lot::Mutex;
use platform::wire::{Wire, in_process};
use proto::crypto::v1 as wire;
use proto::crypto::v1::keys_server::{Keys, KeysServer};
use seal::{EpochSecret, Hash};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

/// What it was asked, and what it holds.
#[derive(Clone)]
pub(crate) struct CryptoServer {
    secret: Arc<EpochSecret>,
    pub(crate) inputs: Arc<Mutex<Vec<Vec<u8>>>>,
    pub(crate) adopted: Arc<Mutex<Vec<wire::AdoptRequest>>>,
}

impl CryptoServer {
    pub(crate) fn new() -> Self {
        let secret = Arc::new(EpochSecret::generate().unwrap());
        Self { secret, inputs: Arc::default(), adopted: Arc::default() }
    }
    pub(crate) fn wire(&self) -> Wire {
        in_process(Routes::new(KeysServer::new(self.clone())).prepare())
    }
}

macro_rules! not_consents {
    ($($name:ident: $request:ident => $response:ident,)+) => { $(
        fn $name<'life0, 'async_trait>(
            &'life0 self,
            _: Request<wire::$request>,
        ) -> std::pin::Pin<
            Box<dyn Future<Output = Result<Response<wire::$response>, Status>> + Send + 'async_trait>,
        >
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            Box::pin(async { Err(Status::unimplemented("not consent's")) })
        }
    )+ };
}

#[tonic::async_trait]
impl Keys for CryptoServer {
    async fn get_active_key(
        &self,
        _: Request<wire::GetActiveKeyRequest>,
    ) -> Result<Response<wire::GetActiveKeyResponse>, Status> {
        let public_key = self.secret.public().as_bytes().to_vec();
        Ok(Response::new(wire::GetActiveKeyResponse { key_epoch: 3, public_key, until: i64::MAX }))
    }

    async fn adopt(
        &self,
        request: Request<wire::AdoptRequest>,
    ) -> Result<Response<wire::AdoptResponse>, Status> {
        self.adopted.lock().push(request.into_inner());
        Ok(Response::new(wire::AdoptResponse { already: false }))
    }

    async fn hmac(
        &self,
        request: Request<wire::HmacRequest>,
    ) -> Result<Response<wire::HmacResponse>, Status> {
        let values = request.into_inner().values;
        assert!(values.len() <= 64, "more than crypto takes");
        let macs = values.iter().map(|value| Hash::of(value).0.to_vec()).collect();
        self.inputs.lock().extend(values);
        Ok(Response::new(wire::HmacResponse { macs }))
    }

    not_consents! {
        leave_epochs: LeaveEpochsRequest => LeaveEpochsResponse,
        seal: SealRequest => SealResponse,
        unwrap: UnwrapRequest => UnwrapResponse,
        renew: RenewRequest => RenewResponse,
        erase: EraseRequest => EraseResponse,
        probe: ProbeRequest => ProbeResponse,
        get_status: GetStatusRequest => GetStatusResponse,
        turn: TurnRequest => TurnResponse,
        get_audit_key: GetAuditKeyRequest => GetAuditKeyResponse,
        adopt_reason: AdoptReasonRequest => AdoptReasonResponse,
        certify: CertifyRequest => CertifyResponse,
        export_trust: ExportTrustRequest => ExportTrustResponse,
    }
}
