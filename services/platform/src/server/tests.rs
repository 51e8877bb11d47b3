use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tonic::transport::{Channel, Endpoint};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use super::*;
use crate::drain::{Stage, Stopper, Tasks, shutdown};
use crate::role::Role;
use crate::stand::eventually;

struct Running {
    channel: Channel,
    stopper: Stopper,
    tasks: Tasks,
    ready: Arc<AtomicBool>,
}

/// A server without roles, ready when the flag is set.
async fn running() -> Running {
    let (stopper, shutdown) = shutdown();
    let mut tasks = Tasks::new(shutdown);
    let listener = listen("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let door = Door::default();
    let health = Health::of(&door).await;
    tasks.start(serve(listener, door, &health, Duration::from_secs(5)).unwrap());
    let ready = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ready);
    let role = Role::new("test").ready("flag", move || {
        let set = flag.load(Ordering::SeqCst);
        async move { if set { Ok(()) } else { Err("the flag is not set".to_owned()) } }
    });
    tasks.start(readiness(health, role.into_ready_checks(), || {}));
    let endpoint = Endpoint::try_from(format!("http://{address}")).unwrap();
    Running { channel: endpoint.connect_lazy(), stopper, tasks, ready }
}

async fn health(channel: &Channel) -> Option<ServingStatus> {
    let answer = HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await.ok()?;
    match answer.into_inner().status {
        1 => Some(ServingStatus::Serving),
        2 => Some(ServingStatus::NotServing),
        _ => None,
    }
}

#[tokio::test]
async fn health_says_serving_only_while_ready() {
    let mut running = running().await;
    assert!(matches!(health(&running.channel).await, Some(ServingStatus::NotServing)));
    running.ready.store(true, Ordering::SeqCst);
    eventually("it serves", async || {
        let status = health(&running.channel).await;
        matches!(status, Some(ServingStatus::Serving)).then_some(())
    })
    .await;
    let mut watch = HealthClient::new(running.channel.clone());
    let mut watch = watch.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status, 1);
    running.stopper.advance(Stage::Draining);
    assert_eq!(watch.message().await.unwrap().unwrap().status, 2);
    drop(watch);
    assert_eq!(running.tasks.stop(&running.stopper, Duration::from_secs(10)).await, 0);
    assert!(health(&running.channel).await.is_none());
}

#[tokio::test]
async fn reflection_tells_the_contract_without_a_token() {
    let running = running().await;
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(running.channel.clone());
    let answer = client.server_reflection_info(tokio_stream::once(ask)).await.unwrap();
    let answer = answer.into_inner().message().await.unwrap();
    let Some(ServerReflectionResponse {
        message_response: Some(MessageResponse::ListServicesResponse(list)),
        ..
    }) = answer
    else {
        panic!("{answer:?}");
    };
    let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    assert!(names.contains(&"verbale.archive.v1.Recordings"), "{names:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_does_not_end_is_cut_off_after_the_time_for_draining() {
    let mut running = running().await;
    let mut client = HealthClient::new(running.channel.clone());
    let mut watch = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    watch.message().await.unwrap().unwrap();
    let began = tokio::time::Instant::now();
    assert_eq!(running.tasks.stop(&running.stopper, Duration::from_secs(60)).await, 0);
    assert_eq!(began.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn an_address_that_is_taken_is_told() {
    let taken = listen("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = listen(&address).await.unwrap_err();
    assert!(refused.to_string().contains(&address), "{refused}");
}

/// A key, and what makes its value one that cannot work.
type Spoilt = (&'static str, fn(&mut Config));

#[test]
fn a_value_that_cannot_work_is_refused_by_its_key() {
    Config::default().check().unwrap();
    let cases: &[Spoilt] = &[
        ("message_size", |config| config.message_size = ByteSize(0)),
        ("concurrent_calls", |config| config.concurrent_calls = 0),
        ("concurrent_streams", |config| config.concurrent_streams = 0),
        ("deadline", |config| config.deadline = Period::millis(0)),
    ];
    for (key, spoil) in cases {
        let mut config = Config::default();
        spoil(&mut config);
        let problem = config.check().unwrap_err();
        assert!(problem.starts_with(&format!("{key} ")), "{key}: {problem}");
    }
}

#[test]
fn what_cannot_be_listened_on_is_refused() {
    let of = |listen: &str| Config { listen: listen.to_owned(), ..Config::default() }.check();
    for good in ["0.0.0.0:0", "[::]:7420", "localhost:7420", "node-1.example:65535"] {
        of(good).unwrap_or_else(|problem| panic!("{good}: {problem}"));
    }
    let bad = [
        "",
        "7420",
        ":7420",
        "localhost",
        "localhost:",
        "localhost:65536",
        "::1:7420",
        "127.0.0.256:1",
        "a b:1",
    ];
    for bad in bad {
        let problem = of(bad).expect_err(bad);
        assert!(problem.starts_with("listen "), "{bad}: {problem}");
    }
}
