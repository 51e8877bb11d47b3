//! One column there and back: what cannot be is an error that names its table, never a guess.

use ::sqlite::rusqlite::Row;
use seal::Hash;

use crate::store::Error;

/// The same 64 bits, as SQLite can hold them.
pub(super) fn bits(value: u64) -> i64 {
    value.cast_signed()
}

/// A row being read.
pub(super) struct Columns<'r> {
    table: &'static str,
    row: &'r Row<'r>,
}

impl<'r> Columns<'r> {
    pub(super) fn of(table: &'static str, row: &'r Row<'r>) -> Self {
        Self { table, row }
    }
    pub(super) fn bad(&self, what: &'static str) -> Error {
        Error::Row { table: self.table, what }
    }
    pub(super) fn int(&self, column: &'static str) -> Result<i64, Error> {
        Ok(self.row.get(column)?)
    }
    pub(super) fn maybe_int(&self, column: &'static str) -> Result<Option<i64>, Error> {
        Ok(self.row.get(column)?)
    }
    pub(super) fn u64(&self, column: &'static str) -> Result<u64, Error> {
        Ok(self.int(column)?.cast_unsigned())
    }
    pub(super) fn maybe_u64(&self, column: &'static str) -> Result<Option<u64>, Error> {
        Ok(self.maybe_int(column)?.map(i64::cast_unsigned))
    }
    /// A number that its column's type holds.
    pub(super) fn number<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, Error> {
        T::try_from(self.int(column)?).map_err(|_| self.bad(column))
    }
    pub(super) fn text(&self, column: &'static str) -> Result<String, Error> {
        Ok(self.row.get(column)?)
    }
    pub(super) fn maybe_text(&self, column: &'static str) -> Result<Option<String>, Error> {
        Ok(self.row.get(column)?)
    }
    pub(super) fn blob(&self, column: &'static str) -> Result<Vec<u8>, Error> {
        Ok(self.row.get(column)?)
    }
    pub(super) fn maybe_blob(&self, column: &'static str) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.row.get(column)?)
    }
    pub(super) fn hash(&self, column: &'static str) -> Result<Hash, Error> {
        Hash::from_slice(&self.blob(column)?).ok_or_else(|| self.bad(column))
    }
    /// A value that one of its type's own constructors takes.
    pub(super) fn parsed<T, V, E>(
        &self,
        column: &'static str,
        value: V,
        parse: impl FnOnce(V) -> Result<T, E>,
    ) -> Result<T, Error> {
        parse(value).map_err(|_| self.bad(column))
    }
    pub(super) fn id<T, E>(
        &self,
        column: &'static str,
        parse: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<T, Error> {
        parse(&self.blob(column)?).map_err(|_| self.bad(column))
    }
    /// An enum by its number.
    pub(super) fn coded<T>(
        &self,
        column: &'static str,
        from_number: impl FnOnce(i32) -> Option<T>,
    ) -> Result<T, Error> {
        from_number(self.number(column)?).ok_or_else(|| self.bad(column))
    }
    pub(super) fn flag(&self, column: &'static str) -> Result<bool, Error> {
        Ok(self.int(column)? != 0)
    }
}
