use std::time::Duration;

use kernel::{Clock, ErasureId, ErrorCode, ServiceError, SubjectId};

use super::*;
use crate::erasure::{Cause, Erasure, Item, Report, Scope, State, Step, Target};
use crate::store::Store;
use crate::testing::{Bench, DAY, after, new_hold, purposes, tenant};

async fn refusal(bench: &Bench, new: NewHold) -> Error {
    let before = bench.traces().await;
    let error = bench.service.place(&tenant(), "anna", new).await.unwrap_err();
    assert_eq!(bench.traces().await, before, "a refusal leaves nothing: {error}");
    error
}

#[track_caller]
fn is_refused(error: &Error, expected: &str) {
    assert!(matches!(error, Error::Refused { word, .. } if *word == expected), "{error:?}");
    assert_eq!(error.code(), ErrorCode::FailedPrecondition);
}

#[tokio::test]
async fn a_hold_is_placed_told_and_journalled_once() {
    let bench = Bench::new().await;
    let new = new_hold(HoldKind::Litigation, Selector::Recordings([bench.recording().await].into()));
    let before = bench.traces().await;
    let first = bench.service.place(&tenant(), "anna", new.clone()).await.unwrap();
    assert_eq!((first.hold.state, first.hold.placed_by.as_str()), (HoldState::Placed, "anna"));
    assert_eq!((first.erased_before.as_slice(), first.stopped.as_slice()), (&[][..], &[][..]));
    assert_eq!(bench.store.standing(&tenant()).await.unwrap(), std::slice::from_ref(&first.hold));
    let placed = bench.traces().await;
    assert_eq!((placed.0, placed.2), (before.0 + 1, before.2 + 1));
    assert!(placed.3 > before.3, "the journal has it");
    bench.clock.advance(Duration::from_secs(60));
    for by in ["anna", "bruno"] {
        assert_eq!(bench.service.place(&tenant(), by, new.clone()).await.unwrap(), first);
    }
    assert_eq!(bench.traces().await, placed, "the repetition does nothing");
}

#[tokio::test]
async fn another_hold_under_the_same_id_is_refused() {
    let bench = Bench::new().await;
    let (one, other) = (bench.recording().await, bench.recording().await);
    let new = new_hold(HoldKind::Litigation, Selector::Recordings([one].into()));
    bench.service.place(&tenant(), "anna", new.clone()).await.unwrap();
    for rival in [
        NewHold { kind: HoldKind::Regulator, ..new.clone() },
        NewHold { selector: Selector::Recordings([other].into()), ..new.clone() },
        NewHold { reason: Code::new("case-8").unwrap(), ..new.clone() },
        NewHold { review_at: after(DAY * 90), ..new.clone() },
        NewHold { kind: HoldKind::Restriction, purposes: purposes(&["quality"]), ..new.clone() },
    ] {
        is_refused(&refusal(&bench, rival).await, "other-hold");
    }
}

#[tokio::test]
async fn a_restriction_is_another_one_for_other_purposes() {
    let bench = Bench::new().await;
    let over = Selector::Recordings([bench.recording().await].into());
    let new = NewHold { purposes: purposes(&["quality"]), ..new_hold(HoldKind::Restriction, over) };
    let first = bench.service.place(&tenant(), "anna", new.clone()).await.unwrap();
    assert_eq!(first.hold.purposes, new.purposes);
    assert_eq!(bench.service.place(&tenant(), "anna", new.clone()).await.unwrap(), first);
    for purposes in [purposes(&[]), purposes(&["duty"]), purposes(&["duty", "quality"])] {
        is_refused(&refusal(&bench, NewHold { purposes, ..new.clone() }).await, "other-hold");
    }
}

#[tokio::test]
async fn a_hold_on_a_recording_that_nobody_knows_is_refused() {
    let bench = Bench::new().await;
    let unknown = RecordingId::new();
    let named = [bench.recording().await, unknown].into();
    let error = refusal(&bench, new_hold(HoldKind::Litigation, Selector::Recordings(named))).await;
    assert_eq!(error.to_string(), format!("there is no recording {unknown}"));
    assert_eq!(error.code(), ErrorCode::NotFound);
    // A person may call tomorrow for the first time.
    let persons = new_hold(HoldKind::Litigation, Selector::Subjects([SubjectId::new()].into()));
    bench.service.place(&tenant(), "anna", persons).await.unwrap();
}

