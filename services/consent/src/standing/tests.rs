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

/// Found by the property above: a refusal at the very beginning made the second yes one that counts.
#[test]
fn a_yes_to_a_question_put_again_is_later_than_a_refusal_in_between() {
    use EventKind::{Asked, Given, Refused};
    let (call, account) = (Reach::Call(RECORDING), Reach::Account);
    let said =
        [(Asked, call, 0), (Given, call, 8), (Refused, account, 8), (Asked, call, 10), (Given, call, 24)];
    let all: Vec<_> =
        (1..).zip(said).map(|(number, (kind, reach, at))| event(number, kind, reach, at)).collect();
    let with_a_refusal_first = |all: &[StoredEvent]| [all, &[event(99, Refused, call, 0)]].concat();
    assert_eq!(asked(&all), Ok(()));
    assert_eq!(asked(&with_a_refusal_first(&all)), Ok(()));
    // Said again unasked it is no answer.
    let unasked: Vec<_> = all.into_iter().filter(|stored| stored.version != 4).collect();
    assert_eq!(asked(&unasked), Err(Gone::Refused));
    assert_eq!(asked(&with_a_refusal_first(&unasked)), Err(Gone::Refused));
}

/// Found by the property above: whoever says yes in the call itself, to whatever it reaches, is heard.
#[test]
fn a_yes_in_the_call_counts_after_a_refusal_of_its_first_moment_and_one_of_later_opens_nothing() {
    use EventKind::{Asked, Given, Refused};
    let (call, account) = (Reach::Call(RECORDING), Reach::Account);
    let said = [
        (Asked, call, -1),
        (Given, call, 0),
        (Refused, account, 0),
        (Asked, account, 1),
        (Asked, call, 1),
        (Given, account, 20),
    ];
    let all: Vec<_> =
        (1..).zip(said).map(|(number, (kind, reach, at))| event(number, kind, reach, at)).collect();
    let with_a_refusal_first = |all: &[StoredEvent]| [all, &[event(99, Refused, call, 0)]].concat();
    assert_eq!(asked(&all), Ok(()));
    assert_eq!(asked(&with_a_refusal_first(&all)), Ok(()));
    let mut later = all;
    later.last_mut().unwrap().event.said_in = Some(RecordingId::from_bytes([4; 16]));
    assert_eq!(asked(&later), Err(Gone::Withdrawn));
    assert_eq!(asked(&with_a_refusal_first(&later)), Err(Gone::Withdrawn));
}

/// By which event consent is given to a call that starts at ten seconds.
fn given_from_the_start(events: &[StoredEvent]) -> Option<EventId> {
    let policy = policy::parse(POLICY, &|_| None).unwrap();
    let facts = CallFacts { requested: made().purposes, parties: BTreeSet::from([Party::Customer]) };
    let made = RecordingRow { started_at: at(10_000), ..made() };
    let histories = Histories::from([(SUBJECT, events.to_vec())]);
    let consent = at_opening(&policy, &facts, &made, &histories, at(50_000))[&purpose("quality")];
    assert_eq!(consent.state == ConsentState::Given, consent.evidence.is_some());
    consent.evidence
}

#[test]
fn a_call_is_opened_on_consent_that_stood_at_its_start_and_stands_now() {
    use EventKind::{Asked, Given, Refused, Withdrawn};
    let (call, account) = (Reach::Call(RECORDING), Reach::Account);
    // What was said, to whom it reaches, at which second; and the place of the event that it rests on.
    type Said = (EventKind, Reach, i64);
    let (asked, given) = ((Asked, account, 1), (Given, account, 2));
    let cases: &[(&[Said], Option<u64>)] = &[
        (&[asked, given], Some(1)),
        (&[(Asked, account, 10), (Given, account, 10)], Some(1)),
        (&[(Asked, account, 11), (Given, account, 12)], None),
        (&[(Asked, account, 1), (Given, account, 12)], None),
        // Saying it again moves nothing.
        (&[asked, given, (Given, account, 12)], Some(1)),
        // A no counts whenever it was said, and a yes after it does not reach back over it.
        (&[asked, given, (Withdrawn, account, 5)], None),
        (&[asked, given, (Withdrawn, account, 20)], None),
        (&[asked, given, (Refused, call, 20)], None),
        (&[asked, given, (Withdrawn, account, 5), (Asked, account, 11), (Given, account, 12)], None),
        (&[asked, given, (Withdrawn, account, 11), (Asked, account, 12), (Given, account, 13)], None),
        // What was agreed to within the call counts from where it was said.
        (&[(Asked, call, 11), (Given, call, 12)], None),
        (&[asked, given, (Asked, call, 11), (Given, call, 12)], Some(1)),
    ];
    for (said, rests_on) in cases {
        let said =
            (0..).zip(*said).map(|(number, (kind, reach, second))| event(number, *kind, *reach, *second));
        let said: Vec<_> = said.collect();
        let expected = rests_on.map(|place| said[place as usize].event.id);
        assert_eq!(given_from_the_start(&said), expected, "{said:?}");
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
