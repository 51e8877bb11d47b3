use proptest::prelude::*;

use super::*;

/// Every country that there is a law for, as a whole and by region.
fn any_place() -> impl Strategy<Value = (Jurisdiction, Option<Region>)> {
    let mut all = Vec::new();
    for place in Jurisdiction::all().filter(|place| Law::of(*place).is_ok()) {
        all.push((place, None));
        let regions = Region::all().filter(|region| region.is_in(place));
        all.extend(regions.map(|region| (place, Some(region))));
    }
    prop::sample::select(all)
}

/// Any moment that the calendars know, or one around the end of a month, a leap day, Easter or a change of clocks.
fn any_moment() -> impl Strategy<Value = Timestamp> {
    let (first, last) = (at("2017-01-02T00:00:00Z"), at("2199-06-01T00:00:00Z"));
    let odd = [
        "2026-01-31T00:00:00Z",
        "2028-01-31T00:00:00Z",
        "2028-02-29T00:00:00Z",
        "2026-03-05T00:00:00Z",
        "2026-03-29T01:00:00Z",
        "2026-10-25T01:00:00Z",
        "2021-11-26T00:00:00Z",
        "2026-12-01T00:00:00Z",
    ];
    prop_oneof![
        1 => (first.0..last.0).prop_map(Timestamp),
        1 => (prop::sample::select(odd.to_vec()), -345_600i64..345_600)
            .prop_map(|(around, seconds)| Timestamp(at(around).0 + seconds * 1_000_000)),
    ]
}

fn start((jurisdiction, region): (Jurisdiction, Option<Region>), received_at: Timestamp) -> Clock {
    Clock::start(received_at, jurisdiction, region).unwrap()
}

/// The same date so many months on, or the last of that month: by hand, so that it is not jiff's word for itself.
fn corresponding(date: Date, months: i16) -> Date {
    let month = i16::from(date.month()) - 1 + months;
    let first = Date::new(date.year() + month / 12, i8::try_from(month % 12 + 1).unwrap(), 1).unwrap();
    let last = if first.month() == 2 {
        if first.in_leap_year() { 29 } else { 28 }
    } else if [4, 6, 9, 11].contains(&first.month()) {
        30
    } else {
        31
    };
    Date::new(first.year(), first.month(), date.day().min(last)).unwrap()
}

/// Something that is done to a clock, or nothing.
#[derive(Clone, Copy, Debug)]
enum Act {
    Extend,
    Pause(Ground),
    Resume(Ground),
}

fn any_act() -> impl Strategy<Value = Act> {
    let ground = || prop::sample::select(Ground::ALL.to_vec());
    prop_oneof![
        1 => Just(Act::Extend),
        3 => ground().prop_map(Act::Pause),
        3 => ground().prop_map(Act::Resume),
    ]
}

fn act(clock: &Clock, act: Act, now: Timestamp) -> Result<Clock, DeadlineError> {
    match act {
        Act::Extend => clock.extend(Reason::Complexity, Some(now), now),
        Act::Pause(ground) => clock.pause(ground, now),
        Act::Resume(ground) => clock.resume(ground, now),
    }
}

/// Acts, each with the hours since the one before it.
fn any_acts() -> impl Strategy<Value = Vec<(Act, i64)>> {
    prop::collection::vec((any_act(), 0i64..240), 0..12)
}

fn hours_later(at: Timestamp, hours: i64) -> Timestamp {
    Timestamp(at.0 + hours * 3_600_000_000)
}

