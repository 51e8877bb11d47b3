//! The answer: what it must explain, and what a request has come to by it.

use std::collections::BTreeSet;

use super::Request;
use super::item::Share;
use super::names::ItemKey;
use crate::rights::Right;
use crate::words::words;

words! {
    /// How a request ended.
    Ending {
        /// All that was asked was done, or nothing is held.
        Fulfilled = 1 "fulfilled",
        /// Some of it was.
        Partial = 2 "partial",
        /// None of it was.
        Refused = 3 "refused",
        /// Who asked could not be shown to be that person, or to act for them.
        Unverified = 4 "unverified",
        /// Who asked has taken it back.
        Withdrawn = 5 "withdrawn",
    }
}

words! {
    /// Where to go with a refusal.
    Remedy {
        /// To the supervisory authority, Art. 77.
        Complaint = 1 "complaint",
        /// To a court, Art. 79.
        Court = 2 "court",
    }
}

/// What an answer explains. Whoever does not do what was asked says why and what can be done about it, within the
/// month (GDPR Art. 12(4)).
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Answer {
    /// Items that it gives reasons for.
    pub items: BTreeSet<ItemKey>,
    /// Rights that it gives reasons for as a whole, since nothing was looked for under them.
    pub rights: BTreeSet<Right>,
    /// Remedies that it names.
    pub remedies: BTreeSet<Remedy>,
}

impl Answer {
    fn explains_nothing(&self) -> bool {
        self.items.is_empty() && self.rights.is_empty()
    }
}

impl Request {
    /// What the answer has to explain as things stand. Nothing where the request was taken back.
    pub fn owed(&self) -> Answer {
        let mut owed = Answer::default();
        if self.taken_back {
            return owed;
        }
        let short = self.items.iter().filter(|(_, item)| item.share() != Share::Whole);
        owed.items = short.map(|(key, _)| key.clone()).collect();
        owed.rights = self.barred();
        if !owed.explains_nothing() {
            owed.remedies = Remedy::ALL.iter().copied().collect();
        }
        owed
    }

    /// What it ends as when its answer is delivered.
    ///
    /// What the right does not reach counts neither way, unless it is all there is: then nothing was done that was
    /// asked. A plan without items is fulfilled, as every store has said that it holds nothing.
    pub(super) fn ending(&self) -> Ending {
        if self.taken_back {
            return Ending::Withdrawn;
        }
        let barred = self.barred();
        if barred.len() == self.rights().len() {
            return Ending::Unverified;
        }
        let shares: Vec<_> = self.items.values().map(|item| item.share()).collect();
        let some = shares.iter().any(|share| matches!(share, Share::Whole | Share::Part));
        let short = shares.iter().any(|share| matches!(share, Share::Part | Share::Nothing));
        let nothing_held = shares.is_empty();
        match (some || nothing_held, short || !barred.is_empty()) {
            (true, false) => Ending::Fulfilled,
            (true, true) => Ending::Partial,
            (false, _) => Ending::Refused,
        }
    }
}
