//! Which tenants' epochs are in use, and when the first of them ends: pure.
//!
//! An epoch that is over has a successor only once somebody asks for one. So a tenant whose epoch is over counts
//! only if it was asked for since: then somebody wants a key and has not got it.

use std::collections::BTreeMap;

use kernel::{TenantId, Timestamp};

/// What this process knows of them.
#[derive(Default)]
pub(super) struct Demand(BTreeMap<TenantId, Known>);

#[derive(Clone, Copy)]
struct Known {
    until: Timestamp,
    asked: Timestamp,
}

impl Known {
    fn is_over(self, now: Timestamp) -> bool {
        self.until <= now
    }
    fn is_wanted(self) -> bool {
        self.until <= self.asked
    }
}

impl Demand {
    /// The tenant's epoch was asked for; the latest ends then.
    pub(super) fn asked(&mut self, tenant: &TenantId, until: Timestamp, now: Timestamp) {
        self.0.insert(tenant.clone(), Known { until, asked: now });
    }

    /// The latest epoch ends then, as another process may have seen to.
    pub(super) fn learnt(&mut self, tenant: &TenantId, until: Timestamp) {
        if let Some(known) = self.0.get_mut(tenant) {
            known.until = until;
        }
    }

    /// Tenants that want an epoch and, as far as this process knows, have none.
    pub(super) fn without(&self, now: Timestamp) -> Vec<TenantId> {
        let without = self.0.iter().filter(|(_, known)| known.is_over(now) && known.is_wanted());
        without.map(|(tenant, _)| tenant.clone()).collect()
    }

    /// When the first epoch in use ends, or ended.
    pub(super) fn first_end(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.0.retain(|_, known| !known.is_over(now) || known.is_wanted());
        self.0.values().map(|known| known.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_that_is_over_counts_only_where_its_successor_was_asked_for() {
        let tenant = |name: &str| TenantId::new(name).unwrap();
        let (idle, busy, stuck) = (tenant("idle"), tenant("busy"), tenant("stuck"));
        let mut demand = Demand::default();
        let at = Timestamp;
        demand.asked(&idle, at(100), at(10));
        demand.asked(&busy, at(150), at(20));
        assert_eq!(demand.first_end(at(50)), Some(at(100)));
        assert_eq!(demand.first_end(at(120)), Some(at(150)), "nobody misses the idle one's");
        demand.asked(&busy, at(250), at(151));
        demand.asked(&stuck, at(140), at(160));
        assert_eq!(demand.without(at(170)), std::slice::from_ref(&stuck));
        assert_eq!(demand.first_end(at(170)), Some(at(140)));
        demand.learnt(&stuck, at(300));
        assert_eq!((demand.without(at(170)), demand.first_end(at(170))), (Vec::new(), Some(at(250))));
        assert_eq!(demand.first_end(at(400)), None);
    }
}
