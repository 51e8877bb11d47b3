//! Disclosures: what goes in comes back, what is published names ids and codes alone, and what cannot be is refused.

use kernel::DisclosureId;
use policy::request::{Cause, NoticeState};
use proto::dsar::v1::{DisclosureEvent, Notice as WireNotice, StoredDisclosure, StoredNotice};

use super::*;
use crate::contract::sample::disclosures::Given;
use crate::disclosure::{self, Disclosure, DisclosureKey, MAX_NOTICES, Notice};
use crate::events;

fn any_name() -> impl Strategy<Value = String> {
    "[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?".prop_filter("reserved", |name| TenantId::new(name.as_str()).is_ok())
}

/// Never 1970, which stands for none.
fn any_answer() -> impl Strategy<Value = (NoticeState, Option<Timestamp>, Option<Code>)> {
    let at = any::<i64>().prop_filter("none", |at| *at != 0).prop_map(|at| Some(Timestamp(at)));
    let settled = select(vec![NoticeState::Failed, NoticeState::Impossible]);
    prop_oneof![
        Just((NoticeState::Due, None::<Timestamp>, None::<Code>)),
        (at.clone(), settled, any_code()).prop_map(|(at, state, filed)| (state, at, Some(filed))),
        (at, prop::option::of(any_code())).prop_map(|(at, filed)| (NoticeState::Acknowledged, at, filed)),
    ]
}

/// Of an act of this number.
fn any_notice(number: usize) -> impl Strategy<Value = Notice> {
    let times = (any::<i64>(), any::<i64>(), 1..=u32::MAX);
    (select(Cause::ALL), any_answer(), times).prop_map(move |(cause, answer, (since, told_at, told))| {
        let (state, answered_at, filed) = answer;
        let act = (number as u128).to_be_bytes();
        let (since, told_at) = (Timestamp(since), Timestamp(told_at));
        Notice { cause, act, state, since, told, told_at, answered_at, filed }
    })
}

fn any_disclosure() -> impl Strategy<Value = Disclosure> {
    let ids = (any_name(), any::<[u8; 16]>(), any_recording());
    let purpose = prop::option::of(any_name().prop_map(|name| PurposeName::new(name).unwrap()));
    let origin = prop_oneof![
        any_request().prop_map(disclosure::Origin::Copy),
        any_code().prop_map(disclosure::Origin::Filed),
    ];
    let to = (any_code(), purpose, any::<i64>(), "[!-~]{1,256}");
    let notices = (0..6_usize).prop_flat_map(|many| (0..many).map(any_notice).collect::<Vec<_>>());
    (ids, to, origin, notices, 1..=u64::MAX).prop_map(|(ids, to, origin, notices, version)| {
        let ((tenant, id, recording), (recipient, purpose, at, by)) = (ids, to);
        let tenant = TenantId::new(tenant).unwrap();
        Disclosure {
            key: DisclosureKey { tenant, id: DisclosureId::from_bytes(id) },
            recording,
            recipient,
            purpose,
            at: Timestamp(at),
            by: Actor::new(by).unwrap(),
            origin,
            notices,
            version,
        }
    })
}

fn stored(disclosure: &Disclosure) -> StoredDisclosure {
    StoredDisclosure::decode(&disclosure_bytes(disclosure)[..]).unwrap()
}

/// With one notice, that failed.
fn some_stored() -> StoredDisclosure {
    stored(&Given::first().due().failed().disclosure)
}

fn refuses(damaged: StoredDisclosure, what: &str) {
    match disclosure_from(&damaged.encode_to_vec()) {
        Err(Error::Damaged(found)) => assert_eq!(found, what),
        other => panic!("{what}: {other:?}"),
    }
}

