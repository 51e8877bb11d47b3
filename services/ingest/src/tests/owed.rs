//! Consent given while consent, or the disk, cannot take it: kept, told, and in force from then on.

use super::*;

/// What began of a purpose on consent, and where.
fn begun(seen: &Seen) -> Vec<u64> {
    let quality = seen.changes().into_iter().filter(|(purpose, kind, _)| purpose == "quality" && *kind == 1);
    quality.map(|(_, _, at)| at).collect()
}

async fn in_force(world: &World, recording: RecordingId) -> Seen {
    world.until(recording, "consent is in force", |seen| !begun(seen).is_empty()).await
}

/// Consent was told of the event in one set of words, however often.
fn told_once(world: &World, kind: EventKind) -> proto::consent::v1::RecordEventRequest {
    let mut told = world.consent.told(kind);
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    told.remove(0)
}

#[tokio::test]
async fn consent_given_while_consent_is_away_is_kept_told_and_in_force_from_then_on() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, QUALITY).await;
    let recording = sender.recording;
    world.consent.go_away();
    let said = event(500_000, given());
    let kept = sender.apply(said.clone()).await;
    assert_eq!((kept.position, kept.refused.as_str(), kept.pending), (500_000, "", true));
    assert_eq!(sender.apply(said.clone()).await, kept);
    sender.both(0..100);
    sender.acked(50).await;
    assert!(begun(&world.seen(recording).await).is_empty());
    world.consent.come_back();
    let seen = in_force(&world, recording).await;
    // Frame 99 is the newest.
    assert_eq!(begun(&seen), [1_980_000]);
    sender.both(100..200);
    assert!(!sender.apply(said.clone()).await.pending);
    sender.close(200).await;
    let seen = world.seen(recording).await;
    assert_eq!((seen.numbers(0), seen.dropped_as(0, DropReason::NoBasis)), (all(99..200), all(0..99)));
    let told = told_once(&world, EventKind::Given);
    assert_eq!((told.position, told.event_id), (Some(500_000), said.event_id.to_vec()));
    let evidence = seen.events.iter().filter_map(|event| match event {
        Event::BasisChanged(changed) => changed.change.clone().map(|change| change.evidence),
        _ => None,
    });
    assert!(evidence.into_iter().any(|evidence| evidence == said.event_id));
    let pending = |event: &Event| matches!(event, Event::NotePlaced(note) if note.kind == "consent.pending");
    assert_eq!(seen.count(pending), 1);
}

#[tokio::test]
async fn consent_is_told_of_the_notice_before_what_rests_on_it() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, QUALITY).await;
    world.consent.set_deaf_to_notices(true);
    let notice = wire::NoticePlayed { notice: "notice-it-3".into() };
    assert_eq!(sender.event(0, Kind::NoticePlayed(notice)).await.refused, "");
    assert!(world.consent.told(EventKind::NoticePresented).is_empty());
    world.consent.set_deaf_to_notices(false);
    let applied = sender.apply(event(100_000, given())).await;
    assert_eq!((applied.refused.as_str(), applied.pending), ("", false));
    assert_eq!(told_once(&world, EventKind::NoticePresented).notice, "notice-it-3");
    assert_eq!(told_once(&world, EventKind::Given).notice, "notice-it-3");
}

#[tokio::test]
async fn consent_that_rests_on_a_notice_still_owed_is_kept_like_it() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, QUALITY).await;
    let recording = sender.recording;
    world.consent.set_deaf_to_notices(true);
    let notice = wire::NoticePlayed { notice: "notice-it-3".into() };
    assert_eq!(sender.event(0, Kind::NoticePlayed(notice)).await.refused, "");
    let applied = sender.apply(event(100_000, given())).await;
    assert_eq!((applied.refused.as_str(), applied.pending), ("", true));
    world.consent.set_deaf_to_notices(false);
    in_force(&world, recording).await;
    told_once(&world, EventKind::Given);
}

