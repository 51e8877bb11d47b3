//! Whose calls and items are: those of a line that several people use, and what turned out to be somebody else's. Pure.

use std::collections::BTreeSet;

use kernel::RecordingId;
use policy::request::{Item, ItemKey, Refused, State};

use super::File;
use crate::act::Act;
use crate::error::Error;

impl File {
    /// The last that was said of a call counts.
    pub(super) fn confirm(&mut self, theirs: &BTreeSet<RecordingId>, not_theirs: &BTreeSet<RecordingId>) {
        let says_more = !theirs.is_subset(&self.theirs) || !not_theirs.is_subset(&self.not_theirs);
        self.is_outdated |= says_more && self.request.plan().is_some();
        self.theirs.retain(|call| !not_theirs.contains(call));
        self.not_theirs.retain(|call| !theirs.contains(call));
        self.theirs.extend(theirs);
        self.not_theirs.extend(not_theirs);
    }

    /// Which calls are theirs is said before it is decided on them; once that has changed they are planned anew.
    pub(super) fn check_calls(&self, act: &Act) -> Result<(), Error> {
        match act {
            Act::CallsConfirmed { .. } => match self.request.state() {
                State::Received
                | State::Identifying
                | State::AwaitingSubject
                | State::Discovering
                | State::Deciding => Ok(()),
                State::AwaitingApproval
                | State::Executing
                | State::Verifying
                | State::Responding
                | State::Closed => {
                    let why = "it is decided on the calls already: whose they are is said before that";
                    Err(Error::refused("decided-already", why))
                }
            },
            Act::Decided(_) | Act::DecisionsClosed if self.is_outdated => {
                let why = "which calls are theirs was said since the plan was frozen: freeze it anew";
                Err(Error::refused("calls-changed", why))
            }
            _ => Ok(()),
        }
    }

    /// Leaves out what turned out to be somebody else's, with which nothing more is done. What was done before is a breach to
    /// assess.
    pub(super) fn leave_out(&mut self, items: &BTreeSet<ItemKey>) -> Result<(), Error> {
        match self.request.state() {
            State::Executing | State::Verifying | State::Responding => {}
            State::Received
            | State::Identifying
            | State::AwaitingSubject
            | State::Discovering
            | State::Deciding
            | State::AwaitingApproval
            | State::Closed => {
                let why = "only what is carried out turns out to be somebody else's: before that it is planned anew";
                return Err(Error::refused("not-carried-out", why));
            }
        }
        if let Some(unknown) = items.iter().find(|key| !self.items.contains_key(*key)) {
            return Err(Refused::NoSuchItem { item: unknown.clone() }.into());
        }
        let known = self.request.items();
        let is_done = |key: &&ItemKey| known.get(*key).is_some_and(Item::has_touched_data);
        let done: Vec<_> = items.iter().filter(is_done).cloned().collect();
        self.to_assess.extend(done);
        self.strange.extend(items.iter().cloned());
        self.request = self.request.clone().without(items);
        Ok(())
    }
}
