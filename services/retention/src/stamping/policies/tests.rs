use kernel::{RecordingId, TenantId};
use policy::retention::{DataKind, stamp, with_later_policy};
use proptest::prelude::*;

use super::*;
use crate::kept::{RecordingKey, Term, TermState};
use crate::testing::{POLICY, SHORTER, parsed, purpose};

/// A call whose mark ended then, as its row has it.
fn kept(policy: &TenantPolicy, facts: &Facts) -> Kept {
    let stamps = stamp(policy, &purpose("sale"), facts).into_iter();
    Kept {
        key: RecordingKey { tenant: TenantId::new("banca-alfa").unwrap(), id: RecordingId::new() },
        version: 1,
        started_at: facts.started_at,
        ended_at: facts.ended_at,
        policy: policy.hash(),
        parties: Vec::new(),
        terms: stamps.map(|stamp| Term { stamp, state: TermState::Running }).collect(),
    }
}

fn facts(started_at: i64, lasts: i64, mark: i64) -> Facts {
    let label = MarkLabel::new("sale").unwrap();
    Facts {
        started_at: Timestamp(started_at),
        ended_at: Timestamp(started_at + lasts),
        marks_ended_at: [(label, Timestamp(started_at + mark.min(lasts)))].into(),
    }
}

fn policies(recorded: &TenantPolicy, others: &[&TenantPolicy]) -> Policies {
    let others = others.iter().map(|policy| (policy.hash(), Arc::new((*policy).clone())));
    Policies { recorded: Arc::new(recorded.clone()), others: others.collect() }
}

const HOUR: i64 = 3_600_000_000;
/// 2026-03-02T08:00:00Z.
const MORNING: i64 = 1_772_438_400_000_000;

#[test]
fn a_mark_is_found_to_the_microsecond() {
    let recorded = parsed(POLICY);
    for mark in [0, 1, 1_200_000_000, HOUR - 1, HOUR] {
        let facts = facts(MORNING, HOUR, mark);
        assert_eq!(policies(&recorded, &[]).facts(&kept(&recorded, &facts)), facts);
    }
}

#[test]
fn a_mark_is_found_after_a_later_policy_has_moved_the_end() {
    let (recorded, later) = (parsed(POLICY), parsed(SHORTER));
    let facts = facts(MORNING, HOUR, 1_200_000_000);
    let mut kept = kept(&recorded, &facts);
    kept.terms.retain(|term| term.stamp.kind == DataKind::Audio);
    kept.terms[0].stamp = with_later_policy(&kept.terms[0].stamp, &later, &facts);
    assert!(matches!(kept.terms[0].stamp.rule, Rule::LaterPolicy { .. }));
    assert_eq!(policies(&recorded, &[&later]).facts(&kept), facts);
}

#[test]
fn where_no_mark_was_closed_there_is_none() {
    let recorded = parsed(POLICY);
    let facts = Facts { marks_ended_at: BTreeMap::new(), ..facts(MORNING, HOUR, 0) };
    assert_eq!(policies(&recorded, &[]).facts(&kept(&recorded, &facts)), facts);
}

#[test]
fn an_end_that_no_moment_of_the_call_leads_to_says_nothing() {
    let recorded = parsed(POLICY);
    let facts = facts(MORNING, HOUR, 60_000_000);
    let mut kept = kept(&recorded, &facts);
    for ends in [i64::MIN, MORNING, i64::MAX] {
        kept.terms.iter_mut().for_each(|term| term.stamp.ends = Timestamp(ends));
        assert_eq!(policies(&recorded, &[]).facts(&kept).marks_ended_at, BTreeMap::new());
    }
}

proptest! {
    /// Whatever the mark: where one is told, the period that begins there ends as the row has it.
    #[test]
    fn what_is_told_leads_to_the_same_end(day in 0i64..4_000, within in 0..24 * HOUR, mark in 0..HOUR) {
        let recorded = parsed(POLICY);
        let row = kept(&recorded, &facts(MORNING + day * 24 * HOUR + within, HOUR, mark));
        let told = policies(&recorded, &[]).facts(&row);
        let again = kept(&recorded, &told);
        let mut both = row.terms.iter().zip(&again.terms);
        let is_same = both.any(|(first, second)| first.stamp == second.stamp);
        prop_assert!(told.marks_ended_at.is_empty() || is_same, "{row:?} {again:?}");
    }

    #[test]
    fn no_row_takes_it_off_its_feet(started_at: i64, ended_at: i64, ends: i64) {
        let recorded = parsed(POLICY);
        let mut row = kept(&recorded, &facts(MORNING, HOUR, 60_000_000));
        (row.started_at, row.ended_at) = (Timestamp(started_at), Timestamp(ended_at));
        row.terms.iter_mut().for_each(|term| term.stamp.ends = Timestamp(ends));
        let told = policies(&recorded, &[]).facts(&row);
        let until = row.ended_at.max(row.started_at);
        prop_assert!(told.marks_ended_at.values().all(|at| (row.started_at..=until).contains(at)));
    }
}
