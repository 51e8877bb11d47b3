use std::sync::Arc;

use futures::TryStreamExt;
use kernel::{ErasureId, ManualClock};
use objects::{Key, LegalHold, MemoryObjects, ObjectStore, Prefix};
use platform::OutboxStore;
use proto::archive::v1::recordings_server::Recordings;
use proto::archive::v1::{
    EraseRequest, EraseResponse, GetRequest, ListRequest, Recording, RecordingState, SpansRequest,
    VerifyRequest, VerifyResponse,
};
use proto::common::v1::{Interval, SpanRange};
use proto::crypto::v1 as crypto;
use proto::crypto::v1::keys_server::Keys;
use seal::SignedDocument;
use seal::manifest::AddendumChange;
use tonic::{Code, Request, Status};

use super::replaying::{frames, gaps, of_leg, play, request};
use crate::fact::META_LEG;
use crate::store::{State, Store};
use crate::testing::{Bench, Call, Fault, FaultyStore, NOW, guarded};

const MIFID: &str = "mifid2-transaction";
const QUALITY: &str = "quality";
/// Seconds until every lock is over: no regime asks for more than seven years.
const YEARS: u64 = 8 * 366 * 86_400;

/// Spans of a section, first and last.
type Stretch = (u32, u32, u32, u32);

pub(super) async fn sealed(bench: &Bench, seconds: u64) -> Call {
    let mut call = Call::plain(bench, seconds, &[(MIFID, 0), (QUALITY, 0)]).await;
    call.close(bench, seconds * 50).await;
    bench.consume().await;
    call
}

/// Lets so much time pass that no lock holds any more.
async fn unlock(bench: &Bench) {
    bench.pass(YEARS);
    bench.certify().await;
}

/// Has crypto remove entries: of these purposes or all, of these spans or all.
pub(super) async fn remove(bench: &Bench, call: &Call, purposes: &[&str], spans: &[Stretch]) {
    let spans = spans.iter().map(|(leg, section, first, last)| crypto::SectionSpans {
        leg: *leg,
        section: *section,
        spans: vec![SpanRange { first: *first, last: *last }],
    });
    let asked = crypto::EraseRequest {
        recording_id: call.key.id.to_bytes().to_vec(),
        erasure_id: Vec::new(),
        purposes: purposes.iter().map(|purpose| (*purpose).to_owned()).collect(),
        spans: spans.collect(),
    };
    bench.keys.erase(Request::new(asked)).await.unwrap();
}

fn asked(call: &Call, erasure: u8) -> EraseRequest {
    EraseRequest {
        recording_id: call.key.id.to_bytes().to_vec(),
        erasure_id: vec![erasure; 16],
        reason: "period-over".to_owned(),
        purposes: Vec::new(),
    }
}

async fn try_erase(bench: &Bench, call: &Call, asked: EraseRequest) -> Result<EraseResponse, Status> {
    let answer = bench.rpc().erase(guarded(&call.key.tenant, None, asked)).await;
    answer.map(tonic::Response::into_inner)
}

pub(super) async fn erase(bench: &Bench, call: &Call, erasure: u8) -> EraseResponse {
    try_erase(bench, call, asked(call, erasure)).await.unwrap()
}

/// The same by a process with this store.
async fn erase_with(
    bench: &Bench,
    call: &Call,
    erasure: u8,
    store: impl FnOnce(Arc<dyn Store>) -> FaultyStore,
) -> Result<EraseResponse, Status> {
    let mut deps = bench.deps();
    deps.store = Arc::new(store(deps.store));
    let service = Arc::new(crate::service(&bench.config, &deps));
    let rpc = crate::rpc::Rpc::new(service, crate::eraser(&bench.config, &deps));
    let answer = rpc.erase(guarded(&call.key.tenant, None, asked(call, erasure))).await;
    answer.map(tonic::Response::into_inner)
}

/// The same by a process that dies on the way.
async fn erase_and_die(bench: &Bench, call: &Call, erasure: u8, fault: Fault) {
    let died = erase_with(bench, call, erasure, |store| FaultyStore::new(store, fault, 1)).await;
    assert_eq!(died.unwrap_err().code(), Code::Unavailable, "{fault:?}");
}

pub(super) async fn get(bench: &Bench, call: &Call) -> Recording {
    let asked = GetRequest { recording_id: call.key.id.to_bytes().to_vec() };
    bench.rpc().get(guarded(&call.key.tenant, None, asked)).await.unwrap().into_inner()
}

