//! Appending, reading, deleting.

use std::collections::BTreeMap;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::{Harness, NEVER, key_of_each_partition, read_all, record, text};
use crate::bounds::{
    MAX_BATCH, MAX_BATCH_RECORDS, MAX_HEADER_NAME, MAX_HEADER_VALUE, MAX_HEADERS, MAX_KEY, MAX_RECORD,
};
use crate::error::Error;
use crate::log::{Ends, Placed, ReadLimit};
use crate::record::{Record, partition_of};

/// Keys, headers in their order and values, empty ones too.
pub async fn what_was_appended_comes_back_as_it_was(harness: &dyn Harness) {
    let log = harness.open(NEVER).await;
    let topic = harness.topic("contract.records.v1", 1);
    let full = Record {
        key: vec![0, 255, 7],
        headers: vec![("b".into(), vec![1, 0]), ("a".into(), vec![]), ("b".into(), vec![2])],
        value: Bytes::from_static(b"\x00value\xff"),
    };
    let largest = Record::new("large", vec![7; MAX_RECORD - "large".len()]);
    let sent = [full, Record::new("", ""), largest];
    let placed = log.append(&topic, sent.to_vec()).await.unwrap();
    assert_eq!(placed, [0, 1, 2].map(|offset| Placed { partition: 0, offset }));
    let found = read_all(log.as_ref(), &topic, 0).await;
    assert_eq!(found.len(), sent.len());
    for (found, sent) in found.iter().zip(&sent) {
        assert_eq!((&found.key, &found.headers, &found.value), (&sent.key, &sent.headers, &sent.value));
    }
    assert!(found.iter().all(|record| record.timestamp.0 > 0));
    assert_eq!(log.append(&topic, Vec::new()).await.unwrap(), []);
}

/// Within an append, and from one to the next.
pub async fn records_of_a_key_keep_their_order(harness: &dyn Harness) {
    let log = harness.open(NEVER).await;
    let topic = harness.topic("contract.order.v1", 4);
    for round in 0..10 {
        let records = (0..30).map(|n| record(&format!("key-{}", n % 7), &format!("{}", round * 30 + n)));
        log.append(&topic, records.collect()).await.unwrap();
    }
    let mut by_key: BTreeMap<Vec<u8>, Vec<u32>> = BTreeMap::new();
    for partition in 0..topic.partitions {
        for found in read_all(log.as_ref(), &topic, partition).await {
            assert_eq!(partition_of(&found.key, topic.partitions), partition);
            by_key.entry(found.key.clone()).or_default().push(text(&found).parse().unwrap());
        }
    }
    assert_eq!(by_key.len(), 7);
    assert_eq!(by_key.values().map(Vec::len).sum::<usize>(), 300);
    assert!(by_key.values().all(|numbers| numbers.is_sorted()));
}

/// From 0, one by one, as told.
pub async fn offsets_are_dense_in_each_partition(harness: &dyn Harness) {
    let log = harness.open(NEVER).await;
    let topic = harness.topic("contract.dense.v1", 3);
    let mut next = [0_u64; 3];
    for round in 0..5 {
        let records = (0..20).map(|n| record(&format!("{round}-{n}"), "")).collect();
        for placed in log.append(&topic, records).await.unwrap() {
            let next = &mut next[placed.partition as usize];
            assert_eq!(placed.offset, *next);
            *next += 1;
        }
    }
    for (partition, high) in (0..).zip(next) {
        let found = read_all(log.as_ref(), &topic, partition).await;
        assert!(found.iter().map(|record| record.offset).eq(0..high));
    }
    let ends = (0..).zip(next).map(|(partition, high)| Ends { partition, low: 0, high });
    assert_eq!(log.ends(&topic).await.unwrap(), ends.collect::<Vec<_>>());
}

