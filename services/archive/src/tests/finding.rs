use std::sync::Arc;

use kernel::Position;
use objects::{Key, ObjectStore};
use proto::archive::v1::list_request::By;
use proto::archive::v1::recordings_server::Recordings;
use proto::archive::v1::{GetRequest, ListRequest, RecordingState, VerifyRequest, VerifyResponse};
use proto::common::v1::{Identifier, IdentifierKind};
use tonic::Code;

use super::replaying::flip;
use crate::store::{History, State, Store};
use crate::testing::{Bench, Call, guarded};
use crate::verify::{FindingKind, Report, verify};

const MIFID: &str = "mifid2-transaction";

async fn sealed(bench: &Bench) -> Call {
    let mut call = Call::plain(bench, 2, &[(MIFID, 0)]).await;
    call.close(bench, 100).await;
    bench.consume().await;
    call
}

async fn verified(bench: &Bench, call: &Call) -> VerifyResponse {
    let asked = VerifyRequest { recording_id: call.key.id.to_bytes().to_vec() };
    bench.rpc().verify(guarded(&call.key.tenant, None, asked)).await.unwrap().into_inner()
}

fn kinds(response: &VerifyResponse) -> Vec<&str> {
    response.findings.iter().map(|finding| finding.kind.as_str()).collect()
}

#[tokio::test]
async fn a_recordings_facts_are_told_without_audio_or_names() {
    let bench = Bench::new().await;
    let call = sealed(&bench).await;
    let asked = GetRequest { recording_id: call.key.id.to_bytes().to_vec() };
    let found = bench.rpc().get(guarded(&call.key.tenant, None, asked)).await.unwrap().into_inner();
    assert_eq!((found.state(), found.complete, found.duration), (RecordingState::Sealed, true, 2_000_000));
    assert_eq!((found.legs.len(), found.objects.len(), found.bases.len()), (2, 3, 1));
    assert_eq!((found.legs[0].frames, found.legs[0].spans, found.legs[0].sections), (100, 2, 1));
    assert_eq!(found.document_hash.len(), 32);
    let other = kernel::TenantId::new("telco-beta").unwrap();
    let asked = GetRequest { recording_id: call.key.id.to_bytes().to_vec() };
    let refused = bench.rpc().get(guarded(&other, None, asked)).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}

#[tokio::test]
async fn recordings_are_listed_in_pages_and_found_by_whom_they_are_about() {
    let bench = Bench::new().await;
    let mut calls = Vec::new();
    for _ in 0..5 {
        calls.push(sealed(&bench).await);
    }
    let tenant = calls[0].key.tenant.clone();
    let list = async |asked: ListRequest| {
        let answer = bench.rpc().list(guarded(&tenant, None, asked)).await.unwrap().into_inner();
        let ids: Vec<_> = answer.recordings.iter().map(|row| row.recording_id.clone()).collect();
        (ids, answer.next_page_token)
    };
    let (mut all, mut page_token) = (Vec::new(), String::new());
    for size in [2, 2, 1] {
        let (ids, next) = list(ListRequest { page_size: 2, page_token, ..ListRequest::default() }).await;
        assert_eq!(ids.len(), size);
        all.extend(ids);
        page_token = next;
    }
    assert!(page_token.is_empty());
    let mut expected: Vec<_> = calls.iter().map(|call| call.key.id.to_bytes().to_vec()).collect();
    expected.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(all, expected);

    let own = vec![calls[2].key.id.to_bytes().to_vec()];
    let subject = calls[2].subject.to_bytes().to_vec();
    bench.consent.known.lock().unwrap().insert("+390612345678".to_owned(), subject.clone());
    let identifier = |value: &str| {
        By::Identifier(Identifier { kind: IdentifierKind::Phone.into(), value: value.to_owned() })
    };
    let by = |by| ListRequest { by: Some(by), ..ListRequest::default() };
    assert_eq!(list(by(By::SubjectId(subject))).await.0, own);
    assert_eq!(list(by(identifier("+390612345678"))).await.0, own);
    assert!(list(by(identifier("+390600000000"))).await.0.is_empty());
    assert_eq!(list(by(By::CorrelationId("crm-1".to_owned()))).await.0.len(), 5);
    assert!(list(by(By::CorrelationId("crm-2".to_owned()))).await.0.is_empty());
    let later = ListRequest { from: crate::testing::NOW.0 + 1, ..ListRequest::default() };
    assert!(list(later).await.0.is_empty());
}

