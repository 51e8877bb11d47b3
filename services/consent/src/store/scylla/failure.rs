//! What keeps this adapter from doing something, before it is said which act that was.

use cql::Error;
use kernel::{ErrorCode, ServiceError};

use crate::store::StoreError;

/// Why an act was not done, or is not known to be done.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The cluster, or what it holds.
    #[error(transparent)]
    Cql(#[from] Error),
    /// Other processes were always first.
    #[error("other processes were always first")]
    Contended,
    /// The store was closed meanwhile.
    #[error("the store is closed")]
    Closed,
}

impl Failure {
    /// Whether it may come from what one of several acts asks for or stands on, and not from the cluster.
    pub(super) fn is_of_one(&self) -> bool {
        match self {
            Self::Cql(error) => !error.is_uncertain(),
            Self::Contended | Self::Closed => false,
        }
    }

    fn code(&self) -> ErrorCode {
        match self {
            Self::Cql(error) => error.code(),
            Self::Contended | Self::Closed => ErrorCode::Unavailable,
        }
    }
}

/// Says what was attempted.
pub(super) fn failed<E: Into<Failure>>(act: &'static str) -> impl Fn(E) -> StoreError {
    move |source| {
        let source: Failure = source.into();
        StoreError::new(act, source.code(), source)
    }
}

/// A value that cannot be what the code wrote.
pub(super) fn bad(table: &'static str) -> impl Fn(&'static str) -> Error + Copy {
    move |what| Error::Row { table, what }
}

/// A counter as its column; none comes near the end of it.
pub(super) fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
