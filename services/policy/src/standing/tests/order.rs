//! Events that become known late: what counts is where they happened.

use super::*;

#[test]
fn a_late_withdrawal_ends_its_purpose_where_it_was_said() {
    let mut call = standing(&["quality", "clip"]);
    let begin = CallEventKind::MarkBegin { label: order() };
    run(
        &mut call,
        vec![
            (0, CallEventKind::Started),
            (2, given("clip")),
            (5, begin.clone()),
            (8, CallEventKind::MarkEnd { label: order() }),
            (12, begin),
            (6, withdrawn("clip")),
        ],
    );
    assert_eq!(spans(&call, "clip"), [(5, 6)]);
    assert!(call.now().is_empty());
}

#[test]
fn a_late_grant_does_not_undo_a_later_withdrawal() {
    let mut call = standing(&["quality"]);
    run(&mut call, vec![(0, CallEventKind::Started), (10, withdrawn("quality")), (4, given("quality"))]);
    assert_eq!(spans(&call, "quality"), [(4, 10)]);
    assert!(call.now().is_empty());
}

#[test]
fn a_late_withdrawal_leaves_a_later_grant() {
    let mut call = standing(&["quality"]);
    run(
        &mut call,
        vec![
            (0, CallEventKind::Started),
            (2, given("quality")),
            (6, given("quality")),
            (5, withdrawn("quality")),
        ],
    );
    assert_eq!(spans(&call, "quality"), [(2, 5), (6, OPEN)]);
}

fn any_kind() -> impl Strategy<Value = CallEventKind> {
    let name = prop_oneof![Just("quality"), Just("clip")];
    let label = order();
    prop_oneof![
        3 => name.clone().prop_map(given),
        2 => name.clone().prop_map(withdrawn),
        1 => name.clone().prop_map(|n| CallEventKind::ConsentRefused { purpose: purpose(n) }),
        1 => name.prop_map(|n| CallEventKind::ConsentInvalidated { purpose: purpose(n) }),
        1 => Just(CallEventKind::ConsentLost),
        2 => Just(CallEventKind::ConsentRegained),
        3 => Just(CallEventKind::MarkBegin { label: label.clone() }),
        2 => Just(CallEventKind::MarkEnd { label }),
        1 => Just(CallEventKind::Ended),
        1 => Just(CallEventKind::Paused),
    ]
}

/// Events at distinct positions, a millisecond apart, so that no tie decides.
fn any_events() -> impl Strategy<Value = Vec<CallEvent>> {
    prop::collection::vec(any_kind(), 0..14).prop_map(|kinds| {
        let at = |n: usize| 1_000 * (n as u64 + 1);
        kinds.into_iter().enumerate().map(|(n, kind)| event(at(n), kind)).collect()
    })
}

fn shuffled() -> impl Strategy<Value = (Vec<CallEvent>, Vec<CallEvent>)> {
    any_events().prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle()))
}

const PURPOSES: [&str; 5] = ["duty", "quality", "clip", "deal", "tail"];

fn applied(events: &[CallEvent]) -> (Standing, Vec<BasisChange>) {
    let mut call = standing(&PURPOSES);
    let mut changes = call.apply(&event(0, CallEventKind::Started));
    changes.extend(events.iter().flat_map(|event| call.apply(event)));
    (call, changes)
}

proptest! {
    #[test]
    fn the_fold_of_the_changes_is_what_stands((_, events) in shuffled()) {
        let (call, changes) = applied(&events);
        let folded = fold(&changes);
        prop_assert_eq!(&folded, &call.timeline());
        for name in PURPOSES {
            let open = folded.set(&purpose(name)).contains(Position::MAX.minus(1));
            prop_assert_eq!(call.now().contains(&purpose(name)), open, "{}", name);
        }
    }

    #[test]
    fn order_of_arrival_moves_a_boundary_by_microseconds_at_most((in_order, events) in shuffled()) {
        let ((straight, _), (crossed, _)) = (applied(&in_order), applied(&events));
        prop_assert_eq!(straight.now(), crossed.now());
        for name in PURPOSES {
            let (a, b) = (straight.timeline().set(&purpose(name)), crossed.timeline().set(&purpose(name)));
            prop_assert!(b.difference(&a).is_empty(), "{} is wider: {:?} {:?}", name, a, b);
            // Each late event can cost one microsecond at each end that was logged before it.
            prop_assert!(a.difference(&b).micros() <= 50, "{} lost: {:?} {:?}", name, a, b);
        }
    }

    #[test]
    fn a_restrictive_event_never_widens(
        events in any_events(), at in 0u64..16_000, which in 0usize..4, place in 0usize..15,
    ) {
        let kind = [
            withdrawn("quality"),
            CallEventKind::ConsentInvalidated { purpose: purpose("quality") },
            CallEventKind::ConsentLost,
            CallEventKind::Ended,
        ][which].clone();
        let mut more = events.clone();
        more.insert(place.min(events.len()), event(at, kind));
        let (before, after) = (applied(&events).0.timeline(), applied(&more).0.timeline());
        for name in PURPOSES {
            let wider = after.set(&purpose(name)).difference(&before.set(&purpose(name)));
            prop_assert!(wider.is_empty(), "{} {:?}", name, wider);
        }
    }
}
