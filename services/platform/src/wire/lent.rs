//! A request's body, lent to one attempt at a time: it can be lent again as long as nobody has read from it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;
use tonic::Status;
use tonic::body::Body;

/// The owner's end.
pub(super) struct Lender(Arc<Mutex<Option<Body>>>);

/// What an attempt gets.
struct Lent {
    shelf: Arc<Mutex<Option<Body>>>,
    taken: Option<Body>,
}

impl Lender {
    pub(super) fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(Some(body))))
    }
    /// For one attempt; the one before must be over.
    pub(super) fn lend(&self) -> Body {
        Body::new(Lent { shelf: Arc::clone(&self.0), taken: None })
    }
    /// Whether nobody has read from it yet.
    pub(super) fn is_untouched(&self) -> bool {
        self.0.lock().is_some()
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.taken.is_none() {
            let body = self.shelf.lock().take();
            self.taken = body;
        }
        match &mut self.taken {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.taken {
            Some(body) => body.is_end_stream(),
            None => self.shelf.lock().as_ref().is_none_or(HttpBody::is_end_stream),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.taken {
            Some(body) => body.size_hint(),
            None => self.shelf.lock().as_ref().map(HttpBody::size_hint).unwrap_or_default(),
        }
    }
}
