//! What a start does after a backup was put back, before anything runs.

use super::*;
use crate::acts;
use crate::events;
use crate::stamping::apply_later_policy;
use crate::store::{Order, Store};
use crate::testing::{Bench, POLICY, START, extension, parsed, six_years, tenant};

fn order() -> Order {
    let order = extension("CONSOB/1", six_years());
    Order { tenant: tenant(), order, placed_by: "cosimo".to_owned(), placed_at: START }
}

fn restored(bench: &Bench) -> RestoredStore {
    RestoredStore { store: bench.store.clone(), clock: Arc::new(bench.clock.clone()) }
}

/// As a sweep does before it looks what is due.
async fn policy_applied(bench: &Bench) {
    let book = bench.policies.book();
    apply_later_policy(bench.store.as_ref(), &book, &bench.clock, bench.mesh.as_ref(), &tenant())
        .await
        .unwrap();
}

#[tokio::test]
async fn an_order_that_a_restored_store_missed_is_carried_out_before_anything_runs() {
    let bench = Bench::new().await;
    let id = bench.recording().await;
    // The sweep has been through with the policy in force: it would not walk again for it.
    policy_applied(&bench).await;
    bench.journal.append(acts::order_placed(&order())).await.unwrap();
    bench.erasing.catch_up_once().await.unwrap();
    assert_eq!(bench.erasing.caught_up(), Ok(()));
    assert_eq!(bench.audio_ends(id, "duty").await, six_years());
}

#[tokio::test]
async fn an_order_is_carried_out_wherever_the_start_before_was_cut_off() {
    // The row is there, and nothing else.
    let bench = Bench::new().await;
    let id = bench.recording().await;
    bench.journal.append(acts::order_placed(&order())).await.unwrap();
    bench.store.order(&order(), &events::order(&order())).await.unwrap();
    bench.erasing.catch_up_once().await.unwrap();
    assert_eq!(bench.audio_ends(id, "duty").await, six_years());
    // The whole journal is applied, and no recording was reached.
    let bench = Bench::new().await;
    let id = bench.recording().await;
    bench.journal.append(acts::order_placed(&order())).await.unwrap();
    journal::catch_up(&bench.journal, &restored(&bench)).await.unwrap();
    bench.erasing.catch_up_once().await.unwrap();
    assert_eq!(bench.audio_ends(id, "duty").await, six_years());
}

#[tokio::test]
async fn a_start_after_which_a_sweep_came_walks_no_more() {
    let bench = Bench::new().await;
    let id = bench.recording().await;
    bench.journal.append(acts::order_placed(&order())).await.unwrap();
    bench.erasing.catch_up_once().await.unwrap();
    policy_applied(&bench).await;
    let kept = bench.kept(id).await;
    let noted = bench.store.applied_policy(&tenant()).await.unwrap();
    assert_eq!(noted, Some(parsed(POLICY).hash()));
    bench.erasing.catch_up_once().await.unwrap();
    assert_eq!((bench.kept(id).await, bench.store.applied_policy(&tenant()).await.unwrap()), (kept, noted));
}
