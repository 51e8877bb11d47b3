//! A call as ingest would log it: sections with real keys, sealed spans, events.

use std::collections::BTreeMap;

use bytes::Bytes;
use eventlog::{EventLog, to_record};
use kernel::topics::AUDIO;
use kernel::{
    Basis, Envelope, EventId, FrameNo, InstanceId, KeyEpoch, LegNo, Position, RecordingId, RegimeName,
    SectionNo, SessionEpoch, SpanNo, SubjectId, TenantId, Timestamp,
};
use prost::Message;
use proto::common::v1::basis_change::Kind;
use proto::common::v1::{BasisChange, Grant, PartyRole};
use proto::ingest::v1 as wire;
use proto::ingest::v1::audio_event::Event;
use seal::hash::root_of_roots;
use seal::hpke::seal_leg_key;
use seal::span::{seal_frames, seal_span};
use seal::{Codec, Frame, Hash, LegKey, LegKeyInfo, SectionAddress, SectionKind, SpanHeader};

use super::{Bench, NOW};
use crate::fact::{META_LEG, RecordingKey};

/// A frame's length: 20 ms of G.711.
pub(crate) const FRAME_US: u64 = 20_000;
const SAMPLES: u64 = 160;

pub(crate) fn leg(number: u16) -> LegNo {
    LegNo(number)
}

/// What a frame of a leg holds; different for every frame.
pub(crate) fn payload(leg: u16, frame: u64) -> Vec<u8> {
    (0..SAMPLES).map(|at| (u64::from(leg) * 131 + frame * 7 + at * 3) as u8).collect()
}

/// One call on its way into the log.
pub(crate) struct Call {
    pub(crate) key: RecordingKey,
    pub(crate) subject: SubjectId,
    pub(crate) policy: Hash,
    pub(crate) epoch: u64,
    writer: InstanceId,
    sections: BTreeMap<(u16, u32), Section>,
    events: u64,
}

struct Section {
    key: LegKey,
    roots: Vec<Hash>,
}

impl Call {
    pub(crate) fn new(bench: &Bench) -> Self {
        Self {
            key: RecordingKey { tenant: TenantId::new("banca-alfa").unwrap(), id: RecordingId::new() },
            subject: SubjectId::new(),
            policy: bench.consent.policy_hash(),
            epoch: 1,
            writer: InstanceId::new(),
            sections: BTreeMap::new(),
            events: 0,
        }
    }

    fn id(&self) -> Bytes {
        self.key.id.to_bytes().to_vec().into()
    }

    /// Logs an event.
    pub(crate) async fn log(&mut self, bench: &Bench, event: Event) {
        self.events += 1;
        let envelope = Envelope {
            id: EventId::new(),
            kind: "verbale.audio.test".to_owned(),
            tenant: self.key.tenant.clone(),
            aggregate: self.key.id.to_string(),
            version: self.events,
            at: NOW,
            trace: None,
            payload: wire::AudioEvent { event: Some(event) }.encode_to_vec(),
        };
        bench.log.append(&AUDIO, vec![to_record(&envelope, "/verbale/ingest")]).await.unwrap();
    }

    /// A session with two A-law legs: agent on 0, customer on 1.
    pub(crate) async fn open(&mut self, bench: &Bench, grants: Vec<Grant>) {
        let (agent, customer) = (SubjectId::new().to_bytes().to_vec(), self.subject.to_bytes().to_vec());
        self.open_as(bench, grants, [agent, customer]).await;
    }

    /// The same with these bytes as the subjects' ids.
    pub(crate) async fn open_as(&mut self, bench: &Bench, grants: Vec<Grant>, subjects: [Vec<u8>; 2]) {
        let leg =
            |number| wire::Leg { leg: number, codec: "PCMA".to_owned(), clock_rate: 8_000, party: number };
        let [agent, customer] = subjects;
        let party = |subject: Vec<u8>, role: PartyRole| wire::OpenedParty {
            subject_id: subject.into(),
            role: role.into(),
        };
        let opened = wire::SessionOpened {
            recording_id: self.id(),
            session_epoch: self.epoch,
            started_at: NOW.0,
            direction: 1,
            language: "it".to_owned(),
            policy_hash: self.policy.0.to_vec().into(),
            parties: vec![party(agent, PartyRole::Agent), party(customer, PartyRole::Customer)],
            legs: vec![leg(0), leg(1)],
            grants,
            correlation_hmacs: vec![Hash::of(b"correlation:crm-1").0.to_vec().into()],
            instance_id: self.writer.to_bytes().to_vec().into(),
        };
        self.log(bench, Event::SessionOpened(opened)).await;
    }

