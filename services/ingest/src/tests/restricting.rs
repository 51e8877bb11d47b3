//! Consent, withdrawals, pauses and stops: what of a call is stored, and from which frame.

use super::*;

#[tokio::test]
async fn a_consent_call_is_stored_only_between_consent_and_withdrawal() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, QUALITY).await;
    let recording = sender.recording;
    sender.both(0..60);
    let notice = wire::NoticePlayed { notice: "notice-it-3".into() };
    assert_eq!(sender.event(1_100_000, Kind::NoticePlayed(notice)).await.refused, "");
    let applied = sender.event(1_205_000, given()).await;
    assert_eq!((applied.position, applied.refused.as_str()), (1_205_000, ""));
    sender.both(60..200);
    assert_eq!(sender.event(3_010_000, withdrawn()).await.refused, "");
    sender.both(200..260);
    sender.close(260).await;
    let seen = world.seen(recording).await;
    assert!(is_exact(&seen));
    // Consent is at 1.205 s, within frame 60; the withdrawal at 3.010 s cuts frame 150, but what was sealed
    // before it was known stays in the log, where nobody's entry will open it.
    let stored = seen.numbers(0);
    assert_eq!(stored.first(), Some(&61));
    assert!(*stored.last().unwrap() < 200);
    assert_eq!(stored.len() + seen.dropped_as(0, DropReason::NoBasis).len(), 260);
    let kinds: Vec<_> = seen.changes().into_iter().map(|(_, kind, at)| (kind, at)).collect();
    assert_eq!(kinds, [(1, 1_205_000), (2, 3_010_000)]);
    assert_eq!(world.consent.told(EventKind::NoticePresented).len(), 1);
    let told = world.consent.told(EventKind::Given);
    assert_eq!((told.len(), told[0].notice.as_str(), told[0].position), (1, "notice-it-3", Some(1_205_000)));
    // Told by the stream and, where it was slow, again by the sweep, in the same words.
    let mut told = world.consent.told(EventKind::Withdrawn);
    told.dedup();
    assert_eq!(told.len(), 1);
}

#[tokio::test]
async fn a_withdrawal_elsewhere_stops_the_call_that_runs_whatever_clock_it_is_from() {
    // Placed by wall time, so it reaches back by its error: 100 ms. Where that clock is ahead, or the call comes late,
    // it acts at the newest frame, which begins at 1.180 s.
    let late = 200 * 86_400_000_000;
    for (said, placed, kept) in [(900_000, 900_000, 50), (5_000_000, 1_280_000, 59), (late, 1_280_000, 59)] {
        let world = World::new();
        let ingest = world.ingest().await;
        let mut sender = Sender::open(&ingest, QUALITY).await;
        let recording = sender.recording;
        assert_eq!(sender.event(0, given()).await.refused, "");
        sender.both(0..60);
        sender.acked(50).await;
        world.consent.withdraws_elsewhere(STARTED_AT + said);
        let is_over = |seen: &Seen| seen.changes().iter().any(|(_, kind, at)| (*kind, *at) == (2, placed));
        world.until(recording, "the withdrawal is logged", is_over).await;
        sender.both(60..400);
        sender.close(400).await;
        let seen = world.seen(recording).await;
        assert_eq!(seen.numbers(0), all(0..kept), "{said}");
        assert_eq!(seen.dropped_as(0, DropReason::NoBasis), all(kept..400), "{said}");
    }
}

#[tokio::test]
async fn a_withdrawal_elsewhere_while_no_stream_runs_acts_from_the_next_frame_on() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, QUALITY).await;
    let recording = sender.recording;
    assert_eq!(sender.event(0, given()).await.refused, "");
    sender.both(0..60);
    sender.acked(50).await;
    drop(ingest);
    let ingest = world.ingest().await;
    // The call came late: by its wall time the withdrawal lies hours after its end.
    let hours = std::time::Duration::from_secs(3 * 3_600);
    world.clock.advance(hours);
    world.consent.withdraws_elsewhere(STARTED_AT + hours.as_micros() as i64);
    let again = sender.reopen(&ingest, 2, QUALITY).await.unwrap();
    again.both(50..160);
    again.close(160).await;
    let seen = world.seen(recording).await;
    assert_eq!((seen.numbers(0), seen.dropped_as(0, DropReason::NoBasis)), (all(0..50), all(50..160)));
}

