//! Leases: what was handed out, to whom, and until when. In memory, bounded, on machine time.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use kernel::{LeaseId, TenantId};
use parking_lot::Mutex;
use seal::{SectionAddress, SpanSet};
use tokio::time::Instant;

use crate::error::Error;
use crate::gate::Claim;
use crate::store::EntryKey;

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

impl Lease {
    /// What was handed out of which entry.
    pub fn entries(&self) -> impl Iterator<Item = (EntryKey, &SpanSet)> {
        let purpose = &self.claim.purpose;
        self.spans
            .iter()
            .map(move |(section, spans)| (EntryKey { section: *section, purpose: purpose.clone() }, spans))
    }
}

/// A lease, and until when it may be used by whoever holds it.
struct Running {
    until: Instant,
    lease: Lease,
    /// It is not renewed any more. Its holder may still have what it was given.
    refused: bool,
}

/// The leases that run.
pub struct Leases {
    life: Duration,
    bound: usize,
    running: Mutex<HashMap<LeaseId, Running>>,
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
            running.retain(|_, running| running.until > now);
        }
        if running.len() >= self.bound {
            return Err(Error::LeasesFull(self.bound));
        }
        let id = LeaseId::new();
        running.insert(id, Running { until: now + self.life, lease, refused: false });
        Ok(id)
    }

    /// A lease that runs, of this tenant and holder.
    pub fn running(&self, tenant: &TenantId, holder: &str, id: LeaseId) -> Result<Lease, Error> {
        let mut running = self.running.lock();
        let Running { until, lease, refused } = running.get(&id).ok_or(Error::NoLease(id))?;
        if *until <= Instant::now() {
            running.remove(&id);
            return Err(Error::NoLease(id));
        }
        if *refused {
            return Err(Error::NoLease(id));
        }
        // Another's lease is no lease: nobody learns that it runs.
        let own = lease.claim.tenant == *tenant && lease.holder == holder;
        if own { Ok(lease.clone()) } else { Err(Error::NoLease(id)) }
    }

    /// Lets a lease run anew from now.
    pub fn renew(&self, id: LeaseId) -> Result<(), Error> {
        let mut running = self.running.lock();
        let running = running.get_mut(&id).filter(|running| !running.refused).ok_or(Error::NoLease(id))?;
        running.until = Instant::now() + self.life;
        Ok(())
    }

    /// How long something may still be used of what these gave; zero where none runs.
    pub fn longest(&self, concerned: impl Fn(&Lease) -> bool) -> Duration {
        let now = Instant::now();
        let running = self.running.lock();
        let running = running.values().filter(|running| concerned(&running.lease));
        running.map(|running| running.until.saturating_duration_since(now)).max().unwrap_or_default()
    }

    /// Lets a lease run out: it is nobody's any more, and counts until what was handed out under it is to be let go.
    pub fn refuse(&self, id: LeaseId) {
        if let Some(running) = self.running.lock().get_mut(&id) {
            running.refused = true;
        }
    }

    /// Ends a lease under which nothing was handed out.
    pub fn end(&self, id: LeaseId) {
        self.running.lock().remove(&id);
    }
}

#[cfg(test)]
mod tests;
