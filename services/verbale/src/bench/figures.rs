//! From what was measured to figures: pure.

use std::time::Duration;

use serde::Serialize;

use super::load::Carried;
use super::metrics::Counts;
use super::process::Within;
use crate::shown;

/// What ingest logged meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Logged {
    /// Records.
    pub records: u64,
    /// Their bytes, with keys and headers.
    pub bytes: u64,
    /// Appends that they went in.
    pub appends: u64,
}

impl Logged {
    pub(super) fn between(before: Option<Counts>, after: Option<Counts>) -> Option<Self> {
        let (before, after) = (before?, after?);
        Some(Self {
            records: after.records.saturating_sub(before.records),
            bytes: after.bytes.saturating_sub(before.bytes),
            appends: after.appends.saturating_sub(before.appends),
        })
    }
}

/// All that was measured of one mesh.
pub(super) struct Measured<'a> {
    pub(super) name: &'static str,
    pub(super) carried: &'a Carried,
    pub(super) calls: u32,
    pub(super) seconds: u32,
    /// Of the serving processes; none where they are not known.
    pub(super) processor: Option<Duration>,
    /// Of these, while all calls ran.
    pub(super) running: Option<Within>,
    pub(super) memory: Option<u64>,
    pub(super) logged: Option<Logged>,
}

/// One mesh's figures.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Shape {
    /// Which mesh.
    pub name: &'static str,
    /// Calls that a core carries while they run, neither begin nor end: seconds of calls per second of the serving
    /// processes' processor time. None where they were too short or too fast to tell.
    pub running_calls_per_core: Option<f64>,
    /// What it costs beside to open a call and to seal it, in milliseconds of processor time.
    pub open_and_seal_ms_per_call: Option<f64>,
    /// Calls that a core carries with that, at this length.
    pub calls_per_core: Option<f64>,
    /// All of that time.
    pub processor_seconds: Option<f64>,
    /// Time by the clock, from the first `Open` to the last answer.
    pub clock_seconds: f64,
    /// The level at which spans were acknowledged: LOGGED, or what a weaker log is worth.
    pub level: String,
    /// From when a span's last frame was sent until it was acknowledged.
    pub after_last_frame: Option<Latency>,
    /// From when the sender sent what tells that the span is over, its next message.
    pub after_span_end: Option<Latency>,
    /// What a sender sends, as messages.
    pub sent_bytes_per_call: u64,
    /// What ingest appends to the log for it.
    pub logged_bytes_per_call: Option<u64>,
    /// What shared an append.
    pub records_per_append: Option<f64>,
    /// Records in all.
    pub logged_records: Option<u64>,
    /// Bytes of a record.
    pub bytes_per_record: Option<u64>,
    /// Resident memory of the serving processes at its peak, above that before, shared among the calls.
    pub memory_bytes_per_call: Option<u64>,
    /// Streams that broke and were opened again.
    pub reconnects: u32,
}

/// How long something took, in milliseconds.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Latency {
    /// How often it was measured.
    pub count: usize,
    /// Half of them took at most this.
    pub p50_ms: f64,
    /// All but a hundredth of them.
    pub p99_ms: f64,
}

impl Shape {
    pub(super) fn of(measured: Measured<'_>) -> Self {
        let Measured { name, carried, calls, seconds, processor, running, memory, logged } = measured;
        let each = |total: u64| total / u64::from(calls.max(1));
        let around = processor.zip(running).map(|(all, running)| around(calls, seconds, all, running));
        Self {
            name,
            running_calls_per_core: running
                .and_then(|w| ratio(f64::from(calls) * w.clock.as_secs_f64(), w.processor.as_secs_f64())),
            open_and_seal_ms_per_call: around,
            calls_per_core: processor.and_then(|used| per_core(calls, seconds, used)),
            processor_seconds: processor.map(|used| used.as_secs_f64()),
            clock_seconds: carried.clock.as_secs_f64(),
            level: shown::word(carried.level.as_str_name(), "LEVEL_"),
            after_last_frame: Latency::of(carried.after_last_frame.clone()),
            after_span_end: Latency::of(carried.after_span_end.clone()),
            sent_bytes_per_call: each(carried.sent_bytes),
            logged_bytes_per_call: logged.map(|logged| each(logged.bytes)),
            records_per_append: logged.and_then(|logged| ratio(logged.records as f64, logged.appends as f64)),
            logged_records: logged.map(|logged| logged.records),
            bytes_per_record: logged.and_then(|logged| logged.bytes.checked_div(logged.records)),
            memory_bytes_per_call: memory.map(each),
            reconnects: carried.reconnects,
        }
    }
}

impl Shape {
    /// Calls that a core carries while they run; where that is not known, with their begin and end.
    pub(super) fn carried(&self) -> Option<f64> {
        self.running_calls_per_core.or(self.calls_per_core)
    }
}