pub(super) async fn verified(bench: &Bench, call: &Call) -> VerifyResponse {
    let asked = VerifyRequest { recording_id: call.key.id.to_bytes().to_vec() };
    bench.rpc().verify(guarded(&call.key.tenant, None, asked)).await.unwrap().into_inner()
}

fn findings(response: &VerifyResponse) -> Vec<(&str, &str)> {
    response.findings.iter().map(|finding| (finding.name.as_str(), finding.kind.as_str())).collect()
}

/// Names of the stored versions of a recording's objects, without its documents.
async fn objects(bench: &Bench, call: &Call) -> Vec<String> {
    let prefix = Prefix::new(format!("{}/{}/", call.key.tenant, call.key.id)).unwrap();
    let listed = bench.objects.list_versions(&prefix, None, 1_000).await.unwrap();
    let names = listed.into_iter().map(|object| object.key.to_string());
    names.filter(|name| !name.contains("/documents/")).collect()
}

fn object(call: &Call, leg: u16) -> Key {
    Key::new(format!("{}/{}/{leg:05}/0000000000/0000000", call.key.tenant, call.key.id)).unwrap()
}

fn locked(answer: &EraseResponse) -> Vec<(&str, i64)> {
    answer.locked.iter().map(|object| (object.name.as_str(), object.until)).collect()
}

/// What a recording's documents erase: version and spans.
async fn erasures(bench: &Bench, call: &Call) -> Vec<(u32, Vec<Stretch>)> {
    let mut found = Vec::new();
    for document in bench.history(call).await.documents {
        let bytes = bench.objects.get(&document.name, None, None).await.unwrap().bytes;
        let signed = SignedDocument::decode(&bytes).unwrap();
        let roots = crate::service(&bench.config, &bench.deps()).mesh().trust().await.unwrap();
        let Ok(addendum) = seal::Addendum::verify(&signed, &roots, &call.key.tenant) else { continue };
        if let AddendumChange::Erased { spans, .. } = addendum.change {
            let of = |row: &seal::manifest::ErasedSpans| {
                let ranges = row.spans.ranges().map(|range| (range.start, range.end - 1));
                let place = (u32::from(row.leg.0), row.section.0);
                ranges.map(move |(first, last)| (place.0, place.1, first, last)).collect::<Vec<_>>()
            };
            found.push((document.version, spans.iter().flat_map(of).collect()));
        }
    }
    found
}

async fn spans(bench: &Bench, call: &Call, asked: SpansRequest) -> Result<Vec<Stretch>, Status> {
    let answer = bench.rpc().spans(guarded(&call.key.tenant, None, asked)).await?.into_inner();
    let of = |row: &proto::archive::v1::SpansOfSection| {
        row.spans.iter().map(|range| (row.leg, row.section, range.first, range.last)).collect::<Vec<_>>()
    };
    Ok(answer.sections.iter().flat_map(of).collect())
}

fn stretch(call: &Call, start: u64, end: u64, legs: &[u32]) -> SpansRequest {
    SpansRequest {
        recording_id: call.key.id.to_bytes().to_vec(),
        stretch: Some(Interval { start, end }),
        legs: legs.to_vec(),
    }
}

#[tokio::test]
async fn an_erased_stretch_is_a_gap_for_everybody_and_the_rest_plays_bit_exact() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 4).await;
    let touched = spans(&bench, &call, stretch(&call, 1_990_000, 2_000_001, &[1])).await.unwrap();
    assert_eq!(touched, [(1, 0, 1, 2)]);
    remove(&bench, &call, &[], &touched).await;
    let first = erase(&bench, &call, 1).await;
    let name = crate::document::name(&call.key, 2);
    assert_eq!((first.spans, first.document_name.as_str()), (2, name.as_str()));
    assert_eq!((first.objects_deleted, first.locked.len(), first.log_passed), (0, 0, true));
    bench.pass(60);
    assert_eq!(erase(&bench, &call, 1).await, first, "the second time nothing is signed");
    assert_eq!(erasures(&bench, &call).await, [(2, vec![(1, 0, 1, 2)])]);
    assert_eq!(bench.store.unpublished(10).await.unwrap().len(), 2);

    for purpose in [MIFID, QUALITY] {
        let messages = play(&bench, &call, purpose, request(&call)).await.unwrap();
        let heard = frames(&messages);
        assert_eq!(of_leg(&heard, 0), (0..200).collect::<Vec<_>>());
        assert_eq!(of_leg(&heard, 1), (0..50).chain(150..200).collect::<Vec<_>>());
        assert_eq!(gaps(&messages, 0), []);
        assert_eq!(gaps(&messages, 1), [(1_000_000, 3_000_000, "erased")]);
    }
    let response = verified(&bench, &call).await;
    assert_eq!((findings(&response), response.objects, response.spans), (Vec::new(), 3, 9));
    let found = get(&bench, &call).await;
    assert_eq!((found.state(), found.parties.len(), found.objects.len()), (RecordingState::Addended, 2, 3));
    let told: Vec<_> =
        found.erased.iter().map(|own| (own.leg, own.start, own.end, own.reason.as_str())).collect();
    assert_eq!(told, [(1, 1_000_000, 3_000_000, "period-over")]);
    assert_eq!((found.erased[0].at, found.erased[0].erasure_id.as_slice()), (NOW.0, [1; 16].as_slice()));
}

