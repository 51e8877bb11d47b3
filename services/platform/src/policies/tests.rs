use std::sync::atomic::{AtomicU64, Ordering};

use prost::Message;

use super::*;
use crate::stand::{by_hand, tenant};

const FIRST: &str = "tenant: banca-alfa\njurisdiction: IT\npurposes: {}\n";
const SECOND: &str = "tenant: banca-alfa\njurisdiction: IT\nmarks: [order]\npurposes: {}\n";

fn hash(document: &str) -> PolicyHash {
    policy::parse(document, &|_| None).unwrap().hash()
}

fn response(document: &str) -> GetPolicyResponse {
    GetPolicyResponse {
        document: document.to_owned(),
        policy_hash: hash(document).as_bytes().to_vec(),
        ..Default::default()
    }
}

/// consent with two policies, the second in force, and how often it was asked.
fn book() -> (PolicyBook, Arc<AtomicU64>) {
    let asked = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&asked);
    let wire = by_hand(move |_, _, message| {
        counted.fetch_add(1, Ordering::SeqCst);
        let wanted = GetPolicyRequest::decode(message).unwrap().policy_hash;
        let first = wanted == hash(FIRST).as_bytes();
        Ok(response(if first { FIRST } else { SECOND }).encode_to_vec())
    });
    (PolicyBook::new(wire), asked)
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_fetched_once_by_hash_and_the_one_in_force_every_few_seconds() {
    let (book, asked) = book();
    let tenant = tenant("banca-alfa");
    for _ in 0..3 {
        assert_eq!(book.by_hash(&tenant, hash(FIRST)).await.unwrap().hash(), hash(FIRST));
        assert_eq!(book.in_force(&tenant).await.unwrap().hash, hash(SECOND));
        assert_eq!(book.by_hash(&tenant, hash(SECOND)).await.unwrap().hash(), hash(SECOND));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    tokio::time::advance(IN_FORCE_FOR).await;
    book.in_force(&tenant).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn another_policy_than_the_one_asked_for_is_not_taken() {
    let (book, _) = book();
    let missing = book.by_hash(&tenant("banca-alfa"), PolicyHash([9; 32])).await;
    assert!(matches!(missing, Err(PolicyBookError::Other { .. })), "{missing:?}");
    let foreign = book.in_force(&tenant("telco-beta")).await;
    assert!(matches!(foreign, Err(PolicyBookError::Other { .. })), "{foreign:?}");
}

#[tokio::test]
async fn a_document_that_is_no_policy_and_a_refusal_say_what_they_are() {
    let odd = by_hand(|_, _, _| {
        Ok(GetPolicyResponse { document: "[".to_owned(), ..Default::default() }.encode_to_vec())
    });
    let malformed = PolicyBook::new(odd).in_force(&tenant("banca-alfa")).await.unwrap_err();
    assert_eq!(malformed.code(), ErrorCode::DataLoss);
    let none = by_hand(|_, _, _| Err(tonic::Status::not_found("no policy")));
    let missing = PolicyBook::new(none).in_force(&tenant("banca-alfa")).await.unwrap_err();
    assert_eq!(missing.code(), ErrorCode::NotFound);
}
