//! What waits for one append, from however many recordings.

use std::time::Duration;

use eventlog::Record;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::{Appended, Refused, Request};
use crate::error::Error;

/// Bytes after which a group takes no further request; with the largest on top it is below the log's bound.
const GROUP_BYTES: usize = 4 << 20;
/// Records likewise.
const GROUP_RECORDS: usize = 8_000;

/// Requests as they wait.
pub(super) struct Gathering {
    requests: mpsc::Receiver<Request>,
    /// The least time from one group to the next.
    apart: Duration,
    last: Option<Instant>,
}

/// Requests for one append, in the order in which they were made.
pub(super) struct Group {
    requests: Vec<Request>,
}

impl Gathering {
    pub(super) fn new(requests: mpsc::Receiver<Request>, apart: Duration) -> Self {
        Self { requests, apart, last: None }
    }

    /// Waits for a request and takes what waits with it; none where nobody is left to make one. Nothing is lost
    /// where the caller stops waiting.
    pub(super) async fn group(&mut self) -> Option<Group> {
        // Before anything is taken. A request that comes after a quiet moment does not wait.
        if let Some(last) = self.last {
            sleep_until(last + self.apart).await;
        }
        let first = self.requests.recv().await?;
        self.last = Some(Instant::now());
        let mut group = Group { requests: Vec::new() };
        let (mut records, mut bytes) = (0, 0);
        let mut next = Some(first);
        while let Some(request) = next {
            records += request.records.len();
            bytes += request.bytes();
            group.requests.push(request);
            let has_room = records < GROUP_RECORDS && bytes < GROUP_BYTES;
            next = if has_room { self.requests.try_recv().ok() } else { None };
        }
        Some(group)
    }
}

impl Request {
    fn bytes(&self) -> usize {
        self.records.iter().map(Record::size).sum()
    }
}

impl Group {
    /// A copy of every record, in order.
    pub(super) fn records(&self) -> Vec<Record> {
        self.requests.iter().flat_map(|request| request.records.iter().cloned()).collect()
    }

    /// Per request, how many records and bytes it has.
    pub(super) fn sizes(&self) -> impl Iterator<Item = (usize, usize)> {
        self.requests.iter().map(|request| (request.records.len(), request.bytes()))
    }

    /// Everything is in the log.
    pub(super) fn logged(self) {
        for request in self.requests {
            reply(request.answer, Ok(Appended::Logged));
        }
    }

    /// Everything is in the spool; whoever holds the other ends tells when it is in the log.
    pub(super) fn spooled(self, waiters: impl IntoIterator<Item = oneshot::Receiver<()>>) {
        for (request, waiter) in self.requests.into_iter().zip(waiters) {
            reply(request.answer, Ok(Appended::Spooled(waiter)));
        }
    }

    /// Nothing was appended, or it is not known.
    pub(super) fn refused(self, error: eventlog::Error) {
        let mut first = Some(error);
        let text = first.as_ref().map(|error| kernel::chain(error)).unwrap_or_default();
        let is_full = matches!(first, Some(eventlog::Error::Full(_)));
        for request in self.requests {
            let error = first.take().unwrap_or_else(|| again(&text, is_full));
            reply(request.answer, Err((Error::Log(error), request.records)));
        }
    }

    /// What became of a group of one.
    pub(super) fn done(self, done: Result<(), eventlog::Error>) {
        match done {
            Ok(()) => self.logged(),
            Err(error) => self.refused(error),
        }
    }

    /// Each request by itself; itself where it is only one.
    pub(super) fn apart(self) -> Result<Vec<Self>, Self> {
        if self.requests.len() < 2 {
            return Err(self);
        }
        Ok(self.requests.into_iter().map(|request| Self { requests: vec![request] }).collect())
    }
}

/// The same failure for another request of the group: only those that may pass are shared.
fn again(text: &str, is_full: bool) -> eventlog::Error {
    let source = text.to_owned().into();
    if is_full {
        eventlog::Error::Full(source)
    } else {
        eventlog::Error::Unavailable { attempt: "append with others", source }
    }
}

fn reply(answer: oneshot::Sender<Result<Appended, Refused>>, done: Result<Appended, Refused>) {
    // A stream that was cut off has no use for its answer.
    let _gone = answer.send(done);
}