proptest! {
    #[test]
    fn a_request_falls_due_on_the_first_working_day_from_its_date_on(
        place in any_place(), received_at in any_moment(),
    ) {
        let clock = start(place, received_at);
        let calendar = Calendars::stamped(clock.calendar()).unwrap();
        for (clock, months) in [(clock.clone(), 1), (extended(&clock, received_at), 3)] {
            let due = clock.due();
            prop_assert_eq!(due.strict, due.effective);
            prop_assert!(calendar.is_working_day(due.strict.date, place.1), "{:?}", due);
            let mut day = corresponding(clock.local_date(), months);
            let mut skipped = 0;
            while day < due.strict.date {
                prop_assert!(!calendar.is_working_day(day, place.1), "{} is not {:?}", day, due);
                day = day.tomorrow().unwrap();
                skipped += 1;
            }
            prop_assert_eq!(day, due.strict.date);
            prop_assert!(skipped <= 5, "{} days are skipped before {:?}", skipped, due);
        }
    }

    #[test]
    fn a_due_day_ends_at_the_first_moment_of_the_next(place in any_place(), received_at in any_moment()) {
        let zone = place.0.time_zone();
        let due = start(place, received_at).due().strict;
        let local = |at: i64| zone.to_datetime(Timestamp(at).to_jiff());
        prop_assert_eq!(local(due.ends.0).date(), due.date.tomorrow().unwrap());
        prop_assert_eq!(local(due.ends.0 - 1).date(), due.date);
        prop_assert_eq!(local(due.ends.0).time(), jiff::civil::Time::midnight());
    }

    #[test]
    fn what_is_received_later_falls_due_no_earlier(
        place in any_place(), first in any_moment(), hours in 0i64..2_400,
    ) {
        let (first, later) = (start(place, first), start(place, hours_later(first, hours)));
        prop_assert!(first.due().strict.ends <= later.due().strict.ends);
        let (first, later) = (extended(&first, first.received_at()), extended(&later, later.received_at()));
        prop_assert!(first.due().strict.ends <= later.due().strict.ends);
    }

    #[test]
    fn an_extension_gives_time_and_takes_none(place in any_place(), received_at in any_moment()) {
        let clock = start(place, received_at);
        let longer = extended(&clock, received_at);
        prop_assert!(clock.due().strict.ends < longer.due().strict.ends);
        prop_assert_eq!(clock.base_due(), longer.base_due());
        prop_assert!(longer.internal_target().ends < longer.due().strict.ends);
    }

    #[test]
    fn what_is_done_to_a_clock_never_takes_time_and_goes_by_its_law(
        place in any_place(), received_at in any_moment(), acts in any_acts(),
    ) {
        let mut clock = start(place, received_at);
        let mut now = received_at;
        for (next, hours) in acts {
            now = hours_later(now, hours);
            // What is refused changes nothing.
            let Ok(after) = act(&clock, next, now) else { continue };
            let (was, is) = (clock.due(), after.due());
            prop_assert!(after.base_due().ends <= is.strict.ends, "{:?} takes time from {:?}", next, clock);
            prop_assert!(is.strict.ends <= is.effective.ends, "{:?}", after);
            match (after.law(), next) {
                // A month from the proof may be less than the days that were waited before.
                (Law::UkGdpr, _) => prop_assert_eq!(is.strict, is.effective),
                (Law::Gdpr, Act::Pause(_) | Act::Resume(_)) => {
                    prop_assert_eq!(was.strict, is.strict);
                    prop_assert!(was.effective.ends <= is.effective.ends, "{:?}", after);
                }
                (Law::Gdpr, Act::Extend) => prop_assert!(was.strict.ends < is.strict.ends),
            }
            clock = after;
        }
        let restored = Clock::restore(
            clock.received_at(),
            clock.jurisdiction(),
            clock.region(),
            clock.calendar(),
            clock.extension(),
            clock.pauses().to_vec(),
        );
        prop_assert_eq!(restored, Ok(clock));
    }

    #[test]
    fn in_the_uk_nothing_is_overdue_while_its_answer_is_awaited(
        received_at in any_moment(), acts in any_acts(), ground in prop::sample::select(Ground::ALL.to_vec()),
        hours in 0i64..40_000,
    ) {
        let mut clock = start((place("GB"), None), received_at);
        let mut now = received_at;
        for (next, hours) in acts {
            now = hours_later(now, hours);
            clock = act(&clock, next, now).unwrap_or(clock);
        }
        if let Ok(waits) = clock.pause(ground, now) {
            prop_assert_eq!(waits.state(hours_later(now, hours)), State::Paused);
        }
    }

    #[test]
    fn of_two_clocks_the_same_one_counts_in_either_order(
        first in (any_place(), any_moment()), second in (any_place(), any_moment()), now in any_moment(),
    ) {
        let (first, second) = (start(first.0, first.1), start(second.0, second.1));
        let (one, other) = (merge(&first, &second, now), merge(&second, &first, now));
        prop_assert_eq!(one.due().strict.ends, other.due().strict.ends);
        prop_assert!(one.due().strict.ends <= first.due().strict.ends);
        prop_assert!(one.due().strict.ends <= second.due().strict.ends);
    }

    #[test]
    fn no_moment_makes_a_clock_panic(
        place in any_place(), received_at in any_moment(), moments in prop::array::uniform4(any::<i64>()),
        ground in prop::sample::select(Ground::ALL.to_vec()),
    ) {
        let [start_at, first, second, now] = moments.map(Timestamp);
        let _ = Clock::start(start_at, place.0, place.1);
        let clock = start(place, received_at);
        let waits = clock.pause(ground, received_at).unwrap();
        for clock in [clock, waits] {
            let _ = clock.extend(Reason::Number, Some(first), now);
            let _ = clock.pause(ground, first);
            let _ = clock.resume(ground, second);
            let _ = (clock.due_as_of(now), clock.state(now), clock.warnings(now), merge(&clock, &clock, now));
        }
    }
}
