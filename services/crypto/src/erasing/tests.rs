//! What is erased is gone for everybody, whenever it is erased; everything else still opens.

use std::collections::BTreeMap;
use std::ops::Range;

use kernel::{ErrorCode, LegNo, Role, SectionNo, ServiceError};
use seal::page::SEALING;
use seal::{Hash, LegKey, SectionAddress};

use super::*;
use crate::gate::Refusal;
use crate::pages::{Applied, Course};
use crate::sealing::{Completeness, SealRequest};
use crate::sections::Adopted;
use crate::service::Service;
use crate::store::LocatorState;
use crate::store::sqlite::SqliteKeyStore;
use crate::testing::{
    Bench, WEEK, derives, other_tenant, policy_hash, purpose, request, section, spans, tenant,
};
use crate::turn::Look;

const DUTY: &str = "mifid2-transaction";
const ROUNDS: usize = 24;

fn everything(recording: RecordingId) -> EraseRequest {
    let erasure = ErasureId::new();
    EraseRequest { recording, erasure, purposes: BTreeSet::new(), spans: None }
}

fn only(name: &str, recording: RecordingId) -> EraseRequest {
    EraseRequest { purposes: BTreeSet::from([purpose(name)]), ..everything(recording) }
}

fn stretch(at: SectionAddress, range: Range<u32>) -> EraseRequest {
    let spans = MarkedSpans::from([((at.leg, at.section), spans(range))]);
    EraseRequest { spans: Some(spans), ..everything(at.recording) }
}

fn mark_of(asked: &EraseRequest) -> Mark {
    let EraseRequest { recording, erasure, purposes, spans } = asked.clone();
    Mark { tenant: tenant(), recording, erasure, purposes, spans, at: Timestamp(1) }
}

async fn erase(service: &Service, asked: &EraseRequest) -> Erased {
    service.erasing.erase(&tenant(), asked).await.unwrap()
}

fn call(at: SectionAddress) -> SealRequest {
    request(at.recording, &[(at, DUTY, 0..60), (at, "quality", 9..60)])
}

/// A call with a gap: what was seen of it, and its spans that come late.
fn with_gap(at: SectionAddress) -> SealRequest {
    let seen = BTreeMap::from([(at, spans(0..60))]);
    SealRequest { completeness: Completeness::Gaps(seen), ..call(at) }
}

fn with_late_spans(at: SectionAddress) -> SealRequest {
    let asked = request(at.recording, &[(at, DUTY, 0..70), (at, "quality", 9..70)]);
    SealRequest { span_table_hash: Hash([3; 32]), ..asked }
}

async fn sealed_call(bench: &Bench) -> (SectionAddress, LegKey) {
    let at = section(RecordingId::new(), 0);
    let key = bench.adopted(at).await;
    bench.service.sealing.seal(&tenant(), &call(at)).await.unwrap();
    (at, key)
}

/// What opens in hand, as the tables have it.
async fn in_hand(bench: &Bench, at: SectionAddress, expected: &[(&str, SpanSet)]) {
    let expected: BTreeMap<String, SpanSet> =
        expected.iter().map(|(name, spans)| ((*name).to_owned(), spans.clone())).collect();
    assert_eq!(bench.opens(at).await, expected);
}

fn but(range: Range<u32>, without: Range<u32>) -> SpanSet {
    spans(range).difference(&spans(without))
}

#[tokio::test]
async fn an_erased_recording_opens_for_nobody_and_another_one_still_does() {
    let bench = Bench::new().await;
    let (at, _) = sealed_call(&bench).await;
    let (other, key) = sealed_call(&bench).await;
    let erased = erase(&bench.service, &everything(at.recording)).await;
    assert_eq!((erased.removed, erased.narrowed, erased.leases), (2, 0, Duration::ZERO));
    in_hand(&bench, at, &[]).await;
    assert_eq!(bench.service.erasing.probe(&tenant(), at.recording).await.unwrap(), []);
    for (role, name) in [(Role::Compliance, DUTY), (Role::Supervisor, "quality")] {
        let ask = bench.ask(role, name, at, 0..60);
        let refused = bench.service.unwrapping.unwrap(&tenant(), "archive", &ask).await.unwrap_err();
        assert_eq!(refused.reason(), Some("nothing-opens"), "{name}");
    }
    let ask = bench.ask(Role::Compliance, DUTY, other, 0..60);
    let opened = bench.service.unwrapping.unwrap(&tenant(), "archive", &ask).await.unwrap();
    assert!(derives(&opened.covers[&other], &key, 0..60));
}

