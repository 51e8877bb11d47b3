//! What can go wrong with a CQL cluster.

use std::sync::Arc;

use kernel::{ErrorCode, Retry, ServiceError};
use scylla::errors::{
    DbError, DeserializationError, ExecutionError, MetadataError, NewSessionError, PrepareError,
    RequestAttemptError, SchemaAgreementError, TypeCheckError,
};

use crate::options::InvalidOptions;

/// A driver's error, shared by clones.
pub(crate) type Source = Arc<dyn std::error::Error + Send + Sync>;

/// Why a request was not answered as asked. Cheap to clone.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// An address or setting that cannot be used.
    #[error(transparent)]
    Options(#[from] InvalidOptions),
    /// No session could be opened.
    #[error("cannot reach the CQL cluster")]
    Connect(#[source] Source),
    /// The cluster has several datacentres, and none was named.
    #[error("the CQL cluster has several datacentres: the address must name one (?datacenter=)")]
    Datacenters,
    /// Tables are missing.
    #[error(
        "the tables of {component} have version {found}, this release needs {known}: run `verbale migrate`"
    )]
    MissingStep {
        /// Whose tables.
        component: &'static str,
        /// The keyspace's version.
        found: usize,
        /// The version known here.
        known: usize,
    },
    /// A newer release has made the tables.
    #[error("the tables of {component} have version {found}, this release knows {known}")]
    NewerSchema {
        /// Whose tables.
        component: &'static str,
        /// The keyspace's version.
        found: usize,
        /// The version known here.
        known: usize,
    },
    /// A step that was already applied reads differently now.
    #[error("migration {number} of {component} is not the one that was applied")]
    StepChanged {
        /// Whose tables.
        component: &'static str,
        /// Which step, from 1.
        number: usize,
    },
    /// A step failed; what it had done so far stands, and it is repeated whole.
    #[error("migration {number} of {component} failed")]
    Step {
        /// Whose tables.
        component: &'static str,
        /// Which step, from 1.
        number: usize,
        /// Why.
        #[source]
        source: Box<Error>,
    },
    /// Another process was migrating all the time.
    #[error("another process holds the migration lock")]
    Locked,
    /// The cluster refused or could not be reached. A write may have been applied.
    #[error("the CQL cluster is not available")]
    Unavailable(#[source] Source),
    /// No answer in time. A write may have been applied, or may yet be.
    #[error("the CQL cluster did not answer in time")]
    Timeout(#[source] Source),
    /// The server refused the statement, or the driver its values: a fault of ours. Nothing was applied.
    #[error("a statement failed")]
    Statement(#[source] Source),
    /// A statement was run another way than its text says: a fault of ours. Nothing was applied.
    #[error("a statement is no {expected}")]
    Kind {
        /// What it was taken for.
        expected: &'static str,
    },
    /// A stored value that cannot be what the code wrote.
    #[error("{table} holds {what} that cannot be")]
    Row {
        /// The table.
        table: &'static str,
        /// Which value.
        what: &'static str,
    },
    /// A row that does not have the types that the code wrote.
    #[error("a row cannot be read")]
    Decode(#[source] Source),
    /// A value, or a set of them, beyond its bound.
    #[error("{what} is {found}, more than the bound of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        found: usize,
        /// The bound.
        limit: usize,
    },
}

impl Error {
    /// Whether a write that ended so may have been applied all the same: read again before going on.
    pub fn is_uncertain(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Timeout(_))
    }

    pub(crate) fn statement(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Statement(Arc::new(source))
    }
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Options(_) => ErrorCode::InvalidArgument,
            Self::Datacenters
            | Self::MissingStep { .. }
            | Self::NewerSchema { .. }
            | Self::StepChanged { .. } => ErrorCode::FailedPrecondition,
            Self::Step { source, .. } => source.code(),
            Self::Locked => ErrorCode::Aborted,
            Self::Connect(_) | Self::Unavailable(_) => ErrorCode::Unavailable,
            Self::Timeout(_) => ErrorCode::DeadlineExceeded,
            Self::Row { .. } | Self::Decode(_) => ErrorCode::DataLoss,
            Self::TooLarge { .. } => ErrorCode::InvalidArgument,
            Self::Statement(_) | Self::Kind { .. } => ErrorCode::Internal,
        }
    }

    fn retry(&self) -> Retry {
        match self.code() {
            ErrorCode::Unavailable | ErrorCode::DeadlineExceeded => Retry::Backoff,
            _ => Retry::No,
        }
    }
}

