//! The one writer of one partition's log.
//!
//! Records become leaves in one order: read, find what is known, plan, hand reasons to crypto, seal, stage under
//! the fence, commit the head, publish. What fails before the commit has never been; what fails after it is made
//! up from committed state. After any error the writer is dropped and the log claimed anew, because an answer
//! that was lost may have been a commit.
//!
//! In an incarnation that follows another the topic is read from its beginning: an event that any incarnation has is
//! dropped, and producers have come as far as they had before, so that what the topic still holds and the closed
//! history had not is entered, and what neither has is a gap that is found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use eventlog::Stored;
use futures::{StreamExt, TryStreamExt, stream};
use kernel::{EventId, InstanceId, TenantId};
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
use crate::name::LogName;
use crate::plan::{self, Plan, Producers, Reason};
use crate::publisher::Publisher;
use crate::rebuild::{catch_up, stored};
use crate::shared::Shared;
use crate::store::{Batch, Begun, Committed, Generation, Head, NewRow, Part, Producer, ProducerState, Row};
use crate::succession::Succession;

/// Reasons handed to crypto at once.
const REASONS_AT_ONCE: usize = 16;

/// A partition's log, taken over.
pub(crate) struct Partition {
    shared: Shared,
    place: Place,
    /// What its incarnation follows.
    after: Option<Succession>,
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
    /// Up to which offset the group was told that it is through.
    told: u64,
}

/// Whether entries go into objects now, or when their time has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    Due,
    Now,
}

impl Partition {
    /// Takes a partition's log over.
    pub(crate) async fn open(shared: Shared, begun: Begun, partition: u32) -> Result<Self, Error> {
        let place = Place { era: begun.era, partition };
        let (log, part) = (LogName::Partition(partition), place.part());
        catch_up(&shared, place.era, log).await?;
        let claim = shared.store.claim(place.era.log(log)).await?;
        let mut head = claim.head;
        let shelf = shared.shelf(place.incarnation(), log);
        let (signer, store) = (Arc::clone(&shared.signer), Arc::clone(&shared.store));
        let (publisher, edge) = Publisher::open(shelf, signer, store, place.era.log(log), &head).await?;
        if publisher.published() < head.published.size {
            // Objects that lack tiles lack entries too.
            head.stored = head.stored.min(stored(&shared, place.era, partition).await?);
        }
        let producers = producers(&shared, part).await?;
        let mut unflushed = unflushed(shared.store.as_ref(), part, head.stored).await?;
        if head.stored < claim.head.stored {
            // They were in objects before: that they are not is put right at once.
            unflushed = unflushed.max(shared.config.entry_object_size.0);
        }
        let now = Instant::now();
        Ok(Self {
            place,
            after: begun.after,
            fence: claim.fence,
            head,
            edge,
            heard: producers.keys().map(|id| (*id, now)).collect(),
            producers,
            publisher,
            unflushed,
            unflushed_since: (unflushed > 0).then_some(now),
            told: 0,
            shared,
        })
    }

    /// Publishes what is committed of a log that is to be closed, and adds nothing.
    pub(crate) async fn finish(mut self) -> Result<(), Error> {
        self.flush().await?;
        self.publisher.publish(Vec::new()).await
    }

    /// The committed log's size.
    pub(crate) fn size(&self) -> u64 {
        self.head.tree.size
    }

    /// Whether these records, which the topic has before the first one that is not in the log, are those that the log
    /// is of; where none of them is an act nobody can tell. A topic that was restored or made anew counts its records
    /// anew.
    pub(crate) async fn is_of(&self, before: &[Stored]) -> Result<bool, Error> {
        let roots = self.shared.keys.roots(Freshness::Kept).await?;
        let arrivals = before.iter().map(|record| arrival::read(record, self.place.partition, &roots));
        let events: BTreeSet<EventId> = plan::events(&arrivals.collect::<Vec<_>>()).into_iter().collect();
        let events: Vec<_> = events.into_iter().collect();
        let known = self.shared.store.known(self.place.part(), &events).await?;
        Ok(known.len() == events.len())
    }

    /// Goes on at another offset: the topic is not the one that the log's own is of. Events that come again are dropped.
    pub(crate) async fn rewind(&mut self, next_offset: u64) -> Result<(), Error> {
        match self.shared.store.rewind(self.place.part(), self.fence, next_offset).await? {
            Committed::Done => {}
            Committed::Fenced => return Err(Error::Fenced(LogName::Partition(self.place.partition))),
        }
        self.head.next_offset = next_offset;
        Ok(())
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
        let known = self.shared.store.known(self.place.part(), &plan::events(&arrivals)).await?;
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
        if !self.publisher.is_behind() {
            self.tell_lost().await?;
            self.tell_silent().await?;
        }
        let due = self.unflushed >= self.shared.config.entry_object_size.0
            || self
                .unflushed_since
                .is_some_and(|since| since.elapsed() >= self.shared.config.entry_object_age.0);
        let flushed = if due || when == When::Now { self.flush().await? } else { None };
        self.publisher.publish(Vec::new()).await?;
        Ok(flushed)
    }

    /// Up to which offset the group is to be told that it is through, where that has changed and every entry before is in
    /// an object. That is further than what the topic may forget: a record that adds no entry, as a heartbeat, one that
    /// came again or the last before entries that follow from no record, is in none, and whoever waits until all was
    /// read would wait for the next entry.
    pub(crate) fn passed(&mut self) -> Option<u64> {
        let is_through = self.head.stored == self.head.tree.size && self.told < self.head.next_offset;
        is_through.then(|| {
            self.told = self.head.next_offset;
            self.told
        })
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
        self.publisher.check(self.edge.size(), &leaves).await?;
        let staged = self.edge.stage(&leaves).map_err(|_| Error::TreeFull(log))?;
        let batch = Batch {
            part: self.place.part(),
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
            let row = Row { part: self.place.part(), index, tenant, at: entry.at, sealed };
            Ok(NewRow { row, terms: keys.terms(entry) })
        });
        rows.collect()
    }

    /// Begins the first partition of an incarnation that follows another by saying so.
    async fn tell_lost(&mut self) -> Result<(), Error> {
        let Some(after) = self.after.take().filter(|_| self.place.partition == 0 && self.size() == 0) else {
            return Ok(());
        };
        let entry = self.place.history_lost(&after, self.shared.clock.now());
        self.commit(vec![entry], self.producers.clone(), self.head.next_offset).await?;
        // It follows from no record.
        self.flush().await.map(drop)
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

/// How far producers have come in a partition, over all incarnations up to this one.
async fn producers(shared: &Shared, part: Part) -> Result<Producers, Error> {
    let mut all = Producers::new();
    let mut next = Some(Generation::FIRST);
    while let Some(generation) = next.filter(|own| *own <= part.generation()) {
        let of = Part::of(generation, part.partition());
        all.extend(shared.store.producers(of).await?.into_iter().map(|own| (own.id, own)));
        next = generation.next();
    }
    Ok(all)
}

fn changed(before: &Producers, after: &Producers) -> Vec<Producer> {
    after.values().filter(|producer| before.get(&producer.id) != Some(producer)).copied().collect()
}

#[cfg(test)]
mod tests;
