//! A small registry of counters, gauges and histograms, written out in Prometheus' text format.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

/// Most series of the whole registry; further ones are counted under the metric's first series' place,
/// nowhere: labels are codes of a known number, so this bound only guards against a mistake.
const SERIES_MAX: usize = 10_000;
/// Upper ends of a histogram's buckets, in microseconds: 1 ms to 10 s.
const BUCKETS: [u64; 9] = [1_000, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000, 10_000_000];

/// What a series may be told apart by. Codes of a known number, never an id and never a person.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Label {
    /// A role of the mesh.
    Role,
    /// An RPC's path.
    Method,
    /// `ok` or a code.
    Outcome,
    /// A topic's name.
    Topic,
    /// A partition's number.
    Partition,
    /// A store or engine.
    Engine,
    /// A reason's code.
    Reason,
    /// What must hold for a process to be ready.
    Check,
    /// A release's number.
    Version,
}

/// What kind of number it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Lengths of time in buckets.
    Histogram,
}

/// One metric, as its one definition has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metric {
    /// `verbale_<noun>...`, with its unit.
    pub name: &'static str,
    /// What it says, for the operator.
    pub help: &'static str,
    /// What kind of number it is.
    pub kind: MetricKind,
    /// What its series are told apart by; values are given in this order.
    pub labels: &'static [Label],
}

/// A number that only grows.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

/// A number that goes up and down.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicI64>);

/// Lengths of time.
#[derive(Clone, Debug, Default)]
pub struct Histogram(Arc<Buckets>);

#[derive(Debug, Default)]
struct Buckets {
    counts: [AtomicU64; BUCKETS.len() + 1],
    micros: AtomicU64,
}

/// The process's metrics; clones share them. A series is asked for once and then held.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Mutex<BTreeMap<&'static str, Family>>>);

#[derive(Debug)]
struct Family {
    metric: Metric,
    series: BTreeMap<Vec<String>, Series>,
}

#[derive(Clone, Debug)]
enum Series {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram),
}

impl Metrics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The counter with these label values.
    pub fn counter(&self, metric: &Metric, values: &[&str]) -> Counter {
        match self.series(metric, values) {
            Some(Series::Counter(counter)) => counter,
            Some(Series::Gauge(_) | Series::Histogram(_)) | None => Counter::default(),
        }
    }
    /// The gauge with these label values.
    pub fn gauge(&self, metric: &Metric, values: &[&str]) -> Gauge {
        match self.series(metric, values) {
            Some(Series::Gauge(gauge)) => gauge,
            Some(Series::Counter(_) | Series::Histogram(_)) | None => Gauge::default(),
        }
    }
    /// The histogram with these label values.
    pub fn histogram(&self, metric: &Metric, values: &[&str]) -> Histogram {
        match self.series(metric, values) {
            Some(Series::Histogram(histogram)) => histogram,
            Some(Series::Counter(_) | Series::Gauge(_)) | None => Histogram::default(),
        }
    }

    /// Everything in Prometheus' text format.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for family in self.0.lock().values() {
            family.write(&mut text);
        }
        text
    }

    fn series(&self, metric: &Metric, values: &[&str]) -> Option<Series> {
        debug_assert_eq!(metric.labels.len(), values.len(), "{}: one value a label", metric.name);
        let mut families = self.0.lock();
        let all: usize = families.values().map(|family| family.series.len()).sum();
        let family = families
            .entry(metric.name)
            .or_insert_with(|| Family { metric: *metric, series: BTreeMap::new() });
        let key: Vec<_> = values.iter().map(|value| (*value).to_owned()).collect();
        if all >= SERIES_MAX && !family.series.contains_key(&key) {
            return None;
        }
        let made = || match metric.kind {
            MetricKind::Counter => Series::Counter(Counter::default()),
            MetricKind::Gauge => Series::Gauge(Gauge::default()),
            MetricKind::Histogram => Series::Histogram(Histogram::default()),
        };
        Some(family.series.entry(key).or_insert_with(made).clone())
    }
}

