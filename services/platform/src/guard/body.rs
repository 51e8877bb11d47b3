//! Bodies on their way through the guard: requests of a bounded size, and streamed answers that are watched
//! until they end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use kernel::ErrorCode;
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::error;

use super::auditor::EndOfStream;
use super::deadline;
use super::limit::Permit;
use crate::error::{CODE, refusal, word};

/// Bytes of a gRPC message's prefix.
const PREFIX: usize = 5;

/// A request with one message of at most so many bytes.
pub(super) struct Bounded {
    body: Body,
    left: usize,
}

impl Bounded {
    pub(super) fn new(body: Body, limit: usize) -> Self {
        Self { body, left: limit.saturating_add(PREFIX) }
    }
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        let size = frame.as_ref().and_then(|f| f.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
        match self.left.checked_sub(size) {
            Some(left) => {
                self.left = left;
                Poll::Ready(frame)
            }
            None => {
                let text = "the message is larger than server.message_size";
                Poll::Ready(Some(Err(refusal(ErrorCode::ResourceExhausted, "message-size", text))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A streamed answer: ends at its deadline, survives a panic, and says in the end what was really sent.
pub(super) struct Answer {
    body: Body,
    deadline: Option<Pin<Box<Sleep>>>,
    end: Option<EndOfStream>,
    sent: u64,
    over: bool,
    _permit: Option<Permit>,
}

impl Answer {
    pub(super) fn new(
        body: Body,
        deadline: Option<Instant>,
        end: Option<EndOfStream>,
        permit: Option<Permit>,
    ) -> Self {
        let deadline = deadline.map(|at| Box::pin(sleep_until(at)));
        Self { body, deadline, end, sent: 0, over: false, _permit: permit }
    }

    fn finish(&mut self, outcome: &str) {
        self.over = true;
        if let Some(end) = self.end.take() {
            end.enter(outcome, self.sent);
        }
    }

    fn fail(&mut self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.finish(word(status.code()));
        let mut trailers = HeaderMap::new();
        let written = status.add_header(&mut trailers);
        Poll::Ready(Some(written.map(|()| Frame::trailers(trailers))))
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.over {
            return Poll::Ready(None);
        }
        if self.deadline.as_mut().is_some_and(|sleep| sleep.poll_unpin(cx).is_ready()) {
            return self.fail(&deadline::exceeded());
        }
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.body).poll_frame(cx)));
        let Ok(polled) = polled else {
            error!("a streaming handler panicked");
            return self.fail(&refusal(
                ErrorCode::Internal,
                word(Code::Internal),
                "the call failed by our fault",
            ));
        };
        match std::task::ready!(polled) {
            None => {
                self.finish(word(Code::Ok));
                Poll::Ready(None)
            }
            Some(Err(status)) => {
                self.finish(word(status.code()));
                Poll::Ready(Some(Err(status)))
            }
            Some(Ok(frame)) => {
                self.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
                if let Some(trailers) = frame.trailers_ref() {
                    let outcome = outcome(trailers);
                    self.finish(&outcome);
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.over || (self.end.is_none() && self.body.is_end_stream())
    }
}

impl Drop for Answer {
    /// Whoever listened went away.
    fn drop(&mut self) {
        if !self.over {
            self.finish(word(Code::Cancelled));
        }
    }
}

fn outcome(trailers: &HeaderMap) -> String {
    let code = trailers.get(Status::GRPC_STATUS).map_or(Code::Ok, |value| Code::from_bytes(value.as_bytes()));
    let stated = trailers.get(CODE).and_then(|value| value.to_str().ok());
    stated.filter(|_| code != Code::Ok).unwrap_or_else(|| word(code)).to_owned()
}