#[tokio::test]
async fn a_purpose_that_went_is_refused_with_its_reason_and_the_duty_keeps_the_objects() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 2).await;
    unlock(&bench).await;
    let before = objects(&bench, &call).await;
    remove(&bench, &call, &[QUALITY], &[]).await;
    let whole = EraseRequest { purposes: vec![QUALITY.to_owned()], ..asked(&call, 1) };
    for _ in 0..2 {
        let answer = try_erase(&bench, &call, whole.clone()).await.unwrap();
        assert_eq!(answer, EraseResponse { log_passed: true, ..EraseResponse::default() });
    }
    assert_eq!(objects(&bench, &call).await, before);
    let history = bench.history(&call).await;
    assert_eq!((history.recording.state, history.documents.len()), (State::Sealed, 1));
    let status = play(&bench, &call, QUALITY, request(&call)).await.unwrap_err();
    assert_eq!((status.code(), platform::error::reason(&status)), (Code::PermissionDenied, "period-over"));
    let heard = frames(&play(&bench, &call, MIFID, request(&call)).await.unwrap());
    assert_eq!(of_leg(&heard, 1), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn when_nothing_opens_objects_go_in_all_versions_and_locked_ones_when_their_lock_is_over() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 2).await;
    super::replaying::flip(&bench, &object(&call, META_LEG.0), 40).await;
    assert_eq!(objects(&bench, &call).await.len(), 4);
    remove(&bench, &call, &[], &[]).await;
    let first = erase(&bench, &call, 1).await;
    let until = bench.history(&call).await.objects[0].lock_until.unwrap();
    let names = [object(&call, 0), object(&call, 1)];
    let expected = names.each_ref().map(|name| (name.as_str(), until.0));
    assert_eq!((first.spans, first.objects_deleted, locked(&first)), (5, 1, expected.to_vec()));
    assert_eq!(objects(&bench, &call).await, names.each_ref().map(ToString::to_string));
    assert!(verified(&bench, &call).await.ok);
    assert_eq!(get(&bench, &call).await.objects.len(), 2);

    unlock(&bench).await;
    let second = erase(&bench, &call, 1).await;
    assert_eq!((second.spans, second.objects_deleted, locked(&second)), (5, 3, Vec::new()));
    assert_eq!((&second.document_name, &second.document_hash), (&first.document_name, &first.document_hash));
    assert!(objects(&bench, &call).await.is_empty());
    // Whoever did not hear that they are gone asks again, and hears it.
    assert_eq!(erase(&bench, &call, 1).await, second);
    assert_eq!(erasures(&bench, &call).await.len(), 1);
    let history = bench.history(&call).await;
    assert!(history.objects.iter().all(|object| object.deleted_at.is_some()));
    let response = verified(&bench, &call).await;
    assert_eq!((findings(&response), response.spans), (Vec::new(), 0));
}

#[tokio::test]
async fn an_erasure_in_the_middle_of_a_verification_is_no_finding() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 2).await;
    let before = bench.history(&call).await;
    unlock(&bench).await;
    remove(&bench, &call, &[], &[]).await;
    assert_eq!(erase(&bench, &call, 1).await.objects_deleted, 3);
    let mut deps = bench.deps();
    deps.store = Arc::new(FaultyStore::read_before(deps.store, before));
    let report = crate::service(&bench.config, &deps).verify(&call.key).await.unwrap();
    assert_eq!((report.findings, report.spans), (Vec::new(), 0));
}

