//! What must hold after any fault.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Mutex;

use kernel::{Interval, Position, PurposeName, RecordingId, TenantId};
use proto::archive::v1::{Recording, RecordingState};
use proto::audit::v1::{Entry, QueryRequest};
use tonic::{Code, Status};
use verbale::commands::{audit, recordings};

use crate::harness::{Expected, Heard, Sample, World, eventually, hear, reason};

/// More entries than any of these tests makes.
const ENTRIES: usize = 100_000;
/// The outcome of what was done.
const OK: &str = "ok";
const OPENED: &str = "call.opened";
const TOLD: &str = "consent.recorded";
const REPLAYED: &str = "recording.replayed";
const UNWRAPPED: &str = "key.unwrapped";
const VERIFIED: &str = "recording.verified";
/// What every recording that was sealed and looked at leaves in the ledger, as often as it took.
const EVERY: [&str; 3] = ["call.authorised", "recording.keyed", "recording.read"];
/// What succeeds no more often than it was asked for.
const NO_MORE: [&str; 4] = [OPENED, TOLD, REPLAYED, VERIFIED];
/// What the ledger may find where a process was killed: it beats no more, and what it had in its outbox another
/// one sent again, under a number of its own.
const HARMLESS: [&str; 2] = ["ledger.producer-silent", "ledger.repeat-dropped"];

/// An act as the ledger has it: its action, what it is about (a purpose, or what was said of one), its outcome.
type Act = (String, String, String);

/// A call that was sent, and what its test had answered of it.
pub(super) struct Told<'s> {
    pub(super) sample: &'s Sample,
    pub(super) id: RecordingId,
    /// For a failure's message.
    pub(super) at: String,
    /// How often its sender asked for a session, and was given one at least once.
    pub(super) opens: usize,
    /// What was said in it that is for consent to take, as [`word`]s; all of it was answered.
    said: Vec<String>,
    listener: Listener,
    /// What was asked of the recording, and how it was answered.
    answered: Mutex<Vec<Act>>,
}

/// Whether consent was there to be told.
enum Listener {
    There,
    /// A session that opens without it has no purpose to tell it of.
    PerhapsAway,
}

/// What was said to consent, as the ledger's facts have it.
pub(super) fn word(kind: &str, purpose: &str) -> String {
    format!("{kind} {purpose}").trim_end().to_owned()
}

/// What is said to consent in a sample call.
pub(super) fn said_in(sample: &Sample) -> Vec<String> {
    let events = sample.json["events"].as_array().unwrap();
    let said = events.iter().filter_map(|event| {
        let kind = match event["type"].as_str().unwrap() {
            "notice.played" => "notice-presented",
            "consent.given" => "given",
            "consent.refused" => "refused",
            "consent.withdrawn" => "withdrawn",
            _ => return None,
        };
        Some(word(kind, event["purpose"].as_str().unwrap_or_default()))
    });
    said.collect()
}

impl<'s> Told<'s> {
    /// A call whose session was opened at the first attempt and in which nothing was said to consent.
    pub(super) fn new(sample: &'s Sample, id: RecordingId, at: String) -> Self {
        let (said, answered) = (Vec::new(), Mutex::default());
        Self { sample, id, at, opens: 1, said, listener: Listener::There, answered }
    }

    /// These words were said in it, and answered.
    pub(super) fn saying(self, said: Vec<String>) -> Self {
        Self { said, ..self }
    }

    /// Consent may have been away: what was said may never have been told to it.
    pub(super) fn perhaps_untold(self) -> Self {
        Self { listener: Listener::PerhapsAway, ..self }
    }
}