/// Each record once, where its append was told that it is.
pub async fn concurrent_appends_lose_and_mix_nothing(harness: &dyn Harness) {
    let log = harness.open(NEVER).await;
    let topic = harness.topic("contract.concurrent.v1", 2);
    let mut appends = JoinSet::new();
    for writer in 0..50 {
        let log = log.clone();
        appends.spawn(async move {
            let values: Vec<_> = (0..4).map(|n| format!("{writer}-{n}")).collect();
            let records = values.iter().map(|value| record(&format!("key-{writer}"), value)).collect();
            log.append(&topic, records).await.unwrap().into_iter().zip(values).collect::<Vec<_>>()
        });
    }
    let told: Vec<_> = appends.join_all().await.concat();
    let mut there = Vec::new();
    for partition in 0..topic.partitions {
        let found = read_all(log.as_ref(), &topic, partition).await;
        there.extend(found.iter().map(|r| (Placed { partition, offset: r.offset }, text(r))));
    }
    let sorted = |mut list: Vec<(Placed, String)>| {
        list.sort_by_key(|(placed, _)| (placed.partition, placed.offset));
        list
    };
    assert_eq!(sorted(told), sorted(there));
}

/// By records and by bytes, but never at nothing.
pub async fn reads_stop_at_their_limit(harness: &dyn Harness) {
    let log = harness.open(NEVER).await;
    let topic = harness.topic("contract.limits.v1", 1);
    let records = (0..10).map(|_| Record::new("k", vec![0; 999])).collect();
    log.append(&topic, records).await.unwrap();
    for (records, bytes, expected) in
        [(3, 1 << 20, 3), (100, 2_500, 2), (100, 2_000, 2), (100, 1, 1), (0, 0, 1)]
    {
        let found = log.read(&topic, 0, 4, ReadLimit { records, bytes }).await.unwrap();
        assert_eq!(found.len(), expected, "{records} records, {bytes} bytes");
        assert_eq!(found[0].offset, 4);
    }
}

/// With the bound in the error; an append is refused whole.
pub async fn what_is_beyond_a_bound_is_refused_and_nothing_appended(harness: &dyn Harness) {
    let log = harness.open(NEVER).await;
    let topic = harness.topic("contract.bounds.v1", 1);
    let with_headers = |headers| Record { headers, ..record("k", "v") };
    let header = |name: usize, value: usize| ("n".repeat(name), vec![0; value]);
    let beyond = [
        (vec![Record::new("k", vec![0; MAX_RECORD])], MAX_RECORD),
        (vec![Record::new(vec![0; MAX_KEY + 1], "")], MAX_KEY),
        (vec![with_headers(vec![header(1, 0); MAX_HEADERS + 1])], MAX_HEADERS),
        (vec![with_headers(vec![header(MAX_HEADER_NAME + 1, 0)])], MAX_HEADER_NAME),
        (vec![with_headers(vec![header(1, MAX_HEADER_VALUE + 1)])], MAX_HEADER_VALUE),
        (vec![Record::new("", vec![0; MAX_RECORD]); MAX_BATCH / MAX_RECORD + 1], MAX_BATCH),
        (vec![record("", ""); MAX_BATCH_RECORDS + 1], MAX_BATCH_RECORDS),
    ];
    for (records, bound) in beyond {
        let mut all = vec![record("k", "within")];
        all.extend(records);
        let refused = log.append(&topic, all).await.unwrap_err();
        assert!(matches!(refused, Error::TooLarge { limit, .. } if limit == bound), "{refused}");
    }
    let zero = with_headers(vec![("a\0b".to_owned(), vec![])]);
    let refused = log.append(&topic, vec![record("k", "within"), zero]).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid { .. }), "{refused}");
    assert_eq!(log.ends(&topic).await.unwrap()[0].high, 0);
    let most = with_headers(vec![header(MAX_HEADER_NAME, MAX_HEADER_VALUE); MAX_HEADERS]);
    log.append(&topic, vec![most]).await.unwrap();
    assert!(log.consumer("", &[topic]).await.is_err());
    assert!(log.consumer("a group", &[topic]).await.is_err());
}

