//! The calls: two legs of G.711 each, sent at once, with the time from a span's end to its acknowledgement.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kernel::{Clock, PurposeName, RecordingId, SystemClock, TenantId};
use parking_lot::Mutex;
use proto::common::v1::GrantOutcome;
use proto::ingest::v1::Level;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::call_file::CallFile;
use crate::connect::Caller;
use crate::sender::{Call, Pace, Watch};
use crate::wav::{Codec, Wav};

/// A span of one second, in frames of 20 ms.
const SPAN_FRAMES: u64 = 50;
/// How long a call goes on trying without any progress.
const PATIENCE: Duration = Duration::from_secs(60);
const LEGS: usize = 2;
/// After the last call was opened.
const SETTLED: Duration = Duration::from_secs(2);
/// What is told of a shorter time is chance: the kernel counts in hundredths of a second.
const LEAST_WINDOW: Duration = Duration::from_secs(5);

/// Calls to be sent.
pub(super) struct Load {
    calls: u32,
    seconds: u32,
    speed: f64,
    call: Call,
}

/// What came of sending them.
pub(super) struct Carried {
    /// From the first to the last.
    pub(super) clock: Duration,
    /// Media messages.
    pub(super) sent_bytes: u64,
    pub(super) after_last_frame: Vec<Duration>,
    pub(super) after_span_end: Vec<Duration>,
    /// At which they were acknowledged.
    pub(super) level: Level,
    pub(super) reconnects: u32,
    pub(super) recordings: Vec<RecordingId>,
}

impl Load {
    pub(super) fn new(
        calls: u32,
        seconds: u32,
        speed: f64,
        tenant: &TenantId,
        purposes: &[PurposeName],
    ) -> Result<Self> {
        let purposes: Vec<_> = purposes.iter().map(PurposeName::as_str).collect();
        let file = CallFile::parse(
            &serde_json::json!({
                "call_id": "bench", "tenant": tenant.as_str(), "language": "it", "direction": "inbound",
                "started_at": SystemClock.now().to_string(),
                "agent": {"id": "bench-agent"}, "customer": {"crm_id": "bench-customer"},
                "purposes": purposes,
                "audio": {"codec": "PCMA", "sample_rate_hz": 8_000, "channels": ["agent", "customer"]},
            })
            .to_string(),
        )?;
        let bytes = seconds as usize * 8_000;
        // Nothing on the way compresses; but what never changes might be treated differently one day.
        let noise =
            |leg: usize| (0..bytes).map(|n| (n.wrapping_mul(2_654_435_761) >> (7 + leg)) as u8).collect();
        let wav = Wav { codec: Codec::Pcma, rate: 8_000, channels: (0..LEGS).map(noise).collect() };
        Ok(Self { calls, seconds, speed, call: Call::new(file, &wav, None)? })
    }

    /// From when on all calls run until the first of them ends, since [`Load::carry`] began; none where they are too
    /// short or too fast to tell.
    pub(super) fn all_run(&self) -> Option<Range<Duration>> {
        let real = |seconds: u32| Duration::from_secs(seconds.into()).div_f64(self.speed);
        let window = (self.speed > 0.0).then(|| real(1) + SETTLED..real(self.seconds))?;
        (window.start + LEAST_WINDOW <= window.end).then_some(window)
    }

    pub(super) fn calls(&self) -> u32 {
        self.calls
    }
    pub(super) fn seconds(&self) -> u32 {
        self.seconds
    }

    /// Sends all of them, shared among these ways to the mesh.
    pub(super) async fn carry(&self, callers: &[Caller]) -> Result<Carried> {
        let began = Instant::now();
        let mut running = JoinSet::new();
        for (number, caller) in (0..self.calls).zip(callers.iter().cycle()) {
            let (call, caller) = (self.call.alike(format!("bench-{number}")), caller.clone());
            let (wait, speed) = (self.wait(number), self.speed);
            running.spawn(async move {
                tokio::time::sleep(wait).await;
                send(&call, &caller, speed).await
            });
        }
        let mut all = Carried {
            clock: Duration::ZERO,
            sent_bytes: 0,
            after_last_frame: Vec::new(),
            after_span_end: Vec::new(),
            level: Level::Logged,
            reconnects: 0,
            recordings: Vec::new(),
        };
        while let Some(sent) = running.join_next().await {
            let one = sent.context("a call ended in a panic")??;
            all.sent_bytes += one.sent_bytes;
            all.after_last_frame.extend(one.after_last_frame);
            all.after_span_end.extend(one.after_span_end);
            all.level = all.level.min(one.level);
            all.reconnects += one.reconnects;
            all.recordings.extend(one.recordings);
        }
        all.clock = began.elapsed();
        Ok(all)
    }

