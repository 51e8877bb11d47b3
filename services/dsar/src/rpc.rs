//! The gRPC service: converts, calls, notes what was touched. Nothing is decided here. `convert` reads what
//! is asked, `shown` and `history` say what is, `stream` cuts a package into messages. `disclosures` has all of that for
//! disclosures.

mod convert;
mod disclosures;
mod history;
mod shown;
mod stream;

use std::sync::Arc;

use futures::stream::BoxStream;
use kernel::RequestId;
use platform::CallContext;
use policy::request::{Actor, State};
use proto::dsar::v1 as wire;
use proto::dsar::v1::requests_server::Requests;
use tonic::{Request, Response, Status};

use crate::act::{Act, RequestKey};
use crate::error::{Error, told};
use crate::file::File;
use crate::plan::PAGE;
use crate::service::{Link, Service};

/// dsar behind its contract.
#[derive(Clone)]
pub struct Rpc {
    service: Arc<Service>,
}

impl Rpc {
    /// Answers with this.
    pub fn new(service: Arc<Service>) -> Self {
        Self { service }
    }

    /// The request as it is told; whose it is, and how far, is noted.
    fn seen(&self, call: &CallContext, id: RequestId, file: &File) -> Option<wire::Request> {
        call.touched().subject(file.received.subject).fact("state", file.request.state());
        Some(shown::request(id, file, self.service.now()))
    }

    /// Does one act that needs nothing beside the request itself.
    async fn act(&self, call: &CallContext, key: &RequestKey, act: Act) -> Result<File, Status> {
        call.touched().fact("act", history::word(&act));
        self.service.act(key, &actor(call)?, act).await.map_err(refused)
    }
}

type Answer<T> = Result<Response<T>, Status>;

/// An error as its status, where `?` takes it from a field that was read.
fn refused(error: Error) -> Status {
    told(&error)
}

/// Which request a call is about, which is noted.
fn key(call: &CallContext, id: &[u8]) -> Result<RequestKey, Status> {
    let id = convert::request_id(id).map_err(refused)?;
    call.touched().object(convert::object(id));
    Ok(RequestKey { tenant: call.tenant()?.clone(), id })
}

/// Who acts.
fn actor(call: &CallContext) -> Result<Actor, Status> {
    convert::actor(&call.principal.id).map_err(refused)
}

#[tonic::async_trait]
impl Requests for Rpc {
    async fn open(&self, request: Request<wire::OpenRequest>) -> Answer<wire::OpenResponse> {
        let call = CallContext::of(&request)?;
        let new = convert::new_request(request.into_inner()).map_err(refused)?;
        let id = new.id;
        let note = call.touched().object(convert::object(id));
        note.fact("rights", history::words(&new.rights))
            .fact("channel", new.channel)
            .fact("asker", new.asker);
        if let Some((recording, _)) = new.said_in {
            note.recording(recording);
        }
        let file = self.service.open(call.tenant()?, &actor(&call)?, new).await.map_err(refused)?;
        Ok(Response::new(wire::OpenResponse { request: self.seen(&call, id, &file) }))
    }

    async fn get(&self, request: Request<wire::GetRequest>) -> Answer<wire::GetResponse> {
        let call = CallContext::of(&request)?;
        let key = key(&call, &request.get_ref().request_id)?;
        let file = self.service.file(&key).await.map_err(refused)?;
        let records = self.service.history(&key).await.map_err(refused)?;
        call.touched().fact("acts", records.len());
        Ok(Response::new(wire::GetResponse {
            request: self.seen(&call, key.id, &file),
            history: records.iter().map(history::act).collect(),
        }))
    }

    async fn list(&self, request: Request<wire::ListRequest>) -> Answer<wire::ListResponse> {
        let call = CallContext::of(&request)?;
        let asked = request.into_inner();
        let limit = convert::page_size(asked.page_size).map_err(refused)?;
        let page = convert::last_request(&asked.page_token).map_err(refused)?;
        let which = convert::which(&asked).map_err(refused)?;
        let found = self.service.list(call.tenant()?, which, page, limit).await.map_err(refused)?;
        let next = found.last().filter(|_| found.len() == limit as usize).map(|(id, _)| id.to_string());
        // A person's requests are found whether open or not.
        let meant = |file: &File| !asked.open || file.request.state() != State::Closed;
        let mut requests = Vec::with_capacity(found.len());
        for (id, file) in found.iter().filter(|(_, file)| meant(file)) {
            call.touched().object(convert::object(*id)).subject(file.received.subject);
            requests.push(shown::request(*id, file, self.service.now()));
        }
        Ok(Response::new(wire::ListResponse { requests, next_page_token: next.unwrap_or_default() }))
    }

    async fn identify(&self, request: Request<wire::IdentifyRequest>) -> Answer<wire::IdentifyResponse> {
        let call = CallContext::of(&request)?;
        let asked = request.into_inner();
        let key = key(&call, &asked.request_id)?;
        let act = convert::identified(asked.act).map_err(refused)?;
        call.touched().fact("act", history::word(&act));
        let file = self.service.identify(&key, &actor(&call)?, act).await.map_err(refused)?;
        Ok(Response::new(wire::IdentifyResponse { request: self.seen(&call, key.id, &file) }))
    }

