//! The ledger recomputed from its objects: every log from its leaf hashes up, every checkpoint's signature,
//! every root that the root log says, every entry object against the leaves.
//!
//! It needs the signing roots' public keys and nothing else. An entry is sealed: without its tenant's keys it is
//! found to be there and to carry its leaf's commitment, and with them it is opened and found to be what that
//! commits to. `verbale verify` calls it on files alone, the `VerifyLedger` call on the mesh's own objects. What is
//! wrong is a [`Finding`] with the name of the first object, entry or leaf that is; an error is only that something
//! could not be looked at.
//!
//! Each incarnation is verified by itself, and what lies between two, after a restore, is a finding too: a loss, which
//! the later one names and signs. It is no fault, as nothing that is there is other than it was signed.

mod entries;
mod index;
mod log;
mod proof;
mod root;
mod succession;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use merkle::TreeHead;
use objects::Error;
use seal::TrustRoots;

use crate::config::ENTRY_OBJECT_AGE;
use crate::files::LedgerFiles;
use crate::leaf::LedgerKeys;
use crate::name::{self, Incarnation, LogName};

pub(crate) use index::Index;
pub use proof::{ProofError, verify_proof};

/// Most findings that are told; the first is the one that counts.
pub const FINDINGS_MAX: usize = 1_000;

/// A leaf that is so old has its entry in objects. Far above [`ENTRY_OBJECT_AGE`], after which a partition has a state
/// at least: what the index had alone when the process was killed is put into objects `ledger.entry_object_age` after
/// it is up again, however long it was away.
const STORED: Duration = Duration::from_secs(24 * 3_600);

/// What kind of thing is not as signed, or not there any more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FindingKind {
    /// A checkpoint is missing, malformed, or not signed by a certified key.
    Checkpoint,
    /// A tile is missing, or its bytes do not give the signed root.
    Tile,
    /// A leaf of the root log is missing, or does not agree with a partition.
    Root,
    /// An entry is missing, damaged, or not what its leaf commits to.
    Entry,
    /// A row of the index is not what its leaf commits to.
    Index,
    /// A history ended before what was signed of it, and the one that follows says so.
    Lost,
}

/// Something that is not as signed, or that is lost by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Which object, entry or row.
    pub name: String,
    /// What kind of thing it is.
    pub kind: FindingKind,
    /// What is wrong with it.
    pub detail: String,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Leaves of the partitions' logs that were recomputed.
    pub leaves: u64,
    /// Entries whose sealed bytes were found in objects.
    pub stored: u64,
    /// Entries that were opened.
    pub opened: u64,
    /// What is not as signed or is lost, in the order in which it was found.
    pub findings: Vec<Finding>,
}

/// What a verifier brings.
#[derive(Clone, Copy)]
pub struct Means<'m> {
    /// Who may certify.
    pub roots: &'m TrustRoots,
    /// Whose entries are opened, if anybody's.
    pub keys: Option<&'m LedgerKeys>,
    /// What the index has put into objects, where there is an index.
    pub stored: Option<&'m Stored>,
}

/// How many entries an index has put into objects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// How many of each partition of an incarnation, its first ones.
    pub partitions: BTreeMap<(Incarnation, u32), u64>,
}

/// An incarnation, as far as it was found to be genuine.
struct Verified {
    roots: root::Roots,
    /// Leaves of each partition, by number.
    partitions: Vec<u64>,
}

/// Verifies every incarnation of the ledger that these files hold.
pub async fn verify(files: &dyn LedgerFiles, means: Means<'_>) -> Result<Report, Error> {
    let mut report = Report::default();
    let incarnations = incarnations(files).await?;
    if incarnations.is_empty() {
        report.find("ledger", FindingKind::Checkpoint, "there is no ledger");
    }
    let mut verified = BTreeMap::new();
    for incarnation in incarnations {
        if let Some(own) = verify_incarnation(files, means, incarnation, &mut report).await? {
            verified.insert(incarnation, own);
        }
    }
    succession::verify(&verified, &mut report);
    Ok(report)
}

