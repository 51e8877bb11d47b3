//! One leg: frames come in, whole spans and drops go out. Pure: no I/O, no clock, no keys.
//!
//! [`Leg::offer`] takes frames in any order within a bounded window ([`reorder`]), sorts out duplicates and
//! places each on the timeline, one behind: a frame ends where the next one begins. [`Leg::cut`] then groups
//! what is placed into runs with one verdict ([`assembly`]): a run to keep is a span, any other a drop.

pub(crate) mod assembly;
pub(crate) mod reorder;

use kernel::{FrameNo, Interval, LegNo, Position};
use seal::{Codec, Frame};

use crate::anchor::{Anchor, Spoken, Track};
use crate::error::BadInput;
use crate::leg::assembly::{Assembly, Piece};
use crate::leg::reorder::{Arrival, MAX_AHEAD, Reorder};
use crate::verdict::{DropReason, Purposes, Verdicts};

/// What a leg carries, from `Open`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LegSpec {
    /// Its number.
    pub leg: LegNo,
    /// How its payload is coded.
    pub codec: Codec,
    /// RTP clock rate in Hz.
    pub rate: u32,
    /// Whose audio it is: a place in the call's parties.
    pub party: u32,
}

/// The bounds that a leg keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LegLimits {
    /// Longest span, in microseconds.
    pub span: u64,
    /// How long a frame stays in memory after its end, in microseconds, so that a late pause finds it.
    pub hold_back: u64,
    /// Most frames that wait for a missing one.
    pub reorder_frames: usize,
    /// Longest wait for a missing one, in microseconds of capture time.
    pub reorder: u64,
    /// Most frames in a second of audio.
    pub frames_per_second: u32,
    /// Last position that a frame may begin at.
    pub length: u64,
}

/// A frame as the sender gave it, its values within bounds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Incoming {
    /// The packet and its facts; `position` is not yet known.
    pub frame: Frame,
    /// The RTP source.
    pub ssrc: u32,
    /// Capture time on the sender's clock, as a position.
    pub captured: Position,
    /// When it came in by the recorder's clock, in microseconds since the call's start.
    pub arrived: i64,
}

/// What a leg gives out, in order of frames.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Frames to seal as one span.
    Span(Cut),
    /// Frames that are never stored.
    Dropped(Dropped),
}

/// A whole span.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cut {
    /// Where it begins and ends.
    pub interval: Interval,
    /// The purposes that have their basis over all of it.
    pub purposes: Purposes,
    /// Its frames; never empty.
    pub frames: Vec<Frame>,
    /// The anchor that its first frame goes by.
    pub in_force: Anchor,
    /// Anchors set since the last span.
    pub anchors: Vec<Anchor>,
}

/// Frames `first` to `last` that are not stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dropped {
    /// The first.
    pub first: FrameNo,
    /// The last, included.
    pub last: FrameNo,
    /// Why.
    pub reason: DropReason,
    /// Where they begin.
    pub start: Position,
    /// Where they end.
    pub end: Position,
}

impl Output {
    /// The frame after its last one.
    pub fn next_frame(&self) -> FrameNo {
        let last = match self {
            Self::Span(cut) => cut.frames.last().map_or(FrameNo(0), |frame| frame.number),
            Self::Dropped(dropped) => dropped.last,
        };
        FrameNo(last.0.saturating_add(1))
    }
}

/// What was counted on a leg.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Frames that came a second time with the same contents.
    pub duplicates: u64,
    /// Frames that came a second time with other contents: an incident.
    pub conflicts: u64,
    /// Frames that came after their number was given up.
    pub late: u64,
}

/// Whether anything may be cut short.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Closing {
    /// Only what is due.
    Due,
    /// Also the last run, short as it is; frames still held back stay.
    Early,
    /// Everything: nothing comes after.
    Final,
}

/// One leg in memory.
#[derive(Debug)]
pub struct Leg {
    spec: LegSpec,
    limits: LegLimits,
    reorder: Reorder,
    track: Track,
    held: Option<Held>,
    assembly: Assembly,
    pace: Pace,
    /// Length of the last frame whose end was seen, for a codec of unknown frame length.
    delta: Option<u64>,
    first_position: Option<Position>,
    end: Position,
}

/// The newest frame, whose end is not known yet.
#[derive(Debug)]
struct Held {
    frame: Frame,
    anchor: Option<Anchor>,
}

/// Frames per second of audio.
#[derive(Debug, Default)]
struct Pace {
    second: u64,
    frames: u32,
}

/// Length of a frame of unknown codec that has no predecessor: what most telephony uses.
const USUAL_FRAME: u64 = 20_000;

impl Leg {
    /// A leg whose next frame is `next`, or the first to come where that is not known, and whose anchor in
    /// force is `anchor`.
    pub fn new(spec: LegSpec, limits: LegLimits, next: Option<FrameNo>, anchor: Option<Anchor>) -> Self {
        let track = Track::new(spec.rate, anchor);
        let reorder = Reorder::new(next, limits.reorder_frames, limits.reorder);
        let assembly = Assembly::new(limits.span, limits.hold_back, anchor);
        let (pace, end) = (Pace::default(), Position::ZERO);
        Self {
            spec,
            limits,
            reorder,
            track,
            held: None,
            assembly,
            pace,
            delta: None,
            first_position: None,
            end,
        }
    }

    /// What it carries.
    pub fn spec(&self) -> &LegSpec {
        &self.spec
    }

    /// Takes the frames of one message. An error says which bound was passed; frames before it were taken.
    pub fn offer(&mut self, frames: Vec<Incoming>) -> Result<(), BadInput> {
        for frame in frames {
            self.reorder.insert(frame)?;
        }
        self.reorder.settle();
        self.release()
    }

