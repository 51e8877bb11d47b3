//! `Media` and `Close`: frames, and how many there were.

use kernel::{FrameNo, LegNo, Position, Timestamp};
use proto::ingest::v1 as wire;
use seal::Frame;

use super::{MAX_LEGS, MAX_MESSAGE_FRAMES, MAX_PAYLOAD, at_most, code};
use crate::error::BadInput;
use crate::leg::Incoming;

/// How a call ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CloseCall {
    /// A code.
    pub cause: String,
    /// Per leg named, how many frames the sender numbered.
    pub legs: Vec<(LegNo, FrameNo)>,
}

/// Checks the frames of a message for a call with so many legs. `elapsed` is how long ago the call began by the
/// recorder's clock, in microseconds.
pub fn frames(media: wire::Media, legs: usize, elapsed: i64) -> Result<(LegNo, Vec<Incoming>), BadInput> {
    let leg = leg_of(media.leg, legs)?;
    at_most("number of media.frames", media.frames.len(), MAX_MESSAGE_FRAMES)?;
    let frames = media.frames.into_iter().map(|frame| incoming(frame, elapsed));
    Ok((leg, frames.collect::<Result<_, _>>()?))
}

/// Checks a `Close` for a call with so many legs.
pub fn close(close: wire::Close, legs: usize) -> Result<CloseCall, BadInput> {
    let problem = "must be a code of 1 to 32 of the characters a-z 0-9 -";
    let cause = code(&close.cause).ok_or(BadInput::Value { place: "close.cause", problem })?.to_owned();
    at_most("number of close.legs", close.legs.len(), MAX_LEGS)?;
    let ends = close.legs.iter().map(|end| Ok((leg_of(end.leg, legs)?, FrameNo(end.frames))));
    Ok(CloseCall { cause, legs: ends.collect::<Result<_, BadInput>>()? })
}

/// How long ago a call began.
pub(crate) fn elapsed(now: Timestamp, started_at: Timestamp) -> i64 {
    now.0.saturating_sub(started_at.0)
}

fn leg_of(number: u32, legs: usize) -> Result<LegNo, BadInput> {
    let known = u16::try_from(number).ok().filter(|leg| usize::from(*leg) < legs);
    known.map(LegNo).ok_or(BadInput::UnknownLeg(number))
}

fn incoming(frame: wire::Frame, elapsed: i64) -> Result<Incoming, BadInput> {
    at_most("size of frame.payload", frame.payload.len(), MAX_PAYLOAD)?;
    let narrow = |place, value: u32, bound: u32| at_most(place, value as usize, bound as usize);
    narrow("frame.rtp_sequence", frame.rtp_sequence, u16::MAX.into())?;
    narrow("frame.payload_type", frame.payload_type, 127)?;
    // A number, position or time near the end of its range could not be counted on from.
    for (place, found) in [("frame.number", frame.number), ("frame.captured", frame.captured)] {
        if found > i64::MAX as u64 / 2 {
            return Err(BadInput::Bound { place, found, bound: i64::MAX as u64 / 2 });
        }
    }
    Ok(Incoming {
        frame: Frame {
            number: FrameNo(frame.number),
            rtp_sequence: frame.rtp_sequence as u16,
            rtp_timestamp: frame.rtp_timestamp,
            marker: frame.marker,
            payload_type: frame.payload_type as u8,
            position: Position::ZERO,
            arrival_offset: 0,
            payload: frame.payload,
        },
        ssrc: frame.ssrc,
        captured: Position(frame.captured),
        arrived: elapsed,
    })
}