    /// Calls of the real world do not begin together: their spans end all over the second.
    fn wait(&self, number: u32) -> Duration {
        if self.speed <= 0.0 {
            return Duration::ZERO;
        }
        Duration::from_secs(1).mul_f64(f64::from(number) / f64::from(self.calls)).div_f64(self.speed)
    }
}

async fn send(call: &Call, caller: &Caller, speed: f64) -> Result<Carried> {
    let began = Instant::now();
    let watch = Stopwatch::default();
    let sent = call.send_watched(caller, Pace { speed, patience: PATIENCE }, &watch).await?;
    let granted = sent.grants.iter().any(|grant| grant.outcome() == GrantOutcome::Granted);
    let why = || sent.grants.iter().map(|grant| format!("{} {}", grant.purpose, grant.reason));
    ensure!(
        granted && !sent.not_recorded,
        "the mesh records none of these calls from the start: {}",
        why().collect::<Vec<_>>().join(", ")
    );
    let state = watch.0.into_inner();
    Ok(Carried {
        clock: began.elapsed(),
        sent_bytes: state.bytes,
        after_last_frame: state.after_last_frame,
        after_span_end: state.after_span_end,
        level: sent.level,
        reconnects: sent.reconnects,
        recordings: vec![call.recording()],
    })
}

/// One call's. A lock that nobody else takes costs less than reading the clock.
#[derive(Default)]
struct Stopwatch(Mutex<State>);

#[derive(Default)]
struct State {
    bytes: u64,
    /// Spans that are not acknowledged, per leg in order.
    waiting: [VecDeque<Waiting>; LEGS],
    after_last_frame: Vec<Duration>,
    after_span_end: Vec<Duration>,
}

struct Waiting {
    last: u64,
    sent: Instant,
    /// When the sender sent something behind it.
    over: Option<Instant>,
}

impl Watch for Stopwatch {
    fn sent(&self, leg: usize, first: u64, last: u64, bytes: usize) {
        let now = Instant::now();
        let mut state = self.0.lock();
        state.bytes += bytes as u64;
        let Some(waiting) = state.waiting.get_mut(leg) else { return };
        // What comes again after a break is measured from now on.
        while waiting.pop_back_if(|waiting| waiting.last >= first).is_some() {}
        if let Some(before) = waiting.back_mut() {
            before.over.get_or_insert(now);
        }
        let ends = (first..=last).filter(|frame| (frame + 1) % SPAN_FRAMES == 0);
        waiting.extend(ends.map(|frame| Waiting {
            last: frame,
            sent: now,
            over: (frame < last).then_some(now),
        }));
    }

    fn acknowledged(&self, leg: usize, next: u64) {
        let now = Instant::now();
        let mut state = self.0.lock();
        let State { waiting, after_last_frame, after_span_end, .. } = &mut *state;
        let Some(waiting) = waiting.get_mut(leg) else { return };
        while let Some(Waiting { sent, over, .. }) = waiting.pop_front_if(|waiting| waiting.last < next) {
            after_last_frame.push(now.saturating_duration_since(sent));
            after_span_end.extend(over.map(|over| now.saturating_duration_since(over)));
        }
    }

    fn logged(&self, _: u64) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(200);

    /// Messages of 20 frames, one a tick.
    async fn send(watch: &Stopwatch, from: u64, messages: u64) {
        for number in 0..messages {
            let first = from + 20 * number;
            watch.sent(0, first, first + 19, 100);
            tokio::time::advance(TICK).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_span_is_timed_from_its_last_frame_and_from_what_came_behind_it() {
        let watch = Stopwatch::default();
        // Frame 49 goes at 400 ms, with what is behind it; frame 99 at 800 ms, frame 100 at 1,000 ms.
        send(&watch, 0, 6).await;
        watch.acknowledged(0, 100);
        let state = watch.0.lock();
        assert_eq!(state.after_last_frame, [TICK * 4, TICK * 2]);
        assert_eq!(state.after_span_end, [TICK * 4, TICK]);
        assert_eq!(state.bytes, 600);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_sent_again_is_timed_from_then_and_once() {
        let watch = Stopwatch::default();
        send(&watch, 0, 3).await;
        watch.acknowledged(0, 0);
        tokio::time::advance(TICK * 10).await;
        send(&watch, 0, 3).await;
        watch.acknowledged(0, 50);
        watch.acknowledged(0, 50);
        assert_eq!(watch.0.lock().after_last_frame, [TICK]);
    }
}
