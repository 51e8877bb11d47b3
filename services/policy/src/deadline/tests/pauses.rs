use kernel::{ErrorCode, ServiceError};
use rstest::rstest;

use super::*;

/// Received on a Monday; due on Thursday 2 April everywhere.
const RECEIVED: &str = "2026-03-02T10:00:00Z";

const IDENTITY: Ground = Ground::Identity;
const CLARIFICATION: Ground = Ground::Clarification;

/// The clock after pauses, each from its question to its answer.
fn after(jurisdiction: &str, received_at: &str, pauses: &[(Ground, &str, &str)]) -> Clock {
    let start = clock(jurisdiction, received_at);
    pauses.iter().fold(start, |clock, (ground, from, to)| paused(&clock, *ground, from, to))
}

#[rstest]
#[case::six_days(&[(IDENTITY, "2026-03-03T10:00:00Z", "2026-03-09T10:00:00Z")], "2026-04-08")]
#[case::then_a_weekend(&[(IDENTITY, "2026-03-03T10:00:00Z", "2026-03-13T10:00:00Z")], "2026-04-13")]
#[case::then_labour_day(&[(IDENTITY, "2026-03-03T10:00:00Z", "2026-04-01T10:00:00Z")], "2026-05-04")]
#[case::answered_the_same_day(&[(IDENTITY, "2026-03-03T08:00:00Z", "2026-03-03T18:00:00Z")], "2026-04-02")]
#[case::answered_past_midnight_in_rome(&[(IDENTITY, "2026-03-03T22:30:00Z", "2026-03-03T23:30:00Z")], "2026-04-03")]
// Asked within three working days of receipt: until the end of Thursday 5 March in Rome.
#[case::asked_in_time(&[(IDENTITY, "2026-03-05T22:59:59Z", "2026-03-11T10:00:00Z")], "2026-04-08")]
#[case::asked_too_late(&[(IDENTITY, "2026-03-05T23:00:00Z", "2026-03-11T10:00:00Z")], "2026-04-02")]
#[case::what_they_mean(&[(CLARIFICATION, "2026-03-03T10:00:00Z", "2026-03-13T10:00:00Z")], "2026-04-02")]
#[case::asked_again_in_time(
    &[
        (IDENTITY, "2026-03-03T10:00:00Z", "2026-03-10T10:00:00Z"),
        (IDENTITY, "2026-03-12T10:00:00Z", "2026-03-20T10:00:00Z"),
    ],
    "2026-04-17"
)]
#[case::asked_again_too_late(
    &[
        (IDENTITY, "2026-03-03T10:00:00Z", "2026-03-10T10:00:00Z"),
        (IDENTITY, "2026-03-16T10:00:00Z", "2026-03-20T10:00:00Z"),
    ],
    "2026-04-09"
)]
#[case::asked_too_late_and_then_again(
    &[
        (IDENTITY, "2026-03-10T10:00:00Z", "2026-03-12T10:00:00Z"),
        (IDENTITY, "2026-03-13T10:00:00Z", "2026-03-20T10:00:00Z"),
    ],
    "2026-04-02"
)]
#[case::both_at_once(
    &[
        (IDENTITY, "2026-03-03T10:00:00Z", "2026-03-11T10:00:00Z"),
        (CLARIFICATION, "2026-03-09T10:00:00Z", "2026-03-15T10:00:00Z"),
    ],
    "2026-04-10"
)]
fn under_the_gdpr_doubt_of_identity_moves_the_effective_day_alone(
    #[case] pauses: &[(Ground, &str, &str)],
    #[case] effective: &str,
) {
    let due = after("IT", RECEIVED, pauses).due();
    let told = (due.strict.date, due.effective.date);
    assert_eq!(told, (date("2026-04-02"), date(effective)));
}