#[tokio::test]
async fn a_review_lies_in_the_future_and_not_too_far() {
    let bench = Bench::new().await;
    let now = bench.clock.now();
    let new = new_hold(HoldKind::Litigation, Selector::Recordings([bench.recording().await].into()));
    let at_most = now.plus(crate::Config::default().review.0);
    for review_at in [Timestamp(i64::MIN), now, Timestamp(at_most.0 + 1), Timestamp(i64::MAX)] {
        let error = refusal(&bench, NewHold { review_at, ..new.clone() }).await;
        assert!(matches!(error, Error::Invalid { what: "review_at", .. }), "{error:?}");
    }
    let late = refusal(&bench, NewHold { review_at: Timestamp(at_most.0 + 1), ..new.clone() }).await;
    assert!(late.to_string().contains(&at_most.to_string()), "the latest is named: {late}");
    let new = NewHold { review_at: at_most, ..new };
    bench.service.place(&tenant(), "anna", new.clone()).await.unwrap();
    bench.clock.set(Timestamp(at_most.0 + 1));
    bench.service.place(&tenant(), "anna", new).await.expect("its repetition is no new hold");
}

#[tokio::test]
async fn one_person_places_and_two_others_release() {
    let bench = Bench::new().await;
    let new = new_hold(HoldKind::Litigation, Selector::Recordings([bench.recording().await].into()));
    bench.service.place(&tenant(), "anna", new.clone()).await.unwrap();
    let release = async |by| bench.service.release(&tenant(), by, new.id).await;
    is_refused(&release("anna").await.unwrap_err(), "placed-by-same");
    assert_eq!(release("bruno").await.unwrap().state, HoldState::ReleaseAsked);
    let asked = bench.traces().await;
    is_refused(&release("bruno").await.unwrap_err(), "asked-by-same");
    is_refused(&release("anna").await.unwrap_err(), "placed-by-same");
    assert_eq!(bench.traces().await, asked);
    let released = release("carla").await.unwrap();
    assert_eq!((released.state, released.released_at), (HoldState::Released, Some(bench.clock.now())));
    assert_eq!(released.released_by, ["bruno", "carla"]);
    let gone = bench.traces().await;
    assert_eq!((gone.0, gone.3), (0, asked.3 + 1), "the journal has the release");
    is_refused(&release("dario").await.unwrap_err(), "already-released");
    assert_eq!(bench.traces().await, gone);
    let again = bench.service.place(&tenant(), "anna", new).await.unwrap();
    assert_eq!(again.hold, released, "its repetition does not place it anew");
    assert_eq!(bench.traces().await, gone);
}

#[tokio::test]
async fn of_two_who_release_at_once_each_is_counted() {
    for _ in 0..5 {
        let bench = Bench::new().await;
        let new = new_hold(HoldKind::OpenRequest, Selector::Subjects([SubjectId::new()].into()));
        bench.service.place(&tenant(), "anna", new.clone()).await.unwrap();
        let (tenant, another) = (tenant(), bench.another());
        let (one, other) = tokio::join!(
            bench.service.release(&tenant, "bruno", new.id),
            another.release(&tenant, "carla", new.id)
        );
        let states: Vec<_> = [one.unwrap(), other.unwrap()].iter().map(|hold| hold.state).collect();
        assert!(states.contains(&HoldState::ReleaseAsked) && states.contains(&HoldState::Released));
    }
}

