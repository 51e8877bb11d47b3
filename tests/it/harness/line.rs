//! A sender by hand: one message after another, and what comes back.

use kernel::TenantId;
use proto::ingest::v1::record_request::Message as Request;
use proto::ingest::v1::record_response::Message as Response;
use proto::ingest::v1::recorder_client::RecorderClient;
use proto::ingest::v1::{self as wire, Level};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};
use verbale::connect::Caller;

use super::{PATIENCE, Sample};

/// A stream of one session.
pub(crate) struct Line {
    outbound: mpsc::Sender<wire::RecordRequest>,
    inbound: Streaming<wire::RecordResponse>,
    /// The strongest acknowledgement that the deployment gives: of one broker it is not LOGGED.
    level: Level,
    /// Per leg, the first frame that is not so acknowledged, and the first that is not SPOOLED either.
    logged: [u64; 2],
    spooled: [u64; 2],
}

impl Line {
    /// Opens a session and waits for its answer.
    pub(crate) async fn open(
        caller: &Caller,
        tenant: &TenantId,
        open: wire::Open,
    ) -> Result<(Self, wire::Opened), Status> {
        let (outbound, requests) = mpsc::channel(64);
        outbound.send(wire::RecordRequest { message: Some(Request::Open(open)) }).await.unwrap();
        let request = caller.request_for(tenant, ReceiverStream::new(requests));
        let inbound = RecorderClient::new(caller.wire()).record(request).await?.into_inner();
        let mut line = Self { outbound, inbound, level: Level::Unspecified, logged: [0, 0], spooled: [0, 0] };
        let opened = line
            .until(|message| match message {
                Response::Opened(opened) => Some(opened),
                _ => None,
            })
            .await?;
        line.level = opened.level();
        for resume in &opened.resume {
            line.logged[resume.leg as usize] = resume.next_frame;
        }
        line.spooled = line.logged;
        Ok((line, opened))
    }

    /// Sends one message. A stream that is gone is found when its answer is read.
    pub(crate) async fn send(&self, message: Request) {
        let _ = self.outbound.send(wire::RecordRequest { message: Some(message) }).await;
    }

    /// Sends frames of both legs of a sample.
    pub(crate) async fn media(&self, sample: &Sample, frames: std::ops::Range<u64>) {
        let numbers: Vec<_> = frames.collect();
        for chunk in numbers.chunks(10) {
            for leg in [0, 1] {
                let frames = chunk.iter().map(|number| sample.frame(leg, *number)).collect();
                self.send(Request::Media(wire::Media { leg: leg as u32, frames })).await;
            }
        }
    }

    /// Sends an event and waits until it is answered.
    pub(crate) async fn event(&mut self, event: wire::Event) -> Result<wire::Applied, Status> {
        let id = event.event_id.clone();
        self.send(Request::Event(event)).await;
        self.answer(&id).await
    }

    /// Waits until both legs are acknowledged as strongly as can be, up to, not including, `frame`.
    pub(crate) async fn logged(&mut self, frame: u64) -> Result<(), Status> {
        while self.logged.iter().any(|next| *next < frame) {
            self.until(|message| matches!(message, Response::Ack(_)).then_some(())).await?;
        }
        Ok(())
    }

    /// Waits until both legs are acknowledged at any level up to, not including, `frame`.
    pub(crate) async fn spooled(&mut self, frame: u64) -> Result<(), Status> {
        while self.spooled.iter().any(|next| *next < frame) {
            self.until(|message| matches!(message, Response::Ack(_)).then_some(())).await?;
        }
        Ok(())
    }

    /// How far both legs are acknowledged LOGGED, as far as was read.
    pub(crate) fn logged_so_far(&self) -> u64 {
        self.logged.into_iter().min().unwrap_or(0)
    }

    /// Waits for the answer to an event that was sent.
    pub(crate) async fn answer(&mut self, id: &[u8]) -> Result<wire::Applied, Status> {
        self.until(|message| match message {
            Response::Applied(applied) if applied.event_id == id => Some(applied),
            _ => None,
        })
        .await
    }

    /// Closes the call with all frames of the sample, and waits for the answer.
    pub(crate) async fn close(self, sample: &Sample) -> Result<(), Status> {
        self.close_after(sample.frames()).await
    }

    /// Closes the call after so many frames of each leg, and waits for the answer.
    pub(crate) async fn close_after(mut self, frames: u64) -> Result<(), Status> {
        let end = |leg| wire::LegEnd { leg, frames };
        self.send(Request::Close(wire::Close { cause: "hangup".to_owned(), legs: vec![end(0), end(1)] }))
            .await;
        self.until(|message| matches!(message, Response::Closed(_)).then_some(())).await
    }

    /// Reads until a message has what is looked for.
    pub(crate) async fn until<T>(
        &mut self,
        mut pick: impl FnMut(Response) -> Option<T>,
    ) -> Result<T, Status> {
        loop {
            let message = timeout(PATIENCE, self.inbound.message()).await.expect("the stream goes on")?;
            let message = message.ok_or_else(|| Status::unavailable("the stream ended"))?;
            if let Some(Response::Ack(ack)) = &message.message {
                self.note(ack);
            }
            if let Some(found) = message.message.and_then(&mut pick) {
                return Ok(found);
            }
        }
    }

    /// Whatever is looked for meanwhile, no acknowledgement goes unheard.
    fn note(&mut self, ack: &wire::Ack) {
        let leg = ack.leg as usize;
        self.spooled[leg] = self.spooled[leg].max(ack.next_frame);
        if ack.level() >= self.level {
            self.logged[leg] = self.logged[leg].max(ack.next_frame);
        }
    }

    /// Reads until the stream is refused.
    pub(crate) async fn refused(mut self) -> Status {
        self.until(|_| None::<()>).await.expect_err("nothing is picked")
    }
}
