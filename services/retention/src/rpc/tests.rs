//! The contract, field by field, with a context as the guard makes it.

use kernel::{Principal, PrincipalKind, Role as Bearer, SubjectId, Timestamp};
use platform::auth::Token;
use platform::error::reason;
use proto::retention::v1 as wire;
use tonic::Code;

use super::*;
use crate::store::Store;
use crate::testing::{Bench, DAY, START, after, six_years, tenant};

struct Stand {
    bench: Bench,
    rpc: Rpc,
}

impl Stand {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let rpc = Rpc::new(Arc::clone(&bench.service), Arc::clone(&bench.erasing));
        Self { bench, rpc }
    }
}

fn asked<M>(by: &str, message: M) -> Request<M> {
    let principal = Principal {
        id: by.to_owned(),
        kind: PrincipalKind::Person,
        roles: [Bearer::Compliance].into(),
        tenants: [tenant()].into(),
    };
    let mut call = CallContext::new(principal, Token::new("t"), "tested");
    call.tenant = Some(tenant());
    let mut request = Request::new(message);
    request.extensions_mut().insert(call);
    request
}

fn place(recordings: &[RecordingId]) -> wire::PlaceHoldRequest {
    wire::PlaceHoldRequest {
        hold_id: HoldId::new().to_bytes().to_vec(),
        kind: wire::HoldKind::Litigation.into(),
        selector: Some(wire::HoldSelector {
            recording_ids: recordings.iter().map(|id| id.to_bytes().to_vec()).collect(),
            ..wire::HoldSelector::default()
        }),
        reason: "case-7".to_owned(),
        review_at: after(DAY * 180).0,
        purposes: Vec::new(),
    }
}

fn restrict(recordings: &[RecordingId], purposes: &[&str]) -> wire::PlaceHoldRequest {
    wire::PlaceHoldRequest {
        kind: wire::HoldKind::Restriction.into(),
        purposes: purposes.iter().map(|name| (*name).to_owned()).collect(),
        ..place(recordings)
    }
}

fn extend() -> ExtendRequest {
    ExtendRequest {
        reference: "CONSOB/2026:0412".to_owned(),
        regime: "mifid2-16-7".to_owned(),
        until: six_years().0,
        from: START.0,
        to: after(DAY).0,
        subject_ids: Vec::new(),
    }
}

fn selected(request: &mut wire::PlaceHoldRequest) -> &mut wire::HoldSelector {
    request.selector.as_mut().unwrap()
}

/// The field that an answer names, and that it is the sender's fault.
#[track_caller]
fn names<T: std::fmt::Debug>(answer: Answer<T>, field: &str) {
    let status = answer.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::InvalidArgument, "invalid-argument"), "{status:?}");
    assert!(status.message().starts_with(&format!("{field} ")), "{field}: {}", status.message());
    assert!(!status.message().contains("Bianchi"), "a sender's text is not repeated");
}

