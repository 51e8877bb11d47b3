//! What the ledger answers: entries found and opened, one entry proved, checkpoints, everything recomputed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kernel::topics::AUDIT;
use kernel::{EventId, TenantId};
use merkle::{InclusionProof, NoteKey, inclusion_tiles};
use objects::ObjectStore;
use seal::SignedCert;

use crate::entry::Entry;
use crate::error::Error;
use crate::files::{LedgerFiles, ObjectFiles};
use crate::keys::{Freshness, KeySource};
use crate::leaf::{self, LedgerKeys, Opened};
use crate::name::{self, Incarnation, LogName};
use crate::query::{Question, token};
use crate::shelf::{Found, Shelf};
use crate::store::{Begun, LedgerStore, LogId, Part, Row};
use crate::verify::{self, Means, Report, Stored};

/// How long a proof waits for the checkpoint over an entry that was committed a moment ago.
const SIGNED_WITHIN: Duration = Duration::from_secs(2);
/// How often it looks.
const SIGNED_AGAIN: Duration = Duration::from_millis(20);

/// The ledger's answers.
pub struct Service {
    store: Arc<dyn LedgerStore>,
    objects: Arc<dyn ObjectStore>,
    keys: Arc<dyn KeySource>,
}

/// An entry with its place in the ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Placed {
    /// The entry.
    pub entry: Entry,
    /// Its log.
    pub part: Part,
    /// Its leaf's index.
    pub index: u64,
}

/// Entries, and how to go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Placed>,
    /// Behind which entry the next page begins; none where there is no more.
    pub next: Option<String>,
}

/// That one entry is in the ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// The entry with its canonical bytes and its salt.
    pub opened: Opened,
    /// Its partition.
    pub partition: u32,
    /// Its leaf.
    pub leaf: [u8; leaf::LEAF],
    /// Its path.
    pub inclusion: InclusionProof,
    /// The size of the tree that the path leads to.
    pub size: u64,
    /// The signed note of that tree.
    pub checkpoint: String,
}

/// The ledger's signed notes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Checkpoints {
    /// One a partition, by number; empty where there is none yet.
    pub partitions: Vec<String>,
    /// The root log's.
    pub root: String,
    /// The keys that signed them, and those that signed the newest ones of histories that are closed.
    pub keys: Vec<NoteKey>,
}

impl Service {
    /// Answers from this index and these objects.
    pub fn new(store: Arc<dyn LedgerStore>, objects: Arc<dyn ObjectStore>, keys: Arc<dyn KeySource>) -> Self {
        Self { store, objects, keys }
    }

    /// Looks for entries.
    pub async fn query(&self, tenant: &TenantId, question: &Question) -> Result<Page, Error> {
        let keys = self.keys.keys(tenant).await?;
        let mut rows = self.store.find(&question.filter(&keys)).await?;
        let has_more = rows.len() > question.limit();
        rows.truncate(question.limit());
        let next = rows.last().filter(|_| has_more).map(|row| token(row.spot()));
        let placed = |row: Row| {
            let Opened { entry, .. } = open(&keys, &row)?;
            Ok(Placed { entry, part: row.part, index: row.index })
        };
        Ok(Page { entries: rows.into_iter().map(placed).collect::<Result<_, Error>>()?, next })
    }

    /// Proves that an entry is in its log, under the newest checkpoint.
    pub async fn prove(&self, tenant: &TenantId, event: EventId) -> Result<Proof, Error> {
        let keys = self.keys.keys(tenant).await?;
        let row = self.store.entry(tenant, event).await?;
        let row = row.ok_or_else(|| Error::NoEntry { tenant: tenant.clone(), event })?;
        let opened = open(&keys, &row)?;
        let log = LogName::Partition(row.part.partition());
        let shelf = Shelf::new(Arc::clone(&self.objects), self.incarnation_of(row.part).await?, log);
        let signed = tokio::time::timeout(SIGNED_WITHIN, signed(&shelf, row.index)).await;
        let found = signed.map_err(|_| Error::NotSigned { event })??;
        let head = found.checkpoint.head();
        let needed = inclusion_tiles(row.index, head.size).map_err(|_| Error::NotSigned { event })?;
        let tiles = shelf.tiles(needed, head.size).await?;
        let wrong = "its tiles do not prove an entry that it has";
        let proved = tiles.prove_inclusion(row.index, head.size);
        let inclusion = proved.map_err(|_| Error::damaged(log, wrong))?;
        let leaf = leaf::leaf(&row.sealed.commitment);
        inclusion
            .verify(&leaf::hash(&row.sealed.commitment), &head)
            .map_err(|_| Error::damaged(log, wrong))?;
        let checkpoint = found.note.to_string();
        let partition = row.part.partition();
        Ok(Proof { opened, partition, leaf, inclusion, size: head.size, checkpoint })
    }