    /// Opens a section of a leg under a fresh key.
    pub(crate) async fn section(&mut self, bench: &Bench, leg: u16, section: u32) {
        let kind = if LegNo(leg) == META_LEG { SectionKind::Meta } else { SectionKind::Audio };
        let address = SectionAddress { recording: self.key.id, leg: LegNo(leg), section: SectionNo(section) };
        let info = LegKeyInfo { tenant: self.key.tenant.clone(), section: address, epoch: KeyEpoch(1) };
        let key = LegKey::generate().unwrap();
        let sealed = seal_leg_key(&bench.keys.epoch(), &info, &key).unwrap();
        self.sections.insert((leg, section), Section { key, roots: Vec::new() });
        let opened = wire::LegOpened {
            recording_id: self.id(),
            leg: leg.into(),
            section,
            session_epoch: self.epoch,
            key_epoch: 1,
            writer: self.writer.to_bytes().to_vec().into(),
            hpke_enc: sealed.enc.to_vec().into(),
            hpke_ciphertext: sealed.ciphertext.into(),
            kind: kind.number(),
            anchors: vec![wire::Anchor { rtp_timestamp: 0, position: 0, ssrc: 7, frame: 0 }],
        };
        self.log(bench, Event::LegOpened(opened)).await;
    }

    /// Seals a span of these frames; a second one of the same number has other bytes.
    pub(crate) fn seal(
        &mut self,
        leg: u16,
        section: u32,
        span: u32,
        frames: (u64, u64),
        regime: bool,
    ) -> Event {
        let (first, last) = frames;
        let header = SpanHeader {
            tenant: self.key.tenant.clone(),
            recording: self.key.id,
            leg: LegNo(leg),
            section: SectionNo(section),
            kind: SectionKind::Audio,
            span: SpanNo(span),
            session_epoch: SessionEpoch(self.epoch),
            first_frame: FrameNo(first),
            last_frame: FrameNo(last),
            start: Position(first * FRAME_US),
            end: Position((last + 1) * FRAME_US),
            codec: Codec::Pcma,
            rate: 8_000,
            started_wall: Timestamp(NOW.0 + (first * FRAME_US) as i64),
            writer: self.writer,
            key_epoch: KeyEpoch(1),
            policy_hash: self.policy,
            regimes: regime.then(|| RegimeName::new("mifid2-16-7").unwrap()).into_iter().collect(),
        };
        let frames: Vec<_> = (first..=last).map(|number| frame(leg, number)).collect();
        let own = self.sections.get_mut(&(leg, section)).expect("the section was opened");
        let sealed = seal_frames(&own.key.span_key(SpanNo(span)).unwrap(), &header, &frames).unwrap();
        own.roots.push(sealed.ct_root);
        self.sealed(leg, section, span, sealed.bytes)
    }

    fn sealed(&self, leg: u16, section: u32, span: u32, container: Vec<u8>) -> Event {
        Event::SpanSealed(wire::SpanSealed {
            recording_id: self.id(),
            leg: leg.into(),
            section,
            span,
            container: container.into(),
            anchors: Vec::new(),
        })
    }

    /// Seals and logs a span.
    pub(crate) async fn span(
        &mut self,
        bench: &Bench,
        leg: u16,
        section: u32,
        span: u32,
        frames: (u64, u64),
        regime: bool,
    ) {
        let event = self.seal(leg, section, span, frames, regime);
        self.log(bench, event).await;
    }

    /// Seals and logs the call's identifying metadata.
    pub(crate) async fn meta(&mut self, bench: &Bench) {
        self.section(bench, META_LEG.0, 0).await;
        let header = SpanHeader {
            tenant: self.key.tenant.clone(),
            recording: self.key.id,
            leg: META_LEG,
            section: SectionNo(0),
            kind: SectionKind::Meta,
            span: SpanNo(0),
            session_epoch: SessionEpoch(self.epoch),
            first_frame: FrameNo(0),
            last_frame: FrameNo(0),
            start: Position::ZERO,
            end: Position::ZERO,
            codec: Codec::Document,
            rate: 0,
            started_wall: NOW,
            writer: self.writer,
            key_epoch: KeyEpoch(1),
            policy_hash: self.policy,
            regimes: Vec::new(),
        };
        let own = self.sections.get_mut(&(META_LEG.0, 0)).expect("the section was opened");
        let sealed = seal_span(&own.key.span_key(SpanNo(0)).unwrap(), &header, b"document").unwrap();
        let event = self.sealed(META_LEG.0, 0, 0, sealed.bytes);
        self.log(bench, event).await;
    }

