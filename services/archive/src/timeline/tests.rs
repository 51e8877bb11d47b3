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
fn pauses_are_paired_by_position() {
    check(&[edge(5, Some("a"), None), edge(9, None, None)], &[(5, 9)]);
    check(
        &[edge(20, Some("b"), None), edge(30, None, None), edge(5, Some("a"), None), edge(9, None, None)],
        &[(5, 9), (20, 30)],
    );
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