    async fn extend(&self, request: Request<wire::ExtendRequest>) -> Answer<wire::ExtendResponse> {
        let call = CallContext::of(&request)?;
        let key = key(&call, &request.get_ref().request_id)?;
        let act = convert::extended(request.get_ref()).map_err(refused)?;
        let file = self.act(&call, &key, act).await?;
        Ok(Response::new(wire::ExtendResponse { request: self.seen(&call, key.id, &file) }))
    }

    async fn link(&self, request: Request<wire::LinkRequest>) -> Answer<wire::LinkResponse> {
        let call = CallContext::of(&request)?;
        let key = key(&call, &request.get_ref().request_id)?;
        let link = convert::link(request.get_ref().link.as_ref()).map_err(refused)?;
        let (word, other) = match link {
            Link::DuplicateOf(other) => ("duplicate-of", other),
            Link::Merge(other) => ("merge", other),
            Link::Unmerge(other) => ("unmerge", other),
        };
        call.touched().object(convert::object(other)).fact("link", word);
        let file = self.service.link(&key, &actor(&call)?, link).await.map_err(refused)?;
        call.touched().fact("to-assess", file.to_assess.len());
        Ok(Response::new(wire::LinkResponse { request: self.seen(&call, key.id, &file) }))
    }

    async fn confirm(&self, request: Request<wire::ConfirmRequest>) -> Answer<wire::ConfirmResponse> {
        let call = CallContext::of(&request)?;
        let asked = request.into_inner();
        let key = key(&call, &asked.request_id)?;
        let theirs = convert::calls(&asked.theirs, "theirs").map_err(refused)?;
        let not_theirs = convert::calls(&asked.not_theirs, "not_theirs").map_err(refused)?;
        call.touched().fact("theirs", theirs.len()).fact("not-theirs", not_theirs.len());
        let calls: Vec<_> = theirs.iter().chain(&not_theirs).copied().collect();
        let confirmed = self.service.confirm(&key, &actor(&call)?, theirs, not_theirs).await;
        let file = confirmed.map_err(refused)?;
        for recording in calls {
            call.touched().recording(recording);
        }
        Ok(Response::new(wire::ConfirmResponse { request: self.seen(&call, key.id, &file) }))
    }

    async fn plan(&self, request: Request<wire::PlanRequest>) -> Answer<wire::PlanResponse> {
        let call = CallContext::of(&request)?;
        let key = key(&call, &request.get_ref().request_id)?;
        let keep = !request.get_ref().dry_run;
        let planned = self.service.plan(&key, &actor(&call)?, keep).await.map_err(refused)?;
        let found = &planned.plan.items;
        let note = call.touched().fact("plan", &planned.name).fact("items", found.len()).fact("kept", keep);
        for recording in found.iter().filter_map(|item| item.artefact.recording()) {
            note.recording(recording);
        }
        let first = found.iter().take(PAGE).map(|item| shown::planned(item, &planned));
        Ok(Response::new(wire::PlanResponse {
            items: first.collect::<Result<_, Error>>().map_err(refused)?,
            request: self.seen(&call, key.id, &planned.file),
            plan: planned.name.to_string(),
            total: found.len() as u64,
            stores: planned.plan.stores.iter().map(shown::store).collect(),
        }))
    }

    async fn list_items(&self, request: Request<wire::ListItemsRequest>) -> Answer<wire::ListItemsResponse> {
        let call = CallContext::of(&request)?;
        let asked = request.into_inner();
        let key = key(&call, &asked.request_id)?;
        let limit = convert::page_size(asked.page_size).map_err(refused)?;
        let file = self.service.file(&key).await.map_err(refused)?;
        let from = convert::after_item(&asked.page_token, file.items.len()).map_err(refused)?;
        let page = shown::items(&file, from, limit as usize);
        call.touched().subject(file.received.subject).fact("items", page.items.len());
        let planned = file.items.values().skip(from).take(limit as usize);
        for recording in planned.filter_map(|item| item.artefact.recording()) {
            call.touched().recording(recording);
        }
        Ok(Response::new(page))
    }

    async fn decide(&self, request: Request<wire::DecideRequest>) -> Answer<wire::DecideResponse> {
        let call = CallContext::of(&request)?;
        let asked = request.into_inner();
        let (key, complete) = (key(&call, &asked.request_id)?, asked.complete);
        let decided = convert::decided(asked).map_err(refused)?;
        let note = call.touched().fact("plan", &decided.plan).fact("items", decided.items.len());
        note.fact("complete", complete);
        if let Some(gate) = decided.found.gate {
            note.fact("gate", gate);
        }
        if let Some(ground) = decided.found.ground {
            note.fact("ground", ground);
        }
        if !decided.found.others_heard.is_empty() {
            note.fact("others-heard", decided.found.others_heard.iter().len());
        }
        let file = self.service.decide(&key, &actor(&call)?, decided, complete).await.map_err(refused)?;
        Ok(Response::new(wire::DecideResponse { request: self.seen(&call, key.id, &file) }))
    }

