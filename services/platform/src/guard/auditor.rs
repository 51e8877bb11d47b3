//! Writes a call's entry where its rule says, before the answer; or late, where that is right.
//!
//! Late are: ends of streams, calls whose caller went away, and restrictive acts and refusals while the log
//! is away. Late entries wait in bounded memory and are tried until they are durable.

use std::sync::Arc;

use kernel::{Clock, ErrorCode, TraceParent, chain};
use tokio::sync::mpsc;
use tonic::{Code, Status};
use tracing::{error, warn};

use super::GuardParts;
use crate::audit::{AuditEntry, AuditError, AuditOutbox, AuditProducer};
use crate::call::{CallContext, Sent};
use crate::drain::{Shutdown, Stage, Task, TaskResult};
use crate::error::{CODE, reason, refusal, word};
use crate::retry::Backoff;
use crate::rules::{Audit, Rule};
use crate::telemetry::{Counter, Gauge, Metrics, names};
use crate::wire::Response;

/// What the ledger calls a refused call whose rule has no action of its own.
const REFUSED: &str = "call.refused";
/// The outcome of a call whose caller went away before the answer.
const CANCELLED: &str = "cancelled";
/// The outcome of a call whose answer was withheld because its entry was not durable in time.
const WITHHELD: &str = "withheld";

/// One role's way to the ledger; clones share it.
#[derive(Clone)]
pub(super) struct Auditor {
    role: &'static str,
    clock: Arc<dyn Clock>,
    route: Route,
    late: mpsc::Sender<Late>,
    counted: Counted,
}

#[derive(Clone)]
struct Route {
    producer: AuditProducer,
    outbox: Option<Arc<dyn AuditOutbox>>,
}

#[derive(Clone)]
struct Counted {
    late: Counter,
    lost: Counter,
    waiting: Gauge,
}

struct Late {
    audit: Audit,
    entry: AuditEntry,
    trace: Option<TraceParent>,
}

/// The gRPC code of an answer, as far as its beginning says.
pub(super) fn outcome_code(response: &Response) -> Code {
    let stated = response.headers().get(Status::GRPC_STATUS);
    stated.map_or(Code::Ok, |value| Code::from_bytes(value.as_bytes()))
}

/// The outcome of an answer, as far as its beginning says.
pub(super) fn outcome(response: &Response) -> String {
    let code = outcome_code(response);
    let stated = response.headers().get(CODE).and_then(|value| value.to_str().ok());
    stated.filter(|_| code != Code::Ok).unwrap_or_else(|| word(code)).to_owned()
}

impl Auditor {
    pub(super) fn new(
        role: &'static str,
        parts: &GuardParts,
        outbox: Option<Arc<dyn AuditOutbox>>,
    ) -> (Self, Task) {
        let (late, waiting) = mpsc::channel(parts.late_entries.max(1));
        let route = Route { producer: parts.producer.clone(), outbox };
        let counted = Counted::new(role, &parts.metrics);
        let sender = LateSender { role, route: route.clone(), waiting, gauge: counted.waiting.clone() };
        let task = Task::new("audit-late", |shutdown| sender.run(shutdown)).until(Stage::Flushing);
        (Self { role, clock: Arc::clone(&parts.clock), route, late, counted }, task)
    }

    /// Enters a call that has its answer. An error is what to answer instead.
    pub(super) async fn answered(
        &self,
        rule: &Rule,
        context: &CallContext,
        outcome: &str,
    ) -> Result<(), Status> {
        if rule.audit == Audit::None || (context.is_claimed() && outcome == word(Code::Ok)) {
            return Ok(());
        }
        let entry = context.entry(outcome, self.clock.now());
        let Err(failure) = self.route.write(rule.audit, entry.clone(), context.trace.clone()).await else {
            return Ok(());
        };
        if rule.may_restrict {
            if failure != Failure::StillQueued {
                self.later(rule.audit, entry, context.trace.clone());
            }
            return Ok(());
        }
        if failure == Failure::StillQueued {
            let mut withheld = entry;
            withheld.facts.insert("after".to_owned(), withheld.id.to_string());
            withheld.id = kernel::EventId::new();
            withheld.outcome = WITHHELD.to_owned();
            withheld.reason = None;
            self.later(rule.audit, withheld, context.trace.clone());
        }
        let text = "the answer is withheld: its audit entry cannot be made durable now";
        Err(refusal(ErrorCode::Unavailable, "audit-unavailable", text))
    }

    /// Enters the refusal of a principal who may not do this; it is refused whatever becomes of the entry.
    pub(super) async fn refused(&self, rule: &Rule, context: &CallContext, status: &Status) {
        let mut entry = context.entry(reason(status), self.clock.now());
        if entry.action.is_empty() {
            entry.action = REFUSED.to_owned();
        }
        entry.facts.insert("method".to_owned(), rule.path.clone());
        let audit = match rule.audit {
            Audit::None => Audit::BeforeAnswer,
            audit @ (Audit::BeforeAnswer | Audit::Outbox) => audit,
        };
        match self.route.write(audit, entry.clone(), context.trace.clone()).await {
            Ok(()) | Err(Failure::StillQueued) => {}
            Err(Failure::NotTaken) => self.later(audit, entry, context.trace.clone()),
        }
    }

