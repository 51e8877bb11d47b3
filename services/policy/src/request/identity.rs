//! Who asks: how they were shown to be that person, by a ladder that follows the risk (GDPR Art. 12(6)).
//!
//! | Right | Needs | Why |
//! |---|---|---|
//! | withdraw, object-marketing | nothing | Art. 7(3) and 21(2): taking back is as easy as giving was |
//! | restrict, object | control | nothing is given away or lost, and what was stopped can go on |
//! | access, port, rectify, erase | person | data would be given to a stranger, or be lost to its owner |
//!
//! A code that was sent to a number proves who has the number today, and not who had it when the call was made. So
//! it shows control, and together with knowledge of the call the person. Knowledge alone shows neither: whoever else
//! was in the call has it too. A session and a human's own judgement show both. No voice and no copy of a document
//! is a proof.

use std::collections::BTreeSet;

use crate::rights::Right;
use crate::words::words;

/// How many wrong codes or answers lock the claim (scenario 22). They are counted by request, so that whoever guesses
/// bars nobody else, and the person can ask again.
pub const MAX_WRONG: u8 = 5;

words! {
    /// What shows who asks, in the order in which they are asked for: the least intrusive first.
    Proof {
        /// They are logged in.
        Session = 1 "session",
        /// A code that was sent to the identifier that the claim names.
        OneTimeCode = 2 "one-time-code",
        /// What only somebody in the call can know.
        CallKnowledge = 3 "call-knowledge",
        /// A human has looked at it.
        Human = 4 "human",
    }
}

words! {
    /// What has to be shown, from the least to the most.
    Need {
        /// Nothing.
        Nothing = 1 "nothing",
        /// That they have the identifier.
        Control = 2 "control",
        /// That they are the person who was in the call.
        Person = 3 "person",
    }
}

impl Need {
    /// What a right needs.
    pub fn of(right: Right) -> Self {
        match right {
            Right::Withdraw | Right::ObjectMarketing => Self::Nothing,
            Right::Restrict | Right::Object => Self::Control,
            Right::Access | Right::Port | Right::Rectify | Right::Erase => Self::Person,
        }
    }

    /// Whether these proofs show it.
    pub fn is_met(self, proofs: &BTreeSet<Proof>) -> bool {
        let alone = proofs.contains(&Proof::Session) || proofs.contains(&Proof::Human);
        let code = proofs.contains(&Proof::OneTimeCode);
        match self {
            Self::Nothing => true,
            Self::Control => alone || code,
            Self::Person => alone || (code && proofs.contains(&Proof::CallKnowledge)),
        }
    }
}

/// What is known of who asks.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Identity {
    pub(super) proofs: BTreeSet<Proof>,
    pub(super) wrong: u8,
    pub(super) failed: bool,
}

impl Identity {
    /// What was shown.
    pub fn proofs(&self) -> &BTreeSet<Proof> {
        &self.proofs
    }

    /// How many wrong codes and answers there were.
    pub fn wrong(&self) -> u8 {
        self.wrong
    }

    /// Whether the claim is locked by wrong codes.
    pub fn is_locked(&self) -> bool {
        self.wrong >= MAX_WRONG
    }

    /// Whether it could not be shown. Then nothing is done that needs any proof, whatever was shown before.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// Whether what was shown is enough for a right.
    pub fn suffices(&self, right: Right) -> bool {
        let need = Need::of(right);
        need == Need::Nothing || (!self.failed && need.is_met(&self.proofs))
    }
}
