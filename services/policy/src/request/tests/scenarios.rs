use super::*;

fn by() -> Actor {
    who("anna")
}

fn identifying(rights: &[Right]) -> Request {
    after(&received("r1", rights), [Event::Acknowledged { by: by() }])
}

#[test]
fn scenario_20_a_request_that_is_spoken_to_an_agent_is_received_with_that_call() {
    let called_at = at("2026-01-31T23:30:00Z");
    let intake = Intake {
        key: key("r1"),
        rights: [Right::Access].into(),
        channel: Channel::Call,
        asker: Asker::Oneself,
        clock: clock("2026-01-31T23:30:00Z"),
    };
    let request = after(&Request::receive(intake).unwrap(), [Event::Acknowledged { by: by() }]);
    assert_eq!(request.received_at(), called_at);
    assert_eq!(request.state(), State::Identifying);
}

#[test]
fn scenario_21_a_request_is_extended_once_and_only_with_a_delivered_notice_in_time() {
    let request = in_state(State::Deciding);
    let extend = |notice_delivered_at| {
        let reason = deadline::Reason::Complexity;
        Event::Extended { reason, notice_delivered_at, by: by() }
    };
    let day_20 = at("2026-03-22T10:00:00Z");
    let extended = request.apply(extend(Some(day_20)), day_20).unwrap();
    assert_eq!(extended.state(), State::Deciding);
    assert!(extended.clock().due().strict.ends > request.clock().due().strict.ends);
    let again = extended.apply(extend(Some(day_20)), day_20);
    let undelivered = request.apply(extend(None), day_20);
    let late = request.apply(extend(Some(day_20)), request.clock().base_due().ends);
    for refused in [again, undelivered, late] {
        let refused = refused.unwrap_err();
        assert_eq!((refused.reason(), refused.code()), ("clock", ErrorCode::FailedPrecondition), "{refused}");
    }
}

#[test]
fn scenario_22_who_is_logged_in_needs_no_extra_proof() {
    let request = after(&received("r1", &[Right::Access]), to_discovering());
    assert_eq!(request.state(), State::Discovering);
    let proved = after(&identifying(&[Right::Access]), [Event::Proved { proof: Proof::Session, by: by() }]);
    assert_eq!(refusal(&proved, Event::Doubted { by: by() }), Refused::NothingInDoubt);
}

#[test]
fn scenario_22_a_number_alone_needs_a_code_and_knowledge_of_the_call() {
    let code = Event::Proved { proof: Proof::OneTimeCode, by: by() };
    let request = after(&identifying(&[Right::Access]), [code]);
    let verified = Event::Verified { by: by() };
    assert_eq!(refusal(&request, verified.clone()), Refused::NotShown { right: Right::Access });
    let knowledge = Event::Proved { proof: Proof::CallKnowledge, by: by() };
    assert_eq!(after(&request, [knowledge, verified]).state(), State::Discovering);
}

#[test]
fn scenario_22_five_wrong_codes_lock_the_claim_and_not_the_person() {
    let wrong = || Event::ProofWrong { proof: Proof::OneTimeCode, by: by() };
    let mut request = identifying(&[Right::Access]);
    for tried in 1..MAX_WRONG {
        request = after(&request, [wrong()]);
        assert_eq!((request.state(), request.identity().wrong()), (State::Identifying, tried));
    }
    let locked = after(&request, [wrong()]);
    assert!(locked.identity().is_locked() && locked.identity().has_failed());
    assert_eq!(locked.state(), State::Responding);
    let closed = after(&locked, [delivered(&locked)]);
    assert_eq!(closed.ended(), Some(Ending::Unverified));
    let another = after(&received("r2", &[Right::Access]), to_discovering());
    assert_eq!(another.state(), State::Discovering);
}

#[test]
fn scenario_23_a_request_that_is_not_verified_is_answered_with_reasons_and_remedies() {
    let failed = after(&identifying(&[Right::Access]), [Event::IdentityFailed { by: by() }]);
    let answer = |rights: &[Right], remedies: &[Remedy]| {
        let (rights, remedies) = (rights.iter().copied().collect(), remedies.iter().copied().collect());
        Event::Delivered { answer: Answer { items: BTreeSet::new(), rights, remedies }, by: by() }
    };
    let silent = answer(&[], Remedy::ALL);
    assert_eq!(refusal(&failed, silent), Refused::RightUnexplained { right: Right::Access });
    let half = answer(&[Right::Access], &[Remedy::Complaint]);
    assert_eq!(refusal(&failed, half), Refused::RemedyMissing { remedy: Remedy::Court });
    let closed = after(&failed, [answer(&[Right::Access], Remedy::ALL)]);
    assert_eq!(closed.ended(), Some(Ending::Unverified));
}