#[tokio::test]
async fn of_an_erased_recording_what_is_left_is_its_documents() {
    let bench = Bench::new().await;
    let mut call = Call::plain(&bench, 1, &[(MIFID, 0)]).await;
    call.mark(&bench, "order", 100_000, true).await;
    call.note(&bench, "notice.played", "notice-it-3", 0).await;
    call.close(&bench, 50).await;
    bench.consume().await;
    let other = sealed(&bench, 1).await;
    remove(&bench, &call, &[], &[]).await;
    let answer = erase(&bench, &call, 7).await;
    let found = get(&bench, &call).await;
    assert_eq!((found.state(), found.started_at), (RecordingState::Erased, NOW.0));
    assert_eq!(
        (found.document_name, found.document_hash),
        (answer.document_name.clone(), answer.document_hash.clone())
    );
    assert_eq!(found.erased.len(), 2);
    let personal = [found.parties.len(), found.marks.len(), found.notes.len(), found.bases.len()];
    assert_eq!((personal, found.grants.len()), ([0; 4], 0));
    assert!(found.legs.iter().all(|leg| leg.party == 0));
    let list = async |asked: ListRequest| {
        let answer = bench.rpc().list(guarded(&call.key.tenant, None, asked)).await.unwrap().into_inner();
        answer.recordings.into_iter().map(|row| row.recording_id).collect::<Vec<_>>()
    };
    assert_eq!(list(ListRequest::default()).await, [other.key.id.to_bytes().to_vec()]);
    let by = proto::archive::v1::list_request::By::SubjectId(call.subject.to_bytes().to_vec());
    assert!(list(ListRequest { by: Some(by), ..ListRequest::default() }).await.is_empty());
    let status = play(&bench, &call, MIFID, request(&call)).await.unwrap_err();
    assert_eq!((status.code(), platform::error::reason(&status)), (Code::FailedPrecondition, "erased"));
    assert!(verified(&bench, &call).await.ok);
}

#[tokio::test]
async fn an_object_of_which_a_span_opens_for_anybody_is_never_deleted() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 2).await;
    unlock(&bench).await;
    remove(&bench, &call, &[], &[]).await;
    bench.keys.state().open_anyway(call.key.id, (0, 0), "training", &[1]);
    let answer = erase(&bench, &call, 1).await;
    assert_eq!((answer.spans, answer.objects_deleted, answer.locked.len()), (4, 2, 0));
    assert_eq!(objects(&bench, &call).await, [object(&call, 0).to_string()]);
    assert_eq!(bench.state(&call).await, State::Addended);
    // The reserved purpose is somebody's, too.
    bench.keys.state().entries.clear();
    bench.keys.state().open_anyway(call.key.id, (0, 0), "sealing", &[1]);
    assert_eq!(erase(&bench, &call, 2).await.objects_deleted, 0);
    assert_eq!(objects(&bench, &call).await.len(), 1);
    bench.keys.state().entries.clear();
    assert_eq!(erase(&bench, &call, 3).await.objects_deleted, 1);
    assert_eq!(bench.state(&call).await, State::Erased);
}

#[tokio::test]
async fn an_object_that_opens_again_is_kept_whatever_an_addendum_says() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 2).await;
    remove(&bench, &call, &[], &[]).await;
    assert_eq!(erase(&bench, &call, 1).await.locked.len(), 2);
    bench.keys.state().open_anyway(call.key.id, (1, 0), MIFID, &[0]);
    unlock(&bench).await;
    let answer = erase(&bench, &call, 1).await;
    assert_eq!((answer.objects_deleted, answer.locked.len()), (2, 0));
    assert_eq!(objects(&bench, &call).await, [object(&call, 1).to_string()]);
}

#[tokio::test]
async fn what_a_hold_or_the_stores_own_clock_keeps_is_locked() {
    let mut bench = Bench::new().await;
    // A store whose clock stands still.
    bench.objects = MemoryObjects::new(Arc::new(ManualClock::at(NOW)));
    let call = sealed(&bench, 1).await;
    let meta = object(&call, META_LEG.0);
    let version = bench.objects.head(&meta, None).await.unwrap().version;
    bench.objects.set_legal_hold(&meta, &version, LegalHold::On).await.unwrap();
    remove(&bench, &call, &[], &[]).await;
    unlock(&bench).await;
    let answer = erase(&bench, &call, 1).await;
    let until = bench.history(&call).await.objects[0].lock_until.unwrap().0;
    let names = [object(&call, 0), object(&call, 1)].map(|name| name.to_string());
    let expected = vec![(names[0].as_str(), until), (names[1].as_str(), until), (meta.as_str(), 0)];
    assert_eq!((answer.objects_deleted, locked(&answer)), (0, expected));
    bench.objects.set_legal_hold(&meta, &version, LegalHold::Off).await.unwrap();
    assert_eq!(erase(&bench, &call, 1).await.objects_deleted, 1);
}