#[tokio::test]
async fn one_purpose_goes_and_the_others_stay() {
    let bench = Bench::new().await;
    let (at, key) = sealed_call(&bench).await;
    let erased = erase(&bench.service, &only("quality", at.recording)).await;
    assert_eq!((erased.removed, erased.narrowed), (1, 0));
    in_hand(&bench, at, &[(DUTY, spans(0..60))]).await;
    let entries = bench.entries_in_hand().await;
    assert!(derives(&entries[0].cover, &key, 0..60));
    let locators = bench.store.locators(&tenant(), at.recording).await.unwrap();
    let quality = locators.iter().find(|locator| locator.key.purpose == purpose("quality")).unwrap();
    assert_eq!(quality.state, LocatorState::Removed);
}

#[tokio::test]
async fn a_stretch_goes_from_every_purpose_and_the_rest_still_opens() {
    let bench = Bench::new().await;
    let (at, key) = sealed_call(&bench).await;
    let erased = erase(&bench.service, &stretch(at, 5..20)).await;
    assert_eq!((erased.removed, erased.narrowed), (0, 2));
    in_hand(&bench, at, &[(DUTY, but(0..60, 5..20)), ("quality", spans(20..60))]).await;
    let ask = bench.ask(Role::Supervisor, "quality", at, 0..60);
    let opened = bench.service.unwrapping.unwrap(&tenant(), "archive", &ask).await.unwrap();
    assert!(derives(&opened.covers[&at], &key, 20..60));
    let within = bench.ask(Role::Compliance, DUTY, at, 6..19);
    let refused = bench.service.unwrapping.unwrap(&tenant(), "archive", &within).await.unwrap_err();
    assert_eq!(refused.reason(), Some("nothing-opens"));
}

#[tokio::test]
async fn an_erasure_that_comes_again_has_the_same_answer_and_no_second_effect() {
    let bench = Bench::new().await;
    let (at, _) = sealed_call(&bench).await;
    let end = bench.store.epoch(&tenant(), KeyEpoch(1)).await.unwrap().unwrap().until;
    let (quality, part) = (only("quality", at.recording), stretch(at, 5..20));
    let first = [erase(&bench.service, &quality).await, erase(&bench.service, &part).await];
    for erased in &first {
        assert_eq!((erased.epochs.clone(), erased.not_before), (BTreeSet::from([KeyEpoch(1)]), Some(end)));
    }
    // Another epoch has begun, and a row is where it was.
    bench.clock.advance(WEEK);
    bench.service.epochs.active(&tenant()).await.unwrap();
    let versions = async || {
        let pages = bench.store.pages(&tenant(), KeyEpoch(1), None, 10).await.unwrap();
        pages.iter().map(|page| page.version).collect::<Vec<_>>()
    };
    let before = (versions().await, bench.store.marks(&tenant(), at.recording).await.unwrap());
    for (asked, first) in [&quality, &part].into_iter().zip(first) {
        for service in [&bench.service, &bench.another()] {
            assert_eq!(erase(service, asked).await, Erased { removed: 0, narrowed: 0, ..first.clone() });
        }
    }
    assert_eq!((versions().await, bench.store.marks(&tenant(), at.recording).await.unwrap()), before);
}

#[tokio::test]
async fn an_erasure_that_comes_again_for_more_is_told_and_erases_no_more() {
    let bench = Bench::new().await;
    let (at, _) = sealed_call(&bench).await;
    let first = stretch(at, 5..20);
    erase(&bench.service, &first).await;
    let less = EraseRequest { erasure: first.erasure, ..stretch(at, 6..7) };
    erase(&bench.service, &less).await;
    for more in [stretch(at, 5..21), everything(at.recording)] {
        let more = EraseRequest { erasure: first.erasure, ..more };
        let refused = bench.service.erasing.erase(&tenant(), &more).await.unwrap_err();
        assert_eq!((refused.code(), refused.reason()), (ErrorCode::AlreadyExists, Some("other-scope")));
    }
    in_hand(&bench, at, &[(DUTY, but(0..60, 5..20)), ("quality", spans(20..60))]).await;
}