/// A field, and what makes it one that cannot be.
type Spoilt<M> = (&'static str, fn(&mut M));

#[tokio::test]
async fn a_hold_that_cannot_be_is_refused_by_its_field_and_leaves_nothing() {
    let stand = Stand::new().await;
    let id = stand.bench.recording().await;
    let before = stand.bench.traces().await;
    let cases: &[Spoilt<wire::PlaceHoldRequest>] = &[
        ("hold_id", |asked| asked.hold_id.clear()),
        ("hold_id", |asked| asked.hold_id.push(0)),
        ("kind", |asked| asked.kind = 0),
        ("kind", |asked| asked.kind = 99),
        ("selector", |asked| asked.selector = None),
        ("selector", |asked| selected(asked).recording_ids.clear()),
        ("selector", |asked| selected(asked).subject_ids.push(vec![7; 16])),
        ("selector", |asked| (selected(asked).from, selected(asked).to) = (1, 2)),
        ("selector.recording_ids", |asked| selected(asked).recording_ids[0].truncate(15)),
        ("selector.recording_ids", |asked| {
            let twice = selected(asked).recording_ids[0].clone();
            selected(asked).recording_ids.push(twice);
        }),
        ("selector.recording_ids", |asked| {
            let many = (0..=crate::hold::MAX_NAMED).map(|_| RecordingId::new().to_bytes().to_vec());
            selected(asked).recording_ids = many.collect();
        }),
        ("selector.subject_ids", |asked| {
            let persons = vec![vec![7; 16]; 2];
            *selected(asked) = wire::HoldSelector { subject_ids: persons, ..Default::default() };
        }),
        ("selector.to", |asked| {
            *selected(asked) = wire::HoldSelector { from: 5, to: 5, ..Default::default() };
        }),
        ("selector.to", |asked| {
            *selected(asked) = wire::HoldSelector { from: 5, to: 0, ..Default::default() };
        }),
        ("reason", |asked| asked.reason.clear()),
        ("reason", |asked| asked.reason = "Anna Bianchi asks".to_owned()),
        ("review_at", |asked| asked.review_at = 0),
        ("review_at", |asked| asked.review_at = i64::MAX),
        ("purposes", |asked| asked.purposes = vec!["quality".to_owned()]),
        ("purposes", |asked| {
            asked.purposes = vec!["quality".to_owned()];
            asked.kind = wire::HoldKind::Subject.into();
        }),
        ("purposes", |asked| {
            asked.purposes = vec!["Anna Bianchi".to_owned()];
            asked.kind = wire::HoldKind::Restriction.into();
        }),
        ("purposes", |asked| {
            asked.purposes = vec!["quality".to_owned(); 2];
            asked.kind = wire::HoldKind::Restriction.into();
        }),
        ("purposes", |asked| {
            asked.purposes = (0..=crate::hold::MAX_PURPOSES).map(|number| format!("p-{number}")).collect();
            asked.kind = wire::HoldKind::Restriction.into();
        }),
    ];
    for (field, spoil) in cases {
        let mut message = place(&[id]);
        spoil(&mut message);
        names(stand.rpc.place_hold(asked("anna", message)).await, field);
    }
    let unknown = stand.rpc.place_hold(asked("anna", place(&[RecordingId::new()]))).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    assert_eq!(stand.bench.traces().await, before);
}

#[tokio::test]
async fn a_hold_is_placed_listed_and_released_over_the_contract() {
    let stand = Stand::new().await;
    let id = stand.bench.recording().await;
    let message = place(&[id]);
    let placed = stand.rpc.place_hold(asked("anna", message.clone())).await.unwrap().into_inner();
    let again = stand.rpc.place_hold(asked("anna", message.clone())).await.unwrap().into_inner();
    assert_eq!(placed, again);
    let hold = placed.hold.unwrap();
    assert_eq!(
        (&hold.hold_id, &hold.selector, hold.kind),
        (&message.hold_id, &message.selector, message.kind)
    );
    assert_eq!((hold.placed_by.as_str(), hold.review_at), ("anna", message.review_at));
    let rival = wire::PlaceHoldRequest { reason: "case-8".to_owned(), ..message.clone() };
    let refused = stand.rpc.place_hold(asked("anna", rival)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "other-hold"));
    let release = async |by: &str, hold_id: &[u8]| {
        stand.rpc.release_hold(asked(by, ReleaseHoldRequest { hold_id: hold_id.to_vec() })).await
    };
    for (by, word) in [("anna", "placed-by-same"), ("bruno", ""), ("bruno", "asked-by-same"), ("carla", "")] {
        match release(by, &hold.hold_id).await {
            Ok(_) => assert_eq!(word, ""),
            Err(status) => assert_eq!((status.code(), reason(&status)), (Code::FailedPrecondition, word)),
        }
    }
    let late = release("dario", &hold.hold_id).await.unwrap_err();
    assert_eq!(reason(&late), "already-released");
    assert_eq!(release("dario", &[9; 16]).await.unwrap_err().code(), Code::NotFound);
    names(release("dario", &[9; 15]).await, "hold_id");
    let list = async |message| stand.rpc.list_holds(asked("anna", message)).await;
    let one = ListHoldsRequest { hold_id: hold.hold_id.clone(), ..Default::default() };
    let state = list(one).await.unwrap().into_inner().holds[0].state;
    assert_eq!(state, i32::from(wire::HoldState::Released));
    let unknown = ListHoldsRequest { hold_id: vec![9; 16], ..Default::default() };
    assert_eq!(list(unknown).await.unwrap_err().code(), Code::NotFound);
    let released = ListHoldsRequest { released: true, ..Default::default() };
    assert_eq!(list(released).await.unwrap().into_inner().holds.len(), 1);
    assert_eq!(list(ListHoldsRequest::default()).await.unwrap().into_inner().holds, []);
    names(list(ListHoldsRequest { page_size: 501, ..Default::default() }).await, "page_size");
    names(list(ListHoldsRequest { page_token: "x".into(), ..Default::default() }).await, "page_token");
    names(list(ListHoldsRequest { hold_id: vec![1], ..Default::default() }).await, "hold_id");
}

