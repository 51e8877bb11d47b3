//! Sections and spans: draws leg keys, seals them to the epoch key and spans under them.
//!
//! A section is opened lazily, at a leg's first span in this stream and when the epoch closes, under a number
//! claimed in the row first. A leg key is used by one stream only and never comes back.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use kernel::{FrameNo, InstanceId, KeyEpoch, LegNo, Position, RegimeName, SectionNo, SpanNo, Timestamp};
use proto::ingest::v1 as wire;
use proto::ingest::v1::audio_event::Event;
use seal::span::{seal_frames, seal_span};
use seal::tree::{KeysInOrder, SPANS};
use seal::{
    Codec, Hash, HpkeSealed, LegKey, LegKeyInfo, RootBuilder, SectionAddress, SectionKind, SpanHeader,
};

use crate::anchor::Anchor;
use crate::error::Error;
use crate::keys::{ActiveKey, Hold, Keys};
use crate::leg::{Cut, LegSpec};
use crate::records::id;
use crate::store::{Fence, META_LEG, Store};

/// What spans of one stream have in common.
#[derive(Clone)]
pub(crate) struct Seals {
    pub(crate) fence: Fence,
    pub(crate) writer: InstanceId,
    pub(crate) started_at: Timestamp,
    pub(crate) policy_hash: Hash,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keys: Arc<Keys>,
}

/// Seals one stream's spans.
pub(crate) struct Sealer {
    seals: Seals,
    legs: Vec<SealedLeg>,
    /// Of every epoch that anything of this stream was sealed to.
    holds: BTreeMap<KeyEpoch, Hold>,
}

struct SealedLeg {
    spec: LegSpec,
    open: Option<Section>,
    closed: Vec<ClosedSection>,
}

struct Section {
    number: SectionNo,
    epoch: ActiveKey,
    keys: KeysInOrder,
    next: SpanNo,
    root: RootBuilder,
}

#[derive(Clone, Copy)]
struct ClosedSection {
    number: SectionNo,
    spans: u32,
    root: Hash,
}

impl Sealer {
    pub(crate) fn new(seals: Seals, legs: Vec<LegSpec>) -> Self {
        let legs = legs.into_iter().map(|spec| SealedLeg { spec, open: None, closed: Vec::new() });
        Self { seals, legs: legs.collect(), holds: BTreeMap::new() }
    }

    /// What keeps the epochs from ending that anything of this stream was sealed to.
    pub(crate) fn holds(&self) -> Vec<Hold> {
        self.holds.values().cloned().collect()
    }

    /// A span's record, after its section's where it is the first.
    pub(crate) async fn span(
        &mut self,
        leg: LegNo,
        cut: &Cut,
        regimes: Vec<RegimeName>,
    ) -> Result<Vec<Event>, Error> {
        let key = self.seals.keys.active(&self.seals.fence.key.tenant).await;
        let seals = self.seals.clone();
        if let Ok(key) = &key {
            self.holds.entry(key.epoch).or_insert_with(|| key.hold.clone());
        }
        let sealed = self.leg(leg)?;
        // A key that cannot be renewed now does not stop a section that runs.
        let due = match (&sealed.open, &key) {
            (None, _) => true,
            (Some(open), Ok(key)) => open.epoch.epoch != key.epoch || open.next.0 >= SPANS,
            (Some(open), Err(_)) => open.next.0 >= SPANS,
        };
        let mut events = Vec::with_capacity(2);
        if due {
            let number = seals.store.claim_section(&seals.fence, leg, Some(cut.in_force)).await?;
            let (section, opened) = seals.section(leg, number, key?, SectionKind::Audio, &[cut.in_force])?;
            sealed.close_section();
            sealed.open = Some(section);
            events.push(opened);
        }
        let codec = sealed.spec.codec.clone();
        let rate = sealed.spec.rate;
        let section = sealed.open.as_mut().ok_or(seal::Error::Truncated("section"))?;
        let (first, last) = (cut.frames.first(), cut.frames.last());
        let header = SpanHeader {
            first_frame: first.map_or(FrameNo(0), |frame| frame.number),
            last_frame: last.map_or(FrameNo(0), |frame| frame.number),
            start: cut.interval.start(),
            end: cut.interval.end(),
            codec,
            rate,
            regimes,
            ..seals.header(leg, section, SectionKind::Audio)
        };
        let header = SpanHeader { started_wall: seals.wall(header.start), ..header };
        let span_key = section.keys.next().ok_or(seal::Error::NotCovered(section.next))?;
        let container = seal_frames(&span_key.1, &header, &cut.frames)?;
        section.root.push(&[container.ct_root.as_bytes()]);
        section.next = SpanNo(section.next.0 + 1);
        events.push(Event::SpanSealed(wire::SpanSealed {
            recording_id: id(seals.fence.key.recording.to_bytes()),
            leg: leg.0.into(),
            section: header.section.0,
            span: header.span.0,
            container: container.bytes.into(),
            anchors: cut.anchors.iter().map(wire_anchor).collect(),
        }));
        Ok(events)
    }

