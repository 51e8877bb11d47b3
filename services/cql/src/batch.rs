//! Several writes as one act.

use scylla::serialize::row::SerializeRow;
use scylla::statement::batch::{Batch as Statements, BatchType};

use crate::error::Error;
use crate::statement::{Kind, Statement};

/// Statements that a batch may hold.
pub const MAX_STATEMENTS: usize = 1_000;

/// Values of a statement, kept until the batch is sent.
pub(crate) type Values = Box<dyn SerializeRow + Send + Sync>;

/// Several writes as one act.
///
/// A *logged* batch spans partitions: all of it will be applied or none, and a reader may see it half done. Its
/// size is bounded by the server (`batch_size_fail_threshold`: 1 MiB on ScyllaDB, 50 KiB on Cassandra unless
/// set). An *unlogged* one is for the rows of one partition, where it is one write. A *conditional* one is for
/// one partition, and is applied whole or not at all.
pub struct Batch {
    statements: Statements,
    values: Vec<Values>,
    conditional: bool,
}

impl Batch {
    /// For rows of several partitions.
    pub fn logged() -> Self {
        Self::of(BatchType::Logged)
    }

    /// For rows of one partition.
    pub fn unlogged() -> Self {
        Self::of(BatchType::Unlogged)
    }

    /// Puts a write into it. Reads are refused; at most [`MAX_STATEMENTS`].
    pub fn add(
        &mut self,
        statement: &Statement,
        values: impl SerializeRow + Send + Sync + 'static,
    ) -> Result<(), Error> {
        match statement.kind {
            Kind::Read => return Err(Error::Kind { expected: "write" }),
            Kind::Write => {}
            Kind::Conditional => self.conditional = true,
        }
        let (found, limit) = (self.values.len() + 1, MAX_STATEMENTS);
        if found > limit {
            return Err(Error::TooLarge { what: "the number of a batch's statements", found, limit });
        }
        self.statements.append_statement(statement.prepared.clone());
        self.values.push(Box::new(values));
        Ok(())
    }

    /// How many writes it has.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(crate) fn kind(&self) -> Kind {
        if self.conditional { Kind::Conditional } else { Kind::Write }
    }

    pub(crate) fn into_parts(self) -> (Statements, Vec<Values>) {
        (self.statements, self.values)
    }

    fn of(kind: BatchType) -> Self {
        Self { statements: Statements::new(kind), values: Vec::new(), conditional: false }
    }
}