#[tokio::test]
async fn a_restriction_comes_back_with_its_purposes_and_is_shown_beside_the_holds() {
    let stand = Stand::new().await;
    let id = stand.bench.recording().await;
    let names: Vec<_> = (0..crate::hold::MAX_PURPOSES).map(|number| format!("p-{number}")).collect();
    let most: Vec<_> = names.iter().map(String::as_str).collect();
    for purposes in [&[][..], &["quality"][..], &most[..]] {
        let message = restrict(&[id], purposes);
        let placed = stand.rpc.place_hold(asked("anna", message.clone())).await.unwrap().into_inner();
        let mut hold = placed.hold.unwrap();
        assert_eq!(hold.kind(), wire::HoldKind::Restriction);
        hold.purposes.sort_unstable();
        let mut expected = message.purposes;
        expected.sort_unstable();
        assert_eq!((hold.purposes, placed.stopped, placed.erased_before), (expected, vec![], vec![]));
    }
    let explain = ExplainRequest { recording_id: id.to_bytes().to_vec() };
    let explained = stand.rpc.explain(asked("anna", explain)).await.unwrap().into_inner();
    assert_eq!(explained.holds.len(), 3);
    let message = MayServeRequest {
        recording_id: id.to_bytes().to_vec(),
        purpose: "quality".to_owned(),
        r#use: Use::Replay.number(),
        reference: String::new(),
    };
    let answer = stand.rpc.may_serve(asked("crypto", message)).await.unwrap().into_inner();
    assert_eq!(answer, MayServeResponse { allowed: false, reason: "restricted".to_owned() });
}

#[tokio::test]
async fn holds_of_persons_and_ranges_come_back_as_they_were_asked_for() {
    let stand = Stand::new().await;
    let persons = vec![SubjectId::new().to_bytes().to_vec()];
    for selector in [
        wire::HoldSelector { subject_ids: persons.clone(), ..Default::default() },
        wire::HoldSelector { from: 0, to: 5, ..Default::default() },
        wire::HoldSelector { from: -5, to: 5, subject_ids: persons, ..Default::default() },
    ] {
        let message = wire::PlaceHoldRequest { selector: Some(selector.clone()), ..place(&[]) };
        let placed = stand.rpc.place_hold(asked("anna", message)).await.unwrap().into_inner();
        assert_eq!(placed.hold.unwrap().selector, Some(selector));
    }
    let mut tokens = 0;
    let mut page_token = String::new();
    loop {
        let message = ListHoldsRequest { page_size: 1, page_token, ..Default::default() };
        let page = stand.rpc.list_holds(asked("anna", message)).await.unwrap().into_inner();
        tokens += page.holds.len();
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(tokens, 3);
}

#[tokio::test]
async fn an_order_that_cannot_be_is_refused_by_its_field_and_leaves_nothing() {
    let stand = Stand::new().await;
    stand.bench.recording().await;
    let before = stand.bench.traces().await;
    let cases: &[Spoilt<ExtendRequest>] = &[
        ("reference", |asked| asked.reference.clear()),
        ("reference", |asked| asked.reference = "Anna Bianchi asks".to_owned()),
        ("reference", |asked| asked.reference = "x".repeat(65)),
        ("regime", |asked| asked.regime.clear()),
        ("regime", |asked| asked.regime = "Anna Bianchi".to_owned()),
        ("regime", |asked| asked.regime = "lex-futura".to_owned()),
        ("until", |asked| asked.until = 0),
        ("until", |asked| asked.until = i64::MAX),
        ("to", |asked| asked.to = asked.from),
        ("to", |asked| asked.to = 0),
        ("subject_ids", |asked| asked.subject_ids = vec![vec![1; 15]]),
        ("subject_ids", |asked| asked.subject_ids = vec![vec![1; 16]; 2]),
    ];
    for (field, spoil) in cases {
        let mut message = extend();
        spoil(&mut message);
        names(stand.rpc.extend(asked("cosimo", message)).await, field);
    }
    assert_eq!(stand.bench.traces().await, before);
    let done = stand.rpc.extend(asked("cosimo", extend())).await.unwrap().into_inner();
    assert_eq!(done.lengthened, 1);
    let rival = ExtendRequest { to: after(DAY * 2).0, ..extend() };
    let refused = stand.rpc.extend(asked("cosimo", rival)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "other-order"));
}

