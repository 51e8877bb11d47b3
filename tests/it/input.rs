//! Bad input: refused by name and bound, and nothing half done.

use bytes::Bytes;
use kernel::{Interval, Position, RecordingId, Use};
use proto::archive::v1::recordings_client::RecordingsClient;
use proto::archive::v1::{GetRequest, RecordingState, ReplayRequest};
use proto::ingest::v1 as wire;
use proto::ingest::v1::record_request::Message;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status};
use verbale::connect::Caller;

use crate::harness::{Expected, Line, Sample, World, hear, purpose, reason};

#[tokio::test(flavor = "multi_thread")]
async fn an_open_whose_session_epoch_is_not_above_the_stored_one_is_refused() {
    let (world, sample) = (World::new(), Sample::new("mifid-order-it"));
    let mesh = world.up().await;
    let (caller, id) = (world.sender(&mesh.server(), &sample.tenant), RecordingId::new());
    let (mut line, _) = Line::open(&caller, &sample.tenant, sample.open(id, 7)).await.unwrap();
    line.media(&sample, 0..120).await;
    line.logged(50).await.unwrap();

    for epoch in [1, 6, 7] {
        let refused = Line::open(&caller, &sample.tenant, sample.open(id, epoch)).await.err().unwrap();
        assert_eq!(refused.code(), Code::Aborted, "{refused}");
        assert!(
            refused.message().contains(&format!("session epoch {epoch} is not above the stored 7")),
            "{refused}"
        );
    }
    // The session that it was tried on goes on, and a higher epoch takes it over.
    line.media(&sample, 120..200).await;
    line.logged(150).await.unwrap();
    let (mut later, _) = Line::open(&caller, &sample.tenant, sample.open(id, 8)).await.unwrap();
    later.media(&sample, 150..sample.frames()).await;
    later.logged(sample.frames() - 60).await.unwrap();
    later.close(&sample).await.unwrap();
    is_whole(&world, &mesh.server(), &sample, id).await;
    mesh.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_out_of_bounds_are_refused_with_the_bound_and_the_call_goes_on() {
    let (world, sample) = (World::new(), Sample::new("mifid-order-it"));
    let mesh = world.up().await;
    let caller = world.sender(&mesh.server(), &sample.tenant);
    let media = |leg, frames| Message::Media(wire::Media { leg, frames });
    let next = || sample.frame(0, 60);
    let one = |change: &dyn Fn(&mut wire::Frame)| {
        let mut frame = next();
        change(&mut frame);
        media(0, vec![frame])
    };
    let table: Vec<(&str, Vec<Message>, &[&str])> = vec![
        ("size", vec![one(&|f| f.payload = vec![0; 4_097].into())], &["4097", "4096"]),
        ("count", vec![media(0, vec![next(); 1_001])], &["1001", "1000"]),
        ("sequence", vec![one(&|f| f.rtp_sequence = 65_536)], &["65536", "65535"]),
        ("payload type", vec![one(&|f| f.payload_type = 128)], &["128", "127"]),
        ("number", vec![one(&|f| f.number = 1 << 40)], &["frame 1099511627776 is more than"]),
        ("leg", vec![media(2, vec![next()])], &["leg 2 was not opened"]),
        (
            "length",
            vec![one(&|f| (f.captured, f.rtp_timestamp) = (90_000_000_000, 720_000_000))],
            &["86400000000"],
        ),
        (
            "backwards",
            // A new source whose clock says that it was captured before what is there already.
            vec![one(&|f| (f.ssrc, f.rtp_timestamp, f.captured) = (99, 5, 400_000))],
            &["before"],
        ),
        ("frames at the end", vec![close([10, 60])], &["closed with 10 frames after 60"]),
        (
            "cause",
            vec![Message::Close(wire::Close { cause: "HANG UP!".to_owned(), legs: Vec::new() })],
            &["close.cause"],
        ),
        ("order", vec![Message::Open(sample.open(RecordingId::new(), 1))], &["open"]),
        ("event", vec![Message::Event(wire::Event::default())], &["event.event_id"]),
    ];
    for (case, messages, needles) in table {
        let id = RecordingId::new();
        let (mut line, _) = Line::open(&caller, &sample.tenant, sample.open(id, 1)).await.unwrap();
        line.media(&sample, 0..60).await;
        line.logged(50).await.unwrap();
        for message in messages {
            line.send(message).await;
        }
        let refused = line.refused().await;
        assert_eq!(refused.code(), Code::InvalidArgument, "{case}: {refused}");
        for needle in needles {
            assert!(refused.message().to_lowercase().contains(needle), "{case}: {refused}");
        }
        // Nothing half done: a better sender goes on behind what was acknowledged, to a whole recording.
        let (mut again, _) = Line::open(&caller, &sample.tenant, sample.open(id, 2)).await.unwrap();
        again.media(&sample, 50..200).await;
        again.logged(150).await.unwrap();
        again.media(&sample, 200..sample.frames()).await;
        again.close(&sample).await.unwrap();
        is_whole(&world, &mesh.server(), &sample, id).await;
    }
    mesh.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn more_frames_than_a_second_may_have_are_refused_with_the_bound() {
    let (world, sample) = (World::new(), Sample::new("mifid-order-it"));
    let mesh = world.up().await;
    let caller = world.sender(&mesh.server(), &sample.tenant);
    let open = sample.open(RecordingId::new(), 1);
    let (line, _) = Line::open(&caller, &sample.tenant, open).await.unwrap();
    // One sample a frame: eight thousand in a second.
    let frames = (0..1_100).map(|number| wire::Frame {
        number,
        captured: number * 125,
        rtp_timestamp: number,
        payload: Bytes::from_static(&[0xd5]),
        ..sample.frame(0, 0)
    });
    let frames: Vec<_> = frames.collect();
    for frames in frames.chunks(500) {
        line.send(Message::Media(wire::Media { leg: 0, frames: frames.to_vec() })).await;
    }
    let refused = line.refused().await;
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    assert!(refused.message().contains("more than 1000 frames in second 0"), "{refused}");
    mesh.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_out_of_bounds_is_refused_with_the_place_and_leaves_nothing() {
    let (world, sample) = (World::new(), Sample::new("mifid-order-it"));
    let mesh = world.up().await;
    let caller = world.sender(&mesh.server(), &sample.tenant);
    type Change = fn(&mut wire::Open);
    let table: [(Change, &str); 12] = [
        (|o| o.recording_id = vec![1; 15].into(), "open.recording_id"),
        (|o| o.session_epoch = 0, "open.session_epoch"),
        (|o| o.started_at = 0, "open.started_at"),
        (|o| o.call_id = "x".repeat(257), "256"),
        (|o| o.direction = 9, "open.direction"),
        (|o| o.language = "no language".to_owned(), "open.language"),
        (|o| o.legs.clear(), "open.legs"),
        (|o| o.legs[1].leg = 5, "open.legs.leg"),
        (|o| o.legs[0].clock_rate = 384_001, "384000"),
        (|o| o.legs[0].codec = "a codec with a very long name, too long".to_owned(), "open.legs.codec"),
        (|o| o.legs[0].party = 2, "open.legs.party"),
        (|o| o.purposes = vec!["Not A Purpose".to_owned()], "open.purposes"),
    ];
    for (change, needle) in table {
        let id = RecordingId::new();
        let mut open = sample.open(id, 1);
        change(&mut open);
        let refused = Line::open(&caller, &sample.tenant, open).await.err().unwrap();
        assert_eq!(refused.code(), Code::InvalidArgument, "{needle}: {refused}");
        assert!(refused.message().contains(needle), "{needle}: {refused}");
        let person = world.person(&mesh.server(), &sample.tenant);
        let request = person.request(GetRequest { recording_id: id.to_bytes().to_vec() }).unwrap();
        let unknown = RecordingsClient::new(person.wire()).get(request).await.unwrap_err();
        assert_eq!(unknown.code(), Code::NotFound, "{needle}: {unknown}");
    }
    mesh.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_metadata_is_refused_by_its_name() {
    let (world, sample) = (World::new(), Sample::new("mifid-order-it"));
    let mesh = world.up().await;
    let caller = world.person(&mesh.server(), &sample.tenant);
    let replay = || {
        let recording_id = RecordingId::new().to_bytes().to_vec();
        let message = ReplayRequest { recording_id, r#use: Use::Replay.number(), ..Default::default() };
        caller.stated(message, &purpose("quality"), "a test").unwrap()
    };
    type Change = fn(&mut Request<ReplayRequest>);
    let text = |value: &'static str| MetadataValue::from_static(value);
    let table: [(&str, Change, Code, &str); 7] = [
        (
            "tenant",
            |r| drop(r.metadata_mut().remove("verbale-tenant")),
            Code::InvalidArgument,
            "tenant-missing",
        ),
        (
            "tenant",
            |r| drop(r.metadata_mut().insert("verbale-tenant", "No Tenant".parse().unwrap())),
            Code::InvalidArgument,
            "tenant-malformed",
        ),
        (
            "purpose",
            |r| drop(r.metadata_mut().remove("verbale-purpose")),
            Code::InvalidArgument,
            "purpose-missing",
        ),
        (
            "purpose",
            |r| drop(r.metadata_mut().insert("verbale-purpose", "?".parse().unwrap())),
            Code::InvalidArgument,
            "purpose-malformed",
        ),
        (
            "reason",
            |r| drop(r.metadata_mut().remove_bin("verbale-reason-bin")),
            Code::InvalidArgument,
            "reason-missing",
        ),
        (
            "reason",
            |r| {
                drop(
                    r.metadata_mut()
                        .insert_bin("verbale-reason-bin", MetadataValue::from_bytes(&[b'x'; 4_097])),
                )
            },
            Code::InvalidArgument,
            "reason-malformed",
        ),
        ("recording", |_| {}, Code::NotFound, "not-found"),
    ];
    for (place, change, code, word) in table {
        let mut request = replay();
        change(&mut request);
        let refused = refusal(&caller, request).await;
        assert_eq!((refused.code(), reason(&refused)), (code, word), "{refused}");
        assert!(refused.message().contains(place), "{refused}");
    }
    for bearer in ["Bearer ", "Bearer x", "Bearer a.b.c", "Basic dTpw", "Bearer eyJhbGciOiJub25lIn0.e30."] {
        let mut request = replay();
        request.metadata_mut().insert("authorization", text(bearer));
        assert_eq!(refusal(&caller, request).await.code(), Code::Unauthenticated, "{bearer}");
    }
    mesh.stop().await.unwrap();
}

async fn refusal(caller: &Caller, request: Request<ReplayRequest>) -> Status {
    match RecordingsClient::new(caller.wire()).replay(request).await {
        Err(refused) => refused,
        Ok(stream) => stream.into_inner().message().await.expect_err("the replay is refused"),
    }
}

fn close(frames: [u64; 2]) -> Message {
    let ends = (0..).zip(frames).map(|(leg, frames)| wire::LegEnd { leg, frames });
    Message::Close(wire::Close { cause: "hangup".to_owned(), legs: ends.collect() })
}

/// The recording ends sealed, complete, and plays as it was sent for its duty.
async fn is_whole(world: &World, server: &str, sample: &Sample, id: RecordingId) {
    let recording = world.sealed(server, &sample.tenant, id).await;
    assert_eq!((recording.state(), recording.complete), (RecordingState::Sealed, true));
    let duty = purpose("mifid2-transaction");
    let heard = hear(&world.person(server, &sample.tenant), id, &duty).await.unwrap();
    let whole = Interval::new(Position::ZERO, Position(sample.length())).unwrap();
    heard.must_be(&Expected::of(sample), sample, &duty, whole);
}
