//! The way of an order: what a hold keeps of it, how it goes on, what its receipt says, and an order that comes early.

use kernel::RecordingId;
use proto::ingest::v1 as wire;
use proto::ingest::v1::event::Kind;
use proto::retention::v1::retention_client::RetentionClient;
use proto::retention::v1::{
    ErasureCause, ErasureState, ErasureStep, GetReceiptRequest, GetReceiptResponse, HoldKind, HoldState,
};
use seal::receipt::{ErasureState as Told, Outcome};
use seal::{Hash, Receipt, SignedDocument};
use tonic::{Code, Status};
use verbale::commands::erasure;
use verbale::connect::Caller;

use crate::harness::keeping::{
    ON_REQUEST, customer, erased, hold, hold_of, must_be_gone, of_person, of_recording, order, over, release,
    roots, settled,
};
use crate::harness::{
    Expected, FRAME, Line, Sample, World, event, eventually, hear, in_one_process, on_every_shape, purpose,
    reason,
};

on_every_shape!(a_hold_on_one_of_three_calls_keeps_that_one_and_the_same_erasure_goes_on_at_its_release);
in_one_process!(
    an_erasure_s_receipt_verifies_offline_and_is_written_to_a_file,
    an_erasure_ordered_during_a_call_takes_it_when_it_is_sealed,
);

const QUALITY: &str = "quality";

async fn a_hold_on_one_of_three_calls_keeps_that_one_and_the_same_erasure_goes_on_at_its_release(
    world: World,
) {
    let sample = Sample::new("access-request-en");
    let (expected, quality) = (Expected::of(&sample), purpose(QUALITY));
    let mesh = world.up().await;
    let server = mesh.server();
    let (one, held, other) = tokio::join!(
        world.kept(&server, &sample),
        world.kept(&server, &sample),
        world.kept(&server, &sample)
    );
    let [anna, bruno, carla] =
        ["anna", "bruno", "carla"].map(|name| world.named(&server, &sample.tenant, name));
    let id = hold(&world, &anna, HoldKind::Litigation, over(&[held])).await;

    let subject = customer(&anna, &sample).await;
    let (erasure, told, items) = erased(&anna, &of_person(subject)).await;
    assert_eq!((told.state(), items.len()), (ErasureState::Partial, 3), "{told:?}");
    for item in &items {
        let recording = RecordingId::from_slice(&item.recording_id).unwrap();
        if recording == held {
            assert_eq!(item.step(), ErasureStep::Deferred, "{item:?}");
            let by: Vec<_> = item.kept.iter().map(|kept| (kept.purpose.as_str(), kept.by.clone())).collect();
            assert_eq!(by, [(QUALITY, format!("hold:{id}"))]);
        } else {
            assert!(item.step() == ErasureStep::Done && item.kept.is_empty(), "{item:?}");
            must_be_gone(&hear(&anna, recording, &quality).await.unwrap_err(), &[ON_REQUEST]);
        }
    }
    hear(&anna, held, &quality).await.unwrap().must_be(&expected, &sample, &quality, sample.whole());
    let receipt = receipt(&anna, erasure).await.unwrap();
    let signed = SignedDocument::decode(&receipt.document).unwrap();
    let receipt = Receipt::verify(&signed, &roots(&anna).await, &sample.tenant).unwrap();
    assert_eq!((receipt.erasure, receipt.state), (erasure, Told::Partial));
    let outcome = |id| receipt.recordings.iter().find(|row| row.recording == id).unwrap().outcome;
    let outcomes = [one, held, other].map(outcome);
    assert_eq!(outcomes, [Outcome::Erased, Outcome::Deferred, Outcome::Erased]);

    // One of the two is not enough.
    assert_eq!(release(&bruno, id).await.unwrap().state(), HoldState::ReleaseAsked);
    hear(&anna, held, &quality).await.unwrap().must_be(&expected, &sample, &quality, sample.whole());
    assert_eq!(settled(&anna, erasure).await.0.state(), ErasureState::Partial);
    assert_eq!(release(&carla, id).await.unwrap().state(), HoldState::Released);
    assert_eq!(hold_of(&anna, id).await.unwrap().released_by, ["bruno", "carla"]);
    let (again, items) = eventually("the erasure has gone on", async || {
        let (again, items) = erasure::get(&anna, erasure).await.unwrap();
        (again.state() == ErasureState::Done).then_some((again, items))
    })
    .await;
    assert_eq!((again.ordered_at, again.recordings), (told.ordered_at, told.recordings), "{again:?}");
    assert!(items.iter().all(|item| item.step() == ErasureStep::Done && item.kept.is_empty()), "{items:?}");
    must_be_gone(&hear(&anna, held, &quality).await.unwrap_err(), &[ON_REQUEST]);
    let all = erasure::all(&anna, 100).await.unwrap();
    let ordered = all.iter().filter(|erasure| erasure.cause() == ErasureCause::Order);
    assert_eq!(ordered.count(), 1, "{all:?}");
    mesh.stop().await.unwrap();
}

