//! The five sample calls: recorded, replayed and compared with what was sent.

use futures::future::join_all;
use kernel::{Interval, LegNo, Position};
use platform::config::Period;
use proto::archive::v1::{Recording, RecordingState, ReplayRequest};
use proto::common::v1::Interval as WireInterval;
use seal::manifest::{AddendumChange, NotRecordedReason};
use seal::{Addendum, Hash, Manifest, NotRecorded, SignedDocument};
use verbale::commands::recordings;

use crate::harness::keeping::{gone, must_be_gone, roots};
use crate::harness::{
    Expected, Sample, World, eventually, hear, hear_range, id_of, on_every_shape, purpose, reason,
};

on_every_shape!(
    each_call_replays_as_it_was_sent_wherever_a_purpose_has_its_basis_and_nowhere_else,
    a_mark_a_range_and_one_leg_play_as_clips_of_their_own,
    every_document_is_signed_and_says_what_there_is,
    a_replay_outlasts_its_lease_whichever_instance_gave_it,
);

/// The call in which everything was taken back.
const WITHDRAWN: &str = "withdrawal-midcall-it";
/// A listener's reason.
const WHY: &str = "a clip";

async fn each_call_replays_as_it_was_sent_wherever_a_purpose_has_its_basis_and_nowhere_else(world: World) {
    let samples = Sample::all();
    let mesh = world.up().await;
    let server = mesh.server();
    let recordings = join_all(samples.iter().map(|sample| world.record(&server, sample))).await;

    for (sample, recording) in samples.iter().zip(&recordings) {
        let (expected, caller) = (Expected::of(sample), world.person(&server, &sample.tenant));
        let (id, whole) = (id_of(recording), whole(recording));
        for purpose in expected.purposes() {
            let heard = hear(&caller, id, &purpose).await;
            let anything = (0..sample.frames()).any(|frame| expected.is_stored(frame));
            if !anything {
                assert_eq!(recording.state(), RecordingState::NotRecorded, "{}", sample.name);
                assert_eq!(reason(&heard.unwrap_err()), "not-recorded", "{}", sample.name);
                continue;
            }
            assert!(recording.complete, "{}", sample.name);
            assert_eq!(recording.duration, sample.length(), "{}", sample.name);
            if expected.is_withdrawn(&purpose) {
                // What rested on it goes by itself, soon.
                must_be_gone(&heard.unwrap_err(), &["withdrawn"]);
            } else {
                assert_eq!(recording.state(), RecordingState::Sealed, "{}", sample.name);
                heard.unwrap().must_be(&expected, sample, &purpose, whole);
            }
        }
    }
    mesh.stop().await.unwrap();
}

async fn a_replay_outlasts_its_lease_whichever_instance_gave_it(world: World) {
    // So short that the replay needs it again and again.
    let world = world.tuned(|config| config.crypto.lease = Period::millis(250));
    let (sample, duty) = (Sample::new("mifid-order-it"), purpose("mifid2-transaction"));
    let mesh = world.up().await;
    let recording = world.record(&mesh.server(), &sample).await;
    let caller = world.person(&mesh.server(), &sample.tenant);
    let heard = hear(&caller, id_of(&recording), &duty).await.unwrap();
    heard.must_be(&Expected::of(&sample), &sample, &duty, whole(&recording));
    mesh.stop().await.unwrap();
}

async fn a_mark_a_range_and_one_leg_play_as_clips_of_their_own(world: World) {
    let sample = Sample::new("mifid-order-it");
    let mesh = world.up().await;
    let recording = world.record(&mesh.server(), &sample).await;
    let caller = world.person(&mesh.server(), &sample.tenant);
    let (expected, id, duty) = (Expected::of(&sample), id_of(&recording), purpose("mifid2-transaction"));

    let mark = ReplayRequest { mark: "order".to_owned(), ..Default::default() };
    let order = |kind| sample.event(kind, Some("order")).unwrap();
    let marked = Interval::new(order("mark.begin"), order("mark.end")).unwrap();
    hear_range(&caller, id, &duty, mark, WHY).await.unwrap().must_be(&expected, &sample, &duty, marked);

    // Ends that lie inside frames and inside spans; quality begins in the middle.
    let quality = purpose("quality");
    let (start, end) = (10_003_000, 13_017_000);
    let ranges = vec![WireInterval { start, end }];
    let heard =
        hear_range(&caller, id, &quality, ReplayRequest { ranges, ..Default::default() }, WHY).await.unwrap();
    heard.must_be(&expected, &sample, &quality, Interval::new(Position(start), Position(end)).unwrap());

    let alone = hear_range(&caller, id, &duty, ReplayRequest { legs: vec![1], ..Default::default() }, WHY)
        .await
        .unwrap();
    assert_eq!(alone.frames.len() as u64, sample.frames());
    assert!(alone.frames.keys().all(|(leg, _)| *leg == 1) && alone.gaps.is_empty());
    mesh.stop().await.unwrap();
}

