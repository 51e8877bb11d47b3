//! One stream: reads what its sender says, and drives legs, session and flow until it ends.
//!
//! One task owns everything of the stream and waits for whatever comes first. Frames and events are decided on
//! in memory at once ([`crate::leg`], [`crate::session`]); what takes time runs beside it, one at a time and in
//! order: appends in [`crate::flow`], rows and calls to consent in [`acts`]. The stream is not read while consent is
//! asked about an event of it or the window is full, which is how a sender feels back-pressure. A stream that
//! breaks leaves its open spans unacknowledged, and the sender sends them again.

mod acts;
mod events;
mod hearing;
mod telling;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{Stream, StreamExt};
use kernel::{EventId, FrameNo, Position, SubjectId, chain};
use platform::status;
use proto::ingest::v1 as wire;
use proto::ingest::v1::audio_event::Event;
use proto::ingest::v1::record_request::Message;
use proto::ingest::v1::record_response::Message as Answer;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::Instant;
use tonic::Status;
use tracing::{debug, info, warn};
use zeroize::Zeroizing;

use crate::error::{BadInput, Error};
use crate::flow::{Acks, Flow, Item, Reached, patiently};
use crate::intake::{self, CallerEvent, CloseCall, OpenCall};
use crate::leg::{Closing, Leg, Output};
pub(crate) use crate::recorder::acts::tell;
use crate::recorder::acts::{Acts, Reply};
pub(crate) use crate::recorder::events::{applied, owed, refused, session_kind};
use crate::recorder::hearing::Caught;
use crate::recorder::telling::Told;
use crate::records::id;
use crate::registry::{Command, Held, Left, Release};
use crate::service::{Draining, Parts};
use crate::session::{Session, SessionEvent, SessionEventKind};
use crate::store::Fence;
use crate::watch::Heard;

/// Answers that may wait for a sender that does not read them; acknowledgements count once per leg and level.
const ANSWERS: usize = 256;
/// How long a stream that ends waits for what is under way.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How much of consent's changes a session reflects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Consent {
    /// Up to this version.
    pub(crate) version: u64,
    /// The call was decided on without consent; its subjects are not known.
    pub(crate) degraded: bool,
    /// Changes after `version` may have gone unheard.
    pub(crate) is_behind: bool,
}

/// What a stream begins with.
pub(crate) struct Start {
    pub(crate) parts: Parts,
    pub(crate) fence: Fence,
    pub(crate) call: OpenCall,
    pub(crate) session: Session,
    pub(crate) subjects: Vec<SubjectId>,
    pub(crate) consent: Consent,
    pub(crate) legs: Vec<Leg>,
    /// Per leg, whether an earlier stream may have stored audio.
    pub(crate) had_sections: Vec<bool>,
    pub(crate) flow: Flow,
    pub(crate) held: Held,
    pub(crate) heard: broadcast::Receiver<Heard>,
    /// Until it is sealed.
    pub(crate) metadata: Option<Arc<Zeroizing<Vec<u8>>>>,
    pub(crate) level: wire::Level,
}

/// One stream.
pub(crate) struct Recorder {
    start: Start,
    /// Per leg, the first frame that is not logged, as far as this instance knows.
    acked: Vec<Option<FrameNo>>,
    acts: Acts,
    catching_up: Option<BoxFuture<'static, Caught>>,
    /// Until when reading waits for that.
    catch_up_by: Option<Instant>,
    /// Consent purposes stop at the first frame.
    is_losing: bool,
    /// Consent is being told what is owed to it.
    telling: Option<BoxFuture<'static, Told>>,
    /// When it is told again.
    tell_at: Option<Instant>,
    /// What is owed and consent has refused.
    not_taken: HashSet<EventId>,
    out: VecDeque<Answer>,
    last_frame: Instant,
    suspect: bool,
    closing: bool,
    /// The sender's close, while consent's word on an event before it is waited for.
    last_close: Option<CloseCall>,
    conflicts: u64,
}

/// How a stream ended.
enum End {
    Closed,
    Broken,
    Failed(Error),
}

