//! Leases: what was handed out, to whom, and until when. In memory, bounded, on machine time.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use kernel::{LeaseId, TenantId};
use parking_lot::Mutex;
use seal::{SectionAddress, SpanSet};
use tokio::time::Instant;

use crate::error::Error;
use crate::gate::Claim;

/// The longest a lease may run before it is renewed.
pub const MAX_LIFE: Duration = Duration::from_secs(60);

/// What was handed out.
#[derive(Clone, Debug)]
pub struct Lease {
    /// For whom, of what; the rules are asked this again.
    pub claim: Claim,
    /// Who holds it: the caller's id.
    pub holder: String,
    /// Which spans.
    pub spans: BTreeMap<SectionAddress, SpanSet>,
}

/// The leases that run.
pub struct Leases {
    life: Duration,
    bound: usize,
    running: Mutex<HashMap<LeaseId, (Instant, Lease)>>,
}

impl Leases {
    /// At most `bound` leases of at most [`MAX_LIFE`] each.
    pub fn new(life: Duration, bound: usize) -> Self {
        Self { life: life.min(MAX_LIFE), bound, running: Mutex::default() }
    }

    /// How long a lease runs.
    pub fn life(&self) -> Duration {
        self.life
    }

    /// Begins a lease.
    pub fn begin(&self, lease: Lease) -> Result<LeaseId, Error> {
        let now = Instant::now();
        let mut running = self.running.lock();
        if running.len() >= self.bound {
            running.retain(|_, (until, _)| *until > now);
        }
        if running.len() >= self.bound {
            return Err(Error::LeasesFull(self.bound));
        }
        let id = LeaseId::new();
        running.insert(id, (now + self.life, lease));
        Ok(id)
    }

    /// A lease that runs, of this tenant and holder.
    pub fn running(&self, tenant: &TenantId, holder: &str, id: LeaseId) -> Result<Lease, Error> {
        let mut running = self.running.lock();
        let (until, lease) = running.get(&id).ok_or(Error::NoLease(id))?;
        if *until <= Instant::now() {
            running.remove(&id);
            return Err(Error::NoLease(id));
        }
        // Another's lease is no lease: nobody learns that it runs.
        let own = lease.claim.tenant == *tenant && lease.holder == holder;
        if own { Ok(lease.clone()) } else { Err(Error::NoLease(id)) }
    }

    /// Lets a lease run anew from now.
    pub fn renew(&self, id: LeaseId) -> Result<(), Error> {
        let mut running = self.running.lock();
        let (until, _) = running.get_mut(&id).ok_or(Error::NoLease(id))?;
        *until = Instant::now() + self.life;
        Ok(())
    }

    /// Ends a lease.
    pub fn end(&self, id: LeaseId) {
        self.running.lock().remove(&id);
    }
}

#[cfg(test)]
mod tests;
