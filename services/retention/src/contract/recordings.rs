//! Recordings: stamped once, changed by versions, found by whoever is on them, told of with every write.

use std::collections::BTreeMap;

use kernel::{ErasureId, EventId, HoldId, RecordingId, SubjectId, topics};
use platform::{AuditOutbox, OutboxStore};
use policy::PolicyHash;
use policy::code::Code;
use policy::period::Period;
use policy::retention::{DataKind, RanFrom, Rule, Stamp};

use super::holds::hold;
use super::orders::order;
use super::{
    alfa, beta, changed, event, event_of, ids, key, moment, purpose, read, recording, recording_of, regime,
    running, stamped, told, with_terms,
};
use crate::hold::Selector;
use crate::kept::{Kept, MAX_PARTIES, MAX_TERMS, Term, TermState};
use crate::store::{Store, Written};

/// The second stamp changes nothing and tells nothing, whatever it says.
pub async fn a_recording_is_stamped_once<S: Store + OutboxStore>(store: &S) {
    let first = recording(vec![running("quality", moment(5, 0))]);
    let of_first = event_of(&first);
    assert_eq!(store.stamp(&first, &of_first).await.expect("written"), Written::Applied);
    let rival = Kept {
        policy: PolicyHash([8; 32]),
        parties: vec![SubjectId::new()],
        terms: vec![running("training", moment(1, 0))],
        ..first.clone()
    };
    for again in [&rival, &first] {
        assert_eq!(store.stamp(again, &event_of(again)).await.expect("answered"), Written::Conflict);
    }
    assert_eq!(store.kept(&first.key).await.expect("read").as_ref(), Some(&first));
    assert_eq!(told(store).await, ids([&of_first]));
    assert_eq!(store.due(&alfa(), moment(4, 0), None, 10).await.expect("read"), []);
    assert_eq!(store.due(&alfa(), moment(5, 0), None, 10).await.expect("read").len(), 1);
    let of_rival = store.of_subject(&alfa(), rival.parties[0], None, 10).await.expect("read");
    assert_eq!(of_rival, [], "nobody is on it who is not in its row");
}

/// Of two that decided on one version only one writes, and only that one's event leaves.
pub async fn a_recording_changes_only_from_the_version_before<S: Store + OutboxStore>(store: &S) {
    let first = recording(vec![running("quality", moment(5, 0))]);
    let second = with_terms(&first, vec![running("quality", moment(6, 0))]);
    let third = with_terms(&second, vec![running("quality", moment(7, 0))]);
    let rival = with_terms(&first, vec![running("training", moment(1, 0))]);
    let change = async |kept: &Kept| {
        let event = event_of(kept);
        (store.change(kept, &event).await.expect("answered"), event)
    };
    assert_eq!(change(&second).await.0, Written::Conflict, "there is no row");
    assert_eq!(store.kept(&first.key).await.expect("read"), None);
    let of_first = event_of(&first);
    assert_eq!(store.stamp(&first, &of_first).await.expect("written"), Written::Applied);
    assert_eq!(change(&third).await.0, Written::Conflict, "two versions on");
    assert_eq!(change(&first).await.0, Written::Conflict, "its own version");
    let (written, of_second) = change(&second).await;
    assert_eq!(written, Written::Applied);
    for late in [&second, &rival, &first] {
        assert_eq!(change(late).await.0, Written::Conflict);
    }
    assert_eq!(read(store, &first.key).await, second);
    let (written, of_third) = change(&third).await;
    assert_eq!(written, Written::Applied);
    assert_eq!(read(store, &first.key).await, third);
    assert_eq!(told(store).await, ids([&of_first, &of_second, &of_third]));
}

/// Every rule, kind and state; nothing and as much as may be.
pub async fn a_recording_comes_back_as_it_was(store: &dyn Store) {
    let bare = Kept { parties: Vec::new(), ..recording(Vec::new()) };
    let parties = (0..MAX_PARTIES).map(|_| SubjectId::new()).collect();
    let full = Kept { parties, ..recording(every_term()) };
    for kept in [bare, full] {
        stamped(store, &kept).await;
        assert_eq!(read(store, &kept.key).await, kept);
        let ended_at = moment(-89, 0);
        let next = Kept { ended_at, ..with_terms(&kept, every_term().split_off(3)) };
        changed(store, &next).await;
        assert_eq!(read(store, &kept.key).await, next);
        let last = with_terms(&next, Vec::new());
        changed(store, &last).await;
        assert_eq!(read(store, &kept.key).await, last);
    }
}

