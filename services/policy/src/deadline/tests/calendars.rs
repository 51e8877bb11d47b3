use jiff::civil::Weekday;
use kernel::{ErrorCode, ServiceError};
use rstest::rstest;

use super::*;

#[rstest]
#[case("1971-04-11")]
#[case("1981-04-19")]
#[case("2000-04-23")]
#[case::the_earliest_for_long("2008-03-23")]
#[case("2011-04-24")]
#[case("2019-04-21")]
#[case("2024-03-31")]
#[case("2026-04-05")]
#[case("2027-03-28")]
#[case("2035-03-25")]
#[case::the_latest("2038-04-25")]
#[case::moved_back_by_a_week("2049-04-18")]
#[case::moved_back_by_a_week("2076-04-19")]
#[case("2100-03-28")]
#[case("2160-03-23")]
#[case("2199-04-14")]
fn easter_is_when_the_church_has_it(#[case] sunday: &str) {
    assert_eq!(easter_sunday(date(sunday).year()), Ok(date(sunday)));
}

#[test]
fn easter_is_a_sunday_of_spring() {
    for year in FIRST_EASTER..=LAST_EASTER {
        let easter = easter_sunday(year).unwrap();
        assert_eq!(easter.weekday(), Weekday::Sunday, "{easter}");
        let (first, last) = (Date::new(year, 3, 22).unwrap(), Date::new(year, 4, 25).unwrap());
        assert!((first..=last).contains(&easter), "{easter}");
    }
}

#[rstest]
fn easter_is_not_guessed_outside_its_years(#[values(i16::MIN, 0, 1582, 1970, 2200, i16::MAX)] year: i16) {
    assert_eq!(easter_sunday(year), Err(NoEaster { year }));
    let says = format!("easter is computed for the years 1971 to 2199, not for {year}");
    assert_eq!(NoEaster { year }.to_string(), says);
}

#[rstest]
#[case::once("DE", "-", "2017-10-31", Some("Reformation Day"))]
#[case::not_again("DE", "-", "2018-10-31", None)]
#[case::in_four_more_laender_since("DE", "DE-HB", "2018-10-31", Some("Reformation Day"))]
#[case::women_since_2023("DE", "DE-MV", "2022-03-08", None)]
#[case::women_since_2023("DE", "DE-MV", "2023-03-08", Some("Women's Day"))]
#[case::on_a_weekend("IT", "-", "2026-10-04", Some("Saint Francis of Assisi"))]
#[case::before_the_law("IT", "-", "2025-10-04", None)]
#[case::the_day_itself("GB", "-", "2021-12-25", Some("Christmas Day"))]
#[case::its_substitute("GB", "-", "2021-12-27", Some("Christmas Day"))]
#[case::the_substitute_of_the_next("GB", "-", "2021-12-28", Some("Boxing Day"))]
#[case::moved_away("GB", "-", "2022-05-30", None)]
#[case::moved_to("GB", "-", "2022-06-02", Some("Spring Bank Holiday"))]
#[case::once("GB", "-", "2022-06-03", Some("Platinum Jubilee"))]
#[case::once("GB", "GB-NIR", "2022-09-19", Some("State Funeral of Queen Elizabeth II"))]
#[case::once("GB", "GB-SCT", "2023-05-08", Some("Coronation of King Charles III"))]
#[case::once("GB", "GB-SCT", "2026-06-15", Some("World Cup Bank Holiday"))]
#[case::once("IE", "-", "2022-03-18", Some("Day of Remembrance and Recognition"))]
#[case::a_friday("IE", "-", "2030-02-01", Some("Saint Brigid's Day"))]
#[case::every_fifth_year("NL", "-", "2030-05-05", Some("Liberation Day"))]
#[case::not_the_year_after("NL", "-", "2031-05-05", None)]
#[case::nothing_is_written_down("PL", "-", "2026-12-25", None)]
fn a_day_is_a_holiday_where_and_when_the_law_has_it(
    #[case] jurisdiction: &str,
    #[case] code: &str,
    #[case] day: &str,
    #[case] name: Option<&str>,
) {
    let calendar = Calendars::get(place(jurisdiction), 1).unwrap();
    assert_eq!(calendar.holiday(date(day), region(code)), Ok(name));
}

