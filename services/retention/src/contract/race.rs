//! What two processes may do to each other at the same moment; each through a handle of its own.

mod items;

pub use items::*;

use futures::future::join;
use kernel::SubjectId;
use platform::OutboxStore;
use policy::PolicyHash;

use super::holds::{placed, released, released_by, some_hold};
use super::orders::order;
use super::{alfa, event, event_of, ids, moment, read, recording, running, stamped, told, with_terms};
use crate::hold::Hold;
use crate::kept::{Kept, RecordingKey};
use crate::store::{Store, Written};

/// How often each race is run: whoever begins first does not always come first.
const ROUNDS: i64 = 5;
/// Changes of each writer.
const CHANGES: u64 = 8;

/// Which of two was applied; the other must not have been.
fn winner(one: Written, other: Written) -> usize {
    match (one, other) {
        (Written::Applied, Written::Conflict) => 0,
        (Written::Conflict, Written::Applied) => 1,
        both => panic!("one of two is applied, not {both:?}"),
    }
}

/// Its row, its people and its event are the winner's.
pub async fn of_two_stamps_one_is_applied<S: Store + OutboxStore>(store: &S, other: &S) {
    let mut applied = Vec::new();
    for round in 0..ROUNDS {
        let first = recording(vec![running("quality", moment(round, 0))]);
        let rival = Kept {
            policy: PolicyHash([8; 32]),
            parties: vec![SubjectId::new()],
            terms: vec![running("training", moment(round, 1))],
            ..first.clone()
        };
        let rows = [first, rival];
        let events = [0, 1].map(|number| event_of(&rows[number]));
        let (one, two) = join(store.stamp(&rows[0], &events[0]), other.stamp(&rows[1], &events[1])).await;
        let winner = winner(one.expect("answered"), two.expect("answered"));
        let standing = &rows[winner];
        assert_eq!(read(other, &standing.key).await, *standing);
        assert_eq!(read(store, &standing.key).await, *standing);
        for (number, kept) in rows.iter().enumerate() {
            let on = store.of_subject(&alfa(), kept.parties[0], None, 10).await.expect("read");
            assert_eq!(on.len(), usize::from(number == winner));
        }
        applied.push(events[winner].clone());
    }
    assert_eq!(told(store).await, ids(&applied));
}

/// It is found where the winner's row has it.
pub async fn of_two_changes_one_is_applied<S: Store + OutboxStore>(store: &S, other: &S) {
    let mut kept = recording(vec![running("quality", moment(50, 0))]);
    let mut applied = vec![event_of(&kept)];
    assert_eq!(store.stamp(&kept, &applied[0]).await.expect("written"), Written::Applied);
    for round in 0..ROUNDS {
        let at = |day| vec![running("quality", moment(day, 0))];
        let rows = [with_terms(&kept, at(20 - round)), with_terms(&kept, at(30 + round))];
        let events = [0, 1].map(|number| event_of(&rows[number]));
        let (one, two) = join(store.change(&rows[0], &events[0]), other.change(&rows[1], &events[1])).await;
        let winner = winner(one.expect("answered"), two.expect("answered"));
        kept = rows[winner].clone();
        assert_eq!(read(other, &kept.key).await, kept);
        let by = kept.due().expect("a term runs");
        let due = other.due(&alfa(), by, None, 100).await.expect("read");
        assert!(due.iter().any(|due| due.id == kept.key.id), "round {round}: {due:?}");
        applied.push(events[winner].clone());
    }
    assert_eq!(told(store).await, ids(&applied));
}

/// Each reads, decides and writes until its change is in.
pub async fn writers_that_cross_lose_no_change_and_no_event<S: Store + OutboxStore>(store: &S, other: &S) {
    let kept = recording(vec![running("quality", moment(50, 0))]);
    stamped(store, &kept).await;
    let writes = async |store: &S, key: &RecordingKey, days: i64| {
        let mut left = CHANGES;
        while left > 0 {
            let found = read(store, key).await;
            let ends = moment(days + found.version as i64, 0);
            let next = with_terms(&found, vec![running("quality", ends)]);
            if store.change(&next, &event_of(&next)).await.expect("answered") == Written::Applied {
                left -= 1;
            }
        }
    };
    join(writes(store, &kept.key, 0), writes(other, &kept.key, 100)).await;
    let last = read(store, &kept.key).await;
    assert_eq!(last.version, 1 + 2 * CHANGES);
    assert_eq!(read(other, &kept.key).await, last);
    let by = last.due().expect("a term runs");
    let due = store.due(&alfa(), by, None, 100).await.expect("read");
    assert!(due.iter().any(|due| due.id == kept.key.id), "{due:?}");
    let told = store.unpublished(100).await.expect("read");
    let mut versions: Vec<_> = told.iter().map(|outgoing| outgoing.envelope.version).collect();
    versions.sort();
    assert_eq!(versions, (1..=last.version).collect::<Vec<_>>());
}

