//! One partition: batches in order, packs, and how far the log may be forgotten.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use eventlog::{Batch, Stored};
use futures::{StreamExt, TryStreamExt, stream};
use kernel::{ErrorCode, ServiceError, SpanNo, Timestamp, chain};
use proto::ingest::v1::LegOpened;
use seal::SpanSet;
use tokio::time::Instant;
use tracing::{debug, error, warn};

use super::Consumer;
use crate::decode::{Incoming, More, decode};
use crate::error::Error;
use crate::fact::{Fact, RecordingKey, SectionKey, What};
use crate::packer::{Held, Limits, Offered, Packer};
use crate::sealing::{Need, need};
use crate::shelf::{Misfit, Quarantined};
use crate::store::Recording;

/// Sections whose keys are adopted at once.
const ADOPTING_MAX: usize = 8;
/// Recordings looked at in one query.
const PAGE: usize = 500;
/// Recordings that are remembered as due; the store knows of all.
const DUE_MAX: usize = 10_000;
/// A partition that is this far behind does not know that a call is silent.
const BEHIND: Duration = Duration::from_secs(60);

/// One partition's state in memory; all of it comes again from the log and the store.
pub(super) struct Worker {
    parts: Consumer,
    partition: u32,
    next: u64,
    committed: u64,
    /// Up to where the log was asked to forget, as far as this process knows.
    forgotten: u64,
    packer: Packer,
    sections: BTreeMap<SectionKey, Section>,
    /// From when on everything that the log had was heard.
    heard_since: Option<Timestamp>,
    /// When the log took the last record that was dealt with.
    last_at: Option<Timestamp>,
    /// Recordings that the log has closed, to be settled in this order.
    due: VecDeque<RecordingKey>,
    /// Where a tick stopped whose time was over.
    considered: Option<RecordingKey>,
    /// A recording could not be settled since ticks last began at the first.
    held_up: bool,
}

/// What is known of a section that spans came of.
struct Section {
    stored: SpanSet,
    is_settled: bool,
}

/// A section whose key crypto is to take, and the record that brought it.
struct Adopting {
    recording: RecordingKey,
    leg_opened: LegOpened,
    offset: u64,
    bytes: Bytes,
}

/// What a batch asks for, in the order in which it is done.
#[derive(Default)]
struct Work {
    adopt: Vec<Adopting>,
    facts: Vec<Fact>,
    /// The latest sign of life of each recording: one row a batch, not one a span.
    heard: BTreeMap<RecordingKey, Fact>,
    settle: BTreeSet<RecordingKey>,
}

impl Work {
    fn learn(&mut self, facts: Vec<Fact>) {
        for fact in facts {
            if fact.what == What::Heard {
                let latest = self.heard.entry(fact.recording.clone()).or_insert_with(|| fact.clone());
                latest.at = latest.at.max(fact.at);
            } else {
                self.facts.push(fact);
            }
        }
    }
}

impl Worker {
    pub(super) fn new(parts: Consumer, partition: u32, next: u64) -> Self {
        let limits = Limits {
            object_bytes: parts.config.object_size.as_usize(),
            buffer_bytes: parts.config.buffer_size.as_usize(),
            idle: parts.config.idle.0,
        };
        let packer = Packer::new(limits);
        let sections = BTreeMap::new();
        Self {
            parts,
            partition,
            next,
            committed: next,
            forgotten: 0,
            packer,
            sections,
            heard_since: None,
            last_at: None,
            due: VecDeque::new(),
            considered: None,
            held_up: false,
        }
    }

    /// The offset of the first record that was not dealt with.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Whether a recording that should have been settled was not.
    pub(super) fn is_held_up(&self) -> bool {
        self.held_up
    }

    /// How far the log may be forgotten, where that is further than committed.
    pub(super) fn uncommitted(&self) -> Option<u64> {
        let safe = self.packer.lowest_offset().unwrap_or(self.next).min(self.next);
        (safe > self.committed).then_some(safe)
    }

    /// Remembers a commit.
    pub(super) fn committed(&mut self, offset: u64) {
        self.committed = offset;
    }

