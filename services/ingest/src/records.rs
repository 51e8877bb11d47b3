//! A recording's events as records of the audio topic: one envelope each, in order, keyed by the recording.

use std::sync::Arc;

use bytes::Bytes;
use eventlog::{Record, to_record};
use kernel::{Clock, Envelope, EventId, TraceParent};
use prost::Message;
use proto::ingest::v1::AudioEvent;
use proto::ingest::v1::audio_event::Event;

use crate::store::Fence;

/// What ingest's events name as their source.
pub const SOURCE: &str = "/verbale/ingest";

/// Numbers one stream's events. Versions rise over streams: the session epoch, then a count in it.
#[derive(Clone)]
pub(crate) struct Records {
    fence: Fence,
    clock: Arc<dyn Clock>,
    trace: Option<TraceParent>,
    next: u64,
}

/// Bits of a version that count events within a session epoch.
const COUNT_BITS: u32 = 36;
/// Where events begin that are logged beside a stream, after it has gone.
const BESIDE: u64 = 1 << (COUNT_BITS - 1);

impl Records {
    pub(crate) fn new(fence: Fence, clock: Arc<dyn Clock>, trace: Option<TraceParent>) -> Self {
        Self { fence, clock, trace, next: 0 }
    }

    /// For a session without a stream, after so many events.
    pub(crate) fn beside(
        fence: Fence,
        clock: Arc<dyn Clock>,
        trace: Option<TraceParent>,
        events: usize,
    ) -> Self {
        Self { next: BESIDE + ((events as u64) << 16), ..Self::new(fence, clock, trace) }
    }

    /// Leaves out versions that were used already.
    pub(crate) fn skip(&mut self, count: u64) {
        self.next += count;
    }

    pub(crate) fn record(&mut self, event: Event) -> Record {
        let kind = kind(&event).to_owned();
        let version = (self.fence.epoch.0 << COUNT_BITS) | self.next;
        self.next += 1;
        let envelope = Envelope {
            id: EventId::new(),
            kind,
            tenant: self.fence.key.tenant.clone(),
            aggregate: self.fence.key.recording.to_string(),
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
