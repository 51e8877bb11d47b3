//! From what somebody says to a record that no backup brings back.

use std::collections::BTreeSet;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use eventlog::{MemoryLog, to_record};
use journal::{BACKUP_HORIZON, Kind};
use kernel::{EventId, RecordingId, SubjectId};
use objects::{
    Capabilities, Head, Key, LegalHold, Listed, MemoryObjects, Object, ObjectStore, Prefix, PutDone,
    PutOptions, Version, VersionCursor,
};
use platform::drain::shutdown;
use platform::outbox::OutboxStore;
use platform::telemetry::Metrics;

use super::*;
use crate::event::EventKind::{Asked, Deferred, Given, Refused, Withdrawn};
use crate::standing::Gone;
use crate::testing::{Bench, at, by_form, journal, notice, said, tenant};

const ANNA: &str = "+393331112233";

/// A consent, its topic and a journal.
struct Stand {
    bench: Bench,
    journalling: Journalling,
}

impl Stand {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let journal = Arc::new(journal(bench.clock.clone()).await);
        Self::on(bench, journal)
    }

    fn on(bench: Bench, journal: Arc<Journal>) -> Self {
        let journalling = Journalling {
            store: bench.store.clone(),
            log: Arc::new(MemoryLog::new(bench.clock.clone())),
            journal,
            clock: bench.clock.clone(),
            wait: Metrics::new().gauge(&WAIT, &[]),
            caught_up: CaughtUp::not_yet(),
        };
        Self { bench, journalling }
    }

    /// As the outbox does.
    async fn publish(&self) {
        let waiting = self.bench.store.unpublished(1_000).await.unwrap();
        let events = waiting.iter().filter(|outgoing| outgoing.topic == CONSENT);
        let records = events.map(|outgoing| to_record(&outgoing.envelope, "/verbale/consent")).collect();
        self.journalling.log.append(&CONSENT, records).await.unwrap();
        let ids: Vec<_> = waiting.iter().map(|outgoing| outgoing.envelope.id).collect();
        self.bench.store.mark_published(&ids).await.unwrap();
    }

    /// Consumes until everything in the topic is committed.
    async fn consume(&self) {
        let mut session = self.journalling.join().await.unwrap();
        while self.journalling.log.lag(GROUP, &CONSENT).await.unwrap().iter().sum::<u64>() > 0 {
            session.turn().await.unwrap();
        }
        session.member.leave().await.unwrap();
    }

    async fn records(&self) -> Vec<(Kind, EventId)> {
        let records = self.journalling.journal.read(0, 1_000).await.unwrap();
        records.into_iter().map(|record| (record.act.kind, record.act.id)).collect()
    }

    async fn call(&self) -> (RecordingId, SubjectId) {
        self.bench.call(ANNA, &["quality", "training"]).await
    }
}

