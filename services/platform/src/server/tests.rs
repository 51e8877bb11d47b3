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
use crate::role::{NotReady, ReadyCheck, Role};
use crate::stand::eventually;
use crate::tls::testing::{TestCa, load};

struct Running {
    channel: Channel,
    operators: String,
    stopper: Stopper,
    tasks: Tasks,
    metrics: Metrics,
    ready: Arc<AtomicBool>,
}

fn config() -> Config {
    Config {
        listen: "127.0.0.1:0".to_owned(),
        drain: Period::secs(5),
        ready_every: Period::millis(10),
        ready_wait: Period::millis(200),
        ..Config::default()
    }
}

/// A server without roles, ready while the flag is set.
async fn running() -> Running {
    running_with(|ready| async move { if ready { Ok(()) } else { Err("the flag is not set".to_owned()) } })
        .await
}

async fn running_with<F>(check: impl Fn(bool) -> F + Send + Sync + 'static) -> Running
where
    F: Future<Output = Result<(), NotReady>> + Send + 'static,
{
    let (config, metrics, door) = (config(), Metrics::new(), Door::default());
    let (stopper, shutdown) = shutdown();
    let mut tasks = Tasks::new(shutdown);
    let listener = listen(&config, None).await.unwrap();
    let endpoint = Endpoint::try_from(listener.url()).unwrap();
    let observatory = Observatory::listen("127.0.0.1:0").await.unwrap();
    let operators = format!("http://{}", observatory.address());
    let health = Health::of(&door).await;
    tasks.start(serve(listener, door, &health, &config, &metrics).unwrap());
    tasks.start(observatory.into_task(&metrics, &health));
    let ready = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ready);
    let role = Role::new("test").ready("flag", move || check(flag.load(Ordering::SeqCst)));
    tasks.start(readiness(health, role.into_ready_checks(), &config, &metrics, || {}));
    Running { channel: endpoint.connect_lazy(), operators, stopper, tasks, metrics, ready }
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

async fn until(running: &Running, wanted: ServingStatus) {
    eventually("the health", async || {
        let status = health(&running.channel).await?;
        (status as i32 == wanted as i32).then_some(())
    })
    .await;
}

#[tokio::test]
async fn readiness_goes_when_an_engine_does_and_comes_back_with_it() {
    let mut running = running().await;
    let check = running.metrics.gauge(&names::READY_CHECK, &["flag"]);
    let whole = running.metrics.gauge(&names::READY, &[]);
    for _ in 0..2 {
        running.ready.store(true, Ordering::SeqCst);
        until(&running, ServingStatus::Serving).await;
        eventually("the metrics say so", async || (check.value() == 1 && whole.value() == 1).then_some(()))
            .await;
        running.ready.store(false, Ordering::SeqCst);
        until(&running, ServingStatus::NotServing).await;
        eventually("the metrics say so", async || (check.value() == 0 && whole.value() == 0).then_some(()))
            .await;
    }
    assert_eq!(running.tasks.stop(&running.stopper, Duration::from_secs(10)).await, 0);
}

#[tokio::test]
async fn an_engine_that_does_not_answer_is_one_that_is_away() {
    let running =
        running_with(|ready| async move { if ready { Ok(()) } else { std::future::pending().await } }).await;
    running.ready.store(true, Ordering::SeqCst);
    until(&running, ServingStatus::Serving).await;
    running.ready.store(false, Ordering::SeqCst);
    until(&running, ServingStatus::NotServing).await;
    let (status, text) = ask(&running, "/ready").await.unwrap();
    assert_eq!((status, text.as_str()), (503, "not ready\nflag\n"));
}

#[tokio::test]
async fn a_service_that_goes_on_without_an_engine_stays_ready_by_its_own_name() {
    let (spared, other) = ("verbale.ingest.v1.Recorder", "verbale.audit.v1.Ledger");
    let wire = || crate::wire::in_process(tonic::service::Routes::default());
    let health = Health::of(&Door::default().and([(spared, wire()), (other, wire())])).await;
    let operators = Observatory::listen("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", operators.address());
    let (metrics, config) = (Metrics::new(), config());
    let (stopper, shutdown) = shutdown();
    let mut tasks = Tasks::new(shutdown);
    tasks.start(operators.into_task(&metrics, &health));
    let full = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&full);
    let away = |name: &'static str, is_away: Arc<AtomicBool>| {
        ReadyCheck::new(name, move || {
            let answer = if is_away.load(Ordering::SeqCst) { Err("away".to_owned()) } else { Ok(()) };
            async move { answer }
        })
    };
    let checks = vec![away("log", Arc::new(AtomicBool::new(true))).sparing([spared]), away("spool", seen)];
    tasks.start(readiness(health, checks, &config, &metrics, || {}));
    let said = async |path: &str| {
        let answer = reqwest::get(format!("{url}/ready{path}")).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let [spared, other] = [spared, other].map(|service| format!("/{service}"));
    eventually("it was asked", async || (said(&spared).await == (200, "ready\n".to_owned())).then_some(()))
        .await;
    for path in ["", &other] {
        assert_eq!(said(path).await, (503, "not ready\nlog\n".to_owned()), "{path}");
    }
    assert_eq!(said("/verbale.crypto.v1.Keys").await.0, 404);
    full.store(true, Ordering::SeqCst);
    eventually("the spool is full", async || {
        (said(&spared).await == (503, "not ready\nspool\n".to_owned())).then_some(())
    })
    .await;
    stopper.advance(Stage::Draining);
    eventually("it drains", async || (said(&spared).await.1 == "not ready\n").then_some(())).await;
    assert_eq!(tasks.stop(&stopper, Duration::from_secs(10)).await, 0);
}

