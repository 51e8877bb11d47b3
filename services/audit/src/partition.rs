//! The one writer of one partition's log.
//!
//! Records become leaves in one order: read, find what is known, plan, hand reasons to crypto, seal, stage under
//! the fence, commit the head, publish. What fails before the commit has never been; what fails after it is made
//! up from committed state. After any error the writer is dropped and the log claimed anew, because an answer
//! that was lost may have been a commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use eventlog::Stored;
use futures::{StreamExt, TryStreamExt, stream};
use kernel::{InstanceId, TenantId};
use merkle::Edge;
use tokio::time::Instant;
use tracing::warn;

use crate::arrival::{self, Arrival, Said};
use crate::entry::Entry;
use crate::error::Error;
use crate::finding::{self, FindingKind, Place};
use crate::flush::{Flush, unflushed};
use crate::keys::{Adopted, Freshness};
use crate::leaf::{self, LedgerKeys};
use crate::name::{Incarnation, LogName};
use crate::plan::{self, Plan, Producers, Reason};
use crate::publisher::Publisher;
use crate::rebuild::catch_up;
use crate::shared::Shared;
use crate::store::{Batch, Committed, Head, NewRow, Producer, ProducerState, Row};

/// Reasons handed to crypto at once.
const REASONS_AT_ONCE: usize = 16;

/// A partition's log, taken over.
pub(crate) struct Partition {
    shared: Shared,
    place: Place,
    fence: u64,
    head: Head,
    /// The committed log's edge.
    edge: Edge,
    producers: Producers,
    /// When each producer was last heard, in machine time; from the take-over on.
    heard: BTreeMap<InstanceId, Instant>,
    publisher: Publisher,
    /// Sealed bytes that are not in entry objects, and since when.
    unflushed: u64,
    unflushed_since: Option<Instant>,
}

/// Whether entries go into objects now, or when their time has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    Due,
    Now,
}

impl Partition {
    /// Takes a partition's log over.
    pub(crate) async fn open(
        shared: Shared,
        incarnation: Incarnation,
        partition: u32,
    ) -> Result<Self, Error> {
        let log = LogName::Partition(partition);
        catch_up(&shared, incarnation, log).await?;
        let claim = shared.store.claim(log).await?;
        let shelf = shared.shelf(incarnation, log);
        let (signer, store) = (Arc::clone(&shared.signer), Arc::clone(&shared.store));
        let (publisher, edge) = Publisher::open(shelf, signer, store, &claim.head).await?;
        let producers = shared.store.producers(partition).await?;
        let producers: Producers = producers.into_iter().map(|producer| (producer.id, producer)).collect();
        let unflushed = unflushed(shared.store.as_ref(), partition, claim.head.stored).await?;
        let now = Instant::now();
        Ok(Self {
            place: Place { incarnation, partition },
            fence: claim.fence,
            head: claim.head,
            edge,
            heard: producers.keys().map(|id| (*id, now)).collect(),
            producers,
            publisher,
            unflushed,
            unflushed_since: (unflushed > 0).then_some(now),
            shared,
        })
    }

    /// The first record of the topic that is not in the log.
    pub(crate) fn next_offset(&self) -> u64 {
        self.head.next_offset
    }

    /// Whether so many leaves wait for their tiles that it takes no more records.
    pub(crate) fn is_full(&self) -> bool {
        !self.publisher.is_behind() && self.publisher.waiting() >= self.shared.config.unpublished
    }

    /// Commits what these records say. Records that were committed before are skipped.
    pub(crate) async fn take(&mut self, records: &[Stored]) -> Result<(), Error> {
        let fresh: Vec<_> = records.iter().filter(|own| own.offset >= self.head.next_offset).collect();
        let Some(last) = fresh.last() else { return Ok(()) };
        let next_offset = last.offset + 1;
        let arrivals = self.read(&fresh).await?;
        let known = self.shared.store.known(self.place.partition, &plan::events(&arrivals)).await?;
        let mut producers = self.producers.clone();
        let Plan { mut entries, reasons, beats } = plan::plan(self.place, &mut producers, known, arrivals);
        entries.extend(self.adopt(reasons).await?);
        self.commit(entries, producers, next_offset).await?;
        let now = Instant::now();
        let heard =
            beats.into_iter().chain(self.producers.keys().copied().filter(|id| !self.heard.contains_key(id)));
        let heard: Vec<_> = heard.collect();
        self.heard.extend(heard.into_iter().map(|id| (id, now)));
        Ok(())
    }

    /// What is due without any record: tiles, silent producers, entry objects. Answers up to which offset the
    /// topic's records are not needed any more, where that has changed.
    pub(crate) async fn tend(&mut self, when: When) -> Result<Option<u64>, Error> {
        self.tell_silent().await?;
        let due = self.unflushed >= self.shared.config.entry_object_size.0
            || self
                .unflushed_since
                .is_some_and(|since| since.elapsed() >= self.shared.config.entry_object_age.0);
        let flushed = if due || when == When::Now { self.flush().await? } else { None };
        self.publisher.publish(Vec::new()).await?;
        Ok(flushed)
    }

