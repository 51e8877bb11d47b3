//! What every adapter of the index must do; each function runs against a fresh store of its own.

#![allow(
    clippy::unwrap_used,
    reason = "a suite of tests, outside of the test configuration for adapters of others"
)]

use std::collections::BTreeSet;

use kernel::{EventId, InstanceId, TenantId, Timestamp};
use merkle::{Edge, Hash, TreeHead, leaf_hash};

use crate::leaf::{self, Sealed, Term};
use crate::name::Incarnation;
use crate::signed::SignedRoot;
use crate::store::{
    Batch, Begun, Committed, Era, Filter, Generation, Head, LedgerStore, LogId, NewRow, Order, Part,
    Producer, ProducerState, RootRow, Row,
};
use crate::succession::Succession;

/// Instantiates the suite: the expression gives a fresh store and whatever must outlive it, or
/// `None` where there is nothing to test on, which it has said.
#[macro_export]
macro_rules! contract_suite {
    ($fresh:expr) => {
        $crate::contract_suite! { $fresh;
            a_generation_is_of_the_first_incarnation_that_begins_it,
            one_of_several_at_once_begins_a_generation,
            a_new_log_is_empty,
            a_staged_batch_is_seen_only_once_it_is_committed,
            an_earlier_claimant_commits_nothing,
            a_batch_is_committed_only_on_the_size_that_it_was_staged_on,
            what_was_staged_and_not_committed_is_staged_anew,
            an_empty_batch_moves_the_offset,
            the_root_log_is_committed_leaf_by_leaf,
            what_is_published_and_stored_never_moves_back,
            producers_are_brought_forward_with_their_batch,
            entries_are_found_by_all_their_terms_and_by_time,
            a_page_goes_on_behind_its_last_entry_in_either_order,
            tenants_see_nothing_of_each_other,
            an_event_is_known_in_its_own_partition_alone,
            an_event_is_known_in_later_incarnations_and_not_in_earlier_ones,
            logs_of_two_incarnations_are_apart_and_found_together,
            an_offset_is_moved_back_under_the_fence_alone,
        }
    };
    ($fresh:expr; $($case:ident,)+) => { $(
        #[tokio::test]
        async fn $case() {
            let Some((store, _kept)) = $fresh.await else { return };
            $crate::contract::$case(&store).await;
        }
    )+ };
}

const GEN: Generation = Generation::FIRST;
const P: Part = Part::of(GEN, 2);
const NEXT: Part = Part::of(GEN, 3);
const LOG: LogId = LogId::Part(P);
const ROOT: LogId = LogId::Root(GEN);

fn second() -> Generation {
    GEN.next().expect("a second one")
}

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("a slug")
}

fn term(number: u8) -> Term {
    Term([number; 16])
}

