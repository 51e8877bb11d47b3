//! Listens to consent for the whole instance, and tells every session what it hears.
//!
//! consent beats every 500 ms. After `consent_silence` without a message sessions hear [`Heard::Lost`], and their
//! consent purposes stop; a reconnect goes on after the last version heard, and only the first beat after the
//! backlog is [`Heard::Regained`]. One channel carries all three, so that a session hears them in order.

use std::sync::Arc;
use std::time::Duration;

use kernel::{EventId, PurposeName, RecordingId, SubjectId, TenantId, Timestamp, chain};
use parking_lot::Mutex;
use platform::Wire;
use platform::drain::{Shutdown, TaskResult};
use platform::retry::Backoff;
use proto::consent::v1::consent_client::ConsentClient;
use proto::consent::v1::watch_response::Message;
use proto::consent::v1::{self as wire, WatchRequest};
use tokio::sync::{Notify, broadcast};
use tokio::time::Instant;
use tonic::{Request, Streaming};
use tracing::{error, info, warn};

use crate::intake::ConsentAct;

/// Messages that a session may be behind before it has to catch up by itself.
const BACKLOG: usize = 4_096;

/// What sessions hear.
#[derive(Clone, Debug)]
pub(crate) enum Heard {
    /// Somebody's consent changed.
    Changed(Arc<ConsentChange>),
    /// Consent has been silent for too long.
    Lost,
    /// Consent is heard again, and everything missed came before this.
    Regained,
}

/// A change of consent, as far as sessions need it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ConsentChange {
    pub(crate) event: EventId,
    pub(crate) tenant: TenantId,
    pub(crate) subject: SubjectId,
    pub(crate) act: ConsentAct,
    pub(crate) purposes: Vec<PurposeName>,
    /// None: every call of the tenant.
    pub(crate) recording: Option<RecordingId>,
    /// The call in which it was said, also where it reaches further.
    pub(crate) said_in: Option<RecordingId>,
    /// Where in that call.
    pub(crate) position: Option<u64>,
    pub(crate) at: Timestamp,
    pub(crate) version: u64,
}

/// The instance's ear.
pub(crate) struct Watch {
    wire: Wire,
    silence: Duration,
    state: Mutex<State>,
    begin: Notify,
    heard: broadcast::Sender<Heard>,
}

#[derive(Default)]
struct State {
    /// The version to go on after; none until the first session.
    version: Option<u64>,
    lost: bool,
}

impl Watch {
    pub(crate) fn new(wire: Wire, silence: Duration) -> Self {
        let (heard, _) = broadcast::channel(BACKLOG);
        Self { wire, silence, state: Mutex::default(), begin: Notify::new(), heard }
    }

