//! Sealings, checked with the keys in hand and not through the gate.

use kernel::{ErrorCode, LegNo, Role, SectionNo, ServiceError};
use proptest::prelude::*;
use seal::page::SEALING;

use super::*;
use crate::testing::{Bench, POLICY, Says, derives, policy_hash, purpose, request, section, spans, tenant};

const DUTY: &str = "mifid2-transaction";

async fn seal(bench: &Bench, asked: &SealRequest) -> Sealed {
    bench.service.sealing.seal(&tenant(), asked).await.unwrap()
}

fn with_gap(asked: SealRequest, seen: &[(SectionAddress, std::ops::Range<u32>)]) -> SealRequest {
    let seen = seen.iter().map(|(at, range)| (*at, spans(range.clone()))).collect();
    SealRequest { completeness: Completeness::Gaps(seen), ..asked }
}

#[tokio::test]
async fn each_purposes_entry_opens_its_spans_and_no_span_that_only_another_may_use() {
    let bench = Bench::new().await;
    let at = section(RecordingId::new(), 0);
    let key = bench.adopted(at).await;
    let asked = request(at.recording, &[(at, DUTY, 0..60), (at, "quality", 9..60), (at, "training", 9..17)]);
    let sealed = seal(&bench, &asked).await;
    assert_eq!(sealed.entries.len(), 3);

    let entries = bench.entries_in_hand().await;
    for (name, range) in [(DUTY, 0..60), ("quality", 9..60), ("training", 9..17)] {
        let own: Vec<_> = entries.iter().filter(|entry| entry.purpose.as_str() == name).collect();
        assert_eq!(own.len(), 1, "{name}");
        assert!(derives(&own[0].cover, &key, range.clone()), "{name}");
        for outside in (0..70).filter(|n| !range.contains(n)) {
            assert!(own[0].cover.key(kernel::SpanNo(outside)).is_none(), "{name} opens span {outside}");
        }
    }
    assert_eq!(entries.len(), 3, "the root is gone");
}

#[tokio::test]
async fn a_withdrawn_purpose_leaves_nothing_that_opens_any_span() {
    let bench = Bench::new().await;
    let at = section(RecordingId::new(), 0);
    bench.adopted(at).await;
    bench.consent.will_say("quality", [Says::Gone("withdrawn")]);
    bench.consent.will_say("training", [Says::Gone("withdrawn")]);
    let asked = request(at.recording, &[(at, "quality", 0..8), (at, "training", 0..8)]);
    let sealed = seal(&bench, &asked).await;
    assert_eq!(sealed.entries, BTreeMap::new());
    assert_eq!(sealed.gone[&purpose("quality")], "withdrawn");
    assert_eq!(bench.entries_in_hand().await.len(), 0);
}

#[tokio::test]
async fn a_withdrawal_that_crosses_the_sealing_takes_what_was_just_written() {
    let bench = Bench::new().await;
    let at = section(RecordingId::new(), 0);
    bench.adopted(at).await;
    bench.consent.will_say("quality", [Says::Stands, Says::Gone("withdrawn")]);
    let asked = request(at.recording, &[(at, DUTY, 0..9), (at, "quality", 0..9)]);
    let sealed = seal(&bench, &asked).await;
    assert_eq!(sealed.gone.keys().collect::<Vec<_>>(), [&purpose("quality")]);
    assert_eq!(bench.opens(at).await, BTreeMap::from([(DUTY.to_owned(), spans(0..9))]));
    let locators = bench.service.pages.locators(&tenant(), at.recording).await.unwrap();
    let removed = locators.iter().find(|locator| locator.key.purpose == purpose("quality")).unwrap();
    assert_eq!(removed.state, LocatorState::Removed);
}

#[tokio::test]
async fn what_was_withdrawn_before_gets_no_entry_when_consent_comes_back() {
    let bench = Bench::new().await;
    let at = section(RecordingId::new(), 0);
    bench.adopted(at).await;
    bench.consent.will_say("quality", [Says::Gone("withdrawn")]);
    let asked = request(at.recording, &[(at, DUTY, 0..9), (at, "quality", 0..9)]);
    seal(&bench, &asked).await;
    bench.consent.will_say("quality", [Says::Stands]);
    seal(&bench, &asked).await;
    assert_eq!(bench.opens(at).await, BTreeMap::from([(DUTY.to_owned(), spans(0..9))]));
}

