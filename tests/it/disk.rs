//! A disk that is full, in earnest.

use std::process::Command;

use kernel::{Interval, Position, RecordingId};
use proto::archive::v1::RecordingState;
use proto::ingest::v1 as wire;
use proto::ingest::v1::event::Kind;
use proto::ingest::v1::record_request::Message as Request;
use proto::ingest::v1::record_response::Message as Response;
use tokio::sync::watch;
use tokio::task::JoinSet;
use verbale::commands::audit;
use verbale::sender::Pace;

use crate::harness::{
    Child, Expected, Line, PATIENCE, Sample, World, event, eventually, free_port, hear, not_tested, purpose,
    server,
};

/// The disk, and what is left of it: less than a fresh deployment and one call take.
const DISK: u64 = 48 << 20;
const ROOM: u64 = 3_400 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_acknowledgements_and_not_the_process_and_room_is_all_it_needs() {
    let tried = Command::new("unshare").args(["--map-root-user", "--mount", "true"]).output();
    if !tried.is_ok_and(|tried| tried.status.success()) {
        return not_tested("namespaces", "a full disk: this machine lets nobody mount a small one (unshare)");
    }
    let (world, sample, port) = (World::new(), Sample::new("mifid-order-it"), free_port());
    let mut child = Child::up_on_small_disk(&world, port, DISK, ROOM).await;
    let call = sample.call();
    let id = call.recording();
    let (progress, logged) = watch::channel(0);
    let (mut sending, caller) = (JoinSet::new(), world.sender(&server(port), &sample.tenant));
    let other = RecordingId::new();
    let (mut line, _) = Line::open(&caller, &sample.tenant, sample.open(other, 1)).await.unwrap();
    line.media(&sample, 0..60).await;
    line.logged(50).await.unwrap();
    let frames = call.frames();
    sending.spawn(async move {
        let pace = Pace { speed: 0.0, patience: PATIENCE };
        call.send(&caller, pace, |frames| {
            progress.send_replace(frames);
        })
        .await
    });

    eventually("the disk is full", async || {
        std::fs::read_to_string(world.log()).unwrap().contains("database or disk is full").then_some(())
    })
    .await;
    assert!(!child.has_ended(), "the full disk ended the process");
    // Somebody agrees in another call, and nothing can keep it now.
    let notice =
        event(1_000_000, Kind::NoticePlayed(wire::NoticePlayed { notice: "notice-it-3".to_owned() }));
    let expression = wire::Expression::Voice.into();
    let agreed = Kind::ConsentGiven(wire::ConsentGiven { purpose: "quality".to_owned(), expression });
    let agreed = event(1_100_000, agreed);
    let said = [notice.event_id.clone(), agreed.event_id.clone()];
    line.send(Request::Event(notice)).await;
    line.send(Request::Event(agreed)).await;
    let ballast = child.inside(&world.data().join("ballast"));
    let acknowledged = *logged.borrow();
    assert!(acknowledged < frames, "the whole call found room");
    std::fs::remove_file(ballast).unwrap();

    // Answered once its row has it, and in force with no hand.
    let (mut answered, mut stands) = (Vec::new(), false);
    line.until(|message| {
        match message {
            Response::Applied(applied) => {
                assert_eq!(applied.refused, "");
                answered.push(applied.event_id);
            }
            Response::Bases(bases) => {
                stands |= bases.changes.iter().any(|change| change.purpose == "quality")
            }
            _ => {}
        }
        (stands && said.iter().all(|id| answered.contains(id))).then_some(())
    })
    .await
    .unwrap();
    line.media(&sample, 60..sample.frames()).await;
    line.close(&sample).await.unwrap();

    let sent = sending.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(sent.refused, []);
    let recording = world.sealed(&server(port), &sample.tenant, id).await;
    assert_eq!((recording.state(), recording.complete), (RecordingState::Sealed, true));
    let (expected, person) = (Expected::of(&sample), world.person(&server(port), &sample.tenant));
    let whole = Interval::new(Position::ZERO, Position(sample.length())).unwrap();
    for purpose in expected.purposes() {
        hear(&person, id, &purpose).await.unwrap().must_be(&expected, &sample, &purpose, whole);
    }
    let recording = world.sealed(&server(port), &sample.tenant, other).await;
    assert_eq!((recording.state(), recording.complete), (RecordingState::Sealed, true));
    let quality = purpose("quality");
    assert!(hear(&person, other, &quality).await.is_ok(), "the consent given on a full disk opens nothing");
    assert!(audit::check(&person).await.unwrap().ok);
    child.kill().await;
}