    /// What is to be entered when a stream ends.
    pub(super) fn end_of_stream(&self, rule: &Rule, context: &CallContext) -> Option<EndOfStream> {
        let context = context.clone();
        (rule.audit != Audit::None).then(|| EndOfStream { auditor: self.clone(), audit: rule.audit, context })
    }

    fn later(&self, audit: Audit, entry: AuditEntry, trace: Option<TraceParent>) {
        self.counted.late.increment();
        self.counted.waiting.add(1);
        if self.late.try_send(Late { audit, entry, trace }).is_err() {
            self.counted.waiting.add(-1);
            self.counted.lost.increment();
            error!(role = self.role, "an audit entry is lost: memory for late ones is full or closed");
        }
    }
}

/// Enters a call as cancelled if it is dropped before it has its answer.
pub(super) struct Unanswered<'a> {
    auditor: &'a Auditor,
    audit: Audit,
    context: &'a CallContext,
    armed: bool,
}

impl<'a> Unanswered<'a> {
    pub(super) fn new(auditor: &'a Auditor, rule: &Rule, context: &'a CallContext) -> Self {
        Self { auditor, audit: rule.audit, context, armed: rule.audit != Audit::None }
    }
    pub(super) fn disarm(mut self) {
        self.armed = false;
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if self.armed {
            let entry = self.context.entry(CANCELLED, self.auditor.clock.now());
            self.auditor.later(self.audit, entry, self.context.trace.clone());
        }
    }
}

/// Enters what a stream really sent.
pub(super) struct EndOfStream {
    auditor: Auditor,
    audit: Audit,
    context: CallContext,
}

impl EndOfStream {
    pub(super) fn enter(self, outcome: &str, bytes: u64) {
        let mut entry = self.context.entry(outcome, self.auditor.clock.now());
        let sent: &Sent = self.context.sent();
        sent.write_into(&mut entry);
        entry.facts.insert("after".to_owned(), self.context.entry_id().to_string());
        entry.facts.insert("sent-bytes".to_owned(), bytes.to_string());
        entry.facts.insert("stream".to_owned(), "ended".to_owned());
        entry.id = kernel::EventId::new();
        entry.reason = None;
        self.auditor.later(self.audit, entry, self.context.trace.clone());
    }
}

/// Why an entry is not known to be durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Failure {
    /// It is queued and may still be written.
    StillQueued,
    /// Nobody has it.
    NotTaken,
}

impl Route {
    async fn write(
        &self,
        audit: Audit,
        entry: AuditEntry,
        trace: Option<TraceParent>,
    ) -> Result<(), Failure> {
        match (audit, &self.outbox) {
            (Audit::None, _) => Ok(()),
            (Audit::Outbox, Some(outbox)) => outbox.push(entry.into_envelope(trace)).await.map_err(|error| {
                warn!(error = chain(&error), "an audit entry is not in the outbox");
                Failure::NotTaken
            }),
            (Audit::BeforeAnswer, _) | (Audit::Outbox, None) => {
                self.producer.record(entry, trace).await.map_err(|error| {
                    warn!(error = chain(&error), "an audit entry is not in the topic");
                    match error {
                        AuditError::TimedOut { .. } => Failure::StillQueued,
                        AuditError::Full { .. } | AuditError::Closed { .. } | AuditError::TooLarge { .. } => {
                            Failure::NotTaken
                        }
                    }
                })
            }
        }
    }
}

struct LateSender {
    role: &'static str,
    route: Route,
    waiting: mpsc::Receiver<Late>,
    gauge: Gauge,
}

impl LateSender {
    /// Ends when the process flushes and nothing waits any more.
    async fn run(mut self, shutdown: Shutdown) -> TaskResult {
        loop {
            tokio::select! {
                biased;
                late = self.waiting.recv() => match late {
                    Some(late) => self.send(late).await,
                    None => return Ok(()),
                },
                () = shutdown.reached(Stage::Flushing), if !self.waiting.is_closed() => self.waiting.close(),
            }
        }
    }

    async fn send(&self, late: Late) {
        for attempt in 1.. {
            match self.route.write(late.audit, late.entry.clone(), late.trace.clone()).await {
                Ok(()) | Err(Failure::StillQueued) => break,
                Err(Failure::NotTaken) => {
                    warn!(role = self.role, attempt, "a late audit entry waits");
                    tokio::time::sleep(Backoff::FOREVER.wait(attempt)).await;
                }
            }
        }
        self.gauge.add(-1);
    }
}

impl Counted {
    fn new(role: &'static str, metrics: &Metrics) -> Self {
        Self {
            late: metrics.counter(&names::AUDIT_LATE, &[role]),
            lost: metrics.counter(&names::AUDIT_LOST, &[role]),
            waiting: metrics.gauge(&names::AUDIT_WAITING, &[role]),
        }
    }
}
