//! Whose calls and items are: those of a line that several people use, and what turned out to be somebody else's. Pure.

use std::collections::BTreeSet;

use kernel::RecordingId;
use policy::request::{Item, ItemKey, Refused, State};

use super::File;
use crate::act::Act;
use crate::error::Error;
use crate::plan::PlanItem;

impl File {
    /// The last that was said of a call counts.
    pub(super) fn confirm(&mut self, theirs: &BTreeSet<RecordingId>, not_theirs: &BTreeSet<RecordingId>) {
        let says_more = !theirs.is_subset(&self.theirs) || !not_theirs.is_subset(&self.not_theirs);
        // What is carried out is not planned anew: what is not theirs leaves it.
        let is_planned = self.request.plan().is_some() && !is_carried_out(self.request.state());
        self.is_outdated |= says_more && is_planned;
        self.theirs.retain(|call| !not_theirs.contains(call));
        self.not_theirs.retain(|call| !theirs.contains(call));
        self.theirs.extend(theirs);
        self.not_theirs.extend(not_theirs);
    }

    /// Which calls are theirs is said before it is decided on them; once that has changed they are planned anew.
    pub(super) fn check_calls(&self, act: &Act) -> Result<(), Error> {
        match act {
            Act::CallsConfirmed { theirs, not_theirs } => {
                let is_said =
                    |call: &RecordingId| self.theirs.contains(call) || self.not_theirs.contains(call);
                let is_open = match self.request.state() {
                    State::Received
                    | State::Identifying
                    | State::AwaitingSubject
                    | State::Discovering
                    | State::Deciding => true,
                    // That others use the line, too, may turn out only now; what was said before was decided on.
                    State::Executing | State::Verifying | State::Responding => {
                        !theirs.iter().chain(not_theirs).any(is_said)
                    }
                    State::AwaitingApproval | State::Closed => false,
                };
                let why = "it is decided on the calls already: whose they are is said before that";
                if is_open { Ok(()) } else { Err(Error::refused("decided-already", why)) }
            }
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
        if !is_carried_out(self.request.state()) {
            let why =
                "only what is carried out turns out to be somebody else's: before that it is planned anew";
            return Err(Error::refused("not-carried-out", why));
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

    /// Leaves out calls of which it was said, while they were dealt with, that they are somebody else's.
    pub(super) fn leave_out_calls(&mut self, calls: &BTreeSet<RecordingId>) -> Result<(), Error> {
        let of_them = |item: &PlanItem| item.artefact.recording().is_some_and(|call| calls.contains(&call));
        let items: BTreeSet<_> =
            self.items.iter().filter(|(_, item)| of_them(item)).map(|(key, _)| key.clone()).collect();
        if items.is_empty() { Ok(()) } else { self.leave_out(&items) }
    }
}

/// Whether what was decided is being done, or is done and not answered yet.
pub(crate) fn is_carried_out(state: State) -> bool {
    match state {
        State::Executing | State::Verifying | State::Responding => true,
        State::Received
        | State::Identifying
        | State::AwaitingSubject
        | State::Discovering
        | State::Deciding
        | State::AwaitingApproval
        | State::Closed => false,
    }
}
