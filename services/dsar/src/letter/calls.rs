//! The calls that a paragraph is about, in the local time of the controller.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use kernel::Timestamp;

use super::groups::Group;
use super::phrases::{Days, Phrases};

/// Most calls that are listed one by one.
pub(super) const LISTED: usize = 20;

/// The list of a group's calls; none where it is about no call.
pub(super) fn list(say: &dyn Phrases, zone: &TimeZone, group: &Group) -> Option<String> {
    let (first, last) = (group.calls.first()?, group.calls.last()?);
    let count = group.calls.len();
    if count > LISTED {
        return Some(say.many_calls(count, date(zone, first.began), date(zone, last.began)));
    }
    // One day for all stands in the sentence already.
    let differ = days(zone, group).is_some_and(|days| days.first != days.last);
    let minutes = group.calls.iter().map(|call| minute(call.began));
    let minutes: Vec<_> = minutes.collect();
    let lines = group.calls.iter().map(|call| {
        let until = call.until.filter(|_| differ).map(|until| date(zone, until));
        let began = zone.to_datetime(call.began.to_jiff());
        let same = minutes.iter().filter(|other| **other == minute(call.began)).count();
        // Two calls of one minute are told apart by their seconds.
        let form = if same > 1 { "%H:%M:%S" } else { "%H:%M" };
        format!("- {}", say.call(began.date(), &began.strftime(form).to_string(), until))
    });
    let lines: Vec<_> = lines.collect();
    Some(format!("{}\n\n{}", say.calls(count), lines.join("\n")))
}

/// The days on which what a group keeps ends.
pub(super) fn days(zone: &TimeZone, group: &Group) -> Option<Days> {
    let (first, last) = group.ends?;
    Some(Days { first: date(zone, first), last: date(zone, last) })
}

/// The minute of a moment; zones differ by whole minutes.
fn minute(at: Timestamp) -> i64 {
    at.0.div_euclid(60_000_000)
}

/// The local date of a moment.
pub(super) fn date(zone: &TimeZone, at: Timestamp) -> Date {
    zone.to_datetime(at.to_jiff()).date()
}
