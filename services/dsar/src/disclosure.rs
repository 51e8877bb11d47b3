//! Who outside got something of a recording, and what they are to be told when it is put right, restricted or erased (GDPR
//! Art. 15(1)(c) and 19). Pure.
//!
//! A disclosure is written down once and never changed. What changes are its notices: one for each act that its recipient
//! must know of. A notice that nobody has answered is published again and again, and is never given up: that telling is
//! impossible or would be out of all proportion somebody says, with a reason.

use kernel::{DisclosureId, PurposeName, RecordingId, RequestId, TenantId, Timestamp};
use policy::code::Code;
use policy::request::{Actor, Cause, NoticeState};

use crate::error::Error;

/// Most notices of one disclosure: acts on a recording are few, and what is erased has no further ones.
pub const MAX_NOTICES: usize = 64;
/// Who got a copy of what is theirs.
pub const DATA_SUBJECT: &str = "data-subject";
/// Who got it for them.
pub const REPRESENTATIVE: &str = "representative";

/// Which disclosure.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DisclosureKey {
    /// Whose controller's.
    pub tenant: TenantId,
    /// Its id.
    pub id: DisclosureId,
}

/// How it came to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// The copy that a request asked for.
    Copy(RequestId),
    /// Anything else, by the reference under which it is filed.
    Filed(Code),
}

/// That a recipient got something of a recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Disclosure {
    /// Which.
    pub key: DisclosureKey,
    /// Of which recording.
    pub recording: RecordingId,
    /// Who got it: a code, and never a person's name.
    pub recipient: Code,
    /// For what; none where for no one purpose.
    pub purpose: Option<PurposeName>,
    /// When.
    pub at: Timestamp,
    /// Who gave it.
    pub by: Actor,
    /// How it came to it.
    pub origin: Origin,
    /// What the recipient is to be told, oldest first.
    pub notices: Vec<Notice>,
    /// 1 for the disclosure, one more with each change of a notice.
    pub version: u64,
}

/// That a recipient must know of an act.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// What was done.
    pub cause: Cause,
    /// The erasure, hold or request that it was: one notice for each.
    pub act: [u8; 16],
    /// How far it is.
    pub state: NoticeState,
    /// When it came to be due.
    pub since: Timestamp,
    /// How often it was published, and when last.
    pub told: u32,
    /// See `told`.
    pub told_at: Timestamp,
    /// When it was answered last.
    pub answered_at: Option<Timestamp>,
    /// What was said with the answer: where it is filed, or why it failed or is impossible.
    pub filed: Option<Code>,
}

impl Disclosure {
    /// Whether its recipient is to be told of something.
    pub fn is_open(&self) -> bool {
        self.notices.iter().any(|notice| notice.state.is_open())
    }

    /// With a notice of an act, published now; none where there is one of it already. Whoever got a copy as the data
    /// subject asked for what was done or was told of it, and is told by the answer: there is nothing to notify.
    pub fn with_notice(&self, cause: Cause, act: [u8; 16], now: Timestamp) -> Result<Option<Self>, Error> {
        let knows = matches!(self.recipient.as_str(), DATA_SUBJECT | REPRESENTATIVE);
        if knows || self.notices.iter().any(|notice| notice.act == act) {
            return Ok(None);
        }
        if self.notices.len() >= MAX_NOTICES {
            return Err(Error::TooMany { what: "notices of one disclosure", bound: MAX_NOTICES as u64 });
        }
        let notice = Notice {
            cause,
            act,
            state: NoticeState::Due,
            since: now,
            told: 1,
            told_at: now,
            answered_at: None,
            filed: None,
        };
        let mut next = self.next();
        next.notices.push(notice);
        Ok(Some(next))
    }

    /// With an unanswered notice published once more; none where it was answered.
    pub fn told_again(&self, act: [u8; 16], now: Timestamp) -> Option<Self> {
        let mut next = self.next();
        let notice = next.notices.iter_mut().find(|notice| notice.act == act && notice.state.is_open())?;
        notice.told = notice.told.saturating_add(1);
        notice.told_at = now;
        Some(next)
    }

    /// With an answer to a notice; none where just that was said before. What was acknowledged stays so.
    pub fn answered(
        &self,
        act: [u8; 16],
        state: NoticeState,
        filed: Option<Code>,
        now: Timestamp,
    ) -> Result<Option<Self>, Error> {
        let mut next = self.next();
        let notice = next.notices.iter_mut().find(|notice| notice.act == act);
        let notice = notice.ok_or_else(|| {
            Error::refused("no-such-notice", "the recipient was not to be told of any such act")
        })?;
        let needs_reason = matches!(state, NoticeState::Failed | NoticeState::Impossible);
        if state == NoticeState::Due {
            return Err(Error::invalid("state", "must be acknowledged, failed or impossible"));
        }
        if needs_reason && filed.is_none() {
            return Err(Error::invalid("filed", "must say why it failed or is impossible"));
        }
        if notice.state == state && notice.filed == filed {
            return Ok(None);
        }
        if notice.state == NoticeState::Acknowledged {
            return Err(Error::refused("acknowledged", "the recipient has acknowledged the notice"));
        }
        (notice.state, notice.filed, notice.answered_at) = (state, filed, Some(now));
        Ok(Some(next))
    }

    /// The same, whatever became of its notices.
    pub fn is_same(&self, other: &Self) -> bool {
        let fixed = |it: &Self| (it.recording, it.recipient.clone(), it.purpose.clone(), it.origin.clone());
        self.key == other.key && fixed(self) == fixed(other)
    }

    fn next(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }
}

#[cfg(test)]
mod tests;
