//! What a person's request comes to: the decision matrix of the rights in GDPR Art. 7 and 15 to 21, as a table.
//!
//! A [`Question`] is asked for each artefact and each purpose that it is kept for. [`decide`] answers every one of
//! the 246,400 that there are by the first of 36 rules that takes it ([`RULES`]), and names that rule. It weighs
//! nothing itself: what people must weigh first comes out as pending, and is asked again when they have.
//!
//! Where several purposes keep one artefact, [`combine`] says what becomes of its bytes and which purposes lose
//! their entries. Who asked, until when an answer is due and what is done about it is not asked here.
//!
//! Read [`Question`] and [`decide`] first, then [`RULES`] and [`Outcome`], then [`combine`].

mod axes;
mod combined;
mod outcome;
mod rule;
mod table;

pub use self::axes::{BasisState, Category, Gate, HoldState, Presence, Right};
pub use self::combined::{Bytes, Combined, Keeper, combine};
pub use self::outcome::{Outcome, Reason};
pub use self::rule::{Rule, RuleId};
pub use self::table::RULES;

/// The version of the rules, which every decision is stamped with. A rule that changes makes another version: the
/// rule's id alone does not say what was decided by it.
pub const RULESET: u32 = 1;

/// What is asked of one artefact for one purpose.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Question {
    /// Which right is exercised.
    pub right: Right,
    /// What kind of data the artefact is.
    pub category: Category,
    /// What the purpose rests on, and whether that still stands.
    pub basis: BasisState,
    /// What forbids to erase the artefact.
    pub hold: HoldState,
    /// How the person who asks appears in it.
    pub presence: Presence,
    /// What was found about the request.
    pub gate: Gate,
}

/// What a question comes to. Only [`decide`] makes one, so its rule, its outcome and its reasons belong together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Verdict {
    rule: RuleId,
    outcome: Outcome,
    also: Option<Outcome>,
    reasons: &'static [Reason],
}

impl Verdict {
    /// The rule that decided.
    pub fn rule(self) -> RuleId {
        self.rule
    }

    /// What is to be done.
    pub fn outcome(self) -> Outcome {
        self.outcome
    }

    /// What holds together with it: restricted now, and pending beside that.
    pub fn also(self) -> Option<Outcome> {
        self.also
    }

    /// Both of them, the main one first.
    pub fn outcomes(self) -> impl Iterator<Item = Outcome> {
        [Some(self.outcome), self.also].into_iter().flatten()
    }

    /// The code to give as the reason; none where the table names none, or names several ([`Self::reasons`]).
    pub fn reason(self) -> Option<Reason> {
        match self.reasons {
            [reason] => Some(*reason),
            [] | [_, _, ..] => None,
        }
    }

    /// Every code that the table names. Where they are several, whoever proved the ground of the refusal knows
    /// which it was; the question does not say.
    pub fn reasons(self) -> &'static [Reason] {
        self.reasons
    }

    /// Whether the purpose keeps nothing of the artefact any more.
    pub fn erases(self) -> bool {
        self.outcomes().all(Outcome::erases)
    }

    /// Whether a second person must approve of it before it is done.
    pub fn needs_second_person(self) -> bool {
        self.outcomes().any(Outcome::needs_second_person)
    }
}

/// What a question comes to, by the first rule that takes it.
pub fn decide(question: &Question) -> Verdict {
    let verdict = decide_by(&RULES, question);
    verdict.expect(
        "the table is asserted to have, for every right, a rule that takes whatever is asked under it",
    )
}

/// What it comes to by these rules; none where no rule takes it.
fn decide_by(rules: &[Rule], question: &Question) -> Option<Verdict> {
    rules.iter().find(|rule| rule.takes(question)).map(|rule| rule.verdict(question.hold))
}

#[cfg(test)]
mod tests;
