//! The sealing of a recording: its purposes' entries follow the folded timeline, and the root goes.
//!
//! [`plan`] decides what becomes of each entry from sets of spans alone; here is the order in which it is
//! done. Entries first, then consent is asked again, then the `sealing` entries go or shrink: whatever breaks
//! in between, the same request asked again ends in the same state. Once a recording is sealed its timeline and
//! its policy are frozen: a request under others may take away and adds nothing. What was erased is never asked
//! for, whatever the request says.

pub mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kernel::{PurposeName, RecordingId, TenantId, Use};
use seal::page::SEALING;
use seal::{Cover, Entry, Hash, SectionAddress, SpanSet};
use tracing::info;

use crate::consent::{Basis, ConsentPort};
use crate::error::Error;
use crate::marks::left;
use crate::pages::{Pages, key_of};
use crate::sections::{RESERVED, reserved};
use crate::store::{EntryKey, KeyStore, Locator, LocatorState, RecordingRow, RecordingState, Written};
use plan::{Mode, Standing, Step};

/// What archive asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealRequest {
    /// Which recording.
    pub recording: RecordingId,
    /// The spans that each purpose may use of each section; empty sets ask for nothing.
    pub entries: Vec<(EntryKey, SpanSet)>,
    /// The purposes among them that rest on consent.
    pub on_consent: BTreeSet<PurposeName>,
    /// Whether every frame lies in a span seen, or was dropped.
    pub completeness: Completeness,
    /// Hash of the tenant's policy when the call opened.
    pub policy_hash: Hash,
    /// Hash of the folded timeline.
    pub timeline_hash: Hash,
    /// Hash of the span table.
    pub span_table_hash: Hash,
}

impl SealRequest {
    /// Whether the row was begun under the same timeline and policy.
    fn is_of(&self, row: &RecordingRow) -> bool {
        row.frozen() == (self.timeline_hash, self.policy_hash)
    }
}

/// What is still to come of a recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Completeness {
    /// Nothing: the roots go.
    Complete,
    /// Spans other than those seen, by section: the roots shrink to them.
    Gaps(BTreeMap<SectionAddress, SpanSet>),
}

/// What stands after the sealing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sealed {
    /// The spans that each entry opens now.
    pub entries: BTreeMap<EntryKey, SpanSet>,
    /// Purposes whose basis was gone, with consent's reason.
    pub gone: BTreeMap<PurposeName, String>,
}

/// Seals recordings.
pub struct Sealing {
    store: Arc<dyn KeyStore>,
    pages: Arc<Pages>,
    consent: Arc<dyn ConsentPort>,
}

/// A recording's entries as they stand, opened.
type Opened = BTreeMap<EntryKey, (Locator, Option<Entry>)>;

impl Sealing {
    /// Writes into these pages, and asks this consent.
    pub fn new(store: Arc<dyn KeyStore>, pages: Arc<Pages>, consent: Arc<dyn ConsentPort>) -> Self {
        Self { store, pages, consent }
    }

    /// Brings a recording's entries to what is asked, as far as bases stand and keys are still there.
    pub async fn seal(&self, tenant: &TenantId, request: &SealRequest) -> Result<Sealed, Error> {
        let (row, mode) = self.begin(tenant, request).await?;
        let mut gone = self.gone(tenant, request).await?;
        let opened = self.open(tenant, request.recording).await?;
        self.bring_about(tenant, request, &gone, mode, opened).await?;

        // A withdrawal that crossed the writing: consent committed it before it published it.
        let gone_since = self.gone(tenant, request).await?;
        if gone_since.keys().any(|purpose| !gone.contains_key(purpose)) {
            gone.extend(gone_since);
            let opened = self.open(tenant, request.recording).await?;
            self.bring_about(tenant, request, &gone, mode, opened).await?;
        }
        // An erasure that crossed the writing marks first and lists what is written then.
        self.pages.apply_marks(tenant, request.recording).await?;
        let opened = self.open(tenant, request.recording).await?;
        self.shrink_roots(tenant, &request.completeness, &opened).await?;
        self.finish(row, request).await?;

        let taken = self.pages.apply_marks(tenant, request.recording).await?;
        let opened = if taken.is_nothing() { opened } else { self.open(tenant, request.recording).await? };
        let entries = standing(&opened);
        info!(recording = %request.recording, entries = entries.len(), gone = gone.len(), "recording keyed");
        Ok(Sealed { entries, gone })
    }

