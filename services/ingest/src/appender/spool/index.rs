//! What is in the spool, in memory: pure.

use std::collections::VecDeque;

use kernel::Timestamp;
use tokio::sync::oneshot;

/// Records that were spooled together: those of a partition after the entry before, up to `last`.
#[derive(Debug)]
pub(super) struct Entry {
    /// Offset of the last one.
    pub(super) last: u64,
    pub(super) bytes: u64,
    /// When they came.
    pub(super) at: Timestamp,
    /// Who is told when they are in the log; nobody where an earlier process spooled them.
    pub(super) logged: Option<oneshot::Sender<()>>,
}

/// Records of a partition, from the first that is in the spool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stretch {
    pub(super) partition: u32,
    pub(super) first: u64,
    pub(super) last: u64,
}

/// Every partition's entries, in order.
#[derive(Debug)]
pub(super) struct Index {
    partitions: Vec<Partition>,
    bytes: u64,
}

#[derive(Debug, Default)]
struct Partition {
    /// Offset of the first record.
    first: u64,
    entries: VecDeque<Entry>,
}

impl Index {
    pub(super) fn new(partitions: u32) -> Self {
        Self { partitions: (0..partitions).map(|_| Partition::default()).collect(), bytes: 0 }
    }

    /// Says where a partition begins.
    pub(super) fn begin(&mut self, partition: u32, first: u64) {
        if let Some(own) = self.partitions.get_mut(partition as usize) {
            own.first = first;
        }
    }

    pub(super) fn push(&mut self, partition: u32, entry: Entry) {
        if let Some(own) = self.partitions.get_mut(partition as usize) {
            self.bytes += entry.bytes;
            own.entries.push_back(entry);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.partitions.iter().all(|partition| partition.entries.is_empty())
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.partitions.iter().filter_map(|partition| Some(partition.entries.front()?.at)).min()
    }

    /// What is drained next: oldest partitions first, whole entries, up to so many bytes and records, at least
    /// one entry.
    pub(super) fn next(&self, bytes: u64, records: u64) -> Vec<Stretch> {
        let mut order: Vec<(Timestamp, usize)> = (0..)
            .zip(&self.partitions)
            .filter_map(|(place, partition)| Some((partition.entries.front()?.at, place)))
            .collect();
        order.sort_unstable();
        let (mut bytes_left, mut records_left) = (bytes, records);
        let mut stretches = Vec::new();
        for (_, place) in order {
            let partition = &self.partitions[place];
            let mut next = partition.first;
            for entry in &partition.entries {
                let records = (entry.last + 1).saturating_sub(next);
                let is_first = stretches.is_empty() && next == partition.first;
                if (entry.bytes > bytes_left || records > records_left) && !is_first {
                    break;
                }
                bytes_left = bytes_left.saturating_sub(entry.bytes);
                records_left = records_left.saturating_sub(records);
                next = entry.last + 1;
            }
            if next == partition.first {
                break;
            }
            let number = u32::try_from(place).unwrap_or(u32::MAX);
            stretches.push(Stretch { partition: number, first: partition.first, last: next - 1 });
        }
        stretches
    }

    /// Drops what was drained; who is to be told.
    pub(super) fn drop_drained(&mut self, stretch: &Stretch) -> Vec<oneshot::Sender<()>> {
        let Some(partition) = self.partitions.get_mut(stretch.partition as usize) else { return Vec::new() };
        let mut told = Vec::new();
        while let Some(entry) = partition.entries.pop_front_if(|entry| entry.last <= stretch.last) {
            self.bytes -= entry.bytes;
            told.extend(entry.logged);
        }
        partition.first = stretch.last + 1;
        told
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PARTITIONS: u32 = 4;

    /// Per request: its partition, records and bytes.
    fn requests() -> impl Strategy<Value = Vec<(u32, u64, u64)>> {
        prop::collection::vec((0..PARTITIONS, 1..9u64, 1..500u64), 0..60)
    }

    proptest! {
        /// Whatever is spooled while whatever is drained: every record is drained once, in order, and its stream
        /// told only then.
        #[test]
        fn everything_is_drained_once_and_in_order(requests in requests(), at_once in 1..2_000u64) {
            let mut index = Index::new(PARTITIONS);
            let mut high = [0u64; PARTITIONS as usize];
            let mut drained = [0u64; PARTITIONS as usize];
            let mut waiting = Vec::new();
            let mut drain = |index: &mut Index| {
                for stretch in index.next(at_once, at_once / 8) {
                    let next = &mut drained[stretch.partition as usize];
                    prop_assert_eq!(stretch.first, *next);
                    prop_assert!(stretch.last >= stretch.first);
                    *next = stretch.last + 1;
                    for told in index.drop_drained(&stretch) {
                        told.send(()).unwrap();
                    }
                }
                Ok(())
            };
            for (count, (partition, records, bytes)) in (0i64..).zip(requests) {
                let end = &mut high[partition as usize];
                *end += records;
                let (logged, waiter) = oneshot::channel();
                let entry = Entry { last: *end - 1, bytes, at: Timestamp(count), logged: Some(logged) };
                index.push(partition, entry);
                waiting.push(waiter);
                if count % 3 == 0 {
                    drain(&mut index)?;
                }
            }
            while !index.is_empty() {
                drain(&mut index)?;
            }
            prop_assert_eq!(drained, high);
            prop_assert_eq!((index.bytes(), index.oldest()), (0, None));
            prop_assert!(waiting.iter_mut().all(|waiter| waiter.try_recv().is_ok()));
        }
    }

    #[test]
    fn the_oldest_goes_first_and_one_entry_always_goes() {
        let mut index = Index::new(2);
        let entry = |last, bytes, at| Entry { last, bytes, at: Timestamp(at), logged: None };
        index.begin(1, 7);
        index.push(0, entry(0, 900, 5));
        index.push(1, entry(9, 5_000, 3));
        assert_eq!(index.next(10, 100), [Stretch { partition: 1, first: 7, last: 9 }]);
        assert_eq!(index.oldest(), Some(Timestamp(3)));
        assert_eq!(index.next(6_000, 100).len(), 2);
        assert_eq!(index.next(6_000, 3).len(), 1);
    }
}