proptest! {
    #[test]
    fn a_disclosure_comes_back_as_it_was(one in any_disclosure()) {
        prop_assert_eq!(disclosure_from(&disclosure_bytes(&one)).unwrap(), one);
    }

    #[test]
    fn any_bytes_are_a_disclosure_or_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _either = disclosure_from(&bytes);
    }

    #[test]
    fn a_disclosure_with_a_wrong_byte_is_read_or_refused_without_panic(
        one in any_disclosure(), place in any::<usize>(), byte in any::<u8>(),
    ) {
        let mut bytes = disclosure_bytes(&one);
        let place = place % bytes.len();
        bytes[place] = byte;
        let _either = disclosure_from(&bytes);
    }
}

#[test]
fn the_largest_disclosure_is_read() {
    let first = Given::first().due().failed().disclosure;
    let longest = Some(Code::new("x".repeat(Code::MAX_LEN)).unwrap());
    let notice = |number: usize| Notice {
        act: (number as u128).to_be_bytes(),
        filed: longest.clone(),
        ..first.notices[0].clone()
    };
    let notices = (0..MAX_NOTICES).map(notice).collect();
    let most = Disclosure { notices, by: Actor::new("x".repeat(256)).unwrap(), ..first };
    assert_eq!(disclosure_from(&disclosure_bytes(&most)).unwrap(), most);
}

#[test]
fn a_disclosure_that_cannot_be_is_refused() {
    let (text, whole) = (str::to_owned, some_stored());
    let tables = [
        (StoredDisclosure { disclosure_id: vec![1; 15], ..whole.clone() }, "a disclosure without its id"),
        (StoredDisclosure { tenant: text("No Slug"), ..whole.clone() }, "a disclosure without its tenant"),
        (StoredDisclosure { recording_id: vec![], ..whole.clone() }, "a disclosure of no known recording"),
        (StoredDisclosure { recipient: text(""), ..whole.clone() }, "a disclosure to nobody"),
        (StoredDisclosure { recipient: text("Anna Rossi"), ..whole.clone() }, "a disclosure to nobody"),
        (StoredDisclosure { purpose: text("No Slug"), ..whole.clone() }, "a disclosure for no known purpose"),
        (StoredDisclosure { by: text(""), ..whole.clone() }, "a disclosure by nobody"),
        (StoredDisclosure { by: text("Anna Rossi"), ..whole.clone() }, "a disclosure by nobody"),
        (StoredDisclosure { filed: text(""), ..whole.clone() }, "a disclosure on no known origin"),
        (StoredDisclosure { filed: text("two words"), ..whole.clone() }, "a disclosure on no known origin"),
        (StoredDisclosure { request_id: vec![1; 16], ..whole.clone() }, "a disclosure on no known origin"),
        (StoredDisclosure { request_id: vec![1; 15], ..whole.clone() }, "a disclosure on no known origin"),
        (StoredDisclosure { version: 0, ..whole }, "a disclosure without a version"),
    ];
    for (damaged, what) in tables {
        refuses(damaged, what);
    }
    for bytes in [&b"\xff"[..], &[0; MAX_BYTES + 1], b"\x0a\xff\xff\xff\xff\x0f", b"\x52\xff\xff\xff\xff\x0f"]
    {
        let read = disclosure_from(bytes);
        assert!(matches!(read, Err(Error::Damaged("a disclosure that cannot be read"))), "{read:?}");
    }
}

