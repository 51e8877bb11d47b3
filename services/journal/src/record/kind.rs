//! What can be done: numbers that leave the process and are never reused, and the words that people read.

use std::fmt;

use super::About;

/// What was done. Kinds go both ways: a store that repeats what was taken away also repeats what was given back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// A subject withdrew a consent.
    ConsentWithdrawn = 1,
    /// A subject consented again.
    ConsentGiven = 2,
    /// Processing was restricted.
    Restricted = 3,
    /// A restriction was lifted.
    RestrictionLifted = 4,
    /// A hold was placed.
    HoldPlaced = 5,
    /// A hold was released.
    HoldReleased = 6,
    /// An order was placed, such as one that lengthens a regime.
    OrderPlaced = 7,
    /// An erasure of a recording is about to begin; without an outcome it is resumed.
    ErasureIntended = 8,
    /// It was done.
    ErasureDone = 9,
    /// It was refused: something keeps the recording.
    ErasureRefused = 10,
    /// A tenant's key epoch was destroyed, and with it everything that was erased before.
    EpochDestroyed = 11,
    /// The ledger signed a root.
    LedgerRoot = 12,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: &'static [Self] = &[
        Self::ConsentWithdrawn,
        Self::ConsentGiven,
        Self::Restricted,
        Self::RestrictionLifted,
        Self::HoldPlaced,
        Self::HoldReleased,
        Self::OrderPlaced,
        Self::ErasureIntended,
        Self::ErasureDone,
        Self::ErasureRefused,
        Self::EpochDestroyed,
        Self::LedgerRoot,
    ];

    /// The number that leaves the process; never reused, never 0.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The kind with this number.
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| u64::from(kind.number()) == number)
    }

    /// The word that people and JSON read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConsentWithdrawn => "consent-withdrawn",
            Self::ConsentGiven => "consent-given",
            Self::Restricted => "restricted",
            Self::RestrictionLifted => "restriction-lifted",
            Self::HoldPlaced => "hold-placed",
            Self::HoldReleased => "hold-released",
            Self::OrderPlaced => "order-placed",
            Self::ErasureIntended => "erasure-intended",
            Self::ErasureDone => "erasure-done",
            Self::ErasureRefused => "erasure-refused",
            Self::EpochDestroyed => "epoch-destroyed",
            Self::LedgerRoot => "ledger-root",
        }
    }

    /// Whether this is done to such a thing.
    pub(crate) fn is_of(self, about: &About) -> bool {
        match self {
            Self::EpochDestroyed => matches!(about, About::Epoch(_)),
            Self::LedgerRoot => matches!(about, About::Root { .. }),
            Self::ConsentWithdrawn
            | Self::ConsentGiven
            | Self::Restricted
            | Self::RestrictionLifted
            | Self::HoldPlaced
            | Self::HoldReleased
            | Self::OrderPlaced
            | Self::ErasureIntended
            | Self::ErasureDone
            | Self::ErasureRefused => matches!(about, About::Aggregate { .. }),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_are_what_they_always_were() {
        let found: Vec<_> = Kind::ALL.iter().map(|kind| (kind.number(), kind.as_str())).collect();
        let expected = [
            (1, "consent-withdrawn"),
            (2, "consent-given"),
            (3, "restricted"),
            (4, "restriction-lifted"),
            (5, "hold-placed"),
            (6, "hold-released"),
            (7, "order-placed"),
            (8, "erasure-intended"),
            (9, "erasure-done"),
            (10, "erasure-refused"),
            (11, "epoch-destroyed"),
            (12, "ledger-root"),
        ];
        assert_eq!(found, expected);
        for kind in Kind::ALL {
            assert_eq!(Kind::from_number(u64::from(kind.number())), Some(*kind));
        }
        for unknown in [0, 13, 257, u64::MAX] {
            assert_eq!(Kind::from_number(unknown), None);
        }
    }
}
