//! Several purposes that keep one artefact: what becomes of its bytes, and which purposes lose their entries.

use std::collections::BTreeSet;

use kernel::PurposeName;

use super::{Outcome, Verdict};

/// What one artefact's verdicts come to together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Combined {
    /// What becomes of the bytes.
    pub bytes: Bytes,
    /// The purposes that keep nothing any more. They lose their entries, copies and indexes now, whoever keeps the
    /// bytes. One that was asked more than once, say for parts on different bases, is here if all of it erases.
    pub lost: BTreeSet<PurposeName>,
    /// Those of the lost whose copy without the person's part must stand first: it is made of the original, which
    /// opens through their entries.
    pub redacted_first: BTreeSet<PurposeName>,
}

/// What becomes of an artefact's bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Bytes {
    /// They go: no purpose keeps them.
    Go,
    /// They go as soon as a copy stands that others can be left with.
    GoOnceRedacted,
    /// They stay, since some purpose keeps them.
    Kept(Keeper),
    /// They stay, since no purpose was asked and so nobody has decided anything.
    NotAsked,
}

/// The purpose that the bytes are kept for: of several the strictest, of equally strict ones the first by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keeper {
    /// Which purpose.
    pub purpose: PurposeName,
    /// What it came to.
    pub verdict: Verdict,
}

impl Combined {
    /// Whether the bytes go, at once or when they have been redacted.
    pub fn bytes_go(&self) -> bool {
        match self.bytes {
            Bytes::Go | Bytes::GoOnceRedacted => true,
            Bytes::Kept(_) | Bytes::NotAsked => false,
        }
    }
}

/// What the verdicts of all purposes on one artefact come to, in whatever order they are given.
///
/// The bytes go only where every one of them erases. Any other outcome keeps the bytes:
///
/// - What is pending keeps them, and its purpose's entries, until somebody has decided and the question is asked
///   again. So does what is restricted and pending: nothing but storing is left to it, but that is.
/// - What expires with its backup is kept until then, since nobody can take one artefact out of a backup. Entries
///   are the original's: a copy in a backup has none to lose.
/// - A skeleton is bytes too. How little is left of the artefact is for its rule to say; it is named only where no
///   other purpose keeps the whole.
/// - A purpose that is stopped, and a right that does not reach the artefact, say nothing of erasure: whoever wants
///   to know asks with [`Right::Erase`](super::Right::Erase), as after W1.
pub fn combine(verdicts: impl IntoIterator<Item = (PurposeName, Verdict)>) -> Combined {
    let (erased, kept): (Vec<_>, Vec<_>) = verdicts.into_iter().partition(|(_, verdict)| verdict.erases());
    let keeping: BTreeSet<PurposeName> = kept.iter().map(|(purpose, _)| purpose.clone()).collect();
    let gone: Vec<_> = erased.into_iter().filter(|(purpose, _)| !keeping.contains(purpose)).collect();
    let redacted = gone.iter().filter(|(_, verdict)| verdict.outcome() == Outcome::EraseRedacting);
    let redacted_first: BTreeSet<PurposeName> = redacted.map(|(purpose, _)| purpose.clone()).collect();
    let bytes = match strictest(&kept) {
        Some(keeper) => Bytes::Kept(keeper),
        None if gone.is_empty() => Bytes::NotAsked,
        None if redacted_first.is_empty() => Bytes::Go,
        None => Bytes::GoOnceRedacted,
    };
    Combined { bytes, lost: gone.into_iter().map(|(purpose, _)| purpose).collect(), redacted_first }
}

fn strictest(kept: &[(PurposeName, Verdict)]) -> Option<Keeper> {
    let (purpose, verdict) = kept.iter().min_by(|(purpose, verdict), (other, others)| {
        let (place, others_place) = (place(verdict.outcome()), place(others.outcome()));
        (place, purpose, verdict).cmp(&(others_place, other, others))
    })?;
    Some(Keeper { purpose: purpose.clone(), verdict: *verdict })
}

/// Where an outcome stands among keepers, the strictest first: deferring, refusing, a skeleton and erasing in the
/// matrix' order. What keeps the whole for the time being stands before the skeleton, or what somebody still keeps
/// would be cut down to one.
fn place(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::DeferRestrict => 1,
        Outcome::Refuse => 2,
        Outcome::Restrict => 3,
        Outcome::PendingBalance | Outcome::PendingSubject => 4,
        Outcome::EraseByExpiry => 5,
        Outcome::StopPurpose | Outcome::NotApplicable => 6,
        Outcome::GrantFull | Outcome::GrantRedacted | Outcome::Correct | Outcome::Annotate => 7,
        Outcome::RetainMinimal => 8,
        Outcome::Erase | Outcome::EraseRedacting => 9,
    }
}
