//! Who is to be told, once, and what an answer changes.

mod properties;

use kernel::{ErrorCode, ServiceError};

use super::*;

const NOW: Timestamp = Timestamp(1_772_438_400_000_000);
const LATER: Timestamp = Timestamp(1_772_524_800_000_000);

fn code(text: &str) -> Code {
    Code::new(text).unwrap()
}

fn act(number: u8) -> [u8; 16] {
    [number; 16]
}

fn to(recipient: &str) -> Disclosure {
    Disclosure {
        key: DisclosureKey {
            tenant: TenantId::new("banca-alfa").unwrap(),
            id: DisclosureId::from_bytes([1; 16]),
        },
        recording: RecordingId::from_bytes([2; 16]),
        recipient: code(recipient),
        purpose: Some(PurposeName::new("quality").unwrap()),
        at: Timestamp(NOW.0 - 1),
        by: Actor::new("anna@banca-alfa.it").unwrap(),
        origin: Origin::Filed(code("dpa-2026-07")),
        notices: Vec::new(),
        version: 1,
    }
}

/// To a vendor, who is to be told of act 1.
fn due() -> Disclosure {
    to("stt-vendor").with_notice(Cause::Erased, act(1), NOW).unwrap().unwrap()
}

fn said(state: NoticeState, filed: Option<&str>) -> Disclosure {
    due().answered(act(1), state, filed.map(code), NOW).unwrap().unwrap()
}

fn is_refused(answer: Result<Option<Disclosure>, Error>, word: &str) {
    match answer {
        Err(Error::Refused { word: found, .. }) => assert_eq!(found, word),
        other => panic!("{word}: {other:?}"),
    }
}

#[test]
fn a_recipient_is_told_of_each_act_once() {
    let first = due();
    assert_eq!(first.version, 2);
    assert_eq!(
        first.notices,
        [Notice {
            cause: Cause::Erased,
            act: act(1),
            state: NoticeState::Due,
            since: NOW,
            told: 1,
            told_at: NOW,
            answered_at: None,
            filed: None,
        }]
    );
    for cause in Cause::ALL {
        assert_eq!(first.with_notice(*cause, act(1), LATER).unwrap(), None, "{cause}");
    }
    let second = first.with_notice(Cause::Restricted, act(2), LATER).unwrap().unwrap();
    assert_eq!(second.version, 3);
    assert_eq!(second.notices[..1], first.notices, "the first one stays as it is");
    assert_eq!((second.notices[1].act, second.notices[1].cause), (act(2), Cause::Restricted));
}

#[test]
fn an_act_that_was_answered_needs_no_second_notice() {
    for (state, filed) in [
        (NoticeState::Failed, Some("no-answer")),
        (NoticeState::Acknowledged, None),
        (NoticeState::Impossible, Some("dissolved")),
    ] {
        assert_eq!(said(state, filed).with_notice(Cause::Erased, act(1), LATER).unwrap(), None, "{state}");
    }
}

#[test]
fn whoever_got_a_copy_of_what_is_theirs_is_not_notified() {
    for (recipient, is_notified) in [
        (DATA_SUBJECT, false),
        (REPRESENTATIVE, false),
        ("consob", true),
        ("data-subjects", true),
        ("Data-Subject", true),
    ] {
        for cause in Cause::ALL {
            let next = to(recipient).with_notice(*cause, act(1), NOW).unwrap();
            assert_eq!(next.is_some(), is_notified, "{recipient}: {cause}");
        }
    }
}

#[test]
fn there_are_only_so_many_notices() {
    let mut full = to("stt-vendor");
    for number in 0..MAX_NOTICES as u8 {
        full = full.with_notice(Cause::Restricted, act(number), NOW).unwrap().unwrap();
    }
    assert_eq!(full.notices.len(), MAX_NOTICES);
    let refused = full.with_notice(Cause::Erased, act(255), NOW).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::ResourceExhausted);
    assert_eq!(full.with_notice(Cause::Erased, act(0), NOW).unwrap(), None, "it was told of that one");
}

#[test]
fn what_nobody_has_answered_is_open() {
    assert!(!to("stt-vendor").is_open());
    assert!(due().is_open());
    for (state, filed, is_open) in [
        (NoticeState::Failed, Some("no-answer"), true),
        (NoticeState::Acknowledged, None, false),
        (NoticeState::Acknowledged, Some("letter-9"), false),
        (NoticeState::Impossible, Some("dissolved"), false),
    ] {
        let one = said(state, filed);
        assert_eq!(one.is_open(), is_open, "{state}");
        assert!(one.with_notice(Cause::Restricted, act(2), NOW).unwrap().unwrap().is_open(), "{state}");
    }
}

