//! The platform's metrics. A role lists its own the same way, in one place.

use super::{Label, Metric, MetricKind};

/// Calls answered.
pub const CALLS: Metric = Metric {
    name: "verbale_calls_total",
    help: "calls answered, by method and outcome",
    kind: MetricKind::Counter,
    labels: &[Label::Role, Label::Method, Label::Outcome],
};
/// How long calls took until their answer began.
pub const CALL_SECONDS: Metric = Metric {
    name: "verbale_call_seconds",
    help: "seconds until the answer to a call began",
    kind: MetricKind::Histogram,
    labels: &[Label::Role, Label::Method],
};
/// Calls that panicked.
pub const PANICS: Metric = Metric {
    name: "verbale_call_panics_total",
    help: "calls whose handler panicked",
    kind: MetricKind::Counter,
    labels: &[Label::Role, Label::Method],
};
/// Audit entries that were not durable before the answer and are sent later.
pub const AUDIT_LATE: Metric = Metric {
    name: "verbale_audit_late_total",
    help: "audit entries sent after the answer: ends of streams, restrictive acts while the log was away",
    kind: MetricKind::Counter,
    labels: &[Label::Role],
};
/// Audit entries that wait to be sent late.
pub const AUDIT_WAITING: Metric = Metric {
    name: "verbale_audit_waiting",
    help: "audit entries in memory that are not durable yet",
    kind: MetricKind::Gauge,
    labels: &[Label::Role],
};
/// Audit entries that were lost because memory for them was full. Anything but zero is an incident.
pub const AUDIT_LOST: Metric = Metric {
    name: "verbale_audit_lost_total",
    help: "audit entries lost because the late queue was full",
    kind: MetricKind::Counter,
    labels: &[Label::Role],
};
/// Entries in the audit topic.
pub const AUDIT_WRITTEN: Metric = Metric {
    name: "verbale_audit_written_total",
    help: "audit entries made durable in the topic",
    kind: MetricKind::Counter,
    labels: &[],
};
/// Appends to the audit topic that failed and are tried again.
pub const AUDIT_FAILURES: Metric = Metric {
    name: "verbale_audit_append_failures_total",
    help: "appends to the audit topic that failed",
    kind: MetricKind::Counter,
    labels: &[],
};
/// Age of the oldest outgoing event.
pub const OUTBOX_AGE: Metric = Metric {
    name: "verbale_outbox_oldest_seconds",
    help: "age of the oldest event in the outbox, in domain time",
    kind: MetricKind::Gauge,
    labels: &[Label::Role],
};
/// Events published from an outbox.
pub const OUTBOX_PUBLISHED: Metric = Metric {
    name: "verbale_outbox_published_total",
    help: "events published from the outbox",
    kind: MetricKind::Counter,
    labels: &[Label::Role],
};
/// Records of a topic that its consumer is not done with.
pub const LOG_LAG: Metric = Metric {
    name: "verbale_log_lag_records",
    help: "records that the topic's consumer group has not committed, over all partitions",
    kind: MetricKind::Gauge,
    labels: &[Label::Topic],
};
/// Which release this is; always 1.
pub const BUILD: Metric = Metric {
    name: "verbale_build_info",
    help: "1, for the release that runs",
    kind: MetricKind::Gauge,
    labels: &[Label::Version],
};
/// Whether the process is ready.
pub const READY: Metric = Metric {
    name: "verbale_ready",
    help: "1 while everything that the process stands on answers, 0 otherwise",
    kind: MetricKind::Gauge,
    labels: &[],
};
/// Whether one thing that must hold for that does.
pub const READY_CHECK: Metric = Metric {
    name: "verbale_ready_check",
    help: "1 while this answers, 0 otherwise",
    kind: MetricKind::Gauge,
    labels: &[Label::Check],
};
/// Connections that ended at their handshake.
pub const TLS_REFUSED: Metric = Metric {
    name: "verbale_tls_refused_total",
    help: "connections refused at their TLS handshake",
    kind: MetricKind::Counter,
    labels: &[],
};
