//! An index that was lost, rebuilt from objects: the same roots, the same contents.
//!
//! Every entry in objects is opened, found to be what its leaf commits to, and committed as a writer would, in
//! order of index. What was committed after the last flush is still in the topic and is staged again from there,
//! with the same leaves. A rebuild that was cut short goes on where it stopped; so does an index that was restored from
//! before what the objects hold.

mod entries;

use std::sync::Arc;

use kernel::TenantId;
use kernel::topics::AUDIT;
use merkle::{Edge, Hash, TreeHead, leaf_hash};
use objects::ObjectStore;
use tracing::info;

use crate::entry_object::Record;
use crate::error::Error;
use crate::files::{LedgerFiles, ObjectFiles, keys};
use crate::keys::KeySource;
use crate::leaf;
use crate::name::{self, Incarnation, LogName};
use crate::root::unbundle;
use crate::shared::Shared;
use crate::shelf::Shelf;
use crate::state::State;
use crate::store::{
    Batch, Begun, Claim, Committed, Era, Generation, LedgerStore, NewRow, Part, Producer, RootRow, Row,
};
use crate::succession::{Lying, lying, newest_line};
use entries::Entries;

/// Entries of one commit.
const PAGE: usize = 512;
/// Leaves of a full bundle.
const BUNDLE: u64 = 256;
/// Most leaves of the root log that are looked for beyond its checkpoint.
const EXTENDED_MAX: u64 = 65_536;

/// Rebuilds an empty index from the newest ledger in the objects and those that it followed; `None` where there is none.
pub async fn rebuild(
    store: &dyn LedgerStore,
    objects: Arc<dyn ObjectStore>,
    source: &dyn KeySource,
) -> Result<Option<Incarnation>, Error> {
    let files = ObjectFiles(Arc::clone(&objects));
    let line = begin(store, &lying(&files).await?).await?;
    for begun in &line {
        let era = begun.era;
        let rebuild = Rebuild { store, source, objects: Arc::clone(&objects), files: files.clone(), era };
        for partition in 0..AUDIT.partitions {
            rebuild.partition(partition).await?;
        }
        rebuild.root().await?;
    }
    Ok(line.last().map(|begun| begun.era.incarnation))
}

/// Makes an index that is of no incarnation one of the newest in the objects, and of those that it followed.
pub(crate) async fn begin(store: &dyn LedgerStore, lying: &[Lying]) -> Result<Vec<Begun>, Error> {
    let (mut line, mut next) = (Vec::new(), Some(Generation::FIRST));
    for Lying { incarnation, after } in newest_line(lying) {
        let generation = next.ok_or(Error::TreeFull(LogName::Root))?;
        let begun = Begun { era: Era { generation, incarnation }, after };
        line.push(store.begin(&begun).await?);
        next = generation.next();
    }
    Ok(line)
}

/// Brings an index that was restored from before what the objects hold up to it; whatever they hold beyond is
/// in the topic.
pub(crate) async fn catch_up(shared: &Shared, era: Era, log: LogName) -> Result<(), Error> {
    let rebuild = Rebuild::of(shared, era);
    let heads = shared.store.heads().await?;
    let size = heads.iter().find(|(own, _)| *own == era.log(log)).map_or(0, |(_, head)| head.tree.size);
    match log {
        LogName::Partition(partition) => match rebuild.state(partition).await? {
            Some(state) if state.size > size => rebuild.partition(partition).await,
            Some(_) | None => Ok(()),
        },
        LogName::Root => match rebuild.shelf(log).checkpoint().await? {
            Some(found) if found.checkpoint.head().size > size => rebuild.root().await,
            Some(_) | None => Ok(()),
        },
    }
}

/// How many entries of a partition are in objects.
pub(crate) async fn stored(shared: &Shared, era: Era, partition: u32) -> Result<u64, Error> {
    Ok(Rebuild::of(shared, era).state(partition).await?.map_or(0, |state| state.size))
}

/// Brings the index's root log to a head that was signed, by leaves that are in the objects and that no checkpoint there
/// has: its writer was stopped before it could be read. Answers whether they give it.
pub(crate) async fn extend_root(shared: &Shared, era: Era, to: TreeHead) -> Result<bool, Error> {
    Rebuild::of(shared, era).extend_root(to).await
}

struct Rebuild<'r> {
    store: &'r dyn LedgerStore,
    source: &'r dyn KeySource,
    objects: Arc<dyn ObjectStore>,
    files: ObjectFiles,
    era: Era,
}

impl<'r> Rebuild<'r> {
    fn of(shared: &'r Shared, era: Era) -> Self {
        let objects = Arc::clone(&shared.objects);
        let files = ObjectFiles(Arc::clone(&objects));
        Self { store: shared.store.as_ref(), source: shared.keys.as_ref(), objects, files, era }
    }

