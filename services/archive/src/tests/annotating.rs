use std::sync::Arc;

use kernel::RequestId;
use objects::ObjectStore;
use platform::OutboxStore;
use proto::archive::v1::recordings_server::Recordings;
use proto::archive::v1::{AnnotateRequest, RecordingState, Statement};
use seal::manifest::AddendumChange;
use seal::receipt::PlainCode;
use seal::{SignedDocument, TrustRoots};
use tonic::{Code, Status};

use super::erasing::{erase, get, remove, sealed, verified, with_a_gap};
use super::replaying::{play, request};
use crate::annotating::MAX_STATEMENTS;
use crate::rpc::Rpc;
use crate::store::{History, State, StatementRow, Store};
use crate::testing::{Bench, Call, Fault, FaultyStore, NOW, guarded};
use crate::verify::{FindingKind, verify};

const MIFID: &str = "mifid2-transaction";

fn asked(call: &Call, request: u8, filed: &str) -> AnnotateRequest {
    AnnotateRequest {
        recording_id: call.key.id.to_bytes().to_vec(),
        request_id: vec![request; 16],
        filed: filed.to_owned(),
    }
}

async fn try_annotate(rpc: &Rpc, call: &Call, asked: AnnotateRequest) -> Result<Statement, Status> {
    let answer = rpc.annotate(guarded(&call.key.tenant, None, asked)).await?;
    Ok(answer.into_inner().statement.unwrap())
}

async fn annotate(bench: &Bench, call: &Call, request: u8, filed: &str) -> Statement {
    try_annotate(&bench.rpc(), call, asked(call, request, filed)).await.unwrap()
}

/// archive, by a process with this store.
fn rpc_with(bench: &Bench, store: impl FnOnce(Arc<dyn Store>) -> FaultyStore) -> Rpc {
    let mut deps = bench.deps();
    deps.store = Arc::new(store(deps.store));
    let service = Arc::new(crate::service(&bench.config, &deps));
    Rpc::new(service, crate::eraser(&bench.config, &deps))
}

/// A process that places the addendum and dies before it counts.
async fn annotate_and_die(bench: &Bench, call: &Call, request: u8, filed: &str) {
    let dying = rpc_with(bench, |store| FaultyStore::new(store, Fault::Settle, 1));
    let died = try_annotate(&dying, call, asked(call, request, filed)).await.unwrap_err();
    assert_eq!(died.code(), Code::Unavailable);
}

fn refusal(refused: &Status) -> (Code, &str) {
    (refused.code(), platform::error::reason(refused))
}

async fn roots(bench: &Bench) -> TrustRoots {
    crate::service(&bench.config, &bench.deps()).mesh().trust().await.unwrap()
}

/// What is known to be stated of a recording: the request, the reference, and the version of the addendum.
async fn statements(bench: &Bench, call: &Call) -> Vec<(RequestId, String, u32)> {
    let rows = bench.history(call).await.statements.into_iter();
    rows.map(|row| (row.request, row.filed.to_string(), row.document)).collect()
}

fn of(request: u8) -> RequestId {
    RequestId::from_bytes([request; 16])
}

#[tokio::test]
async fn a_statement_is_told_with_the_recording_and_changes_nothing_of_its_sound() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 3).await;
    let before = bench.history(&call).await;
    let heard = play(&bench, &call, MIFID, request(&call)).await.unwrap();
    bench.pass(60);
    let told = annotate(&bench, &call, 1, "statement-7").await;
    let expected =
        Statement { filed: "statement-7".to_owned(), request_id: vec![1; 16], at: NOW.0 + 60_000_000 };
    assert_eq!(told, expected);
    let found = get(&bench, &call).await;
    assert_eq!((found.state(), found.complete), (RecordingState::Addended, true));
    assert_eq!(found.statements, [told]);

    assert_eq!(play(&bench, &call, MIFID, request(&call)).await.unwrap(), heard);
    let after = bench.history(&call).await;
    assert_eq!((after.spans, after.objects), (before.spans, before.objects));
    let response = verified(&bench, &call).await;
    assert!(response.ok, "{:?}", response.findings);
    assert_eq!(bench.store.unpublished(10).await.unwrap().len(), 2);

    let bytes = bench.objects.get(&after.documents[1].name, None, None).await.unwrap().bytes;
    let signed = SignedDocument::decode(&bytes).unwrap();
    let addendum = seal::Addendum::verify(&signed, &roots(&bench).await, &call.key.tenant).unwrap();
    assert_eq!((addendum.number, addendum.manifest), (1, after.documents[0].sha256));
    let filed = PlainCode::new("statement-7").unwrap();
    assert_eq!(addendum.change, AddendumChange::Stated { filed, request: of(1) });
}

