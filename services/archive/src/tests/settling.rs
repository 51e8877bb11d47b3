use std::collections::BTreeSet;
use std::time::Duration;

use kernel::Basis;
use objects::ObjectStore;
use platform::OutboxStore;
use platform::config::Period;
use prost::Message;
use proto::archive::v1::RecordingEvent;
use proto::archive::v1::recording_event::Event;
use proto::common::v1::basis_change::Kind;
use proto::common::v1::{Grant, GrantOutcome};
use seal::manifest::{AddendumChange, Completeness, DropReason, EndCause, NotRecordedReason};
use seal::{Addendum, Manifest, NotRecorded, SignedDocument};

use crate::fact::META_LEG;
use crate::store::{State, Store};
use crate::testing::{Bench, Call};

async fn document(bench: &Bench, call: &Call, version: u32) -> SignedDocument {
    let name = crate::document::name(&call.key, version);
    let object = bench.objects.get(&name, None, None).await.unwrap();
    SignedDocument::decode(&object.bytes).unwrap()
}

async fn manifest(bench: &Bench, call: &Call) -> Manifest {
    let roots = crate::service(&bench.config, &bench.deps()).mesh().trust().await.unwrap();
    Manifest::verify(&document(bench, call, 1).await, &roots, &call.key.tenant).unwrap()
}

async fn events(bench: &Bench) -> Vec<Event> {
    let outgoing = bench.store.unpublished(100).await.unwrap();
    let decode = |payload: &[u8]| RecordingEvent::decode(payload).unwrap().event.unwrap();
    outgoing.iter().map(|outgoing| decode(&outgoing.envelope.payload)).collect()
}

#[tokio::test]
async fn each_purpose_opens_exactly_the_spans_of_its_basis() {
    let bench = Bench::new().await;
    let mut call = Call::plain(&bench, 3, &[("mifid2-transaction", 0), ("quality", 1_000_000)]).await;
    call.close(&bench, 150).await;
    bench.consume().await;
    let keys = bench.keys.state();
    for leg in 0..2 {
        assert_eq!(keys.opens(call.key.id, leg, 0, "mifid2-transaction"), [0, 1, 2]);
        assert_eq!(keys.opens(call.key.id, leg, 0, "quality"), [1, 2]);
    }
    for purpose in ["mifid2-transaction", "quality"] {
        assert_eq!(keys.opens(call.key.id, META_LEG.0.into(), 0, purpose), [0]);
    }
    assert!(keys.sealed[0].complete);
}

