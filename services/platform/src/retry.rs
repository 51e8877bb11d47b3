//! Bounded exponential backoff with jitter.

use std::future::Future;
use std::time::Duration;

use kernel::{Retry, ServiceError};

/// How long to wait between attempts, and how often to try.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backoff {
    /// The longest first wait; it doubles with every attempt.
    pub first: Duration,
    /// The longest wait of all.
    pub most: Duration,
    /// Attempts in all, the first one included.
    pub attempts: u32,
}

impl Backoff {
    /// For calls on somebody's path: three attempts within a second.
    pub const CALL: Self =
        Self { first: Duration::from_millis(50), most: Duration::from_millis(400), attempts: 3 };
    /// For work that must get done: again and again, at most every five seconds.
    pub const FOREVER: Self =
        Self { first: Duration::from_millis(50), most: Duration::from_secs(5), attempts: u32::MAX };

    /// The wait after attempt number `attempt` (from 1): between half and all of the doubled first wait, so
    /// that callers who failed together do not come back together.
    pub fn wait(&self, attempt: u32) -> Duration {
        let doubled = self.first.saturating_mul(1u32 << attempt.saturating_sub(1).min(20));
        doubled.min(self.most).mul_f64(rand::random_range(0.5..=1.0))
    }

    /// Tries until it succeeds, until an error says that trying again is no use, or until the attempts end.
    pub async fn run<T, E, F, Fut>(&self, mut attempt: F) -> Result<T, E>
    where
        E: ServiceError,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let mut tried = 0;
        loop {
            tried += 1;
            match attempt().await {
                Err(error) if error.retry() == Retry::Backoff && tried < self.attempts => {
                    tokio::time::sleep(self.wait(tried)).await;
                }
                done => return done,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::ErrorCode;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("no")]
    struct Failure(ErrorCode);

    impl ServiceError for Failure {
        fn code(&self) -> ErrorCode {
            self.0
        }
    }

    async fn attempts_until_given_up(code: ErrorCode) -> u32 {
        let mut count = 0;
        let done: Result<(), _> = Backoff::CALL
            .run(|| {
                count += 1;
                async move { Err(Failure(code)) }
            })
            .await;
        assert!(done.is_err());
        count
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_may_pass_is_tried_again_and_not_for_ever() {
        assert_eq!(attempts_until_given_up(ErrorCode::Unavailable).await, 3);
        assert_eq!(attempts_until_given_up(ErrorCode::NotFound).await, 1);
    }

    #[test]
    fn waits_double_up_to_a_bound() {
        for attempt in 1..200 {
            let wait = Backoff::FOREVER.wait(attempt);
            let whole = Duration::from_millis(50)
                .saturating_mul(1 << (attempt - 1).min(20))
                .min(Duration::from_secs(5));
            assert!(wait <= whole && wait >= whole / 2, "{attempt}: {wait:?}");
        }
    }
}
