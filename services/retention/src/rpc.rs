//! The gRPC service: converts, calls, notes what was touched. Nothing is decided here. What is about erasures lies in
//! `erasing`.

mod convert;
mod erasing;

use std::sync::Arc;

use kernel::{HoldId, PurposeName, RecordingId, Use};
use platform::CallContext;
use proto::retention::v1::retention_server::Retention;
use proto::retention::v1::{
    ExplainRequest, ExplainResponse, ExtendRequest, ExtendResponse, GetErasureRequest, GetErasureResponse,
    GetReceiptRequest, GetReceiptResponse, ListDueRequest, ListDueResponse, ListErasuresRequest,
    ListErasuresResponse, ListHoldsRequest, ListHoldsResponse, MayServeRequest, MayServeResponse,
    OrderErasureRequest, OrderErasureResponse, PlaceHoldRequest, PlaceHoldResponse, PlanSweepRequest,
    ReleaseHoldRequest, ReleaseHoldResponse, SweepPlan, SweepRequest, SweepResponse,
};
use tonic::{Request, Response, Status};

use crate::erasing::Erasing;
use crate::error::{Error, told};
use crate::hold::Hold;
use crate::service::{Served, Service, Which};

/// retention behind its contract.
#[derive(Clone)]
pub struct Rpc {
    service: Arc<Service>,
    erasing: Arc<Erasing>,
}

impl Rpc {
    /// Answers with these.
    pub fn new(service: Arc<Service>, erasing: Arc<Erasing>) -> Self {
        Self { service, erasing }
    }
}

type Answer<T> = Result<Response<T>, Status>;

/// An error as its status, where `?` takes it from a field that was read.
fn refused(error: Error) -> Status {
    told(&error)
}

