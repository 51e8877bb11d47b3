//! The root log: a leaf per interval with every partition's published size and root, so that one signed note
//! stands for the whole ledger.
//!
//! ```text
//! { 1: version (1), 2: at (us since 1970), 3: [[size, root (32 bytes)], ...] by partition, ?4: succession }
//! ```
//!
//! The first leaf of an incarnation that closed another says so ([`crate::succession`]), before any partition has a
//! checkpoint. Its leaves are no secret; they are published in entry bundles as C2SP tlog-tiles cuts them. Each root
//! is in the restrictive journal before its checkpoint can be read; while one is on its way there is no further leaf.

use std::sync::Arc;

use bytes::Bytes;
use kernel::Timestamp;
use kernel::topics::AUDIT;
use merkle::{Edge, Hash, TileId, TreeHead, leaf_hash};
use minicbor::{Decoder, Encoder};
use objects::Key;
use tokio::time::Instant;

use crate::error::Error;
use crate::journalling::Journalling;
use crate::name::{self, LogName};
use crate::partition::When;
use crate::publisher::Publisher;
use crate::rebuild::catch_up;
use crate::shared::Shared;
use crate::store::{Begun, Committed, Head, LedgerStore, LogId, RootRow};
use crate::succession::Succession;

/// Most partitions that a leaf is read with.
pub(crate) const PARTITIONS_MAX: u64 = 4_096;
/// Leaves of a full bundle.
const BUNDLE: u64 = 256;
const VERSION: u8 = 1;

/// A leaf of the root log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RootLeaf {
    /// When it was made, in domain time.
    pub at: Timestamp,
    /// Every partition's log, by number.
    pub partitions: Vec<TreeHead>,
    /// What this incarnation follows; in its first leaf alone, if at all.
    pub after: Option<Succession>,
}

impl RootLeaf {
    /// Its one encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(Vec::new());
        self.write(&mut e).expect("a Vec takes every byte");
        e.into_writer()
    }

    /// Reads exactly that encoding.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let read = Self::read(&mut Decoder::new(bytes))?;
        (read.encode() == bytes).then_some(read)
    }

    fn write(
        &self,
        e: &mut Encoder<Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        let fields = 3 + u64::from(self.after.is_some());
        e.map(fields)?.u8(1)?.u8(VERSION)?.u8(2)?.i64(self.at.0)?;
        e.u8(3)?.array(self.partitions.len() as u64)?;
        for head in &self.partitions {
            e.array(2)?.u64(head.size)?.bytes(head.root.as_bytes())?;
        }
        if let Some(after) = &self.after {
            e.u8(4)?;
            after.write(e)?;
        }
        Ok(())
    }

    fn read(d: &mut Decoder<'_>) -> Option<Self> {
        let key = |d: &mut Decoder<'_>, key| (d.u8().ok()? == key).then_some(());
        let fields = d.map().ok()??;
        key(d, 1)?;
        (d.u8().ok()? == VERSION).then_some(())?;
        key(d, 2)?;
        let at = Timestamp(d.i64().ok()?);
        key(d, 3)?;
        let count = d.array().ok()?.filter(|count| *count <= PARTITIONS_MAX)?;
        let head = |d: &mut Decoder<'_>| {
            (d.array().ok()?? == 2).then_some(())?;
            let size = d.u64().ok()?;
            Some(TreeHead { size, root: Hash::try_from(d.bytes().ok()?).ok()? })
        };
        let partitions = (0..count).map(|_| head(d)).collect::<Option<_>>()?;
        let after = if fields > 3 {
            key(d, 4)?;
            Some(Succession::read(d)?)
        } else {
            None
        };
        Some(Self { at, partitions, after })
    }
}

/// The one writer of the root log; whoever holds the topic's first partition.
pub(crate) struct RootLog {
    shared: Shared,
    begun: Begun,
    fence: u64,
    edge: Edge,
    /// What the newest leaf says.
    newest: Option<Vec<TreeHead>>,
    publisher: Publisher,
    looked: Option<Instant>,
}