fn event(number: u64) -> EventId {
    let mut id = [7; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    EventId::from_bytes(id)
}

/// Entry `index`: at time `index * 10`, with the term of its evenness and one of its own.
fn new_row(part: Part, index: u64, tenant_name: &str) -> NewRow {
    let [.., last] = index.to_be_bytes();
    let sealed = Sealed { event: event(index), commitment: [last; 32], bytes: vec![last; 40] };
    let at = Timestamp(i64::try_from(index).expect("a small index") * 10);
    let terms = vec![term(last % 2), term(100 + last)];
    NewRow { row: Row { part, index, tenant: tenant(tenant_name), at, sealed }, terms }
}

fn edge(rows: &[NewRow]) -> Edge {
    let hashes: Vec<_> = rows.iter().map(|new| leaf::hash(&new.row.sealed.commitment)).collect();
    Edge::default().stage(&hashes).expect("few leaves").edge
}

/// The batch that grows a log of `on` entries to `size`.
fn batch(fence: u64, on: u64, size: u64) -> Batch {
    batch_of(P, fence, on, size, "alfa")
}

fn batch_of(part: Part, fence: u64, on: u64, size: u64, tenant_name: &str) -> Batch {
    let all: Vec<_> = (0..size).map(|index| new_row(part, index, tenant_name)).collect();
    let tree = edge(&all).head();
    let rows = all.into_iter().skip(usize::try_from(on).expect("a small index")).collect();
    Batch { part, fence, on, tree, next_offset: size * 2, rows, producers: Vec::new() }
}

async fn committed(store: &dyn LedgerStore, batch: &Batch) -> Committed {
    store.stage(batch).await.unwrap();
    store.commit(batch).await.unwrap()
}

async fn head(store: &dyn LedgerStore, log: LogId) -> Head {
    let heads = store.heads().await.unwrap();
    heads.into_iter().find(|(own, _)| *own == log).map(|(_, head)| head).unwrap()
}

fn indexes(rows: &[Row]) -> Vec<u64> {
    rows.iter().map(|row| row.index).collect()
}

fn filter(terms: &[Term]) -> Filter {
    Filter {
        tenant: tenant("alfa"),
        terms: terms.to_vec(),
        from: Timestamp(i64::MIN),
        to: Timestamp(i64::MAX),
        after: None,
        order: Order::OldestFirst,
        limit: 100,
    }
}

fn begun(generation: Generation, after: Option<Succession>) -> Begun {
    Begun { era: Era { generation, incarnation: Incarnation::new() }, after }
}

/// One history per generation; what it follows is kept with it.
pub async fn a_generation_is_of_the_first_incarnation_that_begins_it(store: &dyn LedgerStore) {
    assert!(store.incarnations().await.unwrap().is_empty());
    let (one, other) = (begun(GEN, None), begun(GEN, None));
    assert_eq!(store.begin(&one).await.unwrap(), one);
    assert_eq!(store.begin(&other).await.unwrap(), one);
    assert_eq!(store.incarnations().await.unwrap(), std::slice::from_ref(&one));

    let signed =
        SignedRoot { incarnation: one.era.incarnation, head: TreeHead { size: 9, ..TreeHead::EMPTY } };
    let after = Succession { signed, found: Some(signed), entries: vec![3, 0, 7, 1] };
    let (two, other) = (begun(second(), Some(after)), begun(second(), None));
    assert_eq!(store.begin(&two).await.unwrap(), two);
    assert_eq!(store.begin(&other).await.unwrap(), two);
    assert_eq!(store.incarnations().await.unwrap(), [one, two]);
}

/// Whoever asks is told the same.
pub async fn one_of_several_at_once_begins_a_generation(store: &dyn LedgerStore) {
    for generation in [GEN, second()] {
        let (one, two, three) = (begun(generation, None), begun(generation, None), begun(generation, None));
        let told = tokio::join!(store.begin(&one), store.begin(&two), store.begin(&three));
        let told = [told.0.unwrap(), told.1.unwrap(), told.2.unwrap()];
        assert!([&one, &two, &three].contains(&&told[0]));
        assert!(told.iter().all(|own| *own == told[0]));
        assert_eq!(store.incarnations().await.unwrap().last(), Some(&told[0]));
    }
}

/// Claims begin at the empty tree, and each has a higher fence.
pub async fn a_new_log_is_empty(store: &dyn LedgerStore) {
    for log in [LOG, ROOT] {
        let claim = store.claim(log).await.unwrap();
        assert_eq!(claim.head, Head::EMPTY);
        assert!(store.claim(log).await.unwrap().fence > claim.fence);
        assert!(store.hashes(log, 0, 10).await.unwrap().is_empty());
    }
    assert_eq!(store.heads().await.unwrap().len(), 2);
}

/// Staging alone changes nothing that is read.
pub async fn a_staged_batch_is_seen_only_once_it_is_committed(store: &dyn LedgerStore) {
    let fence = store.claim(LOG).await.unwrap().fence;
    let batch = batch(fence, 0, 3);
    store.stage(&batch).await.unwrap();
    assert!(store.rows(P, 0, 10).await.unwrap().is_empty());
    assert!(store.known(P, &[event(1)]).await.unwrap().is_empty());
    assert!(store.find(&filter(&[])).await.unwrap().is_empty());
    assert!(store.find(&filter(&[term(1)])).await.unwrap().is_empty());
    assert_eq!(store.entry(&tenant("alfa"), event(1)).await.unwrap(), None);
    assert_eq!(head(store, LOG).await, Head::EMPTY);

    assert_eq!(store.commit(&batch).await.unwrap(), Committed::Done);
    let expected: Vec<_> = batch.rows.iter().map(|new| new.row.clone()).collect();
    assert_eq!(store.rows(P, 0, 10).await.unwrap(), expected);
    assert_eq!(store.rows(P, 1, 1).await.unwrap(), expected[1..2]);
    assert_eq!(store.entry(&tenant("alfa"), event(1)).await.unwrap(), Some(expected[1].clone()));
    let hashes: Vec<Hash> = expected.iter().map(|row| leaf::hash(&row.sealed.commitment)).collect();
    assert_eq!(store.hashes(LOG, 1, 10).await.unwrap(), hashes[1..]);
    assert_eq!(head(store, LOG).await, Head { tree: batch.tree, next_offset: 6, ..Head::EMPTY });
}

/// The fence of the latest claim alone commits.
pub async fn an_earlier_claimant_commits_nothing(store: &dyn LedgerStore) {
    let zombie = store.claim(LOG).await.unwrap().fence;
    let early = batch(zombie, 0, 2);
    store.stage(&early).await.unwrap();
    let fence = store.claim(LOG).await.unwrap().fence;
    assert_eq!(store.commit(&early).await.unwrap(), Committed::Fenced);
    assert_eq!(committed(store, &batch(fence, 0, 3)).await, Committed::Done);
    assert_eq!(committed(store, &batch(zombie, 3, 5)).await, Committed::Fenced);
    assert_eq!(indexes(&store.rows(P, 0, 10).await.unwrap()), [0, 1, 2]);
    assert_eq!(store.find(&filter(&[])).await.unwrap().len(), 3);
}

/// Nothing is committed twice, nor with a gap.
pub async fn a_batch_is_committed_only_on_the_size_that_it_was_staged_on(store: &dyn LedgerStore) {
    let fence = store.claim(LOG).await.unwrap().fence;
    assert_eq!(committed(store, &batch(fence, 0, 2)).await, Committed::Done);
    assert_eq!(store.commit(&batch(fence, 0, 2)).await.unwrap(), Committed::Fenced);
    assert_eq!(committed(store, &batch(fence, 3, 4)).await, Committed::Fenced);
    assert_eq!(committed(store, &batch(fence, 2, 3)).await, Committed::Done);
    assert_eq!(head(store, LOG).await.tree.size, 3);
}

/// A claimant finds no trace of what was never committed.
pub async fn what_was_staged_and_not_committed_is_staged_anew(store: &dyn LedgerStore) {
    let lost = store.claim(LOG).await.unwrap().fence;
    store.stage(&batch(lost, 0, 5)).await.unwrap();
    let fence = store.claim(LOG).await.unwrap().fence;
    assert_eq!(committed(store, &batch(fence, 0, 2)).await, Committed::Done);
    assert_eq!(indexes(&store.rows(P, 0, 10).await.unwrap()), [0, 1]);
    assert_eq!(store.find(&filter(&[term(1)])).await.unwrap().len(), 1);
}

/// Records that leave no leaf are behind the head all the same.
pub async fn an_empty_batch_moves_the_offset(store: &dyn LedgerStore) {
    let fence = store.claim(LOG).await.unwrap().fence;
    let empty = Batch { next_offset: 9, ..batch(fence, 0, 0) };
    assert_eq!(committed(store, &empty).await, Committed::Done);
    assert_eq!(head(store, LOG).await, Head { next_offset: 9, ..Head::EMPTY });
    let back = Batch { next_offset: 8, ..empty };
    assert_eq!(committed(store, &back).await, Committed::Fenced);
}

/// Each leaf on the size before it, under the fence.
pub async fn the_root_log_is_committed_leaf_by_leaf(store: &dyn LedgerStore) {
    let zombie = store.claim(ROOT).await.unwrap().fence;
    let fence = store.claim(ROOT).await.unwrap().fence;
    let data: Vec<Vec<u8>> = vec![b"one".to_vec(), b"two".to_vec()];
    let hashes: Vec<_> = data.iter().map(|data| leaf_hash(data)).collect();
    let row = |fence, index: u64| {
        let count = usize::try_from(index).expect("a small index") + 1;
        let tree = Edge::default().stage(&hashes[..count]).expect("few leaves").edge.head();
        RootRow { generation: GEN, fence, index, data: data[count - 1].clone(), tree }
    };
    assert_eq!(store.commit_root(&row(zombie, 0)).await.unwrap(), Committed::Fenced);
    assert_eq!(store.commit_root(&row(fence, 0)).await.unwrap(), Committed::Done);
    assert_eq!(store.commit_root(&row(fence, 0)).await.unwrap(), Committed::Fenced);
    assert_eq!(store.commit_root(&row(fence, 1)).await.unwrap(), Committed::Done);
    assert_eq!(store.root_rows(GEN, 0, 10).await.unwrap(), data);
    assert_eq!(store.root_rows(GEN, 1, 1).await.unwrap(), data[1..]);
    assert_eq!(store.hashes(ROOT, 0, 10).await.unwrap(), hashes);
    assert_eq!(head(store, ROOT).await.tree, row(fence, 1).tree);
}

/// Marks go forward, and never beyond the log.
pub async fn what_is_published_and_stored_never_moves_back(store: &dyn LedgerStore) {
    let fence = store.claim(LOG).await.unwrap().fence;
    let (two, four) = (batch(fence, 0, 2), batch(fence, 2, 4));
    committed(store, &two).await;
    committed(store, &four).await;
    let marked = |head: Head| (head.published, head.stored);
    store.mark_published(LOG, four.tree).await.unwrap();
    store.mark_stored(P, 4).await.unwrap();
    store.mark_published(LOG, two.tree).await.unwrap();
    store.mark_stored(P, 2).await.unwrap();
    assert_eq!(marked(head(store, LOG).await), (four.tree, 4));
    store.mark_published(LOG, TreeHead { size: 5, ..four.tree }).await.unwrap();
    store.mark_stored(P, 5).await.unwrap();
    assert_eq!(marked(head(store, LOG).await), (four.tree, 4));
    assert_eq!(marked(store.claim(LOG).await.unwrap().head), (four.tree, 4));
}

/// A batch that is not committed brings no producer forward.
pub async fn producers_are_brought_forward_with_their_batch(store: &dyn LedgerStore) {
    let fence = store.claim(LOG).await.unwrap().fence;
    let producer = |last, state| Producer { id: InstanceId::from_bytes([5; 16]), last, state };
    let first = Batch { producers: vec![producer(3, ProducerState::Running)], ..batch(fence, 0, 1) };
    store.stage(&first).await.unwrap();
    assert!(store.producers(P).await.unwrap().is_empty());
    store.commit(&first).await.unwrap();
    assert_eq!(store.producers(P).await.unwrap(), first.producers);
    let second = Batch { producers: vec![producer(4, ProducerState::Closed)], ..batch(fence, 1, 1) };
    committed(store, &second).await;
    assert_eq!(store.producers(P).await.unwrap(), second.producers);
    assert!(store.producers(NEXT).await.unwrap().is_empty());
}

/// All conditions hold at once; the end of a time range is not in it.
pub async fn entries_are_found_by_all_their_terms_and_by_time(store: &dyn LedgerStore) {
    let fence = store.claim(LOG).await.unwrap().fence;
    committed(store, &batch(fence, 0, 6)).await;
    let find = async |filter: Filter| indexes(&store.find(&filter).await.unwrap());
    assert_eq!(find(filter(&[])).await, [0, 1, 2, 3, 4, 5]);
    assert_eq!(find(filter(&[term(1)])).await, [1, 3, 5]);
    assert_eq!(find(filter(&[term(1), term(103)])).await, [3]);
    assert_eq!(find(filter(&[term(0), term(103)])).await, [0; 0]);
    let times = |from, to| Filter { from: Timestamp(from), to: Timestamp(to), ..filter(&[term(1)]) };
    assert_eq!(find(times(10, 30)).await, [1]);
    assert_eq!(find(Filter { terms: Vec::new(), ..times(20, 41) }).await, [2, 3, 4]);
}

/// Pages neither repeat nor leave out.
pub async fn a_page_goes_on_behind_its_last_entry_in_either_order(store: &dyn LedgerStore) {
    for part in [P, NEXT] {
        let fence = store.claim(LogId::Part(part)).await.unwrap().fence;
        committed(store, &batch_of(part, fence, 0, 4, "alfa")).await;
    }
    for (order, terms) in
        [(Order::OldestFirst, vec![]), (Order::NewestFirst, vec![]), (Order::OldestFirst, vec![term(1)])]
    {
        let all = store.find(&Filter { order, ..filter(&terms) }).await.unwrap();
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let page = store.find(&Filter { order, after, limit: 3, ..filter(&terms) }).await.unwrap();
            assert!(page.len() <= 3);
            after = page.last().map(Row::spot);
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, all);
        let mut spots: Vec<_> = all.iter().map(Row::spot).collect();
        if order == Order::NewestFirst {
            spots.reverse();
        }
        assert!(spots.is_sorted() && !spots.is_empty());
    }
}

