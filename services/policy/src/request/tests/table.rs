use super::*;

/// An event of each kind, of which a request in a state that takes it can make use.
fn sample(kind: EventKind, request: &Request) -> Event {
    let by = who("anna");
    match kind {
        EventKind::Acknowledged => Event::Acknowledged { by },
        EventKind::Proved => Event::Proved { proof: Proof::Session, by },
        EventKind::ProofWrong => Event::ProofWrong { proof: Proof::OneTimeCode, by },
        EventKind::AuthorityVerified => {
            let rights = request.rights();
            Event::AuthorityVerified { authority: Authority { filed: code("mandate-1"), rights, by } }
        }
        EventKind::Verified => Event::Verified { by },
        EventKind::Doubted => Event::Doubted { by },
        EventKind::Answered => Event::Answered { by },
        EventKind::IdentityFailed => Event::IdentityFailed { by },
        EventKind::PlanFrozen => frozen("p2", &[("e", Right::Erase)]),
        EventKind::Decided => decided("e", verdict(Right::Erase), "anna"),
        EventKind::AllDecided => Event::AllDecided { by },
        EventKind::RulesChanged => {
            let verdicts = BTreeMap::from([(item("e"), verdict(Right::Erase))]);
            Event::RulesChanged { ruleset: RULESET + 1, verdicts, by }
        }
        EventKind::Approved => Event::Approved { plan: plan("p1"), by: who("bruno") },
        EventKind::Rejected => Event::Rejected { plan: plan("p1"), by },
        EventKind::ItemDone => done("e"),
        EventKind::ItemDeferred => Event::ItemDeferred { item: item("e"), hold: code("hold-1"), by },
        EventKind::ItemsDone => Event::ItemsDone { by },
        EventKind::ProbesPassed => Event::ProbesPassed { by },
        EventKind::ProbesFailed => Event::ProbesFailed { items: BTreeSet::from([item("e")]), by },
        EventKind::Delivered => delivered(request),
        EventKind::AnsweredWith => Event::AnsweredWith { into: key("r2"), ending: Ending::Fulfilled, by },
        EventKind::TakenBack => Event::TakenBack { by },
        EventKind::Extended => {
            let (reason, notice_delivered_at) = (deadline::Reason::Complexity, Some(next_day()));
            Event::Extended { reason, notice_delivered_at, by }
        }
        EventKind::DuplicateLinked => Event::DuplicateLinked { of: key("r2"), by },
        EventKind::Merged => {
            let other = after(&received("r2", &[Right::Access]), to_discovering());
            Event::Merged { part: other.part().unwrap(), by }
        }
        EventKind::MergedInto => Event::MergedInto { into: key("r2"), by },
        EventKind::Unmerged => Event::Unmerged { other: key("r2"), by },
    }
}

/// What is taken, and where it leads to; `-` for what is taken there and refused of this request for what it is.
#[rstest]
#[case(State::Received, "acknowledged=identifying taken-back=responding")]
#[case(
    State::Identifying,
    "proved=identifying proof-wrong=identifying authority-verified=- verified=- doubted=awaiting-subject \
     identity-failed=responding taken-back=responding"
)]
#[case(State::AwaitingSubject, "answered=identifying identity-failed=- taken-back=responding")]
#[case(
    State::Discovering,
    "plan-frozen=deciding taken-back=responding merged=discovering merged-into=responding"
)]
#[case(
    State::Deciding,
    "plan-frozen=deciding decided=deciding all-decided=- rules-changed=deciding taken-back=responding \
     merged=discovering merged-into=responding"
)]
#[case(
    State::AwaitingApproval,
    "rules-changed=awaiting-approval approved=executing rejected=deciding taken-back=responding \
     merged=discovering merged-into=responding"
)]
#[case(State::Executing, "item-done=executing item-deferred=executing items-done=-")]
#[case(State::Verifying, "probes-passed=responding probes-failed=executing")]
#[case(State::Responding, "delivered=closed answered-with=-")]
#[case(State::Closed, "")]
fn a_state_takes_these_events_and_no_others(#[case] state: State, #[case] takes: &str) {
    let request = in_state(state);
    let mut expected: BTreeMap<&str, &str> =
        takes.split_whitespace().map(|t| t.split_once('=').unwrap()).collect();
    if state != State::Closed {
        expected.extend([
            ("extended", state.as_str()),
            ("duplicate-linked", state.as_str()),
            ("unmerged", "-"),
        ]);
    }
    for &kind in EventKind::ALL {
        let before = request.clone();
        let result = request.apply(sample(kind, &request), next_day());
        let got = match &result {
            Ok(next) => Some(next.state().as_str()),
            Err(Refused::NotNow { event, state: refused_in }) => {
                assert_eq!((*event, *refused_in), (kind, state));
                None
            }
            Err(_) => Some("-"),
        };
        assert_eq!(got, expected.get(kind.as_str()).copied(), "{kind} in {state}: {result:?}");
        assert_eq!(request, before, "{kind} in {state}");
    }
}

#[test]
fn what_is_refused_has_a_code_word_and_a_sentence() {
    let request = in_state(State::Received);
    let refused = refusal(&request, done("e"));
    assert_eq!(refused.reason(), "not-now");
    assert_eq!(refused.code(), ErrorCode::FailedPrecondition);
    assert_eq!(refused.to_string(), "item-done is not taken by a request in state received");
    let silent = Refused::StoresSilent { stores: [code("index"), code("objects")].into() };
    let said = "the plan cannot be frozen while registered stores have not answered: index, objects";
    assert_eq!((silent.reason(), silent.to_string().as_str()), ("stores-silent", said));
}
