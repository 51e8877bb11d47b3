//! What an error says about itself: a code that maps once to gRPC, and whether trying again can help.

/// What went wrong, as few kinds as callers can tell apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ErrorCode {
    /// The request is wrong in itself, whatever the state.
    InvalidArgument,
    /// No valid token.
    Unauthenticated,
    /// A valid token that may not do this, or a purpose without basis.
    PermissionDenied,
    /// No such thing for this tenant.
    NotFound,
    /// The thing exists with other contents.
    AlreadyExists,
    /// The state does not allow it.
    FailedPrecondition,
    /// Another writer has taken over (session epoch, fence, version).
    Aborted,
    /// A stated bound is reached.
    ResourceExhausted,
    /// An engine or a role does not answer.
    Unavailable,
    /// The deadline passed.
    DeadlineExceeded,
    /// Stored bytes are not what was written.
    DataLoss,
    /// A fault of ours.
    Internal,
}

/// Whether the same call may succeed later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// It will fail again.
    No,
    /// Try again with backoff.
    Backoff,
}

/// Every service error says its code; trying again helps only where an error says so.
pub trait ServiceError: std::error::Error + Send + Sync + 'static {
    /// The kind of failure.
    fn code(&self) -> ErrorCode;
    /// Whether to try again.
    fn retry(&self) -> Retry {
        match self.code() {
            ErrorCode::Unavailable | ErrorCode::DeadlineExceeded => Retry::Backoff,
            _ => Retry::No,
        }
    }
}

/// An error and its causes on one line, outermost first.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