#[tokio::test]
async fn what_is_erased_before_anything_is_there_never_comes_to_be_there() {
    let bench = Bench::new().await;
    let at = section(RecordingId::new(), 0);
    let erased = erase(&bench.service, &everything(at.recording)).await;
    assert_eq!(erased, Erased::default(), "nothing was there, and nothing is to be waited for");
    let (new, _) = bench.new_section(at).await;
    for adopted in [Adopted::Now, Adopted::Before] {
        assert_eq!(bench.service.sections.adopt(&tenant(), &new).await.unwrap(), adopted);
        in_hand(&bench, at, &[]).await;
    }
    let sealed = bench.service.sealing.seal(&tenant(), &call(at)).await.unwrap();
    assert_eq!(sealed.entries, BTreeMap::new());
    in_hand(&bench, at, &[]).await;
    let locators = bench.store.locators(&tenant(), at.recording).await.unwrap();
    let told: Vec<_> = locators.iter().map(|locator| (locator.key.purpose.as_str(), locator.state)).collect();
    assert_eq!(told, [(SEALING, LocatorState::Removed)], "it came, and was erased before");
    let page = bench.store.page(locators[0].place.page).await.unwrap().unwrap();
    assert_eq!((page.added, page.removed, page.dirty), (0, 0, false), "nothing ever lay there");
    assert_eq!(erase(&bench.service, &everything(at.recording)).await, Erased::default());
}

#[tokio::test]
async fn a_stretch_that_is_erased_before_anything_is_there_is_left_out_of_root_and_entries() {
    let bench = Bench::new().await;
    let at = section(RecordingId::new(), 0);
    erase(&bench.service, &stretch(at, 5..20)).await;
    let key = bench.adopted(at).await;
    in_hand(&bench, at, &[(SEALING, SpanSet::all().difference(&spans(5..20)))]).await;
    let sealed = bench.service.sealing.seal(&tenant(), &call(at)).await.unwrap();
    let told = sealed.entries.into_values().collect::<Vec<_>>();
    assert_eq!(told, [but(0..60, 5..20), spans(20..60)]);
    in_hand(&bench, at, &[(DUTY, but(0..60, 5..20)), ("quality", spans(20..60))]).await;
    let entries = bench.entries_in_hand().await;
    let quality = entries.iter().find(|entry| entry.purpose == purpose("quality")).unwrap();
    assert!(derives(&quality.cover, &key, 20..60));
}

#[tokio::test]
async fn what_is_erased_between_adoption_and_sealing_gets_no_entry() {
    let bench = Bench::new().await;
    let [all, part, named] = [0; 3].map(|leg| section(RecordingId::new(), leg));
    for at in [all, part, named] {
        bench.adopted(at).await;
    }
    let erased = erase(&bench.service, &everything(all.recording)).await;
    assert_eq!((erased.removed, erased.epochs), (1, BTreeSet::from([KeyEpoch(1)])), "its root was there");
    assert_eq!(erase(&bench.service, &stretch(part, 5..20)).await.narrowed, 1);
    let erased = erase(&bench.service, &only("quality", named.recording)).await;
    assert_eq!((erased.removed, erased.narrowed, erased.epochs), (0, 0, BTreeSet::new()));
    for at in [all, part, named] {
        bench.service.sealing.seal(&tenant(), &call(at)).await.unwrap();
    }
    in_hand(&bench, all, &[]).await;
    in_hand(&bench, part, &[(DUTY, but(0..60, 5..20)), ("quality", spans(20..60))]).await;
    in_hand(&bench, named, &[(DUTY, spans(0..60))]).await;
}

