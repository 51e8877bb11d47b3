//! What consent has not yet taken is told to it again and again, whether its session has a stream or not.

use kernel::chain;
use platform::drain::{Shutdown, TaskResult};
use tracing::warn;

use crate::error::Error;
use crate::recorder::tell;
use crate::said::{Act, Moment, Said, Who};
use crate::service::Parts;
use crate::store::{Untold, UntoldWord};

/// Events told in one go.
const TOLD_AT_ONCE: u32 = 256;

impl Parts {
    /// Tells until the process drains.
    pub(crate) async fn tell_until_drained(self, shutdown: Shutdown) -> TaskResult {
        loop {
            tokio::select! {
                () = shutdown.draining() => return Ok(()),
                () = tokio::time::sleep(self.config.tell.0) => {}
            }
            if let Err(error) = self.tell_owed().await {
                warn!(error = chain(&error), "consent could not be told what is owed to it");
            }
        }
    }

    /// Tells consent what is owed to it, some at a time.
    async fn tell_owed(&self) -> Result<(), Error> {
        for owed in self.store.untold(TOLD_AT_ONCE).await? {
            // One that cannot be told may not keep the others from being told.
            match self.said_of(&owed).await {
                Ok(said) => tell(self, &said, &owed.key, owed.event).await,
                Err(error) => {
                    warn!(recording = %owed.key.recording, error = chain(&error), "an event stays owed");
                }
            }
        }
        Ok(())
    }

    async fn said_of(&self, owed: &Untold) -> Result<Vec<Said>, Error> {
        let key = &owed.key;
        let moment = Moment { event: owed.event, position: kernel::Position(owed.position), at: owed.at };
        match owed.word.clone() {
            UntoldWord::Act { subject, act, purpose, expression, scope, notice } => {
                let done = Act { act, purpose, expression, scope, notice };
                Ok(vec![Said::act(key, moment, Who::Subject(subject), done)])
            }
            UntoldWord::Notice(notice) => {
                let row = self.store.load(key).await?.ok_or(Error::NoSession(key.recording))?;
                let (session, _) = self.restored(&row).await?;
                let subjects = row.authorisation.map(|decided| decided.subjects).unwrap_or_default();
                let who = |party: u32| subjects.get(party as usize).map(|subject| Who::Subject(*subject));
                Ok(Said::notice(key, moment, &notice, session.asked().into_iter().map(who)))
            }
        }
    }
}
