//! Erasures: what they said first, how far they have looked, and the objects that are gone by them.

use cql::Error as CqlError;
use kernel::{ErasureId, Timestamp};
use objects::Key;

use super::row::{Found, Values};
use super::{Inner, columns};
use crate::fact::{Gone, RecordingKey};
use crate::store::row::{self, bits};
use crate::store::{ErasureRow, Error, Settlement};

const TABLE: &str = "archive_erasure";
/// The document of purposes that are gone without one.
const NO_DOCUMENT: i32 = 0;

impl Inner {
    /// Remembers an erasure, and answers how it is remembered.
    pub(super) async fn erasing(
        &self,
        key: &RecordingKey,
        erasure: ErasureId,
        log_end: u64,
        gone: &[Gone],
    ) -> Result<ErasureRow, Error> {
        let own = self.serial_own(key).await?.ok_or(Error::Unknown(key.id))?;
        self.lose(&own, gone, NO_DOCUMENT).await?;
        let ((tenant, id), bytes) = (columns(key), erasure.to_bytes().to_vec());
        let values = (tenant.clone(), id.clone(), bytes.clone(), bits(log_end));
        match self.cql.apply(&self.statements.add_erasure, values).await {
            Ok(_) => {}
            // Whether it was applied is seen below.
            Err(error) if error.is_uncertain() => {}
            Err(error) => return Err(error.into()),
        }
        let found: Option<Values> =
            self.cql.serial_row(&self.statements.erasure, (tenant, id, bytes)).await?;
        let values = found.ok_or(Error::Row { table: TABLE, what: "a row that was written" })?;
        row::erasure(&Found::of(TABLE, values))
    }

    /// Raises how far an erasure has looked.
    pub(super) async fn looked(
        &self,
        key: &RecordingKey,
        erasure: ErasureId,
        through: u32,
    ) -> Result<(), Error> {
        let (tenant, id) = columns(key);
        let through = i32::try_from(through).unwrap_or(i32::MAX);
        let values = (through, tenant, id, erasure.to_bytes().to_vec(), through);
        let raised: Result<bool, CqlError> = self.cql.apply(&self.statements.look_erasure, values).await;
        Ok(raised.map(drop)?)
    }

    /// Says that objects are gone; only of those that are there, since this would make a row of a name alone.
    pub(super) async fn mark_deleted(
        &self,
        key: &RecordingKey,
        names: &[Key],
        at: Timestamp,
    ) -> Result<(), Error> {
        let (tenant, id) = columns(key);
        let rows = self.object_rows(key).await?;
        let there = rows.iter().map(|row| &row.object).filter(|object| object.deleted_at.is_none());
        let marked = there.filter(|object| names.contains(&object.name));
        let values = marked.map(|object| (at.0, tenant.clone(), id.clone(), object.name.as_str().to_owned()));
        self.add_all(&self.statements.delete_object, values).await
    }

    /// What a document says that nobody can open any more; it counts once the document does.
    pub(super) async fn add_erased(&self, settlement: &Settlement) -> Result<(), Error> {
        let (tenant, id) = columns(&settlement.recording);
        let rows = settlement.erased.iter().map(|row| {
            (
                tenant.clone(),
                id.clone(),
                i32::try_from(row.document).unwrap_or(i32::MAX),
                i32::from(row.leg.0),
                i64::from(row.section.0),
                row.spans.encode(),
                row.reason.as_str().to_owned(),
                row.at.0,
                row.erasure.to_bytes().to_vec(),
            )
        });
        self.add_all(&self.statements.add_erased, rows).await
    }
}