#[tokio::test]
async fn late_spans_of_a_sealed_recording_are_reached_too() {
    let bench = Bench::new().await;
    let [all, part, named] = [0; 3].map(|leg| section(RecordingId::new(), leg));
    for at in [all, part, named] {
        bench.adopted(at).await;
        bench.service.sealing.seal(&tenant(), &with_gap(at)).await.unwrap();
    }
    // The roots of what was not seen are there.
    assert_eq!(erase(&bench.service, &everything(all.recording)).await.removed, 3);
    assert_eq!(erase(&bench.service, &stretch(part, 55..65)).await.narrowed, 3);
    assert_eq!(erase(&bench.service, &only("quality", named.recording)).await.removed, 1);
    let late = section(all.recording, 1);
    bench.adopted(late).await;
    for at in [all, part, named] {
        bench.service.sealing.seal(&tenant(), &with_late_spans(at)).await.unwrap();
    }
    in_hand(&bench, all, &[]).await;
    in_hand(&bench, late, &[]).await;
    in_hand(&bench, part, &[(DUTY, but(0..70, 55..65)), ("quality", but(9..70, 55..65))]).await;
    in_hand(&bench, named, &[(DUTY, spans(0..70))]).await;
}

#[tokio::test]
async fn a_claim_that_a_crash_left_empty_is_not_written_after_the_erasure() {
    let bench = Bench::new().await;
    let (at, key) = sealed_call(&bench).await;
    let page = bench.store.pages(&tenant(), KeyEpoch(1), None, 10).await.unwrap()[0].page;
    let training = EntryKey { section: at, purpose: purpose("training") };
    let place = crate::store::Place { page, slot: 900 };
    bench.store.claim(&tenant(), &[(training, place)]).await.unwrap();
    // For some of its spans only it is left to its writer, who reads the marks.
    erase(&bench.service, &stretch(at, 5..20)).await;
    assert_eq!(bench.store.entry(place).await.unwrap(), None);
    let erased = erase(&bench.service, &only("training", at.recording)).await;
    assert_eq!((erased.removed, erased.narrowed), (0, 0));
    assert_eq!(erased.leases, Duration::ZERO);
    let cover = key.cover(&spans(0..9));
    let late = seal::Entry { section: at, purpose: purpose("training"), cover };
    let placed = bench.another().pages.place(&tenant(), &[late]).await.unwrap();
    assert_eq!(placed, [crate::pages::Placed::Removed]);
    in_hand(&bench, at, &[(DUTY, but(0..60, 5..20)), ("quality", spans(20..60))]).await;
}

#[tokio::test]
async fn a_mark_alone_refuses_readers_at_once_while_the_entries_still_stand() {
    let bench = Bench::new().await;
    let (at, key) = sealed_call(&bench).await;
    let unwrapping = &bench.service.unwrapping;
    let ask = |range| bench.ask(Role::Compliance, DUTY, at, range);
    let whole = unwrapping.unwrap(&tenant(), "archive", &ask(0..60)).await.unwrap().lease;
    let rest = unwrapping.unwrap(&tenant(), "archive", &ask(30..60)).await.unwrap().lease;
    bench.store.add_mark(&mark_of(&stretch(at, 5..20))).await.unwrap();

    in_hand(&bench, at, &[(DUTY, spans(0..60)), ("quality", spans(9..60))]).await;
    let refused = unwrapping.unwrap(&tenant(), "archive", &ask(5..20)).await.unwrap_err();
    assert_eq!(refused.reason(), Some("nothing-opens"));
    let opened = unwrapping.unwrap(&tenant(), "archive", &ask(0..20)).await.unwrap();
    assert!(derives(&opened.covers[&at], &key, 0..5));
    let refused = unwrapping.renew(&tenant(), "archive", whole).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(Refusal::Narrowed)), "{refused}");
    unwrapping.renew(&tenant(), "archive", rest).await.unwrap();
    let open = bench.service.erasing.probe(&tenant(), at.recording).await.unwrap();
    let open: Vec<_> = open.into_iter().map(|(_, spans)| spans).collect();
    assert_eq!(open, [but(0..60, 5..20), spans(20..60)]);
}

#[tokio::test]
async fn a_crash_after_the_mark_is_made_good_by_the_repetition() {
    let bench = Bench::new().await;
    let (at, _) = sealed_call(&bench).await;
    let asked = only("quality", at.recording);
    bench.store.add_mark(&mark_of(&asked)).await.unwrap();
    let erased = erase(&bench.another(), &asked).await;
    assert_eq!((erased.removed, erased.epochs.len()), (1, 1));
    in_hand(&bench, at, &[(DUTY, spans(0..60))]).await;
    let applied = bench.service.pages.apply_marks(&tenant(), at.recording).await.unwrap();
    assert_eq!(applied, Applied::default());
}