/// Two that draw one id, or one caller that asks twice.
pub async fn of_two_that_place_a_hold_one_does<S: Store + OutboxStore>(store: &S, other: &S) {
    for round in 1..=ROUNDS {
        let first = some_hold();
        let rival = Hold { placed_by: "bruno".to_owned(), selector: some_hold().selector, ..first.clone() };
        let holds = [first, rival];
        let events = [0, 1].map(|number: usize| event(&alfa(), holds[number].id, 1));
        let (one, two) = join(store.place(&holds[0], &events[0]), other.place(&holds[1], &events[1])).await;
        let winner = winner(one.expect("answered"), two.expect("answered"));
        let standing = other.hold(&alfa(), holds[0].id).await.expect("read");
        assert_eq!(standing.as_ref(), Some(&holds[winner]));
        assert_eq!(store.standing(&alfa()).await.expect("read").len() as i64, round);
        assert!(told(store).await.contains(&events[winner].id));
        assert_eq!(told(store).await.len() as i64, round);
    }
}

/// Of two who ask for the release at once one has asked: neither has released it.
pub async fn of_two_changes_of_a_hold_one_is_applied<S: Store + OutboxStore>(store: &S, other: &S) {
    for _ in 0..ROUNDS {
        let first = some_hold();
        placed(store, &first).await;
        let asked = ["bruno", "carla"].map(|by| released_by(&first, by));
        let events = [0, 1].map(|_| event(&alfa(), first.id, 2));
        let (one, two) =
            join(store.change_hold(&asked[0], &events[0]), other.change_hold(&asked[1], &events[1])).await;
        let winner = winner(one.expect("answered"), two.expect("answered"));
        let standing = store.hold(&alfa(), first.id).await.expect("read");
        assert_eq!(standing.as_ref(), Some(&asked[winner]));
        let told = told(other).await;
        assert_eq!(events.map(|event| told.contains(&event.id)), [winner == 0, winner == 1]);
    }
}

/// Whatever process placed or released it: who asks afterwards knows.
pub async fn a_hold_stands_for_every_process_once_it_is_placed<S: Store>(store: &S, other: &S) {
    for _ in 0..ROUNDS {
        let first = some_hold();
        placed(store, &first).await;
        assert_eq!(other.standing(&alfa()).await.expect("read"), std::slice::from_ref(&first));
        let asked = released_by(&first, "bruno");
        released(other, &asked).await;
        assert_eq!(store.standing(&alfa()).await.expect("read"), std::slice::from_ref(&asked));
        released(store, &released_by(&asked, "carla")).await;
        assert_eq!(other.standing(&alfa()).await.expect("read"), []);
    }
}

/// What it says is what the winner said.
pub async fn of_two_orders_with_one_reference_one_is_applied<S: Store + OutboxStore>(store: &S, other: &S) {
    let mut applied = Vec::new();
    for round in 0..ROUNDS {
        let reference = format!("order-{round}");
        let orders = [order(&reference, None), order(&reference, Some([SubjectId::new()].into()))];
        let events = [0, 1].map(|_| event(&alfa(), &reference, 1));
        let (one, two) = join(store.order(&orders[0], &events[0]), other.order(&orders[1], &events[1])).await;
        let winner = winner(one.expect("answered"), two.expect("answered"));
        let standing = other.orders(&alfa()).await.expect("read");
        assert_eq!(standing.last(), Some(&orders[winner]));
        assert_eq!(standing.len() as i64, round + 1);
        applied.push(events[winner].clone());
    }
    assert_eq!(told(store).await, ids(&applied));
}
