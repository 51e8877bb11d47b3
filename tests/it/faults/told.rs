//! What must hold after any fault.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Interval, Position, PurposeName, RecordingId, TenantId};
use proto::archive::v1::{Recording, RecordingState};
use proto::audit::v1::{Entry, QueryRequest};
use verbale::commands::{audit, recordings};

use crate::harness::{Expected, Heard, Sample, World, eventually, hear};

/// More entries than any of these tests makes.
const ENTRIES: usize = 100_000;
/// What every recording leaves in the ledger.
const ACTS: [&str; 3] = ["call.opened", "call.authorised", "recording.keyed"];
/// What the ledger may find where a process was killed: it beats no more, and what it had in its outbox another
/// one sent again, under a number of its own.
const HARMLESS: [&str; 2] = ["ledger.producer-silent", "ledger.repeat-dropped"];

/// A call that was sent.
pub(super) struct Told<'s> {
    pub(super) sample: &'s Sample,
    pub(super) id: RecordingId,
    /// For a failure's message.
    pub(super) at: String,
}

impl Told<'_> {
    /// Waits until it is sealed; it must be complete, and as its manifest says.
    pub(super) async fn is_sealed(&self, world: &World, server: &str) -> Recording {
        let (at, tenant) = (&self.at, &self.sample.tenant);
        let recording = world.sealed(server, tenant, self.id).await;
        assert_eq!((recording.state(), recording.complete), (RecordingState::Sealed, true), "{at}");
        let verified = recordings::check(&world.person(server, tenant), self.id).await.unwrap();
        assert!(verified.ok, "{at}: {verified:?}");
        recording
    }

    /// Every purpose plays what it may, all of it, and says why of the rest.
    pub(super) async fn plays_as_expected(&self, world: &World, server: &str) {
        let expected = Expected::of(self.sample);
        let whole = Interval::new(Position::ZERO, Position(self.sample.length())).unwrap();
        for purpose in expected.purposes() {
            let heard = self.heard(world, server, &purpose).await;
            heard.must_be(&expected, self.sample, &purpose, whole);
        }
    }

    /// A purpose plays these frames, byte for byte, and no other.
    pub(super) async fn plays(
        &self,
        world: &World,
        server: &str,
        purpose: &PurposeName,
        is_stored: impl Fn(u64) -> bool,
    ) {
        let heard = self.heard(world, server, purpose).await;
        for leg in [0, 1] {
            for number in 0..self.sample.frames() {
                let sent = is_stored(number).then(|| self.sample.payload(leg, number));
                let heard = heard.frames.get(&(leg as u32, number)).map(|frame| &frame.payload[..]);
                assert_eq!(heard, sent, "{}: {purpose}, leg {leg}, frame {number}", self.at);
            }
        }
    }

    /// A purpose whose basis could not always be told plays nothing that it may not, and nothing that was not
    /// sent.
    pub(super) async fn plays_no_more_than_expected(
        &self,
        world: &World,
        server: &str,
        purpose: &PurposeName,
    ) {
        let expected = Expected::of(self.sample);
        let person = world.person(server, &self.sample.tenant);
        let heard = match hear(&person, self.id, purpose).await {
            Ok(heard) => heard,
            Err(status) if status.code() == tonic::Code::PermissionDenied => return,
            Err(status) => panic!("{}: {purpose}: {status}", self.at),
        };
        for ((leg, number), frame) in &heard.frames {
            assert!(expected.may_open(purpose, *number), "{}: {purpose} plays frame {number}", self.at);
            assert_eq!(frame.payload, self.sample.payload(*leg as usize, *number), "{}", self.at);
        }
    }

    async fn heard(&self, world: &World, server: &str, purpose: &PurposeName) -> Heard {
        let person = world.person(server, &self.sample.tenant);
        let heard = hear(&person, self.id, purpose).await;
        heard.unwrap_or_else(|status| panic!("{}: {purpose}: {status}", self.at))
    }
}

/// The ledger verifies; every act of these calls is in it; of each producer it has every number once.
pub(super) async fn ledger_is_whole(world: &World, server: &str, calls: &[Told<'_>]) {
    for call in calls {
        let person = world.person(server, &call.sample.tenant);
        eventually(&format!("{}: every act is in the ledger", call.at), async || {
            let request = QueryRequest { object: format!("recording/{}", call.id), ..Default::default() };
            let entries = audit::query(&person, request, ENTRIES).await.ok()?;
            ACTS.iter().all(|act| entries.iter().any(|entry| entry.action == *act)).then_some(())
        })
        .await;
    }
    let mut tenants: BTreeSet<_> = calls.iter().map(|call| call.sample.tenant.clone()).collect();
    tenants.extend(Sample::all().into_iter().map(|sample| sample.tenant));
    tenants.insert(platform::audit::deployment());
    let mut lacking = Vec::new();
    // Entries that are on their way have numbers too.
    let entries = eventually("every number of every producer is in the ledger", async || {
        let entries = everything(world, server, &tenants).await?;
        let now = lacks(&entries);
        lacking.clone_from(&now);
        now.is_empty().then_some(entries)
    });
    let entries = entries.await;
    let ids: BTreeSet<_> = entries.iter().map(|entry| &entry.event_id).collect();
    assert_eq!(ids.len(), entries.len(), "an entry is in the ledger twice");
    for entry in entries.iter().filter(|entry| entry.action.starts_with("ledger.")) {
        let found = entry.outcome == "found" && !HARMLESS.contains(&entry.action.as_str());
        assert!(!found, "the ledger found something: {entry:?}");
    }
    let checked = audit::check(&world.person(server, &calls[0].sample.tenant)).await.unwrap();
    assert!(checked.ok && checked.entries >= entries.len() as u64, "{checked:?}");
}

async fn everything(world: &World, server: &str, tenants: &BTreeSet<TenantId>) -> Option<Vec<Entry>> {
    let mut all = Vec::new();
    for tenant in tenants {
        let person = world.person(server, tenant);
        all.extend(audit::query(&person, QueryRequest::default(), ENTRIES).await.ok()?);
    }
    Some(all)
}

/// Per producer and partition, the numbers below its highest that no entry has.
fn lacks(entries: &[Entry]) -> Vec<(String, u32, u64)> {
    let mut numbers: BTreeMap<(String, u32), BTreeSet<u64>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.producer_number > 0) {
        let producer = hex::encode(&entry.producer);
        numbers.entry((producer, entry.partition)).or_default().insert(entry.producer_number);
    }
    // What came again under another number: the number is accounted for.
    for entry in entries.iter().filter(|entry| entry.action == "ledger.repeat-dropped") {
        let producer = entry.objects.iter().find_map(|object| object.strip_prefix("producer/"));
        let number = entry.facts.get("number").and_then(|number| number.parse().ok());
        if let (Some(producer), Some(number)) = (producer, number) {
            numbers.entry((producer.replace('-', ""), entry.partition)).or_default().insert(number);
        }
    }
    let mut lacking = Vec::new();
    for ((producer, partition), own) in numbers {
        let highest = own.last().copied().unwrap_or(0);
        let missing = (1..=highest).filter(|number| !own.contains(number));
        lacking.extend(missing.map(|number| (producer.clone(), partition, number)));
    }
    lacking
}
