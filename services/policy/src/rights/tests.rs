mod combined;
mod examples;
mod invariants;
mod oracle;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use kernel::PurposeName;
use rstest::rstest;

use super::*;

/// Every question there is, the axis on the right fastest.
fn every_question() -> Vec<Question> {
    let mut questions = Vec::new();
    for &right in Right::ALL {
        for &category in Category::ALL {
            for &basis in BasisState::ALL {
                for &hold in HoldState::ALL {
                    for &presence in Presence::ALL {
                        for &gate in Gate::ALL {
                            questions.push(Question { right, category, basis, hold, presence, gate });
                        }
                    }
                }
            }
        }
    }
    questions
}

/// The question of these six words: right, category, basis, hold, presence, gate.
fn ask(text: &str) -> Question {
    let words: Vec<_> = text.split(' ').collect();
    let [right, category, basis, hold, presence, gate] = words[..] else {
        panic!("{text:?} has not six words")
    };
    Question {
        right: right.parse().unwrap(),
        category: category.parse().unwrap(),
        basis: basis.parse().unwrap(),
        hold: hold.parse().unwrap(),
        presence: presence.parse().unwrap(),
        gate: gate.parse().unwrap(),
    }
}

/// The verdict's outcomes, in their words.
fn said(verdict: Verdict) -> String {
    verdict.outcomes().map(Outcome::as_str).collect::<Vec<_>>().join("+")
}

/// The table with one rule taken out.
fn without(rule: RuleId) -> Vec<Rule> {
    RULES.into_iter().filter(|other| other.id() != rule).collect()
}
