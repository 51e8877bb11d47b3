//! Where a leg's frames lie on the recording's timeline: anchors, and arithmetic from them.
//!
//! An anchor says that one RTP timestamp of one SSRC is one position. Between anchors a position is
//! `anchor + floor(RTP delta x 1,000,000 / clock rate)`, so that it never drifts with rounding; a new anchor
//! is set at the first frame, at an SSRC change, and where RTP time and capture time part by more than
//! [`JUMP`].

use kernel::{FrameNo, Position};

/// How far RTP time and capture time may part, in microseconds, before a new anchor is set.
pub const JUMP: u64 = 1_000_000;

/// One RTP timestamp that is one position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Anchor {
    /// The RTP timestamp, extended to 64 bits.
    pub rtp_timestamp: u64,
    /// Its position.
    pub position: Position,
    /// The source that counts these timestamps.
    pub ssrc: u32,
    /// The first frame that goes by it.
    pub frame: FrameNo,
}

impl Anchor {
    /// The position of a timestamp at or after the anchor's own; `None` before it.
    pub fn position_of(&self, rtp_timestamp: u64, rate: u32) -> Option<Position> {
        let delta = u128::from(rtp_timestamp.checked_sub(self.rtp_timestamp)?);
        let micros = delta * 1_000_000 / u128::from(rate.max(1));
        Some(self.position.plus(u64::try_from(micros).unwrap_or(u64::MAX)))
    }
}

/// What a frame says about when it was spoken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spoken {
    /// Its number.
    pub frame: FrameNo,
    /// Its RTP timestamp, extended to 64 bits.
    pub rtp_timestamp: u64,
    /// Its source.
    pub ssrc: u32,
    /// Its capture time on the sender's clock, as a position.
    pub captured: Position,
}

/// Where a frame lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placing {
    /// Where it begins.
    pub position: Position,
    /// Set where it began a new anchor.
    pub anchor: Option<Anchor>,
}

/// A frame that lies before the frame before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backwards {
    /// Where it would lie.
    pub position: Position,
    /// Where the frame before it lies.
    pub previous: Position,
}

/// One leg's way through its anchors; frames are placed in order of their numbers.
#[derive(Clone, Debug)]
pub struct Track {
    rate: u32,
    anchor: Option<Anchor>,
    previous: Option<Position>,
    drift: u64,
}

impl Track {
    /// A leg's beginning, or where an earlier session left it.
    pub fn new(rate: u32, anchor: Option<Anchor>) -> Self {
        Self { rate, anchor, previous: None, drift: 0 }
    }

    /// The anchor in force.
    pub fn anchor(&self) -> Option<Anchor> {
        self.anchor
    }

    /// The largest distance seen between RTP time and capture time within an anchor, in microseconds.
    pub fn drift(&self) -> u64 {
        self.drift
    }

    /// Places the next frame.
    pub fn place(&mut self, spoken: Spoken) -> Result<Placing, Backwards> {
        let by_anchor = self.anchor.filter(|a| a.ssrc == spoken.ssrc);
        let by_anchor = by_anchor.and_then(|a| a.position_of(spoken.rtp_timestamp, self.rate));
        let parted = |at: Position| at.0.abs_diff(spoken.captured.0);
        match by_anchor.filter(|at| parted(*at) <= JUMP) {
            Some(position) => {
                self.advance(position)?;
                self.drift = self.drift.max(parted(position));
                Ok(Placing { position, anchor: None })
            }
            None => self.begin(spoken),
        }
    }

    fn begin(&mut self, spoken: Spoken) -> Result<Placing, Backwards> {
        self.advance(spoken.captured)?;
        let Spoken { frame, rtp_timestamp, ssrc, captured: position } = spoken;
        let anchor = Anchor { rtp_timestamp, position, ssrc, frame };
        self.anchor = Some(anchor);
        Ok(Placing { position, anchor: Some(anchor) })
    }

    fn advance(&mut self, position: Position) -> Result<(), Backwards> {
        match self.previous {
            Some(previous) if position < previous => Err(Backwards { position, previous }),
            _ => {
                self.previous = Some(position);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(frame: u64, rtp_timestamp: u64, captured: u64) -> Spoken {
        Spoken { frame: FrameNo(frame), rtp_timestamp, ssrc: 7, captured: Position(captured) }
    }

    #[test]
    fn positions_come_from_rtp_time_and_never_from_a_sum_of_durations() {
        // 11,025 Hz does not divide a second: a sum of rounded durations would be off by now.
        let mut track = Track::new(11_025, None);
        for n in 0..10_000u64 {
            let at = n * 221 * 1_000_000 / 11_025;
            let placing = track.place(spoken(n, 5_000 + n * 221, at + 300)).unwrap();
            assert_eq!(placing.position, Position(at + 300));
            assert_eq!(placing.anchor.is_some(), n == 0);
        }
        assert_eq!(track.drift(), 0);
    }

    #[test]
    fn a_change_of_source_and_a_jump_each_set_a_new_anchor() {
        let mut track = Track::new(8_000, None);
        track.place(spoken(0, 0, 0)).unwrap();
        let other = Spoken { ssrc: 8, ..spoken(1, 90_000, 25_000) };
        assert_eq!(track.place(other).unwrap().anchor.unwrap().position, Position(25_000));
        let within = Spoken { ssrc: 8, ..spoken(2, 90_160, 1_044_999) };
        assert_eq!(track.place(within).unwrap(), Placing { position: Position(45_000), anchor: None });
        let jump = Spoken { ssrc: 8, ..spoken(3, 90_320, 1_065_002) };
        assert_eq!(track.place(jump).unwrap().anchor.unwrap().position, Position(1_065_002));
        let back = Spoken { ssrc: 8, ..spoken(4, 10, 1_085_000) };
        assert_eq!(track.place(back).unwrap().anchor.unwrap().rtp_timestamp, 10);
    }

    #[test]
    fn a_frame_before_its_predecessor_is_refused() {
        let mut track = Track::new(8_000, None);
        track.place(spoken(0, 0, 0)).unwrap();
        track.place(spoken(1, 320, 40_000)).unwrap();
        let refused = track.place(spoken(2, 160, 20_000)).unwrap_err();
        assert_eq!((refused.position, refused.previous), (Position(20_000), Position(40_000)));
    }

    #[test]
    fn a_stored_anchor_goes_on_after_a_restart() {
        let mut before = Track::new(8_000, None);
        before.place(spoken(0, 0, 0)).unwrap();
        let mut after = Track::new(8_000, before.anchor());
        let placing = after.place(spoken(500, 80_000, 10_003_000)).unwrap();
        assert_eq!(placing, Placing { position: Position(10_000_000), anchor: None });
    }
}
