use std::collections::BTreeSet;

use kernel::{ErasureId, HoldId, PurposeName, RecordingId, SubjectId};
use policy::code::Code;

use super::*;
use crate::acts::{erasure_done, erasure_intended, erasure_refused};
use crate::erasure::{Cause, Erasure, Item, KeptBack, KeptBy, Report, Scope, State, Step, Target};
use crate::events;

fn names(names: &[&str]) -> BTreeSet<PurposeName> {
    names.iter().map(|name| PurposeName::new(*name).unwrap()).collect()
}

fn erasure(scope: Scope) -> Erasure {
    Erasure {
        tenant: alfa(),
        id: ErasureId::new(),
        version: 1,
        cause: Cause::Order,
        target: Target::Subject(SubjectId::new()),
        scope,
        reason: Code::new("art-17-1-d").unwrap(),
        ordered_by: "anna".to_owned(),
        ordered_at: moment(0, 5),
        state: State::Running,
        items: 1,
        settled_at: None,
        receipt: Vec::new(),
    }
}

fn item(of: &Erasure) -> Item {
    Item {
        tenant: alfa(),
        erasure: of.id,
        recording: RecordingId::new(),
        version: 1,
        scope: of.scope.clone(),
        step: Step::Registered,
        erased: BTreeSet::new(),
        kept: Vec::new(),
        report: Report::default(),
        failure: None,
    }
}

fn held() -> KeptBack {
    KeptBack { purpose: None, by: KeptBy::Hold(HoldId::new()), until: None }
}

/// The item some changes later.
fn later(item: &Item, version: u64, step: Step) -> Item {
    Item { version, step, ..item.clone() }
}

async fn found(stand: &Stand, item: &Item) -> Option<Item> {
    stand.store().item(&alfa(), item.erasure, item.recording).await.unwrap()
}

/// An erasure and its items.
async fn all(stand: &Stand, of: &Erasure) -> (Option<Erasure>, Vec<Item>) {
    let erasure = stand.store().erasure(&alfa(), of.id).await.unwrap();
    // How often the row was written is nothing that the journal tells.
    let erasure = erasure.map(|erasure| Erasure { version: 1, ..erasure });
    (erasure, stand.store().items(&alfa(), of.id, None, 100).await.unwrap())
}

#[tokio::test]
async fn what_was_intended_is_there_to_be_resumed() {
    for scope in [Scope::Everything, Scope::Purposes(names(&["quality", "training"]))] {
        let erasure = erasure(scope);
        let item = item(&erasure);
        let acts = erasure_intended(&erasure, &item);
        let stand = Stand::empty().await;
        assert_eq!(stand.apply(&acts).await, [Outcome::Applied]);
        assert_eq!(all(&stand, &erasure).await, (Some(erasure.clone()), vec![item.clone()]));
        let running = stand.store().running_items(&alfa(), None, 10).await.unwrap();
        assert_eq!(running, std::slice::from_ref(&item));
        assert_eq!(stand.store().unsettled_erasures(&alfa()).await.unwrap(), [erasure.id]);
        comes_to_the_same(&acts, async |stand: &Stand| all(stand, &erasure).await).await;
    }
}

#[tokio::test]
async fn what_was_done_goes_through_all_stores_again_and_nothing_stops_it() {
    let erasure = erasure(Scope::Everything);
    let item = item(&erasure);
    let kept = vec![KeptBack {
        purpose: Some(PurposeName::new("duty").unwrap()),
        by: KeptBy::Rule(Code::new("regime:mifid2-16-7").unwrap()),
        until: Some(moment(900, 0)),
    }];
    let done = Item { erased: names(&["quality", "sales"]), kept, ..later(&item, 5, Step::Done) };
    let acts =
        [erasure_intended(&erasure, &item), vec![erasure_done(&erasure, &done, moment(1, 0))]].concat();
    let stand = Stand::empty().await;
    stand.apply(&acts).await;
    assert_eq!(found(&stand, &item).await, Some(Item { step: Step::Decided, ..done }));
    comes_to_the_same(&acts, async |stand: &Stand| all(stand, &erasure).await).await;
}

#[tokio::test]
async fn an_item_is_as_the_last_record_says() {
    let erasure = erasure(Scope::Everything);
    let item = item(&erasure);
    let refused = Item { kept: vec![held()], ..later(&item, 2, Step::Deferred) };
    // Tries that failed have written it in between.
    let again = later(&item, 9, Step::Registered);
    let once_more = Item { kept: vec![held()], ..later(&item, 12, Step::Deferred) };
    let last = later(&item, 13, Step::Registered);
    let done = Item { erased: names(&["quality"]), ..later(&item, 17, Step::ObjectsErased) };
    let acts = [
        erasure_intended(&erasure, &item),
        vec![erasure_refused(&erasure, &refused, moment(1, 0))],
        erasure_intended(&erasure, &again),
        vec![erasure_refused(&erasure, &once_more, moment(2, 0))],
        erasure_intended(&erasure, &last),
        vec![erasure_done(&erasure, &done, moment(3, 0))],
    ]
    .concat();
    let expected = [item.clone(), refused, again, once_more, last, Item { step: Step::Decided, ..done }];
    for until in 1..=acts.len() {
        let acts = &acts[..until];
        let stand = Stand::empty().await;
        stand.apply(acts).await;
        assert_eq!(found(&stand, &item).await.as_ref(), Some(&expected[until - 1]), "after {until}");
        comes_to_the_same(acts, async |stand: &Stand| all(stand, &erasure).await).await;
    }
}

