//! Two subjects' links.

use kernel::{SubjectId, Timestamp};
use policy::code::Code;

use super::{alfa, beta};
use crate::links::{LinkOp, LinkStep, Pair, Stage};
use crate::store::{Stepped, Store};

pub(super) fn pair(one: SubjectId, other: SubjectId) -> Pair {
    Pair::new(one, other).expect("two subjects")
}

pub(super) fn step(pair: Pair, number: u32, stage: Stage, by: &str) -> LinkStep {
    let (op, evidence) = (LinkOp::Merge, Code::new("case/2026-7").expect("a code"));
    LinkStep { pair, number, stage, op, evidence, by: by.to_owned(), at: Timestamp(i64::from(number)) }
}

pub(super) async fn add(store: &dyn Store, step: &LinkStep) -> Stepped {
    store.add_link_step(&alfa(), step).await.expect("answered")
}

async fn steps(store: &dyn Store, subject: SubjectId) -> Vec<LinkStep> {
    store.link_steps(&alfa(), subject).await.expect("read")
}

/// Who comes second is told, and what was there stays.
pub async fn a_link_s_step_is_added_once(store: &dyn Store) {
    let pair = pair(SubjectId::new(), SubjectId::new());
    let asked = step(pair, 1, Stage::Asked, "anna");
    assert_eq!(add(store, &asked).await, Stepped::Now);
    for other in [step(pair, 1, Stage::Asked, "bruno"), step(pair, 1, Stage::Agreed, "bruno")] {
        assert_eq!(add(store, &other).await, Stepped::Overtaken);
    }
    let agreed = step(pair, 2, Stage::Agreed, "bruno");
    assert_eq!(add(store, &agreed).await, Stepped::Now);
    assert_eq!(steps(store, pair.a()).await, [asked, agreed]);
}

/// With all its steps, and beside those of other pairs.
pub async fn a_link_is_found_from_both_subjects(store: &dyn Store) {
    let [one, two, three] = [SubjectId::new(), SubjectId::new(), SubjectId::new()];
    assert_eq!(steps(store, one).await, []);
    let mut pairs = [pair(one, two), pair(three, one)];
    pairs.sort();
    let mut all = Vec::new();
    for pair in pairs {
        for (number, stage, by) in [(1, Stage::Asked, "anna"), (2, Stage::Agreed, "bruno")] {
            let step = step(pair, number, stage, by);
            add(store, &step).await;
            all.push(step);
        }
    }
    assert_eq!(steps(store, one).await, all);
    for other in [two, three] {
        let own: Vec<_> = all.iter().filter(|step| step.pair == pair(one, other)).cloned().collect();
        assert_eq!(steps(store, other).await, own);
    }
    assert_eq!(store.link_steps(&beta(), one).await.expect("read"), []);
    // The same subjects' link elsewhere is another one.
    let elsewhere = step(pair(one, two), 1, Stage::Asked, "carla");
    assert_eq!(store.add_link_step(&beta(), &elsewhere).await.expect("answered"), Stepped::Now);
    assert_eq!(steps(store, one).await, all);
}
