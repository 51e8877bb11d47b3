//! The `ingest` section of a configuration: every bound, with a default that works.

use platform::config::Period;
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
    /// How long running streams may go on when the process drains, so that calls about to end do so here; then
    /// they are ended and their senders go on elsewhere. Keep it well below `server.drain`, which cuts off
    /// without a word.
    pub drain: Period,
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
            drain: Period::secs(5),
            accept_weak_log: false,
        }
    }
}
