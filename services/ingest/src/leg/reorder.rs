//! Frames in order of their numbers: a bounded window for those that come early, and a memory of those that
//! came already.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher, RandomState};

use kernel::FrameNo;

use crate::error::BadInput;
use crate::leg::{Counts, Incoming};

/// How far a frame's number may be ahead of the next one expected: half an hour of 20 ms frames.
pub(crate) const MAX_AHEAD: u64 = 100_000;
/// How many frames' digests are remembered to tell a duplicate from a conflict.
const REMEMBERED: usize = 1_024;

/// What comes next in order.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// The next frame.
    Frame(Incoming),
    /// Numbers that are waited for no longer; `last` is included.
    Missing { first: FrameNo, last: FrameNo },
}

#[derive(Debug)]
pub(crate) struct Reorder {
    /// The next number to release; `None` until a resumed leg's first message is in.
    next: Option<FrameNo>,
    /// Frames that came before their turn.
    early: BTreeMap<FrameNo, Incoming>,
    /// How many may wait.
    frames: usize,
    /// How long they may wait, by capture time.
    wait: u64,
    /// Set at the end: how many frames the sender numbered.
    total: Option<FrameNo>,
    released: VecDeque<u64>,
    hasher: RandomState,
    counts: Counts,
}

impl Reorder {
    pub(crate) fn new(next: Option<FrameNo>, frames: usize, wait: u64) -> Self {
        Self {
            next,
            early: BTreeMap::new(),
            frames,
            wait,
            total: None,
            released: VecDeque::new(),
            hasher: RandomState::new(),
            counts: Counts::default(),
        }
    }

    pub(crate) fn insert(&mut self, incoming: Incoming) -> Result<(), BadInput> {
        let number = incoming.frame.number;
        if let Some(next) = self.next {
            if number < next {
                self.count_again(next, &incoming);
                return Ok(());
            }
            if number.0 - next.0 > MAX_AHEAD {
                return Err(BadInput::TooFarAhead { frame: number, next, bound: MAX_AHEAD });
            }
        }
        if let Some(earlier) = self.early.get(&number) {
            if same(earlier, &incoming) {
                self.counts.duplicates += 1
            } else {
                self.counts.conflicts += 1
            }
            return Ok(());
        }
        self.early.insert(number, incoming);
        Ok(())
    }

    /// A resumed leg goes on at the lowest number of its first message.
    pub(crate) fn settle(&mut self) {
        if self.next.is_none() {
            self.next = self.early.keys().next().copied();
        }
    }

    /// No more frames come: what is missing stays missing.
    pub(crate) fn finish(&mut self, total: FrameNo) {
        self.total = Some(total);
        self.next.get_or_insert(total);
    }

    pub(crate) fn pop(&mut self) -> Option<Arrival> {
        let next = self.next?;
        let Some((&first, _)) = self.early.first_key_value() else { return self.missing_end(next) };
        if first > next {
            if self.total.is_none() && !self.waited_enough() {
                return None;
            }
            self.forget(first.0 - next.0);
            self.next = Some(first);
            return Some(Arrival::Missing { first: next, last: FrameNo(first.0 - 1) });
        }
        let (number, incoming) = self.early.pop_first()?;
        self.next = Some(FrameNo(number.0.saturating_add(1)));
        self.remember(&incoming);
        Some(Arrival::Frame(incoming))
    }

    pub(crate) fn next(&self) -> Option<FrameNo> {
        self.next
    }
    /// The number after the highest one seen.
    pub(crate) fn newest_next(&self) -> FrameNo {
        let early = self.early.keys().next_back().map(|number| FrameNo(number.0.saturating_add(1)));
        early.or(self.next).unwrap_or(FrameNo(0))
    }
    pub(crate) fn len(&self) -> usize {
        self.early.len()
    }
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    fn missing_end(&mut self, next: FrameNo) -> Option<Arrival> {
        let total = self.total.filter(|total| next < *total)?;
        self.next = Some(total);
        Some(Arrival::Missing { first: next, last: FrameNo(total.0 - 1) })
    }

    fn waited_enough(&self) -> bool {
        let captured = || self.early.values().map(|incoming| incoming.captured.0);
        let spread = captured().max().unwrap_or(0) - captured().min().unwrap_or(0);
        self.early.len() > self.frames || spread > self.wait
    }

    fn count_again(&mut self, next: FrameNo, incoming: &Incoming) {
        let back = next.0 - incoming.frame.number.0;
        let index = usize::try_from(back).ok().and_then(|back| self.released.len().checked_sub(back));
        match index.map(|index| self.released[index]) {
            Some(MISSED) => self.counts.late += 1,
            Some(digest) if digest != self.digest(incoming) => self.counts.conflicts += 1,
            // What is further back was taken long ago, in this session or by the sender's own word.
            Some(_) | None => self.counts.duplicates += 1,
        }
    }

    fn remember(&mut self, incoming: &Incoming) {
        if self.released.len() == REMEMBERED {
            self.released.pop_front();
        }
        self.released.push_back(self.digest(incoming));
    }

    fn forget(&mut self, missing: u64) {
        for _ in 0..missing.min(REMEMBERED as u64) {
            if self.released.len() == REMEMBERED {
                self.released.pop_front();
            }
            self.released.push_back(MISSED);
        }
    }

    fn digest(&self, incoming: &Incoming) -> u64 {
        let frame = &incoming.frame;
        let facts =
            (frame.rtp_timestamp, frame.rtp_sequence, incoming.ssrc, frame.marker, frame.payload_type);
        self.hasher.hash_one((facts, &frame.payload)).max(MISSED + 1)
    }
}

/// Stands for a number that was given up.
const MISSED: u64 = 0;

fn same(a: &Incoming, b: &Incoming) -> bool {
    let facts = |i: &Incoming| {
        (i.frame.rtp_timestamp, i.frame.rtp_sequence, i.ssrc, i.frame.marker, i.frame.payload_type)
    };
    facts(a) == facts(b) && a.frame.payload == b.frame.payload
}
