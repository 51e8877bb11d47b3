//! What was found is taken of what it can be found of.

use std::collections::BTreeSet;

use kernel::{ErrorCode, HoldId, Interval, Position, ServiceError};
use policy::request::{Ground, ItemKey, State};
use policy::rights::{Outcome, Right};
use proto::retention::v1::{HoldKind, HoldState};

use super::word;
use crate::act::{Decided, Found};
use crate::error::Error;
use crate::file::File;
use crate::testing::{Bench, LASTS, actor, hold};
use crate::working::tests::{planned, with_a_call};

fn on_claims() -> Found {
    Found { ground: Some(Ground::Claims), ..Found::default() }
}

/// Others are heard from then on, for a second.
fn heard_at(micros: u64) -> Found {
    let stretch = Interval::new(Position(micros), Position(micros + 1_000_000));
    Found { others_heard: stretch.into_iter().collect(), ..Found::default() }
}

/// Items whose names begin and end so.
fn named(file: &File, begins: &str, ends: &str) -> BTreeSet<ItemKey> {
    let is_meant = |key: &&ItemKey| key.as_str().starts_with(begins) && key.as_str().ends_with(ends);
    let found: BTreeSet<_> = file.items.keys().filter(is_meant).cloned().collect();
    assert!(!found.is_empty(), "{begins} {ends}");
    found
}

#[tokio::test]
async fn a_ground_and_a_stretch_are_found_only_where_they_can_be() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    let service = bench.service();
    let rights = [Right::Access, Right::Port, Right::Restrict, Right::Erase];
    let (key, file) = planned(&service, customer, &rights).await;
    let plan = file.request.plan().unwrap().name.clone();
    let decide = async |items: BTreeSet<ItemKey>, found: Found| {
        let decided = Decided { plan: plan.clone(), items, found, left: None };
        service.decide(&key, &actor("anna"), decided, false).await
    };
    let all = BTreeSet::new();
    let of = |begins: &str| named(&file, begins, "");
    let legs = |right: &str| {
        let legs = [named(&file, right, "/leg-0/quality"), named(&file, right, "/leg-1/quality")];
        legs.into_iter().flatten().collect::<BTreeSet<_>>()
    };
    let end = u64::try_from(LASTS.as_micros()).unwrap();
    let before = file.version;
    for (items, found, expected) in [
        (all.clone(), on_claims(), "ground-without-restriction"),
        (of("access/"), on_claims(), "ground-without-restriction"),
        (file.items.keys().cloned().collect(), on_claims(), "ground-without-restriction"),
        (all, heard_at(0), "others-heard-elsewhere"),
        (of("access/"), heard_at(0), "others-heard-elsewhere"),
        (legs("erase/"), heard_at(0), "others-heard-elsewhere"),
        (named(&file, "access/", "/metadata/quality"), heard_at(0), "others-heard-elsewhere"),
    ] {
        let refused = decide(items, found).await.unwrap_err();
        assert_eq!(word(&refused), expected);
        assert_eq!(refused.code(), ErrorCode::FailedPrecondition);
    }
    let late = decide(legs("access/"), heard_at(end)).await.unwrap_err();
    assert!(matches!(late, Error::Invalid { what: "others_heard", .. }), "{late:?}");
    let unknown = [ItemKey::new("restrict/nothing").unwrap()].into();
    assert!(matches!(decide(unknown, on_claims()).await.unwrap_err(), Error::Lifecycle(_)));
    assert_eq!(service.file(&key).await.unwrap().version, before, "nothing of it is there");

    decide(of("restrict/"), on_claims()).await.unwrap();
    decide(legs("port/"), heard_at(end - 1)).await.unwrap();
    let file = decide(legs("access/"), heard_at(0)).await.unwrap();
    for key in legs("access/") {
        let decision = file.request.items()[&key].decision().unwrap();
        assert_eq!(decision.verdict.outcome(), Outcome::GrantRedacted, "{key}");
    }
}

#[tokio::test]
async fn what_people_hold_for_a_person_people_release_before_it_is_waived() {
    let bench = Bench::new().await;
    let (customer, id) = with_a_call(&bench);
    let placed = hold(HoldId::new(), HoldKind::Subject, &[customer]);
    bench.mesh.state().kept.get_mut(&id).unwrap().holds.push(placed);
    let service = bench.service();
    let (key, file) = planned(&service, customer, &[Right::Erase]).await;
    let plan = file.request.plan().unwrap().name.clone();
    let waived = Found { own_hold_waived: true, ..Found::default() };
    let all = Decided { plan, items: BTreeSet::new(), found: waived, left: None };
    let refused = service.decide(&key, &actor("anna"), all.clone(), true).await.unwrap_err();
    assert_eq!(word(&refused), "held-by-people");
    assert_eq!(service.file(&key).await.unwrap().request.state(), State::Deciding);
    // Two of them have.
    bench.mesh.state().kept.get_mut(&id).unwrap().holds[0].state = HoldState::Released.into();
    let file = service.decide(&key, &actor("anna"), all, true).await.unwrap();
    assert_eq!(file.request.state(), State::AwaitingApproval);
}
