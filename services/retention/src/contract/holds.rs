//! Holds: placed once, released by versions, listed by whether they stand.

use std::collections::BTreeSet;

use kernel::{HoldId, PurposeName, RecordingId, SubjectId};
use platform::OutboxStore;
use policy::code::Code;

use super::{alfa, event, ids, moment, purpose, told};
use crate::hold::{Hold, HoldKind, HoldState, MAX_NAMED, MAX_PURPOSES, Selector};
use crate::store::{Store, Written};

/// A hold of alfa at version 1.
pub(crate) fn hold(selector: Selector) -> Hold {
    Hold {
        tenant: alfa(),
        id: HoldId::new(),
        version: 1,
        kind: HoldKind::Litigation,
        selector,
        purposes: BTreeSet::new(),
        reason: Code::new("case-7").expect("a code"),
        placed_by: "anna".to_owned(),
        placed_at: moment(0, 1),
        review_at: moment(180, 2),
        state: HoldState::Placed,
        released_by: Vec::new(),
        released_at: None,
    }
}

/// A hold on one recording.
pub(crate) fn some_hold() -> Hold {
    hold(Selector::Recordings([RecordingId::new()].into()))
}

/// After one more person has asked for its release.
pub(crate) fn released_by(hold: &Hold, by: &str) -> Hold {
    hold.release(by, moment(3, 3)).expect("may be asked")
}

pub(crate) async fn placed<S: Store + ?Sized>(store: &S, hold: &Hold) {
    let written = store.place(hold, &event(&hold.tenant, hold.id, 1)).await.expect("written");
    assert_eq!(written, Written::Applied);
}

pub(crate) async fn released<S: Store + ?Sized>(store: &S, hold: &Hold) {
    let written =
        store.change_hold(hold, &event(&hold.tenant, hold.id, hold.version)).await.expect("written");
    assert_eq!(written, Written::Applied);
}

/// The second one changes nothing and tells nothing, also where the first is released.
pub async fn a_hold_is_placed_once<S: Store + OutboxStore>(store: &S) {
    let first = some_hold();
    let of_first = event(&alfa(), first.id, 1);
    assert_eq!(store.place(&first, &of_first).await.expect("written"), Written::Applied);
    let rival = Hold { placed_by: "bruno".to_owned(), selector: some_hold().selector, ..first.clone() };
    assert_eq!(store.place(&rival, &event(&alfa(), first.id, 1)).await.expect("answered"), Written::Conflict);
    assert_eq!(store.hold(&alfa(), first.id).await.expect("read").as_ref(), Some(&first));
    assert_eq!(store.standing(&alfa()).await.expect("read"), std::slice::from_ref(&first));
    assert_eq!(told(store).await, ids([&of_first]));
    let asked = released_by(&first, "bruno");
    let gone = released_by(&asked, "carla");
    released(store, &asked).await;
    released(store, &gone).await;
    assert_eq!(store.place(&rival, &event(&alfa(), first.id, 1)).await.expect("answered"), Written::Conflict);
    assert_eq!(store.standing(&alfa()).await.expect("read"), []);
    assert_eq!(told(store).await.len(), 3);
}

/// Nothing of a change that comes late is there.
pub async fn a_hold_changes_only_from_the_version_before<S: Store + OutboxStore>(store: &S) {
    let first = some_hold();
    let (asked, rival) = (released_by(&first, "bruno"), released_by(&first, "carla"));
    let gone = released_by(&asked, "carla");
    let change = async |hold: &Hold| {
        store.change_hold(hold, &event(&alfa(), hold.id, hold.version)).await.expect("answered")
    };
    assert_eq!(change(&asked).await, Written::Conflict, "there is no row");
    assert_eq!(store.hold(&alfa(), first.id).await.expect("read"), None);
    placed(store, &first).await;
    assert_eq!(change(&gone).await, Written::Conflict, "two versions on");
    assert_eq!(change(&asked).await, Written::Applied);
    for late in [&asked, &rival, &first] {
        assert_eq!(change(late).await, Written::Conflict);
    }
    assert_eq!(store.hold(&alfa(), first.id).await.expect("read").as_ref(), Some(&asked));
    assert_eq!(store.standing(&alfa()).await.expect("read"), [asked], "who has asked has not released");
    assert_eq!(change(&gone).await, Written::Applied);
    assert_eq!(store.hold(&alfa(), first.id).await.expect("read"), Some(gone));
    assert_eq!(told(store).await.len(), 3);
}

