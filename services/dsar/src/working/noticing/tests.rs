use eventlog::Record;
use kernel::{Envelope, EventId, RecordingId};
use proto::retention::v1::{ErasureChanged, HoldChanged, RecordingStamped};

use super::*;
use crate::disclosure::Notice;
use crate::store::MAX_LISTED;
use crate::testing::{Bench, START, disclosed, tenant};
use crate::working::tests::with_a_call;

fn record(event: Event) -> Stored {
    let envelope = Envelope {
        id: EventId::new(),
        kind: "verbale.retention.changed".to_owned(),
        tenant: tenant(),
        aggregate: "an-act".to_owned(),
        version: 1,
        at: START,
        trace: None,
        payload: RetentionEvent { event: Some(event) }.encode_to_vec(),
    };
    let Record { key, headers, value } = eventlog::to_record(&envelope, "retention");
    Stored { offset: 0, timestamp: START, key, headers, value }
}

fn erasure(id: ErasureId, state: ErasureState) -> Stored {
    let erasure_id = id.to_bytes().to_vec();
    record(Event::Erasure(ErasureChanged { erasure_id, version: 3, state: state.into() }))
}

fn hold(id: HoldId, state: HoldState) -> Stored {
    let hold_id = id.to_bytes().to_vec();
    record(Event::Hold(HoldChanged { hold_id, version: 1, state: state.into() }))
}

fn noticing(bench: &Bench) -> Noticing {
    Noticing { service: bench.service() }
}

async fn notices(noticing: &Noticing, recording: RecordingId) -> Vec<Notice> {
    let all = noticing.service.disclosures_of(&tenant(), recording, None, MAX_LISTED).await.unwrap();
    all.into_iter().flat_map(|disclosure| disclosure.notices).collect()
}

fn asked(bench: &Bench, method: &str) -> u32 {
    bench.mesh.state().calls.get(method).copied().unwrap_or_default()
}

#[tokio::test]
async fn what_was_erased_by_an_order_or_for_a_lost_basis_is_told_and_what_a_period_ended_is_not() {
    for (why, told) in [(Why::Ordered, 1), (Why::BasisLost, 1), (Why::PeriodOver, 0)] {
        let bench = Bench::new().await;
        let ((_, id), (_, untouched)) = (with_a_call(&bench), with_a_call(&bench));
        let noticing = noticing(&bench);
        disclosed(&noticing.service, id, "consob").await;
        disclosed(&noticing.service, untouched, "consob").await;
        let act = ErasureId::new();
        bench.mesh.state().gone.insert(act, (why, vec![id]));
        noticing.take(&erasure(act, ErasureState::Done)).await.unwrap();
        // It may come twice.
        noticing.take(&erasure(act, ErasureState::Partial)).await.unwrap();
        let found = notices(&noticing, id).await;
        assert_eq!(found.len(), told, "{why:?}");
        assert!(found.iter().all(|notice| (notice.cause, notice.act) == (Cause::Erased, act.to_bytes())));
        assert!(notices(&noticing, untouched).await.is_empty(), "{why:?}");
    }
}

#[tokio::test]
async fn all_recordings_of_an_erasure_are_looked_at() {
    let bench = Bench::new().await;
    let ids: Vec<_> = (0..5).map(|_| with_a_call(&bench).1).collect();
    let noticing = noticing(&bench);
    disclosed(&noticing.service, ids[4], "consob").await;
    let act = ErasureId::new();
    bench.mesh.state().gone.insert(act, (Why::Ordered, ids.clone()));
    noticing.take(&erasure(act, ErasureState::Done)).await.unwrap();
    assert_eq!(notices(&noticing, ids[4]).await.len(), 1, "it is on the last page");
    assert_eq!(asked(&bench, "erasure_of"), 3);
}

#[tokio::test]
async fn a_restriction_is_told_at_the_recordings_that_it_names() {
    let bench = Bench::new().await;
    let ((_, id), (_, other)) = (with_a_call(&bench), with_a_call(&bench));
    let noticing = noticing(&bench);
    for recording in [id, other] {
        disclosed(&noticing.service, recording, "stt-vendor").await;
    }
    let (restriction, claim) = (HoldId::new(), HoldId::new());
    bench.mesh.state().restricted.insert(restriction, [id].into());
    bench.mesh.state().restricted.insert(claim, [].into());
    noticing.take(&hold(restriction, HoldState::Placed)).await.unwrap();
    noticing.take(&hold(claim, HoldState::Placed)).await.unwrap();
    let found = notices(&noticing, id).await;
    let [notice] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((notice.cause, notice.act), (Cause::Restricted, restriction.to_bytes()));
    assert!(notices(&noticing, other).await.is_empty());
}

#[tokio::test]
async fn what_is_under_way_or_was_kept_or_released_asks_nothing() {
    let bench = Bench::new().await;
    let (_, id) = with_a_call(&bench);
    let noticing = noticing(&bench);
    disclosed(&noticing.service, id, "consob").await;
    for state in [ErasureState::Running, ErasureState::Refused, ErasureState::Unspecified] {
        noticing.take(&erasure(ErasureId::new(), state)).await.unwrap();
    }
    for state in [HoldState::ReleaseAsked, HoldState::Released, HoldState::Unspecified] {
        noticing.take(&hold(HoldId::new(), state)).await.unwrap();
    }
    noticing.take(&record(Event::Stamped(RecordingStamped::default()))).await.unwrap();
    let mut unreadable = erasure(ErasureId::new(), ErasureState::Done);
    unreadable.value = vec![0xff; 7].into();
    noticing.take(&unreadable).await.unwrap();
    assert_eq!((asked(&bench, "erasure_of"), asked(&bench, "restricted_by")), (0, 0));
}

#[tokio::test]
async fn a_tenant_that_has_disclosed_nothing_is_asked_nothing() {
    let bench = Bench::new().await;
    with_a_call(&bench);
    let noticing = noticing(&bench);
    noticing.take(&erasure(ErasureId::new(), ErasureState::Done)).await.unwrap();
    assert_eq!(asked(&bench, "erasure_of"), 0);
}

#[tokio::test]
async fn who_is_away_is_asked_again_and_what_nobody_knows_is_passed_over() {
    let bench = Bench::new().await;
    let (_, id) = with_a_call(&bench);
    let noticing = noticing(&bench);
    disclosed(&noticing.service, id, "consob").await;
    let act = ErasureId::new();
    noticing.take(&erasure(act, ErasureState::Done)).await.unwrap();
    assert!(notices(&noticing, id).await.is_empty(), "nobody knows it");
    bench.mesh.state().gone.insert(act, (Why::Ordered, vec![id]));
    bench.mesh.fail("erasure_of");
    noticing.take(&erasure(act, ErasureState::Done)).await.unwrap_err();
    noticing.take(&erasure(act, ErasureState::Done)).await.unwrap();
    assert_eq!(notices(&noticing, id).await.len(), 1);
}

#[test]
fn what_cannot_be_read_is_told_from_what_says_something_else() {
    let broken = Stored { value: vec![0xff].into(), ..hold(HoldId::new(), HoldState::Placed) };
    assert_eq!(happened(&broken), Err(Unreadable));
    assert_eq!(happened(&hold(HoldId::new(), HoldState::Released)), Ok(None));
}
