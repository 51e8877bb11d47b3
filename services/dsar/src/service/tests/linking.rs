//! Requests that ask the same, and requests that are answered as one.

use std::collections::BTreeSet;
use std::sync::Arc;

use kernel::{PurposeName, RecordingId, RequestId, SubjectId, Timestamp};
use policy::request::{Ending, ItemKey, Proof, State};
use policy::rights::Right;

use super::{all, word};
use crate::act::{Act, RequestKey};
use crate::error::Error;
use crate::file::File;
use crate::mesh::Erased;
use crate::service::{Link, NewRequest, Service};
use crate::testing::{Bench, DAY, actor, asked, tenant};
use crate::working::tests::{decided, erases, with_a_call};

async fn opened(service: &Service, new: NewRequest) -> RequestKey {
    let key = RequestKey { tenant: tenant(), id: new.id };
    service.open(&tenant(), &actor("anna"), new).await.unwrap();
    key
}

async fn verified(service: &Service, new: NewRequest) -> RequestKey {
    let key = opened(service, new).await;
    service.identify(&key, &actor("anna"), Act::Proved(Proof::Human)).await.unwrap();
    service.identify(&key, &actor("anna"), Act::Verified).await.unwrap();
    key
}

async fn duplicate_of(service: &Service, key: &RequestKey) -> Option<RequestId> {
    service.file(key).await.unwrap().duplicate_of()
}

#[tokio::test]
async fn of_many_that_ask_the_same_the_verified_one_counts_and_each_is_answered() {
    let bench = Bench::new().await;
    let (customer, _) = with_a_call(&bench);
    let service = bench.service();
    let mut keys = Vec::new();
    for _ in 0..6 {
        bench.pass(DAY / 24);
        keys.push(opened(&service, asked(customer, &[Right::Access])).await);
    }
    let first = keys[0].id;
    assert_eq!(duplicate_of(&service, &keys[0]).await, None);
    for later in &keys[1..] {
        assert_eq!(duplicate_of(&service, later).await, Some(first), "who asked first counts");
    }
    bench.pass(DAY / 24);
    let real = verified(&service, asked(customer, &[Right::Access])).await;
    assert_eq!(duplicate_of(&service, &real).await, None);
    for key in &keys {
        assert_eq!(
            duplicate_of(&service, key).await,
            Some(real.id),
            "who is verified counts before all others"
        );
        service.identify(key, &actor("anna"), Act::IdentityFailed).await.unwrap();
        let letter = service.letter(key, None).await.unwrap();
        let closed = service.deliver(key, &actor("anna"), letter.hash).await.unwrap();
        assert_eq!(closed.request.ended(), Some(Ending::Unverified));
    }
    let planned = service.plan(&real, &actor("anna"), true).await.unwrap();
    assert!(
        planned.plan.items.iter().any(|item| item.artefact.recording().is_some()),
        "none of them bars it"
    );
}

#[tokio::test]
async fn only_who_asks_the_same_and_is_not_answered_yet_is_linked() {
    let bench = Bench::new().await;
    let ((one, _), (other, _)) = (with_a_call(&bench), with_a_call(&bench));
    let service = bench.service();
    let restricts = opened(&service, asked(one, &[Right::Restrict])).await;
    let another = opened(&service, asked(other, &[Right::Access])).await;
    let taken_back = opened(&service, asked(one, &[Right::Access])).await;
    service.act(&taken_back, &actor("anna"), Act::TakenBack).await.unwrap();
    let closed = opened(&service, asked(one, &[Right::Access])).await;
    service.identify(&closed, &actor("anna"), Act::IdentityFailed).await.unwrap();
    let letter = service.letter(&closed, None).await.unwrap();
    service.deliver(&closed, &actor("anna"), letter.hash).await.unwrap();
    let asks = opened(&service, asked(one, &[Right::Access])).await;
    for key in [&restricts, &another, &taken_back, &closed, &asks] {
        assert_eq!(duplicate_of(&service, key).await, None);
    }
    bench.mesh.state().merged.insert(one, vec![other]);
    bench.pass(DAY);
    let again = opened(&service, asked(one, &[Right::Access, Right::Port])).await;
    let linked = duplicate_of(&service, &again).await.unwrap();
    assert!([another.id, asks.id].contains(&linked), "whoever of the person asked first");
    let version = service.file(&again).await.unwrap().version;
    service.link(&again, &actor("anna"), Link::DuplicateOf(linked)).await.unwrap();
    assert_eq!(service.file(&again).await.unwrap().version, version, "the same again has no second effect");
    service.link(&again, &actor("anna"), Link::DuplicateOf(restricts.id)).await.unwrap();
    assert_eq!(duplicate_of(&service, &again).await, Some(restricts.id), "people know better");
    let itself = service.link(&again, &actor("anna"), Link::DuplicateOf(again.id)).await.unwrap_err();
    assert_eq!(word(&itself), "itself");
    let nobody = service.link(&again, &actor("anna"), Link::DuplicateOf(RequestId::new())).await.unwrap_err();
    assert!(matches!(nobody, Error::Unknown { .. }));
}

