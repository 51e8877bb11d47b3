//! Pauses: answers of the person that are awaited, what they take from the clock, and how their days are counted.

use jiff::civil::Date;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::clock::{Clock, Law};
use super::due::{days_later, local_date, months_later};
use crate::words::words;

/// Within how many working days of receipt, or of the answer before, identity must be asked for under the GDPR, so
/// that waiting for it may count.
pub const ASK_WITHIN: u8 = 3;

words! {
    /// What is awaited of the person.
    Ground {
        /// Proof of who they are, which was really in doubt (GDPR and UK GDPR Art. 12(6)).
        Identity = 1 "identity",
        /// Which information or processing they mean. The UK GDPR knows it for access (Art. 15) alone, where much is
        /// held of the person (Art. 12A): the caller asks it of no other request.
        Clarification = 2 "clarification",
    }
}

/// A stretch of time in which an answer was awaited.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Pause {
    /// When it was asked for.
    pub from: Timestamp,
    /// When it came; none while it is awaited.
    pub to: Option<Timestamp>,
    /// What for.
    pub ground: Ground,
}

/// A pause that stops the clock, in local dates, as far as it had come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    ground: Ground,
    from: Date,
    to: Date,
    answered: bool,
}

impl Pause {
    /// Whether the answer was awaited at a moment.
    pub(super) fn covers(&self, now: Timestamp) -> bool {
        self.from <= now && self.to.is_none_or(|to| now < to)
    }

    /// Until when it lasted and whether that was its end; none where it had not begun. Without a moment, pauses that
    /// have ended alone.
    fn lasted(&self, now: Option<Timestamp>) -> Option<(Timestamp, bool)> {
        match (self.to, now) {
            (Some(to), None) => Some((to, true)),
            (None, None) => None,
            (Some(to), Some(now)) if to <= now => Some((to, true)),
            (Some(_) | None, Some(now)) => (self.from < now).then_some((now, false)),
        }
    }
}

impl Clock {
    /// The pauses that stop it.
    pub(super) fn stopping(&self) -> Vec<Pause> {
        match self.law {
            Law::UkGdpr => self.pauses.clone(),
            Law::Gdpr => self.asked_in_time(),
        }
    }

    /// Under the GDPR: identity alone, asked for within [`ASK_WITHIN`] working days of receipt, or of an answer that
    /// had been asked for in time and did not do.
    fn asked_in_time(&self) -> Vec<Pause> {
        let zone = self.jurisdiction.time_zone();
        let mut waited_from = self.received_at;
        let mut in_time = Vec::new();
        for pause in self.pauses.iter().filter(|pause| pause.ground == Ground::Identity) {
            let since = local_date(waited_from, &zone);
            let last = self.calendar.working_days_after(since, ASK_WITHIN, self.region);
            if local_date(pause.from, &zone) <= last {
                in_time.push(*pause);
                waited_from = pause.to.map_or(waited_from, |to| to.max(waited_from));
            }
        }
        in_time
    }

    /// What of those pauses had passed by a moment; all that have ended where none is told.
    pub(super) fn stretches(&self, now: Option<Timestamp>) -> Vec<Stretch> {
        let zone = self.jurisdiction.time_zone();
        let mut stretches = Vec::new();
        for pause in self.stopping() {
            let Some((to, answered)) = pause.lasted(now) else { continue };
            let (from, to) = (local_date(pause.from, &zone), local_date(to, &zone));
            stretches.push(Stretch { ground: pause.ground, from, to, answered });
        }
        stretches
    }

    /// The date to which waiting moves the end of a period: by one for each day that was waited, from the day of
    /// asking up to the day of the answer, which is not counted. (The UK's Act leaves that day out of the period as
    /// well, and so gives one day more; this is the safe side.)
    pub(super) fn moved_by(&self, mut stretches: Vec<(Date, Date)>, period_ends: Date) -> Date {
        stretches.sort_unstable();
        let (mut end, mut counted_to) = (period_ends, Date::MIN);
        for (from, to) in stretches {
            // A day on which two answers were awaited is one day.
            let from = from.max(counted_to);
            if from >= to {
                continue;
            }
            if from > end {
                // It was asked on a day that came to the period because of a weekend or holiday.
                end = self.calendar.working_day_from(end, self.region);
            }
            end = days_later(end, to.duration_since(from).as_hours() / 24);
            counted_to = to;
        }
        end
    }

    /// The date on which a period of so many months ends by the UK GDPR, before it is moved to a working day.
    ///
    /// Each day that was waited moves it by one. For identity the Act does it another way: the period begins anew
    /// when the proof comes (Art. 12A(2)(b)), and a pause for clarification counts from then on. That is mostly
    /// later; where it is earlier, as months are not equally long, it is what holds.
    pub(super) fn uk_period_ends(&self, months: i8, stretches: &[Stretch]) -> Date {
        let waited = self.moved_by(dates(stretches), months_later(self.local_date, months));
        let (identity, clarification): (Vec<Stretch>, Vec<Stretch>) =
            stretches.iter().copied().partition(|stretch| stretch.ground == Ground::Identity);
        if identity.iter().any(|stretch| !stretch.answered) {
            return waited;
        }
        let begins = identity.iter().map(|stretch| stretch.to).fold(self.local_date, Date::max);
        let after = dates(&clarification).into_iter().map(|(from, to)| (from.max(begins), to)).collect();
        waited.min(self.moved_by(after, months_later(begins, months)))
    }
}

/// From which date up to which each of them lasted.
pub(super) fn dates(stretches: &[Stretch]) -> Vec<(Date, Date)> {
    stretches.iter().map(|stretch| (stretch.from, stretch.to)).collect()
}