#[tokio::test]
async fn only_an_object_that_a_good_addendum_names_may_be_absent() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 2).await;
    unlock(&bench).await;
    remove(&bench, &call, &[], &[(1, 0, 0, 1)]).await;
    assert_eq!(erase(&bench, &call, 1).await.objects_deleted, 1);
    assert_eq!(findings(&verified(&bench, &call).await), []);
    let addendum = crate::document::name(&call.key, 2);
    let gone = object(&call, 0);
    let version = bench.objects.head(&gone, None).await.unwrap().version;
    bench.objects.delete_version(&gone, &version).await.unwrap();
    assert_eq!(findings(&verified(&bench, &call).await), [(gone.as_str(), "object-missing")]);
    let length = bench.objects.head(&addendum, None).await.unwrap().length as usize;
    super::replaying::flip(&bench, &addendum, length - 1).await;
    let response = verified(&bench, &call).await;
    let missing = findings(&response).into_iter().filter(|(_, kind)| *kind == "object-missing");
    assert_eq!(missing.count(), 2, "an addendum that is not good excuses nothing");
}

#[tokio::test]
async fn a_crash_anywhere_is_finished_by_doing_it_again() {
    for fault in [Fault::Settle, Fault::Looked, Fault::MarkDeleted] {
        let bench = Bench::new().await;
        let call = sealed(&bench, 2).await;
        remove(&bench, &call, &[], &[]).await;
        erase_and_die(&bench, &call, 1, fault).await;
        let name = crate::document::name(&call.key, 2);
        let placed = bench.objects.head(&name, None).await.unwrap();
        bench.pass(3_600);
        let answer = erase(&bench, &call, 1).await;
        assert_eq!((answer.spans, answer.locked.len()), (5, 2), "{fault:?}");
        assert_eq!(answer.document_hash, placed.sha256, "{fault:?}");
        let history = bench.history(&call).await;
        assert_eq!((history.documents.len(), history.recording.state), (2, State::Erased), "{fault:?}");
        assert!(history.erased.iter().all(|row| row.at == NOW), "as it was signed, {fault:?}");
        assert_eq!(objects(&bench, &call).await.len(), 2, "{fault:?}");
        assert_eq!(bench.store.unpublished(10).await.unwrap().len(), 2, "{fault:?}");
        assert!(verified(&bench, &call).await.ok, "{fault:?}");
    }
}

#[tokio::test]
async fn two_calls_at_once_leave_one_addendum() {
    for _ in 0..4 {
        let bench = Bench::new().await;
        let call = sealed(&bench, 2).await;
        remove(&bench, &call, &[], &[]).await;
        let (one, two) = tokio::join!(erase(&bench, &call, 1), erase(&bench, &call, 1));
        assert_eq!((one.spans, &one.document_hash), (5, &two.document_hash));
        assert_eq!(bench.history(&call).await.documents.len(), 2);
        assert_eq!(bench.store.unpublished(10).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_call_that_another_one_overtakes_tells_what_that_one_said() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 2).await;
    remove(&bench, &call, &[], &[]).await;
    let other = Arc::new(bench.rpc());
    let request = guarded(&call.key.tenant, None, asked(&call, 1));
    let overtakes = async move { drop(other.erase(request).await.unwrap()) };
    let late = erase_with(&bench, &call, 1, |store| FaultyStore::meanwhile(store, overtakes)).await.unwrap();
    let said = &bench.history(&call).await.documents[1];
    assert_eq!((late.spans, late.document_hash), (5, said.sha256.0.to_vec()));
}

#[tokio::test]
async fn an_addendum_that_another_act_left_unsettled_comes_to_its_end_first() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 3).await;
    remove(&bench, &call, &[], &[(0, 0, 0, 0)]).await;
    erase_and_die(&bench, &call, 1, Fault::Settle).await;
    remove(&bench, &call, &[], &[(0, 0, 2, 2)]).await;
    let second = erase(&bench, &call, 2).await;
    assert_eq!(second.spans, 1);
    assert_eq!(erasures(&bench, &call).await, [(2, vec![(0, 0, 0, 0)]), (3, vec![(0, 0, 2, 2)])]);
    let first = erase(&bench, &call, 1).await;
    assert_eq!((first.spans, first.document_name), (1, crate::document::name(&call.key, 2).to_string()));
    let history = bench.history(&call).await;
    let by: Vec<_> = history.erased.iter().map(|row| row.erasure).collect();
    assert_eq!(by, [1, 2].map(|number| ErasureId::from_bytes([number; 16])));
    assert!(verified(&bench, &call).await.ok);
}

