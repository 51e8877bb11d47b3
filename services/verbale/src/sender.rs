//! Sends one call over `ingest.v1.Recorder/Record`, and goes on after a break: what was not acknowledged
//! LOGGED is sent again under a higher session epoch, and events that were not answered are repeated.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use kernel::{Clock, EventId, RecordingId, SystemClock};
use platform::wire::Wire;
use proto::common::v1::{BasisChange, Grant, Identifier, IdentifierKind, PartyRole};
use proto::ingest::v1 as wire;
use proto::ingest::v1::recorder_client::RecorderClient;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::call_file::{CallFile, Channel, Direction, TimedEvent};
use crate::connect::Caller;
use crate::wav::Wav;

/// RTP packets of 20 ms, as telephones send them.
const FRAME_MILLIS: u64 = 20;
/// Frames that travel in one message.
const FRAMES_PER_MESSAGE: usize = 10;

/// One call, ready to be sent.
pub struct Call {
    recording: RecordingId,
    file: CallFile,
    // Shared by calls that say the same.
    legs: Arc<[Leg]>,
    events: Vec<wire::Event>,
}

struct Leg {
    codec: &'static str,
    payload_type: u8,
    rate: u32,
    party: u32,
    samples_per_frame: u64,
    frames: Vec<bytes::Bytes>,
}

/// What came of sending a call.
#[derive(Debug, Default)]
pub struct Sent {
    /// How often the stream broke and was opened again.
    pub reconnects: u32,
    /// What became of each requested purpose at the beginning.
    pub grants: Vec<Grant>,
    /// Bases that began and ended on the way.
    pub changes: Vec<BasisChange>,
    /// Events that were refused, with the code.
    pub refused: Vec<(String, String)>,
    /// The strongest level that the mesh gives, LOGGED at most.
    pub level: wire::Level,
    /// Nothing of the call can be recorded, and the grants say why. A customer who declines on the way is none of it:
    /// that call was opened.
    pub not_recorded: bool,
}

/// Who is told how the sending of a call goes.
pub trait Watch: Sync {
    /// Frames of a leg, first and last, are on their way, in a message of so many bytes.
    fn sent(&self, leg: usize, first: u64, last: u64, bytes: usize);
    /// A leg's frames below this one are acknowledged at the strongest level that the mesh gives, LOGGED at most.
    fn acknowledged(&self, leg: usize, next: u64);
    /// So many frames of all legs are LOGGED.
    fn logged(&self, frames: u64);
}

/// Hears only how many frames are LOGGED.
struct Progress<F>(F);

impl<F: Fn(u64) + Sync> Watch for Progress<F> {
    fn sent(&self, _: usize, _: u64, _: u64, _: usize) {}
    fn acknowledged(&self, _: usize, _: u64) {}
    fn logged(&self, frames: u64) {
        (self.0)(frames);
    }
}

/// How fast, and for how long to try.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Times real time; 0 is as fast as it can.
    pub speed: f64,
    /// How long to go on trying without any progress.
    pub patience: Duration,
}

impl Call {
    /// Puts a WAV file and its JSON together; both must agree.
    pub fn new(file: CallFile, wav: &Wav, recording: Option<RecordingId>) -> Result<Self> {
        if wav.codec.name() != file.audio.codec || wav.rate != file.audio.sample_rate_hz {
            bail!(
                "the WAV is {} at {} Hz, the JSON says {} at {} Hz",
                wav.codec.name(),
                wav.rate,
                file.audio.codec,
                file.audio.sample_rate_hz
            );
        }
        if wav.channels.len() != file.audio.channels.len() {
            bail!(
                "the WAV has {} channels, the JSON names {}",
                wav.channels.len(),
                file.audio.channels.len()
            );
        }
        let micros = wav.samples() as u64 * 1_000_000 / u64::from(wav.rate);
        file.check_length(Duration::from_micros(micros))?;
        let samples_per_frame = u64::from(wav.rate) * FRAME_MILLIS / 1_000;
        let frame_bytes = usize::try_from(samples_per_frame)? * wav.codec.width();
        let legs = wav.channels.iter().zip(&file.audio.channels).map(|(payload, channel)| Leg {
            codec: wav.codec.name(),
            payload_type: wav.codec.payload_type(),
            rate: wav.rate,
            party: party_of(*channel),
            samples_per_frame,
            frames: payload.chunks(frame_bytes).map(bytes::Bytes::copy_from_slice).collect(),
        });
        let legs = legs.collect();
        let started = file.started_at()?;
        let events = file.events.iter().map(|event| event_message(event, started.0)).collect();
        let recording = recording.or(file.recording_id).unwrap_or_else(RecordingId::new);
        Ok(Self { recording, file, legs, events })
    }

