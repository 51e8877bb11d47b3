//! What is due: a hint that is never missing, in order of date and id.
//!
//! An adapter may still name a recording whose row has changed since, so what is asked of one that changed is that it is
//! found in time; of one that did not, everything.

use std::collections::BTreeSet;

use futures::future::join_all;
use kernel::{RecordingId, Timestamp};

use super::{DAY, HOUR, alfa, changed, moment, recording, running, stamped, term, with_terms};
use crate::kept::{Due, Kept, TermState};
use crate::store::{MAX_LISTED, Store};

/// Recordings that are written at once.
const TOGETHER: usize = 25;

/// Everything that is due, page by page.
async fn listed(store: &dyn Store, by: Timestamp, limit: u32) -> Vec<Due> {
    let mut found: Vec<Due> = Vec::new();
    loop {
        let page = store.due(&alfa(), by, found.last(), limit).await.expect("read");
        assert!(page.len() <= limit as usize);
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    assert!(found.iter().all(|due| due.at <= by), "nothing before its time");
    assert!(found.is_sorted_by(|one, next| one < next), "in order, and each once: {found:?}");
    found
}

/// Which recordings are named as due, in pages as small as can be.
async fn named(store: &dyn Store, by: Timestamp) -> BTreeSet<RecordingId> {
    listed(store, by, 1).await.into_iter().map(|due| due.id).collect()
}

fn due_at(kept: &Kept) -> Due {
    Due { at: kept.due().expect("a term runs"), id: kept.key.id }
}

/// The first moment at which it is not kept any more is the first at which it is due.
pub async fn what_ends_at_the_moment_is_due(store: &dyn Store) {
    // Also where a day ends and the next begins.
    let moments = [moment(3, 7 * HOUR + 5), moment(4, 0), moment(4, DAY - 1)];
    let rows = moments.map(|ends| recording(vec![running("quality", ends)]));
    for kept in &rows {
        stamped(store, kept).await;
    }
    for (number, at) in moments.iter().enumerate() {
        let expected: Vec<_> = rows.iter().map(due_at).collect();
        assert_eq!(listed(store, Timestamp(at.0 - 1), 10).await, expected[..number]);
        assert_eq!(listed(store, *at, 10).await, expected[..=number]);
    }
    let last = due_at(&rows[2]);
    assert_eq!(store.due(&alfa(), moment(9, 0), Some(&last), 10).await.expect("read"), []);
}

/// A row without terms, or one of which none runs.
pub async fn what_does_not_run_is_never_due(store: &dyn Store) {
    let at = moment(1, 0);
    stamped(store, &recording(Vec::new())).await;
    let over = vec![term("quality", at, TermState::Ending), term("training", at, TermState::Ended)];
    stamped(store, &recording(over)).await;
    assert_eq!(listed(store, moment(9, 0), 10).await, []);
    // The first of those that run counts, not the first of all.
    let mixed = vec![
        term("quality", at, TermState::Ending),
        running("sales", moment(6, 0)),
        running("training", moment(5, 0)),
    ];
    let mixed = recording(mixed);
    stamped(store, &mixed).await;
    assert_eq!(listed(store, moment(9, 0), 10).await, [Due { at: moment(5, 0), id: mixed.key.id }]);
}

/// Moved earlier, moved later, within a day and over days; ended; running again.
pub async fn what_is_due_follows_every_change(store: &dyn Store) {
    let two = |quality, training| vec![running("quality", quality), running("training", training)];
    let mut kept = recording(two(moment(10, 0), moment(20, 0)));
    stamped(store, &kept).await;
    let ended = |state| vec![term("quality", moment(2, 0), state), running("training", moment(20, 0))];
    for terms in [
        two(moment(4, 0), moment(20, 0)),
        two(moment(30, 0), moment(4, 9 * HOUR)),
        two(moment(4, 8 * HOUR), moment(4, 10 * HOUR)),
        two(moment(40, 0), moment(40, 0)),
        two(moment(40, 1), moment(40, 0)),
        two(moment(2, 0), moment(20, 0)),
        ended(TermState::Ending),
        ended(TermState::Ended),
    ] {
        kept = with_terms(&kept, terms);
        changed(store, &kept).await;
        let at = kept.due().expect("a term runs");
        assert!(named(store, at).await.contains(&kept.key.id), "version {}", kept.version);
        assert!(named(store, moment(99, 0)).await.contains(&kept.key.id), "version {}", kept.version);
    }
    kept = with_terms(&kept, vec![term("quality", moment(2, 0), TermState::Ended)]);
    changed(store, &kept).await;
    kept = with_terms(&kept, vec![running("sales", moment(3, 0))]);
    changed(store, &kept).await;
    assert!(named(store, moment(3, 0)).await.contains(&kept.key.id));
}

/// Others that stay where they are do not hide them, nor the hints of where they were.
pub async fn many_that_change_are_found_where_they_are_now(store: &dyn Store) {
    let at = |day| vec![running("quality", moment(day, HOUR))];
    let rows: Vec<_> = (0..60).map(|_| recording(at(1))).collect();
    write_all(&rows, async |kept| stamped(store, kept).await).await;
    let moved = rows.iter().enumerate().filter(|(number, _)| number % 2 == 1);
    let moved: Vec<_> = moved.map(|(number, kept)| with_terms(kept, at(number as i64 % 8))).collect();
    write_all(&moved, async |kept| changed(store, kept).await).await;
    for day in 0..9 {
        let by = moment(day, HOUR);
        let now = rows.iter().step_by(2).chain(&moved);
        let due: BTreeSet<_> = now.filter(|kept| due_at(kept).at <= by).map(|kept| kept.key.id).collect();
        let all: BTreeSet<_> = listed(store, by, 7).await.into_iter().map(|due| due.id).collect();
        assert!(all.is_superset(&due), "day {day}");
        let stayed: BTreeSet<_> = rows.iter().step_by(2).map(|kept| kept.key.id).collect();
        assert_eq!(all.intersection(&stayed).count(), if day == 0 { 0 } else { stayed.len() });
    }
}

/// Several at one moment are in order of their ids; no page skips one or has one again.
pub async fn what_is_due_comes_in_order_over_days_and_pages(store: &dyn Store) {
    let ends = |number: i64| moment(number % 9, number * 7 % 10 * HOUR);
    let rows: Vec<_> = (0..300).map(|number| recording(vec![running("quality", ends(number))])).collect();
    write_all(&rows, async |kept| stamped(store, kept).await).await;
    let mut expected: Vec<_> = rows.iter().map(due_at).collect();
    expected.sort();
    for (by, limit) in [
        (moment(9, 0), MAX_LISTED),
        (moment(9, 0), 64),
        (moment(9, 0), 7),
        (moment(3, 5 * HOUR), 11),
        (moment(4, 0), 13),
        (moment(0, 0), 3),
        (moment(-1, 0), 3),
    ] {
        let until = expected.partition_point(|due| due.at <= by);
        assert_eq!(listed(store, by, limit).await, expected[..until], "by {by}, {limit} at once");
    }
    // Begins after any of them, also where many end at one moment.
    for after in [0, 1, 2, 150, 298, 299] {
        let page = store.due(&alfa(), moment(9, 0), Some(&expected[after]), 5).await.expect("read");
        assert_eq!(page, expected[after + 1..(after + 6).min(300)]);
    }
}

/// An imported call may be due when it comes; a century is the longest period.
pub async fn what_ended_long_ago_or_ends_far_off_has_its_place(store: &dyn Store) {
    let moments = [moment(-15_000, HOUR), moment(-1, 0), moment(0, 0), moment(36_524, DAY - 1)];
    let rows = moments.map(|ends| recording(vec![running("quality", ends)]));
    for kept in rows.iter().rev() {
        stamped(store, kept).await;
    }
    let expected: Vec<_> = rows.iter().map(due_at).collect();
    assert_eq!(listed(store, moment(0, 0), 2).await, expected[..3]);
    assert_eq!(listed(store, moment(36_525, 0), 2).await, expected);
}

async fn write_all(rows: &[Kept], write: impl AsyncFn(&Kept)) {
    for some in rows.chunks(TOGETHER) {
        join_all(some.iter().map(|kept| write(kept))).await;
    }
}
