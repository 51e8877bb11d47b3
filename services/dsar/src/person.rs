//! Everybody who is one person, as consent knows it: whoever asks as one of them asks for all of them (scenario 27). Pure.

use std::collections::BTreeSet;

use kernel::SubjectId;

/// The subjects that are one person; never none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person(BTreeSet<SubjectId>);

impl Person {
    /// One subject, with those who are the same person.
    pub fn new(subject: SubjectId, others: impl IntoIterator<Item = SubjectId>) -> Self {
        Self(others.into_iter().chain([subject]).collect())
    }

    /// Whether a party, or whoever else is named by an id, is this person.
    pub fn is(&self, id: &[u8]) -> bool {
        SubjectId::from_slice(id).is_ok_and(|id| self.0.contains(&id))
    }

    /// Each of them.
    pub fn subjects(&self) -> impl Iterator<Item = SubjectId> + '_ {
        self.0.iter().copied()
    }
}
