use std::collections::BTreeSet;
use std::sync::Arc;

use cql::testing::fresh;
use tokio::task::JoinSet;

use super::*;

const AT: TopicPartition = TopicPartition { topic: "fences.test.v1", partition: 3 };

#[tokio::test]
async fn a_fence_rises_by_one_for_its_partition_and_group_alone() {
    let Some(kept) = fresh(&[FENCE_TABLES]).await else { return };
    let fences = CqlFences::open(kept.cql.clone()).await.unwrap();
    assert_eq!(fences.current("group", AT).await.unwrap(), 0);
    for expected in 1..=3 {
        assert_eq!(fences.raise("group", AT).await.unwrap(), expected);
        assert_eq!(fences.current("group", AT).await.unwrap(), expected);
    }
    assert_eq!(fences.raise("other", AT).await.unwrap(), 1);
    assert_eq!(fences.raise("group", TopicPartition { partition: 4, ..AT }).await.unwrap(), 1);
    assert_eq!(CqlFences::open(kept.cql.clone()).await.unwrap().current("group", AT).await.unwrap(), 3);
}

#[tokio::test]
async fn raises_at_once_never_give_the_same_fence_to_two() {
    let Some(kept) = fresh(&[FENCE_TABLES]).await else { return };
    let fences = Arc::new(CqlFences::open(kept.cql.clone()).await.unwrap());
    let mut raises = JoinSet::new();
    for _ in 0..6 {
        let fences = fences.clone();
        raises.spawn(async move { fences.raise("group", AT).await });
    }
    // One that gave up was not told a number; those that were told are all different.
    let raised: Vec<u64> = raises.join_all().await.into_iter().filter_map(Result::ok).collect();
    assert!(!raised.is_empty());
    assert_eq!(raised.iter().collect::<BTreeSet<_>>().len(), raised.len());
    assert!(fences.current("group", AT).await.unwrap() >= *raised.iter().max().unwrap());
}
