//! An index that was lost, rebuilt from objects: the same roots, the same contents.
//!
//! Every entry in objects is opened, found to be what its leaf commits to, and committed as a writer would, in
//! order of index. What was committed after the last flush is still in the topic and is staged again from there,
//! with the same leaves. The index is of the incarnation only when all of it is done: a rebuild that was cut
//! short begins again where it stopped.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use kernel::TenantId;
use kernel::topics::AUDIT;
use merkle::{Edge, TreeHead, leaf_hash};
use objects::{Key, ObjectStore};
use tracing::info;

use crate::entry_object::{EntryObject, Record};
use crate::error::Error;
use crate::files::{LedgerFiles, ObjectFiles, keys};
use crate::keys::KeySource;
use crate::leaf;
use crate::name::{self, Incarnation, LogName};
use crate::root::unbundle;
use crate::shared::Shared;
use crate::shelf::Shelf;
use crate::state::State;
use crate::store::{Batch, Claim, Committed, LedgerStore, NewRow, Producer, RootRow, Row};
use crate::verify::incarnations;

/// Entries of one commit.
const PAGE: usize = 512;
/// Leaves of a full bundle.
const BUNDLE: u64 = 256;

/// Rebuilds an empty index from the newest ledger in the objects; `None` where there is none.
pub async fn rebuild(
    store: &dyn LedgerStore,
    objects: Arc<dyn ObjectStore>,
    source: &dyn KeySource,
) -> Result<Option<Incarnation>, Error> {
    let files = ObjectFiles(Arc::clone(&objects));
    let found = incarnations(&files).await.map_err(Error::objects(LogName::Root))?;
    let Some(incarnation) = found.last().copied() else { return Ok(None) };
    let rebuild = Rebuild { store, source, objects, files, incarnation };
    for partition in 0..AUDIT.partitions {
        rebuild.partition(partition).await?;
    }
    rebuild.root().await?;
    Ok(Some(store.begin(incarnation).await?))
}

/// Brings an index that was restored from before what the objects hold up to it; whatever they hold beyond is
/// in the topic.
pub(crate) async fn catch_up(shared: &Shared, incarnation: Incarnation, log: LogName) -> Result<(), Error> {
    let objects = Arc::clone(&shared.objects);
    let files = ObjectFiles(Arc::clone(&objects));
    let (store, source) = (shared.store.as_ref(), shared.keys.as_ref());
    let rebuild = Rebuild { store, source, objects, files, incarnation };
    let heads = store.heads().await?;
    let size = heads.iter().find(|(own, _)| *own == log).map_or(0, |(_, head)| head.tree.size);
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

struct Rebuild<'r> {
    store: &'r dyn LedgerStore,
    source: &'r dyn KeySource,
    objects: Arc<dyn ObjectStore>,
    files: ObjectFiles,
    incarnation: Incarnation,
}

