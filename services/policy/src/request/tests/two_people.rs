use super::*;

fn by() -> Actor {
    who("anna")
}

fn approved(name: &str, person: &str) -> Event {
    Event::Approved { plan: plan(name), by: who(person) }
}

#[test]
fn a_store_that_has_not_answered_is_not_empty() {
    let request = in_state(State::Discovering);
    let stores = BTreeSet::from([code("index")]);
    let silent = Event::PlanFrozen {
        plan: plan("p1"),
        ruleset: RULESET,
        items: BTreeMap::new(),
        silent: stores.clone(),
        by: by(),
    };
    assert_eq!(refusal(&request, silent), Refused::StoresSilent { stores });
}

#[test]
fn where_every_store_holds_nothing_the_request_is_fulfilled() {
    let steps = [
        frozen("p1", &[]),
        Event::AllDecided { by: by() },
        Event::ItemsDone { by: by() },
        Event::ProbesPassed { by: by() },
    ];
    let request = after(&in_state(State::Discovering), steps);
    assert_eq!(after(&request, [delivered(&request)]).ended(), Some(Ending::Fulfilled));
}

#[test]
fn who_decided_does_not_approve() {
    let request = in_state(State::AwaitingApproval);
    assert_eq!(refusal(&request, approved("p1", "anna")), Refused::SamePerson { by: by() });
    let approved = after(&request, [approved("p1", "bruno")]);
    assert_eq!(approved.state(), State::Executing);
    let approval = Approval { by: who("bruno"), plan: plan("p1") };
    assert_eq!(approved.items()[&item("e")].approval(), Some(&approval));
}

#[test]
fn where_two_decided_each_approves_of_what_the_other_did() {
    let steps = [
        frozen("p1", &[("a", Right::Erase), ("b", Right::Erase)]),
        decided("a", verdict(Right::Erase), "anna"),
        decided("b", verdict(Right::Erase), "bruno"),
        Event::AllDecided { by: by() },
        approved("p1", "anna"),
    ];
    let half = after(&in_state(State::Discovering), steps);
    assert_eq!(half.state(), State::AwaitingApproval);
    assert_eq!(refusal(&half, approved("p1", "anna")), Refused::SamePerson { by: by() });
    assert_eq!(after(&half, [approved("p1", "bruno")]).state(), State::Executing);
}

#[test]
fn an_approval_names_the_plan_and_a_stale_one_is_refused() {
    let request = in_state(State::AwaitingApproval);
    let steps = [
        Event::Rejected { plan: plan("p1"), by: who("bruno") },
        frozen("p2", &[("e", Right::Erase)]),
        decided("e", verdict(Right::Erase), "anna"),
        Event::AllDecided { by: by() },
    ];
    let again = after(&request, steps);
    let stale = Refused::StalePlan { seen: plan("p1"), frozen: plan("p2") };
    assert_eq!(refusal(&again, approved("p1", "bruno")), stale);
}

#[test]
fn what_was_rejected_is_decided_anew() {
    let reject = Event::Rejected { plan: plan("p1"), by: who("bruno") };
    let request = after(&in_state(State::AwaitingApproval), [reject]);
    assert_eq!(request.state(), State::Deciding);
    let undecided = Refused::Undecided { item: item("e") };
    assert_eq!(refusal(&request, Event::AllDecided { by: by() }), undecided);
}

#[test]
fn what_is_pending_is_not_decided_unless_it_is_left_so() {
    let steps = [frozen("p1", &[("e", Right::Erase)])];
    let request = after(&in_state(State::Discovering), steps);
    let choose = asked(Right::Erase, BasisState::ConsentLive, HoldState::Subject18c, Gate::Clear);
    let pending = after(&request, [decided("e", choose, "anna")]);
    assert_eq!(refusal(&pending, Event::AllDecided { by: by() }).reason(), "undecided");
    let leave = |verdict| {
        let left = Some(code("choice-1"));
        Event::Decided { item: item("e"), decision: Decision { left, ..decision(verdict, "anna") } }
    };
    assert_eq!(refusal(&request, leave(verdict(Right::Erase))).reason(), "not-pending");
    let left = after(&pending, [leave(choose), Event::AllDecided { by: by() }]);
    assert_eq!(left.state(), State::AwaitingApproval);
}