/// Two requests of one person who is known as two: for a copy, and an earlier one for erasure.
struct Both {
    bench: Bench,
    service: Arc<Service>,
    copy: RequestKey,
    erasure: RequestKey,
    calls: [RecordingId; 2],
    subjects: [SubjectId; 2],
}

impl Both {
    async fn new() -> Self {
        Self::asking(&[Right::Erase]).await
    }

    async fn asking(rights: &[Right]) -> Self {
        let bench = Bench::new().await;
        let ((one, first), (other, second)) = (with_a_call(&bench), with_a_call(&bench));
        bench.consents(other, "quality");
        for id in [first, second] {
            erases(&bench, id, Erased::Kept);
        }
        let service = bench.service();
        let copy = verified(&service, asked(one, &[Right::Access])).await;
        let earlier = Timestamp(service.now().0 - 10 * 86_400_000_000);
        let asked = NewRequest { received_at: Some(earlier), ..asked(other, rights) };
        let erasure = verified(&service, asked).await;
        let (calls, subjects) = ([first, second], [one, other]);
        Self { bench, service, copy, erasure, calls, subjects }
    }

    /// Two people have agreed that the two are one.
    fn become_one(&self) {
        let [one, other] = self.subjects;
        let mut state = self.bench.mesh.state();
        state.merged.insert(one, vec![other]);
        state.merged.insert(other, vec![one]);
    }

    async fn link(&self, link: fn(RequestId) -> Link) -> Result<File, Error> {
        self.service.link(&self.copy, &actor("anna"), link(self.erasure.id)).await
    }

    async fn files(&self) -> (File, File) {
        (self.service.file(&self.copy).await.unwrap(), self.service.file(&self.erasure).await.unwrap())
    }

    fn hands_out(file: &File) -> BTreeSet<ItemKey> {
        let open = file.unsettled().map(|(key, _)| key.clone());
        open.filter(|key| key.as_str().starts_with("access/")).collect()
    }

    /// What is merged is planned, decided and handed out.
    async fn handed_out(&self) -> BTreeSet<ItemKey> {
        let planned = self.service.plan(&self.copy, &actor("anna"), true).await.unwrap();
        let file = decided(&self.service, &self.copy, &planned.file).await;
        assert_eq!(file.waits_for(), "hand-out");
        let items = Self::hands_out(&file);
        let handed = Act::ItemsDone { items: items.clone(), filed: None };
        self.service.act(&self.copy, &actor("anna"), handed).await.unwrap();
        items
    }
}

#[tokio::test]
async fn two_requests_of_one_person_are_answered_as_one_by_the_earlier_day() {
    let both = Both::new().await;
    let now = both.service.now();
    let due = both.files().await.1.due(now);
    assert_eq!(word(&both.link(Link::Merge).await.unwrap_err()), "another-person");
    both.become_one();
    let merged = both.link(Link::Merge).await.unwrap();
    assert_eq!((merged.request.state(), merged.parts()), (State::Discovering, vec![both.erasure.id]));
    assert_eq!((merged.request.rights(), merged.due(now)), ([Right::Access, Right::Erase].into(), due));
    let (_, part) = both.files().await;
    assert_eq!((part.merged_into(), part.waits_for()), (Some(both.copy.id), "other-request"));
    let again = both.link(Link::Merge).await.unwrap();
    assert_eq!(again, merged, "the same again has no second effect");
    let letter = both.service.letter(&both.erasure, None).await.unwrap();
    let refused = both.service.deliver(&both.erasure, &actor("anna"), letter.hash).await.unwrap_err();
    assert_eq!(word(&refused), "answered-elsewhere");
    assert!(both.bench.mesh.state().released.is_empty(), "and it is held as before");

    both.handed_out().await;
    let file = both.service.execute(&both.copy).await.unwrap();
    assert_eq!(file.request.state(), State::Responding);
    let erased: BTreeSet<_> = both.bench.mesh.state().erasures.iter().map(|order| order.recording).collect();
    assert_eq!(erased, both.calls.into(), "of both, as one person asks for both");
    let released: BTreeSet<_> = both.bench.mesh.state().released.iter().copied().collect();
    let holds = [file.hold.unwrap(), part.hold.unwrap()];
    assert_eq!(released, holds.into(), "neither holds what both want erased");

    let letter = both.service.letter(&both.copy, None).await.unwrap();
    assert!(letter.text.contains(&both.erasure.id.to_string()), "{}", letter.text);
    let closed = both.service.deliver(&both.copy, &actor("anna"), letter.hash).await.unwrap();
    let (own, part) = both.files().await;
    assert_eq!(own, closed);
    assert_eq!((part.request.state(), part.request.ended()), (State::Closed, own.request.ended()));
}