    /// The identifying metadata, as the only span of a section of its own.
    pub(crate) async fn meta(
        &mut self,
        document: &[u8],
        regimes: Vec<RegimeName>,
    ) -> Result<Vec<Event>, Error> {
        let seals = &self.seals;
        let key = seals.keys.active(&seals.fence.key.tenant).await?;
        self.holds.entry(key.epoch).or_insert_with(|| key.hold.clone());
        let number = seals.store.claim_section(&seals.fence, META_LEG, None).await?;
        let (mut section, opened) = seals.section(META_LEG, number, key, SectionKind::Meta, &[])?;
        let span_key = section.keys.next().ok_or(seal::Error::NotCovered(SpanNo(0)))?;
        let header = SpanHeader { regimes, ..seals.header(META_LEG, &section, SectionKind::Meta) };
        let container = seal_span(&span_key.1, &header, document)?;
        section.root.push(&[container.ct_root.as_bytes()]);
        let sealed = Event::SpanSealed(wire::SpanSealed {
            recording_id: id(seals.fence.key.recording.to_bytes()),
            leg: META_LEG.0.into(),
            section: number.0,
            span: 0,
            container: container.bytes.into(),
            anchors: Vec::new(),
        });
        Ok(vec![opened, sealed])
    }

    /// The leg's end: one record per section of this stream, at least one.
    pub(crate) fn close_leg(&mut self, leg: LegNo, frames: FrameNo) -> Result<Vec<Event>, Error> {
        let recording = self.seals.fence.key.recording;
        let sealed = self.leg(leg)?;
        sealed.close_section();
        let closed = |section: Option<ClosedSection>| {
            Event::LegClosed(wire::LegClosed {
                recording_id: id(recording.to_bytes()),
                leg: leg.0.into(),
                frames: frames.0,
                section: section.map(|s| s.number.0),
                spans: section.map_or(0, |s| s.spans),
                span_root: section.map(|s| Bytes::copy_from_slice(s.root.as_bytes())).unwrap_or_default(),
            })
        };
        if sealed.closed.is_empty() {
            return Ok(vec![closed(None)]);
        }
        Ok(sealed.closed.iter().map(|section| closed(Some(*section))).collect())
    }

    fn leg(&mut self, leg: LegNo) -> Result<&mut SealedLeg, Error> {
        let unknown = crate::error::BadInput::UnknownLeg(leg.0.into());
        Ok(self.legs.get_mut(usize::from(leg.0)).ok_or(unknown)?)
    }
}

impl SealedLeg {
    fn close_section(&mut self) {
        let open = self.open.take();
        self.closed.extend(open.map(|section| ClosedSection {
            number: section.number,
            spans: section.next.0,
            root: section.root.root(),
        }));
    }
}

impl Seals {
    fn section(
        &self,
        leg: LegNo,
        number: SectionNo,
        key: ActiveKey,
        kind: SectionKind,
        anchors: &[Anchor],
    ) -> Result<(Section, Event), Error> {
        let recording = self.fence.key.recording;
        let leg_key = LegKey::generate()?;
        let info = LegKeyInfo {
            tenant: self.fence.key.tenant.clone(),
            section: SectionAddress { recording, leg, section: number },
            epoch: key.epoch,
        };
        let HpkeSealed { enc, ciphertext } = seal::hpke::seal_leg_key(&key.public, &info, &leg_key)?;
        let opened = Event::LegOpened(wire::LegOpened {
            recording_id: id(recording.to_bytes()),
            leg: leg.0.into(),
            section: number.0,
            session_epoch: self.fence.epoch.0,
            key_epoch: key.epoch.0,
            writer: id(self.writer.to_bytes()),
            hpke_enc: Bytes::copy_from_slice(&enc),
            hpke_ciphertext: ciphertext.into(),
            kind: kind.number(),
            anchors: anchors.iter().map(wire_anchor).collect(),
        });
        let (keys, next, root) = (leg_key.keys(), SpanNo(0), RootBuilder::new());
        Ok((Section { number, epoch: key, keys, next, root }, opened))
    }

    /// A header for the section's next span; of a document, unless the caller says otherwise.
    fn header(&self, leg: LegNo, section: &Section, kind: SectionKind) -> SpanHeader {
        SpanHeader {
            tenant: self.fence.key.tenant.clone(),
            recording: self.fence.key.recording,
            leg,
            section: section.number,
            kind,
            span: section.next,
            session_epoch: self.fence.epoch,
            first_frame: FrameNo(0),
            last_frame: FrameNo(0),
            start: Position::ZERO,
            end: Position::ZERO,
            codec: Codec::Document,
            rate: 0,
            started_wall: self.started_at,
            writer: self.writer,
            key_epoch: section.epoch.epoch,
            policy_hash: self.policy_hash,
            regimes: Vec::new(),
        }
    }

    fn wall(&self, position: Position) -> Timestamp {
        let micros = i64::try_from(position.0).unwrap_or(i64::MAX);
        Timestamp(self.started_at.0.saturating_add(micros))
    }
}

fn wire_anchor(anchor: &Anchor) -> wire::Anchor {
    wire::Anchor {
        rtp_timestamp: anchor.rtp_timestamp,
        position: anchor.position.0,
        ssrc: anchor.ssrc,
        frame: anchor.frame.0,
    }
}
