//! Wherever a person may be found, before their erasure and after it, beside somebody who stays.

use std::collections::BTreeMap;

use kernel::{RecordingId, SubjectId, Use};
use proto::archive::v1::ListRequest;
use proto::archive::v1::list_request::By;
use proto::archive::v1::recordings_client::RecordingsClient;
use proto::common::v1::{Identifier, IdentifierKind};
use proto::consent::v1::consent_client::ConsentClient;
use proto::consent::v1::{GetStateRequest, GetStateResponse, get_state_request};
use proto::retention::v1::retention_client::RetentionClient;
use proto::retention::v1::{ErasureState, ErasureStep, HoldKind, ListDueRequest};
use verbale::commands::recordings;
use verbale::connect::Caller;

use crate::harness::keeping::{DAY, ON_REQUEST, customer, erased, hold, must_be_gone, of_person, over};
use crate::harness::{Sample, World, hear_for, on_every_shape, purpose};

on_every_shape!(a_person_who_was_erased_is_found_on_no_surface_and_somebody_else_still_is);

/// What anybody listens for.
const QUALITY: &str = "quality";
/// Uses that need nothing but a purpose that is kept.
const USES: [Use; 3] = [Use::Replay, Use::Review, Use::Rights];
const SURFACES: [&str; 11] = [
    "by agent",
    "by correlation id",
    "by date of its end",
    "by phone",
    "by subject",
    "by time",
    "its facts",
    "its facts, on the command line",
    "replay",
    "review",
    "rights",
];

async fn a_person_who_was_erased_is_found_on_no_surface_and_somebody_else_still_is(world: World) {
    let (sample, other) = (Sample::new("access-request-en"), Sample::new("access-request-en"));
    let other = other.between("agent-299", "+442079460777", "access-request-of-another");
    let mesh = world.up().await;
    let server = mesh.server();
    let (id, stays) = tokio::join!(world.kept(&server, &sample), world.kept(&server, &other));
    let anna = world.named(&server, &sample.tenant, "anna");
    let person = Someone::of(&world, &server, &anna, &sample, id).await;
    let control = Someone::of(&world, &server, &anna, &other, stays).await;
    for someone in [&person, &control] {
        for (surface, found) in someone.surfaces().await {
            assert!(found, "{surface} does not show what is there");
        }
    }
    let consent = person.consent().await;
    let shelf = world.shelf().await;
    // As a copy of the bucket would have them.
    let (own, others) = (shelf.spans(&sample.tenant, id).await, shelf.spans(&other.tenant, stays).await);
    assert!(own.len() > 10, "hardly anything is stored: {}", own.len());

    let (_, erasure, items) = erased(&anna, &of_person(person.subject)).await;
    assert_eq!((erasure.state(), items.len()), (ErasureState::Done, 1), "{erasure:?}");
    let item = &items[0];
    assert_eq!((item.step(), item.recording_id.as_slice()), (ErasureStep::Done, id.to_bytes().as_slice()));
    assert!(item.erased == [QUALITY] && item.kept.is_empty(), "{item:?}");

    for (surface, found) in person.surfaces().await {
        assert!(!found, "{surface} still shows who was erased");
    }
    for (surface, found) in control.surfaces().await {
        assert!(found, "{surface} does not show who stays");
    }
    person.opens_under_no_hold().await;
    // That somebody agreed, and on what, is evidence and stays.
    assert_eq!(person.consent().await, consent);
    for id in [id, stays] {
        let checked = recordings::check(&anna, id).await.unwrap();
        assert!(checked.ok, "{id}: {:?}", checked.findings);
    }
    mesh.stop().await.unwrap();

    let keyring = world.keyring().await;
    let (left, kept) =
        (keyring.entries(&sample.tenant, id).await, keyring.entries(&other.tenant, stays).await);
    for span in &own {
        assert!(!span.opens_by(&left), "with all keys in hand {:?} opens", span.header);
    }
    assert!(left.is_empty(), "{} entries are left of what was erased", left.len());
    for span in &others {
        assert!(span.opens_by(&kept), "nothing opens {:?} of who stays", span.header);
    }
}

/// Somebody who may be found.
pub(crate) struct Someone<'w> {
    world: &'w World,
    server: &'w str,
    caller: &'w Caller,
    sample: &'w Sample,
    recording: RecordingId,
    subject: SubjectId,
}

