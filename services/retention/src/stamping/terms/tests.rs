use kernel::{RecordingId, TenantId};
use policy::retention::{OrderScope, Rule};

use super::*;
use crate::kept::RecordingKey;
use crate::testing::{
    DAY, POLICY, SHORTER, START, after, extension, parsed, purpose, purposes, sealed, six_years,
};

fn facts() -> Facts {
    super::super::Sealed::read(&sealed(RecordingId::new(), &[], &[])).unwrap().facts()
}

fn kept(names: &[&str], parties: Vec<SubjectId>) -> Kept {
    let tenant = TenantId::new("banca-alfa").unwrap();
    let policy = parsed(POLICY);
    Kept {
        key: RecordingKey { tenant, id: RecordingId::new() },
        version: 1,
        started_at: START,
        ended_at: facts().ended_at,
        policy: policy.hash(),
        parties,
        terms: first(&policy, &purposes(names), &facts()).unwrap().terms,
    }
}

fn placed(order: policy::retention::ExtensionOrder) -> Order {
    let tenant = TenantId::new("banca-alfa").unwrap();
    Order { tenant, order, placed_by: "cosimo".to_owned(), placed_at: START }
}

#[test]
fn each_purpose_and_kind_has_a_term_once_in_order() {
    let First { terms, unknown } =
        first(&parsed(POLICY), &purposes(&["sale", "duty", "quality"]), &facts()).unwrap();
    let found: Vec<_> = terms.iter().map(|term| (term.stamp.purpose.as_str(), term.stamp.kind)).collect();
    let expected =
        ["duty", "quality", "sale"].map(|name| DataKind::ALL.iter().map(move |kind| (name, *kind)));
    assert_eq!(found, expected.into_iter().flatten().collect::<Vec<_>>());
    assert!(unknown.is_empty());
}

#[test]
fn an_unknown_purpose_cuts_nothing_off_and_invents_nothing() {
    let policy = parsed(POLICY);
    let last = |stamps: &[Term], kind| {
        stamps.iter().filter(|term| term.stamp.kind == kind).map(|term| term.stamp.ends).max()
    };
    for (names, as_long_as) in [
        (vec!["lost", "quality"], vec!["quality"]),
        (vec!["lost", "quality", "duty"], vec!["quality", "duty"]),
        // None of its own is known: what the policy keeps longest.
        (vec!["lost"], vec!["duty", "quality", "sale"]),
    ] {
        let found = first(&policy, &purposes(&names), &facts()).unwrap();
        assert_eq!(found.unknown, purposes(&["lost"]));
        assert_eq!(found.terms.len(), names.len() * 2);
        let theirs = first(&policy, &purposes(&as_long_as), &facts()).unwrap().terms;
        for kind in DataKind::ALL {
            let own: Vec<_> =
                found.terms.iter().filter(|term| term.stamp.purpose == purpose("lost")).collect();
            let own = own.iter().find(|term| term.stamp.kind == *kind).unwrap();
            assert_eq!((own.state, Some(own.stamp.ends)), (TermState::Running, last(&theirs, *kind)));
        }
    }
    let empty = parsed("tenant: banca-alfa\njurisdiction: IT\n");
    assert_eq!(first(&empty, &purposes(&["lost"]), &facts()), None, "nobody can tell");
    assert_eq!(first(&empty, &purposes(&[]), &facts()).unwrap().terms, []);
}

#[test]
fn only_what_runs_is_moved() {
    let (recorded, later) = (parsed(POLICY), parsed(SHORTER));
    let mut kept = kept(&["quality", "sale"], Vec::new());
    let movers = Movers { later: Some(&later), orders: &[] };
    let moved = apply(&kept, &recorded, &facts(), movers).unwrap();
    assert_eq!(moved.version, 2);
    assert!(has_other_ends(&kept, &moved));
    assert_eq!(apply(&moved, &recorded, &facts(), movers), None, "once");
    for state in [TermState::Ending, TermState::Ended] {
        kept.terms.iter_mut().for_each(|term| term.state = state);
        assert_eq!(apply(&kept, &recorded, &facts(), movers), None);
    }
}

#[test]
fn the_policy_that_it_was_made_under_is_no_later_one() {
    let recorded = parsed(POLICY);
    let movers = Movers { later: Some(&recorded), orders: &[] };
    assert_eq!(apply(&kept(&["quality"], Vec::new()), &recorded, &facts(), movers), None);
}

#[test]
fn orders_and_a_later_policy_come_to_the_same_in_either_order() {
    let (recorded, later) = (parsed(POLICY), parsed(SHORTER));
    let kept = kept(&["duty", "quality", "sale"], Vec::new());
    let orders = [placed(extension("CONSOB/1", six_years()))];
    let with = |kept: &Kept, later, orders| {
        let moved = apply(kept, &recorded, &facts(), Movers { later, orders });
        moved.unwrap_or_else(|| kept.clone())
    };
    let both = with(&kept, Some(&later), &orders);
    let first_policy = with(&with(&kept, Some(&later), &[]), None, &orders);
    let first_order = with(&with(&kept, None, &orders), Some(&later), &[]);
    assert_eq!(first_policy.terms, both.terms);
    assert_eq!(first_order.terms, both.terms);
    let duty = both.term(&purpose("duty"), DataKind::Audio).unwrap();
    assert!(matches!(duty.stamp.rule, Rule::Order { .. }));
}

#[test]
fn an_order_about_others_moves_nothing() {
    let recorded = parsed(POLICY);
    let (anna, bruno) = (SubjectId::new(), SubjectId::new());
    let of = |from, until, parties: Option<SubjectId>| {
        let scope = OrderScope::new(from, until, parties.map(|id| [id].into())).unwrap();
        placed(policy::retention::ExtensionOrder { scope, ..extension("CONSOB/1", six_years()) })
    };
    let kept = kept(&["duty"], vec![anna]);
    for (order, moves) in [
        (of(START, after(DAY), None), true),
        (of(START, after(DAY), Some(anna)), true),
        (of(START, after(DAY), Some(bruno)), false),
        (of(after(DAY), after(DAY * 2), None), false),
    ] {
        let movers = Movers { later: None, orders: std::slice::from_ref(&order) };
        assert_eq!(apply(&kept, &recorded, &facts(), movers).is_some(), moves, "{order:?}");
    }
}