/// What was answered survives the process.
pub async fn appended_records_are_there_after_opening_again(harness: &dyn Harness) {
    let topic = harness.topic("contract.reopen.v1", 2);
    for round in 0..3_u64 {
        let log = harness.open(NEVER).await;
        let placed = log.append(&topic, vec![record("key", &round.to_string())]).await.unwrap();
        assert_eq!(placed[0].offset, round);
        let found = read_all(log.as_ref(), &topic, placed[0].partition).await;
        assert!(found.iter().map(text).eq((0..=round).map(|round| round.to_string())));
    }
}

/// Below an offset, in one partition only, and the same again changes nothing.
pub async fn deleted_records_are_gone_and_offsets_go_on(harness: &dyn Harness) {
    let log = harness.open(NEVER).await;
    let topic = harness.topic("contract.delete.v1", 2);
    let keys = key_of_each_partition(&topic);
    for key in &keys {
        let records = (0..2_500).map(|n| record(key, &n.to_string())).collect();
        log.append(&topic, records).await.unwrap();
    }
    for _ in 0..2 {
        log.delete_before(&topic, 0, 2_400).await.unwrap();
        log.delete_before(&topic, 0, 17).await.unwrap();
        let ends = log.ends(&topic).await.unwrap();
        assert_eq!(
            ends,
            [Ends { partition: 0, low: 2_400, high: 2_500 }, Ends { partition: 1, low: 0, high: 2_500 }]
        );
    }
    assert!(read_all(log.as_ref(), &topic, 0).await.iter().map(|record| record.offset).eq(2_400..2_500));
    assert_eq!(read_all(log.as_ref(), &topic, 1).await.len(), 2_500);
    let gone = log.read(&topic, 0, 2_399, ReadLimit::default()).await.unwrap_err();
    assert!(matches!(gone, Error::Gone { asked: 2_399, low: 2_400, .. }), "{gone}");

    log.delete_before(&topic, 0, 2_500).await.unwrap();
    assert_eq!(log.append(&topic, vec![record(&keys[0], "next")]).await.unwrap()[0].offset, 2_500);
}

/// Offsets above the high end, partitions that are not there.
pub async fn offsets_outside_the_ends_are_refused(harness: &dyn Harness) {
    let log = harness.open(NEVER).await;
    let topic = harness.topic("contract.outside.v1", 1);
    log.append(&topic, vec![record("a", ""), record("b", "")]).await.unwrap();
    assert_eq!(log.read(&topic, 0, 2, ReadLimit::default()).await.unwrap(), []);
    for offset in [3, u64::MAX] {
        let beyond = log.read(&topic, 0, offset, ReadLimit::default()).await.unwrap_err();
        assert!(matches!(beyond, Error::BeyondEnd { high: 2, .. }), "{beyond}");
        let beyond = log.delete_before(&topic, 0, offset).await.unwrap_err();
        assert!(matches!(beyond, Error::BeyondEnd { high: 2, .. }), "{beyond}");
    }
    let missing = log.read(&topic, 1, 0, ReadLimit::default()).await.unwrap_err();
    assert!(matches!(missing, Error::NoPartition { partitions: 1, .. }), "{missing}");
    assert_eq!(log.ends(&topic).await.unwrap(), [Ends { partition: 0, low: 0, high: 2 }]);
}

/// Another number would send keys elsewhere.
pub async fn a_topic_keeps_its_number_of_partitions(harness: &dyn Harness) {
    let topic = harness.topic("contract.partitions.v1", 4);
    harness.open(NEVER).await.append(&topic, vec![record("a", "")]).await.unwrap();
    let log = harness.open(NEVER).await;
    for _ in 0..2 {
        for asked in [2, 8] {
            let refused = log
                .append(&kernel::topics::Topic { partitions: asked, ..topic }, vec![record("a", "")])
                .await;
            assert!(matches!(refused, Err(Error::PartitionsChanged { stored: 4, .. })), "{refused:?}");
        }
        log.append(&topic, vec![record("a", "")]).await.unwrap();
    }
}
