//! How far the store is through with the restrictive journal.

use cql::{Cql, Error, Space, Statement};

use super::failure::{bad, column};

const NAME: &str = "position";

pub(super) struct Position {
    cql: Cql,
    find: Statement,
    note: Statement,
}

impl Position {
    pub(super) async fn open(cql: &Cql) -> Result<Self, Error> {
        let find = "SELECT position FROM {ks}.consent_journal WHERE name = ?";
        // The position is the cell's timestamp as well: a late write of a lower one changes nothing.
        let note = "UPDATE {ks}.consent_journal USING TIMESTAMP ? SET position = ? WHERE name = ?";
        let (find, note) = (cql.prepare(Space::Data, find).await?, cql.prepare(Space::Data, note).await?);
        Ok(Self { cql: cql.clone(), find, note })
    }

    pub(super) async fn read(&self) -> Result<u64, Error> {
        let found: Option<(Option<i64>,)> = self.cql.row(&self.find, (NAME,)).await?;
        let position = found.and_then(|(position,)| position).unwrap_or(0);
        u64::try_from(position).map_err(|_| bad("consent_journal")("a position"))
    }

    pub(super) async fn note(&self, position: u64) -> Result<(), Error> {
        self.cql.write(&self.note, (column(position), column(position), NAME)).await
    }
}
