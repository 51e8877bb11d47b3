//! The clock of one request: when it was received, under which law and calendar, and when it falls due.

use jiff::civil::Date;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::calendar::{Calendar, CalendarStamp, Calendars, Region, covers};
use super::due::{Due, DueDay, local_date, months_later};
use super::error::DeadlineError;
use super::pause::{Pause, Stretch, dates};
use crate::jurisdiction::{Area, Jurisdiction};
use crate::words::words;

/// How many working days before a request falls due it is meant to be answered.
pub const INTERNAL_TARGET: u8 = 5;

/// Months in which a request is answered (GDPR Art. 12(3), UK GDPR Art. 12A(1)).
const MONTHS: i8 = 1;
/// ... and once it was extended by two more.
const MONTHS_EXTENDED: i8 = 3;

words! {
    /// By whose rules a clock runs.
    Law {
        /// Regulation (EU) 2016/679, in the states of the EEA.
        Gdpr = 1 "gdpr",
        /// The UK GDPR, as amended by the Data (Use and Access) Act 2025.
        UkGdpr = 2 "uk-gdpr",
    }
}

words! {
    /// Why a period was extended: no other reason counts (GDPR Art. 12(3), UK GDPR Art. 12A(3)).
    Reason {
        /// The request is complex.
        Complexity = 1 "complexity",
        /// The person made a number of requests.
        Number = 2 "number",
    }
}

/// Two months more, of which the person was told.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Extension {
    /// Why.
    pub reason: Reason,
    /// When the notice of it, with the reasons, was delivered.
    pub notice_delivered_at: Timestamp,
    /// When the period was extended.
    pub extended_at: Timestamp,
}

/// The clock of one request. It is a value: what happens to the request makes another one of it.
///
/// It is stored by what it was made from ([`restore`](Self::restore)) and keeps the version of the calendar that it
/// was started with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clock {
    pub(super) received_at: Timestamp,
    pub(super) local_date: Date,
    pub(super) jurisdiction: Jurisdiction,
    pub(super) law: Law,
    pub(super) region: Option<Region>,
    pub(super) calendar: &'static Calendar,
    pub(super) base_due: DueDay,
    pub(super) extension: Option<Extension>,
    /// In the order in which they began.
    pub(super) pauses: Vec<Pause>,
}

impl Law {
    /// Whose rules count in a jurisdiction; an error for Switzerland, which has its own.
    pub fn of(jurisdiction: Jurisdiction) -> Result<Self, DeadlineError> {
        match jurisdiction.area() {
            Area::Eea => Ok(Self::Gdpr),
            Area::Uk => Ok(Self::UkGdpr),
            Area::Switzerland => Err(DeadlineError::NoLaw { jurisdiction }),
        }
    }
}

impl Clock {
    /// The clock of a request that the controller received at `received_at`, through whichever channel and spoken
    /// to an agent too, with the newest calendar. Without a region the holidays of the whole country count (in the
    /// United Kingdom those of England and Wales).
    ///
    /// An error where no law is known for the jurisdiction, where the region lies elsewhere, and for a date that the
    /// calendars do not have.
    pub fn start(
        received_at: Timestamp,
        jurisdiction: Jurisdiction,
        region: Option<Region>,
    ) -> Result<Self, DeadlineError> {
        let newest = Calendars::get(jurisdiction, Calendars::NEWEST)?;
        Self::restore(received_at, jurisdiction, region, newest.stamp(), None, Vec::new())
    }

    /// A clock that was stored, by the calendar that it was stamped with, even where there is a newer one. Its
    /// extension and pauses are taken as they were: whether they were allowed was asked then.
    ///
    /// Errors are those of [`start`](Self::start), a calendar that this program does not have, and a pause that lies
    /// before the receipt or ends before it begins.
    pub fn restore(
        received_at: Timestamp,
        jurisdiction: Jurisdiction,
        region: Option<Region>,
        calendar: CalendarStamp,
        extension: Option<Extension>,
        mut pauses: Vec<Pause>,
    ) -> Result<Self, DeadlineError> {
        let law = Law::of(jurisdiction)?;
        if let Some(region) = region.filter(|region| !region.is_in(jurisdiction)) {
            return Err(DeadlineError::RegionElsewhere { region, jurisdiction });
        }
        let calendar = Calendars::stamped(calendar)?;
        for pause in &pauses {
            in_order(received_at, pause.from)?;
            in_order(pause.from, pause.to.unwrap_or(pause.from))?;
        }
        pauses.sort_by_key(|pause| pause.from);
        let zone = jurisdiction.time_zone();
        let local_date = local_date(received_at, &zone);
        if !covers(local_date) {
            return Err(DeadlineError::OutOfRange { date: local_date });
        }
        let month_ends = months_later(local_date, MONTHS);
        let base_due = DueDay::of(calendar.working_day_from(month_ends, region), &zone);
        Self { received_at, local_date, jurisdiction, law, region, calendar, base_due, extension, pauses }
            .within_calendar()
    }

