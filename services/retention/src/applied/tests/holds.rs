use std::collections::BTreeSet;

use kernel::{HoldId, PurposeName, RecordingId, SubjectId};

use super::*;
use crate::acts::{hold_placed, hold_released, order_placed};
use crate::contract::{hold, order, released_by};
use crate::events;
use crate::hold::{Hold, HoldKind, HoldState, MAX_PURPOSES, ReleaseError, Selector};
use crate::store::Order;

fn many_recordings(count: usize) -> Selector {
    Selector::Recordings((0..count).map(|_| RecordingId::new()).collect())
}

fn many_subjects(count: usize) -> BTreeSet<SubjectId> {
    (0..count).map(|_| SubjectId::new()).collect()
}

async fn one(stand: &Stand, id: HoldId) -> Option<Hold> {
    stand.store().hold(&alfa(), id).await.unwrap()
}

#[tokio::test]
async fn a_hold_is_what_it_was_when_it_was_placed_and_when_it_was_released() {
    let query = Selector::Query { from: moment(0, 0), until: moment(9, 0), subjects: BTreeSet::new() };
    for selector in [many_recordings(3), Selector::Subjects(many_subjects(2)), query] {
        let placed = hold(selector);
        let stand = Stand::empty().await;
        assert_eq!(stand.apply(&hold_placed(&placed)).await, [Outcome::Applied]);
        assert_eq!(one(&stand, placed.id).await.as_ref(), Some(&placed));
        let released = released_by(&released_by(&placed, "bruno"), "carla");
        let acts = [hold_placed(&placed), vec![hold_released(&released)]].concat();
        assert_eq!(stand.apply(&acts).await, [Outcome::Known, Outcome::Applied]);
        assert_eq!(one(&stand, placed.id).await.as_ref(), Some(&released));
        comes_to_the_same(&acts, async |stand: &Stand| one(stand, placed.id).await).await;
    }
}

#[tokio::test]
async fn a_hold_whose_release_was_asked_for_is_released_by_those_who_did() {
    let placed = hold(many_recordings(1));
    let asked = released_by(&placed, "bruno");
    let released = released_by(&asked, "carla");
    let stand = Stand::empty().await;
    stand.apply(&hold_placed(&placed)).await;
    let event = events::hold(&asked, moment(0, 0));
    stand.store().change_hold(&asked, &event).await.unwrap();
    stand.apply(&[hold_released(&released)]).await;
    assert_eq!(one(&stand, placed.id).await, Some(released));
}

#[tokio::test]
async fn the_parts_of_a_hold_come_together() {
    let query = Selector::Query { from: moment(0, 0), until: moment(9, 0), subjects: many_subjects(20) };
    for selector in [many_recordings(30), Selector::Subjects(many_subjects(30)), query] {
        let placed = hold(selector);
        let acts = hold_placed(&placed);
        assert!(acts.len() > 1);
        comes_to_the_same(&acts, async |stand: &Stand| one(stand, placed.id).await).await;
        let stand = Stand::empty().await;
        stand.apply(&acts).await;
        let found = one(&stand, placed.id).await.unwrap();
        assert_eq!(Hold { version: 1, ..found.clone() }, placed);
        // It is released whatever its row's version has become.
        let released = released_by(&released_by(&placed, "bruno"), "carla");
        stand.apply(&[hold_released(&released)]).await;
        let found = one(&stand, placed.id).await.unwrap();
        assert_eq!((found.state, found.released_by), (HoldState::Released, released.released_by));
    }
}

fn long_names(count: usize) -> BTreeSet<PurposeName> {
    (0..count).map(|number| PurposeName::new(format!("{number:x>63}")).unwrap()).collect()
}

/// A restriction that the role for requests has placed; the journal has its name by its hash.
fn restriction(selector: Selector, purposes: BTreeSet<PurposeName>) -> Hold {
    let placed_by = "service/dsar".to_owned();
    Hold { kind: HoldKind::Restriction, purposes, placed_by, ..hold(selector) }
}

#[tokio::test]
async fn a_restriction_comes_back_with_its_purposes_in_however_many_parts() {
    let query =
        |count| Selector::Query { from: moment(0, 0), until: moment(9, 0), subjects: many_subjects(count) };
    for selector in [many_recordings(1), many_recordings(20), query(0), query(20)] {
        for count in [0, 1, 2, MAX_PURPOSES] {
            let placed = restriction(selector.clone(), long_names(count));
            let acts = hold_placed(&placed);
            comes_to_the_same(&acts, async |stand: &Stand| one(stand, placed.id).await).await;
            let stand = Stand::empty().await;
            stand.apply(&acts).await;
            let found = one(&stand, placed.id).await.unwrap();
            let placed_by = found.placed_by.clone();
            assert_eq!(Hold { version: 1, ..found }, Hold { placed_by, ..placed });
        }
    }
}

