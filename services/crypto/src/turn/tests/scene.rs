//! A tenant's entries in an epoch: some stand, some were narrowed, some removed, and somebody has kept what these were.

use std::collections::BTreeMap;
use std::ops::Range;

use journal::{About, Kind};
use kernel::{KeyEpoch, PageId, RecordingId};
use seal::{Entry, EpochKey, LegKey, PageKey, SpanSet, WrapContext};

use crate::backend::{Error as BackendError, KeyBackend, KeyName};
use crate::canary::CanaryCase;
use crate::pages::{key_of, unwrap_key};
use crate::service::Service;
use crate::store::{EntryBody, EntryKey, EpochState, Locator, NextGeneration, PageRow, PageState, Written};
use crate::testing::{Bench, purpose, section, spans, tenant};

pub(super) struct Scene {
    pub(super) bench: Bench,
    /// What each entry opens that stands.
    pub(super) standing: BTreeMap<EntryKey, SpanSet>,
    /// What was removed or narrowed, as it was before.
    pub(super) removed: Vec<CanaryCase>,
}

impl Scene {
    /// Two pages of more entries than one write takes, from one of which something was removed, and a page of its own.
    pub(super) async fn new() -> Self {
        Self::of(130).await
    }

    pub(super) async fn of(count: u16) -> Self {
        let bench = Bench::new().await;
        let key = LegKey::generate().unwrap();
        let make = |recording, leg, name: &str, cover: &SpanSet| Entry {
            section: section(recording, leg),
            purpose: purpose(name),
            cover: key.cover(cover),
        };
        let recording = RecordingId::new();
        let every_second = SpanSet::from_ranges((0..1_500).map(|n| 2 * n..2 * n + 1)).unwrap();
        let mut entries = vec![make(recording, 900, "training", &every_second)];
        for leg in 0..count {
            entries.push(make(recording, leg, "quality", &spans(0..10)));
            entries.push(make(recording, leg, "mifid2-transaction", &spans(0..20)));
        }
        bench.service.pages.place(&tenant(), &entries).await.unwrap();
        let standing = entries.iter().map(|entry| (key_of(entry), entry.cover.spans())).collect();
        let mut scene = Self { bench, standing, removed: Vec::new() };
        let locators = scene.bench.service.pages.locators(&tenant(), recording).await.unwrap();
        let quality = locators.iter().filter(|locator| locator.key.purpose == purpose("quality"));
        for (index, locator) in quality.enumerate().filter(|(index, _)| index % 3 != 2) {
            scene.keep(locator).await;
            match index % 3 {
                0 => scene.remove(locator).await,
                _ => scene.narrow(locator, 2..5).await,
            }
        }
        scene
    }

    async fn remove(&mut self, locator: &Locator) {
        self.bench.service.pages.remove(&tenant(), locator).await.unwrap();
        self.standing.remove(&locator.key);
    }

    async fn narrow(&mut self, locator: &Locator, to: Range<u32>) {
        let pages = &self.bench.service.pages;
        let before = pages.open(&tenant(), locator).await.unwrap().unwrap();
        let narrowed = Entry { cover: before.cover.restrict(&spans(to.clone())), ..before.clone() };
        assert!(pages.replace(&tenant(), locator, &before, &narrowed).await.unwrap());
        self.standing.insert(locator.key.clone(), spans(to));
    }

    /// What somebody has who has copied the key tables.
    async fn keep(&mut self, locator: &Locator) {
        let row = self.bench.store.page(locator.place.page).await.unwrap().unwrap();
        let slot = self.bench.store.entry(locator.place).await.unwrap().unwrap();
        let EntryBody::Sealed(sealed) = slot.body else { panic!("not sealed") };
        let (generation, key_epoch) = (row.generation, row.epoch);
        let case =
            CanaryCase { page: row.page, generation, slot: slot.slot, key_epoch, key: row.key, sealed };
        self.removed.push(case);
    }

