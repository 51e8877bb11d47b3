//! What every adapter of the store must do; each function runs against a fresh store of its own.

mod due;
mod erasures;
mod holds;
mod items;
mod lists;
mod notes;
mod orders;
mod recordings;

pub mod race;

pub use due::*;
pub use erasures::*;
pub use holds::*;
pub use items::*;
pub use lists::*;
pub use notes::*;
pub use orders::*;
pub use recordings::*;

use std::collections::BTreeSet;

use kernel::{Envelope, EventId, PurposeName, RecordingId, RegimeName, SubjectId, TenantId, Timestamp};
use platform::OutboxStore;
use policy::PolicyHash;
use policy::retention::{DataKind, Rule, Stamp};

use crate::kept::{Kept, RecordingKey, Term, TermState};
use crate::store::{Store, Written};

/// Instantiates the suite: `contract_suite!(expression)`, the expression giving two handles on a fresh store, as two
/// processes would have them, and whatever must outlive them; nothing where there is no engine to test on.
#[macro_export]
macro_rules! contract_suite {
    ($fresh:expr) => {
        $crate::contract_suite! { $fresh;
            a_recording_is_stamped_once,
            a_recording_changes_only_from_the_version_before,
            a_recording_comes_back_as_it_was,
            what_the_first_stamp_said_of_the_call_stays,
            the_recordings_of_a_person_come_in_order_and_pages,
            tenants_with_recordings_are_listed_once_in_order,
            tenants_see_nothing_of_each_other,
            what_is_unknown_is_none,
            events_leave_with_what_they_tell_of,
            an_entry_leaves_once,
            what_ends_at_the_moment_is_due,
            what_does_not_run_is_never_due,
            what_is_due_follows_every_change,
            many_that_change_are_found_where_they_are_now,
            what_is_due_comes_in_order_over_days_and_pages,
            what_ended_long_ago_or_ends_far_off_has_its_place,
            a_hold_is_placed_once,
            a_hold_changes_only_from_the_version_before,
            a_hold_comes_back_as_it_was,
            a_restriction_comes_back_with_its_purposes,
            standing_and_released_holds_are_listed_apart_in_order,
            an_order_is_placed_once,
            an_order_comes_back_as_it_was,
            recordings_with_a_running_term_are_counted,
            what_ever_ends_is_listed_in_pages,
            the_policy_that_was_applied_last_is_noted,
            the_sweep_that_was_asked_for_last_waits,
            the_place_in_the_journal_never_goes_down,
            an_erasure_begins_once,
            an_erasure_changes_only_from_the_version_before,
            an_erasure_comes_back_as_it_was,
            what_was_ordered_stays,
            the_newest_erasures_come_first_in_pages,
            unsettled_erasures_follow_every_change,
            tenants_see_nothing_of_each_others_erasures,
            events_of_erasures_leave_with_them,
            an_item_is_added_once,
            an_item_changes_only_from_the_version_before,
            an_item_comes_back_as_it_was,
            the_items_of_an_erasure_come_in_order_and_pages,
            items_are_listed_by_how_far_they_have_come,
            listed_items_come_in_order_over_erasures_and_pages,
            the_erasures_of_a_recording_are_listed_in_order,
            tenants_see_nothing_of_each_others_items,
        }
        $crate::contract_suite! { race $fresh;
            of_two_stamps_one_is_applied,
            of_two_changes_one_is_applied,
            writers_that_cross_lose_no_change_and_no_event,
            of_two_that_place_a_hold_one_does,
            of_two_changes_of_a_hold_one_is_applied,
            a_hold_stands_for_every_process_once_it_is_placed,
            of_two_orders_with_one_reference_one_is_applied,
            of_two_that_add_an_item_one_does,
            of_two_changes_of_an_item_one_is_applied,
            an_item_that_was_added_is_found_whoever_lists,
            a_hold_and_an_erasure_do_not_cross,
            of_two_places_in_the_journal_the_higher_stays,
        }
    };
    ($fresh:expr; $($case:ident,)+) => { $(
        #[tokio::test]
        async fn $case() {
            let Some((store, _, _kept)) = $fresh.await else { return };
            $crate::contract::$case(&store).await;
        }
    )+ };
    (race $fresh:expr; $($case:ident,)+) => { $(
        #[tokio::test]
        async fn $case() {
            let Some((store, other, _kept)) = $fresh.await else { return };
            $crate::contract::race::$case(&store, &other).await;
        }
    )+ };
}

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;
/// 2026-07-01T00:00:00Z.
const FIRST_DAY: i64 = 20_635 * DAY;