#[tokio::test]
async fn an_erasure_that_has_spoken_does_not_speak_for_the_next_one() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 3).await;
    remove(&bench, &call, &[], &[(0, 0, 0, 0)]).await;
    erase(&bench, &call, 1).await;
    // One that made nothing unreadable has spoken as well.
    assert_eq!(erase(&bench, &call, 2).await.spans, 0);
    remove(&bench, &call, &[], &[(1, 0, 1, 1)]).await;
    assert_eq!(erase(&bench, &call, 1).await.spans, 1);
    assert_eq!(erase(&bench, &call, 2).await.spans, 0);
    let ordered = EraseRequest { reason: "order".to_owned(), ..asked(&call, 3) };
    assert_eq!(try_erase(&bench, &call, ordered).await.unwrap().spans, 1);
    let history = bench.history(&call).await;
    let reasons: Vec<_> = history.erased.iter().map(|row| (row.leg.0, row.reason.as_str())).collect();
    assert_eq!(reasons, [(0, "period-over"), (1, "order")]);
}

/// A recording that was sealed without frames 100 to 149 of leg 0, which has its second section open.
pub(super) async fn with_a_gap(bench: &Bench) -> Call {
    let mut call = Call::plain(bench, 2, &[(MIFID, 0)]).await;
    call.span(bench, 1, 0, 2, (100, 149), true).await;
    call.close(bench, 150).await;
    bench.consume().await;
    bench.pass(60);
    bench.consume().await;
    assert_eq!(bench.state(&call).await, State::Sealed);
    call.section(bench, 0, 1).await;
    call
}

#[tokio::test]
async fn late_audio_brings_nothing_back_and_plays_where_nothing_was_erased() {
    let bench = Bench::new().await;
    let mut call = with_a_gap(&bench).await;
    remove(&bench, &call, &[], &[(0, 0, 0, 0)]).await;
    assert_eq!(erase(&bench, &call, 1).await.spans, 1);
    // The erased words again, from another writer, and what was missing.
    call.span(&bench, 0, 1, 0, (0, 49), true).await;
    call.span(&bench, 0, 1, 1, (100, 149), true).await;
    bench.consume().await;
    assert_eq!(bench.state(&call).await, State::Addended);
    assert_eq!(bench.keys.state().opens(call.key.id, 0, 0, MIFID), [1]);
    assert_eq!(bench.keys.state().opens(call.key.id, 0, 1, MIFID), [1]);
    let messages = play(&bench, &call, MIFID, request(&call)).await.unwrap();
    assert_eq!(of_leg(&frames(&messages), 0), (50..150).collect::<Vec<_>>());
    assert_eq!(gaps(&messages, 0), [(0, 1_000_000, "erased")]);
    // The act that is asked about again says so.
    assert_eq!(erase(&bench, &call, 1).await.spans, 2);
    assert_eq!(erasures(&bench, &call).await, [(2, vec![(0, 0, 0, 0)]), (4, vec![(0, 1, 0, 0)])]);
    assert!(verified(&bench, &call).await.ok);
}

#[tokio::test]
async fn late_audio_of_an_erased_recording_goes_with_the_next_call() {
    let bench = Bench::new().await;
    let mut call = with_a_gap(&bench).await;
    remove(&bench, &call, &[], &[]).await;
    erase(&bench, &call, 1).await;
    assert_eq!(bench.state(&call).await, State::Erased);
    call.span(&bench, 0, 1, 0, (100, 149), true).await;
    bench.consume().await;
    assert_eq!(bench.state(&call).await, State::Erased);
    unlock(&bench).await;
    let answer = erase(&bench, &call, 1).await;
    assert_eq!((answer.objects_deleted, answer.locked.len()), (4, 0));
    assert!(objects(&bench, &call).await.is_empty());
    assert_eq!((bench.state(&call).await, verified(&bench, &call).await.ok), (State::Erased, true));
}

