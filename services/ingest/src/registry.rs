//! Which sessions this instance holds, and what it knows of those whose stream broke.
//!
//! A session has one slot. Its turn is held by the stream that owns it, or for a moment by a control that finds
//! no stream; a stream with a higher epoch asks the holder to let go and waits for the turn.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kernel::{FrameNo, SessionEpoch};
use parking_lot::Mutex;
use proto::ingest::v1 as wire;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard, mpsc, oneshot, watch};

use crate::anchor::Anchor;
use crate::error::Error;
use crate::intake::CallerEvent;
use crate::store::{SessionKey, SessionRow};

/// Commands that may wait for a stream.
pub(crate) const COMMANDS: usize = 64;

/// What became of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Given {
    /// The stream will do it, unless it ends first.
    Taken,
    /// Nobody holds the session.
    NoStream,
    /// Too many wait.
    Full,
}

/// Every slot of this instance.
pub(crate) struct Registry {
    slots: Mutex<HashMap<SessionKey, Arc<Slot>>>,
    bound: usize,
}

/// One session on this instance.
pub(crate) struct Slot {
    turn: Arc<Turn<()>>,
    state: Mutex<SlotState>,
}

#[derive(Default)]
struct SlotState {
    live: Option<Live>,
    left: Option<Left>,
}

/// The stream that holds the session.
#[derive(Clone)]
struct Live {
    epoch: SessionEpoch,
    commands: mpsc::Sender<Command>,
    release: watch::Sender<Release>,
    seen: Seen,
}

/// Whether a stream is to let go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Release {
    Hold,
    /// A stream with this epoch takes over.
    Overtaken(SessionEpoch),
    /// archive fenced the session.
    Fenced,
}

/// What others see of a running stream.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<SeenState>>);

#[derive(Clone, Default)]
pub(crate) struct SeenState {
    pub(crate) suspect: bool,
    pub(crate) next_frames: Vec<FrameNo>,
}

/// What a stream that broke leaves to the next one: per leg, the first frame that is not logged, and the
/// anchor in force.
#[derive(Clone, Default)]
pub(crate) struct Left {
    pub(crate) legs: Vec<(Option<FrameNo>, Option<Anchor>)>,
}

/// Something for the stream to do.
pub(crate) enum Command {
    /// Take an event, and answer.
    Event { event: CallerEvent, answer: oneshot::Sender<Result<(wire::Applied, wire::MediaState), Error>> },
    /// Take what somebody else wrote into its row.
    Row(Box<SessionRow>),
}

/// A stream's hold on its session; gone when it is dropped.
pub(crate) struct Held {
    slot: Arc<Slot>,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) release: watch::Receiver<Release>,
    pub(crate) seen: Seen,
    _turn: OwnedMutexGuard<()>,
}

impl Registry {
    pub(crate) fn new(bound: usize) -> Self {
        Self { slots: Mutex::default(), bound }
    }

    /// Takes the session for a stream with this epoch; whoever holds it with a lower one lets go first.
    pub(crate) async fn hold(
        &self,
        key: &SessionKey,
        epoch: SessionEpoch,
        patience: Duration,
    ) -> Result<(Held, Option<Left>), Error> {
        let slot = self.slot(key)?;
        slot.ask_release(key, epoch)?;
        let turn = Arc::clone(&slot.turn).lock_owned();
        let turn = tokio::time::timeout(patience, turn).await.map_err(|_| Error::Held(key.recording))?;
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let (release, released) = watch::channel(Release::Hold);
        let seen = Seen::default();
        let mut state = slot.state.lock();
        state.live = Some(Live { epoch, commands, release, seen: seen.clone() });
        let left = state.left.take();
        drop(state);
        Ok((Held { slot, commands: receiver, release: released, seen, _turn: turn }, left))
    }

    /// The turn of a session that has no stream here; `None` where it has one.
    pub(crate) async fn quiet_turn(&self, key: &SessionKey) -> Result<Option<OwnedMutexGuard<()>>, Error> {
        let slot = self.slot(key)?;
        Ok(Arc::clone(&slot.turn).try_lock_owned().ok())
    }

    /// Gives a command to the stream that holds the session.
    pub(crate) fn command(&self, key: &SessionKey, command: Command) -> Given {
        let Some(live) = self.live(key) else { return Given::NoStream };
        match live.commands.try_send(command) {
            Ok(()) => Given::Taken,
            Err(mpsc::error::TrySendError::Closed(_)) => Given::NoStream,
            Err(mpsc::error::TrySendError::Full(_)) => Given::Full,
        }
    }

    /// Tells the stream that the session was fenced.
    pub(crate) fn fenced(&self, key: &SessionKey) {
        if let Some(live) = self.live(key) {
            live.release.send_replace(Release::Fenced);
        }
    }

    /// Tells a stream with a lower epoch that the session was taken over with this one, elsewhere.
    pub(crate) fn overtaken(&self, key: &SessionKey, epoch: SessionEpoch) {
        if let Some(live) = self.live(key).filter(|live| live.epoch < epoch) {
            live.release.send_replace(Release::Overtaken(epoch));
        }
    }

    /// What a running stream shows.
    pub(crate) fn seen(&self, key: &SessionKey) -> Option<SeenState> {
        self.live(key).map(|live| live.seen.get())
    }

    /// Forgets a session that is over.
    pub(crate) fn forget(&self, key: &SessionKey) {
        self.slots.lock().remove(key);
    }

    fn live(&self, key: &SessionKey) -> Option<Live> {
        let slot = self.slots.lock().get(key).cloned()?;
        let state = slot.state.lock();
        state.live.clone()
    }

    fn slot(&self, key: &SessionKey) -> Result<Arc<Slot>, Error> {
        let mut slots = self.slots.lock();
        if let Some(slot) = slots.get(key) {
            return Ok(Arc::clone(slot));
        }
        if slots.len() >= self.bound {
            // What is known of broken streams is a convenience: senders know their own acknowledgements.
            slots.retain(|_, slot| slot.state.lock().live.is_some() || Arc::strong_count(slot) > 1);
        }
        if slots.len() >= self.bound {
            return Err(Error::Full { what: "sessions of this instance", bound: self.bound as u64 });
        }
        let slot = Arc::new(Slot { turn: Arc::default(), state: Mutex::default() });
        slots.insert(key.clone(), Arc::clone(&slot));
        Ok(slot)
    }
}

impl Slot {
    fn ask_release(&self, key: &SessionKey, epoch: SessionEpoch) -> Result<(), Error> {
        let state = self.state.lock();
        let Some(live) = &state.live else { return Ok(()) };
        if epoch <= live.epoch {
            return Err(Error::Overtaken { recording: key.recording, given: epoch, stored: live.epoch });
        }
        live.release.send_replace(Release::Overtaken(epoch));
        Ok(())
    }
}

impl Held {
    /// What the next stream may know, once this one has let go.
    pub(crate) fn leave(&self, left: Left) {
        self.slot.state.lock().left = Some(left);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // The turn is given back after this, so nobody else's stream can be here.
        self.slot.state.lock().live = None;
    }
}

impl Seen {
    pub(crate) fn get(&self) -> SeenState {
        self.0.lock().clone()
    }
    pub(crate) fn set_suspect(&self, suspect: bool) {
        self.0.lock().suspect = suspect;
    }
    pub(crate) fn set_next_frames(&self, next: Vec<FrameNo>) {
        self.0.lock().next_frames = next;
    }
}