async fn ask(running: &Running, path: &str) -> Option<(u16, String)> {
    let answer = reqwest::get(format!("{}{path}", running.operators)).await.ok()?;
    Some((answer.status().as_u16(), answer.text().await.ok()?))
}

#[tokio::test]
async fn operators_ask_over_http_until_the_process_closes() {
    let mut running = running().await;
    eventually("it names what does not hold", async || {
        (ask(&running, "/ready").await? == (503, "not ready\nflag\n".to_owned())).then_some(())
    })
    .await;
    assert_eq!(ask(&running, "/live").await.unwrap(), (200, "live\n".to_owned()));
    running.ready.store(true, Ordering::SeqCst);
    eventually("it is ready", async || (ask(&running, "/ready").await?.0 == 200).then_some(())).await;
    let answer = reqwest::get(format!("{}/metrics", running.operators)).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text().await.unwrap();
    let build = format!("verbale_build_info{{version=\"{}\"}} 1\n", env!("CARGO_PKG_VERSION"));
    for line in [build.as_str(), "verbale_ready 1\n", "verbale_ready_check{check=\"flag\"} 1\n"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert_eq!(ask(&running, "/other").await.unwrap().0, 404);
    running.stopper.advance(Stage::Draining);
    eventually("it is not ready any more", async || (ask(&running, "/ready").await?.0 == 503).then_some(()))
        .await;
    assert_eq!(running.tasks.stop(&running.stopper, Duration::from_secs(10)).await, 0);
    assert!(ask(&running, "/live").await.is_none());
}

#[tokio::test]
async fn an_address_that_is_taken_is_told() {
    let taken = listen(&config(), None).await.unwrap();
    let address = taken.address().to_string();
    let refused = listen(&Config { listen: address.clone(), ..config() }, None).await.unwrap_err();
    assert!(refused.to_string().contains(&address), "{refused}");
    let refused = Observatory::listen(&address).await.unwrap_err();
    assert!(refused.to_string().contains(&address), "{refused}");
}

#[tokio::test]
async fn plain_text_leaves_the_machine_only_where_the_configuration_says_so() {
    let ca = TestCa::new();
    let (server, client) = (load(&ca.role("crypto")), load(&ca.trusting()));
    let anywhere = Config { listen: "0.0.0.0:0".to_owned(), ..config() };
    let allowed = Config { plaintext: true, ..anywhere.clone() };
    for (config, tls, scheme) in [
        (&config(), None, "http://"),
        (&config(), Some(&server), "https://"),
        (&anywhere, Some(&server), "https://"),
        (&allowed, None, "http://"),
    ] {
        let listener = listen(config, tls).await.unwrap();
        assert!(listener.url().starts_with(scheme), "{}", listener.url());
    }
    for tls in [None, Some(&client)] {
        let refused = listen(&anywhere, tls).await.unwrap_err();
        assert!(matches!(refused, ServerError::Plaintext { .. }), "{refused}");
    }
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
        ("ready_every", |config| config.ready_every = Period::millis(0)),
        ("ready_wait", |config| config.ready_wait = Period::millis(0)),
        ("metrics", |config| config.metrics = Some("9420".to_owned())),
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
