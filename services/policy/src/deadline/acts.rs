//! What is done to a clock: extending it, pausing it, and going on.

use kernel::Timestamp;

use super::clock::{Clock, Extension, Reason, in_order};
use super::error::DeadlineError;
use super::pause::{Ground, Pause};

/// How many pauses a clock may have: each is a question to a person who wants an answer.
pub const MAX_PAUSES: usize = 64;

impl Clock {
    /// The clock with two months more, for a reason of which the person was told by a notice.
    ///
    /// Refused where it was extended before; where the month is over (by [`due_as_of`](Self::due_as_of), strictly:
    /// what the UK GDPR leaves out of the period is left out of the time for the notice too, Art. 12A); where the
    /// notice was not delivered; and where its delivery lies before the receipt or after `now`.
    pub fn extend(
        &self,
        reason: Reason,
        notice_delivered_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Self, DeadlineError> {
        let due = self.due_as_of(now).strict;
        if self.extension.is_some() {
            return Err(DeadlineError::AlreadyExtended { due: due.date });
        }
        if now >= due.ends {
            return Err(DeadlineError::ExtendedTooLate { due: due.date, now });
        }
        let undelivered = DeadlineError::NoticeNotDelivered { due: due.date };
        let delivered_at = notice_delivered_at.ok_or(undelivered)?;
        let received_at = self.received_at;
        if !(received_at..=now).contains(&delivered_at) {
            return Err(DeadlineError::NoticeOutOfTime { delivered_at, received_at, now });
        }
        let extension = Extension { reason, notice_delivered_at: delivered_at, extended_at: now };
        Self { extension: Some(extension), ..self.clone() }.within_calendar()
    }

    /// The clock from `at` on, when an answer was asked for. Whether that stops it is the law's to say and not the
    /// caller's: under the GDPR a clarification never does, and identity only where it is asked for within
    /// [`ASK_WITHIN`](super::ASK_WITHIN) working days; both are kept all the same.
    ///
    /// Refused while the same answer is awaited; where `at` lies before the receipt or the answer before; where the
    /// request is overdue; and beyond [`MAX_PAUSES`].
    pub fn pause(&self, ground: Ground, at: Timestamp) -> Result<Self, DeadlineError> {
        let mut after = self.received_at;
        for pause in self.pauses.iter().filter(|pause| pause.ground == ground) {
            let Some(to) = pause.to else {
                return Err(DeadlineError::AlreadyPaused { ground, since: pause.from });
            };
            after = after.max(to);
        }
        in_order(after, at)?;
        let due = self.due_as_of(at).strict;
        if at >= due.ends {
            return Err(DeadlineError::PausedTooLate { due: due.date, at });
        }
        if self.pauses.len() >= MAX_PAUSES {
            return Err(DeadlineError::TooManyPauses);
        }
        let mut paused = self.clone();
        paused.pauses.push(Pause { from: at, to: None, ground });
        paused.pauses.sort_by_key(|pause| pause.from);
        Ok(paused)
    }

    /// The clock from `at` on, when the answer came.
    ///
    /// Refused where none is awaited, and where `at` lies before the question.
    pub fn resume(&self, ground: Ground, at: Timestamp) -> Result<Self, DeadlineError> {
        let mut resumed = self.clone();
        let mut pauses = resumed.pauses.iter_mut();
        let Some(pause) = pauses.find(|pause| pause.ground == ground && pause.to.is_none()) else {
            return Err(DeadlineError::NotPaused { ground });
        };
        in_order(pause.from, at)?;
        pause.to = Some(at);
        resumed.within_calendar()
    }
}
