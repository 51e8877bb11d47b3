//! Where in time entries are looked for: hours, and years of them. Pure.

use kernel::Timestamp;

use crate::leaf::Term;
use crate::store::{Filter, Order, Spot};

/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;
/// Hours of a year, about: what keeps a list of hours short.
const YEAR: i64 = 8_766;

/// The hour of a moment.
pub(super) fn hour(at: Timestamp) -> i64 {
    at.0.div_euclid(HOUR)
}

/// The year of an hour.
pub(super) fn year(hour: i64) -> i64 {
    hour.div_euclid(YEAR)
}

/// The term as it stands in tables; none stands for all entries of the tenant.
pub(super) fn term(term: Option<&Term>) -> Vec<u8> {
    term.map_or_else(Vec::new, |term| term.0.to_vec())
}

/// The times between which entries are looked for, both ends in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Window {
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

impl Window {
    /// What a filter leaves to be looked at, behind the entry that it goes on after; `None` where that is nothing.
    pub(super) fn of(filter: &Filter) -> Option<Self> {
        let first = filter.from;
        let last = Timestamp(filter.to.0.checked_sub(1)?);
        let (first, last) = match (filter.after, filter.order) {
            (None, _) => (first, last),
            (Some(after), Order::OldestFirst) => (first.max(after.at), last),
            (Some(after), Order::NewestFirst) => (first, last.min(after.at)),
        };
        (first <= last).then_some(Self { first, last })
    }

    pub(super) fn hours(self) -> (i64, i64) {
        (hour(self.first), hour(self.last))
    }

    pub(super) fn years(self) -> (i64, i64) {
        let (first, last) = self.hours();
        (year(first), year(last))
    }
}

/// Whether an entry lies beyond the one that a page goes on after.
pub(super) fn is_beyond(filter: &Filter, spot: Spot) -> bool {
    match (filter.after, filter.order) {
        (None, _) => true,
        (Some(after), Order::OldestFirst) => spot > after,
        (Some(after), Order::NewestFirst) => spot < after,
    }
}

#[cfg(test)]
mod tests {
    use kernel::TenantId;

    use super::*;
    use crate::store::{Generation, Part};

    fn filter(from: i64, to: i64, after: Option<i64>, order: Order) -> Filter {
        let after =
            after.map(|at| Spot { at: Timestamp(at), part: Part::of(Generation::FIRST, 1), index: 5 });
        let (from, to) = (Timestamp(from), Timestamp(to));
        let tenant = TenantId::new("alfa").unwrap();
        Filter { tenant, terms: Vec::new(), from, to, after, order, limit: 1 }
    }

    #[test]
    fn a_window_narrows_to_what_is_left() {
        use Order::{NewestFirst, OldestFirst};
        for (from, to, after, order, expected) in [
            (10, 20, None, OldestFirst, Some((10, 19))),
            (10, 11, None, OldestFirst, Some((10, 10))),
            (10, 10, None, OldestFirst, None),
            (i64::MIN, i64::MIN, None, OldestFirst, None),
            (10, 20, Some(15), OldestFirst, Some((15, 19))),
            (10, 20, Some(15), NewestFirst, Some((10, 15))),
            (10, 20, Some(25), OldestFirst, None),
            (10, 20, Some(5), NewestFirst, None),
        ] {
            let window = Window::of(&filter(from, to, after, order));
            let expected =
                expected.map(|(first, last)| Window { first: Timestamp(first), last: Timestamp(last) });
            assert_eq!(window, expected, "{from} {to} {after:?}");
        }
    }

    #[test]
    fn every_time_has_an_hour_and_a_year() {
        for (at, expected) in [(0, (0, 0)), (HOUR - 1, (0, 0)), (-1, (-1, -1)), (HOUR * YEAR, (YEAR, 1))] {
            let hour = hour(Timestamp(at));
            assert_eq!((hour, year(hour)), expected, "{at}");
        }
        let all = Window { first: Timestamp(i64::MIN), last: Timestamp(i64::MAX) };
        assert!(all.years().0 < 0 && all.years().1 > 0);
    }

    #[test]
    fn a_page_goes_on_strictly_beyond_its_last_entry() {
        let spot = |at, partition, index| Spot {
            at: Timestamp(at),
            part: Part::of(Generation::FIRST, partition),
            index,
        };
        let oldest = filter(0, 100, Some(15), Order::OldestFirst);
        let newest = filter(0, 100, Some(15), Order::NewestFirst);
        for (spot, after_oldest, after_newest) in [
            (spot(15, 1, 5), false, false),
            (spot(15, 1, 6), true, false),
            (spot(15, 2, 0), true, false),
            (spot(15, 0, 9), false, true),
            (spot(14, 9, 9), false, true),
        ] {
            assert_eq!((is_beyond(&oldest, spot), is_beyond(&newest, spot)), (after_oldest, after_newest));
        }
    }
}