/// As many as a recording may have.
fn every_term() -> Vec<Term> {
    let states = [TermState::Running, TermState::Ending, TermState::Ended];
    let terms = (0..MAX_TERMS).map(|number| {
        let purpose = purpose(&format!("purpose-{:03}", number / 2));
        let kind = DataKind::ALL[number % 2];
        let rule = every_rule()[(number / 2) % 4].clone();
        let ends = moment(number as i64 % 40, number as i64);
        Term { stamp: Stamp { purpose, kind, ends, rule }, state: states[number % 3] }
    });
    terms.collect()
}

fn every_rule() -> [Rule; 4] {
    let period: Period = "P1Y6M".parse().expect("a period");
    let reference = Code::new("CONSOB/2026:0412").expect("a code");
    [
        Rule::Regime { name: regime() },
        Rule::Policy { hash: PolicyHash([3; 32]), period, anchor: RanFrom::Mark },
        Rule::Order { reference, regime: regime(), until: moment(700, 1) },
        Rule::LaterPolicy { hash: PolicyHash([4; 32]), period, anchor: RanFrom::EndWithoutMark },
    ]
}

/// When it began, whose voices are on it and under which policy: no later write moves them.
pub async fn what_the_first_stamp_said_of_the_call_stays(store: &dyn Store) {
    let first = recording(vec![running("quality", moment(5, 0))]);
    stamped(store, &first).await;
    let stranger = SubjectId::new();
    let terms = vec![running("quality", moment(6, 0))];
    let other = Kept {
        started_at: moment(-1, 0),
        policy: PolicyHash([8; 32]),
        parties: vec![stranger],
        ..with_terms(&first, terms.clone())
    };
    changed(store, &other).await;
    assert_eq!(read(store, &first.key).await, with_terms(&first, terms));
    assert_eq!(store.of_subject(&alfa(), stranger, None, 10).await.expect("read"), []);
    for party in &first.parties {
        assert_eq!(store.of_subject(&alfa(), *party, None, 10).await.expect("read"), [first.key.id]);
    }
}