#[tokio::test]
async fn late_audio_that_no_document_names_yet_is_named_before_it_is_erased() {
    let bench = Bench::new().await;
    let mut call = with_a_gap(&bench).await;
    call.span(&bench, 0, 1, 0, (100, 149), true).await;
    // It is stored, and whoever seals dies before its addendum counts.
    let mut deps = bench.deps();
    deps.store = Arc::new(FaultyStore::new(deps.store, Fault::Settle, u32::MAX));
    let mut session = crate::consumer(&bench.config, deps).join().await.unwrap();
    session.catch_up().await.unwrap();
    assert!(bench.history(&call).await.recording.has_unnamed);
    remove(&bench, &call, &[], &[]).await;
    erase(&bench, &call, 1).await;
    let history = bench.history(&call).await;
    assert_eq!((history.recording.state, history.documents.len()), (State::Erased, 3));
    assert!(verified(&bench, &call).await.ok);
}

#[tokio::test]
async fn late_audio_that_gets_its_entries_while_an_erasure_looks_is_not_taken_for_erased() {
    let bench = Bench::new().await;
    let mut call = with_a_gap(&bench).await;
    call.span(&bench, 0, 1, 0, (100, 149), true).await;
    remove(&bench, &call, &[], &[(0, 0, 0, 0)]).await;
    let consumer = crate::consumer(&bench.config, bench.deps());
    let takes = async move { consumer.catch_up().await.unwrap() };
    let answer = erase_with(&bench, &call, 1, |store| FaultyStore::meanwhile(store, takes)).await.unwrap();
    assert_eq!((answer.spans, answer.document_name.ends_with("/000003")), (1, true));
    assert_eq!(erasures(&bench, &call).await, [(3, vec![(0, 0, 0, 0)])]);
    let messages = play(&bench, &call, MIFID, request(&call)).await.unwrap();
    assert_eq!(of_leg(&frames(&messages), 0), (50..150).collect::<Vec<_>>());
    assert!(verified(&bench, &call).await.ok);
}

#[tokio::test]
async fn a_recording_that_lacks_no_document_gets_none() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 1).await;
    crate::eraser(&bench.config, &bench.deps()).sealer.addend(&call.key).await.unwrap();
    assert_eq!(bench.history(&call).await.documents.len(), 1);
}

#[tokio::test]
async fn what_an_erasure_left_unsettled_is_settled_by_whoever_seals() {
    let bench = Bench::new().await;
    let mut call = with_a_gap(&bench).await;
    remove(&bench, &call, &[], &[(0, 0, 0, 0)]).await;
    erase_and_die(&bench, &call, 1, Fault::Settle).await;
    call.span(&bench, 0, 1, 0, (100, 149), true).await;
    bench.consume().await;
    bench.consume().await;
    let history = bench.history(&call).await;
    assert_eq!((history.documents.len(), history.recording.has_unnamed), (3, false));
    assert_eq!(erase(&bench, &call, 1).await.spans, 1);
    assert_eq!(erasures(&bench, &call).await, [(2, vec![(0, 0, 0, 0)])]);
    assert!(verified(&bench, &call).await.ok);
}

#[tokio::test]
async fn the_log_is_passed_once_it_holds_nothing_that_it_held_at_the_first_call() {
    let bench = Bench::new().await;
    let mut call = sealed(&bench, 1).await;
    remove(&bench, &call, &[QUALITY], &[]).await;
    assert!(erase(&bench, &call, 1).await.log_passed);
    call.note(&bench, "notice.played", "notice-it-3", 0).await;
    assert!(erase(&bench, &call, 1).await.log_passed, "what came since is not of then");
    assert!(!erase(&bench, &call, 2).await.log_passed);
    bench.consume().await;
    assert!(erase(&bench, &call, 2).await.log_passed);
}

