//! A sender: two legs of A-law in frames of 20 ms, whose bytes tell leg and number.

use bytes::Bytes;
use kernel::{EventId, RecordingId};
use proto::common::v1::{Identifier, IdentifierKind, PartyRole};
use proto::ingest::v1 as wire;
use proto::ingest::v1::record_request::Message;
use proto::ingest::v1::record_response::Message as Answer;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::{Ingest, STARTED_AT};

pub(crate) struct Sender {
    pub(crate) recording: RecordingId,
    pub(crate) opened: wire::Opened,
    said: mpsc::Sender<wire::RecordRequest>,
    answers: Streaming<wire::RecordResponse>,
    /// Per leg, up to where it is acknowledged at the level that `Opened` names.
    pub(crate) acked: [u64; 2],
    /// Per leg, up to where it is acknowledged as spooled.
    pub(crate) spooled: [u64; 2],
}

pub(crate) const PHONE: &str = "+390612345678";

pub(crate) fn open(recording: RecordingId, epoch: u64, purposes: &[&str]) -> wire::Open {
    let party = |role: PartyRole, kind: IdentifierKind, value: &str| wire::Party {
        role: role as i32,
        identifiers: vec![Identifier { kind: kind as i32, value: value.into() }],
    };
    wire::Open {
        recording_id: recording.to_bytes().to_vec().into(),
        session_epoch: epoch,
        started_at: STARTED_AT,
        call_id: "call-17".into(),
        direction: wire::Direction::Inbound as i32,
        language: "it".into(),
        parties: vec![
            party(PartyRole::Agent, IdentifierKind::Employee, "agent-12"),
            party(PartyRole::Customer, IdentifierKind::Phone, PHONE),
        ],
        legs: (0..2)
            .map(|leg| wire::Leg { leg, codec: "PCMA".into(), clock_rate: 8_000, party: leg })
            .collect(),
        purposes: purposes.iter().map(ToString::to_string).collect(),
        correlation: [("ucid".to_owned(), "00017".to_owned())].into(),
    }
}

pub(crate) fn payload(leg: u32, number: u64) -> Vec<u8> {
    let mut bytes = vec![leg as u8; 160];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes
}

pub(crate) fn frames(leg: u32, numbers: impl IntoIterator<Item = u64>) -> wire::Media {
    let frame = |number: u64| wire::Frame {
        number,
        rtp_sequence: (number % 65_536) as u32,
        rtp_timestamp: 7_000 + number * 160,
        captured: number * 20_000,
        payload_type: 8,
        ssrc: 40 + leg,
        payload: Bytes::from(payload(leg, number)),
        ..wire::Frame::default()
    };
    wire::Media { leg, frames: numbers.into_iter().map(frame).collect() }
}

pub(crate) fn event(position: u64, kind: wire::event::Kind) -> wire::Event {
    wire::Event {
        event_id: EventId::new().to_bytes().to_vec().into(),
        position: Some(position),
        wall_time: STARTED_AT + position as i64,
        party: 1,
        kind: Some(kind),
    }
}

impl Sender {
    pub(crate) async fn open(ingest: &Ingest, purposes: &[&str]) -> Self {
        Self::try_open(ingest, open(RecordingId::new(), 1, purposes)).await.unwrap()
    }

    pub(crate) async fn reopen(
        &self,
        ingest: &Ingest,
        epoch: u64,
        purposes: &[&str],
    ) -> Result<Self, Status> {
        Self::try_open(ingest, open(self.recording, epoch, purposes)).await
    }

