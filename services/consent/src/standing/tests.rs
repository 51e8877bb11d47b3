//! Properties of what consent comes to; the scenarios are the service's.

use kernel::EventId;
use policy::Party;
use proptest::prelude::*;

use super::*;
use crate::event::{EventKind, Expression, NewEvent};
use crate::testing::{POLICY, at, purpose, tenant};

const RECORDING: RecordingId = RecordingId::from_bytes([3; 16]);
const SUBJECT: SubjectId = SubjectId::from_bytes([7; 16]);

fn made() -> RecordingRow {
    RecordingRow {
        tenant: tenant(),
        recording: RECORDING,
        policy: None,
        started_at: at(0),
        authorised_at: at(0),
        purposes: BTreeSet::from([purpose("quality")]),
        parties: vec![PartyRow { place: 0, party: Party::Customer, subject: SUBJECT }],
    }
}

fn event(number: u64, kind: EventKind, reach: Reach, second: i64) -> StoredEvent {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    let event = NewEvent {
        id: EventId::from_bytes(id),
        subject: SUBJECT,
        kind,
        purposes: BTreeSet::from([purpose("quality")]),
        reach,
        said_in: Some(RECORDING),
        notice: None,
        position: Some(1),
        occurred_at: at(second * 1_000),
        recorded_at: at(0),
        expression: Expression::Voice,
        policy: None,
        fingerprint: [0; 32],
    };
    StoredEvent { tenant: tenant(), version: number, event }
}

fn asked(events: &[StoredEvent]) -> Result<(), Gone> {
    let policy = policy::parse(POLICY, &|_| None).unwrap();
    let name = purpose("quality");
    let histories = Histories::from([(SUBJECT, events.to_vec())]);
    may_use(&name, &policy.purposes[&name], &made(), &histories, at(50_000))
}

fn events() -> impl Strategy<Value = Vec<StoredEvent>> {
    let kinds = [
        EventKind::NoticePresented,
        EventKind::Asked,
        EventKind::Given,
        EventKind::Given,
        EventKind::Refused,
        EventKind::Withdrawn,
    ];
    let one = (prop::sample::select(kinds.to_vec()), any::<bool>(), -5i64..40);
    prop::collection::vec(one, 0..10).prop_map(|all| {
        let numbered = (1..).zip(all);
        let reach = |call| if call { Reach::Call(RECORDING) } else { Reach::Account };
        numbered.map(|(number, (kind, call, second))| event(number, kind, reach(call), second)).collect()
    })
}

proptest! {
    #[test]
    fn the_order_in_which_events_are_heard_does_not_matter(
        (events, shuffled) in events().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
    ) {
        prop_assert_eq!(asked(&events), asked(&shuffled));
    }

    #[test]
    fn one_more_restriction_never_allows(
        events in events(),
        restrictive in prop::sample::select(vec![EventKind::Refused, EventKind::Withdrawn, EventKind::Invalidated]),
        call in any::<bool>(),
        second in -5i64..40,
    ) {
        let before = asked(&events);
        let reach = if call { Reach::Call(RECORDING) } else { Reach::Account };
        let mut more = events;
        more.push(event(99, restrictive, reach, second));
        prop_assert!(before.is_ok() || asked(&more).is_err());
    }

    #[test]
    fn after_a_last_no_nothing_is_allowed(events in events(), call in any::<bool>()) {
        let reach = if call { Reach::Call(RECORDING) } else { Reach::Account };
        let mut more = events;
        more.push(event(99, EventKind::Withdrawn, reach, 45));
        prop_assert!(asked(&more).is_err());
    }
}

#[test]
fn nobody_whose_consent_counts_is_no_consent() {
    let policy = policy::parse(POLICY, &|_| None).unwrap();
    let name = purpose("quality");
    let agents = PartyRow { place: 0, party: Party::Agent, subject: SUBJECT };
    let made = RecordingRow { parties: vec![agents], ..made() };
    let answer = may_use(&name, &policy.purposes[&name], &made, &Histories::new(), at(0));
    assert_eq!(answer, Err(Gone::NoConsent));
}

#[test]
fn words_are_each_one_s_own() {
    let words: BTreeSet<_> = Gone::ALL.iter().map(|gone| gone.as_str()).collect();
    assert_eq!(words.len(), Gone::ALL.len());
}
