//! One partition's records.

use std::collections::VecDeque;

use crate::budget::Budget;
use crate::error::Error;
use crate::log::TopicPartition;
use crate::record::Stored;

#[derive(Default)]
pub(super) struct Partition {
    pub(super) low: u64,
    pub(super) records: VecDeque<Stored>,
}

impl Partition {
    pub(super) fn high(&self) -> u64 {
        self.low + self.records.len() as u64
    }

    pub(super) fn refuse_beyond(&self, at: TopicPartition, asked: u64) -> Result<(), Error> {
        let high = self.high();
        if asked > high { Err(Error::BeyondEnd { at, asked, high }) } else { Ok(()) }
    }

    pub(super) fn read(&self, from: u64, budget: &mut Budget) -> Vec<Stored> {
        let skipped = usize::try_from(from.saturating_sub(self.low)).unwrap_or(usize::MAX);
        self.records.iter().skip(skipped).take_while(|record| budget.takes(record.size())).cloned().collect()
    }

    pub(super) fn delete_while(&mut self, is_old: impl Fn(&Stored) -> bool) {
        while self.records.front().is_some_and(&is_old) {
            self.records.pop_front();
            self.low += 1;
        }
    }
}
