//! Who must know that an epoch is destroyed before it is: the restrictive journal, which no backup brings back.

use async_trait::async_trait;
use journal::{About, Act, Journal, Kind};
use kernel::{EventId, KeyEpoch, TenantId, Timestamp};
use sha2::{Digest, Sha256};

use crate::error::Error;

/// Told of the end of epochs.
#[async_trait]
pub trait Announce: Send + Sync + 'static {
    /// An epoch is about to be destroyed; durable when it answers. Told again it has no second effect.
    async fn destroyed(&self, tenant: &TenantId, epoch: KeyEpoch, at: Timestamp) -> Result<(), Error>;
}

#[async_trait]
impl Announce for Journal {
    async fn destroyed(&self, tenant: &TenantId, epoch: KeyEpoch, at: Timestamp) -> Result<(), Error> {
        let act = Act {
            id: act_id(tenant, epoch),
            at,
            tenant: tenant.clone(),
            kind: Kind::EpochDestroyed,
            about: About::Epoch(epoch),
            codes: Vec::new(),
        };
        let failed = |source| Error::Journal { tenant: tenant.clone(), epoch, source: Box::new(source) };
        self.append(vec![act]).await.map(drop).map_err(failed)
    }
}

/// Made of tenant and epoch: whoever tells of it tells of the same act.
fn act_id(tenant: &TenantId, epoch: KeyEpoch) -> EventId {
    let hash = Sha256::digest(format!("verbale/epoch-destroyed/v1/{tenant}/{epoch}"));
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    EventId::from_bytes(id)
}
