//! What an event needs beside memory: its row, and consent's word. One act at a time, in order.
//!
//! A restriction is in force before its act begins, then it is kept, then consent is told, then it is answered;
//! what consent cannot take now is owed to it in the row. A grant waits for consent's answer before it is in
//! force.

use std::collections::VecDeque;

use futures::FutureExt;
use futures::future::BoxFuture;
use kernel::chain;
use proto::ingest::v1 as wire;
use tokio::sync::oneshot;
use tracing::warn;

use crate::authority::{NotTaken, Said};
use crate::error::Error;
use crate::flow::patiently;
use crate::service::Parts;
use crate::session::SessionEvent;
use crate::store::{Authorisation, Fence, Phase, Telling};

/// Who waits for the answer.
pub(crate) enum Reply {
    /// The sender, in the stream.
    Stream,
    /// A control beside the stream.
    Control(oneshot::Sender<Result<(wire::Applied, wire::MediaState), Error>>),
    /// Nobody.
    Nobody,
}

/// Something to do.
pub(super) enum Act {
    /// Ask consent before the event is in force.
    Ask { event: SessionEvent, said: Vec<Said>, reply: Reply },
    /// Keep an event that is in force.
    Keep { event: SessionEvent, said: Option<Box<Said>>, version: u64, answer: wire::Applied, reply: Reply },
    /// Keep the subjects of a call that was opened without consent.
    Identify(Authorisation),
}

/// What was done.
pub(crate) enum Done {
    Asked { event: SessionEvent, taken: Result<(), NotTaken>, reply: Reply },
    Kept { result: Result<(), Error>, answer: wire::Applied, reply: Reply },
    Identified(Result<(), Error>),
}

/// Acts in order.
#[derive(Default)]
pub(super) struct Acts {
    waiting: VecDeque<(Act, Parts, Fence)>,
    running: Option<BoxFuture<'static, Done>>,
}

impl Acts {
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none() && self.waiting.is_empty()
    }

    pub(super) fn push(&mut self, act: Act, parts: &Parts, fence: &Fence) {
        self.waiting.push_back((act, parts.clone(), fence.clone()));
        self.start();
    }

    /// Waits for the act under way, for ever where there is none. Nothing is lost where the caller stops
    /// waiting.
    pub(super) async fn done(&mut self) -> Done {
        let Some(running) = &mut self.running else { return std::future::pending().await };
        let done = running.await;
        self.running = None;
        self.start();
        done
    }

    fn start(&mut self) {
        if self.running.is_none()
            && let Some((act, parts, fence)) = self.waiting.pop_front()
        {
            self.running = Some(act.run(parts, fence).boxed());
        }
    }
}

impl Act {
    async fn run(self, parts: Parts, fence: Fence) -> Done {
        match self {
            Self::Ask { event, said, reply } => {
                let mut taken = Ok(());
                for one in &said {
                    taken = parts.authority.tell(one).await;
                    if taken.is_err() {
                        break;
                    }
                }
                Done::Asked { event, taken, reply }
            }
            Self::Keep { event, said, version, answer, reply } => {
                let result = keep(&parts, &fence, event, said, version).await;
                Done::Kept { result, answer, reply }
            }
            Self::Identify(authorisation) => {
                let keep = || parts.store.authorise(&fence, authorisation.clone(), Phase::Open);
                Done::Identified(patiently("keep a call's subjects", keep).await)
            }
        }
    }
}

async fn keep(
    parts: &Parts,
    fence: &Fence,
    event: SessionEvent,
    said: Option<Box<Said>>,
    version: u64,
) -> Result<(), Error> {
    let telling = if said.is_some() { Telling::Owed } else { Telling::Done };
    let record = || parts.store.record(fence, event.clone(), telling, version);
    patiently("keep an event", record).await?;
    match said {
        Some(said) => tell(parts, &said, event.id).await,
        None => Ok(()),
    }
}

/// Tells consent of an act that is owed to it; what it cannot take now stays owed.
pub(crate) async fn tell(parts: &Parts, said: &Said, owed: kernel::EventId) -> Result<(), Error> {
    match parts.authority.tell(said).await {
        Ok(()) => {}
        Err(NotTaken::Unreachable) => {
            warn!(recording = %said.key.recording, event = %said.event, "consent is to be told later");
            return Ok(());
        }
        Err(NotTaken::Refused(code)) => {
            warn!(recording = %said.key.recording, event = %said.event, code, "consent does not take an event");
        }
    }
    if let Err(error) = parts.store.told(&said.key, owed).await {
        warn!(recording = %said.key.recording, error = chain(&error), "consent will be told again");
    }
    Ok(())
}
