use std::sync::Arc;

use opentelemetry_sdk::trace::SdkTracerProvider;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tower::layer::layer_fn;

use super::*;
use crate::stand::by_hand;

/// A collector that keeps what it is sent.
async fn collector() -> (String, Arc<Mutex<Vec<u8>>>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keeping = Arc::clone(&kept);
    let wire = by_hand(move |path, _, message| {
        assert_eq!(path, "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
        keeping.lock().extend_from_slice(message);
        Ok(Vec::new())
    });
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let server = Server::builder().layer(layer_fn(move |_: Routes| wire.clone()));
        let routes = Routes::default();
        server.clone().add_routes(routes).serve_with_incoming(TcpIncoming::from(listener)).await.unwrap();
    });
    (endpoint, kept, serving)
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_reach_the_configured_collector_with_the_caller_s_trace() {
    let (endpoint, kept, _serving) = collector().await;
    let provider: SdkTracerProvider = exporter(&Config::default(), &endpoint, "verbale").unwrap();
    let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("verbale"));
    let trace =
        kernel::TraceParent::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(spans), || {
        let span = tracing::info_span!("rpc", method = "/verbale.archive.v1.Recordings/Get");
        set_parent(&span, &trace);
        drop(span.entered());
    });
    let mut guard = TelemetryGuard(Some(provider));
    tokio::task::spawn_blocking(move || guard.flush()).await.unwrap();
    let kept = kept.lock();
    let holds = |wanted: &[u8]| kept.windows(wanted.len()).any(|window| window == wanted);
    assert!(holds(b"/verbale.archive.v1.Recordings/Get"));
    assert!(holds(&hex::decode("0af7651916cd43dd8448eb211c80319c").unwrap()));
}

#[test]
fn a_filter_that_is_none_is_refused() {
    let odd = Config { log: "a=b=c".to_owned(), ..Config::default() };
    assert!(matches!(init(&odd, "verbale"), Err(TelemetryError::Filter { .. })));
}

/// A key, and what makes its value one that cannot work.
type Spoilt = (&'static str, fn(&mut Config));

#[test]
fn a_value_that_cannot_work_is_refused_by_its_key() {
    Config::default().check().unwrap();
    let cases: &[Spoilt] = &[
        ("log", |config| config.log = "a=b=c".to_owned()),
        ("otlp_endpoint", |config| config.otlp_endpoint = Some(String::new())),
        ("otlp_endpoint", |config| config.otlp_endpoint = Some("collector:4317".to_owned())),
        ("otlp_endpoint", |config| config.otlp_endpoint = Some("https://collector:4317".to_owned())),
        ("otlp_ratio", |config| config.otlp_ratio = -0.1),
        ("otlp_ratio", |config| config.otlp_ratio = 1.1),
        ("otlp_ratio", |config| config.otlp_ratio = f64::NAN),
    ];
    for (key, spoil) in cases {
        let mut config = Config::default();
        spoil(&mut config);
        let problem = config.check().unwrap_err();
        assert!(problem.starts_with(&format!("{key} ")), "{key}: {problem}");
    }
}

#[test]
fn a_collector_and_directives_are_taken() {
    let otlp_endpoint = Some("http://collector:4317".to_owned());
    let log = "info,ingest=debug".to_owned();
    Config { log, otlp_endpoint, otlp_ratio: 0.0, ..Config::default() }.check().unwrap();
}
