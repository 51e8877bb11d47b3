//! What the service answers, over real stores.

use std::collections::BTreeSet;
use std::time::Duration;

use kernel::{ErrorCode, EventId, ServiceError};
use platform::outbox::OutboxStore;
use policy::{DenyReason, Outcome, Party};
use seal::SpanView;

use super::*;
use crate::admission::Said;
use crate::event::EventKind::{Asked, Deferred, Expired, Given, Invalidated, Refused, Withdrawn};
use crate::event::is_restrictive;
use crate::identity::Conflict;
use crate::testing::{
    Bench, POLICY, START, at, by_form, call, crm, notice, phone, purpose, purposes, said, tenant,
};

const ANNA: &str = "+393331112233";
const BRUNO: &str = "+393334445566";
const DAY: Duration = Duration::from_secs(86_400);

fn outcome(authorised: &Authorised, name: &str) -> Outcome {
    let grants = &authorised.decision.grants;
    grants.iter().find(|grant| grant.purpose.as_str() == name).unwrap().outcome.clone()
}

fn code(result: Result<Recorded, Error>) -> (ErrorCode, &'static str) {
    let error = result.unwrap_err();
    (error.code(), error.reason().unwrap_or("none"))
}

#[tokio::test]
async fn a_call_waits_for_consent_where_nobody_agreed_yet() {
    let bench = Bench::new().await;
    let authorised = bench.authorise(&call(&[ANNA], &["duty", "quality", "deal", "sales"])).await;
    assert_eq!(outcome(&authorised, "duty"), Outcome::Granted);
    assert_eq!(outcome(&authorised, "quality"), Outcome::AwaitingConsent);
    assert!(matches!(outcome(&authorised, "deal"), Outcome::AwaitingMark(_)));
    assert_eq!(outcome(&authorised, "sales"), Outcome::Denied(DenyReason::PurposeNotInPolicy));
    assert_eq!((authorised.subjects.len(), authorised.version), (2, 0));
}

#[tokio::test]
async fn the_withdrawn_call_had_consent_and_has_it_no_more() {
    let bench = Bench::new().await;
    let (recording, anna) = bench.call(ANNA, &["quality"]).await;
    assert_eq!(bench.may_use(recording, "quality").await, Err(Gone::NoConsent));
    assert_eq!(bench.says(anna, &notice(recording, "n5", 7_873)).await, "notified");
    assert_eq!(bench.says(anna, &said(Given, recording, &["quality"], 9_097)).await, "given");
    assert_eq!(bench.may_use(recording, "quality").await, Ok(()));
    assert_eq!(bench.says(anna, &said(Withdrawn, recording, &["quality"], 16_909)).await, "withdrawn");
    assert_eq!(bench.may_use(recording, "quality").await, Err(Gone::Withdrawn));
    assert_eq!(bench.may_use(recording, "duty").await, Ok(()));
}

#[tokio::test]
async fn a_withdrawal_prevails_in_whatever_order_events_are_heard() {
    let bench = Bench::new().await;
    let (recording, anna) = bench.call(ANNA, &["quality"]).await;
    assert_eq!(bench.says(anna, &said(Withdrawn, recording, &["quality"], 5_000)).await, "withdrawn");
    bench.says(anna, &notice(recording, "n5", 500)).await;
    assert_eq!(bench.says(anna, &said(Given, recording, &["quality"], 1_000)).await, "withdrawn");
    assert_eq!(bench.may_use(recording, "quality").await, Err(Gone::Withdrawn));
}

#[tokio::test]
async fn each_no_has_its_reason() {
    for (kind, reason) in [
        (Refused, Gone::Refused),
        (Deferred, Gone::NoConsent),
        (Withdrawn, Gone::Withdrawn),
        (Expired, Gone::Expired),
        (Invalidated, Gone::Invalidated),
    ] {
        let bench = Bench::new().await;
        let (recording, anna) = bench.call(ANNA, &["quality"]).await;
        bench.says(anna, &notice(recording, "n5", 500)).await;
        bench.says(anna, &said(kind, recording, &["quality"], 1_000)).await;
        assert_eq!(bench.may_use(recording, "quality").await, Err(reason), "{kind:?}");
    }
}

