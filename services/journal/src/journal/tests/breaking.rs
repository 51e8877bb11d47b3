use super::*;

async fn journal_of(place: &Place, count: u64) -> Journal {
    let journal = place.journal().await;
    journal.append(acts(1..count + 1)).await.unwrap();
    journal
}

async fn broken(journal: &Journal) -> (u64, Break) {
    let error = journal.read(0, 100).await.unwrap_err();
    let Error::Broken { number, source } = error else { panic!("{error}") };
    (number, source)
}

#[tokio::test]
async fn a_changed_bit_shows_wherever_it_is() {
    let place = Place::memory();
    let journal = journal_of(&place, 3).await;
    let bytes = place.bytes(2).await;
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        place.replace(2, changed).await;
        let (number, _) = broken(&journal).await;
        assert!(number == 2 || number == 3, "bit {bit} shows at {number}");
    }
    place.replace(2, bytes).await;
    assert_eq!(journal.read(0, 100).await.unwrap().len(), 3);
}

#[tokio::test]
async fn bytes_that_are_no_record_are_named() {
    let place = Place::memory();
    let journal = journal_of(&place, 3).await;
    let whole = place.bytes(2).await;
    let too_long = vec![0; crate::MAX_RECORD + 1];
    for (bytes, expected) in [(Vec::new(), Break::Length), (too_long, Break::Length)] {
        place.replace(2, bytes).await;
        assert_eq!(broken(&journal).await, (2, expected));
    }
    place.replace(2, whole[..9].to_vec()).await;
    let (number, source) = broken(&journal).await;
    assert!(number == 2 && matches!(source, Break::Malformed(_)), "{source}");
}

#[tokio::test]
async fn records_that_changed_places_are_named() {
    let place = Place::memory();
    let journal = journal_of(&place, 4).await;
    let (second, third) = (place.bytes(2).await, place.bytes(3).await);
    place.replace(2, third).await;
    place.replace(3, second).await;
    assert_eq!(broken(&journal).await, (2, Break::Misplaced(3)));
}

#[tokio::test]
async fn the_first_record_follows_from_nothing() {
    let place = Place::memory();
    let journal = journal_of(&place, 2).await;
    let mut first = Record::decode(&place.bytes(1).await).unwrap();
    first.before = [1; 32];
    place.replace(1, first.encode()).await;
    assert_eq!(broken(&journal).await, (1, Break::Unlinked));
}

#[tokio::test]
async fn a_writer_does_not_go_on_behind_what_is_broken() {
    let place = Place::memory();
    let (journal, other) = (journal_of(&place, 1).await, place.journal().await);
    other.append(acts(2..4)).await.unwrap();
    let mut forged = Record::decode(&place.bytes(2).await).unwrap();
    forged.act = act(9);
    place.replace(2, forged.encode()).await;
    let refused = journal.append(acts(4..5)).await.unwrap_err();
    assert!(matches!(refused, Error::Broken { number: 3, source: Break::Unlinked }), "{refused}");
    assert_eq!(other.tail().await.unwrap(), 3);
}

#[tokio::test]
async fn a_position_that_the_journal_does_not_reach_is_refused() {
    let place = Place::memory();
    let journal = journal_of(&place, 3).await;
    for position in [4, 1_000, u64::MAX] {
        let ahead = journal.read(position, 10).await.unwrap_err();
        assert!(matches!(ahead, Error::Ahead { position: at, tail: 3 } if at == position), "{ahead}");
        assert_eq!(ahead.code(), ErrorCode::DataLoss);
    }
}

#[tokio::test]
async fn what_else_lies_there_is_named() {
    let place = Place::memory();
    let journal = journal_of(&place, 1).await;
    let other = Key::new(format!("{}readme", prefix())).unwrap();
    place.objects().await.put(&other, "x".into(), PutOptions::default()).await.unwrap();
    for named in [journal.tail().await.map(drop), journal.read(0, 10).await.map(drop)] {
        let named = named.unwrap_err();
        assert!(matches!(&named, Error::NotARecord { key } if *key == other), "{named}");
    }
}