impl Rebuild<'_> {
    async fn partition(&self, partition: u32) -> Result<(), Error> {
        let log = LogName::Partition(partition);
        let Some(state) = self.state(partition).await? else { return Ok(()) };
        let claim = self.store.claim(log).await?;
        let mut writing =
            Writing { rebuild: self, claim, partition, edge: self.committed(log, &claim).await? };
        let mut entries = self.entries(partition, &state).await?;
        while writing.edge.size() < state.size {
            let mut page = Vec::new();
            while page.len() < PAGE && writing.edge.size() + (page.len() as u64) < state.size {
                let index = writing.edge.size() + page.len() as u64;
                let (tenant, record) = entries.next(index).await?;
                page.push(self.row(partition, tenant, record).await?);
            }
            // The last page brings the offset and the producers with it: a log is never whole without them.
            let is_last = writing.edge.size() + (page.len() as u64) == state.size;
            let (producers, next_offset) = if is_last {
                (state.producers.values().copied().collect(), state.next_offset)
            } else {
                (Vec::new(), 0)
            };
            writing.commit(page, producers, next_offset).await?;
        }
        self.store.mark_stored(partition, state.size).await?;
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
        let claim = self.store.claim(log).await?;
        let mut edge = self.committed(log, &claim).await?;
        for number in edge.size() / BUNDLE..signed.size.div_ceil(BUNDLE) {
            for data in
                self.bundle(number, signed.size).await?.into_iter().skip((edge.size() % BUNDLE) as usize)
            {
                let staged = edge.stage(&[leaf_hash(&data)]).map_err(|_| Error::TreeFull(log))?;
                let row = RootRow { fence: claim.fence, index: edge.size(), data, tree: staged.edge.head() };
                done(log, self.store.commit_root(&row).await?)?;
                edge = staged.edge;
            }
        }
        self.publish(log, &edge).await
    }

    /// The index as an earlier rebuild left it.
    async fn committed(&self, log: LogName, claim: &Claim) -> Result<Edge, Error> {
        let mut edge = Edge::default();
        while edge.size() < claim.head.tree.size {
            let hashes = self.store.hashes(log, edge.size(), 4_096).await?;
            if hashes.is_empty() {
                return Err(Error::damaged(log, "committed leaves are missing from the index"));
            }
            edge = edge.stage(&hashes).map_err(|_| Error::TreeFull(log))?.edge;
        }
        Ok(edge)
    }

    async fn row(&self, partition: u32, tenant: TenantId, record: Record) -> Result<NewRow, Error> {
        let keys = self.source.keys(&tenant).await?;
        let Record { index, sealed } = record;
        let log = LogName::Partition(partition);
        let opened = keys.open(&sealed).map_err(|source| Error::Entry { log, index, source })?;
        let terms = keys.terms(&opened.entry);
        Ok(NewRow { row: Row { partition, index, tenant, at: opened.entry.at, sealed }, terms })
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
        Ok(self.store.mark_published(log, published).await?)
    }

    async fn head_at(&self, log: LogName, size: u64) -> Result<TreeHead, Error> {
        let mut edge = Edge::default();
        while edge.size() < size {
            let left = u32::try_from(size - edge.size()).unwrap_or(u32::MAX).min(4_096);
            let hashes = self.store.hashes(log, edge.size(), left).await?;
            if hashes.is_empty() {
                return Err(Error::damaged(log, "committed leaves are missing from the index"));
            }
            edge = edge.stage(&hashes).map_err(|_| Error::TreeFull(log))?.edge;
        }
        Ok(edge.head())
    }

    async fn state(&self, partition: u32) -> Result<Option<State>, Error> {
        let log = LogName::Partition(partition);
        let states = keys(&self.files, &name::states(self.incarnation, partition)).await;
        let states = states.map_err(Error::objects(log))?;
        let Some(newest) = states.last() else { return Ok(None) };
        let bytes = self.files.read(newest).await.map_err(Error::objects(log))?.unwrap_or_default();
        State::decode(&bytes).map(Some).ok_or(Error::damaged(log, "its state is damaged"))
    }

    async fn entries(&self, partition: u32, state: &State) -> Result<Entries<'_>, Error> {
        let log = LogName::Partition(partition);
        let mut tenants = BTreeMap::new();
        for tenant in &state.tenants {
            let objects = keys(&self.files, &name::entries_of(tenant, self.incarnation, partition)).await;
            let objects = objects.map_err(Error::objects(log))?;
            tenants.insert(tenant.clone(), Cursor { objects: objects.into(), records: VecDeque::new() });
        }
        Ok(Entries { files: &self.files, log, tenants })
    }

    async fn bundle(&self, number: u64, size: u64) -> Result<Vec<Vec<u8>>, Error> {
        let log = LogName::Root;
        let width = (size - number * BUNDLE).min(BUNDLE);
        for width in [width, BUNDLE] {
            let width = u16::try_from(width).unwrap_or(0);
            let Some(id) = merkle::TileId::new(0, number, width) else { continue };
            let read = self.files.read(&name::bundle(self.incarnation, id)).await;
            if let Some(bytes) = read.map_err(Error::objects(log))? {
                let leaves =
                    unbundle(&bytes).ok_or(Error::damaged(log, "a bundle of its leaves is damaged"))?;
                return Ok(leaves.into_iter().take(usize::from(width)).collect());
            }
        }
        Err(Error::damaged(log, "a bundle of its leaves is missing"))
    }

    fn shelf(&self, log: LogName) -> Shelf {
        Shelf::new(Arc::clone(&self.objects), self.incarnation, log)
    }
}

/// Commits to one partition.
struct Writing<'w> {
    rebuild: &'w Rebuild<'w>,
    claim: Claim,
    partition: u32,
    edge: Edge,
}

impl Writing<'_> {
    async fn commit(
        &mut self,
        rows: Vec<NewRow>,
        producers: Vec<Producer>,
        next_offset: u64,
    ) -> Result<(), Error> {
        let log = LogName::Partition(self.partition);
        let leaves: Vec<_> = rows.iter().map(|new| leaf::hash(&new.row.sealed.commitment)).collect();
        let staged = self.edge.stage(&leaves).map_err(|_| Error::TreeFull(log))?;
        let batch = Batch {
            partition: self.partition,
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

/// A partition's entries in order of index, out of every tenant's objects; of each tenant one is in memory.
struct Entries<'e> {
    files: &'e ObjectFiles,
    log: LogName,
    tenants: BTreeMap<TenantId, Cursor>,
}

struct Cursor {
    objects: VecDeque<Key>,
    records: VecDeque<Record>,
}

impl Entries<'_> {
    async fn next(&mut self, index: u64) -> Result<(TenantId, Record), Error> {
        for (tenant, cursor) in &mut self.tenants {
            if let Some(record) = cursor.at(self.files, self.log, index).await? {
                return Ok((tenant.clone(), record));
            }
        }
        Err(Error::damaged(self.log, "an entry is in no entry object"))
    }
}

impl Cursor {
    /// The record at this index, if it is this tenant's; earlier ones are done with.
    async fn at(&mut self, files: &ObjectFiles, log: LogName, index: u64) -> Result<Option<Record>, Error> {
        loop {
            while self.records.front().is_some_and(|record| record.index < index) {
                self.records.pop_front();
            }
            if let Some(first) = self.records.front() {
                return Ok(if first.index == index { self.records.pop_front() } else { None });
            }
            let Some(key) = self.objects.pop_front() else { return Ok(None) };
            let bytes = files.read(&key).await.map_err(Error::objects(log))?.unwrap_or_default();
            let object = EntryObject::decode(&bytes);
            let object = object.map_err(|_| Error::damaged(log, "an entry object is damaged"))?;
            self.records = object.records.into();
        }
    }
}
