//! A replay as WAV: the player's frames through the WAV writer, chunk by chunk.

use std::collections::VecDeque;

use kernel::{Interval, LegNo, Position};

use super::player::{Heard, Played, Player};
use crate::absence::Gap;
use crate::error::Error;
use crate::wav::{Layout, Writer};

/// What a sounding replay gives out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sounded {
    /// A stretch that is silent, and why.
    Gap(Gap),
    /// Bytes of the file.
    Bytes(Vec<u8>),
}

/// What was placed so far.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counted {
    /// Frames.
    pub frames: u64,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
    /// Microseconds of the timeline.
    pub micros: u64,
}

/// A running replay that writes a WAV.
pub struct Sounding {
    player: Player,
    writer: Writer,
    legs: Vec<LegNo>,
    ready: VecDeque<Sounded>,
    counted: Counted,
}

impl Sounding {
    /// Lays the file out; refused before anything is sent.
    pub fn new(player: Player) -> Result<Self, Error> {
        let plan = player.plan();
        let recording = plan.history.recording.key.id;
        let legs = plan.legs.clone();
        let sounds = legs.iter().filter_map(|leg| plan.history.legs.iter().find(|row| row.leg.leg == *leg));
        let sounds: Vec<_> = sounds.map(|row| (row.leg.codec.as_str(), row.leg.clock_rate)).collect();
        let ranges: Vec<Interval> = plan.ranges.iter().collect();
        let layout = Layout::new(&sounds, &ranges).map_err(|source| Error::Wav { recording, source })?;
        let ready = VecDeque::from([Sounded::Bytes(layout.header())]);
        Ok(Self { player, writer: Writer::new(layout), legs, ready, counted: Counted::default() })
    }

    /// What was placed so far.
    pub fn counted(&self) -> Counted {
        self.counted
    }

    /// The next thing to send; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Sounded>, Error> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Ok(Some(ready));
            }
            // Everything before the next item's start can no longer change.
            let until = self.player.position().unwrap_or(Position::MAX);
            let until = self.writer.layout().sample_of(until);
            if let Some(bytes) = self.writer.chunk(until) {
                return Ok(Some(Sounded::Bytes(bytes)));
            }
            match self.player.next().await? {
                None => return Ok(None),
                Some(Played::Gap(gap)) => self.ready.push_back(Sounded::Gap(gap)),
                Some(Played::Frames(heard)) => {
                    let channel = self.legs.iter().position(|own| *own == heard.leg).unwrap_or_default();
                    self.counted.add(&heard);
                    for frame in heard.frames {
                        self.writer.place(channel, frame.position, &frame.payload);
                    }
                }
            }
        }
    }
}

impl Counted {
    /// Counts what is sent.
    pub fn add(&mut self, heard: &Heard) {
        self.frames += heard.frames.len() as u64;
        self.payload_bytes += heard.frames.iter().map(|frame| frame.payload.len() as u64).sum::<u64>();
        self.micros += heard.micros;
    }
}
