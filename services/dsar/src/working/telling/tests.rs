//! Scenario 54: of three recipients one cannot be told, and is told again for as long as that takes.

use kernel::topics::DISCLOSURES;
use platform::OutboxStore;
use policy::code::Code;
use policy::request::{Cause, NoticeState};

use super::*;
use crate::testing::{Bench, DAY, disclosed, tenant};
use crate::working::tests::with_a_call;

const ACT: [u8; 16] = [7; 16];

/// How many events of disclosures have left, or wait to.
async fn published(bench: &Bench) -> usize {
    let waiting = bench.store.unpublished(1_000).await.unwrap();
    waiting.iter().filter(|outgoing| outgoing.topic == DISCLOSURES).count()
}

#[tokio::test]
async fn of_three_recipients_the_one_that_could_not_be_told_is_told_again_and_counted_late() {
    let bench = Bench::new().await;
    let (_, id) = with_a_call(&bench);
    let service = bench.service();
    let mut keys = Vec::new();
    for recipient in ["consob", "stt-vendor", "partner"] {
        keys.push(disclosed(&service, id, recipient).await.key);
    }
    assert_eq!(service.note_act(&tenant(), id, Cause::Erased, ACT).await.unwrap(), 3);
    assert_eq!(service.tell_again(service.now()).await.unwrap(), Unanswered { open: 3, late: 0 });
    let filed = Some(Code::new("smtp-550").unwrap());
    for key in &keys[..2] {
        service.answer_notice(key, ACT, NoticeState::Acknowledged, None).await.unwrap();
    }
    service.answer_notice(&keys[2], ACT, NoticeState::Failed, filed).await.unwrap();
    let before = published(&bench).await;
    assert_eq!(before, 9, "each one's disclosure, notice and answer");

    // Whoever asks who has the data is told of all three.
    let all = service.disclosures_of(&tenant(), id, None, MAX_LISTED).await.unwrap();
    let states: Vec<_> = all.iter().map(|disclosure| disclosure.notices[0].state).collect();
    assert_eq!(states, [NoticeState::Acknowledged, NoticeState::Acknowledged, NoticeState::Failed]);

    bench.pass(DAY * 6);
    assert_eq!(service.tell_again(service.now()).await.unwrap(), Unanswered { open: 1, late: 0 });
    assert_eq!(published(&bench).await, before, "it was told less than seven days ago");
    bench.pass(DAY);
    service.tell_again(service.now()).await.unwrap();
    assert_eq!(published(&bench).await, before + 1);
    service.tell_again(service.now()).await.unwrap();
    assert_eq!(published(&bench).await, before + 1, "and then it rests again");
    let open = service.unanswered(&tenant(), None, MAX_LISTED).await.unwrap();
    let [third] = open.as_slice() else { panic!("{open:?}") };
    assert_eq!((&third.key, third.notices[0].told), (&keys[2], 2));

    bench.pass(DAY * 23);
    assert_eq!(service.tell_again(service.now()).await.unwrap(), Unanswered { open: 1, late: 1 });
    service.answer_notice(&keys[2], ACT, NoticeState::Acknowledged, None).await.unwrap();
    assert_eq!(service.tell_again(service.now()).await.unwrap(), Unanswered::default());
}

#[tokio::test]
async fn of_two_processes_at_once_one_tells_again() {
    let bench = Bench::new().await;
    let (_, id) = with_a_call(&bench);
    let (one, other) = (bench.service(), bench.service());
    let key = disclosed(&one, id, "consob").await.key;
    for act in [ACT, [8; 16]] {
        one.note_act(&tenant(), id, Cause::Erased, act).await.unwrap();
    }
    bench.pass(DAY * 7);
    let now = one.now();
    let (first, second) = tokio::join!(one.tell_again(now), other.tell_again(now));
    assert_eq!((first.unwrap().open, second.unwrap().open), (2, 2));
    let standing = one.disclosures().get(&key).await.unwrap().unwrap();
    let told: Vec<_> = standing.notices.iter().map(|notice| notice.told).collect();
    assert_eq!(told, [2, 2], "each once, whoever did");
}
