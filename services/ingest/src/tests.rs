mod epochs;
mod owed;
mod replicas;
mod restricting;
mod spooling;

use kernel::RecordingId;
use platform::config::Period;
use prost::Message as _;
use proto::consent::v1::EventKind;
use proto::ingest::v1 as wire;
use proto::ingest::v1::DropReason;
use proto::ingest::v1::audio_event::Event;
use proto::ingest::v1::event::Kind;
use proto::ingest::v1::record_request::Message;
use proto::ingest::v1::record_response::Message as Answer;
use tonic::Code;

use crate::world::*;

const DUTY: &[&str] = &["mifid2-transaction"];
const QUALITY: &[&str] = &["quality"];
const BOTH: &[&str] = &["mifid2-transaction", "quality"];

fn pause() -> Kind {
    Kind::Pause(wire::Pause { reason: "pci-dss".into() })
}
fn resume() -> Kind {
    Kind::Resume(wire::Resume {})
}
fn given() -> Kind {
    let expression = wire::Expression::Voice as i32;
    Kind::ConsentGiven(wire::ConsentGiven { purpose: "quality".into(), expression })
}
fn withdrawn() -> Kind {
    let expression = wire::Expression::Voice as i32;
    Kind::ConsentWithdrawn(wire::ConsentWithdrawn { purpose: "quality".into(), expression })
}

fn all(range: std::ops::Range<u64>) -> Vec<u64> {
    range.collect()
}

fn is_exact(seen: &Seen) -> bool {
    seen.stored.iter().all(|((leg, number), bytes)| *bytes == payload(*leg, *number))
}

#[tokio::test]
async fn a_call_on_a_duty_is_stored_bit_exact_from_the_first_frame() {
    let world = World::new();
    let ingest = world.ingest().await;
    let sender = Sender::open(&ingest, DUTY).await;
    assert_eq!(sender.opened.level, wire::Level::Logged as i32);
    assert_eq!(sender.opened.media_state, wire::MediaState::Active as i32);
    let recording = sender.recording;
    sender.both(0..125);
    let closed = sender.close(125).await;
    assert!(closed.legs.iter().all(|leg| leg.next_frame == 125));
    let seen = world.seen(recording).await;
    assert!(is_exact(&seen));
    assert_eq!((seen.numbers(0), seen.numbers(1)), (all(0..125), all(0..125)));
    assert!(seen.dropped.is_empty());
    assert!(matches!(&seen.events[0], Event::SessionOpened(opened) if opened.correlation_hmacs.len() == 2));
    assert!(matches!(&seen.events[1], Event::BasisChanged(_)));
    let audio: Vec<_> = seen.headers.iter().filter(|header| header.rate == 8_000).collect();
    assert_eq!(audio.len(), 6);
    assert!(audio.iter().all(|header| header.regimes.len() == 1 && header.session_epoch.0 == 1));
    let totals = |event: &Event| matches!(event, Event::LegClosed(closed) if closed.frames == 125);
    assert_eq!(seen.count(totals), 2);
    let end = |event: &Event| matches!(event, Event::SessionClosed(closed) if closed.end == 2_500_000);
    assert!(end(seen.events.last().unwrap()));
    assert_eq!(ingest.session(recording).await.media_state, wire::MediaState::Ended as i32);
}

#[tokio::test]
async fn the_log_shows_neither_who_calls_nor_what_is_said() {
    let world = World::new();
    let ingest = world.ingest().await;
    let sender = Sender::open(&ingest, DUTY).await;
    let recording = sender.recording;
    sender.both(0..60);
    sender.close(60).await;
    let seen = world.seen(recording).await;
    let holds = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    for event in &seen.events {
        let bytes = wire::AudioEvent { event: Some(event.clone()) }.encode_to_vec();
        for secret in [PHONE.as_bytes(), b"call-17", b"00017", b"agent-12", &payload(1, 7)[..64]] {
            assert!(!holds(&bytes, secret), "{}", crate::kind(event));
        }
    }
    assert_eq!(seen.metadata.len(), 1);
    assert!(holds(&seen.metadata[0], PHONE.as_bytes()) && holds(&seen.metadata[0], b"call-17"));
}

