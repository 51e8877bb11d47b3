//! Why the store in CQL did not do something.

use kernel::{ErrorCode, ServiceError};

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Cql(#[from] cql::Error),
    /// A number that no column takes. It came with a request.
    #[error("{0} is too large")]
    Number(&'static str),
    /// A partition that has outgrown what is read of it.
    #[error("there are more than {limit} {what}")]
    TooMany { what: &'static str, limit: usize },
    /// Others were first, every time.
    #[error("others write the same row all the time")]
    Contended,
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Cql(error) => error.code(),
            Self::Number(_) => ErrorCode::InvalidArgument,
            Self::TooMany { .. } => ErrorCode::ResourceExhausted,
            Self::Contended => ErrorCode::Unavailable,
        }
    }
}

/// A version as its column has it.
pub(super) fn version(value: u64) -> Result<i64, Error> {
    i64::try_from(value).map_err(|_| Error::Number("a version"))
}