#[tokio::test]
async fn what_is_not_known_is_not_allowed() {
    let bench = Bench::new().await;
    let (recording, _) = bench.call(ANNA, &["quality"]).await;
    assert_eq!(bench.may_use(RecordingId::new(), "quality").await, Err(Gone::UnknownRecording));
    assert_eq!(bench.may_use(recording, "sales").await, Err(Gone::UnknownPurpose));
    let other = TenantId::new("banca-alfa").unwrap();
    let answer = bench.service.may_use(&other, recording, &purpose("duty")).await.unwrap();
    assert_eq!(answer, Err(Gone::UnknownRecording));
}

#[tokio::test]
async fn a_tenant_without_a_policy_records_nothing_and_is_told_why() {
    let bench = Bench::new().await;
    let other = TenantId::new("banca-alfa").unwrap();
    let call = call(&[ANNA], &["quality", "duty"]);
    let authorised = bench.service.authorise(&other, &call, |_| None).await.unwrap();
    assert_eq!(authorised.decision.policy, None);
    assert_eq!(outcome(&authorised, "duty"), Outcome::Denied(DenyReason::NoPolicy));
    let answer = bench.service.may_use(&other, call.recording, &purpose("duty")).await.unwrap();
    assert_eq!(answer, Err(Gone::NoPolicy));
    let unknown = bench.service.policy(&other, None).await.unwrap_err();
    assert_eq!((unknown.code(), unknown.reason()), (ErrorCode::NotFound, Some("no-policy")));
}

#[tokio::test]
async fn consent_for_every_call_starts_the_next_one_and_its_end_ends_them_all() {
    let bench = Bench::new().await;
    let (first, anna) = bench.call(ANNA, &["quality"]).await;
    let form = by_form(Given, &["quality"], at(-1_000));
    assert_eq!(bench.says(anna, &form).await, "given");
    let next = call(&[ANNA], &["quality"]);
    let authorised = bench.authorise(&next).await;
    assert_eq!(outcome(&authorised, "quality"), Outcome::Granted);
    assert_eq!(authorised.decision.grants[0].evidence, Some(form.id));
    assert_eq!(bench.may_use(next.recording, "quality").await, Ok(()));
    bench.says(anna, &by_form(Withdrawn, &["quality"], at(60_000))).await;
    for recording in [first, next.recording] {
        assert_eq!(bench.may_use(recording, "quality").await, Err(Gone::Withdrawn));
    }
    let after = bench.authorise(&call(&[ANNA], &["quality"])).await;
    assert_eq!(outcome(&after, "quality"), Outcome::AwaitingConsent);
}

#[tokio::test]
async fn consent_for_every_call_does_not_reach_a_call_that_had_started_before() {
    let bench = Bench::new().await;
    let (_, anna) = bench.call(ANNA, &["quality"]).await;
    assert_eq!(bench.says(anna, &by_form(Given, &["quality"], at(60_000))).await, "given");
    let table = [
        (START, Outcome::AwaitingConsent),
        (at(59_999), Outcome::AwaitingConsent),
        (at(60_000), Outcome::Granted),
        (at(90_000), Outcome::Granted),
    ];
    for (started_at, expected) in table {
        let authorised = bench.authorise(&Call { started_at, ..call(&[ANNA], &["quality"]) }).await;
        assert_eq!(outcome(&authorised, "quality"), expected, "{started_at}");
    }
    // What somebody says in a call that comes late counts in it as ever.
    let late = call(&[ANNA], &["quality"]);
    bench.authorise(&late).await;
    bench.says(anna, &notice(late.recording, "n5", 500)).await;
    assert_eq!(bench.says(anna, &said(Given, late.recording, &["quality"], 1_000)).await, "given");
    assert_eq!(bench.may_use(late.recording, "quality").await, Ok(()));
}