#[tokio::test]
async fn an_erasure_that_comes_again_after_its_page_was_turned_names_the_epoch_that_still_lives() {
    let bench = Bench::new().await;
    let (at, _) = sealed_call(&bench).await;
    let asked = everything(at.recording);
    // As if whoever asked had ended before the answer was written down.
    let first = erase(&bench.service, &asked).await;
    assert_eq!(first.epochs, BTreeSet::from([KeyEpoch(1)]));
    bench.service.epochs.begin_next(&tenant()).await.unwrap();
    let course = Course::new(KeyEpoch(1), KeyEpoch(2));
    for page in bench.store.pages(&tenant(), KeyEpoch(1), None, 10).await.unwrap() {
        bench.service.pages.turn(&tenant(), page.page, &course).await.unwrap();
    }
    let turned = bench.store.pages(&tenant(), KeyEpoch(2), None, 10).await.unwrap();
    assert!(!turned.is_empty() && turned.iter().all(|page| !page.dirty), "{turned:?}");
    let again = erase(&bench.another(), &asked).await;
    assert_eq!((again.removed, again.epochs, again.not_before), (0, first.epochs, first.not_before));

    bench.service.turn.step(&tenant()).await.unwrap();
    let last = erase(&bench.service, &asked).await;
    assert_eq!((last.epochs, last.not_before), (BTreeSet::new(), None), "nothing has it any more");
}

#[tokio::test]
async fn an_erasure_waits_for_leases_on_what_it_takes_and_for_no_others() {
    let bench = Bench::new().await;
    let (at, _) = sealed_call(&bench).await;
    let (other, _) = sealed_call(&bench).await;
    let unwrapping = &bench.service.unwrapping;
    for (name, role, at, range) in [
        (DUTY, Role::Compliance, at, 30..60),
        ("quality", Role::Supervisor, at, 9..12),
        (DUTY, Role::Compliance, other, 0..60),
    ] {
        unwrapping.unwrap(&tenant(), "archive", &bench.ask(role, name, at, range)).await.unwrap();
    }
    assert_eq!(erase(&bench.service, &stretch(at, 12..30)).await.leases, Duration::ZERO);
    assert_eq!(erase(&bench.service, &only("training", at.recording)).await.leases, Duration::ZERO);
    let asked = stretch(at, 11..12);
    for _ in 0..2 {
        let leases = erase(&bench.service, &asked).await.leases;
        assert!(leases > Duration::ZERO && leases <= Duration::from_secs(60), "{leases:?}");
    }
    let elsewhere = erase(&bench.another(), &only(DUTY, at.recording)).await;
    assert_eq!(elsewhere.leases, Duration::ZERO, "another process of an own file has given none");
}

#[tokio::test]
async fn what_was_leased_counts_until_it_has_run_out_also_where_its_renewal_was_refused() {
    let bench = Bench::new().await;
    let (at, _) = sealed_call(&bench).await;
    let unwrapping = &bench.service.unwrapping;
    let ask = bench.ask(Role::Compliance, DUTY, at, 0..60);
    let lease = unwrapping.unwrap(&tenant(), "archive", &ask).await.unwrap().lease;
    let asked = stretch(at, 5..20);
    bench.store.add_mark(&mark_of(&asked)).await.unwrap();
    let refused = unwrapping.renew(&tenant(), "archive", lease).await.unwrap_err();
    assert_eq!(refused.reason(), Some("narrowed"));
    assert!(erase(&bench.service, &asked).await.leases > Duration::ZERO);
}

#[tokio::test]
async fn another_tenants_erasure_reaches_nothing() {
    let bench = Bench::new().await;
    let (at, _) = sealed_call(&bench).await;
    bench.service.epochs.active(&other_tenant()).await.unwrap();
    let erased = bench.service.erasing.erase(&other_tenant(), &everything(at.recording)).await.unwrap();
    assert_eq!(erased, Erased::default());
    in_hand(&bench, at, &[(DUTY, spans(0..60)), ("quality", spans(9..60))]).await;
    assert_eq!(bench.service.erasing.probe(&other_tenant(), at.recording).await.unwrap(), []);
}

