use super::*;

/// A journal on a store whose puts meet these fates, and the store.
async fn with_fates(place: &Place, fates: impl IntoIterator<Item = Fate>) -> (Journal, Arc<Fateful>) {
    let store = Arc::new(Fateful::new(place.objects().await, fates));
    (place.journal_on(store.clone()).await, store)
}

async fn assert_stand(place: &Place, expected: &[Act]) {
    let records = place.journal().await.read(0, 100).await.unwrap();
    assert!(records.iter().map(|record| &record.act).eq(expected), "{records:?}");
}

#[tokio::test(start_paused = true)]
async fn a_put_that_was_stored_and_then_failed_is_found_and_not_repeated() {
    let place = Place::memory();
    let (journal, store) = with_fates(&place, [Fate::Unanswered, Fate::Unanswered]).await;
    assert_eq!(journal.append(acts(1..4)).await.unwrap(), 3);
    assert_eq!(store.fates(), 0);
    assert_stand(&place, &acts(1..4)).await;
}

#[tokio::test(start_paused = true)]
async fn a_put_that_did_not_arrive_is_tried_again_under_its_number() {
    let place = Place::memory();
    let (journal, store) = with_fates(&place, [Fate::Lost, Fate::Lost]).await;
    assert_eq!(journal.append(acts(1..3)).await.unwrap(), 2);
    assert_eq!(store.fates(), 0);
    assert_stand(&place, &acts(1..3)).await;
}

#[tokio::test(start_paused = true)]
async fn a_put_that_arrives_late_leaves_no_second_record() {
    let place = Place::memory();
    let (journal, _) = with_fates(&place, [Fate::Late]).await;
    assert_eq!(journal.append(acts(1..3)).await.unwrap(), 2);
    assert_stand(&place, &acts(1..3)).await;

    // Also where its caller gave up meanwhile, and others came first.
    let place = Place::memory();
    let (journal, _) = with_fates(&place, [Fate::Lost, Fate::Lost, Fate::Late]).await;
    let failed = journal.append(acts(1..2)).await.unwrap_err();
    assert!(matches!(failed, Error::Put { number: 1, .. }), "{failed}");
    assert_eq!((failed.code(), failed.retry()), (ErrorCode::Unavailable, Retry::Backoff));
    assert_eq!(journal.append(acts(2..3)).await.unwrap(), 2);
    assert_eq!(journal.append(acts(1..2)).await.unwrap(), 1);
    assert_stand(&place, &acts(1..3)).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_was_cut_off_is_repeated_as_a_whole() {
    let place = Place::memory();
    let lost = [Fate::Unanswered, Fate::Lost, Fate::Lost, Fate::Lost];
    let (journal, _) = with_fates(&place, lost).await;
    let failed = journal.append(acts(1..4)).await.unwrap_err();
    assert!(matches!(failed, Error::Put { number: 2, .. }), "{failed}");
    // As the next process does, after a crash.
    assert_eq!(place.journal().await.append(acts(1..4)).await.unwrap(), 3);
    assert_eq!(journal.append(acts(1..4)).await.unwrap(), 3);
    assert_stand(&place, &acts(1..4)).await;
}

#[tokio::test]
async fn what_no_repetition_can_help_is_not_repeated() {
    let place = Place::memory();
    let (journal, store) = with_fates(&place, [Fate::Refused, Fate::Refused]).await;
    let failed = journal.append(acts(1..2)).await.unwrap_err();
    assert!(matches!(failed, Error::Put { number: 1, .. }), "{failed}");
    assert_eq!((failed.retry(), store.fates()), (Retry::No, 1));
}

#[tokio::test]
async fn an_act_that_gets_no_number_says_so_and_gets_one_later() {
    let place = Place::memory();
    let rival = place.journal().await;
    let fates = vec![Fate::Beaten; 2 * TRIES as usize - 1];
    let store = Fateful::new(place.objects().await, fates).with_rival(rival);
    let journal = place.journal_on(Arc::new(store)).await;
    let contended = journal.append(acts(1..2)).await.unwrap_err();
    assert!(matches!(contended, Error::Contended { tries: TRIES, .. }), "{contended}");
    assert_eq!((contended.code(), contended.retry()), (ErrorCode::Aborted, Retry::Backoff));
    // One less than it may lose.
    let last = 2 * u64::from(TRIES);
    assert_eq!(journal.append(acts(1..2)).await.unwrap(), last);
    assert_eq!(place.journal().await.tail().await.unwrap(), last);
}

#[tokio::test(start_paused = true)]
async fn an_append_that_is_given_up_midway_leaves_the_journal_whole() {
    let place = Place::memory();
    let (journal, _) = with_fates(&place, [Fate::Unanswered, Fate::Late]).await;
    // The second put waits for its pause when it is dropped, and its record is on its way.
    let given_up = tokio::time::timeout(Duration::from_millis(20), journal.append(acts(1..3))).await;
    assert!(given_up.is_err());
    assert_eq!(journal.append(acts(1..4)).await.unwrap(), 3);
    assert_stand(&place, &acts(1..4)).await;
}