async fn every_document_is_signed_and_says_what_there_is(world: World) {
    let samples = Sample::all();
    let mesh = world.up().await;
    let server = mesh.server();
    let recordings = join_all(samples.iter().map(|sample| world.record(&server, sample))).await;
    let roots = roots(&world.person(&server, &samples[0].tenant)).await;

    for (sample, recording) in samples.iter().zip(&recordings) {
        let (caller, id) = (world.person(&server, &sample.tenant), id_of(recording));
        let checked = recordings::check(&caller, id).await.unwrap();
        assert!(checked.ok, "{}: {:?}", sample.name, checked.findings);

        let expected = Expected::of(sample);
        // What its purposes rested on was taken back in the call: it goes by itself, and its documents stay.
        let is_gone = sample.name == WITHDRAWN;
        let recording = &if is_gone { gone(&caller, id).await } else { recording.clone() };
        let shelf = world.shelf().await;
        let bytes = shelf.object(&recording.document_name).await;
        assert_eq!(Hash::of(&bytes).0.as_slice(), recording.document_hash);
        let document = SignedDocument::decode(&bytes).unwrap();
        if is_gone {
            let addendum = Addendum::verify(&document, &roots, &sample.tenant).unwrap();
            assert!(matches!(addendum.change, AddendumChange::Erased { .. }), "{addendum:?}");
            // Its objects go after it was said.
            let prefix = format!("{}/{id}/", sample.tenant);
            eventually("its objects are gone", async || {
                let left = shelf.versions(&prefix).await;
                left.iter().all(|name| name.contains("/documents/")).then_some(())
            })
            .await;
            continue;
        }
        let spans = shelf.spans(&sample.tenant, id).await;
        let audio: Vec<_> = spans.iter().filter(|span| span.header.leg < LegNo(16)).collect();
        if recording.state() == RecordingState::NotRecorded {
            let why = NotRecorded::verify(&document, &roots, &sample.tenant).unwrap();
            assert_eq!(why.recording, id);
            assert_eq!(why.reason, NotRecordedReason::BasisNeverCame);
            let denied: Vec<_> =
                why.denials.iter().map(|d| (d.purpose.as_str(), d.reason.as_str())).collect();
            assert_eq!(denied, [("quality", "consent-refused")]);
            assert!(spans.is_empty(), "{}: something was stored", sample.name);
            continue;
        }
        let manifest = Manifest::verify(&document, &roots, &sample.tenant).unwrap();
        for leg in [0, 1] {
            let own = audio.iter().filter(|span| span.header.leg == LegNo(leg));
            let stored: Vec<u64> =
                own.flat_map(|span| span.header.first_frame.0..=span.header.last_frame.0).collect();
            let should: Vec<u64> = (0..sample.frames()).filter(|frame| expected.is_stored(*frame)).collect();
            assert_eq!(sorted(stored), should, "{}: leg {leg}", sample.name);
        }
        for basis in &manifest.bases {
            let standing = expected.standing(&basis.purpose).unwrap();
            let told = basis.interval.intersection(whole(recording));
            assert_eq!(told, Some(standing), "{}: {}", sample.name, basis.purpose);
        }
        assert_eq!(manifest.bases.len(), expected.purposes().len());
    }
    mesh.stop().await.unwrap();
}

fn sorted(mut numbers: Vec<u64>) -> Vec<u64> {
    numbers.sort_unstable();
    numbers
}

fn whole(recording: &Recording) -> Interval {
    Interval::new(Position::ZERO, Position(recording.duration.max(1))).unwrap()
}