type Answers = mpsc::Sender<Result<wire::RecordResponse, Status>>;
type ControlAnswer = oneshot::Sender<Result<(wire::Applied, wire::MediaState), Error>>;

impl Recorder {
    pub(crate) fn new(start: Start) -> Self {
        let acked = start.legs.iter().map(Leg::next_frame).collect();
        let mut recorder = Self {
            start,
            acked,
            acts: Acts::default(),
            catching_up: None,
            catch_up_by: None,
            is_losing: false,
            telling: None,
            tell_at: None,
            not_taken: HashSet::new(),
            out: VecDeque::new(),
            last_frame: Instant::now(),
            suspect: false,
            closing: false,
            last_close: None,
            conflicts: 0,
        };
        recorder.show();
        recorder.seal_metadata();
        recorder.begin_hearing();
        recorder.tell_later();
        recorder
    }

    /// Where each leg goes on, as far as this instance knows.
    pub(crate) fn resume_points(&self) -> Vec<wire::ResumePoint> {
        let points = self.acked.iter().zip(0u32..);
        points
            .map(|(next, leg)| wire::ResumePoint { leg, next_frame: next.map_or(0, |next| next.0) })
            .collect()
    }

    /// The media region.
    pub(crate) fn media_state(&self) -> wire::MediaState {
        match self.start.session.media_state() {
            wire::MediaState::Active if self.suspect => wire::MediaState::Suspect,
            state => state,
        }
    }

    /// Frames that the sender may have unacknowledged per leg. What a policy holds back cannot be acknowledged
    /// before its time, so it does not count.
    pub(crate) fn window(&self) -> u32 {
        let config = &self.start.parts.config;
        let hold_back = self.start.session.facts().policy.hold_back.as_millis();
        let held = u32::try_from(hold_back).unwrap_or(u32::MAX).div_ceil(1_000);
        config.window_frames.saturating_add(held.saturating_mul(config.frames_per_second))
    }

    /// Runs the stream until it ends.
    pub(crate) async fn run<S>(mut self, mut said: S, answers: Answers, draining: Draining)
    where
        S: Stream<Item = Result<wire::RecordRequest, Status>> + Send + Unpin,
    {
        let end = self.drive(&mut said, &answers, draining).await;
        let recording = self.start.fence.key.recording;
        match end {
            End::Closed => {
                info!(%recording, "a session is closed");
                self.start.parts.registry.forget(&self.start.fence.key);
                return;
            }
            End::Broken => info!(%recording, "a stream broke; its session waits"),
            End::Failed(error) => {
                warn!(%recording, error = chain(&error), "a stream is ended");
                let last = answers.send(Err(status(&error)));
                let _gone = tokio::time::timeout(LAST_WORDS, last).await;
            }
        }
        self.leave().await;
    }

    async fn drive<S>(&mut self, said: &mut S, answers: &Answers, mut draining: Draining) -> End
    where
        S: Stream<Item = Result<wire::RecordRequest, Status>> + Send + Unpin,
    {
        // Also where it had begun before this stream did.
        draining.mark_changed();
        let mut until = None;
        loop {
            self.press_on();
            if self.closing && self.out.is_empty() && self.flow().is_logged() && self.acts.is_idle() {
                return self.close_now(answers).await;
            }
            let may_read = self.may_read();
            let suspect_at = self.last_frame + self.start.parts.config.suspect.0;
            tokio::select! {
                biased;
                _ = self.start.held.release.changed() => return self.released(),
                () = at(until) => return self.end_unfinished(answers).await,
                Some(command) = self.start.held.commands.recv() => {
                    match command {
                        Command::Event { event, answer } => self.take_control(event, answer),
                        Command::Row(row) => self.take_row(*row),
                    }
                }
                heard = self.start.heard.recv() => self.hear(heard),
                caught = in_slot(&mut self.catching_up) => self.catch_up(caught),
                () = at(self.catch_up_by) => self.go_on_without(),
                told = in_slot(&mut self.telling) => self.told(told),
                () = at(self.tell_at) => self.begin_telling(),
                () = at(self.acts.ask_by()) => self.acts.read_on(),
                done = self.acts.done() => if let Err(error) = self.act_done(done) {
                    return End::Failed(error);
                },
                reached = self.start.flow.reached() => match reached {
                    Ok((acks, reached)) => self.acknowledge(acks, reached),
                    Err(error) => return End::Failed(error),
                },
                permit = answers.reserve(), if !self.out.is_empty() => match permit {
                    Ok(permit) => if let Some(message) = self.out.pop_front() {
                        permit.send(Ok(wire::RecordResponse { message: Some(message) }));
                    },
                    Err(_) => return End::Broken,
                },
                () = answers.closed(), if !self.closing => return End::Broken,
                Ok(()) = draining.changed() => {
                    until = *draining.borrow_and_update();
                    if until.is_some() {
                        self.out.push_back(Answer::Drain(wire::Drain {}));
                    }
                }
                message = said.next(), if may_read => match message {
                    Some(Ok(request)) => if let Err(error) = self.take(request) {
                        return End::Failed(error);
                    },
                    Some(Err(_)) | None => return End::Broken,
                },
                () = tokio::time::sleep_until(suspect_at), if !self.suspect => self.grow_suspicious(),
            }
        }
    }

