//! What an erasure takes of a recording, and what keeps the rest. Pure.
//!
//! A hold keeps everything back. A duty that runs keeps its purpose back from an order and from a basis that was lost;
//! from a short stretch it keeps nothing back: a card number that was spoken must go whatever the duty, and the order's reason
//! answers for it. A stretch that is longer than such a thing takes is kept back whole, or one person could order all of a
//! call away under the duty to keep it. Each order is looked at for itself: what others took of the recording before is not
//! counted, and shows in its erasures.
//!
//! Audio and metadata of a purpose may end at different times. A sweep takes whole purposes first; where only one kind is
//! over, its item is a stretch: all audio legs, or the metadata leg, of the purposes that [`Decision::erase`] names.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kernel::{Interval, LegNo, Position, PurposeName, Timestamp};
use policy::code::Code;
use policy::retention::DataKind;

use super::taken::within;
use crate::erasure::{Cause, KeptBack, KeptBy, MAX_KEPT_BACK, Scope};
use crate::hold::Hold;
use crate::kept::{Kept, Term, TermState};

/// The leg that numbers, names and correlation ids are sealed as; ingest numbers it so.
pub const METADATA_LEG: LegNo = LegNo(u16::MAX);

/// Whether something goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It does; at least a part of it.
    Goes,
    /// A hold keeps all of it.
    Deferred,
    /// A duty keeps all of it.
    Refused,
}

/// What was decided of one recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// Which purposes go; none where a stretch goes for all of them.
    pub erase: BTreeSet<PurposeName>,
    /// What is kept though it was asked for.
    pub kept: Vec<KeptBack>,
    /// Whether anything goes.
    pub outcome: Outcome,
}

/// Which data of its purposes an item takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// All of it.
    Whole,
    /// Every leg but the metadata.
    Audio,
    /// The metadata leg.
    Metadata,
    /// A stretch, for every purpose.
    Stretch,
}

impl Part {
    /// Which an item of this cause and scope takes.
    pub fn of(cause: Cause, scope: &Scope) -> Self {
        match (cause, scope) {
            (_, Scope::Everything | Scope::Purposes(_)) => Self::Whole,
            (Cause::BasisLost | Cause::Order, Scope::Stretch { .. }) => Self::Stretch,
            (Cause::PeriodOver, Scope::Stretch { legs, .. }) if legs.contains(&METADATA_LEG) => {
                Self::Metadata
            }
            (Cause::PeriodOver, Scope::Stretch { .. }) => Self::Audio,
        }
    }

    /// Whether a term is of it.
    pub fn has(self, kind: DataKind) -> bool {
        match self {
            Self::Whole => true,
            Self::Audio => kind == DataKind::Audio,
            Self::Metadata => kind == DataKind::Metadata,
            Self::Stretch => false,
        }
    }

    /// As a sweep's item says it.
    fn scope(self, purposes: BTreeSet<PurposeName>) -> Option<Scope> {
        let legs = match self {
            Self::Whole => return Some(Scope::Purposes(purposes)),
            Self::Audio | Self::Stretch => BTreeSet::new(),
            Self::Metadata => BTreeSet::from([METADATA_LEG]),
        };
        Some(Scope::Stretch { interval: Interval::new(Position::ZERO, Position::MAX)?, legs })
    }
}

/// What goes of a recording, and what keeps the rest. A stretch of at most `longest` goes whatever the duty.
pub fn decide(
    kept: &Kept,
    cause: Cause,
    scope: &Scope,
    holds: &[Hold],
    longest: Duration,
    now: Timestamp,
) -> Decision {
    if let Some(hold) = holds.iter().find(|hold| hold.keeps(kept)) {
        return Decision {
            erase: BTreeSet::new(),
            kept: kept_back(asked(kept, scope), &KeptBy::Hold(hold.id)),
            outcome: Outcome::Deferred,
        };
    }
    let part = Part::of(cause, scope);
    match cause {
        Cause::PeriodOver => over(kept, scope, part, now),
        Cause::BasisLost | Cause::Order if part == Part::Stretch => stretch(kept, scope, longest, now),
        Cause::Order => without_duty(kept, scope, now),
        Cause::BasisLost => basis_lost(kept, scope, now),
    }
}

