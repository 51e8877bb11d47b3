//! What every adapter of consent's two stores must do; each function runs against a fresh store of its own.

mod events;
mod facts;
mod index;
mod links;
mod races;

pub use events::*;
#[cfg(test)]
pub(crate) use events::{addition, event};
pub use facts::*;
pub use index::*;
pub use links::*;
pub use races::*;

use kernel::{PurposeName, TenantId};

/// Instantiates the suite of [`crate::store::Store`]: the expression gives a fresh store and whatever must
/// outlive it; none where there is nothing to test on.
#[macro_export]
macro_rules! store_contract_suite {
    ($fresh:expr) => {
        $crate::contract_suite! { $fresh;
            events_are_numbered_in_their_order_over_all_tenants,
            an_act_is_added_once,
            an_act_that_was_decided_on_an_older_history_is_not_added,
            an_event_comes_back_as_it_was,
            a_history_has_what_reaches_the_call,
            changes_come_in_pages,
            events_and_the_entry_leave_with_the_rows,
            the_last_notice_is_the_one_that_was_presented_last,
            a_policy_is_found_by_its_hash_when_another_is_in_force,
            a_policy_that_comes_back_is_in_force_since_then,
            a_load_that_comes_twice_changes_nothing,
            a_notice_is_kept_with_each_of_its_texts,
            a_call_is_remembered_once_and_only_grows,
            a_subject_is_known_from_its_call_on,
            sealed_values_are_kept_once,
            a_link_s_step_is_added_once,
            a_link_is_found_from_both_subjects,
            tenants_see_nothing_of_each_other,
            the_position_in_the_journal_never_goes_back,
        }
    };
}

/// Instantiates the suite of [`crate::store::Identifiers`].
#[macro_export]
macro_rules! identifiers_contract_suite {
    ($fresh:expr) => {
        $crate::contract_suite! { $fresh;
            an_identifier_is_one_subject_s,
            of_callers_at_once_all_get_the_same_subject,
            a_section_s_number_is_claimed_once,
            a_value_is_sealed_in_its_first_section,
            an_identifier_is_one_subject_s_after_the_other,
            an_identifier_is_not_given_on_twice_at_a_time,
            a_call_means_whoever_had_the_number_then,
            a_later_owner_s_value_is_sealed_apart,
            a_line_is_marked_whoever_has_it,
            tenants_index_apart,
        }
    };
}

/// Instantiates what must hold between two processes on one [`crate::store::Store`]: the expression gives both
/// processes' handles, and whatever must outlive them.
#[macro_export]
macro_rules! store_race_suite {
    ($fresh:expr) => {
        $crate::race_suite! { $fresh;
            events_of_two_processes_have_one_order_without_holes,
            of_two_acts_on_one_history_one_is_added,
            an_act_at_two_processes_is_added_once,
            an_event_s_id_at_two_processes_is_one_event_s,
            a_call_at_two_processes_has_one_policy,
            a_load_of_two_processes_is_one,
            a_link_s_step_is_one_process_s,
        }
    };
}

/// Instantiates what must hold between two processes on one [`crate::store::Identifiers`].
#[macro_export]
macro_rules! identifiers_race_suite {
    ($fresh:expr) => {
        $crate::race_suite! { $fresh;
            of_two_processes_one_makes_the_person,
            a_section_s_number_is_claimed_by_one_process,
            of_two_processes_one_gives_an_identifier_on,
        }
    };
}

/// Runs each case with two handles on a store of its own.
#[macro_export]
macro_rules! race_suite {
    ($fresh:expr; $($case:ident,)+) => { $(
        #[tokio::test]
        async fn $case() {
            let Some((one, other, _kept)) = $fresh.await else { return };
            $crate::contract::$case(&one, &other).await;
        }
    )+ };
}

/// Runs each case against a store of its own.
#[macro_export]
macro_rules! contract_suite {
    ($fresh:expr; $($case:ident,)+) => { $(
        #[tokio::test]
        async fn $case() {
            let Some((store, _kept)) = $fresh.await else { return };
            $crate::contract::$case(&store).await;
        }
    )+ };
}

pub(crate) fn alfa() -> TenantId {
    TenantId::new("banca-alfa").expect("a slug")
}

pub(crate) fn beta() -> TenantId {
    TenantId::new("telco-beta").expect("a slug")
}

fn purpose(name: &str) -> PurposeName {
    PurposeName::new(name).expect("a slug")
}
