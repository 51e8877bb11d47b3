//! A crypto whose epoch secret the test has in hand.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, InstanceId, KeyEpoch, ManualClock};
use parking_lot::Mutex;
use proto::crypto::v1 as wire;
use proto::crypto::v1::keys_server::Keys;
use seal::{EpochSecret, Hash};
use tonic::{Request, Response, Status};

#[derive(Clone)]
pub(crate) struct FakeCrypto(Arc<State>);

struct State {
    clock: ManualClock,
    epochs: Mutex<Vec<EpochSecret>>,
    away: Mutex<bool>,
    left: Mutex<Vec<(InstanceId, KeyEpoch)>>,
}

pub(crate) const EPOCH: Duration = Duration::from_secs(7 * 86_400);

impl FakeCrypto {
    pub(crate) fn new(clock: ManualClock) -> Self {
        let first = EpochSecret::generate().unwrap();
        let epochs = Mutex::new(vec![first]);
        Self(Arc::new(State { clock, epochs, away: Mutex::default(), left: Mutex::default() }))
    }
    pub(crate) fn set_away(&self, away: bool) {
        *self.0.away.lock() = away;
    }
    /// Who has left, up to which epoch.
    pub(crate) fn left(&self) -> Vec<(InstanceId, KeyEpoch)> {
        self.0.left.lock().clone()
    }
    pub(crate) fn next_epoch(&self) {
        self.0.epochs.lock().push(EpochSecret::generate().unwrap());
    }
    pub(crate) fn secret(&self, epoch: KeyEpoch) -> EpochSecret {
        let epochs = self.0.epochs.lock();
        EpochSecret::from_slice(epochs[epoch.0 as usize - 1].expose()).unwrap()
    }
    fn check(&self) -> Result<(), Status> {
        if *self.0.away.lock() { Err(Status::unavailable("away")) } else { Ok(()) }
    }
}

macro_rules! not_ingests {
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
            Box::pin(async { Err(Status::unimplemented("not ingest's")) })
        }
    )+ };
}

#[tonic::async_trait]
impl Keys for FakeCrypto {
    async fn get_active_key(
        &self,
        _: Request<wire::GetActiveKeyRequest>,
    ) -> Result<Response<wire::GetActiveKeyResponse>, Status> {
        self.check()?;
        let epochs = self.0.epochs.lock();
        let public = epochs.last().unwrap().public();
        Ok(Response::new(wire::GetActiveKeyResponse {
            key_epoch: epochs.len() as u64,
            public_key: public.as_bytes().to_vec(),
            until: self.0.clock.now().plus(EPOCH).0,
        }))
    }

    async fn leave_epochs(
        &self,
        request: Request<wire::LeaveEpochsRequest>,
    ) -> Result<Response<wire::LeaveEpochsResponse>, Status> {
        self.check()?;
        let wire::LeaveEpochsRequest { instance_id, through } = request.into_inner();
        let instance = InstanceId::from_slice(&instance_id).unwrap();
        self.0.left.lock().push((instance, KeyEpoch(through)));
        Ok(Response::new(wire::LeaveEpochsResponse { left: 1 }))
    }

    async fn hmac(
        &self,
        request: Request<wire::HmacRequest>,
    ) -> Result<Response<wire::HmacResponse>, Status> {
        self.check()?;
        let values = request.into_inner().values;
        let macs = values.iter().map(|value| Hash::of(value).0.to_vec()).collect();
        Ok(Response::new(wire::HmacResponse { macs }))
    }

    not_ingests! {
        adopt: AdoptRequest => AdoptResponse,
        seal: SealRequest => SealResponse,
        unwrap: UnwrapRequest => UnwrapResponse,
        renew: RenewRequest => RenewResponse,
        get_audit_key: GetAuditKeyRequest => GetAuditKeyResponse,
        adopt_reason: AdoptReasonRequest => AdoptReasonResponse,
        certify: CertifyRequest => CertifyResponse,
        export_trust: ExportTrustRequest => ExportTrustResponse,
        erase: EraseRequest => EraseResponse,
        probe: ProbeRequest => ProbeResponse,
        get_status: GetStatusRequest => GetStatusResponse,
        turn: TurnRequest => TurnResponse,
    }
}