#[tokio::test]
async fn consent_in_a_call_whose_parties_are_not_known_waits_for_them_with_its_notice() {
    let world = World::new();
    let ingest = world.ingest().await;
    world.consent.set_deaf_to_calls(true);
    world.consent.set_deaf_to_notices(true);
    let mut sender = Sender::open(&ingest, BOTH).await;
    let recording = sender.recording;
    let notice = wire::NoticePlayed { notice: "notice-it-3".into() };
    assert_eq!(sender.event(0, Kind::NoticePlayed(notice)).await.refused, "");
    let applied = sender.apply(event(100_000, given())).await;
    assert_eq!((applied.refused.as_str(), applied.pending), ("", true));
    world.consent.set_deaf_to_notices(false);
    world.consent.set_deaf_to_calls(false);
    in_force(&world, recording).await;
    assert_eq!(told_once(&world, EventKind::Given).notice, "notice-it-3");
}

#[tokio::test]
async fn a_disk_that_is_full_holds_the_answer_to_consent_and_not_the_audio() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, BOTH).await;
    let recording = sender.recording;
    sender.both(0..60);
    sender.acked(50).await;
    world.consent.set_full(true);
    world.disk.set_full(true);
    let refused = world.disk.refuses(2);
    sender.say(Message::Event(event(1_000_000, given())));
    refused.await;
    let answers = std::cell::Cell::new(0);
    sender.both(60..170);
    while sender.acked[0] < 150 {
        if let Some(Answer::Applied(_)) = sender.next().await.unwrap() {
            answers.set(answers.get() + 1);
        }
    }
    assert_eq!(answers.get(), 0, "the event was answered before its row was written");
    world.disk.set_full(false);
    let applied = loop {
        if let Some(Answer::Applied(applied)) = sender.next().await.unwrap() {
            break applied;
        }
    };
    assert_eq!((applied.refused.as_str(), applied.pending), ("", true));
    world.consent.set_full(false);
    let seen = in_force(&world, recording).await;
    assert_eq!(begun(&seen), [3_380_000]);
    sender.close(170).await;
    assert_eq!(world.seen(recording).await.numbers(0), all(0..170));
    told_once(&world, EventKind::Given);
}

#[tokio::test]
async fn a_restriction_acts_at_once_on_a_full_disk() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, QUALITY).await;
    let recording = sender.recording;
    assert_eq!(sender.event(0, given()).await.refused, "");
    sender.both(0..60);
    sender.acked(50).await;
    world.disk.set_full(true);
    sender.say(Message::Event(event(1_190_000, withdrawn())));
    let ended = |seen: &Seen| seen.changes().iter().any(|(_, kind, at)| (*kind, *at) == (2, 1_190_000));
    world.until(recording, "the withdrawal is logged", ended).await;
    sender.both(60..120);
    sender.acked(100).await;
    world.disk.set_full(false);
    sender.close(120).await;
    assert_eq!(world.seen(recording).await.numbers(0), all(0..59));
}

#[tokio::test]
async fn consent_that_is_taken_back_before_it_could_be_told_is_never_in_force() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, QUALITY).await;
    let recording = sender.recording;
    world.consent.go_away();
    assert!(sender.event(100_000, given()).await.pending);
    let taken_back = sender.event(300_000, withdrawn()).await;
    assert_eq!((taken_back.refused.as_str(), taken_back.pending), ("", false));
    world.consent.come_back();
    let told = async || {
        let given = world.consent.told(EventKind::Given).pop()?;
        Some((given, world.consent.told(EventKind::Withdrawn).pop()?))
    };
    eventually("consent is told of both", told).await;
    sender.both(0..60);
    sender.close(60).await;
    let seen = world.seen(recording).await;
    assert!(begun(&seen).is_empty() && seen.numbers(0).is_empty());
}

#[tokio::test]
async fn consent_that_is_owed_survives_the_end_of_the_process() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, BOTH).await;
    let recording = sender.recording;
    sender.both(0..100);
    sender.acked(50).await;
    world.consent.go_away();
    assert!(sender.event(1_000_000, given()).await.pending);
    drop(ingest);
    world.consent.come_back();
    let ingest = world.ingest().await;
    let next = sender.acked[0];
    let sender = sender.reopen(&ingest, 2, BOTH).await.unwrap();
    // Told by the sweep; where the call is, its stream knows only with its first frame.
    eventually("consent is told", async || world.consent.told(EventKind::Given).pop()).await;
    sender.both(next..160);
    let seen = in_force(&world, recording).await;
    assert!(begun(&seen).iter().all(|at| *at >= 20_000 * next), "{:?}", begun(&seen));
    sender.close(160).await;
    told_once(&world, EventKind::Given);
}

