//! The sample calls, read without the program's own readers.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use kernel::{Clock, EventId, Interval, Position, RecordingId, SystemClock, TenantId, Timestamp};
use proto::common::v1::{Identifier, IdentifierKind, PartyRole};
use proto::ingest::v1 as wire;
use serde_json::{Value, json};
use verbale::call_file::CallFile;
use verbale::sender::Call;
use verbale::wav::Wav;

/// 20 ms of 8 kHz A-law.
const FRAME_BYTES: usize = 160;
/// A frame's length, and a sample's, in microseconds.
pub(crate) const FRAME: u64 = 20_000;
const SAMPLE: u64 = 125;
/// In microseconds.
const SECOND: i64 = 1_000_000;
/// How long ago a sample call began, in seconds: it is over, and the shortest period has only begun.
const AGO: i64 = 3_600;

/// Every sample call.
pub(crate) const NAMES: [&str; 5] =
    ["mifid-order-it", "withdrawal-midcall-it", "card-payment-en", "access-request-en", "no-consent-it"];

/// A two-leg call: agent on leg 0, customer on leg 1.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) tenant: TenantId,
    pub(crate) json: Value,
    /// Each leg's payload.
    pub(crate) legs: [Vec<u8>; 2],
}

impl Sample {
    /// One of today: as its file dates it, what was consented to is kept no longer.
    pub(crate) fn new(name: &'static str) -> Self {
        let json: Value =
            serde_json::from_slice(&std::fs::read(folder(name).join("call.json")).unwrap()).unwrap();
        let wav = std::fs::read(folder(name).join("call.wav")).unwrap();
        let tenant = TenantId::new(json["tenant"].as_str().unwrap()).unwrap();
        let sample = Self { name, tenant, json, legs: split(&wav) };
        // On a full second, as servers keep dates.
        sample.dated(Timestamp((SystemClock.now().0 / SECOND - AGO) * SECOND))
    }

    /// The same call at another time.
    pub(crate) fn dated(mut self, started_at: Timestamp) -> Self {
        self.json["started_at"] = json!(started_at.to_string());
        self
    }

    /// The same words between other people.
    pub(crate) fn between(mut self, agent: &str, phone: &str, call_id: &str) -> Self {
        self.json["agent"] = json!({ "id": agent });
        self.json["customer"] = json!({ "phone": phone });
        self.json["call_id"] = json!(call_id);
        self
    }

    pub(crate) fn all() -> Vec<Self> {
        NAMES.into_iter().map(Self::new).collect()
    }

    /// The call for the program's own sender, under a fresh id.
    pub(crate) fn call(&self) -> Call {
        let file = CallFile::parse(&self.json.to_string()).unwrap();
        let wav = Wav::parse(&std::fs::read(self.wav()).unwrap()).unwrap();
        Call::new(file, &wav, None).unwrap()
    }

    pub(crate) fn started_at(&self) -> Timestamp {
        Timestamp::parse(self.json["started_at"].as_str().unwrap()).unwrap()
    }
    /// The customer's number.
    pub(crate) fn phone(&self) -> &str {
        self.json["customer"]["phone"].as_str().unwrap()
    }
    /// The agent's id.
    pub(crate) fn agent(&self) -> &str {
        self.json["agent"]["id"].as_str().unwrap()
    }

    pub(crate) fn wav(&self) -> PathBuf {
        folder(self.name).join("call.wav")
    }
    pub(crate) fn meta(&self) -> PathBuf {
        folder(self.name).join("call.json")
    }

    /// How many frames a leg has; both have the same.
    pub(crate) fn frames(&self) -> u64 {
        self.legs[0].len().div_ceil(FRAME_BYTES) as u64
    }

    pub(crate) fn payload(&self, leg: usize, frame: u64) -> &[u8] {
        let start = frame as usize * FRAME_BYTES;
        let leg = &self.legs[leg];
        &leg[start..(start + FRAME_BYTES).min(leg.len())]
    }