    async fn approve(&self, request: Request<wire::ApproveRequest>) -> Answer<wire::ApproveResponse> {
        let call = CallContext::of(&request)?;
        let asked = request.into_inner();
        let key = key(&call, &asked.request_id)?;
        let plan = convert::plan_name(&asked.plan).map_err(refused)?;
        call.touched().fact("plan", &plan).fact("rejects", asked.reject);
        let approved = self.service.approve(&key, &actor(&call)?, plan, asked.reject).await;
        let file = approved.map_err(refused)?;
        Ok(Response::new(wire::ApproveResponse { request: self.seen(&call, key.id, &file) }))
    }

    async fn execute(&self, request: Request<wire::ExecuteRequest>) -> Answer<wire::ExecuteResponse> {
        let call = CallContext::of(&request)?;
        let key = key(&call, &request.get_ref().request_id)?;
        let file = self.service.execute(&key).await.map_err(refused)?;
        call.touched().fact("unsettled", file.unsettled().count());
        Ok(Response::new(wire::ExecuteResponse { request: self.seen(&call, key.id, &file) }))
    }

    async fn mark_done(&self, request: Request<wire::MarkDoneRequest>) -> Answer<wire::MarkDoneResponse> {
        let call = CallContext::of(&request)?;
        let asked = request.into_inner();
        let key = key(&call, &asked.request_id)?;
        let plan = convert::plan_name(&asked.plan).map_err(refused)?;
        let items = convert::item_keys(&asked.items).map_err(refused)?;
        let filed = convert::code(&asked.filed, "filed").map_err(refused)?;
        call.touched().fact("plan", &plan).fact("items", items.len()).fact("filed", &filed);
        let done = self.service.done_by_hand(&key, &actor(&call)?, &plan, items, filed).await;
        let file = done.map_err(refused)?;
        Ok(Response::new(wire::MarkDoneResponse { request: self.seen(&call, key.id, &file) }))
    }

    async fn lift(&self, request: Request<wire::LiftRequest>) -> Answer<wire::LiftResponse> {
        let call = CallContext::of(&request)?;
        let key = key(&call, &request.get_ref().request_id)?;
        let notice = convert::notice(request.get_ref().notice_delivered_at).map_err(refused)?;
        call.touched().fact("notice-delivered-at", notice);
        let file = self.service.lift(&key, &actor(&call)?, notice).await.map_err(refused)?;
        call.touched().fact("restrictions", file.restrictions.len());
        Ok(Response::new(wire::LiftResponse { request: self.seen(&call, key.id, &file) }))
    }

    async fn letter(&self, request: Request<wire::LetterRequest>) -> Answer<wire::LetterResponse> {
        let call = CallContext::of(&request)?;
        let key = key(&call, &request.get_ref().request_id)?;
        let language = convert::language(&request.get_ref().language).map_err(refused)?;
        let letter = self.service.letter(&key, language).await.map_err(refused)?;
        call.touched().fact("language", letter.language.as_str()).fact("letter", letter.hash);
        Ok(Response::new(wire::LetterResponse {
            language: letter.language.as_str().to_owned(),
            hash: letter.hash.as_bytes().to_vec(),
            text: letter.text,
        }))
    }

    async fn deliver(&self, request: Request<wire::DeliverRequest>) -> Answer<wire::DeliverResponse> {
        let call = CallContext::of(&request)?;
        let key = key(&call, &request.get_ref().request_id)?;
        let letter = convert::letter_hash(&request.get_ref().letter_hash).map_err(refused)?;
        call.touched().fact("letter", letter);
        let file = self.service.deliver(&key, &actor(&call)?, letter).await.map_err(refused)?;
        Ok(Response::new(wire::DeliverResponse { request: self.seen(&call, key.id, &file) }))
    }

    async fn take_back(&self, request: Request<wire::TakeBackRequest>) -> Answer<wire::TakeBackResponse> {
        let call = CallContext::of(&request)?;
        let key = key(&call, &request.get_ref().request_id)?;
        let file = self.act(&call, &key, Act::TakenBack).await?;
        Ok(Response::new(wire::TakeBackResponse { request: self.seen(&call, key.id, &file) }))
    }

    type GetPackageStream = BoxStream<'static, Result<wire::PackageChunk, Status>>;

    async fn get_package(&self, request: Request<wire::GetPackageRequest>) -> Answer<Self::GetPackageStream> {
        let call = CallContext::of(&request)?;
        let key = key(&call, &request.get_ref().request_id)?;
        // The reason that the caller states is sealed with this call; the audio's entries name the request.
        let (token, reason) = (call.token.clone(), convert::object(key.id));
        let handed = self.service.hand_out(&key, token, reason).await.map_err(refused)?;
        call.touched().fact("items", handed.items.len());
        for recording in &handed.recordings {
            call.touched().recording(*recording);
        }
        Ok(Response::new(stream::chunks(handed.stream, call.sent().clone())))
    }
}

#[cfg(test)]
mod tests;