async fn an_erasure_s_receipt_verifies_offline_and_is_written_to_a_file(world: World) {
    let (sample, other) = (Sample::new("access-request-en"), Sample::new("access-request-en"));
    let other = other.between("agent-299", "+442079460777", "access-request-of-another");
    let mesh = world.up().await;
    let server = mesh.server();
    let (id, _) = tokio::join!(world.kept(&server, &sample), world.kept(&server, &other));
    let anna = world.named(&server, &sample.tenant, "anna");
    let (erasure, ..) = erased(&anna, &of_recording(id)).await;

    let answer = receipt(&anna, erasure).await.unwrap();
    assert_eq!(Hash::of(&answer.document).0.as_slice(), answer.sha256);
    let (roots, document) = (roots(&anna).await, SignedDocument::decode(&answer.document).unwrap());
    let told = Receipt::verify(&document, &roots, &sample.tenant).unwrap();
    assert_eq!((told.erasure, told.state, told.reason.as_str()), (erasure, Told::Done, ON_REQUEST));
    let [row] = told.recordings.as_slice() else { panic!("one recording was erased: {told:?}") };
    assert_eq!((row.recording, row.outcome), (id, Outcome::Erased));
    assert!(row.spans > 10 && row.entries_at.is_some(), "{row:?}");
    // The other call is what the probe opened beside it.
    assert!(row.controlled_at.is_some(), "{row:?}");
    let stranger = Sample::new("mifid-order-it").tenant;
    Receipt::verify(&document, &roots, &stranger).unwrap_err();
    let mut forged = answer.document.clone();
    let middle = forged.len() / 2;
    forged[middle] ^= 1;
    let forged = SignedDocument::decode(&forged).and_then(|it| Receipt::verify(&it, &roots, &sample.tenant));
    assert!(forged.is_err(), "a receipt with a flipped bit verifies");

    let id = erasure.to_string();
    let write = ["erasure", "receipt", &id, "-o", "receipt.bin", "--json"];
    let written = world.run(&server, sample.tenant.as_str(), &write).await;
    assert_eq!((written.code, written.json()["recordings"].as_u64()), (0, Some(1)), "{written:?}");
    assert_eq!(std::fs::read(world.folder().join("receipt.bin")).unwrap(), answer.document);
    mesh.stop().await.unwrap();
}

async fn an_erasure_ordered_during_a_call_takes_it_when_it_is_sealed(world: World) {
    let (sample, other) = (Sample::new("access-request-en"), Sample::new("access-request-en"));
    let other = other.between("agent-299", "+442079460777", "access-request-of-another");
    let mesh = world.up().await;
    let server = mesh.server();
    world.kept(&server, &other).await;
    let (anna, id) = (world.named(&server, &sample.tenant, "anna"), RecordingId::new());
    let caller = world.sender(&server, &sample.tenant);
    let (mut line, _) = Line::open(&caller, &sample.tenant, sample.open(id, 1)).await.unwrap();
    let given = sample.event("consent.given", None).unwrap().0;
    let first = given.div_ceil(FRAME);
    line.media(&sample, 0..first).await;
    let notice = sample.json["events"][0]["notice"].as_str().unwrap().to_owned();
    let expression = wire::Expression::Voice.into();
    let consent = wire::ConsentGiven { purpose: QUALITY.to_owned(), expression };
    for said in [Kind::NoticePlayed(wire::NoticePlayed { notice }), Kind::ConsentGiven(consent)] {
        assert_eq!(line.event(event(given, said)).await.unwrap().refused, "");
    }
    line.media(&sample, first..first + 200).await;
    line.logged(first + 100).await.unwrap();

    // Archive hears of a call by the log: until then nobody knows of it.
    let asked = of_recording(id);
    let erasure = eventually("the call is known", async || match order(&anna, &asked).await {
        Ok(erasure) => Some(erasure),
        Err(refused) => {
            assert_eq!(refused.code(), Code::NotFound, "{refused}");
            None
        }
    })
    .await;
    let refused = receipt(&anna, erasure).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "not-settled"), "{refused}");
    assert_eq!(erasure::get(&anna, erasure).await.unwrap().0.state(), ErasureState::Running);

    line.media(&sample, first + 200..sample.frames()).await;
    line.close(&sample).await.unwrap();
    let (told, items) = settled(&anna, erasure).await;
    assert_eq!((told.state(), items[0].step()), (ErasureState::Done, ErasureStep::Done), "{items:?}");
    must_be_gone(&hear(&anna, id, &purpose(QUALITY)).await.unwrap_err(), &[ON_REQUEST]);
    mesh.stop().await.unwrap();
    let entries = world.keyring().await.entries(&sample.tenant, id).await;
    assert!(entries.is_empty(), "{} entries are left", entries.len());
}

async fn receipt(caller: &Caller, erasure: kernel::ErasureId) -> Result<GetReceiptResponse, Status> {
    let request = GetReceiptRequest { erasure_id: erasure.to_bytes().to_vec() };
    let mut client = RetentionClient::new(caller.wire());
    Ok(client.get_receipt(caller.request(request).unwrap()).await?.into_inner())
}
