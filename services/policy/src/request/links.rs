//! Requests that belong together: duplicates, which are linked and answered each, and requests of one person that are
//! answered as one.

use std::collections::BTreeSet;

use kernel::Timestamp;

use super::error::Refused;
use super::names::{ItemKey, RequestKey};
use super::{MAX_PARTS, Request, State};
use crate::deadline::Clock;
use crate::rights::Right;

/// A verified request as it is answered with another. [`Request::part`] makes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    pub(super) key: RequestKey,
    pub(super) rights: BTreeSet<Right>,
    pub(super) clock: Clock,
}

impl Part {
    /// A part as it was stored, which [`Request::part`] had made then.
    pub fn restored(key: RequestKey, rights: BTreeSet<Right>, clock: Clock) -> Self {
        Self { key, rights, clock }
    }

    /// Which request it is.
    pub fn key(&self) -> &RequestKey {
        &self.key
    }

    /// What it asks.
    pub fn rights(&self) -> &BTreeSet<Right> {
        &self.rights
    }

    /// Its own clock, which goes on.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

/// Which of several that ask the same is the one that the others are linked to: one that is verified, before all
/// others; then the one that was received first (scenario 26). None of none.
pub fn canonical<'a>(requests: impl IntoIterator<Item = &'a Request>) -> Option<&'a Request> {
    requests.into_iter().min_by_key(|request| rank(request))
}

fn rank(request: &Request) -> (bool, Timestamp, RequestKey) {
    (!request.is_verified(), request.received_at(), request.key().clone())
}

impl Request {
    /// This request, to be answered with another. Refused unless it is verified for all that it asks, and where
    /// others are answered with it.
    pub fn part(&self) -> Result<Part, Refused> {
        self.mergeable()?;
        if !self.parts.is_empty() {
            return Err(Refused::HasParts);
        }
        Ok(Part { key: self.key.clone(), rights: self.rights(), clock: self.clock.clone() })
    }

    fn mergeable(&self) -> Result<(), Refused> {
        if self.is_verified() { Ok(()) } else { Err(Refused::Unverified) }
    }

    fn not_itself(&self, other: &RequestKey) -> Result<(), Refused> {
        if *other == self.key { Err(Refused::Itself { other: other.clone() }) } else { Ok(()) }
    }

    pub(super) fn link_duplicate(&mut self, of: RequestKey) -> Result<(), Refused> {
        self.not_itself(&of)?;
        self.duplicate_of = Some(of);
        Ok(())
    }

    /// Takes another one in. Both ask from now on, so what was found and decided is found and decided anew, and
    /// identity is asked again where what is asked now needs more.
    pub(super) fn merge(&mut self, part: Part) -> Result<(), Refused> {
        self.not_itself(&part.key)?;
        self.mergeable()?;
        if self.parts.contains_key(&part.key) {
            return Err(Refused::AlreadyMerged { other: part.key });
        }
        if self.parts.len() >= MAX_PARTS {
            return Err(Refused::TooManyParts);
        }
        self.parts.insert(part.key.clone(), part);
        self.forget_plan();
        self.state = if self.is_verified() { State::Discovering } else { State::Identifying };
        Ok(())
    }

    pub(super) fn merge_into(&mut self, into: RequestKey) -> Result<(), Refused> {
        self.not_itself(&into)?;
        self.part()?;
        self.forget_plan();
        self.merged_into = Some(into);
        self.state = State::Responding;
        Ok(())
    }

    /// Takes two apart. Each asks for itself again; what was given by then may have been somebody else's, which is
    /// a breach to assess (scenario 27).
    pub(super) fn unmerge(&mut self, other: &RequestKey) -> Result<(), Refused> {
        if self.merged_into.as_ref() == Some(other) {
            self.merged_into = None;
        } else if self.parts.remove(other).is_some() {
            let touched = self.items.iter().filter(|(_, item)| item.has_touched_data());
            let touched: Vec<_> = touched.map(|(key, _)| key.clone()).collect();
            self.to_assess.extend(touched);
        } else {
            return Err(Refused::NotMerged { other: other.clone() });
        }
        match self.state {
            State::Received | State::Identifying | State::AwaitingSubject => {}
            State::Discovering
            | State::Deciding
            | State::AwaitingApproval
            | State::Executing
            | State::Verifying
            | State::Responding => {
                self.forget_plan();
                if !self.taken_back {
                    self.go_on();
                }
            }
            State::Closed => {}
        }
        Ok(())
    }

    /// The request, with what is to be assessed as it was stored: whoever folds its events may not have the items of earlier
    /// plans any more.
    #[must_use]
    pub fn assessing(mut self, items: BTreeSet<ItemKey>) -> Self {
        self.to_assess = items;
        self
    }

    /// The request without items that turned out to be somebody else's: it is not about them, and neither its answer nor
    /// what it ends as is.
    #[must_use]
    pub fn without(mut self, items: &BTreeSet<ItemKey>) -> Self {
        self.items.retain(|key, _| !items.contains(key));
        self
    }

    /// Nothing found or decided counts any more, no approval of it, and nothing that failed.
    fn forget_plan(&mut self) {
        self.plan = None;
        self.newer_rules = None;
        self.items.clear();
        self.failures = 0;
    }
}