/// Whether the ledger's key has signed this incarnation's root log.
pub(crate) async fn is_signed(
    files: &dyn LedgerFiles,
    roots: &TrustRoots,
    incarnation: Incarnation,
) -> Result<bool, Error> {
    let means = Means { roots, keys: None, stored: None };
    let mut report = Report::default();
    let signed = log::checkpoint(files, means, incarnation, LogName::Root, &mut report).await?;
    Ok(signed.is_some())
}

async fn verify_incarnation(
    files: &dyn LedgerFiles,
    means: Means<'_>,
    incarnation: Incarnation,
    report: &mut Report,
) -> Result<Option<Verified>, Error> {
    let roots = root::read_log(files, means, incarnation, report).await?;
    let leaves = roots.as_ref().map(|roots| roots.leaves.as_slice()).unwrap_or_default();
    let count = leaves.iter().map(|leaf| leaf.partitions.len()).max().unwrap_or(0);
    let mut partitions = Vec::new();
    for partition in (0..).take(count.max(kernel::topics::AUDIT.partitions as usize)) {
        let said: Vec<TreeHead> =
            leaves.iter().filter_map(|leaf| leaf.partitions.get(partition as usize).copied()).collect();
        let log = LogName::Partition(partition);
        partitions.push(0);
        let Some(found) = log::verify(files, means, incarnation, log, report).await? else { continue };
        let size = found.hashes.len() as u64;
        report.leaves += size;
        partitions.pop();
        partitions.push(size);
        root::compare(incarnation, partition, &said, &found.hashes, report);
        let known = means.stored.and_then(|stored| stored.partitions.get(&(incarnation, partition)));
        let known = known.copied().unwrap_or(0);
        let due = entries::Due {
            stated: root::older(leaves, partition, ENTRY_OBJECT_AGE).max(known),
            stored: root::older(leaves, partition, STORED).max(known),
        };
        entries::verify(files, means, incarnation, partition, &found.hashes, due, report).await?;
    }
    Ok(roots.map(|roots| Verified { roots, partitions }))
}

/// The incarnations that these files hold, oldest first.
pub(crate) async fn incarnations(files: &dyn LedgerFiles) -> Result<Vec<Incarnation>, Error> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let listed = files.list(&name::incarnations(), after.as_ref()).await?;
        let Some(first) = listed.first() else { return Ok(found) };
        match name::incarnation_of(first) {
            Some((incarnation, last)) => {
                found.push(incarnation);
                after = Some(last);
            }
            // Not one of ours: the next key may be.
            None => after = Some(first.clone()),
        }
    }
}

impl Report {
    /// Whether everything that is there is as signed. What is lost may still be named.
    pub fn is_good(&self) -> bool {
        !self.findings.iter().any(|finding| finding.kind.is_fault())
    }

    /// Notes something.
    pub(crate) fn find(&mut self, name: impl fmt::Display, kind: FindingKind, detail: impl fmt::Display) {
        if self.findings.len() < FINDINGS_MAX {
            let (name, detail) = (name.to_string(), detail.to_string());
            self.findings.push(Finding { name, kind, detail });
        }
    }
}

impl FindingKind {
    /// Every kind.
    pub const ALL: &'static [Self] =
        &[Self::Checkpoint, Self::Tile, Self::Root, Self::Entry, Self::Index, Self::Lost];

    /// Whether something is other than it was signed. A loss that is named is not.
    pub fn is_fault(self) -> bool {
        match self {
            Self::Checkpoint | Self::Tile | Self::Root | Self::Entry | Self::Index => true,
            Self::Lost => false,
        }
    }

    /// The word in answers and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Tile => "tile",
            Self::Root => "root",
            Self::Entry => "entry",
            Self::Index => "index",
            Self::Lost => "lost",
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An object's bytes, where they are not known to be damaged; that is a finding.
pub(crate) async fn read(
    files: &dyn LedgerFiles,
    key: &objects::Key,
    kind: FindingKind,
    report: &mut Report,
) -> Result<Option<bytes::Bytes>, Error> {
    match files.read(key).await {
        Ok(bytes) => Ok(bytes),
        Err(Error::Damaged { reason, .. }) => {
            report.find(key, kind, reason);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
