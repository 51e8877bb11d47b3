//! Stamps: a recording that was sealed gets the end of each purpose, once.
//!
//! It is stamped under the policy that it was made under, with what has been ordered and shortened since. An order that
//! is placed meanwhile either sees the row in its walk, or is seen here after the row is written; of a policy that comes
//! into force meanwhile the consumer looks again ([`Service::look_again`]), once nobody goes by an older one.

use kernel::TenantId;
use policy::PolicyHash;
use proto::archive::v1::RecordingSealed;
use tracing::{debug, warn};

use super::{Service, in_force};
use crate::error::Error;
use crate::events;
use crate::kept::{Kept, RecordingKey};
use crate::stamping::{First, Movers, Sealed, apply, first, lock_longer, restamp};
use crate::store::Written;

/// A recording that was stamped, and the policy in force that was seen then.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Stamped {
    key: RecordingKey,
    in_force: Option<PolicyHash>,
}

impl Service {
    /// Stamps a recording that was sealed; one that is stamped already is only brought up to what has been ordered
    /// since. An event that says what cannot be is [`Error::Invalid`].
    pub(crate) async fn stamp(&self, tenant: &TenantId, event: &RecordingSealed) -> Result<Stamped, Error> {
        let mut sealed = Sealed::read(event)?;
        let gone = std::mem::take(&mut sealed.gone);
        let recorded = self.policies.by_hash(tenant, sealed.policy).await?;
        let facts = sealed.facts();
        let First { terms, unknown } = first(&recorded, &sealed.purposes, &facts)
            .ok_or_else(|| Error::invalid("policy_hash", "is of a policy that has no purpose"))?;
        let key = RecordingKey { tenant: tenant.clone(), id: sealed.recording };
        for purpose in &unknown {
            warn!(
                recording = %key.id,
                %purpose,
                "a purpose is kept that the recording's policy does not have: it ends with the last of the others"
            );
        }
        let known = in_force(&self.policies, tenant).await?;
        let later = known.as_ref().map(|known| known.policy.as_ref());
        let orders = self.store.orders(tenant).await?;
        let kept = Kept {
            key: key.clone(),
            version: 1,
            started_at: sealed.started_at,
            ended_at: sealed.ended_at,
            policy: sealed.policy,
            parties: sealed.parties.into_iter().collect(),
            terms,
        };
        let moved = apply(&kept, &recorded, &facts, Movers { later, orders: &orders });
        if let Some(moved) = &moved {
            lock_longer(self.erasing.mesh(), self.clock.as_ref(), &kept, moved).await?;
        }
        let kept = moved.map_or(kept, |moved| Kept { version: 1, ..moved });
        let written = self.store.stamp(&kept, &events::stamped(&kept, self.clock.now())).await?;
        self.stamps.notify_waiters();
        debug!(recording = %key.id, terms = kept.terms.len(), ?written, "a recording is stamped");
        // Read after the row is there: an order that is not among them finds the row.
        let since = self.store.orders(tenant).await?;
        if written == Written::Conflict || since != orders {
            self.restamp(&key, Movers { later, orders: &since }).await?;
        }
        // After the row: a withdrawal that came before it was found no recording then.
        if let Some(kept) = self.store.kept(&key).await? {
            self.erasing.basis_after_stamp(&kept, &gone).await?;
        }
        Ok(Stamped { key, in_force: known.map(|known| known.hash) })
    }

    /// Brings a recording up to the policy in force, where that is another one than when it was stamped. At the
    /// earliest [`platform::policies::IN_FORCE_FOR`] after that: whoever walked over all recordings for a newer policy
    /// before this one was there has then been told of it here, too.
    pub(crate) async fn look_again(&self, stamped: &Stamped) -> Result<(), Error> {
        let known = in_force(&self.policies, &stamped.key.tenant).await?;
        let Some(known) = known.filter(|known| Some(known.hash) != stamped.in_force) else { return Ok(()) };
        self.restamp(&stamped.key, Movers { later: Some(known.policy.as_ref()), orders: &[] }).await
    }

    async fn restamp(&self, key: &RecordingKey, movers: Movers<'_>) -> Result<(), Error> {
        let (store, clock, mesh) = (self.store.as_ref(), self.clock.as_ref(), self.erasing.mesh());
        restamp(store, &self.policies, clock, mesh, key, movers).await.map(drop)
    }
}

#[cfg(test)]
mod tests;
