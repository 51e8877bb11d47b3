//! What is left of a read limit while records are gathered.

use crate::log::ReadLimit;

/// What is left of a read limit; the first record is always within it.
pub(crate) struct Budget {
    records: usize,
    bytes: usize,
    is_first: bool,
}

impl Budget {
    pub(crate) fn new(limit: ReadLimit) -> Self {
        Self { records: limit.records.max(1), bytes: limit.bytes, is_first: true }
    }

    /// Takes a record of this size, if it is within what is left; nothing more after one that is not.
    pub(crate) fn takes(&mut self, size: usize) -> bool {
        if self.records == 0 || (size > self.bytes && !self.is_first) {
            self.records = 0;
            return false;
        }
        self.records -= 1;
        self.bytes = self.bytes.saturating_sub(size);
        self.is_first = false;
        true
    }

    /// How many more records at most.
    pub(crate) fn records(&self) -> usize {
        self.records
    }
}