#[tokio::test]
async fn consent_that_is_given_anew_does_not_open_what_its_end_has_closed() {
    let bench = Bench::new().await;
    let (recording, anna) = bench.call(ANNA, &["quality"]).await;
    bench.says(anna, &notice(recording, "n5", 500)).await;
    bench.says(anna, &said(Given, recording, &["quality"], 1_000)).await;
    bench.says(anna, &by_form(Withdrawn, &["quality"], at(600_000))).await;
    assert_eq!(bench.says(anna, &by_form(Given, &["quality"], at(1_200_000))).await, "given");
    assert_eq!(bench.may_use(recording, "quality").await, Err(Gone::Withdrawn));
    let next = Call { started_at: at(2_000_000), ..call(&[ANNA], &["quality"]) };
    assert_eq!(outcome(&bench.authorise(&next).await, "quality"), Outcome::Granted);
    assert_eq!(bench.may_use(next.recording, "quality").await, Ok(()));
}

#[tokio::test]
async fn consent_that_is_given_again_within_the_call_stands() {
    let bench = Bench::new().await;
    let (recording, anna) = bench.call(ANNA, &["quality"]).await;
    bench.says(anna, &notice(recording, "n5", 500)).await;
    bench.says(anna, &said(Given, recording, &["quality"], 1_000)).await;
    bench.says(anna, &said(Withdrawn, recording, &["quality"], 2_000)).await;
    let unasked = bench.record(anna, &said(Given, recording, &["quality"], 3_000)).await;
    assert_eq!(code(unasked), (ErrorCode::FailedPrecondition, "consent-not-standing"));
    bench.says(anna, &notice(recording, "n5", 4_000)).await;
    assert_eq!(bench.says(anna, &said(Given, recording, &["quality"], 5_000)).await, "given");
    assert_eq!(bench.may_use(recording, "quality").await, Ok(()));
    // The same words a month later are not the call's any more.
    bench.says(anna, &said(Withdrawn, recording, &["quality"], 6_000)).await;
    let later = Said {
        position: None,
        notice: by_form(Given, &[], START).notice,
        ..said(Given, recording, &["quality"], 9_000)
    };
    let asked = Said { position: None, ..notice(recording, "n5", 8_000) };
    bench.says(anna, &asked).await;
    assert_eq!(bench.says(anna, &later).await, "given");
    assert_eq!(bench.may_use(recording, "quality").await, Err(Gone::Withdrawn));
}

#[tokio::test]
async fn a_refusal_is_not_lifted_by_asking_again() {
    let bench = Bench::new().await;
    let (recording, anna) = bench.call(ANNA, &["quality"]).await;
    bench.says(anna, &by_form(Given, &["quality"], at(-1_000))).await;
    assert_eq!(bench.may_use(recording, "quality").await, Ok(()));
    bench.says(anna, &said(Refused, recording, &["quality"], 1_000)).await;
    assert_eq!(bench.may_use(recording, "quality").await, Err(Gone::Refused));
    bench.says(anna, &notice(recording, "n5", 2_000)).await;
    assert_eq!(bench.may_use(recording, "quality").await, Err(Gone::NoConsent));
}

#[tokio::test]
async fn a_purpose_of_several_people_needs_all_of_them() {
    let bench = Bench::new().await;
    let call = call(&[ANNA, BRUNO], &["quality", "training"]);
    let authorised = bench.authorise(&call).await;
    let [anna, bruno, agent] = authorised.subjects[..] else { panic!("three parties") };
    let recording = call.recording;
    let given = |names: &[&str]| Said {
        notice: by_form(Given, &[], START).notice,
        ..said(Given, recording, names, 1_000)
    };
    bench.says(anna, &given(&["quality", "training"])).await;
    assert_eq!(bench.may_use(recording, "quality").await, Err(Gone::NoConsent));
    bench.says(bruno, &given(&["quality", "training"])).await;
    assert_eq!(bench.may_use(recording, "quality").await, Ok(()));
    assert_eq!(bench.may_use(recording, "training").await, Err(Gone::NoConsent));
    bench.says(agent, &given(&["training"])).await;
    assert_eq!(bench.may_use(recording, "training").await, Ok(()));
    bench.says(bruno, &said(Refused, recording, &["training"], 2_000)).await;
    assert_eq!(bench.may_use(recording, "training").await, Err(Gone::Refused));
    assert_eq!(bench.may_use(recording, "quality").await, Ok(()));
}

