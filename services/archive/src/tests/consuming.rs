use std::time::Duration;

use eventlog::{EventLog, ReadLimit, Record, Stored};
use kernel::topics::AUDIO;
use objects::{ObjectStore, Prefix};

use crate::consumer::GROUP;
use crate::shelf::SET_ASIDE;
use crate::store::State;
use crate::testing::{Bench, Call};

/// Every record of the audio topic, in order.
async fn records(bench: &Bench) -> Vec<Stored> {
    let mut all = Vec::new();
    for end in bench.log.ends(&AUDIO).await.unwrap() {
        let limit = ReadLimit { records: 10_000, bytes: 64 << 20 };
        all.extend(bench.log.read(&AUDIO, end.partition, end.low, limit).await.unwrap());
    }
    all
}

async fn again(bench: &Bench, records: &[Stored]) {
    let copy = |record: &Stored| Record {
        key: record.key.clone(),
        headers: record.headers.clone(),
        value: record.value.clone(),
    };
    bench.log.append(&AUDIO, records.iter().map(copy).collect()).await.unwrap();
}

async fn objects(bench: &Bench, prefix: &str) -> Vec<(String, u64)> {
    let prefix = Prefix::new(prefix).unwrap();
    let listed = bench.objects.list_versions(&prefix, None, 1_000).await.unwrap();
    listed.into_iter().map(|object| (object.key.to_string(), object.length)).collect()
}

/// What the operator is shown of what was set aside.
fn set_aside(bench: &Bench, reason: &str) -> u64 {
    bench.metrics.counter(&SET_ASIDE, &[reason]).value()
}

#[tokio::test]
async fn an_open_calls_facts_are_stored_and_its_spans_stay_in_the_log() {
    let bench = Bench::new().await;
    let call = Call::plain(&bench, 2, &[("mifid2-transaction", 0)]).await;
    let before = records(&bench).await;
    bench.consume().await;
    assert_eq!(objects(&bench, "").await, []);
    let history = bench.history(&call).await;
    assert_eq!((history.legs.len(), history.sections.len(), history.changes.len()), (2, 3, 1));
    // The metadata's span is the first that is only in memory: the log is kept from there.
    let kept = records(&bench).await;
    let first_span = before.iter().position(|record| record.value.len() > 200).unwrap();
    assert_eq!(kept.first(), before.get(first_span).or(before.first()).filter(|_| !kept.is_empty()));
    assert!(kept.iter().filter(|record| record.value.len() > 4_000).count() == 4);
}

/// Commits all that is in the log, as a process does that dies before it has the log forget it.
async fn committed_and_died(bench: &Bench) {
    let mut member = bench.log.consumer(GROUP, &[AUDIO]).await.unwrap();
    while bench.log.lag(GROUP, &AUDIO).await.unwrap().iter().any(|behind| *behind > 0) {
        let polled =
            member.poll(ReadLimit { records: 1_000, bytes: 64 << 20 }, Duration::ZERO).await.unwrap();
        for batch in polled.batches {
            let last = batch.records.last().expect("a batch is not empty");
            member.commit(batch.at, last.offset + 1).await.unwrap();
        }
    }
    member.leave().await.unwrap();
}

#[tokio::test]
async fn what_was_put_away_leaves_the_log_where_its_deletion_was_missed() {
    let bench = Bench::new().await;
    let mut call = Call::plain(&bench, 1, &[("mifid2-transaction", 0)]).await;
    call.close(&bench, 50).await;
    let sent = records(&bench).await;
    bench.consume().await;
    assert_eq!(records(&bench).await, []);
    again(&bench, &sent).await;
    committed_and_died(&bench).await;
    assert!(!records(&bench).await.is_empty());
    bench.consume().await;
    assert_eq!(records(&bench).await, []);
}