    async fn partition(&self, partition: u32) -> Result<(), Error> {
        let log = LogName::Partition(partition);
        let Some(state) = self.state(partition).await? else { return Ok(()) };
        let part = self.era.part(partition);
        let signed = self.shelf(log).checkpoint().await?.map_or(0, |found| found.checkpoint.head().size);
        let claim = self.store.claim(self.era.log(log)).await?;
        let mut writing = Writing { rebuild: self, claim, part, edge: self.committed(log, &claim).await? };
        let mut entries = Entries::of(&self.files, self.era.incarnation, partition, &state).await?;
        while writing.edge.size() < state.size {
            let mut page = Vec::new();
            while page.len() < PAGE && writing.edge.size() + (page.len() as u64) < state.size {
                let index = writing.edge.size() + page.len() as u64;
                let (tenant, record) = entries.next(index).await?;
                page.push(self.row(part, tenant, record).await?);
            }
            // The last page brings the offset and the producers with it: a log is never whole without them.
            let is_last = writing.edge.size() + (page.len() as u64) == state.size;
            let (producers, next_offset) = if is_last {
                (state.producers.values().copied().collect(), state.next_offset)
            } else {
                (Vec::new(), 0)
            };
            let leaves: Vec<_> = page.iter().map(|new| leaf::hash(&new.row.sealed.commitment)).collect();
            self.agree(log, writing.edge.size(), &leaves, signed).await?;
            writing.commit(page, producers, next_offset).await?;
        }
        self.store.mark_stored(part, state.size).await?;
        self.publish(log, &writing.edge).await?;
        info!(%log, entries = state.size, "a partition's index was rebuilt");
        Ok(())
    }

    async fn root(&self) -> Result<(), Error> {
        let log = LogName::Root;
        let shelf = self.shelf(log);
        let Some(signed) = shelf.checkpoint().await?.map(|found| found.checkpoint.head()) else {
            return Ok(());
        };
        let claim = self.store.claim(self.era.log(log)).await?;
        let mut edge = self.committed(log, &claim).await?;
        while edge.size() < signed.size {
            let some = self.root_leaves(edge.size(), signed.size).await?;
            let leaves: Vec<_> = some.iter().map(|data| leaf_hash(data)).collect();
            self.agree(log, edge.size(), &leaves, signed.size).await?;
            for data in some {
                edge = self.commit_root(&claim, &edge, data).await?;
            }
        }
        self.publish(log, &edge).await
    }

    async fn extend_root(&self, to: TreeHead) -> Result<bool, Error> {
        let log = LogName::Root;
        let claim = self.store.claim(self.era.log(log)).await?;
        let mut edge = self.committed(log, &claim).await?;
        let missing = to.size.saturating_sub(edge.size());
        if missing == 0 || missing > EXTENDED_MAX {
            return Ok(missing == 0 && edge.head() == to);
        }
        let (mut leaves, mut reached) = (Vec::new(), edge.clone());
        while reached.size() < to.size {
            let some = match self.root_leaves(reached.size(), to.size).await {
                Ok(some) => some,
                Err(Error::Damaged { .. }) => return Ok(false),
                Err(error) => return Err(error),
            };
            let hashes: Vec<_> = some.iter().map(|data| leaf_hash(data)).collect();
            reached = reached.stage(&hashes).map_err(|_| Error::TreeFull(log))?.edge;
            leaves.extend(some);
        }
        if reached.head() != to {
            return Ok(false);
        }
        for data in leaves {
            edge = self.commit_root(&claim, &edge, data).await?;
        }
        Ok(true)
    }

    async fn commit_root(&self, claim: &Claim, edge: &Edge, data: Vec<u8>) -> Result<Edge, Error> {
        let log = LogName::Root;
        let staged = edge.stage(&[leaf_hash(&data)]).map_err(|_| Error::TreeFull(log))?;
        let (generation, fence, index) = (self.era.generation, claim.fence, edge.size());
        let row = RootRow { generation, fence, index, data, tree: staged.edge.head() };
        done(log, self.store.commit_root(&row).await?)?;
        Ok(staged.edge)
    }

    /// The root log's leaves from an index on, to the end of their bundle in a log of `size`; at least one.
    async fn root_leaves(&self, from: u64, size: u64) -> Result<Vec<Vec<u8>>, Error> {
        let mut leaves = self.bundle(from / BUNDLE, size).await?;
        if (from % BUNDLE) as usize >= leaves.len() {
            return Err(Error::damaged(LogName::Root, "a bundle of its leaves is cut"));
        }
        Ok(leaves.split_off((from % BUNDLE) as usize))
    }