    /// Puts timeline and policy, under which the entries are written, into the recording's row.
    async fn begin(&self, tenant: &TenantId, request: &SealRequest) -> Result<(RecordingRow, Mode), Error> {
        let recording = request.recording;
        let before = self.store.recording(tenant, recording).await?;
        if let Some(row) = &before
            && row.state == RecordingState::Sealed
        {
            let mode = if request.is_of(row) { Mode::Follow } else { Mode::OnlyLess };
            return Ok((row.clone(), mode));
        }
        let row = RecordingRow {
            tenant: tenant.clone(),
            recording,
            version: before.map_or(1, |row| row.version + 1),
            state: RecordingState::Sealing,
            policy_hash: request.policy_hash,
            timeline_hash: request.timeline_hash,
            span_table_hash: request.span_table_hash,
        };
        match self.store.save_recording(&row).await? {
            Written::Applied => Ok((row, Mode::Follow)),
            Written::Conflict => self.follow(tenant, request).await,
        }
    }

    /// Another instance began at the same moment: under the same timeline and policy both go on.
    async fn follow(&self, tenant: &TenantId, request: &SealRequest) -> Result<(RecordingRow, Mode), Error> {
        let row = self.store.recording(tenant, request.recording).await?;
        let same = row.filter(|row| request.is_of(row));
        same.map(|row| (row, Mode::Follow)).ok_or(Error::Overtaken(request.recording))
    }

    async fn finish(&self, row: RecordingRow, request: &SealRequest) -> Result<(), Error> {
        let sealed = RecordingRow {
            state: RecordingState::Sealed,
            span_table_hash: request.span_table_hash,
            ..row.clone()
        };
        if sealed == row {
            return Ok(());
        }
        let next = RecordingRow { version: row.version + 1, ..sealed };
        match self.store.save_recording(&next).await? {
            Written::Applied => Ok(()),
            Written::Conflict => {
                let tenant = &next.tenant;
                let now = self.store.recording(tenant, request.recording).await?;
                let same = now.is_some_and(|now| next.frozen() == now.frozen());
                if same { Ok(()) } else { Err(Error::Overtaken(request.recording)) }
            }
        }
    }

    /// The purposes on consent whose basis does not stand now. A consent that does not answer ends the
    /// sealing; archive asks again.
    async fn gone(
        &self,
        tenant: &TenantId,
        request: &SealRequest,
    ) -> Result<BTreeMap<PurposeName, String>, Error> {
        let mut gone = BTreeMap::new();
        for purpose in &request.on_consent {
            match self.consent.basis(tenant, request.recording, purpose, Use::Probe).await? {
                Basis::Stands => {}
                Basis::Gone(reason) => {
                    gone.insert(purpose.clone(), reason);
                }
            }
        }
        Ok(gone)
    }

    async fn open(&self, tenant: &TenantId, recording: RecordingId) -> Result<Opened, Error> {
        let mut opened = Opened::new();
        for locator in self.pages.locators(tenant, recording).await? {
            let entry = self.pages.open(tenant, &locator).await?;
            opened.insert(locator.key.clone(), (locator, entry));
        }
        Ok(opened)
    }