#[test]
fn what_needs_no_proof_goes_on_where_identity_failed() {
    let failed = [Event::IdentityFailed { by: by() }];
    let request = after(&identifying(&[Right::Erase, Right::Withdraw]), failed);
    assert_eq!(request.state(), State::Discovering);
    let barred = Refused::RightBarred { item: item("e"), right: Right::Erase };
    assert_eq!(refusal(&request, frozen("p1", &[("e", Right::Erase)])), barred);
    let carried_out = [
        frozen("p1", &[("w", Right::Withdraw)]),
        decided("w", verdict(Right::Withdraw), "anna"),
        Event::AllDecided { by: by() },
        done("w"),
        Event::ItemsDone { by: by() },
        Event::ProbesPassed { by: by() },
    ];
    let answered = after(&request, carried_out);
    assert_eq!(answered.owed().rights, BTreeSet::from([Right::Erase]));
    assert_eq!(after(&answered, [delivered(&answered)]).ended(), Some(Ending::Partial));
}

#[test]
fn doubt_that_is_told_in_time_pauses_the_clock_and_silence_closes_nothing() {
    let request = after(&identifying(&[Right::Access]), [Event::Doubted { by: by() }]);
    assert_eq!(request.state(), State::AwaitingSubject);
    assert_eq!(request.clock().state(at("2026-03-10T10:00:00Z")), deadline::State::Paused);
    let gave_up = || Event::IdentityFailed { by: by() };
    assert_eq!(refusal(&request, gave_up()), Refused::StillAwaited);
    assert!(request.is_overdue(much_later()));
    assert_eq!(request.state(), State::AwaitingSubject);
    let due_soon = at("2026-03-30T10:00:00Z");
    let failed = request.apply(gave_up(), due_soon).unwrap();
    assert_eq!(failed.state(), State::Responding);
    assert!(failed.clock().pauses().iter().all(|pause| pause.to.is_some()));
    let answered = request.apply(Event::Answered { by: by() }, much_later()).unwrap();
    assert_eq!(answered.state(), State::Identifying);
}

#[test]
fn scenario_26_of_fifty_copies_the_verified_one_counts_and_each_gets_an_answer() {
    let copies: Vec<_> = (0..50).map(|n| received(&format!("copy-{n}"), &[Right::Access])).collect();
    let verified = received_at("real", &[Right::Access], "2026-03-02T18:00:00Z");
    let verified = after(&verified, to_discovering());
    let all = copies.iter().chain([&verified]);
    assert_eq!(canonical(all).map(Request::key), Some(verified.key()));
    for copy in &copies {
        assert_eq!(copy.part(), Err(Refused::Unverified));
        let steps = [
            Event::DuplicateLinked { of: verified.key().clone(), by: by() },
            Event::Acknowledged { by: by() },
            Event::IdentityFailed { by: by() },
        ];
        let linked = after(copy, steps);
        assert_eq!(linked.duplicate_of(), Some(verified.key()));
        assert_eq!(after(&linked, [delivered(&linked)]).ended(), Some(Ending::Unverified));
    }
    let itself = Event::DuplicateLinked { of: verified.key().clone(), by: by() };
    assert_eq!(refusal(&verified, itself).reason(), "itself");
}

#[test]
fn scenario_26_who_is_verified_is_linked_to_nobody_who_is_not() {
    let first = key("copy-0");
    let linked = Event::DuplicateLinked { of: first.clone(), by: by() };
    let late = after(&received_at("real", &[Right::Access], "2026-03-02T18:00:00Z"), [linked.clone()]);
    assert_eq!(late.duplicate_of(), Some(&first));
    let verified = after(&late, to_discovering());
    assert_eq!(verified.duplicate_of(), None);
    let again = after(&verified, [linked]);
    assert_eq!(
        again.duplicate_of(),
        Some(&first),
        "whoever looks may find another one that is verified, too"
    );
}

#[test]
fn scenario_27_requests_that_are_merged_ask_for_both_and_the_earliest_due_date_wins() {
    let earlier = received_at("r2", &[Right::Erase], "2026-02-20T10:00:00Z");
    let earlier = after(&earlier, to_discovering());
    let steps = [frozen("p1", &[("a", Right::Access)]), decided("a", verdict(Right::Access), "anna")];
    let decided = after(&after(&received("r1", &[Right::Access]), to_discovering()), steps);
    let merged = after(&decided, [Event::Merged { part: earlier.part().unwrap(), by: by() }]);
    assert_eq!(merged.rights(), BTreeSet::from([Right::Access, Right::Erase]));
    assert_eq!(merged.due_clock(next_day()), earlier.clock());
    assert_eq!(merged.state(), State::Discovering, "decisions are made anew");
    assert!(merged.items().is_empty() && merged.plan().is_none());
    let again = Event::Merged { part: earlier.part().unwrap(), by: by() };
    assert_eq!(refusal(&merged, again).reason(), "already-merged");
    let taken_back = Event::TakenBack { by: by() };
    assert_eq!(refusal(&merged, taken_back), Refused::HasParts, "nobody has taken the other one back");

    let away = after(&earlier, [Event::MergedInto { into: key("r1"), by: by() }]);
    assert_eq!(refusal(&away, delivered(&away)), Refused::AnsweredElsewhere { into: key("r1") });
    let answered = Event::AnsweredWith { into: key("r1"), ending: Ending::Fulfilled, by: by() };
    assert_eq!(after(&away, [answered]).ended(), Some(Ending::Fulfilled));
    let apart = after(&away, [Event::Unmerged { other: key("r1"), by: by() }]);
    assert_eq!((apart.state(), apart.merged_into()), (State::Discovering, None));
}