#[tokio::test]
async fn a_sender_goes_on_after_a_break_and_the_overlap_is_dropped() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    let recording = sender.recording;
    sender.both(0..80);
    sender.acked(50).await;
    let epoch = sender.opened.clone();
    assert!(epoch.resume.iter().all(|leg| leg.next_frame == 0));
    drop(sender);
    let again = Sender::try_open(&ingest, open(recording, 2, DUTY)).await.unwrap();
    assert!(again.opened.resume.iter().all(|leg| leg.next_frame == 50), "{:?}", again.opened.resume);
    again.both(20..160);
    again.close(160).await;
    let seen = world.seen(recording).await;
    assert!(is_exact(&seen));
    assert_eq!(seen.numbers(0), all(0..160));
    // The anchor goes on, so positions do not shift over the break.
    let opened = seen.events.iter().filter_map(|event| match event {
        Event::LegOpened(opened) if opened.leg == 0 => Some(opened.anchors[0].position),
        _ => None,
    });
    assert_eq!(opened.collect::<Vec<_>>(), [0, 0]);
}

#[tokio::test]
async fn the_higher_epoch_wins_and_the_lower_is_told() {
    let world = World::new();
    let ingest = world.ingest().await;
    let sender = Sender::open(&ingest, DUTY).await;
    let refused = sender.reopen(&ingest, 1, DUTY).await.err().unwrap();
    assert_eq!(refused.code(), Code::Aborted);
    let recording = sender.recording;
    let again = sender.reopen(&ingest, 5, DUTY).await.unwrap();
    assert_eq!(sender.ends_with().await.code(), Code::Aborted);
    let refused = again.reopen(&ingest, 4, DUTY).await.err().unwrap();
    assert_eq!(refused.code(), Code::Aborted);
    assert!(refused.message().contains('4') && refused.message().contains('5'), "{}", refused.message());
    again.both(0..10);
    again.close(10).await;
    assert_eq!(world.seen(recording).await.numbers(1), all(0..10));
    let over = Sender::try_open(&ingest, open(recording, 9, DUTY)).await.err().unwrap();
    assert_eq!(over.code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn a_fenced_session_takes_no_more() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    sender.both(0..60);
    sender.acked(50).await;
    let recording = sender.recording;
    let fenced = ingest.fence(recording).await;
    assert!(fenced.fenced && fenced.media_state == wire::MediaState::Abandoned as i32);
    assert_eq!(sender.ends_with().await.code(), Code::FailedPrecondition);
    let refused = Sender::try_open(&ingest, open(recording, 2, DUTY)).await.err().unwrap();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(ingest.control(recording, event(5, pause())).await.is_err());
}

#[tokio::test]
async fn a_call_without_any_lawful_purpose_is_not_recorded_and_says_why() {
    let world = World::new();
    let ingest = world.ingest().await;
    for (purposes, reason) in [(&["marketing"][..], "purpose-not-in-policy"), (&[], "nothing-requested")] {
        let sender = Sender::open(&ingest, purposes).await;
        assert!(sender.opened.not_recorded);
        assert_eq!(sender.opened.media_state, wire::MediaState::Rejected as i32);
        let seen = world.seen(sender.recording).await;
        let says = |event: &Event| matches!(event, Event::NotRecorded(it) if it.reason == reason);
        assert!(says(seen.events.last().unwrap()) && seen.headers.is_empty());
        let again = sender.reopen(&ingest, 2, purposes).await.err().unwrap();
        assert_eq!(again.code(), Code::FailedPrecondition);
    }
}

#[tokio::test]
async fn a_call_that_is_refused_by_its_customer_leaves_no_audio() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, QUALITY).await;
    let recording = sender.recording;
    sender.both(0..60);
    let expression = wire::Expression::Voice as i32;
    let refused = wire::ConsentRefused { purpose: "quality".into(), expression };
    assert_eq!(sender.event(1_000_000, Kind::ConsentRefused(refused)).await.refused, "");
    sender.both(60..100);
    sender.close(100).await;
    let seen = world.seen(recording).await;
    assert!(seen.headers.is_empty() && seen.metadata.is_empty());
    assert_eq!(seen.dropped_as(0, DropReason::NoBasis), all(0..100));
    let note = |event: &Event| matches!(event, Event::NotePlaced(note) if note.kind == "consent.refused");
    assert_eq!(seen.count(note), 1);
    // Told by the stream and, where it was slow, again by the sweep, in the same words.
    let mut told = world.consent.told(EventKind::Refused);
    told.dedup();
    assert_eq!(told.len(), 1);
}