    /// Everything heard from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Heard> {
        self.heard.subscribe()
    }

    /// Whether consent is silent at present.
    pub(crate) fn is_lost(&self) -> bool {
        self.state.lock().lost
    }

    /// Begins to listen with the first session, after what its decision reflects.
    pub(crate) fn begin_after(&self, version: u64) {
        self.state.lock().version.get_or_insert(version);
        self.begin.notify_one();
    }

    /// Changes after a version up to the present, for a session that was not listening.
    pub(crate) async fn changes_after(&self, version: u64) -> Result<Vec<ConsentChange>, tonic::Status> {
        let late = |_| tonic::Status::deadline_exceeded("consent did not answer in time");
        let read = async {
            let mut stream = self.open(version).await?;
            let mut changes = Vec::new();
            while let Some(message) = stream.message().await? {
                match message.message {
                    Some(Message::Changed(event)) => changes.extend(read_change(&event)),
                    Some(Message::Beat(_)) => return Ok(changes),
                    None => {}
                }
            }
            Err(tonic::Status::unavailable("consent ended the stream before its beat"))
        };
        tokio::time::timeout(self.silence, read).await.map_err(late)?
    }

    /// Listens until the process flushes: sessions need their ear while they drain.
    pub(crate) async fn run(self: Arc<Self>, shutdown: Shutdown) -> TaskResult {
        tokio::select! {
            () = shutdown.flushing() => Ok(()),
            never = self.listen() => match never {},
        }
    }

    async fn listen(&self) -> std::convert::Infallible {
        self.begin.notified().await;
        let mut heard_at = Instant::now();
        let mut failed = 0;
        loop {
            let before = heard_at;
            let ended = self.follow(&mut heard_at).await;
            failed = if heard_at > before { 1 } else { failed + 1 };
            warn!(attempt = failed, error = chain(&ended), "consent is not heard");
            // Never so long that a silence is noticed late.
            let until_silence = (heard_at + self.silence).saturating_duration_since(Instant::now());
            let wait = Backoff::FOREVER.wait(failed).min(self.silence / 2);
            tokio::time::sleep(if until_silence.is_zero() { wait } else { wait.min(until_silence) }).await;
            if heard_at.elapsed() >= self.silence {
                self.lose();
            }
        }
    }

    /// Follows one stream until it ends, breaks or is silent for too long.
    async fn follow(&self, heard_at: &mut Instant) -> tonic::Status {
        let after = self.state.lock().version.unwrap_or(0);
        // While consent is away, an attempt has as long as a silence.
        let patience = (*heard_at + self.silence).max(Instant::now() + self.silence / 4);
        let mut stream = match tokio::time::timeout_at(patience, self.open(after)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(status)) => return status,
            Err(_) => return silent(),
        };
        let mut patience = patience;
        loop {
            match tokio::time::timeout_at(patience, stream.message()).await {
                Ok(Ok(Some(message))) => {
                    *heard_at = Instant::now();
                    patience = *heard_at + self.silence;
                    self.hear(message);
                }
                Ok(Ok(None)) => return tonic::Status::unavailable("consent ended the stream"),
                Ok(Err(status)) => return status,
                Err(_) => return silent(),
            }
        }
    }

    fn hear(&self, message: wire::WatchResponse) {
        match message.message {
            Some(Message::Changed(event)) => {
                self.reach(event.version);
                if let Some(change) = read_change(&event) {
                    self.say(Heard::Changed(Arc::new(change)));
                }
            }
            Some(Message::Beat(beat)) => {
                self.reach(beat.version);
                let was_lost = std::mem::take(&mut self.state.lock().lost);
                if was_lost {
                    info!("consent is heard again");
                    self.say(Heard::Regained);
                }
            }
            None => {}
        }
    }

    fn reach(&self, version: u64) {
        let mut state = self.state.lock();
        state.version = state.version.max(Some(version));
    }

    fn lose(&self) {
        let was_lost = std::mem::replace(&mut self.state.lock().lost, true);
        if !was_lost {
            error!("consent is silent: purposes on consent stop");
            self.say(Heard::Lost);
        }
    }

    fn say(&self, heard: Heard) {
        // Nobody listens where there is no session.
        let _listeners = self.heard.send(heard);
    }

    async fn open(&self, after_version: u64) -> Result<Streaming<wire::WatchResponse>, tonic::Status> {
        let asked = Request::new(WatchRequest { after_version });
        Ok(ConsentClient::new(self.wire.clone()).watch(asked).await?.into_inner())
    }
}

fn silent() -> tonic::Status {
    tonic::Status::deadline_exceeded("consent is silent")
}

/// What a consent event is to sessions; none for what changes no basis.
fn read_change(event: &wire::ConsentEvent) -> Option<ConsentChange> {
    let act = match wire::EventKind::try_from(event.kind).ok()? {
        wire::EventKind::Given => ConsentAct::Given,
        wire::EventKind::Refused => ConsentAct::Refused,
        wire::EventKind::Withdrawn => ConsentAct::Withdrawn,
        wire::EventKind::Expired => ConsentAct::Expired,
        wire::EventKind::Revoked => ConsentAct::Revoked,
        wire::EventKind::Invalidated => ConsentAct::Invalidated,
        wire::EventKind::Unspecified
        | wire::EventKind::NoticePresented
        | wire::EventKind::Asked
        | wire::EventKind::Deferred => return None,
    };
    let said_in = RecordingId::from_slice(&event.recording_id).ok();
    let recording = match wire::ConsentScope::try_from(event.scope).ok()? {
        wire::ConsentScope::Call => Some(said_in?),
        wire::ConsentScope::Account | wire::ConsentScope::Unspecified => None,
    };
    Some(ConsentChange {
        event: EventId::from_slice(&event.event_id).ok()?,
        tenant: TenantId::new(event.tenant.clone()).ok()?,
        subject: SubjectId::from_slice(&event.subject_id).ok()?,
        act,
        purposes: event.purposes.iter().filter_map(|name| PurposeName::new(name.clone()).ok()).collect(),
        recording,
        said_in,
        position: event.position,
        at: Timestamp(event.occurred_at),
        version: event.version,
    })
}
