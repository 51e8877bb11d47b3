//! Who is who, over real stores.

use kernel::{ErrorCode, ServiceError};
use policy::code::Code;

use super::*;
use crate::event::EventKind::{Given, Withdrawn};
use crate::links::{LinkOp, Pair};
use crate::service::{Call, CallParty};
use crate::store::Store;
use crate::testing::{Bench, at, by_form, call, crm, notice, phone, said, tenant};

const ANNA: &str = "+393331112233";
const BRUNO: &str = "+393334445566";
const CARLA: &str = "+393337778899";

fn wanted(op: LinkOp, one: SubjectId, other: SubjectId) -> Wanted {
    Wanted { pair: Pair::new(one, other).unwrap(), op, evidence: Code::new("case/2026-7").unwrap() }
}

async fn link(bench: &Bench, by: &str, wanted: &Wanted) -> Result<Linked, Error> {
    bench.service.link(&tenant(), by, wanted).await
}

async fn both_say(bench: &Bench, wanted: &Wanted) -> Linked {
    assert_eq!(link(bench, "paola", wanted).await.unwrap().stage, Stage::Asked);
    let linked = link(bench, "quirin", wanted).await.unwrap();
    assert_eq!(linked.stage, Stage::Agreed);
    linked
}

async fn facts(bench: &Bench, subject: SubjectId) -> SubjectFacts {
    bench.service.subject(&tenant(), &Who::Subject(subject)).await.unwrap()
}

fn set<const N: usize>(subjects: [SubjectId; N]) -> BTreeSet<SubjectId> {
    subjects.into()
}

fn word<T: std::fmt::Debug>(result: Result<T, Error>) -> (ErrorCode, &'static str) {
    let error = result.unwrap_err();
    (error.code(), error.reason().unwrap_or("none"))
}

/// A call that this customer's number starts then.
fn call_at(number: &str, millis: i64) -> Call {
    Call { started_at: at(millis), ..call(&[number], &["quality"]) }
}

#[tokio::test]
async fn two_people_make_two_subjects_one_and_two_again() {
    let bench = Bench::new().await;
    let [anna, bruno, carla] = [
        bench.call(ANNA, &["quality"]).await.1,
        bench.call(BRUNO, &["quality"]).await.1,
        bench.call(CARLA, &["quality"]).await.1,
    ];
    assert_eq!(facts(&bench, anna).await.person, set([anna]));
    let merge = wanted(LinkOp::Merge, anna, bruno);
    assert_eq!(link(&bench, "paola", &merge).await.unwrap().person, set([merge.pair.a()]));
    assert_eq!(word(link(&bench, "paola", &merge).await), (ErrorCode::PermissionDenied, "same-person"));
    let other = Wanted { evidence: Code::new("case/2026-8").unwrap(), ..merge.clone() };
    assert_eq!(word(link(&bench, "quirin", &other).await), (ErrorCode::FailedPrecondition, "other-evidence"));
    assert_eq!(link(&bench, "quirin", &merge).await.unwrap().person, set([anna, bruno]));
    assert_eq!(word(link(&bench, "quirin", &merge).await), (ErrorCode::FailedPrecondition, "already-merged"));
    both_say(&bench, &wanted(LinkOp::Merge, carla, bruno)).await;
    for subject in [anna, bruno, carla] {
        let facts = facts(&bench, subject).await;
        assert_eq!((facts.person, facts.links.len()), (set([anna, bruno, carla]), 2));
        assert_eq!(facts.identifiers.len(), 1);
    }
    let cut = both_say(&bench, &wanted(LinkOp::Unmerge, anna, bruno)).await;
    assert_eq!((cut.link.asked_by.as_str(), cut.link.agreed_by.as_deref()), ("paola", Some("quirin")));
    assert_eq!(facts(&bench, anna).await.person, set([anna]));
    assert_eq!(facts(&bench, carla).await.person, set([bruno, carla]));
}

#[tokio::test]
async fn a_link_of_somebody_unknown_is_refused() {
    let bench = Bench::new().await;
    let anna = bench.call(ANNA, &["quality"]).await.1;
    let unknown = wanted(LinkOp::Merge, anna, SubjectId::new());
    assert_eq!(word(link(&bench, "paola", &unknown).await), (ErrorCode::NotFound, "unknown-subject"));
    let nobody = bench.service.subject(&tenant(), &Who::Identifier(phone(BRUNO))).await;
    assert_eq!(word(nobody), (ErrorCode::NotFound, "unknown-subject"));
}

#[tokio::test]
async fn a_merge_moves_nothing() {
    let bench = Bench::new().await;
    let (recording, anna) = bench.call(ANNA, &["quality"]).await;
    let (_, bruno) = bench.call(BRUNO, &["quality"]).await;
    bench.says(anna, &notice(recording, "n5", 500)).await;
    bench.says(anna, &said(Given, recording, &["quality"], 1_000)).await;
    both_say(&bench, &wanted(LinkOp::Merge, anna, bruno)).await;
    bench.says(bruno, &by_form(Withdrawn, &["quality"], at(60_000))).await;
    assert_eq!(bench.may_use(recording, "quality").await, Ok(()));
    assert_eq!(bench.authorise(&call(&[BRUNO], &["quality"])).await.subjects[0], bruno);
}

