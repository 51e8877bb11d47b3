//! What consent has not yet taken is told to it again and again, whether its session has a stream or not.

use std::collections::HashSet;

use kernel::chain;
use platform::drain::{Shutdown, TaskResult};
use tracing::warn;

use crate::authority::NotTaken;
use crate::error::Error;
use crate::recorder::tell;
use crate::said::{Act, Moment, Said, Who};
use crate::service::Parts;
use crate::store::{SessionKey, Untold, UntoldWord};

/// Events told in one go.
const TOLD_AT_ONCE: u32 = 256;
/// Consent's word for what rests on a notice that it has not been told of.
const NOTICE_MISSING: &str = "notice-missing";

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

    /// Tells consent what is owed to it, some at a time; returns the sessions that still owe. One that cannot be
    /// told may not keep other sessions' from being told, and of its own session nothing goes before it: consent
    /// rests on the notice that was played for it.
    async fn tell_owed(&self) -> Result<HashSet<SessionKey>, Error> {
        let mut behind = HashSet::new();
        for owed in self.store.untold(TOLD_AT_ONCE).await? {
            if behind.contains(&owed.key) {
                continue;
            }
            let is_told = match self.said_of(&owed).await {
                Ok(said) => tell(self, &said, &owed.key, owed.event).await,
                Err(error) => {
                    warn!(recording = %owed.key.recording, error = chain(&error), "an event stays owed");
                    false
                }
            };
            if !is_told {
                behind.insert(owed.key);
            }
        }
        Ok(behind)
    }

    /// Tells consent what somebody gave. Where it lacks the notice that this rests on, because that is still owed
    /// to it, what is owed goes first.
    pub(crate) async fn tell_given(&self, said: &Said) -> Result<(), NotTaken> {
        match self.authority.tell(said).await {
            Err(NotTaken::Refused(code)) if code == NOTICE_MISSING && said.notice.is_some() => {}
            answered => return answered,
        }
        match self.tell_owed().await {
            // A call whose parties are not known yet owes more than can be told.
            Ok(behind) if !behind.contains(&said.key) && matches!(said.subject, Who::Subject(_)) => {
                self.authority.tell(said).await
            }
            Ok(_) | Err(_) => Err(NotTaken::Unreachable),
        }
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
