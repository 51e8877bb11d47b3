//! One record of the audio topic as facts, a section's sealed key, or a sealed span.
//!
//! Everything that comes in is checked here, once: ids, names, codes, and that a container is of the section
//! that its event names. What fails is a [`BadEvent`] and changes nothing.

use std::str::FromStr;

use eventlog::{EnvelopeError, Stored};
use kernel::{
    Basis, EventId, FrameNo, InstanceId, InvalidId, KeyEpoch, LegNo, MarkLabel, Position, PurposeName,
    RecordingId, SectionNo, SessionEpoch, SpanNo, SubjectId, Timestamp,
};
use policy::{BasisChange, Cause, ChangeKind};
use prost::Message;
use proto::common::v1::basis_change::Kind;
use proto::ingest::v1 as wire;
use proto::ingest::v1::audio_event::Event;
use seal::{Hash, SectionKind, SpanView};

use crate::fact::{
    Anchor, Anchors, Closed, ClosedSection, DropReason, Dropped, Edge, Fact, Leg, LegClosed, MarkEdge,
    NotRecorded, Note, Opened, Party, PauseEdge, RecordingKey, SectionBegan, SectionKey, What,
};
use crate::packer::Held;

/// Longest code that an event may carry: a reason, a cause, a note's kind.
const MAX_CODE: usize = 128;

/// What a record says.
#[derive(Clone, PartialEq, Debug)]
pub struct Incoming {
    /// What is to be kept of it.
    pub facts: Vec<Fact>,
    /// What else is to be done.
    pub more: More,
}

/// What a record asks for beside keeping its facts.
#[derive(Clone, PartialEq, Debug)]
pub enum More {
    /// Nothing.
    Nothing,
    /// crypto must adopt a section's key before the offset passes.
    Adopt(RecordingKey, wire::LegOpened),
    /// A span must be in an object before the offset passes.
    Pack(SectionKey, Held),
    /// The recording's session ended.
    Settle(RecordingKey),
}