impl Latency {
    /// None where nothing was measured.
    pub(super) fn of(mut took: Vec<Duration>) -> Option<Self> {
        took.sort_unstable();
        let at = |percent| percentile(&took, percent).map(|took| took.as_secs_f64() * 1_000.0);
        Some(Self { count: took.len(), p50_ms: at(50)?, p99_ms: at(99)? })
    }
}

/// The least of these, in order, that so many of a hundred do not exceed (nearest rank).
pub fn percentile<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// Calls that one core carries at once: seconds of call per second of processor.
pub fn per_core(calls: u32, seconds: u32, processor: Duration) -> Option<f64> {
    ratio(f64::from(calls) * f64::from(seconds), processor.as_secs_f64())
}

/// What a call costs that is not for its seconds, in milliseconds of processor time.
fn around(calls: u32, seconds: u32, processor: Duration, running: Within) -> f64 {
    let a_second = running.processor.as_secs_f64() / running.clock.as_secs_f64();
    let beside = processor.as_secs_f64() - a_second * f64::from(seconds);
    (beside * 1_000.0 / f64::from(calls)).max(0.0)
}

/// One by the other; none where that is nothing.
pub fn ratio(one: f64, other: f64) -> Option<f64> {
    (other > 0.0).then(|| one / other)
}

#[cfg(test)]
mod tests {
    use proto::ingest::v1::Level;

    use super::*;

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        let hundred: Vec<u32> = (1..=100).collect();
        let table: [(&[u32], usize, Option<u32>); 9] = [
            (&hundred, 50, Some(50)),
            (&hundred, 99, Some(99)),
            (&hundred, 100, Some(100)),
            (&hundred, 0, Some(1)),
            (&[7], 50, Some(7)),
            (&[7], 99, Some(7)),
            (&[1, 2, 3], 50, Some(2)),
            (&[1, 2, 3], 99, Some(3)),
            (&[], 50, None),
        ];
        for (sorted, percent, wanted) in table {
            assert_eq!(percentile(sorted, percent), wanted, "{percent} of {}", sorted.len());
        }
    }

    #[test]
    fn latencies_are_told_in_milliseconds_whatever_their_order() {
        let took = [30, 10, 20].map(Duration::from_millis).to_vec();
        assert_eq!(Latency::of(took), Some(Latency { count: 3, p50_ms: 20.0, p99_ms: 30.0 }));
        assert_eq!(Latency::of(Vec::new()), None);
    }

    #[test]
    fn a_core_that_worked_half_the_time_carries_twice_the_calls() {
        let table = [(100, 10, 5_000, Some(200.0)), (1, 1, 1_000, Some(1.0)), (1, 1, 0, None)];
        for (calls, seconds, millis, wanted) in table {
            assert_eq!(per_core(calls, seconds, Duration::from_millis(millis)), wanted);
        }
    }

    #[test]
    fn what_was_used_is_shared_among_the_calls() {
        let carried = Carried {
            clock: Duration::from_secs(11),
            sent_bytes: 4_000,
            after_last_frame: vec![Duration::from_millis(205)],
            after_span_end: Vec::new(),
            level: Level::Logged,
            reconnects: 0,
            recordings: Vec::new(),
        };
        let counts = |records, bytes, appends| Some(Counts { records, bytes, appends });
        let shape = Shape::of(Measured {
            name: "x",
            carried: &carried,
            calls: 4,
            seconds: 10,
            processor: Some(Duration::from_millis(100)),
            running: Some(Within { clock: Duration::from_secs(5), processor: Duration::from_millis(30) }),
            memory: Some(8_000),
            logged: Logged::between(counts(20, 1_000, 5), counts(100, 641_000, 45)),
        });
        assert_eq!(shape.calls_per_core, Some(400.0));
        // 6 ms a second of all four, 60 ms of the 100 in ten seconds.
        assert_eq!(shape.running_calls_per_core.map(f64::round), Some(667.0));
        assert_eq!(shape.open_and_seal_ms_per_call.map(f64::round), Some(10.0));
        assert_eq!((shape.sent_bytes_per_call, shape.logged_bytes_per_call), (1_000, Some(160_000)));
        assert_eq!((shape.records_per_append, shape.bytes_per_record), (Some(2.0), Some(8_000)));
        assert_eq!(shape.memory_bytes_per_call, Some(2_000));
        assert_eq!(shape.after_span_end, None);
        let unknown = Measured {
            name: "x",
            carried: &carried,
            calls: 4,
            seconds: 10,
            processor: None,
            running: None,
            memory: None,
            logged: Logged::between(None, counts(1, 1, 1)),
        };
        let unknown = Shape::of(unknown);
        assert_eq!((unknown.calls_per_core, unknown.logged_bytes_per_call), (None, None));
    }
}