#[test]
fn scenario_44_a_hold_that_comes_later_defers_and_the_answer_is_partial() {
    let steps = [
        Event::ItemDeferred { item: item("e"), hold: code("hold-1"), by: by() },
        Event::ItemsDone { by: by() },
        Event::ProbesPassed { by: by() },
    ];
    let request = after(&in_state(State::Executing), steps);
    let deferred = &request.items()[&item("e")];
    assert_eq!((deferred.state(), deferred.hold()), (ItemState::Deferred, Some(&code("hold-1"))));
    assert_eq!(request.owed().items, BTreeSet::from([item("e")]));
    assert_eq!(after(&request, [delivered(&request)]).ended(), Some(Ending::Partial));
}

#[test]
fn a_copy_is_not_deferred_by_a_hold() {
    let request = after(&received("r1", &[Right::Access]), to_discovering());
    let steps = [
        frozen("p1", &[("a", Right::Access)]),
        decided("a", verdict(Right::Access), "anna"),
        Event::AllDecided { by: by() },
    ];
    let request = after(&request, steps);
    assert_eq!(request.state(), State::Executing, "a copy in full takes one person");
    let deferred = Event::ItemDeferred { item: item("a"), hold: code("hold-1"), by: by() };
    assert_eq!(refusal(&request, deferred).reason(), "not-deferrable");
}

#[test]
fn what_a_probe_still_finds_is_never_reported_as_done() {
    let failed = Event::ProbesFailed { items: [item("e")].into(), by: by() };
    let request = after(&in_state(State::Verifying), [failed]);
    assert_eq!((request.state(), request.failures()), (State::Executing, 1));
    assert_eq!(refusal(&request, Event::ItemsDone { by: by() }).reason(), "not-done");
    assert_eq!(after(&request, [done("e"), Event::ItemsDone { by: by() }]).state(), State::Verifying);
}

#[test]
fn what_was_taken_back_is_closed_as_withdrawn() {
    let request = after(&in_state(State::AwaitingApproval), [Event::TakenBack { by: by() }]);
    assert_eq!(request.state(), State::Responding);
    assert_eq!(after(&request, [delivered(&request)]).ended(), Some(Ending::Withdrawn));
}

#[test]
fn scenario_60_newer_rules_are_shown_beside_what_was_decided_and_change_nothing() {
    let request = in_state(State::AwaitingApproval);
    let now = asked(Right::Erase, BasisState::DutyRunning, HoldState::None, Gate::Clear);
    let change = |ruleset, verdicts| Event::RulesChanged { ruleset, verdicts, by: by() };
    let told = || BTreeMap::from([(item("e"), now)]);
    assert_eq!(refusal(&request, change(RULESET, told())).reason(), "old-ruleset");
    assert_eq!(refusal(&request, change(RULESET + 1, BTreeMap::new())).reason(), "no-verdict");
    let changed = after(&request, [change(RULESET + 1, told())]);
    let shown = &changed.items()[&item("e")];
    assert_eq!((shown.proposed(), shown.rerun()), (verdict(Right::Erase), Some(now)));
    assert_eq!(shown.decision(), request.items()[&item("e")].decision());
    assert_eq!(changed.state(), State::AwaitingApproval);

    let reject = Event::Rejected { plan: plan("p1"), by: who("bruno") };
    let deciding = after(&changed, [reject]);
    let by_rules = |ruleset| {
        let decision = Decision { ruleset, ..decision(now, "anna") };
        Event::Decided { item: item("e"), decision }
    };
    assert_eq!(refusal(&deciding, by_rules(RULESET + 2)).reason(), "other-ruleset");
    let anew = after(&deciding, [by_rules(RULESET + 1)]);
    assert_eq!(anew.items()[&item("e")].decision().map(|d| d.ruleset), Some(RULESET + 1));
}