    /// Where a frame lies on the timeline.
    pub(crate) fn place(&self, frame: u64) -> Interval {
        let start = frame * FRAME;
        let end = start + self.payload(0, frame).len() as u64 * SAMPLE;
        Interval::new(Position(start), Position(end)).unwrap()
    }

    /// All of its timeline.
    pub(crate) fn whole(&self) -> Interval {
        Interval::new(Position::ZERO, Position(self.length())).unwrap()
    }

    /// The call's length in microseconds.
    pub(crate) fn length(&self) -> u64 {
        self.legs[0].len() as u64 * SAMPLE
    }

    /// Where the first event of this type, and about this value, lies.
    pub(crate) fn event(&self, kind: &str, about: Option<&str>) -> Option<Position> {
        let events = self.json["events"].as_array().unwrap();
        let found = events.iter().find(|event| {
            let values = ["purpose", "label"].map(|key| event[key].as_str());
            event["type"] == kind && about.is_none_or(|about| values.contains(&Some(about)))
        })?;
        Some(Position((found["at_s"].as_f64().unwrap() * 1e6).round() as u64))
    }

    /// Names, numbers and ids of people in it, and the sender's own id of the call.
    pub(crate) fn personal(&self) -> Vec<String> {
        let customer = ["phone", "crm_id", "email"].map(|key| &self.json["customer"][key]);
        let values = customer.into_iter().chain([&self.json["agent"]["id"], &self.json["call_id"]]);
        values.filter_map(|value| value.as_str().map(str::to_owned)).collect()
    }

    /// What a sender opens the call with.
    pub(crate) fn open(&self, recording: RecordingId, epoch: u64) -> wire::Open {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let party = |role: PartyRole, kind: IdentifierKind, value: &Value| wire::Party {
            role: role.into(),
            identifiers: vec![Identifier { kind: kind.into(), value: text(value) }],
        };
        let leg = |leg| wire::Leg { leg, codec: "PCMA".to_owned(), clock_rate: 8_000, party: leg };
        wire::Open {
            recording_id: recording.to_bytes().to_vec().into(),
            session_epoch: epoch,
            started_at: self.started_at().0,
            call_id: text(&self.json["call_id"]),
            direction: wire::Direction::Inbound.into(),
            language: text(&self.json["language"]),
            parties: vec![
                party(PartyRole::Agent, IdentifierKind::Employee, &self.json["agent"]["id"]),
                party(PartyRole::Customer, IdentifierKind::Phone, &self.json["customer"]["phone"]),
            ],
            legs: vec![leg(0), leg(1)],
            purposes: self.json["purposes"].as_array().unwrap().iter().map(text).collect(),
            correlation: Default::default(),
        }
    }

    /// One frame of it as a sender sends it.
    pub(crate) fn frame(&self, leg: usize, number: u64) -> wire::Frame {
        wire::Frame {
            number,
            rtp_sequence: (number % 65_536) as u32,
            rtp_timestamp: number * FRAME_BYTES as u64,
            captured: number * FRAME,
            marker: number == 0,
            payload_type: 8,
            ssrc: leg as u32 + 1,
            payload: Bytes::copy_from_slice(self.payload(leg, number)),
        }
    }
}

/// An event at a position, under a fresh id, about the customer.
pub(crate) fn event(at: u64, kind: wire::event::Kind) -> wire::Event {
    wire::Event {
        event_id: EventId::new().to_bytes().to_vec().into(),
        position: Some(at),
        wall_time: 0,
        party: 1,
        kind: Some(kind),
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/calls").join(name)
}

/// The two channels of an A-law WAV file.
fn split(wav: &[u8]) -> [Vec<u8>; 2] {
    let at = wav.windows(4).position(|window| window == b"data").expect("a data chunk") + 4;
    let length = u32::from_le_bytes(wav[at..at + 4].try_into().unwrap()) as usize;
    let data = &wav[at + 4..at + 4 + length];
    [0, 1].map(|channel| data.iter().skip(channel).step_by(2).copied().collect())
}
