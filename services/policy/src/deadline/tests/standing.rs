use rstest::rstest;

use super::*;

/// Received on a Monday; due on Thursday 2 April, which ends at 22:00 UTC in Rome and at 23:00 UTC in London.
const RECEIVED: &str = "2026-03-02T10:00:00Z";

#[rstest]
#[case("2026-03-02T10:00:00Z", State::Running)]
#[case("2026-04-02T21:59:59.999999Z", State::Running)]
#[case("2026-04-02T22:00:00Z", State::Overdue)]
#[case::scenario_30_it_is_overdue_for_good("2036-04-02T22:00:00Z", State::Overdue)]
fn a_clock_runs_until_its_strict_day_is_over(#[case] now: &str, #[case] state: State) {
    assert_eq!(clock("IT", RECEIVED).state(at(now)), state);
}

#[rstest]
#[case::before_the_question("IT", Ground::Identity, "2026-03-03T09:59:59Z", State::Running)]
#[case::from_the_question_on("IT", Ground::Identity, "2026-03-03T10:00:00Z", State::Paused)]
#[case::up_to_the_answer("IT", Ground::Identity, "2026-03-09T09:59:59Z", State::Paused)]
#[case::at_the_answer("IT", Ground::Identity, "2026-03-09T10:00:00Z", State::Running)]
#[case::no_ground_in_the_eu("IT", Ground::Clarification, "2026-03-05T10:00:00Z", State::Running)]
#[case::a_ground_in_the_uk("GB", Ground::Clarification, "2026-03-05T10:00:00Z", State::Paused)]
#[case::the_strict_day_in_the_eu("IT", Ground::Identity, "2026-04-03T10:00:00Z", State::Overdue)]
#[case::a_moved_day_in_the_uk("GB", Ground::Identity, "2026-04-03T10:00:00Z", State::Running)]
#[case::the_end_of_that_day("GB", Ground::Identity, "2026-04-08T22:59:59Z", State::Running)]
#[case::after_that_day("GB", Ground::Identity, "2026-04-08T23:00:00Z", State::Overdue)]
fn a_clock_is_paused_where_the_law_stops_it(
    #[case] jurisdiction: &str,
    #[case] ground: Ground,
    #[case] now: &str,
    #[case] state: State,
) {
    let clock =
        paused(&clock(jurisdiction, RECEIVED), ground, "2026-03-03T10:00:00Z", "2026-03-09T10:00:00Z");
    assert_eq!(clock.state(at(now)), state);
}

#[rstest]
#[case("IT", Ground::Identity, State::Overdue)]
#[case("GB", Ground::Identity, State::Paused)]
#[case("GB", Ground::Clarification, State::Paused)]
fn who_never_answers_stops_the_clock_in_the_uk_alone(
    #[case] jurisdiction: &str,
    #[case] ground: Ground,
    #[case] state: State,
) {
    let waits = paused(&clock(jurisdiction, RECEIVED), ground, "2026-03-03T10:00:00Z", "-");
    for now in ["2026-04-03T10:00:00Z", "2027-04-03T10:00:00Z", "2198-04-03T10:00:00Z"] {
        assert_eq!(waits.state(at(now)), state, "{now}");
    }
}

#[test]
fn what_waits_is_not_overdue_though_it_was_asked_on_a_day_that_a_weekend_gave() {
    // The month ends on Saturday 28 February.
    let clock = clock("GB", "2026-01-28T10:00:00Z");
    let waits = paused(&clock, Ground::Clarification, "2026-03-02T10:00:00Z", "-");
    for now in
        ["2026-03-02T23:59:59Z", "2026-03-03T00:00:00Z", "2026-03-03T23:59:59Z", "2026-04-14T12:00:00Z"]
    {
        assert_eq!(waits.state(at(now)), State::Paused, "{now}");
    }
}