#[tokio::test]
async fn a_repeated_event_has_no_second_effect() {
    let bench = Bench::new().await;
    let (recording, anna) = bench.call(ANNA, &["quality"]).await;
    let events = [notice(recording, "n5", 500), said(Given, recording, &["quality"], 1_000)];
    let mut first = Vec::new();
    for event in &events {
        first.push(bench.record(anna, event).await.unwrap());
    }
    let version = bench.store.version().await.unwrap();
    for (event, first) in events.iter().zip(&first) {
        let again = bench.record(anna, event).await.unwrap();
        assert_eq!((again.subject, again.version), (first.subject, first.version));
    }
    // Also when it would not be taken any more.
    bench.says(anna, &said(Withdrawn, recording, &["quality"], 2_000)).await;
    bench.change_policy("tenant: telco-beta\njurisdiction: IT\n").await;
    let again = bench.record(anna, &events[1]).await.unwrap();
    assert_eq!((again.version, again.states[0].consent.state.as_str()), (first[1].version, "withdrawn"));
    assert_eq!(bench.store.version().await.unwrap(), version + 1);
}

#[tokio::test]
async fn an_event_id_with_another_content_is_refused() {
    let bench = Bench::new().await;
    let (recording, anna) = bench.call(ANNA, &["quality"]).await;
    let (_, bruno) = bench.call(BRUNO, &["quality"]).await;
    let refused = said(Refused, recording, &["quality"], 1_000);
    bench.says(anna, &refused).await;
    let others = [
        Said { kind: Withdrawn, ..refused.clone() },
        Said { position: Some(7), ..refused.clone() },
        Said { occurred_at: at(2_000), ..refused.clone() },
        Said { purposes: purposes(&["training"]), ..refused.clone() },
        Said { reach: Reach::Account, ..refused.clone() },
    ];
    for other in &others {
        assert_eq!(code(bench.record(anna, other).await), (ErrorCode::AlreadyExists, "other-content"));
    }
    assert_eq!(code(bench.record(bruno, &refused).await), (ErrorCode::AlreadyExists, "other-content"));
    assert_eq!(bench.store.version().await.unwrap(), 1);
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let bench = Bench::new().await;
    let (recording, anna) = bench.call(ANNA, &["quality"]).await;
    let (elsewhere, _) = bench.call(BRUNO, &["quality"]).await;
    let silent =
        Said { expression: crate::event::Expression::Unspecified, ..by_form(Given, &["quality"], at(0)) };
    let unread = Said { notice: None, ..by_form(Given, &["quality"], at(0)) };
    let for_one = Said { notice: notice(recording, "n6", 0).notice, ..by_form(Given, &["training"], at(0)) };
    let unknown = Said { notice: notice(recording, "n9", 0).notice, ..by_form(Given, &["quality"], at(0)) };
    let nameless = Said { notice: None, ..notice(recording, "n5", 0) };
    let early = Said { occurred_at: at(9_000_000), ..by_form(Given, &["quality"], at(0)) };
    let invalid = ErrorCode::InvalidArgument;
    let table = [
        (by_form(Given, &["sales"], at(0)), invalid, "unknown-purpose"),
        (by_form(Withdrawn, &["sales"], at(0)), invalid, "unknown-purpose"),
        (by_form(Withdrawn, &[], at(0)), invalid, "purpose-missing"),
        (by_form(Given, &[], at(0)), invalid, "purpose-missing"),
        (by_form(Given, &["duty"], at(0)), invalid, "purpose-not-on-consent"),
        (by_form(Asked, &["duty"], at(0)), invalid, "purpose-not-on-consent"),
        (silent, invalid, "expression-missing"),
        (unread, invalid, "notice-missing"),
        (for_one, invalid, "notice-not-for-purpose"),
        (unknown, invalid, "unknown-notice"),
        (notice(recording, "n9", 0), invalid, "unknown-notice"),
        (nameless, invalid, "notice-missing"),
        (early, invalid, "clock-ahead"),
        (said(Given, recording, &["quality"], 1_000), invalid, "notice-missing"),
        (said(Refused, elsewhere, &["quality"], 1_000), ErrorCode::NotFound, "unknown-subject"),
    ];
    let waiting = bench.store.unpublished(100).await.unwrap();
    let stranger = phone("+390612345678");
    for (event, expected, word) in &table {
        assert_eq!(code(bench.record(anna, event).await), (*expected, *word));
        let who = Who::Identifier(stranger.clone());
        let unknown = bench.service.record(&tenant(), &who, event, None, |_| None).await.unwrap_err();
        assert!(matches!(unknown.code(), ErrorCode::InvalidArgument | ErrorCode::NotFound), "{unknown}");
    }
    let nobody = bench.record(SubjectId::new(), &by_form(Refused, &["quality"], at(0))).await;
    assert_eq!(code(nobody), (ErrorCode::NotFound, "unknown-subject"));
    assert_eq!(bench.store.version().await.unwrap(), 0);
    assert_eq!(bench.store.unpublished(100).await.unwrap(), waiting);
    assert_eq!(bench.service.find(&tenant(), &Who::Identifier(stranger), START).await.unwrap(), None);
}