/// Neither by search nor by id.
pub async fn tenants_see_nothing_of_each_other(store: &dyn LedgerStore) {
    let fence = store.claim(LOG).await.unwrap().fence;
    committed(store, &batch_of(P, fence, 0, 3, "beta")).await;
    assert!(store.find(&filter(&[])).await.unwrap().is_empty());
    assert!(store.find(&filter(&[term(1)])).await.unwrap().is_empty());
    assert_eq!(store.entry(&tenant("alfa"), event(1)).await.unwrap(), None);
    let theirs = store.entry(&tenant("beta"), event(1)).await.unwrap();
    assert_eq!(theirs.map(|row| row.index), Some(1));
}

/// What makes a repeated record drop.
pub async fn an_event_is_known_in_its_own_partition_alone(store: &dyn LedgerStore) {
    let fence = store.claim(LOG).await.unwrap().fence;
    committed(store, &batch(fence, 0, 3)).await;
    let asked = [event(0), event(2), event(9)];
    assert_eq!(store.known(P, &asked).await.unwrap(), BTreeSet::from([event(0), event(2)]));
    assert!(store.known(NEXT, &asked).await.unwrap().is_empty());
}

/// What makes a record that comes again after a restore drop.
pub async fn an_event_is_known_in_later_incarnations_and_not_in_earlier_ones(store: &dyn LedgerStore) {
    let later = Part::of(second(), P.partition());
    let fence = store.claim(LOG).await.unwrap().fence;
    committed(store, &batch(fence, 0, 3)).await;
    assert_eq!(store.known(later, &[event(1), event(9)]).await.unwrap(), BTreeSet::from([event(1)]));
    let elsewhere = Part::of(second(), NEXT.partition());
    assert!(store.known(elsewhere, &[event(1)]).await.unwrap().is_empty());

    let fence = store.claim(LogId::Part(elsewhere)).await.unwrap().fence;
    committed(store, &batch_of(elsewhere, fence, 0, 3, "alfa")).await;
    assert!(store.known(NEXT, &[event(1)]).await.unwrap().is_empty());
}

