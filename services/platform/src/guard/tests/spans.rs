//! Spans of calls, as they arrive at a collector.

use std::time::Duration;

use kernel::{PurposeName, Role};
use opentelemetry_proto::tonic::trace::v1::Span;
use proto::archive::v1::ReplayRequest;
use proto::archive::v1::recordings_client::RecordingsClient;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;

use super::fakes::{Stand, stand};
use super::get;
use crate::call::{CallMetadata, TRACEPARENT, request};
use crate::stand::collector::Collector;
use crate::stand::tenant;
use crate::telemetry::{Config, TelemetryGuard, exported};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// What a call's span must not say: who, whom, why, with what.
const PERSONAL: [&str; 5] = ["anna", "+390612345678", "complaint 17", "Bearer", "recording_id"];

fn told(endpoint: &str) -> (tracing::subscriber::DefaultGuard, TelemetryGuard) {
    let (spans, guard) = exported(&Config::default(), endpoint, "verbale").unwrap();
    (
        tracing::subscriber::set_default(
            tracing_subscriber::registry().with(EnvFilter::new("info")).with(spans),
        ),
        guard,
    )
}

/// A read and a replay by a person, for a reason, from within a trace.
async fn calls(stand: &Stand) {
    let token = stand.person("anna", Role::Supervisor, "banca-alfa");
    let traceparent: tonic::metadata::MetadataValue<_> = format!("00-{TRACE}-{CALLER}-01").parse().unwrap();
    let mut read = get(&token);
    read.metadata_mut().insert(TRACEPARENT, traceparent.clone());
    let mut recordings = RecordingsClient::new(stand.in_process());
    recordings.get(read).await.unwrap();
    let message = ReplayRequest { mark: "+390612345678".to_owned(), ..ReplayRequest::default() };
    let quality = PurposeName::new("quality").unwrap();
    let mut replay =
        request(&tenant("banca-alfa"), message).bearer(&token).purpose(&quality).reason("complaint 17");
    replay.metadata_mut().insert(TRACEPARENT, traceparent);
    let mut answer = recordings.replay(replay).await.unwrap().into_inner();
    while answer.message().await.unwrap().is_some() {}
}

async fn flush(mut guard: TelemetryGuard) {
    let flushing = tokio::task::spawn_blocking(move || guard.flush());
    tokio::time::timeout(Duration::from_secs(30), flushing).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_s_span_is_its_caller_s_child_and_says_nothing_of_people() {
    let (stand, collector) = (stand().await, Collector::start().await);
    let (subscribed, guard) = told(&collector.endpoint);
    calls(&stand).await;
    drop(subscribed);
    flush(guard).await;
    let spans: Vec<Span> = collector.spans().into_iter().filter(|span| span.name == "rpc").collect();
    assert_eq!(spans.len(), 2, "{spans:?}");
    for span in &spans {
        assert_eq!(hex::encode(&span.trace_id), TRACE);
        assert_eq!(hex::encode(&span.parent_span_id), CALLER);
    }
    let text = collector.text();
    for method in ["/verbale.archive.v1.Recordings/Get", "/verbale.archive.v1.Recordings/Replay"] {
        assert!(text.contains(method), "{text}");
    }
    for personal in PERSONAL {
        assert!(!text.contains(personal), "{personal}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_go_on_while_the_collector_is_away() {
    let away = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let stand = stand().await;
    let (subscribed, guard) = told(&format!("http://{away}"));
    for _ in 0..20 {
        calls(&stand).await;
    }
    drop(subscribed);
    assert_eq!(stand.handled(), 40);
    flush(guard).await;
}
