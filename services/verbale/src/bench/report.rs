//! What is told: a table for people, the same as JSON for scripts, and the ratios that may be compared.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use super::figures::{Latency, Shape, ratio};
use crate::output::table;

/// Spans in a second of a two-leg call.
const SPANS_PER_SECOND: f64 = 2.0;

/// Everything that one run found.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// Calls at once.
    pub calls: u32,
    /// The length of each.
    pub seconds: u32,
    /// Times real time; 0 as fast as it can.
    pub speed: f64,
    /// Each mesh.
    pub shapes: Vec<Shape>,
    /// Sealing, and nothing else.
    pub sealing: Option<Sealing>,
    /// Kafka's client library, and nothing else.
    pub bare: Option<Bare>,
    /// What stays on engines.
    pub left: Vec<String>,
}

/// The machine, when the run began.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Machine {
    /// Processors.
    pub cores: usize,
    /// How many processes wanted to run, on average over a minute.
    pub load: f64,
}

/// What sealing alone costs.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Sealing {
    /// Of a processor, for one second of one leg.
    pub micros_per_span: f64,
    /// Two-leg calls that a core would seal.
    pub calls_per_core: f64,
}

/// What appending costs by the bare client library of Kafka.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Bare {
    /// Records sent.
    pub records: u64,
    /// Their size.
    pub bytes_per_record: u64,
    /// Until all were reported.
    pub clock_seconds: f64,
    /// Of a processor of the sender, for one record.
    pub micros_per_record: f64,
    /// Two-leg calls, of two records a second, that a core would send.
    pub calls_per_core: Option<f64>,
}

impl Report {
    pub(super) fn new(machine: Machine, calls: u32, seconds: u32, speed: f64) -> Self {
        Self {
            machine,
            calls,
            seconds,
            speed,
            shapes: Vec::new(),
            sealing: None,
            bare: None,
            left: Vec::new(),
        }
    }
}

impl Machine {
    pub(super) fn look() -> Result<Self> {
        let load = std::fs::read_to_string("/proc/loadavg").context("cannot read /proc/loadavg")?;
        let load = load.split(' ').next().and_then(|load| load.parse().ok());
        Ok(Self { cores: std::thread::available_parallelism()?.get(), load: load.unwrap_or(0.0) })
    }
}

impl Sealing {
    pub(super) fn of(spans: u64, processor: Duration) -> Self {
        let each = processor.as_secs_f64() / spans.max(1) as f64;
        Self { micros_per_span: each * 1e6, calls_per_core: 1.0 / (SPANS_PER_SECOND * each) }
    }
}

impl Bare {
    pub(super) fn of(records: u64, bytes: u64, processor: Duration, clock: Duration) -> Self {
        let each = processor.as_secs_f64() / records.max(1) as f64;
        Self {
            records,
            bytes_per_record: bytes,
            clock_seconds: clock.as_secs_f64(),
            micros_per_record: each * 1e6,
            calls_per_core: ratio(1.0, SPANS_PER_SECOND * each),
        }
    }
}

/// For people.
pub fn tell(report: &Report) -> String {
    let Report { machine, calls, seconds, .. } = report;
    let pace = match report.speed {
        speed if speed > 0.0 => format!("at {speed} times real time"),
        _ => "as fast as it can".to_owned(),
    };
    let mut text = format!(
        "{calls} two-leg G.711 calls of {seconds} s {pace}; {} cores, load {}\n",
        machine.cores, machine.load
    );
    text.push_str(&table(&HEADER, report.shapes.iter().map(row)));
    for line in ratios(report) {
        text.push_str(&format!("\n{line}"));
    }
    for shape in report.shapes.iter().filter(|shape| shape.level != "logged") {
        text.push_str(&format!("\n{}: its log is worth {} and no more", shape.name, shape.level));
    }
    for left in &report.left {
        text.push_str(&format!("\nleft behind: {left}"));
    }
    text
}

const HEADER: [&str; 10] = [
    "mesh",
    "calls a core, running",
    "to open and seal one",
    "calls a core, both",
    "durable after the last frame (p50, p99)",
    "after the span's end (p50, p99)",
    "sent a call",
    "logged a call",
    "records an append",
    "memory a call",
];

fn row(shape: &Shape) -> Vec<String> {
    vec![
        shape.name.to_owned(),
        number(shape.running_calls_per_core),
        shape.open_and_seal_ms_per_call.map_or_else(unknown, |millis| format!("{millis:.0} ms")),
        number(shape.calls_per_core),
        latency(shape.after_last_frame),
        latency(shape.after_span_end),
        kilobytes(Some(shape.sent_bytes_per_call)),
        kilobytes(shape.logged_bytes_per_call),
        shape.records_per_append.map_or_else(unknown, |records| format!("{records:.1}")),
        kilobytes(shape.memory_bytes_per_call),
    ]
}

