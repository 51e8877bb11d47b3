//! The cluster's rows, as the conversions see them.

use scylla::deserialize::row::{ColumnIterator, DeserializeRow};
use scylla::deserialize::value::DeserializeValue;
use scylla::deserialize::{DeserializationError, TypeCheckError};
use scylla::frame::response::result::ColumnSpec;
use scylla::value::CqlValue;

use crate::store::Error;
use crate::store::row::Columns;

/// A row's values by their columns' names; what types they must have is asked with each.
#[derive(Debug)]
pub(super) struct Values(Vec<(String, Option<CqlValue>)>);

/// A row being read.
#[derive(Debug)]
pub(super) struct Found {
    table: &'static str,
    values: Values,
}

impl Found {
    pub(super) fn of(table: &'static str, values: Values) -> Self {
        Self { table, values }
    }

    fn value<'v, T>(
        &'v self,
        column: &'static str,
        read: impl FnOnce(&'v CqlValue) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let bad = || Error::Row { table: self.table, what: column };
        let (_, value) = self.values.0.iter().find(|(name, _)| name == column).ok_or_else(bad)?;
        value.as_ref().map(|value| read(value).ok_or_else(bad)).transpose()
    }
}

impl Columns for Found {
    fn table(&self) -> &'static str {
        self.table
    }

    fn maybe_int(&self, column: &'static str) -> Result<Option<i64>, Error> {
        self.value(column, |value| match value {
            CqlValue::BigInt(number) => Some(*number),
            CqlValue::Int(number) => Some(i64::from(*number)),
            CqlValue::Boolean(flag) => Some(i64::from(*flag)),
            _ => None,
        })
    }

    fn maybe_text(&self, column: &'static str) -> Result<Option<String>, Error> {
        self.value(column, |value| value.as_text().cloned())
    }

    fn maybe_blob(&self, column: &'static str) -> Result<Option<Vec<u8>>, Error> {
        self.value(column, |value| value.as_blob().cloned())
    }
}

impl<'frame, 'metadata> DeserializeRow<'frame, 'metadata> for Values {
    fn type_check(_: &[ColumnSpec<'_>]) -> Result<(), TypeCheckError> {
        Ok(())
    }

    fn deserialize(row: ColumnIterator<'frame, 'metadata>) -> Result<Self, DeserializationError> {
        let mut values = Vec::with_capacity(row.columns_remaining());
        for column in row {
            let column = column?;
            let value = Option::<CqlValue>::deserialize(column.spec.typ(), column.slice)?;
            values.push((column.spec.name().to_owned(), value));
        }
        Ok(Self(values))
    }
}