#[tokio::test]
async fn of_two_who_agree_at_once_one_does() {
    let bench = Bench::new().await;
    let (anna, bruno) = (bench.call(ANNA, &["quality"]).await.1, bench.call(BRUNO, &["quality"]).await.1);
    let merge = wanted(LinkOp::Merge, anna, bruno);
    link(&bench, "paola", &merge).await.unwrap();
    let (first, second) = tokio::join!(link(&bench, "quirin", &merge), link(&bench, "rosa", &merge));
    assert_eq!([&first, &second].iter().filter(|linked| linked.is_ok()).count(), 1);
    let refused = if first.is_ok() { second } else { first };
    assert_eq!(word(refused), (ErrorCode::FailedPrecondition, "already-merged"));
    assert_eq!(facts(&bench, anna).await.links.len(), 1);
}

#[tokio::test]
async fn a_call_is_that_of_whoever_had_the_number_when_it_started() {
    let bench = Bench::new().await;
    let anna = bench.authorise(&call_at(ANNA, 0)).await.subjects[0];
    let handed = bench.service.reassign(&tenant(), &phone(ANNA), at(60_000)).await.unwrap();
    assert_eq!(handed.before, anna);
    for (millis, whose) in [(-1_000, anna), (59_999, anna), (60_000, handed.after), (90_000, handed.after)] {
        let call = call_at(ANNA, millis);
        assert_eq!(bench.authorise(&call).await.subjects[0], whose, "{millis}");
        // Authorised again, it is the same one's.
        assert_eq!(bench.authorise(&call).await.subjects[0], whose, "{millis}");
    }
    let who = Who::Identifier(phone(ANNA));
    for (millis, whose) in [(59_999, anna), (60_000, handed.after)] {
        let found = bench.service.find(&tenant(), &who, at(millis)).await.unwrap();
        assert_eq!(found, Some(whose));
    }
    let known = facts(&bench, anna).await.identifiers;
    assert_eq!((known[0].valid_from, known[0].valid_to), (None, Some(at(60_000))));
    let known = bench.service.subject(&tenant(), &who).await.unwrap();
    assert_eq!((known.subject, known.identifiers[0].valid_from), (handed.after, Some(at(60_000))));
}

#[tokio::test]
async fn what_was_said_by_a_number_is_that_of_whoever_had_it_then() {
    let bench = Bench::new().await;
    let anna = bench.call(ANNA, &["quality"]).await.1;
    let after = bench.service.reassign(&tenant(), &phone(ANNA), at(60_000)).await.unwrap().after;
    let who = Who::Identifier(phone(ANNA));
    for (millis, whose) in [(59_999, anna), (60_000, after)] {
        let withdrawn = by_form(Withdrawn, &["quality"], at(millis));
        let recorded = bench.service.record(&tenant(), &who, &withdrawn, None, |_| None).await.unwrap();
        assert_eq!(recorded.subject, whose);
    }
}

#[tokio::test]
async fn a_later_owner_s_value_is_sealed_for_them_alone() {
    let bench = Bench::new().await;
    let anna = bench.call(ANNA, &["quality"]).await.1;
    let after = bench.service.reassign(&tenant(), &phone(ANNA), at(60_000)).await.unwrap().after;
    for subject in [anna, after] {
        assert_eq!(bench.store.values(&tenant(), subject).await.unwrap().len(), 1);
        assert!(facts(&bench, subject).await.identifiers[0].sealed_in.is_some());
    }
}

#[tokio::test]
async fn a_number_is_not_given_on_where_that_cannot_be() {
    let bench = Bench::new().await;
    let give =
        async |number: &str, millis| bench.service.reassign(&tenant(), &phone(number), at(millis)).await;
    assert_eq!(word(give(ANNA, 0).await), (ErrorCode::NotFound, "unknown-subject"));
    bench.call(ANNA, &["quality"]).await;
    // The clock is an hour into the call.
    assert_eq!(word(give(ANNA, 3_600_001).await), (ErrorCode::InvalidArgument, "none"));
    give(ANNA, 60_000).await.unwrap();
    for millis in [0, 60_000] {
        let refused = word(give(ANNA, millis).await);
        assert_eq!(refused, (ErrorCode::FailedPrecondition, "reassigned-already"));
    }
    give(ANNA, 60_001).await.unwrap();
}

#[tokio::test]
async fn a_shared_line_is_told_and_changes_nothing_else() {
    let bench = Bench::new().await;
    let mark = async |line| bench.service.mark_line(&tenant(), &phone(ANNA), line).await;
    assert_eq!(word(mark(Line::Shared).await), (ErrorCode::NotFound, "unknown-subject"));
    let anna = bench.call(ANNA, &["quality"]).await.1;
    for line in [Line::Shared, Line::Own] {
        assert_eq!(mark(line).await.unwrap(), anna);
        let known = bench.service.whose(&tenant(), &phone(ANNA), at(0)).await.unwrap();
        assert_eq!((known.subject, known.line), (anna, line));
        assert_eq!(bench.call(ANNA, &["quality"]).await.1, anna);
    }
}

#[tokio::test]
async fn a_customer_number_is_the_later_owner_s_where_it_comes_with_the_number() {
    let bench = Bench::new().await;
    let with = |millis, own: &str| {
        let identifiers = vec![phone(ANNA), crm(own)];
        let party = CallParty { party: policy::Party::Customer, identifiers };
        Call { parties: vec![party], ..call_at(ANNA, millis) }
    };
    let anna = bench.authorise(&with(0, "T-1")).await.subjects[0];
    let after = bench.service.reassign(&tenant(), &phone(ANNA), at(60_000)).await.unwrap().after;
    assert_eq!(bench.authorise(&with(90_000, "T-2")).await.subjects, [after]);
    // The surest identifier prevails, and nothing is given on by a call.
    assert_eq!(bench.authorise(&with(90_000, "T-1")).await.subjects, [anna]);
    assert_eq!(facts(&bench, after).await.identifiers.len(), 2);
}