#[tokio::test]
async fn somebody_may_refuse_before_they_ever_called() {
    let bench = Bench::new().await;
    let who = Who::Identifier(phone(ANNA));
    let refused = by_form(Refused, &["quality"], at(0));
    let recorded = bench.service.record(&tenant(), &who, &refused, None, |_| None).await.unwrap();
    let again = bench.service.record(&tenant(), &who, &refused, None, |_| None).await.unwrap();
    assert_eq!((again.subject, again.version), (recorded.subject, recorded.version));
    let (recording, anna) = bench.call(ANNA, &["quality"]).await;
    assert_eq!(recorded.subject, anna);
    assert_eq!(bench.may_use(recording, "quality").await, Err(Gone::Refused));
}

#[tokio::test]
async fn a_withdrawal_for_a_call_of_which_consent_hears_later_is_kept_and_closes_it() {
    let bench = Bench::new().await;
    let (_, anna) = bench.call(ANNA, &["quality"]).await;
    bench.says(anna, &by_form(Given, &["quality"], at(-1_000))).await;
    // Opened while consent was away: ingest asks again once it is back.
    let late = call(&[ANNA], &["quality"]);
    let by_letter = Said { position: None, ..said(Withdrawn, late.recording, &["quality"], 1_000) };
    assert_eq!(bench.says(anna, &by_letter).await, "withdrawn");
    assert_eq!(outcome(&bench.authorise(&late).await, "quality"), Outcome::AwaitingConsent);
    assert_eq!(bench.may_use(late.recording, "quality").await, Err(Gone::Withdrawn));
}

#[tokio::test]
async fn a_purpose_that_is_gone_from_the_policy_can_still_be_withdrawn() {
    let bench = Bench::new().await;
    let (_, anna) = bench.call(ANNA, &["quality"]).await;
    bench.change_policy("tenant: telco-beta\njurisdiction: IT\n").await;
    assert_eq!(bench.says(anna, &by_form(Withdrawn, &["quality"], at(0))).await, "withdrawn");
    let given = bench.record(anna, &by_form(Given, &["quality"], at(0))).await;
    assert_eq!(code(given), (ErrorCode::InvalidArgument, "unknown-purpose"));
}

#[tokio::test]
async fn a_call_goes_on_under_the_policy_that_it_started_with() {
    let bench = Bench::new().await;
    let call = call(&[ANNA], &["quality"]);
    let first = bench.authorise(&call).await;
    bench.change_policy("tenant: telco-beta\njurisdiction: IT\n").await;
    let again = bench.authorise(&call).await;
    assert_eq!((again.decision.policy, &again.subjects), (first.decision.policy, &first.subjects));
    let anna = first.subjects[0];
    bench.says(anna, &notice(call.recording, "n5", 500)).await;
    assert_eq!(bench.says(anna, &said(Given, call.recording, &["quality"], 1_000)).await, "given");
    assert_eq!(bench.may_use(call.recording, "quality").await, Ok(()));
    let next = bench.authorise(&crate::testing::call(&[ANNA], &["quality"])).await;
    assert_eq!(outcome(&next, "quality"), Outcome::Denied(DenyReason::EmptyPolicy));
}