    /// When the request was received.
    pub fn received_at(&self) -> Timestamp {
        self.received_at
    }

    /// The date of that, in the jurisdiction's time zone.
    pub fn local_date(&self) -> Date {
        self.local_date
    }

    /// Where the controller is.
    pub fn jurisdiction(&self) -> Jurisdiction {
        self.jurisdiction
    }

    /// By whose rules it runs.
    pub fn law(&self) -> Law {
        self.law
    }

    /// In which part of the country the controller is, where that was told.
    pub fn region(&self) -> Option<Region> {
        self.region
    }

    /// The calendar that it goes by.
    pub fn calendar(&self) -> CalendarStamp {
        self.calendar.stamp()
    }

    /// The day on which the request fell due when it was received: a month on, without extension or pauses.
    pub fn base_due(&self) -> DueDay {
        self.base_due
    }

    /// The extension, where there is one.
    pub fn extension(&self) -> Option<Extension> {
        self.extension
    }

    /// Every pause, in the order in which they began, whether or not it stops the clock.
    pub fn pauses(&self) -> &[Pause] {
        &self.pauses
    }

    /// When the request falls due, by all that has happened to it. An answer that is still awaited is not counted, so
    /// that these are the earliest days that there may be.
    ///
    /// Under the GDPR pauses move the effective day alone. Under the UK GDPR they move both: by the days that were
    /// waited, and no later than the Act would have it, which for identity begins the month anew when the proof
    /// comes.
    pub fn due(&self) -> Due {
        self.due_after(&self.stretches(None))
    }

    /// When the request falls due as it stands at `now`: an answer that is awaited then is counted up to that
    /// moment, and what came later is not. While such a pause lasts, the day that it moves goes on by one a day.
    pub fn due_as_of(&self, now: Timestamp) -> Due {
        self.due_after(&self.stretches(Some(now)))
    }

    /// The day by whose end the request is meant to be answered, so that there is time for what goes wrong:
    /// [`INTERNAL_TARGET`] working days before it falls due by [`due`](Self::due), strictly.
    pub fn internal_target(&self) -> DueDay {
        self.target_before(self.due().strict)
    }

    pub(super) fn target_before(&self, due: DueDay) -> DueDay {
        let date = self.calendar.working_days_before(due.date, INTERNAL_TARGET, self.region);
        DueDay::of(date, &self.jurisdiction.time_zone())
    }

    fn due_after(&self, stretches: &[Stretch]) -> Due {
        let months = if self.extension.is_some() { MONTHS_EXTENDED } else { MONTHS };
        match self.law {
            Law::Gdpr => {
                let period_ends = months_later(self.local_date, months);
                let waited = self.moved_by(dates(stretches), period_ends);
                Due { strict: self.due_on(period_ends), effective: self.due_on(waited) }
            }
            Law::UkGdpr => {
                let strict = self.due_on(self.uk_period_ends(months, stretches));
                Due { strict, effective: strict }
            }
        }
    }

    /// The day on which a period that ends with this date falls due.
    fn due_on(&self, period_ends: Date) -> DueDay {
        let date = self.calendar.working_day_from(period_ends, self.region);
        DueDay::of(date, &self.jurisdiction.time_zone())
    }

    /// This clock, unless it goes beyond what the calendars know.
    pub(super) fn within_calendar(self) -> Result<Self, DeadlineError> {
        let date = self.due().effective.date;
        if covers(date) { Ok(self) } else { Err(DeadlineError::OutOfRange { date }) }
    }
}

/// Refuses a moment that lies before the one that it has to follow.
pub(super) fn in_order(after: Timestamp, at: Timestamp) -> Result<(), DeadlineError> {
    if at < after { Err(DeadlineError::OutOfOrder { at, after }) } else { Ok(()) }
}