#[tokio::test]
async fn a_merge_that_broke_off_is_finished_by_the_same_call_or_by_itself() {
    for by_itself in [false, true] {
        let both = Both::new().await;
        both.become_one();
        let part = both.files().await.1.as_part().unwrap();
        both.service.act(&both.copy, &actor("anna"), Act::Merged(part)).await.unwrap();
        assert_eq!(both.files().await.1.merged_into(), None, "as if the process had died here");
        if by_itself {
            both.service.carry_on_all().await.unwrap();
        } else {
            both.link(Link::Merge).await.unwrap();
        }
        let (own, part) = both.files().await;
        assert_eq!(
            (own.parts(), part.merged_into()),
            (vec![both.erasure.id], Some(both.copy.id)),
            "{by_itself}"
        );
    }
}

#[tokio::test]
async fn a_request_that_went_on_meanwhile_answers_for_itself() {
    for by_itself in [false, true] {
        let both = Both::new().await;
        both.become_one();
        let part = both.files().await.1.as_part().unwrap();
        both.service.act(&both.copy, &actor("anna"), Act::Merged(part)).await.unwrap();
        let planned = both.service.plan(&both.erasure, &actor("anna"), true).await.unwrap();
        decided(&both.service, &both.erasure, &planned.file).await;
        if by_itself {
            both.service.carry_on_all().await.unwrap();
        } else {
            assert_eq!(word(&both.link(Link::Merge).await.unwrap_err()), "not-now");
        }
        let (own, other) = both.files().await;
        assert_eq!((own.parts(), other.merged_into()), (Vec::new(), None), "{by_itself}");
        assert_eq!(own.request.rights(), [Right::Access].into());
    }
}

#[tokio::test]
async fn who_is_not_verified_is_not_merged_and_nothing_is_half_done() {
    let both = Both::new().await;
    both.become_one();
    let [one, _] = both.subjects;
    let unverified = opened(&both.service, asked(one, &[Right::Port])).await;
    let merge = Link::Merge(unverified.id);
    let refused = both.service.link(&both.copy, &actor("anna"), merge).await.unwrap_err();
    assert!(["not-now", "unverified"].contains(&word(&refused).as_str()), "{refused}");
    assert!(both.files().await.0.parts().is_empty());
    let refused =
        both.service.link(&unverified, &actor("anna"), Link::Merge(both.copy.id)).await.unwrap_err();
    assert!(["not-now", "unverified"].contains(&word(&refused).as_str()), "{refused}");
    assert_eq!(both.files().await.0.merged_into(), None);
    assert_eq!(word(&both.link(Link::Unmerge).await.unwrap_err()), "not-merged");
}

#[tokio::test]
async fn what_was_given_before_they_came_apart_is_a_breach_to_assess() {
    let both = Both::new().await;
    both.become_one();
    both.link(Link::Merge).await.unwrap();
    let given = both.handed_out().await;
    let apart = both.link(Link::Unmerge).await.unwrap();
    assert_eq!((apart.request.state(), &apart.to_assess), (State::Discovering, &given));
    assert_eq!(apart.request.rights(), [Right::Access].into());
    let (own, other) = both.files().await;
    assert_eq!(own, apart, "its acts are all that a request is");
    assert_eq!((other.request.state(), other.merged_into()), (State::Discovering, None));
    assert_eq!(other.request.rights(), [Right::Erase].into());

    // Each of them goes its own way again.
    both.bench.mesh.state().merged.clear();
    let planned = both.service.plan(&both.copy, &actor("anna"), true).await.unwrap();
    let [first, second] = both.calls;
    let of = |id| planned.plan.items.iter().any(|item| item.artefact.recording() == Some(id));
    assert!(of(first) && !of(second));
    assert_eq!(planned.file.to_assess, given);
    assert_eq!(both.files().await.0, planned.file);
}

