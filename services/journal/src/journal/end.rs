//! The end of the journal as a writer knows it: the last record, and the acts that it need not write again.

use std::collections::VecDeque;

use crate::error::Error;
use crate::record::{Act, BEFORE_FIRST, Record};

/// Records whose acts are known.
pub(super) const REMEMBERED: usize = 1_024;

/// The last record that was read or written, and some before it.
pub(super) struct End {
    /// Its number; 0 before the first.
    pub(super) number: u64,
    /// The hash of its bytes.
    pub(super) hash: [u8; 32],
    recent: VecDeque<Record>,
}

impl End {
    /// Before the first record.
    pub(super) fn new() -> Self {
        Self { number: 0, hash: BEFORE_FIRST, recent: VecDeque::new() }
    }

    /// A record is the last now.
    pub(super) fn push(&mut self, record: Record, hash: [u8; 32]) {
        self.number = record.number;
        self.hash = hash;
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(record);
    }

    /// Where an act stands, if it is known to.
    pub(super) fn find(&self, act: &Act) -> Result<Option<u64>, Error> {
        let Some(standing) = self.recent.iter().rev().find(|record| record.act.id == act.id) else {
            return Ok(None);
        };
        if act.repeats(&standing.act) {
            return Ok(Some(standing.number));
        }
        Err(Error::Conflict { act: act.id, number: standing.number })
    }
}
