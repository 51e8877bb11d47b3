//! Pieces of a call: a stretch of it, one party of it, and the last that anybody could open of it.

use kernel::{ErasureId, Interval, IntervalSet, LegNo, Position, RecordingId};
use proto::archive::v1::{Recording, RecordingState};
use proto::common::v1::PartyRole;
use proto::retention::v1::{ErasureState, ErasureStep};
use seal::manifest::AddendumChange;
use seal::{Addendum, SignedDocument};
use verbale::commands::{erasure, recordings};
use verbale::connect::Caller;

use crate::harness::keeping::{
    ON_REQUEST, erased, erased_of, must_be_gone, of_person, of_stretch, order, roots, settled, store,
};
use crate::harness::{
    Expected, Sample, Scan, World, eventually, hear, in_one_process, on_every_shape, purpose, reason,
};

on_every_shape!(three_seconds_are_erased_and_the_rest_plays_bit_for_bit_and_verifies);
in_one_process!(
    one_party_s_leg_is_erased_and_the_other_plays,
    a_call_that_both_parties_had_erased_leaves_its_documents_and_ids,
);

const DUTY: &str = "mifid2-transaction";
/// The longest span, in microseconds.
const SPAN: u64 = 1_000_000;

async fn three_seconds_are_erased_and_the_rest_plays_bit_for_bit_and_verifies(world: World) {
    let sample = Sample::new("mifid-order-it");
    let mesh = world.up().await;
    let server = mesh.server();
    let id = world.kept(&server, &sample).await;
    let anna = world.named(&server, &sample.tenant, "anna");
    // Within the order itself, and within spans.
    let stretch = Interval::new(Position(16_510_000), Position(19_510_000)).unwrap();
    let (erasure, told, items) = erased(&anna, &of_stretch(id, stretch, &[])).await;
    assert_eq!((told.state(), items[0].step()), (ErasureState::Done, ErasureStep::Done), "{told:?}");
    assert!(items[0].erased.is_empty() && items[0].kept.is_empty(), "{items:?}");

    let facts = recordings::get(&anna, id).await.unwrap();
    assert_eq!(facts.state(), RecordingState::Addended);
    for row in &facts.erased {
        assert_eq!((row.reason.as_str(), row.erasure_id.as_slice()), (ON_REQUEST, &erasure.to_bytes()[..]));
    }
    for name in [DUTY, "quality"] {
        let heard = hear(&anna, id, &purpose(name)).await.unwrap();
        for leg in [0, 1] {
            let gone = erased_of(&facts, leg);
            assert!(gone.covers(stretch) && gone.micros() <= stretch.micros() + 2 * SPAN, "{gone:?}");
            if name == DUTY {
                heard.must_play_but(&sample, leg, &gone);
            }
            let silent = |&(own, number): &(u32, u64)| own != leg || !gone.overlaps(sample.place(number));
            assert!(heard.frames.keys().all(silent), "{name}: something plays of what was erased");
        }
    }
    says_so(&anna, &world, &sample, &facts, erasure).await;
    mesh.stop().await.unwrap();

    let entries = world.keyring().await.entries(&sample.tenant, id).await;
    let mut closed = 0;
    for span in world.shelf().await.spans(&sample.tenant, id).await {
        let header = &span.header;
        let gone = erased_of(&facts, u32::from(header.leg.0));
        let place = Interval::new(header.start, header.end);
        let is_gone = header.leg < LegNo(16) && place.is_some_and(|place| gone.overlaps(place));
        assert_eq!(span.opens_by(&entries), !is_gone, "{header:?}");
        closed += usize::from(is_gone);
    }
    assert!(closed >= 6, "three seconds of two legs, a second a span: {closed}");
}

/// The recording's documents verify, and the last of them names the act.
async fn says_so(caller: &Caller, world: &World, sample: &Sample, facts: &Recording, erasure: ErasureId) {
    let id = RecordingId::from_slice(&facts.recording_id).unwrap();
    let checked = recordings::check(caller, id).await.unwrap();
    assert!(checked.ok && checked.objects > 0, "{:?}", checked.findings);
    let document = SignedDocument::decode(&world.shelf().await.object(&facts.document_name).await).unwrap();
    let addendum = Addendum::verify(&document, &roots(caller).await, &sample.tenant).unwrap();
    assert_eq!(addendum.recording, id);
    let AddendumChange::Erased { reason, ledger, spans, .. } = &addendum.change else {
        panic!("the last document says something else: {addendum:?}")
    };
    assert_eq!((reason.as_str(), ledger.to_bytes()), (ON_REQUEST, erasure.to_bytes()));
    assert!(!spans.is_empty());
}

