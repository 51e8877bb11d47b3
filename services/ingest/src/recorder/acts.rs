//! What an event needs beside memory: its row, and consent's word. One act at a time, in order.
//!
//! A restriction is in force before its act begins, then it is kept, then consent is told, then it is answered;
//! what consent cannot take now is owed to it in the row. A grant waits for consent's answer before it is in
//! force; where there is none it is kept, owed, and answered as pending. A row that cannot be written holds
//! answers, not audio: the stream is read on, up to a bound of acts.

use std::collections::VecDeque;

use futures::FutureExt;
use futures::future::BoxFuture;
use kernel::{EventId, chain};
use proto::ingest::v1 as wire;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::warn;

use crate::authority::NotTaken;
use crate::error::Error;
use crate::flow::patiently;
use crate::intake::OpenCall;
use crate::said::Said;
use crate::service::Parts;
use crate::session::SessionEvent;
use crate::store::{Authorisation, Fence, Phase, SessionKey, Telling};

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
    /// Keep an event, and tell consent of it.
    Keep {
        event: SessionEvent,
        telling: Telling,
        said: Option<Box<Said>>,
        version: u64,
        answer: wire::Applied,
        reply: Reply,
    },
    /// Answer once what came before is kept.
    Answer { answer: wire::Applied, reply: Reply },
    /// Keep the subjects of a call that was opened without consent, and say who they are.
    Identify(Box<(Authorisation, OpenCall)>),
}

/// What was done.
pub(crate) enum Done {
    Asked { event: SessionEvent, taken: Result<(), NotTaken>, reply: Reply },
    Kept { result: Result<(), Error>, answer: wire::Applied, reply: Reply },
    Answered { answer: wire::Applied, reply: Reply },
    Identified(Result<Box<wire::SessionOpened>, Error>),
}

/// Acts that may wait before the stream is read no further.
const ACTS: usize = 256;

/// Acts in order.
#[derive(Default)]
pub(super) struct Acts {
    waiting: VecDeque<(Act, Parts, Fence)>,
    running: Option<BoxFuture<'static, Done>>,
    /// Questions to consent that wait or are under way.
    asks: usize,
    /// Until when reading waits for them.
    ask_by: Option<Instant>,
}

impl Acts {
    /// Whether the stream may be read on. It waits for consent's word on a grant, so that no frame after the
    /// grant is judged without it; but no longer than consent may take, since an act before may be stuck.
    pub(super) fn may_read(&self) -> bool {
        self.ask_by.is_none() && self.waiting.len() < ACTS
    }

    /// Until when reading waits for consent's word.
    pub(super) fn ask_by(&self) -> Option<Instant> {
        self.ask_by
    }

    /// It takes too long: reading goes on.
    pub(super) fn read_on(&mut self) {
        self.ask_by = None;
    }

    /// Whether consent's word is waited for.
    pub(super) fn is_asking(&self) -> bool {
        self.asks > 0
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none() && self.waiting.is_empty()
    }

    pub(super) fn push(&mut self, act: Act, parts: &Parts, fence: &Fence) {
        if let Act::Ask { said, .. } = &act {
            self.asks += 1;
            let longest = parts.config.call.0.saturating_mul(u32::try_from(said.len()).unwrap_or(u32::MAX));
            self.ask_by.get_or_insert(Instant::now() + longest);
        }
        self.waiting.push_back((act, parts.clone(), fence.clone()));
        self.start();
    }

    /// Waits for the act under way, for ever where there is none. Nothing is lost where the caller stops
    /// waiting.
    pub(super) async fn done(&mut self) -> Done {
        let Some(running) = &mut self.running else { return std::future::pending().await };
        let done = running.await;
        self.running = None;
        if let Done::Asked { .. } = &done {
            self.asks -= 1;
            self.ask_by = self.ask_by.filter(|_| self.asks > 0);
        }
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
                    taken = parts.tell_given(one).await;
                    if taken.is_err() {
                        break;
                    }
                }
                Done::Asked { event, taken, reply }
            }
            Self::Keep { event, telling, said, version, answer, reply } => {
                let result = keep(&parts, &fence, event, telling, said, version).await;
                Done::Kept { result, answer, reply }
            }
            Self::Answer { answer, reply } => Done::Answered { answer, reply },
            Self::Identify(identified) => {
                let (authorisation, call) = *identified;
                let keep = || parts.store.authorise(&fence, authorisation.clone(), Phase::Open);
                if let Err(error) = patiently("keep a call's subjects", keep).await {
                    return Done::Identified(Err(error));
                }
                Done::Identified(Ok(Box::new(parts.session_opened(&fence, &call, &authorisation).await)))
            }
        }
    }
}

async fn keep(
    parts: &Parts,
    fence: &Fence,
    event: SessionEvent,
    telling: Telling,
    said: Option<Box<Said>>,
    version: u64,
) -> Result<(), Error> {
    let record = || parts.store.record(fence, event.clone(), telling, version);
    patiently("keep an event", record).await?;
    if let Some(said) = said {
        tell(parts, std::slice::from_ref(&said), &fence.key, event.id).await;
    }
    Ok(())
}

/// Tells consent of an event that is owed to it, and returns whether it is not owed any more: what consent cannot
/// take now stays owed.
pub(crate) async fn tell(parts: &Parts, said: &[Said], key: &SessionKey, owed: EventId) -> bool {
    for one in said {
        match parts.authority.tell(one).await {
            Ok(()) => {}
            Err(NotTaken::Unreachable) => {
                warn!(recording = %key.recording, event = %owed, "consent is to be told later");
                return false;
            }
            Err(NotTaken::Refused(code)) => {
                warn!(recording = %key.recording, event = %owed, code, "consent does not take an event");
            }
        }
    }
    let kept = parts.store.told(key, owed).await;
    if let Err(error) = &kept {
        warn!(recording = %key.recording, error = chain(error), "consent will be told again");
    }
    kept.is_ok()
}
