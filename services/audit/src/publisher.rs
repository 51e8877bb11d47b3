//! Brings committed leaves to objects: tiles first, then the checkpoint that they make readable.
//!
//! It never signs a head that does not continue the newest one that stands: an index restored from before it
//! publishes nothing until the topic has brought the log there again, with the same root, and takes no leaf on the
//! way that is not the one in the tiles. The other way round, objects restored from before the index are made anew
//! from it. Of a root log each head is in the restrictive journal before its checkpoint can be read.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use kernel::Timestamp;
use merkle::{Checkpoint, Edge, Hash, Tile, TreeHead};
use objects::{Key, Version};
use tracing::{info, warn};

use crate::error::Error;
use crate::journalling::Journalling;
use crate::name;
use crate::shelf::Shelf;
use crate::signer::Signer;
use crate::store::{Head, LedgerStore, LogId};

/// Hashes read from the index at once.
const PAGE: u32 = 4_096;

/// Publishes one log.
pub(crate) struct Publisher {
    shelf: Shelf,
    signer: Arc<Signer>,
    store: Arc<dyn LedgerStore>,
    id: LogId,
    /// Of a root log, what brings its roots into the journal.
    journalling: Option<Journalling>,
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
        id: LogId,
        head: &Head,
    ) -> Result<(Self, Edge), Error> {
        let log = shelf.log();
        let standing = shelf.checkpoint().await?.map(|found| found.checkpoint.head());
        let signed = standing.unwrap_or(TreeHead::EMPTY);
        if signed.size == head.published.size && signed.root != head.published.root {
            return Err(Error::damaged(log, "the checkpoint has another root than the index"));
        }
        let (edge, pending, committed) = match reach(&shelf, store.as_ref(), id, head, signed).await {
            // The index has what the tiles lack.
            Err(Error::Damaged { .. }) if head.tree.size >= signed.size => {
                remake(store.as_ref(), id, head, signed).await?
            }
            reached => reached?,
        };
        if edge.size() < head.published.size {
            warn!(%log, size = edge.size(), "the objects are from before the index, and are made anew from it");
        }
        let floor = standing.filter(|signed| signed.size > edge.size());
        let is_begun = standing == Some(edge.head()) || floor.is_some();
        let (certified, versions) = (None, shelf.checkpoint_versions().await?.into());
        let journalling = None;
        let publisher = Self {
            shelf,
            signer,
            store,
            id,
            journalling,
            edge,
            pending,
            floor,
            is_begun,
            certified,
            versions,
        };
        Ok((publisher, committed))
    }

    /// The same for a root log: its roots go into the journal first.
    pub(crate) fn journalled(self, journalling: Journalling) -> Self {
        Self { journalling: Some(journalling), ..self }
    }

    /// The journal is not told: it has a newer root of this log.
    pub(crate) fn unjournalled(self) -> Self {
        Self { journalling: None, ..self }
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
        self.floor.is_some_and(|floor| floor.size > self.edge.size() + self.pending.len() as u64)
    }

    /// Whether a root that it would sign is still on its way into the journal.
    pub(crate) fn is_waiting(&self) -> bool {
        self.journalling.as_ref().is_some_and(Journalling::is_waiting)
    }

    /// Finds leaves that would be committed to be those that were signed there before, where any were.
    pub(crate) async fn check(&self, on: u64, leaves: &[Hash]) -> Result<(), Error> {
        let Some(floor) = self.floor else { return Ok(()) };
        let to = floor.size.min(on.saturating_add(leaves.len() as u64));
        if on >= to {
            return Ok(());
        }
        let signed = self.shelf.leaves(on, to, floor.size).await?;
        if leaves.iter().zip(&signed).any(|(own, signed)| own != signed) {
            return Err(Error::Diverged(self.shelf.log()));
        }
        Ok(())
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
        if !self.is_waiting() {
            self.shelve(extra, &staged.tiles).await?;
        }
        let head = staged.edge.head();
        if let Some(journalling) = &mut self.journalling
            && !journalling.has(head).await?
        {
            return Ok(());
        }
        self.sign(head).await?;
        self.store.mark_published(self.id, head).await?;
        self.edge = staged.edge;
        self.pending.clear();
        Ok(())
    }

    async fn shelve(&self, extra: Vec<(Key, Bytes)>, tiles: &[Tile]) -> Result<(), Error> {
        for (key, bytes) in extra {
            self.shelf.put_equal(&key, bytes).await?;
            if name::is_full(&key) {
                self.shelf.drop_partials(&key).await;
            }
        }
        for tile in tiles {
            self.shelf.put_tile(tile).await?;
        }
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

/// A log from where its tiles have it: their edge, the leaves behind it, and the committed log's edge.
type Reached = (Edge, Vec<Hash>, Edge);

/// Goes from the tiles on, as far as both they and the index say that they are published.
async fn reach(
    shelf: &Shelf,
    store: &dyn LedgerStore,
    id: LogId,
    head: &Head,
    signed: TreeHead,
) -> Result<Reached, Error> {
    let published = if signed.size < head.published.size { signed } else { head.published };
    let edge = shelf.edge(published.size, signed.size).await?;
    if edge.root() != published.root {
        return Err(Error::damaged(shelf.log(), "the published tiles have another root than the index"));
    }
    let (pending, committed) = committed(store, id, &edge, head).await?;
    Ok((edge, pending, committed))
}

/// Goes from nothing on, if the index still has what was signed: all of it is published once more.
async fn remake(store: &dyn LedgerStore, id: LogId, head: &Head, signed: TreeHead) -> Result<Reached, Error> {
    let (pending, end) = committed(store, id, &Edge::default(), head).await?;
    let first = usize::try_from(signed.size).ok().and_then(|size| pending.get(..size));
    let reached = first.and_then(|first| Edge::default().stage(first).ok());
    if reached.is_none_or(|reached| reached.edge.head() != signed) {
        return Err(Error::damaged(id.name(), "the index does not give the signed root"));
    }
    Ok((Edge::default(), pending, end))
}

async fn committed(
    store: &dyn LedgerStore,
    id: LogId,
    edge: &Edge,
    head: &Head,
) -> Result<(Vec<Hash>, Edge), Error> {
    let log = id.name();
    let mut pending = Vec::new();
    while edge.size() + (pending.len() as u64) < head.tree.size {
        let read = store.hashes(id, edge.size() + pending.len() as u64, PAGE).await?;
        if read.is_empty() {
            return Err(Error::damaged(log, "committed leaves are missing from the index"));
        }
        pending.extend(read);
    }
    let staged = edge.stage(&pending).map_err(|_| Error::TreeFull(log))?;
    if staged.edge.head() != head.tree {
        return Err(Error::damaged(log, "the leaves in the index do not give the committed root"));
    }
    Ok((pending, staged.edge))
}
