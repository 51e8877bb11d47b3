//! What every adapter of the store must do; each function runs against a fresh store of its own.

mod acts;
mod disclosures;
mod events;
mod lists;
mod plans;

pub mod race;
pub mod sample;

pub use acts::*;
pub use disclosures::*;
pub use events::*;
pub use lists::*;
pub use plans::*;

use std::collections::BTreeSet;

use kernel::{Envelope, EventId};
use platform::OutboxStore;

use crate::act::{Record, RequestKey};
use crate::store::{Head, Store, Written};
use sample::Step;

/// Instantiates the suite: `contract_suite!(expression)`, the expression giving two handles on a fresh store,
/// as two processes would have them, and whatever must outlive them; nothing where there is no engine to test
/// on.
#[macro_export]
macro_rules! contract_suite {
    ($fresh:expr) => {
        $crate::contract_suite! { $fresh;
            a_request_begins_once,
            an_act_follows_only_the_version_before,
            every_act_comes_back_in_its_place,
            the_head_is_as_the_last_act_left_it,
            many_acts_come_back_in_order,
            what_is_unknown_is_none,
            an_act_that_could_not_be_read_again_is_refused,
            a_page_is_kept_once,
            the_items_of_a_plan_come_in_the_order_of_its_pages,
            a_plan_has_no_items_of_another,
            a_page_that_could_not_be_read_again_is_refused,
            the_newest_requests_come_first_in_pages,
            open_requests_come_in_order_and_pages,
            a_request_is_open_until_it_is_closed,
            an_act_on_a_closed_request_leaves_it_closed,
            the_requests_about_a_person_come_in_order,
            tenants_with_requests_are_listed_once_in_order,
            tenants_see_nothing_of_each_other,
            events_leave_with_their_acts_in_order,
            an_entry_leaves_once,
            a_disclosure_begins_once,
            a_disclosure_follows_only_the_version_before,
            a_disclosure_comes_back_as_it_was,
            a_disclosure_that_could_not_be_read_again_is_refused,
            what_was_never_disclosed_is_none,
            the_disclosures_of_a_recording_come_in_order_and_pages,
            a_disclosure_is_unanswered_while_a_notice_is_open,
            unanswered_disclosures_come_in_order_and_pages,
            tenants_with_disclosures_are_listed_once_in_order,
            tenants_see_nothing_of_each_others_disclosures,
            events_leave_with_their_disclosures_in_order,
        }
        $crate::contract_suite! { race $fresh;
            of_two_that_begin_a_request_one_does,
            of_two_acts_on_one_version_one_is_there,
            writers_that_cross_lose_no_act_and_no_event,
            a_request_is_open_for_every_process_once_it_began,
            of_two_that_begin_a_disclosure_one_does,
            of_two_changes_of_a_disclosure_on_one_version_one_is_there,
            a_notice_is_unanswered_for_every_process_once_it_is_written,
            a_notice_that_comes_while_the_last_one_is_answered_is_found,
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

async fn written<S: Store + ?Sized>(store: &S, step: &Step) -> Written {
    store.append(&step.head, &step.record, &step.event()).await.expect("answered")
}

pub(crate) async fn appended<S: Store + ?Sized>(store: &S, step: &Step) {
    assert_eq!(written(store, step).await, Written::Applied);
}

async fn head<S: Store + ?Sized>(store: &S, key: &RequestKey) -> Option<Head> {
    store.head(key).await.expect("read")
}

async fn records<S: Store + ?Sized>(store: &S, key: &RequestKey) -> Vec<Record> {
    store.records(key).await.expect("read")
}

/// The events that wait to leave.
async fn told<S: OutboxStore>(store: &S) -> BTreeSet<EventId> {
    let waiting = store.unpublished(1_000).await.expect("read");
    waiting.into_iter().map(|outgoing| outgoing.envelope.id).collect()
}

fn ids<'e>(events: impl IntoIterator<Item = &'e Envelope>) -> BTreeSet<EventId> {
    events.into_iter().map(|event| event.id).collect()
}
