//! What was given away is written down once, and what its recipients must know of comes to be due once.

use std::collections::BTreeSet;

use kernel::RequestId;
use policy::request::{Asker, ItemKey, PlanName, State};
use policy::rights::Right;

use super::*;
use crate::act::RequestKey;
use crate::error::told;
use crate::testing::{Bench, DAY, actor, disclosed, new_disclosure, tenant};
use crate::working::tests::{decided, planned, with_a_call};

const ACT: [u8; 16] = [7; 16];

fn word(error: &Error) -> String {
    platform::error::reason(&told(error)).to_owned()
}

async fn all(service: &Service, recording: RecordingId) -> Vec<Disclosure> {
    service.disclosures_of(&tenant(), recording, None, MAX_LISTED).await.unwrap()
}

fn code(text: &str) -> Code {
    Code::new(text).unwrap()
}

#[tokio::test]
async fn a_disclosure_is_recorded_once_and_stands_whatever_becomes_of_the_recording() {
    let bench = Bench::new().await;
    let (_, id) = with_a_call(&bench);
    let service = bench.service();
    let new = new_disclosure(id, "consob");
    let recorded = service.disclose(&tenant(), &actor("anna"), new.clone()).await.unwrap();
    assert_eq!((recorded.at, recorded.version), (service.now(), 1));
    assert_eq!(recorded.origin, Origin::Filed(code("contract-7")));
    bench.pass(DAY);
    bench.mesh.state().recordings.clear();
    let again = service.disclose(&tenant(), &actor("bruno"), new.clone()).await.unwrap();
    assert_eq!(again, recorded, "the same again has no second effect");
    let other = NewDisclosure { recipient: code("stt-vendor"), ..new };
    let refused = service.disclose(&tenant(), &actor("anna"), other).await.unwrap_err();
    assert_eq!(word(&refused), "other-disclosure");
    assert_eq!(all(&service, id).await, [recorded]);
}

#[tokio::test]
async fn what_cannot_have_been_disclosed_is_refused_and_not_there() {
    let bench = Bench::new().await;
    let (_, id) = with_a_call(&bench);
    let service = bench.service();
    let good = || new_disclosure(id, "consob");
    let tomorrow = service.now().plus(DAY);
    let cases = [
        ("in the future", NewDisclosure { at: Some(tomorrow), ..good() }, ErrorCode::InvalidArgument),
        ("an unknown call", new_disclosure(RecordingId::new(), "consob"), ErrorCode::NotFound),
        ("the person", new_disclosure(id, DATA_SUBJECT), ErrorCode::InvalidArgument),
        ("who asks for them", new_disclosure(id, REPRESENTATIVE), ErrorCode::InvalidArgument),
    ];
    for (case, new, expected) in cases {
        let refused = service.disclose(&tenant(), &actor("anna"), new).await.unwrap_err();
        assert_eq!(refused.code(), expected, "{case}");
    }
    bench.mesh.fail("recording");
    let away = service.disclose(&tenant(), &actor("anna"), good()).await.unwrap_err();
    assert_eq!(away.code(), ErrorCode::Unavailable, "who cannot be asked does not say that there is none");
    assert!(all(&service, id).await.is_empty());
    let yesterday = NewDisclosure { at: Some(Timestamp(tomorrow.0 - 1)), ..good() };
    bench.pass(DAY);
    assert!(service.disclose(&tenant(), &actor("anna"), yesterday).await.is_ok());
}

#[tokio::test]
async fn an_act_comes_to_be_due_once_at_each_recipient_of_that_recording() {
    let bench = Bench::new().await;
    let ((_, id), (_, other)) = (with_a_call(&bench), with_a_call(&bench));
    let service = bench.service();
    for recipient in ["consob", "stt-vendor"] {
        disclosed(&service, id, recipient).await;
    }
    disclosed(&service, other, "consob").await;
    assert_eq!(service.note_act(&tenant(), id, Cause::Erased, ACT).await.unwrap(), 2);
    assert_eq!(service.note_act(&tenant(), id, Cause::Erased, ACT).await.unwrap(), 0, "again");
    assert_eq!(service.note_act(&tenant(), id, Cause::Restricted, [8; 16]).await.unwrap(), 2, "another act");
    for disclosure in all(&service, id).await {
        let told: Vec<_> = disclosure.notices.iter().map(|notice| (notice.cause, notice.told)).collect();
        assert_eq!(told, [(Cause::Erased, 1), (Cause::Restricted, 1)]);
    }
    assert!(all(&service, other).await.iter().all(|disclosure| disclosure.notices.is_empty()));
    assert_eq!(service.unanswered(&tenant(), None, MAX_LISTED).await.unwrap().len(), 2);
}

