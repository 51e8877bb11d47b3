//! What waits in this process's memory, within bounds. Pure.

use std::collections::{HashSet, VecDeque};

use kernel::{EventId, Timestamp};

use super::{Pending, Ticket};

/// Events that wait in memory; more are found in the tables.
pub(super) const MAX_EVENTS: usize = 10_000;
/// Their bytes.
pub(super) const MAX_BYTES: usize = 64 << 20;
/// Bytes of events handed out at once; one alone may have more.
const MAX_HANDED: usize = 16 << 20;

/// Events in the order in which they came, and those that are published but not marked yet.
#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Ticket>,
    published: Vec<Ticket>,
    ids: HashSet<EventId>,
    bytes: usize,
    overflowed: bool,
}

impl Queue {
    /// Takes what this process pushed; `false` where there is no room, and a sweep has to find it.
    pub(super) fn push(&mut self, ticket: Ticket) -> bool {
        let taken = self.add(ticket);
        self.overflowed |= !taken;
        taken
    }

    /// Takes what a sweep found; `false` where there is no room.
    pub(super) fn add(&mut self, ticket: Ticket) -> bool {
        let (id, size) = (ticket.pending.envelope.id, ticket.pending.size());
        if self.ids.contains(&id) {
            return true;
        }
        if self.ids.len() >= MAX_EVENTS || self.bytes + size > MAX_BYTES {
            return false;
        }
        self.ids.insert(id);
        self.bytes += size;
        self.waiting.push_back(ticket);
        true
    }

    /// Whether it waits here, or was published and is not marked.
    pub(super) fn knows(&self, id: EventId) -> bool {
        self.ids.contains(&id)
    }

    /// The first ones to be published.
    pub(super) fn first(&self, limit: usize) -> Vec<Pending> {
        let (mut found, mut bytes) = (Vec::new(), 0);
        for ticket in self.waiting.iter().take(limit) {
            bytes += ticket.pending.size();
            if bytes > MAX_HANDED && !found.is_empty() {
                break;
            }
            found.push(ticket.pending.clone());
        }
        found
    }

    /// Says that these are published: they wait to be marked.
    pub(super) fn published(&mut self, ids: &[EventId]) {
        let ids: HashSet<_> = ids.iter().collect();
        let (done, waiting) =
            self.waiting.drain(..).partition(|ticket: &Ticket| ids.contains(&ticket.pending.envelope.id));
        self.waiting = waiting;
        let done: VecDeque<Ticket> = done;
        self.published.extend(done);
    }

    /// What is published and not marked.
    pub(super) fn to_mark(&self) -> Vec<Ticket> {
        self.published.clone()
    }

    /// Forgets what is marked.
    pub(super) fn forget(&mut self, tickets: &[Ticket]) {
        let marked: HashSet<_> = tickets.iter().map(|ticket| ticket.pending.envelope.id).collect();
        let mut freed = 0;
        self.published.retain(|ticket| {
            let keep = !marked.contains(&ticket.pending.envelope.id);
            freed += if keep { 0 } else { ticket.pending.size() };
            keep
        });
        self.ids.retain(|id| !marked.contains(id));
        self.bytes = self.bytes.saturating_sub(freed);
    }

    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.waiting.iter().map(|ticket| ticket.pending.envelope.at).min()
    }

    /// How many more events there is room for.
    pub(super) fn room(&self) -> usize {
        if self.bytes >= MAX_BYTES { 0 } else { MAX_EVENTS - self.ids.len() }
    }

    /// Whether something that this process pushed is in the tables alone.
    pub(super) fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Says that a sweep has found all of it, or not.
    pub(super) fn set_overflowed(&mut self, overflowed: bool) {
        self.overflowed = overflowed;
    }
}

#[cfg(test)]
mod tests;
