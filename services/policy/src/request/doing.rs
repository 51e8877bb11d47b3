//! Doing what was decided, probing it, and answering.

use std::collections::BTreeSet;

use super::answer::{Answer, Ending};
use super::error::Refused;
use super::item::ItemState;
use super::names::{ItemKey, RequestKey};
use super::{Request, State};
use crate::code::Code;

impl Request {
    pub(super) fn do_item(&mut self, key: ItemKey) -> Result<(), Refused> {
        let Some(item) = self.items.get_mut(&key) else {
            return Err(Refused::NoSuchItem { item: key });
        };
        if item.is_settled() {
            return Err(Refused::Settled { item: key });
        }
        item.state = ItemState::Done;
        Ok(())
    }

    /// A hold that was placed after the decision counts all the same (scenario 44). Only what erases is deferred: a
    /// hold neither defers nor refuses a copy.
    pub(super) fn defer_item(&mut self, key: ItemKey, hold: Code) -> Result<(), Refused> {
        let Some(item) = self.items.get_mut(&key) else {
            return Err(Refused::NoSuchItem { item: key });
        };
        if item.is_settled() {
            return Err(Refused::Settled { item: key });
        }
        if !item.decision.as_ref().is_some_and(|decision| decision.verdict.erases()) {
            return Err(Refused::NotDeferrable { item: key });
        }
        item.state = ItemState::Deferred;
        item.hold = Some(hold);
        Ok(())
    }

    pub(super) fn close_items(&mut self) -> Result<(), Refused> {
        if let Some((item, _)) = self.items.iter().find(|(_, item)| !item.is_settled()) {
            return Err(Refused::NotDone { item: item.clone() });
        }
        self.state = State::Verifying;
        Ok(())
    }

    /// What is not done is done again, by the same decision.
    pub(super) fn fail_items(&mut self, failed: BTreeSet<ItemKey>) -> Result<(), Refused> {
        for key in failed {
            let Some(item) = self.items.get_mut(&key) else {
                return Err(Refused::NoSuchItem { item: key });
            };
            item.state = ItemState::Failed;
            item.hold = None;
        }
        self.failures = self.failures.saturating_add(1);
        self.state = State::Executing;
        Ok(())
    }

    /// Closes by an answer that explains all that was not done, and names the remedies (GDPR Art. 12(4)).
    pub(super) fn deliver(&mut self, answer: &Answer) -> Result<(), Refused> {
        if let Some(into) = &self.merged_into {
            return Err(Refused::AnsweredElsewhere { into: into.clone() });
        }
        let owed = self.owed();
        if let Some(item) = owed.items.difference(&answer.items).next() {
            return Err(Refused::ItemUnexplained { item: item.clone() });
        }
        if let Some(right) = owed.rights.difference(&answer.rights).next() {
            return Err(Refused::RightUnexplained { right: *right });
        }
        if let Some(remedy) = owed.remedies.difference(&answer.remedies).next() {
            return Err(Refused::RemedyMissing { remedy: *remedy });
        }
        self.close(self.ending());
        Ok(())
    }

    pub(super) fn answer_with(&mut self, into: RequestKey, ending: Ending) -> Result<(), Refused> {
        if self.merged_into.as_ref() != Some(&into) {
            return Err(Refused::NotMerged { other: into });
        }
        self.close(ending);
        Ok(())
    }

    fn close(&mut self, ending: Ending) {
        self.ended = Some(ending);
        self.state = State::Closed;
    }
}
