//! A request's steps one by one, for programs that go through all of them: the demo, and whoever scripts in Rust.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kernel::RequestId;
use platform::call::CallMetadata;
use proto::dsar::v1 as wire;
use proto::dsar::v1::identify_request::Act;
use proto::dsar::v1::requests_client::RequestsClient;
use seal::Hash;
use tokio::time::{Instant, sleep};

use super::locked::{self, Lock};
use super::{about, bytes, get, private};
use crate::connect::Caller;

/// How long between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// What a request waits for while the mesh works.
pub(super) const WORK: &str = "work";

/// A package as it lies in its file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
}

/// The requests that are not answered, oldest first; at most 500.
pub async fn open_ones(caller: &Caller) -> Result<Vec<wire::Request>> {
    let request = caller.request(wire::ListRequest { open: true, page_size: 500, ..Default::default() })?;
    Ok(RequestsClient::new(caller.wire()).list(request).await?.into_inner().requests)
}

/// Shows who asks: a human has looked, and it is enough.
pub async fn identify(caller: &Caller, id: RequestId) -> Result<wire::Request> {
    let mut last = wire::Request::default();
    for act in [Act::Proved("human".to_owned()), Act::Verified(true)] {
        let request = caller.request(wire::IdentifyRequest { request_id: bytes(id), act: Some(act) })?;
        let identified = RequestsClient::new(caller.wire()).identify(request).await;
        last = identified.with_context(|| about(id))?.into_inner().request.unwrap_or_default();
    }
    Ok(last)
}

/// Freezes a plan.
pub async fn plan(caller: &Caller, id: RequestId) -> Result<wire::PlanResponse> {
    let request = caller.request(wire::PlanRequest { request_id: bytes(id), dry_run: false })?;
    let planned = RequestsClient::new(caller.wire()).plan(request).await;
    Ok(planned.with_context(|| about(id))?.into_inner())
}

/// Decides as the rules say, on everything; another person approves where that is needed.
pub async fn decide(first: &Caller, second: &Caller, id: RequestId, plan: &str) -> Result<wire::Request> {
    let request = first.request(wire::DecideRequest {
        request_id: bytes(id),
        plan: plan.to_owned(),
        complete: true,
        ..Default::default()
    })?;
    let decided = RequestsClient::new(first.wire()).decide(request).await;
    let decided = decided.with_context(|| about(id))?.into_inner().request.unwrap_or_default();
    if decided.waits_for != "second-person" {
        return Ok(decided);
    }
    let (request_id, plan) = (bytes(id), plan.to_owned());
    let request = second.request(wire::ApproveRequest { request_id, plan, reject: false })?;
    let approved = RequestsClient::new(second.wire()).approve(request).await;
    Ok(approved.with_context(|| about(id))?.into_inner().request.unwrap_or_default())
}

/// Waits until a request waits for somebody.
pub async fn worked_on(caller: &Caller, id: RequestId, patience: Duration) -> Result<wire::Request> {
    let began = Instant::now();
    loop {
        let stands = get(caller, id).await?.request.unwrap_or_default();
        if stands.waits_for != WORK {
            return Ok(stands);
        }
        ensure!(began.elapsed() < patience, "request {id} is still worked on after {patience:?}");
        sleep(PAUSE).await;
    }
}

/// Writes the copy into a file that only its owner may read; all of it, or none.
pub async fn package(
    caller: &Caller,
    id: RequestId,
    reason: &str,
    path: &Path,
    lock: &Lock,
) -> Result<Written> {
    // Before anything is handed out that could not be written.
    let mut file = locked::begin(path, lock)?;
    let request = caller.request(wire::GetPackageRequest { request_id: bytes(id) })?;
    let package = RequestsClient::new(caller.wire()).get_package(request.reason(reason)).await;
    let mut stream = package.with_context(|| about(id))?.into_inner();
    let mut is_empty = true;
    let broken = "the package broke off; nothing was written";
    while let Some(chunk) = stream.message().await.context(broken)? {
        file.write_all(&chunk.data).with_context(|| format!("cannot write {}", path.display()))?;
        is_empty &= chunk.data.is_empty();
    }
    ensure!(!is_empty, "{broken}");
    let finished = file.finish().with_context(|| format!("cannot write {}", path.display()))?;
    let (file, bytes, sha256) = finished.into_parts();
    private::keep(file, path)?;
    Ok(Written { bytes, sha256 })
}

/// The answer as things stand, in the request's language or this one.
pub async fn letter(caller: &Caller, id: RequestId, language: String) -> Result<wire::LetterResponse> {
    let request = caller.request(wire::LetterRequest { request_id: bytes(id), language })?;
    let letter = RequestsClient::new(caller.wire()).letter(request).await;
    let letter = letter.with_context(|| about(id))?.into_inner();
    let is_whole = Hash::of(letter.text.as_bytes()).as_bytes().as_slice() == letter.hash;
    ensure!(is_whole, "the letter of request {id} came with another's hash");
    Ok(letter)
}

/// Writes a letter into a file that only its owner may read.
pub fn keep_letter(path: &Path, text: &str) -> Result<()> {
    let mut file = private::begin(path)?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    private::keep(file, path)
}

/// Says that this letter was delivered, which closes the request.
pub async fn deliver(caller: &Caller, id: RequestId, letter: Hash) -> Result<wire::Request> {
    let letter_hash = letter.as_bytes().to_vec();
    let request = caller.request(wire::DeliverRequest { request_id: bytes(id), letter_hash })?;
    let delivered = RequestsClient::new(caller.wire()).deliver(request).await;
    Ok(delivered.with_context(|| about(id))?.into_inner().request.unwrap_or_default())
}
