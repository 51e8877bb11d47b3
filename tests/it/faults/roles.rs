//! `kill -9` of any role's process, while calls stream through a mesh of two processes per role.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use tokio::time::sleep;
use verbale::role::RoleName;

use super::stage::{self, Sending};
use super::told::{Told, ledger_is_whole};
use crate::harness::{REPLICAS, Sample, Shape, Split, Turn, World, moments, purpose};

/// Times real time: a call takes about four seconds.
const SPEED: f64 = 8.0;

#[tokio::test(flavor = "multi_thread")]
async fn any_roles_process_may_die_at_any_moment_of_a_call() {
    let Some(turn) = Turn::wait().await else { return };
    let mut moments = moments();
    let world = World::upon(turn.engines(), Shape::Split).await;
    let config = stage::config(&world);
    let mut split = Split::start(world.folder(), &config, &turn.environment()).await;
    let samples = ["mifid-order-it", "card-payment-en"].map(Sample::new);
    let mut rounds: Vec<_> = RoleName::ALL.into_iter().chain([RoleName::Ingest, RoleName::Archive]).collect();
    rounds.shuffle(&mut moments);
    let mut calls = Vec::new();
    for role in rounds {
        calls.extend(a_round(&world, &mut split, role, &samples, &mut moments).await);
    }
    ledger_is_whole(&world, &split.servers(), &calls).await;
    split.stop().await.unwrap();
}

/// Two calls, and a process killed and started again meanwhile.
async fn a_round<'s>(
    world: &World,
    split: &mut Split,
    role: RoleName,
    samples: &'s [Sample; 2],
    moments: &mut StdRng,
) -> Vec<Told<'s>> {
    let server = split.servers();
    // Where these are away, purposes on consent and contract may have to stay off; a duty never has.
    let is_about_bases = matches!(role, RoleName::Consent | RoleName::Crypto);
    let samples = if is_about_bases { [&samples[0], &samples[0]] } else { [&samples[0], &samples[1]] };
    let number = moments.random_range(0..REPLICAS);
    let acknowledged = moments.random_range(0..samples[0].frames() * 2);
    let after = Duration::from_micros(moments.random_range(0..40_000));
    let at = format!("{role}-{number} killed {after:?} after {acknowledged} frames");
    let mut sending = Sending::begin(world, &server, &samples, SPEED, &at);
    sending.has_logged(acknowledged).await;
    sleep(after).await;
    split.replica(role, number).kill().await;
    split.replica(role, number).start().await;
    let (mut calls, _) = sending.end().await;
    if is_about_bases {
        calls = calls.into_iter().map(Told::perhaps_untold).collect();
    }
    for call in &calls {
        call.is_sealed(world, &server).await;
        if is_about_bases {
            call.plays(world, &server, &purpose("mifid2-transaction"), |_| true).await;
            call.plays_no_more_than_expected(world, &server, &purpose("quality")).await;
        } else {
            call.plays_as_expected(world, &server).await;
        }
    }
    calls
}
