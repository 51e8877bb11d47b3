//! Hears what other instances changed of sessions that this one runs: it looks at their rows again.
//!
//! A replica that cannot reach a session's owner writes a restriction into the row itself; one that takes the
//! session over, or fences it, does too. An owner that still runs hears of it within [`Config::knock`], whoever
//! can or cannot reach whom.
//!
//! [`Config::knock`]: crate::Config::knock

use kernel::chain;
use platform::drain::{Shutdown, TaskResult};
use tracing::warn;

use crate::error::Error;
use crate::registry::{Command, Given};
use crate::service::Parts;
use crate::store::{Phase, SessionKey};

/// Knocks heard in one go.
const AT_ONCE: u32 = 256;

impl Parts {
    /// Listens until the process flushes.
    pub(crate) async fn listen(self, shutdown: Shutdown) -> TaskResult {
        loop {
            tokio::select! {
                () = shutdown.flushing() => return Ok(()),
                () = tokio::time::sleep(self.config.knock.0) => {}
            }
            if let Err(error) = self.hear_knocks().await {
                warn!(error = chain(&error), "what others changed of sessions here could not be read");
            }
        }
    }

    async fn hear_knocks(&self) -> Result<(), Error> {
        let knocks = self.store.knocks(self.instance, AT_ONCE).await?;
        if knocks.is_empty() {
            return Ok(());
        }
        let mut heard = Vec::with_capacity(knocks.len());
        for knock in knocks {
            if self.look_again(&knock.key).await? {
                heard.push(knock);
            }
        }
        self.store.heard(self.instance, &heard).await
    }

    /// Tells a session's stream what its row says now; whether it was told, or there is none.
    async fn look_again(&self, key: &SessionKey) -> Result<bool, Error> {
        let Some(row) = self.store.load(key).await? else { return Ok(true) };
        if row.phase == Phase::Abandoned {
            self.registry.fenced(key);
            return Ok(true);
        }
        self.registry.overtaken(key, row.fence.epoch);
        Ok(match self.registry.command(key, Command::Row(Box::new(row))) {
            Given::Taken | Given::NoStream => true,
            Given::Full => false,
        })
    }
}
