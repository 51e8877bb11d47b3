//! A row of the table: which questions it takes, and what they come to.

mod id;
mod row;

pub use self::id::RuleId;
use super::{BasisState, Category, Gate, HoldState, Outcome, Presence, Question, Reason, Right, Verdict};

/// Some values of an axis: bit n stands for the value with the number n.
#[derive(Clone, Copy, Debug)]
struct Set(u32);

impl Set {
    const ALL: Self = Self(u32::MAX);
    const NONE: Self = Self(0);

    const fn with(self, number: i32) -> Self {
        Self(self.0 | (1 << number))
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn others(self) -> Self {
        Self(!self.0)
    }

    const fn has(self, number: i32) -> bool {
        self.0 & (1 << number) != 0
    }

    const fn is_all(self) -> bool {
        self.0 == u32::MAX
    }
}

/// One rule. It takes a question whose every value it takes; its `Display` is its row in words.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    id: RuleId,
    right: Set,
    category: Set,
    basis: Set,
    hold: Set,
    presence: Set,
    gate: Set,
    /// Categories and presences of which one must fit, beside all of the above.
    either: Option<(Set, Set)>,
    outcome: Outcome,
    also: Option<Outcome>,
    reasons: &'static [Reason],
    reasons_in_litigation: &'static [Reason],
}

macro_rules! takes {
    ($axis:ident of $value:ident $(, $but:ident)?) => {
        /// Takes only these values of the axis.
        pub(super) const fn $axis(self, values: &[$value]) -> Self {
            let (mut set, mut n) = (Set::NONE, 0);
            while n < values.len() {
                set = set.with(values[n] as i32);
                n += 1;
            }
            Self { $axis: set, ..self }
        }
        $(
            /// Takes every value of the axis but these.
            pub(super) const fn $but(self, values: &[$value]) -> Self {
                let these = self.$axis(values).$axis;
                Self { $axis: these.others(), ..self }
            }
        )?
    };
}

impl Rule {
    takes!(right of Right, right_but);
    takes!(category of Category, category_but);
    takes!(basis of BasisState, basis_but);
    takes!(hold of HoldState, hold_but);
    takes!(presence of Presence);
    takes!(gate of Gate);

    /// Takes whatever is asked.
    pub(super) const fn new(id: RuleId, outcome: Outcome) -> Self {
        let all = Set::ALL;
        Self {
            id,
            right: all,
            category: all,
            basis: all,
            hold: all,
            presence: all,
            gate: all,
            either: None,
            outcome,
            also: None,
            reasons: &[],
            reasons_in_litigation: &[],
        }
    }

    /// Takes only what is of one of these categories, or has one of these presences.
    pub(super) const fn either(self, categories: &[Category], presences: &[Presence]) -> Self {
        let (categories, presences) = (self.category(categories).category, self.presence(presences).presence);
        Self { either: Some((categories, presences)), ..self }
    }

    /// Comes to this too.
    pub(super) const fn also(self, outcome: Outcome) -> Self {
        Self { also: Some(outcome), ..self }
    }

    /// Gives these codes; where they are several, the question does not say which it is.
    pub(super) const fn because(self, reasons: &'static [Reason]) -> Self {
        Self { reasons, reasons_in_litigation: reasons, ..self }
    }

    /// Gives other codes where the hold is litigation.
    pub(super) const fn because_in_litigation(self, reasons: &'static [Reason]) -> Self {
        Self { reasons_in_litigation: reasons, ..self }
    }

    /// Its name.
    pub fn id(&self) -> RuleId {
        self.id
    }

    /// Whether it takes the question.
    pub(super) fn takes(&self, question: &Question) -> bool {
        let (category, presence) = (question.category.number(), question.presence.number());
        self.right.has(question.right.number())
            && self.category.has(category)
            && self.basis.has(question.basis.number())
            && self.hold.has(question.hold.number())
            && self.presence.has(presence)
            && self.gate.has(question.gate.number())
            && self.either.is_none_or(|(these, those)| these.has(category) || those.has(presence))
    }

    /// What a question that it takes comes to, asked under this hold.
    pub(super) fn verdict(&self, hold: HoldState) -> Verdict {
        let litigation = hold == HoldState::Litigation;
        let reasons = if litigation { self.reasons_in_litigation } else { self.reasons };
        Verdict { rule: self.id, outcome: self.outcome, also: self.also, reasons }
    }

    /// Whether it takes whatever is asked under its rights.
    const fn is_catch_all(&self) -> bool {
        let asks_what = self.category.is_all() && self.presence.is_all() && self.either.is_none();
        asks_what && self.basis.is_all() && self.hold.is_all() && self.gate.is_all()
    }
}

/// Whether every right has a rule that takes whatever is asked under it, so that no question is left open.
pub(super) const fn is_total(rules: &[Rule]) -> bool {
    let (mut rights, mut n) = (Set::NONE, 0);
    while n < rules.len() {
        if rules[n].is_catch_all() {
            rights = rights.and(rules[n].right);
        }
        n += 1;
    }
    n = 0;
    while n < Right::ALL.len() {
        if !rights.has(Right::ALL[n] as i32) {
            return false;
        }
        n += 1;
    }
    true
}
