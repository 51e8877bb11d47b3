use super::*;

const DUE: &str = include_str!("../vectors/due.csv");

#[test]
fn every_request_falls_due_when_its_vector_says() {
    let rows = rows::<7>(DUE, "jurisdiction,region,received_at,extended,due,ends,source");
    assert_eq!(rows.len(), 166, "a vector was lost or added");
    for [jurisdiction, code, received_at, longer, due, ends, source] in rows {
        let received_at = at(received_at);
        let started = Clock::start(received_at, place(jurisdiction), region(code)).unwrap();
        let clock = match longer {
            "no" => started,
            "yes" => extended(&started, received_at),
            other => panic!("{other} is neither yes nor no"),
        };
        let strict = DueDay { date: date(due), ends: at(ends) };
        let expected = Due { strict, effective: strict };
        assert_eq!(clock.due(), expected, "{jurisdiction} {code} {received_at}: {source}");
    }
}

#[test]
fn a_clock_knows_where_and_by_what_it_was_started() {
    let received_at = at("2027-01-31T23:30:00Z");
    let clock = Clock::start(received_at, place("DE"), region("DE-BY")).unwrap();
    assert_eq!((clock.received_at(), clock.local_date()), (received_at, date("2027-02-01")));
    assert_eq!(
        (clock.jurisdiction(), clock.law(), clock.region()),
        (place("DE"), Law::Gdpr, region("DE-BY"))
    );
    assert_eq!(clock.calendar(), CalendarStamp { id: CalendarId::Germany, version: 1 });
    assert_eq!(clock.calendar().to_string(), "de v1");
    assert_eq!(clock.base_due(), clock.due().strict);
    assert_eq!((clock.extension(), clock.pauses()), (None, &[] as &[Pause]));
}

#[test]
fn a_clock_that_was_stored_is_the_same_again() {
    let started = Clock::start(at("2026-03-02T10:00:00Z"), place("GB"), region("GB-SCT")).unwrap();
    let asked = paused(&started, Ground::Identity, "2026-03-03T10:00:00Z", "2026-03-09T10:00:00Z");
    let stored = extended(
        &paused(&asked, Ground::Clarification, "2026-03-05T10:00:00Z", "-"),
        at("2026-03-10T10:00:00Z"),
    );
    let restore = |calendar, pauses| {
        Clock::restore(
            stored.received_at(),
            stored.jurisdiction(),
            stored.region(),
            calendar,
            stored.extension(),
            pauses,
        )
    };
    assert_eq!(restore(stored.calendar(), stored.pauses().to_vec()), Ok(stored.clone()));
    let backwards = stored.pauses().iter().rev().copied().collect();
    assert_eq!(restore(stored.calendar(), backwards), Ok(stored.clone()));
}

#[test]
fn a_clock_keeps_its_calendar_and_is_not_restored_by_another() {
    let clock = clock("IT", "2026-03-02T10:00:00Z");
    let newer = CalendarStamp { version: 2, ..clock.calendar() };
    let restored =
        Clock::restore(clock.received_at(), clock.jurisdiction(), None, newer, None, Vec::new()).unwrap_err();
    assert_eq!(restored, DeadlineError::UnknownCalendar { stamp: newer, newest: 1 });
    let says = "calendar it v2 is not known to this version, which has versions 1 to 1";
    assert_eq!(restored.to_string(), says);
}

#[test]
fn a_pause_that_cannot_have_been_is_not_restored() {
    let clock = clock("GB", "2026-03-02T10:00:00Z");
    let (before, after) = (at("2026-03-01T10:00:00Z"), at("2026-03-03T10:00:00Z"));
    let restore = |from, to| {
        let pauses = vec![Pause { from, to, ground: Ground::Identity }];
        Clock::restore(clock.received_at(), clock.jurisdiction(), None, clock.calendar(), None, pauses)
    };
    let early = DeadlineError::OutOfOrder { at: before, after: clock.received_at() };
    assert_eq!(restore(before, None), Err(early));
    let backwards = DeadlineError::OutOfOrder { at: before, after };
    assert_eq!(restore(after, Some(before)), Err(backwards));
}

#[test]
fn what_is_stored_of_a_clock_round_trips_as_json() {
    let extension = Extension {
        reason: Reason::Number,
        notice_delivered_at: at("2026-03-10T10:00:00Z"),
        extended_at: at("2026-03-10T11:00:00Z"),
    };
    let json = serde_json::to_string(&extension).unwrap();
    assert_eq!(serde_json::from_str::<Extension>(&json).unwrap(), extension, "{json}");
    let pause = Pause { from: at("2026-03-10T10:00:00Z"), to: None, ground: Ground::Clarification };
    let json = serde_json::to_string(&pause).unwrap();
    assert_eq!(serde_json::from_str::<Pause>(&json).unwrap(), pause, "{json}");
    let stamp = CalendarStamp { id: CalendarId::Weekends, version: 1 };
    let json = serde_json::to_string(&stamp).unwrap();
    assert_eq!(serde_json::from_str::<CalendarStamp>(&json).unwrap(), stamp, "{json}");
}
