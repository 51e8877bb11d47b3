//! What is handed out, to whom, and until when.

use kernel::{ErrorCode, Role, ServiceError, SpanNo};
use seal::LegKey;

use super::*;
use crate::testing::{Bench, Says, derives, other_tenant, purpose, request, section, spans, tenant};

const DUTY: &str = "mifid2-transaction";

/// A sealed call: the duty over spans 0 to 59 of one leg, quality from 9 on.
async fn sealed_call(bench: &Bench) -> (SectionAddress, LegKey) {
    let at = section(RecordingId::new(), 0);
    let key = bench.adopted(at).await;
    let asked = request(at.recording, &[(at, DUTY, 0..60), (at, "quality", 9..60)]);
    bench.service.sealing.seal(&tenant(), &asked).await.unwrap();
    (at, key)
}

fn word(result: Result<impl std::fmt::Debug, Error>) -> String {
    result.unwrap_err().reason().expect("a word").to_owned()
}

#[tokio::test]
async fn what_is_handed_out_opens_the_spans_asked_for_that_the_purpose_may_use_and_no_more() {
    let bench = Bench::new().await;
    let (at, key) = sealed_call(&bench).await;
    let unwrapping = &bench.service.unwrapping;
    for (role, name, asked, expected) in [
        (Role::Compliance, DUTY, 0..60, 0..60),
        (Role::Compliance, DUTY, 17..23, 17..23),
        (Role::Supervisor, "quality", 0..60, 9..60),
        (Role::Supervisor, "quality", 0..12, 9..12),
        (Role::Supervisor, "quality", 59..1_000, 59..60),
    ] {
        let ask = bench.ask(role, name, at, asked);
        let opened = unwrapping.unwrap(&tenant(), "archive", &ask).await.unwrap();
        assert_eq!((opened.principal.as_str(), opened.life), ("giulia", Duration::from_secs(60)));
        assert!(derives(&opened.covers[&at], &key, expected), "{name}");
    }
    let before = bench.ask(Role::Supervisor, "quality", at, 0..9);
    assert_eq!(word(unwrapping.unwrap(&tenant(), "archive", &before).await), "nothing-opens");
    let training = bench.ask(Role::Supervisor, "training", at, 0..60);
    assert_eq!(word(unwrapping.unwrap(&tenant(), "archive", &training).await), "nothing-opens");
}

#[tokio::test]
async fn whoever_asks_for_no_span_learns_whether_they_might() {
    let bench = Bench::new().await;
    let (at, _) = sealed_call(&bench).await;
    let unwrapping = &bench.service.unwrapping;
    let nothing = |role, name| Ask { spans: BTreeMap::new(), ..bench.ask(role, name, at, 0..1) };
    let allowed = nothing(Role::Supervisor, "quality");
    assert!(unwrapping.unwrap(&tenant(), "archive", &allowed).await.unwrap().covers.is_empty());
    let refused = nothing(Role::Supervisor, DUTY);
    assert_eq!(word(unwrapping.unwrap(&tenant(), "archive", &refused).await), "role-not-allowed");
}

#[tokio::test]
async fn it_opens_after_a_restart_and_in_later_epochs() {
    let bench = Bench::new().await;
    let (at, key) = sealed_call(&bench).await;
    bench.clock.advance(crate::testing::WEEK * 3);
    bench.service.epochs.active(&tenant()).await.unwrap();
    let ask = bench.ask(Role::Compliance, DUTY, at, 0..60);
    let opened = bench.another().unwrapping.unwrap(&tenant(), "archive", &ask).await.unwrap();
    assert!(derives(&opened.covers[&at], &key, 0..60));
}

#[tokio::test]
async fn a_withdrawn_call_is_refused_as_withdrawn() {
    let bench = Bench::new().await;
    let at = section(RecordingId::new(), 0);
    bench.adopted(at).await;
    bench.consent.will_say("quality", [Says::Gone("withdrawn")]);
    let asked = request(at.recording, &[(at, "quality", 0..8)]);
    bench.service.sealing.seal(&tenant(), &asked).await.unwrap();
    let ask = bench.ask(Role::Supervisor, "quality", at, 0..8);
    let refused = bench.service.unwrapping.unwrap(&tenant(), "archive", &ask).await.unwrap_err();
    assert_eq!((refused.code(), refused.reason()), (ErrorCode::PermissionDenied, Some("withdrawn")));
}