    fn take(&mut self, request: wire::RecordRequest) -> Result<(), Error> {
        match request.message {
            None => Err(BadInput::Order("a message without contents").into()),
            Some(Message::Open(_)) => Err(BadInput::Order("a second open in one stream").into()),
            Some(Message::Media(media)) => self.take_media(media),
            Some(Message::Event(event)) => {
                let event = CallerEvent::read(event)?;
                event.check_wall_time(self.start.call.started_at)?;
                self.take_event(event, Reply::Stream);
                Ok(())
            }
            Some(Message::Close(close)) => {
                let close = intake::close(close, self.start.legs.len())?;
                if self.acts.is_asking() {
                    // What was said before the call ended is not refused because it has ended.
                    self.last_close = Some(close);
                    return Ok(());
                }
                self.close(&close)
            }
        }
    }

    /// What is wrong with a control is the caller's, and no reason to end the stream.
    fn take_control(&mut self, event: CallerEvent, answer: ControlAnswer) {
        match event.check_wall_time(self.start.call.started_at) {
            Ok(()) => self.take_event(event, Reply::Control(answer)),
            Err(error) => {
                // A caller that has gone has no use for its answer.
                let _gone = answer.send(Err(error.into()));
            }
        }
    }

    fn take_media(&mut self, media: wire::Media) -> Result<(), Error> {
        let knew_where = self.knows_where();
        let start = &mut self.start;
        let elapsed = intake::elapsed(start.parts.clock.now(), start.call.started_at);
        let (number, frames) = intake::frames(media, start.legs.len(), elapsed)?;
        let place = usize::from(number.0);
        start.legs[place].offer(frames)?;
        self.last_frame = Instant::now();
        if std::mem::take(&mut self.suspect) {
            info!(recording = %self.start.fence.key.recording, "frames come again");
            self.show();
        }
        self.note_conflicts();
        self.lose_at_first_frame();
        if !knew_where && self.knows_where() {
            self.refrain_at_first_frame();
        }
        self.cut(place, Closing::Due);
        Ok(())
    }

    /// Gives out what is due of a leg.
    fn cut(&mut self, place: usize, closing: Closing) {
        let verdicts = self.start.session.verdicts();
        let outputs = self.start.legs[place].cut(&verdicts, closing);
        self.give_out(place, outputs);
    }

    fn give_out(&mut self, place: usize, outputs: Vec<Output>) {
        let leg = self.start.legs[place].spec().leg;
        for output in outputs {
            let regimes = match &output {
                Output::Span(cut) => self.start.session.regimes(cut.purposes),
                Output::Dropped(_) => Vec::new(),
            };
            self.start.flow.push(Item::Output { leg, output, regimes });
        }
    }