    /// Another call with the same sound and without events.
    pub fn alike(&self, call_id: String) -> Self {
        let file = CallFile { call_id, recording_id: None, events: Vec::new(), ..self.file.clone() };
        Self { recording: RecordingId::new(), file, legs: Arc::clone(&self.legs), events: Vec::new() }
    }

    /// The recording's id.
    pub fn recording(&self) -> RecordingId {
        self.recording
    }

    /// What the JSON says.
    pub fn file(&self) -> &CallFile {
        &self.file
    }

    /// Frames of all legs.
    pub fn frames(&self) -> u64 {
        self.legs.iter().map(|leg| leg.frames.len() as u64).sum()
    }

    /// Sends it whole; `progress` hears how many frames are acknowledged LOGGED.
    pub async fn send(&self, caller: &Caller, pace: Pace, progress: impl Fn(u64) + Sync) -> Result<Sent> {
        self.send_watched(caller, pace, &Progress(progress)).await
    }

    /// Sends it whole, and says how it goes.
    pub async fn send_watched(&self, caller: &Caller, pace: Pace, watch: &impl Watch) -> Result<Sent> {
        let mut sent = Sent::default();
        let mut logged = vec![0u64; self.legs.len()];
        let mut answered = BTreeSet::new();
        let mut last_progress = Instant::now();
        // When a break was last told: once until there was progress again.
        let mut told: Option<Instant> = None;
        let mut epoch = 0;
        loop {
            // Above every epoch that an earlier process of this sender can have used.
            epoch = u64::try_from(SystemClock.now().0).unwrap_or(0).max(epoch + 1);
            let before = (logged.clone(), answered.len());
            let mut session =
                Session { call: self, logged: &mut logged, answered: &mut answered, sent: &mut sent, watch };
            match session.run(caller, epoch, pace.speed).await {
                Ok(()) => return Ok(sent),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Broken(error)) => {
                    if before != (logged.clone(), answered.len()) {
                        last_progress = Instant::now();
                    }
                    if last_progress.elapsed() > pace.patience {
                        return Err(error.context("the call could not be sent to its end"));
                    }
                    if told.is_none_or(|told| told < last_progress) {
                        tracing::warn!(error = words(&error), "the stream broke, trying again");
                        told = Some(Instant::now());
                    }
                    sent.reconnects += 1;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }

    fn open(&self, epoch: u64) -> wire::Open {
        let agent = wire::Party {
            role: PartyRole::Agent.into(),
            identifiers: vec![identifier(IdentifierKind::Employee, &self.file.agent.id)],
        };
        let customer = &self.file.customer;
        let identifiers = [
            (IdentifierKind::Phone, &customer.phone),
            (IdentifierKind::Crm, &customer.crm_id),
            (IdentifierKind::Email, &customer.email),
        ];
        let identifiers = identifiers.iter().filter_map(|(kind, id)| Some(identifier(*kind, id.as_ref()?)));
        let customer = wire::Party { role: PartyRole::Customer.into(), identifiers: identifiers.collect() };
        let direction = match self.file.direction {
            Direction::Inbound => wire::Direction::Inbound,
            Direction::Outbound => wire::Direction::Outbound,
            Direction::Internal => wire::Direction::Internal,
        };
        let legs = self.legs.iter().zip(0..).map(|(leg, number)| wire::Leg {
            leg: number,
            codec: leg.codec.to_owned(),
            clock_rate: leg.rate,
            party: leg.party,
        });
        wire::Open {
            recording_id: self.recording.to_bytes().to_vec().into(),
            session_epoch: epoch,
            started_at: self.file.started_at().map_or(0, |at| at.0),
            call_id: self.file.call_id.clone(),
            direction: direction.into(),
            language: self.file.language.clone(),
            parties: vec![agent, customer],
            legs: legs.collect(),
            purposes: self.file.purposes.clone(),
            correlation: Default::default(),
        }
    }

    fn close(&self) -> wire::Close {
        let legs = self.legs.iter().zip(0..);
        wire::Close {
            cause: "hangup".to_owned(),
            legs: legs.map(|(leg, n)| wire::LegEnd { leg: n, frames: leg.frames.len() as u64 }).collect(),
        }
    }
}

/// Frames and events in the order of their positions, from a resume point on.
enum Item {
    Frames { leg: usize, first: usize, last: usize },
    Event(usize),
}

impl Leg {
    fn position(&self, frame: usize) -> u64 {
        frame as u64 * self.samples_per_frame * 1_000_000 / u64::from(self.rate)
    }

    fn message(&self, leg: usize, frames: std::ops::RangeInclusive<usize>) -> wire::Media {
        let frames = frames.map(|number| wire::Frame {
            number: number as u64,
            rtp_sequence: (number % 65_536) as u32,
            rtp_timestamp: number as u64 * self.samples_per_frame,
            captured: self.position(number),
            marker: number == 0,
            payload_type: self.payload_type.into(),
            ssrc: leg as u32 + 1,
            payload: self.frames[number].clone(),
        });
        wire::Media { leg: leg as u32, frames: frames.collect() }
    }
}

impl Call {
    fn items(&self, from: &[u64], answered: &BTreeSet<Vec<u8>>) -> Vec<(u64, Item)> {
        let waiting = self.events.iter().enumerate().filter(|(_, e)| !answered.contains(&e.event_id[..]));
        let mut items: Vec<_> =
            waiting.map(|(n, event)| (event.position.unwrap_or(0), Item::Event(n))).collect();
        let cuts: BTreeSet<u64> = items.iter().map(|(position, _)| *position).collect();
        for (number, leg) in self.legs.iter().enumerate() {
            let mut first = usize::try_from(from[number]).unwrap_or(usize::MAX);
            while first < leg.frames.len() {
                let mut last = (first + FRAMES_PER_MESSAGE - 1).min(leg.frames.len() - 1);
                // No frame that begins at or after an event travels before it.
                if let Some(cut) = cuts.range(leg.position(first) + 1..).next() {
                    while last > first && leg.position(last) >= *cut {
                        last -= 1;
                    }
                }
                items.push((leg.position(first), Item::Frames { leg: number, first, last }));
                first = last + 1;
            }
        }
        items.sort_by_key(|(position, item)| (*position, matches!(item, Item::Frames { .. })));
        items
    }
}

/// Why a session ended before its time.
enum Failure {
    /// Opening again may help.
    Broken(anyhow::Error),
    /// It will not.
    Final(anyhow::Error),
}

/// What a person needs of an error: of a mesh's answer its message, and none of the transport's innards.
fn words(error: &anyhow::Error) -> String {
    match error.downcast_ref::<tonic::Status>() {
        Some(status) => status.message().to_owned(),
        None => format!("{error:#}"),
    }
}

impl From<tonic::Status> for Failure {
    fn from(status: tonic::Status) -> Self {
        use tonic::Code;
        match status.code() {
            Code::Unavailable
            | Code::Aborted
            | Code::Unknown
            | Code::Cancelled
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Internal => Self::Broken(anyhow::Error::new(status)),
            _ => Self::Final(anyhow::Error::new(status)),
        }
    }
}

struct Session<'a, W> {
    call: &'a Call,
    logged: &'a mut Vec<u64>,
    answered: &'a mut BTreeSet<Vec<u8>>,
    sent: &'a mut Sent,
    watch: &'a W,
}

impl<W: Watch> Session<'_, W> {
    async fn run(&mut self, caller: &Caller, epoch: u64, speed: f64) -> Result<(), Failure> {
        let wire = caller.wire();
        let (outbound, mut inbound) = self.open(caller, wire, epoch).await?;
        let opened = loop {
            match inbound.message().await?.and_then(|m| m.message) {
                Some(wire::record_response::Message::Opened(opened)) => break opened,
                Some(_) => {}
                None => return Err(broken("the stream ended before it was opened")),
            }
        };
        self.sent.level = opened.level().min(wire::Level::Logged);
        self.sent.grants = opened.grants;
        if opened.not_recorded {
            self.sent.not_recorded = true;
            return Ok(());
        }
        let window = u64::from(opened.window_frames.max(1));
        for resume in &opened.resume {
            if let Some(logged) = self.logged.get_mut(resume.leg as usize) {
                *logged = (*logged).max(resume.next_frame);
            }
        }
        let items = self.call.items(self.logged, self.answered);
        let began = Instant::now();
        let from = items.first().map_or(0, |(position, _)| *position);
        // Acknowledgements at any level free the window.
        let mut acked: BTreeMap<usize, u64> = self.logged.iter().copied().enumerate().collect();
        let mut items = items.into_iter().peekable();
        let mut close = Some(self.call.close());
        loop {
            let (due, blocked) = match items.peek() {
                Some((position, item)) => (
                    due(began, position - from, speed),
                    match item {
                        Item::Frames { leg, last, .. } => *last as u64 >= acked[leg] + window,
                        Item::Event(_) => false,
                    },
                ),
                None => (began, close.is_none()),
            };
            tokio::select! {
                biased;
                message = inbound.message() => match message?.and_then(|m| m.message) {
                    Some(message) => {
                        if self.hear(message, &mut acked) {
                            return Ok(());
                        }
                    }
                    None => return Err(broken("the stream ended before the call was closed")),
                },
                () = tokio::time::sleep_until(due), if !blocked => {
                    let item = items.next().map(|(_, item)| item);
                    let message = match &item {
                        Some(item) => self.message(item),
                        None => wire::record_request::Message::Close(close.take().unwrap_or_default()),
                    };
                    let bytes = message.encoded_len();
                    send(&outbound, message).await?;
                    if let Some(Item::Frames { leg, first, last }) = item {
                        self.watch.sent(leg, first as u64, last as u64, bytes);
                    }
                }
            }
        }
    }