    /// How far the log is to forget: what is committed, where it was not asked to yet. A deletion that failed, or that
    /// whoever had the partition before did not come to, is asked for again.
    pub(super) fn unforgotten(&self) -> Option<u64> {
        (self.committed > self.forgotten).then_some(self.committed)
    }

    /// Remembers that the log has forgotten.
    pub(super) fn forgotten(&mut self, offset: u64) {
        self.forgotten = offset;
    }

    /// Deals with a batch. Where it fails, nothing of it counts as dealt with, and it may be given again.
    pub(super) async fn absorb(&mut self, batch: Batch) -> Result<(), Error> {
        let mut work = Work::default();
        let (mut next, mut last_at) = (self.next, self.last_at);
        for record in batch.records {
            (next, last_at) = (record.offset + 1, Some(record.timestamp));
            self.read(&record, &mut work).await?;
        }
        self.adopt(work.adopt).await?;
        let facts = work.facts.into_iter().chain(work.heard.into_values()).collect();
        self.parts.store.record(facts).await?;
        work.settle.iter().for_each(|recording| self.packer.close_recording(recording));
        self.flush().await?;
        (self.next, self.last_at) = (next, last_at);
        for recording in work.settle {
            if self.due.len() < DUE_MAX && !self.due.contains(&recording) {
                self.due.push_back(recording);
            }
        }
        Ok(())
    }

    /// Whether recordings wait to be settled by [`Self::settle_due`].
    pub(super) fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Settles what the log has closed: one recording, and more until the time is over.
    pub(super) async fn settle_due(&mut self, until: Instant) {
        while let Some(recording) = self.due.pop_front() {
            self.settle(&recording).await;
            if Instant::now() >= until {
                return;
            }
        }
    }

    /// Looks at timers, until the time is over; the next time goes on from there. `high` is the partition's end.
    pub(super) async fn tick(&mut self, high: u64, until: Instant) -> Result<(), Error> {
        let now = self.parts.clock.now();
        if self.considered.is_none() {
            self.held_up = false;
        }
        self.listen(high, now);
        self.packer.close_idle(now);
        self.flush().await?;
        loop {
            let page = self.parts.store.unsettled(self.partition, self.considered.as_ref(), PAGE).await?;
            for row in &page {
                self.consider(row, now).await?;
                self.considered = Some(row.key.clone());
                if Instant::now() >= until {
                    return Ok(());
                }
            }
            if page.len() < PAGE {
                self.considered = None;
                return Ok(());
            }
        }
    }

    /// Silence counts only from when everything that the log had was heard.
    fn listen(&mut self, high: u64, now: Timestamp) {
        let caught_up = self.next >= high;
        let close_behind = self.last_at.is_some_and(|at| now.since(at) < BEHIND);
        if caught_up {
            self.heard_since.get_or_insert(now);
        } else if !close_behind {
            self.heard_since = None;
        }
    }

    async fn consider(&mut self, row: &Recording, now: Timestamp) -> Result<(), Error> {
        // Nothing is abandoned before it is known that nothing more is in the log.
        let heard_since = self.heard_since.unwrap_or(now);
        match need(row, now, heard_since, &self.parts.config) {
            Need::Wait => {}
            Need::Judge | Need::Abandon | Need::Finish | Need::Addend => {
                self.packer.close_recording(&row.key);
                self.flush().await?;
                self.settle(&row.key).await;
            }
        }
        Ok(())
    }

