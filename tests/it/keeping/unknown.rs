//! What is not there, or another tenant's, is told so by its kind; what is there under the same id with other contents
//! is not overwritten.

use kernel::{ErasureId, HoldId, RecordingId, SubjectId, TenantId};
use proto::retention::v1::retention_client::RetentionClient;
use proto::retention::v1::{
    ErasureState, GetErasureRequest, GetReceiptRequest, HoldKind, HoldSelector, OrderErasureRequest,
};
use tonic::{Code, Status};
use verbale::commands::{erasure, retention};
use verbale::connect::Caller;

use crate::harness::keeping::{
    erased, hold, hold_of, new_hold, of_person, of_recording, of_stretch, order, over, place, release,
};
use crate::harness::{Expected, Sample, World, hear, in_one_process, purpose, reason};

in_one_process!(
    what_is_not_there_is_told_so_and_nothing_is_ordered,
    the_same_erasure_again_has_no_second_effect_and_another_under_its_id_is_refused,
);

const QUALITY: &str = "quality";

async fn what_is_not_there_is_told_so_and_nothing_is_ordered(world: World) {
    let sample = Sample::new("access-request-en");
    let mesh = world.up().await;
    let server = mesh.server();
    let own = world.kept(&server, &sample).await;
    let anna = world.named(&server, &sample.tenant, "anna");
    let held = hold(&world, &anna, HoldKind::Litigation, over(&[own])).await;
    let stranger = world.named(&server, &TenantId::new("banca-alfa").unwrap(), "anna");

    // Another tenant's is not there.
    for (caller, recording, hold) in [(&anna, RecordingId::new(), HoldId::new()), (&stranger, own, held)] {
        let erasure = ErasureId::new();
        for (what, told) in [
            ("recording", explain(caller, recording).await),
            ("recording", place_over(&world, caller, recording).await),
            ("recording", order(caller, &of_recording(recording)).await.unwrap_err()),
            ("hold", release(caller, hold).await.unwrap_err()),
            ("hold", hold_of(caller, hold).await.unwrap_err()),
            ("erasure", get(caller, erasure).await),
            ("erasure", receipt(caller, erasure).await),
        ] {
            let text = told.message();
            assert!(told.code() == Code::NotFound && text.starts_with("there is no "), "{what}: {told}");
            assert!(text.contains(what), "{what}: {told}");
        }
    }
    // Of somebody nobody has heard of nothing is kept.
    let told = order(&anna, &of_person(SubjectId::new())).await.unwrap_err();
    assert_eq!((told.code(), reason(&told)), (Code::FailedPrecondition, "nothing-kept"), "{told}");

    let good = of_recording(own);
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let table = [
        ("purposes", OrderErasureRequest { purposes: named(&["marketing"]), ..good.clone() }),
        ("purposes", OrderErasureRequest { purposes: named(&[QUALITY, "marketing"]), ..good.clone() }),
        ("reason", OrderErasureRequest { reason: String::new(), ..good.clone() }),
        ("reason", OrderErasureRequest { reason: "because she asked".to_owned(), ..good.clone() }),
        ("what", OrderErasureRequest { what: None, ..good.clone() }),
        ("legs", OrderErasureRequest { legs: vec![1], ..good.clone() }),
        ("erasure_id", OrderErasureRequest { erasure_id: vec![7; 15], ..good.clone() }),
        (
            "purposes",
            OrderErasureRequest { purposes: named(&[QUALITY]), ..of_stretch(own, sample.whole(), &[]) },
        ),
    ];
    for (field, asked) in table {
        let told = order(&anna, &asked).await.unwrap_err();
        let text = told.message();
        assert!(told.code() == Code::InvalidArgument && text.starts_with(field), "{field}: {told}");
        assert!(!text.contains("she asked"), "{told}");
    }
    let leg = order(&anna, &of_stretch(own, sample.whole(), &[7])).await.unwrap_err();
    assert_eq!(leg.code(), Code::InvalidArgument, "{leg}");
    // Two kinds of selectors at once, or none, hold nothing.
    let both = HoldSelector { subject_ids: vec![SubjectId::new().to_bytes().to_vec()], ..over(&[own]) };
    for selector in [HoldSelector::default(), both, HoldSelector { from: 9, to: 9, ..Default::default() }] {
        let told = place(&anna, &new_hold(&world, HoldKind::Litigation, selector)).await.unwrap_err();
        let text = told.message();
        assert!(told.code() == Code::InvalidArgument && text.starts_with("selector"), "{told}");
    }
    assert_eq!(erasure::all(&anna, 100).await.unwrap(), [], "something was ordered");
    let quality = purpose(QUALITY);
    let heard = hear(&anna, own, &quality).await.unwrap();
    heard.must_be(&Expected::of(&sample), &sample, &quality, sample.whole());
    mesh.stop().await.unwrap();
}

async fn the_same_erasure_again_has_no_second_effect_and_another_under_its_id_is_refused(world: World) {
    let sample = Sample::new("access-request-en");
    let mesh = world.up().await;
    let server = mesh.server();
    let (own, stays) = tokio::join!(world.kept(&server, &sample), world.kept(&server, &sample));
    let anna = world.named(&server, &sample.tenant, "anna");
    let asked = of_recording(own);
    let (id, first, _) = erased(&anna, &asked).await;
    assert_eq!(first.state(), ErasureState::Done, "{first:?}");
    let (again, same, items) = erased(&anna, &asked).await;
    assert_eq!((again, &same, items.len()), (id, &first, 1));
    for other in [
        OrderErasureRequest { erasure_id: asked.erasure_id.clone(), ..of_recording(stays) },
        OrderErasureRequest { purposes: vec![QUALITY.to_owned()], ..asked.clone() },
        OrderErasureRequest { reason: "art-17-1-a".to_owned(), ..asked.clone() },
    ] {
        let told = order(&anna, &other).await.unwrap_err();
        assert_eq!((told.code(), reason(&told)), (Code::FailedPrecondition, "other-erasure"), "{told}");
    }
    assert_eq!(erasure::all(&anna, 100).await.unwrap(), [first]);
    let quality = purpose(QUALITY);
    let heard = hear(&anna, stays, &quality).await.unwrap();
    heard.must_be(&Expected::of(&sample), &sample, &quality, sample.whole());
    mesh.stop().await.unwrap();
}

async fn explain(caller: &Caller, id: RecordingId) -> Status {
    retention::explained(caller, id).await.unwrap_err().downcast().unwrap()
}

async fn place_over(world: &World, caller: &Caller, id: RecordingId) -> Status {
    place(caller, &new_hold(world, HoldKind::Litigation, over(&[id]))).await.unwrap_err()
}

async fn get(caller: &Caller, id: ErasureId) -> Status {
    let asked = GetErasureRequest { erasure_id: id.to_bytes().to_vec(), ..Default::default() };
    RetentionClient::new(caller.wire()).get_erasure(caller.request(asked).unwrap()).await.unwrap_err()
}

async fn receipt(caller: &Caller, id: ErasureId) -> Status {
    let asked = GetReceiptRequest { erasure_id: id.to_bytes().to_vec() };
    RetentionClient::new(caller.wire()).get_receipt(caller.request(asked).unwrap()).await.unwrap_err()
}