/// What a failure says about the request, whatever its text.
enum Meaning {
    Unavailable,
    Timeout,
    Fault,
}

impl Meaning {
    fn of(self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        let source: Source = Arc::new(source);
        match self {
            Self::Unavailable => Error::Unavailable(source),
            Self::Timeout => Error::Timeout(source),
            Self::Fault => Error::Statement(source),
        }
    }
}

impl From<ExecutionError> for Error {
    fn from(error: ExecutionError) -> Self {
        let meaning = match &error {
            ExecutionError::BadQuery(_) => Meaning::Fault,
            ExecutionError::LastAttemptError(attempt) => attempt_meaning(attempt),
            ExecutionError::RequestTimeout(_) => Meaning::Timeout,
            ExecutionError::SchemaAgreementError(SchemaAgreementError::Timeout(_)) => Meaning::Timeout,
            ExecutionError::PrepareError(prepare) => prepare_meaning(prepare),
            // Nodes without connections, metadata that cannot be had, and whatever the driver adds.
            _ => Meaning::Unavailable,
        };
        meaning.of(error)
    }
}

impl From<PrepareError> for Error {
    fn from(error: PrepareError) -> Self {
        prepare_meaning(&error).of(error)
    }
}

impl From<NewSessionError> for Error {
    fn from(error: NewSessionError) -> Self {
        Self::Connect(Arc::new(error))
    }
}

impl From<MetadataError> for Error {
    fn from(error: MetadataError) -> Self {
        Self::Unavailable(Arc::new(error))
    }
}

impl From<SchemaAgreementError> for Error {
    fn from(error: SchemaAgreementError) -> Self {
        Self::Unavailable(Arc::new(error))
    }
}

impl From<TypeCheckError> for Error {
    fn from(error: TypeCheckError) -> Self {
        Self::Decode(Arc::new(error))
    }
}

impl From<DeserializationError> for Error {
    fn from(error: DeserializationError) -> Self {
        Self::Decode(Arc::new(error))
    }
}

fn prepare_meaning(error: &PrepareError) -> Meaning {
    match error {
        PrepareError::AllAttemptsFailed { first_attempt } => attempt_meaning(first_attempt),
        PrepareError::PreparedStatementIdsMismatch => Meaning::Fault,
        _ => Meaning::Unavailable,
    }
}

fn attempt_meaning(attempt: &RequestAttemptError) -> Meaning {
    match attempt {
        RequestAttemptError::DbError(error, _) => database_meaning(error),
        RequestAttemptError::SerializationError(_) | RequestAttemptError::CqlRequestSerialization(_) => {
            Meaning::Fault
        }
        RequestAttemptError::UnableToAllocStreamId => Meaning::Unavailable,
        // A broken connection or an answer that cannot be read says nothing about what was applied.
        _ => Meaning::Timeout,
    }
}

fn database_meaning(error: &DbError) -> Meaning {
    match error {
        DbError::SyntaxError
        | DbError::Invalid
        | DbError::AlreadyExists { .. }
        | DbError::FunctionFailure { .. }
        | DbError::Unauthorized
        | DbError::ConfigError
        | DbError::Unprepared { .. }
        | DbError::ProtocolError => Meaning::Fault,
        DbError::AuthenticationError
        | DbError::Unavailable { .. }
        | DbError::Overloaded
        | DbError::IsBootstrapping
        | DbError::TruncateError
        | DbError::RateLimitReached { .. } => Meaning::Unavailable,
        // Timeouts, failures of replicas, server errors, and codes that the driver does not know.
        _ => Meaning::Timeout,
    }
}

#[cfg(test)]
mod tests;