#[tokio::test]
async fn callers_at_once_are_one_subject() {
    let bench = Bench::new().await;
    let calls: Vec<_> = (0..12).map(|_| call(&[ANNA], &["quality"])).collect();
    let authorised = futures::future::join_all(calls.iter().map(|call| bench.authorise(call))).await;
    assert!(authorised.iter().all(|one| one.subjects == authorised[0].subjects));
}

#[tokio::test]
async fn whom_nothing_identifies_is_the_same_one_when_the_call_is_authorised_again() {
    let bench = Bench::new().await;
    let nameless = CallParty { party: Party::Customer, identifiers: Vec::new() };
    let call = Call { parties: vec![nameless], ..call(&[], &["quality"]) };
    let first = bench.authorise(&call).await;
    assert_eq!(bench.authorise(&call).await.subjects, first.subjects);
    let other = Call { recording: RecordingId::new(), ..call };
    assert_ne!(bench.authorise(&other).await.subjects, first.subjects);
}

#[tokio::test]
async fn identifiers_that_are_several_people_s_are_told_and_nobody_is_merged() {
    let bench = Bench::new().await;
    let with = |identifiers| {
        let party = CallParty { party: Party::Customer, identifiers };
        Call { parties: vec![party], ..call(&[], &["quality"]) }
    };
    let anna = bench.authorise(&with(vec![phone(ANNA)])).await.subjects[0];
    let bruno = bench.authorise(&with(vec![crm("T-77")])).await.subjects[0];
    let mut met = None;
    let both = with(vec![phone(ANNA), crm("T-77")]);
    let note = |seen: &Met| {
        met = Some(seen.clone());
        None
    };
    bench.service.authorise(&tenant(), &both, note).await.unwrap();
    assert_eq!(met, Some(Met { subjects: vec![bruno], conflicts: vec![Conflict::SeveralSubjects] }));
    assert_eq!(bench.authorise(&with(vec![phone(ANNA)])).await.subjects, [anna]);
}

#[tokio::test]
async fn acts_at_once_on_one_subject_are_all_taken_in_one_order() {
    let bench = Bench::new().await;
    let (recording, anna) = bench.call(ANNA, &["quality"]).await;
    bench.says(anna, &notice(recording, "n5", 500)).await;
    let acts: Vec<_> = (0..10)
        .map(|n| {
            said(
                [Given, Withdrawn, Refused][n % 3],
                recording,
                &["quality"],
                1_000 + i64::try_from(n).unwrap(),
            )
        })
        .collect();
    let twice = acts.iter().chain(&acts).map(|act| bench.record(anna, act));
    let taken = futures::future::join_all(twice).await;
    let restrictions = acts.iter().filter(|act| act.kind != Given).count();
    assert!(
        taken.iter().zip(acts.iter().chain(&acts)).all(|(taken, act)| taken.is_ok() || act.kind == Given)
    );
    let events = bench.store.changes(0, 100).await.unwrap();
    let ids: BTreeSet<EventId> = events.iter().map(|stored| stored.event.id).collect();
    assert_eq!(ids.len(), events.len());
    assert!(events.iter().filter(|stored| is_restrictive(stored.event.kind)).count() == restrictions);
    assert!(events.iter().map(|stored| stored.version).eq(1..=events.len() as u64));
}

#[tokio::test]
async fn values_are_sealed_so_that_only_crypto_opens_them() {
    let bench = Bench::new().await;
    let (_, anna) = bench.call(ANNA, &["quality"]).await;
    let values = bench.store.values(&tenant(), anna).await.unwrap();
    let adopted = bench.keys.adopted.lock().clone();
    let own = adopted.iter().find(|new| new.section.recording.to_bytes() == anna.to_bytes()).unwrap();
    let key = bench.keys.open(own).span_key(kernel::SpanNo(0)).unwrap();
    let view = SpanView::parse(&values[0].container).unwrap();
    assert_eq!(view.open(&key).unwrap().bytes(), b"\x81\x82\x01\x6d+393331112233");
    assert!(!values[0].container.windows(12).any(|bytes| bytes == b"393331112233"));
    // Once is enough.
    bench.call(ANNA, &["quality"]).await;
    assert_eq!(bench.store.values(&tenant(), anna).await.unwrap().len(), 1);
}

