//! The contract, on a CQL cluster, and what only shows at its size.

use cql::testing::{Kept, fresh};
use kernel::{EventId, TenantId, Timestamp};
use merkle::Edge;

use super::*;
use crate::leaf::{self, Sealed, Term};
use crate::store::{Generation, NewRow, Order, Spot};

async fn index() -> Option<(ScyllaStore, Kept)> {
    let kept = fresh(COMPONENTS).await?;
    Some((ScyllaStore::open(kept.cql.clone()).await.unwrap(), kept))
}

crate::contract_suite!(index());

const HOUR: i64 = 3_600_000_000;

fn part(partition: u32) -> Part {
    Part::of(Generation::FIRST, partition)
}

/// A log in the making: each entry at a time given.
struct Writer<'a> {
    store: &'a ScyllaStore,
    part: Part,
    fence: u64,
    edge: Edge,
}

impl<'a> Writer<'a> {
    async fn claim(store: &'a ScyllaStore, partition: u32) -> Self {
        let part = part(partition);
        let fence = store.claim(LogId::Part(part)).await.unwrap().fence;
        Self { store, part, fence, edge: Edge::default() }
    }

    /// The same log, taken over by another writer.
    async fn taken_over(&self) -> Writer<'a> {
        let claim = self.store.claim(LogId::Part(self.part)).await.unwrap();
        assert_eq!(claim.head.tree, self.edge.head());
        Writer { fence: claim.fence, edge: self.edge.clone(), ..*self }
    }

    fn batch(&self, times: impl IntoIterator<Item = i64>, bytes: usize) -> (Batch, Edge) {
        let on = self.edge.size();
        let rows = (on..).zip(times).map(|(index, at)| self.row(index, at, bytes));
        let rows: Vec<_> = rows.collect();
        let hashes: Vec<_> = rows.iter().map(|new| leaf::hash(&new.row.sealed.commitment)).collect();
        let edge = self.edge.stage(&hashes).unwrap().edge;
        let (part, fence, tree) = (self.part, self.fence, edge.head());
        let next_offset = tree.size;
        (Batch { part, fence, on, tree, next_offset, rows, producers: Vec::new() }, edge)
    }

    /// Its event and commitment tell under which fence it was written.
    fn row(&self, index: u64, at: i64, bytes: usize) -> NewRow {
        let mut event = [0; 16];
        event[..4].copy_from_slice(&self.part.number().to_be_bytes());
        event[4..8].copy_from_slice(&u32::try_from(self.fence).unwrap().to_be_bytes());
        event[8..].copy_from_slice(&index.to_be_bytes());
        let commitment = [u8::try_from(self.fence).unwrap(); 32];
        let sealed = Sealed { event: EventId::from_bytes(event), commitment, bytes: vec![7; bytes] };
        let tenant = TenantId::new("alfa").unwrap();
        let row = Row { part: self.part, index, tenant, at: Timestamp(at), sealed };
        NewRow { row, terms: vec![Term([1; 16]), Term([u8::try_from(index % 3).unwrap() + 10; 16])] }
    }

    async fn write(&mut self, times: impl IntoIterator<Item = i64>) -> Committed {
        let (batch, edge) = self.batch(times, 40);
        self.store.stage(&batch).await.unwrap();
        let committed = self.store.commit(&batch).await.unwrap();
        if committed == Committed::Done {
            self.edge = edge;
        }
        committed
    }
}

fn filter(terms: &[u8], order: Order) -> Filter {
    Filter {
        tenant: TenantId::new("alfa").unwrap(),
        terms: terms.iter().map(|number| Term([*number; 16])).collect(),
        from: Timestamp(i64::MIN),
        to: Timestamp(i64::MAX),
        after: None,
        order,
        limit: 10_000,
    }
}

async fn spots(store: &ScyllaStore, filter: &Filter) -> Vec<Spot> {
    store.find(filter).await.unwrap().iter().map(Row::spot).collect()
}

#[tokio::test]
async fn entries_are_found_across_hours_years_and_partitions_in_order() {
    let Some((store, _kept)) = index().await else { return };
    // Before 1970, over the end of an hour, years later; twice at the same time.
    let times = [-1, 0, HOUR - 1, HOUR, HOUR, 3 * HOUR, 20_000 * HOUR, 100_000 * HOUR];
    for partition in [0, 3] {
        let mut writer = Writer::claim(&store, partition).await;
        assert_eq!(writer.write(times).await, Committed::Done);
    }
    let mut expected: Vec<_> = [0, 3]
        .into_iter()
        .flat_map(|partition| {
            (0..).zip(times).map(move |(index, at)| Spot { at: Timestamp(at), part: part(partition), index })
        })
        .collect();
    expected.sort_unstable();
    assert_eq!(spots(&store, &filter(&[], Order::OldestFirst)).await, expected);
    let third: Vec<_> = expected.iter().copied().filter(|spot| spot.index % 3 == 2).collect();
    assert_eq!(spots(&store, &filter(&[12], Order::OldestFirst)).await, third);
    assert_eq!(spots(&store, &filter(&[1, 12], Order::OldestFirst)).await, third);
    let window =
        Filter { from: Timestamp(HOUR), to: Timestamp(20_000 * HOUR), ..filter(&[1], Order::OldestFirst) };
    let within: Vec<_> = expected.iter().copied().filter(|spot| (3..6).contains(&spot.index)).collect();
    assert_eq!(spots(&store, &window).await, within);

    expected.reverse();
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = spots(&store, &Filter { after, limit: 3, ..filter(&[], Order::NewestFirst) }).await;
        after = page.last().copied();
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, expected);
}