#[tokio::test]
async fn consent_told_beside_a_broken_stream_is_kept_for_the_next_one() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, BOTH).await;
    let recording = sender.recording;
    sender.both(0..60);
    sender.acked(50).await;
    drop(sender);
    let notice = Kind::NoticePlayed(wire::NoticePlayed { notice: "notice-it-3".into() });
    let stream_is_gone = async || {
        let answer = ingest.control(recording, event(900_000, notice.clone())).await.unwrap();
        answer.applied.unwrap().pending.then_some(())
    };
    eventually("the stream is gone", stream_is_gone).await;
    let kept = ingest.control(recording, event(1_000_000, given())).await.unwrap().applied.unwrap();
    assert_eq!((kept.refused.as_str(), kept.pending), ("", true));
    let told = eventually("consent is told", async || world.consent.told(EventKind::Given).pop()).await;
    assert_eq!((told.notice.as_str(), told.position), ("notice-it-3", Some(1_000_000)));
    assert!(!world.consent.told(EventKind::NoticePresented).is_empty());
    let sender = Sender::try_open(&ingest, open(recording, 2, BOTH)).await.unwrap();
    sender.both(50..120);
    in_force(&world, recording).await;
    sender.close(120).await;
    assert_eq!(world.seen(recording).await.numbers(0), all(0..120));
}

#[tokio::test]
async fn a_notice_that_consent_could_not_be_told_is_told_later_in_the_same_words() {
    let world = World::new();
    let ingest = world.ingest().await;
    let mut sender = Sender::open(&ingest, BOTH).await;
    world.consent.go_away();
    let notice = Kind::NoticePlayed(wire::NoticePlayed { notice: "notice-it-3".into() });
    let played = event(100_000, notice);
    let kept = sender.apply(played.clone()).await;
    assert_eq!((kept.refused.as_str(), kept.pending), ("", true));
    assert!(sender.event(200_000, given()).await.pending);
    world.consent.come_back();
    eventually("consent is told", async || world.consent.told(EventKind::NoticePresented).pop()).await;
    in_force(&world, sender.recording).await;
    let told = told_once(&world, EventKind::NoticePresented);
    let words = (told.event_id, told.notice.as_str(), told.position);
    assert_eq!(words, (played.event_id.to_vec(), "notice-it-3", Some(100_000)));
    assert_eq!(told_once(&world, EventKind::Given).notice, "notice-it-3");
}

#[tokio::test]
async fn a_call_opened_without_consent_tells_who_is_in_it_once_consent_is_back() {
    let world = World::new();
    let ingest = world.ingest().await;
    // Once, so that the tenant's policy is known.
    Sender::open(&ingest, BOTH).await.close(0).await;
    world.consent.go_away();
    let mut sender = Sender::open(&ingest, BOTH).await;
    let recording = sender.recording;
    assert!(sender.event(0, given()).await.pending);
    sender.both(0..60);
    sender.acked(50).await;
    let subjects = |seen: &Seen| -> Vec<Vec<usize>> {
        let opened = seen.events.iter().filter_map(|event| match event {
            Event::SessionOpened(opened) => Some(opened),
            _ => None,
        });
        opened.map(|it| it.parties.iter().map(|party| party.subject_id.len()).collect()).collect()
    };
    assert_eq!(subjects(&world.seen(recording).await), [[0, 0]]);
    world.consent.come_back();
    in_force(&world, recording).await;
    let known = |seen: &Seen| subjects(seen) == [[0, 0], [16, 16]];
    let seen = world.until(recording, "the subjects are published", known).await;
    let last = seen.events.iter().rev().find_map(|event| match event {
        Event::SessionOpened(opened) => Some(opened.clone()),
        _ => None,
    });
    let customer = world.consent.customer().to_bytes().to_vec();
    assert_eq!(last.unwrap().parties[1].subject_id, customer);
    // At the newest frame, or just behind the moment in which consent was heard there.
    assert!(begun(&seen).iter().all(|at| (1_180_000..=1_180_001).contains(at)), "{:?}", begun(&seen));
    sender.close(60).await;
    told_once(&world, EventKind::Given);
}
