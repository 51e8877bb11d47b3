//! What stands before every role: one layer that enforces and audits the rules of the contract.
//!
//! It wraps a role's routes, so that a call is treated the same whether it came over TCP or from another
//! role in the process. In order: bounds, deadline, trace, who calls ([`crate::auth`]), what the rule asks
//! (pure, in `admission`), the sealed reason, the handler (a panic is an error), then the audit entry, before
//! the first byte of the answer. Health and reflection are served beside the guard, without a rule.

mod admission;
mod auditor;
mod body;
mod deadline;
mod limit;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use kernel::{Clock, ErrorCode, Principal, TraceParent};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::Service;
use tracing::{Instrument, error, info_span};

use self::admission::{Stated, admit};
use self::auditor::{Auditor, Unanswered};
use self::body::{Answer, Bounded};
use self::deadline::Deadline;
use self::limit::{Limits, Permit};
use crate::audit::{AuditOutbox, AuditProducer};
use crate::auth::{AuthError, Token, Verifier};
use crate::call::{CallContext, TRACEPARENT};
use crate::drain::Task;
use crate::error::{refusal, status, word};
use crate::reason::{self, ReasonSealer};
use crate::rules::{Rule, RuleBook};
use crate::server;
use crate::telemetry::{Metrics, in_trace, names, new_trace, set_parent};
use crate::tls::Peer;
use crate::wire::{Request, Response, Wire, in_process};

/// What the guards of all roles share.
#[derive(Clone)]
pub struct GuardParts {
    /// The rules of the contract.
    pub rules: Arc<RuleBook>,
    /// Who calls.
    pub verifier: Verifier,
    /// Where entries go.
    pub producer: AuditProducer,
    /// Who seals reasons.
    pub reasons: Arc<dyn ReasonSealer>,
    /// Domain time, for entries.
    pub clock: Arc<dyn Clock>,
    /// Where calls are counted.
    pub metrics: Metrics,
    /// Bounds and deadlines.
    pub limits: server::Config,
    /// Most late entries of one role in memory: `audit.late`.
    pub late_entries: usize,
}

/// One role's guard.
pub struct Guard {
    role: &'static str,
    parts: GuardParts,
    auditor: Auditor,
    limits: Limits,
}

impl Guard {
    /// A guard, and the task that sends its late entries.
    pub fn new(role: &'static str, parts: &GuardParts, outbox: Option<Arc<dyn AuditOutbox>>) -> (Self, Task) {
        let (auditor, late) = Auditor::new(role, parts, outbox);
        let limits = Limits::new(&parts.limits);
        (Self { role, parts: parts.clone(), auditor, limits }, late)
    }

    /// The way in to these routes, for the server and for other roles alike.
    pub fn wrap(self, routes: Routes) -> Wire {
        let (guard, routes) = (Arc::new(self), routes.prepare());
        in_process(tower::service_fn(move |request: Request| {
            let (guard, routes) = (Arc::clone(&guard), routes.clone());
            async move { Ok::<_, std::convert::Infallible>(guard.answer(routes, request).await) }.boxed()
        }))
    }

    async fn answer(&self, routes: Routes, request: Request) -> Response {
        let path = request.uri().path();
        let Some(rule) = self.parts.rules.get(path) else {
            return Status::unimplemented("there is no such method").into_http();
        };
        let began = Instant::now();
        let trace = incoming_trace(request.headers()).unwrap_or_else(new_trace);
        let span = info_span!("rpc", role = self.role, method = rule.path);
        set_parent(&span, &trace);
        let answering = self.guarded(rule, routes, request, trace.clone()).instrument(span);
        let response = in_trace(trace, answering).await;
        self.count(rule, &response, began.elapsed());
        response
    }

    async fn guarded(&self, rule: &Rule, routes: Routes, request: Request, trace: TraceParent) -> Response {
        let permit = match self.limits.enter(rule) {
            Ok(permit) => permit,
            Err(refused) => return refused.into_http(),
        };
        let deadline = Deadline::of(request.headers(), self.parts.limits.deadline.0);
        let peer = request.extensions().get::<Peer>();
        let admitting = self.admitted(rule, request.headers(), peer, trace);
        let admitted = tokio::time::timeout_at(deadline.at(), admitting).await;
        match admitted {
            Err(_) => deadline::exceeded().into_http(),
            Ok(Err(refused)) => refused.into_http(),
            Ok(Ok(context)) => self.handled(rule, routes, request, context, deadline, permit).await,
        }
    }