async fn one_party_s_leg_is_erased_and_the_other_plays(world: World) {
    let sample = Sample::new("mifid-order-it");
    let (expected, duty) = (Expected::of(&sample), purpose(DUTY));
    let mesh = world.up().await;
    let server = mesh.server();
    let id = world.kept(&server, &sample).await;
    let anna = world.named(&server, &sample.tenant, "anna");
    hear(&anna, id, &duty).await.unwrap().must_be(&expected, &sample, &duty, sample.whole());

    let (erasure, told, items) = erased(&anna, &of_stretch(id, sample.whole(), &[1])).await;
    assert_eq!((told.state(), items.len()), (ErasureState::Done, 1), "{told:?}");
    let facts = recordings::get(&anna, id).await.unwrap();
    let (agent, customer) = (erased_of(&facts, 0), erased_of(&facts, 1));
    assert!(agent.is_empty() && customer.covers(sample.whole()), "{facts:?}");
    let heard = hear(&anna, id, &duty).await.unwrap();
    heard.must_play_but(&sample, 0, &IntervalSet::EMPTY);
    heard.must_play_but(&sample, 1, &customer);
    says_so(&anna, &world, &sample, &facts, erasure).await;

    // Nothing opens the customer's objects any more, and their lock is not over.
    let until = expected.duty_ends();
    assert_eq!(store(&items[0], "objects"), ("waits", until.0), "{:?}", items[0].stores);
    assert_eq!(store(&items[0], "entries").0, "done");
    mesh.stop().await.unwrap();
    let entries = world.keyring().await.entries(&sample.tenant, id).await;
    for span in world.shelf().await.spans(&sample.tenant, id).await {
        assert_eq!(span.opens_by(&entries), span.header.leg != LegNo(1), "{:?}", span.header);
    }
}

async fn a_call_that_both_parties_had_erased_leaves_its_documents_and_ids(world: World) {
    let (sample, other) = (Sample::new("access-request-en"), Sample::new("access-request-en"));
    let other = other.between("agent-299", "+442079460777", "access-request-of-another");
    let mesh = world.up().await;
    let server = mesh.server();
    let (id, stays) = tokio::join!(world.kept(&server, &sample), world.kept(&server, &other));
    let anna = world.named(&server, &sample.tenant, "anna");
    let facts = recordings::get(&anna, id).await.unwrap();
    assert!(!facts.objects.is_empty(), "{facts:?}");
    let party = |role: PartyRole| {
        let found = facts.parties.iter().find(|party| party.role() == role).unwrap();
        kernel::SubjectId::from_slice(&found.subject_id).unwrap()
    };

    let (first, told, _) = erased(&anna, &of_person(party(PartyRole::Customer))).await;
    assert_eq!(told.state(), ErasureState::Done, "{told:?}");
    // Nothing that the agent is on is left to be erased; whoever asks is told so, one way or the other.
    match order(&anna, &of_person(party(PartyRole::Agent))).await {
        Ok(second) => assert_eq!(settled(&anna, second).await.0.state(), ErasureState::Done),
        Err(refused) => assert_eq!(reason(&refused), "nothing-kept", "{refused}"),
    }
    // No lock keeps it: the objects are gone, and what the log held of it.
    eventually("objects and log are done with it", async || {
        let (_, items) = erasure::get(&anna, first).await.unwrap();
        let is_done = |name| store(&items[0], name).0 == "done";
        ["entries", "addendum", "objects", "event-log"].into_iter().all(is_done).then_some(())
    })
    .await;

    let left = recordings::get(&anna, id).await.unwrap();
    assert_eq!(left.state(), RecordingState::Erased);
    assert!(left.parties.is_empty() && left.bases.is_empty() && left.marks.is_empty(), "{left:?}");
    assert!(left.notes.is_empty() && left.objects.is_empty() && left.language.is_empty(), "{left:?}");
    must_be_gone(&hear(&anna, id, &purpose("quality")).await.unwrap_err(), &[ON_REQUEST]);
    let quality = purpose("quality");
    let heard = hear(&anna, stays, &quality).await.unwrap();
    heard.must_be(&Expected::of(&other), &other, &quality, other.whole());
    for id in [id, stays] {
        let checked = recordings::check(&anna, id).await.unwrap();
        assert!(checked.ok, "{id}: {:?}", checked.findings);
    }
    let (text, tenant) = (id.to_string(), sample.tenant.as_str());
    let entries = eventually("the ledger has the erasure", async || {
        let query = ["audit", "query", "--object", &text, "--action", "recording.erased", "--json"];
        let found = world.run(&server, tenant, &query).await;
        found.out.contains("recording.erased").then_some(found.out)
    })
    .await;
    mesh.stop().await.unwrap();

    let of_it = |id: RecordingId| format!("{}/{id}/", sample.tenant);
    let shelf = world.shelf().await;
    let versions = shelf.versions(&of_it(id)).await;
    assert!(versions.len() >= 2, "the manifest and the addendum stay: {versions:?}");
    assert!(versions.iter().all(|name| name.contains("/documents/")), "{versions:?}");
    assert!(shelf.versions(&of_it(stays)).await.iter().any(|name| !name.contains("/documents/")));

    let mut scan = Scan::default();
    for (leg, payload) in sample.legs.iter().enumerate() {
        scan.audio(&format!("leg {leg}"), payload.clone());
    }
    for text in sample.personal().iter().filter(|text| text.len() >= 8) {
        scan.text(text, text);
    }
    assert!(scan.blocks() > 1_000, "somebody speaks");
    for (place, bytes) in world.raw().await.into_iter().chain([("the ledger".to_owned(), entries.into())]) {
        assert_eq!(scan.findings(&bytes), [""; 0], "{place}");
    }
}