#[tokio::test]
async fn a_service_takes_a_restored_hold_of_its_own_back_and_the_journal_has_that() {
    let placed = restriction(many_recordings(1), long_names(2));
    let stand = Stand::empty().await;
    stand.apply(&hold_placed(&placed)).await;
    let restored = one(&stand, placed.id).await.unwrap();
    assert_ne!(restored.placed_by, placed.placed_by, "the journal cannot hold its name");
    assert_eq!(restored.release("service/audit", moment(1, 0)).unwrap().state, HoldState::ReleaseAsked);
    let released = restored.release("service/dsar", moment(1, 0)).unwrap();
    assert_eq!(released.state, HoldState::Released);
    let acts = [hold_placed(&placed), vec![hold_released(&released)]].concat();
    comes_to_the_same(&acts, async |stand: &Stand| one(stand, placed.id).await).await;
    stand.apply(&acts).await;
    let found = one(&stand, placed.id).await.unwrap();
    assert_eq!((found.state, found.version, found.released_at), (HoldState::Released, 2, Some(moment(1, 0))));
    assert_eq!(found.released_by, [restored.placed_by]);
    // Where somebody had asked before, both are named.
    let asked = placed.release("bruno", moment(1, 0)).unwrap();
    let released = asked.release("service/dsar", moment(1, 0)).unwrap();
    let stand = Stand::empty().await;
    stand.apply(&[hold_placed(&placed), vec![hold_released(&released)]].concat()).await;
    let found = one(&stand, placed.id).await.unwrap();
    assert_eq!((found.state, found.version), (HoldState::Released, 3));
    assert_eq!(found.released_by[0], "bruno");
}

#[tokio::test]
async fn who_placed_a_restored_hold_still_does_not_release_it() {
    for person in ["anna", "Anna@banca-alfa.it"] {
        let placed = Hold { placed_by: person.to_owned(), ..hold(many_recordings(1)) };
        let stand = Stand::empty().await;
        stand.apply(&hold_placed(&placed)).await;
        let restored = one(&stand, placed.id).await.unwrap();
        assert_eq!(restored.release(person, moment(1, 0)), Err(ReleaseError::PlacedBySame));
        let asked = restored.release("bruno", moment(1, 0)).unwrap();
        assert_eq!(asked.release(person, moment(1, 0)), Err(ReleaseError::PlacedBySame));
        assert_eq!(asked.release("carla", moment(1, 0)).unwrap().state, HoldState::Released);
    }
}

#[tokio::test]
async fn a_release_of_a_hold_that_is_not_there_places_none() {
    let stand = Stand::empty().await;
    let released = released_by(&released_by(&hold(many_recordings(1)), "bruno"), "carla");
    assert_eq!(stand.apply(&[hold_released(&released)]).await, [Outcome::NotOurs]);
    assert_eq!(one(&stand, released.id).await, None);
}

#[tokio::test]
async fn tenants_do_not_wait_for_each_other() {
    let beta = TenantId::new("telco-beta").unwrap();
    let ours = hold(many_recordings(12));
    let theirs = Hold { tenant: beta.clone(), ..hold(many_recordings(12)) };
    let (of_ours, of_theirs) = (hold_placed(&ours), hold_placed(&theirs));
    let mixed: Vec<_> =
        of_ours.iter().zip(&of_theirs).flat_map(|(one, other)| [one, other]).cloned().collect();
    for acts in [[of_ours.clone(), of_theirs.clone()].concat(), [of_theirs, of_ours].concat(), mixed] {
        let stand = Stand::empty().await;
        stand.apply(&acts).await;
        for hold in [&ours, &theirs] {
            let standing = stand.store().standing(&hold.tenant).await.unwrap();
            let found: Vec<_> = standing.iter().map(|hold| &hold.selector).collect();
            assert_eq!(found, [&hold.selector]);
        }
    }
}

async fn orders(stand: &Stand) -> Vec<Order> {
    stand.store().orders(&alfa()).await.unwrap()
}

#[tokio::test]
async fn an_order_is_what_it_was_when_it_was_placed() {
    for parties in [None, Some(many_subjects(1)), Some(many_subjects(8))] {
        let placed = order("CONSOB/2026:0412", parties);
        let acts = order_placed(&placed);
        assert_eq!(acts.len(), 1);
        comes_to_the_same(&acts, orders).await;
        let stand = Stand::empty().await;
        stand.apply(&acts).await;
        assert_eq!(orders(&stand).await, [placed]);
    }
}

#[tokio::test]
async fn an_order_of_many_parties_reaches_all_of_them_at_every_moment() {
    let placed = order("CONSOB/2026:0412", Some(many_subjects(40)));
    let acts = order_placed(&placed);
    assert!(acts.len() > 2);
    comes_to_the_same(&acts, orders).await;
    let stand = Stand::empty().await;
    let mut reached = BTreeSet::new();
    for act in acts.iter().rev() {
        let acts::Said::OrderPlaced { order, .. } = acts::read(act).unwrap() else { panic!("no order") };
        reached.extend(order.order.scope.parties().unwrap().iter().copied());
        stand.apply(std::slice::from_ref(act)).await;
        let standing = orders(&stand).await;
        let parties = standing.iter().flat_map(|order| order.order.scope.parties().unwrap());
        assert_eq!(parties.copied().collect::<BTreeSet<_>>(), reached);
        assert!(standing.iter().all(|order| order.order.until == placed.order.until));
    }
    let reference = &placed.order.reference;
    let standing = orders(&stand).await;
    assert_eq!(standing.iter().find(|order| order.order.reference == *reference), Some(&placed));
    // A store that never lost it has no parts.
    let live = Stand::empty().await;
    live.store().order(&placed, &events::order(&placed)).await.unwrap();
    assert!(live.apply(&acts).await.iter().all(|outcome| *outcome == Outcome::Known));
    assert_eq!(orders(&live).await, [placed]);
}