#[tokio::test]
async fn the_service_that_placed_one_for_a_request_takes_it_back_at_once() {
    let bench = Bench::new().await;
    for kind in [HoldKind::OpenRequest, HoldKind::Restriction, HoldKind::Subject] {
        let new = new_hold(kind, Selector::Subjects([SubjectId::new()].into()));
        bench.service.place(&tenant(), "service/dsar", new.clone()).await.unwrap();
        let asked = bench.service.release(&tenant(), "bruno", new.id).await.unwrap();
        assert_eq!(asked.state, HoldState::ReleaseAsked, "{kind:?}: people are two");
        let before = bench.traces().await;
        let released = bench.service.release(&tenant(), "service/dsar", new.id).await.unwrap();
        assert_eq!((released.state, released.released_at), (HoldState::Released, Some(bench.clock.now())));
        assert_eq!(released.released_by, ["bruno", "service/dsar"]);
        let gone = bench.traces().await;
        assert_eq!((gone.0, gone.3), (0, before.3 + 1), "the journal has the release");
        let late = bench.service.release(&tenant(), "service/dsar", new.id).await.unwrap_err();
        is_refused(&late, "already-released");
    }
    // As the journal names it, whose characters cannot be those of its name.
    let placed_by = journalled("service/dsar");
    let restored = Hold { kind: HoldKind::OpenRequest, placed_by, ..crate::contract::some_hold() };
    bench.store.place(&restored, &events::hold(&restored, bench.clock.now())).await.unwrap();
    let released = bench.service.release(&tenant(), "service/dsar", restored.id).await.unwrap();
    assert_eq!((released.state, released.version), (HoldState::Released, 2));
    for kind in [HoldKind::Litigation, HoldKind::Regulator] {
        let new = new_hold(kind, Selector::Subjects([SubjectId::new()].into()));
        bench.service.place(&tenant(), "service/dsar", new.clone()).await.unwrap();
        let error = bench.service.release(&tenant(), "service/dsar", new.id).await.unwrap_err();
        is_refused(&error, "placed-by-same");
    }
}

#[tokio::test]
async fn what_people_placed_for_a_person_s_claim_no_service_takes_back_alone() {
    let bench = Bench::new().await;
    let new = new_hold(HoldKind::Subject, Selector::Subjects([SubjectId::new()].into()));
    bench.service.place(&tenant(), "anna", new.clone()).await.unwrap();
    let asked = bench.service.release(&tenant(), "service/dsar", new.id).await.unwrap();
    assert_eq!(asked.state, HoldState::ReleaseAsked, "it is one of two, as everybody else");
    let again = bench.service.release(&tenant(), "service/dsar", new.id).await.unwrap_err();
    is_refused(&again, "asked-by-same");
}

