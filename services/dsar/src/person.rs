//! Everybody who is one person, as consent knows it: whoever asks as one of them asks for all of them (scenario 27). Pure.

use std::collections::BTreeSet;

use kernel::{SubjectId, Timestamp};

/// The subjects that are one person; never none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    subjects: BTreeSet<SubjectId>,
    /// Those who are known by a line that several people use.
    on_shared_lines: BTreeSet<SubjectId>,
    /// When somebody was last found not to be this person after all.
    parted_at: Option<Timestamp>,
}

impl Person {
    /// One subject, with those who are the same person.
    pub fn new(subject: SubjectId, others: impl IntoIterator<Item = SubjectId>) -> Self {
        let subjects = others.into_iter().chain([subject]).collect();
        Self { subjects, on_shared_lines: BTreeSet::new(), parted_at: None }
    }

    /// With those of them who are known by a line that several people use (scenario 25).
    #[must_use]
    pub fn on_shared_lines(mut self, subjects: impl IntoIterator<Item = SubjectId>) -> Self {
        self.on_shared_lines.extend(subjects);
        self
    }

    /// With when somebody was last found not to be this person after all.
    #[must_use]
    pub fn parted(mut self, at: Option<Timestamp>) -> Self {
        self.parted_at = at;
        self
    }

    /// Whether a party, or whoever else is named by an id, is this person.
    pub fn is(&self, id: &[u8]) -> bool {
        SubjectId::from_slice(id).is_ok_and(|id| self.subjects.contains(&id))
    }

    /// Whether a party is this person, or somebody else who uses the same line.
    pub fn is_one_of_several(&self, id: &[u8]) -> bool {
        SubjectId::from_slice(id).is_ok_and(|id| self.on_shared_lines.contains(&id))
    }

    /// Each of them.
    pub fn subjects(&self) -> impl Iterator<Item = SubjectId> + '_ {
        self.subjects.iter().copied()
    }

    /// When somebody was last found not to be this person after all; none where nobody was.
    pub fn parted_at(&self) -> Option<Timestamp> {
        self.parted_at
    }
}