#[tokio::test]
async fn whether_a_purpose_may_serve_is_answered_with_a_reason() {
    let stand = Stand::new().await;
    let id = stand.bench.recording().await;
    let message = MayServeRequest {
        recording_id: id.to_bytes().to_vec(),
        purpose: "quality".to_owned(),
        r#use: Use::Replay.number(),
        reference: String::new(),
    };
    let ask = async |message| stand.rpc.may_serve(asked("crypto", message)).await;
    let answer = ask(message.clone()).await.unwrap().into_inner();
    assert_eq!(answer, MayServeResponse { allowed: true, reason: String::new() });
    for (changed, word) in [
        (MayServeRequest { purpose: "training".to_owned(), ..message.clone() }, "not-kept"),
        (MayServeRequest { r#use: Use::LegalClaim.number(), ..message.clone() }, "no-hold"),
        (MayServeRequest { r#use: Use::Authority.number(), ..message.clone() }, "no-order"),
        (MayServeRequest { r#use: Use::Probe.number(), ..message.clone() }, "probe"),
    ] {
        let answer = ask(changed).await.unwrap().into_inner();
        assert_eq!(answer, MayServeResponse { allowed: false, reason: word.to_owned() });
    }
    names(ask(MayServeRequest { recording_id: vec![1], ..message.clone() }).await, "recording_id");
    names(ask(MayServeRequest { purpose: "Anna Bianchi".into(), ..message.clone() }).await, "purpose");
    for r#use in [0, 99] {
        names(ask(MayServeRequest { r#use, ..message.clone() }).await, "use");
    }
}

#[tokio::test]
async fn a_recording_is_explained_with_its_rules_and_their_articles() {
    let stand = Stand::new().await;
    let id = stand.bench.recording().await;
    stand.rpc.extend(asked("cosimo", extend())).await.unwrap();
    stand.rpc.place_hold(asked("anna", place(&[id]))).await.unwrap();
    let explain =
        async |recording_id: Vec<u8>| stand.rpc.explain(asked("anna", ExplainRequest { recording_id })).await;
    let explained = explain(id.to_bytes().to_vec()).await.unwrap().into_inner();
    let kept = stand.bench.kept(id).await;
    assert_eq!((explained.started_at, explained.ended_at), (kept.started_at.0, kept.ended_at.0));
    assert_eq!((explained.terms.len(), explained.holds.len()), (6, 1));
    let ends = kept.terms.iter().map(|term| term.stamp.ends.0);
    assert_eq!((Some(explained.earliest), Some(explained.latest)), (ends.clone().min(), ends.max()));
    let duty = explained.terms.iter().find(|term| term.purpose == "duty").unwrap();
    let (set_by, verdicts): (Vec<_>, Vec<_>) =
        duty.considered.iter().map(|rule| (rule.set_by.as_str(), rule.verdict.as_str())).unzip();
    assert_eq!((set_by, verdicts), (vec!["law", "authority"], vec!["outdone", "wins"]));
    assert!(duty.article.contains("2014/65/EU Art. 16(7)"), "{}", duty.article);
    assert_eq!(explain(RecordingId::new().to_bytes().to_vec()).await.unwrap_err().code(), Code::NotFound);
    names(explain(Vec::new()).await, "recording_id");
}

#[tokio::test]
async fn what_is_due_is_listed_by_date() {
    let stand = Stand::new().await;
    let id = stand.bench.recording().await;
    let list = async |message| stand.rpc.list_due(asked("anna", message)).await;
    assert_eq!(list(ListDueRequest::default()).await.unwrap().into_inner().recordings, []);
    let ends = stand.bench.audio_ends(id, "quality").await;
    let by = ListDueRequest { by: ends.0, ..Default::default() };
    let due = list(by).await.unwrap().into_inner().recordings;
    assert_eq!((due.len(), due[0].at, due[0].purposes.as_slice()), (1, ends.0, &["quality".to_owned()][..]));
    stand.bench.clock.set(Timestamp(ends.0));
    assert_eq!(
        list(ListDueRequest::default()).await.unwrap().into_inner().recordings,
        due,
        "now is the default"
    );
    names(list(ListDueRequest { by: -1, ..Default::default() }).await, "by");
    names(list(ListDueRequest { page_size: 501, ..Default::default() }).await, "page_size");
    names(list(ListDueRequest { page_token: "x".into(), ..Default::default() }).await, "page_token");
}

#[tokio::test]
async fn a_handler_without_a_guard_answers_nothing() {
    let stand = Stand::new().await;
    let unguarded = stand.rpc.list_holds(Request::new(ListHoldsRequest::default())).await.unwrap_err();
    assert_eq!(unguarded.code(), Code::Internal);
    assert_eq!(stand.bench.store.standing(&tenant()).await.unwrap(), []);
}
