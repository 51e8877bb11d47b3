//! Whose the calls of a switchboard are: nothing is planned before that is said of each of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use kernel::{Basis, RecordingId, SubjectId};
use policy::request::{Proof, State};
use policy::rights::Right;

use super::{all, word};
use crate::act::{Act, MAX_NAMED, RequestKey};
use crate::error::Error;
use crate::file::File;
use crate::service::{NewRequest, Service};
use crate::testing::{Bench, actor, asked, recording, tenant, token};
use crate::working::tests::{decided, with_a_call};

/// A request about somebody who is known by a switchboard's number, from which three calls came.
struct Switchboard {
    bench: Bench,
    service: Arc<Service>,
    customer: SubjectId,
    key: RequestKey,
    calls: [RecordingId; 3],
}

impl Switchboard {
    async fn new() -> Self {
        Self::asking(|new, _| new).await
    }

    async fn asking(how: impl FnOnce(NewRequest, RecordingId) -> NewRequest) -> Self {
        let bench = Bench::new().await;
        let (customer, first) = with_a_call(&bench);
        let calls = [first, RecordingId::new(), RecordingId::new()];
        for id in &calls[1..] {
            bench.keep(recording(*id, customer, SubjectId::new(), &[("quality", Basis::Consent)]));
        }
        bench.mesh.state().on_shared_lines.insert(customer);
        bench.consents(customer, "quality");
        let service = bench.service();
        let new = how(asked(customer, &[Right::Access]), first);
        let key = RequestKey { tenant: tenant(), id: new.id };
        service.open(&tenant(), &actor("anna"), new).await.unwrap();
        service.identify(&key, &actor("anna"), Act::Proved(Proof::Human)).await.unwrap();
        service.identify(&key, &actor("anna"), Act::Verified).await.unwrap();
        Self { bench, service, customer, key, calls }
    }

    async fn confirm(&self, theirs: &[RecordingId], not_theirs: &[RecordingId]) -> Result<File, Error> {
        let set = |calls: &[RecordingId]| calls.iter().copied().collect::<BTreeSet<_>>();
        self.service.confirm(&self.key, &actor("anna"), set(theirs), set(not_theirs)).await
    }

    async fn planned(&self) -> Result<BTreeSet<RecordingId>, Error> {
        let planned = self.service.plan(&self.key, &actor("anna"), true).await?;
        Ok(planned.plan.items.iter().filter_map(|item| item.artefact.recording()).collect())
    }
}

#[tokio::test]
async fn a_number_that_several_use_is_confirmed_call_by_call() {
    let line = Switchboard::new().await;
    let [first, second, third] = line.calls;
    assert_eq!(word(&line.planned().await.unwrap_err()), "calls-to-confirm");
    let state = line.service.file(&line.key).await.unwrap().request.state();
    assert_eq!(state, State::Discovering, "nothing was frozen");
    line.confirm(&[first], &[]).await.unwrap();
    let told = line.planned().await.unwrap_err().to_string();
    assert!(
        told.contains("2 calls") && told.contains(&second.to_string()) && !told.contains(&first.to_string())
    );
    let file = line.confirm(&[], &[second, third]).await.unwrap();
    assert_eq!((&file.theirs, &file.not_theirs), (&[first].into(), &[second, third].into()));
    assert_eq!(
        line.planned().await.unwrap(),
        [first].into(),
        "of the others not even that they exist is told"
    );
    let same = line.confirm(&[first], &[third]).await.unwrap();
    assert_eq!(same, line.service.file(&line.key).await.unwrap());
    assert!(!same.is_outdated, "what was said before has no second effect");
}

