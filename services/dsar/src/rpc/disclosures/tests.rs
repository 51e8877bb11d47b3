use kernel::{EventId, RequestId, ServiceError, TenantId};
use policy::request::{Actor, Cause};

use super::*;

fn id() -> Vec<u8> {
    EventId::new().to_bytes().to_vec()
}

fn record() -> wire::RecordDisclosureRequest {
    wire::RecordDisclosureRequest {
        disclosure_id: id(),
        recording_id: id(),
        recipient: "stt-vendor".to_owned(),
        purpose: "quality".to_owned(),
        at: 1_772_438_400_000_000,
        filed: "contract-7".to_owned(),
    }
}

fn answer() -> wire::AnswerNoticeRequest {
    wire::AnswerNoticeRequest {
        disclosure_id: id(),
        act_id: id(),
        state: "failed".to_owned(),
        filed: "smtp-550".to_owned(),
    }
}

/// The field that an answer names, and that it is the sender's fault.
#[track_caller]
fn names<T: std::fmt::Debug>(answer: Result<T, Error>, field: &str) {
    let error = answer.unwrap_err();
    assert_eq!(error.code(), kernel::ErrorCode::InvalidArgument, "{error:?}");
    let text = error.to_string();
    let begins = [format!("{field} must "), format!("{field} is ")];
    assert!(begins.iter().any(|begin| text.starts_with(begin)), "{text}");
    assert!(!text.contains("Bianchi"), "a sender's text is not repeated: {text}");
}

/// A field, and what makes it one that cannot be.
type Spoilt<M> = (&'static str, fn(&mut M));

#[test]
fn a_disclosure_is_read_as_it_was_recorded() {
    let new = new_disclosure(&record()).unwrap();
    assert_eq!((new.recipient.as_str(), new.filed.as_str()), ("stt-vendor", "contract-7"));
    assert_eq!(new.purpose, Some(PurposeName::new("quality").unwrap()));
    assert_eq!(new.at, Some(Timestamp(1_772_438_400_000_000)));
    let plain = wire::RecordDisclosureRequest { purpose: String::new(), at: 0, ..record() };
    let plain = new_disclosure(&plain).unwrap();
    assert_eq!((plain.purpose, plain.at), (None, None));
}

#[test]
fn a_disclosure_that_cannot_be_is_refused_by_its_field() {
    let cases: &[Spoilt<wire::RecordDisclosureRequest>] = &[
        ("disclosure_id", |asked| asked.disclosure_id.clear()),
        ("disclosure_id", |asked| asked.disclosure_id = vec![0; 16]),
        ("recording_id", |asked| asked.recording_id.push(7)),
        ("recipient", |asked| asked.recipient.clear()),
        ("recipient", |asked| asked.recipient = "Anna Bianchi".to_owned()),
        ("purpose", |asked| asked.purpose = "Anna Bianchi".to_owned()),
        ("at", |asked| asked.at = -1),
        ("filed", |asked| asked.filed.clear()),
        ("filed", |asked| asked.filed = "Anna Bianchi".to_owned()),
    ];
    for (field, spoil) in cases {
        let mut asked = record();
        spoil(&mut asked);
        names(new_disclosure(&asked), field);
    }
}

#[test]
fn an_answer_that_cannot_be_is_refused_by_its_field() {
    let read = answered(&answer()).unwrap();
    assert_eq!((read.state, read.filed), (NoticeState::Failed, Some(Code::new("smtp-550").unwrap())));
    let plain = wire::AnswerNoticeRequest { filed: String::new(), ..answer() };
    assert_eq!(answered(&plain).unwrap().filed, None);
    let cases: &[Spoilt<wire::AnswerNoticeRequest>] = &[
        ("disclosure_id", |asked| asked.disclosure_id.clear()),
        ("act_id", |asked| asked.act_id.push(7)),
        ("state", |asked| asked.state.clear()),
        ("state", |asked| asked.state = "Anna Bianchi".to_owned()),
        ("filed", |asked| asked.filed = "Anna Bianchi".to_owned()),
    ];
    for (field, spoil) in cases {
        let mut asked = answer();
        spoil(&mut asked);
        names(answered(&asked), field);
    }
}

#[test]
fn a_page_goes_on_from_a_token_that_was_given() {
    assert_eq!(last("").unwrap(), None);
    let id = DisclosureId::new();
    assert_eq!(last(&id.to_string()).unwrap(), Some(id));
    names(last("Bianchi"), "page_token");
}

#[test]
fn what_is_told_is_what_stands() {
    let request = RequestId::new();
    let disclosure = Disclosure {
        key: DisclosureKey { tenant: TenantId::new("banca-alfa").unwrap(), id: DisclosureId::new() },
        recording: RecordingId::new(),
        recipient: Code::new("consob").unwrap(),
        purpose: None,
        at: Timestamp(5),
        by: Actor::new("anna").unwrap(),
        origin: Origin::Filed(Code::new("order-3").unwrap()),
        notices: Vec::new(),
        version: 1,
    };
    let disclosure = disclosure.with_notice(Cause::Erased, [7; 16], Timestamp(9)).unwrap().unwrap();
    let told = shown(&disclosure);
    assert_eq!((told.recipient.as_str(), told.purpose.as_str(), told.at), ("consob", "", 5));
    assert_eq!((told.filed.as_str(), told.request_id.len(), told.version), ("order-3", 0, 2));
    let [notice] = told.notices.as_slice() else { panic!("one notice") };
    assert_eq!((notice.cause.as_str(), notice.state.as_str()), ("erased", "due"));
    assert_eq!((notice.since, notice.told, notice.told_at, notice.answered_at), (9, 1, 9, 0));
    assert_eq!((notice.act_id.clone(), notice.filed.as_str()), (vec![7; 16], ""));
    let copy = shown(&Disclosure { origin: Origin::Copy(request), ..disclosure });
    assert_eq!((copy.request_id, copy.filed), (request.to_bytes().to_vec(), String::new()));
}
