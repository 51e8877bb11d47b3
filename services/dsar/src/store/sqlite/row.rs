//! From columns to values; one that cannot be is refused with its table and column, never guessed.

use ::sqlite::Error;
use ::sqlite::rusqlite::types::FromSql;
use ::sqlite::rusqlite::{Connection, Params, Row};
use kernel::Timestamp;

/// A row being read.
pub(super) struct Found<'r> {
    table: &'static str,
    row: &'r Row<'r>,
}

/// Every row of a query.
pub(super) fn all<T>(
    connection: &Connection,
    table: &'static str,
    query: &str,
    values: impl Params,
    read: impl Fn(&Found<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query(values)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(&Found { table, row })?);
    }
    Ok(found)
}

impl Found<'_> {
    pub(super) fn bad(&self, column: &'static str) -> Error {
        Error::Row { table: self.table, what: column }
    }

    pub(super) fn get<T: FromSql>(&self, column: &'static str) -> Result<T, Error> {
        self.row.get(column).map_err(|_| self.bad(column))
    }

    pub(super) fn at(&self, column: &'static str) -> Result<Timestamp, Error> {
        self.get(column).map(Timestamp)
    }

    /// A text that one of its type's own constructors takes.
    pub(super) fn text<T, E>(
        &self,
        column: &'static str,
        parse: impl FnOnce(String) -> Result<T, E>,
    ) -> Result<T, Error> {
        parse(self.get(column)?).map_err(|_| self.bad(column))
    }

    /// An id, or what the wire has.
    pub(super) fn bytes<T, E>(
        &self,
        column: &'static str,
        parse: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<T, Error> {
        parse(&self.get::<Vec<u8>>(column)?).map_err(|_| self.bad(column))
    }

    /// An enum by its number.
    pub(super) fn coded<T>(
        &self,
        column: &'static str,
        from_number: impl FnOnce(i32) -> Option<T>,
    ) -> Result<T, Error> {
        from_number(self.get(column)?).ok_or_else(|| self.bad(column))
    }

    /// One that may be missing.
    pub(super) fn maybe_coded<T>(
        &self,
        column: &'static str,
        from_number: impl FnOnce(i32) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let Some(number) = self.get(column)? else { return Ok(None) };
        from_number(number).map(Some).ok_or_else(|| self.bad(column))
    }
}
