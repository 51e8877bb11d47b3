//! A partition that a consumer holds: its records in order, and where its owner stands.

use std::collections::VecDeque;
use std::time::Duration;

use rdkafka::Offset;
use rdkafka::consumer::Consumer as _;
use tracing::debug;

use super::member::Joined;
use super::message;
use super::winning::Won;
use crate::budget::Budget;
use crate::log::{Assigned, Batch};
use crate::record::Stored;

/// How long a seek may hold up the poll that makes it: it is an order to another thread of the client.
const SEEK: Duration = Duration::from_millis(200);

pub(super) struct Held {
    won: Won,
    /// The topic's name in the cluster.
    name: String,
    /// Came before those in the queue.
    first: VecDeque<Stored>,
    /// The client stands elsewhere than [`Assigned::next`]: it is told before anything is read.
    is_adrift: bool,
}

impl Held {
    pub(super) fn new(won: Won, name: String) -> Self {
        Self { won, name, first: VecDeque::new(), is_adrift: false }
    }

    pub(super) fn assigned(&self) -> Assigned {
        self.won.assigned
    }

    pub(super) fn committed(&self) -> Option<u64> {
        self.won.committed
    }

    pub(super) fn set_committed(&mut self, next: u64) {
        self.won.committed = self.won.committed.max(Some(next));
    }

    /// Puts records at the end of those that came before the queue's.
    pub(super) fn accept(&mut self, records: impl IntoIterator<Item = Stored>) {
        self.first.extend(records);
    }

    /// Goes on at this offset instead.
    pub(super) fn seek(&mut self, consumer: &Joined, offset: u64) {
        self.won.assigned.next = offset;
        self.first.clear();
        self.is_adrift = true;
        self.settle(consumer);
    }

    /// Takes records until the budget is used up or there are no more for now.
    pub(super) fn read(&mut self, consumer: &Joined, budget: &mut Budget) -> Option<Batch> {
        if !self.settle(consumer) {
            return None;
        }
        let mut records = Vec::new();
        while budget.records() > 0
            && let Some(record) = self.next()
        {
            if !budget.takes(record.size()) {
                self.first.push_front(record);
                break;
            }
            self.won.assigned.next = record.offset + 1;
            records.push(record);
        }
        (!records.is_empty()).then(|| Batch { at: self.won.assigned.at, records })
    }

    fn next(&mut self) -> Option<Stored> {
        loop {
            let record = match self.first.pop_front() {
                Some(record) => record,
                None => match self.won.queue.poll(Duration::ZERO)? {
                    Ok(message) => message::stored(&message)?,
                    Err(error) => {
                        debug!(at = %self.won.assigned.at, error = %error, "a partition met an error");
                        continue;
                    }
                },
            };
            if record.offset >= self.won.assigned.next {
                return Some(record);
            }
        }
    }

    /// Tells the client where to go on; not yet possible in the moment after the partition was won.
    fn settle(&mut self, consumer: &Joined) -> bool {
        if self.is_adrift {
            let Assigned { at, next, .. } = self.won.assigned;
            let (partition, offset) = (i32::try_from(at.partition), i64::try_from(next));
            let (Ok(partition), Ok(offset)) = (partition, offset) else { return false };
            // Whatever is still in the queue was fetched before, and the library drops it from here on.
            match consumer.seek(&self.name, partition, Offset::Offset(offset), SEEK) {
                Ok(()) => self.is_adrift = false,
                Err(error) => debug!(%at, error = %error, "a partition cannot be sought in yet"),
            }
        }
        !self.is_adrift
    }
}
