//! Placed frames become runs: neighbours with one verdict, no longer than a span may be.
//!
//! Verdicts are taken anew whenever they may have changed, so a pause that comes late finds every frame that
//! is still in memory, and a span never spans a change.

use std::collections::VecDeque;

use kernel::{FrameNo, Interval, Position};
use seal::Frame;
use seal::frame::{MAX_FRAMES, MAX_SPAN_PAYLOAD};

use crate::anchor::Anchor;
use crate::leg::{Closing, Cut, Dropped, Output};
use crate::verdict::{DropReason, Verdict, Verdicts};

/// Longest drop that one record tells of, in microseconds: drops are logged once a second of audio.
const MAX_DROP: u64 = 1_000_000;

/// A stretch of one leg whose end is known.
#[derive(Debug)]
pub(crate) struct Piece {
    start: Position,
    end: Position,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Frame { frame: Frame, anchor: Option<Anchor> },
    Missing { first: FrameNo, last: FrameNo },
}

impl Piece {
    pub(crate) fn frame(frame: Frame, end: Position, anchor: Option<Anchor>) -> Self {
        Self { start: frame.position, end, content: Content::Frame { frame, anchor } }
    }

    /// Frames that never came lie, as far as anybody knows, between two that did.
    pub(crate) fn missing(first: FrameNo, last: FrameNo, at: Position) -> Self {
        Self { start: at, end: at, content: Content::Missing { first, last } }
    }

    fn numbers(&self) -> (FrameNo, FrameNo) {
        match &self.content {
            Content::Frame { frame, .. } => (frame.number, frame.number),
            Content::Missing { first, last } => (*first, *last),
        }
    }

    fn size(&self) -> usize {
        match &self.content {
            Content::Frame { frame, .. } => frame.payload.len(),
            Content::Missing { .. } => 0,
        }
    }

    fn verdict(&self, verdicts: &Verdicts) -> Verdict {
        match &self.content {
            Content::Frame { .. } => verdicts.over(self.interval()),
            Content::Missing { .. } => Verdict::Drop(DropReason::Sender),
        }
    }

    /// A frame that shares its timestamp with the next one counts as a microsecond, so that it lies somewhere.
    fn interval(&self) -> Interval {
        stretch(self.start, self.end)
    }
}

fn stretch(start: Position, end: Position) -> Interval {
    Interval::new(start, end.max(start.plus(1))).expect("a leg's positions are bounded far below their end")
}

/// The run at the front of the pieces, as far as it was looked at.
#[derive(Debug, Clone, Copy)]
struct Run {
    verdict: Verdict,
    start: Position,
    pieces: usize,
    bytes: usize,
    /// Whether the next piece does not belong to it.
    ended: bool,
}

#[derive(Debug)]
pub(crate) struct Assembly {
    span: u64,
    hold_back: u64,
    pieces: VecDeque<Piece>,
    run: Option<Run>,
    generation: u64,
    in_force: Option<Anchor>,
    unreported: Vec<Anchor>,
    stored_until: Option<Position>,
}

impl Assembly {
    pub(crate) fn new(span: u64, hold_back: u64, in_force: Option<Anchor>) -> Self {
        Self {
            span,
            hold_back,
            pieces: VecDeque::new(),
            run: None,
            generation: 0,
            in_force,
            unreported: Vec::new(),
            stored_until: None,
        }
    }

    pub(crate) fn push(&mut self, piece: Piece) {
        self.pieces.push_back(piece);
    }
    pub(crate) fn len(&self) -> usize {
        self.pieces.len()
    }
    pub(crate) fn stored_until(&self) -> Option<Position> {
        self.stored_until
    }

    pub(crate) fn cut(&mut self, verdicts: &Verdicts, newest: Position, closing: Closing) -> Vec<Output> {
        if self.generation != verdicts.generation() {
            self.generation = verdicts.generation();
            self.run = None;
        }
        let mut outputs = Vec::new();
        while let Some(run) = self.look(verdicts) {
            let is_due = run.ended || closing != Closing::Due;
            if !is_due || (closing != Closing::Final && self.is_held_back(run, newest)) {
                break;
            }
            self.run = None;
            outputs.push(self.take(run));
        }
        outputs
    }

    /// Extends the run at the front as far as the pieces go.
    fn look(&mut self, verdicts: &Verdicts) -> Option<Run> {
        let first = self.pieces.front()?;
        let mut run = self.run.unwrap_or_else(|| Run {
            verdict: first.verdict(verdicts),
            start: first.start,
            pieces: 1,
            bytes: first.size(),
            ended: false,
        });
        while !run.ended && run.pieces < self.pieces.len() {
            let next = &self.pieces[run.pieces];
            if self.belongs(&run, next, verdicts) {
                run.pieces += 1;
                run.bytes += next.size();
            } else {
                run.ended = true;
            }
        }
        self.run = Some(run);
        Some(run)
    }

    fn belongs(&self, run: &Run, next: &Piece, verdicts: &Verdicts) -> bool {
        let longest = match run.verdict {
            Verdict::Keep(_) => self.span,
            Verdict::Drop(_) => MAX_DROP,
        };
        next.verdict(verdicts) == run.verdict
            && next.start.0.saturating_sub(run.start.0) < longest
            && run.bytes + next.size() <= MAX_SPAN_PAYLOAD
            && run.pieces < MAX_FRAMES
    }

    fn is_held_back(&self, run: Run, newest: Position) -> bool {
        let end = self.pieces.get(run.pieces - 1).map_or(Position::ZERO, |piece| piece.end);
        self.hold_back > 0 && end.plus(self.hold_back) > newest
    }

    fn take(&mut self, run: Run) -> Output {
        let pieces: Vec<_> = self.pieces.drain(..run.pieces).collect();
        let (first, last) = (pieces[0].numbers().0, pieces[pieces.len() - 1].numbers().1);
        let start = pieces[0].start;
        let end = pieces.iter().map(|piece| piece.end).fold(start, Position::max);
        match run.verdict {
            Verdict::Drop(reason) => {
                pieces.into_iter().for_each(|piece| self.note(&piece));
                Output::Dropped(Dropped { first, last, reason, start, end })
            }
            Verdict::Keep(purposes) => {
                self.stored_until = Some(end);
                self.note(&pieces[0]);
                let in_force = self.in_force.unwrap_or(Anchor {
                    rtp_timestamp: 0,
                    position: start,
                    ssrc: 0,
                    frame: first,
                });
                pieces[1..].iter().for_each(|piece| self.note(piece));
                let interval = stretch(start, end);
                let frames = pieces.into_iter().filter_map(Piece::into_frame).collect();
                let anchors = std::mem::take(&mut self.unreported);
                Output::Span(Cut { interval, purposes, frames, in_force, anchors })
            }
        }
    }

    fn note(&mut self, piece: &Piece) {
        if let Content::Frame { anchor: Some(anchor), .. } = &piece.content {
            self.in_force = Some(*anchor);
            self.unreported.push(*anchor);
        }
    }
}

impl Piece {
    fn into_frame(self) -> Option<Frame> {
        match self.content {
            Content::Frame { frame, .. } => Some(frame),
            Content::Missing { .. } => None,
        }
    }
}
