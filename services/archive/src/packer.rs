//! Which spans share an object, and when it is flushed. Pure: containers in, packs out.
//!
//! A pack holds consecutive spans of one section and one lock class. It is closed when the next span does not
//! continue it, when it is full, when its section has been idle, when its recording closes, or when all packs
//! together pass the buffer's bound (the largest goes first). A closed pack stays here until it is stored, so
//! that the lowest offset tells how far the log may be forgotten.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use kernel::{RegimeName, SpanNo, Timestamp};
use seal::Hash;
use seal::object::MAX_SPANS;

use crate::fact::{RecordingKey, SectionKey};

/// A sealed span that waits for its object.
#[derive(Clone, PartialEq, Eq)]
pub struct Held {
    /// Its number.
    pub span: SpanNo,
    /// Its ciphertext root.
    pub ct_root: Hash,
    /// Its lock class.
    pub regimes: Vec<RegimeName>,
    /// Its bytes.
    pub container: Bytes,
    /// Where its record stands in its partition.
    pub offset: u64,
}

/// Spans that become one object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pack {
    /// Of which section.
    pub section: SectionKey,
    /// Of which lock class.
    pub regimes: Vec<RegimeName>,
    /// In order, without a gap, never empty.
    pub spans: Vec<Held>,
    last_at: Timestamp,
    bytes: usize,
}

/// What became of a span that was offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Offered {
    /// It is held.
    Held,
    /// It was held already, with the same bytes.
    Same,
    /// It was held already, with other bytes: an incident.
    Differs,
}

/// What bounds packs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of containers of one object.
    pub object_bytes: usize,
    /// Bytes of all containers held.
    pub buffer_bytes: usize,
    /// Time without a span of its section after which a pack is closed.
    pub idle: Duration,
}

/// The packs of one partition.
#[derive(Debug)]
pub struct Packer {
    limits: Limits,
    open: BTreeMap<SectionKey, Pack>,
    ready: VecDeque<Pack>,
    bytes: usize,
    open_bytes: usize,
}

impl Packer {
    /// Without packs.
    pub fn new(limits: Limits) -> Self {
        Self { limits, open: BTreeMap::new(), ready: VecDeque::new(), bytes: 0, open_bytes: 0 }
    }

    /// Takes a span.
    pub fn offer(&mut self, section: &SectionKey, held: Held, now: Timestamp) -> Offered {
        if let Some(known) = self.find(section, held.span) {
            let same = known.ct_root == held.ct_root;
            return if same { Offered::Same } else { Offered::Differs };
        }
        let length = held.container.len();
        self.bytes += length;
        match self.open.get_mut(section) {
            Some(pack) if pack.takes(&held, &self.limits) => {
                pack.push(held, now);
                self.open_bytes += length;
            }
            Some(_) | None => {
                self.close(section);
                self.open_bytes += length;
                self.open.insert(section.clone(), Pack::new(section.clone(), held, now));
            }
        }
        if self.open.get(section).is_some_and(|pack| pack.bytes >= self.limits.object_bytes) {
            self.close(section);
        }
        self.shed();
        Offered::Held
    }

    /// Closes the packs of a recording.
    pub fn close_recording(&mut self, recording: &RecordingKey) {
        let sections: Vec<_> =
            self.open.keys().filter(|section| section.recording == *recording).cloned().collect();
        sections.iter().for_each(|section| self.close(section));
    }

    /// Closes the packs whose section has been idle.
    pub fn close_idle(&mut self, now: Timestamp) {
        let is_idle = |pack: &Pack| now.since(pack.last_at) >= self.limits.idle;
        let sections: Vec<_> =
            self.open.iter().filter(|(_, pack)| is_idle(pack)).map(|(section, _)| section.clone()).collect();
        sections.iter().for_each(|section| self.close(section));
    }

    /// The pack to be stored next.
    pub fn ready(&self) -> Option<&Pack> {
        self.ready.front()
    }

    /// Forgets the pack that [`Packer::ready`] gave: it is stored.
    pub fn stored(&mut self) {
        if let Some(pack) = self.ready.pop_front() {
            self.bytes -= pack.bytes;
        }
    }

    /// The lowest offset of any span held: the log must be kept from there.
    pub fn lowest_offset(&self) -> Option<u64> {
        // A section's spans come in order, so a pack's first span has its lowest offset.
        self.open
            .values()
            .chain(&self.ready)
            .filter_map(|pack| pack.spans.first())
            .map(|held| held.offset)
            .min()
    }

    /// Bytes of containers held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn find(&self, section: &SectionKey, span: SpanNo) -> Option<&Held> {
        let ready = self.ready.iter().filter(|pack| pack.section == *section);
        self.open.get(section).into_iter().chain(ready).find_map(|pack| pack.span(span))
    }

    fn close(&mut self, section: &SectionKey) {
        let Some(pack) = self.open.remove(section) else { return };
        self.open_bytes -= pack.bytes;
        self.ready.push_back(pack);
    }

    /// Closes the largest packs until what stays open fits the buffer.
    fn shed(&mut self) {
        while self.open_bytes > self.limits.buffer_bytes {
            let largest = self.open.values().max_by_key(|pack| pack.bytes);
            let Some(section) = largest.map(|pack| pack.section.clone()) else { return };
            self.close(&section);
        }
    }
}

impl Pack {
    fn new(section: SectionKey, held: Held, now: Timestamp) -> Self {
        let (regimes, bytes) = (held.regimes.clone(), held.container.len());
        Self { section, regimes, spans: vec![held], last_at: now, bytes }
    }

    fn takes(&self, held: &Held, limits: &Limits) -> bool {
        self.regimes == held.regimes
            && self.spans.last().and_then(|last| last.span.next()) == Some(held.span)
            && self.spans.len() < MAX_SPANS
            && self.bytes + held.container.len() <= limits.object_bytes
    }

    fn push(&mut self, held: Held, now: Timestamp) {
        self.bytes += held.container.len();
        self.last_at = self.last_at.max(now);
        self.spans.push(held);
    }

    /// Its span of this number.
    pub fn span(&self, span: SpanNo) -> Option<&Held> {
        let first = self.spans.first()?.span.0;
        self.spans.get(span.0.checked_sub(first)? as usize)
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Held({} at {}, {} bytes)", self.span, self.offset, self.container.len())
    }
}

#[cfg(test)]
mod tests;