#[tokio::test]
async fn two_are_taken_apart_from_either_side_and_what_broke_off_goes_on() {
    let both = Both::new().await;
    both.become_one();
    both.link(Link::Merge).await.unwrap();
    let unmerge = Link::Unmerge(both.copy.id);
    both.service.link(&both.erasure, &actor("anna"), unmerge).await.unwrap();
    let (own, other) = both.files().await;
    assert_eq!((own.parts(), other.merged_into()), (Vec::new(), None));

    both.link(Link::Merge).await.unwrap();
    let half = Act::Unmerged { other: both.erasure.id, to_assess: BTreeSet::new() };
    both.service.act(&both.copy, &actor("anna"), half.clone()).await.unwrap();
    assert_eq!(both.files().await.1.merged_into(), Some(both.copy.id), "as if the process had died here");
    both.service.carry_on_all().await.unwrap();
    let (own, other) = both.files().await;
    assert_eq!((own.parts(), other.merged_into()), (Vec::new(), None), "it is not merged again");

    both.link(Link::Merge).await.unwrap();
    both.service.act(&both.copy, &actor("anna"), half).await.unwrap();
    both.link(Link::Unmerge).await.unwrap();
    assert_eq!(both.files().await.1.merged_into(), None, "the same call does the other half, too");
}

#[tokio::test]
async fn a_part_whose_answer_broke_off_is_answered_by_itself() {
    let both = Both::new().await;
    both.become_one();
    both.link(Link::Merge).await.unwrap();
    both.handed_out().await;
    both.service.execute(&both.copy).await.unwrap();
    let letter = both.service.letter(&both.copy, None).await.unwrap();
    let delivered = Act::Delivered { letter: letter.hash };
    both.service.act(&both.copy, &actor("anna"), delivered).await.unwrap();
    assert_eq!(both.files().await.1.request.state(), State::Responding, "as if the process had died here");
    let standing = both.service.carry_on_all().await.unwrap();
    assert_eq!(standing.failing, 0);
    assert_eq!(both.files().await.1.request.state(), State::Closed);
}

#[tokio::test]
async fn what_one_of_them_took_back_stays_taken_back_and_is_told_by_the_answer() {
    let both = Both::asking(&[Right::Withdraw]).await;
    assert_eq!(both.bench.mesh.state().withdrawals.len(), 1, "at its receipt, for itself");
    both.become_one();
    both.link(Link::Merge).await.unwrap();
    both.bench.mesh.state().consents.clear();
    let planned = both.service.plan(&both.copy, &actor("anna"), true).await.unwrap();
    let quality = PurposeName::new("quality").unwrap();
    let withdrawn = planned.plan.items.iter().filter(|item| item.right() == Right::Withdraw);
    let withdrawn: Vec<_> = withdrawn.map(|item| item.purpose.clone()).collect();
    assert_eq!(withdrawn, [Some(quality)]);
    let file = decided(&both.service, &both.copy, &planned.file).await;
    assert!(file.unsettled().all(|(_, item)| item.right() == Right::Access));
    assert_eq!(both.bench.mesh.state().withdrawals.len(), 1, "nothing that was not asked is taken back");
}

#[tokio::test]
async fn what_is_decided_of_one_counts_no_more_once_both_are_asked() {
    let both = Both::new().await;
    both.become_one();
    let planned = both.service.plan(&both.copy, &actor("anna"), true).await.unwrap();
    let plan = planned.name.clone();
    both.service.decide(&both.copy, &actor("anna"), all(&plan), false).await.unwrap();
    let merged = both.link(Link::Merge).await.unwrap();
    assert!(merged.request.plan().is_none() && merged.items.is_empty() && merged.found.is_empty());
    let refused = both.service.decide(&both.copy, &actor("anna"), all(&plan), true).await.unwrap_err();
    assert_eq!(word(&refused), "no-plan");
}

#[tokio::test]
async fn two_that_are_taken_apart_are_held_anew_each() {
    let both = Both::new().await;
    both.become_one();
    let before = both.files().await;
    both.link(Link::Merge).await.unwrap();
    both.link(Link::Unmerge).await.unwrap();
    both.service.carry_on_all().await.unwrap();
    let after = both.files().await;
    let state = both.bench.mesh.state();
    for (before, after) in [(before.0, after.0), (before.1, after.1)] {
        assert_ne!(after.hold, before.hold, "one that was released is no more");
        assert_eq!(after.unheld, None);
        assert!(state.released.contains(&before.hold.unwrap()));
        let stands = |hold| state.restrictions.iter().any(|(placed, _)| Some(placed.id) == hold);
        assert!(stands(after.hold) && !state.released.contains(&after.hold.unwrap()));
    }
}