    async fn read(&self, records: &[&Stored]) -> Result<Vec<Arrival>, Error> {
        let read = |roots: &_| -> Vec<Arrival> {
            records.iter().map(|record| arrival::read(record, self.place.partition, roots)).collect()
        };
        let arrivals = read(self.shared.keys.roots(Freshness::Kept).await?.as_ref());
        if arrivals.iter().any(|arrival| arrival.said == Said::Refused(arrival::UNTRUSTED)) {
            return Ok(read(self.shared.keys.roots(Freshness::Now).await?.as_ref()));
        }
        Ok(arrivals)
    }

    /// Hands reasons to crypto; those that it cannot keep are findings, in the order of their entries.
    async fn adopt(&self, reasons: Vec<Reason>) -> Result<Vec<Entry>, Error> {
        let keys = &self.shared.keys;
        let adopted = stream::iter(reasons).map(|reason| async move {
            let done = keys.adopt_reason(&reason.tenant, reason.event, &reason.sealed).await?;
            Ok::<_, Error>((reason, done))
        });
        let adopted: Vec<_> = adopted.buffered(REASONS_AT_ONCE).try_collect().await?;
        let lost = adopted.into_iter().filter_map(|(reason, done)| match done {
            Adopted::Kept => None,
            Adopted::Refused(code) => {
                let why = platform::error::word(platform::error::grpc_code(code));
                Some(self.place.event(FindingKind::ReasonLost, reason.event, why, reason.at))
            }
        });
        Ok(lost.collect())
    }

    async fn commit(
        &mut self,
        entries: Vec<Entry>,
        producers: Producers,
        next_offset: u64,
    ) -> Result<(), Error> {
        let log = LogName::Partition(self.place.partition);
        let rows = self.seal(&entries).await?;
        let leaves: Vec<_> = rows.iter().map(|new| leaf::hash(&new.row.sealed.commitment)).collect();
        let staged = self.edge.stage(&leaves).map_err(|_| Error::TreeFull(log))?;
        let batch = Batch {
            partition: self.place.partition,
            fence: self.fence,
            on: self.edge.size(),
            tree: staged.edge.head(),
            next_offset,
            producers: changed(&self.producers, &producers),
            rows,
        };
        self.shared.store.stage(&batch).await?;
        match self.shared.store.commit(&batch).await? {
            Committed::Done => {}
            Committed::Fenced => return Err(Error::Fenced(log)),
        }
        for (index, found) in (batch.on..).zip(&entries).filter(|(_, entry)| entry.actor == finding::ACTOR) {
            let (action, facts) = (&found.action, &found.facts);
            warn!(%log, index, action, ?facts, about = ?found.objects, "the ledger has found something");
        }
        self.head = Head { tree: batch.tree, next_offset, ..self.head };
        self.edge = staged.edge;
        self.producers = producers;
        self.publisher.add(&leaves);
        let bytes: u64 = batch.rows.iter().map(|new| new.row.sealed.bytes.len() as u64).sum();
        if bytes > 0 {
            self.unflushed += bytes;
            self.unflushed_since.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    async fn seal(&self, entries: &[Entry]) -> Result<Vec<NewRow>, Error> {
        let mut keys: BTreeMap<&TenantId, Arc<LedgerKeys>> = BTreeMap::new();
        for tenant in entries.iter().map(|entry| &entry.tenant).collect::<BTreeSet<_>>() {
            keys.insert(tenant, self.shared.keys.keys(tenant).await?);
        }
        let rows = (self.edge.size()..).zip(entries).map(|(index, entry)| {
            let keys = &keys[&entry.tenant];
            let sealed = keys.seal(entry).map_err(|source| Error::Unsealed { event: entry.event, source })?;
            let tenant = entry.tenant.clone();
            let row = Row { partition: self.place.partition, index, tenant, at: entry.at, sealed };
            Ok(NewRow { row, terms: keys.terms(entry) })
        });
        rows.collect()
    }

    /// Puts it into the ledger when a producer has neither beaten nor said goodbye.
    async fn tell_silent(&mut self) -> Result<(), Error> {
        let patience = self.shared.config.silence.0;
        let is_silent = |producer: &&mut Producer| {
            let heard = self.heard.get(&producer.id);
            producer.state == ProducerState::Running && heard.is_none_or(|at| at.elapsed() >= patience)
        };
        let mut producers = self.producers.clone();
        let (mut entries, now) = (Vec::new(), self.shared.clock.now());
        for producer in producers.values_mut().filter(is_silent) {
            producer.state = ProducerState::Silent;
            entries.push(self.place.silent(producer.id, producer.last, now));
        }
        if entries.is_empty() {
            return Ok(());
        }
        self.commit(entries, producers, self.head.next_offset).await?;
        // It follows from no record: it must be in objects before a checkpoint names it.
        self.flush().await.map(drop)
    }

    /// Puts every entry that is in the index alone into objects.
    async fn flush(&mut self) -> Result<Option<u64>, Error> {
        if self.head.stored == self.head.tree.size {
            return Ok(None);
        }
        let flush = Flush { shared: &self.shared, place: self.place };
        flush.run(&self.head, &self.producers).await?;
        self.head.stored = self.head.tree.size;
        (self.unflushed, self.unflushed_since) = (0, None);
        Ok(Some(self.head.next_offset))
    }
}

fn changed(before: &Producers, after: &Producers) -> Vec<Producer> {
    after.values().filter(|producer| before.get(&producer.id) != Some(producer)).copied().collect()
}

#[cfg(test)]
mod tests;
