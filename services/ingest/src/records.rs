//! A recording's events as records of the audio topic: one envelope each, in order, keyed by the recording.

use std::sync::Arc;

use bytes::Bytes;
use eventlog::{Record, to_record};
use kernel::{Clock, Envelope, EventId, TraceParent};
use prost::Message;
use proto::ingest::v1::AudioEvent;
use proto::ingest::v1::audio_event::Event;

use crate::store::{SessionKey, SessionRow};

/// What ingest's events name as their source.
pub const SOURCE: &str = "/verbale/ingest";

/// Numbers one stream's events. Versions rise over streams: which stream of the session it is, then a count.
#[derive(Clone)]
pub(crate) struct Records {
    key: SessionKey,
    clock: Arc<dyn Clock>,
    trace: Option<TraceParent>,
    next: u64,
}

/// Bits of a version that count events within a stream.
const COUNT_BITS: u32 = 40;
/// Where events begin that are logged beside a stream, after it has gone.
const BESIDE: u64 = 1 << (COUNT_BITS - 1);
/// Most versions that one act beside a stream may use.
const PER_ACT: u32 = 14;

impl Records {
    /// For the session's stream with this number, from 1.
    pub(crate) fn new(
        key: SessionKey,
        stream: u32,
        clock: Arc<dyn Clock>,
        trace: Option<TraceParent>,
    ) -> Self {
        Self { key, clock, trace, next: u64::from(stream) << COUNT_BITS }
    }

    /// For a session without a stream.
    pub(crate) fn beside(row: &SessionRow, clock: Arc<dyn Clock>) -> Self {
        let mut records = Self::new(row.fence.key.clone(), row.streams, clock, None);
        records.skip(BESIDE + ((row.events.len() as u64) << PER_ACT));
        records
    }

    /// Leaves out versions that were used already.
    pub(crate) fn skip(&mut self, count: u64) {
        self.next += count;
    }

    pub(crate) fn record(&mut self, event: Event) -> Record {
        let kind = kind(&event).to_owned();
        let version = self.next;
        self.next += 1;
        let envelope = Envelope {
            id: EventId::new(),
            kind,
            tenant: self.key.tenant.clone(),
            aggregate: self.key.recording.to_string(),
            version,
            at: self.clock.now(),
            trace: self.trace.clone(),
            payload: AudioEvent { event: Some(event) }.encode_to_vec(),
        };
        to_record(&envelope, SOURCE)
    }
}

/// `verbale.<noun>.<past participle>`, as CloudEvents has types.
pub fn kind(event: &Event) -> &'static str {
    match event {
        Event::SessionOpened(_) => "verbale.session.opened",
        Event::LegOpened(_) => "verbale.leg.opened",
        Event::SpanSealed(_) => "verbale.span.sealed",
        Event::BasisChanged(_) => "verbale.basis.changed",
        Event::Paused(_) => "verbale.recording.paused",
        Event::Resumed(_) => "verbale.recording.resumed",
        Event::MarkSet(_) => "verbale.mark.set",
        Event::Dropped(_) => "verbale.frames.dropped",
        Event::LegClosed(_) => "verbale.leg.closed",
        Event::SessionClosed(_) => "verbale.session.closed",
        Event::NotePlaced(_) => "verbale.note.placed",
        Event::NotRecorded(_) => "verbale.recording.refused",
    }
}

/// An id as the wire has it.
pub(crate) fn id(bytes: [u8; 16]) -> Bytes {
    Bytes::copy_from_slice(&bytes)
}