/// Whether or not anything of them still runs.
pub async fn the_recordings_of_a_person_come_in_order_and_pages(store: &dyn Store) {
    let (one, other) = (SubjectId::new(), SubjectId::new());
    let mut rows: Vec<_> = (0..7).map(|_| recording(Vec::new())).collect();
    rows.sort_by_key(|kept| std::cmp::Reverse(kept.key.id));
    for (number, kept) in rows.iter_mut().enumerate() {
        kept.parties = if number % 3 == 2 { vec![other] } else { vec![other, one] };
        stamped(store, kept).await;
    }
    let of = |subject: SubjectId| {
        let on = rows.iter().rev().filter(move |kept| kept.parties.contains(&subject));
        on.map(|kept| kept.key.id).collect::<Vec<_>>()
    };
    for (subject, limit) in [(one, 2), (one, 1_000), (other, 3)] {
        let mut found: Vec<RecordingId> = Vec::new();
        loop {
            let page = store.of_subject(&alfa(), subject, found.last().copied(), limit).await.expect("read");
            assert!(page.len() <= limit as usize);
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        assert_eq!(found, of(subject));
    }
}

/// Those that have only a hold or an order are not among them.
pub async fn tenants_with_recordings_are_listed_once_in_order(store: &dyn Store) {
    let names = ["telco-beta", "banca-alfa", "utility-gamma", "banca-alfa", "banca-alfa-2"];
    for name in names {
        stamped(store, &recording_of(super::tenant(name), Vec::new())).await;
    }
    let holding = super::tenant("holding-only");
    let hold =
        crate::hold::Hold { tenant: holding.clone(), ..hold(Selector::Subjects([SubjectId::new()].into())) };
    store.place(&hold, &event(&holding, hold.id, 1)).await.expect("placed");
    let listed = store.tenants().await.expect("read");
    let listed: Vec<_> = listed.iter().map(|tenant| tenant.as_str()).collect();
    assert_eq!(listed, ["banca-alfa", "banca-alfa-2", "telco-beta", "utility-gamma"]);
}

/// The same ids under another tenant are other things.
pub async fn tenants_see_nothing_of_each_other(store: &dyn Store) {
    let own = recording(vec![running("quality", moment(1, 0))]);
    stamped(store, &own).await;
    let held = hold(Selector::Recordings([own.key.id].into()));
    store.place(&held, &event(&alfa(), held.id, 1)).await.expect("placed");
    let ordered = order("order-1", None);
    store.order(&ordered, &event(&alfa(), "order-1", 1)).await.expect("placed");

    let theirs = crate::kept::RecordingKey { tenant: beta(), id: own.key.id };
    assert_eq!(store.kept(&theirs).await.expect("read"), None);
    assert_eq!(store.due(&beta(), moment(9, 0), None, 10).await.expect("read"), []);
    assert_eq!(store.of_subject(&beta(), own.parties[0], None, 10).await.expect("read"), []);
    assert_eq!(store.hold(&beta(), held.id).await.expect("read"), None);
    assert_eq!(store.standing(&beta()).await.expect("read"), []);
    assert_eq!(store.orders(&beta()).await.expect("read"), []);

    let same = Kept { key: theirs, terms: vec![running("quality", moment(2, 0))], ..own.clone() };
    stamped(store, &same).await;
    changed(store, &with_terms(&same, Vec::new())).await;
    assert_eq!(read(store, &own.key).await, own);
    assert_eq!(store.due(&alfa(), moment(9, 0), None, 10).await.expect("read").len(), 1);
}

/// Neither an error nor an empty row.
pub async fn what_is_unknown_is_none(store: &dyn Store) {
    assert_eq!(store.kept(&key(alfa())).await.expect("read"), None);
    assert_eq!(store.due(&alfa(), moment(9, 0), None, 10).await.expect("read"), []);
    assert_eq!(store.of_subject(&alfa(), SubjectId::new(), None, 10).await.expect("read"), []);
    assert_eq!(store.tenants().await.expect("read"), []);
    assert_eq!(store.hold(&alfa(), HoldId::new()).await.expect("read"), None);
    assert_eq!(store.standing(&alfa()).await.expect("read"), []);
    assert_eq!(store.released(&alfa(), None, 10).await.expect("read"), []);
    assert_eq!(store.orders(&alfa()).await.expect("read"), []);
    let (erasure, recording) = (ErasureId::new(), RecordingId::new());
    assert_eq!(store.erasure(&alfa(), erasure).await.expect("read"), None);
    assert_eq!(store.erasures(&alfa(), None, 10).await.expect("read"), []);
    assert_eq!(store.unsettled_erasures(&alfa()).await.expect("read"), []);
    assert_eq!(store.item(&alfa(), erasure, recording).await.expect("read"), None);
    assert_eq!(store.items(&alfa(), erasure, None, 10).await.expect("read"), []);
    assert_eq!(store.running_items(&alfa(), None, 10).await.expect("read"), []);
    assert_eq!(store.deferred_items(&alfa(), None, 10).await.expect("read"), []);
    assert_eq!(store.owed_items(&alfa(), None, 10).await.expect("read"), []);
}

/// To retention's topic, as they were given, until they are marked.
pub async fn events_leave_with_what_they_tell_of<S: Store + OutboxStore>(store: &S) {
    let first = recording(vec![running("quality", moment(1, 0))]);
    let next = with_terms(&first, Vec::new());
    let held = hold(Selector::Recordings([first.key.id].into()));
    let asked = held.release("bruno", moment(1, 0)).expect("one asks");
    let ordered = order("order-1", None);
    let events = [
        event_of(&first),
        event_of(&next),
        event(&alfa(), held.id, 1),
        event(&alfa(), held.id, 2),
        event(&alfa(), "order-1", 1),
    ];
    let written = [
        store.stamp(&first, &events[0]).await.expect("written"),
        store.change(&next, &events[1]).await.expect("written"),
        store.place(&held, &events[2]).await.expect("written"),
        store.change_hold(&asked, &events[3]).await.expect("written"),
        store.order(&ordered, &events[4]).await.expect("written"),
    ];
    assert_eq!(written, [Written::Applied; 5]);
    let waiting = store.unpublished(10).await.expect("read");
    assert!(waiting.iter().all(|outgoing| outgoing.topic.name == topics::RETENTION.name));
    let waiting: BTreeMap<EventId, _> =
        waiting.into_iter().map(|out| (out.envelope.id, out.envelope)).collect();
    let given: BTreeMap<EventId, _> = events.iter().map(|event| (event.id, event.clone())).collect();
    assert_eq!(waiting, given);
    let ids: Vec<_> = events.iter().take(3).map(|event| event.id).collect();
    store.mark_published(&ids).await.expect("marked");
    assert_eq!(told(store).await, super::ids(&events[3..]));
}

/// What the guard writes of a call leaves by the same outbox, however often it is handed over.
pub async fn an_entry_leaves_once<S: AuditOutbox + OutboxStore>(store: &S) {
    let entry = event(&alfa(), "instance", 1);
    for _ in 0..2 {
        store.push(entry.clone()).await.expect("kept");
    }
    let waiting = store.unpublished(10).await.expect("read");
    let waiting: Vec<_> = waiting.into_iter().map(|out| (out.topic.name, out.envelope)).collect();
    assert_eq!(waiting, [(topics::AUDIT.name, entry)]);
}
