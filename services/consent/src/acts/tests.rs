//! What goes into the journal comes back, and only what takes away or gives back goes there.

use std::collections::BTreeSet;

use journal::MAX_CODES;
use kernel::{NoticeName, RecordingId, TenantId};
use proptest::prelude::*;

use super::*;

fn stored(kind: EventKind) -> StoredEvent {
    let event = NewEvent {
        id: EventId::from_bytes([3; 16]),
        subject: SubjectId::from_bytes([7; 16]),
        kind,
        purposes: BTreeSet::from([
            PurposeName::new("quality").unwrap(),
            PurposeName::new("training").unwrap(),
        ]),
        reach: Reach::Account,
        said_in: None,
        notice: None,
        position: None,
        occurred_at: Timestamp(5),
        recorded_at: Timestamp(9),
        expression: Expression::Unspecified,
        policy: None,
        fingerprint: [1; 32],
    };
    StoredEvent { tenant: TenantId::new("banca-alfa").unwrap(), version: 42, event }
}

#[test]
fn a_withdrawal_s_act_is_what_it_always_was() {
    let acts = acts(&stored(EventKind::Withdrawn));
    let [act] = &acts[..] else { panic!("one act") };
    let codes: Vec<_> = act.codes.iter().map(Code::as_str).collect();
    let fingerprint = format!("fingerprint:{}", "01".repeat(32));
    let expected = [
        "kind:withdrawn",
        "event:03030303-0303-0303-0303-030303030303",
        "scope:account",
        "occurred-at:5",
        "recorded-at:9",
        &fingerprint,
        "part:1-of-1",
        "purpose:quality:training",
    ];
    assert_eq!(codes, expected);
    assert_eq!(
        (act.id, act.kind, act.at),
        (EventId::from_bytes([3; 16]), Kind::ConsentWithdrawn, Timestamp(9))
    );
    assert_eq!(act.about, About::Aggregate { id: Uuid::from_bytes([7; 16]), version: 42 });
}

#[test]
fn what_takes_nothing_away_and_gives_nothing_back_is_not_journalled() {
    for (kind, expected) in [
        (EventKind::Unspecified, None),
        (EventKind::NoticePresented, None),
        (EventKind::Asked, None),
        (EventKind::Deferred, None),
        (EventKind::Given, Some(Kind::ConsentGiven)),
        (EventKind::Refused, Some(Kind::ConsentWithdrawn)),
        (EventKind::Withdrawn, Some(Kind::ConsentWithdrawn)),
        (EventKind::Expired, Some(Kind::ConsentWithdrawn)),
        (EventKind::Revoked, Some(Kind::ConsentWithdrawn)),
        (EventKind::Invalidated, Some(Kind::ConsentWithdrawn)),
    ] {
        assert_eq!(acts(&stored(kind)).first().map(|act| act.kind), expected, "{kind:?}");
        assert_eq!(is_journalled(kind), expected.is_some());
    }
}

#[test]
fn what_is_another_role_s_is_not_ours_and_what_is_malformed_is_no_act() {
    let act = acts(&stored(EventKind::Refused)).remove(0);
    for kind in Kind::ALL.iter().filter(|kind| !is_ours(**kind)) {
        assert_eq!(read(&Act { kind: *kind, ..act.clone() }), Ok(None));
    }
    assert!(read(&Act { kind: Kind::ConsentGiven, ..act.clone() }).is_err(), "a refusal gives nothing");
    assert!(read(&Act { id: EventId::new(), ..act.clone() }).is_err(), "another event's");
    assert!(read(&Act { about: About::Epoch(kernel::KeyEpoch(1)), ..act.clone() }).is_err());
    // All but the purposes, which an event may not have.
    for left_out in 0..act.codes.len() - 1 {
        let mut codes = act.codes.clone();
        let code = codes.remove(left_out);
        assert!(read(&Act { codes, ..act.clone() }).is_err(), "without {code}");
    }
    for more in ["scope:call", "notice:n5", "policy:00", "expression:smile", "phone:1", "word"] {
        let mut codes = act.codes.clone();
        codes.push(Code::new(more).unwrap());
        assert!(read(&Act { codes, ..act.clone() }).is_err(), "with {more}");
    }
}

proptest! {
    #[test]
    fn an_event_comes_back_as_it_was(
        kind in prop::sample::select(&[EventKind::Given, EventKind::Refused, EventKind::Expired, EventKind::Revoked][..]),
        names in prop::collection::btree_set("[a-z]([a-z0-9-]{0,61}[a-z0-9])?", 0..40),
        is_call in any::<bool>(), has_all in any::<bool>(), times in any::<(i64, i64)>(), number in any::<u64>(),
    ) {
        let purposes = names.into_iter().map(|name| PurposeName::new(name).unwrap()).collect();
        let recording = RecordingId::from_bytes([9; 16]);
        let StoredEvent { tenant, event, .. } = stored(kind);
        let event = NewEvent {
            purposes,
            reach: if is_call { Reach::Call(recording) } else { Reach::Account },
            said_in: (is_call || has_all).then_some(recording),
            notice: has_all.then(|| NoticeRef { name: NoticeName::new("n".repeat(63)).unwrap(), text_hash: [5; 32] }),
            position: has_all.then_some(number),
            occurred_at: Timestamp(times.0),
            recorded_at: Timestamp(times.1),
            expression: if has_all { Expression::AgentAttested } else { Expression::Unspecified },
            policy: has_all.then_some(PolicyHash([6; 32])),
            ..event
        };
        let stored = StoredEvent { tenant, version: number, event };
        let acts = acts(&stored);
        let mut united = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for act in &acts {
            prop_assert!(act.codes.len() <= MAX_CODES);
            let said = read(act).unwrap().unwrap();
            prop_assert_eq!((said.of, said.event.event.id), (stored.event.id, act.id));
            ids.insert(act.id);
            united.extend(said.event.event.purposes.iter().cloned());
            let (id, purposes) = (stored.event.id, stored.event.purposes.clone());
            let event = StoredEvent { event: NewEvent { id, purposes, ..said.event.event }, ..said.event };
            prop_assert_eq!(&event, &stored);
        }
        prop_assert_eq!(acts[0].id, stored.event.id);
        prop_assert_eq!((ids.len(), united), (acts.len(), stored.event.purposes));
    }

    #[test]
    fn any_codes_are_read_or_refused_without_panic(
        picked in prop::collection::vec((0_usize..KEYS.len(), "[a-z0-9.:-]{0,50}"), 0..16),
    ) {
        let codes = picked.iter().map(|(key, value)| Code::new(format!("{}:{value}", KEYS[*key])).unwrap());
        let act = Act { codes: codes.collect(), ..acts(&stored(EventKind::Given)).remove(0) };
        let _either = read(&act);
    }
}
