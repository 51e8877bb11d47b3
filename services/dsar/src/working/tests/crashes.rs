//! Whatever fails and wherever a process dies: whoever comes next finishes it, with one outcome and one answer.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use kernel::{RecordingId, SubjectId};
use policy::request::State;
use policy::rights::Right;

use super::{decided, erases, planned, with_a_call};
use crate::act::RequestKey;
use crate::file::File;
use crate::mesh::Erased;
use crate::service::Service;
use crate::testing::{Bench, actor};

/// A future that is dropped after so many polls, as if its process had died there.
pub(super) struct Dying<'f, F> {
    pub(super) future: Pin<&'f mut F>,
    pub(super) polls: u32,
}

impl<F: Future> Future for Dying<'_, F> {
    type Output = Option<F::Output>;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        self.future.as_mut().poll(context).map(Some)
    }
}

/// What was asked of others, each once.
fn check(bench: &Bench, id: RecordingId, case: &str) {
    let state = bench.mesh.state();
    let orders: BTreeSet<_> = state.erasures.iter().map(|order| order.id).collect();
    assert_eq!(orders.len(), 1, "{case}: one erasure, however often it was ordered");
    assert!(state.erasures.iter().all(|order| order.recording == id), "{case}");
    let placed: BTreeSet<_> = state.restrictions.iter().map(|(restriction, _)| restriction.id).collect();
    assert_eq!(placed.len(), 2, "{case}: the request's own hold, and the duty's restriction");
}

async fn approved_until(service: &Service, key: &RequestKey, case: &str) {
    let file = service.execute(key).await.unwrap();
    assert_eq!(file.request.state(), State::Responding, "{case}");
    assert!(file.request.items().values().all(policy::request::Item::is_settled), "{case}");
}

async fn ready(bench: &Bench) -> (Arc<Service>, SubjectId, RecordingId) {
    let (customer, id) = with_a_call(bench);
    (bench.service(), customer, id)
}

#[tokio::test]
async fn a_call_that_fails_is_made_again() {
    for method in ["release", "restrict", "erase", "erased", "opens"] {
        let bench = Bench::new().await;
        let (service, customer, id) = ready(&bench).await;
        let (key, file) = planned(&service, customer, &[Right::Erase]).await;
        erases(&bench, id, Erased::Kept);
        bench.mesh.fail(method);
        let file = decided(&service, &key, &file).await;
        assert_ne!(file.request.state(), State::Responding, "{method}");
        approved_until(&service, &key, method).await;
        check(&bench, id, method);
    }
}

#[tokio::test]
async fn wherever_a_process_dies_another_one_ends_it_in_the_same_way() {
    for polls in 1.. {
        let bench = Bench::new().await;
        let (service, customer, id) = ready(&bench).await;
        let (key, file) = planned(&service, customer, &[Right::Erase]).await;
        erases(&bench, id, Erased::Kept);
        let ended = {
            let future = pin!(decided(&service, &key, &file));
            Dying { future, polls }.await.is_some()
        };
        drop(service);
        let case = format!("after {polls} polls");
        let service = bench.service();
        let file = service.file(&key).await.unwrap();
        let file = match file.request.state() {
            State::Deciding | State::AwaitingApproval => again(&service, &key, &file).await,
            _ => file,
        };
        if file.request.state() != State::Responding {
            approved_until(&service, &key, &case).await;
        }
        check(&bench, id, &case);
        if ended {
            assert!(polls > 10, "a store is awaited: {polls}");
            break;
        }
    }
}

/// People come back and do what is left.
async fn again(service: &Service, key: &RequestKey, file: &File) -> File {
    if file.request.state() == State::Deciding {
        return decided(service, key, file).await;
    }
    let plan = file.request.plan().unwrap().name.clone();
    service.approve(key, &actor("bruno"), plan, false).await.unwrap()
}