#[tokio::test]
async fn who_answers_a_notice_that_is_not_there_is_refused() {
    let bench = Bench::new().await;
    let (_, id) = with_a_call(&bench);
    let service = bench.service();
    let disclosure = disclosed(&service, id, "consob").await;
    let answer = |key, act, state| service.answer_notice(key, act, state, None);
    let refused = answer(&disclosure.key, ACT, NoticeState::Acknowledged).await.unwrap_err();
    assert_eq!(word(&refused), "no-such-notice");
    let nobody = DisclosureKey { id: DisclosureId::new(), ..disclosure.key.clone() };
    let unknown = answer(&nobody, ACT, NoticeState::Acknowledged).await.unwrap_err();
    assert_eq!(unknown.code(), ErrorCode::NotFound);
    service.note_act(&tenant(), id, Cause::Erased, ACT).await.unwrap();
    let silent = answer(&disclosure.key, ACT, NoticeState::Impossible).await.unwrap_err();
    assert_eq!(silent.code(), ErrorCode::InvalidArgument, "it must say why");
    let known = answer(&disclosure.key, ACT, NoticeState::Acknowledged).await.unwrap();
    assert_eq!((known.version, known.is_open()), (3, false));
    let again = answer(&disclosure.key, ACT, NoticeState::Acknowledged).await.unwrap();
    assert_eq!(again.version, 3, "the same again changes nothing");
}

#[tokio::test]
async fn answers_at_once_are_all_taken() {
    let bench = Bench::new().await;
    let (_, id) = with_a_call(&bench);
    let service = bench.service();
    let disclosure = disclosed(&service, id, "consob").await;
    let acts = [[1; 16], [2; 16], [3; 16], [4; 16]];
    for act in acts {
        service.note_act(&tenant(), id, Cause::Erased, act).await.unwrap();
    }
    let answer = |act| service.answer_notice(&disclosure.key, act, NoticeState::Acknowledged, None);
    for answered in futures::future::join_all(acts.map(answer)).await {
        answered.unwrap();
    }
    let stands = &all(&service, id).await[0];
    assert_eq!((stands.version, stands.is_open()), (9, false));
}

#[tokio::test]
async fn a_copy_is_a_disclosure_to_who_asked_however_often_it_is_fetched() {
    let bench = Bench::new().await;
    let (customer, id) = with_a_call(&bench);
    let service = bench.service();
    let (key, file) = planned(&service, customer, &[Right::Access]).await;
    let file = decided(&service, &key, &file).await;
    let items: BTreeSet<_> = file.unsettled().map(|(key, _)| key.clone()).collect();
    assert!(all(&service, id).await.is_empty(), "nothing was handed out yet");
    service.handed(&key, &items, &[id].into()).await.unwrap();
    assert_eq!(service.file(&key).await.unwrap().request.state(), State::Responding);
    bench.pass(DAY);
    service.handed(&key, &items, &[id].into()).await.unwrap();
    let found = all(&service, id).await;
    let [copy] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((copy.recipient.as_str(), &copy.origin), (DATA_SUBJECT, &Origin::Copy(key.id)));
    assert_eq!((copy.by.as_str(), copy.version), ("service/dsar", 1));
    // Who has a copy of what is theirs asked for what is done with it, or is told of it by an answer.
    assert_eq!(service.note_act(&tenant(), id, Cause::Erased, ACT).await.unwrap(), 0);

    let another = RequestKey { tenant: tenant(), id: RequestId::new() };
    service.note_copy(&another, Asker::Representative, &[id].into()).await.unwrap();
    let recipients: Vec<_> =
        all(&service, id).await.into_iter().map(|disclosure| disclosure.recipient.to_string()).collect();
    assert!(recipients.contains(&REPRESENTATIVE.to_owned()) && recipients.len() == 2, "{recipients:?}");
}

#[tokio::test]
async fn what_is_put_right_by_hand_is_told_and_what_is_refused_is_not() {
    let bench = Bench::new().await;
    let (customer, id) = with_a_call(&bench);
    let service = bench.service();
    disclosed(&service, id, "stt-vendor").await;
    let (key, file) = planned(&service, customer, &[Right::Rectify]).await;
    let file = decided(&service, &key, &file).await;
    assert_eq!(file.waits_for(), "by-hand");
    let plan: PlanName = file.request.plan().unwrap().name.clone();
    let by_hand: BTreeSet<ItemKey> = file.unsettled().map(|(key, _)| key.clone()).collect();
    let mut wrong = by_hand.clone();
    wrong.insert(ItemKey::new("rectify/nothing-of-theirs").unwrap());
    let anna = actor("anna");
    let done = |items| service.done_by_hand(&key, &anna, &plan, items, code("statement-7"));
    done(wrong).await.unwrap_err();
    assert!(all(&service, id).await[0].notices.is_empty(), "what is not done is not told");
    done(by_hand).await.unwrap();
    let found = all(&service, id).await;
    let [notice] = found[0].notices.as_slice() else { panic!("{found:?}") };
    assert_eq!((notice.cause, notice.act), (Cause::Corrected, key.id.to_bytes()));
}
