use proptest::prelude::*;

use super::*;
use crate::change::Cause;

fn purpose(text: &str) -> PurposeName {
    PurposeName::new(text).unwrap()
}

fn change(kind: ChangeKind, at: u64, error: Option<u64>) -> BasisChange {
    let cause = match kind {
        ChangeKind::Began => Cause::ConsentGiven,
        ChangeKind::Ended => Cause::MarkEnded,
        ChangeKind::Annulled => Cause::ConsentInvalidated,
    };
    BasisChange {
        event: EventId::new(),
        position: Position(at),
        purpose: purpose("quality"),
        basis: Basis::Consent,
        kind,
        cause,
        evidence: None,
        derived_error_us: error,
    }
}

fn began(at: u64) -> BasisChange {
    change(ChangeKind::Began, at, None)
}

fn ended(at: u64) -> BasisChange {
    change(ChangeKind::Ended, at, None)
}

fn set(parts: &[(u64, u64)]) -> IntervalSet {
    parts.iter().filter_map(|(a, b)| Interval::new(Position(*a), Position(*b))).collect()
}

fn check(changes: &[BasisChange], expected: &[(u64, u64)]) {
    assert_eq!(fold(changes).set(&purpose("quality")), set(expected), "{changes:?}");
}

fn interval(from: u64, to: u64) -> Interval {
    Interval::new(Position(from), Position(to)).unwrap()
}

const OPEN: u64 = u64::MAX;

#[test]
fn a_basis_stands_from_its_beginning_to_its_end() {
    check(&[], &[]);
    check(&[began(10)], &[(10, OPEN)]);
    check(&[began(10), ended(20)], &[(10, 20)]);
    check(&[ended(20), began(10), ended(40), began(30)], &[(10, 20), (30, 40)]);
    check(&[began(10), began(15), ended(20)], &[(10, 20)]);
    check(&[ended(5), began(10)], &[(10, OPEN)]);
}

#[test]
fn at_one_position_the_restriction_prevails() {
    check(&[began(10), ended(10)], &[]);
    check(&[began(5), ended(10), began(10)], &[(5, 10)]);
}

#[test]
fn an_annulment_reaches_back_over_everything() {
    let annulled = change(ChangeKind::Annulled, 30, None);
    check(&[began(0), ended(10), began(20), annulled.clone()], &[]);
    check(&[began(0), annulled, began(40)], &[(40, OPEN)]);
}

#[test]
fn a_derived_restriction_is_wider_and_a_derived_grant_narrower() {
    check(&[change(ChangeKind::Began, 10, Some(3)), ended(40)], &[(13, 40)]);
    check(&[began(10), change(ChangeKind::Ended, 40, Some(3)), began(41)], &[(10, 37), (43, OPEN)]);
    check(&[change(ChangeKind::Began, 10, Some(30)), ended(30)], &[]);
    let (grant, restriction) =
        (change(ChangeKind::Began, 10, Some(3)), change(ChangeKind::Ended, 10, Some(3)));
    assert_eq!((grant.effective_at(), restriction.effective_at()), (Position(13), Position(7)));
}

#[test]
fn revoked_consent_leaves_nothing_usable_before_it() {
    let withdrawn = BasisChange { cause: Cause::ConsentWithdrawn, ..ended(40) };
    let timeline = fold(&[began(0), ended(10), began(20), withdrawn, began(50)]);
    assert_eq!(timeline.set(&purpose("quality")), set(&[(0, 10), (20, 40), (50, OPEN)]));
    assert_eq!(timeline.usable(&purpose("quality")), set(&[(50, OPEN)]));
}

#[test]
fn a_stretch_names_the_consent_that_it_rests_on() {
    let (first, second) = (Some(EventId::new()), Some(EventId::new()));
    let with = |at, evidence| BasisChange { evidence, ..began(at) };
    let timeline = fold(&[with(0, first), ended(10), with(20, second)]);
    let evidence: Vec<_> =
        timeline.purposes[&purpose("quality")].intervals.iter().map(|i| i.evidence).collect();
    assert_eq!(evidence, [first, second]);
}

#[test]
fn a_frame_is_in_only_if_all_of_it_is() {
    let set = set(&[(10, 40)]);
    let frames = [(0, 20), (10, 30), (20, 40), (30, 50)].map(|(a, b)| frame_in(&set, interval(a, b)));
    assert_eq!(frames, [false, true, true, false]);
}

