//! Where a role keeps an audit entry with its rows until it is in the topic.

use async_trait::async_trait;
use kernel::{Envelope, ErrorCode, ServiceError};

/// A role's store that cannot take or bring outgoing events.
#[derive(Debug, thiserror::Error)]
#[error("the outbox failed to {attempt}")]
pub struct OutboxError {
    /// What was attempted.
    pub attempt: &'static str,
    /// The store's own error.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl ServiceError for OutboxError {
    fn code(&self) -> ErrorCode {
        ErrorCode::Unavailable
    }
}

/// A role's outbox, as the guard sees it. Implemented by the role's store.
#[async_trait]
pub trait AuditOutbox: Send + Sync + 'static {
    /// Keeps an event for the audit topic; durable on return. A repeated id is kept once.
    async fn push(&self, entry: Envelope) -> Result<(), OutboxError>;
}