    async fn open(
        &self,
        caller: &Caller,
        wire: Wire,
        epoch: u64,
    ) -> Result<(mpsc::Sender<wire::RecordRequest>, Streaming<wire::RecordResponse>), Failure> {
        let (outbound, requests) = mpsc::channel(32);
        send(&outbound, wire::record_request::Message::Open(self.call.open(epoch))).await?;
        let request = caller.request_for(&self.call.file.tenant, ReceiverStream::new(requests));
        let inbound = RecorderClient::new(wire).record(request).await?.into_inner();
        Ok((outbound, inbound))
    }

    fn message(&self, item: &Item) -> wire::record_request::Message {
        match item {
            Item::Frames { leg, first, last } => {
                wire::record_request::Message::Media(self.call.legs[*leg].message(*leg, *first..=*last))
            }
            Item::Event(number) => wire::record_request::Message::Event(self.call.events[*number].clone()),
        }
    }

    /// Takes one message in; true where the call is closed.
    fn hear(&mut self, message: wire::record_response::Message, acked: &mut BTreeMap<usize, u64>) -> bool {
        use wire::record_response::Message;
        match message {
            Message::Ack(ack) => {
                let leg = ack.leg as usize;
                acked.entry(leg).and_modify(|next| *next = (*next).max(ack.next_frame));
                if ack.level >= wire::Level::Logged as i32 {
                    if let Some(logged) = self.logged.get_mut(leg) {
                        *logged = (*logged).max(ack.next_frame);
                    }
                    self.watch.logged(self.logged.iter().sum());
                }
                if ack.level >= self.sent.level as i32 {
                    self.watch.acknowledged(leg, ack.next_frame);
                }
            }
            Message::Applied(applied) => {
                if !applied.refused.is_empty() {
                    let event = self.call.events.iter().position(|e| e.event_id == applied.event_id);
                    let kind = event.map_or("event", |n| &self.call.file.events[n].kind);
                    self.sent.refused.push((kind.to_owned(), applied.refused));
                }
                self.answered.insert(applied.event_id.to_vec());
            }
            Message::Bases(bases) => self.sent.changes.extend(bases.changes),
            Message::Closed(_) => return true,
            Message::Opened(_) | Message::Drain(_) => {}
        }
        false
    }
}