    /// Finds leaves to be those in the tiles of a log that was signed at this size, before they are the index's. Where
    /// the tiles cannot be read the root that they must give counts, once all are there.
    async fn agree(&self, log: LogName, on: u64, leaves: &[Hash], signed: u64) -> Result<(), Error> {
        let to = signed.min(on.saturating_add(leaves.len() as u64));
        if on >= to {
            return Ok(());
        }
        match self.shelf(log).leaves(on, to, signed).await {
            Ok(standing) if standing.iter().zip(leaves).any(|(standing, own)| standing != own) => {
                Err(Error::damaged(log, "what is in the objects does not give the published tiles"))
            }
            Ok(_) | Err(Error::Damaged { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The index as an earlier rebuild left it.
    async fn committed(&self, log: LogName, claim: &Claim) -> Result<Edge, Error> {
        let mut edge = Edge::default();
        while edge.size() < claim.head.tree.size {
            let hashes = self.store.hashes(self.era.log(log), edge.size(), 4_096).await?;
            if hashes.is_empty() {
                return Err(Error::damaged(log, "committed leaves are missing from the index"));
            }
            edge = edge.stage(&hashes).map_err(|_| Error::TreeFull(log))?.edge;
        }
        Ok(edge)
    }

    async fn row(&self, part: Part, tenant: TenantId, record: Record) -> Result<NewRow, Error> {
        let keys = self.source.keys(&tenant).await?;
        let Record { index, sealed } = record;
        let log = LogName::Partition(part.partition());
        let opened = keys.open(&sealed).map_err(|source| Error::Entry { log, index, source })?;
        let terms = keys.terms(&opened.entry);
        Ok(NewRow { row: Row { part, index, tenant, at: opened.entry.at, sealed }, terms })
    }

    /// Finds the rebuilt log to be the signed one as far as both go, and says how far it is published.
    async fn publish(&self, log: LogName, edge: &Edge) -> Result<(), Error> {
        let shelf = self.shelf(log);
        let Some(signed) = shelf.checkpoint().await?.map(|found| found.checkpoint.head()) else {
            return Ok(());
        };
        let published = if signed.size <= edge.size() {
            let at = self.head_at(log, signed.size).await?;
            if at != signed {
                return Err(Error::damaged(log, "the entry objects do not give the signed root"));
            }
            signed
        } else {
            let tiles = shelf.edge(edge.size(), signed.size).await?;
            if tiles.root() != edge.root() {
                return Err(Error::damaged(log, "the entry objects do not give the published tiles"));
            }
            edge.head()
        };
        Ok(self.store.mark_published(self.era.log(log), published).await?)
    }

    async fn head_at(&self, log: LogName, size: u64) -> Result<TreeHead, Error> {
        let mut edge = Edge::default();
        while edge.size() < size {
            let left = u32::try_from(size - edge.size()).unwrap_or(u32::MAX).min(4_096);
            let hashes = self.store.hashes(self.era.log(log), edge.size(), left).await?;
            if hashes.is_empty() {
                return Err(Error::damaged(log, "committed leaves are missing from the index"));
            }
            edge = edge.stage(&hashes).map_err(|_| Error::TreeFull(log))?.edge;
        }
        Ok(edge.head())
    }

    async fn state(&self, partition: u32) -> Result<Option<State>, Error> {
        let log = LogName::Partition(partition);
        let states = keys(&self.files, &name::states(self.era.incarnation, partition)).await;
        let states = states.map_err(Error::objects(log))?;
        let Some(newest) = states.last() else { return Ok(None) };
        let bytes = self.files.read(newest).await.map_err(Error::objects(log))?.unwrap_or_default();
        State::decode(&bytes).map(Some).ok_or(Error::damaged(log, "its state is damaged"))
    }

    async fn bundle(&self, number: u64, size: u64) -> Result<Vec<Vec<u8>>, Error> {
        let log = LogName::Root;
        let width = (size - number * BUNDLE).min(BUNDLE);
        for width in [width, BUNDLE] {
            let width = u16::try_from(width).unwrap_or(0);
            let Some(id) = merkle::TileId::new(0, number, width) else { continue };
            let read = self.files.read(&name::bundle(self.era.incarnation, id)).await;
            if let Some(bytes) = read.map_err(Error::objects(log))? {
                let leaves =
                    unbundle(&bytes).ok_or(Error::damaged(log, "a bundle of its leaves is damaged"))?;
                return Ok(leaves.into_iter().take(usize::from(width)).collect());
            }
        }
        Err(Error::damaged(log, "a bundle of its leaves is missing"))
    }

    fn shelf(&self, log: LogName) -> Shelf {
        Shelf::new(Arc::clone(&self.objects), self.era.incarnation, log)
    }
}

/// Commits to one partition.
struct Writing<'w> {
    rebuild: &'w Rebuild<'w>,
    claim: Claim,
    part: Part,
    edge: Edge,
}

impl Writing<'_> {
    async fn commit(
        &mut self,
        rows: Vec<NewRow>,
        producers: Vec<Producer>,
        next_offset: u64,
    ) -> Result<(), Error> {
        let log = LogName::Partition(self.part.partition());
        let leaves: Vec<_> = rows.iter().map(|new| leaf::hash(&new.row.sealed.commitment)).collect();
        let staged = self.edge.stage(&leaves).map_err(|_| Error::TreeFull(log))?;
        let batch = Batch {
            part: self.part,
            fence: self.claim.fence,
            on: self.edge.size(),
            tree: staged.edge.head(),
            next_offset: next_offset.max(self.claim.head.next_offset),
            rows,
            producers,
        };
        self.rebuild.store.stage(&batch).await?;
        done(log, self.rebuild.store.commit(&batch).await?)?;
        self.edge = staged.edge;
        Ok(())
    }
}

fn done(log: LogName, committed: Committed) -> Result<(), Error> {
    match committed {
        Committed::Done => Ok(()),
        Committed::Fenced => Err(Error::Fenced(log)),
    }
}