/// A moment of a day, the first of them being number 0.
pub(crate) fn moment(day: i64, within: i64) -> Timestamp {
    Timestamp(FIRST_DAY + day * DAY + within)
}

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("a slug")
}

pub(crate) fn alfa() -> TenantId {
    tenant("banca-alfa")
}

fn beta() -> TenantId {
    tenant("telco-beta")
}

fn purpose(name: &str) -> PurposeName {
    PurposeName::new(name).expect("a slug")
}

fn regime() -> RegimeName {
    RegimeName::new("mifid2-16-7").expect("a slug")
}

/// A term of audio.
fn term(name: &str, ends: Timestamp, state: TermState) -> Term {
    let rule = Rule::Regime { name: regime() };
    Term { stamp: Stamp { purpose: purpose(name), kind: DataKind::Audio, ends, rule }, state }
}

pub(crate) fn running(name: &str, ends: Timestamp) -> Term {
    term(name, ends, TermState::Running)
}

fn key(tenant: TenantId) -> RecordingKey {
    RecordingKey { tenant, id: RecordingId::new() }
}

/// A recording of alfa at version 1.
pub(crate) fn recording(terms: Vec<Term>) -> Kept {
    recording_of(alfa(), terms)
}

fn recording_of(tenant: TenantId, terms: Vec<Term>) -> Kept {
    Kept {
        key: key(tenant),
        version: 1,
        started_at: moment(-90, 0),
        ended_at: moment(-90, HOUR),
        policy: PolicyHash([7; 32]),
        parties: vec![SubjectId::new(), SubjectId::new()],
        terms,
    }
}

/// The next version, with other terms.
pub(crate) fn with_terms(kept: &Kept, terms: Vec<Term>) -> Kept {
    Kept { version: kept.version + 1, terms, ..kept.clone() }
}

pub(crate) fn event(tenant: &TenantId, aggregate: impl ToString, version: u64) -> Envelope {
    Envelope {
        id: EventId::new(),
        kind: "verbale.retention.changed".to_owned(),
        tenant: tenant.clone(),
        aggregate: aggregate.to_string(),
        version,
        at: moment(0, 0),
        trace: None,
        payload: vec![1, 2, 3],
    }
}

pub(crate) fn event_of(kept: &Kept) -> Envelope {
    event(&kept.key.tenant, kept.key.id, kept.version)
}

async fn stamped<S: Store + ?Sized>(store: &S, kept: &Kept) {
    let written = store.stamp(kept, &event_of(kept)).await.expect("written");
    assert_eq!(written, Written::Applied);
}

async fn changed<S: Store + ?Sized>(store: &S, kept: &Kept) {
    let written = store.change(kept, &event_of(kept)).await.expect("written");
    assert_eq!(written, Written::Applied);
}

async fn read<S: Store + ?Sized>(store: &S, key: &RecordingKey) -> Kept {
    store.kept(key).await.expect("read").expect("there")
}

/// The events that wait to leave.
async fn told<S: OutboxStore>(store: &S) -> BTreeSet<EventId> {
    let waiting = store.unpublished(1_000).await.expect("read");
    waiting.into_iter().map(|outgoing| outgoing.envelope.id).collect()
}

fn ids<'e>(events: impl IntoIterator<Item = &'e Envelope>) -> BTreeSet<EventId> {
    events.into_iter().map(|event| event.id).collect()
}