#[tokio::test]
async fn a_busy_hour_is_read_page_by_page() {
    let Some((store, _kept)) = index().await else { return };
    let mut writer = Writer::claim(&store, 1).await;
    for start in [0, 400] {
        writer.write((start..start + 400).map(|number| number / 5)).await;
    }
    let all = spots(&store, &filter(&[1], Order::OldestFirst)).await;
    assert_eq!(all.iter().map(|spot| spot.index).collect::<Vec<_>>(), (0..800).collect::<Vec<_>>());
    let third = spots(&store, &filter(&[1, 11], Order::NewestFirst)).await;
    let expected: Vec<u64> = (0..800).rev().filter(|index| index % 3 == 1).collect();
    assert_eq!(third.iter().map(|spot| spot.index).collect::<Vec<_>>(), expected);
}

/// Both wrote the same indexes; only what the later one committed is the log.
#[tokio::test]
async fn rows_of_a_writer_that_lost_its_log_are_never_seen() {
    let Some((store, _kept)) = index().await else { return };
    let mut first = Writer::claim(&store, 1).await;
    assert_eq!(first.write([1, 2]).await, Committed::Done);
    let (lost, _) = first.batch([3, 4, 5], 40);
    store.stage(&lost).await.unwrap();

    let mut second = first.taken_over().await;
    assert_eq!(second.write([3, 4]).await, Committed::Done);
    // The first one has not heard of it, and stages once more.
    let (late, _) = first.batch([6, 7, 8, 9], 40);
    store.stage(&late).await.unwrap();
    assert_eq!(store.commit(&late).await.unwrap(), Committed::Fenced);

    let rows = store.rows(part(1), 0, 100).await.unwrap();
    let fences: Vec<u64> = rows.iter().map(|row| u64::from(row.sealed.commitment[0])).collect();
    assert_eq!(fences, [first.fence, first.fence, second.fence, second.fence]);
    assert_eq!(spots(&store, &filter(&[], Order::OldestFirst)).await.len(), 4);
    assert_eq!(spots(&store, &filter(&[1], Order::NewestFirst)).await.len(), 4);
    let events = |batch: &Batch| -> Vec<_> { batch.rows.iter().map(|new| new.row.sealed.event).collect() };
    assert!(store.known(part(1), &events(&lost)).await.unwrap().is_empty());
    assert_eq!(store.entry(&TenantId::new("alfa").unwrap(), events(&late)[0]).await.unwrap(), None);
    assert_eq!(store.hashes(LogId::Part(part(1)), 2, 9).await.unwrap().len(), 2);
}

#[tokio::test]
async fn of_two_claimants_on_one_size_the_later_one_writes() {
    let Some((store, _kept)) = index().await else { return };
    let log = LogId::Part(part(1));
    let (one, two) = tokio::join!(store.claim(log), store.claim(log));
    let (one, two) = (one.unwrap().fence, two.unwrap().fence);
    assert_ne!(one, two);
    for (fence, expected) in [(one.min(two), Committed::Fenced), (one.max(two), Committed::Done)] {
        let mut writer = Writer { store: &store, part: part(1), fence, edge: Edge::default() };
        assert_eq!(writer.write([1]).await, expected);
    }
}

#[tokio::test]
async fn large_entries_are_staged_in_several_writes() {
    let Some((store, _kept)) = index().await else { return };
    let writer = Writer::claim(&store, 2).await;
    let (batch, _) = writer.batch(0..6, 500 << 10);
    store.stage(&batch).await.unwrap();
    assert_eq!(store.commit(&batch).await.unwrap(), Committed::Done);
    let rows = store.rows(part(2), 0, 10).await.unwrap();
    assert_eq!(rows, batch.rows.iter().map(|new| new.row.clone()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_gap_in_what_was_committed_is_damage() {
    let Some((store, kept)) = index().await else { return };
    let mut writer = Writer::claim(&store, 2).await;
    writer.write(0..5).await;
    let delete = "DELETE FROM {ks}.ledger_entry WHERE part = 2 AND chunk = 0 AND fence = ? AND idx = 3";
    let delete = kept.cql.prepare(cql::Space::Data, delete).await.unwrap();
    kept.cql.write(&delete, (i64::try_from(writer.fence).unwrap(),)).await.unwrap();
    assert_eq!(store.rows(part(2), 0, 3).await.unwrap().len(), 3);
    for error in [
        store.rows(part(2), 0, 5).await.map(drop).unwrap_err(),
        store.hashes(LogId::Part(part(2)), 2, 2).await.map(drop).unwrap_err(),
        store.find(&filter(&[], Order::OldestFirst)).await.map(drop).unwrap_err(),
    ] {
        assert_eq!(kernel::ServiceError::code(&error), kernel::ErrorCode::DataLoss);
    }
}

#[tokio::test]
async fn a_root_that_comes_a_second_time_changes_nothing() {
    let Some((store, _kept)) = index().await else { return };
    let fence = store.claim(LogId::Root(Generation::FIRST)).await.unwrap().fence;
    let leaf = |data: &[u8]| {
        let tree = Edge::default().stage(&[merkle::leaf_hash(data)]).unwrap().edge.head();
        RootRow { generation: Generation::FIRST, fence, index: 0, data: data.to_vec(), tree }
    };
    assert_eq!(store.commit_root(&leaf(b"one")).await.unwrap(), Committed::Done);
    assert_eq!(store.commit_root(&leaf(b"two")).await.unwrap(), Committed::Fenced);
    assert_eq!(store.root_rows(Generation::FIRST, 0, 10).await.unwrap(), [b"one".to_vec()]);
}