    /// Everything before the handler. A refusal of somebody known is entered.
    async fn admitted(
        &self,
        rule: &Rule,
        headers: &HeaderMap,
        peer: Option<&Peer>,
        trace: TraceParent,
    ) -> Result<CallContext, Status> {
        let (principal, token) = self.authenticate(headers, peer).await.map_err(|error| status(&error))?;
        let mut context = CallContext::new(principal, token, &rule.action);
        context.trace = Some(trace);
        let stated = match admit(rule, &context.principal, headers) {
            Ok(stated) => stated,
            Err(refused) => {
                context.tenant = refused.tenant;
                self.auditor.refused(rule, &context, &refused.status).await;
                return Err(refused.status);
            }
        };
        let Stated { tenant, purpose, reason } = stated;
        context.tenant = tenant;
        context.purpose = purpose;
        if let (Some(reason), Some(tenant)) = (reason, &context.tenant) {
            let sealed =
                reason::record(self.parts.reasons.as_ref(), tenant, context.entry_id(), &reason).await;
            match sealed {
                Ok(record) => context.reason = Some(record),
                Err(error) if rule.may_restrict => {
                    error!(error = kernel::chain(&error), "a restrictive act is done without its reason");
                    context.touched().fact("reason", "unsealed");
                }
                Err(error) => return Err(status(&error)),
            }
        }
        Ok(context)
    }

    /// A call that came over no connection is one of this process.
    async fn authenticate(
        &self,
        headers: &HeaderMap,
        peer: Option<&Peer>,
    ) -> Result<(Principal, Token), AuthError> {
        let value = headers.get(AUTHORIZATION).ok_or(AuthError::Missing)?;
        let token = Token::from_bearer(value).ok_or(AuthError::Malformed)?;
        let principal = match peer {
            Some(peer) => self.parts.verifier.verify_from(&token, peer).await?,
            None => self.parts.verifier.verify(&token).await?,
        };
        Ok((principal, token))
    }

    async fn handled(
        &self,
        rule: &Rule,
        mut routes: Routes,
        mut request: Request,
        context: CallContext,
        deadline: Deadline,
        permit: Option<Permit>,
    ) -> Response {
        request.extensions_mut().insert(context.clone());
        if !rule.shape.asks_in_a_stream() {
            let limit = self.parts.limits.message_size.as_usize();
            request = request.map(|body| Body::new(Bounded::new(body, limit)));
        }
        let unanswered = Unanswered::new(&self.auditor, rule, &context);
        let handler = AssertUnwindSafe(async move { routes.call(request).await }).catch_unwind();
        let response = match tokio::time::timeout_at(deadline.at(), handler).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(_panic)) => self.panicked(rule).into_http(),
            Err(_) => deadline::exceeded().into_http(),
        };
        let outcome = auditor::outcome(&response);
        let entered = self.auditor.answered(rule, &context, &outcome).await;
        unanswered.disarm();
        match entered {
            // A refusal has no stream, and goes out as it is: with a body that is yet to end it would be no
            // trailers-only answer any more, which clients refuse to read.
            Ok(()) if rule.shape.answers_in_a_stream() && auditor::outcome_code(&response) == Code::Ok => {
                let end = self.auditor.end_of_stream(rule, &context);
                response.map(|body| Body::new(Answer::new(body, deadline.of_streams(), end, permit)))
            }
            Ok(()) => response,
            Err(refused) => refused.into_http(),
        }
    }

    fn panicked(&self, rule: &Rule) -> Status {
        error!(method = rule.path, "a handler panicked");
        self.parts.metrics.counter(&names::PANICS, &[self.role, &rule.path]).increment();
        refusal(ErrorCode::Internal, word(Code::Internal), "the call failed by our fault")
    }

    fn count(&self, rule: &Rule, response: &Response, took: Duration) {
        let outcome = auditor::outcome_code(response);
        self.parts.metrics.counter(&names::CALLS, &[self.role, &rule.path, word(outcome)]).increment();
        self.parts.metrics.histogram(&names::CALL_SECONDS, &[self.role, &rule.path]).observe(took);
    }
}

fn incoming_trace(headers: &HeaderMap) -> Option<TraceParent> {
    TraceParent::parse(headers.get(TRACEPARENT)?.to_str().ok()?)
}

#[cfg(test)]
mod tests;
