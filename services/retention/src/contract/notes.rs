//! What is kept in all: how many, and which; the policy that was applied, the sweep that waits, the place in the journal.

use kernel::{RecordingId, TenantId};
use policy::PolicyHash;

use super::{alfa, beta, changed, moment, recording, recording_of, running, stamped, term, with_terms};
use crate::kept::{Due, Kept, TermState};
use crate::store::{Store, SweepAsked};

async fn count(store: &dyn Store, tenant: &TenantId) -> u64 {
    store.count_kept(tenant).await.expect("read")
}

/// One with several terms once; one of which none runs not at all, until it runs again.
pub async fn recordings_with_a_running_term_are_counted(store: &dyn Store) {
    assert_eq!(count(store, &alfa()).await, 0);
    let two = vec![running("quality", moment(1, 0)), running("training", moment(2, 0))];
    let over = vec![term("quality", moment(1, 0), TermState::Ending)];
    let mut kept = recording(two.clone());
    stamped(store, &kept).await;
    assert_eq!(count(store, &alfa()).await, 1);
    stamped(store, &recording(Vec::new())).await;
    stamped(store, &recording(over.clone())).await;
    assert_eq!(count(store, &alfa()).await, 1, "nothing of them runs");
    stamped(store, &recording(two.clone())).await;
    stamped(store, &recording_of(beta(), two.clone())).await;
    assert_eq!((count(store, &alfa()).await, count(store, &beta()).await), (2, 1));
    for (terms, expected) in [
        (vec![running("quality", moment(9, 0))], 2),
        (over.clone(), 1),
        (Vec::new(), 1),
        (two.clone(), 2),
        (vec![term("quality", moment(1, 0), TermState::Ended), running("training", moment(2, 0))], 2),
        (over, 1),
    ] {
        kept = with_terms(&kept, terms);
        changed(store, &kept).await;
        assert_eq!(count(store, &alfa()).await, expected, "version {}", kept.version);
        let late = store.change(&kept, &super::event_of(&kept)).await.expect("answered");
        assert_eq!(late, crate::store::Written::Conflict);
        assert_eq!(count(store, &alfa()).await, expected, "what comes late is not counted");
    }
    assert_eq!(count(store, &beta()).await, 1);
}

/// In order of date and id, however far off; each once.
pub async fn what_ever_ends_is_listed_in_pages(store: &dyn Store) {
    let moments =
        [moment(36_524, 1), moment(-15_000, 0), moment(1, 0), moment(1, 0), moment(1, 7), moment(0, 0)];
    let rows = moments.map(|ends| recording(vec![running("quality", ends)]));
    for kept in &rows {
        stamped(store, kept).await;
    }
    stamped(store, &recording(Vec::new())).await;
    stamped(store, &recording_of(beta(), rows[0].terms.clone())).await;
    let due = |kept: &Kept| Due { at: kept.due().expect("a term runs"), id: kept.key.id };
    let mut expected: Vec<_> = rows.iter().map(due).collect();
    expected.sort();
    for limit in [1, 2, 1_000] {
        assert_eq!(every_due(store, limit).await, expected, "{limit} at once");
    }
    let moved = with_terms(&rows[0], vec![running("quality", moment(2, 0))]);
    changed(store, &moved).await;
    changed(store, &with_terms(&rows[1], Vec::new())).await;
    let found = every_due(store, 2).await;
    assert!(found.contains(&due(&moved)), "{found:?}");
    let stayed: Vec<RecordingId> = found.iter().map(|due| due.id).collect();
    assert!(rows[2..].iter().all(|kept| stayed.contains(&kept.key.id)), "{found:?}");
}

async fn every_due(store: &dyn Store, limit: u32) -> Vec<Due> {
    let mut found: Vec<Due> = Vec::new();
    loop {
        let page = store.all_due(&alfa(), found.last(), limit).await.expect("read");
        assert!(page.len() <= limit as usize);
        if page.is_empty() {
            assert!(found.is_sorted_by(|one, next| one < next), "in order, and each once: {found:?}");
            return found;
        }
        found.extend(page);
    }
}

/// Of each tenant its own.
pub async fn the_policy_that_was_applied_last_is_noted(store: &dyn Store) {
    assert_eq!(store.applied_policy(&alfa()).await.expect("read"), None);
    for number in [1, 2, 2, 1] {
        store.set_applied_policy(&alfa(), PolicyHash([number; 32])).await.expect("noted");
        assert_eq!(store.applied_policy(&alfa()).await.expect("read"), Some(PolicyHash([number; 32])));
    }
    assert_eq!(store.applied_policy(&beta()).await.expect("read"), None);
    store.set_applied_policy(&beta(), PolicyHash([9; 32])).await.expect("noted");
    assert_eq!(store.applied_policy(&alfa()).await.expect("read"), Some(PolicyHash([1; 32])));
}

/// In the place of any other, until it is taken away.
pub async fn the_sweep_that_was_asked_for_last_waits(store: &dyn Store) {
    let asked = |plan: &str, by: &str| SweepAsked {
        tenant: alfa(),
        plan: plan.to_owned(),
        by: by.to_owned(),
        at: moment(0, i64::try_from(plan.len()).expect("short")),
    };
    let waits = async || store.sweep_asked(&alfa()).await.expect("read");
    assert_eq!(waits().await, None);
    store.set_sweep_asked(&alfa(), None).await.expect("none is there to be taken away");
    assert_eq!(waits().await, None);
    for sweep in [asked("plan-1", "anna"), asked("plan-2", "bruno"), asked("plan-1", "")] {
        store.set_sweep_asked(&alfa(), Some(&sweep)).await.expect("noted");
        assert_eq!(waits().await, Some(sweep));
    }
    assert_eq!(store.sweep_asked(&beta()).await.expect("read"), None);
    store.set_sweep_asked(&beta(), None).await.expect("noted");
    assert_eq!(waits().await, Some(asked("plan-1", "")));
    for _ in 0..2 {
        store.set_sweep_asked(&alfa(), None).await.expect("taken away");
        assert_eq!(waits().await, None);
    }
    let again = asked("plan-10", "carla");
    store.set_sweep_asked(&alfa(), Some(&again)).await.expect("noted");
    assert_eq!(waits().await, Some(again));
}

/// Whoever is behind does not take it back.
pub async fn the_place_in_the_journal_never_goes_down(store: &dyn Store) {
    assert_eq!(store.journal_position().await.expect("read"), 0);
    let last = u64::try_from(i64::MAX).expect("above zero");
    for (noted, expected) in
        [(0, 0), (3, 3), (2, 3), (3, 3), (0, 3), (1 << 40, 1 << 40), (last, last), (4, last)]
    {
        store.set_journal_position(noted).await.expect("noted");
        assert_eq!(store.journal_position().await.expect("read"), expected);
    }
}