    /// The verdicts that are due, as spans and drops in order of frames.
    pub fn cut(&mut self, verdicts: &Verdicts, closing: Closing) -> Vec<Output> {
        let newest = self.held.as_ref().map_or(self.end, |held| held.frame.position);
        self.assembly.cut(verdicts, newest, closing)
    }

    /// Ends the leg: the sender numbered `frames`. Numbers that never came are drops of the sender's.
    pub fn finish(&mut self, frames: FrameNo, verdicts: &Verdicts) -> Result<Vec<Output>, BadInput> {
        let seen = self.reorder.newest_next();
        if frames < seen {
            return Err(BadInput::FewerFrames { leg: self.spec.leg, stated: frames, seen });
        }
        let bound = seen.0.saturating_add(MAX_AHEAD);
        if self.reorder.next().is_some() && frames.0 > bound {
            return Err(BadInput::TooFarAhead { frame: frames, next: seen, bound: MAX_AHEAD });
        }
        self.reorder.finish(frames);
        self.release()?;
        self.settle_held(None);
        Ok(self.cut(verdicts, Closing::Final))
    }

    /// The frame after the newest one that was given out or is in memory.
    pub fn next_frame(&self) -> Option<FrameNo> {
        self.reorder.next()
    }
    /// Frames in memory, those that wait for a missing one included.
    pub fn in_memory(&self) -> usize {
        self.reorder.len() + usize::from(self.held.is_some()) + self.assembly.len()
    }
    /// Where the newest placed frame begins, or the last one ended.
    pub fn newest(&self) -> Position {
        self.held.as_ref().map_or(self.end, |held| held.frame.position)
    }
    /// Where the last placed frame ends, as far as is known.
    pub fn end(&self) -> Position {
        self.end.max(self.newest())
    }
    /// Where the last span that was given out ends.
    pub fn stored_until(&self) -> Option<Position> {
        self.assembly.stored_until()
    }
    /// Where the first frame of this stream begins.
    pub fn first_position(&self) -> Option<Position> {
        self.first_position
    }
    /// The anchor in force.
    pub fn anchor(&self) -> Option<Anchor> {
        self.track.anchor()
    }
    /// The number after the highest that was seen, or was stated where the leg began.
    pub fn numbered(&self) -> FrameNo {
        self.reorder.newest_next()
    }
    /// The distance seen between RTP time and capture time, in microseconds.
    pub fn drift(&self) -> u64 {
        self.track.drift()
    }
    /// Duplicates and the like.
    pub fn counts(&self) -> Counts {
        self.reorder.counts()
    }

    fn release(&mut self) -> Result<(), BadInput> {
        while let Some(arrival) = self.reorder.pop() {
            match arrival {
                Arrival::Frame(incoming) => self.place(incoming)?,
                Arrival::Missing { first, last } => self.miss(first, last),
            }
        }
        Ok(())
    }

    fn place(&mut self, incoming: Incoming) -> Result<(), BadInput> {
        let Incoming { mut frame, ssrc, captured, arrived } = incoming;
        let leg = self.spec.leg;
        let spoken = Spoken { frame: frame.number, rtp_timestamp: frame.rtp_timestamp, ssrc, captured };
        let placing = self.track.place(spoken).map_err(|back| BadInput::Backwards {
            leg,
            frame: frame.number,
            position: back.position,
            previous: back.previous,
        })?;
        if placing.position.0 > self.limits.length {
            return Err(BadInput::TooLong { leg, position: placing.position, bound: self.limits.length });
        }
        self.pace.count(leg, placing.position, self.limits.frames_per_second)?;
        frame.position = placing.position;
        frame.arrival_offset = arrived.wrapping_sub(placing.position.0 as i64);
        self.first_position.get_or_insert(placing.position);
        self.settle_held(Some((&frame, placing.anchor.is_some())));
        self.held = Some(Held { frame, anchor: placing.anchor });
        Ok(())
    }

    /// Gives the held frame its end: where its successor begins or, without one or before a new anchor, its
    /// nominal length, but never past the next frame.
    fn settle_held(&mut self, next: Option<(&Frame, bool)>) {
        let Some(Held { frame, anchor }) = self.held.take() else { return };
        let start = frame.position;
        let nominal = start.plus(self.nominal(&frame));
        let end = match next {
            Some((next, false)) if next.number.0 == frame.number.0 + 1 => {
                self.delta = Some(next.position.0 - start.0);
                next.position
            }
            Some((next, _)) => nominal.min(next.position),
            None => nominal,
        };
        self.end = end;
        self.assembly.push(Piece::frame(frame, end, anchor));
    }

    fn nominal(&self, frame: &Frame) -> u64 {
        let samples = match self.spec.codec {
            Codec::Pcma | Codec::Pcmu => frame.payload.len() as u64,
            Codec::L16 => frame.payload.len() as u64 / 2,
            Codec::Document | Codec::Opaque(_) => return self.delta.unwrap_or(USUAL_FRAME),
        };
        samples * 1_000_000 / u64::from(self.spec.rate.max(1))
    }

    fn miss(&mut self, first: FrameNo, last: FrameNo) {
        self.settle_held(None);
        self.assembly.push(Piece::missing(first, last, self.end));
    }
}

impl Pace {
    fn count(&mut self, leg: LegNo, at: Position, bound: u32) -> Result<(), BadInput> {
        let second = at.0 / 1_000_000;
        if second != self.second {
            *self = Self { second, frames: 0 };
        }
        self.frames += 1;
        if self.frames > bound { Err(BadInput::TooFast { leg, second, bound }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