#[tokio::test]
async fn a_silent_consent_ends_the_sealing_and_the_repetition_finishes_it() {
    let bench = Bench::new().await;
    let at = section(RecordingId::new(), 0);
    bench.adopted(at).await;
    let asked = request(at.recording, &[(at, DUTY, 0..9), (at, "quality", 2..9)]);
    // Before anything is written, and after.
    for first in [Says::Nothing, Says::Stands] {
        bench.consent.will_say("quality", [first, Says::Nothing]);
        let failed = bench.service.sealing.seal(&tenant(), &asked).await.unwrap_err();
        assert_eq!(failed.code(), ErrorCode::Unavailable);
        assert!(bench.opens(at).await.contains_key(SEALING), "the root waits");
    }
    bench.consent.will_say("quality", [Says::Stands]);
    let sealed = bench.another().sealing.seal(&tenant(), &asked).await.unwrap();
    assert_eq!(sealed.entries.len(), 2);
    let expected = BTreeMap::from([(DUTY.to_owned(), spans(0..9)), ("quality".to_owned(), spans(2..9))]);
    assert_eq!(bench.opens(at).await, expected);
}

#[tokio::test]
async fn instances_that_seal_one_recording_at_once_leave_one_entry_per_section_and_purpose() {
    let bench = Bench::new().await;
    let recording = RecordingId::new();
    let places: Vec<_> = (0..4).map(|leg| section(recording, leg)).collect();
    let mut keys = Vec::new();
    for at in &places {
        keys.push(bench.adopted(*at).await);
    }
    let entries: Vec<_> = places
        .iter()
        .flat_map(|at| [(*at, DUTY, 0..50), (*at, "quality", 5..50), (*at, "training", 5..9)])
        .collect();
    let asked = request(recording, &entries);
    let (a, b, c) = (bench.another(), bench.another(), bench.another());
    let tenant = tenant();
    let (x, y, z) = tokio::join!(
        a.sealing.seal(&tenant, &asked),
        b.sealing.seal(&tenant, &asked),
        c.sealing.seal(&tenant, &asked)
    );
    let (x, y, z) = (x.unwrap(), y.unwrap(), z.unwrap());
    assert!(x == y && y == z, "each is told the same");
    assert_eq!(bench.entries_in_hand().await.len(), 12, "and no root");
    for (at, key) in places.iter().zip(&keys) {
        let opens = bench.opens(*at).await;
        assert_eq!(opens.len(), 3);
        let entries = bench.entries_in_hand().await;
        let quality = |entry: &&Entry| entry.section == *at && entry.purpose == purpose("quality");
        assert!(derives(&entries.iter().find(quality).unwrap().cover, key, 5..50));
    }
}

#[tokio::test]
async fn a_gap_keeps_the_root_of_what_was_not_seen_and_late_spans_get_their_entries() {
    let bench = Bench::new().await;
    let at = section(RecordingId::new(), 0);
    let key = bench.adopted(at).await;
    let first = request(at.recording, &[(at, DUTY, 0..10), (at, "quality", 4..10)]);
    seal(&bench, &with_gap(first, &[(at, 0..10)])).await;
    let opens = bench.opens(at).await;
    assert_eq!(opens[SEALING], SpanSet::all().difference(&spans(0..10)));

    // Spans 10 and 11 come late, under the frozen timeline.
    let late = request(at.recording, &[(at, DUTY, 0..12), (at, "quality", 4..12)]);
    let late = SealRequest { span_table_hash: Hash([3; 32]), ..late };
    let sealed = bench.another().sealing.seal(&tenant(), &late).await.unwrap();
    assert_eq!(sealed.entries.values().cloned().collect::<Vec<_>>(), [spans(0..12), spans(4..12)]);
    let entries = bench.entries_in_hand().await;
    assert_eq!(entries.len(), 2, "complete: the root is gone");
    let duty = entries.iter().find(|entry| entry.purpose.as_str() == DUTY).unwrap();
    assert!(derives(&duty.cover, &key, 0..12));
    let row = bench.store.recording(&tenant(), at.recording).await.unwrap().unwrap();
    assert_eq!(row.span_table_hash, Hash([3; 32]));
}

#[tokio::test]
async fn a_span_seen_under_no_purpose_is_never_regained() {
    let bench = Bench::new().await;
    let at = section(RecordingId::new(), 0);
    bench.adopted(at).await;
    let first = request(at.recording, &[(at, "quality", 4..10)]);
    seal(&bench, &with_gap(first, &[(at, 0..10)])).await;
    // Asked again for more than the timeline gave: the root has no key for spans 0 to 3 any more.
    let more = request(at.recording, &[(at, "quality", 0..10)]);
    let sealed = seal(&bench, &more).await;
    assert_eq!(sealed.entries.values().cloned().collect::<Vec<_>>(), [spans(4..10)]);
}

