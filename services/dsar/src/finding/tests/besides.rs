use kernel::EventId;
use policy::rights::{HoldState, Presence};
use proto::consent::v1::{ConsentEvent, ConsentScope, GetStateResponse, PurposeState};

use super::*;

/// Somebody who has agreed to these, once for all calls and once in one.
fn agreed(purposes: &[&str]) -> GetStateResponse {
    let said = ConsentEvent { event_id: EventId::new().to_bytes().to_vec(), ..Default::default() };
    let mut consent = GetStateResponse { history: vec![said], ..Default::default() };
    for scope in [ConsentScope::Account, ConsentScope::Call] {
        consent.states.extend(purposes.iter().map(|purpose| PurposeState {
            purpose: (*purpose).to_owned(),
            state: "given".to_owned(),
            scope: scope.into(),
            ..Default::default()
        }));
    }
    consent
}

/// Items by their keys, with what each rests on.
fn found(right: Right, consent: &GetStateResponse, others: &[RequestId], has: bool) -> Vec<String> {
    let who = Who::asking(&[right]);
    let items = crate::finding::besides::items(&who.asked(), consent, others, has).unwrap();
    assert!(items.iter().all(|item| item.question.presence == Presence::Oneself));
    assert!(items.iter().all(|item| item.question.hold == HoldState::None));
    items.iter().map(|item| format!("{}: {}", item.key().unwrap(), item.question.basis)).collect()
}

#[test]
fn what_proves_that_all_was_right_is_shown_and_kept_and_backups_are_erased() {
    let other = RequestId::new();
    let (consent, others) = (agreed(&["quality"]), [other]);
    let expected = [
        "access/consent: duty-running".to_owned(),
        "access/access-log: duty-running".to_owned(),
        format!("access/request-{other}: duty-running"),
    ];
    assert_eq!(found(Right::Access, &consent, &others, true), expected);
    let expected = [
        "erase/consent: duty-running".to_owned(),
        "erase/access-log: duty-running".to_owned(),
        "erase/backups: consent-gone".to_owned(),
        format!("erase/request-{other}: duty-running"),
    ];
    assert_eq!(found(Right::Erase, &consent, &others, true), expected);
}

#[test]
fn where_there_is_nothing_nothing_is_named() {
    let nothing = GetStateResponse::default();
    for right in [Right::Access, Right::Erase, Right::Port, Right::Withdraw] {
        assert!(found(right, &nothing, &[], false).is_empty(), "{right}");
    }
}

#[test]
fn each_purpose_that_was_agreed_to_is_withdrawn_from_once() {
    let mut consent = agreed(&["quality", "training"]);
    let gone =
        PurposeState { purpose: "sale".to_owned(), state: "withdrawn".to_owned(), ..Default::default() };
    consent.states.push(gone);
    let expected = ["withdraw/consent/quality: consent-live", "withdraw/consent/training: consent-live"];
    assert_eq!(found(Right::Withdraw, &consent, &[], true), expected);
    consent.states[0].purpose = "Not A Name".to_owned();
    let who = Who::asking(&[Right::Withdraw]);
    let refused = crate::finding::besides::items(&who.asked(), &consent, &[], true);
    assert!(matches!(refused, Err(Error::Answer { .. })));
}

#[test]
fn marketing_is_objected_to_whatever_is_kept() {
    let expected = ["object-marketing/consent: legitimate-interest"];
    assert_eq!(found(Right::ObjectMarketing, &GetStateResponse::default(), &[], false), expected);
}

#[test]
fn consent_is_ported_and_what_is_of_recordings_only_is_not_here() {
    let consent = agreed(&["quality"]);
    assert_eq!(found(Right::Port, &consent, &[], true), ["port/consent: consent-live"]);
    for right in [Right::Rectify, Right::Restrict, Right::Object] {
        assert!(found(right, &consent, &[RequestId::new()], true).is_empty(), "{right}");
    }
}