#[tokio::test]
async fn what_a_duty_keeps_is_refused_for_good() {
    let erasure = erasure(Scope::Everything);
    let item = item(&erasure);
    let rule = KeptBy::Rule(Code::new("regime:mifid2-16-7").unwrap());
    let kept = vec![KeptBack { purpose: None, by: rule, until: Some(moment(900, 0)) }];
    let refused = Item { kept, ..later(&item, 2, Step::Refused) };
    let stand = Stand::empty().await;
    stand.apply(&erasure_intended(&erasure, &item)).await;
    stand.apply(&[erasure_refused(&erasure, &refused, moment(1, 0))]).await;
    assert_eq!(found(&stand, &item).await, Some(refused));
    assert_eq!(stand.store().running_items(&alfa(), None, 10).await.unwrap(), []);
    assert_eq!(stand.store().deferred_items(&alfa(), None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_store_that_is_later_than_a_record_stays_as_it_is() {
    let erasure = erasure(Scope::Everything);
    let item = item(&erasure);
    let refused = Item { kept: vec![held()], ..later(&item, 2, Step::Deferred) };
    let again = later(&item, 3, Step::Registered);
    let old = [
        erasure_intended(&erasure, &item),
        vec![erasure_refused(&erasure, &refused, moment(1, 0))],
        erasure_intended(&erasure, &again),
    ]
    .concat();
    for (version, step) in
        [(3, Step::Registered), (4, Step::Decided), (6, Step::ObjectsErased), (7, Step::Done)]
    {
        let stand = Stand::empty().await;
        let event = events::erasure(&erasure, moment(0, 0));
        stand.store().begin_erasure(&erasure, &event).await.unwrap();
        stand.store().add_item(&item).await.unwrap();
        for version in 2..=version {
            stand.store().change_item(&later(&item, version, step)).await.unwrap();
        }
        let before = all(&stand, &erasure).await;
        assert_eq!(stand.apply(&old).await, [Outcome::Known; 3], "{step:?}");
        assert_eq!(all(&stand, &erasure).await, before);
    }
}

#[tokio::test]
async fn an_item_that_had_come_further_than_decided_goes_on_where_it_was() {
    let erasure = erasure(Scope::Everything);
    let item = item(&erasure);
    let done = Item { erased: names(&["quality"]), ..later(&item, 5, Step::Done) };
    let stand = Stand::empty().await;
    stand.apply(&erasure_intended(&erasure, &item)).await;
    let half = Item { erased: names(&["quality"]), ..later(&item, 2, Step::KeysRemoved) };
    stand.store().change_item(&half).await.unwrap();
    assert_eq!(stand.apply(&[erasure_done(&erasure, &done, moment(1, 0))]).await, [Outcome::Applied]);
    assert_eq!(found(&stand, &item).await, Some(Item { version: 5, ..half }));
}

#[tokio::test]
async fn an_erasure_counts_its_items_and_runs_again_where_one_does() {
    let erasure = Erasure { items: 3, ..erasure(Scope::Everything) };
    let items: Vec<_> = (0..3).map(|_| item(&erasure)).collect();
    let acts: Vec<_> = items.iter().flat_map(|item| erasure_intended(&erasure, item)).collect();
    let stand = Stand::empty().await;
    stand.apply(&acts).await;
    assert_eq!(all(&stand, &erasure).await.0.as_ref(), Some(&erasure));
    comes_to_the_same(&acts, async |stand: &Stand| all(stand, &erasure).await).await;

    let row = stand.store().erasure(&alfa(), erasure.id).await.unwrap().unwrap();
    let partial = Erasure {
        version: row.version + 1,
        state: State::Partial,
        settled_at: Some(moment(1, 0)),
        receipt: vec![1, 2, 3],
        ..row
    };
    stand.store().change_erasure(&partial, &events::erasure(&partial, moment(0, 0))).await.unwrap();
    stand.apply(&erasure_intended(&erasure, &later(&items[0], 4, Step::Registered))).await;
    let row = stand.store().erasure(&alfa(), erasure.id).await.unwrap().unwrap();
    assert_eq!(row, Erasure { version: partial.version + 1, state: State::Running, ..partial });
}

#[tokio::test]
async fn the_parts_of_an_announcement_come_together() {
    let many = (0..60).map(|number| PurposeName::new(format!("{number:x>63}")).unwrap()).collect();
    let erasure = erasure(Scope::Purposes(many));
    let item = item(&erasure);
    let acts = erasure_intended(&erasure, &item);
    assert!(acts.len() > 2);
    let scope = async |stand: &Stand| found(stand, &item).await.map(|item| (item.scope, item.step));
    comes_to_the_same(&acts, &scope).await;
    let stand = Stand::empty().await;
    stand.apply(&acts).await;
    assert_eq!(scope(&stand).await, Some((item.scope.clone(), Step::Registered)));
    // What went is what it names, though no record holds all of it.
    let done = Item { erased: named(&item.scope), ..later(&item, 20, Step::Done) };
    stand.apply(&[erasure_done(&erasure, &done, moment(1, 0))]).await;
    assert_eq!(found(&stand, &item).await.map(|item| item.erased), Some(named(&item.scope)));
}

fn named(scope: &Scope) -> BTreeSet<PurposeName> {
    let Scope::Purposes(purposes) = scope else { panic!("{scope:?}") };
    purposes.clone()
}

#[tokio::test]
async fn an_outcome_of_what_was_never_announced_is_not_passed() {
    let erasure = erasure(Scope::Everything);
    let act = erasure_done(&erasure, &later(&item(&erasure), 5, Step::Done), moment(1, 0));
    let record = Record { number: 1, before: [0; 32], act };
    let stand = Stand::empty().await;
    assert!(stand.applied.apply(&record).await.is_err());
    assert_eq!(all(&stand, &erasure).await, (None, Vec::new()));
}
