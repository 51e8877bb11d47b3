//! The one place where an error becomes a gRPC status.

use kernel::{ErrorCode, ServiceError, chain};
use tonic::{Code, Status};
use tracing::{error, warn};

/// The metadata that says in one word why a call was refused.
pub const CODE: &str = "verbale-code";

/// The gRPC code of an error's kind.
pub fn grpc_code(code: ErrorCode) -> Code {
    match code {
        ErrorCode::InvalidArgument => Code::InvalidArgument,
        ErrorCode::Unauthenticated => Code::Unauthenticated,
        ErrorCode::PermissionDenied => Code::PermissionDenied,
        ErrorCode::NotFound => Code::NotFound,
        ErrorCode::AlreadyExists => Code::AlreadyExists,
        ErrorCode::FailedPrecondition => Code::FailedPrecondition,
        ErrorCode::Aborted => Code::Aborted,
        ErrorCode::ResourceExhausted => Code::ResourceExhausted,
        ErrorCode::Unavailable => Code::Unavailable,
        ErrorCode::DeadlineExceeded => Code::DeadlineExceeded,
        ErrorCode::DataLoss => Code::DataLoss,
        ErrorCode::Internal => Code::Internal,
    }
}

/// The kind of an answer's gRPC code, for clients; a code that verbale never sends is a fault.
pub fn error_code(code: Code) -> Option<ErrorCode> {
    match code {
        Code::Ok => None,
        Code::InvalidArgument | Code::OutOfRange => Some(ErrorCode::InvalidArgument),
        Code::Unauthenticated => Some(ErrorCode::Unauthenticated),
        Code::PermissionDenied => Some(ErrorCode::PermissionDenied),
        Code::NotFound => Some(ErrorCode::NotFound),
        Code::AlreadyExists => Some(ErrorCode::AlreadyExists),
        Code::FailedPrecondition => Some(ErrorCode::FailedPrecondition),
        Code::Aborted => Some(ErrorCode::Aborted),
        Code::ResourceExhausted => Some(ErrorCode::ResourceExhausted),
        Code::Unavailable => Some(ErrorCode::Unavailable),
        Code::DeadlineExceeded => Some(ErrorCode::DeadlineExceeded),
        Code::DataLoss => Some(ErrorCode::DataLoss),
        Code::Internal | Code::Unknown | Code::Unimplemented | Code::Cancelled => Some(ErrorCode::Internal),
    }
}

/// A gRPC code as one word, as audit entries have it.
pub fn word(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "cancelled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid-argument",
        Code::DeadlineExceeded => "deadline-exceeded",
        Code::NotFound => "not-found",
        Code::AlreadyExists => "already-exists",
        Code::PermissionDenied => "permission-denied",
        Code::ResourceExhausted => "resource-exhausted",
        Code::FailedPrecondition => "failed-precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out-of-range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data-loss",
        Code::Unauthenticated => "unauthenticated",
    }
}

/// A service error as a status. What is our fault is logged here, with its causes, and told as such only.
pub fn status(error: &dyn ServiceError) -> Status {
    let code = error.code();
    match code {
        ErrorCode::Internal | ErrorCode::DataLoss => {
            error!(code = word(grpc_code(code)), error = chain(error), "a call failed by our fault");
        }
        ErrorCode::Unavailable | ErrorCode::DeadlineExceeded => {
            warn!(code = word(grpc_code(code)), error = chain(error), "a call failed for now");
        }
        ErrorCode::InvalidArgument
        | ErrorCode::Unauthenticated
        | ErrorCode::PermissionDenied
        | ErrorCode::NotFound
        | ErrorCode::AlreadyExists
        | ErrorCode::FailedPrecondition
        | ErrorCode::Aborted
        | ErrorCode::ResourceExhausted => {}
    }
    refusal(code, word(grpc_code(code)), error.to_string())
}

/// A refusal with a machine-readable reason (`withdrawn`, `purpose-missing`, ...) beside its text.
pub fn refusal(code: ErrorCode, reason: &str, text: impl Into<String>) -> Status {
    let mut status = Status::new(grpc_code(code), text);
    if let Ok(value) = reason.parse() {
        status.metadata_mut().insert(CODE, value);
    }
    status
}

/// The machine-readable reason of a status, or its code's word.
pub fn reason(status: &Status) -> &str {
    status.metadata().get(CODE).and_then(|value| value.to_str().ok()).unwrap_or_else(|| word(status.code()))
}
