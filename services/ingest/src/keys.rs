//! What ingest asks crypto: the tenant's active epoch key, and HMACs to find a call by. Only public keys are
//! kept here: ingest holds nothing that opens yesterday's calls. No epoch can end before ingest has left it
//! ([`Keys::over`], [`Keys::leave`]), which it does when nothing that was sealed to it is on its way.

mod held;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, InstanceId, KeyEpoch, Retry, TenantId, Timestamp};
use parking_lot::Mutex;
use platform::{CallMetadata, Wire, request};
use proto::crypto::v1::keys_client::KeysClient;
use proto::crypto::v1::{GetActiveKeyRequest, HmacKey, HmacRequest, LeaveEpochsRequest};
use seal::EpochPublic;

use self::held::Held;
pub(crate) use self::held::Hold;
use crate::error::Error;
use crate::node::Node;

/// A tenant's active epoch key.
#[derive(Clone, Debug)]
pub(crate) struct ActiveKey {
    pub(crate) epoch: KeyEpoch,
    pub(crate) public: EpochPublic,
    pub(crate) until: Timestamp,
    /// To be kept as long as anything that is sealed to it may come to the log.
    pub(crate) hold: Hold,
}

/// Asks crypto, and keeps each tenant's key until its epoch closes.
pub(crate) struct Keys {
    wire: Wire,
    instance: InstanceId,
    node: Node,
    clock: Arc<dyn Clock>,
    patience: Duration,
    kept: Mutex<HashMap<TenantId, Kept>>,
}

/// One tenant's.
#[derive(Default)]
struct Kept {
    active: Option<ActiveKey>,
    held: Held,
}

/// Most values of one HMAC call.
const HMAC_VALUES: usize = 64;

impl Keys {
    pub(crate) fn new(
        wire: Wire,
        instance: InstanceId,
        node: Node,
        clock: Arc<dyn Clock>,
        patience: Duration,
    ) -> Self {
        Self { wire, instance, node, clock, patience, kept: Mutex::default() }
    }

    /// The key that sections are sealed to now.
    pub(crate) async fn active(&self, tenant: &TenantId) -> Result<ActiveKey, Error> {
        let is_known = match self.kept.lock().get(tenant) {
            Some(Kept { active: Some(key), .. }) if self.clock.now() < key.until => return Ok(key.clone()),
            known => known.is_some(),
        };
        if !is_known {
            // Before it can have anything to leave.
            self.node.remember(self.instance, tenant).await.map_err(|error| Error::NoKey(error.into()))?;
            self.kept.lock().entry(tenant.clone()).or_default();
        }
        let key = self.fetch(tenant).await?;
        self.kept.lock().entry(tenant.clone()).or_default().active = Some(key.clone());
        Ok(key)
    }

    /// Each tenant's epochs that have ended by then and that this process can leave, by the last of them.
    pub(crate) fn over(&self, now: Timestamp) -> Vec<(TenantId, KeyEpoch)> {
        let mut kept = self.kept.lock();
        let over = kept.iter_mut().filter_map(|(tenant, kept)| {
            kept.active.take_if(|key| key.until <= now);
            Some((tenant.clone(), kept.held.over(now)?))
        });
        over.collect()
    }

    /// Tells crypto that these epochs of this process were left.
    pub(crate) async fn leave(&self, tenant: &TenantId, through: KeyEpoch) -> Result<(), Error> {
        self.leave_as(self.instance, tenant, through).await?;
        if let Some(kept) = self.kept.lock().get_mut(tenant) {
            kept.held.left(through);
        }
        Ok(())
    }

    /// Leaves for processes that were on this node before, whose spool this one has drained.
    pub(crate) async fn leave_for_others(&self) -> Result<(), Error> {
        for (instance, tenant) in self.node.others(self.instance).await? {
            self.leave_as(instance, &tenant, KeyEpoch(u64::MAX)).await?;
            self.node.forget(instance, &tenant).await?;
        }
        Ok(())
    }

    async fn leave_as(
        &self,
        instance: InstanceId,
        tenant: &TenantId,
        through: KeyEpoch,
    ) -> Result<(), Error> {
        let asked = LeaveEpochsRequest { instance_id: instance.to_bytes().to_vec(), through: through.0 };
        let asked = request(tenant, asked).within(self.patience);
        let call = async { KeysClient::new(self.wire.clone()).leave_epochs(asked).await };
        let failed = |source| {
            let attempt = "leave key epochs";
            Error::Role { role: "crypto", attempt, retry: Retry::Backoff, source }
        };
        let answer = tokio::time::timeout(self.patience, call).await.map_err(|late| failed(late.into()))?;
        answer.map(drop).map_err(|status| failed(status.into()))
    }

    async fn fetch(&self, tenant: &TenantId) -> Result<ActiveKey, Error> {
        let asked = GetActiveKeyRequest { instance_id: self.instance.to_bytes().to_vec() };
        let asked = request(tenant, asked).within(self.patience);
        let call = async { KeysClient::new(self.wire.clone()).get_active_key(asked).await };
        let answer = tokio::time::timeout(self.patience, call).await;
        let answer = answer.map_err(|late| Error::NoKey(late.into()))?;
        let answer = answer.map_err(|status| Error::NoKey(status.into()))?.into_inner();
        let public = EpochPublic::from_slice(&answer.public_key).map_err(|bad| Error::NoKey(bad.into()))?;
        let (epoch, until) = (KeyEpoch(answer.key_epoch), Timestamp(answer.until));
        // Given is given, also where it is of no use.
        let hold = self.kept.lock().entry(tenant.clone()).or_default().held.give(epoch, until);
        if epoch.0 == 0 || until <= self.clock.now() {
            return Err(Error::NoKey("crypto answered with an epoch that is over".into()));
        }
        Ok(ActiveKey { epoch, public, until, hold })
    }

    /// HMACs under the tenant's identifier key, in order.
    pub(crate) async fn identifier_hmacs(
        &self,
        tenant: &TenantId,
        values: Vec<Vec<u8>>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        debug_assert!(values.len() <= HMAC_VALUES);
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let count = values.len();
        let asked = HmacRequest { key: HmacKey::Identifier as i32, values };
        let asked = request(tenant, asked).within(self.patience);
        let call = async { KeysClient::new(self.wire.clone()).hmac(asked).await };
        let failed = |source| {
            let attempt = "make the ids to find a call by";
            Error::Role { role: "crypto", attempt, retry: Retry::Backoff, source }
        };
        let answer = tokio::time::timeout(self.patience, call).await.map_err(|late| failed(late.into()))?;
        let macs = answer.map_err(|status| failed(status.into()))?.into_inner().macs;
        if macs.len() != count {
            return Err(failed("the answer has another number of values".into()));
        }
        Ok(macs)
    }
}