#[test]
fn sealed_spans_count_whole() {
    let spans = (0u64..5).map(|n| (n, interval(n * 10, n * 10 + 10)));
    // A withdrawal at 35 takes the span that it cuts; a grant at 5 starts at the first whole one.
    assert_eq!(spans_in(&set(&[(5, 35)]), spans), [1, 2]);
}

#[test]
fn a_frame_knows_its_purposes() {
    let other = BasisChange { purpose: purpose("duty"), ..began(0) };
    let timeline = fold(&[began(10), ended(30), other]);
    let names =
        |a, b| timeline.purposes_over(interval(a, b)).into_iter().map(|p| p.to_string()).collect::<Vec<_>>();
    assert_eq!(names(10, 30), ["duty", "quality"]);
    assert_eq!(names(20, 40), ["duty"]);
    assert_eq!(timeline.any(), set(&[(0, OPEN)]));
}

fn any_changes() -> impl Strategy<Value = Vec<BasisChange>> {
    let kind = prop_oneof![
        5 => Just(ChangeKind::Began),
        4 => Just(ChangeKind::Ended),
        1 => Just(ChangeKind::Annulled),
    ];
    let one = (kind, 0u64..60, proptest::option::weighted(0.3, 0u64..15), any::<bool>());
    let one = one.prop_map(|(kind, at, error, second)| {
        let name = if second { "training" } else { "quality" };
        BasisChange { purpose: purpose(name), ..change(kind, at, error) }
    });
    prop::collection::vec(one, 0..12)
}

fn widened(before: &BasisTimeline, after: &BasisTimeline) -> bool {
    after.purposes.keys().any(|name| {
        !after.set(name).difference(&before.set(name)).is_empty()
            || !after.usable(name).difference(&before.usable(name)).is_empty()
    })
}

proptest! {
    #[test]
    fn order_of_arrival_and_repetition_change_nothing(
        (changes, shuffled) in any_changes().prop_flat_map(|c| (Just(c.clone()), Just(c).prop_shuffle())),
    ) {
        prop_assert_eq!(fold(&changes), fold(shuffled.iter().chain(&shuffled)));
    }

    #[test]
    fn a_restriction_never_widens(
        changes in any_changes(), at in 0u64..60, error in proptest::option::of(0u64..15), annuls in any::<bool>(),
    ) {
        let kind = if annuls { ChangeKind::Annulled } else { ChangeKind::Ended };
        let more: Vec<_> = changes.iter().cloned().chain([change(kind, at, error)]).collect();
        prop_assert!(!widened(&fold(&changes), &fold(&more)));
    }

    #[test]
    fn more_error_never_widens(changes in any_changes(), more in 0u64..15) {
        let vaguer: Vec<_> = changes
            .iter()
            .map(|c| BasisChange { derived_error_us: Some(c.derived_error_us.unwrap_or(0) + more), ..c.clone() })
            .collect();
        prop_assert!(!widened(&fold(&changes), &fold(&vaguer)));
    }

    #[test]
    fn dropping_a_purpose_never_widens(changes in any_changes()) {
        let kept: Vec<_> = changes.iter().filter(|c| c.purpose != purpose("training")).cloned().collect();
        let (all, fewer) = (fold(&changes), fold(&kept));
        prop_assert_eq!(all.set(&purpose("quality")), fewer.set(&purpose("quality")));
        prop_assert!(fewer.any().difference(&all.any()).is_empty());
    }

    #[test]
    fn the_fold_agrees_with_a_walk_over_positions(changes in any_changes()) {
        let exact: Vec<_> =
            changes.into_iter().map(|c| BasisChange { derived_error_us: None, ..c }).collect();
        let own = |at| exact.iter().filter(move |c| c.purpose == purpose("quality") && c.position == Position(at));
        let annulled = exact.iter().filter(|c| c.purpose == purpose("quality") && c.kind == ChangeKind::Annulled);
        let annulled_before = annulled.map(|c| c.position).max().unwrap_or_default();
        let folded = fold(&exact).set(&purpose("quality"));
        let mut stands = false;
        for at in 0..70 {
            if own(at).any(|c| c.kind.is_restrictive()) {
                stands = false;
            } else if own(at).any(|c| c.kind == ChangeKind::Began) {
                stands = true;
            }
            prop_assert_eq!(folded.contains(Position(at)), stands && Position(at) >= annulled_before, "at {}", at);
        }
    }
}
