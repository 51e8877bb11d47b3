//! What one stream sends to the log: in order, sealed on the way, one append at a time.
//!
//! Everything about a recording goes through one queue, so that `LegOpened` is before its spans and a drop
//! before the span after it. While an append runs the next batch gathers. A full disk or a log that is away
//! holds the append, and with it acknowledgements and, by the window, the reading of the stream; it goes on
//! by itself. Where this node's spool takes the log's place a batch is reached twice: spooled, then logged.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use kernel::{FrameNo, LegNo, RegimeName, Retry, ServiceError, chain};
use platform::retry::Backoff;
use proto::ingest::v1::audio_event::Event;
use tokio::sync::oneshot;
use tracing::warn;
use zeroize::Zeroizing;

use crate::appender::{Appended, Appender, append_patiently};
use crate::error::Error;
use crate::leg::Output;
use crate::records::Records;
use crate::sealer::Sealer;
use crate::store::{Fence, Store};

/// Most items of one append.
const BATCH_ITEMS: usize = 64;
/// Payload after which an append takes no further item; with the largest span on top it is still far below
/// the log's bound.
const BATCH_BYTES: usize = 2 << 20;

/// Something to log.
pub(crate) enum Item {
    /// As it is.
    Event(Event),
    /// What a leg gave out.
    Output { leg: LegNo, output: Output, regimes: Vec<RegimeName> },
    /// The identifying metadata.
    Meta { document: Arc<Zeroizing<Vec<u8>>>, regimes: Vec<RegimeName> },
    /// The metadata is in the log: its row is to know.
    MetaLogged,
    /// A leg's end.
    LegClosed { leg: LegNo, frames: FrameNo },
}

/// How far a batch has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reached {
    /// This node's disk.
    Spool,
    /// The log.
    Log,
}

/// Per leg, the frame after the last one that is stored or logged as dropped.
pub(crate) type Acks = Vec<(LegNo, FrameNo)>;

/// One stream's way to the log.
pub(crate) struct Flow {
    queue: VecDeque<Item>,
    /// Frames per leg that are queued or under way.
    waiting: Vec<u64>,
    /// What an append that is under way will take off `waiting`.
    taken: Vec<u64>,
    state: State,
    /// Batches in this node's spool, in order.
    spooled: VecDeque<Spooled>,
}

/// A batch that is not in the log yet.
struct Spooled {
    acks: Acks,
    has_meta: bool,
    logged: oneshot::Receiver<()>,
}

enum State {
    Idle(Box<Flusher>),
    Running(BoxFuture<'static, Flushed>),
    /// The log refused for good.
    Broken,
}

/// Seals and appends.
pub(crate) struct Flusher {
    pub(crate) sealer: Sealer,
    pub(crate) records: Records,
    pub(crate) appender: Arc<Appender>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) fence: Fence,
}

struct Flushed {
    flusher: Box<Flusher>,
    result: Result<(Acks, Option<Spooled>), Error>,
}

impl Flow {
    pub(crate) fn new(flusher: Flusher, legs: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            waiting: vec![0; legs],
            taken: vec![0; legs],
            state: State::Idle(Box::new(flusher)),
            spooled: VecDeque::new(),
        }
    }

    pub(crate) fn push(&mut self, item: Item) {
        if let Some((leg, frames)) = frames_of(&item) {
            self.waiting[leg] += frames;
        }
        self.queue.push_back(item);
        self.start();
    }

    /// Frames of a leg that are neither acknowledged nor in its memory.
    pub(crate) fn waiting(&self, leg: usize) -> u64 {
        self.waiting[leg]
    }

    /// Whether everything was logged.
    pub(crate) fn is_logged(&self) -> bool {
        self.is_at_rest() && self.spooled.is_empty()
    }

    /// Whether nothing waits and nothing is under way; what is spooled is out of this stream's hands.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.queue.is_empty() && matches!(self.state, State::Idle(_))
    }

    /// Waits for the next batch to come somewhere, for ever where there is none; what it acknowledges. Nothing
    /// is lost where the caller stops waiting.
    pub(crate) async fn reached(&mut self) -> Result<(Acks, Reached), Error> {
        tokio::select! {
            biased;
            logged = front(&mut self.spooled) => {
                let spooled = self.spooled.pop_front();
                // The writer ends after every stream, or was cut off with the process.
                logged.map_err(|_| Error::Draining)?;
                if spooled.as_ref().is_some_and(|spooled| spooled.has_meta) {
                    self.push(Item::MetaLogged);
                }
                Ok((spooled.map(|spooled| spooled.acks).unwrap_or_default(), Reached::Log))
            }
            flushed = running(&mut self.state) => self.flushed(flushed),
        }
    }

    fn flushed(&mut self, flushed: Flushed) -> Result<(Acks, Reached), Error> {
        let Flushed { flusher, result } = flushed;
        for (waiting, taken) in self.waiting.iter_mut().zip(&mut self.taken) {
            *waiting -= std::mem::take(taken);
        }
        let (acks, spooled) = result.inspect_err(|_| self.state = State::Broken)?;
        self.state = State::Idle(flusher);
        let reached = if spooled.is_some() { Reached::Spool } else { Reached::Log };
        self.spooled.extend(spooled);
        self.start();
        Ok((acks, reached))
    }

    fn start(&mut self) {
        let batch = match &self.state {
            State::Idle(_) if !self.queue.is_empty() => self.take_batch(),
            State::Idle(_) | State::Running(_) | State::Broken => return,
        };
        if let State::Idle(flusher) = std::mem::replace(&mut self.state, State::Broken) {
            self.state = State::Running(flusher.flush(batch).boxed());
        }
    }

    fn take_batch(&mut self) -> Vec<Item> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < BATCH_ITEMS && bytes < BATCH_BYTES {
            let Some(item) = self.queue.pop_front() else { break };
            if let Some((leg, frames)) = frames_of(&item) {
                self.taken[leg] += frames;
            }
            bytes += size_of(&item);
            batch.push(item);
        }
        batch
    }
}

