//! How a package streams: what is refused before its first byte, what ends it, and how little of it is held.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{StreamExt, stream};
use kernel::{ErrorCode, LegNo, PurposeName, ServiceError};
use platform::error::refusal;
use policy::rights::{Presence, Right};
use tonic::Status;

use super::bench::{Bench, sounds};
use crate::error::Error;
use crate::mesh::Audio;

const MIB: usize = 1 << 20;

fn own(bench: Bench) -> Bench {
    bench.leg(Right::Access, 0, Presence::Oneself, "mifid2-transaction").leg(
        Right::Access,
        0,
        Presence::Oneself,
        "quality",
    )
}

fn refused(word: &str) -> Error {
    Error::peer("archive", "replay a leg")(refusal(ErrorCode::PermissionDenied, word, "no"))
}

#[tokio::test]
async fn nothing_is_handed_out_where_nothing_was_granted() {
    let refused = Bench::new().handed().await.err().unwrap();
    assert!(matches!(refused, Error::Refused { word: "nothing-granted", .. }), "{refused:?}");
    assert_eq!(refused.code(), ErrorCode::FailedPrecondition);
}

#[tokio::test]
async fn a_call_of_nobody_who_is_the_person_by_now_is_not_handed_out() {
    let bench = Bench::new().leg(Right::Access, 0, Presence::Oneself, "quality");
    let whose = kernel::SubjectId::new();
    bench.change(|facts| facts.parties[0].subject_id = whose.to_bytes().to_vec());
    let refused = bench.handed().await.err().unwrap();
    assert!(matches!(refused, Error::Refused { word: "not-theirs", .. }), "{refused:?}");
    bench.line.facts.state().merged.insert(bench.customer, vec![whose]);
    assert!(bench.handed().await.is_ok(), "two subjects that are one person");
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_an_error_before_the_first_byte() {
    for method in ["recording", "kept"] {
        let bench = own(Bench::new());
        bench.line.facts.fail(method);
        let refused = bench.handed().await.err().unwrap();
        assert_eq!(refused.code(), ErrorCode::Unavailable, "{method}");
    }
}

#[tokio::test]
async fn nothing_is_handed_out_that_could_not_be_signed() {
    let refused = own(Bench::new()).uncertified().handed().await.err().unwrap();
    assert_eq!(refused.code(), ErrorCode::Unavailable);
}

#[tokio::test]
async fn what_the_gate_refuses_is_left_out_and_another_purpose_tried() {
    let bench = own(Bench::playing(Box::new(|purpose, leg| match purpose.as_str() {
        "mifid2-transaction" => Err(refused("period-over")),
        _ => sounds(purpose, leg),
    })));
    let package = bench.package().await;
    assert_eq!(package.audio(), ["leg-0-quality.wav"]);
}

#[tokio::test]
async fn where_all_is_refused_the_page_says_why() {
    let refuses = |_: &PurposeName, _: LegNo| -> Result<Audio, Error> {
        Ok(stream::iter([Err(refused("withdrawn"))]).boxed())
    };
    let package = own(Bench::playing(Box::new(refuses))).package().await;
    assert_eq!(package.audio(), Vec::<&str>::new());
    let legs = &package.json("data.json")["recordings"][0]["legs"];
    assert_eq!(legs[0]["withheld"]["because"], serde_json::json!(["withdrawn"]));
}

#[tokio::test]
async fn a_caller_who_may_not_gets_no_package_that_lacks_what_they_may_not_hear() {
    for word in ["role-not-allowed", "use-not-allowed", "other-tenant", "role", "tenant"] {
        let bench = own(Bench::playing(Box::new(move |_, _| Err(refused(word)))));
        let chunks: Vec<_> = bench.handed().await.unwrap().stream.collect().await;
        let last = chunks.into_iter().next_back().unwrap();
        assert_eq!(last.unwrap_err().code(), ErrorCode::PermissionDenied, "{word}");
    }
}

#[tokio::test]
async fn an_error_in_the_middle_ends_the_stream_and_leaves_no_list_of_files() {
    let breaks = |_: &PurposeName, _: LegNo| -> Result<Audio, Error> {
        let away = Error::peer("archive", "replay a leg")(Status::unavailable("away"));
        Ok(stream::iter([Ok(b"RIFF".to_vec()), Err(away), Ok(b"more".to_vec())]).boxed())
    };
    let bench = own(Bench::playing(Box::new(breaks)));
    let chunks: Vec<_> = bench.handed().await.unwrap().stream.collect().await;
    let (last, rest) = chunks.split_last().unwrap();
    assert_eq!(last.as_ref().unwrap_err().code(), ErrorCode::Unavailable);
    let sent: Vec<u8> = rest.iter().flat_map(|chunk| chunk.as_ref().unwrap().clone()).collect();
    assert!(sent.windows(4).any(|window| window == b"RIFF"));
    assert!(!sent.windows(4).any(|window| window == b"more"));
    // The record that ends a ZIP's list of files.
    assert!(!sent.windows(4).any(|window| window == b"PK\x05\x06"));
}

#[tokio::test]
async fn audio_passes_chunk_by_chunk() {
    const CHUNKS: usize = 64;
    let fetched = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&fetched);
    let plays = move |_: &PurposeName, _: LegNo| -> Result<Audio, Error> {
        let counted = Arc::clone(&counted);
        let chunk = move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(vec![7; MIB])
        };
        Ok(stream::iter(0..CHUNKS).map(chunk).boxed())
    };
    let bench = own(Bench::playing(Box::new(plays)));
    let mut package = bench.handed().await.unwrap().stream;
    let mut taken = 0;
    while let Some(bytes) = package.next().await {
        let bytes = bytes.unwrap();
        assert!(bytes.len() < 2 * MIB, "{} bytes at once", bytes.len());
        taken += bytes.len();
        let held = fetched.load(Ordering::SeqCst) * MIB;
        assert!(held <= taken + 2 * MIB, "{held} fetched and {taken} taken");
    }
    assert!(taken > CHUNKS * MIB);
}
