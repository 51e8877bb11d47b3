//! Calls that are backed up, and what is taken of them afterwards.

use std::collections::BTreeSet;
use std::path::PathBuf;

use kernel::{ErasureId, HoldId, Interval, IntervalSet, Position, RecordingId, TenantId};
use proto::retention::v1::{ErasureCause, ErasureState, ErasureStep, HoldKind, OrderErasureRequest};
use sqlite::rusqlite::Connection;
use verbale::commands::{erasure, recordings};

use super::moves::copy_keys;
use crate::harness::keeping::{
    customer, erased, erased_of, hold, of_person, of_recording, of_stretch, over, release, swept_away,
};
use crate::harness::{Sample, World, eventually, files};

pub(super) const QUALITY: &str = "quality";
pub(super) const CONTRACT: &str = "verbal-contract";
/// A call as it was sent, and where it lies.
pub(super) struct Recorded {
    pub(super) sample: Sample,
    pub(super) id: RecordingId,
}

/// Calls of seven people with one tenant, whose entries lie in the same pages.
pub(super) struct Calls {
    /// Nobody erases anything of it.
    pub(super) kept: Recorded,
    /// Of somebody of whom everything goes.
    pub(super) person: Recorded,
    /// Of which one purpose goes, and another stays.
    pub(super) one_purpose: Recorded,
    /// Of which three seconds go.
    pub(super) stretch: Recorded,
    /// Of which one purpose goes, and later all that is left.
    pub(super) emptied: Recorded,
    /// Whose erasure was intended before the backup, and waits for a hold.
    pub(super) deferred: Recorded,
    /// Whose consent is withdrawn after the backup.
    pub(super) withdrawn: Recorded,
    /// The hold that the deferred erasure waits for.
    pub(super) hold: HoldId,
    erasure: ErasureId,
}

/// What was done after the backup.
pub(super) struct Taken {
    /// Every erasure that there is.
    pub(super) erasures: BTreeSet<ErasureId>,
    /// Over the kept call.
    pub(super) hold: HoldId,
    /// Where the legs of the stretch's call were erased.
    pub(super) gone: [IntervalSet; 2],
    /// Documents of each call that something was erased of.
    pub(super) documents: Vec<(RecordingId, usize)>,
    /// Recorded after the backup.
    pub(super) later: RecordingId,
}

impl Recorded {
    async fn by(world: &World, server: &str, name: &'static str, number: u32) -> Self {
        let (agent, phone) = (format!("agent-{}", 600 + number), format!("+4420794607{number:02}"));
        let sample = Sample::new(name).between(&agent, &phone, &format!("drill-{number}"));
        let id = world.kept(server, &sample).await;
        Self { sample, id }
    }
}

impl Calls {
    /// Records them; the erasure of one is held up.
    pub(super) async fn record(world: &World, server: &str) -> Self {
        let short = "access-request-en";
        let (kept, person, one_purpose, stretch, deferred, withdrawn, emptied) = tokio::join!(
            Recorded::by(world, server, short, 1),
            Recorded::by(world, server, short, 2),
            Recorded::by(world, server, "card-payment-en", 3),
            Recorded::by(world, server, short, 4),
            Recorded::by(world, server, short, 5),
            Recorded::by(world, server, short, 6),
            Recorded::by(world, server, "card-payment-en", 7),
        );
        let anna = world.named(server, &kept.sample.tenant, "anna");
        let hold = hold(world, &anna, HoldKind::Litigation, over(&[deferred.id])).await;
        // It was announced, and all of it is kept.
        let (erasure, told, items) = erased(&anna, &of_recording(deferred.id)).await;
        assert_eq!(items[0].step(), ErasureStep::Deferred, "{told:?}");
        Self { kept, person, one_purpose, stretch, emptied, deferred, withdrawn, hold, erasure }
    }

    pub(super) fn tenant(&self) -> &TenantId {
        &self.kept.sample.tenant
    }