#[tonic::async_trait]
impl Retention for Rpc {
    async fn may_serve(&self, request: Request<MayServeRequest>) -> Answer<MayServeResponse> {
        let call = CallContext::of(&request)?;
        let tenant = call.tenant()?;
        let MayServeRequest { recording_id, purpose, r#use, reference } = request.into_inner();
        let recording =
            convert::id(RecordingId::from_slice, &recording_id, "recording_id").map_err(refused)?;
        let purpose = convert::name(PurposeName::new, purpose, "purpose").map_err(refused)?;
        let wanted = Use::from_number(r#use).ok_or_else(|| Error::invalid("use", "must be named"));
        let wanted = wanted.map_err(refused)?;
        call.touched().recording(recording).fact("use", wanted);
        let served = self.service.may_serve(tenant, recording, &purpose, wanted, &reference).await;
        let (allowed, reason) = match served.map_err(refused)? {
            Served::Allows => (true, ""),
            Served::Refuses(reason) => (false, reason),
        };
        Ok(Response::new(MayServeResponse { allowed, reason: reason.to_owned() }))
    }

    async fn explain(&self, request: Request<ExplainRequest>) -> Answer<ExplainResponse> {
        let call = CallContext::of(&request)?;
        let id = &request.get_ref().recording_id;
        let id = convert::id(RecordingId::from_slice, id, "recording_id").map_err(refused)?;
        let note = call.touched().recording(id);
        let explained = self.service.explain(call.tenant()?, id).await.map_err(refused)?;
        for subject in &explained.kept.parties {
            note.subject(*subject);
        }
        note_holds(&call, &explained.holds);
        Ok(Response::new(convert::explained(&explained)))
    }

    async fn list_due(&self, request: Request<ListDueRequest>) -> Answer<ListDueResponse> {
        let call = CallContext::of(&request)?;
        let asked = request.into_inner();
        let by = convert::by(asked.by, self.service.now()).map_err(refused)?;
        let limit = convert::page_size(asked.page_size).map_err(refused)?;
        let after = convert::after_due(&asked.page_token).map_err(refused)?;
        call.touched().fact("by", by);
        let page = self.service.due(call.tenant()?, by, after.as_ref(), limit).await.map_err(refused)?;
        for found in &page.recordings {
            call.touched().recording(found.due.id);
        }
        Ok(Response::new(convert::due(&page)))
    }

    async fn extend(&self, request: Request<ExtendRequest>) -> Answer<ExtendResponse> {
        let call = CallContext::of(&request)?;
        let order = convert::order(request.get_ref()).map_err(refused)?;
        let note = call.touched().object(format!("order/{}", order.reference));
        note.fact("regime", &order.regime).fact("until", order.until);
        for subject in order.scope.parties().into_iter().flatten() {
            note.subject(*subject);
        }
        let lengthened = self.service.extend(call.tenant()?, &call.principal.id, order).await;
        let lengthened = lengthened.map_err(refused)?;
        note.fact("lengthened", lengthened);
        Ok(Response::new(ExtendResponse { lengthened }))
    }

    async fn place_hold(&self, request: Request<PlaceHoldRequest>) -> Answer<PlaceHoldResponse> {
        let call = CallContext::of(&request)?;
        let new = convert::new_hold(request.into_inner()).map_err(refused)?;
        let note = call.touched().object(convert::object(new.id));
        note.fact("kind", convert::kind_word(new.kind)).fact("reason", &new.reason);
        if !new.purposes.is_empty() {
            note.fact("purposes", new.purposes.len());
        }
        convert::note_selector(note, &new.selector);
        let placed = self.service.place(call.tenant()?, &call.principal.id, new).await.map_err(refused)?;
        note.fact("erased-before", placed.erased_before.len()).fact("stopped", placed.stopped.len());
        for recording in placed.erased_before.iter().chain(&placed.stopped) {
            note.recording(*recording);
        }
        Ok(Response::new(convert::placed(&placed)))
    }

    async fn release_hold(&self, request: Request<ReleaseHoldRequest>) -> Answer<ReleaseHoldResponse> {
        let call = CallContext::of(&request)?;
        let id = convert::id(HoldId::from_slice, &request.get_ref().hold_id, "hold_id").map_err(refused)?;
        let note = call.touched().object(convert::object(id));
        let hold = self.service.release(call.tenant()?, &call.principal.id, id).await.map_err(refused)?;
        note.fact("state", convert::state_word(hold.state));
        Ok(Response::new(ReleaseHoldResponse { hold: Some(convert::hold(&hold)) }))
    }

    async fn list_holds(&self, request: Request<ListHoldsRequest>) -> Answer<ListHoldsResponse> {
        let call = CallContext::of(&request)?;
        let asked = request.into_inner();
        let limit = convert::page_size(asked.page_size).map_err(refused)?;
        let after = convert::after_hold(&asked.page_token).map_err(refused)?;
        if !asked.hold_id.is_empty() {
            let id = convert::id(HoldId::from_slice, &asked.hold_id, "hold_id").map_err(refused)?;
            call.touched().object(convert::object(id));
            let hold = self.service.hold(call.tenant()?, id).await.map_err(refused)?;
            let (holds, next_page_token) = (vec![convert::hold(&hold)], String::new());
            return Ok(Response::new(ListHoldsResponse { holds, next_page_token }));
        }
        let which = if asked.released { Which::Released } else { Which::Standing };
        let holds = self.service.holds(call.tenant()?, which, after, limit).await.map_err(refused)?;
        let page = convert::fitting(&holds);
        note_holds(&call, page);
        let has_more = page.len() < holds.len() || holds.len() == limit as usize;
        let last = page.last().filter(|_| has_more);
        let next_page_token = last.map(|hold| convert::hold_token(hold.id)).unwrap_or_default();
        let holds = page.iter().map(convert::hold).collect();
        Ok(Response::new(ListHoldsResponse { holds, next_page_token }))
    }

    async fn plan_sweep(&self, request: Request<PlanSweepRequest>) -> Answer<SweepPlan> {
        erasing::plan_sweep(&self.erasing, request).await
    }

    async fn sweep(&self, request: Request<SweepRequest>) -> Answer<SweepResponse> {
        erasing::sweep(&self.erasing, request).await
    }

    async fn order_erasure(&self, request: Request<OrderErasureRequest>) -> Answer<OrderErasureResponse> {
        erasing::order_erasure(&self.erasing, request).await
    }

    async fn get_erasure(&self, request: Request<GetErasureRequest>) -> Answer<GetErasureResponse> {
        erasing::get_erasure(&self.erasing, request).await
    }

    async fn list_erasures(&self, request: Request<ListErasuresRequest>) -> Answer<ListErasuresResponse> {
        erasing::list_erasures(&self.erasing, request).await
    }

    async fn get_receipt(&self, request: Request<GetReceiptRequest>) -> Answer<GetReceiptResponse> {
        erasing::get_receipt(&self.erasing, request).await
    }
}

fn note_holds(call: &CallContext, holds: &[Hold]) {
    for hold in holds {
        call.touched().object(convert::object(hold.id));
    }
}

#[cfg(test)]
mod tests;