#[tokio::test]
async fn what_is_said_after_the_plan_is_planned_anew_and_decided_anew() {
    let line = Switchboard::new().await;
    let [first, second, third] = line.calls;
    line.confirm(&[first], &[second, third]).await.unwrap();
    line.planned().await.unwrap();
    let changed = line.confirm(&[second], &[]).await.unwrap();
    let plan = changed.request.plan().unwrap().name.clone();
    let refused = line.service.decide(&line.key, &actor("anna"), all(&plan), true).await.unwrap_err();
    assert_eq!((word(&refused).as_str(), changed.waits_for()), ("calls-changed", "plan"));
    assert_eq!(line.planned().await.unwrap(), [first, second].into());
    // A call of which nothing is kept changes the plan in nothing, and it is frozen anew all the same.
    line.bench.mesh.state().kept.insert(third, proto::retention::v1::ExplainResponse::default());
    line.confirm(&[third], &[]).await.unwrap();
    assert_eq!(line.planned().await.unwrap(), [first, second].into());
    let file = line.service.file(&line.key).await.unwrap();
    let file = decided(&line.service, &line.key, &file).await;
    assert_eq!(file.waits_for(), "hand-out");
    assert_eq!(word(&line.confirm(&[], &[second]).await.unwrap_err()), "decided-already");
}

#[tokio::test]
async fn a_line_that_turns_out_to_be_shared_while_copies_are_made_is_confirmed_first() {
    let line = Switchboard::new().await;
    let [first, second, third] = line.calls;
    line.bench.mesh.state().on_shared_lines.remove(&line.customer);
    line.planned().await.unwrap();
    let file = line.service.file(&line.key).await.unwrap();
    let file = decided(&line.service, &line.key, &file).await;
    assert_eq!(file.waits_for(), "hand-out");
    assert_eq!(word(&line.confirm(&[], &[second]).await.unwrap_err()), "decided-already");

    line.bench.mesh.state().on_shared_lines.insert(line.customer);
    let copy = async || line.service.hand_out(&line.key, token(), "request".to_owned()).await.err().unwrap();
    assert_eq!(word(&copy().await), "calls-to-confirm");
    line.confirm(&[first], &[second]).await.unwrap();
    assert!(copy().await.to_string().contains(&third.to_string()), "and of each of them");
    let file = line.confirm(&[third], &[]).await.unwrap();
    let strange: BTreeSet<_> =
        file.strange.iter().filter_map(|key| file.items[key].artefact.recording()).collect();
    assert_eq!(strange, [second].into());
    assert!(file.to_assess.is_empty() && !file.is_outdated, "nothing was given yet");
    // Nobody has certified this process, so that it signs no copy.
    let refused = copy().await;
    assert!(!matches!(refused, Error::Refused { .. }), "{refused}");
    assert_eq!(word(&line.confirm(&[second], &[]).await.unwrap_err()), "decided-already");
}

#[tokio::test]
async fn the_call_in_which_it_was_said_is_theirs() {
    let said = |new, call| NewRequest { said_in: Some((call, None)), ..new };
    let line = Switchboard::asking(said).await;
    let [first, second, third] = line.calls;
    let told = line.planned().await.unwrap_err().to_string();
    assert!(told.contains("2 calls") && !told.contains(&first.to_string()), "{told}");
    let refused = line.confirm(&[], &[first]).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid { what: "not_theirs", .. }), "{refused}");
    line.confirm(&[], &[second, third]).await.unwrap();
    assert_eq!(line.planned().await.unwrap(), [first].into());
}

