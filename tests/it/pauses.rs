//! A card number is spoken in a pause, and the program is killed meanwhile.

use kernel::{Interval, LegNo, Position, RecordingId};
use proto::archive::v1::RecordingState;
use proto::ingest::v1::event::Kind;
use proto::ingest::v1::{self as wire, MediaState};

use crate::harness::{
    Child, Expected, FRAME, Line, Sample, Scan, World, event, files, free_port, hear, on_every_shape,
    purpose, server,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_killed_in_its_pause_is_still_paused_and_the_card_number_is_stored_nowhere() {
    let (world, sample, port) = (World::new(), Sample::new("card-payment-en"), free_port());
    let (id, tenant) = (RecordingId::new(), sample.tenant.clone());
    let child = Child::up(&world, port).await;
    let caller = world.sender(&server(port), &tenant);

    // Up to the pause, and into it.
    let (mut line, opened) = Line::open(&caller, &tenant, sample.open(id, 1)).await.unwrap();
    assert_eq!(opened.media_state(), MediaState::Active);
    let events: Vec<_> = events(&sample).into_iter().collect();
    let (before, after) =
        events.split_at(events.iter().position(|(_, k)| matches!(k, Kind::Pause(_))).unwrap() + 1);
    let mut next = 0;
    for (at, kind) in before {
        next = play(&mut line, &sample, next, *at, kind).await;
    }
    let spoken = 24_000_000 / FRAME;
    line.media(&sample, next..spoken).await;
    let acknowledged = spoken - 60;
    line.logged(acknowledged).await.unwrap();
    child.kill().await;

    // Opened again it is paused; what was not acknowledged is sent again.
    let child = Child::up(&world, port).await;
    let caller = world.sender(&server(port), &tenant);
    let (mut line, opened) = Line::open(&caller, &tenant, sample.open(id, 2)).await.unwrap();
    assert_eq!(opened.media_state(), MediaState::Paused);
    let mut next = acknowledged;
    for (at, kind) in after {
        next = play(&mut line, &sample, next, *at, kind).await;
    }
    line.media(&sample, next..sample.frames()).await;
    line.close(&sample).await.unwrap();

    let recording = world.sealed(&server(port), &tenant, id).await;
    assert_eq!((recording.state(), recording.complete), (RecordingState::Sealed, true));
    let (expected, person) = (Expected::of(&sample), world.person(&server(port), &tenant));
    let whole = Interval::new(Position::ZERO, Position(sample.length())).unwrap();
    for purpose in expected.purposes() {
        hear(&person, id, &purpose).await.unwrap().must_be(&expected, &sample, &purpose, whole);
    }
    child.kill().await;

    nothing_of_the_pause_is_stored(&world, &sample, id).await;
}

/// Opens every stored span with the keys in hand, and looks at every byte of every file.
async fn nothing_of_the_pause_is_stored(world: &World, sample: &Sample, id: RecordingId) {
    let pause = sample.event("pause", None).unwrap();
    let pause = Interval::new(pause, sample.event("resume", None).unwrap()).unwrap();
    let mut card = Scan::default();
    for leg in [0, 1] {
        let spoken = (0..sample.frames()).filter(|frame| pause.covers(sample.place(*frame)));
        let spoken: Vec<u8> = spoken.flat_map(|frame| sample.payload(leg, frame).to_vec()).collect();
        card.audio(&format!("the pause on leg {leg}"), spoken);
    }
    assert!(card.blocks() > 1_000, "somebody speaks in the pause");

    let (keyring, shelf) = (world.keyring().await, world.shelf().await);
    let entries = keyring.entries(&sample.tenant, id).await;
    for span in shelf.spans(&sample.tenant, id).await {
        if span.header.leg >= LegNo(16) {
            continue;
        }
        let own = entries.iter().filter(|entry| entry.section == span.header.section_address());
        let key = own.filter_map(|entry| entry.cover.key(span.header.span)).next();
        let frames = span.frames(&key.expect("every stored span of this call has a purpose")).unwrap();
        for frame in &frames {
            let place = sample.place(frame.number.0);
            assert!(!pause.overlaps(place), "leg {}: frame {} is stored", span.header.leg, frame.number);
        }
        let audio: Vec<u8> = frames.iter().flat_map(|frame| frame.payload.to_vec()).collect();
        assert_eq!(card.findings(&audio), [""; 0], "{:?}", span.header);
    }
    for file in files(&world.data()) {
        assert_eq!(card.findings(&std::fs::read(&file).unwrap()), [""; 0], "{}", file.display());
    }
}

/// Sends what begins before an event, then the event, and waits until it took effect.
async fn play(line: &mut Line, sample: &Sample, from: u64, at: u64, kind: &Kind) -> u64 {
    let next = at.div_ceil(FRAME).max(from);
    line.media(sample, from..next).await;
    let applied = line.event(event(at, kind.clone())).await.unwrap();
    assert_eq!((applied.refused.as_str(), applied.position), ("", at), "{kind:?}");
    next
}

/// The call's events that change what is recorded, in order.
fn events(sample: &Sample) -> Vec<(u64, Kind)> {
    let told = sample.json["events"].as_array().unwrap().iter();
    let read = told.filter_map(|event| {
        let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let kind = match event["type"].as_str().unwrap() {
            "consent.given" => Kind::ConsentGiven(wire::ConsentGiven {
                purpose: text("purpose"),
                expression: wire::Expression::Voice.into(),
            }),
            "mark.begin" => Kind::MarkBegin(wire::MarkBegin { label: text("label") }),
            "mark.end" => Kind::MarkEnd(wire::MarkEnd { label: text("label") }),
            "pause" => Kind::Pause(wire::Pause { reason: text("reason") }),
            "resume" => Kind::Resume(wire::Resume {}),
            "notice.played" => Kind::NoticePlayed(wire::NoticePlayed { notice: text("notice") }),
            _ => return None,
        };
        Some(((event["at_s"].as_f64().unwrap() * 1e6).round() as u64, kind))
    });
    read.collect()
}

on_every_shape!(a_pause_that_comes_too_late_is_told_so_and_nobody_opens_what_it_reaches);

async fn a_pause_that_comes_too_late_is_told_so_and_nobody_opens_what_it_reaches(world: World) {
    let sample = Sample::new("mifid-order-it");
    let mesh = world.up().await;
    let (caller, id) = (world.sender(&mesh.server(), &sample.tenant), RecordingId::new());
    let (mut line, _) = Line::open(&caller, &sample.tenant, sample.open(id, 1)).await.unwrap();
    line.media(&sample, 0..600).await;
    line.logged(500).await.unwrap();
    // Six seconds of stored audio are behind it; the pause began in it.
    let (from, to) = (5_510_000, 12_300_000);
    let late =
        line.event(event(from, Kind::Pause(wire::Pause { reason: "pci-dss".to_owned() }))).await.unwrap();
    assert_eq!((late.refused.as_str(), late.position, late.reached_stored), ("", from, true));
    line.media(&sample, 600..to / FRAME + 1).await;
    line.event(event(to, Kind::Resume(wire::Resume {}))).await.unwrap();
    line.media(&sample, to / FRAME + 1..sample.frames()).await;
    line.close(&sample).await.unwrap();
    world.sealed(&mesh.server(), &sample.tenant, id).await;

    let paused = Interval::new(Position(from), Position(to)).unwrap();
    let person = world.person(&mesh.server(), &sample.tenant);
    let heard = hear(&person, id, &purpose("mifid2-transaction")).await.unwrap();
    for frame in heard.frames.values() {
        assert!(!paused.overlaps(sample.place(frame.number)), "frame {} plays", frame.number);
    }
    // A second before and a frame after it everything plays: no more is lost than the spans that it cuts.
    let (last, first) = ((from - 1_000_000) / FRAME - 1, to.div_ceil(FRAME));
    for number in (0..=last).chain(first..sample.frames()) {
        assert!(heard.frames.contains_key(&(0, number)), "frame {number} does not play");
    }
    mesh.stop().await.unwrap();

    let (keyring, shelf) = (world.keyring().await, world.shelf().await);
    let entries = keyring.entries(&sample.tenant, id).await;
    let mut reached = 0;
    for span in shelf.spans(&sample.tenant, id).await {
        let place = Interval::new(span.header.start, span.header.end);
        if span.header.leg >= LegNo(16) || !place.is_some_and(|place| place.overlaps(paused)) {
            continue;
        }
        reached += 1;
        let own = entries.iter().filter(|entry| entry.section == span.header.section_address());
        let keys: Vec<_> = own.filter_map(|entry| entry.cover.key(span.header.span)).collect();
        assert!(keys.is_empty(), "{} entries open {:?}", keys.len(), span.header);
    }
    assert!(reached >= 8, "the pause reached stored spans of both legs: {reached}");
}