#[tokio::test]
async fn a_call_opened_while_consent_was_away_says_later_who_is_in_it() {
    let bench = Bench::new().await;
    let mut call = Call::new(&bench);
    call.open_as(&bench, Vec::new(), [Vec::new(), Vec::new()]).await;
    bench.consume().await;
    let unknown = bench.history(&call).await;
    assert_eq!((unknown.legs.len(), unknown.parties.len()), (2, 0));

    call.open(&bench, Vec::new()).await;
    bench.consume().await;
    let known = bench.history(&call).await;
    assert_eq!(known.parties.get(1).map(|party| party.subject), Some(call.subject));
}

#[tokio::test]
async fn what_is_archived_leaves_the_log() {
    let bench = Bench::new().await;
    let mut call = Call::plain(&bench, 3, &[("mifid2-transaction", 0)]).await;
    call.close(&bench, 150).await;
    bench.consume().await;
    assert_eq!(records(&bench).await, []);
    let stored = objects(&bench, "").await;
    // Two audio legs, the metadata, the manifest.
    assert_eq!(stored.len(), 4);
}

#[tokio::test]
async fn redelivery_from_any_offset_gives_the_same_objects_and_one_manifest() {
    let bench = Bench::new().await;
    let mut call = Call::plain(&bench, 3, &[("mifid2-transaction", 0), ("quality", 1_000_000)]).await;
    call.close(&bench, 150).await;
    let all = records(&bench).await;
    bench.consume().await;
    let (stored, history) = (objects(&bench, "").await, bench.history(&call).await);
    assert_eq!(history.recording.state, State::Sealed);
    for from in 0..all.len() {
        again(&bench, &all[from..]).await;
        bench.consume().await;
        assert_eq!(objects(&bench, "").await, stored, "from {from}");
        let now = bench.history(&call).await;
        assert_eq!(
            (now.documents, now.spans),
            (history.documents.clone(), history.spans.clone()),
            "from {from}"
        );
        assert_eq!(now.recording.state, State::Sealed);
    }
}

#[tokio::test]
async fn a_crash_after_the_put_is_found_by_the_objects_name() {
    // The same log and objects, a store that knows nothing: every put finds what lies there.
    let bench = Bench::new().await;
    let mut call = Call::plain(&bench, 3, &[("mifid2-transaction", 0)]).await;
    call.close(&bench, 150).await;
    let all = records(&bench).await;
    bench.consume().await;
    let (stored, first) = (objects(&bench, "").await, bench.history(&call).await);
    let mut after = Bench::new().await;
    (after.objects, after.keys, after.consent) =
        (bench.objects.clone(), bench.keys.clone(), bench.consent.clone());
    again(&after, &all).await;
    after.consume().await;
    let second = after.history(&call).await;
    assert_eq!(objects(&after, "").await, stored);
    assert_eq!((second.spans, second.objects), (first.spans, first.objects));
    assert_eq!(second.documents[0].sha256, first.documents[0].sha256, "there is one manifest");
}

