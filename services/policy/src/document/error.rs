//! What is wrong with a policy document, and where.

use std::fmt;

/// One fault, with its place.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Problem {
    /// Line, counted from 1.
    pub line: usize,
    /// Column, counted from 1, in characters.
    pub column: usize,
    /// What is wrong; may quote the document's words, never a notice's text.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// Everything that is wrong with a document, in the order of its lines.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("policy is refused: {}", .problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; "))]
pub struct PolicyError {
    /// The faults; at least one.
    pub problems: Vec<Problem>,
}

impl PolicyError {
    pub(crate) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort();
        problems.dedup();
        Self { problems }
    }
}

impl kernel::ServiceError for PolicyError {
    fn code(&self) -> kernel::ErrorCode {
        kernel::ErrorCode::InvalidArgument
    }
}