#[rstest]
#[case::clarification(RECEIVED, &[(CLARIFICATION, "2026-03-10T10:00:00Z", "2026-03-18T10:00:00Z")], "2026-04-10")]
#[case::identity(RECEIVED, &[(IDENTITY, "2026-03-03T10:00:00Z", "2026-03-09T10:00:00Z")], "2026-04-08")]
#[case::then_a_weekend(RECEIVED, &[(CLARIFICATION, "2026-03-10T10:00:00Z", "2026-03-20T10:00:00Z")], "2026-04-13")]
#[case::asked_late(RECEIVED, &[(IDENTITY, "2026-03-20T10:00:00Z", "2026-03-30T10:00:00Z")], "2026-04-13")]
#[case::answered_the_same_day(
    RECEIVED,
    &[(CLARIFICATION, "2026-03-03T08:00:00Z", "2026-03-03T18:00:00Z")],
    "2026-04-02"
)]
#[case::a_day_in_both_is_one_day(
    RECEIVED,
    &[
        (IDENTITY, "2026-03-03T10:00:00Z", "2026-03-11T10:00:00Z"),
        (CLARIFICATION, "2026-03-09T10:00:00Z", "2026-03-15T10:00:00Z"),
    ],
    "2026-04-14"
)]
#[case::one_within_the_other(
    RECEIVED,
    &[
        (CLARIFICATION, "2026-03-03T10:00:00Z", "2026-03-17T10:00:00Z"),
        (IDENTITY, "2026-03-04T10:00:00Z", "2026-03-06T10:00:00Z"),
    ],
    "2026-04-16"
)]
// 36 days from 15 February are 23 March, but a month from the proof is the 20th.
#[case::a_month_from_the_proof_is_earlier(
    "2026-01-15T10:00:00Z",
    &[(IDENTITY, "2026-01-15T10:00:00Z", "2026-02-20T10:00:00Z")],
    "2026-03-20"
)]
// The month ended on Saturday 28 February, and so on Monday; from there three days were waited.
#[case::asked_on_the_monday_that_a_weekend_gave(
    "2026-01-28T10:00:00Z",
    &[(CLARIFICATION, "2026-03-02T10:00:00Z", "2026-03-05T10:00:00Z")],
    "2026-03-05"
)]
fn under_the_uk_gdpr_waiting_moves_both_days(
    #[case] received_at: &str,
    #[case] pauses: &[(Ground, &str, &str)],
    #[case] strict: &str,
) {
    let due = after("GB", received_at, pauses).due();
    assert_eq!((due.strict.date, due.effective), (date(strict), due.strict));
}

#[rstest]
#[case("IT", IDENTITY, "2026-06-03", "2026-06-12")]
#[case("IT", CLARIFICATION, "2026-06-03", "2026-06-03")]
#[case("GB", IDENTITY, "2026-06-12", "2026-06-12")]
#[case("GB", CLARIFICATION, "2026-06-12", "2026-06-12")]
fn an_extension_and_a_pause_add_up_in_any_order(
    #[case] jurisdiction: &str,
    #[case] ground: Ground,
    #[case] strict: &str,
    #[case] effective: &str,
) {
    let pause = |clock: &Clock| paused(clock, ground, "2026-03-03T10:00:00Z", "2026-03-13T10:00:00Z");
    let (start, now) = (clock(jurisdiction, RECEIVED), at("2026-03-20T10:00:00Z"));
    let due = extended(&pause(&start), now).due();
    assert_eq!((due.strict.date, due.effective.date), (date(strict), date(effective)));
    assert_eq!(pause(&extended(&start, start.received_at())).due(), due);
}

#[rstest]
#[case("IT", "2026-04-02", "2026-04-02", "2026-04-08")]
#[case("GB", "2026-04-02", "2026-04-08", "2026-04-08")]
fn an_answer_that_is_awaited_counts_up_to_now_and_not_beyond(
    #[case] jurisdiction: &str,
    #[case] earliest: &str,
    #[case] strict: &str,
    #[case] effective: &str,
) {
    let waits = paused(&clock(jurisdiction, RECEIVED), IDENTITY, "2026-03-03T10:00:00Z", "-");
    let due = waits.due();
    assert_eq!((due.strict.date, due.effective.date), (date(earliest), date(earliest)));
    let due = waits.due_as_of(at("2026-03-09T10:00:00Z"));
    assert_eq!((due.strict.date, due.effective.date), (date(strict), date(effective)));
    let answered = waits.resume(IDENTITY, at("2026-03-09T10:00:00Z")).unwrap();
    assert_eq!(answered.due(), due);
    assert_eq!(answered.due_as_of(at("2026-03-03T12:00:00Z")), clock(jurisdiction, RECEIVED).due());
}