#[rstest]
#[case::first("2017-01-01", true)]
#[case::last("2199-12-31", true)]
#[case::before("2016-12-31", false)]
#[case::after("2200-01-01", false)]
fn a_calendar_says_nothing_of_years_that_it_does_not_know(#[case] day: &str, #[case] known: bool) {
    let day = date(day);
    let holiday = Calendars::get(place("IT"), 1).unwrap().holiday(day, None);
    if known {
        assert!(holiday.is_ok(), "{holiday:?}");
    } else {
        assert_eq!(holiday, Err(DeadlineError::OutOfRange { date: day }));
    }
}

#[rstest]
#[case("2026-04-02", 0, "2026-04-02", "2026-04-02")]
// Good Friday is a working day in Italy, Easter Monday is none.
#[case("2026-04-02", 1, "2026-04-01", "2026-04-03")]
#[case("2026-04-02", 2, "2026-03-31", "2026-04-07")]
#[case("2026-04-02", 5, "2026-03-26", "2026-04-10")]
#[case::from_a_sunday("2026-04-05", 1, "2026-04-03", "2026-04-07")]
fn working_days_are_counted_without_the_day_itself(
    #[case] from: &str,
    #[case] days: u8,
    #[case] before: &str,
    #[case] after: &str,
) {
    let calendar = Calendars::get(place("IT"), 1).unwrap();
    assert_eq!(calendar.working_days_before(date(from), days, None), date(before));
    assert_eq!(calendar.working_days_after(date(from), days, None), date(after));
}

#[rstest]
fn a_version_that_is_not_known_is_an_error(#[values(0, 2, u16::MAX)] version: u16) {
    for jurisdiction in Jurisdiction::all() {
        let stamp = CalendarStamp { id: CalendarId::of(jurisdiction), version };
        let unknown = DeadlineError::UnknownCalendar { stamp, newest: Calendars::NEWEST };
        assert_eq!(Calendars::get(jurisdiction, version), Err(unknown));
    }
}

#[test]
fn every_calendar_has_every_version() {
    for id in CalendarId::ALL {
        for version in 1..=Calendars::NEWEST {
            let stamp = CalendarStamp { id: *id, version };
            assert_eq!(Calendars::stamped(stamp).map(Calendar::stamp), Ok(stamp));
        }
    }
}

#[test]
fn a_region_is_known_by_its_code_and_lies_in_one_country() {
    for region in Region::all() {
        assert_eq!(region.as_str().parse(), Ok(region));
        let countries = Jurisdiction::all().filter(|jurisdiction| region.is_in(*jurisdiction));
        assert_eq!(countries.count(), 1, "{region}");
    }
    for code in ["", "-", "DE", "DE-", "DE-XX", "de-by", "IT-BZ", "GB-UKM"] {
        assert_eq!(code.parse::<Region>(), Err(UnknownRegion), "{code}");
    }
}

#[test]
fn a_region_of_another_country_is_refused() {
    let received_at = at("2026-03-02T10:00:00Z");
    for region in Region::all().filter(|region| !region.is_in(place("DE"))) {
        let refused = Clock::start(received_at, place("DE"), Some(region)).unwrap_err();
        assert_eq!(refused, DeadlineError::RegionElsewhere { region, jurisdiction: place("DE") });
        assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    }
}

#[test]
fn no_rule_is_made_up_for_switzerland() {
    let refused = Clock::start(at("2026-03-02T10:00:00Z"), place("CH"), None).unwrap_err();
    assert_eq!(refused, DeadlineError::NoLaw { jurisdiction: place("CH") });
    assert_eq!(refused.to_string(), "no rule is known by which a request falls due in CH");
}

#[rstest]
#[case::before_the_first_year("2016-12-31T12:00:00Z", "2016-12-31")]
#[case::the_last_moment_before_it("2016-12-31T22:59:59Z", "2016-12-31")]
#[case::due_after_the_last_year("2199-12-01T12:00:00Z", "2200-01-01")]
#[case::after_the_last_year("2200-01-01T12:00:00Z", "2200-01-01")]
fn a_request_outside_the_calendars_is_refused(#[case] received_at: &str, #[case] day: &str) {
    let refused = Clock::start(at(received_at), place("IT"), None).unwrap_err();
    assert_eq!(refused, DeadlineError::OutOfRange { date: date(day) });
    assert_eq!(refused.to_string(), format!("{day} is outside the calendars, which have 2017 to 2199"));
}

#[test]
fn the_first_moment_of_the_first_year_is_inside() {
    assert_eq!(clock("IT", "2016-12-31T23:00:00Z").local_date(), date("2017-01-01"));
}
