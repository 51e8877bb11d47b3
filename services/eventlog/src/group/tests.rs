use proptest::prelude::*;

use super::*;

fn pass(me: MemberNo, members: &[MemberNo], holders: &mut [Option<MemberNo>]) -> bool {
    let moves = moves(me, members, holders);
    for partition in &moves.release {
        assert_eq!(holders[*partition as usize].take(), Some(me));
    }
    for partition in &moves.claim {
        let taken = holders[*partition as usize].replace(me);
        assert!(taken.is_none_or(|holder| !members.contains(&holder)), "taken from the living");
    }
    moves != Moves::default()
}

proptest! {
    #[test]
    fn passes_in_any_order_end_with_even_shares_and_then_rest(
        partitions in 1usize..20,
        members in prop::collection::btree_set(1u64..30, 1..8),
        holders in prop::collection::vec(prop::option::of(1u64..30), 20),
        order in prop::collection::vec(0usize..8, 0..40),
    ) {
        let members: Vec<_> = members.into_iter().map(MemberNo).collect();
        let mut holders: Vec<_> = holders[..partitions].iter().map(|h| h.map(MemberNo)).collect();
        for index in order {
            pass(members[index % members.len()], &members, &mut holders);
        }
        for _ in 0..2 {
            for me in &members {
                pass(*me, &members, &mut holders);
            }
        }
        let held = |me: &MemberNo| holders.iter().filter(|h| **h == Some(*me)).count();
        let counts: Vec<_> = members.iter().map(held).collect();
        prop_assert_eq!(counts.iter().sum::<usize>(), partitions);
        prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1);
        for me in &members {
            prop_assert!(!pass(*me, &members, &mut holders));
        }
    }
}

#[test]
fn a_member_that_wants_nothing_holds_nothing() {
    let moves = moves(MemberNo(1), &[MemberNo(2)], &[Some(MemberNo(1)), None]);
    assert_eq!(moves, Moves { release: vec![0], claim: vec![] });
}

#[test]
fn a_member_is_silent_once_its_beat_stood_still_for_the_timeout() {
    let (start, timeout) = (Instant::now(), Duration::from_secs(10));
    let mut seen = Observations::default();
    let at = |seconds| start + Duration::from_secs(seconds);
    let (a, b) = (MemberNo(1), MemberNo(2));
    assert_eq!(seen.silent(at(0), timeout, &[(a, 1), (b, 1)]), []);
    assert_eq!(seen.silent(at(9), timeout, &[(a, 1), (b, 2)]), []);
    assert_eq!(seen.silent(at(10), timeout, &[(a, 1), (b, 2)]), [a]);
    assert_eq!(seen.silent(at(18), timeout, &[(a, 2), (b, 2)]), []);
    assert_eq!(seen.silent(at(19), timeout, &[(a, 2), (b, 2)]), [b]);
}