#[test]
fn a_pause_begins_where_it_may_and_says_why_not() {
    let clock = clock("IT", RECEIVED);
    let asked = clock.pause(IDENTITY, at("2026-03-03T10:00:00Z")).unwrap();
    let again = asked.pause(IDENTITY, at("2026-03-04T10:00:00Z")).unwrap_err();
    assert_eq!(again.to_string(), "the clock is paused for identity since 2026-03-03T10:00:00Z");
    assert!(asked.pause(CLARIFICATION, at("2026-03-04T10:00:00Z")).is_ok(), "another answer");
    let early = clock.pause(IDENTITY, at("2026-03-02T09:59:59Z")).unwrap_err();
    let says = "2026-03-02T09:59:59Z lies before 2026-03-02T10:00:00Z, which comes first";
    assert_eq!((early.to_string().as_str(), early.code()), (says, ErrorCode::InvalidArgument));
    let late = clock.pause(IDENTITY, at("2026-04-02T22:00:00Z")).unwrap_err();
    assert_eq!(
        late.to_string(),
        "the period ended with 2026-04-02 and cannot be paused at 2026-04-02T22:00:00Z"
    );
    assert_eq!(late.code(), ErrorCode::FailedPrecondition);
}

#[test]
fn a_pause_ends_once_and_after_it_began() {
    let clock = clock("IT", RECEIVED);
    let nothing = clock.resume(IDENTITY, at("2026-03-04T10:00:00Z")).unwrap_err();
    assert_eq!(nothing.to_string(), "the clock is not paused for identity");
    let asked = clock.pause(IDENTITY, at("2026-03-03T10:00:00Z")).unwrap();
    let other = asked.resume(CLARIFICATION, at("2026-03-04T10:00:00Z"));
    assert_eq!(other, Err(DeadlineError::NotPaused { ground: CLARIFICATION }));
    let (at_question, before) = (at("2026-03-03T10:00:00Z"), at("2026-03-03T09:00:00Z"));
    let backwards = DeadlineError::OutOfOrder { at: before, after: at_question };
    assert_eq!(asked.resume(IDENTITY, before), Err(backwards));
    let answered = asked.resume(IDENTITY, at("2026-03-09T10:00:00Z")).unwrap();
    let twice = answered.resume(IDENTITY, at("2026-03-10T10:00:00Z"));
    assert_eq!(twice, Err(DeadlineError::NotPaused { ground: IDENTITY }));
    let overlap = DeadlineError::OutOfOrder { at: at_question, after: at("2026-03-09T10:00:00Z") };
    assert_eq!(answered.pause(IDENTITY, at_question), Err(overlap));
}

#[test]
fn a_clock_has_no_more_pauses_than_it_may() {
    let mut clock = clock("GB", RECEIVED);
    for _ in 0..MAX_PAUSES {
        clock = paused(&clock, CLARIFICATION, RECEIVED, RECEIVED);
    }
    assert_eq!(clock.pause(CLARIFICATION, at(RECEIVED)), Err(DeadlineError::TooManyPauses));
}

#[test]
fn an_answer_after_the_last_year_of_the_calendars_is_refused() {
    let waits = paused(&clock("GB", RECEIVED), CLARIFICATION, "2026-03-03T10:00:00Z", "-");
    let answered = waits.resume(CLARIFICATION, at("2199-12-30T10:00:00Z"));
    assert!(matches!(answered, Err(DeadlineError::OutOfRange { .. })), "{answered:?}");
}
