//! Brings committed leaves to objects: tiles first, then the checkpoint that they make readable.
//!
//! It never signs a head that does not continue the newest one that stands: an index restored from before it
//! publishes nothing until the topic has brought the log there again, with the same root.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use kernel::Timestamp;
use merkle::{Checkpoint, Edge, Hash, TreeHead};
use objects::{Key, Version};
use tracing::info;

use crate::error::Error;
use crate::name;
use crate::shelf::Shelf;
use crate::signer::Signer;
use crate::store::{Head, LedgerStore};

/// Hashes read from the index at once.
const PAGE: u32 = 4_096;

/// Publishes one log.
pub(crate) struct Publisher {
    shelf: Shelf,
    signer: Arc<Signer>,
    store: Arc<dyn LedgerStore>,
    /// The log as it is published.
    edge: Edge,
    /// Leaves committed since.
    pending: Vec<Hash>,
    /// A head that stands signed and that this index has not reached yet.
    floor: Option<TreeHead>,
    /// Whether the log has a checkpoint at all.
    is_begun: bool,
    /// The key whose certificate is known to be published.
    certified: Option<Timestamp>,
    /// The checkpoints that stand, oldest first.
    versions: VecDeque<Version>,
}

impl Publisher {
    /// Takes up a log where its head and its objects are; also answers the committed log's edge.
    pub(crate) async fn open(
        shelf: Shelf,
        signer: Arc<Signer>,
        store: Arc<dyn LedgerStore>,
        head: &Head,
    ) -> Result<(Self, Edge), Error> {
        let log = shelf.log();
        let standing = shelf.checkpoint().await?.map(|found| found.checkpoint.head());
        let signed = standing.unwrap_or(TreeHead::EMPTY);
        let edge = shelf.edge(head.published.size, signed.size.max(head.published.size)).await?;
        if edge.root() != head.published.root {
            return Err(Error::damaged(log, "the published tiles have another root than the index"));
        }
        if signed.size == head.published.size && signed.root != head.published.root {
            return Err(Error::damaged(log, "the checkpoint has another root than the index"));
        }
        let mut pending = Vec::new();
        while edge.size() + (pending.len() as u64) < head.tree.size {
            let read = store.hashes(log, edge.size() + pending.len() as u64, PAGE).await?;
            if read.is_empty() {
                return Err(Error::damaged(log, "committed leaves are missing from the index"));
            }
            pending.extend(read);
        }
        let staged = edge.stage(&pending).map_err(|_| Error::TreeFull(log))?;
        if staged.edge.head() != head.tree {
            return Err(Error::damaged(log, "the leaves in the index do not give the committed root"));
        }
        let floor = standing.filter(|signed| signed.size > edge.size());
        let is_begun = standing.is_some();
        let (certified, versions) = (None, shelf.checkpoint_versions().await?.into());
        let publisher = Self { shelf, signer, store, edge, pending, floor, is_begun, certified, versions };
        Ok((publisher, staged.edge))
    }

    /// Adds leaves that were committed.
    pub(crate) fn add(&mut self, leaves: &[Hash]) {
        self.pending.extend_from_slice(leaves);
    }

    /// How many leaves wait.
    pub(crate) fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// Whether it must come further before it publishes anything.
    pub(crate) fn is_behind(&self) -> bool {
        self.floor.is_some()
    }

    /// The log as its newest checkpoint has it, as far as this writer knows.
    pub(crate) fn published(&self) -> u64 {
        self.edge.size()
    }

    /// Publishes what waits. `extra` are objects that a reader of the new tiles will look for.
    pub(crate) async fn publish(&mut self, extra: Vec<(Key, Bytes)>) -> Result<(), Error> {
        if self.pending.is_empty() && self.is_begun {
            return Ok(());
        }
        if !self.continues()? {
            return Ok(());
        }
        let staged = self.edge.stage(&self.pending).map_err(|_| Error::TreeFull(self.shelf.log()))?;
        for (key, bytes) in extra {
            self.shelf.put_equal(&key, bytes).await?;
            if name::is_full(&key) {
                self.shelf.drop_partials(&key).await;
            }
        }
        for tile in &staged.tiles {
            self.shelf.put_tile(tile).await?;
        }
        let head = staged.edge.head();
        self.sign(head).await?;
        self.store.mark_published(self.shelf.log(), head).await?;
        self.edge = staged.edge;
        self.pending.clear();
        Ok(())
    }

    /// Whether the committed log continues what stands signed; not yet, while it has not come as far.
    fn continues(&mut self) -> Result<bool, Error> {
        let Some(floor) = self.floor else { return Ok(true) };
        let log = self.shelf.log();
        let missing = usize::try_from(floor.size - self.edge.size()).unwrap_or(usize::MAX);
        let Some(first) = self.pending.get(..missing) else { return Ok(false) };
        let reached = self.edge.stage(first).map_err(|_| Error::TreeFull(log))?.edge.root();
        if reached != floor.root {
            return Err(Error::damaged(log, "the log has become another one than was signed"));
        }
        info!(%log, size = floor.size, "the log has come to where it was signed before");
        self.floor = None;
        Ok(true)
    }

    async fn sign(&mut self, head: TreeHead) -> Result<(), Error> {
        let (log, incarnation) = (self.shelf.log(), self.shelf.incarnation());
        let certificate = self.signer.certificate().await?;
        if self.certified != Some(certificate.cert.not_after) {
            self.shelf.put_signer(self.signer.note_key(incarnation, log).id(), &certificate).await?;
            self.certified = Some(certificate.cert.not_after);
        }
        let made = Checkpoint::new(name::origin(incarnation, log), head);
        let checkpoint = made.map_err(|source| Error::Checkpoint { log, source })?;
        let note = self.signer.sign(incarnation, log, &checkpoint)?;
        let version = self.shelf.put_checkpoint(&note).await?;
        self.is_begun = true;
        self.versions.push_back(version);
        // The one before stays: somebody may be about to read it.
        while self.versions.len() > 2 {
            let Some(superseded) = self.versions.pop_front() else { break };
            self.shelf.drop_checkpoint(&superseded).await;
        }
        Ok(())
    }
}