    pub(crate) async fn try_open(ingest: &Ingest, open: wire::Open) -> Result<Self, Status> {
        let recording = RecordingId::from_slice(&open.recording_id).unwrap_or_else(|_| RecordingId::new());
        let (said, stream) = mpsc::channel(10_000);
        said.try_send(wire::RecordRequest { message: Some(Message::Open(open)) }).unwrap();
        let mut answers = ingest.client().record(ReceiverStream::new(stream)).await?.into_inner();
        let first = answers.message().await?.and_then(|answer| answer.message);
        let Some(Answer::Opened(opened)) = first else { panic!("{first:?}") };
        Ok(Self { recording, opened, said, answers, acked: [0; 2], spooled: [0; 2] })
    }

    pub(crate) fn say(&self, message: Message) {
        self.said.try_send(wire::RecordRequest { message: Some(message) }).unwrap();
    }

    pub(crate) fn media(&self, leg: u32, numbers: impl IntoIterator<Item = u64>) {
        self.say(Message::Media(frames(leg, numbers)));
    }

    /// Frames of both legs, a few at a time, as they would come.
    pub(crate) fn both(&self, numbers: std::ops::Range<u64>) {
        let mut from = numbers.start;
        while from < numbers.end {
            let to = (from + 10).min(numbers.end);
            self.media(0, from..to);
            self.media(1, from..to);
            from = to;
        }
    }

    /// Says an event and waits for its answer.
    pub(crate) async fn event(&mut self, position: u64, kind: wire::event::Kind) -> wire::Applied {
        self.apply(event(position, kind)).await
    }

    pub(crate) async fn apply(&mut self, event: wire::Event) -> wire::Applied {
        let id = event.event_id.clone();
        self.say(Message::Event(event));
        loop {
            match self.next().await.unwrap() {
                Some(Answer::Applied(applied)) if applied.event_id == id => return applied,
                Some(_) => {}
                None => panic!("the stream ended"),
            }
        }
    }

    /// Waits until both legs are acknowledged up to here.
    pub(crate) async fn acked(&mut self, next: u64) {
        while self.acked.iter().any(|acked| *acked < next) {
            assert!(self.next().await.unwrap().is_some(), "the stream ended");
        }
    }

    /// Waits until both legs are spooled up to here.
    pub(crate) async fn spooled(&mut self, next: u64) {
        while self.spooled.iter().any(|spooled| *spooled < next) {
            assert!(self.next().await.unwrap().is_some(), "the stream ended");
        }
    }

    pub(crate) async fn leg_acked(&mut self, leg: usize, next: u64) {
        while self.acked[leg] < next {
            assert!(self.next().await.unwrap().is_some(), "the stream ended");
        }
    }

    /// Messages that ingest has not taken.
    pub(crate) fn unread(&self) -> usize {
        self.said.max_capacity() - self.said.capacity()
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Answer>, Status> {
        let wait = tokio::time::timeout(std::time::Duration::from_secs(20), self.answers.message());
        let answer = wait.await.expect("an answer in time")?.and_then(|answer| answer.message);
        if let Some(Answer::Ack(ack)) = &answer {
            let acked = match ack.level == self.opened.level {
                true => &mut self.acked[ack.leg as usize],
                false => &mut self.spooled[ack.leg as usize],
            };
            assert!(ack.next_frame >= *acked, "acknowledgements are cumulative");
            *acked = ack.next_frame;
        }
        Ok(answer)
    }

    /// Closes after so many frames of each leg, and waits for the answer.
    pub(crate) async fn close(mut self, frames: u64) -> wire::Closed {
        let legs = (0..2).map(|leg| wire::LegEnd { leg, frames }).collect();
        self.say(Message::Close(wire::Close { cause: "hangup".into(), legs }));
        loop {
            match self.next().await.unwrap() {
                Some(Answer::Closed(closed)) => return closed,
                Some(_) => {}
                None => panic!("the stream ended"),
            }
        }
    }

    /// The status that the stream ends with.
    pub(crate) async fn ends_with(mut self) -> Status {
        loop {
            match self.next().await {
                Err(status) => return status,
                Ok(Some(_)) => {}
                Ok(None) => panic!("the stream ended well"),
            }
        }
    }
}