    /// How many of what was removed open with some key that is there.
    pub(super) async fn removed_that_open(&self) -> usize {
        let mut opened = vec![false; self.removed.len()];
        for row in self.bench.store.epochs(&tenant()).await.unwrap() {
            let name = KeyName::Epoch(tenant(), row.epoch);
            let context = WrapContext::EpochKey { tenant: tenant(), epoch: row.epoch };
            let Ok(kek) = self.bench.backend.unwrap(&name, &context, &row.kek).await else {
                assert_eq!(row.state, EpochState::Destroyed);
                continue;
            };
            let kek = EpochKey::from_slice(&kek).unwrap();
            let pages = self.pages(row.epoch.0).await;
            let keys: Vec<PageKey> = pages.iter().map(|page| unwrap_key(&kek, page).unwrap()).collect();
            for (case, opened) in self.removed.iter().zip(&mut opened) {
                *opened |= case.opens_by(&tenant(), row.epoch, &kek);
                *opened |= keys.iter().any(|key| case.opens_with(&tenant(), key));
            }
        }
        opened.into_iter().filter(|opened| *opened).count()
    }

    /// Every entry that stands opens what it should, where its locator leads and with the keys in hand; none is
    /// missing and there is no other.
    pub(super) async fn assert_standing(&self, service: &Service) {
        let in_hand = self.bench.entries_in_hand().await;
        let count = in_hand.len();
        let found: BTreeMap<_, _> =
            in_hand.iter().map(|entry| (key_of(entry), entry.cover.spans())).collect();
        assert_eq!(count, found.len(), "two entries of one purpose for one section");
        assert_eq!(found, self.standing);
        let recordings: std::collections::BTreeSet<_> =
            self.standing.keys().map(|key| key.section.recording).collect();
        let mut opened = BTreeMap::new();
        for recording in recordings {
            for locator in service.pages.locators(&tenant(), recording).await.unwrap() {
                if let Some(entry) = service.pages.open(&tenant(), &locator).await.unwrap() {
                    opened.insert(key_of(&entry), entry.cover.spans());
                }
            }
        }
        assert_eq!(opened, self.standing);
    }

    pub(super) async fn pages(&self, epoch: u64) -> Vec<PageRow> {
        self.bench.store.pages(&tenant(), KeyEpoch(epoch), None, 1_000).await.unwrap()
    }

    /// The epochs whose end the journal knows.
    pub(super) async fn journalled(&self) -> Vec<KeyEpoch> {
        let records = self.bench.outside.journal.read(0, 100).await.unwrap();
        let epochs = records.iter().map(|record| match (record.act.kind, &record.act.about) {
            (Kind::EpochDestroyed, About::Epoch(epoch)) => *epoch,
            other => panic!("{other:?}"),
        });
        epochs.collect()
    }

    pub(super) async fn backend_key_is_gone(&self, epoch: u64) -> bool {
        let name = KeyName::Epoch(tenant(), KeyEpoch(epoch));
        matches!(self.bench.backend.hmac(&name, b"m").await, Err(BackendError::Missing(_)))
    }

    /// Takes an entry out of the tables behind everybody's back.
    pub(super) async fn lose_an_entry(&self) {
        let page = self.pages(1).await.into_iter().find(|page| page.dirty).unwrap();
        let whole = self.bench.store.whole_page(page.page).await.unwrap().unwrap();
        let kept = whole.entries.iter().filter_map(|slot| match &slot.body {
            EntryBody::Sealed(sealed) => Some((slot.slot, Some(sealed.clone()))),
            EntryBody::Destroyed => None,
        });
        let next = NextGeneration::Resealed {
            epoch: KeyEpoch(1),
            generation: page.generation + 1,
            key: page.key,
            entries: kept.skip(1).collect(),
        };
        let written = self.bench.store.turn_page(page.page, page.version, next).await.unwrap();
        assert_eq!(written, Written::Applied);
    }

    /// A page that somebody opened and nobody was promised a slot of.
    pub(super) async fn empty_page(&self, epoch: u64) {
        let row = PageRow {
            page: PageId::new(),
            tenant: tenant(),
            purpose: purpose("quality"),
            epoch: KeyEpoch(epoch),
            generation: 1,
            version: 1,
            owner: kernel::InstanceId::new(),
            state: PageState::Closed,
            key: b"of an epoch that is over".to_vec(),
            dirty: false,
            added: 0,
            removed: 0,
            bytes: 0,
        };
        self.bench.store.open_page(&row).await.unwrap();
    }
}