#[tokio::test]
async fn a_probe_shows_exactly_what_unwrap_would_give_and_the_root_besides() {
    let bench = Bench::new().await;
    let recording = RecordingId::new();
    let (spoken, late) = (section(recording, 0), section(recording, 1));
    let meta = SectionAddress { recording, leg: LegNo(65_535), section: SectionNo(0) };
    for at in [spoken, meta] {
        bench.adopted(at).await;
    }
    let entries =
        [(spoken, DUTY, 0..60), (spoken, "quality", 9..60), (meta, DUTY, 0..1), (meta, "quality", 0..1)];
    bench.service.sealing.seal(&tenant(), &request(recording, &entries)).await.unwrap();
    bench.adopted(late).await;
    erase(&bench.service, &stretch(spoken, 5..20)).await;
    erase(&bench.service, &only("training", recording)).await;
    // Marked alone, not yet taken from the entries.
    bench.store.add_mark(&mark_of(&stretch(spoken, 50..52))).await.unwrap();

    let open = bench.service.erasing.probe(&tenant(), recording).await.unwrap();
    let mut shown: BTreeMap<_, _> = open.into_iter().collect();
    let root = shown.remove(&EntryKey { section: late, purpose: purpose(SEALING) });
    assert_eq!(root, Some(SpanSet::all()));
    let mut given = BTreeMap::new();
    for (role, name) in
        [(Role::Compliance, DUTY), (Role::Supervisor, "quality"), (Role::Supervisor, "training")]
    {
        let mut ask = bench.ask(role, name, spoken, 0..1);
        ask.spans = [spoken, meta, late].map(|at| (at, SpanSet::all())).into();
        let Ok(opened) = bench.service.unwrapping.unwrap(&tenant(), "archive", &ask).await else { continue };
        given.extend(
            opened
                .covers
                .into_iter()
                .map(|(section, cover)| (EntryKey { section, purpose: purpose(name) }, cover.spans())),
        );
    }
    assert_eq!(shown, given);
    assert_eq!(shown.len(), 4);
}

#[tokio::test]
async fn key_tables_that_were_put_back_do_not_know_of_a_later_erasure() {
    let bench = Bench::new().await;
    let ((at, _), (late, _)) = (sealed_call(&bench).await, sealed_call(&bench).await);
    let known =
        async |service: &Service| service.turn.report(&tenant(), Look::Tables).await.unwrap().last_erasure_at;
    assert_eq!(known(&bench.service).await, None);
    let first = bench.clock.now();
    erase(&bench.service, &everything(at.recording)).await;
    let copy = bench.kept::<tempfile::TempDir>().path().join("copy.db");
    ::sqlite::backup::copy(&copy.with_file_name("crypto.db"), &copy).unwrap();
    let minute = Duration::from_secs(60);
    bench.clock.advance(minute);
    erase(&bench.service, &everything(late.recording)).await;
    assert_eq!(known(&bench.service).await, Some(first.plus(minute)));

    let old = SqliteKeyStore::open(&copy).await.unwrap();
    let restored = bench.another_with(|ports| ports.store = Arc::new(old));
    assert_eq!(known(&restored).await, Some(first));
}

