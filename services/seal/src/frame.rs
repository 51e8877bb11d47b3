//! A span's plaintext: frames, each length-prefixed with its RTP facts, so that what came in goes out
//! bit-exact and with its gaps.
//!
//! Facts are written as differences from what the frame before foretells, so that a steady stream costs
//! about ten bytes a frame. All arithmetic wraps: every value of every field survives.

use bytes::Bytes;
use kernel::{FrameNo, Position};

use crate::cbor::DecodeError;
use crate::error::Error;

/// Largest payload of one frame.
pub const MAX_PAYLOAD: usize = 64 * 1_024;
/// Most payload of one span: a span ends before it would hold more.
pub const MAX_SPAN_PAYLOAD: usize = 256 * 1_024;
/// Most frames of one span.
pub const MAX_FRAMES: usize = 4_096;
/// Most bytes that a frame's length and facts take.
pub const MAX_OVERHEAD: usize = 48;
/// Most plaintext of one span.
pub const MAX_PLAINTEXT: usize = MAX_SPAN_PAYLOAD + MAX_FRAMES * MAX_OVERHEAD;

/// One packet's payload and what its packet said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Its number in the leg.
    pub number: FrameNo,
    /// RTP sequence number.
    pub rtp_sequence: u16,
    /// RTP timestamp, extended to 64 bits.
    pub rtp_timestamp: u64,
    /// RTP marker bit.
    pub marker: bool,
    /// RTP payload type, 0 to 127.
    pub payload_type: u8,
    /// Where it begins on the recording's timeline.
    pub position: Position,
    /// Microseconds from `position` to its arrival by the recorder's clock; negative where the clocks
    /// disagree.
    pub arrival_offset: i64,
    /// Its payload, as it came.
    pub payload: Bytes,
}

const DOCUMENT: &str = "span plaintext";

/// What the next frame's facts are told apart from.
#[derive(Default)]
struct Expected {
    number: u64,
    rtp_sequence: u16,
    rtp_timestamp: u64,
    rtp_step: u64,
    position: u64,
    position_step: u64,
    any: bool,
}

impl Expected {
    fn after(&mut self, frame: &Frame) {
        let (timestamp, position) = (frame.rtp_timestamp, frame.position.0);
        if self.any {
            let earlier = self.rtp_timestamp.wrapping_sub(self.rtp_step);
            self.rtp_step = timestamp.wrapping_sub(earlier);
            let earlier = self.position.wrapping_sub(self.position_step);
            self.position_step = position.wrapping_sub(earlier);
        }
        self.any = true;
        self.number = frame.number.0.wrapping_add(1);
        self.rtp_sequence = frame.rtp_sequence.wrapping_add(1);
        self.rtp_timestamp = timestamp.wrapping_add(self.rtp_step);
        self.position = position.wrapping_add(self.position_step);
    }
}

/// Encodes frames (`FORMAT.md`, frames); numbers must ascend.
pub fn encode_frames(frames: &[Frame]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(room_for(frames)?);
    write_frames(frames, &mut out);
    Ok(out)
}

/// Checks frames and says how many bytes they take at most.
pub(crate) fn room_for(frames: &[Frame]) -> Result<usize, Error> {
    check(frames)?;
    let payload: usize = frames.iter().map(|frame| frame.payload.len()).sum();
    Ok(payload + frames.len() * MAX_OVERHEAD)
}

/// Appends frames that [`room_for`] has checked.
pub(crate) fn write_frames(frames: &[Frame], out: &mut Vec<u8>) {
    let mut expected = Expected::default();
    for frame in frames {
        write_varint(out, frame.payload.len() as u64);
        out.push(u8::from(frame.marker) << 7 | frame.payload_type);
        write_difference(out, frame.number.0, expected.number);
        write_difference(out, frame.rtp_sequence.into(), expected.rtp_sequence.into());
        write_difference(out, frame.rtp_timestamp, expected.rtp_timestamp);
        write_difference(out, frame.position.0, expected.position);
        write_difference(out, frame.arrival_offset as u64, 0);
        out.extend_from_slice(&frame.payload);
        expected.after(frame);
    }
}