    fn may_read(&self) -> bool {
        let has_room = self.has_window() || self.flow().is_at_rest();
        let is_ready = !self.closing && self.last_close.is_none() && self.catch_up_by.is_none();
        is_ready && self.acts.may_read() && self.out.len() < ANSWERS && has_room
    }

    fn has_window(&self) -> bool {
        let window = u64::from(self.window());
        let unacked = |(place, leg): (usize, &Leg)| leg.in_memory() as u64 + self.flow().waiting(place);
        self.start.legs.iter().enumerate().map(unacked).all(|unacked| unacked < window)
    }

    /// A sender that has used up its window waits for an acknowledgement: then a span closes before its time.
    fn press_on(&mut self) {
        if self.closing || self.has_window() || !self.flow().is_at_rest() {
            return;
        }
        for place in 0..self.start.legs.len() {
            self.cut(place, Closing::Early);
        }
    }

    /// What is spooled frees the sender's window; only from what is logged does a later stream go on.
    fn acknowledge(&mut self, acks: Acks, reached: Reached) {
        let level = match reached {
            Reached::Spool => wire::Level::Spooled,
            Reached::Log => self.start.level,
        } as i32;
        for (leg, next) in acks {
            if reached == Reached::Log {
                self.acked[usize::from(leg.0)] = Some(next);
            }
            let leg = u32::from(leg.0);
            let is_older = |ack: &wire::Ack| (ack.leg, ack.level) == (leg, level);
            self.out.retain(|answer| !matches!(answer, Answer::Ack(ack) if is_older(ack)));
            self.out.push_back(Answer::Ack(wire::Ack { leg, next_frame: next.0, level }));
        }
        self.show();
    }

    /// The sender says that the call is over: everything in memory is given out.
    fn close(&mut self, close: &CloseCall) -> Result<(), Error> {
        let mut totals = Vec::with_capacity(self.start.legs.len());
        for place in 0..self.start.legs.len() {
            let leg = &mut self.start.legs[place];
            let number = leg.spec().leg;
            let stated = close.legs.iter().find(|(own, _)| *own == number).map(|(_, frames)| *frames);
            let total = stated.unwrap_or_else(|| leg.numbered());
            let verdicts = self.start.session.verdicts();
            let outputs = leg.finish(total, &verdicts)?;
            self.give_out(place, outputs);
            totals.push((number, total));
        }
        let end = self.start.legs.iter().map(Leg::end).max().unwrap_or(Position::ZERO);
        let ended = self.own_event(end, SessionEventKind::Ended);
        self.apply(ended);
        for (leg, frames) in totals {
            self.start.flow.push(Item::LegClosed { leg, frames });
        }
        self.start.flow.push(Item::Event(Event::SessionClosed(wire::SessionClosed {
            recording_id: id(self.start.fence.key.recording.to_bytes()),
            cause: close.cause.clone(),
            session_epoch: self.start.fence.epoch.0,
            end: end.0,
        })));
        self.closing = true;
        Ok(())
    }

    /// Everything is logged: the row ends, and the sender hears that it may forget the call.
    async fn close_now(&mut self, answers: &Answers) -> End {
        let (store, fence) = (Arc::clone(&self.start.parts.store), self.start.fence.clone());
        let now = self.start.parts.clock.now();
        let message = Some(Answer::Closed(wire::Closed { legs: self.resume_points() }));
        if let Err(error) = patiently("end the session", || store.end(&fence, now)).await {
            return End::Failed(error);
        }
        let _gone = answers.send(Ok(wire::RecordResponse { message })).await;
        End::Closed
    }

    /// The time for draining is over: what has come is logged and acknowledged as far as time allows, the rest
    /// its sender still has, and the session waits for it.
    async fn end_unfinished(&mut self, answers: &Answers) -> End {
        if !self.closing {
            for place in 0..self.start.legs.len() {
                self.cut(place, Closing::Early);
            }
        }
        let last = async {
            self.last_words().await;
            while let Some(message) = self.out.pop_front() {
                if answers.send(Ok(wire::RecordResponse { message: Some(message) })).await.is_err() {
                    return;
                }
            }
        };
        let in_time = tokio::time::timeout(LAST_WORDS, last).await.is_ok();
        if self.closing && in_time && self.flow().is_logged() && self.acts.is_idle() {
            return self.close_now(answers).await;
        }
        End::Failed(Error::Leaving(self.start.fence.key.recording))
    }

