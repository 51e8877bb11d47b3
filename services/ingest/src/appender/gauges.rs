//! What others may know of the way to the log: how much is not in it, and since when.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use kernel::{Clock, Timestamp};
use platform::telemetry::{Counter, Gauge, Metric, MetricKind, Metrics};

use super::SpoolLimits;
use crate::error::Error;

/// Bytes in the spool.
const SPOOL_BYTES: Metric = Metric {
    name: "verbale_ingest_spool_bytes",
    help: "sealed bytes in this node's spool that are not in the event log yet",
    kind: MetricKind::Gauge,
    labels: &[],
};
/// Age of the oldest record in it.
const SPOOL_OLDEST: Metric = Metric {
    name: "verbale_ingest_spool_oldest_seconds",
    help: "age of the oldest record in this node's spool; 0 where it is empty",
    kind: MetricKind::Gauge,
    labels: &[],
};

/// Records in the event log.
pub const LOGGED_RECORDS: Metric = Metric {
    name: "verbale_ingest_logged_records_total",
    help: "records of calls made durable in the event log",
    kind: MetricKind::Counter,
    labels: &[],
};
/// Their bytes.
pub const LOGGED_BYTES: Metric = Metric {
    name: "verbale_ingest_logged_bytes_total",
    help: "bytes of these records, with keys and headers",
    kind: MetricKind::Counter,
    labels: &[],
};
/// What they went in: how many calls share an append is records by appends.
pub const LOG_APPENDS: Metric = Metric {
    name: "verbale_ingest_log_appends_total",
    help: "appends to the event log that these records went in",
    kind: MetricKind::Counter,
    labels: &[],
};

/// The state of the way to the log.
pub(crate) struct Gauges {
    clock: Arc<dyn Clock>,
    has_recovered: AtomicBool,
    bytes: AtomicU64,
    /// Microseconds since 1970; none where it is the largest.
    oldest: AtomicI64,
    shown_bytes: Gauge,
    shown_oldest: Gauge,
    logged: [Counter; 3],
}

impl Gauges {
    pub(crate) fn new(clock: Arc<dyn Clock>, metrics: &Metrics) -> Self {
        Self {
            clock,
            has_recovered: AtomicBool::new(false),
            bytes: AtomicU64::new(0),
            oldest: AtomicI64::new(i64::MAX),
            shown_bytes: metrics.gauge(&SPOOL_BYTES, &[]),
            shown_oldest: metrics.gauge(&SPOOL_OLDEST, &[]),
            logged: [LOGGED_RECORDS, LOGGED_BYTES, LOG_APPENDS].map(|metric| metrics.counter(&metric, &[])),
        }
    }

    /// One append more that the log has.
    pub(super) fn logged(&self, records: u64, bytes: u64) {
        for (counter, by) in self.logged.iter().zip([records, bytes, 1]) {
            counter.add(by);
        }
    }

    /// What an earlier process left in the spool is counted.
    pub(super) fn recovered(&self) {
        self.has_recovered.store(true, Ordering::SeqCst);
    }

    /// Domain time now.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What the spool has now.
    pub(super) fn set_spool(&self, bytes: u64, oldest: Option<Timestamp>) {
        self.bytes.store(bytes, Ordering::SeqCst);
        self.oldest.store(oldest.map_or(i64::MAX, |at| at.0), Ordering::SeqCst);
        self.show();
    }

    /// Brings the age up to date.
    pub(super) fn show(&self) {
        self.shown_bytes.set(i64::try_from(self.bytes.load(Ordering::SeqCst)).unwrap_or(i64::MAX));
        self.shown_oldest.set(self.age().map_or(0, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX)));
    }

    /// Whether nothing is in the spool, an earlier process's included.
    pub(crate) fn is_drained(&self) -> bool {
        self.has_recovered.load(Ordering::SeqCst) && self.bytes.load(Ordering::SeqCst) == 0
    }

    pub(super) fn check_room(&self, limits: &SpoolLimits) -> Result<(), Error> {
        if self.bytes.load(Ordering::SeqCst) >= limits.bytes {
            return Err(Error::Full { what: "bytes of the spool", bound: limits.bytes });
        }
        if self.age().is_some_and(|age| age >= limits.age) {
            return Err(Error::Full { what: "seconds that the spool may wait", bound: limits.age.as_secs() });
        }
        Ok(())
    }

    fn age(&self) -> Option<std::time::Duration> {
        let oldest = self.oldest.load(Ordering::SeqCst);
        if oldest == i64::MAX {
            return None;
        }
        let micros = self.clock.now().0.saturating_sub(oldest);
        Some(std::time::Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
    }
}