/// An account as a row names it that came back from the journal.
fn journalled(account: &str) -> String {
    let placed = Hold { placed_by: account.to_owned(), ..crate::contract::some_hold() };
    match acts::read(&acts::hold_placed(&placed)[0]).unwrap() {
        acts::Said::HoldPlaced { hold, .. } => hold.placed_by,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn whoever_placed_a_hold_that_came_back_from_the_journal_still_cannot_release_it() {
    let bench = Bench::new().await;
    // As the journal names anna@banca-alfa.it, whose address it must not hold.
    let restored = Hold { placed_by: "by:6ec16ff600c52a0d".to_owned(), ..crate::contract::some_hold() };
    bench.store.place(&restored, &events::hold(&restored, bench.clock.now())).await.unwrap();
    let release = async |by| bench.service.release(&tenant(), by, restored.id).await;
    is_refused(&release("anna@banca-alfa.it").await.unwrap_err(), "placed-by-same");
    assert_eq!(release("bruno@banca-alfa.it").await.unwrap().state, HoldState::ReleaseAsked);
    is_refused(&release("bruno@banca-alfa.it").await.unwrap_err(), "asked-by-same");
    assert_eq!(release("carla@banca-alfa.it").await.unwrap().state, HoldState::Released);
}

#[tokio::test]
async fn a_hold_that_is_not_there_is_told() {
    let bench = Bench::new().await;
    let id = HoldId::new();
    let error = bench.service.release(&tenant(), "bruno", id).await.unwrap_err();
    assert_eq!((error.to_string(), error.code()), (format!("there is no hold {id}"), ErrorCode::NotFound));
    assert_eq!(bench.service.hold(&tenant(), id).await.unwrap_err().code(), ErrorCode::NotFound);
}

#[tokio::test]
async fn holds_are_listed_in_pages_by_whether_they_stand() {
    let bench = Bench::new().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let new = new_hold(HoldKind::Litigation, Selector::Subjects([SubjectId::new()].into()));
        ids.push(bench.service.place(&tenant(), "anna", new).await.unwrap().hold.id);
    }
    ids.sort_unstable();
    for by in ["bruno", "carla"] {
        bench.service.release(&tenant(), by, ids[2]).await.unwrap();
    }
    let released = ids.remove(2);
    for (which, expected) in [(Which::Standing, ids), (Which::Released, vec![released])] {
        let mut found: Vec<HoldId> = Vec::new();
        loop {
            let page = bench.service.holds(&tenant(), which, found.last().copied(), 3).await.unwrap();
            assert!(page.len() <= 3);
            if page.is_empty() {
                break;
            }
            found.extend(page.iter().map(|hold| hold.id));
        }
        assert_eq!(found, expected, "{which:?}");
    }
}

/// An erasure of a recording that has come so far.
async fn under_way(bench: &Bench, recording: RecordingId, step: Step) -> ErasureId {
    let id = ErasureId::new();
    let erasure = Erasure {
        tenant: tenant(),
        id,
        version: 1,
        cause: Cause::Order,
        target: Target::Recording(recording),
        scope: Scope::Everything,
        reason: Code::new("art-17-1-d").unwrap(),
        ordered_by: "paola".to_owned(),
        ordered_at: bench.clock.now(),
        state: State::Running,
        items: 1,
        settled_at: None,
        receipt: Vec::new(),
    };
    let event = crate::contract::event(&tenant(), id, 1);
    bench.store.begin_erasure(&erasure, &event).await.unwrap();
    let item = Item {
        tenant: tenant(),
        erasure: id,
        recording,
        version: 1,
        scope: Scope::Everything,
        step: Step::Registered,
        erased: Default::default(),
        kept: Vec::new(),
        report: Report::default(),
        failure: None,
    };
    bench.store.add_item(&item).await.unwrap();
    if step != Step::Registered {
        bench.store.change_item(&Item { version: 2, step, ..item }).await.unwrap();
    }
    id
}

#[tokio::test]
async fn a_hold_says_which_erasures_it_stopped_and_which_go_on() {
    let bench = Bench::new().await;
    let (early, late, apart) = (bench.recording().await, bench.recording().await, bench.recording().await);
    let stopped = under_way(&bench, early, Step::Registered).await;
    under_way(&bench, late, Step::Decided).await;
    let elsewhere = under_way(&bench, apart, Step::Registered).await;
    let new = new_hold(HoldKind::Litigation, Selector::Recordings([early, late].into()));
    let placed = bench.service.place(&tenant(), "anna", new.clone()).await.unwrap();
    assert_eq!((placed.stopped, placed.erased_before), (vec![early], vec![late]));
    let step = async |erasure, recording| {
        bench.store.item(&tenant(), erasure, recording).await.unwrap().unwrap().step
    };
    assert_eq!(step(stopped, early).await, Step::Deferred);
    assert_eq!(step(elsewhere, apart).await, Step::Registered);
    for by in ["bruno", "carla"] {
        bench.service.release(&tenant(), by, new.id).await.unwrap();
    }
    assert_ne!(step(stopped, early).await, Step::Deferred, "it goes on once the hold is released");
}

#[tokio::test]
async fn a_restriction_stops_no_erasure() {
    let bench = Bench::new().await;
    let (early, late) = (bench.recording().await, bench.recording().await);
    let goes_on = under_way(&bench, early, Step::Registered).await;
    under_way(&bench, late, Step::Decided).await;
    let new = new_hold(HoldKind::Restriction, Selector::Recordings([early, late].into()));
    let placed = bench.service.place(&tenant(), "anna", new).await.unwrap();
    assert_eq!((placed.stopped, placed.erased_before), (Vec::new(), Vec::new()));
    let item = bench.store.item(&tenant(), goes_on, early).await.unwrap().unwrap();
    assert_eq!(item.step, Step::Registered);
}