#[tokio::test]
async fn nothing_of_a_pause_is_stored() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    let recording = sender.recording;
    sender.both(0..70);
    let paused = sender.event(1_390_000, pause()).await;
    assert_eq!((paused.position, paused.reached_stored), (1_390_000, false));
    sender.both(70..170);
    assert_eq!(sender.event(3_000_000, resume()).await.refused, "");
    sender.both(170..200);
    sender.close(200).await;
    let seen = world.seen(recording).await;
    for leg in [0, 1] {
        assert_eq!(seen.numbers(leg), [all(0..69), all(150..200)].concat());
        assert_eq!(seen.dropped_as(leg, DropReason::Pause), all(69..150));
    }
    assert!(seen.count(|event| matches!(event, Event::Dropped(_))) >= 4);
}

#[tokio::test]
async fn a_pause_by_a_clock_that_is_ahead_acts_now() {
    let by_wall = |wall_time, kind| wire::Event { position: None, wall_time, ..event(0, kind) };
    for wall_time in [STARTED_AT + 60_000_000, i64::MAX] {
        let world = World::new();
        let ingest = world.ingest().await;
        let mut sender = Sender::open(&ingest, DUTY).await;
        let recording = sender.recording;
        sender.both(0..60);
        sender.acked(50).await;
        let paused = sender.apply(by_wall(wall_time, pause())).await;
        // Frame 59 is the newest.
        assert_eq!((paused.position, paused.reached_stored, paused.refused.as_str()), (1_180_000, false, ""));
        // A control that is wrong in itself ends no stream.
        let refused = ingest.control(recording, by_wall(i64::MAX, resume())).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        assert!(refused.message().contains("event.wall_time"), "{refused}");
        sender.both(60..100);
        assert_eq!(sender.event(2_000_000, resume()).await.refused, "");
        sender.both(100..120);
        sender.close(120).await;
        let seen = world.seen(recording).await;
        assert_eq!(seen.numbers(0), [all(0..59), all(100..120)].concat(), "{wall_time}");
    }
}

#[tokio::test]
async fn a_pause_by_a_clock_that_is_ahead_of_a_session_without_a_stream_acts_where_ours_is() {
    let by_wall = |wall_time, kind| wire::Event { position: None, wall_time, ..event(0, kind) };
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    let recording = sender.recording;
    sender.both(0..60);
    sender.acked(50).await;
    drop(ingest);
    world.clock.advance(std::time::Duration::from_secs(2));
    let ingest = world.ingest().await;
    let refused = ingest.control(recording, by_wall(i64::MAX, resume())).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    // What its sender may mean is left where it is.
    for (wall_time, position) in [(STARTED_AT + 60_000_000, 59_900_000), (i64::MAX, 2_000_000)] {
        let paused = ingest.control(recording, by_wall(wall_time, pause())).await.unwrap();
        let applied = paused.applied.unwrap();
        assert_eq!((applied.position, applied.refused.as_str()), (position, ""), "{wall_time}");
    }
}

#[tokio::test]
async fn a_pause_survives_the_end_of_the_process() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    let recording = sender.recording;
    sender.both(0..100);
    assert_eq!(sender.event(2_000_000, pause()).await.refused, "");
    sender.both(100..120);
    drop(ingest);
    let ingest = world.ingest().await;
    let mut again = sender.reopen(&ingest, 2, DUTY).await.unwrap();
    assert_eq!(again.opened.media_state, wire::MediaState::Paused as i32);
    let from = sender.acked[0].min(sender.acked[1]);
    again.both(from..250);
    assert_eq!(again.event(5_000_000, resume()).await.refused, "");
    again.both(250..300);
    again.close(300).await;
    let seen = world.seen(recording).await;
    assert!(is_exact(&seen));
    for leg in [0, 1] {
        assert_eq!(seen.numbers(leg), [all(0..100), all(250..300)].concat());
    }
    // Logged again by the process that restored it, under the same event id.
    let pauses = seen.events.iter().filter_map(|event| match event {
        Event::Paused(paused) => Some(paused.event_id.clone()),
        _ => None,
    });
    assert_eq!(pauses.collect::<std::collections::BTreeSet<_>>().len(), 1);
}