#[tokio::test]
async fn a_call_that_was_not_recorded_has_nothing_to_erase() {
    let bench = Bench::new().await;
    let mut call = Call::new(&bench);
    call.open(&bench, Vec::new()).await;
    call.close(&bench, 0).await;
    bench.consume().await;
    assert_eq!(bench.state(&call).await, State::NotRecorded);
    let answer = erase(&bench, &call, 1).await;
    assert_eq!(answer, EraseResponse { log_passed: true, ..EraseResponse::default() });
    assert_eq!(bench.history(&call).await.documents.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_erased_is_refused_by_its_field_and_leaves_nothing() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 1).await;
    let open = Call::plain(&bench, 1, &[(MIFID, 0)]).await;
    bench.consume().await;
    let check = async |asked: EraseRequest, code: Code, reason: &str, field: &str| {
        let status = try_erase(&bench, &call, asked).await.unwrap_err();
        assert_eq!((status.code(), platform::error::reason(&status)), (code, reason));
        assert!(status.message().contains(field), "{}", status.message());
        assert!(!status.message().contains("Rossi"), "nothing of what was sent is told");
    };
    let bad = Code::InvalidArgument;
    let good = || asked(&call, 1);
    check(EraseRequest { recording_id: vec![1; 3], ..good() }, bad, "invalid-argument", "recording_id").await;
    check(EraseRequest { erasure_id: vec![1; 15], ..good() }, bad, "invalid-argument", "erasure_id").await;
    let free = "Mr Rossi asked for it".to_owned();
    check(EraseRequest { reason: free.clone(), ..good() }, bad, "invalid-argument", "reason").await;
    check(EraseRequest { reason: String::new(), ..good() }, bad, "invalid-argument", "reason").await;
    check(EraseRequest { purposes: vec![free], ..good() }, bad, "invalid-argument", "purposes").await;
    let many = vec![QUALITY.to_owned(); 1_001];
    check(EraseRequest { purposes: many, ..good() }, bad, "invalid-argument", "purposes").await;
    check(EraseRequest { recording_id: vec![9; 16], ..good() }, Code::NotFound, "not-found", "").await;
    check(asked(&open, 1), Code::FailedPrecondition, "not-sealed-yet", "").await;
    let standing = EraseRequest { purposes: vec![QUALITY.to_owned()], ..good() };
    check(standing, Code::FailedPrecondition, "still-opens", "").await;
    let history = bench.history(&call).await;
    assert_eq!((history.gone.len(), history.documents.len(), history.objects.len()), (0, 1, 3));
    bench.keys.state().failures = 1;
    let status = try_erase(&bench, &call, good()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "crypto that is silent opens everything");
    assert_eq!(objects(&bench, &call).await.len(), 3);
}

#[tokio::test]
async fn a_stretch_is_answered_with_the_whole_spans_of_audio_that_it_touches() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 3).await;
    let open = Call::plain(&bench, 1, &[(MIFID, 0)]).await;
    bench.consume().await;
    let whole = spans(&bench, &call, stretch(&call, 0, 3_000_000, &[])).await.unwrap();
    assert_eq!(whole, [(0, 0, 0, 2), (1, 0, 0, 2)], "metadata is in no stretch");
    let one = spans(&bench, &call, stretch(&call, 1_000_000, 1_000_001, &[0])).await.unwrap();
    assert_eq!(one, [(0, 0, 1, 1)]);
    let check = async |asked: SpansRequest, code: Code, field: &str| {
        let status = spans(&bench, &call, asked).await.unwrap_err();
        assert_eq!(status.code(), code);
        assert!(status.message().contains(field), "{}", status.message());
    };
    let bad = Code::InvalidArgument;
    check(stretch(&call, 5, 5, &[]), bad, "stretch").await;
    check(stretch(&call, 6, 5, &[]), bad, "stretch").await;
    check(stretch(&call, 0, 3_000_001, &[]), bad, "stretch").await;
    check(stretch(&call, 0, u64::MAX, &[]), bad, "stretch").await;
    check(SpansRequest { stretch: None, ..stretch(&call, 0, 1, &[]) }, bad, "stretch").await;
    check(stretch(&call, 0, 1, &[2]), bad, "leg").await;
    check(stretch(&call, 0, 1, &[u32::from(META_LEG.0)]), bad, "leg").await;
    check(stretch(&call, 0, 1, &[70_000]), bad, "leg").await;
    check(stretch(&open, 0, 1, &[]), Code::FailedPrecondition, "not sealed yet").await;
    check(SpansRequest { recording_id: vec![9; 16], ..stretch(&call, 0, 1, &[]) }, Code::NotFound, "").await;
}

#[tokio::test]
async fn a_replay_that_runs_when_its_objects_go_ends_in_gaps_and_not_in_noise() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 3).await;
    let asked = guarded(&call.key.tenant, Some(MIFID), request(&call));
    let stream = bench.rpc().replay(asked).await.unwrap().into_inner();
    remove(&bench, &call, &[], &[]).await;
    unlock(&bench).await;
    erase(&bench, &call, 1).await;
    let messages: Vec<_> = stream.map_ok(|response| response.message.unwrap()).try_collect().await.unwrap();
    assert_eq!(frames(&messages), []);
    let told = [(0, "unreadable"), (1_000_000, "unreadable"), (2_000_000, "unreadable")];
    let found: Vec<_> = gaps(&messages, 0).into_iter().map(|(start, _, reason)| (start, reason)).collect();
    assert_eq!(found, told);
}