/// What of a recording is due, as a sweep's item says it, and of which purposes; none where nothing is.
pub fn due(kept: &Kept, now: Timestamp) -> Option<(Scope, BTreeSet<PurposeName>)> {
    let parts = [Part::Whole, Part::Audio, Part::Metadata];
    let (part, purposes) =
        parts.into_iter().map(|part| (part, purposes_over(kept, part, now))).find(is_some)?;
    Some((part.scope(purposes.clone())?, purposes))
}

fn is_some((_, purposes): &(Part, BTreeSet<PurposeName>)) -> bool {
    !purposes.is_empty()
}

/// What is kept back whole: each purpose that was asked for, or the stretch.
pub fn kept_back(purposes: BTreeSet<PurposeName>, by: &KeptBy) -> Vec<KeptBack> {
    let row = |purpose| KeptBack { purpose, by: by.clone(), until: None };
    if purposes.is_empty() {
        return vec![row(None)];
    }
    purposes.into_iter().take(MAX_KEPT_BACK).map(|purpose| row(Some(purpose))).collect()
}

/// The purposes that something was asked of and of which there is something; none where a stretch was.
pub fn asked(kept: &Kept, scope: &Scope) -> BTreeSet<PurposeName> {
    terms_left(kept, scope).into_keys().cloned().collect()
}

/// A sweep's: whoever was due when it was planned goes if it is due still.
fn over(kept: &Kept, scope: &Scope, part: Part, now: Timestamp) -> Decision {
    let mut erase = purposes_over(kept, part, now);
    if let Scope::Purposes(planned) = scope {
        erase.retain(|purpose| planned.contains(purpose));
    }
    // What another erasure takes already is neither this one's nor kept back.
    let left = terms_left(kept, scope).into_iter();
    let still = left.filter(|(purpose, terms)| {
        !erase.contains(*purpose) && terms.iter().any(|term| term.state == TermState::Running)
    });
    let back: Vec<_> = still.map(|(_, terms)| runs(&terms)).collect();
    let is_kept = erase.is_empty() && (!back.is_empty() || part != Part::Whole);
    Decision { erase, kept: back, outcome: if is_kept { Outcome::Refused } else { Outcome::Goes } }
}

/// What a lost basis takes. A purpose that never had a term goes by its name: what comes late gets no entry for it.
fn basis_lost(kept: &Kept, scope: &Scope, now: Timestamp) -> Decision {
    let mut decision = without_duty(kept, scope, now);
    if let Scope::Purposes(named) = scope {
        let has_term = |purpose: &&PurposeName| kept.terms.iter().any(|term| term.stamp.purpose == **purpose);
        decision.erase.extend(named.iter().filter(|purpose| !has_term(purpose)).cloned());
    }
    if !decision.erase.is_empty() {
        decision.outcome = Outcome::Goes;
    }
    decision
}

/// An order's, or what a lost basis takes: everything but what a duty keeps.
fn without_duty(kept: &Kept, scope: &Scope, now: Timestamp) -> Decision {
    let mut decision = Decision { erase: BTreeSet::new(), kept: Vec::new(), outcome: Outcome::Goes };
    for (purpose, terms) in terms_left(kept, scope) {
        let duty = |term: &&&Term| term.stamp.rule.regime().is_some() && term.stamp.ends > now;
        let under: Vec<_> = terms.iter().filter(duty).copied().collect();
        if under.is_empty() {
            decision.erase.insert(purpose.clone());
        } else {
            decision.kept.push(runs(&under));
        }
    }
    if decision.erase.is_empty() && !decision.kept.is_empty() {
        decision.outcome = Outcome::Refused;
    }
    decision
}

