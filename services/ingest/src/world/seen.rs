//! What a reader with all keys finds in the log of a recording.

use std::collections::{BTreeMap, HashSet};

use eventlog::{EventLog, ReadLimit, from_record};
use kernel::topics::AUDIO;
use kernel::{KeyEpoch, LegNo, RecordingId, SectionNo};
use prost::Message;
use proto::ingest::v1 as wire;
use proto::ingest::v1::audio_event::Event;
use seal::hpke::open_leg_key;
use seal::{Hash, HpkeSealed, LegKey, LegKeyInfo, RootBuilder, SectionAddress, SpanHeader, SpanView};

use super::{FakeCrypto, TestLog, tenant};

#[derive(Default)]
pub(crate) struct Seen {
    /// Everything, in order.
    pub(crate) events: Vec<Event>,
    /// Per leg and number, the payload; the latest span wins.
    pub(crate) stored: BTreeMap<(u32, u64), Vec<u8>>,
    /// Per leg and number, why it is not stored.
    pub(crate) dropped: BTreeMap<(u32, u64), wire::DropReason>,
    /// Headers of spans, in order.
    pub(crate) headers: Vec<SpanHeader>,
    pub(crate) metadata: Vec<Vec<u8>>,
    roots: BTreeMap<(u32, u32), (u32, RootBuilder)>,
    keys: BTreeMap<(u32, u32), LegKey>,
}

impl Seen {
    pub(crate) async fn read(log: &TestLog, crypto: &FakeCrypto, recording: RecordingId) -> Self {
        let (mut seen, mut ids) = (Self::default(), HashSet::new());
        for partition in 0..AUDIO.partitions {
            let limit = ReadLimit { records: usize::MAX, bytes: usize::MAX };
            for stored in log.read(&AUDIO, partition, 0, limit).await.unwrap() {
                let envelope = from_record(&stored).unwrap();
                // As every consumer does, it drops what it has seen.
                if envelope.aggregate == recording.to_string() && ids.insert(envelope.id) {
                    assert_eq!(envelope.tenant, tenant());
                    let event = wire::AudioEvent::decode(envelope.payload.as_slice()).unwrap().event.unwrap();
                    assert_eq!(envelope.kind, crate::kind(&event));
                    seen.take(event, crypto, recording);
                }
            }
        }
        seen
    }

    /// The numbers stored of a leg.
    pub(crate) fn numbers(&self, leg: u32) -> Vec<u64> {
        self.stored.keys().filter(|(own, _)| *own == leg).map(|(_, number)| *number).collect()
    }

    pub(crate) fn dropped_as(&self, leg: u32, reason: wire::DropReason) -> Vec<u64> {
        let dropped = self.dropped.iter().filter(|((own, _), why)| *own == leg && **why == reason);
        dropped.map(|((_, number), _)| *number).collect()
    }

    pub(crate) fn count(&self, is: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| is(event)).count()
    }

    pub(crate) fn changes(&self) -> Vec<(String, i32, u64)> {
        let changes = self.events.iter().filter_map(|event| match event {
            Event::BasisChanged(changed) => changed.change.clone(),
            _ => None,
        });
        changes.map(|change| (change.purpose, change.kind, change.position)).collect()
    }

    fn take(&mut self, event: Event, crypto: &FakeCrypto, recording: RecordingId) {
        match &event {
            Event::LegOpened(opened) => self.open(opened, crypto, recording),
            Event::SpanSealed(span) => self.span(span),
            Event::Dropped(dropped) => {
                for number in dropped.first..=dropped.last {
                    let reason = wire::DropReason::try_from(dropped.reason).unwrap();
                    self.dropped.insert((dropped.leg, number), reason);
                }
            }
            Event::LegClosed(closed) => {
                if let Some(section) = closed.section {
                    let (spans, root) = &self.roots[&(closed.leg, section)];
                    assert_eq!(closed.spans, *spans);
                    assert_eq!(Hash::from_slice(&closed.span_root), Some(root.root()));
                }
            }
            _ => {}
        }
        self.events.push(event);
    }

    fn open(&mut self, opened: &wire::LegOpened, crypto: &FakeCrypto, recording: RecordingId) {
        let epoch = KeyEpoch(opened.key_epoch);
        let leg = LegNo(u16::try_from(opened.leg).unwrap());
        let section = SectionAddress { recording, leg, section: SectionNo(opened.section) };
        let info = LegKeyInfo { tenant: tenant(), section, epoch };
        let enc = opened.hpke_enc.as_ref().try_into().unwrap();
        let sealed = HpkeSealed { enc, ciphertext: opened.hpke_ciphertext.to_vec() };
        let key = open_leg_key(&crypto.secret(epoch), &info, &sealed).unwrap();
        let earlier = self.keys.insert((opened.leg, opened.section), key);
        assert!(earlier.is_none(), "a section number came twice");
        self.roots.insert((opened.leg, opened.section), (0, RootBuilder::new()));
    }

    fn span(&mut self, span: &wire::SpanSealed) {
        // Its section came before it.
        let key = self.keys[&(span.leg, span.section)].span_key(kernel::SpanNo(span.span)).unwrap();
        let view = SpanView::parse(&span.container).unwrap();
        let (next, root) = self.roots.get_mut(&(span.leg, span.section)).unwrap();
        assert_eq!((view.header.span.0, span.span), (*next, *next));
        *next += 1;
        root.push(&[view.ct_root().as_bytes()]);
        if view.header.leg == crate::store::META_LEG {
            self.metadata.push(view.open(&key).unwrap().bytes().to_vec());
        } else {
            for frame in view.open_frames(&key).unwrap() {
                self.stored.insert((span.leg, frame.number.0), frame.payload.to_vec());
            }
        }
        self.headers.push(view.header);
    }
}
