//! Leases end on machine time, and are nobody else's.

use std::collections::BTreeSet;

use kernel::{Principal, PrincipalKind, RecordingId, Use};

use super::*;
use crate::testing::{other_tenant, purpose, tenant};

fn lease() -> Lease {
    let principal = Principal {
        id: "giulia".to_owned(),
        kind: PrincipalKind::Person,
        roles: BTreeSet::new(),
        tenants: BTreeSet::new(),
    };
    let claim = Claim {
        principal,
        tenant: tenant(),
        recording: RecordingId::new(),
        purpose: purpose("quality"),
        wanted: Use::Replay,
    };
    Lease { claim, holder: "archive".to_owned(), spans: BTreeMap::new() }
}

#[tokio::test(start_paused = true)]
async fn a_lease_runs_out_on_machine_time_unless_it_is_renewed() {
    let leases = Leases::new(Duration::from_secs(60), 10);
    let id = leases.begin(lease()).unwrap();
    tokio::time::advance(Duration::from_secs(59)).await;
    leases.renew(id).unwrap();
    tokio::time::advance(Duration::from_secs(59)).await;
    assert!(leases.running(&tenant(), "archive", id).is_ok());
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(matches!(leases.running(&tenant(), "archive", id), Err(Error::NoLease(_))));
    assert!(leases.renew(id).is_err());
}

#[tokio::test]
async fn no_lease_runs_longer_than_sixty_seconds() {
    assert_eq!(Leases::new(Duration::from_secs(3_600), 1).life(), Duration::from_secs(60));
}

#[tokio::test]
async fn a_lease_is_its_holders_and_its_tenants_alone() {
    let leases = Leases::new(MAX_LIFE, 10);
    let id = leases.begin(lease()).unwrap();
    assert!(leases.running(&tenant(), "ingest", id).is_err());
    assert!(leases.running(&other_tenant(), "archive", id).is_err());
    assert!(leases.running(&tenant(), "archive", id).is_ok());
    leases.end(id);
    assert!(leases.running(&tenant(), "archive", id).is_err());
}

#[tokio::test(start_paused = true)]
async fn leases_are_bounded_and_those_that_ran_out_make_room() {
    let leases = Leases::new(MAX_LIFE, 2);
    leases.begin(lease()).unwrap();
    leases.begin(lease()).unwrap();
    assert!(matches!(leases.begin(lease()), Err(Error::LeasesFull(2))));
    tokio::time::advance(MAX_LIFE).await;
    leases.begin(lease()).unwrap();
}