impl<'w> Someone<'w> {
    pub(crate) async fn of(
        world: &'w World,
        server: &'w str,
        caller: &'w Caller,
        sample: &'w Sample,
        recording: RecordingId,
    ) -> Self {
        let subject = customer(caller, sample).await;
        Self { world, server, caller, sample, recording, subject }
    }

    /// Every surface, and whether it shows them.
    pub(crate) async fn surfaces(&self) -> BTreeMap<&'static str, bool> {
        let mut found = BTreeMap::new();
        let identifier = |kind: IdentifierKind, value: &str| {
            By::Identifier(Identifier { kind: kind.into(), value: value.to_owned() })
        };
        let call_id = self.sample.json["call_id"].as_str().unwrap();
        for (surface, by) in [
            ("by time", None),
            ("by subject", Some(By::SubjectId(self.subject.to_bytes().to_vec()))),
            ("by phone", Some(identifier(IdentifierKind::Phone, self.sample.phone()))),
            ("by agent", Some(identifier(IdentifierKind::Employee, self.sample.agent()))),
            ("by correlation id", Some(By::CorrelationId(call_id.to_owned()))),
        ] {
            found.insert(surface, self.is_listed(by).await);
        }
        let facts = recordings::get(self.caller, self.recording).await.unwrap();
        let is_party = facts.parties.iter().any(|party| party.subject_id == self.subject.to_bytes());
        found.insert("its facts", is_party || !facts.bases.is_empty() || !facts.notes.is_empty());
        found.insert("its facts, on the command line", self.is_shown().await);
        found.insert("by date of its end", self.is_due().await);
        for wanted in USES {
            let heard = hear_for(self.caller, self.recording, &purpose(QUALITY), wanted, "").await;
            if let Err(refused) = &heard {
                must_be_gone(refused, &[ON_REQUEST]);
            }
            found.insert(wanted.as_str(), heard.is_ok_and(|heard| !heard.frames.is_empty()));
        }
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), SURFACES);
        found
    }

    async fn is_listed(&self, by: Option<By>) -> bool {
        let request = ListRequest { by, page_size: 500, ..Default::default() };
        let request = self.caller.request(request).unwrap();
        let listed = RecordingsClient::new(self.caller.wire()).list(request).await.unwrap();
        let listed = listed.into_inner().recordings;
        listed.iter().any(|recording| recording.recording_id == self.recording.to_bytes())
    }

    async fn is_shown(&self) -> bool {
        let id = self.recording.to_string();
        let tenant = self.sample.tenant.as_str();
        let shown = self.world.run(self.server, tenant, &["recordings", "show", &id, "--json"]).await;
        assert_eq!(shown.code, 0, "{shown:?}");
        shown.out.contains(&self.subject.to_string())
    }

    /// Whether a period of theirs runs that ends within two years.
    async fn is_due(&self) -> bool {
        let by = self.world.now().plus(730 * DAY).0;
        let request = ListDueRequest { by, page_size: 500, page_token: String::new() };
        let request = self.caller.request(request).unwrap();
        let due = RetentionClient::new(self.caller.wire()).list_due(request).await.unwrap();
        let due = due.into_inner().recordings;
        due.iter().any(|due| due.recording_id == self.recording.to_bytes())
    }

    async fn consent(&self) -> GetStateResponse {
        let subject = Some(get_state_request::Subject::SubjectId(self.subject.to_bytes().to_vec()));
        let request = self.caller.request(GetStateRequest { subject }).unwrap();
        let state = ConsentClient::new(self.caller.wire()).get_state(request).await.unwrap().into_inner();
        let given = state.history.iter().any(|event| event.purposes == [QUALITY]);
        assert!(given, "nobody agreed to anything: {state:?}");
        state
    }

    /// A hold that comes after an erasure keeps what is not there: neither a claim nor an authority hears it.
    async fn opens_under_no_hold(&self) {
        for (kind, wanted) in [(HoldKind::Litigation, Use::LegalClaim), (HoldKind::Regulator, Use::Authority)]
        {
            let hold = hold(self.world, self.caller, kind, over(&[self.recording])).await.to_string();
            let heard = hear_for(self.caller, self.recording, &purpose(QUALITY), wanted, &hold).await;
            must_be_gone(&heard.unwrap_err(), &[ON_REQUEST]);
        }
    }
}