#[tokio::test]
async fn only_calls_of_the_person_s_line_are_confirmed_and_of_others_nothing_is_told() {
    let line = Switchboard::new().await;
    let [first, ..] = line.calls;
    let (_, another_s) = with_a_call(&line.bench);
    let unknown = line.confirm(&[RecordingId::new()], &[]).await.unwrap_err();
    let others = line.confirm(&[another_s], &[]).await.unwrap_err();
    assert_eq!(unknown.to_string(), others.to_string(), "whether there is such a call is not told");
    let cases: [(&str, Vec<RecordingId>, Vec<RecordingId>); 4] = [
        ("none", vec![], vec![]),
        ("in both", vec![first], vec![first]),
        ("somebody else's", vec![first], vec![another_s]),
        ("too many", (0..=MAX_NAMED).map(|_| RecordingId::new()).collect(), vec![]),
    ];
    for (case, theirs, not_theirs) in cases {
        let refused = line.confirm(&theirs, &not_theirs).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid { .. }), "{case}: {refused}");
    }
    let file = line.service.file(&line.key).await.unwrap();
    assert!(file.theirs.is_empty() && file.not_theirs.is_empty());
    line.bench.mesh.fail("recording");
    let away = line.confirm(&[first], &[]).await.unwrap_err();
    assert!(
        matches!(away, Error::Peer { .. }),
        "who does not answer has not said that there is none: {away}"
    );
}

#[tokio::test]
async fn who_has_a_line_of_their_own_confirms_nothing() {
    let line = Switchboard::new().await;
    line.bench.mesh.state().on_shared_lines.remove(&line.customer);
    assert_eq!(line.planned().await.unwrap(), line.calls.into());
}

#[tokio::test]
async fn what_was_said_of_calls_for_one_request_counts_for_the_one_that_it_is_answered_with() {
    let line = Switchboard::new().await;
    let [first, second, third] = line.calls;
    line.confirm(&[first], &[second, third]).await.unwrap();
    let new = asked(line.customer, &[Right::Port]);
    let into = RequestKey { tenant: tenant(), id: new.id };
    line.service.open(&tenant(), &actor("anna"), new).await.unwrap();
    line.service.identify(&into, &actor("anna"), Act::Proved(Proof::Human)).await.unwrap();
    line.service.identify(&into, &actor("anna"), Act::Verified).await.unwrap();
    let refused = line.service.plan(&into, &actor("anna"), true).await.unwrap_err();
    assert_eq!(word(&refused), "calls-to-confirm", "it may be another one who uses the line");
    let merge = crate::service::Link::Merge(line.key.id);
    line.service.link(&into, &actor("anna"), merge).await.unwrap();
    let planned = line.service.plan(&into, &actor("anna"), true).await.unwrap();
    let of: BTreeSet<_> = planned.plan.items.iter().filter_map(|item| item.artefact.recording()).collect();
    assert_eq!(of, [first].into());
}

#[tokio::test]
async fn on_a_line_of_several_consent_is_taken_back_in_the_calls_that_are_theirs_alone() {
    let line = Switchboard::asking(|new, _| NewRequest { rights: [Right::Withdraw].into(), ..new }).await;
    let [first, second, third] = line.calls;
    let file = line.service.file(&line.key).await.unwrap();
    assert_eq!(file.withdrawn, Some(BTreeSet::new()), "nobody knows yet which calls are theirs");
    line.confirm(&[first], &[second, third]).await.unwrap();
    let planned = line.service.plan(&line.key, &actor("anna"), true).await.unwrap();
    assert_eq!(planned.plan.items.len(), 1);
    assert!(line.bench.mesh.state().withdrawals.is_empty());
    decided(&line.service, &line.key, &planned.file).await;
    let state = line.bench.mesh.state();
    let calls: Vec<_> = state.withdrawals.iter().map(|taken| (taken.subject, taken.call)).collect();
    assert_eq!(calls, [(line.customer, Some(first))], "what others agreed to on that line stands");
}

#[tokio::test]
async fn who_takes_consent_back_in_a_call_of_such_a_line_takes_it_back_there_at_once() {
    let said = |new: NewRequest, first| {
        let rights = [Right::Withdraw].into();
        NewRequest { rights, said_in: Some((first, None)), ..new }
    };
    let line = Switchboard::asking(said).await;
    let calls: Vec<_> = line.bench.mesh.state().withdrawals.iter().map(|taken| taken.call).collect();
    assert_eq!(calls, [Some(line.calls[0])]);
}