    async fn read(&mut self, record: &Stored, work: &mut Work) -> Result<(), Error> {
        let Incoming { facts, more } = match decode(record, self.partition) {
            Ok(incoming) => incoming,
            Err(bad) => {
                let (partition, offset) = (self.partition, record.offset);
                error!(
                    partition,
                    offset,
                    error = chain(&bad),
                    "an audio record cannot be read and is set aside"
                );
                return self.set_aside(offset, Misfit::Unreadable, record.value.clone()).await;
            }
        };
        work.learn(facts);
        match more {
            More::Nothing => {}
            More::Adopt(recording, leg_opened) => {
                let (offset, bytes) = (record.offset, record.value.clone());
                work.adopt.push(Adopting { recording, leg_opened, offset, bytes });
            }
            More::Pack(section, held) => {
                let (offset, container) = (held.offset, held.container.clone());
                let is_settled = self.section(&section).await?.is_settled;
                if self.pack(&section, held).await? == Offered::Differs {
                    error!(recording = %section.recording.id, offset, "a span came again with other bytes");
                    self.set_aside(offset, Misfit::OtherBytes, container).await?;
                } else if is_settled {
                    work.settle.insert(section.recording);
                }
            }
            More::Settle(recording) => {
                work.settle.insert(recording);
            }
        }
        Ok(())
    }

    async fn pack(&mut self, section: &SectionKey, held: Held) -> Result<Offered, Error> {
        if self.section(section).await?.stored.contains(held.span) {
            let stored = self.parts.store.span_root(section, held.span).await?;
            return Ok(if stored == Some(held.ct_root) { Offered::Same } else { Offered::Differs });
        }
        Ok(self.packer.offer(section, held, self.parts.clock.now()))
    }

    async fn section(&mut self, key: &SectionKey) -> Result<&mut Section, Error> {
        if !self.sections.contains_key(key) {
            let stored = self.parts.store.stored_spans(key).await?;
            let row = self.parts.store.recording(&key.recording).await?;
            let is_settled = row.is_some_and(|row| row.state.is_settled());
            self.sections.insert(key.clone(), Section { stored, is_settled });
        }
        Ok(self.sections.get_mut(key).expect("it was put there"))
    }

    async fn adopt(&self, sections: Vec<Adopting>) -> Result<(), Error> {
        let adopting = sections.into_iter().map(|section| self.adopt_one(section));
        stream::iter(adopting).buffer_unordered(ADOPTING_MAX).try_collect().await
    }

    /// A key that crypto will never take may not keep the partition, which all tenants share, from going on.
    async fn adopt_one(&self, section: Adopting) -> Result<(), Error> {
        let Adopting { recording, leg_opened, offset, bytes } = section;
        match self.parts.mesh.adopt(&recording.tenant, leg_opened).await {
            Err(error) if matches!(error.code(), ErrorCode::InvalidArgument | ErrorCode::AlreadyExists) => {
                let partition = self.partition;
                error!(recording = %recording.id, partition, offset, error = chain(&error),
                    "crypto refuses a section's key, and its record is set aside");
                self.set_aside(offset, Misfit::KeyRefused, bytes).await
            }
            answered => answered,
        }
    }

    async fn flush(&mut self) -> Result<(), Error> {
        while let Some(pack) = self.packer.ready() {
            self.parts.shelf.put(pack, self.partition).await?;
            let spans: Vec<SpanNo> = pack.spans.iter().map(|held| held.span).collect();
            debug!(recording = %pack.section.recording.id, spans = spans.len(), "spans are in an object");
            let stored = SpanSet::from_spans(spans)?;
            if let Some(section) = self.sections.get_mut(&pack.section) {
                section.stored = section.stored.union(&stored);
            }
            self.packer.stored();
        }
        Ok(())
    }

    /// Settles a recording as far as it can be now; what fails is done again by a later tick, because the
    /// store knows that it is owed.
    async fn settle(&mut self, recording: &RecordingKey) {
        let heard_since = self.heard_since.unwrap_or_else(|| self.parts.clock.now());
        let settled = match self.parts.store.recording(recording).await {
            Ok(Some(row)) => self.parts.sealer.settle(&row, heard_since).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = settled {
            self.held_up = true;
            warn!(recording = %recording.id, error = chain(&error), "a recording is not settled yet");
        }
        // Read afresh when another span comes: whether it is late is the store's to say.
        self.sections.retain(|section, _| section.recording != *recording);
    }

    async fn set_aside(&self, offset: u64, misfit: Misfit, bytes: Bytes) -> Result<(), Error> {
        let at = Quarantined { partition: self.partition, offset };
        self.parts.shelf.quarantine(at, misfit, bytes).await
    }
}