#[tokio::test]
async fn without_consent_duties_are_recorded_and_consent_purposes_wait() {
    let world = World::new();
    let ingest = world.ingest().await;
    // Once, so that the tenant's policy is known.
    Sender::open(&ingest, BOTH).await.close(0).await;
    world.consent.go_away();
    let mut sender = Sender::open(&ingest, BOTH).await;
    let recording = sender.recording;
    let denied = sender.opened.grants.iter().find(|grant| grant.purpose == "quality").unwrap();
    assert_eq!(denied.reason, "consent-unreachable");
    let kept = sender.event(0, given()).await;
    assert_eq!((kept.refused.as_str(), kept.pending), ("", true));
    sender.both(0..60);
    sender.acked(50).await;
    world.consent.come_back();
    let answered = eventually("consent is heard again", async || {
        let applied = sender.event(1_000_000, given()).await;
        (!applied.pending && applied.refused.is_empty()).then_some(())
    });
    answered.await;
    sender.close(60).await;
    let seen = world.seen(recording).await;
    assert_eq!(seen.numbers(0), all(0..60));
    assert!(!world.consent.told(EventKind::Given).is_empty());
}

#[tokio::test]
async fn silence_of_consent_stops_its_purposes_until_it_is_heard_again() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, QUALITY).await;
    let recording = sender.recording;
    assert_eq!(sender.event(0, given()).await.refused, "");
    sender.both(0..60);
    sender.acked(50).await;
    world.consent.go_away();
    let ended = |seen: &Seen| seen.changes().iter().any(|(_, kind, _)| *kind == 2);
    world.until(recording, "its purposes stop", ended).await;
    sender.both(60..170);
    sender.acked(159).await;
    world.consent.come_back();
    let regained = |seen: &Seen| seen.changes().iter().filter(|(_, kind, _)| *kind == 1).count() == 2;
    world.until(recording, "they go on", regained).await;
    sender.both(170..260);
    sender.close(260).await;
    let seen = world.seen(recording).await;
    // Stopped at the newest frame, which began at 1.180 s; gone on at 3.380 s.
    let at: Vec<_> = seen.changes().into_iter().map(|(_, kind, at)| (kind, at)).collect();
    assert_eq!(at[..3], [(1, 0), (2, 1_180_000), (1, 3_380_000)]);
    assert_eq!(seen.numbers(0), [all(0..59), all(169..260)].concat());
}

#[tokio::test]
async fn a_withdrawal_is_in_force_though_consent_is_away_and_is_told_later() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, BOTH).await;
    assert_eq!(sender.event(0, given()).await.refused, "");
    world.consent.go_away();
    assert_eq!(sender.event(500_000, withdrawn()).await.refused, "");
    assert!(world.consent.told(EventKind::Withdrawn).is_empty());
    world.consent.come_back();
    let told = eventually("consent is told", async || world.consent.told(EventKind::Withdrawn).pop()).await;
    assert_eq!(told.position, Some(500_000));
}

#[tokio::test]
async fn a_full_disk_stops_acknowledgements_and_nothing_else() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    let recording = sender.recording;
    world.log.set_full(true);
    sender.both(0..120);
    world.log.refused().await;
    assert_eq!(sender.event(2_300_000, pause()).await.refused, "");
    assert_eq!(sender.acked, [0, 0]);
    world.log.set_full(false);
    sender.acked(100).await;
    sender.close(120).await;
    assert_eq!(world.seen(recording).await.numbers(1), all(0..115));
}

#[tokio::test]
async fn a_stream_is_read_no_further_than_its_window() {
    let world = World { config: crate::Config { window_frames: 100, ..World::new().config }, ..World::new() };
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    let recording = sender.recording;
    world.log.set_full(true);
    for from in (0..6_000).step_by(10) {
        sender.media(0, from..from + 10);
    }
    world.log.refused().await;
    // A control is answered by the stream's own task, after it has read all that it may.
    let paused = ingest.control(recording, event(119_000_000, pause())).await.unwrap();
    assert!(!paused.applied.unwrap().reached_stored);
    assert!(sender.unread() > 300, "{} messages are unread", sender.unread());
    world.log.set_full(false);
    sender.leg_acked(0, 5_900).await;
}

