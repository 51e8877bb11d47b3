//! Whether a consumer still shows life: the client library beats for it in the background, so that somebody
//! has to notice when its owner no longer polls or commits.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Shared by a consumer and its watch.
pub(super) struct Presence {
    state: Mutex<State>,
    timeout: Duration,
}

struct State {
    /// Calls of the consumer that are under way.
    stays: u32,
    last: Instant,
    is_gone: bool,
}

/// A call that is under way, however it ends.
pub(super) struct Stay(Arc<Presence>);

impl Presence {
    pub(super) fn new(timeout: Duration) -> Arc<Self> {
        let state = State { stays: 0, last: Instant::now(), is_gone: false };
        Arc::new(Self { state: Mutex::new(state), timeout })
    }

    /// Begins a call; `None` where the consumer was missed already.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Stay> {
        let mut state = self.state.lock();
        if state.is_gone || (state.stays == 0 && state.last.elapsed() >= self.timeout) {
            // It may be here before its watch: a process that was stopped as a whole.
            state.is_gone = true;
            return None;
        }
        state.stays += 1;
        Some(Stay(self.clone()))
    }

    /// Returns once the consumer has shown no life for the timeout; from then on it is gone.
    pub(super) async fn missed(&self) {
        while let Some(due) = self.due() {
            tokio::time::sleep_until(due).await;
        }
    }

    /// When to look again; `None` where it is gone.
    fn due(&self) -> Option<Instant> {
        let mut state = self.state.lock();
        let now = Instant::now();
        if state.stays > 0 {
            return Some(now + self.timeout);
        }
        let due = state.last + self.timeout;
        state.is_gone |= now >= due;
        (!state.is_gone).then_some(due)
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.stays -= 1;
        state.last = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn who_calls_in_time_is_not_missed() {
        let presence = Presence::new(TIMEOUT);
        for _ in 0..3 {
            tokio::time::advance(TIMEOUT - Duration::from_millis(1)).await;
            assert!(presence.enter().is_some());
        }
        let long = presence.enter().unwrap();
        assert!(tokio::time::timeout(10 * TIMEOUT, presence.missed()).await.is_err(), "a call is under way");
        drop(long);
        assert!(presence.enter().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_silent_is_missed_and_stays_so() {
        let presence = Presence::new(TIMEOUT);
        let begun = Instant::now();
        drop(presence.enter());
        presence.missed().await;
        assert!(begun.elapsed() >= TIMEOUT && begun.elapsed() < TIMEOUT + Duration::from_millis(10));
        assert!(presence.enter().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn who_returns_too_late_is_missed_even_if_nobody_watched() {
        let presence = Presence::new(TIMEOUT);
        tokio::time::advance(TIMEOUT).await;
        assert!(presence.enter().is_none());
        presence.missed().await;
    }
}
