//! The RPCs about erasures and sweeps: converts, calls, notes what was touched.

mod read;
mod shown;

use platform::CallContext;
use proto::retention::v1::{
    GetErasureRequest, GetErasureResponse, GetReceiptRequest, GetReceiptResponse, ListErasuresRequest,
    ListErasuresResponse, OrderErasureRequest, OrderErasureResponse, PlanSweepRequest, SweepPlan,
    SweepRequest, SweepResponse,
};
use sha2::{Digest, Sha256};
use tonic::{Request, Response, Status};

use self::read::{erasure_id, ordered, page_size, plan_name, token};
use self::shown::{planned, recording, shown};
use crate::erasing::Erasing;
use crate::erasure::{Erasure, Target};
use crate::error::{Error, told};

type Answer<T> = Result<Response<T>, Status>;

/// Orders an erasure.
pub(super) async fn order_erasure(
    erasing: &Erasing,
    request: Request<OrderErasureRequest>,
) -> Answer<OrderErasureResponse> {
    let call = CallContext::of(&request)?;
    let ordered = ordered(request.into_inner(), &call.principal.id).map_err(refused)?;
    call.touched().object(format!("erasure/{}", ordered.id)).fact("reason", &ordered.reason);
    note_target(&call, &ordered.target);
    let erasure = erasing.order(call.tenant()?, ordered).await.map_err(refused)?;
    call.touched().fact("recordings", erasure.items);
    Ok(Response::new(OrderErasureResponse { erasure: Some(shown(&erasure)) }))
}

/// Each recording's and each store's state and date.
pub(super) async fn get_erasure(
    erasing: &Erasing,
    request: Request<GetErasureRequest>,
) -> Answer<GetErasureResponse> {
    let call = CallContext::of(&request)?;
    let asked = request.into_inner();
    let erasure = known(erasing, &call, &asked.erasure_id).await?;
    note_target(&call, &erasure.target);
    let limit = page_size(asked.page_size).map_err(refused)?;
    let after = token(&asked.page_token, "page_token").map_err(refused)?;
    let items = erasing.store().items(&erasure.tenant, erasure.id, after, limit).await;
    let items = items.map_err(|error| refused(error.into()))?;
    items.iter().for_each(|item| {
        call.touched().recording(item.recording);
    });
    let next = items.last().filter(|_| items.len() == limit as usize).map(|last| last.recording.to_string());
    let (now, horizon) = (erasing.now(), erasing.parts.config.backup_horizon.into());
    Ok(Response::new(GetErasureResponse {
        erasure: Some(shown(&erasure)),
        recordings: items.iter().map(|item| recording(&erasure, item, horizon, now)).collect(),
        next_page_token: next.unwrap_or_default(),
    }))
}

/// A tenant's erasures, newest first.
pub(super) async fn list_erasures(
    erasing: &Erasing,
    request: Request<ListErasuresRequest>,
) -> Answer<ListErasuresResponse> {
    let call = CallContext::of(&request)?;
    let asked = request.into_inner();
    let limit = page_size(asked.page_size).map_err(refused)?;
    let before = token(&asked.page_token, "page_token").map_err(refused)?;
    let found = erasing.store().erasures(call.tenant()?, before, limit).await;
    let found = found.map_err(|error| refused(error.into()))?;
    call.touched().fact("erasures", found.len());
    found.iter().for_each(|erasure| note_target(&call, &erasure.target));
    let next = found.last().filter(|_| found.len() == limit as usize).map(|last| last.id.to_string());
    Ok(Response::new(ListErasuresResponse {
        erasures: found.iter().map(shown).collect(),
        next_page_token: next.unwrap_or_default(),
    }))
}

/// The signed receipt.
pub(super) async fn get_receipt(
    erasing: &Erasing,
    request: Request<GetReceiptRequest>,
) -> Answer<GetReceiptResponse> {
    let call = CallContext::of(&request)?;
    let erasure = known(erasing, &call, &request.get_ref().erasure_id).await?;
    if erasure.receipt.is_empty() {
        let why = format!("erasure {} is not settled yet", erasure.id);
        return Err(refused(Error::refused("not-settled", why)));
    }
    let sha256 = Sha256::digest(&erasure.receipt).to_vec();
    Ok(Response::new(GetReceiptResponse { document: erasure.receipt, sha256 }))
}

/// What a sweep now would erase.
pub(super) async fn plan_sweep(erasing: &Erasing, request: Request<PlanSweepRequest>) -> Answer<SweepPlan> {
    let call = CallContext::of(&request)?;
    let (plan, asked_by) = erasing.plan(call.tenant()?).await.map_err(refused)?;
    call.touched().fact("plan", &plan.name).fact("recordings", plan.recordings);
    Ok(Response::new(planned(plan, asked_by)))
}

/// Erases what is due.
pub(super) async fn sweep(erasing: &Erasing, request: Request<SweepRequest>) -> Answer<SweepResponse> {
    let call = CallContext::of(&request)?;
    let named = plan_name(&request.get_ref().plan).map_err(refused)?;
    let swept = erasing.sweep(call.tenant()?, named, &call.principal.id).await.map_err(refused)?;
    call.touched().fact("plan", &swept.plan.name).fact("recordings", swept.plan.recordings);
    if let Some(erasure) = swept.erasure {
        call.touched().object(format!("erasure/{erasure}"));
    }
    let waits_for_second = swept.asked_by.is_some();
    if waits_for_second {
        call.touched().fact("waits", "second-person");
    }
    Ok(Response::new(SweepResponse {
        erasure_id: swept.erasure.map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
        plan: Some(planned(swept.plan, swept.asked_by)),
        waits_for_second,
    }))
}

async fn known(erasing: &Erasing, call: &CallContext, id: &[u8]) -> Result<Erasure, Status> {
    let id = erasure_id(id).map_err(refused)?;
    call.touched().object(format!("erasure/{id}"));
    let found = erasing.store().erasure(call.tenant()?, id).await.map_err(|error| refused(error.into()))?;
    found.ok_or_else(|| refused(Error::Unknown { what: "erasure", id: id.to_string() }))
}

/// Whom or what an answer tells of.
fn note_target(call: &CallContext, target: &Target) {
    match target {
        Target::Subject(subject) => {
            call.touched().subject(*subject);
        }
        Target::Recording(recording) => {
            call.touched().recording(*recording);
        }
        Target::RecordingOf { recording, subject } => {
            call.touched().subject(*subject).recording(*recording);
        }
        Target::Due => {}
    }
}

fn refused(error: Error) -> Status {
    told(&error)
}

#[cfg(test)]
mod tests;
