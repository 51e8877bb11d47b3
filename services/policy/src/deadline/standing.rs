//! How a clock stands at a moment: running, paused or overdue, what is to be warned of, and which of two counts.

use jiff::civil::Date;
use kernel::Timestamp;

use super::clock::Clock;
use super::due::{begins, days_later};
use crate::words::words;

/// How many days before the day on which a request falls due, strictly, it is warned of as due soon.
pub const DUE_SOON: u8 = 3;

words! {
    /// How a clock stands, as long as the request is not answered.
    State {
        /// Time runs.
        Running = 1 "running",
        /// Time does not run, by the law or by what supervisory authorities have accepted.
        Paused = 2 "paused",
        /// The strict day is over. It is an incident and no end: the request is answered all the same.
        Overdue = 3 "overdue",
    }
}

words! {
    /// What is warned of, from the least to the worst.
    WarningKind {
        /// The internal target has passed.
        InternalTarget = 1 "internal-target",
        /// The request falls due in [`DUE_SOON`] days, strictly.
        DueSoon = 2 "due-soon",
        /// The strict day is over.
        Overdue = 3 "overdue",
    }
}

/// Something that a person has to know of a request that is not answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Warning {
    /// What.
    pub kind: WarningKind,
    /// Since when.
    pub since: Timestamp,
    /// The day on which the request falls due, strictly.
    pub due: Date,
}

impl Clock {
    /// How it stands. Under the GDPR it is overdue by the strict day even while it is paused.
    pub fn state(&self, now: Timestamp) -> State {
        if now >= self.due_as_of(now).strict.ends {
            return State::Overdue;
        }
        let awaited = self.stopping().iter().any(|pause| pause.covers(now));
        if awaited { State::Paused } else { State::Running }
    }

    /// Every warning that has come up by `now`, from the least to the worst: the worse ones do not take the place
    /// of the others. All go by the strict day as it stands at `now` ([`due_as_of`](Self::due_as_of)), which an
    /// extension moves, and under the UK GDPR a pause.
    pub fn warnings(&self, now: Timestamp) -> Vec<Warning> {
        let due = self.due_as_of(now).strict;
        let soon = days_later(due.date, -i64::from(DUE_SOON));
        let kinds = [
            (WarningKind::InternalTarget, self.target_before(due).ends),
            (WarningKind::DueSoon, begins(soon, &self.jurisdiction.time_zone())),
            (WarningKind::Overdue, due.ends),
        ];
        let come_up = kinds.into_iter().filter(|(_, since)| *since <= now);
        come_up.map(|(kind, since)| Warning { kind, since, due: due.date }).collect()
    }
}

/// Which of two clocks counts at `now` for requests that are answered as one: the one that falls due first, strictly;
/// of two such, effectively; of two such, the one that was received first.
///
/// Requests that are merged keep their clocks, and this is asked anew: whichever of them is extended, paused or
/// goes on, the other one still runs.
pub fn merge<'a>(a: &'a Clock, b: &'a Clock, now: Timestamp) -> &'a Clock {
    let falls_due = |clock: &Clock| {
        let due = clock.due_as_of(now);
        (due.strict.ends, due.effective.ends, clock.received_at)
    };
    if falls_due(b) < falls_due(a) { b } else { a }
}