#[test]
fn a_notice_that_cannot_be_is_refused() {
    let (text, whole) = (str::to_owned, some_stored());
    let failed = whole.notices[0].clone();
    let (due, acknowledged, impossible) = (1, 3, 4);
    let another = "a notice with another state's answer";
    let tables = [
        (StoredNotice { cause: 0, ..failed.clone() }, "a notice of no known cause"),
        (StoredNotice { cause: 4, ..failed.clone() }, "a notice of no known cause"),
        (StoredNotice { act_id: vec![1; 17], ..failed.clone() }, "a notice of no known act"),
        (StoredNotice { act_id: Vec::new(), ..failed.clone() }, "a notice of no known act"),
        (StoredNotice { state: 0, ..failed.clone() }, "a notice in no known state"),
        (StoredNotice { state: 5, ..failed.clone() }, "a notice in no known state"),
        (StoredNotice { told: 0, ..failed.clone() }, "a notice that was never published"),
        (StoredNotice { filed: text("two words"), ..failed.clone() }, "a notice that is filed nowhere"),
        (StoredNotice { filed: text(""), ..failed.clone() }, another),
        (StoredNotice { answered_at: 0, ..failed.clone() }, another),
        (StoredNotice { state: due, ..failed.clone() }, another),
        (StoredNotice { state: due, answered_at: 0, ..failed.clone() }, another),
        (StoredNotice { state: due, filed: text(""), ..failed.clone() }, another),
        (StoredNotice { state: impossible, filed: text(""), ..failed.clone() }, another),
        (StoredNotice { state: acknowledged, answered_at: 0, ..failed.clone() }, another),
    ];
    for (damaged, what) in tables {
        refuses(StoredDisclosure { notices: vec![damaged], ..whole.clone() }, what);
    }
    let twice = vec![failed.clone(), StoredNotice { cause: 2, ..failed.clone() }];
    refuses(StoredDisclosure { notices: twice, ..whole.clone() }, "two notices of one act");
    let many = (0..=MAX_NOTICES as u128)
        .map(|number| StoredNotice { act_id: number.to_be_bytes().to_vec(), ..failed.clone() });
    let notices = many.collect();
    refuses(StoredDisclosure { notices, ..whole }, "a disclosure with too many notices");
}

#[test]
fn an_event_says_what_was_disclosed_or_what_became_of_one_notice() {
    let first = Given::first();
    let one = first.due().due().failed().disclosure;
    let made = DisclosureEvent {
        disclosure_id: one.key.id.to_bytes().to_vec(),
        version: 1,
        recording_id: one.recording.to_bytes().to_vec(),
        recipient: "stt-vendor".to_owned(),
        notice: None,
    };
    assert_eq!(disclosure_event(&first.disclosure, None), made);
    let [due, failed] = &one.notices[..] else { panic!("two notices") };
    let expected = WireNotice {
        cause: "erased".to_owned(),
        act_id: failed.act.to_vec(),
        state: "failed".to_owned(),
        since: failed.since.0,
        told: 1,
        told_at: failed.told_at.0,
        answered_at: failed.answered_at.unwrap().0,
        filed: "no-answer".to_owned(),
    };
    let told = disclosure_event(&one, Some(failed));
    assert_eq!(told, DisclosureEvent { version: 4, notice: Some(expected), ..made });
    let told = disclosure_event(&one, Some(due)).notice.unwrap();
    assert_eq!((told.state.as_str(), told.answered_at, told.filed.as_str()), ("due", 0, ""));
}

#[test]
fn an_envelope_is_of_its_disclosure_and_of_the_moment_of_its_notice() {
    let first = Given::first().disclosure;
    let failed = Given::first().due().failed().disclosure;
    let (notice, told_again) = (failed.notices[0].clone(), failed.notices[0].told_at.0 + 9_000_000);
    let again = Notice { told: 2, told_at: Timestamp(told_again), ..notice.clone() };
    for (one, about, at) in [
        (&first, None, first.at),
        (&failed, Some(&notice), notice.answered_at.unwrap()),
        (&failed, Some(&again), Timestamp(told_again)),
    ] {
        let event = events::disclosed(one, about);
        assert_eq!(event.kind, "verbale.disclosure.changed");
        assert_eq!((&event.tenant, event.aggregate), (&one.key.tenant, one.key.id.to_string()));
        assert_eq!((event.version, event.at), (one.version, at));
        assert_eq!(DisclosureEvent::decode(&event.payload[..]).unwrap(), disclosure_event(one, about));
        assert_ne!(event.id, events::disclosed(one, about).id, "each is an event of its own");
    }
}