impl Told<'_> {
    /// Waits until it is sealed; it must be complete, and as its manifest says.
    pub(super) async fn is_sealed(&self, world: &World, server: &str) -> Recording {
        let (at, tenant) = (&self.at, &self.sample.tenant);
        let recording = world.sealed(server, tenant, self.id).await;
        assert_eq!((recording.state(), recording.complete), (RecordingState::Sealed, true), "{at}");
        let verified = recordings::check(&world.person(server, tenant), self.id).await.unwrap();
        assert!(verified.ok, "{at}: {verified:?}");
        self.was_answered(VERIFIED, "", OK);
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
        let heard = match self.asked(world, server, purpose).await {
            Ok(heard) => heard,
            Err(status) if status.code() == Code::PermissionDenied => return,
            Err(status) => panic!("{}: {purpose}: {status}", self.at),
        };
        for ((leg, number), frame) in &heard.frames {
            assert!(expected.may_open(purpose, *number), "{}: {purpose} plays frame {number}", self.at);
            assert_eq!(frame.payload, self.sample.payload(*leg as usize, *number), "{}", self.at);
        }
    }

    /// A purpose may not listen, for this reason.
    pub(super) async fn is_refused(&self, world: &World, server: &str, purpose: &PurposeName, why: &str) {
        let refused = self.asked(world, server, purpose).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused)), (Code::PermissionDenied, why), "{}", self.at);
    }

    /// Nothing opens that retention has not stamped, which it does late where its processes were away; then it opens.
    async fn heard(&self, world: &World, server: &str, purpose: &PurposeName) -> Heard {
        eventually(&format!("{}: {purpose} opens", self.at), async || {
            match self.asked(world, server, purpose).await {
                Ok(heard) => Some(heard),
                Err(status) if reason(&status) == "not-kept" => None,
                Err(status) => panic!("{}: {purpose}: {status}", self.at),
            }
        })
        .await
    }

    async fn asked(&self, world: &World, server: &str, purpose: &PurposeName) -> Result<Heard, Status> {
        let person = world.person(server, &self.sample.tenant);
        let heard = hear(&person, self.id, purpose).await;
        let outcome = heard.as_ref().map_or_else(reason, |_| OK);
        self.was_answered(REPLAYED, purpose.as_str(), outcome);
        heard
    }

    fn was_answered(&self, action: &str, about: &str, outcome: &str) {
        let act = (action.to_owned(), about.to_owned(), outcome.to_owned());
        self.answered.lock().unwrap().push(act);
    }

    /// How often each of its acts must be in the ledger, and may be.
    fn due(&self) -> BTreeMap<Act, RangeInclusive<usize>> {
        let ok = |action: &str, about: &str| (action.to_owned(), about.to_owned(), OK.to_owned());
        let mut due = BTreeMap::from([(ok(OPENED, ""), 1..=self.opens)]);
        due.extend(EVERY.map(|action| (ok(action, ""), 1..=usize::MAX)));
        for (act, times) in counted(self.said.iter().map(|word| ok(TOLD, word))) {
            let least = match self.listener {
                Listener::There => times,
                Listener::PerhapsAway => 0,
            };
            due.insert(act, least..=times);
        }
        for (act, times) in counted(self.answered.lock().unwrap().iter().cloned()) {
            if act.0 == REPLAYED && act.2 == OK {
                // Once at least: a lease that ran out is asked for anew.
                due.insert(ok(UNWRAPPED, &act.1), times..=usize::MAX);
            }
            due.insert(act, times..=times);
        }
        due
    }
}

/// The ledger verifies. Of each producer it has every number up to its highest, each entry once. A number behind
/// the highest is missed by nobody, so that of each call it is asked what its test had answered: that it was opened,
/// what consent was told, each replay and verification, as often as that was; and that it was authorised, its entries
/// were written and its keys unwrapped. What a stream had sent when it ended is not looked for: it may be lost with
/// its process.
pub(super) async fn ledger_is_whole(world: &World, server: &str, calls: &[Told<'_>]) {
    for call in calls {
        let (person, due) = (world.person(server, &call.sample.tenant), call.due());
        eventually(&format!("{}: in the ledger are {due:?}", call.at), async || {
            let request = QueryRequest { object: format!("recording/{}", call.id), ..Default::default() };
            let done = done(&audit::query(&person, request, ENTRIES).await.ok()?);
            is_no_more_than_due(&done, &due, &call.at);
            let is_there = |(act, times): (&Act, &RangeInclusive<usize>)| {
                done.get(act).is_some_and(|done| done >= times.start()) || *times.start() == 0
            };
            due.iter().all(is_there).then_some(())
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

/// How often each act is among these entries. What consent is told again under one id is told once.
fn done(entries: &[Entry]) -> BTreeMap<Act, usize> {
    let mut done: BTreeMap<Act, BTreeSet<String>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| !entry.facts.contains_key("stream")) {
        let fact = |name: &str| entry.facts.get(name).cloned().unwrap_or_default();
        let own = hex::encode(&entry.event_id);
        let (about, id) = match entry.action.as_str() {
            TOLD => (word(&fact("kind"), &fact("about")), fact("event")),
            UNWRAPPED => (fact("claimed-purpose"), own),
            _ => (entry.purpose.clone(), own),
        };
        done.entry((entry.action.clone(), about, entry.outcome.clone())).or_default().insert(id);
    }
    done.into_iter().map(|(act, ids)| (act, ids.len())).collect()
}

fn is_no_more_than_due(done: &BTreeMap<Act, usize>, due: &BTreeMap<Act, RangeInclusive<usize>>, at: &str) {
    for (act, times) in done {
        let most = match due.get(act) {
            Some(due) => *due.end(),
            None if NO_MORE.contains(&act.0.as_str()) && act.2 == OK => 0,
            None => usize::MAX,
        };
        assert!(*times <= most, "{at}: {act:?} is in the ledger {times} times, not {most}");
    }
}

fn counted(acts: impl Iterator<Item = Act>) -> BTreeMap<Act, usize> {
    let mut counted: BTreeMap<Act, usize> = BTreeMap::new();
    for act in acts {
        *counted.entry(act).or_default() += 1;
    }
    counted
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