    /// A change of a purpose's basis.
    pub(crate) async fn basis(
        &mut self,
        bench: &Bench,
        purpose: &str,
        basis: Basis,
        kind: Kind,
        at: u64,
        cause: &str,
    ) {
        let change = BasisChange {
            event_id: EventId::new().to_bytes().to_vec(),
            position: at,
            purpose: purpose.to_owned(),
            basis: basis.number(),
            kind: kind.into(),
            cause: cause.to_owned(),
            evidence: Vec::new(),
            derived_error: None,
        };
        let event = wire::BasisChanged { recording_id: self.id(), change: Some(change) };
        self.log(bench, Event::BasisChanged(event)).await;
    }

    pub(crate) async fn began(&mut self, bench: &Bench, purpose: &str, at: u64) {
        let (basis, cause) = match purpose {
            "quality" | "training" => (Basis::Consent, "consent-given"),
            _ => (Basis::LegalObligation, "call-started"),
        };
        self.basis(bench, purpose, basis, Kind::Began, at, cause).await;
    }

    pub(crate) async fn mark(&mut self, bench: &Bench, label: &str, at: u64, begins: bool) {
        let event = wire::MarkSet {
            recording_id: self.id(),
            event_id: EventId::new().to_bytes().to_vec().into(),
            position: at,
            label: label.to_owned(),
            begins,
        };
        self.log(bench, Event::MarkSet(event)).await;
    }

    pub(crate) async fn pause(&mut self, bench: &Bench, from: u64, to: u64) {
        let id = || Bytes::from(EventId::new().to_bytes().to_vec());
        let paused = wire::Paused {
            recording_id: self.id(),
            event_id: id(),
            position: from,
            reason: "pci-dss".to_owned(),
            ..wire::Paused::default()
        };
        self.log(bench, Event::Paused(paused)).await;
        let resumed =
            wire::Resumed { recording_id: self.id(), event_id: id(), position: to, derived_error: None };
        self.log(bench, Event::Resumed(resumed)).await;
    }

    pub(crate) async fn note(&mut self, bench: &Bench, kind: &str, code: &str, at: u64) {
        let event = wire::NotePlaced {
            recording_id: self.id(),
            event_id: EventId::new().to_bytes().to_vec().into(),
            position: at,
            kind: kind.to_owned(),
            code: code.to_owned(),
        };
        self.log(bench, Event::NotePlaced(event)).await;
    }

    pub(crate) async fn dropped(&mut self, bench: &Bench, leg: u16, first: u64, last: u64, reason: i32) {
        let event = wire::Dropped {
            recording_id: self.id(),
            leg: leg.into(),
            first,
            last,
            reason,
            start: first * FRAME_US,
            end: (last + 1) * FRAME_US,
        };
        self.log(bench, Event::Dropped(event)).await;
    }

    /// Both legs end with so many frames, then the session.
    pub(crate) async fn close(&mut self, bench: &Bench, frames: u64) {
        for leg in 0..2u16 {
            let last = self.sections.range((leg, 0)..=(leg, u32::MAX)).next_back();
            let closed = wire::LegClosed {
                recording_id: self.id(),
                leg: leg.into(),
                frames,
                section: last.map(|((_, section), _)| *section),
                spans: last.map(|(_, own)| own.roots.len() as u32).unwrap_or_default(),
                span_root: last
                    .map(|(_, own)| root_of_roots(&own.roots).0.to_vec())
                    .unwrap_or_default()
                    .into(),
            };
            self.log(bench, Event::LegClosed(closed)).await;
        }
        let closed = wire::SessionClosed {
            recording_id: self.id(),
            cause: "hangup".to_owned(),
            session_epoch: self.epoch,
            end: frames * FRAME_US,
        };
        self.log(bench, Event::SessionClosed(closed)).await;
    }

    /// A plain call: both legs, `seconds` spans of 50 frames, for these purposes from their positions on.
    pub(crate) async fn plain(bench: &Bench, seconds: u64, purposes: &[(&str, u64)]) -> Self {
        let mut call = Self::new(bench);
        call.open(bench, Vec::new()).await;
        call.meta(bench).await;
        for leg in 0..2 {
            call.section(bench, leg, 0).await;
        }
        for (purpose, at) in purposes {
            call.began(bench, purpose, *at).await;
        }
        for second in 0..seconds {
            for leg in 0..2 {
                call.span(bench, leg, 0, second as u32, (second * 50, second * 50 + 49), true).await;
            }
        }
        call
    }
}

fn frame(leg: u16, number: u64) -> Frame {
    Frame {
        number: FrameNo(number),
        rtp_sequence: number as u16,
        rtp_timestamp: number * SAMPLES,
        marker: number == 0,
        payload_type: 8,
        position: Position(number * FRAME_US),
        arrival_offset: 0,
        payload: payload(leg, number).into(),
    }
}