#[tokio::test]
async fn the_same_again_answers_with_what_stands_and_another_reference_is_refused() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 1).await;
    let first = annotate(&bench, &call, 1, "statement-7").await;
    bench.pass(3_600);
    assert_eq!(annotate(&bench, &call, 1, "statement-7").await, first);
    let refused = try_annotate(&bench.rpc(), &call, asked(&call, 1, "statement-8")).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, "other-statement"));
    assert!(!refused.message().contains("statement-8"), "nothing of what was sent is told");
    // Another request may state the same, and something else.
    annotate(&bench, &call, 2, "statement-7").await;
    annotate(&bench, &call, 3, "statement-8").await;
    let expected = [(of(1), "statement-7", 2), (of(2), "statement-7", 3), (of(3), "statement-8", 4)];
    let found = statements(&bench, &call).await;
    let found: Vec<_> = found.iter().map(|(by, filed, document)| (*by, filed.as_str(), *document)).collect();
    assert_eq!(found, expected);
    assert_eq!(bench.store.unpublished(10).await.unwrap().len(), 4);
    assert!(verified(&bench, &call).await.ok);
    // What stands is told also where nothing more would be attached.
    remove(&bench, &call, &[], &[]).await;
    erase(&bench, &call, 9).await;
    assert_eq!(annotate(&bench, &call, 1, "statement-7").await, first);
}

#[tokio::test]
async fn two_calls_at_once_leave_one_addendum_and_two_requests_two() {
    for _ in 0..4 {
        let bench = Bench::new().await;
        let call = sealed(&bench, 1).await;
        let (one, two) = tokio::join!(
            annotate(&bench, &call, 1, "statement-7"),
            annotate(&bench, &call, 1, "statement-7")
        );
        assert_eq!(one, two);
        assert_eq!(bench.history(&call).await.documents.len(), 2);
        tokio::join!(annotate(&bench, &call, 2, "statement-8"), annotate(&bench, &call, 3, "statement-9"));
        let found = statements(&bench, &call).await;
        let documents: Vec<_> = found.iter().map(|(.., document)| *document).collect();
        assert_eq!(documents, [2, 3, 4]);
        assert_eq!(bench.store.unpublished(10).await.unwrap().len(), 4);
        assert!(verified(&bench, &call).await.ok);
    }
}

#[tokio::test]
async fn a_crash_is_finished_by_doing_it_again() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 1).await;
    annotate_and_die(&bench, &call, 1, "statement-7").await;
    assert!(get(&bench, &call).await.statements.is_empty(), "it does not count yet");
    bench.pass(3_600);
    // What lies there signed was said first, whoever comes to its end.
    let refused = try_annotate(&bench.rpc(), &call, asked(&call, 1, "statement-8")).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, "other-statement"));
    let told = annotate(&bench, &call, 1, "statement-7").await;
    assert_eq!(told.at, NOW.0, "as it was signed");
    assert_eq!(statements(&bench, &call).await, [(of(1), "statement-7".to_owned(), 2)]);
    assert_eq!(bench.store.unpublished(10).await.unwrap().len(), 2);
    assert!(verified(&bench, &call).await.ok);
}

#[tokio::test]
async fn a_call_that_an_erasure_overtakes_comes_after_it_or_is_refused() {
    let bench = Bench::new().await;
    for (spans, expected) in [(vec![(0, 0, 0, 0)], Ok(3)), (Vec::new(), Err("erased"))] {
        let call = sealed(&bench, 2).await;
        let before = bench.history(&call).await;
        remove(&bench, &call, &[], &spans).await;
        erase(&bench, &call, 1).await;
        let late = rpc_with(&bench, |store| FaultyStore::read_before(store, before));
        let said = try_annotate(&late, &call, asked(&call, 1, "statement-7")).await;
        let found = statements(&bench, &call).await;
        let said = match &said {
            Ok(_) => Ok(found[0].2),
            Err(refused) => Err(platform::error::reason(refused)),
        };
        assert_eq!((said, found.len()), (expected, usize::from(expected.is_ok())));
        assert!(verified(&bench, &call).await.ok, "{expected:?}");
    }
}

#[tokio::test]
async fn a_statement_that_nobody_settled_is_settled_by_whoever_erases() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 2).await;
    annotate_and_die(&bench, &call, 1, "statement-7").await;
    remove(&bench, &call, &[], &[]).await;
    let answer = erase(&bench, &call, 1).await;
    assert_eq!((answer.spans, answer.document_name.ends_with("/000003")), (5, true));
    assert_eq!(statements(&bench, &call).await, [(of(1), "statement-7".to_owned(), 2)]);
    assert_eq!(bench.state(&call).await, State::Erased);
    // It stands in a document; who reads the facts of an erased recording learns nothing of whom it is about.
    assert!(get(&bench, &call).await.statements.is_empty());
    assert!(verified(&bench, &call).await.ok);
}

#[tokio::test]
async fn a_statement_that_nobody_settled_is_settled_by_whoever_seals() {
    let bench = Bench::new().await;
    let mut call = with_a_gap(&bench).await;
    annotate_and_die(&bench, &call, 1, "statement-7").await;
    call.span(&bench, 0, 1, 0, (100, 149), true).await;
    bench.consume().await;
    bench.consume().await;
    let history = bench.history(&call).await;
    assert_eq!((history.documents.len(), history.recording.has_unnamed), (3, false));
    assert_eq!(statements(&bench, &call).await, [(of(1), "statement-7".to_owned(), 2)]);
    assert!(verified(&bench, &call).await.ok);
}