/// Each with its own sizes, fences, roots and rows; a search sees both.
pub async fn logs_of_two_incarnations_are_apart_and_found_together(store: &dyn LedgerStore) {
    let later = Part::of(second(), P.partition());
    for (part, size) in [(P, 3), (later, 2)] {
        let fence = store.claim(LogId::Part(part)).await.unwrap().fence;
        committed(store, &batch_of(part, fence, 0, size, "alfa")).await;
    }
    for (generation, data) in [(GEN, b"one"), (second(), b"two")] {
        let fence = store.claim(LogId::Root(generation)).await.unwrap().fence;
        let tree = Edge::default().stage(&[leaf_hash(data)]).expect("a leaf").edge.head();
        let row = RootRow { generation, fence, index: 0, data: data.to_vec(), tree };
        assert_eq!(store.commit_root(&row).await.unwrap(), Committed::Done);
    }
    assert_eq!(indexes(&store.rows(P, 0, 10).await.unwrap()), [0, 1, 2]);
    let rows = store.rows(later, 0, 10).await.unwrap();
    assert_eq!(indexes(&rows), [0, 1]);
    assert!(rows.iter().all(|row| row.part == later));
    assert_eq!(store.root_rows(GEN, 0, 9).await.unwrap(), [b"one".to_vec()]);
    assert_eq!(store.root_rows(second(), 0, 9).await.unwrap(), [b"two".to_vec()]);
    assert_eq!(store.hashes(LogId::Root(second()), 0, 9).await.unwrap(), [leaf_hash(b"two")]);
    let sizes = [LOG, LogId::Part(later), ROOT, LogId::Root(second())];
    for (log, size) in sizes.into_iter().zip([3, 2, 1, 1]) {
        assert_eq!(head(store, log).await.tree.size, size, "{log:?}");
    }
    let found = store.find(&filter(&[])).await.unwrap();
    let parts: Vec<_> = found.iter().map(|row| (row.index, row.part)).collect();
    assert_eq!(parts, [(0, P), (0, later), (1, P), (1, later), (2, P)]);
}

/// Only what the topic is read on from changes.
pub async fn an_offset_is_moved_back_under_the_fence_alone(store: &dyn LedgerStore) {
    let zombie = store.claim(LOG).await.unwrap().fence;
    let fence = store.claim(LOG).await.unwrap().fence;
    let three = batch(fence, 0, 3);
    committed(store, &three).await;
    assert_eq!(store.rewind(P, zombie, 0).await.unwrap(), Committed::Fenced);
    assert_eq!(head(store, LOG).await.next_offset, 6);
    assert_eq!(store.rewind(P, fence, 1).await.unwrap(), Committed::Done);
    assert_eq!(head(store, LOG).await, Head { tree: three.tree, next_offset: 1, ..Head::EMPTY });
    let further = Batch { next_offset: 2, ..batch(fence, 3, 4) };
    assert_eq!(committed(store, &further).await, Committed::Done);
}
