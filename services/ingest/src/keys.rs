//! What ingest asks crypto: the tenant's active epoch key, and HMACs to find a call by. Only public keys are
//! kept here: ingest holds nothing that opens yesterday's calls.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, InstanceId, KeyEpoch, Retry, TenantId, Timestamp};
use parking_lot::Mutex;
use platform::{CallMetadata, Wire, request};
use proto::crypto::v1::keys_client::KeysClient;
use proto::crypto::v1::{GetActiveKeyRequest, HmacKey, HmacRequest};
use seal::EpochPublic;

use crate::error::Error;

/// A tenant's active epoch key.
#[derive(Clone, Debug)]
pub(crate) struct ActiveKey {
    pub(crate) epoch: KeyEpoch,
    pub(crate) public: EpochPublic,
    pub(crate) until: Timestamp,
}

/// Asks crypto, and keeps each tenant's key until its epoch closes.
pub(crate) struct Keys {
    wire: Wire,
    instance: InstanceId,
    clock: Arc<dyn Clock>,
    patience: Duration,
    kept: Mutex<HashMap<TenantId, ActiveKey>>,
}

/// Most values of one HMAC call.
const HMAC_VALUES: usize = 64;

impl Keys {
    pub(crate) fn new(wire: Wire, instance: InstanceId, clock: Arc<dyn Clock>, patience: Duration) -> Self {
        Self { wire, instance, clock, patience, kept: Mutex::default() }
    }

    /// The key that sections are sealed to now.
    pub(crate) async fn active(&self, tenant: &TenantId) -> Result<ActiveKey, Error> {
        let kept = self.kept.lock().get(tenant).cloned();
        if let Some(key) = kept.filter(|key| self.clock.now() < key.until) {
            return Ok(key);
        }
        let key = self.fetch(tenant).await?;
        self.kept.lock().insert(tenant.clone(), key.clone());
        Ok(key)
    }

    async fn fetch(&self, tenant: &TenantId) -> Result<ActiveKey, Error> {
        let asked = GetActiveKeyRequest { instance_id: self.instance.to_bytes().to_vec() };
        let asked = request(tenant, asked).within(self.patience);
        let call = async { KeysClient::new(self.wire.clone()).get_active_key(asked).await };
        let answer = tokio::time::timeout(self.patience, call).await;
        let answer = answer.map_err(|late| Error::NoKey(late.into()))?;
        let answer = answer.map_err(|status| Error::NoKey(status.into()))?.into_inner();
        let public = EpochPublic::from_slice(&answer.public_key).map_err(|bad| Error::NoKey(bad.into()))?;
        let until = Timestamp(answer.until);
        if answer.key_epoch == 0 || until <= self.clock.now() {
            return Err(Error::NoKey("crypto answered with an epoch that is over".into()));
        }
        Ok(ActiveKey { epoch: KeyEpoch(answer.key_epoch), public, until })
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
