use kernel::EventId;

use super::*;

fn edge(position: u64, begins: Option<&str>, derived_error: Option<u64>) -> PauseEdge {
    let begins = begins.map(str::to_owned);
    PauseEdge { event: EventId::new(), position: Position(position), begins, derived_error }
}

fn check(edges: &[PauseEdge], expected: &[(u64, u64)]) {
    let found: Vec<_> =
        pauses(edges).iter().map(|pause| (pause.interval.start().0, pause.interval.end().0)).collect();
    assert_eq!(found, expected);
}

#[test]
fn pauses_are_paired_as_they_were_logged_and_come_in_order() {
    check(&[edge(5, Some("a"), None), edge(9, None, None)], &[(5, 9)]);
    check(
        &[edge(20, Some("b"), None), edge(30, None, None), edge(5, Some("a"), None), edge(9, None, None)],
        &[(5, 9), (20, 30)],
    );
}

#[test]
fn a_second_pause_that_begins_before_the_first_ends_is_kept_from_nobody() {
    // Pause, resume, pause, resume by wall time: the error widens both ways.
    let told = [
        edge(40, Some("a"), Some(1)),
        edge(50, None, Some(1)),
        edge(51, Some("b"), Some(1)),
        edge(80, None, Some(1)),
    ];
    check(&told, &[(39, 81)]);
    // A late one inside an earlier one, and one around it.
    check(
        &[edge(40, Some("a"), None), edge(80, None, None), edge(50, Some("b"), None), edge(60, None, None)],
        &[(40, 80)],
    );
    check(
        &[edge(50, Some("a"), None), edge(60, None, None), edge(40, Some("b"), None), edge(80, None, None)],
        &[(40, 80)],
    );
}

#[test]
fn pauses_that_touch_keep_their_reasons() {
    let told =
        [edge(5, Some("a"), None), edge(9, None, None), edge(9, Some("b"), None), edge(12, None, None)];
    check(&told, &[(5, 9), (9, 12)]);
}

#[test]
fn a_pause_told_again_reaches_further_back() {
    check(&[edge(7, Some("a"), None), edge(5, Some("b"), None), edge(9, None, None)], &[(5, 9)]);
}

#[test]
fn a_pause_that_nobody_ended_lasts() {
    check(&[edge(5, Some("a"), None)], &[(5, u64::MAX)]);
}

#[test]
fn a_second_pause_within_a_pause_changes_nothing() {
    check(&[edge(5, Some("a"), None), edge(7, Some("b"), None), edge(9, None, None)], &[(5, 9)]);
}

#[test]
fn a_derived_pause_begins_earlier_and_ends_later() {
    check(&[edge(50, Some("a"), Some(10)), edge(90, None, Some(5))], &[(40, 95)]);
}

#[test]
fn an_empty_pause_is_none() {
    check(&[edge(5, Some("a"), None), edge(5, None, None), edge(6, None, None)], &[]);
}
