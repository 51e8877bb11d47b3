//! A rule as a row that people read, such as `R1 right=restrict gate=no-ground -> refuse`.

use std::fmt;

use super::{BasisState, Category, Gate, HoldState, Presence, Reason, Right, Rule, Set};

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)?;
        let axes = [
            ("right", words(self.right, Right::ALL, Right::number, Right::as_str)),
            ("category", words(self.category, Category::ALL, Category::number, Category::as_str)),
            ("basis", words(self.basis, BasisState::ALL, BasisState::number, BasisState::as_str)),
            ("hold", words(self.hold, HoldState::ALL, HoldState::number, HoldState::as_str)),
            ("presence", words(self.presence, Presence::ALL, Presence::number, Presence::as_str)),
            ("gate", words(self.gate, Gate::ALL, Gate::number, Gate::as_str)),
        ];
        for (axis, taken) in axes.iter().filter(|(_, taken)| taken != ANY) {
            write!(f, " {axis}={taken}")?;
        }
        if let Some((categories, presences)) = self.either {
            let categories = words(categories, Category::ALL, Category::number, Category::as_str);
            let presences = words(presences, Presence::ALL, Presence::number, Presence::as_str);
            write!(f, " category={categories} or presence={presences}")?;
        }
        write!(f, " -> {}", self.outcome)?;
        if let Some(also) = self.also {
            write!(f, "+{also}")?;
        }
        if !self.reasons.is_empty() {
            write!(f, " because {}", codes(self.reasons))?;
        }
        if self.reasons_in_litigation != self.reasons {
            write!(f, ", in litigation {}", codes(self.reasons_in_litigation))?;
        }
        Ok(())
    }
}

/// Of an axis that does not matter; it is left out.
const ANY: &str = "any";

/// The words of a set's values, in order.
fn words<T: Copy>(set: Set, all: &[T], number: fn(T) -> i32, word: fn(T) -> &'static str) -> String {
    if set.is_all() {
        return ANY.to_owned();
    }
    let taken = all.iter().filter(|value| set.has(number(**value)));
    taken.map(|value| word(*value)).collect::<Vec<_>>().join("|")
}

fn codes(reasons: &[Reason]) -> String {
    reasons.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join("|")
}