#[test]
fn an_answer_is_noted_with_its_time_and_its_reference() {
    let one = due().answered(act(1), NoticeState::Failed, Some(code("no-answer")), LATER).unwrap().unwrap();
    let expected = Notice {
        state: NoticeState::Failed,
        answered_at: Some(LATER),
        filed: Some(code("no-answer")),
        ..due().notices[0].clone()
    };
    assert_eq!((one.version, one.notices.as_slice()), (3, [expected].as_slice()));
}

#[test]
fn the_same_answer_again_changes_nothing() {
    for (state, filed) in [
        (NoticeState::Failed, Some("no-answer")),
        (NoticeState::Acknowledged, None),
        (NoticeState::Acknowledged, Some("letter-9")),
        (NoticeState::Impossible, Some("dissolved")),
    ] {
        let one = said(state, filed);
        assert_eq!(one.answered(act(1), state, filed.map(code), LATER).unwrap(), None, "{state}");
    }
}

#[test]
fn what_failed_or_was_impossible_may_be_acknowledged_yet() {
    for (state, filed) in [(NoticeState::Failed, "no-answer"), (NoticeState::Impossible, "dissolved")] {
        let one = said(state, Some(filed));
        let known = one.answered(act(1), NoticeState::Acknowledged, None, LATER).unwrap().unwrap();
        let notice = &known.notices[0];
        assert_eq!((notice.state, &notice.filed), (NoticeState::Acknowledged, &None), "from {state}");
        assert_eq!(notice.answered_at, Some(LATER));
        let why = one.answered(act(1), NoticeState::Failed, Some(code("returned")), LATER).unwrap().unwrap();
        assert_eq!(why.notices[0].filed, Some(code("returned")), "another reason, from {state}");
    }
}

#[test]
fn what_was_acknowledged_stays_so() {
    let known = said(NoticeState::Acknowledged, Some("letter-9"));
    for (state, filed) in [
        (NoticeState::Failed, Some("no-answer")),
        (NoticeState::Impossible, Some("dissolved")),
        (NoticeState::Acknowledged, None),
        (NoticeState::Acknowledged, Some("letter-10")),
    ] {
        is_refused(known.answered(act(1), state, filed.map(code), LATER), "acknowledged");
    }
}

#[test]
fn an_answer_that_cannot_be_is_refused() {
    is_refused(due().answered(act(2), NoticeState::Acknowledged, None, NOW), "no-such-notice");
    is_refused(to("stt-vendor").answered(act(1), NoticeState::Acknowledged, None, NOW), "no-such-notice");
    for (state, filed, field) in [
        (NoticeState::Due, None, "state"),
        (NoticeState::Due, Some("letter-9"), "state"),
        (NoticeState::Failed, None, "filed"),
        (NoticeState::Impossible, None, "filed"),
    ] {
        match due().answered(act(1), state, filed.map(code), NOW) {
            Err(Error::Invalid { what, .. }) => assert_eq!(what, field),
            other => panic!("{state}: {other:?}"),
        }
    }
}

#[test]
fn a_notice_is_told_again_only_while_it_is_open() {
    for (one, is_told) in [
        (due(), true),
        (said(NoticeState::Failed, Some("no-answer")), true),
        (said(NoticeState::Acknowledged, None), false),
        (said(NoticeState::Impossible, Some("dissolved")), false),
    ] {
        let again = one.told_again(act(1), LATER);
        let state = one.notices[0].state;
        assert_eq!(again.is_some(), is_told, "{state}");
        assert_eq!(one.told_again(act(2), LATER), None, "there is no such act");
        if let Some(again) = again {
            let expected = Notice { told: 2, told_at: LATER, ..one.notices[0].clone() };
            assert_eq!((again.version, again.notices), (one.version + 1, vec![expected]), "{state}");
        }
    }
}

#[test]
fn how_often_something_was_told_has_no_end() {
    let mut one = due();
    one.notices[0].told = u32::MAX;
    assert_eq!(one.told_again(act(1), LATER).unwrap().notices[0].told, u32::MAX);
}

#[test]
fn a_disclosure_is_the_same_whatever_became_of_its_notices() {
    let one = to("stt-vendor");
    assert!(one.is_same(&said(NoticeState::Acknowledged, None)));
    let others = [
        Disclosure { recording: RecordingId::from_bytes([3; 16]), ..one.clone() },
        Disclosure { recipient: code("consob"), ..one.clone() },
        Disclosure { purpose: None, ..one.clone() },
        Disclosure { origin: Origin::Copy(RequestId::from_bytes([4; 16])), ..one.clone() },
        Disclosure { origin: Origin::Filed(code("dpa-2027-01")), ..one.clone() },
        Disclosure {
            key: DisclosureKey { id: DisclosureId::from_bytes([5; 16]), ..one.key.clone() },
            ..one.clone()
        },
    ];
    for other in others {
        assert!(!one.is_same(&other), "{other:?}");
    }
}
