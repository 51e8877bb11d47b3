//! What watchers are told, and when.

use std::pin::Pin;

use futures::StreamExt;
use kernel::RecordingId;

use super::*;
use crate::event::EventKind::Refused;
use crate::testing::{Bench, said};

/// What a watch is told, as short words.
fn word(message: Option<Result<WatchResponse, StoreError>>) -> String {
    match message.map(|message| message.unwrap().message.unwrap()) {
        Some(Message::Beat(beat)) => format!("beat {}", beat.version),
        Some(Message::Changed(event)) => format!("change {}", event.version),
        None => "end".to_owned(),
    }
}

struct Stand {
    bench: Bench,
    recording: RecordingId,
    anna: kernel::SubjectId,
}

impl Stand {
    async fn new(cfg: Config) -> Self {
        let bench = Bench::with(cfg).await;
        let (recording, anna) = bench.call("+393331112233", &["quality"]).await;
        Self { bench, recording, anna }
    }

    async fn refuses(&self, millis: i64) {
        self.bench.says(self.anna, &said(Refused, self.recording, &["quality"], millis)).await;
    }

    fn after(&self, version: u64) -> Pin<Box<dyn Stream<Item = Result<WatchResponse, StoreError>> + Send>> {
        Box::pin(self.bench.service.watching.after(version).unwrap())
    }
}

async fn next(stream: &mut (impl Stream<Item = Result<WatchResponse, StoreError>> + Unpin)) -> String {
    word(stream.next().await)
}

#[tokio::test]
async fn a_watch_goes_on_after_a_version_and_beats_when_it_has_told_all() {
    let stand = Stand::new(Config { watch_batch: 2, ..Config::default() }).await;
    for millis in 1..=5 {
        stand.refuses(millis).await;
    }
    let mut watch = stand.after(2);
    for expected in ["change 3", "change 4", "change 5", "beat 5"] {
        assert_eq!(next(&mut watch).await, expected);
    }
    let mut ahead = stand.after(9);
    assert_eq!(next(&mut ahead).await, "beat 9");
}

#[tokio::test]
async fn what_is_committed_is_told_before_the_next_beat() {
    let beat = platform::config::Period::secs(3_600);
    let stand = Stand::new(Config { beat, ..Config::default() }).await;
    let mut watch = stand.after(0);
    assert_eq!(next(&mut watch).await, "beat 0");
    let (told, ()) = tokio::join!(next(&mut watch), stand.refuses(1));
    assert_eq!(told, "change 1");
}

#[tokio::test]
async fn beats_follow_each_other_while_nothing_happens() {
    let beat = platform::config::Period::millis(20);
    let stand = Stand::new(Config { beat, ..Config::default() }).await;
    let mut watch = stand.after(0);
    let begin = Instant::now();
    for _ in 0..4 {
        assert_eq!(next(&mut watch).await, "beat 0");
    }
    assert!(begin.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn what_another_process_has_written_comes_with_the_next_beat() {
    let beat = platform::config::Period::millis(20);
    let stand = Stand::new(Config { beat, ..Config::default() }).await;
    let mut watch = stand.after(0);
    assert_eq!(next(&mut watch).await, "beat 0");
    // Past this service, as another one on the same store would.
    let event = crate::event::NewEvent {
        id: kernel::EventId::new(),
        subject: stand.anna,
        kind: Refused,
        purposes: std::collections::BTreeSet::new(),
        reach: crate::event::Reach::Account,
        said_in: None,
        notice: None,
        position: None,
        occurred_at: crate::testing::START,
        recorded_at: crate::testing::START,
        expression: crate::event::Expression::Unspecified,
        policy: None,
        fingerprint: [0; 32],
    };
    let addition = crate::store::Addition {
        tenant: crate::testing::tenant(),
        act: event.id,
        events: vec![event],
        after: 0,
        entry: None,
        trace: None,
    };
    stand.bench.store.append(&addition).await.unwrap();
    assert_eq!(next(&mut watch).await, "change 1");
}

#[tokio::test]
async fn so_many_watch_and_no_more() {
    let stand = Stand::new(Config { watches: 2, ..Config::default() }).await;
    let (_one, two) = (stand.after(0), stand.after(0));
    let refused = stand.bench.service.watching.after(0).map(drop).unwrap_err();
    assert!(matches!(refused, Error::WatchesFull(2)));
    drop(two);
    assert_eq!(next(&mut stand.after(0)).await, "beat 0");
}

#[tokio::test]
async fn watches_end_when_the_process_ends() {
    let stand = Stand::new(Config::default()).await;
    let mut watch = stand.after(0);
    assert_eq!(next(&mut watch).await, "beat 0");
    let watching = &stand.bench.service.watching;
    let (told, ()) = tokio::join!(next(&mut watch), async { watching.end() });
    assert_eq!(told, "end");
    assert!(matches!(watching.after(0).map(drop).unwrap_err(), Error::Ending));
}
