//! The index against the tiles: a row that was changed is named, whosever it is.

use merkle::TileId;
use objects::Error as ObjectsError;

use super::{FindingKind, Report};
use crate::error::Error;
use crate::files::LedgerFiles;
use crate::leaf::{self, LedgerKeys};
use crate::name::{Incarnation, LogName};
use crate::shelf::read_tile;
use crate::store::{Head, LedgerStore, Part, Row};

/// Leaves of a full tile.
const TILE: u32 = 256;

/// Compares an index with the objects.
pub(crate) struct Index<'i> {
    pub(crate) store: &'i dyn LedgerStore,
    pub(crate) files: &'i dyn LedgerFiles,
    pub(crate) incarnation: Incarnation,
    pub(crate) keys: &'i LedgerKeys,
}

impl Index<'_> {
    /// Verifies the rows of a partition as far as they are published; the first one that is wrong is named.
    pub(crate) async fn verify(&self, part: Part, head: Head, report: &mut Report) -> Result<(), Error> {
        let (partition, mut at) = (part.partition(), 0);
        while at < head.published.size {
            let rows = self.store.rows(part, at, TILE).await?;
            let width = (head.published.size - at).min(u64::from(TILE));
            let tile = self.tile(partition, at, width, head.published.size).await?;
            // A tile that is missing or damaged has been named where the log was verified.
            let Some(hashes) = tile else { return Ok(()) };
            for (index, hash) in (at..).zip(hashes) {
                let row = usize::try_from(index - at).ok().and_then(|number| rows.get(number));
                if let Some(problem) = self.problem(row, index, &hash) {
                    let name = format!("index/{partition}/{index}");
                    report.find(name, FindingKind::Index, problem);
                    return Ok(());
                }
            }
            at += width;
        }
        Ok(())
    }

    fn problem(&self, row: Option<&Row>, index: u64, hash: &merkle::Hash) -> Option<String> {
        let Some(row) = row.filter(|row| row.index == index) else { return Some("is missing".to_owned()) };
        if leaf::hash(&row.sealed.commitment) != *hash {
            return Some("is not what its leaf commits to".to_owned());
        }
        if row.tenant != *self.keys.tenant() {
            return None;
        }
        match self.keys.open(&row.sealed) {
            Ok(opened) if opened.entry.at != row.at => Some("has another time than its entry".to_owned()),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        }
    }

    async fn tile(
        &self,
        partition: u32,
        at: u64,
        width: u64,
        size: u64,
    ) -> Result<Option<Vec<merkle::Hash>>, Error> {
        let log = LogName::Partition(partition);
        let width = u16::try_from(width).unwrap_or(u16::MAX);
        let Some(id) = TileId::new(0, at / u64::from(TILE), width) else { return Ok(None) };
        match read_tile(self.files, self.incarnation, log, id, size).await {
            Ok(tile) => Ok(tile.map(|tile| tile.hashes().iter().take(usize::from(width)).copied().collect())),
            Err(ObjectsError::Damaged { .. }) => Ok(None),
            Err(source) => Err(Error::Objects { log, source }),
        }
    }
}
