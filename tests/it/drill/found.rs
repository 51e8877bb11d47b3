//! What must be found of the calls, before their data are lost and after they came back.

use std::collections::BTreeSet;

use kernel::{ErasureId, Interval, IntervalSet};
use proto::retention::v1::{ErasureState, HoldState};
use tonic::{Code, Status};
use verbale::commands::{erasure, recordings};
use verbale::connect::Caller;

use super::calls::{CONTRACT, Calls, QUALITY, Recorded, Taken};
use crate::erasures::surfaces::Someone;
use crate::harness::keeping::{BY_BASIS, ON_REQUEST, erased_of, hold_of, must_be_gone, settled};
use crate::harness::{Expected, Heard, Shelf, World, eventually, hear, purpose};

/// Why nobody hears what is gone.
const GONE: [&str; 3] = [ON_REQUEST, BY_BASIS, "withdrawn"];

impl Recorded {
    /// Everything plays that a purpose may hear, byte for byte, but what was erased, and nothing else does.
    pub(super) fn must_play(&self, heard: &Heard, name: &str, gone: &[IntervalSet; 2]) {
        let (expected, purpose) = (Expected::of(&self.sample), purpose(name));
        let mut played = 0;
        for (leg, gone) in (0_u32..).zip(gone) {
            for number in 0..self.sample.frames() {
                let plays = expected.may_open(&purpose, number) && !gone.overlaps(self.sample.place(number));
                let found = heard.frames.get(&(leg, number)).map(|frame| &frame.payload[..]);
                let sent = plays.then(|| self.sample.payload(leg as usize, number));
                assert_eq!(found, sent, "{} {name}: leg {leg} frame {number}", self.sample.name);
                played += usize::from(plays);
            }
        }
        assert!(played > 100, "hardly anything is left to play: {played}");
    }
}

