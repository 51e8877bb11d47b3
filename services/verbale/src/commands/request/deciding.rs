//! `verbale request decide|approve|execute|done|lift`: what people decide, and what is done about it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kernel::{ErrorCode, RequestId};
use platform::error::refusal;
use policy::code::Code;
use proto::common::v1::Interval;
use proto::dsar::v1 as wire;
use proto::dsar::v1::requests_client::RequestsClient;
use tokio::time::{Instant, sleep};

use super::steps::WORK;
use super::{about, bytes, get, tell};
use crate::cli::DecideArgs;
use crate::commands::moment;
use crate::commands::replay::position;
use crate::connect::Caller;
use crate::output::{Exit, Output};

/// How long is waited for the mesh.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long between two looks, each of which the ledger has an entry of.
const PAUSE: Duration = Duration::from_secs(2);

pub(super) async fn decide(caller: &Caller, args: DecideArgs, out: Output) -> Result<Exit> {
    let id = args.id;
    let filed = args.filed.map(|filed| filed.to_string()).unwrap_or_default();
    let excess = args.excess.map(|reason| wire::Excess {
        reason: reason.to_string(),
        evidence: args.evidence.iter().map(ToString::to_string).collect(),
        filed,
    });
    let request = caller.request(wire::DecideRequest {
        request_id: bytes(id),
        plan: args.plan,
        items: args.item,
        gate: args.gate.map(|gate| gate.to_string()).unwrap_or_default(),
        excess,
        own_hold_waived: args.waive_own_hold,
        others_heard: args.others_heard.iter().map(|text| heard(text)).collect::<Result<_>>()?,
        ground: args.ground.map(|ground| ground.to_string()).unwrap_or_default(),
        left: args.left.map(|left| left.to_string()).unwrap_or_default(),
        complete: args.complete,
    })?;
    let decided = RequestsClient::new(caller.wire()).decide(request).await;
    Ok(tell(decided.with_context(|| about(id))?.into_inner().request, out))
}

/// A stretch such as `1:10-1:35`.
fn heard(text: &str) -> Result<Interval> {
    let (from, to) = text.split_once('-').context("a stretch is written as FROM-TO, such as 1:10-1:35")?;
    let (start, end) = (position(from)?, position(to)?);
    ensure!(start < end, "the stretch {text} ends before it begins");
    Ok(Interval { start, end })
}

pub(super) async fn approve(
    caller: &Caller,
    id: RequestId,
    plan: String,
    reject: bool,
    out: Output,
) -> Result<Exit> {
    let request = caller.request(wire::ApproveRequest { request_id: bytes(id), plan, reject })?;
    let approved = RequestsClient::new(caller.wire()).approve(request).await;
    Ok(tell(approved.with_context(|| about(id))?.into_inner().request, out))
}

pub(super) async fn execute(caller: &Caller, id: RequestId, wait: bool, out: Output) -> Result<Exit> {
    let request = caller.request(wire::ExecuteRequest { request_id: bytes(id) })?;
    let executed = RequestsClient::new(caller.wire()).execute(request).await;
    let mut stands = executed.with_context(|| about(id))?.into_inner().request.unwrap_or_default();
    let began = Instant::now();
    while wait && stands.waits_for == WORK {
        if began.elapsed() > PATIENCE {
            let text =
                format!("request {id} is still worked on after {PATIENCE:?}; the mesh goes on by itself");
            return Err(refusal(ErrorCode::DeadlineExceeded, "still-worked-on", text).into());
        }
        sleep(PAUSE).await;
        stands = get(caller, id).await?.request.unwrap_or_default();
    }
    Ok(tell(Some(stands), out))
}

pub(super) async fn done(
    caller: &Caller,
    id: RequestId,
    plan: String,
    items: Vec<String>,
    filed: &Code,
    out: Output,
) -> Result<Exit> {
    let filed = filed.to_string();
    let request = caller.request(wire::MarkDoneRequest { request_id: bytes(id), plan, items, filed })?;
    let marked = RequestsClient::new(caller.wire()).mark_done(request).await;
    Ok(tell(marked.with_context(|| about(id))?.into_inner().request, out))
}

pub(super) async fn lift(caller: &Caller, id: RequestId, notice: &str, out: Output) -> Result<Exit> {
    let notice_delivered_at = moment(notice)?.0;
    let request = caller.request(wire::LiftRequest { request_id: bytes(id), notice_delivered_at })?;
    let lifted = RequestsClient::new(caller.wire()).lift(request).await;
    Ok(tell(lifted.with_context(|| about(id))?.into_inner().request, out))
}
