//! The gRPC service: converts, calls, notes what was touched. Nothing is decided here.

mod ask;
mod convert;
mod stream;

use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use kernel::{RecordingId, SubjectId, Timestamp, Use};
use platform::CallContext;
use proto::archive::v1::list_request::By as WireBy;
use proto::archive::v1::recordings_server::Recordings;
use proto::archive::v1::{
    AnnotateRequest, AnnotateResponse, EraseRequest, EraseResponse, Finding, GetRequest, ListRequest,
    ListResponse, LockRequest, LockResponse, Recording, ReplayFormat, ReplayRequest, ReplayResponse,
    SpansRequest, SpansResponse, VerifyRequest, VerifyResponse,
};
use tonic::{Request, Response, Status};

use crate::erasing::Eraser;
use crate::error::Error;
use crate::fact::RecordingKey;
use crate::service::Service;
use crate::store::{By, Query, State};

/// Longest identifier or correlation id that is looked for.
const MAX_VALUE: usize = 1_024;
/// Recordings of a page, unless the caller says.
const PAGE: usize = 100;
/// Recordings of the largest page.
const PAGE_MAX: usize = 500;

/// archive behind its contract.
#[derive(Clone)]
pub struct Rpc {
    service: Arc<Service>,
    eraser: Eraser,
}