#[tokio::test]
async fn values_that_could_not_be_sealed_are_sealed_when_they_come_again() {
    let bench = Bench::new().await;
    bench.keys.adopts(false);
    let (_, anna) = bench.call(ANNA, &["quality"]).await;
    assert_eq!(bench.store.values(&tenant(), anna).await.unwrap(), []);
    bench.keys.adopts(true);
    assert_eq!(bench.call(ANNA, &["quality"]).await.1, anna);
    assert_eq!(bench.store.values(&tenant(), anna).await.unwrap().len(), 1);
}

#[tokio::test]
async fn without_crypto_nobody_is_authorised_and_a_known_subject_may_still_withdraw() {
    let bench = Bench::new().await;
    let (recording, anna) = bench.call(ANNA, &["quality"]).await;
    bench.keys.go();
    let refused =
        bench.service.authorise(&tenant(), &call(&[ANNA], &["quality"]), |_| None).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Unavailable);
    assert_eq!(bench.says(anna, &said(Withdrawn, recording, &["quality"], 1_000)).await, "withdrawn");
}

#[tokio::test]
async fn what_a_fast_clock_says_counts_at_once() {
    let bench = Bench::new().await;
    let (recording, anna) = bench.call(ANNA, &["quality"]).await;
    // The clock of consent is an hour into the call; an hour more is the bound.
    bench.says(anna, &notice(recording, "n5", 4_000_000)).await;
    assert_eq!(bench.says(anna, &said(Given, recording, &["quality"], 7_200_000)).await, "given");
    assert_eq!(bench.may_use(recording, "quality").await, Ok(()));
    assert_eq!(bench.says(anna, &said(Withdrawn, recording, &["quality"], 90_000_000)).await, "withdrawn");
    assert_eq!(bench.may_use(recording, "quality").await, Err(Gone::Withdrawn));
    bench.advance(DAY);
    assert_eq!(bench.may_use(recording, "quality").await, Err(Gone::Withdrawn));
}

#[tokio::test]
async fn a_subject_s_states_come_with_their_history() {
    let bench = Bench::with(Config { history: 2, ..Config::default() }).await;
    let (recording, anna) = bench.call(ANNA, &["quality"]).await;
    bench.says(anna, &notice(recording, "n6", 500)).await;
    bench.says(anna, &said(Given, recording, &["quality"], 1_000)).await;
    bench.says(anna, &by_form(Refused, &["training"], at(2_000))).await;
    let known = bench.service.states(&tenant(), &Who::Identifier(phone(ANNA))).await.unwrap();
    let state = |state: &State| (state.purpose.to_string(), state.reach, state.consent.state.as_str());
    let expected = [
        ("quality".to_owned(), Reach::Call(recording), "given"),
        ("training".to_owned(), Reach::Account, "refused"),
    ];
    assert_eq!(known.states.iter().map(state).collect::<Vec<_>>(), expected);
    assert_eq!(known.history.iter().map(|stored| stored.event.kind).collect::<Vec<_>>(), [Given, Refused]);
    let nobody = bench.service.states(&tenant(), &Who::Identifier(phone(BRUNO))).await.unwrap_err();
    assert_eq!((nobody.code(), nobody.reason()), (ErrorCode::NotFound, Some("unknown-subject")));
}

#[tokio::test]
async fn evidence_names_the_notice_that_was_heard_and_the_policy() {
    let bench = Bench::new().await;
    let (recording, anna) = bench.call(ANNA, &["quality"]).await;
    bench.says(anna, &notice(recording, "n6", 500)).await;
    let given = said(Given, recording, &["quality"], 1_000);
    bench.says(anna, &given).await;
    let event = bench.store.event(&tenant(), given.id).await.unwrap().unwrap().event;
    let heard = event.notice.unwrap();
    let row = bench.store.notice(&tenant(), &heard.name, heard.text_hash).await.unwrap().unwrap();
    assert_eq!((row.text.as_str(), row.language.as_str()), ("Solo qualita.", "it"));
    let policy = policy::parse(POLICY, &|_| None).unwrap();
    assert_eq!((event.policy, event.position), (Some(policy.hash()), Some(1_000_000)));
}
