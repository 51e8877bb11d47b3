//! Entries are placed, narrowed and removed while epochs follow each other and end.

use std::collections::BTreeMap;

use futures::future::join_all;
use kernel::{InstanceId, KeyEpoch, RecordingId};
use seal::{Entry, LegKey, SpanSet};

use crate::pages::{Placed, key_of};
use crate::service::Service;
use crate::store::{EntryKey, EpochState, Locator};
use crate::testing::{Bench, purpose, section, spans, tenant};

const ROUNDS: u64 = 6;

/// Numbers that a seed stands for.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, bound: u64) -> u64 {
        // Knuth's MMIX; its upper half.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// What one writer knows of its own entries.
struct Writer<'s> {
    service: &'s Service,
    recording: RecordingId,
    key: LegKey,
    legs: u16,
    standing: BTreeMap<EntryKey, SpanSet>,
}

impl Writer<'_> {
    async fn act(&mut self, drawn: &mut Drawn) {
        match drawn.below(4) {
            0 => self.remove(drawn).await,
            1 => self.narrow(drawn).await,
            _ => self.place(drawn).await,
        }
    }

    async fn place(&mut self, drawn: &mut Drawn) {
        let name = ["quality", "training"][drawn.below(2) as usize];
        let entry = Entry {
            section: section(self.recording, self.legs),
            purpose: purpose(name),
            cover: self.key.cover(&spans(0..1 + drawn.below(60) as u32)),
        };
        self.legs += 1;
        let placed = self.service.pages.place(&tenant(), std::slice::from_ref(&entry)).await.unwrap();
        assert_eq!(placed, [Placed::Written]);
        self.standing.insert(key_of(&entry), entry.cover.spans());
    }

    async fn remove(&mut self, drawn: &mut Drawn) {
        let Some(locator) = self.some(drawn).await else { return };
        self.service.pages.remove(&tenant(), &locator).await.unwrap();
        self.standing.remove(&locator.key);
    }

    async fn narrow(&mut self, drawn: &mut Drawn) {
        let Some(locator) = self.some(drawn).await else { return };
        let before = self.service.pages.open(&tenant(), &locator).await.unwrap().expect("it stands");
        assert_eq!(before.cover.spans(), self.standing[&locator.key]);
        let last = before.cover.spans().ranges().last().map_or(1, |range| range.end);
        if last < 2 {
            return;
        }
        let narrowed = Entry { cover: before.cover.restrict(&spans(0..last - 1)), ..before.clone() };
        assert!(self.service.pages.replace(&tenant(), &locator, &before, &narrowed).await.unwrap());
        self.standing.insert(locator.key, narrowed.cover.spans());
    }

    /// One of its entries that stand.
    async fn some(&self, drawn: &mut Drawn) -> Option<Locator> {
        if self.standing.is_empty() {
            return None;
        }
        let index = drawn.below(self.standing.len() as u64) as usize;
        let key = self.standing.keys().nth(index)?;
        let locators = self.service.pages.locators(&tenant(), self.recording).await.unwrap();
        locators.into_iter().find(|locator| locator.key == *key)
    }
}

#[tokio::test]
async fn entries_that_change_while_epochs_end_are_as_their_writers_left_them() {
    for round in 0..ROUNDS {
        let seed = 0x7075_726e_0000 + round;
        println!("seed {seed}");
        let bench = Bench::new().await;
        let (one, two, other) = (bench.another(), bench.another(), bench.another());
        let mut writers: Vec<_> = [&one, &two, &one]
            .into_iter()
            .map(|service| Writer {
                service,
                recording: RecordingId::new(),
                key: LegKey::generate().unwrap(),
                legs: 0,
                standing: BTreeMap::new(),
            })
            .collect();
        let writing = join_all(writers.iter_mut().zip(1..).map(|(writer, number)| async move {
            let mut drawn = Drawn(seed * 10 + number);
            for _ in 0..25 {
                writer.act(&mut drawn).await;
            }
        }));
        let turning = async {
            for _ in 0..4 {
                // The other process turns the same pages at the same time.
                let tenant = tenant();
                let (begun, stepped) =
                    tokio::join!(bench.service.turn.begin(&tenant), other.turn.step(&tenant));
                begun.unwrap();
                stepped.unwrap();
            }
        };
        tokio::join!(writing, turning);
        let epochs = bench.service.turn.step(&tenant()).await.unwrap();
        let live: Vec<_> = epochs.iter().filter(|epoch| epoch.state != EpochState::Destroyed).collect();
        assert_eq!((live.len(), live[0].state), (1, EpochState::Active), "seed {seed}: {epochs:?}");
        let expected: BTreeMap<_, _> = writers.into_iter().flat_map(|writer| writer.standing).collect();
        let entries = bench.entries_in_hand().await;
        assert_eq!(entries.len(), expected.len(), "seed {seed}");
        let found: BTreeMap<_, _> =
            entries.iter().map(|entry| (key_of(entry), entry.cover.spans())).collect();
        assert_eq!(found, expected, "seed {seed}");
    }
}

#[tokio::test]
async fn an_instance_is_never_given_an_epoch_that_is_drained_without_it() {
    let bench = Bench::new().await;
    let (giving, turning) = (bench.another(), bench.another());
    giving.epochs.active(&tenant()).await.unwrap();
    for round in 0..10 {
        let (instance, tenant) = (InstanceId::new(), tenant());
        let (given, turned) =
            tokio::join!(giving.epochs.give(&tenant, Some(instance)), turning.turn.begin(&tenant));
        let epoch = given.unwrap().epoch;
        turned.unwrap();
        turning.turn.step(&tenant).await.unwrap();
        let state = bench.store.epoch(&tenant, epoch).await.unwrap().unwrap().state;
        assert!(
            matches!(state, EpochState::Active | EpochState::Closing),
            "round {round}: {epoch} is {state:?}"
        );
        giving.epochs.leave(&tenant, instance, KeyEpoch(u64::MAX)).await.unwrap();
    }
    let epochs = turning.turn.step(&tenant()).await.unwrap();
    let over = epochs.iter().filter(|epoch| epoch.state == EpochState::Destroyed);
    assert_eq!(over.count() + 1, epochs.len(), "{epochs:?}");
}