#[tokio::test]
async fn a_window_smaller_than_a_span_closes_spans_early_and_does_not_stall() {
    let world = World { config: crate::Config { window_frames: 20, ..World::new().config }, ..World::new() };
    let ingest = world.ingest().await;
    let sender = Sender::open(&ingest, DUTY).await;
    let recording = sender.recording;
    sender.both(0..100);
    sender.close(100).await;
    assert_eq!(world.seen(recording).await.numbers(0), all(0..100));
}

#[tokio::test]
async fn bad_input_ends_the_stream_with_the_bound_and_keeps_what_was_acknowledged() {
    let world = World::new();
    let ingest = world.ingest().await;
    let large = {
        let mut media = frames(0, [50]);
        media.frames[0].payload = vec![0; 4_097].into();
        media
    };
    let back = {
        let mut media = frames(0, [50]);
        (media.frames[0].captured, media.frames[0].ssrc) = (10, 99);
        media
    };
    let fast = {
        let mut media = frames(0, 50..1_050);
        media.frames.iter_mut().for_each(|frame| frame.rtp_timestamp = 7_000 + 49 * 160);
        let times = media.frames.iter_mut();
        times.for_each(|frame| frame.captured = 49 * 20_000);
        media
    };
    let close = wire::Close { cause: "hangup".into(), legs: vec![wire::LegEnd { leg: 0, frames: 3 }] };
    let nameless = wire::Event { event_id: vec![1].into(), ..event(0, pause()) };
    let beyond = wire::Event { position: None, wall_time: i64::MAX, ..event(0, resume()) };
    let cases: [(Message, &str); 10] = [
        (Message::Media(large), "frame.payload is 4097, the bound is 4096"),
        (Message::Media(frames(7, [0])), "leg 7 was not opened"),
        (Message::Media(frames(0, [200_000])), "more than 100000 ahead"),
        (Message::Media(back), "before 0:00.980 of the frame before it"),
        (Message::Media(fast), "more than 1000 frames in second 0"),
        (Message::Close(close), "closed with 3 frames after 50 were seen"),
        (Message::Close(wire::Close::default()), "close.cause"),
        (Message::Event(nameless), "event.event_id"),
        (Message::Event(beyond), "event.wall_time is 9221600036854775807, the bound is 31622400000000"),
        (Message::Open(open(RecordingId::new(), 3, DUTY)), "a second open"),
    ];
    for (message, text) in cases {
        let sender = Sender::open(&ingest, DUTY).await;
        let recording = sender.recording;
        sender.both(0..50);
        sender.say(message);
        let status = sender.ends_with().await;
        assert_eq!(status.code(), Code::InvalidArgument, "{text}");
        assert!(status.message().contains(text), "{text}: {}", status.message());
        let again = Sender::try_open(&ingest, open(recording, 2, DUTY)).await.unwrap();
        again.both(0..50);
        again.close(50).await;
        assert_eq!(world.seen(recording).await.numbers(0), all(0..50), "{text}");
    }
}

#[tokio::test]
async fn a_stream_that_does_not_begin_with_a_good_open_is_refused() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut bad = open(RecordingId::new(), 1, DUTY);
    bad.legs[1].clock_rate = 0;
    let refused = Sender::try_open(&ingest, bad).await.err().unwrap();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("open.legs.clock_rate"));
}

#[tokio::test]
async fn an_unknown_event_is_answered_and_the_call_goes_on() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    let nothing = wire::Event { kind: None, ..event(0, pause()) };
    assert_eq!(sender.apply(nothing).await.refused, "unknown-event");
    let mark = Kind::MarkBegin(wire::MarkBegin { label: "no-such-mark".into() });
    assert_eq!(sender.event(0, mark).await.refused, "mark-not-in-policy");
    let notice = Kind::NoticePlayed(wire::NoticePlayed { notice: "no-such-notice".into() });
    assert_eq!(sender.event(0, notice).await.refused, "notice-not-in-policy");
    let mark = Kind::MarkBegin(wire::MarkBegin { label: "order".into() });
    assert_eq!(sender.event(0, mark).await.refused, "");
    assert_eq!(ingest.session(sender.recording).await.media_state, wire::MediaState::Active as i32);
}

