//! What is malformed is refused by the name of its field.

use proto::common::v1::IdentifierKind;

use super::*;

fn record() -> wire::RecordEventRequest {
    wire::RecordEventRequest {
        event_id: vec![1; 16],
        subject: Some(wire::record_event_request::Subject::SubjectId(vec![2; 16])),
        kind: EventKind::Given.into(),
        purposes: vec!["quality".to_owned()],
        scope: wire::ConsentScope::Call.into(),
        recording_id: vec![3; 16],
        notice: "notice-it-3".to_owned(),
        position: Some(5),
        occurred_at: 6,
        expression: Expression::Dtmf.into(),
    }
}

fn authorize() -> wire::AuthorizeRequest {
    let phone = WireIdentifier { kind: IdentifierKind::Phone.into(), value: "+3906123456".to_owned() };
    wire::AuthorizeRequest {
        recording_id: vec![3; 16],
        started_at: 6,
        parties: vec![wire::Party { role: PartyRole::Customer.into(), identifiers: vec![phone] }],
        purposes: vec!["quality".to_owned()],
        language: "it".to_owned(),
    }
}

fn field(error: Error) -> &'static str {
    match error {
        Error::Invalid { field, .. } => field,
        Error::Identifier(_) => "identifier",
        other => panic!("{other}"),
    }
}

#[test]
fn a_whole_event_is_read() {
    let (who, said) = said(record()).unwrap();
    assert!(matches!(who, Who::Subject(id) if id == SubjectId::from_bytes([2; 16])));
    let recording = RecordingId::from_bytes([3; 16]);
    assert_eq!((said.reach, said.said_in, said.position), (Reach::Call(recording), Some(recording), Some(5)));
    assert_eq!((said.kind, said.expression), (EventKind::Given, Expression::Dtmf));
    let account = wire::RecordEventRequest { scope: wire::ConsentScope::Account.into(), ..record() };
    assert_eq!(self::said(account).unwrap().1.reach, Reach::Account);
}

#[test]
fn a_malformed_event_is_refused_by_field() {
    type Spoil = fn(&mut wire::RecordEventRequest);
    let table: &[(&str, Spoil)] = &[
        ("event_id", |r| r.event_id.clear()),
        ("event_id", |r| r.event_id.push(1)),
        ("subject", |r| r.subject = None),
        ("subject_id", |r| r.subject = Some(wire::record_event_request::Subject::SubjectId(vec![2; 15]))),
        ("identifier", |r| {
            r.subject = Some(wire::record_event_request::Subject::Identifier(WireIdentifier::default()));
        }),
        ("kind", |r| r.kind = 0),
        ("kind", |r| r.kind = 99),
        ("purpose", |r| r.purposes.push("Not A Slug".to_owned())),
        ("purposes", |r| r.purposes = vec!["quality".to_owned(); 33]),
        ("scope", |r| r.scope = 0),
        ("scope", |r| r.scope = 9),
        ("recording_id", |r| r.recording_id.clear()),
        ("recording_id", |r| r.recording_id.push(1)),
        ("notice", |r| r.notice = "Not A Slug".to_owned()),
        ("position", |r| r.position = Some(u64::MAX)),
        ("position", |r| {
            r.scope = wire::ConsentScope::Account.into();
            r.recording_id.clear();
        }),
        ("occurred_at", |r| r.occurred_at = 0),
        ("occurred_at", |r| r.occurred_at = -1),
        ("expression", |r| r.expression = 77),
    ];
    for (expected, spoil) in table {
        let mut request = record();
        spoil(&mut request);
        assert_eq!(field(said(request).unwrap_err()), *expected);
    }
}

#[test]
fn a_malformed_call_is_refused_by_field() {
    type Spoil = fn(&mut wire::AuthorizeRequest);
    let table: &[(&str, Spoil)] = &[
        ("recording_id", |r| r.recording_id.clear()),
        ("started_at", |r| r.started_at = 0),
        ("parties", |r| r.parties = vec![wire::Party::default(); 33]),
        ("role", |r| r.parties[0].role = 0),
        ("role", |r| r.parties[0].role = 42),
        ("identifiers", |r| r.parties[0].identifiers = vec![WireIdentifier::default(); 17]),
        ("purpose", |r| r.purposes.push(String::new())),
        ("purposes", |r| r.purposes = vec!["quality".to_owned(); 33]),
        ("language", |r| r.language = "x".repeat(36)),
    ];
    for (expected, spoil) in table {
        let mut request = authorize();
        spoil(&mut request);
        assert_eq!(field(call(request).unwrap_err()), *expected);
    }
}

#[test]
fn a_call_is_not_lost_for_an_identifier_that_is_none() {
    let mut request = authorize();
    let withheld = WireIdentifier { kind: IdentifierKind::Phone.into(), value: "anonymous".to_owned() };
    request.parties[0].identifiers.push(withheld);
    let (call, unusable) = call(request).unwrap();
    assert_eq!((call.parties[0].identifiers.len(), unusable), (1, 1));
}

#[test]
fn no_moment_is_now() {
    let now = Timestamp(9);
    assert_eq!(at(0, now).unwrap(), now);
    assert_eq!(at(7, now).unwrap(), Timestamp(7));
    assert_eq!(field(at(-1, now).unwrap_err()), "at");
}

#[test]
fn a_malformed_link_is_refused_by_field() {
    let link = || wire::LinkSubjectsRequest {
        a_id: vec![2; 16],
        b_id: vec![1; 16],
        op: wire::LinkOp::Merge.into(),
        evidence: "case/2026-7".to_owned(),
    };
    let read = wanted(link()).unwrap();
    assert_eq!(read.pair.both(), [SubjectId::from_bytes([1; 16]), SubjectId::from_bytes([2; 16])]);
    assert_eq!((read.op, read.evidence.as_str()), (LinkOp::Merge, "case/2026-7"));
    type Spoil = fn(&mut wire::LinkSubjectsRequest);
    let table: &[(&str, Spoil)] = &[
        ("a_id", |r| r.a_id.clear()),
        ("b_id", |r| r.b_id.push(1)),
        ("op", |r| r.op = 0),
        ("op", |r| r.op = 3),
        ("evidence", |r| r.evidence.clear()),
        ("evidence", |r| r.evidence = "she said so".to_owned()),
    ];
    for (expected, spoil) in table {
        let mut request = link();
        spoil(&mut request);
        assert_eq!(field(wanted(request).unwrap_err()), *expected);
    }
    let same = wire::LinkSubjectsRequest { b_id: vec![2; 16], ..link() };
    assert_eq!(wanted(same).unwrap_err().reason(), Some("same-subject"));
}

#[test]
fn what_is_given_on_is_given_on_from_a_moment() {
    let phone = WireIdentifier { kind: IdentifierKind::Phone.into(), value: "+3906123456".to_owned() };
    let request = |from| wire::ReassignIdentifierRequest { identifier: Some(phone.clone()), from };
    assert_eq!(reassign(request(7)).unwrap().1, Timestamp(7));
    assert_eq!(field(reassign(request(0)).unwrap_err()), "from");
    let nothing = wire::ReassignIdentifierRequest { identifier: None, from: 7 };
    assert_eq!(field(reassign(nothing).unwrap_err()), "identifier");
}
