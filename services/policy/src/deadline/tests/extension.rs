use kernel::{ErrorCode, ServiceError};
use rstest::rstest;

use super::*;

/// Received on a Monday; due on Thursday 2 April, which ends at 22:00 UTC.
const RECEIVED: &str = "2026-03-02T10:00:00Z";

fn extend(clock: &Clock, delivered_at: &str, now: &str) -> Result<Clock, DeadlineError> {
    let delivered_at = (delivered_at != "-").then(|| at(delivered_at));
    clock.extend(Reason::Number, delivered_at, at(now))
}

#[rstest]
#[case::on_day_20("2026-03-22T09:00:00Z", "2026-03-22T10:00:00Z")]
#[case::on_receipt("2026-03-02T10:00:00Z", "2026-03-02T10:00:00Z")]
#[case::in_the_last_moment("2026-04-02T21:59:59.999999Z", "2026-04-02T21:59:59.999999Z")]
#[case::with_a_notice_long_delivered("2026-03-03T10:00:00Z", "2026-04-02T12:00:00Z")]
fn a_period_is_extended_within_the_month_once_its_notice_is_delivered(
    #[case] delivered_at: &str,
    #[case] now: &str,
) {
    let started = clock("IT", RECEIVED);
    let clock = extend(&started, delivered_at, now).unwrap();
    // Three months from receipt is Republic Day.
    assert_eq!(clock.due().strict.date, date("2026-06-03"));
    assert_eq!(clock.base_due(), started.base_due());
    let extension =
        Extension { reason: Reason::Number, notice_delivered_at: at(delivered_at), extended_at: at(now) };
    assert_eq!(clock.extension(), Some(extension));
}

#[rstest]
#[case::on_the_day_after(
    "2026-03-22T09:00:00Z",
    "2026-04-02T22:00:00Z",
    "the period ended with 2026-04-02 and cannot be extended at 2026-04-02T22:00:00Z"
)]
#[case::much_later(
    "-",
    "2027-01-01T00:00:00Z",
    "the period ended with 2026-04-02 and cannot be extended at 2027-01-01T00:00:00Z"
)]
#[case::not_delivered(
    "-",
    "2026-03-22T10:00:00Z",
    "the period that ends with 2026-04-02 is extended only once its notice is delivered"
)]
#[case::not_delivered_yet(
    "2026-03-22T10:00:00.000001Z",
    "2026-03-22T10:00:00Z",
    "a notice delivered at 2026-03-22T10:00:00.000001Z is not between receipt at 2026-03-02T10:00:00Z and \
     2026-03-22T10:00:00Z"
)]
#[case::delivered_before_the_request(
    "2026-03-02T09:59:59Z",
    "2026-03-22T10:00:00Z",
    "a notice delivered at 2026-03-02T09:59:59Z is not between receipt at 2026-03-02T10:00:00Z and \
     2026-03-22T10:00:00Z"
)]
fn an_extension_is_refused_and_says_why(#[case] delivered_at: &str, #[case] now: &str, #[case] says: &str) {
    let refused = extend(&clock("IT", RECEIVED), delivered_at, now).unwrap_err();
    assert_eq!(refused.to_string(), says);
}

#[test]
fn a_period_is_extended_once() {
    let once = extend(&clock("IT", RECEIVED), "2026-03-22T09:00:00Z", "2026-03-22T10:00:00Z").unwrap();
    let twice = extend(&once, "2026-03-23T09:00:00Z", "2026-03-23T10:00:00Z").unwrap_err();
    assert_eq!(twice, DeadlineError::AlreadyExtended { due: date("2026-06-03") });
    assert_eq!(
        twice.to_string(),
        "the period was extended already, to 2026-06-03, and is extended once only"
    );
}

#[test]
fn scenario_21_what_the_state_does_not_allow_is_a_failed_precondition() {
    let clock = clock("DE", RECEIVED);
    let once = extend(&clock, "2026-03-22T09:00:00Z", "2026-03-22T10:00:00Z").unwrap();
    let refused = [
        extend(&once, "2026-03-23T09:00:00Z", "2026-03-23T10:00:00Z"),
        extend(&clock, "2026-03-22T09:00:00Z", "2026-04-03T10:00:00Z"),
        extend(&clock, "-", "2026-03-22T10:00:00Z"),
    ];
    for refused in refused {
        assert_eq!(refused.unwrap_err().code(), ErrorCode::FailedPrecondition);
    }
}

#[test]
fn what_does_not_count_for_the_period_does_not_count_for_its_notice_in_the_uk() {
    // Ten days were waited: due on 13 April, a Monday, as the 12th is a Sunday.
    let pause =
        |clock: &Clock| paused(clock, Ground::Clarification, "2026-03-10T10:00:00Z", "2026-03-20T10:00:00Z");
    let now = "2026-04-13T12:00:00Z";
    let uk = pause(&clock("GB", RECEIVED));
    assert_eq!(uk.due().strict.date, date("2026-04-13"));
    assert_eq!(extend(&uk, now, now).unwrap().due().strict.date, date("2026-06-12"));
    let late = "2026-04-13T23:00:00Z";
    let refused = DeadlineError::ExtendedTooLate { due: date("2026-04-13"), now: at(late) };
    assert_eq!(extend(&uk, now, late), Err(refused));
    let eu = extend(&pause(&clock("IT", RECEIVED)), now, now);
    assert_eq!(eu, Err(DeadlineError::ExtendedTooLate { due: date("2026-04-02"), now: at(now) }));
}

#[test]
fn what_waits_for_identity_can_be_extended_in_the_uk_and_by_the_strict_day_elsewhere() {
    let now = "2026-05-20T10:00:00Z";
    let wait = |code| paused(&clock(code, RECEIVED), Ground::Identity, "2026-03-03T10:00:00Z", "-");
    assert!(extend(&wait("GB"), now, now).is_ok());
    let refused = DeadlineError::ExtendedTooLate { due: date("2026-04-02"), now: at(now) };
    assert_eq!(extend(&wait("IT"), now, now), Err(refused));
}

#[test]
fn an_extension_that_leads_out_of_the_calendars_is_refused() {
    let received_at = "2199-11-05T10:00:00Z";
    let refused = extend(&clock("IT", received_at), received_at, received_at).unwrap_err();
    assert_eq!(refused, DeadlineError::OutOfRange { date: date("2200-02-05") });
}