    /// Takes the steps that the plan names: new entries in one batch per page, then changes one by one.
    async fn bring_about(
        &self,
        tenant: &TenantId,
        request: &SealRequest,
        gone: &BTreeMap<PurposeName, String>,
        mode: Mode,
        opened: Opened,
    ) -> Result<(), Error> {
        let marks = self.pages.marks(tenant, request.recording).await?;
        let mut asked: BTreeMap<EntryKey, SpanSet> = BTreeMap::new();
        for (key, spans) in request.entries.iter().filter(|(key, _)| !gone.contains_key(&key.purpose)) {
            let spans = left(&marks, key, spans);
            let both = asked.get(key).map_or_else(|| spans.clone(), |had| had.union(&spans));
            asked.insert(key.clone(), both);
        }
        let sealing = reserved(SEALING);
        let root = |section: SectionAddress| {
            let (_, entry) = opened.get(&EntryKey { section, purpose: sealing.clone() })?;
            entry.as_ref().map(|entry| &entry.cover)
        };
        let roots = opened.keys().map(|key| key.section);
        let roots = roots.filter_map(|section| Some((section, root(section)?.spans()))).collect();
        let steps = plan::plan(&asked, &purposes(&opened), &roots, mode);

        let mut additions = Vec::new();
        for (key, step) in steps {
            let cover = |spans: &SpanSet| {
                let own = opened.get(&key).and_then(|(_, entry)| entry.as_ref()).map(|entry| &entry.cover);
                derive(own, root(key.section), spans)
            };
            let entry = |spans: &SpanSet| Entry {
                section: key.section,
                purpose: key.purpose.clone(),
                cover: cover(spans),
            };
            match &step {
                Step::Add(spans) => additions.push(entry(spans)),
                Step::Rewrite(spans) => {
                    let (locator, before) = &opened[&key];
                    if let Some(before) = before {
                        self.pages.replace(tenant, locator, before, &entry(spans)).await?;
                    }
                }
                Step::Remove => self.pages.remove(tenant, &opened[&key].0).await?,
            }
        }
        if !additions.is_empty() {
            self.pages.place(tenant, &additions).await?;
        }
        Ok(())
    }

    async fn shrink_roots(
        &self,
        tenant: &TenantId,
        completeness: &Completeness,
        opened: &Opened,
    ) -> Result<(), Error> {
        for (key, (locator, entry)) in opened.iter().filter(|(key, _)| key.purpose.as_str() == SEALING) {
            let Some(entry) = entry else { continue };
            let have = entry.cover.spans();
            let left = match completeness {
                Completeness::Complete => SpanSet::EMPTY,
                Completeness::Gaps(seen) => match seen.get(&key.section) {
                    Some(seen) => have.difference(seen),
                    None => continue,
                },
            };
            if left.is_empty() {
                self.pages.remove(tenant, locator).await?;
            } else if left != have {
                let shrunk = Entry { cover: entry.cover.restrict(&left), ..entry.clone() };
                self.pages.replace(tenant, locator, entry, &shrunk).await?;
            }
        }
        Ok(())
    }
}

/// Nodes for these spans, from the entry itself as far as it has them, the rest from the root.
fn derive(own: Option<&Cover>, root: Option<&Cover>, spans: &SpanSet) -> Cover {
    let own = own.map(|cover| cover.restrict(spans)).unwrap_or_default();
    let missing = spans.difference(&own.spans());
    root.map_or_else(|| own.clone(), |root| own.union(&root.restrict(&missing)))
}

/// How the entries of readers' purposes stand.
fn purposes(opened: &Opened) -> BTreeMap<EntryKey, Standing> {
    let readers = opened.iter().filter(|(key, _)| !RESERVED.contains(&key.purpose.as_str()));
    let standing = readers.map(|(key, (locator, entry))| {
        let standing = match (locator.state, entry) {
            (LocatorState::Claimed, Some(entry)) => Standing::Opens(entry.cover.spans()),
            (LocatorState::Claimed, None) => Standing::Claimed,
            (LocatorState::Removed, _) => Standing::Removed,
        };
        (key.clone(), standing)
    });
    standing.collect()
}

fn standing(opened: &Opened) -> BTreeMap<EntryKey, SpanSet> {
    let readers = opened.values().filter_map(|(_, entry)| entry.as_ref());
    let readers = readers.filter(|entry| !RESERVED.contains(&entry.purpose.as_str()));
    readers.map(|entry| (key_of(entry), entry.cover.spans())).collect()
}

#[cfg(test)]
mod tests;
