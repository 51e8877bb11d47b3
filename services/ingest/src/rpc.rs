//! The gRPC face: reads messages, calls the service, notes what was touched.

use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use kernel::{RecordingId, TenantId};
use platform::{CallContext, status};
use proto::ingest::v1 as wire;
use proto::ingest::v1::record_request::Message;
use proto::ingest::v1::recorder_server::Recorder;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::error::{BadInput, Error};
use crate::intake::{self, CallerEvent};
use crate::opening::Opened;
use crate::owners::{Came, HANDED_ON};
use crate::service::Service;
use crate::store::SessionKey;

/// Answers on their way to a sender.
const ANSWERS: usize = 16;

/// The service `verbale.ingest.v1.Recorder`.
pub(crate) struct Rpc(pub(crate) Arc<Service>);

type Answers = Pin<Box<dyn Stream<Item = Result<wire::RecordResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Recorder for Rpc {
    type RecordStream = Answers;

    async fn record(
        &self,
        request: Request<Streaming<wire::RecordRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let context = CallContext::of(&request)?;
        let tenant = context.tenant()?.clone();
        let mut said = request.into_inner();
        let service = &self.0;
        service.check_admission().map_err(|error| status(&error))?;
        let mut draining = service.draining();
        // A stream that does not even begin may not hold up the instance's end.
        let first = tokio::select! {
            biased;
            first = said.message() => first?.and_then(|request| request.message),
            _ = draining.wait_for(Option::is_some) => return Err(status(&Error::Draining)),
        };
        let Some(Message::Open(open)) = first else {
            return Err(status(&Error::from(BadInput::Order("a stream begins with an open"))));
        };
        let call =
            intake::open(open, service.parts.present()).map_err(|error| status(&Error::from(error)))?;
        context.touched().recording(call.recording);
        let key = SessionKey { tenant, recording: call.recording };
        let opened = service.parts.open(key, call, context.trace.clone()).await;
        let Opened { answer, recorder } = opened.map_err(|error| status(&error))?;
        if answer.not_recorded {
            context.touched().outcome("not-recorded");
        }
        let (answers, stream) = mpsc::channel(ANSWERS);
        let message = Some(wire::record_response::Message::Opened(answer));
        let _gone = answers.try_send(Ok(wire::RecordResponse { message }));
        if let Some(recorder) = recorder {
            service.spawn(recorder.run(said, answers, service.draining()));
        }
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn control(
        &self,
        request: Request<wire::ControlRequest>,
    ) -> Result<Response<wire::ControlResponse>, Status> {
        let (key, context) = self.key(&request, |message| &message.recording_id)?;
        let came = match request.metadata().contains_key(HANDED_ON) {
            true => Came::HandedOn,
            false => Came::Directly(Box::new(request.get_ref().clone())),
        };
        let event = request.into_inner().event.ok_or(BadInput::Missing("event"));
        let event = event.and_then(CallerEvent::read).map_err(|error| status(&Error::from(error)))?;
        let done = self.0.parts.control(&key, event, &came).await.map_err(|error| status(&error))?;
        let (applied, media_state) = done;
        if !applied.refused.is_empty() {
            context.touched().outcome("no-effect");
        }
        let (applied, media_state) = (Some(applied), media_state as i32);
        Ok(Response::new(wire::ControlResponse { applied, media_state }))
    }

    async fn get_session(
        &self,
        request: Request<wire::GetSessionRequest>,
    ) -> Result<Response<wire::Session>, Status> {
        let (key, _) = self.key(&request, |message| &message.recording_id)?;
        self.0.parts.session(&key).await.map(Response::new).map_err(|error| status(&error))
    }

    async fn fence_session(
        &self,
        request: Request<wire::FenceSessionRequest>,
    ) -> Result<Response<wire::Session>, Status> {
        let (key, _) = self.key(&request, |message| &message.recording_id)?;
        self.0.parts.fence(&key).await.map(Response::new).map_err(|error| status(&error))
    }
}

impl Rpc {
    fn key<M>(
        &self,
        request: &Request<M>,
        recording: impl Fn(&M) -> &[u8],
    ) -> Result<(SessionKey, CallContext), Status> {
        let context = CallContext::of(request)?;
        let tenant: TenantId = context.tenant()?.clone();
        let recording = RecordingId::from_slice(recording(request.get_ref()))
            .map_err(|problem| status(&Error::from(BadInput::Id { place: "recording_id", problem })))?;
        context.touched().recording(recording);
        Ok((SessionKey { tenant, recording }, context))
    }
}
