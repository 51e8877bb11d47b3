//! Consent given and taken back beside the call: what a purpose may open follows what stands now.

use kernel::{Clock, Interval, Position, RecordingId, SystemClock};
use proto::common::v1::BasisChange;
use proto::ingest::v1 as wire;
use proto::ingest::v1::event::Kind;
use proto::ingest::v1::record_response::Message as Response;
use tonic::Code;
use verbale::commands::recordings;

use crate::harness::keeping::{BY_BASIS, must_be_gone};
use crate::harness::{Expected, FRAME, Line, Sample, World, event, hear, id_of, on_every_shape, purpose};

on_every_shape!(
    a_withdrawal_after_the_call_closes_its_purpose_at_once_and_leaves_the_duty,
    what_one_tenant_recorded_another_neither_hears_nor_sees,
    a_withdrawal_by_letter_reaches_a_call_that_is_running,
);

async fn a_withdrawal_after_the_call_closes_its_purpose_at_once_and_leaves_the_duty(world: World) {
    let sample = Sample::new("mifid-order-it");
    let mesh = world.up().await;
    let (server, tenant) = (mesh.server(), sample.tenant.as_str());
    let recording = world.record(&server, &sample).await;
    let (person, id) = (world.person(&server, &sample.tenant), id_of(&recording));
    let (expected, quality, duty) =
        (Expected::of(&sample), purpose("quality"), purpose("mifid2-transaction"));
    let whole = Interval::new(Position::ZERO, Position(sample.length())).unwrap();
    hear(&person, id, &quality).await.unwrap().must_be(&expected, &sample, &quality, whole);

    let phone = sample.json["customer"]["phone"].as_str().unwrap();
    let withdraw = ["consent", "withdraw", "--phone", phone, "--purpose", "quality", "--json"];
    let ended = world.run(&server, tenant, &withdraw).await;
    assert_eq!(ended.code, 0, "{ended:?}");

    // Answered means in force: no wait, no restart, no turn.
    let refused = hear(&person, id, &quality).await.unwrap_err();
    must_be_gone(&refused, &["withdrawn", BY_BASIS]);
    hear(&person, id, &duty).await.unwrap().must_be(&expected, &sample, &duty, whole);
    mesh.stop().await.unwrap();

    let mesh = world.up().await;
    let person = world.person(&mesh.server(), &sample.tenant);
    let refused = hear(&person, id, &quality).await.unwrap_err();
    must_be_gone(&refused, &["withdrawn", BY_BASIS]);
    mesh.stop().await.unwrap();
}

async fn what_one_tenant_recorded_another_neither_hears_nor_sees(world: World) {
    let sample = Sample::new("mifid-order-it");
    let mesh = world.up().await;
    let recording = world.record(&mesh.server(), &sample).await;
    let stranger = world.person(&mesh.server(), &Sample::new("card-payment-en").tenant);
    let id = id_of(&recording);
    let unheard = hear(&stranger, id, &purpose("quality")).await.unwrap_err();
    assert_eq!(unheard.code(), Code::NotFound, "{unheard}");
    let unseen = recordings::get(&stranger, id).await.unwrap_err();
    let unseen = unseen.downcast::<tonic::Status>().unwrap();
    assert_eq!(unseen.code(), Code::NotFound, "{unseen}");
    mesh.stop().await.unwrap();
}

async fn a_withdrawal_by_letter_reaches_a_call_that_is_running(world: World) {
    let sample = Sample::new("withdrawal-midcall-it");
    let mesh = world.up().await;
    let (server, tenant) = (mesh.server(), sample.tenant.clone());
    let (caller, id) = (world.sender(&server, &tenant), RecordingId::new());
    // An event from beside the call is placed by its wall time: ten seconds of this call are over, and consent was
    // given. However slow the machine is, the withdrawal lies well before its end.
    let mut open = sample.open(id, 1);
    open.started_at = SystemClock.now().0 - 10_000_000;
    let (mut line, _) = Line::open(&caller, &tenant, open).await.unwrap();
    let given = sample.event("consent.given", None).unwrap().0;
    let first = given.div_ceil(FRAME);
    line.media(&sample, 0..first).await;
    let notice = sample.json["events"][0]["notice"].as_str().unwrap().to_owned();
    let notice = wire::NoticePlayed { notice };
    let expression = wire::Expression::Voice.into();
    let consent = wire::ConsentGiven { purpose: "quality".to_owned(), expression };
    for said in [Kind::NoticePlayed(notice), Kind::ConsentGiven(consent)] {
        assert_eq!(line.event(event(given, said)).await.unwrap().refused, "");
    }
    line.media(&sample, first..first + 150).await;
    line.logged(first + 50).await.unwrap();

    let phone = sample.json["customer"]["phone"].as_str().unwrap();
    let withdraw = ["consent", "withdraw", "--phone", phone, "--purpose", "quality", "--json"];
    let ended = world.run(&server, tenant.as_str(), &withdraw).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    line.media(&sample, first + 150..sample.frames()).await;
    let withdrawn = |change: &BasisChange| change.purpose == "quality" && change.cause == "consent-withdrawn";
    line.until(|message| match message {
        Response::Bases(bases) => bases.changes.iter().any(withdrawn).then_some(()),
        _ => None,
    })
    .await
    .unwrap();
    line.close(&sample).await.unwrap();

    let recording = world.sealed(&server, &tenant, id).await;
    let stored =
        recording.legs.iter().flat_map(|leg| &leg.stored).map(|interval| interval.end).max().unwrap();
    assert!(stored < sample.length(), "the call went on to be stored after the withdrawal: {recording:?}");
    let refused = hear(&world.person(&server, &tenant), id, &purpose("quality")).await.unwrap_err();
    must_be_gone(&refused, &["withdrawn", BY_BASIS]);
    mesh.stop().await.unwrap();
}