    /// Takes from each what is to be taken, once they are backed up.
    pub(super) async fn take(&self, world: &World, server: &str) -> Taken {
        let [anna, bruno, carla] =
            ["anna", "bruno", "carla"].map(|name| world.named(server, self.tenant(), name));
        let later = Recorded::by(world, server, "access-request-en", 8).await.id;
        let subject = customer(&anna, &self.person.sample).await;
        let of_one = |call: &Recorded| OrderErasureRequest {
            purposes: vec![QUALITY.to_owned()],
            ..of_recording(call.id)
        };
        let seconds = Interval::new(Position(9_000_000), Position(12_000_000)).unwrap();
        let of_seconds = of_stretch(self.stretch.id, seconds, &[]);
        let mut erasures = BTreeSet::new();
        let of_rest = of_recording(self.emptied.id);
        for asked in
            [of_person(subject), of_one(&self.one_purpose), of_seconds, of_one(&self.emptied), of_rest]
        {
            let (id, told, _) = erased(&anna, &asked).await;
            assert_eq!(told.state(), ErasureState::Done, "{told:?}");
            erasures.insert(id);
        }
        let facts = recordings::get(&anna, self.stretch.id).await.unwrap();
        let gone = [erased_of(&facts, 0), erased_of(&facts, 1)];
        assert!(gone.iter().all(|gone| gone.covers(seconds)), "{gone:?}");

        self.withdraw(world, server).await;
        let taken = swept_away(&anna, ErasureCause::BasisLost, self.withdrawn.id, &[QUALITY]).await;
        erasures.insert(ErasureId::from_slice(&taken.0.erasure_id).unwrap());
        for caller in [&bruno, &carla] {
            release(caller, self.hold).await.unwrap();
        }
        eventually("the erasure goes on without its hold", async || {
            let told = erasure::get(&anna, self.erasure).await.unwrap().0;
            (told.state() == ErasureState::Done).then_some(())
        })
        .await;
        erasures.insert(self.erasure);
        if world.is_embedded() {
            self.withdrawal_is_journalled(world).await;
        }
        let hold = hold(world, &anna, HoldKind::Regulator, over(&[self.kept.id])).await;
        let documents = self.documents(world).await;
        Taken { erasures, hold, gone, documents, later }
    }

    /// As the customer's letter is entered.
    pub(super) async fn withdraw(&self, world: &World, server: &str) {
        let phone = self.withdrawn.sample.phone();
        let withdraw = ["consent", "withdraw", "--phone", phone, "--purpose", QUALITY, "--json"];
        let ended = world.run(server, self.tenant().as_str(), &withdraw).await;
        assert_eq!(ended.code, 0, "{ended:?}");
    }

    /// Waits until the journal has the withdrawal, which is answered before that; and where it lies there.
    pub(super) async fn withdrawal_is_journalled(&self, world: &World) -> PathBuf {
        let said = b"kind:withdrawn";
        let says_so = |file: &PathBuf| {
            let bytes = std::fs::read(file).unwrap_or_default();
            bytes.windows(said.len()).any(|part| part == said)
        };
        eventually("the withdrawal is in the journal", async || {
            files(&world.keys().join("journal")).into_iter().find(says_so)
        })
        .await
    }

    /// Whether what stays has entries in the pages that something is taken from.
    pub(super) fn share_pages(&self, world: &World) -> bool {
        let tables = Connection::open(copy_keys(world)).unwrap();
        let shared = "SELECT COUNT(*) FROM locator a JOIN locator b ON a.page = b.page
                      WHERE a.recording = ?1 AND b.recording = ?2";
        let kept = self.kept.id.to_bytes();
        [&self.person, &self.one_purpose, &self.stretch, &self.withdrawn].into_iter().all(|call| {
            let own = call.id.to_bytes();
            tables.query_row(shared, (&kept[..], &own[..]), |row| row.get::<_, i64>(0)).unwrap() > 0
        })
    }

    /// How many documents each call has.
    pub(super) async fn documents(&self, world: &World) -> Vec<(RecordingId, usize)> {
        let (shelf, mut found) = (world.shelf().await, Vec::new());
        // Of what two erasures emptied, one act may say all when they are done again.
        for call in [&self.person, &self.one_purpose, &self.stretch, &self.deferred, &self.withdrawn] {
            let names = shelf.objects(&format!("{}/{}/documents/", self.tenant(), call.id)).await;
            found.push((call.id, names.len()));
        }
        found
    }

    pub(super) fn all(&self) -> [&Recorded; 7] {
        let Self { kept, person, one_purpose, stretch, emptied, deferred, withdrawn, .. } = self;
        [kept, person, one_purpose, stretch, emptied, deferred, withdrawn]
    }
}