impl Counter {
    /// More by this.
    pub fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }
    /// More by one.
    pub fn increment(&self) {
        self.add(1);
    }
    /// The number now.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Gauge {
    /// Is this now.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }
    /// More, or with a negative number less.
    pub fn add(&self, by: i64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }
    /// The number now.
    pub fn value(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Histogram {
    /// One more that took so long.
    pub fn observe(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS.partition_point(|end| *end < micros);
        self.0.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.0.micros.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Label {
    fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Method => "method",
            Self::Outcome => "outcome",
            Self::Topic => "topic",
            Self::Partition => "partition",
            Self::Engine => "engine",
            Self::Reason => "reason",
            Self::Check => "check",
            Self::Version => "version",
        }
    }
}

impl MetricKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Family {
    fn write(&self, text: &mut String) {
        let Metric { name, help, kind, .. } = self.metric;
        line(text, format_args!("# HELP {name} {help}"));
        line(text, format_args!("# TYPE {name} {}", kind.as_str()));
        for (values, series) in &self.series {
            match series {
                Series::Counter(counter) => {
                    line(text, format_args!("{name}{} {}", self.labels(values, None), counter.value()));
                }
                Series::Gauge(gauge) => {
                    line(text, format_args!("{name}{} {}", self.labels(values, None), gauge.value()));
                }
                Series::Histogram(histogram) => self.write_histogram(text, values, histogram),
            }
        }
    }

    fn write_histogram(&self, text: &mut String, values: &[String], histogram: &Histogram) {
        let name = self.metric.name;
        let mut total = 0;
        let ends = BUCKETS.iter().map(|end| seconds(*end)).chain(["+Inf".to_owned()]);
        for (count, end) in histogram.0.counts.iter().zip(ends) {
            total += count.load(Ordering::Relaxed);
            line(text, format_args!("{name}_bucket{} {total}", self.labels(values, Some(&end))));
        }
        let labels = self.labels(values, None);
        line(
            text,
            format_args!("{name}_sum{labels} {}", seconds(histogram.0.micros.load(Ordering::Relaxed))),
        );
        line(text, format_args!("{name}_count{labels} {total}"));
    }

    fn labels(&self, values: &[String], end: Option<&str>) -> String {
        let named =
            self.metric.labels.iter().map(|label| label.as_str()).zip(values.iter().map(String::as_str));
        let pairs: Vec<_> =
            named.chain(end.map(|end| ("le", end))).map(|(n, v)| format!("{n}={v:?}")).collect();
        if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) }
    }
}

fn seconds(micros: u64) -> String {
    Duration::from_micros(micros).as_secs_f64().to_string()
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::names;

    #[test]
    fn what_is_counted_is_written_out() {
        let metrics = Metrics::new();
        metrics.counter(&names::CALLS, &["consent", "/a/B", "ok"]).add(2);
        metrics.counter(&names::CALLS, &["consent", "/a/B", "ok"]).increment();
        metrics.gauge(&names::OUTBOX_AGE, &["consent"]).set(-4);
        let text = metrics.render();
        assert!(text.contains("# TYPE verbale_calls_total counter\n"), "{text}");
        assert!(
            text.contains("verbale_calls_total{role=\"consent\",method=\"/a/B\",outcome=\"ok\"} 3\n"),
            "{text}"
        );
        assert!(text.contains("verbale_outbox_oldest_seconds{role=\"consent\"} -4\n"), "{text}");
    }

    #[test]
    fn a_histogram_s_buckets_are_cumulative() {
        let metrics = Metrics::new();
        let histogram = metrics.histogram(&names::CALL_SECONDS, &["a", "m"]);
        for millis in [1, 2, 20_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let text = metrics.render();
        for (end, count) in [("0.001", 1), ("0.005", 2), ("10", 2), ("+Inf", 3)] {
            let wanted =
                format!("verbale_call_seconds_bucket{{role=\"a\",method=\"m\",le=\"{end}\"}} {count}\n");
            assert!(text.contains(&wanted), "{text}");
        }
        assert!(text.contains("verbale_call_seconds_count{role=\"a\",method=\"m\"} 3\n"), "{text}");
    }
}