#[tokio::test]
async fn late_audio_that_nobody_settled_comes_to_its_end_before_a_statement() {
    let bench = Bench::new().await;
    let mut call = with_a_gap(&bench).await;
    call.span(&bench, 0, 1, 0, (100, 149), true).await;
    // It is stored and its addendum placed, and whoever seals dies before that counts.
    let mut deps = bench.deps();
    deps.store = Arc::new(FaultyStore::new(deps.store, Fault::Settle, u32::MAX));
    let mut session = crate::consumer(&bench.config, deps).join().await.unwrap();
    session.catch_up().await.unwrap();
    assert!(bench.history(&call).await.recording.has_unnamed);
    annotate(&bench, &call, 1, "statement-7").await;
    let history = bench.history(&call).await;
    assert_eq!((history.documents.len(), history.recording.has_unnamed), (3, false));
    assert_eq!(statements(&bench, &call).await, [(of(1), "statement-7".to_owned(), 3)]);
    assert!(verified(&bench, &call).await.ok);
}

#[tokio::test]
async fn what_is_known_otherwise_than_it_was_signed_is_found() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 1).await;
    annotate(&bench, &call, 1, "statement-7").await;
    let signed = bench.history(&call).await;
    let roots = roots(&bench).await;
    let objects: Arc<dyn ObjectStore> = Arc::new(bench.objects.clone());
    let kinds = async |history: History| {
        let report = verify(&objects, &history, &roots).await.unwrap();
        report.findings.into_iter().map(|finding| finding.kind).collect::<Vec<_>>()
    };
    let with = |change: fn(&mut StatementRow)| {
        let mut history = signed.clone();
        history.statements.iter_mut().for_each(change);
        history
    };
    assert_eq!(kinds(signed.clone()).await, []);
    let contradicts = [FindingKind::ManifestContents];
    let refiled = with(|row| row.filed = PlainCode::new("statement-8").unwrap());
    assert_eq!(kinds(refiled).await, contradicts);
    assert_eq!(kinds(with(|row| row.request = of(2))).await, contradicts);
    assert_eq!(kinds(History { statements: Vec::new(), ..signed.clone() }).await, contradicts);
    // A statement whose document is not known at all.
    let unsigned = kinds(with(|row| row.document = 3)).await;
    assert_eq!(unsigned, [FindingKind::DocumentMissing, FindingKind::ManifestContents]);
}

#[tokio::test]
async fn a_recording_has_so_many_statements_and_no_more() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 1).await;
    let most = u8::try_from(MAX_STATEMENTS).unwrap();
    for number in 0..most {
        annotate(&bench, &call, number, "statement-7").await;
    }
    let refused = try_annotate(&bench.rpc(), &call, asked(&call, most, "statement-7")).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, "too-many-statements"));
    annotate(&bench, &call, 0, "statement-7").await;
    assert_eq!(get(&bench, &call).await.statements.len(), MAX_STATEMENTS);
}

#[tokio::test]
async fn what_takes_no_statement_is_refused_by_its_reason_and_leaves_nothing() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 1).await;
    let open = Call::plain(&bench, 1, &[(MIFID, 0)]).await;
    let mut nothing = Call::new(&bench);
    nothing.open(&bench, Vec::new()).await;
    nothing.close(&bench, 0).await;
    bench.consume().await;
    let gone = sealed(&bench, 1).await;
    remove(&bench, &gone, &[], &[]).await;
    erase(&bench, &gone, 1).await;
    let check = async |asked: AnnotateRequest, expected: (Code, &str), field: &str| {
        let refused = try_annotate(&bench.rpc(), &call, asked).await.unwrap_err();
        assert_eq!(refusal(&refused), expected);
        assert!(refused.message().contains(field), "{}", refused.message());
        assert!(!refused.message().contains("Rossi"), "nothing of what was sent is told");
    };
    let good = || asked(&call, 1, "statement-7");
    let bad = (Code::InvalidArgument, "invalid-argument");
    check(AnnotateRequest { recording_id: vec![1; 3], ..good() }, bad, "recording_id").await;
    check(AnnotateRequest { request_id: Vec::new(), ..good() }, bad, "request_id").await;
    check(asked(&call, 1, ""), bad, "filed").await;
    check(asked(&call, 1, "Mr Rossi never said so"), bad, "filed").await;
    check(asked(&call, 1, &"x".repeat(65)), bad, "filed").await;
    let unknown = AnnotateRequest { recording_id: vec![9; 16], ..good() };
    check(unknown, (Code::NotFound, "not-found"), "").await;
    let state = |reason| (Code::FailedPrecondition, reason);
    check(asked(&open, 1, "statement-7"), state("not-sealed-yet"), "").await;
    check(asked(&nothing, 1, "statement-7"), state("not-recorded"), "").await;
    check(asked(&gone, 1, "statement-7"), state("erased"), "").await;
    assert_eq!(bench.history(&call).await.documents.len(), 1);
    assert_eq!((statements(&bench, &call).await, statements(&bench, &gone).await), (Vec::new(), Vec::new()));
}