impl RootLog {
    /// Takes the root log over.
    pub(crate) async fn open(shared: Shared, begun: Begun) -> Result<Self, Error> {
        let (era, id) = (begun.era, LogId::Root(begun.era.generation));
        catch_up(&shared, era, LogName::Root).await?;
        let claim = shared.store.claim(id).await?;
        let shelf = shared.shelf(era.incarnation, LogName::Root);
        let (signer, store) = (Arc::clone(&shared.signer), Arc::clone(&shared.store));
        let (publisher, edge) = Publisher::open(shelf, signer, store, id, &claim.head).await?;
        let (journal, clock) = (Arc::clone(&shared.journal), Arc::clone(&shared.clock));
        let publisher = publisher.journalled(Journalling::new(journal, clock, era.incarnation));
        let newest = newest(shared.store.as_ref(), &begun, &claim.head).await?;
        let newest = newest.map(|leaf| leaf.partitions);
        Ok(Self { shared, begun, fence: claim.fence, edge, newest, publisher, looked: None })
    }

    /// Publishes what is committed of a log that is to be closed, and adds nothing. A root of at most so many leaves is
    /// not journalled: it would be the newest there, and is older than another.
    pub(crate) async fn finish(mut self, journalled: u64) -> Result<(), Error> {
        if self.edge.size() <= journalled {
            self.publisher = self.publisher.unjournalled();
        }
        self.publish_whole().await
    }

    /// Signs the first leaf of a history that follows another, however long the journal takes.
    pub(crate) async fn announce(mut self) -> Result<(), Error> {
        self.tend(When::Now).await?;
        self.publish_whole().await
    }

    async fn publish_whole(&mut self) -> Result<(), Error> {
        self.publish().await?;
        while self.is_waiting() {
            tokio::time::sleep(self.shared.config.poll.0).await;
            self.publish().await?;
        }
        Ok(())
    }

    /// Adds a leaf if a partition has come further and the interval has passed since the last look, or `now`
    /// asks for it; publishes.
    pub(crate) async fn tend(&mut self, when: When) -> Result<(), Error> {
        let interval = self.shared.config.root_interval.0;
        let is_due = self.looked.is_none_or(|at| at.elapsed() >= interval);
        if (is_due || when == When::Now) && !self.publisher.is_waiting() {
            self.looked = Some(Instant::now());
            self.look().await?;
        }
        self.publish().await
    }

    /// Whether a root waits for the journal.
    pub(crate) fn is_waiting(&self) -> bool {
        self.publisher.is_waiting()
    }

    async fn publish(&mut self) -> Result<(), Error> {
        // What waits for the journal is in the objects already, and nothing was added since.
        let bundles = if self.is_waiting() { Vec::new() } else { self.bundles().await? };
        self.publisher.publish(bundles).await
    }

    async fn look(&mut self) -> Result<(), Error> {
        let mut partitions = vec![TreeHead::EMPTY; AUDIT.partitions as usize];
        for (log, head) in self.shared.store.heads().await? {
            match log {
                LogId::Part(part) if part.generation() == self.begun.era.generation => {
                    if let Some(own) = partitions.get_mut(part.partition() as usize) {
                        *own = head.published;
                    }
                }
                LogId::Part(_) | LogId::Root(_) => {}
            }
        }
        let is_first = self.edge.size() == 0;
        let after = self.begun.after.clone().filter(|_| is_first);
        let is_empty = partitions.iter().all(|head| head.size == 0);
        if after.is_none() && (is_empty || self.newest.as_ref() == Some(&partitions)) {
            return Ok(());
        }
        let at = self.shared.clock.now();
        let data = RootLeaf { at, partitions: partitions.clone(), after }.encode();
        let leaf = leaf_hash(&data);
        let staged = self.edge.stage(&[leaf]).map_err(|_| Error::TreeFull(LogName::Root))?;
        let (generation, index) = (self.begun.era.generation, self.edge.size());
        let row = RootRow { generation, fence: self.fence, index, data, tree: staged.edge.head() };
        match self.shared.store.commit_root(&row).await? {
            Committed::Done => {}
            Committed::Fenced => return Err(Error::Fenced(LogName::Root)),
        }
        self.edge = staged.edge;
        self.newest = Some(partitions);
        self.publisher.add(&[leaf]);
        Ok(())
    }

