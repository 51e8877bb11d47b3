//! Erasures: begun once, changed by versions, listed with the newest first, and by whether they are settled.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{ErasureId, EventId, Interval, LegNo, Position, RecordingId, SubjectId, TenantId, topics};
use platform::OutboxStore;
use policy::code::Code;

use super::{alfa, beta, event, ids, moment, purpose, told};
use crate::erasure::{Cause, Erasure, Scope, State, Target};
use crate::store::{Store, Written};

/// An erasure of alfa at version 1.
pub(crate) fn some_erasure() -> Erasure {
    Erasure {
        tenant: alfa(),
        id: ErasureId::new(),
        version: 1,
        cause: Cause::Order,
        target: Target::Recording(RecordingId::new()),
        scope: Scope::Everything,
        reason: Code::new("art-17-request").expect("a code"),
        ordered_by: "anna".to_owned(),
        ordered_at: moment(0, 1),
        state: State::Gathering,
        items: 0,
        settled_at: None,
        receipt: Vec::new(),
    }
}

/// The next version, in another state.
pub(crate) fn in_state(erasure: &Erasure, state: State) -> Erasure {
    Erasure { version: erasure.version + 1, state, ..erasure.clone() }
}

/// An id of a day, with bytes that are this number.
pub(crate) fn id_of(day: i64, number: u8) -> ErasureId {
    let millis = moment(day, 0).0 / 1_000;
    let mut bytes = [number; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    ErasureId::from_bytes(bytes)
}

pub(crate) async fn begun<S: Store + ?Sized>(store: &S, erasure: &Erasure) {
    let written = store.begin_erasure(erasure, &event(&erasure.tenant, erasure.id, 1)).await;
    assert_eq!(written.expect("written"), Written::Applied);
}

pub(crate) async fn moved<S: Store + ?Sized>(store: &S, erasure: &Erasure) {
    let event = event(&erasure.tenant, erasure.id, erasure.version);
    assert_eq!(store.change_erasure(erasure, &event).await.expect("written"), Written::Applied);
}

async fn back<S: Store + ?Sized>(store: &S, id: ErasureId) -> Option<Erasure> {
    store.erasure(&alfa(), id).await.expect("read")
}

/// Every kind of scope; of an item as well.
pub(crate) fn scopes() -> [Scope; 5] {
    let stretch = |start, end, legs: &[u16]| Scope::Stretch {
        interval: Interval::new(Position(start), end).expect("not empty"),
        legs: legs.iter().copied().map(LegNo).collect(),
    };
    [
        Scope::Everything,
        Scope::Purposes([purpose("quality")].into()),
        Scope::Purposes((0..200).map(|number| purpose(&format!("purpose-{number}"))).collect()),
        stretch(0, Position(1), &[]),
        stretch(61_000_000, Position::MAX, &[0, 1, u16::MAX]),
    ]
}

/// The second one changes nothing and tells nothing, also where the first is settled.
pub async fn an_erasure_begins_once<S: Store + OutboxStore>(store: &S) {
    let first = some_erasure();
    let of_first = event(&alfa(), first.id, 1);
    assert_eq!(store.begin_erasure(&first, &of_first).await.expect("written"), Written::Applied);
    let rival = Erasure { ordered_by: "bruno".to_owned(), target: Target::Due, ..first.clone() };
    let again = async || store.begin_erasure(&rival, &event(&alfa(), first.id, 1)).await.expect("answered");
    assert_eq!(again().await, Written::Conflict);
    assert_eq!(back(store, first.id).await.as_ref(), Some(&first));
    assert_eq!(store.unsettled_erasures(&alfa()).await.expect("read"), [first.id]);
    assert_eq!(told(store).await, ids([&of_first]));
    moved(store, &in_state(&first, State::Done)).await;
    assert_eq!(again().await, Written::Conflict);
    assert_eq!(store.unsettled_erasures(&alfa()).await.expect("read"), []);
    assert_eq!(told(store).await.len(), 2);
}

/// Nothing of a change that comes late is there.
pub async fn an_erasure_changes_only_from_the_version_before<S: Store + OutboxStore>(store: &S) {
    let first = some_erasure();
    let (second, rival) = (in_state(&first, State::Running), in_state(&first, State::Refused));
    let third = in_state(&second, State::Partial);
    let change = async |erasure: &Erasure| {
        let event = event(&alfa(), erasure.id, erasure.version);
        store.change_erasure(erasure, &event).await.expect("answered")
    };
    assert_eq!(change(&second).await, Written::Conflict, "there is no row");
    assert_eq!(back(store, first.id).await, None);
    begun(store, &first).await;
    assert_eq!(change(&third).await, Written::Conflict, "two versions on");
    assert_eq!(change(&first).await, Written::Conflict, "its own version");
    assert_eq!(change(&second).await, Written::Applied);
    for late in [&second, &rival, &first] {
        assert_eq!(change(late).await, Written::Conflict);
    }
    assert_eq!(back(store, first.id).await.as_ref(), Some(&second));
    assert_eq!(change(&third).await, Written::Applied);
    assert_eq!(back(store, first.id).await, Some(third));
    assert_eq!(told(store).await.len(), 3);
}

/// Every cause, target and scope, in every state, without a receipt and with one.
pub async fn an_erasure_comes_back_as_it_was(store: &dyn Store) {
    let causes = [Cause::PeriodOver, Cause::BasisLost, Cause::Order];
    let (recording, subject) = (RecordingId::new(), SubjectId::new());
    let targets = [
        Target::Subject(subject),
        Target::Recording(recording),
        Target::RecordingOf { recording, subject },
        Target::Due,
    ];
    let states = [State::Gathering, State::Running, State::Done, State::Partial, State::Refused];
    for (number, (scope, state)) in scopes().into_iter().zip(states).enumerate() {
        let (cause, target) = (causes[number % 3], targets[number % 3].clone());
        let first = Erasure { cause, target, scope, state, ..some_erasure() };
        begun(store, &first).await;
        assert_eq!(back(store, first.id).await.as_ref(), Some(&first));
        let next = Erasure {
            items: u32::MAX,
            settled_at: Some(moment(3, 5)),
            receipt: (0..=255).cycle().take(20_000).collect(),
            ..in_state(&first, states[(number + 1) % 5])
        };
        moved(store, &next).await;
        assert_eq!(back(store, first.id).await.as_ref(), Some(&next));
        let last = Erasure { settled_at: None, receipt: Vec::new(), ..in_state(&next, State::Done) };
        moved(store, &last).await;
        assert_eq!(back(store, first.id).await, Some(last));
    }
}

/// Of what, why, by whom and when: no later write moves them.
pub async fn what_was_ordered_stays(store: &dyn Store) {
    let first = some_erasure();
    begun(store, &first).await;
    let other = Erasure {
        cause: Cause::BasisLost,
        target: Target::Due,
        scope: Scope::Purposes([purpose("quality")].into()),
        reason: Code::new("another").expect("a code"),
        ordered_by: "bruno".to_owned(),
        ordered_at: moment(5, 5),
        items: 7,
        ..in_state(&first, State::Running)
    };
    moved(store, &other).await;
    let expected = Erasure { items: 7, ..in_state(&first, State::Running) };
    assert_eq!(back(store, first.id).await, Some(expected));
}

/// Whether or not they are settled; over days, in which there may be none.
pub async fn the_newest_erasures_come_first_in_pages(store: &dyn Store) {
    let places = [(-400, 1), (0, 2), (0, 1), (3, 9), (3, 8), (3, 7), (900, 0)];
    let mut erasures = places.map(|(day, number)| Erasure { id: id_of(day, number), ..some_erasure() });
    for erasure in &erasures {
        begun(store, erasure).await;
    }
    erasures[4] = in_state(&erasures[4], State::Done);
    moved(store, &erasures[4]).await;
    erasures.sort_by_key(|erasure| std::cmp::Reverse(erasure.id));
    for limit in [1, 2, 3, 100] {
        let mut found: Vec<Erasure> = Vec::new();
        loop {
            let before = found.last().map(|erasure| erasure.id);
            let page = store.erasures(&alfa(), before, limit).await.expect("read");
            assert!(page.len() <= limit as usize);
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        assert_eq!(found, erasures, "{limit} at once");
    }
    let older = store.erasures(&alfa(), Some(id_of(2, 0)), 10).await.expect("read");
    assert_eq!(older, erasures[4..], "before one that is not there");
}

/// Also one that goes on after a hold was released.
pub async fn unsettled_erasures_follow_every_change(store: &dyn Store) {
    let other = Erasure { id: id_of(1, 1), ..some_erasure() };
    begun(store, &other).await;
    let mut erasure = Erasure { id: id_of(0, 1), ..some_erasure() };
    begun(store, &erasure).await;
    let both = [erasure.id, other.id];
    assert_eq!(store.unsettled_erasures(&alfa()).await.expect("read"), both);
    for (state, expected) in [
        (State::Running, &both[..]),
        (State::Partial, &both[1..]),
        (State::Running, &both[..]),
        (State::Done, &both[1..]),
        (State::Gathering, &both[..]),
        (State::Refused, &both[1..]),
    ] {
        erasure = in_state(&erasure, state);
        moved(store, &erasure).await;
        assert_eq!(store.unsettled_erasures(&alfa()).await.expect("read"), expected, "{state:?}");
    }
}

/// The same id under another tenant is another erasure.
pub async fn tenants_see_nothing_of_each_others_erasures(store: &dyn Store) {
    let own = some_erasure();
    begun(store, &own).await;
    let of = async |tenant: &TenantId| {
        (
            store.erasure(tenant, own.id).await.expect("read"),
            store.erasures(tenant, None, 10).await.expect("read"),
            store.unsettled_erasures(tenant).await.expect("read"),
        )
    };
    assert_eq!(of(&beta()).await, (None, Vec::new(), Vec::new()));
    let theirs = Erasure { tenant: beta(), state: State::Running, ..own.clone() };
    begun(store, &theirs).await;
    let settled = in_state(&theirs, State::Done);
    moved(store, &settled).await;
    assert_eq!(of(&beta()).await, (Some(settled.clone()), vec![settled], Vec::new()));
    assert_eq!(of(&alfa()).await, (Some(own.clone()), vec![own.clone()], vec![own.id]));
}

/// To retention's topic, as they were given.
pub async fn events_of_erasures_leave_with_them<S: Store + OutboxStore>(store: &S) {
    let first = some_erasure();
    let next = in_state(&first, State::Running);
    let events = [event(&alfa(), first.id, 1), event(&alfa(), first.id, 2)];
    let written = [
        store.begin_erasure(&first, &events[0]).await.expect("written"),
        store.change_erasure(&next, &events[1]).await.expect("written"),
    ];
    assert_eq!(written, [Written::Applied; 2]);
    let waiting = store.unpublished(10).await.expect("read");
    assert!(waiting.iter().all(|outgoing| outgoing.topic.name == topics::RETENTION.name));
    let waiting: BTreeMap<EventId, _> =
        waiting.into_iter().map(|out| (out.envelope.id, out.envelope)).collect();
    let given: BTreeMap<EventId, _> = events.iter().map(|event| (event.id, event.clone())).collect();
    assert_eq!(waiting, given);
    store.mark_published(&[events[0].id]).await.expect("marked");
    assert_eq!(told(store).await, ids([&events[1]]));
    store.mark_published(&[events[1].id]).await.expect("marked");
    assert_eq!(told(store).await, BTreeSet::new());
    assert_eq!(back(store, first.id).await, Some(next), "the row stays as it was");
}