/// A stretch: all of it, or where it is longer than a duty lets go nothing.
fn stretch(kept: &Kept, scope: &Scope, longest: Duration, now: Timestamp) -> Decision {
    let on_duty = |term: &&Term| {
        term.state == TermState::Running && term.stamp.rule.regime().is_some() && term.stamp.ends > now
    };
    let under: Vec<_> = kept.terms.iter().filter(on_duty).collect();
    // Both legs of a duty's purpose, and every purpose, lie under the stretch: the last of them keeps it.
    let back = (is_longer(kept, scope, longest) && !under.is_empty())
        .then(|| KeptBack { purpose: None, ..runs(&under) });
    let outcome = if back.is_some() { Outcome::Refused } else { Outcome::Goes };
    Decision { erase: BTreeSet::new(), kept: back.into_iter().collect(), outcome }
}

/// Whether more than so much of the recording lies in a stretch.
fn is_longer(kept: &Kept, scope: &Scope, longest: Duration) -> bool {
    match scope {
        Scope::Everything | Scope::Purposes(_) => false,
        Scope::Stretch { interval, .. } => {
            within(*interval, kept).is_some_and(|taken| u128::from(taken.micros()) > longest.as_micros())
        }
    }
}

/// The purposes of which this part is over and not erased yet.
fn purposes_over(kept: &Kept, part: Part, now: Timestamp) -> BTreeSet<PurposeName> {
    let everything = terms_left(kept, &Scope::Everything).into_iter();
    let is_over = |terms: &[&Term]| {
        let mut running = terms
            .iter()
            .filter(|term| part.has(term.stamp.kind) && term.state == TermState::Running)
            .peekable();
        running.peek().is_some() && running.all(|term| term.stamp.ends <= now)
    };
    everything.filter(|(_, terms)| is_over(terms)).map(|(purpose, _)| purpose.clone()).collect()
}

/// What is not erased yet of the purposes that were asked for.
fn terms_left<'k>(kept: &'k Kept, scope: &Scope) -> BTreeMap<&'k PurposeName, Vec<&'k Term>> {
    let mut left: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for term in kept.terms.iter().filter(|term| term.state != TermState::Ended) {
        let is_asked = match scope {
            Scope::Everything => true,
            Scope::Purposes(purposes) => purposes.contains(&term.stamp.purpose),
            Scope::Stretch { .. } => false,
        };
        if is_asked {
            left.entry(&term.stamp.purpose).or_default().push(term);
        }
    }
    left
}

/// A purpose of which some terms run: by the rule of the last, until that ends.
fn runs(terms: &[&Term]) -> KeptBack {
    let last = terms.iter().max_by_key(|term| term.stamp.ends);
    let regime = last.and_then(|term| term.stamp.rule.regime());
    KeptBack {
        purpose: last.map(|term| term.stamp.purpose.clone()),
        by: KeptBy::Rule(
            regime.map_or_else(|| word("period"), |name| code(format!("regime:{name}"), "regime")),
        ),
        until: last.map(|term| term.stamp.ends),
    }
}

/// A code, or where a name makes it too long a shorter one.
fn code(text: String, shorter: &'static str) -> Code {
    Code::new(text).unwrap_or_else(|_| word(shorter))
}

fn word(text: &'static str) -> Code {
    Code::new(text).expect("a plain word is a code")
}

/// The row with the terms of an item's part `Ending`; none where nothing is to change.
pub fn with_ending(kept: &Kept, purposes: &BTreeSet<PurposeName>, part: Part) -> Option<Kept> {
    with_state(kept, purposes, part, TermState::Running, TermState::Ending)
}

/// The row with those that were `Ending` now `Ended`; none where nothing is to change.
pub fn with_ended(kept: &Kept, purposes: &BTreeSet<PurposeName>, part: Part) -> Option<Kept> {
    with_state(kept, purposes, part, TermState::Ending, TermState::Ended)
}

fn with_state(
    kept: &Kept,
    purposes: &BTreeSet<PurposeName>,
    part: Part,
    from: TermState,
    to: TermState,
) -> Option<Kept> {
    let mut next = Kept { version: kept.version + 1, ..kept.clone() };
    let mut changes = false;
    for term in &mut next.terms {
        if term.state == from && part.has(term.stamp.kind) && purposes.contains(&term.stamp.purpose) {
            term.state = to;
            changes = true;
        }
    }
    changes.then_some(next)
}

#[cfg(test)]
mod tests;
