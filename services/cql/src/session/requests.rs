//! Running statements: reads up to a limit, writes, conditional writes, batches.

use std::ops::ControlFlow;

use scylla::deserialize::row::DeserializeRow;
use scylla::response::PagingState;
use scylla::response::query_result::{QueryResult, QueryRowsResult};
use scylla::serialize::row::SerializeRow;
use scylla::statement::prepared::PreparedStatement;

use super::Cql;
use crate::batch::Batch;
use crate::error::Error;
use crate::statement::{Kind, Statement};

/// Rows that one answer holds at most; more come page by page.
const PAGE: usize = 1_000;
/// The column that tells whether a conditional write was applied; what stands beside it differs by server.
const APPLIED: &str = "[applied]";

impl Cql {
    /// The first row, if there is one.
    pub async fn row<R>(
        &self,
        statement: &Statement,
        values: impl SerializeRow + Send + Sync,
    ) -> Result<Option<R>, Error>
    where
        R: for<'f, 'm> DeserializeRow<'f, 'm>,
    {
        Ok(self.rows(statement, values, 1).await?.pop())
    }

    /// The first rows, at most `limit`.
    pub async fn rows<R>(
        &self,
        statement: &Statement,
        values: impl SerializeRow + Send + Sync,
        limit: usize,
    ) -> Result<Vec<R>, Error>
    where
        R: for<'f, 'm> DeserializeRow<'f, 'm>,
    {
        self.read(statement.expect(Kind::Read)?.clone(), values, limit).await
    }

    /// The first row as every conditional write that was answered, or is still under way, leaves it.
    pub async fn serial_row<R>(
        &self,
        statement: &Statement,
        values: impl SerializeRow + Send + Sync,
    ) -> Result<Option<R>, Error>
    where
        R: for<'f, 'm> DeserializeRow<'f, 'm>,
    {
        Ok(self.serial_rows(statement, values, 1).await?.pop())
    }

    /// The same for rows of one partition, at most `limit`.
    pub async fn serial_rows<R>(
        &self,
        statement: &Statement,
        values: impl SerializeRow + Send + Sync,
        limit: usize,
    ) -> Result<Vec<R>, Error>
    where
        R: for<'f, 'm> DeserializeRow<'f, 'm>,
    {
        let mut prepared = statement.expect(Kind::Read)?.clone();
        prepared.set_execution_profile_handle(Some(self.0.profiles.serial.clone()));
        self.read(prepared, values, limit).await
    }

    /// Writes; durable at a quorum on return.
    pub async fn write(
        &self,
        statement: &Statement,
        values: impl SerializeRow + Send + Sync,
    ) -> Result<(), Error> {
        self.0.session.execute_unpaged(statement.expect(Kind::Write)?, values).await?;
        Ok(())
    }

    /// Writes if the condition holds; answers whether it did. After an error that is uncertain only a serial
    /// read can tell.
    pub async fn apply(
        &self,
        statement: &Statement,
        values: impl SerializeRow + Send + Sync,
    ) -> Result<bool, Error> {
        let statement = statement.expect(Kind::Conditional)?;
        applied(self.0.session.execute_unpaged(statement, values).await?)
    }

    /// Writes a batch without conditions. One without statements is nothing to do.
    pub async fn batch(&self, batch: Batch) -> Result<(), Error> {
        if batch.is_empty() {
            return Ok(());
        }
        self.send(batch, Kind::Write).await.map(drop)
    }

    /// Writes a batch of one partition if its conditions hold; answers whether they did.
    pub async fn apply_batch(&self, batch: Batch) -> Result<bool, Error> {
        applied(self.send(batch, Kind::Conditional).await?)
    }

    async fn send(&self, batch: Batch, kind: Kind) -> Result<QueryResult, Error> {
        if batch.kind() != kind {
            return Err(Error::Kind { expected: kind.name() });
        }
        let (mut statements, values) = batch.into_parts();
        statements.set_is_idempotent(kind.is_idempotent());
        statements.set_execution_profile_handle(Some(kind.profile(&self.0.profiles)));
        Ok(self.0.session.batch(&statements, values).await?)
    }

    async fn read<R>(
        &self,
        mut prepared: PreparedStatement,
        values: impl SerializeRow + Send + Sync,
        limit: usize,
    ) -> Result<Vec<R>, Error>
    where
        R: for<'f, 'm> DeserializeRow<'f, 'm>,
    {
        let mut found = Vec::new();
        if limit == 0 {
            return Ok(found);
        }
        prepared.set_page_size(i32::try_from(limit.min(PAGE)).unwrap_or(i32::MAX));
        let bound = prepared.bind(&values).map_err(Error::statement)?;
        let mut page = PagingState::start();
        loop {
            let (result, next) = self.0.session.execute_bound_single_page(&bound, page).await?;
            take(&rows(result)?, &mut found, limit)?;
            match next.into_paging_control_flow() {
                ControlFlow::Continue(state) if found.len() < limit => page = state,
                ControlFlow::Continue(_) | ControlFlow::Break(()) => return Ok(found),
            }
        }
    }
}

fn rows(result: QueryResult) -> Result<QueryRowsResult, Error> {
    result.into_rows_result().map_err(Error::statement)
}

fn take<R>(rows: &QueryRowsResult, found: &mut Vec<R>, limit: usize) -> Result<(), Error>
where
    R: for<'f, 'm> DeserializeRow<'f, 'm>,
{
    let typed = rows.rows::<R>().map_err(|scylla::errors::RowsError::TypeCheckFailed(error)| error)?;
    for row in typed.take(limit - found.len()) {
        found.push(row?);
    }
    Ok(())
}

/// Whether a conditional write was applied. A batch has this column in every row that the server answers with.
fn applied(result: QueryResult) -> Result<bool, Error> {
    let missing =
        Error::Row { table: "the answer to a conditional write", what: "no word whether it was applied" };
    let rows = rows(result)?;
    let (place, _) = rows.column_specs().get_by_name(APPLIED).ok_or(missing.clone())?;
    let mut found =
        rows.rows::<scylla::value::Row>().map_err(|scylla::errors::RowsError::TypeCheckFailed(e)| e)?;
    let first = found.next().ok_or(missing.clone())??;
    let column = first.columns.into_iter().nth(place).flatten();
    column.and_then(|value| value.as_boolean()).ok_or(missing)
}
