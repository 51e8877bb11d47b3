use kernel::topics::CONSENT;
use kernel::{Envelope, TenantId};
use uuid::Uuid;

use super::super::bucket::Bucket;
use super::super::{Place, Spot};
use super::*;

fn ticket(number: u8, payload: usize) -> Ticket {
    let at = Timestamp(i64::from(number));
    let envelope = Envelope {
        id: EventId::from_bytes([number; 16]),
        kind: "verbale.test.done".into(),
        tenant: TenantId::new("alfa").unwrap(),
        aggregate: "a".into(),
        version: 1,
        at,
        trace: None,
        payload: vec![number; payload],
    };
    let place = Place::Row(Spot { bucket: Bucket(1), writer: Uuid::nil(), written_at: at });
    Ticket { place, pending: Pending { topic: CONSENT, envelope } }
}

fn ids(pending: &[Pending]) -> Vec<EventId> {
    pending.iter().map(|pending| pending.envelope.id).collect()
}

fn id(number: u8) -> EventId {
    EventId::from_bytes([number; 16])
}

#[test]
fn events_are_handed_out_in_order_until_they_are_published() {
    let mut queue = Queue::default();
    for number in [3, 1, 2, 1] {
        assert!(queue.push(ticket(number, 1)));
    }
    assert_eq!(ids(&queue.first(9)), [id(3), id(1), id(2)]);
    assert_eq!(ids(&queue.first(2)), [id(3), id(1)]);
    assert_eq!(queue.oldest(), Some(Timestamp(1)));
    queue.published(&[id(1), id(3), id(9)]);
    assert_eq!(ids(&queue.first(9)), [id(2)]);
    assert_eq!(queue.to_mark(), [ticket(3, 1), ticket(1, 1)]);
    assert!(queue.knows(id(1)), "a sweep must not bring it again before it is marked");
    queue.forget(&[ticket(1, 1), ticket(3, 1)]);
    assert!(queue.to_mark().is_empty() && !queue.knows(id(1)));
}

#[test]
fn memory_is_bounded_and_comes_back() {
    let mut queue = Queue::default();
    for number in 0..64 {
        assert!(queue.push(ticket(number, 1_000_000)));
    }
    let last = (64..200).find(|number| !queue.push(ticket(*number, 1_000_000))).unwrap();
    assert!(queue.overflowed());
    assert!(usize::from(last) * 1_000_000 <= MAX_BYTES);
    assert_eq!(queue.first(100).len(), 16, "of what is handed out, too");
    let all: Vec<_> = (0..last).map(id).collect();
    queue.published(&all);
    let marked = queue.to_mark();
    queue.forget(&marked);
    assert_eq!(queue.room(), MAX_EVENTS);
    assert!(queue.add(ticket(201, MAX_BYTES / 2)));
    assert_eq!(queue.first(1).len(), 1, "one alone is handed out whatever its size");
}

#[test]
fn the_number_of_events_is_bounded() {
    let mut queue = Queue::default();
    for number in 0..MAX_EVENTS {
        let mut ticket = ticket(1, 0);
        ticket.pending.envelope.id = EventId::from_bytes((number as u128).to_be_bytes());
        assert!(queue.add(ticket));
    }
    assert_eq!(queue.room(), 0);
    assert!(!queue.add(ticket(255, 0)));
    assert!(!queue.overflowed(), "a sweep comes again by itself");
}