    /// The newest signed notes of the history that goes on, and who signed them and those before it.
    pub async fn checkpoints(&self) -> Result<Checkpoints, Error> {
        let begun = self.begun().await?;
        let mut checkpoints = Checkpoints::default();
        for own in &begun {
            // Those of the last one stay.
            checkpoints.partitions.clear();
            let incarnation = own.era.incarnation;
            for partition in 0..AUDIT.partitions {
                let log = LogName::Partition(partition);
                let note = self.checkpoint(incarnation, log, &mut checkpoints.keys).await?;
                checkpoints.partitions.push(note);
            }
            checkpoints.root = self.checkpoint(incarnation, LogName::Root, &mut checkpoints.keys).await?;
        }
        Ok(checkpoints)
    }

    /// Recomputes every log from its tiles, and compares entry objects and the index with them; this tenant's
    /// entries are opened.
    pub async fn verify(&self, tenant: &TenantId) -> Result<Report, Error> {
        let begun = self.begun().await?;
        let roots = self.keys.roots(Freshness::Now).await?;
        let keys = self.keys.keys(tenant).await?;
        // Asked before the objects are looked at: entries are there before the index says so.
        let stored = self.stored(&begun).await?;
        let means = Means { roots: &roots, keys: Some(&keys), stored: Some(&stored) };
        let files = ObjectFiles(Arc::clone(&self.objects));
        let verified = verify::verify(&files, means).await;
        let mut report = verified.map_err(Error::objects(LogName::Root))?;
        for (log, head) in self.store.heads().await? {
            if let (LogId::Part(part), Some(incarnation)) = (log, incarnation(&begun, log)) {
                let index =
                    verify::Index { store: self.store.as_ref(), files: &files, incarnation, keys: &keys };
                index.verify(part, head, &mut report).await?;
            }
        }
        Ok(report)
    }

    async fn stored(&self, begun: &[Begun]) -> Result<Stored, Error> {
        let mut partitions = BTreeMap::new();
        for (log, head) in self.store.heads().await? {
            if let (LogId::Part(part), Some(incarnation)) = (log, incarnation(begun, log)) {
                partitions.insert((incarnation, part.partition()), head.stored);
            }
        }
        Ok(Stored { partitions })
    }

    async fn checkpoint(
        &self,
        incarnation: Incarnation,
        log: LogName,
        keys: &mut Vec<NoteKey>,
    ) -> Result<String, Error> {
        let shelf = Shelf::new(Arc::clone(&self.objects), incarnation, log);
        let Some(found) = shelf.checkpoint().await? else { return Ok(String::new()) };
        for id in found.note.signatures().iter().map(|signature| signature.id).collect::<BTreeSet<_>>() {
            keys.extend(self.signer(incarnation, log, id).await?);
        }
        Ok(found.note.to_string())
    }

    async fn signer(
        &self,
        incarnation: Incarnation,
        log: LogName,
        id: merkle::KeyId,
    ) -> Result<Option<NoteKey>, Error> {
        let files = ObjectFiles(Arc::clone(&self.objects));
        let read = files.read(&name::signer(incarnation, log, id)).await.map_err(Error::objects(log))?;
        let Some(certificate) = read.and_then(|bytes| SignedCert::decode(&bytes).ok()) else {
            return Ok(None);
        };
        let public = certificate.cert.key.to_bytes();
        Ok(NoteKey::ed25519(name::key_name(incarnation, log), &public).ok())
    }

    async fn incarnation_of(&self, part: Part) -> Result<Incarnation, Error> {
        incarnation(&self.begun().await?, LogId::Part(part)).ok_or(Error::NotBegun)
    }

    /// The histories of the index, the one that goes on last.
    async fn begun(&self) -> Result<Vec<Begun>, Error> {
        let begun = self.store.incarnations().await?;
        if begun.is_empty() { Err(Error::NotBegun) } else { Ok(begun) }
    }
}

/// Of which incarnation a log of the index is.
fn incarnation(begun: &[Begun], log: LogId) -> Option<Incarnation> {
    let own = begun.iter().find(|own| own.era.generation == log.generation());
    own.map(|own| own.era.incarnation)
}

/// The newest checkpoint that has this leaf; a committed leaf's comes by itself.
async fn signed(shelf: &Shelf, index: u64) -> Result<Found, Error> {
    loop {
        let found = shelf.checkpoint().await?;
        if let Some(found) = found.filter(|found| found.checkpoint.head().size > index) {
            return Ok(found);
        }
        tokio::time::sleep(SIGNED_AGAIN).await;
    }
}

fn open(keys: &LedgerKeys, row: &Row) -> Result<Opened, Error> {
    let log = LogName::Partition(row.part.partition());
    keys.open(&row.sealed).map_err(|source| Error::Entry { log, index: row.index, source })
}

#[cfg(test)]
mod tests;