/// Until no other writer is in the way, as archive asks again.
async fn until_sealed(service: &Service, asked: &SealRequest) {
    for _ in 0..100 {
        match service.sealing.seal(&tenant(), asked).await {
            Ok(_) => return,
            Err(Error::Contended(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{}", kernel::chain(&error)),
        }
    }
    panic!("the sealing met others 100 times");
}

#[tokio::test]
async fn a_sealing_that_an_erasure_crosses_leaves_nothing_marked() {
    an_erasure_and_a_sealing_that_cross_leave_nothing_marked(Bench::new().await).await;
}

#[tokio::test]
async fn an_adoption_that_an_erasure_crosses_leaves_no_root() {
    an_erasure_and_an_adoption_that_cross_leave_no_root(Bench::new().await).await;
}

/// Two processes, in every order that comes about: whatever the erasure took opens nowhere, everything else does.
pub(crate) async fn an_erasure_and_a_sealing_that_cross_leave_nothing_marked(bench: Bench) {
    let (sealer, eraser) = (bench.another(), bench.another());
    for round in 0..ROUNDS {
        let at = section(RecordingId::new(), 0);
        let key = bench.adopted(at).await;
        // Late spans come to a recording that was sealed before, too.
        let asked = if round % 2 == 0 { call(at) } else { with_late_spans(at) };
        if round % 2 == 1 {
            bench.service.sealing.seal(&tenant(), &with_gap(at)).await.unwrap();
        }
        let end = if round % 2 == 0 { 60 } else { 70 };
        let (erasure, expected) = match round % 3 {
            0 => {
                let left = vec![(DUTY, but(0..end, 40..65)), ("quality", but(9..end, 40..65))];
                (stretch(at, 40..65), left)
            }
            1 => (only("quality", at.recording), vec![(DUTY, spans(0..end))]),
            _ => (everything(at.recording), Vec::new()),
        };
        let erasing = async {
            // The erasure begins at another moment of the sealing each time.
            for _ in 0..3 * round {
                tokio::task::yield_now().await;
            }
            erase(&eraser, &erasure).await
        };
        tokio::join!(until_sealed(&sealer, &asked), erasing);
        in_hand(&bench, at, &expected).await;
        for entry in bench.entries_in_hand().await.iter().filter(|entry| entry.section == at) {
            let opened = entry.cover.keys_in_order();
            assert!(opened.into_iter().all(|(n, own)| own.expose() == key.span_key(n).unwrap().expose()));
        }
        erase(&bench.service, &erasure).await;
        in_hand(&bench, at, &expected).await;
    }
}

/// The same of a section that comes in.
pub(crate) async fn an_erasure_and_an_adoption_that_cross_leave_no_root(bench: Bench) {
    let (adopter, eraser) = (bench.another(), bench.another());
    for round in 0..ROUNDS {
        let at = section(RecordingId::new(), 0);
        let (new, _) = bench.new_section(at).await;
        let part = stretch(at, 5..20);
        let (erasure, expected) = match round % 2 {
            0 => (everything(at.recording), Vec::new()),
            _ => (part, vec![(SEALING, SpanSet::all().difference(&spans(5..20)))]),
        };
        let erasing = async {
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            erase(&eraser, &erasure).await
        };
        let tenant = tenant();
        let (adopted, _) = tokio::join!(adopter.sections.adopt(&tenant, &new), erasing);
        adopted.unwrap();
        in_hand(&bench, at, &expected).await;
    }
}

/// Whoever was given something that is erased holds it no longer than the erasure says.
#[tokio::test]
async fn no_lease_begins_unseen_by_the_erasure() {
    let bench = Bench::new().await;
    for round in 0..ROUNDS {
        let (at, _) = sealed_call(&bench).await;
        let ask = bench.ask(Role::Compliance, DUTY, at, 0..60);
        let erasing = async {
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            erase(&bench.service, &stretch(at, 5..20)).await
        };
        let tenant = tenant();
        let (opened, erased) =
            tokio::join!(bench.service.unwrapping.unwrap(&tenant, "archive", &ask), erasing);
        match opened {
            Ok(opened) if opened.covers[&at].spans() == spans(0..60) => {
                assert!(erased.leases > Duration::ZERO, "in round {round}");
            }
            Ok(opened) => assert_eq!(opened.covers[&at].spans(), but(0..60, 5..20)),
            Err(error) => assert!(matches!(error, Error::Contended(_)), "{error}"),
        }
    }
}

#[tokio::test]
async fn a_policy_that_comes_later_gives_nothing_back() {
    let bench = Bench::new().await;
    let (at, _) = sealed_call(&bench).await;
    erase(&bench.service, &stretch(at, 5..20)).await;
    let wider = crate::testing::POLICY.replace("roles: [supervisor]", "roles: [supervisor, compliance]");
    bench.policies.take(&wider);
    let asked = SealRequest { policy_hash: policy_hash(&wider), ..with_late_spans(at) };
    bench.service.sealing.seal(&tenant(), &asked).await.unwrap();
    in_hand(&bench, at, &[(DUTY, but(0..60, 5..20)), ("quality", spans(20..60))]).await;
}
