//! SQLite's rows, as the conversions see them.

use ::sqlite::rusqlite::Row;

use crate::store::Error;
use crate::store::row::Columns;

/// A row being read.
pub(super) struct Found<'r> {
    table: &'static str,
    row: &'r Row<'r>,
}

impl<'r> Found<'r> {
    pub(super) fn of(table: &'static str, row: &'r Row<'r>) -> Self {
        Self { table, row }
    }
}

impl Columns for Found<'_> {
    fn table(&self) -> &'static str {
        self.table
    }
    fn maybe_int(&self, column: &'static str) -> Result<Option<i64>, Error> {
        Ok(self.row.get(column)?)
    }
    fn maybe_text(&self, column: &'static str) -> Result<Option<String>, Error> {
        Ok(self.row.get(column)?)
    }
    fn maybe_blob(&self, column: &'static str) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.row.get(column)?)
    }
}