fn due(began: Instant, micros: u64, speed: f64) -> Instant {
    if speed <= 0.0 { began } else { began + Duration::from_micros(micros).div_f64(speed) }
}

async fn send(
    outbound: &mpsc::Sender<wire::RecordRequest>,
    message: wire::record_request::Message,
) -> Result<(), Failure> {
    let request = wire::RecordRequest { message: Some(message) };
    outbound.send(request).await.map_err(|_| broken("the stream was closed from the other side"))
}

fn broken(what: &'static str) -> Failure {
    Failure::Broken(anyhow::anyhow!(what))
}

fn party_of(channel: Channel) -> u32 {
    match channel {
        Channel::Agent => 0,
        Channel::Customer => 1,
    }
}

fn identifier(kind: IdentifierKind, value: &str) -> Identifier {
    Identifier { kind: kind.into(), value: value.to_owned() }
}

fn event_message(event: &TimedEvent, started_at: i64) -> wire::Event {
    use wire::event::Kind;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let expression = wire::Expression::Voice.into();
    let kind = match event.kind.as_str() {
        "notice.played" => Kind::NoticePlayed(wire::NoticePlayed { notice: text(&event.notice) }),
        "consent.given" => {
            Kind::ConsentGiven(wire::ConsentGiven { purpose: text(&event.purpose), expression })
        }
        "consent.refused" => {
            Kind::ConsentRefused(wire::ConsentRefused { purpose: text(&event.purpose), expression })
        }
        "consent.withdrawn" => {
            Kind::ConsentWithdrawn(wire::ConsentWithdrawn { purpose: text(&event.purpose), expression })
        }
        "pause" => Kind::Pause(wire::Pause { reason: text(&event.reason) }),
        "resume" => Kind::Resume(wire::Resume {}),
        "mark.begin" => Kind::MarkBegin(wire::MarkBegin { label: text(&event.label) }),
        "mark.end" => Kind::MarkEnd(wire::MarkEnd { label: text(&event.label) }),
        "stop" => Kind::Stop(wire::Stop { reason: text(&event.reason) }),
        // CallFile::parse lets no other kind through.
        _ => Kind::RightRequested(wire::RightRequested { right: text(&event.right) }),
    };
    let position = event.position();
    wire::Event {
        event_id: EventId::new().to_bytes().to_vec().into(),
        position: Some(position),
        wall_time: started_at.saturating_add_unsigned(position),
        party: 1,
        kind: Some(kind),
    }
}

/// Reads a WAV file and its JSON from disk.
pub fn load(wav: &std::path::Path, json: &std::path::Path, recording: Option<RecordingId>) -> Result<Call> {
    let text = std::fs::read_to_string(json).with_context(|| format!("cannot read {}", json.display()))?;
    let file = CallFile::parse(&text).with_context(|| json.display().to_string())?;
    let bytes = std::fs::read(wav).with_context(|| format!("cannot read {}", wav.display()))?;
    let audio = Wav::parse(&bytes).with_context(|| wav.display().to_string())?;
    Call::new(file, &audio, recording)
        .with_context(|| format!("{} and {} do not agree", wav.display(), json.display()))
}