#[tokio::test]
async fn the_subjects_own_token_decides_whoever_calls() {
    let bench = Bench::new().await;
    let (at, _) = sealed_call(&bench).await;
    let unwrapping = &bench.service.unwrapping;
    let mut ask = bench.ask(Role::Compliance, DUTY, at, 0..60);
    ask.subject_token = bench.token(Role::Compliance, &other_tenant());
    assert_eq!(word(unwrapping.unwrap(&tenant(), "archive", &ask).await), "other-tenant");
    ask.subject_token = Token::new("eyJhbGciOiJub25lIn0.e30.");
    let refused = unwrapping.unwrap(&tenant(), "archive", &ask).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn another_tenants_recording_is_unknown() {
    let bench = Bench::new().await;
    let (at, _) = sealed_call(&bench).await;
    let mut ask = bench.ask(Role::Compliance, DUTY, at, 0..60);
    ask.subject_token = bench.token(Role::Compliance, &other_tenant());
    let refused = bench.service.unwrapping.unwrap(&other_tenant(), "archive", &ask).await.unwrap_err();
    assert_eq!((refused.code(), refused.reason()), (ErrorCode::NotFound, Some("unknown-recording")));
}

#[tokio::test]
async fn an_open_recording_serves_no_reader() {
    let bench = Bench::new().await;
    let at = section(RecordingId::new(), 0);
    bench.adopted(at).await;
    let ask = bench.ask(Role::Compliance, DUTY, at, 0..60);
    assert_eq!(word(bench.service.unwrapping.unwrap(&tenant(), "archive", &ask).await), "unknown-recording");
    let root = bench.ask(Role::Compliance, "sealing", at, 0..60);
    assert_eq!(word(bench.service.unwrapping.unwrap(&tenant(), "archive", &root).await), "reserved-purpose");
}

#[tokio::test]
async fn a_renewal_asks_everything_again_and_a_refusal_ends_the_lease() {
    let bench = Bench::new().await;
    let (at, _) = sealed_call(&bench).await;
    let unwrapping = &bench.service.unwrapping;
    let ask = bench.ask(Role::Supervisor, "quality", at, 9..60);
    let lease = unwrapping.unwrap(&tenant(), "archive", &ask).await.unwrap().lease;
    unwrapping.renew(&tenant(), "archive", lease).await.unwrap();
    assert_eq!(word(unwrapping.renew(&tenant(), "ingest", lease).await), "lease-expired");

    bench.consent.will_say("quality", [Says::Nothing]);
    assert_eq!(word(unwrapping.renew(&tenant(), "archive", lease).await), "rule-silent");
    bench.consent.will_say("quality", [Says::Stands]);
    unwrapping.renew(&tenant(), "archive", lease).await.expect("silence does not end a lease that runs");
    bench.consent.will_say("quality", [Says::Gone("withdrawn")]);
    assert_eq!(word(unwrapping.renew(&tenant(), "archive", lease).await), "withdrawn");
    bench.consent.will_say("quality", [Says::Stands]);
    assert_eq!(word(unwrapping.renew(&tenant(), "archive", lease).await), "lease-expired");
}

#[tokio::test]
async fn a_lease_is_not_renewed_over_spans_that_were_taken_out() {
    let bench = Bench::new().await;
    let (at, _) = sealed_call(&bench).await;
    let unwrapping = &bench.service.unwrapping;
    let ask = |range| bench.ask(Role::Compliance, DUTY, at, range);
    let whole = unwrapping.unwrap(&tenant(), "archive", &ask(0..60)).await.unwrap().lease;
    let rest = unwrapping.unwrap(&tenant(), "archive", &ask(40..60)).await.unwrap().lease;
    let narrowed = request(at.recording, &[(at, DUTY, 30..60), (at, "quality", 30..60)]);
    bench.service.sealing.seal(&tenant(), &narrowed).await.unwrap();
    assert_eq!(word(unwrapping.renew(&tenant(), "archive", whole).await), "narrowed");
    unwrapping.renew(&tenant(), "archive", rest).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_would_not_fit_is_refused() {
    let bench = Bench::new().await;
    let recording = RecordingId::new();
    let places: Vec<_> = (0..6).map(|leg| section(recording, leg)).collect();
    let scattered = SpanSet::from_ranges((0..12_000).map(|n| 2 * n..2 * n + 1)).unwrap();
    let mut asked = request(recording, &[]);
    for at in &places {
        bench.adopted(*at).await;
        let key = crate::store::EntryKey { section: *at, purpose: purpose(DUTY) };
        asked.entries.push((key, scattered.clone()));
    }
    bench.service.sealing.seal(&tenant(), &asked).await.unwrap();
    let mut ask = bench.ask(Role::Compliance, DUTY, places[0], 0..24_000);
    ask.spans = places.iter().map(|at| (*at, scattered.clone())).collect();
    let refused = bench.service.unwrapping.unwrap(&tenant(), "archive", &ask).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    ask.spans = BTreeMap::from([(places[0], spans(0..100))]);
    let opened = bench.service.unwrapping.unwrap(&tenant(), "archive", &ask).await.unwrap();
    assert!(opened.covers[&places[0]].key(SpanNo(1)).is_none());
    assert!(format!("{opened:?}").contains("redacted"));
}
