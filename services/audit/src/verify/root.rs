//! The root log's leaves, and whether the partitions are what they say.

use std::time::Duration;

use merkle::{Frontier, Hash, TileId, TreeHead, leaf_hash};
use objects::Error;

use super::{FindingKind, Means, Report, log, read};
use crate::files::LedgerFiles;
use crate::name::{self, Incarnation, LogName};
use crate::root::{RootLeaf, unbundle};

/// Leaves of a full bundle.
const BUNDLE: usize = 256;

/// A root log whose checkpoint is genuine.
pub(super) struct Roots {
    /// The hash of every leaf.
    pub(super) hashes: Vec<Hash>,
    /// The leaves, as far as they are what those are of.
    pub(super) leaves: Vec<RootLeaf>,
}

impl Roots {
    /// The root that it had at a size; nothing where it has not come so far.
    pub(super) fn root_at(&self, size: u64) -> Option<Hash> {
        let first = self.hashes.get(..usize::try_from(size).ok()?)?;
        Some(merkle::root_of(first))
    }
}

/// Verifies the root log and reads its leaves.
pub(super) async fn read_log(
    files: &dyn LedgerFiles,
    means: Means<'_>,
    incarnation: Incarnation,
    report: &mut Report,
) -> Result<Option<Roots>, Error> {
    let Some(verified) = log::verify(files, means, incarnation, LogName::Root, report).await? else {
        return Ok(None);
    };
    let leaves = leaves(files, incarnation, &verified.hashes, report).await?;
    Ok(Some(Roots { hashes: verified.hashes, leaves }))
}

async fn leaves(
    files: &dyn LedgerFiles,
    incarnation: Incarnation,
    hashes: &[Hash],
    report: &mut Report,
) -> Result<Vec<RootLeaf>, Error> {
    let mut leaves = Vec::new();
    for (number, hashes) in (0..).zip(hashes.chunks(BUNDLE)) {
        let width = u16::try_from(hashes.len()).unwrap_or(u16::MAX);
        let Some(id) = TileId::new(0, number, width) else { return Ok(leaves) };
        let key = name::bundle(incarnation, id);
        let bytes = match read(files, &key, FindingKind::Root, report).await? {
            Some(bytes) => Some(bytes),
            None => {
                let full = TileId::new(0, number, 256).map(|full| name::bundle(incarnation, full));
                match full {
                    Some(full) => read(files, &full, FindingKind::Root, report).await?,
                    None => None,
                }
            }
        };
        let read = bytes.and_then(|bytes| unbundle(&bytes)).unwrap_or_default();
        for (at, hash) in hashes.iter().enumerate() {
            let leaf =
                read.get(at).filter(|data| leaf_hash(data) == *hash).and_then(|data| RootLeaf::decode(data));
            // Only the first leaf says what its history follows.
            match leaf.filter(|leaf| leaf.after.is_none() || leaves.is_empty()) {
                Some(leaf) => leaves.push(leaf),
                None => {
                    let detail = format!("leaf {} is not what the log has", number as usize * BUNDLE + at);
                    report.find(&key, FindingKind::Root, detail);
                    return Ok(leaves);
                }
            }
        }
    }
    Ok(leaves)
}

/// How many leaves a partition had so long before the root log's newest leaf. The ledger's own time counts: a copy
/// that lies in a safe for years does not age.
pub(super) fn older(leaves: &[RootLeaf], partition: u32, age: Duration) -> u64 {
    let Some(newest) = leaves.last() else { return 0 };
    let old = leaves.iter().filter(|leaf| newest.at.since(leaf.at) >= age);
    let sizes = old.filter_map(|leaf| leaf.partitions.get(partition as usize)).map(|head| head.size);
    sizes.max().unwrap_or(0)
}

/// Whether the partition's log had each root at each size that the root log says, in order.
pub(super) fn compare(
    incarnation: Incarnation,
    partition: u32,
    said: &[TreeHead],
    hashes: &[Hash],
    report: &mut Report,
) {
    let mut frontier = Frontier::default();
    let mut rest = hashes.iter();
    for head in said {
        while frontier.size() < head.size {
            let Some(hash) = rest.next() else { break };
            if frontier.push(*hash).is_err() {
                return;
            }
        }
        if frontier.head() != *head {
            let name = name::checkpoint(incarnation, LogName::Partition(partition));
            let detail = format!("the log is not the one that the root log has at size {}", head.size);
            return report.find(name, FindingKind::Root, detail);
        }
    }
}
