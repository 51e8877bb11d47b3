//! The second look at what was stamped: a policy in force is known for a few seconds only.
//!
//! A recording may be stamped by a process that has not heard of a new policy yet, right behind the back of one that
//! walks over all of them for it. Looked at again when that can no longer be, it follows. Only memory says what is to be
//! looked at: where the process dies within these seconds a recording keeps the end that its notice promised.

use std::collections::VecDeque;
use std::time::Duration;

use kernel::chain;
use platform::policies::IN_FORCE_FOR;
use tokio::time::Instant;
use tracing::warn;

use crate::service::{Service, Stamped};

/// After that no process goes by a policy that was not in force when the recording was stamped.
const RIPE: Duration = IN_FORCE_FOR.saturating_add(Duration::from_secs(1));
/// Most that wait; of more the oldest is not looked at again.
const WAITING_MAX: usize = 100_000;

/// What waits for its second look, oldest first.
#[derive(Default)]
pub(super) struct Again(VecDeque<(Instant, Stamped)>);

impl Again {
    /// Has a recording looked at later.
    pub(super) fn after(&mut self, stamped: Option<Stamped>) {
        let Some(stamped) = stamped else { return };
        if self.0.len() >= WAITING_MAX {
            self.0.pop_front();
        }
        self.0.push_back((Instant::now() + RIPE, stamped));
    }

    /// Looks at those whose time has come; at the first that fails it stops until the next turn.
    pub(super) async fn look(&mut self, service: &Service) {
        let now = Instant::now();
        while let Some((ripe, stamped)) = self.0.front() {
            if *ripe > now {
                return;
            }
            if let Err(error) = service.look_again(stamped).await {
                return warn!(error = chain(&error), "a recording that was stamped waits for a second look");
            }
            self.0.pop_front();
        }
    }
}
