//! Who outside got something of a recording, and what they are told of it (GDPR Art. 15(1)(c) and 19).
//!
//! A disclosure is recorded by people, or by itself where a copy was handed out. Each act that its recipient must know of
//! opens a notice, and the write that opens it publishes it: whoever tells the recipient hears of it there, and says here
//! what came of it. What nobody has answered is published again ([`working`](crate::working)). A disclosure that is
//! recorded after an act has no notice of it: whoever records it so late has told the recipient how it stands.
//! `requested` has what requests themselves disclose and put right.

mod requested;

use std::time::Duration;

use kernel::{DisclosureId, ErrorCode, PurposeName, RecordingId, ServiceError, TenantId, Timestamp, chain};
use policy::code::Code;
use policy::request::{Actor, Cause, NoticeState};
use tracing::{error, info};

use super::{Service, TRIES};
use crate::disclosure::{DATA_SUBJECT, Disclosure, DisclosureKey, Origin, REPRESENTATIVE};
use crate::error::Error;
use crate::events;
use crate::store::{MAX_LISTED, Written};

/// A disclosure as somebody records it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewDisclosure {
    /// Its id, by which a repetition is known.
    pub id: DisclosureId,
    /// Of which recording.
    pub recording: RecordingId,
    /// Who got it: a code, and never a person's name.
    pub recipient: Code,
    /// For what; none where for no one purpose.
    pub purpose: Option<PurposeName>,
    /// When; now where none is given.
    pub at: Option<Timestamp>,
    /// Under which reference it is filed.
    pub filed: Code,
}

/// What becomes of the notice of an act.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    /// The recipient is to be told.
    Opened(Cause),
    /// It is published again, where it was not for so long.
    ToldAgain(Duration),
    /// Somebody says what came of it.
    Answered(NoticeState, Option<Code>),
}

impl Change {
    /// The disclosure after it; none where it changes nothing.
    fn of(&self, standing: &Disclosure, act: [u8; 16], now: Timestamp) -> Result<Option<Disclosure>, Error> {
        match self {
            Self::Opened(cause) => standing.with_notice(*cause, act, now),
            Self::ToldAgain(rest) => {
                let own = standing.notices.iter().find(|notice| notice.act == act);
                // Another process may have done so a moment ago.
                let has_rested = own.is_some_and(|notice| notice.told_at.plus(*rest) <= now);
                Ok(if has_rested { standing.told_again(act, now) } else { None })
            }
            Self::Answered(state, filed) => standing.answered(act, *state, filed.clone(), now),
        }
    }
}

impl Service {
    /// Writes down that a recipient got something of a recording, or answers with what stands by this id and content.
    pub async fn disclose(
        &self,
        tenant: &TenantId,
        by: &Actor,
        new: NewDisclosure,
    ) -> Result<Disclosure, Error> {
        let NewDisclosure { id, recording, recipient, purpose, at, filed } = new;
        let now = self.now();
        if matches!(recipient.as_str(), DATA_SUBJECT | REPRESENTATIVE) {
            return Err(Error::invalid(
                "recipient",
                "must not be who gets a copy: that is recorded by itself",
            ));
        }
        if at.is_some_and(|at| at > now) {
            return Err(Error::invalid("at", "must not be in the future"));
        }
        let key = DisclosureKey { tenant: tenant.clone(), id };
        let at = at.unwrap_or(now);
        let origin = Origin::Filed(filed);
        let (by, notices, version) = (by.clone(), Vec::new(), 1);
        let disclosure = Disclosure { key, recording, recipient, purpose, at, by, origin, notices, version };
        // What was recorded before stands, whatever became of the recording.
        if let Some(standing) = self.disclosures().get(&disclosure.key).await? {
            return same(standing, &disclosure);
        }
        self.check_recording(tenant, recording).await?;
        let recorded = self.begin(disclosure).await?;
        info!(%tenant, disclosure = %id, %recording, "a disclosure was recorded");
        Ok(recorded)
    }

    /// Those of a recording, in order of their ids, after one; at most `limit`.
    pub async fn disclosures_of(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        after: Option<DisclosureId>,
        limit: u32,
    ) -> Result<Vec<Disclosure>, Error> {
        Ok(self.disclosures().of_recording(tenant, recording, after, limit).await?)
    }

    /// Those whose recipients are still to be told of something, in order of their ids, after one; at most `limit`.
    pub async fn unanswered(
        &self,
        tenant: &TenantId,
        after: Option<DisclosureId>,
        limit: u32,
    ) -> Result<Vec<Disclosure>, Error> {
        Ok(self.disclosures().unanswered(tenant, after, limit).await?)
    }

