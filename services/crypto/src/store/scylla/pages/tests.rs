use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn partitions_of_a_list_and_ids_have_one_order(one: [u8; 16], two: [u8; 16]) {
        let ids = [one, two].map(PageId::from_bytes);
        let buckets = ids.map(bucket);
        prop_assert!(buckets.iter().all(|bucket| (0..1 << 26).contains(bucket)));
        prop_assert!(ids[0] > ids[1] || buckets[0] <= buckets[1]);
    }
}

#[test]
fn a_partition_of_a_list_takes_70_minutes() {
    let at = |ms: u64| {
        let mut bytes = [7; 16];
        bytes[..6].copy_from_slice(&ms.to_be_bytes()[2..]);
        bucket(PageId::from_bytes(bytes))
    };
    let start = 400_000 << 22;
    assert_eq!(
        [start - 1, start, start + (1 << 22) - 1, start + (1 << 22)].map(at),
        [399_999, 400_000, 400_000, 400_001]
    );
}