#[tokio::test]
async fn under_another_timeline_a_sealed_recording_only_loses() {
    let bench = Bench::new().await;
    let (at, meta) = {
        let recording = RecordingId::new();
        let meta = SectionAddress { recording, leg: LegNo(65_535), section: SectionNo(0) };
        (section(recording, 0), meta)
    };
    bench.adopted(at).await;
    bench.adopted(meta).await;
    let first = request(at.recording, &[(at, DUTY, 0..10), (at, "quality", 0..5), (meta, DUTY, 0..1)]);
    seal(&bench, &with_gap(first, &[(at, 0..10), (meta, 0..1)])).await;
    let other = request(at.recording, &[(at, DUTY, 0..20), (at, "quality", 0..2), (at, "training", 12..20)]);
    let other = SealRequest { timeline_hash: Hash([9; 32]), ..other };
    seal(&bench, &other).await;
    let expected = BTreeMap::from([(DUTY.to_owned(), spans(0..10)), ("quality".to_owned(), spans(0..2))]);
    assert_eq!(bench.opens(at).await, expected);
    assert_eq!(bench.opens(meta).await, BTreeMap::new());
    let row = bench.store.recording(&tenant(), at.recording).await.unwrap().unwrap();
    assert_eq!(row.timeline_hash, Hash([1; 32]), "the first one stays");
}

#[tokio::test]
async fn complete_takes_every_root_of_the_recording_and_no_other_recordings() {
    let bench = Bench::new().await;
    let recording = RecordingId::new();
    let (spoken, silent, other) =
        (section(recording, 0), section(recording, 1), section(RecordingId::new(), 0));
    for at in [spoken, silent, other] {
        bench.adopted(at).await;
    }
    seal(&bench, &request(recording, &[(spoken, DUTY, 0..3)])).await;
    assert_eq!(bench.opens(silent).await, BTreeMap::new(), "it was not even asked for");
    assert_eq!(bench.opens(other).await.into_keys().collect::<Vec<_>>(), [SEALING]);
}

#[tokio::test]
async fn the_gate_goes_by_the_policy_that_the_sealing_names() {
    let bench = Bench::new().await;
    let at = section(RecordingId::new(), 0);
    bench.adopted(at).await;
    assert_eq!(
        bench.store.recording(&tenant(), at.recording).await.unwrap(),
        None,
        "nothing opens before it"
    );
    // The tenant has let compliance hear `quality` since the call opened.
    bench.policies.take(&later());
    seal(&bench, &request(at.recording, &[(at, "quality", 0..3)])).await;
    let row = bench.store.recording(&tenant(), at.recording).await.unwrap().unwrap();
    assert_eq!((row.state, row.policy_hash), (RecordingState::Sealed, policy_hash(POLICY)));
    let ask = bench.ask(Role::Compliance, "quality", at, 0..3);
    let refused = bench.service.unwrapping.unwrap(&tenant(), "archive", &ask).await.unwrap_err();
    assert_eq!(refused.reason(), Some("role-not-allowed"));
}

#[tokio::test]
async fn under_another_policy_a_sealed_recording_only_loses_and_keeps_the_first() {
    let bench = Bench::new().await;
    let at = section(RecordingId::new(), 0);
    bench.adopted(at).await;
    let first = request(at.recording, &[(at, DUTY, 0..10), (at, "quality", 0..5)]);
    seal(&bench, &with_gap(first, &[(at, 0..10)])).await;
    let other = request(at.recording, &[(at, DUTY, 0..20), (at, "quality", 0..2), (at, "training", 12..20)]);
    seal(&bench, &SealRequest { policy_hash: policy_hash(&later()), ..other }).await;
    let expected = BTreeMap::from([(DUTY.to_owned(), spans(0..10)), ("quality".to_owned(), spans(0..2))]);
    assert_eq!(bench.opens(at).await, expected);
    let row = bench.store.recording(&tenant(), at.recording).await.unwrap().unwrap();
    assert_eq!(row.policy_hash, policy_hash(POLICY));
}

/// A policy that lets more roles hear than [`POLICY`].
fn later() -> String {
    POLICY.replace("roles: [supervisor]", "roles: [supervisor, compliance]")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever was asked before, and in however many steps: an entry never opens what was not asked last.
    #[test]
    fn no_sequence_of_sealings_opens_more_than_the_last_one_asked(
        steps in prop::collection::vec((0u32..20, 0u32..20, 0u32..20, any::<bool>()), 1..5),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::new().await;
            let at = section(RecordingId::new(), 0);
            bench.adopted(at).await;
            for (start, length, seen, gone) in steps {
                bench.consent.will_say("quality", [if gone { Says::Gone("withdrawn") } else { Says::Stands }]);
                let asked = request(at.recording, &[(at, "quality", start..start + length)]);
                let asked = with_gap(asked, &[(at, 0..seen.max(1))]);
                seal(&bench, &asked).await;
                let opens = bench.opens(at).await;
                let had = opens.get("quality").cloned().unwrap_or_default();
                let allowed = if gone { SpanSet::EMPTY } else { spans(start..start + length) };
                assert!(had.difference(&allowed).is_empty(), "{had:?} of {allowed:?}");
            }
        });
    }
}