    /// The bundles that are new or longer since the newest checkpoint.
    async fn bundles(&self) -> Result<Vec<(Key, Bytes)>, Error> {
        let (from, size) = (self.publisher.published(), self.edge.size());
        let era = self.begun.era;
        let mut bundles = Vec::new();
        let first = if from < size { from / BUNDLE } else { size.div_ceil(BUNDLE) };
        for number in first..size.div_ceil(BUNDLE) {
            let width = (size - number * BUNDLE).min(BUNDLE);
            let limit = u32::try_from(width).expect("a bundle has at most 256 leaves");
            let leaves = self.shared.store.root_rows(era.generation, number * BUNDLE, limit).await?;
            if leaves.len() as u64 != width {
                return Err(Error::damaged(LogName::Root, "leaves are missing from the index"));
            }
            let width = u16::try_from(width).expect("a bundle has at most 256 leaves");
            let id = TileId::new(0, number, width).ok_or(Error::TreeFull(LogName::Root))?;
            bundles.push((name::bundle(era.incarnation, id), bundle(&leaves).into()));
        }
        Ok(bundles)
    }
}

/// The newest leaf of a root log that stands so.
pub(crate) async fn newest(
    store: &dyn LedgerStore,
    begun: &Begun,
    head: &Head,
) -> Result<Option<RootLeaf>, Error> {
    let Some(last) = head.tree.size.checked_sub(1) else { return Ok(None) };
    let rows = store.root_rows(begun.era.generation, last, 1).await?;
    let leaf = rows.first().and_then(|data| RootLeaf::decode(data));
    leaf.map(Some).ok_or(Error::damaged(LogName::Root, "its newest leaf is malformed"))
}

/// Leaves as a bundle: each behind its length in two bytes.
pub(crate) fn bundle(leaves: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for leaf in leaves {
        let len = u16::try_from(leaf.len()).expect("a leaf names few partitions");
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(leaf);
    }
    bytes
}

/// The leaves of a bundle.
pub(crate) fn unbundle(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut leaves = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk() {
        let (leaf, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        leaves.push(leaf.to_vec());
        bytes = rest;
    }
    bytes.is_empty().then_some(leaves)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Incarnation;
    use crate::signed::SignedRoot;

    #[test]
    fn a_leaf_and_a_bundle_read_back_from_their_one_encoding() {
        let head = TreeHead { size: 7, root: Hash::from([9; 32]) };
        let signed = SignedRoot { incarnation: Incarnation::from_bytes([3; 16]), head };
        let after = Succession { signed, found: None, entries: vec![1, 2] };
        let mut bytes = Vec::new();
        for after in [Some(after), None] {
            let leaf = RootLeaf { at: Timestamp(-5), partitions: vec![TreeHead::EMPTY, head], after };
            bytes = leaf.encode();
            assert_eq!(RootLeaf::decode(&bytes), Some(leaf));
            for cut in 0..bytes.len() {
                assert_eq!(RootLeaf::decode(&bytes[..cut]), None);
            }
        }
        let leaves = vec![bytes, vec![1, 2], Vec::new()];
        let bundled = bundle(&leaves);
        assert_eq!(unbundle(&bundled), Some(leaves));
        assert_eq!(unbundle(&bundled[..bundled.len() - 1]), None);
    }
}