impl Rpc {
    /// Answers with this service, and erases with this eraser.
    pub fn new(service: Arc<Service>, eraser: Eraser) -> Self {
        Self { service, eraser }
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Recordings for Rpc {
    async fn get(&self, request: Request<GetRequest>) -> Answer<Recording> {
        let call = CallContext::of(&request)?;
        let key = key(&call, &request.get_ref().recording_id)?;
        call.touched().recording(key.id);
        let history = self.service.history(&key).await.map_err(|error| error.to_status())?;
        // Of an erased one nothing is told that is about them.
        let told = history.parties.iter().filter(|_| history.recording.state != State::Erased);
        told.for_each(|party| {
            call.touched().subject(party.subject);
        });
        Ok(Response::new(convert::recording(&history)))
    }

    async fn list(&self, request: Request<ListRequest>) -> Answer<ListResponse> {
        let call = CallContext::of(&request)?;
        let tenant = call.tenant()?.clone();
        let asked = request.into_inner();
        let limit = match asked.page_size as usize {
            0 => PAGE,
            size @ 1..=PAGE_MAX => size,
            _ => return Err(invalid("page_size", "must be at most 500").to_status()),
        };
        let by = self.by(&call, asked.by).await.map_err(|error| error.to_status())?;
        let Some(by) = by else { return Ok(Response::new(ListResponse::default())) };
        if let By::Subject(subject) = by {
            call.touched().subject(subject);
        }
        let query = Query {
            tenant,
            from: Timestamp(asked.from),
            to: if asked.to == 0 { Timestamp(i64::MAX) } else { Timestamp(asked.to) },
            by,
            after: convert::after(&asked.page_token).map_err(|error| error.to_status())?,
            limit,
        };
        let rows = self.service.list(&query).await.map_err(|error| error.to_status())?;
        rows.iter().for_each(|row| {
            call.touched().recording(row.key.id);
        });
        let next_page_token = rows.last().filter(|_| rows.len() == limit).map(convert::page_token);
        Ok(Response::new(ListResponse {
            recordings: rows.iter().map(convert::row).collect(),
            next_page_token: next_page_token.unwrap_or_default(),
        }))
    }

    type ReplayStream = Pin<Box<dyn Stream<Item = Result<ReplayResponse, Status>> + Send>>;

    async fn replay(&self, request: Request<ReplayRequest>) -> Answer<Self::ReplayStream> {
        let call = CallContext::of(&request)?;
        let purpose = call.purpose()?.clone();
        let asked = request.into_inner();
        let key = key(&call, &asked.recording_id)?;
        call.touched().recording(key.id);
        let told = |error: Error| error.to_status();
        let use_for = Use::from_number(asked.r#use).ok_or_else(|| told(invalid("use", "must be named")))?;
        call.touched().fact("use", use_for);
        let format = ReplayFormat::try_from(asked.format).unwrap_or_default();
        let reference = ask::reference(&asked, use_for).map_err(told)?;
        let wanted = ask::wanted(&asked).map_err(told)?;
        let token = call.token.clone();
        let replay = self.service.replay(key, purpose, use_for, reference, &wanted, token);
        let player = replay.await.map_err(told)?;
        let stream = match format {
            ReplayFormat::Frames => stream::frames(player, call.sent().clone()),
            ReplayFormat::Wav => stream::wav(player, call.sent().clone()).map_err(told)?,
            ReplayFormat::Unspecified => return Err(told(invalid("format", "must be named"))),
        };
        Ok(Response::new(stream))
    }

    async fn verify(&self, request: Request<VerifyRequest>) -> Answer<VerifyResponse> {
        let call = CallContext::of(&request)?;
        let key = key(&call, &request.get_ref().recording_id)?;
        call.touched().recording(key.id);
        let report = self.service.verify(&key).await.map_err(|error| error.to_status())?;
        call.touched().fact("findings", report.findings.len());
        let findings = report.findings.iter().map(|finding| Finding {
            name: finding.name.clone(),
            kind: finding.kind.to_string(),
            detail: finding.detail.clone(),
        });
        Ok(Response::new(VerifyResponse {
            ok: report.is_ok(),
            findings: findings.collect(),
            objects: report.objects,
            spans: report.spans,
        }))
    }

    async fn spans(&self, request: Request<SpansRequest>) -> Answer<SpansResponse> {
        let call = CallContext::of(&request)?;
        let asked = request.into_inner();
        let key = key(&call, &asked.recording_id)?;
        call.touched().recording(key.id);
        let told = |error: Error| error.to_status();
        let legs = ask::legs(&asked.legs).map_err(told)?;
        let stretch = ask::stretch(asked.stretch).map_err(told)?;
        let sections = self.service.spans(&key, stretch, &legs).await.map_err(told)?;
        Ok(Response::new(convert::spans(sections)))
    }

    async fn erase(&self, request: Request<EraseRequest>) -> Answer<EraseResponse> {
        let call = CallContext::of(&request)?;
        let asked = request.into_inner();
        let key = key(&call, &asked.recording_id)?;
        call.touched().recording(key.id);
        let told = |error: Error| error.to_status();
        let erasure = ask::erasure(key, &asked).map_err(told)?;
        call.touched().fact("erasure", erasure.erasure);
        call.touched().fact("reason", &erasure.reason);
        let outcome = self.eraser.erase(&erasure).await.map_err(told)?;
        call.touched().fact("spans", outcome.spans);
        call.touched().fact("objects", outcome.deleted);
        Ok(Response::new(convert::outcome(outcome)))
    }

    async fn annotate(&self, request: Request<AnnotateRequest>) -> Answer<AnnotateResponse> {
        let call = CallContext::of(&request)?;
        let asked = request.into_inner();
        let key = key(&call, &asked.recording_id)?;
        call.touched().recording(key.id);
        let told = |error: Error| error.to_status();
        let statement = ask::statement(key, &asked).map_err(told)?;
        call.touched().object(format!("request/{}", statement.request)).fact("filed", &statement.filed);
        let stands = self.eraser.sealer.annotate(&statement).await.map_err(told)?;
        Ok(Response::new(AnnotateResponse { statement: Some(convert::statement(&stands)) }))
    }

    async fn lock(&self, request: Request<LockRequest>) -> Answer<LockResponse> {
        let call = CallContext::of(&request)?;
        let asked = request.into_inner();
        let key = key(&call, &asked.recording_id)?;
        call.touched().recording(key.id);
        let locked = self.eraser.sealer.placer.lock(&key, Timestamp(asked.until)).await;
        Ok(Response::new(LockResponse { lengthened: locked.map_err(|error| error.to_status())? }))
    }
}

impl Rpc {
    /// What to find by; `None` where nobody is known by that identifier.
    async fn by(&self, call: &CallContext, by: Option<WireBy>) -> Result<Option<By>, Error> {
        let tenant = call.tenant.as_ref().ok_or(invalid("tenant", "must be named"))?;
        match by {
            None => Ok(Some(By::Time)),
            Some(WireBy::SubjectId(id)) => {
                let id = SubjectId::from_slice(&id).map_err(|_| invalid("subject_id", "must be 16 bytes"))?;
                Ok(Some(By::Subject(id)))
            }
            Some(WireBy::Identifier(identifier)) => {
                if identifier.value.is_empty() || identifier.value.len() > MAX_VALUE {
                    return Err(invalid("identifier", "must have 1 to 1024 bytes"));
                }
                Ok(self.service.mesh().resolve(tenant, identifier).await?.map(By::Subject))
            }
            Some(WireBy::CorrelationId(value)) => {
                if value.is_empty() || value.len() > MAX_VALUE {
                    return Err(invalid("correlation_id", "must have 1 to 1024 bytes"));
                }
                Ok(Some(By::Correlation(self.service.mesh().correlation(tenant, &value).await?)))
            }
        }
    }
}

fn key(call: &CallContext, id: &[u8]) -> Result<RecordingKey, Status> {
    let id =
        RecordingId::from_slice(id).map_err(|_| invalid("recording_id", "must be 16 bytes").to_status())?;
    Ok(RecordingKey { tenant: call.tenant()?.clone(), id })
}

fn invalid(what: &'static str, problem: &'static str) -> Error {
    Error::Invalid { what, problem }
}
