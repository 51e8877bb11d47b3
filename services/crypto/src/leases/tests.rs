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
        reference: String::new(),
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

#[tokio::test(start_paused = true)]
async fn the_last_lease_of_those_in_question_is_the_one_to_wait_for() {
    let leases = Leases::new(MAX_LIFE, 10);
    let at = crate::testing::section(RecordingId::new(), 0);
    let spans = BTreeMap::from([(at, crate::testing::spans(0..9))]);
    leases.begin(Lease { spans: spans.clone(), ..lease() }).unwrap();
    tokio::time::advance(Duration::from_secs(20)).await;
    leases.begin(Lease { spans, ..lease() }).unwrap();
    tokio::time::advance(Duration::from_secs(10)).await;
    leases.begin(lease()).unwrap();
    let concerned = |lease: &Lease| {
        lease.entries().any(|(key, _)| key.section == at && key.purpose == purpose("quality"))
    };
    assert_eq!(leases.longest(concerned), Duration::from_secs(50));
    assert_eq!(leases.longest(|_| false), Duration::ZERO);
    tokio::time::advance(Duration::from_secs(50)).await;
    assert_eq!(leases.longest(concerned), Duration::ZERO);
    assert_eq!(leases.longest(|_| true), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_refused_is_nobodys_and_counts_until_it_has_run_out() {
    let leases = Leases::new(MAX_LIFE, 1);
    let id = leases.begin(lease()).unwrap();
    tokio::time::advance(Duration::from_secs(20)).await;
    leases.refuse(id);
    assert!(matches!(leases.running(&tenant(), "archive", id), Err(Error::NoLease(_))));
    assert!(matches!(leases.renew(id), Err(Error::NoLease(_))));
    assert_eq!(leases.longest(|_| true), Duration::from_secs(40));
    tokio::time::advance(Duration::from_secs(40)).await;
    assert_eq!(leases.longest(|_| true), Duration::ZERO);
    leases.begin(lease()).expect("it makes room");
}
