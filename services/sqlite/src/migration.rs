//! Tables by steps: each component has a list that only ever grows, and a file remembers what was applied.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::error::Error;

/// A part that keeps tables in a file, with the steps that make them.
///
/// A released step is never changed or taken away, as files remember its text: what must change is a new
/// step at the end. A step is one or more statements.
#[derive(Clone, Copy, Debug)]
pub struct Component {
    /// Its name; several components may share a file.
    pub name: &'static str,
    /// Step 1, step 2, ...
    pub steps: &'static [&'static str],
}

const APPLIED: &str = "CREATE TABLE IF NOT EXISTS applied_migration (
    component TEXT NOT NULL,
    number INTEGER NOT NULL,
    statements TEXT NOT NULL,
    PRIMARY KEY (component, number)
) STRICT, WITHOUT ROWID";

/// Applies what is missing, each step in its own transaction.
pub(crate) fn apply(connection: &mut Connection, components: &[Component]) -> Result<(), Error> {
    connection.execute_batch(APPLIED)?;
    for component in components {
        refuse_newer(connection, component)?;
        for (index, statements) in component.steps.iter().enumerate() {
            step(connection, component.name, index + 1, statements)?;
        }
    }
    Ok(())
}

fn refuse_newer(connection: &Connection, component: &Component) -> Result<(), Error> {
    let latest = "SELECT coalesce(max(number), 0) FROM applied_migration WHERE component = ?";
    let found: usize = connection.query_row(latest, [component.name], |row| row.get(0))?;
    let known = component.steps.len();
    if found > known {
        return Err(Error::NewerSchema { component: component.name, found, known });
    }
    Ok(())
}

fn step(
    connection: &mut Connection,
    component: &'static str,
    number: usize,
    statements: &str,
) -> Result<(), Error> {
    let failed = |source| Error::Migration { component, number, source: Arc::new(source) };
    // Two processes may open a new file at once: the second one finds the step applied.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let applied: Option<String> = transaction
        .query_row(
            "SELECT statements FROM applied_migration WHERE component = ? AND number = ?",
            params![component, number],
            |row| row.get(0),
        )
        .optional()?;
    match applied {
        Some(applied) if applied == statements => return Ok(()),
        Some(_) => return Err(Error::MigrationChanged { component, number }),
        None => transaction.execute_batch(statements).map_err(failed)?,
    }
    transaction
        .execute("INSERT INTO applied_migration VALUES (?, ?, ?)", params![component, number, statements])
        .map_err(failed)?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests;