impl Flusher {
    async fn flush(mut self: Box<Self>, batch: Vec<Item>) -> Flushed {
        let result = self.seal_and_append(batch).await;
        Flushed { flusher: self, result }
    }

    async fn seal_and_append(&mut self, batch: Vec<Item>) -> Result<(Acks, Option<Spooled>), Error> {
        let mut records = Vec::with_capacity(batch.len());
        let mut acks = Acks::new();
        let (mut has_meta, mut is_meta_logged) = (false, false);
        for item in batch {
            if let Item::Output { leg, output, .. } = &item {
                acks.retain(|(own, _)| own != leg);
                acks.push((*leg, output.next_frame()));
            }
            has_meta |= matches!(item, Item::Meta { .. });
            is_meta_logged |= matches!(item, Item::MetaLogged);
            let events = self.seal(&item).await?;
            records.extend(events.into_iter().map(|event| self.records.record(event)));
        }
        match append_patiently(&self.appender, records, self.sealer.holds()).await? {
            // Without this node's disk it would not come again: its row knows only when the log has it.
            Appended::Spooled(logged) => {
                let spooled = Spooled { acks: acks.clone(), has_meta, logged };
                if is_meta_logged {
                    self.mark_meta().await?;
                }
                Ok((acks, Some(spooled)))
            }
            Appended::Logged => {
                if has_meta || is_meta_logged {
                    self.mark_meta().await?;
                }
                Ok((acks, None))
            }
        }
    }

    async fn mark_meta(&self) -> Result<(), Error> {
        let (store, fence) = (&self.store, &self.fence);
        patiently("mark the metadata as sealed", || store.meta_sealed(fence)).await
    }

    async fn seal(&mut self, item: &Item) -> Result<Vec<Event>, Error> {
        let mut attempt = 0;
        loop {
            match self.try_seal(item).await {
                Err(error) if can_wait(&error) => {
                    attempt += 1;
                    wait("seal a span", attempt, &error).await;
                }
                done => return done,
            }
        }
    }

    async fn try_seal(&mut self, item: &Item) -> Result<Vec<Event>, Error> {
        match item {
            Item::Event(event) => Ok(vec![event.clone()]),
            Item::Output { leg, output: Output::Span(cut), regimes } => {
                self.sealer.span(*leg, cut, regimes.clone()).await
            }
            Item::Output { leg, output: Output::Dropped(dropped), .. } => {
                Ok(vec![Event::Dropped(proto::ingest::v1::Dropped {
                    recording_id: crate::records::id(self.fence.key.recording.to_bytes()),
                    leg: leg.0.into(),
                    first: dropped.first.0,
                    last: dropped.last.0,
                    reason: dropped.reason.wire() as i32,
                    start: dropped.start.0,
                    end: dropped.end.0,
                })])
            }
            Item::Meta { document, regimes } => self.sealer.meta(document, regimes.clone()).await,
            Item::MetaLogged => Ok(Vec::new()),
            Item::LegClosed { leg, frames } => self.sealer.close_leg(*leg, *frames),
        }
    }
}

/// The oldest spooled batch's way into the log; for ever where there is none.
async fn front(spooled: &mut VecDeque<Spooled>) -> Result<(), oneshot::error::RecvError> {
    match spooled.front_mut() {
        Some(spooled) => (&mut spooled.logged).await,
        None => std::future::pending().await,
    }
}

/// The append under way; for ever where there is none.
async fn running(state: &mut State) -> Flushed {
    match state {
        State::Running(running) => running.await,
        State::Idle(_) | State::Broken => std::future::pending().await,
    }
}

/// Tries again and again where time can help.
pub(crate) async fn patiently<T, F, Fut>(what: &'static str, mut act: F) -> Result<T, Error>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, Error>>,
{
    let mut attempt = 0;
    loop {
        match act().await {
            Err(error) if can_wait(&error) => {
                attempt += 1;
                wait(what, attempt, &error).await;
            }
            done => return done,
        }
    }
}

async fn wait(what: &'static str, attempt: u32, error: &Error) {
    warn!(what, attempt, error = chain(error), "acknowledgements wait");
    tokio::time::sleep(Backoff::FOREVER.wait(attempt)).await;
}

fn can_wait(error: &Error) -> bool {
    error.retry() == Retry::Backoff
}

fn frames_of(item: &Item) -> Option<(usize, u64)> {
    match item {
        Item::Output { leg, output: Output::Span(cut), .. } => {
            Some((usize::from(leg.0), cut.frames.len() as u64))
        }
        // In nobody's memory any more, but not yet acknowledged.
        Item::Output { leg, output: Output::Dropped(dropped), .. } => {
            Some((usize::from(leg.0), dropped.last.0 - dropped.first.0 + 1))
        }
        Item::Event(_) | Item::Meta { .. } | Item::MetaLogged | Item::LegClosed { .. } => None,
    }
}

fn size_of(item: &Item) -> usize {
    match item {
        Item::Output { output: Output::Span(cut), .. } => {
            cut.frames.iter().map(|f| f.payload.len() + 16).sum()
        }
        Item::Meta { document, .. } => document.len(),
        Item::Output { output: Output::Dropped(_), .. }
        | Item::Event(_)
        | Item::MetaLogged
        | Item::LegClosed { .. } => 256,
    }
}
