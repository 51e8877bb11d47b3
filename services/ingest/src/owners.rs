//! The way to the instance that owns a session: a control is handed on to it, once.

use platform::{CallMetadata, Wire, request};
use proto::ingest::v1 as wire;
use proto::ingest::v1::recorder_client::RecorderClient;
use tonic::Status;
use tonic::metadata::MetadataValue;

use crate::service::Parts;
use crate::store::{SessionKey, SessionRow};

/// Marks a control that was handed on, so that it is not handed on again.
pub(crate) const HANDED_ON: &str = "verbale-handed-on";

/// Knows the way to other instances of this role. A wire carries this role's service token.
pub trait Owners: Send + Sync + 'static {
    /// The way to the instance at an address that it gave of itself; none where there is no way.
    fn wire(&self, address: &str) -> Option<Wire>;
}

/// There are no other instances.
#[derive(Clone, Copy, Debug)]
pub struct NoOwners;

impl Owners for NoOwners {
    fn wire(&self, _: &str) -> Option<Wire> {
        None
    }
}

/// How a control came.
#[derive(Clone, Debug)]
pub(crate) enum Came {
    /// From its caller; as it came.
    Directly(Box<wire::ControlRequest>),
    /// From another instance, which took this one for the owner.
    HandedOn,
}

impl Parts {
    /// Whether a session belongs to another instance that may run it. An owner at this instance's own address, or
    /// at none, is an earlier process, and gone.
    pub(crate) fn is_elsewhere(&self, row: &SessionRow) -> bool {
        row.owner != self.instance && !row.owner_address.is_empty() && row.owner_address != self.address
    }

    /// Hands a control on to the session's owner.
    pub(crate) async fn hand_on(
        &self,
        key: &SessionKey,
        address: &str,
        control: wire::ControlRequest,
    ) -> Result<wire::ControlResponse, Status> {
        let away = || Status::unavailable("there is no way to the session's owner");
        let way = self.owners.wire(address).ok_or_else(away)?;
        let patience = self.config.call.0;
        let mut asked = request(&key.tenant, control).within(patience);
        asked.metadata_mut().insert(HANDED_ON, MetadataValue::from_static("1"));
        let call = async { RecorderClient::new(way).control(asked).await };
        let late = |_| Status::deadline_exceeded("the session's owner did not answer in time");
        Ok(tokio::time::timeout(patience, call).await.map_err(late)??.into_inner())
    }
}