impl Calls {
    /// What nobody may hear, by call and purpose.
    fn gone(&self) -> [(&Recorded, &'static str); 6] {
        let Self { person, one_purpose, emptied, deferred, withdrawn, .. } = self;
        let of_quality = [person, one_purpose, emptied, deferred, withdrawn].map(|call| (call, QUALITY));
        let [a, b, c, d, e] = of_quality;
        [a, b, c, d, e, (emptied, CONTRACT)]
    }

    /// What holds from the first call on that anybody makes: nothing is waited for.
    pub(super) async fn must_be_shut(&self, world: &World, server: &str, taken: &Taken) {
        let anna = world.named(server, self.tenant(), "anna");
        for (call, name) in self.gone() {
            must_be_gone(&hear(&anna, call.id, &purpose(name)).await.unwrap_err(), &GONE);
        }
        if let Ok(heard) = hear(&anna, self.stretch.id, &purpose(QUALITY)).await {
            for (leg, number) in heard.frames.into_keys() {
                let place = self.stretch.sample.place(number);
                assert!(!taken.gone[leg as usize].overlaps(place), "leg {leg} frame {number} plays");
            }
        }
        self.must_stand(&anna, taken).await;
        self.must_be_withdrawn(world, server).await;
    }

    /// Holds and erasures are as they were, and no more of them.
    async fn must_stand(&self, anna: &Caller, taken: &Taken) {
        assert_eq!(hold_of(anna, taken.hold).await.unwrap().state(), HoldState::Placed);
        let released = hold_of(anna, self.hold).await.unwrap();
        assert_eq!(
            (released.state(), released.released_by),
            (HoldState::Released, names(["bruno", "carla"]))
        );
        let all = erasure::all(anna, 500).await.unwrap();
        let all: Vec<_> = all.iter().map(|one| ErasureId::from_slice(&one.erasure_id).unwrap()).collect();
        assert_eq!(all.len(), taken.erasures.len(), "{all:?}");
        assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), taken.erasures);
    }

    /// As the customer's own consent is shown.
    pub(super) async fn must_be_withdrawn(&self, world: &World, server: &str) {
        let show = ["consent", "show", "--phone", self.withdrawn.sample.phone(), "--json"];
        let shown = world.run(server, self.tenant().as_str(), &show).await;
        let states = shown.json()["states"].clone();
        let own = states
            .as_array()
            .unwrap()
            .iter()
            .find(|state| state["purpose"] == QUALITY && state["scope"] == "account");
        assert!(own.is_some_and(|own| own["state"] == "withdrawn"), "{shown:?}");
    }

    /// What holds once every erasure is through: on every surface, for who is gone and who stays.
    pub(super) async fn must_be_as_taken(&self, world: &World, server: &str, taken: &Taken) {
        let anna = world.named(server, self.tenant(), "anna");
        for id in &taken.erasures {
            let (told, items) = settled(&anna, *id).await;
            assert!(told.state() == ErasureState::Done && items.len() == 1, "{told:?} {items:?}");
        }
        self.must_be_shut(world, server, taken).await;
        let nothing = [IntervalSet::EMPTY, IntervalSet::EMPTY];
        for (call, name, gone) in [
            (&self.kept, QUALITY, &nothing),
            (&self.one_purpose, CONTRACT, &nothing),
            (&self.stretch, QUALITY, &taken.gone),
        ] {
            call.must_play(&hear(&anna, call.id, &purpose(name)).await.unwrap(), name, gone);
        }
        let facts = recordings::get(&anna, self.stretch.id).await.unwrap();
        assert_eq!([erased_of(&facts, 0), erased_of(&facts, 1)], taken.gone);

        let gone = Someone::of(world, server, &anna, &self.person.sample, self.person.id).await;
        for (surface, found) in gone.surfaces().await {
            assert!(!found, "{surface} shows who was erased");
        }
        let stays = Someone::of(world, server, &anna, &self.kept.sample, self.kept.id).await;
        for (surface, found) in stays.surfaces().await {
            assert!(found, "{surface} does not show who stays");
        }
        for call in self.all() {
            let checked = recordings::check(&anna, call.id).await.unwrap();
            assert!(checked.ok, "{} {}: {:?}", call.sample.name, call.id, checked.findings);
        }
        // An erasure that is done again says so once.
        assert_eq!(self.documents(world).await, taken.documents);
        self.must_stand(&anna, taken).await;
    }

    /// What was recorded after the backup is not there; what else the backup lacks is told.
    pub(super) async fn loss_is_named(&self, world: &World, server: &str, taken: &Taken) {
        let anna = world.named(server, self.tenant(), "anna");
        let refused: Status = recordings::get(&anna, taken.later).await.unwrap_err().downcast().unwrap();
        assert_eq!(refused.code(), Code::NotFound, "{refused}");
        let tenant = self.tenant().as_str();
        eventually("the ledger names its loss", async || {
            let ended = world.run(server, tenant, &["audit", "verify", "--json"]).await;
            let told = ended.json();
            assert!(ended.code == 0 && told["ok"] == true, "{ended:?}");
            let findings = told["findings"].as_array().unwrap();
            assert!(findings.iter().all(|finding| finding["kind"] == "lost"), "{told}");
            (!findings.is_empty()).then_some(())
        })
        .await;
    }

    /// With all keys of today in hand, of the objects as they came back. The program must not run.
    pub(super) async fn must_not_open(&self, world: &World, objects: &Shelf, taken: &Taken) {
        let keyring = world.keyring().await;
        for call in self.all() {
            let entries = keyring.entries(self.tenant(), call.id).await;
            let spans = objects.spans(self.tenant(), call.id).await;
            assert!(spans.len() > 10, "hardly anything came back of {}: {}", call.id, spans.len());
            let opens = spans.iter().filter(|span| span.opens_by(&entries)).count();
            let is_gone = [&self.person, &self.emptied, &self.deferred, &self.withdrawn]
                .iter()
                .any(|gone| gone.id == call.id);
            if is_gone {
                assert!(entries.is_empty() && opens == 0, "{opens} spans of {} open", call.id);
            } else {
                assert!(opens > 5, "hardly anything opens of {}: {opens}", call.id);
            }
            if call.id == self.one_purpose.id {
                assert!(entries.iter().all(|entry| entry.purpose.as_str() != QUALITY), "quality opens");
            }
            if call.id == self.kept.id {
                assert_eq!(opens, spans.len());
            }
            if call.id == self.stretch.id {
                for span in &spans {
                    let leg = usize::from(span.header.leg.0);
                    let place = Interval::new(span.header.start, span.header.end);
                    let gone =
                        taken.gone.get(leg).zip(place).is_some_and(|(gone, place)| gone.overlaps(place));
                    assert_eq!(span.opens_by(&entries), !gone, "{:?}", span.header);
                }
            }
        }
    }
}

fn names<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}