/// Reads exactly what [`encode_frames`] writes.
pub fn decode_frames(bytes: &[u8]) -> Result<Vec<Frame>, Error> {
    Error::bounded("span plaintext", bytes.len(), MAX_PLAINTEXT)?;
    let mut cursor = Cursor { bytes, at: 0 };
    let mut frames = Vec::new();
    let mut expected = Expected::default();
    while cursor.at < bytes.len() {
        Error::bounded("number of frames", frames.len() + 1, MAX_FRAMES)?;
        let frame = cursor.frame(&expected)?;
        expected.after(&frame);
        frames.push(frame);
    }
    check(&frames)?;
    Ok(frames)
}

fn check(frames: &[Frame]) -> Result<(), Error> {
    Error::bounded("number of frames", frames.len(), MAX_FRAMES)?;
    let mut payload = 0;
    for frame in frames {
        Error::bounded("frame payload", frame.payload.len(), MAX_PAYLOAD)?;
        payload += frame.payload.len();
        if frame.payload_type > 127 {
            return Err(Error::invalid("frame", "has a payload type above 127"));
        }
    }
    Error::bounded("span payload", payload, MAX_SPAN_PAYLOAD)?;
    if !frames.is_sorted_by(|a, b| a.number < b.number) {
        return Err(Error::invalid("span plaintext", "has frames out of order or twice"));
    }
    Ok(())
}

/// LEB128: seven bits a byte, least significant first, the top bit set on all but the last.
fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The wrapping difference, zigzagged (0, -1, 1, -2 ... as 0, 1, 2, 3 ...).
fn write_difference(out: &mut Vec<u8>, value: u64, expected: u64) {
    let difference = value.wrapping_sub(expected) as i64;
    write_varint(out, ((difference << 1) ^ (difference >> 63)) as u64);
}

struct Cursor<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Cursor<'_> {
    fn frame(&mut self, expected: &Expected) -> Result<Frame, DecodeError> {
        let length = self.varint("payload length")?;
        let byte = self.byte("marker and payload type")?;
        let number = FrameNo(self.difference("frame number", expected.number)?);
        let rtp_sequence = self.difference("RTP sequence", expected.rtp_sequence.into())?;
        let rtp_sequence =
            u16::try_from(rtp_sequence).map_err(|_| self.wrong("RTP sequence", "is out of range"))?;
        let rtp_timestamp = self.difference("RTP timestamp", expected.rtp_timestamp)?;
        let position = Position(self.difference("position", expected.position)?);
        let arrival_offset = self.difference("arrival", 0)? as i64;
        let length = usize::try_from(length).ok().filter(|&length| length <= self.bytes.len() - self.at);
        let length = length.ok_or_else(|| self.wrong("payload", "ends early"))?;
        let payload = Bytes::copy_from_slice(&self.bytes[self.at..self.at + length]);
        self.at += length;
        let (marker, payload_type) = (byte & 0x80 != 0, byte & 0x7f);
        Ok(Frame {
            number,
            rtp_sequence,
            rtp_timestamp,
            marker,
            payload_type,
            position,
            arrival_offset,
            payload,
        })
    }

    fn byte(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        let byte = *self.bytes.get(self.at).ok_or_else(|| self.wrong(field, "ends early"))?;
        self.at += 1;
        Ok(byte)
    }

    fn varint(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = self.byte(field)?;
            if shift == 63 && byte > 1 {
                return Err(self.wrong(field, "is out of range"));
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(self.wrong(field, "is not in its shortest form"));
                }
                break;
            }
        }
        Ok(value)
    }

    fn difference(&mut self, field: &'static str, expected: u64) -> Result<u64, DecodeError> {
        let zigzag = self.varint(field)?;
        let difference = (zigzag >> 1) ^ (zigzag & 1).wrapping_neg();
        Ok(expected.wrapping_add(difference))
    }

    fn wrong(&self, field: &'static str, problem: &'static str) -> DecodeError {
        DecodeError { document: DOCUMENT, field, at: self.at, problem }
    }
}

#[cfg(test)]
mod tests;