#[test]
fn scenario_27_what_was_given_or_erased_before_two_requests_came_apart_is_a_breach_to_assess() {
    let other = after(&received("r2", &[Right::Erase]), to_discovering());
    let request = after(&received("r1", &[Right::Access]), to_discovering());
    let steps = [
        Event::Merged { part: other.part().unwrap(), by: by() },
        frozen("p1", &[("a", Right::Access), ("b", Right::Access), ("e", Right::Erase)]),
        decided("a", verdict(Right::Access), "anna"),
        decided("b", verdict(Right::Access), "anna"),
        decided("e", verdict(Right::Erase), "anna"),
        Event::AllDecided { by: by() },
        Event::Approved { plan: plan("p1"), by: who("bruno") },
        done("a"),
        done("e"),
        Event::Unmerged { other: key("r2"), by: by() },
    ];
    let apart = after(&request, steps);
    assert_eq!(apart.to_assess(), &BTreeSet::from([item("a"), item("e")]));
    assert_eq!(apart.clone().assessing([item("b")].into()).to_assess(), &BTreeSet::from([item("b")]));
    assert_eq!(apart.rights(), BTreeSet::from([Right::Access]));
    assert_eq!(apart.due_clock(next_day()), request.clock());
    assert_eq!(apart.state(), State::Discovering);
}

#[test]
fn scenario_28_the_number_of_requests_alone_is_no_ground_to_refuse() {
    let request = in_state(State::Deciding);
    let refuse = asked(Right::Erase, BasisState::ConsentLive, HoldState::None, Gate::Article12);
    let because = |reason, evidence: &[Evidence]| {
        let evidence = evidence.iter().copied().collect();
        let excess = Some(Excess { reason, evidence, filed: code("file-12") });
        Event::Decided { item: item("e"), decision: Decision { excess, ..decision(refuse, "anna") } }
    };
    let excessive = crate::rights::Reason::A12ManifestlyExcessive;
    assert_eq!(refusal(&request, decided("e", refuse, "anna")).reason(), "no-evidence");
    assert_eq!(refusal(&request, because(excessive, &[])).reason(), "no-evidence");
    assert_eq!(refusal(&request, because(excessive, &[Evidence::Count])).reason(), "count-alone");
    let other = because(crate::rights::Reason::A17LegalClaims, &[Evidence::AbusiveIntent]);
    assert_eq!(refusal(&request, other).reason(), "other-reason");
    let proven = because(excessive, &[Evidence::Count, Evidence::AbusiveIntent]);
    let decided = after(&request, [proven, Event::AllDecided { by: by() }]);
    assert_eq!(decided.state(), State::AwaitingApproval);
}

#[test]
fn scenario_29_a_representative_acts_as_far_as_a_verified_authority_goes() {
    let request = Request::receive(Intake {
        key: key("r1"),
        rights: [Right::Access, Right::Erase].into(),
        channel: Channel::Letter,
        asker: Asker::Representative,
        clock: clock("2026-03-02T10:00:00Z"),
    });
    let human = Event::Proved { proof: Proof::Human, by: by() };
    let request = after(&request.unwrap(), [Event::Acknowledged { by: by() }, human]);
    let verified = || Event::Verified { by: by() };
    assert_eq!(refusal(&request, verified()), Refused::NoAuthority);
    let authority = Authority { filed: code("mandate-7"), rights: [Right::Access].into(), by: by() };
    let request = after(&request, [Event::AuthorityVerified { authority }, verified()]);
    assert_eq!(request.state(), State::Discovering);
    assert!(request.is_cleared(Right::Access) && !request.is_cleared(Right::Erase));
    assert_eq!(refusal(&request, frozen("p1", &[("e", Right::Erase)])).reason(), "right-barred");
}

#[test]
fn scenario_30_a_request_that_is_overdue_is_worked_on_and_answered() {
    let mut request = in_state(State::Discovering);
    let late = much_later();
    let steps = [
        frozen("p1", &[("a", Right::Erase)]),
        decided("a", verdict(Right::Erase), "anna"),
        Event::AllDecided { by: by() },
        Event::Approved { plan: plan("p1"), by: who("bruno") },
        done("a"),
        Event::ItemsDone { by: by() },
        Event::ProbesPassed { by: by() },
    ];
    for step in steps {
        assert!(request.is_overdue(late));
        request = request.apply(step, late).unwrap();
    }
    let closed = request.apply(delivered(&request), late).unwrap();
    assert_eq!((closed.ended(), closed.is_overdue(late)), (Some(Ending::Fulfilled), false));
}