#[tokio::test]
async fn the_manifest_says_what_is_kept_and_verifies() {
    let bench = Bench::new().await;
    let mut call = Call::plain(&bench, 3, &[("mifid2-transaction", 0), ("quality", 1_000_000)]).await;
    call.mark(&bench, "order", 500_000, true).await;
    call.mark(&bench, "order", 2_000_000, false).await;
    call.close(&bench, 150).await;
    bench.consume().await;
    let manifest = manifest(&bench, &call).await;
    assert_eq!((manifest.cause, manifest.completeness), (EndCause::Closed, Completeness::Complete));
    assert_eq!((manifest.legs.len(), manifest.objects.len(), manifest.bases.len()), (3, 3, 2));
    assert_eq!(manifest.legs[0].last_frame.unwrap().0, 149);
    assert_eq!(manifest.marks.len(), 1);
    let asked = bench.keys.state().sealed[0].clone();
    assert_eq!(asked.timeline_hash, manifest.timeline.0);
    assert_eq!(asked.span_table_hash, manifest.span_table.0);
    assert_eq!(asked.policy_hash, bench.consent.policy_hash().0);
    assert_eq!(asked.policy_hash, manifest.policy_hash.0);
    let told = events(&bench).await;
    let [Event::Sealed(sealed)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(sealed.purposes, ["mifid2-transaction", "quality"]);
    assert_eq!((sealed.complete, sealed.duration), (true, 3_000_000));
    assert_eq!(sealed.regimes, ["mifid2-16-7"]);
    let parties: BTreeSet<_> = sealed.parties.iter().cloned().collect();
    assert_eq!((sealed.parties.len(), parties.len()), (2, 2));
    assert!(parties.contains(call.subject.to_bytes().as_slice()));
    let kept: Vec<_> = sealed.kept.iter().map(|kept| (kept.purpose.as_str(), kept.basis)).collect();
    let bases = [Basis::LegalObligation, Basis::Consent].map(Basis::number);
    assert_eq!(kept, [("mifid2-transaction", bases[0]), ("quality", bases[1])]);
    let marks: Vec<_> = sealed.marks.iter().map(|mark| (mark.label.as_str(), mark.at)).collect();
    assert_eq!(marks, [("order", crate::testing::NOW.0 + 2_000_000)]);
}

#[tokio::test]
async fn of_marks_the_last_end_is_told_and_none_that_nobody_has_ended() {
    let check = async |edges: &[(u64, bool)], expected: &[i64]| {
        let bench = Bench::new().await;
        let mut call = Call::plain(&bench, 3, &[("mifid2-transaction", 0)]).await;
        for (at, begins) in edges {
            call.mark(&bench, "order", *at, *begins).await;
        }
        call.close(&bench, 150).await;
        bench.consume().await;
        let told = events(&bench).await;
        let [Event::Sealed(sealed)] = told.as_slice() else { panic!("{told:?}") };
        let ends: Vec<_> = sealed.marks.iter().map(|mark| mark.at - crate::testing::NOW.0).collect();
        assert_eq!(ends, expected, "{edges:?}");
    };
    check(&[], &[]).await;
    check(&[(1_000_000, true)], &[]).await;
    check(&[(0, true), (500_000, false), (1_000_000, true), (2_000_000, false)], &[2_000_000]).await;
    check(&[(1_000_000, true), (2_000_000, false), (0, true), (500_000, false)], &[2_000_000]).await;
    check(&[(0, true), (500_000, false), (1_000_000, true)], &[]).await;
}

#[tokio::test]
async fn a_purpose_without_an_entry_is_not_told_as_kept() {
    let bench = Bench::new().await;
    bench.keys.state().gone.insert("quality".to_owned());
    let mut call = Call::plain(&bench, 1, &[("mifid2-transaction", 0), ("quality", 0)]).await;
    call.close(&bench, 50).await;
    bench.consume().await;
    let told = events(&bench).await;
    let [Event::Sealed(sealed)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        sealed.kept.iter().map(|kept| kept.purpose.as_str()).collect::<Vec<_>>(),
        ["mifid2-transaction"]
    );
}

#[tokio::test]
async fn the_manifest_tells_frames_after_a_stop_from_frames_without_a_basis() {
    let bench = Bench::new().await;
    let mut call = Call::plain(&bench, 1, &[("mifid2-transaction", 0)]).await;
    for leg in 0..2 {
        call.dropped(&bench, leg, 50, 99, 2).await;
        call.dropped(&bench, leg, 100, 149, 4).await;
    }
    call.close(&bench, 150).await;
    bench.consume().await;
    let manifest = manifest(&bench, &call).await;
    assert_eq!((manifest.cause, manifest.completeness), (EndCause::Stopped, Completeness::Complete));
    let told = |row: &seal::manifest::Dropped| (row.frames.first.0, row.frames.last.0, row.reason);
    let expected = [(50, 99, DropReason::NoBasis), (100, 149, DropReason::Stopped)];
    assert_eq!(manifest.legs[0].dropped.iter().map(told).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_withdrawn_purpose_shows_in_the_timeline_and_opens_nothing() {
    let bench = Bench::new().await;
    let mut call = Call::plain(&bench, 2, &[("quality", 0)]).await;
    call.basis(&bench, "quality", Basis::Consent, Kind::Ended, 2_000_000, "consent-withdrawn").await;
    for leg in 0..2 {
        call.dropped(&bench, leg, 100, 149, 2).await;
    }
    call.close(&bench, 150).await;
    bench.consume().await;
    let history = bench.history(&call).await;
    assert_eq!((history.recording.state, history.recording.complete), (State::Sealed, Some(true)));
    assert_eq!(bench.keys.state().entries.len(), 0);
    assert_eq!(history.gone.len(), 1);
    assert_eq!(history.gone[0].reason, "withdrawn");
    assert_eq!(manifest(&bench, &call).await.bases.len(), 1);
}

#[tokio::test]
async fn a_withdrawal_that_crypto_hears_of_at_the_sealing_is_kept_with_its_reason() {
    let bench = Bench::new().await;
    bench.keys.state().gone.insert("quality".to_owned());
    let mut call = Call::plain(&bench, 1, &[("mifid2-transaction", 0), ("quality", 0)]).await;
    call.close(&bench, 50).await;
    bench.consume().await;
    let history = bench.history(&call).await;
    assert_eq!(history.gone.iter().map(|gone| gone.reason.as_str()).collect::<Vec<_>>(), ["withdrawn"]);
    let told = events(&bench).await;
    let [Event::Sealed(sealed)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(sealed.purposes, ["mifid2-transaction"]);
}

#[tokio::test]
async fn a_missing_span_is_waited_for_then_named_and_added_when_it_comes() {
    let bench = Bench::new().await;
    let mut call = Call::plain(&bench, 2, &[("mifid2-transaction", 0)]).await;
    let late = call.seal(0, 0, 2, (100, 149), true);
    call.span(&bench, 1, 0, 2, (100, 149), true).await;
    call.close(&bench, 150).await;
    bench.consume().await;
    assert_eq!(bench.state(&call).await, State::Open);
    bench.pass(59);
    bench.consume().await;
    assert_eq!(bench.state(&call).await, State::Open);
    bench.pass(1);
    bench.consume().await;
    assert_eq!(bench.state(&call).await, State::Sealed);
    let manifest = manifest(&bench, &call).await;
    assert_eq!(manifest.completeness, Completeness::Gaps);
    assert_eq!(manifest.legs[0].gaps.iter().map(|g| (g.first.0, g.last.0)).collect::<Vec<_>>(), [(100, 149)]);
    assert!(!bench.keys.state().sealed[0].complete);

    call.log(&bench, late.clone()).await;
    bench.consume().await;
    let history = bench.history(&call).await;
    assert_eq!((history.recording.state, history.recording.complete), (State::Addended, Some(true)));
    assert_eq!(bench.keys.state().opens(call.key.id, 0, 0, "mifid2-transaction"), [0, 1, 2]);
    let roots = crate::service(&bench.config, &bench.deps()).mesh().trust().await.unwrap();
    let addendum = Addendum::verify(&document(&bench, &call, 2).await, &roots, &call.key.tenant).unwrap();
    assert_eq!((addendum.number, addendum.manifest), (1, history.documents[0].sha256));
    let AddendumChange::Filled { completeness, objects, legs } = addendum.change else {
        panic!("not filled")
    };
    assert_eq!((completeness, objects.len(), legs.len()), (Completeness::Complete, 1, 1));
    // Once more changes nothing.
    call.log(&bench, late).await;
    bench.consume().await;
    assert_eq!(bench.history(&call).await.documents.len(), 2);
    assert!(matches!(events(&bench).await.as_slice(), [Event::Sealed(_), Event::Addended(_)]));
}

#[tokio::test]
async fn frames_that_a_lower_epoch_holds_are_named_superseded() {
    let bench = Bench::new().await;
    let mut call = Call::plain(&bench, 2, &[("mifid2-transaction", 0)]).await;
    call.epoch = 2;
    call.open(&bench, Vec::new()).await;
    for leg in 0..2 {
        call.section(&bench, leg, 1).await;
        call.span(&bench, leg, 1, 0, (80, 129), true).await;
    }
    call.close(&bench, 130).await;
    bench.consume().await;
    let manifest = manifest(&bench, &call).await;
    assert_eq!(manifest.completeness, Completeness::Complete);
    let rows: Vec<_> = manifest
        .superseded
        .iter()
        .map(|row| (row.leg.0, row.section.0, row.span.0, row.frames.first.0, row.frames.last.0))
        .collect();
    assert_eq!(rows, [(0, 1, 0, 80, 99), (1, 1, 0, 80, 99)]);
}

#[tokio::test]
async fn a_silent_call_is_fenced_and_sealed_as_abandoned() {
    let bench = Bench::new().await;
    let call = Call::plain(&bench, 1, &[("mifid2-transaction", 0)]).await;
    let mut session = crate::consumer(&bench.config, bench.deps()).join().await.unwrap();
    session.catch_up().await.unwrap();
    bench.pass(2 * 3_600 - 1);
    session.catch_up().await.unwrap();
    assert_eq!(bench.state(&call).await, State::Open);
    bench.pass(1);
    session.catch_up().await.unwrap();
    assert_eq!(bench.ingest.fenced.lock().unwrap().as_slice(), [call.key.id.to_bytes().to_vec()]);
    let history = bench.history(&call).await;
    assert_eq!((history.recording.state, history.recording.complete), (State::Sealed, Some(false)));
    let manifest = manifest(&bench, &call).await;
    assert_eq!((manifest.cause, manifest.completeness), (EndCause::Abandoned, Completeness::Gaps));
    assert_eq!(bench.keys.state().opens(call.key.id, 0, 0, "mifid2-transaction"), [0]);
}

#[tokio::test]
async fn a_turn_does_not_settle_longer_than_it_may_and_the_next_ones_go_on() {
    let bench = Bench::new().await;
    let mut calls = Vec::new();
    // Of eight partitions one has three of them at least, and a turn settles two: one that the log closed, one that
    // a tick finds.
    for _ in 0..20 {
        let mut call = Call::plain(&bench, 1, &[("mifid2-transaction", 0)]).await;
        call.close(&bench, 50).await;
        calls.push(call);
    }
    let hurried = crate::Config { turn: Period(Duration::from_nanos(1)), ..bench.config.clone() };
    let mut session = crate::consumer(&hurried, bench.deps()).join().await.unwrap();
    let sealed = async || {
        let mut sealed = 0;
        for call in &calls {
            let row = bench.store.recording(&call.key).await.unwrap();
            sealed += usize::from(row.is_some_and(|row| row.state == State::Sealed));
        }
        sealed
    };
    session.turn().await.unwrap();
    let first = sealed().await;
    assert!(first < calls.len(), "{first}");
    session.catch_up().await.unwrap();
    assert_eq!(sealed().await, calls.len());
}

#[tokio::test]
async fn a_consumer_that_has_only_just_heard_everything_calls_nothing_silent() {
    let bench = Bench::new().await;
    let call = Call::plain(&bench, 1, &[("mifid2-transaction", 0)]).await;
    bench.consume().await;
    bench.pass(10 * 3_600);
    bench.consume().await;
    assert_eq!(bench.state(&call).await, State::Open);
    assert!(bench.ingest.fenced.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_refused_call_leaves_a_signed_record_of_why() {
    let bench = Bench::new().await;
    let mut call = Call::new(&bench);
    let grant = Grant {
        purpose: "quality".to_owned(),
        outcome: GrantOutcome::AwaitsConsent.into(),
        basis: Basis::Consent.number(),
        ..Grant::default()
    };
    call.open(&bench, vec![grant]).await;
    call.note(&bench, "consent.refused", "quality", 7_000_000).await;
    for leg in 0..2 {
        call.dropped(&bench, leg, 0, 99, 2).await;
    }
    call.close(&bench, 100).await;
    bench.consume().await;
    assert_eq!(bench.state(&call).await, State::NotRecorded);
    let roots = crate::service(&bench.config, &bench.deps()).mesh().trust().await.unwrap();
    let record = NotRecorded::verify(&document(&bench, &call, 1).await, &roots, &call.key.tenant).unwrap();
    assert_eq!(record.reason, NotRecordedReason::BasisNeverCame);
    let denials: Vec<_> = record.denials.iter().map(|d| (d.purpose.as_str(), d.reason.as_str())).collect();
    assert_eq!(denials, [("quality", "consent-refused")]);
    let told = events(&bench).await;
    let [Event::NotRecorded(event)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(event.reason, "consent-refused");
}

#[tokio::test]
async fn a_call_that_crypto_cannot_seal_now_is_sealed_later() {
    let bench = Bench::new().await;
    let mut call = Call::plain(&bench, 1, &[("mifid2-transaction", 0)]).await;
    let mut session = crate::consumer(&bench.config, bench.deps()).join().await.unwrap();
    session.catch_up().await.unwrap();
    call.close(&bench, 50).await;
    bench.keys.state().failures = u32::MAX;
    session.catch_up().await.unwrap();
    assert_eq!(bench.state(&call).await, State::Sealing);
    bench.keys.state().failures = 0;
    session.catch_up().await.unwrap();
    assert_eq!((bench.state(&call).await, bench.keys.state().sealed.len()), (State::Sealed, 1));
}

#[tokio::test]
async fn two_instances_that_seal_at_once_leave_one_document() {
    let bench = Bench::new().await;
    let mut call = Call::plain(&bench, 1, &[("mifid2-transaction", 0)]).await;
    call.close(&bench, 51).await;
    bench.consume().await;
    let row = bench.history(&call).await.recording;
    bench.pass(60);
    let other = {
        let mut deps = bench.deps();
        deps.instance = platform::Instance::new("archive", Vec::new()).unwrap();
        let wire = deps.crypto.clone();
        deps.instance.certify(&platform::instance::KeysCertifier::new(wire)).await.unwrap();
        crate::consumer(&bench.config, deps).sealer
    };
    let own = crate::consumer(&bench.config, bench.deps()).sealer;
    let long_ago = crate::testing::NOW;
    let (first, second) = tokio::join!(own.settle(&row, long_ago), other.settle(&row, long_ago));
    first.unwrap();
    second.unwrap();
    assert_eq!(bench.history(&call).await.documents.len(), 1);
    assert_eq!(events(&bench).await.len(), 1);
}
