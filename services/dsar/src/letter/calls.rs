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
    let lines = group.calls.iter().map(|call| {
        let until = call.until.filter(|_| differ).map(|until| date(zone, until));
        format!("- {}", say.call(zone.to_datetime(call.began.to_jiff()), until))
    });
    let lines: Vec<_> = lines.collect();
    Some(format!("{}\n\n{}", say.calls(count), lines.join("\n")))
}

/// The days on which what a group keeps ends.
pub(super) fn days(zone: &TimeZone, group: &Group) -> Option<Days> {
    let (first, last) = group.ends?;
    Some(Days { first: date(zone, first), last: date(zone, last) })
}

/// The local date of a moment.
pub(super) fn date(zone: &TimeZone, at: Timestamp) -> Date {
    zone.to_datetime(at.to_jiff()).date()
}
