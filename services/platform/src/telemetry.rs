//! What the process tells about itself: logs, traces, metrics. Never personal data.
//!
//! Logs and spans go through `tracing`; spans are exported by OTLP where an endpoint is configured. The W3C
//! trace context travels with calls and events ([`current_trace`], [`in_trace`]) whether or not anything is
//! exported, so that a call, its events and its log lines can be put together. Counts are in [`Metrics`].

mod metrics;
mod trace;

pub mod names;

use std::io::IsTerminal;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use serde::{Deserialize, Serialize};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

pub use metrics::{Counter, Gauge, Histogram, Label, Metric, MetricKind, Metrics};
pub use trace::{current_trace, in_trace, new_trace, set_parent};

/// The `telemetry` section of a configuration.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What is logged, as `tracing` filter directives: `info,ingest=debug`.
    pub log: String,
    /// How log lines look.
    pub format: Format,
    /// Where spans go by OTLP over gRPC, without TLS: `http://collector:4317`. Unset: nowhere.
    pub otlp_endpoint: Option<String>,
    /// The part of new traces that is exported, 0 to 1; a caller's decision is kept.
    pub otlp_ratio: f64,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self { log: "info".to_owned(), format: Format::Auto, otlp_endpoint: None, otlp_ratio: 1.0 }
    }
}

impl Config {
    /// Refuses values that cannot work, naming the key.
    pub fn check(&self) -> Result<(), String> {
        if EnvFilter::try_new(&self.log).is_err() {
            return Err("log must be a list of filter directives such as info,ingest=debug".to_owned());
        }
        let is_url = |text: &String| {
            let uri = text.parse::<http::Uri>().ok();
            uri.is_some_and(|uri| {
                uri.scheme_str() == Some("http") && uri.host().is_some_and(|h| !h.is_empty())
            })
        };
        if self.otlp_endpoint.as_ref().is_some_and(|endpoint| !is_url(endpoint)) {
            return Err("otlp_endpoint must be an http URL such as http://collector:4317".to_owned());
        }
        if !(0.0..=1.0).contains(&self.otlp_ratio) {
            return Err("otlp_ratio must be from 0 to 1".to_owned());
        }
        Ok(())
    }
}

/// Telemetry that cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is malformed.
    #[error("telemetry.log is no list of filter directives")]
    Filter {
        /// Why.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// The exporter cannot be made.
    #[error("spans cannot be exported to {endpoint}")]
    Exporter {
        /// The endpoint.
        endpoint: String,
        /// Why.
        #[source]
        source: opentelemetry_otlp::ExporterBuildError,
    },
    /// The process has a subscriber already.
    #[error("telemetry is already set up")]
    Twice {
        /// Why.
        #[source]
        source: tracing_subscriber::util::TryInitError,
    },
}

/// Flushes what is left when the process ends.
#[derive(Debug)]
pub struct TelemetryGuard(Option<SdkTracerProvider>);

impl TelemetryGuard {
    /// Sends what is left. Also done when it is dropped; call it last, from a thread that may block.
    pub fn flush(&mut self) {
        if let Some(Err(error)) = self.0.take().map(|provider| provider.shutdown()) {
            tracing::warn!(error = kernel::chain(&error), "the last spans were not exported");
        }
    }
}

impl Drop for TelemetryGuard {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Sets up logging and, where configured, export for the whole process; within a tokio runtime. Log lines
/// go to standard error, so that a command's output stays clean.
pub fn init(config: &Config, service: &'static str) -> Result<TelemetryGuard, TelemetryError> {
    let filter = EnvFilter::try_new(&config.log).map_err(|source| TelemetryError::Filter { source })?;
    let is_terminal = std::io::stderr().is_terminal();
    let json = match config.format {
        Format::Auto => !is_terminal,
        Format::Human => false,
        Format::Json => true,
    };
    // Lines for people may go to a file too, where colours are noise.
    let is_coloured = is_terminal && std::env::var_os("NO_COLOR").is_none();
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(is_coloured);
    let lines =
        if json { lines.json().flatten_event(true).boxed() } else { lines.with_target(false).boxed() };
    let exported = config.otlp_endpoint.as_deref().map(|at| exported(config, at, service)).transpose()?;
    let (spans, guard) = exported.unzip();
    let subscriber = tracing_subscriber::registry().with(filter).with(lines).with(spans);
    subscriber.try_init().map_err(|source| TelemetryError::Twice { source })?;
    Ok(guard.unwrap_or(TelemetryGuard(None)))
}

/// The layer that exports spans, and what flushes it. Spans leave in batches from a thread of their own, through a
/// bounded queue: while the collector is away they are dropped, and no call waits.
pub(crate) fn exported<S>(
    config: &Config,
    endpoint: &str,
    service: &'static str,
) -> Result<(OpenTelemetryLayer<S, SdkTracer>, TelemetryGuard), TelemetryError>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let provider = exporter(config, endpoint, service)?;
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer(service));
    Ok((layer, TelemetryGuard(Some(provider))))
}

fn exporter(
    config: &Config,
    endpoint: &str,
    service: &'static str,
) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build();
    let exporter =
        exporter.map_err(|source| TelemetryError::Exporter { endpoint: endpoint.to_owned(), source })?;
    let ratio = Sampler::TraceIdRatioBased(config.otlp_ratio);
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(ratio)))
        .with_resource(Resource::builder().with_service_name(service).build())
        .build())
}

#[cfg(test)]
mod tests;