/// A record that is not an event of an open recording as it must be.
#[derive(Debug, thiserror::Error)]
pub enum BadEvent {
    /// Its headers or key.
    #[error("record is not an event")]
    Envelope(#[from] EnvelopeError),
    /// Its payload.
    #[error("payload is not an audio event")]
    Payload(#[from] prost::DecodeError),
    /// An event of a kind that this release does not know.
    #[error("audio event has no kind")]
    Unknown,
    /// An id or name.
    #[error("audio event has a bad id")]
    Id(#[from] InvalidId),
    /// A field that cannot be.
    #[error("audio event has a bad {0}")]
    Field(&'static str),
    /// A container that is not one.
    #[error("audio event has a bad span")]
    Span(#[source] seal::Error),
}

/// Reads one record.
pub fn decode(record: &Stored, partition: u32) -> Result<Incoming, BadEvent> {
    let envelope = eventlog::from_record(record)?;
    // Decoded from the record's own bytes, so that containers are slices of it and not copies.
    let event = wire::AudioEvent::decode(record.value.clone())?.event.ok_or(BadEvent::Unknown)?;
    let id: RecordingId = envelope.aggregate.parse()?;
    if RecordingId::from_slice(recording_of(&event))? != id {
        return Err(BadEvent::Field("recording id"));
    }
    let recording = RecordingKey { tenant: envelope.tenant, id };
    let about = About { recording, event: envelope.id, partition, at: envelope.at };
    about.read(event, record.offset)
}

struct About {
    recording: RecordingKey,
    event: EventId,
    partition: u32,
    at: Timestamp,
}

impl About {
    fn read(&self, event: Event, offset: u64) -> Result<Incoming, BadEvent> {
        Ok(match event {
            Event::SessionOpened(event) => self.fact(What::Opened(opened(event)?)),
            Event::LegOpened(event) => self.leg_opened(event)?,
            Event::SpanSealed(event) => self.span_sealed(event, offset)?,
            Event::BasisChanged(event) => {
                let change = event.change.ok_or(BadEvent::Field("change"))?;
                self.fact(What::Basis(basis_change(&change)?))
            }
            Event::Paused(event) => self.fact(What::Pause(PauseEdge {
                event: EventId::from_slice(&event.event_id)?,
                position: Position(event.position),
                begins: Some(code(event.reason, "reason")?),
                derived_error: event.derived_error,
            })),
            Event::Resumed(event) => self.fact(What::Pause(PauseEdge {
                event: EventId::from_slice(&event.event_id)?,
                position: Position(event.position),
                begins: None,
                derived_error: event.derived_error,
            })),
            Event::MarkSet(event) => self.fact(What::Mark(MarkEdge {
                event: EventId::from_slice(&event.event_id)?,
                position: Position(event.position),
                label: MarkLabel::new(event.label)?,
                edge: if event.begins { Edge::Begins } else { Edge::Ends },
            })),
            Event::Dropped(event) => self.fact(What::Dropped(dropped(&event)?)),
            Event::LegClosed(event) => self.fact(What::LegClosed(leg_closed(&event)?)),
            Event::SessionClosed(event) => {
                let closed = Closed {
                    session_epoch: SessionEpoch(event.session_epoch),
                    cause: code(event.cause, "cause")?,
                    end: Position(event.end),
                };
                Incoming { more: More::Settle(self.recording.clone()), ..self.fact(What::Closed(closed)) }
            }
            Event::NotePlaced(event) => self.fact(What::Note(Note {
                event: EventId::from_slice(&event.event_id)?,
                position: Position(event.position),
                kind: code(event.kind, "note kind")?,
                code: code(event.code, "note code")?,
            })),
            Event::NotRecorded(event) => {
                let refused = NotRecorded { reason: code(event.reason, "reason")?, grants: event.grants };
                let settle = More::Settle(self.recording.clone());
                Incoming { more: settle, ..self.fact(What::NotRecorded(refused)) }
            }
        })
    }

    fn fact(&self, what: What) -> Incoming {
        let fact = Fact {
            recording: self.recording.clone(),
            event: self.event,
            partition: self.partition,
            at: self.at,
            what,
        };
        Incoming { facts: vec![fact], more: More::Nothing }
    }

    fn leg_opened(&self, event: wire::LegOpened) -> Result<Incoming, BadEvent> {
        let leg = leg_no(event.leg)?;
        let section = SectionNo(event.section);
        let began = SectionBegan {
            leg,
            section,
            kind: kind(event.kind)?,
            session_epoch: SessionEpoch(event.session_epoch),
            key_epoch: KeyEpoch(event.key_epoch),
            writer: InstanceId::from_slice(&event.writer)?,
        };
        let mut incoming = self.fact(What::SectionBegan(began));
        incoming.facts.extend(self.anchors(leg, section, &event.anchors));
        incoming.more = More::Adopt(self.recording.clone(), event);
        Ok(incoming)
    }

    fn span_sealed(&self, event: wire::SpanSealed, offset: u64) -> Result<Incoming, BadEvent> {
        let (leg, section, span) = (leg_no(event.leg)?, SectionNo(event.section), SpanNo(event.span));
        let view = SpanView::parse(&event.container).map_err(BadEvent::Span)?;
        let header = &view.header;
        let said = (&self.recording.tenant, self.recording.id, leg, section, span);
        if said != (&header.tenant, header.recording, header.leg, header.section, header.span) {
            return Err(BadEvent::Field("span header"));
        }
        let held = Held {
            span,
            ct_root: view.ct_root(),
            regimes: header.regimes.clone(),
            container: event.container.clone(),
            offset,
        };
        let mut facts = self.fact(What::Heard).facts;
        facts.extend(self.anchors(leg, section, &event.anchors));
        let key = SectionKey { recording: self.recording.clone(), leg, section };
        Ok(Incoming { facts, more: More::Pack(key, held) })
    }

    fn anchors(&self, leg: LegNo, section: SectionNo, anchors: &[wire::Anchor]) -> Option<Fact> {
        let anchors: Vec<_> = anchors.iter().map(anchor).collect();
        if anchors.is_empty() {
            return None;
        }
        self.fact(What::Anchored(Anchors { leg, section, anchors })).facts.pop()
    }
}

fn recording_of(event: &Event) -> &[u8] {
    match event {
        Event::SessionOpened(event) => &event.recording_id,
        Event::LegOpened(event) => &event.recording_id,
        Event::SpanSealed(event) => &event.recording_id,
        Event::BasisChanged(event) => &event.recording_id,
        Event::Paused(event) => &event.recording_id,
        Event::Resumed(event) => &event.recording_id,
        Event::MarkSet(event) => &event.recording_id,
        Event::Dropped(event) => &event.recording_id,
        Event::LegClosed(event) => &event.recording_id,
        Event::SessionClosed(event) => &event.recording_id,
        Event::NotePlaced(event) => &event.recording_id,
        Event::NotRecorded(event) => &event.recording_id,
    }
}

fn opened(event: wire::SessionOpened) -> Result<Opened, BadEvent> {
    // A call that was opened while consent was away says who is in it by a later opening: all of them or nobody.
    let are_known = event.parties.iter().all(|party| !party.subject_id.is_empty());
    let parties = event.parties.iter().filter(|_| are_known).map(|party| {
        Ok::<_, BadEvent>(Party { subject: SubjectId::from_slice(&party.subject_id)?, role: party.role })
    });
    let legs = event.legs.into_iter().map(|leg| {
        Ok::<_, BadEvent>(Leg {
            leg: leg_no(leg.leg)?,
            codec: code(leg.codec, "codec")?,
            clock_rate: leg.clock_rate,
            party: leg.party,
        })
    });
    let macs = event.correlation_hmacs.iter().map(|mac| hash(mac, "correlation"));
    Ok(Opened {
        session_epoch: SessionEpoch(event.session_epoch),
        started_at: Timestamp(event.started_at),
        direction: event.direction,
        language: code(event.language, "language")?,
        policy_hash: hash(&event.policy_hash, "policy hash")?,
        parties: parties.collect::<Result<_, _>>()?,
        legs: legs.collect::<Result<_, _>>()?,
        grants: event.grants,
        correlations: macs.collect::<Result<_, _>>()?,
    })
}

fn basis_change(change: &proto::common::v1::BasisChange) -> Result<BasisChange, BadEvent> {
    let kind = match Kind::try_from(change.kind) {
        Ok(Kind::Began) => ChangeKind::Began,
        Ok(Kind::Ended) => ChangeKind::Ended,
        Ok(Kind::Annulled) => ChangeKind::Annulled,
        Ok(Kind::Unspecified) | Err(_) => return Err(BadEvent::Field("change kind")),
    };
    let evidence = (!change.evidence.is_empty()).then(|| EventId::from_slice(&change.evidence));
    Ok(BasisChange {
        event: EventId::from_slice(&change.event_id)?,
        position: Position(change.position),
        purpose: PurposeName::new(change.purpose.as_str())?,
        basis: Basis::from_number(change.basis).ok_or(BadEvent::Field("basis"))?,
        kind,
        cause: Cause::from_str(&change.cause).map_err(|_| BadEvent::Field("cause"))?,
        evidence: evidence.transpose()?,
        derived_error_us: change.derived_error,
    })
}

fn dropped(event: &wire::Dropped) -> Result<Dropped, BadEvent> {
    if event.first > event.last || event.start > event.end {
        return Err(BadEvent::Field("dropped range"));
    }
    Ok(Dropped {
        leg: leg_no(event.leg)?,
        first: FrameNo(event.first),
        last: FrameNo(event.last),
        reason: DropReason::from_number(event.reason).ok_or(BadEvent::Field("drop reason"))?,
        start: Position(event.start),
        end: Position(event.end),
    })
}

fn leg_closed(event: &wire::LegClosed) -> Result<LegClosed, BadEvent> {
    let section = event.section.map(|section| {
        let root = hash(&event.span_root, "span root")?;
        Ok::<_, BadEvent>(ClosedSection { section: SectionNo(section), spans: event.spans, root })
    });
    Ok(LegClosed { leg: leg_no(event.leg)?, frames: event.frames, section: section.transpose()? })
}

fn anchor(anchor: &wire::Anchor) -> Anchor {
    Anchor {
        frame: FrameNo(anchor.frame),
        rtp_timestamp: anchor.rtp_timestamp,
        position: Position(anchor.position),
        ssrc: anchor.ssrc,
    }
}

fn kind(number: u32) -> Result<SectionKind, BadEvent> {
    match SectionKind::from_number(number) {
        Some(kind @ (SectionKind::Audio | SectionKind::Meta)) => Ok(kind),
        Some(SectionKind::Subject) | None => Err(BadEvent::Field("section kind")),
    }
}

fn leg_no(number: u32) -> Result<LegNo, BadEvent> {
    u16::try_from(number).map(LegNo).map_err(|_| BadEvent::Field("leg"))
}

fn hash(bytes: &[u8], field: &'static str) -> Result<Hash, BadEvent> {
    Hash::from_slice(bytes).ok_or(BadEvent::Field(field))
}

fn code(text: String, field: &'static str) -> Result<String, BadEvent> {
    if text.len() > MAX_CODE { Err(BadEvent::Field(field)) } else { Ok(text) }
}
