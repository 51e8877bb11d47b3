//! One request: its head, and its acts up to that.

use super::Inner;
use super::error::Error;
use super::rows::{self, HeadColumns, Table};
use crate::act::{MAX_ACTS, Record, RequestKey};
use crate::store::{Head, columns};

/// Acts that are read at once: one that names as much as it may has a quarter of a megabyte.
const ACTS: usize = 100;
/// Most acts that are read: the bound, and those that end a request beyond it.
const MAX_READ: u64 = MAX_ACTS + 100;

/// The head's version, the act's own, and the act.
type ActColumns = (i64, i64, Option<Vec<u8>>);

impl Inner {
    pub(super) async fn head(&self, key: &RequestKey) -> Result<Option<Head>, Error> {
        let values = (key.tenant.as_str(), key.id.to_bytes());
        let found: Option<HeadColumns> = self.cql.row(&self.statements.head, values).await?;
        found.map(rows::head).transpose()
    }

    /// The acts up to the head as the first look saw it: those that come meanwhile are left out, so that all
    /// that is told was there at one time.
    pub(super) async fn records(&self, key: &RequestKey) -> Result<Vec<Record>, Error> {
        let (table, mut last, mut found) = (Table("dsar_request"), None, Vec::new());
        loop {
            let values = (key.tenant.as_str(), key.id.to_bytes(), found.len() as i64);
            let acts: Vec<ActColumns> = self.cql.rows(&self.statements.records, values, ACTS).await?;
            let Some((head_version, _, _)) = acts.first() else {
                // There is no such request, or its last acts are not there.
                return if found.is_empty() {
                    Ok(found)
                } else {
                    Err(table.bad("acts that are not all there"))
                };
            };
            let last = *last.get_or_insert(table.version(*head_version)?);
            if last > MAX_READ {
                return Err(Error::TooMany { what: "acts of a request", limit: MAX_READ as usize });
            }
            for act in acts {
                found.push(read(key, act, found.len() as u64 + 1)?);
                if found.len() as u64 == last {
                    return Ok(found);
                }
            }
        }
    }
}

/// The act of this version.
fn read(key: &RequestKey, act: ActColumns, wanted: u64) -> Result<Record, Error> {
    let (table, (_, version, bytes)) = (Table("dsar_request"), act);
    if table.version(version)? != wanted {
        return Err(table.bad("acts that are not all there"));
    }
    let bytes = bytes.ok_or(table.bad("no act"))?;
    columns::read_act(key, wanted, &bytes).map_err(|_| table.bad("an act"))
}
