//! What can go wrong when sealing, opening or verifying; never with contents or key material in it.

use kernel::{ErrorCode, InstanceId, ServiceError, SpanNo};

use crate::cbor::DecodeError;

/// Why something was not sealed, opened or believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A document's bytes are not its one encoding.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A stated bound is passed.
    #[error("{what} is {actual}, the bound is {bound}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        actual: u64,
        /// The bound.
        bound: u64,
    },
    /// A value that its own rules forbid.
    #[error("{document} {problem}")]
    Invalid {
        /// Which document.
        document: &'static str,
        /// Which rule it breaks.
        problem: &'static str,
    },
    /// The bytes end before what they announce.
    #[error("{0} ends early")]
    Truncated(&'static str),
    /// Another key, another context, or an altered header.
    #[error("key commitment does not match")]
    Commitment,
    /// A chunk was altered, moved, or cut.
    #[error("sealed chunk {0} does not open")]
    Chunk(u32),
    /// A wrapped value was altered, moved to another place, or wrapped under another key.
    #[error("wrapped {0} does not open")]
    Unwrap(&'static str),
    /// The cover does not derive this span's key.
    #[error("span {0} is not in the cover")]
    NotCovered(SpanNo),
    /// Stored bytes are not those that were sealed.
    #[error("span {0} is not what its ciphertext root says")]
    Root(SpanNo),
    /// A certificate that no trusted root has signed.
    #[error("certificate of instance {0} is not signed by a trusted root")]
    Untrusted(InstanceId),
    /// A document from outside its certificate's time, role or tenants.
    #[error("certificate of instance {instance} does not cover the document's {scope}")]
    OutOfScope {
        /// Whose certificate.
        instance: InstanceId,
        /// What it does not cover: time, role or tenant.
        scope: &'static str,
    },
    /// A document that its certificate's key has not signed.
    #[error("signature by instance {0} does not verify")]
    Signature(InstanceId),
    /// The operating system gives no randomness.
    #[error("no randomness from the operating system")]
    Random(#[source] getrandom::Error),
}

impl Error {
    pub(crate) fn invalid(document: &'static str, problem: &'static str) -> Self {
        Self::Invalid { document, problem }
    }

    /// Refuses `actual` above `bound`.
    pub(crate) fn bounded(what: &'static str, actual: usize, bound: usize) -> Result<(), Self> {
        if actual <= bound {
            return Ok(());
        }
        Err(Self::TooLarge { what, actual: actual as u64, bound: bound as u64 })
    }
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::TooLarge { .. } | Self::Invalid { .. } => ErrorCode::InvalidArgument,
            Self::NotCovered(_) => ErrorCode::FailedPrecondition,
            Self::Random(_) => ErrorCode::Internal,
            Self::Decode(_)
            | Self::Truncated(_)
            | Self::Commitment
            | Self::Chunk(_)
            | Self::Unwrap(_)
            | Self::Root(_)
            | Self::Untrusted(_)
            | Self::OutOfScope { .. }
            | Self::Signature(_) => ErrorCode::DataLoss,
        }
    }
}
