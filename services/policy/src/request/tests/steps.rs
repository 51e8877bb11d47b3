//! What must hold of every step, for the model and for random events.

use super::*;

/// Whether nothing may be done under a right, by the requirement and not by the code.
fn needs_proof(right: Right) -> bool {
    match right {
        Right::Withdraw | Right::ObjectMarketing => false,
        Right::Access | Right::Rectify | Right::Erase | Right::Restrict | Right::Port | Right::Object => true,
    }
}

/// Asserts what must hold of a step that was taken.
pub(super) fn check(before: &Request, kind: EventKind, after: &Request) {
    let step = format!("{} -{kind}-> {}", before.state(), after.state());
    if after.state() == State::Closed {
        assert_eq!(before.state(), State::Responding, "only the answer closes: {step}");
    }
    assert_eq!(after.ended().is_some(), after.state() == State::Closed, "{step}");
    assert_ne!(before.state(), State::Closed, "nothing follows: {step}");
    if before.identity().has_failed() {
        assert!(after.identity().has_failed(), "{step}");
    }
    for item in after.items().values() {
        check_item(after, item, &step);
    }
}

fn check_item(request: &Request, item: &Item, step: &str) {
    if needs_proof(item.right()) {
        assert!(!request.identity().has_failed(), "looked for without identity: {step}");
        assert!(!request.identity().proofs().is_empty(), "looked for without proof: {step}");
    }
    let plan = request.plan().expect("items have a plan");
    if let Some(approval) = item.approval() {
        assert_eq!(approval.plan, plan.name, "approved for another plan: {step}");
    }
    let begun = matches!(request.state(), State::Executing | State::Verifying);
    if !begun && item.state() == ItemState::Open {
        return;
    }
    let decision = item.decision().expect("only what is decided is executed");
    if decision.verdict.needs_second_person() {
        let approval = item.approval().expect("only what is approved is executed");
        assert_ne!(approval.by, decision.by, "one person did both: {step}");
    }
    if matches!(request.state(), State::Responding | State::Closed) {
        assert!(item.is_settled(), "answered before it was done: {step}");
    }
}

/// Asserts that a step that can be taken long after the request fell due leads to the same state.
pub(super) fn check_late(before: &Request, event: &Event, after: &Request) {
    if let Ok(late) = before.apply(event.clone(), much_later()) {
        assert_eq!(late.state(), after.state(), "{} in {}", event.kind(), before.state());
    }
    assert_eq!(before.is_overdue(much_later()), before.state() != State::Closed);
}
