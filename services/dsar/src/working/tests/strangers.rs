//! Two who were taken for one person turn out not to be, while a request is carried out.

use std::collections::BTreeSet;
use std::sync::Arc;

use kernel::{RecordingId, SubjectId};
use policy::request::{ItemKey, State};
use policy::rights::Right;

use super::{decided, erases, planned, with_a_call};
use crate::act::{Act, RequestKey};
use crate::file::File;
use crate::mesh::Erased;
use crate::service::Service;
use crate::testing::{Bench, DAY, actor, token};

/// Two who are taken for one person, each with a call.
struct Two {
    bench: Bench,
    service: Arc<Service>,
    one: SubjectId,
    first: RecordingId,
    second: RecordingId,
}

impl Two {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let ((one, first), (other, second)) = (with_a_call(&bench), with_a_call(&bench));
        bench.mesh.state().merged.insert(one, vec![other]);
        erases(&bench, first, Erased::Kept);
        erases(&bench, second, Erased::Kept);
        let service = bench.service();
        Self { bench, service, one, first, second }
    }

    /// A request of the one that is decided, with the copies that it grants handed out.
    async fn handed_out(&self, rights: &[Right]) -> RequestKey {
        let (key, file) = planned(&self.service, self.one, rights).await;
        let file = decided(&self.service, &key, &file).await;
        let granted = file.unsettled().map(|(key, _)| key.clone());
        let granted: BTreeSet<_> = granted.filter(|key| key.as_str().starts_with("access/")).collect();
        let handed = Act::ItemsDone { items: granted, filed: None };
        self.service.act(&key, &actor("anna"), handed).await.unwrap();
        key
    }

    /// It turns out that they are two.
    fn part(&self) {
        self.bench.pass(DAY);
        let mut state = self.bench.mesh.state();
        state.merged.clear();
        state.parted.insert(self.one, self.service.now());
    }

    /// The items of the other one's call under a right.
    fn theirs(&self, file: &File, right: Right) -> BTreeSet<ItemKey> {
        let of_theirs = file.items.iter().filter(|(_, item)| item.artefact.recording() == Some(self.second));
        of_theirs.filter(|(_, item)| item.right() == right).map(|(key, _)| key.clone()).collect()
    }
}

#[tokio::test]
async fn copies_that_were_given_before_are_a_breach_to_assess_and_nothing_more_is_erased() {
    let two = Two::new().await;
    let key = two.handed_out(&[Right::Access, Right::Erase]).await;
    assert!(two.bench.mesh.state().erasures.is_empty());
    two.part();
    let file = two.service.execute(&key).await.unwrap();
    assert_eq!(file.request.state(), State::Responding);
    let ordered: Vec<_> = two.bench.mesh.state().erasures.iter().map(|order| order.recording).collect();
    assert_eq!(ordered, [two.first]);
    assert_eq!(file.to_assess, two.theirs(&file, Right::Access));
    let all: BTreeSet<_> =
        two.theirs(&file, Right::Access).union(&two.theirs(&file, Right::Erase)).cloned().collect();
    assert_eq!(file.strange, all);
    let letter = two.service.letter(&key, None).await.unwrap();
    assert!(letter.text.contains("una telefonata è risultata non essere Sua"), "{}", letter.text);
    let closed = two.service.deliver(&key, &actor("anna"), letter.hash).await.unwrap();
    assert_eq!(closed.request.state(), State::Closed);
}

#[tokio::test]
async fn what_turns_out_before_the_answer_makes_another_letter() {
    let two = Two::new().await;
    let key = two.handed_out(&[Right::Access]).await;
    let file = two.service.execute(&key).await.unwrap();
    assert_eq!(file.request.state(), State::Responding);
    let before = two.service.letter(&key, None).await.unwrap();
    two.part();
    let refused = two.service.deliver(&key, &actor("anna"), before.hash).await.unwrap_err();
    assert!(matches!(refused, crate::error::Error::Refused { word: "other-letter", .. }), "{refused}");
    let file = two.service.file(&key).await.unwrap();
    assert_eq!(file.to_assess, two.theirs(&file, Right::Access), "it was given");
    let after = two.service.letter(&key, None).await.unwrap();
    assert!(after.text.contains("una telefonata è risultata non essere Sua"), "{}", after.text);
    two.service.deliver(&key, &actor("anna"), after.hash).await.unwrap();
}

#[tokio::test]
async fn what_is_somebody_else_s_is_found_before_a_copy_is_made() {
    let two = Two::new().await;
    let (key, file) = planned(&two.service, two.one, &[Right::Access]).await;
    let file = decided(&two.service, &key, &file).await;
    assert_eq!(file.waits_for(), "hand-out");
    two.part();
    // Nobody has certified this process, so that it signs no copy.
    assert!(two.service.hand_out(&key, token(), "request".to_owned()).await.is_err());
    let file = two.service.file(&key).await.unwrap();
    assert_eq!(file.strange, two.theirs(&file, Right::Access));
    assert_eq!((file.to_assess.len(), file.waits_for()), (0, "hand-out"), "nothing of it was given");
    assert!(file.unsettled().all(|(_, item)| item.artefact.recording() != Some(two.second)));
}

#[tokio::test]
async fn another_one_s_request_is_no_part_of_the_answer_either() {
    let two = Two::new().await;
    let other = two.bench.mesh.state().merged[&two.one][0];
    let (theirs, _) = planned(&two.service, other, &[Right::Access]).await;
    let (key, file) = planned(&two.service, two.one, &[Right::Access]).await;
    let named = format!("access/request-{}", theirs.id);
    assert!(file.items.keys().any(|key| key.as_str() == named));
    decided(&two.service, &key, &file).await;
    two.part();
    assert!(two.service.hand_out(&key, token(), "request".to_owned()).await.is_err());
    let file = two.service.file(&key).await.unwrap();
    assert!(file.strange.iter().any(|key| key.as_str() == named), "{:?}", file.strange);
}