    /// Lets the next stream know what this one knew, once what is under way has ended.
    async fn leave(mut self) {
        let is_fenced = *self.start.held.release.borrow() == Release::Fenced;
        if !is_fenced && tokio::time::timeout(LAST_WORDS, self.last_words()).await.is_err() {
            debug!(recording = %self.start.fence.key.recording, "a stream left before its appends were answered");
        }
        let legs = self.acked.iter().zip(&self.start.legs).map(|(next, leg)| (*next, leg.anchor()));
        self.start.held.leave(Left { legs: legs.collect() });
    }

    async fn last_words(&mut self) {
        while !(self.start.flow.is_at_rest() && self.acts.is_idle()) {
            let went_well = tokio::select! {
                reached = self.start.flow.reached() => {
                    reached.map(|(acks, reached)| self.acknowledge(acks, reached)).is_ok()
                }
                done = self.acts.done() => self.act_done(done).is_ok(),
            };
            if !went_well {
                return;
            }
        }
    }

    fn released(&self) -> End {
        let recording = self.start.fence.key.recording;
        match *self.start.held.release.borrow() {
            Release::Overtaken(stored) => {
                End::Failed(Error::Overtaken { recording, given: self.start.fence.epoch, stored })
            }
            Release::Fenced => End::Failed(Error::Over { recording, reason: "fenced" }),
            Release::Hold => End::Broken,
        }
    }

    /// Takes in an event, logs what it changes and gives out what it ends.
    fn apply(&mut self, event: SessionEvent) -> crate::session::Applied {
        let mut applied = self.start.session.apply(event);
        for record in std::mem::take(&mut applied.records) {
            self.start.flow.push(Item::Event(record));
        }
        if !applied.changes.is_empty() {
            let changes = applied.changes.iter().map(crate::session::basis_change).collect();
            self.out.push_back(Answer::Bases(wire::BasesChanged { changes }));
            self.seal_metadata();
        }
        applied
    }

    /// At the recording's first basis its identifying metadata is sealed too.
    fn seal_metadata(&mut self) {
        if self.start.metadata.is_none() || !self.start.session.had_basis() {
            return;
        }
        let regimes = self.start.session.regimes(self.start.session.standing());
        if let Some(document) = self.start.metadata.take() {
            self.start.flow.push(Item::Meta { document, regimes });
        }
    }

    fn own_event(&self, position: Position, kind: SessionEventKind) -> SessionEvent {
        let at = self.start.parts.clock.now();
        SessionEvent { id: EventId::new(), position, derived_error: None, at, kind }
    }

    fn grow_suspicious(&mut self) {
        if self.start.session.media_state() == wire::MediaState::Active && !self.closing {
            self.suspect = true;
            self.show();
            warn!(recording = %self.start.fence.key.recording, "no frames come: the session is suspect");
        } else {
            self.last_frame = Instant::now();
        }
    }

    fn note_conflicts(&mut self) {
        let conflicts = self.start.legs.iter().map(|leg| leg.counts().conflicts).sum();
        if conflicts > self.conflicts {
            self.conflicts = conflicts;
            let recording = self.start.fence.key.recording;
            tracing::error!(%recording, conflicts, "a frame came again with other contents; the first was kept");
        }
    }

    fn show(&self) {
        self.start.held.seen.set_suspect(self.suspect);
        self.start
            .held
            .seen
            .set_next_frames(self.acked.iter().map(|next| next.unwrap_or_default()).collect());
    }

    fn flow(&self) -> &Flow {
        &self.start.flow
    }
}

/// What came of the work in a slot; never, where there is none.
async fn in_slot<T>(slot: &mut Option<BoxFuture<'static, T>>) -> T {
    let Some(running) = slot else { return std::future::pending().await };
    let done = running.await;
    *slot = None;
    done
}

/// Waits for a moment; for ever where there is none.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