fn number(figure: Option<f64>) -> String {
    figure.map_or_else(unknown, |figure| format!("{figure:.0}"))
}

fn latency(latency: Option<Latency>) -> String {
    latency.map_or_else(unknown, |Latency { p50_ms, p99_ms, .. }| format!("{p50_ms:.1} ms, {p99_ms:.1} ms"))
}

fn kilobytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(unknown, |bytes| format!("{:.0} kB", bytes as f64 / 1e3))
}

fn unknown() -> String {
    "-".to_owned()
}

/// What may be compared with another run, on another machine.
fn ratios(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    let figure = |name| report.shapes.iter().find(|shape| shape.name == name)?.carried();
    let first = report.shapes.first().and_then(|shape| Some((shape.name, shape.carried()?)));
    if let (Some(plain), Some(tls)) = (figure("embedded"), figure("embedded, TLS")) {
        lines.extend(ratio(plain, tls).map(|times| format!("TLS: {times:.2} times the processor time")));
    }
    if let Some(sealing) = report.sealing {
        let share = first.and_then(|(name, own)| Some((name, 100.0 * ratio(own, sealing.calls_per_core)?)));
        let share =
            share.map_or_else(String::new, |(name, share)| format!(", {share:.1} % of {name}'s time"));
        lines.push(format!(
            "sealing alone: {:.1} us a span, {:.0} calls a core{share}",
            sealing.micros_per_span, sealing.calls_per_core
        ));
    }
    if let Some(bare) = &report.bare {
        let times = figure("engines").and_then(|own| ratio(bare.calls_per_core?, own));
        let times = times.map_or_else(String::new, |times| format!(", {times:.1} times the mesh on engines"));
        lines.push(format!(
            "bare Kafka producer: {:.1} us for a record of {} B, {} calls a core{times}",
            bare.micros_per_record,
            bare.bytes_per_record,
            number(bare.calls_per_core)
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(name: &'static str, calls_per_core: f64) -> Shape {
        Shape {
            name,
            running_calls_per_core: Some(2.0 * calls_per_core),
            open_and_seal_ms_per_call: None,
            calls_per_core: Some(calls_per_core),
            processor_seconds: Some(1.0),
            clock_seconds: 20.0,
            level: "logged".to_owned(),
            after_last_frame: Some(Latency { count: 3, p50_ms: 203.44, p99_ms: 215.0 }),
            after_span_end: None,
            sent_bytes_per_call: 412_000,
            logged_bytes_per_call: None,
            records_per_append: Some(3.25),
            logged_records: Some(8_000),
            bytes_per_record: Some(9_000),
            memory_bytes_per_call: Some(81_000),
            reconnects: 0,
        }
    }

    fn report() -> Report {
        let mut report = Report::new(Machine { cores: 2, load: 0.5 }, 200, 20, 1.0);
        report.shapes =
            vec![shape("embedded", 600.0), shape("embedded, TLS", 500.0), shape("engines", 400.0)];
        report.sealing = Some(Sealing::of(100_000, Duration::from_millis(500)));
        report.bare = Some(Bare::of(20_000, 8_300, Duration::from_secs(1), Duration::from_secs(2)));
        report
    }

    #[test]
    fn limits_are_told_as_calls_and_set_against_the_mesh() {
        let told = ratios(&report());
        assert_eq!(
            told,
            [
                "TLS: 1.20 times the processor time",
                "sealing alone: 5.0 us a span, 100000 calls a core, 1.2 % of embedded's time",
                "bare Kafka producer: 50.0 us for a record of 8300 B, 10000 calls a core, 12.5 times the mesh \
                 on engines",
            ]
        );
        let mut alone = report();
        (alone.shapes, alone.bare) = (
            vec![Shape { running_calls_per_core: None, calls_per_core: None, ..shape("running", 0.0) }],
            None,
        );
        assert_eq!(ratios(&alone), ["sealing alone: 5.0 us a span, 100000 calls a core"]);
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        let row = row(&shape("embedded", 612.4));
        assert_eq!(
            row,
            ["embedded", "1225", "-", "612", "203.4 ms, 215.0 ms", "-", "412 kB", "-", "3.2", "81 kB"]
        );
        assert!(
            tell(&report())
                .starts_with("200 two-leg G.711 calls of 20 s at 1 times real time; 2 cores, load 0.5\n")
        );
    }
}