/// Every selector and kind, in every state.
pub async fn a_hold_comes_back_as_it_was(store: &dyn Store) {
    let kinds = [
        HoldKind::Litigation,
        HoldKind::Regulator,
        HoldKind::Subject,
        HoldKind::OpenRequest,
        HoldKind::Restriction,
    ];
    for (kind, selector) in kinds.into_iter().cycle().zip(selectors()) {
        let review_at = moment(kind.number(), 0);
        let first = Hold { kind, review_at, ..hold(selector) };
        placed(store, &first).await;
        let back = async || store.hold(&alfa(), first.id).await.expect("read").expect("there");
        assert_eq!(back().await, first);
        assert_eq!(store.standing(&alfa()).await.expect("read"), std::slice::from_ref(&first));
        // Not in the order of their names.
        let asked = released_by(&first, "zeno");
        released(store, &asked).await;
        assert_eq!(back().await, asked);
        assert_eq!(store.standing(&alfa()).await.expect("read"), std::slice::from_ref(&asked));
        let gone = released_by(&asked, "bruno");
        released(store, &gone).await;
        assert_eq!(back().await, gone);
        assert!(store.released(&alfa(), None, 100).await.expect("read").contains(&gone));
    }
}

/// None, one, and as many of the longest names as there may be; what is added to it later, too.
pub async fn a_restriction_comes_back_with_its_purposes(store: &dyn Store) {
    let names =
        |count: usize| (0..count).map(|number| purpose(&format!("{number:x>63}"))).collect::<BTreeSet<_>>();
    let kind = HoldKind::Restriction;
    for selector in selectors() {
        for count in [0, 1, MAX_PURPOSES] {
            let first = Hold { kind, purposes: names(count), ..hold(selector.clone()) };
            placed(store, &first).await;
            let back = async || store.hold(&alfa(), first.id).await.expect("read").expect("there");
            assert_eq!(back().await, first);
            let purposes: BTreeSet<PurposeName> = &first.purposes | &BTreeSet::from([purpose("quality")]);
            let more = Hold { version: 2, purposes, ..first.clone() };
            released(store, &more).await;
            assert_eq!(back().await, more);
            assert!(store.standing(&alfa()).await.expect("read").contains(&more));
            let gone = Hold { version: 3, state: HoldState::Released, ..more };
            released(store, &gone).await;
            assert_eq!(back().await, gone);
        }
    }
}

fn selectors() -> Vec<Selector> {
    let subjects = |count: usize| (0..count).map(|_| SubjectId::new()).collect::<BTreeSet<_>>();
    let query = |subjects| Selector::Query { from: moment(-9, 1), until: moment(0, 2), subjects };
    vec![
        Selector::Recordings([RecordingId::new()].into()),
        Selector::Subjects(subjects(2)),
        query(BTreeSet::new()),
        query(subjects(3)),
        Selector::Recordings((0..MAX_NAMED).map(|_| RecordingId::new()).collect()),
        Selector::Subjects(subjects(MAX_NAMED)),
        query(subjects(MAX_NAMED)),
        Selector::Recordings(BTreeSet::new()),
    ]
}

/// A hold moves from the one list to the other with its second release; those of others stay apart.
pub async fn standing_and_released_holds_are_listed_apart_in_order(store: &dyn Store) {
    let mut holds: Vec<_> = (0..9).map(|_| some_hold()).collect();
    holds.sort_by_key(|hold| std::cmp::Reverse(hold.id));
    for hold in &holds {
        placed(store, hold).await;
    }
    holds.reverse();
    assert_eq!(store.standing(&alfa()).await.expect("read"), holds);
    for hold in holds.iter_mut().step_by(2) {
        *hold = released_by(hold, "bruno");
        released(store, hold).await;
    }
    assert_eq!(store.standing(&alfa()).await.expect("read"), holds, "it keeps until the second has agreed");
    assert_eq!(store.released(&alfa(), None, 10).await.expect("read"), []);
    for hold in holds.iter_mut().step_by(2).rev() {
        *hold = released_by(hold, "carla");
        released(store, hold).await;
    }
    let (gone, standing): (Vec<_>, Vec<_>) =
        holds.into_iter().partition(|hold| hold.state == HoldState::Released);
    assert_eq!(store.standing(&alfa()).await.expect("read"), standing);
    for limit in [1, 2, 100] {
        let mut found: Vec<Hold> = Vec::new();
        loop {
            let after = found.last().map(|hold| hold.id);
            let page = store.released(&alfa(), after, limit).await.expect("read");
            assert!(page.len() <= limit as usize);
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        assert_eq!(found, gone);
    }
}
