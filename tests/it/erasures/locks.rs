//! Objects under the server's own lock: what is erased opens for nobody at once, and its bytes go when the server lets
//! them, whatever domain time says.

use std::time::Duration;

use kernel::{Clock, SystemClock, Timestamp};
use policy::TenantPolicy;
use proto::archive::v1::RecordingState;
use proto::retention::v1::{ErasureCause, ErasureState, ErasureStep};
use serde_json::{Value, json};
use verbale::commands::{erasure, recordings};

use crate::harness::keeping::{BY_PERIOD, must_be_gone, store, swept_away};
use crate::harness::{Expected, Sample, Shape, World, eventually, hear, is_patient, purpose};

const DUTY: &str = "mifid2-transaction";
/// How long after its sending the duty of the slow call ends.
const LEFT: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_outlives_its_duty_in_domain_time_keeps_bytes_that_nobody_opens() {
    let Some(world) = World::on(Shape::Engines).await else { return };
    let sample = Sample::new("mifid-order-it");
    let (expected, duty) = (Expected::of(&sample), purpose(DUTY));
    let mesh = world.up().await;
    let server = mesh.server();
    let id = world.kept(&server, &sample).await;
    let anna = world.named(&server, &sample.tenant, "anna");
    let spans = world.shelf().await.spans(&sample.tenant, id).await;
    let until = expected.duty_ends();
    world.pass_to(until).await;

    // Domain time alone has come to an end: the server's clock says nothing of the kind.
    let (swept, item) = swept_away(&anna, ErasureCause::PeriodOver, id, &[DUTY, "quality"]).await;
    assert_eq!((swept.state(), item.step()), (ErasureState::Done, ErasureStep::Done), "{swept:?}");
    must_be_gone(&hear(&anna, id, &duty).await.unwrap_err(), &[BY_PERIOD]);
    assert_eq!(recordings::get(&anna, id).await.unwrap().state(), RecordingState::Erased);
    assert_eq!(store(&item, "objects"), ("waits", until.0), "{:?}", item.stores);
    let erasure = kernel::ErasureId::from_slice(&swept.erasure_id).unwrap().to_string();
    let shown = world.run(&server, sample.tenant.as_str(), &["erasure", "show", &erasure, "--json"]).await;
    let told = shown.json();
    let stores = told["recordings"][0]["stores"].as_array().unwrap();
    let waits = json!({ "store": "objects", "state": "waits", "at": until.to_string() });
    assert!(shown.code == 0 && stores.contains(&waits), "{told}");
    let checked = recordings::check(&anna, id).await.unwrap();
    assert!(checked.ok, "{:?}", checked.findings);
    mesh.stop().await.unwrap();

    let still = world.shelf().await.spans(&sample.tenant, id).await;
    assert_eq!(still.len(), spans.len(), "the server has deleted what it had locked");
    let entries = world.keyring().await.entries(&sample.tenant, id).await;
    for span in &still {
        assert!(!span.opens_by(&entries), "with all keys in hand {:?} opens", span.header);
    }
    assert!(entries.is_empty(), "{} entries are left", entries.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_a_call_whose_duty_ends_in_two_minutes_is_erased_then_and_the_server_deletes_its_bytes() {
    if !is_patient("a duty that ends on the server's own clock") {
        return;
    }
    let Some(world) = World::on(Shape::Engines).await else { return };
    let sample = only_duty(Sample::new("mifid-order-it"));
    let ends = SystemClock.now().plus(LEFT);
    let sample = sample.dated(begun(&policy(&world), ends));
    let (expected, duty) = (Expected::of(&sample), purpose(DUTY));
    let mesh = world.up().await;
    let server = mesh.server();
    let id = world.kept(&server, &sample).await;
    let anna = world.named(&server, &sample.tenant, "anna");
    hear(&anna, id, &duty).await.unwrap().must_be(&expected, &sample, &duty, sample.whole());
    let facts = recordings::get(&anna, id).await.unwrap();
    let locked: Vec<_> = facts.objects.iter().map(|object| object.lock_until).collect();
    assert!(!locked.is_empty() && locked.iter().all(|until| *until == expected.duty_ends().0), "{facts:?}");
    assert!(SystemClock.now() < expected.duty_ends(), "the machine is too slow to see the lock");

    let (swept, _) = swept_away(&anna, ErasureCause::PeriodOver, id, &[DUTY]).await;
    assert!(SystemClock.now() >= expected.duty_ends(), "it was erased before its time");
    must_be_gone(&hear(&anna, id, &duty).await.unwrap_err(), &[BY_PERIOD]);
    let erasure = kernel::ErasureId::from_slice(&swept.erasure_id).unwrap();
    eventually("the server has let its bytes go", async || {
        let (_, items) = erasure::get(&anna, erasure).await.unwrap();
        (store(&items[0], "objects").0 == "done").then_some(())
    })
    .await;
    let names = world.shelf().await.versions(&format!("{}/{id}/", sample.tenant)).await;
    assert!(!names.is_empty() && names.iter().all(|name| name.contains("/documents/")), "{names:?}");
    mesh.stop().await.unwrap();
}

/// The same call asked for by duty alone: nothing of it is kept for a period that is over.
fn only_duty(mut sample: Sample) -> Sample {
    sample.json["purposes"] = json!([DUTY]);
    let events = sample.json["events"].as_array_mut().unwrap();
    events.retain(|event: &Value| event["type"] != "consent.given");
    sample
}

fn policy(world: &World) -> TenantPolicy {
    let folder = world.policies().join("banca-alfa");
    let text = std::fs::read_to_string(folder.join("policy.yaml")).unwrap();
    policy::parse(&text, &|name| std::fs::read_to_string(folder.join(name)).ok()).unwrap()
}

/// When a call began whose duty ends then, on a full second.
fn begun(policy: &TenantPolicy, ends: Timestamp) -> Timestamp {
    let regimes = || policy.purposes.values().filter_map(|purpose| purpose.regime.as_ref());
    let end_of = |start| policy::regime::lock_until(policy, regimes(), start).unwrap().unwrap();
    let mut start = Timestamp(ends.0 / 1_000_000 * 1_000_000);
    // Five years are not always as long: what the first guess misses, the next one has.
    for _ in 0..3 {
        start = Timestamp(start.0 - (end_of(start).0 - ends.0) / 1_000_000 * 1_000_000);
    }
    let missed = end_of(start).0.abs_diff(ends.0);
    assert!(
        missed < 2_000_000,
        "no call of a duty ends at {ends:?}, but one {missed} microseconds beside it"
    );
    start
}
