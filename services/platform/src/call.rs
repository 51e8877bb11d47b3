//! What travels beside a call's message: for handlers a [`CallContext`], for clients [`request`].
//!
//! A handler finds its context in the request's extensions, notes in it whose data it touched
//! ([`Touched`]), and the guard writes the audit entry from that. The note is kept beside the call and not in
//! the response, so that a refusal, a panic and a broken stream say what they touched, too.

mod metadata;
mod touched;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kernel::{Envelope, ErrorCode, EventId, Principal, PurposeName, TenantId, Timestamp, TraceParent};
use tonic::Status;

use crate::audit::{AuditEntry, ReasonRecord};
use crate::auth::Token;
use crate::error::refusal;

pub use metadata::{CallMetadata, MAX_REASON, PURPOSE, REASON, TENANT, TRACEPARENT, request};
pub use touched::{Sent, Touched};

/// Everything the guard learned about a call before it let it through. Clones share one note.
#[derive(Clone, Debug)]
pub struct CallContext {
    /// Who calls.
    pub principal: Principal,
    /// Whose data it is about; always there when the rule's scope is the tenant.
    pub tenant: Option<TenantId>,
    /// What for; always there when the rule requires it.
    pub purpose: Option<PurposeName>,
    /// The stated reason, sealed, and its commitment; always there when the rule requires it.
    pub reason: Option<ReasonRecord>,
    /// The caller's trace.
    pub trace: Option<TraceParent>,
    /// The caller's token, to be handed to crypto's gate on the caller's behalf.
    pub token: Token,
    id: EventId,
    action: Arc<str>,
    touched: Touched,
    sent: Sent,
    claimed: Arc<AtomicBool>,
}

impl CallContext {
    /// A context as the guard makes it, also for tests of handlers.
    pub fn new(principal: Principal, token: Token, action: &str) -> Self {
        Self {
            principal,
            tenant: None,
            purpose: None,
            reason: None,
            trace: None,
            token,
            id: EventId::new(),
            action: action.into(),
            touched: Touched::default(),
            sent: Sent::default(),
            claimed: Arc::default(),
        }
    }

    /// The context of a request that came through the guard.
    pub fn of<M>(request: &tonic::Request<M>) -> Result<Self, Status> {
        let found = request.extensions().get::<Self>().cloned();
        found.ok_or_else(|| {
            refusal(ErrorCode::Internal, "unguarded", "the call did not come through the guard")
        })
    }

    /// The tenant, in a handler whose rule's scope is the tenant.
    pub fn tenant(&self) -> Result<&TenantId, Status> {
        self.tenant.as_ref().ok_or_else(|| {
            refusal(ErrorCode::InvalidArgument, "tenant-missing", format!("{TENANT} must name a tenant"))
        })
    }

    /// The purpose, in a handler whose rule requires one.
    pub fn purpose(&self) -> Result<&PurposeName, Status> {
        self.purpose.as_ref().ok_or_else(|| {
            refusal(ErrorCode::InvalidArgument, "purpose-missing", format!("{PURPOSE} must name a purpose"))
        })
    }

    /// The id of the call's audit entry.
    pub fn entry_id(&self) -> EventId {
        self.id
    }

    /// Where the handler notes whose data it touched.
    pub fn touched(&self) -> &Touched {
        &self.touched
    }

    /// Where a streaming handler counts what it sent.
    pub fn sent(&self) -> &Sent {
        &self.sent
    }

    /// The call's audit entry, for a handler that writes it to its outbox in the same transaction as its
    /// rows. Note everything that was touched first. The guard then writes no entry of its own for an answer
    /// that is a success; a call that fails after all is still entered by the guard, as failed.
    pub fn claim_entry(&self, now: Timestamp) -> Envelope {
        let entry = self.entry("ok", now);
        self.claimed.store(true, Ordering::SeqCst);
        entry.into_envelope(self.trace.clone())
    }

    /// Whether the handler wrote the entry itself.
    pub(crate) fn is_claimed(&self) -> bool {
        self.claimed.load(Ordering::SeqCst)
    }

    /// The entry as things stand. Once the handler has claimed the call's own, a further one is another act.
    pub(crate) fn entry(&self, outcome: &str, now: Timestamp) -> AuditEntry {
        let mut entry = AuditEntry::new(&self.action, &self.principal, self.tenant.as_ref(), now);
        if self.is_claimed() {
            entry.facts.insert("after".to_owned(), self.id.to_string());
        } else {
            entry.id = self.id;
            entry.reason = self.reason.clone();
        }
        entry.purpose = self.purpose.clone();
        entry.outcome = outcome.to_owned();
        self.touched.write_into(&mut entry);
        entry
    }
}