#[test]
fn the_internal_target_is_five_working_days_before_the_request_falls_due() {
    let clock = clock("IT", RECEIVED);
    let target = DueDay { date: date("2026-03-26"), ends: at("2026-03-26T23:00:00Z") };
    assert_eq!(clock.internal_target(), target);
    // Five before Wednesday 3 June, over Republic Day.
    assert_eq!(extended(&clock, at(RECEIVED)).internal_target().date, date("2026-05-26"));
}

#[rstest]
#[case("2026-03-26T22:59:59.999999Z", &[])]
#[case("2026-03-26T23:00:00Z", &[WarningKind::InternalTarget])]
// From the beginning of Monday 30 March in Rome, by summer time.
#[case("2026-03-29T21:59:59Z", &[WarningKind::InternalTarget])]
#[case("2026-03-29T22:00:00Z", &[WarningKind::InternalTarget, WarningKind::DueSoon])]
#[case("2026-04-02T21:59:59Z", &[WarningKind::InternalTarget, WarningKind::DueSoon])]
#[case("2026-04-02T22:00:00Z", &[WarningKind::InternalTarget, WarningKind::DueSoon, WarningKind::Overdue])]
fn warnings_come_up_one_after_another_and_stay(#[case] now: &str, #[case] kinds: &[WarningKind]) {
    let warnings = clock("IT", RECEIVED).warnings(at(now));
    let told: Vec<_> = warnings.iter().map(|warning| warning.kind).collect();
    assert_eq!(told, kinds);
    for warning in warnings {
        assert!(warning.since <= at(now));
        assert_eq!(warning.due, date("2026-04-02"));
    }
}

#[test]
fn the_engine_warns_by_the_strict_day() {
    let pause = |code| {
        paused(&clock(code, RECEIVED), Ground::Identity, "2026-03-03T10:00:00Z", "2026-03-09T10:00:00Z")
    };
    let now = at("2026-04-01T10:00:00Z");
    let kinds = |clock: Clock| clock.warnings(now).iter().map(|warning| warning.kind).collect::<Vec<_>>();
    assert_eq!(kinds(pause("IT")), [WarningKind::InternalTarget, WarningKind::DueSoon]);
    // In the UK the strict day is Wednesday 8 April, five working days after Monday 30 March.
    assert_eq!(kinds(pause("GB")), [WarningKind::InternalTarget]);
}

#[test]
fn of_merged_requests_the_one_that_falls_due_first_counts() {
    let now = at("2026-03-20T10:00:00Z");
    let (first, second) = (clock("IT", RECEIVED), clock("IT", "2026-03-10T10:00:00Z"));
    assert_eq!(merge(&first, &second, now), &first);
    assert_eq!(merge(&second, &first, now), &first);
    // The first is extended, the second is not.
    let first = extended(&first, now);
    assert_eq!(merge(&first, &second, now), &second);
    assert_eq!(merge(&second, &first, now), &second);
}

#[test]
fn of_merged_requests_that_fall_due_on_one_day_the_one_received_first_counts() {
    // Both on Monday 2 March.
    let now = at("2026-02-10T10:00:00Z");
    let (first, second) = (clock("IT", "2026-01-30T10:00:00Z"), clock("IT", "2026-02-02T10:00:00Z"));
    assert_eq!(first.due(), second.due());
    assert_eq!(merge(&first, &second, now), &first);
    assert_eq!(merge(&second, &first, now), &first);
}

#[test]
fn a_request_that_waits_does_not_hold_up_the_one_it_is_merged_with() {
    let waits = paused(&clock("GB", RECEIVED), Ground::Identity, "2026-03-03T10:00:00Z", "-");
    let runs = clock("GB", "2026-03-10T10:00:00Z");
    for (now, counts) in [("2026-03-11T10:00:00Z", &waits), ("2026-03-20T10:00:00Z", &runs)] {
        assert_eq!(merge(&waits, &runs, at(now)), counts, "{now}");
        assert_eq!(merge(&runs, &waits, at(now)), counts, "{now}");
    }
}