#[tokio::test]
async fn a_resumed_pause_stays_a_pause_for_frames_that_are_sent_again() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    let recording = sender.recording;
    world.log.set_full(true);
    sender.both(0..30);
    sender.event(200_000, pause()).await;
    sender.event(400_000, resume()).await;
    drop(ingest);
    world.log.set_full(false);
    let ingest = world.ingest().await;
    let again = sender.reopen(&ingest, 2, DUTY).await.unwrap();
    assert_eq!(again.opened.media_state, wire::MediaState::Active as i32);
    again.both(0..30);
    again.close(30).await;
    let seen = world.seen(recording).await;
    assert_eq!(seen.numbers(0), [all(0..10), all(20..30)].concat());
    // What the end of the first process kept from the log is logged by the second.
    assert_eq!(seen.count(|event| matches!(event, Event::Paused(_) | Event::Resumed(_))), 2);
}

#[tokio::test]
async fn a_pause_later_than_what_is_sealed_says_that_it_reached_it() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    sender.both(0..120);
    sender.acked(100).await;
    let paused = sender.event(1_500_000, pause()).await;
    assert_eq!((paused.position, paused.reached_stored, paused.refused.as_str()), (1_500_000, true, ""));
}

#[tokio::test]
async fn what_is_held_back_is_not_sealed_when_a_late_pause_comes() {
    let world = World::new();
    world.consent.hold_back_two_seconds();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    assert!(sender.opened.window_frames > 2_000);
    let recording = sender.recording;
    sender.both(0..220);
    sender.acked(100).await;
    let paused = sender.event(2_500_000, pause()).await;
    assert!(!paused.reached_stored);
    sender.close(220).await;
    assert_eq!(world.seen(recording).await.numbers(0), all(0..125));
}

#[tokio::test]
async fn a_repeated_event_is_answered_alike_and_has_no_second_effect() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    let once = event(100_000, pause());
    let first = sender.apply(once.clone()).await;
    sender.event(200_000, resume()).await;
    assert_eq!(sender.apply(once).await, first);
    assert_eq!(ingest.session(sender.recording).await.media_state, wire::MediaState::Active as i32);
}

#[tokio::test]
async fn a_stop_beside_the_stream_is_final() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    let recording = sender.recording;
    sender.both(0..60);
    sender.acked(50).await;
    let stop = Kind::Stop(wire::Stop { reason: "objection".into() });
    let answer = ingest.control(recording, event(1_200_000, stop)).await.unwrap();
    assert_eq!(answer.media_state, wire::MediaState::Ended as i32);
    sender.both(60..160);
    assert_eq!(sender.event(3_000_000, resume()).await.refused, "stopped");
    sender.close(160).await;
    let seen = world.seen(recording).await;
    assert_eq!(seen.numbers(0), all(0..60));
    assert_eq!(seen.dropped_as(0, DropReason::Stopped), all(60..160));
}

#[tokio::test]
async fn a_pause_reaches_a_session_whose_stream_has_broken() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, DUTY).await;
    sender.both(0..60);
    sender.acked(50).await;
    let recording = sender.recording;
    let next = sender.acked;
    drop(sender);
    let paused = eventually("the stream is gone", async || {
        let answer = ingest.control(recording, event(1_000_000, pause())).await.unwrap();
        Some(answer).filter(|answer| answer.applied.as_ref().unwrap().refused.is_empty())
    });
    let paused = paused.await;
    assert_eq!(paused.media_state, wire::MediaState::Paused as i32);
    let again = Sender::try_open(&ingest, open(recording, 2, DUTY)).await.unwrap();
    assert_eq!(again.opened.media_state, wire::MediaState::Paused as i32);
    again.both(next[0].min(next[1])..100);
    again.close(100).await;
    assert_eq!(world.seen(recording).await.numbers(0), all(0..50));
}
