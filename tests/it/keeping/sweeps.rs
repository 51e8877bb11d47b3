//! A sweep of more than the bound: nobody does it alone, and nobody agrees to what has changed.

use kernel::{ErasureId, RecordingId};
use proto::retention::v1::retention_client::RetentionClient;
use proto::retention::v1::{
    ErasureCause, ErasureState, HoldKind, PlanSweepRequest, SweepPlan, SweepRequest, SweepResponse,
};
use tonic::{Code, Status};
use verbale::commands::erasure;
use verbale::connect::Caller;

use crate::harness::keeping::{BY_PERIOD, DAY, hold, must_be_gone, over, settled, swept_away};
use crate::harness::{Sample, World, hear, on_every_shape, purpose, reason};

on_every_shape!(a_sweep_over_the_bound_waits_for_a_second_person_who_agrees_to_exactly_its_plan);

const QUALITY: &str = "quality";
/// No plan's name.
const NO_PLAN: &str = "00000000000000000000000000000000";

async fn a_sweep_over_the_bound_waits_for_a_second_person_who_agrees_to_exactly_its_plan(world: World) {
    let world = world.tuned(|config| (config.retention.share, config.retention.few) = (1, 0));
    let sample = Sample::new("access-request-en");
    let mesh = world.up().await;
    let server = mesh.server();
    let [anna, bruno, carla] =
        ["anna", "bruno", "carla"].map(|name| world.named(&server, &sample.tenant, name));
    let (one, other, held) = tokio::join!(
        world.kept(&server, &sample),
        world.kept(&server, &sample),
        world.kept(&server, &sample)
    );
    // Another tenant's sweep is no part of it, and one of nothing is not over any bound.
    let stranger = Sample::new("mifid-order-it");
    let strange = world.kept(&server, &stranger).await;
    assert!(sweep(&anna, "").await.unwrap().erasure_id.is_empty());
    world.pass(95 * DAY).await;
    let their = world.named(&server, &stranger.tenant, "dario");
    let plan = plan(&their).await;
    assert!(plan.over_bound && shown(&plan) == [strange], "{plan:?}");

    let plan = self::plan(&anna).await;
    assert_eq!((plan.recordings, plan.purposes, plan.held, plan.kept), (3, 3, 0, 3), "{plan:?}");
    assert!(plan.over_bound && plan.asked_by.is_empty(), "{plan:?}");
    assert_eq!(shown(&plan), sorted([one, other, held]));
    let asked = sweep(&anna, &plan.plan).await.unwrap();
    assert!(asked.waits_for_second && asked.erasure_id.is_empty(), "{asked:?}");
    assert_eq!(self::plan(&bruno).await.asked_by, "anna");
    refused(&anna, &plan.plan, "asked-by-same").await;
    refused(&anna, "", "asked-by-same").await;
    refused(&bruno, NO_PLAN, "stale-plan").await;
    // Who names no plan agrees to none.
    let unnamed = sweep(&bruno, "").await.unwrap();
    assert!(unnamed.waits_for_second && unnamed.erasure_id.is_empty(), "{unnamed:?}");

    // What anna asked for is not what would go now.
    let id = hold(&world, &anna, HoldKind::Litigation, over(&[held])).await;
    refused(&bruno, &plan.plan, "stale-plan").await;
    let fresh = self::plan(&bruno).await;
    assert_eq!((fresh.recordings, fresh.held, fresh.asked_by.as_str()), (2, 1, ""), "{fresh:?}");
    assert!(fresh.plan != plan.plan && fresh.over_bound, "{fresh:?}");
    assert!(sweep(&bruno, &fresh.plan).await.unwrap().waits_for_second);
    refused(&bruno, &fresh.plan, "asked-by-same").await;
    assert_eq!(erasure::all(&anna, 100).await.unwrap(), [], "something was swept without two people");

    let swept = sweep(&carla, &fresh.plan).await.unwrap();
    assert!(!swept.waits_for_second, "{swept:?}");
    let (erasure, items) = settled(&anna, ErasureId::from_slice(&swept.erasure_id).unwrap()).await;
    assert_eq!((erasure.state(), erasure.cause()), (ErasureState::Done, ErasureCause::PeriodOver));
    assert_eq!((erasure.ordered_by.as_str(), items.len()), ("carla", 2), "{erasure:?}");
    for id in [one, other] {
        let (same, _) = swept_away(&anna, ErasureCause::PeriodOver, id, &[QUALITY]).await;
        assert_eq!(same.erasure_id, erasure.erasure_id);
        must_be_gone(&hear(&anna, id, &purpose(QUALITY)).await.unwrap_err(), &[BY_PERIOD]);
    }
    let left = self::plan(&anna).await;
    assert_eq!((left.recordings, left.held, left.asked_by.as_str()), (0, 1, ""), "{left:?}");
    assert!(!left.over_bound && left.first.iter().any(|due| due.held_by == [id.to_bytes().to_vec()]));
    mesh.stop().await.unwrap();
}

async fn plan(caller: &Caller) -> SweepPlan {
    let request = caller.request(PlanSweepRequest {}).unwrap();
    RetentionClient::new(caller.wire()).plan_sweep(request).await.unwrap().into_inner()
}

async fn sweep(caller: &Caller, plan: &str) -> Result<SweepResponse, Status> {
    let request = caller.request(SweepRequest { plan: plan.to_owned() }).unwrap();
    Ok(RetentionClient::new(caller.wire()).sweep(request).await?.into_inner())
}

async fn refused(caller: &Caller, plan: &str, word: &str) {
    let told = sweep(caller, plan).await.unwrap_err();
    assert_eq!((told.code(), reason(&told)), (Code::FailedPrecondition, word), "{told}");
}

/// The recordings of a plan that it shows.
fn shown(plan: &SweepPlan) -> Vec<RecordingId> {
    sorted(plan.first.iter().map(|due| RecordingId::from_slice(&due.recording_id).unwrap()))
}

fn sorted(ids: impl IntoIterator<Item = RecordingId>) -> Vec<RecordingId> {
    let mut ids: Vec<_> = ids.into_iter().collect();
    ids.sort_unstable();
    ids
}
