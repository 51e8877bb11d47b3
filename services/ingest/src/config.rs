//! The `ingest` section of a configuration: every bound, with a default that works.

use platform::config::{ByteSize, Period};
use serde::{Deserialize, Serialize};

/// How much ingest takes, and how long it waits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Most sessions at once; an `Open` beyond is refused.
    pub sessions: usize,
    /// Frames that a sender may have unacknowledged per leg, told in `Opened`. With a policy that holds back,
    /// that much audio at `frames_per_second` comes on top. Must be above `reorder_frames`.
    pub window_frames: u32,
    /// Most frames in a second of one leg's audio.
    pub frames_per_second: u32,
    /// Most frames that wait for a missing one.
    pub reorder_frames: usize,
    /// Longest wait for a missing one, in the sender's capture time.
    pub reorder: Period,
    /// How far ahead of this instance's clock a call's start may lie. Retention counts from it, and what a locked
    /// store keeps nobody can shorten.
    pub clock_ahead: Period,
    /// Longest call.
    pub length: Period,
    /// Least error of a position that was derived from wall time.
    pub derived_error: Period,
    /// How long a call to consent or crypto may take on a call's path. Below `consent_silence`.
    pub call: Period,
    /// After how long without a beat consent purposes stop; consent beats every 500 ms.
    pub consent_silence: Period,
    /// How long without a frame, unless paused, before a session is suspect.
    pub suspect: Period,
    /// How long an `Open` waits for the session's earlier stream to let go.
    pub takeover: Period,
    /// How often events that consent has not yet taken are told again.
    pub tell: Period,
    /// How often this instance looks for what others changed of the sessions that it runs: how late a restriction
    /// is in force that came by a replica which could not reach this one.
    pub knock: Period,
    /// How long running streams may go on when the process drains, so that calls about to end do so here; then
    /// they are ended and their senders go on elsewhere. Keep it well below `server.drain`, which cuts off
    /// without a word.
    pub drain: Period,
    /// The least time from one append to the log to the next: what many calls bring meanwhile goes out in one. It
    /// comes on top of the time to an acknowledgement; a call that is alone does not wait.
    pub gather: Period,
    /// How long an append to the log may take before this node's spool takes its place, where it has one.
    pub spool_after: Period,
    /// Bytes at which the spool takes nothing more: acknowledgements stop, and an `Open` is refused. Keep this
    /// much of the disk for it, and as much again for what is deleted and not yet used anew.
    pub spool_bytes: ByteSize,
    /// Age of the spool's oldest record at which an `Open` is refused; running calls go on. No key epoch is left while
    /// anything is in the spool.
    pub spool_age: Period,
    /// How often crypto is told of key epochs that this instance has left. None of them ends before.
    pub epoch_report: Period,
    /// Accept a log that is weaker than `LOGGED` asks for; `Opened` then says `SPOOLED`.
    pub accept_weak_log: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sessions: 10_000,
            window_frames: 500,
            frames_per_second: 1_000,
            reorder_frames: 100,
            reorder: Period::secs(2),
            clock_ahead: Period::secs(3_600),
            length: Period::secs(86_400),
            derived_error: Period::millis(100),
            call: Period::millis(1_500),
            consent_silence: Period::secs(2),
            suspect: Period::secs(30),
            takeover: Period::secs(5),
            tell: Period::secs(5),
            knock: Period::secs(1),
            drain: Period::secs(5),
            gather: Period::millis(10),
            spool_after: Period::secs(2),
            spool_bytes: ByteSize(4 << 30),
            spool_age: Period::secs(86_400),
            epoch_report: Period::secs(60),
            accept_weak_log: false,
        }
    }
}

impl Config {
    /// Refuses values that cannot work, naming the key.
    pub fn check(&self) -> Result<(), String> {
        platform::config::above_zero(&[
            ("sessions", &self.sessions),
            ("window_frames", &self.window_frames),
            ("frames_per_second", &self.frames_per_second),
            ("reorder_frames", &self.reorder_frames),
            ("reorder", &self.reorder),
            ("length", &self.length),
            ("call", &self.call),
            ("consent_silence", &self.consent_silence),
            ("suspect", &self.suspect),
            ("takeover", &self.takeover),
            ("tell", &self.tell),
            ("knock", &self.knock),
            ("spool_after", &self.spool_after),
            ("spool_bytes", &self.spool_bytes),
            ("spool_age", &self.spool_age),
            ("epoch_report", &self.epoch_report),
        ])?;
        // Otherwise a sender waits for acknowledgements while ingest waits for its frames.
        if usize::try_from(self.window_frames).is_ok_and(|window| window <= self.reorder_frames) {
            return Err(format!("window_frames must be above reorder_frames ({})", self.reorder_frames));
        }
        if self.call >= self.consent_silence {
            return Err(format!("call must be below consent_silence ({})", self.consent_silence));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key, and what makes its value one that cannot work.
    type Spoilt = (&'static str, fn(&mut Config));

    #[test]
    fn a_value_that_cannot_work_is_refused_by_its_key() {
        Config::default().check().unwrap();
        let cases: &[Spoilt] = &[
            ("sessions", |config| config.sessions = 0),
            ("window_frames", |config| config.window_frames = 0),
            ("frames_per_second", |config| config.frames_per_second = 0),
            ("reorder_frames", |config| config.reorder_frames = 0),
            ("window_frames", |config| config.window_frames = 100),
            ("reorder", |config| config.reorder = Period::secs(0)),
            ("length", |config| config.length = Period::secs(0)),
            ("call", |config| config.call = Period::secs(0)),
            ("consent_silence", |config| config.consent_silence = Period::secs(0)),
            ("suspect", |config| config.suspect = Period::secs(0)),
            ("takeover", |config| config.takeover = Period::secs(0)),
            ("tell", |config| config.tell = Period::secs(0)),
            ("call", |config| config.call = config.consent_silence),
            ("knock", |config| config.knock = Period::secs(0)),
            ("spool_after", |config| config.spool_after = Period::secs(0)),
            ("spool_bytes", |config| config.spool_bytes = ByteSize(0)),
            ("spool_age", |config| config.spool_age = Period::secs(0)),
            ("epoch_report", |config| config.epoch_report = Period::secs(0)),
        ];
        for (key, spoil) in cases {
            let mut config = Config::default();
            spoil(&mut config);
            let problem = config.check().unwrap_err();
            assert!(problem.starts_with(&format!("{key} ")), "{key}: {problem}");
        }
    }
}