    /// Notes what came of a notice; the same again changes nothing.
    pub async fn answer_notice(
        &self,
        key: &DisclosureKey,
        act: [u8; 16],
        state: NoticeState,
        filed: Option<Code>,
    ) -> Result<Disclosure, Error> {
        let standing = self.disclosure(key).await?;
        let (answered, is_new) = self.change(standing, act, &Change::Answered(state, filed)).await?;
        if is_new {
            info!(tenant = %key.tenant, disclosure = %key.id, %state, "a notice was answered");
        }
        Ok(answered)
    }

    /// Opens the notice of an act at each disclosure of a recording, and says at how many. Where it is there already it
    /// stays as it is.
    pub async fn note_act(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        cause: Cause,
        act: [u8; 16],
    ) -> Result<u64, Error> {
        let (mut after, mut opened) = (None, 0);
        loop {
            let page = self.disclosures_of(tenant, recording, after, MAX_LISTED).await?;
            after = page.last().map(|last| last.key.id);
            let is_last = page.len() < MAX_LISTED as usize;
            for disclosure in page {
                opened += u64::from(self.open_notice(disclosure, cause, act).await?);
            }
            if is_last {
                return Ok(opened);
            }
        }
    }

    /// Whether a notice was opened. A recipient that has as many as there may be keeps no other one from being told.
    async fn open_notice(&self, disclosure: Disclosure, cause: Cause, act: [u8; 16]) -> Result<bool, Error> {
        let DisclosureKey { tenant, id } = disclosure.key.clone();
        match self.change(disclosure, act, &Change::Opened(cause)).await {
            Ok((_, false)) => Ok(false),
            Ok((_, true)) => {
                info!(%tenant, disclosure = %id, %cause, "a recipient is to be told of an act");
                Ok(true)
            }
            Err(refused @ Error::TooMany { .. }) => {
                error!(%tenant, disclosure = %id, error = chain(&refused),
                    "a recipient was not told of an act: somebody has to");
                Ok(false)
            }
            Err(other) => Err(other),
        }
    }

    /// Changes the notice of an act and publishes it, on whatever the disclosure is when that is written; says what
    /// stands then, and whether that is new.
    pub(crate) async fn change(
        &self,
        standing: Disclosure,
        act: [u8; 16],
        change: &Change,
    ) -> Result<(Disclosure, bool), Error> {
        let mut standing = standing;
        for _ in 0..TRIES {
            let Some(next) = change.of(&standing, act, self.now())? else { return Ok((standing, false)) };
            let notice = next.notices.iter().find(|notice| notice.act == act);
            let event = events::disclosed(&next, notice);
            if self.disclosures().put(&next, &event).await? == Written::Applied {
                return Ok((next, true));
            }
            standing = self.disclosure(&standing.key).await?;
        }
        Err(Error::Contended("the disclosure"))
    }

    /// A disclosure as it stands.
    async fn disclosure(&self, key: &DisclosureKey) -> Result<Disclosure, Error> {
        let found = self.disclosures().get(key).await?;
        found.ok_or_else(|| Error::Unknown { what: "disclosure", id: key.id.to_string() })
    }

    /// Writes a disclosure down, or answers with the one that stands by its id.
    async fn begin(&self, disclosure: Disclosure) -> Result<Disclosure, Error> {
        let event = events::disclosed(&disclosure, None);
        match self.disclosures().put(&disclosure, &event).await? {
            Written::Applied => Ok(disclosure),
            Written::Conflict => same(self.disclosure(&disclosure.key).await?, &disclosure),
        }
    }

    /// Refuses a recording that nobody knows.
    async fn check_recording(&self, tenant: &TenantId, recording: RecordingId) -> Result<(), Error> {
        match self.mesh().recording(tenant, recording).await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == ErrorCode::NotFound => {
                Err(Error::Unknown { what: "recording", id: recording.to_string() })
            }
            Err(error) => Err(error),
        }
    }
}

/// The one that stands, where it is what is recorded now.
fn same(standing: Disclosure, recorded: &Disclosure) -> Result<Disclosure, Error> {
    if standing.is_same(recorded) {
        return Ok(standing);
    }
    let why = format!("disclosure {} was recorded with another content", recorded.key.id);
    Err(Error::refused("other-disclosure", why))
}

#[cfg(test)]
mod tests;