#[tokio::test]
async fn a_crash_leaves_fewer_spans_in_the_object_than_come_again() {
    let bench = Bench::new().await;
    let mut call = Call::plain(&bench, 2, &[("mifid2-transaction", 0)]).await;
    let early = records(&bench).await;
    call.close(&bench, 100).await;
    bench.consume().await;
    let short = objects(&bench, &format!("{}/{}/00000/", call.key.tenant, call.key.id)).await;
    assert_eq!(short.len(), 1);
    let mut after = Bench::new().await;
    (after.objects, after.keys, after.consent) =
        (bench.objects.clone(), bench.keys.clone(), bench.consent.clone());
    again(&after, &early).await;
    call.span(&after, 0, 0, 2, (100, 149), true).await;
    call.span(&after, 1, 0, 2, (100, 149), true).await;
    after.config.object_size = platform::config::ByteSize::kib(40);
    call.pause(&after, 1, 2).await;
    // Closing packs everything: spans 0 and 1 lie there, span 2 goes on under its own name.
    call.close(&after, 150).await;
    after.consume().await;
    let names = objects(&after, &format!("{}/{}/00000/", call.key.tenant, call.key.id)).await;
    let firsts: Vec<_> = names.iter().map(|(name, _)| name.rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(firsts, ["0000000", "0000002"]);
    assert_eq!(after.history(&call).await.spans.len(), 7);
}

#[tokio::test]
async fn the_offset_waits_until_crypto_has_adopted_the_key() {
    let bench = Bench::new().await;
    bench.keys.state().failures = 3;
    let mut call = Call::plain(&bench, 1, &[("mifid2-transaction", 0)]).await;
    call.close(&bench, 50).await;
    bench.consume().await;
    assert_eq!(bench.keys.state().adopted.len(), 3);
    assert_eq!(bench.state(&call).await, State::Sealed);
}

#[tokio::test]
async fn a_key_that_crypto_never_takes_is_set_aside_and_holds_nothing_up() {
    let bench = Bench::new().await;
    bench.keys.state().refuses_keys = true;
    let mut refused = Call::plain(&bench, 1, &[("mifid2-transaction", 0)]).await;
    refused.close(&bench, 50).await;
    bench.consume().await;
    assert_eq!(objects(&bench, "quarantine/").await.len(), 3);
    assert_eq!(set_aside(&bench, "key-refused"), 3);
    bench.keys.state().refuses_keys = false;
    let mut call = Call::plain(&bench, 1, &[("mifid2-transaction", 0)]).await;
    call.close(&bench, 50).await;
    bench.consume().await;
    assert_eq!(bench.state(&call).await, State::Sealed);
}

#[tokio::test]
async fn a_span_that_comes_again_with_other_bytes_is_set_aside() {
    let bench = Bench::new().await;
    let mut call = Call::plain(&bench, 2, &[("mifid2-transaction", 0)]).await;
    call.span(&bench, 0, 0, 1, (50, 99), true).await;
    call.close(&bench, 100).await;
    bench.consume().await;
    assert_eq!((objects(&bench, "quarantine/").await.len(), set_aside(&bench, "other-bytes")), (1, 1));
    // Also when the first copy is long in an object.
    call.span(&bench, 0, 0, 1, (50, 99), true).await;
    bench.consume().await;
    assert_eq!((objects(&bench, "quarantine/").await.len(), set_aside(&bench, "other-bytes")), (2, 2));
    assert_eq!(bench.history(&call).await.documents.len(), 1);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_set_aside_and_holds_nothing_up() {
    let bench = Bench::new().await;
    let mut call = Call::new(&bench);
    let key = call.key.id.to_string().into_bytes();
    bench.log.append(&AUDIO, vec![Record::new(key, "not an event")]).await.unwrap();
    call.open(&bench, Vec::new()).await;
    bench.consume().await;
    let aside = objects(&bench, "quarantine/").await;
    assert_eq!((aside.len(), aside[0].1, set_aside(&bench, "unreadable")), (1, 12, 1));
    let shown = bench.metrics.render();
    assert!(shown.contains("verbale_archive_set_aside_total{reason=\"key-refused\"} 0\n"), "{shown}");
    assert_eq!(bench.state(&call).await, State::Open);
}

#[tokio::test]
async fn a_lock_class_has_its_own_objects_and_its_own_date() {
    let bench = Bench::new().await;
    let mut call = Call::plain(&bench, 1, &[("mifid2-transaction", 0)]).await;
    for leg in 0..2 {
        call.span(&bench, leg, 0, 1, (50, 99), false).await;
    }
    call.close(&bench, 100).await;
    bench.consume().await;
    let history = bench.history(&call).await;
    let locks: Vec<_> = history
        .objects
        .iter()
        .filter(|object| object.leg == crate::testing::leg(0))
        .map(|object| (object.regimes.len(), object.lock_until.is_some()))
        .collect();
    assert_eq!(locks, [(1, true), (0, false)]);
    let locked = history.objects.iter().find(|object| object.lock_until.is_some()).unwrap();
    let head = bench.objects.head(&locked.name, None).await.unwrap();
    assert_eq!(head.retain_until, locked.lock_until);
    // Five years by the calendar, two leap days among them or one.
    let days = (locked.lock_until.unwrap().0 - crate::testing::NOW.0) / 86_400_000_000;
    assert!((1_825..=1_827).contains(&days), "{days}");
}