#[tokio::test]
async fn a_page_token_that_was_not_given_is_refused() {
    let bench = Bench::new().await;
    let call = Call::new(&bench);
    for page_token in ["x", "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!", &"A".repeat(31)] {
        let asked = ListRequest { page_token: page_token.to_owned(), ..ListRequest::default() };
        let status = bench.rpc().list(guarded(&call.key.tenant, None, asked)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn a_sound_recording_verifies() {
    let bench = Bench::new().await;
    let call = sealed(&bench).await;
    let response = verified(&bench, &call).await;
    assert_eq!((response.ok, response.objects, response.spans), (true, 3, 5));
}

#[tokio::test]
async fn a_recording_that_is_not_sealed_yet_is_refused_and_not_called_sound() {
    let bench = Bench::new().await;
    let call = Call::plain(&bench, 1, &[(MIFID, 0)]).await;
    bench.consume().await;
    let is_refused = async |state: State| {
        assert_eq!(bench.state(&call).await, state);
        let asked = VerifyRequest { recording_id: call.key.id.to_bytes().to_vec() };
        let refused = bench.rpc().verify(guarded(&call.key.tenant, None, asked)).await.unwrap_err();
        let told = (refused.code(), platform::error::reason(&refused));
        assert_eq!(told, (Code::FailedPrecondition, "not-sealed-yet"));
    };
    is_refused(State::Open).await;
    bench.store.sealing(&call.key, "hangup", Position(1_000_000)).await.unwrap();
    is_refused(State::Sealing).await;
}

async fn report(bench: &Bench, history: &History) -> Report {
    let objects: Arc<dyn ObjectStore> = Arc::new(bench.objects.clone());
    let roots = crate::service(&bench.config, &bench.deps()).mesh().trust().await.unwrap();
    verify(&objects, history, &roots).await.unwrap()
}

#[tokio::test]
async fn a_settled_recording_whose_documents_rows_are_gone_is_not_as_signed() {
    let bench = Bench::new().await;
    let call = sealed(&bench).await;
    let mut history = bench.history(&call).await;
    history.documents.clear();
    for (state, versions) in
        [(State::Sealed, &[1][..]), (State::NotRecorded, &[1][..]), (State::Addended, &[1, 2][..])]
    {
        history.recording.state = state;
        let report = report(&bench, &history).await;
        let found: Vec<_> =
            report.findings.iter().map(|finding| (finding.name.as_str(), finding.kind)).collect();
        let names: Vec<_> =
            versions.iter().map(|version| crate::document::name(&call.key, *version).to_string()).collect();
        let expected: Vec<_> =
            names.iter().map(|name| (name.as_str(), FindingKind::DocumentMissing)).collect();
        assert_eq!((report.is_ok(), found), (false, expected), "{state:?}");
        assert_eq!(report.objects, 3, "objects are looked at all the same");
    }
}

#[tokio::test]
async fn an_addendum_whose_row_is_gone_is_missed_by_the_objects_that_it_names() {
    let bench = Bench::new().await;
    let call = sealed(&bench).await;
    let mut history = bench.history(&call).await;
    history.objects[2].document = Some(3);
    let report = report(&bench, &history).await;
    let missing = report.findings.iter().find(|finding| finding.kind == FindingKind::DocumentMissing);
    assert_eq!(missing.unwrap().name, crate::document::name(&call.key, 3).as_str());
}

#[tokio::test]
async fn a_flipped_byte_is_named_by_object_and_span() {
    let bench = Bench::new().await;
    let call = sealed(&bench).await;
    let name = Key::new(format!("{}/{}/00001/0000000000/0000000", call.key.tenant, call.key.id)).unwrap();
    flip(&bench, &name, 9_500).await;
    let response = verified(&bench, &call).await;
    assert_eq!(kinds(&response), ["object-hash", "span-root"]);
    assert!(response.findings.iter().all(|finding| finding.name == name.as_str()));
    assert_eq!(response.findings[1].detail, "leg 1, section 0, span 1");
}

#[tokio::test]
async fn a_flipped_byte_of_footer_or_manifest_is_found() {
    let bench = Bench::new().await;
    let call = sealed(&bench).await;
    let name = Key::new(format!("{}/{}/00000/0000000000/0000000", call.key.tenant, call.key.id)).unwrap();
    let length = bench.objects.head(&name, None).await.unwrap().length as usize;
    flip(&bench, &name, length - 60).await;
    assert_eq!(kinds(&verified(&bench, &call).await), ["object-hash", "object-footer"]);
    let manifest = crate::document::name(&call.key, 1);
    let length = bench.objects.head(&manifest, None).await.unwrap().length as usize;
    flip(&bench, &manifest, length - 1).await;
    let response = verified(&bench, &call).await;
    assert_eq!(kinds(&response)[..2], ["manifest-hash", "manifest-signature"]);
}

#[tokio::test]
async fn a_recording_with_an_addendum_verifies() {
    let bench = Bench::new().await;
    let mut call = Call::plain(&bench, 1, &[(MIFID, 0)]).await;
    let late = call.seal(0, 0, 1, (50, 99), true);
    call.span(&bench, 1, 0, 1, (50, 99), true).await;
    call.close(&bench, 100).await;
    bench.consume().await;
    bench.pass(60);
    bench.consume().await;
    assert!(verified(&bench, &call).await.ok);
    call.log(&bench, late).await;
    bench.consume().await;
    let response = verified(&bench, &call).await;
    assert_eq!((kinds(&response), response.objects), (Vec::new(), 4));
}
