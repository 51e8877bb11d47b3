//! Sections come in once, under their own key, whatever crashes or repeats.

use kernel::{ErrorCode, RecordingId, ServiceError};
use seal::SpanSet;

use super::*;
use crate::testing::{Bench, WEEK, derives, other_tenant, request, section, tenant};

#[tokio::test]
async fn an_adopted_root_lies_under_the_reserved_purpose_and_derives_the_writers_keys() {
    let bench = Bench::new().await;
    let at = section(RecordingId::new(), 0);
    let key = bench.adopted(at).await;
    let entries = bench.entries_in_hand().await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].purpose.as_str(), SEALING);
    assert_eq!(entries[0].cover.spans(), SpanSet::all());
    let few = SpanSet::from_ranges([0..3, 900..901]).unwrap();
    let restricted = entries[0].cover.restrict(&few);
    assert!(restricted.keys_in_order().all(|(n, own)| own.expose() == key.span_key(n).unwrap().expose()));
}

#[tokio::test]
async fn a_repeated_section_is_known_also_by_another_instance() {
    let bench = Bench::new().await;
    let (new, _) = bench.new_section(section(RecordingId::new(), 0)).await;
    assert_eq!(bench.service.sections.adopt(&tenant(), &new).await.unwrap(), Adopted::Now);
    assert_eq!(bench.service.sections.adopt(&tenant(), &new).await.unwrap(), Adopted::Before);
    assert_eq!(bench.another().sections.adopt(&tenant(), &new).await.unwrap(), Adopted::Before);
    assert_eq!(bench.entries_in_hand().await.len(), 1);
}

#[tokio::test]
async fn another_key_for_a_section_is_told_and_changes_nothing() {
    let bench = Bench::new().await;
    let at = section(RecordingId::new(), 0);
    let key = bench.adopted(at).await;
    let (rival, _) = bench.new_section(at).await;
    let refused = bench.service.sections.adopt(&tenant(), &rival).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::AlreadyExists);
    let entries = bench.entries_in_hand().await;
    assert_eq!(entries.len(), 1);
    assert!(derives(&entries[0].cover.restrict(&crate::testing::spans(0..9)), &key, 0..9));
}

#[tokio::test]
async fn a_key_sealed_for_another_place_or_tenant_does_not_open_and_takes_no_address() {
    let bench = Bench::new().await;
    let at = section(RecordingId::new(), 0);
    let (new, _) = bench.new_section(at).await;
    let moved = NewSection { section: section(RecordingId::new(), 0), ..new.clone() };
    let refused = bench.service.sections.adopt(&tenant(), &moved).await.unwrap_err();
    assert!(matches!(refused, Error::Unopened { .. }));
    bench.service.epochs.active(&other_tenant()).await.unwrap();
    let refused = bench.service.sections.adopt(&other_tenant(), &new).await.unwrap_err();
    assert!(matches!(refused, Error::Unopened { .. }));
    let later = NewSection { key_epoch: KeyEpoch(9), ..new.clone() };
    let refused = bench.service.sections.adopt(&tenant(), &later).await.unwrap_err();
    assert!(matches!(refused, Error::UnknownEpoch { .. }));
    assert!(bench.store.sections(&tenant(), at.recording).await.unwrap().is_empty());
    assert_eq!(bench.service.sections.adopt(&tenant(), &new).await.unwrap(), Adopted::Now);
}

#[tokio::test]
async fn a_section_sealed_to_a_closing_epoch_is_still_taken_in() {
    let bench = Bench::new().await;
    let (new, _) = bench.new_section(section(RecordingId::new(), 0)).await;
    bench.clock.advance(WEEK);
    bench.service.epochs.active(&tenant()).await.unwrap();
    assert_eq!(bench.service.sections.adopt(&tenant(), &new).await.unwrap(), Adopted::Now);
    let pages = bench.store.pages(&tenant(), KeyEpoch(2), None, 10).await.unwrap();
    assert_eq!(pages.len(), 1, "its entry lies under the active epoch");
}

#[tokio::test]
async fn a_crash_between_row_and_entry_is_made_good_by_the_repetition() {
    let bench = Bench::new().await;
    let (new, _) = bench.new_section(section(RecordingId::new(), 0)).await;
    let row = SectionRow {
        tenant: tenant(),
        section: new.section,
        kind: new.kind,
        reserved: reserved_purpose(new.kind),
        key_epoch: new.key_epoch,
        writer: new.writer,
        session_epoch: new.session_epoch,
        fingerprint: Hash::of(&new.sealed.to_bytes()),
        adopted_at: bench.clock.now(),
    };
    bench.store.adopt(&row).await.unwrap();
    assert_eq!(bench.another().sections.adopt(&tenant(), &new).await.unwrap(), Adopted::Now);
    assert_eq!(bench.entries_in_hand().await.len(), 1);
}

#[tokio::test]
async fn a_root_that_the_sealing_ended_does_not_come_back() {
    let bench = Bench::new().await;
    let at = section(RecordingId::new(), 0);
    let (new, _) = bench.new_section(at).await;
    bench.service.sections.adopt(&tenant(), &new).await.unwrap();
    let sealed = request(at.recording, &[(at, "mifid2-transaction", 0..10)]);
    bench.service.sealing.seal(&tenant(), &sealed).await.unwrap();
    assert_eq!(bench.another().sections.adopt(&tenant(), &new).await.unwrap(), Adopted::Before);
    assert_eq!(bench.opens(at).await.into_keys().collect::<Vec<_>>(), ["mifid2-transaction"]);
}

#[tokio::test]
async fn a_subjects_identifiers_lie_under_their_own_reserved_purpose() {
    let bench = Bench::new().await;
    let (new, _) = bench.new_section(section(RecordingId::new(), 0)).await;
    let subject = NewSection { kind: SectionKind::Subject, ..new };
    bench.service.sections.adopt(&tenant(), &subject).await.unwrap();
    assert_eq!(bench.entries_in_hand().await[0].purpose.as_str(), SUBJECT);
}

#[test]
fn no_policy_takes_a_reserved_purpose() {
    for name in RESERVED {
        let text = crate::testing::POLICY.replace("training", name);
        let refused = policy::parse(&text, &|_| None).unwrap_err();
        assert!(refused.to_string().contains(&format!("purpose {name} is reserved")), "{refused}");
    }
}