#[tokio::test]
async fn no_call_is_opened_without_a_valid_epoch_key() {
    let world = World::new();
    let ingest = world.ingest().await;
    world.crypto.set_away(true);
    let refused = Sender::try_open(&ingest, open(RecordingId::new(), 1, DUTY)).await.err().unwrap();
    // Not for good: a sender tries again.
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(refused.message().contains("epoch key"));
}

#[tokio::test]
async fn a_call_goes_on_without_crypto_and_under_the_next_epoch_with_it() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    let recording = sender.recording;
    sender.both(0..60);
    sender.acked(50).await;
    world.crypto.set_away(true);
    world.clock.advance(std::time::Duration::from_secs(8 * 86_400));
    sender.both(60..110);
    sender.acked(100).await;
    world.crypto.set_away(false);
    world.crypto.next_epoch();
    sender.both(110..200);
    sender.close(200).await;
    let seen = world.seen(recording).await;
    assert!(is_exact(&seen));
    assert_eq!(seen.numbers(0), all(0..200));
    let epochs = seen.events.iter().filter_map(|event| match event {
        Event::LegOpened(opened) if opened.leg == 0 => Some((opened.section, opened.key_epoch)),
        _ => None,
    });
    assert_eq!(epochs.collect::<Vec<_>>(), [(0, 1), (1, 2)]);
}

#[tokio::test]
async fn a_log_that_keeps_too_little_is_refused_unless_accepted() {
    let clock = kernel::ManualClock::at(kernel::Timestamp(STARTED_AT));
    let weak = eventlog::Durability { replication: 1, min_in_sync: 1, only_log: false };
    let world = World { log: TestLog::with(clock, weak), ..World::new() };
    let ingest = world.ingest().await;
    let refused = Sender::try_open(&ingest, open(RecordingId::new(), 1, DUTY)).await.err().unwrap();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let config = crate::Config { accept_weak_log: true, ..world.config.clone() };
    let ingest = World { config, ..world }.ingest().await;
    let sender = Sender::open(&ingest, DUTY).await;
    assert_eq!(sender.opened.level, wire::Level::Spooled as i32);
}

#[tokio::test]
async fn a_draining_instance_sends_its_senders_elsewhere() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    sender.both(0..10);
    ingest.begin_to_drain();
    while !matches!(sender.next().await.unwrap(), Some(Answer::Drain(_))) {}
    let refused = Sender::try_open(&ingest, open(RecordingId::new(), 1, DUTY)).await.err().unwrap();
    assert_eq!(refused.code(), Code::Unavailable);
    // What runs may still be ended well.
    let recording = sender.recording;
    sender.close(10).await;
    assert_eq!(world.seen(recording).await.numbers(0), all(0..10));
}

#[tokio::test]
async fn a_call_that_does_not_end_while_the_instance_drains_goes_on_in_the_next_one() {
    let config = crate::Config { drain: Period::millis(200), ..World::new().config };
    let world = World { config, ..World::new() };
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    let recording = sender.recording;
    // Less than a span: only the end of the time for draining seals it. Where the newest frame ends is not
    // known, so its sender keeps that one.
    sender.both(0..20);
    let ((), ended) = tokio::join!(ingest.stop(), async {
        while !matches!(sender.next().await.unwrap(), Some(Answer::Drain(_))) {}
        sender.acked(19).await;
        sender.ends_with().await
    });
    assert_eq!(ended.code(), Code::Unavailable, "{ended}");
    assert!(ended.message().contains("higher session epoch"), "{ended}");

    let ingest = world.ingest().await;
    let sender = Sender::try_open(&ingest, open(recording, 2, DUTY)).await.unwrap();
    sender.both(19..60);
    sender.close(60).await;
    let seen = world.seen(recording).await;
    assert!(is_exact(&seen));
    assert_eq!((seen.numbers(0), seen.numbers(1)), (all(0..60), all(0..60)));
}

#[tokio::test]
async fn an_instance_drains_in_time_though_the_log_takes_nothing() {
    let config = crate::Config { drain: Period::millis(200), ..World::new().config };
    let world = World { config, ..World::new() };
    let ingest = world.ingest().await;
    let sender = Sender::open(&ingest, DUTY).await;
    world.log.set_full(true);
    sender.both(0..120);
    let ((), ended) = tokio::join!(ingest.stop(), sender.ends_with());
    assert_eq!(ended.code(), Code::Unavailable, "{ended}");
}