#[tokio::test(start_paused = true)]
async fn what_takes_away_and_what_gives_becomes_records_in_order() {
    let stand = Stand::new().await;
    let (recording, anna) = stand.call().await;
    let given = said(Given, recording, &["quality"], 1_000);
    let silence = said(Deferred, recording, &["training"], 1_200);
    let refused = said(Refused, recording, &["training"], 1_500);
    let withdrawn = by_form(Withdrawn, &["quality"], at(2_000));
    stand.bench.says(anna, &notice(recording, "n5", 500)).await;
    for event in [&given, &silence, &refused, &withdrawn] {
        stand.bench.says(anna, event).await;
    }
    stand.publish().await;
    stand.consume().await;
    let expected = [
        (Kind::ConsentGiven, given.id),
        (Kind::ConsentWithdrawn, refused.id),
        (Kind::ConsentWithdrawn, withdrawn.id),
    ];
    assert_eq!(stand.records().await, expected);
    assert_eq!(stand.journalling.wait.value(), 0);
    // As the store has them, whom the topic does not tell what the sender said.
    let records = stand.journalling.journal.read(0, 10).await.unwrap();
    for record in records {
        let told = acts::read(&record.act).unwrap().unwrap();
        let stored = stand.bench.store.event(&tenant(), record.act.id).await.unwrap().unwrap();
        assert_eq!(told.event, stored);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_topic_tells_twice_stands_once() {
    let stand = Stand::new().await;
    let (recording, anna) = stand.call().await;
    let withdrawn = said(Withdrawn, recording, &["quality"], 2_000);
    stand.bench.says(anna, &withdrawn).await;
    let event = stand.bench.store.event(&tenant(), withdrawn.id).await.unwrap().unwrap();
    stand.publish().await;
    let again = to_record(&event.to_envelope(None), "/verbale/consent");
    stand.journalling.log.append(&CONSENT, vec![again]).await.unwrap();
    // It was journalled before, with the version that it had before a restore.
    let before = StoredEvent { version: 99, ..event };
    stand.journalling.journal.append(acts::acts(&before)).await.unwrap();
    stand.consume().await;
    assert_eq!(stand.records().await, [(Kind::ConsentWithdrawn, withdrawn.id)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_event_does_not_hold_up_the_others() {
    let stand = Stand::new().await;
    let (recording, anna) = stand.call().await;
    let withdrawn = said(Withdrawn, recording, &["quality"], 2_000);
    stand.bench.says(anna, &withdrawn).await;
    let event = stand.bench.store.event(&tenant(), withdrawn.id).await.unwrap().unwrap();
    let envelope = event.to_envelope(None);
    let broken = [
        eventlog::Record::new(anna.to_string(), vec![1, 2, 3]),
        to_record(&kernel::Envelope { payload: vec![0xff; 9], ..envelope.clone() }, "/verbale/consent"),
        to_record(&kernel::Envelope { id: EventId::new(), ..envelope.clone() }, "/verbale/consent"),
        to_record(&kernel::Envelope { kind: "verbale.other".to_owned(), ..envelope }, "/verbale/consent"),
    ];
    stand.journalling.log.append(&CONSENT, broken.to_vec()).await.unwrap();
    stand.publish().await;
    stand.consume().await;
    assert_eq!(stand.records().await, [(Kind::ConsentWithdrawn, withdrawn.id)]);
}

#[tokio::test]
async fn an_event_is_heard_as_it_was_told() {
    let stand = Stand::new().await;
    let (recording, anna) = stand.call().await;
    stand.bench.says(anna, &notice(recording, "n5", 500)).await;
    let given = crate::admission::Said {
        notice: by_form(Given, &[], at(0)).notice,
        ..said(Given, recording, &["quality"], 1_000)
    };
    stand.bench.says(anna, &given).await;
    stand.bench.says(anna, &by_form(Withdrawn, &["quality", "training"], at(2_000))).await;
    stand.publish().await;
    let mut heard_of = BTreeSet::new();
    for partition in 0..CONSENT.partitions {
        for record in stand.journalling.log.read(&CONSENT, partition, 0, LIMIT).await.unwrap() {
            let heard = heard::event(&record).unwrap().unwrap();
            let stored = stand.bench.store.event(&tenant(), heard.event.id).await.unwrap().unwrap();
            let fingerprint = stored.event.fingerprint;
            // A question that followed from a notice has the notice's.
            if heard.event.kind == Asked {
                let event = crate::event::NewEvent { fingerprint, ..heard.event };
                assert_eq!(StoredEvent { event, ..heard }, stored);
                continue;
            }
            let said_so = acts::is_journalled(heard.event.kind);
            assert!(!said_so || heard == stored, "{heard:?}");
            heard_of.insert(heard.event.kind as i32);
        }
    }
    assert_eq!(heard_of.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_restored_store_that_the_topic_is_ahead_of_has_the_event_within_the_minute() {
    let stand = Stand::new().await;
    let (recording, anna) = stand.call().await;
    stand.bench.says(anna, &notice(recording, "n5", 500)).await;
    stand.bench.says(anna, &said(Given, recording, &["quality"], 1_000)).await;
    let backup = stand.bench.backup();
    let withdrawn = said(Withdrawn, recording, &["quality"], 2_000);
    stand.bench.says(anna, &withdrawn).await;
    stand.publish().await;

    let mut restored = Stand::on(Bench::restored(backup).await, Arc::clone(&stand.journalling.journal));
    restored.journalling.log = Arc::clone(&stand.journalling.log);
    let mut session = restored.journalling.join().await.unwrap();
    while restored.bench.may_use(recording, "quality").await.is_ok() {
        session.turn().await.unwrap();
    }
    assert_eq!(restored.bench.may_use(recording, "quality").await, Err(Gone::Withdrawn));
    // And what the sender says again is known by what they said.
    assert_eq!(restored.bench.says(anna, &withdrawn).await, "withdrawn");
}

/// An object store that is away for now.
struct Away {
    inner: MemoryObjects,
    is_away: Mutex<bool>,
}

impl Away {
    fn there(&self) -> Result<&MemoryObjects, objects::Error> {
        match *self.is_away.lock() {
            true => {
                Err(objects::Error::Unavailable { attempt: "answer", source: "the test's own fault".into() })
            }
            false => Ok(&self.inner),
        }
    }
}

#[async_trait]
impl ObjectStore for Away {
    async fn put(&self, key: &Key, bytes: Bytes, options: PutOptions) -> Result<PutDone, objects::Error> {
        self.there()?.put(key, bytes, options).await
    }
    async fn get(
        &self,
        key: &Key,
        version: Option<&Version>,
        range: Option<Range<u64>>,
    ) -> Result<Object, objects::Error> {
        self.there()?.get(key, version, range).await
    }
    async fn head(&self, key: &Key, version: Option<&Version>) -> Result<Head, objects::Error> {
        self.there()?.head(key, version).await
    }
    async fn list(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, objects::Error> {
        self.there()?.list(prefix, after, limit).await
    }
    async fn list_versions(
        &self,
        prefix: &Prefix,
        after: Option<&VersionCursor>,
        limit: usize,
    ) -> Result<Vec<Listed>, objects::Error> {
        self.there()?.list_versions(prefix, after, limit).await
    }
    async fn delete_version(&self, key: &Key, version: &Version) -> Result<(), objects::Error> {
        self.there()?.delete_version(key, version).await
    }
    async fn extend_retention(
        &self,
        key: &Key,
        version: &Version,
        until: Timestamp,
    ) -> Result<(), objects::Error> {
        self.there()?.extend_retention(key, version, until).await
    }
    async fn set_legal_hold(
        &self,
        key: &Key,
        version: &Version,
        hold: LegalHold,
    ) -> Result<(), objects::Error> {
        self.there()?.set_legal_hold(key, version, hold).await
    }
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

/// A consent whose journal can be away.
async fn with_away() -> (Stand, Arc<Away>) {
    let bench = Bench::new().await;
    let inner = MemoryObjects::new(bench.clock.clone());
    let away = Arc::new(Away { inner, is_away: Mutex::new(false) });
    let prefix = Prefix::new("journal/").unwrap();
    let journal = Journal::open(away.clone(), prefix, bench.clock.clone(), BACKUP_HORIZON).await.unwrap();
    (Stand::on(bench, Arc::new(journal)), away)
}

#[tokio::test(start_paused = true)]
async fn while_the_journal_is_away_the_age_of_the_oldest_is_shown_and_nothing_is_lost() {
    let (stand, away) = with_away().await;
    let (recording, anna) = stand.call().await;
    let withdrawn = said(Withdrawn, recording, &["quality"], 2_000);
    stand.bench.says(anna, &withdrawn).await;
    stand.publish().await;
    stand.bench.advance(Duration::from_secs(90));
    *away.is_away.lock() = true;
    let mut session = stand.journalling.join().await.unwrap();
    let trying = async { while session.turn().await.is_ok() && stand.journalling.wait.value() == 0 {} };
    assert!(tokio::time::timeout(Duration::from_secs(20), trying).await.is_err());
    assert_eq!(stand.journalling.wait.value(), 90);
    session.member.leave().await.unwrap();

    *away.is_away.lock() = false;
    stand.consume().await;
    assert_eq!(stand.records().await, [(Kind::ConsentWithdrawn, withdrawn.id)]);
    assert_eq!(stand.journalling.wait.value(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_role_is_ready_once_its_store_has_caught_up() {
    let (stand, away) = with_away().await;
    let Journalling { caught_up, .. } = stand.journalling.clone();
    assert!(caught_up.check().unwrap_err().contains("not yet"));
    *away.is_away.lock() = true;
    let trying = stand.journalling.catch_up_first();
    assert!(tokio::time::timeout(Duration::from_secs(20), trying).await.is_err());
    assert!(caught_up.check().unwrap_err().contains("the test's own fault"));
    *away.is_away.lock() = false;
    stand.journalling.catch_up_first().await;
    assert_eq!(caught_up.check(), Ok(()));
}

#[tokio::test]
async fn the_task_catches_up_then_journals_and_ends_with_the_process() {
    let stand = Stand::new().await;
    let (recording, anna) = stand.call().await;
    let withdrawn = said(Withdrawn, recording, &["quality"], 2_000);
    let (stopper, shutdown) = shutdown();
    let running = stand.journalling.clone().run(shutdown);
    let meanwhile = async {
        stand.bench.says(anna, &withdrawn).await;
        stand.publish().await;
        while stand.records().await.is_empty() || stand.journalling.caught_up.check().is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stopper.advance(Stage::Draining);
    };
    let (ended, ()) = tokio::join!(running, meanwhile);
    ended.unwrap();
    assert_eq!(stand.records().await, [(Kind::ConsentWithdrawn, withdrawn.id)]);
}
