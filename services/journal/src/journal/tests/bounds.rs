use super::*;

/// A journal of many records, written in as many calls as it takes.
async fn journal_of(place: &Place, count: u64) -> Journal {
    let journal = place.journal().await;
    let mut next = 1;
    while next <= count {
        let end = (next + MAX_ACTS as u64).min(count + 1);
        assert_eq!(journal.append(acts(next..end)).await.unwrap(), end - 1);
        next = end;
    }
    journal
}

#[tokio::test]
async fn the_last_of_many_records_is_found_by_whoever_comes() {
    for count in [999, 1_000, 1_001, 2_000, 2_001, 3_456] {
        let place = Place::memory();
        journal_of(&place, count).await;
        let newcomer = place.journal().await;
        assert_eq!(newcomer.tail().await.unwrap(), count);
        assert_eq!(newcomer.append(Vec::new()).await.unwrap(), count);
    }
}

#[tokio::test]
async fn reading_is_bounded_and_goes_on_where_it_ended() {
    let place = Place::memory();
    let journal = journal_of(&place, 1_200).await;
    let first = journal.read(0, usize::MAX).await.unwrap();
    assert_eq!(first.len(), MAX_READ);
    let rest = journal.read(MAX_READ as u64, usize::MAX).await.unwrap();
    assert!(rest.iter().map(|record| record.number).eq(1_001..=1_200));
}

#[tokio::test]
async fn a_writer_that_was_left_far_behind_goes_on_at_the_end() {
    let place = Place::memory();
    let behind = place.journal().await;
    behind.append(acts(1..2)).await.unwrap();
    let count = 3 * LOOK_BACK;
    journal_of(&place, count).await;
    assert_eq!(behind.append(acts(count..count + 2)).await.unwrap(), count + 1);
    assert_eq!(place.journal().await.read(0, MAX_READ).await.unwrap().len() as u64, count + 1);
}

#[tokio::test]
async fn a_writer_goes_on_where_all_that_it_knew_has_run_out() {
    let place = Place::memory();
    let old = journal_of(&place, 2).await;
    place.journal().await.append(acts(3..7)).await.unwrap();
    place.pass_the_horizon().await;
    for number in 1..6 {
        place.delete(number).await;
    }
    assert_eq!(old.append(acts(7..8)).await.unwrap(), 7);
    assert_eq!(ids(&old.read(5, 10).await.unwrap()), [act(6).id, act(7).id]);
}

#[tokio::test]
async fn more_acts_than_the_bound_are_refused() {
    let journal = Place::memory().journal().await;
    let refused = journal.append(acts(0..MAX_ACTS as u64 + 1)).await.unwrap_err();
    assert!(matches!(refused, Error::TooManyActs { limit: MAX_ACTS, .. }), "{refused}");
    assert_eq!(journal.tail().await.unwrap(), 0);
}

#[tokio::test]
async fn of_a_batch_with_an_act_that_no_record_holds_nothing_is_written() {
    let journal = Place::memory().journal().await;
    let wrong = Act { kind: Kind::LedgerRoot, ..act(2) };
    let refused = journal.append(vec![act(1), wrong]).await.unwrap_err();
    assert!(matches!(refused, Error::Refused { act: id, .. } if id == act(2).id), "{refused}");
    assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    assert_eq!(journal.tail().await.unwrap(), 0);
}

#[tokio::test]
async fn a_store_that_does_not_exclude_writers_is_refused() {
    let place = Place::memory();
    let racing = Capabilities { locks: Enforcement::Enforced, conditional_put: Enforcement::NotEnforced };
    let store = Fateful::new(place.objects().await, []).with_capabilities(racing);
    let opened = Journal::open(Arc::new(store), prefix(), place.clock(), HORIZON).await;
    assert!(matches!(opened.err(), Some(Error::Unfit(_))));
    let opened = Journal::open(place.objects().await, prefix(), place.clock(), Duration::ZERO).await;
    assert!(matches!(opened.err(), Some(Error::Unfit(_))));
}

#[tokio::test]
async fn a_record_is_locked_only_where_the_store_enforces_locks() {
    let place = Place::memory();
    for (locks, expected, number) in
        [(Enforcement::Enforced, Some(NOW.plus(HORIZON)), 1), (Enforcement::NotEnforced, None, 2)]
    {
        let declared = Capabilities { locks, conditional_put: Enforcement::Enforced };
        let store = Fateful::new(place.objects().await, []).with_capabilities(declared);
        place.journal_on(Arc::new(store)).await.append(vec![act(number)]).await.unwrap();
        let head = place.objects().await.head(&key(number), None).await.unwrap();
        assert_eq!(head.retain_until, expected);
    }
}
